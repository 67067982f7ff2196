"""Halves of surrogate pairs, which JSON and Python can hold and no file, terminal or argument can."""

from __future__ import annotations

import re

_HALVES = re.compile("[\ud800-\udfff]")
_NOT_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # the others may stand for bytes that are no text (PEP 383)


def halves_escaped(text: str) -> str:
    """Returns the text with each half of a surrogate pair written as its escape, such as `\\ud83d`."""
    return _HALVES.sub(_escaped, text)


def encodable(text: str) -> str:
    """Returns the text as the error handler `surrogateescape` can encode it: its bytes stay what they are."""
    return _NOT_BYTES.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
