"""Reads files of a tree that a document names: never out of the tree, never through a link, never more than a limit."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from superteam.core.must_haves import path_problem

CHECKED_LIMIT = 1_000_000
SHOWN_LIMIT = 8_000
ALL_SHOWN_LIMIT = 40_000


@dataclass(frozen=True, slots=True)
class Reference:
    """A file that a plan wants its agents to know; `text` is None where `problem` says why it is not there."""

    path: str
    text: str | None = None
    problem: str = ""
    cut: bool = False


def is_there(tree: Path, name: str) -> bool:
    """Whether a file or folder of the tree has this name."""
    return path_problem(name) is None and _place(tree, name) is not None


def text_of(tree: Path, name: str, limit: int = CHECKED_LIMIT) -> str | None:
    """The text of a file, or None if it is longer than the limit (in bytes), no text, or no file of the tree."""
    data = _bytes_of(tree, name, limit)
    if data is None or len(data) > limit or b"\0" in data:
        return None
    return data.decode("utf-8", "replace")


def references(tree: Path, names: Sequence[str]) -> tuple[Reference, ...]:
    """The files that are named (with or without the mark `@`), each cut, and all of them together."""
    found: list[Reference] = []
    left = ALL_SHOWN_LIMIT
    for name in dict.fromkeys(name.strip().removeprefix("@").removeprefix("./") for name in names):
        reference = _reference(tree, name, min(left, SHOWN_LIMIT))
        left -= len(reference.text or "")
        found.append(reference)
    return tuple(found)


def _reference(tree: Path, name: str, room: int) -> Reference:
    problem = path_problem(name)
    if problem:
        return Reference(name, problem=problem)
    data = _bytes_of(tree, name, 4 * room)
    if data is None:
        return Reference(name, problem="is not there" if not is_there(tree, name) else "is no file that can be read")
    if b"\0" in data:
        return Reference(name, problem="is no text")
    if room <= 0:
        return Reference(name, problem="is left out, since the files before it are long")
    text = data.decode("utf-8", "replace")
    return Reference(name, text[:room], cut=len(text) > room)


def _place(tree: Path, name: str) -> Path | None:
    """Where the name leads, if that is in the tree and not in a repository's own folder."""
    try:
        place, root = (tree / name).resolve(strict=True), tree.resolve()
    except (OSError, RuntimeError, ValueError):
        return None
    inside = place.is_relative_to(root) and ".git" not in place.relative_to(root).parts
    return place if inside else None


def _bytes_of(tree: Path, name: str, limit: int) -> bytes | None:
    """At most one byte more than the limit, so that the caller sees that there is more."""
    place = _place(tree, name) if path_problem(name) is None else None
    if place is None:
        return None
    try:
        if not stat.S_ISREG(place.stat().st_mode):  # a folder, a pipe
            return None
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(limit + 1)
    except OSError:
        return None
