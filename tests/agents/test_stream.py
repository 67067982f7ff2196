"""What claude, codex and pi share: lines, the fold over hostile events, sessions, and when a program is stopped."""

from __future__ import annotations

import itertools
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from agents.stream_program import DIALECTS, RECORDED, make_stream_agent, stream
from hypothesis import given
from hypothesis import strategies as st

from superteam.agents import make_agent
from superteam.agents.heard import Heard, Session, exceeded, own, priced, session_of, session_text
from superteam.agents.stream import Lines, event_of
from superteam.core.settings import AgentDefinition, Rates, Settings
from superteam.errors import AgentUnavailable
from superteam.ports import Limits

NOW = datetime(2026, 11, 21, 15, 0, 0, tzinfo=UTC)
WHICH = pytest.mark.parametrize("which", DIALECTS)

# Lines


@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"\n", b"\r\n", b"a\n\nb"])))
def test_chunks_make_the_lines_of_the_whole(chunks: list[bytes]) -> None:
    lines = Lines()
    found = [line for chunk in chunks for line in lines.split(chunk)]
    assert [*found, lines.rest()] == b"".join(chunks).split(b"\n")


def test_a_line_that_is_too_long_is_dropped_and_counted_and_the_next_is_read() -> None:
    lines = Lines(limit=10)
    found = [line for chunk in (b"12345678", b"901\n1234567890\nok", b"\n") for line in lines.split(chunk)]
    assert (found, lines.dropped) == ([b"", b"1234567890", b"ok"], 1)


def test_a_long_line_in_small_chunks_takes_linear_time() -> None:
    lines = Lines()
    began = time.process_time()
    for _ in range(200_000):
        list(lines.split(b"x" * 200))
    assert len(lines.rest()) == 40_000_000
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "line", [b"", b"1", b"[{}]", b'"{}"', b"{", b"{]}", b'{"a":' * 100_000, b'{"a": ' + b"9" * 10_000 + b"}", b"\xff{}"]
)
def test_what_is_no_object_is_no_event(line: bytes) -> None:
    assert event_of(line) is None


# The fold: every field may be missing or of any type

NASTY = [
    None, True, -1, 0, 7, 10**30, 1e308, float("nan"), float("-inf"), "", "x", "\ud800", "a\nb\n", "401",
    "429 try again in 5s",
    [], {}, [[]], [{}], {"type": []}, [{"type": "text", "text": []}], "error", "assistant",
]  # fmt: skip
MORE = [
    {"type": "system", "subtype": "api_retry", "error_status": 429, "error": "x", "retry_delay_ms": 9},
    {"type": "item.completed", "item": {"type": "file_change", "changes": [{"path": "a"}], "status": "declined"}},
    {"type": "auto_retry_start", "delayMs": 100_000, "errorMessage": "429"},
]


def pool(which: str) -> list[dict[str, Any]]:
    """The kinds of events of this agent's recordings, one of each, and some that were not recorded."""
    lines = {line for path in sorted((RECORDED / which).glob("*.jsonl")) for line in path.read_bytes().splitlines()}
    events = [event for line in sorted(lines, key=lambda line: (len(line), line)) if (event := event_of(line))]
    kinds = {
        (event.get("type"), event.get("subtype"), str(event.get("item"))[:60], str(event.get("message"))[:20]): event
        for event in reversed(events)
    }
    return [*MORE, *(event for event in kinds.values() if event.get("subtype") != "init")]


def spoil(value: Any, place: int, nasty: Any) -> tuple[Any, int]:
    """The value with its part of this number, counted in depth, replaced; and how many parts are still to pass."""
    if place == 0:
        return nasty, -1
    place -= 1
    if isinstance(value, dict | list):
        pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
        for key, part in pairs:
            if place < 0:
                break
            new, place = spoil(part, place, nasty)
            value = {**value, key: new} if isinstance(value, dict) else [*value[:key], new, *value[key + 1 :]]
    return value, place


@WHICH
def test_any_spoilt_event_is_read_and_leaves_what_makes_sense(which: str) -> None:
    dialect = DIALECTS[which]
    for event, nasty in itertools.product(pool(which), NASTY):
        for place in itertools.count(1):
            spoilt, left = spoil(event, place, nasty)
            if left >= 0:
                break
            heard = dialect.read(dialect.read(Heard(), spoilt, NOW), event, NOW)
            figures = (heard.input_tokens, heard.cached_tokens, heard.output_tokens, heard.cost_usd, heard.total_usd)
            assert all(figure is None or 0 <= figure < 2**60 for figure in figures)
            for said in (heard.message, heard.problem, heard.session, heard.resets_at or "", *heard.denied):
                said.encode()  # nothing that a file could not hold
            for line in dialect.shown(spoilt):
                assert len(line) < 1_000


