"""Words and numbers as people read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from superteam.cli.console import Style, sanitise
from superteam.core.finding import SHOWN, Finding, ranked

Level = Literal["step", "good", "bad", "warning", "question"]
STYLES: dict[str, Style] = {"good": "green", "bad": "red", "warning": "yellow", "question": "bold"}
TEXT_LIMIT = 300
NAMED = 3


def one_line(text: str, limit: int = TEXT_LIMIT) -> str:
    """Foreign text as one harmless line, cut with a mark."""
    clean = " ".join(sanitise(text[: limit * 4]).split())
    return clean if len(clean) <= limit and len(text) <= limit * 4 else clean[:limit].rstrip() + " [...]"


def clock(seconds: float) -> str:
    """A span of time as 00:12 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def some_of(ids: Sequence[str], shown: int = NAMED) -> str:
    """The first of these names, and how many more there are."""
    more = f" and {len(ids) - shown} more" if len(ids) > shown else ""
    return ", ".join(one_line(id, 120) for id in ids[:shown]) + more


def most_important(found: Iterable[Finding], words: Callable[[Finding], str], everything: str) -> list[str]:
    """The first findings by rank, one a line, and how many more there are; `everything` is the command for all."""
    listed = ranked(found)
    lines = [f"  {words(finding)}" for finding in listed[:SHOWN]]
    hidden = sum(_counted(finding) for finding in listed[SHOWN:])
    return [*lines, f"  and {hidden} more: {everything}"] if hidden else lines


def _counted(finding: Finding) -> int:
    """How many findings this one stands for; the last one may only say how many are not listed."""
    number = finding.detail.partition(" ")[0] if finding.kind == "more" else ""
    return int(number) if number.isdecimal() else 1


def many(count: int, noun: str) -> str:
    """A number with its noun, in the plural where it needs one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def counted(counts: dict[str, int]) -> str:
    """Counts of outcomes, without those that are nothing."""
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items() if number) or "no counts"
