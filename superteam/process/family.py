"""Who descends from which program, though the parent is gone: by session, by mark, as a child of ours."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from superteam.process.child import Child, running
from superteam.process.marks import number_of, run_part
from superteam.process.table import Process, environments, processes


def descendants(child: Child, known: set[tuple[int, int]]) -> list[Process]:
    """Living processes that come from this program, itself excepted; `known` are identities seen before."""
    return [found for found in relatives(child, known) if found.alive]


def relatives(child: Child, known: set[tuple[int, int]]) -> list[Process]:
    """Like `descendants`, and those that are dead but not reaped yet, as far as they can be told."""
    table = {pid: found for pid, found in processes().items() if found.start >= child.start}
    table.pop(os.getpid(), None)
    table.pop(child.pid, None)
    roots = {pid for pid, found in table.items() if found.identity in known or _is_of(found, child)}
    rest = set(table) - roots - set(running)
    roots |= {pid for pid, environment in environments(rest).items() if child.mark in environment}
    return [table[pid] for pid in sorted(with_descendants(roots, table)) if pid in table]


def _is_of(found: Process, child: Child) -> bool:
    return child.pid in (found.session, found.parent) or has_number_of(found, child) or _is_stray(found, child)


def has_number_of(found: Process, child: Child) -> bool:
    """Whether it carries the program's number. In our own session there is none of its descendants, but git that a
    thread started in the same instant."""
    return child.number is not None and found.session != os.getsid(0) and number_of(found.pid) == child.number


def _is_stray(found: Process, child: Child) -> bool:
    """Whether it is an orphan that no `run` here started, and only this program can have left.

    Needed where there are no numbers, and for what a killed superteam inside of the program left.
    """
    return (
        sys.platform == "linux"
        and found.alive
        and found.parent == os.getpid()
        and found.session != os.getsid(0)
        and set(running) == {child.pid}
    )


def marked_processes(mark: str) -> list[int]:
    """Living processes whose environment holds `mark` ("NAME=value") as a whole entry; never we or our ancestors.

    For the mark of a run also those that cleared their environment, where their number says it.
    """
    table = processes()
    others = {pid for pid, found in table.items() if found.alive} - ancestors(table)
    wanted = b"\0" + mark.encode(errors="surrogateescape") + b"\0"
    texts = environments(others)
    marked = {pid for pid, environment in texts.items() if wanted in b"\0" + environment + b"\0"}
    return sorted(marked | {pid for pid in others if (number_of(pid) or 0) >> 32 == run_part(mark)})


def with_descendants(roots: set[int], table: Mapping[int, Process]) -> set[int]:
    children: dict[int, list[int]] = {}
    for found in table.values():
        children.setdefault(found.parent, []).append(found.pid)
    family, waiting = set(roots), list(roots)
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            if pid not in family:
                family.add(pid)
                waiting.append(pid)
    return family


def ancestors(table: Mapping[int, Process]) -> set[int]:
    """This process and those above it."""
    found: set[int] = set()
    pid = os.getpid()
    while pid in table and pid not in found:
        found.add(pid)
        pid = table[pid].parent
    return found | {0, 1, os.getpid()}
