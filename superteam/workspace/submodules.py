"""Submodules: their files are put into our trees from the objects that the checkout has; no network, no clone.

Nothing is written into a submodule's own repository. Each gets a git directory of ours in the cache, whose objects
lead to the submodule's.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from superteam.workspace import trees
from superteam.workspace.git import replace_file, split_nul, tree_entries
from superteam.workspace.git_directory import NOBODY, Engine, content_of
from superteam.workspace.repository import Repository

POINTER = "160000"
DATES = {"GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z"}


@dataclass(frozen=True, slots=True)
class Submodule:
    """A submodule of a tree: the commit that the tree points to, and where its objects are.

    `engine` is None where the checkout has none of its objects: it was never initialised.
    """

    path: str
    pointer: str
    engine: Engine | None

    def tree(self) -> str | None:
        """The tree object that it points to, or None where that object is not available."""
        if self.engine is None:
            return None
        how = ("rev-parse", "--verify", "--quiet", f"{self.pointer}^{{tree}}")
        return self.engine.git(*how, check=False).out.strip() or None


def submodules_of(engine: Engine, tree: str) -> tuple[Submodule, ...]:
    """Returns the submodules that a tree or commit points to; none where it has no `.gitmodules`."""
    if not engine.content(tree, ".gitmodules"):
        return ()
    rows = tree_entries(engine.git("ls-tree", "-r", "-z", "--full-tree", tree).out)
    names = _names(engine, tree)
    pointers = {path: sha for path, (mode, sha) in rows.items() if mode == POINTER}
    return tuple(Submodule(path, sha, _engine_of(engine, path, names.get(path))) for path, sha in pointers.items())


def _names(engine: Engine, tree: str) -> dict[str, str]:
    """The name of each submodule by its path, as `.gitmodules` has them."""
    how = ("config", "--blob", f"{tree}:.gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
    pairs = (entry.partition("\n") for entry in split_nul(engine.git(*how, check=False).out))
    return {path: key.removeprefix("submodule.").removesuffix(".path") for key, _, path in pairs}


def _engine_of(engine: Engine, path: str, name: str | None) -> Engine | None:
    """Makes our git directory for a submodule, with the objects of the one in the checkout."""
    theirs = next(filter(None, map(_git_directory, _candidates(engine, path, name))), None)
    if theirs is None:
        return None
    own = engine.git_dir.parent / "submodules" / hashlib.sha256(os.fsencode(theirs)).hexdigest()[:16]
    for folder in ("refs/heads", "info", "objects/info"):
        (own / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    config = content_of(engine.git_dir / "config") + os.fsencode(trees.setting("lfs.storage", str(theirs / "lfs")))
    replace_file(own / "HEAD", b"ref: refs/heads/none\n")
    replace_file(own / "config", config)
    replace_file(own / "objects/info/alternates", os.fsencode(trees.quoted(str(theirs / "objects")) + "\n"))
    for file in ("info/exclude", "info/attributes", "excludes", "attributes", "of-checkout"):
        replace_file(own / file, content_of(engine.git_dir / file))
    checkout = engine.repository.toplevel / path
    return Engine(Repository(checkout, own, own, engine.repository.head, None), own, (theirs / "modules",))


def _candidates(engine: Engine, path: str, name: str | None) -> list[Path]:
    """Where the git directory of a submodule may be: git keeps it by its name, older ones are in the checkout."""
    in_checkout = engine.repository.toplevel / path / ".git"
    if name is None or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return [in_checkout]
    return [*(folder / name for folder in engine.modules), in_checkout]


def _git_directory(path: Path) -> Path | None:
    """The git directory at a path, or that a `gitdir:` file there names; None where there is none."""
    text = os.fsdecode(content_of(path))
    if text.startswith("gitdir: "):
        path = (path.parent / text.removeprefix("gitdir: ").rstrip("\n")).resolve()
    return path if (path / "objects").is_dir() else None


# putting files


def put_submodules(engine: Engine, folder: Path, tree: str, keep: Sequence[str]) -> list[str]:
    """Makes each submodule's folder in a tree of ours hold the files that the tree points to.

    Returns notes about those whose objects are not available: their folders stay empty, as in the checkout.
    """
    notes = []
    for sub in submodules_of(engine, tree):
        place, wanted = folder / sub.path, sub.tree()
        if sub.engine is None or wanted is None:
            trees.remove(place)
            place.mkdir()
            notes.append(f"the submodule {sub.path} is empty: {sub.pointer[:12]} is not in the checkout's repository")
            continue
        inside = [name.removeprefix(f"{sub.path}/") for name in keep if name.startswith(f"{sub.path}/")]
        sub.engine.put(place, wanted, inside)
        notes += put_submodules(sub.engine, place, wanted, inside)
    return notes


def left_out(engine: Engine, folder: Path, tree: str) -> list[str]:
    """Paths in the submodules of a tree of ours that are not in their commits."""
    found = []
    for sub in submodules_of(engine, tree):
        wanted = sub.tree()
        if sub.engine is not None and wanted is not None and _is_populated(folder, sub.path):
            names = sub.engine.left_out(folder / sub.path) + tuple(left_out(sub.engine, folder / sub.path, wanted))
            found += [f"{sub.path}/{name}" for name in names]
    return found


# looking at files


def with_changed_submodules(engine: Engine, folder: Path, tree: str, keep: Collection[str] = ()) -> str:
    """Returns the tree with a pointer of ours for each submodule whose files in the folder differ from its commit.

    Such a pointer names a commit in our own git directory: it is for check trees, never for the user's branch.
    """
    pointers = {path: (POINTER, commit) for path, commit, _ in changed_submodules(engine, folder, tree, keep)}
    return engine.with_entries(tree, pointers) if pointers else tree


def changed_submodules(
    engine: Engine, folder: Path, tree: str, keep: Collection[str] = ()
) -> list[tuple[str, str, Engine]]:
    """Lists path, a commit of the present files, and git directory of each changed submodule in a folder."""
    changed = []
    for sub in submodules_of(engine, tree):
        place, pointed = folder / sub.path, sub.tree()
        if sub.engine is None or pointed is None or not _is_populated(folder, sub.path):
            continue
        inside = [name.removeprefix(f"{sub.path}/") for name in keep if name.startswith(f"{sub.path}/")]
        found = _present_files(sub.engine, place, pointed, inside)
        if found != pointed:
            changed.append((sub.path, _commit(sub.engine, found, sub.pointer), sub.engine))
    return changed


def _is_populated(top: Path, path: str) -> bool:
    """Whether anything is in a submodule's folder, which no link leads to: an empty one was never put."""
    folder = top / path
    with suppress(OSError):
        return folder.resolve() == top.resolve() / path and any(folder.iterdir())
    return False


