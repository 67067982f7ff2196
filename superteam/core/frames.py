"""Stack traces with the frames of libraries folded to a count, so that those of the project's own code are seen.

Read are the traces of Python, pytest, JavaScript, Go, Rust, Java and its relatives, Ruby and PHP. Each line is looked
at a bounded number of times, and only its beginning, so that no trace can make it slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

ERROR = "E  "  # the margin with which pytest marks the lines of an error
LINE = 1_000  # characters of a line that are kept
_LOOKED_AT = 400  # characters of a line that are matched
_SOURCE = 12  # lines of source below a frame of Python

_ESCAPES = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
_LIBRARY = re.compile(
    r"site-packages|dist-packages|node_modules|[/\\]lib[/\\]python\d|<frozen|[/\\]importlib[/\\]"
    r"|\bnode:|(?:^|\()internal/|/rustc/|/\.cargo/|/\.rustup/|/pkg/mod/|/usr/local/go/|/usr/lib/"
    r"|/gems/|/lib/ruby/|<internal:|/vendor/|^vendor/"
)
_LIBRARY_NAME = re.compile(
    r"(?:[\w.@-]{1,80}/{1,2})?(?:java|javax|jdk|sun|com\.sun|kotlin|scala|groovy|org\.(?:junit|gradle|testng|apache\.maven"
    r"|codehaus|mockito|hamcrest|assertj)|junit|worker\.org\.gradle|System|Microsoft|Xunit|NUnit)\."  # JVM, .NET
    r"|(?:testing|runtime|reflect|net/http|sync|panic)(?:\.|\()"  # Go
    r"|<?(?:std|core|alloc|test)::|rust_begin_unwind|__rust_|start_thread|clone3?$|__libc_|_start$|main$"  # Rust
)
_PYTHON = re.compile(r'[ \t]{0,40}File "([^"]{1,380})", line \d')
_AT = re.compile(r"[ \t]{0,40}at (?:async )?(\S.{0,380})")
_NUMBERED = re.compile(r"[ \t]{0,8}\d{1,4}: {1,8}(?:0x[0-9a-f]{1,16} - )?(\S.{0,380})")
_GO_PLACE = re.compile(r"\t(\S{1,380}):\d{1,7}(?: \+0x|$)")
_GO_CALL = re.compile(r"(?:created by )?([\w./*()\[\]-]{1,300})(?:\(| in goroutine|$)")
_RUBY = re.compile(r"[ \t]{0,40}(?:from )?([^\s:]{1,380}):\d{1,7}:in [`']")
_PHP = re.compile(r"[ \t]{0,8}#\d{1,4} ([^\s(]{1,380})\(\d{1,7}\)")
_PYTEST_RULE = re.compile(r"(?:_ ){10,200}_?\s{0,2}$")
_PYTEST_SHORT = re.compile(r"([^\s:]{1,380}):\d{1,7}: in \S")
_PYTEST_PLACE = re.compile(r"([^\s:]{1,380}):\d{1,7}: ?[\w.]{0,80}$")


class _Piece(NamedTuple):
    """Some lines of a text: one frame of a stack, or a line that is none; `frames` says how many."""

    lines: list[str]
    frames: int = 0
    library: bool = False


def folded(text: str, roots: Sequence[str] = ()) -> str:
    """The text without colours and the frames of libraries, of which a mark says how many they were.

    A trace of nothing but libraries stays as it is. `roots` are folders whose files are named relative to them, since
    a suite ran in another folder than the one that the reader has.
    """
    lines = [_cut(line) for line in _within(_ESCAPES.sub("", text), roots).splitlines()]
    pieces = list(_pieces(lines))
    if not any(piece.frames and not piece.library for piece in pieces):
        return "\n".join(lines)
    return "\n".join(_without_libraries(pieces))


def _within(text: str, roots: Sequence[str]) -> str:
    for root in sorted((root.rstrip("/") for root in roots), key=len, reverse=True):
        if root:
            text = text.replace(f"file://{root}/", "").replace(f"{root}/", "")
    return text


def _cut(line: str) -> str:
    return line if len(line) <= LINE else f"{line[:LINE]} [...]"


def _without_libraries(pieces: Sequence[_Piece]) -> Iterator[str]:
    hidden = 0
    for piece in pieces:
        if piece.library:
            hidden += piece.frames
            errors = [line for line in piece.lines if line.startswith(ERROR)]
            if errors:
                yield from (_mark(hidden), *errors)
                hidden = 0
            continue
        if hidden:
            yield _mark(hidden)
            hidden = 0
        yield from piece.lines
    if hidden:
        yield _mark(hidden)


def _mark(hidden: int) -> str:
    return f"    [... {hidden} frame{'s' * (hidden != 1)} of libraries ...]"


def _pieces(lines: Sequence[str]) -> Iterator[_Piece]:
    here = 0
    while here < len(lines):
        found = _frame(lines, here) or _Piece([lines[here]])
        yield found
        here += len(found.lines)


def _frame(lines: Sequence[str], here: int) -> _Piece | None:
    """The frame that begins in this line, with the lines that belong to it."""
    line = lines[here][:_LOOKED_AT]
    if match := _PYTHON.match(line) or _PYTEST_SHORT.match(line):
        return _Piece([lines[here], *_below(lines, here)], 1, _is_library(match[1]))
    if match := _GO_CALL.match(line):
        place = _GO_PLACE.match(_next(lines, here))
        if place:
            return _Piece([lines[here], lines[here + 1]], 1, _is_library(place[1]) or _is_library_name(match[1]))
    if match := _NUMBERED.match(line):
        return _rust(lines, here, match[1])
    if match := _AT.match(line):
        return _Piece([lines[here]], 1, _is_library(match[1]) or _is_library_name(match[1]))
    if match := _RUBY.match(line) or _PHP.match(line):
        return _Piece([lines[here]], 1, _is_library(match[1]))
    return _section(lines, here) if _PYTEST_RULE.match(line) else None


def _below(lines: Sequence[str], here: int) -> Iterator[str]:
    """The source that Python shows below a frame, and its marks."""
    deeper = _indent(lines[here]) + 1
    for line in lines[here + 1 : here + 1 + _SOURCE]:
        said = line.startswith("  [Previous line repeated")
        if not said and (_indent(line) < deeper or _PYTHON.match(line[:_LOOKED_AT])):
            return
        yield line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _next(lines: Sequence[str], here: int) -> str:
    return lines[here + 1][:_LOOKED_AT] if here + 1 < len(lines) else ""


def _rust(lines: Sequence[str], here: int, name: str) -> _Piece | None:
    """A frame of Rust is a numbered name, mostly with its place in the next line."""
    place = _AT.match(_next(lines, here))
    if place:
        return _Piece([lines[here], lines[here + 1]], 1, _is_library(place[1]) or _is_library_name(name))
    return _Piece([lines[here]], 1, True) if _is_library_name(name) else None


def _section(lines: Sequence[str], here: int) -> _Piece | None:
    """A frame of pytest's long form: a rule, source, and the place as the last line. The error itself is kept."""
    end = here + 1
    while end < len(lines) and end - here < 200 and not _PYTEST_RULE.match(lines[end][:_LOOKED_AT]):
        place = _PYTEST_PLACE.match(lines[end][:_LOOKED_AT])
        if place:
            inside = list(lines[here : end + 1])
            return _Piece(inside, 1, _is_library(place[1]))
        end += 1
    return None


def _is_library(place: str) -> bool:
    return _LIBRARY.search(place) is not None


def _is_library_name(name: str) -> bool:
    return _LIBRARY_NAME.match(name) is not None
