"""The source that runs the user's test command and believes its report rather than its words."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

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
from superteam.core.verdict import command_report, judge, narrow
from superteam.ports import Tree
from superteam.process import Completed, run, secrets_redactor, shell
from superteam.reports.formats import nothing, read_file, read_files
from superteam.reports.junit import read_junit
from superteam.reports.plugin_lines import read_sessions
from superteam.reports.text import read_text
from superteam.runners import pytest
from superteam.runners.call import Call, Runner, Told, Untold, family
from superteam.runners.configured import configured
from superteam.runners.recognise import recognise

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
        import shutil

        from anyio import to_thread

        scratch = scratch_folder(self.outputs)
        env = suite_environment(tree.env)
        found = await to_thread.run_sync(self._recognise, tree.path)
        told = self._tell(found, env, _folder(scratch / "report"), tree.path, only)
        done = await self._run(
            self._arguments(found, told), tree, {**env, **told.env, **_checkout(tree, told)}, scratch, told
        )
        report, done = await self._read(tree, env, scratch, done, told)
        shutil.rmtree(scratch / "report", ignore_errors=True)  # many megabytes, and nobody needs it again
        report, verdict = self._judge(report, done.exit, only, told)
        return Execution(
            report=report,
            exit=done.exit,
            verdict=verdict,
            command=self.command,
            reproduce_command=self._reproduce(found, report, only),
            output=str(done.output),
            head=done.stdout_head or done.stderr_head,
            tail=last_lines(done),
        )

    def _recognise(self, tree: Path) -> tuple[Runner, Call] | Untold:
        """The framework behind the command; nothing is looked for where the baseline knew only an exit code."""
        if self.expected is not None and self.expected.granularity is Granularity.COMMAND:
            return Untold("")
        return recognise(self.command, tree)

    def _tell(
        self,
        found: tuple[Runner, Call] | Untold,
        env: Mapping[str, str],
        folder: Path,
        tree: Path,
        only: frozenset[TestId] | None,
    ) -> Told:
        """How this run reports: as configured, else as the framework can. One that is not seen may still be pytest."""
        told: Told | Untold = found if isinstance(found, Untold) else found[0].tell(found[1], env, folder, tree, only)
        if isinstance(told, Untold):
            blind = Told("", selects="everything", why=told.why)
            coarse = self.expected is not None and self.expected.granularity is not Granularity.TESTS
            told = blind if coarse else replace(blind, env=pytest.inject(env, folder, tree, only))
        return configured(told, self.report, self.rerun, folder, only)

    def _arguments(self, found: tuple[Runner, Call] | Untold, told: Told) -> list[str]:
        if told.instead:
            return list(told.instead)
        if isinstance(found, Untold) or not told.arguments:
            return shell(self.command)
        return shell(f"{self.command} {shlex.join((*(found[1].after or ()), *told.arguments))}")

    async def _run(
        self, arguments: list[str], tree: Tree, env: Mapping[str, str], scratch: Path, told: Told
    ) -> Completed:
        if told.reports and told.folder is None:
            _delete(tree.path, told.reports)
        return await run(
            arguments,
            cwd=tree.path,
            env=env,
            output=scratch / "output.txt",
            timeout=self.timeout,
            on_output=self.on_output,
            stdout_file=scratch / "report" / "stdout" if told.format and not told.reports else None,
            redact=secrets_redactor(tree.env),
        )

    async def _read(
        self, tree: Tree, env: Mapping[str, str], scratch: Path, done: Completed, told: Told
    ) -> tuple[TestReport, Completed]:
        """The best report there is, and the run that it belongs to: the framework's, JUnit's, lines, the exit code."""
        from anyio import to_thread

        report = await to_thread.run_sync(_read_report, scratch / "report", tree.path, done, told)
        if report.completeness is not Completeness.NONE:
            return report, done
        if told.format not in ("", "pytest"):
            return report, done
        runner = self.expected.runner if self.expected else ""
        fine = self.expected is not None and self.expected.granularity is Granularity.TESTS
        if fine or runner == "pytest" or (self.expected is None and pytest.names_pytest(self.command)):
            return await self._with_junit(tree, env, scratch, done)
        if self.expected is None or self.expected.granularity is Granularity.TEXT:
            report = _read_lines(done.output)
            if report.tests:
                return replace(report, note=told.why), done
        tail = last_lines(done)
        report = command_report(self.command, done.exit, tail, signature(_last_words(tail)))
        return replace(report, note=told.why), done

    async def _with_junit(
        self, tree: Tree, env: Mapping[str, str], scratch: Path, done: Completed
    ) -> tuple[TestReport, Completed]:
        """Once more with pytest's own report, where the plugin could not get in and something could run at all."""
        known = self.expected is not None and self.expected.runner == "pytest"  # no other format will do
        if known or not pytest.is_plain(self.command) or not _could_run(done.exit):
            return nothing("pytest"), done
        file = scratch / "junit.xml"
        again = _folder(scratch / "again")
        second = await self._run(shell(pytest.with_junit(self.command, file)), tree, env, again, Told(""))
        report = replace(read_junit(file), exit_status=second.exit.code)
        return (nothing("pytest"), done) if report.completeness is Completeness.NONE else (report, second)

    def _judge(
        self, report: TestReport, exit: Exit, only: frozenset[TestId] | None, told: Told
    ) -> tuple[TestReport, RunVerdict]:
        if only is None:
            return report, judge(report, exit, expected=self.expected)
        if report.format == "pytest":
            report = _without_twins(report, only)
            return report, judge(report, exit, requested=only, expected=self.expected)
        report = _only_executed(report, only)
        verdict = judge(report, exit, expected=self.expected)
        if report.tests.keys() == only:
            return report, verdict
        selects = told.selects if report.format == told.format else "everything"
        return narrow(report, verdict, only, told.why or _WHY[selects])

    def _reproduce(
        self, found: tuple[Runner, Call] | Untold, report: TestReport, only: frozenset[TestId] | None
    ) -> str:
        wanted = only or frozenset(report.failed())
        if report.format == "pytest":
            return pytest.reproduce_command(self.command, wanted)
        if isinstance(found, Untold) or not wanted:
            return self.command
        return found[0].reproduce(found[1], tuple(sorted(wanted))) or self.command


