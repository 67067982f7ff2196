"""What a validation makes of changes in the tests themselves. Nothing here may ever read as a pass that is not one."""

from __future__ import annotations

from typing import Any

import pytest
from playground import Repo, Setup

NO_FIX = "[validation]\nauto-fix = 0\n"
MUL_ONLY = "from calc import mul\n\n\ndef test_mul():\n    assert mul(2, 3) == 6\n"
SKIPPED = (
    "import pytest\nfrom calc import add, mul\n\n\n@pytest.mark.skip(reason='later')\ndef test_add():\n"
    "    assert add(1, 2) == 3\n\n\ndef test_mul():\n    assert mul(2, 3) == 6\n"
)
XFAILED = SKIPPED.replace("pytest.mark.skip(reason='later')", "pytest.mark.xfail")


def _last(repo: Repo) -> Any:
    return repo.status()["validations"][-1]


def _pauses_with(repo: Repo, failure_type: str) -> Any:
    done = repo.superteam("execute", "plan.md")
    assert done.code == 4, f"{done.code}\n{done.err}"
    status = repo.status()
    assert status["pending"]["failure_type"] == failure_type
    assert repo.task_commits() == []
    return status["validations"][-1]


@pytest.mark.parametrize(
    ("text", "key"), [(MUL_ONLY, "missing"), (SKIPPED, "newly_skipped"), (XFAILED, "newly_skipped")]
)
def test_a_test_that_is_gone_or_does_not_count_any_more_blocks(repo: Repo, given: Setup, text: str, key: str) -> None:
    given([{"title": "Weaken"}], [{"task": "1", "write": {"test_calc.py": text}}], config=NO_FIX)
    found = _pauses_with(repo, "test-missing")
    assert found["verdict"] == "fail"
    assert found[key] == ["test_calc.py::test_add"]


@pytest.mark.parametrize(("text", "permit"), [(MUL_ONLY, "may-remove"), (SKIPPED, "may-skip")])
def test_what_the_plan_declares_may_go(repo: Repo, given: Setup, text: str, permit: str) -> None:
    given(
        [{"title": "Remove", permit: ["test_calc.py::test_add"]}],
        [{"task": "1", "write": {"test_calc.py": text}}],
        config=NO_FIX,
    )
    assert repo.superteam("execute", "plan.md").code == 0
    assert _last(repo)["verdict"] == "pass"


def test_a_suite_that_cannot_be_imported_is_a_suite_crash(repo: Repo, given: Setup) -> None:
    given([{"title": "Break"}], [{"task": "1", "write": {"calc.py": "import nothing_here\n"}}], config=NO_FIX)
    found = _pauses_with(repo, "suite-crash")
    assert found["verdict"] == "fail"
    assert "test_calc.py" in found["reason"] and "ModuleNotFoundError" in found["reason"]


def test_a_test_that_ends_the_process_with_exit_0_is_a_suite_crash(repo: Repo, given: Setup) -> None:
    text = "import os\n\n\ndef test_quick_end():\n    os._exit(0)\n"
    given([{"title": "Break"}], [{"task": "1", "write": {"test_b.py": text}}], config=NO_FIX)
    found = _pauses_with(repo, "suite-crash")
    assert found["verdict"] == "fail"
    assert "test_b.py::test_quick_end" in found["reason"]


BASELINES = {
    "command not found": ("nothing-of-this-name", "not found"),
    "zero tests": ("python -m pytest -q -k nothing_has_this_name", "no test"),
    "exit 0 without a report": ("true # pytest", "report"),
    "exit 1 without a failure": ("python -m pytest -q; exit 1", "exit"),
    "exit 0 with a failure": ("python -m pytest -q check_bad.py; exit 0", "exit"),
    "a recognised runner without its environment": ("env -i true pytest", "report"),
}


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_that_proves_nothing_stops_the_run(repo: Repo, given: Setup, name: str) -> None:
    command, reason = BASELINES[name]
    given(
        [{"title": "One"}],
        [{"task": "1", "write": {"a": "1"}}],
        files={"check_bad.py": "def test_bad():\n    assert False\n"},
        config=f"test-command = {command!r}\n",
    )
    done = repo.superteam("execute", "plan.md")
    assert done.code == 3, f"{done.code}\n{done.err}"
    status = repo.status()
    assert status["status"] == "inconclusive"
    assert status["baseline"] is None
    assert reason in done.out + done.err
    assert status["tasks"][0]["attempts"] == 0


