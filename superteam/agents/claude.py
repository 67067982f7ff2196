"""Claude Code: `claude -p --output-format stream-json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from superteam.agents.fields import count, field, moment, number, objects, text, total
from superteam.agents.heard import Heard, Session, progress
from superteam.agents.refusals import after, is_limited, resets_at
from superteam.agents.stream import Dialect, StreamAgent, make_stream_agent, shown_text, shown_tool
from superteam.core.settings import AgentDefinition
from superteam.ports import Brief

_RECENT = 32  # messages whose figures may still be repeated: those of subagents come interleaved
_ALWAYS = ("-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits", "--allowedTools")


def arguments(brief: Brief, session: Session | None) -> list[str]:
    """The prompt comes on standard input. Claude itself holds a budget in US dollars: we hear of them at its end."""
    return [
        *_ALWAYS,
        "Bash",
        *(["--model", brief.model] if brief.model else []),
        *(["--effort", brief.effort] if brief.effort else []),
        *(["--resume", session.id] if session else []),
        *(["--max-budget-usd", f"{brief.limits.usd:.6f}"] if brief.limits.usd is not None else []),
        *brief.arguments,
    ]


def read(heard: Heard, event: dict[str, Any], now: datetime) -> Heard:
    """What this event adds to what was heard."""
    match event.get("type"), event.get("subtype"):
        case "system", "init":
            return replace(heard, began=True, session=text(event.get("session_id")))
        case "system", "api_retry":
            return _retried(heard, event, now)
        case "system", "permission_denied":
            return replace(heard, denied=(*heard.denied, text(event.get("tool_name")))[-50:])
        case "rate_limit_event", _:
            return _rate_limit(heard, event)
        case "assistant", _:
            return _assistant(heard, event)
        case "result", subtype:
            return _result(heard, event, text(subtype), now)
    return heard


def _retried(heard: Heard, event: dict[str, Any], now: datetime) -> Heard:
    """A request failed and is tried again."""
    status, error = count(event.get("error_status")), text(event.get("error"))
    rejected = status in (401, 403) or error == "authentication_failed"
    limited = status == 429 or error == "rate_limit"
    waits = (number(event.get("retry_delay_ms")) or 0.0) / 1000
    return replace(
        heard,
        retries=heard.retries + 1,
        refusals=heard.refusals + rejected,
        limited=limited,
        waits=waits,
        resets_at=(after(now, waits) or heard.resets_at) if limited and waits >= 1 else heard.resets_at,
        problem=" ".join(filter(None, ("the server answered", str(status or ""), error))),
    )


def _rate_limit(heard: Heard, event: dict[str, Any]) -> Heard:
    """The state of a subscription's limit; it can be passed where more is paid for."""
    info = event.get("rate_limit_info")
    if field(info, "status") != "rejected":
        return heard
    paid = field(info, "isUsingOverage") is True or field(info, "overageStatus") in ("allowed", "allowed_warning")
    return replace(heard, limited=not paid, resets_at=moment(field(info, "resetsAt")) or heard.resets_at)


def _assistant(heard: Heard, event: dict[str, Any]) -> Heard:
    """An answer of the model: several events, that repeat its usage, can have the same message id."""
    message = event.get("message")
    said = "\n".join(
        text(part.get("text")) for part in objects(field(message, "content")) if part.get("type") == "text"
    )
    error = text(event.get("error"))
    if error:  # made up by claude itself, to tell of a failure
        limited = heard.limited or error == "rate_limit"
        return replace(heard, problem=said or error, limited=limited, refusals=heard.refusals + (error == _NO_LOGIN))
    usage = field(message, "usage")
    name, tokens = text(field(message, "id")), _input(usage) or 0
    known = dict(heard.recent)
    return replace(
        progress(heard),
        finished=False,
        turns=heard.turns + (name not in known),
        input_tokens=(heard.input_tokens or 0) + tokens - known.get(name, 0),
        output_tokens=(heard.output_tokens or 0) + (0 if name in known else count(field(usage, "output_tokens")) or 0),
        recent=tuple({**known, name: tokens}.items())[-_RECENT:],
        message=said.strip() or heard.message,
    )


