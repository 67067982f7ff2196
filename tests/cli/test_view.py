"""What people see of runs that real events have built: the story, the picture, the streams and the final table."""

from __future__ import annotations

import io
import json
import os
import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.cli.ending import final
from superteam.cli.picture import Doing, Tail, label, picture
from superteam.cli.story import story
from superteam.cli.view import Json, Live, Plain, make_view
from superteam.cli.words import clock, one_line
from superteam.core import events as e
from superteam.core.baseline import Difference
from superteam.core.evolve import evolve, start
from superteam.core.failures import Action, Failure, FailureType, Response
from superteam.core.plan import Finding, Plan, Task
from superteam.core.results import Granularity, Outcome
from superteam.core.review import Review, ReviewFinding
from superteam.core.run import Run
from superteam.core.settings import Settings
from superteam.core.settle import Observation, Probe
from superteam.core.spent import RateLimits

START, TREE, TREE_1, COMMIT_1 = "0" * 40, "a" * 40, "b" * 40, "1" * 40
HOSTILE = "\x1b[2J\x1b]0;owned\x07[red]x[/red]\u202e"


def created(*tasks: Task, **settings: Any) -> e.RunCreated:
    if not tasks:
        tasks = (Task(id="1", title="First"), Task(id="2", title="Second", depends_on=("1",)))
    return e.RunCreated(
        run_id="r1",
        plan=Plan(path="plan.md", format="tasks", title="A plan", sha256="f" * 64, tasks=tasks),
        settings=Settings(**{"agent": {"use": "mine"}, **settings}),
        start_sha=START,
        start_tree=TREE,
        user_branch="refs/heads/main",
        run_branch="superteam/plan-r1",
        interactive=False,
        superteam="0.1.0",
        pid=1,
        host="here",
    )


def begun(*tasks: Task, **settings: Any) -> Run:
    return start(created(*tasks, **settings), "2026-01-01T00:00:00+00:00")


def each(run: Run, *events: e.Event) -> Iterator[tuple[Run, e.Event, Run]]:
    """The states before and after each event, a second apart."""
    for event in events:
        before, second = run, int(run.last_at[17:19]) + 1
        run = evolve(run, event, f"2026-01-01T00:00:{second:02}+00:00")
        yield before, event, run


def after(run: Run, *events: e.Event) -> Run:
    return [run, *(now for _, _, now in each(run, *events))][-1]


def told(run: Run, *events: e.Event) -> list[str]:
    """What the story says of these events, each line with its level."""
    return [f"{line.level}: {line.text}" for step in each(run, *events) for line in story(*step)]


def step(kind: str, task: str | None = "1", number: int = 1) -> e.StepStarted:
    return e.StepStarted(key=f"{kind}:{task or '-'}#{number}", step=kind, task=task, number=number)


def baseline(verdict: Any = "fail") -> e.BaselineCaptured:
    document = e.BaselineDocument(
        sha=START,
        tree=TREE,
        command="pytest -q",
        captured_at="2026-01-01T00:00:01+00:00",
        verdict=verdict,
        reason="no test ran" if verdict == "inconclusive" else None,
        granularity=Granularity.TESTS,
        fingerprint="x",
        counts={"passed": 3, "failed": 1},
        known_failures=("t::old",),
        expected="expected-0",
    )
    return e.BaselineCaptured(key="capture-baseline:-#1", baseline=document)


def dispatched(task: str = "1", number: int = 1, **more: Any) -> e.AgentFinished:
    facts = {"role": "implement", "ended": "done", "tree": TREE_1, **more}
    return e.AgentFinished(key=f"attempt:{task}#{number}", task=task, attempt=number, **facts)


def gate(ok: bool) -> e.GateFinished:
    detail = "exit code 0" if ok else "exit code 1"
    return e.GateFinished(task="1", command="ruff check .", ok=ok, detail=detail, tree=TREE_1)


def suite(*new: str) -> e.ProbeFinished:
    difference = Difference(new_failures=new)
    outcomes = dict.fromkeys(new, Outcome.FAILED)
    seen = Observation(Probe("suite", COMMIT_1, None, 1), "pass", outcomes=outcomes, difference=difference)
    return e.ProbeFinished(task="1", observation=seen, counts={"passed": 4, "failed": len(new)})


