"""`superteam taxonomy`: what is done about each failure type, and who says so. Here is also how --action is read."""

from __future__ import annotations

import difflib
from typing import Annotated

import typer

from superteam.cli.config import ConfigOption, JsonOption, load_here
from superteam.cli.console import emit_json, say, table
from superteam.core.failures import DEFAULT_ACTIONS, Action, FailureType, action_for
from superteam.errors import ConfigError

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


def parse_actions(values: list[str]) -> dict[str, str]:
    """Reads `TYPE=ACTION` options; ConfigError names every wrong one. The last one for a type counts."""
    found: dict[str, str] = {}
    mistakes: list[str] = []
    for value in values:
        type, equals, action = (part.strip() for part in value.partition("="))
        if not equals:
            mistakes.append(f"--action {value}: write TYPE=ACTION, e.g. test-flake=escalate")
        mistakes += _unknown(value, "failure type", type, list(FailureType)) if equals else []
        mistakes += _unknown(value, "action", action, list(Action)) if equals else []
        found[type] = action
    if mistakes:
        raise ConfigError("\n  ".join(mistakes), "`superteam taxonomy` prints all failure types and their actions")
    return found


def _unknown(option: str, noun: str, name: str, known: list[str]) -> list[str]:
    if name in known:
        return []
    nearest = difflib.get_close_matches(name, known, n=1)
    meant = f"did you mean {nearest[0]}? " if nearest else ""
    return [f"--action {option}: unknown {noun} {name!r}; {meant}valid: {', '.join(known)}"]


def _row(type: str, action: str, origin: str) -> dict[str, str]:
    return {"type": type, "action": action, "default": DEFAULT_ACTIONS[FailureType(type)].value, "origin": origin}
