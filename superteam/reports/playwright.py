"""Reads the JSON of playwright's own reporter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, BinaryIO

from superteam.core.results import Completeness, Conventions, Outcome, TestReport
from superteam.reports.cases import Cases, in_tree
from superteam.reports.jest import named, plain, seconds
from superteam.reports.json_document import DEPTH, Damaged, members

FORMAT = "playwright"
_STATUSES = ("expected", "unexpected", "flaky", "skipped")


@dataclass(slots=True)
class _Document:
    """What is read so far, and in words what is wrong with it."""

    root: PurePath | None
    folder: str = ""
    cases: Cases = field(default_factory=Cases)
    stats: Mapping[str, Any] | None = None
    found: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_STATUSES, 0))
    damage: list[str] = field(default_factory=list)
    known: bool = False
    errors: bool = False

    def take(self, name: str, value: object) -> None:
        if name == "config" and isinstance(value, Mapping):
            self.folder = str(value.get("rootDir") or "")
        elif name == "suites":
            self.known = True
            self._suite(value, None)
        elif name == "errors":
            self.errors = isinstance(value, list)
            for error in _list(value):
                self._error(error)
        elif name == "stats" and isinstance(value, Mapping):
            self.known, self.stats = True, value

    def _error(self, error: object) -> None:
        message = error.get("message") if isinstance(error, Mapping) else None
        message = message or (error.get("value") if isinstance(error, Mapping) else None)
        self.cases.error(plain(message, self.root) if isinstance(message, str) else "an error without words")

    def _suite(self, suite: object, titles: list[str] | None) -> None:
        """A file (no titles yet), or a describe block in it."""
        title = suite.get("title") if isinstance(suite, Mapping) else None
        if not isinstance(suite, Mapping) or not isinstance(title, str):
            self.damage.append("an entry is no suite")
            return
        path = [] if titles is None else [*titles, title] if title else titles
        for spec in _list(suite.get("specs")):
            self._spec(spec, path)
        for inner in _list(suite.get("suites")) if len(path) < DEPTH else []:
            self._suite(inner, path)

    def _spec(self, spec: object, titles: list[str]) -> None:
        title, file = (spec.get("title"), spec.get("file")) if isinstance(spec, Mapping) else (None, None)
        if not isinstance(spec, Mapping) or not isinstance(title, str) or not isinstance(file, str):
            self.damage.append("an entry is no test")
            return
        path = file if file.startswith("/") or not self.folder else f"{self.folder}/{file}"
        place = in_tree(str(PurePath(path)), self.root)
        for test in _list(spec.get("tests")):
            if isinstance(test, Mapping):
                self._test(place, [*titles, title], test)
            else:
                self.damage.append(f"{place} has an entry that is no test")

    def _test(self, place: str, titles: list[str], test: Mapping[str, Any]) -> None:
        project, status = test.get("projectName"), test.get("status")
        place = f"{place} [{project}]" if isinstance(project, str) and project else place
        tries = [found for found in _list(test.get("results")) if isinstance(found, Mapping)]
        last = tries[-1] if tries else {}
        outcome = _outcome(status, test.get("expectedStatus"), last)
        message = "" if outcome in (Outcome.SKIPPED, Outcome.NOT_RUN) else _message(tries, outcome)
        retried = outcome is Outcome.PASSED and (status == "flaky" or len(tries) > 1)
        key = self.cases.add(
            named(place, titles), outcome or Outcome.NOT_RUN, plain(message, self.root), seconds(last), retried
        )
        if isinstance(status, str) and status in self.found:
            self.found[status] += 1
        if outcome is None:
            self.damage.append(f"{key} was not finished")

    def report(self) -> TestReport:
        self._check()
        partial = Completeness.PARTIAL if self.known else Completeness.NONE
        return self.cases.report(
            FORMAT,
            partial if self.damage else Completeness.COMPLETE,
            conventions=Conventions(errors="folded", retries="told"),
            damage=self.damage[0][:300] if self.damage else "",
        )

    def _check(self) -> None:
        if self.stats is None or not self.errors:
            self.damage.append("the report has no end")
            return
        for status, found in self.found.items():
            said = self.stats.get(status)
            if said != found or isinstance(said, bool):
                self.damage.append(f"it says that {said} tests are {status} and names {found}")
        results = self.cases.tests.values()
        waiting = sum(result.outcome is Outcome.NOT_RUN for result in results)
        if waiting and not self.cases.suite_errors and not any(result.outcome.bad for result in results):
            self.damage.append(f"{waiting} tests were not run, and nothing says why")


def recognises(head: bytes) -> bool:
    """By the members of its configuration, which comes first."""
    return head.lstrip()[:1] == b"{" and b'"config"' in head and b'"rootDir"' in head and b'"forbidOnly"' in head


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One document; tests are "file [project] > outer > inner", without the project where it has no name."""
    document = _Document(root)
    try:
        for name, value in members(stream, ("suites",)):
            document.take(name, value)
    except Damaged as problem:
        document.damage.insert(0, f"the document is not whole: {problem}")
    return document.report()


def _outcome(status: object, expected: object, last: Mapping[str, Any]) -> Outcome | None:
    """None for a test that did not come to its end; one that others held back is simply not run."""
    ended = last.get("status")
    match status:
        case "skipped":
            return Outcome.SKIPPED if expected == "skipped" else Outcome.NOT_RUN
        case "expected" if expected in ("failed", "timedOut") and ended == expected:
            return Outcome.XFAILED
        case "expected" | "flaky" if ended == "passed":
            return Outcome.PASSED
        case "unexpected" if ended == "timedOut":
            return Outcome.TIMED_OUT
        case "unexpected" if ended in ("passed", "failed"):
            return Outcome.FAILED
    return None


def _message(tries: list[Mapping[str, Any]], outcome: Outcome | None) -> str:
    """What the last try that failed said, without its excerpt of the source."""
    for found in reversed(tries):
        errors = [error for error in _list(found.get("errors")) if isinstance(error, Mapping)]
        texts = [str(error.get("stack") or error.get("message") or error.get("value") or "") for error in errors]
        if any(texts):
            return "\n".join(texts)
    return "it passed, and was expected to fail" if outcome is Outcome.FAILED else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
