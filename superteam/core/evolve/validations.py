"""Baseline and validations: begun, observed, concluded, accepted."""

from __future__ import annotations

from dataclasses import replace

from superteam.core import events as e
from superteam.core.cadence import before_the_branch
from superteam.core.evolve.parts import count_round, take_over
from superteam.core.evolve.reviews import before_moving, without_reviews
from superteam.core.failures import FailureType, History
from superteam.core.results import TestId
from superteam.core.run import Phase, Point, ProbeFacts, Run, SourceState, Work
from superteam.core.settle import Validation, moved_tests, next_probe, observe, rules_of
from superteam.core.sources import TESTS, source_names


def baseline_captured(run: Run, event: e.BaselineCaptured) -> Run:
    """A source ran at the start commit; without a sound run there is nothing to compare with, and the run halts."""
    found = event.baseline
    before = run.source(found.source)
    run = replace(run, baseline_runs=run.baseline_runs + 1)
    if found.verdict == "inconclusive":
        reason = found.reason or "the baseline is inconclusive"
        named = reason if found.source == TESTS else f"source {found.source}: {reason}"
        return replace(run.with_source(found.source, replace(before, baseline=found)), halted=named)
    points = (Point(found.sha, found.expected), *before.points[1:])
    run = run.with_source(found.source, replace(before, baseline=found, points=points))
    for t in run.working():
        if t.work and t.work.validation and t.work.phase in JUDGED:  # by what is no longer the baseline
            run = validate_again(run, t.task.id, t.work)
    return run


JUDGED = (Phase.VALIDATE, Phase.CONCLUDE, Phase.ACCEPT, Phase.REVIEW)


def commit_made(run: Run, event: e.CommitMade) -> Run:
    """The commit object is there: it is validated first where the cadence says so."""
    t = run.of(event.task)
    assert t.work is not None
    work = replace(t.work, commit=event.sha, made_for=event.task)
    if work.kind == "repair" or before_the_branch(run.settings):
        return run.with_work(event.task, validate(run, replace(work), event.task, final=False))
    unjudged = without_reviews(replace(work, validation=None, accepted={}))
    return run.with_work(event.task, replace(unjudged, phase=before_moving(run, unjudged)))


def validate(run: Run, work: Work, task: str, final: bool) -> Work:
    """The work with the validation of its commit begun, by the first source that has to judge it."""
    work = without_reviews(replace(work, accepted={}, validation=None, facts=None, failures=()))
    source = next_source(run, work)
    # Without a source left in use nothing can be said: what was begun goes on as it does without validation.
    return (
        replace(work, phase=before_moving(run, work)) if source is None else validate_by(source, run, work, task, final)
    )


def validate_again(run: Run, task: str, work: Work) -> Run:
    """The run with the work's validation begun once more; a check that no source has to make any more is over."""
    if work.kind == "check" and next_source(run, replace(work, accepted={})) is None:
        return run.with_work(task, None)
    run = count_round(run, task)
    return run.with_work(task, validate(run, work, task, final=False))


def validate_by(source: str, run: Run, work: Work, task: str, final: bool = False) -> Work:
    """The work with its validation by one source begun; what the sources before it accepted stands."""
    assert work.commit is not None
    made = () if work.kind == "check" else ((task, work.commit),)
    # A repair of what the last check found is judged by what that check asks: else it would be found again for ever.
    last = final or (work.kind != "task" and not run.left())
    validation = Validation(
        sha=work.commit,
        reference=run.reference(source),
        commits=(*unvalidated_by(source, run), *made),
        after_task=task,
        owed=dict(run.source(source).owed) if last else {},
        origin=run.start_sha,
        closing=last,
        suspects=_suspected(run, source, task) if last else {},
        source=source,
    )
    return replace(work, phase=Phase.VALIDATE, validation=validation, facts=None, failures=())


def next_source(run: Run, work: Work) -> str | None:
    """The source whose turn it is to judge the work's commit; None when all that have to have accepted it."""
    names = [name for name in source_names(run.settings) if name not in work.accepted]
    if work.kind == "check":
        return next((name for name in names if _has_to_check(name, run)), None)
    return next(iter(names), None)


