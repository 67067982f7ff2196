"""Fields of JSON that somebody else wrote: each may be missing or of any type, and none of that is an error."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

_LARGEST = 2**53


def field(value: Any, *keys: str) -> Any:
    """What is at the end of this path of keys; None where there is no such path."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text(value: Any) -> str:
    """The text, "" if it is none; half of a surrogate pair, which no file could hold, becomes "?"."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def without_halves(raw: bytes) -> bytes:
    """Returns JSON in which escapes of half a surrogate pair have become "?"; what is no JSON comes back as it is."""
    if b"\\ud" not in raw.lower():
        return raw
    try:
        return json.dumps(json.loads(raw), ensure_ascii=False).encode(errors="replace")
    except (ValueError, RecursionError):
        return raw


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; everything else in it is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """A finite number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _LARGEST and math.isfinite(value) else None


def count(value: Any) -> int | None:
    """A whole number that is not negative."""
    found = number(value)
    return None if found is None else int(found)


def total(*values: Any) -> int | None:
    """The sum of those that are counts; None if none is."""
    found = [number for value in values if (number := count(value)) is not None]
    return sum(found) if found else None


def moment(value: Any) -> str | None:
    """ISO 8601 in UTC of a time in seconds or milliseconds since 1970; None if it is no time of our age."""
    seconds = number(value) or 0.0
    seconds = seconds / 1000 if seconds > 10**11 else seconds
    if not 10**9 < seconds < 10**11:
        return None
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
