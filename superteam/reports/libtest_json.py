"""Reads libtest's JSON lines (a nightly toolchain's `--format json`, nextest's libtest-json): one event a line.

There is no version and no word of the standard on it; read are the events of rust-lang/rust library/test and of
nextest's `--message-format libtest-json`, where a test's name has its program in front ("crate::program$module::name").
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, BinaryIO

from superteam.core.results import Completeness, Conventions, Outcome, TestId, TestReport
from superteam.reports.cases import Cases

FORMAT = "libtest-json"
_LINE_CAP = 8 * 2**20
_OUTCOMES = {
    "ok": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "ignored": Outcome.SKIPPED,
    "timeout": None,  # a warning that it is slow: it goes on
    "started": None,
}
_COUNTED = (("passed", Outcome.PASSED), ("failed", Outcome.FAILED), ("ignored", Outcome.SKIPPED))


@dataclass(slots=True)
class _Suites:
    """What is read so far: suites that are open, and how many of each outcome were seen in the present one."""

    cases: Cases = field(default_factory=Cases)
    begun: dict[str, None] = field(default_factory=dict)
    seen: list[Outcome] = field(default_factory=list)
    expected: int | None = None
    open: bool = False
    count: int = 0
    retried: bool = False
    damage: str = ""

    def take(self, event: dict[str, Any]) -> None:
        kind, what = event["type"], event.get("event")
        if kind == "suite" and what == "started":
            self._close_early()
            self.open, self.seen, self.expected = True, [], int(event["test_count"])
            self.count += 1
        elif kind == "suite":
            self._end(event)
        elif kind == "test":
            self._test(str(event["name"]), str(what), event)

    def _test(self, name: str, what: str, event: dict[str, Any]) -> None:
        if what == "started":
            self.begun[name] = None
        outcome = _OUTCOMES.get(what, Outcome.ERRORED)
        if outcome is None:
            return
        self.begun.pop(name, None)
        if "$" in name:
            self.begun.pop(name.rpartition("#")[0], None)
        seconds = event.get("exec_time")
        text = f"{event.get('message') or ''}\n{event.get('stdout') or ''}".strip()
        retried = "#" in name.rpartition("$")[2]  # nextest writes the number of the try behind the name
        self.retried = self.retried or retried
        self.cases.add(
            _id(name),
            outcome,
            "" if outcome is Outcome.PASSED else text,
            float(seconds) if isinstance(seconds, int | float) else None,
            retried and outcome is Outcome.PASSED,
        )
        self.seen.append(outcome)

    def _end(self, event: dict[str, Any]) -> None:
        """The counts of a suite have to be those of its tests."""
        self._close_early(ended=True)
        self.open = False
        measured = int(event.get("measured", 0))
        for key, outcome in _COUNTED:
            more = measured if outcome is Outcome.PASSED else 0
            if int(event[key]) + more != self.seen.count(outcome):
                self.damage = self.damage or "a suite counts its tests otherwise than it names them"
        if self.expected is not None and self.expected != len(self.seen):
            self.damage = self.damage or "a suite has not as many results as it announced tests"
        self.seen = []

    def _close_early(self, ended: bool = False) -> None:
        """What began and did not end was interrupted."""
        for name in self.begun:
            self.cases.add(_id(name), Outcome.ERRORED, "the test began and has no result")
        self.begun.clear()
        if self.open and not ended:
            self.damage = self.damage or "a suite has no end"


def recognises(head: bytes) -> bool:
    """Whether one of the first lines announces a suite."""
    lines = head.split(b"\n")[:200]
    return any(line.startswith(b"{") and b'"suite"' in line and b'"test_count"' in line for line in lines)


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """Ids are the names, with the program in front where nextest says it: "crate::program module::name"."""
    found = _Suites()
    while line := stream.readline(_LINE_CAP):
        if not line.startswith(b"{"):
            continue
        try:
            event = json.loads(line)
            if isinstance(event, dict) and "type" in event:
                found.take(event)
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
            found.damage = found.damage or "an event cannot be read"
    found._close_early()
    if not found.count:
        completeness = Completeness.NONE
    else:
        completeness = Completeness.PARTIAL if found.damage else Completeness.COMPLETE
    conventions = Conventions(errors="folded", retries="told" if found.retried else "hidden")
    return found.cases.report(FORMAT, completeness, conventions=conventions, damage=found.damage)


def _id(name: str) -> TestId:
    program, _, test = name.rpartition("$")
    test = test.partition("#")[0] if program else test
    return f"{program} {test}" if program else test