def _present_files(engine: Engine, folder: Path, pointed: str, keep: Collection[str]) -> str:
    index = engine.index(folder)
    if not index.is_file():  # so that tracked files stay tracked though an ignore file names them
        engine.git("read-tree", pointed, more={"GIT_INDEX_FILE": str(index)})
    found = engine.snapshot(folder, keep_out=keep)
    return with_changed_submodules(engine, folder, found, keep)


def _commit(engine: Engine, tree: str, parent: str) -> str:
    who = {**NOBODY, **DATES}
    return engine.git("commit-tree", tree, "-p", parent, "-m", "superteam: the files", more=who).out.strip()


def keep_changes(engine: Engine, folder: Path, tree: str, run_id: str, keep: Collection[str]) -> tuple[str, ...]:
    """Keeps what an agent changed in submodules under refs of our own; returns a note about each."""
    notes = []
    for path, commit, own in changed_submodules(engine, folder, tree, keep):
        own.git("update-ref", f"refs/superteam/{run_id}/{commit[:12]}", commit)
        shown = f"git --git-dir={own.git_dir} show {commit[:12]}"
        text = f"what was changed in the submodule {path} is not committed: superteam commits to this repository alone"
        notes.append(f"{text}; it was put back and is kept ({shown})")
    return tuple(notes)


def drop_repositories(engine: Engine, folder: Path, tree: str) -> None:
    """Removes what an agent made of a submodule's `.git`: of a submodule too only its files count."""
    for sub in submodules_of(engine, tree):
        if _is_populated(folder, sub.path):
            trees.remove(folder / sub.path / ".git")
