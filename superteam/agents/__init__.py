"""Coding agents: one file an adapter. A new kind is a new file, or an entry point of another package."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from superteam.core.settings import AgentDefinition, Settings
from superteam.errors import ConfigError
from superteam.ports import Agent

GROUP = "superteam.agents"

# The names that need no definition; one of the same name in [agents.*] wins.
KNOWN: dict[str, AgentDefinition] = {
    "claude": AgentDefinition(kind="claude"),
    "codex": AgentDefinition(kind="codex"),
    "pi": AgentDefinition(kind="pi"),
    "claude-acp": AgentDefinition(kind="acp", preset="claude"),
    "codex-acp": AgentDefinition(kind="acp", preset="codex"),
    "pi-acp": AgentDefinition(kind="acp", preset="pi"),
    "gemini": AgentDefinition(kind="acp", preset="gemini"),
    "opencode": AgentDefinition(kind="acp", preset="opencode"),
    "goose": AgentDefinition(kind="acp", preset="goose"),
    "copilot": AgentDefinition(kind="acp", preset="copilot"),
}


def make_agent(name: str, settings: Settings, root: Path) -> Agent:
    """The agent with this name: of [agents.*], of an entry point, or a known one; relative paths are relative to
    `root`."""
    from importlib.metadata import entry_points

    definition = settings.agents.get(name)
    if definition is not None:
        return _made(name, definition, root)
    for point in entry_points(group=GROUP, name=name):
        try:
            agent: Agent = point.load()(settings, root)
        except Exception as problem:  # another package's code: its failure must name it
            raise ConfigError(
                f"The agent {name!r} ({point.value}) cannot be made: {problem}.", "Choose another with --agent NAME."
            ) from problem
        return agent
    if name in KNOWN:
        return _made(name, KNOWN[name], root)
    raise ConfigError(
        f"There is no agent {name!r}; the choices are: {', '.join(choices(settings))}.",
        f'Define it: [agents.{name}] with kind = "command" and command = [...] in superteam.toml.',
    )


def _made(name: str, definition: AgentDefinition, root: Path) -> Agent:
    """The adapter of this kind is imported when it is used: not each needs the libraries of the others."""
    agent: Agent = import_module(f"superteam.agents.{definition.kind}").make(name, definition, root)
    return agent


def choices(settings: Settings) -> list[str]:
    """The names that can be used as an agent."""
    from importlib.metadata import entry_points

    return sorted({*settings.agents, *KNOWN, *(point.name for point in entry_points(group=GROUP))})
