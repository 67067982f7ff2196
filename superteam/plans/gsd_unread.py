"""What looks like a task of a GSD document and was not read as one: no task may get lost without a word."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from superteam.core.plan_rules import quoted
from superteam.plans.findings import Findings
from superteam.plans.gsd_tags import Element, Markup

HEADED = re.compile(r"^#{1,5}[ \t]{1,5}(?:\*\*)?task[ \t]{1,3}#?\d", re.M | re.I)
_LOOKS = re.compile(
    r"^([^\n<`]{0,60})(<[ \t]{0,3}(?:task|feature|checkpoint)(?:[-_]?\d{1,3})?"
    r"(?:\s[^\n]{0,300}?\b(?:type|name)[ \t]?=|:[\w-]{1,30}>)[^\n]{0,60})",
    re.M | re.I,
)
_MARKS = " \t>-*+.)0123456789"


def tell_unread(markup: Markup, works: Sequence[Element], findings: Findings) -> None:
    """An error for what looks like a task and was not read, a warning for one in code; `works` are those read."""
    starts = [work.outer[0] for work in works]
    begun = frozenset(starts)
    for match in _LOOKS.finditer(markup.text):
        start, line = match.start(2), markup.line(match.start(2))
        inside = _lies_in_one(works, starts, start)
        if markup.is_hidden(start):
            if not inside and not match[1].strip() and not markup.is_comment(start):
                findings.warning("task-in-code", "a task stands in fenced code; it is not read", line)
        elif start not in begun and not (inside and match[1].strip(_MARKS)):
            message = f'{quoted(match[2][:60])} looks like a task and cannot be read as one; write <task type="auto">'
            findings.error("unread-task", message, line)
    _tell_headings(markup, works, starts, findings)


def _tell_headings(markup: Markup, works: Sequence[Element], starts: Sequence[int], findings: Findings) -> None:
    """A heading often stands above the task that it names; one without a task below it may be a task of its own."""
    found = [m.start() for m in HEADED.finditer(markup.text) if not markup.is_hidden(m.start())] if starts else []
    for start, end in pairwise([*found, len(markup.text)]):
        if not _lies_in_one(works, starts, start) and bisect_right(starts, start) == bisect_right(starts, end):
            message = "this heading of a task has no <task> below it; it is not read as a task"
            findings.error("unread-heading", message, markup.line(start))


def _lies_in_one(works: Sequence[Element], starts: Sequence[int], offset: int) -> bool:
    number = bisect_right(starts, offset)
    return number > 0 and offset < works[number - 1].outer[1]
