"""The ACP adapter and its program: limits, time-outs, programs that die, hang or leave something behind."""

from __future__ import annotations

import json
import logging
import os
import uuid
from pathlib import Path

import anyio
import pytest
from agents.acp_program import converse, make_acp_agent, make_brief

from superteam import process
from superteam.ports import AgentReport, Limits

HANGS = "prompted(); say('I think.'); tool()\n"
HEEDS = "p = until_cancel(); say('too late'); usage(5, 9.0); done(p, 'end_turn')\n"
CANCEL = """
def until_cancel():
    prompt = prompted(); say("begun"); sys.stdout.flush()
    until("session/cancel"); write("cancelled", "")
    return prompt
"""


def cancelled(tmp_path: Path) -> bool:
    return (tmp_path / "tree" / "cancelled").exists()


def test_an_agent_that_never_answers_is_ended_as_idle(tmp_path: Path) -> None:
    found = converse("read(); time.sleep(60)", tmp_path, idle_timeout=0.3)
    assert (found.ended, found.detail) == ("idle", "the agent sent nothing for 0.3 s and was ended")


def test_standard_error_alone_is_no_message(tmp_path: Path) -> None:
    body = HANGS + "while True: print('retry', file=sys.stderr, flush=True); time.sleep(0.05)"
    found = converse(body, tmp_path, idle_timeout=1.0)
    assert (found.ended, found.summary, found.session) == ("idle", "", None)


@pytest.mark.parametrize(
    ("limits", "timeout", "ended", "limit"),
    [
        (Limits(), 2.0, "timed-out", ""),
        (Limits(time=2.0), 60.0, "over-budget", "max-time"),
        (Limits(time=60.0), 2.0, "timed-out", ""),
    ],
)
def test_at_a_time_out_the_prompt_is_cancelled_and_the_answer_to_that_is_nothing(
    tmp_path: Path, limits: Limits, timeout: float, ended: str, limit: str
) -> None:
    found = converse(CANCEL + HEEDS, tmp_path, timeout=timeout, limits=limits)
    assert (found.ended, found.limit, found.summary, found.session) == (ended, limit, "", None)
    assert found.cost_usd == 9.0  # what it has cost is counted all the same
    assert cancelled(tmp_path)


def test_an_agent_that_heeds_neither_cancel_nor_signal_is_killed(tmp_path: Path) -> None:
    body = CANCEL + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nuntil_cancel()\nwhile True: time.sleep(1)"
    found = converse(body, tmp_path, timeout=2.0)
    assert (found.ended, found.exit_code) == ("timed-out", None)
    assert cancelled(tmp_path)


@pytest.mark.parametrize(
    ("step", "limits", "limit"),
    [
        ("usage(100, 0.6)", Limits(usd=0.5), "max-usd"),
        ("usage(50); say(''); usage(60); tool(); usage(30); say(''); usage(41)", Limits(tokens=100), "max-tokens"),
        ("tool(); say('again'); tool(); say('and again')", Limits(turns=2), "max-turns"),
    ],
)
def test_a_limit_that_is_passed_stops_the_dispatch_in_the_middle(
    tmp_path: Path, step: str, limits: Limits, limit: str
) -> None:
    body = f"p = prompted(); {step}; until('session/cancel'); say('no'); done(p, 'cancelled')"
    found = converse(body, tmp_path, limits=limits)
    assert (found.ended, found.limit, found.summary) == ("over-budget", limit, "")
    assert found.input_tokens == {"max-usd": 100, "max-tokens": 101}.get(limit)  # where no sum is told
    assert found.detail == f"the agent was stopped: it passed {limit}"


def test_limits_that_are_reached_and_not_passed_stop_nothing(tmp_path: Path) -> None:
    body = "p = prompted(); usage(100, 0.5); tool(); say('again'); until('x')"
    found = converse(body, tmp_path, limits=Limits(usd=0.5, tokens=100, turns=2), idle_timeout=0.5)
    assert found.ended == "idle"


def test_a_limit_that_the_last_word_passes_does_not_undo_the_answer(tmp_path: Path) -> None:
    found = converse("p = prompted(); say('Done.'); usage(100, 0.6); done(p)", tmp_path, limits=Limits(usd=0.5))
    assert (found.ended, found.summary, found.cost_usd, found.limit) == ("done", "Done.", 0.6, "")


def test_permission_is_no_more_given_after_the_cancel(tmp_path: Path) -> None:
    body = """
options = [{"optionId": "yes", "kind": "allow_once", "name": ""}]
prompted(); say("I begin."); until("session/cancel")
said = ask("session/request_permission", sessionId="s1", options=options, toolCall={"toolCallId": "t", "kind": "think"})
write("said", said["result"]["outcome"]["outcome"]); time.sleep(60)
"""
    assert converse(body, tmp_path, limits=Limits(turns=0), grace=2.0).ended == "over-budget"
    assert (tmp_path / "tree" / "said").read_text() == "cancelled"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("prompted(); print('lost the thread', file=sys.stderr); sys.exit(3)", "ended with exit code 3; it said last"),
        ("prompted(); os.kill(os.getpid(), 9)", "was killed by SIGKILL"),
        ("prompted(); print('bye', file=sys.stderr)", "ended before it answered; it said last:\nbye"),
        ("sys.exit(0)", "ended before it answered"),
        ("hello(); sys.exit(1)", "ended with exit code 1"),
        ("import nothing_of_that_name", "nothing_of_that_name"),
    ],
)
def test_a_program_that_dies_before_its_answer_has_failed(tmp_path: Path, body: str, detail: str) -> None:
    found = converse(body, tmp_path)
    assert found.ended == "failed" and detail in found.detail, found


