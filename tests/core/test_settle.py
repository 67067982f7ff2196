"""Paired confirmation against the table in verdicts.md, section 4: simulated suites, an oracle that reads the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import comb
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.baseline import Difference
from superteam.core.results import Outcome
from superteam.core.settle import (
    Conclusion,
    Observation,
    Probe,
    Rules,
    Settlement,
    Validation,
    conclude,
    next_probe,
    observe,
)

BAD, GOOD = Outcome.FAILED, Outcome.PASSED
TWICE = Rules(2, 2)
ENOUGH = 400

# What one run of a test shows; "lost": it was asked for and did not run.
Shown = Literal["bad", "good", "lost"]


@dataclass(frozen=True)
class Case:
    """One new failure: what its isolated runs show in turn on each side (the last for ever), and whole runs.

    `first_bad` is the first of the commits at which it fails, `absent_before` the first at which it exists.
    """

    here: tuple[Shown, ...] = ("bad",)
    there: tuple[Shown, ...] = ("good",)
    exists: bool = True
    in_company: bool = False
    in_company_again: bool = True
    in_company_there: bool = False
    doubt: tuple[Shown, ...] = ("good",)
    doubt_there: tuple[Shown, ...] = ("good",)
    polluter: int | None = None
    known: bool = False
    red_before: bool = False
    signature: str = "boom"
    reference: str = "ref"
    at: Mapping[str, tuple[Shown, ...]] = field(default_factory=dict)


@dataclass
class Suite:
    """A suite of such tests; `sound` says, for the n-th whole run on each side, whether it proves anything."""

    cases: Mapping[str, Case]
    sound: Callable[[str, int], bool] = lambda purpose, number: True
    timed_out: bool = False
    unreadable: bool = False
    size: int = 1000
    seconds: float = 0.0  # of each run of some of its tests
    whole: float = 0.0  # of the run of all of them
    ran: dict[tuple[str, str], int] = field(default_factory=dict)

    def run(self, v: Validation, probe: Probe) -> Observation:
        """What the probe shows."""
        if probe.only is None:
            return self._whole(v, probe)
        shown = {id: self._alone(probe, id) for id in probe.only}
        lost = [id for id, s in shown.items() if s == "lost"]
        for id in lost or probe.only:  # where some are lost, what the others show does not count
            key = (f"{probe.purpose} {probe.sha}", id)
            self.ran[key] = self.ran.get(key, 0) + 1
        found = {id: BAD if s == "bad" else GOOD for id, s in shown.items() if s != "lost"}
        if lost:
            return Observation(probe, "inconclusive", "not all of them ran", outcomes=found, duration_s=self.seconds)
        if probe.span and probe.span[1] - probe.span[0] == 1:
            found[f"place {probe.span[0]}"] = GOOD
        verdict: Literal["pass", "fail"] = "fail" if BAD in found.values() else "pass"
        return Observation(probe, verdict, outcomes=found, duration_s=self.seconds)

    def _alone(self, probe: Probe, id: str) -> Shown:
        case = self.cases[id]
        if probe.purpose == "order":
            assert probe.span is not None
            low, high = probe.span
            return "bad" if case.polluter is not None and low <= case.polluter < high else "good"
        turns = {
            "rerun": case.here,
            "confirm": case.there,
            "bisect": case.at.get(probe.sha, ()),
            "doubt": case.doubt,
            "doubt-reference": case.doubt_there,
        }[probe.purpose]
        return turns[min(self.ran.get((f"{probe.purpose} {probe.sha}", id), 0), len(turns) - 1)]

    def _whole(self, v: Validation, probe: Probe) -> Observation:
        if not self.sound(probe.purpose, len(v.of(probe.purpose)) + 1):
            return Observation(probe, "inconclusive", "no report", self.timed_out, unreadable=self.unreadable)
        ids = tuple(self.cases)
        if probe.purpose == "suite":
            red = dict.fromkeys(ids, BAD)
            marks = {id: case.signature for id, case in self.cases.items()}
            difference = Difference(new_failures=ids)
            verdict: Literal["pass", "fail"] = "fail" if ids else "pass"
            return Observation(
                probe,
                verdict,
                None,
                outcomes=dict.fromkeys(ids, BAD),
                difference=difference,
                signatures=marks,
                size=self.size,
                duration_s=self.whole,
                places=dict.fromkeys(ids, self.size - 1),
                known_flakes=tuple(id for id, case in self.cases.items() if case.known),
                red_before=tuple(id for id, case in self.cases.items() if case.red_before),
            )
        if probe.purpose == "suite-reference":
            return Observation(probe, "pass")
        here = probe.purpose == "company"
        again = bool(v.of("company"))
        red = {id: _fails_in_company(case, again) if here else case.in_company_there for id, case in self.cases.items()}
        found = {id: BAD if bad else GOOD for id, bad in red.items()}
        return Observation(probe, "fail" if BAD in found.values() else "pass", outcomes=found)

    def references(self) -> dict[str, str]:
        return {id: case.reference for id, case in self.cases.items() if case.exists}


def _fails_in_company(case: Case, again: bool) -> bool:
    return case.in_company and (case.in_company_again or not again)


def settle(
    suite: Suite,
    rules: Rules = TWICE,
    commits: Iterable[str] = ("c1",),
    owed: Mapping[str, str] | None = None,
    closing: bool = False,
    suspects: Mapping[str, tuple[str, str]] | None = None,
) -> tuple[Validation, Conclusion]:
    """Runs what is wanted until nothing is."""
    made = tuple((f"task of {sha}", sha) for sha in commits)
    v = Validation(made[-1][1], "ref", made, made[-1][0], owed=owed or {}, closing=closing, suspects=suspects or {})
    for number in range(1, ENOUGH):
        probe = next_probe(v, rules)
        if probe is None:
            return v, conclude(v, rules)
        assert probe.number == number
        v = observe(v, suite.run(v, probe), suite.references())
    raise AssertionError("there is no end of probes")


# -- the oracle


def turns(shown: tuple[Shown, ...], count: int) -> list[Shown]:
    return [shown[min(i, len(shown) - 1)] for i in range(count)]


MANY_RUNS = 20  # at the reference, before it counts as failing each time


def runs_there(case: Case, rules: Rules) -> tuple[list[Shown], list[Shown]]:
    """What the runs at the reference show: those that the rules ask for, and those that a flake could need."""
    fails = "good" not in turns(case.here, rules.reruns)
    asked: list[Shown] = []
    for shown in turns(case.there, rules.confirmations) if case.exists else []:
        asked.append(shown)
        decided = {"good", "bad"} <= set(asked) if fails else shown == "bad"
        if decided or shown == "lost":
            break
    more: list[Shown] = []
    if fails and set(asked) == {"bad"} and not case.red_before:
        for shown in turns(case.there, MANY_RUNS)[len(asked) :]:
            more.append(shown)
            if shown != "bad":
                break
    return asked, more


def row(case: Case, rules: Rules) -> str:
    """The row of the table for one failure that is settled by itself."""
    here = turns(case.here, rules.reruns)
    if "lost" in here:
        return "unresolved"
    asked, more = runs_there(case, rules)
    if "lost" in asked:
        return "unresolved"
    there = asked + more
    task = "fails" if "good" not in here else "mixed" if "bad" in here else "passes"
    if not case.exists:
        reference = "absent"
    elif "bad" not in there:
        reference = "passes"
    else:
        reference = "mixed" if "good" in there else "fails"
    if task == "passes" and reference in ("passes", "absent"):
        if not case.in_company:
            return "suspect"
        if reference == "absent":
            return "regression"
        return "flake" if case.in_company_there else "regression" if case.in_company_again else "suspect"
    if task == "fails" and reference == "fails":  # alone: only whole runs tell whether it needs the company of others
        if case.red_before:
            return "pre-existing"
        if not case.in_company:
            return "suspect"
        return "environment" if case.in_company_there else "regression" if case.in_company_again else "suspect"
    return {
        ("fails", "passes"): "regression",
        ("fails", "mixed"): "suspect",
        ("fails", "absent"): "regression",
        ("mixed", "fails"): "suspect",
        ("mixed", "mixed"): "suspect",
        ("mixed", "passes"): "suspect",
        ("mixed", "absent"): "regression",
        ("passes", "fails"): "flake",
        ("passes", "mixed"): "flake",
    }[task, reference]


def verdict_of(rows: set[str]) -> str:
    """The verdict on a change with new failures of these labels."""
    if "regression" in rows:
        return "fail"
    if "environment" in rows:
        return "inconclusive"
    return "fail" if "unresolved" in rows else "pass"


shown = st.lists(st.sampled_from(["bad", "bad", "good", "good", "lost"]), min_size=1, max_size=3).map(tuple)
cases = st.builds(
    Case,
    here=shown,
    there=shown,
    exists=st.booleans(),
    in_company=st.booleans(),
    in_company_again=st.booleans(),
    in_company_there=st.booleans(),
    red_before=st.booleans(),
    signature=st.sampled_from(["boom", "bang"]),
    reference=st.sampled_from(["ref", "older"]),
)
rules = st.builds(Rules, st.integers(1, 3), st.integers(1, 3))


def named(found: Iterable[Case]) -> dict[str, Case]:
    return {f"t{i}": case for i, case in enumerate(found)}


few = st.lists(cases, max_size=6).map(named)


@given(few, rules)
def test_each_new_failure_gets_the_label_of_its_row(found: dict[str, Case], rules: Rules) -> None:
    _, conclusion = settle(Suite(found), rules)
    assert conclusion.labels == {id: row(case, rules) for id, case in found.items()}


@given(few, rules)
def test_the_verdict_follows_from_the_labels(found: dict[str, Case], rules: Rules) -> None:
    _, conclusion = settle(Suite(found), rules)
    assert conclusion.verdict() == verdict_of({row(case, rules) for case in found.values()})


@given(few, rules)
def test_only_new_failures_are_run_again_and_each_only_as_often_as_needed(found: dict[str, Case], rules: Rules) -> None:
    v, _ = settle(Suite(found), rules)
    for id, case in found.items():
        lost_by_others = sum(other.here.count("lost") + other.there.count("lost") > 0 for other in found.values())
        asked = [s.probe.purpose for s in v.observations if id in (s.probe.only or ())]
        assert asked.count("rerun") <= rules.reruns + lost_by_others
        there = [shown for part in runs_there(case, rules) for shown in part]
        assert asked.count("confirm") <= len(there) + lost_by_others
    assert all(set(s.probe.only or ()) <= found.keys() for s in v.observations)
    assert len(v.of("suite")) == 1
    assert len(v.of("company-reference")) <= 1 and len(v.of("company")) <= 1 + len(v.of("company-reference"))


@given(st.lists(cases, min_size=1, max_size=6).map(named), rules)
def test_the_runs_are_paired_and_shared(found: dict[str, Case], rules: Rules) -> None:
    """Where every test can be selected: one run serves all candidates of a side and a reference."""
    whole = {id: replace(c, here=_found(c.here), there=_found(c.there), reference="ref") for id, c in found.items()}
    v, _ = settle(Suite(whole), rules)
    confirmed = [case for case in whole.values() if case.exists]
    counts = [tuple(map(len, runs_there(case, rules))) for case in confirmed]
    most = max((asked for asked, _ in counts), default=0) + max((more for _, more in counts), default=0)
    assert len(v.of("rerun")) == rules.reruns
    assert len(v.of("confirm")) == most
    assert {s.probe.sha for s in v.of("rerun", "company")} <= {"c1"}
    assert {s.probe.sha for s in v.of("confirm", "company-reference")} <= {"ref"}


def _found(found: tuple[Shown, ...]) -> tuple[Shown, ...]:
    return tuple("good" if shown == "lost" else shown for shown in found)


def test_each_candidate_is_confirmed_where_it_last_passed() -> None:
    found = {"new": Case(reference="ref"), "old": Case(reference="older")}
    v, _ = settle(Suite(found))
    assert {(s.probe.sha, s.probe.only) for s in v.of("confirm")} == {("ref", ("new",)), ("older", ("old",))}


def test_a_test_that_cannot_be_selected_does_not_spoil_the_others() -> None:
    found = {"odd": Case(here=("lost",)), "plain": Case(), "shaky": Case(here=("good", "bad"), there=("bad",))}
    v, conclusion = settle(Suite(found))
    assert conclusion.labels == {"odd": "unresolved", "plain": "regression", "shaky": "suspect"}
    assert "alone" in conclusion.reasons["odd"]
    assert [s.probe.only for s in v.of("rerun")] == [("odd", "plain", "shaky"), ("plain", "shaky"), ("plain", "shaky")]


@pytest.mark.parametrize("purpose", ["rerun", "confirm", "company", "company-reference"])
@pytest.mark.parametrize("outcome", [BAD, GOOD])
def test_a_run_that_proves_nothing_excuses_nothing(purpose: str, outcome: Outcome) -> None:
    """The outcomes of an unsound run are not believed, whichever way they point."""
    case = Case(here=("good",), in_company=True) if purpose.startswith("company") else Case()
    suite = Suite({"t": case})

    class Lying(Suite):
        def run(self, v: Validation, probe: Probe) -> Observation:
            seen = suite.run(v, probe)
            if probe.purpose != purpose:
                return seen
            return replace(seen, verdict="inconclusive", reason="another tree's code", outcomes={"t": outcome})

    _, conclusion = settle(Lying(suite.cases))
    assert conclusion.labels == {"t": "unresolved"}
    assert conclusion.verdict() == "fail"


# -- unsound suites (step 1)


@pytest.mark.parametrize(
    ("here", "there", "timed_out", "crash"),
    [
        ([False, False], True, False, "suite-crash"),
        ([False, False], True, True, "tool-timeout"),
        ([False, False], False, False, "environment"),
        ([False, False], False, True, "environment"),
        ([False, True], True, False, None),
        ([True], True, False, None),
    ],
)
def test_an_unsound_suite_is_run_once_more_and_then_at_the_reference(
    here: list[bool], there: bool, timed_out: bool, crash: str | None
) -> None:
    def sound(purpose: str, number: int) -> bool:
        return there if purpose == "suite-reference" else here[number - 1]

    v, conclusion = settle(Suite({}, sound, timed_out))
    assert conclusion.crash == crash
    assert conclusion.verdict() == ("inconclusive" if crash else "pass")
    assert [s.probe.purpose for s in v.observations] == ["suite"] * len(here) + ["suite-reference"] * bool(crash)
    assert not crash or conclusion.reason


def test_a_suite_that_ran_out_of_time_only_once_is_a_crash() -> None:
    class Slow(Suite):
        def run(self, v: Validation, probe: Probe) -> Observation:
            return replace(super().run(v, probe), timed_out=probe.purpose == "suite" and not v.observations)

    _, conclusion = settle(Slow({}, lambda purpose, number: purpose == "suite-reference"))
    assert conclusion.crash == "suite-crash"


@pytest.mark.parametrize(("there", "crash"), [(True, "parse-error"), (False, "environment")])
def test_an_artifact_that_cannot_be_read_twice_is_a_parse_error_unless_it_is_so_at_the_reference(
    there: bool, crash: str
) -> None:
    _, conclusion = settle(Suite({}, lambda purpose, number: there and purpose != "suite", unreadable=True))
    assert (conclusion.crash, conclusion.verdict()) == (crash, "inconclusive")


def test_an_artifact_that_cannot_be_read_only_once_is_a_crash() -> None:
    class Moody(Suite):
        def run(self, v: Validation, probe: Probe) -> Observation:
            return replace(super().run(v, probe), unreadable=probe.purpose == "suite" and not v.observations)

    _, conclusion = settle(Moody({}, lambda purpose, number: purpose == "suite-reference"))
    assert conclusion.crash == "suite-crash"


@given(few, st.booleans())
def test_the_first_sound_run_is_the_one_that_is_judged(found: dict[str, Case], first: bool) -> None:
    _, conclusion = settle(Suite(found, lambda purpose, number: first or number == 2 or purpose != "suite"))
    assert conclusion.labels == {id: row(case, TWICE) for id, case in found.items()}


# -- many new failures (step 2)


def crowd(count: int, case: Case, **others: Case) -> dict[str, Case]:
    return {**{f"t{i}": case for i in range(count)}, **others}


def test_many_failures_with_one_signature_are_settled_by_three() -> None:
    v, conclusion = settle(Suite(crowd(40, Case()), size=10_000))
    assert set(conclusion.labels.values()) == {"regression"}
    assert len(conclusion.labels) == 40
    assert {id for s in v.observations for id in s.probe.only or ()} == {"t0", "t1", "t2"}


def test_many_failures_that_fail_at_the_reference_too_are_the_environment() -> None:
    v, conclusion = settle(Suite(crowd(40, Case(there=("bad",), in_company=True, in_company_there=True))))
    assert set(conclusion.labels.values()) == {"environment"}
    assert conclusion.verdict() == "inconclusive"
    assert len({id for s in v.observations for id in s.probe.only or ()}) == 3


def test_an_excuse_never_extends_from_the_representatives_to_the_others() -> None:
    flaky = Case(here=("bad", "good"), there=("bad",))
    found = {"t0": flaky, "t1": flaky, "t2": flaky, **{f"r{i}": Case() for i in range(20)}}
    v, conclusion = settle(Suite(found))
    assert {id: conclusion.labels[id] for id in found} == {id: row(case, TWICE) for id, case in found.items()}
    assert {id for s in v.observations for id in s.probe.only or ()} == set(found)


def test_ten_failures_are_settled_one_by_one() -> None:
    found = crowd(9, Case(), t9=Case(here=("bad", "good"), there=("bad",)))
    _, conclusion = settle(Suite(found, size=10))
    assert conclusion.labels["t9"] == "suspect"


def test_many_different_failures_in_a_large_suite_are_settled_one_by_one() -> None:
    found = {f"t{i}": Case(signature=f"boom {i}") for i in range(20)}
    v, _ = settle(Suite(found, size=1000))
    assert v.of("rerun")[0].probe.only == tuple(found)


@given(st.lists(cases, min_size=11, max_size=16).map(named), st.sampled_from([20, 10_000]))
def test_among_many_failures_no_label_is_kinder_than_its_row(found: dict[str, Case], size: int) -> None:
    _, conclusion = settle(Suite(found, size=size))
    assert conclusion.labels.keys() == found.keys()
    for id, label in conclusion.labels.items():
        wanted = row(found[id], TWICE)
        assert label == wanted or label in (Settlement.REGRESSION, Settlement.ENVIRONMENT), (id, wanted)


@given(st.lists(cases, min_size=11, max_size=16).map(named))
def test_among_many_failures_the_labels_follow_the_representatives(found: dict[str, Case]) -> None:
    """An oracle of its own for step 2: at most three heads, commonest signatures first."""
    v, conclusion = settle(Suite(found, size=20))
    marks = [case.signature for case in found.values()]
    ranked = sorted(set(marks), key=lambda mark: (-marks.count(mark), marks.index(mark)))
    firsts = [next(id for id in found if found[id].signature == mark) for mark in ranked]
    heads = (firsts + [id for id in found if id not in firsts])[:3]
    extended = {}
    for mark in ranked:
        rows = {row(found[id], TWICE) for id in heads if found[id].signature == mark}
        if rows in ({"regression"}, {"environment"}):
            extended[mark] = rows.pop()
    wanted = {id: extended.get(case.signature, row(case, TWICE)) for id, case in found.items()}
    assert conclusion.labels == wanted
    apart = {id for id in found if found[id].signature not in extended} | set(heads)
    assert {id for s in v.of("rerun") for id in s.probe.only or ()} <= apart


# -- bisection (step 7)


def history(count: int, first_bad: int) -> dict[str, tuple[Shown, ...]]:
    return {f"c{i}": ("bad",) if i >= first_bad else ("good",) for i in range(count)}


@given(st.integers(2, 12), st.data())
def test_bisection_finds_the_culprit_of_each_deterministic_regression(count: int, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=4))
    found = {f"t{i}": Case(at=history(count, place)) for i, place in enumerate(places)}
    v, conclusion = settle(Suite(found), commits=[f"c{i}" for i in range(count)])
    assert conclusion.introduced_by == {f"t{i}": f"task of c{place}" for i, place in enumerate(places)}
    for id in found:
        runs = [s for s in v.of("bisect") if id in (s.probe.only or ())]
        assert len(runs) <= count.bit_length() + 2
        assert all(s.probe.sha != f"c{count - 1}" for s in runs)


@given(st.integers(3, 8), st.data())
def test_no_task_is_named_when_the_runs_contradict_each_other(count: int, data: st.DataObject) -> None:
    """At the boundary two runs have to agree; a test that changes its mind there is no task's regression."""
    place = data.draw(st.integers(1, count - 2))
    at: dict[str, tuple[Shown, ...]] = history(count, place)
    at[f"c{place}"] = ("bad", "good")
    _, conclusion = settle(Suite({"t": Case(at=at)}), commits=[f"c{i}" for i in range(count)])
    assert conclusion.labels == {"t": "suspect"}
    assert conclusion.introduced_by == {}
    assert "no task is guilty of t" in conclusion.notes[0]


