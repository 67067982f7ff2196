"""What may be changed in what is left of a run: tasks taken out, left out, or put in another order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from superteam.core.run import Run, TaskRun

Change = Literal["drop", "skip", "reorder"]


def refusal(run: Run, change: Change, ids: Sequence[str]) -> str | None:
    """Why a run must not be changed like this; None if it may."""
    run = unbegun(run)
    known = {t.task.id: t for t in run.tasks}
    unknown = [id for id in ids if id not in known]
    if unknown:
        return f"the plan has no task {', '.join(unknown)}; its tasks are {', '.join(known)}"
    if len(set(ids)) < len(ids):
        return "a task is named twice"
    begun = [f"task {id} {_standing(run, known[id])}" for id in ids if not is_adjustable(known[id])]
    if begun:
        return f"only tasks that have not begun can be changed: {'; '.join(begun)}"
    if change == "drop" and (left := dependants(run, ids)):
        return f"task {', '.join(left)} would be left without what it depends on"
    return _misplaced(run, ids) if change == "reorder" else None


def unbegun(run: Run) -> Run:
    """The run with all tasks pending of which no step was ever started: what is only next has not begun. A checkpoint
    that a person rejected has."""
    started = {key.partition(":")[2].rpartition("#")[0] for key in run.started}
    for t in run.tasks:
        answered = t.work is not None and t.work.rejected is not None
        if t.status == "running" and t.commit_sha is None and t.task.id not in started and not answered:
            run = run.with_task(replace(t, status="pending", work=None))
    return run


def is_adjustable(t: TaskRun) -> bool:
    """Whether nothing was done for the task yet; a checkpoint that was rejected has commits."""
    return t.status == "pending" and t.work is None and t.commit_sha is None


def _standing(run: Run, t: TaskRun) -> str:
    if t.status == "pending":
        return "has begun"
    return {"running": "has begun"}.get(t.status, f"is {t.status}")


def dependants(run: Run, ids: Iterable[str]) -> tuple[str, ...]:
    """The tasks that are left and depend, directly or not, on one of these, in the order of the run."""
    gone, found = set(ids), []
    left = [t.task for t in run.tasks if t.status in ("pending", "running", "blocked")]
    for _ in left:
        for task in left:
            if task.id not in gone and gone.intersection(task.depends_on):
                gone.add(task.id)
                found.append(task.id)
    return tuple(task.id for task in left if task.id in found)


def reordered(tasks: Sequence[TaskRun], ids: Sequence[str]) -> tuple[TaskRun, ...]:
    """The named tasks in the given order, in the places that they hold; all others stay where they are."""
    known = {t.task.id: t for t in tasks}
    order = iter(ids)
    return tuple(known[next(order)] if t.task.id in ids else t for t in tasks)


def _misplaced(run: Run, ids: Sequence[str]) -> str | None:
    """What a new order would break that the old one does not: a dependency, or the order of waves."""
    left = [t for t in run.tasks if t.status == "pending"]
    old = {t.task.id: place for place, t in enumerate(left)}
    new = [t.task for t in reordered(left, ids)]
    for place, task in enumerate(new):
        for later in new[place + 1 :]:
            if old[later.id] > old[task.id]:
                continue
            if later.id in task.depends_on:
                return f"task {task.id} depends on task {later.id}, and would come before it"
            if task.wave > later.wave:
                return (
                    f"task {task.id} is of wave {task.wave}, and would come before task {later.id} of wave {later.wave}"
                )
    return None
