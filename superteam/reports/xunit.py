"""Reads xUnit.net XML (v2 and later): assemblies, collections, tests, and errors that belong to no test."""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from superteam.core.results import Completeness, Conventions, Outcome, TestReport
from superteam.reports.cases import Cases
from superteam.reports.formats import nothing
from superteam.reports.xml_document import Damaged, Element, Refused, elements, first_element

FORMAT = "xunit"
_CONVENTIONS = Conventions(errors="folded", retries="hidden")
_KEPT = ("assemblies", "assembly", "test", "error", "failure")
_OUTCOMES = {
    "pass": Outcome.PASSED,
    "fail": Outcome.FAILED,
    "skip": Outcome.SKIPPED,
    "notrun": Outcome.NOT_RUN,
}
_TIMEOUT = "Xunit.Sdk.TestTimeoutException"


def recognises(head: bytes) -> bool:
    """Assemblies, or one of them."""
    return first_element(head) in ("assemblies", "assembly")


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One file."""
    cases, damage, seen, whole = Cases(), "", False, False
    failures: dict[int, Element] = {}
    counts = [0, 0]  # of one assembly: tests, failed ones
    try:
        for element in elements(stream, _KEPT, ("message", "stack-trace", "reason")):
            seen = True
            if element.name == "failure" and element.parent is not None:
                failures[id(element.parent)] = element
            elif element.name == "test":
                outcome = _test(cases, element, failures.pop(id(element), None))
                counts = [counts[0] + 1, counts[1] + outcome.bad]
            elif element.name == "error":
                cases.error(_error(element, failures.pop(id(element), None)))
            elif element.name == "assembly":
                damage, counts = damage or _checked(element.attributes, counts), [0, 0]
            whole = element.name in ("assemblies", "assembly") and element.parent is None
    except Refused as problem:
        return nothing(FORMAT, str(problem))
    except Damaged as problem:
        damage = f"it is no well-formed XML: {problem}"
    if not seen:
        return nothing(FORMAT, damage)
    complete = Completeness.COMPLETE if whole and not damage else Completeness.PARTIAL
    return cases.report(FORMAT, complete, conventions=_CONVENTIONS, damage=damage)


def _test(cases: Cases, element: Element, failure: Element | None) -> Outcome:
    attributes = element.attributes
    classname, name = attributes.get("type", ""), attributes.get("name", "")
    name = name.removeprefix(f"{classname}.") if classname else name
    outcome = _OUTCOMES.get(attributes.get("result", "").lower(), Outcome.ERRORED)
    if failure is not None and not outcome.bad:
        outcome = Outcome.ERRORED
    if failure is not None and failure.attributes.get("exception-type") == _TIMEOUT:
        outcome = Outcome.TIMED_OUT
    message = failure.message() if failure is not None else element.message()
    cases.add(f"{classname}::{name}" if classname else name, outcome, message, _seconds(attributes.get("time", "")))
    return outcome


def _error(element: Element, failure: Element | None) -> str:
    """The kind of an error (assembly-cleanup, test-class-cleanup, fatal ...) and where it was."""
    place = " ".join(part for name in ("type", "name") if (part := element.attributes.get(name, "")))
    return f"{place}: {failure.message() if failure is not None else element.message()}"


def _checked(assembly: dict[str, str], counts: list[int]) -> str:
    """What an assembly counts has to be there; what was not run may be counted apart."""
    total, failed, apart = (_number(assembly.get(name)) for name in ("total", "failed", "not-run"))
    if total is not None and counts[0] not in (total, total + (apart or 0)):
        return f"an assembly counts {total} tests, and there are {counts[0]}"
    if failed is not None and failed != counts[1]:
        return f"an assembly counts {failed} failed tests, and there are {counts[1]}"
    return ""


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
