"""libtest's JSON lines: real captures of a test program, and nextest's after its documents."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.results import Completeness, TestReport
from superteam.reports import libtest_json

CAPTURES = Path(__file__).parents[1] / "data" / "reports" / "libtest-json"
FILES = sorted(path.name for path in CAPTURES.glob("*.jsonl"))


def capture(name: str) -> TestReport:
    with (CAPTURES / name).open("rb") as stream:
        return libtest_json.read(stream)


def test_outcomes_and_counts_of_a_program_agree():
    found = capture("shop.jsonl")
    assert found.completeness is Completeness.COMPLETE
    counts = found.counts()
    assert (counts["passed"], counts["failed"], counts["skipped"]) == (4, 5, 1)
    assert "assertion `left == right` failed" in found.tests["tests::fails"].message


def test_a_test_that_exits_is_errored_and_the_suite_not_whole():
    found = capture("exit0.jsonl")
    assert {id: result.outcome.value for id, result in found.tests.items()} == {
        "before": "passed",
        "crashes": "errored",
    }
    assert (found.completeness, found.damage) == (Completeness.PARTIAL, "a suite has no end")


def test_nextest_names_the_program_and_a_later_try_is_a_retry():
    found = capture("nextest-flaky.jsonl")
    assert list(found.tests) == ["shop-core::api whole", "shop-core::api tests::adds"]
    assert [result.retried for result in found.tests.values()] == [False, True]
    assert found.conventions.retries == "told"


@pytest.mark.parametrize(("old", "new"), [(b'"passed": 3', b'"passed": 2'), (b'"test_count": 3', b'"test_count": 4')])
def test_a_suite_that_counts_otherwise_is_not_whole(old, new):
    data = (CAPTURES / "passes.jsonl").read_bytes()
    assert old in data
    assert libtest_json.read(io.BytesIO(data)).completeness is Completeness.COMPLETE
    assert libtest_json.read(io.BytesIO(data.replace(old, new))).completeness is Completeness.PARTIAL


@pytest.mark.parametrize("name", FILES)
def test_each_capture_is_recognised(name):
    assert libtest_json.recognises((CAPTURES / name).read_bytes())


WHOLE = (CAPTURES / "shop.jsonl").read_bytes()


@given(st.integers(0, len(WHOLE) - 2))
def test_a_truncated_capture_is_never_complete(size):
    assert libtest_json.read(io.BytesIO(WHOLE[:size])).completeness is not Completeness.COMPLETE


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_a_flipped_bit_never_hides_a_failure_of_a_complete_report(place, bit):
    damaged = bytearray(WHOLE)
    damaged[place] ^= 1 << bit
    found = libtest_json.read(io.BytesIO(bytes(damaged)))
    assert found.completeness is not Completeness.COMPLETE or len(found.failed()) >= 5


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data):
    assert libtest_json.recognises(data) in (True, False)
    begun = b'{"type":"suite","event":"started","test_count":1}\n{'
    assert libtest_json.read(io.BytesIO(begun + data)).completeness is not Completeness.COMPLETE