@given(st.integers(2, 8), st.data())
def test_bisection_comes_to_an_end_whatever_the_runs_show(count: int, data: st.DataObject) -> None:
    """A named culprit is at least bad there and good before, in every run that was made of both."""
    at = {f"c{i}": data.draw(shown) for i in range(count)}
    suite = Suite({"t": Case(at=at), "u": Case(at={sha: found[::-1] for sha, found in at.items()})})
    v, conclusion = settle(suite, commits=[f"c{i}" for i in range(count)])
    for id, task in conclusion.introduced_by.items():
        place = int(task.removeprefix("task of c"))
        for sha, wanted in ((f"c{place}", BAD), (f"c{place - 1}", GOOD)):
            seen = [s for s in v.of("bisect") if s.probe.sha == sha and id in (s.probe.only or ())]
            assert all(s.outcomes.get(id, wanted) is wanted for s in seen)


def test_a_run_that_proves_nothing_names_nobody() -> None:
    at = {**history(4, 2), "c1": ("lost",)}
    _, conclusion = settle(Suite({"t": Case(at=at)}), commits=["c0", "c1", "c2", "c3"])
    assert conclusion.labels == {"t": "regression"}
    assert conclusion.introduced_by == {}


def test_a_new_test_that_does_not_exist_at_a_commit_counts_as_good_there() -> None:
    at: dict[str, tuple[Shown, ...]] = {"c0": ("lost",), "c1": ("lost",), "c2": ("bad",), "c3": ("bad",)}
    new = Case(exists=False, at=at)
    old = Case(at=history(4, 1))
    _, conclusion = settle(Suite({"new": new, "old": old}), commits=["c0", "c1", "c2", "c3"])
    assert conclusion.introduced_by == {"new": "task of c2", "old": "task of c1"}


