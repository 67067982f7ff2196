"""Sees changes to an environment that get into every test run: edited test runners, new plugins and start-up files.

The state is recorded when a commit is first run. A later validation that compares with this commit lists what has
appeared or changed since. It informs, and never blocks: a person may have installed something.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import source_hash
from pathlib import Path

from superteam.core.finding import Finding
from superteam.workspace import venv
from superteam.workspace.git import replace_file

Listing = dict[str, str]

_RANK = 1  # it can turn a red suite green at once
_RANK_OF_PACKAGE = 3
_KEPT = 50
_LOCAL = "local"  # the version of what was installed from a folder
_STRAY = "-"  # the version of what no package brought
_WHOLE = 400_000  # bytes of a package's code: of a larger one the sizes of its files are looked at, not the contents
_MOST = 3000  # files of one package
_UNCHECKED = b"\1\0\0\0"  # the flags of bytecode that is believed as it is
_OF_PYTHON = (".py", ".so", ".pyd")
# The first lines of a program name its interpreter, in one of the ways that fit the length of the path.
_STARTS = (b"#!", b"'''exec' ", b"' '''")
_STARTUP = ("sitecustomize.py", "usercustomize.py")
_PYTHON_RUNNERS = frozenset({"pytest", "pluggy", "unittest_xml_reporting", "nose2", "coverage"})
_NODE_RUNNERS = (
    "vitest",
    "@vitest/*",
    "jest",
    "jest-*",
    "@jest/*",
    "mocha",
    "ava",
    "tap",
    "@playwright/test",
    "jasmine*",
)
_SCRIPTS = (".js", ".cjs", ".mjs")


def record(folder: Path, sha: str, listing: Listing) -> None:
    """Records the state of the environment in which a commit is first run; a later one does not replace it."""
    path = folder / f"{sha}.json"
    if path.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(path, json.dumps(listing).encode())
    for old in sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)[:-_KEPT]:
        old.unlink(missing_ok=True)


def recorded(folder: Path, sha: str) -> Listing | None:
    """Returns the recorded state, if there is a sound one."""
    try:
        found = json.loads((folder / f"{sha}.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def list_environment(tree: Path, prefixes: Iterable[Path]) -> Listing:
    """Returns what gets into every test run of a tree, each with its content or a hash of it."""
    listing: Listing = {}
    for prefix in prefixes:
        for packages in venv.site_packages(prefix):
            for path in _startup_files(packages):
                listing[f"file {_shown(path, tree)}"] = _hash(path, tree)
            for name, point in _plugins(packages):
                listing[f"plugin {name} in {_shown(packages, tree)}"] = point
            listing |= _packages(packages, tree)
        listing |= _scripts(prefix / "bin", tree)
    runners = _node_runners(tree)
    for folder in runners:
        listing[f"runner {_shown(folder, tree)}"] = f"{_version(folder)} {_hash_of_scripts(folder)}"
    for folder in _node_packages(tree):
        if folder not in runners:
            listing[f"package {_shown(folder, tree)}"] = f"{_version(folder)} {_digest(folder, _SCRIPTS)}"
    return listing | _scripts(tree / "node_modules/.bin", tree)


def findings_of(
    before: Mapping[str, str] | None, now: Mapping[str, str], edited: Iterable[tuple[str, str]]
) -> tuple[Finding, ...]:
    """Returns what has appeared or changed since the record, and the files of runners that are not as installed."""
    edited = tuple(edited)
    found = [
        _finding(path, f"differs from what {runner} was installed with: whoever edited it decides what passes")
        for path, runner in edited
    ]
    for key, value in now.items() if before is not None else ():
        kind, _, name = key.partition(" ")
        old = (before or {}).get(key)
        if any(path == name or path.startswith(f"{name}/") for path, _ in edited):
            continue  # said of its file already
        if old != value and not _is_other_version(kind, old, value):
            found.append(_finding(name, _detail(kind, old), _RANK_OF_PACKAGE if kind == "package" else _RANK))
    return tuple(found)


def _is_other_version(kind: str, old: str | None, new: str) -> bool:
    """Whether somebody installed something: another version, or a package that was not there."""
    if kind == "script":
        return old is None
    if kind == "package" and old is None:
        return not new.startswith(f"{_STRAY} ")
    return kind in ("runner", "package") and (old is None or old.split(" ")[0] != new.split(" ")[0])


def _detail(kind: str, old: str | None) -> str:
    since = "since the commit that this is compared with was first run"
    if kind == "runner":
        return f"the test runner's files were changed {since}, though its version is the same"
    if kind == "package" and old is None:
        return f"a module that no package brought has appeared {since}"
    if kind == "package":
        return f"the installed files of a package were changed {since}, though its version is the same"
    if kind == "script":
        return f"a program of the environment was changed {since}"
    what = "a plugin that pytest loads by itself" if kind == "plugin" else "a file that Python runs at each start"
    return f"{what} {'was changed' if old else 'has appeared'} {since}"


def _finding(path: str, detail: str, rank: int = _RANK) -> Finding:
    shown = "".join(c if c.isprintable() else "?" for c in path)
    return Finding(kind="runner-hook", path=shown, detail=detail, rank=rank)


def _shown(path: Path, tree: Path) -> str:
    return os.path.relpath(path, tree) if venv.within(os.fspath(path), os.fspath(tree)) else os.fspath(path)


def _startup_files(packages: Path) -> Iterator[Path]:
    yield from sorted(packages.glob("*.pth"))
    for folder in (packages, packages.parent):
        yield from (folder / name for name in _STARTUP if (folder / name).is_file())


def _plugins(packages: Path) -> Iterator[tuple[str, str]]:
    for metadata in _metadata_with_plugins(packages):
        for name, point in _pytest_entry_points(metadata):
            yield name, f"{point} of {metadata.name.partition('-')[0]}"


def _metadata_with_plugins(packages: Path) -> Iterator[Path]:
    found = (*packages.glob("*.dist-info/entry_points.txt"), *packages.glob("*.egg-info/entry_points.txt"))
    for path in sorted(found):
        if b"[pytest11]" in (venv.small_text(path) or b""):
            yield path.parent


def _pytest_entry_points(metadata: Path) -> Iterator[tuple[str, str]]:
    text = (venv.small_text(metadata / "entry_points.txt") or b"").decode("utf-8", "replace")
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip()
        elif section == "[pytest11]" and "=" in line:
            name, _, point = line.partition("=")
            yield name.strip(), point.strip()


# All that is installed


def _packages(packages: Path, tree: Path) -> Listing:
    """Each module or package in a folder of Python's, with the version of what brought it and a hash."""
    versions = _versions(packages)
    listing: Listing = {}
    for path in sorted(packages.glob("*")):
        name = path.name
        if name.endswith((".dist-info", ".egg-info", ".pth")) or name in ("__pycache__", *_STARTUP):
            continue
        if any((tree / root / name).exists() for root in ("", "src", "lib")) or versions.get(name) == _LOCAL:
            continue  # the project's own, which changes with it
        if path.is_dir() or name.endswith(_OF_PYTHON):
            listing[f"package {_shown(path, tree)}"] = f"{versions.get(name, _STRAY)} {_digest(path, _OF_PYTHON)}"
    return listing


