"""CTest as it is: what each kind of test comes to, and that exactly the tests run that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.frameworks

Run = Callable[..., Any]
OUTCOMES = r"""
add_test(passes sh -c "echo '</testcase><testcase name=fake status=run/>'")
add_test(fails sh -c "exit 1")
add_test(missing /no/such/program)
add_test(skips sh -c "exit 77")
set_tests_properties(skips PROPERTIES SKIP_RETURN_CODE 77)
add_test(disabled sh -c "exit 1")
set_tests_properties(disabled PROPERTIES DISABLED TRUE)
add_test(expected sh -c "exit 1")
set_tests_properties(expected PROPERTIES WILL_FAIL TRUE)
add_test(fixed sh -c "exit 0")
set_tests_properties(fixed PROPERTIES WILL_FAIL TRUE)
add_test(slow sleep 9)
set_tests_properties(slow PROPERTIES TIMEOUT 1)
add_test(crashes sh -c "kill -SEGV $$")
add_test(setup sh -c "exit 1")
set_tests_properties(setup PROPERTIES FIXTURES_SETUP F)
add_test(needs sh -c "exit 0")
set_tests_properties(needs PROPERTIES FIXTURES_REQUIRED F)
"""
NASTY = [
    "plain", "plai", "-x", "-R", "a.*b(c)[d]|^$", "back\\slash", "two  words", "ünï 😀", "a > b :: c - d", "<&>'q'",
    "plain #2", "a+", "a?",
]  # fmt: skip


@pytest.fixture
def run(suite: Any, need: Callable[[str], str]) -> Run:
    need("ctest")

    def ctest(tests: str | None, command: str = "ctest", **more: Any) -> Any:
        return suite(None if tests is None else {"CTestTestfile.cmake": tests}, command, **more)

    return ctest


def nasty() -> str:
    return "".join(f"add_test([==[{name}]==] true)\n" for name in NASTY)


def test_each_outcome_is_told_apart(run: Run) -> None:
    found = run(OUTCOMES)
    assert found.verdict.verdict == "fail", found.verdict
    assert {id: test.outcome.value for id, test in found.report.tests.items()} == {
        "passes": "passed",
        "fails": "failed",
        "missing": "errored",
        "skips": "skipped",
        "disabled": "skipped",
        "expected": "passed",
        "fixed": "failed",
        "slow": "failed",
        "crashes": "failed",
        "setup": "failed",
        "needs": "errored",
    }


@pytest.mark.parametrize(
    ("tests", "words"),
    [
        ("", "no"),
        (
            'add_test(a sh -c "exit 77")\nset_tests_properties(a PROPERTIES SKIP_RETURN_CODE 77)',
            "no test ran: 1 skipped",
        ),
        ('add_test(a true)\nadd_test(b sh -c "kill -9 $PPID; sleep 9")', "killed by signal 9"),
        ("add_test(a true)\nthis is no cmake(", "no"),
    ],
)
def test_nothing_that_is_broken_passes(run: Run, tests: str, words: str) -> None:
    found = run(tests)
    assert found.verdict.verdict == "inconclusive"
    assert words in found.verdict.reason


def test_a_missing_program_alone_is_no_pass(run: Run) -> None:
    assert run("add_test(a /no/such/program)").verdict.verdict == "fail"


def test_each_test_alone_runs_itself(run: Run) -> None:
    found = run(nasty())
    assert found.verdict.verdict == "pass"
    assert list(found.report.tests) == NASTY
    for id in NASTY:
        alone = run(None, only=[id])
        assert (alone.report.tests.keys(), alone.verdict.verdict) == ({id}, "pass"), (id, alone.verdict)


def test_a_pair_and_two_of_the_same_name(run: Run) -> None:
    found = run(nasty(), only=["plain", "a+"])
    assert (list(found.report.tests), found.verdict.reason) == (["plain", "a+"], None)
    twins = "add_test(one true)\nadd_test(two true)\nsubdirs(sub)\n"
    assert list(run(twins).report.tests) == ["one", "two"]


def test_one_that_is_not_there_did_not_run(run: Run) -> None:
    assert run(nasty(), only=["gone"]).verdict.verdict == "inconclusive"
