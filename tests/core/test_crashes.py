"""What is named as the reason why a suite could not run: compilers' errors, and crashes of single tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.baseline import Difference, Permits, compare, pin
from superteam.core.crashes import broken_by, first_error
from superteam.core.results import Completeness, Execution, Exit, Granularity, Outcome, RunVerdict
from superteam.core.results import TestReport as Report
from superteam.core.results import TestResult as Result

PASSED, NOT_RUN = Result(Outcome.PASSED), Result(Outcome.NOT_RUN)
EMPTY = pin(Report("x", Granularity.TESTS, Completeness.COMPLETE), "c1")


def execution(
    report: Report, code: int = 1, output: str = "", ended_by: str = "exit", sound: bool = False
) -> Execution:
    verdict = RunVerdict("fail") if sound else RunVerdict("inconclusive", "no")
    return Execution(report, Exit(code, ended_by), verdict, "run", "", "", tail=output)  # type: ignore[arg-type]


def cut(*tests: str) -> Report:
    return Report("pytest", Granularity.TESTS, Completeness.PARTIAL, {"a": PASSED, **dict.fromkeys(tests, NOT_RUN)})


NOTHING = Report("x", Granularity.TESTS, Completeness.NONE)
GO = "example.com/p could not be built\n# example.com/p\n./a.go:3:9: undefined: x\n./a.go:4:2: y declared and not used"
PYTEST = "tests/test_a.py\nImportError while importing test module\nE   ModuleNotFoundError: No module named 'nothing'"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (GO, ["example.com/p could not be built", "./a.go:3:9: undefined: x"]),
        (PYTEST, ["tests/test_a.py", "ModuleNotFoundError: No module named 'nothing'"]),
        ("tests/test_a.py", ["tests/test_a.py"]),
        ("error: could not compile `p` (lib) due to 1 previous error", ["could not compile `p`"]),
    ],
)
def test_an_error_outside_of_tests_is_named_with_the_compilers_first_line(error: str, words: list[str]) -> None:
    report = Report("x", Granularity.TESTS, Completeness.PARTIAL, suite_errors=(error,))
    reason = broken_by(execution(report), EMPTY, Difference()) or ""
    assert all(word in reason for word in words)
    assert "\n" not in reason and "y declared" not in reason


@pytest.mark.parametrize(
    ("output", "wanted"),
    [
        ("> build\nsrc/a.ts(3,9): error TS2304: Cannot find name 'x'.\n", "src/a.ts(3,9): error TS2304"),
        ("   Compiling p\nerror[E0308]: mismatched types\n", "error[E0308]: mismatched types"),
        ("a.c:3:9: error: expected ';'\n", "a.c:3:9: error"),
        ("Traceback\nSyntaxError: invalid syntax\n", "SyntaxError: invalid syntax"),
    ],
)
def test_a_build_that_fails_before_the_tests_is_named_by_its_first_error(output: str, wanted: str) -> None:
    assert wanted in (broken_by(execution(NOTHING, output=output), EMPTY, Difference()) or "")


@pytest.mark.parametrize(
    "found",
    [
        execution(NOTHING, output="2026-12-01 10:00:00 INFO starting\nkilled\n"),
        execution(NOTHING, code=0, output="SyntaxError: invalid syntax"),
        execution(NOTHING, code=137, output="SyntaxError: invalid syntax"),
        execution(NOTHING, ended_by="wall", output="SyntaxError: invalid syntax"),
        execution(cut("b"), code=137),
        execution(cut("b"), code=-9),
        execution(cut("b"), ended_by="idle"),
        execution(cut()),
        execution(Report("x", Granularity.TESTS, Completeness.COMPLETE, {"a": PASSED}), code=1),
    ],
)
def test_what_names_no_error_or_was_ended_from_outside_is_no_proof(found: Execution) -> None:
    assert broken_by(found, EMPTY, Difference()) is None


@pytest.mark.parametrize(("code", "words"), [(0, "ended in b"), (-11, "signal 11 in b"), (134, "signal 6 in b")])
def test_a_crash_names_the_test_in_which_it_was(code: int, words: str) -> None:
    reason = broken_by(execution(cut("b", "c"), code=code), EMPTY, Difference()) or ""
    assert words in reason and "2 tests" in reason


PANIC = Result(Outcome.FAILED, "panic: runtime error: index out of range [recovered]\ngoroutine 7")


def test_a_panic_is_one_crash_that_names_the_test_and_not_a_hundred_missing_tests() -> None:
    before = {"p::TestA": PASSED, **{f"p::Test{n}": PASSED for n in range(100)}, "q::TestB": PASSED}
    expected = pin(Report("go", Granularity.TESTS, Completeness.COMPLETE, before), "c1")
    report = Report("go", Granularity.TESTS, Completeness.COMPLETE, {"p::TestA": PANIC, "q::TestB": PASSED})
    reason = broken_by(execution(report, sound=True), expected, compare(expected, report, Permits())) or ""
    assert "p::TestA" in reason and "100 tests" in reason and "index out of range" in reason


@pytest.mark.parametrize(
    ("bad", "gone"),
    [
        (Result(Outcome.FAILED, "a_test.go:3: panic: in a message"), "p::TestC"),
        (PANIC, "q::TestB"),
    ],
)
def test_a_failure_that_ends_no_package_explains_no_missing_test(bad: Result, gone: str) -> None:
    before = {"p::TestA": PASSED, gone: PASSED}
    expected = pin(Report("go", Granularity.TESTS, Completeness.COMPLETE, before), "c1")
    report = Report("go", Granularity.TESTS, Completeness.COMPLETE, {"p::TestA": bad})
    assert broken_by(execution(report, sound=True), expected, compare(expected, report, Permits())) is None


@given(st.text(st.sampled_from("aA.:([/ 1E\n"), max_size=300))
def test_no_text_is_too_odd_to_be_looked_at(text: str) -> None:
    assert "\n" not in first_error([text])
