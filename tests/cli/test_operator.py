"""Asking a person: the question in words, what counts as an answer, and a real terminal to type it on."""

from __future__ import annotations

import os
import pty
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.cli.operator import Paused, Terminal, question_text, read_answer
from superteam.core.events import Option, Question, RunCreated
from superteam.core.evolve import start
from superteam.core.failures import Failure, FailureType
from superteam.core.plan import Checkpoint, Choice, Plan, Task
from superteam.core.questions import CONTINUE, SKIP, failure_question
from superteam.core.review import ReviewFinding
from superteam.core.run import Phase, ReviewRecord, TaskRun, Work
from superteam.core.settings import Settings

HOSTILE = "\x1b[2J\x1b]0;owned\x07[red]x\u202e"
OPTIONS = ("retry", "approve", "rollback", "skip", "abort")


def asked(failure: Failure, diff: str = "", rebuild: Any = None, gate: Any = None, red: Any = None) -> Question:
    """The question that the engine asks about a failure of task 2."""
    kind: Any = "task" if rebuild is None else "check"
    work = Work(kind, "0" * 40, "a" * 40, Phase.ACCEPT, "b" * 40, "a" * 40, gate=gate, gate_red_at_start=red)
    return failure_question(1, TaskRun(Task(id="2", title="Second"), work=work), failure, diff, rebuild, "/trees/work")


def regression(message: str = "assert 1 == 2", tests: tuple[str, ...] = ("t::a",), **more: Any) -> Question:
    failure = Failure(
        type=FailureType.TEST_REGRESSION,
        task="2",
        origin="suite",
        message="t::a worked before and does not any more",
        tests=tests,
        messages=dict.fromkeys(tests, message),
        output="/runs/r1/outputs/probe.log",
        reproduce_command="pytest t::a",
    )
    return asked(failure, **more)


def red_gate(stdout: str, stderr: str = "", red: bool | None = None) -> Question:
    failure = Failure(
        type=FailureType.VALIDATION_FAILURE,
        task="2",
        origin="gate",
        message="`ruff check .`: exit code 1",
        output="/o.log",
    )
    gate = {"command": "ruff check .", "exit_code": 1, "stdout": stdout, "stderr": stderr}
    return asked(failure, gate=gate, red=red)


def by_agent() -> Question:
    return Question(id="q3", kind="agent", task="2", question="Which parser?", options=(CONTINUE, SKIP))


# -- the question in words


def test_a_regression_is_shown_with_its_messages_its_difference_and_its_answers() -> None:
    assert question_text(regression(diff="-old\n+new"), full=False) == (
        "Question q1, task 2, test-regression\n"
        "Task 2 (Second): test-regression: t::a worked before and does not any more. What is to be done?\n"
        "\n"
        "Tests (1):\n"
        "  - t::a\n"
        "    | assert 1 == 2\n"
        "\n"
        "Difference since the last accepted commit:\n"
        "  | -old\n"
        "  | +new\n"
        "\n"
        "complete output: /runs/r1/outputs/probe.log\n"
        "to reproduce, in the tree: pytest t::a\n"
        "the tree, for changes of your own: /trees/work\n"
        "\n"
        "Question q1, task 2, test-regression: the answers are\n"
        "  1  retry     try again (checks again if you changed the tree; a note goes to the agent)\n"
        "  2  approve   take it as it is\n"
        "  3  rollback  back to the task's start, then again\n"
        "  4  skip      back to the task's start, leave the task out\n"
        "  5  abort     end the run"
    )


def test_a_long_difference_is_cut_with_a_mark_and_shown_whole_on_demand() -> None:
    question = regression(diff="\n".join(f"+line {i}" for i in range(500)))

    short, whole = question_text(question, full=False), question_text(question, full=True)

    assert "  | [... 440 lines are left out; the whole: superteam status, /trees/work]\n" in short
    assert "  | +line 0\n" in short and "  | +line 499\n" in short and "+line 250" not in short
    assert all(f"  | +line {i}\n" in whole for i in range(500))


def test_a_long_message_is_cut_with_a_mark_that_names_the_complete_output() -> None:
    short = question_text(regression(message="line\n" * 100), full=False)

    assert "[... 85 lines are left out; the whole: superteam status, /runs/r1/outputs/probe.log]" in short


