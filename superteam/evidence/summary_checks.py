"""The sections of SUMMARY.md that rest on measurement: what was run and how it ended, and what is still open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from superteam.core import events as e
from superteam.core.markdown import code, text
from superteam.core.must_haves import MustHaveResult
from superteam.core.plan import HUMAN, Part
from superteam.core.run import ReviewRecord, Run, TaskRun
from superteam.evidence.chronicle import Chronicle
from superteam.evidence.status import task_status


def is_done(tasks: Sequence[TaskRun]) -> bool:
    """Whether all of the tasks, of which there are some, are complete."""
    return bool(tasks) and all(t.status == "complete" for t in tasks)


def musts(told: Chronicle, tasks: Iterable[TaskRun]) -> tuple[MustHaveResult, ...]:
    """The must-haves of the newest run of each verification."""
    found: list[MustHaveResult] = []
    for t in tasks:
        gate = _newest_gate(told, t)
        if t.task.kind == "verification" and gate:
            found += gate.must_haves
    return tuple(found)


def requirements_are_met(told: Chronicle, tasks: Sequence[TaskRun]) -> bool:
    """Whether the requirements may be called completed.

    All tasks are complete, their verification was run, measured something and succeeded with nobody's approval, and
    the newest validation of every source passed.
    """
    proofs = [t for t in tasks if t.task.kind == "verification"]
    newest = _newest(told.run.validations).values()
    sound = all(v.verdict == "pass" for v in newest)
    return is_done(tasks) and bool(proofs) and sound and all(_is_proven(told, t) for t in proofs)


def _newest_gate(told: Chronicle, t: TaskRun) -> e.GateFinished | None:
    """The run of the gate that the task was completed with; for other tasks the last one."""
    story = told.story(t.task.id)
    return story.proof if t.status == "complete" else next(iter(story.gates[-1:]), None)


def _is_proven(told: Chronicle, t: TaskRun) -> bool:
    gate = _newest_gate(told, t)
    if gate is None or not gate.ok:
        return False
    states = {must.state for must in musts(told, [t])}
    return "failed" not in states and bool(gate.command or "passed" in states)


def _newest(results: Iterable[e.ValidationResult]) -> dict[str, e.ValidationResult]:
    """The newest validation of each source."""
    return {result.source: result for result in results}


# -- the self-check


def checks(told: Chronicle, tasks: Sequence[TaskRun]) -> list[str]:
    """What was really run, with its outcome; a box is ticked only where it succeeded and still stands."""
    lines = ["Only what superteam ran itself. A box is ticked where it succeeded on what was committed."]
    lines += ["", *(line for t in tasks for line in _gate(told, t)), *_validations(told.run, tasks)]
    return lines


def _gate(told: Chronicle, t: TaskRun) -> list[str]:
    """The run of the task's gate that counts."""
    gates, about = told.story(t.task.id).gates, f"task {text(t.task.id)}"
    if t.task.kind in HUMAN and not gates:
        return []
    kind = "verification" if t.task.kind == "verification" else "gate"
    found = _newest_gate(told, t)
    if found is None:
        return [f"- [ ] {about}: no {kind} was run on what was committed"]
    detail = f" ({text(found.detail)})" if found.detail else ""
    ended = "succeeded" if found.ok else f"failed{detail}"
    notes = _gate_notes(told.run, t, found, sum(not gate.ok for gate in gates if gate is not found))
    good = t.status == "complete" and (_is_proven(told, t) if kind == "verification" else found.ok)
    command = code(found.command) if found.command else "without a command"
    return [f"- [{_mark(good)}] {about}: {kind} {command} {ended}{'; '.join(('', *notes))}"]


def _gate_notes(run: Run, t: TaskRun, found: e.GateFinished, red: int) -> list[str]:
    notes = [f"{red} other runs failed" if red > 1 else "another run failed"] if red else []
    if t.status != "complete":
        notes.append(f"the task is {task_status(run, t)}, so nothing of it stands")
    elif not found.ok:
        notes.append("it was taken as it is")
    return [*notes, *(text(said) for said in (found.proof, found.note) if said)]


def _mark(good: bool) -> str:
    return "x" if good else " "


