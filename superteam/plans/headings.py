"""Tasks written as headings, `## Task N: title`, for plans without a superteam-tasks block."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from operator import attrgetter

from superteam.core.plan import Task
from superteam.core.plan_rules import quoted
from superteam.plans.findings import Findings
from superteam.plans.outline import Heading, Outline, Passage

_TASK = re.compile(
    r"Task\s+(\d+(?:\.\d+)*[A-Za-z]?)(?:\s*\(([^()\n]{1,80})\))?(?:\s*[:\uff1a]|\.(?=\s|$)|\s*[-–—](?=\s|$))\s*(.*)",
    re.I,
)
_ALMOST = re.compile(r"(?:\*\*)?Task(?:[ \t]+#?\d|-\d|[ \t]+[\w.+]{1,8}[ \t]*[:\uff1a])", re.I)
_LABEL = re.compile(
    r"(?:\*\*|__)?(?:files?|create|modify|tests?)(?:[ \t]+(?:to|and|or|files?|create|modify|tests?))*"
    r"(?:[ \t]*\([^()\n]*\))?[ \t]*(?P<colon>:?)(?:\*\*|__)?[ \t]*(?P<late>:?)[ \t]*",
    re.I,
)
_MODIFY = re.compile(r"^(?!.*create).*modify", re.I)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINES = re.compile(r"([^:#]+)(?::L?\d[\dL,:–-]*|#L\d[\dL-]*)")
_NO_PATH = re.compile(r"""[\s<>|$;="'{}\\]|^-|\(\)$|://""")


def read_headings(outline: Outline, findings: Findings) -> tuple[Task, ...]:
    """The tasks of the headings, in document order; underlined headings never are or end one.

    (What people mean by `---` right below a line of text is a rule, whatever CommonMark says.)
    """
    for heading in outline.headings:
        if heading.marked and 2 <= heading.level <= 4 and not _match(heading) and _ALMOST.match(heading.text):
            message = f"the heading {quoted(heading.text)} is no task; a task is written '## Task 1: title'"
            findings.error("not-a-task", message, heading.line)
    return tuple(_task(outline, heading, match, end, findings) for heading, match, end in _sections(outline))


def has_headings(outline: Outline) -> bool:
    """Whether any heading is a task."""
    return any(True for _ in _sections(outline))


def task_ends(outline: Outline) -> dict[int, int]:
    """For the line of each task's heading, the line behind the task's text."""
    return {heading.line: end for heading, _, end in _sections(outline)}


def _sections(outline: Outline) -> Iterator[tuple[Heading, re.Match[str], int]]:
    marked = [heading for heading in outline.headings if heading.marked]
    for place, heading in enumerate(marked):
        match = _match(heading)
        if match:
            yield heading, match, _end(marked, place, len(outline.lines) + 1)


def _match(heading: Heading) -> re.Match[str] | None:
    """Id and title, if this heading is a task; the whole of it may stand in bold."""
    if not 2 <= heading.level <= 4:
        return None
    text = heading.text
    bold = len(text) > 4 and text.startswith("**") and text.endswith("**")
    return _TASK.fullmatch(text[2:-2] if bold else text)


def _end(headings: Sequence[Heading], place: int, last: int) -> int:
    """Where the text of a task ends: at the next task, or at a heading that is not below the task's own."""
    own = headings[place].level
    for number in range(place + 1, len(headings)):
        heading = headings[number]
        if heading.level <= own or _match(heading):
            return heading.line
    return last


def _task(outline: Outline, heading: Heading, match: re.Match[str], end: int, findings: Findings) -> Task:
    title = " ".join(match[3].split())
    if not title:
        findings.error("missing-title", f"task {match[1]} has no title", heading.line)
    first = bisect_left(outline.passages, heading.line + 1, key=attrgetter("line"))
    last = bisect_left(outline.passages, end, key=attrgetter("line"))
    files = list(_files(outline.passages[first:last]))
    return Task(
        id=match[1],
        title=f"{title} ({match[2].strip()})" if title and match[2] else title,
        description=outline.text(heading.line + 1, end),
        files=tuple(dict.fromkeys(path for path, _ in files)),
        modifies=tuple(dict.fromkeys(path for path, known in files if known)),
        line=heading.line,
    )


def _files(passages: Sequence[Passage]) -> Iterator[tuple[str, bool]]:
    """Backticked paths behind a label, and those that begin the lines below one; whether it says that they exist."""
    below_label = known = False
    for passage in passages:
        for line in passage.text.split("\n"):
            line = line.strip()
            behind = _behind_label(line)
            if behind is None and not line.startswith("`"):
                below_label = below_label and passage.listed
                continue
            if behind is not None:
                below_label, known = True, _MODIFY.search(line, 0, len(line) - len(behind)) is not None
            if below_label:
                yield from ((path, known) for path in _paths(line if behind is None else behind))


def _behind_label(line: str) -> str | None:
    """What stands behind the label that begins this line; None if it begins with none."""
    match = _LABEL.match(line)
    if match is None:
        return None
    behind = line[match.end() :]
    sure = match["colon"] or match["late"] or not behind or behind.startswith("`")
    return behind if sure else None


def _paths(text: str) -> Iterator[str]:
    """The code spans that can be paths, without line ranges; the first one needs no slash or dot to be one."""
    for place, match in enumerate(_SPAN.finditer(text)):
        lines = _LINES.fullmatch(match[1].strip())
        path = (lines[1] if lines else match[1].strip()).removeprefix("./")
        if path and not _NO_PATH.search(path) and (place == 0 or "/" in path or "." in path):
            yield path
