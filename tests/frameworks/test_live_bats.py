"""bats as it is: what each kind of suite comes to, and that exactly the tests run that were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from superteam.core.results import Outcome
from superteam.runners import bats
from superteam.runners.call import Call

pytestmark = pytest.mark.frameworks

COMMAND = "node_modules/bats/bin/bats"
OUTCOMES = """
@test "passes" { echo "not ok 1 printed"; echo "# skip"; }
@test "fails" { [ 1 -eq 2 ]; }
@test "skipped" { skip "why not"; }
@test "skipped bare" { skip; }
@test "hash # skip" { true; }
@test "hash # todo later" { false; }
@test "exits" { exit 0; }
plain_function() { #@test
  true
}
"""
NASTY = r"""
@test "a.*b(c)[d]|^\$" { true; }
@test "quote ' \` <&> \"x\"" { true; }
@test "ünï 😀" { true; }
@test " two  spaces " { true; }
@test "-x" { true; }
@test "- dash" { true; }
@test "--filter" { true; }
@test "a > b" { true; }
@test "x::y" { true; }
@test "12 numbers in 3ms" { true; }
@test "tab	in it" { true; }
@test "back\\slash {1,2}+" { true; }
@test "#2" { true; }
@test "a #2" { true; }
"""


def run(suite: Any, files: Mapping[str, str] | None, command: str = f"{COMMAND} .", **more: Any) -> Any:
    return suite(files, command, npm="bats", **more)


def test_each_outcome_is_told_apart(suite: Any) -> None:
    found = run(suite, {"a.bats": OUTCOMES})
    assert found.verdict.verdict == "fail", found.verdict
    outcomes = {id.removeprefix("a.bats > "): test.outcome for id, test in found.report.tests.items()}
    assert outcomes == {
        "passes": Outcome.PASSED,
        "fails": Outcome.FAILED,
        "skipped": Outcome.SKIPPED,
        "skipped bare": Outcome.SKIPPED,
        "hash # skip": Outcome.PASSED,
        "hash # todo later": Outcome.FAILED,
        "exits": Outcome.FAILED,
        "plain_function": Outcome.PASSED,
    }
    assert found.report.tests["a.bats > skipped"].message == "why not"


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ("setup_file() { false; }\n@test 'one' { true; }", ""),
        ("teardown_file() { false; }\n@test 'one' { true; }", ""),
        ("@test 'one' {\n true\n", ""),
        ("false\n@test 'one' { true; }", ""),
        ("@test 'one' { true; }\n@test 'kills' { kill -9 $PPID; }\n@test 'after' { true; }", ""),
        ("@test 'one' { echo 'ok 1 one' >&3; false; }", ""),
        ("@test 'one' { echo 'ok 2 two' >&3; }\n@test 'two' { false; }", ""),
        ("@test 'one' { true; }\n@test 'one' { false; }", ""),
        ("@test 'one' { skip; }", ""),
        ("true", ""),
        ("@test 'one' { true; }", "-f zzz"),
        ("@test 'one' { false; }\n@test 'two' { true; }", "--abort"),
        ("# bats test_tags=bats:focus\n@test 'one' { true; }\n@test 'two' { false; }", ""),
    ],
)
def test_what_is_no_pass_is_inconclusive(suite: Any, body: str, arguments: str) -> None:
    found = run(suite, {"a.bats": body}, f"{COMMAND} {arguments} .")
    assert found.verdict.verdict == "inconclusive", found.verdict


def test_a_teardown_that_fails_is_a_failure(suite: Any) -> None:
    found = run(suite, {"a.bats": "teardown() { false; }\n@test 'one' { true; }"})
    assert found.verdict.verdict == "fail", found.verdict


@pytest.mark.parametrize("options", ["", "--tap", "--timing", "--formatter junit", "--report-formatter junit -o ."])
def test_a_pass_is_a_pass_with_any_formatter(suite: Any, options: str) -> None:
    found = run(suite, {"t/a.bats": "@test 'one' { true; }"}, f"{COMMAND} {options} -r t")
    assert (found.verdict.verdict, set(found.report.tests)) == ("pass", {"t/a.bats > one"}), found.verdict


def test_each_of_the_nastiest_names_runs_alone(suite: Any) -> None:
    whole = run(suite, {"a.bats": NASTY})
    assert whole.verdict.verdict == "pass", whole.verdict
    assert len(whole.report.tests) == 14
    for id in whole.report.tests:
        found = run(suite, None, only=[id])
        assert (found.verdict.verdict, set(found.report.tests)) == ("pass", {id}), (id, found.verdict)


def test_a_pair_of_two_files_with_a_name_in_both(suite: Any) -> None:
    files = {"a.bats": OUTCOMES, "b.bats": "@test 'one' { true; }\n@test 'fails' { true; }"}
    pair = {"a.bats > passes", "b.bats > one"}
    found = run(suite, files, only=pair)
    assert (found.verdict.verdict, set(found.report.tests)) == ("pass", pair), found.verdict
    found = run(suite, None, only=["b.bats > fails"])
    assert set(found.report.tests) == {"b.bats > fails"}
    assert found.verdict.verdict != "fail"


def test_an_unknown_test_is_no_pass(suite: Any) -> None:
    found = run(suite, {"a.bats": "@test 'one' { true; }"}, only=["a.bats > gone"])
    assert found.verdict.verdict == "inconclusive"


def test_a_planted_test_fails(suite: Any, tmp_path: Path) -> None:
    files = {"t/a.bats": "@test 'one' { true; }"}
    planted = bats.canary(Call(("bats", "t")), written(tmp_path, files))
    assert planted is not None
    found = run(suite, {**files, planted[0]: planted[1]}, f"{COMMAND} t")
    assert found.verdict.verdict == "fail", found.verdict
    assert [id for id in found.report.failed() if "superteam_canary" in id]


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / "like" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "like" / name).write_text(text)
    return folder / "like"
