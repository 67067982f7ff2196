"""Records what real agents print into tests/agents/recorded; see the README there.

Usage: .venv/bin/python tests/agents_live/record.py [AGENT [CASE]]
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from live_agents import KEY, PROGRAMS, ROOT, environment, program, shell, write
from model_server import DONE, Cut, Fail, Garbage, ModelServer, Say, Step

RECORDED = ROOT / "tests" / "agents" / "recorded"
PROMPT = "Add a file a.txt"
FIX = "The gate failed, repair a.txt"
_LONG = 5_000  # longer texts and lists are cut in a recording


@dataclass(frozen=True)
class Case:
    """What the model answers, more arguments for some agents, and whether the program is ended by us."""

    steps: Callable[[str], Sequence[Step]]
    arguments: dict[str, tuple[str, ...]]
    end: bool = False
    before: str = ""  # a case whose session is continued
    env: dict[str, str] = field(default_factory=dict)  # "" takes a variable away
    only: str = ""  # the agent that knows the case


def _edit(agent: str) -> Sequence[Step]:
    return [Say("I write the file.", (write(agent, "a.txt", "hello\n"),)), Say("a.txt is there. All tests pass.")]


def _shell(agent: str) -> Sequence[Step]:
    return [Say("I run it.", (shell(agent, "echo hello > a.txt"),)), Say("I could not, or I could.")]


def _forbidden(agent: str) -> Sequence[Step]:
    line = "python3 -c 'open(chr(97), chr(119))'"
    return [Say("I run it.", (shell(agent, line),)), Say("I could not, or I could.")]


def _sleep(agent: str) -> Sequence[Step]:
    return [Say("I wait.", (shell(agent, "touch started; sleep 600"),)), DONE]


def _limited(agent: str) -> Sequence[Step]:
    """Status 429 as the providers send it: claude's of a subscription, codex' of a plan, an API's with retry-after."""
    if agent == "pi":  # with retry-after it is silent until then
        return [Fail(429, "rate_limit_exceeded", "Rate limit reached for requests")]
    if agent == "codex":
        error = {"plan_type": "plus", "resets_at": 1795300000, "resets_in_seconds": 3600}
        return [Fail(429, "usage_limit_reached", "The usage limit has been reached", more=error)]
    text = "Number of requests has exceeded your rate limit"
    return [Fail(429, "rate_limit_error", text, {"retry-after": "3600", **_plan_limit("rejected")})]


def _plan_limit(status: str) -> dict[str, str]:
    """The headers with which a subscription's limits are told to claude."""
    known = {"status": status, "reset": "1795300000", "representative-claim": "five_hour", "5h-utilization": "0.95"}
    known |= {"5h-reset": "1795300000", "5h-status": status, "5h-surpassed-threshold": "0.9"}
    return {f"anthropic-ratelimit-unified-{name}": value for name, value in known.items()}


def _warned(agent: str) -> Sequence[Step]:
    first, last = _edit(agent)
    return [replace(first, headers=_plan_limit("allowed_warning")), last]  # type: ignore[type-var]


_PLAN = {"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": KEY}
CASES: dict[str, Case] = {
    "edit": Case(_edit, {}),
    "resumed": Case(_edit, {}, before="edit"),
    "shell": Case(_shell, {"claude": ("--allowedTools", "Bash")}),
    "denied": Case(_forbidden, {"codex": ("--sandbox", "read-only"), "pi": ("--tools", "read")}),
    "rejected-key": Case(lambda _: [Fail(401, "authentication_error", "invalid x-api-key")], {}),
    "server-error": Case(lambda _: [Fail(500, "api_error", "Internal server error")], {}),
    "overloaded-once": Case(lambda a: [Fail(529, "overloaded_error", "Overloaded", times=1), *_edit(a)], {}),
    "rate-limited": Case(_limited, {}),
    "plan-limited": Case(_limited, {}, env=_PLAN, only="claude"),
    "plan-warned": Case(_warned, {}, env=_PLAN, only="claude"),
    "garbage": Case(lambda _: [Garbage()], {}),
    "cut": Case(lambda agent: [Cut(_edit(agent)[0])], {}),  # type: ignore[arg-type]
    "killed": Case(_sleep, {"claude": ("--allowedTools", "Bash")}, end=True),
    "max-turns": Case(_edit, {"claude": ("--max-turns", "1")}),
}


