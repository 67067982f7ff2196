"""Printed result lines of the JavaScript runners, as captured from them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.results import Completeness, Granularity
from superteam.reports.text import read_text

VITEST = """\
 RUN  v4.1.0 /repo

 ✓ src/add.test.ts > add > adds 2ms
 ✓ src/add.test.ts > add > adds 3 numbers
 × src/sub.test.ts > sub > subtracts 11ms
   → expected 1 to be 2 // Object.is equality
 ↓ src/sub.test.ts > sub > later

 Test Files  1 failed | 1 passed (2)
      Tests  1 failed | 2 passed | 1 skipped (4)
"""
VITEST_FILES = """\
 ✓ src/add.test.ts (3 tests) 5ms
 ❯ src/sub.test.ts (2 tests | 1 failed) 12ms
   × sub > subtracts 11ms
     → expected 1 to be 2
"""
JEST = """\
PASS src/a.test.js
  cart
    total
      ✓ adds (2 ms)
      ✓ adds twice
    ○ skipped later
FAIL src/b.test.js (5.1 s)
  ✕ breaks (10 ms)

  ● breaks

    expect(received).toBe(expected)
"""
MOCHA = """\

  cart
    ✔ adds
    ✔ is slow (120ms)
    1) breaks
    nested
      ✔ adds


  3 passing (130ms)
  1 failing

  1) cart
       breaks:
     AssertionError: no
      at Context.<anonymous> (test.js:3:9)
"""
BUN = """\
bun test v1.4.0

src/a.test.ts:
✓ cart > adds [1.20ms]
✗ cart > breaks [0.30ms]
(pass) plain [0.05ms]

 2 pass
 1 fail
"""
NODE = """\
▶ cart
  ✔ adds (0.5ms)
  ✖ breaks (1.2ms)
▶ cart (3ms)

✖ failing tests:

✖ breaks (1.2ms)
"""


def seen(text: str) -> dict[str, str]:
    return {key: result.outcome.value for key, result in read_text(text.splitlines(keepends=True)).tests.items()}


def test_vitest_lines_are_full_names_without_durations():
    assert seen(VITEST) == {
        "src/add.test.ts > add > adds": "passed",
        "src/add.test.ts > add > adds 3 numbers": "passed",
        "src/sub.test.ts > sub > subtracts": "failed",
        "src/sub.test.ts > sub > later": "skipped",
    }


def test_vitest_files_on_one_line_are_named_without_their_counts():
    assert seen(VITEST_FILES) == {
        "src/add.test.ts": "passed",
        "src/sub.test.ts": "failed",
        "src/sub.test.ts > sub > subtracts": "failed",
    }


def test_jest_describe_blocks_and_files_are_part_of_the_id():
    assert seen(JEST) == {
        "src/a.test.js > cart > total > adds": "passed",
        "src/a.test.js > cart > total > adds twice": "passed",
        "src/a.test.js > cart > later": "skipped",
        "src/b.test.js > breaks": "failed",
    }


def test_mocha_numbers_its_failures():
    assert seen(MOCHA) == {
        "cart > adds": "passed",
        "cart > is slow": "passed",
        "cart > nested > adds": "passed",
        "cart > breaks": "failed",
    }


def test_bun_durations_in_brackets_are_left_out():
    assert seen(BUN) == {
        "src/a.test.ts > cart > adds": "passed",
        "src/a.test.ts > cart > breaks": "failed",
        "src/a.test.ts > plain": "passed",
    }


def test_node_failures_that_are_listed_again_count_once():
    assert seen(NODE) == {"cart > adds": "passed", "cart > breaks": "failed"}


@pytest.mark.parametrize("duration", [" (2 ms)", " (2ms)", " 2ms", " [1.20ms]", " 1.5s", " (1 s)", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_duration_is_never_part_of_the_id(duration, end):
    assert list(read_text([f"  ✓ takes 2 steps{duration}{end}"]).tests) == ["takes 2 steps"]


def test_colours_and_progress_do_not_matter():
    line = b"\x1b[2K\rrunning 1/2\r  \x1b[32m\xe2\x9c\x93\x1b[39m adds \x1b[2m(2 ms)\x1b[22m\r\n"
    assert list(read_text([line]).tests) == ["adds"]


def test_a_second_test_of_the_same_name_is_numbered():
    assert seen("✓ a\n✓ a\n✗ a\n") == {"a": "passed", "a #2": "passed", "a #3": "failed"}


def test_logs_without_indentation_do_not_change_ids():
    assert seen(MOCHA.replace("    ✔ is", "hello 17:02:03\n    ✔ is")) == seen(MOCHA)


def test_numbered_lists_are_no_failures_without_a_summary_of_mocha():
    assert seen("  Steps\n    1) do this\n    2) do that\n") == {}


def test_text_is_of_its_own_granularity_and_none_without_a_line():
    assert read_text(["✓ a"]).granularity is Granularity.TEXT
    assert read_text(["hello"]).completeness is Completeness.NONE


@given(st.lists(st.text() | st.binary()))
def test_no_text_breaks_it(lines):
    assert read_text(lines).granularity is Granularity.TEXT


@pytest.mark.parametrize("unit", ["✓ ", "a.", " ", "\x1b[", "\x1b]", "(2 ", "1", "x 1", "\r", "❯ a", ","])
def test_hostile_repetition_is_linear(unit):
    began = time.perf_counter()
    read_text([unit * 1_000_000, *["✓ " + unit * 900] * 1000])
    assert time.perf_counter() - began < 20  # a quadratic one takes minutes


def test_a_second_test_of_one_name_does_not_replace_one_whose_own_name_ends_in_the_number():
    found = read_text(["✗ a #2", "✓ a", "✓ a"])
    assert {id: result.outcome.value for id, result in found.tests.items()} == {
        "a #2": "failed",
        "a": "passed",
        "a #3": "passed",
    }
