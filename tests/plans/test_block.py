from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.core.plan import Checkpoint, Choice, Finding, Task
from superteam.core.settings import AgentChoice
from superteam.plans.block import read_block
from superteam.plans.findings import Findings


def read(yaml: str) -> tuple[tuple[Task, ...], list[Finding]]:
    findings = Findings()
    return read_block(yaml, 1, findings), list(findings.all())


def tasks(yaml: str) -> tuple[Task, ...]:
    found, findings = read(yaml)
    assert findings == []
    return found


def complaints(yaml: str) -> list[tuple[str, str, int | None]]:
    return [(found.severity, found.code, found.line) for found in read(yaml)[1]]


def test_every_key_is_read() -> None:
    yaml = """\
- id: A-1
  title: "Quoted: title"
  description: d
  files: [a.py, "b*.py"]
- title: t
  files:
  - one.py
  depends_on: [A-1]
  gate: make check
  agent: mine
  may-remove: [x::*]
  may-skip: y
  may-fail:
    - z
  allow-empty: true
  acceptance_test: pytest -q t.py
"""
    assert tasks(yaml) == (
        Task(id="A-1", title="Quoted: title", description="d", files=("a.py", "b*.py"), line=1),
        Task(
            id="2",
            title="t",
            files=("one.py",),
            depends_on=("A-1",),
            gate="make check",
            agent=AgentChoice(use="mine"),
            may_remove=("x::*",),
            may_skip=("y",),
            may_fail=("z",),
            allow_empty=True,
            acceptance_test="pytest -q t.py",
            line=5,
        ),
    )


@pytest.mark.parametrize("key", ["may-remove", "may_remove", "may-skip", "may_skip", "may-fail", "may_fail"])
def test_list_keys_are_spelled_either_way_and_take_one_text(key: str) -> None:
    task = tasks(f"- title: t\n  {key}: a")[0]
    assert getattr(task, key.replace("-", "_")) == ("a",)


def test_depends_on_and_acceptance_test_are_spelled_either_way() -> None:
    found = tasks("- title: a\n- title: b\n  depends-on: a\n  acceptance-test: x\n  allow_empty: yes")
    assert (found[1].depends_on, found[1].acceptance_test, found[1].allow_empty) == (("1",), "x", True)


def test_validate_is_another_name_of_gate() -> None:
    assert tasks("- title: a\n  validate: make")[0].gate == "make"


def test_gate_and_validate_together_are_an_error() -> None:
    assert complaints("- title: a\n  gate: x\n  validate: y") == [("error", "gate-twice", 3)]


def test_ids_may_be_numbers_and_are_kept_as_written() -> None:
    found = tasks("- {id: 07, title: a}\n- {id: 1.10, title: b, depends_on: [07]}\n- {title: c, depends_on: 1.10}")
    assert [(task.id, task.depends_on) for task in found] == [("07", ()), ("1.10", ("07",)), ("3", ("1.10",))]


def test_depends_on_takes_ids_and_titles_and_names_each_once() -> None:
    found = tasks("- title: First  one\n- title: b\n  depends_on: [First one, '1', 1]")
    assert found[1].depends_on == ("1",)


def test_an_id_wins_over_a_title() -> None:
    assert tasks("- {id: b, title: a}\n- {id: c, title: b}\n- {title: d, depends_on: b}")[2].depends_on == ("b",)


def test_a_title_of_two_tasks_is_no_dependency() -> None:
    assert complaints("- title: a\n- title: a\n- title: b\n  depends_on: a") == [("error", "ambiguous-dependency", 3)]


def test_an_unknown_dependency_is_left_to_the_rules() -> None:
    assert tasks("- title: a\n  depends_on: [zz]")[0].depends_on == ("zz",)


def test_values_that_are_not_there_are_as_if_the_key_were_not() -> None:
    assert tasks("- title: a\n  gate:\n  files: ~\n  id: null\n  allow-empty:") == (Task(id="1", title="a", line=1),)


def test_a_quoted_null_is_a_text() -> None:
    assert tasks('- title: "null"\n  gate: "~"')[0] == Task(id="1", title="null", gate="~", line=1)


def test_a_title_is_one_line() -> None:
    assert tasks("- title: |\n    a\n    b")[0].title == "a b"


def test_an_unknown_key_is_a_warning_with_the_nearest_right_one() -> None:
    found = read("- title: a\n  descripton: b\n  zzz: [1]")[1]
    assert [(one.severity, one.code, one.line) for one in found] == [
        ("warning", "unknown-key", 2),
        ("warning", "unknown-key", 3),
    ]
    assert "did you mean description?" in found[0].message
    assert "did you mean" not in found[1].message


