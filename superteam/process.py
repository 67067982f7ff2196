"""Starts programs, drains what they say, and ends what they leave behind; everything but git starts here.

A program gets a session of its own and a mark in its environment. When it has ended, what descends from it is
ended too: children by their parent, orphans by session or mark (on Linux they come to us: we are a child
subreaper). What a program prints is data: bytes, never trusted, redacted before it is kept.
"""

from __future__ import annotations

import os
import re
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from superteam.core.results import Exit

if TYPE_CHECKING:
    import subprocess

    from anyio import CancelScope, Event
    from anyio.abc import ObjectReceiveStream

Redactor = Callable[[bytes], bytes]
Ending = Literal["exit", "wall", "idle", "stopped", "cancelled"]

MARK = "SUPERTEAM_PROCESS_ID"
_EXCERPT = 4096  # bytes of head and tail that are kept in memory
_CHUNK = 256 * 1024
_LONG_LINE = 256 * 1024  # a longer line is redacted in pieces
_SECRET = 4096  # no secret on one line is longer
_KEPT_END = 1024 * 1024  # of an output that is cut, this much of its end is kept as well
_PIPE = 1024 * 1024
_SETTLE = 0.1  # descendants that end by themselves this soon after the program are no leftovers
_LAST_WAIT = 2.0  # for what even KILL or a closed pipe does not end
_SECRET_NAME = re.compile(r"SECRET|PASSWORD|PASSWD|CREDENTIAL|(?:KEY|TOKEN|AUTH)S?(?![A-Z])")
_PATH_NAME = re.compile(r"_(?:SOCK|PATH|FILE|DIR)$")
# Every repetition is bounded, so that a search is linear.
_TOKENS = {
    b"sk-": rb"(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{16,512}",
    b"ghp_": rb"[A-Za-z0-9]{20,255}",
    b"github_pat_": rb"[A-Za-z0-9_]{20,255}",
    b"AKIA": rb"[A-Z0-9]{16}(?![A-Za-z0-9])",
    b"xox": rb"[abeoprs]-[A-Za-z0-9-]{10,255}",
}

_running: set[int] = set()  # programs of `run` calls that are going on: never anybody else's leftovers


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended and what it said.

    `leftovers` are descendants ("pid name") that outlived it and were ended. Heads and tails are redacted
    and hold whole lines where possible; of a short output both hold all of it.
    """

    exit: Exit
    output: Path
    stdout_head: str
    stdout_tail: str
    stderr_head: str
    stderr_tail: str
    leftovers: tuple[str, ...] = ()


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
) -> Completed:
    """Runs a program to its end and its descendants' end; only cancellation raises.

    `output` gets both streams as they came; `stdout_file` standard output alone, cut (if so) without a mark.
    `on_output` gets what is written to `output`, redacted. For a program that one talks with: `feed` is written to
    its standard input as it comes, `on_stdout` gets standard output as it comes and unredacted, and setting `stop`
    ends the program.
    """
    import anyio.lowlevel

    await anyio.lowlevel.checkpoint_if_cancelled()
    began = time.monotonic()
    record = _Record(output, stdout_file, cap, redact, on_output, on_stdout)
    child = None
    try:
        child = _start(command, cwd, env, feed=stdin is not None or feed is not None)
        ending, leftovers = await _attend(
            child, record, stdin if feed is None else feed, timeout, idle_timeout, grace, stop
        )
    except _NotStarted as problem:
        found = Exit(None, "not-started", duration_s=time.monotonic() - began, detail=str(problem))
        return record.completed(found, ())
    finally:
        record.close()
        if child is not None:
            child.close()
    detail = _detail(ending, timeout, idle_timeout, record)
    found = Exit(child.code(), ending, record.truncated(), time.monotonic() - began, detail)
    return record.completed(found, leftovers)


def shell(command: str) -> list[str]:
    """The argument list for a command that a user wrote as one string."""
    return ["/bin/sh", "-c", command]


def secrets_redactor(env: Mapping[str, str]) -> Redactor:
    """Replaces values of variables whose names look secret, and known token shapes, by "[redacted]"; linear.

    A value of several lines is redacted line by line, so that lines can be treated one at a time.
    """
    secrets = {
        line.strip().encode(errors="surrogateescape")
        for name, value in env.items()
        if _SECRET_NAME.search(name.upper()) and not _PATH_NAME.search(name.upper())
        for line in value.splitlines()
    }
    literals = sorted((s for s in secrets if len(s) >= 8), key=lambda secret: (-len(secret), secret))

    def redact(data: bytes) -> bytes:
        for literal in literals:
            data = data.replace(literal, b"[redacted]")
        for prefix in _TOKENS:
            if prefix in data:  # much faster than the pattern, and nearly always enough
                data = _token(prefix).sub(b"[redacted]", data)
        return data

    return redact


@cache
def _token(prefix: bytes) -> re.Pattern[bytes]:
    """A token's shape, not in the middle of a word ("task-...")."""
    return re.compile(prefix + rb"(?<![A-Za-z0-9]" + prefix + rb")" + _TOKENS[prefix])


