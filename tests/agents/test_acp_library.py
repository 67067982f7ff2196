"""An agent that is written with the protocol's own library understands each thing that we send."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
from agents.acp_program import make_brief

from superteam.agents.acp import AcpAgent
from superteam.agents.acp_presets import Preset
from superteam.ports import AgentReport, Limits

AGENT = """
import asyncio, sys
from pathlib import Path
import acp
from acp.schema import *

class Agent(acp.Agent):
    total = 0.5

    def on_connect(self, conn):
        self.conn = conn
        self.cancelled = asyncio.Event()

    async def initialize(self, protocol_version, client_capabilities=None, client_info=None, **more):
        assert protocol_version == 1 and client_info.name == "superteam"
        assert client_capabilities.fs.read_text_file is False and client_capabilities.terminal is False
        session = SessionCapabilities(resume=SessionResumeCapabilities())
        can = AgentCapabilities(session_capabilities=session)
        return InitializeResponse(protocol_version=1, agent_capabilities=can)

    def setup(self):
        choice = SessionConfigOptionSelect(id="model", name="Model", category="model", type="select", current_value="a",
                                           options=[SessionConfigSelectOption(value="b", name="B")])
        offered = [SessionMode(id="ask", name=""), SessionMode(id="write", name="")]
        modes = SessionModeState(current_mode_id="ask", available_modes=offered)
        return {"modes": modes, "config_options": [choice]}

    async def new_session(self, cwd, mcp_servers=None, **more):
        assert Path(cwd) == Path.cwd() and mcp_servers == []
        return NewSessionResponse(session_id="new", **self.setup())

    async def resume_session(self, session_id, cwd, mcp_servers=None, **more):
        assert session_id == "new"
        self.total = 0.75
        return ResumeSessionResponse(**self.setup())

    async def set_session_mode(self, mode_id, session_id, **more):
        assert mode_id == "write"
        return SetSessionModeResponse()

    async def set_config_option(self, config_id, session_id, value, **more):
        assert (config_id, value) == ("model", "b")
        return SetSessionConfigOptionResponse(config_options=self.setup()["config_options"])

    async def prompt(self, prompt, session_id, **more):
        async def tell(update):
            await self.conn.session_update(session_id=session_id, update=update)
        if "wait" in prompt[0].text:
            await tell(acp.update_agent_message_text("I wait."))
            await self.cancelled.wait()
            return PromptResponse(stop_reason="cancelled")
        place = ToolCallLocation(path=str(Path("a.txt").resolve()))
        await tell(acp.start_tool_call("1", "Write a.txt", kind="edit", locations=[place]))
        options = [PermissionOption(option_id=name, kind=kind, name="")
                   for name, kind in (("yes", "allow_once"), ("no", "reject_once"))]
        call = ToolCallUpdate(tool_call_id="1")
        answer = await self.conn.request_permission(session_id=session_id, tool_call=call, options=options)
        assert answer.outcome.option_id == "yes"
        Path("a.txt").write_text("a")
        await tell(acp.update_tool_call("1", status="completed"))
        try:
            await self.conn.read_text_file(session_id=session_id, path="/etc/passwd")
        except acp.RequestError as error:
            await tell(acp.update_agent_message_text(f"no files: {error.code}"))
        cost = Cost(amount=self.total, currency="USD")
        await tell(UsageUpdate(session_update="usage_update", used=10, size=20, cost=cost))
        usage = Usage(total_tokens=12, input_tokens=4, cached_read_tokens=6, output_tokens=2)
        return PromptResponse(stop_reason="end_turn", usage=usage)

    async def cancel(self, session_id, **more):
        Path("cancelled").touch()
        self.cancelled.set()

asyncio.run(acp.run_agent(Agent(), use_unstable_protocol=True))
"""


def work(tmp_path: Path, **more: object) -> AgentReport:
    script = tmp_path / "library_agent.py"
    script.write_text(AGENT)
    agent = AcpAgent("mine", (sys.executable, str(script)), tmp_path, Preset(modes=("write",)))
    return anyio.run(agent.work, make_brief(tmp_path, model="b", **more))


def test_a_session_is_begun_and_continued_with_mode_model_permission_and_usage(tmp_path: Path) -> None:
    found = work(tmp_path)
    assert (found.ended, found.summary, found.session) == ("done", "no files: -32601", "new@0.5"), found
    assert (found.cost_usd, found.input_tokens, found.output_tokens, found.turns) == (0.5, 10, 2, 2)
    assert (tmp_path / "tree" / "a.txt").read_text() == "a"
    again = work(tmp_path, session=found.session)
    assert (again.ended, again.cost_usd, again.session, again.detail) == ("done", 0.25, "new@0.75", "")


def test_the_cancel_is_understood(tmp_path: Path) -> None:
    assert work(tmp_path, prompt="wait", limits=Limits(turns=0), grace=10.0).ended == "over-budget"
    assert (tmp_path / "tree" / "cancelled").exists()
