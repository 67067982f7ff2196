"""`superteam plan check`: reads and lints a plan; runs its commands only when asked to."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from superteam.cli.adjust import register
from superteam.cli.console import emit_json, note, say

plan = typer.Typer(
    help="Check a plan document, or change what is left of a run.", no_args_is_help=True, rich_markup_mode=None
)


@plan.callback()
def _group() -> None:
    """Work with plan documents."""


@plan.command()
def check(
    path: Annotated[Path, typer.Argument(help="A plan document, or the folder of a GSD phase.", metavar="PLAN")],
    on_base: Annotated[bool, typer.Option("--on-base", help="Run the plan's commands on HEAD: must be red.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    trust_plan: Annotated[bool, typer.Option("--trust-plan", help="Approve the commands in the plan.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Read and lint a plan; exits 2 if it has an error. Runs nothing, except with --on-base."""
    from superteam.cli.config import repository_root
    from superteam.errors import PlanError
    from superteam.plans import load_plan
    from superteam.plans.check import check_plan

    if not path.is_file() and not path.is_dir():
        text = "give the path of a plan document, or of a folder of GSD plans: superteam plan check PLAN"
        raise PlanError(f"there is no plan at {path}", text)
    root = repository_root(Path.cwd())
    found, findings = load_plan(path.resolve(), root)
    if found is not None:
        findings = tuple(dict.fromkeys((*findings, *check_plan(found, root, _has_default_gate(root)))))
    if found is not None and on_base and not _failed(findings, strict=False):
        findings = (*findings, *_on_base(found, trust_plan, json))
    failed = found is None or _failed(findings, strict)
    if json:
        emit_json(_document(found, findings))
    else:
        _show(path, found, findings, failed)
        if failed and not _failed(findings, strict=False):
            say("warnings count as errors here (--strict)")
    return 2 if failed else 0


register(plan)


def _failed(findings: Any, strict: bool) -> bool:
    return any(strict or finding.severity == "error" for finding in findings)


def _on_base(found: Any, trusted: bool, json: bool) -> Any:
    """The findings of the plan's own commands on a clean tree of HEAD, once they are trusted."""
    from superteam.app.checking import check_on_base
    from superteam.app.plans import require_trust
    from superteam.app.project import open_project

    terminal = not json and sys.stdin.isatty() and sys.stderr.isatty()
    project = open_project(Path.cwd())
    require_trust(project, found, trusted, _confirm if terminal else None, command="plan check --on-base")
    return check_on_base(project, found, note)


def _confirm(text: str) -> bool:
    note(text)
    return typer.confirm("Run these commands?", default=False, err=True)


def _has_default_gate(root: Path) -> bool:
    import os

    from superteam.config import load

    return load(root, environ=os.environ).settings.validation_command is not None


def _document(found: Any, findings: Any) -> dict[str, Any]:
    return {
        "schema": "superteam.plan.v1",
        "format": found.format if found else None,
        "title": found.title if found else None,
        "tasks": [_task(task) for task in found.tasks] if found else [],
        "findings": [finding.model_dump(mode="json") for finding in findings],
    }


def _task(task: Any) -> dict[str, Any]:
    """What the contract says of a task; `part` and `wave` only where a task has them."""
    keys = {"id", "title", "description", "files", "depends_on", "gate", "kind"}
    keys |= {key for key in ("part", "wave") if getattr(task, key)}
    return dict(task.model_dump(mode="json", include=keys))


def _show(path: Path, found: Any, findings: Any, failed: bool) -> None:
    for finding in findings:
        say(f"{_place(path, finding)}:{finding.line or 1}: {finding.severity}: {finding.message} [{finding.code}]")
    if found is not None:
        errors = sum(finding.severity == "error" for finding in findings)
        warnings = len(findings) - errors
        counts = ", ".join((_many(len(found.tasks), "task"), _many(errors, "error"), _many(warnings, "warning")))
        say(f"{path}: {found.format}, {counts}")
        if not failed:
            say(f"next: superteam execute {shlex.quote(str(path))}")


def _place(path: Path, finding: Any) -> str:
    """The document of a folder that a finding is about, else the plan itself."""
    return str(path / Path(finding.path).name if finding.path else path)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
