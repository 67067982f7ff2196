"""The real agents: where they are installed, what each needs to speak to our model, and how it names its tools."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from model_server import Call

ROOT = Path(__file__).parents[2]
AGENTS = Path(os.environ.get("SUPERTEAM_AGENTS") or ROOT / ".agents").resolve()
KEY = "dummy-key-of-the-tests"
PROGRAMS = {
    "claude": ("claude", "claude"),
    "codex": ("codex", "codex"),
    "pi": ("pi", "pi"),
    "claude-acp": ("claude-acp", "claude-agent-acp"),
    "codex-acp": ("codex", "codex-acp"),
    "pi-acp": ("pi", "pi-acp"),
}
"""Of each agent the folder of tests/agents_live/npm that it is installed from, and its program there."""
_PI = {"defaultProvider": "fake", "defaultModel": "fake-model", "quietStartup": True}
_CODEX = """\
model = "fake-model"
model_provider = "fake"
[model_providers.fake]
name = "fake"
base_url = "{url}/v1"
env_key = "FAKE_API_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
"""


def program(agent: str) -> Path:
    """Where the program of this agent is, if it is installed."""
    folder, name = PROGRAMS[agent]
    return AGENTS / "npm" / folder / "node_modules" / ".bin" / name


def why_missing(agent: str) -> str | None:
    """None if the agent is installed, else the reason why it is not: npm's last lines, where it tried."""
    if program(agent).exists() and shutil.which("node"):
        return None
    log = AGENTS / "npm" / f"{PROGRAMS[agent][0]}.log"
    said = " ".join(log.read_text(errors="replace").split()[-60:]) if log.exists() else ""
    return f"{agent} is not installed: {said or 'run tests/agents_live/install.sh (make test-agents does)'}"


def environment(agent: str, url: str, home: Path) -> dict[str, str]:
    """What this agent needs to know to use the model at `url`; writes its configuration to `home`."""
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    here = {"HOME": str(home), "TMPDIR": str(home / "tmp")}
    if agent.startswith("claude"):
        quiet = ("DISABLE_TELEMETRY", "DISABLE_AUTOUPDATER", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC")
        retries = {"CLAUDE_CODE_MAX_RETRIES": "1"}
        return {**here, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url, **dict.fromkeys(quiet, "1"), **retries}
    if agent.startswith("codex"):
        _write(home / "codex" / "config.toml", _CODEX.format(url=url))
        return {**here, "CODEX_HOME": str(home / "codex"), "FAKE_API_KEY": KEY}
    provider = {"baseUrl": f"{url}/v1", "api": "openai-completions", "apiKey": KEY, "models": [{"id": "fake-model"}]}
    _write(home / "pi" / "models.json", json.dumps({"providers": {"fake": provider}}))
    _write(home / "pi" / "settings.json", json.dumps({**_PI, "retry": {"maxRetries": 1, "baseDelayMs": 50}}))
    return {
        **here,
        "PI_CODING_AGENT_DIR": str(home / "pi"),
        "PI_OFFLINE": "1",
        "PI_TELEMETRY": "0",
        "npm_config_offline": "true",
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write(agent: str, path: str, text: str) -> Call:
    """The tool with which this agent's model writes a file of the tree."""
    if agent.startswith("claude"):
        return Call("Write", {"file_path": f"{{cwd}}/{path}", "content": text})
    if agent.startswith("pi"):
        return Call("write", {"path": path, "content": text})
    return shell(agent, f"cat > {path} <<'EOF'\n{text}EOF")


def shell(agent: str, command: str) -> Call:
    """The tool with which this agent's model runs a command."""
    names: Mapping[str, tuple[str, str]] = {"claude": ("Bash", "command"), "pi": ("bash", "command")}
    name, key = names.get(agent.removesuffix("-acp"), ("exec_command", "cmd"))
    return Call(name, {key: command})
