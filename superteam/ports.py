"""What the engine asks of the world: one small Protocol a kind. Values in, values out; expected failures are values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from superteam.core.results import Execution, TestId

Role = Literal["implement", "fix", "review"]


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder that holds exactly one commit's files, ready to run in: `env` is the whole environment for programs there."""

    path: Path
    sha: str
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Brief:
    """One piece of work for an agent. `env` is the whole environment; times are in seconds, None is no limit."""

    role: Role
    task_id: str
    attempt: int
    run_id: str
    prompt: str
    tree: Path
    env: Mapping[str, str]
    prompt_file: Path
    result_file: Path
    output: Path
    timeout: float | None
    idle_timeout: float | None
    grace: float = 3.0


@dataclass(frozen=True, slots=True)
class AgentReport:
    """What an agent's dispatch came to. Claims are the agent's words and are never believed; unknown cost is None."""

    ended: Literal["done", "failed", "timed-out", "idle", "unreadable"]
    exit_code: int | None = None
    detail: str = ""
    summary: str = ""
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    claims: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    question: str | None = None
    leftovers: tuple[str, ...] = field(default=())


class Agent(Protocol):
    """Does one piece of work in a checked-out tree; a crash or a time-out is a value, not an exception."""

    async def work(self, brief: Brief) -> AgentReport: ...

    def check(self) -> None:
        """Raises AgentUnavailable when its program cannot be started; called once before a run."""


class Source(Protocol):
    """Runs or reads tests and reports what happened to each; `only` restricts it to exactly these tests."""

    async def collect(self, tree: Tree, only: frozenset[TestId] | None = None) -> Execution: ...


class Clock(Protocol):
    """The time: UTC as ISO 8601 text for documents, seconds for measuring."""

    def now(self) -> str: ...

    def seconds(self) -> float: ...
