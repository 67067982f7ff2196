"""What decides which programs git runs in a repository, read as plain files: git itself is never asked.

Looked at before and after a dispatch; what differs was planted meanwhile. Nothing here follows a pipe or a device.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from superteam.core.planted import Place, Role, settings_in

LIMIT = 1024**2  # bytes of a file that are looked at; of a longer one its hash tells the rest
_HASHED = 64 * 1024**2  # bytes of it; of a longer one (sparse files, /proc/kcore) its size and time tell the rest
_HOOKS = 200
_INCLUDED = 30
_FILES: tuple[tuple[Role, str], ...] = (
    ("settings", "config"),
    ("settings", "config.worktree"),
    ("attributes", "info/attributes"),
    ("objects", "objects/info/alternates"),
    ("objects", "objects/info/http-alternates"),
    ("history", "info/grafts"),
    ("sparse", "info/sparse-checkout"),
    ("link", "commondir"),
)

Surface = Mapping[Place, bytes]


@dataclass(frozen=True, slots=True)
class Sight:
    """Where to look: the `.git` of a tree of ours, the folders of the user's repository, and the files of his home."""

    tree: Path | None
    folders: tuple[Path, ...]
    settings: tuple[Path, ...]
    attributes: tuple[Path, ...]


def sight(tree: Path | None, folders: tuple[Path, ...], environ: Mapping[str, str]) -> Sight:
    """What there is to look at when an agent works in `tree` (None: in the checkout)."""
    home = Path(environ.get("HOME") or "/nonexistent")
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "git"
    named = [Path(environ["GIT_CONFIG_GLOBAL"])] if environ.get("GIT_CONFIG_GLOBAL") else []
    settings = (home / ".gitconfig", config / "config", *named)
    return Sight(tree, tuple(dict.fromkeys(folders)), settings, (config / "attributes",))


def look(where: Sight) -> dict[Place, bytes]:
    """The contents of all files that count. Those of a tree of ours have paths below it, all others absolute ones."""
    found: dict[Place, bytes] = {}
    if where.tree is not None:
        found |= {
            Place(place.role, os.path.relpath(place.path, where.tree)): data
            for place, data in _repository(where.tree / ".git")
        }
    for folder in where.folders:
        found |= dict(_repository(folder))
    for path in where.settings:
        found |= dict(_file("settings", path))
    for path in where.attributes:
        found |= dict(_file("attributes", path))
    return found | _included(found, where.tree)


def _repository(git: Path) -> Iterator[tuple[Place, bytes]]:
    """A git directory: what it is, and if it is a folder the files in it."""
    found = what_is(git)
    if found is not None:
        yield Place("repository", str(git)), found
    if git.is_symlink() or not git.is_dir():
        return
    for role, name in _FILES:
        yield from _file(role, git / name)
    for path in _below(git / "hooks"):
        if path.suffix != ".sample":
            yield from _file("hook", path)
    for path in _below(git / "refs" / "replace"):
        yield from _file("history", path)
    packed = [line for line in (what_is(git / "packed-refs") or b"").splitlines() if b" refs/replace/" in line]
    if packed:
        yield Place("history", str(git / "packed-refs")), b"\n".join(packed)


def _file(role: Role, path: Path) -> Iterator[tuple[Place, bytes]]:
    found = what_is(path)
    if found is not None:
        yield Place(role, str(path)), found


def _below(folder: Path) -> list[Path]:
    """The files below a folder, in order; of very many only the first."""
    found = [Path(top, name) for top, _, names in os.walk(folder) for name in names]
    return sorted(found)[:_HOOKS]


def what_is(path: Path) -> bytes | None:
    """What a file holds, and where a link leads; of anything else its kind; None where nothing is."""
    try:
        kind = path.lstat().st_mode
        if stat.S_ISLNK(kind):
            return b"link to " + os.fsencode(path.readlink()) + b"\n" + (_read(path) or b"")
        return _read(path) if stat.S_ISREG(kind) else f"kind {stat.S_IFMT(kind):o}".encode()
    except (OSError, ValueError):  # of a path with a NUL
        return None


def _read(path: Path) -> bytes | None:
    """The content of a regular file; opened so that a pipe cannot hold us."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(LIMIT)
        rest = hashlib.sha256()
        while file.tell() < _HASHED and (more := file.read(LIMIT)):
            rest.update(more)
        if file.tell() >= _HASHED:
            rest.update(f"{facts.st_size} {facts.st_mtime_ns}".encode())
    return data if len(data) < LIMIT else data + f"\nand {rest.hexdigest()}".encode()


def _included(found: Surface, tree: Path | None) -> dict[Place, bytes]:
    """The settings files that other settings files include, whatever condition they do it under."""
    more: dict[Place, bytes] = {}
    waiting = [(place, data) for place, data in found.items() if place.role == "settings"]
    while waiting and len(more) < _INCLUDED:
        place, data = waiting.pop()
        for key, value in settings_in(data.decode("utf-8", "surrogateescape")):
            if not (key == "include.path" or (key.startswith("includeif.") and key.endswith(".path"))):
                continue
            path = Path(os.path.normpath((tree or Path("/")) / Path(place.path).parent / os.path.expanduser(value)))  # noqa: PTH111
            new = {p: text for p, text in _file("settings", path) if p not in found and p not in more}
            more |= new
            waiting += new.items()
    return more
