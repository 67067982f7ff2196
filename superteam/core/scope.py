"""Whether a change stays inside the files that a task declares."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

# Lock files follow from other changes, so nobody declares them.
LOCK_FILES = frozenset(
    {
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "Pipfile.lock",
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "bun.lock",
        "bun.lockb",
        "Cargo.lock",
        "go.sum",
        "Gemfile.lock",
        "composer.lock",
        "gradle.lockfile",
    }
)


def outside(changed: Iterable[str], declared: Iterable[str]) -> tuple[str, ...]:
    """Changed paths that no declared file, folder or glob covers; nothing when a task declares no files."""
    patterns = [pattern.removeprefix("./").rstrip("/") for pattern in declared]
    if not patterns:
        return ()
    return tuple(path for path in changed if path.rpartition("/")[2] not in LOCK_FILES and not _covered(path, patterns))


def _covered(path: str, patterns: list[str]) -> bool:
    return any(path == p or path.startswith(p + "/") or _matches(path, p) for p in patterns)


def _matches(path: str, pattern: str) -> bool:
    """Whether a glob names the path. Only * and ? are special: `[id]` is a folder's name, no class of characters."""
    return fnmatchcase(path, pattern.replace("[", "[[]"))
