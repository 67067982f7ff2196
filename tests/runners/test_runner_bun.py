"""How bun test is recognised, told to report, and asked for single tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.results import Completeness, Granularity, TestReport
from superteam.runners import bun
from superteam.runners.call import Call, Told, Untold


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("bun test", True),
        ("bun --smol test src", True),
        ("/opt/bun test -t x", True),
        ("bun run test", False),
        ("bun test.ts", False),
        ("bun test --watch", False),
        ("bunx test", False),
    ],
)
def test_it_is_recognised_by_its_command(words: str, known: bool, tmp_path: Path) -> None:
    assert bun.recognises(Call(tuple(words.split())), tmp_path) is known


def test_the_users_own_options_stay_behind_ours(tmp_path: Path) -> None:
    told = bun.tell(Call(("bun", "test")), {"BUN_OPTIONS": "--smol"}, tmp_path / "a b", tmp_path, None)
    assert isinstance(told, Told)
    assert told.env["BUN_OPTIONS"] == f'--reporter=junit "--reporter-outfile={tmp_path}/a b/report.xml" --smol'


def test_it_cannot_be_told_where_the_command_sets_the_variable(tmp_path: Path) -> None:
    call = Call(("bun", "test"), env={"BUN_OPTIONS": ""})
    assert isinstance(bun.tell(call, {}, tmp_path, tmp_path, None), Untold)


@pytest.mark.parametrize("words", [("bun", "test", "-t", "x"), ("bun", "test", "--test-name-pattern=x")])
def test_a_pattern_of_the_users_is_not_replaced(words: tuple[str, ...], tmp_path: Path) -> None:
    told = bun.tell(Call(words), {}, tmp_path, tmp_path, frozenset({"a.ts > b"}))
    assert isinstance(told, Told)
    assert (told.selects, "--test-name-pattern" in told.env["BUN_OPTIONS"]) == ("everything", False)


def test_too_many_tests_are_all_tests(tmp_path: Path) -> None:
    only = frozenset(f"a.ts > {'x' * 90}{i}" for i in range(2000))
    told = bun.tell(Call(("bun", "test")), {}, tmp_path, tmp_path, only)
    assert isinstance(told, Told)
    assert (told.selects, len(told.env["BUN_OPTIONS"]) < 1000) == ("everything", True)


@given(st.lists(st.text(st.characters(max_codepoint=0xD7FF)), min_size=1, max_size=4))
def test_the_pattern_matches_the_joined_titles_and_needs_no_quotes(titles: list[str]) -> None:
    pattern = bun._pattern([f"a.ts > {' > '.join(titles)}"])
    assert re.fullmatch(r"[\w\\^$()|]+", pattern, re.ASCII)
    assert re.match(pattern.removesuffix("$") + r"\Z", " ".join(titles).replace("\0", " "))


def test_a_character_beyond_the_first_plane_becomes_two_units() -> None:
    assert bun._pattern(["a.ts > \U0001f600"]) == r"^(\ud83d\ude00)$"


@pytest.mark.parametrize(
    ("text", "errors"), [(" 1 pass\n 2 fail\n 1 error\n", 1), (" 1 pass\n 0 errors\n", 0), ("", 0)]
)
def test_errors_that_bun_counts_belong_to_the_suite(text: str, errors: int, tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.write_text("x" * 20000 + "\n" + text + "Ran 2 tests across 2 files. [4.00ms]\n")
    report = TestReport("junit", Granularity.TESTS, Completeness.COMPLETE)
    assert len(bun._finish(report, output).suite_errors) == errors
