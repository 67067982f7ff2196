"""A reviewer's verdict (contract, section 8): from the result file, else from the last block that it printed."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from superteam import process
from superteam.agents import fields
from superteam.core.review import SEVERITIES, Review, ReviewFinding, Severity
from superteam.ports import Brief

TAIL = 2**20  # bytes at the end of an output in which the block is looked for
FINDINGS = 200  # of one verdict; more are counted and left in the file
_TEXT_LIMIT = 4_096
_OPENS = re.compile(r"[ \t]{0,3}(`{3,200}|~{3,200})[ \t]{0,4}superteam-json[ \t]{0,9}")


def _text(value: Any) -> Any:
    return "" if value is None else value


def _line(value: Any) -> Any:
    """A line number, also as "42" or "42-50"; whatever else is written is no line."""
    if isinstance(value, str):
        found = re.match(r"[ \tL]{0,4}([0-9]{1,9})", value)
        value = int(found[1]) if found else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9 else None


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


class _Finding(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    severity: Annotated[Severity, BeforeValidator(_lower)]
    issue: str
    file: Annotated[str, BeforeValidator(_text)] = ""
    line: Annotated[int | None, BeforeValidator(_line)] = None
    suggestion: Annotated[str, BeforeValidator(_text)] = ""


class _Verdict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    passed: bool
    findings: Annotated[tuple[_Finding, ...], BeforeValidator(lambda value: value or ())] = Field(default=())
    summary: Annotated[str, BeforeValidator(_text)] = ""


def read_review(brief: Brief, said: str | None = None) -> tuple[Review | None, str]:
    """The verdict, or None and why there is none. Both places are the reviewer's and may hold anything.

    `said` is the reviewer's last message where it is known, so that the block is not looked for in the output.
    """
    try:
        raw = process.read_regular(brief.result_file, TAIL)
        if b'"passed"' in raw:
            return _parsed(raw.decode(errors="replace"), str(brief.result_file), brief)
    except FileNotFoundError:
        pass
    except OSError as problem:
        return None, f"the result file {brief.result_file} cannot be read: {problem.strerror or problem}"
    try:
        block = last_block(_tail(brief.output) if said is None else said[-TAIL:])
    except OSError as problem:
        return None, f"the output {brief.output} cannot be read: {problem.strerror or problem}"
    if block is None:
        return (
            None,
            "the reviewer gave no verdict: neither a result file nor a superteam-json block at its output's end",
        )
    return _parsed(block, f"the superteam-json block in {brief.output}", brief)


def last_block(text: str) -> str | None:
    """The content of the last fenced superteam-json block; one that is not closed ends with the text."""
    lines = text.splitlines()
    for place in range(len(lines) - 1, -1, -1):
        opened = _OPENS.fullmatch(lines[place])
        if opened:
            return "\n".join(_until_closed(lines[place + 1 :], opened[1]))
    return None


def _until_closed(lines: list[str], mark: str) -> list[str]:
    for place, line in enumerate(lines):
        found = line.strip()
        if len(found) >= len(mark) and not found.strip(mark[0]):
            return lines[:place]
    return lines


def _tail(path: Path) -> str:
    """The end of an output, in bounded memory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is not a regular file")
        file.seek(max(0, found.st_size - TAIL))
        return file.read(TAIL).decode(errors="replace")


def _parsed(text: str, where: str, brief: Brief) -> tuple[Review | None, str]:
    try:
        said = _Verdict.model_validate(json.loads(fields.without_halves(text.encode(errors="replace"))))
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return None, f"the reviewer's verdict ({where}) cannot be read: {place + ': ' if place else ''}{first['msg']}"
    except (ValueError, RecursionError) as problem:
        return None, f"the reviewer's verdict ({where}) is not valid JSON: {problem}"
    gravest = sorted(said.findings, key=lambda found: SEVERITIES.index(found.severity))  # a critical one is never cut
    findings = tuple(_finding(found) for found in (gravest if len(gravest) > FINDINGS else said.findings)[:FINDINGS])
    more = len(said.findings) - len(findings)
    summary = said.summary + (f"\n[superteam: {more} more findings are in {where}]" if more else "")
    return Review(passed=said.passed, findings=findings, summary=_short(summary, where)), ""


def _finding(found: _Finding) -> ReviewFinding:
    return ReviewFinding(
        severity=found.severity,
        issue=_short(found.issue, "the reviewer's output"),
        file=found.file[:1_000],
        line=found.line,
        suggestion=_short(found.suggestion, "the reviewer's output"),
    )


def _short(text: str, where: str) -> str:
    return text if len(text) <= _TEXT_LIMIT else f"{text[:_TEXT_LIMIT]}\n[superteam: cut here; the whole is in {where}]"
