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
    files = _listing(repository)
    texts = _texts(repository, list(_wanted(files - _far_away(repository))))
    path = environ.get("PATH", os.defpath)
    programs = frozenset(name for name in _PROGRAMS if shutil.which(name, path=path))
    return Facts(files, texts, programs, _untracked_folders(repository.toplevel, files))


def _listing(repository: Repository) -> frozenset[str]:
    """The files of HEAD; links are left out."""
    rows = repository.git("ls-tree", "-r", "-z", repository.head).out.split("\0")
    return frozenset(row.partition("\t")[2] for row in rows if row.startswith("100"))


def _far_away(repository: Repository) -> frozenset[str]:
    """The files that a sparse checkout left out: a partial clone would have to fetch them."""
    if repository.git("config", "--get", "extensions.partialclone", check=False).status != 0:
        return frozenset()
    rows = repository.git("ls-files", "-v", "-z", check=False).out.split("\0")
    return frozenset(row[2:] for row in rows if row[:1] in ("S", "s"))


def _wanted(files: frozenset[str]) -> Iterator[str]:
    """The files whose texts matter, the top level first; never too many."""
    manifests = {name for ecosystem in ECOSYSTEMS for name in ecosystem.MANIFESTS}
    manifests |= {*CI, *JUSTFILES, *MAKEFILES, *PRE_COMMIT, "sorbet/config", ".config/nextest.toml"}
    inner = {name for name in manifests if "/" not in name} | PROJECTS
    ordered = sorted(files, key=lambda name: (name.count("/"), name))
    tests = [name for name in ordered if is_test(name)][:_TESTS]
    top = [name for name in ordered if name in manifests or name.startswith(WORKFLOWS)]
    below = [name for name in ordered if 0 < name.count("/") <= 3 and PurePosixPath(name).name in inner]
    yield from dict.fromkeys([*top[:_READ], *tests, *below[:_READ]])


def _texts(repository: Repository, names: list[str]) -> dict[str, str]:
    """The contents of those of these files of HEAD that are not too large; names with a newline cannot be asked for."""
    names = [name for name in names if "\n" not in name]
    told = _asked(repository, "--batch-check=%(objectsize)", names).split("\n")[:-1]
    names = [name for name, size in zip(names, told, strict=False) if size.isdecimal() and int(size) <= LARGEST]
    data = os.fsencode(_asked(repository, "--batch", names))
    found: dict[str, str] = {}
    for name in names:
        head, _, data = data.partition(b"\n")
        size = int(head.rpartition(b" ")[2])
        found[name] = data[:size].decode("utf-8-sig", "replace")
        data = data[size + 1 :]
    return found


def _asked(repository: Repository, how: str, names: list[str]) -> str:
    """What git says of these files of HEAD; older versions of it stop at one that would have to be fetched."""
    asked = "".join(f"{repository.head}:{name}\n" for name in names)
    return repository.git("cat-file", how, stdin=os.fsencode(asked), check=False).out if names else ""


def _untracked_folders(root: Path, files: frozenset[str]) -> frozenset[str]:
    """The dependency folders in the checkout, at the top and in the folders below it, that git does not track."""
    tops = {name.partition("/")[0] for name in files if "/" in name}
    places = [*_FOLDERS, *(f"{top}/{name}" for top in sorted(tops)[:200] for name in _FOLDERS)]
    tracked = {str(folder) for name in files for folder in list(PurePosixPath(name).parents)[-3:]}
    return frozenset(place for place in places if (root / place).is_dir() and place not in tracked)
