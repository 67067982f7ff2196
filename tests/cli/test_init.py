"""`superteam init` on real repositories: what it finds, proves, writes and never overwrites."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import pytest
from playground import SUITE, Finished, Repo

from superteam.core.settings import Settings

PROGRAM = "#!/bin/sh\necho 1.2.3\n"


def put(folder: Path, *names: str, text: str = PROGRAM) -> Path:
    """Programs of these names in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def init(repo: Repo, *arguments: str, programs: Path | None = None) -> Finished:
    """The command with nothing on PATH but the system's programs, Python's and these."""
    folders = [*([str(programs)] if programs else []), str(Path(sys.executable).parent), "/usr/bin", "/bin"]
    return repo.superteam("init", *arguments, env={"PATH": os.pathsep.join(folders)})


def written(repo: Repo) -> Settings:
    return Settings.model_validate(tomllib.loads((repo.root / "superteam.toml").read_text()))


@pytest.fixture
def plain(empty_repo: Repo) -> Repo:
    """A repository with a suite and no configuration."""
    empty_repo.commit({**SUITE, "ruff.toml": ""}, "start")
    return empty_repo


def test_a_stranger_gets_a_file_that_works(plain: Repo, tmp_path: Path) -> None:
    found = init(plain, programs=put(tmp_path / "bin", "codex", "claude", "ruff"))
    assert found.code == 0, found.err
    settings = written(plain)
    assert settings.test_command == "python -m pytest -q"
    assert settings.validation_command == "ruff check ."
    assert settings.agent.use == "claude"
    assert "test_calc.py is written for pytest" in found.out and "2 passed" in found.out
    assert "codex" in found.out and "superteam execute" in found.out
    text = (plain.root / "superteam.toml").read_text()
    assert "# Why: test_calc.py is written for pytest." in text and "Also installed: codex" in text
    assert plain.superteam("config", "check").code == 0
    validated = plain.superteam("validate", "--json").json
    assert validated["verdict"] == "pass" and validated["counts"]["passed"] == 2


def test_the_file_may_be_read_by_others_and_nothing_else_is_left(plain: Repo) -> None:
    assert init(plain).code == 0
    assert (plain.root / "superteam.toml").stat().st_mode & 0o444 == 0o444
    assert plain.git("status", "--porcelain") == "?? superteam.toml"


def test_a_suite_with_failures_is_sound_and_they_are_named(plain: Repo) -> None:
    plain.commit({"test_more.py": "def test_red():\n    assert False\n"})
    found = init(plain)
    assert found.code == 0
    assert "2 passed, 1 failed" in found.out and "test_more.py::test_red" in found.out


def test_a_suite_without_tests_is_not_sound_and_the_file_says_so(empty_repo: Repo) -> None:
    empty_repo.commit({"pyproject.toml": "[tool.pytest.ini_options]\n", "a.py": ""})
    found = init(empty_repo)
    assert found.code == 3
    assert "NOT sound" in found.out and "it found no tests" in found.out
    assert "mend test-command" in found.out
    assert "NOT SOUND yet" in (empty_repo.root / "superteam.toml").read_text()


def test_a_command_that_is_not_sound_gives_way_to_one_that_is(plain: Repo) -> None:
    plain.commit({"pytest.ini": "", "Makefile": "test:\n\tpython -m pytest -q test_calc.py\n", "conftest.py": "1/0\n"})
    plain.commit({"conftest.py": "import os\nif 'MAKELEVEL' not in os.environ:\n    1/0\n"})
    found = init(plain)
    assert found.code == 0, found.out
    assert written(plain).test_command == "make test"
    assert "Not sound: python -m pytest -q" in (plain.root / "superteam.toml").read_text()


def test_gates_of_a_folder_are_run_one_after_the_other(empty_repo: Repo, tmp_path: Path) -> None:
    empty_repo.commit({"api/pyproject.toml": "[tool.ruff]\n[tool.mypy]\n", "api/test_a.py": SUITE["test_calc.py"]})
    empty_repo.commit({"api/calc.py": SUITE["calc.py"]})
    assert init(empty_repo, programs=put(tmp_path / "bin", "ruff", "mypy")).code == 0
    assert written(empty_repo).validation_command == "(cd api && ruff check .) && (cd api && mypy .)"
    assert written(empty_repo).test_command == "cd api && python -m pytest -q"


def test_a_gate_that_is_red_before_any_work_is_left_out_and_said(plain: Repo, tmp_path: Path) -> None:
    found = init(plain, programs=put(tmp_path / "bin", "ruff", text="#!/bin/sh\nexit 7\n"))
    assert found.code == 0
    assert written(plain).validation_command is None
    text = (plain.root / "superteam.toml").read_text()
    assert "# Left out: ruff check . (ruff.toml) fails at HEAD (exit code 7)." in text
    assert '#validation-command = "ruff check ."' in text


def test_the_commit_is_proved_not_the_checkout(plain: Repo) -> None:
    (plain.root / "test_dirty.py").write_text("def test_dirty():\n    assert False\n")
    found = init(plain, "--json").json
    assert found["suite"]["counts"]["passed"] == 2 and found["suite"]["known_failures"] == []


def test_where_nothing_is_found_the_line_is_commented_out(empty_repo: Repo) -> None:
    empty_repo.commit({"README.md": "x"})
    found = init(empty_repo)
    assert found.code == 0
    assert "looked for pytest" in found.out and "write your test-command" in found.out
    assert "looked on PATH for claude, codex, pi" in found.out
    assert written(empty_repo) == Settings()
    assert '#test-command = "pytest -q"' in (empty_repo.root / "superteam.toml").read_text()


