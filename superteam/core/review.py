"""What reviewers say of a change, and the rule that turns their verdicts into one answer (issue 4, point 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
OPTIONAL = frozenset({"security", "performance"})  # these roles block on critical findings only


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReviewFinding(_Frozen):
    """One thing that a reviewer found; `file` and `line` say where, as far as the reviewer did."""

    severity: Severity
    issue: str
    file: str = ""
    line: int | None = None
    suggestion: str = ""


class Review(_Frozen):
    """A reviewer's verdict on a commit: its own words, which are data."""

    passed: bool
    findings: tuple[ReviewFinding, ...] = ()
    summary: str = ""


class MergedFinding(_Frozen):
    """A finding and all roles that named it, in the order of their names."""

    finding: ReviewFinding
    roles: tuple[str, ...]

    @property
    def text(self) -> str:
        """The finding as one line: severity, roles, place, issue and suggestion."""
        found = self.finding
        line = "" if found.line is None else f":{found.line}"
        place = f" {found.file}{line}:" if found.file else ""
        hint = f" (suggestion: {found.suggestion})" if found.suggestion else ""
        return f"{found.severity} ({', '.join(self.roles)}){place} {found.issue}{hint}"


def blocks(role: str, review: Review) -> bool:
    """Whether this verdict keeps the change back: any critical finding does, and a required role that did not pass."""
    if any(finding.severity == "critical" for finding in review.findings):
        return True
    return not review.passed and role not in OPTIONAL


def judge_reviews(reviews: Mapping[str, Review]) -> tuple[MergedFinding, ...] | None:
    """None when no verdict blocks; else all findings of all roles, merged, for one fix dispatch.

    A role that did not pass the change and named nothing gets a finding that says so.
    """
    if not any(blocks(role, review) for role, review in reviews.items()):
        return None
    return merged({role: _findings(review) for role, review in reviews.items()})


def _findings(review: Review) -> tuple[ReviewFinding, ...]:
    if review.passed or review.findings:
        return review.findings
    said = f": {review.summary}" if review.summary else ""
    return (ReviewFinding(severity="high", issue=f"not passed, without a finding{said}"),)


def merged(findings: Mapping[str, tuple[ReviewFinding, ...]]) -> tuple[MergedFinding, ...]:
    """The findings by severity, file and line; what several roles say of one place in the same words is there once.

    Of such duplicates the gravest severity counts, and the first suggestion by the role's name.
    """
    groups: dict[tuple[str, int | None, str], list[tuple[str, ReviewFinding]]] = {}
    for role in sorted(findings):
        for finding in findings[role]:
            groups.setdefault((finding.file, finding.line, _words(finding.issue)), []).append((role, finding))
    return tuple(sorted((_one(group) for group in groups.values()), key=_order))


def _words(text: str) -> str:
    return " ".join(text.casefold().split())


def _one(group: list[tuple[str, ReviewFinding]]) -> MergedFinding:
    gravest = min((finding for _, finding in group), key=lambda finding: SEVERITIES.index(finding.severity))
    hint = next((finding.suggestion for _, finding in group if finding.suggestion), "")
    roles = tuple(dict.fromkeys(role for role, _ in group))
    return MergedFinding(finding=gravest.model_copy(update={"suggestion": hint}), roles=roles)


def _order(found: MergedFinding) -> tuple[int, str, int, str]:
    finding = found.finding
    return SEVERITIES.index(finding.severity), finding.file, finding.line or 0, _words(finding.issue)
