"""The example of a GSD phase, plans/gsd-phase, from its folder: two waves, three plans, a checkpoint of each kind."""

from __future__ import annotations

import pytest
from playground import Finished, Repo, example, prompts

PHASE = "plans/gsd-phase"
CHECKED = ("07-01.verification", "07-02.1", "07-03.2", "07-03.3", "07-03.verification")
WITHOUT_COMMIT = {*CHECKED} - {"07-03.2"}


@pytest.fixture
def phase(empty_repo: Repo) -> Repo:
    """The example, committed."""
    assert example(empty_repo, "gsd-phase") == PHASE
    return empty_repo


def asked(repo: Repo, task: str, choices: list[str]) -> None:
    pending = repo.status()["pending"]
    assert pending["task"] == task and [option["id"] for option in pending["options"]] == choices


def answer(repo: Repo, *words: str) -> Finished:
    done = repo.superteam("answer", *words)
    assert done.code == 0, done.err
    return repo.superteam("resume")


def statuses(repo: Repo) -> dict[str, str]:
    return {task["id"]: task["status"] for task in repo.status()["tasks"]}


def text(repo: Repo, name: str) -> str:
    return (repo.root / PHASE / name).read_text()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_phase_of_two_waves_pauses_at_each_of_its_checkpoints(jobs: str, phase: Repo) -> None:
    first = phase.superteam("execute", PHASE, "--jobs", jobs)
    assert first.code == 4, first.err
    asked(phase, "07-02.1", ["plain", "formal", "abort"])
    assert phase.task_commits(phase.status()["branch"]) == ["07-01.1", "07-01.2"]
    assert statuses(phase)["07-01.verification"] == "complete"

    assert answer(phase, "FORMAL", "--note", "it is for letters").code == 4
    asked(phase, "07-03.2", ["approve", "reject", "abort"])
    assert phase.superteam("answer", "reject").code == 2, "nobody mends what is not said"
    assert answer(phase, "reject", "--note", "not in the middle").code == 4
    asked(phase, "07-03.2", ["approve", "reject", "abort"])
    assert "<center>" in phase.files_at(phase.status()["branch"])["page.html"]
    assert answer(phase, "approve").code == 4
    asked(phase, "07-03.3", ["continue", "abort"])
    last = answer(phase, "continue", "--note", "it is at example.org")
    assert last.code == 0, last.err + last.out

    assert set(statuses(phase).values()) == {"complete"}
    assert phase.task_commits() == ["07-01.1", "07-01.2", "07-02.2", "07-03.1", "07-03.2"]
    tasks = {task["id"]: task for task in phase.status()["tasks"]}
    assert {id for id, task in tasks.items() if task["commit_sha"] is None} == WITHOUT_COMMIT
    assert tasks["07-02.1"]["decision"] == {"choice": "formal", "note": "it is for letters"}
    assert [must["state"] for must in tasks["07-03.verification"]["must_haves"]] == ["passed", "unverified"]
    told(phase)
    summaries(phase, last)


def told(repo: Repo) -> None:
    """What the dispatches were told."""
    (page,) = prompts(repo, "attempt-07-03-1-*")
    assert "How formal is the greeting?: formal (Dear)" in page and "it is for letters" in page
    assert 'return f"Hello, {name}!"' in page, "the file that the plan names with @ is there by now"
    (fix,) = prompts(repo, "attempt-07-03-2-*")
    assert "not in the middle" in fix and "Open page.html in a browser." in fix


def summaries(repo: Repo, done: Finished) -> None:
    """What the run leaves beside each plan, and that it commits none of it."""
    names = [f"07-0{number}-SUMMARY.md" for number in (1, 2, 3)]
    assert repo.git("status", "--porcelain").splitlines() == [f"?? {PHASE}/{name}" for name in names]
    assert all(f"summary of {name[:5]}: {PHASE}/{name} (not committed)" in done.out for name in names)
    one, two, three = (text(repo, name) for name in names)
    assert "How formal is the greeting?: formal (Dear), note: it is for letters" in two
    assert "How formal" not in one and "approve" in three and "it is at example.org" in three
    assert "not in the middle" in three, "what was rejected belongs to the story"
    assert "python -c \"from greet import greet; greet('Ada')\"" in one and "GREET-01" in one
    assert "unverified: A person is greeted by name" in one


def test_a_phase_that_is_aborted_at_a_checkpoint_keeps_what_is_done(phase: Repo) -> None:
    assert phase.superteam("execute", PHASE).code == 4
    assert answer(phase, "abort").code == 1
    assert phase.status()["status"] == "aborted"
    assert phase.task_commits(phase.status()["branch"]) == ["07-01.1", "07-01.2"]


def test_tasks_are_dropped_while_a_checkpoint_waits(phase: Repo) -> None:
    assert phase.superteam("execute", PHASE).code == 4
    assert answer(phase, "formal").code == 4
    asked(phase, "07-03.2", ["approve", "reject", "abort"])
    assert phase.superteam("plan", "drop", "07-03.3").code == 0
    asked(phase, "07-03.2", ["approve", "reject", "abort"])
    assert phase.superteam("plan", "drop", "07-03.2").code == 0
    done = phase.superteam("resume")
    assert done.code == 0, done.err
    gone = {id for id, status in statuses(phase).items() if status == "skipped"}
    assert gone == {"07-03.2", "07-03.3"} and statuses(phase)["07-03.verification"] == "complete"
