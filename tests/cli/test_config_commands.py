"""`config` and `taxonomy` as a user calls them, in a real repository."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from superteam.cli.config import parse_actions, repository_root
from superteam.cli.main import main
from superteam.core.failures import DEFAULT_ACTIONS, Action, FailureType
from superteam.core.settings import Settings
from superteam.errors import ConfigError

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository (as far as these commands look) with the current directory below its root."""
    (tmp_path / ".git").mkdir()
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return tmp_path


def result(capsys: Capture, *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_root_is_found_from_below(here: Path, tmp_path: Path) -> None:
    assert repository_root(Path.cwd()) == here


def test_a_linked_worktree_with_a_git_file_is_a_root(here: Path) -> None:
    (here / "src" / ".git").write_text("gitdir: elsewhere\n")
    assert repository_root(Path.cwd()) == here / "src"


def test_outside_a_repository_the_current_directory_counts(tmp_path: Path) -> None:
    below = tmp_path / "nowhere"
    below.mkdir()
    if not any((folder / ".git").exists() for folder in below.parents):
        assert repository_root(below) == below


def test_show_has_every_value_and_where_it_was_written(here: Path, capsys: Capture) -> None:
    (here / "superteam.toml").write_text('test-command = "pytest -q"\n[agent]\ntimeout = "2h"\n')
    assert main(["config", "show"]) == 0
    rows = {line.split()[0]: line.split(maxsplit=1)[1].split("  ") for line in capsys.readouterr().out.splitlines()}
    shown = {key: (cells[0], cells[-1].strip()) for key, cells in rows.items()}
    assert shown["test-command"] == ('"pytest -q"', "superteam.toml:1")
    assert shown["agent.timeout"] == ("7200", "superteam.toml:3")
    assert shown["budget.max-usd"] == ("-", "default")


def test_show_as_json_is_the_settings_with_their_origins(here: Path, capsys: Capture) -> None:
    (here / "superteam.toml").write_text("\nbatch-size = 7\n")
    document = result(capsys, "config", "show")
    assert next(iter(document)) == "schema"
    assert document["schema"] == "superteam.config.v1"
    assert Settings.model_validate(document["settings"]) == Settings(batch_size=7)
    assert document["origins"]["batch-size"] == "superteam.toml:2"
    assert document["files"] == [str(here / "superteam.toml")]


def test_check_says_that_all_is_well_and_names_the_files(here: Path, capsys: Capture) -> None:
    assert main(["config", "check"]) == 0
    assert "no file" in capsys.readouterr().out
    (here / "superteam.toml").write_text("batch-size = 7\n")
    assert main(["config", "check"]) == 0
    assert str(here / "superteam.toml") in capsys.readouterr().out


def test_check_lists_all_mistakes_and_exits_2(here: Path, capsys: Capture) -> None:
    (here / "superteam.toml").write_text("batch-sise = 7\nbatch-size = 0\n")
    assert main(["config", "check"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "  superteam.toml:1: unknown key batch-sise; did you mean batch-size?" in captured.err
    assert "  superteam.toml:2: batch-size must be greater than or equal to 1, not 0" in captured.err


def test_a_hostile_key_in_a_repository_cannot_act_on_the_terminal(here: Path, capsys: Capture) -> None:
    (here / "superteam.toml").write_text('"\\u001b[2J\\u202e\\r::error::x" = 7\n')
    assert main(["config", "check"]) == 2
    err = capsys.readouterr().err
    assert not set("\x1b\u202e\r") & set(err)
    assert "\n::" not in err


def test_the_schema_takes_what_the_model_takes(here: Path, capsys: Capture) -> None:
    assert main(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"].endswith("2020-12/schema")
    assert set(schema["properties"]) == {field.alias for field in Settings.model_fields.values()}
    assert schema["additionalProperties"] is False
    timeout = schema["$defs"]["AgentSettings"]["properties"]["timeout"]
    assert {kind["type"] for kind in timeout["anyOf"]} == {"number", "string"}
    limit = schema["$defs"]["BudgetSettings"]["properties"]["max-time"]
    assert "string" in json.dumps(limit)
    assert {"pattern": "^every-[1-9][0-9]*$"} in schema["properties"]["validation-cadence"]["anyOf"]


def test_the_taxonomy_shows_every_type_with_its_default(here: Path, capsys: Capture) -> None:
    assert main(["taxonomy"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["failure", "type", "action", "origin"]
    assert rows[1:] == [[type.value, action.value, "default"] for type, action in DEFAULT_ACTIONS.items()]


def test_the_taxonomy_shows_what_overrides_a_default_and_where(here: Path, capsys: Capture) -> None:
    (here / "superteam.toml").write_text(
        '[failure-actions]\ntest-flake = "escalate"\nenvironment = "ignore"\nimpl-crash = "escalate"\n'
    )
    document = result(capsys, "taxonomy", "--action", "environment=checkpoint", "--action", "impl-crash = ignore")
    assert next(iter(document)) == "schema"
    assert document["schema"] == "superteam.taxonomy.v1"
    rows = {row["type"]: (row["action"], row["default"], row["origin"]) for row in document["failure_types"]}
    assert list(rows) == [type.value for type in FailureType]
    assert rows["test-flake"] == ("escalate", "warn-continue", "superteam.toml:2")
    assert rows["environment"] == ("checkpoint", "escalate", "--action")
    assert rows["impl-crash"] == ("ignore", "retry-then-escalate", "--action")
    assert rows["test-missing"] == ("stop-show-diff", "stop-show-diff", "default")


def test_a_named_configuration_file_counts(here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("more.toml")
    file.write_text('[failure-actions]\ntest-flake = "ignore"\n')
    for arguments in (["--config", "more.toml"], []):
        rows = {row["type"]: row["origin"] for row in result(capsys, "taxonomy", *arguments)["failure_types"]}
        assert rows["test-flake"] == ("more.toml:2" if arguments else "default")
    monkeypatch.setenv("SUPERTEAM_CONFIG", os.fspath(file))
    assert result(capsys, "taxonomy")["failure_types"][2]["action"] == "ignore"


def test_actions_are_read_and_the_last_one_for_a_type_counts() -> None:
    values = ["test-flake=ignore", "parse-error = escalate", "test-flake=escalate"]
    assert parse_actions(values) == {"test-flake": "escalate", "parse-error": "escalate"}
    assert parse_actions([]) == {}


def test_every_type_and_action_of_the_contract_can_be_given() -> None:
    for type in FailureType:
        for action in Action:
            assert parse_actions([f"{type}={action}"]) == {type: action}


def test_wrong_actions_are_all_named_with_the_nearest_and_the_valid_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_actions(["test-flak=ignore", "test-flake=ignor", "nonsense", "=", "test-flake=ignore"])
    lines = [line.strip() for line in caught.value.message.splitlines()]
    assert lines[0].startswith("--action test-flak=ignore: unknown failure type 'test-flak'; did you mean test-flake?")
    assert lines[0].endswith("environment, scope-violation")
    assert lines[1].startswith(
        "--action test-flake=ignor: unknown action 'ignor'; did you mean ignore? valid: auto-retry,"
    )
    assert lines[2] == "--action nonsense: write TYPE=ACTION, e.g. test-flake=escalate"
    assert len(lines) == 5
