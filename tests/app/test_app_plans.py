"""Commands that stand in a plan, as a person is shown them before they are approved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from superteam.app.plans import visible
from superteam.cli.console import sanitise


def test_a_command_hidden_in_an_escape_sequence_is_shown() -> None:
    shown = sanitise(visible("true \x1b]; touch hidden #\x07"))
    assert shown == "true \\x1b]; touch hidden #\\x07"


def test_what_would_be_read_in_another_order_or_not_at_all_is_named() -> None:
    assert visible("a\u202eb\u200bc\rd") == "a\\u202eb\\u200bc\\rd"


def test_the_lines_of_one_command_cannot_pass_for_others() -> None:
    assert visible("( a\n) && ( b\n)") == "( a\n    ) && ( b\n    )"


@given(st.text())
def test_nothing_that_is_run_is_missing_from_what_is_shown(command: str) -> None:
    shown = iter(sanitise(visible(command)))
    assert all(c in shown for c in command if c.isprintable())
