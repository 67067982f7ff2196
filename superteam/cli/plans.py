"""`superteam plan check`: reads and lints a plan, runs nothing."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from superteam.cli.adjust import register
from superteam.cli.console import emit_json, say

plan = typer.Typer(help="Work with plan documents.", no_args_is_help=True, rich_markup_mode=None)


@plan.callback()
def _group() -> None:
    """Work with plan documents."""


@plan.command()
def check(
    path: Annotated[Path, typer.Argument(help="The plan document.", metavar="PLAN")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Read and lint a plan; runs nothing, exits 2 if it has an error."""
    from superteam.cli.config import repository_root
    from superteam.errors import PlanError
    from superteam.plans import load_plan
    from superteam.plans.check import check_plan

    if not path.is_file():
        raise PlanError(f"there is no plan at {path}", "give the path of a plan document: superteam plan check PLAN")
    root = repository_root(Path.cwd())
    found, findings = load_plan(path.resolve(), root)
    if found is not None:
        findings = tuple(dict.fromkeys((*findings, *check_plan(found, root, _has_default_gate(root)))))
    failed = found is None or any(finding.severity == "error" for finding in findings)
    if json:
        emit_json(_document(found, findings))
    else:
        _show(path, found, findings)
    return 2 if failed else 0


register(plan)


def _has_default_gate(root: Path) -> bool:
    import os

    from superteam.config import load

    return load(root, environ=os.environ).settings.validation_command is not None


def _document(found: Any, findings: Any) -> dict[str, Any]:
    keys = {"id", "title", "description", "files", "depends_on", "gate", "kind"}
    return {
        "schema": "superteam.plan.v1",
        "format": found.format if found else None,
        "title": found.title if found else None,
        "tasks": [task.model_dump(mode="json", include=keys) for task in found.tasks] if found else [],
        "findings": [finding.model_dump(mode="json") for finding in findings],
    }


def _show(path: Path, found: Any, findings: Any) -> None:
    for finding in findings:
        say(f"{path}:{finding.line or 1}: {finding.severity}: {finding.message} [{finding.code}]")
    if found is not None:
        errors = sum(finding.severity == "error" for finding in findings)
        warnings = len(findings) - errors
        counts = ", ".join((_many(len(found.tasks), "task"), _many(errors, "error"), _many(warnings, "warning")))
        say(f"{path}: {found.format}, {counts}")
        if not errors:
            say(f"next: superteam execute {shlex.quote(str(path))}")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
