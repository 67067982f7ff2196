"""The ACP adapter with small real programs as agents: the conversation, and what it comes to."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from agents.acp_program import converse, make_acp_agent, make_brief

from superteam.agents import make_agent
from superteam.agents.acp_presets import PRESETS, Preset
from superteam.core.settings import Rates, Settings
from superteam.errors import AgentUnavailable
from superteam.ports import Limits


def heard(tmp_path: Path, method: str) -> list[Any]:
    """The parameters of what the agent was sent with this method."""
    lines = (tmp_path / "tree" / "heard.jsonl").read_text().splitlines()
    return [message["params"] for line in lines if (message := json.loads(line)).get("method") == method]


def test_a_dispatch_reports_what_was_said_and_what_it_cost(tmp_path: Path) -> None:
    body = """
prompt = prompted()
say("First I "); say("look."); tool(); write("a.txt", "a"); say("All done."); usage(1200, 0.25)
done(prompt, usage={"totalTokens": 1300, "inputTokens": 100, "outputTokens": 200, "cachedReadTokens": 1000})
"""
    shown: list[bytes] = []
    found = converse(body, tmp_path, on_output=shown.append)
    assert (found.ended, found.summary, found.detail, found.exit_code) == ("done", "All done.", "", 0)
    assert (found.cost_usd, found.input_tokens, found.output_tokens, found.turns) == (0.25, 1100, 200, 2)
    assert found.session == "s1@0.25"
    assert (tmp_path / "tree" / "a.txt").read_text() == "a"
    assert b"".join(shown) == b"First I look.\ntool: a tool\nAll done.\n"


def test_the_prompt_arrives_whole_and_we_say_that_we_have_no_file_system(tmp_path: Path) -> None:
    prompt = "ü" * 500_000
    assert converse("done(prompted())", tmp_path, prompt=prompt).ended == "done"
    assert heard(tmp_path, "session/prompt") == [{"sessionId": "s1", "prompt": [{"type": "text", "text": prompt}]}]
    assert heard(tmp_path, "initialize")[0]["clientCapabilities"] == {
        "fs": {"readTextFile": False, "writeTextFile": False},
        "terminal": False,
    }
    assert heard(tmp_path, "session/new") == [{"cwd": str(tmp_path / "tree"), "mcpServers": []}]


def test_what_an_agent_does_not_tell_is_unknown(tmp_path: Path) -> None:
    found = converse("done(prompted())", tmp_path)
    assert (found.cost_usd, found.input_tokens, found.output_tokens, found.turns) == (None, None, None, None)


def test_rates_make_a_cost_of_tokens(tmp_path: Path) -> None:
    body = 'done(prompted(), usage={"totalTokens": 3000000, "inputTokens": 2000000, "outputTokens": 1000000})'
    assert converse(body, tmp_path, rates=Rates(input=1, output=3)).cost_usd == 5


def test_a_cost_in_another_currency_is_unknown(tmp_path: Path) -> None:
    body = 'p = prompted(); update("usage_update", used=1, size=2, cost={"amount": 9, "currency": "EUR"}); done(p)'
    assert converse(body, tmp_path).cost_usd is None


def test_the_whole_environment_is_passed_and_secrets_are_not_kept(tmp_path: Path) -> None:
    body = """
prompt = prompted()
say(os.environ["MY_TOKEN"] + " " + os.environ["SUPERTEAM_TASK_ID"]); done(prompt)
"""
    shown: list[bytes] = []
    found = converse(body, tmp_path, on_output=shown.append)
    assert found.summary == "[redacted] 3"
    assert shown == [b"[redacted] 3\n"]
    assert b"open-sesame" not in (tmp_path / "run" / "output").read_bytes()


@pytest.mark.parametrize("reason", ["max_tokens", "max_turn_requests", "refusal", "cancelled", "brand_new", 7])
def test_only_the_end_of_the_turn_is_done(tmp_path: Path, reason: object) -> None:
    found = converse(f"done(prompted(), {reason!r})", tmp_path)
    assert (found.ended, found.session) == ("failed", None)
    assert str(reason) in found.detail or "does not say why" in found.detail


def test_the_result_file_is_read(tmp_path: Path) -> None:
    body = """
