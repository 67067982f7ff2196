"""Public fakes for tests of the engine and of plug-ins: everything a run touches, in memory and repeatable.

They keep their promises as the real ones do: a journal that goes through JSON, a branch that only moves by compare
and swap, a commit that is the same object when it is made twice. Nothing here starts a program or reads a clock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from superteam.core import events as e
from superteam.core.baseline import Expected
from superteam.core.evolve import evolve, start
from superteam.core.finding import Finding
from superteam.core.results import (
    Completeness,
    Execution,
    Exit,
    Granularity,
    Outcome,
    RunVerdict,
    TestId,
    TestReport,
    TestResult,
)
from superteam.core.run import Run
from superteam.errors import JournalError, WorkspaceError
from superteam.ports import NO_CONTENTS, AgentReport, Brief, Capture, Tree

Files = Mapping[str, str]


def _pass(place: str) -> None:
    """Where nothing is to happen."""


@dataclass(slots=True)
class SteppingClock:
    """A clock on which each look takes one second."""

    looks: int = 0

    def now(self) -> str:
        self.looks += 1
        return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.looks)).isoformat()

    def seconds(self) -> float:
        self.looks += 1
        return float(self.looks)


@dataclass(slots=True)
class MemoryJournal:
    """A journal in memory: events are kept as the JSON they would be on disk. Call it to append one."""

    clock: SteppingClock
    records: list[tuple[str, bytes]] = field(default_factory=list)
    before: Callable[[str], None] = _pass
    after: Callable[[str], None] = _pass

    def __call__(self, event: e.Event) -> str:
        at = self.clock.now()
        self.before(event.kind)
        self.records.append((at, e.EVENT.dump_json(event)))
        self.after(event.kind)
        return at

    def events(self) -> list[tuple[str, e.Event]]:
        """What was written, read back, each with its time."""
        return [(at, e.EVENT.validate_json(line)) for at, line in self.records]

    def replay(self) -> Run:
        """The state that the journal alone gives; JournalError if it does not begin with a run."""
        run: Run | None = None
        for at, event in self.events():
            if isinstance(event, e.RunCreated):
                run = start(event, at)
            elif run is not None:
                run = evolve(run, event, at)
        if run is None:
            raise JournalError("the journal does not begin with a run")
        return run


@dataclass(slots=True)
class MemoryReports:
    """Reports and expected sets in memory."""

    kept: dict[str, TestReport | Expected] = field(default_factory=dict)

    def save_report(self, report: TestReport) -> str:
        return self._save(report)

    def load_report(self, name: str) -> TestReport:
        found = self.kept[name]
        assert isinstance(found, TestReport)
        return found

    def save_expected(self, expected: Expected) -> str:
        return self._save(expected)

    def load_expected(self, name: str) -> Expected:
        found = self.kept[name]
        assert isinstance(found, Expected)
        return found

    def _save(self, document: TestReport | Expected) -> str:
        name = _name(repr(document))
        self.kept[name] = document
        return name


@dataclass
class MemoryHistory:
    """Executions in memory; `flakes` is what is known about every command."""

    flakes: dict[TestId, frozenset[str]] = field(default_factory=dict)
    recorded: list[Execution] = field(default_factory=list)

    def record(self, execution: Execution, *, tree: str, purpose: str, at: str, environment: str) -> None:
        self.recorded.append(execution)

    def known_flakes(self, command: str, ids: Iterable[TestId], trees: Collection[str]) -> dict[TestId, frozenset[str]]:
        return {id: self.flakes[id] for id in ids if id in self.flakes}


@dataclass(frozen=True, slots=True)
class MemoryCommit:
    """A commit object of `MemoryWorkspace`."""

    tree: str
    parent: str | None
    message: str
    at: str


@dataclass(slots=True)
class MemoryWorkspace:
    """A repository with work trees, in memory. A scripted agent changes them directly: `files` is the first, `slots`
    has those of tasks that are done side by side.

    `at` is called before and after each effect with its name; a test raises there what a kill would have done.
    `moves` is every change of the run's branch, old and new; `reviewed` are the trees of reviewers, by role.
    """

    folder: Path
    files: dict[str, str] = field(default_factory=dict)
    at: Callable[[str], None] = _pass
    trees: dict[str, dict[str, str]] = field(default_factory=dict)
    commits: dict[str, MemoryCommit] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    moves: list[tuple[str, str]] = field(default_factory=list)
    branch: str = ""
    user_branch: str = ""
    start: str = ""
    slots: dict[int, dict[str, str]] = field(default_factory=dict)
    reviewed: dict[str, dict[str, str]] = field(default_factory=dict)

    def begin(self) -> str:
        """Commits `files` as the start; the run's and the user's branch stand there."""
        tree = self.store(self.files)
        self.start = self._commit(MemoryCommit(tree, None, "start", ""))
        self.branch = self.user_branch = self.start
        return self.start

    def store(self, files: Files) -> str:
        """The tree object that holds these files."""
        name = _name(json.dumps(dict(sorted(files.items()))))
        self.trees[name] = dict(files)
        return name

    def content(self, revision: str) -> dict[str, str]:
        """The files of a commit or a tree."""
        found = self.commits.get(revision)
        return dict(self.trees[found.tree if found else revision])

    def history(self, tip: str) -> list[str]:
        """The commits from a tip down to the start, which is left out."""
        found = []
        at: str | None = tip
        while at is not None and at != self.start:
            found.append(at)
            at = self.commits[at].parent
        return found

    def work(self, slot: int = 0) -> Tree:
        return Tree(self.folder / f"work-{slot + 1}" if slot else self.folder, self.branch, {})

    def roots(self, slot: int = 0) -> tuple[str, ...]:
        return (str(self.work(slot).path),)

    def held(self, slot: int) -> dict[str, str]:
        """The files of a work tree."""
        return self.files if slot == 0 else self.slots.setdefault(slot, {})

    def held_at(self, path: Path) -> dict[str, str]:
        """The files of the work tree that a brief names."""
        return self.files if path == self.folder else self.held(int(path.name.removeprefix("work-")) - 1)

    async def prepare(self, tree: str, head: str, keep_as: str, slot: int = 0) -> tuple[str, ...]:
        self.at("before prepare")
        files = self.held(slot)
        found = self.store(files)
        if found == tree:
            return ()
        self.kept[keep_as] = found
        self.at("within prepare")
        files.clear()
        files.update(self.trees[tree])
        self.at("after prepare")
        return ()

    async def capture(self, slot: int = 0) -> Capture:
        return Capture(self.store(self.held(slot)))

    async def absorb(self, slot: int = 0) -> str:
        return self.store(self.held(slot))

    async def check_out(self, sha: str) -> Tree:
        return Tree(self.folder, sha, {})

    async def check_out_for_review(self, role: str, sha: str) -> Tree:
        self.reviewed[role] = self.content(sha)
        return Tree(self.folder, sha, {})

    async def capture_review(self, role: str) -> Capture:
        return Capture(self.store(self.reviewed[role]))

    async def watch(self, key: str, slot: int = 0, role: str = "") -> None:
        pass

    async def planted(self, key: str, old: str, new: str, copies: Path) -> tuple[Finding, ...]:
        return ()

    async def check_out_spoilt(self, sha: str) -> Tree | None:
        return None

    async def changed(self, old: str, new: str) -> tuple[str, ...]:
        a, b = self.content(old), self.content(new)
        return tuple(sorted(path for path in a.keys() | b.keys() if a.get(path) != b.get(path)))

    async def renames(self, old: str, new: str) -> Mapping[str, str]:
        return {}

    async def texts(self, commit: str, paths: Collection[str]) -> Mapping[str, str]:
        content = self.content(commit)
        return {path: content[path] for path in paths if path in content}

    async def rewritten(self) -> tuple[str, ...]:
        return ()

    async def check_out_with(self, sha: str, path: str, content: str) -> Tree:
        return await self.check_out(sha)

    async def check_out_mixed(self, sha: str, tree: str, paths: Collection[str]) -> Tree | None:
        there = self.content(tree)
        return await self.check_out(sha) if any(path in there for path in paths) else None

    async def check_out_altered(
        self, sha: str, like: str, paths: Collection[str], contents: Mapping[str, bytes] = NO_CONTENTS
    ) -> Tree:
        return await self.check_out(sha)

    async def files_of(self, commit: str) -> tuple[str, ...]:
        return tuple(self.content(commit))

    async def content_of(self, commit: str, path: str) -> bytes:
        return b""

    async def patch(self, old: str, new: str) -> str:
        return ""

    async def diff(self, old: str, new: str, limit: int) -> str:
        return "\n".join(await self.changed(old, new))[:limit]

    def environment_notes(self) -> tuple[str, ...]:
        return ()

    async def environment_findings(self, reference: str) -> tuple[Finding, ...]:
        return ()

    async def trees_before(self, commit: str) -> frozenset[str]:
        return frozenset({await self.tree_of(commit)})

    async def tree_of(self, commit: str) -> str:
        return self.commits[commit].tree

    async def commit(self, tree: str, parent: str, message: str, at: str) -> str:
        self.at("before commit")
        name = self._commit(MemoryCommit(tree, parent, message, at))
        self.at("after commit")
        return name

    async def message(self, commit: str) -> str:
        return self.commits[commit].message

    async def keep(self, name: str, sha: str) -> None:
        self.kept[name] = sha

    async def move(self, new: str, old: str) -> None:
        self.at("before move")
        if self.branch == new:
            return
        if self.branch != old:
            raise WorkspaceError(f"the run's branch is at {self.branch[:12]}, not at {old[:12]}")
        self.moves.append((old, new))
        self.branch = new
        self.at("after move")

    async def merge(self, base: str, ours: str, theirs: str) -> str | None:
        tree, conflicts = await self.combine(base, ours, theirs)
        return None if conflicts else tree

    async def combine(self, base: str, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
        a, b, c = self.content(base), self.content(ours), self.content(theirs)
        merged, conflicts = {}, []
        for path in sorted(a.keys() | b.keys() | c.keys()):
            found = c.get(path) if a.get(path) == b.get(path) else b.get(path)
            if a.get(path) != b.get(path) != c.get(path) != a.get(path):
                conflicts.append(path)
                found = f"<<<<<<< {b.get(path)} ======= {c.get(path)}"
            if found is not None:
                merged[path] = found
        return self.store(merged), tuple(conflicts)

    async def marked(self, tree: str, paths: tuple[str, ...]) -> tuple[str, ...]:
        files = self.content(tree)
        return tuple(path for path in paths if "<<<<<<<" in files.get(path, ""))

    async def finish(self, tip: str, fast_forward: bool) -> str | None:
        self.at("before finish")
        if not fast_forward:
            return "the run did not end well"
        if self.user_branch not in (self.start, tip):
            return "the user's branch has moved on"
        self.user_branch = tip
        self.at("after finish")
        return None

    def _commit(self, commit: MemoryCommit) -> str:
        name = _name(repr(commit))
        self.commits[name] = commit
        return name


@dataclass(frozen=True, slots=True)
class ScriptedSource:
    """A suite as a function of the checked-out commit: outcomes by id, or None when it gives no sound verdict.

    `smoke`: what it then lacks is an artifact that can be read.
    """

    behave: Callable[[str, frozenset[TestId] | None], Mapping[TestId, Outcome] | None]
    smoke: bool = False

    async def collect(self, tree: Tree, only: frozenset[TestId] | None = None) -> Execution:
        found = execution(self.behave(tree.sha, only), only)
        if not self.smoke or found.report.completeness is not Completeness.NONE:
            return found
        return replace(
            found, report=replace(found.report, format="smoke", damage="artifact_not_found: it is not there")
        )


@dataclass(frozen=True, slots=True)
class ScriptedAgent:
    """An agent as a function of its brief; it changes the work tree as it likes."""

    behave: Callable[[Brief], AgentReport]

    def check(self) -> None: ...

    async def work(self, brief: Brief) -> AgentReport:
        return self.behave(brief)


@dataclass(frozen=True, slots=True)
class ScriptedOperator:
    """A person as a function of the question: the chosen option's id."""

    choose: Callable[[e.Question], str]

    async def ask(self, question: e.Question) -> tuple[str, str | None]:
        return self.choose(question), None


