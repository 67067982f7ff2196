"""Budgets: no dispatch begins beyond a maximum that nobody allowed again, and what a stopped dispatch did is kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_evolve import (
    QUICK,
    Game,
    Scenario,
    begin,
    budget_of,
    of_tasks,
    played,
    scenario_of,
    seeds,
    statuses,
)
from test_side_by_side import EVENT_LIMIT, side_by_side, states

from superteam.cli.ending import final
from superteam.core import events as e
from superteam.core.decide import Kind, decide
from superteam.core.evolve import evolve
from superteam.core.evolve.budgets import allow_more
from superteam.core.failures import Action, Response
from superteam.core.meters import left, run_meters
from superteam.core.settings import Settings
from superteam.core.spent import Cost
from superteam.ports import AgentReport, Brief

DISPATCHES = ("attempt", "review")
BROKEN = ("over-budget", "rate-limited")


def tight(rng: Random, scenario: Scenario) -> Scenario:
    """The scenario with at least one budget that is soon used up."""
    budgets: dict[str, Any] = {}
    while not any(value for value in (*budgets.values(), *budgets.get("task", {}).values()) if value != {}):
        budgets = budget_of(rng)
    given = scenario.settings.model_dump(by_alias=True, exclude_none=True)
    overrides = dict(scenario.settings.failure_actions)
    if rng.random() < 0.5:
        overrides["budget-threshold"] = rng.choice(list(Action))  # type: ignore[index]
    settings = Settings.model_validate({**given, "budget": budgets, "failure-actions": overrides})
    return replace(scenario, settings=settings)


class Books:
    """An independent account of what is used and allowed, from the events alone."""

    def __init__(self) -> None:
        self.used: Counter[tuple[str | None, str]] = Counter()
        self.caps: dict[tuple[str | None, str], float] = {}
        self.under_way = 0

    def cap(self, key: tuple[str | None, str], most: float) -> float:
        return self.caps.setdefault(key, most)

    def charge(self, event: e.AgentFinished | e.ReviewFinished) -> None:
        for name, amount in (("max-usd", event.cost_usd), ("max-turns", event.turns)):
            self.used[None, name] += amount or 0  # type: ignore[assignment]
            self.used[event.task, f"task.{name}"] += amount or 0  # type: ignore[assignment]

    def allow(self, task: str | None, name: str, most: float | None) -> None:
        if most is None or name.startswith("dispatch."):
            return
        key = (task, name)
        used = self.used["", "made"] + self.under_way if name == "max-attempts" else self.used[key]
        self.caps[key] = self.cap(key, most) + most
        while used >= self.caps[key]:
            self.caps[key] += most


def check_books(game: Game) -> None:
    """Every dispatch begins with something left of each budget, or after somebody allowed more."""
    budget = game.scenario.settings.budget
    books = Books()
    amounts = {"max-usd": budget.max_usd, "max-turns": budget.max_turns, "max-attempts": budget.max_attempts}
    amounts |= {"task.max-usd": budget.task.max_usd, "task.max-turns": budget.task.max_turns}
    asked = questions(game)
    for event, run in states(game):
        books.under_way = sum(key.startswith("attempt:") for key in run.in_flight)
        if isinstance(event, e.StepStarted) and event.step in DISPATCHES:
            for name, most in amounts.items():
                owner = event.task if name.startswith("task.") else None
                if most is not None and name != "max-attempts":
                    assert books.used[owner, name] < books.cap((owner, name), most), (name, event.key)
            if event.step == "attempt" and budget.max_attempts is not None:
                made = books.used["", "made"] + books.under_way
                assert made <= books.cap((None, "max-attempts"), budget.max_attempts), event.key
        if isinstance(event, e.AgentFinished | e.ReviewFinished):
            books.charge(event)
            counted = isinstance(event, e.AgentFinished) and event.ended not in BROKEN and event.question is None
            books.used["", "made"] += counted
        if isinstance(event, e.ActionChosen) and event.failure.maximum:
            name = event.failure.maximum
            if event.response is Response.PROCEED:
                books.allow(event.task, name, amounts.get(name))
        if isinstance(event, e.Answered) and event.choice == "continue":
            about = asked.get(event.question)
            if about is not None:
                books.allow(*about, amounts.get(about[1]))


def questions(game: Game) -> dict[str, tuple[str | None, str]]:
    """The maximum and the task of each question about a budget."""
    found = {}
    for _, run in states(game):
        for asked in (run.pending, *run.queued):
            if asked and asked.kind == "budget":
                found[asked.id] = (asked.task, str(asked.evidence["maximum"]))
    return found


@QUICK
@given(seeds)
def test_no_dispatch_begins_beyond_a_maximum_that_nobody_allowed_again(tmp_path: Path, rng: Random) -> None:
    drawn = side_by_side(rng) if rng.random() < 0.4 else scenario_of(rng)
    crashes = frozenset(rng.sample(range(1, 200), rng.randint(0, 5)))
    game = begin(tight(rng, drawn), tmp_path, crashes)
    run = game.play()
    assert len(game.journal.records) < EVENT_LIMIT and (run.ended or run.halted)
    check_books(game)


# -- what single decisions come to


def asked(game: Game) -> list[tuple[str | None, str]]:
    return list(questions(game).values())


def reports(game: Game) -> list[str]:
    return [event.ended for _, event in game.journal.events() if isinstance(event, e.AgentFinished)]


def test_a_stopped_dispatch_is_no_attempt_and_the_next_one_starts_from_what_it_did(tmp_path: Path) -> None:
    game, run = played(of_tasks(1, {}, "continue", budget={"dispatch": {"max-usd": 0.5}}), tmp_path)
    assert reports(game) == ["over-budget", "done"] and asked(game) == [("1", "dispatch.max-usd")]
    assert (run.exit_code, run.of("1").attempts, run.of("1").number) == (0, 1, 2)
    assert run.cost.usd == 0.625 + 0.25  # the second found what the first had begun
    assert [f.type for f in run.of("1").failures] == ["budget-threshold"]


@pytest.mark.parametrize(("answer", "wanted"), [("skip", "skipped complete"), ("continue", "complete complete")])
def test_a_tasks_maximum_is_asked_about_before_its_next_dispatch(answer: str, wanted: str, tmp_path: Path) -> None:
    """The gate is red, and what the task may cost is used up: no fix begins without an answer."""
    scenario = of_tasks(2, {"1": ("gate",)}, answer, budget={"task": {"max-usd": 1.0}})
    game, run = played(scenario, tmp_path)
    assert statuses(run) == wanted and run.exit_code == 0 and asked(game) == [("1", "task.max-usd")]
    assert run.of("1").attempts == (2 if answer == "continue" else 1)


def test_a_task_that_is_done_with_its_last_cent_is_not_asked_about(tmp_path: Path) -> None:
    game, run = played(of_tasks(2, {}, "abort", budget={"task": {"max-usd": 1.0}}), tmp_path)
    assert run.exit_code == 0 and asked(game) == []


def test_the_last_attempt_of_a_run_comes_to_its_end(tmp_path: Path) -> None:
    game, run = played(of_tasks(2, {}, "abort", budget={"max-attempts": 2}), tmp_path)
    assert run.exit_code == 0 and asked(game) == []
    game, run = played(of_tasks(2, {}, "abort", budget={"max-attempts": 1}), tmp_path)
    assert (run.ended, statuses(run)) == ("aborted", "complete running") and asked(game) == [(None, "max-attempts")]


def test_of_tasks_side_by_side_only_as_many_begin_as_there_are_attempts(tmp_path: Path) -> None:
    scenario = of_tasks(3, {}, "continue", jobs=3, budget={"max-attempts": 2})
    tasks = tuple(t.model_copy(update={"files": (f"f-{t.id}",)}) for t in scenario.tasks)
    game = begin(replace(scenario, tasks=tasks), tmp_path)
    run = game.play()
    assert run.exit_code == 0 and asked(game) == [(None, "max-attempts")]
    check_books(game)


def test_a_maximum_that_is_only_recorded_stops_nothing(tmp_path: Path) -> None:
    for action in ("warn-continue", "ignore"):
        budget = {"task": {"max-usd": 0.5}, "dispatch": {"max-usd": 0.5}}
        scenario = of_tasks(1, {"1": ("gate",)}, "abort", budget=budget, failure_actions={"budget-threshold": action})
        game, run = played(scenario, tmp_path)
        assert run.exit_code == 0 and reports(game) == ["done", "done"] and run.questions == 0
        assert any("budget.task.max-usd 0.5 is reached" in text for text in run.warnings)


def test_what_a_fix_did_before_it_was_stopped_counts_as_a_change(tmp_path: Path) -> None:
    """The dispatch after it finds nothing left to do: the gate decides, not that it changed nothing."""
    scenario = of_tasks(1, {"1": ("gate", "good", "nothing")}, "continue", budget={"task": {"max-usd": 1.5}})
    game, run = played(scenario, tmp_path)
    assert reports(game) == ["done", "over-budget", "done"]
    assert run.exit_code == 0 and "half-1" in game.workspace.content(run.tip)


def test_a_stopped_reviewer_gives_no_verdict_and_is_called_again(tmp_path: Path) -> None:
    scenario = of_tasks(1, {}, "continue", review={"roles": ["spec"]}, budget={"task": {"max-usd": 1.5}})
    game, run = played(scenario, tmp_path)
    assert run.exit_code == 0 and asked(game) == [("1", "task.max-usd")]
    assert [(r.number, r.ended, r.passed) for r in run.of("1").reviews] == [(1, "over-budget", None), (2, "done", True)]


@pytest.mark.parametrize(
    ("before", "later", "goes_on"),
    [
        ({"task": {"max-usd": 1.0}}, {"task": {"max-usd": 1.0}}, False),
        ({"task": {"max-usd": 1.0}}, {"task": {"max-usd": 2.0}}, True),
        ({"task": {"max-usd": 1.0}}, {}, True),
        ({"max-attempts": 1}, {"max-attempts": 1}, False),
        ({"max-attempts": 1}, {"max-attempts": 2}, True),
        ({"dispatch": {"max-usd": 0.5}}, {"dispatch": {"max-usd": 0.5}}, False),
        ({"dispatch": {"max-usd": 0.5}}, {"dispatch": {"max-usd": 0.75}}, True),
    ],
)
def test_a_plain_resume_goes_on_once_the_maximum_is_higher(
    before: dict[str, Any], later: dict[str, Any], goes_on: bool, tmp_path: Path
) -> None:
    game = begin(of_tasks(1, {"1": ("gate",)}, budget=before), tmp_path)
    run = game.live()
    assert run.pending and run.pending.kind == "budget"
    now = of_tasks(1, {}, budget=later).settings
    resumed = e.RunResumed(settings=now, interactive=False, pid=2, host="here")
    assert (evolve(run, resumed, run.last_at).pending is None) == goes_on
    same = evolve(run, resumed, run.last_at)
    assert evolve(same, resumed, run.last_at).pending == same.pending


def test_unknown_cost_is_told_once_of_each_agent_and_never_counted(tmp_path: Path) -> None:
    game = begin(of_tasks(3, {}, budget={"max-usd": 1.5, "task": {"max-tokens": 5}}), tmp_path)
    game.silent = True
    run = game.play()
    assert run.exit_code == 0 and run.cost.usd is None
    assert [text for text in run.warnings if text.startswith("budget")] == [
        f"budget: the agent scripted does not tell its {word}: no budget of it can be held"
        for word in ("cost", "tokens")
    ]


def test_each_meter_warns_once_at_its_share(tmp_path: Path) -> None:
    scenario = of_tasks(2, {"1": ("gate",)}, budget={"max-usd": 3.5, "task": {"max-usd": 2.4}, "max-attempts": 4})
    _, run = played(scenario, tmp_path)
    assert [text for text in run.warnings if text.startswith("budget")] == [
        "budget: task 1: 2 of task.max-usd 2.4 is used",
        "budget: 3 of max-usd 3.5 is used",
    ]


amounts = st.one_of(st.none(), st.integers(1, 40).map(lambda n: n / 4))


@given(amounts, amounts, amounts, st.integers(0, 3), st.integers(0, 3), amounts)
def test_what_is_left_is_the_least_of_what_is_left(
    of_run: float | None, of_task: float | None, of_one: float | None, again: int, more: int, spent: float | None
) -> None:
    """Against sums by hand: what the run and the task have used is the same here."""
    budget = {"max-usd": of_run, "task": {"max-usd": of_task}, "dispatch": {"max-usd": of_one}}
    run = begin(of_tasks(1, {}, budget=budget), Path("/nowhere")).begun()
    t = replace(run.of("1"), cost=Cost(usd=spent), allowed={"task.max-usd": more})
    run = replace(run.with_task(t), cost=Cost(usd=spent), allowed={"max-usd": again})
    limits = [
        *([of_run * (1 + again) - (spent or 0)] if of_run else []),
        *([of_task * (1 + more) - (spent or 0)] if of_task else []),
        *([of_one] if of_one else []),
    ]
    assert left(run, run.of("1")).usd == (min(limits) if limits else None)


def test_an_absurd_cost_neither_hangs_an_answer_nor_its_replay() -> None:
    """What is used is the agent's word: allowing more is no loop over it."""
    run = begin(of_tasks(1, {}, budget={"max-usd": 0.01}), Path("/nowhere")).begun()
    run = replace(run, cost=Cost(usd=9e15))
    more = allow_more(run, "max-usd")
    assert more.allowed["max-usd"] * 0.01 < 9.1e15 and not run_meters(more)[0].reached


