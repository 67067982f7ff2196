"""A command that calls several test frameworks, or one of them several times: each is told by the environment alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from superteam.core.results import Completeness, Granularity, TestReport
from superteam.reports.cases import merged
from superteam.runners.call import Call, Runner, Told, Untold
from superteam.runners.recognise import names_of

FORMAT = "several"
# Started twice, these write a report each: by process, where others would write over the first one.
_MANY = frozenset(["pytest", "unittest", "jest", "mocha", "playwright"])
Calls = Sequence[tuple[Runner, Call]]


def tell(found: Calls, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[str] | None) -> Told | Untold:
    """How all of these calls report in one run; Untold where one of them would not, or would write over another."""
    modules = list(dict.fromkeys(module for module, _ in found))
    if len(modules) == 1 and modules[0].NAME == "pytest":
        return _by_environment(found, env, folder, tree, only)
    given, parts = dict(env), []
    for module in modules:
        place = folder / module.NAME
        place.mkdir(mode=0o700)
        told = _by_environment([pair for pair in found if pair[0] is module], given, place, tree, None)
        if isinstance(told, Untold):
            return told
        if any(name in given and given[name] not in value for name, value in told.env.items()):
            return Untold(f"the command starts several test frameworks that cannot report at once: {names_of(found)}")
        given.update(told.env)
        parts.append((module.NAME, told))
    why = "the whole command was run, since it starts several test frameworks"
    return Told(FORMAT, env=given, parts=tuple(parts), selects="everything", why="" if only is None else why)


def _by_environment(
    calls: Calls, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[str] | None
) -> Told | Untold:
    module = calls[0][0]
    if len(calls) > 1 and module.NAME not in _MANY:
        return Untold(f"the command starts {module.NAME} {len(calls)} times, and each would write over the last report")
    for _, call in calls:
        told = module.tell(replace(call, alone=False), env, folder, tree, only)
        if isinstance(told, Untold):
            return told
        if told.arguments or told.instead or told.folder is None or not told.reports:
            return Untold(f"{module.NAME} cannot be told to report by the environment alone, beside other frameworks")
    return told


def combine(reports: Sequence[tuple[str, TestReport]], may_stop: bool) -> TestReport:
    """The reports of all frameworks as one: the id of a test begins with its framework's name.

    It is none if one of them is missing: what that framework saw, nobody knows. `may_stop` accepts a command that
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


def lost_calls(found: Calls) -> list[str]:
    """The frameworks whose exit code may not reach that of the command, so that a failure could be swallowed."""
    return list(dict.fromkeys(module.NAME for module, call in found if call.lost))
