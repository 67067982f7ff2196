"""A validation as JUnit XML, for a CI that knows nothing else: red exactly when the verdict is not pass."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from superteam.core.events import ValidationResult
from superteam.core.results import Outcome, TestId, TestReport, TestResult
from superteam.core.sources import TESTS
from superteam.reports.cases import capped_id, cut

SUITE = "superteam"
VERDICT_CASE = "superteam: verdict"
_ATTRIBUTE_CAP = 1000
_SHOWN_ERRORS = 20
_FILE = re.compile(
    r"[^\n]{1,500}\.(?:pyi?|[cm]?[jt]sx?|rb|php|go|rs|java|kt|cs|fs|bats|sh|c|cc|cpp|exs?|dart|swift|lua|vue|svelte)"
)

# What XML 1.0 has no character for (its production 2), and the C1 controls, which terminals obey.
_FORBIDDEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff"
_IN_TEXT = re.compile(f"[&<>\r{_FORBIDDEN}]")
_IN_ATTRIBUTE = re.compile(f'[&<>"\t\n\r{_FORBIDDEN}]')
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}

# List of the result, kind and words; what weighs most first.
_BLOCKING = (
    ("regressions", "test-regression", "worked before and does not any more"),
    ("unresolved", "unresolved", "could not be settled, so it blocks"),
    ("missing", "test-missing", "was there before and did not run"),
    ("newly_skipped", "newly-skipped", "ran before and is skipped or expected to fail now"),
)
NEW = "is a new test and fails"
_EXCUSED = (
    ("suspects", "suspect", "fails now and then since this change"),
    ("flaky", "flaky", "fails now and then, before too"),
    ("owed", "owed", "a later task is to mend it"),
    ("fails_differently", "fails-differently", "fails before too, in another way"),
    ("pre_existing", "pre-existing", "fails before too"),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the validation holds against one test: the list it stands in, in words, and whether that blocks."""

    kind: str
    words: str
    blocks: bool


@dataclass(frozen=True, slots=True)
class _Row:
    """One test case to be written; `element` is failure, error or skipped, empty for a plain pass."""

    id: TestId
    element: str = ""
    type: str = ""
    message: str = ""
    text: str = ""
    seconds: float | None = None


def standings(result: ValidationResult) -> dict[TestId, Standing]:
    """Every listed id once, what weighs most first; nothing blocks a validation whose verdict is pass."""
    blocks = result.verdict != "pass"
    found: dict[TestId, Standing] = {}
    for name, kind, words in (*_BLOCKING, *_EXCUSED):
        blocking = (name, kind, words) in _BLOCKING
        accepted = "accepted: " if blocking and not blocks else ""
        for id in getattr(result, name):
            company = f", only after {result.polluters[id]}" if id in result.polluters else ""
            is_new = kind == "test-regression" and result.settlements.get(id, {}).get("new")
            description = NEW if is_new else words
            found.setdefault(id, Standing(kind, f"{accepted}{description}{company}", blocking and blocks))
    return found


def split_id(id: TestId) -> tuple[str, str, str]:
    """File, class name and name, as far as the id has them; `reports.junit` puts them together to the same id."""
    head, bracket, rest = id.partition("[")
    *above, leaf = head.split("::")
    name = leaf + bracket + rest
    if not above or not name or "" in above:
        return "", "", id
    if not _FILE.fullmatch(above[0]):
        return ("", "", id) if above == [name] else ("", "::".join(above), name)  # readers drop a class of that name
    if any("." in part for part in above[1:]):
        return "", "", id
    stem = above[0].rpartition(".")[0] if "." in above[0] else above[0]
    module = stem.replace("/", ".").replace("\\", ".")
    return above[0], ".".join([module, *above[1:]]), name


def visible(match: re.Match[str]) -> str:
    """A character that must not be written as it is, as people write it: \\x1b, \\u202e."""
    number = ord(match[0])
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


Judged = tuple[ValidationResult, TestReport | None, Mapping[TestId, str]]


def junit_xml(result: ValidationResult, report: TestReport | None, messages: Mapping[TestId, str]) -> Iterator[str]:
    """The document in pieces, a test each; write it as UTF-8.

    A failure is what blocks, an error that nothing is proven; what fails and is excused is written as skipped.
    """
    return junit_suites([(result, report, messages)])


def junit_suites(judged: Iterable[Judged]) -> Iterator[str]:
    """As `junit_xml`, with a suite for each source's validation."""
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n'
    for result, report, messages in judged:
        listed = standings(result)
        yield _head(result, _rows(result, report, listed, messages))
        for row in _rows(result, report, listed, messages):
            yield _case(row)
        yield f"<system-out>{_text(_about(result))}</system-out>\n</testsuite>\n"
    yield "</testsuites>\n"


def suite_name(source: str) -> str:
    """What a source's part of a document is called."""
    return SUITE if source == TESTS else f"{SUITE} {source}"


