"""What an action or an answer does to the work it is about."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from superteam.core import events as e
from superteam.core.breaker import tried
from superteam.core.evolve.budgets import allow_more, allow_task_more, budget_action
from superteam.core.evolve.integrating import conflict_failures
from superteam.core.evolve.parts import (
    add_warnings,
    ask,
    edit_work,
    finish_verification,
    new_work,
    without_change,
)
from superteam.core.evolve.people import answer_person, reopen
from superteam.core.evolve.resuming import ask_about_finished
from superteam.core.evolve.reviews import beyond_limit, retry_reviewers, review_again, settle_reviews, take_reviews
from superteam.core.evolve.validations import validate_again, validate_by
from superteam.core.failures import Failure, FailureType, History, Response, ended_early, maximum_of
from superteam.core.meters import DISPATCH
from superteam.core.results import TestId
from superteam.core.run import FailureRecord, Phase, Run, TaskRun, Work
from superteam.core.sources import source_names


def action_chosen(run: Run, event: e.ActionChosen) -> Run:
    """What the taxonomy decided about the first open failure is done to its work."""
    if event.task is None:
        return budget_action(run, event)
    t = run.of(event.task)
    work = t.work
    assert work is not None
    failure = event.failure
    record = FailureRecord(failure.type, event.action, failure.tests, failure.message, source=failure.source)
    run = run.with_task(replace(t, failures=(*t.failures, record)))
    why = ended_early(failure, run.settings, work.history)
    if why and event.response in (Response.ASK, Response.SKIP, Response.ABORT):
        run = add_warnings(run, f"task {event.task}: {why}: no further dispatch is tried")
    match event.response:
        case Response.PROCEED:
            return _proceed(run, event.task, work, event.failure)
        case Response.FIX:
            return run.with_work(event.task, _fix(run, work))
        case Response.REDO if event.failure.origin == "review":
            return settle_reviews(retry_reviewers(run, event.task, work, event.failure), event.task)
        case Response.REDO:
            history = tried(_retried(work, event.failure.type), (event.failure,))
            redo = replace(work, phase=Phase.DISPATCH, history=history, failures=())
            again = redo if work.kind != "task" or work.role == "fix" else replace(redo, from_tree=work.base_tree)
            return run.with_work(event.task, replace(again, fixing=(event.failure, *work.fixing)))
        case Response.RECHECK:
            checked = replace(work, history=_retried(work, event.failure.type))
            return _recheck(run, event.task, checked, event.failure)
        case Response.ASK:
            assert event.question is not None
            return ask(run, event.question)
        case Response.SKIP:
            return _leave(run, event.task, work, by_person=False)
        case Response.ABORT:
            return replace(run, aborted=True)
        case _:
            assert_never(event.response)


def _retried(work: Work, type: FailureType) -> History:
    retries = {**work.history.retries, type: work.history.retries.get(type, 0) + 1}
    return work.history.model_copy(update={"retries": retries})


def _fix(run: Run, work: Work) -> Work:
    """The work with a fix dispatch wanted for its open failures; on a commit of the branch it becomes a repair."""
    history = tried(work.history.model_copy(update={"fixes": work.history.fixes + 1}), work.failures)
    kind = "repair" if work.kind == "check" else work.kind
    return replace(
        work,
        kind=kind,
        role="fix",
        phase=Phase.DISPATCH,
        from_tree=work.tree,
        fixing=work.failures,
        resume_at=work.phase,
        failures=(),
        history=history,
    )


def _proceed(run: Run, task: str, work: Work, failure: Failure) -> Run:
    """The finding is taken as it is; the next open failure, or else the next step, follows."""
    taken = {FailureType.TEST_REGRESSION, FailureType.TEST_MISSING}
    excused = work.excused | (_tests_of(failure) if failure.type in taken else frozenset())
    rest = tuple(f for f in work.failures if f is not failure and f != failure)
    changed = work.changed | _changed_by(failure)
    run = run.with_work(task, replace(work, failures=rest, excused=excused, changed=changed))
    if failure.origin == "budget" and not failure.roles:
        return _go_on_beyond(run, task, failure)
    if failure.roles:
        run = take_reviews(run, task, failure)
    return finish_verification(settle_reviews(run, task), task)


def _go_on_beyond(run: Run, task: str, failure: Failure) -> Run:
    """A maximum that is only recorded: of the task it is allowed once more; what a dispatch that was stopped all the
    same has left is taken as it is."""
    t = run.of(task)
    run = add_warnings(allow_task_more(run, t, failure.maximum), f"task {task}: {failure.message}")
    if not failure.maximum.startswith(DISPATCH):
        return settle_reviews(run, task)
    left: dict[str, object] = {"phase": _after_dispatch(run, task), "committed_at": run.last_at, "began": None}
    if t.work and without_change(t, t.work):  # a limit that is let pass is no reason to take nothing for the work
        text = "the agent was stopped before it changed anything"
        left["failures"] = (Failure(type=FailureType.IMPL_CRASH, task=task, message=text),)
    return edit_work(run, task, **left)


def _after_dispatch(run: Run, task: str) -> Phase:
    return Phase.GATE if run.gated(task) else Phase.COMMIT


def _tests_of(failure: Failure) -> frozenset[tuple[str, TestId]]:
    return frozenset((failure.source, id) for id in failure.tests)


def _changed_by(failure: Failure) -> frozenset[TestId]:
    """The tests whose new expectations are taken as they are: a failure of theirs is none that is known."""
    return frozenset(failure.tests if failure.type is FailureType.EXPECTATION_CHANGED else ())


def _recheck(run: Run, task: str, work: Work, failure: Failure) -> Run:
    if failure.origin == "suite":
        again = replace(work, failures=())
        if failure.source in source_names(run.settings) and failure.source not in work.accepted:
            return run.with_work(task, validate_by(failure.source, run, again, task))
        return validate_again(run, task, again)
    return run.with_work(task, replace(work, phase=Phase.GATE, failures=()))


def _leave(run: Run, task: str, work: Work, by_person: bool) -> Run:
    """Skips a task: back to its start, below the tip by rebuilding the branch."""
    phase = Phase.REBUILD if _is_below(run, task, work) else Phase.PUT_BACK
    return run.with_work(task, replace(work, phase=phase, failures=(), by_person=by_person, redo=False))


def _is_below(run: Run, task: str, work: Work) -> bool:
    """Whether something of the task stands on the branch: a checkpoint may have been rejected before."""
    return work.kind != "task" or run.of(task).commit_sha is not None


def question_answered(run: Run, event: e.Answered) -> Run:
    """The pending question is answered; ValueError for an answer that it does not offer."""
    question = run.pending
    assert question is not None and question.id == event.question
    run = replace(run, pending=None)
    if event.choice == "abort":
        return replace(run, aborted=True)
    match question.kind:
        case "checkpoint":
            return run
        case "budget":
            if question.task is not None:
                return _answer_budget(run, question.task, event)
            assert run.budget_failure is not None
            return allow_more(run, maximum_of(run.budget_failure))
        case "plan":
            assert question.task is not None
            return _answer_plan(run, question.task, event.choice)
        case "human":
            assert question.task is not None
            return answer_person(run, question.task, event)
        case "agent" | "failure":
            assert question.task is not None
            return _answer_task(run, question.task, event)
        case _:
            assert_never(question.kind)


def _answer_budget(run: Run, task: str, event: e.Answered) -> Run:
    """A maximum of a task, or of one of its dispatches: the same amount once more, or the task is left out."""
    t = run.of(task)
    work = t.work
    assert work is not None
    if event.choice == "skip":
        return _leave(run, task, work, by_person=True)
    run = allow_task_more(run, t, work.failures[0].maximum)
    again = replace(beyond_limit(work), note=event.note or work.note)
    return settle_reviews(run.with_work(task, again), task)


def _answer_plan(run: Run, task: str, choice: str) -> Run:
    if choice == "approve":
        return ask_about_finished(run)
    if run.of(task).commit_sha is None:  # a checkpoint or a verification, of which the branch has nothing
        return run.with_task(reopen(run.of(task)))
    begun = run.working()  # it stands on what is taken back, so it is begun again; rebuilding keeps its commit
    commit = next((t.work.commit for t in begun if t.work), None)
    for t in begun:
        run = run.with_task(replace(t, work=None, status="pending" if t.status == "running" else t.status))
    work = replace(new_work(run, Phase.REBUILD), kind="check", redo=True, commit=commit)
    return run.with_work(task, work)


def _answer_task(run: Run, task: str, event: e.Answered) -> Run:
    t = run.of(task)
    work = t.work
    assert work is not None
    work = replace(work, note=event.note)
    match event.choice:
        case "continue":
            return run.with_work(task, work)
        case "retry":
            return _retry(run, task, replace(work, history=History()))
        case "approve":
            return _approve(run, t, work)
        case "skip":
            return _leave(run, task, work, by_person=True)
        case "rollback":
            return _roll_back(run, t, work)
        case _:
            raise ValueError(f"no such answer: {event.choice}")


def _retry(run: Run, task: str, work: Work) -> Run:
    """Looks whether a person changed the tree; what follows is the business of `tree_inspected`."""
    failure = work.failures[0]
    if failure.origin == "agent":  # a fix dispatch that went wrong still has its failures to mend
        fixing = (*work.failures, *(work.fixing if work.role == "fix" else ()))
        return run.with_work(task, replace(work, phase=Phase.INSPECT, failures=(), fixing=fixing))
    looked_at = replace(work, phase=Phase.INSPECT, resume_at=work.phase, failures=(), fixing=work.failures)
    return run.with_work(task, looked_at)


def _surroundings(failure: Failure) -> bool:
    """Whether it is not the agent's doing, so that trying again means another check and no dispatch."""
    slow = failure.type is FailureType.TOOL_TIMEOUT and failure.origin != "agent"
    return slow or failure.type is FailureType.ENVIRONMENT


