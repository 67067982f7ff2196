"""Which of the agents that need no definition are installed on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """An agent by the name that `agent.use` takes: its program, how a person logs in to it, what else it needs."""

    name: str
    program: str
    login: str
    needs: tuple[str, ...] = ()


# In the order in which they are chosen.
AGENTS = (
    Known("claude", "claude", "claude, then /login; or set ANTHROPIC_API_KEY"),
    Known("codex", "codex", "codex login; or set OPENAI_API_KEY"),
    Known("pi", "pi", "pi, then /login; or set the key of your provider"),
    Known("gemini", "gemini", "gemini, then /auth; or set GEMINI_API_KEY"),
    Known("opencode", "opencode", "opencode auth login"),
    Known("goose", "goose", "goose configure"),
    Known("copilot", "copilot", "copilot, then /login"),
    Known("claude-acp", "claude-agent-acp", "claude, then /login; or set ANTHROPIC_API_KEY"),
    Known("codex-acp", "codex-acp", "codex login; or set OPENAI_API_KEY"),
    Known("pi-acp", "pi-acp", "pi, then /login; or set the key of your provider", needs=("pi",)),
)


@dataclass(frozen=True, slots=True)
class Installed:
    """A known agent with the file that its program is."""

    agent: Known
    path: str


def installed(path: str | None, which: Callable[..., str | None] = shutil.which) -> tuple[Installed, ...]:
    """The known agents whose programs a PATH has, in the order of choice."""
    whole = [agent for agent in AGENTS if all(which(program, path=path) for program in agent.needs)]
    found = ((agent, which(agent.program, path=path)) for agent in whole)
    return tuple(Installed(agent, file) for agent, file in found if file)


def login_of(name: str) -> str | None:
    """How a person logs in to an agent of this name; None for an agent of the user's own."""
    return next((agent.login for agent in AGENTS if agent.name == name), None)