prompt = prompted()
write(os.environ["SUPERTEAM_RESULT"], json.dumps({"summary": "s", "claims": ["c"], "question": "Which?"}))
done(prompt)
"""
    found = converse(body, tmp_path)
    assert (found.summary, found.claims, found.question) == ("s", ("c",), "Which?")


def test_a_reviewer_gives_its_verdict_in_a_message(tmp_path: Path) -> None:
    body = """
prompt = prompted()
say('```superteam-json\\n{"passed": false, "findings": [{"severity": "critical", "issue": "x"}]}\\n```')
tool(); say("Bye."); done(prompt)
"""
    found = converse(body, tmp_path, role="review", review_role="spec")
    assert found.ended == "done" and found.review is not None and not found.review.passed
    assert converse("done(prompted())", tmp_path, role="review", review_role="spec").ended == "unreadable"


# Sessions

RESUMES = """
hello(sessionCapabilities={"resume": {}})
resumed = until("session/resume")
"""
LOADS = """
hello(loadSession=True)
resumed = until("session/load")
say("from long ago"); usage(10, 3.0); tool("old")
"""


@pytest.mark.parametrize("how", [RESUMES, LOADS])
def test_a_session_is_continued_and_only_what_is_new_is_reported(tmp_path: Path, how: str) -> None:
    body = how + 'answer(resumed); p = until("session/prompt"); usage(10, 3.5); say("new"); done(p)'
    found = converse(body, tmp_path, session="s1@3")
    assert (found.ended, found.cost_usd, found.turns, found.summary, found.session) == ("done", 0.5, 1, "new", "s1@3.5")
    assert heard(tmp_path, "session/new") == []


def test_an_agent_that_begins_to_count_anew_is_believed_to(tmp_path: Path) -> None:
    body = RESUMES + 'answer(resumed); p = until("session/prompt"); usage(10, 3.5); done(p)'
    assert converse(body, tmp_path, preset=Preset(carries_cost=False), session="s1@3").cost_usd == 3.5


def test_a_session_that_is_gone_is_begun_anew(tmp_path: Path) -> None:
    body = RESUMES + 'fail(resumed, -32602, "gone"); answer(until("session/new"), sessionId="s1")\n'
    found = converse(body + 'p = until("session/prompt"); usage(1, 0.5); done(p)', tmp_path, session="old@3")
    assert (found.ended, found.cost_usd, found.session) == ("done", 0.5, "s1@0.5")
    assert "the session old could not be continued" in found.detail


def test_an_agent_that_cannot_continue_gets_a_new_session(tmp_path: Path) -> None:
    assert converse("done(prompted())", tmp_path, session="old@3").session == "s1@0"


def test_what_is_told_of_other_sessions_is_not_this_agents(tmp_path: Path) -> None:
    body = 'p = prompted(); say("mine"); say("theirs", session="s2"); usage(9, 9.0, session="s2"); done(p)'
    found = converse(body, tmp_path, limits=Limits(usd=1))
    assert (found.ended, found.summary, found.cost_usd) == ("done", "mine", None)


# Choices

OPTIONS = """[
 {"id": "m", "category": "model", "type": "select", "currentValue": "a",
  "options": [{"value": "a"}, {"group": "g", "options": [{"value": "b"}]}]},
 {"id": "effort", "category": "thought_level", "type": "select", "options": [{"value": "low"}]}]"""


def test_model_and_effort_are_set_by_the_sessions_options(tmp_path: Path) -> None:
    body = f"""
