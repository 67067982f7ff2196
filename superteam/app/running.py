"""Runs: beginning one, taking one up, answering, ending it for good."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import anyio

from superteam import __version__, process
from superteam.agents import choices, make_agent
from superteam.app.interruption import until_signal
from superteam.app.plans import narrowed, require_trust, usable_plan
from superteam.app.project import CLOCK, Project, baseline_shelf, make_source, plan_canary, with_options_of
from superteam.app.summaries import are_written, write_summaries
from superteam.core import events as e
from superteam.core.adjust import Change, dependants, refusal
from superteam.core.chosen import chosen_agent
from superteam.core.decide import Kind, decide
from superteam.core.evolve import start
from superteam.core.plan import Plan, Task
from superteam.core.questions import in_a_plans_words, needs_note
from superteam.core.run import Run
from superteam.core.settings import Settings
from superteam.core.sources import redefined, source_names
from superteam.core.spent import NO_LIMITS
from superteam.engine.driver import Driver, Perform
from superteam.engine.steps import perform
from superteam.engine.world import World
from superteam.errors import ConfigError, SuperteamError, WorkspaceError
from superteam.evidence.status import status_document
from superteam.journal import lock as locks
from superteam.journal import runs
from superteam.journal.history import History
from superteam.journal.log import Journal
from superteam.journal.states import write_state
from superteam.journal.store import Store
from superteam.plans.places import checkout_at, placed, without_programs
from superteam.ports import Agent, Operator
from superteam.workspace.desk import Desk, open_desk
from superteam.workspace.environment import base_environment
from superteam.workspace.opening import require_startable
from superteam.workspace.repository import BRANCH_FOLDERS, Repository

PATIENCE = 6 * 3600.0  # on a terminal


class View(Protocol):
    """Shows a person what happens."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def event(self, before: Run | None, event: e.Event, after: Run, at: str) -> None: ...
    def output(self, key: str, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Result:
    """A run after a command: the signal that interrupted it, and whether there was nothing to do."""

    run: Run
    received: str | None = None
    done_before: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the options of `execute` and `resume` ask for beyond configuration."""

    fresh: bool = False
    only: tuple[str, ...] = ()
    trust_plan: bool = False
    terminal: bool = False
    confirm: Callable[[str], bool] | None = None
    confirm_agent: Callable[[str], bool] | None = None
    agent_named: bool = False


# -- beginning and taking up a run


def execute(project: Project, path: Path, wishes: Wishes, view: View, operator: Operator) -> Result:
    """Runs a plan, or goes on with its unfinished run."""
    plan = narrowed(usable_plan(project, path), wishes.only)
    with _lock(project, f"execute {plan.path}") as held:
        before = _newest_of_plan(project, plan)
        if before and not before.ended and not wishes.fresh:
            held.describe(before.run_id)
            project = with_options_of(project, before)
            _check_agents(project, plan)
            _require_same_agents(before, project, plan, wishes)
            _check_jobs(project.settings)
            _check_places(project)
            require_trust(project, plan, wishes.trust_plan, wishes.confirm, _start_in_place(before))
            return _resume(project, before, plan, wishes, view, operator)
        _check_agents(project, plan)
        _check_jobs(project.settings)
        _check_places(project)
        require_trust(project, plan, wishes.trust_plan, wishes.confirm)
        if before and not before.ended:
            _end_as_aborted(project, before, view, operator)
        elif before and _is_done(project, before, plan) and not wishes.fresh:
            if not are_written(project, before):  # the process ended between the run's end and its summary
                _summarise(project, before)
            return Result(before, done_before=True)
        run_id = _new_run_id()
        held.describe(run_id)
        return _begin(project, run_id, plan, wishes, view, operator)


def resume(project: Project, run_id: str | None, wishes: Wishes, view: View, operator: Operator) -> Result:
    """Goes on with an unfinished run."""
    with _lock(project, "resume") as held:
        run = unfinished(project, run_id)
        held.describe(run.run_id)
        project = with_options_of(project, run)
        plan = _plan_now(project, run)
        _check_agents(project, plan)
        _require_same_agents(run, project, plan, wishes)
        _check_jobs(project.settings)
        _check_places(project)
        if plan.sha256 != run.plan.sha256:
            require_trust(project, plan, wishes.trust_plan, wishes.confirm, _start_in_place(run))
        return _resume(project, run, plan, wishes, view, operator)


def _start_in_place(run: Run) -> str | None:
    """The start commit where HEAD is the agent's: in place its commits are on the branch that is checked out."""
    return run.start_sha if run.settings.workspace.isolation == "in-place" else None


def _plan_now(project: Project, run: Run) -> Plan:
    """The plan document as it is now; the run's own copy where it is gone. A run of some tasks stays one of these."""
    if not any((project.root / name).is_file() for name in run.plan.documents()):
        return run.plan
    plan = usable_plan(project, project.root / run.plan.path)
    if plan.sha256 == run.plan.sha256:
        return run.plan
    known = tuple(task.id for task in run.plan.tasks)
    return plan if not run.partial else narrowed(plan, tuple(t.id for t in plan.tasks if t.id in known))


def unfinished(project: Project, run_id: str | None) -> Run:
    """The newest (or named) run that has not ended; SuperteamError if there is none."""
    if run_id is not None:
        run = runs.load(project.root, runs.find(project.root, run_id))
        if run.ended:
            raise SuperteamError(f"run {run.run_id} has ended ({run.ended})", f"superteam execute {run.plan.path}")
        return run
    for id in reversed(runs.run_ids(project.root)):
        run = runs.load(project.root, id)
        if not run.ended:
            return run
    raise SuperteamError("there is no unfinished run in this repository", "superteam runs lists all runs")


def _newest_of_plan(project: Project, plan: Plan) -> Run | None:
    for id in reversed(runs.run_ids(project.root)):
        run = runs.load(project.root, id)
        if run.plan.path == plan.path:
            return run
    return None


def _is_done(project: Project, run: Run, plan: Plan) -> bool:
    """Whether this plan, as it is written now, was carried out and its commits are part of HEAD."""
    same = run.ended == "finished" and run.plan.sha256 == plan.sha256 and run.plan.tasks == plan.tasks
    return same and project.repository.is_ancestor(run.tip, "HEAD")


def _new_run_id() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _check_agents(project: Project, plan: Plan) -> None:
    """Every agent that may be dispatched is there: of each task the one for each role in use."""
    settings = project.settings
    roles = ("implement", "fix", *(("review",) if settings.review.roles else ()))
    named = {chosen_agent(settings.agent, role, task.agent).agent for task in plan.tasks for role in roles}
    if None in named:
        known = ", ".join(choices(settings)) or "none is defined yet"
        text = f"no agent is chosen; the choices are: {known}"
        raise ConfigError(text, 'superteam execute PLAN --agent NAME, or [agent] use = "NAME" in superteam.toml')
    for name in sorted(filter(None, named)):
        make_agent(name, settings, project.root).check()


def _require_same_agents(run: Run, project: Project, plan: Plan, wishes: Wishes) -> None:
    """A run continues with the agents that it began with; another program is a person's decision."""
    if wishes.agent_named:
        return
    tasks = tuple(t.task for t in run.tasks if t.status not in ("complete", "skipped"))
    before, now = _programs(run.settings, tasks), _programs(project.settings, plan.tasks)
    changed = [role for role in before if role in now and before[role] != now[role]]
    if not changed:
        return
    shown = "\n".join(f"  {role}: {before[role]}, now {now[role]}" for role in changed)
    text = f"the agent of run {run.run_id} is another one in the configuration now:\n{shown}"
    if not (wishes.confirm_agent and wishes.confirm_agent(text)):
        name = project.settings.agent.use or "NAME"
        raise ConfigError(text, f"undo the change; or continue with it: superteam resume {run.run_id} --agent {name}")


def _programs(settings: Settings, tasks: Sequence[Task]) -> dict[str, str]:
    """What is started for each role that the tasks need: the agent's name, and its program with all arguments."""
    roles = ("implement", "fix", *(("review",) if settings.review.roles else ()))
    found = {}
    for task in tasks:
        for role in roles:
            chosen = chosen_agent(settings.agent, role, task.agent)
            definition = settings.agents.get(chosen.agent or "")
            parts = [definition.preset, definition.script, *definition.command] if definition else []
            words = [chosen.agent, *parts, *chosen.arguments]
            found[f"task {task.id}, {role}"] = shlex.join(word for word in words if word)
    return found


def _check_places(project: Project) -> None:
    """The configured commands run in trees of ours; one that goes back to the checkout would judge that instead.

    A program of the checkout's own environment is none of that: which code it runs is proven elsewhere.
    """
    checkout = checkout_at(project.root)
    commands = {
        "validation-command": project.settings.validation_command,
        "test-command": project.settings.test_command,
    }
    for key, command in commands.items():
        other = without_programs(command or "", checkout)
        found = placed(other, checkout)
        if found.command != other:
            named = [word.strip("\"'();") for word in other.split() if any(path in word for path in checkout.paths)]
            what = f"names the checkout: {named[0]}" if named else f"does not run in the task's tree: {found.reason}"
            text = f"{key} {what}; superteam runs it in a tree of its own, never in the checkout: {command}"
            raise ConfigError(text, f"write it relative to the repository's root: {key} in superteam.toml")


def _check_jobs(settings: Settings) -> None:
    if settings.jobs > 1 and settings.workspace.isolation == "in-place":
        text = f"jobs is {settings.jobs}, but in place there is one checkout for the agent, so one task at a time"
        raise ConfigError(text, "run without --in-place; or --jobs 1, jobs = 1 in superteam.toml")


def _begin(project: Project, run_id: str, plan: Plan, wishes: Wishes, view: View, operator: Operator) -> Result:
    repository, settings = project.repository, project.settings
    repository.require_identity()
    require_startable(repository, in_place=settings.workspace.isolation == "in-place")
    created = e.RunCreated(
        run_id=run_id,
        plan=plan,
        settings=settings,
        start_sha=repository.head,
        start_tree=repository.tree_of(repository.head),
        user_branch=repository.branch,
        run_branch=f"{branch_folder(repository)}/{_slug(plan)}-{run_id[-6:]}",
        interactive=_interactive(settings, wishes),
        partial=bool(wishes.only),
        options=dict(project.options),
        config_file=project.config_file,
        wait_for_limits=_patience(settings, wishes),
        superteam=__version__,
        pid=os.getpid(),
        host=socket.gethostname(),
    )
    runs.home(project.root)
    journal = Journal.create(runs.journal_path(project.root, run_id))
    runs.point_latest(project.root, run_id)
    at = CLOCK.now()
    journal.append(at, _plain(created))
    run = start(created, at)
    view.event(None, created, run, at)
    return _drive(project, run, journal, view, operator, [])


def branch_folder(repository: Repository) -> str:
    """The first part of the run branch's name: a branch that is called `superteam` leaves no room below it."""
    taken = [name for name in BRANCH_FOLDERS if repository.ref(f"refs/heads/{name}")]
    free = [name for name in BRANCH_FOLDERS if name not in taken]
    if not free:
        text = f"the run's branch has no place: there are branches named {' and '.join(taken)}"
        raise WorkspaceError(text, f"git branch -m {taken[0]} NEW-NAME")
    if taken:
        sys.stderr.write(f"note: there is a branch named {taken[0]}, so the run's branch is in {free[0]}/\n")
    return free[0]


def _slug(plan: Plan) -> str:
    path = Path(plan.path)
    stem = (path.name if plan.format == "gsd-phase" else path.stem).lower()
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in stem)
    return "-".join(part for part in kept.split("-") if part)[:40] or "plan"


