"""Reviewers in real runs: what blocks, what is mended, what is asked, and that a reviewer changes nothing."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from typing import Any

import pytest
from playground import Repo, Setup

pytestmark = pytest.mark.usefixtures("census")

TASK = {"title": "A task", "id": "1"}
PASS = {"passed": True, "summary": "fine"}
SPEC = '[review]\nroles = ["spec"]\n'
BOTH = '[review]\nroles = ["spec", "security"]\n'


def finding(issue: str = "wrong name", severity: str = "high", **more: Any) -> dict[str, Any]:
    return {"severity": severity, "file": "a.txt", "line": 1, "issue": issue, **more}


def fails(*findings: Mapping[str, Any]) -> str:
    """A verdict as the result file's text: the scripts of the tests hold no lists of tables."""
    return json.dumps({"passed": False, "findings": list(findings or (finding(),)), "summary": "no"})


def does(text: str, **more: Any) -> dict[str, Any]:
    return {"task": "1", "write": {"a.txt": text}, **more}


def reviews(attempt: int | None = None, result: Any = None, reviewer: str = "spec", **more: Any) -> dict[str, Any]:
    entry = {"task": "1", "reviewer": reviewer, "result": PASS if result is None else result, **more}
    return entry | ({"attempt": attempt} if attempt else {})


def rounds(repo: Repo) -> list[tuple[str, int, bool | None]]:
    return [(r["role"], r["round"], r["passed"]) for r in repo.status()["tasks"][0]["reviews"]]


def events(repo: Repo, kind: str) -> list[Any]:
    run = repo.status()["run_id"]
    lines = (repo.root / ".superteam/runs" / run / "journal.jsonl").read_text().splitlines()
    found = [json.loads(line)["event"] for line in lines]
    return [event for event in found if event["kind"] == kind]


def test_a_review_that_fails_twice_and_then_passes(repo: Repo, given: Setup) -> None:
    dispatches = [
        does("1", role="implement"),
        does("2", role="fix", attempt=2, run="cp $SUPERTEAM_PROMPT_FILE ../fix-prompt"),
        does("3", role="fix", attempt=3),
        reviews(1, fails(finding("too short"))),
        reviews(2, fails(finding("still too short"))),
        reviews(3, run="env > ../review-env; cp $SUPERTEAM_PROMPT_FILE ../review-prompt"),
    ]
    given([TASK], dispatches, config=SPEC)
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err + done.out
    assert rounds(repo) == [("spec", 1, False), ("spec", 2, False), ("spec", 3, True)]
    assert repo.task_commits() == ["1"] and repo.files_at()["a.txt"] == "3"
    trees = next(repo.cache.glob("*/trees"))
    assert "too short" in (trees / "fix-prompt").read_text()
    prompt = (trees / "review-prompt").read_text()
    assert "+3" in prompt and "still too short" in prompt and "python -m pytest" not in prompt
    env = (trees / "review-env").read_text().splitlines()
    assert {"SUPERTEAM_ROLE=review", "SUPERTEAM_REVIEW_ROLE=spec", "SUPERTEAM_ATTEMPT=3"} <= set(env)
    assert "too short" not in done.out


def test_what_is_reviewed_is_what_is_committed(repo: Repo, given: Setup) -> None:
    given([TASK], [does("1"), reviews(run="git rev-parse HEAD > ../seen; git diff HEAD~1 > ../diff")], config=SPEC)
    assert repo.superteam("execute", "plan.md").code == 0
    trees = next(repo.cache.glob("*/trees"))
    assert (trees / "seen").read_text().strip() == repo.git("rev-parse", "HEAD")
    assert events(repo, "review-finished")[0]["sha"] == repo.git("rev-parse", "HEAD")
    assert "+1" in (trees / "diff").read_text()


