"""`superteam execute` on real repositories: the ordinary course, the gate, regressions, flakes, the end."""

from __future__ import annotations

import pytest
from playground import Repo, Setup, plan, script

SOUND = "def add(a, b):\n    return a + b\n\n\ndef mul(a, b):\n    return a * b\n"
ADD_SUB = {"calc.py": SOUND + "\n\ndef sub(a, b):\n    return a - b\n"}
BROKEN = {"calc.py": "def add(a, b):\n    return a - b\n\n\ndef mul(a, b):\n    return a * b\n"}
NEW_FILE = {"other.py": "X = 1\n"}


def test_two_tasks_are_done_committed_validated_and_the_branch_is_fast_forwarded(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Add sub"}, {"title": "Add a file"}],
        [{"task": "1", "write": ADD_SUB}, {"task": "2", "write": NEW_FILE}],
    )
    start = repo.git("rev-parse", "HEAD")
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert repo.task_commits() == ["1", "2"]
    assert repo.git("status", "--porcelain") == ""
    status = repo.status()
    assert status["status"] == "finished"
    assert status["baseline"]["sha"] == start
    assert status["baseline"]["counts"]["passed"] == 2
    assert [v["verdict"] for v in status["validations"]] == ["pass", "pass"]
    assert repo.git("log", "-1", "--format=%an <%ae>") == "Ada <ada@example.org>"
    assert repo.files_at()["other.py"] == "X = 1"


def test_a_plan_that_was_carried_out_is_not_run_again(repo: Repo, given: Setup) -> None:
    given([{"title": "Add a file"}], [{"task": "1", "write": NEW_FILE}])
    assert repo.superteam("execute", "plan.md").code == 0
    head = repo.git("rev-parse", "HEAD")
    again = repo.superteam("execute", "plan.md")
    assert again.code == 0
    assert "already" in again.err
    assert repo.git("rev-parse", "HEAD") == head


def test_a_failed_gate_is_repaired_by_a_fix_dispatch_that_gets_both_outputs(repo: Repo, given: Setup) -> None:
    gate = "echo on out; echo on err >&2; grep -q 'X = 2' other.py"
    given(
        [{"title": "Set X", "gate": gate}],
        [
            {"task": "1", "role": "implement", "write": NEW_FILE},
            {"task": "1", "role": "fix", "write": {"other.py": "X = 2\n"}},
        ],
    )
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    status = repo.status()
    assert status["tasks"][0]["attempts"] == 2
    assert status["tasks"][0]["failures"][0]["type"] == "validation-failure"
    assert repo.task_commits() == ["1"]
    prompts = [p.read_text() for p in (repo.root / ".superteam/latest/outputs").glob("*.prompt.md")]
    fix = next(text for text in prompts if text.startswith("# Fix"))
    assert "on out" in fix and "on err" in fix and "+X = 1" in fix and gate in fix


def test_a_regression_is_repaired_and_the_task_has_one_commit(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Change add"}],
        [{"task": "1", "role": "implement", "write": BROKEN}, {"task": "1", "role": "fix", "write": ADD_SUB}],
    )
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    first, second = repo.status()["validations"]
    assert first["verdict"] == "fail"
    assert first["regressions"] == ["test_calc.py::test_add"]
    assert first["settlements"]["test_calc.py::test_add"] == {"task": [2, 2], "reference": [0, 2]}
    assert second["verdict"] == "pass"
    assert repo.task_commits() == ["1"]


def test_a_regression_that_stays_pauses_the_run_with_its_diff(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Change add"}],
        [{"task": "1", "role": "implement", "write": BROKEN}, {"task": "1", "role": "fix", "write": NEW_FILE}],
    )
    start = repo.git("rev-parse", "HEAD")
    done = repo.superteam("execute", "plan.md")
    assert done.code == 4, done.err
    pending = repo.status()["pending"]
    assert pending["failure_type"] == "test-regression"
    assert {option["id"] for option in pending["options"]} == {"retry", "approve", "rollback", "skip", "abort"}
    assert "-    return a + b" in pending["evidence"]["diff"]
    assert repo.git("rev-parse", "HEAD") == start


def test_an_approved_regression_is_known_from_then_on(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Change add"}, {"title": "Add a file"}],
        [{"task": "1", "write": BROKEN, "role": "implement"}, {"task": "2", "write": NEW_FILE}],
        config="[validation]\nauto-fix = 0\n",
    )
    assert repo.superteam("execute", "plan.md").code == 4
    assert repo.superteam("answer", "approve", "--note", "wanted").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    last = repo.status()["validations"][-1]
    assert last["verdict"] == "pass"
    assert last["pre_existing"] == ["test_calc.py::test_add"]


