"""Starts programs, drains what they say, and ends what they leave behind; everything but git starts here.

A program gets a session of its own and two marks that are inherited (see `marks`). When it has ended, by itself or by
us, what descends from it is ended too: children by their parent, orphans by session or mark; on Linux they come to us,
since we are a child subreaper, and whoever forks while it is being ended is found by its dead. What a program prints
is data: bytes, never trusted, redacted before it is kept.

What lives on all the same: what others start on request (a daemon of containers, systemd, cron, a terminal multiplexer
that ran before); programs of other users (sudo); and where there is no number (macOS, a sandbox that refuses limits),
an orphan with a session of its own and a cleared environment: on macOS always, unless it was seen below its parent
right before a kill; elsewhere as long as other programs run.
"""

from superteam.process.endings import end_marked, end_processes, kill_all
from superteam.process.family import marked_processes
from superteam.process.files import create_private, read_regular
from superteam.process.marks import MARK
from superteam.process.program import run, shell
from superteam.process.record import Completed
from superteam.process.secrets import Redactor, secrets_redactor
from superteam.process.watchdog import watched

__all__ = [
    "MARK",
    "Completed",
    "Redactor",
    "create_private",
    "end_marked",
    "end_processes",
    "kill_all",
    "marked_processes",
    "read_regular",
    "run",
    "secrets_redactor",
    "shell",
    "watched",
]
