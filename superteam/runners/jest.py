"""jest: its own JSON and exact names, by the preload file of node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from superteam.core.results import TestId
from superteam.runners import node
from superteam.runners.call import Call, Told, Untold

NAME = "jest"
ENTRIES = ("jest/bin/jest.js", "jest-cli/bin/jest.js")
_NO_TESTS = ("--help", "-h", "--version", "-v", "--init", "--listTests", "--showConfig", "--clearCache")
_DROPPED = {"--json": 0, "--outputFile": 1, "--bail": -1, "-b": -1, "--watch": 0, "--watchAll": 0}
_DROPPED_TO_SELECT = {
    **dict.fromkeys(("-t", "--testNamePattern", "--shard", "--changedSince"), 1),
    **dict.fromkeys(("--coverage", "--collectCoverage", "--randomize", "--onlyChanged", "-o", "--onlyFailures"), 0),
    **dict.fromkeys(("--runTestsByPath", "--findRelatedTests", "--lastCommit", "-f"), 0),
}


def recognises(call: Call, tree: Path) -> bool:
    """jest by name or by its file, and not a call that runs no tests."""
    words = node.arguments(call, NAME, ENTRIES)
    return words is not None and not set(_NO_TESTS) & set(words)


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """jest's own JSON says all that is needed but the project of a test."""
    append: tuple[str, ...] = ("--json", f"--outputFile={folder}/{{pid}}.json", "--bail=0", "--watchAll=false")
    if only is None:
        program = node.Program(ENTRIES, append, never=_NO_TESTS, drop=_DROPPED)
        return node.told(call, env, folder, program, NAME, "exactly", "")
    program = node.Program(
        ENTRIES,
        (*append, "--coverage=false", *_selection(only, tree)),
        never=_NO_TESTS,
        drop=_DROPPED | _DROPPED_TO_SELECT,
    )
    return node.told(call, env, folder, program, NAME, "exactly", "a test of the same name was run as well")


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with the files and a pattern of the names."""
    return node.reproduced(call, _selection(ids, None))


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A test file beside another one."""
    text = "test('superteam_canary', () => { throw new Error('planted by superteam') })\n"
    return node.beside_a_test(call, tree), text


def _selection(ids: Iterable[TestId], tree: Path | None) -> tuple[str, ...]:
    """The names as one pattern, which jest holds against all files, and the files as paths that are no options."""
    places = node.wanted(ids)
    names = sorted({node.titles(name) for found in places.values() for name in found})
    files = [str(tree.resolve() / file) if tree else file for file in sorted(places)]
    return ("-t", f"^(?:{'|'.join(names)})$", "--runTestsByPath", *files)
