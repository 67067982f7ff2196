"""What happened, in the lines that a person cares about."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from superteam.cli.words import Level, counted, many, one_line, some_of
from superteam.core import events as e
from superteam.core.chosen import chosen_agent
from superteam.core.claims import Compared
from superteam.core.decide import Kind
from superteam.core.failures import Action, FailureType, Response
from superteam.core.plan import HUMAN, Plan
from superteam.core.review import SEVERITIES, blocks, merged
from superteam.core.run import Run, TaskRun
from superteam.core.sources import command_of, source_names
from superteam.evidence.status import rate_limits, task_status

_MOVED_GATES = ("gate-elsewhere", "gate-rewritten")


class Line(NamedTuple):
    """One thing that happened, in words; the text is harmless already."""

    level: Level
    text: str


def story(before: Run | None, event: e.Event, after: Run) -> tuple[Line, ...]:
    """What a person should hear about an event: nothing, or a few lines."""
    told = (*_event(event, after), *_changes(before, after))
    return tuple(Line(line.level, one_line(line.text)) for line in told)


def _event(event: e.Event, after: Run) -> list[Line]:
    match event:
        case e.RunCreated():
            tasks = many(len(event.plan.tasks), "task")
            text = f"run {event.run_id}: {event.plan.title} ({event.plan.path}), {tasks}, branch {event.run_branch}"
            return [Line("step", text), *_reading(event.plan)]
        case e.RunResumed():
            return [Line("step", f"run {after.run_id} goes on: {after.plan.title} ({after.plan.path})")]
        case e.StepStarted():
            return _begun(event, after)
        case e.BaselineCaptured():
            return _baseline(event.baseline, after)
        case e.AgentFinished():
            return _agent(event, after)
        case e.Integrated():
            text = f"task {event.task} is merged with what other tasks committed meanwhile"
            clash = f"task {event.task} conflicts with what other tasks committed meanwhile: {some_of(event.conflicts)}"
            return [Line("bad", clash) if event.conflicts else Line("step", text)]
        case e.GateFinished():
            of = f" ({event.command})" if event.command else ""
            text = f"task {event.task} gate failed: {event.detail}{of}"
            return _verified(event, after) if event.ok else [Line("bad", text)]
        case e.GateChecked():
            text = f"task {event.task} gate: it is red at the task's start too ({event.detail})"
            return [Line("step", text)] if event.red else []
        case e.ProbeFinished():
            return _probe(event, after)
        case e.ValidationConcluded():
            return _validation(event.task, event.result, after)
        case e.ReviewFinished():
            return _review(event)
        case e.BranchMoved():
            t = after.of(event.task)
            done = "repaired" if event.sha in t.repairs else "complete"
            done = "mended, to be looked at again" if t.task.kind in HUMAN else done
            return [Line("good", f"task {event.task} {done}: commit {event.sha[:12]}")]
        case e.ActionChosen():
            return _action(event)
        case e.Answered():
            return [Line("step", f"answer: {event.choice}" + (f" ({event.note})" if event.note else ""))]
        case e.PlanAdjusted():
            return [Line("step", f"plan {event.change}: task {', '.join(event.tasks)}")]
        case e.TaskPutBack():
            left = next((t.status for t in after.tasks if t.task.id == event.task), "gone from the plan")
            text = f"task {event.task} {left}: its tree was put back to the task's start"
            return [Line("warning", text)]
        case e.BranchRebuilt():
            kept = f", put on again: {', '.join(event.kept)}" if event.kept else ""
            return [Line("warning", f"task {event.task} was taken off the branch, which is at {event.tip[:12]}{kept}")]
        case e.RunInterrupted():
            return [Line("warning", f"interrupted by {event.signal}")]
        case _:
            return []


def _reading(plan: Plan) -> list[Line]:
    """What the reader had to say: a task that was left out, or a gate that does not judge, must not be missed."""
    if not plan.findings:
        return []
    moved = [Line("warning", finding.message) for finding in plan.findings if finding.code in _MOVED_GATES]
    warnings, where = many(len(plan.findings), "warning"), shlex.quote(plan.path)
    return [*moved, Line("warning", f"{warnings} about the plan: superteam plan check {where}")]


def _verified(event: e.GateFinished, after: Run) -> list[Line]:
    """A verification that is complete has no commit that would say so."""
    t = after.of(event.task)
    if t.task.kind != "verification" or t.status != "complete":
        return []
    states = [result.state for result in event.must_haves]
    more = f"; {many(states.count('unverified'), 'must-have')} for a person to verify" if "unverified" in states else ""
    return [Line("good", f"task {event.task} complete: verified{more}")]


def _begun(event: e.StepStarted, run: Run) -> list[Line]:
    if event.step == Kind.CAPTURE_BASELINE:
        return [
            Line("step", f"baseline{by_source(run, next_source(run))}: {next_command(run)} at {run.start_sha[:12]}")
        ]
    t = task_of(run, event.task)
    if event.step != Kind.DISPATCH or t is None or t.work is None:
        return []
    by = f"agent {worker(run, t, t.work.role)}"
    if t.work.role == "implement" and event.number == 1:
        return [Line("step", f"task {t.task.id} begins: {t.task.title} ({by})")]
    return [Line("step", f"task {t.task.id} {t.work.role}, attempt {event.number} ({by})")]


def worker(run: Run, t: TaskRun, role: str) -> str:
    """The agent of a dispatch, and its model where one is chosen."""
    found = chosen_agent(run.settings.agent, role, t.task.agent)
    return ", ".join(filter(None, (found.agent, found.model)))


def by_source(run: Run, source: str) -> str:
    """The name of a source in words, where there is another one that could be meant."""
    return f" ({source})" if len(source_names(run.settings)) > 1 else ""


def next_source(run: Run) -> str:
    """The source whose baseline is captured now."""
    return next(iter(run.uncaptured()), run.main_source())


def next_command(run: Run) -> str:
    """The command of the source whose baseline is captured now."""
    return command_of(run.settings, next_source(run)) if source_names(run.settings) else ""


def task_of(run: Run, id: str | None) -> TaskRun | None:
    """The task with this id; None if the run has none."""
    return next((t for t in run.tasks if t.task.id == id), None)


def _baseline(found: e.BaselineDocument, run: Run) -> list[Line]:
    if found.verdict == "inconclusive":
        return []  # the run halts and says why
    text = f"baseline{by_source(run, found.source)} {found.verdict}: {counted(found.counts)}"
    return [Line("good" if found.verdict == "pass" else "step", text)]


def _agent(event: e.AgentFinished, after: Run) -> list[Line]:
    """What kept a dispatch from being of use."""
    if event.question is not None or event.ended == "rate-limited":
        return []  # the limit is told as such
    if event.ended != "done":
        return [Line("bad", f"task {event.task} agent {event.ended}: {event.detail}")]
    work = after.of(event.task).work
    if work and work.role == "fix" and work.history.fix_was_empty:
        return [Line("bad", f"task {event.task} fix changed nothing")]
    idle = [failure for failure in work.failures if failure.type is FailureType.IMPL_CRASH] if work else []
    return [Line("bad", f"task {event.task} {failure.message.removeprefix('the ')}") for failure in idle]


def _probe(event: e.ProbeFinished, run: Run) -> list[Line]:
    seen, by = event.observation, by_source(run, event.source)
    if seen.probe.purpose != "suite":
        return []
    if not seen.sound:
        return [Line("bad", f"task {event.task} suite{by} inconclusive: {seen.reason}")]
    new = seen.difference.new_failures
    text = f"task {event.task}{by} has {many(len(new), 'new failure')}, to be settled by reruns: {some_of(new)}"
    return [Line("step", text)] if new else []


def _validation(task: str, result: e.ValidationResult, run: Run) -> list[Line]:
    level: Level = "good" if result.verdict == "pass" else "bad"
    found = (
        ("regressions", result.regressions),
        ("unresolved", result.unresolved),
        ("missing", result.missing),
        ("newly skipped", result.newly_skipped),
    )
    parts = [f"{name}: {some_of(ids)}" for name, ids in found if ids] or [result.reason or counted(result.counts)]
    low = ", low confidence" if result.confidence == "low" else ""
    by = by_source(run, result.source)
    return [Line(level, f"task {task} validation{by} {result.verdict}{low}: {'; '.join(parts)}")]


def _review(event: e.ReviewFinished) -> list[Line]:
    about = f"task {event.task} review ({event.role}) {event.sha[:12]}"
    if event.question is not None or event.ended == "rate-limited":
        return []
    if event.review is None:
        return [Line("bad", f"{about} {event.ended}: {event.detail}")]
    said = event.review
    counts = Counter(finding.severity for finding in said.findings)
    listed = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])
    found = f": {listed} finding{'s' * (len(said.findings) != 1)}" if said.findings else ""
    level: Level = "bad" if blocks(event.role, said) else "good"
    return [Line(level, f"{about} {'passed' if said.passed else 'did not pass'}{found}")]


def open_findings(run: Run) -> list[str]:
    """What the reviewers said last of each task's commit, and did not see mended."""
    rows = []
    for t in [t for t in run.tasks if task_status(run, t) != "skipped"]:
        newest = {r.role: r for r in t.reviews if r.passed is not None and r.sha == t.reviews[-1].sha}
        rows += [f"task {t.task.id}: {found.text}" for found in merged({r: n.findings for r, n in newest.items()})]
        silent = (n for n in newest.values() if n.passed is False and not n.findings)
        rows += [f"task {t.task.id}: {n.role} did not pass it: {n.summary or 'without a finding'}" for n in silent]
    return rows


