"""Rate limits: waited for or not, never an attempt, and never for ever."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from test_evolve import PATIENCE, QUICK, Game, begin, of_tasks, played, scenario_of, seeds, statuses
from test_side_by_side import side_by_side, states

from superteam.cli.ending import final
from superteam.core import events as e
from superteam.core.decide import Kind, Step, agent_of, decide
from superteam.core.evolve import evolve
from superteam.core.moments import seconds_until
from superteam.core.settings import AgentChoice
from superteam.evidence.status import status_document


def waits(game: Game) -> int:
    return sum(isinstance(ev, e.StepStarted) and ev.step == Kind.WAIT for _, ev in game.journal.events())


def resumes(game: Game) -> int:
    return sum(isinstance(ev, e.RunResumed) for _, ev in game.journal.events())


def test_a_limit_is_waited_for_and_the_same_dispatch_begins_again(tmp_path: Path) -> None:
    game, run = played(of_tasks(2, {"1": ("limited",)}), tmp_path)
    assert (run.exit_code, statuses(run), run.questions) == (0, "complete complete", 0)
    assert (run.of("1").attempts, run.of("1").number, waits(game), resumes(game)) == (1, 2, 1, 0)
    assert run.of("1").failures == ()


def test_what_it_did_until_then_is_kept_and_counts_as_a_fix(tmp_path: Path) -> None:
    game, run = played(of_tasks(1, {"1": ("gate", "limited", "nothing")}), tmp_path)
    assert run.exit_code == 0 and "half-1" in game.workspace.content(run.tip) and run.of("1").attempts == 2


@pytest.mark.parametrize(
    ("deed", "why"), [("later", "waiting is allowed for 1000 s"), ("whenever", "the provider does not say until when")]
)
def test_a_limit_that_is_not_waited_for_ends_the_process_and_resume_tries_again(
    deed: str, why: str, tmp_path: Path
) -> None:
    game = begin(of_tasks(1, {"1": (deed,)}), tmp_path)
    run = game.live()
    assert run.limits.stopped and run.limits.stopped.why == why and not decide(run) and run.ended is None
    assert (run.limits.stopped.until is None) == (deed == "whenever")
    run = game.play()
    assert run.exit_code == 0 and run.of("1").attempts == 1 and waits(game) == 0


def test_a_provider_that_never_lets_go_is_not_waited_for_a_fourth_time(tmp_path: Path) -> None:
    game = begin(of_tasks(1, {"1": ("limited",) * 9}), tmp_path)
    run = game.live()
    assert waits(game) == 3 and run.limits.stopped and "3 times in a row" in run.limits.stopped.why
    assert game.play().exit_code == 0


def test_any_other_ending_begins_the_count_anew(tmp_path: Path) -> None:
    deeds = {"1": ("limited", "limited", "gate", "limited", "limited"), "2": ("limited", "limited")}
    game, run = played(of_tasks(2, deeds), tmp_path)
    assert run.exit_code == 0 and waits(game) == 6 and resumes(game) == 0


def test_a_reviewer_is_waited_for_too(tmp_path: Path) -> None:
    scenario = replace(of_tasks(1, {}, review={"roles": ["spec"]}), reviews={"1 spec": ("limited", "good")})
    game, run = played(scenario, tmp_path)
    assert run.exit_code == 0 and waits(game) == 1 and run.of("1").review_rounds == 1
    assert [(r.ended, r.passed) for r in run.of("1").reviews] == [("rate-limited", None), ("done", True)]


def test_while_one_waits_the_other_tasks_of_the_agent_wait_and_those_of_others_do_not(tmp_path: Path) -> None:
    scenario = of_tasks(3, {}, jobs=3)
    agents = (None, None, AgentChoice(use="another"))
    tasks = tuple(
        t.model_copy(update={"files": (f"f-{t.id}",), "agent": agent})
        for t, agent in zip(scenario.tasks, agents, strict=True)
    )
    game = begin(replace(scenario, tasks=tasks), tmp_path)
    game.play()
    run = next(run for _, run in states(game) if sum(step.kind is Kind.DISPATCH for step in decide(run)) == 3)
    limited = e.AgentFinished(task="1", attempt=1, role="implement", ended="rate-limited", tree="t", agent="scripted")
    later = limited.model_copy(update={"resets_at": "2026-01-01T00:10:00+00:00"})
    after = evolve(run, later, run.last_at)
    assert {(step.kind, step.task or step.role) for step in decide(after)} == {
        (Kind.WAIT, "scripted"),
        (Kind.DISPATCH, "3"),
    }
    other = later.model_copy(update={"task": "2", "resets_at": "2026-01-01T00:12:00+00:00"})
    longer = evolve(after, other, after.last_at)
    assert longer.limits.waiting["scripted"].until.startswith("2026-01-01T00:12") and longer.limits.begun == 2
    assert longer.limits.in_a_row == {"scripted": 1}


@QUICK
@given(seeds)
def test_no_dispatch_begins_while_its_agent_is_waited_for_and_all_comes_to_an_end(tmp_path: Path, rng: Random) -> None:
    scenario = side_by_side(rng) if rng.random() < 0.5 else scenario_of(rng)
    plagued = {
        id: tuple(rng.choice(("limited", "limited", "later", deed)) for deed in (*deeds, "good", "good"))
        for id, deeds in scenario.deeds.items()
    }
    scenario = replace(scenario, deeds=plagued)
    game = begin(scenario, tmp_path, frozenset(rng.sample(range(1, 200), rng.randint(0, 4))))
    run = game.play()
    assert run.ended or run.halted
    check_waits(game)


def check_waits(game: Game) -> None:
    """Nothing of an agent begins before its limit is over, unless a process tries it anew; no wait is too long, none
    comes after three in a row."""
    until: dict[str, str] = {}
    row: dict[str, int] = {}
    for event, run in states(game):
        if isinstance(event, e.RunResumed):
            until, row = {}, {}
        if isinstance(event, e.StepStarted) and event.step in ("attempt", "review"):
            assert agent_of(run, Step(Kind(event.step), event.task, event.number, event.role)) not in until
        if isinstance(event, e.WaitEnded):
            until.pop(event.agent, None)
        if isinstance(event, e.AgentFinished | e.ReviewFinished):
            if event.ended != "rate-limited":
                row[event.agent] = 0
            elif event.agent in run.limits.waiting and event.agent not in until:
                row[event.agent] = row.get(event.agent, 0) + 1
                until[event.agent] = run.limits.waiting[event.agent].until
                assert row[event.agent] <= 3
                assert seconds_until(run.last_at, until[event.agent]) <= PATIENCE


def test_only_a_process_waits(tmp_path: Path) -> None:
    """What was interrupted while it waited does not say that it still does."""
    game = begin(of_tasks(1, {"1": ("limited",)}), tmp_path)
    game.play()
    run = next(run for _, run in states(game) if run.limits.waiting)
    for live in (True, False):
        assert [limit["waiting"] for limit in status_document(run, live)["rate_limits"]] == [live]
        assert ("waiting for it" in final(run, live=live)) == live