def test_one_commit_needs_no_bisection() -> None:
    v, conclusion = settle(Suite({"t": Case()}))
    assert conclusion.introduced_by == {"t": "task of c1"}
    assert not v.of("bisect")


def test_what_fails_only_in_company_is_not_bisected_alone() -> None:
    case = Case(here=("good",), in_company=True)
    v, conclusion = settle(Suite({"t": case}), commits=["c0", "c1", "c2"])
    assert conclusion.labels == {"t": "regression"}
    assert conclusion.introduced_by == {}
    assert not v.of("bisect")


# -- planned red


@given(st.lists(st.sampled_from(["bad", "good", "lost"]), min_size=1, max_size=2).map(tuple))
def test_an_owed_test_belongs_to_the_task_that_declared_it(here: tuple[Shown, ...]) -> None:
    v, conclusion = settle(Suite({"t": Case(here=here)}), commits=["c0", "c1"], owed={"t": "early"})
    runs = turns(here, 2)
    wanted = "unresolved" if "lost" in runs else "regression" if "good" not in runs else "suspect"
    assert conclusion.labels == {"t": wanted}
    assert conclusion.introduced_by == {"t": "early"}
    assert not v.of("confirm", "bisect", "company")


class Losing(Suite):
    """A suite that loses tests at some of the commits, and keeps others; what is gone at the tip is missing there."""

    lost: Mapping[str, int]

    def run(self, v: Validation, probe: Probe) -> Observation:
        if probe.purpose in ("suite", "missing-reference"):
            return Observation(probe, "pass", difference=Difference(missing=tuple(self.lost)), size=self.size)
        place = [sha for _, sha in v.commits].index(probe.sha)
        there = {id: GOOD for id in probe.only or () if self.lost[id] > place}
        return Observation(probe, "pass" if len(there) == len(probe.only or ()) else "inconclusive", outcomes=there)


