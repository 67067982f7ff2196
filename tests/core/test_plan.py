"""Commands of a plan that are joined still mean what each of them means alone."""

from __future__ import annotations

import subprocess
from itertools import product

import pytest

from superteam.core.plan import in_turn

COMMANDS = (
    "echo a",
    "echo b # a comment",
    "cat <<END\nc\nEND",
    "echo d &&\necho e",
    "echo f;",
    "echo g \\\n  h",
    "cd / && echo i",
)


def output_of(command: str) -> tuple[int, str]:
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(("first", "second"), list(product(COMMANDS, repeat=2)))
def test_joined_commands_do_what_each_does_alone(first: str, second: str) -> None:
    assert output_of(in_turn((first, second))) == (0, output_of(first)[1] + output_of(second)[1])


@pytest.mark.parametrize("bad", ["false", "exit 3", "echo x; false", "{ echo y; false; } # why"])
def test_the_first_that_fails_is_the_last(bad: str) -> None:
    code, shown = output_of(in_turn(("echo a", bad, "echo never")))
    assert code != 0 and shown.startswith("a\n") and "never" not in shown


def test_simple_commands_are_joined_on_one_line() -> None:
    assert in_turn(("make lint", "make test")) == "( make lint ) && ( make test )" and in_turn(("make",)) == "make"
