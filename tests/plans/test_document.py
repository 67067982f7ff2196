from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.core.plan import Finding, Plan
from superteam.errors import PlanError
from superteam.plans import load_plan, read_plan

BLOCK = """\
# Title of the plan

Context for the agent.

```superteam-tasks
- title: First
  description: Do it.
- title: Second
  depends_on: First
```

Behind the block.
"""


def plan_of(folder: Path, text: str | bytes) -> Plan:
    path = folder / "plan.md"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_plan(path, folder)


def findings_of(folder: Path, text: str | bytes) -> tuple[Plan | None, tuple[Finding, ...]]:
    path = folder / "plan.md"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_plan(path, folder)


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(PlanError) as caught:
        plan_of(folder, text)
    return caught.value.message


def block(yaml: str, fence: str = "```") -> str:
    return f"{fence}superteam-tasks\n{yaml}\n{fence}\n"


def test_a_block_is_read_with_title_context_and_lines(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, BLOCK)
    assert (plan.path, plan.format, plan.title) == ("plan.md", "superteam-tasks", "Title of the plan")
    assert plan.context == "# Title of the plan\n\nContext for the agent."
    assert plan.sha256 == hashlib.sha256(BLOCK.encode()).hexdigest()
    assert [(t.id, t.title, t.depends_on, t.line) for t in plan.tasks] == [
        ("1", "First", (), 6),
        ("2", "Second", ("1",), 8),
    ]


@pytest.mark.parametrize("change", ["crlf", "cr", "bom", "no last newline"])
def test_line_ends_and_byte_order_marks_make_no_difference(tmp_path: Path, change: str) -> None:
    changed = {
        "crlf": BLOCK.replace("\n", "\r\n"),
        "cr": BLOCK.replace("\n", "\r"),
        "bom": "\ufeff" + BLOCK,
        "no last newline": BLOCK.rstrip(),
    }[change]
    assert plan_of(tmp_path, changed).tasks == plan_of(tmp_path, BLOCK).tasks
    assert plan_of(tmp_path, changed).title == "Title of the plan"


