"""`superteam read`: what superteam sees in a test report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from superteam.cli.console import say
from superteam.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from superteam.core.results import TestReport

_SHOWN = 50  # failures and errors that people are shown


def read(
    files: Annotated[list[Path], typer.Argument(help="The report's files; several are one report.", metavar="FILE...")],
    format: Annotated[str | None, typer.Option(help="The format; default: by how it begins.", metavar="F")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Say what superteam sees in a test report."""
    name, report = _read(files, format)
    if json:
        _emit(name, report)
    else:
        say(report_text(name, report))
    return ExitCode.INCONCLUSIVE if report is None or report.completeness == "none" else ExitCode.OK


def _read(files: list[Path], format: str | None) -> tuple[str | None, TestReport | None]:
    """The format and all files as one report; nothing where one of them is of no format that we know."""
    from superteam.errors import ConfigError
    from superteam.reports.cases import merged
    from superteam.reports.formats import READERS, read_file, reader

    for file in files:
        if not file.is_file():
            raise ConfigError(f"there is no file {file}", "superteam read FILE...")
    if format is not None and format not in READERS:
        raise ConfigError(f"there is no report format {format!r}", f"one of: {', '.join(READERS)}")
    if format is None:
        format = _one_format(files)
    if format is None:
        return None, None
    return reader(format).FORMAT, merged(read_file(file, format) for file in files)


def _one_format(files: list[Path]) -> str | None:
    from superteam.errors import ConfigError
    from superteam.reports.formats import recognise

    found = {file: recognise(file) for file in files}
    names = sorted({name for name in found.values() if name is not None})
    if len(names) > 1:
        raise ConfigError(f"these files are of several formats: {', '.join(names)}", "read each format by itself")
    return names[0] if names and None not in found.values() else None


def report_text(format: str | None, report: TestReport | None) -> str:
    """The report for people: what it is, how much of it is there, what failed and why in one line each."""
    from superteam.reports.formats import READERS

    if report is None or report.completeness == "none":
        why = f": {report.damage}" if report is not None and report.damage else ""
        if format is not None:
            return f"no test report of format {format}{why}"
        return f"no test report of a format that is known; if it is one: --format with {', '.join(READERS)}"
    counts = ", ".join(f"{number} {name}" for name, number in report.counts().items() if number)
    dialect = f" by {report.dialect}" if report.dialect else ""
    lines = [f"{report.format}{dialect}: {report.completeness}{_why(report)}", f"tests: {counts or 'none'}"]
    lines += _section(
        "failures", [f"{_line(id)}  {_line(report.tests[id].message)}".rstrip() for id in report.failed()]
    )
    lines += _section("errors outside of tests", list(map(_line, report.suite_errors)))
    return "\n".join(lines)


def _why(report: TestReport) -> str:
    return f" ({_line(report.damage)})" if report.damage else ""


def _section(title: str, lines: list[str]) -> list[str]:
    rest = len(lines) - _SHOWN
    more = [f"  and {rest} more; all of them: superteam read --json"] if rest > 0 else []
    return [f"{title}:", *(f"  {line}" for line in lines[:_SHOWN]), *more] if lines else []


def _line(text: str) -> str:
    """The first line of a text, or as much of it as a person reads."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= 300 else f"{line[:300]}..."


def _emit(format: str | None, report: TestReport | None) -> None:
    """One document, written test by test, so that a report of a million tests is in memory once."""
    import sys
    from json import dumps

    from superteam.reports.formats import nothing

    head: dict[str, Any] = {"schema": "superteam.report.v1", "format": format, "completeness": "none"}
    head["counts"] = (report or nothing("")).counts()
    head["suite_errors"] = list(report.suite_errors) if report else []
    if report:
        told = {"errors": report.conventions.errors, "retries": report.conventions.retries}
        head |= {"completeness": report.completeness.value, "dialect": report.dialect, "conventions": told}
        head["damage"] = report.damage or None
    sys.stdout.write(f'{dumps(head, indent=2)[:-2]},\n  "tests": [')
    comma = ""
    for test in _tests(report):
        sys.stdout.write(f"{comma}\n    {dumps(test, allow_nan=False)}")
        comma = ","
    sys.stdout.write("\n  ]\n}\n" if comma else "]\n}\n")
    sys.stdout.flush()


def _tests(report: TestReport | None) -> Iterator[dict[str, Any]]:
    from math import isfinite

    for id, result in report.tests.items() if report else ():
        seconds = result.duration_s
        if seconds is not None and not isfinite(seconds):
            seconds = None
        yield {"id": id, "outcome": result.outcome.value, "duration_s": seconds, "message": result.message}
