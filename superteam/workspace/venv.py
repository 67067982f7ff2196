"""Copies dependency folders into a tree so that nothing in the copy leads back to the checkout's code.

A copied virtual environment keeps naming the folder it was made for: in .pth files, in the finders of editable
installs, in shebangs. A suite run with it would test the checkout's code, with normal exit codes and counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from superteam.workspace.copying import Copying

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
    by_place = {os.path.realpath(path): path for path in sorted(found, reverse=True)}  # `lib` wins
    return sorted(by_place.values())


def installed(prefix: Path) -> list[str]:
    """The names and versions of what is installed below a prefix, as the names of the metadata folders."""
    names = (entry.name for folder in site_packages(prefix) for entry in os.scandir(folder))
    return sorted(name for name in names if name.endswith((".dist-info", ".egg-info", ".egg-link")))


def state_of_packages(prefix: Path) -> list[str]:
    """Returns what changes when something is installed, removed or reinstalled below a prefix, not with bytecode."""
    facts = []
    for folder in site_packages(prefix):
        facts.append(os.fspath(folder))
        facts += sorted(_entry_fact(entry) for entry in os.scandir(folder) if entry.name != "__pycache__")
    return facts


def _entry_fact(entry: os.DirEntry[str]) -> str:
    """A package's own folder changes its time when bytecode is written, its metadata folder does not."""
    if entry.is_dir(follow_symlinks=False) and not entry.name.endswith("-info"):
        return entry.name
    info = entry.stat(follow_symlinks=False)
    return f"{entry.name} {info.st_size} {info.st_mtime_ns}"


def content(path: Path) -> str:
    """A regular file's content as text; anything else (a pipe would block) by its kind alone."""
    mode = path.lstat().st_mode
    return path.read_bytes().decode("latin-1") if stat.S_ISREG(mode) else str(stat.S_IFMT(mode))