def test_a_reviewer_that_writes_changes_nothing_and_is_found_out(repo: Repo, given: Setup) -> None:
    given([TASK], [does("1"), reviews(write={"calc.py": "spoilt\n", "new.txt": "x"})], config=SPEC)
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert repo.files_at()["calc.py"] != "spoilt" and "new.txt" not in repo.files_at()
    assert "the reviewer spec changed the tree: calc.py, new.txt; its change was undone" in done.out + done.err
    assert repo.status()["tasks"][0]["reviews"][0]["changed"] == ["calc.py", "new.txt"]
    kept = repo.git("for-each-ref", "--format=%(refname)", "refs/superteam/").splitlines()
    assert [repo.git("show", f"{ref}:new.txt") for ref in kept if "review-1-1.spec" in ref] == ["x"]


@pytest.mark.parametrize("last", [PASS, "still not json"])
def test_a_verdict_that_cannot_be_read_is_asked_for_again(repo: Repo, given: Setup, last: Any) -> None:
    entries = [reviews(1, "not json"), reviews(2, {"summary": "no verdict"}), reviews(3, last), reviews(4)]
    given([TASK], [does("1"), *entries], config=SPEC)
    done = repo.superteam("execute", "plan.md")
    found = repo.status()
    assert [f["type"] for f in found["tasks"][0]["failures"]] == ["parse-error"] * (2 if last is PASS else 3)
    assert rounds(repo)[:2] == [("spec", 1, None)] * 2 and found["tasks"][0]["attempts"] == 1
    if last is PASS:
        assert done.code == 0
        return
    assert done.code == 4
    assert [option["id"] for option in found["pending"]["options"]] == ["retry", "rollback", "skip", "abort"]
    assert repo.superteam("answer", "retry").code == 0
    assert repo.superteam("resume").code == 0, repo.status()


def test_a_verdict_may_stand_in_the_output(repo: Repo, given: Setup) -> None:
    output = 'See:\n```superteam-json\n{"passed": false}\n```\nno:\n```superteam-json\n{"passed": true}\n```\n'
    given([TASK], [does("1"), {"task": "1", "reviewer": "spec", "output": output}], config=SPEC)
    assert repo.superteam("execute", "plan.md").code == 0
    assert rounds(repo) == [("spec", 1, True)]


def test_optional_roles_block_on_critical_findings_only(repo: Repo, given: Setup) -> None:
    mild = fails(finding("slow", "high"))
    grave = fails(finding("hole", "Critical"))
    entries = [
        does("1", role="implement"),
        does("2", role="fix"),
        reviews(),
        reviews(1, grave, "security"),
        reviews(2, mild, "security"),
    ]
    given([TASK], entries, config=BOTH)
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert sorted(rounds(repo)) == [
        ("security", 1, False),
        ("security", 2, False),
        ("spec", 1, True),
        ("spec", 2, True),
    ]
    assert "review findings:\n  task 1: high (security) a.txt:1: slow" in done.out
    assert repo.files_at()["a.txt"] == "2"


GIVE_UP = '[review]\nroles = ["spec", "quality"]\nmax-iterations = 2\n'


def give_up(given: Setup, *more: Mapping[str, Any], config: str = "") -> None:
    """Two rounds fail; the third, if it comes, passes unless `more` says otherwise."""
    entries = [
        does("1", role="implement", attempt=1),
        does("2", role="fix", attempt=2),
        reviews(1, fails()),
        reviews(2, fails()),
        *more,
        reviews(),
        reviews(reviewer="quality"),
        does("later"),
    ]
    given([TASK], entries, config=config + GIVE_UP)


def test_after_the_last_round_a_person_is_asked_and_may_approve(repo: Repo, given: Setup) -> None:
    give_up(given)
    done = repo.superteam("execute", "plan.md")
    assert done.code == 4, done.err
    asked = repo.status()["pending"]
    assert asked["failure_type"] == "review-max-retries"
    assert [option["id"] for option in asked["options"]] == ["retry", "approve", "rollback", "skip", "abort"]
    assert {said["role"]: said["passed"] for said in asked["evidence"]["reviews"]} == {"spec": False, "quality": True}
    assert "wrong name" in repo.superteam("status").out
    assert repo.superteam("answer", "approve", "--note", "it is right").code == 0
    done = repo.superteam("resume")
    assert done.code == 0 and repo.files_at()["a.txt"] == "2"
    assert "approved" in done.out and "it is right" in json.dumps(events(repo, "answered"))


