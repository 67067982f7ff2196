"""Claims: read where they are plain, never from what is negated or conditional, and set beside what was measured."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.claims import MOST, Claim, Facts, claims_of, compare, compare_again, read_claims

SUITE = {"passed": 40, "failed": 1, "errored": 1}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("All tests pass.", ("tests-pass", None, None)),
        ("✅ **All tests pass**", ("tests-pass", None, None)),
        ("I added the function, and all tests are passing.", ("tests-pass", None, None)),
        ("The whole test suite is green.", ("tests-pass", None, None)),
        ("Tests pass.", ("tests-pass", None, None)),
        ("I ran pytest and the tests pass", ("tests-pass", None, None)),
        ("After the change all tests pass.", ("tests-pass", None, None)),
        ("Verified that all of the tests still pass", ("tests-pass", None, None)),
        ("Ran the suite: all passed", ("tests-pass", None, None)),
        ("Everything passes.", ("tests-pass", None, None)),
        ("All existing unit tests now pass.", ("tests-pass", None, None)),
        ("All 42 tests pass.", ("counts", 42, 0)),
        ("42 passed, 0 failed", ("counts", 42, 0)),
        ("=== 42 passed in 1.21s ===", ("counts", 42, None)),
        ("Tests: 1 failed, 41 passed, 42 total", ("counts", 41, 1)),
        ("42 tests passed with no failures", ("counts", 42, 0)),
        ("41/42 tests pass", ("counts", 41, 1)),
        ("40 out of 42 tests passed", ("counts", 40, 2)),
        ("2 tests are still failing", ("tests-fail", None, 2)),
        ("One test still fails.", ("tests-fail", None, 1)),
        ("Some tests are failing.", ("tests-fail", None, None)),
        ("Lint is clean.", ("lint-clean", None, None)),
        ("ruff reports no errors", ("lint-clean", None, None)),
        ("No lint errors.", ("lint-clean", None, None)),
        ("mypy passes", ("lint-clean", None, None)),
        ("No changes were needed.", ("unchanged", None, None)),
        ("No code changes needed, since the function is there.", ("unchanged", None, None)),
        ("I made no changes.", ("unchanged", None, None)),
        ("Nothing needed to be changed.", ("unchanged", None, None)),
        ("I did not change any files.", ("unchanged", None, None)),
        ("I haven’t changed any code.", ("unchanged", None, None)),
    ],
)
def test_a_plain_claim_is_read(text: str, wanted: tuple[str, int | None, int | None]) -> None:
    (found,) = read_claims(text)
    assert (found.kind, found.passed, found.failed) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Once all tests pass, merge it.",
        "Make sure all tests pass.",
        "I will ensure that all tests pass.",
        "Not all tests pass.",
        "I could not verify that all tests pass.",
        "I don't know whether the tests pass.",
        "If the tests pass, we are done.",
        "All tests should pass.",
        "All tests should now be passing.",
        "I believe all tests pass.",
        "Hopefully all tests pass.",
        "The task says that all tests pass.",
        "You asked that all tests pass.",
        "I changed it so that all tests pass.",
        "I changed it so that the tests pass.",
        "After all tests pass it can be merged.",
        "Do all tests pass?",
        "All tests passed before my change.",
        "All tests pass except two.",
        "All tests pass, but two are slow.",
        "All new tests pass.",
        "The new tests pass.",
        "Most of the tests pass.",
        "Initially 3 tests failed.",
        "I fixed 2 failing tests.",
        "3 tests failed, so I fixed them.",
        "The two tests that failed are mended.",
        "No further changes were needed.",
        "No changes were needed to the README.",
        "I did not change any tests.",
        "The linter is not clean.",
        "Run the linter until lint is clean.",
        "Added tests that pass a list.",
        "It tests passing of arguments.",
        "",
    ],
)
def test_what_takes_itself_back_is_no_claim(text: str) -> None:
    assert read_claims(text) == ()


def test_several_sentences_make_several_claims_each_once() -> None:
    text = "Done.\n- All tests pass.\n- Lint is clean. All tests pass.\n\nNo changes were needed!"
    assert [claim.kind for claim in read_claims(text)] == ["tests-pass", "lint-clean", "unchanged"]


def test_what_a_result_file_calls_a_claim_is_kept_even_if_it_is_not_understood() -> None:
    found = claims_of("All tests pass.", ["the moon is round", "42 passed, 0 failed", " "])
    assert [claim.kind for claim in found] == ["other", "counts", "tests-pass"]


# -- beside the facts

PASSES, LINT, SAME = Claim("tests-pass", "all pass"), Claim("lint-clean", "clean"), Claim("unchanged", "no changes")


@pytest.mark.parametrize(
    ("claim", "facts", "agrees", "measured"),
    [
        (PASSES, {"verdict": "fail", "counts": SUITE}, False, "40 passed, 1 failed, 1 errored (verdict fail)"),
        (PASSES, {"verdict": "pass", "counts": SUITE}, False, "1 failed"),  # also where that is known from before
        (PASSES, {"verdict": "pass", "counts": {"passed": 3}}, True, "3 passed (verdict pass)"),
        (PASSES, {"verdict": "inconclusive", "counts": {}}, None, "no counts (verdict inconclusive)"),
        (PASSES, {"gate": False, "gate_command": "make check", "gate_end": "exit code 1"}, False, "exit code 1"),
        (PASSES, {"gate": False, "gate_command": "pytest -q", "gate_end": "exit code 1"}, False, "exit code 1"),
        (PASSES, {"gate": False, "gate_command": "ruff check .", "gate_end": "exit code 1"}, None, ""),
        (PASSES, {"gate": True, "gate_command": "make check"}, None, "the gate passed"),
        (PASSES, {"changed": 3}, None, ""),
        (Claim("counts", "", 40, 2), {"verdict": "fail", "counts": SUITE}, True, "40 passed"),
        (Claim("counts", "", 42, 0), {"verdict": "fail", "counts": SUITE}, False, "40 passed"),
        (Claim("counts", "", 42, 0), {"gate": False, "gate_command": "pytest"}, False, "the gate failed"),
        (Claim("counts", "", 41, 1), {"gate": False, "gate_command": "pytest"}, None, "the gate failed"),
        (Claim("counts", "", 42), {"verdict": "pass", "counts": {"passed": 42}}, True, "42 passed"),
        (Claim("counts", "", 42), {"verdict": "pass", "counts": {"passed": 41}}, False, "41 passed"),
        (Claim("counts", "", 3, 0), {"verdict": "pass", "counts": {"passed": 41}}, None, "41 passed"),  # a part
        (Claim("tests-fail", "", None, 2), {"verdict": "fail", "counts": SUITE}, True, "1 errored"),
        (Claim("tests-fail", "", None, 3), {"verdict": "fail", "counts": SUITE}, False, "1 errored"),
        (Claim("tests-fail", ""), {"verdict": "pass", "counts": {"passed": 3}}, False, "3 passed"),
        (LINT, {"gate": True, "gate_command": "ruff check ."}, True, "the gate passed"),
        (LINT, {"gate": False, "gate_command": "npm run lint", "gate_end": "exit code 1"}, False, "exit code 1"),
        (LINT, {"gate": True, "gate_command": "make check"}, None, "the gate passed"),
        (LINT, {"gate": False, "gate_command": "pytest -q"}, None, ""),
        (LINT, {"verdict": "fail", "counts": SUITE}, None, ""),
        (SAME, {"changed": 0}, True, "nothing changed"),
        (SAME, {"changed": 1}, False, "1 file changed"),
        (SAME, {"changed": 3}, False, "3 files changed"),
        (Claim("other", "the moon is round"), {"changed": 3, "gate": False}, None, ""),
    ],
)
def test_a_claim_is_set_beside_what_was_measured(
    claim: Claim, facts: dict[str, Any], agrees: bool | None, measured: str
) -> None:
    (found,) = compare([claim], Facts(**facts))
    assert found.agrees is agrees
    assert measured in found.measured and bool(measured) == bool(found.measured)


def test_what_was_measured_first_stands_and_other_attempts_are_left_alone() -> None:
    old = (*compare([PASSES], Facts(), 1), *compare([PASSES, SAME], Facts(changed=0), 2))
    red = compare_again(old, 2, Facts(gate=False, gate_command="make", gate_end="exit code 1"))
    assert [one.agrees for one in red] == [None, False, True]
    assert compare_again(red, 2, Facts(verdict="pass", counts={"passed": 1})) == red
    green = compare_again(old, 2, Facts(gate=True, gate_command="make"))
    assert [one.agrees for one in compare_again(green, 2, Facts(verdict="pass", counts={"passed": 1}))] == [
        None,
        True,
        True,
    ]


# -- properties

LINE = "all the tests test suite pass passed passing fail failing not once if make sure should no changes were needed"
MORE = "lint is clean 42 0 two , . ? ! ; ` * - and but except"
WORDS = st.sampled_from([*LINE.split(), *MORE.split(), "\n"])
TEXTS = st.lists(WORDS, max_size=30).map(" ".join)


@given(TEXTS)
def test_any_text_is_read_and_every_claim_is_in_it(text: str) -> None:
    plain = " ".join(text.replace("*", " ").replace("`", " ").split())
    for claim in read_claims(text):
        assert " ".join(claim.text.split()) in plain


@given(TEXTS, st.sampled_from(["not ", "once ", "if ", "make sure ", "I think ", "whether ", "you should see that "]))
def test_no_claim_is_left_of_a_line_that_is_taken_back(text: str, word: str) -> None:
    """Of one sentence without an end of its own: whatever follows a word that takes it back is no claim."""
    line = "".join(char for char in text if char not in ".!?;\n")
    assert [claim for claim in read_claims(word + line) if claim.kind != "unchanged"] == []


@given(
    st.lists(st.builds(Claim, st.sampled_from(["tests-pass", "counts", "tests-fail"]), st.just("x"),
                       st.integers(0, 5), st.integers(0, 5)), max_size=4),
    st.fixed_dictionaries({"passed": st.integers(0, 5), "failed": st.integers(0, 5)}),
)  # fmt: skip
def test_what_agrees_is_true_of_the_counts(claims: list[Claim], counts: dict[str, int]) -> None:
    """An oracle that only knows what the numbers are."""
    for found in compare(claims, Facts(verdict="pass" if not counts["failed"] else "fail", counts=counts)):
        if found.agrees and found.claim.kind == "tests-pass":
            assert counts["failed"] == 0
        if found.agrees and found.claim.kind == "counts":
            assert found.claim.passed == counts["passed"] and (found.claim.failed or 0) <= counts["failed"]
        if found.agrees and found.claim.kind == "tests-fail":
            assert counts["failed"] == found.claim.failed


@given(st.text(), st.lists(st.text(), max_size=40))
def test_no_more_claims_are_kept_than_the_most(summary: str, named: list[str]) -> None:
    found = claims_of(summary, named)
    assert len(found) <= MOST and all(len(claim.text) <= 3_100 and "\n" not in claim.text for claim in found)


@pytest.mark.parametrize(
    "unit", ["all tests ", "the the ", "1 ", "no changes ", "tests are ", "all. ", "1 of ", "lint is ", "a" * 50, "* "]
)
def test_hostile_text_is_read_in_linear_time(unit: str) -> None:
    began = time.process_time()
    claims_of(unit * (1_000_000 // len(unit)), [])
    assert time.process_time() - began < 3
