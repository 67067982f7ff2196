"""The picture on a terminal: what runs, how long, and the last lines of its output."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from superteam.cli.console import sanitise
from superteam.cli.story import by_source, limited_in_words, next_command, next_source, task_of, worker
from superteam.cli.words import clock, many, one_line
from superteam.core import events as e
from superteam.core.decide import Kind
from superteam.core.plan import HUMAN
from superteam.core.run import Run, TaskRun
from superteam.core.settle import next_probe, rules_of
from superteam.core.sources import command_of, source_names
from superteam.evidence.status import rate_limits, task_status

LINE_LIMIT = 1_000  # characters of a line of output
CHUNK_LIMIT = 16_384  # characters that are looked at of one piece of output


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
    above, below = ([Row(f"  ... {many(n, 'task')} {where}", "dim")] if n and room > 2 else [] for n, where in rest)
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
    facts = [t.commit_sha[:12] if t.commit_sha else "", verdict_of(run, t)]
    if t.work and t.attempts > 1:
        facts.append(f"{t.attempts} attempts")
    shown = "  ".join(fact for fact in facts if fact)
    text = f"  {glyph} {status:<8}  {one_line(t.task.id, 12):<{width}}  {one_line(t.task.title, 60)}"
    return Row(f"{text}  {shown}" if shown else text, _COLOURS.get(status, "dim"))


def verdict_of(run: Run, t: TaskRun) -> str:
    """The newest verdict after a task: of several sources the one that weighs most."""
    newest = [found for found in newest_of(run) if found.after_task == t.task.id]
    if not newest or is_gone(run, t):
        return ""
    approved = approved_tests(run)
    standing = [v for v in newest if not (v.verdict == "fail" and t.status == "complete" and _against(v) <= approved)]
    found = min(standing, key=lambda v: ("fail", "inconclusive", "pass").index(v.verdict), default=None)
    if found is None or (found.verdict == "pass" and len(standing) < len(newest)):
        return "fail, approved"
    return found.verdict + (" (low)" if found.confidence == "low" else "")


def is_gone(run: Run, t: TaskRun) -> bool:
    """Whether nothing stands of what was done: the task was left out, or what mended a checkpoint was taken back."""
    taken_back = t.task.kind in HUMAN and t.work is None and t.commit_sha is None
    return taken_back or task_status(run, t) == "skipped"


def _against(found: e.ValidationResult) -> set[tuple[str, str]]:
    """The tests that stand against a validation's pass, each with its source."""
    ids = (*found.regressions, *found.unresolved, *found.missing, *found.newly_skipped)
    return {(found.source, id) for id in ids}


def approved_tests(run: Run) -> set[tuple[str, str]]:
    """The tests, each with its source, that a person took as they are."""
    return {(f.source, id) for t in run.tasks for f in t.failures if f.approved for id in f.tests}


def newest_of(run: Run) -> list[e.ValidationResult]:
    """The newest validation by each source after each task; what an older commit of it was told is void."""
    commits = {found.after_task: found.sha for found in run.validations}
    valid = (found for found in run.validations if found.sha == commits[found.after_task])
    return list({(found.after_task, found.source): found for found in valid}.values())


def label(run: Run, event: e.StepStarted) -> str | None:
    """A step in the words of the picture, or None where there is nothing to see."""
    t = task_of(run, event.task)
    about = f"task {one_line(event.task, 12)}: " if event.task else ""
    match event.step:
        case Kind.WATCH_TIME | Kind.ASK:
            return None
        case Kind.WAIT:
            words = (limited_in_words(limit) for limit in rate_limits(run) if limit["agent"] == event.role)
            return one_line(next(words, "waiting"), 160)
        case Kind.CAPTURE_BASELINE:
            return f"baseline{by_source(run, next_source(run))}: {one_line(next_command(run), 80)}"
        case Kind.DISPATCH if t and t.work:
            agent = one_line(worker(run, t, t.work.role) or "the agent", 40)
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
            return f"{about}{_probing(run, t)}{by_source(run, source)}: {one_line(command, 80)}"
        case _:
            return about + event.step.replace("-", " ")


def _probing(run: Run, t: TaskRun) -> str:
    rules = rules_of(run.settings)
    probe = next_probe(t.work.validation, rules) if t.work and t.work.validation else None
    if probe is None or probe.purpose == "suite":
        return "validation"
    tests = many(len(probe.only), "test") if probe.only else "the suite"
    if probe.purpose == "order":
        return "looking for the test that spoils another one"
    there = ("confirm", "suite-reference", "missing-reference", "company-reference", "doubt-reference")
    where = "at the reference" if probe.purpose in there else "again"
    return f"bisecting {tests}" if probe.purpose == "bisect" else f"validation, {tests} {where}"