def execution(outcomes: Mapping[TestId, Outcome] | None, only: frozenset[TestId] | None = None) -> Execution:
    """What a source would say of these outcomes; None is a suite that ended without a report."""
    if outcomes is None:
        nothing = TestReport("scripted", Granularity.TESTS, Completeness.NONE)
        lost = RunVerdict("inconclusive", "there is no report")
        return Execution(nothing, Exit(1), lost, "suite", "suite", "suite.log")
    chosen = {key: outcome for key, outcome in outcomes.items() if only is None or key in only}
    tests = {key: TestResult(o, "it failed" if o.bad else "", "boom" if o.bad else "") for key, o in chosen.items()}
    report = TestReport("scripted", Granularity.TESTS, Completeness.COMPLETE, tests)
    verdict = _judge(report, only)
    return Execution(report, Exit(int(bool(report.failed()))), verdict, "suite", "suite", "suite.log")


def _judge(report: TestReport, only: frozenset[TestId] | None) -> RunVerdict:
    if not any(result.outcome.ran for result in report.tests.values()):
        return RunVerdict("inconclusive", "no test ran")
    if only is not None and only != report.tests.keys():
        return RunVerdict("inconclusive", "not all of the tests that were asked for ran")
    return RunVerdict("fail" if report.failed() else "pass")


def _name(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
