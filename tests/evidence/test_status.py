"""The status document on runs that real events have built."""

from __future__ import annotations

import json
from typing import Any

import pytest

from superteam.core import events as e
from superteam.core.evolve import evolve, start
from superteam.core.failures import Action, Failure, FailureType, Response
from superteam.core.plan import Plan, Task
from superteam.core.results import Granularity
from superteam.core.run import Run
from superteam.core.settings import Settings
from superteam.core.settle import Observation, Probe
from superteam.evidence.status import exit_code_of, status_document

START, TREE, TREE_1, COMMIT_1 = "0" * 40, "a" * 40, "b" * 40, "1" * 40


def begun(**settings: Any) -> Run:
    """A run of two tasks; the second depends on the first."""
    tasks = (Task(id="1", title="First"), Task(id="2", title="Second", depends_on=("1",)))
    created = e.RunCreated(
        run_id="r1",
        plan=Plan(path="plan.md", format="tasks", title="A plan", sha256="f" * 64, tasks=tasks),
        settings=Settings(**settings),
        start_sha=START,
        start_tree=TREE,
        user_branch="main",
        run_branch="superteam/plan-r1",
        interactive=False,
        superteam="0.1.0",
        pid=1,
        host="here",
    )
    return start(created, "2026-01-01T00:00:00+00:00")


def after(run: Run, *events: e.Event) -> Run:
    """The run after these events, a second each."""
    for event in events:
        second = int(run.last_at[17:19]) + 1
        run = evolve(run, event, f"2026-01-01T00:00:{second:02}+00:00")
    return run


def baseline(verdict: Any = "fail") -> e.BaselineCaptured:
    document = e.BaselineDocument(
        sha=START,
        tree=TREE,
        command="pytest -q",
        captured_at="2026-01-01T00:00:01+00:00",
        verdict=verdict,
        reason="no test ran" if verdict == "inconclusive" else None,
        granularity=Granularity.TESTS,
        fingerprint="x",
        counts={"passed": 3, "failed": 1, "xfailed": 2},
        known_failures=("t::old",),
        expected="expected-0",
    )
    return e.BaselineCaptured(baseline=document)


def dispatched(task: str = "1", tree: str = TREE_1, **more: Any) -> e.AgentFinished:
    return e.AgentFinished(task=task, attempt=1, role="implement", ended="done", tree=tree, **more)


def committed() -> tuple[e.Event, ...]:
    """A task whose commit went to the branch without validation."""
    return dispatched(cost_usd=0.5), e.CommitMade(task="1", sha=COMMIT_1), e.BranchMoved(task="1", sha=COMMIT_1)


def concluded(verdict: Any, *failures: Failure, **lists: Any) -> tuple[e.Event, ...]:
    """Task 1 with a validation that came to this verdict."""
    seen = Observation(Probe("suite", COMMIT_1, None, 1), "pass")
    result = e.ValidationResult(
        after_task="1", sha=COMMIT_1, tree=TREE_1, reference_sha=START, verdict=verdict, reproduce_command="c", **lists
    )
    return (
        dispatched(),
        e.CommitMade(task="1", sha=COMMIT_1),
        e.ProbeFinished(task="1", observation=seen),
        e.ValidationConcluded(task="1", result=result, failures=failures),
    )


REGRESSION = Failure(type=FailureType.TEST_REGRESSION, task="1", origin="suite", message="t::a broke", tests=("t::a",))


def asked(failure: Failure = REGRESSION, task: str | None = "1", kind: Any = "failure") -> e.ActionChosen:
    options = (e.Option(id="retry", label="again"), e.Option(id="abort", label="end the run"))
    question = e.Question(
        id="q1", kind=kind, task=task, failure_type=failure.type, question="What now?", options=options
    )
    return e.ActionChosen(
        task=task, failure=failure, action=Action.STOP_SHOW_DIFF, response=Response.ASK, question=question
    )


def waiting() -> Run:
    return after(
        begun(test_command="pytest -q"),
        baseline(),
        *concluded("fail", REGRESSION, regressions=("t::a",), introduced_by={"t::a": "1"}),
        asked(),
    )


def ended(run: Run, status: Any = "finished", code: int = 0) -> Run:
    return after(run, e.RunEnded(status=status, exit_code=code))


TOP = """schema run_id status exit_code plan branch baseline baselines tasks validations cost pending rate_limits"""
BASELINE = """sha tree command captured_at verdict granularity counts known_failures"""
TASK = """id title status attempts base_sha commit_sha failures decision must_haves dropped reviews cost
    claims findings"""
# The contract and the additions of docs/decisions/012 and 017: fails_differently, polluters, findings, notes.
VALIDATION = """source after_task sha tree reference_sha verdict reason confidence counts new_failures regressions
    unresolved flaky suspects pre_existing fails_differently new_passes missing newly_skipped owed
    expectations_changed unlooked settlements introduced_by polluters findings notes reproduce_command"""
PENDING = """id task failure_type question options evidence"""


