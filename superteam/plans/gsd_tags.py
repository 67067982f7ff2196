"""The tags of a GSD document, found tolerantly: most of these documents are no well-formed XML."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]{0,40})((?:\s[^<>]{0,1000})?)>")
_ATTRIBUTE = re.compile(r"""([\w:-]{1,60})\s{0,5}=\s{0,5}(?:"([^"]*)"|'([^']*)'|([^\s"'>/]+))""")
_FENCE = re.compile(r"^[ \t]{0,40}(`{3,}|~{3,})([^\n]*)$", re.M)
_MARK = re.compile(
    r"(?P<fence>^[ \t]{0,40}(?:`{3,}|~{3,}))|(?P<comment><!--)|(?P<command><automated>)|(?P<run>`+)", re.M
)
_BOUND = re.compile(r"</automated>|<automated>|</?task\b|</verify>")
_RUN = re.compile(r"`+")
_BEFORE = frozenset(" \t#*")

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag outside of code and comments; names are in lower case, with hyphens.

    `leading`: nothing but blanks and heading marks stand before it on its line, or since the tag before it.
    """

    name: str
    start: int
    end: int
    closing: bool
    leading: bool
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Element:
    """What stands between an opening tag and its closing one, or what was taken for its end if `closed` is false."""

    name: str
    attributes: Mapping[str, str]
    outer: Range
    inner: Range
    line: int
    closed: bool = True


class Markup:
    """A document with its tags in order; every look-up is a binary search, so that reading stays linear."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._breaks = [place for place, char in enumerate(text) if char == "\n"]
        self.hidden = _hidden(text)
        self.tags = tuple(_tags(text, self.hidden, self._breaks))
        self._starts = [tag.start for tag in self.tags]
        self._places: dict[tuple[str, bool], list[int]] = {}
        for place, tag in enumerate(self.tags):
            if tag.closing or tag.leading:
                self._places.setdefault((tag.name, tag.closing), []).append(place)

    def line(self, offset: int) -> int:
        """The line of an offset, from 1."""
        return bisect_left(self._breaks, offset) + 1

    def within(self, span: Range) -> range:
        """The places of the tags that begin in this range."""
        return range(bisect_left(self._starts, span[0]), bisect_left(self._starts, span[1]))

    def next(self, name: str, closing: bool, after: int, end: int | None = None) -> int | None:
        """The place of the next such tag behind the place `after` that begins before the offset `end`."""
        places = self._places.get((name, closing), [])
        number = bisect_right(places, after)
        if number == len(places) or (end is not None and self.tags[places[number]].start >= end):
            return None
        return places[number]

    def start_of(self, place: int | None) -> int:
        """Where a tag begins; the end of the document for None."""
        return len(self.text) if place is None else self.tags[place].start

    def is_hidden(self, offset: int) -> bool:
        """Whether an offset lies in code, in a command or in a comment."""
        number = bisect_right(self.hidden, (offset, len(self.text))) - 1
        return number >= 0 and self.hidden[number][0] <= offset < self.hidden[number][1]

    def element(self, place: int, end: int, closer: int | None) -> Element:
        """The element that the tag at this place opens; without a closing tag it goes on to the offset `end`."""
        tag = self.tags[place]
        last = end if closer is None else self.tags[closer].start
        outer = end if closer is None else self.tags[closer].end
        outer, last = max(outer, tag.end), max(last, tag.end)
        line = self.line(tag.start)
        return Element(tag.name, tag.attributes, (tag.start, outer), (tag.end, last), line, closer is not None)

    def children(self, span: Range, known: frozenset[str]) -> Iterator[Element]:
        """The elements in a range, one after the other; tags of other names count only if they are closed."""
        places = self.within(span)
        place = places.start
        while place < places.stop:
            tag = self.tags[place]
            following = place + 1
            if tag.leading and not tag.closing:
                closer = self.next(tag.name, True, place, span[1])
                if closer is not None or tag.name in known:
                    after = self._after(place, places.stop, known) if closer is None else None
                    yield self.element(place, span[1] if after is None else self.tags[after].start, closer)
                    following = place + 1 if closer is None else closer + 1
            place = following

    def _after(self, place: int, stop: int, known: frozenset[str]) -> int | None:
        """The next opening tag of a known name: the end of an element that is never closed."""
        for number in range(place + 1, stop):
            tag = self.tags[number]
            if tag.leading and not tag.closing and tag.name in known:
                return number
        return None


