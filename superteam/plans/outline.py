"""The structure of a Markdown document as CommonMark sees it: fences, headings, passages, list items, with lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block; `line` is that of the opening fence, from 1. `closed` is false when the document ends first."""

    info: str
    content: str
    line: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading outside of quotes and lists; `marked` means written with `#`, not underlined."""

    level: int
    text: str
    line: int
    marked: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, a heading's text or the text of one list item; never code."""

    text: str
    line: int
    listed: bool


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list outside of quotes; `end` is the line behind it. `depth` is 1 where it is in no other item;
    `number` is as written, empty for bullets; `text` is its first paragraph."""

    line: int
    end: int
    depth: int
    number: str
    text: str


@dataclass(frozen=True, slots=True)
class Outline:
    """A document's structure, each part in document order; `lines` are the document's own."""

    lines: tuple[str, ...]
    fences: tuple[Fence, ...]
    headings: tuple[Heading, ...]
    passages: tuple[Passage, ...]
    items: tuple[Item, ...] = ()

    def text(self, start: int, end: int) -> str:
        """The source between two lines (from 1, the end not included) without the blank lines around it."""
        part = self.lines[start - 1 : end - 1]
        filled = [number for number, line in enumerate(part) if line.strip()]
        return "\n".join(part[filled[0] : filled[-1] + 1]) if filled else ""


def read_outline(text: str) -> Outline:
    """The structure of a document; only blocks are parsed, which is linear (links and emphasis need not be)."""
    from markdown_it import MarkdownIt

    lines = re.sub(r"\r\n?", "\n", text).split("\n")
    parser = MarkdownIt("commonmark").disable(["inline", "text_join", "reference"])
    tokens = parser.parse("\n".join(_without_frontmatter(lines)))
    parts = (tuple(_fences(tokens)), tuple(_headings(tokens)), tuple(_passages(tokens)), tuple(_items(tokens)))
    return Outline(tuple(lines), *parts)


def _without_frontmatter(lines: list[str]) -> list[str]:
    """The same number of lines; YAML between two `---` at the top is not Markdown and its comments no headings."""
    if lines[0].rstrip() != "---":
        return lines
    end = next((number for number, line in enumerate(lines) if number and line.rstrip() == "---"), None)
    return lines if end is None else [""] * (end + 1) + lines[end + 1 :]


def _fences(tokens: list[Token]) -> Iterator[Fence]:
    for token in tokens:
        if token.type == "fence" and token.map:
            start, end = token.map
            inside = token.content.removesuffix("\n").count("\n") + 1 if token.content else 0
            closed = end - start == inside + 2
            yield Fence(token.info.strip(), token.content, start + 1, closed)


def _headings(tokens: list[Token]) -> Iterator[Heading]:
    for token, inside in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            yield Heading(int(token.tag[1:]), inside.content, token.map[0] + 1, token.markup.startswith("#"))


def _passages(tokens: list[Token]) -> Iterator[Passage]:
    items = 0
    for token, inside in pairwise(tokens):
        items += (token.type == "list_item_open") - (token.type == "list_item_close")
        if inside.type == "inline" and inside.map:
            yield Passage(inside.content, inside.map[0] + 1, items > 0)


def _items(tokens: list[Token]) -> Iterator[Item]:
    depth = quotes = 0
    for place, token in enumerate(tokens):
        quotes += (token.type == "blockquote_open") - (token.type == "blockquote_close")
        depth -= token.type == "list_item_close"
        if token.type == "list_item_open":
            depth += 1
            if token.map and not quotes:
                yield Item(token.map[0] + 1, token.map[1] + 1, depth, token.info, _first_text(tokens, place))


def _first_text(tokens: list[Token], place: int) -> str:
    """The text of the paragraph with which an item begins."""
    begins = place + 2 < len(tokens) and tokens[place + 1].type == "paragraph_open"
    return tokens[place + 2].content if begins else ""
