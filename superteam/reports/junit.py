"""Reads JUnit XML as pytest writes it (xunit1): streaming, without document types or entities."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.parsers import expat

from superteam.core.results import Completeness, Granularity, Outcome, TestId, TestReport, TestResult
from superteam.core.signature import signature

if TYPE_CHECKING:
    from xml.parsers.expat import XMLParserType

FORMAT = "junit"
_TEXT_CAP = 4096
_SUITE_CASES = {"collection failure": "could not be collected"}  # pytest's message for a file that cannot be imported


class _Refused(Exception):
    """The document has a document type, with which entity bombs begin."""


@dataclass(slots=True)
class _Case:
    """A test case that is being read: its attributes and what its children said, the worst one first."""

    attributes: dict[str, str]
    outcome: Outcome = Outcome.PASSED
    message: str = ""
    text: list[str] = field(default_factory=list)
    size: int = 0


@dataclass(slots=True)
class _Document:
    """What is read so far."""

    tests: dict[TestId, TestResult] = field(default_factory=dict)
    suite_errors: list[str] = field(default_factory=list)
    case: _Case | None = None
    inside: str = ""
    depth: int = 0
    suites: int = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if name == "testsuite":
            self.suites += 1
        elif name == "testcase":
            self.case = _Case(attributes)
        elif self.case is not None and name in ("failure", "error", "skipped"):
            self.inside = name
            _add(self.case, name, attributes)

    def text(self, data: str) -> None:
        case = self.case
        if case is not None and self.inside and case.size < _TEXT_CAP:
            case.text.append(data[: _TEXT_CAP - case.size])
            case.size += len(data)

    def end(self, name: str) -> None:
        self.depth -= 1
        if name == self.inside:
            self.inside = ""
        elif name == "testcase" and self.case is not None:
            self._keep(self.case)
            self.case = None

    def _keep(self, case: _Case) -> None:
        message = f"{case.message}\n{''.join(case.text)}".strip()
        if case.outcome is Outcome.ERRORED and case.message in _SUITE_CASES:
            place = case.attributes.get("classname") or case.attributes.get("name", "")
            self.suite_errors.append(f"{place} {_SUITE_CASES[case.message]}\n{message}")
            return
        mark = signature(message) if case.outcome.bad else ""
        result = TestResult(case.outcome, message, mark, _seconds(case.attributes.get("time", "")))
        _merge(self.tests, _id(case.attributes), result)

    def report(self, completeness: Completeness) -> TestReport:
        return TestReport(FORMAT, Granularity.TESTS, completeness, self.tests, tuple(self.suite_errors))


def read_junit(path_or_stream: Path | BinaryIO, newer_than: float | None = None) -> TestReport:
    """A missing, older or foreign file is no report; one that ends in the middle is partial.

    `newer_than` is a file time in seconds: what was written before it belongs to an earlier run.
    """
    document = _Document()
    parser = _parser(document)
    try:
        if isinstance(path_or_stream, Path):
            with path_or_stream.open("rb") as stream:
                if newer_than is not None and os.fstat(stream.fileno()).st_mtime < newer_than:
                    return document.report(Completeness.NONE)
                parser.ParseFile(stream)
        else:
            parser.ParseFile(path_or_stream)
    except (OSError, _Refused):
        return TestReport(FORMAT, Granularity.TESTS, Completeness.NONE)
    except (expat.ExpatError, ValueError):
        return document.report(Completeness.PARTIAL if document.suites else Completeness.NONE)
    return document.report(Completeness.COMPLETE if document.suites else Completeness.NONE)


def _parser(document: _Document) -> XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = document.start
    parser.EndElementHandler = document.end
    parser.CharacterDataHandler = document.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    return parser


def _refuse(*_: object) -> None:
    raise _Refused


def _add(case: _Case, name: str, attributes: dict[str, str]) -> None:
    """Takes a child in: an error outweighs a failure, and that a skip."""
    kind = attributes.get("type", "")
    outcome = {"failure": Outcome.FAILED, "error": Outcome.ERRORED}.get(name, Outcome.SKIPPED)
    if name == "skipped" and kind == "pytest.xfail":
        outcome = Outcome.XFAILED
    if case.outcome is not Outcome.ERRORED and not (case.outcome is Outcome.FAILED and name == "skipped"):
        case.outcome = outcome
        case.message = attributes.get("message", "")[:_TEXT_CAP]


def _id(attributes: dict[str, str]) -> TestId:
    """file::Class::name, as far as the attributes say it; a class name is a dotted file name and then the classes."""
    name, classname, file = (attributes.get(key, "") for key in ("name", "classname", "file"))
    if not file:
        return "::".join(part for part in (classname, name) if part)
    module = file.removesuffix(".py").replace("/", ".").replace("\\", ".")
    if classname == module:
        classes = []
    elif classname.startswith(module + "."):
        classes = classname[len(module) + 1 :].split(".")
    else:
        classes = [classname] if classname else []
    return "::".join([file, *classes, name])


def _merge(tests: dict[TestId, TestResult], id: TestId, result: TestResult) -> None:
    """pytest writes a test that passed and then failed in its teardown as two cases: together they are errored."""
    before = tests.get(id)
    if before is not None and result.outcome is Outcome.ERRORED and before.outcome is not Outcome.ERRORED:
        tests[id] = result
        return
    key, number = id, 1
    while key in tests:
        number += 1
        key = f"{id} #{number}"
    tests[key] = result


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
