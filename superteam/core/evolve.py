"""The only place where the state of a run changes: one event in, the next state out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from superteam.core import events as e
from superteam.core.cadence import before_the_branch, due
from superteam.core.failures import Failure, FailureType, History, Response
from superteam.core.results import TestId
from superteam.core.run import Cost, FailureRecord, Phase, Point, ProbeFacts, Run, TaskRun, TaskStatus, Work
from superteam.core.settle import Validation, next_probe, observe, rules_of

WARN_SHARE = 0.8


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
        last_at=at,
    )
    return _begin_next(run)


def evolve(run: Run, event: e.Event, at: str) -> Run:
    """The state after this event."""
    run = _clock(run, event, at)
    if event.key is not None and not isinstance(event, e.StepStarted):
        run = replace(run, in_flight=run.in_flight - {event.key})
    return _begin_next(_check_budgets(_apply(run, event, at), event))


def _apply(run: Run, event: e.Event, at: str) -> Run:
    match event:
        case e.RunCreated():
            raise ValueError("a run begins once")
        case e.RunResumed():
            return _resumed(run, event)
        case e.PlanChanged():
            return _plan_changed(run, event)
        case e.StepStarted():
            assert event.key is not None
            began = {**run.started, event.key: at}
            return replace(run, in_flight=run.in_flight | {event.key}, started=began)
        case e.StepCancelled() | e.TimeUp():
            return run
        case e.BaselineCaptured():
            return _baseline_captured(run, event)
        case e.AgentFinished():
            return _agent_finished(run, event, at)
        case e.GateFinished():
            return _gate_finished(run, event, at)
        case e.GateChecked():
            return _edit(run, event.task, gate_red_at_start=event.red)
        case e.CommitMade():
            return _commit_made(run, event)
        case e.ProbeFinished():
            return _probe_finished(run, event)
        case e.ValidationConcluded():
            return _validation_concluded(run, event)
        case e.ValidationAccepted():
            return _validation_accepted(run, event)
        case e.BranchMoved():
            return _branch_moved(run, event)
        case e.ActionChosen():
            return _action_chosen(run, event)
        case e.Answered():
            return _answered(run, event)
        case e.TreeInspected():
            return _tree_inspected(run, event)
        case e.TaskPutBack():
            return _task_put_back(run, event)
        case e.BranchRebuilt():
            return _branch_rebuilt(run, event)
        case e.RunInterrupted():
            return run
        case e.RunAborted():
            return replace(run, aborted=True, pending=None, halted=None, budget_failure=None)
        case e.RunEnded():
            return _ended(run, event)
        case e.Warned():
            return replace(run, warnings=(*run.warnings, event.message))
        case _:
            assert_never(event)


def _edit(run: Run, task: str, **changes: object) -> Run:
    work = run.of(task).work
    assert work is not None, f"no work for task {task}"
    return run.with_work(task, replace(work, **changes))  # type: ignore[arg-type]


def _warn(run: Run, *messages: str) -> Run:
    return replace(run, warnings=(*run.warnings, *messages))


# -- beginning, pausing, resuming


def _clock(run: Run, event: e.Event, at: str) -> Run:
    """Time counts only while a process of the run lives: not between its last event and the next process's first."""
    if isinstance(event, e.RunResumed):
        return replace(run, last_at=at)
    gone = (datetime.fromisoformat(at) - datetime.fromisoformat(run.last_at)).total_seconds()
    return replace(run, last_at=at, elapsed_s=run.elapsed_s + max(0.0, gone))


def _resumed(run: Run, event: e.RunResumed) -> Run:
    run = replace(run, settings=event.settings, interactive=event.interactive, halted=None)
    run = replace(run, interrupted=bool(run.in_flight), in_flight=frozenset())
    if run.baseline and run.baseline.verdict == "inconclusive":
        run = replace(run, baseline=None)
    if event.capture_again:  # what was accepted by another command proves nothing for this one
        run = replace(run, baseline=None, points=(), unvalidated=run.branch)
    if event.changes:
        run = _warn(run, *(f"configuration changed: {change}" for change in event.changes))
    pending = run.pending
    if pending and pending.kind == "checkpoint":
        return replace(run, pending=None)
    if pending and pending.kind == "budget" and not _crossed(run):
        return replace(run, pending=None, budget_failure=None)
    return run


