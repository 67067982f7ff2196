"""Builds a user's folders: a home, a project with dependencies, an environment and a library."""

from __future__ import annotations

import os
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from inventory import Allowed, Entry, differences, not_allowed, take_inventory
from playground import Repo, plan

HOSTILE = Path(__file__).with_name("hostile.py")
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
OWN_PACKAGES = Path(pytest.__file__).parents[1]

ALWAYS = (
    Allowed("home/.cache/superteam*"),
    Allowed("home/.config/superteam*", ("added",)),  # the key that seals verdicts
    Allowed("home/.local/share/superteam*", ("added",)),
    Allowed("home/.local/state/superteam*", ("added",)),
    Allowed("project/.superteam*"),
    Allowed("project/.git/superteam.lock"),
    Allowed("project/.git/objects/*", ("added", "touched")),
    Allowed("project/.git/refs/heads/superteam*"),
    Allowed("project/.git/refs/superteam*"),
    Allowed("project/.git/logs/refs/heads/superteam*"),
    Allowed("project/.git/logs/refs/superteam*"),
)
# Python's own compiled copies of what the suite imports from the user's environment: not prevented.
COMPILED = (
    Allowed("environment/lib/*/site-packages/__pycache__", ("added",)),
    Allowed("environment/lib/*/site-packages/__pycache__/*.pyc", ("added",)),
)
# What links of the user's own in node_modules and `.venv` lead to outside of the project: not prevented.
BEHIND_LINKS = (Allowed("library*"),)
NEW_CONFIGURATION = (Allowed("project/superteam.toml", ("added",)),)
FAST_FORWARD = (
    Allowed("project/.git/refs/heads/main", ("changed",)),
    Allowed("project/.git/logs/refs/heads/main", ("changed",)),
    Allowed("project/.git/logs/HEAD", ("changed",)),
    Allowed("project/.git/index", ("changed",)),
    Allowed("project/.git/ORIG_HEAD"),
    Allowed("project/src/acme/more.py", ("added",)),
    Allowed("project/escape-*", ("added",)),
    Allowed("project/packages/ui/added*", ("added",)),  # through a link in the tree to the tree
)
IN_PLACE = (
    Allowed("project/.git/HEAD", ("changed", "touched")),
    Allowed("project/.git/logs/HEAD", ("changed", "touched")),
    Allowed("project/.git/index", ("changed", "touched")),
    Allowed("project/src/acme", ("touched",)),
    Allowed("project/src/acme/more.py"),
    Allowed("project/src/acme/__init__.py", ("changed", "touched")),
)

SUITE = """\
import os, subprocess, sys

import needed
from acme import add


def test_add():
    assert add(1, 2) == 3


def test_hostile():
    command = [sys.executable, HOSTILE, ROOT, LOG, "--mild"]
    assert subprocess.run(command, check=False).returncode == 0
    if os.path.exists(os.path.join(ROOT, "suite-hangs")):
        with open(os.path.join(ROOT, "up"), "w") as file:
            file.write("up")
        os.execvp("sleep", ["sleep", "1000000"])
"""
AGENT = """\
set -u
test -e {root}/agent-behaves || python {hostile} {root} {log}
if [ "$SUPERTEAM_ROLE" = review ]; then
    echo '{{"passed": true, "findings": [], "summary": "fine"}}' >"$SUPERTEAM_RESULT"
    exit
fi
echo 'MORE = 1' >src/acme/more.py
test ! -e {root}/agent-breaks || echo 'def add(a, b): return a - b' >src/acme/__init__.py
test ! -e {root}/agent-hangs || {{ echo up >{root}/up; exec sleep 1000000; }}
"""
GATE = "test -e {root}/agent-behaves || python {hostile} {root} {log} --mild\n"
PROJECT = """\
[project]
name = "acme"
version = "0"

[tool.pytest.ini_options]
pythonpath = ["src"]
"""
HOOKS = ("post-checkout", "pre-commit", "post-commit", "post-merge", "reference-transaction")
COMMAND = 'test-command = "python -m pytest -q -p no:cacheprovider tests"\n'
CONFIG = """\
validation-command = "sh {root}/gate.sh"
on-escalation = "abort"

[agent]
use = "hostile"

[agents.hostile]
kind = "command"
command = ["sh", "{root}/agent.sh"]

[validation]
auto-fix = 0
reruns = 1
confirmations = 1

[workspace]
"""


