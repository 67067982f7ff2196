"""Several tasks at once in the scripted world: who is worked on when, one at a time onto the branch, crash anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from test_evolve import (
    QUICK,
    Game,
    Scenario,
    begin,
    check_branch,
    check_truth,
    deed_of,
    duration,
    made_for,
    of_tasks,
    scenario_of,
    seeds,
    statuses,
)
from test_phases import changes, legal

from superteam.core import events as e
from superteam.core.decide import Kind, decide
from superteam.core.evolve import evolve, start
from superteam.core.failures import Failure, FailureType
from superteam.core.plan import Task
from superteam.core.run import Phase, Run
from superteam.core.scheduling import is_alone, overlap
from superteam.core.settings import Settings

EVENT_LIMIT = 3_000
SOME = hypothesis.settings(QUICK, max_examples=25)


def states(game: Game) -> Iterator[tuple[e.Event, Run]]:
    """Each event with the state after it."""
    (at, created), *rest = game.journal.events()
    assert isinstance(created, e.RunCreated)
    run = start(created, at)
    yield created, run
    for at, event in rest:
        run = evolve(run, event, at)
        yield event, run


def check_side_by_side(game: Game) -> None:
    """Never a task before its dependencies, two with one file, more than allowed, or two that go onto the branch."""
    before: set[str] = set()
    for event, run in states(game):
        at_work = [t for t in run.tasks if t.work and t.status == "running"]
        now = {t.task.id for t in at_work}
        assert len(run.working()) <= max(run.settings.jobs, len(before))
        assert sum(t.work.has_turn() for t in run.working() if t.work) <= 1
        assert len({t.work.slot for t in run.working() if t.work}) == len(run.working())
        for t in at_work:
            others = [o for o in at_work if o is not t]
            assert not (is_alone(t.task) and others), event
            assert not any(overlap(t.task.files, o.task.files) for o in others)
            if t.task.id not in before:
                assert {run.of(id).status for id in t.task.depends_on} <= {"complete"}
                assert not any(o.status == "pending" and o.task.wave < t.task.wave for o in run.tasks)
        before = now
    assert {change for change in changes(game) if not legal(change)} == set()


def side_by_side(rng: Random) -> Scenario:
    """A drawn scenario with more tasks, most of which may be done at once."""
    scenario = scenario_of(rng)
    ids = [str(i + 1) for i in range(rng.randint(2, 5))]
    second = rng.choice((2, 9, 9))  # where the second wave begins
    tasks = tuple(drawn_task(rng, ids[: i + 1], int(i >= second)) for i in range(len(ids)))
    deeds = {id: tuple(drawn_deed(rng) for _ in range(rng.randrange(4))) for id in ids}
    mode = rng.choice(("auto", "auto", "auto", scenario.settings.execution_mode))
    settings = scenario.settings.model_copy(update={"jobs": rng.randint(2, 4), "execution_mode": mode})
    return replace(scenario, tasks=tasks, deeds=deeds, settings=settings)


def drawn_deed(rng: Random) -> str:
    return rng.choice(("good", "shared", "shared", "conflict", "nothing", "asks", deed_of(rng)))


def drawn_task(rng: Random, ids: list[str], wave: int) -> Task:
    id = ids[-1]
    return Task(
        id=id,
        title=f"Task {id}",
        depends_on=(rng.choice(ids[:-1]),) if ids[:-1] and rng.random() < 0.15 else (),
        files=() if rng.random() < 0.08 else (rng.choice((*[f"f-{id}"] * 8, "f-*", "f-1")),),
        part=rng.choice(("", "", "", "", "", "a")),
        wave=wave,
        allow_empty=rng.random() < 0.1,
    )


@SOME
@given(seeds)
def test_whatever_happens_the_rules_of_side_by_side_hold(tmp_path: Path, rng: Random) -> None:
    game = begin(side_by_side(rng), tmp_path, frozenset(rng.sample(range(1, 200), rng.randint(0, 6))))
    run = game.play()
    check_branch(game, run)
    check_truth(game, run)
    check_side_by_side(game)
    assert len(game.journal.records) < EVENT_LIMIT


# -- crash anywhere, then resume


def calm_scenario(rng: Random) -> Scenario:
    """One whose end does not depend on who is first: nothing conflicts, and what goes wrong is mended or left out."""
    scenario = side_by_side(rng)
    local = ("good", "break", "gate", "own", "gone", "ugly", "failed", "nothing", "asks")
    deeds = {t.id: tuple(rng.choice(local) for _ in range(rng.randrange(3))) for t in scenario.tasks}
    config = {
        "jobs": scenario.settings.jobs,
        "test-command": "suite",
        "validation-command": rng.choice(("true", None)),
        "on-escalation": rng.choice(("ask", "skip")),
        "agent": {"use": "scripted", "max-attempts": rng.randint(2, 3)},
        "validation": {"auto-fix": rng.randint(0, 2), "reruns": 1, "confirmations": 1},
    }
    answers = tuple(rng.choice(("retry", "rollback", "skip")) for _ in range(2))
    drawn = replace(scenario, deeds=deeds, answers=answers, flaky=False, storms=frozenset())
    return replace(drawn, settings=Settings.model_validate(config))


def outcome(game: Game, run: Run) -> dict[str, Any]:
    """What must depend neither on a crash nor on who came first."""
    failed = {t.task.id: sorted((f.type, f.action, f.tests) for f in t.failures) for t in run.tasks}
    return {
        "ended": (run.ended, run.exit_code, run.fast_forwarded),
        "files": game.workspace.content(game.workspace.branch),
        "tasks": [(t.task.id, t.status, t.attempts, t.number, failed[t.task.id]) for t in run.tasks],
        "commits": sorted(made_for(game)),
        "cost": run.cost,
        "questions": run.questions,
    }


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@SOME
@given(seeds)
def test_tasks_side_by_side_that_crash_anywhere_end_like_calm_ones(backend: str, tmp_path: Path, rng: Random) -> None:
    scenario = calm_scenario(rng)
    calm = begin(scenario, tmp_path, backend=backend)
    wanted = outcome(calm, calm.play())
    places = rng.sample(range(1, calm.fuse.count + 1), min(calm.fuse.count, rng.randint(1, 12)))
    stormy = begin(scenario, tmp_path, frozenset(places), backend)
    survived = stormy.play()
    check_branch(stormy, survived)
    check_side_by_side(stormy)
    assert outcome(stormy, survived) == wanted


@SOME
@given(seeds)
def test_tasks_side_by_side_end_like_one_after_the_other(tmp_path: Path, rng: Random) -> None:
    scenario = calm_scenario(rng)
    scenario = replace(scenario, answers=scenario.answers[:1])
    several, single = begin(scenario, tmp_path), begin(with_jobs(scenario, 1), tmp_path)
    assert outcome(several, several.play()) == outcome(single, single.play())


def with_jobs(scenario: Scenario, jobs: int) -> Scenario:
    return replace(scenario, settings=scenario.settings.model_copy(update={"jobs": jobs}))


# -- what single decisions come to


def two(deeds: Mapping[str, tuple[str, ...]], *answers: str, **config: Any) -> Scenario:
    """Two tasks with a file each; both write `shared` where their deed says so."""
    scenario = of_tasks(2, deeds, *answers, jobs=2, **config)
    return replace(scenario, tasks=tuple(t.model_copy(update={"files": (f"f-{t.id}",)}) for t in scenario.tasks))


def played(scenario: Scenario, folder: Path) -> tuple[Game, Run]:
    game = begin(scenario, folder)
    run = game.play()
    check_branch(game, run)
    check_side_by_side(game)
    return game, run


def kinds(game: Game, task: str) -> list[str]:
    """The steps that were begun for a task, in order."""
    return [ev.step for _, ev in game.journal.events() if isinstance(ev, e.StepStarted) and ev.task == task]


def test_two_tasks_are_dispatched_at_once_and_the_second_is_integrated_and_gated_again(tmp_path: Path) -> None:
    game, run = played(two({}), tmp_path)
    begun = [ev.key for _, ev in game.journal.events() if isinstance(ev, e.StepStarted)]
    assert begun[1:3] == ["attempt:1#1", "attempt:2#1"] and run.exit_code == 0
    orders = kinds(game, "1"), kinds(game, "2")
    whole = ["attempt", "gate", "commit", "probe", "conclude", "accept", "move-branch"]
    assert whole in orders and [*whole[:2], "integrate", "gate", *whole[2:]] in orders


def test_with_one_job_nothing_is_integrated(tmp_path: Path) -> None:
    game, _ = played(with_jobs(two({}), 1), tmp_path)
    assert {"integrate"}.isdisjoint(kinds(game, "1") + kinds(game, "2"))
    assert {t.work.slot for _, run in states(game) for t in run.working() if t.work} == {0}


CLASH = {"1": ("shared",), "2": ("shared",)}


def test_a_conflict_is_mended_by_the_later_tasks_agent_on_top(tmp_path: Path) -> None:
    game, run = played(two(CLASH), tmp_path)
    later = made_for(game)[0][0]
    assert run.exit_code == 0 and statuses(run) == "complete complete"
    assert game.workspace.content(run.tip)["shared"] == f"both, by {later}"
    assert [(f.type, f.action) for f in run.of(later).failures if "conflicts" in f.message] == [
        ("validation-failure", "retry-then-escalate")
    ]
    assert run.of(later).attempts == 2


@pytest.mark.parametrize(
    ("answer", "exit_code", "attempts"), [("retry", 0, 2), ("rollback", 0, 2), ("skip", 0, 1), ("abort", 1, 1)]
)
def test_without_auto_fix_a_conflict_is_a_question(answer: str, exit_code: int, attempts: int, tmp_path: Path) -> None:
    game, run = played(two(CLASH, answer, validation={"auto-fix": 0}), tmp_path)
    asked = [r.pending for _, r in states(game) if r.pending]
    assert [option.id for option in asked[0].options] == ["retry", "rollback", "skip", "abort"]
    later = run.of(asked[0].task or "")
    assert (run.exit_code, run.questions, later.attempts) == (exit_code, 1, attempts)
    assert not any("<<<<" in text for text in game.workspace.content(run.tip).values())


def test_conflict_markers_that_a_fix_left_are_the_same_failure_again(tmp_path: Path) -> None:
    deeds = {"1": ("shared", "conflict"), "2": ("shared", "conflict")}
    game, run = played(two(deeds, "retry"), tmp_path)
    later = run.of(made_for(game)[0][0])
    assert [f.type for f in later.failures if "conflicts" in f.message] == ["validation-failure"] * 2
    assert run.exit_code == 0 and later.attempts == 3 and run.questions == 1


@pytest.mark.parametrize("action", ["warn-continue", "ignore"])
def test_no_configured_action_lets_a_conflict_pass(action: str, tmp_path: Path) -> None:
    config = {"validation": {"auto-fix": 0}, "failure_actions": {"validation-failure": action}}
    _, run = played(two(CLASH, "skip", **config), tmp_path)
    assert sorted(statuses(run).split()) == ["complete", "skipped"] and run.questions == 1


def test_while_a_question_is_asked_the_other_task_comes_to_the_end_of_its_step_only(tmp_path: Path) -> None:
    quick, slow = sorted("12", key=lambda id: duration(id, 1))
    game, run = played(two({quick: ("asks",)}, "skip"), tmp_path)
    paused = [(ev, r) for ev, r in states(game) if r.pending]
    # Threads write the prompts, so that the slow one may be further by then, though it began with the quick one.
    assert all(f":{slow}#" in key for key in paused[0][1].in_flight) and not paused[-1][1].in_flight
    assert not any(isinstance(ev, e.StepStarted | e.StepCancelled) for ev, _ in paused)
    assert (run.of(quick).status, run.of(slow).status, run.of(slow).attempts) == ("skipped", "complete", 1)


def test_an_accepted_commit_is_moved_to_though_another_task_aborts_the_run_but_not_though_a_person_does(
    tmp_path: Path,
) -> None:
    game, _ = played(two({}), tmp_path)
    moving = next(r for _, r in states(game) for t in r.working() if t.work and t.work.phase is Phase.MOVE)
    assert {step.kind for step in decide(replace(moving, aborted=True))} == {Kind.MOVE_BRANCH}
    assert {step.kind for step in decide(evolve(moving, e.RunAborted(), moving.last_at))} == {Kind.FINISH}


def test_a_question_that_comes_while_another_is_asked_is_asked_after_it(tmp_path: Path) -> None:
    game, run = played(two({"1": ("asks",), "2": ("asks",)}, "continue"), tmp_path)
    assert any(r.queued for _, r in states(game)) and run.exit_code == 0
    asked = [ev.question for ev, _ in states(game) if isinstance(ev, e.Answered)]
    assert asked == ["q1", "q2"] == list(dict.fromkeys(r.pending.id for _, r in states(game) if r.pending))


def test_a_reached_maximum_lets_dispatches_end_but_begins_none(tmp_path: Path) -> None:
    game, run = played(two({}, "abort", budget={"max-usd": 1.0}), tmp_path)
    assert [t.attempts for t in run.tasks] == [1, 1] and run.ended == "aborted"
    assert not any(isinstance(ev, e.StepCancelled) for ev, _ in states(game))


def test_a_reached_maximum_of_time_ends_the_dispatches(tmp_path: Path) -> None:
    game, _ = played(two({}), tmp_path)
    at_work = next(r for _, r in states(game) if {"attempt:1#1", "attempt:2#1"} <= r.in_flight)
    spent = Failure(type=FailureType.BUDGET_THRESHOLD, origin="budget", tests=("max-usd",))
    late = spent.model_copy(update={"tests": ("max-time",)})
    wanted = {step.kind for step in decide(replace(at_work, budget_failure=spent))}
    assert wanted == {Kind.RESPOND, Kind.DISPATCH}
    assert {step.kind for step in decide(replace(at_work, budget_failure=late))} == {Kind.RESPOND}


@pytest.mark.parametrize(("maximum", "stops"), [({"max-usd": 0.5}, True), ({"max-time": 0.5}, False)])
def test_while_reviewers_are_at_work_no_maximum_of_money_lets_another_task_begin(
    maximum: dict[str, float], stops: bool, tmp_path: Path
) -> None:
    """A maximum of time would end the reviewers, so that it waits for them."""
    game, _ = played(two({}, review={"roles": ["spec"]}), tmp_path)
    reviewed = next(r for _, r in states(game) if any(key.startswith("review:") for key in r.in_flight))
    limits = reviewed.settings.budget.model_validate(maximum)
    late = replace(reviewed, settings=reviewed.settings.model_copy(update={"budget": limits}), elapsed_s=9.0)
    after = evolve(late, e.Warned(message="later"), late.last_at)
    assert (after.budget_failure is not None) == stops
    assert not stops or {step.kind for step in decide(after)} >= {Kind.RESPOND, Kind.REVIEW}


def test_of_the_users_of_the_check_tree_one_is_wanted_at_a_time(tmp_path: Path) -> None:
    """A gate with an acceptance test runs it at the task's start, in the check tree."""
    scenario = two({})
    tasks = tuple(t.model_copy(update={"acceptance_test": "true"}) for t in scenario.tasks)
    game, _ = played(replace(scenario, tasks=tasks), tmp_path)
    for _, run in states(game):
        assert sum(step.kind in (Kind.RUN_GATE, Kind.RUN_PROBE) for step in decide(run)) <= 1