def test_options_fix_a_choice(plain: Repo, tmp_path: Path) -> None:
    command = "python -m pytest -q test_calc.py::test_add"
    found = init(plain, "--agent", "pi", "--test-command", command, programs=put(tmp_path / "bin", "claude"))
    assert found.code == 0
    assert written(plain).agent.use == "pi" and written(plain).test_command == command
    assert "1 passed" in found.out


@pytest.mark.parametrize("command", ["true", "exit 3", "no-such-runner"])
def test_a_command_that_counts_no_test_is_not_sound(plain: Repo, command: str) -> None:
    found = init(plain, "--test-command", command)
    assert found.code == 3 and "NOT sound" in found.out
    reasons = ("no test was counted", "command not found", "only the exit code is seen, and it is 3")
    assert any(reason in found.out.replace("\n", " ") for reason in reasons)
    assert ("report = " in found.out) == (command != "no-such-runner")


def test_the_last_words_of_a_suite_that_is_not_sound_are_shown(plain: Repo) -> None:
    found = init(plain, "--test-command", "printf 'one\\n\\033[2Jno module\\n'; exit 3")
    assert found.code == 3
    assert "  | no module" in found.out and "\x1b" not in found.out


def test_a_given_command_that_is_not_sound_is_kept(plain: Repo) -> None:
    found = init(plain, "--test-command", "python -m pytest -q nowhere.py")
    assert found.code == 3
    assert written(plain).test_command == "python -m pytest -q nowhere.py"


def test_an_unknown_agent_is_refused_with_the_choices(plain: Repo) -> None:
    found = init(plain, "--agent", "cluade")
    assert found.code == 2 and "claude" in found.err
    assert not (plain.root / "superteam.toml").exists()


@pytest.mark.parametrize(
    ("name", "text"), [("superteam.toml", "batch-size = 5\n"), ("pyproject.toml", "[tool.superteam]\nbatch-size = 5\n")]
)
def test_what_is_configured_already_is_never_overwritten(plain: Repo, name: str, text: str) -> None:
    plain.write({name: text})
    found = init(plain)
    assert found.code == 2 and name in found.err and "superteam init --print" in found.err
    assert (plain.root / name).read_text() == text
    assert name == "superteam.toml" or not (plain.root / "superteam.toml").exists()
    printed = init(plain, "--print", "--no-run")
    assert printed.code == 0 and "test-command = " in printed.out


def test_a_link_that_leads_nowhere_is_not_written_through(plain: Repo, tmp_path: Path) -> None:
    (plain.root / "superteam.toml").symlink_to(tmp_path / "elsewhere")
    assert init(plain).code == 2
    assert not (tmp_path / "elsewhere").exists()


def test_print_writes_nothing_and_prints_the_file_alone(plain: Repo) -> None:
    found = init(plain, "--print", "--no-run")
    assert found.code == 0
    assert tomllib.loads(found.out)["test-command"] == "python -m pytest -q"
    assert plain.git("status", "--porcelain") == ""


def test_without_a_run_nothing_of_the_repository_is_run(plain: Repo, tmp_path: Path) -> None:
    plain.commit({"conftest.py": f"open({str(tmp_path / 'was-run')!r}, 'x')\n", "setup.py": "1/0\n"})
    found = init(plain, "--no-run")
    assert found.code == 0 and "nothing was run" in found.out
    assert not (tmp_path / "was-run").exists()
    assert "Not run yet: superteam validate" in (plain.root / "superteam.toml").read_text()


def test_json_is_one_document(plain: Repo) -> None:
    found = init(plain, "--json")
    assert found.code == 0 and found.err == ""
    document = found.json
    assert next(iter(document)) == "schema" and document["schema"] == "superteam.init.v1"
    assert document["test_command"] == "python -m pytest -q" and document["suite"]["sound"] is True
    assert document["suite"]["granularity"] == "tests"
    assert document["file"] == str(plain.root / "superteam.toml")
    assert {one["kind"] for one in document["candidates"]} == {"test", "gate"}


def test_a_setup_that_fails_is_no_crash(plain: Repo, tmp_path: Path) -> None:
    plain.commit({"pyproject.toml": '[project]\nname = "x"\n', "uv.lock": ""})
    found = init(plain, programs=put(tmp_path / "bin", "uv", text="#!/bin/sh\necho no network >&2\nexit 9\n"))
    assert found.code == 3
    assert "the setup command failed" in found.out and "no network" in found.out
    assert written(plain).workspace.setup == "uv sync"


def test_an_agent_of_the_users_own_configuration_is_kept(plain: Repo, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('agent.use = "mine"\n[agents.mine]\nkind = "command"\ncommand = ["true"]\n')
    plain.env["SUPERTEAM_CONFIG"] = str(own)
    found = init(plain, "--no-run", programs=put(tmp_path / "bin", "claude"))
    assert found.code == 0 and written(plain).agent.use == "mine"


def test_in_a_folder_of_the_repository_the_root_is_meant(plain: Repo) -> None:
    plain.commit({"src/x.py": ""})
    inner = Repo(plain.root / "src", plain.cache)
    assert init(inner, "--no-run").code == 0
    assert (plain.root / "superteam.toml").exists()


def test_outside_of_a_repository_the_next_command_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    found = init(Repo(folder, tmp_path / "cache"))
    assert found.code == 2 and "git init" in found.err


def test_a_manifest_that_leads_elsewhere_by_a_link_is_not_read(plain: Repo, tmp_path: Path) -> None:
    (tmp_path / "outside.json").write_text('{"scripts": {"test": "x"}}')
    (plain.root / "package.json").symlink_to(tmp_path / "outside.json")
    plain.commit({})
    assert "npm" not in init(plain, "--print", "--no-run").out.replace("npm run", "")
