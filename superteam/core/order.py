"""Order dependence: bisects what ran before a test for the one test that makes it fail (verdicts.md, 4, step 6).

A span is a range of places (from, to) in the order of the run in which the test failed.
"""

from __future__ import annotations

from collections.abc import Mapping

Span = tuple[int, int]


def next_span(place: int, tried: Mapping[Span, bool]) -> Span | None:
    """The span to run before the test next; None when the polluter is found, or cannot be found this way."""
    found = _narrow(place, tried)
    return found if found is not None and found not in tried else None


def polluter(place: int, tried: Mapping[Span, bool]) -> Span | None:
    """The span of the one test that makes the other fail, once it is known."""
    found = _narrow(place, tried)
    return found if found is not None and tried.get(found) and found[1] - found[0] == 1 else None


def _narrow(place: int, tried: Mapping[Span, bool]) -> Span | None:
    """The smallest span that is not yet tried or is known to be enough; None where no single half is."""
    span = (0, place)
    if place < 1:
        return None
    while tried.get(span):
        low, high = span
        if high - low == 1:
            return span
        halves = (low, (low + high) // 2), ((low + high) // 2, high)
        open_half = next((half for half in halves if tried.get(half, True)), None)
        if open_half is None:
            return None  # it takes several of them together
        span = open_half
    return span if span not in tried else None
