"""What a run was begun with holds when it continues: its configuration file, and the agent's program."""

from __future__ import annotations

from playground import Repo, Setup

AGENT = '[agent]\nuse = "mine"\n[agents.mine]\nkind = "command"\ncommand = ["sh", "-c", "{does}"]\n'
FAILS = AGENT.replace("{does}", "exit 1")
WORKS = AGENT.replace("{does}", "echo x >made.txt")


def waiting(repo: Repo, given: Setup, **files: str) -> str:
    """A run that was begun with --config extra.toml, and waits since its agent failed."""
    given([{"title": "A"}], [], config="# without a test-command\n", files={"extra.toml": FAILS, **files})
    assert repo.superteam("execute", "plan.md", "--config", "extra.toml").code == 4
    assert repo.superteam("answer", "retry").code == 0
    return str(repo.status()["run_id"])


def test_the_configuration_file_of_the_start_holds(repo: Repo, given: Setup) -> None:
    waiting(repo, given)
    assert repo.superteam("resume").code == 4  # agent "mine" once more; superteam.toml's would have found no script
    assert "mine" in (repo.root / ".superteam" / "runs" / repo.status()["run_id"] / "journal.jsonl").read_text()


def test_a_configuration_file_that_is_gone_is_named(repo: Repo, given: Setup) -> None:
    run = waiting(repo, given)
    (repo.root / "extra.toml").unlink()
    found = repo.superteam("resume")
    assert found.code == 2
    assert "extra.toml, which is not there any more" in found.err
    assert f"superteam resume {run} --config FILE" in found.err
    assert repo.superteam("abort").code == 0


def test_another_program_of_the_agent_is_asked_about(repo: Repo, given: Setup) -> None:
    run = waiting(repo, given)
    repo.write({"extra.toml": WORKS})
    found = repo.superteam("resume")
    assert found.code == 2
    assert "sh -c 'exit 1', now mine sh -c 'echo x >made.txt'" in found.err
    assert f"superteam resume {run} --agent mine" in found.err
    done = repo.superteam("resume", "--agent", "mine")
    assert done.code == 0, done.err + done.out
    assert repo.files_at()["made.txt"] == "x"


def test_another_file_that_names_another_agent_is_asked_about_too(repo: Repo, given: Setup) -> None:
    waiting(repo, given, **{"second.toml": WORKS.replace("mine", "second")})
    assert repo.superteam("resume", "--config", "second.toml").code == 2
    assert repo.superteam("execute", "plan.md", "--config", "second.toml").code == 2
    done = repo.superteam("resume", "--config", "second.toml", "--agent", "second")
    assert done.code == 0, done.err + done.out
