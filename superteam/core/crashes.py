"""What kept a suite from running, where the report or the output names it: a compiler's error, a crash of one test."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from superteam.core.baseline import Difference, Expected
from superteam.core.renames import parts_of
from superteam.core.results import Completeness, Execution, Outcome, TestId, TestReport

_LINE = 400  # characters of a line that are looked at
_TEXT = 100_000  # characters of a text
# As compilers, interpreters and bundlers print it. Every repetition is bounded.
_ERROR = re.compile(
    r"(?:E {1,8})?(?:"
    r"error(?:\[\w{1,12}\])?: .{1,300}"  # rustc, clang
    r"|[\w@%+.~/\\: -]{1,200}?\.[A-Za-z]{1,5}[:(]\d{1,7}(?:[:,]\d{1,7})?\)?:? .{1,300}"  # gcc, go, tsc
    r"|(?:[A-Za-z_]\w{0,60}\.){0,6}[A-Z]\w{0,60}(?:Error|Exception): .{1,300}"  # Python, node, Java
    r")"
)
_PANIC = re.compile(r"^(?:panic|fatal error): .{0,200}", re.MULTILINE)
_CRASHES = frozenset((4, 6, 7, 8, 11))  # SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV: the program's own doing


def broken_by(found: Execution, expected: Expected, difference: Difference) -> str | None:
    """Returns what kept the suite from running as a whole, None where nothing is named.

    A sound run may be one too: where a test panics, go runs no further test of its package.
    """
    report = found.report
    if found.verdict.sound:
        return _panic(report, expected, difference)
    if found.exit.ended_by != "exit" or found.exit.code is None:
        return None
    if report.suite_errors:
        return _with_error(report.suite_errors[0].partition("\n")[0], report.suite_errors)
    signal = _signal(found.exit.code)
    if signal and signal not in _CRASHES:
        return None
    if report.completeness is Completeness.PARTIAL:
        return _cut_short(report, signal)
    if report.completeness is Completeness.NONE and found.exit.code != 0:
        error = first_error((found.head, found.tail))
        return f"exit code {found.exit.code} without a report: {error}" if error else None
    return None


def first_error(texts: Iterable[str]) -> str:
    """Returns the first line in which a compiler or an interpreter says what is wrong; "" if there is none."""
    for text in texts:
        for line in text[:_TEXT].splitlines():
            shown = line[:_LINE].strip()
            if _ERROR.match(shown):
                return shown
    return ""


def _with_error(head: str, texts: Iterable[str]) -> str:
    error = first_error(texts)
    return head if not error or error in head else f"{head}: {error}"


def _signal(code: int) -> int:
    """The signal that ended the program, directly or as a shell reports it; 0 for none."""
    if code < 0:
        return -code
    return code - 128 if 128 < code <= 192 else 0


def _cut_short(report: TestReport, signal: int) -> str | None:
    """Which test the program ended in, where the report says so."""
    waiting = [id for id, result in report.tests.items() if result.outcome is Outcome.NOT_RUN]
    if not waiting:
        return None
    how = f"was killed by signal {signal}" if signal else "ended"
    return f"the test program {how} in {waiting[0]}, so that {_count(waiting)} did not finish"


def _panic(report: TestReport, expected: Expected, difference: Difference) -> str | None:
    """The test with whose panic the other tests of its package are missing."""
    if report.format != "go" or not difference.missing:
        return None
    lost = Counter(parts_of(id).place for id in difference.missing)
    for id in difference.new_failures:
        text = report.tests[id].message
        match = _PANIC.search(text)
        place = parts_of(id).place
        if match and lost[place]:
            return f"{id} ended its package ({match[0]}), so that {_number(lost[place])} of it did not run"
    return None


def _count(ids: list[TestId]) -> str:
    return _number(len(ids))


def _number(count: int) -> str:
    return "1 test" if count == 1 else f"{count} tests"
