"""Orphaned descendants as children of ours (Linux): nothing that a program starts can leave our family."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@cache
def become_subreaper() -> bool:
    """Makes orphaned descendants our children instead of init's (Linux); whether that worked."""
    return _set_subreaper(True)


@contextmanager
def orphans_go_elsewhere() -> Iterator[None]:
    """Whatever loses its parent meanwhile does not come to us: for a helper that is to outlive us."""
    if _set_subreaper(False):
        become_subreaper.cache_clear()
    yield
    become_subreaper()


def _set_subreaper(adopt: bool) -> bool:
    if sys.platform != "linux":
        return False
    import ctypes

    pr_set_child_subreaper = 36
    try:
        return bool(ctypes.CDLL(None).prctl(pr_set_child_subreaper, int(adopt), 0, 0, 0) == 0)
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
