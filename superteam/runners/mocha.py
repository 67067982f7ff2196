"""mocha: its own JSON and exact names, by the preload file of node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from superteam.core.results import TestId
from superteam.runners import node
from superteam.runners.call import Call, Told, Untold

NAME = "mocha"
ENTRIES = ("mocha/bin/mocha.js", "mocha/bin/mocha", "mocha/bin/_mocha", "mocha/lib/cli/cli.js")
_NO_TESTS = frozenset(
    [
        "init",
        "--help",
        "-h",
        "--version",
        "-V",
        "--list-interfaces",
        "--interfaces",
        "--list-reporters",
        "--reporters",
        "--watch",
        "-w",
    ]
)
_DROPPED = dict.fromkeys(("--reporter", "-R", "--reporter-option", "--reporter-options", "-O"), 1)
_DROPPED_TO_SELECT = {
    **dict.fromkeys(("--grep", "-g", "--fgrep", "-f", "--retries"), 1),
    **dict.fromkeys(("--invert", "-i", "--bail", "-b", "--forbid-only", "--forbid-pending"), 0),
}


def recognises(call: Call, tree: Path) -> bool:
    """mocha by name or by its file, and not a call that runs no tests."""
    words = node.arguments(call, NAME, ENTRIES)
    if words is None and call.program == "_mocha":
        words = call.words[1:]
    return words is not None and not _NO_TESTS & set(words)


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """The last option keeps the number of failures from being taken for a signal (130 is 128 and SIGINT)."""
    reporter = ("--reporter=json", "--reporter-option", f"output={folder}/{{pid}}.json")
    if only is None:
        program = node.Program(ENTRIES, (*reporter, "--posix-exit-codes"), drop=_DROPPED)
        return node.told(call, env, folder, program, NAME, "exactly", "")
    append = (*reporter, "--retries=0", "--no-bail", "--grep", _pattern(only), "--posix-exit-codes")
    program = node.Program(ENTRIES, append, drop=_DROPPED | _DROPPED_TO_SELECT)
    return node.told(call, env, folder, program, NAME, "more", "a test of the same name was run as well")


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with a pattern of the names."""
    return node.reproduced(call, ("--grep", _pattern(ids)))


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A test file beside another one; without one, in the folder where mocha looks by itself."""
    text = "it('superteam_canary', () => { throw new Error('planted by superteam') })\n"
    place = node.beside_a_test(call, tree)
    if "/" not in place.removeprefix(f"{call.folder}/") and (tree / call.folder / "test").is_dir():
        place = str(Path(call.folder, "test", "superteam_canary.js"))
    return place, text


def _pattern(ids: Iterable[TestId]) -> str:
    """mocha holds it against the titles joined by spaces, in all files. The slashes keep it a regular expression."""
    names = {name for found in node.wanted(ids).values() for name in found}
    return f"/^(?:{'|'.join(node.escaped(name) for name in sorted(names))})$/"
