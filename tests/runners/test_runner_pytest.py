"""Injection by environment, and commands for people."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.runners.call import Call
from superteam.runners.commands import find_calls
from superteam.runners.pytest import (
    PLUGIN_FOLDER,
    canary,
    family,
    inject,
    is_plain,
    names_pytest,
    recognises,
    reproduce_command,
    tell,
    with_junit,
)


def test_the_users_own_values_stay_behind_ours(tmp_path):
    env = {"PYTHONPATH": "/mine", "PYTEST_ADDOPTS": "-n2", "TOX_OVERRIDE": "testenv.x=1", "A": "b"}
    found = inject(env, tmp_path, Path("/tree"), None)
    assert found["PYTHONPATH"] == f"{PLUGIN_FOLDER}:/mine"
    assert found["PYTEST_ADDOPTS"] == "-p superteam_pytest_plugin -n2"
    assert found["TOX_OVERRIDE"].endswith(";testenv.x=1")
    assert found["A"] == "b"
    assert "SUPERTEAM_PYTEST_ONLY" not in found


def test_the_plugins_folder_holds_no_module_that_a_project_could_have():
    assert {path.name for path in PLUGIN_FOLDER.iterdir() if path.suffix == ".py"} == {
        "superteam_pytest_plugin.py",
        "superteam_tree_check.py",
        "superteam_variables.py",
    }


def test_wanted_ids_are_written_beside_the_report_with_their_families(tmp_path):
    ids = frozenset(["a::b[\ud800\n]", "a::c #2"])
    found = inject({}, tmp_path, Path("/tree"), ids)
    assert set(json.loads(Path(found["SUPERTEAM_PYTEST_ONLY"]).read_text())) == {*ids, "a::c"}


def test_family_takes_only_our_own_number_off():
    assert [family(id) for id in ("a #2", "a[x #2]", "a #02", "a #2 #3", "a")] == ["a", "a[x #2]", "a #02", "a #2", "a"]


@pytest.mark.parametrize(
    "command",
    ["pytest", "pytest -q", "py.test x", "python -m pytest -q", "uv run pytest", "cd a && pytest", ".venv/bin/pytest"],
)
def test_pytest_is_recognised(command):
    assert names_pytest(command)


@pytest.mark.parametrize("command", ["make test", "npm test", "pip install pytest-cov", "tox", "./pytest.sh"])
def test_other_commands_are_not_pytest(command):
    assert not names_pytest(command)


@pytest.mark.parametrize(
    "command", ["cd a && pytest", "pytest | tee x", "pytest -k 'a b'", "pytest; true", "make", "pytest -- x"]
)
def test_nothing_is_appended_to_a_command_of_the_shell(command):
    assert not is_plain(command)


def test_a_plain_command_gets_a_junit_file():
    assert is_plain("A=1 python -m pytest -q")
    words = shlex.split(with_junit("pytest -q", Path("/a b/c.xml")))
    assert words == ["pytest", "-q", "--junitxml=/a b/c.xml", "-o", "junit_family=xunit1", "--maxfail=0"]


@given(
    st.frozensets(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1, max_size=5
    )
)
def test_a_reproduce_command_is_pasted_safely(ids):
    words = shlex.split(reproduce_command("pytest -q", ids), comments=True)
    assert words[:2] == ["pytest", "-q"]
    assert words[2:] in ([], sorted({family(id) for id in ids}))


def test_a_reproduce_command_names_at_most_twenty_ids():
    found = reproduce_command("pytest", frozenset(f"t::{n}" for n in range(100)))
    assert found.endswith("  # and 80 more")
    assert len(shlex.split(found, comments=True)) == 21


def test_ids_for_a_shell_command_are_a_comment_on_one_line():
    found = reproduce_command("cd a && pytest", frozenset(["t::a[\nrm -rf x]"]))
    assert found.startswith("cd a && pytest  # ")
    assert "\n" not in found


# -- calls


@pytest.mark.parametrize("command", ["pytest -q", ".venv/bin/py.test", "python3 -W error -m pytest -x"])
def test_a_call_of_pytest_is_recognised(command, tmp_path):
    assert recognises(find_calls(command, tmp_path)[0], tmp_path)


@pytest.mark.parametrize("program", ["tox", "nox"])
def test_tox_and_nox_are_pytest_where_their_configuration_names_it(program, tmp_path):
    assert not recognises(Call((program,)), tmp_path)
    (tmp_path / f"{program}file.py" if program == "nox" else tmp_path / "tox.ini").write_text(
        "commands = pytest {posargs}"
    )
    assert recognises(Call((program, "-q")), tmp_path)


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        ("PYTHONPATH=src pytest -q", ("env", f"PYTHONPATH={PLUGIN_FOLDER}:src", "pytest", "-q")),
        ("PYTEST_ADDOPTS=-v A=1 pytest", ("env", "PYTEST_ADDOPTS=-p superteam_pytest_plugin -v", "A=1", "pytest")),
        ("PYTHONPATH=src:$PYTHONPATH pytest", ()),
        ("PYTHONPATH=src pytest tests/*.py", ()),
        ("PYTHONPATH=src pytest > log", ()),
        ("PYTHONPATH=src pytest && true", ()),
        ("A=1 pytest", ()),
    ],
)
def test_a_call_that_sets_our_variables_is_run_with_both_values(command, instead, tmp_path):
    told = tell(find_calls(command, tmp_path)[0], {}, tmp_path, tmp_path, None)
    assert told.instead == instead


@pytest.mark.parametrize(
    ("command", "files", "path", "function"),
    [
        ("pytest", {}, "test_superteam_canary.py", "test_superteam_canary"),
        ("cd sub && pytest -q", {}, "sub/test_superteam_canary.py", "test_superteam_canary"),
        ("pytest --tb short tests/unit -q", {}, "tests/unit/test_superteam_canary.py", "test_superteam_canary"),
        (
            "pytest",
            {"pytest.ini": "[pytest]\ntestpaths = tests"},
            "tests/test_superteam_canary.py",
            "test_superteam_canary",
        ),
        (
            "pytest",
            {"tox.ini": "[pytest]\npython_files = *_spec.py"},
            "superteam_canary_spec.py",
            "test_superteam_canary",
        ),
        (
            "pytest",
            {"setup.cfg": "[tool:pytest]\npython_functions = check_*"},
            "test_superteam_canary.py",
            "check_superteam_canary",
        ),
        (
            "pytest",
            {"pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['te*']"},
            "tests/test_superteam_canary.py",
            "test_",
        ),
        (
            "pytest",
            {"pytest.ini": "no section", "setup.cfg": "[[["},
            "test_superteam_canary.py",
            "test_superteam_canary",
        ),
    ],
)
def test_a_failing_test_is_planted_where_the_call_looks(command, files, path, function, tmp_path):
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    planted = canary(find_calls(command, tmp_path)[-1], tmp_path)
    assert planted is not None
    assert planted[0] == path
    assert planted[1].startswith(f"def {function}")
