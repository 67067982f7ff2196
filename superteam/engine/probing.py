"""The steps of a validation: run what the settlement wants to see, conclude, accept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256

from anyio import to_thread

from superteam.core import events as e
from superteam.core.baseline import (
    Difference,
    Expected,
    Permits,
    advance,
    compare,
    doubt_failures,
    matches,
    pin,
    wanted_files,
)
from superteam.core.changes import parse_diff
from superteam.core.crashes import broken_by
from superteam.core.decide import Step
from superteam.core.expectation import ExpectationChanged
from superteam.core.failures import Failure, FailureType
from superteam.core.finding import Finding, ranked
from superteam.core.nonsense import ANOTHER_TREE, SEES_MODULES, noticed
from superteam.core.plan import Task
from superteam.core.results import (
    Completeness,
    Execution,
    Exit,
    Granularity,
    Outcome,
    RunVerdict,
    Shape,
    TestId,
    TestReport,
    TestResult,
)
from superteam.core.rewritten import note_about, why_inconclusive
from superteam.core.run import ProbeFacts, Run, TaskRun
from superteam.core.settle import (
    NO_DIFFERENCE,
    Observation,
    Probe,
    Validation,
    conclude,
    next_probe,
    old_ids,
    rules_of,
    watched,
)
from superteam.core.sources import TESTS, all_commands, command_of
from superteam.core.verdicts import changed_failures, raised, result_of
from superteam.engine.green import Green
from superteam.engine.questioning import question, with_answers
from superteam.engine.world import World, of, without_secrets
from superteam.errors import JournalError, SetupFailed


async def capture_baseline(world: World, run: Run, step: Step) -> e.Event:
    """Runs the next source that has no baseline at the start commit, before any agent is paid."""
    source = run.uncaptured()[0]
    found = await execute(world, source, step.key, run.start_sha, None, None, command_of(run.settings, source))
    if source == TESTS:
        found = await _doubted(world, run, step, found)
    document = baseline_document(world, source, run.start_sha, run.start_tree, found)
    return e.BaselineCaptured(baseline=document.model_copy(update={"command": command_of(run.settings, source)}))


async def _doubted(world: World, run: Run, step: Step, found: Execution) -> Execution:
    """The tests' baseline, unless it sees another tree's code or cannot see a failure."""
    found = await believe(world, step.key, run.start_sha, found)
    if run.settings.canary and found.verdict.sound:
        silent = await sing(world, f"{step.key} canary", run.start_sha, found.report.shape, found.report.tests)
        if silent:
            return replace(found, verdict=RunVerdict("inconclusive", silent))
    return found


async def execute(
    world: World,
    source: str,
    key: str,
    sha: str,
    only: frozenset[TestId] | None,
    shape: Shape | None,
    command: str = "",
    rewritten_before: Collection[str] | None = None,
) -> Execution:
    """One execution of a source at a commit; a tree that cannot be made ready gives an inconclusive one.

    `rewritten_before` are the files that the reference's run changed; None: this is its run.
    """
    try:
        tree = await world.workspace.check_out(sha)
    except SetupFailed as problem:
        nothing = TestReport("none", shape.granularity if shape else Granularity.COMMAND, Completeness.NONE)
        verdict = RunVerdict("inconclusive", problem.message)
        return Execution(nothing, Exit(None, "not-started"), verdict, command, command, "")
    found = without_secrets(world, await world.source(source, key, shape).collect(tree, only))
    changed = await world.workspace.rewritten()
    reason = why_inconclusive(changed, rewritten_before)
    if reason:
        found = replace(found, verdict=RunVerdict("inconclusive", reason))
    others = note_about(changed, rewritten_before)
    notes = [found.report.note, others, await _kept(world, source, key, sha, only, found)]
    if found.verdict.verdict != "pass":
        notes += world.workspace.environment_notes()  # what a red suite may lack
    note = "; ".join(filter(None, notes))
    return replace(found, report=replace(found.report, note=note, rewritten=changed))


async def believe(world: World, key: str, sha: str, found: Execution) -> Execution:
    """A baseline without a report of its own modules, doubted where something was brought from the checkout.

    A suite that stays as it is although every source in its tree is broken tests another tree's code (verdicts.md,
    section 1, the tree probe): red or green.
    """
    if not found.verdict.sound or found.report.format in SEES_MODULES:
        return found
    tree = await world.workspace.check_out_spoilt(sha)
    if tree is None:
        return found
    spoilt = await world.source(TESTS, f"{key} tree-probe", found.report.shape).collect(tree)
    if noticed(found.report, spoilt):
        return found
    return replace(found, verdict=RunVerdict("inconclusive", ANOTHER_TREE))


async def sing(world: World, key: str, sha: str, shape: Shape, known: Collection[TestId]) -> str | None:
    """Plants a failing test in a clean tree: None when the suite goes red because of it, else why that is not so.

    A suite that stays green cannot see a failure, so that nothing it says is a proof (the coal miners' canary).
    `known` tests show where the suite looks for tests.
    """
    tree = await world.workspace.check_out(sha)
    planted = world.canary(tree.path, shape, known)
    if isinstance(planted, str):
        return f"no canary could be planted: {planted}"
    tree = await world.workspace.check_out_with(sha, *planted)
    found = without_secrets(world, await world.source(TESTS, key, shape).collect(tree))
    if any("superteam_canary" in id for id in found.report.failed()) and found.verdict.verdict == "fail":
        return None
    seen = found.verdict.reason or f"the verdict was {found.verdict.verdict}"
    return f"the canary stayed silent: a failing test in {planted[0]} did not turn the suite red ({seen})"


def baseline_document(world: World, source: str, sha: str, tree_sha: str, found: Execution) -> e.BaselineDocument:
    """Pins what an execution showed; an inconclusive one has no expected set."""
    sound = found.verdict.sound
    return e.BaselineDocument(
        source=source,
        sha=sha,
        tree=tree_sha,
        command=found.command,
        captured_at=world.clock.now(),
        verdict=found.verdict.verdict,
        reason=found.verdict.reason,
        confidence=found.verdict.confidence,
        granularity=found.report.granularity,
        runner=found.report.format,
        note=found.report.note,
        fingerprint=world.fingerprint(),
        counts=found.report.counts(),
        known_failures=found.report.failed(),
        expected=world.reports.save_expected(pin(found.report, sha)) if sound else None,
        output=found.output,
    )


async def run_probe(world: World, run: Run, step: Step) -> e.Event:
    """Runs what the settlement wants to see next."""
    t, work = of(run, step)
    validation = work.validation
    assert validation is not None
    stored = run.expected(validation.source)
    assert stored is not None
    probe = next_probe(validation, rules_of(run.settings))
    assert probe is not None
    expected = world.reports.load_expected(stored)
    renames = await world.workspace.renames(validation.reference, validation.sha)
    permits = permits_of(run, t.task, validation, renames)
    only = selected(world, probe, work.facts)
    judged = judged_report(world, work.facts)
    return await probe_event(world, step.key, t.task.id, validation, probe, only, expected, permits, judged)


def selected(world: World, probe: Probe, facts: ProbeFacts | None) -> frozenset[TestId] | None:
    """The tests of a probe: those it names, after a stretch of those that the judged run had before them."""
    if probe.only is None:
        return None
    before: tuple[TestId, ...] = ()
    if probe.span is not None:
        assert facts is not None and facts.report is not None
        before = ran(world.reports.load_report(facts.report))[slice(*probe.span)]
    return frozenset((*probe.only, *before))


def judged_report(world: World, facts: ProbeFacts | None) -> TestReport | None:
    """The report of the judged run, if there is one yet."""
    if facts is None or facts.report is None:
        return None
    return world.reports.load_report(facts.report)


def ran(report: TestReport) -> tuple[TestId, ...]:
    """The tests that were executed, in their order."""
    return tuple(key for key, result in report.tests.items() if result.outcome.ran)


async def probe_event(
    world: World,
    key: str,
    task: str,
    validation: Validation,
    probe: Probe,
    only: frozenset[TestId] | None,
    expected: Expected,
    permits: Permits,
    judged: TestReport | None = None,
) -> e.ProbeFinished:
    """Makes one probe in the check tree and says what it showed. `judged` is the report of the judged run."""
    source = validation.source
    names = old_ids(validation, probe)
    only = None if only is None else frozenset(names.get(id, id) for id in only)
    found = await execute(world, source, key, probe.sha, only, expected.shape, "", expected.rewritten)
    command = _recorded_as(source, found.command)
    judging = probe.purpose in ("suite", "missing-reference")
    flakes = await _flaky_failures(world, validation.origin, command, expected) if judging else frozenset()
    doubted = doubt_failures(expected, flakes)
    difference = await _difference(world, validation, probe, found, doubted, permits, judged)
    seen = observed(validation, probe, found, doubted, difference)
    red_before = tuple(key for key in seen.difference.new_failures if key in flakes)
    known_flakes = await _known_flakes(world, validation.origin, command, seen)
    seen = replace(seen, known_flakes=known_flakes, red_before=red_before)
    whole = probe.purpose == "suite"
    tests = found.report.tests
    failures = seen.difference.new_failures if whole else ()
    return e.ProbeFinished(
        source=source,
        task=task,
        observation=seen,
        references=references_of(seen.difference, doubted),
        messages={key: tests[key].message for key in failures},
        counts=found.report.counts() if whole else {},
        confidence=found.verdict.confidence,
        report=world.reports.save_report(found.report) if whole and seen.sound else None,
        output=found.output,
        reproduce_command=found.reproduce_command,
        note=found.report.note,
    )


async def _difference(
    world: World,
    validation: Validation,
    probe: Probe,
    found: Execution,
    expected: Expected,
    permits: Permits,
    judged: TestReport | None,
) -> Difference:
    """The judged run set against the expected set; after a second run of the reference, with what that shows."""
    if not found.verdict.sound:
        return NO_DIFFERENCE
    if probe.purpose == "missing-reference" and judged is not None:
        again = frozenset(key for key, result in found.report.tests.items() if result.outcome is not Outcome.NOT_RUN)
        permits = await _with_texts(world, validation, expected, judged, permits)
        return compare(expected, judged, permits, again)
    if probe.purpose != "suite":
        return NO_DIFFERENCE
    difference = compare(expected, found.report, permits)
    if not difference.missing:
        return difference
    return compare(expected, found.report, await _with_texts(world, validation, expected, found.report, permits))


async def _with_texts(
    world: World, validation: Validation, expected: Expected, report: TestReport, permits: Permits
) -> Permits:
    """The permits with the files that show whether a test was moved, as they are at both commits."""
    old, new = wanted_files(expected, report)
    before = await world.workspace.texts(validation.reference, old)
    after = await world.workspace.texts(validation.sha, new)
    return replace(permits, before=before, after=after)


async def _flaky_failures(world: World, origin: str, command: str, expected: Expected) -> frozenset[TestId]:
    """The known failures of the expected set that are failures of a flake, as the history knows it."""
    known_failures = expected.known_failures()
    if not known_failures:
        return frozenset()
    trees = await world.workspace.trees_before(origin)
    try:
        known = await to_thread.run_sync(world.history.known_flakes, command, known_failures, trees)
    except JournalError:
        return frozenset()
    return frozenset(key for key, signatures in known.items() if expected.tests[key].signature in signatures)


async def _kept(world: World, source: str, key: str, sha: str, only: frozenset[TestId] | None, found: Execution) -> str:
    """Writes an execution into the history; that it cannot be written is a note, since it is only evidence.

    Runs of other tests are kept apart: failing in the company of some and passing without them is no flake.
    """
    kind = "whole" if only is None else f"picked {_digest(only)}"
    tree = await world.workspace.tree_of(sha)
    record = partial(
        world.history.record,
        replace(found, command=_recorded_as(source, found.command)),
        tree=tree,
        purpose=key,
        at=world.clock.now(),
        environment=f"{world.fingerprint()} {kind}",
    )
    try:
        await to_thread.run_sync(record)
    except JournalError as problem:
        return problem.message
    return ""


def _recorded_as(source: str, command: str) -> str:
    """The name of a suite in the history: a fixture and a test of one name are two, whatever runs them."""
    return command if source == TESTS else f"{source}: {command}"


def _digest(ids: frozenset[TestId]) -> str:
    return sha256("\0".join(sorted(ids)).encode(errors="surrogatepass")).hexdigest()[:16]


async def _known_flakes(world: World, origin: str, command: str, seen: Observation) -> tuple[TestId, ...]:
    """The new failures that were flaky with this very signature before any of the judged work was done."""
    if not seen.signatures:
        return ()
    trees = await world.workspace.trees_before(origin)
    try:
        known = await to_thread.run_sync(world.history.known_flakes, command, tuple(seen.signatures), trees)
    except JournalError:
        return ()
    return tuple(key for key, mark in seen.signatures.items() if mark and mark in known.get(key, ()))


def observed(
    validation: Validation, probe: Probe, found: Execution, expected: Expected, difference: Difference
) -> Observation:
    """What an execution shows for a probe."""
    broken = broken_by(found, expected, difference if probe.purpose == "suite" else NO_DIFFERENCE)
    verdict, reason = found.verdict.verdict, found.verdict.reason
    if broken is not None and found.verdict.sound:  # a crash of one test, with which others did not run
        verdict, reason, difference = "inconclusive", broken, NO_DIFFERENCE
    watch = watched(validation, probe) | frozenset(difference.new_failures)
    new_ids = {old: new for new, old in old_ids(validation, probe).items()}
    tests = {new_ids.get(key, key): result for key, result in found.report.tests.items()}
    if probe.span is not None and probe.span[1] - probe.span[0] == 1:
        watch |= tests.keys()  # the one that ran before it is to be named
    judged = probe.purpose == "suite"
    places = {key: place for place, key in enumerate(ran(found.report))} if judged and difference.new_failures else {}
    return Observation(
        probe=probe,
        verdict=verdict,
        reason=reason,
        timed_out=found.exit.timed_out,
        outcomes={key: _first(result) for key, result in tests.items() if key in watch},
        difference=difference,
        signatures={key: tests[key].signature for key in difference.new_failures} if judged else {},
        size=len(tests),
        duration_s=found.exit.duration_s,
        whole=_is_whole(found),
        places={key: places[key] for key in difference.new_failures if key in places},
        unreadable=found.unreadable,
        broken=broken or "",
    )


def _is_whole(found: Execution) -> bool:
    report = found.report
    return report.completeness is Completeness.COMPLETE and not report.suite_errors and found.exit.ended_by == "exit"


def _first(result: TestResult) -> Outcome:
    """What the code did before the runner tried again: not every framework's retries can be turned off for a rerun."""
    return Outcome.FAILED if result.retried and result.outcome.ran else result.outcome


def references_of(difference: Difference, expected: Expected) -> dict[TestId, str]:
    """Where each of the new failures last passed, under the id that it had there."""
    moved = difference.moved()
    entries = ((key, expected.tests.get(moved.get(key, key))) for key in difference.new_failures)
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
        known=run.source(validation.source).known,
    )


