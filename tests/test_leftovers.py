"""Nobody outlives a program's end, whoever it is, whatever ends it and whatever else runs; counted with `ps`."""

from __future__ import annotations

import os
import shlex
import sys
from functools import partial
from pathlib import Path

import anyio
import pytest
from playground import ALL_STRAYS, STRAYS, Census

from superteam import process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a child subreaper")

ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
ENDS = {"wall": "wall", "idle": "idle", "stop": "stopped", "cancel": "cancelled", "exit": "exit"}


class Program:
    """A program that leaves strays, says that they are up, and hangs; unless it is to end by itself."""

    def __init__(self, folder: Path, strays: str, end: str) -> None:
        self.up = anyio.Event()
        self.stop = anyio.Event()
        self.scope = anyio.CancelScope()
        self.ended: process.Completed | None = None
        self.end = end
        rest = "echo up" if end == "exit" else "sleep 1000000 & echo up; wait"
        limits = {"wall": {"timeout": 1.5}, "idle": {"idle_timeout": 1.5}}.get(end, {})
        self.run = partial(
            process.run,
            process.shell(f"{strays}; {rest}"),
            cwd=folder,
            env=ENV,
            output=folder / f"{id(self)}.log",
            grace=0.3,
            on_output=lambda _: self.up.set(),
            stop=self.stop,
            **limits,
        )

    async def live(self) -> None:
        with self.scope:
            self.ended = await self.run()
        self.up.set()  # on a busy machine its time may be out before it was up

    async def finish(self) -> None:
        await self.up.wait()
        if self.end == "stop":
            self.stop.set()
        if self.end == "cancel":
            self.scope.cancel()


def _end(folder: Path, strays: str, end: str) -> process.Completed | None:
    """Lives and ends beside another program, whose own strays nobody may touch."""
    found: list[process.Completed | None] = []

    async def both() -> None:
        program, neighbour = Program(folder, strays, end), Program(folder, STRAYS["clean"], "stop")
        async with anyio.create_task_group() as group:
            group.start_soon(neighbour.live)
            await neighbour.up.wait()
            before = Census()
            async with anyio.create_task_group() as inner:
                inner.start_soon(program.live)
                await program.finish()
            found.append(program.ended)
            assert Census().before == before.before, "its own strays are left, or the neighbour's were ended"
            neighbour.stop.set()
        assert neighbour.ended is not None and neighbour.ended.leftovers != ()

    anyio.run(both)
    return found[0]


@pytest.mark.parametrize("kind", STRAYS)
@pytest.mark.parametrize("end", ["exit", "stop"])
def test_no_stray_outlives_its_program_while_another_runs(tmp_path: Path, census: Census, end: str, kind: str) -> None:
    done = _end(tmp_path, STRAYS[kind], end)
    census.nobody_is_left()
    assert done is not None and done.exit.ended_by == ENDS[end]
    assert done.leftovers or end == "stop"  # then some end with the group


@pytest.mark.parametrize("end", ["wall", "idle", "cancel"])
def test_whatever_ends_a_program_ends_all_its_strays(tmp_path: Path, census: Census, end: str) -> None:
    done = _end(tmp_path, ALL_STRAYS, end)
    census.nobody_is_left()
    assert done is None if end == "cancel" else done is not None and done.exit.ended_by == ENDS[end]


FORKS = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(3, b"up\\n")
os.closerange(0, 4)
while True:
    time.sleep(0.002)
    if os.fork():
        os._exit(0)
"""


def test_one_that_forks_and_exits_for_ever_is_caught_with_its_group(tmp_path: Path, census: Census) -> None:
    """Whoever is seen has ended already when the signal comes."""
    script = f"{{ env -i setsid {sys.executable} -S -c {shlex.quote(FORKS)} 3>&1 >/dev/null & }} | read up"
    _end(tmp_path, script, "exit")
    census.nobody_is_left()
