"""A real repository, the real command, and how plans and scripts are written for them."""

from __future__ import annotations

import json
import os
import secrets
import select
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


@dataclass
class Finished:
    """One finished call of the command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Repo:
    """A repository in a temporary folder, with the command run in it as a user would."""

    root: Path
    cache: Path
    env: dict[str, str] = field(default_factory=dict)

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        here = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SUPERTEAM_CACHE": str(self.cache),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the suites of the tests start faster without our own plugins
        }
        return {**os.environ, **IDENTITY, **here, **self.env, **(more or {})}

    def git(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env=self.environ(), capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, files: Mapping[str, str], message: str = "change") -> str:
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def superteam(self, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 120) -> Finished:
        done = subprocess.run(
            [sys.executable, "-m", "superteam", *arguments],
            cwd=self.root,
            env=self.environ(env),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """The command in a session of its own, running; the caller ends it."""
        return subprocess.Popen(
            [sys.executable, "-m", "superteam", *arguments],
            cwd=self.root,
            env=self.environ(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def status(self) -> Any:
        return self.superteam("status", "--json").json

    def files_at(self, commit: str = "HEAD") -> dict[str, str]:
        names = self.git("ls-tree", "-r", "--name-only", commit).splitlines()
        return {name: self.git("show", f"{commit}:{name}") for name in names}

    def task_commits(self, branch: str = "HEAD") -> list[str]:
        """Task ids of the commits that superteam made, oldest first."""
        text = self.git("log", "--reverse", "--format=%(trailers:key=Superteam-Task,valueonly,separator=%x2C)", branch)
        return [line for line in text.splitlines() if line]


TEST_COMMAND = 'agent.use = "script"\ntest-command = "python -m pytest -q -p no:cacheprovider"\n'
CONFIG = """\
[agents.script]
kind = "scripted"
script = "agent.toml"
"""

SUITE = {
    "calc.py": "def add(a, b):\n    return a + b\n\n\ndef mul(a, b):\n    return a * b\n",
    "test_calc.py": (
        "from calc import add, mul\n\n\ndef test_add():\n    assert add(1, 2) == 3\n\n\n"
        "def test_mul():\n    assert mul(2, 3) == 6\n"
    ),
}


def toml_text(text: str) -> str:
    return json.dumps(text)


def script(*dispatches: Mapping[str, Any]) -> str:
    """The text of a scripted agent's file; `write` maps paths to texts, None deletes."""
    parts = []
    for entry in dispatches:
        entry = dict(entry)
        parts.append("[[dispatch]]")
        tables = {key: entry.pop(key) for key in ("write", "result") if isinstance(entry.get(key), Mapping)}
        gone = [name for name, text in tables.get("write", {}).items() if text is None]
        if gone:
            entry["delete"] = gone
        parts += [f"{json.dumps(key)} = {_toml(value)}" for key, value in entry.items()]
        for table, values in tables.items():
            parts.append(f"[dispatch.{table}]")
            parts += [f"{json.dumps(key)} = {_toml(value)}" for key, value in values.items() if value is not None]
    return "\n".join(parts) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value)


def plan(*tasks: Mapping[str, Any], title: str = "A plan") -> str:
    """A superteam-tasks plan document; YAML is a superset of JSON."""
    lines = [f"# {title}", "", "```superteam-tasks"]
    lines += [f"- {json.dumps(dict(task))}" for task in tasks]
    return "\n".join([*lines, "```", ""])


Setup = Callable[..., None]


def begin(repo: Repo, *tasks: Any, parts: tuple[Any, ...] = ()) -> str:
    """A run of these tasks that has only begun, as a kill right after its first record leaves it; `resume` takes it up.

    So a test can use what no document of superteam-tasks can say. The plan's own path leads nowhere.
    """
    from superteam.app.running import _plain
    from superteam.config import load
    from superteam.core.events import RunCreated
    from superteam.core.plan import Plan
    from superteam.journal import runs
    from superteam.journal.log import Journal

    # The ends of one run look for its processes by its id: no two tests that run at once may have the same.
    run_id = f"20260101-000000-{secrets.token_hex(3)}"
    created = RunCreated(
        run_id=run_id,
        plan=Plan(path="nowhere.md", format="gsd", title="A plan", sha256="0" * 64, tasks=tasks, parts=parts),
        settings=load(repo.root, environ=repo.environ()).settings,
        start_sha=repo.git("rev-parse", "HEAD"),
        start_tree=repo.git("rev-parse", "HEAD^{tree}"),
        user_branch="refs/heads/main",
        run_branch=f"superteam/plan-{run_id[-6:]}",
        interactive=False,
        superteam="0",
        pid=1,
        host="here",
    )
    runs.home(repo.root)
    journal = Journal.create(runs.journal_path(repo.root, run_id))
    journal.append("2026-01-01T00:00:00.000+00:00", _plain(created))
    journal.close()
    runs.point_latest(repo.root, run_id)
    return run_id


def prompts(repo: Repo, kind: str = "*") -> list[str]:
    """The prompts of the newest run's dispatches, in their order by name."""
    folder = repo.root / ".superteam" / "latest" / "outputs"
    return [path.read_text() for path in sorted(folder.glob(f"{kind}.prompt.md"))]


PLANS = Path(__file__).resolve().parents[1] / "plans"