def _interactive(settings: Settings, wishes: Wishes) -> bool:
    return wishes.terminal and settings.on_escalation == "ask"


def _patience(settings: Settings, wishes: Wishes) -> float:
    """For how many seconds the end of a rate limit is waited for: without a terminal not at all, if nothing is said."""
    said = settings.agent.wait_for_limits
    return said if said is not None else PATIENCE if wishes.terminal else 0.0


def _resume(project: Project, run: Run, plan: Plan, wishes: Wishes, view: View, operator: Operator) -> Result:
    journal, records = Journal.open(runs.journal_path(project.root, run.run_id))
    run = runs.fold(records)
    anyio.run(_end_survivors, run.run_id)
    settings = project.settings
    first: list[e.Event] = [
        e.RunResumed(
            settings=settings,
            interactive=_interactive(settings, wishes),
            changes=_changes(run.settings, settings),
            again=_judging_otherwise(run, settings),
            wait_for_limits=_patience(settings, wishes),
            pid=os.getpid(),
            host=socket.gethostname(),
        )
    ]
    changed = plan_changes(run, plan)
    if changed:
        first.append(changed)
    return _drive(project, run, journal, view, operator, first)


def _judging_otherwise(run: Run, settings: Settings) -> tuple[str, ...]:
    """The sources whose baseline was captured with another command or in trees made ready otherwise."""
    captured = [name for name in source_names(settings) if run.source(name).baseline is not None]
    return tuple(name for name in captured if redefined(name, run.settings, settings))


