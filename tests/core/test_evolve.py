"""Crash anywhere, then resume, ends the same: the real rules, the real driver and the real steps in a scripted world.

Agents, gates and suites behave as a drawn scenario says, as functions of the files and of the step's key, so that a
step that is repeated after a crash sees what it saw before. Only end states are compared, never orders.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from superteam.core import events as e
from superteam.core.decide import Kind, Step
from superteam.core.evolve import evolve, start
from superteam.core.failures import DEFAULT_ACTIONS, Action, FailureType
from superteam.core.outside import State
from superteam.core.plan import Plan, Task, TaskKind
from superteam.core.results import Outcome
from superteam.core.review import Review, ReviewFinding
from superteam.core.run import ReviewRecord, Run, TaskRun
from superteam.core.settings import Settings
from superteam.core.sources import TESTS, redefined, source_names
from superteam.engine.driver import Driver
from superteam.engine.steps import perform
from superteam.engine.world import World
from superteam.errors import WorkspaceError
from superteam.ports import NO_CONTENTS, AgentReport, Brief, Tree
from superteam.testing import (
    MemoryHistory,
    MemoryJournal,
    MemoryReports,
    MemoryWorkspace,
    ScriptedOperator,
    ScriptedSource,
    SteppingClock,
)

# What one dispatch leaves behind. break: an old test fails; gone: an old test vanishes; shaky: an old test becomes
# unstable; moody: it fails in the first two runs; own: the task's new test is red; crash: the suite gives no report;
# gate: the gate is red; ugly: the gate rewrites a file; shared: later tasks touch the same file; weaken: an old test is
# broken and made to pass by another expectation. Of the second source:
# smash: an old fixture fails, one of the name that a test has too; lost: an old fixture vanishes; void: no artifact;
# lapse: none in the first two runs.
FAULTS = (
    *("break", "gone", "shaky", "moody", "own", "crash", "gate", "ugly", "shared", "scope", "weaken"),
    *("smash", "lost", "void", "lapse"),
)
# limited: its provider takes no work for a while; later: for longer than may be waited for; whenever: it does not say.
ENDS = ("failed", "idle", "unreadable", "nothing", "asks", "limited", "later", "whenever")
# What one dispatch of a reviewer comes to. writes: it changes its tree, which must not get anywhere.
REVIEWS = ("fails", "critical", "failed", "idle", "unreadable", "asks", "writes", "limited", "later")
ROUNDS = 200
PATIENCE = 1_000.0
LIMITED: Mapping[str, float | None] = {"limited": 100, "later": 10_000, "whenever": None}
SMOKE = {"name": "smoke", "kind": "smoke-artifact", "artifact": "latest.json", "command": ["smoke"]}


class Crash(Exception):
    """The process was killed here."""


@dataclass(frozen=True)
class Scenario:
    """What the world does: the deeds of each task's dispatches in order (later ones are good), and a person's answers.

    `storms` are serials of probes in which no suite works anywhere; `later` are the settings of the later processes,
    of which the last stays. `reviews` are the reviewers' deeds by task and role; later ones pass.
    """

    tasks: tuple[Task, ...]
    settings: Settings
    deeds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    answers: tuple[str, ...] = ("retry",)
    interactive: bool = False
    flaky: bool = False
    storms: frozenset[int] = frozenset()
    rejects: Mapping[str, int] = field(default_factory=dict)
    later: tuple[Settings, ...] = ()
    reviews: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class Fuse:
    """Counts the places where a process can die, and dies at the chosen ones."""

    chosen: frozenset[int]
    count: int = 0

    def __call__(self, place: str) -> None:
        self.count += 1
        if self.count in self.chosen:
            raise Crash(place)


class Weakened(MemoryWorkspace):
    """A repository in which a weakened test is a change of its file; the old file shows what is broken."""

    async def patch(self, old: str, new: str) -> str:
        weaker = [path for path in self.content(new).keys() - self.content(old).keys() if path.startswith("weaken-")]
        change = (
            "diff --git a/test_old.py b/test_old.py\n--- a/test_old.py\n+++ b/test_old.py\n@@ -1 +1 @@\n-old\n+new\n"
        )
        return change if weaker else ""

    async def state_outside(self, tree: Tree, first: Collection[str]) -> tuple[State, ...]:
        return ()

    async def check_out_altered(
        self, sha: str, like: str, paths: Collection[str], contents: Mapping[str, bytes] = NO_CONTENTS
    ) -> Tree:
        files = {path.replace("weaken-", "break-"): text for path, text in self.content(sha).items()}
        return Tree(self.folder, self.store(files), {})


@dataclass
class Game:
    """One run in one world, over all its processes."""

    scenario: Scenario
    folder: Path
    fuse: Fuse
    backend: str
    journal: MemoryJournal
    workspace: MemoryWorkspace
    reports: MemoryReports
    silent: bool = False

    def begun(self) -> Run:
        """The run right after its first record."""
        return start(self.created(), "2026-01-01T00:00:00+00:00")

    def play(self) -> Run:
        """Starts processes until the run is over."""
        for _ in range(ROUNDS):
            run = None
            try:
                run = self.live()
            except* Crash:
                pass
            if run and (run.ended or run.halted):
                assert self.journal.replay() == run
                return run
        raise AssertionError("the run does not come to an end")

    def live(self) -> Run:
        """One process: takes the run up, answers what is asked, drives."""
        if not self.journal.records:
            self.journal(self.created())
            return self.drive(self.journal.replay())
        run = self.journal.replay()
        if run.ended:
            return run
        driver = self.driver(run)
        if run.pending and not run.interactive:
            driver.record(e.Answered(question=run.pending.id, choice=self.choose(run.pending), note="not so"))
        driver.record(self.resumed(driver.run))
        return self.drive(driver.run)

    def resumed(self, run: Run) -> e.RunResumed:
        later = self.scenario.later
        times = sum(isinstance(event, e.RunResumed) for _, event in self.journal.events())
        now = later[min(times, len(later) - 1)] if later else self.scenario.settings
        captured = [name for name in source_names(now) if run.source(name).baseline]
        again = tuple(name for name in captured if redefined(name, run.settings, now))
        return e.RunResumed(
            settings=now,
            interactive=self.scenario.interactive,
            again=again,
            wait_for_limits=PATIENCE,
            pid=2,
            host="here",
        )

    def drive(self, run: Run) -> Run:
        return anyio.run(self.driver(run).drive, backend=self.backend)

    def created(self) -> e.RunCreated:
        plan = Plan(path="plan.md", format="markdown", title="A plan", sha256="0", tasks=self.scenario.tasks)
        return e.RunCreated(
            run_id="r1",
            plan=plan,
            settings=self.scenario.settings,
            start_sha=self.workspace.start,
            start_tree=self.workspace.commits[self.workspace.start].tree,
            user_branch="main",
            run_branch="superteam/plan-r1",
            interactive=self.scenario.interactive,
            wait_for_limits=PATIENCE,
            superteam="0",
            pid=1,
            host="here",
        )

    def driver(self, run: Run) -> Driver:
        world = World(
            history=MemoryHistory(),
            canary=lambda tree, shape: "none here",
            workspace=self.workspace,
            agents=lambda name: Patient(self),
            source=lambda name, key, granularity: ScriptedSource(partial(self.suite, name, key), name != TESTS),
            reports=self.reports,
            operator=ScriptedOperator(self.choose),
            clock=self.journal.clock,
            outputs=self.folder,
            fingerprint=lambda: "same",
            redact=bytes,
            on_output=lambda key, data: None,
        )

        async def act(run: Run, step: Step) -> e.Event:
            self.fuse("before step")
            if step.kind is Kind.WAIT:
                for _ in range(20):  # others may come to their end meanwhile
                    await anyio.lowlevel.checkpoint()
                return e.WaitEnded(agent=step.role)
            if step.kind in (Kind.RUN_GATE, Kind.CHECK_GATE):
                return await self.gate(run, step)
            return await perform(world, run, step)

        return Driver(run, self.journal, act)

    def choose(self, question: e.Question) -> str:
        """The drawn answer where it is offered; after many questions whatever comes to an end."""
        offered = [option.id for option in question.options]
        if question.kind == "checkpoint":  # a plain resume says the same
            return "continue"
        if question.kind == "human":
            return self.decide(question, offered)
        number = int(question.id.removeprefix("q"))
        # Side by side the order of the questions is not that of the plan: then each task has its answer.
        place = zlib.crc32(str(question.task).encode()) if self.scenario.settings.jobs > 1 else number - 1
        wanted = self.scenario.answers[place % len(self.scenario.answers)]
        order = ["skip", "continue", "abort"] if number > 12 else [wanted, "continue", "skip", "abort"]
        if question.kind == "budget" and number > 20:
            order = ["abort"]
        return next(choice for choice in order if choice in offered)

    def decide(self, question: e.Question, offered: list[str]) -> str:
        """A checkpoint is rejected as often as drawn, and then passed with the first answer."""
        task = question.task or ""
        rejected = sum(isinstance(v, e.Answered) and v.choice == "reject" for _, v in self.asked(task))
        return "reject" if "reject" in offered and rejected < self.scenario.rejects.get(task, 0) else offered[0]

    def asked(self, task: str) -> Iterator[tuple[str, e.Event]]:
        """The answers to the questions of a checkpoint, so far."""
        asked: set[str] = set()
        created, *rest = self.journal.events()
        assert isinstance(created[1], e.RunCreated)
        run = start(created[1], created[0])
        for at, event in rest:
            if run.pending and run.pending.kind == "human" and run.pending.task == task:
                asked.add(run.pending.id)
            if isinstance(event, e.Answered) and event.question in asked:
                yield at, event
            run = evolve(run, event, at)

    def review(self, brief: Brief) -> AgentReport:
        """A reviewer: the deed of this role's dispatch, dying before or after it where chosen."""
        done = self.scenario.reviews.get(f"{brief.task_id} {brief.review_role}", ())
        deed = done[brief.attempt - 1] if brief.attempt <= len(done) else "good"
        self.fuse("within the reviewer")
        if deed in LIMITED:
            return self.limited(deed)
        if over := stopped(brief, 1.0):
            return over
        if deed in ("failed", "idle", "unreadable"):
            return AgentReport(deed, detail="it ended badly", cost_usd=1.0)  # type: ignore[arg-type]
        if deed == "asks":
            return AgentReport("done", question="which?", cost_usd=1.0)
        if deed == "writes":
            self.workspace.reviewed[brief.review_role]["written-by-a-reviewer"] = "x"
        self.fuse("after the reviewer")
        severity: Any = "critical" if deed == "critical" else "high"
        found = (
            (ReviewFinding(severity=severity, issue="it is bad", file="f"),) if deed in ("fails", "critical") else ()
        )
        return AgentReport("done", cost_usd=1.0, review=Review(passed=not found, findings=found))

    def work(self, brief: Brief) -> AgentReport:
        """The agent: undoes its task's old faults and does the deed of this dispatch, dying half way where chosen."""
        if brief.role == "review":
            return self.review(brief)
        done = self.scenario.deeds.get(brief.task_id, ())
        deed = done[brief.attempt - 1] if brief.attempt <= len(done) else "good"
        if deed == "nothing":
            return AgentReport("done", cost_usd=1.0)
        if deed == "asks":
            return AgentReport("done", question="which?", cost_usd=1.0)
        files, id = self.workspace.held_at(brief.tree), brief.task_id
        cost = 0.25 if f"half-{id}" in files else 1.0  # what was begun before is finished for less
        for fault in FAULTS:
            files.pop(f"{fault}-{id}", None)
        if self.kind_of(id) == "verification":
            for path in [path for path in files if path.startswith("gate-")]:
                del files[path]
        files[f"half-{id}"] = str(brief.attempt)
        self.fuse("within the agent")
        if deed in LIMITED:
            return self.limited(deed)
        if over := stopped(brief, cost):
            return over
        del files[f"half-{id}"]
        files[f"f-{id}"] = f"{brief.role} {brief.attempt}"
        clashing = [path for path, text in files.items() if "<<<<<<<" in text]
        for path in clashing if deed != "conflict" else ():  # a good agent keeps what both sides intend
            files[path] = f"both, by {id}"
        if deed in FAULTS:
            files["shared" if deed == "shared" else f"{deed}-{id}"] = id
        self.fuse("after the agent")
        ended = deed if deed in ("failed", "idle", "unreadable") else "done"
        return AgentReport(ended, detail="it ended badly", cost_usd=cost, turns=2)  # type: ignore[arg-type]

    def limited(self, deed: str) -> AgentReport:
        """The report of an agent whose provider takes no work for so many seconds."""
        seconds = LIMITED[deed]
        now = datetime.fromisoformat(self.journal.clock.now())
        until = None if seconds is None else (now + timedelta(seconds=seconds)).isoformat()
        return AgentReport("rate-limited", detail="it has had enough", resets_at=until, cost_usd=0.125)

    def kind_of(self, task: str) -> TaskKind:
        return next(t.kind for t in self.scenario.tasks if t.id == task)

    async def gate(self, run: Run, step: Step) -> e.Event:
        """The gate of a task is red on its gate- file, and rewrites its ugly- file."""
        assert step.task is not None
        work = run.of(step.task).work
        assert work is not None
        if step.kind is Kind.CHECK_GATE:
            return e.GateChecked(task=step.task, red=f"gate-{step.task}" in self.workspace.content(work.base))
        await self.workspace.prepare(work.tree, work.base, f"replaced/gate-{step.task}-{step.number}", work.slot)
        files = self.workspace.held(work.slot)
        ok = not any(path.startswith(self.red_on(step.task)) for path in files)
        if files.get(f"ugly-{step.task}"):
            files[f"ugly-{step.task}"] = "formatted"
        self.fuse("after gate")
        return e.GateFinished(
            task=step.task,
            command="true",
            ok=ok,
            exit_code=int(not ok),
            detail="exit code 1",
            tree=await self.workspace.absorb(work.slot),
        )

    def red_on(self, task: str) -> tuple[str, ...]:
        """The files on which a gate is red; a verification is about all tasks, or it would never be."""
        return ("gate-",) if self.kind_of(task) == "verification" else (f"gate-{task}",)

    def suite(self, name: str, key: str, sha: str, only: frozenset[str] | None) -> Mapping[str, Outcome] | None:
        self.fuse("before suite")
        number = int(key.partition("#")[2].partition(" ")[0])
        if key.startswith("probe:") and number // 1000 in self.scenario.storms:
            return None
        behave = outcomes if name == "tests" else fixtures
        found = behave(self.workspace.content(sha), key, self.scenario.flaky)
        self.fuse("after suite")
        return found


