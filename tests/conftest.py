"""A real repository with a real pytest suite, and the real command."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from playground import CONFIG, SUITE, TEST_COMMAND, Census, Repo, Setup, plan, script

# How long one example may take is no property of the code: on a busy machine it takes longer.
settings.register_profile("superteam", settings(), deadline=None)
settings.register_profile("fewer-examples", settings(), deadline=None, max_examples=15)
settings.load_profile("superteam")

FOREIGN = ("GIT_", "SUPERTEAM_", "PYTEST_ADDOPTS", "PYTHONDONTWRITEBYTECODE", "MAKE", "MFLAGS")

# Begun in the background by a shell, or with nohup, we would ignore these, and so would every program of a test.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _own_git_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No configuration of the developer's machine reaches a test, and no variable of a run or a make we are part of."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        monkeypatch.delenv(name)
    empty = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(empty))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(empty / ".config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(empty / ".cache"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def census() -> Iterator[Census]:
    """Says who is alive of what the test started; at its end nobody may be, and whoever is left is killed."""
    census = Census()
    yield census
    left = census.alive()
    for line in left:
        with suppress(ProcessLookupError):
            os.kill(int(line.split()[1]), signal.SIGKILL)
    assert left == []


@pytest.fixture
def empty_repo(tmp_path: Path) -> Repo:
    """A repository without any commit."""
    repo = Repo(tmp_path / "repo", tmp_path / "cache")
    repo.root.mkdir()
    repo.git("init", "-q", "-b", "main")
    return repo


@pytest.fixture
def repo(empty_repo: Repo) -> Repo:
    """A repository with a small module, its suite and a configuration for the scripted agent."""
    empty_repo.commit({**SUITE, "superteam.toml": TEST_COMMAND + CONFIG}, "start")
    return empty_repo


@pytest.fixture
def given(repo: Repo) -> Setup:
    """Commits a plan, the script of its agent and more files: given(tasks, dispatches, files={...}, config="...")."""

    def prepare(
        tasks: list[Mapping[str, Any]],
        dispatches: list[Mapping[str, Any]],
        files: Mapping[str, str] | None = None,
        config: str = "",
    ) -> None:
        head = 'agent.use = "script"\n' if "test-command" in config else TEST_COMMAND
        more = {"superteam.toml": f"{head}{config}\n{CONFIG}"} if config else {}
        texts = {"plan.md": plan(*tasks), "agent.toml": script(*dispatches)}
        repo.commit({**texts, **more, **(files or {})}, "plan")

    return prepare
