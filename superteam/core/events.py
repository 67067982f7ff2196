"""What happened, in the past tense: the only things that change a run. Each is one record of the journal.

`key` names the step whose effect the event is; with its event a step is over.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from superteam.core.expectation import ExpectationChanged
from superteam.core.failures import Action, Failure, Response
from superteam.core.finding import Finding
from superteam.core.must_haves import MustHaveResult
from superteam.core.plan import Plan
from superteam.core.results import Granularity, TestId, Verdict
from superteam.core.review import Review
from superteam.core.settings import Settings
from superteam.core.settle import Observation


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str | None = None


class Option(BaseModel):
    """One answer that a question offers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    label: str


class Question(BaseModel):
    """Something only a person (or a configured action) can decide. `kind` says what the answer is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: Literal["failure", "checkpoint", "budget", "agent", "plan", "human"]
    task: str | None = None
    failure_type: str | None = None
    question: str
    options: tuple[Option, ...]
    evidence: dict[str, Any] = {}


class BaselineDocument(BaseModel):
    """A source's pinned baseline; `expected` names the stored expected set, `fingerprint` the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = "tests"
    sha: str
    tree: str
    command: str
    captured_at: str
    verdict: Verdict
    reason: str | None = None
    confidence: Literal["high", "low"] = "high"
    granularity: Granularity
    runner: str = ""
    note: str = ""
    fingerprint: str
    counts: dict[str, int] = {}
    known_failures: tuple[TestId, ...] = ()
    expected: str | None = None
    output: str | None = None


class PinnedBaseline(BaseModel):
    """A baseline as a document of its own, for validations without a run; `mac` proves that superteam wrote it."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_name: Literal["superteam.baseline.v1"] = Field("superteam.baseline.v1", alias="schema")
    baseline: BaselineDocument
    mac: str = ""


class ValidationResult(BaseModel):
    """One concluded validation, as `status --json` shows it.

    `expectations_changed` are tests that pass only because a judge was changed, `unlooked` changed files of the product
    that no test looks at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = "tests"
    after_task: str | None = None
    sha: str
    tree: str
    reference_sha: str
    verdict: Verdict
    reason: str | None = None
    confidence: Literal["high", "low"] = "high"
    counts: dict[str, int] = {}
    new_failures: tuple[TestId, ...] = ()
    regressions: tuple[TestId, ...] = ()
    unresolved: tuple[TestId, ...] = ()
    flaky: tuple[TestId, ...] = ()
    suspects: tuple[TestId, ...] = ()
    pre_existing: tuple[TestId, ...] = ()
    fails_differently: tuple[TestId, ...] = ()
    new_passes: tuple[TestId, ...] = ()
    missing: tuple[TestId, ...] = ()
    newly_skipped: tuple[TestId, ...] = ()
    owed: tuple[TestId, ...] = ()
    expectations_changed: tuple[ExpectationChanged, ...] = ()
    unlooked: tuple[str, ...] = ()
    settlements: dict[TestId, dict[str, Any]] = {}
    introduced_by: dict[TestId, str] = {}
    polluters: dict[TestId, TestId] = {}
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    reproduce_command: str = ""


class RunCreated(_Event):
    """A run of a plan began at this commit. `wait_for_limits` is for how many seconds this process may wait for the
    end of a rate limit. `config_file` is that of --config or $SUPERTEAM_CONFIG."""

    kind: Literal["run-created"] = "run-created"
    run_id: str
    plan: Plan
    settings: Settings
    start_sha: str
    start_tree: str
    user_branch: str | None
    run_branch: str
    interactive: bool
    partial: bool = False
    options: dict[str, Any] = {}
    config_file: str | None = None
    wait_for_limits: float = 0.0
    superteam: str
    pid: int
    host: str


class RunResumed(_Event):
    """Another process took the run up; `changes` say what differs in the configuration.

    `again` are sources whose baseline proves nothing any more (`capture_again` said so while there was only one).
    """

    kind: Literal["run-resumed"] = "run-resumed"
    settings: Settings
    interactive: bool
    changes: tuple[str, ...] = ()
    capture_again: bool = False
    again: tuple[str, ...] = ()
    wait_for_limits: float = 0.0
    pid: int
    host: str