@given(st.floats(0, 50), st.floats(0.05, 5), st.integers(0, 5))
def test_as_much_more_is_allowed_as_leaves_something_and_no_more(used: float, most: float, before: int) -> None:
    run = begin(of_tasks(1, {}, budget={"max-usd": most}), Path("/nowhere")).begun()
    times = before + 1
    while used >= most * (1 + times):
        times += 1
    run = replace(run, cost=Cost(usd=used), allowed={"max-usd": before})
    assert allow_more(run, "max-usd").allowed["max-usd"] == times


@pytest.mark.parametrize("budget", [{"max-usd": 0.5}, {"max-turns": 1}, {"max-attempts": 1}, {"max-time": 1}])
def test_a_maximum_that_is_lower_at_a_resume_is_asked_about_before_anything_begins(
    budget: dict[str, Any], tmp_path: Path
) -> None:
    later = of_tasks(2, {}, budget=budget).settings
    game = begin(replace(of_tasks(2, {}, execution_mode="checkpoint"), later=(later,)), tmp_path)
    first = game.live()
    game.journal(game.resumed(first))
    run = game.drive(game.journal.replay())
    assert run.pending and run.pending.kind == "budget"
    assert len(reports(game)) == 1


class Asking(Game):
    """Its second dispatch does the work and asks something; the third finds nothing left to do."""

    def work(self, brief: Brief) -> AgentReport:
        found = super().work(brief)
        return replace(found, question="which?") if brief.attempt == 2 else found


