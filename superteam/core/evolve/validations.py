"""Baseline and validations: begun, observed, concluded, accepted."""

from __future__ import annotations

from dataclasses import replace

from superteam.core import events as e
from superteam.core.cadence import before_the_branch
from superteam.core.evolve.parts import edit_work
from superteam.core.evolve.reviews import before_accepting, without_reviews
from superteam.core.failures import FailureType, History
from superteam.core.results import TestId
from superteam.core.run import Phase, Point, ProbeFacts, Run, Work
from superteam.core.settle import Validation, next_probe, observe, rules_of


def baseline_captured(run: Run, event: e.BaselineCaptured) -> Run:
    """The suite ran at the start commit; without a sound run there is nothing to compare with, and the run halts."""
    run = replace(run, baseline=event.baseline, baseline_runs=run.baseline_runs + 1)
    if event.baseline.verdict == "inconclusive":
        return replace(run, halted=event.baseline.reason or "the baseline is inconclusive")
    point = Point(event.baseline.sha, event.baseline.expected)
    run = replace(run, points=(point, *run.points[1:]))
    for t in run.working():
        if t.work and t.work.validation and t.work.phase in _JUDGED:  # by what is no longer the baseline
            run = run.with_work(t.task.id, validate(run, t.work, t.task.id, final=False))
    return run


_JUDGED = (Phase.VALIDATE, Phase.CONCLUDE, Phase.REVIEW, Phase.ACCEPT, Phase.MOVE)


def commit_made(run: Run, event: e.CommitMade) -> Run:
    """The commit object is there: it is validated first where the cadence says so."""
    t = run.of(event.task)
    assert t.work is not None
    work = replace(t.work, commit=event.sha, made_for=event.task)
    if work.kind == "repair" or before_the_branch(run.settings):
        return run.with_work(event.task, validate(run, replace(work), event.task, final=False))
    unjudged = without_reviews(replace(work, validation=None))
    return run.with_work(event.task, replace(unjudged, phase=before_accepting(run, unjudged)))


def validate(run: Run, work: Work, task: str, final: bool) -> Work:
    """The work with a validation of its commit begun."""
    assert work.commit is not None
    made = () if work.kind == "check" else ((task, work.commit),)
    # A repair of what the last check found is judged by what that check asks: else it would be found again for ever.
    last = final or (work.kind != "task" and not run.left())
    validation = Validation(
        sha=work.commit,
        reference=run.reference(),
        commits=(*run.unvalidated, *made),
        after_task=task,
        owed=dict(run.owed) if last else {},
        origin=run.start_sha,
        closing=last,
        suspects=_suspected(run, task) if last else {},
    )
    work = without_reviews(work)
    return replace(work, phase=Phase.VALIDATE, validation=validation, facts=None, failures=())


def _suspected(run: Run, task: str) -> dict[TestId, tuple[str, str]]:
    """The run's suspects; one whose task does not stand on the branch any more is the checked task's affair."""
    standing = {id for id, _ in run.branch}
    return {key: (owner if owner in standing else task, sha) for key, (owner, sha) in run.suspects.items()}


def probe_finished(run: Run, event: e.ProbeFinished) -> Run:
    """One more observation; the validation concludes when the settlement wants to see nothing more."""
    work = run.of(event.task).work
    assert work is not None and work.validation is not None
    validation = observe(work.validation, event.observation, event.references)
    work = replace(work, validation=validation)
    if event.observation.probe.purpose == "suite":
        work = replace(work, facts=facts_of(event))
    done = next_probe(validation, rules_of(run.settings)) is None
    return run.with_work(event.task, replace(work, phase=Phase.CONCLUDE if done else Phase.VALIDATE))


def facts_of(event: e.ProbeFinished) -> ProbeFacts:
    """What the judged run of the suite left behind."""
    return ProbeFacts(
        event.report, event.counts, event.confidence, event.messages, event.reproduce_command, event.output, event.note
    )


def validation_concluded(run: Run, event: e.ValidationConcluded) -> Run:
    """The verdict is there; the work goes over to the guilty task if that is another one."""
    run = replace(run, validations=(*run.validations, event.result))
    work = run.of(event.task).work
    assert work is not None
    work = replace(work, failures=event.failures, phase=before_accepting(run, work))
    blocking = [f for f in event.failures if f.task and f.type in _BLOCKING]
    culprit = blocking[0].task if blocking else event.task
    if culprit is None or culprit == event.task or work.kind == "task":
        return run.with_work(event.task, work)
    tried = {**work.tried, event.task: work.history}
    work = replace(work, tried=tried, history=tried.get(culprit, History()))
    return run.with_work(event.task, None).with_work(culprit, work)


_BLOCKING = frozenset(
    {
        FailureType.TEST_REGRESSION,
        FailureType.TEST_MISSING,
        FailureType.SUITE_CRASH,
        FailureType.TOOL_TIMEOUT,
        FailureType.ENVIRONMENT,
    }
)


def validation_accepted(run: Run, event: e.ValidationAccepted) -> Run:
    """The state is the new reference, if its run was sound; debts are kept for the run's end."""
    t = run.of(event.task)
    assert t.work is not None
    last = run.validations[-1]
    sound = event.expected is not None
    points = (*run.points, Point(event.sha, event.expected)) if sound else run.points
    verdict = last.verdict if not sound else "pass"
    run = replace(run, points=points, unvalidated=(), last_verdict=verdict, owed=event.owed)
    run = replace(run, known=run.known | t.work.excused, suspects=_suspects(run, t.work, last))
    if t.work.kind == "check":
        return run.with_work(event.task, None)
    return edit_work(run, event.task, phase=Phase.MOVE)


def _suspects(run: Run, work: Work, last: e.ValidationResult) -> dict[TestId, tuple[str, str]]:
    """Tests to be settled at the end of the run, each with the first task after which it was one."""
    v = work.validation
    assert v is not None
    if v.closing:
        return {}
    new = {key: (v.after_task, v.references[key]) for key in last.suspects if key in v.references}
    return {**new, **run.suspects}
