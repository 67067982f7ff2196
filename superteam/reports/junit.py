"""Reads JUnit XML of every writer: streaming, without document types or entities; what it counts is checked."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import BinaryIO

from superteam.core.results import Completeness, Granularity, Outcome, TestReport
from superteam.reports import junit_dialects as dialects
from superteam.reports.cases import TEXT_CAP, Cases
from superteam.reports.xml_document import DEPTH, Damaged, Refused, first_element, walk

FORMAT = "junit"
_SAID = frozenset(("failure", "error", "skipped", "warning"))
_COUNTS_MORE = frozenset(("pytest", "catch2"))  # "tests" counts subtests, or assertions
_TESTS, _FAILURES, _ERRORS, _UNRUN, _NAMELESS = range(5)
_TRIES = {"flakyFailure": 5, "rerunFailure": 6, "flakyError": 7, "rerunError": 8}
_SUITE_CASES = ("collection failure",)  # pytest's message for a file that cannot be imported
_LOADER = "_FailedTest"  # unittest's class for a module that cannot be imported


@dataclass(slots=True)
class _Suite:
    """An open suite: what it declares, and what was found in it: cases, then elements where a case may have several."""

    name: str
    file: str
    declared: dict[str, str]
    own: list[int] = field(default_factory=lambda: [0] * 9)
    all: list[int] = field(default_factory=lambda: [0] * 9)
    elements: list[int] = field(default_factory=lambda: [0, 0])
    suites: int = 0
    bad_suites: int = 0


@dataclass(slots=True)
class _Document:
    """What is read so far."""

    root: PurePath | None
    cases: Cases = field(default_factory=Cases)
    dialect: str = ""
    suites: list[_Suite] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    attributes: dict[str, str] | None = None
    children: dict[str, dict[str, str]] = field(default_factory=dict)
    elements: list[int] = field(default_factory=lambda: [0, 0])
    texts: list[str] = field(default_factory=list)
    size: int = 0
    lie: str = ""
    key: tuple[object, ...] = ()
    place: str = ""
    opened: int = 0
    seen: bool = False
    whole: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> bool:
        if name == "testcase":
            self._keep()  # one that is still open: no writer nests them
            self.attributes = attributes
            if not self.dialect:
                self.dialect = dialects.of_case(attributes, self.names)
        elif name == "testsuite" or name == "testsuites":
            self._open(name, attributes)
        elif self.attributes is not None and (name in _SAID or name in _TRIES):
            self._child(name, attributes)
            return True
        elif name == "property" and not self.dialect and self.attributes is None:
            self.dialect = dialects.of_property(attributes.get("name", ""))
        elif name in ("failure", "error") and self.suites and self.attributes is None:
            self.suites[-1].own[_FAILURES if name == "failure" else _ERRORS] += 1
            self.cases.error(f"{self.suites[-1].name or 'a suite'}: {attributes.get('message', name)}")
        return False

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.suites) >= DEPTH:
            raise Damaged(f"its suites are nested deeper than {DEPTH}")
        first = not self.seen
        if first and "check.sourceforge.net" in attributes.get("xmlns", ""):
            raise Refused("it is XML of Check, not of JUnit; Check also writes TAP: CK_TAP_LOG_FILE_NAME=report.tap")
        self.seen = True
        self.opened += 1
        if not self.dialect:
            self.dialect = (first and dialects.of_root(name, attributes)) or ""
        if not self.dialect and name == "testsuite":
            self.dialect = dialects.of_suite(attributes)
        file = attributes.get("file") or (self.suites[-1].file if self.suites else "")
        self.suites.append(_Suite(attributes.get("name", ""), file, attributes))
        if name == "testsuite":
            self.names.append(attributes.get("name", ""))

    def _child(self, name: str, attributes: dict[str, str]) -> None:
        self.children.setdefault(name, attributes)
        if name in ("failure", "error"):
            self.elements[name == "error"] += 1
        elif name in _TRIES and self.suites:
            self.suites[-1].own[_TRIES[name]] += 1
        if len(self.texts) < 64:
            self.texts.append(attributes.get("message", "")[:TEXT_CAP] + "\n")

    def text(self, data: str) -> None:
        if self.size < TEXT_CAP:
            self.texts.append(data[: TEXT_CAP - self.size])
            self.size += len(data)

    def end(self, name: str) -> None:
        if name == "testcase":
            self._keep()
        elif name == "testsuite" or name == "testsuites":
            self._close(name)

    def _keep(self) -> None:
        attributes, children = self.attributes, self.children
        if attributes is None:
            return
        self.attributes = None
        if self.suites:
            self._count(attributes)
        name = attributes.get("name", "")
        id = dialects.id_of(
            self._place(attributes, name), "" if name == "Error" and self.dialect == "phpunit" else name
        )
        if not children:
            outcome = dialects.outcome_of(self.dialect, attributes, children)
            self.cases.add(id, outcome, "", _seconds(attributes.get("time", "")))
            return
        self.children = {}
        message, self.texts, self.size = "".join(self.texts).strip(), [], 0
        self._add(id, attributes, children, message)

    def _place(self, attributes: dict[str, str], name: str) -> str:
        """What stands before the name, remembered from one case of a class to the next."""
        classname = attributes.get("classname")
        key = (attributes.get("file"), classname, attributes.get("class"), len(self.names), self.opened)
        if key == self.key and classname != name:
            return self.place
        file = self.suites[-1].file if self.suites else ""
        self.place = dialects.place_of(self.dialect, attributes, self.names, file, self.root)
        self.key = key if classname != name else ()
        return self.place

    def _add(self, id: str, attributes: dict[str, str], children: dict[str, dict[str, str]], message: str) -> None:
        """A case with children; one that stands for a file that cannot be loaded is no test."""
        outcome = dialects.outcome_of(self.dialect, attributes, children)
        said = children.get("error", {}).get("message", "")
        if outcome is Outcome.ERRORED and (said in _SUITE_CASES or _LOADER in attributes.get("classname", "")):
            place = attributes.get("name", "") if _LOADER in attributes.get("classname", "") else id
            self.cases.error(f"{place} could not be {'imported' if place != id else 'collected'}\n{message}")
            return
        before = self.cases.tests.get(id)
        teardown = self.dialect == "pytest" and before is not None and before.outcome is not Outcome.ERRORED
        if outcome is Outcome.ERRORED and teardown:  # pytest writes its teardown as a second case
            self.cases.worsen(id, outcome, message)
            return
        retried = not _TRIES.keys().isdisjoint(children)
        self.cases.add(id, outcome, message, _seconds(attributes.get("time", "")), retried)

    def _count(self, attributes: dict[str, str]) -> None:
        suite, children = self.suites[-1], self.children
        found = suite.own
        found[_TESTS] += 1
        if not attributes.get("name") or dialects.stands_for_class(attributes):
            found[_NAMELESS] += 1
        if children:
            found[_FAILURES] += "failure" in children
            found[_ERRORS] += "error" in children
            found[_UNRUN] += "skipped" in children
            suite.elements[0] += self.elements[0]
            suite.elements[1] += self.elements[1]
            self.elements = [0, 0]
        elif "status" in attributes or "result" in attributes:
            found[_UNRUN] += not dialects.outcome_of(self.dialect, attributes, children).ran

    def _close(self, name: str) -> None:
        if not self.suites:
            return
        suite = self.suites.pop()
        if name == "testsuite":
            self.names.pop()
        for kind, number in enumerate(suite.own):
            suite.all[kind] += number
        self.lie = self.lie or _lie(suite, self.dialect)
        if not self.suites:
            self.whole = True
            return
        parent = self.suites[-1]
        parent.suites += 1
        parent.bad_suites += bool(suite.all[_FAILURES] + suite.all[_ERRORS])
        for kind, number in enumerate(suite.all):
            parent.all[kind] += number
        parent.elements[0] += suite.elements[0]
        parent.elements[1] += suite.elements[1]

    def report(self, damage: str) -> TestReport:
        whole = self.whole and not damage and not self.lie
        if not self.seen:
            return _nothing(damage)
        return self.cases.report(
            FORMAT,
            Completeness.COMPLETE if whole else Completeness.PARTIAL,
            conventions=dialects.conventions(self.dialect),
            dialect=self.dialect,
            damage=damage or self.lie,
        )


def recognises(head: bytes) -> bool:
    """An XML document whose first element is a test suite."""
    return first_element(head) in ("testsuites", "testsuite")


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One document; several that are glued together are partial, since only the first one can be read."""
    document = _Document(root)
    try:
        walk(stream, document.start, document.end, document.text)
    except Refused as problem:
        return _nothing(str(problem))
    except Damaged as problem:
        return document.report(f"it is no well-formed XML: {problem}")
    return document.report("")


