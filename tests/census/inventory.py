"""Takes an inventory of a folder, and compares two of them: bytes, modes, links, times and inodes."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal

Change = Literal["added", "removed", "changed", "touched"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or link as it is on disk. The size of a folder is not compared."""

    kind: str
    mode: int
    size: int
    sha256: str
    target: str
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Allowed:
    """Paths (a glob in which `*` also matches `/`) that a command may change, and how."""

    glob: str
    changes: tuple[Change, ...] = ("added", "removed", "changed", "touched")


@dataclass(frozen=True, slots=True)
class Difference:
    """One path that differs between two inventories; `fields` names what differs.

    What only has another time is "touched".
    """

    path: str
    change: Change
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        fields = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.change} {self.path}{fields}"


def take_inventory(folder: Path) -> dict[str, Entry]:
    """Returns every file, folder and link below a folder by its relative path; follows no link."""
    root = os.fspath(folder)
    return {os.path.relpath(path, root): _entry(path) for path in _paths_below(root)}


def _paths_below(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            yield os.path.join(folder, name)  # noqa: PTH118  (a Path for each of 10,000 is slow)


def _entry(path: str) -> Entry:
    facts = os.lstat(path)
    kind = _kind(facts.st_mode)
    return Entry(
        kind=kind,
        mode=stat.S_IMODE(facts.st_mode),
        size=0 if kind == "folder" else facts.st_size,
        sha256=hashlib.sha256(Path(path).read_bytes()).hexdigest() if kind == "file" else "",
        target=str(Path(path).readlink()) if kind == "link" else "",
        mtime_ns=facts.st_mtime_ns,
        inode=facts.st_ino,
    )


def _kind(mode: int) -> str:
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
    return kinds.get(stat.S_IFMT(mode), "other")


def differences(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[Difference]:
    """Returns all that differs between two inventories."""
    added = [Difference(path, "added") for path in after.keys() - before.keys()]
    removed = [Difference(path, "removed") for path in before.keys() - after.keys()]
    both = before.keys() & after.keys()
    changed = [_difference(path, _fields(before[path], after[path])) for path in both if before[path] != after[path]]
    return sorted([*added, *removed, *changed], key=lambda difference: difference.path)


def _difference(path: str, fields: tuple[str, ...]) -> Difference:
    change: Change = "touched" if fields == ("mtime_ns",) else "changed"
    return Difference(path, change, fields)


def _fields(before: Entry, after: Entry) -> tuple[str, ...]:
    names = Entry.__dataclass_fields__
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))


def not_allowed(found: Sequence[Difference], allowed: Sequence[Allowed]) -> list[Difference]:
    """Returns the differences that no rule allows.

    A folder's time changes with each name in it: that is allowed where a name in it may change.
    """
    permitted = [difference for difference in found if _is_allowed(difference, allowed)]
    busy = {str(PurePosixPath(difference.path).parent) for difference in permitted}
    return [difference for difference in found if difference not in permitted and not _is_busy(difference, busy)]


def _is_allowed(difference: Difference, allowed: Sequence[Allowed]) -> bool:
    return any(difference.change in rule.changes and fnmatchcase(difference.path, rule.glob) for rule in allowed)


def _is_busy(difference: Difference, busy: set[str]) -> bool:
    return difference.path in busy and difference.change == "touched"
