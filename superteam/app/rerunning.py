"""`superteam rerun`: exactly what failed in an earlier artifact, once more, on the working tree as it is now."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from superteam.app.interruption import run_interruptible
from superteam.app.project import CLOCK, Project, make_source
from superteam.core.results import (
    Completeness,
    Execution,
    Exit,
    Granularity,
    RunVerdict,
    Shape,
    TestReport,
)
from superteam.core.selection import NOTHING, Selection, SelectionError, select, select_tests
from superteam.core.settings import SourceDefinition
from superteam.core.sources import TESTS
from superteam.errors import ConfigError, SetupFailed, SourceError
from superteam.evidence import smoke_artifacts as artifacts
from superteam.journal import runs
from superteam.ports import Tree
from superteam.reports import smoke
from superteam.sources.smoke_artifact import Refused, SmokeArtifactSource, arguments_for
from superteam.workspace.desk import Desk, open_desk

Output = Callable[[str, bytes], None]
SUMMARIES = ("superteam.status.v1", "superteam.validation.v1", "superteam.validations.v1")
SNIPPET = (
    'in superteam.toml: [[sources]] name = "smoke", kind = "smoke-artifact", artifact = "path/latest.json", '
    'command = ["node", "smoke.mjs", "--fixture", "{fixtures}"]'
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: the file, some of its failures (none: all), the source's name, and whether to run at all."""

    file: str
    fixtures: tuple[str, ...] = ()
    source: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Rerun:
    """What was selected and what came of it. `artifact` was written, `kept` is the copy of what it replaced."""

    request: Request
    selection: Selection
    source: str | None = None
    tree: str | None = None
    execution: Execution | None = None
    artifact: Path | None = None
    kept: Path | None = None

    @property
    def exit_code(self) -> int:
        """2 for an artifact that cannot be read, 3 for nothing to rerun or no sound verdict, 1 and 0 as the verdict."""
        if self.selection.error:
            return 3 if self.selection.error.code == NOTHING else 2
        if self.execution is None:
            return 0
        return {"pass": 0, "fail": 1, "inconclusive": 3}[self.execution.verdict.verdict]


@dataclass(frozen=True, slots=True)
class _Parent:
    """The artifact that is rerun: how it is called, and its content."""

    name: str
    document: Mapping[str, Any]


def rerun(project: Project, request: Request, on_output: Output) -> Rerun:
    """Reruns what failed in a smoke artifact or in the summary of a run; needs no lock, and never writes that file
    unless it is the configured artifact and the rerun's verdict is sound."""
    path = request.file.strip() and str(Path(request.file).absolute())
    definition = _definition(project, request.source, path)
    found = smoke.load(path)
    if isinstance(found, smoke.Artifact):
        if found.document.get("schema") in SUMMARIES:
            return _rerun_summary(project, request, _Parent(_name(project, path), found.document), on_output)
        problem = smoke.check_shape(found.document, path)
        found = problem or found
    if isinstance(found, smoke.Unreadable):
        fallback = _fallback(definition, None)
        selection = Selection(error=SelectionError(found.code, found.message, fallback))
        return _refused(project, request, definition, _Parent(_name(project, path), {}), selection)
    return _rerun_fixtures(project, request, definition, _Parent(_name(project, path), found.document), on_output)


def _name(project: Project, path: str) -> str:
    """A path as artifacts and people name it: from the repository's root where it lies there."""
    place = Path(path)
    return str(place.relative_to(project.root)) if path and place.is_relative_to(project.root) else path


# Which source


def _definition(project: Project, name: str | None, path: str) -> SourceDefinition | None:
    """The named smoke source, else the one whose artifact this file is, else the only one; None where there is none."""
    sources = project.settings.sources
    if name is not None:
        return None if name == TESTS else _named(project, name)
    matching = [s for s in sources if path and _place(project, s).resolve() == Path(path).resolve()]
    return matching[0] if matching else sources[0] if len(sources) == 1 else None


def _named(project: Project, name: str) -> SourceDefinition:
    for definition in project.settings.sources:
        if definition.name == name:
            return definition
    names = ", ".join([TESTS, *(definition.name for definition in project.settings.sources)])
    raise ConfigError(f"there is no source {name!r}; the sources are: {names}", "superteam config show")


def _needed(project: Project, definition: SourceDefinition | None, name: str | None) -> SourceDefinition:
    if definition is not None:
        return definition
    if name == TESTS:
        raise ConfigError("the source 'tests' runs no fixtures", "superteam rerun --from FILE --source NAME")
    names = ", ".join(definition.name for definition in project.settings.sources)
    if names:
        raise ConfigError(f"several sources are configured: {names}", "superteam rerun --from FILE --source NAME")
    raise ConfigError("no source is configured that could run fixtures", SNIPPET)