@WHICH
@given(st.lists(st.dictionaries(st.sampled_from(["type", "message", "item", "usage"]), st.text() | st.none())))
def test_any_object_is_an_event(which: str, events: list[dict[str, Any]]) -> None:
    heard = Heard()
    for event in events:
        heard = DIALECTS[which].read(heard, event, NOW)
        list(DIALECTS[which].shown(event))
    written = session_text(heard, DIALECTS[which].carried)
    read = session_of(written)
    assert (read.id if read else "") == (heard.session if written else "")


@WHICH
def test_many_events_take_linear_time(which: str) -> None:
    dialect, heard = DIALECTS[which], Heard()
    message = {"role": "assistant", "content": [{"type": "text", "text": "x"}], "usage": {"input": 1}}
    began = time.process_time()
    for number in range(20_000):
        for kind in ("assistant", "message_end"):
            heard = dialect.read(heard, {"type": kind, "message": {**message, "id": f"m{number}"}}, NOW)
        item = {"type": "command_execution", "status": "declined", "command": "x"}
        heard = dialect.read(heard, {"type": "item.completed", "item": item}, NOW)
    assert time.process_time() - began < 5
    assert heard.turns == 20_000


# Figures


@given(
    st.tuples(*[st.integers(0, 10**9)] * 3), st.tuples(*[st.integers(1, 10**9)] * 3), st.sampled_from(["codex", "pi"])
)
def test_a_continued_session_has_the_figures_of_its_own_dispatch(
    before: tuple[int, int, int], more: tuple[int, int, int], which: str
) -> None:
    carried = DIALECTS["codex"].carried
    earlier = Heard(session="s1", input_tokens=before[0], cached_tokens=before[1], output_tokens=before[2])
    session = session_of(session_text(earlier, carried))
    sums = [old + new for old, new in zip(before, more, strict=True)]
    found = own(Heard(input_tokens=sums[0], cached_tokens=sums[1], output_tokens=sums[2]), carried, session, None)
    assert (found.input_tokens, found.cached_tokens, found.output_tokens) == more


def test_an_agent_that_begins_anew_at_zero_is_believed() -> None:
    assert own(Heard(total_usd=0.2), ("total_usd",), Session("s", (0.5,)), None).cost_usd == 0.2
    assert own(Heard(total_usd=0.5), ("total_usd",), Session("s", (0.5,)), None).cost_usd == 0.5
    assert own(Heard(total_usd=0.75), ("total_usd",), Session("s", (0.5,)), None).cost_usd == 0.25


def test_without_rates_tokens_cost_nothing_that_is_known() -> None:
    told = Heard(input_tokens=10, output_tokens=1)
    assert own(told, (), None, None).cost_usd is None
    assert own(Heard(), (), None, Rates(input=1, output=1)).cost_usd is None
    assert own(Heard(cost_usd=2.0, input_tokens=1, output_tokens=1), (), None, Rates(input=1, output=1)).cost_usd == 2


def test_cached_tokens_have_a_price_of_their_own() -> None:
    rates = Rates(input=2, cached_input=0.5, output=10)
    assert priced(rates, 3_000_000, 1_000_000, 1_000_000) == 2 * 2 + 0.5 + 10
    assert priced(Rates(input=2, output=10), 3_000_000, 1_000_000, 0) == 6
    assert priced(rates, 1_000_000, 9_000_000, 0) == 0.5


def test_what_is_unknown_passes_no_maximum() -> None:
    assert exceeded(Heard(), Limits(usd=0.1, tokens=1, turns=1)) == ""
    assert exceeded(Heard(cost_usd=0.2), Limits(usd=0.1)) == "max-usd"


# Sessions


@pytest.mark.parametrize("written", [None, "", "-rf", "--help", "a b", "a/b", "x" * 200, "s1\n", "@1"])
def test_what_could_be_an_option_or_a_path_is_no_session(written: str | None) -> None:
    assert session_of(written) is None
    assert session_text(Heard(session=written or ""), ()) is None


@pytest.mark.parametrize("written", ["s1", "s1@x", "s1@nan", "s1@inf", "s1@-5", "s1@" + "9" * 999])
def test_odd_figures_of_a_session_are_zero(written: str) -> None:
    found = session_of(written)
    assert found is not None and found.id == "s1" and all(figure == 0 for figure in found.figures)


