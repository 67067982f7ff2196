from __future__ import annotations

from itertools import permutations
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from superteam.core.plan import Checkpoint, Choice, Finding, Part, Plan, Task
from superteam.core.plan_rules import check, file_problem, find_cycle, quoted

names = st.sampled_from("abcdef")
graphs = st.dictionaries(names, st.lists(st.sampled_from("abcdefx"), max_size=3))


def task(id: str, **more: object) -> Task:
    return Task.model_validate({"id": id, "title": f"Task {id}", "description": "Do it.", "line": int(id), **more})


def findings(*tasks: Task, gate: bool = True) -> tuple[Finding, ...]:
    return check(Plan(path="p.md", format="superteam-tasks", title="P", sha256="0", tasks=tasks), has_default_gate=gate)


def codes(*tasks: Task, gate: bool = True) -> list[tuple[str, str, int | None]]:
    return [(found.severity, found.code, found.line) for found in findings(*tasks, gate=gate)]


def has_order(edges: dict[str, list[str]]) -> bool:
    """The oracle: some order of the nodes puts every node behind what it depends on."""
    inside = {node: [t for t in targets if t in edges] for node, targets in edges.items()}
    for order in permutations(inside):
        place = {node: number for number, node in enumerate(order)}
        if all(place[target] < place[node] for node, targets in inside.items() for target in targets):
            return True
    return False


@given(graphs)
@example({"a": ["b"], "b": ["a"]})
@example({"a": ["a"]})
@example({"a": ["b"], "b": ["c"], "c": ["b"]})
def test_a_cycle_is_found_exactly_when_no_order_exists(edges: dict[str, list[str]]) -> None:
    cycle = find_cycle(edges)
    assert bool(cycle) is not has_order(edges)
    assert len(set(cycle)) == len(cycle)
    for node, target in zip(cycle, cycle[1:] + cycle[:1], strict=True):
        assert target in edges[node]


segments = st.sampled_from(["a", "b.py", ".", "..", "", ".git", ".Git", ".gitignore", ".superteam", "*", "[id]"])


def leaves_by_walking(path: str) -> bool:
    """The oracle: follow the path from a folder of known depth and see whether we were ever above it."""
    here = PurePosixPath("/r")
    for part in path.split("/"):
        here = here.parent if part == ".." else here / part
        if here == PurePosixPath("/"):
            return True
    return False


@given(st.lists(segments, min_size=1, max_size=6).map("/".join))
def test_a_file_is_refused_exactly_when_it_is_not_a_plain_path_in_the_repository(path: str) -> None:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    bad = (
        not path
        or path.startswith("/")
        or leaves_by_walking(path)
        or ".." in parts
        or any(part.lower() == ".git" for part in parts)
        or parts[:1] == [".superteam"]
    )
    assert bool(file_problem(path)) is bad


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "~/x", "C:\\x", "c:/x", "\\\\host\\x", "a\\..\\..\\x", "sub/.git/config", ".SUPERTEAM/x", " "],
)
def test_paths_that_are_never_a_tasks_files(path: str) -> None:
    assert file_problem(path)
    assert ("error", "bad-file", 1) in codes(task("1", files=[path]))


@pytest.mark.parametrize("path", ["src/", "src/**/*.py", "./a", "a...b", ".github/x.yml", ".", "app/[id]/page.tsx"])
def test_ordinary_paths_and_globs_are_fine(path: str) -> None:
    assert file_problem(path) is None


def test_a_sound_plan_has_no_findings() -> None:
    assert codes(task("1"), task("2", depends_on=["1"], files=["a.py"])) == []


def test_a_repeated_id_is_an_error_that_names_the_first() -> None:
    second = task("1", title="Other", line=9)
    assert codes(task("1"), second) == [("error", "duplicate-id", 9)]
    assert "line 1" in findings(task("1"), second)[0].message


def test_a_repeated_title_is_a_warning() -> None:
    assert codes(task("1"), task("2", title="Task 1")) == [("warning", "duplicate-title", 2)]


def test_an_unknown_dependency_is_an_error() -> None:
    assert codes(task("1", depends_on=["Nobody"])) == [("error", "unknown-dependency", 1)]


def test_a_circle_is_named_once() -> None:
    tasks = (task("1", depends_on=["3"]), task("2", depends_on=["1"]), task("3", depends_on=["2"]))
    assert codes(*tasks) == [("error", "cycle", 1)]
    assert "'1' -> '3' -> '2' -> '1'" in findings(*tasks)[0].message


def test_a_task_that_depends_on_itself_is_a_circle() -> None:
    assert codes(task("1", depends_on=["1"])) == [("error", "cycle", 1)]


def test_a_dependency_on_a_later_task_is_an_error_that_says_why() -> None:
    found = findings(task("1", depends_on=["2"]), task("2"))
    assert [one.code for one in found] == ["later-dependency"]
    assert "order" in found[0].message


def test_an_empty_task_is_a_warning() -> None:
    assert codes(task("1", description=" \n")) == [("warning", "empty-task", 1)]


def test_a_missing_gate_is_a_warning_only_without_a_default_gate() -> None:
    assert codes(task("1"), task("2", gate="make"), gate=False) == [("warning", "gate-missing", 1)]
    assert codes(task("1"), gate=True) == []


def test_hostile_text_stays_on_one_line_of_a_message() -> None:
    assert "\n" not in findings(task("1", depends_on=["x\n::error::\x1b[2J"]))[0].message
    assert "\x1b" not in quoted("\x1b")
    assert len(quoted("x" * 10_000)) < 100


def test_a_long_chain_is_checked_without_recursion() -> None:
    tasks = [task(str(number), depends_on=[str(number - 1)] if number > 1 else []) for number in range(1, 5001)]
    assert codes(*tasks) == []


