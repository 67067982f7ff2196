"""Reads CTRF, the common test report format (JSON): it knows neither errors nor how the run ended.

So it is never the only witness: `exit_status` stays None, and the exit code of the command has to agree.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, BinaryIO

from superteam.core.results import Completeness, Conventions, Outcome, TestReport
from superteam.reports.cases import Cases, in_tree
from superteam.reports.formats import nothing
from superteam.reports.json_document import Damaged, members

FORMAT = "ctrf"
_CONVENTIONS = Conventions(errors="folded", retries="told")
_STATUS = {
    "passed": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "skipped": Outcome.SKIPPED,
    "pending": Outcome.SKIPPED,
}
# What a tool itself called a test of the status "other" (the member rawStatus), in small letters.
_RAW = {"timedout": Outcome.TIMED_OUT, "error": Outcome.ERRORED, "broken": Outcome.ERRORED, "todo": Outcome.SKIPPED}


def recognises(head: bytes) -> bool:
    """The mark of the format; older writers have only the members that every report has."""
    found = head.lstrip()
    old = all(name in found for name in (b'"results"', b'"tool"', b'"summary"'))
    return found[:1] == b"{" and (b'"CTRF"' in found or old)


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One document."""
    cases, damage, dialect = Cases(), "", ""
    summary: dict[str, Any] | None = None
    try:
        for path, value in members(stream, ("results.tests",)):
            if path == "results.tests" and isinstance(value, dict):
                _test(cases, value, root)
            elif path == "results.summary" and isinstance(value, dict):
                summary = value
            elif path == "results.tool":
                dialect = str(value.get("name", "")) if isinstance(value, dict) else ""
    except Damaged as problem:
        damage = str(problem)
    if summary is None and not cases.tests:
        return nothing(FORMAT, damage)
    damage = damage or _checked(cases, summary)
    whole = Completeness.PARTIAL if damage else Completeness.COMPLETE
    return cases.report(FORMAT, whole, conventions=_CONVENTIONS, dialect=dialect[:80], damage=damage)


def _test(cases: Cases, found: dict[str, Any], root: PurePath | None) -> None:
    suite = found.get("suite")
    titles = [str(title) for title in suite] if isinstance(suite, list) else [str(suite)] if suite else []
    file = in_tree(str(found.get("filePath") or ""), root)
    id = " > ".join(part for part in (file, *[t for t in titles if t != file], str(found.get("name", ""))) if part)
    status, duration = str(found.get("status")), found.get("duration")
    outcome = _STATUS.get(status) or _RAW.get(str(found.get("rawStatus")).lower(), Outcome.NOT_RUN)
    message = "\n".join(str(found[name]) for name in ("message", "trace") if found.get(name))
    retried = bool(found.get("flaky") or found.get("retries"))
    cases.add(id, outcome, message, duration / 1000 if isinstance(duration, (int, float)) else None, retried)


def _checked(cases: Cases, summary: dict[str, Any] | None) -> str:
    """What the summary counts has to be there."""
    if summary is None:
        return "the summary is missing"
    outcomes = [result.outcome for result in cases.tests.values()]
    counts = {
        "tests": len(outcomes),
        "passed": outcomes.count(Outcome.PASSED),
        "failed": outcomes.count(Outcome.FAILED),
    }
    for name, number in counts.items():
        if summary.get(name) not in (None, number):
            return f"the summary counts {str(summary[name])[:20]} {name}, and there are {number}"
    return ""
