"""Who may begin beside whom; overlap of declared files against an enumeration of all small paths."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.plan import HUMAN, Task
from superteam.core.scheduling import next_task, overlap
from superteam.core.scope import outside

NAMES = ("a", "b", "ab")
PATHS = [*NAMES, *("/".join(p) for p in product(NAMES, repeat=2)), *("/".join(p) for p in product(NAMES, repeat=3))]
patterns = st.lists(st.sampled_from(["a", "b", "ab", "/", "*", "?", "[ab]", "./"]), min_size=1, max_size=5).map("".join)


@given(patterns, patterns)
def test_two_declarations_that_cover_one_path_overlap(one: str, other: str) -> None:
    both = [path for path in PATHS if not outside([path], [one]) and not outside([path], [other])]
    assert overlap([one], [other]) or not both
    assert overlap([one], [other]) == overlap([other], [one])


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("src/a.py", "src/b.py", False),
        ("src/a.py", "src/a.py", True),
        ("src", "src/b.py", True),
        ("src/", "./src/b.py", True),
        ("src", "srcs/b.py", False),
        ("src/*.py", "tests/*.py", False),
        ("src/*.py", "src/*.ts", False),
        ("src/*.py", "src/b.py", True),
        ("src/*.py", "src", True),
        ("*", "docs/x.md", True),
        ("SRC/a.py", "src/A.py", True),
        (".", "src/a.py", True),
        ("src/../lib/a", "lib/a", True),
    ],
)
def test_declarations_overlap_as_people_read_them(one: str, other: str, wanted: bool) -> None:
    assert overlap([one], [other]) is overlap([other], [one]) is wanted


def task(id: str, *files: str, **more: object) -> Task:
    return Task.model_validate({"id": id, "title": id, "files": files or (id,), **more})


def chosen(tasks: list[Task], working: str = "", complete: str = "", gone: str = "") -> str | None:
    over = {*working.split(), *complete.split(), *gone.split()}
    pending = {t.id for t in tasks} - over
    found = next_task(tasks, pending, frozenset(working.split()), frozenset(complete.split()))
    return found.id if found else None


def test_independent_tasks_begin_in_the_order_of_the_plan() -> None:
    tasks = [task("1"), task("2"), task("3")]
    assert [chosen(tasks), chosen(tasks, "1"), chosen(tasks, "1 3"), chosen(tasks, "1 2 3")] == ["1", "2", "2", None]


def test_a_task_waits_for_its_dependencies_and_later_ones_go_ahead() -> None:
    tasks = [task("1"), task("2", depends_on=("1",)), task("3")]
    assert chosen(tasks, "1") == "3"
    assert chosen(tasks, "3", "1") == "2"


def test_a_task_waits_for_one_that_has_its_file_and_is_not_overtaken_by_a_third() -> None:
    tasks = [task("1", "x"), task("2", "x", "y"), task("3", "y"), task("4", "z")]
    assert chosen(tasks, "1") == "4"
    assert chosen(tasks, "4", "1") == "2"


@pytest.mark.parametrize(
    "alone", [{"files": ()}, {"kind": "verification"}, *({"kind": kind} for kind in sorted(HUMAN))]
)
def test_a_task_that_runs_alone_is_a_barrier(alone: dict[str, object]) -> None:
    tasks = [task("1"), Task.model_validate({"id": "2", "title": "2", "files": ("2",), **alone}), task("3")]
    assert chosen(tasks, "1") is None
    assert chosen(tasks, "", "1") == "2"
    assert chosen(tasks, "2", "1") is None
    assert chosen(tasks, "", "1 2") == "3"


def test_a_wave_begins_when_the_lower_one_is_over() -> None:
    tasks = [task("1", wave=1), task("2", wave=1), task("3", wave=2)]
    assert chosen(tasks, "2", "1") is None
    assert chosen(tasks, "", "1", gone="2") == "3", "a task that was skipped blocks nobody"


def test_tasks_of_one_part_follow_each_other_and_parts_go_side_by_side() -> None:
    tasks = [task("1", part="a"), task("2", part="a"), task("3", part="b")]
    assert chosen(tasks, "1") == "3"
    assert chosen([tasks[0], tasks[1]], "1") is None


def test_rules_that_wait_for_each_other_give_way_when_nothing_is_done() -> None:
    """The first waits for the second by its wave, the second for the first by its dependency."""
    tasks = [task("1", wave=2), task("2", wave=1, depends_on=("1",))]
    assert chosen(tasks) == "1"


drawn = st.lists(
    st.builds(
        lambda files, part, wave, kind, before: (files, part, wave, kind, before),
        st.lists(st.sampled_from(["x", "y", "z", "d", "d/x", "*"]), max_size=2),
        st.sampled_from(["", "", "p", "q"]),
        st.integers(0, 2),
        st.sampled_from(["auto", "auto", "auto", "tdd", "verification", "decision"]),
        st.lists(st.integers(0, 5), max_size=2),
    ),
    min_size=1,
    max_size=6,
)


@given(drawn, st.data())
def test_whatever_the_plan_all_of_it_is_done_and_nothing_beside_what_it_waits_for(
    parts: list[tuple[list[str], str, int, str, list[int]]], data: st.DataObject
) -> None:
    """Begins and ends tasks in a drawn order; each that begins beside others is held against the rules one by one."""
    tasks = [
        Task(id=str(i), title="t", files=f, part=p, wave=w, kind=k, depends_on=[str(d) for d in ds if d < i])  # type: ignore[arg-type]
        for i, (f, p, w, k, ds) in enumerate(parts)
    ]
    pending, working, complete = {t.id for t in tasks}, set[str](), set[str]()
    while pending or working:
        found = next_task(tasks, pending, working, complete)
        assert found or working, "nothing is done and nothing begins"
        if found and (not working or data.draw(st.booleans())):
            beside = [t for t in tasks if t.id in working]
            earlier = [t for t in tasks[: tasks.index(found)] if t.id in pending]
            if beside:
                assert found.files and found.kind in ("auto", "tdd") and set(found.depends_on) <= complete
                assert not any(t.id in pending | working and t.wave < found.wave for t in tasks)
                assert not any(found.part and t.part == found.part for t in [*beside, *earlier])
                assert not any(overlap(found.files, t.files) for t in [*beside, *earlier])
                assert all(t.files and t.kind in ("auto", "tdd") for t in beside)
            pending.remove(found.id)
            working.add(found.id)
        elif working:
            ended = data.draw(st.sampled_from(sorted(working)))
            working.remove(ended)
            complete.add(ended)
