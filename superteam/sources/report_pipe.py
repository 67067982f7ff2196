"""A named pipe for the JUnit reports of any number of programs, each of which would overwrite the last one's file."""

from __future__ import annotations

import os
import select
from dataclasses import replace
from pathlib import Path

from superteam.core.results import Completeness, TestReport
from superteam.reports.cases import merged
from superteam.reports.formats import nothing
from superteam.reports.junit import read_junit

_PIECE = 64 * 1024
_LIMIT = 2**30  # bytes that are kept
_START = b"<?xml "
_MIXED = "several sessions of pytest have tests of the same name, which cannot be told apart"


class ReportPipe:
    """A pipe that is open from the start, so that no program waits for a reader; `copy` reads it in a thread."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "junit.xml"
        self._copy = folder / "reports.txt"
        os.mkfifo(self.path, 0o600)
        self._pipe = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._stopped, self._stop = os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()

    def copy(self) -> None:
        """Copies what comes until `stop`, and then what is still in the pipe."""
        kept = 0
        with self._copy.open("wb") as file:
            while True:
                ready, _, _ = select.select([self._pipe, self._stopped], [], [])
                piece = self._read() if self._pipe in ready else b""
                if kept < _LIMIT:
                    file.write(piece)
                kept += len(piece)
                if not piece and self._stopped in ready:
                    return

    def stop(self) -> None:
        """Ends `copy`; to be called when no program writes any more."""
        os.write(self._stop, b".")

    def close(self) -> None:
        """Closes the pipe."""
        for fd in (self._pipe, self._stopped, self._stop):
            os.close(fd)

    def report(self) -> TestReport:
        """Returns all reports that came, merged."""
        reports = [read_junit(path) for path in self._documents()]
        if any(report.completeness is Completeness.NONE for report in reports):
            return nothing("junit", "a report of pytest cannot be read")
        whole = merged(reports) or nothing("junit")
        if _share_ids(reports):
            return replace(whole, completeness=Completeness.PARTIAL, damage=_MIXED)
        return whole

    def _documents(self) -> list[Path]:
        """Writes each report to a file of its own."""
        paths = []
        for number, body in enumerate(self._copy.read_bytes().split(_START)[1:]):
            path = self._copy.with_name(f"report-{number}.xml")
            path.write_bytes(_START + body)
            paths.append(path)
        return paths

    def _read(self) -> bytes:
        try:
            return os.read(self._pipe, _PIECE)
        except BlockingIOError:
            return b""


def _share_ids(reports: list[TestReport]) -> bool:
    seen: set[str] = set()
    for report in reports:
        if seen & report.tests.keys():
            return True
        seen |= report.tests.keys()
    return False
