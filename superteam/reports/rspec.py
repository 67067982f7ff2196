"""Reads the JSON of RSpec's own formatter: an error outside of examples is only in its summary and messages."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, BinaryIO

from superteam.core.results import Completeness, Conventions, Outcome, TestReport
from superteam.reports.cases import Cases, in_tree
from superteam.reports.formats import nothing
from superteam.reports.json_document import Damaged, members

FORMAT = "rspec"
_OUTSIDE = "An error occurred"
_CONVENTIONS = Conventions(errors="folded", retries="hidden")


def recognises(head: bytes) -> bool:
    """Examples, or the summary's name of what went wrong outside of them."""
    return head.lstrip()[:1] == b"{" and (
        b'"errors_outside_of_examples_count"' in head or b'"full_description"' in head
    )


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One run; an example without a status was left in the middle, so that the run is partial."""
    cases, summary, damage, seen = Cases(), {}, "", False
    messages: list[str] = []
    try:
        for path, value in members(stream, ("examples", "messages")):
            seen = seen or path in ("examples", "summary", "messages")
            if path == "examples" and isinstance(value, dict):
                damage = damage or _example(cases, value, root)
            elif path == "summary" and isinstance(value, dict):
                summary = value
            elif path == "messages":
                messages.append(str(value).strip())
    except Damaged as problem:
        damage = str(problem)
    if not seen:
        return nothing(FORMAT, damage)
    damage = damage or _checked(cases, summary)
    if summary.get("errors_outside_of_examples_count") or any(text.startswith(_OUTSIDE) for text in messages):
        for message in messages or ["an error outside of examples"]:
            cases.error(message)
    whole = Completeness.PARTIAL if damage else Completeness.COMPLETE
    return cases.report(FORMAT, whole, conventions=_CONVENTIONS, damage=damage)


def _example(cases: Cases, found: dict[str, Any], root: PurePath | None) -> str:
    """Adds one example, and returns why the run is not whole because of it."""
    words = str(found.get("full_description", ""))
    id = f"{in_tree(str(found.get('file_path', '')), root)}::{words}"
    exception = found.get("exception")
    message, seconds = _message(exception), found.get("run_time")
    outcome = _outcome(found, exception)
    cases.add(id, outcome, message, float(seconds) if isinstance(seconds, (int, float)) else None)
    return f"{id} began and never ended" if outcome is Outcome.NOT_RUN else ""


def _outcome(found: dict[str, Any], exception: object) -> Outcome:
    """A pending example may have failed as expected or never run: the report does not say, so it is skipped."""
    status = found.get("status")
    if status == "passed":
        return Outcome.FAILED if exception else Outcome.PASSED
    if status == "failed":
        return Outcome.FAILED
    return Outcome.SKIPPED if status == "pending" else Outcome.NOT_RUN


def _message(exception: object) -> str:
    if not isinstance(exception, dict):
        return ""
    trace = exception.get("backtrace")
    lines = [str(line) for line in trace if "/gems/" not in str(line)] if isinstance(trace, list) else []
    return "\n".join([f"{exception.get('class', '')}: {str(exception.get('message', '')).strip()}", *lines[:20]])


def _checked(cases: Cases, summary: dict[str, Any]) -> str:
    """What the summary counts has to be there."""
    if not summary:
        return "the summary is missing"
    if "errors_outside_of_examples_count" not in summary:
        return "the summary does not count errors outside of examples (RSpec does since 3.6)"
    bad = sum(result.outcome.bad for result in cases.tests.values())
    waiting = sum(result.outcome is Outcome.SKIPPED for result in cases.tests.values())
    for name, number in (("example", len(cases.tests)), ("failure", bad), ("pending", waiting)):
        declared = summary.get(f"{name}_count")
        if declared is not None and declared != number:
            return f"the summary counts {declared} of {name}, and there are {number}"
    return ""