@given(st.integers(2, 12), st.data())
def test_bisection_finds_the_task_that_lost_each_missing_test(count: int, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=4))
    suite = Losing({})
    suite.lost = {f"t{i}": place for i, place in enumerate(places)}
    v, conclusion = settle(suite, commits=[f"c{i}" for i in range(count)])
    assert conclusion.introduced_by == {f"t{i}": f"task of c{place}" for i, place in enumerate(places)}
    assert conclusion.verdict() == "fail"
    assert len(v.of("bisect")) <= len(set(places)) * (count.bit_length() + 3)


def test_a_run_that_broke_off_blames_nobody_for_a_missing_test() -> None:
    class Broken(Losing):
        def run(self, v: Validation, probe: Probe) -> Observation:
            return replace(super().run(v, probe), whole=probe.only is None)

    suite = Broken({})
    suite.lost = {"t": 1}
    _, conclusion = settle(suite, commits=["c0", "c1", "c2"])
    assert conclusion.introduced_by == {}


# -- the budget, known flakes, suspects and polluters (steps 5, 6 and 8)


BROKEN_OUTSIDE = Case(there=("bad",), in_company=True, in_company_there=True)


@given(st.floats(1, 5000), st.floats(1, 5000), rules)
def test_the_budget_never_refuses_the_reruns_that_the_rules_ask_for(each: float, budget: float, rules: Rules) -> None:
    v, conclusion = settle(Suite({"t": Case()}, seconds=each), replace(rules, budget=budget))
    assert (len(v.of("rerun")), len(v.of("confirm"))) == (rules.reruns, rules.confirmations)
    assert conclusion.labels == {"t": "regression"}


