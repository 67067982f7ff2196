"""The verdict of `superteam validate` in words."""

from __future__ import annotations

from typing import Any

from superteam.cli.validate import _running, verdict_text
from superteam.core.events import ValidationResult


def result(**more: Any) -> ValidationResult:
    return ValidationResult(sha="1" * 40, tree="a" * 40, reference_sha="0" * 40, **{"verdict": "fail", **more})


def test_a_regression_comes_with_its_reruns_and_where_the_outputs_are() -> None:
    found = result(regressions=("t::a",), settlements={"t::a": {"task": [2, 2], "reference": [0, 2]}})

    lines = verdict_text(found).splitlines()

    assert "  t::a  (failed 2 of 2 reruns here, 0 of 2 at the reference)" in lines
    assert lines[-1] == "complete outputs: .superteam/outputs"


def test_a_test_that_was_not_rerun_itself_claims_no_reruns() -> None:
    none = {"task": [0, 0], "reference": [0, 0]}
    found = result(regressions=("t::a",), unresolved=("t::b",), settlements={"t::a": none, "t::b": none})

    lines = verdict_text(found).splitlines()

    assert "  t::a  (settled together with others that were rerun)" in lines
    assert "  t::b" in lines


def test_a_pass_needs_no_outputs() -> None:
    assert "outputs" not in verdict_text(result(verdict="pass"))


def test_what_runs_is_said_in_words_and_an_unknown_step_by_its_key() -> None:
    assert _running("confirm 4") == "the same tests at the reference"
    assert _running("bisect 7") == "the suite (bisect 7)"
