"""What a tree needs so that programs run in it as in the user's checkout, and test the tree's code, not the checkout's.

Call `make_ready` before a configured setup command (it gives the environment that the command runs in) and once more
after it (an environment that the command made in the tree is then the active one).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from superteam.core.settings import WorkspaceSettings
from superteam.errors import WorkspaceError
from superteam.workspace import bring, environment_watch, variables, venv
from superteam.workspace.beside import what_is_beside
from superteam.workspace.overlay import Interpreter
from superteam.workspace.own_environment import (
    folder_beside,
    give_own_environments,
    prefixes_of_commands,
)

_GIT = re.compile(
    r"GIT_((|COMMON_|TEMPLATE_|CEILING_)(DIR|DIRECTORIES)|(IMPLICIT_)?WORK_TREE|INDEX_\w+|NAMESPACE|PREFIX|EXEC_PATH"
    r"|(ALTERNATE_)?OBJECT_DIRECTOR(Y|IES)|DISCOVERY_ACROSS_FILESYSTEM|SHALLOW_FILE|GRAFT_FILE|QUARANTINE_PATH"
    r"|REPLACE_REF_BASE|NO_REPLACE_OBJECTS|DEFAULT_(HASH|REF_FORMAT)|(LITERAL|GLOB|NOGLOB|ICASE)_PATHSPECS"
    r"|EXTERNAL_DIFF|DIFF_OPTS|ATTR_(SOURCE|NOSYSTEM)|REFLOG_ACTION|OPTIONAL_LOCKS|REF_PARANOIA|CONFIG(_PARAMETERS)?)"
)
_OURS = ("SUPERTEAM_", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_", "PYTEST_VERSION", "GIT_INTERNAL_")
_LOCK = re.compile(
    r"(uv|poetry|pdm|Pipfile|yarn|bun|Cargo|Gemfile|composer)\.lock|requirements.*\.txt|package-lock\.json"
    r"|npm-shrinkwrap\.json|pnpm-lock\.yaml|bun\.lockb|go\.sum|gradle\.lockfile"
)
_VERSIONS = (".python-version", ".tool-versions", ".nvmrc", ".node-version")
_PYTHON = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "conftest.py")

_MANIFESTS = {
    "package.json": "node",
    "bun.lock": "bun",
    "deno.json": "deno",
    "go.mod": "go",
    "Cargo.toml": "cargo",
    "Gemfile": "ruby",
    "composer.json": "php",
    "pom.xml": "java",
    "build.gradle": "java",
    "build.gradle.kts": "java",
    "CMakeLists.txt": "cmake",
}


@dataclass(frozen=True, slots=True)
class Readiness:
    """What programs in a tree get. `env` is the whole environment; `brought` are the paths in the tree that are ours:
    never committed, kept by cleaning; `fingerprint` changes with whatever decides test results; `environments` are the
    prefixes whose packages Python sees."""

    env: Mapping[str, str]
    brought: tuple[str, ...]
    notes: tuple[str, ...]
    fingerprint: str
    environments: tuple[Path, ...] = ()
    could_reach_checkout: bool = False  # something that programs load from was brought from there, or named it

    @property
    def lacking(self) -> tuple[str, ...]:
        """The notes about what the tree has not as the checkout has it."""
        return tuple(note for note in self.notes if not note.endswith(bring.AS_IN_CHECKOUT))


def base_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The user's environment without what leads git elsewhere or belongs to this program or a test run around it."""
    return {name: value for name, value in environ.items() if not _is_dropped(name)}


def _is_dropped(name: str) -> bool:
    return name.startswith(_OURS) or _GIT.fullmatch(name) is not None


def make_ready(
    checkout: Path,
    tree: Path,
    settings: WorkspaceSettings,
    environ: Mapping[str, str],
    untracked_dirs: Collection[str] | None,
    commands: str = "",
    *,
    is_set_up: bool = False,
) -> Readiness:
    """Brings what the tree lacks, puts back what was changed in it, and says what programs in the tree get.

    `untracked_dirs` are the checkout's untracked folders, relative; None is unknown. `commands` are what is run in the
    tree: interpreters that they name are looked at. After the setup command (`is_set_up`) environments of the tree stay
    as they are. Raises ConfigError for a wrong `bring`, WorkspaceError when something cannot be copied.
    """
    scene = bring.scene_of(checkout, tree, environ)
    try:
        return _made_ready(Call(scene, settings, environ, untracked_dirs, commands, is_set_up))
    except OSError as problem:
        hint = 'prepare trees with a command instead: [workspace] setup = "..."'
        raise WorkspaceError(f"{tree} could not be prepared like {checkout}: {problem}", hint) from problem


