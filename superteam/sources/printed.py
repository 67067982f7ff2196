"""What a run without a report printed of its tests: TAP, unittest's own summary (Django's too), or ticks and crosses.

The last resort: tests can print such lines themselves, so that the pass rests on the exit code, and lines only name
tests and add failures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from superteam.core.results import Completeness, Granularity, Outcome, TestReport
from superteam.reports import tap
from superteam.reports.cases import Cases, merged
from superteam.reports.text import FORMAT, read_text

_LINE = 2**20
_ESCAPES = re.compile(rb"\x1b\[[0-9;]{0,20}[A-Za-z]")
_LIMIT = 64 * 2**20  # bytes of a document
_HEADER = b"TAP version 1"
_PLAN = re.compile(rb"1\.\.(\d{1,9})\s*(?:#|$)")
_POINT = re.compile(rb"(?:not )?ok (\d{1,9})\b")
_ANY_POINT = re.compile(rb"(?:not )?ok(?=\s|$)")
_RAN = re.compile(rb"Ran (\d{1,9}) tests? in \d")
_ENDED = re.compile(rb"FAILED \(([a-z =,\d]{1,200})\)\s*$")
_COUNT = re.compile(rb"(?:^|, )(?:failures|errors)=(\d{1,9})")
_BAD = re.compile(r"(FAIL|ERROR): (\S{1,300}) \(([\w.<>]{1,500})\)")
_OTHERS = "tests that passed, which unittest does not name"


def read_printed(output: Path, *, may_doubt: bool = False) -> TestReport:
    """Reads the tests that the output names, of granularity text; completeness none without any.

    `may_doubt` says that TAP which contradicts itself, and reports no failure and no test too few, names no test.
    """
    planned = points = 0
    is_tap = is_unittest = False
    for line in _lines(output):
        if match := _PLAN.match(line):
            planned += int(match[1])
            is_tap = True
        points += _POINT.match(line) is not None
        is_unittest = is_unittest or _RAN.match(line) is not None
    if is_tap and points:
        report = merged(tap.read(BytesIO(text)) for text in _documents(_lines(output)))
        assert report is not None
        if may_doubt and points >= planned and _is_contradiction(report):
            return TestReport(FORMAT, Granularity.TEXT, Completeness.NONE)
        return replace(report, format=FORMAT, granularity=Granularity.TEXT)
    return _unittest(_lines(output)) if is_unittest else read_text(_lines(output))


def _is_contradiction(report: TestReport) -> bool:
    return report.completeness is not Completeness.COMPLETE and not report.suite_errors and not report.failed()


def _lines(output: Path) -> Iterator[bytes]:
    with output.open("rb") as file:
        while line := file.readline(_LINE):
            yield _ESCAPES.sub(b"", line) if b"\x1b" in line else line


@dataclass(slots=True)
class _Seen:
    """What a TAP document holds so far at its top level."""

    has_header: bool = False
    plan: int | None = None
    points: int = 0

    def begins_another(self, line: bytes) -> bool:
        """Whether a line cannot belong to this document: the next program has begun to print."""
        if line.startswith(_HEADER):
            return self.has_header or self.plan is not None or self.points > 0
        if _PLAN.match(line):
            return self.plan is not None
        point = _POINT.match(line)
        return point is not None and int(point[1]) == 1 and self.points > 0 and self.points == self.plan

    def take(self, line: bytes) -> None:
        """Adds a line of this document."""
        self.has_header = self.has_header or line.startswith(_HEADER)
        self.points += _ANY_POINT.match(line) is not None
        if match := _PLAN.match(line):
            self.plan = int(match[1])


def _documents(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the TAP documents that several programs printed, one after the other."""
    document = bytearray()
    seen = _Seen()
    for line in lines:
        if seen.begins_another(line):
            yield bytes(document)
            document.clear()
            seen = _Seen()
        seen.take(line)
        if len(document) < _LIMIT:  # a document that is cut contradicts its plan
            document += line
    yield bytes(document)


def _unittest(lines: Iterable[bytes]) -> TestReport:
    """Reads the tests that unittest names: those that failed. Their number must be the one that it counts."""
    cases = Cases()
    ran = bad = 0
    for line in lines:
        if match := _RAN.match(line):
            ran += int(match[1])
        elif match := _ENDED.match(line):
            bad += sum(map(int, _COUNT.findall(match[1])))
        elif line.startswith((b"FAIL: ", b"ERROR: ")) and (named := _BAD.match(line.decode(errors="replace"))):
            outcome = Outcome.FAILED if named[1] == "FAIL" else Outcome.ERRORED
            id = named[3] if named[3].endswith(f".{named[2]}") else f"{named[3]}.{named[2]}"
            cases.add(id, outcome, f"the output marks it as failed: {id}")
    named_bad = len(cases.tests)
    if ran > named_bad:
        cases.add(_OTHERS, Outcome.PASSED)
    whole = Completeness.COMPLETE if named_bad == bad else Completeness.PARTIAL
    damage = "" if named_bad == bad else f"unittest counts {bad} failures and names {named_bad}"
    return replace(cases.report(FORMAT, whole, damage=damage), granularity=Granularity.TEXT)
