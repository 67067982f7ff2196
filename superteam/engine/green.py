"""A verdict that may be a pass, with all that is needed to question it."""

from __future__ import annotations

from dataclasses import dataclass

from superteam.core.baseline import Expected
from superteam.core.results import TestId, TestReport


@dataclass(frozen=True, slots=True)
class Green:
    """A validation whose runs give a pass: what was judged against what, and what the judged run showed.

    `unstable` are tests that are known to fail now and then; `may_change` are globs of paths and test ids whose
    expectations the change is meant to change. `whole`: all tests were run. `command` is all that runs, and `key`
    begins the names of its runs.
    """

    sha: str
    reference: str
    expected: Expected
    report: TestReport
    command: str
    renamed: tuple[tuple[TestId, TestId], ...] = ()
    unstable: frozenset[TestId] = frozenset()
    may_change: tuple[str, ...] = ()
    whole: bool = True
    key: str = ""