def create_private(path: Path) -> int:
    """A descriptor of a new, empty file for its owner only; what was at this path is unlinked."""
    missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def read_regular(path: Path, limit: int) -> bytes:
    """A file's bytes, at most `limit`; OSError if it is no regular file (a pipe would block) or longer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a regular file")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(f"{path} is longer than {limit} bytes")
    return data


def marked_processes(mark: str) -> list[int]:
    """Processes whose environment holds `mark` ("NAME=value") as a whole entry; never we or our ancestors."""
    table = _processes()
    mine = _ancestors(table)
    wanted = b"\0" + mark.encode(errors="surrogateescape") + b"\0"
    environments = _environments(set(table) - mine)
    return sorted(pid for pid, environment in environments.items() if wanted in b"\0" + environment + b"\0")


async def end_processes(pids: Iterable[int], grace: float) -> list[str]:
    """Ends these processes and their descendants: TERM, a grace period, KILL. Returns "pid name" of each."""
    return await _end(_targets(set(pids), _processes()), grace)


def _targets(pids: set[int], table: Mapping[int, _Process]) -> list[_Process]:
    """What to end for these ids: they and their descendants, alive; only looks.

    We and our ancestors are taken out *before* the descendants are looked up: those of init are everybody.
    """
    protected = _ancestors(table)
    family = _with_descendants(pids - protected, table) - protected
    return [table[pid] for pid in sorted(family) if pid in table and table[pid].alive]


# One program


class _NotStarted(Exception):
    """The program could not be started; the text says why, for people."""


@dataclass(slots=True)
class _Child:
    """A program that was started: `start` is in the process table's time, `heard` in ours."""

    popen: subprocess.Popen[bytes]
    pidfd: int | None
    mark: bytes
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
        _running.discard(self.pid)
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        if self.pidfd is not None:
            os.close(self.pidfd)


def _start(command: Sequence[str], cwd: Path, env: Mapping[str, str], *, feed: bool) -> _Child:
    import subprocess
    import uuid

    _become_subreaper()
    mark = uuid.uuid4().hex
    # Nested: an outer superteam must still find what an inner one leaves behind.
    marks = ":".join(filter(None, (env.get(MARK), mark)))
    try:
        popen = subprocess.Popen(
            list(command),
            bufsize=0,
            cwd=cwd,
            env={**env, MARK: marks},
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError, IndexError) as problem:
        raise _NotStarted(_why_not_started(command, cwd, problem)) from problem
    _running.add(popen.pid)
    for stream in (popen.stdin, popen.stdout, popen.stderr):
        if stream is not None:
            _prepare_pipe(stream.fileno())
    seen = _process(popen.pid)
    return _Child(popen, _pidfd(popen.pid), mark.encode(), seen.start if seen else 0, time.monotonic())


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


async def _attend(
    child: _Child,
    record: _Record,
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
                group.start_soon(_drain, pipe.fileno(), stream, child, scope)
        if stdin is not None:
            group.start_soon(_feed, child, stdin, pumps[2])
        try:
            ending = await _until_end(child, timeout, idle, stop)
        finally:
            with anyio.CancelScope(shield=True):
                leftovers = await _finish(child, grace)
            for scope in pumps:
                scope.deadline = anyio.current_time() + _LAST_WAIT
    return ending, leftovers


async def _drain(descriptor: int, stream: _Stream, child: _Child, scope: CancelScope) -> None:
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


async def _feed(child: _Child, data: bytes | ObjectReceiveStream[bytes], scope: CancelScope) -> None:
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


async def _until_end(child: _Child, timeout: float | None, idle: float | None, stop: Event | None) -> Ending:
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


async def _until_exit(child: _Child, timeout: float | None, idle: float | None) -> Ending:
    import anyio

    began = time.monotonic()
    while True:
        now = time.monotonic()
        wall_left = float("inf") if timeout is None else began + timeout - now
        idle_left = float("inf") if idle is None else child.heard + idle - now
        if min(wall_left, idle_left) <= 0:
            return "wall" if wall_left <= idle_left else "idle"
        with anyio.move_on_after(min(wall_left, idle_left)):
            await _exited(child)
            return "exit"


async def _exited(child: _Child) -> None:
    """Waits until the program has ended, and reaps it (by its own id)."""
    import anyio

    if child.pidfd is not None:
        await anyio.wait_readable(child.pidfd)
    pause = 0.001
    while child.popen.poll() is None:
        await anyio.sleep(pause)
        pause = min(pause * 2, 0.05)


def _detail(ending: Ending, timeout: float | None, idle: float | None, record: _Record) -> str:
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


# Ending


async def _finish(child: _Child, grace: float) -> tuple[str, ...]:
    """Ends the program if it still lives, then its descendants: at most twice the grace and a few seconds."""
    import anyio

    known: set[tuple[int, int]] = set()
    for sign, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, _LAST_WAIT)):
        if child.popen.poll() is None:
            known |= {found.identity for found in _descendants(child, known)}
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, sign)
            with anyio.move_on_after(wait):
                await _exited(child)
    if _become_subreaper() and _childless():
        return ()
    return tuple(await _end_descendants(child, known, grace))


