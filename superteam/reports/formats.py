"""All report formats: which reader reads what, how a format is recognised, and how files are read."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path, PurePath
from typing import BinaryIO, Protocol, cast

from superteam.core.results import Completeness, Granularity, TestReport
from superteam.errors import SourceError
from superteam.reports.cases import merged

# In the order in which they are asked whether a file is theirs: what is recognised most surely comes first.
READERS = {
    "pytest": "plugin_lines",
    "unittest": "unittest_lines",
    "reportlog": "reportlog",
    "go": "go_json",
    "libtest-json": "libtest_json",
    "jest": "jest",
    "vitest": "vitest",
    "playwright": "playwright",
    "mocha": "mocha",
    "rspec": "rspec",
    "ctrf": "ctrf",
    "smoke": "smoke",
    "trx": "trx",
    "nunit": "nunit",
    "xunit": "xunit",
    "junit": "junit",
    "tap": "tap",
    "libtest": "libtest",
}
_HEAD = 64 * 1024  # bytes by which a format is recognised
_FILES = 10_000  # that one pattern may name


class Reader(Protocol):
    """The module of one format."""

    FORMAT: str

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins like this is of the format; never raises."""

    def read(self, stream: BinaryIO, root: PurePath | None = None) -> TestReport:
        """Reads one report; paths below `root` are named relative to it. Damage is a value: partial, or none."""


def reader(format: str) -> Reader:
    """The reader of this format; SourceError names those that there are."""
    if format not in READERS:
        raise SourceError(f"there is no report format {format!r}", f"one of: {', '.join(READERS)}")
    return cast(Reader, import_module(f"superteam.reports.{READERS[format]}"))


def recognise(path: Path) -> str | None:
    """The format of a file by how it begins, or None."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    return next((name for name in READERS if reader(name).recognises(head)), None)


def read_file(path: Path, format: str, root: PurePath | None = None) -> TestReport:
    """One file in this format; a missing one is a report of completeness none."""
    try:
        with path.open("rb") as stream:
            return reader(format).read(stream, root)
    except OSError:
        return nothing(format)


def read_files(folder: Path, pattern: str, format: str, root: PurePath | None = None) -> TestReport:
    """All files below a folder that a glob names, as one report in the order of their names; none without a file.

    None either where one of them lies elsewhere, through a link: nobody knows of which run it is.
    """
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    if len(found) > _FILES:
        return nothing(format, f"{pattern} names {len(found)} files, more than {_FILES}")
    top = folder.resolve()
    if not all(path.resolve().is_relative_to(top) for path in found):
        return nothing(format, f"{pattern} leads out of the folder, through a link")
    return merged(read_file(path, format, root) for path in found) or nothing(format)


def nothing(format: str, damage: str = "") -> TestReport:
    """The report that is not there."""
    return TestReport(format, Granularity.TESTS, Completeness.NONE, damage=damage)