def _has_to_check(source: str, run: Run) -> bool:
    """Whether the tip holds something that a source has not judged, or that it judges only at the end."""
    return bool(unvalidated_by(source, run)) or (in_debt(source, run) and not run.left())


def in_debt(source: str, run: Run) -> bool:
    """Whether something is left for the source to settle at the end of the run."""
    state = run.source(source)
    return bool(state.owed or state.suspects)


def unvalidated_by(source: str, run: Run) -> tuple[tuple[str, str], ...]:
    """What the source has not accepted of all that is unvalidated: less, where another one was captured again."""
    accepted = {point.sha for point in run.source(source).points}
    last = max((i for i, (_, sha) in enumerate(run.unvalidated) if sha in accepted), default=-1)
    return run.unvalidated[last + 1 :]


def _suspected(run: Run, source: str, task: str) -> dict[TestId, tuple[str, str]]:
    """The source's suspects; one whose task does not stand on the branch any more is the checked task's affair."""
    standing = {id for id, _ in run.branch}
    suspects = run.source(source).suspects.items()
    return {key: (owner if owner in standing else task, sha) for key, (owner, sha) in suspects}


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
    run = count_round(replace(run, validations=(*run.validations, event.result)), event.task)
    work = run.of(event.task).work
    assert work is not None
    work = replace(work, failures=event.failures, phase=Phase.ACCEPT)
    blocking = [f for f in event.failures if f.task and f.type in _BLOCKING]
    culprit = blocking[0].task if blocking else event.task
    if culprit is None or culprit == event.task or work.kind == "task":
        return run.with_work(event.task, work)
    tried = {**work.tried, event.task: work.history}
    work = replace(work, tried=tried, history=tried.get(culprit, History()))
    return count_round(run.with_work(event.task, None).with_work(culprit, work), culprit)


_BLOCKING = frozenset(
    {
        FailureType.PARSE_ERROR,
        FailureType.TEST_REGRESSION,
        FailureType.TEST_MISSING,
        FailureType.EXPECTATION_CHANGED,
        FailureType.SUITE_CRASH,
        FailureType.TOOL_TIMEOUT,
        FailureType.ENVIRONMENT,
    }
)


def validation_accepted(run: Run, event: e.ValidationAccepted) -> Run:
    """A source accepts the commit: the next one judges it, and when all accept, what they say is taken over."""
    work = run.of(event.task).work
    assert work is not None and work.validation is not None
    done = work.validation
    work = replace(work, accepted={**work.accepted, done.source: _accepted(run, work, event)})
    following = next_source(run, work)
    if following is not None:
        # The work may have gone over to a culprit since: this is still the check after the task it was begun for.
        return run.with_work(event.task, validate_by(following, run, work, done.after_task))
    run = run.with_work(event.task, work)
    if before_moving(run, work) is Phase.REVIEW:
        return run.with_work(event.task, replace(work, phase=Phase.REVIEW))
    return take_over(run, event.task)


def _accepted(run: Run, work: Work, event: e.ValidationAccepted) -> SourceState:
    """The state is the source's new reference, if its run was sound; debts are kept for the run's end."""
    assert work.validation is not None
    source, last = work.validation.source, run.validations[-1]
    state = run.source(source)
    sound = event.expected is not None
    return replace(
        state,
        points=(*state.points, Point(event.sha, event.expected)) if sound else state.points,
        # Of the run itself: a suite that the change broke is a fail, and yet no run of it proves anything.
        verdict="pass" if sound else "inconclusive",
        owed=event.owed,
        known=state.known | {id for name, id in work.excused if name == source},
        suspects=_suspects(state, work.validation, last),
    )


def _suspects(state: SourceState, v: Validation, last: e.ValidationResult) -> dict[TestId, tuple[str, str]]:
    """Tests to be settled at the end of the run, each with the first task after which it was one."""
    if v.closing:
        return {}
    same_id = v.references.keys() - moved_tests(v).keys()  # by its id of now, no other could be run there
    new = {key: (v.after_task, v.references[key]) for key in last.suspects if key in same_id}
    return {**new, **state.suspects}
