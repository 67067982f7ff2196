"""The tests of one report while it is read: numbered, capped, and made into a TestReport at the end."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import PurePath
from typing import Any

from superteam.core.characters import halves_escaped
from superteam.core.results import Completeness, Granularity, Outcome, TestId, TestReport, TestResult
from superteam.core.signature import signature

ID_CAP = 2000
TEXT_CAP = 4096


@dataclass(slots=True)
class Cases:
    """Tests in the order in which they are added; the second of the same id gets " #2" behind it."""

    tests: dict[TestId, TestResult] = field(default_factory=dict)
    suite_errors: list[str] = field(default_factory=list)
    _last: dict[TestId, int] = field(default_factory=dict)  # the numbers that ids which came again have got to

    def add(
        self, id: TestId, outcome: Outcome, message: str = "", seconds: float | None = None, retried: bool = False
    ) -> TestId:
        """Adds one test and returns the key that it got."""
        key = free_key(capped_id(halves_escaped(id)), self.tests, self._last)
        if message or outcome.bad:
            message = cut(message)
            mark = (signature(message) or "failed") if outcome.bad else ""
            self.tests[key] = TestResult(outcome, message, mark, seconds, retried)
        else:
            self.tests[key] = _quiet(outcome, seconds, retried)
        return key

    def worsen(self, key: TestId, outcome: Outcome, message: str) -> None:
        """A later word about a test that was added: an error in its teardown outweighs that it passed."""
        message = cut(message)
        self.tests[key] = replace(
            self.tests[key], outcome=outcome, message=message, signature=signature(message) or "failed"
        )

    def error(self, text: str) -> None:
        """Something went wrong that belongs to no test: the first line says where and what."""
        self.suite_errors.append(cut(text))

    def report(self, format: str, completeness: Completeness, **more: Any) -> TestReport:
        """The finished report of granularity `tests`; `more` are the other fields of a TestReport."""
        errors = tuple(dict.fromkeys(self.suite_errors))
        return TestReport(format, Granularity.TESTS, completeness, self.tests, errors, **more)


def free_key(id: TestId, taken: Container[TestId], last: dict[TestId, int]) -> TestId:
    """The id, or with the next number behind it where it is taken.

    A test whose own name ends in a number may have taken that one too. `last` keeps the numbers that ids have got to,
    so that none is tried twice.
    """
    if id not in taken:
        return id
    number = last.get(id, 1) + 1
    while f"{id} #{number}" in taken:
        number += 1
    last[id] = number
    return f"{id} #{number}"


@lru_cache(maxsize=4096)
def _quiet(outcome: Outcome, seconds: float | None, retried: bool) -> TestResult:
    """A result without words: the same one for many tests, since most of a million differ in nothing."""
    return TestResult(outcome, duration_s=seconds, retried=retried)


def merged(reports: Iterable[TestReport]) -> TestReport | None:
    """Several reports of one run and one format as one; it is as whole as the least of them. None for none."""
    found = list(reports)
    if len(found) < 2:
        return found[0] if found else None
    cases = Cases()
    for report in found:
        cases.suite_errors += report.suite_errors
        for id, result in report.tests.items():
            key = cases.add(id, Outcome.NOT_RUN)
            cases.tests[key] = result
    rank = (Completeness.NONE, Completeness.PARTIAL, Completeness.COMPLETE)
    whole = min((report.completeness for report in found), key=rank.index)
    statuses = [report.exit_status for report in found if report.exit_status is not None]
    return replace(
        cases.report(found[0].format, whole, conventions=found[0].conventions, dialect=found[0].dialect),
        exit_status=max(statuses, default=None),
        foreign_modules=tuple(dict.fromkeys(module for report in found for module in report.foreign_modules)),
        damage=next((report.damage for report in found if report.damage), ""),
    )


def capped_id(id: TestId) -> TestId:
    """An id of bounded length; what is cut off is represented by its hash, so that ids stay apart."""
    if len(id) <= ID_CAP:
        return id
    digest = sha256(id.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{id[: ID_CAP - 20]}...{digest}"


def cut(text: str) -> str:
    """Head and tail of a text that is too long, with a mark in between; no halves of surrogate pairs."""
    text = halves_escaped(text)
    if len(text) <= TEXT_CAP:
        return text
    half = TEXT_CAP // 2
    return f"{text[:half]}\n[superteam: {len(text) - 2 * half} characters are left out here]\n{text[-half:]}"


def in_tree(path: str, root: PurePath | None) -> str:
    """A path as ids name it: relative to the tree's root, with slashes; one outside of the tree stays as it is."""
    if root is not None:
        for folder in (str(root), str(root).replace("/", "\\")):
            if path.startswith(folder) and path[len(folder) : len(folder) + 1] in ("/", "\\"):
                path = path[len(folder) + 1 :]
                break
    return path.removeprefix("./") if "/" in path or "\\" not in path else path.replace("\\", "/").removeprefix("./")