@dataclass
class Patient:
    """The agent as the driver calls it. Of tasks that are done side by side each takes a while of its own."""

    game: Game

    def check(self) -> None: ...

    async def work(self, brief: Brief) -> AgentReport:
        if self.game.scenario.settings.jobs > 1:
            for _ in range(duration(brief.task_id, brief.attempt)):
                await anyio.lowlevel.checkpoint()
        report = self.game.work(brief)
        return replace(report, cost_usd=None) if self.game.silent else report


def stopped(brief: Brief, cost: float) -> AgentReport | None:
    """What a dispatch comes to that would pass a maximum: it is stopped a little late."""
    if brief.limits.turns is not None and brief.limits.turns < 2:
        return AgentReport("over-budget", limit="max-turns", cost_usd=cost, turns=brief.limits.turns + 1)
    if brief.limits.usd is not None and brief.limits.usd < cost:
        return AgentReport("over-budget", limit="max-usd", cost_usd=brief.limits.usd + 0.125, turns=1)
    return None


def duration(task: str, attempt: int) -> int:
    """How often others are let go first while this dispatch is under way."""
    return zlib.crc32(f"{task} {attempt}".encode()) % 13


def outcomes(files: Mapping[str, str], key: str, flaky: bool) -> dict[str, Outcome] | None:
    """The suite as a function of the files: the ground truth of this world."""
    faults = {path.partition("-")[0] for path in files}
    if "crash" in faults:
        return None
    unstable = ("shaky" in faults and odd(key, "wobbly")) or ("moody" in faults and key[-3:] in ("001", "002"))
    red = {"stable": False, "victim": "break" in faults, "wobbly": unstable}
    if "gone" not in faults:
        red["endangered"] = False
    if flaky:
        red["flake"] = odd(key, "flake")
    for path in files:
        if path.startswith("f-"):
            red[f"new-{path[2:]}"] = f"own-{path[2:]}" in files
    return {id: Outcome.FAILED if bad else Outcome.PASSED for id, bad in red.items()}