def _versions(packages: Path) -> dict[str, str]:
    """What each entry of the folder was brought by, as the lists of installed files say."""
    found: dict[str, str] = {}
    for metadata in sorted(packages.glob("*.dist-info")):
        text = venv.small_text(metadata / "RECORD") or b""
        is_local = b"file:" in (venv.small_text(metadata / "direct_url.json") or b"")
        version = _LOCAL if is_local else metadata.name.removesuffix(".dist-info").replace(" ", "")
        for line in text.decode("utf-8", "replace").splitlines():
            found[line.partition(",")[0].partition("/")[0]] = version
    return found


def _node_packages(tree: Path) -> list[Path]:
    folder = tree / "node_modules"
    found = (path.parent for pattern in ("*/package.json", "@*/*/package.json") for path in folder.glob(pattern))
    return sorted(path for path in found if not path.is_symlink())  # a link leads to a workspace


def _digest(top: Path, suffixes: tuple[str, ...]) -> str:
    """A hash of a package's code: of its contents if there is little of it, else of its names and sizes."""
    files = [(name, size) for name in _code_below(top, suffixes) if (size := _size(name)) is not None]
    facts = [f"{os.path.relpath(name, top)} {size}" for name, size in files]
    if sum(size for _, size in files) <= _WHOLE:
        facts += [_hash(Path(name), top) for name, _ in files]
    return venv.digest(facts)


def _size(name: str) -> int | None:
    try:
        return os.stat(name).st_size  # noqa: PTH116
    except OSError:
        return None


