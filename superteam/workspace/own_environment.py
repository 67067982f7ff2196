"""Gives a tree an environment of its own where the user's active one is outside of the tree."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from superteam.workspace import bring, copying, overlay, trees, venv

# What would make an installer write somewhere else than into the active environment.
_ELSEWHERE = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "UV_SYSTEM_PYTHON")
_SEPARATOR = re.compile(r"&&|\|\||[;|&\n()]")
_ASSIGNMENT = re.compile(r"\w+=\S*")
# Programs that do not touch the active Python, or that make an environment in the tree.
_APART = frozenset(
    {"npm", "pnpm", "yarn", "bun", "node", "corepack", "cargo", "go", "bundle", "composer", "mvn", "gradle", "cmake"}
    | {"pipenv", "hatch"}
    | {"cd", "echo", "touch", "cp", "mkdir", "ln", "mv", "rm", "test", "[", "true", "false", "export", "set", "sed"}
    | {"cat"}
)
# They install into an active conda environment, and Poetry into any Python where it is told to make no environment.
_APART_WITHOUT_CONDA = frozenset({"poetry", "pdm"})
_NO_OWN_ENVIRONMENT = re.compile(r"virtualenvs[._]create", re.IGNORECASE)
_UV_PROJECT = frozenset({"sync", "run", "venv", "lock"})


@dataclass(frozen=True, slots=True)
class OwnEnvironments:
    """The interpreters below the tree's own environments, and notes for a person."""

    below: tuple[overlay.Interpreter, ...]
    notes: tuple[str, ...]


def folder_beside(tree: Path) -> Path:
    """Returns the folder beside a tree that holds its environments."""
    return tree.parent / f"{tree.name}.env"


def give_own_environments(env: dict[str, str], scene: bring.Scene, setup: str | None, *, keep: bool) -> OwnEnvironments:
    """Leads the active environments to overlays beside the tree; with `keep`, existing overlays stay as they are."""
    below = tuple(_active(env, scene, setup))
    wanted = {}
    for interpreter in below:
        target = _target(interpreter.prefix, scene)
        wanted[target.name] = target
        if not (keep and venv.is_venv(target)):
            overlay.make_overlay(interpreter, target, scene.move)
        _activate(env, interpreter, target)
    notes = _lead_project_environment(env, scene, wanted, keep=keep)
    _remove_others(scene, wanted)
    if below:
        for name in _ELSEWHERE:
            env.pop(name, None)
    return OwnEnvironments(below, tuple(notes))


def _target(prefix: Path, scene: bring.Scene) -> Path:
    return folder_beside(scene.tree) / venv.digest([os.fspath(prefix)])


def _remove_others(scene: bring.Scene, wanted: Mapping[str, Path]) -> None:
    folder = folder_beside(scene.tree)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.removesuffix(".json") not in wanted:
            trees.remove(path)


def _active(env: Mapping[str, str], scene: bring.Scene, setup: str | None) -> Iterator[overlay.Interpreter]:
    """Yields the active environment, and the first Python on PATH if it is another or if setup would write into it."""
    seen = set()
    active = env.get("VIRTUAL_ENV", "")
    program = bring.which(("python", "python3"), env)
    for path in (f"{active}/bin/python" if active.startswith("/") else None, program):
        if path is None or not Path(path).exists() or venv.within(path, os.fspath(scene.tree)):
            continue
        interpreter = overlay.interpreter_at(path, env)
        if interpreter is None or interpreter.prefix in seen:
            continue
        seen.add(interpreter.prefix)
        if interpreter.is_environment or _needs_overlay(interpreter, scene, setup, env):
            yield interpreter


def _needs_overlay(
    interpreter: overlay.Interpreter, scene: bring.Scene, setup: str | None, env: Mapping[str, str]
) -> bool:
    if setup is not None and not leaves_active_python(setup, env):
        return True
    if venv.editable_places(interpreter.prefix, scene.roots):
        return True
    return any(venv.installed_copies(folder, scene.move) for folder in venv.site_packages(interpreter.prefix))


def leaves_active_python(setup: str, env: Mapping[str, str]) -> bool:
    """Whether a setup command certainly installs nothing into the active Python."""
    apart = set(_APART)
    makes_none = env.get("POETRY_VIRTUALENVS_CREATE", "").lower() in ("false", "0")
    if not env.get("CONDA_PREFIX") and not makes_none and not _NO_OWN_ENVIRONMENT.search(setup):
        apart |= _APART_WITHOUT_CONDA
    return all(_is_apart(segment, apart) for segment in _SEPARATOR.split(setup))