def command(agent: str, prompt: str, arguments: tuple[str, ...], session: str | None) -> list[str]:
    """How a recording starts the agent."""
    name = str(program(agent))
    if agent == "claude":
        resume = ["--resume", session] if session else []
        more = ["--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits", *arguments]
        return [name, "-p", prompt, *more, *resume]
    if agent == "codex":
        sandbox = arguments or ("--sandbox", "workspace-write")
        resume = ["resume", session] if session else []
        return [name, "exec", "--json", *sandbox, "--skip-git-repo-check", *resume, prompt]
    resume = ["--session", session] if session else []
    return [name, "-p", "--mode", "json", "--provider", "fake", "--model", "fake-model", *arguments, *resume, prompt]


def record(agent: str, name: str) -> None:
    """Makes the recordings of one case: standard output, and what the process said of itself."""
    case = CASES[name]
    folder = Path(tempfile.mkdtemp(prefix="superteam-record-"))
    (tree := folder / "tree").mkdir()
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    with ModelServer({FIX: case.steps(agent), PROMPT: case.steps(agent)}) as model:
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environment(agent, model.url, folder / "home")}
        env = {name: value for name, value in {**env, **case.env}.items() if value}
        session = _session(_run(agent, case, PROMPT, None, tree, env)[1]) if case.before else None
        began = time.monotonic()
        code, out, err = _run(agent, case, FIX if session else PROMPT, session, tree, env)
        spent = time.monotonic() - began
        places = {str(program(agent).parent): "/agents/bin", str(tree): "/tree", str(folder / "home"): "/home"}
        places |= {model.url: "http://model", str(folder): "/folder"}
    places |= {model.url.removeprefix("http://"): "model", re.sub(r"[^A-Za-z0-9]", "-", str(folder)): "-folder"}
    for old, new in places.items():
        out, err = out.replace(old, new), err.replace(old, new)
    target = RECORDED / agent
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{name}.jsonl").write_text("".join(_short(line) + "\n" for line in out.splitlines()))
    (target / f"{name}.stderr").write_text(err[:_LONG])
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{agent} {name}: exit {code}, {spent:.1f} s, {len(out)} bytes, asked {len(model.asked)} times", flush=True)
    _note(target, name, code, spent)


def _run(
    agent: str, case: Case, prompt: str, session: str | None, tree: Path, env: dict[str, str]
) -> tuple[int, str, str]:
    line = command(agent, prompt, case.arguments.get(agent, ()), session)
    pipe = subprocess.PIPE
    child = subprocess.Popen(
        line, cwd=tree, env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True, text=True
    )
    while case.end and not (tree / "started").exists() and child.poll() is None:
        time.sleep(0.05)
    if case.end:
        os.killpg(child.pid, signal.SIGTERM)
    try:
        out, err = child.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate()
    return child.returncode, out, err


def _session(out: str) -> str:
    first = json.loads(out.splitlines()[0])
    return str(first.get("session_id") or first.get("thread_id") or first.get("id"))


def _short(line: str) -> str:
    try:
        return json.dumps(_cut(json.loads(line)), ensure_ascii=False) if len(line) > _LONG else line
    except ValueError:
        return line


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONG:
        return value[:100] + "[cut]"
    if isinstance(value, list):
        return [_cut(one) for one in value]
    return {key: _cut(one) for key, one in value.items()} if isinstance(value, dict) else value


def _note(target: Path, name: str, code: int, spent: float) -> None:
    """Keeps how the process ended beside the streams: exits.json, by case."""
    path = target / "exits.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    known[name] = {"exit": code, "seconds": round(spent, 1)}
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    wanted, cases = sys.argv[1:2] or [*PROGRAMS][:3], sys.argv[2:3] or [*CASES]
    for one in wanted:
        for each in cases:
            if CASES[each].only in ("", one):
                record(one, each)
