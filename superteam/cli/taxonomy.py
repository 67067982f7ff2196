"""`superteam taxonomy`: what is done about each failure type, and who says so."""

from __future__ import annotations

from typing import Annotated

import typer

from superteam.cli.config import ConfigOption, JsonOption, load_here, parse_actions
from superteam.cli.console import emit_json, say, table
from superteam.core.failures import DEFAULT_ACTIONS, FailureType, action_for

ActionOption = Annotated[
    list[str] | None,
    typer.Option("--action", metavar="TYPE=ACTION", help="What is done about a failure type; may be repeated."),
]


def taxonomy(action: ActionOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print the effective failure type to action table, each row with its origin."""
    actions = parse_actions(action or [])
    found = load_here(config, {"failure-actions": actions} if actions else None)
    rows = [
        (type.value, action_for(type, found.settings).value, found.origins.get(f"failure-actions.{type}", "default"))
        for type in FailureType
    ]
    if as_json:
        emit_json({"schema": "superteam.taxonomy.v1", "failure_types": [_row(*row) for row in rows]})
    else:
        say(table([("failure type", "action", "origin"), *rows]))


def _row(type: str, action: str, origin: str) -> dict[str, str]:
    return {"type": type, "action": action, "default": DEFAULT_ACTIONS[FailureType(type)].value, "origin": origin}
