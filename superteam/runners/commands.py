"""Finds the calls of programs in a user's command: through wrappers, scripts of the repository and the shell."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from superteam.runners.call import Call

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def find_calls(command: str, tree: Path) -> tuple[Call, ...]:
    """The simple commands that the command comes to, in their order; () where it cannot be read."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ()
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    return (Call(tuple(words)),) if words else ()
