"""judge against an independent decision table, and its reasons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.results import Completeness, Exit, Granularity, Outcome, RunVerdict, Shape, TestReport, TestResult
from superteam.core.verdict import command_report, judge, narrow

FINENESS = [Granularity.COMMAND, Granularity.TEXT, Granularity.TESTS]
OUTCOMES = st.sampled_from(list(Outcome))
REPORTS = st.builds(
    TestReport,
    format=st.sampled_from(["pytest", "junit"]),
    granularity=st.sampled_from(FINENESS),
    completeness=st.sampled_from([Completeness.COMPLETE] * 4 + [Completeness.PARTIAL, Completeness.NONE]),
    tests=st.dictionaries(st.sampled_from("abcd"), st.builds(TestResult, OUTCOMES), max_size=3),
    suite_errors=st.sampled_from([(), (), (), ("t.py: broken",)]),
    foreign_modules=st.sampled_from([(), (), (), ("m was loaded from /x/m.py",)]),
    exit_status=st.sampled_from([None, 0, 1, 0, 1, 2, 3, 4, 5]),
)
EXITS = st.builds(
    Exit,
    code=st.sampled_from([0, 0, 0, 1, 1, 1, 2, 70, 126, 127, 137, 255, -9, None]),
    ended_by=st.sampled_from(["exit"] * 6 + ["wall", "idle", "cancelled", "not-started"]),
    truncated=st.sampled_from([False, False, False, True]),
)
SHAPES = st.builds(Shape, st.sampled_from(FINENESS), st.sampled_from(["", "pytest", "junit"]))
WANTED = st.none() | st.frozensets(st.sampled_from("abcd"), max_size=3)


def complete(**outcomes: Outcome) -> TestReport:
    tests = {key: TestResult(outcome) for key, outcome in outcomes.items()}
    return TestReport("pytest", Granularity.TESTS, Completeness.COMPLETE, tests)


def table(report: TestReport, exit: Exit, wanted: frozenset[str] | None, fixed: Shape | None) -> str:
    """Section 1 as a list of what has to hold, written down in another way than `judge`."""
    outcomes = [result.outcome.value for result in report.tests.values()]
    red = any(o in ("failed", "errored", "timed-out") for o in outcomes)
    executed = {key for key, result in report.tests.items() if result.outcome.value != "not-run"}
    own_words = report.granularity is Granularity.TESTS and report.exit_status in (0, 1)
    holds = [
        exit.ended_by == "exit",
        exit.code is not None and exit.code in range(0, 256) and exit.code not in range(129, 193),
        not exit.truncated,
        report.completeness is Completeness.COMPLETE,
        report.suite_errors == () and report.foreign_modules == (),
        any(o not in ("skipped", "not-run") for o in outcomes),
        report.exit_status in (None, 0, 1) and not (report.exit_status == 0 and red),
        wanted is None or executed == wanted,
        fixed is None or FINENESS.index(report.granularity) >= FINENESS.index(fixed.granularity),
        fixed is None or fixed.runner in ("", report.format),
    ]
    if wanted is None or not own_words:
        holds += [exit.code not in (126, 127), (exit.code != 0) == red]
    return "inconclusive" if not all(holds) else "fail" if red else "pass"


@given(REPORTS, EXITS, WANTED, st.none() | SHAPES)
def test_judge_agrees_with_the_decision_table(report, exit, wanted, fixed):
    found = judge(report, exit, requested=wanted, expected=fixed)
    assert found.verdict == table(report, exit, wanted, fixed)
    assert (found.reason is not None) == (found.verdict == "inconclusive")
    assert (found.confidence == "low") == (report.granularity is not Granularity.TESTS)


@given(REPORTS, EXITS)
def test_nothing_red_empty_or_unfinished_is_ever_a_pass(report, exit):
    if judge(report, exit).verdict == "pass":
        assert exit.code == 0
        assert exit.ended_by == "exit"
        assert report.completeness is Completeness.COMPLETE
        assert not report.failed()
        assert any(result.outcome.ran for result in report.tests.values())


@pytest.mark.parametrize(
    ("exit", "words"),
    [
        (Exit(None, "not-started", detail="x: not found"), "could not be started: x: not found"),
        (Exit(127), "command not found"),
        (Exit(126), "chmod +x"),
        (Exit(-9), "killed by signal 9 (SIGKILL)"),
        (Exit(139), "killed by signal 11 (SIGSEGV)"),
        (Exit(-15, "wall", duration_s=20), "timed out after 20 s"),
        (Exit(-15, "idle", duration_s=20), "idle"),
        (Exit(0, truncated=True), "truncated"),
        (Exit(2), "exit code 2 without a failed test"),
    ],
)
def test_the_reason_says_how_the_command_ended(exit, words):
    assert words in (judge(complete(a=Outcome.PASSED), exit).reason or "")


def test_exit_0_with_a_failure_is_inconclusive_and_names_it():
    assert judge(complete(a=Outcome.FAILED), Exit(0)).reason == "exit code 0, and yet 1 failed: a"


def test_only_skipped_tests_are_no_pass():
    assert judge(complete(a=Outcome.SKIPPED), Exit(0)).reason == "no test ran: 1 skipped"


def test_a_probe_names_what_did_not_run_and_what_ran_unasked():
    found = judge(complete(a=Outcome.PASSED), Exit(0), requested=frozenset("bc"))
    assert found.reason == "what ran is not what was asked for: b, c did not run; a ran unasked"


def test_a_probe_is_judged_by_its_report_and_not_by_the_exit_code_of_make():
    report = TestReport(
        "pytest", Granularity.TESTS, Completeness.COMPLETE, {"a": TestResult(Outcome.PASSED)}, exit_status=0
    )
    assert judge(report, Exit(2), requested=frozenset("a")).verdict == "pass"
    assert judge(report, Exit(2)).verdict == "inconclusive"


@pytest.mark.parametrize("code", [126, 127, -9, 137])
def test_a_command_that_could_not_run_is_no_failed_test(code):
    exit = Exit(code)
    assert judge(command_report("make", exit, "", ""), exit).verdict == "inconclusive"


def test_a_command_is_its_own_only_test():
    assert judge(command_report("make", Exit(0), "", ""), Exit(0)).verdict == "pass"
    failed = command_report("make", Exit(2), "boom", "boom")
    assert judge(failed, Exit(2)).verdict == "fail"
    assert failed.tests["make"].signature == "boom"


def test_a_narrowed_report_is_judged_by_its_own_tests_only():
    report = complete(a=Outcome.PASSED, b=Outcome.FAILED)
    whole = judge(report, Exit(1))
    assert narrow(report, whole, frozenset("a"), "why") == (
        complete(a=Outcome.PASSED),
        RunVerdict("pass", "why"),
    )
    assert narrow(report, whole, frozenset("b"), "why")[1].verdict == "fail"
    assert narrow(report, whole, frozenset("x"), "why")[1].verdict == "inconclusive"


def test_what_is_narrowed_from_an_unsound_run_stays_unsound():
    report = complete(a=Outcome.PASSED)
    assert narrow(report, judge(report, Exit(1)), frozenset("a"), "why")[1].verdict == "inconclusive"


def report_of(granularity: Granularity, **outcomes: Outcome) -> TestReport:
    tests = {id: TestResult(outcome) for id, outcome in outcomes.items()}
    return TestReport("x", granularity, Completeness.COMPLETE, tests)


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (report_of(Granularity.COMMAND, a=Outcome.FAILED), "only the exit code is seen, and it is 1"),
        (report_of(Granularity.TESTS, a=Outcome.FAILED, b=Outcome.ERRORED), "nothing passes in a clean tree"),
        (report_of(Granularity.TEXT, a=Outcome.FAILED, b=Outcome.SKIPPED), "nothing passes in a clean tree"),
        (
            report_of(Granularity.TEXT, a=Outcome.FAILED, b=Outcome.PASSED),
            "only printed lines are seen, and 1 failed: a",
        ),
        (report_of(Granularity.TESTS, a=Outcome.FAILED, b=Outcome.PASSED), ""),
        (report_of(Granularity.TESTS, a=Outcome.FAILED, b=Outcome.XFAILED), ""),
    ],
)
def test_a_baseline_has_to_be_able_to_show_a_failure(report: TestReport, words: str) -> None:
    baseline = judge(report, Exit(1), baseline=True)
    assert words in (baseline.reason or "")
    assert (baseline.verdict == "inconclusive") == bool(words)
    assert judge(report, Exit(1)).verdict == "fail"