def concluded(verdict: Any, *failures: Failure, **lists: Any) -> e.ValidationConcluded:
    result = e.ValidationResult(
        after_task="1", sha=COMMIT_1, tree=TREE_1, reference_sha=START, verdict=verdict, counts={"passed": 4}, **lists
    )
    return e.ValidationConcluded(task="1", result=result, failures=failures)


COMMITTED = e.CommitMade(task="1", sha=COMMIT_1)
MOVED = e.BranchMoved(task="1", sha=COMMIT_1)
ACCEPTED = e.ValidationAccepted(task="1", sha=COMMIT_1, expected="expected-1")
BROKEN = Failure(type=FailureType.TEST_REGRESSION, task="1", origin="suite", message="t::a broke", tests=("t::a",))
SHAKY = Failure(type=FailureType.TEST_FLAKE, task="1", origin="suite", message="t::b is a flake", tests=("t::b",))
QUESTION = e.Question(
    id="q1",
    kind="failure",
    task="1",
    failure_type="test-regression",
    question="t::a broke. What is to be done?",
    options=(e.Option(id="retry", label="again"), e.Option(id="abort", label="end the run")),
)


def chosen(failure: Failure, action: Action, response: Response, question: e.Question | None = None) -> e.ActionChosen:
    return e.ActionChosen(task=failure.task, failure=failure, action=action, response=response, question=question)


ASKED = chosen(BROKEN, Action.STOP_SHOW_DIFF, Response.ASK, QUESTION)
REGRESSED = (dispatched(), COMMITTED, suite("t::a"), concluded("fail", BROKEN, regressions=("t::a",)), ASKED)


def waiting() -> Run:
    return after(begun(test_command="pytest -q"), baseline(), *REGRESSED)


def finished(**more: Any) -> Run:
    """A run of one task with a flake, whose branch was taken over."""
    run = after(begun(Task(id="1", title="First"), test_command="pytest -q"), baseline(), dispatched(cost_usd=0.25))
    run = after(run, COMMITTED, suite(), concluded("pass", SHAKY, flaky=("t::b",)))
    run = after(run, chosen(SHAKY, Action.WARN_CONTINUE, Response.PROCEED), ACCEPTED, MOVED)
    return after(run, e.RunEnded(**{"status": "finished", "exit_code": 0, "fast_forwarded": True, **more}))


# -- the story


def test_a_run_begins_with_what_its_plan_was_warned_about() -> None:
    event = created()
    left_out = Finding(severity="warning", code="task-in-code", message="a task stands in fenced code", line=7)
    warned = event.model_copy(update={"plan": event.plan.model_copy(update={"findings": (left_out,)})})
    run = start(warned, "2026-01-01T00:00:00+00:00")
    assert [line.text for line in story(None, warned, run)][1:] == [
        "1 warning about the plan: superteam plan check plan.md"
    ]
    assert len(story(None, event, start(event, "2026-01-01T00:00:00+00:00"))) == 1


@pytest.mark.parametrize("code", ["gate-elsewhere", "gate-rewritten"])
def test_a_run_begins_with_the_gates_that_do_not_run_as_they_are_written(code: str) -> None:
    event = created()
    moved = Finding(severity="warning", code=code, message="the command 'cd /tmp && make' of task '1': ...", line=3)
    warned = event.model_copy(update={"plan": event.plan.model_copy(update={"findings": (moved,)})})
    run = start(warned, "2026-01-01T00:00:00+00:00")
    assert [(line.level, line.text) for line in story(None, warned, run)][1:] == [
        ("warning", "the command 'cd /tmp && make' of task '1': ..."),
        ("warning", "1 warning about the plan: superteam plan check plan.md"),
    ]


def test_the_story_of_a_task_is_its_begin_its_verdict_and_its_commit() -> None:
    run = begun(test_command="pytest -q", validation_command="ruff check .")
    ok = (step("gate"), gate(True), step("commit"), COMMITTED, step("probe"), suite())

    lines = told(run, step("capture-baseline", None), baseline(), step("attempt"), dispatched(), *ok)
    lines += told(after(run, baseline(), dispatched(), *ok), concluded("pass"), ACCEPTED, MOVED)

    assert lines == [
        "step: baseline: pytest -q at 000000000000",
        "step: baseline fail: 3 passed, 1 failed",
        "step: task 1 begins: First (agent mine)",
        "good: task 1 validation pass: 4 passed",
        "good: task 1 complete: commit 111111111111",
    ]


