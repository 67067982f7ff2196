"""A call of a test framework in a user's command, and how that call is told to report."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from superteam.core.results import TestId, TestReport

_ORDINAL = re.compile(r" #[1-9][0-9]{0,5}\Z")
_ARGUMENT = 128 * 1024 - 1  # bytes of a single argument, by the kernel
_ALL = 1_500_000  # bytes of all arguments; the kernel's limit is 2 MB with the environment


@dataclass(frozen=True, slots=True)
class Call:
    """One simple command, without its wrappers: `npx cross-env A=1 vitest run src` is ("vitest", "run", "src").

    `folder` is where it runs, relative to the tree ("" is its root). `after` are words that have to stand between
    the user's command and arguments that are appended to it, so that they reach this call (npm: "--"); None where
    appended arguments would not reach it (a pipeline, a make target). `through` names the wrappers on the way.
    `alone` says that the user's command is nothing but this call and its environment. `lost` says that its exit code
    may not reach that of the user's command (`jest; pytest`).
    """

    words: tuple[str, ...]
    folder: str = ""
    after: tuple[str, ...] | None = ()
    env: Mapping[str, str] = field(default_factory=dict)
    through: tuple[str, ...] = ()
    alone: bool = False
    lost: bool = False

    @property
    def program(self) -> str:
        """The program's name without its folder."""
        return self.words[0].rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Told:
    """How one run of the user's command is made to report, and to run only some tests.

    `reports` is a glob of report files in `format`, below `folder`; with None the report is what the program prints:
    `printed` says whether on standard output alone or on both streams. `env` is set over the environment, `arguments`
    are appended to the command, `instead` is run in its place. Files that `reports` names in the tree itself, where
    `folder` is None, are of earlier runs until the run has begun: they are deleted before it.
    `selects`: a run of `only` runs exactly these, or more (whole files, others of the same name), or everything;
    `why` says so in words. `finish` corrects the report with what the exit code and the output add.
    `parts` are the frameworks of a command that calls several: name, and how each is made to report by the environment.
    """

    format: str
    reports: str | None = None
    folder: Path | None = None
    printed: Literal["stdout", "both"] = "stdout"
    env: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    selects: Literal["exactly", "more", "everything"] = "exactly"
    why: str = ""
    finish: Callable[[TestReport, Path], TestReport] | None = None
    parts: tuple[tuple[str, Told], ...] = ()


@dataclass(frozen=True, slots=True)
class Untold:
    """A call that cannot be made to report, and why."""

    why: str


class Runner(Protocol):
    """The module of one test framework."""

    NAME: str

    def recognises(self, call: Call, tree: Path) -> bool:
        """Whether this call starts the framework (and not another command of the same program)."""

    def tell(
        self, call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None
    ) -> Told | Untold:
        """How the call is made to report into `folder` (new, outside of the tree) and to run only these tests."""

    def reproduce(self, call: Call, ids: tuple[TestId, ...]) -> str | None:
        """What a person can paste into a shell, in the tree, to run these tests; None where that cannot be said."""

    def canary(self, call: Call, tree: Path) -> tuple[str, str] | None:
        """A file (path below the tree, content) with one failing test, `superteam_canary`, that the call would run."""


def family(id: TestId) -> TestId:
    """The id of a test that ran more than once: readers put " #2" behind the id of a second one."""
    return _ORDINAL.sub("", id)


def fits(arguments: Iterable[str]) -> bool:
    """Whether a program can be started with these arguments behind its own."""
    sizes = [len(word.encode(errors="surrogatepass")) + 9 for word in arguments]
    return max(sizes, default=0) <= _ARGUMENT and sum(sizes) <= _ALL
