"""The tags of a GSD document, found tolerantly: most of these documents are no well-formed XML."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]{0,40})((?:[\s/][^<>]{0,1000})?)>")
_ATTRIBUTE = re.compile(r"""([\w:-]{1,60})\s{0,5}=\s{0,5}(?:"([^"]*)"|'([^']*)'|([^\s"'>/]+))""")
_FENCE = re.compile(r"^[ \t]{0,40}(`{3,}|~{3,})([^\n]*)$", re.M)
_MARK = re.compile(
    r"(?P<fence>^[ \t]{0,40}(?:`{3,}|~{3,}))|(?P<comment><!--)|(?P<command><automated>)|(?P<run>`+)", re.M
)
_BOUND = re.compile(r"</automated>|<automated>|</?task\b|</verify>")
_RUN = re.compile(r"`+")
_TASK = re.compile(r"^[ \t]{0,40}<(/?)(?:tasks?|feature)(?=[\s>])", re.M | re.I)
_SECTION = re.compile(r"^[ \t]{0,40}<(/?)(?:context|objective|interfaces|verification)(?=[\s>])", re.M | re.I)
_MARKUP = re.compile(r"[ \t]*(?:xml|html)\b", re.I)
_BEFORE = frozenset(" \t#*")
_ITEM = re.compile(r"[ \t]{0,40}(?:[-*+]|\d{1,3}[.)])?[ \t]{0,5}")
_ITEMS = frozenset({"task", "feature"})

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag outside of code and comments; names are in lower case, with hyphens.

    `leading`: nothing but blanks and heading marks stand before it on its line, or since the tag before it; a command
    may stand anywhere.
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

    def is_comment(self, offset: int) -> bool:
        """Whether an offset lies in a comment."""
        number = bisect_right(self.hidden, (offset, len(self.text))) - 1
        return self.is_hidden(offset) and self.text.startswith("<!--", self.hidden[number][0])

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
        command = number < len(hidden) and hidden[number][0] == match.end()
        leading = command or (len(before) <= 40 and _BEFORE.issuperset(before))
        yield from _tag(match, leading or (_is_item(match, before) and _is_alone(text, match.end())))
        last = match.end()


def _is_item(match: re.Match[str], before: str) -> bool:
    """Whether a task is written as an item of a list."""
    return match[2].lower() in _ITEMS and _ITEM.fullmatch(before) is not None


def _is_alone(text: str, end: int) -> bool:
    """Whether nothing stands behind a tag on its line; where something does, a sentence may speak of it."""
    following = text.find("\n", end, end + 200)
    return following >= 0 and not text[end:following].strip()


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
    leaves = _leaving(text)
    found: list[Range] = []
    place = 0
    while (match := _MARK.search(text, place)) is not None:
        end = ends[match.lastgroup or "run"](match)
        if end is not None and leaves(match.end(), end):
            end = None
        if end is not None:
            found.append((match.end() if match.lastgroup == "command" else match.start(), end))
        place = match.end() if end is None else end
    return found


def _leaving(text: str) -> Callable[[int, int], bool]:
    """Whether what would be hidden begins in one task, or section, and ends in another: then it hides nothing.

    (A fence in a fence of the same length leaves one over, which would take the next task with it.)
    """
    bounds = [(match.start(), match[1] == "/") for match in _TASK.finditer(text)]
    sections = [(match.start(), match[1] == "/") for match in _SECTION.finditer(text)]

    def leaves(start: int, end: int) -> bool:
        first, behind = bisect_left(bounds, (start, False)), bisect_left(bounds, (end, False))
        if first + 1 < len(bounds) and bounds[first][1] and bounds[first + 1][0] < end:
            return True
        outside = first == 0 or bounds[first - 1][1]
        if outside and first < behind < len(bounds) and not bounds[behind - 1][1] and bounds[behind][1]:
            return True  # it begins before a task and ends in it
        section = bisect_left(sections, (start, False))
        return section < len(sections) and sections[section][0] < end and sections[section][1] and first < behind

    return leaves


def unfenced(text: str) -> str:
    """The text, as long as before, without the marks of the fences of XML that tasks stand in."""
    if _TASK.search(text) is None:
        return text
    pieces, last = [], 0
    for opening, closing in _pairs(text):
        inside = _TASK.search(text, opening.end, closing.start)
        if inside is not None and not inside[1] and _MARKUP.match(text, opening.end):
            line = text.find("\n", opening.end)
            pieces += [text[last : opening.start], " " * (line - opening.start), text[line : closing.start]]
            pieces.append(" " * (closing.end - closing.start))
            last = closing.end
    return "".join([*pieces, text[last:]])


def _pairs(text: str) -> Iterator[tuple[_FenceLine, _FenceLine]]:
    """The fences of a document as their first and last lines."""
    opening: _FenceLine | None = None
    for line in _fence_lines(text):
        if opening is None:
            opening = line if line.opens else None
        elif line.closes(opening):
            yield opening, line
            opening = None


Ending = Callable[[re.Match[str]], int | None]


@dataclass(frozen=True, slots=True)
class _FenceLine:
    """A line that begins with a fence's mark; `ends` says that it can be a closing one."""

    start: int
    end: int
    mark: str
    ends: bool
    opens: bool

    def closes(self, other: _FenceLine) -> bool:
        return self.ends and self.mark[0] == other.mark[0] and len(self.mark) >= len(other.mark)


def _fences(text: str) -> Ending:
    """Where a fence ends: behind the next closing mark of its kind that is at least as long."""
    lines = _fence_lines(text)
    starts = [line.start for line in lines]
    closers = _closers(lines)

    def end(match: re.Match[str]) -> int | None:
        number = bisect_left(starts, match.start())
        closer = closers[number]
        return None if closer is None or not lines[number].opens else lines[closer].end

    return end


def _closers(lines: Sequence[_FenceLine]) -> list[int | None]:
    """For each line the next one that closes it. Of the lines behind, only those longer than all before them count."""
    found: list[int | None] = []
    longer: dict[str, list[tuple[int, int]]] = {"`": [], "~": []}  # (-length, place), the nearest at the end
    for place in range(len(lines) - 1, -1, -1):
        length, left = len(lines[place].mark), longer[lines[place].mark[0]]
        number = bisect_right(left, (-length, len(lines)))
        found.append(left[number - 1][1] if number else None)
        if lines[place].ends:
            while left and -left[-1][0] <= length:
                left.pop()
            left.append((-length, place))
    return found[::-1]


def _fence_lines(text: str) -> list[_FenceLine]:
    return [
        _FenceLine(m.start(), m.end(1), m[1], _ends(m[2]), m[1][0] != "`" or "`" not in m[2])
        for m in _FENCE.finditer(text)
    ]


def _ends(info: str) -> bool:
    """Whether a fence with this behind it can be a closing one; many write the next closing tag on its line."""
    return not info.strip() or info.lstrip().startswith("</")


def _comments(text: str) -> Ending:
    ends = [match.end() for match in re.finditer("-->", text)]

    def end(match: re.Match[str]) -> int | None:
        number = bisect_left(ends, match.end() + 3)
        return ends[number] if number < len(ends) else None

    return end


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