def test_the_first_line_names_the_run_and_its_branch() -> None:
    event = created()
    (line,) = story(None, event, start(event, "2026-01-01T00:00:00+00:00"))

    assert line.text == "run r1: A plan (plan.md), 2 tasks, branch superteam/plan-r1"


def test_a_failed_gate_and_its_fix_are_told() -> None:
    run = after(begun(validation_command="ruff check ."), dispatched())
    red = Failure(type=FailureType.VALIDATION_FAILURE, task="1", origin="gate", message="`ruff check .`: exit code 1")
    fix = chosen(red, Action.RETRY_THEN_ESCALATE, Response.FIX)

    assert told(
        run, gate(False), e.GateChecked(task="1", red=True, detail="exit code 1"), fix, step("attempt", "1", 2)
    ) == [
        "bad: task 1 gate failed: exit code 1 (ruff check .)",
        "step: task 1 gate: it is red at the task's start too (exit code 1)",
        "step: task 1 validation-failure: a fix is asked for",
        "step: task 1 fix, attempt 2 (agent mine)",
    ]


def test_a_regression_is_told_with_its_test_and_its_question() -> None:
    run = after(begun(test_command="pytest -q"), baseline(), dispatched(), COMMITTED)

    assert told(run, *REGRESSED[2:]) == [
        "step: task 1 has 1 new failure, to be settled by reruns: t::a",
        "bad: task 1 validation fail: regressions: t::a",
        "question: question q1: t::a broke. What is to be done?",
    ]


def test_at_a_terminal_the_question_is_left_to_the_operator() -> None:
    run = after(begun(test_command="pytest -q"), baseline(), *REGRESSED[:-1])
    here = e.RunResumed(settings=run.settings, interactive=True, pid=2, host="here")

    assert told(after(run, here), ASKED) == []


def test_a_warning_of_the_run_is_told_once() -> None:
    run = after(begun(), e.Warned(message="first"))

    assert told(run, e.Warned(message="second"), step("attempt")) == [
        "warning: warning: second",
        "step: task 1 begins: First (agent mine)",
    ]


def test_what_depends_on_a_skipped_task_is_told_to_be_blocked() -> None:
    run = after(waiting(), e.Answered(question="q1", choice="skip"))

    assert told(run, e.TaskPutBack(task="1")) == [
        "warning: task 1 skipped: its tree was put back to the task's start",
        "warning: task 2 is blocked: it depends on a task that was not done",
    ]


def test_an_inconclusive_baseline_stops_the_run_with_its_reason() -> None:
    assert told(begun(test_command="pytest -q"), baseline("inconclusive")) == ["warning: the run stops: no test ran"]


def test_an_agent_that_fails_is_told_and_one_that_is_done_is_not() -> None:
    assert told(begun(), dispatched()) == []
    assert told(begun(), dispatched(ended="failed", detail="exit code 7")) == ["bad: task 1 agent failed: exit code 7"]


def test_hostile_text_comes_out_as_one_harmless_line() -> None:
    run = begun(Task(id="1", title=HOSTILE + "\nbad: task 1 complete"))

    (line,) = told(run, step("attempt"))

    assert line == "step: task 1 begins: [red]x[/red]\\u202e bad: task 1 complete (agent mine)"


@given(st.text(max_size=2000))
def test_any_text_becomes_one_bounded_printable_line(text: str) -> None:
    line = one_line(text, 50)

    assert len(line) <= 50 + len(" [...]")
    assert "\n" not in line and "\r" not in line and "\x1b" not in line


def test_a_long_text_is_cut_with_a_mark() -> None:
    assert one_line("x" * 60, 50) == "x" * 50 + " [...]"
    assert one_line(" " * 5000 + "x", 50).endswith("[...]")


@pytest.mark.parametrize(("seconds", "shown"), [(0, "00:00"), (12.9, "00:12"), (754, "12:34"), (3723, "1:02:03")])
def test_time_is_shown_as_a_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


# -- the last lines of what runs


def test_the_tail_keeps_the_last_lines_and_the_unfinished_one() -> None:
    tail = Tail(keep=3)
    tail.feed(b"one\ntwo\n\nthree\nfo")
    tail.feed(b"ur")

    assert tail.shown() == ("two", "three", "four")