def _is_apart(segment: str, apart: Collection[str]) -> bool:
    try:
        words = shlex.split(segment)
    except ValueError:
        return False
    words = [word for word in words if not _ASSIGNMENT.fullmatch(word)]
    if not words:
        return True
    program = words[0]
    if program in ("source", "."):
        return len(words) > 1 and words[1].endswith("/activate")
    if program in apart or program.startswith((".venv/", "venv/", "./.venv/", "./venv/")):
        return True
    if program == "uv":
        return len(words) > 1 and words[1] in _UV_PROJECT
    return words[0] in ("python", "python3") and words[1:3] == ["-m", "venv"]


def _activate(env: dict[str, str], below: overlay.Interpreter, target: Path) -> None:
    """Puts the overlay's programs in front of those of the environment below."""
    own = os.fspath(target / "bin")
    entries = [entry for entry in env.get("PATH", os.defpath).split(os.pathsep) if entry != own]
    program = bring.which(("python", "python3"), env)
    folders = {os.path.realpath(below.scripts)}
    if program is not None and overlay.interpreter_at(program, env) == below:
        folders.add(os.path.realpath(Path(program).parent))
    places = [place for place, entry in enumerate(entries) if os.path.realpath(entry) in folders]
    entries.insert(places[0] if places else 0, own)
    env["PATH"] = os.pathsep.join(entries)
    is_active = os.path.realpath(env.get("VIRTUAL_ENV", below.prefix)) == os.path.realpath(below.prefix)
    if is_active:
        env["VIRTUAL_ENV"] = os.fspath(target)
    env.pop("PYTHONHOME", None)


def _lead_project_environment(
    env: dict[str, str], scene: bring.Scene, wanted: dict[str, Path], *, keep: bool
) -> list[str]:
    """Leads uv to a copy of the environment that it would change; without one it makes its own in the tree."""
    named = env.get("UV_PROJECT_ENVIRONMENT", "")
    if not named.startswith("/") or venv.within(named, os.fspath(scene.tree)):
        return []
    del env["UV_PROJECT_ENVIRONMENT"]
    source = Path(named)
    if not venv.is_venv(source):
        return []
    target = folder_beside(scene.tree) / f"{venv.digest([named])}-project"
    if not (keep and venv.is_venv(target)):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            manifest = target.with_name(f"{target.name}.json")
            copying.synchronise(venv.copy_of_environment(source, target, scene.move), manifest)
        except copying.TooLargeError:
            return [f"UV_PROJECT_ENVIRONMENT: {named} is too large to copy; uv makes a .venv in the tree"]
    wanted[target.name] = target
    env["UV_PROJECT_ENVIRONMENT"] = os.fspath(target)
    return []


# Interpreters that commands name


def prefixes_of_commands(commands: str, env: Mapping[str, str]) -> list[Path]:
    """Returns the prefixes of the Pythons that the words of commands start, by path or through a script."""
    found: dict[Path, None] = {}
    for word in _words(commands):
        program = word if word.startswith("/") else bring.which((word,), env)
        if program is None or not Path(program).is_file():
            continue
        python = program if "python" in Path(program).name else _started_by(Path(program))
        interpreter = overlay.interpreter_at(python, env) if python else None
        if interpreter is not None:
            found[interpreter.prefix] = None
    return list(found)


def _words(commands: str) -> list[str]:
    try:
        words = shlex.split(commands)
    except ValueError:
        words = commands.split()
    return list(dict.fromkeys(word for word in words if word and not word.startswith("-")))[:200]


def _started_by(script: Path) -> str | None:
    """Returns the Python of a script's first line, if it is named by its path."""
    try:
        with script.open("rb") as file:
            line = file.readline(512)
    except OSError:
        return None
    words = os.fsdecode(line.removeprefix(b"#!")).split()
    is_python = line.startswith(b"#!/") and bool(words) and "python" in Path(words[0]).name
    return words[0] if is_python else None


# Proof


def path_files_naming(folder: Path, prefixes: list[Path]) -> set[str]:
    """Returns the path files of installed packages that name a folder of ours."""
    named = os.fsencode(folder)
    found = set()
    for prefix in prefixes:
        for packages in venv.site_packages(prefix):
            patterns = ("*.pth", "*.egg-link", "__editable__*", "_editable_*", "*.dist-info/direct_url.json")
            for path in (path for pattern in patterns for path in packages.glob(pattern)):
                data = venv.small_text(path) if path.is_file() else None
                if data is not None and named in data:
                    found.add(os.fspath(path))
    return found
