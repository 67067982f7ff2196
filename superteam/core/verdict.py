"""The verdict on one execution of a suite: only what agrees with itself proves anything (verdicts, section 1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Literal

from superteam.core.results import (
    Completeness,
    Exit,
    Granularity,
    Outcome,
    RunVerdict,
    Shape,
    TestId,
    TestReport,
    TestResult,
)

_FINENESS = {Granularity.COMMAND: 0, Granularity.TEXT: 1, Granularity.TESTS: 2}
_SIGNALS = {
    1: "SIGHUP",
    2: "SIGINT",
    3: "SIGQUIT",
    4: "SIGILL",
    6: "SIGABRT",
    7: "SIGBUS",
    8: "SIGFPE",
    9: "SIGKILL",
    11: "SIGSEGV",
    13: "SIGPIPE",
    15: "SIGTERM",
    24: "SIGXCPU",
    25: "SIGXFSZ",
}
_PYTEST_STATUS = {
    2: "it was interrupted or could not collect its tests",
    3: "it had an internal error",
    4: "it was called in a wrong way",
    5: "it found no tests",
}
_SHOWN = 3
HOW_TO_REPORT = (
    'for a verdict on each test say where its report is: report = "FORMAT:PATTERN" (for example "junit:*.xml")'
)


def judge(
    report: TestReport,
    exit: Exit,
    *,
    requested: frozenset[TestId] | None = None,
    expected: Shape | None = None,
    baseline: bool = False,
) -> RunVerdict:
    """Pass or fail if exit code, report and outcomes agree, else inconclusive with the reason in words.

    `baseline` says that later runs are to be compared with this one, which therefore has to be able to show a failure.

    With `requested`, a probe of exactly these tests, a report by a runner that says how it ended is judged by the
    outcomes alone: outer exit codes then come from coverage thresholds, make and the like.
    """
    confidence: Literal["high", "low"] = "high" if report.granularity is Granularity.TESTS else "low"
    probe = requested is not None and _speaks_for_itself(report)
    reason = (
        _ended_badly(exit)
        or (None if probe else _never_started(exit))
        or _unusable(report, exit)
        or _too_coarse(report, expected)
        or _own_status(report)
        or _not_as_requested(report, requested)
        or _nothing_ran(report)
        or (None if probe else _disagrees(report, exit))
        or (_shows_nothing(report, exit) if baseline else None)
    )
    if reason:
        return RunVerdict("inconclusive", reason, confidence)
    return RunVerdict("fail" if report.failed() else "pass", None, confidence)


def narrow(report: TestReport, verdict: RunVerdict, only: frozenset[TestId], why: str) -> tuple[TestReport, RunVerdict]:
    """The part of a whole run that speaks of `only`; `why` says why not only these were run."""
    kept = replace(report, tests={key: result for key, result in report.tests.items() if key in only})
    if not verdict.sound:
        return kept, verdict
    problem = _not_as_requested(kept, only) or _nothing_ran(kept)
    if problem:
        return kept, RunVerdict("inconclusive", f"{problem} ({why})", verdict.confidence)
    return kept, RunVerdict("fail" if kept.failed() else "pass", why, verdict.confidence)


def command_report(command: str, exit: Exit, message: str, signature: str) -> TestReport:
    """The report of a command that is itself the one test; anything but a plain ending is left to `judge`."""
    outcome = Outcome.PASSED if exit.code == 0 else Outcome.FAILED
    bad = outcome is Outcome.FAILED
    result = TestResult(outcome, message if bad else "", signature if bad else "", exit.duration_s)
    return TestReport("command", Granularity.COMMAND, Completeness.COMPLETE, {command: result})


def _speaks_for_itself(report: TestReport) -> bool:
    whole = report.completeness is Completeness.COMPLETE and report.granularity is Granularity.TESTS
    return whole and report.exit_status in (0, 1)


def _ended_badly(exit: Exit) -> str | None:
    """Why the program's end proves nothing: it was never started, or did not end by itself."""
    if exit.ended_by == "not-started" or exit.code is None:
        return f"the command could not be started{_colon(exit.detail)}"
    if exit.ended_by == "wall":
        return f"timed out after {exit.duration_s:.0f} s; raise [validation] timeout if the suite needs longer"
    if exit.ended_by == "idle":
        return f"ended because it was idle: it said nothing for too long, after {exit.duration_s:.0f} s in all"
    if exit.ended_by == "cancelled":
        return f"cancelled after {exit.duration_s:.0f} s"
    if exit.code < 0:
        return _killed(-exit.code)
    if 128 < exit.code <= 128 + 64:  # how a shell reports it
        return _killed(exit.code - 128)
    return None


def _killed(number: int) -> str:
    cause = "; it may have run out of memory" if number == 9 else ""
    return f"killed by signal {number}{_bracket(_SIGNALS.get(number, ''))}{cause}"


def _never_started(exit: Exit) -> str | None:
    if exit.code == 127:
        return "exit code 127, command not found: install the program it names, or correct the command"
    if exit.code == 126:
        return "exit code 126, not executable: make the program executable (chmod +x), or correct the command"
    return None


