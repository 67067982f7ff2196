"""The questions a person is asked, with the answers that each failure type allows (contract, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from superteam.core.events import Option, Question
from superteam.core.failures import Failure, FailureType
from superteam.core.meters import Meter
from superteam.core.plan import Checkpoint, Choice, Task
from superteam.core.run import Phase, ReviewRecord, Run, TaskRun

RETRY = Option(id="retry", label="try again (checks again if you changed the tree; a note goes to the agent)")
REVIEW_AGAIN = Option(
    id="retry",
    label="review again (checks first if you changed the tree; a note goes to the reviewers)",
)
APPROVE = Option(id="approve", label="take it as it is")
ROLLBACK = Option(id="rollback", label="back to the task's start, then again")
SKIP = Option(id="skip", label="back to the task's start, leave the task out")
ABORT = Option(id="abort", label="end the run")
CONTINUE = Option(id="continue", label="go on")


def budget_question(number: int, failure: Failure, meter: Meter) -> Question:
    """What to do when a maximum is reached; of a task's one may leave the task out."""
    more = Option(id="continue", label="go on, with the same amount once more")
    about = f"Task {failure.task}: " if failure.task else ""
    evidence = {"maximum": meter.name, "limit": meter.limit, "used": meter.used}
    return Question(
        id=f"q{number}",
        kind="budget",
        task=failure.task,
        failure_type=FailureType.BUDGET_THRESHOLD,
        question=f"{about}{_sentence(failure.message)} Go on?",
        options=(more, *((SKIP,) if failure.task else ()), ABORT),
        evidence=evidence,
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
    retry = REVIEW_AGAIN if failure.origin == "review" else RETRY
    approve = (APPROVE,) if failure.approvable() else ()
    return Question(
        id=f"q{number}",
        kind="failure",
        task=t.task.id,
        failure_type=failure.type,
        question=_text(t, failure, rebuild),
        options=(retry, *approve, ROLLBACK, SKIP, ABORT),
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


# -- what a plan asks a person

DONE = Option(id="continue", label="it is done: go on")
VERIFIED = Option(id="approve", label="it is as it should be: go on")
REJECT = Option(
    id="reject", label="it is not: the note (needed) goes to the agent, which mends it; then this is asked again"
)
LABEL_LIMIT = 200
_SIGNALS = {"approved": VERIFIED.id, "done": DONE.id}


def human_question(number: int, run: Run, t: TaskRun) -> Question:
    """The question of a checkpoint, in the document's own words."""
    found = asked_of(t.task)
    parts = (found.subject, found.instructions, found.resume_signal)
    return Question(
        id=f"q{number}",
        kind="human",
        task=t.task.id,
        question="\n\n".join(part.strip() for part in parts if part.strip()) or t.task.title,
        options=_human_options(t.task, found),
        evidence={
            "checkpoint": {"kind": t.task.kind, "title": t.task.title, **found.model_dump(mode="json")},
            "branch": run.run_branch,
            "commit": run.tip,
            "mended": (t.commit_sha, *t.repairs)[-1],
        },
    )


def asked_of(task: Task) -> Checkpoint:
    """What the plan asks, with all that it says besides: nothing of it is kept from the person."""
    if task.checkpoint is None:
        return Checkpoint(subject=task.description or task.title)
    texts = (task.checkpoint.instructions, task.description)
    return task.checkpoint.model_copy(update={"instructions": "\n\n".join(text for text in texts if text.strip())})


def needs_note(question: Question) -> frozenset[str]:
    """The answers that say nothing without a note."""
    return frozenset({REJECT.id}) if question.kind == "human" and REJECT in question.options else frozenset()


def in_a_plans_words(question: Question, said: str) -> str:
    """The answer that the usual resume signals of plans ("approved", "done") stand for; anything else as it is."""
    ids = {option.id for option in question.options}
    meant = _SIGNALS.get(said.strip().strip("\"'").casefold())
    return meant if question.kind == "human" and meant in ids and said not in ids else said


def _human_options(task: Task, found: Checkpoint) -> tuple[Option, ...]:
    if task.kind == "human-verify":
        return (VERIFIED, REJECT, ABORT)
    if task.kind == "human-action" or not found.options:
        return (DONE, ABORT)
    ids: dict[str, Choice] = {}
    for place, choice in enumerate(found.options, 1):
        ids.setdefault(_option_id(choice, place), choice)
    return (*(Option(id=id, label=_choice_label(choice)) for id, choice in ids.items()), ABORT)


def _option_id(choice: Choice, place: int) -> str:
    """The document's id; where that is ours or empty, one with the option's place."""
    id = choice.id.strip()
    return f"option-{place}" if not id or id.casefold() == ABORT.id else id


def _choice_label(choice: Choice) -> str:
    facts = " / ".join(" ".join(text.split()) for text in (choice.pros, choice.cons) if text.strip())
    text = ": ".join(part for part in (" ".join(choice.name.split()), facts) if part)
    return text if len(text) <= LABEL_LIMIT else f"{text[: LABEL_LIMIT - 1]}…"
