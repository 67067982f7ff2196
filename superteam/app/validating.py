"""`superteam validate`: the working tree against a baseline, with the same verdicts and without any agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import anyio

from superteam import process
from superteam.app.comparing import (
    Base,
    about_brought,
    about_hidden,
    about_last_commit,
    about_source,
    about_unchanged,
    as_at_base,
    choose_base,
    decides,
    sources_at_base,
    with_both,
)
from superteam.app.interruption import run_interruptible
from superteam.app.placing import require_places_of_trees
from superteam.app.project import CLOCK, Project, baseline_shelf, make_source, plan_canary
from superteam.app.verdict_cache import VerdictCache, asked_for, cache_key, open_cache
from superteam.core import events as e
from superteam.core.baseline import Expected, Permits, matches, never_ran
from superteam.core.deciders import files_behind, gone_from
from superteam.core.evolve.validations import facts_of
from superteam.core.finding import Finding
from superteam.core.results import TestId, TestReport
from superteam.core.run import ProbeFacts
from superteam.core.settle import Validation, conclude, next_probe, observe, rules_of
from superteam.core.sources import TESTS, all_commands, command_of, source_names
from superteam.core.swallowed import swallowed
from superteam.core.verdicts import result_of
from superteam.engine.probing import (
    baseline_document,
    believe,
    examined,
    execute,
    green_of,
    judged_report,
    probe_event,
    selected,
    sing,
)
from superteam.engine.world import World
from superteam.errors import ConfigError, SourceError
from superteam.journal import runs
from superteam.journal.baselines import Shelf, Verdict
from superteam.journal.history import History
from superteam.journal.store import Store
from superteam.ports import Agent
from superteam.workspace.desk import Desk, open_desk
from superteam.workspace.environment import base_environment

Output = Callable[[str, bytes], None]
NEW_BASELINE = (
    "if it is meant to be so from now on: rm -r .superteam/baselines, and the next validation takes a new one"
)
SANG = "the canary sang: a failing test, planted in a scratch tree, turned the suite red"
_NO_BASELINE = "the baseline at "


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a validation is asked for. `fresh` leaves the cache alone, `canary` plants a failing test first; without a
    `source` all of them judge. The `may_*` globs declare what the change is meant to do to tests."""

    base: str | None = None
    source: str | None = None
    run_id: str | None = None
    only: tuple[TestId, ...] = ()
    fresh: bool = False
    canary: bool = False
    may_change: tuple[str, ...] = ()
    may_remove: tuple[str, ...] = ()
    may_skip: tuple[str, ...] = ()

    def permits(self, renames: Mapping[str, str]) -> Permits:
        """What is declared, as the comparison with the expected set takes it."""
        return Permits(may_remove=self.may_remove, may_skip=self.may_skip, renames=renames)


@dataclass(frozen=True, slots=True)
class Validated:
    """A verdict with the report and the failures' messages that it rests on; no report where no run was sound."""

    result: e.ValidationResult
    report: TestReport | None = None
    messages: Mapping[TestId, str] = field(default_factory=dict)


def validate(project: Project, wishes: Wishes, on_output: Output) -> tuple[Validated, ...]:
    """The verdict of each source on the working tree, dirty or not; nothing in the checkout is touched and no lock is
    needed."""
    sources = _sources(project, wishes)
    require_places_of_trees(project)
    runs.home(project.root)
    chosen = choose_base(project, wishes.base, wishes.run_id)
    base = chosen.sha
    desk = open_desk(project.repository, None, project.settings, project.environ)
    try:
        found = run_interruptible(_validate_both_ways, project, desk, base, sources, wishes, on_output)
        notes = (*desk.check_tree.notes, *chosen.notes)
        found = tuple(_compared(project, desk, chosen, _noted(one, *notes)) for one in found)
    finally:
        desk.close()
    if not any(one.result.missing for one in found) or project.repository.is_ancestor(base, "HEAD"):
        return found
    short = base[:12]
    note = (
        f"HEAD does not contain {short}: what was added there counts as missing; --base $(git merge-base HEAD {short})"
    )
    return tuple(_noted(one, note) if one.result.missing else one for one in found)


