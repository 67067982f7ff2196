"""Which steps should be running now: all of them, whether they already are or not. The only place of choices."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from superteam.core.chosen import chosen_agent
from superteam.core.failures import FailureType, Response, resolve
from superteam.core.meters import attempts_meter, task_meters
from superteam.core.run import Phase, Run, TaskRun, Work, missing_roles


class Kind(StrEnum):
    """What a step does; each has one coroutine in engine/steps.py."""

    CAPTURE_BASELINE = "capture-baseline"
    DISPATCH = "attempt"
    RUN_GATE = "gate"
    CHECK_GATE = "gate-at-start"
    INTEGRATE = "integrate"
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
    WAIT = "wait"
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
    steps = _work(run)
    # accepted or decided, and perhaps half done
    moves = frozenset(step for step in steps if step.kind in (Kind.MOVE_BRANCH, Kind.REBUILD))
    if run.aborted:
        return moves or frozenset({Step(Kind.FINISH)})
    going_on = frozenset(step for step in steps if step.key in run.in_flight)
    if run.budget_failure and "max-time" in (run.budget_failure.maximum, *run.budget_failure.tests):  # older journals
        going_on &= moves
    if run.limits.stopped:
        asking = {step for step in _asking(run) if step.key in run.in_flight}
        return _watched(run, frozenset(step for step in going_on if step.kind is not Kind.WAIT)) | asking
    if run.pending:
        if not run.interactive:  # this process ends: whoever takes the run up tries at once
            going_on = frozenset(step for step in going_on if step.kind is not Kind.WAIT)
        return _watched(run, going_on) | _asking(run)
    if run.budget_failure:
        return going_on | {Step(Kind.RESPOND, None, run.questions + sum(run.allowed.values()))}
    return _watched(run, steps) or frozenset({Step(Kind.FINISH)})


def _watched(run: Run, steps: frozenset[Step]) -> frozenset[Step]:
    """The steps, with the watch over the run's time while there are any and it is not used up."""
    if not steps or run.settings.budget.max_time is None or run.budget_failure:
        return steps
    return steps | {Step(Kind.WATCH_TIME, None, sum(run.allowed.values()))}


def _asking(run: Run) -> set[Step]:
    """The question at the terminal, where there is one."""
    if run.pending is None or not run.interactive:
        return set()
    return {Step(Kind.ASK, run.pending.task, int(run.pending.id.removeprefix("q")))}


def _work(run: Run) -> frozenset[Step]:
    if run.uncaptured():  # the first of them is meant
        return frozenset({Step(Kind.CAPTURE_BASELINE, None, run.baseline_runs + 1)})
    working = sorted(run.working(), key=lambda t: not (t.work and t.work.has_turn()))  # the others wait for its end
    wanted = [(t, step) for t in working if t.work for step in _wanted(run, t, t.work)]
    responds = [step for _, step in wanted if step.kind is Kind.RESPOND]
    checks = [step for t, step in wanted if _needs_check_tree(t, step)]
    shared = {*_all_but_one(run, responds), *_all_but_one(run, checks), *_too_many(run, [step for _, step in wanted])}
    return _held(run, frozenset(step for _, step in wanted if step not in shared))


def _held(run: Run, steps: frozenset[Step]) -> frozenset[Step]:
    """Without the dispatches of agents whose rate limit is waited for; instead of them that wait."""
    if not run.limits.waiting:
        return steps
    fresh = [step for step in steps if step.kind in (Kind.DISPATCH, Kind.REVIEW) and step.key not in run.in_flight]
    held = {step: agent for step in fresh if (agent := agent_of(run, step)) in run.limits.waiting}
    waits = {Step(Kind.WAIT, None, run.limits.waiting[agent].number, agent) for agent in held.values()}
    return steps - held.keys() | waits


def agent_of(run: Run, step: Step) -> str:
    """The agent that a dispatch is given to."""
    t = run.of(step.task or "")
    role = "review" if step.kind is Kind.REVIEW else t.work.role if t.work else "implement"
    return chosen_agent(run.settings.agent, role, t.task.agent).agent or ""


def _too_many(run: Run, steps: list[Step]) -> list[Step]:
    """The dispatches that are more than the run or their task may have; what is under way comes to its end."""
    m = attempts_meter(run)
    fresh = [step for step in steps if step.kind in (Kind.DISPATCH, Kind.REVIEW) and step.key not in run.in_flight]
    over = [step for step in fresh if any(m.reached for m in task_meters(run, run.of(step.task or "")))]
    attempts = [step for step in fresh if step.kind is Kind.DISPATCH and step not in over]
    if m.limit is None:
        return over
    return over + attempts[max(0, int(m.limit - (m.used or 0))) :]