@pytest.mark.parametrize(
    ("yaml", "code", "line"),
    [
        ("- title: a\n  title: b", "duplicate-key", 2),
        ("- title: a\n  may-fail: x\n  may_fail: y", "duplicate-key", 3),
        ("- title: a\n  description: [x]", "wrong-type", 2),
        ("- title: a\n  gate:\n    - x", "wrong-type", 3),
        ("- title: a\n  files:\n    - x\n    - {y: z}", "wrong-type", 4),
        ("- title: a\n  files: [x, ]\n  depends_on: [~]", "wrong-type", 3),
        ("- title: a\n  allow-empty: maybe", "wrong-type", 2),
        ("- title: a\n  allow-empty: [true]", "wrong-type", 2),
        ("- title: a\n  [b]: c", "wrong-type", 2),
        ("- title: a\n- just text", "wrong-type", 2),
        ("title: a\ndescription: b", "wrong-type", 1),
        ("just text", "wrong-type", 1),
        ("- description: b", "missing-title", 1),
        ("- title:\n  description: b", "missing-title", 1),
        ("- title: ''", "empty-value", 1),
        ("- title: a\n  id: ' '", "empty-value", 2),
        ('- title: "a\\0b"', "bad-character", 1),
        ('- title: a\n  description: "\\ud800"', "bad-character", 2),
        ("- title: a\n- title: &x b", "yaml", 2),
        ("- title: a\n- *x", "yaml", 2),
        ("- title: a\n- title: !!python/name:os.system x", "yaml", 2),
        ("- title: a\n- title: !x b", "yaml", 2),
        ("- title: a\n---\n- title: b", "yaml", 2),
        ("- title: a\n  description: b: c", "yaml", 2),
        ("- title: a\n\tdescription: b", "yaml", 2),
        ("- title: a\n  description: 'open\n", "yaml", 2),
        ("- title: a\n  description: \x07", "yaml", 2),
        ('- title: "\\U00110000"', "yaml", 1),
        ("- title: '\u2028 \x85 a'\n  description: b: c", "yaml", 2),
        ("- title: a\n  files: " + "[" * 30, "yaml", 2),
        ("", "no-tasks", 0),
    ],
)
def test_what_is_wrong_is_an_error_at_its_line(yaml: str, code: str, line: int) -> None:
    assert ("error", code, line) in complaints(yaml)


def test_the_text_tag_is_harmless() -> None:
    assert tasks("- title: !!str 12")[0].title == "12"


def test_a_checkpoint_asks_a_person_what_the_description_says() -> None:
    yaml = """\
- title: Look at it
  checkpoint: human-verify
  description: Open the page.
- title: Which store?
  checkpoint: decision
  options:
    - {id: sql, name: SQLite, pros: small, cons: [one writer, local]}
    - files
"""
    first, second = tasks(yaml)
    assert (first.kind, second.kind) == ("human-verify", "decision")
    assert first.checkpoint == Checkpoint(subject="Look at it", instructions="Open the page.")
    assert second.checkpoint == Checkpoint(
        subject="Which store?",
        options=(Choice(id="sql", name="SQLite", pros="small", cons="one writer; local"), Choice(id="files")),
    )


@pytest.mark.parametrize(
    ("yaml", "severity", "code", "line"),
    [
        ("- title: a\n  checkpoint: approve", "error", "wrong-type", 2),
        ("- title: a\n  checkpoint: tdd", "error", "wrong-type", 2),
        ("- title: a\n  checkpoint: decision\n  options: b", "error", "wrong-type", 3),
        ("- title: a\n  checkpoint: decision\n  options:\n    - [b]", "error", "wrong-type", 4),
        ("- title: a\n  checkpoint: decision\n  options:\n    - {name: b}", "error", "missing-id", 4),
        ("- title: a\n  checkpoint: decision\n  options:\n    - {id: b, price: 1}", "warning", "unknown-key", 4),
        ("- title: a\n  checkpoint: human-verify\n  options: [b]", "warning", "unused-key", 3),
        ("- title: a\n  options: [b]", "warning", "unused-key", 2),
    ],
)
def test_what_is_wrong_with_a_checkpoint_is_said(yaml: str, severity: str, code: str, line: int) -> None:
    assert complaints(yaml) == [(severity, code, line)]


def test_nesting_without_end_is_refused_without_recursion() -> None:
    for yaml in ("[" * 100_000, "- " * 100_000, "{a: " * 50_000):
        assert [found.code for found in read(yaml)[1]] == ["yaml"]


def test_the_commonest_mistakes_come_with_their_cure() -> None:
    assert "quote" in read("- title: a: b")[1][0].message
    assert "tabs" in read("- title: a\n\tgate: b")[1][0].message


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
words = texts.filter(lambda text: bool(text.strip()))
entries = st.fixed_dictionaries(
    {"title": words},
    optional={"description": texts, "gate": words, "files": st.lists(words, max_size=3), "allow-empty": st.booleans()},
)


@given(st.lists(entries, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_text_that_json_can_quote_comes_back(items: list[dict[str, object]]) -> None:
    """YAML takes in JSON, so JSON's own writer is the oracle."""
    found = tasks("\n".join(f"- {json.dumps(item)}" for item in items))
    for task, item in zip(found, items, strict=True):
        assert task.title == " ".join(str(item["title"]).split())
        assert task.description == item.get("description", "")
        assert task.gate == item.get("gate")
        assert task.allow_empty is item.get("allow-empty", False)
        files = item.get("files", [])
        assert isinstance(files, list) and set(task.files) == {file.strip() for file in files}


# -- the agent of a task


def test_an_agent_is_a_name_or_a_table() -> None:
    named, table = tasks(
        """\
- title: a
  agent: mine
- title: b
  agent:
    use: other
    model: big
    effort: high
    arguments: [--verbose, --verbose, "1"]
"""
    )
    assert named.agent == AgentChoice(use="mine")
    assert table.agent == AgentChoice(
        use="other", model="big", effort="high", arguments=("--verbose", "--verbose", "1")
    )


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("{model: --yolo}", "wrong-type"),
        ("{effort: -x}", "wrong-type"),
        ("{arguments: --verbose}", "wrong-type"),
        ("{arguments: [[a]]}", "wrong-type"),
        ("{timeout: 1h}", "unknown-key"),
        ("{use: }", None),
        ("[a]", "wrong-type"),
    ],
)
def test_a_wrong_table_of_an_agent_is_found(table: str, code: str | None) -> None:
    found = Findings()
    read_block(f"- title: t\n  agent: {table}", 1, found)
    assert [finding.code for finding in found.all()] == ([code] if code else [])
