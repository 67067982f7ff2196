"""Reads what our hook in unittest's main wrote: the same lines as those of our pytest plugin."""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from superteam.core.results import Conventions, TestReport
from superteam.reports.plugin_lines import begins_with, read_stream

FORMAT = "unittest"


def recognises(head: bytes) -> bool:
    """Whether a file begins as our hook does."""
    return begins_with(head, b'"unittest": ')


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One run of unittest's main; a test's own errors are told from its failed assertions."""
    return read_stream(stream, FORMAT, Conventions(errors="apart"))
