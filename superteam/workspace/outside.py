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
    HOME,
    MANIFESTS,
    PLACES,
    TEMPORARY,
    Named,
    Place,
    State,
    Text,
    carries,
    is_code,
    named_in,
    project_names,
)

ENTRIES = 20_000  # of one folder; with more nothing in it is looked at
FILES = 200  # of code that are read
_BYTES = 400_000
_FOUND = 20
_LOOKED_AT = 200  # files of a folder among which the newest is looked for


def state_outside(tree: Path, env: Mapping[str, str], own: Sequence[Path], code: Sequence[str]) -> tuple[State, ...]:
    """The entries of the user's folders that can decide what programs do in the tree with this environment.

    `own` are paths that are no state: ours, and the checkout. `code` are files of the tree that speak of such folders.
    """
    home = home_of(env)
    texts = [Text(name, _read(tree / name), str(home)) for name in code]
    found = [*_in_homes(tree, env, home, own, texts), *_in_temporary((*own, tree, home, *_temporary_of(env)), texts)]
    return tuple(dict.fromkeys(found))[:_FOUND]


def home_of(env: Mapping[str, str]) -> Path:
    """The user's folder as most programs find it."""
    return Path(env.get("HOME") or Path("~").expanduser())


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
        for entry in _entries(folder, spared):
            named = _named_below(place, entry, texts)
            if named or (carries(entry.name, names) and (place is not HOME or entry.name.startswith("."))):
                yield State(entry.path, _newest(entry), hideable=True, named=named)


def _folders_of(env: Mapping[str, str], home: Path) -> list[tuple[Place, Path]]:
    """The places with their folders: where variables lead, and the usual ones, which programs may use all the same."""
    found = [(place, home / place.usual) for place in PLACES]
    found += [(place, Path(env[place.variable])) for place in PLACES if env.get(place.variable)]
    return list(dict.fromkeys(found))


def _named_below(place: Place, entry: os.DirEntry[str], texts: Sequence[Text]) -> Named | None:
    """Where code names the entry; a folder at the top of HOME that is not hidden has a name as anything has."""
    is_common = place is HOME and not entry.name.startswith(".") and entry.is_dir()
    return named_in(entry.name, texts, place.words, same_line=is_common)


def _in_temporary(spared: Sequence[Path], texts: Sequence[Text]) -> Iterator[State]:
    for folder in TEMPORARY:
        if not any(text.speaks_of((folder,)) for text in texts):
            continue
        for entry in _entries(Path(folder), spared):
            named = named_in(entry.name, texts, (folder,)) if _is_the_users(entry) else None
            if named is not None:
                yield State(entry.path, _newest(entry), hideable=False, named=named)


def _entries(folder: Path, spared: Sequence[Path]) -> list[os.DirEntry[str]]:
    """What is in a folder, but what leads to one of the spared paths or is one; nothing where there is too much."""
    here = _real(folder)
    on_the_way = {_real(path).relative_to(here).parts[:1] for path in spared if _real(path).is_relative_to(here)}
    try:
        with os.scandir(folder) as listing:
            entries = list(islice(listing, ENTRIES + 1))
    except OSError:
        return []
    if len(entries) > ENTRIES:
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