async def conclude_validation(world: World, run: Run, step: Step) -> e.Event:
    """Puts the verdict and what it raises into words."""
    t, work = of(run, step)
    assert work.validation is not None
    found = conclude(work.validation, rules_of(run.settings))
    tree = await world.workspace.tree_of(work.validation.sha)
    findings: tuple[Finding, ...] = ()
    if work.validation.source == run.main_source():  # what was changed is said once, and not by each source
        v, declared = work.validation, declared_by(run, work.validation)
        findings = await examined(world, v.reference, v.sha, declared, all_commands(run.settings))
    result = result_of(work.validation, found, work.facts, tree, findings)
    failures = raised(work.validation, found, work.facts)
    result, more = await _questioned(world, run, step, result)
    return e.ValidationConcluded(task=t.task.id, result=result, failures=(*failures, *more))


async def _questioned(
    world: World, run: Run, step: Step, result: e.ValidationResult
) -> tuple[e.ValidationResult, tuple[Failure, ...]]:
    """The result of a pass with what the questions to it show, and the failures that these raise."""
    t, work = of(run, step)
    v, stored = work.validation, run.expected(result.source)
    if v is None or stored is None:
        return result, ()
    expected, command = world.reports.load_expected(stored), all_commands(run.settings)
    green = green_of(world, v, work.facts, expected, result, command, may_change_of(run, t.task, v))
    if green is None:
        return result, ()
    found = await question(world, replace(green, key=f"{step.key} "))
    changed = tuple(one for one in found.expectations_changed if one.test not in work.changed)
    found = replace(found, expectations_changed=changed)
    guilty = await _changed_by(world, v, changed)
    failures = changed_failures(changed, guilty, work.facts)
    if found.reason is not None:
        kind = FailureType.ENVIRONMENT
        failures = (*failures, Failure(type=kind, task=v.after_task, origin="suite", message=found.reason))
    return with_answers(result, found), failures


