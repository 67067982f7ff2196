"""Coding agents: one file an adapter. A new kind is a new line of BUILT_IN, or an entry point of another package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from superteam.agents import command, scripted
from superteam.core.settings import AgentDefinition, Settings
from superteam.errors import ConfigError
from superteam.ports import Agent

GROUP = "superteam.agents"

BUILT_IN: dict[str, Callable[[str, AgentDefinition, Path], Agent]] = {
    "command": command.make,
    "scripted": scripted.make,
}


def make_agent(name: str, settings: Settings, root: Path) -> Agent:
    """The agent with this name: of [agents.*], else of an entry point; relative paths are relative to `root`."""
    from importlib.metadata import entry_points

    definition = settings.agents.get(name)
    if definition is not None:
        return BUILT_IN[definition.kind](name, definition, root)
    for point in entry_points(group=GROUP, name=name):
        try:
            agent: Agent = point.load()(settings, root)
        except Exception as problem:  # another package's code: its failure must name it
            raise ConfigError(
                f"The agent {name!r} ({point.value}) cannot be made: {problem}.", "Choose another with --agent NAME."
            ) from problem
        return agent
    known = choices(settings)
    raise ConfigError(
        f"There is no agent {name!r}; " + (f"the choices are: {', '.join(known)}." if known else "none is defined."),
        f'Define it: [agents.{name}] with kind = "command" and command = [...] in superteam.toml.',
    )


def choices(settings: Settings) -> list[str]:
    """The names that can be used as an agent."""
    from importlib.metadata import entry_points

    return sorted({*settings.agents, *(point.name for point in entry_points(group=GROUP))})
