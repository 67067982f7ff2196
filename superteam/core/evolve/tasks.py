"""A task's way: dispatch, gate, the branch, and back."""

from __future__ import annotations

from dataclasses import replace

from superteam.core import events as e
from superteam.core.breaker import ended, look
from superteam.core.claims import nothing_done
from superteam.core.evolve.budgets import BROKEN_OFF, spend, stopped
from superteam.core.evolve.integrating import conflict_failures
from superteam.core.evolve.parts import (
    add_warnings,
    ask,
    edit_work,
    finish_verification,
    planted_warnings,
    with_findings,
    without_change,
)
from superteam.core.evolve.people import reopen, reopen_what_was_seen
from superteam.core.evolve.rate_limits import note_limits
from superteam.core.failures import Failure, FailureType
from superteam.core.run import Phase, Run, SourceState, TaskRun, TaskStatus, Work
from superteam.core.sources import source_names
from superteam.core.spent import Session, usable_session


def agent_finished(run: Run, event: e.AgentFinished, at: str) -> Run:
    """A dispatch is over: its cost and its attempt count, and its failures are raised."""
    before, run = run, note_limits(spend(run, event, at), event, at)
    if event.ended in BROKEN_OFF:
        return _broken_off(before, run, event)
    t = run.of(event.task)
    work = t.work
    assert work is not None
    asks = event.question is not None
    history = work.history.model_copy(update={"attempts": work.history.attempts + (not asks)})
    t = replace(t, attempts=t.attempts + (not asks), number=event.attempt, summary=event.summary or t.summary)
    t = replace(t, session=_session(event, work))
    phase = Phase.GATE if run.gated(event.task) else Phase.COMMIT
    work = replace(work, tree=event.tree, history=history, committed_at=at, phase=phase, note=None)
    t = with_findings(replace(t, work=work), event.findings)
    run = add_warnings(run.with_task(t), *_notes(event), *planted_warnings(event))
    if asks:
        return _agent_asks(run, event)
    return _after_dispatch(run, event, work)


def _broken_off(before: Run, run: Run, event: e.AgentFinished) -> Run:
    """A dispatch that a limit ended: no attempt; the next one starts from what it did."""
    t = run.of(event.task)
    work = t.work
    assert work is not None
    began = work.began or work.from_tree
    work = replace(work, tree=event.tree, from_tree=event.tree, began=began)
    t = with_findings(replace(t, number=event.attempt, session=None, work=work), event.findings)
    run = add_warnings(run.with_task(t), *_notes(event), *planted_warnings(event))
    if event.ended == "rate-limited":
        return run
    run, failure = stopped(before, run, event)
    return edit_work(run, event.task, failures=(failure,)) if failure else run


def _notes(event: e.AgentFinished) -> list[str]:
    notes = [f"task {event.task}: {note}" for note in event.notes]
    if event.leftovers:
        notes.append(f"task {event.task}: the agent left programs running, they were ended: {_names(event)}")
    return notes


def _session(event: e.AgentFinished, work: Work) -> Session | None:
    """What the next dispatch may continue: only a dispatch that came to its own end leaves something behind."""
    id = usable_session(event.session)
    if id is None or event.ended != "done":
        return None
    return Session(id, event.agent, event.model, work.slot, asked=event.question is not None)


def _names(event: e.AgentFinished) -> str:
    return ", ".join(event.leftovers[:5])


def _agent_asks(run: Run, event: e.AgentFinished) -> Run:
    question = e.Question(
        id=f"q{run.questions + 1}",
        kind="agent",
        task=event.task,
        question=event.question or "",
        options=(
            e.Option(id="continue", label="go on; the note is the answer"),
            e.Option(id="skip", label="skip the task"),
            e.Option(id="abort", label="end the run"),
        ),
        evidence={"output": event.output},
    )
    work = run.of(event.task).work
    began = work and (work.began or work.from_tree)  # what it did before it asked counts as its own
    return ask(edit_work(run, event.task, phase=Phase.DISPATCH, from_tree=event.tree, began=began), question)


