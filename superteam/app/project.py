"""A repository with its effective configuration, and what is made from both."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from superteam.config import Configuration, load
from superteam.core.results import Granularity
from superteam.core.settings import Settings
from superteam.journal import runs
from superteam.ports import Source
from superteam.sources.command import CommandSource
from superteam.workspace.repository import Repository, drop_inherited_git_environment, open_repository


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


def with_options(project: Project, earlier: Mapping[str, Any]) -> Project:
    """The project with the options that a run was begun with, below those given now.

    A maximum that stands in a file by now wins over the one that the run was begun with: it is how one is raised.
    """
    raised = project.configuration.origins.get("budget.max-usd", "default") != "default"
    kept = {key: value for key, value in earlier.items() if not (raised and key == "budget")}
    options = {**kept, **project.options}
    configuration = load(project.root, config=project.config, options=options, environ=project.environ)
    return replace(project, configuration=configuration, options=options)


def make_source(
    project: Project,
    outputs: Path,
    on_output: Callable[[str, bytes], None],
    key: str,
    expected: Granularity | None,
) -> Source:
    """The source `tests`: the configured test command."""
    command = project.settings.test_command
    assert command is not None
    return CommandSource(
        command=command,
        timeout=project.settings.validation.timeout,
        outputs=outputs,
        expected=expected,
        on_output=lambda data: on_output(key, data),
    )
