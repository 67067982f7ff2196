"""The effective configuration: which layer wins, where each value was written, and what is said about mistakes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.config import Configuration, dotted, key_lines, leaves, load
from superteam.core.failures import Action, FailureType
from superteam.core.settings import Settings
from superteam.errors import ConfigError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    return folder


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    file = tmp_path / "xdg" / "superteam" / "config.toml"
    file.parent.mkdir(parents=True)
    return file


def loaded(
    root: Path, *, options: dict[str, Any] | None = None, config: Path | None = None, **env: str
) -> Configuration:
    environ = {"XDG_CONFIG_HOME": str(root.parent / "xdg"), **env}
    return load(root, config=config, options=options, environ=environ)


def mistakes(root: Path, text: str, **env: str) -> str:
    (root / "superteam.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        loaded(root, **env)
    return caught.value.message


def test_without_any_file_all_values_are_defaults(root: Path) -> None:
    found = loaded(root)
    assert found.settings == Settings()
    assert found.files == ()
    assert set(found.origins.values()) == {"default"}
    assert {"test-command", "agent.max-attempts", "budget.max-usd"} <= set(found.origins)


def test_each_layer_wins_over_those_below_it(root: Path, user_file: Path, tmp_path: Path) -> None:
    keys = ("test-command", "validation-command", "batch-size", "validation-interval")
    layers = [f"{keys[0]} = 'user'\n{keys[1]} = 'user'\n{keys[2]} = 11\n{keys[3]} = 11\n"]
    layers += [f"{keys[0]} = 'repo'\n{keys[1]} = 'repo'\n{keys[2]} = 12\n", f"{keys[0]} = 'more'\n{keys[1]} = 'more'\n"]
    more = tmp_path / "more.toml"
    for file, text in zip((user_file, root / "superteam.toml", more), layers, strict=True):
        file.write_text(text)
    found = loaded(root, config=more, options={"test-command": "option"})
    settings = found.settings
    assert (settings.test_command, settings.validation_command) == ("option", "more")
    assert (settings.batch_size, settings.validation_interval) == (12, 11)
    assert [found.origins[key] for key in keys] == [
        "--test-command",
        f"{more}:2",
        "superteam.toml:3",
        f"{user_file}:4",
    ]
    assert found.files == (more, root / "superteam.toml", user_file)


def test_tables_are_merged_and_lists_replaced(root: Path, user_file: Path) -> None:
    user_file.write_text("[workspace]\nbring = ['a', 'b']\nsetup = 'make'\n[agents.x]\nkind = 'command'\n")
    (root / "superteam.toml").write_text("[workspace]\nbring = ['c']\n[agents.x]\ncommand = ['run']\n")
    found = loaded(root)
    assert found.settings.workspace.bring == ("c",)
    assert found.settings.workspace.setup == "make"
    assert found.settings.agents["x"].command == ("run",)
    assert found.origins["agents.x.kind"] == f"{user_file}:5"
    assert found.origins["agents.x.command"] == "superteam.toml:4"
    assert found.origins["agents.x.script"] == "default"


def test_the_table_in_pyproject_is_the_repositorys_configuration(root: Path) -> None:
    (root / "pyproject.toml").write_text('[project]\nname = "x"\n\n[tool.superteam]\ntest-command = "pytest"\n')
    found = loaded(root)
    assert found.settings.test_command == "pytest"
    assert found.origins["test-command"] == "pyproject.toml:5"


def test_a_pyproject_that_does_not_name_superteam_is_not_read(root: Path) -> None:
    (root / "pyproject.toml").write_text("this is not TOML [")
    assert loaded(root).files == ()


def test_a_pyproject_that_only_depends_on_superteam_is_no_configuration(root: Path) -> None:
    (root / "pyproject.toml").write_text('[project]\ndependencies = ["superteam"]\n')
    (root / "superteam.toml").write_text("batch-size = 5\n")
    assert loaded(root).files == (root / "superteam.toml",)


@pytest.mark.parametrize("table", ["[tool.superteam]\n", "[tool]\nsuperteam = {}\n", "[tool.superteam.agent]\n"])
def test_two_configurations_of_one_repository_are_refused(root: Path, table: str) -> None:
    (root / "pyproject.toml").write_text(f"[project]\n{table}")
    assert "configured twice" in mistakes(root, "batch-size = 5\n")


def test_a_pyproject_table_that_is_no_table_is_refused(root: Path) -> None:
    (root / "pyproject.toml").write_text("[tool]\n\nsuperteam = 3\n")
    with pytest.raises(ConfigError, match=r"pyproject.toml:3: tool.superteam must be a table"):
        loaded(root)


def test_the_environment_names_a_file_and_the_option_wins_over_it(root: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text("batch-size = 5\n")
    second.write_text("batch-size = 6\n")
    assert loaded(root, SUPERTEAM_CONFIG=str(first)).settings.batch_size == 5
    assert loaded(root, SUPERTEAM_CONFIG=str(first), config=second).settings.batch_size == 6
    assert loaded(root, SUPERTEAM_CONFIG="").settings.batch_size == 3


def test_a_named_file_that_does_not_exist_is_an_error(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"\$SUPERTEAM_CONFIG names /nowhere/x\.toml"):
        loaded(root, SUPERTEAM_CONFIG="/nowhere/x.toml")
    with pytest.raises(ConfigError, match=r"--config names /nowhere/y\.toml"):
        loaded(root, config=Path("/nowhere/y.toml"))


def test_a_file_below_the_home_folder_is_named_with_a_tilde(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(root.parent))
    file = root.parent / ".config" / "superteam" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("\nbatch-size = 9\n")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    if sys.platform == "linux":
        assert load(root, environ={}).origins["batch-size"] == "~/.config/superteam/config.toml:2"


def test_options_are_named_as_the_user_wrote_them(root: Path) -> None:
    found = loaded(
        root,
        options={
            "agent": {"use": "x", "max-attempts": 4},
            "budget": {"max-usd": 2.5},
            "failure-actions": {"test-flake": "escalate"},
        },
    )
    assert found.origins["agent.use"] == "--agent"
    assert found.origins["budget.max-usd"] == "--max-cost"
    assert found.origins["failure-actions.test-flake"] == "--action"
    assert found.origins["agent.max-attempts"] == "option"
    assert found.settings.failure_actions == {FailureType.TEST_FLAKE: Action.ESCALATE}


def test_the_short_cadence_says_where_the_interval_comes_from(root: Path) -> None:
    (root / "superteam.toml").write_text('validation-cadence = "every-7"\n')
    found = loaded(root)
    assert (found.settings.validation_cadence, found.settings.validation_interval) == ("every-N", 7)
    assert found.origins["validation-interval"] == "superteam.toml:1"


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_key(root: Path) -> None:
    text = mistakes(root, "batch-size = 3\n[agent]\n# a comment\nmax-atempts = 3\n")
    assert text == "superteam.toml:4: unknown key agent.max-atempts; did you mean agent.max-attempts?"


def test_a_key_with_underscores_is_unknown(root: Path) -> None:
    assert mistakes(root, "test_command = 'x'\n").endswith("unknown key test_command; did you mean test-command?")


def test_a_key_in_the_wrong_table_is_sent_to_the_right_one(root: Path) -> None:
    assert mistakes(root, "max-usd = 3\n").endswith("unknown key max-usd; did you mean budget.max-usd?")


def test_a_key_like_no_other_gets_the_list_of_keys(root: Path) -> None:
    assert mistakes(root, "[commit]\nqqq = 3\n").endswith("unknown key commit.qqq; keys of [commit] are message")


def test_an_unknown_failure_type_is_named_with_the_nearest(root: Path) -> None:
    text = mistakes(root, "[failure-actions]\ntest-flakes = 'escalate'\n")
    assert text.startswith(
        "superteam.toml:2: unknown key failure-actions.test-flakes; did you mean failure-actions.test-flake?"
    )


def test_a_wrong_value_is_named_with_what_is_right(root: Path) -> None:
    text = mistakes(root, "[failure-actions]\ntest-flake = 'escalte'\n")
    assert text.startswith("superteam.toml:2: failure-actions.test-flake must be 'auto-retry', ")
    assert text.endswith('not "escalte"; did you mean "escalate"?')


def test_a_wrong_value_is_not_proposed_again(root: Path) -> None:
    assert "did you mean" not in mistakes(root, 'agent.timeout = "soon"\n')


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[agent]\nmax-attempts = '3'\n", 'superteam.toml:2: agent.max-attempts must be a number, not "3"'),
        ("[agent]\nmax-attempts = true\n", "superteam.toml:2: agent.max-attempts must be a number, not true"),
        (
            "[agent]\nmax-attempts = 0\n",
            "superteam.toml:2: agent.max-attempts must be greater than or equal to 1, not 0",
        ),
        ("[budget]\nmax-usd = '3'\n", 'superteam.toml:2: budget.max-usd must be a number, not "3"'),
        ("[agent]\ntimeout = '3 days'\n", "superteam.toml:2: agent.timeout is wrong: '3 days' is not a duration"),
        ("test-command = 3\n", "superteam.toml:1: test-command must be a text, not 3"),
        ("budget.max-turns = 1.5\n", "superteam.toml:1: budget.max-turns must be a whole number, not 1.5"),
        (
            "agents.a = {kind = 'command', command = 'x'}\n",
            "superteam.toml:1: agents.a.command must be a list of texts, such as",
        ),
        ("test-command = 2020-01-01\n", "superteam.toml:1: test-command must be a text"),
        ("agent = 'claude'\n", 'superteam.toml:1: agent must be a table, not "claude"'),
        ("[[agent]]\nuse = 'x'\n", "superteam.toml:1: agent must be"),
        ("[agents]\nx = 1\n", "superteam.toml:2: agents.x must be a table, not 1"),
        ("\n[agents.x]\n", "superteam.toml:2: agents.x needs kind"),
        ("[agents.x]\nkind = 'command'\n", 'superteam.toml:1: agents.x is wrong: kind = "command" needs command'),
        (
            "[workspace]\nbring = 3\n",
            'superteam.toml:2: workspace.bring must be \'auto\' or a list of texts, such as ["one", "two"], not 3',
        ),
        ("agent = {max-attempts = -1}\n", "superteam.toml:1: agent.max-attempts must be greater"),
        ("[budget]\nmax-usd = inf\n", "superteam.toml:2: budget.max-usd must be less"),
        ("[budget]\nwarn-usd = nan\n", "superteam.toml:2: budget.warn-usd must be"),
        (f"[budget.task]\nmax-tokens = {10**400}\n", "superteam.toml:2: budget.task.max-tokens must be"),
        (
            "[agents.x]\nkind = 'codex'\nrates = {input = inf, output = 1}\n",
            "superteam.toml:3: agents.x.rates.input must be less",
        ),
    ],
)
def test_a_wrong_type_or_value_is_named_with_its_line(root: Path, text: str, says: str) -> None:
    assert mistakes(root, text).startswith(says)


def test_all_mistakes_are_listed_at_once_and_those_hidden_by_a_stronger_layer_too(root: Path, user_file: Path) -> None:
    user_file.write_text("batch-sise = 3\n[budget]\nmax-usd = 'much'\n")
    text = mistakes(root, "batch-sise = 4\n[budget]\nmax-usd = 3\n[agent]\nmax-attempts = 0\n")
    lines = text.splitlines()
    assert lines[0] == "the configuration has 4 mistakes:"
    places = {line.split(": ")[0].strip() for line in lines[1:]}
    assert places == {"superteam.toml:1", "superteam.toml:5", f"{user_file}:1", f"{user_file}:3"}
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"a = 1\nb = \n", "superteam.toml:2: "),
        (b"a = 1\na = 2\n", "superteam.toml:2: "),
        (b"\n\nx = '\xff'\n", "superteam.toml:3: not UTF-8"),
        (b"a = " + b"[" * 100_000, "superteam.toml: values are nested too deeply"),
        (b"a = " + b"9" * 10_000 + b"\n", "superteam.toml: "),
    ],
)
def test_a_file_that_is_not_toml_is_named_with_its_line(root: Path, data: bytes, place: str) -> None:
    (root / "superteam.toml").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        loaded(root)
    assert caught.value.message.startswith(place)


def test_windows_line_ends_and_a_byte_order_mark_are_read(root: Path) -> None:
    (root / "superteam.toml").write_bytes(b"\xef\xbb\xbf[agent]\r\nuse = 'x'\r\n")
    assert loaded(root).origins["agent.use"] == "superteam.toml:2"


def test_lines_are_found_around_every_kind_of_value() -> None:
    text = '''\
# [agent]
first = """
[not.a.header]
key = 1 \\""" """
list = [ # one
  "]", [1, 2],
]
'quoted key' = 1
"esc\\u0061ped" . b = 'x # y'
in = { a = 1, b = { c = "}" } }
literal = \'\'\'
a = 1\'\'\'
[ agent . "sub.table" ] # a comment
use = 'x'
[[sources]]
name = 1
[[sources]]
name = 2
[sources.inner]
deep = 3
[[nested.list]]
five = """a"""""
after = 1
'''
    lines = key_lines(text)
    expected = {
        ("first",): 2,
        ("list",): 5,
        ("quoted key",): 8,
        ("escaped", "b"): 9,
        ("in",): 10,
        ("literal",): 11,
        ("agent",): 13,
        ("agent", "sub.table"): 13,
        ("agent", "sub.table", "use"): 14,
        ("sources", 0, "name"): 16,
        ("sources", 1): 17,
        ("sources", 1, "name"): 18,
        ("sources", 1, "inner", "deep"): 20,
        ("nested", "list", 0, "five"): 22,
        ("nested", "list", 0, "after"): 23,
    }
    assert {path: lines.get(path) for path in expected} == expected
    assert ("not",) not in lines
    assert ("key",) not in lines


TOML_PIECES = st.sampled_from(
    [
        "[",
        "]",
        "{",
        "}",
        "=",
        ".",
        ",",
        "\n",
        "#",
        '"',
        "'",
        '"""',
        "'''",
        "\\",
        " ",
        "a",
        "b-c",
        "1",
        "\r",
        "é",
        "\x00",
    ]
)


