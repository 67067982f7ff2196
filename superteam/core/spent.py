"""What dispatches cost, and what they leave for the next one: a session, or a rate limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# It is given to a program as an argument: no option, nothing that no argument can hold.
_SESSION = re.compile(r"[\w.:/@+=][\w.:/@+=-]{0,255}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cost:
    """What dispatches cost; None is unknown (nobody said), never nothing. `attempts` are those that count as one,
    `silent` those that did not say their `usd`."""

    usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    turns: int | None = None
    attempts: int = 0
    silent: int = 0

    @property
    def tokens(self) -> int | None:
        """Input and output together; None while neither is known."""
        known = [n for n in (self.input_tokens, self.output_tokens) if n is not None]
        return sum(known) if known else None

    def plus(self, more: Cost) -> Cost:
        """Both together; what one of them does not know adds nothing."""
        return Cost(
            usd=_sum(self.usd, more.usd),
            input_tokens=_count(self.input_tokens, more.input_tokens),
            output_tokens=_count(self.output_tokens, more.output_tokens),
            turns=_count(self.turns, more.turns),
            attempts=self.attempts + more.attempts,
            silent=self.silent + more.silent,
        )


NOTHING_SAID = Cost()


def _sum(known: float | None, more: float | None) -> float | None:
    return known if more is None else (known or 0) + more


def _count(known: int | None, more: int | None) -> int | None:
    return known if more is None else (known or 0) + more


@dataclass(frozen=True, slots=True)
class Session:
    """An agent's own session that the next dispatch may continue: by the same agent with the same model, in the same
    work tree (`slot`), since programs look for it by folder. `asked`: it ended with a question."""

    id: str
    agent: str
    model: str | None
    slot: int
    asked: bool = False


def usable_session(id: str | None) -> str | None:
    """The id of a session if a program can be given it."""
    return id if id and _SESSION.fullmatch(id) else None


@dataclass(frozen=True, slots=True)
class Wait:
    """The rate limit of an agent that is waited for: `until` (ISO 8601) when, `number` of all waits of the run."""

    until: str
    number: int


@dataclass(frozen=True, slots=True)
class RateLimited:
    """The rate limit of an agent that is not waited for, and why; `until` is None where the provider did not say."""

    agent: str
    until: str | None
    why: str


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The providers that have had enough. This process may wait `patience` seconds; `waiting` are the agents for which
    it does, `in_a_row` how often that was done with nothing else between, `begun` the waits of the whole run. With
    `stopped` nothing more begins."""

    patience: float = 0.0
    waiting: Mapping[str, Wait] = field(default_factory=dict)
    in_a_row: Mapping[str, int] = field(default_factory=dict)
    begun: int = 0
    stopped: RateLimited | None = None


NO_LIMITS = RateLimits()
