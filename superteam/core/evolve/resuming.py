"""A run's beginning again: time, configuration and plan as they are now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from superteam.core import events as e
from superteam.core.evolve.budgets import reached
from superteam.core.evolve.parts import add_warnings
from superteam.core.evolve.reviews import settle_reviews
from superteam.core.run import Run, TaskRun


def advance_clock(run: Run, event: e.Event, at: str) -> Run:
    """Time counts only while a process of the run lives: not between its last event and the next process's first."""
    if isinstance(event, e.RunResumed):
        return replace(run, last_at=at)
    gone = (datetime.fromisoformat(at) - datetime.fromisoformat(run.last_at)).total_seconds()
    return replace(run, last_at=at, elapsed_s=run.elapsed_s + max(0.0, gone))


def run_resumed(run: Run, event: e.RunResumed) -> Run:
    """Another process goes on: planned pauses are over, interrupted steps are wanted again."""
    run = replace(run, settings=event.settings, interactive=event.interactive, halted=None)
    run = replace(run, interrupted=bool(run.in_flight), in_flight=frozenset())
    if run.baseline and run.baseline.verdict == "inconclusive":
        run = replace(run, baseline=None)
    if event.capture_again:  # what was accepted by another command proves nothing for this one
        run = replace(run, baseline=None, points=(), unvalidated=run.branch)
    if event.changes:
        run = add_warnings(run, *(f"configuration changed: {change}" for change in event.changes))
    if run.pending is None:
        for t in run.working():  # the roles may be others now
            run = settle_reviews(run, t.task.id)
    pending = run.pending
    if pending and pending.kind == "checkpoint":
        return replace(run, pending=None)
    if pending and pending.kind == "budget" and not reached(run):
        return replace(run, pending=None, budget_failure=None)
    return run


def plan_changed(run: Run, event: e.PlanChanged) -> Run:
    """Finished tasks stay, pending ones are taken as they are now written; changed finished ones are asked about."""
    old = {t.task.id: t for t in run.tasks}
    new = [replace(old[t.id], task=t) if t.id in old else TaskRun(t) for t in event.plan.tasks]
    ids = {t.task.id for t in new}
    gone = [t for t in run.tasks if t.task.id not in ids and t.status not in ("pending", "blocked", "running")]
    unasked = tuple(dict.fromkeys((*run.unasked, *event.finished)))
    run = replace(run, plan=event.plan, tasks=(*gone, *new), unasked=unasked)
    for id in event.pending:
        t = next((t for t in run.tasks if t.task.id == id), None)
        if t and t.work:  # what was begun for the old text is put back by the next dispatch
            run = run.with_task(replace(t, status="pending", work=None))
    if event.pending:
        run = add_warnings(run, f"the plan changed: {', '.join(event.pending)} taken as now written")
    return ask_about_finished(_without_void_question(run))


def _without_void_question(run: Run) -> Run:
    """A question about work that was dropped, since the plan no longer asks for it, has no answer any more."""
    asked = run.pending
    if asked is None or asked.kind not in ("failure", "agent") or asked.task is None:
        return run
    return run if asked.task in {t.task.id for t in run.working()} else replace(run, pending=None)


def ask_about_finished(run: Run) -> Run:
    """Asks about the next finished task that the plan now describes differently, unless something else is asked."""
    if run.pending:
        return run
    complete = {t.task.id for t in run.tasks if t.status == "complete"}
    left = [id for id in run.unasked if id in complete]
    if not left:
        return replace(run, unasked=())
    question = _question_about_finished(run, left[0])
    return replace(run, pending=question, questions=run.questions + 1, unasked=tuple(left[1:]))


def _question_about_finished(run: Run, id: str) -> e.Question:
    return e.Question(
        id=f"q{run.questions + 1}",
        kind="plan",
        task=id,
        question=f"Task {id} is finished, and the plan now describes it differently. What is to be done?",
        options=(
            e.Option(id="approve", label="keep what was done"),
            e.Option(id="rollback", label="go back to the task's start and do it again"),
            e.Option(id="abort", label="end the run"),
        ),
    )


def run_ended(run: Run, event: e.RunEnded) -> Run:
    """The run is over; nothing is asked any more."""
    return replace(
        run,
        ended=event.status,
        exit_code=event.exit_code,
        fast_forwarded=event.fast_forwarded,
        end_reason=event.reason,
        pending=None,
    )
