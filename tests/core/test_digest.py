"""The digest of failures: distinct ones first, within its limit, of nothing but what was printed."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from superteam.core.digest import ENTRY, assertion, failed_tests, groups, named, printed, quoted
from superteam.core.signature import signature

PYTEST = """\
    def test_total():
        assert total([]) == 0
>       assert total([1, 2]) == 3
E       assert 4 == 3
E        +  where 4 = total([1, 2])

tests/test_shop.py:5: AssertionError"""
UNITTEST = """\
Traceback (most recent call last):
  File "tests/test_calc.py", line 7, in test_add
    self.assertEqual(add(1, 2), 3)
AssertionError: -1 != 3"""
NODE = """\
AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:

-1 !== 3

    at TestContext.<anonymous> (test/calc.test.js:5:10)"""
JEST = """\
  ● adds

    expect(received).toBe(expected) // Object.is equality

    Expected: 3
    Received: -1

      3 | test('adds', () => {
    > 4 |   expect(add(1, 2)).toBe(3)"""
RUST = "thread 'adds' panicked at src/lib.rs:12:9:\nassertion `left == right` failed\n  left: -1\n right: 3"
GO = "=== RUN   TestAdd\n    calc_test.go:8: Add(1, 2) = -1; want 3\n--- FAIL: TestAdd (0.00s)"
JAVA = "org.opentest4j.AssertionFailedError: expected: <3> but was: <-1>\n\tat com.acme.CalcTest.adds(CalcTest.java:12)"
CRASH = "Traceback (most recent call last):\n  File \"shop.py\", line 3, in total\n    return x.y\nKeyError: 'y'"
RUFF = "Checking 3 files\nsrc/shop.py:3:5: F401 `os` imported but unused\nFound 1 error."


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (PYTEST, "E       assert 4 == 3\nE        +  where 4 = total([1, 2])"),
        (UNITTEST, "AssertionError: -1 != 3"),
        (NODE, "AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:\n-1 !== 3"),
        (JEST, "    expect(received).toBe(expected) // Object.is equality\n    Expected: 3\n    Received: -1"),
        (RUST, "assertion `left == right` failed\n  left: -1\n right: 3"),
        (GO, "    calc_test.go:8: Add(1, 2) = -1; want 3"),
        (JAVA, "org.opentest4j.AssertionFailedError: expected: <3> but was: <-1>"),
        (CRASH, "KeyError: 'y'"),
        (RUFF, "src/shop.py:3:5: F401 `os` imported but unused"),
        ("all is well\nnothing to see", ""),
        ("", ""),
    ],
)
def test_the_first_assertion_is_found(text: str, first: str) -> None:
    assert assertion(text) == first


def test_it_stands_before_a_long_rest() -> None:
    noise = "\n".join(f"setting up {number}" for number in range(2000))
    shown = quoted(f"{noise}\n{UNITTEST}\n{noise}", 2_000)
    assert shown.splitlines()[1] == "AssertionError: -1 != 3" and len(shown) <= 2_000
    assert "left out here" in shown


def test_the_same_failure_is_there_once_with_the_number_of_its_tests() -> None:
    messages = {f"t.py::test_{n}": UNITTEST.replace("-1", str(-n)) for n in range(30)} | {"t.py::test_other": CRASH}
    shown = failed_tests(list(messages), messages, 10_000)
    assert "30 tests: `t.py::test_0`, `t.py::test_1`" in shown and "and 22 more" in shown
    assert "1 test: `t.py::test_other`" in shown
    assert shown.count("AssertionError") == 1 and shown.index("AssertionError") < shown.index("KeyError")


def test_tests_that_said_nothing_are_named_last() -> None:
    shown = failed_tests(["a", "b"], {"b": CRASH}, 5_000)
    assert shown.endswith("1 test: `a`")


def test_what_there_is_no_room_for_is_counted() -> None:
    messages = {f"t::{n}": f"Error{'x' * n}Error: no" for n in range(40)}
    shown = failed_tests([*messages, "silent"], messages, 10 * ENTRY)
    assert re.search(r"And (\d+) more distinct failures, in \1 tests\.$", shown)
    assert len(shown) <= 10 * ENTRY


# -- properties

IDS = st.one_of(st.text(max_size=30), st.sampled_from(["t::a", "`" * 400, "\n## New instructions", "\u202e" * 300]))
LONG = [f"{name}Error: no\n" + f"    at {name}\n" * 2_000 for name in ("One", "Other", "Third")]
KNOWN = [PYTEST, UNITTEST, NODE, JEST, RUST, GO, JAVA, CRASH, RUFF, *LONG, "`" * 3000, "```\n# Now\n", "x" * 20_000]
TEXTS = st.one_of(st.text(max_size=300), st.sampled_from(KNOWN))
CASES = st.dictionaries(IDS, st.one_of(st.none(), TEXTS), max_size=12)
LIMITS = st.integers(0, 12_000)


def given_case(case: dict[str, str | None]) -> tuple[list[str], dict[str, str]]:
    return list(case), {id: text for id, text in case.items() if text is not None}


@given(CASES, LIMITS)
def test_it_is_never_longer_than_its_limit(case: dict[str, str | None], limit: int) -> None:
    assert len(failed_tests(*given_case(case), limit)) <= limit


@given(TEXTS, TEXTS, LIMITS)
def test_what_was_printed_is_never_longer_than_its_limit(out: str, err: str, limit: int) -> None:
    assert len(quoted(out, limit)) <= limit
    assert len(printed({"stdout": out, "stderr": err}, limit)) <= limit


@given(CASES, LIMITS)
def test_every_distinct_failure_is_there_or_counted(case: dict[str, str | None], limit: int) -> None:
    """The oracle counts signatures itself: those that are shown and those that are only counted are all of them."""
    tests, messages = given_case(case)
    wanted = len({signature(messages.get(id, "")) for id in tests})
    shown = failed_tests(tests, messages, limit)
    counted = re.search(r"And (\d+) more distinct failures?, in \d+ tests?\.$", shown)
    entries = len(re.findall(r"^\d+ tests?: ", outside_of_fences(shown), re.MULTILINE))
    if limit >= 100:
        assert entries + (int(counted[1]) if counted else 0) == wanted
    if limit >= wanted * (ENTRY + 2) + 100:
        assert entries == wanted


def outside_of_fences(text: str) -> str:
    lines = text.split("\n")
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence" and token.map:
            lines[token.map[0] : token.map[1]] = [""] * (token.map[1] - token.map[0])
    return "\n".join(lines)


@given(CASES)
def test_all_tests_are_in_the_groups_once(case: dict[str, str | None]) -> None:
    tests, messages = given_case(case)
    found = groups(tests, messages)
    assert sorted(id for group in found for id in group.ids) == sorted(tests)
    assert all(len({signature(messages.get(id, "")) for id in group.ids}) == 1 for group in found)


@given(TEXTS.filter(lambda text: all(len(line) <= 1000 for line in text.splitlines())), LIMITS)
def test_nothing_is_quoted_that_was_not_printed(text: str, limit: int) -> None:
    shown = quoted(text, limit)
    if not shown:
        return
    inside = "\n".join(shown.split("\n")[1:-1])
    for line in re.split(r"\n?\[\.\.\. \d+ .* \.\.\.\]\n?|\n", inside):
        assert line.strip() in text


@given(CASES, LIMITS)
def test_the_same_failures_give_the_same_digest(case: dict[str, str | None], limit: int) -> None:
    assert failed_tests(*given_case(case), limit) == failed_tests(*given_case(dict(case)), limit)


@given(IDS, IDS)
def test_a_name_is_one_line_of_code(one: str, other: str) -> None:
    shown = named([one, other])
    assert "\n" not in shown and len(shown) < 600
    assert [token.type for token in MarkdownIt("commonmark").parse(shown)] == [
        "paragraph_open",
        "inline",
        "paragraph_close",
    ]


@pytest.mark.parametrize(
    "unit",
    ["got ", "Error: ", "a.b:1: ", "expected ", " != ", "E  \n", "`", "assert\n", "x" * 900 + "\n",
     "  File \"a", "a.Error", "want"],
)  # fmt: skip
def test_hostile_text_is_quoted_in_linear_time(unit: str) -> None:
    text = unit * (2_000_000 // len(unit))
    began = time.process_time()
    quoted(text, 20_000)
    failed_tests(["a", "b"], {"a": text, "b": text}, 20_000)
    assert time.process_time() - began < 4


@given(CASES, TEXTS, TEXTS, LIMITS)
def test_every_fence_is_closed_whatever_is_cut(case: dict[str, str | None], out: str, err: str, limit: int) -> None:
    streams = {"standard output": out, "standard error": err}
    for shown in (failed_tests(*given_case(case), limit), quoted(out, limit), printed(streams, limit)):
        assert "\n# Ours" in outside_of_fences(f"{shown}\n\n# Ours")


@pytest.mark.parametrize("limit", [3_000, 6_000, 24_000])
def test_long_failures_share_the_room(limit: int) -> None:
    messages = dict(zip("abc", LONG, strict=True))
    shown = failed_tests("abc", messages, limit)
    assert shown.endswith("\n```") and shown.count("```") == 6
    assert 0.9 * limit < len(shown) <= limit
