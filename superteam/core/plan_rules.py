"""What makes a plan unfit to run, or worth a second look: pure rules over a plan that was read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from superteam.core.plan import HUMAN, Finding, Part, Plan, Task

_WORK = ("auto", "tdd")  # what an agent does; the others need neither words for one nor a gate
_WRITERS_COMPARED = 50
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def check(plan: Plan, *, has_default_gate: bool) -> tuple[Finding, ...]:
    """Everything the rules have to say, in the order of the tasks within each rule."""
    tasks = plan.tasks
    return (
        *_duplicates(tasks),
        *_dependencies(tasks),
        *_same_wave(tasks),
        *(_empty(task) for task in tasks if task.kind in _WORK and not task.description.strip()),
        *_files(tasks),
        *_overlaps(tasks),
        *_checkpoints(tasks),
        *(finding for part in plan.parts for finding in _autonomous(part, tasks)),
        *(_ungated(task) for task in tasks if task.kind in _WORK and not task.gate and not has_default_gate),
    )


def find_cycle(edges: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """One cycle, each node pointing at the next and the last at the first; empty if there is none.

    Nodes whose edges all lead to settled nodes are settled, one after the other. From whatever is left, an edge
    that leads to something left can always be followed, so that a walk has to come back to itself.
    """
    left = _unsettled(edges)
    if not left:
        return ()
    node = next(name for name in edges if name in left)
    walk: dict[str, int] = {}
    while node not in walk:
        walk[node] = len(walk)
        node = next(target for target in edges[node] if target in left)
    return tuple(walk)[walk[node] :]


def file_problem(path: str) -> str | None:
    """Why a task must not declare this path or glob; None if it may."""
    if not path.strip():
        return "is empty"
    if path.startswith(("/", "\\", "~/")) or _DRIVE.match(path):
        return "is absolute; give a path in the repository"
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    depth = 0
    for part in parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return "leaves the repository"
    if ".." in parts:
        return "goes up with '..'; give the path without it"
    if any(part.casefold() == ".git" for part in parts):
        return "lies in a .git folder"
    if parts and parts[0].casefold() == ".superteam":
        return "lies in .superteam, which belongs to superteam"
    return None


def quoted(text: str) -> str:
    """A piece of somebody's text for a message: on one line, escaped, shortened with a mark."""
    return repr(text if len(text) <= 60 else text[:59] + "…")


def _unsettled(edges: Mapping[str, Sequence[str]]) -> set[str]:
    """Nodes on a cycle or on the way to one."""
    waits = {node: len([t for t in targets if t in edges]) for node, targets in edges.items()}
    sources: dict[str, list[str]] = {node: [] for node in edges}
    for node, targets in edges.items():
        for target in targets:
            if target in edges:
                sources[target].append(node)
    settled = [node for node, count in waits.items() if not count]
    for node in settled:
        for source in sources[node]:
            waits[source] -= 1
            if not waits[source]:
                settled.append(source)
    return set(edges).difference(settled)


def _duplicates(tasks: Sequence[Task]) -> Iterator[Finding]:
    ids: dict[str, Task] = {}
    titles: dict[tuple[str, str], Task] = {}
    for task in tasks:
        first = ids.setdefault(task.id, task)
        if first is not task:
            message = f"the id {quoted(task.id)} is already that of the task at line {first.line}"
            yield _error("duplicate-id", message, task)
        first = titles.setdefault((task.part, task.title), task)
        if first is not task:
            message = f"the title {quoted(task.title)} is already that of the task at line {first.line}"
            yield _warning("duplicate-title", message, task)


def _dependencies(tasks: Sequence[Task]) -> Iterator[Finding]:
    place = {task.id: number for number, task in reversed(tuple(enumerate(tasks)))}
    edges: dict[str, Sequence[str]] = {}
    for task in tasks:
        edges.setdefault(task.id, task.depends_on)
    cycle = find_cycle(edges)
    circle = set(cycle)
    told: set[tuple[str, str]] = set()
    if cycle:
        shown = " -> ".join(quoted(id) for id in _short((*cycle, cycle[0])))
        yield _error("cycle", f"tasks depend on each other in a circle: {shown}", tasks[place[cycle[0]]])
    for number, task in enumerate(tasks):
        for id in task.depends_on:
            if id not in place:
                yield _error("unknown-dependency", f"depends_on names {quoted(id)}, which is no task", task)
            elif tasks[place[id]].wave > task.wave and not {id, task.id} <= circle:
                later = tasks[place[id]]
                pair = (task.part or task.id, later.part or later.id)
                if pair in told:
                    continue
                told.add(pair)
                message = f"task {quoted(task.id)} of wave {task.wave} depends on {quoted(id)} of wave {later.wave}"
                yield _error("wave-order", f"{message}, which begins only after it", task)
            elif place[id] > number and not {id, task.id} <= circle:
                message = f"task {quoted(task.id)} depends on {quoted(id)}, which comes later"
                yield _error("later-dependency", f"{message}; tasks run in the order of the plan: move it up", task)


