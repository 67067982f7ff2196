"""How bats is recognised, told to report, and asked for single tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from superteam.runners import bats
from superteam.runners.call import Call, Told, Untold


@pytest.mark.parametrize(
    ("words", "known"),
    [("bats test", True), ("./test/bats/bin/bats -r t", True), ("bats --count t", False), ("bats-core t", False)],
)
def test_it_is_recognised_by_name(words: str, known: bool, tmp_path: Path) -> None:
    assert bats.recognises(Call(tuple(words.split())), tmp_path) is known


def test_it_cannot_be_told_where_no_arguments_reach_it(tmp_path: Path) -> None:
    assert isinstance(bats.tell(Call(("bats", "t"), after=None), {}, tmp_path, tmp_path, None), Untold)


def test_a_filter_of_the_users_is_not_replaced(tmp_path: Path) -> None:
    told = bats.tell(Call(("bats", "-f", "x", "t")), {}, tmp_path, tmp_path, frozenset({"a.bats > b"}))
    assert isinstance(told, Told)
    assert (told.selects, "--filter" in told.arguments) == ("everything", False)


@pytest.mark.parametrize(
    ("name", "in_file"),
    [
        ("plain", "plain"),
        ("a.*b(c)[d]|^$ {1,2}+?", "a.*b(c)[d]|^\\$ {1,2}+?"),
        ("quotes \" ' `", "quotes \\\" ' \\`"),
        ("back\\slash", "back\\\\slash"),
        ("-x", "-x"),
        ("ünï 😀", "ünï 😀"),
    ],
)
def test_the_pattern_matches_a_name_as_it_stands_in_the_file(name: str, in_file: str) -> None:
    script = '[[ "$1" =~ $3 && "$2" =~ $3 && ! "x$1" =~ $3 ]]'
    pattern = bats._pattern([f"t/a.bats > {name}"])
    done = subprocess.run(["bash", "-c", script, "bash", name, in_file, pattern], check=False)
    assert done.returncode == 0, pattern


def test_a_canary_stands_where_a_folder_is_run(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    found = bats.canary(Call(("bats", "-r", "t")), tmp_path)
    assert found is not None and found[0] == "t/superteam_canary.bats"
    assert bats.canary(Call(("bats", "t/a.bats")), tmp_path) is None
