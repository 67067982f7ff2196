"""Tasks that are a person's: asked about when they are next, answered, and done again after what was rejected."""

from __future__ import annotations

from dataclasses import replace

from superteam.core import events as e
from superteam.core.evolve.parts import ask, new_work
from superteam.core.plan import HUMAN
from superteam.core.questions import human_question
from superteam.core.run import Decision, Phase, Run, TaskRun


def ask_person(run: Run, t: TaskRun) -> Run:
    """Asks what the document asks; a planned pause right after it would be one too many."""
    return ask(replace(run, since_pause=0), human_question(run.questions + 1, run, t))


def answer_person(run: Run, task: str, event: e.Answered) -> Run:
    """The checkpoint is passed without a commit of its own; what is rejected is mended from the tip first."""
    t = run.of(task)
    if event.choice == "reject" and t.task.kind == "human-verify":
        work = replace(new_work(run, Phase.DISPATCH), role="fix", rejected=event.note or "")
        return run.with_task(replace(t, status="running", work=work))
    return run.with_task(replace(t, status="complete", decision=Decision(event.choice, event.note)))


def without_human_question(run: Run) -> Run:
    """Another task may be next by now, or the document may ask something else: it is asked anew."""
    return replace(run, pending=None) if run.pending and run.pending.kind == "human" else run


def reopen(t: TaskRun) -> TaskRun:
    """A task that is to be done again."""
    return replace(t, status="pending", work=None, decision=None, must_haves=(), session=None)


def reopen_what_was_seen(run: Run, culprit: str) -> Run:
    """What was verified without a commit is verified again when something below it is taken back: what depends on the
    culprit, what stands behind it in its document, and all verifications behind it: they ran on a state that had it."""
    gone, behind, tasks = {culprit}, False, []
    part = run.of(culprit).task.part
    for t in run.tasks:
        behind = behind or t.task.id == culprit
        depends = bool(gone.intersection(t.task.depends_on))
        shown = t.task.kind == "human-verify" and t.task.part == part
        seen = behind and (shown or t.task.kind == "verification")
        without_commit = t.status == "complete" and t.commit_sha is None
        if without_commit and (seen or (depends and t.task.kind in HUMAN | {"verification"})):
            t = reopen(t)
        if depends and t.status != "complete":
            gone.add(t.task.id)
        tasks.append(t)
    return replace(run, tasks=tuple(tasks))
