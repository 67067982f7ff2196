"""A whole run with an agent over ACP: an edit, a gate that fails, its repair in the same session."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from agents.acp_program import PRELUDE
from playground import Repo, plan

AGENT = """
role, task, log = os.environ["SUPERTEAM_ROLE"], os.environ["SUPERTEAM_TASK_ID"], os.environ["LOG"]
hello(sessionCapabilities={"resume": {}})
message = read()
while "session/" not in message.get("method", ""):
    message = read()
with open(log, "a") as file:
    file.write(f"{role} {task} {message['method']} {message['params'].get('sessionId', '')}\\n")
answer(message, sessionId="s" + task)
prompt = until("session/prompt")
os.unlink("heard.jsonl")
write("one" if task == "1" else "two", "good" if role == "fix" or task == "2" else "bad")
update("agent_message_chunk", "s" + task, content={"type": "text", "text": f"{role} of {task} is done."})
cost = {"amount": 0.5 if role == "implement" else 0.75, "currency": "USD"}
update("usage_update", "s" + task, used=100, size=1000, cost=cost)
done(prompt, usage={"totalTokens": 1000, "inputTokens": 900, "outputTokens": 100})
"""


def given(repo: Repo, tmp_path: Path) -> dict[str, str]:
    program = tmp_path / "acp_agent.py"
    program.write_text(PRELUDE + AGENT)
    command = json.dumps([sys.executable, "-S", str(program)])
    config = f'agent.use = "mine"\ntest-command = "true"\n[agents.mine]\nkind = "acp"\ncommand = {command}\n'
    tasks = [{"title": "One", "gate": "grep good one"}, {"title": "Two", "gate": "grep good two"}]
    repo.commit({"superteam.toml": config, "plan.md": plan(*tasks)}, "given")
    return {"LOG": str(tmp_path / "log")}


def test_a_plan_is_executed_and_a_fix_goes_on_in_the_session(repo: Repo, tmp_path: Path) -> None:
    done = repo.superteam("execute", "plan.md", env=given(repo, tmp_path))
    assert done.code == 0, done.err
    assert (tmp_path / "log").read_text().splitlines() == [
        "implement 1 session/new ",
        "fix 1 session/resume s1",
        "implement 2 session/new ",
    ]
    assert repo.files_at()["one"] == "good" and repo.files_at()["two"] == "good"
    assert repo.status()["cost"]["usd"] == 1.25  # 0.5 and 0.25 more in the session, and 0.5
    assert repo.task_commits() == ["1", "2"]
