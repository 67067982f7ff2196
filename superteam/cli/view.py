"""What people see while a run goes on, and the table at its end.

One of three views observes a run: `Live`, a picture on a terminal; `Plain`, one line per event that matters; `Json`,
the events themselves. `story` says what matters, `picture` what a terminal shows, `final` what a run came to: these
are pure. Whatever a plan, a test or an agent wrote passes `one_line` before it is shown.
"""

from __future__ import annotations

import codecs
import os
import shlex
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from superteam.cli.console import Style, emit_json, note, sanitise, table
from superteam.core import events as e
from superteam.core.decide import Kind
from superteam.core.failures import Action, FailureType, Response
from superteam.core.finding import Finding
from superteam.core.plan import HUMAN, Plan
from superteam.core.review import SEVERITIES, blocks, merged
from superteam.core.run import Run, TaskRun
from superteam.core.settle import next_probe, rules_of
from superteam.core.sources import command_of, source_names
from superteam.evidence.status import standing, task_status

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live as RichLive

Level = Literal["step", "good", "bad", "warning", "question"]
_STYLES: dict[str, Style] = {"good": "green", "bad": "red", "warning": "yellow", "question": "bold"}

TEXT_LIMIT = 300
LINE_LIMIT = 1_000
CHUNK_LIMIT = 16_384
NAMED = 3
LISTED = 20


def make_view(json: bool, quiet: bool, terminal: bool) -> Live | Plain | Json:
    """The view for how a command was called; a terminal that cannot move its cursor gets plain lines."""
    if json:
        return Json()
    if quiet or not terminal or os.environ.get("TERM", "dumb") in ("dumb", "unknown", ""):
        return Plain(quiet)
    return Live()


# -- words


def one_line(text: str, limit: int = TEXT_LIMIT) -> str:
    """Foreign text as one harmless line, cut with a mark."""
    clean = " ".join(sanitise(text[: limit * 4]).split())
    return clean if len(clean) <= limit and len(text) <= limit * 4 else clean[:limit].rstrip() + " [...]"


