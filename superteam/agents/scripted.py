"""An agent that does what a TOML file says: for trials, tests and demonstrations without any account.

Of a dispatch, in this order: write, delete, replace, patch, run, output, takes, and then result and exit code.
"""

from __future__ import annotations

import json
import time
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from superteam import process
from superteam.agents import command
from superteam.core.results import Exit
from superteam.core.settings import AgentDefinition, Duration, Section
from superteam.errors import ConfigError
from superteam.ports import AgentReport, Brief, Role

_HINT = 'Its entries are [[dispatch]] tables: task = "1", write = { "path" = "text" }, output, takes, result, exit.'


def _below(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in path:
        raise ValueError(f"{path!r} is not a path inside the tree")
    return path


InTree = Annotated[str, AfterValidator(_below)]


class Replacement(Section):
    """One exact text in a file that is replaced by another, where it first occurs."""

    file: InTree
    old: str = Field(min_length=1)
    new: str


class Dispatch(Section):
    """What is done when a dispatch of this task (and attempt and role, where given) comes."""

    task: Annotated[str, Field(coerce_numbers_to_str=True)]
    attempt: Annotated[int | None, Field(ge=1)] = None
    role: Role | None = None
    reviewer: str | None = None  # the reviewer's role, such as "spec"
    write: dict[InTree, str | Literal[False]] = Field(default_factory=dict)
    delete: tuple[InTree, ...] = ()
    replace: tuple[Replacement, ...] = ()
    patch: str | None = None
    run: str | None = None
    output: str = ""
    takes: Duration | None = None
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    turns: int | None = None
    session: str | None = None
    rate_limited: str | bool | None = None  # until when; true: the provider does not say
    result: dict[str, Any] | str | None = None  # a text stands in the result file as it is: to try an unreadable one
    exit: int | None = None

    def matches(self, brief: Brief) -> bool:
        """Whether this entry is for this dispatch; what it leaves out is for all, but a reviewer's says that it is."""
        reviews = self.role == "review" or self.reviewer is not None
        return (
            reviews == (brief.role == "review")
            and self.task == brief.task_id
            and self.attempt in (None, brief.attempt)
            and self.role in (None, brief.role)
            and self.reviewer in (None, brief.review_role)
        )


class Script(Section):
    """The whole file."""

    dispatch: tuple[Dispatch, ...] = ()


class _Refused(Exception):
    """The script asks for something that cannot be done in this tree; the text says what."""


@dataclass(frozen=True, slots=True)
class ScriptedAgent:
    """Plays the first entry of `script` that matches; the file is read anew at each dispatch."""

    name: str
    script: Path

    def check(self) -> None:
        """Raises ConfigError when the script cannot be read."""
        read_script(self.script)

    async def work(self, brief: Brief) -> AgentReport:
        """One dispatch. A dispatch without an entry fails, like an agent that does not know what to do."""
        try:
            entry = next((entry for entry in read_script(self.script).dispatch if entry.matches(brief)), None)
        except ConfigError as problem:
            return AgentReport(ended="failed", detail=problem.message)
        if entry is None:
            role = f"{brief.role} ({brief.review_role})" if brief.review_role else brief.role
            which = f"task {brief.task_id}, attempt {brief.attempt}, role {role}"
            return AgentReport(ended="failed", detail=f"{self.script} has no [[dispatch]] entry for {which}")
        command.prepare(brief)
        try:
            ended, leftovers = await _play(entry, brief)
        except (_Refused, OSError, UnicodeDecodeError) as problem:
            return AgentReport(ended="failed", detail=f"{self.script}, task {entry.task}: {problem}")
        return _within(brief, command.report(brief, ended, entry.output.strip()[-4096:], leftovers))


def _within(brief: Brief, report: AgentReport) -> AgentReport:
    """The report of an agent that was stopped as soon as it passed a maximum, as one is that tells its cost as it
    goes."""
    tokens = [n for n in (report.input_tokens, report.output_tokens) if n is not None]
    limit = command.passed_limit(brief.limits, report.cost_usd, sum(tokens) if tokens else None, report.turns)
    if not limit or report.ended in ("timed-out", "idle"):
        return report
    kept = AgentReport("over-budget", limit=limit, detail="it was stopped", leftovers=report.leftovers)
    said = ("cost_usd", "input_tokens", "output_tokens", "turns")
    return replace(kept, **{name: getattr(report, name) for name in said})


def read_script(path: Path) -> Script:
    """The script; ConfigError names the file and the key that is wrong."""
    try:
        return Script.model_validate(tomllib.loads(path.read_text()))
    except OSError as problem:
        raise ConfigError(f"The agent's script {path} cannot be read: {problem.strerror}.", _HINT) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(f"The agent's script {path} is not valid TOML: {problem}.", _HINT) from problem
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"The agent's script {path} is wrong at {key}: {first['msg']}.", _HINT) from problem


