"""Reports and expected sets, written once and named by their content: columns, since there may be 100,000 tests."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from superteam.core.baseline import Expectation, Expected
from superteam.core.results import Completeness, Granularity, Outcome, Shape, TestReport, TestResult
from superteam.errors import JournalError


class Store:
    """A folder of documents that are named by the hash of their content; nothing in it ever changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save_report(self, report: TestReport) -> str:
        """Keeps a report and returns its name."""
        tests = report.tests
        return self._write(
            {
                "schema": "superteam.outcomes.v1",
                "format": report.format,
                "granularity": report.granularity,
                "completeness": report.completeness,
                "suite_errors": report.suite_errors,
                "ids": list(tests),
                "outcomes": [result.outcome for result in tests.values()],
                "messages": {key: result.message for key, result in tests.items() if result.message},
                "signatures": {key: result.signature for key, result in tests.items() if result.signature},
                "retried": [key for key, result in tests.items() if result.retried],
                "loaded": None if report.loaded is None else sorted(report.loaded),
            }
        )

    def load_report(self, name: str) -> TestReport:
        """The report of this name; JournalError if it is gone or damaged."""
        found = self._read(name)
        messages, signatures = found["messages"], found["signatures"]
        retried = frozenset(found.get("retried", ()))
        tests = {
            key: TestResult(Outcome(outcome), messages.get(key, ""), signatures.get(key, ""), retried=key in retried)
            for key, outcome in zip(found["ids"], found["outcomes"], strict=True)
        }
        grain, whole = Granularity(found["granularity"]), Completeness(found["completeness"])
        loaded = found.get("loaded")
        return TestReport(
            found["format"],
            grain,
            whole,
            tests,
            tuple(found["suite_errors"]),
            loaded=None if loaded is None else frozenset(loaded),
        )

    def save_expected(self, expected: Expected) -> str:
        """Keeps an expected set and returns its name."""
        tests = expected.tests
        places = sorted({entry.passed_at for entry in tests.values() if entry.passed_at})
        index = {sha: i for i, sha in enumerate(places)}
        return self._write(
            {
                "schema": "superteam.expected.v1",
                "sha": expected.sha,
                "granularity": expected.shape.granularity,
                "runner": expected.shape.runner,
                "ids": list(tests),
                "outcomes": [entry.outcome for entry in tests.values()],
                "commits": places,
                "passed_at": [index[entry.passed_at] if entry.passed_at else None for entry in tests.values()],
                "signatures": {key: entry.signature for key, entry in tests.items() if entry.signature},
                "retried": [key for key, entry in tests.items() if entry.retried],
                "rewritten": expected.rewritten,
            }
        )

    def load_expected(self, name: str) -> Expected:
        """The expected set of this name; JournalError if it is gone or damaged."""
        found = self._read(name)
        rows = zip(found["ids"], found["outcomes"], found["passed_at"], strict=True)
        retried = frozenset(found.get("retried", ()))
        tests = {key: _entry(found, key, outcome, place, key in retried) for key, outcome, place in rows}
        shape = Shape(Granularity(found["granularity"]), found.get("runner", ""))
        return Expected(found["sha"], shape, tests, tuple(found.get("rewritten", ())))

    def _write(self, document: Mapping[str, Any]) -> str:
        data = json.dumps(document, separators=(",", ":")).encode()
        name = hashlib.sha256(data).hexdigest()
        if not self.holds(name):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_once(self.folder / f"{name}.json", data)
        return name

    def holds(self, name: str) -> bool:
        """Whether a whole document of this name is there."""
        try:
            return hashlib.sha256((self.folder / f"{name}.json").read_bytes()).hexdigest() == name
        except OSError:
            return False

    def _read(self, name: str) -> dict[str, Any]:
        path = self.folder / f"{name}.json"
        try:
            data = path.read_bytes()
        except OSError as problem:
            raise JournalError(f"{path} cannot be read: {problem.strerror}") from None
        if hashlib.sha256(data).hexdigest() != name:
            raise JournalError(f"{path} is damaged: its content does not match its name")
        found: dict[str, Any] = json.loads(data)
        return found


def _entry(found: Mapping[str, Any], key: str, outcome: str, place: int | None, retried: bool) -> Expectation:
    passed_at = None if place is None else found["commits"][place]
    return Expectation(Outcome(outcome), passed_at, found["signatures"].get(key, ""), retried)


def _write_once(path: Path, data: bytes) -> None:
    """Whole or not at all: a name that exists is complete, also after a crash."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
