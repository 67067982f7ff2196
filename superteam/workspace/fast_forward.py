"""Lets the user's branch follow the run's, and his checkout with it, when nothing of his is in the way."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from superteam.core.run import Run
from superteam.workspace import trees
from superteam.workspace.git_directory import Engine
from superteam.workspace.repository import Repository


def follow(engine: Engine, run: Run, tip: str) -> str | None:
    """Moves the user's branch to the tip if it is still where the run began; else the reason."""
    branch, start, repository = run.user_branch, run.start_sha, engine.repository
    if branch is None:
        return "HEAD was detached at the start, so there is no branch to move"
    now = repository.ref(branch)
    if now == tip:
        return None
    if now != start:
        return f"{branch.removeprefix('refs/heads/')} has moved since the run began"
    current = repository.git("symbolic-ref", "--quiet", "HEAD", check=False).out.strip()
    if current == branch:
        return _merge_here(engine, branch, start, tip)
    if _checked_out_elsewhere(repository, branch):
        return f"{branch.removeprefix('refs/heads/')} is checked out in another worktree"
    repository.set_ref(branch, tip, start)
    return None


def _merge_here(engine: Engine, branch: str, start: str, tip: str) -> str | None:
    """Lets the user's checkout and branch follow, as `git merge --ff-only` does, but with our configuration."""
    problem = checkout_follows(engine, start, tip)
    if problem and not _finish_half_done(engine, start, tip):
        return f"something is in the way in the checkout: {problem}"
    engine.repository.set_ref(branch, tip, start)
    return None


def checkout_follows(engine: Engine, start: str, tip: str) -> str | None:
    """Brings index and files of the checkout from one commit to another; the reason if something is in the way."""
    top = engine.repository.toplevel
    try:
        # The lock comes first: what he stages while we look at the files would be lost.
        with engine.users_lock() as lock, engine.users_index() as here:
            known = set(engine.git("ls-files", "-z", more=here).out.split("\0"))
            wanted = _blobs(engine, tip, engine.changed(start, tip))
            strangers = [name for name in wanted if name not in known and _is_taken(top, name, known)]
            if strangers:
                raise _InTheWay(f"not in git, and would be overwritten: {', '.join(strangers[:5])}")
            how = (*engine.sparse(), "read-tree", "-m", "-u")
            done = engine.git(*how, start, tip, tree=top, more=here, check=False)
            if done.status != 0:
                raise _InTheWay(" ".join([line.strip() for line in done.err.splitlines() if line.strip()][:6]))
            lock.write_bytes(Path(here["GIT_INDEX_FILE"]).read_bytes())
    except _InTheWay as problem:
        return str(problem)
    return None


def _finish_half_done(engine: Engine, start: str, tip: str) -> bool:
    """After a kill in the middle of it: goes on if each differing file has its old or its new content."""
    top, changed = engine.repository.toplevel, engine.changed(start, tip)
    with engine.users_index() as here:
        if engine.git("diff-index", "--cached", "--quiet", start, more=here, check=False).status != 0:
            return False
    old, new = _blobs(engine, start, changed), _blobs(engine, tip, changed)
    states = [_blob_here(engine, top, name) for name in changed]
    known = all(s in (old.get(n), new.get(n)) for n, s in zip(changed, states, strict=True))
    begun = any(s == new.get(n) != old.get(n) for n, s in zip(changed, states, strict=True))
    if not (known and begun):
        return False
    engine.git("read-tree", "--reset", tip, tree=top)
    for name in changed:
        if name not in new:
            trees.remove(top / name)
            drop_empty_folders(top, (top / name).parent)
    engine.git("checkout-index", "-f", "-z", "--stdin", tree=top, stdin=os.fsencode("\0".join(new) + "\0"))
    engine.follow(tip)
    return True


def _blobs(engine: Engine, commit: str, names: Sequence[str]) -> dict[str, str]:
    wanted = set(names)
    listed = engine.git("ls-tree", "-r", "-z", commit).out.split("\0")
    rows = (entry.partition("\t") for entry in listed if entry)
    return {name: head.split()[2] for head, _, name in rows if name in wanted}


def _blob_here(engine: Engine, top: Path, name: str) -> str | None:
    path = top / name
    if path.is_symlink():
        return engine.git("hash-object", "--stdin", stdin=os.fsencode(path.readlink())).out.strip()
    if not path.is_file():
        return None
    return engine.git("hash-object", f"--path={name}", "--stdin", stdin=path.read_bytes(), tree=top).out.strip()


class _InTheWay(Exception):
    """The checkout cannot follow: its text says what is in the way."""


def _is_taken(top: Path, name: str, known: Collection[str]) -> bool:
    """Whether something that git does not know is where a file is to be written, or where its folder is to be."""
    parts = Path(name).parts
    for length in range(1, len(parts)):
        above = top.joinpath(*parts[:length])
        if "/".join(parts[:length]) not in known and (above.is_symlink() or above.is_file()):
            return True
    place = top / name
    if place.is_dir() and not place.is_symlink():
        inside = (os.path.relpath(Path(folder, file), top) for folder, _, files in os.walk(place) for file in files)
        return any(path not in known for path in inside)
    return os.path.lexists(place)


def drop_empty_folders(top: Path, folder: Path) -> None:
    while folder != top and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _checked_out_elsewhere(repository: Repository, branch: str) -> bool:
    listed = repository.git("worktree", "list", "--porcelain", "-z").out.split("\0")
    return f"branch {branch}" in listed
