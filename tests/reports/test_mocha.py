"""The reader of mocha's JSON on what mocha wrote, and on damage."""

from __future__ import annotations

import io
import json
from pathlib import Path, PurePath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.core.results import Completeness, TestReport
from superteam.reports.mocha import read, recognises

DATA = Path(__file__).parents[1] / "data" / "reports" / "mocha"
ROOT = PurePath("/tmp/sample")
ALL = (DATA / "all.json").read_bytes()


def capture(name: str) -> TestReport:
    with (DATA / f"{name}.json").open("rb") as stream:
        return read(stream, ROOT)


def outcomes(report: TestReport) -> dict[str, str]:
    return {id: test.outcome.value for id, test in report.tests.items()}


@pytest.mark.parametrize("name", ["all", "parallel"])
def test_each_outcome_is_told_apart(name: str) -> None:
    report = capture(name)
    assert (report.completeness, report.suite_errors) == (Completeness.COMPLETE, ())
    found = outcomes(report)
    inner = {id.removeprefix("test/a.spec.js > outer inner "): outcome for id, outcome in found.items()}
    expected = {
        "passes": "passed",
        "fails": "failed",
        "same name": "passed",
        "same name #2": "failed",
        "skipped": "skipped",
        "skips itself": "skipped",
        "pending without body": "skipped",
        "slow": "timed-out",
        "flaky": "passed",
        "throws a string": "failed",
    }
    assert {id: outcome for id, outcome in inner.items() if " > " not in id} == expected
    assert len(found) == 26
    assert found["test/a.spec.js > nasty new\nline"] == found["test/a.spec.js > nasty "] == "passed"
    assert [id for id, test in report.tests.items() if test.retried] == ["test/a.spec.js > outer inner flaky"]
    assert report.tests["test/a.spec.js > outer inner fails"].signature.startswith("AssertionError")


def test_a_failed_hook_is_an_error_of_the_suite() -> None:
    report = capture("hooks")
    heads = [error.partition("\n")[0] for error in report.suite_errors]
    assert heads == [
        'hooks/a.spec.js > hook "before each" hook for "one"',
        'hooks/a.spec.js > aft "after all" hook for "three"',
        'hooks/a.spec.js > aeach "after each" hook for "four"',
    ]
    affected = capture("hook-affected")
    assert (affected.suite_errors[0].partition("\n")[0], len(affected.failed())) == (heads[0], 2)


def test_a_test_that_passed_and_failed_has_failed() -> None:
    assert outcomes(capture("twice"))["twice.spec.js > twice"] == "failed"
    assert outcomes(capture("late"))["late.spec.js > after"] == "failed"


def test_a_dry_run_ran_nothing() -> None:
    assert set(outcomes(capture("dry")).values()) == {"not-run", "skipped"}


def test_few_tests_are_few() -> None:
    assert outcomes(capture("only")) == {"only.spec.js > focus": "passed"}
    assert (capture("empty").completeness, outcomes(capture("empty"))) == (Completeness.COMPLETE, {})
    assert len(capture("bail").tests) == 3


@pytest.mark.parametrize("name", ["tests", "passes", "failures", "pending"])
def test_counts_that_lie_are_damage(name: str) -> None:
    document = json.loads(ALL)
    document["stats"][name] += 1
    report = read(io.BytesIO(json.dumps(document).encode()), ROOT)
    assert report.completeness is Completeness.PARTIAL
    assert name in report.damage


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"\xff", b'{"stats": {"suites": 1}, "results": []}'])
def test_what_is_no_report_of_mocha_is_never_whole(raw: bytes) -> None:
    assert read(io.BytesIO(raw)).completeness is not Completeness.COMPLETE


@given(st.integers(0, len(ALL.rstrip()) - 1))
@settings(max_examples=100, deadline=None)
def test_a_report_that_is_cut_is_never_whole(length: int) -> None:
    assert read(io.BytesIO(ALL[:length]), ROOT).completeness is not Completeness.COMPLETE


@given(st.integers(0, len(ALL) - 1), st.integers(0, 7))
@settings(max_examples=150, deadline=None)
def test_a_flipped_bit_hides_no_failure(place: int, bit: int) -> None:
    raw = bytearray(ALL)
    raw[place] ^= 1 << bit
    report = read(io.BytesIO(bytes(raw)), ROOT)
    if report.completeness is Completeness.COMPLETE:
        assert len(report.failed()) + len(report.suite_errors) >= 4


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["title", "fullTitle", "file", "err", "duration", "currentRetry", "speed"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("stats", "tests", "pending", "failures", "passes"), VALUES)))
@settings(max_examples=80, deadline=None)
def test_no_document_makes_it_raise(document: dict[str, Any]) -> None:
    assert read(io.BytesIO(json.dumps(document).encode()), ROOT).format == "mocha"


def test_only_its_own_documents_are_recognised() -> None:
    assert recognises(ALL[:200])
    assert not recognises(b'{"numFailedTestSuites": 0}')
    assert not recognises(b"")