def _plan_changed(run: Run, event: e.PlanChanged) -> Run:
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
        run = _warn(run, f"the plan changed: {', '.join(event.pending)} taken as now written")
    return _ask_about_finished(_without_void_question(run))


def _without_void_question(run: Run) -> Run:
    """A question about work that was dropped, since the plan no longer asks for it, has no answer any more."""
    asked = run.pending
    if asked is None or asked.kind not in ("failure", "agent") or asked.task is None:
        return run
    return run if asked.task in {t.task.id for t in run.working()} else replace(run, pending=None)


def _ask_about_finished(run: Run) -> Run:
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


def _ended(run: Run, event: e.RunEnded) -> Run:
    return replace(
        run,
        ended=event.status,
        exit_code=event.exit_code,
        fast_forwarded=event.fast_forwarded,
        end_reason=event.reason,
        pending=None,
    )


def _baseline_captured(run: Run, event: e.BaselineCaptured) -> Run:
    run = replace(run, baseline=event.baseline, baseline_runs=run.baseline_runs + 1)
    if event.baseline.verdict == "inconclusive":
        return replace(run, halted=event.baseline.reason or "the baseline is inconclusive")
    point = Point(event.baseline.sha, event.baseline.expected)
    run = replace(run, points=(point, *run.points[1:]))
    for t in run.working():
        if t.work and t.work.validation and t.work.phase in _JUDGED:  # by what is no longer the baseline
            run = run.with_work(t.task.id, _validate(run, t.work, t.task.id, final=False))
    return run


_JUDGED = (Phase.VALIDATE, Phase.CONCLUDE, Phase.ACCEPT, Phase.MOVE)


# -- budgets


def _crossed(run: Run) -> str | None:
    """The name of a maximum that is reached, in words, or None."""
    for name, used, limit in _meters(run):
        if limit is not None and used is not None and used >= limit * (1 + run.allowed.get(name, 0)):
            return name
    return None


def _meters(run: Run) -> tuple[tuple[str, float | None, float | None], ...]:
    budget, cost = run.settings.budget, run.cost
    tokens = [n for n in (cost.input_tokens, cost.output_tokens) if n is not None]
    return (
        ("max-usd", cost.usd, budget.max_usd),
        ("max-tokens", sum(tokens) if tokens else None, budget.max_tokens),
        ("max-time", run.elapsed_s, budget.max_time),
    )


def _check_budgets(run: Run, event: e.Event) -> Run:
    if run.ended or run.budget_failure or run.halted or isinstance(event, e.RunResumed | e.RunEnded):
        return run
    for name, used, limit in _meters(run):
        if used is not None and limit is not None and used >= WARN_SHARE * limit and name not in run.warned:
            run = _warn(run, f"budget: {used:.4g} of {name} {limit:.4g} is used")
            run = replace(run, warned=run.warned | {name})
    usd, warn = run.cost.usd, run.settings.budget.warn_usd
    if usd is not None and warn is not None and usd >= warn and "warn-usd" not in run.warned:
        run = _warn(run, f"budget: {usd:.4g} USD are spent, warn-usd is {warn:.4g}")
        run = replace(run, warned=run.warned | {"warn-usd"})
    crossed = "max-time" if isinstance(event, e.TimeUp) else _crossed(run)
    if crossed is None or (not run.left() and not run.working()):
        return run
    spent = next(used for meter, used, _ in _meters(run) if meter == crossed)
    text = f"the run's {crossed} is reached ({spent:.4g} used)"
    failure = Failure(type=FailureType.BUDGET_THRESHOLD, origin="budget", message=text, tests=(crossed,))
    return replace(run, budget_failure=failure)


def _add(known: float | None, more: float | None) -> float | None:
    return known if more is None else (known or 0) + more


def _spend(run: Run, event: e.AgentFinished) -> Run:
    cost = Cost(
        _add(run.cost.usd, event.cost_usd),
        _count(run.cost.input_tokens, event.input_tokens),
        _count(run.cost.output_tokens, event.output_tokens),
    )
    return replace(run, cost=cost)


