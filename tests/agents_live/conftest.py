"""Real agents in a real repository, with a scripted model; whatever they start is gone after each test."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from live_agents import environment, program, why_missing
from model_server import ModelServer
from playground import SUITE, Finished, Repo, plan, toml_text

from superteam import process

_MARK = "LIVE_TEST_ID"
_KEPT = ("PATH", "LANG", "TERM", "GIT_CONFIG_NOSYSTEM")  # of our environment: nothing that an agent understands
# Where an agent fails is asked about at once, and nothing is tried again: each test is about one dispatch.
_STRICT = """
[validation]
auto-fix = 0
[failure-actions]
impl-crash = "escalate"
tool-timeout = "escalate"
"""


@dataclass
class Live:
    """A repository whose agent is a real one, and the model it talks to."""

    agent: str
    repo: Repo
    model: ModelServer
    home: Path

    def given(self, *tasks: dict[str, object], tables: str = _STRICT, **more: Any) -> None:
        """Commits the suite, a plan of these tasks, and a configuration; `more` is for [agent], "_" for "-"."""
        head = f"test-command = {toml_text('python -m pytest -q -p no:cacheprovider')}\n[agent]\n"
        agent = {"use": self.agent, "timeout": "60s", "idle_timeout": "40s", **more}
        config = head + "".join(f"{key.replace('_', '-')} = {json.dumps(value)}\n" for key, value in agent.items())
        texts = {"superteam.toml": config + tables, "plan.md": plan(*tasks)}
        self.repo.commit({**SUITE, **texts}, "start")

    def execute(self, *options: str) -> Finished:
        return self.repo.superteam("execute", "plan.md", *options, timeout=150)


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
