"""What a failure looks like once everything that changes from run to run is taken out, so that two can be compared."""

from __future__ import annotations

import re

_CAP = 8192  # of the message; a head and a tail of it
_LINE = 400  # of a line
_LENGTH = 300  # of a signature

# An exception as a traceback or an assertion prints it, at the start of a line (pytest marks it with "E").
_HEAD = re.compile(r"(?:E {1,8})?((?:[A-Za-z_]\w{0,80}\.){0,8}[A-Z]\w{0,80})(?:: |:$|$)(.{0,400})")
_ASSERT = re.compile(r"(?:E {1,8})?(assert\b.{0,400}|expect(?:ed)?\b.{0,400})", re.IGNORECASE)
_PLACE = re.compile(r'\s{0,8}(?:File ")?([\w@%+.~ /\\-]{1,300}?\.[A-Za-z]{1,5})(?:", line |:)(\d{1,7})\b')
_FOREIGN = re.compile(r"site-packages|dist-packages|node_modules|[/\\]lib[/\\]python\d|<frozen|importlib")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")

# In this order: what is longer and more special first. Every repetition is bounded or of one class.
_CHANGING = (
    (re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?\b"), "<time>"),
    (re.compile(r"0[xX][0-9a-fA-F]{1,32}"), "<address>"),
    (re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:)?(?:[/\\][\w@%+.~-]{1,100}){2,60}"), "<path>"),
    (re.compile(r"\b(?=\d{0,63}[a-f])(?=[a-f]{0,63}\d)[0-9a-f]{12,64}\b"), "<hash>"),
    (re.compile(r"(?<!\w)[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d{1,4})?"), "<n>"),
)


def signature(message: str) -> str:
    """The exception type or assertion head and the place in the project's own code, without what changes.

    Line numbers are left out, so that a failure which only moved is the same failure. Empty only for an empty message.
    """
    lines = [line[:_LINE] for line in _capped(message).splitlines() if line.strip()]
    head = _head(lines)
    if not head:
        return ""
    place = _place(lines)
    return f"{normalise(head)} @ {place}"[:_LENGTH] if place else normalise(head)[:_LENGTH]


def normalise(text: str) -> str:
    """One line with uuids, times, addresses, absolute paths, hashes and numbers replaced by their kind."""
    text = " ".join(text[:_LINE].split())
    for pattern, kind in _CHANGING:
        text = pattern.sub(kind, text)
    return text


def _capped(message: str) -> str:
    if len(message) > _CAP:
        message = f"{message[: _CAP // 2]}\n{message[-_CAP // 2 :]}"
    return _ESCAPES.sub("", message)


def _head(lines: list[str]) -> str:
    """The first line if it names an exception; else the first that does, else an assertion, else the first line."""
    for line in lines:
        match = _HEAD.match(line)
        if match and (match[2] or match[1].endswith(("Error", "Exception", "Interrupt", "Exit", "Warning", "Failed"))):
            return f"{match[1]}: {match[2]}" if match[2] else match[1]
    for line in lines:
        match = _ASSERT.match(line)
        if match:
            return match[1]
    return lines[0] if lines else ""


def _place(lines: list[str]) -> str:
    """The last file of the project's own code that the traceback names, relative where it can be."""
    own = [match[1] for line in lines if (match := _PLACE.match(line)) and not _FOREIGN.search(match[1])]
    if not own:
        return ""
    path = own[-1].strip().replace("\\", "/")
    return path if not path.startswith("/") else "/".join(path.split("/")[-2:])
