"""The plugin's lines, whole and cut short, without running pytest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from superteam.core.results import Completeness, Outcome, TestReport
from superteam.reports.plugin_lines import read_sessions

END = [{"kind": "finish", "status": 0}, {"kind": "end"}]


def phase(id: str, when: str, outcome: str = "passed", **more: Any) -> dict[str, Any]:
    return {"kind": "result", "id": id, "when": when, "outcome": outcome, **more}


def phases(id: str, setup: str = "passed", call: str | None = "passed", teardown: str = "passed") -> list[Any]:
    middle = [phase(id, "call", call)] if call else []
    return [phase(id, "setup", setup), *middle, phase(id, "teardown", teardown)]


def write(folder: Path, records: list[Any], name: str = "1-1", began: float = 0.0) -> None:
    lines = [{"kind": "start", "time": began}, *records]
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in lines))


def read(folder: Path, *records: Any) -> TestReport:
    write(folder, [*records])
    return read_sessions(folder)


def only_outcome(report: TestReport) -> Outcome:
    (result,) = report.tests.values()
    return result.outcome


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        (phases("a"), Outcome.PASSED),
        (phases("a", call="failed"), Outcome.FAILED),
        (phases("a", setup="failed", call=None), Outcome.ERRORED),
        (phases("a", teardown="failed"), Outcome.ERRORED),
        (phases("a", call="failed", teardown="failed"), Outcome.ERRORED),
        (phases("a", setup="skipped", call=None), Outcome.SKIPPED),
        (phases("a", call="skipped"), Outcome.SKIPPED),
        (phases("a", call=None), Outcome.NOT_RUN),
        ([phase("a", "setup")], Outcome.NOT_RUN),
        ([phase("a", "setup"), phase("a", "call", "skipped", xfail="r")], Outcome.XFAILED),
        ([phase("a", "setup"), phase("a", "call", "passed", xfail="r")], Outcome.XPASSED),
        ([phase("a", "setup", "skipped", xfail="not run")], Outcome.XFAILED),
        ([phase("a", "???", "failed", text="worker crashed")], Outcome.ERRORED),
        ([phase("a", "setup"), phase("a", "call", "failed"), phase("a", "call")], Outcome.FAILED),
    ],
)
def test_phases_make_one_outcome(tmp_path, records, outcome):
    assert only_outcome(read(tmp_path, *records, *END)) is outcome


def test_a_whole_session_is_complete(tmp_path):
    found = read(tmp_path, {"kind": "collected", "ids": ["a"]}, *phases("a"), *END)
    assert (found.completeness, found.exit_status) == (Completeness.COMPLETE, 0)


@pytest.mark.parametrize("missing", range(2))
def test_without_its_last_words_a_report_is_partial(tmp_path, missing):
    assert read(tmp_path, *phases("a"), END[missing]).completeness is Completeness.PARTIAL


def test_a_test_that_was_collected_and_never_ran_makes_it_partial(tmp_path):
    found = read(tmp_path, {"kind": "collected", "ids": ["a", "b"]}, *phases("a"), *END)
    assert found.completeness is Completeness.PARTIAL
    assert found.tests["b"].outcome is Outcome.NOT_RUN


def test_no_file_is_no_report(tmp_path):
    assert read_sessions(tmp_path).completeness is Completeness.NONE


@pytest.mark.parametrize("line", ["{", "[]", "1", '{"kind": 3, "x', '{"kind": "result"}', "[" * 100_000, "\xff"])
def test_a_damaged_line_makes_it_partial(tmp_path, line):
    write(tmp_path, [*phases("a"), *END])
    file = tmp_path / "1-1.jsonl"
    file.write_bytes(line.encode("latin-1") + b"\n" + file.read_bytes())
    found = read_sessions(tmp_path)
    assert found.completeness is Completeness.PARTIAL
    assert found.tests["a"].outcome is Outcome.PASSED


def test_a_test_that_passed_after_reruns_says_so(tmp_path):
    tries = [phase("a", "setup"), phase("a", "call", "rerun", text="boom")]
    found = read(tmp_path, *tries, *tries, *phases("a"), *END)
    assert found.tests["a"].outcome is Outcome.PASSED
    assert found.tests["a"].message == "passed after 2 reruns; before that: boom"


def test_the_rest_of_a_try_that_does_not_count_is_left_out(tmp_path):
    first = [phase("a", "setup"), phase("a", "call", "rerun", text="boom"), phase("a", "teardown", "rerun")]
    found = read(tmp_path, *first, *phases("a"), *END)
    assert {key: result.message for key, result in found.tests.items()} == {
        "a": "passed after 1 reruns; before that: boom"
    }


@pytest.mark.parametrize(("last", "outcome"), [("passed", Outcome.PASSED), ("failed", Outcome.FAILED)])
def test_a_try_without_a_setup_of_its_own_counts(tmp_path, last, outcome):
    """pytest-retry sets a test up once more without a word."""
    records = [phase("a", "setup"), phase("a", "call", "retried", text="boom"), phase("a", "call", last)]
    found = read(tmp_path, *records, phase("a", "teardown"), *END)
    assert (only_outcome(found), found.tests["a"].retried, found.completeness) == (outcome, True, Completeness.COMPLETE)


@pytest.mark.parametrize(("last", "outcome"), [("passed", Outcome.PASSED), ("failed", Outcome.FAILED)])
@pytest.mark.parametrize("tries", [1, 2])
def test_tries_that_a_plugin_keeps_silent_about_are_one_test(tmp_path, tries, last, outcome):
    """flaky reports of an earlier try only that it was set up and torn down."""
    found = read(tmp_path, *phases("a", call=None) * tries, *phases("a", call=last), *END)
    assert (only_outcome(found), found.tests["a"].retried, found.completeness) == (outcome, True, Completeness.COMPLETE)


def test_two_whole_runs_of_one_id_stay_two_tests(tmp_path):
    found = read(tmp_path, *phases("a"), *phases("a"), *END)
    assert [result.retried for result in found.tests.values()] == [False, False]


def test_a_crash_that_is_tried_again_on_another_worker_is_one_test(tmp_path):
    crash = phase("a", "???", "rerun", worker="gw0", text="crashed")
    again = [{**record, "worker": "gw1"} for record in phases("a")]
    found = read(tmp_path, phase("a", "setup", worker="gw0"), crash, *again, *END)
    assert {key: result.outcome for key, result in found.tests.items()} == {"a": Outcome.PASSED}


def test_a_second_run_of_the_same_id_is_numbered(tmp_path):
    found = read(tmp_path, *phases("a"), *phases("a", call="failed"), *END)
    assert {key: result.outcome.value for key, result in found.tests.items()} == {"a": "passed", "a #2": "failed"}


def test_sessions_are_merged_in_the_order_in_which_they_began(tmp_path):
    write(tmp_path, [*phases("b"), {"kind": "finish", "status": 1}, {"kind": "end"}], "1-1", began=2.0)
    write(tmp_path, [*phases("a"), *END], "2-1", began=1.0)
    found = read_sessions(tmp_path)
    assert (list(found.tests), found.exit_status) == (["a", "b"], 1)


@pytest.mark.parametrize("began", [(1.0, 2.0), (2.0, 1.0)])
def test_equal_ids_of_two_sessions_are_numbered_by_their_place(tmp_path, began):
    for number, (root, call) in enumerate([("/t/b", "failed"), ("/t/a", "passed")]):
        start = {"kind": "start", "time": began[number], "rootdir": root, "part": ["", "", "3.12"]}
        lines = [start, *phases("x", call=call), *END]
        (tmp_path / f"{number}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in lines))
    found = read_sessions(tmp_path).tests
    assert {key: result.outcome for key, result in found.items()} == {"x": Outcome.PASSED, "x #2": Outcome.FAILED}


@pytest.mark.parametrize("began", [(1.0, 2.0), (2.0, 1.0)])
def test_equal_ids_of_two_sessions_are_numbered_by_the_variables_that_differ(tmp_path, began):
    for number, (database, call) in enumerate([("pg", "failed"), ("my", "passed")]):
        variables = {"A_SHARED": f"changes with each run {began}", "DB": database, f"ONLY_{number}": ""}
        start = {"kind": "start", "time": began[number], "rootdir": "/t", "part": [""], "variables": variables}
        lines = [start, *phases("x", call=call), *END]
        (tmp_path / f"{number}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in lines))
    found = read_sessions(tmp_path).tests
    assert {key: result.outcome for key, result in found.items()} == {"x": Outcome.PASSED, "x #2": Outcome.FAILED}


def test_loaded_files_of_all_sessions_are_put_together(tmp_path):
    for name, files in (("1", ["a.py"]), ("2", ["b.py"])):
        write(tmp_path, [{"kind": "loaded", "files": files}, *phases(name), *END], name)
    assert read_sessions(tmp_path).loaded == {"a.py", "b.py"}
    write(tmp_path, [*phases("3"), *END], "3")
    assert read_sessions(tmp_path).loaded is None


def test_one_unfinished_session_makes_the_whole_partial(tmp_path):
    write(tmp_path, [*phases("b")], "1-1")
    write(tmp_path, [*phases("a"), *END], "2-1")
    assert read_sessions(tmp_path).completeness is Completeness.PARTIAL


def test_a_worker_that_died_without_a_word_makes_it_partial(tmp_path):
    death = {"kind": "worker-death", "text": "Not properly terminated"}
    assert read(tmp_path, *phases("a"), death, *END).completeness is Completeness.PARTIAL
    crash = phase("b", "???", "failed")
    assert read(tmp_path, *phases("a"), death, crash, *END).completeness is Completeness.COMPLETE


def test_a_collection_error_names_the_file_and_the_reason(tmp_path):
    text = "ImportError while importing\nE   ModuleNotFoundError: No module named 'x'"
    found = read(tmp_path, {"kind": "collect-error", "id": "test_bad.py", "text": text}, *END)
    assert found.suite_errors[0].startswith("test_bad.py: ModuleNotFoundError: No module named 'x'\n")


def test_tens_of_thousands_of_tests_are_read_whole(tmp_path):
    records = [record for n in range(20_000) for record in phases(f"tests/test_{n % 100}.py::test_{n}")]
    ids = [f"tests/test_{n % 100}.py::test_{n}" for n in range(20_000)]
    write(tmp_path, [{"kind": "collected", "ids": ids}, *records, *END])
    found = read_sessions(tmp_path)
    assert (len(found.tests), found.completeness) == (20_000, Completeness.COMPLETE)


def test_a_second_test_of_one_name_does_not_replace_one_whose_own_name_ends_in_the_number(tmp_path: Path):
    found = read(tmp_path, *phases("a #2", call="failed"), *phases("a"), *phases("a"), *END)
    assert {id: result.outcome for id, result in found.tests.items()} == {
        "a #2": Outcome.FAILED,
        "a": Outcome.PASSED,
        "a #3": Outcome.PASSED,
    }
