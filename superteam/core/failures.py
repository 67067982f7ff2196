"""The failure taxonomy: what can go wrong, what is done about it, and the one place that resolves it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from superteam.core.signature import normalise, signature

if TYPE_CHECKING:
    from superteam.core.settings import Settings


class FailureType(StrEnum):
    """What went wrong (contract, section 4)."""

    PARSE_ERROR = "parse-error"
    TEST_REGRESSION = "test-regression"
    TEST_FLAKE = "test-flake"
    TEST_PREEXISTING = "test-preexisting"
    TOOL_TIMEOUT = "tool-timeout"
    BUDGET_THRESHOLD = "budget-threshold"
    REVIEW_MAX_RETRIES = "review-max-retries"
    VALIDATION_FAILURE = "validation-failure"
    IMPL_CRASH = "impl-crash"
    TEST_MISSING = "test-missing"
    EXPECTATION_CHANGED = "expectation-changed"
    TEST_SUSPECT = "test-suspect"
    SUITE_CRASH = "suite-crash"
    ENVIRONMENT = "environment"
    SCOPE_VIOLATION = "scope-violation"


class Action(StrEnum):
    """What is done about a failure."""

    AUTO_RETRY = "auto-retry"
    RETRY_THEN_ESCALATE = "retry-then-escalate"
    STOP_SHOW_DIFF = "stop-show-diff"
    ESCALATE = "escalate"
    CHECKPOINT = "checkpoint"
    WARN_CONTINUE = "warn-continue"
    IGNORE = "ignore"


DEFAULT_ACTIONS: dict[FailureType, Action] = {
    FailureType.PARSE_ERROR: Action.AUTO_RETRY,
    FailureType.TEST_REGRESSION: Action.STOP_SHOW_DIFF,
    FailureType.TEST_FLAKE: Action.WARN_CONTINUE,
    FailureType.TEST_PREEXISTING: Action.IGNORE,
    FailureType.TOOL_TIMEOUT: Action.RETRY_THEN_ESCALATE,
    FailureType.BUDGET_THRESHOLD: Action.CHECKPOINT,
    FailureType.REVIEW_MAX_RETRIES: Action.ESCALATE,
    FailureType.VALIDATION_FAILURE: Action.RETRY_THEN_ESCALATE,
    FailureType.IMPL_CRASH: Action.RETRY_THEN_ESCALATE,
    FailureType.TEST_MISSING: Action.STOP_SHOW_DIFF,
    FailureType.EXPECTATION_CHANGED: Action.STOP_SHOW_DIFF,
    FailureType.TEST_SUSPECT: Action.WARN_CONTINUE,
    FailureType.SUITE_CRASH: Action.RETRY_THEN_ESCALATE,
    FailureType.ENVIRONMENT: Action.ESCALATE,
    FailureType.SCOPE_VIOLATION: Action.WARN_CONTINUE,
}

FIXABLE = frozenset(
    {
        FailureType.VALIDATION_FAILURE,
        FailureType.TEST_REGRESSION,
        FailureType.TEST_MISSING,
        FailureType.SUITE_CRASH,
    }
)
APPROVABLE = frozenset(
    {
        FailureType.TEST_REGRESSION,
        FailureType.TEST_FLAKE,
        FailureType.TEST_PREEXISTING,
        FailureType.TEST_MISSING,
        FailureType.EXPECTATION_CHANGED,
        FailureType.TEST_SUSPECT,
        FailureType.VALIDATION_FAILURE,
        FailureType.SCOPE_VIOLATION,
        FailureType.REVIEW_MAX_RETRIES,
    }
)


class Failure(BaseModel):
    """One thing that went wrong, with its evidence. `origin` says which step noticed it; `tests` are ids, of what a
    suite said those of the validation `source`. `roles` are the reviewers whose verdicts, or missing verdicts, it is
    about. `maximum` is the budget that is used up ("task.max-usd"). `signature` is what a gate or an
    agent said, without what changes each time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: FailureType
    task: str | None = None
    origin: Literal["agent", "gate", "suite", "budget", "merge", "review"] = "agent"
    source: str = "tests"
    message: str = ""
    tests: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    messages: dict[str, str] = {}
    unresolved: bool = False
    output: str | None = None
    reproduce_command: str | None = None
    maximum: str = ""
    signature: str = ""

    def approvable(self) -> bool:
        """Whether a person may take it as it is; what could not be settled never is, nor a file with two contents."""
        return self.type in APPROVABLE and not self.unresolved and self.origin != "merge"


def maximum_of(failure: Failure) -> str:
    """The budget that a failure is about; older journals have its name in another place."""
    return failure.maximum or next(iter(failure.tests), "")


class Response(StrEnum):
    """What the engine does next about a failure: its action, given what was tried already."""

    FIX = "fix"
    REDO = "redo"
    RECHECK = "recheck"
    PROCEED = "proceed"
    ASK = "ask"
    SKIP = "skip"
    ABORT = "abort"