def _place(project: Project, definition: SourceDefinition) -> Path:
    return project.root / definition.artifact


def _fallback(definition: SourceDefinition | None, known: tuple[str, ...] | None) -> str | None:
    """The command that runs fixtures by hand: one that is known, else a word in its place."""
    if definition is None:
        return None
    found = arguments_for(definition.command, (known[0] if known else "FIXTURE",))
    return shlex.join(definition.command if isinstance(found, Refused) else found)


# A smoke artifact


def _rerun_fixtures(
    project: Project, request: Request, definition: SourceDefinition | None, parent: _Parent, on_output: Output
) -> Rerun:
    if not request.dry_run:
        definition = _needed(project, definition, request.source)
    if definition is None or not definition.fixtures:
        selection = select(parent.document, None, request.fixtures, _fallback(definition, None))
        if definition is None or request.dry_run or selection.error:
            return _refused(project, request, definition, parent, selection)
    return _in_tree(project, partial(_fixtures, project, request, definition, parent, on_output))


async def _fixtures(
    project: Project, request: Request, definition: SourceDefinition, parent: _Parent, on_output: Output, desk: Desk
) -> Rerun:
    _writable(project, definition)
    source = _smoke_source(project, definition, on_output)
    sha = await anyio.to_thread.run_sync(desk.snapshot_checkout)
    tree_sha = await desk.tree_of(sha)
    tree = await _ready(desk, sha)
    if isinstance(tree, Execution):
        selection = select(parent.document, None, request.fixtures, _fallback(definition, None))
        return Rerun(request, selection, definition.name, tree_sha, None if request.dry_run else tree)
    known = await source.known(tree)
    if isinstance(known, Refused):
        raise SourceError(known.why, f'correct "fixtures" of the source {definition.name!r}: superteam config show')
    fixed = None if known is None else frozenset(known)
    selection = select(parent.document, fixed, request.fixtures, _fallback(definition, known))
    if selection.error or request.dry_run:
        return _refused(project, request, definition, parent, selection)
    return await _executed(project, request, source, parent, selection, tree, tree_sha)


async def _executed(
    project: Project,
    request: Request,
    source: SmokeArtifactSource,
    parent: _Parent,
    selection: Selection,
    tree: Tree,
    tree_sha: str,
) -> Rerun:
    found = await source.execute(tree, selection.selected)
    done = Rerun(request, selection, source.definition.name, tree_sha, found.execution)
    return _written(project, source.definition, parent, done, found.artifact)


def _smoke_source(project: Project, definition: SourceDefinition, on_output: Output) -> SmokeArtifactSource:
    return SmokeArtifactSource(
        definition=definition,
        timeout=project.settings.validation.timeout,
        outputs=_outputs(project),
        on_output=partial(on_output, "rerun"),
    )


# The summary of a run


def _rerun_summary(project: Project, request: Request, parent: _Parent, on_output: Output) -> Rerun:
    """What failed at the newest sound validation of a source, with that source."""
    name, validation = _validation(parent.document, request.source)
    definition = None if name == TESTS else _named(project, name)
    command = project.settings.test_command
    fallback = command if definition is None else _fallback(definition, None)
    selection = select_tests(validation, parent.document.get("tasks", ()), request.fixtures, fallback)
    if selection.error or request.dry_run:
        return replace(_refused(project, request, definition, parent, selection), source=name)
    if definition is None and command is None:
        text = "there is no test-command, so there is nothing to rerun tests with"
        raise ConfigError(text, 'test-command = "pytest -q" in superteam.toml')
    return _in_tree(project, partial(_tests, project, request, definition, parent, selection, on_output))


def _validation(document: Mapping[str, Any], wanted: str | None) -> tuple[str, Mapping[str, Any]]:
    """The newest sound validation of the wanted source, else of the one source whose validation has failures."""
    found = document.get("validations", [document])
    newest: dict[str, Mapping[str, Any]] = {}
    for entry in found if isinstance(found, list) else ():
        if isinstance(entry, Mapping) and entry.get("verdict") in ("pass", "fail"):
            newest[str(entry.get("source", TESTS))] = entry
    if wanted is not None:
        return wanted, newest.get(wanted, {})
    failing = [name for name, entry in newest.items() if select_tests(entry).selected]
    if len(failing) > 1:
        text = f"tests of several sources failed there: {', '.join(failing)}"
        raise ConfigError(text, "superteam rerun --from FILE --source NAME")
    name = failing[0] if failing else next(iter(newest), TESTS)
    return name, newest.get(name, {})