def _count(known: int | None, more: int | None) -> int | None:
    return known if more is None else (known or 0) + more


# -- a task's way: dispatch, gate, commit


def _agent_finished(run: Run, event: e.AgentFinished, at: str) -> Run:
    run = _spend(run, event)
    t = run.of(event.task)
    work = t.work
    assert work is not None
    asks = event.question is not None
    history = work.history.model_copy(update={"attempts": work.history.attempts + (not asks)})
    t = replace(t, attempts=t.attempts + (not asks), number=event.attempt, summary=event.summary or t.summary)
    phase = Phase.GATE if run.gate(event.task) else Phase.COMMIT
    work = replace(work, tree=event.tree, history=history, committed_at=at, phase=phase, note=None)
    notes = [f"task {event.task}: {note}" for note in event.notes]
    if event.leftovers:
        notes.append(f"task {event.task}: the agent left programs running, they were ended: {_names(event)}")
    run = _warn(run.with_task(replace(t, work=work)), *notes)
    if asks:
        return _agent_asks(run, event)
    return _after_dispatch(run, event, work)


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
    run = _edit(run, event.task, phase=Phase.DISPATCH, from_tree=event.tree)
    return replace(run, pending=question, questions=run.questions + 1)


def _after_dispatch(run: Run, event: e.AgentFinished, work: Work) -> Run:
    """The failures of a dispatch, in the order in which they are dealt with."""
    failure = _dispatch_failure(run, event, work)
    if work.role == "fix" and event.tree == work.from_tree and (failure is None or not _ended_badly(event)):
        # A fix that changed nothing ends auto-fix: the original failures take their actions, and no repair is made.
        history = work.history.model_copy(update={"fix_was_empty": True})
        kind = "check" if work.kind == "repair" and work.commit == run.tip else work.kind
        failures = tuple(f for f in work.fixing if f.origin != "agent")
        return _edit(run, event.task, failures=failures, phase=work.resume_at, history=history, kind=kind)
    raised = [failure] if failure else []
    if event.out_of_scope:
        listed = ", ".join(event.out_of_scope[:20])
        text = f"changed outside the task's declared files: {listed}"
        raised.append(Failure(type=FailureType.SCOPE_VIOLATION, task=event.task, message=text))
    return _edit(run, event.task, failures=tuple(raised))


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
    task = run.of(event.task).task
    if kind is None and work.role == "implement" and event.tree == work.base_tree and not task.allow_empty:
        kind, text = FailureType.IMPL_CRASH, "the agent ended well but changed nothing"
    if kind is None:
        return None
    return Failure(type=kind, task=event.task, message=text, output=event.output)


def _gate_finished(run: Run, event: e.GateFinished, at: str) -> Run:
    t = run.of(event.task)
    work = t.work
    assert work is not None
    facts = event.model_dump(exclude={"key", "kind"})
    work = replace(work, tree=event.tree, gate=facts, gate_runs=work.gate_runs + 1, phase=Phase.COMMIT)
    failures: tuple[Failure, ...] = ()
    if not event.ok:
        kind = FailureType.TOOL_TIMEOUT if event.timed_out else FailureType.VALIDATION_FAILURE
        text = f"`{event.command}`: {event.detail}"
        failures = (Failure(type=kind, task=event.task, origin="gate", message=text, output=event.output),)
    work = replace(work, failures=failures, committed_at=at)
    return run.with_task(replace(t, gates=t.gates + 1, work=work))


def _commit_made(run: Run, event: e.CommitMade) -> Run:
    t = run.of(event.task)
    assert t.work is not None
    work = replace(t.work, commit=event.sha, made_for=event.task)
    if work.kind == "repair" or before_the_branch(run.settings):
        return run.with_work(event.task, _validate(run, replace(work), event.task, final=False))
    return run.with_work(event.task, replace(work, phase=Phase.MOVE))


# -- validation


