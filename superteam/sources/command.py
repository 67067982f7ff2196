"""The source that runs the user's test command and believes its report rather than its words."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from superteam.core.results import (
    Completeness,
    Execution,
    Exit,
    Granularity,
    RunVerdict,
    Shape,
    TestId,
    TestReport,
)
from superteam.core.signature import signature
from superteam.core.verdict import HOW_TO_REPORT, command_report, judge, narrow
from superteam.ports import Tree
from superteam.process import Completed, run, secrets_redactor, shell
from superteam.reports.formats import nothing, read_file, read_files
from superteam.reports.junit import read_junit
from superteam.reports.plugin_lines import read_sessions
from superteam.runners import pytest, several
from superteam.runners.call import Call, Runner, Told, Untold, family
from superteam.runners.configured import configured
from superteam.runners.recognise import find_frameworks, names_of
from superteam.runners.several import Calls
from superteam.sources.printed import read_printed
from superteam.sources.report_pipe import ReportPipe
from superteam.sources.surroundings import drop_compiled, private_folders

_Result = TypeVar("_Result")
_PLUGIN_LOST = re.compile(rb"No module named .?superteam_pytest_plugin")
_SEEN = {  # of runs without a report
    Granularity.COMMAND: f"only the exit code is seen; {HOW_TO_REPORT}",
    Granularity.TEXT: f"only printed lines and the exit code are seen; {HOW_TO_REPORT}",
    Granularity.TESTS: "",
}
_WHY = {  # a run of some tests was a run of more
    "exactly": "others ran with them",
    "more": "others ran with them, since single tests cannot be told apart for this framework",
    "everything": "the whole command was run, since its tests cannot be picked out one by one",
}


@dataclass(frozen=True, slots=True)
class CommandSource:
    """Runs one command in a tree. `outputs` is a folder outside of any tree for complete outputs and reports.

    `expected` is what the baseline fixed: nothing finer is looked for, and less is inconclusive.
    """

    command: str
    timeout: float
    outputs: Path
    expected: Shape | None = None
    on_output: Callable[[bytes], None] | None = None
    report: str | None = None
    rerun: tuple[str, ...] = ()

    async def collect(self, tree: Tree, only: frozenset[TestId] | None = None) -> Execution:
        """Runs the command, `only` these tests where they can be selected, and judges what came of it."""
        from anyio import to_thread

        calls = await to_thread.run_sync(self._recognise, tree.path)
        attempt = await self._run_best(tree, calls, only)
        report, verdict = self._judge(attempt, calls, only)
        done = attempt.done
        return Execution(
            report=report,
            exit=done.exit,
            verdict=verdict,
            command=self.command,
            reproduce_command=self._reproduce(calls, report, only),
            output=str(done.output),
            head=done.stdout_head or done.stderr_head,
            tail=last_lines(done),
        )

    def _recognise(self, tree: Path) -> Calls:
        """The frameworks behind the command; nothing is looked for where the baseline knew less than single tests."""
        if self.expected is not None and self.expected.granularity is not Granularity.TESTS:
            return ()
        return find_frameworks(self.command, tree)

    async def _run_best(self, tree: Tree, calls: Calls, only: frozenset[TestId] | None) -> _Attempt:
        """Runs the command until something can be believed: with our reporter, with pytest's own, without anything.

        A run that had something of ours in it and left no report may be red because of that alone.
        """
        if self._knows_only_junit(calls):
            return await self._with_junit(tree)
        attempt = await self._with_reporter(tree, calls, only)
        lost = await _in_thread(_lost_our_plugin, attempt)
        if self.expected is not None:
            return _with_a_session_missing(attempt) if lost else attempt
        if not _could_run(attempt.done.exit):
            return await self._without_report(attempt, bool(attempt.told.format))
        if self.report is not None or (attempt.report.completeness is not Completeness.NONE and not lost):
            return attempt
        return await self._run_otherwise(tree, attempt, lost)

    async def _run_otherwise(self, tree: Tree, attempt: _Attempt, lost: bool) -> _Attempt:
        """Runs the command again for a baseline, since the first run left no report, or lost our plugin."""
        is_pytest = lost or attempt.told.format == "pytest"
        is_pytest = is_pytest or (not attempt.told.format and pytest.names_pytest(self.command))
        known = is_pytest or attempt.told.format != ""
        if is_pytest:
            second = await self._with_junit(tree)
            if second.report.completeness is not Completeness.NONE:
                return second
            attempt = replace(attempt, report=nothing("pytest", _why_no_pytest(second.done)))
        if not known and attempt.done.exit.code == 0:
            return await self._without_report(attempt, known)
        scratch = scratch_folder(self.outputs)
        done = await self._run(shell(self.command), tree, suite_environment(tree.env), scratch, _BARE)
        if known and attempt.done.exit.code == 0:
            return replace(attempt, done=done)  # green with our reporter and yet no report: it ended early
        return await self._without_report(replace(attempt, done=done), known)

    def _knows_only_junit(self, calls: Calls) -> bool:
        """Returns whether the baseline came from pytest's own JUnit report: this run is asked for it at once."""
        told_otherwise = self.report is not None or (bool(calls) and not _is_pytest(calls))
        return self.expected == Shape(Granularity.TESTS, "junit") and not told_otherwise

    async def _with_reporter(self, tree: Tree, calls: Calls, only: frozenset[TestId] | None) -> _Attempt:
        """Runs the command with a reporter: our plugin, or the framework's own."""
        import shutil

        scratch = scratch_folder(self.outputs)
        env = suite_environment(tree.env)
        told = self._tell(calls, env, _folder(scratch / "report"), tree.path, only)
        variables = {**env, **told.env, **_checkout(tree, told)}
        done = await self._run(self._arguments(calls, told), tree, variables, scratch, told)
        report = await _in_thread(_read_report, scratch / "report", tree.path, done, told, self.expected is not None)
        shutil.rmtree(scratch / "report", ignore_errors=True)  # many megabytes, and nobody needs it again
        attempt = _Attempt(report, done, told)
        coarse = self.expected is not None and self.expected.granularity is not Granularity.TESTS
        return await self._without_report(attempt, False) if coarse else attempt

    async def _with_junit(self, tree: Tree) -> _Attempt:
        """Runs the command with pytest's own report, for which nothing of ours has to be imported."""
        import shutil

        from anyio import create_task_group, to_thread

        scratch = scratch_folder(self.outputs)
        env = suite_environment(tree.env)
        told = Told("junit", selects="everything")
        if pytest.is_plain(self.command):
            file = scratch / "junit.xml"
            done = await self._run(shell(pytest.with_junit(self.command, file)), tree, env, scratch, _BARE)
            report = await _in_thread(read_junit, file)
            if report.completeness is Completeness.COMPLETE:
                report = replace(report, exit_status=done.exit.code)
            return _Attempt(_whole_junit(report, done), done, told)
        pipe = ReportPipe(_folder(scratch / "report"))
        try:
            variables = {**env, **pytest.junit_by_environment(env, pipe.path)}
            async with create_task_group() as tasks:
                tasks.start_soon(to_thread.run_sync, pipe.copy)
                try:
                    done = await self._run(shell(self.command), tree, variables, scratch, _BARE)
                finally:
                    pipe.stop()
            report = await _in_thread(pipe.report)
        finally:
            pipe.close()
            shutil.rmtree(scratch / "report", ignore_errors=True)
        return _Attempt(_whole_junit(report, done), done, told)

    async def _without_report(self, attempt: _Attempt, known: bool) -> _Attempt:
        """Adds what a run without any report shows: the lines that name tests, else the exit code.

        Of a framework that is `known` to run, lines count only in a green run, and the exit code alone never.
        """
        done, told = attempt.done, attempt.told
        report = TestReport("", Granularity.TEXT, Completeness.NONE)
        if self.expected is None or self.expected.granularity is Granularity.TEXT:
            may_doubt = self.expected is None and done.exit.code == 0
            report = await _in_thread(partial(read_printed, may_doubt=may_doubt), done.output)
        if known and not (report.tests and done.exit.code == 0):
            return attempt
        if not report.tests:
            tail = last_lines(done)
            report = command_report(self.command, done.exit, tail, signature(_last_words(tail)))
        note = "; ".join(filter(None, (told.why, _SEEN[report.granularity])))
        return replace(attempt, report=replace(report, note=note))

    def _tell(
        self, calls: Calls, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None
    ) -> Told:
        """How this run reports: as configured, else as the framework can. One that is not seen may still be pytest."""
        told: Told | Untold = Untold("no test framework that is known was found in the command")
        if len(calls) == 1:
            told = calls[0][0].tell(calls[0][1], env, folder, tree, only)
        elif calls:
            told = several.tell(calls, env, folder, tree, only)
        if isinstance(told, Untold):
            blind = Told("", selects="everything", why=told.why)
            coarse = self.expected is not None and self.expected.granularity is not Granularity.TESTS
            told = blind if coarse else replace(blind, env=pytest.inject(env, folder, tree, only))
        return configured(told, self.report, self.rerun, folder, only)

    def _arguments(self, calls: Calls, told: Told) -> list[str]:
        if told.instead:
            return list(told.instead)
        if len(calls) != 1 or not told.arguments:
            return shell(self.command)
        return shell(f"{self.command} {shlex.join((*(calls[0][1].after or ()), *told.arguments))}")

    async def _run(
        self, arguments: list[str], tree: Tree, env: Mapping[str, str], scratch: Path, told: Told
    ) -> Completed:
        if told.reports and told.folder is None:
            _delete(tree.path, told.reports)
        await _in_thread(drop_compiled, tree.path)
        with private_folders(tree.path, env, tree.hidden) as own:
            return await run(
                arguments,
                cwd=tree.path,
                env=own,
                output=scratch / "output.txt",
                timeout=self.timeout,
                on_output=self.on_output,
                stdout_file=scratch / "report" / "stdout" if told.format and not told.reports else None,
                redact=secrets_redactor(tree.env),
                unmarked=True,
            )

    def _judge(self, attempt: _Attempt, calls: Calls, only: frozenset[TestId] | None) -> tuple[TestReport, RunVerdict]:
        report, told = attempt.report, attempt.told
        exit = _as_far_as_it_matters(attempt.done.exit, report, told)
        if only is None:
            report = self._with_unseen(report, exit, calls, told)
            return report, judge(report, exit, expected=self.expected, baseline=self.expected is None)
        if report.format == "pytest":
            report = _without_twins(report, only)
            return report, judge(report, exit, requested=only, expected=self.expected)
        report = _only_executed(report, only)
        verdict = judge(report, exit, expected=self.expected)
        if report.tests.keys() == only:
            return report, verdict
        selects = told.selects if report.format == told.format else "everything"
        return narrow(report, verdict, only, told.why or _WHY[selects])

    def _with_unseen(self, report: TestReport, exit: Exit, calls: Calls, told: Told) -> TestReport:
        """Doubts a report beside which other frameworks ran unseen, whose failures the exit code may not show."""
        if told.parts or self.report is not None or report.completeness is Completeness.NONE:
            return report
        unseen = [] if len(calls) == 1 and told.format else [pair for pair in calls if not _reported(pair, report)]
        swallowed = several.lost_calls(unseen)
        if swallowed:
            why = f"a failure of {', '.join(swallowed)} would not change the exit code of the command, nor be reported"
        elif unseen and len(calls) > 1 and exit.code != 0 and self.expected is None:
            why = f"{names_of(unseen)} may have failed too, or not have run, and did not report"
        else:
            return replace(report, note=report.note or told.why) if unseen else report
        return replace(report, completeness=Completeness.PARTIAL, damage=f"{why}; {HOW_TO_REPORT}")

    def _reproduce(self, calls: Calls, report: TestReport, only: frozenset[TestId] | None) -> str:
        wanted = only or frozenset(report.failed())
        if report.format == "pytest":
            return pytest.reproduce_command(self.command, wanted)
        if len(calls) != 1 or not wanted:
            return self.command
        return calls[0][0].reproduce(calls[0][1], tuple(sorted(wanted))) or self.command


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One run of the command: what it reported, how it ended, and how it was made to report."""

    report: TestReport
    done: Completed
    told: Told


_BARE = Told("")
_LOST = "a pytest of the command could not load our plugin, so that its tests were not seen"


async def _in_thread(function: Callable[..., _Result], *arguments: object) -> _Result:
    from anyio import to_thread

    return await to_thread.run_sync(function, *arguments)


def _reported(call: tuple[Runner, Call], report: TestReport) -> bool:
    formats = ("pytest", "junit") if call[0].NAME == "pytest" else (call[0].NAME,)
    return report.granularity is Granularity.TESTS and report.format in formats


def _is_pytest(calls: Calls) -> bool:
    return bool(calls) and all(module.NAME == "pytest" for module, _ in calls)


def _with_a_session_missing(attempt: _Attempt) -> _Attempt:
    """Marks a report as partial beside which a pytest ran that our plugin did not see."""
    if attempt.report.completeness is not Completeness.COMPLETE:
        return attempt
    return replace(attempt, report=replace(attempt.report, completeness=Completeness.PARTIAL, damage=_LOST))


def _lost_our_plugin(attempt: _Attempt) -> bool:
    """Returns whether a program could not import our plugin: the command sets PYTHONPATH itself."""
    if attempt.told.format not in ("", "pytest"):
        return False
    with attempt.done.output.open("rb") as file:
        return any(_PLUGIN_LOST.search(line) for line in iter(lambda: file.readline(2**16), b""))


def _why_no_pytest(done: Completed) -> str:
    """Returns why even pytest's own report is missing, as far as the output says so."""
    if "No module named pytest" in done.stderr_tail + done.stdout_tail:
        return "pytest is not installed in the environment of this tree"
    return "neither by a plugin nor by --junitxml"


