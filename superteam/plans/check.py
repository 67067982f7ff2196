"""`superteam plan check`: the pure rules, and what only the repository's folder can tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from superteam.core.plan import Finding, Plan
from superteam.core.plan_rules import check, file_problem, quoted


def check_plan(plan: Plan, root: Path, has_default_gate: bool) -> tuple[Finding, ...]:
    """Findings about a plan that could be read; the reader's own are in `plan.findings`."""
    return (*check(plan, has_default_gate=has_default_gate), *_outside(plan, root))


def _outside(plan: Plan, root: Path) -> Iterator[Finding]:
    """Files that look harmless and lead out of the repository over a link."""
    home = root.resolve()
    for task in plan.tasks:
        for path in task.files:
            if file_problem(path) is None and not _stays(path, home):
                message = f"the file {quoted(path)} of task {quoted(task.id)} leaves the repository over a link"
                yield Finding(severity="error", code="bad-file", message=message, line=task.line or None)


def _stays(path: str, home: Path) -> bool:
    try:
        return (home / path).resolve().is_relative_to(home)
    except (OSError, RuntimeError, ValueError):
        return True