class History(BaseModel):
    """What was tried already on this piece of work since a person last answered.

    `rounds` are reviews that kept the change back; `reviewers` are retries of each reviewer in this round.
    `signatures` are those of the failures that the last dispatches were to mend; `idle` counts the dispatches in a row
    that changed nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = 0
    fixes: int = 0
    retries: dict[FailureType, int] = {}
    fix_was_empty: bool = False
    rounds: int = 0
    reviewers: dict[str, int] = {}
    signatures: dict[FailureType, str] = {}
    idle: int = 0


def action_for(type: FailureType, settings: Settings) -> Action:
    """The configured action of a failure type, else its default."""
    return settings.failure_actions.get(type, DEFAULT_ACTIONS[type])


def resolve(failure: Failure, settings: Settings, history: History) -> tuple[Action, Response]:
    """The one place where a failure is turned into what is done about it (contract, section 4)."""
    action = action_for(failure.type, settings)
    if action in (Action.WARN_CONTINUE, Action.IGNORE) and failure.origin != "merge":
        return action, Response.PROCEED
    again = _again(failure, action, settings, history)
    if again is not None:
        return action, again
    if action is Action.CHECKPOINT or failure.origin == "budget":
        return action, Response.ASK
    return action, {"skip": Response.SKIP, "abort": Response.ABORT}.get(settings.on_escalation, Response.ASK)


IDLE = 2  # dispatches in a row that changed nothing, after which no further one is of use


def signature_of(failure: Failure) -> str:
    """What the failure looks like without what changes from run to run; two that look alike are one that came again."""
    if failure.signature:
        return failure.signature
    said = sorted(f"{id}: {signature(failure.messages.get(id, ''))}" for id in failure.tests)
    return "|".join((failure.origin, failure.source, normalise(failure.message), *said))


def going_round(failure: Failure, history: History) -> str:
    """Why one more dispatch is of no use, in words; nothing while it may be."""
    if history.signatures.get(failure.type) == signature_of(failure):
        return f"the same {failure.type} came twice in a row"
    return f"{history.idle} dispatches in a row changed nothing" if history.idle >= IDLE else ""


def ended_early(failure: Failure, settings: Settings, history: History) -> str:
    """Why there is no further try though attempts are left, in words; nothing where that is not the reason."""
    action = action_for(failure.type, settings)
    passed = action in (Action.WARN_CONTINUE, Action.IGNORE) and failure.origin != "merge"
    reason = "" if passed or failure.origin == "review" else going_round(failure, history)
    return reason if reason and _try(failure, action, settings, history) in (Response.FIX, Response.REDO) else ""


def _again(failure: Failure, action: Action, settings: Settings, history: History) -> Response | None:
    """Another try before anybody is asked, or None when there is none (left), or it would go round in circles."""
    found = _try(failure, action, settings, history)
    if failure.origin == "review" or found not in (Response.FIX, Response.REDO):
        return found
    return None if going_round(failure, history) else found


def _try(failure: Failure, action: Action, settings: Settings, history: History) -> Response | None:
    if failure.origin == "review":
        return _review_again(failure, action, settings, history)
    may_dispatch = history.attempts < settings.agent.max_attempts
    if failure.type in FIXABLE:
        limit = settings.agent.max_attempts if action is Action.AUTO_RETRY else settings.validation.auto_fix
        left = history.fixes < limit and not history.fix_was_empty and not failure.unresolved
        return Response.FIX if left and may_dispatch else None
    if failure.origin == "budget" or action not in (Action.AUTO_RETRY, Action.RETRY_THEN_ESCALATE):
        return None
    limit = settings.agent.max_attempts - 1 if action is Action.AUTO_RETRY else 1  # after the first attempt
    if history.retries.get(failure.type, 0) >= limit:
        return None
    if failure.origin == "agent":
        return Response.REDO if may_dispatch else None
    if failure.type is FailureType.TOOL_TIMEOUT and failure.origin == "suite":
        return None  # the second run of the suite was that retry
    return Response.RECHECK


def _review_again(failure: Failure, action: Action, settings: Settings, history: History) -> Response | None:
    """Failing reviews: one more fix and round. A reviewer without a verdict: the same reviewer again."""
    if action not in (Action.AUTO_RETRY, Action.RETRY_THEN_ESCALATE):
        return None
    once = action is Action.RETRY_THEN_ESCALATE
    if failure.type is FailureType.REVIEW_MAX_RETRIES:
        left = history.attempts < settings.agent.max_attempts and not history.fix_was_empty
        return Response.FIX if left and (not once or history.rounds <= settings.review.max_iterations) else None
    tried = max((history.reviewers.get(role, 0) for role in failure.roles), default=0)
    most = settings.agent.max_attempts - 1  # after the first dispatch
    return Response.REDO if tried < (min(1, most) if once else most) else None