options = {OPTIONS}
opened(configOptions=options)
answer(until("session/set_config_option"), configOptions=options)
answer(until("session/set_config_option"), configOptions=options)
done(until("session/prompt"))
"""
    assert converse(body, tmp_path, model="b", effort="low").ended == "done"
    assert heard(tmp_path, "session/set_config_option") == [
        {"sessionId": "s1", "configId": "m", "value": "b"},
        {"sessionId": "s1", "configId": "effort", "value": "low"},
    ]


def test_a_model_is_set_the_older_way_too(tmp_path: Path) -> None:
    body = """
opened(models={"availableModels": [], "currentModelId": "a"})
answer(until("session/set_model")); done(until("session/prompt"))
"""
    assert converse(body, tmp_path, model="b").ended == "done"
    assert heard(tmp_path, "session/set_model") == [{"sessionId": "s1", "modelId": "b"}]


def test_a_model_that_is_not_taken_is_an_error_with_those_that_are(tmp_path: Path) -> None:
    body = f'opened(configOptions={OPTIONS}); fail(until("session/set_config_option"), -32602, "no such"); read()'
    found = converse(body, tmp_path, model="z")
    assert (found.ended, found.detail) == ("failed", "the agent does not take the model 'z': no such; it offers: a, b")


@pytest.mark.parametrize("what", ["model", "effort"])
def test_what_cannot_be_chosen_is_an_error(tmp_path: Path, what: str) -> None:
    found = converse("opened(); read()", tmp_path, **{what: "b"})
    assert found.ended == "failed" and f"lets nobody choose its {what}" in found.detail


def test_a_mode_of_the_preset_is_set_unless_it_is(tmp_path: Path) -> None:
    modes = '{"currentModeId": %r, "availableModes": [{"id": "read-only"}, {"id": "auto"}, {"id": "full"}]}'
    body = f'opened(modes={modes % "read-only"}); answer(until("session/set_mode")); done(until("session/prompt"))'
    assert converse(body, tmp_path, preset=Preset(modes=("write", "auto"))).ended == "done"
    assert heard(tmp_path, "session/set_mode") == [{"sessionId": "s1", "modeId": "auto"}]
    body = f"done(prompted(modes={modes % 'auto'}))"
    assert converse(body, tmp_path, preset=Preset(modes=("auto",))).ended == "done"


def test_model_and_arguments_are_added_to_the_command_line(tmp_path: Path) -> None:
    body = 'write("args", " ".join(sys.argv[1:])); done(prompted())'
    converse(body, tmp_path, preset=Preset(model=("--model={model}",)), model="m", arguments=("--x", "y z"))
    assert (tmp_path / "tree" / "args").read_text() == "--model=m --x y z"


# Errors


def test_a_missing_login_says_how_to_log_in(tmp_path: Path) -> None:
    body = 'hello(); fail(until("session/new"), -32000, "Authentication required"); read()'
    found = converse(body, tmp_path, preset=Preset(login="`x login`"))
    assert (found.ended, found.resets_at) == ("failed", None)
    assert found.detail.endswith("\nLog in with: `x login`")


def test_a_key_in_the_environment_is_used_for_the_login(tmp_path: Path) -> None:
    body = """
