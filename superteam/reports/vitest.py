"""Reads what our reporter in vitest writes, and vitest's own JSON, which is jest's shape with fewer words."""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from superteam.core.results import TestReport
from superteam.reports.jest import read_shape

FORMAT = "vitest"


def recognises(head: bytes) -> bool:
    """By the mark of our reporter, or by jest's counters without the one that only jest has."""
    if head.lstrip()[:1] != b"{":
        return False
    own = b'"numTotalTestSuites"' in head and b'"numFailedTests"' in head and b'"numRuntimeErrorTestSuites"' not in head
    return own or head.lstrip().startswith(b'{"superteam":"vitest"')


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One document; tests are "file > outer > inner", or "file [project] > ..." where projects have names."""
    return read_shape(stream, root, FORMAT)
