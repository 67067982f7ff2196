"""Names of files and refs that are made from a task's id."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core import events as e
from superteam.core.decide import Kind, Step
from superteam.core.evolve import start
from superteam.core.plan import Plan, Task
from superteam.core.settings import Settings
from superteam.engine.world import message, name


def test_a_plain_id_is_seen_in_the_name() -> None:
    assert name(Step(Kind.DISPATCH, "add2", 3)) == "attempt-add2-3"


@pytest.mark.parametrize("id", ["../../etc", "-x", "a.lock", "a b", "é", "x" * 300, "a\n", "..", "@{1}", "\ud800"])
def test_a_hostile_id_gives_a_harmless_name(id: str) -> None:
    assert re.fullmatch(r"attempt-[A-Za-z0-9-]{1,60}-1", name(Step(Kind.DISPATCH, id, 1)))


@given(st.text(min_size=1), st.text(min_size=1), st.integers(0, 3), st.integers(0, 3))
def test_no_two_steps_share_a_name(one: str, other: str, first: int, second: int) -> None:
    steps = Step(Kind.DISPATCH, one, first), Step(Kind.DISPATCH, other, second)
    assert (name(steps[0]) == name(steps[1])) == (steps[0] == steps[1])


@pytest.mark.parametrize(("one", "other"), [("a b", "a-b"), ("日本", "中国"), ("../../etc", "..-..-etc"), ("1", "1 ")])
def test_ids_that_look_alike_have_names_of_their_own(one: str, other: str) -> None:
    assert name(Step(Kind.RUN_GATE, one, 1)) != name(Step(Kind.RUN_GATE, other, 1))


@given(st.text(min_size=1), st.text())
def test_a_commits_message_has_no_line_and_no_escape_of_the_plans_own(id: str, title: str) -> None:
    task = Task(id=id, title=title)
    created = e.RunCreated(
        run_id="r1",
        plan=Plan(path="p", format="f", title="t", sha256="0", tasks=(task,)),
        settings=Settings(),
        start_sha="start",
        start_tree="tree",
        user_branch=None,
        run_branch="b",
        interactive=False,
        superteam="0",
        pid=1,
        host="h",
    )
    run = start(created, "2026-01-01T00:00:00+00:00")
    lines = message(run, run.of(id), repair=True).split("\n")
    names = [line.partition(":")[0] for line in lines[2:-1]]
    assert names == ["Superteam-Run", "Superteam-Task", "Superteam-Attempt", "Superteam-Repair"]
    assert lines[1] == lines[-1] == "" and all(line.isprintable() for line in lines)
