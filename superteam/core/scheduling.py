"""Which tasks may be worked on side by side: by dependencies, waves, parts and the files that they declare."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from superteam.core.plan import HUMAN, Task

_PREFIX = re.compile(r"[^*?]*")
_SUFFIX = re.compile(r"[^*?]*\Z")


def next_task(
    tasks: Sequence[Task], pending: Collection[str], working: Collection[str], complete: Collection[str]
) -> Task | None:
    """The first task that may begin now, beside those that are being worked on; None if each has to wait.

    With nothing being worked on there is always one, as long as any is pending: rules that make two tasks wait for
    each other (a plan can be written so) give way then, waves and dependencies last.
    """
    left = [task for task in tasks if task.id in pending]
    busy = [task for task in tasks if task.id in working]
    if any(is_alone(task) for task in busy):
        return None
    for place, task in enumerate(left):
        ready = _is_ready(task, [*busy, *left], complete)
        if is_alone(task) and (ready or busy):
            return None if busy else task
        if ready and not any(_is_in_the_way(other, task) for other in [*busy, *left[:place]]):
            return task
    return None if busy else _first_of_knot(left, complete)


def is_alone(task: Task) -> bool:
    """Whether nothing may run beside it: nobody knows what it changes, or it is about everything done so far."""
    return not task.files or task.kind in HUMAN or task.kind == "verification"


def _is_ready(task: Task, unfinished: Iterable[Task], complete: Collection[str]) -> bool:
    """Whether all that it waits for is done: its dependencies, and the tasks of lower waves."""
    return set(task.depends_on) <= set(complete) and all(other.wave >= task.wave for other in unfinished)


def _is_in_the_way(earlier: Task, task: Task) -> bool:
    same_part = bool(task.part) and earlier.part == task.part
    return same_part or overlap(earlier.files, task.files)


def _first_of_knot(left: Sequence[Task], complete: Collection[str]) -> Task | None:
    free = [task for task in left if set(task.depends_on) <= set(complete)]
    return min(free or left, key=lambda task: task.wave, default=None)


def overlap(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether one path could be covered by both declarations; in doubt it could."""
    names = [_name(pattern) for pattern in others]
    return any(_meet(_name(pattern), name) for pattern in some for name in names)


def _name(pattern: str) -> str:
    """The declaration as it is compared; folders of the same name in other letters are one on some systems."""
    return pattern.removeprefix("./").rstrip("/").casefold()


def _meet(a: str, b: str) -> bool:
    if ".." in a or ".." in b or {a, b} & {"", "."}:
        return True
    globs = [pattern for pattern in (a, b) if _is_glob(pattern)]
    if not globs:
        return a == b or a.startswith(f"{b}/") or b.startswith(f"{a}/")
    if len(globs) == 2:
        return _one_begins(_prefix(a), _prefix(b)) and _one_begins(_suffix(a)[::-1], _suffix(b)[::-1])
    glob, plain = (a, b) if globs == [a] else (b, a)
    return _one_begins(_prefix(glob), f"{plain}/") or plain.startswith(_prefix(glob))


def _is_glob(pattern: str) -> bool:
    return any(mark in pattern for mark in "*?")


def _one_begins(a: str, b: str) -> bool:
    return a.startswith(b) or b.startswith(a)


def _prefix(glob: str) -> str:
    found = _PREFIX.match(glob)
    return found[0] if found else ""


def _suffix(glob: str) -> str:
    found = _SUFFIX.search(glob)
    return found[0] if found else ""
