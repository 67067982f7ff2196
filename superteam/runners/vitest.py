"""vitest: our reporter and exact names, by the preload file of node."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from superteam.core.results import TestId
from superteam.runners import node
from superteam.runners.call import Call, Told, Untold

NAME = "vitest"
REPORTER = Path(__file__).parent / "plugin" / "superteam_vitest_reporter.mjs"
ENTRIES = ("vitest/vitest.mjs",)
_NO_TESTS = ("bench", "list", "init", "--help", "-h", "--version", "-v", "--standalone", "--ui")
_DROPPED = {"--bail": 1, "--run": 0, "--watch": 0, "-w": 0}
_DROPPED_TO_SELECT = {
    **dict.fromkeys(("-t", "--testNamePattern", "--test-name-pattern", "--retry", "--shard"), 1),
    **dict.fromkeys(("--coverage", "--coverage.enabled", "--sequence.shuffle", "--changed"), 0),
}


def recognises(call: Call, tree: Path) -> bool:
    """vitest by name or by its file, and not a command of it that runs no tests."""
    words = node.arguments(call, NAME, ENTRIES)
    return words is not None and not set(_NO_TESTS) & set(words)


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """A copy of our reporter writes beside itself, so that no variable has to name the place."""
    reporter = folder / REPORTER.name
    shutil.copyfile(REPORTER, reporter)
    append = ("--run", "--bail=0", "--reporter=default", f"--reporter={reporter}")
    if only is None:
        program = node.Program(ENTRIES, append, never=_NO_TESTS, drop=_DROPPED)
        return node.told(call, env, folder, program, NAME, "exactly", "")
    coverage = ("--coverage.enabled=false",) if node.reached(call) else ()
    selection = _selection(only, tree)
    drop = _DROPPED | _DROPPED_TO_SELECT
    if any(word.startswith("--project=") for word in selection):
        drop["--project"] = 1
    program = node.Program(ENTRIES, (*append, "--retry=0", *coverage, *selection), never=_NO_TESTS, drop=drop)
    return node.told(call, env, folder, program, NAME, "exactly", "a test of the same name was run as well")


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with the files and a pattern of the names."""
    return node.reproduced(call, _selection(ids, None))


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A test file beside another one."""
    text = (
        "import { test } from 'vitest'\ntest('superteam_canary', () => { throw new Error('planted by superteam') })\n"
    )
    return node.beside_a_test(call, tree), text


def _selection(ids: Iterable[TestId], tree: Path | None) -> tuple[str, ...]:
    """Files as paths that are no options, and the names as one pattern, which vitest holds against all files."""
    places = node.wanted(ids)
    files = sorted({node.split_project(place)[0] for place in places})
    projects = sorted({node.split_project(place)[1] for place in places} - {""})
    named = [str(tree.resolve() / file) if tree else file for file in files]
    return ("-t", pattern({name for names in places.values() for name in names}), *_projects(projects, places), *named)


def _projects(projects: Iterable[str], places: Iterable[str]) -> list[str]:
    """Only where each test has one: a test of the root has none."""
    if not all(node.split_project(place)[1] for place in places):
        return []
    return [f"--project={project}" for project in projects]


def pattern(names: Iterable[str]) -> str:
    """Matches the titles of these tests: vitest joins them with " ", since version 5 with " > "."""
    return f"^ ?(?:{'|'.join(node.titles(name) for name in sorted(set(names)))})$"
