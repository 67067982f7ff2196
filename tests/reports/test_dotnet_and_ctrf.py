"""TRX, NUnit 3, xUnit, CTRF and RSpec's JSON: what each says, and that nothing broken reads as whole."""

from __future__ import annotations

import io
from pathlib import Path, PurePath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.core.results import Completeness, Outcome, TestReport
from superteam.reports.formats import reader, recognise

DATA = Path(__file__).parents[1] / "data" / "reports"
FORMATS = ("trx", "nunit", "xunit", "ctrf", "rspec", "junit")
CAPTURES = sorted(path for name in FORMATS for path in (DATA / name).iterdir() if path.suffix != ".md")


def read(format: str, data: bytes) -> TestReport:
    return reader(format).read(io.BytesIO(data), PurePath("/tmp/sample"))


def capture(name: str) -> TestReport:
    path = DATA / name
    return read(path.parent.name, path.read_bytes())


def outcomes(report: TestReport) -> dict[str, str]:
    return {key: result.outcome.value for key, result in report.tests.items()}


def bad(report: TestReport) -> int:
    return len(report.failed()) + len(report.suite_errors)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_capture_is_recognised_and_whole_unless_its_run_was_not(path: Path):
    assert recognise(path) == path.parent.name
    found = read(path.parent.name, path.read_bytes())
    whole = Completeness.PARTIAL if path.name == "exit-in-test.json" else Completeness.COMPLETE
    assert found.completeness is whole, found.damage
    assert not any(str(PurePath("/tmp/sample")) + "/" in id for id in found.tests)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.name}")
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_capture_that_is_cut_or_flipped_never_raises_and_never_hides_a_failure(path: Path, data: st.DataObject):
    whole = path.read_bytes()
    length = data.draw(st.integers(0, len(whole.rstrip()) - 1))
    cut = read(path.parent.name, whole[:length])
    assert cut.completeness is not Completeness.COMPLETE
    place, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    flipped = bytearray(whole)
    flipped[place] ^= 1 << bit
    found = read(path.parent.name, bytes(flipped))
    before = read(path.parent.name, whole)
    if found.completeness is Completeness.COMPLETE and bad(found) < bad(before):
        passed = {id for id, result in found.tests.items() if result.outcome is Outcome.PASSED}
        assert not passed.intersection(before.failed())  # it may read as gone or as not run
        assert len(found.suite_errors) >= len(before.suite_errors) or found.exit_status != before.exit_status


@pytest.mark.parametrize("damage", [b'result="Gailed" label', b'sesult="Failed" label', b"label"])
def test_a_suite_of_nunit_without_a_known_result_is_an_error(damage: bytes):
    whole = (DATA / "nunit" / "teardown.xml").read_bytes()
    found = read("nunit", whole.replace(b'result="Failed" label', damage))
    assert len(found.suite_errors) == 1


@pytest.mark.parametrize("damage", [b'Outcome="Failed"><C', b'outcome=""><C', b"><C"])
def test_a_summary_of_trx_that_does_not_say_how_the_run_ended_is_damage(damage: bytes):
    whole = (DATA / "trx" / "host-crashed.trx").read_bytes()
    found = read("trx", whole.replace(b'outcome="Failed"><C', damage))
    assert found.completeness is Completeness.PARTIAL


def test_nextest_counts_no_tries_so_a_failure_that_was_damaged_is_missed():
    whole = (DATA / "junit" / "nextest-retries.xml").read_bytes()
    found = read("junit", whole.replace(b"<failure type", b"=failure type"))
    assert (found.completeness, "declares 2 failures" in found.damage) == (Completeness.PARTIAL, True)


@pytest.mark.parametrize(("counted", "whole"), [(3, True), (2, True), (1, True), (0, True), (6, False)])
def test_surefire_counts_each_try_or_none(counted: int, whole: bool):
    text = (DATA / "junit" / "surefire-reruns.xml").read_bytes()
    found = read("junit", text.replace(b'failures="3"', b'failures="%d"' % counted))
    assert (found.completeness is Completeness.COMPLETE) is whole


@pytest.mark.parametrize("format", FORMATS)
@given(data=st.binary(max_size=300))
@settings(max_examples=50, deadline=None)
def test_arbitrary_bytes_are_no_report(format: str, data: bytes):
    assert read(format, data).completeness is not Completeness.COMPLETE
    assert reader(format).recognises(data) in (True, False)


@pytest.mark.parametrize("format", ["trx", "nunit", "xunit", "junit"])
def test_entity_bombs_are_refused(format: str):
    bomb = b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><TestRun>&d;</TestRun>'
    assert read(format, bomb).completeness is Completeness.NONE


def test_trx_outcomes():
    found = capture("trx/all.trx")
    assert outcomes(found) == {
        "Demo.CalcTests::Passes": "passed",
        "Demo.CalcTests::Fails": "failed",
        "Demo.CalcTests::Skipped": "skipped",
        "Demo.CalcTests::Adds(a: 1, b: 2)": "passed",
        "Demo.CalcTests::Adds(a: 2, b: 2)": "failed",
        "Demo.MsTests::Slow": "timed-out",
        "Demo.MsTests::NoOutcome": "errored",
        "Demo.MsTests::Undecided": "skipped",
    }
    assert (found.suite_errors, found.exit_status) == ((), 1)


def test_trx_rows_are_tests_and_what_holds_them_is_none():
    found = outcomes(capture("trx/data-driven.trx"))
    assert found == {"Demo.MsTests::Rows (1)": "passed", "Demo.MsTests::Rows (2)": "failed"}
    text = (
        (DATA / "trx/data-driven.trx")
        .read_text()
        .replace('outcome="Failed" resultType="DataDrivenDataRow"', 'outcome="Passed"')
    )
    assert bad(read("trx", text.encode())) == 1  # the holder says that it failed


