"""Reports of jest and vitest as they wrote them, and what is left of them when they are damaged."""

from __future__ import annotations

import io
import json
from pathlib import Path, PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.results import Completeness, Outcome, TestReport
from superteam.reports import formats, jest, vitest

DATA = Path(__file__).parents[1] / "data" / "reports"
ROOT = PurePath("/tmp/sample")
CAPTURES = sorted([*DATA.glob("jest/*.json"), *DATA.glob("vitest/*.json")])


def read(raw: bytes, format: str) -> TestReport:
    return formats.reader(format).read(io.BytesIO(raw), ROOT)


def capture(name: str) -> TestReport:
    return read((DATA / f"{name}.json").read_bytes(), name.partition("/")[0])


def bad(report: TestReport) -> int:
    return len(report.failed()) + len(report.suite_errors)


def outcomes(report: TestReport) -> dict[str, int]:
    return {name: count for name, count in report.counts().items() if count}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_each_capture_is_recognised_as_what_it_is(path: Path) -> None:
    assert formats.recognise(path) == path.parent.name


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("jest/outcomes", {"passed": 3, "failed": 3, "skipped": 2, "xfailed": 1}),
        ("jest/names", {"passed": 8}),
        ("jest/focus", {"passed": 1, "skipped": 1}),
        ("jest/none", {}),
        ("vitest/outcomes-4", {"passed": 5, "failed": 4, "skipped": 3, "xfailed": 1}),
        ("vitest/outcomes-5", {"passed": 5, "failed": 4, "skipped": 3, "xfailed": 1}),
        ("vitest/own-outcomes-4", {"passed": 6, "failed": 4, "skipped": 3}),
        ("vitest/names-4", {"passed": 10}),
        ("vitest/names-5", {"passed": 10}),
        ("vitest/none-4", {}),
    ],
)
def test_outcomes_are_counted_as_they_were(name: str, found: dict[str, int]) -> None:
    report = capture(name)
    assert (report.completeness, report.suite_errors) == (Completeness.COMPLETE, ())
    assert outcomes(report) == found
    assert report.exit_status == (1 if found.get("failed") else 0)


def test_ids_are_file_and_titles() -> None:
    ids = list(capture("jest/names").tests)
    assert ids[0] == "src/a.test.js > a > b :: [c] - (d)* \"q\" 's' $x ^ | \\ / é 🎉 #2"
    assert ids[1:5] == [f"src/a.test.js > {title}" for title in ("line\nbreak", "-leading", " spaces  in   it ", "")]
    assert list(capture("vitest/projects-4").tests) == ["src/one.test.js [one] > a", "src/one.test.js [two] > a"]


def test_a_pass_of_a_later_try_is_marked() -> None:
    for name, id in (("jest/retries", "src/one.test.js > a"), ("vitest/outcomes-5", "src/a.test.js > outer > flaky")):
        assert [key for key, result in capture(name).tests.items() if result.retried] == [id]


@pytest.mark.parametrize(
    ("name", "heads"),
    [
        (
            "jest/hooks",
            ["h.test.js: afterAll broke", "broken.test.js: Cannot find module", "empty.test.js: Your test suite must"],
        ),
        (
            "vitest/hooks-4",
            ["broken.test.js: Error: Cannot", "empty.test.js: Error: No", "h.test.js > before: Error: beforeAll",
             "h.test.js > after: Error: afterAll"],
        ),
        ("vitest/own-hooks-4", ["broken.test.js: Cannot find module"]),
    ],
)  # fmt: skip
def test_what_belongs_to_no_test_is_an_error_of_the_suite(name: str, heads: list[str]) -> None:
    report = capture(name)
    assert len(report.suite_errors) == len(heads)
    for error, head in zip(report.suite_errors, heads, strict=True):
        assert error.startswith(f"src/{head}")
    assert report.completeness is Completeness.COMPLETE


def test_an_error_outside_of_all_tests_is_one_of_the_suite() -> None:
    for name in ("vitest/unhandled-4", "vitest/unhandled-5"):
        report = capture(name)
        assert report.suite_errors[0].startswith("unhandled error: Error: late")
        assert not report.failed()


def test_a_worker_that_died_leaves_a_partial_report() -> None:
    for name in ("vitest/killed-4", "vitest/killed-5"):
        report = capture(name)
        assert report.completeness is Completeness.PARTIAL
        assert {result.outcome for result in report.tests.values()} == {Outcome.NOT_RUN}


def test_messages_are_the_same_in_every_tree() -> None:
    result = capture("jest/outcomes").tests["src/a.test.js > outer > inner > fails"]
    assert "/tmp/sample" not in result.message
    assert "src/a.test.js" in result.message
    assert "\x1b" not in result.message


def document(**change: Any) -> bytes:
    found: dict[str, Any] = json.loads((DATA / "jest" / "outcomes.json").read_bytes())
    return json.dumps(found | change).encode()


@pytest.mark.parametrize(
    "change",
    [
        {"numTotalTests": 10},
        {"numTotalTests": None},
        {"numFailedTests": 0},
        {"wasInterrupted": True},
        {"testResults": []},
        {"testResults": [{"name": "a"}]},
        {"testResults": "none"},
    ],
)
def test_a_report_that_contradicts_itself_is_partial(change: dict[str, Any]) -> None:
    report = read(document(**change), "jest")
    assert report.completeness is Completeness.PARTIAL
    assert report.damage


def test_files_that_were_not_loaded_are_counted() -> None:
    report = read(document(numRuntimeErrorTestSuites=1), "jest")
    assert "1 test files could not be run" in report.suite_errors[0]


def test_another_document_is_no_report() -> None:
    for raw in (b"", b"{}", b"[]", b"nothing", b'{"tests": []}', b"\x00\xff", b"[" * 1000, b'{"a":' * 1000):
        assert read(raw, "jest").completeness is not Completeness.COMPLETE
        assert not jest.recognises(raw)
        assert not vitest.recognises(raw)


@given(st.data())
def test_a_capture_cut_short_is_never_complete(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(CAPTURES))
    raw = path.read_bytes()
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    report = read(cut, path.parent.name)
    if report.completeness is Completeness.COMPLETE:
        assert cut.strip() == raw.strip()


@given(st.data())
def test_a_flipped_bit_never_hides_a_failure(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(CAPTURES))
    raw = bytearray(path.read_bytes())
    whole = read(bytes(raw), path.parent.name)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    report = read(bytes(raw), path.parent.name)
    assert report.completeness is not Completeness.COMPLETE or bad(report) >= bad(whole)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["testResults", "assertionResults", "name", "status", "title", "ancestorTitles", "failureMessages", "message",
         "suiteErrors", "unhandledErrors", "superteam", "numTotalTests", "numFailedTests", "finished", "titles"]
    ), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


@given(
    _JSON | st.dictionaries(st.just("testResults"), st.lists(_JSON, max_size=3)), st.sampled_from(["jest", "vitest"])
)
def test_any_document_is_read_without_an_exception(value: Any, format: str) -> None:
    assert read(json.dumps(value).encode(), format).completeness is not Completeness.COMPLETE


@given(st.binary(max_size=200), st.sampled_from(["jest", "vitest"]))
def test_any_bytes_are_read_without_an_exception(raw: bytes, format: str) -> None:
    assert read(raw, format).completeness is not Completeness.COMPLETE
