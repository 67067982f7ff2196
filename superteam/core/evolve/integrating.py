"""Whose turn it is to go onto the branch, and what merging a task's change onto the tip came to."""

from __future__ import annotations

from dataclasses import replace

from superteam.core import events as e
from superteam.core.evolve.parts import add_warnings
from superteam.core.failures import Failure, FailureType
from superteam.core.run import Phase, Run, TaskRun


def give_turn(run: Run) -> Run:
    """Lets the first task that is ready go onto the branch, if nobody else is about to; merged first if it has moved.

    The turn is kept until the commit is on the branch or the work is left: what was validated is what is moved to.
    """
    working = run.working()
    if any(t.work and t.work.has_turn() for t in working):
        return run
    ready = next((t for t in working if _is_ready(t)), None)
    if ready is None or ready.work is None:
        return run
    phase = Phase.COMMIT if ready.work.base == run.tip else Phase.INTEGRATE
    return run.with_work(ready.task.id, replace(ready.work, integrating=True, phase=phase))


def _is_ready(t: TaskRun) -> bool:
    return t.work is not None and t.work.phase is Phase.COMMIT and not t.work.failures


def integrated(run: Run, event: e.Integrated) -> Run:
    """The change stands on the tip: it is gated there, unless it conflicts with what is there."""
    work = run.of(event.task).work
    assert work is not None
    work = replace(work, base=event.base, base_tree=event.base_tree, tree=event.tree, from_tree=event.tree)
    work = replace(work, gate_red_at_start=None, conflicts=event.conflicts)
    if event.conflicts:
        return run.with_work(event.task, replace(work, failures=conflict_failures(event.task, event.conflicts)))
    if event.tree == event.base_tree:
        run = add_warnings(run, f"task {event.task}: all that it changed is on the branch already")
    phase = Phase.GATE if run.gated(event.task) else Phase.COMMIT
    return run.with_work(event.task, replace(work, phase=phase))


def conflict_failures(task: str, conflicts: tuple[str, ...]) -> tuple[Failure, ...]:
    """The failure of a change that cannot be merged with what other tasks did meanwhile; none without conflicts."""
    if not conflicts:
        return ()
    listed = ", ".join(conflicts[:20])
    text = f"it conflicts with what other tasks committed meanwhile, in: {listed}"
    return (Failure(type=FailureType.VALIDATION_FAILURE, task=task, origin="merge", message=text),)