def example(repo: Repo, name: str) -> str:
    """One commit that holds an example of plans/: its project, its agent and its plan, whose path is returned."""
    folder, document = PLANS / name, PLANS / f"{name}.md"
    for source in (folder / "project", folder / "agent.toml", document):
        if source.is_dir():
            shutil.copytree(source, repo.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, repo.root)
    if not document.exists():
        (repo.root / "plans" / name).mkdir(parents=True)
        for part in folder.glob("*.md"):
            shutil.copy(part, repo.root / "plans" / name)
    settings = {} if (repo.root / "superteam.toml").exists() else {"superteam.toml": f'agent.use = "script"\n{CONFIG}'}
    repo.commit(settings, "start")
    return document.name if document.exists() else f"plans/{name}"


def pipe(folder: Path, name: str) -> str:
    """A named pipe: whoever opens it waits for the other end."""
    os.mkfifo(folder / name)
    return shlex.quote(str(folder / name))


_LASTS = "exec sleep 1000000 </dev/null >/dev/null 2>&1 3>&-"
_UP = f"sh -c 'echo up >&3; {_LASTS}'"
_AT_TERM = "trap '(env -i setsid sleep 1000000 >/dev/null 2>&1 &); exit' TERM"
_MULTIPLIES = """
import os, signal, time
def fork(*_):
    for _ in range(30):
        if os.fork():
            os._exit(0)
        os.setsid()
signal.signal(signal.SIGTERM, fork)
os.write(3, b"up\\n")
os.closerange(0, 4)
while True:
    time.sleep(1000)
"""
_STARTS = {
    "child": _UP,
    "setsid": f"setsid {_UP}",
    "nohup": f"nohup {_UP}",
    "forked-twice": f'sh -c "setsid {_UP} &"',
    "clean": f"env -i setsid /bin/{_UP}",
    "deaf": f"setsid sh -c 'trap \"\" TERM; echo up >&3; {_LASTS}'",
    "clean-and-deaf": f"env -i setsid /bin/sh -c 'trap \"\" TERM; echo up >&3; {_LASTS}'",
    "starts-another": f"setsid sh -c {shlex.quote(f'{_AT_TERM}; echo up >&3; exec 3>&-; while :; do sleep 0.1; done')}",
    "multiplies": f"env -i setsid {sys.executable} -S -c {shlex.quote(_MULTIPLIES)}",
}
STRAYS = {kind: f"{{ {start} 3>&1 >/dev/null 2>&1 & }} | read up" for kind, start in _STARTS.items()}
"""Shell commands that leave a program running, by what makes it hard to end; each is up when the command has ended."""

ALL_STRAYS = "; ".join(STRAYS.values())


class Census:
    """Asserts that no program which was started since it was made is alive: we adopt every orphan (Linux)."""

    def __init__(self) -> None:
        from superteam.process.subreaper import become_subreaper

        become_subreaper()
        self.before = frozenset(_family())

    def alive(self) -> list[str]:
        """Programs below this process ("name pid start") that were not there before; a zombie is not alive.

        A watchdog of a superteam that was killed comes to its end by itself, which is waited for.
        """
        while dogs := self._watchdogs():  # one that wakes goes on in a child
            for pid in dogs:
                ended(pid)
        return sorted(f"{name} {identity}" for identity, name in _family().items() if identity not in self.before)

    def _watchdogs(self) -> list[int]:
        found = [identity.split()[0] for identity in _family() if identity not in self.before]
        return [int(pid) for pid in found if "superteam.process.watchdog" in _command(pid)]

    def kill_watchdogs(self) -> None:
        """Kills those that would end what a superteam leaves which is killed next."""
        for pid in self._watchdogs():
            os.kill(pid, signal.SIGKILL)
            ended(pid)

    def nobody_is_left(self, *runs: str) -> None:
        """For runs also: nobody anywhere on the machine carries their mark."""
        left = [*self.alive(), *(f"{pid}, marked {run}" for run in runs for pid in _marked(run))]
        assert left == [], f"alive: {left}"


def ended(pid: int) -> None:
    """Returns when the process has ended, within a minute."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ready, _, _ = select.select([descriptor], [], [], 60)
    os.close(descriptor)
    assert ready, f"process {pid} lives on"


def _command(pid: str) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    return ""


def _family() -> dict[str, str]:
    """All living descendants of this process, from `ps`, which itself is left out: names by id and start."""
    ps = subprocess.Popen(["ps", "-A", "-o", "pid=,ppid=,stat=,lstart=,comm="], stdout=subprocess.PIPE, text=True)
    table = [line.split(None, 8) for line in ps.communicate()[0].splitlines()]
    found: dict[str, str] = {}
    parents = {str(os.getpid())}
    while parents:
        children = [row for row in table if row[1] in parents and row[0] != str(ps.pid)]
        found |= {" ".join([row[0], *row[3:8]]): row[8] for row in children if not row[2].startswith("Z")}
        parents = {row[0] for row in children}
    return found


def _marked(run: str) -> list[int]:
    mark = f"SUPERTEAM_RUN_ID={run}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def meeting(folder: Path, name: str = "") -> tuple[str, str]:
    """A command for each of two dispatches; neither ends before the other has begun."""
    there, back = pipe(folder, f"{name}there"), pipe(folder, f"{name}back")
    return f"echo x >{there}; cat {back} >/dev/null", f"cat {there} >/dev/null; echo x >{back}"


def heard(path: Path) -> str:
    """What somebody writes into a named pipe, within a minute."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        ready, _, _ = select.select([descriptor], [], [], 60)
        return os.read(descriptor, 100).decode() if ready else ""
    finally:
        os.close(descriptor)