def _whole_junit(report: TestReport, done: Completed) -> TestReport:
    """Adds what only the output says: that pytest stopped at the first failure."""
    if "!!! stopping after " in done.stdout_tail:
        return replace(report, completeness=Completeness.PARTIAL, damage="pytest stopped at a failure (-x, --maxfail)")
    return report


def _read_report(folder: Path, tree: Path, done: Completed, told: Told, may_stop: bool = False) -> TestReport:
    """What the framework reported, completed by what the runner knows of the output."""
    tree = Path(os.path.realpath(tree))  # as frameworks name it
    if told.parts:
        reports = [(name, _read_report(folder / name, tree, done, part)) for name, part in told.parts]
        return several.combine(reports, may_stop)
    if told.format in ("", "pytest"):
        return read_sessions(folder)
    if told.reports:
        report = read_files(told.folder or tree, told.reports, told.format, tree)
    else:
        report = read_file(folder / "stdout" if told.printed == "stdout" else done.output, told.format, tree)
    return told.finish(report, done.output) if told.finish else report


def _as_far_as_it_matters(exit: Exit, report: TestReport, told: Told) -> Exit:
    """Forgets that a long output was cut, where nothing was read from it: the report is a file, which is whole."""
    unread = exit.too_long and report.granularity is Granularity.TESTS and _is_in_files(told)
    return replace(exit, truncated=False) if unread else exit