def _action(event: e.ActionChosen) -> list[Line]:
    failure = event.failure
    about = f"task {event.task} {failure.type}" if event.task else str(failure.type)
    match event.response:
        case Response.FIX:
            return [Line("step", f"{about}: a fix is asked for")]
        case Response.REDO:
            whose = f" of the reviewer {', '.join(failure.roles)}" if failure.origin == "review" else ""
            return [Line("step", f"{about}: one more dispatch{whose}")]
        case Response.RECHECK:
            return [Line("step", f"{about}: checked once more")]
        case Response.PROCEED if event.action is not Action.IGNORE:
            return [Line("warning", f"{about}: {failure.message}")]
        case Response.SKIP | Response.ABORT:
            left = "the task is left out" if event.response is Response.SKIP else "the run is ended"
            return [Line("warning", f"{about}: {left} (on-escalation): {failure.message}")]
        case _:
            return []  # a question is told as such; what is ignored is listed at the end


def limited_in_words(limit: Mapping[str, Any]) -> str:
    """A rate limit, and whether it is waited for."""
    until = f"until {limit['until'][:19].replace('T', ' ')} UTC" if limit["until"] else "without saying until when"
    waiting = "; waiting for it" if limit["waiting"] else ""
    return f"agent {limit['agent']}: its provider takes no work (rate limit) {until}{waiting}"