@given(st.integers(1, 4), st.integers(1, 4))
def test_a_test_that_cannot_be_run_takes_no_rerun_from_the_others(each: int, budget: int) -> None:
    found = {"odd": Case(here=("lost",)), "plain": Case()}
    _, conclusion = settle(Suite(found, seconds=each), Rules(2, 2, budget))
    assert conclusion.labels == {"odd": "unresolved", "plain": "regression"}


@given(st.integers(1, 100), st.integers(1, 2000))
def test_what_goes_beyond_stops_at_the_budget(each: int, budget: int) -> None:
    v, conclusion = settle(Suite({"t": BROKEN_OUTSIDE}, seconds=each), Rules(2, 2, budget))
    assert len(v.of("rerun", "confirm")) == min(22, max(4, -(-budget // each)))
    assert conclusion.labels == {"t": "environment"}


def test_what_the_budget_leaves_unsettled_blocks_and_says_why() -> None:
    """Representatives that are no regression; the others would need runs of their own."""
    shaky = Case(here=("bad", "good"), there=("bad",))
    _, conclusion = settle(Suite(crowd(20, shaky), seconds=10), Rules(2, 2, 1))
    assert set(conclusion.labels.values()) == {"suspect", "unresolved"}
    assert conclusion.verdict() == "fail"
    assert "rerun-budget" in (conclusion.reason or "")


@pytest.mark.parametrize(("whole", "runs"), [(0.0, 4), (200.0, 5), (300.0, 8), (900.0, 22)])
def test_by_default_the_budget_is_the_wall_time_of_one_run_of_the_suite(whole: float, runs: int) -> None:
    v, _ = settle(Suite({"t": BROKEN_OUTSIDE}, seconds=40.0, whole=whole))
    assert len(v.of("rerun", "confirm")) == runs


@given(st.lists(st.sampled_from(["bad", "good"]), min_size=2, max_size=2))
def test_a_known_flake_takes_one_green_rerun_to_be_a_suspect(here: list[Shown]) -> None:
    v, conclusion = settle(Suite({"t": Case(here=tuple(here), known=True)}))
    assert conclusion.labels == {"t": "suspect" if "good" in here else "regression"}
    assert len(v.of("rerun")) == (1 if here[0] == "good" else 2)
    assert len(v.of("confirm")) == (0 if "good" in here else 2)


@pytest.mark.parametrize("known", [True, False])
def test_a_flake_that_the_change_breaks_for_good_is_a_regression(known: bool) -> None:
    half: tuple[Shown, ...] = ("bad", "good") * 5
    case = Case(there=("bad", "good"), doubt=("bad",), doubt_there=half, known=known)
    _, conclusion = settle(Suite({"t": case}), closing=True)
    assert conclusion.labels == {"t": "regression"}


def test_a_flake_that_the_change_makes_worse_is_no_flake_for_being_known() -> None:
    worse: tuple[Shown, ...] = ("bad",) * 8 + ("good",) * 2
    case = Case(here=("good",), doubt=worse, doubt_there=("good",) * 9 + ("bad",), known=True)
    _, conclusion = settle(Suite({"t": case}), closing=True)
    assert conclusion.labels == {"t": "regression"}


def test_a_test_that_fails_each_time_is_not_excused_where_the_budget_ends() -> None:
    """It fails now and then at the reference as well: only many runs of both can tell."""
    case = Case(there=("bad", "good"), doubt=("bad",), doubt_there=("good",))
    _, conclusion = settle(Suite({"t": case}, seconds=100), Rules(2, 2, 1), closing=True)
    assert conclusion.labels == {"t": "unresolved"}
    assert "rerun-budget" in (conclusion.reason or "")


def test_a_flake_of_the_reference_is_not_taken_for_a_change_of_the_environment() -> None:
    case = Case(there=("bad",) * 19 + ("good",), doubt=("bad",), doubt_there=("bad",))
    _, conclusion = settle(Suite({"t": case}), closing=True)
    assert (conclusion.labels, conclusion.verdict()) == ({"t": "flake"}, "pass")


def test_what_fails_on_both_sides_although_the_baseline_saw_it_pass_is_the_environment() -> None:
    _, conclusion = settle(Suite({"t": BROKEN_OUTSIDE}))
    assert (conclusion.labels, conclusion.verdict()) == ({"t": "environment"}, "inconclusive")
    assert "outside of the trees" in (conclusion.reason or "")


def test_a_regression_is_not_hidden_by_an_environment_that_broke() -> None:
    _, conclusion = settle(Suite({"t": BROKEN_OUTSIDE, "r": Case()}))
    assert conclusion.labels == {"t": "environment", "r": "regression"}
    assert conclusion.verdict() == "fail"


@pytest.mark.parametrize(("there", "label"), [("bad", "pre-existing"), ("good", "regression")])
def test_a_flake_that_was_red_in_the_baseline_is_settled_by_reruns(there: Shown, label: str) -> None:
    _, conclusion = settle(Suite({"t": Case(there=(there,), red_before=True)}))
    assert conclusion.labels == {"t": label}


# -- tests that are missing


class Missing(Suite):
    """A suite in which tests are missing, with what a second run of the reference makes of that."""

    then: Observation

    def run(self, v: Validation, probe: Probe) -> Observation:
        if probe.purpose == "suite":
            return Observation(probe, "pass", difference=Difference(missing=("a", "b")), size=2)
        assert (probe.purpose, probe.sha, probe.only) == ("missing-reference", "ref", None)
        return replace(self.then, probe=probe)


PROBE = Probe("missing-reference", "ref", None, 2)


@pytest.mark.parametrize(
    ("then", "verdict"),
    [
        (Observation(PROBE, "pass", difference=Difference(missing=("b",), absent=("a",))), "fail"),
        (Observation(PROBE, "pass", difference=Difference(absent=("a", "b"))), "inconclusive"),
        (Observation(PROBE, "pass", difference=Difference(changing=("a", "b"))), "pass"),
        (Observation(PROBE, "inconclusive", "no report"), "fail"),
    ],
)
def test_the_reference_is_run_once_more_before_a_missing_test_blocks(then: Observation, verdict: str) -> None:
    suite = Missing({})
    suite.then = then
    v, conclusion = settle(suite)
    assert conclusion.verdict() == verdict
    assert [seen.probe.purpose for seen in v.observations] == ["suite", "missing-reference"]
    assert (verdict != "inconclusive") or "a, b" in (conclusion.reason or "")


def test_nothing_is_run_once_more_where_nothing_is_missing() -> None:
    v, _ = settle(Suite({}))
    assert [seen.probe.purpose for seen in v.observations] == ["suite"]


# -- suites that the change broke


class Broken(Suite):
    """A suite that gives no sound verdict here, and names an error in some of its runs."""

    errors: tuple[str, str]

    def run(self, v: Validation, probe: Probe) -> Observation:
        if probe.purpose == "suite-reference":
            return Observation(probe, "pass")
        return Observation(probe, "inconclusive", "no report", broken=self.errors[len(v.of("suite"))])


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        (("a.go:3:1: undefined: x", "a.go:3:1: undefined: x"), "fail"),
        (("a.go:3:1: undefined: x", ""), "inconclusive"),
        (("", "a.go:3:1: undefined: x"), "inconclusive"),
        (("", ""), "inconclusive"),
    ],
)
def test_a_named_error_that_comes_twice_here_and_not_there_is_the_fault_of_the_change(
    errors: tuple[str, str], verdict: str
) -> None:
    suite = Broken({})
    suite.errors = errors
    _, conclusion = settle(suite)
    assert (conclusion.crash, conclusion.verdict()) == ("suite-crash", verdict)
    assert verdict != "fail" or errors[1] in (conclusion.reason or "")


@given(st.integers(0, 10), st.integers(0, 10), st.booleans())
def test_a_suspect_is_settled_at_the_end_by_many_runs_on_both_trees(bad: int, bad_there: int, earlier: bool) -> None:
    turns: tuple[Shown, ...] = ("bad",) * bad + ("good",) * (10 - bad)
    turns_there: tuple[Shown, ...] = ("bad",) * bad_there + ("good",) * (10 - bad_there)
    case = Case(here=("bad", "good"), doubt=turns, doubt_there=turns_there)
    suite = Suite({"t": case})
    if earlier:
        _, conclusion = settle(EarlierSuspect({"t": case}), closing=True, suspects={"t": ("task 1", "older")})
    else:
        _, conclusion = settle(suite, closing=True)
    guilty = one_sided(bad, bad_there) < 0.05
    assert conclusion.labels == {"t": "regression" if guilty else "flake"}
    if guilty:
        assert conclusion.introduced_by == {"t": "task 1" if earlier else "task of c1"}


class EarlierSuspect(Suite):
    """A suite in which nothing fails any more when all of it runs."""

    def _whole(self, v: Validation, probe: Probe) -> Observation:
        return Observation(probe, "pass", size=self.size)


def one_sided(bad: int, bad_there: int) -> float:
    """Fisher's exact test by listing every way to spread the failures over ten runs here and ten there."""
    total = bad + bad_there
    ways = [(comb(10, k) * comb(10, total - k), k >= bad) for k in range(11) if 0 <= total - k <= 10]
    return sum(n for n, extreme in ways if extreme) / sum(n for n, _ in ways)


def test_a_suspect_stays_one_until_the_end() -> None:
    v, conclusion = settle(Suite({"t": Case(here=("bad", "good"))}))
    assert conclusion.labels == {"t": "suspect"}
    assert not v.of("doubt", "doubt-reference")


@given(st.integers(1, 300), st.data())
def test_the_test_that_spoils_another_is_named(place: int, data: st.DataObject) -> None:
    polluter = data.draw(st.integers(0, place - 1))
    case = Case(here=("good",), in_company=True, polluter=polluter)
    v, conclusion = settle(Suite({"t": case}, size=place + 1))
    assert conclusion.labels == {"t": "regression"}
    assert conclusion.polluters == {"t": f"place {polluter}"}
    assert len(v.of("order")) <= 2 * place.bit_length() + 1


def test_no_test_is_named_where_it_takes_several_or_none() -> None:
    _, conclusion = settle(Suite({"t": Case(here=("good",), in_company=True)}))
    assert conclusion.labels == {"t": "regression"}
    assert conclusion.polluters == {}
