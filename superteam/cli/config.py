"""`superteam config`: what is configured, where it says so, and what could be configured."""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from superteam.cli.console import emit_json, say, table
from superteam.errors import ConfigError

if TYPE_CHECKING:
    from superteam.config import Configuration

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A further, stronger configuration file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print every key with its value and where it was written."""
    found = load_here(config)
    if as_json:
        emit_json(_document(found))
        return
    values = _values(found)
    say(table([(key, _shown(values[key]), origin) for key, origin in found.origins.items()]))


@app.command()
def check(config: ConfigOption = None) -> None:
    """Say whether it can be used; exit 2 with all mistakes if not."""
    found = load_here(config)
    files = ", ".join(str(file) for file in found.files)
    say(f"the configuration is valid ({files or 'no file: all values are defaults'})")


@app.command()
def schema() -> None:
    """Print the JSON Schema of superteam.toml, for editors."""
    emit_json(_json_schema())


def load_here(config: Path | None, options: dict[str, Any] | None = None) -> Configuration:
    """The effective configuration for the current directory's repository."""
    from superteam.config import load

    return load(repository_root(Path.cwd()), config=config, options=options, environ=os.environ)


def repository_root(start: Path) -> Path:
    """The nearest folder at or above `start` that holds `.git` (a file in linked worktrees), else `start`."""
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), start)


def parse_actions(values: list[str]) -> dict[str, str]:
    """Reads `TYPE=ACTION` options; ConfigError names every wrong one. The last one for a type counts."""
    from superteam.core.failures import Action, FailureType

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


def _document(found: Configuration) -> dict[str, Any]:
    return {
        "schema": "superteam.config.v1",
        "files": [str(file) for file in found.files],
        "settings": found.settings.model_dump(mode="json", by_alias=True),
        "origins": dict(found.origins),
    }


def _values(found: Configuration) -> dict[str, Any]:
    from superteam.config import dotted, leaves

    return {dotted(path): value for path, value in leaves(found.settings.model_dump(mode="json", by_alias=True))}


def _shown(value: Any) -> str:
    """As in TOML; a value that is not set has none."""
    if value is None:
        return "-"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def _json_schema() -> dict[str, Any]:
    """The model's schema, with the short forms that its validators take: durations in words and "every-3"."""
    from pydantic.json_schema import GenerateJsonSchema

    from superteam.core.settings import Settings, seconds

    class Generator(GenerateJsonSchema):
        """Knows that a duration may be a text."""

        def function_before_schema(self, schema: Any) -> dict[str, Any]:
            inner = super().function_before_schema(schema)
            if schema["function"]["function"] is not seconds:
                return inner
            return {"anyOf": [inner, {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[smh]?\s*$"}]}

    found = Settings.model_json_schema(by_alias=True, schema_generator=Generator)
    cadence = found["properties"]["validation-cadence"]
    cadence["anyOf"] = [{"enum": cadence.pop("enum")}, {"pattern": "^every-[1-9][0-9]*$"}]
    return {"$schema": GenerateJsonSchema.schema_dialect, **found}
