"""unittest: which calls are its own, what they are told, and one real run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from superteam.core.results import Completeness
from superteam.reports.formats import read_files
from superteam.runners import unittest
from superteam.runners.call import Call, Told, Untold
from superteam.runners.commands import find_calls

SCRIPT = (
    "import unittest\n\nclass A(unittest.TestCase):\n    def test_a(self): pass\n    def test_b(self): self.fail()\n"
)
MAIN = f"{SCRIPT}\nif __name__ == '__main__':\n    unittest.main()\n"


def call(command: str, tree: Path = Path("/nonexistent")) -> Call:
    return find_calls(command, tree)[0]


@pytest.mark.parametrize(
    "command", ["python -m unittest", "python3.11 -W error -m unittest discover", "./venv/bin/python -m xmlrunner -v"]
)
def test_unittest_is_recognised(command):
    assert unittest.recognises(call(command), Path("/nonexistent"))


@pytest.mark.parametrize(
    "command",
    ["python manage.py test", "./manage.py test -v 2 shop", "django-admin test", "python -W error -m django test"],
)
def test_djangos_tests_are_unittest(command):
    assert unittest.recognises(call(command), Path("/nonexistent"))
    assert unittest.reproduce(call("python manage.py test"), ("a.T.b",)) == "python manage.py test a.T.b"


def test_a_script_that_calls_the_text_runner_itself_is_written_down(tmp_path):
    (tmp_path / "test_x.py").write_text(SCRIPT)
    text = "import sys, unittest\nsuite = unittest.defaultTestLoader.loadTestsFromName('test_x')\n"
    text += "sys.exit(not unittest.TextTestRunner(failfast=True).run(suite).wasSuccessful())\n"
    (tmp_path / "runtests.py").write_text(text)
    asked = call("python runtests.py")
    assert unittest.recognises(asked, tmp_path)
    for only in (None, frozenset(["test_x.A.test_b"])):
        folder = tmp_path / f"report-{only is None}"
        folder.mkdir()
        told = unittest.tell(asked, {}, folder, tmp_path, only)
        assert isinstance(told, Told)
        env = {**os.environ, **told.env}
        subprocess.run([sys.executable, "runtests.py"], cwd=tmp_path, env=env, capture_output=True, check=False)
        found = read_files(folder, told.reports or "", told.format, tmp_path)
        assert (found.completeness, found.failed()) == (Completeness.COMPLETE, ("test_x.A.test_b",))
        assert len(found.tests) == (2 if only is None else 1)


@pytest.mark.parametrize("command", ["python -m pytest", "unittest", "python manage.py migrate", "python -c unittest"])
def test_other_commands_are_not_unittest(command):
    assert not unittest.recognises(call(command), Path("/nonexistent"))


def test_a_script_is_unittest_if_it_calls_its_main(tmp_path):
    (tmp_path / "a.py").write_text(MAIN)
    (tmp_path / "b.py").write_text("# unittest.main()\n")
    found = [name for name in ("a.py", "b.py", "c.py") if unittest.recognises(call(f"python -u {name} -v"), tmp_path)]
    assert found == ["a.py"]


def test_the_users_own_values_stay_behind_ours(tmp_path):
    env = {"PYTHONPATH": "/mine", "TOX_OVERRIDE": "testenv.x=1"}
    told = unittest.tell(call("python -m unittest"), env, tmp_path, Path("/tree"), frozenset(["a.b #2"]))
    assert isinstance(told, Told)
    assert told.env["PYTHONPATH"] == f"{unittest.HOOK_FOLDER}:/mine"
    assert told.env["TOX_OVERRIDE"].endswith(";testenv.x=1")
    assert json.loads(Path(told.env["SUPERTEAM_UNITTEST_ONLY"]).read_text()) == ["a.b", "a.b #2"]


@pytest.mark.parametrize("flags", ["-I", "-E", "-S", "-IE", "-u -I"])
def test_a_python_without_the_environment_cannot_be_told(tmp_path, flags):
    told = unittest.tell(call(f"python {flags} -m unittest"), {}, tmp_path, tmp_path, None)
    assert isinstance(told, Untold)


def test_a_call_with_its_own_path_is_run_with_both(tmp_path):
    told = unittest.tell(call("PYTHONPATH=src A=b python -m unittest -v"), {}, tmp_path, tmp_path, None)
    assert isinstance(told, Told)
    path = f"PYTHONPATH={unittest.HOOK_FOLDER}:src"
    assert told.instead == ("env", path, "A=b", "python", "-m", "unittest", "-v")


@pytest.mark.parametrize(
    "command",
    [
        "cd a && PYTHONPATH=src python -m unittest",
        "PYTHONPATH=~/x python -m unittest",
        "PYTHONPATH=x python -m unittest;",
    ],
)
def test_a_path_of_its_own_that_cannot_be_kept_is_said(tmp_path, command):
    told = unittest.tell(find_calls(command, tmp_path)[-1], {}, tmp_path, tmp_path, None)
    assert isinstance(told, Untold)


@pytest.mark.parametrize(
    ("command", "ids", "shown"),
    [
        ("python -m unittest", ("a.B.c", "a.B.a #2"), "python -m unittest a.B.a a.B.c"),
        ("cd 'x y' && python -m unittest -v", ("a.B.c",), "cd 'x y' && python -m unittest a.B.c"),
        ("python -m unittest discover", ("a.B.c",), None),
        ("python a.py", ("__main__.B.c",), None),
        ("python -m unittest", ("-x; rm",), None),
    ],
)
def test_people_get_a_command_that_they_can_paste(command, ids, shown):
    assert unittest.reproduce(call(command), ids) == shown


def test_a_real_run_is_written_down_and_selected_from(tmp_path):
    (tmp_path / "test_x.py").write_text(SCRIPT)
    for only, count in ((None, 2), (frozenset(["test_x.A.test_b"]), 1)):
        folder = tmp_path / f"report{count}"
        folder.mkdir()
        told = unittest.tell(call("python -m unittest"), {}, folder, tmp_path, only)
        assert isinstance(told, Told)
        env = {**os.environ, **told.env}
        subprocess.run([sys.executable, "-m", "unittest"], cwd=tmp_path, env=env, capture_output=True, check=False)
        found = read_files(folder, told.reports or "", told.format, tmp_path)
        assert (found.completeness, len(found.tests), found.exit_status) == (Completeness.COMPLETE, count, 1)
        assert found.failed() == ("test_x.A.test_b",)
