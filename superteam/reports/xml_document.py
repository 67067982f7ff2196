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
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Calls the handlers for each element and text; names come without their namespace prefix."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: start(name.rpartition(":")[2], attributes)
    parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
    parser.CharacterDataHandler = text
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