async def _end_survivors(run_id: str) -> None:
    """After a kill the agent may live on: what carries the run's id in its environment is ended first."""
    await process.end_marked(f"SUPERTEAM_RUN_ID={run_id}", grace=3.0)


def _lock(project: Project, purpose: str) -> locks.Lock:
    """The repository's lock; what a killed holder's run left running is ended before anything else is done."""
    before = locks.read_owner(project.lock_path)
    held = locks.acquire(project.lock_path, purpose, CLOCK.now())
    if before and before.run_id:
        anyio.run(_end_survivors, before.run_id)
    return held


def _changes(old: Settings, new: Settings) -> tuple[str, ...]:
    """The keys whose values differ, in words."""
    before, after = _flat(old.model_dump(mode="json", by_alias=True)), _flat(new.model_dump(mode="json", by_alias=True))
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return tuple(f"{key}: {before.get(key)!r} is now {after.get(key)!r}" for key in keys)


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in document.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def plan_changes(run: Run, plan: Plan) -> e.PlanChanged | None:
    """What a changed plan document means for a run: finished tasks that differ, and all others that do."""
    if plan.sha256 == run.plan.sha256:
        return None
    old = {t.task.id: t for t in run.tasks}
    new = {task.id: task for task in plan.tasks}
    differ = [id for id in {**old, **new} if id not in old or _text(old[id].task) != _text(new.get(id))]
    finished = tuple(id for id in differ if id in old and id in new and old[id].status == "complete")
    return e.PlanChanged(plan=plan, finished=finished, pending=tuple(id for id in differ if id not in finished))


