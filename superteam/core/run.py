"""The state of a run: what all its events come to. Frozen; only `evolve` makes a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from superteam.core.events import BaselineDocument, Question, ValidationResult
from superteam.core.failures import Failure, History
from superteam.core.plan import Plan, Task
from superteam.core.results import TestId
from superteam.core.review import ReviewFinding
from superteam.core.settings import Settings
from superteam.core.settle import Validation

TaskStatus = Literal["pending", "running", "complete", "skipped", "failed", "blocked", "waiting"]
Ending = Literal["finished", "blocked", "inconclusive", "aborted"]


class Phase(StrEnum):
    """The step that a piece of work takes next, once its open failures are dealt with."""

    DISPATCH = "dispatch"
    GATE = "gate"
    COMMIT = "commit"
    VALIDATE = "validate"
    CONCLUDE = "conclude"
    REVIEW = "review"
    ACCEPT = "accept"
    MOVE = "move"
    INSPECT = "inspect"
    PUT_BACK = "put-back"
    REBUILD = "rebuild"


# What is legal: the phases in which work begins, those after which it ends, and those that may follow each phase. The
# state diagram in docs/explanation is made from these tables, and tests/core/test_phases.py walks runs along them.
#
#   dispatch -> gate -> commit -> [validate -> conclude] -> [review] -> [accept] -> move
#
# A failure keeps the work in its phase until it is resolved: a fix, a redo or a rollback leads back to dispatch, a
# recheck to gate or validate, a person's retry to inspect, skip to put-back, and what lies below the tip to rebuild. A
# baseline that is captured again leads back to validate. What a changed plan drops ends wherever it is.
BEGINS = frozenset({Phase.DISPATCH, Phase.VALIDATE, Phase.REVIEW, Phase.ACCEPT, Phase.REBUILD})
ENDS = frozenset({Phase.CONCLUDE, Phase.ACCEPT, Phase.MOVE, Phase.PUT_BACK, Phase.REBUILD})
_TAKEN_BACK = frozenset({Phase.PUT_BACK, Phase.REBUILD})
_DECIDED = frozenset({Phase.DISPATCH, Phase.INSPECT}) | _TAKEN_BACK
FOLLOWS: Mapping[Phase, frozenset[Phase]] = {
    Phase.DISPATCH: frozenset({Phase.GATE, Phase.COMMIT, Phase.REVIEW, Phase.ACCEPT}) | _TAKEN_BACK,
    Phase.GATE: frozenset({Phase.COMMIT}) | _DECIDED,
    Phase.COMMIT: frozenset({Phase.GATE, Phase.VALIDATE, Phase.REVIEW, Phase.MOVE}) | _DECIDED,
    Phase.VALIDATE: frozenset({Phase.CONCLUDE}),
    Phase.CONCLUDE: frozenset({Phase.VALIDATE, Phase.REVIEW, Phase.ACCEPT}),
    Phase.REVIEW: frozenset({Phase.VALIDATE, Phase.ACCEPT, Phase.MOVE}) | _DECIDED,
    Phase.ACCEPT: frozenset({Phase.VALIDATE, Phase.MOVE}) | _DECIDED,
    Phase.MOVE: frozenset({Phase.VALIDATE}),
    Phase.INSPECT: frozenset({Phase.DISPATCH, Phase.GATE, Phase.COMMIT, Phase.VALIDATE, Phase.REVIEW}),
    Phase.PUT_BACK: frozenset(),
    Phase.REBUILD: frozenset(),
}


NOTHING_TRIED = History()


@dataclass(frozen=True, slots=True)
class ProbeFacts:
    """What the judged run of a validation's suite left behind, for its result and its acceptance."""

    report: str | None
    counts: Mapping[str, int]
    confidence: Literal["high", "low"]
    messages: Mapping[TestId, str]
    reproduce_command: str
    output: str | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """One dispatch of a reviewer. `passed` is None where it gave no verdict, and `ended` says how it ended instead;
    `round` counts the reviews of all roles, `number` those of this role; `changed` are files that it wrote to, which
    was undone. `taken`: a person or a configured action let it pass as it is."""

    role: str
    round: int
    number: int
    sha: str
    ended: str
    passed: bool | None
    findings: tuple[ReviewFinding, ...] = ()
    summary: str = ""
    changed: tuple[str, ...] = ()
    detail: str = ""
    question: str | None = None
    output: str | None = None
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What is being done for a task now.

    `kind` task: its own work, from `base` (a commit). check: a validation of a commit the branch already points to;
    repair: a fix made on top of such a commit. `from_tree` is the tree a dispatch starts from, `tree` the newest one.
    `fixing` are the failures a fix dispatch is to mend, and `resume_at` the phase they kept the work in. `made_for` is
    the task that the commit names: a repair may have gone over to another culprit since. `tried` is what was tried for
    the culprits before, so that two that break each other's tests do not take turns for ever. `reviews` are what the
    reviewers said of `commit` in this round, by role.
    """

    kind: Literal["task", "check", "repair"]
    base: str
    base_tree: str
    phase: Phase
    tree: str
    from_tree: str
    role: Literal["implement", "fix"] = "implement"
    commit: str | None = None
    made_for: str = ""
    committed_at: str = ""
    gate_runs: int = 0
    gate: Mapping[str, Any] | None = None
    gate_red_at_start: bool | None = None
    validation: Validation | None = None
    facts: ProbeFacts | None = None
    failures: tuple[Failure, ...] = ()
    fixing: tuple[Failure, ...] = ()
    resume_at: Phase = Phase.GATE
    history: History = NOTHING_TRIED
    note: str | None = None
    excused: frozenset[TestId] = frozenset()
    by_person: bool = True
    redo: bool = False
    tried: Mapping[str, History] = field(default_factory=dict)
    asked: int = 0
    reviews: Mapping[str, ReviewRecord] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """A failure that was raised and the action it got, as the status shows it."""

    type: str
    action: str
    tests: tuple[TestId, ...]
    message: str
    approved: bool = False


@dataclass(frozen=True, slots=True)
class TaskRun:
    """A task and how far it is. `attempts` counts dispatches; `number` is the last dispatch's number, `gates` counts
    all runs of its gate. `reviews` are those of all rounds, `review_rounds` how many rounds there were."""

    task: Task
    status: TaskStatus = "pending"
    attempts: int = 0
    number: int = 0
    gates: int = 0
    base_sha: str | None = None
    commit_sha: str | None = None
    repairs: tuple[str, ...] = ()
    failures: tuple[FailureRecord, ...] = ()
    summary: str = ""
    work: Work | None = None
    reviews: tuple[ReviewRecord, ...] = ()
    review_rounds: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What the dispatches cost; None is unknown (nobody said), never nothing."""

    usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """An accepted state: its commit and the stored expected set, for going back when the branch is rebuilt."""

    sha: str
    expected: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a plan. `tip` is where the run's branch stands; `unvalidated` are (task, commit) since the
    last accepted validation; `owed` are planned-red tests still failing, with the task that declared them; `suspects`
    are settled at the end: with the task after which they were seen, and where they last passed. `branch` is (task,
    commit) of all that stands on the run's branch, oldest first, repairs too: a task that was done again stands above
    later ones. `unasked` are finished tasks that the plan now describes differently, to be asked about."""

    run_id: str
    plan: Plan
    settings: Settings
    start_sha: str
    start_tree: str
    user_branch: str | None
    run_branch: str
    interactive: bool
    started_at: str
    tip: str
    tip_tree: str
    tasks: tuple[TaskRun, ...]
    superteam: str = ""
    partial: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    baseline: BaselineDocument | None = None
    baseline_runs: int = 0
    points: tuple[Point, ...] = ()
    branch: tuple[tuple[str, str], ...] = ()
    unvalidated: tuple[tuple[str, str], ...] = ()
    owed: Mapping[TestId, str] = field(default_factory=dict)
    suspects: Mapping[TestId, tuple[str, str]] = field(default_factory=dict)
    known: frozenset[TestId] = frozenset()
    validations: tuple[ValidationResult, ...] = ()
    last_verdict: str = "pass"
    pending: Question | None = None
    questions: int = 0
    budget_failure: Failure | None = None
    allowed: Mapping[str, int] = field(default_factory=dict)
    warned: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    cost: Cost = Cost()
    elapsed_s: float = 0.0
    last_at: str = ""
    since_pause: int = 0
    unasked: tuple[str, ...] = ()
    aborted: bool = False
    halted: str | None = None
    in_flight: frozenset[str] = frozenset()
    interrupted: bool = False
    started: Mapping[str, str] = field(default_factory=dict)
    ended: Ending | None = None
    exit_code: int | None = None
    fast_forwarded: bool = False
    end_reason: str | None = None

    def of(self, id: str) -> TaskRun:
        """The task's state; StopIteration if the plan has no such task."""
        return next(t for t in self.tasks if t.task.id == id)

    def with_task(self, changed: TaskRun) -> Run:
        """The run with this task's state in place of the old one."""
        tasks = tuple(changed if t.task.id == changed.task.id else t for t in self.tasks)
        return replace(self, tasks=tasks)

    def with_work(self, id: str, work: Work | None) -> Run:
        """The run with this piece of work for a task."""
        return self.with_task(replace(self.of(id), work=work))

    def working(self) -> tuple[TaskRun, ...]:
        """Tasks for which something is being done now."""
        return tuple(t for t in self.tasks if t.work is not None)

    def left(self) -> tuple[TaskRun, ...]:
        """Tasks that are still to be done."""
        return tuple(t for t in self.tasks if t.status == "pending")

    def expected(self) -> str | None:
        """Name of the stored expected set that the next validation is compared with."""
        return self.points[-1].expected if self.points else None

    def reference(self) -> str:
        """The newest accepted commit with a sound run; before the first validation the baseline's commit."""
        return self.points[-1].sha if self.points else self.start_sha

    def below(self, id: str) -> tuple[tuple[str, str], ...]:
        """What stands on the branch below the task's own commit; all of it if the task has none."""
        own = (id, self.of(id).commit_sha)
        return self.branch[: self.branch.index(own)] if own in self.branch else self.branch

    def above(self, id: str) -> tuple[tuple[str, str], ...]:
        """What stands on the branch above the task's own commit."""
        return self.branch[len(self.below(id)) + 1 :]

    def gate(self, id: str) -> str | None:
        """The command of the task's gate: its own, else the configured one, and its acceptance test with it."""
        task = self.of(id).task
        gate = task.gate or self.settings.validation_command
        if gate and task.acceptance_test:
            return f"( {gate}\n) && ( {task.acceptance_test}\n)"
        return gate or task.acceptance_test


def missing_roles(run: Run, work: Work) -> tuple[str, ...]:
    """The reviewers that have not yet looked at the work's commit."""
    return tuple(role for role in run.settings.review.roles if role not in work.reviews)