def test_retry_reviews_the_unchanged_tree_again_with_the_note(repo: Repo, given: Setup) -> None:
    give_up(given, reviews(3, run="cp $SUPERTEAM_PROMPT_FILE ../prompt"))
    repo.superteam("execute", "plan.md")
    repo.superteam("answer", "retry", "--note", "the name is wanted")
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert rounds(repo)[-2:] == [("quality", 3, True), ("spec", 3, True)] or sorted(rounds(repo))[-1][1] == 3
    assert "the name is wanted" in next(repo.cache.glob("*/trees/prompt")).read_text()
    assert repo.status()["tasks"][0]["attempts"] == 2


def test_retry_never_counts_as_passed(repo: Repo, given: Setup) -> None:
    give_up(given, reviews(None, fails()), config="agent.max-attempts = 2\n")
    repo.superteam("execute", "plan.md")
    repo.superteam("answer", "retry")
    assert repo.superteam("resume").code == 4
    assert repo.status()["pending"]["failure_type"] == "review-max-retries" and repo.task_commits() == []


def test_retry_of_a_changed_tree_goes_through_gate_and_validation_to_the_reviewers(repo: Repo, given: Setup) -> None:
    give_up(given, config='validation-command = "grep -q person a.txt || test $(cat a.txt) -lt 3"\n')
    assert repo.superteam("execute", "plan.md").code == 4
    next(repo.cache.glob("*/trees/work")).joinpath("a.txt").write_text("by a person")
    repo.superteam("answer", "retry")
    done = repo.superteam("resume")
    assert done.code == 0, done.err + done.out
    assert repo.files_at()["a.txt"] == "by a person"
    assert {r[1:] for r in rounds(repo) if r[0] == "spec"} == {(1, False), (2, False), (3, True)}


@pytest.mark.parametrize(("answer", "code", "text"), [("rollback", 0, "later"), ("skip", 0, None), ("abort", 1, None)])
def test_the_other_answers_do_what_they_always_do(
    repo: Repo, given: Setup, answer: str, code: int, text: str | None
) -> None:
    give_up(given)
    repo.superteam("execute", "plan.md")
    repo.superteam("answer", answer)
    assert repo.superteam("resume").code == code
    assert repo.files_at().get("a.txt") == text


def test_a_fix_that_changes_nothing_ends_the_rounds_at_once(repo: Repo, given: Setup) -> None:
    given([TASK], [does("1", role="implement"), {"task": "1", "role": "fix"}, reviews(None, fails())], config=SPEC)
    assert repo.superteam("execute", "plan.md").code == 4
    assert repo.status()["pending"]["failure_type"] == "review-max-retries" and len(rounds(repo)) == 1


@pytest.mark.parametrize(("action", "code", "attempts"), [("ignore", 0, 2), ("auto-retry", 0, 3), ("checkpoint", 4, 2)])
def test_a_configured_action_has_its_effect(repo: Repo, given: Setup, action: str, code: int, attempts: int) -> None:
    give_up(given, config=f'[failure-actions]\nreview-max-retries = "{action}"\n')
    assert repo.superteam("execute", "plan.md").code == code
    task = repo.status()["tasks"][0]
    assert [f["action"] for f in task["failures"]] == [action] and task["attempts"] == attempts


def test_with_every_n_the_review_stands_before_the_branch(repo: Repo, given: Setup) -> None:
    config = 'validation-cadence = "every-2"\n' + SPEC
    entries = [does("1", role="implement"), does("2", role="fix"), reviews(1, fails()), reviews(2)]
    given([TASK], entries, config=config)
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert repo.task_commits() == ["1"] and repo.files_at()["a.txt"] == "2"
    assert [v["verdict"] for v in repo.status()["validations"]] == ["pass"]


