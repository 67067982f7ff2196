"""A small search for patterns of strangers, in time that grows with the text only.

It knows what occurs in plans: literals, `.`, classes, groups, `|` and quantifiers. The pattern becomes an automaton
whose states are worked out as the text needs them; where that would take too many, or the pattern says more (anchors,
look-around, references back), nothing is said. A character is matched by `re`, one at a time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LONGEST_PATTERN = 300
_MOST_STATES = 600
_MOST_SETS = 2_000
_ATOM = re.compile(r"\\[dDwWsStnr]|\\[^A-Za-z0-9]|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[\](){}*+?|^$.]|\.|[\]}]")
_TIMES = re.compile(r"\{(\d{1,3})(,?)(\d{0,3})\}")


class Unsupported(ValueError):
    """The pattern says more than this search understands, or more than it is ready to work out."""


@dataclass(slots=True)
class _Automaton:
    """States by number: on a character that `atoms` matches on to `after`, and from anywhere to `free` at no cost."""

    atoms: list[re.Pattern[str] | None] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    free: list[list[int]] = field(default_factory=list)

    def add(self, atom: re.Pattern[str] | None = None, after: int = -1, free: tuple[int, ...] = ()) -> int:
        if len(self.atoms) >= _MOST_STATES:
            raise Unsupported("the pattern is too large")
        self.atoms.append(atom)
        self.after.append(after)
        self.free.append(list(free))
        return len(self.atoms) - 1

    def reached(self, states: set[int]) -> frozenset[int]:
        """These states and all that can be had from them at no cost."""
        found, todo = set(states), list(states)
        while todo:
            for state in self.free[todo.pop()]:
                if state not in found:
                    found.add(state)
                    todo.append(state)
        return frozenset(found)


# What a pattern is read into: nested tuples ("atom", text), ("all", ...), ("any", ...), ("times", node, low, high).
_Node = tuple[object, ...]


@dataclass(slots=True)
class _Reader:
    text: str
    place: int = 0
    depth: int = 0

    def next(self) -> str:
        return self.text[self.place : self.place + 1]

    def either(self) -> _Node:
        branches = [self.sequence()]
        while self.next() == "|":
            self.place += 1
            branches.append(self.sequence())
        return ("any", *branches)

    def sequence(self) -> _Node:
        parts: list[_Node] = []
        while self.next() not in ("", "|", ")"):
            parts.append(self.repeated(self.single()))
        return ("all", *parts)

    def single(self) -> _Node:
        if self.next() == "(":
            return self.group()
        match = _ATOM.match(self.text, self.place)
        if match is None:
            raise Unsupported(f"{self.text[self.place : self.place + 2]!r} is not understood here")
        self.place = match.end()
        return ("atom", match[0])

    def group(self) -> _Node:
        self.depth += 1
        if self.depth > 20:
            raise Unsupported("groups are nested too deeply")
        self.place += 3 if self.text.startswith("(?:", self.place) else 1
        inner = self.either()
        if self.next() != ")":
            raise Unsupported("a group has no end")
        self.place += 1
        self.depth -= 1
        return inner

    def repeated(self, node: _Node) -> _Node:
        low, high = 1, 1
        if times := _TIMES.match(self.text, self.place):
            low = int(times[1])
            high = int(times[3]) if times[3] else (-1 if times[2] else low)
            self.place = times.end()
            if high != -1 and high < low:
                raise Unsupported("a repetition ends before it begins")
        elif self.next() in ("*", "+", "?") and self.next():
            low, high = {"*": (0, -1), "+": (1, -1), "?": (0, 1)}[self.next()]
            self.place += 1
        else:
            return node
        if self.next() == "?":  # lazy: what is found first does not matter here
            self.place += 1
        if self.next() in ("*", "+", "?", "{") and self.next():
            raise Unsupported("a repetition of a repetition")
        return ("times", node, low, high)


def _build(node: _Node, after: int, made: _Automaton) -> int:
    """Adds what matches the node and then goes on to `after`; the state in which that begins."""
    kind, *parts = node
    match kind:
        case "atom":
            return made.add(_one(str(parts[0])), after)
        case "all":
            for part in reversed(parts):
                after = _build(part, after, made)  # type: ignore[arg-type]
            return after
        case "any":
            starts = tuple(_build(part, after, made) for part in parts)  # type: ignore[arg-type]
            return starts[0] if len(starts) == 1 else made.add(free=starts)
    inner, low, high = parts
    assert isinstance(inner, tuple) and isinstance(low, int) and isinstance(high, int)
    if high == -1:
        loop = made.add(free=(after,))
        made.free[loop].append(_build(inner, loop, made))
        after = loop
    for _ in range(max(0, high - low)):
        after = made.add(free=(after, _build(inner, after, made)))
    for _ in range(low):
        after = _build(inner, after, made)
    return after


def _one(atom: str) -> re.Pattern[str]:
    if atom[0] == "[" and any(mark in atom for mark in ("[[", "[^[", "--", "&&", "||", "~~")):
        raise Unsupported("a class whose meaning is to change")  # which `re` would warn about
    try:
        return re.compile(atom)
    except re.error as problem:
        raise Unsupported(str(problem)) from None


def occurs(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text; Unsupported where that is not worked out."""
    if len(pattern) > LONGEST_PATTERN:
        raise Unsupported("the pattern is too long")
    reader, made = _Reader(pattern), _Automaton()
    node = reader.either()
    if reader.next():
        raise Unsupported("a group is closed that was not opened")
    end = made.add()
    start = _build(node, end, made)
    return _walk(made, start, end, text)


def _walk(made: _Automaton, start: int, end: int, text: str) -> bool:
    known: dict[frozenset[int], dict[str, frozenset[int]]] = {}
    here = made.reached({start})
    ways = known.setdefault(here, {})
    for character in text:
        if end in here:
            return True
        there = ways.get(character)
        if there is None:
            there = ways[character] = _step(made, here, start, character)
            if len(known) > _MOST_SETS:
                raise Unsupported("the pattern takes too many states")
        if there is not here:
            here = there
            ways = known.setdefault(here, {})
    return end in here


def _step(made: _Automaton, here: frozenset[int], start: int, character: str) -> frozenset[int]:
    """All states after this character; a match may begin behind each."""
    after = {made.after[state] for state in here if (atom := made.atoms[state]) and atom.match(character)}
    return made.reached(after | {start})