def read_junit(path_or_stream: Path | BinaryIO, newer_than: float | None = None) -> TestReport:
    """A missing, older or foreign file is no report; one that ends in the middle is partial.

    `newer_than` is a file time in seconds: what was written before it belongs to an earlier run.
    """
    if not isinstance(path_or_stream, Path):
        return read(path_or_stream)
    try:
        with path_or_stream.open("rb") as stream:
            if newer_than is not None and os.fstat(stream.fileno()).st_mtime < newer_than:
                return _nothing("it is older than the run")
            return read(stream)
    except OSError:
        return _nothing("")


def _nothing(damage: str) -> TestReport:
    return TestReport(FORMAT, Granularity.TESTS, Completeness.NONE, damage=damage)


def _seconds(text: str) -> float | None:
    try:
        return float(text.replace(",", "")) if text else None
    except ValueError:
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None


def _lie(suite: _Suite, dialect: str) -> str:
    """Where a suite's own counts cannot be those of what is in it.

    Writers count what is in nested suites or not, cases or the failures in them, a nested suite as a test (node),
    each try (surefire) or assertions (catch2): a number is wrong only if it is larger than all that it may mean.
    Rows that nobody counted (a todo, a hook that failed) prove nothing missing.
    """
    own, every = suite.own, suite.all
    meant = {
        "tests": {own[_TESTS], every[_TESTS], own[_TESTS] + suite.suites, every[_TESTS] - every[_NAMELESS]},
        "failures": _meant(suite, _FAILURES),
        "errors": _meant(suite, _ERRORS),
    }
    for name, numbers in meant.items():
        declared = _number(suite.declared.get(name))
        if declared is None or (name == "tests" and dialect in _COUNTS_MORE):
            continue
        if declared <= max(numbers):  # more than is declared: nothing is missing
            continue
        if any(declared - tries in numbers for tries in _tries(suite, name, dialect)):
            continue
        return f"{suite.name or 'the document'} declares {declared} {name}, and it has {max(numbers)}"
    hidden = sum(_number(suite.declared.get(name)) or 0 for name in ("skipped", "disabled"))
    if hidden > every[_UNRUN]:
        return f"{suite.name or 'the document'} declares {hidden} skipped tests, and it has {every[_UNRUN]}"
    return ""


def _tries(suite: _Suite, name: str, dialect: str) -> set[int]:
    """How many tries a number may hold beside the tests: surefire counts each one, or none; nextest none."""
    failed, failed_again, broke, broke_again = suite.all[5:]
    flaky = (failed if name != "errors" else 0) + (broke if name != "failures" else 0)
    again = (failed_again if name != "errors" else 0) + (broke_again if name != "failures" else 0)
    return {0} if dialect == "nextest" else {0, flaky, again, flaky + again}


def _meant(suite: _Suite, kind: int) -> set[int]:
    own, every = suite.own, suite.all
    both = every[_FAILURES] + every[_ERRORS]
    return {own[kind], every[kind], suite.elements[kind == _ERRORS], own[kind] + suite.bad_suites, both}