def _text(task: Task | None) -> Task | None:
    """A task without its place in the document: a moved task is the same task."""
    return task.model_copy(update={"line": 0}) if task else None


# -- driving


def _drive(
    project: Project, run: Run, journal: Journal, view: View, operator: Operator, first: list[e.Event]
) -> Result:
    desk = open_desk(project.repository, run, project.settings, project.environ)
    driver = Driver(run, lambda event: _append(journal, event), _performer(project, run, desk, view, operator))
    driver.observe = partial(_observe, project, view)
    try:
        for event in first:
            driver.record(event)
        desk.recover(interrupted=driver.run.interrupted)
        view.start()
        with process.watched(run.run_id):
            received = anyio.run(until_signal, driver.drive)
        if received:
            driver.record(e.RunInterrupted(signal=received))
        if driver.run.ended not in (None, "aborted"):
            _summarise(project, driver.run)
        return Result(driver.run, received)
    finally:
        view.stop()
        _write_state(project, driver.run, live=False, size=journal.sound_size)
        desk.close()
        journal.close()


def _append(journal: Journal, event: e.Event) -> str:
    at = CLOCK.now()
    journal.append(at, _plain(event))
    return at


def _plain(event: e.Event) -> dict[str, Any]:
    """The event as it is written: only what differs from the defaults."""
    document: dict[str, Any] = {"kind": event.kind, **event.model_dump(mode="json", exclude_defaults=True)}
    return document


def _observe(project: Project, view: View, before: Run, event: e.Event, after: Run) -> None:
    view.event(before, event, after, after.last_at)
    if isinstance(event, e.BaselineCaptured) and event.baseline.expected is not None:
        folder = project.root / ".superteam" / "baselines"
        _or_warn(folder, lambda: baseline_shelf(project).keep_baseline(event.baseline))
    told = (e.BranchMoved, e.ValidationConcluded, e.ActionChosen, e.BaselineCaptured, e.RunEnded, e.Answered)
    if isinstance(event, told):
        _write_state(project, after, live=not after.ended)