def _rows(
    result: ValidationResult,
    report: TestReport | None,
    listed: Mapping[TestId, Standing],
    messages: Mapping[TestId, str],
) -> Iterator[_Row]:
    """The tests of the report in its order, then what is listed and not in it, then the verdict where it needs one."""
    tests = report.tests if report else {}
    for id, found in tests.items():
        standing = listed.get(id)
        yield _judged(id, standing, found, messages) if standing else _plain(id, found)
    for id, standing in listed.items():
        if id not in tests:
            yield _judged(id, standing, None, messages)
    proven = any(standing.blocks for standing in listed.values())
    if result.verdict == "inconclusive" or (result.verdict == "fail" and not proven):
        yield _unproven(result, report)
    elif not tests and not listed:
        yield _Row(VERDICT_CASE)


def _judged(id: TestId, standing: Standing, found: TestResult | None, messages: Mapping[TestId, str]) -> _Row:
    text = messages.get(id) or (found.message if found else "")
    message = f"{standing.words}: {_first_line(text)}" if text else standing.words
    element = "failure" if standing.blocks else "skipped"
    return _Row(id, element, standing.kind, message, text, found.duration_s if found else None)


def _plain(id: TestId, found: TestResult) -> _Row:
    """A test that no list names; if it failed all the same, its run proves nothing."""
    kind, words = "", _first_line(found.message)
    match found.outcome:
        case Outcome.PASSED | Outcome.XPASSED:
            return _Row(id, text=found.message, seconds=found.duration_s)
        case Outcome.XFAILED:
            kind = "pytest.xfail"
        case Outcome.NOT_RUN:
            words = "found, but not run"
        case Outcome.FAILED | Outcome.ERRORED | Outcome.TIMED_OUT:
            kind, words = "unsettled", f"{found.outcome.value}, and was not settled: {words}"
    return _Row(id, "skipped", kind, words, found.message, found.duration_s)


def _unproven(result: ValidationResult, report: TestReport | None) -> _Row:
    reason = result.reason or f"the verdict is {result.verdict}, and no reason was given"
    errors = report.suite_errors[:_SHOWN_ERRORS] if report else ()
    return _Row(VERDICT_CASE, "error", result.verdict, reason, "\n\n".join((reason, *errors)))


def _head(result: ValidationResult, rows: Iterable[_Row]) -> str:
    counts, seconds = Counter[str](), 0.0
    for row in rows:
        counts[row.element] += 1
        seconds += _finite(row.seconds)
    numbers = {
        "tests": counts.total(),
        "failures": counts["failure"],
        "errors": counts["error"],
        "skipped": counts["skipped"],
    }
    attributes = "".join(f' {name}="{number}"' for name, number in numbers.items())
    properties = {
        "verdict": result.verdict,
        "confidence": result.confidence,
        "sha": result.sha,
        "reference": result.reference_sha,
    }
    lines = (f'<property name="{name}" value="{_attribute(value)}"/>\n' for name, value in properties.items())
    return (
        f'<testsuite name="{_attribute(suite_name(result.source))}"{attributes} time="{seconds:.3f}">\n'
        f"<properties>\n{''.join(lines)}</properties>\n"
    )


def _case(row: _Row) -> str:
    file, classname, name = split_id(capped_id(row.id))
    pairs = (("classname", classname), ("name", name), ("file", file))
    known = "".join(f' {key}="{_escaped(value)}"' for key, value in pairs if value or key == "name")
    start = f'<testcase{known} time="{_finite(row.seconds):.3f}"'
    return f"{start}>{_children(row)}</testcase>\n" if row.element or row.text else f"{start}/>\n"


def _children(row: _Row) -> str:
    """The outcome; its text stands in it where it is red, and beside it where it is not."""
    kind = f' type="{_attribute(row.type)}"' if row.type else ""
    said = f' message="{_attribute(row.message)}"' if row.message else ""
    text = _text(row.text)
    if row.element in ("failure", "error"):
        return f"<{row.element}{kind}{said}>{text}</{row.element}>"
    mark = f"<{row.element}{kind}{said}/>" if row.element else ""
    return f"{mark}<system-out>{text}</system-out>" if text else mark


def _about(result: ValidationResult) -> str:
    """The verdict and what informs without blocking, for people who open the suite."""
    lines = [f"verdict: {result.verdict}"]
    lines += [f"reason: {result.reason}"] if result.reason else []
    lines += [f"reproduce: {result.reproduce_command}"] if result.reproduce_command else []
    for found in result.findings:
        place = f"{found.path}:{found.line}" if found.line else found.path
        lines.append(f"{found.kind}: {place} {found.detail}")
    lines += [f"note: {note}" for note in result.notes]
    return "\n".join(lines)


def _first_line(text: str) -> str:
    return text.lstrip().partition("\n")[0].rstrip()


def _finite(seconds: float | None) -> float:
    """A duration that can be added up: reports also hold none, negative ones and NaN."""
    return seconds if seconds is not None and math.isfinite(seconds) and 0 < seconds < 1e9 else 0.0


def _attribute(text: str) -> str:
    return _escaped(text if len(text) <= _ATTRIBUTE_CAP else f"{text[:_ATTRIBUTE_CAP]}...")


def _escaped(text: str) -> str:
    return _IN_ATTRIBUTE.sub(_replacement, text)


def _text(text: str) -> str:
    return _IN_TEXT.sub(_replacement, cut(text))


def _replacement(match: re.Match[str]) -> str:
    return _ENTITIES.get(match[0]) or visible(match)
