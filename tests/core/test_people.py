"""Checkpoints and verifications when something else happens: taken back, plan changed, skipped after a reject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_evolve import Game, begin, check_branch, made_for, of_tasks, played, statuses

from superteam.core import events as e
from superteam.core.plan import Checkpoint, Plan, Task, TaskKind
from superteam.core.questions import in_a_plans_words, needs_note
from superteam.core.run import Run


def task(id: str, kind: TaskKind = "auto", *needs: str, part: str = "") -> Task:
    return Task(id=id, title=f"Task {id}", kind=kind, depends_on=needs, part=part)


def game_of(
    tasks: tuple[Task, ...],
    folder: Path,
    *answers: str,
    deeds: Mapping[str, tuple[str, ...]] | None = None,
    rejects: Mapping[str, int] | None = None,
    **config: Any,
) -> Game:
    scenario = of_tasks(1, deeds or {}, *(answers or ("abort",)), **config)
    return begin(replace(scenario, tasks=tasks, rejects=rejects or {}), folder)


def until(game: Game, kind: str, task: str) -> Run:
    """The run when this question is asked."""
    for _ in range(20):
        run = game.live()
        if run.pending and (run.pending.kind, run.pending.task) == (kind, task):
            return run
    raise AssertionError(f"{kind} was not asked about {task}: {run.pending}")


def finish(game: Game) -> Run:
    run = game.play()
    check_branch(game, run)
    return run


def gates(game: Game, task: str) -> int:
    return sum(isinstance(event, e.GateFinished) and event.task == task for _, event in game.journal.events())


def questions(game: Game, task: str) -> int:
    return len(list(game.asked(task)))


EVERY_3: dict[str, Any] = {"validation_cadence": "every-3", "validation": {"auto-fix": 0}}


def test_what_was_verified_is_verified_again_when_something_before_it_is_taken_back(tmp_path: Path) -> None:
    tasks = (
        task("1"),
        task("v", "verification"),
        task("h", "human-verify"),
        task("d", "decision"),
        task("2"),
        task("3"),
    )
    game = game_of(tasks, tmp_path, "rollback", deeds={"1": ("break", "good")}, **EVERY_3)
    run = finish(game)
    assert statuses(run) == " ".join(["complete"] * 6)
    assert (gates(game, "v"), questions(game, "h"), questions(game, "d")) == (2, 2, 1)


def test_a_verification_is_made_again_whatever_document_it_is_in(tmp_path: Path) -> None:
    """Its gate was green on a state with what is taken back."""
    tasks = (task("1", part="a"), task("v", "verification", part="b"), task("2"), task("3"))
    game = game_of(tasks, tmp_path, "rollback", deeds={"1": ("break", "good")}, **EVERY_3)
    assert statuses(finish(game)) == "complete complete complete complete"
    assert gates(game, "v") == 2


def test_what_stands_in_another_document_is_not_asked_again(tmp_path: Path) -> None:
    tasks = (task("1", part="a"), task("h", "human-verify", part="b"), task("2"), task("3"))
    game = game_of(tasks, tmp_path, "rollback", deeds={"1": ("break", "good")}, **EVERY_3)
    assert statuses(finish(game)) == "complete complete complete complete"
    assert questions(game, "h") == 1


def test_a_decision_that_depends_on_what_is_skipped_is_blocked(tmp_path: Path) -> None:
    tasks = (task("1"), task("d", "decision", "1"), task("2"), task("3"))
    game = game_of(tasks, tmp_path, "skip", deeds={"1": ("break",)}, **EVERY_3)
    run = finish(game)
    assert statuses(run) == "skipped blocked complete complete" and run.of("d").decision is None


def test_skip_takes_all_that_a_rejected_checkpoint_made_off_the_branch(tmp_path: Path) -> None:
    tasks = (task("1"), task("h", "human-verify"), task("2"))
    deeds = {"h": ("good", "good", "break")}
    game = game_of(tasks, tmp_path, "skip", deeds=deeds, rejects={"h": 3}, validation={"auto-fix": 0})
    run = finish(game)
    assert statuses(run) == "complete skipped complete"
    assert made_for(game) == [("2", False), ("1", False)]


def test_rollback_takes_it_back_too_and_asks_again(tmp_path: Path) -> None:
    tasks = (task("1"), task("h", "human-verify"))
    deeds = {"h": ("good", "break")}
    game = game_of(tasks, tmp_path, "rollback", deeds=deeds, rejects={"h": 2}, validation={"auto-fix": 0})
    run = finish(game)
    assert statuses(run) == "complete complete" and made_for(game) == [("1", False)]
    assert questions(game, "h") == 3 and run.of("h").decision is not None


def test_later_rejects_are_repairs_of_the_first(tmp_path: Path) -> None:
    game, run = played(
        replace(of_tasks(2, {}), tasks=(task("1"), task("h", "human-verify")), rejects={"h": 3}), tmp_path
    )
    assert made_for(game) == [("h", True), ("h", True), ("h", False), ("1", False)]
    assert run.of("h").attempts == 3 and run.exit_code == 0


def changed(run: Run, *tasks: Task, finished: tuple[str, ...] = ()) -> e.PlanChanged:
    plan = Plan(path="plan.md", format="markdown", title="A plan", sha256="1", tasks=tasks)
    old = {t.task.id: t.task for t in run.tasks}
    differ = [t.id for t in tasks if old.get(t.id) != t] + [id for id in old if id not in {t.id for t in tasks}]
    return e.PlanChanged(plan=plan, finished=finished, pending=tuple(id for id in differ if id not in finished))


def test_a_changed_checkpoint_is_asked_in_its_new_words(tmp_path: Path) -> None:
    game = game_of((task("1"), task("h", "human-verify")), tmp_path)
    run = until(game, "human", "h")
    driver = game.driver(run)
    new = task("h", "human-action").model_copy(update={"description": "other words"})
    driver.record(changed(run, task("1"), new))
    assert driver.run.pending and driver.run.pending.question == "other words"
    assert [option.id for option in driver.run.pending.options] == ["continue", "abort"]
    assert driver.run.pending.id != run.pending.id  # type: ignore[union-attr]


def test_a_task_that_was_added_before_a_checkpoint_comes_first(tmp_path: Path) -> None:
    game = game_of((task("1"), task("h", "human-verify")), tmp_path)
    run = until(game, "human", "h")
    driver = game.driver(run)
    driver.record(changed(run, task("1"), task("0"), task("h", "human-verify")))
    assert driver.run.pending is None and driver.run.of("0").work is not None


def test_a_rejected_checkpoint_that_leaves_the_plan_keeps_its_commit(tmp_path: Path) -> None:
    game = game_of((task("1"), task("h", "human-verify")), tmp_path, rejects={"h": 1})
    run = until(game, "human", "h")
    while run.of("h").commit_sha is None:
        run = game.live()
    game.driver(run).record(changed(run, task("1")))
    run = finish(game)
    assert {t.task.id: t.status for t in run.tasks} == {"1": "complete", "h": "complete"}
    assert made_for(game) == [("h", False), ("1", False)]


@pytest.mark.parametrize("kind", ["decision", "verification"])
def test_doing_a_finished_task_without_a_commit_again_leaves_the_branch_alone(kind: TaskKind, tmp_path: Path) -> None:
    tasks = (task("1"), task("x", kind), task("h", "human-action"))
    game = game_of(tasks, tmp_path)
    run = until(game, "human", "h")
    driver = game.driver(run)
    new = task("x", kind).model_copy(update={"description": "now different"})
    driver.record(changed(run, tasks[0], new, tasks[2], finished=("x",)))
    asked = driver.run.pending
    assert asked and asked.kind == "plan" and asked.task == "x"
    driver.record(e.Answered(question=asked.id, choice="rollback"))
    assert driver.run.of("x").status != "complete" and driver.run.tip == run.tip
    finished = finish(game)
    assert statuses(finished) == "complete complete complete" and made_for(game) == [("1", False)]


def test_time_that_nobody_drives_does_not_count(tmp_path: Path) -> None:
    game = game_of((task("h", "human-verify"), task("1")), tmp_path)
    run = until(game, "human", "h")
    game.journal.clock.looks += 10_000
    driver = game.driver(run)
    driver.record(e.PlanAdjusted(change="skip", tasks=("1",)))
    game.journal.clock.looks += 10_000
    driver.record(e.Answered(question=driver.run.pending.id, choice="approve"))  # type: ignore[union-attr]
    assert driver.run.elapsed_s == run.elapsed_s


HUMAN_KINDS: tuple[TaskKind, ...] = ("human-verify", "decision", "human-action")


@given(st.sampled_from(HUMAN_KINDS), st.lists(st.text(max_size=6), max_size=4))
def test_whatever_a_document_says_the_answers_are_distinct_and_abort_is_the_last(
    kind: TaskKind, ids: list[str]
) -> None:
    from superteam.core.plan import Checkpoint, Choice

    options = tuple(Choice(id=id) for id in ids)
    asks = task("h", kind).model_copy(update={"checkpoint": Checkpoint(subject="?", options=options)})
    game = game_of((asks,), Path(), test_command=None)
    question = game.driver(_replay(game)).run.pending
    assert question is not None
    found = [option.id for option in question.options]
    assert len(found) == len(set(found)) and found[-1] == "abort" and len(found) > 1
    assert all(id.strip() for id in found)
    assert needs_note(question) == ({"reject"} if kind == "human-verify" else set())


def _replay(game: Game) -> Run:
    game.journal(game.created())
    return game.journal.replay()


def test_a_red_verification_is_mended_by_a_commit(tmp_path: Path) -> None:
    tasks = (task("1"), task("v", "verification"))
    game = game_of(tasks, tmp_path, deeds={"1": ("gate",)}, validation_command=None)
    assert statuses(finish(game)) == "complete complete"
    assert made_for(game) == [("v", False), ("1", False)]


def test_a_reject_that_is_answered_with_no_change_is_a_crash_of_the_agent(tmp_path: Path) -> None:
    tasks = (task("1"), task("h", "human-verify"))
    game = game_of(tasks, tmp_path, "skip", deeds={"h": ("nothing", "nothing")}, rejects={"h": 1})
    run = finish(game)
    assert statuses(run) == "complete skipped"
    assert [f.type for f in run.of("h").failures] == ["impl-crash", "impl-crash"]


def test_what_is_settled_at_the_end_is_never_charged_to_a_checkpoint(tmp_path: Path) -> None:
    game = game_of((task("1"), task("h", "human-action")), tmp_path, deeds={"1": ("moody",)})
    run = finish(game)
    assert len(run.validations) == 2 and {v.after_task for v in run.validations} == {"1"}


def test_what_a_checkpoint_says_besides_is_shown_with_the_question(tmp_path: Path) -> None:
    checkpoint = Checkpoint(subject="Log in", instructions="On the site")
    login = Task(id="1", title="Log in", kind="human-action", checkpoint=checkpoint, description="Check:\nIt works")
    asked = until(game_of((login,), tmp_path), "human", "1").pending
    assert asked is not None
    assert asked.question == "Log in\n\nOn the site\n\nCheck:\nIt works"
    assert asked.evidence["checkpoint"]["instructions"] == "On the site\n\nCheck:\nIt works"


@given(said=st.sampled_from(["approved", "Approved", '"done"', " done ", "approve", "x", "continue"]), ids=st.data())
def test_a_plans_word_is_taken_for_an_answer_only_where_that_is_offered(said: str, ids: st.DataObject) -> None:
    offered = ids.draw(st.lists(st.sampled_from(["approve", "continue", "done", "approved", "abort"]), unique=True))
    question = e.Question(
        id="q1", kind="human", question="?", options=tuple(e.Option(id=id, label="") for id in offered), evidence={}
    )
    meant = in_a_plans_words(question, said)
    assert meant == said or meant in offered
    if said in offered:
        assert meant == said
    if said == "Approved" and "approve" in offered:
        assert meant == "approve"
