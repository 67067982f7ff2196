"""The source that runs a smoke command and believes the artifact it writes, if that was written by this very run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from superteam.core.results import Completeness, Execution, Exit, Outcome, RunVerdict, Shape, TestId, TestReport
from superteam.core.settings import SourceDefinition
from superteam.core.verdict import judge, narrow
from superteam.ports import Tree
from superteam.process import Completed, read_regular, run, secrets_redactor
from superteam.reports import smoke
from superteam.reports.formats import nothing
from superteam.runners.call import fits
from superteam.sources.command import last_lines, scratch_folder, suite_environment

PLACEHOLDER = re.compile(r"\{fixtures?\}")
_LISTED = 4 * 2**20  # bytes of ids that the command `fixtures` may print
_VARIABLE = 30_000  # characters of ids that an environment variable may hold: four bytes each, and the kernel's 128 KB
_EXTRA = "others ran with them"
_WHOLE = "the whole command was run: it takes no ids, since neither {fixtures} nor {fixture} is in it"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a command cannot be run, in words."""

    why: str


@dataclass(frozen=True, slots=True)
class SmokeRun:
    """One execution, with the artifact that it wrote; None where it wrote none, or none that can be read."""

    execution: Execution
    artifact: smoke.Artifact | None


@dataclass(frozen=True, slots=True)
class SmokeArtifactSource:
    """Runs the command of a source in a tree and reads its artifact there: each fixture is a test.

    `outputs` is a folder outside of any tree for complete outputs. `expected` is what the baseline fixed.
    """

    definition: SourceDefinition
    timeout: float
    outputs: Path
    expected: Shape | None = None
    on_output: Callable[[bytes], None] | None = None

    async def collect(self, tree: Tree, only: frozenset[TestId] | None = None) -> Execution:
        """Runs all fixtures, or only these, and judges what came of it."""
        found = await self.execute(tree, None if only is None else tuple(sorted(only)))
        return found.execution

    async def execute(self, tree: Tree, ids: tuple[TestId, ...] | None) -> SmokeRun:
        """As `collect`, with the ids in this order and with the artifact itself."""
        named = ids
        if ids is None and _takes_ids(self.definition.command):
            known = await self.known(tree)
            if isinstance(known, Refused):
                return self._not_run(known, None)
            named = known
        arguments = arguments_for(self.definition.command, named)
        if isinstance(arguments, Refused):
            return self._not_run(arguments, ids)
        return await self._executed(tree, arguments, ids, named)

    async def known(self, tree: Tree) -> tuple[TestId, ...] | Refused | None:
        """The ids that the command `fixtures` prints, one a line, in its order; None where there is no such command."""
        if not self.definition.fixtures:
            return None
        folder = scratch_folder(self.outputs)
        done = await self._run(tree, self.definition.fixtures, suite_environment(tree.env), folder, folder / "stdout")
        called = shlex.join(self.definition.fixtures)
        if done.exit.code != 0 or done.exit.ended_by != "exit":
            why = done.exit.detail or f"ended with exit code {done.exit.code}: {last_lines(done)[-300:]}"
            return Refused(f"the command that lists the fixtures, {called}, {why}")
        return _listed(folder / "stdout", called)

    async def _executed(
        self, tree: Tree, arguments: list[str], ids: tuple[TestId, ...] | None, named: tuple[TestId, ...] | None
    ) -> SmokeRun:
        from anyio import to_thread

        before = await to_thread.run_sync(_mark, tree.path, self.definition.artifact)
        env = suite_environment(tree.env)
        if named and len(listed := "\n".join(named)) < _VARIABLE:
            env["SUPERTEAM_FIXTURES"] = listed
        done = await self._run(tree, arguments, env, scratch_folder(self.outputs), None)
        found = await to_thread.run_sync(_written, tree.path, self.definition.artifact, before)
        if isinstance(found, smoke.Unreadable):
            report = nothing(smoke.FORMAT, f"{found.code}: {found.message}")
            verdict = _without_artifact(report, done.exit)
        else:
            report = _whole(smoke.report_of(found.document), named if ids is None else None)
            report, verdict = self._judge(report, done.exit, ids)
        execution = Execution(
            report=report,
            exit=done.exit,
            verdict=verdict,
            command=shlex.join(self.definition.command),
            reproduce_command=self._reproduce(report, ids),
            output=str(done.output),
            head=done.stdout_head or done.stderr_head,
            tail=last_lines(done),
        )
        return SmokeRun(execution, None if isinstance(found, smoke.Unreadable) else found)

    async def _run(
        self, tree: Tree, arguments: Sequence[str], env: Mapping[str, str], folder: Path, stdout: Path | None
    ) -> Completed:
        return await run(
            arguments,
            cwd=tree.path,
            env=env,
            output=folder / "output.txt",
            timeout=self.timeout,
            on_output=self.on_output if stdout is None else None,  # a list of ids is not what people wait for
            stdout_file=stdout,
            redact=secrets_redactor(tree.env),
        )

    def _judge(self, report: TestReport, exit: Exit, ids: tuple[TestId, ...] | None) -> tuple[TestReport, RunVerdict]:
        if ids is None:
            return report, judge(report, exit, expected=self.expected)
        only = frozenset(ids)
        kept = {key: found for key, found in report.tests.items() if key in only or found.outcome.ran}
        report = replace(report, tests=kept)
        verdict = judge(report, exit, expected=self.expected)
        if kept.keys() == only and all(found.outcome is not Outcome.NOT_RUN for found in kept.values()):
            return report, verdict
        return narrow(report, verdict, only, _EXTRA if _takes_ids(self.definition.command) else _WHOLE)

    def _not_run(self, problem: Refused, ids: tuple[TestId, ...] | None) -> SmokeRun:
        report = nothing(smoke.FORMAT, problem.why)
        verdict = RunVerdict("inconclusive", problem.why)
        command = shlex.join(self.definition.command)
        again = self._reproduce(report, ids)
        return SmokeRun(Execution(report, Exit(None, "not-started"), verdict, command, again, ""), None)

    def _reproduce(self, report: TestReport, ids: tuple[TestId, ...] | None) -> str:
        """The command for the wanted fixtures, else for those that failed, else for all."""
        found = arguments_for(self.definition.command, ids or report.failed() or None)
        return shlex.join(self.definition.command if isinstance(found, Refused) else found)


