"""A program that was started: its pipes, its mark, its end."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from superteam.process.marks import MARK, RUN, new_number, numbered
from superteam.process.subreaper import become_subreaper
from superteam.process.table import process

if TYPE_CHECKING:
    import subprocess

    from anyio import CancelScope
    from anyio.abc import ObjectReceiveStream

    from superteam.process.record import Stream

LAST_WAIT = 2.0  # for what even KILL or a closed pipe does not end
_CHUNK = 256 * 1024
_PIPE = 1024 * 1024

running: dict[int, Child] = {}  # programs of `run` calls that are going on: never anybody else's leftovers


class NotStarted(Exception):
    """The program could not be started; the text says why, for people."""


@dataclass(slots=True)
class Child:
    """A program that was started: `start` is in the process table's time, `heard` in ours.

    `mark` and `number` are what its descendants inherit; `number` is None where there is no such thing.
    """

    popen: subprocess.Popen[bytes]
    pidfd: int | None
    mark: bytes
    number: int | None
    start: int
    heard: float

    @property
    def pid(self) -> int:
        return self.popen.pid

    def code(self) -> int:
        """The exit code; one that even KILL did not end counts as killed."""
        code = self.popen.poll()
        return -signal.SIGKILL if code is None else code

    def close(self) -> None:
        running.pop(self.pid, None)
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        if self.pidfd is not None:
            os.close(self.pidfd)


def start(command: Sequence[str], cwd: Path, env: Mapping[str, str], *, feed: bool, unmarked: bool = False) -> Child:
    import subprocess
    import uuid

    become_subreaper()
    mark = uuid.uuid4().hex
    # Nested: an outer superteam must still find what an inner one leaves behind.
    marks = ":".join(filter(None, (env.get(MARK, os.environ.get(MARK)), mark)))
    try:
        with numbered(new_number(mark, env)) as number:
            hidden = (MARK, RUN) if unmarked and number is not None else ()
            variables = {**env, MARK: marks}
            popen = subprocess.Popen(
                list(command),
                bufsize=0,
                cwd=cwd,
                env={name: value for name, value in variables.items() if name not in hidden},
                stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
    except (OSError, ValueError, IndexError) as problem:
        raise NotStarted(_why_not_started(command, cwd, problem)) from problem
    seen = process(popen.pid)
    child = Child(popen, _pidfd(popen.pid), mark.encode(), number, seen.start if seen else 0, 0.0)
    running[popen.pid] = child
    for stream in (popen.stdin, popen.stdout, popen.stderr):
        if stream is not None:
            _prepare_pipe(stream.fileno())
    child.heard = time.monotonic()
    return child


def _why_not_started(command: Sequence[str], cwd: Path, problem: Exception) -> str:
    if not command:
        return "the command is empty"
    if not cwd.is_dir():
        return f"the folder {cwd} does not exist"
    if isinstance(problem, FileNotFoundError):
        return f"{command[0]}: not found"
    if isinstance(problem, PermissionError):
        return f"{command[0]}: not executable"
    return f"{command[0]}: {getattr(problem, 'strerror', None) or problem}"


def _prepare_pipe(descriptor: int) -> None:
    os.set_blocking(descriptor, False)
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):  # a larger pipe is only faster
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)


def _pidfd(pid: int) -> int | None:
    if sys.platform == "linux":
        with suppress(OSError):  # an old kernel or a sandbox: we poll instead
            return os.pidfd_open(pid)
    return None


async def exited(child: Child) -> None:
    """Waits until the program has ended, and reaps it (by its own id)."""
    import anyio

    if child.pidfd is not None:
        await anyio.wait_readable(child.pidfd)
    pause = 0.001
    while child.popen.poll() is None:
        await anyio.sleep(pause)
        pause = min(pause * 2, 0.05)


async def drain(descriptor: int, stream: Stream, child: Child, scope: CancelScope) -> None:
    import anyio

    with scope:
        while True:
            await anyio.wait_readable(descriptor)
            with suppress(BlockingIOError):
                chunk = os.read(descriptor, _CHUNK)
                if not chunk:
                    stream.ended = True
                    return
                child.heard = time.monotonic()
                stream.feed(chunk)


async def feed(child: Child, data: bytes | ObjectReceiveStream[bytes], scope: CancelScope) -> None:
    pipe = child.popen.stdin
    if pipe is None:
        return
    with scope, suppress(BrokenPipeError, ConnectionResetError):
        if isinstance(data, bytes):
            await _write(pipe.fileno(), data)
        else:
            async for part in data:
                await _write(pipe.fileno(), part)
    with suppress(OSError):
        pipe.close()


async def _write(descriptor: int, data: bytes) -> None:
    import anyio

    rest = memoryview(data)
    while rest:
        await anyio.wait_writable(descriptor)
        with suppress(BlockingIOError):
            rest = rest[os.write(descriptor, rest[:_CHUNK]) :]