def fixtures(files: Mapping[str, str], key: str, flaky: bool) -> dict[str, Outcome] | None:
    """The second source as a function of the files; one of its fixtures has the name of a test."""
    faults = {path.partition("-")[0] for path in files}
    if "void" in faults or ("lapse" in faults and key[-4:] in ("3001", "3002")):
        return None
    red = {"login": False, "victim": "smash" in faults}
    if "lost" not in faults:
        red["checkout"] = False
    if flaky:
        red["slow"] = odd(key, "slow")
    return {id: Outcome.FAILED if bad else Outcome.PASSED for id, bad in red.items()}


def odd(key: str, id: str) -> bool:
    return bool(zlib.crc32(f"{key} {id}".encode()) & 8)


def begin(scenario: Scenario, folder: Path, crashes: frozenset[int] = frozenset(), backend: str = "asyncio") -> Game:
    fuse, clock = Fuse(crashes), SteppingClock()
    workspace = Weakened(folder, {"base": "x"}, fuse)
    workspace.begin()
    journal = MemoryJournal(clock, before=fuse, after=fuse)
    return Game(scenario, folder, fuse, backend, journal, workspace, MemoryReports())


# -- what two runs have in common


def end_state(game: Game, run: Run) -> dict[str, Any]:
    """What must not depend on whether a process died: no commit ids (they hold times), no warnings, no order."""
    return {
        "ended": (run.ended, run.exit_code, run.halted, run.fast_forwarded),
        "files": game.workspace.content(game.workspace.branch),
        "tasks": [(t.task.id, t.status, t.attempts, t.number, len(t.repairs), failures(t)) for t in run.tasks],
        "validations": [judged(v) for v in run.validations],
        "cost": run.cost,
        "questions": run.questions,
        "owed": run.owed,
        "reviews": [(t.review_rounds, sorted(map(reviewed, t.reviews))) for t in run.tasks],
    }


def failures(t: TaskRun) -> list[tuple[str, str, tuple[str, ...], bool]]:
    return [(f.type, f.action, f.tests, f.approved) for f in t.failures]


