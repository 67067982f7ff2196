"""SUMMARY.md on runs that real events have built: every fact has its source, and foreign text stays text."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from superteam.core import events as e
from superteam.core.failures import Action, Failure, FailureType, Response
from superteam.core.markdown import plain
from superteam.core.plan import Artifact, MustHaves, Part, Plan, Task
from superteam.core.settings import Settings
from superteam.core.settle import Observation, Probe
from superteam.evidence.chronicle import Chronicle, chronicle
from superteam.evidence.summary_checks import reviews
from superteam.evidence.summary_md import Files, commits_of, frontmatter, span, summary_markdown

START, TREE = "0" * 40, "a" * 40
SECTIONS = [
    "Performance",
    "Accomplishments",
    "Task Commits",
    "Files Created/Modified",
    "Decisions Made",
    "Deviations from Plan",
    "Issues Encountered",
    "Next Phase Readiness",
    "Self-Check",
]
PART = Part(
    id="04-02",
    path=".planning/04-02-PLAN.md",
    title="Reruns",
    must_haves=MustHaves(truths=("It feels fast",), artifacts=(Artifact(text="a.py has a", path="a.py"),)),
    success_criteria=("Operators like it",),
    about={
        "phase": "04-reruns",
        "plan": "02",
        "subsystem": "ci",
        "tags": ["smoke", 1],
        "depends_on": ["04-01"],
        "requirements": ["RELY-07"],
        "user_setup": [{"service": "x"}],
    },
)
FIRST = Task(id="04-02.1", title="First", part="04-02")
PROOF = Task(id="04-02.verification", title="Verify", kind="verification", gate="test -f a.py", part="04-02")
OTHER = Task(id="04-03.1", title="Other", part="04-03")


def created(*tasks: Task, parts: tuple[Part, ...] = (PART,), **settings: Any) -> e.RunCreated:
    plan = Plan(path="plan.md", format="gsd", title="A plan", sha256="f" * 64, tasks=tasks, parts=parts)
    return e.RunCreated(
        run_id="r1",
        plan=plan,
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


def told(*events: e.Event) -> Chronicle:
    """The chronicle of these events, a second each."""
    return chronicle((event, f"2026-01-01T00:00:{number:02}.000+00:00") for number, event in enumerate(events))


def tree(id: str) -> str:
    return id.encode().hex()[-40:].rjust(40, "b")


def sha(id: str) -> str:
    return id.encode().hex()[-40:].ljust(40, "c")


def dispatched(id: str, **more: Any) -> e.AgentFinished:
    return e.AgentFinished(task=id, attempt=1, role="implement", ended="done", tree=tree(id), **more)


def gated(id: str, ok: bool = True, **more: Any) -> e.GateFinished:
    return e.GateFinished(task=id, command="make check", ok=ok, exit_code=int(not ok), tree=tree(id), **more)


def moved(id: str) -> tuple[e.Event, ...]:
    return e.CommitMade(task=id, sha=sha(id)), e.BranchMoved(task=id, sha=sha(id))


def done(id: str, **more: Any) -> tuple[e.Event, ...]:
    started = e.StepStarted(key=f"dispatch:{id}#1", step="dispatch", task=id, number=1)
    return started, dispatched(id, **more), *moved(id)


def proven(id: str = PROOF.id, **more: Any) -> tuple[e.Event, ...]:
    return dispatched(id), gated(id, **more), *moved(id)


def chosen(failure: Failure, response: Response, question: str | None = None) -> e.ActionChosen:
    options = (e.Option(id="approve", label="take it"),)
    asked = question and e.Question(id=question, kind="failure", task=failure.task, question="?", options=options)
    return e.ActionChosen(
        task=failure.task, failure=failure, action=Action.ESCALATE, response=response, question=asked or None
    )


ENDED = e.RunEnded(status="finished", exit_code=0)


def section(text: str, name: str) -> str:
    return re.split(r"^(?:## |---$)", text.partition(f"\n## {name}\n")[2], maxsplit=1, flags=re.MULTILINE)[0].strip()


def headings(text: str) -> list[str]:
    tokens = iter(MarkdownIt("commonmark").parse(text.split("---\n", 2)[2]))
    return [next(tokens).content for token in tokens if token.type == "heading_open" and token.tag == "h2"]


# -- the frontmatter


def test_a_done_part_has_every_key_with_what_the_document_and_the_run_say() -> None:
    found = told(created(FIRST, PROOF), *done(FIRST.id), *proven(), ENDED)
    head = frontmatter(found, PART, Files(("a.py",), ("b.py",), ("c.py",)))

    assert head == {
        "phase": "04-reruns",
        "plan": "02",
        "subsystem": "ci",
        "tags": ["smoke", "1"],
        "requires": [{"phase": "04-01"}],
        "provides": [],
        "affects": [],
        "key-files": {"created": ["a.py"], "modified": ["b.py"]},
        "key-decisions": [],
        "patterns-established": [],
        "requirements-completed": ["RELY-07"],
        "duration": "8 s",
        "completed": "2026-01-01",
        "run": "r1",
        "written-by": "superteam 0.1.0",
    }


def test_a_run_without_parts_has_a_summary_of_its_own_without_a_phase() -> None:
    found = told(created(FIRST, parts=()), *done(FIRST.id), ENDED)
    head = frontmatter(found, None, Files())

    assert "phase" not in head
    assert head["plan"] == "plan.md" and head["subsystem"] == "unknown" and head["requirements-completed"] == []


@pytest.mark.parametrize(
    "events",
    [
        pytest.param((*done(FIRST.id),), id="nothing was verified"),
        pytest.param((*done(FIRST.id), dispatched(PROOF.id), gated(PROOF.id, ok=False)), id="the verification is red"),
        pytest.param((*done(FIRST.id), dispatched(PROOF.id), *moved(PROOF.id)), id="it was not run"),
        pytest.param((*done(FIRST.id), gated(PROOF.id, ok=False), *moved(PROOF.id)), id="it was taken as it is"),
        pytest.param(
            (
                *done(FIRST.id),
                gated(PROOF.id),
                dispatched(PROOF.id).model_copy(update={"tree": "d" * 40}),
                *moved(PROOF.id),
            ),
            id="it was run on another tree",
        ),
    ],
)
def test_requirements_are_completed_only_if_everything_is_done_and_verified(events: tuple[e.Event, ...]) -> None:
    assert frontmatter(told(created(FIRST, PROOF), *events, ENDED), PART, Files())["requirements-completed"] == []


def test_a_failed_validation_completes_no_requirement() -> None:
    found = told(created(FIRST, PROOF, test_command="t"), *_validated("fail"), ENDED)
    assert frontmatter(found, PART, Files())["requirements-completed"] == []
    found = told(created(FIRST, PROOF, test_command="t"), *_validated("pass"), ENDED)
    assert frontmatter(found, PART, Files())["requirements-completed"] == ["RELY-07"]


def _validated(verdict: Any) -> tuple[e.Event, ...]:
    """Both tasks, each with a validation; the last one has this verdict."""
    document = e.BaselineDocument(
        sha=START,
        tree=TREE,
        command="t",
        captured_at="x",
        verdict="pass",
        granularity="tests",
        fingerprint="x",  # type: ignore[arg-type]
    )
    return (
        e.BaselineCaptured(baseline=document),
        dispatched(FIRST.id),
        *_accepted(FIRST.id, "pass"),
        dispatched(PROOF.id),
        gated(PROOF.id),
        *_accepted(PROOF.id, verdict),
    )


def _accepted(id: str, verdict: Any) -> tuple[e.Event, ...]:
    seen = Observation(Probe("suite", sha(id), None, 1), "pass")
    lists = {"regressions": ("t::a",)} if verdict == "fail" else {}
    result = e.ValidationResult(
        after_task=id, sha=sha(id), tree=tree(id), reference_sha=START, verdict=verdict, counts={"passed": 3}, **lists
    )
    commit, move = moved(id)
    return (
        commit,
        e.ProbeFinished(task=id, observation=seen),
        e.ValidationConcluded(task=id, result=result),
        e.ValidationAccepted(task=id, sha=sha(id)),
        move,
    )


def test_values_that_yaml_would_take_for_something_else_stay_texts() -> None:
    about = {
        "phase": "no",
        "plan": "01",
        "subsystem": "2026-01-01",
        "tags": ["a: b", "#", "- x", "{", "~", "1.0", True],
    }
    part = PART.model_copy(update={"about": about})
    found = told(created(FIRST, parts=(part,)), *done(FIRST.id), ENDED)
    head = yaml.safe_load(summary_markdown(found, part, Files()).split("---\n")[1])

    assert (head["phase"], head["plan"], head["subsystem"]) == ("no", "01", "2026-01-01")
    assert head["tags"] == ["a: b", "#", "- x", "{", "~", "1.0"]


# -- the body


def test_the_body_has_its_sections_and_says_how_the_run_ended() -> None:
    text = summary_markdown(told(created(FIRST, PROOF), *done(FIRST.id), *proven(), ENDED), PART, Files(("a.py",)))

    assert [name for name in headings(text) if name != "Must-Haves"] == SECTIONS
    assert "# Reruns Summary\n" in text
    assert "**2 of 2 tasks complete, 2 commits, 1 file changed; the run ended finished (exit code 0).**" in text


def test_the_tasks_of_another_part_are_not_in_it() -> None:
    found = told(created(FIRST, OTHER), *done(FIRST.id), *done(OTHER.id, summary="else"), ENDED)
    text = summary_markdown(found, PART, Files())

    assert "04-03.1" not in text and "else" not in text
    assert commits_of(found.run, PART) == (sha(FIRST.id),)
    assert "- **Duration:** 4 s (pauses not counted)" in text


def test_what_agents_say_is_called_their_words() -> None:
    said = {"summary": "I did it", "claims": ("all tests pass",), "deviations": ("used tabs",), "cost_usd": 0.5}
    found = told(created(FIRST), *done(FIRST.id, out_of_scope=("x.py",), **said), ENDED)
    text = summary_markdown(found, PART, Files())

    assert section(text, "Accomplishments").splitlines() == [
        "In the agents' own words, which nobody checked:",
        "",
        "- Task 04-02.1: I did it",
        "- Task 04-02.1, attempt 1, claims: all tests pass",
    ]
    assert section(text, "Deviations from Plan").splitlines() == [
        "- Task 04-02.1, attempt 1 (implement), in the agent's words: used tabs",
        "- Task 04-02.1, attempt 1 (implement) changed files outside of the declared ones: `x.py`",
    ]
    assert "- **Cost of its dispatches:** 0.50 USD, as the agents say\n" in text


def test_of_a_task_that_was_not_done_nothing_is_accomplished_or_ticked() -> None:
    skipped = e.Answered(question="q1", choice="skip")
    gate = Failure(type=FailureType.VALIDATION_FAILURE, task=FIRST.id, origin="gate", message="red")
    found = told(
        created(FIRST, validation_command="make check"),
        dispatched(FIRST.id, summary="I did it"),
        gated(FIRST.id, ok=False, detail="exit code 1"),
        chosen(gate, Response.ASK, "q1"),
        skipped,
        e.TaskPutBack(task=FIRST.id),
        ENDED,
    )
    text = summary_markdown(found, PART, Files())

    assert "I did it" not in text
    assert "- **Completed:** not\n" in text and "\ncompleted:" not in text
    failed = "- [ ] task 04-02.1: gate `make check` failed (exit code 1); the task is skipped, so nothing of it stands"
    assert failed in section(text, "Self-Check")
    assert "- Task 04-02.1 is skipped." in section(text, "Next Phase Readiness")
    asked = "- Task 04-02.1: validation-failure: red - a person was asked, the answer was `skip`"
    assert section(text, "Issues Encountered") == asked


def test_an_approval_is_a_deviation_and_its_gate_is_not_ticked() -> None:
    gate = Failure(type=FailureType.VALIDATION_FAILURE, task=FIRST.id, origin="gate", message="red")
    found = told(
        created(FIRST, validation_command="make check"),
        dispatched(FIRST.id),
        gated(FIRST.id, ok=False),
        chosen(gate, Response.ASK, "q1"),
        e.Answered(question="q1", choice="approve", note="known *issue*"),
        *moved(FIRST.id),
        ENDED,
    )
    text = summary_markdown(found, PART, Files())

    approved = r"- Task 04-02.1: validation-failure was approved by a person (known \*issue\*): red"
    assert section(text, "Deviations from Plan") == approved
    assert "- [ ] task 04-02.1: gate `make check` failed; it was taken as it is" in text


def test_validations_are_ticked_only_if_they_passed_on_what_stands() -> None:
    found = told(created(FIRST, PROOF, test_command="t"), *_validated("fail"), ENDED)
    checks = section(summary_markdown(found, PART, Files()), "Self-Check")

    assert f"- [x] validation (tests) after task 04-02.1 at `{sha(FIRST.id)[:12]}`: pass (3 passed)" in checks
    assert "- [ ] validation (tests) after task 04-02.verification at" in checks
    assert "fail (regressions: `t::a`)" in checks


def test_a_validation_of_a_commit_that_was_taken_off_the_branch_is_not_ticked() -> None:
    found = told(
        created(FIRST, PROOF, test_command="t"),
        *_validated("pass"),
        e.PlanChanged(plan=created(FIRST, PROOF).plan.model_copy(update={"sha256": "e" * 64}), finished=(PROOF.id,)),
        e.Answered(question="q1", choice="rollback"),
        e.BranchRebuilt(task=PROOF.id, tip=sha(FIRST.id), tip_tree=tree(FIRST.id)),
    )
    assert found.run.of(PROOF.id).commit_sha is None
    checks = section(summary_markdown(found, PART, Files()), "Self-Check")
    gone = f"- [ ] validation (tests) after task {PROOF.id} at `{sha(PROOF.id)[:12]}`: pass (3 passed)"
    assert f"{gone}; its commit was replaced" in checks


def test_what_no_validation_has_seen_is_said() -> None:
    found = told(created(FIRST, test_command="t", validation_cadence="on-demand"), ENDED)
    assert "not validated" not in summary_markdown(found, PART, Files())
    found = told(created(FIRST), *done(FIRST.id), ENDED)
    assert "- [ ] not validated across tasks: there is no test-command" in summary_markdown(found, PART, Files())


def test_must_haves_that_nobody_checked_are_unverified() -> None:
    text = summary_markdown(told(created(FIRST), *done(FIRST.id), ENDED), PART, Files())

    assert section(text, "Must-Haves").splitlines() == [
        "- unverified: It feels fast (not checked)",
        "- unverified: a.py has a (not checked)",
        "- unverified: Operators like it (success criterion, for a person)",
    ]
    assert "- The plan asks for user setup, which nobody checked" in text


# -- hostile text


FOREIGN = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("\\`*_{}[]<>#|~!&-.:()xX 1\n\t\u202e\ud800\x00\x85")),
    min_size=1,
    max_size=50,
)


@settings(deadline=None, max_examples=60)
@given(FOREIGN, FOREIGN, FOREIGN, FOREIGN)
def test_foreign_text_adds_no_structure_no_tick_and_no_key(title: str, said: str, path: str, value: str) -> None:
    part = PART.model_copy(update={"title": title, "about": {"phase": value, "tags": [value, said], title: said}})
    task = FIRST.model_copy(update={"title": title})
    gate = Failure(type=FailureType.VALIDATION_FAILURE, task=task.id, origin="gate", message=said, tests=(path,))
    found = told(
        created(task, parts=(part,)),
        dispatched(task.id, summary=said, claims=(said,), deviations=(said,), out_of_scope=(path,)),
        chosen(gate, Response.PROCEED),
        e.CommitMade(task=task.id, sha=sha(task.id)),
        e.BranchMoved(task=task.id, sha=sha(task.id)),
        ENDED,
    )
    files = Files((path,), (said,), (value,))
    text = summary_markdown(found, part, files)

    _, written, body = text.split("---\n", 2)
    assert yaml.safe_load(written) == frontmatter(found, part, files)
    assert yaml.safe_load(written)["phase"] == (plain(value) or "unknown")
    assert [name for name in headings(text) if name != "Must-Haves"] == SECTIONS
    kinds = {token.type for token in MarkdownIt("commonmark").parse(body)}
    assert not kinds & {"html_block", "fence", "code_block", "blockquote_open"}
    pieces = {p.type for token in MarkdownIt("commonmark").parse(body) for p in token.children or []}
    assert pieces <= {
        "text",
        "text_special",
        "code_inline",
        "strong_open",
        "strong_close",
        "em_open",
        "em_close",
        "softbreak",
    }
    assert not re.search(r"^\s*[-*+\d.)]+ +\[[xX]\]", body, re.MULTILINE)
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_secret_is_taken_out_of_values_and_the_frontmatter_stays_one() -> None:
    found = told(created(FIRST), *done(FIRST.id, summary="it is hunter2hunter2"), ENDED)
    part = PART.model_copy(update={"about": {"phase": "hunter2hunter2"}})
    text = summary_markdown(found, part, Files(), lambda text: text.replace("hunter2hunter2", "[redacted]"))

    assert "hunter2" not in text
    assert yaml.safe_load(text.split("---\n")[1])["phase"] == "[redacted]"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "1 h 0 min"), (7500, "2 h 5 min")]
)
def test_spans_of_time_are_written_as_people_write_them(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_time_between_processes_does_not_count() -> None:
    events = (created(FIRST), e.RunInterrupted(signal="SIGINT"))
    times = ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:05+00:00", "2026-01-02T00:00:00+00:00")
    resumed = e.RunResumed(settings=Settings(), interactive=False, pid=2, host="here")
    found = chronicle(zip((*events, resumed), times, strict=True))

    assert found.seconds([FIRST.id]) == 5.0


def test_a_chronicle_that_begins_otherwise_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with the creation"):
        chronicle([(ENDED, "2026-01-01T00:00:00+00:00")])


# -- reviews and must-haves


@dataclass(frozen=True)
class Found:
    """A finding with the fields of a reviewer's."""

    severity: str
    issue: str
    file: str = ""


@dataclass(frozen=True)
class Reviewed:
    """A task with the review that it carries, in the fields that are read of one."""

    task: Task
    reviews: tuple[Any, ...]
    role: str = "spec"
    round: int = 1
    ended: str = "done"
    passed: bool | None = False
    summary: str = "not *yet*"
    taken: bool = False
    changed: tuple[str, ...] = ("x.py",)
    findings: tuple[Found, ...] = (Found("high", "wrong", "a.py"),)


def test_reviews_are_shown_in_the_reviewers_words() -> None:
    review = Reviewed(FIRST, ())
    silent = replace(review, passed=None, ended="unreadable", summary="", changed=(), findings=())
    task: Any = Reviewed(FIRST, (review, silent))

    assert reviews([task]) == [
        "In the reviewers' own words:",
        "",
        r"- Task 04-02.1, round 1, spec: not passed: not \*yet\*",
        "  - it changed files, which was undone: `x.py`",
        "  - high in `a.py`: wrong",
        "- Task 04-02.1, round 1, spec: no verdict (unreadable)",
    ]
    assert reviews([]) == []
