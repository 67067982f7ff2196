"""Budgets: what is spent, what is reached, what is allowed once more."""

from __future__ import annotations

from dataclasses import replace

from superteam.core import events as e
from superteam.core.decide import Kind, dispatches
from superteam.core.evolve.parts import add_warnings, ask, edit_work
from superteam.core.failures import Failure, FailureType, Response, maximum_of
from superteam.core.meters import (
    DISPATCH,
    TASK,
    Meter,
    attempts_meter,
    dispatch_meters,
    meter,
    narrowest,
    run_meters,
    task_meters,
)
from superteam.core.moments import seconds_until
from superteam.core.run import Run, TaskRun
from superteam.core.spent import Cost

WARN_SHARE = 0.8
MOST_TIMES = 10**18

BROKEN_OFF = ("over-budget", "rate-limited")  # by a limit, so that it is no attempt
Dispatched = e.AgentFinished | e.ReviewFinished


def reached(run: Run) -> str | None:
    """The name of a maximum of the run that is reached, or None."""
    return next((m.name for m in run_meters(run) if m.reached), None)


def check_budgets(run: Run, event: e.Event) -> Run:
    """Warns at a share of each maximum, and raises the failure of one that is reached while work is left."""
    if run.ended or run.budget_failure or run.halted or isinstance(event, e.RunEnded):
        return run
    for m in (*run_meters(run), attempts_meter(run)):
        run = _warn(run, m, m.name)
    usd, warn = run.cost.usd, run.settings.budget.warn_usd
    if usd is not None and warn is not None and usd >= warn and "warn-usd" not in run.warned:
        run = add_warnings(run, f"budget: {usd:.4g} USD are spent, warn-usd is {warn:.4g}")
        run = replace(run, warned=run.warned | {"warn-usd"})
    crossed = "max-time" if isinstance(event, e.TimeUp) else reached(run)
    if crossed is None or (not run.left() and not run.working()):
        return run
    if crossed == "max-time" and not isinstance(event, e.TimeUp) and _reviewing(run):
        return run
    return _stop_run(run, crossed)


def _warn(run: Run, m: Meter, once: str, about: str = "") -> Run:
    """Warns of a maximum of which a share is used, under a name under which that is done once."""
    if m.used is None or m.maximum is None or m.used < WARN_SHARE * m.maximum or once in run.warned:
        return run
    run = add_warnings(run, f"budget: {about}{m.used:.4g} of {m.name} {m.maximum:.4g} is used")
    return replace(run, warned=run.warned | {once})


def _stop_run(run: Run, name: str) -> Run:
    """The run with the failure that a maximum of its own is reached, unless it has one already."""
    used = meter(run, None, name).used
    text = f"the run's {name} is reached ({_said(used)} used)"
    failure = Failure(type=FailureType.BUDGET_THRESHOLD, origin="budget", message=text, maximum=name)
    return replace(run, budget_failure=run.budget_failure or failure)


def _said(amount: float | None) -> str:
    return "unknown" if amount is None else f"{amount:.4g}"


def _reviewing(run: Run) -> bool:
    """Whether a reviewer is at work: what is paid for is not ended because another one took long. Of all other maxima
    nothing in flight is ended, and nothing may begin beside it."""
    return any(key.startswith("review:") for key in run.in_flight)


# -- before a dispatch


def check_dispatches(run: Run) -> Run:
    """No dispatch begins beyond a maximum of its task, or as one attempt too many of the run."""
    if run.ended or run.halted or run.aborted or run.budget_failure:
        return run
    for t in run.working():
        wanted = dispatches(run, t)
        full = next((m for m in task_meters(run, t) if m.reached), None)
        if full and wanted and not any(step.key in run.in_flight for step in wanted):
            run = edit_work(run, t.task.id, failures=(_task_failure(t.task.id, full),))
    return _stop_run(run, "max-attempts") if not run.pending and _one_too_many(run) else run


def _one_too_many(run: Run) -> bool:
    """Whether an attempt is wanted that would be more than the run may have, with those that are under way."""
    m = attempts_meter(run)
    if not m.reached:
        return False
    steps = [step for t in run.working() for step in dispatches(run, t) if step.kind is Kind.DISPATCH]
    return any(step.key not in run.in_flight for step in steps)


def _task_failure(task: str, m: Meter, roles: tuple[str, ...] = (), stopped: bool = False) -> Failure:
    before = "the dispatch was stopped: " if stopped else ""
    most = "" if m.limit is None else f" {m.limit:.4g}"
    text = f"{before}budget.{m.name}{most} is reached ({_said(m.used)} used)"
    budget = FailureType.BUDGET_THRESHOLD
    return Failure(type=budget, task=task, origin="budget", message=text, maximum=m.name, roles=roles)


# -- after a dispatch


