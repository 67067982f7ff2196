"""Planned red is owed until it passes; and nothing that cannot be settled goes round for ever."""

from __future__ import annotations

from pathlib import Path

from playground import Repo, Setup

RED = {"test_sub.py": "def test_sub():\n    assert False\n"}
SKIPPED = {"test_sub.py": "import pytest\n\n\n@pytest.mark.skip\ndef test_sub():\n    assert False\n"}
PLANNED = {"title": "Red", "may-fail": ["test_sub.py::*"]}
STRICT = "[validation]\nauto-fix = 0\n"


def test_an_owed_test_that_a_later_task_deletes_is_missing(repo: Repo, given: Setup) -> None:
    given([PLANNED, {"title": "Delete"}], [{"task": "1", "write": RED}, {"task": "2", "delete": ["test_sub.py"]}],
          config=STRICT)  # fmt: skip
    assert repo.superteam("execute", "plan.md").code == 4
    found = repo.status()
    assert found["pending"]["failure_type"] == "test-missing"
    assert found["validations"][-1]["missing"] == ["test_sub.py::test_sub"]


def test_an_owed_test_that_a_later_task_skips_is_newly_skipped(repo: Repo, given: Setup) -> None:
    given([PLANNED, {"title": "Skip"}], [{"task": "1", "write": RED}, {"task": "2", "write": SKIPPED}], config=STRICT)
    assert repo.superteam("execute", "plan.md").code == 4
    found = repo.status()
    assert found["pending"]["failure_type"] == "test-missing"
    assert found["validations"][-1]["newly_skipped"] == ["test_sub.py::test_sub"]


def test_a_suite_that_crashes_when_the_owed_tests_are_due_ends_the_run_inconclusive(repo: Repo, given: Setup) -> None:
    crash = repo.root.parent / "crash"
    repo.env["CRASH"] = str(crash)
    suite = {"conftest.py": "import os, pathlib\nif pathlib.Path(os.environ['CRASH']).exists():\n    os._exit(1)\n"}
    given(
        [PLANNED, {"title": "Crash", "allow-empty": True}],
        [{"task": "1", "write": RED}, {"task": "2", "run": f"touch '{crash}'"}],
        files=suite,
        config='[failure-actions]\nsuite-crash = "warn-continue"\nenvironment = "warn-continue"\n',
    )
    done = repo.superteam("execute", "plan.md", timeout=60)
    assert done.code == 3, done.err
    assert repo.status()["status"] == "inconclusive"


def test_after_a_question_about_the_environment_a_mended_tree_is_what_is_checked(repo: Repo, given: Setup) -> None:
    """The tests hold a date that has passed: a person mends them in the tree that the question shows."""
    expired = repo.root.parent / "expired"
    repo.env["EXPIRED"] = str(expired)
    names = "\n\n".join(f"def test_{i}():\n    assert not EXPIRED.exists()\n" for i in range(12))
    text = f"import os, pathlib\n\nEXPIRED = pathlib.Path(os.environ['EXPIRED'])\n\n\n{names}"
    given(
        [{"title": "A task"}],
        [{"task": "1", "write": {"a": "1"}, "run": f"touch '{expired}'"}],
        files={"test_dates.py": text},
    )
    assert repo.superteam("execute", "plan.md").code == 4
    pending = repo.status()["pending"]
    assert pending["failure_type"] == "environment"
    tree = Path(pending["evidence"]["work_tree"])
    (tree / "test_dates.py").write_text(text.replace("os.environ['EXPIRED']", "'/nowhere'"))
    assert repo.superteam("answer", "retry").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert "/nowhere" in repo.files_at()["test_dates.py"]
    assert repo.status()["tasks"][0]["attempts"] == 1


def test_two_culprits_whose_repairs_break_each_other_are_asked_about(repo: Repo, given: Setup) -> None:
    def calc(add: str, mul: str) -> dict[str, str]:
        return {"calc.py": f"def add(a, b):\n    return a {add} b\n\n\ndef mul(a, b):\n    return a {mul} b\n"}

    given(
        [{"title": "Break add"}, {"title": "Break mul"}],
        [
            {"task": "1", "role": "implement", "write": calc("-", "*")},
            {"task": "2", "role": "implement", "write": calc("-", "-")},
            {"task": "1", "role": "fix", "write": calc("+", "-")},
            {"task": "2", "role": "fix", "write": calc("-", "*")},
        ],
        config='validation-cadence = "every-2"\n',
    )
    assert repo.superteam("execute", "plan.md", timeout=60).code == 4
    found = repo.status()
    assert found["pending"]["task"] == "1"
    assert [task["attempts"] for task in found["tasks"]] == [2, 2]
