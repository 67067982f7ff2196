"""Reads what our plugins for pytest and unittest wrote: JSON Lines, one file a session, several merged into one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from superteam.core.results import Completeness, Conventions, Granularity, Outcome, TestId, TestReport, TestResult
from superteam.core.signature import signature
from superteam.reports.cases import free_key

FORMAT = "pytest"
_LINE_CAP = 8 * 2**20
_ANY_WORKER = "*"
_NEVER = "some tests were found but never finished"
_WEIGHT = {"failed": 3, "passed": 2, "skipped": 1}


_Phase = tuple[str, str, str | None]  # outcome, text, reason of an expected failure


@dataclass(slots=True)
class _Execution:
    """One execution of a test: the weightiest outcome of each phase, and what earlier tries came to."""

    id: TestId
    phases: dict[str, _Phase] = field(default_factory=dict)
    reruns: int = 0
    first_try: str = ""
    seconds: float = 0.0
    again: bool = False
    over: bool = False

    def add(self, record: dict[str, Any]) -> None:
        when, outcome, text = record["when"], record["outcome"], str(record.get("text", ""))
        if outcome not in _WEIGHT:  # "rerun" and its like: this try does not count, another one follows
            self.reruns += not self.again
            self.first_try = self.first_try or text
            self.phases, self.again, self.over = {}, True, False
            return
        if self.again and when == "teardown":
            return  # the rest of a try that does not count
        self.again = False
        self.seconds += float(record.get("seconds", 0.0))
        before = self.phases.get(when)
        if before is None or _WEIGHT[outcome] > _WEIGHT[before[0]]:
            xfail = record.get("xfail")
            self.phases[when] = (outcome, text, None if xfail is None else str(xfail))
        self.over = when == "teardown"

    def try_again(self) -> None:
        """The test is run once more by a plugin that kept silent about the last try (flaky)."""
        self.reruns += 1
        self.phases, self.over = {}, False

    @property
    def silent(self) -> bool:
        """Whether the test was set up and torn down, and nothing was said of what lies between."""
        outcomes = {outcome for outcome, _, _ in self.phases.values()}
        return self.over and "call" not in self.phases and outcomes == {"passed"}

    def goes_on(self, when: str) -> bool:
        """Whether a phase still belongs to this execution rather than to a second one of the same test."""
        return self.again or not (self.over or (when == "setup" and when in self.phases))

    def result(self) -> TestResult:
        outcome, message = self._outcome()
        if outcome.bad:
            return TestResult(outcome, message, signature(message), self.seconds, bool(self.reruns))
        if self.reruns and outcome is Outcome.PASSED:
            message = f"passed after {self.reruns} reruns; before that: {self.first_try}".rstrip()
        return TestResult(outcome, message, "", self.seconds, bool(self.reruns))

    def _outcome(self) -> tuple[Outcome, str]:
        """The table of phases: what went wrong around the test is an error, what it found is a failure."""
        for when in ("???", "setup", "teardown"):
            around = self.phases.get(when)
            if around is not None and around[0] == "failed":
                return Outcome.ERRORED, around[1]
        body = self.phases.get("call") or self._skipped_around()
        if body is None:
            return Outcome.NOT_RUN, ""
        outcome, text, xfail = body
        if outcome == "failed":
            return Outcome.FAILED, text
        if xfail is not None:
            return (Outcome.XFAILED if outcome == "skipped" else Outcome.XPASSED), xfail
        return (Outcome.SKIPPED if outcome == "skipped" else Outcome.PASSED), text

    def _skipped_around(self) -> _Phase | None:
        """A setup or teardown that skipped; a setup that passed says nothing about the test itself."""
        found = (self.phases.get("setup"), self.phases.get("teardown"))
        return next((phase for phase in found if phase and phase[0] == "skipped"), None)


@dataclass(slots=True)
class Session:
    """What one file says, in the order in which it says it; `take` takes one line of our plugins in."""

    began: float = 0.0
    place: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    executions: list[_Execution] = field(default_factory=list)
    open: dict[tuple[TestId, str], _Execution] = field(default_factory=dict)
    collected: dict[TestId, None] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    loaded: set[str] | None = None
    deaths: int = 0
    crashes: int = 0
    status: int | None = None
    ended: bool = False
    damaged: bool = False
    understood: bool = False

    def take(self, record: dict[str, Any]) -> None:
        """KeyError, TypeError and ValueError say that it is no such line."""
        match record["kind"]:
            case "result":
                self._result(record)
            case "collected":
                self.collected.update(dict.fromkeys(str(id) for id in record["ids"]))
            case "collect-error":
                self.errors.append(_suite_error(str(record["id"]), str(record["text"])))
            case "internal-error":
                self.errors.append(_suite_error("internal error", str(record["text"])))
            case "worker-death":
                self.deaths += 1
            case "foreign":
                self.foreign += [f"{name} was loaded from {file}" for name, file in record["modules"]]
            case "loaded":
                self.loaded = (self.loaded or set()) | {str(file) for file in record["files"]}
            case "finish":
                self.status = int(record["status"])
            case "start":
                self.began = float(record["time"])
                self.place = (str(record.get("rootdir", "")), *map(str, record.get("part", ())))
                self.variables = {str(name): str(value) for name, value in record.get("variables", {}).items()}
            case "end":
                self.ended = True

    def _result(self, record: dict[str, Any]) -> None:
        id, when, worker = record["id"], record["when"], record.get("worker", "")
        if not all(isinstance(part, str) for part in (id, when, worker, record["outcome"])):
            raise TypeError("no result of a test")
        execution = self.open.get((id, worker)) or self.open.pop((id, _ANY_WORKER), None)
        if execution is not None and execution.silent:
            execution.try_again()
        if execution is None or not execution.goes_on(when):
            execution = _Execution(id)
            self.executions.append(execution)
        self.open[id, worker] = execution
        execution.add(record)
        if when == "???":  # xdist's word for a worker that died
            self.crashes += 1
            self.open[id, _ANY_WORKER] = execution  # who tries it again is another worker

    def whole(self) -> bool:
        """Whether the session came to its proper end and no worker died without a word about its test."""
        return self.ended and not self.damaged and self.status is not None and self.deaths <= self.crashes

    def damage(self) -> str:
        """Why it is not whole, in words."""
        if self.damaged:
            return "it holds lines that cannot be read"
        return "the test runner ended before it had said everything" if not self.ended else "a worker died"


def recognises(head: bytes) -> bool:
    """Whether a file begins as our pytest plugin does."""
    return begins_with(head, b'"pytest": "')


def begins_with(head: bytes, mark: bytes) -> bool:
    """Whether the first line is the start record of the plugin that this mark belongs to."""
    line = head.partition(b"\n")[0]
    return line.startswith(b'{"kind": "start"') and mark in line


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One file of the pytest plugin."""
    return read_stream(stream, FORMAT, Conventions(retries="told"))


