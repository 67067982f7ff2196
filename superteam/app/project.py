"""A repository with its effective configuration, and what is made from both."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from superteam.config import Configuration, load, user_folder
from superteam.core.results import Shape, TestId
from superteam.core.run import Run
from superteam.core.settings import Settings
from superteam.core.sources import TESTS, definition_of
from superteam.errors import ConfigError
from superteam.journal import runs
from superteam.journal.baselines import Shelf
from superteam.journal.seal import signing_key
from superteam.ports import Source
from superteam.runners import node
from superteam.runners.call import Call, Untold
from superteam.runners.recognise import recognise, runner
from superteam.runners.scripts import inside
from superteam.sources.command import CommandSource
from superteam.workspace.git import drop_inherited_git_environment
from superteam.workspace.opening import open_repository
from superteam.workspace.repository import Repository


@dataclass(frozen=True, slots=True)
class Clock:
    """The machine's time."""

    def now(self) -> str:
        return datetime.now(UTC).isoformat(timespec="milliseconds")

    def seconds(self) -> float:
        return datetime.now(UTC).timestamp()


CLOCK = Clock()


@dataclass(frozen=True, slots=True)
class Project:
    """A repository with its effective configuration; `options` are those given on the command line."""

    repository: Repository
    configuration: Configuration
    environ: Mapping[str, str]
    config: Path | None
    options: Mapping[str, Any]

    @property
    def root(self) -> Path:
        return self.repository.toplevel

    @property
    def settings(self) -> Settings:
        return self.configuration.settings

    @property
    def config_file(self) -> str | None:
        """The path of the configuration file that was named for this command."""
        named = self.config or Path(self.environ.get("SUPERTEAM_CONFIG", "")).expanduser()
        return None if named == Path() else str(named.absolute())

    @property
    def lock_path(self) -> Path:
        return runs.lock_path(self.root)


def open_project(
    cwd: Path, config: Path | None = None, options: Mapping[str, Any] | None = None, for_run: bool = False
) -> Project:
    """Opens the repository around `cwd`; with `for_run` it must be one that a run can start in."""
    environ = dict(os.environ)
    drop_inherited_git_environment()
    repository = open_repository(cwd, for_run=for_run)
    configuration = load(repository.toplevel, config=config, options=options, environ=environ)
    return Project(repository, configuration, environ, config, options or {})


def with_options_of(project: Project, run: Run) -> Project:
    """The project with the options and the configuration file that a run was begun with, below those given now.

    A higher maximum that stands in a file by now wins over the one that the run was begun with: it is how one is
    raised. Where the agent works stays as it was: the checkout is given back by whoever took it.
    """
    earlier = {**run.options, "workspace": {"isolation": run.settings.workspace.isolation}}
    now, then = project.settings.budget.max_usd, earlier.get("budget", {}).get("max-usd")
    if now is not None and then is not None and now > then:
        del earlier["budget"]
    options = _merged(earlier, {key: value for key, value in project.options.items() if key != "workspace"})
    config = project.config or _config_of(project, run)
    configuration = load(project.root, config=config, options=options, environ=project.environ)
    return replace(project, configuration=configuration, options=options, config=config)


def _config_of(project: Project, run: Run) -> Path | None:
    """The file that the run was begun with; another one is named by --config or $SUPERTEAM_CONFIG."""
    if run.config_file is None or project.environ.get("SUPERTEAM_CONFIG"):
        return None
    path = Path(run.config_file)
    if not path.is_file():
        text = f"run {run.run_id} was begun with the configuration file {path}, which is not there any more"
        raise ConfigError(text, f"put it back, or name another one: superteam resume {run.run_id} --config FILE")
    return path


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, key by key also in tables; what is above wins."""
    tables = {k: {**below[k], **v} for k, v in above.items() if isinstance(v, dict) and isinstance(below.get(k), dict)}
    return {**below, **above, **tables}


def baseline_shelf(project: Project) -> Shelf:
    """Where the repository's baselines and verdicts are kept; they are believed by the user's own key."""
    return Shelf(project.root / ".superteam" / "baselines", signing_key(user_folder(project.environ)))


def make_source(
    project: Project,
    outputs: Path,
    on_output: Callable[[str, bytes], None],
    name: str,
    key: str,
    expected: Shape | None,
) -> Source:
    """The source of this name: `tests` runs the test command, the others are configured under [[sources]]."""
    if name != TESTS:
        return _smoke_source(project, outputs, on_output, name, key, expected)
    command = project.settings.test_command
    assert command is not None
    return CommandSource(
        command=command,
        timeout=project.settings.validation.timeout,
        outputs=outputs,
        expected=expected,
        on_output=lambda data: on_output(key, data),
        report=project.settings.report,
        rerun=project.settings.rerun,
    )


def _smoke_source(
    project: Project,
    outputs: Path,
    on_output: Callable[[str, bytes], None],
    name: str,
    key: str,
    expected: Shape | None,
) -> Source:
    from superteam.sources.smoke_artifact import SmokeArtifactSource

    return SmokeArtifactSource(
        definition=definition_of(project.settings, name),
        timeout=project.settings.validation.timeout,
        outputs=outputs,
        expected=expected,
        on_output=lambda data: on_output(key, data),
    )


def plan_canary(project: Project, tree: Path, shape: Shape, known: Collection[TestId]) -> tuple[str, str] | str:
    """The file (path, content) with a failing test that the test command would run, or why there is none.

    It is planted beside one of the `known` tests where the command or its configuration do not say where those are.
    """
    found = recognise(project.settings.test_command or "", tree)
    if isinstance(found, Untold):
        if shape.runner != "pytest":  # which reports by itself, however deep it hides
            return found.why
        found = (runner("pytest"), Call(("pytest", "."), folder=_folder_of_tests(tree, known)))
    module, call = found
    planted = module.canary(call, tree)
    if planted and module.NAME in ("jest", "vitest", "mocha"):
        return node.beside_a_known_test(known, tree) or planted[0], planted[1]
    return planted or f"it is not known where this command ({module.NAME}) would run a new test"


def _folder_of_tests(tree: Path, known: Collection[TestId]) -> str:
    """The folder of the first test that says its file, "" if none does."""
    places = (id.partition("::")[0] for id in known if "::" in id)
    return next(
        (place.rpartition("/")[0] for place in places if inside("", place) == place and (tree / place).is_file()), ""
    )
