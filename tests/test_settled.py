"""Findings that need a second look at the reference before they are held against a change: real suites, real runs."""

from __future__ import annotations

from typing import Any

import pytest
from playground import SUITE, Repo

ADD = "def test_add():\n    assert add(1, 2) == 3\n"
IN_CLASS = "class TestMul:\n    def test_mul(self):\n        assert mul(2, 3) == 6\n"


def _judged(repo: Repo, code: int) -> Any:
    done = repo.superteam("validate", "--json")
    assert done.code == code, done.out + done.err
    return done.json


def test_tests_that_were_moved_are_not_missing_and_a_weakened_one_is(repo: Repo) -> None:
    moved = {
        "test_calc.py": f"from calc import mul\n\n\n{IN_CLASS}",
        "test_more.py": f"from calc import add\n\n\n{ADD}",
    }
    repo.write(moved)
    found = _judged(repo, 0)
    assert any("test_calc.py::test_add is test_more.py::test_add now" in note for note in found["notes"])
    repo.write({"test_more.py": moved["test_more.py"].replace(" == 3", "")})
    assert _judged(repo, 1)["missing"] == ["test_calc.py::test_add"]


CHANGING = """\
import time
import pytest

@pytest.mark.parametrize("moment", [time.time_ns()])
def test_moment(moment):
    assert moment

@pytest.mark.parametrize("number", [{numbers}])
def test_number(number):
    assert number
"""


def test_ids_that_change_by_themselves_are_no_excuse_for_those_that_do_not(repo: Repo) -> None:
    repo.commit({"test_ids.py": CHANGING.format(numbers="1, 2, 3")})
    found = _judged(repo, 0)
    assert (found["missing"], found["verdict"]) == ([], "pass")
    assert any("only counted" in note for note in found["notes"])
    repo.write({"test_ids.py": CHANGING.format(numbers="1, 2")})
    assert _judged(repo, 1)["missing"] == ["test_ids.py::test_number[3]"]


SERVED = """\
import os, pathlib

def test_served():
    assert pathlib.Path(os.environ["SERVICE"]).exists()
"""


def test_what_fails_at_the_reference_by_now_is_no_old_failure(repo: Repo) -> None:
    service = repo.root.parent / "service"
    service.touch()
    repo.env["SERVICE"] = str(service)
    repo.commit({"test_served.py": SERVED})
    _judged(repo, 0)
    service.unlink()
    repo.write({"other.py": "A = 1\n"})
    found = _judged(repo, 3)
    assert found["pre_existing"] == [] and found["new_failures"] == ["test_served.py::test_served"]
    assert "test_served.py::test_served passed at" in found["reason"]
    assert any(".superteam/baselines" in note for note in found["notes"])


MOODY = """\
import os, pathlib

def test_moody():
    calls = pathlib.Path(os.environ["CALLS"])
    calls.write_text(calls.read_text() + ".")
    assert len(calls.read_text()) != 1 and not pathlib.Path("broken").exists()
"""


def test_a_flake_that_was_red_in_the_baseline_can_still_be_broken(repo: Repo) -> None:
    """It fails in the baseline and passes in the next run of the same tree: the history has both."""
    calls = repo.root.parent / "calls"
    calls.write_text("")
    repo.env["CALLS"] = str(calls)
    repo.commit({"test_moody.py": MOODY})
    _judged(repo, 0)
    repo.write({"broken": "yes\n"})
    found = _judged(repo, 1)
    assert found["regressions"] == ["test_moody.py::test_moody"]
    assert found["settlements"]["test_moody.py::test_moody"] == {"task": [2, 2], "reference": [0, 2]}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"calc.py": SUITE["calc.py"] + "def broken(:\n"}, "SyntaxError"),
        ({"test_calc.py": SUITE["test_calc.py"].replace("import add", "import nothing, add")}, "ImportError"),
    ],
)
def test_a_suite_that_the_change_broke_is_a_fail_and_says_how(repo: Repo, files: dict[str, str], words: str) -> None:
    repo.write(files)
    assert words in _judged(repo, 1)["reason"]


def test_a_new_test_that_fails_is_called_one(repo: Repo) -> None:
    repo.write({"test_new.py": "def test_new():\n    assert 1 == 2\n"})
    done = repo.superteam("validate")
    assert done.code == 1
    assert "test_new.py::test_new  (a new test fails: 2 of 2 reruns)" in done.out