def test_trx_a_crashed_host_is_an_error_outside_of_tests():
    assert "Test host process crashed" in capture("trx/host-crashed.trx").suite_errors[0]
    aborted = (DATA / "trx/host-crashed.trx").read_text().replace('outcome="Failed"', 'outcome="Aborted"')
    assert read("trx", aborted.encode()).suite_errors


def test_nunit_outcomes():
    found = capture("nunit/all.xml")
    assert outcomes(found) == {
        "Demo.CalcTests::Passes": "passed",
        "Demo.CalcTests::Fails": "failed",
        "Demo.CalcTests::Throws": "errored",
        "Demo.CalcTests::Ignored": "skipped",
        "Demo.CalcTests::Undecided": "skipped",
        "Demo.CalcTests::Warns": "passed",
        "Demo.CalcTests::Slow": "timed-out",
        'Demo.CalcTests::Adds(1,"x")': "passed",
        "Demo.SetupTests::Never": "errored",
    }
    assert (found.suite_errors, found.exit_status) == ((), 1)
    assert "late" in capture("nunit/teardown.xml").suite_errors[0]


def test_xunit_outcomes():
    found = capture("xunit/all.xml")
    assert outcomes(found) == {
        "Demo.CalcTests::Passes": "passed",
        "Demo.CalcTests::Adds(a: 1, b: 2)": "passed",
        "Demo.CalcTests::Fails": "failed",
        "Demo.CalcTests::Slow": "timed-out",
        "Demo.CalcTests::Later": "skipped",
        "Demo.CalcTests::Explicit": "not-run",
    }
    assert "test-class-cleanup" in found.suite_errors[0]


def test_ctrf_outcomes_and_that_it_never_says_how_the_run_ended():
    found = capture("ctrf/all.json")
    assert outcomes(found) == {
        "a.spec.ts > outer > passes": "passed",
        "a.spec.ts > outer > flaky": "passed",
        "a.spec.ts > outer > fails": "failed",
        "later": "skipped",
        "skipped": "skipped",
        "slow": "timed-out",
        "odd": "not-run",
    }
    assert found.tests["a.spec.ts > outer > flaky"].retried
    assert (found.exit_status, found.dialect) == (None, "playwright")


def test_rspec_outcomes():
    found = outcomes(capture("rspec/all.json"))
    assert found["spec/a_spec.rb::Outer is fixed"] == "failed"
    assert found["spec/a_spec.rb::Outer pends"] == "skipped"
    assert found["spec/a_spec.rb::Outer hook never runs"] == "failed"
    assert found["spec/a_spec.rb::Outer twin #2"] == "passed"
    assert "load broke" in capture("rspec/load-error.json").suite_errors[0]
    assert "after all broke" in capture("rspec/after-hook-error.json").suite_errors[0]


def test_an_example_that_ended_the_program_did_not_run_and_the_report_is_partial():
    found = capture("rspec/exit-in-test.json")
    assert found.tests["exit/c_spec.rb::E exits"].outcome is Outcome.NOT_RUN
    assert "began and never ended" in found.damage


@pytest.mark.parametrize(
    ("name", "honest", "lie"),
    [
        ("trx/all.trx", 'total="8"', 'total="9"'),
        ("trx/all.trx", 'failed="2"', 'failed="4"'),
        ("nunit/all.xml", 'total="9" passed="3" failed="4"', 'total="10" passed="3" failed="4"'),
        ("nunit/all.xml", 'total="9" passed="3" failed="4"', 'total="9" passed="3" failed="5"'),
        (
            "xunit/all.xml",
            'total="5" passed="2" failed="2" skipped="1" not-run',
            'total="7" passed="2" failed="2" not-run',
        ),
        ("ctrf/all.json", '"tests":7,"passed":2', '"tests":8,"passed":3'),
        ("rspec/all.json", '"failure_count":', '"failure_count":1'),
    ],
)
def test_a_report_that_lies_about_its_counts_is_partial(name: str, honest: str, lie: str):
    text = (DATA / name).read_text()
    assert honest in text
    found = read(name.partition("/")[0], text.replace(honest, lie, 1).encode())
    assert (found.completeness, bool(found.damage)) == (Completeness.PARTIAL, True)


@pytest.mark.parametrize("kind", ["GenericTestResult", "ManualTestResult", "WebTestResult", "TestResultAggregation"])
def test_every_kind_of_result_in_trx_is_a_test(kind: str) -> None:
    results = f'<UnitTestResult testName="a" outcome="Passed"/><{kind} testName="b" outcome="Failed"/>'
    summary = '<ResultSummary outcome="Failed"><Counters total="2" failed="1"/></ResultSummary>'
    found = read("trx", f"<TestRun><Results>{results}</Results>{summary}</TestRun>".encode())
    assert found.completeness is Completeness.COMPLETE, found.damage
    assert {id: test.outcome.value for id, test in found.tests.items()} == {"a": "passed", "b": "failed"}


@pytest.mark.parametrize("inside", ["<FailedTests/><SuccessfulTests/>", "<Statistics><Tests>0</Tests></Statistics>"])
def test_the_xml_of_cppunit_and_aunit_is_refused_by_name(inside: str) -> None:
    found = read("trx", f"<TestRun>{inside}</TestRun>".encode())
    assert found.completeness is Completeness.NONE
    assert "CppUnit or AUnit" in found.damage