def _read_report(folder: Path, tree: Path, done: Completed, told: Told) -> TestReport:
    """What the framework reported, completed by what the runner knows of the output."""
    tree = Path(os.path.realpath(tree))  # as frameworks name it
    if told.format in ("", "pytest"):
        return read_sessions(folder)
    if told.reports:
        report = read_files(told.folder or tree, told.reports, told.format, tree)
    else:
        report = read_file(folder / "stdout" if told.printed == "stdout" else done.output, told.format, tree)
    return told.finish(report, done.output) if told.finish else report


def _only_executed(report: TestReport, only: frozenset[TestId]) -> TestReport:
    """Without the tests that a filter held back: frameworks report those as skipped or not run."""
    kept = {key: found for key, found in report.tests.items() if key in only or found.outcome.ran}
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
    """The tree's environment for a suite: quiet about colours, and known to be no person's."""
    found = {"CI": "1", "NO_COLOR": "1", **env}
    found.pop("PYTHONPYCACHEPREFIX", None)
    return found


def _checkout(tree: Tree, told: Told) -> dict[str, str]:
    """The variable that names the user's repository, for plugins of ours that look at modules and hide it again."""
    if tree.checkout is None or "SUPERTEAM_TREE" not in told.env:
        return {}
    return {"SUPERTEAM_CHECKOUT": str(tree.checkout)}


def scratch_folder(outputs: Path) -> Path:
    """A new folder that no test can guess."""
    return _folder(outputs / secrets.token_hex(16))


def _folder(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True)
    return path


def _read_lines(output: Path) -> TestReport:
    with output.open("rb") as file:
        return read_text(iter(lambda: file.readline(2**20), b""))


def _could_run(exit: Exit) -> bool:
    return exit.ended_by == "exit" and exit.code is not None and 0 <= exit.code < 126


def _without_twins(report: TestReport, only: frozenset[TestId]) -> TestReport:
    """A test that a suite runs twice has one node id: who asks for one of its runs gets the others as well."""
    families = {family(id) for id in only}
    kept = {key: found for key, found in report.tests.items() if key in only or family(key) not in families}
    return report if len(kept) == len(report.tests) else replace(report, tests=kept)


def last_lines(done: Completed) -> str:
    return "\n".join(part.rstrip("\n") for part in (done.stdout_tail, done.stderr_tail) if part.strip())


def _last_words(tail: str) -> str:
    """The end of the output without empty lines: what tells one failure of a command from another."""
    return "\n".join([line for line in tail.splitlines() if line.strip()][-20:])
