"""What comes next when nothing is being done, and how a run ends."""

from __future__ import annotations

from dataclasses import replace

from superteam.core import events as e
from superteam.core.cadence import due
from superteam.core.evolve.integrating import give_turn
from superteam.core.evolve.parts import ask, new_work
from superteam.core.evolve.people import ask_person
from superteam.core.evolve.resuming import ask_about_finished
from superteam.core.evolve.validations import in_debt, next_source, validate
from superteam.core.plan import HUMAN
from superteam.core.run import Phase, Run, TaskRun
from superteam.core.scheduling import next_task
from superteam.core.sources import source_names


def begin_next(run: Run) -> Run:
    """Opens the next piece of work when nothing is being done and nobody is asked."""
    if run.ended or run.halted or run.limits.stopped or run.aborted or run.pending:
        return run
    if run.queued:
        return replace(run, pending=run.queued[0], queued=run.queued[1:])
    if run.uncaptured():
        return run
    run = give_turn(run)
    if run.working():
        return _begin_beside(run)
    if run.unasked and (asking := ask_about_finished(run)).pending:
        return asking
    run = block_dependants(run)
    debts = _in_debt(run) and not run.left() and run.settings.validation_cadence != "on-demand"
    if due(run.settings, len(run.unvalidated), len(run.left())) or debts:
        run = _begin_check(run)
        if run.working():
            return run
    left = run.left()
    if not left:
        return run
    first = run.of((run.settings.jobs > 1 and _next_of(run)) or left[0].task.id)
    if first.task.kind in HUMAN:
        return ask_person(run, first)
    if _pause_due(run):
        return _pause(run)
    return _begin_beside(_begin(run, first.task.id))


def begun(run: Run, t: TaskRun, slot: int = 0) -> TaskRun:
    """The task with its own work begun: a verification has nothing to do but its gate."""
    work = new_work(run, Phase.GATE if t.task.kind == "verification" else Phase.DISPATCH)
    return replace(t, status="running", work=replace(work, slot=slot))


def _begin(run: Run, id: str) -> Run:
    """Begins a task in the first work tree that is free."""
    taken = {t.work.slot for t in run.working() if t.work}
    slot = next(number for number in range(len(taken) + 1) if number not in taken)
    return run.with_task(begun(run, run.of(id), slot))


def _begin_beside(run: Run) -> Run:
    """Begins what may be done beside the tasks that are being worked on, as far as there is room."""
    if run.settings.jobs == 1:
        return run
    run = block_dependants(run)
    while _room(run) > 0 and (id := _next_of(run)) is not None:
        run = _begin(run, id)
    return run


def _room(run: Run) -> int:
    """How many tasks may begin: no more than there are trees, nor than fit in before a pause or a validation is due."""
    settings, working = run.settings, run.working()
    if run.pending or run.unasked or run.budget_failure or any(t.work and t.work.kind != "task" for t in working):
        return 0
    rooms = [settings.jobs]
    if every := _pause_every(run):
        rooms.append(every - run.since_pause)
    if source_names(settings) and settings.validation_cadence == "every-N":
        rooms.append(settings.validation_interval - len(run.unvalidated))
    return min(rooms) - len(working)


def _next_of(run: Run) -> str | None:
    states = {status: frozenset(t.task.id for t in run.tasks if t.status == status) for status in _SCHEDULED}
    working = frozenset(t.task.id for t in run.working())
    task = next_task([t.task for t in run.tasks], states["pending"], working, states["complete"])
    return task.id if task else None


_SCHEDULED = ("pending", "complete")


def _in_debt(run: Run) -> bool:
    return any(in_debt(name, run) for name in source_names(run.settings))


def _begin_check(run: Run) -> Run:
    """Begins to validate the tip, unless all sources have accepted it or nobody could be asked about a debt."""
    task = run.unvalidated[-1][0] if run.unvalidated else _last_complete(run)
    if task is None:
        return replace(run, sources={id: replace(s, owed={}, suspects={}) for id, s in run.sources.items()})
    work = replace(new_work(run, Phase.VALIDATE), kind="check", commit=run.tip)
    if next_source(run, work) is None:
        return replace(run, unvalidated=())
    return run.with_work(task, validate(run, work, task, final=not run.left()))


def _last_complete(run: Run) -> str | None:
    done = [t.task.id for t in run.tasks if t.status == "complete" and t.commit_sha]
    return done[-1] if done else None


def _pause_due(run: Run) -> bool:
    every = _pause_every(run)
    return every is not None and run.since_pause >= every


def _pause_every(run: Run) -> int | None:
    return {"checkpoint": 1, "batch": run.settings.batch_size}.get(run.settings.execution_mode)


def _pause(run: Run) -> Run:
    done = sum(t.status == "complete" for t in run.tasks)
    question = e.Question(
        id=f"q{run.questions + 1}",
        kind="checkpoint",
        question=f"{done} of {len(run.tasks)} tasks are done. Go on?",
        options=(
            e.Option(id="continue", label="go on with the next task"),
            e.Option(id="abort", label="end the run"),
        ),
    )
    return ask(replace(run, since_pause=0), question)


def block_dependants(run: Run) -> Run:
    """Tasks that depend, directly or not, on one that was skipped or failed cannot run."""
    stopped = {t.task.id for t in run.tasks if t.status in ("skipped", "failed", "blocked")}
    tasks = list(run.tasks)
    for _ in tasks:
        for i, t in enumerate(tasks):
            if t.status == "pending" and stopped.intersection(t.task.depends_on):
                tasks[i] = replace(t, status="blocked")
                stopped.add(t.task.id)
    return replace(run, tasks=tuple(tasks))


def ending(run: Run) -> tuple[str, int]:
    """The status and exit code with which a run that wants nothing more ends."""
    if run.aborted:
        return "aborted", 1
    if any(t.status in ("failed", "blocked") for t in run.tasks):
        return "blocked", 1
    if any(run.source(name).verdict == "inconclusive" for name in source_names(run.settings)):
        return "inconclusive", 3
    return "finished", 0
