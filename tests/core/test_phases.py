"""Whatever happens in a run, its work goes only along the tables of phases, from which the diagram is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from test_evolve import QUICK, Game, begin, mixed_scenario_of, of_tasks, scenario_of, seeds

from superteam.core import events as e
from superteam.core.evolve import evolve, start
from superteam.core.run import BEGINS, ENDS, FOLLOWS, Phase, Run

Change = tuple[Phase | None, Phase | None]


def changes(game: Game) -> Iterator[Change]:
    """Each change of a task's phase, in order; None is no work."""
    (at, created), *rest = game.journal.events()
    assert isinstance(created, e.RunCreated)
    run = start(created, at)
    for at, event in rest:
        before, run = run, evolve(run, event, at)
        if not isinstance(event, e.PlanChanged):
            yield from between(before, run)


def between(before: Run, after: Run) -> Iterator[Change]:
    for t in before.tasks:
        old, new = t.work, after.of(t.task.id).work
        change = (old.phase if old else None, new.phase if new else None)
        if change[0] is not change[1]:
            yield change


def legal(change: Change) -> bool:
    """Along the table; or one piece of work ends and the task's next begins."""
    old, new = change
    ends, begins = old is None or old in ENDS, new is None or new in BEGINS
    return (ends and begins) or (old is not None and new in FOLLOWS[old])


@QUICK
@given(seeds)
def test_work_goes_only_along_the_table(tmp_path: Path, rng: Random) -> None:
    crashes = frozenset(rng.sample(range(1, 120), rng.randint(0, 6)))
    scenario = mixed_scenario_of(rng) if rng.random() < 0.5 else scenario_of(rng)
    game = begin(scenario, tmp_path, crashes)
    game.play()
    assert {change for change in changes(game) if not legal(change)} == set()


@pytest.mark.parametrize(
    ("deed", "answer", "wanted"),
    [
        ("break", "retry", (Phase.ACCEPT, Phase.INSPECT)),
        ("break", "rollback", (Phase.ACCEPT, Phase.DISPATCH)),
        ("break", "skip", (Phase.ACCEPT, Phase.PUT_BACK)),
        ("gate", "retry", (Phase.COMMIT, Phase.INSPECT)),
        ("gate", "skip", (Phase.COMMIT, Phase.PUT_BACK)),
        ("asks", "skip", (Phase.DISPATCH, Phase.PUT_BACK)),
        ("failed", "rollback", (Phase.GATE, Phase.DISPATCH)),
    ],
)
def test_an_answer_leads_where_the_table_says(deed: str, answer: str, wanted: Change, tmp_path: Path) -> None:
    game = begin(of_tasks(1, {"1": (deed, deed)}, answer, "skip", validation={"auto-fix": 0}), tmp_path)
    game.play()
    assert wanted in set(changes(game)) and legal(wanted)


def test_every_phase_can_be_entered_and_left() -> None:
    assert set(BEGINS).union(*FOLLOWS.values()) == set(Phase) == set(FOLLOWS)
    assert {phase for phase in Phase if not FOLLOWS[phase]} <= ENDS