def _write_state(project: Project, run: Run, live: bool, size: int | None = None) -> None:
    path = runs.journal_path(project.root, run.run_id).with_name("state.json")
    _or_warn(path, lambda: write_state(project.root, run.run_id, status_document(run, live), size))


def _summarise(project: Project, run: Run) -> None:
    folder = runs.journal_path(project.root, run.run_id).parent
    _or_warn(folder / "SUMMARY.md", lambda: write_summaries(project, run))


def _or_warn(path: Path, write: Callable[[], None]) -> None:
    """Failing to write what can be derived again is no reason to stop."""
    try:
        write()
    except (OSError, WorkspaceError) as problem:
        sys.stderr.write(f"warning: {path} could not be written: {problem}\n")


def _performer(project: Project, run: Run, desk: Desk, view: View, operator: Operator) -> Perform:
    folder = runs.journal_path(project.root, run.run_id).parent / "outputs"
    environment = base_environment(project.environ)
    world = World(
        history=History(project.root / ".superteam" / "history.sqlite"),
        workspace=desk,
        agents=partial(_agent, project),
        source=partial(make_source, project, folder, view.output),
        reports=Store(project.root / ".superteam" / "baselines"),
        operator=operator,
        clock=CLOCK,
        outputs=folder,
        canary=partial(plan_canary, project),
        fingerprint=desk.fingerprint,
        redact=process.secrets_redactor(environment),
        on_output=view.output,
    )
    return partial(perform, world)


def _agent(project: Project, name: str) -> Agent:
    return make_agent(name, project.settings, project.root)


# -- what a resume would do


def explain(project: Project, run: Run) -> list[str]:
    """What `resume` would repeat, ask and skip, and why; nothing is done."""
    lines = [f"run {run.run_id} of {run.plan.path}"]
    for t in run.tasks:
        if t.status == "complete":
            lines.append(f"skip    task {t.task.id} ({t.task.title}): complete, {(t.commit_sha or '')[:12]}")
        elif t.status in ("skipped", "failed", "blocked"):
            lines.append(f"skip    task {t.task.id} ({t.task.title}): {t.status}")
    broken_off = sorted(key for key in run.in_flight if not key.startswith(f"{Kind.ASK}:"))
    lines += [f"repeat  {_step(key)}: it was in flight when the last process ended" for key in broken_off]
    project = with_options_of(project, run)
    plan = _plan_now(project, run)
    changed = plan_changes(run, plan)
    if changed:
        lines += [
            f"ask     task {id}: it is finished, and the plan now describes it differently" for id in changed.finished
        ]
        lines += [f"take    task {id}: as the plan now describes it" for id in changed.pending]
    lines += [f"record  {change}" for change in _changes(run.settings, project.settings)]
    if run.pending:
        answers = ", ".join(option.id for option in run.pending.options)
        lines.append(f"ask     {' '.join(run.pending.question.split())} ({answers})")
    if run.pending is None or run.pending.kind == "checkpoint":
        wanted = {
            step.key for step in decide(replace(run, pending=None, halted=None, limits=NO_LIMITS))
        } - run.in_flight
        lines += [f"do      {_step(key)}" for key in sorted(wanted)]
    return lines


def _step(key: str) -> str:
    """A step's key in words."""
    kind, _, rest = key.partition(":")
    task = rest.rpartition("#")[0]
    return f"{kind} ({key})" if task == "-" else f"task {task}: {kind} ({key})"


# -- ending a run for good


def abort(project: Project, run_id: str | None, view: View, operator: Operator) -> Run:
    """Ends a run for good; a live one is signalled and waited for first. Its commits stay reachable."""
    run_id = _stop_live(project, run_id and runs.find(project.root, run_id))
    with _lock(project, "abort") as held:
        run = unfinished(project, run_id)
        held.describe(run.run_id)
        return _end_as_aborted(project, run, view, operator)


def _stop_live(project: Project, run_id: str | None) -> str | None:
    """Ends the process that drives this run (without a name: any run); the id of the run that is to be aborted."""
    owner = locks.read_owner(project.lock_path)
    if owner is None or not locks.is_held(project.lock_path) or run_id not in (None, owner.run_id):
        return run_id
    if owner.host != socket.gethostname():
        raise SuperteamError(f"the run is live on {owner.host} (process {owner.pid})", "run superteam abort there")
    os.kill(owner.pid, signal.SIGTERM)
    os.kill(owner.pid, signal.SIGCONT)  # stopped by Ctrl-Z, it would not notice
    anyio.run(_wait_until_free, project.lock_path)
    return owner.run_id


