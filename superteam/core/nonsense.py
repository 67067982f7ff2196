"""Nonsense in sources, and whether a suite noticed it: one that did not has looked at something else."""

from __future__ import annotations

import posixpath
from collections.abc import Collection

from superteam.core.results import Execution, TestId, TestReport

PYTHON_AND_WEB = frozenset({".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte"})
SOURCES = PYTHON_AND_WEB | {".go", ".rs", ".rb", ".php", ".java", ".kt", ".c", ".cc", ".cpp"}
SEES_MODULES = ("pytest", "unittest")  # whose reports name modules that were loaded from elsewhere
ANOTHER_TREE = (
    "the suite tests the code of another tree: it stays green with a syntax error in every source of its own; "
    'say how a tree is made ready: [workspace] setup = "..." in superteam.toml'
)


def is_source(name: str) -> bool:
    """Whether a tracked file is code that is no test, and no configuration of a runner, which would not even start."""
    *folders, file = name.split("/")
    if posixpath.splitext(file)[1] not in SOURCES or ".config." in file:
        return False
    stem = file.lower()
    of_tests = any(folder.lower() in ("test", "tests", "spec", "specs", "__tests__") for folder in folders)
    return not of_tests and not any(mark in stem for mark in ("test", "spec")) and stem != "conftest.py"


def new_failures(before: TestReport, after: TestReport, unstable: Collection[TestId] = ()) -> tuple[TestId, ...]:
    """The tests that fail with nonsense and did not fail without it; not those that fail now and then anyway."""
    known = frozenset((*before.failed(), *unstable))
    return tuple(id for id in after.failed() if id not in known)


def noticed(before: TestReport, found: Execution, unstable: Collection[TestId] = ()) -> bool:
    """Whether a whole run saw the nonsense: another test fails, one that passed is gone, or the run is none at all."""
    if not found.verdict.sound or found.report.suite_errors or new_failures(before, found.report, unstable):
        return True
    ran = {id for id, result in found.report.tests.items() if result.outcome.ran}
    passed = (id for id, result in before.tests.items() if result.outcome.ran and not result.outcome.bad)
    return any(id not in ran and id not in unstable for id in passed)
