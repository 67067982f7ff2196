"""Reads what mocha's reporter "json" writes: {stats, tests, pending, failures, passes}."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, BinaryIO

from superteam.core.results import Completeness, Conventions, Outcome, TestReport
from superteam.reports.cases import Cases, cut, in_tree
from superteam.reports.json_document import Damaged, members

FORMAT = "mocha"
_HEAD = re.compile(rb'\s{0,64}\{\s{0,64}"stats"\s{0,64}:\s{0,64}\{\s{0,64}"suites"\s{0,64}:')
_LISTS = ("tests", "pending", "failures", "passes")


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is kept of one test: its id, whether and how it failed, whether it ran at all."""

    id: str
    message: str
    failed: bool
    seconds: float | None
    passed: bool
    tries: int
    timed_out: bool


@dataclass(slots=True)
class _Document:
    """The lists in the order in which mocha writes them."""

    root: PurePath | None
    stats: dict[str, Any] | None = None
    found: Counter[str] = field(default_factory=Counter)
    tests: list[_Entry] = field(default_factory=list)
    pending: Counter[str] = field(default_factory=Counter)
    passes: Counter[str] = field(default_factory=Counter)
    failures: list[_Entry] = field(default_factory=list)

    def take(self, path: str, value: Any) -> None:
        if path == "stats" and isinstance(value, dict):
            self.stats = value
        if path not in _LISTS or not isinstance(value, dict):
            return
        self.found[path] += 1
        entry = _entry(value, self.root)
        if path == "tests":
            self.tests.append(entry)
        elif path == "failures":
            self.failures.append(entry)
        else:
            (self.pending if path == "pending" else self.passes)[entry.id] += 1

    def damage(self) -> str:
        """What the counts that mocha states say against the lists."""
        if self.stats is None:
            return "it has no statistics"
        for name in _LISTS:
            if self.stats.get(name) != self.found[name]:
                return f"it speaks of {self.stats.get(name)} {name} and lists {self.found[name]}"
        return ""


def recognises(head: bytes) -> bool:
    """By the member that comes first."""
    return _HEAD.match(head) is not None


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """Reads one report; a failure that is in no test (a hook's) is a suite error."""
    document = _Document(root)
    damage = ""
    try:
        for path, value in members(stream, _LISTS):
            document.take(path, value)
    except Damaged as problem:
        damage = str(problem) or "it ends in the middle"
    if document.stats is None and not document.tests:
        return Cases().report(FORMAT, Completeness.NONE, damage=damage or "it is no report of mocha")
    cases = _cases(document)
    damage = damage or document.damage()
    whole = Completeness.PARTIAL if damage else Completeness.COMPLETE
    return cases.report(FORMAT, whole, conventions=Conventions(errors="folded", retries="told"), damage=damage)


def _cases(document: _Document) -> Cases:
    cases = Cases()
    failed = Counter(entry.id for entry in document.failures)
    for entry in document.tests:
        outcome = _outcome(entry, document, failed)
        retried = outcome is Outcome.PASSED and entry.tries > 0
        cases.add(entry.id, outcome, entry.message, entry.seconds, retried)
    for entry in document.failures:
        if failed[entry.id] > 0:  # no test took it: a hook, or a second failure of the same test
            failed[entry.id] -= 1
            cases.error(f"{entry.id}\n{entry.message}")
    return cases


def _outcome(entry: _Entry, document: _Document, failed: Counter[str]) -> Outcome:
    """By its error first: of two tests of one name only that tells which of them failed."""
    if entry.failed:
        failed[entry.id] -= 1
        return Outcome.TIMED_OUT if entry.timed_out else Outcome.FAILED
    if document.pending[entry.id] > 0 and not entry.passed:
        document.pending[entry.id] -= 1
        return Outcome.SKIPPED
    if document.passes[entry.id] > 0 and entry.seconds is not None:
        document.passes[entry.id] -= 1
        return Outcome.PASSED
    if failed[entry.id] > 0:
        failed[entry.id] -= 1
        return Outcome.FAILED
    return Outcome.NOT_RUN  # a dry run, or a list that is cut off


def _entry(value: dict[str, Any], root: PurePath | None) -> _Entry:
    file, title = value.get("file"), str(value.get("fullTitle", value.get("title", "")))
    given = value.get("err")
    error = given if isinstance(given, dict) else {}
    seconds = value.get("duration")
    tries = value.get("currentRetry")
    return _Entry(
        f"{in_tree(file, root)} > {title}" if isinstance(file, str) and file else title or "(unnamed)",
        cut(str(error.get("stack") or error.get("message") or (error or ""))),
        bool(error),
        seconds / 1000 if isinstance(seconds, int | float) else None,
        "speed" in value,
        tries if isinstance(tries, int) else 0,
        error.get("code") == "ERR_MOCHA_TIMEOUT",
    )
