"""Tracked files that a run of a suite rewrote: what it showed is then not about the commit."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence

from superteam.core.coupling import FIXTURES
from superteam.core.deciders import role_of

_CODE = frozenset(
    [
        *(".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte"),
        *(".go", ".rs", ".rb", ".php", ".java", ".kt", ".c", ".cc", ".cpp", ".cs", ".swift", ".ex", ".exs"),
        *(".sh", ".bats", ".t", ".pl", ".feature", ".robot", ".phpt"),
    ]
)
_SNAPSHOTS = frozenset([".snap", ".ambr"])
_SHOWN = 5


def deciding(paths: Sequence[str], known: Collection[str] | None = None) -> tuple[str, ...]:
    """Those of the paths that decide what a suite says: code of tests, snapshots, settings of the runner.

    So does golden data that the reference's run did not change (`known`; None: this is its run). Other data in a folder
    of tests (a database, an output file) does not: suites write to it every day.
    """
    golden = frozenset(paths if known is not None else ()).difference(known or ())
    return tuple(path for path in paths if _decides(path) or (path in golden and FIXTURES.search(path)))


def _decides(path: str) -> bool:
    suffix = posixpath.splitext(path)[1]
    if suffix in _SNAPSHOTS or "/__snapshots__/" in f"/{path}":
        return True
    role = role_of(path, lambda _: False)
    return role == "runner-configuration" or (role == "test-file" and suffix in _CODE)


def why_inconclusive(paths: Sequence[str], known: Collection[str] | None = None) -> str | None:
    """The reason why a run shows nothing, None where it rewrote no file that decides."""
    changed = deciding(paths, known)
    if not changed:
        return None
    return (
        f"the run rewrote {_listed(changed)}: what passed is not what the commit holds; "
        "let tests write to copies, and take options that update snapshots out of test-command"
    )


def note_about(paths: Sequence[str], known: Collection[str] | None = None) -> str:
    """A note about the other tracked files that a run rewrote; empty where there are none."""
    decisive = deciding(paths, known)
    others = [path for path in paths if path not in decisive and "__pycache__" not in path.split("/")]
    return f"the run changed tracked files: {_listed(others)}" if others else ""


def _listed(paths: Sequence[str]) -> str:
    more = len(paths) - _SHOWN
    return ", ".join(paths[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
