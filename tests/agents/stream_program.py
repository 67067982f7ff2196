"""Small programs in the place of claude, codex and pi, and streams that the real ones printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
from agents.acp_program import make_brief

from superteam.agents import claude, codex, pi
from superteam.agents.stream import Dialect, StreamAgent
from superteam.core.settings import Rates
from superteam.ports import AgentReport

DIALECTS: dict[str, Dialect] = {"claude": claude.DIALECT, "codex": codex.DIALECT, "pi": pi.DIALECT}
RECORDED = Path(__file__).parent / "recorded"
HEAD = """
import json, os, sys, time
from pathlib import Path
def send(**event):
    sys.stdout.write(json.dumps(event) + "\\n")
    sys.stdout.flush()
def write(name, text):
    Path(name).write_text(text)
"""


def make_stream_agent(
    which: str, body: str, tmp_path: Path, rates: Rates | None = None, patience: float = 10.0
) -> StreamAgent:
    """An agent of this kind whose program is this Python text."""
    script = tmp_path / "agent.py"
    script.write_text(f"{HEAD}\n{body}\n")
    return StreamAgent("mine", (sys.executable, "-S", str(script)), tmp_path, DIALECTS[which], rates, patience)


def stream(
    which: str, body: str, tmp_path: Path, rates: Rates | None = None, patience: float = 10.0, **more: Any
) -> AgentReport:
    """One dispatch of such an agent."""
    agent = make_stream_agent(which, body, tmp_path, rates, patience)
    return anyio.run(agent.work, make_brief(tmp_path, **more))


def replay(which: str, case: str, tmp_path: Path, rates: Rates | None = None, **more: Any) -> AgentReport:
    """What becomes of a stream that a real agent printed, with its standard error and its exit code."""
    folder = RECORDED / which
    code = json.loads((folder / "exits.json").read_text())[case]["exit"]
    body = f"""
sys.stderr.write(Path({str(folder / case) + ".stderr"!r}).read_text())
sys.stdout.write(Path({str(folder / case) + ".jsonl"!r}).read_text())
sys.stdout.flush()
if {code} < 0: os.kill(os.getpid(), -({code}))
sys.exit({code})
"""
    return stream(which, body, tmp_path, rates, **more)
