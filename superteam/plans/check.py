"""`superteam plan check`: the pure rules, and what only the repository's folder can tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from superteam.core.plan import Finding, Plan
from superteam.core.plan_rules import check, file_problem, quoted
from superteam.core.scope import outside


def check_plan(plan: Plan, root: Path, has_default_gate: bool) -> tuple[Finding, ...]:
    """Findings about a plan that could be read; the reader's own are in `plan.findings`."""
    return (*check(plan, has_default_gate=has_default_gate), *_outside(plan, root), *_missing(plan, root))


def _outside(plan: Plan, root: Path) -> Iterator[Finding]:
    """Files that look harmless and lead out of the repository over a link."""
    home = root.resolve()
    for task in plan.tasks:
        for path in task.files:
            if file_problem(path) is None and not _stays(path, home):
                message = f"the file {quoted(path)} of task {quoted(task.id)} leaves the repository over a link"
                yield Finding(severity="error", code="bad-file", message=message, line=task.line or None)


def _missing(plan: Plan, root: Path) -> Iterator[Finding]:
    """Files that the document takes to be there, and that neither are nor are named by an earlier task."""
    declared: set[str] = set()
    for task in plan.tasks:
        for path in task.modifies:
            if file_problem(path) is None and not (_is_there(path, root) or _is_declared(path, declared)):
                message = f"task {quoted(task.id)} modifies {quoted(path)}, which does not exist"
                yield Finding(severity="warning", code="missing-file", message=message, line=task.line or None)
        declared.update(path.removeprefix("./") for path in task.files)
    declared.update(part.output for part in plan.parts if part.output)
    for part in plan.parts:
        for path in dict.fromkeys(part.references):
            if file_problem(path) is not None or not (_is_there(path, root) or _is_declared(path, declared)):
                message = f"the context of plan {part.id} refers to {quoted(path)}, which is not in the repository"
                yield Finding(severity="warning", code="missing-file", message=message, path=part.path)


def _is_declared(path: str, declared: set[str]) -> bool:
    """Whether one of these paths is the file, or a folder or glob that it lies in."""
    plain = path.removeprefix("./")
    wide = [other for other in declared if other.endswith("/") or "*" in other]
    return plain in declared or (bool(wide) and not outside([plain], wide))


def _is_there(path: str, root: Path) -> bool:
    """Whether the path exists. Globs are not looked for, which could take long."""
    try:
        return "*" in path or (root / path).exists()
    except (OSError, ValueError):
        return False


def _stays(path: str, home: Path) -> bool:
    try:
        return (home / path).resolve().is_relative_to(home)
    except (OSError, RuntimeError, ValueError):
        return True