@dataclass(frozen=True, slots=True)
class Call:
    """What `make_ready` is asked for."""

    scene: bring.Scene
    settings: WorkspaceSettings
    environ: Mapping[str, str]
    untracked: Collection[str] | None
    commands: str
    is_set_up: bool


def _made_ready(call: Call) -> Readiness:
    scene, settings = call.scene, call.settings
    env = base_environment(call.environ)
    env.pop("PYTHONPYCACHEPREFIX", None)
    if os.path.realpath(scene.checkout) == os.path.realpath(scene.tree):
        notes = _activate(env, scene, call.environ)
        return Readiness(env, (), tuple(notes), _fingerprint(call, env, {}, ()))
    notes = []
    wanted = bring.wanted_in(scene, settings, call.environ, call.untracked, notes)
    stamp = bring.bring_all(scene, wanted, notes, keep=call.is_set_up)
    named = {name: env.get(name) for name in variables.MODULE_PATHS}
    notes += _redirect(env, scene)
    is_led = any(env.get(name) != value for name, value in named.items())
    notes += _activate(env, scene, call.environ)
    own = give_own_environments(env, scene, settings.setup, keep=call.is_set_up)
    notes += own.notes
    notes += _prefer_tree(env, scene, call.commands)
    brought = {place: item for place, item in stamp.brought.items() if not item.skipped}
    environments = [interpreter.prefix for interpreter in own.below] or _prefixes(env)
    fingerprint = _fingerprint(call, env, brought, own.below)
    notes += _advice(scene, settings, stamp, fingerprint)
    notes += _other_locks(scene, brought)
    notes += filter(None, [what_is_beside(scene.tree, scene.checkout)])
    is_led = is_led or any(venv.editable_places(prefix, scene.roots) for prefix in environments)
    places = tuple(sorted(brought))
    return Readiness(env, places, tuple(notes), fingerprint, tuple(environments), is_led or bool(brought))


def lock_fingerprint(tree: Path) -> str:
    """A hash over the lock files of a tree, in subfolders too."""
    found = sorted(_lock_files(tree))
    return venv.digest(fact for path in found for fact in (os.path.relpath(path, tree), venv.content(path)))


def _other_locks(scene: bring.Scene, brought: Collection[str]) -> list[str]:
    """Says that lock files of the tree differ from the checkout's, whose packages were brought."""
    if not brought:
        return []
    names = [os.path.relpath(path, scene.tree) for path in _lock_files(scene.tree)]
    changed = [name for name in sorted(names) if _differs(scene.tree / name, scene.checkout / name)]
    if not changed:
        return []
    cure = 'to install what it says: [workspace] setup = "npm ci", "uv sync" or the like'
    return [f"{', '.join(changed)}: not as in the checkout, whose packages the tree has; {cure}"]


def _differs(path: Path, other: Path) -> bool:
    return not other.is_file() or venv.content(path) != venv.content(other)


def is_lock_file(path: str) -> bool:
    """Whether a path is that of a file which says exactly what is installed."""
    return _LOCK.fullmatch(path.rpartition("/")[2]) is not None


def _lock_files(tree: Path) -> Iterator[Path]:
    """Yields the lock files; not those of what is installed or in hidden folders."""
    for folder, folders, files in os.walk(tree):
        folders[:] = [name for name in folders if name != "node_modules" and not _is_installed(Path(folder, name))]
        yield from (Path(folder, name) for name in files if is_lock_file(name))


def _is_installed(folder: Path) -> bool:
    return folder.name.startswith(".") or venv.is_venv(folder)


# The environment of programs