def _approve(run: Run, t: TaskRun, work: Work) -> Run:
    failure = work.failures[0]
    records = (*t.failures[:-1], replace(t.failures[-1], approved=True)) if t.failures else ()
    run = run.with_task(replace(t, failures=records))
    note = f" ({work.note})" if work.note else ""
    run = add_warnings(run, f"task {t.task.id}: {failure.type} was approved{note}: {failure.message}")
    if failure.type is FailureType.EXPECTATION_CHANGED:  # they pass; should one fail later, that is not known
        return _proceed(run, t.task.id, replace(work, note=None), failure)
    state = run.source(failure.source)
    run = run.with_source(failure.source, replace(state, known=state.known | frozenset(failure.tests)))
    return _proceed(run, t.task.id, replace(work, excused=work.excused | _tests_of(failure), note=None), failure)


def _roll_back(run: Run, t: TaskRun, work: Work) -> Run:
    run = run.with_task(replace(t, session=None))
    if _is_below(run, t.task.id, work) or run.is_human(t.task.id):
        phase = Phase.REBUILD if _is_below(run, t.task.id, work) else Phase.PUT_BACK
        return run.with_work(t.task.id, replace(work, phase=phase, failures=(), redo=True))
    fresh = replace(new_work(run, Phase.DISPATCH), slot=work.slot, note=work.note)
    fresh = replace(fresh, commit=work.commit)  # the dispatch keeps it
    if t.task.kind == "verification":
        fresh = replace(fresh, phase=Phase.PUT_BACK, redo=True)
    return run.with_work(t.task.id, fresh)


def tree_inspected(run: Run, event: e.TreeInspected) -> Run:
    """After a person's retry: a changed tree is checked again, an unchanged one gets one more dispatch.

    What only the surroundings can have caused is checked again in any case.
    """
    work = run.of(event.task).work
    assert work is not None
    kind = "repair" if work.kind == "check" and event.tree != work.tree else work.kind
    if event.tree != work.tree:
        phase = _after_dispatch(run, event.task)
        left = conflict_failures(event.task, event.conflicts)
        changed = replace(work, kind=kind, tree=event.tree, phase=phase, fixing=(), failures=left)
        return run.with_work(event.task, replace(changed, validation=None, committed_at=run.last_at))
    failure = work.fixing[0]
    if failure.origin == "review":
        return settle_reviews(review_again(run, event.task, work), event.task)
    if _surroundings(failure):
        return _recheck(run, event.task, replace(work, phase=work.resume_at, fixing=()), failure)
    if failure.origin == "agent":
        return run.with_work(event.task, replace(work, phase=Phase.DISPATCH))
    fix = _fix(run, replace(work, phase=work.resume_at, failures=work.fixing))
    return run.with_work(event.task, replace(fix, history=History(fixes=1)))
