"""Orphaned descendants as children of ours (Linux): nothing that a program starts can leave our family."""

from __future__ import annotations

import os
import sys
from functools import cache


@cache
def become_subreaper() -> bool:
    """Makes orphaned descendants our children instead of init's (Linux); whether that worked."""
    if sys.platform != "linux":
        return False
    import ctypes

    pr_set_child_subreaper = 36
    try:
        return bool(ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def childless() -> bool:
    """Whether we have no child at all, so that a subreaper has no descendant; looks only, reaps nothing."""
    if sys.platform != "linux":
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False