@pytest.mark.parametrize(
    ("scalar", "text"),
    [
        ("plain words\n    on two lines", "plain words on two lines"),
        ('"quoted: with \\" and \\n"', 'quoted: with " and \n'),
        ("'it''s: one'", "it's: one"),
        ("|\n    a\n      b\n\n    c", "a\n  b\n\nc\n"),
        ("|-\n    a\n    b", "a\nb"),
        ("|+\n    a\n\n", "a\n\n\n"),
        (">\n    a\n    b\n\n    c", "a b\nc\n"),
        (">-\n    a\n    b", "a b"),
        (">+\n    a\n\n", "a\n\n\n"),
        ("|2\n      a\n    b", "  a\nb\n"),
        ("12:30:45", "12:30:45"),
        ("yes", "yes"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
    ],
)
def test_a_description_in_any_scalar_style_is_kept(tmp_path: Path, scalar: str, text: str) -> None:
    plan = plan_of(tmp_path, block(f"- title: A\n  description: {scalar}"))
    assert plan.tasks[0].description == text


@pytest.mark.parametrize("indent", ["", " ", "  ", "   "])
@pytest.mark.parametrize("fence", ["```", "~~~", "`````"])
def test_a_fence_may_be_indented_up_to_three_spaces(tmp_path: Path, indent: str, fence: str) -> None:
    text = "".join(indent + line for line in block("- title: A\n  description: b", fence).splitlines(keepends=True))
    plan = plan_of(tmp_path, "Text.\n\n" + text)
    assert [(t.title, t.line) for t in plan.tasks] == [("A", 4)]


def test_words_behind_the_first_of_the_info_do_not_matter(tmp_path: Path) -> None:
    assert plan_of(tmp_path, "``` superteam-tasks v1 x\n- title: A\n```\n").tasks[0].title == "A"


@pytest.mark.parametrize(
    "decoy",
    [
        "````markdown\n```superteam-tasks\n- title: Decoy\n```\n````\n",
        "~~~\n```superteam-tasks\n- title: Decoy\n```\n~~~\n",
        "    ```superteam-tasks\n    - title: Decoy\n    ```\n",
        "<!--\n```superteam-tasks\n- title: Decoy\n```\n-->\n",
        "Inline ```superteam-tasks - title: Decoy``` code.\n",
        "```yaml\n- title: Decoy\n```\n",
        "## Task 9: Decoy\n\nText.\n",
    ],
)
def test_decoys_are_not_the_plan(tmp_path: Path, decoy: str) -> None:
    for text in (decoy + "\n" + BLOCK, BLOCK + "\n" + decoy):
        assert [task.title for task in plan_of(tmp_path, text).tasks] == ["First", "Second"]
    if "## Task" not in decoy:
        assert "holds no tasks" in refusal(tmp_path, decoy)


def test_a_code_fence_four_spaces_deep_in_a_description_belongs_to_it(tmp_path: Path) -> None:
    text = "- title: A\n  description: |\n    Before.\n    ```python\n    x = 1\n    ```\n    After.\n- title: B"
    tasks = plan_of(tmp_path, block(text)).tasks
    assert tasks[0].description == "Before.\n```python\nx = 1\n```\nAfter.\n"
    assert tasks[1].title == "B"


def test_two_real_blocks_are_an_error_that_names_both_lines(tmp_path: Path) -> None:
    said = refusal(tmp_path, BLOCK + "\n" + block("- title: Other"))
    assert "lines 5 and 14" in said


def test_headings_never_add_tasks_to_a_block(tmp_path: Path) -> None:
    repeated = BLOCK + "\n## Task 1: First\n\nText.\n\n## Task 7: Seventh\n"
    assert [task.id for task in plan_of(tmp_path, repeated).tasks] == ["1", "2"]


def test_a_block_that_is_never_closed_is_read_with_a_warning(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "```superteam-tasks\n- title: A")
    assert [(found.severity, found.code, found.line) for found in plan.findings] == [("warning", "open-block", 1)]


def test_a_misspelled_fence_is_pointed_at(tmp_path: Path) -> None:
    found = findings_of(tmp_path, "```superteam_tasks\n- title: A\n```\n")
    assert found[0] is None
    assert {(one.severity, one.code) for one in found[1]} == {("warning", "not-a-block"), ("error", "no-tasks")}


@pytest.mark.parametrize(
    "text", ["", "# Title\n\nText.\n", block(""), block("[]"), block("~"), block("# only a comment")]
)
def test_a_plan_without_tasks_is_an_error_and_says_what_was_looked_for(tmp_path: Path, text: str) -> None:
    said = refusal(tmp_path, text)
    assert "superteam-tasks" in said and "no tasks" in said


def test_the_title_is_the_first_heading_of_level_one_or_the_files_name(tmp_path: Path) -> None:
    assert plan_of(tmp_path, "---\n# comment\na: 1\n---\n## Two\n\n# One\n" + block("- title: A")).title == "One"
    assert plan_of(tmp_path, "```\n# Code\n```\n" + block("- title: A")).title == "plan"


def test_all_errors_are_named_with_path_and_line(tmp_path: Path) -> None:
    said = refusal(tmp_path, block("- title: [a]\n- description: b\n- title: C\n  files: {a: b}\n  depends_on: zz"))
    assert said.splitlines() == [
        "plan.md:2: title must be a text, not a list",
        "plan.md:3: task 2 has no title",
        "plan.md:5: files must be a text or a list of texts",
    ]


def test_errors_of_the_rules_keep_a_plan_from_being_run_too(tmp_path: Path) -> None:
    text = block("- title: A\n- title: B\n  id: 1\n  depends_on: zz\n  files: ../x")
    assert [line.split(":")[1] for line in refusal(tmp_path, text).splitlines()] == ["3", "3", "3"]
    plan, found = findings_of(tmp_path, text)
    assert plan is not None and found == ()


def test_very_many_errors_are_counted_not_printed(tmp_path: Path) -> None:
    said = refusal(tmp_path, block("- x\n" * 500)).splitlines()
    assert len(said) == 21
    assert "81 more errors" in said[-1]
    assert findings_of(tmp_path, block("- x\n" * 500))[1][-1].message == "400 more errors are not listed"


def test_the_path_is_the_one_in_the_repository(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    path = tmp_path / "docs" / "p.md"
    path.write_text(BLOCK)
    assert read_plan(path, tmp_path).path == "docs/p.md"
    (tmp_path / "link").symlink_to(tmp_path / "docs")
    assert read_plan(tmp_path / "link" / "p.md", tmp_path).path == "docs/p.md"
    assert read_plan(path, tmp_path / "docs" / "other").path == path.as_posix()


def test_what_is_no_readable_file_is_a_plan_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", ".", "pipe", "a\0b"):
        with pytest.raises(PlanError):
            read_plan(tmp_path / name, tmp_path)


@pytest.mark.parametrize(
    ("data", "line", "word"),
    [(b"a\nb\n\xff\n", 3, "UTF-8"), ("a\n".encode("utf-16"), 1, "UTF-8"), (b"a\n\0\n", 2, "NUL")],
)
def test_bytes_that_are_no_text_are_named_by_line(tmp_path: Path, data: bytes, line: int, word: str) -> None:
    said = refusal(tmp_path, data)
    assert said.startswith(f"plan.md:{line}: ") and word in said


def test_documents_and_blocks_have_a_largest_size(tmp_path: Path) -> None:
    assert "4 MiB" in refusal(tmp_path, b"x" * (4 * 2**20 + 1))
    assert "1 MiB" in refusal(tmp_path, block("- title: " + "x" * 2**20))


def test_importing_the_reader_imports_no_slow_library() -> None:
    code = "import sys, superteam.plans; print([m for m in ('yaml', 'markdown_it', 'git', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


pieces = st.sampled_from(
    [
        *(
            "```superteam-tasks\n",
            "````\n",
            "```\n",
            "~~~\n",
            "   ",
            "    ",
            "> ",
            "- ",
            "## Task 1: A\n",
            "# T\n",
            "\n",
            "\r\n",
        ),
        *(
            "- title: ",
            "  description: ",
            "  files: ",
            "  depends_on: ",
            "  id: ",
            "|\n",
            ">-\n",
            "&a ",
            "*a",
            "!!x ",
            "? ",
        ),
        *(
            "[",
            "]",
            "{",
            "}",
            ",",
            ": ",
            '"',
            "'",
            "\\",
            "\\ud800",
            "\\U00110000",
            "\t",
            "%",
            "@",
            "---\n",
            "...\n",
            "\x85",
        ),
        *("\u2028", "\x07", "\x1b", "é", "<!--", "a", "1", "Files:\n", "- Create: `x.py`\n", "`", "<<: "),
    ]
)


@given(st.lists(pieces | st.text(max_size=5), max_size=40).map("".join), st.booleans())
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_plan_or_a_plan_error(tmp_path_factory: pytest.TempPathFactory, text: str, inside: bool) -> None:
    folder = tmp_path_factory.getbasetemp()
    data = ("```superteam-tasks\n- title: " + text if inside else text).encode("utf-8", "surrogatepass")
    try:
        plan = plan_of(folder, data)
    except PlanError as error:
        assert error.message.isprintable() or "\n" in error.message
        return
    assert plan.tasks
    assert all(task.title and task.id and 0 < task.line <= len(data) for task in plan.tasks)
    Plan.model_validate_json(plan.model_dump_json())


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_plan_or_a_plan_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    with pytest.raises(PlanError):
        plan_of(tmp_path_factory.getbasetemp(), data)
