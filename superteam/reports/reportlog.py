"""Reads pytest-reportlog: JSON Lines that end with SessionFinish, of one process or of xdist's workers."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import PurePath
from typing import Any, BinaryIO

from superteam.core.results import Completeness, Conventions, TestReport
from superteam.reports.cases import cut, in_tree
from superteam.reports.plugin_lines import Session, report_of

FORMAT = "reportlog"
_LINE = 8 * 2**20
_CRASH = re.compile(r"worker '([^'\n]{1,40})' crashed")
_PHASES = ("setup", "call", "teardown", "???")


def recognises(head: bytes) -> bool:
    """Whether a file begins with the line that says that a session begins."""
    line = head.partition(b"\n")[0]
    return line.startswith(b"{") and b'"$report_type": "SessionStart"' in line


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One file; which tests were collected is not in it, so that its end is all that proves it whole."""
    session, known = Session(), False
    while line := stream.readline(_LINE):
        try:
            record = json.loads(line)
            known = _take(session, root, record, str(record["$report_type"])) or known
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            session.damaged = True
    report = report_of([session], FORMAT, Conventions(retries="told"))
    return report if known else _none(report)


def _none(report: TestReport) -> TestReport:
    return replace(report, completeness=Completeness.NONE, damage="it holds no line of pytest-reportlog")


def _take(session: Session, root: PurePath | None, record: dict[str, Any], kind: str) -> bool:
    """Whether the line is of a kind that we know; of another one nobody can say what is lost with it."""
    if session.ended:
        session.damaged = True  # a second session was written behind the end of the first
    match kind:
        case "TestReport" | "SubtestReport" | "SubTestReport":  # a part of a test is charged to the test
            session.take(_phase(record, root))
        case "CollectReport":
            if record["outcome"] not in ("passed", "skipped"):
                session.take({"kind": "collect-error", "id": record["nodeid"], "text": _text(record, root)})
        case "SessionFinish":
            session.status, session.ended = int(record["exitstatus"]), True
        case "SessionStart" | "WarningMessage":
            pass
        case _:
            session.damaged = True
            return False
    return True


def _phase(record: dict[str, Any], root: PurePath | None) -> dict[str, Any]:
    """The line as our own plugin would have written it."""
    when, outcome = record["when"], str(record["outcome"])
    if when not in _PHASES or not isinstance(record["nodeid"], str):
        raise ValueError("no phase of a test")
    found = {"kind": "result", "id": record["nodeid"], "when": when, "outcome": outcome, "text": ""}
    found["seconds"] = float(record.get("duration") or 0.0)
    found["worker"] = str(record.get("worker_id", ""))
    if outcome != "passed":
        found["text"] = _text(record, root)
    if when == "???" and (crashed := _CRASH.match(str(found["text"]))):  # xdist says in words alone who died
        found["worker"] = crashed[1]
    if "wasxfail" in record:
        found["xfail"] = str(record["wasxfail"])[:1000]
    return found


def _text(record: dict[str, Any], root: PurePath | None) -> str:
    """The crash's message and place first, then what pytest shows of the code."""
    shown = record.get("longrepr")
    if isinstance(shown, list) and len(shown) == 3:  # file, line and reason of a skip
        return cut(str(shown[2]))
    if not isinstance(shown, dict):
        return cut(str(shown or ""))
    crash = shown.get("reprcrash") or {}
    lines = [line for entry in _entries(shown) for line in entry.get("data", {}).get("lines", [])]
    text = "\n".join(map(str, lines))
    return cut(f"{crash['message']}\n{in_tree(str(crash['path']), root)}:{crash['lineno']}\n{text}" if crash else text)


def _entries(shown: dict[str, Any]) -> list[dict[str, Any]]:
    found = (shown.get("reprtraceback") or {}).get("reprentries") or []
    return [entry for entry in found if isinstance(entry, dict) and isinstance(entry.get("data"), dict)]
