"""What a concluded validation says and raises: its result for the status, its failures for the taxonomy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from superteam.core.events import ValidationResult
from superteam.core.expectation import ExpectationChanged
from superteam.core.failures import Failure, FailureType
from superteam.core.finding import Finding
from superteam.core.results import TestId
from superteam.core.run import ProbeFacts
from superteam.core.settle import Conclusion, Settlement, Validation
from superteam.core.sources import TESTS

SHOWN = 5


def result_of(
    v: Validation, found: Conclusion, facts: ProbeFacts | None, tree: str, findings: tuple[Finding, ...] = ()
) -> ValidationResult:
    """The validation as `status --json` and `validate --json` show it."""
    difference = found.difference
    excused = found.labelled(Settlement.PRE_EXISTING)
    return ValidationResult(
        source=v.source,
        after_task=v.after_task,
        sha=v.sha,
        tree=tree,
        reference_sha=v.reference,
        verdict=found.verdict(),
        reason=found.reason,
        confidence=facts.confidence if facts else "high",
        counts=dict(facts.counts) if facts else {},
        new_failures=difference.new_failures,
        regressions=found.labelled(Settlement.REGRESSION),
        unresolved=found.labelled(Settlement.UNRESOLVED),
        flaky=found.labelled(Settlement.FLAKE),
        suspects=found.labelled(Settlement.SUSPECT),
        pre_existing=(*difference.pre_existing, *difference.fails_differently, *excused),
        fails_differently=difference.fails_differently,
        new_passes=difference.new_passes,
        missing=difference.missing,
        newly_skipped=difference.newly_skipped,
        owed=difference.owed,
        settlements={key: _settlement(v, found, key) for key in found.labels},
        introduced_by=dict(found.introduced_by),
        polluters=dict(found.polluters),
        findings=findings,
        notes=(*((facts.note,) if facts and facts.note else ()), *found.notes),
        reproduce_command=facts.reproduce_command if facts else "",
    )


def _settlement(v: Validation, found: Conclusion, key: TestId) -> dict[str, Any]:
    here, there = found.counts[key]
    entry: dict[str, Any] = {"task": list(here), "reference": list(there)}
    if _is_new(v, found, key):
        return {**entry, "new": True}
    sha = v.references.get(key)
    return entry if sha in (None, v.reference) else {**entry, "sha": sha}


def _is_new(v: Validation, found: Conclusion, key: TestId) -> bool:
    """Whether a test did not exist at the reference, under this id or another, and was not planned red."""
    renamed = {new for _, new in found.difference.renamed}
    return key not in v.references and key not in v.owed and key not in renamed


def raised(v: Validation, found: Conclusion, facts: ProbeFacts | None) -> tuple[Failure, ...]:
    """The failures of a validation: what only warns first, what blocks after it, grouped by the guilty task."""
    failures = (_crash(v, found, facts),) if found.crash else _of_tests(v, found, facts)
    return failures if v.source == TESTS else tuple(_from(v.source, failure) for failure in failures)


def _from(source: str, failure: Failure) -> Failure:
    """The failure as one of a source that people have to be told by name."""
    return failure.model_copy(update={"source": source, "message": f"source {source}: {failure.message}"})


def _of_tests(v: Validation, found: Conclusion, facts: ProbeFacts | None) -> tuple[Failure, ...]:
    difference = found.difference
    warnings = (
        (FailureType.TEST_PREEXISTING, _red_before(found)),
        (FailureType.TEST_FLAKE, found.labelled(Settlement.FLAKE)),
        (FailureType.TEST_SUSPECT, found.labelled(Settlement.SUSPECT)),
    )
    failures = [_failure(kind, ids, v.after_task, found, facts) for kind, ids in warnings if ids]
    crowd = (*found.labelled(Settlement.ENVIRONMENT), *difference.absent)
    if crowd:
        failures.append(_failure(FailureType.ENVIRONMENT, crowd, v.after_task, found, facts))
    failures += _regressions(v, found, facts)
    for task, ids in _blamed(v, found, (*difference.missing, *difference.newly_skipped)):
        failures.append(_failure(FailureType.TEST_MISSING, ids, task, found, facts))
    return tuple(failures)


def _blamed(v: Validation, found: Conclusion, ids: tuple[TestId, ...]) -> list[tuple[str, tuple[TestId, ...]]]:
    """The tests by the task that is guilty of them, in the order of the tasks; if unknown, the last one is."""
    order = [task for task, _ in v.commits]
    groups: dict[str, list[TestId]] = {}
    for key in ids:
        groups.setdefault(found.introduced_by.get(key, v.after_task), []).append(key)
    ranked = sorted(groups, key=lambda task: order.index(task) if task in order else -1)
    return [(task, tuple(groups[task])) for task in ranked]


def _red_before(found: Conclusion) -> tuple[TestId, ...]:
    difference = found.difference
    return (*difference.pre_existing, *difference.fails_differently, *found.labelled(Settlement.PRE_EXISTING))


def _regressions(v: Validation, found: Conclusion, facts: ProbeFacts | None) -> list[Failure]:
    """One failure a guilty task, in the order of the tasks; what is unresolved is a failure of its own."""
    blamed = _blamed(v, found, found.labelled(Settlement.REGRESSION))
    failures = [_regression(v, ids, task, found, facts) for task, ids in blamed]
    open_ids = found.labelled(Settlement.UNRESOLVED)
    if open_ids:
        failure = _failure(FailureType.TEST_REGRESSION, open_ids, v.after_task, found, facts)
        why = "; ".join(dict.fromkeys(found.reasons.get(key, "") for key in open_ids))
        text = f"unresolved, could not be settled ({why}): {_listed(open_ids)}"  # what is cut is cut at its end
        failures.append(failure.model_copy(update={"unresolved": True, "message": text}))
    return failures


def _regression(
    v: Validation, ids: tuple[TestId, ...], task: str, found: Conclusion, facts: ProbeFacts | None
) -> Failure:
    """The regressions of one task: tests that worked before, and new tests that fail."""
    failure = _failure(FailureType.TEST_REGRESSION, ids, task, found, facts)
    new = tuple(key for key in ids if _is_new(v, found, key))
    if not new:
        return failure
    before = tuple(key for key in ids if key not in new)
    parts = [_sentence(before, *_WORDS[FailureType.TEST_REGRESSION])] if before else []
    text = "; ".join([*parts, _sentence(new, "is a new test and fails", "are new tests and fail")])
    return failure.model_copy(update={"message": text})


def changed_failures(
    changed: Sequence[ExpectationChanged], guilty: Mapping[TestId, str], facts: ProbeFacts | None
) -> tuple[Failure, ...]:
    """One failure for each task that changed what judges, with both versions of each test; the newest task last."""
    failures = []
    for task in dict.fromkeys(guilty[one.test] for one in changed):
        mine = [one for one in changed if guilty[one.test] == task]
        ids = tuple(one.test for one in mine)
        text = _sentence(ids, *_WORDS[FailureType.EXPECTATION_CHANGED])
        failure = Failure(
            type=FailureType.EXPECTATION_CHANGED,
            task=task,
            origin="suite",
            message=text,
            tests=ids,
            messages={one.test: both_versions(one) for one in mine[:50]},
            output=facts.output if facts else None,
            reproduce_command=facts.reproduce_command if facts else None,
        )
        failures.append(failure)
    return tuple(failures)


def both_versions(changed: ExpectationChanged) -> str:
    """Both versions of an expectation, one below the other."""
    place = changed.path if changed.line is None else f"{changed.path}:{changed.line}"
    before = f"the base's version fails on this code: {changed.before}"
    return f"{before}\nthis version ({place}): {changed.after or 'passes'}"


def _crash(v: Validation, found: Conclusion, facts: ProbeFacts | None) -> Failure:
    assert found.crash is not None
    return Failure(
        type=FailureType(found.crash),
        task=v.after_task,
        origin="suite",
        message=found.reason or "",
        output=facts.output if facts else None,
        reproduce_command=facts.reproduce_command if facts else None,
    )


def _failure(
    kind: FailureType, ids: tuple[TestId, ...], task: str, found: Conclusion, facts: ProbeFacts | None
) -> Failure:
    text = _sentence(ids, *_WORDS[kind])
    messages = facts.messages if facts else {}
    return Failure(
        type=kind,
        task=task,
        origin="suite",
        message=text,
        tests=ids,
        messages={key: messages[key] for key in ids[:50] if key in messages},
        output=facts.output if facts else None,
        reproduce_command=facts.reproduce_command if facts else None,
    )


_WORDS = {
    FailureType.TEST_REGRESSION: ("worked before and does not any more", "worked before and do not any more"),
    FailureType.TEST_FLAKE: ("fails now and then, at the reference too", "fail now and then, at the reference too"),
    FailureType.TEST_SUSPECT: (
        "may be flaky, which many runs on both sides have to show",
        "may be flaky, which many runs on both sides have to show",
    ),
    FailureType.TEST_PREEXISTING: ("failed at the reference before", "failed at the reference before"),
    FailureType.TEST_MISSING: (
        "is gone or does not count any more, and the plan does not say so",
        "are gone or do not count any more, and the plan does not say so",
    ),
    FailureType.EXPECTATION_CHANGED: (
        "passes only because its expectation was changed, and the plan does not say so",
        "pass only because their expectations were changed, and the plan does not say so",
    ),
    FailureType.ENVIRONMENT: (
        "passed at the reference before and fails or is gone there now: something outside of the trees changed",
        "passed at the reference before and fail or are gone there now: something outside of the trees changed",
    ),
}


def _sentence(ids: tuple[TestId, ...], one: str, many: str) -> str:
    return f"{ids[0]} {one}" if len(ids) == 1 else f"{len(ids)} tests {many}: {_listed(ids)}"


def _listed(ids: tuple[TestId, ...]) -> str:
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return ", ".join(ids[:SHOWN]) + more
