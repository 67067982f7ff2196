"""Tdd tasks on real repositories: their tests must fail without their other changes."""

from __future__ import annotations

from playground import Repo, Setup, begin, prompts

from superteam.core.plan import Task

GATE = "python -m pytest -q -p no:cacheprovider test_sub.py"
SUB = "def sub(a, b):\n    return a - b\n"
TEST = "from sub import sub\n\n\ndef test_sub():\n    assert sub(3, 2) == 1\n"
PROVES_NOTHING = "def test_sub():\n    assert True\n"
TDD = Task(id="1", title="Add sub", kind="tdd", gate=GATE)


def test_tests_that_fail_without_the_code_prove_it(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [{"task": "1", "write": {"sub.py": SUB, "test_sub.py": TEST}}])
    begin(repo, TDD)
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert repo.status()["tasks"][0]["failures"] == []
    assert "Tests come first here" in prompts(repo)[0]
    (summary,) = (repo.root / ".superteam" / "runs").glob("*/SUMMARY.md")
    assert "succeeded; red at the task's start with its tests alone (test_sub.py)" in summary.read_text()


def test_a_start_that_cannot_be_set_up_with_the_tests_alone_is_only_a_note(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "not used"}],
        [{"task": "1", "write": {"sub.py": SUB, "test_sub.py": TEST}}],
        config="[workspace]\nsetup = 'test ! -e test_sub.py || test -e sub.py'\n",
    )
    begin(repo, TDD)
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    (summary,) = (repo.root / ".superteam" / "runs").glob("*/SUMMARY.md")
    assert "could not be set up" in summary.read_text()


def test_a_test_that_passes_without_the_code_is_no_proof_and_is_mended(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "not used"}],
        [
            {"task": "1", "role": "implement", "write": {"sub.py": SUB, "test_sub.py": PROVES_NOTHING}},
            {"task": "1", "role": "fix", "write": {"test_sub.py": TEST}},
        ],
    )
    begin(repo, TDD)
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    (failure,) = repo.status()["tasks"][0]["failures"]
    assert failure["type"] == "validation-failure" and "red-proof: " in failure["message"]
    assert "test_sub.py" in failure["message"]
    assert repo.files_at()["test_sub.py"] == TEST.strip()
    told = prompts(repo, "attempt-1-2")[0]
    assert "red-proof" in told and "fails at the task's start" not in told, "the command itself was green"
    assert "red at the task's start" not in done.err


def test_a_tdd_task_without_a_test_is_red(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [{"task": "1", "write": {"sub.py": SUB}}], config="[validation]\nauto-fix = 0")
    begin(repo, TDD.model_copy(update={"gate": "true"}))
    assert repo.superteam("resume").code == 4
    assert "it changed no test" in repo.status()["pending"]["question"]


def test_a_test_that_was_there_and_is_only_deleted_is_no_test(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "not used"}],
        [{"task": "1", "write": {"sub.py": SUB}, "delete": ["test_old.py"]}],
        files={"test_old.py": PROVES_NOTHING},
        config="[validation]\nauto-fix = 0",
    )
    begin(repo, TDD.model_copy(update={"gate": "true", "may_remove": ("*",)}))
    assert repo.superteam("resume").code == 4
    assert "it changed no test" in repo.status()["pending"]["question"]


def test_the_proof_is_run_again_after_a_kill(repo: Repo, given: Setup) -> None:
    slow = f"sleep 0.3; {GATE}"
    given([{"title": "not used"}], [{"task": "1", "write": {"sub.py": SUB, "test_sub.py": TEST}}])
    begin(repo, TDD.model_copy(update={"gate": slow}))
    process = repo.start("resume", "--json")
    assert process.stdout
    for line in process.stdout:
        if '"gate"' in line and "step-started" in line:
            break
    process.kill()
    process.communicate()
    assert repo.superteam("resume").code == 0
    assert repo.task_commits() == ["1"]


def test_tests_within_rust_sources_cannot_be_taken_apart_and_a_warning_says_so(repo: Repo, given: Setup) -> None:
    source = "pub fn one() -> i32 { 1 }\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn it() {}\n}\n"
    given([{"title": "not used"}], [{"task": "1", "write": {"src/lib.rs": source}}])
    begin(repo, TDD.model_copy(update={"gate": "true"}))
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert "its tests stand in source files" in done.out


def test_a_command_that_cannot_be_run_at_the_start_proves_nothing_and_a_warning_says_so(
    repo: Repo, given: Setup
) -> None:
    given([{"title": "not used"}], [{"task": "1", "write": {"check": "#!/bin/sh\n", "test_sub.py": PROVES_NOTHING}}])
    begin(repo, TDD.model_copy(update={"gate": "chmod +x check && ./check || ./check"}))
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert "gave no answer at the task's start: exit code 127" in done.out
