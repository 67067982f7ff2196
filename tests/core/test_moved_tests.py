"""A new failure of a test that was moved: at the references it is run under the id that it had there."""

from __future__ import annotations

import pytest

from superteam.core.baseline import Difference, Expectation, Expected
from superteam.core.results import Granularity, Outcome, Shape
from superteam.core.settle import (
    Conclusion,
    Observation,
    Probe,
    Purpose,
    Rules,
    Settlement,
    Validation,
    conclude,
    next_probe,
    observe,
    old_ids,
)
from superteam.engine.probing import references_of

OLD, NEW = "test_a.py::test_x", "test_b.py::test_x"
MOVED = Difference(new_failures=(NEW,), renamed=((OLD, NEW),))


def judged(difference: Difference = MOVED) -> Validation:
    suite = Observation(Probe("suite", "tip", None, 1), "fail", outcomes={NEW: Outcome.FAILED}, difference=difference)
    return observe(Validation("tip", "ref", (("", "tip"),), ""), suite, {NEW: "ref"})


@pytest.mark.parametrize(
    ("purpose", "names"),
    [
        ("rerun", {}),
        ("company", {}),
        ("doubt", {}),
        ("missing-reference", {}),
        ("bisect", {}),
        ("confirm", {NEW: OLD}),
        ("company-reference", {NEW: OLD}),
        ("doubt-reference", {NEW: OLD}),
    ],
)
def test_only_at_a_reference_it_has_its_old_id(purpose: Purpose, names: dict[str, str]) -> None:
    assert old_ids(judged(), Probe(purpose, "ref", (NEW,), 2)) == names


@pytest.mark.parametrize(
    "difference",
    [
        Difference(new_failures=(NEW,), renamed=((OLD, NEW),), changing=(OLD,)),
        Difference(new_failures=(NEW,), renamed=((OLD, NEW), (OLD, "test_b.py::test_x[2]"))),
        Difference(new_failures=(NEW,)),
    ],
)
def test_an_id_that_is_not_of_one_test_is_not_looked_up(difference: Difference) -> None:
    assert difference.moved() == {}


def test_it_last_passed_where_its_old_id_did() -> None:
    shape = Shape(Granularity.TESTS, "pytest")
    expected = Expected("ref", shape, {OLD: Expectation(Outcome.PASSED, "then")})
    assert references_of(MOVED, expected) == {NEW: "then"}
    assert references_of(Difference(new_failures=(NEW,)), expected) == {}


@pytest.mark.parametrize(
    ("here", "there", "label"),
    [
        ((True, True), (False, False), Settlement.REGRESSION),
        ((True, False), (True, False), Settlement.SUSPECT),
        ((True, False), (False, False), Settlement.SUSPECT),
        ((True, True), (True, False), Settlement.SUSPECT),
    ],
)
def test_what_its_reruns_come_to(here: tuple[bool, ...], there: tuple[bool, ...], label: Settlement) -> None:
    assert settle(here, there).labels == {NEW: label}


def settle(here: tuple[bool, ...], there: tuple[bool, ...]) -> Conclusion:
    v, rules = judged(), Rules()
    while probe := next_probe(v, rules):
        turns = here if probe.purpose == "rerun" else there
        bad = turns[len(v.of(probe.purpose))]
        outcome = Outcome.FAILED if bad else Outcome.PASSED
        v = observe(v, Observation(probe, "fail" if bad else "pass", outcomes={NEW: outcome}), {})
    return conclude(v, rules)
