"""How deno test is recognised, told to report, and asked for single tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from superteam.core.results import Completeness, Granularity, TestReport
from superteam.runners import deno
from superteam.runners.call import Call, Told, Untold


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("deno test", True),
        ("deno -q test -A src", True),
        ("deno task test", False),
        ("deno run test", False),
        ("deno test --watch", False),
        ("deno test --no-run", False),
    ],
)
def test_it_is_recognised_by_its_command(words: str, known: bool, tmp_path: Path) -> None:
    assert deno.recognises(Call(tuple(words.split())), tmp_path) is known


@pytest.mark.parametrize("call", [Call(("deno", "test"), after=None), Call(("deno", "test", "--", "x"))])
def test_it_cannot_be_told_where_no_arguments_reach_it(call: Call, tmp_path: Path) -> None:
    assert isinstance(deno.tell(call, {}, tmp_path, tmp_path, None), Untold)


def test_a_filter_of_the_users_is_not_replaced(tmp_path: Path) -> None:
    told = deno.tell(Call(("deno", "test", "--filter", "x")), {}, tmp_path, tmp_path, frozenset({"a.ts > b"}))
    assert isinstance(told, Told)
    assert (told.selects, told.arguments) == ("everything", (f"--junit-path={tmp_path}/report.xml",))


@pytest.mark.parametrize(
    ("id", "pattern"),
    [
        ("a.ts > plain", "/^(plain)$/"),
        ("a.ts > same #2", r"/^(same|same\x{20}\x{23}2)$/"),
        ("a.ts > a > b", r"/^(a|a\x{20}\x{3e}\x{20}b)$/"),
        ("a.ts > x\\n", r"/^(x(\x{5c}n|\x{a}))$/"),
        ("a.ts > \\x07", r"/^((\x{5c}x07|\x{7}))$/"),
        ("a.ts > -\U0001f600é", r"/^(\x{2d}\x{1f600}é)$/"),
    ],
)
def test_each_name_is_escaped_for_rust(id: str, pattern: str) -> None:
    assert deno._pattern([id]) == pattern


def test_a_file_that_fails_by_itself_is_an_error_of_the_suite(tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.write_text("./th/bad.test.ts (uncaught error)\nerror: x\n./th/bad.test.ts (uncaught error)\n")
    report = TestReport("junit", Granularity.TESTS, Completeness.COMPLETE)
    errors = deno._finish(report, output).suite_errors
    assert errors == ("./th/bad.test.ts: an error outside of tests was not caught",)