def test_a_progress_line_is_overwritten() -> None:
    tail = Tail()
    tail.feed(b"10 %\r50 %\r")
    assert tail.shown() == ("50 %",)
    tail.feed(b"done\r\nnext\r\n")
    assert tail.shown() == ("done", "next")


def test_bytes_that_are_no_text_and_escapes_do_no_harm() -> None:
    tail = Tail()
    tail.feed(b"\xff\xfe \x1b[31mred\x1b[0m \xe2\x80")
    tail.feed(b"\xae!\n")

    assert tail.shown() == ("\ufffd\ufffd red \\u202e!",)


def test_the_tail_stays_small_whatever_is_printed() -> None:
    tail = Tail()
    for _ in range(200):
        tail.feed(b"x" * 100_000)
    assert len(tail.shown()) == 1 and len(tail.shown()[0]) <= 1000
    tail.feed(b"a\n" * 1_000_000)
    assert tail.shown() == ("a",) * 5


@given(st.binary(max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_the_tail_does_not_depend_on_where_the_output_is_cut(data: bytes, a: int, b: int) -> None:
    data = data.replace(b"\x01", b"\r").replace(b"\x00", b"\n")
    first, second = sorted((a, b))
    whole, pieces = Tail(), Tail()
    whole.feed(data)
    for piece in (data[:first], data[first:second], data[second:]):
        pieces.feed(piece)

    assert pieces.shown() == whole.shown()


# -- the picture


def test_the_picture_shows_tasks_steps_and_the_last_lines() -> None:
    run = after(begun(test_command="pytest -q"), baseline(), dispatched(), COMMITTED, suite(), concluded("pass"))
    run = after(run, ACCEPTED, MOVED, step("attempt", "2"))

    rows = picture(run, [Doing("task 2: implement", 75)], ["one", "two"], 100, 24)

    assert [row.text for row in rows] == [
        "A plan (plan.md)  01:40",
        "  ✔ complete  1  First  111111111111  pass",
        "  ▶ running   2  Second",
        "task 2: implement  01:15",
        "  │ one",
        "  │ two",
    ]


def test_steps_side_by_side_each_show_their_last_lines() -> None:
    first = Doing("task 1: implement", 75, ("one", "two", "three", "four"))
    rows = picture(begun(), [first, Doing("task 2: implement", 5), Doing("task 3: gate", 1, ("x",))], [], 100, 24)
    assert [row.text for row in rows][-7:] == [
        "task 1: implement  01:15",
        "  │ two",
        "  │ three",
        "  │ four",
        "task 2: implement  00:05",
        "task 3: gate  00:01",
        "  │ x",
    ]


def test_the_picture_can_do_without_special_characters() -> None:
    rows = picture(begun(), [], ["one"], 0, 24, ascii_only=True)

    assert all(row.text.isascii() for row in rows)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 40), st.integers(4, 30), st.integers(2, 16))
def test_the_picture_always_fits_and_always_shows_the_task_at_work(
    count: int, done: int, height: int, jobs: int
) -> None:
    tasks = tuple(Task(id=str(i), title="t") for i in range(1, count + 1))
    run = begun(*tasks)
    for i in range(1, min(done, count - 1) + 1):
        sha = f"{i:040}"
        facts = dispatched(str(i), tree=sha)
        run = after(run, facts, e.CommitMade(task=str(i), sha=sha), e.BranchMoved(task=str(i), sha=sha))
        run = evolve(run, e.StepCancelled(), "2026-01-01T00:00:00+00:00")

    rows = picture(run, [Doing("x", 1)], ["line"] * 9, 1, height)

    assert len(rows) < height
    assert any(row.text.split()[1] == "running" for row in rows)
    assert len(picture(run, [Doing("x", 1, ("line",) * 9)] * jobs, [], 1, height)) < height


def test_a_step_is_named_by_what_it_runs() -> None:
    run = begun(test_command="pytest -q", validation_command="ruff check .")
    probing = after(run, baseline(), dispatched(), COMMITTED)

    assert label(run, step("capture-baseline", None)) == "baseline: pytest -q"
    assert label(after(run, baseline()), step("attempt")) == "task 1: implement, attempt 1 (mine)"
    assert label(run, step("gate")) == "task 1: gate: ruff check ."
    assert label(probing, step("probe")) == "task 1: validation: pytest -q"
    assert label(after(probing, suite("t::a")), step("probe")) == "task 1: validation, 1 test again: pytest -q"
    assert label(run, step("watch-time", None)) is None