def test_many_tests_are_counted_and_listed_on_demand() -> None:
    question = regression(tests=tuple(f"t::{i}" for i in range(30)))

    assert "Tests (30):\n" in question_text(question, full=False)
    assert "  [... 25 more: superteam status]\n" in question_text(question, full=False)
    assert "  - t::29\n" in question_text(question, full=True)


def test_a_very_long_line_is_cut_with_a_mark_and_shown_whole_on_demand() -> None:
    question = regression(diff="+" + "x" * 5000)

    assert "x [... 4601 more characters]\n" in question_text(question, full=False)
    assert "x" * 5000 in question_text(question, full=True)


def test_the_command_that_reproduces_a_failure_is_shown_whole_on_demand() -> None:
    question = regression()
    command = "pytest " + " ".join(f"t::{i}" for i in range(500))
    question = question.model_copy(update={"evidence": {**question.evidence, "reproduce_command": command}})

    assert f"to reproduce, in the tree: {command}\n" in question_text(question, full=True)
    assert "more characters]\n" in question_text(question, full=False)


def test_a_red_gate_is_shown_with_both_outputs_and_whether_it_was_red_before() -> None:
    text = question_text(red_gate("E501 too long\n", "warning: x\n", red=True), full=False)

    assert (
        "Gate: ruff check . (exit code 1)\n"
        "  at the task's start commit it is red too\n"
        "  standard output:\n"
        "    | E501 too long\n"
        "  standard error:\n"
        "    | warning: x\n"
    ) in text


def test_what_becomes_of_later_tasks_is_said_before_one_is_taken_back() -> None:
    text = question_text(regression(rebuild={"kept": ["4"], "pending": ["3", "5"]}), full=False)

    assert "  later tasks put on again, if their gates pass: 4\n  later tasks to be done again: 3, 5\n" in text


def test_a_question_of_an_agent_is_its_words_and_the_answers() -> None:
    assert question_text(by_agent(), full=False) == (
        "Question q3, task 2, asked by the agent\nWhich parser?\n\n"
        "  1  continue  go on\n  2  skip      back to the task's start, leave the task out"
    )


@pytest.mark.parametrize("full", [True, False])
def test_hostile_evidence_is_marked_and_harmless(full: bool) -> None:
    fake = f"{HOSTILE}\r\n1  approve   all is well\u2028Question q9"
    text = question_text(regression(message=fake, tests=(fake,), diff=fake), full)

    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", text)
    assert sum("approve   all is well" in line for line in text.splitlines()) == 3
    assert sum(line.startswith("  1  ") for line in text.splitlines()) == 1
    assert not any(line.startswith("Question q9") for line in text.splitlines())


# -- what counts as an answer


