"""A person's changes of what is left of a run."""

from __future__ import annotations

from dataclasses import replace

from superteam.core import events as e
from superteam.core.adjust import is_adjustable, reordered, unbegun
from superteam.core.evolve.people import without_human_question
from superteam.core.run import Run


def plan_adjusted(run: Run, event: e.PlanAdjusted) -> Run:
    """Tasks are left out, or stand in another order; what is asked about a checkpoint is asked anew if it is next."""
    run = unbegun(without_human_question(run))
    if event.change == "reorder":
        return replace(run, tasks=reordered(run.tasks, event.tasks), reordered=True)
    dropped = event.change == "drop"
    for t in run.tasks:
        if t.task.id in event.tasks and is_adjustable(t):
            run = run.with_task(replace(t, status="skipped", dropped=dropped))
    return run
