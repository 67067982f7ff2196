"""Reviews: begun for a commit, finished one by one, judged when all are in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from superteam.core import events as e
from superteam.core.evolve.budgets import spend, stopped
from superteam.core.evolve.parts import add_warnings, ask, planted_warnings, take_over, with_findings
from superteam.core.evolve.rate_limits import note_limits
from superteam.core.failures import Failure, FailureType
from superteam.core.review import MergedFinding, Review, judge_reviews
from superteam.core.run import Phase, ReviewRecord, Run, TaskRun, Work, missing_roles

SHOWN = 20  # changed paths in a warning


def before_moving(run: Run, work: Work) -> Phase:
    """The phase of a commit that all sources have accepted, or that is not validated yet: a review where one is wanted.

    What the sources accepted is taken over only behind it: it is not what the next version is compared with.
    """
    wanted = run.settings.review.roles and work.kind != "check" and work.tree != work.base_tree
    return Phase.REVIEW if wanted else Phase.MOVE


def without_reviews(work: Work) -> Work:
    """The work as its newest commit is: no reviewer has looked at it."""
    history = work.history.model_copy(update={"reviewers": {}}) if work.history.reviewers else work.history
    return replace(work, reviews={}, history=history)


def review_finished(run: Run, event: e.ReviewFinished, at: str) -> Run:
    """A reviewer is done: its cost counts, its verdict waits for the others."""
    before, run = run, note_limits(spend(run, event, at), event, at)
    t = run.of(event.task)
    work = t.work
    assert work is not None
    record = _record(event, t.review_rounds + 1)
    t = with_findings(replace(t, reviews=(*t.reviews, record)), event.findings)
    run = add_warnings(run.with_task(t), *_notes(event), *planted_warnings(event))
    if event.ended == "rate-limited":  # it is called again
        return run
    if event.ended == "over-budget":
        run, failure = stopped(before, run, event)
        if failure is None:  # the run's maximum: when that is decided, this reviewer is called again
            return run
        record = replace(record, failure=failure)
    work = replace(work, reviews={**work.reviews, event.role: record})
    return settle_reviews(run.with_work(event.task, work), event.task)


def _record(event: e.ReviewFinished, round: int) -> ReviewRecord:
    said = event.review
    return ReviewRecord(
        role=event.role,
        round=round,
        number=event.number,
        sha=event.sha,
        ended=event.ended,
        passed=said.passed if said else None,
        findings=said.findings if said else (),
        summary=said.summary if said else "",
        changed=event.changed,
        detail=event.detail,
        question=event.question,
        output=event.output,
    )


def _notes(event: e.ReviewFinished) -> list[str]:
    about = f"task {event.task}: the reviewer {event.role}"
    notes = [f"{about}: {note}" for note in event.notes]
    if event.changed:
        more = f" and {len(event.changed) - SHOWN} more" if len(event.changed) > SHOWN else ""
        notes.append(f"{about} changed the tree: {', '.join(event.changed[:SHOWN])}{more}; its change was undone")
    if event.leftovers:
        notes.append(f"{about} left programs running, they were ended: {', '.join(event.leftovers[:5])}")
    return notes


def settle_reviews(run: Run, task: str) -> Run:
    """When all reviewers are done: their questions and failures, then the verdict on the change."""
    t = run.of(task)
    work = t.work
    assert work is not None
    if work.phase is not Phase.REVIEW or work.failures or missing_roles(run, work):
        return run
    records = [work.reviews[role] for role in run.settings.review.roles if not work.reviews[role].taken]
    if asking := [record for record in records if record.question]:
        return _reviewer_asks(run, task, work, asking[0])
    if over := tuple(record.failure for record in records if record.failure):
        return run.with_work(task, replace(work, failures=over))
    if lost := tuple(_lost(task, record) for record in records if record.passed is None):
        return run.with_work(task, replace(work, failures=lost))
    if records:
        t = replace(t, review_rounds=t.review_rounds + 1)
    verdicts = {r.role: Review(passed=bool(r.passed), findings=r.findings, summary=r.summary) for r in records}
    found = judge_reviews(verdicts)
    if found is None:
        return take_over(run.with_task(t), task)
    return run.with_task(replace(t, work=_kept_back(run, task, work, found)))


_KINDS: Mapping[str, FailureType] = {
    "timed-out": FailureType.TOOL_TIMEOUT,
    "idle": FailureType.TOOL_TIMEOUT,
    "failed": FailureType.IMPL_CRASH,
}


def _lost(task: str, record: ReviewRecord) -> Failure:
    """A reviewer that ended badly, or whose verdict cannot be read."""
    kind = _KINDS.get(record.ended, FailureType.PARSE_ERROR)
    text = f"the reviewer {record.role}: {record.detail or 'it gave no verdict'}"
    return Failure(type=kind, task=task, origin="review", message=text, roles=(record.role,), output=record.output)


def _kept_back(run: Run, task: str, work: Work, found: tuple[MergedFinding, ...]) -> Work:
    """A round that did not pass: one fix for all findings, or the failure when rounds or attempts are used up."""
    rounds = work.history.rounds + 1
    history = work.history.model_copy(update={"rounds": rounds})
    limits = run.settings
    over = rounds >= limits.review.max_iterations
    spent = history.attempts >= limits.agent.max_attempts
    reason = f"; no attempt is left (max-attempts {limits.agent.max_attempts})" if spent and not over else ""
    failure = Failure(
        type=FailureType.REVIEW_MAX_RETRIES,
        task=task,
        origin="review",
        message=f"the reviews do not pass after {rounds} round{'s' * (rounds != 1)}{reason}",
        roles=limits.review.roles,
        messages={str(number): finding.text for number, finding in enumerate(found, 1)},
    )
    if over or spent:
        return replace(work, history=history, failures=(failure,))
    return replace(
        work,
        role="fix",
        phase=Phase.DISPATCH,
        from_tree=work.tree,
        fixing=(failure,),
        resume_at=Phase.REVIEW,
        history=history,
    )


def _reviewer_asks(run: Run, task: str, work: Work, record: ReviewRecord) -> Run:
    """The reviewer is dispatched again with the answer in its prompt; nothing that it said counts until then."""
    question = e.Question(
        id=f"q{run.questions + 1}",
        kind="agent",
        task=task,
        question=record.question or "",
        options=(
            e.Option(id="continue", label="go on; the note is the answer"),
            e.Option(id="skip", label="skip the task"),
            e.Option(id="abort", label="end the run"),
        ),
        evidence={"output": record.output, "reviewer": record.role},
    )
    return ask(run.with_work(task, _again(work, (record.role,))), question)


def _again(work: Work, roles: tuple[str, ...]) -> Work:
    return replace(work, reviews={role: record for role, record in work.reviews.items() if role not in roles})


def retry_reviewers(run: Run, task: str, work: Work, failure: Failure) -> Run:
    """A configured action wants the reviewers once more that gave no verdict; the next failure, if any, follows."""
    tried = {**work.history.reviewers, **{r: work.history.reviewers.get(r, 0) + 1 for r in failure.roles}}
    history = work.history.model_copy(update={"reviewers": tried})
    rest = tuple(f for f in work.failures if f != failure)
    again = replace(_again(work, failure.roles), history=history, failures=rest)
    return run.with_work(task, again)


def beyond_limit(work: Work) -> Work:
    """The work without the maximum that is its first failure: all reviewers that it stopped are called again."""
    first = work.failures[0]
    same = [f for f in work.failures if f == first or (f.origin == "budget" and f.maximum == first.maximum)]
    roles = tuple(role for failure in same for role in failure.roles)
    return replace(_again(work, roles), failures=tuple(f for f in work.failures if f not in same))


def review_again(run: Run, task: str, work: Work) -> Run:
    """A person wants another look at the unchanged tree: by all reviewers, or by those that gave no verdict."""
    failure, *rest = work.fixing
    again = replace(_again(work, failure.roles), phase=Phase.REVIEW, fixing=(), failures=tuple(rest))
    return run.with_work(task, again)


def take_reviews(run: Run, task: str, failure: Failure) -> Run:
    """A person or a configured action takes what these reviewers said, or did not say, as it is."""
    t: TaskRun = run.of(task)
    work = t.work
    assert work is not None
    taken = {r: replace(work.reviews[r], taken=True) for r in failure.roles if r in work.reviews}
    records = tuple(replace(r, taken=True) if r in _values(work, taken) else r for r in t.reviews)
    work = replace(work, reviews={**work.reviews, **taken})
    return run.with_task(replace(t, work=work, reviews=records))


def _values(work: Work, taken: Mapping[str, ReviewRecord]) -> tuple[ReviewRecord, ...]:
    return tuple(work.reviews[role] for role in taken)