@given(st.lists(TOML_PIECES, max_size=40).map("".join) | st.text(max_size=60))
def test_finding_lines_never_fails_whatever_the_text_is(text: str) -> None:
    for line in key_lines(text).values():
        assert 1 <= line <= text.count("\n") + 1


KEYS = st.text("ab-_1. é'\"", min_size=1, max_size=4)
VALUES = st.recursive(
    st.integers(-9, 9) | st.booleans() | st.text("x]}'\"\n#=\\ ", max_size=6), lambda inner: st.lists(inner, max_size=3)
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES), max_size=3))
def test_every_key_of_a_generated_file_is_found_on_the_line_it_was_written_on(
    top: dict[str, Any], tables: dict[str, dict[str, Any]]
) -> None:
    lines: list[str] = []
    expected: dict[tuple[str, ...], int] = {}
    for key, value in top.items():
        expected[(key,)] = len(lines) + 1
        lines.append(f"{json.dumps(key)} = {json.dumps(value)}")
    for name, table in tables.items():
        if name in top:
            continue
        lines.append(f"[{json.dumps(name)}] # comment")
        expected[(name,)] = len(lines)
        for key, value in table.items():
            expected[(name, key)] = len(lines) + 1
            lines += [f"{json.dumps(key)} = [", f"  {json.dumps(value)}, # ]", "]"]
    text = "\n".join(lines) + "\n"
    tomllib.loads(text)
    assert key_lines(text) == expected