def _redirect(env: dict[str, str], scene: bring.Scene) -> list[str]:
    """Leads the user's variables that name the checkout to the tree."""
    beside = scene.tree.parent / f"{scene.tree.name}.above"
    sides = variables.Sides(scene.roots, scene.tree, beside, lambda path: bring.in_checkout(path, scene))
    notes = variables.lead_to_tree(env, sides)
    if "PATH" in env:
        entries = env["PATH"].split(os.pathsep)
        kept = [entry for entry in entries if _only_in_checkout(entry, scene)]
        notes += [f"PATH: {entry} is not in the tree; the checkout's is used" for entry in kept]
        pairs = [(_led(entry, scene), *([entry] if entry in kept else [])) for entry in entries]
        env["PATH"] = os.pathsep.join(entry for pair in pairs for entry in pair)
    if bring.in_checkout(env.get("PWD"), scene) is not None:
        env["PWD"] = os.fspath(scene.tree)
    env.pop("OLDPWD", None)
    return notes


def _led(path: str, scene: bring.Scene) -> str:
    place = bring.in_checkout(path, scene)
    return path if place is None else os.path.normpath(scene.tree / place)


def _only_in_checkout(entry: str, scene: bring.Scene) -> bool:
    """A folder of tools that no tree has; never an environment, as it would test the checkout's code."""
    place = bring.in_checkout(entry, scene)
    if place is None or (scene.tree / place).exists() or venv.is_venv(Path(entry).parent):
        return False
    return Path(entry).is_dir()


def _activate(env: dict[str, str], scene: bring.Scene, environ: Mapping[str, str]) -> list[str]:
    """Makes the tree's environment the active one, as its own activate script would; else none of the checkout is."""
    chosen = next((path for path in _candidates(scene, environ) if (path / "bin/python").exists()), None)
    for name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"):
        if env.get(name, "").startswith("/") and (place := bring.in_checkout(env[name], scene)) is not None:
            env[name] = os.fspath(scene.tree / place)
            if not venv.is_venv(scene.tree / place):
                del env[name]
    if chosen is None:
        return []
    other = env.get("VIRTUAL_ENV", os.fspath(chosen))
    front = os.fspath(chosen / "bin")
    rest = [entry for entry in env.get("PATH", os.defpath).split(os.pathsep) if entry != front]
    env.update(PATH=os.pathsep.join([front, *rest]), VIRTUAL_ENV=os.fspath(chosen))
    env.pop("PYTHONHOME", None)
    return [] if other == os.fspath(chosen) else [f"{chosen.name} is used, not the active {other}"]


def _candidates(scene: bring.Scene, environ: Mapping[str, str]) -> list[Path]:
    """The tree's copy of the active environment, then its `.venv`."""
    active = bring.active_place(scene, environ)
    return [scene.tree / place for place in ([active] if active else []) + [".venv"]]


def _prefer_tree(env: dict[str, str], scene: bring.Scene, commands: str) -> list[str]:
    """Puts the tree's own folders in front of an editable install of the checkout in an environment elsewhere."""
    prefixes = [*prefixes_of_commands(commands, env), *_prefixes(env)]
    places = [place for prefix in prefixes for place in venv.editable_places(prefix, scene.roots)]
    sources: list[str] = []
    if _is_python(scene.tree) and not _is_inside(env.get("VIRTUAL_ENV"), scene.tree):
        sources = _sources(scene.tree)
    folders = dict.fromkeys([*(_led(place, scene) for place in places), *sources])
    existing = [folder for folder in folders if Path(folder).is_dir()]
    hidden = [folder for folder in existing if _hides_standard_library(Path(folder))]
    front = [folder for folder in existing if folder not in hidden]
    own = [env["PYTHONPATH"]] if env.get("PYTHONPATH") else []
    if front:
        env["PYTHONPATH"] = os.pathsep.join([*front, *own])
    return [f"PYTHONPATH: {folder} holds modules of the standard library's names; left out" for folder in hidden]


def _sources(tree: Path) -> list[str]:
    return [os.fspath(tree / "src"), os.fspath(tree)]


def _hides_standard_library(folder: Path) -> bool:
    """PYTHONPATH comes before the standard library: a `types.py` there would stop every interpreter."""
    found = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    return bool(found & (sys.stdlib_module_names - {"test", "this", "antigravity", "idlelib", "turtledemo", "lib2to3"}))


def _is_python(tree: Path) -> bool:
    return any((tree / name).is_file() for name in _PYTHON) or any(path.is_file() for path in tree.glob("*.py"))


# What decides test results