def _all_but_one(run: Run, steps: list[Step]) -> list[Step]:
    """Those of the steps that have to wait, because only one of them is done at a time."""
    chosen = next((step for step in steps if step.key in run.in_flight), steps[0] if steps else None)
    return [step for step in steps if step != chosen]


def _needs_check_tree(t: TaskRun, step: Step) -> bool:
    """Whether the step uses the check tree, of which there is one: suites, and gates that are proven at the start."""
    proven = t.task.acceptance_test is not None or t.task.kind == "tdd"
    uses = (Kind.RUN_PROBE, Kind.CONCLUDE, Kind.CHECK_GATE)
    return step.kind in uses or (step.kind is Kind.RUN_GATE and proven)


_STEPS = {
    Phase.INTEGRATE: Kind.INTEGRATE,
    Phase.COMMIT: Kind.MAKE_COMMIT,
    Phase.CONCLUDE: Kind.CONCLUDE,
    Phase.ACCEPT: Kind.ACCEPT,
    Phase.MOVE: Kind.MOVE_BRANCH,
    Phase.INSPECT: Kind.INSPECT,
    Phase.PUT_BACK: Kind.PUT_BACK,
    Phase.REBUILD: Kind.REBUILD,
}


def _wanted(run: Run, t: TaskRun, work: Work) -> tuple[Step, ...]:
    """The steps that a piece of work wants now: one, or the reviewers side by side; none while it waits its turn."""
    if work.phase is Phase.REVIEW and not work.failures:
        return tuple(Step(Kind.REVIEW, t.task.id, _reviews(t, role) + 1, role) for role in missing_roles(run, work))
    step = _next(run, t, work)
    return (step,) if step else ()


def dispatches(run: Run, t: TaskRun) -> tuple[Step, ...]:
    """The dispatches that a task wants now, whether they are under way or not."""
    if t.work is None or t.work.phase not in (Phase.DISPATCH, Phase.REVIEW) or t.work.failures:
        return ()
    return tuple(step for step in _wanted(run, t, t.work) if step.kind in (Kind.DISPATCH, Kind.REVIEW))


def _reviews(t: TaskRun, role: str) -> int:
    return sum(record.role == role for record in t.reviews)


def _next(run: Run, t: TaskRun, work: Work) -> Step | None:
    """The step that a piece of work wants now; None while it waits for its turn to go onto the branch."""
    id = t.task.id
    if work.failures:
        return _deal_with_failure(run, t, work)
    if work.phase is Phase.DISPATCH:
        return Step(Kind.DISPATCH, id, t.number + 1)
    if work.phase is Phase.GATE:
        # All runs of its gate: one may come without a dispatch, of a verification or when a person changed a tree.
        return Step(Kind.RUN_GATE, id, t.number * 100 + t.gates + 1)
    if work.phase is Phase.VALIDATE:
        assert work.validation is not None
        return Step(Kind.RUN_PROBE, id, _serial(t) * 1000 + len(work.validation.observations) + 1)
    if work.phase is Phase.COMMIT and not work.has_turn():
        return None
    return Step(_STEPS[work.phase], id, _serial(t))


def _deal_with_failure(run: Run, t: TaskRun, work: Work) -> Step:
    failure = work.failures[0]
    gate_red = failure.type is FailureType.VALIDATION_FAILURE and failure.origin == "gate"
    # A verification is about what stood before it, so that its start says nothing new; nor does the start where the
    # command itself was green and its proof failed.
    gate_red = gate_red and (work.gate or {}).get("exit_code") != 0
    if gate_red and work.gate_red_at_start is None and run.gate(t.task.id) and t.task.kind != "verification":
        _, response = resolve(failure, run.settings, work.history)
        if response in (Response.FIX, Response.ASK):
            return Step(Kind.CHECK_GATE, t.task.id, _serial(t))
    return Step(Kind.RESPOND, t.task.id, _serial(t) * 100 + len(t.failures))


def _serial(t: TaskRun) -> int:
    """Grows whenever the same phase of a task can come again: dispatches, gates, validations, questions.

    What happens to other tasks does not count: a step in flight keeps its key.
    """
    return t.number + t.gates + t.rounds + len(t.failures)
