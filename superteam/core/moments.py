"""Moments as texts: ISO 8601, compared as times. What a provider or an agent wrote may be no moment at all."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(text: str) -> datetime | None:
    """The moment in UTC; None for what is none. A time without a zone is UTC."""
    try:
        found = datetime.fromisoformat(text.strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def as_utc(text: str) -> str | None:
    """The same moment as ISO 8601 in UTC, to the second or finer."""
    found = moment(text)
    return found.isoformat() if found else None


def seconds_until(at: str, then: str) -> float:
    """Seconds from one moment to another, negative if that is over; 0 where one of them is no moment."""
    begins, ends = moment(at), moment(then)
    return (ends - begins).total_seconds() if begins and ends else 0.0
