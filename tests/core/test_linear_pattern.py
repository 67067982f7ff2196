"""The small search against `re`, and that it stays linear where `re` does not."""

from __future__ import annotations

import re
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.core.linear_pattern import LONGEST_PATTERN, Unsupported, occurs

atoms = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\w", r"\s", r"\.", r"\d", "(?:a|bc)", "(ab)", " "])
times = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{2,}", "*?", "+?"])
patterns = st.recursive(
    st.builds(lambda parts: "".join(a + t for a, t in parts), st.lists(st.tuples(atoms, times), max_size=4)),
    lambda inner: st.builds(lambda a, b, t: f"({a}|{b}){t}", inner, inner, times),
    max_leaves=4,
)


@settings(deadline=None, max_examples=400)
@given(patterns, st.text("abc .1\n", max_size=12))
def test_it_finds_what_re_finds(pattern: str, text: str) -> None:
    assert occurs(pattern, text) == (re.search(pattern, text) is not None)


@settings(deadline=None, max_examples=400)
@given(st.text("ab()[]{}|*+?\\^$.,1-dw ", max_size=14), st.text("ab1", max_size=8))
def test_of_any_pattern_it_says_what_re_says_or_nothing(pattern: str, text: str) -> None:
    try:
        found = occurs(pattern, text)
    except Unsupported:
        return
    assert found == (re.search(pattern, text) is not None)


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|a)*b", "(a|aa)+$".removesuffix("$") + "b", ".*.*.*.*x", "(a?){100}b"]
)
def test_what_takes_re_for_ever_is_over_at_once(pattern: str) -> None:
    begun = time.process_time()
    assert not occurs(pattern, "a" * 200_000)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "pattern",
    [
        "^a",
        "a$",
        r"\ba",
        "(?=a)",
        r"(a)\1",
        "a**",
        "(a",
        "a)",
        "[b-a]",
        "*a",
        "a{3,2}",
        "a" * (LONGEST_PATTERN + 1),
        "((((((" * 5,
        "[[a]",
        "[a--b]",
        "(" * 150 + ")" * 150,
        "((a{99}){99}){99}",
        "\\",
    ],
)
def test_what_it_does_not_understand_is_refused(pattern: str) -> None:
    with pytest.raises(Unsupported):
        occurs(pattern, "aaa")


def test_a_pattern_that_takes_too_many_states_is_refused() -> None:
    text = "".join(Random(1).choices("ab", k=20_000))
    with pytest.raises(Unsupported, match="too many"):
        occurs("[ab]*a[ab]{40}c", text)