@given(st.lists(KEYS, min_size=1, max_size=4))
def test_a_dotted_key_is_toml_again(path: list[str]) -> None:
    found = list(leaves(tomllib.loads(f"{dotted(tuple(path))} = 1")))
    assert found == [(tuple(path), 1)]


def test_the_version_is_printed_without_importing_the_configuration() -> None:
    code = "import sys; from superteam.cli.main import main; main(['--version']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True
    )
    imported = set(done.stdout.split())
    assert not imported & {"superteam.config", "pydantic", "typer", "platformdirs", "git", "rich", "yaml", "anyio"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ('name = "../x"\nartifact = "a.json"', "should match pattern"),
        ('name = "s"\nartifact = "../a.json"', "below the repository's root"),
        ('name = "s"\nartifact = "/a.json"', "below the repository's root"),
    ],
)
def test_a_source_that_cannot_work_is_refused(root: Path, wrong: str, words: str) -> None:
    kind = '\nkind = "smoke-artifact"\ncommand = ["x"]\n'
    first = f'[[sources]]\nname = "other"\nartifact = "b.json"{kind}'
    (root / "superteam.toml").write_text(f"{first}[[sources]]\n{wrong}{kind}")
    with pytest.raises(ConfigError, match=re.escape(words)):
        loaded(root)
