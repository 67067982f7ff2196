"""The only place where the state of a run changes: one event in, the next state out."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from superteam.core import events as e
from superteam.core.evolve.adjusting import plan_adjusted
from superteam.core.evolve.answers import action_chosen, question_answered, tree_inspected
from superteam.core.evolve.budgets import check_budgets, check_dispatches
from superteam.core.evolve.claiming import weigh
from superteam.core.evolve.integrating import integrated
from superteam.core.evolve.parts import edit_work
from superteam.core.evolve.rate_limits import wait_cancelled, wait_ended
from superteam.core.evolve.resuming import advance_clock, plan_changed, run_aborted, run_ended, run_resumed
from superteam.core.evolve.reviews import review_finished
from superteam.core.evolve.tasks import agent_finished, branch_moved, branch_rebuilt, gate_finished, task_put_back
from superteam.core.evolve.upcoming import begin_next
from superteam.core.evolve.validations import (
    baseline_captured,
    commit_made,
    probe_finished,
    validation_accepted,
    validation_concluded,
)
from superteam.core.run import Run, TaskRun
from superteam.core.spent import RateLimits


def start(event: e.RunCreated, at: str) -> Run:
    """The state in which a run begins."""
    run = Run(
        run_id=event.run_id,
        plan=event.plan,
        settings=event.settings,
        start_sha=event.start_sha,
        start_tree=event.start_tree,
        user_branch=event.user_branch,
        run_branch=event.run_branch,
        interactive=event.interactive,
        started_at=at,
        tip=event.start_sha,
        tip_tree=event.start_tree,
        tasks=tuple(TaskRun(task) for task in event.plan.tasks),
        superteam=event.superteam,
        partial=event.partial,
        options=event.options,
        config_file=event.config_file,
        last_at=at,
        limits=RateLimits(patience=event.wait_for_limits),
    )
    return begin_next(run)


def evolve(run: Run, event: e.Event, at: str) -> Run:
    """The state after this event."""
    run = advance_clock(run, event, at)
    if event.key is not None and not isinstance(event, e.StepStarted):
        run = replace(run, in_flight=run.in_flight - {event.key})
    run = weigh(run, event)
    return check_dispatches(begin_next(check_budgets(_apply(run, event, at), event)))


def _apply(run: Run, event: e.Event, at: str) -> Run:
    match event:
        case e.RunCreated():
            raise ValueError("a run begins once")
        case e.RunResumed():
            return run_resumed(run, event)
        case e.PlanChanged():
            return plan_changed(run, event)
        case e.StepStarted():
            assert event.key is not None
            began = {**run.started, event.key: at}
            return replace(run, in_flight=run.in_flight | {event.key}, started=began)
        case e.StepCancelled():
            return wait_cancelled(run, event)
        case e.TimeUp():
            return run
        case e.WaitEnded():
            return wait_ended(run, event)
        case e.BaselineCaptured():
            return baseline_captured(run, event)
        case e.AgentFinished():
            return agent_finished(run, event, at)
        case e.Integrated():
            return integrated(run, event)
        case e.GateFinished():
            return gate_finished(run, event, at)
        case e.GateChecked():
            return edit_work(run, event.task, gate_red_at_start=event.red)
        case e.CommitMade():
            return commit_made(run, event)
        case e.ProbeFinished():
            return probe_finished(run, event)
        case e.ValidationConcluded():
            return validation_concluded(run, event)
        case e.ReviewFinished():
            return review_finished(run, event, at)
        case e.ValidationAccepted():
            return validation_accepted(run, event)
        case e.BranchMoved():
            return branch_moved(run, event)
        case e.ActionChosen():
            return action_chosen(run, event)
        case e.Answered():
            return question_answered(run, event)
        case e.PlanAdjusted():
            return plan_adjusted(run, event)
        case e.TreeInspected():
            return tree_inspected(run, event)
        case e.TaskPutBack():
            return task_put_back(run, event)
        case e.BranchRebuilt():
            return branch_rebuilt(run, event)
        case e.RunInterrupted():
            return run
        case e.RunAborted():
            return run_aborted(run)
        case e.RunEnded():
            return run_ended(run, event)
        case e.Warned():
            return replace(run, warnings=(*run.warnings, event.message))
        case _:
            assert_never(event)
