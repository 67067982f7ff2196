"""The source that runs the user's test command and believes its report rather than its words."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from superteam.core.results import (
    Completeness,
    Execution,
    Exit,
    Granularity,
    RunVerdict,
    TestId,
    TestReport,
)
from superteam.core.signature import signature
from superteam.core.verdict import command_report, judge, narrow
from superteam.ports import Tree
from superteam.process import Completed, run, secrets_redactor, shell
from superteam.reports.junit import read_junit
from superteam.reports.plugin_lines import read_sessions
from superteam.reports.text import read_text
from superteam.runners import pytest

_WHOLE = "the whole command was run, since its tests cannot be picked out one by one"


@dataclass(frozen=True, slots=True)
class CommandSource:
    """Runs one command in a tree. `outputs` is a folder outside of any tree for complete outputs and reports.

    `expected` is the granularity that the baseline fixed: nothing finer is looked for, and less is inconclusive.
    """

    command: str
    timeout: float
    outputs: Path
    expected: Granularity | None = None
    on_output: Callable[[bytes], None] | None = None

    async def collect(self, tree: Tree, only: frozenset[TestId] | None = None) -> Execution:
        """Runs the command, `only` these tests where they can be selected, and judges what came of it."""
        import shutil

        scratch = _scratch(self.outputs)
        env = _environment(tree.env)
        if self.expected in (None, Granularity.TESTS):
            told = pytest.inject(env, _folder(scratch / "report"), tree.path, only, tracked=None)
        else:
            told = env
        done = await self._run(self.command, tree, told, scratch / "output.txt")
        report, done = await self._read(tree, env, scratch, done)
        shutil.rmtree(scratch / "report", ignore_errors=True)  # many megabytes, and nobody needs it again
        report, verdict = self._judge(report, done.exit, only)
        return Execution(
            report=report,
            exit=done.exit,
            verdict=verdict,
            command=self.command,
            reproduce_command=self._reproduce(report, only),
            output=str(done.output),
            head=done.stdout_head or done.stderr_head,
            tail=_tail(done),
        )

    async def _run(self, command: str, tree: Tree, env: Mapping[str, str], output: Path) -> Completed:
        return await run(
            shell(command),
            cwd=tree.path,
            env=env,
            output=output,
            timeout=self.timeout,
            on_output=self.on_output,
            redact=secrets_redactor(tree.env),
        )

    async def _read(
        self, tree: Tree, env: Mapping[str, str], scratch: Path, done: Completed
    ) -> tuple[TestReport, Completed]:
        """The best report there is, and the run that it belongs to: the plugin's, JUnit's, lines, the exit code."""
        from anyio import to_thread

        report = await to_thread.run_sync(read_sessions, scratch / "report")
        if report.completeness is not Completeness.NONE:
            return report, done
        if self.expected is Granularity.TESTS or (self.expected is None and pytest.names_pytest(self.command)):
            return await self._with_junit(tree, env, scratch, done)
        if self.expected is not Granularity.COMMAND:
            report = _read_lines(done.output)
            if report.tests:
                return report, done
        tail = _tail(done)
        return command_report(self.command, done.exit, tail, signature(_last_words(tail))), done

    async def _with_junit(
        self, tree: Tree, env: Mapping[str, str], scratch: Path, done: Completed
    ) -> tuple[TestReport, Completed]:
        """Once more with pytest's own report, where the plugin could not get in and something could run at all."""
        nothing = TestReport("pytest", Granularity.TESTS, Completeness.NONE)
        if not pytest.is_plain(self.command) or not _could_run(done.exit):
            return nothing, done
        file = scratch / "junit.xml"
        again = await self._run(pytest.with_junit(self.command, file), tree, env, scratch / "output-junit.txt")
        report = replace(read_junit(file), exit_status=again.exit.code)
        return (nothing, done) if report.completeness is Completeness.NONE else (report, again)

    def _judge(self, report: TestReport, exit: Exit, only: frozenset[TestId] | None) -> tuple[TestReport, RunVerdict]:
        if only is None:
            return report, judge(report, exit, expected_granularity=self.expected)
        if report.granularity is Granularity.TESTS and report.format == "pytest":
            report = _without_twins(report, only)
            return report, judge(report, exit, requested=only, expected_granularity=self.expected)
        verdict = judge(report, exit, expected_granularity=self.expected)
        return (report, verdict) if report.tests.keys() == only else narrow(report, verdict, only, _WHOLE)

    def _reproduce(self, report: TestReport, only: frozenset[TestId] | None) -> str:
        if report.format != "pytest":
            return self.command
        return pytest.reproduce(self.command, only or frozenset(report.failed()))


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    """The tree's environment for a suite: quiet about colours, and known to be no person's."""
    found = {"CI": "1", "NO_COLOR": "1", **env}
    found.pop("PYTHONPYCACHEPREFIX", None)
    return found


def _scratch(outputs: Path) -> Path:
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
    families = {pytest.family(id) for id in only}
    kept = {key: found for key, found in report.tests.items() if key in only or pytest.family(key) not in families}
    return report if len(kept) == len(report.tests) else replace(report, tests=kept)


def _tail(done: Completed) -> str:
    return "\n".join(part.rstrip("\n") for part in (done.stdout_tail, done.stderr_tail) if part.strip())


def _last_words(tail: str) -> str:
    """The end of the output without empty lines: what tells one failure of a command from another."""
    return "\n".join([line for line in tail.splitlines() if line.strip()][-20:])
