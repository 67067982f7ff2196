"""The effective configuration (contract, section 3). Keys are written with hyphens in files."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from superteam.core.failures import Action, FailureType

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(value: Any) -> float:
    """A duration as written by people: 90, "90s", "30m", "2h"; ValueError otherwise."""
    if isinstance(value, bool):
        raise ValueError('a duration is a number of seconds or a text such as "90s", "30m", "2h"')
    if isinstance(value, int | float):
        found = float(value)
    else:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", str(value))
        if not match:
            raise ValueError(f'{value!r} is not a duration; write seconds, "90s", "30m" or "2h"')
        found = float(match[1]) * _UNITS[match[2]]
    if not 0 < found < 10**9:
        raise ValueError(f"{value!r} is not a positive duration")
    return found


def waiting(value: Any) -> float:
    """A duration that may be nothing: 0, "0", or as `seconds` reads it."""
    return 0.0 if str(value).strip() in ("0", "0.0", "0s", "0m", "0h") else seconds(value)


Duration = Annotated[float, BeforeValidator(seconds)]
Wait = Annotated[float, BeforeValidator(waiting)]
MOST_USD, MOST_UNITS = 10**9, 2**53  # an infinite amount is none that a journal could hold
# A part of the names of folders, files and refs, on file systems too that do not tell upper from lower case.
ReviewRole = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


def _hyphens(name: str) -> str:
    return name.replace("_", "-")


def named(text: str | None) -> str | None:
    """The name of a model or an effort; ValueError for one that a program would take for an option, or for nothing."""
    if text is not None and (not text.strip() or text.startswith("-")):
        raise ValueError(f"{text!r} is no name: it is empty, or a program would take it for an option")
    return text


class Section(BaseModel):
    """A table of the configuration: frozen, unknown keys refused, keys with hyphens."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=_hyphens, populate_by_name=True)


class AgentChoice(Section):
    """[agent.implement], [agent.fix], [agent.review]: what differs for one role; None is as [agent] says."""

    use: str | None = None
    model: str | None = None
    effort: str | None = None
    arguments: tuple[str, ...] | None = None
    timeout: Duration | None = None
    idle_timeout: Duration | None = None

    @field_validator("model", "effort")
    @classmethod
    def _no_option(cls, text: str | None) -> str | None:
        return named(text)


class AgentSettings(Section):
    """[agent]: which agent is used, with what, and how long one dispatch may take.

    `wait_for_limits` is how long the end of a provider's rate limit may be waited for; None is the default of the
    place: nothing without a terminal.
    """

    use: str | None = None
    model: str | None = None
    effort: str | None = None
    arguments: tuple[str, ...] | None = None
    timeout: Duration = 1800.0
    idle_timeout: Duration = 600.0
    max_attempts: int = Field(3, ge=1)
    wait_for_limits: Wait | None = None
    implement: AgentChoice = AgentChoice()
    fix: AgentChoice = AgentChoice()
    review: AgentChoice = AgentChoice()

    @field_validator("model", "effort")
    @classmethod
    def _no_option(cls, text: str | None) -> str | None:
        return named(text)


class Rates(Section):
    """[agents.NAME] rates: US dollars per million tokens, for agents that tell tokens and no cost."""

    input: float = Field(ge=0, le=MOST_USD)
    cached_input: float | None = Field(None, ge=0, le=MOST_USD)
    output: float = Field(ge=0, le=MOST_USD)


Preset = Literal["claude", "codex", "gemini", "opencode", "pi", "goose", "copilot"]


class AgentDefinition(Section):
    """[agents.NAME]: an agent of the user's own. `script` is the file of a scripted agent, `preset` a known agent that
    is reached over ACP; `command` is the program with its first arguments."""

    kind: Literal["command", "scripted", "acp", "claude", "codex", "pi"]
    command: tuple[str, ...] = ()
    script: str | None = None
    preset: Preset | None = None
    rates: Rates | None = None

    @model_validator(mode="after")
    def _whole(self) -> AgentDefinition:
        if self.kind == "command" and not self.command:
            raise ValueError('kind = "command" needs command = ["program", "argument", ...]')
        if self.kind == "scripted" and not self.script:
            raise ValueError('kind = "scripted" needs script = "path/to/script.toml"')
        if self.kind == "acp" and not self.command and self.preset is None:
            raise ValueError('kind = "acp" needs command = ["program", ...] or preset = "claude"')
        return self


class ValidationSettings(Section):
    """[validation]: limits of gates and suites, and how often a new failure is run again."""

    timeout: Duration = 1200.0
    auto_fix: int = Field(1, ge=0)
    reruns: int = Field(2, ge=1)
    confirmations: int = Field(2, ge=1)
    rerun_budget: Duration | None = None


