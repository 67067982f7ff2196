"""What a stream of events has said up to now, and its figures: pure values."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace

from superteam.agents.command import passed_limit
from superteam.agents.fields import number
from superteam.core.settings import Rates
from superteam.ports import Limits

_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class Heard:
    """What a stream has said up to now. Figures are as the agent counts them: see `Session`.

    `cost_usd` is of this dispatch, `total_usd` of the whole session where the agent tells no more than that.
    `began` says that a session was opened, `finished` that the result was told; `problem` is the error that it told.
    `retries` and `refusals` (of the key) are counted until something succeeds; `limited` is a rate limit that has not
    been overcome since, `waits` the seconds until the agent tries again. `limit` is a budget that the agent held.
    `recent` is for dialects that repeat the figures of a message: (its id, its tokens).
    """

    began: bool = False
    finished: bool = False
    session: str = ""
    turns: int = 0
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    total_usd: float | None = None
    message: str = ""
    problem: str = ""
    denied: tuple[str, ...] = ()
    retries: int = 0
    refusals: int = 0
    limited: bool = False
    resets_at: str | None = None
    waits: float = 0.0
    limit: str = ""
    recent: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """A session to continue. Agents whose figures go on counting from there need those of its end to subtract them.

    Written as one text: the id, then the figures that `Dialect.carried` names, each after an @.
    """

    id: str
    figures: tuple[float, ...] = ()


def progress(heard: Heard) -> Heard:
    """After a success: what failed before it was overcome."""
    return replace(heard, problem="", retries=0, refusals=0, limited=False, resets_at=None, waits=0.0)


def session_of(written: str | None) -> Session | None:
    """The session that an earlier report named; None if that is not one of ours."""
    name, *figures = (written or "").split("@")[:8]
    if not _SESSION.fullmatch(name):
        return None
    with suppress(ValueError):
        return Session(name, tuple(number(float(figure)) or 0.0 for figure in figures))
    return Session(name)


def session_text(heard: Heard, carried: tuple[str, ...]) -> str | None:
    """The session as it stands in a report, with the figures that its continuation will go on from."""
    if not _SESSION.fullmatch(heard.session):  # it becomes an argument of a command line
        return None
    return "@".join((heard.session, *(f"{getattr(heard, name) or 0:.10g}" for name in carried)))


def own(heard: Heard, carried: tuple[str, ...], session: Session | None, rates: Rates | None) -> Heard:
    """The figures of this dispatch alone, in US dollars too where the user gave rates."""
    before = dict(zip(carried, session.figures if session else (), strict=False))
    told = {name: figure for name in before if (figure := getattr(heard, name)) is not None}
    grown = [figure - before[name] for name, figure in told.items()]
    if min(grown, default=0) >= 0 < max(grown, default=0):  # else this version of the agent begins anew at zero
        heard = replace(heard, **{name: type(figure)(figure - before[name]) for name, figure in told.items()})
    if heard.cost_usd is None:
        heard = replace(heard, cost_usd=heard.total_usd)
    if rates is None or heard.cost_usd is not None or heard.input_tokens is None or heard.output_tokens is None:
        return heard
    return replace(heard, cost_usd=priced(rates, heard.input_tokens, heard.cached_tokens or 0, heard.output_tokens))


def priced(rates: Rates, input_tokens: int, cached: int, output_tokens: int) -> float:
    """What tokens cost in US dollars; `cached` are those of the input that were read from a cache."""
    cached = min(cached, input_tokens)
    reread = rates.input if rates.cached_input is None else rates.cached_input
    return ((input_tokens - cached) * rates.input + cached * reread + output_tokens * rates.output) / 1e6


def exceeded(heard: Heard, limits: Limits) -> str:
    """The maximum that a dispatch has passed, "" if none; what is unknown passes nothing."""
    tokens = (heard.input_tokens or 0) + (heard.output_tokens or 0)
    return passed_limit(limits, heard.cost_usd, tokens, heard.turns)
