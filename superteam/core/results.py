"""Test outcomes, reports and the verdict on one run of a suite (verdicts that cannot lie, section 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

TestId = str
Verdict = Literal["pass", "fail", "inconclusive"]


class Outcome(StrEnum):
    """What happened to one test."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    TIMED_OUT = "timed-out"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    NOT_RUN = "not-run"

    @property
    def bad(self) -> bool:
        """Whether this outcome makes a suite red; a strict xpass is reported as failed by its reader."""
        return self in (Outcome.FAILED, Outcome.ERRORED, Outcome.TIMED_OUT)

    @property
    def ran(self) -> bool:
        """Whether the test's body was executed, so that its outcome says something about the code."""
        return self not in (Outcome.SKIPPED, Outcome.NOT_RUN)


class Completeness(StrEnum):
    """Whether a report is whole; only a complete one can prove anything."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    NONE = "none"


class Granularity(StrEnum):
    """How fine outcomes are: per test from a report, per test from printed lines, or the command as one test."""

    TESTS = "tests"
    TEXT = "text"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Shape:
    """How outcomes are known: fixed by the baseline's run, so that later runs are comparable with it.

    `runner` is the report's format; "" where that is not known.
    """

    granularity: Granularity
    runner: str = ""


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test's outcome. `signature` is the normalised failure (see `signature.normalise`), empty if it passed.

    `retried` says that the runner tried more than once and kept the last try: a pass that is not one of the code.
    """

    outcome: Outcome
    message: str = ""
    signature: str = ""
    duration_s: float | None = None
    retried: bool = False

    __test__ = False


@dataclass(frozen=True, slots=True)
class Conventions:
    """What a report's outcomes mean where formats and their writers differ; stated by the reader, never guessed.

    `errors`: "apart" where an error outside of the test's own assertions is told from a failure, "folded" where it
    is counted among the failures. `retries`: "told" where a test says how often it was tried, "rows" where each try
    is a row of its own, "hidden" where the report cannot show them.
    """

    errors: Literal["apart", "folded"] = "apart"
    retries: Literal["told", "rows", "hidden"] = "hidden"


@dataclass(frozen=True, slots=True)
class TestReport:
    """The outcomes of one execution, in the order in which they ran.

    `foreign_modules` names modules that were loaded from outside the tree although the tree tracks them: such a
    report speaks of another tree's code. `suite_errors` are failures that belong to no test (collection errors).
    `exit_status` is the runner's own exit status where the report carries it. `dialect` names the writer of a format
    that many write. `damage` says in words why a partial report is not whole, `note` why a report is not finer.
    `loaded` names the tree's files that the run loaded as modules; None where the runner cannot tell. `rewritten` are
    tracked files that the run changed.
    """

    format: str
    granularity: Granularity
    completeness: Completeness
    tests: Mapping[TestId, TestResult] = field(default_factory=dict)
    suite_errors: tuple[str, ...] = ()
    foreign_modules: tuple[str, ...] = ()
    exit_status: int | None = None
    conventions: Conventions = Conventions()
    dialect: str = ""
    damage: str = ""
    note: str = ""
    loaded: frozenset[str] | None = None
    rewritten: tuple[str, ...] = ()

    __test__ = False

    @property
    def shape(self) -> Shape:
        """What a later report is compared with."""
        return Shape(self.granularity, self.format)

    def failed(self) -> tuple[TestId, ...]:
        """Ids of the tests that make the suite red, in report order."""
        return tuple(key for key, result in self.tests.items() if result.outcome.bad)

    def counts(self) -> dict[str, int]:
        """Number of tests by outcome, all of the contract's `counts` present; timed-out counts as errored."""
        names = ("passed", "failed", "errored", "skipped", "xfailed", "xpassed", "not_run")
        found = dict.fromkeys(names, 0)
        for result in self.tests.values():
            name = "errored" if result.outcome is Outcome.TIMED_OUT else result.outcome.value.replace("-", "_")
            found[name] += 1
        return found


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program ended: its exit code (negative: killed by that signal; None: never started) and why.

    `truncated`: what it printed was not kept as a whole; `too_long`: for no other reason than that it printed so much.
    """

    code: int | None
    ended_by: Literal["exit", "wall", "idle", "stopped", "cancelled", "not-started"] = "exit"
    truncated: bool = False
    duration_s: float = 0.0
    detail: str = ""
    too_long: bool = False

    @property
    def timed_out(self) -> bool:
        """Whether we ended it because it ran too long or was silent too long."""
        return self.ended_by in ("wall", "idle")


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """The verdict on one execution; `reason` is in words and always present when inconclusive."""

    verdict: Verdict
    reason: str | None = None
    confidence: Literal["high", "low"] = "high"

    @property
    def sound(self) -> bool:
        """Whether the execution proves anything: pass or fail."""
        return self.verdict != "inconclusive"


UNREADABLE = (
    "artifact_path_missing",
    "artifact_not_found",
    "artifact_read_error",
    "artifact_invalid_json",
    "artifact_invalid_shape",
)
"""Why a smoke artifact cannot be read (shared/plans-and-smoke.md, section 3); a report's damage begins with it."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a suite at a known tree, with everything needed to judge and repeat it.

    `output` is the path of the complete output; `head` and `tail` are its first and last lines for people.
    """

    report: TestReport
    exit: Exit
    verdict: RunVerdict
    command: str
    reproduce_command: str
    output: str
    head: str = ""
    tail: str = ""

    @property
    def unreadable(self) -> bool:
        """Whether a smoke command ended by itself and left no artifact that can be read."""
        ended = self.exit.ended_by == "exit" and self.exit.code is not None and 0 <= self.exit.code < 126
        missing = self.report.completeness is Completeness.NONE and self.report.format == "smoke"
        return ended and missing and self.report.damage.startswith(UNREADABLE)
