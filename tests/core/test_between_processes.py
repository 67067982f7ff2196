"""Plan, configuration and tree change between two processes: nothing is lost, nothing passes unjudged, no dead end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import hypothesis
import pytest
from hypothesis import given
from test_evolve import (
    KINDS,
    QUICK,
    SMOKE,
    Crash,
    Game,
    Scenario,
    begin,
    check_branch,
    configuration_of,
    mixed_scenario_of,
    of_tasks,
    seeds,
    statuses,
)
from test_side_by_side import EVENT_LIMIT, kinds, side_by_side, states, two

from superteam.app.running import plan_changes
from superteam.core import events as e
from superteam.core.adjust import refusal
from superteam.core.decide import Kind, decide
from superteam.core.evolve import evolve
from superteam.core.plan import Plan, Task, TaskKind
from superteam.core.run import Phase, Run
from superteam.core.settings import Settings

SOME = hypothesis.settings(QUICK, max_examples=40)


@dataclass
class Restless(Game):
    """Between two processes somebody edits the plan, as long as there are edits left, and adjusts what is left."""

    rng: Random = field(default_factory=Random)
    edits: int = 4

    def live(self) -> Run:
        if not self.journal.records:
            return super().live()
        run = self.journal.replay()
        if run.ended:
            return run
        self.adjust(run)
        driver = self.driver(self.journal.replay())
        if (asked := driver.run.pending) and not driver.run.interactive:
            driver.record(e.Answered(question=asked.id, choice=self.choose(asked), note="not so"))
        driver.record(self.resumed(driver.run))
        if self.edits and not driver.run.aborted and self.rng.random() < 0.4:  # an aborted run takes no task up
            self.edits -= 1
            changed = plan_changes(driver.run, self.edited(driver.run))
            assert changed is not None
            driver.record(changed)
        return self.drive(driver.run)

    def adjust(self, run: Run) -> None:
        ids = [t.task.id for t in run.tasks]
        chosen = tuple(self.rng.sample(ids, min(len(ids), self.rng.randint(1, 3))))
        change = self.rng.choice(("drop", "skip", "reorder"))
        if self.rng.random() < 0.2 and refusal(run, change, chosen) is None:
            self.driver(run).record(e.PlanAdjusted(change=change, tasks=chosen))

    def edited(self, run: Run) -> Plan:
        tasks = list(run.plan.tasks)
        for _ in range(self.rng.randint(1, 2)):
            tasks = edited(self.rng, tasks, {t.task.id: t.task.kind for t in run.tasks if t.status == "complete"})
        known = {task.id: task for task in (*self.scenario.tasks, *tasks)}
        self.scenario = replace(self.scenario, tasks=tuple(known.values()))
        return run.plan.model_copy(update={"tasks": tuple(tasks), "sha256": str(self.rng.random())})


def edited(rng: Random, tasks: list[Task], complete: Mapping[str, TaskKind]) -> list[Task]:
    """The tasks after one edit. What a finished task is stays as it was: a decision has no commit for another kind."""
    edit, place = rng.choice(("title", "kind", "remove", "add", "order")), rng.randrange(len(tasks))
    task = tasks[place]
    if edit == "title":
        tasks[place] = task.model_copy(update={"title": f"Title {rng.random()}"})
    elif edit == "kind" and task.id not in complete:
        tasks[place] = task.model_copy(update={"kind": rng.choice(KINDS)})
    elif edit == "remove" and len(tasks) > 1:
        rest = [other for other in tasks if other is not task]
        return [t.model_copy(update={"depends_on": tuple(set(t.depends_on) - {task.id})}) for t in rest]
    elif edit == "add":
        id = str(rng.randint(1, 9))
        kind = complete.get(id) or rng.choice(KINDS)
        new = Task(id=id, title=f"New {id}", files=(f"f-{id}",), kind=kind)
        return tasks if id in {t.id for t in tasks} else [*tasks[:place], new, *tasks[place:]]
    elif edit == "order":
        rng.shuffle(tasks)
    return tasks


def restless(scenario: Scenario, folder: Path, rng: Random, crashes: frozenset[int] = frozenset()) -> Restless:
    game = begin(scenario, folder, crashes)
    return Restless(scenario, folder, game.fuse, game.backend, game.journal, game.workspace, game.reports, rng)


@SOME
@given(seeds)
def test_whatever_changes_between_processes_nothing_is_lost_and_the_run_comes_to_an_end(
    tmp_path: Path, rng: Random
) -> None:
    scenario = rng.choice((side_by_side, mixed_scenario_of))(rng)
    if rng.random() < 0.4:
        later = (configuration_of(rng).model_copy(update={"jobs": rng.randint(1, 4)}) for _ in range(rng.randint(1, 3)))
        scenario = replace(scenario, later=tuple(later))
    game = restless(scenario, tmp_path, rng, frozenset(rng.sample(range(1, 200), rng.randint(0, 6))))
    run = game.play()
    check_branch(game, run)
    assert len(game.journal.records) < EVENT_LIMIT


# -- what single changes come to


def stop_at(scenario: Scenario, folder: Path, *places: str) -> Game:
    """The game after a process that died at the last of these places, each reached after the one before it."""
    game, left = begin(scenario, folder), list(places)

    def fuse(place: str) -> None:
        if left and place == left[0]:
            left.pop(0)
            if not left:
                raise Crash(place)

    game.workspace.at = fuse  # type: ignore[assignment]
    try:
        game.live()
    except* Crash:
        pass
    assert not left
    return game


def change_plan(game: Game, tasks: tuple[Task, ...]) -> Run:
    """The next process, which finds the plan changed."""
    driver = game.driver(game.journal.replay())
    driver.record(game.resumed(driver.run))
    changed = plan_changes(driver.run, driver.run.plan.model_copy(update={"tasks": tasks, "sha256": "1"}))
    assert changed is not None
    driver.record(changed)
    return game.drive(driver.run)


def renamed(task: Task) -> Task:
    return task.model_copy(update={"title": "otherwise"})


def commits(game: Game) -> list[str]:
    return [event.sha for _, event in game.journal.events() if isinstance(event, e.CommitMade)]


def paused(scenario: Scenario, folder: Path) -> Game:
    """The game when the first process has ended with a question."""
    game = begin(scenario, folder)
    assert game.live().pending
    return game


ASKS = {"validation": {"auto-fix": 0}}


@pytest.mark.parametrize("removed", [False, True])
def test_a_commit_made_for_the_old_text_of_a_task_stays_reachable(removed: bool, tmp_path: Path) -> None:
    scenario = of_tasks(2, {"2": ("break",)}, **ASKS)
    game = paused(scenario, tmp_path)
    first, second = scenario.tasks
    run = change_plan(game, (first,) if removed else (first, renamed(second)))
    assert run.exit_code == 0 and run.pending is None
    assert statuses(run) == "complete" if removed else "complete complete"
    assert commits(game)[1] in game.workspace.kept.values()
    check_branch(game, run)


def test_a_changed_task_whose_commit_the_branch_stands_at_already_is_finished_and_asked_about(tmp_path: Path) -> None:
    scenario = of_tasks(2, {})
    game = stop_at(scenario, tmp_path, "after move")
    assert game.journal.replay().of("1").work.phase is Phase.MOVE  # type: ignore[union-attr]
    run = change_plan(game, (renamed(scenario.tasks[0]), scenario.tasks[1]))
    assert run.pending and run.pending.kind == "plan" and run.pending.task == "1"
    assert run.tip == game.workspace.branch and statuses(run) == "complete pending"


def test_a_removed_task_whose_commit_the_branch_stands_at_already_is_finished(tmp_path: Path) -> None:
    scenario = of_tasks(2, {})
    run = change_plan(stop_at(scenario, tmp_path, "after move"), scenario.tasks[1:])
    assert (run.exit_code, statuses(run)) == (0, "complete complete")


def test_what_reviewers_passed_but_a_new_command_did_not_judge_is_judged_on_the_branch(tmp_path: Path) -> None:
    """The question is answered with the old configuration's tree, before the new one's baseline is captured."""
    roles = {"roles": ["spec"], "max-iterations": 1}
    scenario = of_tasks(1, {}, "approve", review=roles)
    scenario = replace(scenario, reviews={"1 spec": ("fails",)})
    game = paused(scenario, tmp_path)
    judged = Settings.model_validate({**scenario.settings.model_dump(by_alias=True), "test-command": "another"})
    driver = game.driver(game.journal.replay())
    driver.record(e.RunResumed(settings=judged, interactive=False, again=("tests",), pid=2, host="here"))
    assert driver.run.pending is not None
    driver.record(e.Answered(question=driver.run.pending.id, choice="approve"))
    run = game.drive(driver.run)
    assert run.exit_code == 0 and [v.verdict for v in run.validations] == ["pass", "pass"]
    assert run.unvalidated == () and run.reference("tests") == run.tip


def test_a_source_that_is_new_judges_what_was_reviewed_before_it_came(tmp_path: Path) -> None:
    roles = {"roles": ["spec"], "max-iterations": 1}
    scenario = replace(of_tasks(1, {}, "approve", review=roles), reviews={"1 spec": ("fails",)})
    game = paused(scenario, tmp_path)
    more = Settings.model_validate({**scenario.settings.model_dump(by_alias=True), "sources": [SMOKE]})
    driver = game.driver(game.journal.replay())
    driver.record(e.RunResumed(settings=more, interactive=False, pid=2, host="here"))
    assert driver.run.pending is not None
    driver.record(e.Answered(question=driver.run.pending.id, choice="approve"))
    run = game.drive(driver.run)
    assert run.exit_code == 0 and {v.source for v in run.validations} == {"tests", "smoke"}


def test_a_question_in_the_queue_about_a_source_that_is_gone_is_not_asked(tmp_path: Path) -> None:
    """It is behind another one where an agent asked while the failure's question was made ready."""
    game = begin(two({"1": ("asks",), "2": ("break",)}, "continue", **ASKS), tmp_path)
    game.play()
    asked = {r.pending.kind: r for _, r in states(game) if r.pending}
    both = replace(asked["failure"], pending=asked["agent"].pending, queued=(asked["failure"].pending,))
    less = both.settings.model_copy(update={"test_command": None})
    after = evolve(both, e.RunResumed(settings=less, interactive=False, pid=2, host="here"), both.last_at)
    assert after.queued == () and after.pending == both.pending