async def _end_descendants(child: _Child, known: set[tuple[int, int]], grace: float) -> list[str]:
    family = _descendants(child, known)
    await _gone(family, _SETTLE)
    ended: list[str] = []
    for patience in (grace, 0.0, 0.0, 0.0):  # again: what is being ended may start others
        known |= {found.identity for found in family}
        family = _descendants(child, known)
        if not family:
            break
        ended += await _end(family, patience)
    _reap_orphans(known | {found.identity for found in family})
    return list(dict.fromkeys(ended))


async def _end(targets: Sequence[_Process], grace: float) -> list[str]:
    for target in targets:
        target.send(signal.SIGTERM)
    rest = await _gone(targets, grace)
    for target in rest:
        target.send(signal.SIGKILL)
    await _gone(rest, _LAST_WAIT)
    return [f"{target.pid} {target.name}" for target in targets]


async def _gone(targets: Sequence[_Process], within: float) -> list[_Process]:
    """Waits until all have ended, at most so long; returns those that have not."""
    import anyio

    deadline = time.monotonic() + within
    pause = 0.002
    while (rest := [target for target in targets if target.is_there()]) and time.monotonic() < deadline:
        await anyio.sleep(pause)
        pause = min(pause * 2, 0.05)
    return rest


@cache
def _become_subreaper() -> bool:
    """Makes orphaned descendants our children instead of init's (Linux); whether that worked."""
    if sys.platform != "linux":
        return False
    import ctypes

    pr_set_child_subreaper = 36
    try:
        return bool(ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def _childless() -> bool:
    """Whether we have no child at all, so that a subreaper has no descendant; looks only, reaps nothing."""
    if sys.platform != "linux":
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def _reap_orphans(known: set[tuple[int, int]]) -> None:
    """Reaps ended orphans that came to us, by their ids; what someone here started is left to its owner.

    A direct child of ours is in our session or leads its own: one in any other session must be an orphan.
    """
    if sys.platform != "linux":
        return
    for found in _processes().values():
        if found.alive or found.parent != os.getpid() or found.pid in _running:
            continue
        if found.identity in known or found.session not in (os.getsid(0), found.pid):
            with suppress(ChildProcessError):
                os.waitpid(found.pid, os.WNOHANG)


# The process table


@dataclass(frozen=True, slots=True)
class _Process:
    """A row of the process table; pid and start time are its identity, because ids are used again."""

    pid: int
    parent: int
    session: int  # where there is no such column (macOS): the process group
    start: int
    alive: bool
    name: str

    @property
    def identity(self) -> tuple[int, int]:
        return self.pid, self.start

    def is_there(self) -> bool:
        now = _process(self.pid)
        return now is not None and now.alive and now.start == self.start

    def send(self, sign: signal.Signals) -> None:
        if self.is_there():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, sign)


def _descendants(child: _Child, known: set[tuple[int, int]]) -> list[_Process]:
    """Living processes that come from this program, itself excepted; `known` are identities seen before."""
    table = {pid: found for pid, found in _processes().items() if found.start >= child.start and found.alive}
    table.pop(os.getpid(), None)
    table.pop(child.pid, None)
    roots = {
        pid
        for pid, found in table.items()
        if found.identity in known or child.pid in (found.session, found.parent) or _is_stray(found, child)
    }
    rest = set(table) - roots - _running
    roots |= {pid for pid, environment in _environments(rest).items() if child.mark in environment}
    return [table[pid] for pid in sorted(_with_descendants(roots, table)) if pid in table]


