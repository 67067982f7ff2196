"""The steps of a validation: run what the settlement wants to see, conclude, accept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from superteam.core import events as e
from superteam.core.baseline import Expected, Permits, advance, compare, matches, pin
from superteam.core.decide import Step
from superteam.core.plan import Task
from superteam.core.results import Completeness, Execution, Exit, Granularity, RunVerdict, Shape, TestId, TestReport
from superteam.core.run import Run, TaskRun
from superteam.core.settle import NO_DIFFERENCE, Observation, Probe, Rules, Validation, conclude, next_probe, watched
from superteam.core.verdicts import raised, result_of
from superteam.engine.world import World, clean, of
from superteam.errors import SetupFailed


async def capture_baseline(world: World, run: Run, step: Step) -> e.Event:
    """Runs the suite at the start commit, before any agent is paid."""
    assert run.settings.test_command is not None
    found = await execute(world, step.key, run.start_sha, None, None, run.settings.test_command)
    found = await believe(world, step.key, run.start_sha, found)
    return e.BaselineCaptured(baseline=baseline_document(world, run.start_sha, run.start_tree, found))


async def execute(
    world: World, key: str, sha: str, only: frozenset[TestId] | None, shape: Shape | None, command: str = ""
) -> Execution:
    """One execution of the suite at a commit; a tree that cannot be made ready gives an inconclusive one."""
    try:
        tree = await world.workspace.check_out(sha)
    except SetupFailed as problem:
        nothing = TestReport("none", shape.granularity if shape else Granularity.COMMAND, Completeness.NONE)
        verdict = RunVerdict("inconclusive", problem.message)
        return Execution(nothing, Exit(None, "not-started"), verdict, command, command, "")
    return _without_secrets(world, await world.source(key, shape).collect(tree, only))


async def believe(world: World, key: str, sha: str, found: Execution) -> Execution:
    """A green baseline without a report of its own modules, doubted where something was brought from the checkout.

    A suite that stays green although every source in its tree is broken tests another tree's code (verdicts.md,
    section 1, the tree probe).
    """
    if found.verdict.verdict != "pass" or found.report.granularity is Granularity.TESTS:
        return found
    tree = await world.workspace.check_out_spoilt(sha)
    if tree is None:
        return found
    spoilt = await world.source(f"{key} tree-probe", found.report.shape).collect(tree)
    if spoilt.verdict.verdict != "pass":
        return found
    reason = (
        "the suite tests the code of another tree: it stays green with a syntax error in every source of its own; "
        'say how a tree is made ready: [workspace] setup = "..." in superteam.toml'
    )
    return replace(found, verdict=RunVerdict("inconclusive", reason))


def _without_secrets(world: World, found: Execution) -> Execution:
    """The same execution as it may be kept: messages come from the tests, which know the environment."""
    tests = {
        key: replace(result, message=clean(world, result.message), signature=clean(world, result.signature))
        if result.message or result.signature
        else result
        for key, result in found.report.tests.items()
    }
    report = replace(
        found.report, tests=tests, suite_errors=tuple(clean(world, text) for text in found.report.suite_errors)
    )
    reason = found.verdict.reason
    return replace(found, report=report, verdict=replace(found.verdict, reason=reason and clean(world, reason)))


def baseline_document(world: World, sha: str, tree_sha: str, found: Execution) -> e.BaselineDocument:
    """Pins what an execution showed; an inconclusive one has no expected set."""
    sound = found.verdict.sound
    return e.BaselineDocument(
        sha=sha,
        tree=tree_sha,
        command=found.command,
        captured_at=world.clock.now(),
        verdict=found.verdict.verdict,
        reason=found.verdict.reason,
        confidence=found.verdict.confidence,
        granularity=found.report.granularity,
        fingerprint=world.fingerprint(),
        counts=found.report.counts(),
        known_failures=found.report.failed(),
        expected=world.reports.save_expected(pin(found.report, sha)) if sound else None,
        output=found.output,
    )


def rules_of(run: Run) -> Rules:
    """How often each side is run."""
    return Rules(run.settings.validation.reruns, run.settings.validation.confirmations)


async def run_probe(world: World, run: Run, step: Step) -> e.Event:
    """Runs what the settlement wants to see next."""
    t, work = of(run, step)
    validation, stored = work.validation, run.expected()
    assert validation is not None and stored is not None
    probe = next_probe(validation, rules_of(run))
    assert probe is not None
    expected = world.reports.load_expected(stored)
    renames = await world.workspace.renames(validation.reference, validation.sha)
    permits = permits_of(run, t.task, validation, renames)
    return await probe_event(world, step.key, t.task.id, validation, probe, expected, permits)


async def probe_event(
    world: World, key: str, task: str, validation: Validation, probe: Probe, expected: Expected, permits: Permits
) -> e.ProbeFinished:
    """Makes one probe in the check tree and says what it showed."""
    only = None if probe.only is None else frozenset(probe.only)
    found = await execute(world, key, probe.sha, only, expected.shape)
    seen = observed(validation, probe, found, expected, permits)
    whole = probe.purpose == "suite"
    tests = found.report.tests
    return e.ProbeFinished(
        task=task,
        observation=seen,
        references=references_of(seen.difference.new_failures, expected),
        messages={key: tests[key].message for key in seen.difference.new_failures},
        counts=found.report.counts() if whole else {},
        confidence=found.verdict.confidence,
        report=world.reports.save_report(found.report) if whole and seen.sound else None,
        output=found.output,
        reproduce_command=found.reproduce_command,
    )


def observed(
    validation: Validation, probe: Probe, found: Execution, expected: Expected, permits: Permits
) -> Observation:
    """What an execution shows for a probe."""
    judged = found.verdict.sound and probe.purpose == "suite"
    difference = compare(expected, found.report, permits) if judged else NO_DIFFERENCE
    watch = watched(validation, probe) | frozenset(difference.new_failures)
    tests = found.report.tests
    return Observation(
        probe=probe,
        verdict=found.verdict.verdict,
        reason=found.verdict.reason,
        timed_out=found.exit.timed_out,
        outcomes={key: result.outcome for key, result in tests.items() if key in watch},
        difference=difference,
        signatures={key: tests[key].signature for key in difference.new_failures},
        size=len(tests),
    )


def references_of(ids: Iterable[TestId], expected: Expected) -> dict[TestId, str]:
    """Where each of these tests last passed."""
    entries = ((key, expected.tests.get(key)) for key in ids)
    return {key: entry.passed_at for key, entry in entries if entry and entry.passed_at}


def permits_of(run: Run, task: Task, validation: Validation, renames: Mapping[str, str]) -> Permits:
    """What the plan declares for the commits that a validation judges."""
    judged = {id for id, _ in validation.commits} | {task.id}
    tasks = [t.task for t in run.tasks if t.task.id in judged]
    begun = [t.task for t in run.tasks if t.status == "complete" or t.task.id in judged]
    # Planned red counts for as long as there is a later task that may make it green; at the end it is due.
    planned = () if validation.owed else tuple(glob for t in begun for glob in t.may_fail)
    return Permits(
        may_remove=tuple(glob for t in tasks for glob in t.may_remove),
        may_skip=tuple(glob for t in tasks for glob in t.may_skip),
        may_fail=planned,
        renames=renames,
        known=run.known,
    )


async def conclude_validation(world: World, run: Run, step: Step) -> e.Event:
    """Puts the verdict and what it raises into words."""
    t, work = of(run, step)
    assert work.validation is not None
    found = conclude(work.validation, rules_of(run))
    tree = await world.workspace.tree_of(work.validation.sha)
    result = result_of(work.validation, found, work.facts, tree)
    failures = raised(work.validation, found, work.facts)
    return e.ValidationConcluded(task=t.task.id, result=result, failures=failures)


async def accept(world: World, run: Run, step: Step) -> e.Event:
    """Moves the expected set forward to an accepted state; after an unsound run it stays where it was."""
    t, work = of(run, step)
    assert work.validation is not None and work.commit is not None
    suite, facts, before = work.validation.suite(), work.facts, run.expected()
    if suite is None or facts is None or facts.report is None or before is None:
        due = bool(work.validation.owed)  # what was due is not asked for again: the run ends inconclusive
        return e.ValidationAccepted(task=t.task.id, sha=work.commit, owed={} if due else dict(run.owed))
    owed = {} if work.validation.owed else _owed(run.tasks, suite.difference.owed)
    result = run.validations[-1]
    kept = frozenset((*result.flaky, *result.suspects, *owed))
    report = world.reports.load_report(facts.report)
    moved = advance(world.reports.load_expected(before), report, work.commit, suite.difference, kept)
    name = world.reports.save_expected(moved)
    return e.ValidationAccepted(task=t.task.id, sha=work.commit, expected=name, owed=owed)


def _owed(tasks: tuple[TaskRun, ...], ids: tuple[TestId, ...]) -> dict[TestId, str]:
    """Each planned-red test with the first task that declared it."""
    declared = ((id, next((t.task.id for t in tasks if matches(id, t.task.may_fail)), None)) for id in ids)
    return {id: task for id, task in declared if task}
