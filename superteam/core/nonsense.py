"""Nonsense in sources, and whether a suite noticed it: one that did not has looked at something else."""

from __future__ import annotations

import ast
import posixpath
import sys
from collections.abc import Callable, Collection, Iterable, Iterator

from superteam.core.results import Execution, TestId, TestReport

PYTHON_AND_WEB = frozenset({".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte"})
SOURCES = PYTHON_AND_WEB | {".go", ".rs", ".rb", ".php", ".java", ".kt", ".c", ".cc", ".cpp"}
SEES_MODULES = ("pytest", "unittest")  # whose reports name modules that were loaded from elsewhere
ANOTHER_TREE = (
    "the suite tests the code of another tree: it stays green with a syntax error in every source of its own; "
    'say how a tree is made ready: [workspace] setup = "..." in superteam.toml'
)
_ROOTS = frozenset(("src", "lib", "python"))  # folders that are put on Python's path, and never part of a module's name
_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


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


def imported_elsewhere(
    unlooked: Iterable[str], passed: Iterable[str], files: Collection[str], read: Callable[[str], str]
) -> tuple[str, str] | None:
    """A source with nonsense and a test file that imports its module and passed all the same; None where none did.

    An import at the top of a file cannot succeed with a syntax error in the module: another file was loaded as that
    module. `passed` are files of passed tests. Nothing is said of modules that the tree holds twice or the standard
    library has, nor where tests put modules of their own in the place of others.
    """
    known = frozenset(files)
    modules = {module: path for path in unlooked if (module := _module_of(path, known))}
    modules = {module: path for module, path in modules.items() if not _is_ambiguous(module, path, known)}
    if not modules:
        return None
    for test in passed:
        text = read(test)
        if "sys.modules" in text:
            return None
        for name in _imported(text):
            if name in modules:
                return modules[name], test
    return None


def _module_of(path: str, files: Collection[str]) -> str | None:
    """The name by which a Python file is imported: from the first folder that is no package."""
    if not path.endswith(".py"):
        return None
    *folders, file = path.removesuffix(".py").split("/")
    names = [] if file == "__init__" else [file]
    while folders and f"{'/'.join(folders)}/__init__.py" in files:
        names.insert(0, folders.pop())
    if not names or names[0] in sys.stdlib_module_names or not _is_root(folders, files):
        return None
    return ".".join(names)


def _is_root(folders: list[str], files: Collection[str]) -> bool:
    """Whether modules are likely to be looked for in this folder."""
    if not folders or folders[-1] in _ROOTS:
        return True
    return any(f"{'/'.join(folders)}/{name}" in files for name in _PROJECT_FILES)


def _is_ambiguous(module: str, path: str, files: Collection[str]) -> bool:
    """Whether another file of the tree may have been loaded as this module."""
    inner = module.replace(".", "/")
    ends = (f"/{inner}.py", f"/{inner}/__init__.py")
    return any(name != path and f"/{name}".endswith(ends) for name in files)


def _imported(text: str) -> Iterator[str]:
    """The modules that are loaded whenever this text is: imports under no condition, with the packages around them."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for statement in body:
        names: list[str] = []
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            names = [statement.module]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))