def test_an_answer_counts_even_if_its_line_has_no_end(tmp_path: Path) -> None:
    body = """
p = prompted()
sys.stdout.write(json.dumps({"id": p["id"], "result": {"stopReason": "end_turn"}}))
"""
    assert converse(body, tmp_path).ended == "done"


def test_an_agent_that_does_not_end_after_its_answer_is_ended_and_done(tmp_path: Path) -> None:
    found = converse("p = prompted(); say('Done.'); done(p); time.sleep(60)", tmp_path)
    assert (found.ended, found.summary, found.exit_code, found.detail) == ("done", "Done.", None, "")


def test_what_is_said_after_the_answer_is_heard(tmp_path: Path) -> None:
    body = "p = prompted(); done(p); say('Late.'); usage(5, 0.5)"
    found = converse(body, tmp_path)
    assert (found.ended, found.summary, found.cost_usd) == ("done", "Late.", 0.5)


def test_a_request_after_we_hung_up_does_no_harm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    body = "p = prompted(); done(p); sys.stdin.read(); send({'id': 9, 'method': 'brand/new'}); say('Bye.')"
    with caplog.at_level(logging.DEBUG):
        found = converse(body, tmp_path, grace=20.0)
    assert (found.ended, found.summary) == ("done", "Bye.")
    assert [record for record in caplog.records if record.name != "asyncio"] == []


def test_an_agent_that_reads_nothing_more_does_not_block_us(tmp_path: Path) -> None:
    body = """
prompted()
for number in range(20000):
    send({"id": number, "method": "brand/new", "params": {"pad": "x" * 200}})
time.sleep(60)
"""
    assert converse(body, tmp_path, idle_timeout=1.0).ended == "idle"


@pytest.mark.parametrize("ending", ["done(p)", "time.sleep(60)"])
def test_what_an_agent_started_is_ended_with_it(tmp_path: Path, ending: str) -> None:
    mark = f"OUR_MARK={uuid.uuid4().hex}"
    name, _, value = mark.partition("=")
    body = f"""
p = prompted()
for session in (False, True):
    subprocess.Popen(["sleep", "60"], start_new_session=session, stdin=subprocess.DEVNULL)
{ending}
"""
    env = {"PATH": os.environ["PATH"], name: value}
    found = converse(body, tmp_path, env=env, idle_timeout=1.0)
    assert found.ended == ("done" if "done" in ending else "idle")
    assert process.marked_processes(mark) == []


def test_cancelling_the_dispatch_ends_the_program(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mark = f"OUR_MARK={uuid.uuid4().hex}"
    name, _, value = mark.partition("=")
    agent = make_acp_agent("prompted(); write('begun', ''); time.sleep(60)", tmp_path)

    async def work() -> None:
        brief = make_brief(tmp_path, env={"PATH": os.environ["PATH"], name: value})
        async with anyio.create_task_group() as group:
            group.start_soon(agent.work, brief)
            while not (brief.tree / "begun").exists():
                await anyio.sleep(0.01)
            group.cancel_scope.cancel()

    with caplog.at_level(logging.DEBUG):
        anyio.run(work)
    assert process.marked_processes(mark) == []
    assert [record for record in caplog.records if record.name != "asyncio"] == []


def test_dispatches_side_by_side_do_not_mix(tmp_path: Path) -> None:
    found: dict[str, AgentReport] = {}

    async def one(name: str) -> None:
        (tmp_path / name).mkdir()
        agent = make_acp_agent(f"p = prompted(); say({name!r}); done(p)", tmp_path / name)
        found[name] = await agent.work(make_brief(tmp_path / name))

    async def both() -> None:
        async with anyio.create_task_group() as group:
            for name in ("one", "two", "three"):
                group.start_soon(one, name)

    anyio.run(both)
    assert {name: report.summary for name, report in found.items()} == {name: name for name in found}
    assert len(found) == 3


def test_the_log_keeps_what_the_agent_sent(tmp_path: Path) -> None:
    converse("p = prompted(); say('Done.'); print('on stderr', file=sys.stderr); done(p)", tmp_path)
    lines = (tmp_path / "run" / "output").read_text().splitlines()
    assert "on stderr" in lines
    methods = [json.loads(line).get("method") for line in lines if line.startswith("{")]
    assert methods == [None, None, "session/update", None]


THREAD = 'update("session_info_update", _meta={"codex": {"threadStatus": {"type": STATUS}}})\n'


@pytest.mark.parametrize(("last", "ended"), [("systemError", "failed"), ("active", "done")])
def test_codex_tells_of_an_error_in_its_thread_and_ends_its_turn_like_any_other(
    tmp_path: Path, last: str, ended: str
) -> None:
    told = THREAD.replace("STATUS", "'systemError'") + THREAD.replace("STATUS", repr(last))
    found = converse(f"p = prompted()\n{told}say('high demand'); done(p)", tmp_path)
    assert (found.ended, "high demand" in found.detail) == (ended, ended == "failed")
