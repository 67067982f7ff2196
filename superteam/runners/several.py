"""Commands that call several test frameworks, or one of them several times: each reports by the environment alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from superteam.core.results import Completeness, Granularity, TestReport
from superteam.reports.cases import merged
from superteam.runners.call import Call, Runner, Told, Untold
from superteam.runners.recognise import names_of

FORMAT = "several"
# Started twice, these write two reports, named by process; others would overwrite the first.
_MANY = frozenset(["pytest", "unittest", "jest", "mocha", "playwright"])
Calls = Sequence[tuple[Runner, Call]]


def tell(calls: Calls, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[str] | None) -> Told | Untold:
    """Returns how all of these calls report in one run; Untold where one would not, or would overwrite another."""
    modules = list(dict.fromkeys(module for module, _ in calls))
    if len(modules) == 1 and modules[0].NAME == "pytest":
        return _by_environment(calls, env, folder, tree, only)
    given, parts = dict(env), []
    for module in modules:
        place = folder / module.NAME
        place.mkdir(mode=0o700)
        own_calls = [pair for pair in calls if pair[0] is module]
        part = _by_environment(own_calls, given, place, tree, None)
        if isinstance(part, Untold):
            return part
        if any(name in given and given[name] not in value for name, value in part.env.items()):
            return Untold(f"the command starts several test frameworks that cannot report at once: {names_of(calls)}")
        given.update(part.env)
        parts.append((module.NAME, part))
    why = "the whole command was run, since it starts several test frameworks"
    return Told(FORMAT, env=given, parts=tuple(parts), selects="everything", why="" if only is None else why)


def _by_environment(
    calls: Calls, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[str] | None
) -> Told | Untold:
    module = calls[0][0]
    if len(calls) > 1 and module.NAME not in _MANY:
        return Untold(f"the command starts {module.NAME} {len(calls)} times, and each would overwrite the last report")
    for _, call in calls:
        part = module.tell(replace(call, alone=False), env, folder, tree, only)
        if isinstance(part, Untold):
            return part
        if part.arguments or part.instead or part.folder is None or not part.reports:
            return Untold(f"{module.NAME} cannot be told to report by the environment alone, beside other frameworks")
    return part


def combine(reports: Sequence[tuple[str, TestReport]], may_stop: bool) -> TestReport:
    """Merges the reports of all frameworks; the id of a test begins with its framework's name.

    The result is none if a report is missing: what that framework saw is unknown. `may_stop` accepts a command that
    stops at the first framework that fails (`pytest && jest`), once a baseline knows what all of them run.
    """
    missing = [name for name, report in reports if report.completeness is Completeness.NONE]
    stopped = may_stop and any(report.failed() or report.suite_errors for _, report in reports)
    if missing and not stopped:
        damage = f"{', '.join(missing)} left no report, though the command starts it"
        return TestReport(FORMAT, Granularity.TESTS, Completeness.NONE, damage=damage)
    reports = [(name, report) for name, report in reports if name not in missing]
    renamed = [
        replace(report, tests={f"{name}: {id}": result for id, result in report.tests.items()}, exit_status=None)
        for name, report in reports
    ]
    whole = merged(renamed)
    assert whole is not None
    loaded = [report.loaded for _, report in reports if report.loaded is not None]
    everything = frozenset(file for files in loaded for file in files) if loaded else None
    return replace(whole, format=FORMAT, loaded=everything)


def lost_calls(calls: Calls) -> list[str]:
    """Returns the frameworks whose exit code may not reach that of the command."""
    return list(dict.fromkeys(module.NAME for module, call in calls if call.lost))