answer(until("initialize"), protocolVersion=1, authMethods=[{"id": "browser", "name": ""}, {"id": "key", "name": ""}])
fail(until("session/new"), -32000, "Authentication required")
answer(until("authenticate"))
answer(until("session/new"), sessionId="s1")
done(until("session/prompt"))
"""
    assert converse(body, tmp_path, preset=Preset(keys={"key": ("MY_TOKEN",)})).ended == "done"
    assert heard(tmp_path, "authenticate") == [{"methodId": "key"}]
    assert converse(body, tmp_path, preset=Preset(keys={"key": ("NO_TOKEN",)})).ended == "failed"


@pytest.mark.parametrize(
    ("error", "resets"),
    [
        ('-32603, "Internal error", {"errorKind": "rate_limit", "resetsAt": 4102444800}', None),  # too far away
        ('-32603, "Rate limit: try again in 20 seconds"', "soon"),
        ('429, "slow down"', None),
        ('-32603, "Internal error", {"message": "x", "codexErrorInfo": "usageLimitExceeded"}', None),
        ('-32603, "Internal error", {"error": {"httpStatusCode": 429}, "retry_after": 7}', "soon"),
    ],
)
def test_a_rate_limit_is_no_failure(tmp_path: Path, error: str, resets: str | None) -> None:
    found = converse(f"fail(prompted(), {error})", tmp_path)
    assert found.ended == "rate-limited", found
    assert (found.resets_at is None) == (resets is None)


def test_the_end_of_a_limit_that_was_told_before_is_reported(tmp_path: Path) -> None:
    limit = '{"_claude/rateLimit": {"status": "rejected", "resetsAt": 1900000000}}'
    body = f'p = prompted(); usage(1, _meta={limit}); fail(p, -32603, "no", {{"errorKind": "rate_limit"}})'
    found = converse(body, tmp_path)
    assert (found.ended, found.resets_at) == ("rate-limited", "2030-03-17T17:46:40Z")


@pytest.mark.parametrize(
    ("error", "login"),
    [('-32603, "Internal error", {"details": "disk full"}', False), ('-32603, "API Error: 401 unauthorized"', True)],
)
def test_other_errors_are_failures_in_the_agents_words(tmp_path: Path, error: str, login: bool) -> None:
    found = converse(f"fail(prompted(), {error})", tmp_path)
    assert found.ended == "failed" and ("disk full" in found.detail or "401" in found.detail)
    assert ("Log in with" in found.detail) == login


@pytest.mark.parametrize("error", ['"a text"', "null", "[]", '{"code": "x", "message": 7}', '{"message": {}}'])
def test_an_error_of_any_shape_is_a_failure(tmp_path: Path, error: str) -> None:
    body = f"""p = prompted(); print('{{"id": %d, "error": {error}}}' % p["id"], flush=True); read()"""
    assert converse(body, tmp_path).ended == "failed"


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_another_version_of_the_protocol_is_refused(tmp_path: Path, version: object) -> None:
    found = converse(f'answer(until("initialize"), protocolVersion={version!r}); read()', tmp_path)
    assert found.ended == "failed" and "not version 1" in found.detail


def test_a_session_without_an_id_is_refused(tmp_path: Path) -> None:
    found = converse('hello(); answer(until("session/new"), sessionId=None); read()', tmp_path)
    assert (found.ended, found.detail) == ("failed", "the agent opened a session without an id")


# Requests of the agent


@pytest.mark.parametrize(
    "request_",
    [
        '"fs/read_text_file", sessionId="s1", path="/etc/passwd"',
        '"fs/write_text_file", sessionId="s1", path="../x", content="x"',
        '"fs/write_text_file", sessionId="s1", path=".git/hooks/pre-commit", content="x"',
        '"terminal/create", sessionId="s1", command="touch", args=["/tmp/x"]',
        '"elicitation/create", message="?"',
        '"_vendor/thing"',
        '"brand/new"',
        '"session/prompt"',
    ],
)
def test_every_other_request_is_answered_with_method_not_found(tmp_path: Path, request_: str) -> None:
    body = f'p = prompted(); said = ask({request_}); say(str(said["error"]["code"])); done(p)'
    found = converse(body, tmp_path)
    assert (found.ended, found.summary) == ("done", "-32601")
    assert sorted(path.name for path in (tmp_path / "tree").iterdir()) == ["heard.jsonl"]


ASK = """
kinds = {"always": "allow_always", "once": "allow_once", "no": "reject_once"}
OPTIONS = [{"optionId": name, "kind": kind, "name": "x"} for name, kind in kinds.items()]
def permit(**call):
    said = ask("session/request_permission", sessionId="s1", options=OPTIONS, toolCall={"toolCallId": "t1", **call})
    return said["result"]["outcome"].get("optionId", said["result"]["outcome"]["outcome"])