def arguments_for(command: Sequence[str], ids: tuple[TestId, ...] | None) -> list[str] | Refused:
    """The argument list for these fixtures; with None the arguments that take ids are left out.

    An argument with `{fixture}` is there once for each id, together with the option before it. Refused where an id
    could not reach the program as it is: one with a comma in a list, one that reads as an option, one with a NUL.
    """
    if ids is not None and not ids:
        return Refused("no fixture was asked for, and an empty selection must not become a run of all")
    if ids is not None and (problem := _not_passable(command, ids)):
        return Refused(problem)
    found: list[str] = []
    for place, word in enumerate(command):
        if _is_option_of(command, place + 1):
            continue  # it comes and goes with its value
        before = [command[place - 1]] if _is_option_of(command, place) else []
        for value in _values(word, ids):
            found += [*before, value]
    return found if fits(found) else Refused(f"{len(ids or ())} fixture ids are too long for one call of the command")


def _is_option_of(command: Sequence[str], place: int) -> bool:
    """Whether the word before this one is the option whose value it is: "--fixture" of "{fixtures}"."""
    if not 1 < place < len(command) or command[place].startswith("-") or not _takes_ids([command[place]]):
        return False
    return re.match(r"-[^=]*\Z", command[place - 1]) is not None and command[place - 1] != "--"


def _takes_ids(words: Sequence[str]) -> bool:
    return any(PLACEHOLDER.search(word) for word in words)