def _code_below(top: Path, suffixes: tuple[str, ...]) -> list[str]:
    if not top.is_dir():
        return [os.fspath(top)]
    found: list[str] = []
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in ("__pycache__", "node_modules", ".cache"))
        found += [os.path.join(folder, name) for name in sorted(names) if name.endswith(suffixes)]  # noqa: PTH118
        if len(found) > _MOST:
            break
    return found[:_MOST]


def _scripts(folder: Path, tree: Path) -> Listing:
    """The programs in a folder: of a link the name of what it leads to, of a script what it says."""
    listing: Listing = {}
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.name.startswith("python"):
            continue
        if path.is_symlink():
            listing[f"script {_shown(path, tree)}"] = f"link {path.resolve().name}"
            continue
        text = venv.small_text(path) if path.is_file() else None
        if text is not None and text.startswith(b"#!"):
            lines = [line for line in text.splitlines() if not line.startswith(_STARTS)]
            code = b"\n".join(lines).replace(os.fsencode(tree), b"<tree>")
            listing[f"script {_shown(path, tree)}"] = hashlib.sha256(code).hexdigest()[:16]
    return listing


# Runners as they were installed


def edited_runners(tree: Path, prefixes: Iterable[Path]) -> list[tuple[str, str]]:
    """Returns the files of pytest and its plugins that differ from their RECORD, each with its package."""
    found = []
    for prefix in prefixes:
        for packages in venv.site_packages(prefix):
            for metadata in _runners(packages):
                name = metadata.name.removesuffix(".dist-info").replace("-", " ")
                found += [(_shown(path, tree), name) for path in _edited(packages, metadata)]
                found += [(_shown(path, tree), name) for path in _of_another_source(packages, metadata)]
    return found


def _runners(packages: Path) -> list[Path]:
    named = [path for path in packages.glob("*.dist-info") if path.name.partition("-")[0] in _PYTHON_RUNNERS]
    return sorted({*named, *_metadata_with_plugins(packages)})


def _edited(packages: Path, metadata: Path) -> Iterator[Path]:
    record_file = metadata / "RECORD"
    text = (venv.small_text(record_file) if record_file.is_file() else None) or b""
    for line in text.decode("utf-8", "replace").splitlines():
        name, _, rest = line.partition(",")
        if not name.endswith(".py") or name.startswith(("..", "/")) or "\0" in name:
            continue
        kind, _, wanted = rest.partition(",")[0].partition("=")
        path = packages / name
        if kind == "sha256" and (not path.is_file() or _record_hash(path) != wanted):
            yield path


def _of_another_source(packages: Path, metadata: Path) -> Iterator[Path]:
    """Compiled files that Python takes without a look at the source, and that were made from another one."""
    text = venv.small_text(metadata / "RECORD") or b""
    names = {line.partition(",")[0] for line in text.decode("utf-8", "replace").splitlines()}
    modules = {packages / name for name in names if name.endswith(".py") and not name.startswith(("..", "/"))}
    for folder in sorted({path.parent / "__pycache__" for path in modules}):
        for compiled in sorted(folder.glob("*.pyc")):
            source = folder.parent / f"{compiled.name.partition('.')[0]}.py"
            with compiled.open("rb") as file:
                head = file.read(16)
            if head[4:8] == _UNCHECKED and source.is_file() and head[8:16] != source_hash(source.read_bytes()):
                yield compiled


def _record_hash(path: Path) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).decode().rstrip("=")


def _node_runners(tree: Path) -> list[Path]:
    folder = tree / "node_modules"
    return sorted({path for name in _NODE_RUNNERS for path in folder.glob(name) if path.is_dir()})


def _version(folder: Path) -> str:
    try:
        return str(json.loads((folder / "package.json").read_bytes())["version"]).replace(" ", "")
    except (OSError, ValueError, KeyError, TypeError):
        return "?"


def _hash_of_scripts(folder: Path) -> str:
    facts = []
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in ("node_modules", ".cache"))
        for name in sorted(files):
            if name.endswith(_SCRIPTS):
                facts += [os.path.relpath(os.path.join(top, name), folder), _hash(Path(top, name), folder)]  # noqa: PTH118
    return venv.digest(facts)


def _hash(path: Path, tree: Path) -> str:
    """Returns a hash of a file that is the same in each tree."""
    data = venv.content(path).encode("latin-1").replace(os.fsencode(tree), b"<tree>")
    return hashlib.sha256(data).hexdigest()[:16]