def read_stream(stream: BinaryIO, format: str, conventions: Conventions) -> TestReport:
    """One file of one of our plugins; none if not one line of it is understood."""
    session = _read(stream)
    if not session.understood:
        return TestReport(format, Granularity.TESTS, Completeness.NONE, damage="it holds no lines of our plugin")
    return report_of([session], format, conventions)


def read_sessions(folder: Path) -> TestReport:
    """Merges all sessions of a folder into a report; none without a session.

    It is partial if a session is unfinished, or if a test was collected and never finished.
    """
    sessions = _in_order([_read_file(path) for path in sorted(folder.glob("*.jsonl"))])
    if not sessions:
        return TestReport(FORMAT, Granularity.TESTS, Completeness.NONE)
    return report_of(sessions, FORMAT, Conventions(retries="told"))


def report_of(sessions: list[Session], format: str, conventions: Conventions) -> TestReport:
    """All sessions of one run as a report: whole if each is, and if each test that was collected came to its end."""
    tests = _numbered(pair for session in sessions for pair in _tests(session))
    waiting = any(result.outcome is Outcome.NOT_RUN for result in tests.values())
    whole = not waiting and all(session.whole() for session in sessions)
    statuses = [session.status for session in sessions if session.status is not None]
    loaded = [session.loaded for session in sessions]
    return TestReport(
        format,
        Granularity.TESTS,
        Completeness.COMPLETE if whole else Completeness.PARTIAL,
        tests,
        tuple(error for session in sessions for error in dict.fromkeys(session.errors)),
        tuple(dict.fromkeys(module for session in sessions for module in session.foreign)),
        max(statuses, default=None),
        conventions=conventions,
        damage=next((session.damage() for session in sessions if not session.whole()), _NEVER if waiting else ""),
        loaded=None if None in loaded else frozenset(file for files in loaded if files for file in files),
    )


def _in_order(sessions: list[Session]) -> list[Session]:
    """By place, then by the variables in which sessions of one place differ (a matrix, such as DB=mysql and DB=sqlite).

    Only after that by their start: which of two begins first may differ from run to run.
    """
    places: dict[tuple[str, ...], list[Session]] = {}
    for session in sessions:
        places.setdefault(session.place, []).append(session)
    return [session for _, group in sorted(places.items()) for session in _by_variables(group)]


def _by_variables(group: list[Session]) -> list[Session]:
    told = [session.variables for session in group]
    names = sorted({name for variables in told for name in variables})
    differ = [name for name in names if len({variables.get(name) for variables in told}) > 1]

    def order(session: Session) -> tuple[list[str], float]:
        return [session.variables.get(name, "") for name in differ], session.began

    return sorted(group, key=order)


def _read_file(path: Path) -> Session:
    with path.open("rb") as stream:
        return _read(stream)


def _read(stream: BinaryIO) -> Session:
    session = Session()
    while line := stream.readline(_LINE_CAP):
        try:
            session.take(json.loads(line))
            session.understood = True
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            session.damaged = True
    return session


def _tests(session: Session) -> Iterator[tuple[TestId, TestResult]]:
    """The executions in their order, then what was collected and never ran."""
    ran = set()
    for execution in session.executions:
        ran.add(execution.id)
        yield execution.id, execution.result()
    for id in session.collected:
        if id not in ran:
            yield id, TestResult(Outcome.NOT_RUN)


def _numbered(pairs: Iterable[tuple[TestId, TestResult]]) -> dict[TestId, TestResult]:
    """Tests by id; the second of the same id gets " #2" behind it."""
    found: dict[TestId, TestResult] = {}
    last: dict[TestId, int] = {}
    for id, result in pairs:
        found[free_key(id, found, last)] = result
    return found


def _suite_error(place: str, text: str) -> str:
    """The place and what went wrong on the first line, all of it below."""
    reasons = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return f"{place}: {reasons[-1]}\n{text}" if reasons else f"{place}\n{text}"
