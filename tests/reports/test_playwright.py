"""Reports of playwright as it wrote them, and what is left of them when they are damaged."""

from __future__ import annotations

import io
import json
from pathlib import Path, PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.results import Completeness, Outcome, TestReport
from superteam.reports import formats, playwright

DATA = Path(__file__).parents[1] / "data" / "reports" / "playwright"
CAPTURES = sorted(DATA.glob("*.json"))


def read(raw: bytes) -> TestReport:
    return playwright.read(io.BytesIO(raw), PurePath("/tmp/sample"))


def capture(name: str) -> TestReport:
    return read((DATA / f"{name}.json").read_bytes())


def bad(report: TestReport) -> int:
    return len(report.failed()) + len(report.suite_errors)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_each_capture_is_recognised(path: Path) -> None:
    assert formats.recognise(path) == "playwright"


def test_each_status_has_its_outcome() -> None:
    report = capture("outcomes")
    found = {key.removeprefix("e2e/a.spec.js > "): result.outcome for key, result in report.tests.items()}
    assert found == {
        "outer > skipped": Outcome.SKIPPED,
        "outer > to do": Outcome.SKIPPED,
        "outer > expected failure": Outcome.XFAILED,
        "outer > unexpected pass": Outcome.FAILED,
        "outer > times out": Outcome.TIMED_OUT,
        "outer > flaky": Outcome.PASSED,
        "outer > inner > passes": Outcome.PASSED,
        "outer > inner > fails": Outcome.FAILED,
        "serial > first": Outcome.FAILED,
        "serial > second": Outcome.NOT_RUN,
    }
    assert report.completeness is Completeness.COMPLETE
    assert [key for key, result in report.tests.items() if result.retried] == ["e2e/a.spec.js > outer > flaky"]
    fails = report.tests["e2e/a.spec.js > outer > inner > fails"]
    assert "\x1b" not in fails.message
    assert "/tmp/sample" not in fails.message
    assert fails.signature.startswith("Error: expect(received)")


def test_ids_are_file_project_and_titles() -> None:
    assert list(capture("projects").tests) == ["e2e/one.spec.js [one] > a", "e2e/one.spec.js [two (b)] > a"]
    assert "e2e/a.spec.js > line\nbreak" in capture("names").tests


@pytest.mark.parametrize(("name", "head"), [("not-loaded", "Error: Cannot find module"), ("setup", "Error: no data")])
def test_what_belongs_to_no_test_is_an_error_of_the_suite(name: str, head: str) -> None:
    report = capture(name)
    assert report.suite_errors[0].startswith(head)
    assert not report.tests


def test_an_interrupted_run_is_partial() -> None:
    report = capture("interrupted")
    assert report.completeness is Completeness.PARTIAL
    assert "2 tests were not run" in report.damage


def test_a_worker_that_died_is_its_tests_failure() -> None:
    tests = capture("worker-killed").tests
    assert tests["e2e/one.spec.js > a"].outcome is Outcome.FAILED
    assert tests["e2e/one.spec.js > b"].outcome is Outcome.PASSED


def document(**change: Any) -> bytes:
    found: dict[str, Any] = json.loads((DATA / "names.json").read_bytes())
    return json.dumps(found | change).encode()


@pytest.mark.parametrize(
    "change",
    [
        {"stats": {"expected": 9, "unexpected": 0, "flaky": 0, "skipped": 0}},
        {"stats": {"expected": 8, "unexpected": 1, "flaky": 0, "skipped": 0}},
        {"stats": {}},
        {"stats": None},
        {"errors": None},
        {"suites": []},
        {"suites": [{"title": "a.spec.js", "specs": [{"title": "a"}]}]},
    ],
)
def test_a_report_that_contradicts_itself_is_partial(change: dict[str, Any]) -> None:
    report = read(document(**change))
    assert report.completeness is Completeness.PARTIAL
    assert report.damage


def test_another_document_is_no_report() -> None:
    for raw in (b"", b"{}", b"[]", b"nothing", b'{"suites": {}}', b"\x00\xff", b'{"suites":[' * 1000):
        assert read(raw).completeness is not Completeness.COMPLETE
        assert not playwright.recognises(raw)


@given(st.data())
def test_a_capture_cut_short_is_never_complete(data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(CAPTURES)).read_bytes()
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    if read(cut).completeness is Completeness.COMPLETE:
        assert cut.strip() == raw.strip()


@given(st.data())
def test_a_flipped_bit_never_hides_a_failure(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(CAPTURES)).read_bytes())
    whole = read(bytes(raw))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    report = read(bytes(raw))
    assert report.completeness is not Completeness.COMPLETE or bad(report) >= bad(whole)


_NAMES = ["suites", "specs", "tests", "results", "errors", "stats", "title", "file", "status", "message", "config"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=6),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(_NAMES), st.lists(_JSON, max_size=3) | _JSON))
def test_any_document_is_read_without_an_exception(value: Any) -> None:
    assert read(json.dumps(value).encode()).format == "playwright"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_exception(raw: bytes) -> None:
    assert read(raw).completeness is not Completeness.COMPLETE
