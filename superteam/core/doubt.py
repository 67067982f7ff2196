"""Suspects: a test alone, many times on both trees, in an order that is random and yet always the same.

Source: shared/verdicts.md, section 4, step 5. Strict alternation would make a test that fails every second run look
like a regression by its phase.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import comb
from typing import Literal

RUNS = 10  # on each tree
LEVEL = 0.05

Side = Literal["task", "reference"]


@dataclass(frozen=True, slots=True)
class Tally:
    """How often the test failed, of how many runs, on the task's tree and at the reference."""

    failed: int
    runs: int
    failed_there: int
    runs_there: int


def fisher(tally: Tally) -> float:
    """Fisher's exact test, one-sided: the chance of at least so many failures on the task's tree."""
    total, bad = tally.runs + tally.runs_there, tally.failed + tally.failed_there
    ways = comb(total, bad)
    most = min(bad, tally.runs)
    return sum(comb(tally.runs, k) * comb(tally.runs_there, bad - k) for k in range(tally.failed, most + 1)) / ways


def settled(tally: Tally) -> bool | None:
    """True for a regression, False for a flake, None while the runs that are left could still decide it.

    Curtailed: runs that cannot change the answer are not made, and the answer is that of all of them.
    """
    left, left_there = max(0, RUNS - tally.runs), max(0, RUNS - tally.runs_there)
    worst = Tally(tally.failed + left, tally.runs + left, tally.failed_there, tally.runs_there + left_there)
    best = Tally(tally.failed, tally.runs + left, tally.failed_there + left_there, tally.runs_there + left_there)
    if fisher(worst) >= LEVEL:
        return False
    return True if fisher(best) < LEVEL else None


def sides(seed: str) -> tuple[Side, ...]:
    """The order of all runs: a shuffle by hashes of the seed, so that it is the same after a resume."""
    runs: list[tuple[str, Side]] = []
    for number in range(RUNS):
        for side in ("task", "reference"):
            digest = sha256(f"{seed} {side} {number}".encode(errors="surrogatepass")).hexdigest()
            runs.append((digest, side))
    return tuple(side for _, side in sorted(runs))


def next_side(seed: str, tried: int, tried_there: int, tally: Tally) -> Side | None:
    """The tree on which the test is run next, or None when that is settled or both have had their runs."""
    if settled(tally) is not None:
        return None
    order = sides(seed)
    done = {"task": tried, "reference": tried_there}
    for side in order:
        if done[side] == 0:
            return side
        done[side] -= 1
    return None
