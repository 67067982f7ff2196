"""Which folders of `node_modules` are copies of the repository's own packages.

Package managers usually link a workspace. A copy (pnpm's injected dependencies, npm's `install-links`) holds the code
of the checkout as it was at the last install, so that a suite would not test the tree's.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_LOCAL = re.compile(r"(?:file|link|portal|workspace):(\.{1,2}(?:/.*)?|[\w@][^:*^~]*)")
_PNPM = re.compile(r"""^\s*-\s*['"]?([^'"#\s]+)['"]?\s*(?:#.*)?$""", re.MULTILINE)


def copied_workspaces(modules: Path, tree: Path) -> dict[str, str]:
    """Returns the folders in `modules` that are copies of packages of the tree, each with the tree's folder."""
    if not (tree / "package.json").is_file():
        return {}
    packages = dict(_packages(tree))
    found = {}
    for folder in (modules, *modules.glob(".pnpm/*/node_modules")):
        for name, home in packages.items():
            copy = folder / name
            if copy.is_dir() and not copy.is_symlink():
                found[copy.relative_to(modules).as_posix()] = os.fspath(home)
    return found


def _packages(tree: Path) -> Iterator[tuple[str, Path]]:
    """Yields name and folder of each workspace, and of each local dependency of the root or a workspace."""
    root = _manifest(tree)
    homes = [home for glob in _globs(tree, root) for home in _matching(tree, glob)]
    for home in [tree, *homes]:
        manifest = _manifest(home)
        if home != tree and _is_name(manifest.get("name")):
            yield manifest["name"], home
        for name, place in _local_dependencies(manifest):
            local = Path(os.path.normpath(home / place))
            if local != tree and local.is_relative_to(tree) and local.is_dir():
                yield name, local


def _globs(tree: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    listed = manifest.get("workspaces")
    if isinstance(listed, dict):
        listed = listed.get("packages")
    for glob in listed if isinstance(listed, list) else ():
        if isinstance(glob, str):
            yield glob
    try:
        text = (tree / "pnpm-workspace.yaml").read_text("utf-8", "replace")
    except OSError:
        return
    yield from _PNPM.findall(text.partition("packages:")[2])


def _matching(tree: Path, glob: str) -> Iterator[Path]:
    """Yields the folders that a workspace pattern names; never one in `node_modules` or outside of the tree."""
    pattern = glob.strip("/").removeprefix("./")
    if not pattern or pattern.startswith("!") or ".." in pattern.split("/"):
        return
    try:
        folders = sorted(tree.glob(pattern))
    except (ValueError, NotImplementedError):
        return
    for folder in folders:
        if "node_modules" not in folder.parts and (folder / "package.json").is_file():
            yield folder


def _local_dependencies(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for section in ("dependencies", "devDependencies", "optionalDependencies"):
        listed = manifest.get(section)
        for name, version in listed.items() if isinstance(listed, dict) else ():
            match = _LOCAL.fullmatch(version) if isinstance(version, str) else None
            if match and _is_name(name):
                yield name, match[1]


def _is_name(name: object) -> bool:
    """Whether a manifest's text is a package's name; anything else could name a folder elsewhere."""
    return isinstance(name, str) and re.fullmatch(r"(?:@[\w.~-]+/)?[\w~-][\w.~-]*", name) is not None


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "package.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