def _is_in_files(told: Told) -> bool:
    """Returns whether a report is read from files alone, and not from anything that was printed."""
    if told.parts:
        return all(_is_in_files(part) for _, part in told.parts)
    return told.finish is None and (told.format in ("", "pytest") or told.reports is not None)


def _only_executed(report: TestReport, only: frozenset[TestId]) -> TestReport:
    """Without the tests that a filter held back: frameworks report those as skipped or not run."""
    kept = {key: result for key, result in report.tests.items() if key in only or result.outcome.ran}
    return report if len(kept) == len(report.tests) else replace(report, tests=kept)


def _delete(tree: Path, pattern: str) -> None:
    """Files of an earlier run in our own tree: what is there after this run was written by it.

    A link is deleted, never what it leads to; what lies behind a linked folder out of the tree is not ours.
    """
    top = tree.resolve()
    for path in list(tree.glob(pattern)):
        if path.parent.resolve().is_relative_to(top) and (path.is_file() or path.is_symlink()):
            path.unlink(missing_ok=True)


def suite_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The tree's environment for a suite. Nothing is added: what the user's shell runs, and no more, is to run here."""
    variables = dict(env)
    variables.pop("PYTHONPYCACHEPREFIX", None)  # compiled Python is removed from the tree, and only from there
    return variables


def _checkout(tree: Tree, told: Told) -> dict[str, str]:
    """Returns the variable that names the user's repository, for plugins of ours that look at modules and hide it."""
    if tree.checkout is None or "SUPERTEAM_TREE" not in told.env:
        return {}
    return {"SUPERTEAM_CHECKOUT": str(tree.checkout)}


def scratch_folder(outputs: Path) -> Path:
    """A new folder that no test can guess."""
    return _folder(outputs / secrets.token_hex(16))


def _folder(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True)
    return path


def _could_run(exit: Exit) -> bool:
    return exit.ended_by == "exit" and exit.code is not None and 0 <= exit.code < 126


def _without_twins(report: TestReport, only: frozenset[TestId]) -> TestReport:
    """A test that a suite runs twice has one node id: who asks for one of its runs gets the others as well."""
    families = {family(id) for id in only}
    kept = {key: result for key, result in report.tests.items() if key in only or family(key) not in families}
    return report if len(kept) == len(report.tests) else replace(report, tests=kept)


def last_lines(done: Completed) -> str:
    return "\n".join(part.rstrip("\n") for part in (done.stdout_tail, done.stderr_tail) if part.strip())


def _last_words(tail: str) -> str:
    """The end of the output without empty lines: what tells one failure of a command from another."""
    return "\n".join([line for line in tail.splitlines() if line.strip()][-20:])
