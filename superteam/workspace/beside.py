"""Which folders beside the checkout the manifests of a tree need: nothing is beside a tree.

A link to them beside the tree would let a suite write into the user's own folders.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from superteam.workspace import venv

_MANIFESTS = ("pyproject.toml", "package.json", "Cargo.toml", "go.mod", "Gemfile", "composer.json", "setup.cfg")
_QUOTED_PATH = r"""(?:path|url|directory)["']?\s{0,9}[:=]>?\s{0,9}["'](\.\./[^"'\s]{1,200})"""
_MARKED_PATH = r"""(?:file:|link:|portal:|-e |=> |@ )(?:file:)?(\.\./[^"'\s,]{1,200})"""
_BESIDE = re.compile(f"{_QUOTED_PATH}|{_MARKED_PATH}")


def what_is_beside(tree: Path, checkout: Path) -> str:
    """Returns a line that names the folders beside the checkout which manifests of the tree need; else nothing."""
    found: dict[str, str] = {}
    for manifest in _manifests(tree):
        for match in _BESIDE.finditer((venv.small_text(manifest) or b"").decode("utf-8", "replace")):
            place = os.path.normpath(manifest.parent.relative_to(tree) / (match[1] or match[2]))
            if place.startswith("../") and (checkout / place).exists():
                found.setdefault(place, manifest.relative_to(tree).as_posix())
    if not found:
        return ""
    named = ", ".join(f"{place} ({manifest})" for place, manifest in sorted(found.items()))
    return (
        f"beside the repository, and not beside a tree: {named}. Name it by its absolute path"
        f" ({os.path.normpath(checkout / min(found))}), or install it in a .venv of the checkout and set no setup"
    )


def _manifests(tree: Path) -> Iterator[Path]:
    folders = [tree, *(path for path in tree.iterdir() if path.is_dir() and not path.is_symlink())]
    for folder in folders:
        yield from (folder / name for name in _MANIFESTS if (folder / name).is_file())
        yield from folder.glob("requirements*.txt")