def reviewed(record: ReviewRecord) -> tuple[Any, ...]:
    said = [f.severity for f in record.findings]
    return record.role, record.number, record.round, record.ended, str(record.passed), said, record.taken


def judged(result: e.ValidationResult) -> dict[str, Any]:
    found = result.model_dump(exclude={"sha", "reference_sha", "reason", "notes"})
    found["settlements"] = {id: (s["task"], s["reference"]) for id, s in result.settlements.items()}
    return found


def made_for(game: Game) -> list[tuple[str, bool]]:
    """(task, whether it is a repair) of each commit on the run's branch, from its trailers."""
    found = []
    for sha in game.workspace.history(game.workspace.branch):
        lines = game.workspace.commits[sha].message.splitlines()
        task = next(line.partition(": ")[2] for line in lines if line.startswith("Superteam-Task: "))
        found.append((task, any(line.startswith("Superteam-Repair: ") for line in lines)))
    return found


def check_branch(game: Game, run: Run) -> None:
    """Exactly one commit for each complete task, one for each repair, none for the others; nothing is lost."""
    workspace, made = game.workspace, made_for(game)
    assert workspace.branch == run.tip
    for t in run.tasks:
        if t.task.kind in ("auto", "tdd"):
            assert made.count((t.task.id, False)) == (t.status == "complete"), t.task.id
        assert made.count((t.task.id, False)) == (t.commit_sha is not None), t.task.id
        assert t.status not in ("skipped", "failed", "blocked") or t.commit_sha is None, t.task.id
        assert made.count((t.task.id, True)) == len(t.repairs)
    reachable = {
        sha
        for tip in (workspace.branch, *workspace.kept.values())
        if tip in workspace.commits
        for sha in workspace.history(tip)
    }
    events = [event for _, event in game.journal.events()]
    made_objects = {event.sha for event in events if isinstance(event, e.CommitMade)}
    assert made_objects | {sha for move in workspace.moves for sha in move} - {workspace.start} <= reachable
    resumed = any(isinstance(event, e.RunResumed) for event in events)
    keys = [event.key for event in events if isinstance(event, e.StepStarted)]
    assert resumed or len(keys) == len(set(keys)), "the key of a step was used twice"
    on_branch = set(workspace.history(workspace.branch))
    assert on_branch == {sha for t in run.tasks for sha in (t.commit_sha, *t.repairs) if sha}


def check_reviews(game: Game, run: Run) -> None:
    """Nothing that a reviewer wrote is committed; no commit stands that a reviewer kept back or did not look at."""
    files = game.workspace.content(game.workspace.branch)
    assert "written-by-a-reviewer" not in files
    roles = run.settings.review.roles
    for t in run.tasks:
        for sha in (t.commit_sha, *t.repairs):
            if sha is None or not roles or not untouched(game, sha):
                continue
            said = {r.role: r for r in t.reviews if r.sha == sha}
            blocking = [r for r in said.values() if not r.taken and (r.passed is None or holds_back(r))]
            assert {*said} == {*roles} and not blocking


def untouched(game: Game, sha: str) -> bool:
    """Whether the commit changes something and is the one that was reviewed, not one that was put on again."""
    commit = game.workspace.commits[sha]
    parent = game.workspace.commits[commit.parent or ""]
    rebuilt = any(isinstance(event, e.BranchRebuilt) for _, event in game.journal.events())
    return commit.tree != parent.tree and not rebuilt


def holds_back(record: ReviewRecord) -> bool:
    if record.role == "security":
        return any(f.severity == "critical" for f in record.findings)
    return not record.passed


def check_truth(game: Game, run: Run) -> None:
    """Exit 0 without anybody having excused anything: the final tree breaks nothing in truth."""
    check_reviews(game, run)
    scenario = game.scenario
    chosen, config = {*scenario.answers}, run.settings
    unforced = not config.failure_actions and "approve" not in chosen
    if run.exit_code != 0 or not unforced:
        return
    files = game.workspace.content(game.workspace.branch)
    faults = {path.partition("-")[0] for path in files}
    if config.validation_command:
        assert "gate" not in faults
    declared = any(t.may_remove or t.may_fail for t in scenario.tasks)
    if config.test_command and config.validation_cadence != "on-demand" and not declared:
        assert not faults & {"break", "gone", "own", "crash", "weaken"}, files
    if config.sources and config.validation_cadence != "on-demand":
        assert not faults & {"smash", "lost", "void"}, files


# -- scenarios: from a seed, since evenly drawn ones reach the rare corners sooner than shrinkable ones


def scenario_of(rng: Random) -> Scenario:
    ids = [str(i + 1) for i in range(rng.choice((1, 2, 2, 3, 3)))]
    answers = ("retry", "approve", "rollback", "skip", "continue") + ("abort",) * (rng.random() < 0.2)
    return Scenario(
        tuple(task_of(rng, ids[: i + 1]) for i in range(len(ids))),
        configuration_of(rng),
        {id: tuple(deed_of(rng) for _ in range(rng.randrange(4))) for id in ids},
        tuple(rng.choice(answers) for _ in range(rng.randint(1, 4))),
        interactive=rng.random() < 0.5,
        flaky=rng.random() < 0.3,
        storms=frozenset(n for n in range(1, 7) if rng.random() < 0.07),
        reviews={f"{id} {role}": reviews_of(rng) for id in ids for role in ("spec", "security")},
    )


KINDS: tuple[TaskKind, ...] = ("auto", "auto", "verification", "human-verify", "decision", "human-action")


def mixed_scenario_of(rng: Random) -> Scenario:
    """A scenario with checkpoints and verifications among its tasks."""
    scenario = scenario_of(rng)
    last = task_of(rng, [*(t.id for t in scenario.tasks), str(len(scenario.tasks) + 1)])
    tasks = tuple(task.model_copy(update={"kind": rng.choice(KINDS)}) for task in (*scenario.tasks, last))
    return replace(scenario, tasks=tasks, rejects={task.id: rng.choice((0, 0, 1, 2)) for task in tasks})


def reviews_of(rng: Random) -> tuple[str, ...]:
    return tuple(rng.choice(("good", "fails", rng.choice(REVIEWS))) for _ in range(rng.randrange(5)))


def deed_of(rng: Random) -> str:
    return rng.choice(("good", rng.choice(FAULTS), rng.choice(FAULTS), rng.choice(ENDS)))


