"""The failure taxonomy: what can go wrong, what is done about it, and the one place that resolves it."""

from __future__ import annotations

from enum import StrEnum


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
    FailureType.TEST_SUSPECT: Action.WARN_CONTINUE,
    FailureType.SUITE_CRASH: Action.RETRY_THEN_ESCALATE,
    FailureType.ENVIRONMENT: Action.ESCALATE,
    FailureType.SCOPE_VIOLATION: Action.WARN_CONTINUE,
}
