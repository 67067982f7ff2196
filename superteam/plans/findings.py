"""What a reader has found out so far: collected, so that people can mend everything at once."""

from __future__ import annotations

from superteam.core.plan import Finding, Severity

LIMIT = 100


class Findings:
    """Errors and warnings in the order in which they were met; behind LIMIT of a kind further ones are only counted."""

    def __init__(self) -> None:
        self._kept: dict[Severity, list[Finding]] = {"error": [], "warning": []}
        self._more: dict[Severity, int] = {"error": 0, "warning": 0}

    def error(self, code: str, message: str, line: int | None) -> None:
        """Adds something that keeps the plan from being run."""
        self._add("error", code, message, line)

    def warning(self, code: str, message: str, line: int | None) -> None:
        """Adds something that a person should look at."""
        self._add("warning", code, message, line)

    @property
    def failed(self) -> bool:
        """Whether there is an error among them."""
        return bool(self._kept["error"])

    def all(self) -> tuple[Finding, ...]:
        """All that was kept, by line, with a mark where some were left out."""
        kept = [finding for severity in ("error", "warning") for finding in self._listed(severity)]
        return tuple(sorted(kept, key=lambda finding: (finding.line is None, finding.line or 0)))

    def _add(self, severity: Severity, code: str, message: str, line: int | None) -> None:
        if len(self._kept[severity]) < LIMIT:
            self._kept[severity].append(Finding(severity=severity, code=code, message=message, line=line))
        else:
            self._more[severity] += 1

    def _listed(self, severity: Severity) -> list[Finding]:
        kept, more = self._kept[severity], self._more[severity]
        if not more:
            return kept
        return [*kept, Finding(severity=severity, code="more", message=f"{more} more {severity}s are not listed")]
