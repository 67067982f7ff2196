"""Copies dependency folders into a tree so that nothing in the copy leads back to the checkout's code.

A copied virtual environment keeps naming the folder it was made for: in .pth files, in the finders of editable
installs, in shebangs. A suite run with it would test the checkout's code, with normal exit codes and counts.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

SIZE_LIMIT = 2 * 1024**3
_TEXT_LIMIT = 4 * 1024**2
_SHEBANG_LIMIT = 127  # what the oldest kernels and macOS still take
_BEFORE = rb"(?<![\w.+@~%\-\x80-\xff])"
_AFTER = rb"(?=[/\"'`\\\t\r\n\0:;,)\]}>&?#]|\Z)"
_QUOTED = re.compile(rb"""['"](/[^'"\r\n]*)['"]""")


@dataclass(frozen=True, slots=True)
class Relocation:
    """Which absolute folders became which, longest first, and the one pattern that finds all of them in a text."""

    folders: tuple[tuple[str, str], ...]
    pattern: re.Pattern[bytes]
    texts: dict[bytes, bytes]


def relocation(folders: Iterable[tuple[str, str]]) -> Relocation:
    """The relocation of `folders` (old, new), which are absolute and without a trailing slash."""
    unique = tuple(sorted(dict(folders).items(), key=lambda pair: -len(pair[0])))
    texts: dict[bytes, bytes] = {}
    for old, new in unique:
        texts.setdefault(os.fsencode(old), os.fsencode(new))
        texts.setdefault(quote(os.fsencode(old)).encode(), quote(os.fsencode(new)).encode())
    names = b"|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
    return Relocation(unique, re.compile(_BEFORE + b"(?:" + names + b")" + _AFTER), texts)


def rewritten(data: bytes, move: Relocation) -> bytes:
    """The text with each moved folder replaced where its name ends at a path's boundary; plain or as a file URL."""
    return move.pattern.sub(lambda match: move.texts[match[0]], data)


def moved(path: str, move: Relocation) -> str | None:
    """Where an absolute path lies now; None if it was not moved."""
    for old, new in move.folders:
        if within(path, old):
            return new + path[len(old) :]
    return None


def within(path: str, folder: str) -> bool:
    """Whether a path is the folder or lies below it, by its text alone."""
    return path == folder or path.startswith(folder + "/")


def is_venv(folder: Path) -> bool:
    """Whether a folder is a virtual environment."""
    return (folder / "pyvenv.cfg").is_file()


def site_packages(prefix: Path) -> list[Path]:
    """The folders with installed packages below an interpreter's prefix; `lib64` is often a link to `lib`."""
    places = ("lib*/python*/site-packages", "lib*/pypy*/site-packages", "lib/python*/dist-packages")
    found = [path for place in (*places, "local/lib/python*/dist-packages") for path in prefix.glob(place)]
    return list({os.path.realpath(path): path for path in sorted(found)}.values())


def installed(prefix: Path) -> list[str]:
    """The names and versions of what is installed below a prefix, as the names of the metadata folders."""
    names = (entry.name for folder in site_packages(prefix) for entry in os.scandir(folder))
    return sorted(name for name in names if name.endswith((".dist-info", ".egg-info", ".egg-link")))


def venv_identity(venv: Path) -> str:
    """Changes when something is installed, removed or reinstalled; not when bytecode is written."""
    facts = [_facts(venv / "pyvenv.cfg")]
    for folder in site_packages(venv):
        facts += sorted(_entry_facts(entry) for entry in os.scandir(folder) if entry.name != "__pycache__")
    facts += sorted(entry.name for folder in venv.glob("bin") for entry in os.scandir(folder))
    return digest(facts)


def _entry_facts(entry: os.DirEntry[str]) -> str:
    """A package's own folder changes its time when bytecode is written, its metadata folder does not."""
    if entry.is_dir(follow_symlinks=False) and not entry.name.endswith("-info"):
        return entry.name
    return _facts(Path(entry.path))


def _facts(path: Path) -> str:
    found = path.lstat()
    return f"{path.name} {stat.S_IFMT(found.st_mode)} {found.st_size} {found.st_mtime_ns}"


def folder_identity(source: Path) -> str:
    """Changes when any file below is changed, by name, size and time."""
    if source.is_symlink() or not source.is_dir():
        return digest([_facts(source), str(source.readlink()) if source.is_symlink() else ""])
    start = len(os.fspath(source))
    return digest(sorted(f"{entry.path[start:]} {_facts(Path(entry.path))}" for entry in _below(source)))


def content(path: Path) -> str:
    """A regular file's content as text; anything else (a pipe would block) by its kind alone."""
    mode = path.lstat().st_mode
    return path.read_bytes().decode("latin-1") if stat.S_ISREG(mode) else str(stat.S_IFMT(mode))


