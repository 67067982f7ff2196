"""What a dispatch of a stream agent came to: first what we did to it, then its exit code, then its stream."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from superteam import process
from superteam.agents.command import Ended as Ended
from superteam.agents.command import how_it_ended, out_of_time, read_result
from superteam.agents.heard import own, session_text
from superteam.agents.verdict import read_review
from superteam.ports import AgentReport, Brief

if TYPE_CHECKING:
    from superteam.agents.stream import Ear

_TEXT = 16_384  # characters of an agent's text that go into a report


@dataclass(frozen=True, slots=True)
class _Verdict:
    ended: Ended
    detail: str = ""
    limit: str = ""


def report(ear: Ear, done: process.Completed) -> AgentReport:
    """What the dispatch came to: what we did, the exit code, the stream; and what the agent wrote as its result."""
    heard = own(ear.heard, ear.agent.dialect.carried, ear.session, ear.agent.rates)
    verdict = judged(ear, done)
    figures = AgentReport(
        ended=verdict.ended,
        exit_code=done.exit.code,
        detail=cleaned(verdict.detail, ear.redact),
        cost_usd=heard.cost_usd,
        input_tokens=heard.input_tokens,
        output_tokens=heard.output_tokens,
        turns=heard.turns or None,
        leftovers=done.leftovers,
        limit=verdict.limit,
        resets_at=heard.resets_at if verdict.ended == "rate-limited" else None,
        denied=tuple(cleaned(denial, ear.redact) for denial in heard.denied),
    )
    if verdict.ended not in ("done", "failed"):
        return figures
    session = session_text(ear.heard, ear.agent.dialect.carried)
    return worded(figures, ear.brief, ear.heard.message, session, ear.redact)


def judged(ear: Ear, done: process.Completed) -> _Verdict:
    """How the dispatch ended. What is said after our own signal is an answer to it."""
    brief, heard, ended, login = ear.brief, ear.heard, done.exit, ear.agent.dialect.login
    if out_of_time(brief, ended):
        return _Verdict("over-budget", "the agent was ended: its time (max-time) is used up", "max-time")
    if ended.timed_out:
        return _Verdict("idle" if ended.ended_by == "idle" else "timed-out", how_it_ended(ended, ""))
    if ended.ended_by == "stopped" and ear.reason != "result":
        return _stopped(ear, login)
    if heard.limit:
        return _Verdict("over-budget", f"the agent ended itself at {heard.limit}", heard.limit)
    problem = _problem(ear, done)
    if not problem:
        denied = f"the agent was not allowed to use: {'; '.join(heard.denied[:5])}" if heard.denied else ""
        return _Verdict("done", "; ".join(filter(None, (denied, _dropped(ear)))))
    if heard.limited:
        return _Verdict("rate-limited", heard.problem or problem)
    return _Verdict("failed", f"{problem}\nLog in with: {login}" if heard.refusals else problem)


def _stopped(ear: Ear, login: str) -> _Verdict:
    if ear.reason == "limit":
        return _Verdict("over-budget", f"the agent was stopped: it passed {ear.passed}", ear.passed)
    if ear.reason == "rate-limit":
        return _Verdict("rate-limited", ear.problem)
    if ear.reason == "key":
        return _Verdict("failed", f"the provider rejects the login: {ear.problem}\nLog in with: {login}")
    return _Verdict("failed", f"the agent has no connection and was stopped; it said last:\n{ear.problem}")


def _problem(ear: Ear, done: process.Completed) -> str:
    """What went wrong, "" if nothing did."""
    heard, last_words = ear.heard, done.stderr_tail.strip()
    ours = done.exit.ended_by == "stopped"  # after its result: then the exit code is our doing
    if heard.problem and heard.finished:
        return f"the agent ended with an error: {heard.problem}"
    if done.exit.code != 0 and not ours:
        return how_it_ended(done.exit, heard.problem or last_words or heard.message)
    if heard.finished:
        return ""
    words = heard.problem or last_words or heard.message
    why = f"the agent's stream ended without its result{_dropped(ear, ' (', ')')}"
    return why + (f"; it said last:\n{words}" if words else "")


def _dropped(ear: Ear, before: str = "", after: str = "") -> str:
    many = ear.lines.dropped
    return f"{before}{many} lines longer than {ear.lines.limit} bytes were not read{after}" if many else ""


def worded(found: AgentReport, brief: Brief, said: str, session: str | None, redact: process.Redactor) -> AgentReport:
    """With the agent's words: its result file if it wrote one, else what it said last; and a reviewer's verdict.

    A dispatch whose words cannot be read has ended "unreadable"; only one that is done has a `session` to continue.
    """
    result, problem = read_result(brief)
    message, question = cleaned(said, redact), (result.question or "").strip()
    ended, detail, review = found.ended, found.detail, None
    if problem and ended == "done":
        ended, detail = "unreadable", problem
    if brief.role == "review" and ended == "done" and not question:
        review, problem = read_review(brief, message)
        ended, detail = ("done", detail) if review else ("unreadable", "; ".join(filter(None, (detail, problem))))
    return replace(
        found,
        ended=ended,
        detail=detail,
        summary=_cut(result.summary or message, brief),
        claims=tuple(_cut(claim, brief) for claim in result.claims),
        deviations=tuple(_cut(deviation, brief) for deviation in result.deviations),
        question=_cut(question, brief) or None,
        session=session if ended == "done" else None,
        review=review,
    )


def cleaned(said: str, redact: process.Redactor) -> str:
    """A text of the agent's without the secrets of its environment."""
    return redact(said.encode(errors="replace")).decode(errors="replace")


def _cut(said: str, brief: Brief) -> str:
    if len(said) <= _TEXT:
        return said
    return f"{said[:_TEXT]}\n[superteam: cut here; the whole is in {brief.output}]"


def shortest(*times: float | None) -> float | None:
    """The shortest of these limits of time, None if there is none."""
    return min((limit for limit in times if limit is not None), default=None)