def _is_stray(found: _Process, child: _Child) -> bool:
    """Whether it is an orphan without its program's session and mark: a child of ours that no `run` started.

    Agents start tools with setsid and a clean environment. With several programs running it is nobody's yet.
    """
    return (
        sys.platform == "linux"
        and found.parent == os.getpid()
        and found.session != os.getsid(0)
        and _running == {child.pid}
    )


def _with_descendants(roots: set[int], table: Mapping[int, _Process]) -> set[int]:
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


def _ancestors(table: Mapping[int, _Process]) -> set[int]:
    """This process and those above it."""
    found: set[int] = set()
    pid = os.getpid()
    while pid in table and pid not in found:
        found.add(pid)
        pid = table[pid].parent
    return found | {0, 1, os.getpid()}


def _processes() -> dict[int, _Process]:
    if sys.platform != "linux":
        return _ps_processes()
    with os.scandir("/proc") as entries:
        pids = [int(entry.name) for entry in entries if entry.name.isdecimal()]
    return {pid: found for pid in pids if (found := _proc_process(pid)) is not None}


def _process(pid: int) -> _Process | None:
    return _proc_process(pid) if sys.platform == "linux" else _ps_processes(pid).get(pid)


def _proc_process(pid: int) -> _Process | None:
    """A row of /proc; the name, in brackets, may itself hold brackets and spaces."""
    try:
        raw = _slurp(f"/proc/{pid}/stat")
    except OSError:
        return None
    before, _, after = raw.rpartition(b") ")
    columns = after.split()
    if len(columns) < 20:
        return None
    name = _printable(before.partition(b"(")[2])
    return _Process(pid, int(columns[1]), int(columns[3]), int(columns[19]), columns[0] not in (b"Z", b"X"), name)


def _environments(pids: set[int]) -> dict[int, bytes]:
    """The environments (entries separated by NUL) of those processes whose environment we may read."""
    if sys.platform != "linux":
        return {pid: text for pid, text in _ps_environments().items() if pid in pids}
    found: dict[int, bytes] = {}
    for pid in pids:
        with suppress(OSError):
            found[pid] = _slurp(f"/proc/{pid}/environ")
    return found


def _slurp(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, _CHUNK)
        while len(data) >= 4096 and (more := os.read(descriptor, _CHUNK)):
            data += more
        return data
    finally:
        os.close(descriptor)


def _ps(*arguments: str) -> list[str]:
    """What `ps` prints, where there is no /proc."""
    import subprocess

    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            ["ps", *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
            env={**os.environ, "LC_ALL": "C"},
        )
        return done.stdout.decode(errors="replace").splitlines()
    return []


def _ps_processes(pid: int | None = None) -> dict[int, _Process]:
    found: dict[int, _Process] = {}
    which = ["-A"] if pid is None else ["-p", str(pid)]
    for line in _ps(*which, "-o", "pid=,ppid=,pgid=,stat=,lstart=,comm="):
        columns = line.split(None, 9)
        if len(columns) == 10:
            number, parent, group = (int(column) for column in columns[:3])
            start = int(time.mktime(time.strptime(" ".join(columns[5:9]), "%b %d %H:%M:%S %Y")))
            name = _printable(columns[9].rpartition("/")[2].encode())
            found[number] = _Process(number, parent, group, start, not columns[3].startswith("Z"), name)
    return found


def _ps_environments() -> dict[int, bytes]:
    """Best effort: `ps` separates entries by spaces, which values may hold as well."""
    found: dict[int, bytes] = {}
    for line in _ps("axeww", "-o", "pid=,command="):
        number, _, command = line.strip().partition(" ")
        if number.isdecimal():
            found[int(number)] = command.encode().replace(b" ", b"\0")
    return found


def _printable(name: bytes) -> str:
    return "".join(c if c.isprintable() else "?" for c in name.decode(errors="replace"))


# What it said


