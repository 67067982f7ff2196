"""How programs and what they leave behind are ended: TERM, a grace period, KILL, and again for who was missed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from superteam.process.child import LAST_WAIT, Child, exited, running
from superteam.process.family import ancestors, descendants, with_descendants
from superteam.process.subreaper import become_subreaper, childless
from superteam.process.table import Process, processes

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
    family = descendants(child, known)
    await _gone(family, _SETTLE)
    ended: list[str] = []
    for patience in (grace, 0.0, 0.0, 0.0):  # again: what is being ended may start others
        known |= {found.identity for found in family}
        family = descendants(child, known)
        if not family:
            break
        ended += await _end(family, patience)
    reap_orphans(known | {found.identity for found in family})
    return list(dict.fromkeys(ended))


async def end_processes(pids: Iterable[int], grace: float) -> list[str]:
    """Ends these processes and their descendants: TERM, a grace period, KILL. Returns "pid name" of each."""
    return await _end(targets(set(pids), processes()), grace)


def targets(pids: set[int], table: Mapping[int, Process]) -> list[Process]:
    """What to end for these ids: they and their descendants, alive; only looks.

    We and our ancestors are taken out *before* the descendants are looked up: those of init are everybody.
    """
    protected = ancestors(table)
    family = with_descendants(pids - protected, table) - protected
    return [table[pid] for pid in sorted(family) if pid in table and table[pid].alive]


async def _end(targets: Sequence[Process], grace: float) -> list[str]:
    for target in targets:
        target.send(signal.SIGTERM)
    rest = await _gone(targets, grace)
    for target in rest:
        target.send(signal.SIGKILL)
    await _gone(rest, LAST_WAIT)
    return [f"{target.pid} {target.name}" for target in targets]


async def _gone(targets: Sequence[Process], within: float) -> list[Process]:
    """Waits until all have ended, at most so long; returns those that have not."""
    import anyio

    deadline = time.monotonic() + within
    pause = 0.002
    while (rest := [target for target in targets if target.is_there()]) and time.monotonic() < deadline:
        await anyio.sleep(pause)
        pause = min(pause * 2, 0.05)
    return rest


def reap_orphans(known: set[tuple[int, int]]) -> None:
    """Reaps ended orphans that came to us, by their ids; what someone here started is left to its owner.

    A direct child of ours is in our session or leads its own: one in any other session must be an orphan.
    """
    if sys.platform != "linux":
        return
    for found in processes().values():
        if found.alive or found.parent != os.getpid() or found.pid in running:
            continue
        if found.identity in known or found.session not in (os.getsid(0), found.pid):
            with suppress(ChildProcessError):
                os.waitpid(found.pid, os.WNOHANG)
