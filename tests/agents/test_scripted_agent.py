"""The scripted agent: what its TOML file can say."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from superteam.agents import make_agent
from superteam.agents.scripted import ScriptedAgent
from superteam.core.settings import Settings
from superteam.errors import ConfigError
from superteam.ports import AgentReport, Brief, Limits


@pytest.fixture
def brief(tmp_path: Path) -> Brief:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "old.txt").write_text("one\ntwo\ntwo\n")
    folder = tmp_path / "run"
    env = {"PATH": os.environ["PATH"], "MY_TOKEN": "open-sesame"}
    paths = (folder / "prompt", folder / "result", folder / "output")
    return Brief("implement", "1", 1, "run-1", "Do it.", tree, env, *paths, 20, 20, 0.3)


def play(script: str, brief: Brief) -> AgentReport:
    path = brief.tree.parent / "script.toml"
    path.write_text(script)
    agent = ScriptedAgent("demo", path)
    agent.check()
    return anyio.run(agent.work, brief)


def test_files_are_written_deleted_and_replaced(brief: Brief) -> None:
    (brief.tree / "gone.txt").write_text("")
    (brief.tree / "gone2.txt").write_text("")
    script = """
        [[dispatch]]
        task = "1"
        delete = ["gone.txt", "never-there.txt"]
        replace = [{ file = "old.txt", old = "two", new = "zwei" }]
        write = { "new/deep/a.py" = "x = 1\\n", "gone2.txt" = false }
    """
    assert play(script, brief) == AgentReport("done", 0)
    files = {str(path.relative_to(brief.tree)): path.read_text() for path in brief.tree.rglob("*") if path.is_file()}
    assert files == {"old.txt": "one\nzwei\ntwo\n", "new/deep/a.py": "x = 1\n"}


def test_a_patch_is_applied(brief: Brief) -> None:
    patch = "--- a/old.txt\n+++ b/old.txt\n@@ -1,3 +1,3 @@\n-one\n+eins\n two\n two\n"
    subprocess.run(["git", "init", "-q", brief.tree], check=True)
    assert play(f"[[dispatch]]\ntask = 1\npatch = '''\n{patch}'''", brief).ended == "done"
    assert (brief.tree / "old.txt").read_text() == "eins\ntwo\ntwo\n"


def test_a_patch_that_does_not_apply_is_a_failure_with_the_reason(brief: Brief) -> None:
    patch = "--- a/old.txt\n+++ b/old.txt\n@@ -1 +1 @@\n-other\n+eins\n"
    done = play(f"[[dispatch]]\ntask = 1\npatch = '''\n{patch}'''", brief)
    assert done.ended == "failed"
    assert "the patch does not apply" in done.detail and "old.txt" in done.detail


def test_a_text_that_is_not_there_cannot_be_replaced(brief: Brief) -> None:
    done = play('[[dispatch]]\ntask = "1"\nreplace = [{ file = "old.txt", old = "three", new = "" }]', brief)
    assert done.ended == "failed"
    assert "old.txt does not hold the text" in done.detail


def test_the_first_entry_that_matches_is_played(brief: Brief) -> None:
    script = """
        dispatch = [
            { task = "1", attempt = 2, output = "second" },
            { task = "1", role = "fix", output = "fix" },
            { task = "2", output = "other task" },
            { task = "1", output = "any" },
            { task = "1", attempt = 3, output = "never reached" },
        ]
    """
    for changed, output in (
        (brief, "any"),
        (replace(brief, attempt=2), "second"),
        (replace(brief, attempt=2, role="fix"), "second"),
        (replace(brief, attempt=3, role="fix"), "fix"),
        (replace(brief, attempt=3), "any"),
        (replace(brief, task_id="2"), "other task"),
    ):
        assert play(script, changed).ended == "done"
        assert brief.output.read_text() == output


def test_a_dispatch_without_an_entry_fails_and_says_which_and_where(brief: Brief) -> None:
    done = play('[[dispatch]]\ntask = "1"\nrole = "fix"', replace(brief, attempt=4))
    assert done.ended == "failed"
    assert "script.toml has no [[dispatch]] entry for task 1, attempt 4, role implement" in done.detail


def test_result_and_figures_are_reported(brief: Brief) -> None:
    script = """
        [[dispatch]]
        task = "1"
        cost-usd = 0.5
        input-tokens = 7
        output-tokens = 8
        exit = 3
        output = "no idea\\n"
        result = { summary = "s", question = "Which?", claims = ["c"] }
    """
    detail = "the agent's program ended with exit code 3; it said last:\nno idea"
    assert play(script, brief) == AgentReport("failed", 3, detail, "s", 0.5, 7, 8, ("c",), (), "Which?")


def test_a_result_that_is_a_text_stands_there_as_it_is(brief: Brief) -> None:
    assert play('[[dispatch]]\ntask = "1"\nresult = "{ not json"', brief).ended == "unreadable"


def test_a_command_can_be_run_in_the_tree_and_its_exit_code_counts(brief: Brief) -> None:
    done = play(
        """[[dispatch]]\ntask = "1"\nrun = "echo $SUPERTEAM_ROLE; pwd > here; exit 6"\noutput = "after"\n""", brief
    )
    assert (done.ended, done.exit_code) == ("failed", 6)
    assert brief.output.read_text() == "implement\nafter"
    assert (brief.tree / "here").read_text() == f"{brief.tree}\n"


def test_a_command_that_hangs_is_ended(brief: Brief) -> None:
    done = play('[[dispatch]]\ntask = "1"\nrun = "sleep 60 & sleep 60"', replace(brief, idle_timeout=0.2))
    assert done.ended == "idle"
    assert [left.partition(" ")[2] for left in done.leftovers] in (["sleep"], [])


@pytest.mark.parametrize(
    ("limits", "ended"),
    [
        ({"timeout": 0.1}, "timed-out"),
        ({"idle_timeout": 0.1}, "idle"),
        ({"timeout": 0.1, "idle_timeout": 0.2}, "timed-out"),
        ({"timeout": 0.2, "idle_timeout": 0.1}, "idle"),
        ({"timeout": None, "idle_timeout": None}, "done"),
    ],
)
def test_taking_too_long_is_ended_by_the_limit_that_comes_first(
    brief: Brief, limits: dict[str, float], ended: str
) -> None:
    takes = 0.05 if ended == "done" else 60
    began = time.monotonic()
    done = play(f'[[dispatch]]\ntask = "1"\ntakes = {takes}\ncost-usd = 1.0', replace(brief, **limits))
    assert (done.ended, done.cost_usd) == (ended, 1.0)
    assert 0.04 < time.monotonic() - began < 5


def test_a_cancelled_dispatch_stops_at_once_and_leaves_its_half_done_work(brief: Brief) -> None:
    path = brief.tree.parent / "script.toml"
    path.write_text('[[dispatch]]\ntask = "1"\ntakes = "1h"\nwrite = { "half" = "" }')

    async def cancelled() -> None:
        with anyio.move_on_after(0.1):
            await ScriptedAgent("demo", path).work(brief)
            raise AssertionError("it was not cancelled")

    anyio.run(cancelled)
    assert (brief.tree / "half").exists()


@pytest.mark.parametrize(
    ("script", "place"),
    [
        ("[[dispatch", "not valid TOML"),
        ("[[dispatch]]\nattempt = 1", "dispatch.0.task"),
        ("[[dispatch]]\ntask = '1'\nexits = 1", "dispatch.0.exits"),
        ("[[dispatch]]\ntask = '1'\ntakes = 'long'", "dispatch.0.takes"),
        ("[[dispatch]]\ntask = '1'\nwrite = { '../x' = '' }", "not a path inside the tree"),
        ("[[dispatch]]\ntask = '1'\nwrite = { '/etc/x' = '' }", "not a path inside the tree"),
        ("[[dispatch]]\ntask = '1'\ndelete = ['a/../../x']", "dispatch.0.delete.0"),
        ("[[dispatch]]\ntask = '1'\nreplace = [{ file = '..', old = 'a', new = 'b' }]", "dispatch.0.replace.0.file"),
    ],
)
def test_a_wrong_script_is_an_error_that_names_file_and_key(brief: Brief, script: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        play(script, brief)
    assert "script.toml" in caught.value.message and place in caught.value.message
    assert anyio.run(ScriptedAgent("demo", brief.tree.parent / "script.toml").work, brief).ended == "failed"


def test_a_script_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    definition = {"demo": {"kind": "scripted", "script": "scripts/gone.toml"}}
    agent = make_agent("demo", Settings.model_validate({"agents": definition}), tmp_path)
    with pytest.raises(ConfigError, match=f"{tmp_path}/scripts/gone.toml cannot be read"):
        agent.check()


def test_a_link_that_leads_out_of_the_tree_is_not_followed(brief: Brief) -> None:
    (brief.tree / "out").symlink_to(brief.tree.parent)
    done = play('[[dispatch]]\ntask = "1"\nwrite = { "out/planted" = "" }', brief)
    assert done.ended == "failed"
    assert "out/planted leads out of the tree" in done.detail
    assert not (brief.tree.parent / "planted").exists()


def test_secrets_are_redacted_in_the_output(brief: Brief) -> None:
    play('[[dispatch]]\ntask = "1"\noutput = "it is open-sesame"', brief)
    assert brief.output.read_text() == "it is [redacted]"


# -- sessions, limits


def test_it_tells_its_turns_and_its_session(brief: Brief) -> None:
    found = play('[[dispatch]]\ntask = "1"\nturns = 3\nsession = "s"\n', brief)
    assert (found.ended, found.turns, found.session) == ("done", 3, "s")


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (Limits(usd=0.4), "max-usd"),
        (Limits(usd=0.5), ""),
        (Limits(tokens=29), "max-tokens"),
        (Limits(turns=2, tokens=30), "max-turns"),
        (Limits(), ""),
    ],
)
def test_it_is_stopped_where_it_passes_a_maximum(limits: Limits, limit: str, brief: Brief) -> None:
    costs = "cost-usd = 0.5\ninput-tokens = 10\noutput-tokens = 20\nturns = 3\n"
    script = f'[[dispatch]]\ntask = "1"\n{costs}session = "s"\nwrite = {{ a = "1" }}\nresult = {{ question = "?" }}\n'
    found = play(script, replace(brief, limits=limits))
    assert (found.ended, found.limit) == ("over-budget" if limit else "done", limit)
    assert (found.session, found.question) == ((None, None) if limit else ("s", "?"))
    assert (found.cost_usd, found.input_tokens, found.output_tokens, found.turns) == (0.5, 10, 20, 3)
    assert (brief.tree / "a").exists()


@pytest.mark.parametrize(
    ("until", "resets_at"), [("true", None), ('"2030-01-01T00:00:00Z"', "2030-01-01T00:00:00+00:00")]
)
def test_it_can_be_rate_limited(until: str, resets_at: str | None, brief: Brief) -> None:
    found = play(f'[[dispatch]]\ntask = "1"\nrate-limited = {until}\n', brief)
    assert (found.ended, found.resets_at) == ("rate-limited", resets_at)


def test_a_budget_of_time_ends_what_takes_too_long(brief: Brief) -> None:
    found = play('[[dispatch]]\ntask = "1"\ntakes = 9\n', replace(brief, limits=Limits(time=0.2)))
    assert (found.ended, found.limit) == ("over-budget", "max-time")


def test_what_it_runs_is_told_what_was_chosen(brief: Brief) -> None:
    chosen = replace(brief, model="big", session="s", arguments=("-v", "x"))
    script = """[[dispatch]]\ntask = "1"\nrun = 'echo "$SUPERTEAM_MODEL $SUPERTEAM_SESSION $1 $2" > said'\n"""
    assert play(script, chosen).ended == "done"
    assert (brief.tree / "said").read_text() == "big s -v x\n"
