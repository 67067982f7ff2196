"""What Rust's test programs print: records of our runner, and plain output."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.results import Completeness, Granularity, TestReport
from superteam.reports import libtest

CAPTURES = Path(__file__).parents[1] / "data" / "reports" / "libtest"
FILES = sorted(path.name for path in CAPTURES.iterdir() if path.suffix != ".md")


def capture(name: str) -> TestReport:
    with (CAPTURES / name).open("rb") as stream:
        return libtest.read(stream)


def record(listed: str, said: str, code: int = 0) -> TestReport:
    names = "".join(f"listed {name}: test\n" for name in listed.split())
    return libtest.read(
        io.BytesIO(f"superteam-libtest 1\nroot src/lib.rs\nlisted\n{names}ended {code}\n## said\n{said}".encode())
    )


def summary(passed: int, failed: int = 0, ignored: int = 0) -> str:
    word = "FAILED" if failed else "ok"
    return f"test result: {word}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out\n"


def outcomes(report: TestReport) -> dict[str, str]:
    return {id: result.outcome.value for id, result in report.tests.items()}


def test_a_record_names_each_test_by_the_file_of_its_program():
    found = capture("shop-core-src-lib.libtest")
    assert (found.completeness, found.granularity) == (Completeness.COMPLETE, Granularity.TESTS)
    named = {id.rpartition("::")[2]: outcome for id, outcome in outcomes(found).items() if "inner" not in id}
    bad = ("fails", "does_not_panic", "panics_wrongly", "returns_error", "spoofs")
    good = ("adds", "panics", "größe")
    assert named == dict.fromkeys(bad, "failed") | dict.fromkeys(good, "passed") | {"slow": "skipped"}


def test_a_result_that_a_test_prints_for_another_takes_no_failure_back_and_adds_no_test():
    found = capture("shop-core-src-lib.libtest")
    assert "core/src/lib.rs::tests::ghost" not in found.tests
    assert found.tests["core/src/lib.rs::tests::fails"].outcome.bad


def test_a_failure_begins_with_the_words_of_its_panic():
    found = capture("shop-core-src-lib.libtest").tests["core/src/lib.rs::tests::fails"]
    assert found.message.splitlines()[0] == "assertion `left == right` failed: sum"
    assert found.signature.startswith("assertion `left == right` failed: sum")


def test_documentation_tests_are_numbered_in_the_order_of_their_lines():
    found = outcomes(capture("shop-shop-core.libtest"))
    assert found == {
        "core/src/lib.rs - (crate)": "passed",
        "core/src/lib.rs - add": "passed",
        "core/src/lib.rs - add #2": "passed",
        "core/src/lib.rs - add #3": "skipped",
        "core/src/lib.rs - add #4": "passed",
        "core/src/lib.rs - add #5": "passed",
        "core/src/lib.rs - wrong": "failed",
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("crash-tests-exit0.libtest", "tests/exit0.rs ended before it said how its tests came out, with exit code 0"),
        ("crash-tests-abort.libtest", "tests/abort.rs ended before it said how its tests came out, with exit code 134"),
        ("doc2024-crash.libtest", "crash counts its tests otherwise than it names them"),
        ("crashes-both-streams.txt", "abort tests/abort.rs ended before it said how its tests came out"),
    ],
)
def test_a_program_that_ends_in_the_middle_is_not_whole(name, words):
    found = capture(name)
    assert (found.completeness, found.damage) == (Completeness.PARTIAL, words)


def test_a_program_without_libtest_is_one_test_whatever_it_prints():
    assert outcomes(capture("crash-tests-own.libtest")) == {"tests/own.rs::(program)": "failed"}


def test_plain_output_names_tests_by_crate_and_header_and_is_text():
    found = capture("passes-stdout.txt")
    assert (found.granularity, found.completeness) == (Granularity.TEXT, Completeness.COMPLETE)
    assert list(found.tests) == ["before", "crashes", "zafter"]
    assert "shop_core src/lib.rs::tests::inner::adds" in capture("both-streams.txt").tests


@pytest.mark.parametrize(
    ("said", "code", "problem"),
    [
        ("test a ... ok\ntest b ... ok\n" + summary(2), 0, ""),
        ("test a ... ok\n" + summary(1), 0, "counts its tests otherwise"),
        ("test a ... ok\ntest b ... ok\n" + summary(2), 101, "does not agree with its exit code 101"),
        ("test a ... ok\ntest b ... FAILED\n" + summary(2), 0, "counts its tests otherwise"),
        ("test a ... ok\ntest b ... FAILED\n" + summary(1, 1), 0, "does not agree with its exit code 0"),
        ("test a ... ok\ntest b ... ok\n", 0, "ended before"),
        ("test a ... noise of a\nok\nnoisetest b ... ok\n" + summary(2), 0, ""),
        ("test a ... ok <0.001s>\ntest b - should panic ... ignored, why\n" + summary(1, 0, 1), 0, ""),
        ("test c ... ok\n" * 2 + summary(2), 0, "counts its tests otherwise"),
    ],
)
def test_list_results_counts_and_exit_code_have_to_agree(said, code, problem):
    found = record("a b", said, code)
    assert problem in found.damage
    assert (found.completeness is Completeness.COMPLETE) is (not problem)


@pytest.mark.parametrize("name", FILES)
def test_each_capture_is_recognised(name):
    assert libtest.recognises((CAPTURES / name).read_bytes())


WHOLE = (CAPTURES / "shop-core-src-lib.libtest").read_bytes()
END = WHOLE.index(b"0 measured", WHOLE.rindex(b"test result: "))


@given(st.integers(0, END))
def test_a_truncated_record_is_never_complete(size):
    assert libtest.read(io.BytesIO(WHOLE[:size])).completeness is not Completeness.COMPLETE


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_a_flipped_bit_never_hides_a_failure_of_a_complete_record(place, bit):
    damaged = bytearray(WHOLE)
    damaged[place] ^= 1 << bit
    found = libtest.read(io.BytesIO(bytes(damaged)))
    assert found.completeness is not Completeness.COMPLETE or len(found.failed()) == 5


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data):
    assert libtest.recognises(data) in (True, False)
    for before in (b"", libtest.MAGIC, b"running 1 test\n"):
        assert libtest.read(io.BytesIO(before + data)).format == "libtest"


@given(st.lists(st.sampled_from(["ok", "FAILED", "ignored"]), max_size=6))
def test_what_a_program_says_of_its_own_tests_is_read_back(words):
    names = [f"m::t{number}" for number in range(len(words))]
    counts = [words.count(word) for word in ("ok", "FAILED", "ignored")]
    lines = "".join(f"test {name} ... {word}\n" for name, word in zip(names, words, strict=True))
    found = record(" ".join(names), lines + summary(*counts), 101 if counts[1] else 0)
    meant = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}
    assert outcomes(found) == {f"src/lib.rs::{n}": meant[w] for n, w in zip(names, words, strict=True)}
    assert found.completeness is Completeness.COMPLETE


def test_a_record_with_a_line_in_its_head_that_is_none_of_ours_is_damaged():
    text = "superteam-libtest 1\nroot a.rs\nprogramme 1\nended 3\n## said\nrunning 1 test\ntest x ... ok\n"
    said = "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n"
    found = libtest.read(io.BytesIO((text + said).encode()))
    assert (found.completeness, "none of ours" in found.damage) == (Completeness.PARTIAL, True)