def spend(run: Run, event: Dispatched, at: str) -> Run:
    """Adds what a dispatch has cost to the run's cost and to its task's; says what of it cannot be counted."""
    began = run.started.get(event.key or "", at)
    seconds = max(0.0, seconds_until(began, at))
    more = _cost(event)
    t = run.of(event.task)
    t = replace(t, cost=t.cost.plus(more), worked_s=t.worked_s + seconds)
    run = _warn_unknown(replace(run.with_task(t), cost=run.cost.plus(more)), event, more)
    for m in task_meters(run, t):
        run = _warn(run, m, f"{m.name} of {event.task}", f"task {event.task}: ")
    for m in dispatch_meters(run, more) if event.ended != "over-budget" else ():
        number = event.attempt if isinstance(event, e.AgentFinished) else event.number
        run = _warn(run, m, f"{m.name} of {event.key}", f"task {event.task}, {event.role} {number}: ")
    return run


def _cost(event: Dispatched) -> Cost:
    counts = isinstance(event, e.AgentFinished) and event.ended not in BROKEN_OFF and event.question is None
    silent = event.cost_usd is None and event.ended != "rate-limited"
    return Cost(event.cost_usd, event.input_tokens, event.output_tokens, event.turns, int(counts), int(silent))


def _warn_unknown(run: Run, event: Dispatched, cost: Cost) -> Run:
    """Says once of an agent that a budget cannot be held with it, since it does not tell what it uses."""
    if event.ended == "rate-limited":
        return run
    for kind, used in (("usd", cost.usd), ("tokens", cost.tokens), ("turns", cost.turns)):
        once = f"unknown {kind} of {event.agent}"
        if used is None and once not in run.warned and _is_limited(run, kind):
            text = f"the agent {event.agent or 'used'} does not tell its {_WORDS[kind]}: no budget of it can be held"
            run = replace(add_warnings(run, f"budget: {text}"), warned=run.warned | {once})
    return run


_WORDS = {"usd": "cost", "tokens": "tokens", "turns": "turns"}


def _is_limited(run: Run, kind: str) -> bool:
    budget = run.settings.budget
    if kind == "usd" and budget.warn_usd is not None:
        return True
    return any(getattr(level, f"max_{kind}") is not None for level in (budget, budget.task, budget.dispatch))


def stopped(before: Run, run: Run, event: Dispatched) -> tuple[Run, Failure | None]:
    """A dispatch was stopped at a maximum: the run's own failure, or one of the task. `before` is the run without what
    the dispatch has cost."""
    name = narrowest(before, before.of(event.task), event.limit or "max-usd")
    if not name.startswith((TASK, DISPATCH)):
        return _stop_run(run, name), None
    own = dispatch_meters(run, _cost(event))
    used = next((m for m in own if m.name == name), None) or meter(run, event.task, name)
    roles = (event.role,) if isinstance(event, e.ReviewFinished) else ()
    return run, _task_failure(event.task, used, roles, stopped=True)


# -- what is decided about a maximum


def budget_action(run: Run, event: e.ActionChosen) -> Run:
    """What the taxonomy decided about a maximum of the run that is reached."""
    if event.response is Response.ASK:
        assert event.question is not None
        return ask(run, event.question)
    if event.response is Response.ABORT:
        return replace(run, aborted=True)
    return add_warnings(allow_more(run, maximum_of(event.failure)), event.failure.message)


def allow_more(run: Run, name: str) -> Run:
    """The same amount once more (at least as much as is used already)."""
    m = meter(run, None, name)
    times = _times(m, run.allowed.get(name, 0) + 1)
    return replace(run, allowed={**run.allowed, name: times}, budget_failure=None)


def allow_task_more(run: Run, t: TaskRun, name: str) -> Run:
    """The same for a maximum of a task; each dispatch has its own anyway."""
    if not name.startswith(TASK):
        return run
    m = meter(run, t.task.id, name)
    times = _times(m, t.allowed.get(name, 0) + 1)
    return run.with_task(replace(t, allowed={**t.allowed, name: times}))


def _times(m: Meter, times: int) -> int:
    """How often the maximum is allowed again so that something is left; what is used is the word of an agent."""
    if not m.maximum or m.used is None:
        return times
    times = max(times, int(min(m.used / m.maximum, MOST_TIMES)) - 1)
    while m.used >= m.maximum * (1 + times) and times < MOST_TIMES:
        times += 1
    return times


def is_raised(run: Run, asked: e.Question) -> bool:
    """Whether the maximum that is asked about is higher by now, so that a plain resume goes on."""
    if "maximum" not in asked.evidence:  # an older journal
        return not reached(run)
    then = asked.evidence["limit"]
    m = meter(run, asked.task, asked.evidence["maximum"])
    if m.limit is None or then is None:
        return m.limit is None and then is not None
    own = not reached(run) if asked.task is None else not m.reached
    return m.limit > then and own