@dataclass
class Machine(Repo):
    """The repository `user/project` of a user whose home, environment and library are beside it."""

    base: Path = field(default_factory=Path)
    inventory: dict[str, Entry] = field(default_factory=dict, repr=False)

    @property
    def user(self) -> Path:
        return self.base / "user"

    @property
    def log(self) -> Path:
        return self.base / "log"

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        environ = super().environ(more)
        for name in ("SUPERTEAM_CACHE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            del environ[name]
        return {**environ, "HOME": str(self.user / "home")}

    def turn_on(self, switch: str) -> None:
        """Makes the agent or the suite behave otherwise: see AGENT and SUITE."""
        (self.base / switch).touch()

    def turn_off(self, switch: str) -> None:
        (self.base / switch).unlink()

    def remember(self) -> None:
        """Takes the inventory that the next `nothing_else_changed` compares with."""
        self.inventory = take_inventory(self.user)

    def nothing_else_changed(self, *allowed: Allowed) -> None:
        """Fails if anything of the user's differs from what `remember` saw and is not allowed."""
        after = take_inventory(self.user)
        found = not_allowed(differences(self.inventory, after), [*ALWAYS, *COMPILED, *allowed])
        if found:
            lines = "\n  ".join(str(difference) for difference in found)
            pytest.fail(f"of the user's:\n  {lines}", pytrace=False)

    def behaviours(self) -> dict[str, int]:
        """How often each hostile behaviour has done something since the log was last emptied."""
        counts: dict[str, int] = {}
        for line in self.log.read_text().splitlines():
            name, _, done = line.partition(": ")
            if done not in ("0", "[]") and not done.startswith("nothing"):
                counts[name] = counts.get(name, 0) + 1
        return counts

    def empty_log(self) -> None:
        self.log.write_text("")


SETTINGS = {
    "own": "",
    "elsewhere": 'bring = ["data", "node_modules"]\n',
    "linked": '\n[review]\nroles = ["spec"]\n',
    "setup": 'setup = "python {hostile} {root} {log} install add"\n',
}


def build_machine(base: Path, kind: str) -> Machine:
    """Builds the folders of a user.

    `own`: `.venv` is in the project. `linked`: links in it and in node_modules lead to a library
    beside the project, and changes are reviewed. `elsewhere`: an active environment outside of the
    project. `setup`: the same, and what `pip install -e .` writes prepares each tree.
    """
    machine = Machine(base / "user" / "project", base / "unused", base=base)
    machine.root.mkdir(parents=True)
    machine.empty_log()
    os.mkfifo(base / "up")
    _write_home(machine)
    _write_library(machine)
    _write_project(machine, SETTINGS[kind])
    _write_node_modules(machine, with_workspace=kind == "elsewhere")
    if kind in ("own", "linked"):
        _write_environment(machine, machine.root / ".venv")
        if kind == "linked":
            _link_library(machine)
    else:
        place = machine.user / "environment"
        _write_environment(machine, place)
        machine.env = {
            "VIRTUAL_ENV": str(place),
            "PATH": f"{place}/bin{os.pathsep}{os.environ['PATH']}",
        }
    return machine


def _write_home(machine: Machine) -> None:
    home = machine.user / "home"
    files = {
        ".gitconfig": "[user]\n\tname = Ada\n\temail = ada@example.org\n",
        ".bashrc": "true\n",
        ".npmrc": "fund=false\n",
        ".cache/pip/wheel": "wheel\n",
        ".config/tool/settings": "a=1\n",
        ".local/share/tool/state": "1\n",
        ".local/state/tool/state": "1\n",
        ".ssh/id": "key\n",
        "store/peer.js": "exports.peer = 1\n",
    }
    _write(home, files)
    (home / ".ssh/id").chmod(0o600)


def _write_library(machine: Machine) -> None:
    """A library that the user develops beside the project."""
    _write(machine.user / "library", {"index.js": "exports.a = 1\n", "library.py": "A = 1\n"})


def _link_library(machine: Machine) -> None:
    """Makes links as `npm link` and a developer's own do."""
    (machine.root / "node_modules/library").symlink_to("../../library")
    packages = machine.root / ".venv/lib" / PYTHON / "site-packages"
    (packages / "library.py").symlink_to(machine.user / "library/library.py")


def _write_project(machine: Machine, workspace: str) -> None:
    names = {"hostile": HOSTILE, "root": machine.base, "log": machine.log}
    suite = SUITE
    for name, path in names.items():
        suite = suite.replace(name.upper(), repr(str(path)))
    (machine.base / "agent.sh").write_text(AGENT.format(**names))
    (machine.base / "gate.sh").write_text(GATE.format(**names))
    config = COMMAND + CONFIG.format(**names) + workspace.format(**names)
    ignored = [".venv", "node_modules", "data", "dist", ".env", "__pycache__", "*.egg-info"]
    files = {
        ".gitignore": "\n".join(ignored) + "\n",
        "pyproject.toml": PROJECT,
        "package.json": '{"name": "acme", "version": "1.0.0", "workspaces": ["packages/*"]}',
        "packages/ui/package.json": '{"name": "ui", "version": "1.0.0"}',
        "packages/ui/index.js": "exports.ui = 1\n",
        "src/acme/__init__.py": "def add(a, b): return a + b\n",
        "tests/test_acme.py": suite,
        "superteam.toml": config,
        "plan.md": plan({"title": "More"}),
    }
    machine.git("init", "-q", "-b", "main")
    machine.write(files)
    (machine.root / "link-to-file").symlink_to("src/acme/__init__.py")
    (machine.root / "link-to-folder").symlink_to("src")
    machine.commit({}, "start")
    machine.git("branch", "other")
    machine.git("tag", "v1")
    machine.write({"src/acme/__init__.py": "kept = 1\n"})
    machine.git("stash")
    untracked = {
        "notes.txt": "mine\n",
        "private/letter.txt": "dear\n",
        "dist/generated.js": "x\n",
        ".env": "A=1\n",
        "data/table.csv": "a,b\n",
        "data/deep/er.csv": "c\n",
    }
    machine.write(untracked)
    for name in HOOKS:
        hook = machine.root / ".git/hooks" / name
        hook.write_text("#!/bin/sh\necho $0 >>~/hooks-that-ran\n")
        hook.chmod(0o755)
    (machine.root / "notes.txt").chmod(0o600)
    (machine.root / "private").chmod(0o700)


def _write_node_modules(machine: Machine, with_workspace: bool) -> None:
    folder = machine.root / "node_modules"
    files = {
        "plain/package.json": '{"name": "plain"}',
        "plain/index.js": "exports.plain = 1\n",
        "plain/bin/run.js": "#!/usr/bin/env node\n",
        "@scope/deep/package.json": '{"name": "@scope/deep"}',
        "@scope/deep/lib/index.js": "exports.deep = 1\n",
        ".package-lock.json": "{}",
    }
    _write(folder, files)
    (folder / ".bin").mkdir()
    (folder / ".bin/plain").symlink_to("../plain/bin/run.js")
    (folder / "peer").mkdir()
    (folder / "peer/index.js").hardlink_to(machine.user / "home/store/peer.js")
    if with_workspace:
        (folder / "ui").symlink_to("../packages/ui")


def _write_environment(machine: Machine, place: Path) -> None:
    """A virtual environment with pytest in reach, a package, and an editable install of the project."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(place)
    packages = place / "lib" / PYTHON / "site-packages"
    files = {
        "pytest-of-the-test.pth": f"{OWN_PACKAGES}\n",
        "needed.py": "A = 1\n",  # not compiled yet
        "__editable__.acme-0.pth": f"{machine.root}/src\n",
        "acme-0.dist-info/direct_url.json": f'{{"url": "file://{machine.root}"}}',
        "acme-0.dist-info/METADATA": "Name: acme\nVersion: 0\n",
        "dependency/__init__.py": "A = 1\n",
        "dependency/data.txt": "a\n",
        "obsolete/__init__.py": "B = 1\n",
    }
    _write(packages, files)
    program = place / "bin/pytest"
    program.write_text(f"#!{place}/bin/python\nimport pytest, sys\nsys.exit(pytest.main())\n")
    program.chmod(0o755)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