def test_a_commit_that_a_persons_change_replaces_stays_reachable_and_no_key_comes_twice(tmp_path: Path) -> None:
    game = paused(of_tasks(1, {"1": ("break",)}, "retry", **ASKS), tmp_path)
    del game.workspace.held(0)["break-1"]
    run = game.live()
    assert run.exit_code == 0 and run.of("1").attempts == 1
    assert commits(game)[0] in game.workspace.kept.values()
    check_branch(game, run)
    started = [event.key for _, event in game.journal.events() if isinstance(event, e.StepStarted)]
    assert len(started) == len(set(started))


def test_a_persons_change_of_what_is_on_the_branch_is_gated_under_a_key_of_its_own(tmp_path: Path) -> None:
    scenario = of_tasks(2, {"1": ("break",)}, "retry", validation_cadence="every-2", **ASKS)
    game = paused(scenario, tmp_path)
    del game.workspace.held(0)["break-1"]
    run = game.live()
    assert run.exit_code == 0 and len(run.of("1").repairs) == 1
    started = [event.key for _, event in game.journal.events() if isinstance(event, e.StepStarted)]
    assert len(started) == len(set(started))


def test_a_tdd_task_without_a_gate_is_proven_again_on_the_combined_tree(tmp_path: Path) -> None:
    scenario = two({}, validation_command=None)
    tasks = tuple(task.model_copy(update={"kind": "tdd"}) for task in scenario.tasks)
    game = begin(replace(scenario, tasks=tasks), tmp_path)
    assert game.play().exit_code == 0
    later = next(id for id in ("1", "2") if "integrate" in kinds(game, id))
    assert kinds(game, later)[:4] == ["attempt", "gate", "integrate", "gate"]