async def _tests(
    project: Project,
    request: Request,
    definition: SourceDefinition | None,
    parent: _Parent,
    selection: Selection,
    on_output: Output,
    desk: Desk,
) -> Rerun:
    sha = await anyio.to_thread.run_sync(desk.snapshot_checkout)
    tree_sha = await desk.tree_of(sha)
    tree = await _ready(desk, sha)
    if isinstance(tree, Execution):
        return Rerun(request, selection, definition.name if definition else TESTS, tree_sha, tree)
    if definition is not None:
        source = _smoke_source(project, definition, on_output)
        return await _executed(project, request, source, parent, selection, tree, tree_sha)
    suite = make_source(project, _outputs(project), on_output, TESTS, "rerun", _shape(parent.document))
    execution = await suite.collect(tree, frozenset(selection.selected))
    return Rerun(request, selection, TESTS, tree_sha, execution)


def _shape(document: Mapping[str, Any]) -> Shape | None:
    """How finely outcomes were known there, where that is less than test by test."""
    baseline = document.get("baseline")
    grain = baseline.get("granularity") if isinstance(baseline, Mapping) else None
    return Shape(Granularity(grain)) if grain in ("text", "command") else None


# In a tree


def _in_tree(project: Project, work: Callable[[Desk], Any]) -> Rerun:
    """Does the work with a check tree of its own."""
    runs.home(project.root)
    desk = open_desk(project.repository, None, project.settings, project.environ)
    try:
        found: Rerun = run_interruptible(work, desk)
        return found
    finally:
        desk.close()


async def _ready(desk: Desk, sha: str) -> Tree | Execution:
    """The check tree with the working tree's files, or the inconclusive end where it cannot be made ready."""
    try:
        return await desk.check_out(sha)
    except SetupFailed as problem:
        nothing = TestReport("none", Granularity.TESTS, Completeness.NONE)
        return Execution(nothing, Exit(None, "not-started"), RunVerdict("inconclusive", problem.message), "", "", "")


def _outputs(project: Project) -> Path:
    return project.root / ".superteam" / "outputs"


# What is written


def _refused(
    project: Project, request: Request, definition: SourceDefinition | None, parent: _Parent, selection: Selection
) -> Rerun:
    """Nothing was run. What went wrong is written beside the source's artifact, so that a CI job finds it."""
    found = Rerun(request, selection, definition.name if definition else None)
    error = selection.error
    if request.dry_run or error is None or definition is None or parent.document.get("schema") in SUMMARIES:
        return found
    at = CLOCK.now()
    run_id = artifacts.new_run_id(at)
    block = artifacts.rerun_block(parent.name, parent.document.get("runId"), None, selection)
    told = artifacts.issue(error.code, error.message, error.fallback)
    place = artifacts.beside(_writable(project, definition), run_id)
    artifacts.write_whole(place, artifacts.encoded(artifacts.failure_artifact(run_id, at, block, told)))
    return replace(found, artifact=place)


def _written(
    project: Project, definition: SourceDefinition, parent: _Parent, done: Rerun, child: smoke.Artifact | None
) -> Rerun:
    """Puts the rerun's artifact where the source's is, if it is sound and what lies there could be read."""
    assert done.execution is not None
    place, verdict, at = _writable(project, definition), done.execution.verdict, CLOCK.now()
    sound = verdict.sound and child is not None
    kept, replaceable = _kept(place) if sound else (None, False)
    kept_as = _name(project, str(kept)) if kept else None
    block = artifacts.rerun_block(parent.name, parent.document.get("runId"), kept_as, done.selection)
    again = done.execution.reproduce_command
    told = None if verdict.sound else artifacts.issue("rerun_inconclusive", verdict.reason or "", again)
    run_id = artifacts.new_run_id(at)
    if child is None:
        document = artifacts.failure_artifact(run_id, at, block, told or {})
    else:
        document = artifacts.rerun_artifact(child.document, block, verdict.verdict == "pass", told)
    data = artifacts.encoded(document)
    target = place if replaceable else artifacts.beside(place, run_id)
    artifacts.write_whole(target, data)
    if replaceable:
        artifacts.keep(place, data, document.get("runId"))
    return replace(done, artifact=target, kept=kept)


def _kept(place: Path) -> tuple[Path | None, bool]:
    """Keeps what lies at `place` in the history, and says whether it may be replaced: not if it could not be read."""
    there = smoke.load_smoke(place)
    if isinstance(there, smoke.Unreadable):
        return None, there.code == "artifact_not_found"
    return artifacts.keep(place, there.data, there.document.get("runId")), True


def _writable(project: Project, definition: SourceDefinition) -> Path:
    """The source's artifact in the checkout; ConfigError where its folder leads out of it."""
    place = _place(project, definition)
    if not place.parent.resolve().is_relative_to(project.root.resolve()):
        text = f"the artifact of the source {definition.name!r} lies outside of the repository: {definition.artifact}"
        raise ConfigError(text, "superteam config show")
    return place