def task_of(rng: Random, ids: list[str]) -> Task:
    rare = [rng.random() < 0.15 for _ in range(5)]
    return Task(
        id=ids[-1],
        title=f"Task {ids[-1]}",
        depends_on=tuple(ids[-2:-1]) if rare[0] else (),
        allow_empty=rare[1],
        files=("f-*",) if rare[2] else (),
        may_fail=(f"new-{ids[-1]}",) if rare[3] else (),
        may_remove=("endangered",) if rare[4] else (),
    )


def configuration_of(rng: Random) -> Settings:
    roles = rng.choice(((), (), ("spec",), ("spec", "security")))
    overridden = [rng.choice(list(FailureType)) for _ in range(rng.choice((0, 0, 0, 1, 2)))]
    return Settings.model_validate(
        {
            "test-command": rng.choice(("suite", "suite", "suite", "suite", None)),
            "sources": rng.choice(((), (), (SMOKE,))),
            "validation-command": rng.choice(("true", None)),
            "validation-cadence": rng.choice(("every", "every", "every-2", "every-3", "on-demand")),
            "execution-mode": rng.choice(("auto", "auto", "checkpoint", "batch")),
            "batch-size": 2,
            "on-escalation": rng.choice(("ask", "ask", "pause", "skip", "abort")),
            "agent": {"use": "scripted", "max-attempts": rng.randint(1, 3)},
            "validation": {
                "auto-fix": rng.randint(0, 2),
                "reruns": rng.randint(1, 2),
                "confirmations": rng.randint(1, 2),
            },
            "review": {
                "roles": roles,
                "max-iterations": rng.randint(1, 3),
            },
            # What is left for a reviewer depends on whether the other one has ended, and so on a crash.
            "budget": budget_of(rng) if len(roles) < 2 else {"max-attempts": rng.choice((None, 2))},
            "failure-actions": {kind: rng.choice(list(Action)) for kind in overridden},
        }
    )


def budget_of(rng: Random) -> dict[str, Any]:
    """Mostly none, now and then several at once."""

    def rare(*amounts: float) -> float | None:
        return rng.choice((*[None] * 8, *amounts))

    return {
        "max-usd": rng.choice((None, None, None, 2.5)),
        "max-turns": rare(5),
        "max-attempts": rare(1, 3),
        "task": {"max-usd": rare(1.0, 1.5, 2.5), "max-turns": rare(3)},
        "dispatch": {"max-usd": rare(0.5, 1.5), "max-turns": rare(1)},
    }


seeds = st.integers(0, 2**32).map(Random)
QUICK = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@QUICK
@given(seeds, st.booleans())
def test_a_run_that_crashes_anywhere_ends_like_one_that_does_not(
    backend: str, tmp_path: Path, rng: Random, mixed: bool
) -> None:
    scenario = mixed_scenario_of(rng) if mixed else scenario_of(rng)
    calm = begin(scenario, tmp_path, backend=backend)
    undisturbed = calm.play()
    check_branch(calm, undisturbed)
    check_truth(calm, undisturbed)
    places = rng.sample(range(1, calm.fuse.count + 1), min(calm.fuse.count, rng.randint(1, 12)))
    stormy = begin(scenario, tmp_path, frozenset(places), backend)
    survived = stormy.play()
    check_branch(stormy, survived)
    assert end_state(stormy, survived) == end_state(calm, undisturbed)


@pytest.mark.parametrize("place", range(10))
def test_a_regression_that_is_fixed_survives_a_crash_at_each_single_place(place: int, tmp_path: Path) -> None:
    """Every place, not only drawn ones: a tenth of them in each of these tests."""
    scenario = of_tasks(2, {"1": ("break", "good"), "2": ("gate", "good")})
    calm = begin(scenario, tmp_path)
    wanted = end_state(calm, calm.play())
    for crash in range(place + 1, calm.fuse.count + 1, 10):
        stormy = begin(scenario, tmp_path, frozenset({crash}))
        survived = stormy.play()
        check_branch(stormy, survived)
        assert end_state(stormy, survived) == wanted, crash


# -- what single decisions come to


def of_tasks(count: int, deeds: Mapping[str, tuple[str, ...]], *answers: str, **config: Any) -> Scenario:
    tasks = tuple(Task(id=str(i + 1), title=f"Task {i + 1}") for i in range(count))
    given = {"test_command": "suite", "validation_command": "true", "agent": {"use": "scripted"}, **config}
    return Scenario(tasks, Settings.model_validate(given), deeds, answers or ("abort",))


def played(scenario: Scenario, folder: Path) -> tuple[Game, Run]:
    game = begin(scenario, folder)
    run = game.play()
    check_branch(game, run)
    check_truth(game, run)
    return game, run


def faults_left(game: Game) -> set[str]:
    found = game.workspace.content(game.workspace.branch)
    return {path for path in found if not path.startswith(("f-", "base"))}


def statuses(run: Run) -> str:
    return " ".join(t.status for t in run.tasks)


def test_with_every_a_fix_makes_a_new_object_and_one_commit(tmp_path: Path) -> None:
    game, run = played(of_tasks(2, {"1": ("break",)}), tmp_path)
    assert run.exit_code == 0 and run.of("1").attempts == 2 and not faults_left(game)
    assert made_for(game) == [("2", False), ("1", False)]
    assert [v.verdict for v in run.validations] == ["fail", "pass", "pass"]


def test_with_every_2_the_culprit_is_found_and_repaired_by_a_commit_of_its_own(tmp_path: Path) -> None:
    game, run = played(of_tasks(2, {"1": ("break",)}, validation_cadence="every-2"), tmp_path)
    assert run.exit_code == 0 and not faults_left(game)
    assert made_for(game) == [("1", True), ("2", False), ("1", False)]
    assert run.validations[0].introduced_by == {"victim": "1"}
    assert run.validations[0].after_task == "2"


def test_on_demand_validates_nothing_across_tasks(tmp_path: Path) -> None:
    game, run = played(of_tasks(2, {"1": ("break",)}, validation_cadence="on-demand"), tmp_path)
    assert run.exit_code == 0 and run.validations == () and faults_left(game) == {"break-1"}