def _validate(run: Run, work: Work, task: str, final: bool) -> Work:
    """The work with a validation of its commit begun."""
    assert work.commit is not None
    made = () if work.kind == "check" else ((task, work.commit),)
    # A repair of what the last check found is judged by what that check asks: else it would be found again for ever.
    last = final or (work.kind != "task" and not run.left())
    validation = Validation(
        sha=work.commit,
        reference=run.reference(),
        commits=(*run.unvalidated, *made),
        after_task=task,
        owed=dict(run.owed) if last else {},
        origin=run.start_sha,
        closing=last,
        suspects=_suspected(run, task) if last else {},
    )
    return replace(work, phase=Phase.VALIDATE, validation=validation, facts=None, failures=())


def _suspected(run: Run, task: str) -> dict[TestId, tuple[str, str]]:
    """The run's suspects; one whose task does not stand on the branch any more is the checked task's affair."""
    standing = {id for id, _ in run.branch}
    return {key: (owner if owner in standing else task, sha) for key, (owner, sha) in run.suspects.items()}


def _probe_finished(run: Run, event: e.ProbeFinished) -> Run:
    work = run.of(event.task).work
    assert work is not None and work.validation is not None
    validation = observe(work.validation, event.observation, event.references)
    work = replace(work, validation=validation)
    if event.observation.probe.purpose == "suite":
        work = replace(work, facts=facts_of(event))
    done = next_probe(validation, rules_of(run.settings)) is None
    return run.with_work(event.task, replace(work, phase=Phase.CONCLUDE if done else Phase.VALIDATE))


def facts_of(event: e.ProbeFinished) -> ProbeFacts:
    """What the judged run of the suite left behind."""
    return ProbeFacts(
        event.report, event.counts, event.confidence, event.messages, event.reproduce_command, event.output, event.note
    )


def _validation_concluded(run: Run, event: e.ValidationConcluded) -> Run:
    run = replace(run, validations=(*run.validations, event.result))
    work = run.of(event.task).work
    assert work is not None
    work = replace(work, failures=event.failures, phase=Phase.ACCEPT)
    blocking = [f for f in event.failures if f.task and f.type in _BLOCKING]
    culprit = blocking[0].task if blocking else event.task
    if culprit is None or culprit == event.task or work.kind == "task":
        return run.with_work(event.task, work)
    tried = {**work.tried, event.task: work.history}
    work = replace(work, tried=tried, history=tried.get(culprit, History()))
    return run.with_work(event.task, None).with_work(culprit, work)


_BLOCKING = frozenset(
    {
        FailureType.TEST_REGRESSION,
        FailureType.TEST_MISSING,
        FailureType.SUITE_CRASH,
        FailureType.TOOL_TIMEOUT,
        FailureType.ENVIRONMENT,
    }
)


def _validation_accepted(run: Run, event: e.ValidationAccepted) -> Run:
    t = run.of(event.task)
    assert t.work is not None
    last = run.validations[-1]
    sound = event.expected is not None
    points = (*run.points, Point(event.sha, event.expected)) if sound else run.points
    verdict = last.verdict if not sound else "pass"
    run = replace(run, points=points, unvalidated=(), last_verdict=verdict, owed=event.owed)
    run = replace(run, known=run.known | t.work.excused, suspects=_suspects(run, t.work, last))
    if t.work.kind == "check":
        return run.with_work(event.task, None)
    return _edit(run, event.task, phase=Phase.MOVE)


def _suspects(run: Run, work: Work, last: e.ValidationResult) -> dict[TestId, tuple[str, str]]:
    """Tests to be settled at the end of the run, each with the first task after which it was one."""
    v = work.validation
    assert v is not None
    if v.closing:
        return {}
    new = {key: (v.after_task, v.references[key]) for key in last.suspects if key in v.references}
    return {**new, **run.suspects}


# -- the branch