async def _changed_by(world: World, v: Validation, changed: Sequence[ExpectationChanged]) -> dict[TestId, str]:
    """The last task whose commit changed what judges each test."""
    paths: dict[str, str] = {}
    before = v.reference
    for task, sha in v.commits if changed else ():
        paths |= dict.fromkeys(await world.workspace.changed(before, sha), task)
        before = sha
    return {one.test: paths.get(one.path, v.after_task) for one in changed}


def may_change_of(run: Run, task: Task, v: Validation) -> tuple[str, ...]:
    """The expectations that the judged tasks are meant to change."""
    judged = {id for id, _ in v.commits} | {task.id}
    return tuple(glob for t in run.tasks if t.task.id in judged for glob in t.task.may_change)


def declared_by(run: Run, validation: Validation) -> tuple[str, ...]:
    """The files that the judged tasks declare."""
    judged = {id for id, _ in validation.commits} | {validation.after_task}
    return tuple(glob for t in run.tasks if t.task.id in judged for glob in t.task.files)


_TEXTS = 500  # changed test files whose texts are looked at
_DEEPEST = 5  # scripts that name scripts


async def examined(
    world: World, reference: str, sha: str, declared: tuple[str, ...], command: str
) -> tuple[Finding, ...]:
    """What was changed, since the reference, of all that decides verdicts."""
    from superteam.core.integrity import examine  # its patterns take a while to compile

    changes = parse_diff(await world.workspace.patch(reference, sha))
    about_environment = await world.workspace.environment_findings(reference)
    if not changes:
        return tuple(ranked(about_environment))
    # What the base's configuration names decides as well: the change may have taken the name away.
    named = {**await _named_at(world, sha, command), **await _named_at(world, reference, command)}
    tests = [change.path for change in changes if change.path.endswith(".py") and change.status != "deleted"]
    texts = await world.workspace.texts(sha, tests[:_TEXTS])
    found = await to_thread.run_sync(lambda: examine(changes, declared, command, named, texts))
    return tuple(ranked((*found, *about_environment)))


