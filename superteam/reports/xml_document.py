"""Streams an XML document through three handlers: no document types, no entities, so that no bomb goes off."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO
from xml.parsers import expat


class Refused(ValueError):
    """The document has a document type or an entity of its own, with which bombs begin."""


class Damaged(ValueError):
    """The document is not well-formed or ends in the middle; what was handed over before is good."""


def walk(
    stream: BinaryIO,
    start: Callable[[str, dict[str, str]], bool],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Calls the handlers for each element; names come without their namespace prefix.

    `start` says whether the text of this element is wanted: `text` then gets it, and that of all elements in it.
    """
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
    try:
        parser.ParseFile(stream)
    except Refused:
        raise
    except (expat.ExpatError, ValueError) as problem:
        raise Damaged(str(problem)[:200]) from None


def _refuse(*_: object) -> None:
    raise Refused("it has a document type")