@pytest.mark.parametrize(
    "wrapper",
    ["exit 0\n", "exit 1\n", "echo ' ✓ everything is fine'\nexit 0\n", "python -m pytest -q\nexit 1\n", "kill -9 $$\n"],
)
def test_a_wrapper_whose_report_is_gone_or_whose_exit_code_lies_is_no_pass(
    repo: Repo, given: Setup, wrapper: str
) -> None:
    given(
        [{"title": "Change the wrapper"}],
        [{"task": "1", "write": {"run-tests.sh": wrapper}}],
        files={"run-tests.sh": "python -m pytest -q\n"},
        config='test-command = "sh run-tests.sh"\n' + NO_FIX,
    )
    assert _pauses_with(repo, "suite-crash")["verdict"] == "inconclusive"


def test_a_suite_that_tests_another_trees_code_is_inconclusive_and_says_the_cure(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "One"}],
        [{"task": "1", "write": {"a": "1"}}],
        files={
            "src/shop/__init__.py": "VALUE = 1\n",
            "conftest.py": f"import sys\nsys.path.insert(0, {str(repo.root / 'src')!r})\n",
            "test_shop.py": "import shop\n\n\ndef test_value():\n    assert shop.VALUE == 1\n",
        },
    )
    done = repo.superteam("execute", "plan.md")
    assert done.code == 3, done.err
    assert "another tree" in done.out and "shop" in done.out


def test_a_test_added_by_one_task_and_deleted_by_a_later_one_is_missing(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Add"}, {"title": "Delete"}],
        [
            {"task": "1", "write": {"test_new.py": "def test_new():\n    pass\n"}},
            {"task": "2", "write": {"test_new.py": None, "b": "1"}},
        ],
        config=NO_FIX,
    )
    assert repo.superteam("execute", "plan.md").code == 4
    assert _last(repo)["missing"] == ["test_new.py::test_new"]


def test_a_known_failure_that_was_mended_and_is_broken_again_is_a_regression(repo: Repo, given: Setup) -> None:
    old = "from calc import add\n\n\ndef test_old():\n    import flag\n    assert flag.GOOD\n"
    given(
        [{"title": "Mend"}, {"title": "Break"}],
        [{"task": "1", "write": {"flag.py": "GOOD = True\n"}}, {"task": "2", "write": {"flag.py": "GOOD = False\n"}}],
        files={"test_old.py": old, "flag.py": "GOOD = 0\n"},
        config=NO_FIX,
    )
    assert repo.superteam("execute", "plan.md").code == 4
    first, second = repo.status()["validations"]
    assert first["new_passes"] == ["test_old.py::test_old"]
    assert second["regressions"] == ["test_old.py::test_old"]


def test_a_regression_that_shows_only_in_company_is_found(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Pollute"}],
        [{"task": "1", "write": {"test_a.py": "import state\n\n\ndef test_a():\n    state.VALUE = 2\n"}}],
        files={
            "state.py": "VALUE = 1\n",
            "test_a.py": "def test_a():\n    pass\n",
            "test_z.py": "import state\n\n\ndef test_z():\n    assert state.VALUE == 1\n",
        },
        config=NO_FIX,
    )
    found = _pauses_with(repo, "test-regression")
    assert found["regressions"] == ["test_z.py::test_z"]
    assert found["settlements"]["test_z.py::test_z"] == {"task": [0, 2], "reference": [0, 2]}
    assert found["polluters"] == {"test_z.py::test_z": "test_a.py::test_a"}
    assert "fails only after test_a.py::test_a" in repo.superteam("status").out


FLAKY = """\
import os, pathlib

def test_flaky():
    # red at the calls named in PATTERN: counted in a file, so that the test is the same each time
    counter = pathlib.Path(os.environ["COUNTER"])
    calls = int(counter.read_text() or 0) + 1
    counter.write_text(str(calls))
    assert str(calls) not in os.environ["PATTERN"].split()
"""


