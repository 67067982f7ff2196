"""Rate limits with the real command: exit 75 with the time, or waiting for it."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

from playground import Repo, Setup

LATER = "2130-01-01T12:00:00Z"


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def entries(until: str | bool) -> list[dict[str, object]]:
    return [
        {"task": "1", "attempt": 1, "write": {"half": "1"}, "rate-limited": until},
        {"task": "1", "attempt": 2, "write": {"a": "1"}},
    ]


def test_without_a_terminal_nothing_is_waited_for_and_the_time_is_told(repo: Repo, given: Setup) -> None:
    given([{"title": "One"}], entries(LATER))
    done = repo.superteam("execute", "plan.md")
    assert done.code == 75, done.err
    assert "until 2130-01-01 12:00:00 UTC" in done.err and "superteam resume" in done.err
    assert "superteam resume" in done.out and "at 2130-01-01 12:00 UTC" in done.out and "exit code 75" in done.out
    status = repo.status()
    assert (status["status"], status["exit_code"], status["pending"]) == ("rate-limited", 75, None)
    limit = {"agent": "script", "until": "2130-01-01T12:00:00+00:00", "waiting": False}
    assert status["rate_limits"] == [limit] and status["tasks"][0]["attempts"] == 0
    shown = repo.superteam("status").out
    assert "rate-limited" in shown and "2130-01-01 12:00" in shown
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert {"half", "a"} <= repo.files_at().keys()
    task = repo.status()["tasks"][0]
    assert task["attempts"] == 1 and task["failures"] == [] and repo.status()["rate_limits"] == []


def test_a_limit_within_the_allowed_time_is_waited_for(repo: Repo, given: Setup) -> None:
    given([{"title": "One"}], entries(in_seconds(4)))
    done = repo.superteam("execute", "plan.md", "--wait-for-limits", "5m")
    assert done.code == 0 and "waiting for it" in done.err, done.err
    kinds = [line["step"] for line in map(_event, journal(repo)) if line.get("kind") == "step-started"]
    assert kinds.count("wait") == 1 and repo.status()["tasks"][0]["attempts"] == 1


def journal(repo: Repo) -> list[str]:
    return (repo.root / ".superteam" / "latest" / "journal.jsonl").read_text().splitlines()


def _event(line: str) -> dict[str, str]:
    import json

    record = json.loads(line)
    return record.get("event", record)  # type: ignore[no-any-return]


def test_a_limit_beyond_it_is_not_and_resume_may_allow_more(repo: Repo, given: Setup) -> None:
    script = [*entries(in_seconds(600)), {"task": "1", "attempt": 3, "write": {"a": "1"}}]
    script[1] = {"task": "1", "attempt": 2, "rate-limited": in_seconds(1)}
    given([{"title": "One"}], script, config='agent.wait-for-limits = "10s"\n')
    assert repo.superteam("execute", "plan.md").code == 75
    done = repo.superteam("resume", "--wait-for-limits", "1h")
    assert done.code == 0, done.err


def test_a_limit_without_a_time_is_never_waited_for(repo: Repo, given: Setup) -> None:
    given([{"title": "One"}], entries(True))
    done = repo.superteam("execute", "plan.md", "--wait-for-limits", "9h")
    assert done.code == 75 and "does not say until when" in done.err, done.err
    assert repo.superteam("resume").code == 0


def test_a_signal_ends_the_waiting_cleanly(repo: Repo, given: Setup) -> None:
    given([{"title": "One"}], entries(in_seconds(3000)))
    child = repo.start("execute", "plan.md", "--wait-for-limits", "2h")
    assert child.stderr is not None
    for line in child.stderr:
        if "waiting for it" in line:
            break
    assert repo.status()["rate_limits"][0]["waiting"] is True
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 130
    child.communicate()
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert repo.status()["tasks"][0]["attempts"] == 1


def test_a_reviewer_may_be_rate_limited_too(repo: Repo, given: Setup) -> None:
    script: list[dict[str, object]] = [
        {"task": "1", "write": {"a": "1"}},
        {"task": "1", "reviewer": "spec", "attempt": 1, "rate-limited": LATER},
        {"task": "1", "reviewer": "spec", "attempt": 2, "result": {"passed": True}},
    ]
    given([{"title": "One"}], script, config='review.roles = ["spec"]\n')
    done = repo.superteam("execute", "plan.md")
    assert done.code == 75, done.err
    done = repo.superteam("resume")
    assert done.code == 0, done.err
