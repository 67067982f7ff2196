"""`kill -9` of superteam alone: what it started does not work on, and cost, until somebody looks."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from playground import Repo, Setup, ended, heard

from superteam import process

pytestmark = pytest.mark.usefixtures("census")

AGENT = """# without a test-command
agent.use = "mine"
[agents.mine]
kind = "command"
command = ["sh", "-c", "{stray}; echo $$ >{fifo}; exec sleep 600"]
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd")
def test_the_agent_ends_with_superteam(repo: Repo, given: Setup, tmp_path: Path) -> None:
    fifo = tmp_path / "began"
    os.mkfifo(fifo)
    stray = "setsid sleep 600 & true"
    given([{"title": "A"}], [], files={"superteam.toml": AGENT.format(stray=stray, fifo=fifo)})
    running = repo.start("execute", "plan.md")
    agent = int(heard(fifo))
    run = str(repo.status()["run_id"])
    marked = process.marked_processes(f"SUPERTEAM_RUN_ID={run}")
    assert agent in marked and len(marked) == 2
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    for pid in marked:
        ended(pid)
