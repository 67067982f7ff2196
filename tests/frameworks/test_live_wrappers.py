"""What people put around a test framework: wrappers, scripts, tox and nox, the shell. The report comes through."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from superteam.core.results import Execution

pytestmark = pytest.mark.frameworks

HERE = Path(os.environ.get("SUPERTEAM_FRAMEWORKS") or Path(__file__).parents[2] / ".frameworks").resolve()
VENV = HERE / "venv"
PYTHON = VENV / "bin" / "python"
FILES = {
    "sub/test_a.py": "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n",
    "sub/test_b.py": "import unittest\nclass B(unittest.TestCase):\n    def test_b(self): self.fail()\n",
    "pyproject.toml": "[project]\nname = 'sample'\nversion = '1'\nrequires-python = '>=3.8'\n",
    "package.json": json.dumps({"scripts": {"test": f"{PYTHON} -m MODULE", "ci": "npm test"}}),
    "Makefile": f"PY = {PYTHON}\ntest:\n\tcd sub && $(PY) -m MODULE\n",
    "justfile": f"test:\n  cd sub && {PYTHON} -m MODULE\n",
    "run.sh": '#!/bin/sh\nset -e\ncd "$(dirname "$0")/sub"\nexec PYTHON -m MODULE "$@"\n'.replace(
        "PYTHON", str(PYTHON)
    ),
    "tox.ini": f"[testenv]\nskip_install = true\nallowlist_externals = *\ncommands = {PYTHON} -m pytest sub\n",
    "noxfile.py": "import nox\n@nox.session(venv_backend='none')\ndef tests(session):\n"
    f"    session.run({str(PYTHON)!r}, '-m', 'pytest', 'sub', external=True)\n",
}
UNITTEST = [
    "cd sub && python -m unittest",
    "make test",
    "make -s test",
    "sh run.sh",
    "sh -c 'cd sub && python -m unittest'",
    "timeout 60 env A=b nice python -m unittest discover sub",
    "(cd sub; python -m unittest)",
    "cd sub && coverage run -m unittest",
    "cd sub && python -m coverage run -m unittest -v",
    "cd sub && uv run --no-project --offline python -m unittest",
    "cd sub && poetry run python -m unittest",
    "PYTHONPATH=sub python -m unittest discover sub",
    "cd sub && python -m xmlrunner discover",
]
PYTEST = [
    "pytest",
    "npm test",
    "npm run -s ci",
    "make test",
    "sh run.sh -v",
    "python -m pytest -x -k 'test_a or test_b'",
    "python -m coverage run -m pytest",
    "uv run --no-project --offline pytest",
    "poetry run pytest",
    "tox -q",
    "nox",
    "PYTHONPATH=sub pytest -q",
    "PYTEST_ADDOPTS=-v pytest",
    "true && pytest -q sub; exit $?",
]


@pytest.fixture(autouse=True)
def _installed(need):
    need("tox")


def run(suite, command: str, module: str, only: set[str] | None = None) -> Execution:
    if command.split()[0] in ("npm", "make", "just"):
        program = command.split()[0]
        if not any((Path(folder) / program).exists() for folder in os.environ["PATH"].split(os.pathsep)):
            pytest.skip(f"{program} is not installed: apt-get install {program}")
    files = {name: text.replace("MODULE", module) for name, text in FILES.items()}
    env = {"VIRTUAL_ENV": str(VENV), "POETRY_VIRTUALENVS_CREATE": "false"}
    return suite(files, command, only=only, env=env, timeout=120.0)


def names(found: Execution) -> dict[str, str]:
    return {id.replace("::", ".").rpartition(".")[2]: result.outcome.value for id, result in found.report.tests.items()}


@pytest.mark.parametrize("command", UNITTEST)
def test_unittest_reports_and_is_selected_through(suite, command):
    found = run(suite, command, "unittest")
    assert (found.report.format, found.verdict.verdict, names(found)) == (
        "unittest",
        "fail",
        {"test_a": "passed", "test_b": "failed"},
    ), found.verdict
    for id in found.report.tests:
        again = run(suite, command, "unittest", {id})
        assert (set(again.report.tests), again.verdict.sound) == ({id}, True), again.verdict


@pytest.mark.parametrize("command", PYTEST)
def test_pytest_reports_and_is_selected_through(suite, command):
    found = run(suite, command, "pytest")
    assert (found.report.format, found.verdict.verdict, names(found)) == (
        "pytest",
        "fail",
        {"test_a": "passed", "test_b": "failed"},
    ), found.verdict
    for id in found.report.tests:
        again = run(suite, command, "pytest", {id})
        assert (set(again.report.tests), again.verdict.sound) == ({id}, True), again.verdict


@pytest.mark.parametrize("module", ["pytest", "unittest"])
def test_a_pipe_hides_the_exit_code_but_not_the_report(suite, module):
    command = f"python -m {module} 2>&1 | tee log"
    text = "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): {}\n"
    green = suite({"test_a.py": text.format("pass")}, command)
    assert (green.report.format, green.verdict.verdict) == (module, "pass")
    red = suite({"test_a.py": text.format("self.fail()")}, command)
    assert red.verdict.verdict == "inconclusive"
    assert "and yet 1 failed" in str(red.verdict.reason)


@pytest.mark.parametrize("command", ["python -m pytest || true", "python -m unittest || true"])
def test_a_swallowed_exit_code_is_no_pass(suite, command):
    text = "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): self.fail()\n"
    assert suite({"test_a.py": text}, command).verdict.verdict == "inconclusive"


def test_two_calls_of_pytest_are_one_report(suite):
    found = run(suite, "pytest sub/test_a.py && pytest sub/test_b.py", "pytest")
    assert (found.verdict.verdict, names(found)) == ("fail", {"test_a": "passed", "test_b": "failed"})


def test_a_command_in_a_cleared_environment_is_no_proof_by_itself(suite):
    found = suite(
        {"test_a.py": "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n"},
        f"env -i {PYTHON} -m unittest",
    )
    assert found.verdict.verdict == "inconclusive"
    assert "no report" in str(found.verdict.reason)


def test_who_sets_the_path_himself_is_judged_by_what_is_left(suite):
    text = "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n"
    lost = suite({"sub/test_a.py": text}, "cd sub && PYTHONPATH=. python -m unittest")
    assert (lost.report.granularity, lost.verdict.verdict, lost.verdict.confidence) == ("text", "pass", "low")
    assert "PYTHONPATH" in lost.report.note
    kept = suite({"sub/test_a.py": text}, "cd sub && PYTHONPATH=.:$PYTHONPATH python -m unittest")
    assert (kept.report.granularity, kept.verdict.verdict) == ("tests", "pass")


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("pytest", {}),
        (
            "pytest",
            {"pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['none', 'sub']\npython_files = 'check_*.py'\n"},
        ),
        ("pytest", {"setup.cfg": "[tool:pytest]\ntestpaths = sub\npython_functions = check\n"}),
        ("cd sub && python -m pytest -q", {"pytest.ini": "[pytest]\npython_files = *_test.py\n"}),
        ("pytest sub", {"tox.ini": "[pytest]\ntestpaths = other\n"}),
        ("tox -q", {"tox.ini": FILES["tox.ini"], "tests/x": ""}),
        ("python -m unittest", {}),
        ("python -m unittest discover -s sub", {}),
        ("cd sub && python -m unittest -v", {}),
    ],
)
def test_a_planted_test_makes_it_red(suite, command, files, tmp_path):
    from superteam.runners.recognise import recognise

    green = {"sub/test_a.py": "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n", **files}
    if command == "tox -q":
        command = "tox -q"
        green["tox.ini"] = green["tox.ini"].replace("pytest sub", "pytest")
    suite(green, "true")
    module, call = recognise(command, suite.tree)
    path, content = module.canary(call, suite.tree)
    found = suite({**green, path: content}, command)
    assert found.verdict.verdict == "fail", found.verdict
    assert [id for id in found.report.failed() if "superteam_canary" in id]


def test_a_call_of_single_tests_has_no_place_for_a_planted_one(suite):
    from superteam.runners.recognise import recognise

    suite({"test_a.py": "def test_a(): pass"}, "true")
    for command in ("pytest test_a.py", "pytest test_a.py::test_a", "pytest -k a", "python -m unittest test_a"):
        module, call = recognise(command, suite.tree)
        assert module.canary(call, suite.tree) is None
