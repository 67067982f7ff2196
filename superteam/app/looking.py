"""Looks at a repository for `superteam init`: its listing at HEAD, the texts of its manifests, the programs on PATH."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from superteam.app.discovery import ECOSYSTEMS, PROJECTS
from superteam.app.discovery.facts import LARGEST, Facts
from superteam.app.discovery.python import is_test
from superteam.app.discovery.tasks import CI, JUSTFILES, MAKEFILES, PRE_COMMIT, WORKFLOWS
from superteam.workspace.repository import Repository

_READ = 120  # files in all
_TESTS = 30  # of those, tests that are looked into
_FOLDERS = (".venv", "node_modules", "vendor")
_PROGRAMS = (
    "python", "python3", "pytest", "uv", "poetry", "pdm", "pipenv", "tox", "nox", "node", "npm", "pnpm", "yarn", "bun",
    "deno", "go", "golangci-lint", "cargo", "cargo-nextest", "mvn", "gradle", "bundle", "composer", "make", "just",
    "pre-commit",
)  # fmt: skip


def look(repository: Repository, environ: Mapping[str, str]) -> Facts:
    """What HEAD holds, since that is what a run starts from; nothing of the repository is run."""
    sizes = _listing(repository)
    texts = _texts(repository, list(_wanted(sizes)))
    path = environ.get("PATH", os.defpath)
    programs = frozenset(name for name in _PROGRAMS if shutil.which(name, path=path))
    return Facts(frozenset(sizes), texts, programs, _untracked_folders(repository.toplevel, sizes))


def _listing(repository: Repository) -> dict[str, int]:
    """The files of HEAD with their sizes; links are left out."""
    found: dict[str, int] = {}
    for entry in repository.git("ls-tree", "-r", "-l", "-z", repository.head).out.split("\0"):
        facts, _, name = entry.partition("\t")
        if facts.startswith("100"):
            found[name] = int(facts.split()[3])
    return found


def _wanted(sizes: Mapping[str, int]) -> Iterator[str]:
    """The files whose texts matter, the top level first; never too many."""
    manifests = {name for ecosystem in ECOSYSTEMS for name in ecosystem.MANIFESTS}
    manifests |= {*CI, *JUSTFILES, *MAKEFILES, *PRE_COMMIT, "sorbet/config", ".config/nextest.toml"}
    inner = {name for name in manifests if "/" not in name} | PROJECTS
    small = sorted((name for name in sizes if sizes[name] <= LARGEST), key=lambda name: (name.count("/"), name))
    tests = [name for name in small if is_test(name)][:_TESTS]
    top = [name for name in small if name in manifests or name.startswith(WORKFLOWS)]
    below = [name for name in small if 0 < name.count("/") <= 3 and PurePosixPath(name).name in inner]
    yield from dict.fromkeys([*top[:_READ], *tests, *below[:_READ]])


def _texts(repository: Repository, names: list[str]) -> dict[str, str]:
    """The contents of these files of HEAD, by one call of git; names with a newline cannot be asked for."""
    names = [name for name in names if "\n" not in name]
    asked = "".join(f"{repository.head}:{name}\n" for name in names)
    data = os.fsencode(repository.git("cat-file", "--batch", stdin=os.fsencode(asked)).out) if names else b""
    found: dict[str, str] = {}
    for name in names:
        head, _, data = data.partition(b"\n")
        size = int(head.rpartition(b" ")[2])
        found[name] = data[:size].decode("utf-8-sig", "replace")
        data = data[size + 1 :]
    return found


def _untracked_folders(root: Path, sizes: Mapping[str, int]) -> frozenset[str]:
    """The dependency folders in the checkout, at the top and in the folders below it, that git does not track."""
    tops = {name.partition("/")[0] for name in sizes if "/" in name}
    places = [*_FOLDERS, *(f"{top}/{name}" for top in sorted(tops)[:200] for name in _FOLDERS)]
    tracked = {str(folder) for name in sizes for folder in list(PurePosixPath(name).parents)[-3:]}
    return frozenset(place for place in places if (root / place).is_dir() and place not in tracked)