NOT_FOUND = """
if "--resume" in sys.argv or "resume" in sys.argv or "--session" in sys.argv:
    sys.exit("no such session")
Path("started").write_text(sys.stdin.read())
send(type="system", subtype="init", session_id="s2"); send(type="thread.started", thread_id="s2")
send(type="session", id="s2")
send(type="result", result="OK"); send(type="turn.completed"); send(type="agent_end")
"""


@WHICH
def test_a_session_that_is_not_found_is_begun_anew(which: str, tmp_path: Path) -> None:
    found = stream(which, NOT_FOUND, tmp_path, session="s1@1@2@3", prompt="mend it")
    assert (found.ended, (found.session or "").partition("@")[0]) == ("done", "s2")
    assert "the session s1 could not be continued" in found.detail
    assert (tmp_path / "tree" / "started").read_text() == "mend it"


@WHICH
def test_a_program_that_fails_without_a_session_is_not_started_twice(which: str, tmp_path: Path) -> None:
    body = "open('starts', 'a').write('x'); sys.exit('broken')"
    assert stream(which, body, tmp_path).ended == "failed"
    assert (tmp_path / "tree" / "starts").read_text() == "x"


# When it is stopped

FINISHED = {
    "claude": "send(type='system', subtype='init', session_id='s'); send(type='result', result='OK')",
    "codex": "send(type='thread.started', thread_id='s'); send(type='turn.completed')",
    "pi": "send(type='session', id='s'); send(type='agent_end')",
}
RETRIES = {
    "claude": "send(type='system', subtype='api_retry', error_status=None, error='unknown', retry_delay_ms=1)",
    "codex": "send(type='error', message='Reconnecting... 1/5 (stream disconnected)')",
    "pi": "send(type='auto_retry_start', delayMs=1, errorMessage='fetch failed')",
}


def test_what_is_done_is_not_over_budget_because_the_result_says_what_it_cost(tmp_path: Path) -> None:
    body = "send(type='result', result='OK', total_cost_usd=0.25, usage={'input_tokens': 9}); time.sleep(0.3)"
    found = stream("claude", body, tmp_path, limits=Limits(usd=0.1, tokens=5))
    assert (found.ended, found.cost_usd, found.input_tokens) == ("done", 0.25, 9)


@WHICH
def test_a_program_that_hangs_after_its_result_is_ended_and_done(which: str, tmp_path: Path) -> None:
    began = time.monotonic()
    found = stream(which, f"{FINISHED[which]}; time.sleep(60)", tmp_path, patience=0.3)
    assert (found.ended, found.session is not None) == ("done", True)
    assert time.monotonic() - began < 15


@WHICH
def test_a_program_that_says_more_after_its_result_is_not_ended(which: str, tmp_path: Path) -> None:
    later = "for n in range(6): time.sleep(0.2); send(type='more')"
    found = stream(which, f"{FINISHED[which]}\n{later}\nopen('end', 'w')", tmp_path, patience=1.0)
    assert found.ended == "done" and (tmp_path / "tree" / "end").exists()


@WHICH
def test_retries_without_any_progress_end_it(which: str, tmp_path: Path) -> None:
    found = stream(which, f"while True: {RETRIES[which]}; time.sleep(0.005)", tmp_path)
    assert found.ended == "failed" and "no connection" in found.detail


def test_a_long_wait_for_a_rate_limit_is_ours(tmp_path: Path) -> None:
    body = "send(type='system', subtype='api_retry', error_status=429, retry_delay_ms=7200000); time.sleep(60)"
    found = stream("claude", body, tmp_path)
    assert found.ended == "rate-limited" and found.resets_at is not None
    wait = datetime.fromisoformat(found.resets_at) - datetime.now(UTC)
    assert 7100 < wait.total_seconds() < 7300


def test_a_rate_limit_that_was_overcome_is_none(tmp_path: Path) -> None:
    body = """
send(type="rate_limit_event", rate_limit_info={"status": "rejected", "resetsAt": 1795300000})
send(type="assistant", message={"id": "m", "content": []})
send(type="result", is_error=True, result="some other error")
"""
    assert stream("claude", body, tmp_path).ended == "failed"


def test_a_limit_that_is_paid_for_is_none(tmp_path: Path) -> None:
    info = {"status": "rejected", "resetsAt": 1795300000, "isUsingOverage": True}
    body = (
        f"send(type='rate_limit_event', rate_limit_info={info!r}); send(type='result', is_error=True, result='other')"
    )
    assert stream("claude", body, tmp_path).ended == "failed"


