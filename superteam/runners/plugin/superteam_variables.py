"""What tells two sessions of one folder apart: the variables that they were started with (a matrix over databases).

Standard library only, Python 3.8 or newer; used by the plugins for pytest and unittest.
"""

import hashlib
import os
import re

# They change from run to run, or with the place in a script, and say nothing about what is tested.
VOLATILE = frozenset("_ SHLVL PWD OLDPWD COLUMNS LINES MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES SECONDS RANDOM".split())
# A time, a process, a hash, a temporary folder: what looks like one may be another one in the next run.
_NEW_EACH_TIME = re.compile(r"[0-9]{5}|[0-9a-fA-F]{12}|/tmp[.a-zA-Z0-9_]{8}")


def lasting_variables():
    """Returns the variables of the environment that mean the same in every run; values only as hashes."""
    temporary = os.environ.get("TMPDIR") or "\0"
    return {
        name: hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        for name, value in os.environ.items()
        if name not in VOLATILE
        and not name.startswith("SUPERTEAM_")
        and temporary not in value
        and not _NEW_EACH_TIME.search(value)
    }