def test_an_aborted_run_puts_each_tree_aside(tmp_path: Path) -> None:
    game, run = played(two({"1": ("gate",), "2": ("gate",)}, "abort", validation={"auto-fix": 0}), tmp_path)
    assert run.ended == "aborted"
    kept = {ref.partition("finish-")[2]: game.workspace.content(tree) for ref, tree in game.workspace.kept.items()}
    aside = [files for name, files in kept.items() if "aborted" in name]
    assert sorted(name for files in aside for name in files if name.startswith("f-")) == ["f-1", "f-2"]


def test_batch_mode_and_every_n_begin_no_more_than_fit(tmp_path: Path) -> None:
    for config in ({"execution_mode": "batch", "batch_size": 2}, {"validation_cadence": "every-2"}):
        scenario = of_tasks(4, {}, jobs=4, **config)
        tasks = tuple(t.model_copy(update={"files": (f"f-{t.id}",)}) for t in scenario.tasks)
        game, run = played(replace(scenario, tasks=tasks), tmp_path)
        assert run.exit_code == 0 and max(len(r.working()) for _, r in states(game)) == 2
    assert [v.verdict for v in run.validations] == ["pass", "pass"]


def test_a_changed_plan_asks_about_finished_tasks_when_those_at_work_are_done(tmp_path: Path) -> None:
    scenario = of_tasks(3, {}, jobs=2)
    tasks = tuple(t.model_copy(update={"files": (f"f-{t.id}",)}) for t in scenario.tasks)
    game, _ = played(replace(scenario, tasks=tasks), tmp_path)
    run = next(r for _, r in states(game) if "complete" in statuses(r) and len(r.working()) == 2)
    (done,) = [t.task.id for t in run.tasks if t.status == "complete"]
    changed = e.PlanChanged(plan=run.plan.model_copy(update={"sha256": "1"}), finished=(done,))
    after = evolve(run, changed, run.last_at)
    assert after.pending is None and after.unasked == (done,) and len(after.working()) == 2
