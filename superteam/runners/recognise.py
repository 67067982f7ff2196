"""Which test framework a command calls: one that can be told to report, or none and the reason why."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import cast

from superteam.runners.call import Call, Runner, Untold
from superteam.runners.commands import find_calls

# In the order in which they are asked. Wrappers (npm, make, tox, uv run ...) are no runners: find_calls sees through.
RUNNERS = (
    "pytest",
    "unittest",
    "vitest",
    "jest",
    "playwright",
    "mocha",
    "node_test",
    "bun",
    "deno",
    "bats",
    "gotestsum",
    "go_test",
    "nextest",
    "cargo_test",
    "rspec",
    "phpunit",
    "ctest",
    "surefire",
    "gradle",
    "dotnet",
)


def runner(name: str) -> Runner:
    """The module of this framework."""
    return cast(Runner, import_module(f"superteam.runners.{name}"))


def find_frameworks(command: str, tree: Path) -> list[tuple[Runner, Call]]:
    """Every call of a known test framework in the command, in their order."""
    return [(module, call) for call in find_calls(command, tree) if (module := _runner_of(call, tree))]


def recognise(command: str, tree: Path) -> tuple[Runner, Call] | Untold:
    """The framework that the command calls and where; several calls, or none, are Untold with the reason."""
    found = find_frameworks(command, tree)
    if not found:
        return Untold("no test framework that is known was found in the command")
    if len(found) > 1:
        return Untold(f"the command starts several test frameworks: {names_of(found)}")
    return found[0]


def names_of(found: Iterable[tuple[Runner, Call]]) -> str:
    """The frameworks of these calls, each once."""
    return ", ".join(dict.fromkeys(module.NAME for module, _ in found))


def _runner_of(call: Call, tree: Path) -> Runner | None:
    return next((module for name in RUNNERS if (module := runner(name)).recognises(call, tree)), None)
