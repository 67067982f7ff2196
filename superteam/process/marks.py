"""How a process is known to belong to a program or a run, whoever its parent is: two marks that are inherited.

One is a variable, which a cleared environment loses. The other (Linux) is a number that outlives `env -i`, setsid and
a second fork: the soft limit of file locks, which the kernel keeps for each process and has not heeded since 2.4.25.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from zlib import crc32

MARK = "SUPERTEAM_PROCESS_ID"
RUN = "SUPERTEAM_RUN_ID"
_FILE_LOCKS = 10  # RLIMIT_LOCKS, `ulimit -x`; the module `resource` has no name for it


def new_number(mark: str, env: Mapping[str, str]) -> int:
    """A program's number, of 60 bits: the upper half says which run it belongs to."""
    return run_part(f"{RUN}={env[RUN]}" if RUN in env else mark) << 32 | int(mark[:8], 16)


def run_part(mark: str) -> int:
    """What stands for this mark ("NAME=value") in the numbers of its programs; never small, as real limits are."""
    return crc32(mark.encode(errors="surrogateescape")) >> 4 | 1 << 27


@contextmanager
def numbered(number: int) -> Iterator[int | None]:
    """Whatever is started meanwhile gets the number; None where that cannot be."""
    if sys.platform != "linux":
        yield None
        return
    import resource

    before = resource.getrlimit(_FILE_LOCKS)
    try:
        resource.setrlimit(_FILE_LOCKS, (number, before[1]))
    except (OSError, ValueError):  # a sandbox, or somebody set a lower limit
        yield None
        return
    try:
        yield number
    finally:
        resource.setrlimit(_FILE_LOCKS, before)


def number_of(pid: int) -> int | None:
    """The number of a process, a dead one included until it is reaped; None where there is none."""
    if sys.platform == "linux":
        import resource

        with suppress(OSError):  # it is gone, or another user's
            number = resource.prlimit(pid, _FILE_LOCKS)[0]
            return number if number > 0xFFFFFFFF else None
    return None