def digest(facts: Iterable[str]) -> str:
    """A short hash over a list of texts; file names that are no valid text are taken as they are."""
    return hashlib.sha256("\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def copy_of_environment(source: Path, target: Path, move: Relocation) -> Copying:
    """Returns how an environment is copied; what it says about the checkout then says the tree."""
    real = Path(os.path.realpath(source))
    moves = relocation(((os.fspath(real), os.fspath(target)), *move.folders))
    job = _job(Sides(real, target, moves), _is_venv_text, _is_stale_bytecode, _is_shared_file(real, moves))
    links = {}
    for folder in site_packages(real):
        for name, led in installed_copies(folder, move).items():
            links[(folder / name).relative_to(real).as_posix()] = led
    return replace(job, links=links)


def copy_of_node_modules(source: Path, target: Path, move: Relocation) -> Copying:
    """Returns how installed packages are copied; links between workspaces lead to the tree's workspaces."""
    return _job(Sides(Path(os.path.realpath(source)), target, move), _is_node_text, _never, _never)


def copy_of_data(source: Path, target: Path, move: Relocation) -> Copying:
    """Returns how any other folder or file is copied: with the content of what lies outside of the checkout."""
    real = Path(os.path.realpath(source))
    return _job(Sides(real, target, move), _never, _never, _leads_out(real, move))


@dataclass(frozen=True, slots=True)
class Sides:
    """The two folders of a copy, and which folders become which in it."""

    source: Path
    target: Path
    move: Relocation


Test = Callable[[PurePosixPath], bool]


def _job(sides: Sides, is_text: Test, skip: Test, is_followed: Test) -> Copying:
    return Copying(
        source=sides.source,
        target=sides.target,
        edit=lambda place: _edited(sides, place) if is_text(place) else None,
        link_text=lambda place: _link_text(sides, place),
        skip=skip,
        is_followed=is_followed,
        limit=SIZE_LIMIT,
    )


def _never(place: PurePosixPath) -> bool:
    return False


def _is_shared_file(source: Path, move: Relocation) -> Test:
    """Returns a test for packages whose files are links into the cache of a package manager."""
    leads_out = _leads_out(source, move)
    return lambda place: "site-packages" in place.parts and (source / place).is_file() and leads_out(place)


def _leads_out(source: Path, move: Relocation) -> Test:
    """Returns a test for links to what exists outside of both the folder and the checkout."""

    def test(place: PurePosixPath) -> bool:
        led = os.path.realpath(source / place)
        return Path(led).exists() and not within(led, os.fspath(source)) and moved(led, move) is None

    return test


def _is_node_text(place: PurePosixPath) -> bool:
    return ".bin" in place.parts[:-1] or place.name == ".modules.yaml"


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


def _is_stale_bytecode(place: PurePosixPath) -> bool:
    """Bytecode of a finder that is rewritten within the same second, with the same length, would be believed."""
    return place.name == "__pycache__" and len(place.parts) == 4 and place.parts[2] == "site-packages"


def _edited(sides: Sides, place: PurePosixPath) -> bytes | None:
    old = small_text(sides.source / place)
    if old is None:
        return None
    new = edited_script(old, sides.move)
    return new if new != old else None


def edited_script(data: bytes, move: Relocation) -> bytes:
    """Returns a text with its moved folders, and with a first line that the kernel takes."""
    new = rewritten(data, move)
    return with_short_shebang(new) if new != data else data


def small_text(path: Path) -> bytes | None:
    """Returns the content of a text of ordinary size that can be read; None for anything else."""
    try:
        if path.stat().st_size > _TEXT_LIMIT:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    return None if b"\0" in data else data


def with_short_shebang(data: bytes) -> bytes:
    """The kernel takes no spaces in an interpreter's path and cuts long ones: then /bin/sh starts it, as pip does."""
    line, newline, rest = data.partition(b"\n")
    program = line[2:].strip()
    if not line.startswith(b"#!/") or b"python" not in program.rpartition(b"/")[2]:
        return data
    if len(line) <= _SHEBANG_LIMIT and b" " not in program:
        return data
    return b"#!/bin/sh\n'''exec' \"" + program + b'" "$0" "$@"\n\' \'\'\'' + newline + rest


def _link_text(job: Sides, place: PurePosixPath) -> str:
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
    data = small_text(path) or b""
    if path.suffix == ".pth":
        return path_lines(data)
    named = (Path(os.fsdecode(text)) for text in _QUOTED.findall(data))
    return [os.fspath(name.parents[1] if name.name == "__init__.py" else name.parent) for name in named]


def path_lines(data: bytes) -> list[str]:
    """The absolute folders that a path file lists."""
    lines = (line.strip() for line in data.splitlines())
    return [os.path.normpath(os.fsdecode(line)) for line in lines if line.startswith(b"/")]


def installed_copies(packages: Path, move: Relocation) -> dict[str, str]:
    """Returns what was installed from the checkout as a copy (`pip install .`), with its source in the tree.

    Entries of `packages` that hold a Python file which the source lacks (generated, compiled) are left out: without it
    the source does not work.
    """
    found = {}
    for url in sorted(packages.glob("*.dist-info/direct_url.json")):
        home = _home_of_copy(small_text(url) or b"", move)
        for name in _top_level_names(url.parent) if home else ():
            source = next((led for led in _counterparts(home, name) if _has_all(led, packages / name)), None)
            if source is not None:
                found[name] = os.fspath(source)
    return found


def _home_of_copy(direct_url: bytes, move: Relocation) -> Path | None:
    try:
        found = json.loads(direct_url)
        is_editable = found.get("dir_info", {}).get("editable")
        url = urlsplit(found["url"])
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    if is_editable or url.scheme != "file":
        return None
    led = moved(os.path.normpath(unquote(url.path)), move)
    return None if led is None else Path(led)


def _top_level_names(metadata: Path) -> list[str]:
    """Returns the names in a folder of packages that an installed package has, as its RECORD lists them."""
    record = metadata / "RECORD"
    data = small_text(record) if record.is_file() else None
    names = {line.partition(b",")[0].partition(b"/")[0] for line in (data or b"").splitlines()}
    listed = sorted(os.fsdecode(name) for name in names)
    return [name for name in listed if name not in ("..", "", "__pycache__") and not name.endswith(".dist-info")]


def _counterparts(home: Path | None, name: str) -> list[Path]:
    return [] if home is None else [folder / name for folder in (home, home / "src", home / "lib")]


def _has_all(source: Path, copy: Path) -> bool:
    """Whether the source has each Python module of the copy."""
    if copy.is_symlink() or source.is_symlink():
        return False
    if copy.is_file():
        return source.is_file() and copy.suffix == ".py"
    modules = [path for pattern in ("*.py", "*.so", "*.pyd") for path in copy.rglob(pattern)]
    return bool(modules) and all((source / path.relative_to(copy)).is_file() for path in modules)
