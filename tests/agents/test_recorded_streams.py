"""What real agents printed (recorded/README.md), read again: what becomes of each ending."""

from __future__ import annotations

from pathlib import Path

import pytest
from agents.stream_program import replay

from superteam.core.settings import Rates

DONE = "done"
ENDED = {
    "claude": {
        "edit": DONE,
        "resumed": DONE,
        "shell": DONE,
        "denied": DONE,
        "overloaded-once": DONE,
        "plan-warned": DONE,
        "cut": DONE,
        "rejected-key": "failed: Invalid API key",
        "server-error": "failed: API Error: 500",
        "garbage": "failed: empty or malformed response",
        "max-turns": "failed: Reached maximum number of turns",
        "killed": "failed: ended with exit code 143; it said last:\nI wait.",
        "rate-limited": "rate-limited: Request rejected (429)",
        "plan-limited": "rate-limited: You've hit your 5-hour limit",
    },
    "codex": {
        "edit": DONE,
        "resumed": DONE,
        "shell": DONE,
        "denied": DONE,
        "overloaded-once": DONE,
        "max-turns": DONE,
        "cut": DONE,
        "rejected-key": "failed: 401 Unauthorized",
        "server-error": "failed: high demand",
        "garbage": "failed: stream disconnected",
        "killed": "failed: was killed by SIGTERM",
        "rate-limited": "rate-limited: You’ve hit your usage limit",
    },
    "pi": {
        "edit": DONE,
        "resumed": DONE,
        "shell": DONE,
        "denied": DONE,
        "overloaded-once": DONE,
        "max-turns": DONE,
        "cut": DONE,
        "rejected-key": "failed: 401 invalid x-api-key",
        "server-error": "failed: 500 Internal server error",
        "garbage": "failed: the last answer was empty",
        "killed": "failed: ended with exit code 143; it said last:\nI wait.",
        "rate-limited": "rate-limited: 429 Rate limit reached",
    },
}
CASES = [(which, case) for which, cases in ENDED.items() for case in cases]


@pytest.mark.parametrize(("which", "case"), CASES)
def test_a_recorded_stream_ends_as_it_did(tmp_path: Path, which: str, case: str) -> None:
    ended, _, said = ENDED[which][case].partition(": ")
    found = replay(which, case, tmp_path)
    assert found.ended == ended
    assert said in found.detail
    assert (found.session is not None) == (ended == "done")


@pytest.mark.parametrize("which", ENDED)
def test_every_recording_is_read(which: str) -> None:
    folder = Path(__file__).parent / "recorded" / which
    assert {path.stem for path in folder.glob("*.jsonl")} == set(ENDED[which])


@pytest.mark.parametrize(("which", "usd", "turns"), [("claude", 0.012, 2), ("codex", None, 3), ("pi", None, 2)])
def test_what_a_dispatch_cost_is_told(tmp_path: Path, which: str, usd: float | None, turns: int) -> None:
    found = replay(which, "edit", tmp_path)
    assert (found.cost_usd, found.input_tokens, found.output_tokens, found.turns) == (usd, 2000, 200, turns)
    assert found.summary == "a.txt is there. All tests pass."


@pytest.mark.parametrize("which", ["codex", "pi"])
def test_tokens_cost_what_the_rates_say(tmp_path: Path, which: str) -> None:
    rates = Rates.model_validate({"input": 1.0, "output": 10.0})
    assert replay(which, "edit", tmp_path, rates).cost_usd == pytest.approx(0.004)


@pytest.mark.parametrize("which", ["claude", "codex"])
def test_a_continued_session_costs_what_this_dispatch_cost(tmp_path: Path, which: str) -> None:
    first = replay(which, "edit", tmp_path)
    second = replay(which, "resumed", tmp_path, session=first.session)
    assert (second.input_tokens, second.output_tokens, second.cost_usd) == (2000, 200, first.cost_usd)


def test_a_limit_with_a_time_says_when_it_ends(tmp_path: Path) -> None:
    assert replay("claude", "plan-limited", tmp_path).resets_at == "2026-11-21T22:26:40Z"
    assert replay("claude", "rate-limited", tmp_path).resets_at is None


@pytest.mark.parametrize("which", ENDED)
def test_a_rejected_key_says_how_to_log_in(tmp_path: Path, which: str) -> None:
    assert "\nLog in with: " in replay(which, "rejected-key", tmp_path).detail
    assert "Log in" not in replay(which, "server-error", tmp_path).detail


def test_a_denied_tool_is_named(tmp_path: Path) -> None:
    found = replay("claude", "denied", tmp_path)
    assert len(found.denied) == 1 and found.denied[0].startswith("Bash python3 -c")
    assert found.detail.startswith("the agent was not allowed to use: Bash python3")


SHOWN = {
    "claude": ["I write the file.", "write /tree/a.txt", "a.txt is there. All tests pass."],
    "codex": ["I write the file.", "$ /bin/bash -lc \"cat > a.txt <<'EOF'", "a.txt is there. All tests pass."],
    "pi": ["I write the file.", "write a.txt", "a.txt is there. All tests pass."],
}


@pytest.mark.parametrize("which", SHOWN)
def test_a_person_sees_lines_and_the_log_keeps_the_stream(tmp_path: Path, which: str) -> None:
    shown: list[bytes] = []
    replay(which, "edit", tmp_path, on_output=shown.append)
    assert b"".join(shown).decode().splitlines() == SHOWN[which]
    assert b'"type":"' in (tmp_path / "run" / "output").read_bytes()
