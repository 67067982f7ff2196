"""`superteam validate`: the working tree against a baseline, with the same verdicts and without any agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import anyio

from superteam import process
from superteam.app.project import CLOCK, Project, make_source
from superteam.core import events as e
from superteam.core.baseline import Expected, Permits, matches
from superteam.core.evolve import facts_of
from superteam.core.results import Execution, Shape, TestId
from superteam.core.run import ProbeFacts
from superteam.core.settle import Validation, conclude, next_probe, observe, rules_of
from superteam.core.verdicts import result_of
from superteam.engine.probing import baseline_document, believe, probe_event, selected
from superteam.engine.world import World
from superteam.errors import ConfigError, SourceError
from superteam.journal import runs
from superteam.journal.baselines import find_baseline, keep_baseline
from superteam.journal.history import History
from superteam.journal.store import Store
from superteam.ports import Agent, Source, Tree
from superteam.workspace.desk import Desk, open_desk
from superteam.workspace.environment import base_environment

Output = Callable[[str, bytes], None]


@dataclass(frozen=True, slots=True)
class Only:
    """A source that never runs more than these tests."""

    source: Source
    ids: frozenset[TestId]

    async def collect(self, tree: Tree, only: frozenset[TestId] | None = None) -> Execution:
        """Runs the wanted ones of these tests."""
        return await self.source.collect(tree, self.ids if only is None else only & self.ids)


def validate(
    project: Project, base: str | None, run_id: str | None, only: tuple[TestId, ...], on_output: Output
) -> e.ValidationResult:
    """The verdict on the working tree, dirty or not; nothing in the checkout is touched and no lock is needed."""
    if project.settings.test_command is None:
        text = "there is no test-command, so there is nothing to validate with"
        raise ConfigError(text, 'test-command = "pytest -q" in superteam.toml')
    runs.home(project.root)
    desk = open_desk(project.repository, None, project.settings, project.environ)
    try:
        return anyio.run(_validate, project, desk, _base(project, base, run_id), only, on_output)
    finally:
        desk.close()


def _base(project: Project, revision: str | None, run_id: str | None) -> str:
    """The commit to compare with: the named one; the newest run's baseline; where upstream was left; HEAD."""
    repository = project.repository
    if revision is not None:
        return repository.resolve(revision)
    if run_id is not None:
        run = runs.load(project.root, runs.find(project.root, run_id))
        return run.baseline.sha if run.baseline else run.start_sha
    ids = runs.run_ids(project.root)
    if ids:
        run = runs.load(project.root, ids[-1])
        if run.baseline and run.baseline.verdict != "inconclusive" and repository.is_ancestor(run.baseline.sha, "HEAD"):
            return run.baseline.sha
    return repository.merge_base_with_upstream() or repository.head


async def _validate(
    project: Project, desk: Desk, base: str, only: tuple[TestId, ...], on_output: Output
) -> e.ValidationResult:
    world = _world(project, desk, only, on_output)
    baseline = await _baseline(project, desk, world, base, only)
    sha = await anyio.to_thread.run_sync(desk.snapshot_checkout)
    tree = await desk.tree_of(sha)
    if baseline.expected is None:
        return _without_baseline(baseline, sha, tree)
    expected = _narrowed(world.reports.load_expected(baseline.expected), only)
    renames = await desk.renames(base, sha)
    return await _settle(project, world, expected, sha, tree, renames)


def _narrowed(expected: Expected, only: tuple[TestId, ...]) -> Expected:
    if not only:
        return expected
    return replace(expected, tests={key: entry for key, entry in expected.tests.items() if matches(key, only)})


async def _baseline(
    project: Project, desk: Desk, world: World, base: str, only: tuple[TestId, ...]
) -> e.BaselineDocument:
    """The pinned baseline of this commit, command and environment; captured if there is none."""
    whole = replace(world, source=partial(make_source, project, world.outputs, world.on_output))
    tree = await desk.check_out(base)
    folder = project.root / ".superteam" / "baselines"
    found = find_baseline(folder, base, project.settings.test_command or "", world.fingerprint())
    if found:
        return found
    execution = await whole.source("baseline", None).collect(tree)
    execution = await believe(whole, "baseline", base, execution)
    document = baseline_document(whole, base, await desk.tree_of(base), execution)
    if document.expected is not None:
        keep_baseline(folder, document)
    return document


def _without_baseline(baseline: e.BaselineDocument, sha: str, tree: str) -> e.ValidationResult:
    return e.ValidationResult(
        sha=sha,
        tree=tree,
        reference_sha=baseline.sha,
        verdict="inconclusive",
        reason=f"the baseline at {baseline.sha[:12]} is inconclusive: {baseline.reason}",
    )


async def _settle(
    project: Project, world: World, expected: Expected, sha: str, tree: str, renames: Mapping[str, str]
) -> e.ValidationResult:
    rules = rules_of(project.settings)
    validation = Validation(sha=sha, reference=expected.sha, commits=(("", sha),), after_task="", closing=True)
    facts: ProbeFacts | None = None
    permits = Permits(renames=renames)
    while (probe := next_probe(validation, rules)) is not None:
        key = f"{probe.purpose} {probe.number}"
        only = selected(world, probe, facts)
        seen = await probe_event(world, key, "", validation, probe, only, expected, permits)
        validation = observe(validation, seen.observation, seen.references)
        facts = facts_of(seen) if probe.purpose == "suite" else facts
    result = result_of(validation, conclude(validation, rules), facts, tree)
    return result.model_copy(update={"after_task": None, "introduced_by": {}})


def _world(project: Project, desk: Desk, only: tuple[TestId, ...], on_output: Output) -> World:
    outputs = project.root / ".superteam" / "outputs"

    def source(key: str, expected: Shape | None) -> Source:
        plain = make_source(project, outputs, on_output, key, expected)
        return Only(plain, frozenset(only)) if only else plain

    return World(
        history=History(project.root / ".superteam" / "history.sqlite"),
        workspace=desk,
        agents=_no_agent,
        source=source,
        reports=Store(project.root / ".superteam" / "baselines"),
        operator=_Nobody(),
        clock=CLOCK,
        outputs=outputs,
        fingerprint=desk.fingerprint,
        redact=process.secrets_redactor(base_environment(project.environ)),
        on_output=on_output,
    )


def _no_agent(name: str) -> Agent:
    raise SourceError("validation uses no agent")


class _Nobody:
    async def ask(self, question: e.Question) -> tuple[str, str | None]:
        raise SourceError("validation asks nobody")
