"""`superteam doctor`: what would stop a run here, and the command that mends it. Nothing is changed or sent."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import anyio

from superteam import __version__, process
from superteam.agents import make_agent
from superteam.app.agents_here import AGENTS, installed, login_of
from superteam.app.discovery import choose, discover
from superteam.app.looking import look
from superteam.app.project import Project, open_project
from superteam.core.settings import Settings
from superteam.errors import SuperteamError
from superteam.journal import lock as locks
from superteam.journal import runs
from superteam.journal.states import read_state
from superteam.runners.call import Untold
from superteam.runners.recognise import recognise
from superteam.runners.shell import simple_commands
from superteam.workspace.environment import base_environment, make_ready
from superteam.workspace.git import drop_inherited_git_environment, run_git
from superteam.workspace.opening import open_repository, require_startable
from superteam.workspace.repository import Repository, cache_home

State = Literal["ok", "warning", "problem"]

_ROOM, _LITTLE_ROOM = 200 * 2**20, 2 * 2**30  # bytes that are free: less is a problem, less is a warning
_PATIENCE = 10.0  # seconds for `AGENT --version`
_ENDED = ("finished", "blocked", "inconclusive", "aborted")
# What a shell does itself.
_BUILT_IN = frozenset(
    ("cd", "export", "set", "unset", "test", "[", "true", "false", ":", "echo", "printf", "exit", "exec", "eval", ".",
     "source", "trap", "ulimit", "umask", "wait", "command", "env", "if", "then", "else", "elif", "fi", "for", "do",
     "done", "while", "until", "case", "esac", "!", "{", "}", "time")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. A problem stops a run; `fix` is the command, or the line, that mends it."""

    name: str
    state: State
    text: str
    fix: str | None = None


def examine(cwd: Path, config: Path | None) -> Iterator[Check]:
    """All checks in the order in which they matter; those that need what is missing are left out."""
    drop_inherited_git_environment()
    yield _machine()
    git = _attempt("git", lambda: _git_text(cwd))
    yield git
    repository = _attempt("repository", lambda: _repository_text(cwd))
    yield repository
    if "problem" in (git.state, repository.state):
        return
    yield from _repository(cwd)
    configuration = _attempt("configuration", lambda: _files_text(open_project(cwd, config)))
    yield configuration
    if configuration.state == "problem":
        return
    project = open_project(cwd, config)
    if project.root not in {file.parent for file in project.configuration.files}:
        yield Check("configuration", "warning", "this repository has no superteam.toml", "superteam init")
    yield from _agents(project)
    yield from _commands(project)
    yield from _setup(project)
    yield from _places(project)
    yield from _lock(project)
    yield from _runs(project)
    yield from _trees(project)


def stops_a_run(checks: tuple[Check, ...]) -> bool:
    """Whether any of them is a problem."""
    return any(check.state == "problem" for check in checks)


def _attempt(name: str, look: Callable[[], str]) -> Check:
    """What is ok as long as it does not fail; the failure says itself how it is mended."""
    try:
        return Check(name, "ok", look())
    except SuperteamError as problem:
        return Check(name, "problem", problem.message, problem.hint)


# -- machine and repository


def _machine() -> Check:
    text = f"superteam {__version__}, Python {platform.python_version()} ({sys.executable}), {platform.platform()}"
    if sys.platform.startswith(("linux", "darwin")):
        return Check("machine", "ok", text)
    return Check("machine", "problem", f"{text}: superteam runs on Linux and macOS")


def _git_text(cwd: Path) -> str:
    return run_git(["version"], cwd).out.strip()


def _repository_text(cwd: Path) -> str:
    found = open_repository(cwd)
    return f"{found.toplevel} at {found.head[:12]}"


def _repository(cwd: Path) -> Iterator[Check]:
    found = open_repository(cwd)
    if found.branch is None:
        text = "HEAD is detached: the commits of a run stay on its own branch"
        yield Check("branch", "warning", text, "git switch BRANCH")
    else:
        yield Check("branch", "ok", found.branch.removeprefix("refs/heads/"))
    yield _attempt("ready to start", lambda: _startable_text(found))
    yield _attempt("author", lambda: _author_text(found))


def _startable_text(found: Repository) -> str:
    require_startable(found, in_place=False)
    return "no operation in progress"


def _author_text(found: Repository) -> str:
    found.require_identity()
    return f"{found.identity['GIT_AUTHOR_NAME']} <{found.identity['GIT_AUTHOR_EMAIL']}>"


def _files_text(project: Project) -> str:
    if project.settings.workspace.isolation == "in-place":
        require_startable(project.repository, in_place=True)
    names = ", ".join(str(file) for file in project.configuration.files)
    return names or "no file: all values are defaults"


