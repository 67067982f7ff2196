"""What the user configured about reports and reruns: it overrides whatever a framework would do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from superteam.core.results import TestId
from superteam.errors import SourceError
from superteam.reports.formats import READERS
from superteam.runners.call import Told, fits


def configured(
    told: Told, report: str | None, rerun: tuple[str, ...], folder: Path, only: frozenset[TestId] | None
) -> Told:
    """The same with the configured report pattern, and for `only` with the configured command.

    With a configured report the framework is told nothing: ours could take the place of the user's own reporter.
    """
    if report is not None:
        format, pattern = split(report)
        why = "the whole command was run: a configured report needs a configured rerun to run single tests"
        told = Told(format, pattern, selects="everything", why="" if only is None else why)
    if only is None or not rerun:
        return told
    why = _unnameable(rerun, only)
    arguments = None if why else _filled(rerun, sorted(only), folder)
    if arguments is None:
        why = why or "too many tests to name in one command; use {ids_file}"
        return replace(told, selects="everything", why=f"the whole command was run: {why}")
    return replace(told, instead=arguments, selects="exactly", why="")


def _unnameable(rerun: tuple[str, ...], ids: Iterable[TestId]) -> str:
    """Why one of the ids cannot be given to the configured command: it would be read as something else."""
    if "{ids}" in rerun and any(id.startswith("-") for id in ids):
        return "the id of a test looks like an option"
    if any("{ids_file}" in word for word in rerun) and any(re.search(r"[\r\n]", id) for id in ids):
        return "the id of a test holds a line end"
    return ""


def split(report: str) -> tuple[str, str]:
    """ "junit:build/**/*.xml" as format and pattern; SourceError says what is wrong with another text."""
    format, colon, pattern = report.partition(":")
    if not colon or format not in READERS:
        hint = f'report = "FORMAT:PATTERN" with one of: {", ".join(READERS)}'
        raise SourceError(f"report = {report!r} does not name a format", hint)
    parts = pattern.split("/")
    if not pattern or pattern.startswith("/") or ".." in parts:
        raise SourceError(
            f"report = {report!r}: the pattern has to name files below the repository", "junit:build/*.xml"
        )
    return format, pattern


def _filled(rerun: tuple[str, ...], ids: list[TestId], folder: Path) -> tuple[str, ...] | None:
    """The command with its placeholders filled; None where it would be too long for the kernel."""
    arguments: list[str] = []
    for word in rerun:
        if word == "{ids}":
            arguments += ids
            continue
        if "{ids_file}" in word:
            word = word.replace("{ids_file}", str(_write(folder / "ids.txt", ids)))
        arguments.append(word.replace("{regex}", f"^({'|'.join(map(re.escape, ids))})$"))
    return tuple(arguments) if fits(arguments) else None


def _write(path: Path, ids: Iterable[TestId]) -> Path:
    path.write_text("".join(f"{id}\n" for id in ids), encoding="utf-8", errors="surrogateescape")
    return path