def _same_wave(tasks: Sequence[Task]) -> Iterator[Finding]:
    """Dependencies within a wave: they hold, but the tasks of a wave are meant to need nothing of each other."""
    by_id = {task.id: task for task in reversed(tasks)}
    seen: set[tuple[str, str]] = set()
    for task in tasks:
        for other in (by_id[id] for id in task.depends_on if id in by_id):
            pair = (task.part or task.id, other.part or other.id)  # parts depend on each other as a whole
            if other is task or other.wave != task.wave or not task.wave or pair[0] == pair[1] or pair in seen:
                continue
            seen.add(pair)
            message = f"task {quoted(task.id)} depends on {quoted(other.id)}, and both are of wave {task.wave}"
            yield _warning("same-wave", f"{message}; it waits for it all the same", task)


def _overlaps(tasks: Sequence[Task]) -> Iterator[Finding]:
    """Tasks of one wave that could be worked on at once and declare the same file; nothing where there are no waves."""
    if not any(task.wave for task in tasks):
        return
    writers: dict[tuple[int, str], list[Task]] = {}
    for task in tasks:
        for path in dict.fromkeys(_plain(path) for path in task.files):
            writers.setdefault((task.wave, path), []).append(task)
    for (wave, path), several in writers.items():
        pairs = combinations(several[:_WRITERS_COMPARED], 2)
        pair = next((pair for pair in pairs if _side_by_side(*pair)), None)
        if pair:
            message = f"tasks {quoted(pair[0].id)} and {quoted(pair[1].id)} of wave {wave} both write {quoted(path)}"
            yield _warning("shared-file", message, pair[1])


def _side_by_side(one: Task, other: Task) -> bool:
    """Whether two tasks of a wave could be worked on at once: the tasks of one part never are."""
    if one.id in other.depends_on or other.id in one.depends_on:
        return False
    return not one.part or one.part != other.part


def _plain(path: str) -> str:
    return path.removeprefix("./").rstrip("/")


def _checkpoints(tasks: Sequence[Task]) -> Iterator[Finding]:
    for task in tasks:
        if task.kind not in HUMAN:
            continue
        asked = task.checkpoint
        texts = (task.description, *((asked.subject, asked.instructions) if asked else ()))
        if not any(text.strip() and text != task.title for text in texts):
            yield _warning("empty-checkpoint", f"the checkpoint {quoted(task.id)} says no more than its title", task)
        ids = [option.id for option in asked.options] if asked else []
        if task.kind == "decision" and not ids:
            yield _error("no-options", f"the decision {quoted(task.id)} has no options to choose from", task)
        for id in dict.fromkeys(id for id in ids if ids.count(id) > 1 or id == "abort"):
            why = "ends the run" if id == "abort" else "stands for several"
            message = f"the option {quoted(id)} of the decision {quoted(task.id)} cannot be answered: that word {why}"
            yield _error("bad-option", message, task)


def _autonomous(part: Part, tasks: Sequence[Task]) -> Iterator[Finding]:
    """Whether a document says of itself that it needs a person, and does."""
    said = str(part.about.get("autonomous", "")).lower()
    people = [task for task in tasks if task.part == part.id and task.kind in HUMAN]
    if said == "true" and people:
        message = f"{part.path} says autonomous: true, but task {quoted(people[0].id)} asks a person"
        yield _warning("autonomous", message, people[0])
    elif said == "false" and not people:
        message = f"{part.path} says autonomous: false, but no task asks a person"
        yield Finding(severity="warning", code="autonomous", message=message)


def _files(tasks: Sequence[Task]) -> Iterator[Finding]:
    for task in tasks:
        for path in task.files:
            problem = file_problem(path)
            if problem:
                yield _error("bad-file", f"the file {quoted(path)} of task {quoted(task.id)} {problem}", task)


def _empty(task: Task) -> Finding:
    return _warning("empty-task", f"task {quoted(task.id)} has no description", task)


def _ungated(task: Task) -> Finding:
    message = f"task {quoted(task.id)} has no gate, and there is no validation-command"
    return _warning("gate-missing", message, task)


def _error(code: str, message: str, task: Task) -> Finding:
    return Finding(severity="error", code=code, message=message, line=task.line or None)


def _warning(code: str, message: str, task: Task) -> Finding:
    return Finding(severity="warning", code=code, message=message, line=task.line or None)


def _short(names: Sequence[str]) -> Sequence[str]:
    return names if len(names) <= 12 else (*names[:6], "…", *names[-5:])
