"""The order of the tasks of GSD documents: by wave, and never before what they depend on."""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence

from superteam.core.plan import Task
from superteam.core.plan_rules import quoted
from superteam.plans.findings import Findings


def ordered(tasks: Sequence[Task], parts: Sequence[str], findings: Findings) -> tuple[Task, ...]:
    """The tasks by wave, part and place; a task's wave is at least that of what it depends on (with a warning)."""
    return in_order(_in_waves(tasks, findings), parts)


def _in_waves(tasks: Sequence[Task], findings: Findings) -> list[Task]:
    """A task of a lower wave than what it depends on would wait for ever: it is moved up to that wave."""
    place = {task.id: number for number, task in enumerate(tasks)}
    waves = {task.id: task.wave for task in tasks}
    told: set[str] = set()
    for task in in_order(tasks, [], by_wave=False):
        highest = max((waves[id] for id in task.depends_on if id in place), default=task.wave)
        if highest > waves[task.id]:
            waves[task.id] = highest
            if task.part not in told:
                told.add(task.part)
                message = (
                    f"{quoted(task.id)} of wave {task.wave} depends on a task of wave {highest}; it is moved there"
                )
                findings.warning("wave-too-low", message, None)
    return [task.model_copy(update={"wave": waves[task.id]}) for task in tasks]


def in_order(tasks: Sequence[Task], parts: Sequence[str], by_wave: bool = True) -> tuple[Task, ...]:
    """The tasks with what each depends on before it; else by wave, part and place. Those on a circle come last."""
    known = {task.id: number for number, task in reversed(tuple(enumerate(tasks)))}
    ranks = {part: number for number, part in enumerate(sorted(parts, key=_natural))}
    waiting = [{known[id] for id in task.depends_on if id in known} - {place} for place, task in enumerate(tasks)]
    needed: list[list[int]] = [[] for _ in tasks]
    for place, before in enumerate(waiting):
        for other in before:
            needed[other].append(place)
    keys = [(task.wave * by_wave, ranks.get(task.part, 0), place) for place, task in enumerate(tasks)]
    ready = [keys[place] for place, before in enumerate(waiting) if not before]
    heapq.heapify(ready)
    found: list[int] = []
    while ready:
        place = heapq.heappop(ready)[2]
        found.append(place)
        for other in needed[place]:
            waiting[other].discard(place)
            if not waiting[other]:
                heapq.heappush(ready, keys[other])
    left = sorted(set(range(len(tasks))).difference(found))
    return tuple(tasks[place] for place in (*found, *left))


def _natural(id: str) -> tuple[tuple[int, str], ...]:
    """Numbers in an id count as numbers: 04-2 comes before 04-10."""
    return tuple((int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d{1,9})", id))
