"""What a dispatch over ACP came to: first what we did, then how the program ended, then what the agent answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from superteam import process
from superteam.agents.acp_dialogue import CARRIED, Dialogue
from superteam.agents.acp_session import AUTH_REQUIRED
from superteam.agents.command import how_it_ended
from superteam.agents.fields import field as at
from superteam.agents.fields import moment, text
from superteam.agents.heard import session_text
from superteam.agents.refusals import is_limited, is_rejected, resets_at
from superteam.agents.stream_report import Ended, cleaned, worded
from superteam.agents.verdict import last_block
from superteam.ports import AgentReport

_READ = 4096  # characters of an error that are looked at
_OURS = {
    "idle": "the agent sent nothing for {idle:g} s and was ended",
    "timed-out": "the agent ran longer than {timeout:g} s and was ended",
    "over-budget": "the agent was stopped: it passed {limit}",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a dispatch ended; `detail` in words, `resets_at` of a rate limit."""

    ended: Ended
    detail: str = ""
    resets_at: str | None = None


def report(dialogue: Dialogue, done: process.Completed) -> AgentReport:
    """The report; an agent that we ended has nothing to say but what it has cost."""
    figures, outcome = dialogue.figures(), dialogue.outcome
    found = judged(dialogue, done, datetime.now().astimezone())
    told = AgentReport(
        ended=found.ended,
        exit_code=done.exit.code if done.exit.ended_by == "exit" else None,
        detail=cleaned("; ".join(filter(None, (outcome.note, found.detail))), dialogue.redact),
        cost_usd=figures.cost_usd,
        input_tokens=figures.input_tokens,
        output_tokens=figures.output_tokens,
        turns=figures.turns or None,
        leftovers=done.leftovers,
        limit=outcome.limit,
        resets_at=found.resets_at,
        denied=tuple(cleaned(denial, dialogue.redact) for denial in outcome.denied),
    )
    if found.ended not in ("done", "failed"):
        return told
    words = dialogue.told.words
    session = session_text(dialogue.counted(), CARRIED)
    said = words.last()
    if dialogue.brief.role == "review" and last_block(said) is None:
        said = words.all()
    return worded(told, dialogue.brief, said, session, dialogue.redact)


def judged(dialogue: Dialogue, done: process.Completed, now: datetime) -> Judgement:
    """How the dispatch ended."""
    outcome, brief = dialogue.outcome, dialogue.brief
    if outcome.ours:
        words = _OURS[outcome.ours].format(idle=brief.idle_timeout, timeout=brief.timeout, limit=outcome.limit)
        return Judgement(outcome.ours, words)
    if outcome.error is not None:
        return _failed(dialogue, *outcome.error, now)
    if outcome.problem:
        return Judgement("failed", outcome.problem)
    if outcome.answer is None:
        return Judgement("failed", _unanswered(done))
    reason = text(outcome.answer.get("stopReason"))
    if reason != "end_turn":
        return Judgement("failed", f"the agent ended its turn early: {reason[:100] or 'it does not say why'}")
    if dialogue.told.broken:
        return Judgement("failed", f"the agent ended with an error: {dialogue.told.words.last()[:_READ]}")
    denied = f"the agent was not allowed: {'; '.join(outcome.denied[:5])}" if outcome.denied else ""
    return Judgement("done", denied)


def _failed(dialogue: Dialogue, code: Any, message: str, data: Any, now: datetime) -> Judgement:
    """An error instead of an answer: a rate limit, a missing login, or whatever the agent says."""
    limit = dialogue.told.rate_limit
    kind, said = at(data, "errorKind"), f"{message} {_whole(data)}"[:_READ]
    words = f"the agent answered with an error: {message[:_READ]}" + (f" ({detail})" if (detail := _more(data)) else "")
    if kind == "rate_limit" or code == 429 or (kind is None and code != AUTH_REQUIRED and is_limited(said)):
        told = moment(at(limit, "resetsAt")) if at(limit, "status") == "rejected" else None
        return Judgement("rate-limited", words, told or resets_at(said, now))
    if code == AUTH_REQUIRED or kind == "authentication_failed" or is_rejected(said):
        return Judgement("failed", f"{words}\nLog in with: {dialogue.preset.login}")
    return Judgement("failed", words)


def _whole(data: Any) -> str:
    try:
        return json.dumps(data)
    except RecursionError:
        return ""


def _more(data: Any) -> str:
    """What an error tells beside its message, which is often no more than "Internal error"."""
    said = text(at(data, "details")) or text(at(data, "message")) or text(data)
    return said[:_READ]


def _unanswered(done: process.Completed) -> str:
    """The program ended before it answered."""
    last_words = done.stderr_tail.strip()
    if done.exit.code != 0:
        return how_it_ended(done.exit, last_words)
    return "the agent's program ended before it answered" + (f"; it said last:\n{last_words}" if last_words else "")
