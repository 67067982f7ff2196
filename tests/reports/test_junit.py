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


DATA = Path(__file__).parents[1] / "data" / "reports" / "junit"


def capture(name: str) -> TestReport:
    return read_junit(DATA / f"{name}.xml")


@pytest.mark.parametrize(
    ("name", "dialect", "errors", "retries"),
    [
        ("pytest-xunit1-reruns", "pytest", "apart", "rows"),
        ("pytest-xunit2-reruns", "pytest", "apart", "rows"),
        ("unittest-all", "unittest", "apart", "hidden"),
        ("surefire-all", "surefire", "apart", "told"),
        ("ant-all", "ant", "apart", "hidden"),
        ("gradle-all", "", "apart", "hidden"),
        ("phpunit-all", "phpunit", "apart", "hidden"),
        ("rspec-all", "rspec", "folded", "hidden"),
        ("ctest-all", "ctest", "folded", "hidden"),
        ("gtest-all", "gtest", "folded", "hidden"),
        ("catch2-all", "catch2", "apart", "hidden"),
        ("bats-all", "bats", "folded", "hidden"),
        ("node20-all", "node", "folded", "hidden"),
        ("nextest-retries", "nextest", "apart", "told"),
        ("gotestsum", "go", "folded", "hidden"),
        ("jest-junit", "jest-junit", "folded", "hidden"),
        ("vitest", "vitest", "folded", "hidden"),
        ("mocha-junit", "mocha-junit", "folded", "hidden"),
        ("playwright", "playwright", "folded", "hidden"),
        ("bazel-failed-binary", "bazel", "apart", "hidden"),
    ],
)
def test_the_writer_is_named_by_what_the_document_says(name, dialect, errors, retries):
    found = capture(name)
    assert (found.dialect, found.conventions.errors, found.conventions.retries) == (dialect, errors, retries)


def test_surefire_tells_what_was_tried_again():
    found = capture("surefire-reruns").tests
    assert {key: (result.outcome.value, result.retried) for key, result in found.items()} == {
        "demo.ATest::errors": ("errored", True),
        "demo.ATest::passes": ("passed", False),
        "demo.ATest::assumed": ("skipped", False),
        "demo.ATest::slow": ("timed-out", True),
        "demo.ATest::fails": ("failed", True),
        "demo.ATest::flaky": ("passed", True),
        "demo.ATest::ignored": ("skipped", False),
    }
    assert capture("surefire-flaky").tests["demo.T::flakyError"].retried
    assert outcomes(capture("nextest-retries"))["demo::it::slow"] == "timed-out"


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("surefire-class-setup", "demo.SetupTest"),
        ("ant-class-setup", "demo.SetupTest"),
        ("phpunit-setup-errors", "setup/BadDataTest.php::BadDataTest::testOne"),
        ("unittest-all", "test_u.py::setUpClass (test_u.B)"),
        ("ctest-all", "missing"),
        ("ctest-all", "needs"),
        ("bazel-failed-binary", "pkg/broken_test"),
    ],
)
def test_what_broke_around_a_test_is_errored(name, id):
    found = {key.removeprefix("/tmp/sample/php/"): value for key, value in outcomes(capture(name)).items()}
    assert found[id] == "errored"


@pytest.mark.parametrize(
    ("name", "id", "outcome"),
    [
        ("node20-all", "todo fails", "skipped"),
        ("node20-all", "outer > deep > x [y] > z", "failed"),
        ("catch2-all", "c.global::may fail", "xfailed"),
        ("gtest-all", "g.cc::A::DISABLED_off", "skipped"),
        ("ctest-all", "disabled", "skipped"),
        ("ctest-all", "willfail_fixed", "failed"),
        ("ctest-all", "passes #2", "passed"),
        ("unittest-all", "test_u.py::A::test_xfail", "xfailed"),
        ("unittest-all", "test_u.py::A::test_xpass", "failed"),
        ("pytest-xunit1-reruns", "test_p.py::test_teardown", "errored"),
        ("pytest-xunit1-reruns", "test_p.py::test_flaky #3", "passed"),
        ("phpunit-no-tests-in-class", "/tmp/sample/php/empty/ETest.php::ETest::Warning", "skipped"),
        ("rspec-all", "spec/a_spec.rb::Outer twin #2", "passed"),
        ("vitest", "src/a.test.ts > outer > adds", "passed"),
        ("gotestsum", "example.com/demo/pkg::TestA/sub", "failed"),
        ("playwright", "a.spec.ts > outer › fails", "failed"),
    ],
)
def test_ids_and_outcomes_of_the_dialects(name, id, outcome):
    assert outcomes(capture(name))[id] == outcome