def _validations(run: Run, tasks: Sequence[TaskRun]) -> list[str]:
    """The newest validation after each task, by source."""
    ids = {t.task.id for t in tasks}
    newest = {(v.source, v.after_task): v for v in run.validations if v.after_task in ids}
    standing = {run.start_sha, *(sha for _, sha in run.branch)}
    lines = [_validation(v, v.sha in standing) for v in newest.values()]
    if not lines and run.settings.test_command is None:
        lines.append("- [ ] not validated across tasks: there is no test-command")
    left = unvalidated(run, ids)
    if left and run.settings.test_command is not None:
        lines.append(f"- [ ] not validated across tasks: {', '.join(f'task {text(id)}' for id in left)}")
    return lines


def _validation(found: e.ValidationResult, stands: bool) -> str:
    low = ", low confidence" if found.confidence == "low" else ""
    counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in found.counts.items() if number)
    against = [(name, ids) for name in _BLOCKING if (ids := getattr(found, name))]
    seen = "; ".join(f"{name.replace('_', ' ')}: {_some(ids)}" for name, ids in against)
    why = seen or (text(found.reason) if found.reason else text(counts) or "no counts")
    gone = "" if stands else "; its commit was replaced"
    good = found.verdict == "pass" and stands
    where = f"after task {text(found.after_task or '')} at {code(found.sha[:12])}"
    return f"- [{_mark(good)}] validation ({text(found.source)}) {where}: {found.verdict}{low} ({why}){gone}"


_BLOCKING = ("regressions", "unresolved", "missing", "newly_skipped")


def _some(ids: Sequence[str], shown: int = 10) -> str:
    more = f" and {len(ids) - shown} more" if len(ids) > shown else ""
    return ", ".join(map(code, ids[:shown])) + more


def unvalidated(run: Run, ids: Collection[str]) -> list[str]:
    """Of these tasks those with a commit that no sound validation has seen."""
    seen = {v.sha for v in run.validations if v.verdict != "inconclusive"}
    place = max((i for i, (_, sha) in enumerate(run.branch) if sha in seen), default=-1)
    return list(dict.fromkeys(id for id, _ in run.branch[place + 1 :] if id in ids))


# -- reviews


def reviews(tasks: Iterable[TaskRun]) -> list[str]:
    """Every review with its verdict and what it found."""
    lines = [line for t in tasks for review in t.reviews for line in _review(t, review)]
    return ["In the reviewers' own words:", "", *lines] if lines else []


def _review(t: TaskRun, review: ReviewRecord) -> list[str]:
    verdict = f"no verdict ({review.ended})" if review.passed is None else "passed" if review.passed else "not passed"
    said = f": {text(review.summary)}" if review.summary else ""
    taken = "; taken as it is" if review.taken else ""
    lines = [f"- Task {text(t.task.id)}, round {review.round}, {text(review.role)}: {verdict}{taken}{said}"]
    if review.changed:
        lines.append(f"  - it changed files, which was undone: {_some(review.changed)}")
    for found in review.findings:
        place = f" in {code(found.file)}" if found.file else ""
        lines.append(f"  - {found.severity}{place}: {text(found.issue)}")
    return lines


# -- what is open


def open_points(told: Chronicle, part: Part | None, tasks: Sequence[TaskRun]) -> list[str]:
    """What is known to be open; that nothing is listed means that nothing was measured to be open."""
    run, ids = told.run, {t.task.id for t in tasks}
    lines = [f"- Task {text(t.task.id)} is {task_status(run, t)}." for t in tasks if t.status != "complete"]
    lines += [f"- Task {text(id)} was not validated across tasks." for id in unvalidated(run, ids)]
    for source, found in _newest(run.validations).items():
        if found.verdict != "pass":
            lines.append(f"- The newest validation ({text(source)}) is {found.verdict}.")
        debts = (
            ("Planned to fail and still failing", found.owed),
            ("Unstable, and not seen to fail before", found.suspects),
            ("Failing since before the run", found.pre_existing),
        )
        lines += [f"- {name}: {_some(ids)}." for name, ids in debts if ids]
    lines += [f"- Must-have {must.state}: {text(must.text)}" for must in musts(told, tasks) if must.state != "passed"]
    if part is not None and part.about.get("user_setup"):
        lines.append(f"- The plan asks for user setup, which nobody checked: {code(part.path)}, `user_setup`.")
    return lines or ["Nothing that was measured is open."]
