"""Reads TRX, the results of VSTest (dotnet test): one file a test project, definitions behind the results."""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from superteam.core.results import Completeness, Conventions, Outcome, TestReport
from superteam.reports.cases import Cases, cut
from superteam.reports.formats import nothing
from superteam.reports.xml_document import Damaged, Element, Refused, elements, first_element

FORMAT = "trx"
_CONVENTIONS = Conventions(errors="folded", retries="hidden")
_RESULTS = (
    *("UnitTestResult", "GenericTestResult", "ManualTestResult", "WebTestResult", "LoadTestResult", "TestResult"),
    "TestResultAggregation",  # of an ordered test: it holds the others
)
_FOREIGN = ("FailedTests", "SuccessfulTests", "Statistics")  # CppUnit and AUnit call their outermost element so too
_KEPT = (*_RESULTS, *_FOREIGN, "UnitTest", "TestMethod", "Counters", "RunInfo", "ResultSummary", "TestRun")
_OUTCOMES = {
    "passed": Outcome.PASSED,
    "completed": Outcome.PASSED,
    "warning": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "timeout": Outcome.TIMED_OUT,
    "notexecuted": Outcome.SKIPPED,
    "inconclusive": Outcome.SKIPPED,
    "pending": Outcome.NOT_RUN,
    "inprogress": Outcome.NOT_RUN,
}  # any other, and none (which is how VSTest writes its first outcome, Error), is an error
_ENDED = {"Completed": 0, "Passed": 0, "Failed": 1}


def recognises(head: bytes) -> bool:
    """A test run of Microsoft's schema."""
    return first_element(head) == "TestRun"


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One file. A row of a data-driven test is a test, and what holds the rows is none."""
    found: list[Element] = []
    classes: dict[str, str] = {}
    summary: dict[str, str] = {}
    infos, damage, seen = [], "", False
    try:
        for element in elements(stream, _KEPT, ("Message", "StackTrace", "Text")):
            seen = True
            match element.name:
                case name if name in _RESULTS:
                    found.append(element)
                case name if name in _FOREIGN:
                    return nothing(FORMAT, "it is XML of CppUnit or AUnit, not TRX; their JUnit or text output is read")
                case "TestMethod" if element.parent is not None:
                    classes[element.parent.attributes.get("id", "")] = element.attributes.get("className", "")
                case "Counters":
                    summary.update(element.attributes)
                case "RunInfo":
                    infos.append(element)
                case "ResultSummary":
                    summary["outcome"] = element.attributes.get("outcome", "")
    except Refused as problem:
        return nothing(FORMAT, str(problem))
    except Damaged as problem:
        damage = f"it is no well-formed XML: {problem}"
    if not seen:
        return nothing(FORMAT, damage)
    cases = _cases(found, classes)
    damage = damage or _checked(found, summary)
    cases.suite_errors += map(cut, _outside(cases, infos, summary.get("outcome", "")))
    return cases.report(
        FORMAT,
        Completeness.PARTIAL if damage else Completeness.COMPLETE,
        conventions=_CONVENTIONS,
        exit_status=_ENDED.get(summary.get("outcome", "")),
        damage=damage,
    )


def _cases(found: list[Element], classes: dict[str, str]) -> Cases:
    cases = Cases()
    explained = {id(row.parent) for row in found if _outcome(row).bad}
    for element in found:
        outcome = _outcome(element)
        if element.below and not (outcome.bad and id(element) not in explained):
            continue
        attributes = element.attributes
        name = _id(classes.get(attributes.get("testId", ""), ""), attributes.get("testName", ""))
        cases.add(name, outcome, element.message(), _seconds(attributes.get("duration", "")))
    return cases


def _outcome(element: Element) -> Outcome:
    return _OUTCOMES.get(element.attributes.get("outcome", "").lower(), Outcome.ERRORED)


def _id(classname: str, name: str) -> str:
    """Namespace.Class::test; a name that begins with its class says it twice, and old classes name their assembly."""
    classname = classname.partition(",")[0].strip()
    name = name.removeprefix(f"{classname}.") if classname else name
    return f"{classname}::{name}" if classname else name


def _checked(found: list[Element], summary: dict[str, str]) -> str:
    """The counters count results with or without the rows of data-driven tests."""
    if not summary.get("outcome"):
        return "the summary is missing, or it does not say how the run ended"
    leaves = sum(not element.below for element in found)
    tops = sum(element.parent is None or element.parent.name not in _RESULTS for element in found)
    total = _number(summary.get("total"))
    if total is not None and total not in (leaves, tops, len(found)):
        return f"the summary counts {total} tests, and there are {leaves}"
    declared = sum(_number(summary.get(name)) or 0 for name in ("failed", "error", "timeout", "aborted"))
    bad = sum(_outcome(element).bad for element in found)
    return f"the summary counts {declared} failed tests, and there are {bad}" if declared > bad else ""


def _outside(cases: Cases, infos: list[Element], outcome: str) -> list[str]:
    """What went wrong outside of tests: adapters write failed tests there too, so only an ending that they do not
    explain counts."""
    failed = any(result.outcome.bad for result in cases.tests.values())
    if outcome in ("Completed", "Passed") or (outcome == "Failed" and failed):
        said = [info.message() for info in infos if "aborted" in info.message() or "crash" in info.message()]
        return said if outcome == "Failed" else []
    said = [info.message() for info in infos if info.attributes.get("outcome") in ("Error", "Failed")]
    return said or [f"the run ended as {outcome!r}"] if outcome else []


def _seconds(text: str) -> float | None:
    """From 00:00:01.5."""
    parts = text.split(":")
    try:
        return float(parts[0]) * 3600 + float(parts[1]) * 60 + float(parts[2])
    except (ValueError, IndexError):
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None