def _branch_moved(run: Run, event: e.BranchMoved) -> Run:
    t = run.of(event.task)
    assert t.work is not None
    work = t.work
    run = replace(run, branch=(*run.branch, (work.made_for, event.sha)))
    if work.kind == "repair":
        run = run.with_work(event.task, None)
        mended = run.of(work.made_for)
        mended = replace(mended, repairs=(*mended.repairs, event.sha))
        return replace(run.with_task(mended), tip=event.sha, tip_tree=work.tree)
    t = replace(t, work=None, status="complete", base_sha=work.base, commit_sha=event.sha)
    run = replace(run.with_task(t), tip=event.sha, tip_tree=work.tree, since_pause=run.since_pause + 1)
    if not before_the_branch(run.settings):
        run = replace(run, unvalidated=(*run.unvalidated, (event.task, event.sha)))
    return run


def _branch_rebuilt(run: Run, event: e.BranchRebuilt) -> Run:
    culprit = run.of(event.task)
    below = run.below(event.task)
    again = [(id, _put_on(run, event, id, sha)) for id, sha in run.above(event.task)]
    put_on = tuple((id, sha) for id, sha in again if sha)
    standing = {sha for _, sha in below}
    points = tuple(p for i, p in enumerate(run.points) if i == 0 or p.sha in standing)
    run = replace(run, branch=(*below, *put_on), points=points, tip=event.tip, tip_tree=event.tip_tree)
    run = replace(run, tasks=tuple(_stands(run, t) for t in run.tasks), unvalidated=_unvalidated(run))
    status: TaskStatus = "pending" if culprit.work is None or culprit.work.redo else _left_as(culprit.work)
    return replace(run.with_task(replace(run.of(event.task), status=status, work=None)), last_verdict="pass")


def _put_on(run: Run, event: e.BranchRebuilt, id: str, sha: str) -> str | None:
    """The new commit of one that stood above the culprit, if it was put on again."""
    return event.kept.get(id) if sha == run.of(id).commit_sha else event.repairs.get(sha)


def _stands(run: Run, t: TaskRun) -> TaskRun:
    """The task as the rebuilt branch has it: with its commits there, or to be done again."""
    commits = [sha for id, sha in run.branch if id == t.task.id]
    if not commits:
        lost = t.commit_sha is not None
        return replace(t, status="pending", work=None, commit_sha=None, base_sha=None, repairs=()) if lost else t
    place = run.branch.index((t.task.id, commits[0]))
    base = run.branch[place - 1][1] if place else run.start_sha
    return replace(t, commit_sha=commits[0], base_sha=base, repairs=tuple(commits[1:]))


def _unvalidated(run: Run) -> tuple[tuple[str, str], ...]:
    """What stands on the branch above the last accepted state."""
    validated = run.points[-1].sha if run.points else None
    place = next((i for i, (_, sha) in enumerate(run.branch) if sha == validated), -1)
    return run.branch[place + 1 :]


# -- failures and answers


def _action_chosen(run: Run, event: e.ActionChosen) -> Run:
    if event.task is None:
        return _budget_action(run, event)
    t = run.of(event.task)
    work = t.work
    assert work is not None
    record = FailureRecord(event.failure.type, event.action, event.failure.tests, event.failure.message)
    run = run.with_task(replace(t, failures=(*t.failures, record)))
    match event.response:
        case Response.PROCEED:
            return _proceed(run, event.task, work, event.failure)
        case Response.FIX:
            return run.with_work(event.task, _fix(run, work))
        case Response.REDO:
            history = _retried(work, event.failure.type)
            redo = replace(work, phase=Phase.DISPATCH, history=history, failures=())
            again = redo if work.kind != "task" or work.role == "fix" else replace(redo, from_tree=work.base_tree)
            return run.with_work(event.task, replace(again, fixing=(event.failure, *work.fixing)))
        case Response.RECHECK:
            checked = replace(work, history=_retried(work, event.failure.type))
            return _recheck(run, event.task, checked, event.failure)
        case Response.ASK:
            return replace(run, pending=event.question, questions=run.questions + 1)
        case Response.SKIP:
            return _leave(run, event.task, work, by_person=False)
        case Response.ABORT:
            return replace(run, aborted=True)
        case _:
            assert_never(event.response)


def _budget_action(run: Run, event: e.ActionChosen) -> Run:
    name = event.failure.tests[0]
    if event.response is Response.ASK:
        return replace(run, pending=event.question, questions=run.questions + 1)
    if event.response is Response.ABORT:
        return replace(run, aborted=True)
    return _warn(_allow_more(run, name), event.failure.message)