def _compared(project: Project, desk: Desk, base: Base, found: Validated) -> Validated:
    """The verdict with what it is worth where nothing was changed that could be judged."""
    changed = desk.engine.changed(base.sha, found.result.tree)
    result = about_unchanged(project, base, found.result, changed, frozenset(desk.engine.files(base.sha)))
    notes = (
        *about_last_commit(project.repository, base, changed),
        *about_hidden(project.repository),
        *about_brought(project, base),
    )
    return _noted(replace(found, result=result), *notes)


def _sources(project: Project, wishes: Wishes) -> tuple[str, ...]:
    """The sources that judge: the wanted one, or all in use."""
    names = source_names(project.settings)
    if not names:
        text = "there is no test-command, so there is nothing to validate with"
        raise ConfigError(text, 'test-command = "pytest -q" in superteam.toml')
    if wishes.source is not None and wishes.source not in names:
        text = f"there is no source {wishes.source!r}; the sources are: {', '.join(names)}"
        raise ConfigError(text, "superteam config show")
    chosen = (wishes.source,) if wishes.source is not None else names
    if wishes.canary and TESTS not in chosen:
        text = "a canary is a failing test, which only the source 'tests' can see"
        raise ConfigError(text, "superteam validate --canary --source tests")
    return chosen


def _with_findings(found: Validated, *findings: Finding) -> Validated:
    return replace(found, result=found.result.model_copy(update={"findings": findings}))


def _noted(found: Validated, *notes: str) -> Validated:
    return replace(found, result=found.result.model_copy(update={"notes": (*found.result.notes, *notes)}))


async def _validate_both_ways(
    project: Project, desk: Desk, base: str, sources: tuple[str, ...], wishes: Wishes, on_output: Output
) -> tuple[Validated, ...]:
    """The verdicts; a suite that does not fail is judged by the base's test command too, if that was another."""
    found = await _validate(project, desk, base, sources, wishes, on_output)
    found = await _with_base_sources(project, desk, base, found, wishes, on_output)
    earlier = as_at_base(project, base) if TESTS in sources else None
    if earlier is None:
        return found
    judged = []
    for one in found:
        if one.result.source == TESTS and one.result.verdict != "fail":
            (other,) = await _validate(earlier, desk, base, (TESTS,), wishes, on_output)
            is_new_and_passes = _has_no_baseline(one.result) and await _passes_here(project, desk, on_output)
            could_run = await _could_run(other.result, all_commands(earlier.settings), desk, base)
            counts = other if decides(one.result, other.result, is_new_and_passes, could_run) else one
            result = with_both(one.result, other.result, counts.result, earlier.settings, project.settings)
            one = replace(counts, result=result)
        judged.append(one)
    return tuple(judged)


async def _with_base_sources(
    project: Project, desk: Desk, base: str, found: tuple[Validated, ...], wishes: Wishes, on_output: Output
) -> tuple[Validated, ...]:
    """The verdicts with those by the base's sources that this tree has no longer, or with another command."""
    earlier, names = sources_at_base(project, base)
    names = tuple(name for name in names if wishes.source in (None, name) and not wishes.only)
    judged = list(found)
    for name in names:
        (other,) = await _validate(earlier, desk, base, (name,), wishes, on_output)
        finding, note = about_source(name, earlier.settings, project.settings, other.result.verdict)
        could_run = await _could_run(other.result, command_of(earlier.settings, name), desk, base)
        blocks = other.result.verdict == "fail" or (other.result.verdict == "inconclusive" and could_run)
        place = next((at for at, one in enumerate(judged) if one.result.source == name), None)
        if blocks and place is None:
            place = len(judged)
            judged.append(_with_findings(other))
        elif place is not None and blocks and judged[place].result.verdict not in ("fail", other.result.verdict):
            judged[place] = _with_findings(other, *judged[place].result.findings)
        one = judged[place or 0]
        judged[place or 0] = _noted(_with_findings(one, finding, *one.result.findings), note)
    return tuple(judged)


