"""One kit for each adapter: how a small program speaks so that this adapter understands it.

The contract suite (test_contract.py) writes bodies in words that all kits have, each in its own way:

- `begin()` opens the session and returns the id of the one to continue ("" if a new one is wanted); `PROMPT` is the
  prompt afterwards.
- `turn(text, tokens=(10, 1), usd=0.25)` is one answer of the model.
- `end()` tells the result; `limited(epoch)` and `rejected()` are the provider's refusals, and the end.
- `junk(bytes)` prints what is no word of the protocol.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agents.acp_program import PRELUDE as ACP
from agents.stream_program import HEAD, make_stream_agent

from superteam.agents.acp import AcpAgent
from superteam.agents.acp_presets import UNKNOWN
from superteam.agents.command import CommandAgent
from superteam.agents.scripted import ScriptedAgent
from superteam.ports import Agent

JUNK = """
def junk(data):
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
"""

# The file of the result is all that a command says; what it prints is for people.
COMMAND = f"""{HEAD}{JUNK}
TOLD = {{"input_tokens": 0, "output_tokens": 0, "cost_usd": 0, "turns": 0}}
PROMPT = ""
def begin():
    global PROMPT
    PROMPT = sys.stdin.read()
    return os.environ.get("SUPERTEAM_SESSION", "")
def turn(text, tokens=(10, 1), usd=0.25):
    print(text, flush=True)
    TOLD["input_tokens"] += tokens[0]; TOLD["output_tokens"] += tokens[1]; TOLD["turns"] += 1
    TOLD["cost_usd"] = None if usd is None or TOLD["cost_usd"] is None else TOLD["cost_usd"] + usd
    TOLD["summary"] = text
def tell(**more):
    write(os.environ["SUPERTEAM_RESULT"], json.dumps({{**TOLD, **more}}))
def end():
    tell(session=os.environ.get("SUPERTEAM_SESSION") or "s1")
def limited(epoch):
    tell(rate_limited_until=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)))
    sys.exit(1)
"""

CLAUDE = f"""{HEAD}{JUNK}
TOLD = dict(usd=0.0, input=0, output=0, turns=0, last="")
PROMPT = ""
def begin():
    global PROMPT
    PROMPT = sys.stdin.read()
    session = sys.argv[sys.argv.index("--resume") + 1] if "--resume" in sys.argv else ""
    send(type="system", subtype="init", session_id=session or "s1")
    return session
def turn(text, tokens=(10, 1), usd=0.25):
    TOLD["turns"] += 1; TOLD["input"] += tokens[0]; TOLD["output"] += tokens[1]; TOLD["last"] = text
    TOLD["usd"] = None if usd is None or TOLD["usd"] is None else TOLD["usd"] + usd
    used = dict(input_tokens=tokens[0], output_tokens=tokens[1])
    content = [dict(type="text", text=text)]
    send(type="assistant", message=dict(id="m%d" % TOLD["turns"], role="assistant", usage=used, content=content))
def result(**more):
    used = dict(input_tokens=TOLD["input"], output_tokens=TOLD["output"])
    told = dict(total_cost_usd=TOLD["usd"]) if TOLD["usd"] is not None else {{}}
    send(type="result", subtype="success", is_error=False, usage=used, result=TOLD["last"], **told, **more)
def end():
    result()
def limited(epoch):
    send(type="rate_limit_event", rate_limit_info=dict(status="rejected", resetsAt=epoch))
    send(type="result", subtype="success", is_error=True, result="You've hit your limit", api_error_status=429)
    sys.exit(1)
def rejected():
    while True:
        send(type="system", subtype="api_retry", error_status=401, error="authentication_failed", retry_delay_ms=9)
        time.sleep(0.05)
"""

# Codex tells tokens at the end of all, and no cost.
CODEX = f"""{HEAD}{JUNK}
TOLD = dict(input_tokens=0, output_tokens=0)
PROMPT = ""
def begin():
    global PROMPT
    PROMPT = sys.stdin.read()
    assert sys.argv[-1] == "-"
    session = sys.argv[sys.argv.index("resume") + 1] if "resume" in sys.argv else ""
    send(type="thread.started", thread_id=session or "s1")
    send(type="turn.started")
    return session
def turn(text, tokens=(10, 1), usd=None):
    TOLD["input_tokens"] += tokens[0]; TOLD["output_tokens"] += tokens[1]
    send(type="item.completed", item=dict(id="i", type="agent_message", text=text))
def end():
    send(type="turn.completed", usage=TOLD)
def limited(epoch):
    text = "You've hit your usage limit (resets_at: %d)." % epoch
    send(type="error", message=text)
    send(type="turn.failed", error=dict(message=text))
    sys.exit(1)
def rejected():
    for n in range(1, 10**6):
        send(type="error", message="Reconnecting... %d/5 (unexpected status 401 Unauthorized)" % n)
        time.sleep(0.05)
"""

PI = f"""{HEAD}{JUNK}
PROMPT = ""
def begin():
    global PROMPT
    PROMPT = sys.stdin.read()
    session = sys.argv[sys.argv.index("--session") + 1] if "--session" in sys.argv else ""
    send(type="session", version=3, id=session or "s1")
    send(type="agent_start")
    return session
