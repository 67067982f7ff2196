"""Budgets of a run, of a task and of a dispatch, with the real command and the scripted agent."""

from __future__ import annotations

from typing import Any

import pytest
from playground import Repo, Setup, prompts

GATE = {"title": "One", "gate": "test -e ok"}


def raised(repo: Repo, text: str) -> None:
    repo.write({"superteam.toml": text + "\n" + (repo.root / "superteam.toml").read_text()})


def test_a_dispatch_is_stopped_its_tree_is_kept_and_a_person_goes_on(repo: Repo, given: Setup) -> None:
    entries = [
        {"task": "1", "attempt": 1, "write": {"half": "1"}, "cost-usd": 0.9},
        {"task": "1", "attempt": 2, "write": {"rest": "1"}, "cost-usd": 0.2},
    ]
    given([{"title": "One"}, {"title": "Two"}], [*entries, {"task": "2", "write": {"b": "1"}}],
          config="budget.dispatch.max-usd = 0.5\n")  # fmt: skip
    done = repo.superteam("execute", "plan.md")
    assert done.code == 5, done.err
    status = repo.status()
    assert (status["status"], status["pending"]["task"]) == ("budget", "1")
    assert [option["id"] for option in status["pending"]["options"]] == ["continue", "skip", "abort"]
    assert status["pending"]["evidence"]["maximum"] == "dispatch.max-usd"
    task = status["tasks"][0]
    assert (task["status"], task["attempts"], task["cost"]["usd"]) == ("waiting", 0, 0.9)
    assert repo.superteam("resume").code == 5
    assert repo.superteam("answer", "continue").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    files = repo.files_at()
    assert {"half", "rest", "b"} <= files.keys() and repo.task_commits() == ["1", "2"]
    assert repo.status()["tasks"][0]["attempts"] == 1
    first, second, _ = prompts(repo, "attempt-*")
    assert "broken off" in second and "broken off" not in first


def test_a_tasks_maximum_of_time_stops_the_dispatch(repo: Repo, given: Setup) -> None:
    given([GATE], [{"task": "1", "attempt": 1, "write": {"a": "1"}, "takes": 60},
                   {"task": "1", "attempt": 2, "write": {"ok": "1"}}],
          config='budget.task.max-time = "1s"\n')  # fmt: skip
    done = repo.superteam("execute", "plan.md")
    assert done.code == 5 and "task.max-time" in done.err, done.err
    raised(repo, 'budget.task.max-time = "5m"')
    text = (repo.root / "superteam.toml").read_text().replace('budget.task.max-time = "1s"\n', "")
    repo.write({"superteam.toml": text})
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert repo.status()["tasks"][0]["attempts"] == 1


@pytest.mark.parametrize(("answer", "code", "status"), [("skip", 0, "skipped"), ("abort", 1, "failed")])
def test_a_task_that_used_up_its_tokens_may_be_left_out(
    answer: str, code: int, status: str, repo: Repo, given: Setup
) -> None:
    entry = {"task": "1", "write": {"a": "1"}, "input-tokens": 90, "output-tokens": 20, "turns": 3}
    given([GATE], [entry], config="budget.task.max-tokens = 110\n")
    done = repo.superteam("execute", "plan.md")
    assert done.code == 5 and "budget.task.max-tokens 110 is reached (110 used)" in done.err, done.err
    assert "budget: task 1: 110 of task.max-tokens 110 is used" in done.err
    assert repo.superteam("answer", answer).code == 0
    done = repo.superteam("resume")
    assert done.code == code, done.err
    assert repo.status()["tasks"][0]["status"] == status
    assert repo.status()["cost"]["turns"] == 3


@pytest.mark.parametrize(
    ("action", "code"),
    [
        *((action, 5) for action in ("auto-retry", "retry-then-escalate", "stop-show-diff", "escalate", "checkpoint")),
        *((action, 0) for action in ("warn-continue", "ignore")),
    ],
)
def test_each_action_about_a_maximum_of_a_dispatch(action: str, code: int, repo: Repo, given: Setup) -> None:
    entry: dict[str, Any] = {"task": "1", "write": {"a": "1"}, "turns": 9}
    given([{"title": "One"}], [entry], config="budget.dispatch.max-turns = 5\n")
    done = repo.superteam("execute", "plan.md", "--action", f"budget-threshold={action}", "--on-escalation", "skip")
    assert done.code == code, done.err
    assert ("dispatch.max-turns" in done.err) and repo.status()["tasks"][0]["attempts"] == (code == 0)


def test_a_run_has_a_maximum_of_attempts(repo: Repo, given: Setup) -> None:
    given([{"title": "One"}, {"title": "Two"}], [{"task": t, "write": {f"f{t}": "1"}} for t in ("1", "2")],
          config="budget.max-attempts = 1\n")  # fmt: skip
    done = repo.superteam("execute", "plan.md")
    assert done.code == 5 and "max-attempts" in done.err, done.err
    assert [task["status"] for task in repo.status()["tasks"]] == ["complete", "running"]
    assert repo.superteam("answer", "continue").code == 0
    assert repo.superteam("resume").code == 0


def test_an_agent_that_tells_no_cost_is_named_once(repo: Repo, given: Setup) -> None:
    given([{"title": "One"}, {"title": "Two"}], [{"task": t, "write": {f"f{t}": "1"}} for t in ("1", "2")])
    done = repo.superteam("execute", "plan.md", "--max-cost", "1")
    assert done.code == 0 and done.err.count("the agent script does not tell its cost") == 1
    assert repo.status()["cost"]["usd"] is None