# -- the views


def test_plain_lines_carry_the_time_and_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    view = Plain()
    for before, event, now in each(begun(validation_command="ruff check ."), dispatched(), gate(False)):
        view.event(before, event, now, now.last_at)

    out, err = capsys.readouterr()
    assert (out, err) == ("", "00:02 task 1 gate failed: exit code 1 (ruff check .)\n")


def test_quiet_leaves_warnings_and_questions(capsys: pytest.CaptureFixture[str]) -> None:
    view = Plain(quiet=True)
    run = begun(test_command="pytest -q")
    for before, event, now in each(run, baseline(), *REGRESSED, e.Warned(message="beware")):
        view.event(before, event, now, now.last_at)

    lines = capsys.readouterr().err.splitlines()
    assert lines == ["00:06 question q1: t::a broke. What is to be done?", "00:07 warning: beware"]


def test_json_streams_each_event_as_one_line_of_plain_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    view = Json()
    for before, event, now in each(begun(), step("attempt"), e.Warned(message=HOSTILE)):
        view.event(before, event, now, now.last_at)

    out, err = capsys.readouterr()
    documents = [json.loads(line) for line in out.splitlines()]
    assert err == "" and out.isascii()
    assert [document["schema"] for document in documents] == ["superteam.event.v1"] * 2
    assert documents[0]["at"] == "2026-01-01T00:00:01+00:00"
    assert documents[0]["event"]["kind"] == "step-started"
    assert e.EVENT.validate_python(documents[1]["event"]) == e.Warned(message=HOSTILE)


def test_a_terminal_that_is_gone_does_not_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    gone = io.TextIOWrapper(io.FileIO(write, "w"), write_through=True)
    monkeypatch.setattr(sys, "stderr", gone)
    run = begun()
    with pytest.raises(BrokenPipeError):
        gone.write("it is gone")
    Plain().event(run, e.Warned(message="x"), after(run, e.Warned(message="x")), "")


@pytest.mark.parametrize(
    ("wanted", "term", "view"),
    [
        ({"json": True, "quiet": False, "terminal": True}, "xterm", Json),
        ({"json": False, "quiet": True, "terminal": True}, "xterm", Plain),
        ({"json": False, "quiet": False, "terminal": False}, "xterm", Plain),
        ({"json": False, "quiet": False, "terminal": True}, "dumb", Plain),
        ({"json": False, "quiet": False, "terminal": True}, "xterm", Live),
    ],
)
def test_the_view_follows_from_how_the_command_was_called(
    wanted: dict[str, bool], term: str, view: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)

    assert isinstance(make_view(**wanted), view)


@contextmanager
def screen() -> Iterator[int]:
    """A terminal as standard error; what arrives there can be read from the descriptor."""
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    terminal: TextIO = io.TextIOWrapper(io.FileIO(slave, "w"), encoding="utf-8", write_through=True)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "80"), ("LINES", "24")):
            patch.setenv(name, value)
        patch.setattr(sys, "stderr", terminal)
        yield master
    terminal.close()
    os.close(master)


def arrived(master: int) -> str:
    found = b""
    while True:
        try:
            found += os.read(master, 65536)
        except BlockingIOError:
            return found.decode()


def test_the_live_view_draws_gives_way_and_draws_again() -> None:
    run = begun(test_command="pytest -q")
    with screen() as master:
        view = Live()
        view.stop()
        for before, event, now in each(run, baseline(), step("attempt")):
            view.event(before, event, now, now.last_at)
        view.output("attempt:1#1", f"working {HOSTILE} on it".encode())
        said = arrived(master)
        view.start()
        drawn = arrived(master)
        view.stop()
        gone = arrived(master)
        view.start()
        again = arrived(master)
        view.stop()

    assert "task 1 begins: First" in said and "▶" not in said
    assert "▶ running" in drawn and "working [red]x[/red]\\u202e on it" in drawn
    assert "owned" not in drawn and "\x1b[2J" not in drawn
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")  # the cursor is visible
    assert gone.endswith("\x1b[2K")  # the picture is erased
    assert "▶ running" in again