def test_what_a_fix_did_before_it_asked_counts_as_a_change(tmp_path: Path) -> None:
    """The gate looks at it: the failure that it mended is not asked about as if it still stood."""
    game = begin(of_tasks(1, {"1": ("gate", "good", "nothing")}, "continue"), tmp_path)
    game.__class__ = Asking
    run = game.play()
    assert run.exit_code == 0 and run.questions == 1 and reports(game) == ["done"] * 3
    assert [f.type for f in run.of("1").failures] == ["validation-failure"]


class Odd(Game):
    """Its first dispatch ends otherwise; over its budget without any change."""

    ended = ""

    def work(self, brief: Brief) -> AgentReport:
        if brief.attempt > 1:
            return super().work(brief)
        if self.ended == "over-budget":
            return AgentReport("over-budget", cost_usd=1.0, limit="max-usd")
        return replace(super().work(brief), ended=self.ended)  # type: ignore[arg-type]


@pytest.mark.parametrize("action", ["warn-continue", "ignore"])
def test_a_limit_that_is_let_pass_does_not_pass_a_dispatch_that_did_nothing(action: str, tmp_path: Path) -> None:
    """An agent may hold a limit of its own: `arguments = ["--max-budget-usd", "1"]`."""
    game = begin(of_tasks(1, {}, failure_actions={"budget-threshold": action}), tmp_path)
    game.__class__, Odd.ended = Odd, "over-budget"
    run = game.play()
    assert run.exit_code == 0 and reports(game) == ["over-budget", "done"]
    assert [f.type for f in run.of("1").failures] == ["budget-threshold", "impl-crash"]