def digest(facts: Iterable[str]) -> str:
    """A short hash over a list of texts; file names that are no valid text are taken as they are."""
    return hashlib.sha256("\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def too_large(source: Path) -> bool:
    """Whether a copy would take more than the limit."""
    total = 0
    for entry in _below(source) if source.is_dir() else ():
        total += entry.stat(follow_symlinks=False).st_size
        if total > SIZE_LIMIT:
            return True
    return False


def _below(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Every file and link below a folder, links not followed."""
    waiting = [os.fspath(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    yield entry


@dataclass(frozen=True, slots=True)
class Copying:
    """One copy: from where to where, what moves with it, and which texts (by their place in it) are rewritten."""

    source: Path
    target: Path
    move: Relocation
    is_text: Callable[[PurePosixPath], bool]


def copy_venv(source: Path, target: Path, move: Relocation) -> None:
    """Copies an environment to a place where nothing is; what it says about the checkout then says the tree."""
    real = Path(os.path.realpath(source))
    folders = ((os.fspath(real), os.fspath(target)), *move.folders)
    copy(Copying(real, target, relocation(folders), _is_venv_text))


def _is_venv_text(place: PurePosixPath) -> bool:
    """The files that name folders: launchers, and in site-packages path files, finders and direct_url.json."""
    match place.parts:
        case ("bin", _):
            return True
        case (_, _, "site-packages", name):
            return not name.endswith((".so", ".pyd"))
        case (_, _, "site-packages", folder, "direct_url.json"):
            return folder.endswith(".dist-info")
    return False


def copy_node_modules(source: Path, target: Path, move: Relocation) -> None:
    """Copies installed packages; links between workspaces lead to the tree's workspaces."""
    real = Path(os.path.realpath(source))
    copy(Copying(real, target, move, lambda place: ".bin" in place.parts[:-1] or place.name == ".modules.yaml"))


def copy(job: Copying) -> None:
    """A plain copy without hard links, as package managers share files with their caches; links are kept."""
    _copy_entry(job, PurePosixPath())


def _copy_entry(job: Copying, place: PurePosixPath) -> None:
    source, target = job.source / place, job.target / place
    mode = source.lstat().st_mode
    if stat.S_ISLNK(mode):
        target.symlink_to(_link_text(job, place))
    elif stat.S_ISDIR(mode):
        target.mkdir()
        for name in sorted(path.name for path in source.iterdir()):
            if not _is_stale_bytecode(place / name):
                _copy_entry(job, place / name)
        target.chmod(stat.S_IMODE(mode) | 0o700)
    elif stat.S_ISREG(mode):
        _copy_file(job, place)


def _is_stale_bytecode(place: PurePosixPath) -> bool:
    """Bytecode of a finder that is rewritten within the same second, with the same length, would be believed."""
    return place.name == "__pycache__" and len(place.parts) == 4 and place.parts[2] == "site-packages"


def _copy_file(job: Copying, place: PurePosixPath) -> None:
    source, target = job.source / place, job.target / place
    if job.is_text(place) and (old := _small_text(source)) is not None:
        new = rewritten(old, job.move)
        if new != old:
            target.write_bytes(_with_short_shebang(new))
            shutil.copymode(source, target)
            return
    shutil.copy2(source, target)


def _small_text(path: Path) -> bytes | None:
    if path.stat().st_size > _TEXT_LIMIT:
        return None
    data = path.read_bytes()
    return None if b"\0" in data else data


def _with_short_shebang(data: bytes) -> bytes:
    """The kernel takes no spaces in an interpreter's path and cuts long ones: then /bin/sh starts it, as pip does."""
    line, newline, rest = data.partition(b"\n")
    program = line[2:].strip()
    if not line.startswith(b"#!/") or b"python" not in program.rpartition(b"/")[2]:
        return data
    if len(line) <= _SHEBANG_LIMIT and b" " not in program:
        return data
    return b"#!/bin/sh\n'''exec' \"" + program + b'" "$0" "$@"\n\' \'\'\'' + newline + rest


def _link_text(job: Copying, place: PurePosixPath) -> str:
    """What a link says in the copy: one into the checkout leads to the tree, one out of both to where it led."""
    text = str((job.source / place).readlink())
    led = os.path.normpath((job.source / place).parent / text)
    new = moved(led, job.move)
    if not PurePosixPath(text).is_absolute():
        stays = within(led, os.fspath(job.source)) or os.path.normpath((job.target / place).parent / text) == new
        return text if stays else new or led
    if new is None:
        return text
    is_tool = not within(new, os.fspath(job.target)) and not os.path.lexists(new) and Path(led).is_file()
    return text if is_tool else new  # an interpreter below a checkout such as the home folder stays


def editable_places(prefix: Path, roots: Iterable[str]) -> list[str]:
    """The folders of the checkout that an interpreter's editable installs put on its path."""
    known = tuple(roots)
    found: dict[str, None] = {}
    for folder in site_packages(prefix):
        for path in sorted([*folder.glob("*.pth"), *folder.glob("__editable__*.py"), *folder.glob("_editable_*.py")]):
            for name in _named_folders(path):
                if any(within(name, root) for root in known):
                    found[name] = None
    return list(found)


def _named_folders(path: Path) -> list[str]:
    """A line of a path file names a folder; a quoted path in a finder names a package, whose folder is meant."""
    data = _small_text(path) or b""
    if path.suffix == ".pth":
        return path_lines(data)
    named = (Path(os.fsdecode(text)) for text in _QUOTED.findall(data))
    return [os.fspath(name.parents[1] if name.name == "__init__.py" else name.parent) for name in named]


def path_lines(data: bytes) -> list[str]:
    """The absolute folders that a path file lists."""
    lines = (line.strip() for line in data.splitlines())
    return [os.path.normpath(os.fsdecode(line)) for line in lines if line.startswith(b"/")]
