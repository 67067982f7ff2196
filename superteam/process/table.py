"""The table of processes: /proc on Linux, `ps` elsewhere."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Process:
    """A row of the process table; pid and start time are its identity, because ids are used again."""

    pid: int
    parent: int
    group: int
    session: int  # where there is no such column (macOS): the process group
    start: int
    alive: bool
    name: str

    @property
    def identity(self) -> tuple[int, int]:
        return self.pid, self.start

    def is_there(self) -> bool:
        now = process(self.pid)
        return now is not None and now.alive and now.start == self.start

    def send(self, sign: signal.Signals) -> None:
        if self.is_there():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, sign)


def processes() -> dict[int, Process]:
    if sys.platform != "linux":
        return _ps_processes()
    with os.scandir("/proc") as entries:
        pids = [int(entry.name) for entry in entries if entry.name.isdecimal()]
    return {pid: found for pid in pids if (found := _proc_process(pid)) is not None}


def process(pid: int) -> Process | None:
    return _proc_process(pid) if sys.platform == "linux" else _ps_processes(pid).get(pid)


def _proc_process(pid: int) -> Process | None:
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
    parent, group, session = (int(column) for column in columns[1:4])
    return Process(pid, parent, group, session, int(columns[19]), columns[0] not in (b"Z", b"X"), name)


def environments(pids: set[int]) -> dict[int, bytes]:
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


def _ps_processes(pid: int | None = None) -> dict[int, Process]:
    found: dict[int, Process] = {}
    which = ["-A"] if pid is None else ["-p", str(pid)]
    for line in _ps(*which, "-o", "pid=,ppid=,pgid=,stat=,lstart=,comm="):
        columns = line.split(None, 9)
        if len(columns) == 10:
            number, parent, group = (int(column) for column in columns[:3])
            start = int(time.mktime(time.strptime(" ".join(columns[5:9]), "%b %d %H:%M:%S %Y")))
            name = _printable(columns[9].rpartition("/")[2].encode())
            found[number] = Process(number, parent, group, group, start, not columns[3].startswith("Z"), name)
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
