"""What several commits come to, file by file."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.app.summaries import files_of
from superteam.evidence.summary_md import Files


@pytest.mark.parametrize(
    ("commits", "wanted"),
    [
        ([{"a": "A"}, {"a": "M"}], Files(created=("a",))),
        ([{"a": "A"}, {"a": "D"}], Files()),
        ([{"a": "A"}, {"a": "D"}, {"a": "A"}], Files(created=("a",))),
        ([{"a": "M"}, {"a": "D"}], Files(deleted=("a",))),
        ([{"a": "D"}, {"a": "A"}], Files(modified=("a",))),
        ([{"a": "T"}, {"b": "M"}], Files(modified=("a", "b"))),
    ],
)
def test_changes_of_one_file_come_together(commits: list[Mapping[str, str]], wanted: Files) -> None:
    assert files_of(commits) == wanted


@given(st.sets(st.sampled_from("abc")), st.lists(st.sets(st.sampled_from("abc"), min_size=1), max_size=6))
def test_they_come_to_the_difference_of_the_first_and_the_last_state(start: set[str], toggled: list[set[str]]) -> None:
    """Each commit makes or deletes these files; the oracle looks at the states alone."""
    now, commits = set(start), []
    for paths in toggled:
        commits.append({path: "D" if path in now else "A" for path in paths})
        now ^= paths
    found = files_of(commits)
    assert set(found.created) == now - start
    assert set(found.deleted) == start - now
    assert set(found.modified) <= start & now
