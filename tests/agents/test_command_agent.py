"""The command agent with real shell scripts as agents."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from superteam.agents import make_agent
from superteam.agents.command import CommandAgent
from superteam.core.settings import Settings
from superteam.errors import AgentUnavailable, ConfigError
from superteam.ports import AgentReport, Brief, Limits


@pytest.fixture
def brief(tmp_path: Path) -> Brief:
    (tmp_path / "tree").mkdir()
    return Brief(
        role="implement",
        task_id="3",
        attempt=2,
        run_id="run-1",
        prompt="Do it: ümlaut\n",
        tree=tmp_path / "tree",
        env={"PATH": os.environ["PATH"], "MY_TOKEN": "open-sesame"},
        prompt_file=tmp_path / "run" / "prompt.md",
        result_file=tmp_path / "run" / "result.json",
        output=tmp_path / "run" / "output",
        timeout=20,
        idle_timeout=20,
        grace=0.3,
    )


def work(script: str, brief: Brief, *arguments: str) -> AgentReport:
    agent = CommandAgent("mine", ("/bin/sh", "-c", script, "agent", *arguments), brief.tree.parent)
    return anyio.run(agent.work, brief)


def says(result: object) -> str:
    return f"cat > $SUPERTEAM_RESULT <<'END'\n{json.dumps(result)}\nEND\n"


def test_the_prompt_comes_on_standard_input_in_a_file_and_in_the_placeholder(brief: Brief) -> None:
    script = 'cat > stdin; cat "$SUPERTEAM_PROMPT_FILE" > file; cat "$1" > placeholder; echo "$2" > within'
    assert work(script, brief, "{prompt_file}", "--prompt={prompt_file}").ended == "done"
    assert {name: (brief.tree / name).read_text() for name in ("stdin", "file", "placeholder")} == dict.fromkeys(
        ("stdin", "file", "placeholder"), brief.prompt
    )
    assert (brief.tree / "within").read_text() == f"--prompt={brief.prompt_file}\n"
    assert brief.prompt_file.stat().st_mode & 0o777 == 0o600


def test_the_environment_says_what_the_dispatch_is_and_holds_nothing_of_ours(
    brief: Brief, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONLY_OURS", "1")
    work("env > env; pwd > pwd", brief)
    lines = (brief.tree / "env").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines)
    assert {name: found.get(name) for name in found if name.startswith("SUPERTEAM_") and name[10:] != "PROCESS_ID"} == {
        "SUPERTEAM_ROLE": "implement",
        "SUPERTEAM_TASK_ID": "3",
        "SUPERTEAM_ATTEMPT": "2",
        "SUPERTEAM_RUN_ID": "run-1",
        "SUPERTEAM_PROMPT_FILE": str(brief.prompt_file),
        "SUPERTEAM_RESULT": str(brief.result_file),
    }
    assert "ONLY_OURS" not in found
    assert (brief.tree / "pwd").read_text() == f"{brief.tree}\n"


def test_everything_in_the_result_file_is_reported(brief: Brief) -> None:
    said = {
        "summary": "s",
        "cost_usd": 0.5,
        "input_tokens": 10,
        "output_tokens": 2,
        "claims": ["c"],
        "deviations": ["d"],
    }
    assert work(says({**said, "passed": True, "new-key": 1}), brief) == AgentReport(
        "done", 0, "", "s", 0.5, 10, 2, ("c",), ("d",)
    )


def test_without_a_result_file_nothing_is_known(brief: Brief) -> None:
    assert work("true", brief) == AgentReport("done", 0)


def test_claims_in_another_shape_are_kept_as_text(brief: Brief) -> None:
    done = work(says({"summary": None, "claims": [{"tests": "pass"}, "ok"], "deviations": None}), brief)
    assert (done.ended, done.summary, done.claims, done.deviations) == ("done", "", ('{"tests": "pass"}', "ok"), ())


def test_a_result_file_of_an_earlier_dispatch_is_not_believed(brief: Brief) -> None:
    assert work(says({"summary": "first"}), brief).summary == "first"
    assert work("true", brief).summary == ""


def test_a_question_is_passed_on_even_if_the_program_failed(brief: Brief) -> None:
    done = work(says({"question": " Which database? "}) + "exit 4", brief)
    assert (done.ended, done.exit_code, done.question) == ("failed", 4, "Which database?")


def test_an_empty_question_is_none(brief: Brief) -> None:
    assert work(says({"question": "  "}), brief).question is None


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo '{' > $SUPERTEAM_RESULT", "Invalid JSON"),
        ("echo '[1]' > $SUPERTEAM_RESULT", "should be an object"),
        ("""echo '{"cost_usd": -1}' > $SUPERTEAM_RESULT""", "cost_usd: "),
        ("""echo '{"cost_usd": NaN}' > $SUPERTEAM_RESULT""", "cost_usd: "),
        ("""echo '{"cost_usd": 1.5e308}' > $SUPERTEAM_RESULT""", "cost_usd: "),
        ("""echo '{"input_tokens": "many"}' > $SUPERTEAM_RESULT""", "input_tokens: "),
        ("head -c 1048577 /dev/zero > $SUPERTEAM_RESULT", "longer than 1048576 bytes"),
        ("mkfifo $SUPERTEAM_RESULT", "not a regular file"),
        ("mkdir $SUPERTEAM_RESULT", "Is a directory"),
        ("ln -s /etc/passwd $SUPERTEAM_RESULT", "symbolic links"),
        ("printf '\\377' > $SUPERTEAM_RESULT", "Invalid JSON"),
    ],
)
def test_a_result_file_that_cannot_be_read_is_said_with_the_reason(brief: Brief, script: str, reason: str) -> None:
    done = work(script, brief)
    assert done.ended == "unreadable"
    assert reason in done.detail and str(brief.result_file) in done.detail


def test_a_result_path_that_was_spoilt_earlier_is_a_failure_and_no_exception(brief: Brief) -> None:
    brief.result_file.mkdir(parents=True)
    done = work("true", brief)
    assert done.ended == "failed"
    assert str(brief.result_file) in done.detail


def test_a_failing_program_is_named_with_its_last_words(brief: Brief) -> None:
    done = work("echo working; echo no key >&2; exit 3", brief)
    assert (done.ended, done.exit_code) == ("failed", 3)
    assert done.detail == "the agent's program ended with exit code 3; it said last:\nno key"


def test_a_program_that_fails_and_leaves_garbage_failed(brief: Brief) -> None:
    done = work("echo '{' > $SUPERTEAM_RESULT; exit 3", brief)
    assert done.ended == "failed"
    assert "exit code 3" in done.detail and "Invalid JSON" in done.detail


def test_a_program_that_crashes_is_named_with_its_signal(brief: Brief) -> None:
    done = work("kill -SEGV $$", brief)
    assert (done.ended, done.exit_code) == ("failed", -signal.SIGSEGV)
    assert "was killed by SIGSEGV" in done.detail


def test_what_is_said_after_our_own_term_does_not_make_it_a_success(brief: Brief) -> None:
    words = {"summary": "all done", "question": "Go on?", "claims": ["green"], "cost_usd": 0.25}
    script = f"bye() {{\n{says(words)}exit 0\n}}\ntrap bye TERM\nwhile :; do sleep 0.02; done"
    done = work(script, replace(brief, timeout=0.3, grace=5))
    assert done == AgentReport("timed-out", 0, done.detail, cost_usd=0.25)
    assert "ran longer than 0.3 s" in done.detail


def test_a_silent_program_is_idle(brief: Brief) -> None:
    done = work("exec sleep 60", replace(brief, idle_timeout=0.3))
    assert (done.ended, done.exit_code) == ("idle", -signal.SIGTERM)


def test_a_program_that_vanished_after_the_check_is_a_failure_and_no_exception(brief: Brief) -> None:
    done = anyio.run(CommandAgent("mine", ("./gone",), brief.tree.parent).work, brief)
    assert (done.ended, done.exit_code) == ("failed", None)
    assert "could not be started" in done.detail and "not found" in done.detail


def test_a_descendant_still_alive_is_reported(brief: Brief) -> None:
    done = work("sleep 60 & exit 0", brief)
    assert done.ended == "done"
    assert [left.partition(" ")[2] for left in done.leftovers] == ["sleep"]


def test_secrets_are_redacted_in_output_result_and_report(brief: Brief) -> None:
    done = work("echo $MY_TOKEN\n" + says({"summary": "used open-sesame"}), brief)
    assert done.summary == "used [redacted]"
    assert "open-sesame" not in brief.output.read_text() + brief.result_file.read_text()


def test_a_long_text_is_cut_with_the_place_of_the_whole(brief: Brief) -> None:
    done = work(says({"summary": "x" * 100_000}), brief)
    assert len(done.summary) < 20_000
    assert done.summary.endswith(f"the whole is in {brief.result_file}]")


def test_a_relative_program_is_the_repositorys_and_not_the_trees(brief: Brief) -> None:
    for folder in (brief.tree, brief.tree.parent):
        (folder / "agent.sh").write_text(f"#!/bin/sh\necho {folder} > from\n")
        (folder / "agent.sh").chmod(0o755)
    settings = Settings.model_validate({"agents": {"mine": {"kind": "command", "command": ["./agent.sh"]}}})
    agent = make_agent("mine", settings, brief.tree.parent)
    agent.check()
    assert anyio.run(agent.work, brief).ended == "done"
    assert (brief.tree / "from").read_text() == f"{brief.tree.parent}\n"


@pytest.mark.parametrize(
    ("program", "message"),
    [("no-such-agent", "not on the PATH"), ("./gone", "does not exist"), ("./plain", "is not executable")],
)
def test_a_program_that_cannot_be_started_is_found_before_the_run(tmp_path: Path, program: str, message: str) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(AgentUnavailable, match=message) as caught:
        CommandAgent("mine", (program,), tmp_path).check()
    assert "mine" in caught.value.message and caught.value.hint


def test_a_program_on_the_path_is_found(tmp_path: Path) -> None:
    CommandAgent("mine", ("sh",), tmp_path).check()


def test_an_unknown_agent_is_an_error_that_names_the_choices(tmp_path: Path) -> None:
    settings = Settings.model_validate({"agents": {"a": {"kind": "command", "command": ["a"]}}})
    with pytest.raises(ConfigError, match=r"no agent 'b'; the choices are: .*\ba\b") as caught:
        make_agent("b", settings, tmp_path)
    assert "[agents.b]" in (caught.value.hint or "")


def test_an_agent_of_another_package_is_made_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirs_agent.py").write_text(
        "from superteam.agents.command import CommandAgent\n"
        "def make(settings, root):\n    return CommandAgent('theirs', ('true',), root)\n"
        "def broken(settings, root):\n    raise KeyError('no key')\n"
    )
    info = tmp_path / "theirs-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[superteam.agents]\ntheirs = theirs_agent:make\nbroken = theirs_agent:broken\nabsent = not_there:make\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert make_agent("theirs", Settings(), tmp_path) == CommandAgent("theirs", ("true",), tmp_path)
    for name in ("broken", "absent"):
        with pytest.raises(ConfigError, match=f"{name!r} .* cannot be made"):
            make_agent(name, Settings(), tmp_path)


# -- models, sessions, limits


def test_what_was_chosen_for_the_dispatch_is_in_its_environment_and_its_arguments(brief: Brief) -> None:
    limits = Limits(usd=1.5, tokens=100, turns=7)
    chosen = replace(brief, model="big", effort="low", session="s-1", arguments=("-v", "a b"), limits=limits)
    names = ("MODEL", "EFFORT", "SESSION", "MAX_USD", "MAX_TOKENS", "MAX_TURNS")
    script = "; ".join([*(f'echo "$SUPERTEAM_{name}" >> said' for name in names), 'echo "$1 $2 $3" >> said'])
    assert work(script, chosen, "own").ended == "done"
    assert (brief.tree / "said").read_text().split("\n") == ["big", "low", "s-1", "1.5", "100", "7", "own -v a b", ""]


def test_what_was_not_chosen_is_not_in_its_environment(brief: Brief) -> None:
    assert work("env > said", brief).ended == "done"
    said = (brief.tree / "said").read_text()
    assert not any(f"SUPERTEAM_{name}" in said for name in ("MODEL", "EFFORT", "SESSION", "MAX_"))


def test_it_may_name_its_session_and_its_turns(brief: Brief) -> None:
    found = work(says({"session": "s-2", "turns": 4}), brief)
    assert (found.session, found.turns, found.ended) == ("s-2", 4, "done")
    failed = work(says({"session": "s-2", "turns": 4}) + "exit 3", brief)
    assert (failed.session, failed.turns, failed.ended) == (None, 4, "failed")


@pytest.mark.parametrize(
    ("said", "resets_at"),
    [
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00+00:00"),
        ("2030-01-01T02:00:00+02:00", "2030-01-01T00:00:00+00:00"),
        (1893456000, "2030-01-01T00:00:00+00:00"),
        (True, None),
        ("soon", None),
        (10**30, None),
        ([], None),
    ],
)
def test_a_rate_limit_wins_over_the_exit_code_and_over_all_that_was_said(
    said: object, resets_at: str | None, brief: Brief
) -> None:
    script = says({"rate_limited_until": said, "question": "what?", "summary": "all done", "cost_usd": 0.1})
    for end in ("exit 0", "exit 1"):
        found = work(script + end, brief)
        assert (found.ended, found.resets_at, found.question, found.summary) == ("rate-limited", resets_at, None, "")
        assert found.cost_usd == 0.1


@pytest.mark.parametrize(("timeout", "left", "ended"), [(9, 0.3, "over-budget"), (0.3, 9, "timed-out")])
def test_what_ends_first_a_time_out_or_a_budget_of_time_is_what_is_said(
    timeout: float, left: float, ended: str, brief: Brief
) -> None:
    found = work("echo begun > a; sleep 30", replace(brief, timeout=timeout, limits=Limits(time=left)))
    assert (found.ended, found.limit) == (ended, "max-time" if ended == "over-budget" else "")
