"""The agents that are reached over ACP by name: how each is started, and what is peculiar to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Preset:
    """One program that speaks ACP.

    `install` and `login` are for the user. `needs` are further programs on the PATH. `modes` are session modes in
    which it can write and run commands and asks us first where it asks at all; the first that it offers is set.
    `model` are arguments by which it takes a model, where it has no such option in its sessions. `keys` tells for a
    way to authenticate which of the environment's variables it needs; `environment` is added to its environment.
    `carries_cost` says that the cost it tells is the whole session's in a continued one too, as the protocol wants it.
    """

    command: tuple[str, ...] = ()
    install: str = ""
    login: str = ""
    needs: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    carries_cost: bool = True


UNKNOWN = Preset(login="the agent's own command, or set the variable with its key")

PRESETS: dict[str, Preset] = {
    "claude": Preset(
        command=("claude-agent-acp",),
        install="npm install -g @agentclientprotocol/claude-agent-acp",
        login="`claude auth login`, or set ANTHROPIC_API_KEY",
        modes=("default",),  # the user's own settings may name one that asks nobody, or only plans
        carries_cost=False,  # measured with 0.49.0
    ),
    "codex": Preset(
        command=("codex-acp",),
        install="npm install -g @agentclientprotocol/codex-acp",
        login="`codex login`, or set OPENAI_API_KEY",
        modes=("workspace-write", "auto", "agent"),  # it may begin in "read-only"; "agent" has a model as reviewer
        keys={
            "api-key": ("CODEX_API_KEY", "OPENAI_API_KEY"),
            "codex-api-key": ("CODEX_API_KEY",),
            "openai-api-key": ("OPENAI_API_KEY",),
        },
        environment={"NO_BROWSER": "1"},
    ),
    "gemini": Preset(
        command=("gemini", "--acp"),
        install="npm install -g @google/gemini-cli",
        login="`gemini`, once, or set GEMINI_API_KEY",
        modes=("default",),
        model=("--model", "{model}"),
        keys={"gemini-api-key": ("GEMINI_API_KEY",), "vertex-ai": ("GOOGLE_API_KEY",)},
    ),
    "opencode": Preset(
        command=("opencode", "acp"),
        install="npm install -g opencode-ai",
        login="`opencode auth login`",
        modes=("build",),
    ),
    "pi": Preset(
        command=("pi-acp",),
        install="npm install -g pi-acp @earendil-works/pi-coding-agent",
        login="`pi` and its /login, or set the provider's key",
        needs=("pi",),
    ),
    "goose": Preset(
        command=("goose", "acp"),
        install="https://block.github.io/goose/docs/getting-started/installation",
        login="`goose configure`",
    ),
    "copilot": Preset(
        command=("copilot", "--acp"),
        install="npm install -g @github/copilot",
        login="`copilot` and its /login",
        model=("--model", "{model}"),
    ),
}