def test_a_path_that_leaves_is_told_from_one_that_only_goes_up_and_down() -> None:
    assert file_problem("a/../../b") == "leaves the repository"
    assert "without it" in str(file_problem("a/../b"))


# waves, parts and checkpoints


def human(kind: str, *options: str, subject: str = "What is asked", **more: object) -> Task:
    asked = Checkpoint(subject=subject, options=tuple(Choice(id=option) for option in options))
    return task("1", kind=kind, checkpoint=asked, description="", **more)


def test_a_dependency_in_a_later_wave_is_an_error() -> None:
    found = codes(task("1", wave=1, depends_on=["2"]), task("2", wave=2))
    assert found == [("error", "wave-order", 1)]


def test_a_dependency_in_the_same_wave_is_a_warning() -> None:
    assert codes(task("1", wave=1), task("2", wave=1, depends_on=["1"])) == [("warning", "same-wave", 2)]
    assert codes(task("1"), task("2", depends_on=["1"])) == []
    assert codes(task("1", wave=1, part="a"), task("2", wave=1, part="a", depends_on=["1"])) == []


def test_parts_that_depend_on_each_other_are_named_once() -> None:
    first = [task(str(number), wave=1, part="a") for number in range(1, 4)]
    second = [task(str(number), wave=1, part="b", depends_on=["1", "2", "3"]) for number in range(4, 7)]
    assert codes(*first, *second) == [("warning", "same-wave", 4)]


tasks_of_waves = st.lists(
    st.tuples(st.sampled_from(["", "a", "b"]), st.integers(0, 2), st.sampled_from([(), ("x",), ("./x",), ("y", "x/")])),
    max_size=6,
)


@given(tasks_of_waves, st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=3))
def test_a_file_is_shared_exactly_when_two_tasks_that_may_run_side_by_side_declare_it(
    drawn: list[tuple[str, int, tuple[str, ...]]], pairs: set[tuple[int, int]]
) -> None:
    """The oracle goes through all pairs of tasks, one file at a time."""
    depends = {later: [str(e + 1) for e, after in pairs if after == later and e < after] for later in range(6)}
    found = [
        task(str(i + 1), part=part, wave=wave, files=list(files), depends_on=depends[i])
        for i, (part, wave, files) in enumerate(drawn)
    ]
    wanted = {
        (found[i].wave, name)
        for i in range(len(found))
        for j in range(i + 1, len(found))
        for name in "xy"
        if {name, f"./{name}", f"{name}/"} & set(found[i].files)
        and {name, f"./{name}", f"{name}/"} & set(found[j].files)
        and found[i].wave == found[j].wave
        and str(i + 1) not in found[j].depends_on
        and not (found[i].part != "" and found[i].part == found[j].part)
    }
    expected = len(wanted) if any(one.wave for one in found) else 0
    assert sum(code == "shared-file" for _, code, _ in codes(*found)) == expected


def test_two_tasks_of_one_wave_that_write_one_file_are_named() -> None:
    tasks = (task("1", wave=1, files=["a.py"]), task("2", wave=1, files=["./a.py"]))
    assert codes(*tasks) == [("warning", "shared-file", 2)]
    assert "'1' and '2' of wave 1 both write 'a.py'" in findings(*tasks)[0].message


def test_where_there_are_no_waves_tasks_may_declare_the_same_file() -> None:
    assert codes(task("1", files=["a.py"]), task("2", files=["a.py"])) == []


def test_a_verification_and_a_question_need_neither_words_for_an_agent_nor_a_gate() -> None:
    proof = task("2", kind="verification", description="")
    assert codes(human("human-verify"), proof, gate=False) == []


@pytest.mark.parametrize("kind", ["human-verify", "human-action", "decision"])
def test_a_question_without_words_is_a_warning(kind: str) -> None:
    options = ("a",) if kind == "decision" else ()
    assert codes(human(kind, *options, subject=" ")) == [("warning", "empty-checkpoint", 1)]
    assert codes(human(kind, *options, subject="Task 1")) == [("warning", "empty-checkpoint", 1)]
    assert codes(human(kind, *options)) == []


def test_a_decision_needs_options_that_can_be_told_apart() -> None:
    assert codes(human("decision")) == [("error", "no-options", 1)]
    assert codes(human("decision", "a", "b", "a", "a")) == [("error", "bad-option", 1)]
    assert codes(human("decision", "a", "abort")) == [("error", "bad-option", 1)]
    assert codes(human("decision", "a", "b")) == []


@pytest.mark.parametrize(
    ("said", "kind", "wrong"),
    [
        (True, "human-verify", True),
        ("true", "decision", True),
        (False, "auto", True),
        ("False", "auto", True),
        (True, "auto", False),
        (False, "human-action", False),
        (None, "human-action", False),
        (None, "auto", False),
    ],
)
def test_what_a_document_says_of_needing_a_person_is_compared_with_its_tasks(
    said: object, kind: str, wrong: bool
) -> None:
    asked = Checkpoint(subject="s", options=(Choice(id="a"),)) if kind != "auto" else None
    tasks = (task("1", part="p", kind=kind, checkpoint=asked),)
    about = {} if said is None else {"autonomous": said}
    parts = (Part(id="p", path="p-PLAN.md", title="P", about=about), Part(id="q", path="q-PLAN.md", title="Q"))
    plan = Plan(path="p", format="gsd", title="P", sha256="0", tasks=tasks, parts=parts)
    found = [(one.severity, one.code) for one in check(plan, has_default_gate=True)]
    assert found == ([("warning", "autonomous")] if wrong else [])


def test_titles_are_compared_within_a_part() -> None:
    assert codes(task("1", title="A", part="p"), task("2", title="A", part="q")) == []