def _after_dispatch(run: Run, event: e.AgentFinished, work: Work) -> Run:
    """The failures of a dispatch, in the order in which they are dealt with."""
    failure = _dispatch_failure(run, event, work)
    began = work.began or work.from_tree
    work = replace(work, began=None, history=ended(work.history, event.tree != began))
    run = run.with_work(event.task, work)
    mends = work.rejected is None or any(f.origin != "agent" for f in work.fixing)
    if work.role == "fix" and mends and event.tree == began and not (failure and _ended_badly(event)):
        # A fix that changed nothing ends auto-fix: the original failures take their actions, and no repair is made.
        history = work.history.model_copy(update={"fix_was_empty": True})
        kind = "check" if work.kind == "repair" and work.commit == run.tip else work.kind
        failures = tuple(f for f in work.fixing if f.origin != "agent")
        return edit_work(run, event.task, failures=failures, phase=work.resume_at, history=history, kind=kind)
    raised = [failure] if failure else []
    if event.out_of_scope:
        listed = ", ".join(event.out_of_scope[:20])
        text = f"changed outside the task's declared files: {listed}"
        raised.append(Failure(type=FailureType.SCOPE_VIOLATION, task=event.task, message=text))
    return edit_work(run, event.task, failures=(*raised, *conflict_failures(event.task, event.conflicts)))


def _ended_badly(event: e.AgentFinished) -> bool:
    return event.ended != "done"


def _dispatch_failure(run: Run, event: e.AgentFinished, work: Work) -> Failure | None:
    kinds = {
        "timed-out": FailureType.TOOL_TIMEOUT,
        "idle": FailureType.TOOL_TIMEOUT,
        "unreadable": FailureType.PARSE_ERROR,
        "failed": FailureType.IMPL_CRASH,
    }
    kind = kinds.get(event.ended)
    text = event.detail
    if event.ended not in ("done", *kinds):  # an adapter of somebody else's: what it does not call done is not
        kind, text = FailureType.IMPL_CRASH, text or f"the agent's adapter says that it ended {event.ended!r}"
    if kind is None and without_change(run.of(event.task), work):
        kind, text = FailureType.IMPL_CRASH, nothing_done(event.denied)
    if kind is None:
        return None
    same = look(event.ended, text)
    return Failure(type=kind, task=event.task, message=text, output=event.output, signature=same)


def gate_finished(run: Run, event: e.GateFinished, at: str) -> Run:
    """The gate ran: the next phase is the commit, which a red gate keeps the work from."""
    t = run.of(event.task)
    work = t.work
    assert work is not None
    facts = event.model_dump(exclude={"key", "kind"})
    work = replace(work, tree=event.tree, gate=facts, phase=Phase.COMMIT)
    failures: tuple[Failure, ...] = ()
    if not event.ok:
        kind = FailureType.TOOL_TIMEOUT if event.timed_out else FailureType.VALIDATION_FAILURE
        text = f"`{event.command}`: {event.detail}" if event.command else event.detail
        same = look(f"exit {event.exit_code}", event.detail, event.stdout, event.stderr)
        failed = Failure(type=kind, task=event.task, origin="gate", message=text, output=event.output, signature=same)
        failures = (failed,)
    work = replace(work, failures=failures, committed_at=at)
    t = replace(t, gates=t.gates + 1, work=work, must_haves=event.must_haves)
    if event.note:
        run = add_warnings(run, f"task {event.task}: {event.note}")
    return finish_verification(run.with_task(t), event.task)