def _fingerprint(
    call: Call, env: Mapping[str, str], brought: Mapping[str, bring.Item], below: tuple[Interpreter, ...]
) -> str:
    scene, settings = call.scene, call.settings
    facts = [f"setup {settings.setup}", f"locks {lock_fingerprint(scene.tree)}"]
    facts += [f"{name} {venv.content(scene.tree / name)}" for name in _VERSIONS if os.path.lexists(scene.tree / name)]
    facts += [f"{place} {item.identity}" for place, item in sorted(brought.items())]
    for name in ("python", "python3"):
        facts.append(_program(name, env, scene))
        facts.append(_program(name, call.environ, scene))  # what an environment of the tree's own stands in for
    facts += [_program(name, env, scene) for name in sorted(_toolchains(scene.tree))]
    facts += [fact for prefix in _prefixes(env) for fact in _environment_facts(prefix, scene)]
    for interpreter in below:
        facts += venv.state_of_packages(interpreter.prefix)
        edited = environment_watch.edited_runners(scene.tree, [interpreter.prefix])
        facts += [f"edited {path} {venv.content(Path(path))}" for path, _ in edited if Path(path).is_file()]
    return venv.digest(facts)


def _toolchains(tree: Path) -> set[str]:
    """The programs that the manifests in the tree say its suite is run with."""
    return {program for name, program in _MANIFESTS.items() if (tree / name).is_file()}


def _prefixes(env: Mapping[str, str]) -> list[Path]:
    """Where the active interpreter's packages are: its environment, else its own prefix and the user's."""
    if env.get("VIRTUAL_ENV"):
        return [Path(env["VIRTUAL_ENV"])]
    found = [bring.prefix_on_path(env), f"{env['HOME']}/.local" if env.get("HOME") else None]
    return [Path(prefix) for prefix in found if prefix]


def _program(name: str, env: Mapping[str, str], scene: bring.Scene) -> str:
    """The program that a name means, and the file it really is; work and check trees must agree on it."""
    found = bring.which((name,), env)
    if found is None:
        return f"{name} none"
    real = os.path.realpath(found)
    facts = Path(real).stat()
    return f"{name} {_unplaced(found, scene)} {_unplaced(real, scene)} {facts.st_size} {facts.st_mtime_ns}"


def _is_inside(path: str | None, folder: Path) -> bool:
    return path is not None and venv.within(path, os.fspath(folder))


def _unplaced(path: str, scene: bring.Scene) -> str:
    """Returns a path as it is the same for all trees."""
    for folder, name in ((scene.tree, "<tree>"), (folder_beside(scene.tree), "<environments>")):
        if _is_inside(path, folder):
            return path.replace(os.fspath(folder), name, 1)
    return path


def _environment_facts(prefix: Path, scene: bring.Scene) -> list[str]:
    settings = prefix / "pyvenv.cfg"
    lines = settings.read_text("utf-8", "replace").splitlines() if settings.is_file() else []
    kept = [line for line in lines if not line.startswith("command")]
    return [_unplaced(os.fspath(prefix), scene), *kept, *venv.installed(prefix)]


def _advice(scene: bring.Scene, settings: WorkspaceSettings, stamp: bring.Stamp, fingerprint: str) -> list[str]:
    """Says once per environment, and repeats from the stamp, that compiled modules of the checkout are missing."""
    if settings.setup is not None or not _is_python(scene.tree):
        return []
    if stamp.advice_for != fingerprint:
        missing = _compiled_only_in_checkout(scene, stamp.brought)
        cure = 'is compiled and not in a new tree: [workspace] setup = "pip install -e ."'
        advice = f"{missing} {cure}" if missing else ""
        stamp = stamp.model_copy(update={"advice_for": fingerprint, "advice": advice})
        bring.write_stamp(scene, stamp)
    return [stamp.advice] if stamp.advice else []


def _compiled_only_in_checkout(scene: bring.Scene, brought: Collection[str]) -> str | None:
    """The first compiled module that lies beside tracked files and is not in the tree."""
    waiting = [""]
    while waiting:
        for entry in os.scandir(scene.checkout / (folder := waiting.pop())):
            place = f"{folder}/{entry.name}".lstrip("/")
            there = scene.tree / place
            if not entry.is_dir(follow_symlinks=False):
                if place.endswith((".so", ".pyd")) and not there.exists():
                    return place
            elif place != ".git" and place not in brought and there.is_dir() and not there.is_symlink():
                waiting.append(place)
    return None