def decoded(text: str) -> str:
    """The text without XML's own entities; whatever else looks like one is left as it is."""
    return _ENTITY.sub(_character, text) if "&" in text else text


_ENTITY = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def _character(match: re.Match[str]) -> str:
    if match[1]:
        return _NAMED[match[1]]
    number = int(match[2]) if match[2] else int(match[3], 16)
    usable = number in (9, 10) or 32 <= number < 0xD800 or 0xDFFF < number < 0x110000
    return chr(number) if usable else match[0]


# -- what hides tags


def _tags(text: str, hidden: list[Range], breaks: list[int]) -> Iterator[Tag]:
    last = number = 0
    for match in _TAG.finditer(text):
        start = match.start()
        while number < len(hidden) and hidden[number][1] <= start:
            number += 1
        if number < len(hidden) and hidden[number][0] <= start:
            continue
        line = bisect_left(breaks, start)
        before = text[max(last, breaks[line - 1] + 1 if line else 0) : start]
        leading = len(before) <= 40 and _BEFORE.issuperset(before)
        yield from _tag(match, leading)
        last = match.end()


def _tag(match: re.Match[str], leading: bool) -> Iterator[Tag]:
    name = match[2].lower().replace("_", "-")
    found = {key.lower().replace("-", "_"): a or b or c for key, a, b, c in _ATTRIBUTE.findall(match[3])}
    attributes = {key: decoded(value) for key, value in found.items()}
    yield Tag(name, match.start(), match.end(), bool(match[1]), leading, attributes)
    if match[3].endswith("/") and not match[1]:
        yield Tag(name, match.end(), match.end(), True, False, {})


def _hidden(text: str) -> list[Range]:
    """Fences, comments, code spans and the insides of <automated>, in order; what is never closed hides nothing."""
    ends = {"fence": _fences(text), "comment": _comments(text), "command": _commands(text), "run": _spans(text)}
    found: list[Range] = []
    place = 0
    while (match := _MARK.search(text, place)) is not None:
        end = ends[match.lastgroup or "run"](match)
        if end is not None:
            found.append((match.end() if match.lastgroup == "command" else match.start(), end))
        place = match.end() if end is None else end
    return found


Ending = Callable[[re.Match[str]], int | None]


def _fences(text: str) -> Ending:
    """Where a fence ends: behind the next bare line of the same mark that is at least as long."""
    lines = [(m.start(), m.end(), m[1][0], len(m[1]), not m[2].strip(), m[2]) for m in _FENCE.finditer(text)]
    longest: list[dict[str, int]] = [{} for _ in range(len(lines) + 1)]
    for number in range(len(lines) - 1, -1, -1):
        _, _, mark, length, bare, _ = lines[number]
        best = longest[number + 1]
        longest[number] = {**best, mark: max(length, best.get(mark, 0))} if bare else best
    starts = [line[0] for line in lines]

    def end(match: re.Match[str]) -> int | None:
        number = bisect_left(starts, match.start())
        _, _, mark, length, _, info = lines[number]
        if longest[number + 1].get(mark, 0) < length or (mark == "`" and "`" in info):
            return None
        later = range(number + 1, len(lines))
        return next(lines[n][1] for n in later if lines[n][4] and lines[n][2] == mark and lines[n][3] >= length)

    return end


def _comments(text: str) -> Ending:
    last = text.rfind("-->")
    return lambda match: text.index("-->", match.end()) + 3 if match.end() <= last else None


def _commands(text: str) -> Ending:
    """Where a command ends: a command may hold anything but the end of its task."""
    bounds = [(match.start(), match[0]) for match in _BOUND.finditer(text)]

    def end(match: re.Match[str]) -> int | None:
        number = bisect_left(bounds, (match.end(), ""))
        found = number < len(bounds) and bounds[number][1] == "</automated>"
        return bounds[number][0] if found else None

    return end


def _spans(text: str) -> Ending:
    """Where a code span ends: at a run of as many backticks on the same line."""
    known: dict[int, list[int]] = {}
    until = -1

    def end(match: re.Match[str]) -> int | None:
        nonlocal until, known
        if match.start() > until:
            until = text.find("\n", match.start())
            until = len(text) if until < 0 else until
            known = {}
            for run in _RUN.finditer(text, match.start(), until):
                known.setdefault(len(run[0]), []).append(run.start())
        length = len(match[0])
        places = known.get(length, [])
        number = bisect_right(places, match.start())
        return places[number] + length if number < len(places) else None

    return end