async def _named_at(world: World, commit: str, command: str) -> dict[str, str]:
    """The files of a commit that the command names, through what its scripts and configurations say."""
    from superteam.core.named_files import named_files, settings_of, to_read

    paths = frozenset(await world.workspace.files_of(commit))
    settings = settings_of(paths)
    texts: dict[str, str] = {}
    named = named_files(command, paths, texts)
    for _ in range(_DEEPEST):
        wanted = to_read(settings, paths, named, texts)
        if not wanted:
            break
        texts.update(dict.fromkeys(wanted, ""))
        texts.update(await world.workspace.texts(commit, wanted))
        named = named_files(command, paths, texts)
    return named


def green_of(
    world: World,
    v: Validation,
    facts: ProbeFacts | None,
    expected: Expected,
    result: e.ValidationResult,
    command: str,
    may_change: tuple[str, ...],
) -> Green | None:
    """What is to be questioned of a verdict; None where it is no pass of tests."""
    suite = v.suite()
    if result.verdict != "pass" or v.source != TESTS or suite is None or facts is None or facts.report is None:
        return None
    return Green(
        sha=v.sha,
        reference=v.reference,
        expected=expected,
        report=world.reports.load_report(facts.report),
        command=command,
        renamed=suite.difference.renamed,
        unstable=frozenset((*result.flaky, *result.suspects, *result.pre_existing, *result.owed)),
        may_change=may_change,
    )