def test_what_an_adapter_does_not_call_done_is_not_done(tmp_path: Path) -> None:
    game = begin(of_tasks(1, {}), tmp_path)
    game.__class__, Odd.ended = Odd, "cancelled"
    run = game.play()
    assert run.exit_code == 0 and reports(game) == ["cancelled", "done"]
    assert [f.type for f in run.of("1").failures] == ["impl-crash"]


def test_reviewers_that_one_maximum_stopped_are_asked_about_together(tmp_path: Path) -> None:
    budget = {"task": {"max-usd": 1.9}}
    first = of_tasks(1, {}, review={"roles": ["spec", "quality"]}, budget=budget)
    higher = of_tasks(1, {}, review={"roles": ["spec", "quality"]}, budget={"task": {"max-usd": 100}})
    game = begin(replace(first, later=(higher.settings,)), tmp_path)
    run = game.live()
    assert run.pending and [r.ended for r in run.of("1").reviews] == ["over-budget"] * 2
    game.journal(game.resumed(run))
    run = game.drive(game.journal.replay())
    assert run.exit_code == 0 and run.questions == 1


def test_the_runs_time_is_watched_while_another_task_is_asked_about(tmp_path: Path) -> None:
    """What is under way then is ended by it too."""
    scenario = of_tasks(2, {}, jobs=2, budget={"max-time": 1000})
    tasks = tuple(t.model_copy(update={"files": (f"f-{t.id}",)}) for t in scenario.tasks)
    game = begin(replace(scenario, tasks=tasks), tmp_path)
    game.play()
    run = next(run for _, run in states(game) if sum(step.kind is Kind.DISPATCH for step in decide(run)) == 2)
    keys = {step.key for step in decide(run) if step.kind is Kind.DISPATCH}
    run = replace(run, in_flight=frozenset(keys))
    asks = e.AgentFinished(
        key="attempt:1#1", task="1", attempt=1, role="implement", ended="done", tree="t", question="?"
    )
    run = evolve(run, asks, run.last_at)
    assert run.pending and {step.kind for step in decide(run)} == {Kind.DISPATCH, Kind.WATCH_TIME}
    over = evolve(run, e.TimeUp(), run.last_at)
    assert over.pending and over.budget_failure and not decide(over)


def test_a_sum_in_which_a_cost_is_missing_says_so(tmp_path: Path) -> None:
    """An agent that tells its cost does one task, one that does not the other."""
    game, run = played(of_tasks(2, {}), tmp_path)
    assert run.cost.silent == 0 and "cost: 2.00 USD, " in final(run)
    game = begin(of_tasks(2, {}, execution_mode="checkpoint"), tmp_path)
    game.live()
    game.silent = True
    run = game.play()
    assert (run.cost.usd, run.cost.silent) == (1.0, 1)
    assert "cost: 1.00 USD and what 1 dispatch did not say" in final(run)
