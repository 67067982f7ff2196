"""Whatever a person changes in what is left of a run: no task is lost or done twice, and dependencies are obeyed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from test_evolve import KINDS, QUICK, Game, Scenario, begin, check_branch, of_tasks, seeds, statuses

from superteam.core import events as e
from superteam.core.adjust import Change, dependants, refusal, reordered, unbegun
from superteam.core.evolve import evolve, start
from superteam.core.plan import Task
from superteam.core.run import Run, TaskRun

CHANGES: tuple[Change, ...] = ("drop", "skip", "reorder")


def scenario_of(rng: Random) -> Scenario:
    """Good work only, so that each dispatch of an implementer is one task done."""
    count = rng.randint(1, 6)
    scenario = of_tasks(count, {}, execution_mode=rng.choice(("checkpoint", "batch", "auto")), batch_size=2)
    tasks = []
    for place, task in enumerate(scenario.tasks):
        before = [t.id for t in scenario.tasks[:place]]
        needs = tuple(rng.sample(before, min(len(before), rng.choice((0, 0, 1, 2)))))
        tasks.append(task.model_copy(update={"kind": rng.choice(KINDS), "depends_on": needs, "wave": place // 3}))
    return replace(scenario, tasks=tuple(tasks), rejects={task.id: rng.choice((0, 1)) for task in tasks})


def adjust(game: Game, rng: Random) -> None:
    """One change that the rules allow, or none."""
    run = game.journal.replay()
    ids = [t.task.id for t in run.tasks]
    chosen = rng.sample(ids, rng.randint(1, min(3, len(ids))))
    change = rng.choice(CHANGES)
    if run.ended or refusal(run, change, chosen):
        return
    before, driver = run, game.driver(run)
    driver.record(e.PlanAdjusted(change=change, tasks=tuple(chosen)))
    after = driver.run
    assert sorted(ids) == sorted(t.task.id for t in after.tasks)
    if change == "reorder":
        old, new = ({t.task.id: t.status for t in unbegun(run).tasks} for run in (before, after))
        assert old == new


def play(game: Game, rng: Random) -> Run:
    """Processes one after the other, with a person's changes between them."""
    for _ in range(100):
        run = game.live()
        if run.ended:
            return run
        for _ in range(rng.randint(0, 2)):
            adjust(game, rng)
    raise AssertionError("the run does not come to an end")


@QUICK
@given(seeds)
def test_no_task_is_lost_or_done_twice_and_dependencies_are_obeyed(tmp_path: Path, rng: Random) -> None:
    scenario = scenario_of(rng)
    game = begin(scenario, tmp_path)
    run = play(game, rng)
    check_branch(game, run)
    assert sorted(t.task.id for t in run.tasks) == sorted(task.id for task in scenario.tasks)
    assert {t.status for t in run.tasks} <= {"complete", "skipped", "blocked"}, statuses(run)
    events = [event for _, event in game.journal.events()]
    implemented = Counter(
        event.task for event in events if isinstance(event, e.AgentFinished) and event.role == "implement"
    )
    for t in run.tasks:
        assert implemented[t.task.id] == (t.status == "complete" and t.task.kind == "auto")
        assert not t.dropped or t.status == "skipped"
        blocked = any(run.of(need).status in ("skipped", "blocked") for need in t.task.depends_on)
        assert t.status != "complete" or not blocked
        assert (t.status == "blocked") <= blocked
    done = completions(game)
    assert len(done) == len(set(done))
    for place, id in enumerate(done):
        assert set(run.of(id).task.depends_on) <= set(done[:place])


def completions(game: Game) -> list[str]:
    """The tasks in the order in which they were completed, as the journal tells."""
    (at, created), *rest = game.journal.events()
    assert isinstance(created, e.RunCreated)
    run, found = start(created, at), []
    for at, event in rest:
        before, run = run, evolve(run, event, at)
        if isinstance(event, e.PlanAdjusted):
            continue
        was = {t.task.id: t.status for t in before.tasks}
        found += [t.task.id for t in run.tasks if t.status == "complete" and was[t.task.id] != "complete"]
    return found


