"""Each example of plans/ is executed; the phase is in test_phase.py, those of other tools in test_plan_forms.py."""

from __future__ import annotations

import re
from pathlib import Path

from playground import PLANS, Repo, example, prompts


def test_the_quickstart_is_executed_as_its_text_says(empty_repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "calls").write_text("0")
    empty_repo.env["SHOP_CALLS"] = str(tmp_path / "calls")
    done = empty_repo.superteam("execute", example(empty_repo, "quickstart"))
    assert done.code == 0, done.err
    found = [{f["type"] for f in t["failures"]} for t in empty_repo.status()["tasks"]]
    known = {"test-preexisting"}
    assert found == [known, {"validation-failure"} | known, {"test-flake"} | known, {"test-regression"} | known, known]
    assert empty_repo.task_commits() == ["1", "2", "3", "4", "5"]
    flaky = {test for v in empty_repo.status()["validations"] if v["after_task"] == "3" for test in v["flaky"]}
    assert len(flaky) == 1


def test_the_example_with_headings_is_executed(empty_repo: Repo) -> None:
    plan = example(empty_repo, "headings")
    assert empty_repo.superteam("plan", "check", "--strict", "--json", plan).json["format"] == "headings"
    assert empty_repo.superteam("execute", plan).code == 0
    assert empty_repo.task_commits() == ["1", "2"]
    assert "This text goes into every prompt" in prompts(empty_repo)[1]


def test_the_example_of_a_gsd_plan_finds_a_test_that_passes_already(empty_repo: Repo) -> None:
    plan = example(empty_repo, "gsd")
    checked = empty_repo.superteam("plan", "check", "--strict", "--json", plan)
    assert checked.code == 0, checked.out
    assert [(task["id"], task["kind"]) for task in checked.json["tasks"]] == [
        ("1", "tdd"),
        ("2", "auto"),
        ("verification", "verification"),
    ]
    done = empty_repo.superteam("execute", plan)
    assert done.code == 0, done.err
    first, second, last = empty_repo.status()["tasks"]
    (failure,) = first["failures"]
    assert failure["type"] == "validation-failure" and "red-proof: " in failure["message"]
    assert "test_colours.py" in failure["message"] and "red-proof: " in prompts(empty_repo, "attempt-1-2")[0]
    assert (first["attempts"], second["failures"], last["status"]) == (2, [], "complete")
    assert "(255, 128, 0)" in empty_repo.files_at()["test_colours.py"]
    text = (empty_repo.root / "03-02-SUMMARY.md").read_text()
    assert "COLOUR-01" in text and "red-proof" in text and "passed: colours as numbers" in text


def test_the_example_of_a_smoke_suite_blocks_a_regression_that_no_test_sees(empty_repo: Repo) -> None:
    done = empty_repo.superteam("execute", example(empty_repo, "smoke"))
    assert done.code == 0, done.err
    found = [(v["after_task"], v["source"], v["verdict"], v["regressions"]) for v in empty_repo.status()["validations"]]
    assert found == [
        ("1", "smoke", "pass", []),
        ("2", "smoke", "fail", ["basket"]),
        ("2", "smoke", "pass", []),
    ]
    assert empty_repo.task_commits() == ["1", "2"] and "net + net" in empty_repo.files_at()["prices.py"]


def test_every_example_is_listed_and_executed() -> None:
    listed = set(re.findall(r"^\| \[([\w-]+?)(?:\.md)?\]", (PLANS / "README.md").read_text(), re.M))
    assert listed == {path.stem for path in PLANS.iterdir()} - {"README"}
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert listed == set(re.findall(r'example\(empty_repo, "([\w-]+)"\)', tests))
