"""The kill sweep of test_kill.py over a run with two jobs, reviewers, a second source and a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playground import Finished, Repo, plan, script
from test_combined import FEW, PASS, SMOKE, SOURCE, SUITE, TESTED
from test_kill import _crash_environment

POINTS = {"execute": 380, "answer": 12, "resume": 150}  # a little fewer than such a command has
SWEPT = {"execute": 24, "answer": 4, "resume": 12}
IN_TEST = {"execute": 3, "answer": 1, "resume": 1}
LOOK = {"title": "Look", "id": "look", "checkpoint": "human-verify", "description": "Read both files."}
TASKS = [{"title": "A", "id": "a", "files": ["a.txt"]}, {"title": "B", "id": "b", "files": ["b.txt", "no-cart"]}, LOOK]
LAST = {"title": "C", "id": "c", "files": ["c.txt"]}
NO = '{"passed": false, "findings": [{"severity": "high", "file": "a.txt", "line": 1, "issue": "too short"}]}'
DISPATCHES: list[dict[str, Any]] = [
    {"task": "a", "role": "implement", "write": {"a.txt": "a\n"}},
    {"task": "a", "role": "fix", "write": {"a.txt": "a long a\n"}},
    {"task": "b", "role": "implement", "write": {"b.txt": "b\n", "no-cart": "x\n"}},
    {"task": "b", "role": "fix", "write": {"no-cart": None}},
    {"task": "c", "write": {"c.txt": "c\n"}},
    {"task": "a", "reviewer": "spec", "attempt": 1, "result": NO},
    *({"task": id, "reviewer": "spec", "result": PASS} for id in "abc"),
]
CONFIG = f'{TESTED}jobs = 2\n{FEW}\n[review]\nroles = ["spec"]\n{SOURCE}\n'
AGENT = '[agents.script]\nkind = "scripted"\nscript = "agent.toml"\n'
COMMANDS = {
    "execute": ("execute", "plan.md"),
    "answer": ("answer", "approve", "--note", "seen"),
    "resume": ("resume",),
}


@pytest.fixture
def small(empty_repo: Repo) -> Repo:
    """A repository whose suites take some 30 ms each."""
    files = {"suite.py": SUITE, "smoke.py": SMOKE, ".gitignore": "latest.json\n", "case_a.txt": "good\n"}
    documents = {"plan.md": plan(*TASKS, LAST), "agent.toml": script(*DISPATCHES), "superteam.toml": CONFIG + AGENT}
    empty_repo.commit({**files, **documents}, "start")
    return empty_repo


def given_up_to(repo: Repo, command: str) -> None:
    """The commands before this one."""
    for name, code in {"execute": 4, "answer": 0}.items():
        if name == command:
            return
        assert repo.superteam(*COMMANDS[name]).code == code


def _gone_on(repo: Repo) -> Finished:
    """What a person does until the run has ended: execute again, and answer whenever it asks."""
    for _ in range(4):
        done = repo.superteam(*COMMANDS["execute"])
        if done.code != 4:
            break
        assert repo.status()["pending"]["task"] == "look", done.err
        assert repo.superteam(*COMMANDS["answer"]).code == 0
    return done


def _ends_as_if_never_killed(repo: Repo) -> None:
    done = _gone_on(repo)
    assert done.code == 0, f"{done.code}\n{done.err}\n{done.out}"
    files = repo.files_at()
    assert files.items() >= {"a.txt": "a long a", "b.txt": "b", "c.txt": "c"}.items() and "no-cart" not in files
    commits = repo.task_commits()
    assert sorted(commits) == ["a", "b", "c"] and commits[-1] == "c"
    a, b, look, c = repo.status()["tasks"]
    assert [t["attempts"] for t in (a, b, look, c)] == [2, 2, 0, 1]
    assert look["decision"] == {"choice": "approve", "note": "seen"}
    assert [r["passed"] for r in a["reviews"]] == [False, True] and c["reviews"][-1]["passed"] is True
    refused = [(v["after_task"], v["source"]) for v in repo.status()["validations"] if v["verdict"] != "pass"]
    assert refused == [("b", "smoke")]
    assert repo.git("status", "--porcelain") == ""
    assert repo.git("fsck", "--no-dangling", "--connectivity-only") == ""


@pytest.mark.parametrize("command", ["execute", pytest.param("answer"), pytest.param("resume")])
def test_the_number_of_points_of_each_command_is_known(small: Repo, tmp_path: Path, command: str) -> None:
    log = tmp_path / "points"
    given_up_to(small, command)
    done = small.superteam(*COMMANDS[command], env=_crash_environment(0, log))
    assert done.code == (4 if command == "execute" else 0), done.err
    assert int(log.read_text()) >= POINTS[command], log.read_text()
    _ends_as_if_never_killed(small)


def _kill_points() -> list[Any]:
    found = []
    for command, number in SWEPT.items():
        points = [round((n + 0.5) * POINTS[command] / number) for n in range(number)]
        chosen = set(points[:: number // IN_TEST[command]])
        found += [pytest.param(command, at, marks=[] if at in chosen else [pytest.mark.crash]) for at in points]
    return found


@pytest.mark.parametrize(("command", "at"), _kill_points())
def test_a_command_killed_at_a_point_is_made_up_for(small: Repo, tmp_path: Path, command: str, at: int) -> None:
    given_up_to(small, command)
    died = small.superteam(*COMMANDS[command], env=_crash_environment(at, tmp_path / "point"))
    assert died.code == -9, f"it did not die at point {at}: {died.err}"
    _ends_as_if_never_killed(small)