def branch_moved(run: Run, event: e.BranchMoved) -> Run:
    """The branch has the commit: a task is complete with it, a repair belongs to the task it was made for."""
    t = run.of(event.task)
    assert t.work is not None
    work = t.work
    run = replace(run, branch=(*run.branch, (work.made_for, event.sha)))
    if work.validation is None or work.validation.sha != event.sha:  # whatever the cadence was when it was made
        run = replace(run, unvalidated=(*run.unvalidated, (work.made_for, event.sha)))
    if work.kind == "repair":
        run = run.with_work(event.task, None)
        mended = run.of(work.made_for)
        mended = replace(mended, repairs=(*mended.repairs, event.sha))
        return replace(run.with_task(mended), tip=event.sha, tip_tree=work.tree)
    human = run.is_human(event.task)  # what was mended is shown to the person again
    t = replace(t, work=None, status="pending" if human else "complete")
    if t.commit_sha is None:
        t = replace(t, base_sha=work.base, commit_sha=event.sha)
    else:
        t = replace(t, repairs=(*t.repairs, event.sha))
    return replace(run.with_task(t), tip=event.sha, tip_tree=work.tree, since_pause=run.since_pause + (not human))


def branch_rebuilt(run: Run, event: e.BranchRebuilt) -> Run:
    """The culprit's commits are gone; later tasks have new ones or are to be done again."""
    culprit = run.of(event.task)
    below = run.below(event.task)
    again = [(id, _put_on(run, event, id, sha)) for id, sha in run.above(event.task)]
    put_on = tuple((id, sha) for id, sha in again if sha)
    standing = {sha for _, sha in below}
    sources = {name: _gone_back(state, standing) for name, state in run.sources.items()}
    run = replace(run, branch=(*below, *put_on), sources=sources, tip=event.tip, tip_tree=event.tip_tree)
    run = replace(run, tasks=tuple(_stands(run, t) for t in run.tasks), unvalidated=_unvalidated(run))
    status: TaskStatus = "pending" if culprit.work is None or culprit.work.redo else _left_as(culprit.work)
    left = replace(reopen(run.of(event.task)), status=status)
    return reopen_what_was_seen(run.with_task(left), event.task)


def _gone_back(state: SourceState, standing: set[str]) -> SourceState:
    """The source without the accepted states that stand on the branch no more; the baseline always does."""
    points = tuple(p for i, p in enumerate(state.points) if i == 0 or p.sha in standing)
    return replace(state, points=points, verdict="pass")


def _put_on(run: Run, event: e.BranchRebuilt, id: str, sha: str) -> str | None:
    """The new commit of one that stood above the culprit, if it was put on again."""
    return event.kept.get(id) if sha == run.of(id).commit_sha else event.repairs.get(sha)


def _stands(run: Run, t: TaskRun) -> TaskRun:
    """The task as the rebuilt branch has it: with its commits there, or to be done again."""
    commits = [sha for id, sha in run.branch if id == t.task.id]
    if not commits:
        lost = t.commit_sha is not None
        return replace(reopen(t), commit_sha=None, base_sha=None, repairs=()) if lost else t
    place = run.branch.index((t.task.id, commits[0]))
    base = run.branch[place - 1][1] if place else run.start_sha
    return replace(t, commit_sha=commits[0], base_sha=base, repairs=tuple(commits[1:]))


def _unvalidated(run: Run) -> tuple[tuple[str, str], ...]:
    """What stands on the branch above the last state that all sources accepted."""
    places = {sha: i for i, (_, sha) in enumerate(run.branch)}
    accepted = [places.get(run.reference(name), -1) for name in source_names(run.settings)]
    return run.branch[min(accepted, default=-1) + 1 :]


def task_put_back(run: Run, event: e.TaskPutBack) -> Run:
    """The task is left: skipped by a person, else failed; a checkpoint that is to be done again is asked anew. One
    that the plan has no more is gone, unless something of it stands on the branch."""
    t = run.of(event.task)
    assert t.work is not None
    if event.task not in {task.id for task in run.plan.tasks}:
        left = (replace(t, work=None, status="complete"),) if t.commit_sha else ()
        return replace(run, tasks=(*left, *(other for other in run.tasks if other is not t)))
    status: TaskStatus = "pending" if t.work.redo else _left_as(t.work)
    return run.with_task(replace(t, work=None, session=None, status=status))


def _left_as(work: Work | None) -> TaskStatus:
    """A task that a person skipped is skipped; one that the configuration skipped has failed."""
    return "skipped" if work is None or work.by_person else "failed"