def clock(seconds: float) -> str:
    """A span of time as 00:12 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def _names(ids: Sequence[str], shown: int = NAMED) -> str:
    more = f" and {len(ids) - shown} more" if len(ids) > shown else ""
    return ", ".join(one_line(id, 120) for id in ids[:shown]) + more


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items() if number) or "no counts"


# -- the story: what a person cares about


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
            tasks = _many(len(event.plan.tasks), "task")
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
            clash = f"task {event.task} conflicts with what other tasks committed meanwhile: {_names(event.conflicts)}"
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
    """What the reader had to say: a task that was left out must not be missed."""
    many, where = _many(len(plan.findings), "warning"), shlex.quote(plan.path)
    return [Line("warning", f"{many} about the plan: superteam plan check {where}")] if plan.findings else []


def _verified(event: e.GateFinished, after: Run) -> list[Line]:
    """A verification that is complete has no commit that would say so."""
    t = after.of(event.task)
    if t.task.kind != "verification" or t.status != "complete":
        return []
    states = [result.state for result in event.must_haves]
    more = (
        f"; {_many(states.count('unverified'), 'must-have')} for a person to verify" if "unverified" in states else ""
    )
    return [Line("good", f"task {event.task} complete: verified{more}")]


def _begun(event: e.StepStarted, run: Run) -> list[Line]:
    if event.step == Kind.CAPTURE_BASELINE:
        return [Line("step", f"baseline{_by(run, _next_source(run))}: {_next_command(run)} at {run.start_sha[:12]}")]
    t = _task(run, event.task)
    if event.step != Kind.DISPATCH or t is None or t.work is None:
        return []
    agent = t.task.agent or run.settings.agent.use
    if t.work.role == "implement" and event.number == 1:
        return [Line("step", f"task {t.task.id} begins: {t.task.title} (agent {agent})")]
    return [Line("step", f"task {t.task.id} {t.work.role}, attempt {event.number} (agent {agent})")]


def _by(run: Run, source: str) -> str:
    """The name of a source in words, where there is another one that could be meant."""
    return f" ({source})" if len(source_names(run.settings)) > 1 else ""


def _next_source(run: Run) -> str:
    """The source whose baseline is captured now."""
    return next(iter(run.uncaptured()), run.main_source())


def _next_command(run: Run) -> str:
    return command_of(run.settings, _next_source(run)) if source_names(run.settings) else ""


def _task(run: Run, id: str | None) -> TaskRun | None:
    return next((t for t in run.tasks if t.task.id == id), None)


def _baseline(found: e.BaselineDocument, run: Run) -> list[Line]:
    if found.verdict == "inconclusive":
        return []  # the run halts and says why
    text = f"baseline{_by(run, found.source)} {found.verdict}: {_counts(found.counts)}"
    return [Line("good" if found.verdict == "pass" else "step", text)]


def _agent(event: e.AgentFinished, after: Run) -> list[Line]:
    """What kept a dispatch from being of use."""
    if event.question is not None:
        return []
    if event.ended != "done":
        return [Line("bad", f"task {event.task} agent {event.ended}: {event.detail}")]
    work = after.of(event.task).work
    if work and work.role == "fix" and work.history.fix_was_empty:
        return [Line("bad", f"task {event.task} fix changed nothing")]
    idle = work and any(failure.type is FailureType.IMPL_CRASH for failure in work.failures)
    return [Line("bad", f"task {event.task} agent ended well but changed nothing")] if idle else []


def _probe(event: e.ProbeFinished, run: Run) -> list[Line]:
    seen, by = event.observation, _by(run, event.source)
    if seen.probe.purpose != "suite":
        return []
    if not seen.sound:
        return [Line("bad", f"task {event.task} suite{by} inconclusive: {seen.reason}")]
    new = seen.difference.new_failures
    text = f"task {event.task}{by} has {_many(len(new), 'new failure')}, to be settled by reruns: {_names(new)}"
    return [Line("step", text)] if new else []


def _validation(task: str, result: e.ValidationResult, run: Run) -> list[Line]:
    level: Level = "good" if result.verdict == "pass" else "bad"
    found = (
        ("regressions", result.regressions),
        ("unresolved", result.unresolved),
        ("missing", result.missing),
        ("newly skipped", result.newly_skipped),
    )
    parts = [f"{name}: {_names(ids)}" for name, ids in found if ids] or [result.reason or _counts(result.counts)]
    low = ", low confidence" if result.confidence == "low" else ""
    by = _by(run, result.source)
    return [Line(level, f"task {task} validation{by} {result.verdict}{low}: {'; '.join(parts)}")]


def _review(event: e.ReviewFinished) -> list[Line]:
    about = f"task {event.task} review ({event.role}) {event.sha[:12]}"
    if event.question is not None:
        return []
    if event.review is None:
        return [Line("bad", f"{about} {event.ended}: {event.detail}")]
    said = event.review
    counts = Counter(finding.severity for finding in said.findings)
    listed = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])
    found = f": {listed} finding{'s' * (len(said.findings) != 1)}" if said.findings else ""
    level: Level = "bad" if blocks(event.role, said) else "good"
    return [Line(level, f"{about} {'passed' if said.passed else 'did not pass'}{found}")]


def _open_findings(run: Run) -> list[str]:
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


def _changes(before: Run | None, after: Run) -> list[Line]:
    """What an event brought about besides itself: warnings, blocked tasks, a halt, a question."""
    known = len(before.warnings) if before else 0
    lines = [Line("warning", f"warning: {message}") for message in after.warnings[known:]]
    was = {t.task.id: t.status for t in before.tasks} if before else {}
    blocked = [t.task.id for t in after.tasks if t.status == "blocked" and was.get(t.task.id) != "blocked"]
    lines += [Line("warning", f"task {id} is blocked: it depends on a task that was not done") for id in blocked]
    if after.halted and (before is None or before.halted is None):
        lines.append(Line("warning", f"the run stops: {after.halted}"))
    asked = after.pending
    # At a terminal the operator shows the whole question.
    if asked and not after.interactive and (before is None or before.pending is None):
        role = asked.evidence.get("reviewer")
        agent = f"the reviewer {role}" if role else "the agent"
        by = f"{agent} of task {asked.task} asks: " if asked.kind == "agent" else ""
        by = f"the plan asks (task {asked.task}): " if asked.kind == "human" else by
        lines.append(Line("question", f"question {asked.id}: {by}{asked.question}"))
    return lines


# -- the last lines of what runs


@dataclass(slots=True)
class Tail:
    """The last lines that a program printed, in bounded memory; a carriage return begins a line anew."""

    keep: int = 5
    lines: tuple[str, ...] = ()
    _open: str = ""
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )

    def feed(self, data: bytes) -> None:
        """Takes any chunk; of a very long one only its end."""
        if len(data) > CHUNK_LIMIT:
            data, self._open = data[-CHUNK_LIMIT:], ""
        *whole, last = (self._open + self._decoder.decode(data)).split("\n")
        seen = [shown for line in whole if (shown := _overwritten(line)).strip()]
        self.lines = (*self.lines, *seen)[-self.keep :]
        self._open = _overwritten(last) + ("\r" if last.endswith("\r") else "")

    def shown(self) -> tuple[str, ...]:
        """The lines as they can be shown; an unfinished last one counts."""
        last = self._open.rstrip("\r")
        lines = (*self.lines, last) if last.strip() else self.lines
        return tuple(sanitise(line).replace("\n", " ").expandtabs() for line in lines[-self.keep :])


def _overwritten(line: str) -> str:
    """What is left of a line after its carriage returns, cut."""
    return line.rstrip("\r").rpartition("\r")[2][:LINE_LIMIT]


# -- the picture on a terminal


class Row(NamedTuple):
    """One line of the picture; `style` is a style of rich."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Doing:
    """A step that is under way, in words, and since how many seconds; `tail` is what it printed last."""

    label: str
    seconds: float
    tail: tuple[str, ...] = ()


