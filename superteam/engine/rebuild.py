"""Taking back a task below the tip: the branch goes back, later commits are put on again where they hold."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from superteam.core import events as e
from superteam.core.decide import Step
from superteam.core.run import Run, TaskRun
from superteam.engine.world import World, name, of, shell


@dataclass(slots=True)
class _Replayed:
    """What became of the commits above a culprit: new ones by task and by the old repair, and what is lost."""

    tip: str
    kept: dict[str, str] = field(default_factory=dict)
    repairs: dict[str, str] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)


async def forecast(world: World, run: Run, culprit: TaskRun) -> dict[str, list[str]]:
    """Which later tasks' commits merge cleanly without the culprit's; their gates are only run when it is done."""
    found = await _replay(world, run, culprit, None)
    return {"kept": list(found.kept), "pending": found.pending}


async def rebuild(world: World, run: Run, step: Step) -> e.Event:
    """Moves the branch back to the culprit's start and puts on again what merges and passes its gate."""
    culprit, work = of(run, step)
    if work.commit:  # a repair that was not accepted stands on no branch
        await world.workspace.keep(f"replaced/{name(step)}-commit", work.commit)
    await world.workspace.keep(f"replaced/{name(step)}-branch", run.tip)
    found = await _replay(world, run, culprit, step)
    tree = await world.workspace.tree_of(found.tip)
    await world.workspace.prepare(tree, found.tip, f"replaced/{name(step)}")
    await world.workspace.move(found.tip, run.tip)
    return e.BranchRebuilt(task=culprit.task.id, tip=found.tip, tip_tree=tree, kept=found.kept, repairs=found.repairs)


async def _replay(world: World, run: Run, culprit: TaskRun, step: Step | None) -> _Replayed:
    """Puts the commits above the culprit on its start, in the branch's order. Without a step no gate is run."""
    found = _Replayed(culprit.base_sha or run.start_sha)
    gone, under = {culprit.task.id}, culprit.commit_sha
    for id, sha in run.above(culprit.task.id):
        t = run.of(id)
        below, under = under, sha
        merged = None
        if below and not gone.intersection((id, *t.task.depends_on)):
            merged = await world.workspace.merge(below, found.tip, sha)
        repair = sha != t.commit_sha
        if merged is not None and (step is None or await _holds(world, run, step, t, merged, found.tip)):
            text = await world.workspace.message(sha)  # not what the plan says by now: done twice, it is one commit
            found.tip = await world.workspace.commit(merged, found.tip, text, run.started_at)
            (found.repairs if repair else found.kept)[sha if repair else id] = found.tip
        elif not repair:
            found.pending.append(id)
            gone.add(id)
    return found


async def _holds(world: World, run: Run, step: Step, t: TaskRun, merged: str, tip: str) -> bool:
    """Whether the task's gate passes on the merged tree."""
    command = run.gate(t.task.id)
    if command is None:
        return True
    await world.workspace.prepare(merged, tip, f"replaced/{name(step)}-{name(replace(step, task=t.task.id))}")
    done = await shell(world, run, replace(step, task=t.task.id), command, world.workspace.work())
    return done.exit.code == 0
