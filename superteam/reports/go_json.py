"""Reads what `go test -json` (and gotestsum --jsonfile) prints: one event a line, in between lines of other programs.

The events are those of test2json (`go doc test2json`), with the build events of go 1.24. What a test prints arrives
as an event of its own, so that it can only pretend to be a result where go is older than 1.20.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, BinaryIO

from superteam.core.results import Completeness, Conventions, Outcome, TestReport
from superteam.reports.cases import TEXT_CAP, Cases

FORMAT = "go"
_LINE_CAP = 8 * 2**20
_HEAD_LINES = 200
_EVENT = b'{"'
_NAMES = (b'"Package":"', b'"ImportPath":"', b'"Test":"')
_FINAL = {"pass": Outcome.PASSED, "fail": Outcome.FAILED, "skip": Outcome.SKIPPED, "bench": Outcome.PASSED}
_NOT_BUILT = re.compile(r"FAIL\t(\S{1,1000}) \[((?:build|setup) failed)\]")
_RESULT = re.compile(r"--- (PASS|FAIL|SKIP): (\S{1,2000}) \(\d{1,9}\.\d{1,4}s\)\s{0,4}$")
_NOISE = re.compile(r"=== (?:RUN|PAUSE|CONT|NAME) |\s{0,40}--- (?:PASS|FAIL|SKIP): ")
_FRAME = re.compile(r"\t/\S{0,300}/src/(?:testing|runtime)/|goroutine \d")  # go's own part of a stack
_TIMED_OUT = "panic: test timed out after"


@dataclass(slots=True)
class _Test:
    """One execution of a test: what it printed (head and tail), and how it ended."""

    name: str
    place: int
    text: str = ""
    tail: str = ""
    outcome: Outcome | None = None
    unsure: Outcome | None = None
    seconds: float | None = None
    retried: bool = False

    def say(self, text: str) -> None:
        """Keeps head and tail, so that a test which prints a gigabyte costs nothing."""
        glued = _RESULT.search(text[-2200:]) if "--- " in text else None
        if glued and glued[2] == self.name:  # a line of the test that had no end, with go's result behind it
            self.unsure = _FINAL[glued[1].lower()]
        if _NOISE.match(text) or _FRAME.match(text):
            return
        if len(self.text) < TEXT_CAP:
            self.text += text[:TEXT_CAP]
        else:
            self.tail += text[-TEXT_CAP:]
            if len(self.tail) > 16 * TEXT_CAP:
                self.tail = self.tail[-TEXT_CAP:]

    def end(self, outcome: Outcome, seconds: float | None) -> None:
        """A failure is never taken back: lines that look like a pass can be printed by the test itself."""
        if self.outcome is None or (outcome.bad and not self.outcome.bad):
            self.outcome = outcome
        self.seconds = seconds if self.seconds is None else self.seconds


@dataclass(slots=True)
class _Package:
    """The tests of one package, and how its last run ended; gotestsum can start it again."""

    tests: list[_Test] = field(default_factory=list)
    last: dict[str, _Test] = field(default_factory=dict)
    earlier: dict[str, _Test] = field(default_factory=dict)
    text: str = ""
    ended: str = ""
    cached: bool = False
    marked: bool = False

    def begin(self) -> None:
        """Another run of a package that had ended: what it repeats replaces what was there."""
        if self.ended:
            self.earlier.update(self.last)
            self.last, self.ended, self.text = {}, "", ""

    def run(self, name: str) -> _Test:
        test = self.last.get(name)
        if test is not None and test.outcome is None:
            return test
        before = self.earlier.pop(name, None) if test is None else None
        test = _Test(name, place=len(self.tests) if before is None else before.place)
        if before is None:
            self.tests.append(test)
        else:
            test.retried = True
            self.tests[test.place] = test
        self.last[name] = test
        return test

    def find(self, name: str) -> _Test:
        return self.last.get(name) or self.run(name)

    def say(self, text: str) -> None:
        if text.startswith("ok  \t") and text.rstrip().endswith("(cached)"):
            self.cached = True
        if len(self.text) < TEXT_CAP:
            self.text += text[:TEXT_CAP]

    def end(self, action: str) -> None:
        """A test without an end was interrupted: by a panic, by an exit, or by go's own time limit."""
        self.ended = action
        timed_out = _TIMED_OUT in self.text or any(_TIMED_OUT in test.text + test.tail for test in self.last.values())
        for test in self.last.values():
            if test.outcome is not None:
                if test.outcome.bad and _TIMED_OUT in test.text:
                    test.outcome = Outcome.TIMED_OUT
            elif test.unsure is not None and not self.marked:
                test.end(test.unsure, None)
            else:
                test.outcome = Outcome.TIMED_OUT if timed_out else Outcome.ERRORED
                how = "failed" if action == "fail" else "says that it passed"
                test.text = test.text or f"the test never ended, and its package {how}"
            if test.outcome is Outcome.PASSED:
                test.text = test.tail = ""


