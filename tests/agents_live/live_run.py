"""A run of a real agent, as a user begins it: a repository, a plan, a configuration, the command."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_server import ModelServer
from playground import SUITE, Finished, Repo, plan, toml_text

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