def test_every_key_of_the_contract_and_our_additions_are_there_and_no_other() -> None:
    document = status_document(waiting(), live=False)

    assert list(document) == TOP.split()
    assert list(document["plan"]) == ["path", "title", "sha256"]
    assert list(document["baseline"]) == BASELINE.split()
    assert list(document["baseline"]["counts"]) == ["passed", "failed", "errored", "skipped"]
    assert list(document["tasks"][0]) == TASK.split()
    assert list(document["tasks"][0]["failures"][0]) == ["type", "action", "tests", "message"]
    assert list(document["validations"][0]) == VALIDATION.split()
    assert list(document["cost"]) == ["usd", "input_tokens", "output_tokens", "turns"]
    assert list(document["pending"]) == PENDING.split()
    retry, abort = {"id": "retry", "label": "again"}, {"id": "abort", "label": "end the run"}
    assert document["pending"]["options"] == [retry, abort]


def test_the_document_goes_through_json_unchanged() -> None:
    document = status_document(waiting(), live=False)

    assert json.loads(json.dumps(document)) == document


def test_a_failure_that_is_asked_about_makes_run_and_task_wait() -> None:
    document = status_document(waiting(), live=False)

    assert (document["status"], document["exit_code"]) == ("waiting", 4)
    assert [task["status"] for task in document["tasks"]] == ["waiting", "pending"]
    assert document["tasks"][0]["failures"] == [
        {"type": "test-regression", "action": "stop-show-diff", "tests": ["t::a"], "message": "t::a broke"}
    ]


def test_a_question_about_a_finished_task_makes_it_wait() -> None:
    run = after(begun(), *committed(), e.PlanChanged(plan=begun().plan, finished=("1",)))

    assert status_document(run, live=True)["tasks"][0]["status"] == "waiting"


def test_a_maximum_that_was_reached_is_a_budget_pause() -> None:
    run = after(begun(budget={"max-usd": 0.5}), dispatched(cost_usd=0.5))
    assert run.budget_failure is not None
    run = after(run, asked(run.budget_failure, task=None, kind="budget"))

    document = status_document(run, live=False)

    assert (document["status"], document["exit_code"], exit_code_of(run)) == ("budget", 5, 5)


def test_a_run_that_is_driven_is_running_and_one_that_is_not_was_interrupted() -> None:
    run = begun()

    live, left = status_document(run, live=True), status_document(run, live=False)

    assert (live["status"], live["exit_code"]) == ("running", 0)
    assert (left["status"], left["exit_code"], exit_code_of(run)) == ("interrupted", 130, 130)
    assert [task["status"] for task in live["tasks"]] == ["running", "pending"]
    assert live["tasks"][0]["base_sha"] == START


def test_an_inconclusive_baseline_halts_the_run_and_is_no_baseline() -> None:
    run = after(begun(test_command="pytest -q"), baseline("inconclusive"))

    document = status_document(run, live=False)

    assert (document["status"], document["exit_code"]) == ("inconclusive", 3)
    assert document["baseline"] is None


def test_unknown_cost_is_null_and_known_cost_is_a_number() -> None:
    unknown = dict.fromkeys(("usd", "input_tokens", "output_tokens", "turns"))
    assert status_document(begun(), live=True)["cost"] == unknown
    document = status_document(after(begun(), *committed()), live=True)
    assert document["cost"]["usd"] == document["tasks"][0]["cost"]["usd"] == 0.5


def test_a_complete_task_shows_its_commits() -> None:
    task = status_document(after(begun(), *committed()), live=True)["tasks"][0]

    assert (task["status"], task["attempts"]) == ("complete", 1)
    assert (task["base_sha"], task["commit_sha"]) == (START, COMMIT_1)


@pytest.mark.parametrize(("status", "code"), [("finished", 0), ("blocked", 1), ("inconclusive", 3), ("aborted", 1)])
def test_a_run_that_has_ended_keeps_its_status_and_exit_code(status: str, code: int) -> None:
    run = ended(after(begun(), *committed()), status, code)

    document = status_document(run, live=False)

    assert (document["status"], document["exit_code"], exit_code_of(run)) == (status, code, code)


def test_no_task_is_running_once_the_run_was_aborted() -> None:
    blank = ended(after(begun(), e.RunAborted()), "aborted", 1)
    red = ended(after(waiting(), e.Answered(question="q1", choice="abort")), "aborted", 1)

    assert [task["status"] for task in status_document(blank, live=False)["tasks"]] == ["pending", "pending"]
    assert [task["status"] for task in status_document(red, live=False)["tasks"]] == ["failed", "pending"]


def test_a_rate_limit_that_is_not_waited_for_is_exit_75_with_its_time() -> None:
    until = "2030-01-01T00:00:00+00:00"
    run = after(
        begun(), dispatched().model_copy(update={"ended": "rate-limited", "agent": "claude", "resets_at": until})
    )
    document = status_document(run, live=False)
    assert (document["status"], document["exit_code"]) == ("rate-limited", 75)
    assert document["rate_limits"] == [{"agent": "claude", "until": until, "waiting": False}]
    assert document["tasks"][0]["attempts"] == 0 and document["pending"] is None
