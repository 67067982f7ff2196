"""The taxonomy against a decision table written from the contract, section 4, in its own words."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from superteam.core.failures import (
    Action,
    Failure,
    FailureType,
    History,
    Response,
    action_for,
    ended_early,
    resolve,
    signature_of,
)
from superteam.core.settings import Settings

DEFAULTS = {
    "parse-error": "auto-retry",
    "test-regression": "stop-show-diff",
    "test-flake": "warn-continue",
    "test-preexisting": "ignore",
    "tool-timeout": "retry-then-escalate",
    "budget-threshold": "checkpoint",
    "review-max-retries": "escalate",
    "validation-failure": "retry-then-escalate",
    "impl-crash": "retry-then-escalate",
    "test-missing": "stop-show-diff",
    "expectation-changed": "stop-show-diff",
    "test-suspect": "warn-continue",
    "suite-crash": "retry-then-escalate",
    "environment": "escalate",
    "scope-violation": "warn-continue",
}
FIXED_AUTOMATICALLY = ("validation-failure", "test-regression", "test-missing", "suite-crash")
NEVER_APPROVED = ("parse-error", "tool-timeout", "budget-threshold", "impl-crash", "suite-crash", "environment")
# Which step can notice which failure.
ORIGINS = {
    "parse-error": ("agent", "suite", "review"),
    "impl-crash": ("agent", "review"),
    "scope-violation": ("agent",),
    "review-max-retries": ("review",),
    "tool-timeout": ("agent", "gate", "suite", "review"),
    "validation-failure": ("gate",),
    "budget-threshold": ("budget",),
}


@st.composite
def raised(draw: st.DrawFn) -> Failure:
    kind = draw(st.sampled_from(FailureType))
    origin = draw(st.sampled_from(ORIGINS.get(kind.value, ("suite",))))
    unresolved = kind == "test-regression" and draw(st.booleans())
    looks = draw(st.sampled_from(("", "a", "b")))
    roles = ("spec",) if origin == "review" else ()
    return Failure(type=kind, origin=origin, unresolved=unresolved, roles=roles, signature=looks)


@st.composite
def policies(draw: st.DrawFn) -> Settings:
    overrides = draw(st.dictionaries(st.sampled_from(FailureType), st.sampled_from(Action), max_size=14))
    return Settings.model_validate(
        {
            "failure-actions": overrides,
            "on-escalation": draw(st.sampled_from(("ask", "pause", "skip", "abort"))),
            "agent": {"max-attempts": draw(st.integers(1, 4))},
            "review": {"max-iterations": draw(st.integers(1, 4))},
            "validation": {"auto-fix": draw(st.integers(0, 3))},
        }
    )


histories = st.builds(
    History,
    attempts=st.integers(0, 5),
    fixes=st.integers(0, 4),
    retries=st.dictionaries(st.sampled_from(FailureType), st.integers(0, 4), max_size=14),
    fix_was_empty=st.booleans(),
    rounds=st.integers(0, 6),
    reviewers=st.dictionaries(st.sampled_from(("spec", "quality")), st.integers(0, 4), max_size=2),
    signatures=st.dictionaries(st.sampled_from(FailureType), st.sampled_from(("a", "b")), max_size=14),
    idle=st.integers(0, 3),
)


def again(kind: str, action: str, failure: Failure, config: Settings, history: History) -> str | None:
    """What the contract's paragraphs on retries and auto-fix say, before anybody is asked."""
    out_of_dispatches = history.attempts >= config.agent.max_attempts
    tried = history.retries.get(FailureType(kind), 0)
    if kind in FIXED_AUTOMATICALLY:
        spent = history.fixes >= (config.agent.max_attempts if action == "auto-retry" else config.validation.auto_fix)
        refused = failure.unresolved or history.fix_was_empty or out_of_dispatches or spent
        return None if refused else "fix"
    if kind == "review-max-retries":  # one more fix and round; only one with retry-then-escalate
        left = {"auto-retry": 99, "retry-then-escalate": config.review.max_iterations + 1}.get(action, 0)
        return None if out_of_dispatches or history.fix_was_empty or history.rounds >= left else "fix"
    if failure.origin == "review":  # this reviewer again, whatever was tried with others
        before = history.reviewers.get("spec", 0)
        once = action == "retry-then-escalate" and before == 0
        return "redo" if (once or action == "auto-retry") and before + 1 < config.agent.max_attempts else None
    times = {"auto-retry": config.agent.max_attempts - 1, "retry-then-escalate": 1}.get(action, 0)
    if tried >= times or kind == "budget-threshold":
        return None
    if failure.origin == "agent":
        return None if out_of_dispatches else "redo"
    if (kind, failure.origin) == ("tool-timeout", "suite"):
        return None
    return "recheck"