# -- the agent


def _agents(project: Project) -> Iterator[Check]:
    names = _agent_names(project.settings)
    if not names:
        here = [one.agent.name for one in installed(project.environ.get("PATH", os.defpath))]
        fix = (
            f'[agent] use = "{here[0]}" in superteam.toml' if here else f"install one of {_known()}; or define your own"
        )
        yield Check("agent", "problem", "no agent is chosen", fix)
    for name in names:
        yield _agent(project, name)


def _agent_names(settings: Settings) -> list[str]:
    """The agents that the configuration names, each once."""
    roles = [settings.agent.implement, settings.agent.fix, *([settings.agent.review] if settings.review.roles else [])]
    return [name for name in dict.fromkeys([settings.agent.use, *(role.use for role in roles)]) if name]


def _known() -> str:
    return ", ".join(agent.program for agent in AGENTS)


def _agent(project: Project, name: str) -> Check:
    try:
        make_agent(name, project.settings, project.root).check()
    except SuperteamError as problem:
        return Check("agent", "problem", problem.message, problem.hint)
    except ImportError as problem:
        return Check("agent", "problem", f"the agent {name!r} cannot be loaded: {problem}", "pip install superteam")
    known = next((one for one in AGENTS if one.name == name and name not in project.settings.agents), None)
    if known is None:
        return Check("agent", "ok", f"{name}: its program is there")
    version = anyio.run(_version, known.program, project)
    login = f"whether it is logged in cannot be seen from here; if not: {login_of(name)}"
    if version is None:
        text = f"{name}: {known.program} --version did not answer within {_PATIENCE:.0f} s, or failed; {login}"
        return Check("agent", "warning", text, f"{known.program} --version")
    return Check("agent", "ok", f"{name}: {known.program} {version}; {login}")


async def _version(program: str, project: Project) -> str | None:
    """What the program says of its version; None if it fails or does not answer."""
    with tempfile.TemporaryDirectory() as folder:
        done = await process.run(
            [program, "--version"],
            cwd=Path(folder),
            env=base_environment(project.environ),
            output=Path(folder) / "version.log",
            timeout=_PATIENCE,
            grace=1.0,
        )
    lines = done.stdout_head.strip().splitlines()
    return lines[0][:100] if done.exit.code == 0 and lines else None


# -- commands


def _commands(project: Project) -> Iterator[Check]:
    settings = project.settings
    env = make_ready(project.root, project.root, settings.workspace, project.environ, None).env
    if settings.test_command is None:
        text = "there is no test-command: nothing is compared across tasks"
        yield Check("test-command", "warning", text, "superteam init --print shows what is found here")
    else:
        yield _command("test-command", settings.test_command, project, env)
        yield from _framework(project, settings.test_command)
    if settings.validation_command is None:
        text = "there is no validation-command: a task without a gate of its own is checked by the suite alone"
        yield Check("validation-command", "warning", text, "superteam init --print shows what is found here")
    else:
        yield _command("validation-command", settings.validation_command, project, env)


def _command(name: str, command: str, project: Project, env: Mapping[str, str]) -> Check:
    """Whether the programs of a command are there, in the environment of your checkout."""
    missing = _missing(command, project.root, env)
    if not missing:
        return Check(name, "ok", command)
    text = f"{command}: {', '.join(missing)} was not found"
    if project.settings.workspace.setup:
        return Check(name, "warning", f"{text} in your checkout; the setup may bring it", "superteam validate")
    return Check(name, "problem", text, f"install {missing[0]}, or mend {name} in superteam.toml")


def _missing(command: str, root: Path, env: Mapping[str, str]) -> list[str]:
    """The programs of a shell command that are not there; what comes after a `cd`, or is a variable, is passed over."""
    found: list[str] = []
    for simple in simple_commands(command) or ():
        words = [word for word in simple.words if "=" not in word.partition("/")[0]]
        program = words[0] if words else ""
        if program in ("cd", "pushd"):
            break
        if program and program not in _BUILT_IN and "$" not in program and not _is_there(program, root, env):
            found.append(program)
    return list(dict.fromkeys(found))


def _is_there(program: str, root: Path, env: Mapping[str, str]) -> bool:
    if "/" in program:
        return os.access(root / program, os.X_OK)
    return shutil.which(program, path=env.get("PATH", os.defpath)) is not None


def _framework(project: Project, command: str) -> Iterator[Check]:
    if project.settings.report:
        yield Check("results", "ok", f"read from {project.settings.report}")
        return
    found = recognise(command, project.root)
    if isinstance(found, Untold):
        text = f"single tests may not be seen: {found.why}"
        yield Check("results", "warning", text, 'report = "junit:PATH" in superteam.toml, if the suite writes one')
    else:
        yield Check("results", "ok", f"of each test, from {found[0].NAME}")