async def accept(world: World, run: Run, step: Step) -> e.Event:
    """Moves the expected set forward to an accepted state; after an unsound run it stays where it was."""
    t, work = of(run, step)
    assert work.validation is not None and work.commit is not None
    source = work.validation.source
    suite, facts, before = work.validation.suite(), work.facts, run.expected(source)
    known = run.source(source)
    if suite is None or facts is None or facts.report is None or before is None:
        owed = {} if work.validation.owed else dict(known.owed)  # what was due is not asked for again: inconclusive
        return e.ValidationAccepted(source=source, task=t.task.id, sha=work.commit, owed=owed)
    owed = {} if work.validation.owed else _owed(run.tasks, suite.difference.owed)
    result = run.validations[-1]
    # A suspect's reference stays where it passed before it became one, though it may have passed again since.
    kept = frozenset((*result.flaky, *result.suspects, *known.suspects, *owed))
    report = world.reports.load_report(facts.report)
    moved = advance(world.reports.load_expected(before), report, work.commit, suite.difference, kept)
    name = world.reports.save_expected(moved)
    return e.ValidationAccepted(source=source, task=t.task.id, sha=work.commit, expected=name, owed=owed)


def _owed(tasks: tuple[TaskRun, ...], ids: tuple[TestId, ...]) -> dict[TestId, str]:
    """Each planned-red test with the first task that declared it."""
    declared = ((id, next((t.task.id for t in tasks if matches(id, t.task.may_fail)), None)) for id in ids)
    return {id: task for id, task in declared if task}