def test_a_skipped_task_leaves_nothing_and_blocks_what_depends_on_it(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Change add"}, {"title": "Add a file", "depends_on": ["1"]}, {"title": "Free", "allow_empty": True}],
        [{"task": "1", "write": BROKEN}, {"task": "3"}],
        config="[validation]\nauto-fix = 0\n",
    )
    assert repo.superteam("execute", "plan.md").code == 4
    assert repo.superteam("answer", "skip").code == 0
    assert repo.superteam("resume").code == 1
    status = repo.status()
    assert [task["status"] for task in status["tasks"]] == ["skipped", "blocked", "complete"]
    assert "refs/superteam" in repo.git("for-each-ref", "--format=%(refname)")


def test_a_known_failure_is_ignored(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Add a file"}],
        [{"task": "1", "write": NEW_FILE}],
        files={"test_old.py": "def test_old():\n    assert False\n"},
    )
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    status = repo.status()
    assert status["baseline"]["known_failures"] == ["test_old.py::test_old"]
    assert status["validations"][0]["pre_existing"] == ["test_old.py::test_old"]


def test_an_inconclusive_baseline_stops_before_any_agent_is_paid(repo: Repo, given: Setup) -> None:
    given([{"title": "Add a file"}], [{"task": "1", "write": NEW_FILE}], files={"test_bad.py": "import nothing_here\n"})
    done = repo.superteam("execute", "plan.md")
    assert done.code == 3
    assert "test_bad.py" in done.err + done.out
    assert repo.status()["tasks"][0]["attempts"] == 0


def test_a_regression_found_at_every_2_is_attributed_and_repaired_with_a_commit_of_its_own(
    repo: Repo, given: Setup
) -> None:
    given(
        [{"title": "Break"}, {"title": "Add a file"}],
        [
            {"task": "1", "role": "implement", "write": BROKEN},
            {"task": "2", "role": "implement", "write": NEW_FILE},
            {"task": "1", "role": "fix", "write": ADD_SUB},
        ],
        config='validation-cadence = "every-2"\n',
    )
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    first = repo.status()["validations"][0]
    assert first["introduced_by"] == {"test_calc.py::test_add": "1"}
    assert repo.task_commits() == ["1", "2", "1"]
    assert "Superteam-Repair" in repo.git("log", "-1", "--format=%B")


def test_the_user_can_see_what_would_be_done(repo: Repo) -> None:
    repo.commit({"plan.md": plan({"title": "One"}), "agent.toml": script()})
    done = repo.superteam("execute", "plan.md", "--dry-run")
    assert done.code == 0
    assert "One" in done.out
    assert repo.superteam("runs").out.startswith("no runs yet")


def test_what_would_be_run_is_shown_as_it_is(repo: Repo) -> None:
    text = (
        "# P\n<task>\n<name>One</name>\n<action>x</action>\n<verify><automated>true \x1b]; rm -rf . #\x07</automated>"
    )
    text += "</verify>\n</task>\n<verification>\n- `make check`\n</verification>\n"
    repo.commit({"01-01-PLAN.md": text, "agent.toml": script()})
    done = repo.superteam("execute", "01-01-PLAN.md", "--dry-run")
    assert "gate: true \\x1b]; rm -rf . #\\x07)" in done.out
    assert "Verification of plan 01-01  (no agent unless it fails, gate: make check)" in done.out


def test_an_acceptance_test_has_to_be_red_before_the_task_and_green_after_it(repo: Repo, given: Setup) -> None:
    task = {"title": "Add a file", "acceptance_test": "test -e other.py"}
    given([task], [{"task": "1", "write": NEW_FILE}])
    assert repo.superteam("execute", "plan.md").code == 0
    assert repo.task_commits() == ["1"]


def test_an_acceptance_test_that_passes_already_proves_nothing(repo: Repo, given: Setup) -> None:
    task = {"title": "Add a file", "acceptance_test": "test -e calc.py"}
    given([task], [{"task": "1", "write": NEW_FILE}], config="[validation]\nauto-fix = 0\n")
    assert repo.superteam("execute", "plan.md").code == 4
    pending = repo.status()["pending"]
    assert pending["failure_type"] == "validation-failure"
    assert "proves nothing" in pending["question"]


