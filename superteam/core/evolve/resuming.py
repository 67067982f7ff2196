"""A run's beginning again: time, configuration and plan as they are now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from superteam.core import events as e
from superteam.core.adjust import unbegun
from superteam.core.evolve.budgets import is_raised
from superteam.core.evolve.parts import add_warnings, ask
from superteam.core.evolve.people import without_human_question
from superteam.core.evolve.reviews import beyond_limit, settle_reviews
from superteam.core.evolve.validations import JUDGED, validate_again
from superteam.core.run import Phase, Run, SourceState, TaskRun, Work
from superteam.core.sources import TESTS, source_names
from superteam.core.spent import NO_LIMITS, RateLimits


def advance_clock(run: Run, event: e.Event, at: str) -> Run:
    """Time counts only while a process of the run lives: not between its last event and the next process's first."""
    alone = isinstance(event, e.Answered | e.PlanAdjusted) and event.key is None  # by a command of its own
    if isinstance(event, e.RunResumed) or alone:
        return replace(run, last_at=at)
    gone = (datetime.fromisoformat(at) - datetime.fromisoformat(run.last_at)).total_seconds()
    return replace(run, last_at=at, elapsed_s=run.elapsed_s + max(0.0, gone))


def run_resumed(run: Run, event: e.RunResumed) -> Run:
    """Another process goes on: planned pauses are over, interrupted steps are wanted again."""
    used = source_names(run.settings)
    run = replace(run, settings=event.settings, interactive=event.interactive, halted=None)
    run = replace(run, limits=RateLimits(event.wait_for_limits, begun=run.limits.begun))
    run = replace(run, interrupted=bool(run.in_flight), in_flight=frozenset())
    run = _with_sources(run, used, frozenset((*event.again, *((TESTS,) if event.capture_again else ()))))
    if event.changes:
        run = add_warnings(run, *(f"configuration changed: {change}" for change in event.changes))
    if run.pending is None:
        for t in run.working():  # the roles may be others now
            run = settle_reviews(run, t.task.id)
    pending = run.pending
    if pending and pending.kind == "checkpoint":
        return replace(run, pending=None)
    if pending and pending.kind == "budget" and is_raised(run, pending):
        return _go_on(replace(run, pending=None), pending.task)
    return run


def _go_on(run: Run, task: str | None) -> Run:
    """What a maximum kept from going on is wanted again, since the maximum is higher by now."""
    if task is None:
        return replace(run, budget_failure=None)
    work = run.of(task).work
    assert work is not None
    return settle_reviews(run.with_work(task, beyond_limit(work)), task)


def _with_sources(run: Run, used: tuple[str, ...], again: frozenset[str]) -> Run:
    """The sources as they are configured now: one that is gone is forgotten, one that is new judges the whole branch.

    What was accepted by another command proves nothing for the one that stands under this name now (`again`).
    """
    names = source_names(run.settings)
    sources = {name: _taken_up(state, name in again) for name, state in run.sources.items() if name in names}
    run = replace(run, sources=sources)
    fresh = again | (set(names) - set(used))
    if fresh:
        run = replace(run, unvalidated=run.branch)
    for t in run.working():
        if t.work is not None:
            run = _work_taken_up(run, t.task.id, t.work, fresh)
    return run


def _taken_up(state: SourceState, again: bool) -> SourceState:
    if again:
        return replace(state, baseline=None, points=())
    unsound = state.baseline is not None and state.baseline.verdict == "inconclusive"
    return replace(state, baseline=None) if unsound else state


def _work_taken_up(run: Run, task: str, work: Work, fresh: frozenset[str]) -> Run:
    """The work without what a source said that is gone or another one by now; a question about it is void."""
    if work.phase is Phase.MOVE:  # the branch may stand there already: what is new judges the tip afterwards
        return run.with_work(task, replace(work, validation=None) if fresh else work)
    names = source_names(run.settings)
    kept = {name: state for name, state in work.accepted.items() if name in names and name not in fresh}
    work = replace(work, accepted=kept)
    asked_about = work.phase is Phase.INSPECT and work.fixing and work.fixing[0].origin == "suite"
    if not (work.phase in JUDGED or asked_about) or work.validation is None or work.validation.source in names:
        return run.with_work(task, work)
    return validate_again(_without_failure_question(run, task), task, work)


def _without_failure_question(run: Run, task: str) -> Run:
    """The failure of this task is void, so nobody is asked about it, neither now nor later."""
    asked = [q for q in (run.pending, *run.queued) if q and q.kind in ("failure", "budget") and q.task == task]
    pending = None if run.pending in asked else run.pending
    return replace(run, pending=pending, queued=tuple(q for q in run.queued if q not in asked))