async def _could_run(other: e.ValidationResult, command: str, desk: Desk, base: str) -> bool:
    """Whether a command of the base is sound there, and the tree still has what it names."""
    if _has_no_baseline(other):
        return False
    sha = await anyio.to_thread.run_sync(desk.snapshot_checkout)
    before, after = await desk.files_of(base), await desk.files_of(sha)

    def texts(path: str) -> tuple[str, str]:
        old, new = (desk.engine.content(commit, path).decode("utf-8", "replace") for commit in (base, sha))
        return old, new

    return gone_from(command, before, after, texts) is None


async def _passes_here(project: Project, desk: Desk, on_output: Output) -> bool:
    """Whether this tree's own test command passes on it; asked where the command cannot run at the base."""
    sha = await anyio.to_thread.run_sync(desk.snapshot_checkout)
    command = command_of(project.settings, TESTS)
    found = await execute(_world(project, desk, on_output), TESTS, "own-command", sha, None, None, command)
    return found.verdict.verdict == "pass"


async def _validate(
    project: Project, desk: Desk, base: str, sources: tuple[str, ...], wishes: Wishes, on_output: Output
) -> tuple[Validated, ...]:
    world = _world(project, desk, on_output)
    shelf = baseline_shelf(project)
    cache = await anyio.to_thread.run_sync(open_cache, project, shelf)
    baselines = [await _baseline(project, desk, world, name, base, shelf) for name in sources]
    sha = await anyio.to_thread.run_sync(desk.snapshot_checkout)
    tree = await desk.tree_of(sha)
    shared = _share(world, baselines, wishes.only)
    found: list[Validated] = []
    for baseline, only in zip(baselines, shared, strict=True):
        if only is None:  # it knows none of the wanted tests, and another source does
            continue
        told = not found
        wanted = replace(wishes, only=only)
        found.append(await _judge(project, desk, world, baseline, sha, tree, wanted, told, cache))
    return tuple(_noted(one, *_refused(shelf)) for one in found)


def _refused(shelf: Shelf) -> list[str]:
    """What is said about documents that would have been used if superteam had written them."""
    why = "superteam did not write it for this user, or it was changed since; it was made anew"
    return [f".superteam/baselines/{name} is not used: {why}" for name in shelf.refused]


def _share(
    world: World, baselines: list[e.BaselineDocument], only: tuple[TestId, ...]
) -> list[tuple[TestId, ...] | None]:
    """The wanted tests (--only) by source: those that it knows; what no source knows is asked of the first one."""
    if not only or len(baselines) == 1:
        return [only] * len(baselines)
    known = [world.reports.load_expected(found.expected).tests if found.expected else {} for found in baselines]
    shares = [tuple(id for id in only if any(matches(key, (id,)) for key in tests)) for tests in known]
    left = tuple(id for id in only if not any(id in share for share in shares))
    return [share or None for share in ((*shares[0], *left), *shares[1:])]