@pytest.mark.parametrize(
    ("answer", "exit_code", "wanted", "left"),
    [
        ("approve", 0, "complete complete", {"break-1"}),
        ("skip", 0, "skipped complete", set()),
        ("rollback", 0, "complete complete", set()),
        ("retry", 0, "complete complete", set()),
        ("abort", 1, "running pending", set()),
    ],
)
@pytest.mark.parametrize("interactive", [False, True])
def test_each_answer_to_a_regression_does_what_it_says(
    interactive: bool, answer: str, exit_code: int, wanted: str, left: set[str], tmp_path: Path
) -> None:
    scenario = of_tasks(2, {"1": ("break",)}, answer, validation={"auto-fix": 0})
    game, run = played(replace(scenario, interactive=interactive), tmp_path)
    assert (run.exit_code, statuses(run), faults_left(game)) == (exit_code, wanted, left)
    assert run.questions == 1


@pytest.mark.parametrize("answer", ["approve", "skip", "rollback", "retry"])
def test_each_answer_to_a_culprit_below_the_tip_keeps_the_later_task(answer: str, tmp_path: Path) -> None:
    scenario = of_tasks(3, {"1": ("break",)}, answer, validation_cadence="every-3", validation={"auto-fix": 0})
    game, run = played(scenario, tmp_path)
    assert run.exit_code == 0 and run.questions == 1
    assert faults_left(game) == ({"break-1"} if answer == "approve" else set())
    assert run.of("2").attempts == run.of("3").attempts == 1
    assert run.of("1").status == ("skipped" if answer == "skip" else "complete")


def test_a_task_done_again_stands_above_the_later_ones_and_can_be_taken_back_again(tmp_path: Path) -> None:
    answers = ("rollback", "skip")
    deeds = {"1": ("break", "break")}
    scenario = of_tasks(2, deeds, *answers, validation_cadence="every-2", validation={"auto-fix": 0})
    game, run = played(scenario, tmp_path)
    assert statuses(run) == "skipped complete"
    assert made_for(game) == [("2", False)]


def test_what_conflicts_with_a_culprit_that_is_taken_back_is_done_again(tmp_path: Path) -> None:
    """Both tasks wrote the same file; without the first the second's commit does not merge."""
    scenario = of_tasks(3, {"1": ("shared", "good"), "2": ("shared",), "3": ("break",)}, "rollback")
    scenario = replace(scenario, settings=scenario.settings.model_copy(update={"validation_cadence": "every-N"}))
    _, run = played(scenario, tmp_path)
    assert statuses(run) == "complete complete complete"


def test_a_fix_that_changes_nothing_leaves_the_failure_as_it_was(tmp_path: Path) -> None:
    game, run = played(of_tasks(1, {"1": ("break", "nothing")}, "approve"), tmp_path)
    assert run.exit_code == 0 and faults_left(game) == {"break-1"}
    assert [f.action for f in run.of("1").failures if f.approved] == ["stop-show-diff"]


def test_a_repair_that_changes_nothing_is_no_commit(tmp_path: Path) -> None:
    scenario = of_tasks(2, {"1": ("break", "nothing")}, "approve", validation_cadence="every-2")
    game, run = played(scenario, tmp_path)
    assert run.exit_code == 0 and made_for(game) == [("2", False), ("1", False)]


def test_a_retry_without_a_change_is_one_more_dispatch(tmp_path: Path) -> None:
    _, run = played(of_tasks(1, {"1": ("gate",)}, "retry", validation={"auto-fix": 0}), tmp_path)
    assert run.exit_code == 0 and run.of("1").attempts == 2 and run.questions == 1


def test_dependants_of_a_skipped_task_are_blocked(tmp_path: Path) -> None:
    scenario = of_tasks(2, {"1": ("break",)}, "skip", validation={"auto-fix": 0})
    second = scenario.tasks[1].model_copy(update={"depends_on": ("1",)})
    _, run = played(replace(scenario, tasks=(scenario.tasks[0], second)), tmp_path)
    assert statuses(run) == "skipped blocked" and run.exit_code == 1


def test_checkpoint_mode_pauses_between_tasks_and_not_after_the_last(tmp_path: Path) -> None:
    _, run = played(of_tasks(3, {}, execution_mode="checkpoint"), tmp_path)
    assert run.exit_code == 0 and run.questions == 2


def test_a_maximum_asks_and_continue_allows_the_same_amount_again(tmp_path: Path) -> None:
    _, run = played(of_tasks(3, {}, "continue", budget={"max-usd": 1.0}), tmp_path)
    assert run.exit_code == 0 and run.questions == 3 and run.cost.usd == 3.0


def test_a_branch_that_somebody_moved_is_not_overwritten(tmp_path: Path) -> None:
    game = begin(of_tasks(1, {}), tmp_path)
    game.workspace.branch = "somebody's"
    with pytest.raises(ExceptionGroup) as caught:
        game.play()
    assert caught.group_contains(WorkspaceError)
    assert game.workspace.branch == "somebody's"


# -- every failure type comes to the one place where it is resolved, with the user's override


RAISES: Mapping[str, Scenario] = {
    "parse-error": of_tasks(1, {"1": ("unreadable",)}),
    "parse-error of an artifact": of_tasks(1, {"1": ("void",)}, sources=(SMOKE,)),
    "impl-crash": of_tasks(1, {"1": ("failed",)}),
    "tool-timeout": of_tasks(1, {"1": ("idle",)}),
    "validation-failure": of_tasks(1, {"1": ("gate",)}),
    "test-regression": of_tasks(1, {"1": ("break",)}),
    "test-missing": of_tasks(1, {"1": ("gone",)}),
    "expectation-changed": of_tasks(1, {"1": ("weaken",)}),
    "suite-crash": of_tasks(1, {"1": ("crash",)}),
    "environment": replace(of_tasks(1, {}), storms=frozenset({2})),
    "test-suspect": of_tasks(1, {"1": ("moody",)}),
    "test-flake": replace(of_tasks(6, {}), flaky=True),
    "test-preexisting": replace(of_tasks(6, {}), flaky=True),
    "review-max-retries": replace(
        of_tasks(1, {}, review={"roles": ["spec"], "max-iterations": 1}), reviews={"1 spec": ("fails",) * 9}
    ),
    "scope-violation": replace(of_tasks(1, {}), tasks=(Task(id="1", title="x", files=("elsewhere",)),)),
}


def test_the_list_of_failures_is_whole() -> None:
    assert {name.partition(" ")[0] for name in RAISES} | {"budget-threshold"} == {kind.value for kind in FailureType}


