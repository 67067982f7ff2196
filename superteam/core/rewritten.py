"""Tracked files that a run of a suite rewrote: what it showed is then not about the commit."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

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


def deciding(paths: Sequence[str]) -> tuple[str, ...]:
    """Those of the paths that decide what a suite says: code of tests, snapshots, settings of the runner.

    Data in a folder of tests (a database, an output file) is none of them: suites write to it every day.
    """
    return tuple(path for path in paths if _decides(path))


def _decides(path: str) -> bool:
    suffix = posixpath.splitext(path)[1]
    if suffix in _SNAPSHOTS or "/__snapshots__/" in f"/{path}":
        return True
    role = role_of(path, lambda _: False)
    return role == "runner-configuration" or (role == "test-file" and suffix in _CODE)


def why_inconclusive(paths: Sequence[str]) -> str | None:
    """The reason why a run shows nothing, None where it rewrote no file that decides."""
    changed = deciding(paths)
    if not changed:
        return None
    return (
        f"the run rewrote {_listed(changed)}: what passed is not what the commit holds; "
        "let tests write to copies, and take options that update snapshots out of test-command"
    )


def note_about(paths: Sequence[str]) -> str:
    """A note about the other tracked files that a run rewrote; empty where there are none."""
    others = [path for path in paths if path not in deciding(paths) and "__pycache__" not in path.split("/")]
    return f"the run changed tracked files: {_listed(others)}" if others else ""


def _listed(paths: Sequence[str]) -> str:
    more = len(paths) - _SHOWN
    return ", ".join(paths[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
