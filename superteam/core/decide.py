"""Which steps should be running now: all of them, whether they already are or not. The only place of choices."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from superteam.core.failures import FailureType, Response, resolve
from superteam.core.run import Phase, Run, TaskRun, Work, missing_roles


class Kind(StrEnum):
    """What a step does; each has one coroutine in engine/steps.py."""

    CAPTURE_BASELINE = "capture-baseline"
    DISPATCH = "attempt"
    RUN_GATE = "gate"
    CHECK_GATE = "gate-at-start"
    MAKE_COMMIT = "commit"
    RUN_PROBE = "probe"
    CONCLUDE = "conclude"
    REVIEW = "review"
    ACCEPT = "accept"
    MOVE_BRANCH = "move-branch"
    RESPOND = "respond"
    INSPECT = "inspect"
    PUT_BACK = "put-back"
    REBUILD = "rebuild"
    ASK = "ask"
    WATCH_TIME = "watch-time"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. `number` tells repeated steps of a kind apart, so that a key is never used twice; `role` tells
    reviewers apart."""

    kind: Kind
    task: str | None = None
    number: int = 0
    role: str = ""

    @property
    def key(self) -> str:
        """The deterministic name under which the journal knows this step."""
        return f"{self.kind}:{self.task or '-'}#{self.number}" + (f"-{self.role}" if self.role else "")


def decide(run: Run) -> frozenset[Step]:
    """Every step that should be running now."""
    if run.ended or run.halted:
        return frozenset()
    if run.pending:
        return frozenset({Step(Kind.ASK, run.pending.task, run.questions)} if run.interactive else ())
    if run.aborted:
        return frozenset({Step(Kind.FINISH)})
    if run.budget_failure:
        return frozenset({Step(Kind.RESPOND, None, run.questions + sum(run.allowed.values()))})
    steps = _work(run)
    if steps and run.settings.budget.max_time is not None:
        return steps | {Step(Kind.WATCH_TIME, None, sum(run.allowed.values()))}
    return steps or frozenset({Step(Kind.FINISH)})


def _work(run: Run) -> frozenset[Step]:
    if run.settings.test_command and run.baseline is None:
        return frozenset({Step(Kind.CAPTURE_BASELINE, None, run.baseline_runs + 1)})
    return frozenset(step for t in run.tasks if t.work for step in _wanted(run, t, t.work))


_STEPS = {
    Phase.COMMIT: Kind.MAKE_COMMIT,
    Phase.CONCLUDE: Kind.CONCLUDE,
    Phase.ACCEPT: Kind.ACCEPT,
    Phase.MOVE: Kind.MOVE_BRANCH,
    Phase.INSPECT: Kind.INSPECT,
    Phase.PUT_BACK: Kind.PUT_BACK,
    Phase.REBUILD: Kind.REBUILD,
}


def _wanted(run: Run, t: TaskRun, work: Work) -> tuple[Step, ...]:
    """The steps that a piece of work wants now: one, or the reviewers side by side."""
    if work.phase is not Phase.REVIEW or work.failures:
        return (_next(run, t, work),)
    return tuple(Step(Kind.REVIEW, t.task.id, _reviews(t, role) + 1, role) for role in missing_roles(run, work))


def _reviews(t: TaskRun, role: str) -> int:
    return sum(record.role == role for record in t.reviews)


def _next(run: Run, t: TaskRun, work: Work) -> Step:
    """The step that a piece of work wants now."""
    id = t.task.id
    if work.failures:
        return _deal_with_failure(run, t, work)
    if work.phase is Phase.DISPATCH:
        return Step(Kind.DISPATCH, id, t.number + 1)
    if work.phase is Phase.GATE:
        return Step(Kind.RUN_GATE, id, t.number * 100 + work.gate_runs + 1)
    if work.phase is Phase.VALIDATE:
        assert work.validation is not None
        return Step(Kind.RUN_PROBE, id, _serial(run, t) * 1000 + len(work.validation.observations) + 1)
    return Step(_STEPS[work.phase], id, _serial(run, t))


def _deal_with_failure(run: Run, t: TaskRun, work: Work) -> Step:
    failure = work.failures[0]
    gate_red = failure.type is FailureType.VALIDATION_FAILURE and failure.origin == "gate"
    if gate_red and work.gate_red_at_start is None:
        _, response = resolve(failure, run.settings, work.history)
        if response in (Response.FIX, Response.ASK):
            return Step(Kind.CHECK_GATE, t.task.id, _serial(run, t))
    return Step(Kind.RESPOND, t.task.id, _serial(run, t) * 100 + len(t.failures))


def _serial(run: Run, t: TaskRun) -> int:
    """Grows whenever the same phase of a task can come again: dispatches, gates, validations, questions."""
    return t.number + t.gates + len(run.validations) + run.questions + len(t.failures)
