"""The repository's lock: an flock that the kernel gives back when its holder dies, with the holder's name inside.

The file is never deleted: two processes could then hold two files of one name.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from superteam.errors import LockHeld, WorkspaceError

if TYPE_CHECKING:
    from superteam.journal.owner import Owner

_TRIES = 5
_PAUSE_S = 0.01
_LARGEST_DOCUMENT = 65536


class Lock:
    """The lock while it is held; it ends with `release`, with the `with` block or with the process."""

    def __init__(self, path: Path, fd: int, owner: Owner) -> None:
        self.path = path
        self.owner = owner
        self._fd = fd

    def describe(self, run_id: str) -> None:
        """Adds the run's id to what others are told about the holder."""
        self.owner = self.owner.model_copy(update={"run_id": run_id})
        _write_owner(self._fd, self.owner)

    def release(self) -> None:
        """Gives the lock back; may be called twice."""
        if self._fd < 0:
            return
        try:
            os.ftruncate(self._fd, 0)
        finally:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def acquire(path: Path, purpose: str, now: str) -> Lock:
    """Takes the lock or raises LockHeld at once (50 ms), naming the holder."""
    from superteam.journal.owner import Owner

    owner = Owner(pid=os.getpid(), host=os.uname().nodename, started=now, purpose=purpose)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = _lock(path)
        if fd is not None:
            return _own(path, fd, owner)
    except OSError as error:
        hint = "the repository's file system must be writable and know flock (some network file systems do not)"
        raise WorkspaceError(f"the lock {path} cannot be taken: {error.strerror or error}", hint) from error
    raise _held(path, read_owner(path))


def read_owner(path: Path) -> Owner | None:
    """Who wrote the lock file last; None if it was given back. A killed holder stays named: see `is_held`."""
    from pydantic import ValidationError

    from superteam.journal.owner import Owner

    try:
        with path.open("rb") as stream:
            return Owner.model_validate_json(stream.readline(_LARGEST_DOCUMENT))
    except (OSError, ValidationError):
        return None


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock. The look takes a shared lock for an instant; `acquire` bears it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _flock(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def _lock(path: Path) -> int | None:
    """The locked file, or None. Tries a few times: somebody's `is_held` may stand in the way for an instant."""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_S)
        fd = _lock_once(path)
        if fd is not None:
            return fd
    return None


def _lock_once(path: Path) -> int | None:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if _flock(fd, fcntl.LOCK_EX) and _is_still(path, fd):
            return fd
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def _flock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(path: Path, fd: int) -> bool:
    """Whether the file that we locked is still the one of this name: somebody may have deleted the folder."""
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def _own(path: Path, fd: int, owner: Owner) -> Lock:
    try:
        _write_owner(fd, owner)
    except BaseException:
        os.close(fd)
        raise
    return Lock(path, fd, owner)


def _write_owner(fd: int, owner: Owner) -> None:
    """One line; in this order a reader sees the old one or the new one, never half of one."""
    document = owner.model_dump_json(by_alias=True).encode() + b"\n"
    os.pwrite(fd, document, 0)
    os.ftruncate(fd, len(document))


def _held(path: Path, owner: Owner | None) -> LockHeld:
    if owner is None:
        return LockHeld(f"another superteam holds this repository's lock ({path})", "superteam status")
    run = f", run {owner.run_id}" if owner.run_id else ""
    who = f"process {owner.pid} on {owner.host} since {owner.started} ({owner.purpose}{run})"
    hint = "superteam status shows where it stands, superteam abort ends it"
    return LockHeld(f"another superteam holds this repository's lock: {who}", hint)