def message(text, stop, tokens, usd, **more):
    used = dict(input=tokens[0], output=tokens[1], cost=dict(total=usd or 0))
    content = [dict(type="text", text=text)] if text else []
    send(type="message_end", message=dict(role="assistant", usage=used, content=content, stopReason=stop, **more))
def turn(text, tokens=(10, 1), usd=0.25):
    message(text, "stop", tokens, usd)
def end():
    send(type="agent_end", messages=[])
def limited(epoch):
    message("", "error", (0, 0), 0, errorMessage="429 rate limit, resets_at: %d" % epoch)
    end()
def rejected():
    message("", "error", (0, 0), 0, errorMessage="401 invalid x-api-key")
    end()
"""

ACP_WORDS = f"""{ACP}{JUNK}
TOLD = dict(input=0, output=0, usd=0.0, turns=0)
PROMPT = ""
def begin():
    global asked, PROMPT, SESSION
    hello(sessionCapabilities={{"resume": {{}}}})
    message = read()
    resumed = message["method"] == "session/resume"
    SESSION = message["params"].get("sessionId", "s1")
    answer(message, **({{}} if resumed else {{"sessionId": SESSION}}))
    asked = until("session/prompt")
    PROMPT = asked["params"]["prompt"][0]["text"]
    return SESSION if resumed else ""
def turn(text, tokens=(10, 1), usd=0.25):
    TOLD["turns"] += 1; TOLD["input"] += tokens[0]; TOLD["output"] += tokens[1]
    TOLD["usd"] = None if usd is None or TOLD["usd"] is None else TOLD["usd"] + usd
    if TOLD["turns"] > 1:
        tool("t%d" % TOLD["turns"], session=SESSION)
    say(text, session=SESSION)
    usage(TOLD["input"], TOLD["usd"], session=SESSION)
def end():
    total = TOLD["input"] + TOLD["output"]
    done(asked, usage={{"totalTokens": total, "inputTokens": TOLD["input"], "outputTokens": TOLD["output"]}})
def limited(epoch):
    fail(asked, -32603, "Internal error", {{"errorKind": "rate_limit", "resetsAt": epoch}})
def rejected():
    fail(asked, -32603, "Internal error: 401 invalid x-api-key", {{"errorKind": "authentication_failed"}})
    read()
"""


@dataclass(frozen=True)
class Kit:
    """How the suite makes an agent of a body, and what an adapter can tell.

    `tells` are fields of the report that its protocol has a word for; `stops_at` the maxima that it ends a dispatch
    for while it goes on (each ends it for `max-time`); `knows` what else is in its protocol.
    """

    name: str
    make: Callable[[str, Path], Agent]
    tells: frozenset[str] = frozenset({"cost_usd", "input_tokens", "output_tokens", "turns"})
    stops_at: frozenset[str] = frozenset()
    knows: frozenset[str] = frozenset()


def _program(prelude: str, body: str, folder: Path) -> tuple[str, ...]:
    script = folder / "agent.py"
    script.write_text(f"{prelude}\n{body}\n")
    return (sys.executable, "-S", str(script))


def _command(body: str, folder: Path) -> Agent:
    return CommandAgent("mine", _program(COMMAND, body, folder), folder)


def _scripted(body: str, folder: Path) -> Agent:
    """Its `run` is a program that does as the body says."""
    line = " ".join(("exec", *_program(COMMAND, body, folder)))
    entries = [
        f'[[dispatch]]\ntask = "3"\nrole = "{role}"\nrun = {json.dumps(line)}\n' for role in ("implement", "fix")
    ]
    entries.append(f'[[dispatch]]\ntask = "3"\nreviewer = "spec"\nrun = {json.dumps(line)}\n')
    (folder / "script.toml").write_text("\n".join(entries))
    return ScriptedAgent("mine", folder / "script.toml")


def _acp(body: str, folder: Path) -> Agent:
    return AcpAgent("mine", _program(ACP_WORDS, body, folder), folder, UNKNOWN)


def _stream(which: str, prelude: str) -> Callable[[str, Path], Agent]:
    return lambda body, folder: make_stream_agent(which, f"{prelude}\n{body}", folder, patience=0.3)


ALL = frozenset({"cost_usd", "input_tokens", "output_tokens", "turns"})
KITS = [
    Kit("command", _command, ALL, knows=frozenset({"session", "limited"})),
    Kit("scripted", _scripted, ALL, knows=frozenset({"session", "limited"})),
    Kit(
        "claude",
        _stream("claude", CLAUDE),
        ALL,
        stops_at=frozenset({"max-tokens", "max-turns"}),
        knows=frozenset({"session", "limited", "rejected", "stream"}),
    ),
    Kit(
        "codex",
        _stream("codex", CODEX),
        ALL - {"cost_usd"},
        stops_at=frozenset({"max-turns"}),
        knows=frozenset({"session", "limited", "rejected", "stream"}),
    ),
    Kit(
        "pi",
        _stream("pi", PI),
        ALL,
        stops_at=frozenset({"max-usd", "max-tokens", "max-turns"}),
        knows=frozenset({"session", "limited", "rejected", "stream"}),
    ),
    Kit(
        "acp",
        _acp,
        ALL,
        stops_at=frozenset({"max-usd", "max-tokens", "max-turns"}),
        knows=frozenset({"session", "limited", "rejected", "stream"}),
    ),
]