def question() -> Question:
    return Question(id="q1", kind="failure", question="?", options=tuple(Option(id=id, label=id) for id in OPTIONS))


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("retry", ("retry", None)),
        ("  Retry ", ("retry", None)),
        ("1", ("retry", None)),
        ("5", ("abort", None)),
        ("ret", ("retry", None)),
        ("s", ("skip", None)),
        ("retry: use the other parser: that one", ("retry", "use the other parser: that one")),
        ("2:we know", ("approve", "we know")),
        ("retry:", ("retry", None)),
    ],
)
def test_an_answer_is_an_id_a_number_or_a_beginning_with_a_note(line: str, answer: tuple[str, str | None]) -> None:
    assert read_answer(question(), line) == answer


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "the answers are: 1 retry, 2 approve, 3 rollback, 4 skip, 5 abort"),
        ("r", "'r' could be retry or rollback; the answers are"),
        ("a", "'a' could be approve or abort; the answers are"),
        ("0", "'0' is no answer"),
        ("6", "'6' is no answer"),
        ("99999999999999999999", "is no answer"),
        ("²", "is no answer"),
        ("yes", "'yes' is no answer"),
        (": note", "the answers are"),
        ("\x1b[2Jx", "'x' is no answer"),
    ],
)
def test_anything_else_is_refused_with_the_valid_answers(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        read_answer(question(), line)


@settings(deadline=None)
@given(st.text(alphabet="retyapovlbcksi 0123456789:x", max_size=12))
def test_whatever_is_typed_an_answer_is_one_that_was_meant(line: str) -> None:
    word = line.partition(":")[0].strip()
    meant = {
        id for i, id in enumerate(OPTIONS, 1) if word and (id.startswith(word) or (word.isdigit() and int(word) == i))
    }
    try:
        found = {read_answer(question(), line)[0]}
    except ValueError:
        found = set()

    assert found == (meant if len(meant) == 1 else set())


# -- at a terminal


@dataclass
class Picture:
    """What is drawn on the terminal, as far as the operator is concerned."""

    calls: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """The person's and the program's end of a terminal."""
    person, program = pty.openpty()
    try:
        yield person, program
    finally:
        for end in (person, program):
            try:
                os.close(end)
            except OSError:
                pass


Typist = Callable[[Callable[[], str], int], Awaitable[None]]


def conversation(question: Question, lines: list[bytes], capsys: Any) -> tuple[Any, str, list[str]]:
    """Types each line when a prompt has appeared; returns the answer (or the error), what was shown, and view calls."""
    shown: list[str] = []
    picture = Picture()

    async def talk() -> Any:
        with terminal() as (person, program), anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon(type_at_prompts, person)
                try:
                    return await Terminal(picture, program).ask(question)
                except Paused as paused:
                    return paused
                finally:
                    group.cancel_scope.cancel()

    async def type_at_prompts(person: int) -> None:
        for number, line in enumerate(lines, 1):
            while len(re.findall(r"(?:answer|note \([^)]*\)): ", "".join(shown))) < number:
                shown.append(capsys.readouterr().err)
                await anyio.lowlevel.checkpoint()
            os.write(person, line)

    found = anyio.run(talk)
    shown.append(capsys.readouterr().err)
    return found, "".join(shown), picture.calls


def test_an_answer_is_typed_and_an_optional_note_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    found, shown, calls = conversation(regression(), [b"ret\n", b"use the other parser\n"], capsys)

    assert found == ("retry", "use the other parser")
    assert shown.index("Question q1") < shown.index("answer: ") < shown.index("note (optional): ")
    assert calls == ["stop", "start"]


def test_an_empty_note_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert conversation(by_agent(), [b"continue\n", b"\n"], capsys)[0] == ("continue", None)


def test_a_note_given_with_the_answer_is_not_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    found, shown, _ = conversation(by_agent(), ["1: die ältere\n".encode()], capsys)

    assert found == ("continue", "die ältere")
    assert "note (optional)" not in shown


def test_no_note_is_asked_for_where_it_would_go_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    found, shown, _ = conversation(regression(), [b"skip\n"], capsys)

    assert found == ("skip", None)
    assert "note (optional)" not in shown


def by_plan(kind: Any, checkpoint: Checkpoint) -> Question:
    """The question of a checkpoint of the plan."""
    task = Task(id="2", title=f"Look {HOSTILE}", kind=kind, checkpoint=checkpoint)
    created = RunCreated(
        run_id="r1",
        plan=Plan(path="p", format="gsd", title="t", sha256="0", tasks=(task,)),
        settings=Settings(),
        start_sha="0" * 40,
        start_tree="a" * 40,
        user_branch=None,
        run_branch="superteam/p-r1",
        interactive=True,
        superteam="0",
        pid=1,
        host="h",
    )
    found = start(created, "2026-01-01T00:00:00+00:00").pending
    assert found is not None
    return found


SHOWN = Checkpoint(subject=f"A page{HOSTILE}\n1  approve  all is well", instructions="Open it", resume_signal="Type ok")


def test_a_checkpoint_shows_the_documents_words_with_a_mark() -> None:
    text = question_text(by_plan("human-verify", SHOWN), full=False)

    assert text.startswith("Question q1, task 2, to be verified\nLook ")
    assert "  | 1  approve  all is well\nhow:\n  | Open it\nthe plan expects the answer:\n  | Type ok\n" in text
    assert "what was built stands on branch: superteam/p-r1" in text
    assert sum(line.startswith("  1  ") for line in text.splitlines()) == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", text)


def test_a_reject_asks_for_its_note_until_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    question = by_plan("human-verify", SHOWN)
    found, shown, _ = conversation(question, [b"rej\n", b"\n", b"the button is red\n"], capsys)

    assert found == ("reject", "the button is red")
    assert shown.count("note (needed; what is not as it should be): ") == 2


def test_an_option_of_a_plan_is_meant_by_its_own_id_in_any_case() -> None:
    options = (
        Choice(id="B:2", name="b"),
        Choice(id="1", name="one"),
        Choice(id="abort"),
        Choice(id=""),
        Choice(id="1"),
    )
    question = by_plan("decision", Checkpoint(subject="?", options=options))

    assert [option.id for option in question.options] == ["B:2", "1", "option-3", "option-4", "abort"]
    assert read_answer(question, "B:2") == ("B:2", None)
    assert read_answer(question, "b") == ("B:2", None)
    assert read_answer(question, "1: because") == ("1", "because")
    assert read_answer(question, "OPTION-3") == ("option-3", None)


def test_a_bad_answer_is_answered_with_the_good_ones(capsys: pytest.CaptureFixture[str]) -> None:
    found, shown, _ = conversation(regression(), [b"maybe\n", b"4\n"], capsys)

    assert found == ("skip", None)
    assert "'maybe' is no answer; the answers are: 1 retry, 2 approve, 3 rollback, 4 skip, 5 abort\n" in shown


def test_the_end_of_input_leaves_the_question_open(capsys: pytest.CaptureFixture[str]) -> None:
    found, _, calls = conversation(regression(), [b"\x04"], capsys)

    assert isinstance(found, Paused)
    assert (found.exit_code, found.hint) == (4, "superteam status")
    assert calls == ["stop"]


def test_a_terminal_that_goes_away_leaves_the_question_open(capsys: pytest.CaptureFixture[str]) -> None:
    async def talk() -> None:
        with terminal() as (person, program), anyio.fail_after(20):
            os.close(person)
            await Terminal(Picture(), program).ask(regression())

    with pytest.raises(Paused):
        anyio.run(talk)


def test_what_was_typed_before_the_question_is_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    async def talk() -> tuple[str, str | None]:
        with terminal() as (person, program), anyio.fail_after(20):
            os.write(person, b"approve\n")
            await anyio.wait_readable(program)
            operator = Terminal(Picture(), program)
            async with anyio.create_task_group() as group:
                group.start_soon(answer_later, person)
                return await operator.ask(regression())

    async def answer_later(person: int) -> None:
        shown = ""
        while "answer: " not in shown:
            shown += capsys.readouterr().err
            await anyio.lowlevel.checkpoint()
        os.write(person, b"abort\n")

    assert anyio.run(talk) == ("abort", None)


def test_asking_can_be_cancelled_and_leaves_no_thread_behind(capsys: pytest.CaptureFixture[str]) -> None:
    picture = Picture()

    async def talk() -> None:
        with terminal() as (_, program):
            async with anyio.create_task_group() as group:
                group.start_soon(Terminal(picture, program).ask, regression())
                shown = ""
                while "answer: " not in shown:
                    shown += capsys.readouterr().err
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()

    before = threading.active_count()
    anyio.run(talk)

    assert threading.active_count() == before
    assert picture.calls == ["stop"]


def test_failing_reviews_are_shown_by_role_and_made_harmless() -> None:
    bad = ReviewFinding(severity="high", issue=f"wrong {HOSTILE}", file="a.py", line=3, suggestion="mend it")
    said = {
        "spec": ReviewRecord("spec", 1, 1, "c" * 40, "done", False, (bad,), "no"),
        "security": ReviewRecord("security", 1, 1, "c" * 40, "done", True, (), "fine"),
    }
    failure = Failure(type=FailureType.REVIEW_MAX_RETRIES, origin="review", message="the reviews do not pass")
    work = Work("task", "0" * 40, "a" * 40, Phase.REVIEW, "b" * 40, "a" * 40, reviews=said)
    question = failure_question(1, TaskRun(Task(id="2", title="Second"), work=work), failure, "", None, "/trees/work")
    text = question_text(question, full=False)
    assert "Reviews (the reviewers' words):\n  spec did not pass:\n    | high a.py:3: wrong " in text
    assert " (suggestion: mend it)\n    | no\n  security passed:\n    | fine\n" in text
    assert "\x1b" not in text and "\u202e" not in text
    assert [option.id for option in question.options] == ["retry", "approve", "rollback", "skip", "abort"]
    assert "a note goes to the reviewers" in text and "goes to the agent" not in text