def test_in_place_reviewers_have_trees_of_their_own(repo: Repo, given: Setup) -> None:
    given([TASK], [does("1"), reviews(write={"calc.py": "spoilt\n"}, run="pwd > ../where")], config=SPEC)
    done = repo.superteam("execute", "plan.md", "--in-place")
    assert done.code == 0, done.err
    assert next(repo.cache.glob("*/trees/where")).read_text().strip().endswith("/trees/review-spec")
    assert "spoilt" not in (repo.root / "calc.py").read_text() and repo.git("status", "--porcelain") == ""


def test_a_task_that_changes_nothing_is_not_reviewed(repo: Repo, given: Setup) -> None:
    given([{**TASK, "allow-empty": True}], [{"task": "1", "output": "nothing"}], config=SPEC)
    assert repo.superteam("execute", "plan.md").code == 0 and rounds(repo) == []


def test_a_reviewers_question_is_asked_and_its_answer_told(repo: Repo, given: Setup) -> None:
    entries = [reviews(1, {"question": "Is that wanted?"}), reviews(2, run="cp $SUPERTEAM_PROMPT_FILE ../prompt")]
    given([TASK], [does("1"), *entries], config=SPEC)
    assert repo.superteam("execute", "plan.md").code == 4
    assert repo.status()["pending"]["question"] == "Is that wanted?"
    assert "Question q1, task 1, asked by the reviewer spec\n" in repo.superteam("status").out
    repo.superteam("answer", "continue", "--note", "yes it is")
    assert repo.superteam("resume").code == 0
    assert "yes it is" in next(repo.cache.glob("*/trees/prompt")).read_text()


def test_a_run_killed_while_it_is_reviewed_asks_the_same_reviewers_again(repo: Repo, given: Setup) -> None:
    """One has answered, the other has not: only that one is dispatched again, with the same number."""
    slow = "touch ../begun; while [ ! -e ../go ]; do sleep 0.05; done"
    given([TASK], [does("1"), reviews(), reviews(reviewer="security", run=slow)], config=BOTH)
    process = repo.start("execute", "plan.md")
    deadline = time.monotonic() + 60
    while not (list(repo.cache.glob("*/trees/begun")) and _answered(repo)):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    next(repo.cache.glob("*/trees")).joinpath("go").touch()
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert sorted(rounds(repo)) == [("security", 1, True), ("spec", 1, True)]
    assert repo.task_commits() == ["1"]


def _answered(repo: Repo) -> bool:
    return any("review-finished" in path.read_text() for path in repo.root.glob(".superteam/runs/*/journal.jsonl"))


def test_reviewers_work_side_by_side(repo: Repo, given: Setup) -> None:
    """Each waits for the other: one after the other they would never end."""
    meet = "touch ../{0}; while [ ! -e ../{1} ]; do sleep 0.02; done"
    here, there = reviews(run=meet.format("a", "b")), reviews(reviewer="security", run=meet.format("b", "a"))
    given([TASK], [does("1"), here, there], config='agent.timeout = "30s"\n' + BOTH)
    assert repo.superteam("execute", "plan.md").code == 0


def test_a_crashed_reviewer_is_tried_once_more(repo: Repo, given: Setup) -> None:
    given([TASK], [does("1"), reviews(1, exit=3), reviews(2)], config=SPEC)
    assert repo.superteam("execute", "plan.md").code == 0
    assert [(f["type"], f["action"]) for f in repo.status()["tasks"][0]["failures"]] == [
        ("impl-crash", "retry-then-escalate")
    ]


def test_what_reviews_cost_counts(repo: Repo, given: Setup) -> None:
    given([TASK], [does("1", **{"cost-usd": 1.0}), reviews(**{"cost-usd": 0.5})], config=SPEC)
    assert repo.superteam("execute", "plan.md").code == 0 and repo.status()["cost"]["usd"] == 1.5