class PlanChanged(_Event):
    """The plan document differs from the one the run knew; `finished` are complete tasks whose text changed."""

    kind: Literal["plan-changed"] = "plan-changed"
    plan: Plan
    finished: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


class StepStarted(_Event):
    """The durable intent: a record without a later event of its key shows what was in flight."""

    kind: Literal["step-started"] = "step-started"
    step: str
    task: str | None = None
    number: int = 0
    role: str = ""


class StepCancelled(_Event):
    """A step that was no longer wanted has ended and left nothing running."""

    kind: Literal["step-cancelled"] = "step-cancelled"


class BaselineCaptured(_Event):
    """A source was run at the start commit."""

    kind: Literal["baseline-captured"] = "baseline-captured"
    baseline: BaselineDocument


class AgentFinished(_Event):
    """A dispatch is over and its tree was taken; `cost_usd` None is unknown, never nothing. `conflicts` are files in
    which an earlier merge left conflict markers that are still there. `limit` is the maximum that stopped the dispatch,
    `resets_at` when a provider that had enough takes work again, `denied` what the agent was not allowed to do;
    `agent` and `model` say who it was."""

    kind: Literal["agent-finished"] = "agent-finished"
    task: str
    attempt: int
    role: str
    ended: str
    exit_code: int | None = None
    detail: str = ""
    tree: str
    changed: tuple[str, ...] = ()
    out_of_scope: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    summary: str = ""
    claims: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    question: str | None = None
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    output: str | None = None
    turns: int | None = None
    session: str | None = None
    limit: str = ""
    resets_at: str | None = None
    denied: tuple[str, ...] = ()
    agent: str = ""
    model: str | None = None
    findings: tuple[Finding, ...] = ()


class Integrated(_Event):
    """A task's change was merged onto the tip; `conflicts` are files that hold both sides between conflict markers."""

    kind: Literal["integrated"] = "integrated"
    task: str
    base: str
    base_tree: str
    tree: str
    conflicts: tuple[str, ...] = ()


class GateFinished(_Event):
    """The task's gate ran on its tree; `tree` includes what the gate changed in tracked files.

    `command` is empty where there was only something else to check; `note` says what could not be proven, `proof` what
    was seen to be red before the task's work.
    """

    kind: Literal["gate-finished"] = "gate-finished"
    task: str
    command: str
    ok: bool
    timed_out: bool = False
    exit_code: int | None = None
    detail: str = ""
    tree: str
    stdout: str = ""
    stderr: str = ""
    output: str | None = None
    must_haves: tuple[MustHaveResult, ...] = ()
    note: str = ""
    proof: str = ""


class GateChecked(_Event):
    """A gate that failed was run at the task's start commit, to know whether it was red before."""

    kind: Literal["gate-checked"] = "gate-checked"
    task: str
    red: bool
    detail: str = ""


class CommitMade(_Event):
    """A commit object exists for the task; no branch points to it yet."""

    kind: Literal["commit-made"] = "commit-made"
    task: str
    sha: str


class ProbeFinished(_Event):
    """One execution of a suite for a validation; `references` say where its new failures last passed."""

    kind: Literal["probe-finished"] = "probe-finished"
    source: str = "tests"
    task: str
    observation: Observation
    references: dict[TestId, str] = {}
    messages: dict[TestId, str] = {}
    counts: dict[str, int] = {}
    confidence: Literal["high", "low"] = "high"
    report: str | None = None
    output: str | None = None
    reproduce_command: str = ""
    note: str = ""


class ValidationConcluded(_Event):
    """A validation came to its verdict; `failures` are what it raises, each with the task it belongs to."""

    kind: Literal["validation-concluded"] = "validation-concluded"
    task: str
    result: ValidationResult
    failures: tuple[Failure, ...] = ()


