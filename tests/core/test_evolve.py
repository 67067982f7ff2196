"""Crash anywhere, then resume, ends the same: the real rules, the real driver and the real steps in a scripted world.

Agents, gates and suites behave as a drawn scenario says, as functions of the files and of the step's key, so that a
step that is repeated after a crash sees what it saw before. Only end states are compared, never orders.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
from superteam.core.failures import DEFAULT_ACTIONS, Action, FailureType
from superteam.core.plan import Plan, Task
from superteam.core.results import Outcome
from superteam.core.run import Run, TaskRun
from superteam.core.settings import Settings
from superteam.engine.driver import Driver
from superteam.engine.steps import perform
from superteam.engine.world import World
from superteam.errors import WorkspaceError
from superteam.ports import AgentReport, Brief
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
# gate: the gate is red; ugly: the gate rewrites a file; shared: later tasks touch the same file.
FAULTS = ("break", "gone", "shaky", "moody", "own", "crash", "gate", "ugly", "shared", "scope")
ENDS = ("failed", "idle", "unreadable", "nothing", "asks")
ROUNDS = 200


class Crash(Exception):
    """The process was killed here."""


@dataclass(frozen=True)
class Scenario:
    """What the world does: the deeds of each task's dispatches in order (later ones are good), and a person's answers.

    `storms` are serials of probes in which no suite works anywhere.
    """

    tasks: tuple[Task, ...]
    settings: Settings
    deeds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    answers: tuple[str, ...] = ("retry",)
    interactive: bool = False
    flaky: bool = False
    storms: frozenset[int] = frozenset()


@dataclass
class Fuse:
    """Counts the places where a process can die, and dies at the chosen ones."""

    chosen: frozenset[int]
    count: int = 0

    def __call__(self, place: str) -> None:
        self.count += 1
        if self.count in self.chosen:
            raise Crash(place)


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
            driver.record(e.Answered(question=run.pending.id, choice=self.choose(run.pending)))
        wanted = self.scenario
        driver.record(e.RunResumed(settings=wanted.settings, interactive=wanted.interactive, pid=2, host="here"))
        return self.drive(driver.run)

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
            source=lambda key, granularity: ScriptedSource(partial(self.suite, key)),
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
            if step.kind in (Kind.RUN_GATE, Kind.CHECK_GATE):
                return await self.gate(run, step)
            return await perform(world, run, step)

        return Driver(run, self.journal, act)

    def choose(self, question: e.Question) -> str:
        """The drawn answer where it is offered; after many questions whatever comes to an end."""
        offered = [option.id for option in question.options]
        if question.kind == "checkpoint":  # a plain resume says the same
            return "continue"
        number = int(question.id.removeprefix("q"))
        # Side by side the order of the questions is not that of the plan: then each task has its answer.
        place = zlib.crc32(str(question.task).encode()) if self.scenario.settings.jobs > 1 else number - 1
        wanted = self.scenario.answers[place % len(self.scenario.answers)]
        order = ["skip", "continue", "abort"] if number > 12 else [wanted, "continue", "skip", "abort"]
        if question.kind == "budget" and number > 20:
            order = ["abort"]
        return next(choice for choice in order if choice in offered)

    def work(self, brief: Brief) -> AgentReport:
        """The agent: undoes its task's old faults and does the deed of this dispatch, dying half way where chosen."""
        done = self.scenario.deeds.get(brief.task_id, ())
        deed = done[brief.attempt - 1] if brief.attempt <= len(done) else "good"
        if deed == "nothing":
            return AgentReport("done", cost_usd=1.0)
        if deed == "asks":
            return AgentReport("done", question="which?", cost_usd=1.0)
        files, id = self.workspace.held_at(brief.tree), brief.task_id
        for fault in FAULTS:
            files.pop(f"{fault}-{id}", None)
        files[f"half-{id}"] = str(brief.attempt)
        self.fuse("within the agent")
        del files[f"half-{id}"]
        files[f"f-{id}"] = f"{brief.role} {brief.attempt}"
        clashing = [path for path, text in files.items() if "<<<<<<<" in text]
        for path in clashing if deed != "conflict" else ():  # a good agent keeps what both sides intend
            files[path] = f"both, by {id}"
        if deed in FAULTS:
            files["shared" if deed == "shared" else f"{deed}-{id}"] = id
        self.fuse("after the agent")
        ended = deed if deed in ("failed", "idle", "unreadable") else "done"
        return AgentReport(ended, detail="it ended badly", cost_usd=1.0)  # type: ignore[arg-type]

    async def gate(self, run: Run, step: Step) -> e.Event:
        """The gate of a task is red on its gate- file, and rewrites its ugly- file."""
        assert step.task is not None
        work = run.of(step.task).work
        assert work is not None
        if step.kind is Kind.CHECK_GATE:
            return e.GateChecked(task=step.task, red=f"gate-{step.task}" in self.workspace.content(work.base))
        await self.workspace.prepare(work.tree, work.base, f"replaced/gate-{step.task}-{step.number}", work.slot)
        files = self.workspace.held(work.slot)
        ok = f"gate-{step.task}" not in files
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

    def suite(self, key: str, sha: str, only: frozenset[str] | None) -> Mapping[str, Outcome] | None:
        self.fuse("before suite")
        number = int(key.partition("#")[2])
        if key.startswith("probe:") and number // 1000 in self.scenario.storms:
            return None
        found = outcomes(self.workspace.content(sha), key, self.scenario.flaky)
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
        return self.game.work(brief)


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