def test_the_live_view_forgets_the_output_of_a_step_that_is_over() -> None:
    run = begun(validation_command="ruff check .")
    with screen() as master:
        view = Live()
        for before, event, now in each(run, step("attempt")):
            view.event(before, event, now, now.last_at)
        view.output("attempt:1#1", b"old words\n")
        for before, event, now in each(after(run, step("attempt")), dispatched()):
            view.event(before, event, now, now.last_at)
        view.start()
        view.stop()
        drawn = arrived(master)

    assert "▶ running" in drawn and "old words" not in drawn


# -- the end


def test_the_final_table_of_a_run_that_went_well() -> None:
    assert final(finished()) == (
        "A plan (plan.md), run r1: finished\n"
        "\n"
        "task  status    attempts  commit        verdict  title\n"
        "1     complete  1         111111111111  pass     First\n"
        "\n"
        "flakes:\n"
        "  t::b\n"
        "known failures at the baseline: 1\n"
        "cost: 0.25 USD, time 00:09\n"
        "branch: superteam/plan-r1 at 111111111111\n"
        "main was fast-forwarded to it\n"
        "outputs: .superteam/runs/r1/outputs\n"
        "exit code 0, ok: what was asked for is done\n"
        "next: git log --oneline 000000000000..111111111111"
    )


def test_a_branch_that_was_not_moved_comes_with_the_reason_and_the_merge_command() -> None:
    text = final(finished(fast_forwarded=False, reason="main has moved on"))

    command = "git merge superteam/plan-r1"
    assert f"main was not moved (main has moved on); to take the commits: {command}\n" in text
    assert text.endswith(f"next: {command}")


def test_a_waiting_run_names_the_commands_that_answer_it() -> None:
    lines = final(waiting()).splitlines()

    assert lines[0] == "A plan (plan.md), run r1: waiting"
    assert "1     waiting  1         -       fail     First" in lines
    assert lines[lines.index("regressions:") + 1] == "  t::a (task 1)"
    assert "cost: unknown, time 00:06" in lines
    assert "exit code 4, waiting for an answer" in lines
    assert lines[-3:] == [
        "next: superteam status r1  (shows the question)",
        '      superteam answer CHOICE --run r1 --note "..."  (CHOICE: retry, abort)',
        "      superteam resume r1",
    ]


def test_an_interrupted_run_is_resumed_even_with_an_open_question() -> None:
    text = final(waiting(), interrupted=True)

    assert "run r1: interrupted" in text and "exit code 130" in text
    assert text.endswith("next: superteam resume r1")


def test_a_run_that_goes_on_has_no_exit_code_yet() -> None:
    assert "running; exit code not known yet\nnext: superteam status r1\n" in final(begun(), live=True)


def test_what_was_approved_is_listed_once_and_no_longer_as_a_warning() -> None:
    run = after(waiting(), e.Answered(question="q1", choice="approve", note="we know"), e.Warned(message="beware"))

    text = final(run, live=True)

    assert "approved:\n  task 1: test-regression: t::a broke\n" in text
    assert "warnings:\n  beware\n" in text
    assert text.count("t::a broke") == 1


def test_a_regression_that_was_mended_is_not_listed() -> None:
    run = after(waiting(), e.Answered(question="q1", choice="retry"), e.TreeInspected(task="1", tree="c" * 40))
    run = after(run, COMMITTED, suite(), concluded("pass"), ACCEPTED, MOVED)

    assert "regressions" not in final(run, live=True)


def test_a_regression_of_a_task_that_was_taken_back_is_its_failure_only() -> None:
    run = after(waiting(), e.Answered(question="q1", choice="skip"), e.TaskPutBack(task="1"))

    text = final(run, live=True)

    assert "regressions" not in text
    assert "failures:\n  task 1: test-regression: t::a broke\n" in text


def test_a_task_that_was_left_out_has_no_verdict_and_one_that_was_approved_says_so() -> None:
    skipped = after(waiting(), e.Answered(question="q1", choice="skip"), e.TaskPutBack(task="1"))
    approved = after(waiting(), e.Answered(question="q1", choice="approve"), ACCEPTED, MOVED)

    assert "1     skipped  1         -       -        First" in final(skipped, live=True).splitlines()
    row = next(line for line in final(approved, live=True).splitlines() if line.endswith("First"))
    assert row.split("  ")[-2].strip() == "fail, approved"
    assert "regressions:" not in final(approved, live=True)


