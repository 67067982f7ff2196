"""Real agents in a real repository, with a scripted model; whatever they start is gone after each test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live_agents import environment, program, why_missing
from live_run import Live
from model_server import ModelServer
from playground import Repo

from superteam import process

_MARK = "LIVE_TEST_ID"
_KEPT = ("PATH", "LANG", "TERM", "GIT_CONFIG_NOSYSTEM")  # of our environment: nothing that an agent understands


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def live(
    empty_repo: Repo, model: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Live]]:
    """Makes the repository for an agent, or skips and says why; afterwards no process of the run may be alive."""
    mark = uuid.uuid4().hex
    for name in set(os.environ) - {*_KEPT}:
        monkeypatch.delenv(name)

    def make(agent: str) -> Live:
        if reason := why_missing(agent):
            pytest.skip(reason)
        path = f"{program(agent).parent}{os.pathsep}{empty_repo.environ()['PATH']}"
        own = environment(agent, model.url, tmp_path / "home")
        empty_repo.env.update(own, PATH=path, **{_MARK: mark})
        return Live(agent, empty_repo, model, tmp_path / "home")

    yield make
    left = process.marked_processes(f"{_MARK}={mark}")
    names = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")[:200] for pid in left}
    for pid in left:
        os.kill(pid, 9)
    assert not left, f"the run left processes behind: {names}"
