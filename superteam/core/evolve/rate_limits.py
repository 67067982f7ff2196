"""Rate limits: an agent whose provider takes no work now is waited for, or the run stops until later."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from superteam.core import events as e
from superteam.core.moments import moment, seconds_until
from superteam.core.run import Run
from superteam.core.spent import RateLimited, RateLimits, Wait

MOST_WAITS = 3  # in a row, after which a provider is not believed any more
SHORTEST = 1.0  # seconds: it may name a moment that is over already


def note_limits(run: Run, event: e.AgentFinished | e.ReviewFinished, at: str) -> Run:
    """A dispatch ended: with a rate limit its agent is waited for, or nothing more begins; else there is none."""
    limits = run.limits
    if event.ended != "rate-limited":
        others = {agent: count for agent, count in limits.in_a_row.items() if agent != event.agent}
        return replace(run, limits=replace(limits, in_a_row=others)) if limits.in_a_row else run
    why = _why_not(run, event, at)
    if why:
        stopped = limits.stopped or RateLimited(event.agent, event.resets_at, why)
        return replace(run, limits=replace(limits, stopped=stopped))
    return replace(run, limits=_wait(limits, event.agent, _later(event.resets_at or at, at)))


def _why_not(run: Run, event: e.AgentFinished | e.ReviewFinished, at: str) -> str:
    """Why the end of the limit is not waited for, in words; nothing where it is."""
    limits = run.limits
    if event.resets_at is None or moment(event.resets_at) is None:
        return "the provider does not say until when"
    if seconds_until(at, event.resets_at) > limits.patience:
        return f"waiting is allowed for {limits.patience:.0f} s" if limits.patience else "waiting is not allowed"
    if event.agent not in limits.waiting and limits.in_a_row.get(event.agent, 0) >= MOST_WAITS:
        return f"it was waited for {MOST_WAITS} times in a row"
    return ""


def _later(until: str, at: str) -> str:
    """The moment, or a little after now if it is over."""
    now = moment(at)
    over = seconds_until(at, until) < SHORTEST and now is not None
    return (now + timedelta(seconds=SHORTEST)).isoformat() if over and now else until


def _wait(limits: RateLimits, agent: str, until: str) -> RateLimits:
    """A new wait for this agent; a longer one in place of one that is under way, which is still the same."""
    known = limits.waiting.get(agent)
    if known and seconds_until(known.until, until) <= 0:
        return limits
    count = limits.in_a_row.get(agent, 0) + (known is None)
    return _begin(replace(limits, in_a_row={**limits.in_a_row, agent: count}), agent, until)


def _begin(limits: RateLimits, agent: str, until: str) -> RateLimits:
    number = limits.begun + 1
    return replace(limits, begun=number, waiting={**limits.waiting, agent: Wait(until, number)})


def wait_ended(run: Run, event: e.WaitEnded) -> Run:
    """The agent's dispatches may begin again."""
    rest = {agent: wait for agent, wait in run.limits.waiting.items() if agent != event.agent}
    return replace(run, limits=replace(run.limits, waiting=rest))


def wait_cancelled(run: Run, event: e.StepCancelled) -> Run:
    """A wait that something else ended is begun anew, under a number of its own."""
    for agent, wait in run.limits.waiting.items():
        if event.key == f"wait:-#{wait.number}-{agent}":
            return replace(run, limits=_begin(run.limits, agent, wait.until))
    return run
