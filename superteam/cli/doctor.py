"""`superteam doctor`: says what is missing and the command that mends it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from superteam.cli.console import Style, emit_json, say

if TYPE_CHECKING:
    from superteam.app.doctor import Check

_STYLES: dict[str, Style | None] = {"ok": None, "warning": "yellow", "problem": "red"}


def doctor(
    config: Annotated[Path | None, typer.Option(help="A further configuration file.", metavar="FILE")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Say what would stop a run here and how it is mended; exits 2 if anything would. Changes nothing."""
    from superteam.app.doctor import examine, stops_a_run

    checks: list[Check] = []
    for check in examine(Path.cwd(), config):
        checks.append(check)
        if not json:
            _show(check)
    stopped = stops_a_run(tuple(checks))
    if json:
        document = [asdict(check) for check in checks]
        emit_json({"schema": "superteam.doctor.v1", "ok": not stopped, "checks": document})
    else:
        say(_end(checks))
    return 2 if stopped else 0


def _show(check: Check) -> None:
    text = " ".join(check.text.split())
    say(f"{check.state:<8} {check.name}: {text}", _STYLES[check.state])
    if check.fix:
        say(f"         -> {check.fix}")


def _end(checks: list[Check]) -> str:
    problems = sum(check.state == "problem" for check in checks)
    warnings = sum(check.state == "warning" for check in checks)
    if problems:
        many = "1 problem" if problems == 1 else f"{problems} problems"
        return f"{many}: a run cannot start here yet"
    told = f", {warnings} to look at" if warnings else ""
    return f"nothing stops a run here{told}; next: superteam execute plan.md"