_NO_LOGIN = "authentication_failed"


def _input(usage: Any) -> int | None:
    """All tokens that were sent, those read from a cache and written to it included."""
    return total(*(field(usage, f"{kind}input_tokens") for kind in ("", "cache_creation_", "cache_read_")))


def _result(heard: Heard, event: dict[str, Any], subtype: str, now: datetime) -> Heard:
    """The end. `subtype` is "success" with `is_error` too; usage is of this call, the total cost is not."""
    usage, said = event.get("usage"), text(event.get("result"))
    failed = event.get("is_error") is True or subtype.startswith("error")
    failed = failed or (said != "" and said == heard.problem)  # the failure that it told last is no result
    errors = event.get("errors")
    problem = (
        said or "; ".join(map(text, errors[:5] if isinstance(errors, list) else ())) or subtype or "no reason told"
    )
    status = count(event.get("api_error_status"))
    limited = failed and (status == 429 or heard.limited or (status is None and is_limited(problem)))
    denied = tuple(_denied(denial) for denial in objects(event.get("permission_denials"))[:50])
    return replace(
        heard,
        finished=True,
        session=text(event.get("session_id")) or heard.session,
        cost_usd=_cost(heard, event.get("model_usage_since_last_result")),
        total_usd=number(event.get("total_cost_usd")),
        input_tokens=_input(usage) if _input(usage) else heard.input_tokens,
        cached_tokens=count(field(usage, "cache_read_input_tokens")),
        output_tokens=count(field(usage, "output_tokens")) or heard.output_tokens,
        message="" if failed else said or heard.message,
        problem=problem if failed else "",
        denied=denied or heard.denied,
        limited=limited,
        resets_at=(heard.resets_at or resets_at(problem, now)) if limited else None,
        refusals=heard.refusals + (failed and status in (401, 403)),
        limit="max-usd" if subtype == "error_max_budget_usd" else "",
    )


def _cost(heard: Heard, models: Any) -> float | None:
    """What was spent since the last result is added; versions that do not tell it tell the session's total alone."""
    told = [number(field(model, "costUSD")) for model in models.values()] if isinstance(models, dict) else [None]
    spent = [cost for cost in told if cost is not None]
    return (heard.cost_usd or 0.0) + sum(spent) if len(spent) == len(told) else heard.cost_usd


def _denied(denial: dict[str, Any]) -> str:
    return f"{text(denial.get('tool_name'))} {_aim(denial.get('tool_input'))}".strip()[:400]


def _aim(given: Any) -> str:
    """What a tool was to be used on."""
    for key in ("command", "file_path", "notebook_path", "path", "pattern", "url", "query", "description"):
        if found := text(field(given, key)):
            return found
    return json.dumps(given)[:400] if given else ""


def shown(event: dict[str, Any]) -> Iterator[str]:
    """The event in lines for a person."""
    if event.get("type") == "assistant":
        for part in objects(field(event, "message", "content")):
            if part.get("type") == "text":
                yield from shown_text(text(part.get("text")))
            elif part.get("type") == "tool_use":
                name = text(part.get("name"))
                yield from shown_tool("$" if name == "Bash" else name.lower(), _aim(part.get("input")))
    elif event.get("subtype") == "api_retry":
        why = f"{count(event.get('error_status')) or ''} {text(event.get('error'))[:100]}"
        yield f"(request failed: {why.strip()}; trying again)"


DIALECT = Dialect(
    program="claude",
    install="npm install -g @anthropic-ai/claude-code",
    login="claude auth login, or set ANTHROPIC_API_KEY",
    arguments=arguments,
    read=read,
    shown=shown,
    carried=("total_usd",),
)


def make(name: str, definition: AgentDefinition, root: Path) -> StreamAgent:
    """The agent that [agents.NAME] defines."""
    return make_stream_agent(name, definition, root, DIALECT)
