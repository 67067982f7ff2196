"""The short account of a failure for whoever mends it: what is distinct first, what was expected before the rest.

Texts in, Markdown out; nothing is longer than its limit, and nothing is in it that was not in what was printed, but for
marks where something was left out. What programs printed stands in fences that nothing in it can close.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from superteam.core.frames import ERROR, folded
from superteam.core.markdown import clip, code, fence
from superteam.core.signature import signature

ENTRY = 700  # characters that each distinct failure has at least
IDS = 8  # ids that are listed of each
_ID = 160  # characters of an id
_INPUT = 100_000  # characters of a text that are looked at: its head and its tail
_FIRST = 400  # characters of a first assertion
_SOON = 10  # lines: an assertion that stands within the first of them is seen without being put before them
_LOOKED_AT = 400  # characters of a line that are matched
_MOST_TICKS = 20  # in a row: more would make a fence that is all that there is room for
_FENCE = 2 * (_MOST_TICKS + 1) + 2
_TICKS = re.compile(r"`{20,}")

# What was expected and what came, as assertions say it, behind the name of an exception or the place of a line.
_ASSERTS = re.compile(r"assert|expect|got\b|comparison\b", re.IGNORECASE)
_COMPARES = re.compile(r" [!=]==? |\b(?:but was|want(?:ed)?|got|received|actual|expected)\b", re.IGNORECASE)
_RAISED = re.compile(r"[\w.$]{0,120}(?:Error|Exception|Failure|Failed|panic)(?: \[\w{1,40}\])?:|\S{1,200}:\d{1,7}: ")
_ERROR = re.compile(
    r"[\w.$]{0,120}(?:Error|Exception|Failure|panic)\b|thread '.{1,80} panicked|--- FAIL|FAIL(?:ED)?\b"
    r"|error(?:\[\w{1,12}\])?:|fatal:|not ok\b|\S{1,200}:\d{1,7}:"
)
_PARTNER = re.compile(
    r"(?:expected|received|actual|left|right|got|want(?:ed)?|but was|where|and)\b|\S{1,100} [!=]==? \S"
    r"|[+-] {0,4}where\b",
    re.IGNORECASE,
)


class Group(NamedTuple):
    """The tests that failed in one and the same way; `text` is what the first of them that said something said."""

    ids: tuple[str, ...]
    text: str


def groups(tests: Sequence[str], messages: Mapping[str, str]) -> tuple[Group, ...]:
    """The distinct failures in the order of their first tests; tests that said nothing come last, together."""
    found: dict[str, list[str]] = {}
    for id in dict.fromkeys(tests):
        found.setdefault(signature(messages.get(id, "")), []).append(id)
    silent = found.pop("", None)
    told = [Group(tuple(ids), messages[ids[0]]) for ids in found.values()]
    return (*told, Group(tuple(silent), "")) if silent else tuple(told)


def assertion(text: str) -> str:
    """The first lines that say what was expected and what came, or else the first error; empty if no line does."""
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [i for i, line in enumerate(lines) if line.startswith(ERROR)]  # what pytest shows as the error
    outer = [i for i, line in enumerate(lines) if not line.startswith("    ")]  # source and frames stand further in
    for places in [marked] if marked else [outer, list(range(len(lines)))]:
        place = next((i for i in places if _says(_bare(lines[i]), bool(marked))), None)
        if place is not None:
            return "\n".join([lines[place], *_partners(lines[place + 1 : place + 6])])
    errors = (i for i, line in enumerate(lines) if _ERROR.match(_bare(line)))
    place = next(iter(marked), next(errors, None))
    return "" if place is None else lines[place]


def _bare(line: str) -> str:
    """The line without pytest's margin, as much of it as is looked at."""
    bare = line[:_LOOKED_AT].strip()
    return bare[1:].lstrip() if bare.startswith(ERROR) else bare