@pytest.mark.parametrize("action", [None, *Action])
@pytest.mark.parametrize("case", RAISES)
def test_each_failure_is_resolved_with_the_users_override(case: str, action: Action | None, tmp_path: Path) -> None:
    kind, scenario = case.partition(" ")[0], RAISES[case]
    overrides = {FailureType(kind): action} if action else {}
    chosen = scenario.settings.model_copy(update={"failure_actions": overrides})
    _, run = played(replace(scenario, settings=chosen, answers=("abort",)), tmp_path)
    actions = {f.action for t in run.tasks for f in t.failures if f.type == kind}
    assert actions == {action or DEFAULT_ACTIONS[FailureType(kind)]}


@pytest.mark.parametrize("action", list(Action))
def test_a_maximum_is_resolved_with_the_users_override(action: Action, tmp_path: Path) -> None:
    scenario = of_tasks(2, {}, budget={"max-usd": 1.0}, failure_actions={"budget-threshold": action})
    game, run = played(scenario, tmp_path)
    chosen = [event.action for _, event in game.journal.events() if isinstance(event, e.ActionChosen)]
    assert chosen and set(chosen) == {action}
    assert run.exit_code == (0 if action in (Action.WARN_CONTINUE, Action.IGNORE) else 1)


def test_a_suspect_whose_task_was_skipped_is_not_charged_to_it_for_ever(tmp_path: Path) -> None:
    """Found by the property tests: the skip of a task that stood on the branch no more was done again and again."""
    config = {"validation_cadence": "every-2", "validation": {"reruns": 1}, "budget": {"max-usd": 2.5}}
    deeds = {"1": ("shaky", "nothing", "idle"), "2": ("scope",), "3": ("scope",)}
    scenario = of_tasks(3, deeds, "skip", "skip", "skip", "continue", on_escalation="pause", **config)
    assert begin(replace(scenario, interactive=True), tmp_path).play().ended


# -- several sources


def test_a_fixture_that_is_broken_is_mended_before_the_branch_moves(tmp_path: Path) -> None:
    game, run = played(of_tasks(2, {"1": ("smash",)}, sources=(SMOKE,)), tmp_path)
    assert run.exit_code == 0 and run.of("1").attempts == 2 and not faults_left(game)
    assert made_for(game) == [("2", False), ("1", False)]
    told = [(v.source, v.verdict) for v in run.validations]
    assert told[:4] == [("tests", "pass"), ("smoke", "fail"), ("tests", "pass"), ("smoke", "pass")]


def test_what_is_taken_as_it_is_in_one_source_is_not_known_in_the_other(tmp_path: Path) -> None:
    """The fixture and the test have one name; the fixture's failure was approved, the test's is not."""
    answers = ("approve", "skip")
    scenario = of_tasks(2, {"1": ("smash",), "2": ("break",)}, *answers, sources=(SMOKE,), validation={"auto-fix": 0})
    game, run = played(scenario, tmp_path)
    assert statuses(run) == "complete skipped" and faults_left(game) == {"smash-1"}
    assert run.source("smoke").known == {"victim"} and not run.source("tests").known


def test_only_what_all_sources_accept_becomes_the_reference_of_any(tmp_path: Path) -> None:
    scenario = of_tasks(1, {"1": ("smash",)}, "skip", sources=(SMOKE,), validation={"auto-fix": 0})
    _, run = played(scenario, tmp_path)
    assert statuses(run) == "skipped"
    assert [len(run.source(name).points) for name in ("tests", "smoke")] == [1, 1]


def test_a_second_source_alone_validates_at_the_cadence(tmp_path: Path) -> None:
    scenario = of_tasks(3, {"1": ("smash",)}, test_command=None, sources=(SMOKE,), validation_cadence="every-2")
    game, run = played(scenario, tmp_path)
    assert run.exit_code == 0 and not faults_left(game)
    assert run.validations[0].introduced_by == {"victim": "1"} and run.validations[0].source == "smoke"
    assert made_for(game) == [("3", False), ("1", True), ("2", False), ("1", False)]


def test_a_run_halts_with_the_name_of_a_source_that_gives_no_baseline(tmp_path: Path) -> None:
    game = begin(of_tasks(1, {}, sources=(SMOKE,)), tmp_path)
    game.workspace.files["void-0"] = "x"
    game.workspace.begin()
    run = game.play()
    assert run.halted == "source smoke: there is no report" and run.of("1").attempts == 0
    assert [event.baseline.source for _, event in game.journal.events() if isinstance(event, e.BaselineCaptured)] == [
        "tests",
        "smoke",
    ]


@pytest.mark.parametrize(
    ("action", "retries", "code"),
    [("auto-retry", 2, 1), ("retry-then-escalate", 1, 1), ("escalate", 0, 1), ("warn-continue", 0, 3)],
)
def test_an_artifact_that_cannot_be_read_is_judged_again_and_then_asked_about(
    action: str, retries: int, code: int, tmp_path: Path
) -> None:
    scenario = of_tasks(1, {"1": ("void",)}, sources=(SMOKE,), failure_actions={"parse-error": action})
    _, run = played(scenario, tmp_path)
    smoke = [v for v in run.validations if v.source == "smoke"]
    assert (run.exit_code, run.of("1").attempts, run.questions) == (code, 1, int(code == 1))
    assert {(f.type, f.source) for f in run.of("1").failures} == {("parse-error", "smoke")}
    assert [v.verdict for v in smoke[: retries + 1]] == ["inconclusive"] * (retries + 1)
    assert code == 3 or len(smoke) == retries + 1


def test_an_artifact_that_can_be_read_again_is_nothing_to_ask_about(tmp_path: Path) -> None:
    """The agent did nothing wrong: what it left is judged again, and no fix is dispatched."""
    _, run = played(of_tasks(1, {"1": ("lapse",)}, sources=(SMOKE,)), tmp_path)
    assert run.exit_code == 0 and run.of("1").attempts == 1 and run.questions == 0
    assert [f.type for f in run.of("1").failures] == ["parse-error"]


OTHER = {**SMOKE, "command": ["smoke", "--slowly"]}
SOURCES = ((), (SMOKE,), (OTHER,), (SMOKE, {**SMOKE, "name": "smoke-2"}))


