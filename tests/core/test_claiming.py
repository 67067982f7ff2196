"""Claims in the state of a run: kept with the facts that come after them, and without any effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from superteam.cli.story import story
from superteam.core import events as e
from superteam.core.claims import nothing_done
from superteam.core.evolve import evolve, start
from superteam.core.failures import FailureType
from superteam.core.plan import Plan, Task
from superteam.core.results import Granularity
from superteam.core.run import Run
from superteam.core.settings import Settings

AT = "2026-01-01T00:00:00+00:00"
TREE = "a" * 40


def begun(gate: str | None = "make check") -> Run:
    created = e.RunCreated(
        run_id="r",
        plan=Plan(path="p.md", format="tasks", title="P", sha256="0", tasks=(Task(id="1", title="T", gate=gate),)),
        settings=Settings(test_command="pytest -q"),
        start_sha="0" * 40,
        start_tree=TREE,
        user_branch=None,
        run_branch="b",
        interactive=False,
        superteam="0",
        pid=1,
        host="h",
    )
    document = e.BaselineDocument(
        sha="0" * 40, tree=TREE, command="pytest -q", captured_at=AT, verdict="pass",
        granularity=Granularity.TESTS, fingerprint="x",
    )  # fmt: skip
    return after(start(created, AT), e.BaselineCaptured(baseline=document))


def after(run: Run, *events: e.Event) -> Run:
    for event in events:
        run = evolve(run, event, AT)
    return run


def said(text: str, **more: Any) -> e.AgentFinished:
    facts = {"attempt": 1, "role": "implement", "ended": "done", "tree": "b" * 40, "changed": ("x.py",), **more}
    return e.AgentFinished(task="1", summary=text, **facts)


def gated(ok: bool) -> e.GateFinished:
    return e.GateFinished(
        task="1", command="make check", ok=ok, exit_code=int(not ok), detail=f"exit code {int(not ok)}", tree="b" * 40
    )


def measured(run: Run) -> list[tuple[str, str, bool | None]]:
    return [(found.text, found.measured, found.agrees) for found in run.of("1").claims]


def test_a_red_gate_stands_beside_the_claim_that_all_tests_pass() -> None:
    run = after(begun(), said("All tests pass."), gated(False))
    assert measured(run) == [("All tests pass.", "the gate failed with exit code 1", False)]


def test_a_person_hears_of_it_once() -> None:
    run = after(begun(), said("All tests pass."))
    red = after(run, gated(False))
    warning = "task 1 the agent said: “All tests pass.”; measured: the gate failed with exit code 1"
    assert [line.text for line in story(run, gated(False), red) if line.level == "warning"] == [warning]
    later = e.GateChecked(task="1", red=True)
    assert [line for line in story(red, later, after(red, later)) if "the agent said" in line.text] == []


def test_a_claim_that_nothing_changed_is_measured_at_once() -> None:
    run = after(begun(), said("No changes were needed."))
    assert measured(run) == [("No changes were needed.", "1 file changed", False)]
    run = after(begun(), said("No changes were needed.", tree=TREE, changed=()))
    assert measured(run) == [("No changes were needed.", "nothing changed", True)]


def test_the_next_attempts_facts_leave_the_first_ones_claims_alone() -> None:
    run = after(begun(), said("All tests pass."), gated(False))
    work = run.of("1").work
    assert work is not None
    run = run.with_work("1", replace(work, role="fix", from_tree="b" * 40, failures=()))
    run = after(run, said("Now all tests pass.", attempt=2, role="fix", tree="c" * 40), gated(True))
    assert [agrees for _, _, agrees in measured(run)] == [False, None]


@pytest.mark.parametrize("ended", ["failed", "timed-out", "idle", "unreadable"])
def test_what_an_agent_said_that_did_not_end_well_is_no_claim(ended: str) -> None:
    assert measured(after(begun(), said("All tests pass.", ended=ended))) == []


@pytest.mark.parametrize("text", ["All tests pass.", "2 tests are failing.", "No changes were needed.", "x"])
@pytest.mark.parametrize("ok", [True, False])
def test_no_claim_changes_anything_else(text: str, ok: bool) -> None:
    def without(run: Run) -> Run:
        return run.with_task(replace(run.of("1"), claims=(), summary=""))

    assert without(after(begun(), said(text), gated(ok))) == without(after(begun(), said(""), gated(ok)))


def test_an_agent_that_changed_nothing_says_what_it_was_not_allowed_to_do() -> None:
    event = said("Done!", tree=TREE, changed=(), denied=("Write x.py", "Bash: rm -r y"))
    run = after(begun(), event)
    work = run.of("1").work
    assert work is not None
    (failure,) = work.failures
    assert failure.type is FailureType.IMPL_CRASH
    text = "agent ended well but changed nothing; it was not allowed to: Write x.py, Bash: rm -r y"
    assert failure.message == f"the {text}"
    assert f"task 1 {text}" in [line.text for line in story(begun(), event, run)]
    assert nothing_done([f"tool {n}" for n in range(7)]).endswith("tool 4 and 2 more")