def _unusable(report: TestReport, exit: Exit) -> str | None:
    if report.completeness is Completeness.NONE:
        own = '; if it is written to a file, say where: report = "FORMAT:PATTERN" in superteam.toml'
        cure = f"; if it starts pytest in a cleared environment, let PYTHONPATH and PYTEST_ADDOPTS through{own}"
        hint = cure if report.format == "pytest" else own
        why = f" ({report.damage})" if report.damage else ""
        return f"no report: the test runner left none behind{why} and ended with exit code {exit.code}{hint}"
    if report.foreign_modules:
        modules = f"module {_listed(report.foreign_modules)}"
        cure = 'set [workspace] setup (for example "uv sync" or "pip install -e .") so that its own code is tested'
        return f"tests the code of another tree: {modules}; {cure}"
    if report.suite_errors:
        return f"could not be run as a whole, errors outside of tests: {_listed(_heads(report.suite_errors))}"
    if report.completeness is Completeness.PARTIAL:
        return _cut_short(report)
    if exit.truncated:
        return f"the output is truncated, so that nobody can see the whole of it{_colon(exit.detail)}"
    return None


def _cut_short(report: TestReport) -> str:
    waiting = [key for key, result in report.tests.items() if result.outcome is Outcome.NOT_RUN]
    if waiting:
        return f"the report is cut short: {len(waiting)} tests were found but never finished, from {waiting[0]} on"
    return f"the report is cut short: {report.damage or 'the test runner ended before it had said everything'}"


def _too_coarse(report: TestReport, expected: Shape | None) -> str | None:
    """Why the report cannot be compared with the baseline: less is known, or another framework reports."""
    if expected is None:
        return None
    if _FINENESS[report.granularity] < _FINENESS[expected.granularity]:
        why = f" ({report.note})" if report.note else ""
        return (
            f"less is known than at the baseline: it had outcomes of granularity {expected.granularity}, "
            f"this run {report.granularity}{why}"
        )
    if expected.runner and report.format != expected.runner:
        return f"another test framework than at the baseline: it was {expected.runner}, now it is {report.format}"
    return None


def _not_as_requested(report: TestReport, requested: frozenset[TestId] | None) -> str | None:
    if requested is None:
        return None
    executed = {key for key, result in report.tests.items() if result.outcome is not Outcome.NOT_RUN}
    missing, extra = sorted(requested - executed), sorted(executed - requested)
    problems = [f"{_listed(ids)} {words}" for ids, words in ((missing, "did not run"), (extra, "ran unasked")) if ids]
    return f"what ran is not what was asked for: {'; '.join(problems)}" if problems else None


def _nothing_ran(report: TestReport) -> str | None:
    if any(result.outcome.ran for result in report.tests.values()):
        return None
    skipped = sum(result.outcome is Outcome.SKIPPED for result in report.tests.values())
    return f"no test ran: {skipped} skipped" if skipped else "no test ran: none was found"


def _own_status(report: TestReport) -> str | None:
    """Why the runner's own exit status, where the report carries it, does not fit."""
    status = report.exit_status
    if status is None:
        return None
    if status not in (0, 1):
        words = _PYTEST_STATUS.get(status, "") if report.format == "pytest" else ""
        return f"the test runner itself ended with status {status}{_colon(words)}"
    if status == 0 and report.failed():
        return f"the test runner says that all is well, and yet {_failures(report)}"
    return None


def _disagrees(report: TestReport, exit: Exit) -> str | None:
    failed = report.failed()
    if exit.code == 0 and failed:
        return f"exit code 0, and yet {_failures(report)}"
    if exit.code != 0 and not failed:
        return f"exit code {exit.code} without a failed test"
    return None


def _shows_nothing(report: TestReport, exit: Exit) -> str | None:
    """Returns why a red run is no baseline: what fails behind it could not be seen."""
    failed = report.failed()
    if failed and report.granularity is Granularity.COMMAND:
        return (
            f"only the exit code is seen, and it is {exit.code}: a command that is red already cannot show "
            f"a further failure; {HOW_TO_REPORT}, or fix the command first"
        )
    if failed and all(result.outcome.bad or not result.outcome.ran for result in report.tests.values()):
        return (
            f"nothing passes in a clean tree ({_failures(report)}), so that no failure could be seen; files that git "
            "ignores, such as .env, are not in a clean tree: make them by [workspace] setup in superteam.toml"
        )
    if failed and report.granularity is Granularity.TEXT:
        return (
            f"only printed lines are seen, and {_failures(report)}: the exit code is red already, so that a failure "
            "without such a line could not be seen; "
            f"{HOW_TO_REPORT}, or fix the suite first"
        )
    return None


def _failures(report: TestReport) -> str:
    failed = report.failed()
    return f"{len(failed)} failed: {_listed(failed)}"


def _heads(texts: Iterable[str]) -> list[str]:
    """The first line of each text, without repeats."""
    return list(dict.fromkeys(text.partition("\n")[0] for text in texts))


def _listed(items: Collection[str]) -> str:
    shown = list(items)[:_SHOWN]
    more = f" and {len(items) - len(shown)} more" if len(items) > len(shown) else ""
    return ", ".join(shown) + more


def _colon(text: str) -> str:
    return f": {text}" if text else ""


def _bracket(text: str) -> str:
    return f" ({text})" if text else ""
