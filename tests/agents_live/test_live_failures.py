"""What goes wrong with real agents and their providers is told, costs no second attempt, and leaves nothing behind."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from live_agents import KEY, PROGRAMS, shell, write
from live_run import Live
from model_server import DONE, Call, Cut, Fail, Garbage, Hang, Say, Step

pytestmark = pytest.mark.agents
Make = Callable[[str], Live]
TASK = {"id": "1", "title": "Add a file"}
EDIT = "one = 1\n"
ALL = [*PROGRAMS]


def failed(here: Live, *steps: Step, code: int = 4) -> dict[str, object]:
    """Runs one task with these answers; its only failure."""
    here.model.script = {"Add a file": steps}
    done = here.execute()
    assert done.code == code, f"exit {done.code}\n{done.out}\n{done.err}"
    (task,) = here.repo.status()["tasks"]
    (failure,) = task["failures"]
    assert task["attempts"] <= 1
    return failure


@pytest.mark.parametrize("agent", ALL)
def test_a_rejected_key_is_a_crash_that_says_so(live: Make, agent: str) -> None:
    here = live(agent)
    here.given(TASK)
    failure = failed(here, Fail(401, "authentication_error", "invalid x-api-key"))
    assert failure["type"] == "impl-crash"
    assert agent == "pi-acp" or "log in" in str(failure["message"]).lower()


@pytest.mark.parametrize("agent", ALL)
def test_errors_of_the_server_are_a_crash_that_says_so(live: Make, agent: str) -> None:
    here = live(agent)
    here.given(TASK)
    failure = failed(here, Fail(500, "api_error", "Internal server error"))
    assert failure["type"] == "impl-crash"
    assert agent == "pi-acp" or re.search("500|high demand", str(failure["message"]))


@pytest.mark.parametrize("agent", ALL)
def test_garbage_instead_of_an_answer_is_a_crash(live: Make, agent: str) -> None:
    here = live(agent)
    here.given(TASK)
    assert failed(here, Garbage())["type"] == "impl-crash"


@pytest.mark.parametrize("agent", ALL)
def test_an_answer_that_is_cut_is_a_crash(live: Make, agent: str) -> None:
    here = live(agent)
    here.given(TASK)
    assert failed(here, *[Cut(Say("I write it.", (write(agent, "one.py", EDIT),)))] * 5)["type"] == "impl-crash"


@pytest.mark.parametrize("agent", ALL)
def test_a_model_that_never_answers_is_a_time_out_by_silence(live: Make, agent: str) -> None:
    here = live(agent)
    here.given(TASK, idle_timeout="15s" if agent == "pi-acp" else "5s")  # it takes seconds to begin
    assert failed(here, Hang())["type"] == "tool-timeout"
    assert here.model.hanging.is_set()


@pytest.mark.parametrize("agent", ALL)
def test_a_shell_tool_in_a_session_of_its_own_is_gone_after_a_time_out(live: Make, agent: str) -> None:
    here = live(agent)
    here.given(TASK, timeout="25s" if agent == "pi-acp" else "10s")
    strays = 'touch "$TMPDIR/began"; setsid sleep 300 & sleep 300'
    failure = failed(here, Say("I wait.", (shell(agent, strays),)))
    assert failure["type"] == "tool-timeout"
    assert (here.home / "tmp" / "began").exists()


@pytest.mark.parametrize("agent", ["claude", "claude-acp"])
def test_a_tool_that_is_denied_is_told(live: Make, agent: str) -> None:
    here = live(agent)
    here.given(TASK)
    outside = here.repo.root.parent / "outside.txt"
    failure = failed(here, Say("I write it.", (Call("Write", {"file_path": str(outside), "content": "x"}),)))
    assert failure["type"] == "impl-crash"
    assert "outside.txt" in str(failure["message"])
    assert not outside.exists()


def test_codex_that_may_only_read_ends_well_and_is_no_pass(live: Make) -> None:
    here = live("codex")
    here.given(TASK, arguments=["--sandbox", "read-only"])
    failure = failed(here, Say("I write it.", (shell("codex", "echo x > one.py"),)), Say("All tests pass."))
    assert failure["message"] == "the agent ended well but changed nothing"


SOON = int(time.time()) + 3600
PLAN = {"status": "rejected", "reset": str(SOON), "representative-claim": "five_hour", "5h-reset": str(SOON)}
HEADERS = {f"anthropic-ratelimit-unified-{name}": value for name, value in PLAN.items()}
LIMITS = {
    "claude": Fail(429, "rate_limit_error", "This request would exceed your account's rate limit", HEADERS),
    "codex": Fail(429, "usage_limit_reached", "The usage limit has been reached", more={"resets_at": SOON}),
    "pi": Fail(429, "rate_limit_exceeded", "Rate limit reached for requests"),
}


@pytest.mark.parametrize("agent", [name for name in ALL if name != "pi-acp"])  # which does not tell of it
def test_a_rate_limit_is_no_attempt_and_ends_with_75(live: Make, agent: str) -> None:
    here = live(agent)
    here.given(TASK)
    if agent.startswith("claude"):  # only those with a subscription are told the time
        del here.repo.env["ANTHROPIC_API_KEY"]
        here.repo.env["CLAUDE_CODE_OAUTH_TOKEN"] = KEY
    here.model.script = {"Add a file": [LIMITS[agent.removesuffix("-acp")]]}

    done = here.execute()

    assert done.code == 75, done.out + done.err
    assert "superteam resume" in done.out
    assert here.repo.status()["tasks"][0]["attempts"] == 0

    here.model.script = {"Add a file": [Say("I write it.", (write(agent, "one.py", EDIT),)), DONE]}
    done = here.repo.superteam("resume", timeout=150)
    assert done.code == 0, done.out + done.err
    assert here.repo.status()["tasks"][0]["attempts"] == 1