class _Record:
    """Where a program's output goes: the file, standard output's own file, heads and tails, the listener."""

    def __init__(
        self,
        output: Path,
        stdout_file: Path | None,
        cap: int,
        redact: Redactor | None,
        on_output: Callable[[bytes], None] | None,
        on_stdout: Callable[[bytes], None] | None,
    ) -> None:
        self.output = output
        both = _File(output, cap, min(_KEPT_END, cap // 4))
        alone = _File(stdout_file, cap, 0) if stdout_file else None
        self.files = [both, alone] if alone else [both]
        listeners = [both.write, *([on_output] if on_output else [])]
        self.stdout = _Stream([*listeners, *([alone.write] if alone else [])], redact, on_stdout)
        self.stderr = _Stream(listeners, redact)

    def close(self) -> None:
        try:
            self.stdout.finish()
            self.stderr.finish()
        finally:
            for file in self.files:
                file.close()

    def truncated(self) -> bool:
        """Whether anything that was said is not in the files."""
        return any(file.left_out or file.problem for file in self.files) or not (
            self.stdout.ended and self.stderr.ended
        )

    def problems(self) -> list[str]:
        return [f"{file.path} could not be written: {file.problem}" for file in self.files if file.problem]

    def completed(self, ended: Exit, leftovers: tuple[str, ...]) -> Completed:
        return Completed(ended, self.output, *self.stdout.excerpts(), *self.stderr.excerpts(), leftovers)


class _File:
    """A file with a cap: the beginning, a line that says how much is left out, and the end.

    A full disk is no reason to stop the program: `problem` then says that something is missing.
    """

    def __init__(self, path: Path, cap: int, end: int) -> None:
        self.path, self.room, self.end = path, cap - end, end
        self.left_out = 0
        self.problem = ""
        self._tail = bytearray()
        self._descriptor: int | None = None
        try:
            self._descriptor = create_private(path)
        except OSError as problem:
            self.problem = problem.strerror or str(problem)

    def write(self, data: bytes) -> None:
        if self.room:
            self._append(data[: self.room])
            rest = data[self.room :]
            self.room -= len(data) - len(rest)
            data = rest
        if data:
            self._tail += data
            if len(self._tail) > 2 * self.end:
                self._forget()

    def close(self) -> None:
        self._forget()
        if self.left_out and self.end:
            self._append(b"\n[superteam: %d bytes of output are left out here]\n" % self.left_out)
        self._append(bytes(self._tail))
        self._tail.clear()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _forget(self) -> None:
        surplus = len(self._tail) - self.end
        if surplus > 0:
            del self._tail[:surplus]
            self.left_out += surplus

    def _append(self, data: bytes) -> None:
        if self._descriptor is None or self.problem:
            return
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as problem:
            self.problem = problem.strerror or str(problem)


@dataclass(slots=True)
class _Stream:
    """One of the two pipes: redacts what comes, passes it on, keeps the first and last bytes."""

    listeners: Sequence[Callable[[bytes], None]]
    redact: Redactor | None
    raw: Callable[[bytes], None] | None = None
    ended: bool = False
    _pending: bytearray = field(default_factory=bytearray)
    _head: bytes = b""
    _tail: bytes = b""
    _total: int = 0

    def feed(self, chunk: bytes) -> None:
        if self.raw is not None:
            self.raw(chunk)
        if self.redact is None:
            self._pass_on(chunk)
            return
        self._pending += chunk
        newline = chunk.rfind(b"\n") + 1
        if newline:
            self._release(len(self._pending) - len(chunk) + newline)
        elif len(self._pending) >= _LONG_LINE:
            self._release(_safe_cut(bytes(self._pending), self.redact))

    def finish(self) -> None:
        """Nothing more will come."""
        self._release(len(self._pending))

    def excerpts(self) -> tuple[str, str]:
        """Head and tail as text, by whole lines where there are any."""
        head, tail = self._head, self._tail
        if self._total > len(head):
            head = head[: head.rfind(b"\n") + 1] or head
        if self._total > len(tail):
            tail = tail[tail.find(b"\n") + 1 :] or tail
        return head.decode(errors="replace"), tail.decode(errors="replace")

    def _release(self, size: int) -> None:
        data = bytes(self._pending[:size])
        del self._pending[:size]
        if data:
            self._pass_on(self.redact(data) if self.redact else data)

    def _pass_on(self, data: bytes) -> None:
        self._total += len(data)
        if len(self._head) < _EXCERPT:
            self._head += data[: _EXCERPT - len(self._head)]
        self._tail = data[-_EXCERPT:] if len(data) >= _EXCERPT else (self._tail + data)[-_EXCERPT:]
        for listener in self.listeners:
            listener(data)


def _safe_cut(line: bytes, redact: Redactor) -> int:
    """Where an unfinished long line can be cut without cutting a secret in two.

    Its end stays back, since a secret may go on in what comes next.
    """
    for kept in range(_SECRET, len(line) - _SECRET, _SECRET):
        cut = len(line) - kept
        before, after = line[cut - _SECRET : cut], line[cut : cut + _SECRET]
        if redact(before) + redact(after) == redact(before + after):
            return cut
    return len(line)