def _limits(before: Run | None, after: Run) -> list[Line]:
    """A rate limit that is new, and why the run does not wait for it."""
    known = rate_limits(before) if before else []
    lines = [Line("warning", limited_in_words(limit)) for limit in rate_limits(after) if limit not in known]
    stopped = after.limits.stopped
    if stopped and (before is None or before.limits.stopped is None):
        lines.append(Line("warning", f"the run stops: {stopped.why}; go on later: superteam resume {after.run_id}"))
    return lines


def _changes(before: Run | None, after: Run) -> list[Line]:
    """What an event brought about besides itself: warnings, blocked tasks, a halt, a question."""
    known = len(before.warnings) if before else 0
    lines = [Line("warning", f"warning: {message}") for message in after.warnings[known:]]
    was = {t.task.id: t.status for t in before.tasks} if before else {}
    blocked = [t.task.id for t in after.tasks if t.status == "blocked" and was.get(t.task.id) != "blocked"]
    lines += [Line("warning", f"task {id} is blocked: it depends on a task that was not done") for id in blocked]
    lines += _limits(before, after)
    if after.halted and (before is None or before.halted is None):
        lines.append(Line("warning", f"the run stops: {after.halted}"))
    lines += [Line("warning", text) for text in _contradicted(before, after)]
    asked = after.pending
    # At a terminal the operator shows the whole question.
    if asked and not after.interactive and (before is None or before.pending is None):
        role = asked.evidence.get("reviewer")
        agent = f"the reviewer {role}" if role else "the agent"
        by = f"{agent} of task {asked.task} asks: " if asked.kind == "agent" else ""
        by = f"the plan asks (task {asked.task}): " if asked.kind == "human" else by
        lines.append(Line("question", f"question {asked.id}: {by}{asked.question}"))
    return lines


def _contradicted(before: Run | None, after: Run) -> list[str]:
    """Claims of agents that what was measured just now is not in agreement with."""
    known = {t.task.id: t.claims for t in before.tasks} if before else {}
    return [
        contradiction(t, c) for t in after.tasks for c in t.claims if differs(c) and c not in known.get(t.task.id, ())
    ]


def differs(found: Compared) -> bool:
    """Whether what was measured says that a claim is wrong."""
    return found.agrees is False


def contradiction(t: TaskRun, found: Compared) -> str:
    """A claim and what was measured, in words."""
    return f"task {t.task.id} the agent said: “{found.text}”; measured: {found.measured}"
