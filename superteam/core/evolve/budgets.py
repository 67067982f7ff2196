"""Budgets: what is spent, what is reached, what is allowed once more."""

from __future__ import annotations

from dataclasses import replace

from superteam.core import events as e
from superteam.core.evolve.parts import add_warnings, ask
from superteam.core.failures import Failure, FailureType, Response
from superteam.core.moments import seconds_until
from superteam.core.run import Run
from superteam.core.spent import Cost

WARN_SHARE = 0.8


def reached(run: Run) -> str | None:
    """The name of a maximum that is reached, in words, or None."""
    for name, used, limit in _meters(run):
        if limit is not None and used is not None and used >= limit * (1 + run.allowed.get(name, 0)):
            return name
    return None


def _meters(run: Run) -> tuple[tuple[str, float | None, float | None], ...]:
    budget, cost = run.settings.budget, run.cost
    return (
        ("max-usd", cost.usd, budget.max_usd),
        ("max-tokens", cost.tokens, budget.max_tokens),
        ("max-turns", cost.turns, budget.max_turns),
        ("max-time", run.elapsed_s, budget.max_time),
    )


def check_budgets(run: Run, event: e.Event) -> Run:
    """Warns at a share of each maximum, and raises the failure of one that is reached while work is left."""
    if run.ended or run.budget_failure or run.halted or isinstance(event, e.RunResumed | e.RunEnded):
        return run
    for name, used, limit in _meters(run):
        if used is not None and limit is not None and used >= WARN_SHARE * limit and name not in run.warned:
            run = add_warnings(run, f"budget: {used:.4g} of {name} {limit:.4g} is used")
            run = replace(run, warned=run.warned | {name})
    usd, warn = run.cost.usd, run.settings.budget.warn_usd
    if usd is not None and warn is not None and usd >= warn and "warn-usd" not in run.warned:
        run = add_warnings(run, f"budget: {usd:.4g} USD are spent, warn-usd is {warn:.4g}")
        run = replace(run, warned=run.warned | {"warn-usd"})
    crossed = "max-time" if isinstance(event, e.TimeUp) else reached(run)
    if crossed is None or (not run.left() and not run.working()):
        return run
    if crossed == "max-time" and not isinstance(event, e.TimeUp) and _reviewing(run):
        return run
    spent = next(used for meter, used, _ in _meters(run) if meter == crossed)
    text = f"the run's {crossed} is reached ({spent:.4g} used)"
    failure = Failure(type=FailureType.BUDGET_THRESHOLD, origin="budget", message=text, tests=(crossed,))
    return replace(run, budget_failure=failure)


def _reviewing(run: Run) -> bool:
    """Whether a reviewer is at work: what is paid for is not ended because another one took long. Of all other maxima
    nothing in flight is ended, and nothing may begin beside it."""
    return any(key.startswith("review:") for key in run.in_flight)


def spend(run: Run, event: e.AgentFinished | e.ReviewFinished, at: str) -> Run:
    """Adds what a dispatch has cost to the run's cost and to its task's."""
    began = run.started.get(event.key or "", at)
    seconds = max(0.0, seconds_until(began, at))
    more = Cost(event.cost_usd, event.input_tokens, event.output_tokens, event.turns)
    t = run.of(event.task)
    run = run.with_task(replace(t, cost=t.cost.plus(more), worked_s=t.worked_s + seconds))
    return replace(run, cost=run.cost.plus(more))


def budget_action(run: Run, event: e.ActionChosen) -> Run:
    """What the taxonomy decided about a maximum that is reached."""
    name = event.failure.tests[0]
    if event.response is Response.ASK:
        assert event.question is not None
        return ask(run, event.question)
    if event.response is Response.ABORT:
        return replace(run, aborted=True)
    return add_warnings(allow_more(run, name), event.failure.message)


def allow_more(run: Run, name: str) -> Run:
    """The same amount once more (at least as much as is used already)."""
    used, limit = next((used, limit) for meter, used, limit in _meters(run) if meter == name)
    times = run.allowed.get(name, 0) + 1
    while limit and used is not None and used >= limit * (1 + times):
        times += 1
    return replace(run, allowed={**run.allowed, name: times}, budget_failure=None)
