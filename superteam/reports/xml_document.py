"""Streams an XML document: no document types, no entities, so that no bomb goes off."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO
from xml.parsers import expat

from superteam.reports.cases import TEXT_CAP
from superteam.reports.xml_encoding import XmlBytes

if TYPE_CHECKING:
    from xml.parsers.expat import XMLParserType

DEPTH = 200  # of kept elements in each other; a document that is deeper is damaged
_CHUNK = 64 * 1024
_TOKEN = 4 * 2**20  # bytes of one tag, comment or the like, all of which expat holds in memory


class Refused(ValueError):
    """The document has a document type or an entity of its own, with which bombs begin."""


class Damaged(ValueError):
    """The document is not well-formed or ends in the middle; what was handed over before is good."""


@dataclass(slots=True)
class Element:
    """An element, and the texts of the messages in it that are in no other kept element."""

    name: str
    attributes: dict[str, str]
    parent: Element | None = None
    texts: list[str] = field(default_factory=list)
    size: int = 0
    below: int = 0  # kept elements in it, for which it may only be the frame

    def message(self) -> str:
        """All that was said, in its order."""
        return "\n".join(text for part in self.texts if (text := part.strip()))


def walk(
    stream: BinaryIO,
    start: Callable[[str, dict[str, str]], bool],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Calls the handlers for each element; names come without their namespace prefix.

    `start` says whether the text of this element is wanted: `text` then gets it, and that of all elements in it.
    """
    for _ in _fed(_parser(start, end, text), stream):
        pass


def elements(stream: BinaryIO, kept: Collection[str], messages: Collection[str]) -> Iterator[Element]:
    """The elements of the kept names as they close, the inner ones first, with the texts of the `messages` in them."""
    open: list[Element] = []
    closed: list[Element] = []

    def start(name: str, attributes: dict[str, str]) -> bool:
        if name in kept:
            if open:
                open[-1].below += 1
            if len(open) >= DEPTH:
                raise Damaged(f"it is nested deeper than {DEPTH}")
            open.append(Element(name, attributes, open[-1] if open else None))
        elif name in messages and open:
            open[-1].texts.append("")
            return True
        return False

    def text(data: str) -> None:
        if open[-1].size < TEXT_CAP and open[-1].texts:
            open[-1].texts[-1] += data[: TEXT_CAP - open[-1].size]
            open[-1].size += len(data)

    def end(name: str) -> None:
        if name in kept:
            closed.append(open.pop())

    try:
        for _ in _fed(_parser(start, end, text), stream):
            yield from closed
            closed.clear()
    except Damaged:
        yield from closed
        raise


def _fed(parser: XMLParserType, stream: BinaryIO) -> Iterator[None]:
    """Feeds the parser, and yields after each chunk.

    Before 2.6 expat reads an unfinished token anew with each chunk, in all the square of its length (CVE-2023-52425).
    So the chunks grow until there is something new. Since 2.6 it puts that off, and says -1 for its place until then.
    """
    source = XmlBytes(stream)
    size, waiting, before = _CHUNK, 0, -1
    while waiting < _TOKEN:
        chunk = source.read(min(size, _TOKEN - waiting))
        try:
            parser.Parse(chunk, not chunk)
        except Refused:
            raise
        except (expat.ExpatError, ValueError, LookupError) as problem:
            raise Damaged(str(problem)[:200]) from None
        yield
        if not chunk:
            return
        place = parser.CurrentByteIndex
        if place in (-1, before):
            size, waiting = 2 * size, waiting + len(chunk)
        else:
            size, waiting, before = _CHUNK, 0, place
    raise Damaged(f"it has a tag or a comment of more than {_TOKEN // 2**20} MB")


def _parser(
    start: Callable[[str, dict[str, str]], bool], end: Callable[[str], None], text: Callable[[str], None]
) -> XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    inside = 0  # an element whose text is wanted: how many are open from it on

    def opened(name: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        wanted = start(name if ":" not in name else name.rpartition(":")[2], attributes)
        if wanted or inside:
            inside += 1
            parser.CharacterDataHandler = text

    def closed(name: str) -> None:
        nonlocal inside
        if inside:
            inside -= 1
            if not inside:
                parser.CharacterDataHandler = None
        end(name if ":" not in name else name.rpartition(":")[2])

    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    return parser


def first_element(head: bytes) -> str:
    """The name of a document's first element, without its prefix; "" for what is no XML."""
    rest = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if rest[:2] in (b"\xff\xfe", b"\xfe\xff"):
        rest = rest.decode("utf-16", "replace").encode(errors="replace").lstrip()
    while rest[:2] in (b"<?", b"<!"):
        if rest[:2] == b"<!" and rest[:4] != b"<!--":
            return ""
        rest = rest.partition(b"?>" if rest[:2] == b"<?" else b"-->")[2].lstrip()
    if rest[:1] != b"<":
        return ""
    name = rest[1:200].replace(b"/", b" ").replace(b">", b" ").split(maxsplit=1)[:1]
    return name[0].rpartition(b":")[2].decode(errors="replace") if name else ""


def _refuse(*_: object) -> None:
    raise Refused("it has a document type")
