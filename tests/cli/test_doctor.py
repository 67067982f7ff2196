"""`superteam doctor` on real repositories: each problem with the command that mends it, and nothing changed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from playground import Finished, Repo, Setup
from test_init import put

MINE = '[agents.mine]\nkind = "command"\ncommand = ["sh", "-c", "true"]\n'


def doctor(repo: Repo, *arguments: str, programs: Path | None = None) -> Finished:
    folders = [*([str(programs)] if programs else []), str(Path(sys.executable).parent), "/usr/bin", "/bin"]
    return repo.superteam("doctor", *arguments, env={"PATH": os.pathsep.join(folders)})


def checks(repo: Repo, programs: Path | None = None) -> dict[str, Any]:
    """The checks by name, the worst of each."""
    found: dict[str, Any] = {}
    for check in doctor(repo, "--json", programs=programs).json["checks"]:
        order = ("ok", "warning", "problem")
        if check["name"] not in found or order.index(check["state"]) > order.index(found[check["name"]]["state"]):
            found[check["name"]] = check
    return found


def everything(*folders: Path) -> set[tuple[str, int, int]]:
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return {(str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in paths if path.exists()}


def test_a_repository_that_is_ready_is_said_to_be(repo: Repo) -> None:
    repo.commit({"agent.toml": ""})
    found = doctor(repo)
    assert found.code == 0, found.out
    assert "nothing stops a run here" in found.out and "problem" not in found.out
    document = doctor(repo, "--json").json
    assert document["schema"] == "superteam.doctor.v1" and document["ok"] is True


def test_nothing_is_changed(repo: Repo, tmp_path: Path) -> None:
    before = everything(repo.root, repo.root / ".git")
    assert doctor(repo).out
    assert everything(repo.root, repo.root / ".git") == before
    assert not repo.cache.exists()


def test_without_a_configuration_init_is_named(empty_repo: Repo, tmp_path: Path) -> None:
    empty_repo.commit({"a.py": ""})
    found = checks(empty_repo)
    assert found["configuration"]["fix"] == "superteam init"
    assert found["agent"]["state"] == "problem" and "install one of claude" in found["agent"]["fix"]
    there = checks(empty_repo, put(tmp_path / "bin", "codex"))
    assert there["agent"]["fix"] == '[agent] use = "codex" in superteam.toml'
    assert doctor(empty_repo).code == 2


def test_a_wrong_configuration_is_told_with_its_place(repo: Repo) -> None:
    repo.write({"superteam.toml": "tset-command = 1\n"})
    found = checks(repo)
    assert found["configuration"]["state"] == "problem" and "superteam.toml:1" in found["configuration"]["text"]


def test_an_agent_whose_program_is_missing_is_a_problem(repo: Repo) -> None:
    repo.write({"superteam.toml": 'agent.use = "x"\n[agents.x]\nkind = "command"\ncommand = ["no-such-agent"]\n'})
    found = checks(repo)
    assert found["agent"]["state"] == "problem" and "no-such-agent" in found["agent"]["text"]
    assert found["agent"]["fix"]


def test_each_role_has_its_agent_looked_at(repo: Repo) -> None:
    config = f'agent.use = "mine"\nagent.fix.use = "other"\n{MINE}'
    repo.write({"superteam.toml": config})
    assert "other" in checks(repo)["agent"]["text"]


def test_a_suites_program_that_is_missing_is_a_problem(repo: Repo) -> None:
    repo.write({"superteam.toml": f'test-command = "A=1 no-such-runner -q"\nagent.use = "mine"\n{MINE}'})
    found = checks(repo)
    assert found["test-command"]["state"] == "problem" and "no-such-runner" in found["test-command"]["text"]


def test_a_program_that_the_setup_may_bring_is_no_problem(repo: Repo) -> None:
    text = f'test-command = "vendor/bin/phpunit"\nagent.use = "mine"\n{MINE}[workspace]\nsetup = "true"\n'
    repo.write({"superteam.toml": text})
    assert checks(repo)["test-command"]["state"] == "warning"


def test_the_environment_of_the_checkout_is_the_one_that_is_looked_in(repo: Repo) -> None:
    put(repo.root / ".venv" / "bin", "our-runner", "python")
    (repo.root / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    repo.write({"superteam.toml": f'test-command = "our-runner"\nagent.use = "mine"\n{MINE}'})
    assert checks(repo)["test-command"]["state"] == "ok"


def test_a_setup_whose_program_is_missing_is_a_problem(repo: Repo) -> None:
    repo.write({"superteam.toml": f'agent.use = "mine"\n{MINE}[workspace]\nsetup = "no-such-setup --x"\n'})
    assert checks(repo)["setup"]["state"] == "problem"


def test_a_tree_that_will_lack_its_packages_is_warned_about(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"package.json": '{"scripts": {"test": "jest"}}', "package-lock.json": "{}"})
    shutil.rmtree(repo.root / ".venv", ignore_errors=True)
    for name in ("calc.py", "test_calc.py"):
        (repo.root / name).unlink()
    repo.commit({})
    found = checks(repo, put(tmp_path / "bin", "npm", "node"))
    assert found["setup"]["state"] == "warning" and 'setup = "npm ci"' in found["setup"]["fix"]


def test_a_command_whose_tests_cannot_be_told_apart_is_warned_about(repo: Repo) -> None:
    repo.write({"superteam.toml": f'test-command = "sh -c true"\nagent.use = "mine"\n{MINE}'})
    assert checks(repo)["results"]["state"] == "warning"


def test_an_operation_in_progress_is_a_problem(repo: Repo) -> None:
    (repo.root / ".git" / "MERGE_HEAD").write_text(repo.git("rev-parse", "HEAD") + "\n")
    assert checks(repo)["ready to start"]["state"] == "problem"


def test_a_detached_head_is_told(repo: Repo) -> None:
    repo.git("checkout", "-q", "--detach")
    assert checks(repo)["branch"]["state"] == "warning"


def test_nobody_to_commit_as_is_a_problem(repo: Repo) -> None:
    nobody = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"), "")
    found = repo.superteam("doctor", env=nobody)
    assert found.code == 2 and "git config --global user.name" in found.out


def test_outside_of_a_repository_that_is_the_problem(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    found = doctor(Repo(folder, tmp_path / "cache"))
    assert found.code == 2 and "-> git init" in found.out


def test_a_held_lock_names_its_holder(repo: Repo) -> None:
    from superteam.journal.lock import acquire

    with acquire(repo.root / ".git" / "superteam.lock", "execute plan.md", "2026-01-01T00:00:00Z"):
        found = checks(repo)
    assert found["lock"]["state"] == "problem" and str(os.getpid()) in found["lock"]["text"]
    assert checks(repo)["lock"]["state"] == "ok"


def test_an_unfinished_run_is_told_with_the_commands_that_go_on(repo: Repo, given: Setup) -> None:
    given([{"title": "One", "description": "x"}], [{"task": "1", "result": {"question": "Which one?"}}])
    assert repo.superteam("execute", "plan.md").code == 4
    run_id = repo.status()["run_id"]
    found = checks(repo)
    assert found["runs"]["state"] == "warning" and found["runs"]["fix"].startswith(f"superteam resume {run_id}")
    assert "work" in found["trees"]["text"]
    assert doctor(repo).code == 0


def test_a_cache_that_cannot_be_written_is_a_problem(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = repo.superteam("doctor", "--json", env={"SUPERTEAM_CACHE": str(tmp_path / "file" / "cache")}).json
    bad = next(check for check in found["checks"] if check["name"] == "cache")
    assert bad["state"] == "problem" and "SUPERTEAM_CACHE" in bad["fix"]


def test_what_a_file_says_cannot_move_the_cursor(repo: Repo) -> None:
    repo.write({"superteam.toml": f'test-command = "no-\\u001b[2Jsuch\\nok  agent: fine"\nagent.use = "mine"\n{MINE}'})
    found = doctor(repo).out
    assert "\x1b" not in found and "\nok  agent: fine" not in found


@pytest.mark.parametrize(("answer", "state"), [("echo 9.9.9", "ok"), ("exit 3", "warning")])
def test_a_known_agent_tells_its_version_and_how_to_log_in(repo: Repo, tmp_path: Path, answer: str, state: str) -> None:
    pytest.importorskip("superteam.agents.claude")
    repo.write({"superteam.toml": 'agent.use = "claude"\n'})
    found = checks(repo, put(tmp_path / "bin", "claude", text=f"#!/bin/sh\n{answer}\n"))
    assert found["agent"]["state"] == state and "/login" in found["agent"]["text"]
    assert state == "warning" or "9.9.9" in found["agent"]["text"]
