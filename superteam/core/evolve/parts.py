"""Small changes of a run that several events have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from superteam.core import events as e
from superteam.core.finding import Finding
from superteam.core.run import Phase, Run, TaskRun, Work
from superteam.core.sources import source_names


def edit_work(run: Run, task: str, **changes: object) -> Run:
    """The run with these changes in the work of a task, which must have some."""
    work = run.of(task).work
    assert work is not None, f"no work for task {task}"
    return run.with_work(task, replace(work, **changes))  # type: ignore[arg-type]


def add_warnings(run: Run, *messages: str) -> Run:
    """The run with these warnings behind the older ones."""
    return replace(run, warnings=(*run.warnings, *messages))


def with_findings(t: TaskRun, found: Sequence[Finding]) -> TaskRun:
    """The task with what its agents planted behind what is known of it."""
    return replace(t, findings=tuple(dict.fromkeys((*t.findings, *found)))) if found else t


def planted_warnings(event: e.AgentFinished | e.ReviewFinished) -> list[str]:
    """A warning for each thing that an agent planted."""
    whose = f"the reviewer {event.role}" if isinstance(event, e.ReviewFinished) else "the agent"
    about = f"task {event.task}: {whose} changed what git runs, which was not run"
    return [f"{about}: {f.path}{f':{f.line}' if f.line else ''}: {f.detail}" for f in event.findings]


def new_work(run: Run, phase: Phase) -> Work:
    """Work of a task that begins at the tip of the run's branch."""
    return Work("task", run.tip, run.tip_tree, phase, tree=run.tip_tree, from_tree=run.tip_tree)


def without_change(t: TaskRun, work: Work) -> bool:
    """Whether a dispatch that had to change something has changed nothing."""
    own = work.role == "implement" or work.rejected is not None
    return own and work.tree == work.base_tree and not t.task.allow_empty


def finish_verification(run: Run, task: str) -> Run:
    """A verification with no failure left and nothing to commit is complete; any other work goes on."""
    t = run.of(task)
    work = t.work
    if t.task.kind != "verification" or work is None or work.kind != "task" or work.phase is not Phase.COMMIT:
        return run
    if work.failures or work.tree != work.base_tree:
        return run
    return run.with_task(replace(t, work=None, status="complete"))


def ask(run: Run, question: e.Question) -> Run:
    """The run with this question pending, or behind the one that is: it is numbered here, where the order is known."""
    question = question.model_copy(update={"id": f"q{run.questions + 1}"})
    if question.task is not None:
        run = count_round(run, question.task)
    run = replace(run, questions=run.questions + 1)
    return replace(run, queued=(*run.queued, question)) if run.pending else replace(run, pending=question)


def count_round(run: Run, task: str) -> Run:
    """The run with one more question about, or validation of, this task: its steps may come again under new keys."""
    t = run.of(task)
    return run.with_task(replace(t, rounds=t.rounds + 1))


def take_over(run: Run, task: str) -> Run:
    """What the sources accepted is the run's new reference, and the branch may move to the work's commit.

    A commit that not all of them judged, since they were others while it was reviewed, is judged on the branch.
    """
    work = run.of(task).work
    assert work is not None
    names = source_names(run.settings)
    if work.accepted:
        used = {name: state for name, state in work.accepted.items() if name in names}
        run = replace(run, sources={**run.sources, **used})
    if work.kind != "check" and not set(names) <= work.accepted.keys():
        work = replace(work, validation=None)
    elif work.accepted:
        run = replace(run, unvalidated=())
    if work.kind == "check":
        return run.with_work(task, None)
    return run.with_work(task, replace(work, phase=Phase.MOVE, accepted={}))
