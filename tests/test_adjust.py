"""`superteam plan drop`, `skip` and `reorder` on real runs."""

from __future__ import annotations

import pytest
from playground import Repo, Setup

TASKS = [
    {"title": "One"},
    {"title": "Two"},
    {"title": "Three", "depends_on": ["2"]},
    {"title": "Four"},
]
DISPATCHES = [{"task": str(n), "write": {f"{n}.txt": "x\n"}} for n in range(1, 5)]


@pytest.fixture
def paused(repo: Repo, given: Setup) -> Repo:
    """A run that pauses after its first task."""
    given(TASKS, DISPATCHES, config='execution-mode = "batch"\nbatch-size = 1')
    assert repo.superteam("execute", "plan.md").code == 4
    return repo


def finish(repo: Repo) -> int:
    for _ in range(6):
        code = repo.superteam("resume").code
        if code != 4:
            return code
    raise AssertionError("it always pauses")


def statuses(repo: Repo) -> dict[str, str]:
    return {task["id"]: task["status"] for task in repo.status()["tasks"]}


def test_what_is_dropped_is_listed_and_left_out(paused: Repo) -> None:
    assert paused.superteam("plan", "drop", "4").code == 0
    assert finish(paused) == 0
    assert "dropped by a person:\n  task 4: Four\n" in paused.superteam("status").out
    assert statuses(paused) == {"1": "complete", "2": "complete", "3": "complete", "4": "skipped"}
    assert [task["dropped"] for task in paused.status()["tasks"]] == [False, False, False, True]
    assert paused.task_commits() == ["1", "2", "3"]


def test_a_drop_that_leaves_dependants_is_refused_with_the_command_that_drops_all(paused: Repo) -> None:
    refused = paused.superteam("plan", "drop", "2")
    assert refused.code == 2 and "task 3 would be left" in refused.err and "superteam plan drop 2 3" in refused.err
    assert paused.superteam("plan", "drop", "2", "3").code == 0
    assert finish(paused) == 0
    assert paused.task_commits() == ["1", "4"]


def test_a_skip_names_the_dependants_that_it_blocks(paused: Repo) -> None:
    done = paused.superteam("plan", "skip", "2")
    assert done.code == 0 and "blocked, since they depend on it: task 3" in done.out
    later = paused.superteam("plan", "reorder", "4").out
    assert "still to be done: 4\n" in later, "what is blocked is not to be done"
    assert finish(paused) == 1
    assert statuses(paused) == {"1": "complete", "2": "skipped", "3": "blocked", "4": "complete"}


def test_tasks_are_done_in_their_new_order(paused: Repo) -> None:
    done = paused.superteam("plan", "reorder", "4", "2", "3", "--json")
    assert [task["id"] for task in done.json["tasks"]] == ["1", "4", "2", "3"]
    assert finish(paused) == 0
    assert paused.task_commits() == ["1", "4", "2", "3"]


def test_an_order_against_a_dependency_is_refused(paused: Repo) -> None:
    refused = paused.superteam("plan", "reorder", "3", "2")
    assert refused.code == 2 and "task 3 depends on task 2" in refused.err


@pytest.mark.parametrize(("ids", "why"), [(("1",), "is complete"), (("9",), "has no task 9"), (("4", "4"), "twice")])
def test_what_cannot_be_changed_is_said(ids: tuple[str, ...], why: str, paused: Repo) -> None:
    refused = paused.superteam("plan", "skip", *ids)
    assert refused.code == 2 and why in refused.err


def test_a_run_that_has_ended_is_not_changed(paused: Repo) -> None:
    assert paused.superteam("abort").code == 0
    refused = paused.superteam("plan", "drop", "4")
    assert refused.code == 2 and "no unfinished run" in refused.err


def test_after_a_change_of_the_plan_its_order_counts_and_drops_stay(paused: Repo) -> None:
    assert paused.superteam("plan", "reorder", "4", "2", "3").code == 0
    assert paused.superteam("plan", "drop", "3").code == 0
    text = (paused.root / "plan.md").read_text()
    paused.commit({"plan.md": text.replace('"Four"', '"Number four"')})
    done = paused.superteam("resume")
    assert "its own order of the tasks counts again" in done.err
    assert finish(paused) in (0, 1)
    assert statuses(paused) == {"1": "complete", "2": "complete", "3": "skipped", "4": "complete"}
    branch = paused.status()["branch"]
    assert paused.task_commits(branch) == ["1", "2", "4"]
