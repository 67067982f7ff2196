from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from superteam.errors import LockHeld, WorkspaceError
from superteam.journal.lock import acquire, is_held, read_owner

NOW = "2026-01-02T03:04:05Z"
HOLD = """
import sys
from pathlib import Path
from superteam.journal.lock import acquire
lock = acquire(Path(sys.argv[1]), "execute plan.md", "2026-01-02T03:04:05Z")
lock.describe(run_id="r1")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its standard input ends."""
    argv = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_refused_with_the_holders_name(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as process, pytest.raises(LockHeld) as caught:
        acquire(path, "abort", NOW)
    said = caught.value.message
    for part in (str(process.pid), os.uname().nodename, NOW, "execute plan.md", "r1"):
        assert part in said
    assert caught.value.exit_code == 75
    assert caught.value.hint


def test_the_same_process_cannot_take_the_lock_twice(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with acquire(path, "execute", NOW), pytest.raises(LockHeld, match=re.escape(f"process {os.getpid()} ")):
        acquire(path, "resume", NOW)


def test_a_released_lock_can_be_taken_again_and_names_nobody(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = acquire(path, "execute", NOW)
    assert is_held(path)
    lock.release()
    lock.release()
    assert not is_held(path)
    assert read_owner(path) is None
    acquire(path, "resume", NOW).release()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as process:
        assert is_held(path)
        process.kill()
        process.wait()
        assert not is_held(path)
        stale = read_owner(path)
        assert stale is not None and stale.pid == process.pid
        with acquire(path, "resume", NOW):
            fresh = read_owner(path)
            assert fresh is not None and (fresh.pid, fresh.run_id) == (os.getpid(), None)


def test_the_owner_can_be_read_while_the_lock_is_held(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with acquire(path, "execute plan.md", NOW) as lock:
        before = read_owner(path)
        lock.describe(run_id="a-long-run-id")
        lock.describe(run_id="r1")
        owner = read_owner(path)
        assert path.read_bytes().count(b"\n") == 1
    assert before is not None and before.run_id is None
    assert owner == lock.owner
    assert (owner.pid, owner.started, owner.purpose, owner.run_id) == (os.getpid(), NOW, "execute plan.md", "r1")
    assert path.read_bytes() == b""


def test_a_child_that_outlives_us_does_not_hold_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = acquire(path, "execute", NOW)
    argv = [sys.executable, "-c", "import sys; print(1, flush=True); sys.stdin.read()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False) as child:
        assert child.stdout is not None and child.stdout.readline() == b"1\n"
        lock.release()
        assert not is_held(path)
        child.kill()


def test_looking_does_not_take_the_lock_away(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path):
        assert all(is_held(path) for _ in range(50))
        with pytest.raises(LockHeld):
            acquire(path, "resume", NOW)


def test_constant_looking_does_not_keep_others_from_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    acquire(path, "execute", NOW).release()
    code = (
        "import sys; from pathlib import Path; from superteam.journal.lock import is_held\n"
        "print('go', flush=True)\nwhile True: is_held(Path(sys.argv[1]))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as looker:
        assert looker.stdout is not None and looker.stdout.readline() == b"go\n"
        try:
            for _ in range(50):
                acquire(path, "execute", NOW).release()
        finally:
            looker.kill()


def test_a_missing_lock_file_is_held_by_nobody(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "lock")
    assert read_owner(tmp_path / "lock") is None
    assert not (tmp_path / "lock").exists()


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b'{"pid": 1}', b"[" * 100_000])
def test_an_unreadable_owner_is_nobody_and_the_lock_still_holds(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lock"
    with acquire(path, "execute", NOW):
        path.write_bytes(content)
        assert read_owner(path) is None
        with pytest.raises(LockHeld, match="another superteam holds"):
            acquire(path, "resume", NOW)


def test_the_lock_file_and_its_folder_are_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    with acquire(path, "execute", NOW):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_lock_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "file" / "lock", tmp_path / "link"):
        with pytest.raises(WorkspaceError, match=re.escape(str(path))):
            acquire(path, "execute", NOW)
    assert not (tmp_path / "elsewhere").exists()


def test_a_lock_file_that_was_replaced_is_not_mistaken_for_the_lock(tmp_path: Path) -> None:
    from superteam.journal.lock import _is_still

    path = tmp_path / "lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    assert _is_still(path, fd)
    path.unlink()
    assert not _is_still(path, fd)
    path.write_text("")
    assert not _is_still(path, fd)
    os.close(fd)
