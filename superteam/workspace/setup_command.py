"""When the setup command runs in a tree, and what it must not do.

It runs again for every other tree, because it may read every file. `setup-inputs` says which files it reads.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from superteam.core.settings import WorkspaceSettings
from superteam.errors import WorkspaceError
from superteam.workspace import bring, copying, overlay, trees, venv
from superteam.workspace.environment import is_lock_file
from superteam.workspace.git import replace_file
from superteam.workspace.own_environment import folder_beside, path_files_naming


@dataclass(frozen=True, slots=True)
class Made:
    """What the setup command made in a tree, and what it was made from."""

    made_from: str
    kept: tuple[str, ...]
    state: str


def read_made(stamp: Path) -> Made | None:
    """Returns what the last setup recorded; None if there was none, or its record is damaged."""
    try:
        data = json.loads(stamp.read_text())
        kept = tuple(name for name in data["kept"] if _is_plain(name))
        return Made(str(data["made_from"]), kept, str(data["state"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_made(stamp: Path, made: Made) -> None:
    """Replaces the record of the setup."""
    data = {"made_from": made.made_from, "kept": list(made.kept), "state": made.state}
    replace_file(stamp, json.dumps(data).encode())


def _is_plain(name: object) -> bool:
    path = PurePosixPath(name) if isinstance(name, str) else PurePosixPath("/")
    return not path.is_absolute() and ".." not in path.parts and path.parts[:1] not in ((), (".git",))


def inputs_of(checkout: Path, settings: WorkspaceSettings, files: Mapping[str, str]) -> str:
    """Returns what the setup is made from; `files` are the tracked paths with the identity of their content.

    Lock files always count: what is installed is what they say.
    """
    globs = settings.setup_inputs
    facts = [f"setup {settings.setup}"]
    for path, content in sorted(files.items()):
        if not globs or is_lock_file(path) or _matches(path, globs):
            facts.append(f"{path} {content}")
    for place in () if settings.bring == "auto" else settings.bring:
        if os.path.lexists(checkout / place):
            facts += [place, *copying.identity(copying.take_census(checkout / place))]
    return venv.digest(facts)


def _matches(path: str, globs: Iterable[str]) -> bool:
    """Whether a path is named: by itself, by a folder above it, or by a pattern (`**/` also means no folder)."""
    for glob in globs:
        plain = glob.removeprefix("./").rstrip("/")
        if path.startswith(f"{plain}/") or path == plain or fnmatchcase(path, plain):
            return True
        if plain.startswith("**/") and fnmatchcase(path, plain[3:]):
            return True
    return False


def state_of(tree: Path, kept: Iterable[str]) -> str:
    """Returns what changes when somebody edits what the setup made, in the tree or in its environments beside it."""
    facts = []
    for folder in [*(tree / name for name in sorted(kept)), folder_beside(tree)]:
        if os.path.lexists(folder):
            facts += [os.fspath(folder), *_facts(copying.take_census(folder))]
    return venv.digest(facts)


def _facts(census: copying.Census) -> list[str]:
    return [f"{place} {state}" for place, state in census.items() if copying.CACHES.isdisjoint(place.split("/"))]


def remove_made(tree: Path, kept: Iterable[str]) -> None:
    """Removes what the last setup made, so that none of it is taken for the output of the next."""
    for name in kept:
        path = tree / name
        if venv.within(os.path.realpath(path.parent), os.path.realpath(tree)):
            trees.remove(path)


class OutsideWatch:
    """Sees whether a setup command leads an environment outside of the tree to the tree."""

    def __init__(self, tree: Path, environ: Mapping[str, str]) -> None:
        self.tree = tree
        self.prefixes = _outer_prefixes(environ)
        self.before = path_files_naming(tree, self.prefixes)

    def require_untouched(self, checkout: Path, setup: str) -> None:
        """Raises WorkspaceError that names the path files which now lead to the tree."""
        new = sorted(path_files_naming(self.tree, self.prefixes) - self.before)
        if not new:
            return
        text = f"the setup command ({setup}) led an environment outside of its tree to {self.tree}: {', '.join(new)}"
        again = f"install {checkout} there again (pip install -e .)"
        own = 'setup = "python3 -m venv .venv && .venv/bin/pip install -e ."'
        raise WorkspaceError(text, f"{again}; and set [workspace] {own}")


def _outer_prefixes(environ: Mapping[str, str]) -> list[Path]:
    found: dict[Path, None] = {}
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PROJECT_ENVIRONMENT"):
        if environ.get(name, "").startswith("/"):
            found[Path(environ[name])] = None
    if environ.get("HOME"):
        found[Path(environ["HOME"]) / ".local"] = None
    program = bring.which(("python", "python3"), environ)
    interpreter = overlay.interpreter_at(program, environ) if program else None
    if interpreter is not None:
        found[interpreter.prefix] = None
    return list(found)