def killed_when_rebuilt(folder: Path) -> Game:
    """Task 1 of three was to be left out, below the tip; the branch went back, and nobody wrote that down."""
    scenario = of_tasks(3, {"1": ("break",)}, "skip", validation_cadence="every-3", **ASKS)
    game = stop_at(replace(scenario, interactive=True), folder, *["after move"] * 4)
    run = game.journal.replay()
    assert run.of("1").work.phase is Phase.REBUILD and run.tip != game.workspace.branch  # type: ignore[union-attr]
    game.scenario = replace(scenario, interactive=False)
    return game


@pytest.mark.parametrize("changed", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_branch_that_went_back_already_is_rebuilt_before_anything_is_asked(
    tmp_path: Path, changed: tuple[int, ...]
) -> None:
    game = killed_when_rebuilt(tmp_path)
    tasks = list(game.scenario.tasks)
    for place in changed:
        tasks[place] = renamed(tasks[place])
    run = change_plan(game, tuple(tasks))
    assert run.tip == game.workspace.branch and run.of("1").status == "skipped"
    assert (run.pending.task if run.pending else None) == next((str(n + 1) for n in changed if n), None)
    check_branch(game, run)


def test_a_branch_that_went_back_already_is_rebuilt_before_an_aborted_run_ends(tmp_path: Path) -> None:
    game = killed_when_rebuilt(tmp_path)
    driver = game.driver(game.journal.replay())
    driver.record(game.resumed(driver.run))
    assert [step.kind for step in decide(replace(driver.run, aborted=True))] == [Kind.REBUILD]
