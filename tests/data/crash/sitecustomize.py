"""Kills the process it is loaded into at the n-th of its points: an effect on files, a program begun, a record synced.

Only the command under test is killed (`python -m superteam`); SUPERTEAM_CRASH_AT is n, SUPERTEAM_CRASH_LOG a file that
gets the name of the point, or the number of all points when n is 0.
"""

import atexit
import os
import signal
import sys

POINTS = {
    "os.rename",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "subprocess.Popen",
    "shutil.copyfile",
    "shutil.rmtree",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _begin(at: int, log: str) -> None:
    count = 0
    plain_write, plain_sync = os.write, os.fdatasync

    def note(text: str) -> None:
        fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        plain_write(fd, f"{text}\n".encode())
        os.close(fd)

    def point(name: str) -> bool:
        nonlocal count
        count += 1
        return count == at and bool(name)

    def die(name: str) -> None:
        note(name)
        os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            flags = arguments[2] if len(arguments) > 2 and isinstance(arguments[2], int) else 0
            path = str(arguments[0])
            if not flags & WRITING or path == log or path.startswith("/dev") or "__pycache__" in path:
                return
        elif event not in POINTS:
            return
        if point(event):
            die(f"{event} {arguments[0]!r}"[:200])

    def torn_write(fd: int, data: bytes) -> int:
        if point("write"):
            plain_write(fd, bytes(data)[: len(data) // 2])
            die("half a write")
        return plain_write(fd, data)

    def sync(fd: int) -> None:
        if point("before sync"):
            die("before fdatasync")
        plain_sync(fd)
        if point("after sync"):
            die("after fdatasync")

    os.write, os.fdatasync = torn_write, sync
    sys.addaudithook(hook)
    if at == 0:
        atexit.register(lambda: note(str(count)))


if "superteam" in sys.orig_argv and os.environ.get("SUPERTEAM_CRASH_LOG"):
    _begin(int(os.environ["SUPERTEAM_CRASH_AT"]), os.environ["SUPERTEAM_CRASH_LOG"])