async def _wait_until_free(path: Path) -> None:
    with anyio.fail_after(60):
        while locks.is_held(path):
            await anyio.sleep(0.05)


def _end_as_aborted(project: Project, run: Run, view: View, operator: Operator) -> Run:
    journal, records = Journal.open(runs.journal_path(project.root, run.run_id))
    run = runs.fold(records)
    anyio.run(_end_survivors, run.run_id)
    # What the run was configured with does not matter any more, so that a file that is gone is in no way.
    project = with_options_of(replace(project, options={}), replace(run, config_file=None))
    resumed = e.RunResumed(settings=run.settings, interactive=False, pid=os.getpid(), host=socket.gethostname())
    return _drive(project, run, journal, view, operator, [resumed, e.RunAborted()]).run


# -- answering


def answer(project: Project, run_id: str | None, choice: str, note: str | None, view: View) -> tuple[Run, str]:
    """Records the answer to the pending question of a paused run, and says which option was meant; `resume` goes on
    from there."""
    with _lock(project, "answer"):
        run = unfinished(project, run_id)
        question = run.pending
        if question is None:
            raise SuperteamError(f"run {run.run_id} asks nothing now", f"superteam resume {run.run_id}")
        choice = _offered(question, choice)
        if choice in needs_note(question) and not (note or "").strip():
            text = f"{choice} needs a note: what is not as it should be, for the agent that mends it"
            raise SuperteamError(text, f'superteam answer {choice} --run {run.run_id} --note "..."')
        journal, records = Journal.open(runs.journal_path(project.root, run.run_id))
        driver = Driver(runs.fold(records), lambda event: _append(journal, event), _nothing)
        driver.observe = partial(_observe, project, view)
        driver.record(e.Answered(question=question.id, choice=choice, note=note))
        _write_state(project, driver.run, live=False, size=journal.sound_size)
        journal.close()
        return driver.run, choice


def _offered(question: e.Question, choice: str) -> str:
    """The option that is meant: its id as it is, or in another case where no two differ in that alone."""
    ids = [option.id for option in question.options]
    choice = in_a_plans_words(question, choice)
    alike = [id for id in ids if id.casefold() == choice.casefold()]
    if choice not in ids and len(alike) != 1:
        text = f"{choice!r} is no answer to question {question.id}; the answers are {', '.join(ids)}"
        raise SuperteamError(text, "superteam status")
    return choice if choice in ids else alike[0]


# -- changing what is left of a run


def adjust(
    project: Project, run_id: str | None, change: Change, tasks: tuple[str, ...], view: View
) -> tuple[Run, tuple[str, ...]]:
    """Takes tasks that have not begun out of a run, leaves them out, or reorders them; with the dependants that a
    skip blocks. SuperteamError says why a change is refused."""
    with _lock(project, f"plan {change}"):
        run = unfinished(project, run_id)
        problem = refusal(run, change, tasks)
        if problem:
            raise SuperteamError(problem, _instead(run, change, tasks))
        blocked = dependants(run, tasks) if change == "skip" else ()
        journal, records = Journal.open(runs.journal_path(project.root, run.run_id))
        driver = Driver(runs.fold(records), lambda event: _append(journal, event), _nothing)
        driver.observe = partial(_observe, project, view)
        driver.record(e.PlanAdjusted(change=change, tasks=tasks))
        _write_state(project, driver.run, live=False)
        journal.close()
        return driver.run, blocked


def _instead(run: Run, change: Change, tasks: tuple[str, ...]) -> str:
    """The next command after a refusal: where only dependants are in the way, the one that takes them along."""
    left = dependants(run, tasks) if change == "drop" else ()
    if left and refusal(run, change, (*tasks, *left)) is None:
        return f"superteam plan drop {shlex.join((*tasks, *left))} --run {run.run_id}"
    return f"superteam status {run.run_id}"


async def _nothing(run: Run, step: Any) -> e.Event:
    raise AssertionError("answering performs no step")
