"""Small changes of a run that several events have in common."""

from __future__ import annotations

from dataclasses import replace

from superteam.core.run import Phase, Run, Work


def edit_work(run: Run, task: str, **changes: object) -> Run:
    """The run with these changes in the work of a task, which must have some."""
    work = run.of(task).work
    assert work is not None, f"no work for task {task}"
    return run.with_work(task, replace(work, **changes))  # type: ignore[arg-type]


def add_warnings(run: Run, *messages: str) -> Run:
    """The run with these warnings behind the older ones."""
    return replace(run, warnings=(*run.warnings, *messages))


def new_work(run: Run, phase: Phase) -> Work:
    """Work of a task that begins at the tip of the run's branch."""
    return Work("task", run.tip, run.tip_tree, phase, tree=run.tip_tree, from_tree=run.tip_tree)


def finish_verification(run: Run, task: str) -> Run:
    """A verification with no failure left and nothing to commit is complete; any other work goes on."""
    t = run.of(task)
    work = t.work
    if t.task.kind != "verification" or work is None or work.kind != "task" or work.phase is not Phase.COMMIT:
        return run
    if work.failures or work.tree != work.base_tree:
        return run
    return run.with_task(replace(t, work=None, status="complete"))