@pytest.mark.parametrize(
    ("pattern", "label"),
    [("2 5", "flaky"), ("2 3", "suspects"), ("2 3 4 6", "suspects"), ("2 6", "flaky")],
)
def test_a_flake_is_told_apart(repo: Repo, given: Setup, pattern: str, label: str) -> None:
    """Call 1 is the baseline, 2 the validation, 3 and 4 the reruns here, 5 and 6 the confirmations at the reference."""
    counter = repo.root.parent / "counter"
    counter.write_text("0")
    repo.env |= {"COUNTER": str(counter), "PATTERN": pattern}
    given([{"title": "Innocent"}], [{"task": "1", "write": {"a": "1"}}], files={"test_flaky.py": FLAKY})
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    found, *settled = repo.status()["validations"]
    assert found["verdict"] == "pass"
    assert found[label] == ["test_flaky.py::test_flaky"]
    assert repo.task_commits() == ["1"]
    # A suspect is settled at the end of the run: it never failed again, on neither tree.
    assert [v["flaky"] for v in settled] == ([["test_flaky.py::test_flaky"]] if label == "suspects" else [])


RACE = """\
import os, pathlib

def test_racy():
    # red at every second call, and only in a tree that holds the race
    if pathlib.Path("race").exists():
        counter = pathlib.Path(os.environ["COUNTER"])
        calls = int(counter.read_text() or 0) + 1
        counter.write_text(str(calls))
        assert calls % 2 == 0
"""


def test_a_race_that_a_task_made_is_a_suspect_first_and_a_regression_at_the_end(repo: Repo, given: Setup) -> None:
    counter = repo.root.parent / "counter"
    counter.write_text("0")
    repo.env |= {"COUNTER": str(counter)}
    tasks = [{"title": "Race"}, {"title": "Innocent"}]
    dispatches = [{"task": "1", "write": {"race": "1"}}, {"task": "2", "write": {"a": "1"}}]
    given(tasks, dispatches, files={"test_racy.py": RACE}, config=NO_FIX)
    assert repo.superteam("execute", "plan.md").code == 4
    first, *_, last = repo.status()["validations"]
    assert (first["verdict"], first["suspects"]) == ("pass", ["test_racy.py::test_racy"])
    assert (last["verdict"], last["regressions"]) == ("fail", ["test_racy.py::test_racy"])
    assert last["introduced_by"] == {"test_racy.py::test_racy": "1"}
    settled = last["settlements"]["test_racy.py::test_racy"]
    here, there = settled["task"], settled["reference"]
    assert here[0] >= 4 and there[0] == 0
    assert repo.status()["pending"]["task"] == "1"


def test_a_test_that_vanished_is_charged_to_the_task_that_lost_it(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Lose"}, {"title": "Innocent"}],
        [{"task": "1", "write": {"test_x.py": "def test_a():\n    pass\n"}}, {"task": "2", "write": {"b": "1"}}],
        files={"test_x.py": "def test_a():\n    pass\n\n\ndef test_b():\n    pass\n"},
        config=NO_FIX,
    )
    assert repo.superteam("execute", "plan.md", "--cadence", "every-2").code == 4
    found = _last(repo)
    assert (found["missing"], found["introduced_by"]) == (["test_x.py::test_b"], {"test_x.py::test_b": "1"})
    assert repo.status()["pending"]["task"] == "1"


def test_what_a_task_changes_among_what_decides_verdicts_is_listed(repo: Repo, given: Setup) -> None:
    tasks = [{"title": "Meddle", "files": ["app.py"]}]
    meddling = {"app.py": "A = 1\n", "conftest.py": "import pytest\n", "pytest.ini": "[pytest]\naddopts = --reruns 3\n"}
    given(tasks, [{"task": "1", "write": meddling}], files={"test_x.py": "def test_x():\n    pass\n"})
    repo.superteam("execute", "plan.md")
    found = _last(repo)["findings"]
    assert {"conftest.py", "pytest.ini"} <= {finding["path"] for finding in found}
    assert "changed among what decides verdicts" in repo.superteam("status").out


