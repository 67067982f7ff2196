"""What a test command names that a change removed."""

from __future__ import annotations

import pytest

from superteam.core.deciders import gone_from


@pytest.mark.parametrize(
    ("command", "gone"),
    [
        ("python -m pytest -q", None),
        ("python run.py --all", None),
        ("sh old.sh", "old.sh"),
        ("./old.sh", "old.sh"),
        ("pytest tests/old", "tests/old"),
        ("pytest tests", None),
        ("make test-old", "test-old"),
        ("make test", None),
        ("make nothing", None),
        ("npm run old", "old"),
        ("npm run new", None),
        ("npm test", None),
    ],
)
def test_what_a_command_names_and_a_change_removed(command: str, gone: str | None) -> None:
    before = {
        "Makefile": "test: test-old\ntest-old:\n\tpytest\n",
        "package.json": '{"scripts": {"old": "node x", "new": "node y"}}',
        "old.sh": "",
        "run.py": "",
        "tests/old/test_a.py": "",
        "tests/test_b.py": "",
    }
    after = {
        "Makefile": "test:\n\tpytest\n",
        "package.json": '{"scripts": {"new": "node y"}}',
        "run.py": "",
        "tests/test_b.py": "",
    }
    assert gone_from(command, before, after, lambda path: (before[path], after.get(path, ""))) == gone
