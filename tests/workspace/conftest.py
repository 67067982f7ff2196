"""A repository with one commit, and desks that are closed at the end of a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench import AT, BRANCH, Bench, Open, git

from superteam.core.events import RunCreated
from superteam.core.evolve import start
from superteam.core.plan import Plan, Task
from superteam.core.settings import Settings, WorkspaceSettings
from superteam.workspace.desk import open_desk
from superteam.workspace.opening import open_repository


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SUPERTEAM_CACHE", str(tmp_path / "cache"))
    made = tmp_path / "project"
    (made / "src").mkdir(parents=True)
    git(made, "init", "-q", "-b", "main")
    git(made, "config", "user.name", "Ada")
    git(made, "config", "user.email", "ada@example.org")
    for name, text in {"a.txt": "one\n", "src/b.py": "b = 1\n", ".gitignore": "*.log\n.env\n"}.items():
        (made / name).write_text(text)
    git(made, "add", "-A")
    git(made, "commit", "-q", "-m", "start")
    git(made, "tag", "v1")
    return made


@pytest.fixture
def bench_of(root: Path) -> Iterator[Open]:
    opened = []

    def make(in_place: bool = False, **workspace: Any) -> Bench:
        where = WorkspaceSettings(isolation="in-place" if in_place else "tree", **workspace)
        settings = Settings(workspace=where)
        repository = open_repository(root, for_run=True)
        plan = Plan(path="plan.md", format="x", title="t", sha256="0" * 64, tasks=(Task(id="1", title="t"),))
        created = RunCreated(
            run_id="r1",
            plan=plan,
            settings=settings,
            start_sha=repository.head,
            start_tree=repository.tree_of("HEAD"),
            user_branch=repository.branch,
            run_branch=BRANCH,
            interactive=False,
            superteam="0",
            pid=1,
            host="h",
        )
        opened.append(Bench(root, settings, open_desk(repository, start(created, AT), settings, os.environ)))
        return opened[-1]

    yield make
    for bench in opened:
        bench.desk.close()