@QUICK
@given(seeds)
def test_sources_that_come_go_or_change_while_a_run_is_down_leave_nothing_unjudged(tmp_path: Path, rng: Random) -> None:
    game = begin(changing_of(rng), tmp_path, frozenset(rng.sample(range(1, 150), rng.randint(1, 8))))
    run = game.play()
    check_branch(game, run)
    check_truth(game, run)


def changing_of(rng: Random) -> Scenario:
    """A scenario whose sources are others each time the run is taken up."""
    scenario = scenario_of(rng)
    given = scenario.settings.model_dump(exclude={"sources", "test_command"})
    later = tuple(
        Settings.model_validate({**given, "sources": rng.choice(SOURCES), "test_command": rng.choice(("suite", None))})
        for _ in range(rng.randint(1, 3))
    )
    return replace(scenario, later=later)


# -- reviews


def of_reviews(
    *spec: str, security: tuple[str, ...] = (), answers: tuple[str, ...] = ("abort",), **more: Any
) -> Scenario:
    roles = ["spec", "security"] if security else ["spec"]
    config = {"review": {"roles": roles, "max-iterations": 2}, "validation_command": None, **more}
    return replace(of_tasks(1, {}, *answers, **config), reviews={"1 spec": spec, "1 security": security})


def verdicts(run: Run) -> list[tuple[str, int, bool | None]]:
    return sorted((r.role, r.round, r.passed) for r in run.of("1").reviews)


def test_a_round_that_fails_is_followed_by_one_fix_and_a_round_of_all(tmp_path: Path) -> None:
    game, run = played(of_reviews("fails", security=("critical",)), tmp_path)
    assert run.exit_code == 0 and run.of("1").attempts == 2 and made_for(game) == [("1", False)]
    assert verdicts(run) == [("security", 1, False), ("security", 2, True), ("spec", 1, False), ("spec", 2, True)]


def test_an_optional_role_blocks_on_critical_findings_only(tmp_path: Path) -> None:
    _, run = played(of_reviews("good", security=("fails",)), tmp_path)
    assert run.exit_code == 0 and run.of("1").attempts == 1


def test_no_attempt_left_ends_the_rounds(tmp_path: Path) -> None:
    _, run = played(of_reviews("fails", agent={"use": "x", "max-attempts": 1}), tmp_path)
    assert [f.message for f in run.of("1").failures] == [
        "the reviews do not pass after 1 round; no attempt is left (max-attempts 1)"
    ]


def test_retry_reviews_again_and_never_counts_as_passed(tmp_path: Path) -> None:
    _, run = played(of_reviews("fails", "fails", "fails", "good", answers=("retry",)), tmp_path)
    assert run.exit_code == 0 and run.questions == 1 and run.of("1").attempts == 3
    assert [passed for _, _, passed in verdicts(run)] == [False, False, False, True]


def test_one_reviewer_that_gave_no_verdict_is_asked_again_and_the_others_are_not(tmp_path: Path) -> None:
    _, run = played(of_reviews("unreadable", "unreadable", "good", security=("good",)), tmp_path)
    assert run.exit_code == 0 and run.of("1").attempts == 1
    assert [(r.role, r.ended, r.round) for r in sorted(run.of("1").reviews, key=lambda r: (r.role, r.number))] == [
        ("security", "done", 1),
        ("spec", "unreadable", 1),
        ("spec", "unreadable", 1),
        ("spec", "done", 1),
    ]


def test_a_missing_verdict_that_is_let_pass_leaves_the_others_verdicts_standing(tmp_path: Path) -> None:
    actions = {"failure_actions": {"impl-crash": "ignore"}}
    _, run = played(of_reviews("failed", "good", security=("critical", "good"), **actions), tmp_path)
    assert run.exit_code == 0 and run.of("1").attempts == 2
    assert [r.taken for r in run.of("1").reviews if r.passed is None] == [True]


def test_a_repair_is_reviewed_as_well(tmp_path: Path) -> None:
    scenario = of_tasks(2, {"1": ("break",)}, validation_cadence="every-2", review={"roles": ["spec"]})
    game, run = played(replace(scenario, reviews={"1 spec": ("good", "fails", "good")}), tmp_path)
    assert run.exit_code == 0 and not faults_left(game)
    assert made_for(game) == [("1", True), ("2", False), ("1", False)]
    assert verdicts(run) == [("spec", 1, True), ("spec", 2, False), ("spec", 3, True)]


def test_a_maximum_that_one_reviewer_reaches_does_not_end_the_others(tmp_path: Path) -> None:
    scenario = of_reviews("good", security=("good",), answers=("continue",), budget={"max-usd": 2.0})
    game, run = played(scenario, tmp_path)
    assert run.exit_code == 0 and run.cost.usd == 3.0 and run.questions == 1
    assert not [event for _, event in game.journal.events() if isinstance(event, e.StepCancelled)]


def test_what_a_reviewer_writes_is_kept_under_a_ref_only(tmp_path: Path) -> None:
    game, run = played(of_reviews("writes"), tmp_path)
    assert run.exit_code == 0 and run.of("1").reviews[0].changed == ("written-by-a-reviewer",)
    kept = [sha for ref, sha in game.workspace.kept.items() if ref.startswith("replaced/review-1-1.spec")]
    assert ["written-by-a-reviewer" in game.workspace.content(sha) for sha in kept] == [True]


def test_roles_that_are_taken_away_while_a_run_is_away_are_not_waited_for(tmp_path: Path) -> None:
    """Without anything to do the run would end, with its task undone."""
    scenario = of_reviews("good")
    stop = next(n for n in range(1, 200) if _dies_within_the_reviewer(scenario, tmp_path, n))
    game = begin(scenario, tmp_path, frozenset({stop}))
    with pytest.raises(ExceptionGroup):
        game.live()
    without = scenario.settings.model_copy(update={"review": Settings().review})
    game.scenario = replace(scenario, settings=without)
    run = game.play()
    assert run.exit_code == 0 and statuses(run) == "complete"


def _dies_within_the_reviewer(scenario: Scenario, folder: Path, place: int) -> bool:
    game = begin(scenario, folder, frozenset({place}))
    try:
        game.live()
    except Crash as at_once:
        return str(at_once) == "within the reviewer"
    except ExceptionGroup as group:
        return str(group.exceptions[0]) == "within the reviewer"
    return False