def test_a_blocked_run_names_the_tasks_that_are_not_done_and_an_aborted_one_says_so() -> None:
    skipped = after(waiting(), e.Answered(question="q1", choice="skip"), e.TaskPutBack(task="1"))
    aborted = after(waiting(), e.RunAborted(), e.RunEnded(status="aborted", exit_code=1))

    assert "exit code 1, blocked: not done: task 2\n" in final(
        after(skipped, e.RunEnded(status="blocked", exit_code=1))
    )
    assert "exit code 1, aborted\n" in final(aborted)


def test_a_question_that_is_open_at_a_terminal_is_answered_there() -> None:
    text = final(waiting(), live=True)

    assert "is being asked at the terminal" in text and "superteam answer" not in text


def test_an_agent_and_a_fix_that_changed_nothing_are_told() -> None:
    regressed = after(begun(test_command="pytest -q"), baseline(), *REGRESSED[:-1])
    regressed = after(regressed, chosen(BROKEN, Action.STOP_SHOW_DIFF, Response.FIX))

    assert told(begun(), dispatched(tree=TREE)) == ["bad: task 1 agent ended well but changed nothing"]
    assert told(regressed, dispatched(number=2)) == ["bad: task 1 fix changed nothing"]


def test_a_question_of_an_agent_is_told_as_its_own() -> None:
    lines = told(begun(), dispatched(question="Which parser?"))

    assert lines[-1] == "question: question q1: the agent of task 1 asks: Which parser?"


def test_a_run_without_a_test_command_says_what_was_not_validated() -> None:
    assert "not validated across tasks: there is no test-command\n" in final(begun(), live=True)


def test_commits_that_no_validation_saw_are_named() -> None:
    run = begun(Task(id="1", title="First"), test_command="pytest -q", validation_cadence="on-demand")
    run = after(run, baseline(), dispatched(), COMMITTED, MOVED, e.RunEnded(status="finished", exit_code=0))

    assert "not validated across tasks: 1\n" in final(run)


def test_a_long_list_is_cut_with_a_mark() -> None:
    run = begun()
    for i in range(50):
        run = evolve(run, e.Warned(message=f"warning {i}"), "2026-01-01T00:00:01+00:00")

    text = final(run, live=True)

    assert "  warning 19\n  [... 30 more: superteam status --json]\n" in text


def test_the_final_table_is_harmless_whatever_the_plan_says() -> None:
    text = final(begun(Task(id=HOSTILE, title=HOSTILE + "\nexit code 0")), live=True)

    assert "\x1b" not in text and "\u202e" not in text
    assert not any(line.startswith("exit code 0") for line in text.splitlines())


def test_the_final_table_needs_no_rich(tmp_path: Path) -> None:
    import subprocess

    code = "import sys, superteam.cli.view; sys.exit(any(n in sys.modules for n in ('rich', 'git', 'anyio', 'yaml')))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=tmp_path).returncode == 0


# -- reviews


ROLES = {"review": {"roles": ["spec", "security"], "max-iterations": 1}}


def verdict(role: str, *issues: str, passed: bool = False, number: int = 1, **more: Any) -> e.ReviewFinished:
    found = tuple(ReviewFinding(severity="high", issue=issue, file="a.py", line=3) for issue in issues)
    facts: dict[str, Any] = {"ended": "done", "review": Review(passed=passed, findings=found), **more}
    key = f"review:1#{number}-{role}"
    return e.ReviewFinished(key=key, task="1", role=role, number=number, sha=COMMIT_1, **facts)


def in_review() -> Run:
    return after(begun(**ROLES), dispatched(), e.CommitMade(task="1", sha=COMMIT_1))


def test_reviews_are_told_with_their_verdicts_and_what_a_reviewer_changed() -> None:
    assert told(
        in_review(),
        verdict("security", passed=True, changed=("a.py",)),
        verdict("spec", ended="unreadable", review=None, detail="no verdict"),
        verdict("spec", "wrong", number=2),
    ) == [
        f"good: task 1 review (security) {COMMIT_1[:12]} passed",
        "warning: warning: task 1: the reviewer security changed the tree: a.py; its change was undone",
        f"bad: task 1 review (spec) {COMMIT_1[:12]} unreadable: no verdict",
        f"bad: task 1 review (spec) {COMMIT_1[:12]} did not pass: 1 high finding",
    ]


