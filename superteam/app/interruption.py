"""Work that a signal ends in an orderly way, with all that it started; a second signal ends the process at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import anyio.abc

from superteam import process

T = TypeVar("T")


def run_interruptible(work: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """What the work returns; KeyboardInterrupt where INT, TERM or HUP ended it."""
    found: list[T] = []

    async def keep() -> None:
        found.append(await work(*arguments))

    received = anyio.run(until_signal, keep)
    if received and not found:
        raise KeyboardInterrupt(received)
    return found[0]


async def until_signal(work: Callable[[], Awaitable[object]]) -> str | None:
    """Works to the end (None) or until a signal came (its name)."""
    received: list[str] = []
    async with anyio.create_task_group() as group:
        scope = anyio.CancelScope()
        await group.start(_watch, scope, received)
        with scope:
            await work()
        group.cancel_scope.cancel()
    return received[0] if received else None


async def _watch(scope: anyio.CancelScope, received: list[str], *, task_status: anyio.abc.TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(*_watched()) as signals:
        task_status.started()
        async for number in signals:
            if received:
                process.kill_all()
                os._exit(130)
            received.append(signal.Signals(number).name)
            scope.cancel()


def _watched() -> list[signal.Signals]:
    """Begun by `nohup`, we outlive the terminal."""
    hangup = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hangup]