def test_phpunit_counts_risky_as_an_error_and_it_is_skipped():
    found = {key.rpartition("::")[2]: value for key, value in outcomes(capture("phpunit-all")).items()}
    assert (found["testRisky"], found["testIncomplete"], found["testWarns"]) == ("skipped", "skipped", "passed")
    assert found['testData with data set "é🎉\n/$"'] == "passed"


def test_a_module_that_cannot_be_imported_is_an_error_outside_of_tests():
    assert "could not be imported" in capture("unittest-import-error").suite_errors[0]
    assert "could not be collected" in capture("pytest-collection-error").suite_errors[0]


@pytest.mark.parametrize(
    ("text", "damage"),
    [
        ('<testsuite name="a" tests="2"><testcase name="x"/></testsuite>', "declares 2 tests"),
        ('<testsuite name="a" tests="1" failures="1"><testcase name="x"/></testsuite>', "declares 1 failures"),
        ('<testsuite name="a" tests="1" errors="1"><testcase name="x"/></testsuite>', "declares 1 errors"),
        ('<testsuite name="a" tests="1" skipped="1"><testcase name="x"/></testsuite>', "declares 1 skipped"),
        ('<testsuites failures="1"><testsuite><testcase name="x"/></testsuite></testsuites>', "declares 1 failures"),
        ('<testsuite><testcase name="x"/></testsuite><testsuite/>', "junk after document"),
        ('<testsuite><testcase name="x"/><testcase name="\x1b"/></testsuite>', "not well-formed"),
    ],
)
def test_a_document_that_lies_or_is_damaged_is_partial(text, damage):
    found = read_junit(io.BytesIO(text.encode()))
    assert (found.completeness, list(found.tests)[:1]) == (Completeness.PARTIAL, ["x"])
    assert damage in found.damage


def test_counts_may_or_may_not_include_nested_suites():
    inner = '<testsuite name="b" tests="1" failures="1"><testcase name="y"><failure/></testcase></testsuite>'
    for counts in ('tests="2" failures="1"', 'tests="1" failures="0"', 'tests="2"', ""):
        text = f'<testsuite name="a" {counts}><testcase name="x"/>{inner}</testsuite>'
        assert read_junit(io.BytesIO(text.encode())).completeness is Completeness.COMPLETE


def test_an_error_of_a_suite_belongs_to_no_test():
    found = read_junit(io.BytesIO(b'<testsuite name="s"><testcase name="x"/><error message="boom"/></testsuite>'))
    assert found.suite_errors == ("s: boom",)


@pytest.mark.parametrize("words", ['status="failed"', 'result="failure"', 'failure="no"', 'status="timeout"'])
def test_a_failure_that_only_an_attribute_tells_is_no_pass(words):
    text = f'<testsuite><testcase name="x" {words}/></testsuite>'
    assert read_junit(io.BytesIO(text.encode())).failed() == ("x",)


@pytest.mark.parametrize(
    "text",
    [
        '<testsuite name="pytest" tests="15"><testcase classname="a" name="x"/></testsuite>',  # subtests
        '<testsuites name="jest tests" tests="1"><testsuite name="s" tests="1"><testcase name="x"/>'
        '<testcase name="todo"><skipped/></testcase></testsuite></testsuites>',
        '<testsuites name="Mocha Tests" tests="1" failures="1"><testsuite name="s" tests="1" failures="1">'
        '<testcase name="x"/><testcase name="before each hook"><failure/></testcase></testsuite></testsuites>',
        '<testsuite name="pkg" tests="0" failures="1"><testcase classname="" name="TestMain"><failure message="m"/>'
        "</testcase></testsuite>",
        '<testsuite name="A" tests="1" errors="1"><testcase name="x"/><error message="class setup"/></testsuite>',
    ],
    ids=["pytest subtests", "jest todo", "mocha hook", "go TestMain", "ant suite error"],
)
def test_rows_that_nobody_counted_prove_nothing_missing(text: str) -> None:
    found = read_junit(io.BytesIO(text.encode()))
    assert found.completeness is Completeness.COMPLETE, found.damage
    assert found.tests


def test_an_error_of_a_suite_is_told_and_counted() -> None:
    text = '<testsuite name="A" tests="1" errors="2"><testcase name="x"/><error message="setup"/></testsuite>'
    found = read_junit(io.BytesIO(text.encode()))
    assert found.suite_errors == ("A: setup",)
    assert found.completeness is Completeness.PARTIAL  # two were declared


def test_the_xml_of_check_is_refused_by_name() -> None:
    root = '<testsuites xmlns="http://check.sourceforge.net/ns">'
    text = f'<?xml version="1.0"?>{root}<suite><test result="failure"/></suite></testsuites>'
    found = read_junit(io.BytesIO(text.encode()))
    assert found.completeness is Completeness.NONE
    assert "XML of Check" in found.damage
