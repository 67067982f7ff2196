"""pytest-reportlog from real runs, and the files of our own hooks: whole, cut short and damaged."""

from __future__ import annotations

import io
import json
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.results import Completeness, Exit, Outcome, TestReport
from superteam.core.verdict import judge
from superteam.reports import plugin_lines, reportlog, unittest_lines
from superteam.reports.formats import recognise

DATA = Path(__file__).parents[1] / "data" / "reports" / "reportlog"
CASES = sorted(path.stem for path in DATA.glob("*.jsonl"))
COMPLETE, PARTIAL, NONE = Completeness.COMPLETE, Completeness.PARTIAL, Completeness.NONE


def capture(case: str) -> bytes:
    return (DATA / f"{case}.jsonl").read_bytes()


def read(data: bytes) -> TestReport:
    return reportlog.read(io.BytesIO(data), PurePosixPath("/tmp/sample"))


def outcomes(report: TestReport) -> dict[str, str]:
    return {id.partition("::")[2] or id: result.outcome.value for id, result in report.tests.items()}


@pytest.mark.parametrize("case", ["sink", "xdist"])
def test_each_outcome_is_told_apart_with_workers_and_without(case):
    report = read(capture(case))
    assert (report.completeness, report.exit_status) == (COMPLETE, 1)
    found = outcomes(report)
    assert len(found) == 13
    assert {name: outcome for name, outcome in found.items() if outcome != "passed"} == {
        "test_fails": "failed",
        "test_skipped": "skipped",
        "test_xfails": "xfailed",
        "test_xpasses": "xpassed",
        "test_xpasses_strictly": "failed",
        "test_setup_error": "errored",
        "test_teardown_error": "errored",
    }
    failed = report.tests["test_sink.py::test_fails"]
    assert (failed.signature, failed.message.splitlines()[0]) == ("assert <n> == <n> @ test_sink.py", "assert 1 == 2")
    assert report.tests["test_sink.py::test_skipped"].message == "Skipped: why"


def test_a_rerun_that_passed_says_that_it_was_one():
    report = read(capture("reruns"))
    flaky, never = report.tests.values()
    assert (flaky.outcome, flaky.retried) == (Outcome.PASSED, True)
    assert (never.outcome, never.retried) == (Outcome.FAILED, True)
    assert report.conventions.retries == "told"


@pytest.mark.parametrize(
    ("case", "completeness", "status", "found"),
    [
        ("crash", PARTIAL, None, {"test_a": "passed", "test_dies": "not-run"}),
        ("worker-crash", COMPLETE, 1, {"test_a": "passed", "test_b": "passed", "test_dies": "errored"}),
        ("import-error", COMPLETE, 2, {}),
        ("empty", COMPLETE, 5, {}),
        ("selection", COMPLETE, 5, {}),
    ],
)
def test_what_went_wrong_around_tests_is_seen(case, completeness, status, found):
    report = read(capture(case))
    assert (report.completeness, report.exit_status, outcomes(report)) == (completeness, status, found)
    verdict = judge(report, Exit(0 if status is None else status))
    assert verdict.verdict == ("fail" if case == "worker-crash" else "inconclusive")


def test_a_file_that_cannot_be_imported_is_an_error_of_the_suite():
    (error,) = read(capture("import-error")).suite_errors
    assert error.splitlines()[0] == "bad/test_bad.py: ModuleNotFoundError: No module named 'missing_module'"


@pytest.mark.parametrize("case", CASES)
def test_a_capture_is_recognised(case):
    assert recognise(DATA / f"{case}.jsonl") == "reportlog"


@pytest.mark.parametrize("case", [case for case in CASES if case != "crash"])
def test_a_capture_that_is_cut_short_is_never_complete(case):
    data = capture(case)
    whole = data.rstrip()
    for size in {0, 1, len(whole) - 1, *range(0, len(whole), 211)}:
        assert read(whole[:size]).completeness is not COMPLETE, size
    assert read(whole).completeness is read(data).completeness


def test_a_second_session_in_the_same_file_is_no_whole_report():
    assert read(capture("selection") + capture("sink")).completeness is PARTIAL


@pytest.mark.parametrize("data", [b"", b"x", b"{}", b"[]\n", b'{"a": 1}\n', b"\xff\xfe", b"[" * 100_000, b"1\n2\n"])
def test_another_file_is_no_report(data):
    assert read(data).completeness is NONE
    assert plugin_lines.read(io.BytesIO(data)).completeness is NONE
    assert not reportlog.recognises(data)


@given(st.binary(max_size=300), st.sampled_from(CASES), st.integers(0, 30_000), st.integers(0, 300))
def test_damage_never_raises_and_never_hides_a_failure_in_a_whole_report(noise, case, at, length):
    data = capture(case)
    at %= len(data)
    report = read(data[:at] + noise + data[at + length :])
    if noise.strip() and b"\n" not in data[at : at + length] and report.completeness is COMPLETE:
        assert len(report.tests) >= len(read(data).tests)


@given(st.data())
def test_a_line_with_any_value_in_any_place_never_raises(data):
    lines = capture("sink").splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    record = json.loads(lines[number])
    key = data.draw(st.sampled_from(sorted(record)))
    anything = st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
    record[key] = data.draw(anything)
    lines[number] = json.dumps(record).encode()
    found = read(b"\n".join(lines))
    assert sum(found.counts().values()) == len(found.tests)


# -- our own hooks


START = b'{"kind": "start", "unittest": 1, "python": "3.11", "pid": 1, "time": 1.0}\n'
LINES = (
    START
    + b'{"kind": "collected", "ids": ["a.A.t"]}\n'
    + b'{"kind": "result", "id": "a.A.t", "when": "setup", "outcome": "passed"}\n'
    + b'{"kind": "result", "id": "a.A.t", "when": "call", "outcome": "passed"}\n'
    + b'{"kind": "foreign", "modules": []}\n{"kind": "finish", "status": 0}\n{"kind": "end"}\n'
)


def test_the_lines_of_our_unittest_hook_are_a_report_of_their_own():
    report = unittest_lines.read(io.BytesIO(LINES))
    assert (report.format, report.completeness, report.exit_status) == ("unittest", COMPLETE, 0)
    assert outcomes(report) == {"a.A.t": "passed"}
    assert unittest_lines.recognises(LINES)
    assert not plugin_lines.recognises(LINES)
    assert plugin_lines.recognises(LINES.replace(b'"unittest": 1', b'"plugin": 1, "pytest": "9"'))


@given(st.integers(0, len(LINES) - 2))
def test_lines_of_ours_that_are_cut_short_are_never_complete(size):
    assert unittest_lines.read(io.BytesIO(LINES[:size])).completeness is not COMPLETE


@given(st.data())
def test_lines_of_ours_with_any_value_in_any_place_never_raise(data):
    lines = LINES.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    record = json.loads(lines[number])
    key = data.draw(st.sampled_from([*record, "text", "xfail", "seconds", "worker"]))
    record[key] = data.draw(
        st.none() | st.floats() | st.text() | st.lists(st.integers()) | st.dictionaries(st.text(), st.none())
    )
    lines[number] = json.dumps(record).encode()
    assert unittest_lines.read(io.BytesIO(b"\n".join(lines))).format == "unittest"