def plan_changed(run: Run, event: e.PlanChanged) -> Run:
    """Finished tasks stay, pending ones are taken as they are now written; changed finished ones are asked about."""
    rest = unbegun(run)
    run = replace(run, tasks=tuple(rest.of(t.task.id) if t.task.id in event.pending else t for t in run.tasks))
    old = {t.task.id: t for t in run.tasks}
    new = [replace(old[t.id], task=t) if t.id in old else TaskRun(t) for t in event.plan.tasks]
    ids = {t.task.id for t in new}
    left = [t for t in run.tasks if t.task.id not in ids]
    gone = [t for t in left if t.work or t.status not in ("pending", "blocked", "running")]
    # of a checkpoint that was rejected before, what was mended stays
    gone += [replace(t, status="complete") for t in left if t not in gone and t.commit_sha]
    unasked = tuple(dict.fromkeys((*run.unasked, *event.finished)))
    run = replace(run, plan=event.plan, tasks=(*gone, *new), unasked=unasked)
    for id in event.pending:
        run = _without_old_work(run, id)
    if event.pending:
        run = add_warnings(run, f"the plan changed: {', '.join(event.pending)} taken as now written")
    if run.reordered:
        run = add_warnings(replace(run, reordered=False), "the plan changed: its own order of the tasks counts again")
    run = without_human_question(_without_void_question(run))
    return run if _is_busy(run) else ask_about_finished(run)


def _without_old_work(run: Run, id: str) -> Run:
    """What was begun for the old text is put back, and kept. A commit that the branch may already stand at is not: the
    task is finished then, and asked about as such."""
    work = next((t.work for t in run.tasks if t.task.id == id), None)
    if work is None or run.of(id).status != "running":
        return run
    if work.phase is Phase.REBUILD:  # the branch may have gone back already: that comes to its end first
        return run
    if work.phase is Phase.MOVE:
        described = any(task.id == id for task in run.plan.tasks)
        return replace(run, unasked=tuple(dict.fromkeys((*run.unasked, id)))) if described else run
    return run.with_work(id, replace(work, phase=Phase.PUT_BACK, failures=(), redo=True))


def _is_busy(run: Run) -> bool:
    """Whether what is being done has to come to its end before a finished task may be asked about: taking that back
    would take the branch, or other work trees, from under it."""
    ending = (Phase.MOVE, Phase.PUT_BACK, Phase.REBUILD)
    begun = [t.work for t in run.working() if t.work]
    return len(begun) > 1 or any(work.phase in ending or work.slot for work in begun)


def _without_void_question(run: Run) -> Run:
    """A question about work that was dropped, since the plan no longer asks for it, has no answer any more."""
    run = replace(run, queued=tuple(question for question in run.queued if not _is_void(run, question)))
    return replace(run, pending=None) if run.pending and _is_void(run, run.pending) else run


def _is_void(run: Run, asked: e.Question) -> bool:
    about_work = asked.kind in ("failure", "agent", "budget") and asked.task is not None
    begun = {t.task.id for t in run.working() if t.work and t.work.phase is not Phase.PUT_BACK}
    return about_work and asked.task not in begun


def ask_about_finished(run: Run) -> Run:
    """Asks about the next finished task that the plan now describes differently, unless something else is asked."""
    if run.pending:
        return run
    complete = {t.task.id for t in run.tasks if t.status == "complete"}
    left = [id for id in run.unasked if id in complete]
    if not left:
        return replace(run, unasked=())
    return ask(replace(run, unasked=tuple(left[1:])), _question_about_finished(run, left[0]))


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


def run_aborted(run: Run) -> Run:
    """A person ends the run. A commit that was about to be on the branch is left: it may be why the run cannot go on,
    since somebody else has moved the branch."""
    for t in run.working():
        if t.work and t.work.phase is Phase.MOVE:
            run = run.with_work(t.task.id, replace(t.work, phase=Phase.ACCEPT))
    return replace(run, aborted=True, pending=None, queued=(), halted=None, limits=NO_LIMITS, budget_failure=None)


def run_ended(run: Run, event: e.RunEnded) -> Run:
    """The run is over; nothing is asked any more."""
    return replace(
        run,
        ended=event.status,
        exit_code=event.exit_code,
        fast_forwarded=event.fast_forwarded,
        end_reason=event.reason,
        pending=None,
        queued=(),
    )
