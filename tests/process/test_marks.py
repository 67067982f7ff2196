"""The number that descendants inherit, whatever they do to their session and environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playground import STRAYS, Census

from superteam import process
from superteam.process.marks import RUN, new_number, number_of, numbered, run_part
from superteam.process.table import processes

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are known on Linux only"),
    pytest.mark.usefixtures("census"),
]
ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


@given(mark=st.uuids(), run=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
def test_a_number_fits_into_a_limit_and_says_its_run(mark: object, run: str) -> None:
    number = new_number(str(mark).replace("-", ""), {RUN: run})
    assert 0xFFFFFFFF < number < 2**63
    assert number >> 32 == run_part(f"{RUN}={run}")
    assert number & 0xFFFFFFFF == int(str(mark)[:8], 16)


def test_a_cleared_environment_and_a_session_of_its_own_keep_the_number() -> None:
    with numbered(new_number("0" * 32, {})) as number, subprocess.Popen(
        ["env", "-i", "setsid", "/bin/sh", "-c", "ulimit -x 2>/dev/null || :; echo up; exec sleep 1000000"],
        stdout=subprocess.PIPE,
    ) as popen:  # fmt: skip
        try:
            assert popen.stdout is not None and popen.stdout.readline() == b"up\n"
            assert number is not None and number_of(popen.pid) == number
        finally:
            popen.kill()


def test_we_ourselves_have_no_number_afterwards_and_git_that_is_started_then_has_none() -> None:
    with numbered(new_number("0" * 32, {})) as number:
        assert number_of(os.getpid()) == number
    assert number_of(os.getpid()) is None


def test_a_dead_process_has_its_number_until_it_is_reaped() -> None:
    with numbered(new_number("0" * 32, {})) as number:
        popen = subprocess.Popen(["true"])
    os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOWAIT)
    assert number_of(popen.pid) == number
    assert popen.wait() == 0
    assert number_of(popen.pid) is None


def test_those_of_a_run_are_found_by_its_mark_though_they_cleared_their_environment(census: Census) -> None:
    """As after a kill -9: nobody is left who could know them as its children."""
    with numbered(new_number("0" * 32, {RUN: "r1"})):
        subprocess.run(["sh", "-c", STRAYS["clean"]], check=True)
    assert len(process.marked_processes(f"{RUN}=r1")) == 1
    assert process.marked_processes(f"{RUN}=r2") == []
    ended = anyio.run(process.end_marked, f"{RUN}=r1", 2.0)
    assert len(ended) == 1
    census.nobody_is_left()


def test_an_orphan_that_led_a_session_and_ended_by_itself_leaves_no_zombie(tmp_path: Path) -> None:
    script = "(setsid sh -c 'echo $$ >&3' 3>&1 >/dev/null &) | { read pid; while kill -0 $pid 2>/dev/null && " + (
        '[ "$(ps -o stat= -p $pid | cut -c1)" != Z ]; do :; done; echo $pid; }'
    )

    async def run() -> process.Completed:
        return await process.run(process.shell(script), cwd=tmp_path, env=ENV, output=tmp_path / "output")

    done = anyio.run(run)
    assert int(done.stdout_head) not in processes()