def test_a_critical_finding_is_told_as_what_it_does_whatever_the_reviewer_says() -> None:
    found = [ReviewFinding(severity=severity, issue="wrong") for severity in ("low", "critical", "low")]
    said = verdict("security", review=Review(passed=True, findings=tuple(found)))
    assert told(in_review(), said) == [
        f"bad: task 1 review (security) {COMMIT_1[:12]} passed: 1 critical, 2 low findings"
    ]
    only_advice = verdict("security", "wrong")
    assert told(in_review(), only_advice) == [
        f"good: task 1 review (security) {COMMIT_1[:12]} did not pass: 1 high finding"
    ]


def test_a_question_and_a_further_dispatch_name_the_reviewer() -> None:
    asking = verdict("spec", ended="done", review=None, question="Which parser?")
    lines = told(in_review(), verdict("security", passed=True), asking)
    assert lines[-1] == "question: question q1: the reviewer spec of task 1 asks: Which parser?"
    lost = Failure(type=FailureType.PARSE_ERROR, task="1", origin="review", roles=("spec",), message="no verdict")
    chosen = e.ActionChosen(task="1", failure=lost, action=Action.AUTO_RETRY, response=Response.REDO)
    unread = verdict("spec", ended="unreadable", review=None)
    lines = told(in_review(), verdict("security", passed=True), unread, chosen)
    assert lines[-1] == "step: task 1 parse-error: one more dispatch of the reviewer spec"


def test_a_run_without_a_commit_says_so_though_the_branch_was_there_already() -> None:
    text = final(after(begun(), e.RunEnded(status="finished", exit_code=0, fast_forwarded=True)), live=False)
    assert ": no commit was made\n" in text and "fast-forwarded" not in text and "git log" not in text


def test_what_reviewers_found_last_is_listed_in_the_end() -> None:
    run = after(in_review(), verdict("security", "wrong", passed=True), verdict("spec", "wrong", HOSTILE))
    text = final(run, live=True)
    assert "review findings:\n" in text and "  task 1: high (security, spec) a.py:3: wrong\n" in text
    assert "\x1b" not in text and "\u202e" not in text
    silent = after(in_review(), verdict("security", passed=True), verdict("spec"))
    assert "  task 1: spec did not pass it: without a finding\n" in final(silent, live=True)


def test_a_reviewer_at_work_is_named_by_what_it_looks_at() -> None:
    started = e.StepStarted(key="review:1#1-spec", step="review", task="1", number=1, role="spec")
    assert label(in_review(), started) == "task 1: review (spec)"


# -- rate limits


UNTIL = "2030-01-01T00:00:00+00:00"


def test_a_rate_limit_that_is_not_waited_for_says_when_and_how_to_go_on() -> None:
    limited = dispatched(ended="rate-limited", agent="claude", resets_at=UNTIL)
    lines = told(begun(), limited)
    assert lines == [
        "warning: agent claude: its provider takes no work (rate limit) until 2030-01-01 00:00:00 UTC",
        "warning: the run stops: waiting is not allowed; go on later: superteam resume r1",
    ]
    shown = final(after(begun(), limited))
    assert "rate-limited" in shown and "exit code 75, later" in shown
    assert "superteam resume r1  (at 2030-01-01 00:00 UTC or later)" in shown


def test_a_rate_limit_that_is_waited_for_is_shown_with_its_time() -> None:
    run = replace(begun(), limits=RateLimits(patience=10**9))
    limited = dispatched(ended="rate-limited", agent="claude\x1b[2J", resets_at=UNTIL)
    waiting = after(run, limited)
    assert "; waiting for it" in told(run, limited)[0] and "\x1b" not in told(run, limited)[0]
    started = e.StepStarted(key="wait:-#1-x", step="wait", number=1, role="claude\x1b[2J")
    words = label(waiting, started)
    assert words is not None and "until 2030-01-01 00:00:00 UTC; waiting for it" in words and "\x1b" not in words
