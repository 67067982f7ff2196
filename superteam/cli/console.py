"""All that is printed goes through here: results to standard output, progress and warnings to standard error.

Whatever a test, a report, an agent or a repository wrote is hostile: it must not move the cursor, reorder what a
person reads, or give commands to a CI runner. Text is only ever text: no markup of any kind is interpreted.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TextIO

if TYPE_CHECKING:
    from pydantic import BaseModel

Style = Literal["bold", "dim", "red", "green", "yellow"]

_STYLES: dict[Style, str] = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}

# Every alternative begins with a character that it does not go over again, and what follows a repetition cannot
# begin with what it repeats, so this is linear.
_UNSAFE = re.compile(
    r"""
      (?P<line>     \r\n? )
    | (?P<sequence> \x1b\[ [0-?]* [\ -/]* [@-~]                              # CSI: colours, cursor
                  | \x1b[\]PX^_] [^\x07\x1b\x9c\n]* (?:\x07|\x1b\\|\x9c)     # OSC and other strings that end
                  | \x1b [\ -/]* [0-~] )                                     # two characters, and what is left over
    | (?P<bad>      [\x00-\x08\x0b-\x1f\x7f-\x9f]                            # C0 but tab and newline, DEL, C1
                  | [\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]
                  | [\ud800-\udfff\U000e0000-\U000e007f] )                   # surrogates, invisible tags
    """,
    re.VERBOSE,
)
_COMMAND = re.compile(r"^([^\S\n]*):(?=:)|#(?=#(?:vso|teamcity)?\[)", re.MULTILINE)


def sanitise(text: str) -> str:
    """Text that is safe on a terminal and in a CI log.

    Escape sequences are dropped; other control, bidirectional and invisible characters are shown as \\x1b or \\u202e;
    carriage returns become newlines; `::error` at the start of a line and `##[` anywhere get a space inside.
    """
    return _COMMAND.sub(_harmless, _UNSAFE.sub(_visible, text))


def _visible(match: re.Match[str]) -> str:
    if match.lastgroup == "line":
        return "\n"
    return "" if match.lastgroup == "sequence" else _escaped(ord(match[0]))


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _harmless(match: re.Match[str]) -> str:
    return f"{match[0]} "


def say(text: str, style: Style | None = None) -> None:
    """People's text, to standard output; `style` colours the whole of it where colours are wanted."""
    _write(sys.stdout, text, style)


def note(text: str, style: Style | None = None) -> None:
    """Progress and warnings, to standard error; a terminal that is gone must not stop a run, so failing is silent."""
    with contextlib.suppress(OSError):
        _write(sys.stderr, text, style)


def emit_json(document: Mapping[str, Any] | BaseModel, *, line: bool = False) -> None:
    """One JSON document to standard output, in plain ASCII; `line` makes it a line of JSON Lines."""
    import json

    data = document if isinstance(document, Mapping) else document.model_dump(mode="json", by_alias=True)
    text = json.dumps(data, allow_nan=False, indent=None if line else 2)
    print(text, file=sys.stdout, flush=True)  # noqa: T201


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows as aligned columns, two spaces apart; widths count what will be printed."""
    clean = [tuple(sanitise(cell).replace("\n", "\\n") for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in clean)
    return "\n".join(line.rstrip() for line in lines)


def colours(stream: TextIO) -> bool:
    """Whether a person wants colours there: on a terminal that can show them, without NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write(stream: TextIO, text: str, style: Style | None) -> None:
    clean = sanitise(text)
    if style and colours(stream):
        clean = f"\x1b[{_STYLES[style]}m{clean}\x1b[0m"
    try:
        print(clean, file=stream, flush=True)
    except UnicodeEncodeError:  # the terminal's encoding has no such character
        encoding = stream.encoding or "ascii"
        print(clean.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
