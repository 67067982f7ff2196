"""Two unfinished runs use one work tree in turn: each finds its own files there, and a person's changes to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playground import Repo, Setup, plan


@pytest.fixture
def waiting(repo: Repo, given: Setup) -> Repo:
    """Run A (plan.md, task a) waits at its gate; nothing of run B (other.md, task b) is done yet."""
    given(
        [{"title": "A", "id": "a", "gate": "grep -q person a.txt || test -e twice.txt"}],
        [
            {"task": "a", "attempt": 1, "write": {"a.txt": "by A"}},
            {"task": "a", "attempt": 2, "write": {"twice.txt": "by A"}},
            {"task": "b", "write": {"b.txt": "by B"}},
            {"task": "c", "exit": 1},
        ],
        files={
            "other.md": plan({"title": "B", "id": "b"}, title="B"),
            "third.md": plan({"title": "C", "id": "c"}, title="C"),
        },
        config="# without a test-command: nothing here is about suites\nvalidation.auto-fix = 0\n",
    )
    assert repo.superteam("execute", "plan.md").code == 4
    return repo


def run_id(repo: Repo) -> str:
    return str(repo.status()["run_id"])


def branch(repo: Repo, run: str) -> str:
    return str(repo.superteam("status", run, "--json").json["branch"])


def work(repo: Repo) -> Path:
    return next(repo.cache.glob("*/trees/work"))


def test_a_waiting_run_does_not_commit_another_runs_work(waiting: Repo) -> None:
    a = run_id(waiting)
    assert waiting.superteam("execute", "other.md").code == 0
    assert waiting.superteam("answer", "retry", "--run", a).code == 0
    done = waiting.superteam("resume", a)
    assert done.code == 0, done.err + done.out
    files = waiting.files_at(branch(waiting, a))
    assert files["twice.txt"] == "by A"  # the agent was dispatched again
    assert "b.txt" not in files


def test_what_a_person_changed_before_another_run_began_is_their_change(waiting: Repo) -> None:
    a = run_id(waiting)
    work(waiting).joinpath("a.txt").write_text("by a person")
    work(waiting).joinpath("new.txt").write_text("by a person")
    assert waiting.superteam("execute", "other.md").code == 0
    waiting.superteam("answer", "retry", "--run", a)
    assert waiting.superteam("resume", a).code == 0
    files = waiting.files_at(branch(waiting, a))
    assert (files["a.txt"], files["new.txt"]) == ("by a person", "by a person")
    assert "twice.txt" not in files and "b.txt" not in files


def test_status_says_whose_files_are_in_the_work_tree(waiting: Repo) -> None:
    a = run_id(waiting)
    assert "has used the work tree" not in waiting.superteam("status", a).out
    assert waiting.superteam("execute", "other.md").code == 0
    b = run_id(waiting)
    told = waiting.superteam("status", a).out
    assert f"Run {b} has used the work tree since" in told and f"superteam resume {a} puts them back" in told
    assert waiting.superteam("resume", a).code == 4  # asks again, and the files are there
    assert work(waiting).joinpath("a.txt").read_text() == "by A"
    assert not work(waiting).joinpath("b.txt").exists()
    assert "has used the work tree" not in waiting.superteam("status", a).out


def test_two_waiting_runs_get_their_own_files_in_turn(waiting: Repo) -> None:
    a = run_id(waiting)
    assert waiting.superteam("execute", "third.md").code == 4
    c = run_id(waiting)
    work(waiting).joinpath("c.txt").write_text("a person's, for C")
    assert waiting.superteam("resume", a).code == 4
    assert sorted(path.name for path in work(waiting).glob("?.txt")) == ["a.txt"]
    assert waiting.superteam("resume", c).code == 4
    assert sorted(path.name for path in work(waiting).glob("?.txt")) == ["c.txt"]


def test_an_aborted_run_keeps_its_own_files_not_another_runs(waiting: Repo) -> None:
    a = run_id(waiting)
    assert waiting.superteam("execute", "other.md").code == 0
    assert waiting.superteam("abort", a).code == 0
    kept = waiting.git("for-each-ref", "--format=%(refname)", f"refs/superteam/{a}/replaced").split()
    assert kept
    for ref in kept:
        assert "b.txt" not in waiting.files_at(ref)
        assert waiting.files_at(ref)["a.txt"] == "by A"


def test_a_hand_over_that_was_killed_takes_no_files_for_another_runs(waiting: Repo) -> None:
    a = run_id(waiting)
    assert waiting.superteam("execute", "third.md").code == 4
    c = run_id(waiting)
    record = work(waiting).with_name("work.run.json")
    half = record.read_text().replace(c, a).replace('"restored": true', '"restored": false')
    record.write_text(half)  # killed before the files of run A were back
    assert waiting.superteam("resume", c).code == 4
    assert waiting.superteam("resume", a).code == 4
    assert work(waiting).joinpath("a.txt").read_text() == "by A"
