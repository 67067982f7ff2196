"""Work trees change hands between unfinished runs: what a run leaves is kept, and put back when it continues.

A record beside the trees names the run that used them last. Another run first keeps what is in them under
`refs/superteam/<last run>/work/<tree>`, a person's changes included; the last run gets exactly that back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import BaseModel, ValidationError

from superteam.core.run import Run
from superteam.workspace.git import replace_file
from superteam.workspace.git_directory import Engine
from superteam.workspace.own_tree import OwnTree

_RECORD = "work.run.json"


class LastUse(BaseModel, frozen=True):
    """The run that used the work trees last. `restored` is false while its own files are being put back."""

    run_id: str
    branch: str
    start_sha: str
    restored: bool = True


def last_use(folder: Path) -> LastUse | None:
    """Returns which run used the work trees in this folder last, if that is recorded."""
    try:
        return LastUse.model_validate_json((folder / _RECORD).read_bytes())
    except (OSError, ValidationError):
        return None


def take_trees(engine: Engine, folder: Path, run: Run, open_tree: Callable[[Path], OwnTree]) -> None:
    """Makes the work trees this run's own; only under the repository's lock.

    Each order of two writes here survives a kill between them: nothing is kept as a run's files before they are.
    """
    last = last_use(folder)
    if last is not None and not engine.has(last.start_sha):
        last = None  # the repository was cloned again: that run is gone with its commits
    if last is not None and last.run_id == run.run_id and last.restored:
        return
    if last is not None and last.run_id != run.run_id and last.restored:
        for path in _work_trees(engine, folder):
            _keep(engine, last, open_tree(path))
    mine = LastUse(run_id=run.run_id, branch=run.run_branch, start_sha=run.start_sha, restored=False)
    _record(folder, mine)
    for name, commit in _kept(engine, run.run_id):
        open_tree(folder / name).put(engine.repository.tree_of(commit))
    _record(folder, mine.model_copy(update={"restored": True}))


def _record(folder: Path, use: LastUse) -> None:
    replace_file(folder / _RECORD, json.dumps(use.model_dump()).encode())


def _work_trees(engine: Engine, folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.glob("work*")) if path.is_dir() and engine.index(path).is_file()]
    return [path for path in found if path.name == "work" or path.name.removeprefix("work-").isdecimal()]


def _keep(engine: Engine, last: LastUse, tree: OwnTree) -> None:
    """Keeps the tree's files for the run that used it, unless its branch has them already and nothing is waiting."""
    repository = engine.repository
    ref = f"refs/superteam/{last.run_id}/work/{tree.path.name}"
    before = repository.ref(ref)
    files = tree.current()
    if before is None and repository.ref(f"refs/heads/{last.branch}^{{tree}}") == files:
        return
    parent = repository.ref(last.start_sha) or repository.head
    at = repository.git("show", "-s", "--no-show-signature", "--format=%cI", parent).out.strip()
    commit = engine.commit(files, parent, f"superteam: the work tree of run {last.run_id}\n", at)
    repository.set_ref(ref, commit, before)


def _kept(engine: Engine, run_id: str) -> Iterable[tuple[str, str]]:
    prefix = f"refs/superteam/{run_id}/work/"
    listed = engine.repository.git("for-each-ref", "--format=%(refname) %(objectname)", prefix).out
    for line in listed.splitlines():
        name, _, commit = line.partition(" ")
        yield name.removeprefix(prefix), commit
