"""The state of a run: what all its events come to. Frozen; only `evolve` makes a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from superteam.core.claims import Compared
from superteam.core.events import BaselineDocument, Question, ValidationResult
from superteam.core.failures import Failure, History
from superteam.core.finding import Finding
from superteam.core.must_haves import MustHaveResult
from superteam.core.plan import HUMAN, MustHaves, Plan, Task, in_turn
from superteam.core.results import TestId
from superteam.core.review import ReviewFinding
from superteam.core.settings import Settings
from superteam.core.settle import Validation
from superteam.core.sources import TESTS, source_names
from superteam.core.spent import NO_LIMITS, NOTHING_SAID, Cost, RateLimits, Session

TaskStatus = Literal["pending", "running", "complete", "skipped", "failed", "blocked", "waiting"]
Ending = Literal["finished", "blocked", "inconclusive", "aborted"]


class Phase(StrEnum):
    """The step that a piece of work takes next, once its open failures are dealt with."""

    DISPATCH = "dispatch"
    GATE = "gate"
    INTEGRATE = "integrate"
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
#   dispatch -> gate -> commit -> [validate -> conclude -> accept] -> review -> move
#
# What stands in brackets is done for each validation source in turn; what they accept is taken over together.
#
# A verification has no dispatch of its own: it begins at the gate, and ends there, or when a person took its failure as
# it is, if there is nothing to commit.
#
# Work whose base is no longer the tip, since another task's commit came first, is merged onto the tip (integrate) and
# gated again before its commit.
#
#
# A failure keeps the work in its phase until it is resolved: a fix, a redo or a rollback leads back to dispatch, a
# recheck to gate or validate, a person's retry to inspect, skip to put-back, and what lies below the tip to rebuild. A
# baseline that is captured again leads back to validate. What a changed plan leaves without a purpose is put back,
# and what a source leaves so that is gone ends, wherever it is.
BEGINS = frozenset({Phase.DISPATCH, Phase.GATE, Phase.VALIDATE, Phase.ACCEPT, Phase.REBUILD})
ENDS = frozenset({Phase.GATE, Phase.COMMIT, Phase.CONCLUDE, Phase.ACCEPT, Phase.MOVE, Phase.PUT_BACK, Phase.REBUILD})
_TAKEN_BACK = frozenset({Phase.PUT_BACK, Phase.REBUILD})
_DECIDED = frozenset({Phase.DISPATCH, Phase.INSPECT}) | _TAKEN_BACK
FOLLOWS: Mapping[Phase, frozenset[Phase]] = {
    Phase.DISPATCH: frozenset({Phase.GATE, Phase.INTEGRATE, Phase.COMMIT, Phase.REVIEW, Phase.ACCEPT}) | _TAKEN_BACK,
    Phase.GATE: frozenset({Phase.INTEGRATE, Phase.COMMIT}) | _DECIDED,
    Phase.INTEGRATE: frozenset({Phase.GATE, Phase.COMMIT}) | _DECIDED,
    Phase.COMMIT: frozenset({Phase.GATE, Phase.INTEGRATE, Phase.VALIDATE, Phase.REVIEW, Phase.MOVE}) | _DECIDED,
    Phase.VALIDATE: frozenset({Phase.CONCLUDE}),
    Phase.CONCLUDE: frozenset({Phase.VALIDATE, Phase.ACCEPT}),
    Phase.REVIEW: frozenset({Phase.VALIDATE, Phase.MOVE}) | _DECIDED,
    Phase.ACCEPT: frozenset({Phase.VALIDATE, Phase.REVIEW, Phase.MOVE}) | _DECIDED,
    Phase.MOVE: frozenset({Phase.VALIDATE}),
    Phase.INSPECT: frozenset({Phase.DISPATCH, Phase.GATE, Phase.INTEGRATE, Phase.COMMIT, Phase.VALIDATE, Phase.REVIEW}),
    Phase.PUT_BACK: frozenset(),
    Phase.REBUILD: frozenset(),
}


NOTHING_TRIED = History()


@dataclass(frozen=True, slots=True)
class Point:
    """An accepted state: its commit and the stored expected set, for going back when the branch is rebuilt."""

    sha: str
    expected: str | None


@dataclass(frozen=True, slots=True)
class SourceState:
    """What one validation source knows of a run. `points` are the states it accepted; `owed` are planned-red tests
    still failing, with the task that declared them; `suspects` are settled at the end: with the task after which they
    were seen, and where they last passed; `known` are tests that a person or an action excused; `verdict` is that of
    the last accepted validation."""

    baseline: BaselineDocument | None = None
    points: tuple[Point, ...] = ()
    owed: Mapping[TestId, str] = field(default_factory=dict)
    suspects: Mapping[TestId, tuple[str, str]] = field(default_factory=dict)
    known: frozenset[TestId] = frozenset()
    verdict: str = "pass"


NOTHING_SEEN = SourceState()


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
    was undone. `taken`: a person or a configured action let it pass as it is. `failure`: a maximum that stopped it."""

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
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What is being done for a task now.

    `kind` task: its own work, from `base` (a commit). check: a validation of a commit the branch already points to;
    repair: a fix made on top of such a commit. `from_tree` is the tree a dispatch starts from, `tree` the newest one.
    `fixing` are the failures a fix dispatch is to mend, and `resume_at` the phase they kept the work in. `made_for` is
    the task that the commit names: a repair may have gone over to another culprit since. `tried` is what was tried for
    the culprits before, so that two that break each other's tests do not take turns for ever. `validation` is that of
    the source whose turn it is, `accepted` what the sources before it come to with this commit; `excused` are (source,
    test). `reviews` are what the reviewers said of `commit` in this round, by role. `rejected` is what the person said
    who rejected what a checkpoint shows: then the work mends that. `slot` is the number of the work tree; `integrating`
    work has the turn to go onto the branch, and its base is the tip as soon as it was integrated; `conflicts` are the
    files in which that left conflict markers. `began` is the tree from which dispatches started that were broken off
    since, or that ended with a question: what they did is kept. `changed` are tests whose new expectations were taken
    as they are.
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
    gate: Mapping[str, Any] | None = None
    gate_red_at_start: bool | None = None
    validation: Validation | None = None
    facts: ProbeFacts | None = None
    failures: tuple[Failure, ...] = ()
    fixing: tuple[Failure, ...] = ()
    resume_at: Phase = Phase.GATE
    history: History = NOTHING_TRIED
    note: str | None = None
    excused: frozenset[tuple[str, TestId]] = frozenset()
    changed: frozenset[TestId] = frozenset()
    accepted: Mapping[str, SourceState] = field(default_factory=dict)
    by_person: bool = True
    redo: bool = False
    tried: Mapping[str, History] = field(default_factory=dict)
    asked: int = 0
    reviews: Mapping[str, ReviewRecord] = field(default_factory=dict)
    rejected: str | None = None
    slot: int = 0
    integrating: bool = False
    conflicts: tuple[str, ...] = ()
    began: str | None = None

    def has_turn(self) -> bool:
        """Whether nobody else may change the branch: it stands on the tip, or is about to."""
        return self.integrating or self.kind != "task"


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """A failure that was raised and the action it got, as the status shows it."""

    type: str
    action: str
    tests: tuple[TestId, ...]
    message: str
    approved: bool = False
    source: str = "tests"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person answered at a checkpoint: an option's id, and what was said with it."""

    choice: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class TaskRun:
    """A task and how far it is. `attempts` counts dispatches; `number` is the last dispatch's number, `gates` counts
    all runs of its gate, `rounds` the questions about it and its validations. `reviews` are those of all rounds,
    `review_rounds` how many rounds there were. `decision` is a person's, at a checkpoint; `must_haves` are as the gate
    last found them. `dropped` tasks were taken out of the run by a person, and are skipped. The first commit of a
    rejected checkpoint is its `commit_sha`, later ones are `repairs`. `cost` is that of all its dispatches, reviews
    too, `worked_s` how long they ran; `session` is what the next one may continue. `allowed` is how often a maximum
    of the task was allowed once more. `claims` are agents' words beside what was measured, and decide nothing.
    `findings` are what its agents planted."""

    task: Task
    status: TaskStatus = "pending"
    attempts: int = 0
    number: int = 0
    gates: int = 0
    rounds: int = 0
    base_sha: str | None = None
    commit_sha: str | None = None
    repairs: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    failures: tuple[FailureRecord, ...] = ()
    summary: str = ""
    work: Work | None = None
    decision: Decision | None = None
    must_haves: tuple[MustHaveResult, ...] = ()
    dropped: bool = False
    reviews: tuple[ReviewRecord, ...] = ()
    review_rounds: int = 0
    cost: Cost = NOTHING_SAID
    worked_s: float = 0.0
    allowed: Mapping[str, int] = field(default_factory=dict)
    session: Session | None = None
    claims: tuple[Compared, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a plan. `tip` is where the run's branch stands; `unvalidated` are (task, commit) since the
    last accepted validation; `sources` is what each validation source knows. `branch` is (task, commit) of all that
    stands on the run's branch, oldest first, repairs too: a task that was done again stands above later ones.
    `unasked` are finished tasks that the plan now describes differently, to be asked about; `queued` are questions that
    came while another one was asked. `reordered`: a person changed the order of the plan's tasks."""

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
    config_file: str | None = None
    baseline_runs: int = 0
    sources: Mapping[str, SourceState] = field(default_factory=dict)
    branch: tuple[tuple[str, str], ...] = ()
    unvalidated: tuple[tuple[str, str], ...] = ()
    validations: tuple[ValidationResult, ...] = ()
    pending: Question | None = None
    queued: tuple[Question, ...] = ()
    questions: int = 0
    budget_failure: Failure | None = None
    allowed: Mapping[str, int] = field(default_factory=dict)
    warned: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    cost: Cost = NOTHING_SAID
    elapsed_s: float = 0.0
    last_at: str = ""
    since_pause: int = 0
    unasked: tuple[str, ...] = ()
    reordered: bool = False
    aborted: bool = False
    halted: str | None = None
    limits: RateLimits = NO_LIMITS
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

    def source(self, name: str) -> SourceState:
        """What a validation source knows; nothing before its baseline."""
        return self.sources.get(name, NOTHING_SEEN)

    def with_source(self, name: str, state: SourceState) -> Run:
        """The run with this state of a source in place of the old one."""
        return replace(self, sources={**self.sources, name: state})

    def uncaptured(self) -> tuple[str, ...]:
        """The sources in use that have no baseline yet, in their order."""
        return tuple(name for name in source_names(self.settings) if self.source(name).baseline is None)

    def main_source(self) -> str:
        """The source that is meant where one stands for all: the tests, or else the first."""
        return next(iter(source_names(self.settings)), TESTS)

    @property
    def baseline(self) -> BaselineDocument | None:
        """The main source's baseline."""
        return self.source(self.main_source()).baseline

    @property
    def owed(self) -> Mapping[TestId, str]:
        """What all sources are owed."""
        return {key: task for state in self.sources.values() for key, task in state.owed.items()}

    def expected(self, source: str) -> str | None:
        """Name of the stored expected set that the source's next validation is compared with."""
        points = self.source(source).points
        return points[-1].expected if points else None

    def reference(self, source: str) -> str:
        """The newest accepted commit where the source had a sound run; before the first validation the baseline's."""
        points = self.source(source).points
        return points[-1].sha if points else self.start_sha

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
            return in_turn((gate, task.acceptance_test))
        return gate or task.acceptance_test

    def gated(self, id: str) -> bool:
        """Whether something is to be checked between a task's dispatch and its commit, with or without a command."""
        return self.of(id).task.kind in ("tdd", "verification") or self.gate(id) is not None

    def proof(self, id: str) -> str | None:
        """The command that must fail with a tdd task's tests alone; the suite's where the task has no gate."""
        task = self.of(id).task
        return task.gate or task.acceptance_test or self.settings.validation_command or self.settings.test_command

    def must_haves(self, id: str) -> MustHaves:
        """What a verification has to check beside its command: that of its part."""
        task = self.of(id).task
        part = self.plan.part_of(task) if task.kind == "verification" else None
        return part.must_haves if part else MustHaves()

    def is_human(self, id: str) -> bool:
        """Whether the task is a person's."""
        return self.of(id).task.kind in HUMAN


def missing_roles(run: Run, work: Work) -> tuple[str, ...]:
    """The reviewers that have not yet looked at the work's commit."""
    return tuple(role for role in run.settings.review.roles if role not in work.reviews)
