"""The rule of reviews against an oracle in the contract's words, and the merging of findings."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from superteam.core.review import SEVERITIES, Review, ReviewFinding, Severity, judge_reviews, merged

ROLES = ("spec", "quality", "security", "performance", "style")
GRAVITY = {"critical": 4, "high": 3, "medium": 2, "low": 1}

findings = st.builds(
    ReviewFinding,
    severity=st.sampled_from(SEVERITIES),
    issue=st.sampled_from(("wrong", " Wrong", "slow")),
    file=st.sampled_from(("a", "b", "")),
    line=st.none() | st.integers(1, 2),
    suggestion=st.sampled_from(("", "mend it")),
)
reviews = st.builds(Review, passed=st.booleans(), findings=st.lists(findings, max_size=3).map(tuple))
rounds = st.dictionaries(st.sampled_from(ROLES), reviews, max_size=5)


def kept_back(said: Mapping[str, Review]) -> bool:
    """Required: not passed, or critical. Security and performance: critical only."""
    for role, review in said.items():
        critical = "critical" in [finding.severity for finding in review.findings]
        if critical or (role not in ("security", "performance") and not review.passed):
            return True
    return False


@given(rounds)
def test_a_change_is_kept_back_exactly_when_the_rules_say_so(said: dict[str, Review]) -> None:
    assert (judge_reviews(said) is not None) == kept_back(said)


@given(rounds)
def test_no_finding_is_lost_and_none_is_there_twice(said: dict[str, Review]) -> None:
    found = judge_reviews(said)
    if found is None:
        return
    named = {(r, f.file, f.line, f.issue.strip().lower()) for r, review in said.items() for f in review.findings}
    silent = {(r, "", None) for r, review in said.items() if not review.passed and not review.findings}
    listed = [(r, m.finding.file, m.finding.line, m.finding.issue.strip().lower()) for m in found for r in m.roles]
    assert len(listed) == len(set(listed)) and named <= set(listed)
    assert {row[:3] for row in set(listed) - named} == silent
    places = [(m.finding.file, m.finding.line, m.finding.issue.strip().lower()) for m in found]
    assert len(places) == len(set(places))


@given(rounds)
def test_the_gravest_of_duplicates_counts_and_the_order_is_by_gravity_and_place(said: dict[str, Review]) -> None:
    found = merged({role: review.findings for role, review in said.items()})
    for one in found:
        same = [
            f.severity
            for role in one.roles
            for f in said[role].findings
            if (f.file, f.line, f.issue.strip().lower())
            == (one.finding.file, one.finding.line, one.finding.issue.strip().lower())
        ]
        assert GRAVITY[one.finding.severity] == max(GRAVITY[severity] for severity in same)
    rows = [(-GRAVITY[m.finding.severity], m.finding.file, m.finding.line or 0) for m in found]
    assert rows == sorted(rows)


@given(rounds)
def test_the_order_in_which_reviewers_end_does_not_matter(said: dict[str, Review]) -> None:
    backwards = dict(reversed(said.items()))
    assert judge_reviews(said) == judge_reviews(backwards)


def finding(severity: Severity, **more: object) -> ReviewFinding:
    return ReviewFinding.model_validate({"severity": severity, "issue": "it is wrong", **more})


def test_what_two_roles_name_is_one_line_that_names_both() -> None:
    said = {
        "spec": Review(passed=False, findings=(finding("low", file="a.py", line=3),)),
        "quality": Review(passed=True, findings=(finding("high", file="a.py", line=3, suggestion="mend it"),)),
    }
    found = judge_reviews(said)
    assert found is not None
    assert [one.text for one in found] == ["high (quality, spec) a.py:3: it is wrong (suggestion: mend it)"]


def test_a_verdict_without_a_finding_says_so() -> None:
    found = judge_reviews({"spec": Review(passed=False, summary="I do not like it")})
    assert found is not None
    assert [one.text for one in found] == ["high (spec) not passed, without a finding: I do not like it"]