def table(failure: Failure, config: Settings, history: History) -> tuple[str, str]:
    kind = failure.type.value
    action = {k.value: v.value for k, v in config.failure_actions.items()}.get(kind, DEFAULTS[kind])
    if action in ("warn-continue", "ignore"):
        return action, "proceed"
    another = again(kind, action, failure, config, history)
    if another in ("fix", "redo") and failure.origin != "review":  # it came again, or nothing is done at all
        seen = {k.value: v for k, v in history.signatures.items()}.get(kind)
        another = None if history.idle >= 2 or (seen and seen == failure.signature) else another
    if another:
        return action, another
    planned = action == "checkpoint" or kind == "budget-threshold"
    return action, "ask" if planned or config.on_escalation in ("ask", "pause") else config.on_escalation


@given(raised(), policies(), histories)
def test_every_failure_is_resolved_as_the_contract_says(failure: Failure, config: Settings, history: History) -> None:
    assert resolve(failure, config, history) == table(failure, config, history)


def test_the_defaults_are_those_of_the_contract() -> None:
    assert {kind.value: action_for(kind, Settings()).value for kind in FailureType} == DEFAULTS


def test_a_person_may_approve_exactly_what_the_contract_says() -> None:
    for kind in FailureType:
        assert Failure(type=kind).approvable() == (kind.value not in NEVER_APPROVED), kind
        assert not Failure(type=kind, unresolved=True).approvable()


def test_the_users_override_wins_for_each_type() -> None:
    for kind, action in itertools.product(FailureType, Action):
        config = Settings(failure_actions={kind: action})
        assert resolve(Failure(type=kind), config, History())[0] is action


@given(raised(), policies())
def test_trying_again_comes_to_an_end(failure: Failure, config: Settings) -> None:
    history = History()
    for _ in range(20):
        _, response = resolve(failure, config, history)
        if response not in (Response.FIX, Response.REDO, Response.RECHECK):
            return
        retries = {**history.retries, failure.type: history.retries.get(failure.type, 0) + 1}
        fixed = response is Response.FIX
        dispatched = history.attempts + (response is not Response.RECHECK)
        history = History(
            attempts=dispatched if failure.origin != "review" or fixed else history.attempts,
            fixes=history.fixes + fixed,
            retries=retries,
            rounds=history.rounds + 1,
            reviewers={role: history.reviewers.get(role, 0) + 1 for role in failure.roles},
        )
    raise AssertionError("it is tried for ever")


@given(raised(), policies(), histories)
def test_a_loop_is_said_to_end_early_exactly_where_that_is_why(
    failure: Failure, config: Settings, history: History
) -> None:
    blind = history.model_copy(update={"signatures": {}, "idle": 0})
    cut = resolve(failure, config, blind)[1] != resolve(failure, config, history)[1]
    assert bool(ended_early(failure, config, history)) == cut


def test_a_failure_without_a_signature_is_known_by_its_tests_and_messages() -> None:
    def lost(*ids: str, said: str = "E   AssertionError: assert 1 == 2") -> str:
        failure = Failure(type=FailureType.TEST_REGRESSION, tests=ids, messages=dict.fromkeys(ids, said))
        return signature_of(failure)

    assert lost("a", "b") == lost("b", "a") != lost("a")
    assert lost("a") == lost("a", said="E   AssertionError: assert 7 == 9")
    assert lost("a") != lost("a", said="E   ValueError: no")


def responses(action: Action, on_escalation: str) -> tuple[Response, ...]:
    """What an action does about a crashed agent, the first three times."""
    config = Settings.model_validate(
        {"failure-actions": {"impl-crash": action}, "on-escalation": on_escalation, "agent": {"max-attempts": 4}}
    )
    crash = Failure(type=FailureType.IMPL_CRASH)
    tried = [History(attempts=n + 1, retries={FailureType.IMPL_CRASH: n}) for n in range(3)]
    return tuple(resolve(crash, config, history)[1] for history in tried)


def test_each_action_has_its_own_effect() -> None:
    redo, ask, skip, go_on = Response.REDO, Response.ASK, Response.SKIP, Response.PROCEED
    effects = {action: (responses(action, "ask"), responses(action, "skip")) for action in Action}
    assert effects == {
        Action.AUTO_RETRY: ((redo, redo, redo), (redo, redo, redo)),
        Action.RETRY_THEN_ESCALATE: ((redo, ask, ask), (redo, skip, skip)),
        Action.STOP_SHOW_DIFF: ((ask, ask, ask), (skip, skip, skip)),
        Action.ESCALATE: ((ask, ask, ask), (skip, skip, skip)),
        Action.CHECKPOINT: ((ask, ask, ask), (ask, ask, ask)),
        Action.WARN_CONTINUE: ((go_on, go_on, go_on), (go_on, go_on, go_on)),
        Action.IGNORE: ((go_on, go_on, go_on), (go_on, go_on, go_on)),
    }
