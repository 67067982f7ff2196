"""Small programs that speak ACP badly or well: a prelude with the protocol's basics, and a body for each test."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anyio

from superteam.agents.acp import AcpAgent
from superteam.agents.acp_presets import UNKNOWN, Preset
from superteam.core.settings import Rates
from superteam.ports import AgentReport, Brief

PRELUDE = """
import json, os, signal, subprocess, sys, time
from pathlib import Path

def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\\n")
    sys.stdout.flush()

def read():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    with open("heard.jsonl", "a") as file:
        file.write(line)
    return json.loads(line)

def until(method):
    message = read()
    while message.get("method") != method:
        message = read()
    return message

def answer(message, **result):
    send({"id": message["id"], "result": result})

def fail(message, code, text, data=None):
    send({"id": message["id"], "error": {"code": code, "message": text, "data": data}})

def update(kind, /, session="s1", **fields):
    send({"method": "session/update", "params": {"sessionId": session, "update": {"sessionUpdate": kind, **fields}}})

def say(text, **more):
    update("agent_message_chunk", content={"type": "text", "text": text}, **more)

def usage(used=0, usd=None, **more):
    cost = {"cost": {"amount": usd, "currency": "USD"}} if usd is not None else {}
    update("usage_update", used=used, size=200000, **cost, **more)

def tool(name="t1", status="completed", **more):
    update("tool_call", toolCallId=name, title="a tool", kind="execute", status="pending", **more)
    update("tool_call_update", toolCallId=name, status=status)

def ask(method, **params):
    send({"id": "q1", "method": method, "params": params})
    message = read()
    while message.get("id") != "q1":
        message = read()
    return message

def hello(**more):
    answer(until("initialize"), protocolVersion=1, agentCapabilities=more, authMethods=[])

def opened(can={}, **session):
    hello(**can)
    answer(until("session/new"), sessionId="s1", **session)

def prompted(**session):
    opened(**session)
    return until("session/prompt")

def done(prompt, reason="end_turn", **more):
    answer(prompt, stopReason=reason, **more)

def write(name, text):
    Path(name).write_text(text)
"""


def make_brief(tmp_path: Path, **more: Any) -> Brief:
    """A brief for an agent in tmp_path/tree."""
    (tmp_path / "tree").mkdir(exist_ok=True)
    given: dict[str, Any] = {
        "role": "implement",
        "task_id": "3",
        "attempt": 1,
        "run_id": "run-1",
        "prompt": "Do it: ümlaut\n",
        "tree": tmp_path / "tree",
        "env": {"PATH": os.environ["PATH"], "MY_TOKEN": "open-sesame"},
        "prompt_file": tmp_path / "run" / "prompt.md",
        "result_file": tmp_path / "run" / "result.json",
        "output": tmp_path / "run" / "output",
        "timeout": 90.0,
        "idle_timeout": 90.0,
        "grace": 0.3,
        **more,
    }
    return Brief(**given)


def make_acp_agent(body: str, tmp_path: Path, preset: Preset = UNKNOWN, rates: Rates | None = None) -> AcpAgent:
    """An agent whose program is the prelude and this body."""
    script = tmp_path / "agent.py"
    script.write_text(f"{PRELUDE}\n{body}\n")
    return AcpAgent("mine", (sys.executable, "-S", str(script)), tmp_path, preset, rates)


def converse(
    body: str, tmp_path: Path, preset: Preset = UNKNOWN, rates: Rates | None = None, **more: Any
) -> AgentReport:
    """One dispatch of such an agent."""
    return anyio.run(make_acp_agent(body, tmp_path, preset, rates).work, make_brief(tmp_path, **more))