async def _play(entry: Dispatch, brief: Brief) -> tuple[Exit, tuple[str, ...]]:
    began = time.monotonic()
    redact = process.secrets_redactor(brief.env)
    command.write_private(brief.output, b"")
    edit(entry, brief.tree)
    if entry.patch is not None:
        await _apply(entry.patch, brief)
    ended, leftovers = await _run(entry.run, brief) if entry.run is not None else (Exit(0), ())
    with brief.output.open("ab") as file:
        file.write(redact(entry.output.encode()))
    if not ended.timed_out:
        ended = await _take(entry, brief, ended, time.monotonic() - began)
    _write_result(entry, brief)
    return ended, leftovers


async def _run(script: str, brief: Brief) -> tuple[Exit, tuple[str, ...]]:
    done = await process.run(
        [*process.shell(script), "run", *brief.arguments],  # so that it can say $1, $2, ...
        cwd=brief.tree,
        env=command.environment(brief),
        output=brief.output,
        stdin=brief.prompt.encode(errors="replace"),
        timeout=command.wall(brief),
        idle_timeout=brief.idle_timeout,
        grace=brief.grace,
        on_output=brief.on_output,
        redact=process.secrets_redactor(brief.env),
    )
    return done.exit, done.leftovers


async def _take(entry: Dispatch, brief: Brief, ended: Exit, spent: float) -> Exit:
    """Takes its time, silently; so both limits apply."""
    import anyio

    limit = command.wall(brief)
    wall = float("inf") if limit is None else max(0.0, limit - spent)
    idle = float("inf") if brief.idle_timeout is None else brief.idle_timeout
    takes = entry.takes or 0.0
    if takes:
        await anyio.sleep(min(takes, wall, idle))
    if takes > wall and wall <= idle:
        return Exit(-15, "wall", detail=f"ran longer than {limit:g} s and was ended")
    if takes > idle:
        return Exit(-15, "idle", detail=f"printed nothing for {idle:g} s and was ended")
    return ended if entry.exit is None else Exit(entry.exit)


def edit(entry: Dispatch, tree: Path) -> None:
    """Writes, deletes and replaces in the tree."""
    for name, text in entry.write.items():
        path = _inside(tree, name)
        if text is False:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
    for name in entry.delete:
        _inside(tree, name).unlink(missing_ok=True)
    for change in entry.replace:
        path = _inside(tree, change.file)
        before = path.read_bytes()
        if change.old.encode() not in before:
            raise _Refused(f"{change.file} does not hold the text that is to be replaced: {change.old!r}")
        path.write_bytes(before.replace(change.old.encode(), change.new.encode(), 1))


def _inside(tree: Path, name: str) -> Path:
    """The path of a name in the tree, refused if a symbolic link leads out of it."""
    path = tree / name
    if not path.resolve().is_relative_to(tree.resolve()):
        raise _Refused(f"{name} leads out of the tree")
    return path


async def _apply(patch: str, brief: Brief) -> None:
    env = {name: value for name, value in brief.env.items() if not name.startswith("GIT_")}
    done = await process.run(
        ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "apply", "--whitespace=nowarn", "-"],
        cwd=brief.tree,
        env=env,
        output=brief.output.with_name(brief.output.name + ".patch"),
        stdin=patch.encode(),
        timeout=brief.timeout,
        grace=brief.grace,
        redact=process.secrets_redactor(brief.env),
    )
    if done.exit.code != 0:
        raise _Refused(f"the patch does not apply: {done.stderr_tail.strip() or done.exit.detail}")


def _write_result(entry: Dispatch, brief: Brief) -> None:
    if isinstance(entry.result, str):
        command.write_private(brief.result_file, entry.result.encode())
        return
    names = ("cost_usd", "input_tokens", "output_tokens", "turns", "session")
    figures = {name: getattr(entry, name) for name in names}
    figures["rate_limited_until"] = entry.rate_limited or None
    result = {**(entry.result or {}), **{key: value for key, value in figures.items() if value is not None}}
    if result:
        command.write_private(brief.result_file, json.dumps(result, default=str).encode())


def make(name: str, definition: AgentDefinition, root: Path) -> ScriptedAgent:
    """The agent that [agents.NAME] defines; its script is relative to the repository root."""
    return ScriptedAgent(name, root / Path(definition.script or "").expanduser())
