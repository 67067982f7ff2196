"""Starts programs, drains what they say, and ends what they leave behind; everything but git starts here.

A program gets a session of its own and a mark in its environment. When it has ended, what descends from it is
ended too: children by their parent, orphans by session or mark (on Linux they come to us: we are a child
subreaper). What a program prints is data: bytes, never trusted, redacted before it is kept.
"""

from superteam.process.endings import end_marked, end_processes, kill_all
from superteam.process.family import marked_processes
from superteam.process.files import create_private, read_regular
from superteam.process.marks import MARK
from superteam.process.program import run, shell
from superteam.process.record import Completed
from superteam.process.secrets import Redactor, secrets_redactor

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
]
