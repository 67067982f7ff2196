from __future__ import annotations

import pytest

from superteam.core.plan import Task
from superteam.plans.findings import Findings
from superteam.plans.headings import read_headings
from superteam.plans.outline import read_outline


def read(text: str) -> tuple[Task, ...]:
    findings = Findings()
    tasks = read_headings(read_outline(text), findings)
    assert not findings.all()
    return tasks


def files(text: str) -> tuple[str, ...]:
    return read(f"## Task 1: A\n\n{text}\n")[0].files


PLAN = """\
# A plan

Context.

### Task 1: First `thing`

**Files:**
- Create: `src/a.py`
- Modify: `src/b.py:12-30`
- Test: `tests/test_a.py`

**Step 1: Write the test**

```python
### Task 8: not a task
x = "`no/path.py`"
```

#### Details

Deeper headings belong to the task.

### Task 2 - Second

Text.

## Summary

Not a task's text.

## Task 3. Third
"""


def test_headings_are_tasks_with_the_text_beneath() -> None:
    first, second, third = read(PLAN)
    assert (first.id, first.title, first.line) == ("1", "First `thing`", 5)
    assert first.files == ("src/a.py", "src/b.py", "tests/test_a.py")
    assert first.description.startswith("**Files:**\n- Create:")
    assert "### Task 8: not a task" in first.description
    assert first.description.endswith("Deeper headings belong to the task.")
    assert (second.id, second.title, second.description, second.files) == ("2", "Second", "Text.", ())
    assert (third.id, third.title, third.description) == ("3", "Third", "")


@pytest.mark.parametrize(
    ("heading", "id", "title"),
    [
        ("## Task 1: A", "1", "A"),
        ("### Task 12 : A", "12", "A"),
        ("#### Task 3 - A - b", "3", "A - b"),
        ("## Task 3 — A", "3", "A"),
        ("## Task 4. A", "4", "A"),
        ("## task 5: A ##", "5", "A"),
        ("## **Task 6: A**", "6", "A"),
        ("## Task 1.2: A", "1.2", "A"),
        ("## Task 2b: A: b", "2b", "A: b"),
        ("   ## Task 7: A", "7", "A"),
    ],
)
def test_forms_of_a_task_heading(heading: str, id: str, title: str) -> None:
    assert [(task.id, task.title, task.description) for task in read(heading + "\n\nText.")] == [(id, title, "Text.")]


@pytest.mark.parametrize(
    "text",
    [
        "# Task 1: A",
        "##### Task 1: A",
        "## Tasks 1: A",
        "## My Task 1: A",
        "## Task: A",
        "Task 1: A\n---------",
        "    ## Task 1: A",
        "```\n## Task 1: A\n```",
        "> ## Task 1: A",
        "- ## Task 1: A",
        "<!--\n## Task 1: A\n-->",
    ],
)
def test_other_headings_are_no_tasks(text: str) -> None:
    assert read(text) == ()


def test_a_heading_that_is_almost_a_task_is_an_error() -> None:
    findings = Findings()
    assert read_headings(read_outline("## Task 3\n\n## Task 4 follow-ups"), findings) == ()
    assert [(found.severity, found.code, found.line) for found in findings.all()] == [
        ("error", "not-a-task", 1),
        ("error", "not-a-task", 3),
    ]


def test_a_task_without_a_title_is_an_error() -> None:
    findings = Findings()
    read_headings(read_outline("## Task 3:\n"), findings)
    assert [(found.severity, found.code) for found in findings.all()] == [("error", "missing-title")]


def test_a_task_heading_below_another_is_a_task_of_its_own() -> None:
    found = read("## Task 1: A\n\na\n\n### Task 1.1: B\n\nb\n\n### Notes\n\nn\n")
    assert [(task.id, task.description) for task in found] == [("1", "a"), ("1.1", "b")]


def test_a_rule_right_below_a_text_does_not_end_a_task() -> None:
    assert read("### Task 1: A\nDo this.\n---\nAnd that.\n")[0].description == "Do this.\n---\nAnd that."


def test_source_text_is_kept_as_it_is() -> None:
    body = "  *Indented*  \n\n\n\ttabs &amp; [links](x) \\* \u2028 kept"
    assert read(f"## Task 1: A\n\n{body}\n\n\n## End\n")[0].description == body


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Files: `a.py`, `b/c.py`", ("a.py", "b/c.py")),
        ("**Files:** `a.py` and `b.py`", ("a.py", "b.py")),
        ("**Files**: `a.py`", ("a.py",)),
        ("Files:\n- `a.py` - what it does\n- `b.py:3`\n* `./c.py#L4-L9`", ("a.py", "b.py", "c.py")),
        ("Files:\n\n1. `a.py`\n2. `b.py`", ("a.py", "b.py")),
        ("Files:\n`a.py`\n`b.py`", ("a.py", "b.py")),
        ("Files to modify:\n- `a.py`", ("a.py",)),
        ("Files (new):\n- `a.py`", ("a.py",)),
        ("#### Files\n\n- `a.py`", ("a.py",)),
        ("**Create:** `Makefile`", ("Makefile",)),
        ("- **Modify**: `a.py:12-30,41`\n- Test: `t/*.py`", ("a.py", "t/*.py")),
        ("* Create:\n  * `a.py`\n  * `b.py`", ("a.py", "b.py")),
        ("- Create: `app/[id]/(x)/page.tsx`", ("app/[id]/(x)/page.tsx",)),
        ("- Create: `a.py`\n- Create: `a.py`", ("a.py",)),
        ("Create `a.py` with a function.", ("a.py",)),
        ("- Test: run `pytest -q` and `make()`", ()),
        ("- Test: `--flag` `https://x/y` `a<b>.c`", ()),
        ("Tests are in `a.py`.", ()),
        ("Use `a.py`.\n\n- `b.py`", ()),
        ("Files: none.\n\nText.\n\n- `b.py`", ()),
        ("Files:\n\n```\n- `a.py`\n```", ()),
        ("- Create: a.py", ()),
    ],
)
def test_files_are_the_backticked_paths_behind_labels(text: str, expected: tuple[str, ...]) -> None:
    assert files(text) == expected


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("### Task 2 (Track A): Schema", "Schema (Track A)"),
        ("### Task 2 (C0) - Schema", "Schema (C0)"),
        ("### Task 2\uff1aSchema", "Schema"),
    ],
)
def test_what_stands_between_number_and_title_keeps_no_task_from_being_read(heading: str, title: str) -> None:
    assert [(task.id, task.title) for task in read(f"### Task 1: A\n\n{heading}\n")] == [("1", "A"), ("2", title)]


@pytest.mark.parametrize("heading", ["### Task A: Schema", "### TASK-2: Schema", "### Task N+1: Schema", "### Task 2"])
def test_a_heading_that_looks_like_a_task_is_not_lost_without_a_word(heading: str) -> None:
    findings = Findings()
    assert len(read_headings(read_outline(f"### Task 1: A\n\n{heading}\n"), findings)) == 1
    assert [(found.code, found.line) for found in findings.all()] == [("not-a-task", 3)]
