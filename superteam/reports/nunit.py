"""Reads NUnit 3 XML: a tree of suites whose results come from their cases or from their own setup and teardown."""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from superteam.core.results import Completeness, Conventions, Outcome, TestReport
from superteam.reports.cases import Cases
from superteam.reports.formats import nothing
from superteam.reports.xml_document import Damaged, Element, Refused, elements, first_element

FORMAT = "nunit"
_CONVENTIONS = Conventions(errors="apart", retries="hidden")
_KEPT = ("test-run", "test-suite", "test-case")
_OUTCOMES = {
    "Passed": Outcome.PASSED,
    "Warning": Outcome.PASSED,
    "Failed": Outcome.FAILED,
    "Skipped": Outcome.SKIPPED,
    "Inconclusive": Outcome.SKIPPED,
}
_ENDED = {"Passed": 0, "Warning": 0, "Failed": 1}


def recognises(head: bytes) -> bool:
    """A test run of NUnit 3; that of NUnit 2 is `test-results`."""
    return first_element(head) == "test-run"


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One file."""
    cases, damage, ended = Cases(), "", None
    run: Element | None = None
    try:
        for element in elements(stream, _KEPT, ("message", "stack-trace")):
            if element.name == "test-case":
                _case(cases, element.attributes, element.message())
            elif element.name == "test-suite":
                _suite(cases, element)
            else:
                run = element
    except Refused as problem:
        return nothing(FORMAT, str(problem))
    except Damaged as problem:
        damage = f"it is no well-formed XML: {problem}"
    if run is None and not cases.tests:
        return nothing(FORMAT, damage)
    if run is not None:
        ended = _ENDED.get(run.attributes.get("result", "").partition("(")[0])
        damage = damage or _checked(cases, run.attributes)
    whole = Completeness.PARTIAL if damage else Completeness.COMPLETE
    return cases.report(FORMAT, whole, conventions=_CONVENTIONS, exit_status=ended, damage=damage)


def _case(cases: Cases, attributes: dict[str, str], message: str) -> None:
    classname, name = attributes.get("classname", ""), attributes.get("fullname") or attributes.get("name", "")
    name = name.removeprefix(f"{classname}.") if classname else name
    cases.add(
        f"{classname}::{name}" if classname else name,
        _outcome(attributes, message),
        message,
        _seconds(attributes.get("duration", "")),
    )


def _outcome(attributes: dict[str, str], message: str) -> Outcome:
    outcome = _OUTCOMES.get(attributes.get("result", ""), Outcome.ERRORED)
    label, site = attributes.get("label", ""), attributes.get("site", "Test")
    if outcome is Outcome.FAILED:
        if message.startswith("Test exceeded Timeout value"):
            return Outcome.TIMED_OUT
        return Outcome.ERRORED if label in ("Error", "Invalid", "Cancelled") or site != "Test" else Outcome.FAILED
    return Outcome.NOT_RUN if outcome is Outcome.SKIPPED and label == "Explicit" else outcome


def _suite(cases: Cases, element: Element) -> None:
    """A suite that failed by itself; one whose setup failed has cases that say so, unless it has none."""
    attributes = element.attributes
    if attributes.get("result", "").partition("(")[0] not in _OUTCOMES:  # a damaged one must not hide a failure
        cases.error(f"{attributes.get('fullname') or attributes.get('name', 'a suite')}: it has no known result")
    if attributes.get("result") != "Failed" or attributes.get("site", "Test") in ("Child", "Parent"):
        return
    if attributes.get("site") == "SetUp" and element.below:
        return
    if attributes.get("site") in ("SetUp", "TearDown") or attributes.get("label") in ("Invalid", "Error"):
        cases.error(f"{attributes.get('fullname') or attributes.get('name', 'a suite')}: {element.message()}")


def _checked(cases: Cases, run: dict[str, str]) -> str:
    """What the run counts has to be there; `testcasecount` counts what a filter left out as well."""
    outcomes = [result.outcome for result in cases.tests.values()]
    bad = sum(outcome.bad for outcome in outcomes)
    for name, number in (("total", len(outcomes)), ("failed", bad)):
        declared = run.get(name, "")
        if declared.isascii() and declared.isdecimal() and len(declared) < 10 and int(declared) != number:
            return f"the run counts {declared} {name}, and there are {number}"
    return ""


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