prompt = prompted()
"""


@pytest.mark.parametrize(
    ("call", "answers"),
    [
        ('kind="edit", locations=[{"path": "a.txt"}]', "once no"),
        ('kind="edit", content=[{"type": "diff", "path": "../b", "newText": ""}]', "no no"),
        ('kind="edit", rawInput={"file_path": "link/x"}', "no no"),
        ('kind="edit", locations=[{"path": ".git/config"}]', "no no"),
        ('kind="edit", locations=[{"path": os.environ["SUPERTEAM_RESULT"]}]', "once once"),
        ('kind="edit", rawInput={"path": "file:///etc/passwd"}', "no no"),
        ('kind="edit", rawInput={"path": "~/.bashrc"}', "no no"),
        ('kind="delete", locations=[{"path": "/etc/passwd"}]', "no no"),
        ('kind="move", locations=[{"path": "a"}, {"path": "/b"}]', "no no"),
        ('kind="execute", rawInput={"command": "make"}', "once once"),
        ('kind="execute", rawInput={"command": "make", "cwd": "/"}', "no no"),
        ('kind="read", locations=[{"path": os.getcwd() + "/a"}]', "once once"),
        ('kind="read", rawInput={"path": "/root/.ssh/id"}', "no no"),
        ('kind="fetch", rawInput={"url": "http://x"}', "once once"),
        ('kind="think"', "once once"),
        ('kind="switch_mode"', "once once"),
        ('kind="other", rawInput={"path": "a"}', "once no"),
        ('kind="other"', "no no"),
        ("kind=7, locations=8, rawInput=9, content=10", "no no"),
    ],
)
def test_permission_is_given_by_kind_and_path(tmp_path: Path, call: str, answers: str) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to("/etc")
    body = f"{ASK}\nsay(permit({call})); done(prompt)"
    implementer = converse(body, tmp_path)
    body = f'{ASK}\nwrite("said", permit({call})); done(prompt)'
    reviewer = converse(body, tmp_path, role="review")
    assert [implementer.summary, (tmp_path / "tree" / "said").read_text()] == answers.split()
    assert [bool(implementer.denied), bool(reviewer.denied)] == [answer == "no" for answer in answers.split()]


def test_what_was_told_of_a_tool_before_counts_when_it_asks(tmp_path: Path) -> None:
    call = 'update("tool_call", toolCallId="t1", title="Write it", kind="edit", locations=[{"path": "/etc/x"}])'
    found = converse(f"{ASK}\n{call}\nsay(permit()); done(prompt)", tmp_path)
    assert (found.summary, found.denied) == ("no", ("Write it: /etc/x is outside of the tree",))
    assert found.detail == "the agent was not allowed: Write it: /etc/x is outside of the tree"


def test_the_kind_that_was_told_before_counts_when_it_asks(tmp_path: Path) -> None:
    call = 'update("tool_call", toolCallId="t1", title="make", kind="execute")'
    assert converse(f"{ASK}\n{call}\nsay(permit()); done(prompt)", tmp_path).summary == "once"


def test_where_no_answer_fits_the_request_is_cancelled(tmp_path: Path) -> None:
    body = f"{ASK}\nOPTIONS[:] = [1, {{'kind': 'other', 'optionId': 'x'}}]\nsay(permit(kind='think')); done(prompt)"
    found = converse(body, tmp_path)
    assert (found.summary, found.denied) == ("cancelled", ("think: it offers no answer that fits",))


# Junk


def test_junk_is_skipped_and_nothing_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    body = r"""
junk = ["hello", "{", "[1]", "7", "null", "{}", '{"id": [], "method": "x"}', '{"id": {}, "result": 1}', '{"method": 7}',
        '{"id": true, "method": "x"}', '{"id": 99, "result": {}}', '{"id": null}', '{"id": null, "method": "x"}',
        '{"method": "session/update"}', '{"method": "session/update", "params": [1]}', '{"method": "session/cancel"}',
        '{"method": "session/request_permission", "id": 5}', '{"method": "_x"}',
        "[" * 100000, '{"a":' * 10000, "\x00"]