@dataclass(slots=True)
class _Stream:
    """What is read so far."""

    packages: dict[str, _Package] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    builds: dict[str, str] = field(default_factory=dict)
    damage: str = ""

    def take(self, event: dict[str, Any]) -> None:
        action, name, test = event.get("Action"), event.get("Package"), event.get("Test")
        if action in ("build-output", "build-fail"):
            self._build(str(event.get("ImportPath", "")), action, str(event.get("Output", "")))
            return
        name = "" if name is None else name  # test2json without -p names no package
        if not isinstance(action, str) or not isinstance(name, str):
            raise TypeError
        package = self.packages.setdefault(name, _Package())
        if action == "start":
            package.begin()
            package.marked = True
        elif isinstance(test, str) and test:
            self._test(package, action, test, event)
        elif action == "output":
            package.begin()
            package.say(str(event.get("Output", "")))
        elif action in _FINAL and (not package.ended or (action == "fail" and package.ended != "fail")):
            package.end(action)  # a second word on one run is believed only if it is the worse one
            self._judge(name, package, event)

    def _build(self, path: str, action: str, output: str) -> None:
        self.builds[path] = (self.builds.get(path, "") + output)[:TEXT_CAP]
        if action == "build-fail":
            self.errors[f"{path} could not be built"] = self.builds[path]

    def _test(self, package: _Package, action: str, name: str, event: dict[str, Any]) -> None:
        package.begin()
        if action == "run":
            package.run(name)
        elif action == "output":
            package.find(name).say(str(event.get("Output", "")))
        elif action in _FINAL:
            seconds = event.get("Elapsed")
            package.find(name).end(_FINAL[action], float(seconds) if isinstance(seconds, int | float) else None)
        else:  # pause, cont, and what is new
            package.find(name)

    def _judge(self, name: str, package: _Package, event: dict[str, Any]) -> None:
        """A package that fails needs a test to blame."""
        place = f"{name} failed outside of its tests"
        self.errors.pop(place, None)
        bad = any(test.outcome is not None and test.outcome.bad for test in package.last.values())
        if package.ended == "fail" and not bad and not event.get("FailedBuild"):
            self.errors[place] = package.text

    def line(self, text: str) -> None:
        """A line of go or another program: go prints this one for a package that it could not build."""
        found = _NOT_BUILT.match(text)
        if found:
            self.errors[f"{found[1]}: {found[2]}"] = ""

    def problem(self) -> str:
        """Why the stream is not the whole of a run."""
        open_ones = [name for name, package in self.packages.items() if not package.ended]
        cached = [name for name, package in self.packages.items() if package.cached]
        if open_ones:
            return f"package {open_ones[0]} has no result"
        if cached:
            return f"the results of package {cached[0]} were replayed from go's cache: add -count=1"
        return self.damage


def recognises(head: bytes) -> bool:
    """Whether one of the first lines is an event with an action and a package or a test."""
    for line in head.split(b"\n", _HEAD_LINES)[:_HEAD_LINES]:
        if line.startswith(_EVENT) and b'"Action":"' in line and any(name in line for name in _NAMES):
            return True
    return False


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """Ids are "import/path::TestName/subtest", as go names them.

    Complete if each package that began has a result that go did not take from its cache. A package that fails without
    a failed test is an error of the suite; a test that never ended is errored, whatever its package says.
    """
    found = _Stream()
    for line in _lines(stream):
        if not line.startswith(_EVENT):
            found.line(line[:2000].decode(errors="replace"))
            if not line.endswith(b"\n") and b"FAIL\t".startswith(line[:5]):
                found.damage = "it ends in the middle of a line"
            continue
        try:
            event = json.loads(line)
            if not isinstance(event, dict):
                continue
            if "Action" in event:
                found.take(event)
        except (ValueError, TypeError, RecursionError):
            if b"Action" in line or not line.endswith(b"\n"):
                found.damage = "an event cannot be read"
    return _report(found)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(_LINE_CAP):
        yield line


def _report(found: _Stream) -> TestReport:
    cases = Cases()
    for name, package in found.packages.items():
        for test in package.tests:
            cases.add(f"{name}::{test.name}" if name else test.name, *_result(test))
    for place, text in found.errors.items():
        cases.error(f"{place}\n{text}".rstrip())
    damage = found.problem()
    if not found.packages and not found.errors:
        completeness = Completeness.NONE
    else:
        completeness = Completeness.PARTIAL if damage else Completeness.COMPLETE
    conventions = Conventions(errors="folded", retries="told" if _any_retried(found.packages.values()) else "hidden")
    return cases.report(FORMAT, completeness, conventions=conventions, damage=damage)


def _result(test: _Test) -> tuple[Outcome, str, float | None, bool]:
    outcome = test.outcome or Outcome.NOT_RUN
    message = f"{test.text}\n{test.tail[-TEXT_CAP:]}".strip() if test.tail else test.text.strip()
    return outcome, message, test.seconds, test.retried and not outcome.bad


def _any_retried(packages: Iterable[_Package]) -> bool:
    return any(test.retried for package in packages for test in package.tests)