async def _judge(
    project: Project,
    desk: Desk,
    world: World,
    baseline: e.BaselineDocument,
    sha: str,
    tree: str,
    wishes: Wishes,
    with_findings: bool,
    cache: VerdictCache,
) -> Validated:
    """The verdict of one source; changes to what decides verdicts are said by the first one."""
    if baseline.expected is None:
        return Validated(_without_baseline(baseline, sha, tree))
    commands = all_commands(project.settings) if with_findings else None
    declared = (wishes.may_change, wishes.may_remove, wishes.may_skip)
    asked_of = asked_for(wishes.only, declared, world.fingerprint(), commands)
    key = cache_key(project, cache, baseline, tree, asked_of)
    if not (wishes.fresh or wishes.canary) and (known := cache.load(key)):
        return _from_cache(world, known)
    expected = _narrowed(world.reports.load_expected(baseline.expected), wishes.only)
    asked = baseline.source == TESTS and (wishes.canary or project.settings.canary)
    if asked:
        silent = await sing(world, "canary", sha, expected.shape, expected.tests)
        if silent:
            return Validated(_inconclusive(baseline, sha, tree, silent))
    renames = await desk.renames(baseline.sha, sha)
    permits = wishes.permits(renames)
    validation, facts = await _settle(project, world, baseline.source, expected, sha, permits, wishes.only)
    result = _result_of(project, validation, facts, tree)
    if with_findings:
        findings = await examined(world, baseline.sha, sha, (), all_commands(project.settings))
        result = result.model_copy(update={"findings": findings})
    result = await _questioned(project, world, validation, facts, expected, result, wishes)
    if facts is not None and facts.report is not None and result.verdict == "pass":
        idle = never_ran(expected, world.reports.load_report(facts.report))
        unseen = await _unseen(desk, command_of(project.settings, baseline.source), sha)
        result = result.model_copy(update={"notes": (*result.notes, *idle, *unseen)})
    if asked:
        result = result.model_copy(update={"notes": (*result.notes, SANG)})
    proven = facts is not None and facts.report is not None and not result.unresolved
    if result.verdict != "inconclusive" and proven and facts is not None:
        verdict = Verdict(key=key, at=CLOCK.now(), result=result, report=facts.report, messages=dict(facts.messages))
        cache.keep(verdict)
    report = world.reports.load_report(facts.report) if facts and facts.report else None
    return Validated(result, report, facts.messages if facts else {})


async def _unseen(desk: Desk, command: str, sha: str) -> tuple[str, ...]:
    """What the command runs without looking how it ends."""
    is_behind = files_behind(command)
    scripts = [path for path in await desk.files_of(sha) if is_behind(path) and path.endswith(_SCRIPTS)]
    note = swallowed(command, await desk.texts(sha, scripts[:_READ]))
    return (note,) if note else ()


_SCRIPTS = (".sh", ".bash", ".mk", "Makefile", "makefile")
_READ = 20


def _from_cache(world: World, known: Verdict) -> Validated:
    note = f"from the cache: this tree got its verdict at {known.at[:19]}Z; validate --fresh runs the suite again"
    result = known.result.model_copy(update={"notes": (*known.result.notes, note)})
    return Validated(result, world.reports.load_report(known.report) if known.report else None, known.messages)


def _narrowed(expected: Expected, only: tuple[TestId, ...]) -> Expected:
    if not only:
        return expected
    return replace(expected, tests={key: entry for key, entry in expected.tests.items() if matches(key, only)})


async def _baseline(
    project: Project, desk: Desk, world: World, source: str, base: str, shelf: Shelf
) -> e.BaselineDocument:
    """The source's pinned baseline of this commit, command and environment; captured if there is none."""
    await desk.check_out(base)
    command = command_of(project.settings, source)
    told = f"{command} {project.settings.report}" if source == TESTS and project.settings.report else command
    found = shelf.find_baseline(source, base, told, world.fingerprint())
    if found:
        return found
    execution = await execute(world, source, _key(source, "baseline"), base, None, None, command)
    if source == TESTS:
        execution = await believe(world, "baseline", base, execution)
    document = baseline_document(world, source, base, await desk.tree_of(base), execution)
    document = document.model_copy(update={"command": told})
    if document.expected is not None:
        shelf.keep_baseline(document)
    return document


async def baseline_at(project: Project, desk: Desk, on_output: Output, sha: str) -> e.BaselineDocument:
    """The test command's pinned baseline at a commit; the suite is run once where there is none. SetupFailed where the
    tree cannot be made ready."""
    runs.home(project.root)
    return await _baseline(project, desk, _world(project, desk, on_output), TESTS, sha, baseline_shelf(project))


