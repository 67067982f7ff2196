"""Names of files and refs that are made from a task's id."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.decide import Kind, Step
from superteam.engine.world import name


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
