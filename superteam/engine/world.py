"""What the steps act upon, and the few things that several of them do."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from superteam import process
from superteam.core.characters import encodable
from superteam.core.chosen import Chosen
from superteam.core.decide import Step
from superteam.core.finding import Finding
from superteam.core.meters import left
from superteam.core.results import Execution, Shape, TestId
from superteam.core.run import Run, TaskRun, Work
from superteam.core.spent import usable_session
from superteam.ports import Agent, AgentReport, Clock, Executions, Limits, Operator, Reports, Source, Tree, Workspace


@dataclass(frozen=True, slots=True)
class World:
    """Everything a step acts upon. `source` is given its name, the step's key and what the baseline's run had;
    `redact` takes secrets out.
    `canary` says which failing file can be planted in a tree that has these tests, or why none can."""

    workspace: Workspace
    agents: Callable[[str], Agent]
    source: Callable[[str, str, Shape | None], Source]
    reports: Reports
    history: Executions
    operator: Operator
    clock: Clock
    outputs: Path
    canary: Callable[[Path, Shape, Collection[TestId]], tuple[str, str] | str]
    fingerprint: Callable[[], str]
    redact: Callable[[bytes], bytes]
    on_output: Callable[[str, bytes], None]


def of(run: Run, step: Step) -> tuple[TaskRun, Work]:
    """The task a step is about, and its work."""
    assert step.task is not None
    t = run.of(step.task)
    assert t.work is not None
    return t, t.work


def name(step: Step) -> str:
    """A name for a step's files and refs: a task's id is not ours, so only harmless characters of it are used.

    An id that does not consist of such gets a part of its hash, so that no two tasks share a name.
    """
    id = step.task or "run"
    task = "".join(c if c.isascii() and c.isalnum() else "-" for c in id)[:40].strip("-")
    mark = "" if task == id else f"-{sha256(id.encode(errors='surrogatepass')).hexdigest()[:8]}"
    return f"{step.kind}-{task or 'task'}{mark}-{step.number}" + (f".{step.role}" if step.role else "")


def message(run: Run, t: TaskRun, repair: bool) -> str:
    """The message of a task's commit, or of a repair of it, with the trailers by which it is known."""
    pattern = "fix({id}): {title}" if repair else run.settings.commit.message
    subject = pattern.replace("{id}", t.task.id).replace("{title}", t.task.title)
    trailers = [f"Superteam-Run: {run.run_id}", f"Superteam-Task: {t.task.id}", f"Superteam-Attempt: {t.number}"]
    if repair:
        trailers.append(f"Superteam-Repair: {len(t.repairs) + 1}")
    return "\n".join(_plain(line) for line in (subject, "", *trailers)) + "\n"


def _plain(text: str) -> str:
    """One line without what a terminal would obey (escapes, bidirectional marks): titles and ids are not ours."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


async def shell(world: World, run: Run, step: Step, command: str, tree: Tree) -> process.Completed:
    """Runs a command that the user wrote as one string, in a tree, with the limits of gates and suites."""
    key = step.key
    return await process.run(
        process.shell(command),
        cwd=tree.path,
        env={**tree.env, "SUPERTEAM_RUN_ID": run.run_id},
        output=world.outputs / f"{name(step)}.log",
        timeout=run.settings.validation.timeout,
        on_output=lambda data: world.on_output(key, data),
        redact=world.redact,
    )


async def planted(world: World, step: Step, old: str, new: str) -> tuple[Finding, ...]:
    """What has been planted in git's configuration since the dispatch began, without the environment's secrets."""
    copies = world.outputs.parent / "git-before" / name(step)
    found = await world.workspace.planted(name(step), old, new, copies)
    return tuple(f.model_copy(update={"detail": clean(world, f.detail), "path": clean(world, f.path)}) for f in found)


def clean(world: World, text: str) -> str:
    """The text without the secrets of the environment, as it may be written down."""
    return world.redact(encodable(text).encode(errors="surrogateescape")).decode(errors="surrogateescape")


def without_secrets(world: World, found: Execution) -> Execution:
    """The same execution as it may be kept: messages come from the tests, which know the environment."""
    tests = {
        key: replace(result, message=clean(world, result.message), signature=clean(world, result.signature))
        if result.message or result.signature
        else result
        for key, result in found.report.tests.items()
    }
    report = replace(
        found.report, tests=tests, suite_errors=tuple(clean(world, text) for text in found.report.suite_errors)
    )
    reason = found.verdict.reason
    return replace(found, report=report, verdict=replace(found.verdict, reason=reason and clean(world, reason)))


def limits(run: Run, t: TaskRun) -> Limits:
    """What is left of all budgets for one dispatch of the task."""
    found = left(run, t)
    return Limits(found.usd, found.tokens, found.turns, found.time)


def told(world: World, chosen: Chosen, report: AgentReport) -> dict[str, Any]:
    """Who did a dispatch and what it came to beside its work, as the events of dispatches have it."""
    return {
        "agent": chosen.agent or "",
        "model": chosen.model,
        "turns": report.turns,
        "session": usable_session(report.session),
        "limit": report.limit,
        "resets_at": report.resets_at,
        "denied": tuple(clean(world, text) for text in report.denied),
    }


def how_it_ended(done: process.Completed) -> str:
    """The end of a program in words."""
    end = done.exit
    if end.timed_out:
        return f"it was ended after {end.duration_s:.0f} s without coming to an end"
    if end.code is None:
        return end.detail or "it could not be started"
    if end.code < 0:
        return f"it was killed by signal {-end.code}"
    missing = ": the command was not found or cannot be executed" if end.code in (126, 127) else ""
    return f"exit code {end.code}{missing}"


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, and its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(encodable(text), encoding="utf-8", errors="surrogateescape")
