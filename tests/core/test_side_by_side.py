"""Several tasks at once in the scripted world: who is worked on when, one at a time onto the branch, crash anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from test_evolve import (
    QUICK,
    Game,
    Scenario,
    begin,
    check_branch,
    check_truth,
    faults_left,
    made_for,
    of_tasks,
    scenario_of,
    seeds,
    statuses,
)
from test_phases import changes, legal

from superteam.core import events as e
from superteam.core.evolve import evolve, start
from superteam.core.failures import FailureType
from superteam.core.plan import Task
from superteam.core.run import Run
from superteam.core.scheduling import is_alone, overlap

EVENT_LIMIT = 3_000


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
    deeds = {id: scenario.deeds.get(id) or tuple(drawn_deed(rng) for _ in range(rng.randrange(3))) for id in ids}
    settings = scenario.settings.model_copy(update={"jobs": rng.randint(2, 4)})
    return replace(scenario, tasks=tasks, deeds=deeds, settings=settings)


def drawn_deed(rng: Random) -> str:
    return rng.choice(("good", "good", "shared", "conflict", "break", "gate", "own", "failed", "nothing", "asks"))


def drawn_task(rng: Random, ids: list[str], wave: int) -> Task:
    id = ids[-1]
    return Task(
        id=id,
        title=f"Task {id}",
        depends_on=(rng.choice(ids[:-1]),) if ids[:-1] and rng.random() < 0.25 else (),
        files=() if rng.random() < 0.15 else (rng.choice((f"f-{id}", f"f-{id}", "f-*", "f-1")),),
        part=rng.choice(("", "", "a")),
        wave=wave,
        allow_empty=rng.random() < 0.1,
    )


@QUICK
@given(seeds)
def test_whatever_happens_the_rules_of_side_by_side_hold(tmp_path: Path, rng: Random) -> None:
    game = begin(side_by_side(rng), tmp_path, frozenset(rng.sample(range(1, 200), rng.randint(0, 6))))
    run = game.play()
    check_branch(game, run)
    check_truth(game, run)
    check_side_by_side(game)
    assert len(game.journal.records) < EVENT_LIMIT


if __name__ == "__main__":
    import sys, tempfile

    first, last = map(int, sys.argv[1:3])
    for seed in range(first, last):
        rng = Random(seed)
        scenario = side_by_side(rng)
        game = begin(
            scenario,
            Path(tempfile.gettempdir()) / "jobs-fuzz",
            frozenset(rng.sample(range(1, 200), rng.randint(0, 6))),
            ["asyncio", "trio"][seed % 2],
        )
        try:
            run = game.play()
            check_branch(game, run)
            check_truth(game, run)
            check_side_by_side(game)
            assert len(game.journal.records) < EVENT_LIMIT, len(game.journal.records)
        except BaseException as problem:
            import traceback

            print("SEED", seed, type(problem), str(problem)[:300])
            traceback.print_exc(limit=-2)
            if not isinstance(problem, (Exception, BaseExceptionGroup)):
                raise
    print("done")
