"""Codex: `codex exec --json`. It tells tokens and no cost, and both only at the end of its work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from superteam.agents.fields import count, field, objects, text
from superteam.agents.heard import Heard, Session, progress
from superteam.agents.refusals import is_limited, is_rejected, resets_at
from superteam.agents.stream import Dialect, StreamAgent, make_stream_agent, shown_text, shown_tool
from superteam.core.settings import AgentDefinition
from superteam.ports import Brief

# Items that are a use of a tool: codex does not tell its requests, so each counts as a turn, and each message does.
_TOOLS = {"command_execution", "file_change", "mcp_tool_call", "web_search", "collab_tool_call"}
# The sandbox is set as configuration: so the user's own `--sandbox` wins, and is not an option that was given twice.
_ALWAYS = ("exec", "--json", "--config", 'sandbox_mode="workspace-write"', "--skip-git-repo-check")


def arguments(brief: Brief, session: Session | None) -> list[str]:
    """The prompt comes on standard input, for which "-" stands. Options stand before the command `resume`: it knows
    fewer."""
    return [
        *_ALWAYS,
        *(["--model", brief.model] if brief.model else []),
        *(["--config", f"model_reasoning_effort={json.dumps(brief.effort)}"] if brief.effort else []),
        *brief.arguments,
        *(["resume", session.id] if session else []),
        "-",
    ]


def read(heard: Heard, event: dict[str, Any], now: datetime) -> Heard:
    """What this event adds to what was heard."""
    match event.get("type"):
        case "thread.started":
            return replace(heard, began=True, session=text(event.get("thread_id")))
        case "item.completed":
            return _item(heard, event.get("item"))
        case "turn.completed":
            return _completed(heard, event.get("usage"))
        case "turn.failed":
            return replace(_refused(heard, text(field(event, "error", "message")), now), finished=True)
        case "error":  # codex tries again, and says how often; or this is the end
            return replace(_refused(heard, text(event.get("message")), now), retries=heard.retries + 1)
    return heard


def _item(heard: Heard, item: Any) -> Heard:
    kind = text(field(item, "type"))
    if kind == "agent_message":
        said = text(field(item, "text")).strip()
        return replace(progress(heard), turns=heard.turns + 1, message=said or heard.message)
    if kind in _TOOLS:
        refused = field(item, "status") == "declined"
        denied = (*heard.denied, _aim(item))[-50:] if refused else heard.denied
        return replace(progress(heard), turns=heard.turns + 1, denied=denied)
    return heard  # reasoning and plans; an item of type "error" is a warning


def _completed(heard: Heard, usage: Any) -> Heard:
    return replace(
        progress(heard),
        finished=True,
        input_tokens=count(field(usage, "input_tokens")),
        cached_tokens=count(field(usage, "cached_input_tokens")),
        output_tokens=count(field(usage, "output_tokens")),
    )


def _refused(heard: Heard, said: str, now: datetime) -> Heard:
    problem = said or heard.problem or "no reason told"
    limited = heard.limited or is_limited(said)
    return replace(
        heard,
        problem=problem,
        refusals=heard.refusals + is_rejected(said),
        limited=limited,
        resets_at=(resets_at(said, now) or heard.resets_at) if limited else None,
    )


def _aim(item: Any) -> str:
    changes = ", ".join(text(change.get("path")) for change in objects(field(item, "changes"))[:20])
    return (text(field(item, "command")) or changes or text(field(item, "tool")) or text(field(item, "query")))[:400]


def shown(event: dict[str, Any]) -> Iterator[str]:
    """The event in lines for a person."""
    item = event.get("item")
    kind, begins = text(field(item, "type")), event.get("type") == "item.started"
    if kind == "command_execution" and begins:
        yield from shown_tool("$", _aim(item))
    elif kind == "agent_message" and not begins:
        yield from shown_text(text(field(item, "text")))
    elif kind in _TOOLS and kind != "command_execution" and not begins:
        yield from shown_tool("edit" if kind == "file_change" else kind.replace("_", " "), _aim(item))
    elif event.get("type") == "error":
        yield from shown_text(f"({text(event.get('message'))})")


DIALECT = Dialect(
    program="codex",
    install="npm install -g @openai/codex",
    login="codex login, or set the key of your provider",
    arguments=arguments,
    read=read,
    shown=shown,
    carried=("input_tokens", "cached_tokens", "output_tokens"),
)


def make(name: str, definition: AgentDefinition, root: Path) -> StreamAgent:
    """The agent that [agents.NAME] defines."""
    return make_stream_agent(name, definition, root, DIALECT)