def _setup(project: Project) -> Iterator[Check]:
    """What a new tree is given."""
    setup = project.settings.workspace.setup
    if setup is not None:
        yield _setup_command(setup, project)
        return
    here = [name for name in (".venv", "node_modules") if (project.root / name).is_dir()]
    if here or project.settings.workspace.bring != "auto":
        yield Check(
            "setup", "ok", f"none; {', '.join(here) or 'what [workspace] bring names'} is brought into each tree"
        )
        return
    facts = look(project.repository, project.environ)
    wanted = choose(discover(facts), facts).setup
    if wanted is None:
        yield Check("setup", "ok", "none, and nothing is brought into a new tree")
    else:
        text = f"a new tree will lack what {wanted.why} asks for"
        yield Check("setup", "warning", text, f'[workspace] setup = "{wanted.command}" in superteam.toml')


def _setup_command(setup: str, project: Project) -> Check:
    missing = _missing(setup, project.root, base_environment(project.environ))
    missing = [name for name in missing if "/" not in name]  # what the setup itself makes
    if not missing:
        return Check("setup", "ok", setup)
    fix = f"install {missing[0]}, or mend [workspace] setup in superteam.toml"
    return Check("setup", "problem", f"{setup}: {', '.join(missing)} was not found", fix)


# -- places


def _places(project: Project) -> Iterator[Check]:
    cache = cache_home() / project.repository.id
    yield _place("cache", cache, "SUPERTEAM_CACHE=FOLDER names another one")
    yield _place("records", project.root / ".superteam", f"chown or chmod {project.root}")


def _place(name: str, folder: Path, cure: str) -> Check:
    """Whether a folder can be written, or made, and has room."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Check(name, "problem", f"{there} cannot be written, so that there is no {folder}", cure)
    free = shutil.disk_usage(there).free
    text = f"{folder}, {free / 2**30:.1f} GiB free"
    if free < _LITTLE_ROOM:
        return Check(
            name, "problem" if free < _ROOM else "warning", f"{text}: trees and outputs need room", f"df -h {there}"
        )
    return Check(name, "ok", text)


# -- what is left of other runs


def _lock(project: Project) -> Iterator[Check]:
    path = project.lock_path
    if not locks.is_held(path):
        yield Check("lock", "ok", "free")
        return
    owner = locks.read_owner(path)
    who = f"process {owner.pid} on {owner.host} since {owner.started} ({owner.purpose})" if owner else str(path)
    yield Check("lock", "problem", f"held by {who}", "superteam status shows where it stands; superteam abort ends it")


def _runs(project: Project) -> Iterator[Check]:
    """The newest run that has not ended; one that is live is told by the lock."""
    for id in reversed(runs.run_ids(project.root)):
        status = _status(project.root, id)
        if status is None:
            yield Check("runs", "warning", f"the journal of run {id} cannot be read", f"superteam status {id}")
        elif status not in _ENDED and not runs.is_live(project.root, id):
            fix = f"superteam resume {id}, or superteam abort {id}"
            yield Check("runs", "warning", f"run {id} has not ended ({status})", fix)
            yield from _survivors(id)
            return
    yield Check("runs", "ok", "none is unfinished")


def _status(root: Path, id: str) -> str | None:
    """How a run stands; None where its journal is damaged."""
    state = read_state(root, id)
    if state is not None:
        return str(state["status"])
    try:
        return runs.load(root, id).ended or "interrupted"
    except SuperteamError:
        return None


def _survivors(id: str) -> Iterator[Check]:
    left = sorted(process.marked_processes(f"SUPERTEAM_RUN_ID={id}"))
    if left:
        text = f"processes of run {id} are still alive: {', '.join(map(str, left[:10]))}"
        yield Check("processes", "warning", text, f"superteam resume {id}, or superteam abort {id}, ends them")


def _trees(project: Project) -> Iterator[Check]:
    """The trees in the cache; those of side-by-side work are of no use once it is done."""
    folder = cache_home() / project.repository.id / "trees"
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    except OSError:
        names = []
    more = [name for name in names if name not in ("work", "check")]
    if more and not locks.is_held(project.lock_path):
        paths = " ".join(shlex.quote(str(folder / name)) for name in more[:20])
        text = f"{', '.join(names)} in {folder}; they are used again, and can be made again"
        yield Check("trees", "ok", text, f"rm -rf {paths} makes room")
    else:
        yield Check("trees", "ok", f"{', '.join(names)} in {folder}" if names else "none yet")
