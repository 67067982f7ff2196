"""Taking back a task below the tip: the branch goes back, later commits are put on again where they hold."""

from __future__ import annotations

from dataclasses import replace

from superteam.core import events as e
from superteam.core.decide import Step
from superteam.core.run import Run, TaskRun
from superteam.engine.world import World, message, name, of, shell


async def forecast(world: World, run: Run, culprit: TaskRun) -> dict[str, list[str]]:
    """Which later tasks' commits merge cleanly without the culprit's; their gates are only run when it is done."""
    kept, lost = await _replay(world, run, culprit, None)
    return {"kept": list(kept), "pending": lost}


async def rebuild(world: World, run: Run, step: Step) -> e.Event:
    """Moves the branch back to the culprit's start and puts on again what merges and passes its gate."""
    culprit, _ = of(run, step)
    await world.workspace.keep(f"replaced/{name(step)}-branch", run.tip)
    kept, _ = await _replay(world, run, culprit, step)
    tip = list(kept.values())[-1] if kept else _start(run, culprit)
    tree = await world.workspace.tree_of(tip)
    await world.workspace.prepare(tree, tip, f"replaced/{name(step)}")
    await world.workspace.move(tip, run.tip)
    return e.BranchRebuilt(task=culprit.task.id, tip=tip, tip_tree=tree, kept=kept)


def _start(run: Run, culprit: TaskRun) -> str:
    return culprit.base_sha or run.start_sha


async def _replay(world: World, run: Run, culprit: TaskRun, step: Step | None) -> tuple[dict[str, str], list[str]]:
    """(task: new commit) of what stays, and the tasks to be done again. Without a step no gate is run."""
    tip, kept, lost = _start(run, culprit), dict[str, str](), list[str]()
    gone = {culprit.task.id}
    place = [t.task.id for t in run.tasks].index(culprit.task.id)
    for t in run.tasks[place + 1 :]:
        if t.commit_sha is None:
            continue
        merged = None
        if t.base_sha and not gone.intersection(t.task.depends_on):
            merged = await world.workspace.merge(t.base_sha, tip, t.commit_sha)
        if merged is None or (step and not await _holds(world, run, step, t, merged, tip)):
            lost.append(t.task.id)
            gone.add(t.task.id)
            continue
        tip = await world.workspace.commit(merged, tip, message(run, t, repair=False), run.started_at)
        kept[t.task.id] = tip
    return kept, lost


async def _holds(world: World, run: Run, step: Step, t: TaskRun, merged: str, tip: str) -> bool:
    """Whether the task's gate passes on the merged tree."""
    command = run.gate(t.task.id)
    if command is None:
        return True
    await world.workspace.prepare(merged, tip, f"replaced/{name(step)}-{name(replace(step, task=t.task.id))}")
    done = await shell(world, run, replace(step, task=t.task.id), command, world.workspace.work)
    return done.exit.code == 0
