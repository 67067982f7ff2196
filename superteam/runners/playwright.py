"""playwright: its own JSON and exact names, by the preload file of node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from superteam.core.results import TestId
from superteam.runners import node
from superteam.runners.call import Call, Told, Untold

NAME = "playwright"
ENTRIES = ("@playwright/test/cli.js", "playwright/cli.js")
_NO_TESTS = ("--help", "-h", "--version", "-V", "--list", "--ui", "--debug")
_DROPPED = {"--reporter": 1, "--max-failures": 1, "-x": 0}
_DROPPED_TO_SELECT = {
    **dict.fromkeys(("-g", "--grep", "--retries", "--shard", "--repeat-each"), 1),
    **dict.fromkeys(("--last-failed", "--only-changed", "--forbid-only"), 0),
}


def recognises(call: Call, tree: Path) -> bool:
    """`playwright test`, by name or by its file."""
    words = node.arguments(call, NAME, ENTRIES)
    return words is not None and "test" in words[:1] and not set(_NO_TESTS) & set(words)


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """playwright's own JSON, beside its list of tests."""
    append: tuple[str, ...] = ("--reporter=list,json", "--max-failures=0")
    drop = _DROPPED
    if only is not None:
        append = (*append, "--retries=0", *_selection(only))
        drop = _DROPPED | _DROPPED_TO_SELECT
    own = {"PLAYWRIGHT_JSON_OUTPUT_FILE": f"{folder}/{{pid}}.json"}
    program = node.Program(ENTRIES, append, needs="test", never=_NO_TESTS, drop=drop, last_counts=True, env=own)
    why = "" if only is None else "tests that these depend on were run as well"
    return node.told(call, env, folder, program, NAME, "exactly", why)


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with the files and a pattern of the names."""
    return node.reproduced(call, _selection(ids))


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A test file beside another one."""
    text = (
        "import { test } from '@playwright/test'\n"
        "test('superteam_canary', () => { throw new Error('planted by superteam') })\n"
    )
    return node.beside_a_test(call, tree), text


def _selection(ids: Iterable[TestId]) -> tuple[str, ...]:
    """The names as one pattern over "project file outer inner @tags", and the files as patterns of whole paths."""
    places = node.wanted(ids)
    found = [_pattern(place, name) for place, names in places.items() for name in names]
    files = sorted({node.split_project(place)[0] for place in places})
    return ("--grep", f"/^(?:{'|'.join(sorted(set(found)))})$/", *(f"/{node.escaped(file)}$" for file in files))


def _pattern(place: str, name: str) -> str:
    """The file is known below the tree, and playwright names it below its own folder of tests: its last part counts."""
    file, project = node.split_project(place)
    last = node.escaped(file.rpartition("/")[2])
    return f"{node.escaped(project)} (?:\\S.*/)?{last} {node.titles(name)}(?: @\\S+)*"
