"""Parts of a command whose failure nobody would see are said, and ordinary commands are not."""

from __future__ import annotations

import pytest

from superteam.core.baseline import Expectation, Expected, never_ran
from superteam.core.results import Completeness, Granularity, Outcome, Shape, TestReport, TestResult
from superteam.core.swallowed import swallowed


@pytest.mark.parametrize(
    ("command", "scripts"),
    [
        ("pytest && sh check.sh | tee log", {}),
        ("pytest; ruby check.rb", {}),
        ("sh check.sh || true", {}),
        ("make -k test", {}),
        ("make test", {"Makefile": "test:\n\t-python check.py\n"}),
        ("make test", {"Makefile": "test:\n\tfind checks -exec sh {} \\;\n"}),
        ("sh run.sh", {"run.sh": "node check.js &\npytest\n"}),
    ],
)
def test_a_part_that_can_fail_unseen_is_named(command: str, scripts: dict[str, str]) -> None:
    assert swallowed(command, scripts)


@pytest.mark.parametrize(
    ("command", "scripts"),
    [
        ("pytest -q && npm test", {}),
        ("make test", {"Makefile": "test: lint\n\tpytest\n"}),
        ("sh run.sh", {"run.sh": "#!/bin/bash\nset -euo pipefail\npytest | tee log\n"}),
        ("sh run.sh", {"run.sh": "if [ -f x ]; then\n  pytest 2>&1\nfi\n"}),
    ],
)
def test_ordinary_commands_are_not(command: str, scripts: dict[str, str]) -> None:
    assert swallowed(command, scripts) is None


def test_tests_that_are_skipped_on_both_sides_are_said() -> None:
    shape = Shape(Granularity.TESTS, "pytest")
    outcomes = {"a": Outcome.SKIPPED, "b": Outcome.PASSED, "c": Outcome.SKIPPED}
    tests = {id: TestResult(outcome) for id, outcome in outcomes.items()}
    report = TestReport("pytest", Granularity.TESTS, Completeness.COMPLETE, tests)
    expected = Expected(
        "1", shape, {id: Expectation(outcome) for id, outcome in outcomes.items()} | {"c": Expectation(Outcome.PASSED)}
    )
    (note,) = never_ran(expected, report)
    assert note.endswith(": a")
    assert never_ran(Expected("1", shape, {}), report) == ()
