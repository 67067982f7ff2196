"""Which test framework a command calls: one that can be told to report, or none and the reason why."""

from __future__ import annotations

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


def recognise(command: str, tree: Path) -> tuple[Runner, Call] | Untold:
    """The one framework that the command calls and where; several calls, or none, are Untold with the reason."""
    found = [(module, call) for call in find_calls(command, tree) if (module := _runner_of(call, tree))]
    if not found:
        return Untold("no test framework that is known was found in the command")
    if len(found) > 1:
        names = ", ".join(dict.fromkeys(module.NAME for module, _ in found))
        return Untold(
            f"the command starts test frameworks {len(found)} times ({names}), so that reports would be mixed"
        )
    return found[0]


def _runner_of(call: Call, tree: Path) -> Runner | None:
    return next((module for name in RUNNERS if (module := runner(name)).recognises(call, tree)), None)
