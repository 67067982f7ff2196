"""pi: `pi --mode json`. It ends with exit code 0 whatever happened: its last message says how it went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from superteam.agents.fields import field, number, objects, text, total
from superteam.agents.heard import Heard, Session, progress
from superteam.agents.refusals import after, is_limited, is_rejected, resets_at
from superteam.agents.stream import Dialect, StreamAgent, make_stream_agent, shown_text, shown_tool
from superteam.core.settings import AgentDefinition
from superteam.ports import Brief


def arguments(brief: Brief, session: Session | None) -> list[str]:
    """The prompt comes on standard input. A model may be written as "provider/name"."""
    return [
        "--mode",
        "json",
        "-p",
        *(["--model", brief.model] if brief.model else []),
        *(["--thinking", brief.effort] if brief.effort else []),
        *(["--session", session.id] if session else []),
        *brief.arguments,
    ]


def read(heard: Heard, event: dict[str, Any], now: datetime) -> Heard:
    """What this event adds to what was heard."""
    match event.get("type"):
        case "session":
            return replace(heard, began=True, session=text(event.get("id")))
        case "message_end" if field(event, "message", "role") == "assistant":
            return _assistant(heard, event["message"], now)
        case "agent_start":
            return replace(heard, finished=False)
        case "agent_end":
            return replace(heard, finished=True)
        case "auto_retry_start":
            return _retried(heard, event, now)
    return heard


def _assistant(heard: Heard, message: dict[str, Any], now: datetime) -> Heard:
    """An answer of the model; only its end counts, since its figures are repeated in other events."""
    usage, stop = message.get("usage"), message.get("stopReason")
    told = total(*(field(usage, key) for key in ("input", "cacheRead", "cacheWrite")))
    heard = replace(
        heard,
        input_tokens=total(heard.input_tokens, told),
        cached_tokens=total(heard.cached_tokens, field(usage, "cacheRead")),
        output_tokens=total(heard.output_tokens, field(usage, "output")),
        cost_usd=_cost(heard, number(field(usage, "cost", "total"))),
    )
    if stop in ("error", "aborted"):
        return _refused(heard, text(message.get("errorMessage")) or f"the last answer was {stop}", now)
    parts = objects(message.get("content"))
    if not parts:
        return _refused(heard, "the last answer was empty", now)
    said = "\n".join(text(part.get("text")) for part in parts if part.get("type") == "text").strip()
    # An answer that is cut short, if it is the last one, has ended work in the middle.
    problem = "the last answer was cut at the model's maximum length" if stop == "length" else ""
    return replace(progress(heard), turns=heard.turns + 1, message=said or heard.message, problem=problem)


def _cost(heard: Heard, told: float | None) -> float | None:
    """The sum. For a model without prices pi says 0, which is not known: rates can still be given."""
    return (heard.cost_usd or 0.0) + told if told else heard.cost_usd


def _refused(heard: Heard, said: str, now: datetime) -> Heard:
    limited = is_limited(said)
    return replace(
        heard,
        problem=said,
        refusals=heard.refusals + is_rejected(said),
        limited=limited,
        resets_at=resets_at(said, now) or heard.resets_at if limited else None,
    )


def _retried(heard: Heard, event: dict[str, Any], now: datetime) -> Heard:
    waits = (number(event.get("delayMs")) or 0.0) / 1000
    found = replace(heard, finished=False, retries=heard.retries + 1, waits=waits)
    return replace(found, resets_at=heard.resets_at or after(now, waits)) if heard.limited and waits > 60 else found


def shown(event: dict[str, Any]) -> Iterator[str]:
    """The event in lines for a person."""
    match event.get("type"):
        case "message_end" if field(event, "message", "role") == "assistant":
            for part in objects(field(event, "message", "content")):
                yield from shown_text(text(part.get("text")) if part.get("type") == "text" else "")
        case "tool_execution_start":
            name, given = text(event.get("toolName")), event.get("args")
            yield from shown_tool("$" if name == "bash" else name, field(given, "command") or field(given, "path"))
        case "auto_retry_start":
            yield f"(request failed: {text(event.get('errorMessage'))[:200]}; trying again)"


DIALECT = Dialect(
    program="pi",
    install="npm install -g @earendil-works/pi-coding-agent",
    login="pi, then /login in it, or set the key of your provider",
    arguments=arguments,
    read=read,
    shown=shown,
    skipped=(b'{"type":"message_update"', b'{"type":"tool_execution_update"'),
)


def make(name: str, definition: AgentDefinition, root: Path) -> StreamAgent:
    """The agent that [agents.NAME] defines."""
    return make_stream_agent(name, definition, root, DIALECT)
