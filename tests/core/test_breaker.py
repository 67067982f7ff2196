"""Breakers: a loop that goes round in circles ends before its limits do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_evolve import made_for, of_tasks, played

from superteam.core.breaker import look
from superteam.core.run import Run

LONG = {"agent": {"use": "scripted", "max-attempts": 6}, "validation": {"auto-fix": 5, "reruns": 1}}
RETRIES = {"impl-crash": "auto-retry", "tool-timeout": "auto-retry", "parse-error": "auto-retry"}


def why(run: Run) -> list[str]:
    return [text for text in run.warnings if "no further dispatch" in text]


@pytest.mark.parametrize(
    ("deeds", "attempts", "said"),
    [
        (("gate",) * 6, 2, "the same validation-failure came twice in a row"),
        (("break",) * 6, 2, "the same test-regression came twice in a row"),
        (("gone",) * 6, 2, "the same test-missing came twice in a row"),
        (("crash",) * 6, 2, "the same suite-crash came twice in a row"),
        (("failed",) * 6, 2, "the same impl-crash came twice in a row"),
        (("nothing",) * 6, 2, "the same impl-crash came twice in a row"),
        (("failed", "idle", "failed"), 3, "the same impl-crash came twice in a row"),
    ],
)
def test_what_fails_in_the_same_way_twice_is_not_tried_again(
    deeds: tuple[str, ...], attempts: int, said: str, tmp_path: Path
) -> None:
    _, run = played(of_tasks(1, {"1": deeds}, "abort", failure_actions=RETRIES, **LONG), tmp_path)
    assert (run.of("1").attempts, run.questions) == (attempts, 1)
    assert why(run) == [f"task 1: {said}: no further dispatch is tried"]


def test_what_fails_in_another_way_is_tried_again(tmp_path: Path) -> None:
    game, run = played(of_tasks(1, {"1": ("gate", "break", "gone", "own")}, "abort", **LONG), tmp_path)
    assert run.exit_code == 0 and run.of("1").attempts == 5 and not why(run) and made_for(game) == [("1", False)]


def test_a_persons_retry_begins_to_count_anew(tmp_path: Path) -> None:
    _, run = played(of_tasks(1, {"1": ("gate",) * 3}, "retry", **LONG), tmp_path)
    assert run.exit_code == 0 and run.of("1").attempts == 4 and run.questions == 1


def test_a_configured_action_follows_as_always(tmp_path: Path) -> None:
    config: dict[str, Any] = {**LONG, "on_escalation": "skip"}
    _, run = played(of_tasks(2, {"1": ("gate",) * 6}, "abort", **config), tmp_path)
    assert [t.status for t in run.tasks] == ["failed", "complete"] and len(why(run)) == 1


def test_the_last_try_that_was_allowed_is_no_breaker(tmp_path: Path) -> None:
    _, run = played(of_tasks(1, {"1": ("gate",) * 6}, "abort"), tmp_path)
    assert run.of("1").attempts == 2 and not why(run)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 100))
def test_what_changes_from_run_to_run_is_not_seen(line: int, pid: int, seconds: float) -> None:
    said = f"a.py:{line}: error in /tmp/x{pid}/b\nran in {seconds:.2f}s\n\n"
    assert look("exit 1", said, "") == look("exit 1", "a.py:1: error in /tmp/y/b\nran in 0.01s", "")


@pytest.mark.parametrize("other", [("exit 2", "boom"), ("exit 1", "bang"), ("exit 1", "boom\nmore"), ("exit 1", "")])
def test_what_was_said_and_how_it_ended_is_seen(other: tuple[str, str]) -> None:
    assert look("exit 1", "boom") != look(*other)