def _allow_more(run: Run, name: str) -> Run:
    """The same amount once more (at least as much as is used already)."""
    used, limit = next((used, limit) for meter, used, limit in _meters(run) if meter == name)
    times = run.allowed.get(name, 0) + 1
    while limit and used is not None and used >= limit * (1 + times):
        times += 1
    return replace(run, allowed={**run.allowed, name: times}, budget_failure=None)


def _retried(work: Work, type: FailureType) -> History:
    retries = {**work.history.retries, type: work.history.retries.get(type, 0) + 1}
    return work.history.model_copy(update={"retries": retries})


def _fix(run: Run, work: Work) -> Work:
    """The work with a fix dispatch wanted for its open failures; on a commit of the branch it becomes a repair."""
    history = work.history.model_copy(update={"fixes": work.history.fixes + 1})
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
    excused = work.excused | (frozenset(failure.tests) if failure.type in taken else frozenset())
    rest = tuple(f for f in work.failures if f is not failure and f != failure)
    return run.with_work(task, replace(work, failures=rest, excused=excused))


def _recheck(run: Run, task: str, work: Work, failure: Failure) -> Run:
    if failure.origin == "suite":
        again = _validate(run, replace(work, failures=()), task, final=False)
        return run.with_work(task, again)
    return run.with_work(task, replace(work, phase=Phase.GATE, failures=()))


def _leave(run: Run, task: str, work: Work, by_person: bool) -> Run:
    """Skips a task: back to its start, below the tip by rebuilding the branch."""
    phase = Phase.PUT_BACK if work.kind == "task" else Phase.REBUILD
    return run.with_work(task, replace(work, phase=phase, failures=(), by_person=by_person, redo=False))


def _answered(run: Run, event: e.Answered) -> Run:
    question = run.pending
    assert question is not None and question.id == event.question
    run = replace(run, pending=None)
    if event.choice == "abort":
        return replace(run, aborted=True)
    match question.kind:
        case "checkpoint":
            return run
        case "budget":
            assert run.budget_failure is not None
            return _allow_more(run, run.budget_failure.tests[0])
        case "plan":
            assert question.task is not None
            return _answer_plan(run, question.task, event.choice)
        case "agent" | "failure":
            assert question.task is not None
            return _answer_task(run, question.task, event)
        case _:
            assert_never(question.kind)


def _answer_plan(run: Run, task: str, choice: str) -> Run:
    if choice == "approve":
        return _ask_about_finished(run)
    begun = run.working()  # it stands on what is taken back, so it is begun again; rebuilding keeps its commit
    commit = next((t.work.commit for t in begun if t.work), None)
    for t in begun:
        run = run.with_task(replace(t, work=None, status="pending" if t.status == "running" else t.status))
    work = replace(_new_work(run, Phase.REBUILD), kind="check", redo=True, commit=commit)
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
    """Looks whether a person changed the tree; what follows is the business of `_tree_inspected`."""
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
    run = _warn(run, f"task {t.task.id}: {failure.type} was approved{note}: {failure.message}")
    tests = frozenset(failure.tests)
    run = replace(run, known=run.known | tests)
    return _proceed(run, t.task.id, replace(work, excused=work.excused | tests, note=None), failure)


def _roll_back(run: Run, t: TaskRun, work: Work) -> Run:
    if work.kind != "task":
        again = replace(work, phase=Phase.REBUILD, failures=(), redo=True)
        return run.with_work(t.task.id, again)
    fresh = replace(_new_work(run, Phase.DISPATCH), note=work.note, commit=work.commit)  # the dispatch keeps it
    return run.with_work(t.task.id, fresh)