def _values(word: str, ids: tuple[TestId, ...] | None) -> Iterator[str]:
    """The word as often as it is needed; an id that looks like a placeholder is left as it is."""
    if PLACEHOLDER.search(word) is None:
        yield word
    elif ids is not None and "{fixture}" in word:
        for id in ids:
            yield PLACEHOLDER.sub(lambda found, id=id: id if found[0] == "{fixture}" else ",".join(ids), word)  # type: ignore[misc]
    elif ids is not None:
        yield word.replace("{fixtures}", ",".join(ids))


def _not_passable(command: Sequence[str], ids: tuple[TestId, ...]) -> str:
    """Why an id would not reach the program as it is; "" if all of them do."""
    listed = any("{fixtures}" in word for word in command)
    bare = any(word.startswith(("{fixtures}", "{fixture}")) for word in command)
    for id in ids:
        shown = id[:80]
        if "\0" in id or not _is_text(id):
            return f"the fixture id {shown!r} cannot be passed to a program"
        if listed and "," in id:
            return f"the fixture id {shown!r} has a comma and cannot stand in a list: use {{fixture}} in the command"
        if bare and id.startswith("-"):
            return f'the fixture id {shown!r} would be read as an option: write "--option={{fixture}}" in the command'
    return ""


def _is_text(id: str) -> bool:
    try:
        id.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listed(file: Path, called: str) -> tuple[TestId, ...] | Refused:
    data = file.read_bytes() if file.stat().st_size <= _LISTED else b""
    try:
        ids = tuple(dict.fromkeys(line.strip() for line in data.decode("utf-8-sig").split("\n") if line.strip()))
    except UnicodeDecodeError:
        ids = ()
    return ids or Refused(f"the command that lists the fixtures, {called}, printed no ids, one a line")


# The artifact in the tree


def _place(tree: Path, artifact: str) -> Path:
    """The file an artifact's path leads to; OSError where that is out of the tree, through a link or by itself."""
    top = tree.resolve()
    place = (top / artifact).resolve()
    if not place.is_relative_to(top):
        raise OSError(f"{artifact} leads out of the tree")
    return place


def _mark(tree: Path, artifact: str) -> tuple[object, ...] | None:
    """What tells one writing of the artifact from another; None where it is not there."""
    try:
        place = _place(tree, artifact)
        facts = place.stat()
        content = read_regular(place, smoke.LIMIT)
    except (OSError, ValueError, RuntimeError):
        return None
    return (facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, sha256(content).hexdigest())


def _written(tree: Path, artifact: str, before: tuple[object, ...] | None) -> smoke.Artifact | smoke.Unreadable:
    """The artifact, if it was written since `before`: one that lay there already says nothing about this run."""
    try:
        place = _place(tree, artifact)
    except (OSError, ValueError, RuntimeError) as problem:
        return smoke.Unreadable("artifact_read_error", str(problem))
    found = smoke.load_smoke(place)
    if isinstance(found, smoke.Unreadable):
        return smoke.Unreadable(found.code, found.message.replace(str(place), artifact))
    if before is not None and before == _mark(tree, artifact):
        return smoke.Unreadable("artifact_not_found", f"{artifact} is older than this run: no new artifact was written")
    return found


def _without_artifact(report: TestReport, exit: Exit) -> RunVerdict:
    """Why there is no verdict: the way the command ended if that was bad, else what is wrong with its artifact."""
    if exit.ended_by != "exit" or exit.code is None or not 0 <= exit.code < 126:
        return judge(report, exit)
    reason = f"the command wrote no artifact that can be read and ended with exit code {exit.code}: {report.damage}"
    return RunVerdict("inconclusive", reason)


def _whole(report: TestReport, named: tuple[TestId, ...] | None) -> TestReport:
    """A run of all that was told their ids and leaves some out is no whole run: a sample says nothing of the rest."""
    absent = [id for id in named or () if id not in report.tests]
    if not absent or report.completeness is not Completeness.COMPLETE:
        return report
    damage = f"{len(absent)} of {len(named or ())} fixtures that were asked for are not in the artifact: {absent[0]}"
    return replace(report, completeness=Completeness.PARTIAL, damage=damage)
