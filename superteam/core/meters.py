"""What is used of each budget, and what is left of all of them for one dispatch."""

from __future__ import annotations

from dataclasses import dataclass

from superteam.core.failures import Action, FailureType, action_for
from superteam.core.run import Run, TaskRun
from superteam.core.settings import BudgetSettings, DispatchBudget
from superteam.core.spent import Cost

TASK, DISPATCH = "task.", "dispatch."  # before the name of a maximum that is not the run's


@dataclass(frozen=True, slots=True)
class Meter:
    """One budget: its key below [budget], what is used (None: nobody said), its maximum (None: none is set), and the
    same with all that was allowed once more."""

    name: str
    used: float | None
    maximum: float | None
    limit: float | None

    @property
    def reached(self) -> bool:
        """Whether nothing is left; of what is unknown something always is."""
        return self.limit is not None and self.used is not None and self.used >= self.limit


@dataclass(frozen=True, slots=True)
class Left:
    """What is left for one dispatch, of the budget that has least; None is no limit."""

    usd: float | None = None
    tokens: int | None = None
    turns: int | None = None
    time: float | None = None


def run_meters(run: Run) -> tuple[Meter, ...]:
    """The run's own, but for its attempts: of these the last one may come to its end."""
    budget = run.settings.budget
    rows = (*_rows(run.cost, budget), ("max-time", run.elapsed_s, budget.max_time))
    return tuple(_meter(name, used, most, run.allowed.get(name, 0)) for name, used, most in rows)


def task_meters(run: Run, t: TaskRun) -> tuple[Meter, ...]:
    """Those of all dispatches of a task."""
    budget = run.settings.budget.task
    rows = (*_rows(t.cost, budget), ("max-time", t.worked_s, budget.max_time))
    return tuple(_meter(TASK + name, used, most, t.allowed.get(TASK + name, 0)) for name, used, most in rows)


def dispatch_meters(run: Run, cost: Cost) -> tuple[Meter, ...]:
    """Those of one dispatch that has cost so much."""
    return tuple(
        _meter(DISPATCH + name, used, most, 0) for name, used, most in _rows(cost, run.settings.budget.dispatch)
    )


def attempts_meter(run: Run) -> Meter:
    """The run's attempts, those under way too."""
    made = run.cost.attempts + sum(key.startswith("attempt:") for key in run.in_flight)
    return _meter("max-attempts", made, run.settings.budget.max_attempts, run.allowed.get("max-attempts", 0))


def _rows(cost: Cost, budget: DispatchBudget | BudgetSettings) -> tuple[tuple[str, float | None, float | None], ...]:
    return (
        ("max-usd", cost.usd, budget.max_usd),
        ("max-tokens", cost.tokens, budget.max_tokens),
        ("max-turns", cost.turns, budget.max_turns),
    )


def _meter(name: str, used: float | None, maximum: float | None, times: int) -> Meter:
    return Meter(name, used, maximum, None if maximum is None else maximum * (1 + times))


def meter(run: Run, task: str | None, name: str) -> Meter:
    """The meter of this name, of a task where it is not the run's."""
    if name == "max-attempts":
        return attempts_meter(run)
    if not name.startswith((TASK, DISPATCH)):
        return next(m for m in run_meters(run) if m.name == name)
    assert task is not None
    found = (*task_meters(run, run.of(task)), *dispatch_meters(run, Cost()))
    return next((m for m in found if m.name == name), Meter(name, None, None, None))


def enforced(run: Run) -> bool:
    """Whether a dispatch is stopped at a maximum: not where that is only to be recorded."""
    return action_for(FailureType.BUDGET_THRESHOLD, run.settings) not in (Action.WARN_CONTINUE, Action.IGNORE)


def left(run: Run, t: TaskRun) -> Left:
    """What a dispatch of the task may use. Of the run's time nothing is said here: it is watched by itself."""
    usd, tokens, turns, time = (_least(run, t, name) for name in ("max-usd", "max-tokens", "max-turns", "max-time"))
    return Left(usd, None if tokens is None else int(tokens), None if turns is None else int(turns), time)


def _least(run: Run, t: TaskRun, name: str) -> float | None:
    return min((amount for _, amount in _amounts(run, t, name)), default=None)


def _amounts(run: Run, t: TaskRun, name: str) -> list[tuple[str, float]]:
    """What is left of this maximum, by the names of the budgets that set one."""
    if not enforced(run):
        return []
    own = [m for m in run_meters(run) if m.name == name != "max-time"]
    found = (*own, *task_meters(run, t), *dispatch_meters(run, Cost()))
    named = [m for m in found if m.name.rpartition(".")[2] == name and m.limit is not None]
    return [(m.name, (m.limit or 0) - (m.used or 0)) for m in named]


def narrowest(run: Run, t: TaskRun, name: str) -> str:
    """The budget whose maximum of this name ("max-usd") stops a dispatch first; the dispatch's own if none is set."""
    amounts = _amounts(run, t, name)
    return min(amounts, key=lambda pair: pair[1])[0] if amounts else DISPATCH + name