class WorkspaceSettings(Section):
    """[workspace]: where the agent works and what a new tree needs to run."""

    isolation: Literal["tree", "in-place"] = "tree"
    bring: Literal["auto"] | tuple[str, ...] = "auto"
    setup: str | None = None
    setup_inputs: tuple[str, ...] = ()


class ReviewSettings(Section):
    """[review]: the reviewers of each task's change, and how many rounds of review and fix there are."""

    roles: tuple[ReviewRole, ...] = ()
    max_iterations: int = Field(3, ge=1)

    @model_validator(mode="after")
    def _once(self) -> ReviewSettings:
        if len(set(self.roles)) < len(self.roles):
            raise ValueError("a role of [review] is named twice")
        return self


class SourceDefinition(Section):
    """[[sources]]: a further validation source: a command that writes a smoke artifact.

    `{fixtures}` in an argument stands for all wanted ids, comma-separated; an argument `{fixture}` is repeated for
    each id together with the option before it. A whole run names all known ids (those that the command `fixtures`
    prints, one a line), or leaves such arguments out where none are known.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    kind: Literal["smoke-artifact"]
    artifact: str = Field(min_length=1)
    command: tuple[str, ...] = Field(min_length=1)
    fixtures: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _in_the_tree(self) -> SourceDefinition:
        if self.artifact.startswith("/") or ".." in self.artifact.split("/"):
            raise ValueError(f"artifact = {self.artifact!r} must be a path below the repository's root")
        return self


class CommitSettings(Section):
    """[commit]: the subject line of a task's commit; {id} and {title} are filled in."""

    message: str = "feat({id}): {title}"


class DispatchBudget(Section):
    """[budget.dispatch]: maxima of one dispatch (its time is `agent.timeout`); None is no limit."""

    max_usd: float | None = Field(None, gt=0, le=MOST_USD)
    max_tokens: int | None = Field(None, gt=0, le=MOST_UNITS)
    max_turns: int | None = Field(None, gt=0, le=MOST_UNITS)


class TaskBudget(DispatchBudget):
    """[budget.task]: maxima over all dispatches of a task; `max_time` counts while they run."""

    max_time: Duration | None = None


class BudgetSettings(Section):
    """[budget]: maxima over all processes of a run; None is no limit."""

    warn_usd: float | None = Field(None, gt=0, le=MOST_USD)
    max_usd: float | None = Field(None, gt=0, le=MOST_USD)
    max_tokens: int | None = Field(None, gt=0, le=MOST_UNITS)
    max_time: Duration | None = None
    max_turns: int | None = Field(None, gt=0, le=MOST_UNITS)
    max_attempts: int | None = Field(None, gt=0, le=MOST_UNITS)
    task: TaskBudget = TaskBudget()
    dispatch: DispatchBudget = DispatchBudget()


class Settings(Section):
    """Everything that can be configured, with its defaults."""

    test_command: str | None = None
    report: str | None = None
    rerun: tuple[str, ...] = ()
    canary: bool = False
    validation_command: str | None = None
    validation_cadence: Literal["every", "every-N", "on-demand"] = "every"
    validation_interval: int = Field(3, ge=1)
    execution_mode: Literal["auto", "checkpoint", "batch"] = "auto"
    batch_size: int = Field(3, ge=1)
    on_escalation: Literal["ask", "pause", "skip", "abort"] = "ask"
    agent: AgentSettings = AgentSettings()
    agents: dict[str, AgentDefinition] = {}
    validation: ValidationSettings = ValidationSettings()
    workspace: WorkspaceSettings = WorkspaceSettings()
    sources: tuple[SourceDefinition, ...] = ()
    review: ReviewSettings = ReviewSettings()
    jobs: int = Field(1, ge=1, le=16)
    commit: CommitSettings = CommitSettings()
    budget: BudgetSettings = BudgetSettings()
    failure_actions: dict[FailureType, Action] = {}

    @model_validator(mode="before")
    @classmethod
    def _short_cadence(cls, data: Any) -> Any:
        """ "every-3" is short for "every-N" with interval 3."""
        if not isinstance(data, dict):
            return data
        for key in ("validation-cadence", "validation_cadence"):
            match = re.fullmatch(r"every-([1-9]\d*)", str(data.get(key, "")))
            if match:
                rest = {k: v for k, v in data.items() if k not in ("validation_interval", "validation-interval")}
                return {**rest, key: "every-N", "validation-interval": int(match[1])}
        return data

    @field_validator("sources")
    @classmethod
    def _told_apart(cls, sources: tuple[SourceDefinition, ...]) -> tuple[SourceDefinition, ...]:
        names = ["tests", *(source.name for source in sources)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            taken = "is the name of the test command" if twice == "tests" else "is the name of two of them"
            raise ValueError(f"each source needs a name of its own, and {twice!r} {taken}")
        return sources
