"""The verdict of `superteam validate` in words."""

from __future__ import annotations

from typing import Any

from superteam.cli.validate import _running, verdict_text
from superteam.core.events import ValidationResult
from superteam.core.finding import Finding


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


def test_ten_findings_are_shown_the_most_important_first_and_the_others_are_counted() -> None:
    flood = tuple(Finding(kind="ci", path=f"{n:03}.yml", detail="changed", rank=9) for n in range(100))
    weak = Finding(kind="assertion-changed", path="tests/z.py", line=7, detail="weakened", rank=2)
    lines = verdict_text(result(verdict="pass", findings=(*flood, weak))).splitlines()
    at = lines.index("changed among what decides verdicts, the most important first:")
    assert lines[at + 1] == "  tests/z.py:7: weakened"
    assert lines[at + 11] == "  and 91 more: superteam validate --json"


def test_what_the_last_finding_counts_is_counted_too() -> None:
    flood = tuple(Finding(kind="ci", path=f"{n:03}.yml", detail="changed", rank=9) for n in range(20))
    more = Finding(kind="more", path="", detail="500 more changes that decide verdicts are not listed", rank=99)
    assert "  and 510 more: superteam validate --json" in verdict_text(result(findings=(*flood, more)))
