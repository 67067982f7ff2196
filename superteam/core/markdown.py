"""Foreign text in a Markdown document that we write, a summary or a prompt: always text, never markup of ours."""

from __future__ import annotations

import re

LIMIT = 600

_ACTIVE = re.compile(r"[\\`*{}\[\]<>#|~&$^=+]|(?<![^\W_])_|_(?![^\W_])")
_AT_START = re.compile(r"([-:])|(\d{1,9})([.)])")


def plain(text: str, limit: int = LIMIT) -> str:
    """One line in which every character can be seen, cut with a mark; what is invisible is shown by its number."""
    line = " ".join(text[: limit * 4].split())
    cut = len(line) > limit or len(text) > limit * 4
    shown = "".join(map(_seen, line[:limit]))
    return f"{shown.rstrip()} [...]" if cut else shown


def text(foreign: str, limit: int = LIMIT) -> str:
    """The text as Markdown that shows exactly its plain form, wherever in a line or list item it is put."""
    escaped = _ACTIVE.sub(lambda match: f"\\{match[0]}", plain(foreign, limit))
    begins = _AT_START.match(escaped)
    if begins is None:
        return escaped
    return f"\\{escaped}" if begins[1] else f"{begins[2]}\\{escaped[len(begins[2]) :]}"


def code(foreign: str, limit: int = LIMIT) -> str:
    """The text as a code span that nothing in it can close; line breaks are shown as \\n."""
    cut = foreign[:limit].replace("\r\n", "\n")
    shown = "".join("\\n" if char == "\n" else _seen(char) for char in cut) or "(empty)"
    more = " [...]" if len(foreign) > limit else ""
    mark = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{mark}{pad}{shown}{pad}{mark}{more}"


def fence(foreign: str, kind: str = "") -> str:
    """The text, of as many lines as it has, in a fence that nothing in it can close."""
    longest = max((len(run) for run in re.findall("`+", foreign)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}{kind}\n{foreign.rstrip()}\n{mark}"


def clip(text: str, limit: int) -> str:
    """The head and the tail of a long text, with a mark where it was cut; with it at most `limit` characters."""
    if len(text) <= limit:
        return text
    mark = f"\n[... {len(text) - limit} characters or more are left out here ...]\n"
    half = (limit - len(mark)) // 2
    return f"{text[:half]}{mark}{text[-half:]}" if half > 0 else text[: max(0, limit)]


def _seen(char: str) -> str:
    if char.isprintable():
        return char
    number = ord(char)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