def test_planned_red_is_owed_and_must_be_green_at_the_end(repo: Repo, given: Setup) -> None:
    test = "def test_sub():\n    from calc import sub\n    assert sub(3, 1) == 2\n"
    code = (
        "def add(a, b):\n    return a + b\n\n\ndef mul(a, b):\n    return a * b\n\n\ndef sub(a, b):\n    return a - b\n"
    )
    tasks = [{"title": "Red", "may-fail": ["test_sub.py::*"]}, {"title": "Green"}]
    given(tasks, [{"task": "1", "write": {"test_sub.py": test}}, {"task": "2", "write": {"calc.py": code}}])
    assert repo.superteam("execute", "plan.md").code == 0
    assert repo.status()["validations"][0]["owed"] == ["test_sub.py::test_sub"]


def test_planned_red_that_stays_red_is_a_regression_of_the_task_that_declared_it(repo: Repo, given: Setup) -> None:
    test = "def test_sub():\n    from calc import sub\n    assert sub(3, 1) == 2\n"
    tasks = [{"title": "Red", "may-fail": ["test_sub.py::*"]}, {"title": "Other"}]
    given(tasks, [{"task": "1", "write": {"test_sub.py": test}}, {"task": "2", "write": {"b": "1"}}], config=NO_FIX)
    assert repo.superteam("execute", "plan.md").code == 4
    status = repo.status()
    assert status["pending"]["task"] == "1"
    assert status["pending"]["failure_type"] == "test-regression"
    assert status["validations"][-1]["introduced_by"] == {"test_sub.py::test_sub": "1"}


LINKED = "readlink node_modules/shop >/dev/null 2>&1; cat {place}/shop.js | grep -q good && echo ' ✓ shop is good'"


@pytest.mark.parametrize(("place", "code"), [("ELSEWHERE", 3), (".", 0)])
def test_a_suite_of_another_runner_that_never_looks_at_its_own_tree_is_found_out(
    repo: Repo, given: Setup, place: str, code: int
) -> None:
    """The checkout has node_modules, so something is brought: a syntax error in each source must turn the suite red.

    A script names the checkout: a test command that does so itself is refused.
    """
    repo.write({"node_modules/dep/index.js": "1\n", ".gitignore": "node_modules\n"})
    command = LINKED.format(place=str(repo.root) if place == "ELSEWHERE" else place)
    given(
        [{"title": "One"}],
        [{"task": "1", "write": {"a": "1"}}],
        files={"shop.js": "good\n", "package.json": "{}\n", "check.sh": command},
        config='test-command = "sh check.sh"\n',
    )
    done = repo.superteam("execute", "plan.md")
    assert done.code == code, f"{done.err}\n{done.out}"
    assert ("another tree" in done.out) == (code == 3)


RED_TAP = (
    "cat {place}/shop.js | grep -q good && a=ok || a='not ok'\n"
    'printf "1..2\\n$a 1 - shop\\nnot ok 2 - known\\n" > report.tap\nexit 1\n'
)


@pytest.mark.parametrize(("place", "code"), [("ELSEWHERE", 3), (".", 0)])
def test_a_red_suite_that_never_looks_at_its_own_tree_is_found_out(
    repo: Repo, given: Setup, place: str, code: int
) -> None:
    """A test that is known to fail does not keep the syntax errors from being asked about."""
    repo.write({"node_modules/dep/index.js": "1\n", ".gitignore": "node_modules\nreport.tap\n"})
    given(
        [{"title": "One"}],
        [{"task": "1", "write": {"a": "1"}}],
        files={
            "shop.js": "good\n",
            "package.json": "{}\n",
            "check.sh": RED_TAP.format(place=str(repo.root) if place == "ELSEWHERE" else place),
        },
        config='test-command = "sh check.sh"\nreport = "tap:report.tap"\n',
    )
    done = repo.superteam("execute", "plan.md")
    assert done.code == code, f"{done.err}\n{done.out}"
    assert ("another tree" in done.out) == (code == 3)