def _key(source: str, step: str) -> str:
    """The name of an execution: that of its step, and of its source where it is not the test command."""
    return step if source == TESTS else f"{step} source={source}"


def _has_no_baseline(result: e.ValidationResult) -> bool:
    return result.verdict == "inconclusive" and (result.reason or "").startswith(_NO_BASELINE)


def _without_baseline(baseline: e.BaselineDocument, sha: str, tree: str) -> e.ValidationResult:
    reason = f"{_NO_BASELINE}{baseline.sha[:12]} is inconclusive: {baseline.reason}"
    return _inconclusive(baseline, sha, tree, reason)


def _inconclusive(baseline: e.BaselineDocument, sha: str, tree: str, reason: str) -> e.ValidationResult:
    return e.ValidationResult(
        source=baseline.source, sha=sha, tree=tree, reference_sha=baseline.sha, verdict="inconclusive", reason=reason
    )


async def _settle(
    project: Project,
    world: World,
    source: str,
    expected: Expected,
    sha: str,
    permits: Permits,
    wanted: tuple[TestId, ...],
) -> tuple[Validation, ProbeFacts | None]:
    """Probes until nothing more is wanted; with `wanted` (--only) never more than these tests, which is no whole run:
    what failed in company and passes so is no flake."""
    rules = rules_of(project.settings)
    validation = Validation(
        sha=sha,
        reference=expected.sha,
        commits=(("", sha),),
        after_task="",
        origin=expected.sha,
        closing=True,
        source=source,
    )
    facts: ProbeFacts | None = None
    while (probe := next_probe(validation, rules)) is not None:
        key = _key(source, f"{probe.purpose} {probe.number}")
        only = selected(world, probe, facts)
        only = frozenset(wanted) if wanted and only is None else only
        judged = judged_report(world, facts)
        seen = await probe_event(world, key, "", validation, probe, only, expected, permits, judged)
        validation = observe(validation, seen.observation, seen.references)
        facts = facts_of(seen) if probe.purpose == "suite" else facts
    return validation, facts


def _result_of(project: Project, validation: Validation, facts: ProbeFacts | None, tree: str) -> e.ValidationResult:
    found = conclude(validation, rules_of(project.settings))
    result = result_of(validation, found, facts, tree)
    # Never taken anew by itself: what the change left outside of the tree would become a failure of the baseline.
    kept = found.verdict() == "inconclusive" and not found.crash
    notes = (*result.notes, NEW_BASELINE) if kept else result.notes
    return result.model_copy(update={"after_task": None, "introduced_by": {}, "notes": notes})


async def _questioned(
    project: Project,
    world: World,
    validation: Validation,
    facts: ProbeFacts | None,
    expected: Expected,
    result: e.ValidationResult,
    wishes: Wishes,
) -> e.ValidationResult:
    """The result with what the questions to a green verdict showed."""
    from superteam.engine.questioning import question, with_answers

    green = green_of(world, validation, facts, expected, result, all_commands(project.settings), wishes.may_change)
    if green is None:
        return result
    return with_answers(result, await question(world, replace(green, whole=not wishes.only)))


def _world(project: Project, desk: Desk, on_output: Output) -> World:
    outputs = project.root / ".superteam" / "outputs"
    return World(
        history=History(project.root / ".superteam" / "history.sqlite"),
        workspace=desk,
        agents=_no_agent,
        source=partial(make_source, project, outputs, on_output),
        reports=Store(project.root / ".superteam" / "baselines"),
        operator=_Nobody(),
        clock=CLOCK,
        outputs=outputs,
        canary=partial(plan_canary, project),
        fingerprint=desk.fingerprint,
        redact=process.secrets_redactor(base_environment(project.environ)),
        on_output=on_output,
    )


def _no_agent(name: str) -> Agent:
    raise SourceError("validation uses no agent")


class _Nobody:
    async def ask(self, question: e.Question) -> tuple[str, str | None]:
        raise SourceError("validation asks nobody")