def odd(key: str, id: str) -> bool:
    return bool(zlib.crc32(f"{key} {id}".encode()) & 8)


def begin(scenario: Scenario, folder: Path, crashes: frozenset[int] = frozenset(), backend: str = "asyncio") -> Game:
    fuse, clock = Fuse(crashes), SteppingClock()
    workspace = MemoryWorkspace(folder, {"base": "x"}, fuse)
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
    }


def failures(t: TaskRun) -> list[tuple[str, str, tuple[str, ...], bool]]:
    return [(f.type, f.action, f.tests, f.approved) for f in t.failures]


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
        assert made.count((t.task.id, False)) == (t.status == "complete"), t.task.id
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


def check_truth(game: Game, run: Run) -> None:
    """Exit 0 without anybody having excused anything: the final tree breaks nothing in truth."""
    scenario = game.scenario
    chosen, config = {*scenario.answers}, scenario.settings
    unforced = not config.failure_actions and "approve" not in chosen
    if run.exit_code != 0 or not unforced:
        return
    files = game.workspace.content(game.workspace.branch)
    faults = {path.partition("-")[0] for path in files}
    if config.validation_command:
        assert "gate" not in faults
    declared = any(t.may_remove or t.may_fail for t in scenario.tasks)
    if config.test_command and config.validation_cadence != "on-demand" and not declared:
        assert not faults & {"break", "gone", "own", "crash"}, files


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
    )


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
    overridden = [rng.choice(list(FailureType)) for _ in range(rng.choice((0, 0, 0, 1, 2)))]
    return Settings.model_validate(
        {
            "test-command": rng.choice(("suite", "suite", "suite", "suite", None)),
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
            "budget": {"max-usd": rng.choice((None, None, None, 2.5))},
            "failure-actions": {kind: rng.choice(list(Action)) for kind in overridden},
        }
    )


seeds = st.integers(0, 2**32).map(Random)
QUICK = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@QUICK
@given(seeds)
def test_a_run_that_crashes_anywhere_ends_like_one_that_does_not(backend: str, tmp_path: Path, rng: Random) -> None:
    scenario = scenario_of(rng)
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
    "impl-crash": of_tasks(1, {"1": ("failed",)}),
    "tool-timeout": of_tasks(1, {"1": ("idle",)}),
    "validation-failure": of_tasks(1, {"1": ("gate",)}),
    "test-regression": of_tasks(1, {"1": ("break",)}),
    "test-missing": of_tasks(1, {"1": ("gone",)}),
    "suite-crash": of_tasks(1, {"1": ("crash",)}),
    "environment": replace(of_tasks(1, {}), storms=frozenset({2})),
    "test-suspect": of_tasks(1, {"1": ("moody",)}),
    "test-flake": replace(of_tasks(6, {}), flaky=True),
    "test-preexisting": replace(of_tasks(6, {}), flaky=True),
    "scope-violation": replace(of_tasks(1, {}), tasks=(Task(id="1", title="x", files=("elsewhere",)),)),
}
NOT_YET_RAISED = {"review-max-retries"}


def test_the_list_of_failures_is_whole() -> None:
    assert RAISES.keys() | NOT_YET_RAISED | {"budget-threshold"} == {kind.value for kind in FailureType}


@pytest.mark.parametrize("action", [None, *Action])
@pytest.mark.parametrize("kind", RAISES)
def test_each_failure_is_resolved_with_the_users_override(kind: str, action: Action | None, tmp_path: Path) -> None:
    overrides = {FailureType(kind): action} if action else {}
    scenario = RAISES[kind]
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
    assert begin(scenario_of(Random(153)), tmp_path).play().ended
