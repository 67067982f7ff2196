"""An environment of a tree's own on top of one that is outside of the checkout.

Installing into it, or removing from it, leaves the environment below as it is. Its packages are seen through a path
file; what they say about the checkout is repeated in the overlay and says the tree, and it comes first.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from superteam.workspace import trees, venv

# Sorts before the path files of packages: their import lines need what is installed below.
_PATH_FILE = "+below.pth"
_ASK = (
    "import json, sys, sysconfig;"
    "scheme = 'venv' if 'venv' in sysconfig.get_scheme_names() else 'posix_prefix';"
    "own = {'base': '', 'platbase': ''};"
    "json.dump([sys.prefix, sys.executable, sysconfig.get_path('scripts'),"
    " '%d.%d.%d' % sys.version_info[:3], sysconfig.get_path('purelib', scheme, own)], sys.stdout)"
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python: where its packages and scripts are, and where packages are in an environment made from it."""

    prefix: Path
    program: Path
    scripts: Path
    version: str
    packages: str

    @property
    def is_environment(self) -> bool:
        return venv.is_venv(self.prefix)


def interpreter_at(program: str, environ: Mapping[str, str]) -> Interpreter | None:
    """Returns what a program says about itself; None if it is no Python that can be asked."""
    prefix = Path(program).parent.parent
    if venv.is_venv(prefix):
        return _of_environment(prefix)
    try:
        changed = Path(program).stat().st_mtime_ns
    except OSError:
        return None
    clean = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
    return _ask(program, changed, tuple(sorted(clean.items())))


def _of_environment(prefix: Path) -> Interpreter | None:
    folders = venv.site_packages(prefix)
    if not folders:
        return None
    packages = os.path.relpath(folders[0], prefix)
    return Interpreter(prefix, prefix / "bin/python", prefix / "bin", "", packages)


@lru_cache(maxsize=64)
def _ask(program: str, changed: int, environ: tuple[tuple[str, str], ...]) -> Interpreter | None:
    try:
        done = subprocess.run(
            [program, "-I", "-c", _ASK],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=True,
        )
        prefix, executable, scripts, version, packages = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(Path(prefix), Path(executable), Path(scripts), version, packages.lstrip("/"))


def make_overlay(below: Interpreter, target: Path, move: venv.Relocation) -> None:
    """Makes the overlay anew; whatever an earlier run left in it is gone."""
    trees.remove(target)
    packages = target / below.packages
    packages.mkdir(parents=True)
    (target / "bin").mkdir()
    (target / "pyvenv.cfg").write_text(_settings(below))
    moves = venv.relocation(((os.fspath(below.prefix), os.fspath(target)), *move.folders))
    _add_programs(below, target, moves)
    lines = []
    for folder in venv.site_packages(below.prefix):
        for name, led in venv.installed_copies(folder, move).items():
            (packages / name).symlink_to(led)
        _repeat_what_names_the_checkout(folder, packages, move, is_environment=below.is_environment)
        lines.append(f"{folder}\n")
    if below.is_environment:  # any other interpreter adds its own folders, as the settings say
        (packages / _PATH_FILE).write_text("".join(lines))


def _settings(below: Interpreter) -> str:
    if below.is_environment:
        lines = (below.prefix / "pyvenv.cfg").read_text("utf-8", "replace").splitlines()
        kept = [line for line in lines if line.partition("=")[0].strip() not in ("command", "prompt")]
        return "".join(f"{line}\n" for line in kept)
    real = os.path.realpath(below.program)
    home = os.path.dirname(real)  # noqa: PTH120
    lines = [f"home = {home}", "include-system-site-packages = true", f"version = {below.version}"]
    return "".join(f"{line}\n" for line in [*lines, f"executable = {real}"])


def _add_programs(below: Interpreter, target: Path, moves: venv.Relocation) -> None:
    """Adds the interpreter under its names, and the scripts that it starts, started by the overlay's."""
    real = os.path.realpath(below.program)
    version = Path(below.packages).parent.name
    for name in {"python", "python3", version if version.startswith("python") else "python3"}:
        (target / "bin" / name).symlink_to(real)
    for path in below.scripts.iterdir() if below.scripts.is_dir() else ():
        text = _script(path, below, target, moves)
        if text is not None and not (target / "bin" / path.name).is_symlink():
            (target / "bin" / path.name).write_bytes(text)
            (target / "bin" / path.name).chmod(path.stat().st_mode & 0o777)


def _script(path: Path, below: Interpreter, target: Path, moves: venv.Relocation) -> bytes | None:
    data = venv.small_text(path) if path.is_file() else None
    if data is None:
        return None
    if below.is_environment:
        new = venv.edited_script(data, moves)
        finds_python_beside_it = data.startswith(b"#!") and b"python" in data[:300]
        return new if new != data or finds_python_beside_it else None
    line, newline, rest = data.partition(b"\n")
    program = os.fsdecode(line.removeprefix(b"#!").strip())
    if not line.startswith(b"#!/") or not _is_python_of(program, below):
        return None
    return venv.with_short_shebang(b"#!" + os.fsencode(target / "bin/python") + newline + rest)


def _is_python_of(program: str, below: Interpreter) -> bool:
    return "python" in os.path.basename(program) and os.path.realpath(program) == os.path.realpath(below.program)  # noqa: PTH119


def _repeat_what_names_the_checkout(
    folder: Path, packages: Path, move: venv.Relocation, *, is_environment: bool
) -> None:
    """Repeats path files, finders, links and metadata of editable installs, with the tree in the checkout's place.

    All path files of an environment are repeated: as its folder is only listed in one, Python does not read them there.
    """
    for path in sorted(folder.iterdir()):
        copy = packages / path.name
        if os.path.lexists(copy):
            continue
        if path.is_symlink():
            led = venv.moved(os.path.realpath(path), move)
            if led is not None:
                copy.symlink_to(led)
        elif path.name.endswith(".dist-info") and path.is_dir():
            _repeat_metadata(path, copy, move)
        elif path.is_file() and path.suffix not in (".so", ".pyd"):
            old = venv.small_text(path)
            new = venv.rewritten(old, move) if old is not None else None
            if new is not None and (new != old or (is_environment and path.suffix == ".pth")):
                copy.write_bytes(new)


def _repeat_metadata(source: Path, copy: Path, move: venv.Relocation) -> None:
    url = source / "direct_url.json"
    old = venv.small_text(url) if url.is_file() else None
    if old is None or not _is_editable(old) or venv.rewritten(old, move) == old:
        return
    copy.mkdir()
    for path in source.iterdir():
        data = venv.small_text(path) if path.is_file() else None
        if data is not None:
            (copy / path.name).write_bytes(venv.rewritten(data, move))


def _is_editable(direct_url: bytes) -> bool:
    try:
        return bool(json.loads(direct_url).get("dir_info", {}).get("editable"))
    except (ValueError, AttributeError):
        return False
