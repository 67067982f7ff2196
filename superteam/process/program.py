"""One program from its start to its end and its descendants' end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from superteam.core.results import Exit
from superteam.process.child import LAST_WAIT, Child, NotStarted, drain, exited, feed, start
from superteam.process.endings import finish
from superteam.process.record import Completed, Record
from superteam.process.secrets import Redactor

if TYPE_CHECKING:
    from anyio import Event
    from anyio.abc import ObjectReceiveStream

Ending = Literal["exit", "wall", "idle", "stopped", "cancelled"]


async def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: Path,
    stdin: bytes | None = None,
    timeout: float | None = None,
    idle_timeout: float | None = None,
    grace: float = 3.0,
    on_output: Callable[[bytes], None] | None = None,
    stdout_file: Path | None = None,
    cap: int = 64 * 2**20,
    redact: Redactor | None = None,
    feed: ObjectReceiveStream[bytes] | None = None,
    on_stdout: Callable[[bytes], None] | None = None,
    stop: Event | None = None,
    unmarked: bool = False,
) -> Completed:
    """Runs a program to its end and its descendants' end; only cancellation raises.

    `output` gets both streams as they came; `stdout_file` standard output alone, cut (if so) without a mark.
    `on_output` gets what is written to `output`, redacted. For a program that one talks with: `feed` is written to
    its standard input as it comes, `on_stdout` gets standard output as it comes and unredacted, and setting `stop`
    ends the program. An `unmarked` one has no variable of ours in its environment, where it can be known without.
    """
    import anyio.lowlevel

    await anyio.lowlevel.checkpoint_if_cancelled()
    began = time.monotonic()
    record = Record(output, stdout_file, cap, redact, on_output, on_stdout)
    child = None
    try:
        child = start(command, cwd, env, feed=stdin is not None or feed is not None, unmarked=unmarked)
        ending, leftovers = await _attend(
            child, record, stdin if feed is None else feed, timeout, idle_timeout, grace, stop
        )
    except NotStarted as problem:
        found = Exit(None, "not-started", duration_s=time.monotonic() - began, detail=str(problem))
        return record.completed(found, ())
    finally:
        record.close()
        if child is not None:
            child.close()
    detail = _detail(ending, timeout, idle_timeout, record)
    spent = time.monotonic() - began
    found = Exit(child.code(), ending, record.truncated(), spent, detail, record.too_long())
    return record.completed(found, leftovers)


def shell(command: str) -> list[str]:
    """The argument list for a command that a user wrote as one string."""
    return ["/bin/sh", "-c", command]


async def _attend(
    child: Child,
    record: Record,
    stdin: bytes | ObjectReceiveStream[bytes] | None,
    timeout: float | None,
    idle: float | None,
    grace: float,
    stop: Event | None,
) -> tuple[Ending, tuple[str, ...]]:
    """Drains the pipes and waits for the end, or brings it about; cancellation is passed on after that."""
    import anyio

    # The pumps go on during the ending, so that a program that says good-bye is not blocked by a full pipe.
    pumps = [anyio.CancelScope(shield=True) for _ in range(3)]
    async with anyio.create_task_group() as group:
        for stream, pipe, scope in (
            (record.stdout, child.popen.stdout, pumps[0]),
            (record.stderr, child.popen.stderr, pumps[1]),
        ):
            if pipe is not None:
                group.start_soon(drain, pipe.fileno(), stream, child, scope)
        if stdin is not None:
            group.start_soon(feed, child, stdin, pumps[2])
        try:
            ending = await _until_end(child, timeout, idle, stop)
        finally:
            with anyio.CancelScope(shield=True):
                leftovers = await finish(child, grace)
            pumps[2].cancel()  # nobody reads it any more
            for scope in pumps:
                scope.deadline = anyio.current_time() + LAST_WAIT
    return ending, leftovers


async def _until_end(child: Child, timeout: float | None, idle: float | None, stop: Event | None) -> Ending:
    """How the program ended, or why it is to be ended."""
    import anyio

    if stop is None:
        return await _until_exit(child, timeout, idle)
    found: list[Ending] = []
    async with anyio.create_task_group() as group:

        async def stopped() -> None:
            await stop.wait()
            found.append("stopped")
            group.cancel_scope.cancel()

        group.start_soon(stopped)
        found.append(await _until_exit(child, timeout, idle))
        group.cancel_scope.cancel()
    return found[0]


async def _until_exit(child: Child, timeout: float | None, idle: float | None) -> Ending:
    import anyio

    began = time.monotonic()
    while True:
        now = time.monotonic()
        wall_left = float("inf") if timeout is None else began + timeout - now
        idle_left = float("inf") if idle is None else child.heard + idle - now
        if min(wall_left, idle_left) <= 0:
            return "wall" if wall_left <= idle_left else "idle"
        with anyio.move_on_after(min(wall_left, idle_left)):
            await exited(child)
            return "exit"


def _detail(ending: Ending, timeout: float | None, idle: float | None, record: Record) -> str:
    parts = []
    if ending == "wall":
        parts.append(f"ran longer than {timeout:g} s and was ended")
    if ending == "idle":
        parts.append(f"printed nothing for {idle:g} s and was ended")
    if ending == "stopped":
        parts.append("was stopped")
    if not (record.stdout.ended and record.stderr.ended):
        parts.append("its output is still held open by a process that could not be ended")
    parts += record.problems()
    return "; ".join(parts)