_GLYPHS = {
    "complete": ("✔", "+"),
    "running": ("▶", ">"),
    "waiting": ("?", "?"),
    "failed": ("✘", "x"),
    "blocked": ("⊘", "!"),
    "skipped": ("↷", "-"),
    "pending": ("·", "."),
}
_COLOURS = {"complete": "green", "running": "bold", "waiting": "bold yellow", "failed": "red", "blocked": "red"}


def picture(
    run: Run, doing: Sequence[Doing], tail: Sequence[str], elapsed: float, height: int, ascii_only: bool = False
) -> list[Row]:
    """The rows of the live picture, fewer than `height` lines; of little room the tasks and steps get the most.

    `tail` are the last lines of a step that runs alone; those of several stand below each of them.
    """
    doing = doing[: max(1, height - 3)]
    spare = max(0, height - 3 - len(doing))
    tail = tail[len(tail) - min(len(tail), spare, 5 if height >= 24 else 3) :]
    bar = "|" if ascii_only else "│"
    talking = sum(bool(step.tail) for step in doing)
    each = min(spare // talking, 3 if height >= 24 else 1) if talking else 0
    steps = [row for step in doing for row in _step_rows(step, each, bar)]
    room = max(1, height - 2 - len(steps) - len(tail))
    head = Row(f"{one_line(run.plan.title, 60)} ({one_line(run.plan.path, 60)})  {clock(elapsed)}", "bold")
    return [head, *_task_rows(run, room, ascii_only), *steps, *(Row(f"  {bar} {line}", "dim") for line in tail)]


def _step_rows(step: Doing, lines: int, bar: str) -> list[Row]:
    last = step.tail[len(step.tail) - min(len(step.tail), lines) :]
    return [Row(f"{step.label}  {clock(step.seconds)}"), *(Row(f"  {bar} {line}", "dim") for line in last)]


def _task_rows(run: Run, room: int, ascii_only: bool) -> list[Row]:
    """The tasks, or those around the one that is being worked on where there are too many."""
    statuses = [task_status(run, t) for t in run.tasks]
    start, stop = _window(statuses, room)
    width = max((len(one_line(t.task.id, 12)) for t in run.tasks), default=1)
    rows = [_task_row(run, t, statuses[i], width, ascii_only) for i, t in enumerate(run.tasks[start:stop], start)]
    rest = ((start, "above"), (len(run.tasks) - stop, "below"))
    above, below = ([Row(f"  ... {_many(n, 'task')} {where}", "dim")] if n and room > 2 else [] for n, where in rest)
    return [*above, *rows, *below]


def _window(statuses: Sequence[str], room: int) -> tuple[int, int]:
    """Which tasks are shown: all, or as many as fit around the first that is not over, less two lines for marks."""
    if len(statuses) <= room:
        return 0, len(statuses)
    size = room - 2 if room > 2 else room
    focus = next((i for i, status in enumerate(statuses) if status in ("running", "waiting", "pending")), 0)
    start = max(0, min(focus - size // 2, len(statuses) - size))
    return start, start + size


def _task_row(run: Run, t: TaskRun, status: str, width: int, ascii_only: bool) -> Row:
    glyph = _GLYPHS[status][ascii_only]
    facts = [t.commit_sha[:12] if t.commit_sha else "", _verdict(run, t)]
    if t.work and t.attempts > 1:
        facts.append(f"{t.attempts} attempts")
    shown = "  ".join(fact for fact in facts if fact)
    text = f"  {glyph} {status:<8}  {one_line(t.task.id, 12):<{width}}  {one_line(t.task.title, 60)}"
    return Row(f"{text}  {shown}" if shown else text, _COLOURS.get(status, "dim"))


def _verdict(run: Run, t: TaskRun) -> str:
    """The newest verdict after a task: of several sources the one that weighs most."""
    newest = [found for found in _newest(run) if found.after_task == t.task.id]
    if not newest or _is_gone(run, t):
        return ""
    approved = _approved_tests(run)
    standing = [v for v in newest if not (v.verdict == "fail" and t.status == "complete" and _against(v) <= approved)]
    found = min(standing, key=lambda v: ("fail", "inconclusive", "pass").index(v.verdict), default=None)
    if found is None or (found.verdict == "pass" and len(standing) < len(newest)):
        return "fail, approved"
    return found.verdict + (" (low)" if found.confidence == "low" else "")


def _is_gone(run: Run, t: TaskRun) -> bool:
    """Whether nothing stands of what was done: the task was left out, or what mended a checkpoint was taken back."""
    taken_back = t.task.kind in HUMAN and t.work is None and t.commit_sha is None
    return taken_back or task_status(run, t) == "skipped"


def _against(found: e.ValidationResult) -> set[tuple[str, str]]:
    """The tests that stand against a validation's pass, each with its source."""
    ids = (*found.regressions, *found.unresolved, *found.missing, *found.newly_skipped)
    return {(found.source, id) for id in ids}


def _approved_tests(run: Run) -> set[tuple[str, str]]:
    return {(f.source, id) for t in run.tasks for f in t.failures if f.approved for id in f.tests}


def _newest(run: Run) -> list[e.ValidationResult]:
    """The newest validation by each source after each task; what an older commit of it was told is void."""
    commits = {found.after_task: found.sha for found in run.validations}
    valid = (found for found in run.validations if found.sha == commits[found.after_task])
    return list({(found.after_task, found.source): found for found in valid}.values())


def label(run: Run, event: e.StepStarted) -> str | None:
    """A step in the words of the picture, or None where there is nothing to see."""
    t = _task(run, event.task)
    about = f"task {one_line(event.task, 12)}: " if event.task else ""
    match event.step:
        case Kind.WATCH_TIME | Kind.ASK:
            return None
        case Kind.CAPTURE_BASELINE:
            return f"baseline{_by(run, _next_source(run))}: {one_line(_next_command(run), 80)}"
        case Kind.DISPATCH if t and t.work:
            agent = one_line(t.task.agent or run.settings.agent.use or "the agent", 40)
            return f"{about}{t.work.role}, attempt {event.number} ({agent})"
        case Kind.RUN_GATE if t and run.gate(t.task.id) is None:
            return f"{about}checks"
        case Kind.RUN_GATE | Kind.CHECK_GATE if t:
            where = " at the task's start" if event.step == Kind.CHECK_GATE else ""
            return f"{about}gate{where}: {one_line(run.gate(t.task.id) or '', 80)}"
        case Kind.REVIEW:
            return f"{about}review ({event.role})"
        case Kind.RUN_PROBE if t:
            source = t.work.validation.source if t.work and t.work.validation else run.main_source()
            command = command_of(run.settings, source) if source in source_names(run.settings) else source
            return f"{about}{_probing(run, t)}{_by(run, source)}: {one_line(command, 80)}"
        case _:
            return about + event.step.replace("-", " ")


def _probing(run: Run, t: TaskRun) -> str:
    rules = rules_of(run.settings)
    probe = next_probe(t.work.validation, rules) if t.work and t.work.validation else None
    if probe is None or probe.purpose == "suite":
        return "validation"
    tests = _many(len(probe.only), "test") if probe.only else "the suite"
    if probe.purpose == "order":
        return "looking for the test that spoils another one"
    there = ("confirm", "suite-reference", "company-reference", "doubt-reference")
    where = "at the reference" if probe.purpose in there else "again"
    return f"bisecting {tests}" if probe.purpose == "bisect" else f"validation, {tests} {where}"


# -- the three views


@dataclass(slots=True)
class Json:
    """Streams each event as one line of JSON to standard output."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def event(self, before: Run | None, event: e.Event, after: Run, at: str) -> None:
        document = {"schema": "superteam.event.v1", "at": at, "event": event.model_dump(mode="json")}
        emit_json(document, line=True)

    def output(self, key: str, data: bytes) -> None: ...


@dataclass(slots=True)
class Plain:
    """One line per event that matters, to standard error; quiet: only warnings and questions."""

    quiet: bool = False

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def event(self, before: Run | None, event: e.Event, after: Run, at: str) -> None:
        for line in story(before, event, after):
            if not self.quiet or line.level in ("warning", "question"):
                note(f"{clock(after.elapsed_s)} {line.text}", _STYLES.get(line.level))

    def output(self, key: str, data: bytes) -> None: ...


class Live:
    """A picture of the run on a terminal, drawn four times a second; what happens scrolls by above it.

    While it is stopped (a question is asked) lines are still told. Output may come from any step under way; the
    picture shows the last lines of each. A thread draws, so all that it reads is replaced, never
    changed in place.
    """

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._live: RichLive | None = None
        self._run: Run | None = None
        self._at = time.monotonic()
        self._doing: dict[str, tuple[str, float]] = {}
        self._tails: dict[str, Tail] = {}

    def start(self) -> None:
        """Begins to draw; again after `stop`."""
        from rich.live import Live as RichLive

        if self._live is not None:
            return
        # transient: the picture gives way to a question or the final table. Lines told meanwhile stay.
        self._live = RichLive(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
        )
        self._live.start(refresh=True)
        self._console.show_cursor(True)  # a killed process could not bring it back

    def stop(self) -> None:
        """Takes the picture off the terminal; may be called at any time."""
        live, self._live = self._live, None
        if live is not None:
            try:
                live.stop()
            except OSError:
                pass

    def event(self, before: Run | None, event: e.Event, after: Run, at: str) -> None:
        """Takes the new state in and tells what matters."""
        self._follow(event, after)
        for line in story(before, event, after):
            self._print(f"{clock(after.elapsed_s)} {line.text}", _STYLES.get(line.level, ""))

    def output(self, key: str, data: bytes) -> None:
        """Takes what a program printed."""
        if key not in self._tails:
            self._tails = {**self._tails, key: Tail()}
        self._tails[key].feed(data)

    def _follow(self, event: e.Event, after: Run) -> None:
        now = time.monotonic()
        doing = {key: step for key, step in self._doing.items() if key in after.in_flight}
        if isinstance(event, e.StepStarted) and event.key and (words := label(after, event)):
            doing[event.key] = (words, now)
        self._tails = {key: tail for key, tail in self._tails.items() if key in after.in_flight}
        self._run, self._at, self._doing = after, now, doing

    def _print(self, text: str, style: str) -> None:
        from rich.text import Text

        try:
            self._console.print(Text(text, style=style), soft_wrap=True)
        except OSError:
            pass

    def _render(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        return Group(*(Text(row.text, row.style, no_wrap=True, overflow="ellipsis") for row in self._rows()))

    def _rows(self) -> list[Row]:
        run, now = self._run, time.monotonic()
        if run is None:
            return []
        shown = {key: tail.shown() for key, tail in self._tails.items()}
        several = len(self._doing) > 1
        doing = [
            Doing(words, now - since, shown.get(key, ()) if several else ())
            for key, (words, since) in self._doing.items()
        ]
        plain = not self._console.encoding.lower().startswith("utf")
        height = self._console.size.height
        tail = () if several else next(reversed(shown.values()), ())
        return picture(run, doing, tail, run.elapsed_s + now - self._at, height, plain)


# -- what a run came to


_MEANING = {
    0: "ok: what was asked for is done",
    1: "blocked: something stands that nobody accepted",
    3: "inconclusive: no sound verdict could be reached",
    4: "waiting for an answer",
    5: "budget: a maximum was reached",
    130: "interrupted; nothing is lost",
}
_LISTED_ELSEWHERE = (FailureType.TEST_FLAKE, FailureType.TEST_SUSPECT, FailureType.TEST_PREEXISTING)


def final(
    run: Run,
    next_command: str | None = None,
    *,
    interrupted: bool = False,
    live: bool = False,
    summaries: Sequence[str] = (),
) -> str:
    """What a run came to, or where it stands, as plain text; the next command is worked out unless it is given.

    `summaries` say where its summaries are.
    """
    status, code = standing(run, live)
    if interrupted and run.ended is None:
        status, code = "interrupted", 130
    lines = [
        f"{one_line(run.plan.title)} ({one_line(run.plan.path)}), run {run.run_id}: {status}",
        "",
        table(_table(run)),
        "",
        *_findings(run),
        *_facts(run),
        *map(one_line, summaries),
        "running; exit code not known yet" if status == "running" else f"exit code {code}, {_meaning(run, code)}",
        _indented("next: ", [next_command] if next_command else _next(run, status, live)),
    ]
    return "\n".join(lines)


def _meaning(run: Run, code: int) -> str:
    """The exit code in words; of a blocked run, what blocks it."""
    if run.ended == "aborted":
        return "aborted"
    undone = [t.task.id for t in run.tasks if task_status(run, t) in ("failed", "blocked")]
    if code != 1 or not undone:
        return _MEANING[code]
    return f"blocked: not done: task {', '.join(one_line(id, 20) for id in undone[:LISTED])}"


def _table(run: Run) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("task", "status", "attempts", "commit", "verdict", "title")]
    for t in run.tasks:
        commit, verdict = (t.commit_sha or "-")[:12], _verdict(run, t) or "-"
        title = one_line(t.task.title, 70)
        rows.append((one_line(t.task.id, 20), task_status(run, t), str(t.attempts), commit, verdict, title))
        rows += [("", "repair", "", sha[:12], "", "") for sha in t.repairs]
    return rows


def _findings(run: Run) -> list[str]:
    """What a person should look at, each kind under its name; what was repaired since is not among it."""
    gone = _gone(run)
    newest = [(v, {id for source, id in _approved_tests(run) if source == v.source}) for v in _standing(run)]
    sections = (
        ("regressions", [_blamed(v, id) for v, known in newest for id in v.regressions if id not in known]),
        ("unresolved", [id for v, known in newest for id in v.unresolved if id not in known]),
        (
            "missing or newly skipped",
            [id for v, known in newest for id in (*v.missing, *v.newly_skipped) if id not in known],
        ),
        ("planned red, still owed", list(run.owed)),
        ("flakes", [id for v in run.validations for id in v.flaky]),
        ("suspects (debt)", _suspects(run)),
        (
            "changed among what decides verdicts",
            [_changed(v, f) for v in run.validations if v.after_task not in gone for f in v.findings],
        ),
        ("review findings", _open_findings(run)),
        ("notes", [note for v in run.validations for note in v.notes]),
        ("decided by a person", _decided(run)),
        ("dropped by a person", [f"task {t.task.id}: {t.task.title}" for t in run.tasks if t.dropped]),
        ("must-haves", _must_haves(run)),
        ("approved", _approved(run)),
        ("taken as it is", _taken(run)),
        ("failures", _failures(run)),
        ("warnings", _warnings(run)),
    )
    return [line for name, items in sections for line in _section(name, items)]


def _suspects(run: Run) -> list[str]:
    last = {found.source: found for found in run.validations}
    owing = [id for state in run.sources.values() for id in state.suspects]
    return [*owing, *(id for found in last.values() for id in found.suspects)]


def _section(name: str, items: Iterable[str]) -> list[str]:
    shown = list(dict.fromkeys(one_line(item) for item in items))
    more = [f"  [... {len(shown) - LISTED} more: superteam status --json]"] if len(shown) > LISTED else []
    return [f"{name}:", *(f"  {item}" for item in shown[:LISTED]), *more] if shown else []


def _gone(run: Run) -> set[str]:
    return {t.task.id for t in run.tasks if task_status(run, t) == "failed" or _is_gone(run, t)}


def _standing(run: Run) -> list[e.ValidationResult]:
    """The newest validations, without what a task that was taken back had brought in."""
    gone = _gone(run)
    newest = [v for v in _newest(run) if v.after_task not in gone]
    return [
        v.model_copy(update={"regressions": tuple(id for id in v.regressions if _culprit(v, id) not in gone)})
        for v in newest
    ]


def _blamed(found: e.ValidationResult, id: str) -> str:
    """A regression with its task, and the test that makes it fail where that is another one."""
    after = f", fails only after {found.polluters[id]}" if id in found.polluters else ""
    return f"{id} (task {_culprit(found, id)}{after})"


def _changed(found: e.ValidationResult, finding: Finding) -> str:
    line = "" if finding.line is None else f":{finding.line}"
    return f"{finding.path}{line}: {finding.detail} (task {found.after_task})"


def _culprit(found: e.ValidationResult, id: str) -> str | None:
    return found.introduced_by.get(id, found.after_task)


def _decided(run: Run) -> list[str]:
    decided = [(t.task.id, t.decision) for t in run.tasks if t.decision]
    return [f"task {id}: {found.choice}" + (f" ({found.note})" if found.note else "") for id, found in decided]


def _must_haves(run: Run) -> list[str]:
    """What failed in words, the others by number: the summary names what is left for a person to look at."""
    rows = [(t.task.id, result) for t in run.tasks for result in t.must_haves]
    states = [result.state for _, result in rows]
    open_ = f", {states.count('unverified')} for a person to verify" if "unverified" in states else ""
    lines = [f"{states.count('passed')} of {len(rows)} passed{open_}"] if rows else []
    return lines + [
        f"failed: {result.text} (task {id}: {result.reason})" for id, result in rows if result.state == "failed"
    ]


def _approved(run: Run) -> list[str]:
    return [f"task {t.task.id}: {f.type}: {f.message}" for t in run.tasks for f in t.failures if f.approved]


def _taken(run: Run) -> list[str]:
    """What an action let pass, but for what is listed by test."""
    passes = (Action.WARN_CONTINUE, Action.IGNORE)
    return [
        f"task {t.task.id}: {f.type} ({f.action}): {f.message}"
        for t in run.tasks
        for f in t.failures
        if f.action in passes and f.type not in _LISTED_ELSEWHERE
    ]


def _failures(run: Run) -> list[str]:
    """Why a task is not done: the last failure of each that is not."""
    stopped = [t for t in run.tasks if task_status(run, t) in ("failed", "skipped", "waiting") and t.failures]
    if run.pending and run.pending.kind == "human":  # it waits for a person, not because of what failed before
        stopped = [t for t in stopped if t.task.id != run.pending.task]
    return [f"task {t.task.id}: {t.failures[-1].type}: {t.failures[-1].message}" for t in stopped]


def _warnings(run: Run) -> list[str]:
    """The run's warnings but for the approvals, which are listed by themselves."""
    said = tuple(f"task {t.task.id}: {f.type} was approved" for t in run.tasks for f in t.failures if f.approved)
    return [message for message in run.warnings if not message.startswith(said)]


def _facts(run: Run) -> list[str]:
    red = [state.baseline for state in run.sources.values() if state.baseline and state.baseline.verdict == "fail"]
    lines = [f"known failures at the baseline{_by(run, b.source)}: {len(b.known_failures)}" for b in red]
    if not source_names(run.settings):
        lines.append("not validated across tasks: there is no test-command")
    elif run.unvalidated and run.ended:
        lines.append(f"not validated across tasks: {', '.join(one_line(id, 20) for id, _ in run.unvalidated)}")
    lines.append(f"cost: {_cost(run)}, time {clock(run.elapsed_s)}")
    if run.halted and not run.ended:
        lines.append(f"stopped: {one_line(run.halted)}")
    return [*lines, *_branch(run), f"outputs: .superteam/runs/{run.run_id}/outputs"]


def _cost(run: Run) -> str:
    cost = run.cost
    usd = "unknown" if cost.usd is None else f"{cost.usd:.2f} USD"
    tokens = (("input", cost.input_tokens), ("output", cost.output_tokens))
    return ", ".join([usd, *(f"{number} {name} tokens" for name, number in tokens if number is not None)])


def _branch(run: Run) -> list[str]:
    line = f"branch: {one_line(run.run_branch)} at {run.tip[:12]}"
    if not run.ended:
        return [line]
    if run.tip == run.start_sha:
        return [f"{line}: no commit was made"]
    if run.fast_forwarded:
        return [line, f"{_theirs(run)} was fast-forwarded to it"]
    why = one_line(run.end_reason) if run.end_reason else "only a run that ended with exit code 0 moves it"
    return [line, f"{_theirs(run)} was not moved ({why}); to take the commits: {_merge(run)}"]


def _theirs(run: Run) -> str:
    return one_line((run.user_branch or "HEAD").removeprefix("refs/heads/"))


def _merge(run: Run) -> str:
    return f"git merge {shlex.quote(run.run_branch)}"


def _next(run: Run, status: str, live: bool) -> list[str]:
    """The commands that a person would run now."""
    id = run.run_id
    match status:
        case "waiting" | "budget" if live:
            return ["the question is being asked at the terminal where this run goes on", f"superteam abort {id}"]
        case "running":
            return [f"superteam status {id}", f"superteam abort {id}"]
        case "waiting" | "budget":
            return _answer(run)
        case "interrupted" | "inconclusive" if not run.ended:
            return [f"superteam resume {id}"]
        case "finished" if run.tip == run.start_sha:
            return [f"superteam status {id} --json"]
        case "finished" if run.fast_forwarded:
            return [f"git log --oneline {run.start_sha[:12]}..{run.tip[:12]}"]
        case "finished":
            return [_merge(run)]
        case _:
            path = one_line(shlex.quote(run.plan.path))
            return [f"superteam status {id} --json", f"superteam execute {path}  (begins a new run)"]


def _answer(run: Run) -> list[str]:
    id, asked = run.run_id, run.pending
    assert asked is not None
    if asked.kind == "checkpoint":
        return [f"superteam resume {id}"]
    choices = ", ".join(one_line(option.id, 20) for option in asked.options)
    remark = ' --note "..."' if asked.kind in ("failure", "agent", "human") else ""
    return [
        f"superteam status {id}  (shows the question)",
        f"superteam answer CHOICE --run {id}{remark}  (CHOICE: {choices})",
        f"superteam resume {id}",
    ]


def _indented(name: str, lines: Sequence[str]) -> str:
    return name + f"\n{' ' * len(name)}".join(lines)
