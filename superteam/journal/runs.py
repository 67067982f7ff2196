"""The runs of a repository: their folders below `.superteam`, and their states, folded from their journals."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from superteam.errors import JournalError, SuperteamError
from superteam.journal import lock
from superteam.journal.log import Record, read

if TYPE_CHECKING:
    from superteam.core.events import Event
    from superteam.core.run import Run

IGNORE_ALL = "# made by superteam; nothing in this folder is ever committed\n*\n"


def home(root: Path) -> Path:
    """The folder `.superteam` of a repository, made with its own .gitignore if it is not there yet."""
    folder = root / ".superteam"
    (folder / "runs").mkdir(parents=True, exist_ok=True, mode=0o700)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text(IGNORE_ALL, encoding="utf-8")
    return folder


def journal_path(root: Path, run_id: str) -> Path:
    """Where a run's journal lies."""
    return root / ".superteam" / "runs" / run_id / "journal.jsonl"


def lock_path(root: Path) -> Path:
    """The repository's lock, one for all its worktrees; found without git, so that `status` is fast."""
    git = root / ".git"
    if git.is_file():
        git = root / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        common = git / "commondir"
        git = git / common.read_text(encoding="utf-8").strip() if common.is_file() else git
    return git.resolve() / "superteam.lock"


def is_live(root: Path, run_id: str) -> bool:
    """Whether a process is driving this run now."""
    path = lock_path(root)
    if not lock.is_held(path):
        return False
    owner = lock.read_owner(path)
    return owner is not None and owner.run_id == run_id


def run_ids(root: Path) -> list[str]:
    """Ids of all runs, oldest first (ids begin with their time). One whose first record is torn never began."""
    journals = (root / ".superteam" / "runs").glob("*/journal.jsonl")
    return sorted(path.parent.name for path in journals if _has_begun(path))


def _has_begun(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline().endswith(b"\n")


def find(root: Path, wanted: str | None) -> str:
    """The id of the newest run, or of the one that is named by its id or an unambiguous part of it."""
    ids = run_ids(root)
    if not ids:
        raise SuperteamError(f"there is no run in {root / '.superteam'} yet", "superteam execute plan.md")
    if wanted is None:
        return ids[-1]
    found = [id for id in ids if wanted in id]
    if wanted in ids or len(found) == 1:
        return wanted if wanted in ids else found[0]
    text = "is ambiguous: " + ", ".join(found) if found else "is not the id of a run"
    raise SuperteamError(f"{wanted!r} {text}", "superteam runs")


def fold(records: list[Record]) -> Run:
    """The state that the records come to; JournalError if they do not begin with a run's creation."""
    from superteam.core.events import RunCreated
    from superteam.core.evolve import evolve, start

    told = events(records)
    created, at = told[0]
    assert isinstance(created, RunCreated)
    run = start(created, at)
    for event, at in told[1:]:
        run = evolve(run, event, at)
    return run


def events(records: list[Record]) -> list[tuple[Event, str]]:
    """What the records say, each with its time; JournalError if they do not begin with a run's creation."""
    from superteam.core.events import EVENT, RunCreated

    told = [(EVENT.validate_python(record.event), record.at) for record in records]
    if not told or not isinstance(told[0][0], RunCreated):
        raise JournalError("the journal does not begin with the creation of a run", "superteam runs")
    return told


def load(root: Path, run_id: str) -> Run:
    """The state of a run, read without disturbing whoever may be writing it."""
    return fold(read(journal_path(root, run_id)))


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Writes a derived document whole or not at all."""
    write_text(path, json.dumps(document, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes a derived text whole or not at all, readable by its owner alone."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text.encode())
    part.replace(path)


def point_latest(root: Path, run_id: str) -> None:
    """Makes `.superteam/latest` a link to this run's folder."""
    link = root / ".superteam" / "latest"
    part = link.with_name(f".latest.{os.getpid()}")
    part.unlink(missing_ok=True)
    part.symlink_to(Path("runs") / run_id)
    part.replace(link)