@pytest.mark.parametrize(("stops", "ended"), [(("stop", "length"), "failed"), (("length", "stop"), "done")])
def test_pi_has_not_done_its_work_if_its_last_answer_is_cut_short(
    stops: tuple[str, ...], ended: str, tmp_path: Path
) -> None:
    said = "message=dict(role='assistant', content=[dict(type='text', text='I will')], stopReason={!r})"
    answers = "; ".join(f"send(type='message_end', {said.format(stop)})" for stop in stops)
    found = stream("pi", f"send(type='session', id='s'); {answers}; send(type='agent_end')", tmp_path)
    assert found.ended == ended and ("cut" in found.detail) == (ended == "failed")


def test_lines_that_are_too_long_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("superteam.agents.stream.LINE", 1000)
    monkeypatch.setattr(Lines.__init__, "__defaults__", (1000,))
    found = stream("pi", "print('x' * 5000); send(type='session', id='s')", tmp_path)
    assert found.ended == "failed" and "1 lines longer than 1000 bytes were not read" in found.detail


# Starting


@WHICH
def test_a_missing_program_is_said_with_the_command_that_installs_it(
    which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AgentUnavailable) as found:
        make_agent(which, Settings(), tmp_path).check()
    assert f"needs the program {which}" in found.value.message
    assert f"Install it: {DIALECTS[which].install}" in (found.value.hint or "")


@WHICH
def test_a_known_agent_needs_no_definition(which: str, tmp_path: Path) -> None:
    agent: Any = make_agent(which, Settings(), tmp_path)
    assert agent.command == (DIALECTS[which].program,)


ASKED = {
    "claude": (
        "-p --output-format stream-json --verbose --permission-mode acceptEdits --allowedTools Bash "
        "--model big --effort high --resume s1 --max-budget-usd 0.500000 --extra 1"
    ),
    "codex": (
        'exec --json --config sandbox_mode="workspace-write" --skip-git-repo-check --model big '
        '--config model_reasoning_effort="high" --extra 1 resume s1 -'
    ),
    "pi": "--mode json -p --model big --thinking high --session s1 --extra 1",
}


@WHICH
def test_model_effort_session_and_arguments_are_passed_on(which: str, tmp_path: Path) -> None:
    wishes = {"model": "big", "effort": "high", "arguments": ("--extra", "1"), "session": "s1@0.25"}
    body = f"Path('argv').write_text(json.dumps(sys.argv[1:])); {FINISHED[which]}"
    stream(which, body, tmp_path, limits=Limits(usd=0.5), **wishes)
    assert json.loads((tmp_path / "tree" / "argv").read_text()) == ASKED[which].split(" ")


@WHICH
def test_a_dispatch_without_wishes_has_no_options_for_them(which: str, tmp_path: Path) -> None:
    stream(which, f"Path('argv').write_text(json.dumps(sys.argv[1:])); {FINISHED[which]}", tmp_path)
    asked = json.loads((tmp_path / "tree" / "argv").read_text())
    assert not {"--model", "--effort", "--thinking", "--resume", "resume", "--session"} & set(asked)
    assert not any("effort" in argument for argument in asked)


@WHICH
def test_a_prompt_file_that_cannot_be_written_is_a_failure(which: str, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    found = stream(which, FINISHED[which], tmp_path)
    assert found.ended == "failed" and "not started" in found.detail


def test_the_command_replaces_the_programs_name(tmp_path: Path) -> None:
    agent = make_stream_agent("pi", FINISHED["pi"], tmp_path)
    assert agent.command[-1] == str(tmp_path / "agent.py")


@pytest.mark.parametrize("command", ["./mine.sh", "my-wrapper"])
def test_of_a_command_of_the_users_own_it_is_said_what_to_mend_and_not_to_install_the_known_program(
    command: str, tmp_path: Path
) -> None:
    for definition in (
        AgentDefinition(kind="claude", command=(command,)),
        AgentDefinition(kind="acp", preset="claude", command=(command,)),
    ):
        with pytest.raises(AgentUnavailable) as found:
            make_agent("mine", Settings(agents={"mine": definition}), tmp_path).check()
        assert "[agents.mine]" in str(found.value.hint) and "npm" not in str(found.value.hint)


@pytest.mark.parametrize(("error", "ended"), [("rate_limit", "rate-limited"), ("server_error", "failed")])
def test_a_failure_that_claude_gives_as_its_result_is_no_success(error: str, ended: str, tmp_path: Path) -> None:
    body = f"""
send(type='system', subtype='init', session_id='s')
send(type='assistant', error='{error}', message=dict(id='m', content=[dict(type='text', text='it stopped here')]))
send(type='result', subtype='success', is_error=False, result='it stopped here')
"""
    assert stream("claude", body, tmp_path).ended == ended
