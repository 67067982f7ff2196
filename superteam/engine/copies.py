"""Copies of a source in a tree: what a build, an installation or a cache made of it, and a suite may run instead.

A copy is known by its content: most of the lines of the source as it was. One of the source as it is proves nothing
against the suite. Files and folders are hostile:
bounded in number and size, never through a link.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

_FILES = 60_000
_SIZE = 2_000_000
_LINE = 8  # characters of a line that says something
_SHARE = 0.6
_BUILT = frozenset(
    ("dist", "build", "out", "lib", "target", "public", "bundle", "bundles", "generated", "gen", ".cache")
)
_SKIPPED = frozenset((".git", ".superteam", "__pycache__", ".pytest_cache"))


def copies_of(tree: Path, sources: Mapping[str, tuple[str, str]], tracked: Collection[str]) -> dict[str, str]:
    """For each source (its path, its text now and before) a file in the tree that is a copy of it as it was before.

    A tracked file is one only in a folder of builds: elsewhere it is a source of its own.
    """
    versions = {path: (_lines(now), _lines(before)) for path, (now, before) in sources.items()}
    stems = {Path(path).name.partition(".")[0] for path in versions}
    found: dict[str, str] = {}
    for name in _candidates(tree, stems, frozenset(tracked)):
        text = _text(tree / name)
        for path, (now, before) in versions.items():
            if path not in found and path != name and _is_stale(text, now, before):
                found[path] = name
        if len(found) == len(versions):
            break
    return found


def _candidates(tree: Path, stems: set[str], tracked: frozenset[str]) -> Iterator[str]:
    """Files that have the name of a source and are none, and all files that lie in folders of builds."""
    seen = 0
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        inside = Path(folder).relative_to(tree)
        built = not _BUILT.isdisjoint(inside.parts) and "node_modules" not in inside.parts
        for file in sorted(files):
            seen += 1
            if seen > _FILES:
                return
            name = (inside / file).as_posix()
            if built or (file.partition(".")[0] in stems and name not in tracked):
                yield name


def _text(path: Path) -> str:
    try:
        facts = path.lstat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _SIZE:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _lines(text: str) -> list[str]:
    """The lines that say something, in a form that a compiler's indentation and semicolons do not change."""
    found = [line.strip().rstrip(";, ") for line in text.splitlines()]
    return [line for line in dict.fromkeys(found) if len(line) >= _LINE]


def _is_stale(text: str, now: Sequence[str], before: Sequence[str]) -> bool:
    """Whether a text is the source as it was before: with the lines that went, or without those that came."""
    if not before or sum(line in text for line in before) < _SHARE * len(before):
        return False
    gone = [line for line in before if line not in now]
    new = [line for line in now if line not in before]
    return any(line in text for line in gone) or (bool(new) and not any(line in text for line in new))