def _says(line: str, marked: bool) -> bool:
    raised = _RAISED.match(line)
    rest = line[raised.end() :].lstrip() if raised else line
    return bool(_ASSERTS.match(rest)) or bool((raised or marked) and _COMPARES.search(rest))


def _partners(lines: Iterable[str]) -> Iterable[str]:
    """The lines after an assertion that give its two sides."""
    for line in lines:
        if not _PARTNER.match(_bare(line)):
            return
        yield line


def failed_tests(tests: Sequence[str], messages: Mapping[str, str], limit: int, roots: Sequence[str] = ()) -> str:
    """Each distinct failure with the tests that it is of and one example, as many as there is room for."""
    all = groups(tests, messages)
    fit = max(0, limit - _more_room(all)) // (ENTRY + 2)
    shown, rest = all[:fit], all[fit:]
    more = _more(rest)
    left = limit - len(more)
    entries = []
    for place, group in enumerate(shown):
        entry = _entry(group, left // (len(shown) - place) - 2, roots)
        entries.append(entry)
        left -= len(entry) + 2
    return "\n\n".join(part for part in (*entries, more) if part)[:limit]


def _more(rest: Sequence[Group]) -> str:
    tests = sum(len(group.ids) for group in rest)
    return f"And {_many(len(rest), 'more distinct failure')}, in {_many(tests, 'test')}." if rest else ""


def _more_room(all: Sequence[Group]) -> int:
    """The room for the line that says what was left out, if all of them do not fit."""
    return len(_more(all)) + 2


def _entry(group: Group, room: int, roots: Sequence[str]) -> str:
    """A distinct failure: how many tests, which ones, and what the first of them said."""
    head = f"{_many(len(group.ids), 'test')}: {named(group.ids)}"
    if not group.text:
        return head
    return f"{head} (data):\n{quoted(group.text, room - len(head) - 9, roots)}"


def named(ids: Sequence[str], room: int = 250) -> str:
    """The first of these ids, each one as code that nothing in it can leave, and how many more there are."""
    shown: list[str] = []
    for id in ids[:IDS]:
        name = code(id, _ID)
        name = name if len(name) <= room else code(id, 20)
        if shown and len(", ".join([*shown, name])) > room:
            break
        shown.append(name)
    more = f" and {len(ids) - len(shown)} more" if len(ids) > len(shown) else ""
    return ", ".join(shown) + more


def quoted(text: str, limit: int, roots: Sequence[str] = ()) -> str:
    """What a program said, fenced: the first assertion before the rest, libraries folded; at most `limit` long."""
    rest = folded(clip(text, _INPUT), roots).strip("\n")
    first = assertion(rest)[:_FIRST]
    begins = "\n".join(rest.splitlines()[:_SOON])
    if first and _bare(first.partition("\n")[0]) not in begins:
        rest = f"{first}\n\n{clip(rest, max(0, limit - _FENCE - len(first) - 2))}"
    return boxed(rest, limit)


def boxed(text: str, limit: int, kind: str = "") -> str:
    """The text in a fence, head and tail of it if it is long; empty if there is not even room for a fence."""
    room = limit - _FENCE - len(kind)
    return fence(clip(_TICKS.sub("`" * _MOST_TICKS, text), room), kind) if room >= 0 else ""


def printed(streams: Mapping[str, str], limit: int, roots: Sequence[str] = ()) -> str:
    """What a command printed, by stream, each in a fence of its own; a short stream leaves its room to the others."""
    parts, left = [], limit
    waiting = sorted(streams, key=lambda name: len(streams[name]))
    rooms: dict[str, int] = {}
    for place, name in enumerate(waiting):
        rooms[name] = left // (len(waiting) - place)
        left -= min(rooms[name], len(streams[name]) + 100)
    for name, text in streams.items():
        title = f"Its {name} (data):\n" if text.strip() else f"Its {name} is empty."
        parts.append(title + quoted(text, rooms[name] - len(title) - 2, roots) if text.strip() else title)
    return "\n\n".join(parts)[:limit]


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
