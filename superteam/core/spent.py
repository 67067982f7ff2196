"""What dispatches cost, and what they leave for the next one."""

from __future__ import annotations

import re
from dataclasses import dataclass

# It is given to a program as an argument: no option, nothing that no argument can hold.
_SESSION = re.compile(r"[\w.:/@+=][\w.:/@+=-]{0,255}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cost:
    """What dispatches cost; None is unknown (nobody said), never nothing."""

    usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    turns: int | None = None

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
class RateLimit:
    """An agent whose provider takes no work now. `until` is ISO 8601; `waits` counts those in a row, `number` all of
    the run, so that each has a name of its own."""

    until: str
    waits: int
    number: int
