"""A run's desk with what a test does at it, for the tests of trees."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from superteam.core.settings import Settings
from superteam.workspace.desk import Desk, open_desk
from superteam.workspace.opening import open_repository

AT = "2026-01-02T03:04:05Z"
BRANCH = "superteam/plan-r1"


def git(folder: Path, *arguments: str, check: bool = True, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False, env=env or os.environ
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


@dataclass
class Bench:
    """A desk with what a test does at it; each `open` is a new process's desk of the same run."""

    root: Path
    settings: Settings
    desk: Desk

    @property
    def head(self) -> str:
        assert self.desk.run is not None
        return self.desk.run.start_sha

    @property
    def work(self) -> Path:
        return self.desk.work().path

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return anyio.run(function, *arguments)

    def prepare(self, commit: str | None = None) -> Any:
        sha = commit or self.head
        return self.do(self.desk.prepare, self.desk.repository.tree_of(sha), sha, "replaced/x")

    def accept(self, old: str, title: str = "feat\n") -> str:
        """What an accepted task does: capture, commit, move the branch."""
        tree = self.do(self.desk.capture).tree
        made: str = self.do(self.desk.commit, tree, old, title, AT)
        self.do(self.desk.move, made, old)
        return made

    def again(self) -> None:
        run = self.desk.run
        self.desk.close()
        self.desk = open_desk(open_repository(self.root), run, self.settings, os.environ)


Open = Callable[..., Bench]
