"""The questions a person is asked, with the answers that each failure type allows (contract, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from superteam.core.events import Option, Question
from superteam.core.failures import Failure, FailureType
from superteam.core.run import Phase, ReviewRecord, TaskRun

RETRY = Option(id="retry", label="try again (checks again if you changed the tree; a note goes to the agent)")
APPROVE = Option(id="approve", label="take it as it is")
ROLLBACK = Option(id="rollback", label="back to the task's start, then again")
SKIP = Option(id="skip", label="back to the task's start, leave the task out")
ABORT = Option(id="abort", label="end the run")
CONTINUE = Option(id="continue", label="go on")


def budget_question(number: int, failure: Failure) -> Question:
    """What to do when a maximum is reached."""
    more = Option(id="continue", label="go on, with the same amount once more")
    text = f"{_sentence(failure.message)} Go on?"
    return Question(
        id=f"q{number}",
        kind="budget",
        failure_type=FailureType.BUDGET_THRESHOLD,
        question=text,
        options=(more, ABORT),
    )


def failure_question(
    number: int, t: TaskRun, failure: Failure, diff: str, rebuild: Mapping[str, list[str]] | None, work_tree: str
) -> Question:
    """What to do about a failure of a task; `rebuild` says what becomes of later tasks when it is taken back."""
    work = t.work
    assert work is not None
    evidence: dict[str, Any] = {
        "tests": list(failure.tests),
        "messages": failure.messages,
        "diff": diff,
        "output": failure.output,
        "reproduce_command": failure.reproduce_command,
        "work_tree": work_tree,
    }
    if work.gate is not None and failure.origin == "gate":
        evidence["gate"] = {key: work.gate.get(key) for key in ("command", "exit_code", "stdout", "stderr")}
        evidence["gate_red_at_start"] = work.gate_red_at_start
    if rebuild is not None:
        evidence["if_taken_back"] = dict(rebuild)
    if failure.origin == "review":
        evidence["reviews"] = [_said(record) for record in work.reviews.values()]
    approve = (APPROVE,) if failure.approvable() else ()
    return Question(
        id=f"q{number}",
        kind="failure",
        task=t.task.id,
        failure_type=failure.type,
        question=_text(t, failure, rebuild),
        options=(RETRY, *approve, ROLLBACK, SKIP, ABORT),
        evidence=evidence,
    )


def _said(record: ReviewRecord) -> dict[str, Any]:
    """What a reviewer said, for whoever decides."""
    found = [finding.model_dump(mode="json") for finding in record.findings]
    return {
        "role": record.role,
        "round": record.round,
        "passed": record.passed,
        "findings": found,
        "summary": record.summary,
        "changed": list(record.changed),
        "detail": record.detail,
    }


def _text(t: TaskRun, failure: Failure, rebuild: Mapping[str, list[str]] | None) -> str:
    lines = [f"Task {t.task.id} ({t.task.title}): {failure.type}: {_sentence(failure.message)}"]
    if t.work and t.work.gate_red_at_start and failure.origin == "gate":
        lines.append("The same gate is red at the task's start commit too.")
    if t.work and t.work.phase in (Phase.REVIEW, Phase.ACCEPT) and rebuild and (rebuild["kept"] or rebuild["pending"]):
        kept, lost = ", ".join(rebuild["kept"]) or "none", ", ".join(rebuild["pending"]) or "none"
        lines.append(f"If the task is taken back: later tasks put on again: {kept}; to be done again: {lost}.")
    lines.append("What is to be done?")
    return " ".join(lines)


def _sentence(text: str) -> str:
    """The text with an end: a failure's message has none, and the next sentence follows it."""
    ended = text.rstrip()
    return ended if ended.endswith((".", "!", "?")) or not ended else f"{ended}."
