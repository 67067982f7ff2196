"""Looks for state outside of the tree that can decide what a suite says: in the user's folders and temporary ones.

Only names are read there, of no more than a few thousand entries, and nothing is written. The rules are in
core/outside.py.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from superteam.core.outside import (
    EVERYBODYS,
    HOME,
    MANIFESTS,
    NEAR,
    PLACES,
    TEMPORARY,
    Names,
    Place,
    State,
    Text,
    carries,
    is_code,
    project_names,
)

ENTRIES = 5000  # of one of the user's folders; with more nothing in it is looked at
IN_TEMPORARY = 50_000
FILES = 200  # of code that are read
_BYTES = 400_000  # of one file
_ALL_BYTES = 4_000_000
_FOUND = 20
_LOOKED_AT = 200  # files of a folder among which the newest is looked for


def state_outside(tree: Path, env: Mapping[str, str], own: Sequence[Path], code: Sequence[str]) -> tuple[State, ...]:
    """The entries of the user's folders that can decide what programs do in the tree with this environment.

    `own` are paths that are no state: ours, and the checkout. `code` are files of the tree that speak of such folders.
    """
    home = home_of(env)
    texts = [Text(name, text, str(home)) for name, text in _texts(tree, code)]
    found = [*_in_homes(tree, env, home, own, texts), *_in_temporary((*own, tree, home, *_temporary_of(env)), texts)]
    return tuple(dict.fromkeys(found))[:_FOUND]


def home_of(env: Mapping[str, str]) -> Path:
    """The user's folder as most programs find it."""
    return Path(env.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 pathlib raises where there is none


def code_that_speaks(names: Iterable[str], first: Collection[str]) -> list[str]:
    """Of files that speak of such folders those that are code, the `first` before others, and no more than are read."""
    code = [name for name in names if is_code(name)]
    return sorted(code, key=lambda name: name not in first)[:FILES]


def _in_homes(
    tree: Path, env: Mapping[str, str], home: Path, own: Sequence[Path], texts: Sequence[Text]
) -> Iterator[State]:
    if not home.is_absolute() or home.is_relative_to(tree) or any(_real(path) == _real(home) for path in own):
        return  # none, one that is put back with the tree, or the checkout itself
    folders = _folders_of(env, home)
    names = _names_of(tree)
    spared = [*own, tree, *_temporary_of(env), *(folder for _, folder in folders)]
    for place, folder in folders:
        near, anywhere = Names(texts, place.words, NEAR), Names(texts, place.words)
        for entry in _entries(folder, spared, ENTRIES):
            is_dotted = entry.name.startswith(".")
            named = (anywhere if is_dotted else near).find(entry.name)
            named = None if place is HOME and entry.name in EVERYBODYS else named
            if named or ((is_dotted or place is not HOME) and carries(entry.name, names)):
                yield State(entry.path, _newest(entry), hideable=True, named=named)


def _folders_of(env: Mapping[str, str], home: Path) -> list[tuple[Place, Path]]:
    """The places with their folders: where variables lead, and the usual ones, which programs may use all the same."""
    found = [(place, home / place.usual) for place in PLACES]
    found += [(place, Path(env[place.variable])) for place in PLACES if env.get(place.variable)]
    return list(dict.fromkeys(found))


def _in_temporary(spared: Sequence[Path], texts: Sequence[Text]) -> Iterator[State]:
    for folder in TEMPORARY:
        code = Names(texts, (folder,), NEAR)
        for entry in _entries(Path(folder), spared, IN_TEMPORARY) if code.whole or code.begun else ():
            named = code.find(entry.name)
            if named is not None and _is_the_users(entry):
                yield State(entry.path, _newest(entry), hideable=False, named=named)


def _entries(folder: Path, spared: Sequence[Path], limit: int) -> list[os.DirEntry[str]]:
    """What is in a folder, but what leads to one of the spared paths or is one; nothing where there is too much."""
    here = _real(folder)
    inside = [path for path in map(_real, spared) if path.is_relative_to(here)]
    on_the_way = {path.relative_to(here).parts[:1] for path in inside}
    try:
        with os.scandir(folder) as listing:
            entries = list(islice(listing, limit + 1))
    except OSError:
        return []
    if len(entries) > limit:
        return []
    kept = [entry for entry in entries if (entry.name,) not in on_the_way]
    return sorted(kept, key=lambda entry: entry.name)


def _is_the_users(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.stat(follow_symlinks=False).st_uid == os.getuid()
    except OSError:
        return False


def _newest(entry: os.DirEntry[str]) -> str:
    """The file that was written last, of the first ones of a folder; the entry itself where it is none."""
    newest = (-1, entry.path)
    try:
        if entry.is_dir(follow_symlinks=False):
            files = (Path(path, name) for path, _, names in os.walk(entry.path) for name in names)
            newest = max(((path.lstat().st_mtime_ns, str(path)) for path in islice(files, _LOOKED_AT)), default=newest)
    except OSError:
        pass
    return newest[1]


def _temporary_of(env: Mapping[str, str]) -> list[Path]:
    return [Path(env["TMPDIR"])] if env.get("TMPDIR") else []


def _names_of(tree: Path) -> frozenset[str]:
    modules = []
    for folder in (tree, tree / "src"):
        with suppress(OSError):
            entries = list(islice(folder.iterdir(), ENTRIES))
            modules += [entry.stem for entry in entries if entry.suffix == ".py" or (entry / "__init__.py").is_file()]
    return project_names(tree.name, modules, {name: _read(tree / name) for name in MANIFESTS})


def _texts(tree: Path, code: Sequence[str]) -> Iterator[tuple[str, str]]:
    left = _ALL_BYTES
    for name in code:
        text = _read(tree / name)
        left -= len(text)
        if left < 0:
            return
        yield name, text


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _read(path: Path) -> str:
    """The text of a file of the tree, empty where it has none, or is a link or no file."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return file.read(_BYTES).decode("utf-8", "replace")
    return ""
