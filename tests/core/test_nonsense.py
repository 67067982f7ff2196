"""Whether a suite noticed nonsense in sources."""

from __future__ import annotations

import pytest

from superteam.core.nonsense import is_source, noticed
from superteam.core.results import (
    Completeness,
    Execution,
    Exit,
    Granularity,
    Outcome,
    RunVerdict,
    TestReport,
    TestResult,
)

P, F, S = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED
BEFORE = {"a": P, "b": P, "known": F}


def report(outcomes: dict[str, Outcome], *errors: str) -> TestReport:
    tests = {id: TestResult(outcome) for id, outcome in outcomes.items()}
    return TestReport("junit", Granularity.TESTS, Completeness.COMPLETE, tests, errors)


def execution(found: TestReport, *, is_sound: bool = True) -> Execution:
    verdict = RunVerdict("fail") if is_sound else RunVerdict("inconclusive", "why")
    return Execution(found, Exit(1), verdict, "", "", "")


@pytest.mark.parametrize(
    ("after", "seen"),
    [
        (BEFORE, False),
        ({"a": P, "b": P, "known": P}, False),
        ({**BEFORE, "shaky": F}, False),
        ({**BEFORE, "a": F}, True),
        ({**BEFORE, "app.test.js": F}, True),
        ({"b": P, "known": F}, True),
        ({**BEFORE, "a": S}, True),
    ],
)
def test_only_what_did_not_fail_before_shows_that_nonsense_was_seen(after: dict[str, Outcome], seen: bool) -> None:
    assert noticed(report(BEFORE), execution(report(after)), {"shaky"}) is seen


def test_a_run_that_is_none_has_seen_it() -> None:
    assert noticed(report(BEFORE), execution(report(BEFORE), is_sound=False))
    assert noticed(report(BEFORE), execution(report(BEFORE, "a.py: SyntaxError")))


@pytest.mark.parametrize(
    ("path", "answer"),
    [("src/a.ts", True), ("a.py", True), ("tests/a.py", False), ("a.test.js", False), ("vite.config.ts", False)],
)
def test_code_that_is_no_test_is_a_source(path: str, answer: bool) -> None:
    assert is_source(path) is answer
