"""What providers say when they take no work: limits with the time of their end, and rejected keys.

The texts are a provider's and reach us through an agent: patterns over them are bounded, and times are sanity-checked.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from superteam.agents.fields import moment

_READ = 4096  # characters of a text that are looked at
_LIMITED = re.compile(
    r"rate[ _-]?limit|usage[ _-]?limit|too many requests|(?<![0-9])429(?![0-9])|quota|hit your limit|limit reached",
    re.I,
)
_REJECTED = re.compile(
    r"(?<![0-9])40[13](?![0-9])|unauthorized|forbidden|authentication|not logged in|please run /login"
    r"|(?:invalid|incorrect|no|missing) (?:x-)?api[ _-]?key",
    re.I,
)
_EPOCH = re.compile(r"resets?_?(?:at|on)[\"']{0,2} {0,2}[:=|]? {0,2}(?:unix )?([0-9]{10,13})(?![0-9])", re.I)
_SECONDS = re.compile(
    r"(?:resets_in_seconds|retry[ _-]after(?:_seconds)?)[\"']{0,2} {0,2}[:=]? {0,2}([0-9]{1,8})", re.I
)
_STAMP = re.compile(
    r"(20[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9])?)(?:\.[0-9]{1,9})?(?:Z|\+00:?00)"
)
_SPAN = re.compile(
    r"(?:try again|retry|resets?) (?:in|after) ((?:[0-9]{1,9}(?:\.[0-9]{1,9})? ?[a-z]{1,12}[ ,]{0,2}){1,4})", re.I
)
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([a-z]{1,12})", re.I)
_CLOCK = re.compile(
    r"(?:try again at|resets?(?: at)?) (?:(?P<month>[a-z]{3})[a-z]{0,6} (?P<day>[0-9]{1,2})(?:st|nd|rd|th)?,? "
    r"(?:(?P<year>20[0-9]{2}),? )?(?:at )?)?(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2}))? ?(?P<half>[ap])m",
    re.I,
)
_UNITS = {"ms": 0.001, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600,
          "hour": 3600, "d": 86400, "day": 86400, "w": 604800, "week": 604800}  # fmt: skip
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST = timedelta(days=60)


def is_limited(said: str) -> bool:
    """Whether a provider's error says that a rate or usage limit is reached."""
    return _LIMITED.search(said[:_READ]) is not None


def is_rejected(said: str) -> bool:
    """Whether a provider's error says that the login or the key is not accepted."""
    return _REJECTED.search(said[:_READ]) is not None


def resets_at(said: str, now: datetime) -> str | None:
    """When a limit ends, as its text says it (ISO 8601, UTC); None if it does not, or says nonsense.

    `now` must know its time zone: a bare "3:05 PM" is meant in it.
    """
    said = said[:_READ]
    if found := _EPOCH.search(said):
        return _within(moment(int(found[1])), now)
    if found := _STAMP.search(said):
        return _within(_parsed(found[1]), now)
    if found := _SECONDS.search(said):
        return after(now, float(found[1]))
    if (found := _SPAN.search(said)) and (seconds := _span(found[1])) is not None:
        return after(now, seconds)
    found = _CLOCK.search(said)
    return _clock(found, now) if found else None


def after(now: datetime, seconds: float) -> str | None:
    """The time so many seconds from now, rounded up to a whole one; None if that is beyond all reason."""
    if not 0 <= seconds <= _LONGEST.total_seconds():
        return None
    return _iso(now + timedelta(seconds=int(seconds) + (seconds % 1 > 0)))


def _span(said: str) -> float | None:
    """Seconds of "2 days 3 hours", "1h2m3s", "11.054s"; None if a unit is unknown."""
    seconds = 0.0
    for amount, name in _PART.findall(said):
        unit = _UNITS.get(name.lower()) or _UNITS.get(name.lower().removesuffix("s"))
        if unit is None:
            return seconds or None
        seconds += float(amount) * unit
    return seconds


def _clock(found: re.Match[str], now: datetime) -> str | None:
    """The next time that a clock shows this, in the zone of `now`."""
    hour = int(found["hour"]) % 12 + (12 if found["half"].lower() == "p" else 0)
    try:
        then = now.replace(hour=hour, minute=int(found["minute"] or 0), second=0, microsecond=0)
        if not found["month"]:
            return _within(_iso(then if then > now else then + timedelta(days=1)), now)
        month = _MONTHS.index(found["month"].lower()) + 1
        return _within(_iso(then.replace(year=int(found["year"] or now.year), month=month, day=int(found["day"]))), now)
    except ValueError:
        return None


def _parsed(stamp: str) -> str | None:
    try:
        return _iso(datetime.fromisoformat(stamp).replace(tzinfo=UTC))
    except ValueError:
        return None


def _within(found: str | None, now: datetime) -> str | None:
    """The time, unless it is further away than any limit lasts."""
    if found is None:
        return None
    return found if abs(datetime.fromisoformat(found) - now) <= _LONGEST else None


def _iso(then: datetime) -> str:
    return then.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
