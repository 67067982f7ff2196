"""Reads the JSON of jest (--json), and documents of its shape: vitest's own, and that of our reporter in vitest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, BinaryIO

from superteam.core.results import Completeness, Conventions, Outcome, TestId, TestReport
from superteam.reports.cases import Cases, in_tree
from superteam.reports.json_document import Damaged, members

FORMAT = "jest"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
_TOP = (
    "finished",
    "numFailedTests",
    "numRuntimeErrorTestSuites",
    "numTotalTests",
    "reason",
    "success",
    "superteam",
    "unhandledErrors",
    "wasInterrupted",
)
_OUTCOMES = {
    "passed": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "pending": Outcome.SKIPPED,
    "skipped": Outcome.SKIPPED,
    "disabled": Outcome.SKIPPED,
    "todo": Outcome.SKIPPED,
}
_FILES = frozenset(("passed", "failed", "focused", "skipped", "pending", "todo", "disabled"))
_NOT_LOADED = "● Test suite failed to run"


@dataclass(slots=True)
class Document:
    """What is read so far, and in words what is wrong with it."""

    format: str
    root: PurePath | None
    cases: Cases = field(default_factory=Cases)
    top: dict[str, Any] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    files: int = 0
    failed: int = 0
    not_loaded: int = 0

    def file(self, file: object) -> None:
        """One test file with its tests."""
        self.files += 1
        name, tests = (file.get("name"), file.get("assertionResults")) if isinstance(file, Mapping) else (None, None)
        if not isinstance(file, Mapping) or not isinstance(name, str) or not isinstance(tests, list):
            self.damage.append("an entry is no test file")
            return
        place = in_tree(name, self.root)
        project = file.get("project")
        place = f"{place} [{project}]" if isinstance(project, str) and project else place
        before = self.failed
        for test in tests:
            self._test(place, test)
        if "suiteErrors" in file:
            self._stated_errors(place, file["suiteErrors"])
        else:
            self._guessed_error(place, file, self.failed > before)

    def _test(self, place: str, test: object) -> None:
        above, title = (test.get("ancestorTitles"), test.get("title")) if isinstance(test, Mapping) else (None, None)
        titles = texts(above)
        if not isinstance(test, Mapping) or not isinstance(title, str) or titles != above:
            self.damage.append(f"{place} has an entry that is no test")
            return
        status, messages = test.get("status"), texts(test.get("failureMessages"))
        outcome = _OUTCOMES.get(status) if isinstance(status, str) else None
        if self.format == "vitest" and status == "pending":
            outcome = None  # vitest's word for a test that it never came to
        retried = outcome is Outcome.PASSED and (
            bool(messages) or number(test.get("retries")) > 0 or number(test.get("invocations")) > 1
        )
        if outcome is Outcome.PASSED and (test.get("fails") is True or test.get("failing") is True):
            outcome, retried = Outcome.XFAILED, False
        message = plain("\n".join(messages), self.root)
        key = self.cases.add(
            named(place, (*titles, title)), outcome or Outcome.NOT_RUN, message, seconds(test), retried
        )
        self.failed += outcome is Outcome.FAILED
        if outcome is None:
            self.damage.append(f"{key} was not finished")

    def _stated_errors(self, place: str, errors: object) -> None:
        for error in errors if isinstance(errors, list) else [None]:
            if not isinstance(error, Mapping) or not isinstance(error.get("message"), str):
                self.damage.append(f"{place} does not say what went wrong in it")
                continue
            where = named(place, texts(error.get("titles")))
            self.cases.error(f"{where}: {plain(error['message'], self.root)}")

    def _guessed_error(self, place: str, file: Mapping[str, Any], explained: bool) -> None:
        """A file that failed without a failed test could not be loaded, or a hook around all of its tests failed."""
        status, message = file.get("status"), file.get("message")
        if status not in _FILES:
            self.damage.append(f"{place} has the unknown status {status!r}")
        message = plain(message, self.root) if isinstance(message, str) else ""
        _, not_loaded, rest = message.partition(_NOT_LOADED)
        self.not_loaded += bool(not_loaded)
        if not_loaded or (status == "failed" and not explained):
            message = rest or message
            lines = (line.strip() for line in message.splitlines())
            reason = next(
                (line for line in lines if line and not line.startswith("●")), "it failed outside of its tests"
            )
            self.cases.error(f"{place}: {reason}\n{message.strip()}")

    def report(self) -> TestReport:
        """The finished report; what it says of itself has to fit to what was found in it."""
        self._check()
        for error in texts(self.top.get("unhandledErrors")):
            self.cases.error(f"unhandled error: {plain(error, self.root)}")
        known = bool(self.cases.tests or self.files or self.top)
        whole = Completeness.PARTIAL if known else Completeness.NONE
        return self.cases.report(
            self.format,
            whole if self.damage else Completeness.COMPLETE,
            conventions=Conventions(errors="folded", retries="told"),
            exit_status=self._status(),
            damage=self.damage[0][:300] if self.damage else "",
        )

    def _check(self) -> None:
        total, failed = self.top.get("numTotalTests"), self.top.get("numFailedTests")
        found = len(self.cases.tests)
        if "superteam" in self.top:
            if self.top.get("finished") is not True or not isinstance(self.top.get("unhandledErrors"), list):
                self.damage.append("the report has no end")
            failed = self.failed
        if "numTotalTests" not in self.top and "superteam" not in self.top:
            self.damage.append("it does not say how many tests there are")
        elif total != found or isinstance(total, bool):
            self.damage.append(f"it says that there are {total} tests and names {found}")
        if failed != self.failed or isinstance(failed, bool):
            self.damage.append(f"it says that {failed} tests failed and names {self.failed}")
        if self.top.get("wasInterrupted") is True or self.top.get("reason") == "interrupted":
            self.damage.append("the run was interrupted")
        unnamed = number(self.top.get("numRuntimeErrorTestSuites")) - self.not_loaded
        if unnamed > 0:
            self.cases.error(f"{unnamed:.0f} test files could not be run, and the report does not say which")

    def _status(self) -> int | None:
        reason, success = self.top.get("reason"), self.top.get("success")
        if reason in ("passed", "failed"):
            return int(reason == "failed")
        return int(not success) if isinstance(success, bool) else None


def recognises(head: bytes) -> bool:
    """By the counter that only jest has."""
    return head.lstrip()[:1] == b"{" and b'"numRuntimeErrorTestSuites"' in head and b'"numFailedTests"' in head


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One document; tests are "file > outer > inner"."""
    return read_shape(stream, root, FORMAT)


def read_shape(stream: BinaryIO, root: PurePath | None, format: str) -> TestReport:
    """A document of jest's shape as a report of this format."""
    document = Document(format, root)
    try:
        for name, value in members(stream, ("testResults",)):
            if name == "testResults":
                document.file(value)
            elif name in _TOP:
                document.top[name] = value
    except Damaged as problem:
        document.damage.insert(0, f"the document is not whole: {problem}")
    return document.report()


def named(place: str, titles: Iterable[str]) -> TestId:
    """The file and the titles of the test and of what it stands in."""
    return " > ".join((place, *titles))


def plain(text: str, root: PurePath | None) -> str:
    """A message without colours and without the tree's own path, so that it is the same in every tree."""
    text = _ESCAPES.sub("", text)
    return text.replace(f"file://{root}/", "").replace(f"{root}/", "") if root is not None else text


def texts(value: object) -> list[str]:
    """The strings of a list that may be anything."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def number(value: object) -> float:
    """A number, or 0."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def seconds(test: Mapping[str, Any]) -> float | None:
    """The duration, which reports give in milliseconds."""
    found = test.get("duration")
    return found / 1000 if isinstance(found, int | float) and not isinstance(found, bool) else None
