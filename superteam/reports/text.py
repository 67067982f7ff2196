"""Reads the ticks and crosses that vitest, jest, mocha, bun and their like print: the last resort, never a proof."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from superteam.core.results import Completeness, Granularity, Outcome, TestId, TestReport, TestResult
from superteam.core.signature import normalise

FORMAT = "text"
_LINE_CAP = 2000  # a longer line is no result line
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;:?]{0,40}[ -/]?[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\))")
_MARKS = {"✓": Outcome.PASSED, "✔": Outcome.PASSED, "√": Outcome.PASSED} | dict.fromkeys("✗×✕✖✘", Outcome.FAILED)
_DURATION = re.compile(r"(?<=\S)[ \t]{1,8}(?:\(\d{1,9}(?:\.\d{1,6})? ?m?s\)|\[\d{1,9}(?:\.\d{1,6})? ?m?s\]|\d{1,9}(?:\.\d{1,6})? ?m?s)$")
_FILE = re.compile(r"(?:(?:PASS|FAIL|RUNS)[ \t]{1,8})?([^\s:]{1,300}\.[cm]?[jt]sx?)(?::|[ \t]|$)")


def read_text(lines: Iterable[bytes | str]) -> TestReport:
    """The tests that the lines name, by file, describe blocks and name; the duration is never part of an id.

    Without any such line the report's completeness is none.
    """
    tests: dict[TestId, TestResult] = {}
    seen: dict[TestId, int] = {}
    for id, outcome in _results(_cleaned(lines)):
        seen[id] = seen.get(id, 0) + 1
        key = id if seen[id] == 1 else f"{id} #{seen[id]}"
        bad = outcome.bad
        tests[key] = TestResult(outcome, f"the output marks it as failed: {id}" if bad else "", _mark(id, bad))
    return TestReport(FORMAT, Granularity.TEXT, Completeness.COMPLETE if tests else Completeness.NONE, tests)


def _mark(id: TestId, bad: bool) -> str:
    return normalise(f"failed {id}") if bad else ""


def _cleaned(lines: Iterable[bytes | str]) -> Iterator[str]:
    """Lines as a terminal would leave them: without escapes, and of overwritten ones the last."""
    for raw in lines:
        if len(raw) > 8 * _LINE_CAP:
            continue
        line = raw.decode(errors="replace") if isinstance(raw, bytes) else raw
        line = _ESCAPES.sub("", line).rstrip("\r\n").rpartition("\r")[2].rstrip().expandtabs(4)
        if line and len(line) <= _LINE_CAP:
            yield line


def _results(lines: Iterable[str]) -> Iterator[tuple[TestId, Outcome]]:
    """Walks through headings and results; a heading holds for the lines that are indented deeper."""
    file = ""
    headings: list[tuple[int, str]] = []
    for line in lines:
        text = line.lstrip()
        indent = len(line) - len(text)
        outcome = _MARKS.get(text[0])
        heading = _FILE.match(text[2:].lstrip() if text[0] in "❯↓" or outcome else text)
        if heading and (indent <= 1 or outcome):
            file, headings = heading[1], []
        elif outcome and text[1:2] == " ":
            above = [name for depth, name in headings if depth < indent]
            yield " > ".join([*([file] if file else []), *above, _leaf(text[2:])]), outcome
        elif outcome is None and indent:
            headings = [(depth, name) for depth, name in headings if depth < indent]
            headings.append((indent, _leaf(text)))
        else:
            headings = [(indent, text)]


def _leaf(text: str) -> str:
    """The name without its duration."""
    return _DURATION.sub("", text.strip())
