"""Reads the ticks and crosses that vitest, jest, mocha, bun and their like print: the last resort, never a proof."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from superteam.core.results import Completeness, Granularity, Outcome, TestId, TestReport, TestResult
from superteam.core.signature import normalise
from superteam.reports.cases import capped_id, free_key

FORMAT = "text"
_LINE_CAP = 2000  # a longer line is no result line
_DEPTH = 50  # headings in each other
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;:?]{0,40}[ -/]?[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\))")
_MARKS = (
    dict.fromkeys(("✓", "✔", "√", "(pass)"), Outcome.PASSED)
    | dict.fromkeys(("✗", "×", "✕", "✖", "✘", "(fail)"), Outcome.FAILED)
    | dict.fromkeys(("↓", "○", "(skip)"), Outcome.SKIPPED)
)
_TIME = r"\d{1,9}(?:\.\d{1,6})? ?(?:ms|s|µs|ns|m)"
_DURATION = re.compile(rf"(?<=\S) {{1,8}}(?:\({_TIME}\)|\[{_TIME}\]|{_TIME})$")
_FILE = re.compile(r"(?:(?:PASS|FAIL|RUNS) {1,8})?([^\s:]{1,300}\.[cm]?[jt]sx?)(?=[: ]|$)")
_COUNTS = re.compile(r" {1,8}\(\d{1,9} tests?\b")
_NUMBERED = re.compile(r"\d{1,6}\) (?=\S)")  # how mocha marks a failed test, and later its details
_SUMMARY = re.compile(r"\d{1,9} (passing|failing|pending)\b")
_NOISE = (("at ", "{", "}", "[", "]", "+", "-"), (",", ";", "{"))  # how a line of code or a stack begins and ends


def read_text(lines: Iterable[bytes | str]) -> TestReport:
    """The tests that the lines name, by file, describe blocks and name; the duration is never part of an id.

    Without any such line the report's completeness is none.
    """
    tests: dict[TestId, TestResult] = {}
    last: dict[TestId, int] = {}
    for id, outcome in _results(_cleaned(lines)):
        bad = outcome.bad
        tests[free_key(id, tests, last)] = TestResult(
            outcome, f"the output marks it as failed: {id}" if bad else "", _mark(id, bad)
        )
    return TestReport(FORMAT, Granularity.TEXT, Completeness.COMPLETE if tests else Completeness.NONE, tests)


def _mark(id: TestId, bad: bool) -> str:
    return normalise(f"failed {id}") if bad else ""


def _cleaned(lines: Iterable[bytes | str]) -> Iterator[str]:
    """Lines as a terminal would leave them: without escapes, and of overwritten ones the last."""
    for raw in lines:
        if len(raw) > 8 * _LINE_CAP:
            continue
        line = raw.decode(errors="replace") if isinstance(raw, bytes) else raw
        line = _ESCAPES.sub("", line) if "\x1b" in line else line
        line = line.rstrip("\r\n").rpartition("\r")[2].rstrip().expandtabs(4)
        if line and len(line) <= _LINE_CAP:
            yield line


def _results(lines: Iterable[str]) -> Iterator[tuple[TestId, Outcome]]:
    """Walks through headings and results; a heading holds for the lines that are indented deeper."""
    file = ""
    headings: list[tuple[int, str]] = []
    numbered: list[TestId] = []
    summary = False
    for line in lines:
        text = line.lstrip()
        indent = len(line) - len(text)
        mark, _, rest = text.partition(" ")
        outcome, rest = _MARKS.get(mark), rest.strip()
        named = rest if outcome or mark == "❯" else text
        found = _FILE.match(named) if "." in named else None
        if text == "✖ failing tests:":  # node names them all once more
            return
        if found and (counts := _COUNTS.match(rest, found.end())):  # vitest: a whole file on one line
            file, headings = found[1], []
            failed = " failed" in rest[counts.start() :]
            yield file, Outcome.FAILED if failed else outcome or Outcome.PASSED
        elif outcome and rest:
            name = _leaf(rest.removeprefix("skipped ") if mark == "○" else rest)
            yield _id("" if found else file, headings, indent, name), outcome
        elif found and indent <= 1:
            file, headings = found[1], []
        elif text[0].isdecimal() and _SUMMARY.match(text):
            summary = True
            if " failing" in text:
                yield from ((id, Outcome.FAILED) for id in numbered)
        elif (
            text[0].isdecimal()
            and not summary
            and any(depth < indent for depth, _ in headings)
            and _NUMBERED.match(text)
        ):
            numbered.append(_id(file, headings, indent, _leaf(rest)))
        elif (indent >= 2 or mark == "▶") and not (text.startswith(_NOISE[0]) or text.endswith(_NOISE[1])):
            name = _leaf(rest if mark in "▶❯" else text)
            headings = [*[pair for pair in headings if pair[0] < indent][-_DEPTH:], (indent, name)]


def _id(file: str, headings: list[tuple[int, str]], indent: int, name: str) -> TestId:
    """The file, the headings that the line stands under, and the name."""
    above = [title for depth, title in headings if depth < indent]
    return capped_id(" > ".join([*([file] if file else []), *above, name]))


def _leaf(text: str) -> str:
    """The name without its duration."""
    return _DURATION.sub("", text.strip())