def _tree_inspected(run: Run, event: e.TreeInspected) -> Run:
    """After a person's retry: a changed tree is checked again, an unchanged one gets one more dispatch.

    What only the surroundings can have caused is checked again in any case.
    """
    work = run.of(event.task).work
    assert work is not None
    kind = "repair" if work.kind == "check" and event.tree != work.tree else work.kind
    if event.tree != work.tree:
        phase = Phase.GATE if run.gate(event.task) else Phase.COMMIT
        changed = replace(work, kind=kind, tree=event.tree, phase=phase, fixing=())
        return run.with_work(event.task, replace(changed, validation=None, committed_at=run.last_at))
    failure = work.fixing[0]
    if _surroundings(failure):
        return _recheck(run, event.task, replace(work, phase=work.resume_at, fixing=()), failure)
    if failure.origin == "agent":
        return run.with_work(event.task, replace(work, phase=Phase.DISPATCH))
    fix = _fix(run, replace(work, phase=work.resume_at, failures=work.fixing))
    return run.with_work(event.task, replace(fix, history=History(fixes=1)))


def _task_put_back(run: Run, event: e.TaskPutBack) -> Run:
    t = run.of(event.task)
    assert t.work is not None
    return run.with_task(replace(t, work=None, status=_left_as(t.work)))


def _left_as(work: Work | None) -> TaskStatus:
    """A task that a person skipped is skipped; one that the configuration skipped has failed."""
    return "skipped" if work is None or work.by_person else "failed"


# -- what comes next


def _new_work(run: Run, phase: Phase) -> Work:
    return Work("task", run.tip, run.tip_tree, phase, tree=run.tip_tree, from_tree=run.tip_tree)


def _begin_next(run: Run) -> Run:
    """Opens the next piece of work when nothing is being done and nobody is asked."""
    if run.ended or run.halted or run.aborted or run.pending:
        return run
    if run.working() or (run.settings.test_command and run.baseline is None):
        return run
    if run.unasked and (asking := _ask_about_finished(run)).pending:
        return asking
    run = _block_dependants(run)
    debts = bool(run.owed or run.suspects) and not run.left() and run.settings.validation_cadence != "on-demand"
    if due(run.settings, len(run.unvalidated), len(run.left())) or debts:
        return _begin_check(run)
    left = run.left()
    if not left:
        return run
    if _pause_due(run):
        return _pause(run)
    return run.with_task(replace(left[0], status="running", work=_new_work(run, Phase.DISPATCH)))


def _begin_check(run: Run) -> Run:
    task = run.unvalidated[-1][0] if run.unvalidated else _last_complete(run)
    if task is None:
        return replace(run, owed={}, suspects={})
    work = replace(_new_work(run, Phase.VALIDATE), kind="check", commit=run.tip)
    return run.with_work(task, _validate(run, work, task, final=not run.left()))


def _last_complete(run: Run) -> str | None:
    done = [t.task.id for t in run.tasks if t.status == "complete"]
    return done[-1] if done else None


def _pause_due(run: Run) -> bool:
    every = {"checkpoint": 1, "batch": run.settings.batch_size}.get(run.settings.execution_mode)
    return every is not None and run.since_pause >= every


def _pause(run: Run) -> Run:
    done = sum(t.status == "complete" for t in run.tasks)
    question = e.Question(
        id=f"q{run.questions + 1}",
        kind="checkpoint",
        question=f"{done} of {len(run.tasks)} tasks are done. Go on?",
        options=(
            e.Option(id="continue", label="go on with the next task"),
            e.Option(id="abort", label="end the run"),
        ),
    )
    return replace(run, pending=question, questions=run.questions + 1, since_pause=0)


def _block_dependants(run: Run) -> Run:
    """Tasks that depend, directly or not, on one that was skipped or failed cannot run."""
    stopped = {t.task.id for t in run.tasks if t.status in ("skipped", "failed", "blocked")}
    tasks = list(run.tasks)
    for _ in tasks:
        for i, t in enumerate(tasks):
            if t.status == "pending" and stopped.intersection(t.task.depends_on):
                tasks[i] = replace(t, status="blocked")
                stopped.add(t.task.id)
    return replace(run, tasks=tuple(tasks))


def ending(run: Run) -> tuple[str, int]:
    """The status and exit code with which a run that wants nothing more ends."""
    if run.aborted:
        return "aborted", 1
    if any(t.status in ("failed", "blocked") for t in run.tasks):
        return "blocked", 1
    if run.last_verdict == "inconclusive":
        return "inconclusive", 3
    return "finished", 0
