"""Ends the programs of a run when superteam itself is killed: a small process notices that a pipe has ended.

It is started before any program, descends from nobody of ours, and does nothing as long as superteam lives. A next
superteam may continue the same run at once: only what was started before the kill is ended.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from superteam.process.family import marked_processes, with_descendants
from superteam.process.marks import MARK, RUN
from superteam.process.subreaper import orphans_go_elsewhere
from superteam.process.table import process, processes

if TYPE_CHECKING:
    import subprocess

_DONE = b"done"
_LOOKS = 50  # one that forks and exits again and again can be missed by a look
_PAUSE = 0.02
_PACKAGES = str(Path(__file__).resolve().parents[2])
# Standard library only, and no site packages: it costs some 10 ms. The second fork's start is the time of the kill.
_WAIT = f"""
import os, sys
if os.fork():
    os._exit(0)
if sys.stdin.buffer.read() != {_DONE!r} and not os.fork():
    end = "import sys; sys.path.insert(0, sys.argv[1]); from superteam.process.watchdog import end_programs as end; "
    os.execv(sys.executable, [sys.executable, "-c", end + "end(sys.argv[2])", *sys.argv[1:]])
"""


@contextmanager
def watched(run_id: str) -> Iterator[None]:
    """While this holds, the run's programs end soon after this process, however it ends."""
    with orphans_go_elsewhere():
        dog = _start(run_id)
    try:
        yield
    finally:
        if dog is not None:
            with suppress(OSError):
                dog.communicate(_DONE)  # returns when the last holder of its output has ended


def _start(run_id: str) -> subprocess.Popen[bytes] | None:
    import subprocess

    environment = {name: value for name, value in os.environ.items() if name not in (MARK, RUN)}
    command = [sys.executable, "-I", "-S", "-c", _WAIT, _PACKAGES, run_id]
    try:
        dog = subprocess.Popen(
            command,
            cwd="/",
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:  # without it a killed run's programs are ended by the next command
        return None
    dog.wait()
    return dog


def end_programs(run_id: str) -> None:
    """Kills all programs of a run that were started before this process, and what descends from them."""
    me = process(os.getpid())
    began = me.start if me else 0
    sessions: set[int] = set()
    for _ in range(_LOOKS):
        table = processes()
        marked = (table[pid] for pid in marked_processes(f"{RUN}={run_id}") if pid in table)
        old = {found.pid for found in marked if found.start <= began or found.session in sessions}
        family = with_descendants(old, table)
        if not family:
            return
        sessions |= {table[pid].session for pid in family}
        for pid in family:
            table[pid].send(signal.SIGKILL)
        time.sleep(_PAUSE)
