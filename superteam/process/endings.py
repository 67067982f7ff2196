"""How programs and what they leave behind are ended: TERM, a grace period, KILL, and again for who was missed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from superteam.process.child import LAST_WAIT, Child, exited, running
from superteam.process.family import (
    ancestors,
    descendants,
    marked_processes,
    relatives,
    with_descendants,
)
from superteam.process.subreaper import become_subreaper, childless
from superteam.process.table import Process, process, processes

_SETTLE = 0.1  # descendants that end by themselves this soon after the program are no leftovers


async def finish(child: Child, grace: float) -> tuple[str, ...]:
    """Ends the program if it still lives, then its descendants: at most twice the grace and a few seconds."""
    import anyio

    known: set[tuple[int, int]] = set()
    for sign, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, LAST_WAIT)):
        if child.popen.poll() is None:
            known |= {found.identity for found in descendants(child, known)}
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, sign)
            with anyio.move_on_after(wait):
                await exited(child)
    if become_subreaper() and childless():
        return ()
    return tuple(await _end_descendants(child, known, grace))


async def _end_descendants(child: Child, known: set[tuple[int, int]], grace: float) -> list[str]:
    await _gone(descendants(child, known), _SETTLE)
    ended: list[str] = []
    deadline = time.monotonic() + grace + 2 * LAST_WAIT
    while time.monotonic() < deadline:
        alive, new = _look(relatives(child, known), known)
        if not alive and not new:
            break
        if not grace:
            _kill(new)
        ended += await _end(alive, grace)
        grace = 0.0  # again, without grace: what was being ended may have started others
    reap_orphans(child, known)
    return list(dict.fromkeys(ended))


def _look(family: Sequence[Process], known: set[tuple[int, int]]) -> tuple[list[Process], list[Process]]:
    """Who is alive, and who was not known; then all are.

    That nobody is alive proves nothing while one that forks and exits, again and again, runs ahead of the look. But
    its dead stay in the table until we reap them: where nobody is new, nobody was missed.
    """
    new = [found for found in family if found.identity not in known]
    known |= {found.identity for found in new}
    return [found for found in family if found.alive], new


async def end_processes(pids: Iterable[int], grace: float) -> list[str]:
    """Ends these processes and their descendants: TERM, a grace period, KILL. Returns "pid name" of each."""
    return await _end(targets(set(pids), processes()), grace)


async def end_marked(mark: str, grace: float) -> list[str]:
    """Ends all processes with this mark and their descendants, and those that they start meanwhile.

    They are not our children, so one that forks and exits again and again can be missed by a look: there are several.
    """
    import anyio

    ended: list[str] = []
    deadline = time.monotonic() + grace + 2 * LAST_WAIT
    looks = 1
    while looks and time.monotonic() < deadline:
        looks -= 1
        if pids := marked_processes(mark):
            ended += await end_processes(pids, grace)
            grace, looks = 0.0, 3
        if looks:
            await anyio.sleep(_SETTLE)
    return list(dict.fromkeys(ended))


def kill_all() -> None:
    """Kills all programs that run and what descends from them, at once: for a process that is about to end."""
    known: set[tuple[int, int]] = set()
    deadline = time.monotonic() + LAST_WAIT
    while time.monotonic() < deadline:
        family = [found for child in running.values() for found in relatives(child, known)]
        family += [found for pid in running if (found := process(pid)) is not None]
        alive, new = _look(family, known)
        if not alive and not new:
            return
        _kill([*alive, *new])
        time.sleep(0.002)


def targets(pids: set[int], table: Mapping[int, Process]) -> list[Process]:
    """What to end for these ids: they and their descendants, alive; only looks.

    We and our ancestors are taken out *before* the descendants are looked up: those of init are everybody.
    """
    protected = ancestors(table)
    family = with_descendants(pids - protected, table) - protected
    return [table[pid] for pid in sorted(family) if pid in table and table[pid].alive]


async def _end(targets: Sequence[Process], grace: float) -> list[str]:
    """Without a grace period there is no TERM either: who starts another at TERM would do so for ever."""
    rest = targets
    if grace > 0:
        for target in targets:
            target.send(signal.SIGTERM)
        rest = await _gone(targets, grace)
    _kill(rest)
    await _gone(rest, LAST_WAIT)
    return [f"{target.pid} {target.name}" for target in targets]


def _kill(targets: Iterable[Process]) -> None:
    """KILL to their groups, the dead ones' too: nobody can fork out of a group while it is signalled.

    In our own session to themselves alone, since other programs of the user could be in their groups. And never to
    group 0, which would be ours, or 1, which would be everybody.
    """
    for target in targets:
        if target.group <= 1 or target.session in (os.getsid(0), os.getpgrp()):
            target.send(signal.SIGKILL)
        else:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(target.group, signal.SIGKILL)


async def _gone(targets: Sequence[Process], within: float) -> list[Process]:
    """Waits until all have ended, at most so long; returns those that have not."""
    import anyio

    deadline = time.monotonic() + within
    pause = 0.002
    while (rest := [target for target in targets if target.is_there()]) and time.monotonic() < deadline:
        await anyio.sleep(pause)
        pause = min(pause * 2, 0.05)
    return rest


def reap_orphans(child: Child, known: set[tuple[int, int]]) -> None:
    """Reaps ended orphans that came to us, by their ids; what someone here started is left to its owner, and so is
    what another program left: see `_look`.

    A direct child of ours is in our session or leads its own: one in any other session must be an orphan.
    """
    if sys.platform != "linux":
        return
    for found in processes().values():
        if found.alive or found.parent != os.getpid() or found.pid in running:
            continue
        orphan = set(running) <= {child.pid} and found.session not in (os.getsid(0), found.pid)
        if orphan or found.identity in known:
            with suppress(ChildProcessError):
                os.waitpid(found.pid, os.WNOHANG)