def spill():
    for line in junk:
        print(line, flush=True)
    sys.stdout.buffer.write(b"\xff\xfe{\n\r\n"); sys.stdout.buffer.flush()
spill(); hello(); spill()
answer(until("session/new"), sessionId="s1"); spill()
p = until("session/prompt"); spill()
for name in ("usage_update", "tool_call", "tool_call_update", "agent_message_chunk", "brand_new", 7, None):
    for value in (None, 7, [], {}, "x", [[]], [{}], -1, 1e400):
        update(name, used=value, cost=value, content=value, title=value, kind=value, locations=value, rawInput=value,
               toolCallId=value, status=value, messageId=value)
update("tool_call", toolCallId="\ud800", title="\ud800")
say("fine \ud800"); spill(); done(p)
"""
    with caplog.at_level(logging.DEBUG):
        found = converse(body, tmp_path, limits=Limits(usd=5, tokens=50, turns=5000))
    assert (found.ended, found.summary) == ("done", "fine ?"), found
    assert [record for record in caplog.records if record.name != "asyncio"] == []


def test_the_data_of_an_error_can_be_as_deep_as_it_likes(tmp_path: Path) -> None:
    body = """
p = prompted()
for depth in (400, 900, 990):
    print('{"id": %d, "error": {"code": 1, "message": "deep", "data": %s}}' % (p["id"], "[" * depth + "]" * depth))
"""
    found = converse(body, tmp_path)
    assert found.ended == "failed" and "deep" in found.detail


def test_a_line_of_ten_megabytes_and_standard_error_of_a_megabyte_are_taken(tmp_path: Path) -> None:
    body = 'p = prompted(); sys.stderr.write("e" * 2**20); say("x" * 10_000_000); say(" end"); done(p)'
    found = converse(body, tmp_path)
    assert found.ended == "done" and found.summary.startswith("xxx")


# Whether it can be started


def test_a_known_agent_that_is_missing_is_told_with_its_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, preset in (("gemini", "gemini"), ("codex-acp", "codex"), ("pi-acp", "pi"), ("goose", "goose")):
        with pytest.raises(AgentUnavailable) as problem:
            make_agent(name, Settings(), tmp_path).check()
        assert PRESETS[preset].install in str(problem.value.hint)
    (tmp_path / "pi-acp").touch(mode=0o755)
    with pytest.raises(AgentUnavailable, match="needs the program pi,"):
        make_agent("pi-acp", Settings(), tmp_path).check()


def test_an_agent_of_the_users_own_is_found_below_the_repository(tmp_path: Path) -> None:
    settings = Settings.model_validate({"agents": {"mine": {"kind": "acp", "command": ["./agent"]}}})
    with pytest.raises(AgentUnavailable, match="does not exist"):
        make_agent("mine", settings, tmp_path).check()
    (tmp_path / "agent").touch(mode=0o755)
    make_agent("mine", settings, tmp_path).check()


def test_a_known_agent_can_be_started_by_another_command(tmp_path: Path) -> None:
    table = {"kind": "acp", "preset": "gemini", "command": ["./gemini-wrapper", "--acp"]}
    agent = make_agent("mine", Settings.model_validate({"agents": {"mine": table}}), tmp_path)
    with pytest.raises(AgentUnavailable, match="gemini-wrapper"):
        agent.check()
    (tmp_path / "gemini-wrapper").touch(mode=0o755)
    agent.check()


def test_a_program_that_cannot_be_started_is_a_failure(tmp_path: Path) -> None:
    import anyio

    agent = make_acp_agent("", tmp_path)
    missing = type(agent)("mine", (str(tmp_path / "none"),), tmp_path)
    found = anyio.run(missing.work, make_brief(tmp_path))
    assert found.ended == "failed" and "could not be started" in found.detail