def run_of(*tasks: Task) -> Run:
    created = begin(replace(of_tasks(1, {}), tasks=tasks), Path()).created()
    run = start(created, "2026-01-01T00:00:00+00:00")
    return run


def task(id: str, *needs: str, wave: int = 0) -> Task:
    return Task(id=id, title=id, depends_on=needs, wave=wave)


@pytest.mark.parametrize(
    ("change", "ids", "why"),
    [
        ("drop", ("a",), "task b, c would be left without"),
        ("drop", ("a", "b"), "task c would be left without"),
        ("drop", ("a", "b", "c"), None),
        ("skip", ("a",), None),
        ("skip", ("x",), "has no task x"),
        ("skip", ("a", "a"), "named twice"),
        ("reorder", ("b", "a"), "task b depends on task a"),
        ("reorder", ("e", "a"), "of wave 1, and would come before"),
        ("reorder", ("d", "a"), "task b depends on task a"),
        ("reorder", ("d", "c"), None),
    ],
)
def test_what_is_refused_names_why(change: Change, ids: tuple[str, ...], why: str | None) -> None:
    run = run_of(task("a"), task("b", "a"), task("c", "b"), task("d"), task("e", wave=1))
    found = refusal(run, change, ids)
    assert (found is None) == (why is None) and (why or "") in (found or "")


def test_a_checkpoint_that_was_rejected_has_begun_and_what_was_said_is_not_lost() -> None:
    run = run_of(task("a").model_copy(update={"kind": "human-verify"}), task("b"), task("c"))
    run = replace(run, settings=run.settings.model_copy(update={"test_command": None}))
    run = evolve(run, e.RunResumed(settings=run.settings, interactive=False, pid=2, host="here"), run.last_at)
    assert run.pending is not None
    run = evolve(run, e.Answered(question=run.pending.id, choice="reject", note="too small"), run.last_at)
    assert "has begun" in (refusal(run, "skip", ("a",)) or "")
    after = evolve(run, e.PlanAdjusted(change="reorder", tasks=("c", "b")), run.last_at)
    assert after.pending is None and after.of("a").work == run.of("a").work


@given(seeds)
def test_dependants_are_what_a_walk_finds(rng: Random) -> None:
    tasks = tuple(t.model_copy(update={"wave": 0}) for t in scenario_of(rng).tasks)
    run = run_of(*tasks)
    chosen = {t.id for t in tasks if rng.random() < 0.3}
    found, more = set(chosen), True
    while more:
        new = {t.id for t in tasks if found & set(t.depends_on)} - found
        found, more = found | new, bool(new)
    assert set(dependants(run, chosen)) == found - chosen


@given(seeds)
def test_a_new_order_moves_only_what_is_named(rng: Random) -> None:
    tasks = tuple(TaskRun(task(str(n))) for n in range(rng.randint(1, 7)))
    ids = [t.task.id for t in tasks]
    chosen = rng.sample(ids, rng.randint(0, len(ids)))
    found = [t.task.id for t in reordered(tasks, chosen)]
    assert [id for id in found if id in chosen] == chosen
    assert [id if id not in chosen else None for id in found] == [id if id not in chosen else None for id in ids]


def test_what_is_only_next_has_not_begun_and_can_be_changed_again(tmp_path: Path) -> None:
    tasks = (Task(id="h", title="h", kind="human-action"), task("a"), task("b"))
    game = begin(replace(of_tasks(1, {}), tasks=tasks), tmp_path)
    driver = game.driver(game.live())
    driver.record(e.PlanAdjusted(change="drop", tasks=("h",)))
    assert driver.run.of("a").work is not None and refusal(driver.run, "reorder", ("b", "a")) is None
    driver.record(e.PlanAdjusted(change="reorder", tasks=("b", "a")))
    assert driver.run.of("a").status == "pending" and driver.run.of("b").work is not None
    driver.record(e.PlanAdjusted(change="drop", tasks=("b",)))
    assert statuses(game.play()) == "skipped skipped complete"
