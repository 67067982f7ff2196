"""JUnit XML as pytest writes it, and files that are none."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest

from superteam.core.results import Completeness, TestReport
from superteam.reports.junit import read_junit

HEAD = '<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest">'
FOOT = "</testsuite></testsuites>"
CASE = '<testcase classname="tests.test_a.TestX" name="{name}" file="tests/test_a.py" time="0.5">{body}</testcase>'


def read(body: str) -> TestReport:
    return read_junit(io.BytesIO((HEAD + body + FOOT).encode()))


def outcomes(report: TestReport) -> dict[str, str]:
    return {key: result.outcome.value for key, result in report.tests.items()}


def case(name: str, body: str = "") -> str:
    return CASE.format(name=name, body=body)


def test_node_ids_are_rebuilt_from_file_class_and_name():
    found = read(case("test_one[a.b::c]") + '<testcase classname="test_b" name="test_two" file="test_b.py"/>')
    assert outcomes(found) == {"tests/test_a.py::TestX::test_one[a.b::c]": "passed", "test_b.py::test_two": "passed"}
    assert found.completeness is Completeness.COMPLETE


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ('<failure message="AssertionError: no">text</failure>', "failed"),
        ('<error message="failed on setup">text</error>', "errored"),
        ('<skipped type="pytest.skip" message="why">text</skipped>', "skipped"),
        ('<skipped type="pytest.xfail" message="known"/>', "xfailed"),
        ('<skipped/><failure message="todo"/>', "failed"),
    ],
)
def test_the_children_of_a_case_say_what_happened(body, outcome):
    assert list(outcomes(read(case("t", body))).values()) == [outcome]


def test_a_test_that_passed_and_failed_in_its_teardown_is_errored():
    found = read(case("t") + case("t", '<error message="failed on teardown"/>'))
    assert list(outcomes(found).values()) == ["errored"]


def test_other_duplicates_are_numbered():
    assert [key[-4:] for key in read(case("t") + case("t")).tests] == ["X::t", "t #2"]


def test_a_file_that_could_not_be_collected_is_no_test():
    found = read(
        '<testcase classname="" name="tests.test_bad"><error message="collection failure">E</error></testcase>'
    )
    assert found.tests == {}
    assert found.suite_errors == ("tests.test_bad could not be collected\ncollection failure\nE",)


def test_a_file_that_ends_in_the_middle_is_partial():
    found = read_junit(io.BytesIO((HEAD + case("t")).encode()))
    assert found.completeness is Completeness.PARTIAL
    assert len(found.tests) == 1


@pytest.mark.parametrize(
    "text", ["", "hello", "<html/>", '<!DOCTYPE a [<!ENTITY b "c">]><testsuite>&b;</testsuite>', "<testsuite"]
)
def test_what_is_no_junit_is_no_report(text):
    assert read_junit(io.BytesIO(text.encode())).completeness is Completeness.NONE


def test_an_older_or_missing_file_is_no_report(tmp_path: Path):
    file = tmp_path / "junit.xml"
    assert read_junit(file).completeness is Completeness.NONE
    file.write_text(HEAD + case("t") + FOOT)
    written = file.stat().st_mtime
    assert read_junit(file, newer_than=written).completeness is Completeness.COMPLETE
    assert read_junit(file, newer_than=written + 1).completeness is Completeness.NONE


def test_a_long_failure_text_is_cut():
    found = read(case("t", f"<failure message='m'>{'x' * 100_000}</failure>"))
    assert len(next(iter(found.tests.values())).message) < 5000


def test_a_hundred_thousand_tests_are_read_in_about_a_second():
    data = (HEAD + "".join(case(f"t{n}") for n in range(100_000)) + FOOT).encode()
    began = time.perf_counter()
    assert len(read_junit(io.BytesIO(data)).tests) == 100_000
    assert time.perf_counter() - began < 50