class ReviewFinished(_Event):
    """A reviewer is done with a commit; `role` is what it looked at. `changed` is what it wrote, which was undone."""

    kind: Literal["review-finished"] = "review-finished"
    task: str
    role: str
    number: int
    sha: str
    ended: str
    exit_code: int | None = None
    detail: str = ""
    review: Review | None = None
    changed: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    question: str | None = None
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    output: str | None = None
    turns: int | None = None
    session: str | None = None
    limit: str = ""
    resets_at: str | None = None
    denied: tuple[str, ...] = ()
    agent: str = ""
    model: str | None = None
    findings: tuple[Finding, ...] = ()


class ValidationAccepted(_Event):
    """A source accepts the commit's state; its expected set moves forward if its run was sound, once all accept."""

    kind: Literal["validation-accepted"] = "validation-accepted"
    source: str = "tests"
    task: str
    sha: str
    expected: str | None = None
    owed: dict[TestId, str] = {}


class BranchMoved(_Event):
    """The run's branch points to the task's commit."""

    kind: Literal["branch-moved"] = "branch-moved"
    task: str
    sha: str


class ActionChosen(_Event):
    """The taxonomy was consulted for the first open failure."""

    kind: Literal["action-chosen"] = "action-chosen"
    task: str | None = None
    failure: Failure
    action: Action
    response: Response
    question: Question | None = None


class Answered(_Event):
    """Somebody answered the pending question."""

    kind: Literal["answered"] = "answered"
    question: str
    choice: str
    note: str | None = None


class PlanAdjusted(_Event):
    """A person changed what is left of a run: tasks out of it, left out, or in another order."""

    kind: Literal["plan-adjusted"] = "plan-adjusted"
    change: Literal["drop", "skip", "reorder"]
    tasks: tuple[str, ...]


class TreeInspected(_Event):
    """The work tree was read after a pause, to see whether a person changed it."""

    kind: Literal["tree-inspected"] = "tree-inspected"
    task: str
    tree: str
    conflicts: tuple[str, ...] = ()


class TaskPutBack(_Event):
    """The task's work was put back to its start; what was replaced is kept under a ref."""

    kind: Literal["task-put-back"] = "task-put-back"
    task: str


class BranchRebuilt(_Event):
    """The branch went back to a culprit's start; `kept` are later tasks' new commits, the others are pending again.

    `repairs` are the new commits of the repairs that were put on again, by their old ones.
    """

    kind: Literal["branch-rebuilt"] = "branch-rebuilt"
    task: str
    tip: str
    tip_tree: str
    kept: dict[str, str] = {}
    repairs: dict[str, str] = {}


class TimeUp(_Event):
    """The run's maximum of time was reached."""

    kind: Literal["time-up"] = "time-up"


class WaitEnded(_Event):
    """The rate limit of an agent should be over: its dispatches may begin again."""

    kind: Literal["wait-ended"] = "wait-ended"
    agent: str


class RunInterrupted(_Event):
    """A signal ended this process; the run can be resumed."""

    kind: Literal["run-interrupted"] = "run-interrupted"
    signal: str


class RunAborted(_Event):
    """A person ended the run for good; what is begun is put aside, then the run ends."""

    kind: Literal["run-aborted"] = "run-aborted"


class RunEnded(_Event):
    """The run is over for good."""

    kind: Literal["run-ended"] = "run-ended"
    status: Literal["finished", "blocked", "inconclusive", "aborted"]
    exit_code: int
    fast_forwarded: bool = False
    reason: str | None = None


class Warned(_Event):
    """Something a person should know; it changes nothing else."""

    kind: Literal["warned"] = "warned"
    message: str
    task: str | None = None


Event = (
    RunCreated
    | RunResumed
    | PlanChanged
    | StepStarted
    | StepCancelled
    | BaselineCaptured
    | AgentFinished
    | Integrated
    | GateFinished
    | GateChecked
    | CommitMade
    | ProbeFinished
    | ValidationConcluded
    | ReviewFinished
    | ValidationAccepted
    | BranchMoved
    | ActionChosen
    | Answered
    | PlanAdjusted
    | TreeInspected
    | TaskPutBack
    | BranchRebuilt
    | TimeUp
    | WaitEnded
    | RunInterrupted
    | RunAborted
    | RunEnded
    | Warned
)

EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])
