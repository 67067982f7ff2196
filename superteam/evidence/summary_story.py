"""The sections of SUMMARY.md that tell what happened: what agents say, what people decided, what went wrong."""

from __future__ import annotations

from collections.abc import Sequence

from superteam.core import events as e
from superteam.core.claims import Compared
from superteam.core.failures import FailureType, Response
from superteam.core.finding import Finding
from superteam.core.markdown import code, text
from superteam.core.run import TaskRun
from superteam.evidence.chronicle import Chronicle, Issue

_SHOWN = 20

_DONE = {
    Response.FIX: "a fix was asked for",
    Response.REDO: "dispatched again",
    Response.RECHECK: "checked once more",
    Response.PROCEED: "taken as it is",
    Response.ASK: "a person was asked",
    Response.SKIP: "the task was left out",
    Response.ABORT: "the run was ended",
}


def accomplishments(told: Chronicle, tasks: Sequence[TaskRun]) -> list[str]:
    """What the agents of complete tasks say that they did."""
    lines = []
    for t in tasks:
        if t.status != "complete":
            continue
        if t.summary:
            lines.append(f"- Task {text(t.task.id)}: {text(t.summary)}")
        for d in told.story(t.task.id).dispatches:
            claims = d.claims[:_SHOWN]
            lines += [f"- Task {text(t.task.id)}, attempt {d.attempt}, claims: {text(claim)}" for claim in claims]
    return ["In the agents' own words, which nobody checked:", "", *lines] if lines else ["No agent said anything."]


def claims(tasks: Sequence[TaskRun]) -> list[str]:
    """What agents claimed, of each task, beside what was measured of it; only claims that could be measured."""
    measured = [(t, found) for t in tasks for found in t.claims if found.measured]
    return [_claim(t, found) for t, found in measured]


def _claim(t: TaskRun, found: Compared) -> str:
    word = {True: "agrees", False: "differs", None: "not settled"}[found.agrees]
    about = f"Task {text(t.task.id)}, attempt {found.attempt}"
    return f"- {word}: {about}, claimed: {text(found.text)}; measured: {text(found.measured)}"


def decisions(told: Chronicle, tasks: Sequence[TaskRun]) -> list[str]:
    """What people decided at the plan's checkpoints, as plain text; what was rejected first is said with it."""
    return [_decision(told, t) for t in tasks if t.status == "complete" and told.story(t.task.id).answers]


def _decision(told: Chronicle, t: TaskRun) -> str:
    *earlier, last = told.story(t.task.id).answers
    options = t.task.checkpoint.options if t.task.checkpoint else ()
    name = next((option.name for option in options if option.id == last.choice and option.name), "")
    before = "".join(f"; before: {_said(answer)}" for answer in earlier)
    return f"Task {t.task.id}, {t.task.title}: {_said(last, name)}{before}"


def _said(answer: e.Answered, name: str = "") -> str:
    named = f" ({name})" if name else ""
    return f"{answer.choice}{named}" + (f", note: {answer.note}" if answer.note else "")


def deviations(told: Chronicle, tasks: Sequence[TaskRun]) -> list[str]:
    """What agents say that they did differently, files outside of the declared ones, and what was approved."""
    lines = []
    for t in tasks:
        story = told.story(t.task.id)
        for d in story.dispatches:
            by = f"- Task {text(t.task.id)}, attempt {d.attempt} ({d.role})"
            lines += [f"{by}, in the agent's words: {text(said)}" for said in d.deviations[:_SHOWN]]
            if d.out_of_scope:
                more = f" and {len(d.out_of_scope) - _SHOWN} more" if len(d.out_of_scope) > _SHOWN else ""
                paths = ", ".join(map(code, d.out_of_scope[:_SHOWN]))
                lines.append(f"{by} changed files outside of the declared ones: {paths}{more}")
        lines += [_planted(t, finding) for finding in t.findings[:_SHOWN]]
        lines += [_approval(t, issue) for issue in story.issues if issue.answer and issue.answer.choice == "approve"]
    return lines or ["None known."]


def _planted(t: TaskRun, found: Finding) -> str:
    place = f" {code(found.path)}" if found.path else ""
    about = f"- Task {text(t.task.id)}: its agent changed what git runs, which superteam did not run:"
    return f"{about}{place}: {text(found.detail)}"


def _approval(t: TaskRun, issue: Issue) -> str:
    failure = issue.raised.failure
    note = f" ({text(issue.answer.note)})" if issue.answer and issue.answer.note else ""
    return f"- Task {text(t.task.id)}: {failure.type} was approved by a person{note}: {text(failure.message)}"


def issues(told: Chronicle, tasks: Sequence[TaskRun], whole: bool) -> list[str]:
    """Every failure that was raised and what was done about it; with `whole` those of the run itself too."""
    lines = [_issue(f"Task {text(t.task.id)}: ", issue) for t in tasks for issue in told.story(t.task.id).issues]
    lines += [_issue("", issue) for issue in told.issues] if whole else []
    return lines or ["None."]


def _issue(about: str, issue: Issue) -> str:
    failure, answer = issue.raised.failure, issue.answer
    tests = ", ".join(map(code, failure.tests[:_SHOWN]))
    more = f" and {len(failure.tests) - _SHOWN} more" if len(failure.tests) > _SHOWN else ""
    done = _DONE[issue.raised.response]
    if issue.raised.response is Response.PROCEED and failure.type is not FailureType.TEST_PREEXISTING:
        done += f" (action {issue.raised.action})"
    if answer is not None:
        done += f", the answer was {code(answer.choice)}" + (f" ({text(answer.note)})" if answer.note else "")
    listed = f"; tests: {tests}{more}" if tests else ""
    return f"- {about}{failure.type}: {text(failure.message) or 'no message'}{listed} - {done}"
