"""What changed between two trees, line by line, read from the text of a diff: hostile text, so in linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Literal

Lines = tuple[tuple[int, str], ...]

_HEADER = "diff --git "
_HUNK = re.compile(r"@@ -([0-9]{1,9})(?:,[0-9]{1,9})? \+([0-9]{1,9})(?:,[0-9]{1,9})? @@")
_QUOTED = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"')
_ESCAPE = re.compile(r"((?:\\[0-3][0-7]{2})+)|\\(.)", re.DOTALL)
_NAMED = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
_OLD = ("rename from ", "copy from ", "--- ")
_NEW = ("rename to ", "copy to ", "+++ ")


@dataclass(frozen=True, slots=True)
class Change:
    """One changed path between two trees. Lines are numbered, `added` in the new file and `removed` in the old one."""

    path: str
    old_path: str | None
    added: tuple[tuple[int, str], ...]
    removed: tuple[tuple[int, str], ...]
    status: Literal["added", "modified", "deleted", "renamed"]
    binary: bool = False


def parse_diff(text: str) -> tuple[Change, ...]:
    """The changes in the text of `git diff -U0 --no-ext-diff --no-textconv --no-color -M` with prefixes a/ and b/.

    What cannot be understood is left out. A line of a file never begins a line of a diff without a mark in front, so
    no content can pass for a header.
    """
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith(_HEADER)]
    return tuple(_change(lines[start:end]) for start, end in pairwise([*starts, len(lines)]))


def _change(block: list[str]) -> Change:
    head = list(takewhile(lambda line: not line.startswith("@@ -"), block))
    added, removed = _hunks(block[len(head) :])
    old, new = _path(head, _OLD), _path(head, _NEW)
    path = new or old or _path_of_header(head[0])
    status = _status(head)
    return Change(
        path=path,
        old_path=old if status == "renamed" else None,
        added=added,
        removed=removed,
        status=status,
        binary=any(line.startswith(("Binary files ", "GIT binary patch")) for line in head),
    )


def _status(head: list[str]) -> Literal["added", "modified", "deleted", "renamed"]:
    for line in head:
        if line.startswith(("new file mode", "copy from ")):
            return "added"
        if line.startswith("deleted file mode"):
            return "deleted"
        if line.startswith("rename from "):
            return "renamed"
    return "modified"


def _path(head: list[str], marks: tuple[str, ...]) -> str | None:
    for mark in marks:
        for line in head:
            if line.startswith(mark):
                name = _unquoted(line[len(mark) :].rstrip("\t\r"))
                if name != "/dev/null":
                    return name if "from" in mark or "to" in mark else name[2:]
    return None


def _path_of_header(line: str) -> str:
    """The path of a change without lines and without a rename, which the header names twice: `a/X b/X`."""
    names = line.removeprefix(_HEADER)
    quoted = _QUOTED.match(names)
    return _unquoted(quoted[0])[2:] if quoted else names[2 : (len(names) - 1) // 2]


def _unquoted(name: str) -> str:
    """The path behind git's quotes: C escapes, and bytes in octal that together are UTF-8."""
    quoted = _QUOTED.fullmatch(name)
    return _ESCAPE.sub(_unescaped, quoted[1]) if quoted else name


def _unescaped(match: re.Match[str]) -> str:
    if match[1] is None:
        return _NAMED.get(match[2], match[2])
    return bytes(int(octal, 8) for octal in match[1].split("\\")[1:]).decode("utf-8", "surrogateescape")


def _hunks(body: list[str]) -> tuple[Lines, Lines]:
    added: list[tuple[int, str]] = []
    removed: list[tuple[int, str]] = []
    old = new = 1
    for line in body:
        mark, rest = line[:1], line[1:]
        if hunk := _HUNK.match(line):
            old, new = int(hunk[1]), int(hunk[2])
        elif mark == "+":
            added.append((new, rest))
            new += 1
        elif mark == "-":
            removed.append((old, rest))
            old += 1
        elif mark == " ":
            old, new = old + 1, new + 1
    return tuple(added), tuple(removed)
