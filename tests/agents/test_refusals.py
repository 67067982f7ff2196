"""When a limit ends, as providers say it in words; and which words are about a limit or a key."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.agents.refusals import after, is_limited, is_rejected, resets_at

NOW = datetime(2026, 11, 21, 15, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ("Rate limit reached for gpt-5. Please try again in 11.054s.", "2026-11-21T15:00:12Z"),
        ("Please try again in 20m", "2026-11-21T15:20:00Z"),
        ("try again in 1h2m3s", "2026-11-21T16:02:03Z"),
        ("You've hit your usage limit. Try again in 3 days 4 hours 5 minutes.", "2026-11-24T19:05:00Z"),
        ("please retry after 30 seconds", "2026-11-21T15:00:30Z"),
        ("try again in 250ms", "2026-11-21T15:00:01Z"),
        ('{"resets_in_seconds": 60}', "2026-11-21T15:01:00Z"),
        ('"retry-after": 60', "2026-11-21T15:01:00Z"),
        ('{"type":"usage_limit_reached","resets_at":1795300000}', "2026-11-21T22:26:40Z"),
        ("Claude AI usage limit reached|1795300000 resets_at|1795300000", "2026-11-21T22:26:40Z"),
        ("resets at 2026-11-21T16:00:00Z", "2026-11-21T16:00:00Z"),
        ("try again at 3:05 PM.", "2026-11-21T15:05:00Z"),
        ("try again at 2:05 PM.", "2026-11-22T14:05:00Z"),
        ("5-hour limit reached - resets 12am", "2026-11-22T00:00:00Z"),
        ("resets 10:26pm (UTC)", "2026-11-21T22:26:00Z"),
        ("try again at Nov 23rd, 2026 3:21 PM.", "2026-11-23T15:21:00Z"),
        ("try again at November 23, 3:21 PM.", "2026-11-23T15:21:00Z"),
    ],
)
def test_a_time_in_words_is_read(said: str, then: str) -> None:
    assert resets_at(said, NOW) == then


def test_a_clock_is_read_in_the_zone_of_the_machine() -> None:
    assert resets_at("try again at 6:05 PM", NOW.astimezone(timezone(timedelta(hours=2)))) == "2026-11-21T16:05:00Z"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Try again later.",
        "try again in a while",
        "try again in 5 parsecs",
        "try again in 99999999 days",
        "resets_at: 9999999999",
        "try again at 3:99 PM",
        "try again at Feb 31st, 2026 3:21 PM",
        "try again at Foo 1st, 2026 3:21 PM",
        "resets at 2026-13-45T29:00:00Z",
    ],
)
def test_nonsense_is_no_time(said: str) -> None:
    assert resets_at(said, NOW) is None


@given(st.text(max_size=300) | st.from_regex(r"(try again (in|at)|resets?(_at)?) [0-9 :apmdhs,.]{0,40}"))
def test_any_text_is_read_and_a_time_is_within_reason(said: str) -> None:
    then = resets_at(said, NOW)
    assert then is None or abs(datetime.fromisoformat(then) - NOW) <= timedelta(days=61)
    is_limited(said)
    is_rejected(said)


@given(st.floats(min_value=0, max_value=5_000_000))
def test_a_time_from_now_is_never_too_early(seconds: float) -> None:
    then = after(NOW, seconds)
    assert then is not None
    assert 0 <= (datetime.fromisoformat(then) - NOW).total_seconds() - seconds <= 1


@pytest.mark.parametrize("text", ["try again in ", "resets ", "1d ", "1 a, ", "2026-11-21T", "try again at Nov "])
def test_a_hostile_text_takes_no_time(text: str) -> None:
    said = text * 200_000
    began = time.process_time()
    resets_at(said, NOW)
    is_limited(said)
    is_rejected(said)
    assert time.process_time() - began < 1


def test_limits_and_rejections_are_told_apart() -> None:
    for said in ("429 Rate limit reached", "You’ve hit your usage limit", "rate_limit_error", "Too Many Requests"):
        assert is_limited(said) and not is_rejected(said)
    for said in ("401 invalid x-api-key", "unexpected status 401 Unauthorized", "Invalid API key", "403 Forbidden"):
        assert is_rejected(said) and not is_limited(said)
    for said in ("500 Internal server error", "overloaded", "port 4290", "took 1429 ms"):
        assert not is_limited(said) and not is_rejected(said)
