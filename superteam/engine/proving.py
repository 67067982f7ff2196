"""What a gate proves beyond its exit code: new tests that were red before, and what a part of a plan must have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from anyio import to_thread

from superteam.core.changes import parse_diff
from superteam.core.decide import Step
from superteam.core.deciders import role_of
from superteam.core.must_haves import MustHaveResult, check_must_haves
from superteam.core.plan import MustHaves
from superteam.core.run import Run, TaskRun, Work
from superteam.engine.reading import is_there, text_of
from superteam.engine.world import World, how_it_ended, shell
from superteam.errors import SetupFailed

_NOT_RUN = (126, 127)
_SHOWN = 5
_MARKS_IN_SOURCES = ("#[test]", "#[cfg(test)]", "::test]")


@dataclass(frozen=True, slots=True)
class Proof:
    """Why a green gate proves nothing (None if it does), what could not be looked at, or what was red before."""

    failure: str | None = None
    note: str = ""
    held: str = ""


async def red_proof(world: World, run: Run, step: Step, t: TaskRun, work: Work, tree: str) -> Proof:
    """Runs a tdd task's tests on its start commit, where they have to fail without its other changes."""
    if t.task.kind != "tdd" or work.kind != "task":
        return Proof()
    changed = await world.workspace.changed(work.base_tree, tree)
    tests = [path for path in changed if is_test(path)]
    command = run.proof(t.task.id)
    if command is None and tests:
        return Proof(note="red-proof: there is no command that could run its tests")
    try:
        mixed = await world.workspace.check_out_mixed(work.base, tree, tests) if tests else None
    except SetupFailed as problem:
        return Proof(note=f"red-proof: the task's start with its tests alone could not be set up: {problem.message}")
    if mixed is None or command is None:
        return await _without_test_files(world, work, tree, changed)
    before = replace(step, number=step.number * 10 + 1)
    done = await shell(world, run, before, command, mixed)
    if done.exit.code == 0 and done.exit.ended_by == "exit":
        text = f"red-proof: `{command}` passes at the task's start with its tests alone ({_listed(tests)})"
        return Proof(f"{text}, so they prove nothing about its other changes")
    if done.exit.ended_by != "exit" or done.exit.code in _NOT_RUN:
        return Proof(note=f"red-proof: `{command}` gave no answer at the task's start: {how_it_ended(done)}")
    return Proof(held=f"red at the task's start with its tests alone ({_listed(tests)})")


def is_test(path: str) -> bool:
    """Whether a path is a test's by its name or its folder."""
    return role_of(path, lambda _: False) == "test-file"


async def _without_test_files(world: World, work: Work, tree: str, changed: tuple[str, ...]) -> Proof:
    """Tests may stand in the sources, as in Rust: nobody can take them apart."""
    if any(path.endswith(".rs") for path in changed):
        found = parse_diff(await world.workspace.patch(work.base_tree, tree))
        added = (line for change in found if change.path.endswith(".rs") for _, line in change.added)
        if any(mark in line for line in added for mark in _MARKS_IN_SOURCES):
            return Proof(note="red-proof: its tests stand in source files, so that they cannot be run by themselves")
    return Proof("red-proof: it changed no test")


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


async def must_have_results(world: World, run: Run, t: TaskRun) -> tuple[MustHaveResult, ...]:
    """What the work tree shows of the must-haves of a verification's part."""
    must = run.must_haves(t.task.id)
    if must == MustHaves():
        return ()
    tree = world.workspace.work(t.work.slot if t.work else 0).path
    look = partial(check_must_haves, must, partial(text_of, tree), partial(is_there, tree))
    return await to_thread.run_sync(look)


def what_is_missing(found: Iterable[MustHaveResult]) -> str | None:
    """The must-haves that failed, in words; None if none did."""
    failed = [f"{result.text} ({result.reason})" for result in found if result.state == "failed"]
    return f"must-haves failed: {'; '.join(failed)}" if failed else None