def test_the_events_are_streamed_as_json_lines_and_nothing_else(repo: Repo, given: Setup) -> None:
    given([{"title": "Add a file"}], [{"task": "1", "write": NEW_FILE}])
    done = repo.superteam("execute", "plan.md", "--json")
    assert done.code == 0
    kinds = [line["event"]["kind"] for line in done.lines]
    assert kinds[0] == "run-created" and kinds[-1] == "run-ended"
    assert {"baseline-captured", "agent-finished", "commit-made", "validation-concluded", "branch-moved"} <= set(kinds)


def test_only_the_named_tasks_are_run(repo: Repo, given: Setup) -> None:
    given([{"title": "One"}, {"title": "Two"}], [{"task": "2", "write": NEW_FILE}])
    assert repo.superteam("execute", "plan.md", "--task", "2").code == 0
    assert repo.task_commits() == ["2"]


def test_fresh_ends_the_unfinished_run_and_begins_anew(repo: Repo, given: Setup) -> None:
    given([{"title": "Fail"}], [{"task": "1", "exit": 1}])
    assert repo.superteam("execute", "plan.md").code == 4
    first = repo.status()["run_id"]
    repo.commit({"agent.toml": script({"task": "1", "write": NEW_FILE})})
    assert repo.superteam("execute", "plan.md", "--fresh").code == 0
    assert repo.status()["run_id"] != first
    assert repo.superteam("status", first, "--json").json["status"] == "aborted"


def test_resume_explains_what_it_would_do_and_does_nothing(repo: Repo, given: Setup) -> None:
    given([{"title": "Fail"}], [{"task": "1", "exit": 1}])
    assert repo.superteam("execute", "plan.md").code == 4
    journal = repo.root / ".superteam/latest/journal.jsonl"
    before = journal.read_bytes()
    done = repo.superteam("resume", "--explain")
    assert done.code == 0
    assert "ask     Task 1 (Fail): impl-crash: " in done.out
    assert "do  " not in done.out  # an open question is shown again, nothing is done
    assert journal.read_bytes() == before
    assert repo.superteam("resume").code == 4


def test_secrets_of_the_environment_are_never_written_down(repo: Repo, given: Setup) -> None:
    secret = "s3cret-value-of-a-token"
    repo.env["SERVICE_TOKEN"] = secret
    leak = "import os\n\n\ndef test_leak():\n    assert os.environ['SERVICE_TOKEN'] == 1\n"
    given(
        [{"title": "Leak", "gate": "echo $SERVICE_TOKEN"}],
        [{"task": "1", "write": {"test_leak.py": leak}, "output": secret, "result": {"summary": secret}}],
    )
    assert repo.superteam("execute", "plan.md").code == 4
    kept = [path for path in (repo.root / ".superteam").rglob("*") if path.is_file() and not path.is_symlink()]
    assert any("[redacted]" in path.read_text(errors="replace") for path in kept)
    assert [path for path in kept if secret in path.read_text(errors="replace")] == []


def test_validate_uses_the_baseline_of_the_newest_run(repo: Repo, given: Setup) -> None:
    given([{"title": "Add a file"}], [{"task": "1", "write": NEW_FILE}])
    assert repo.superteam("execute", "plan.md").code == 0
    repo.write({"calc.py": BROKEN["calc.py"]})
    done = repo.superteam("validate")
    assert done.code == 1
    assert "test_calc.py::test_add" in done.out
    assert "baseline" not in done.err, "the pinned one is used"


@pytest.mark.parametrize("options", [(), ("--in-place",)])
def test_a_gate_runs_the_code_that_is_there_not_what_was_compiled_before(
    repo: Repo, given: Setup, options: tuple[str, ...]
) -> None:
    """Python takes compiled code for the source's if size and second are the same: quick agents write within one."""
    # git sees by the inode's own time that it was changed: that is of a later second.
    touch = "touch -d 2026-01-02T03:04:05 other.py"
    later = f'was=$(stat -c %Z other.py); until {touch} && [ "$(stat -c %Z other.py)" != "$was" ]; do :; done'
    given(
        [{"title": "Set X", "gate": "python -c 'import other; assert other.X == 2'"}],
        [
            {"task": "1", "role": "implement", "write": NEW_FILE, "run": touch},
            {"task": "1", "role": "fix", "write": {"other.py": "X = 2\n"}, "run": later},
        ],
    )
    done = repo.superteam("execute", "plan.md", *options)
    assert done.code == 0, done.err
    assert repo.status()["tasks"][0]["attempts"] == 2
