"""Which of the files that a run rewrote decide what it says."""

from __future__ import annotations

import pytest

from superteam.core.rewritten import deciding, note_about, why_inconclusive


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_a.py",
        "test_a.py",
        "src/a.test.ts",
        "pkg/a_test.go",
        "spec/a_spec.rb",
        "tests/helper.py",
        "src/__snapshots__/a.test.ts.snap",
        "tests/__snapshots__/test_a.ambr",
        "conftest.py",
        "pytest.ini",
    ],
)
def test_a_run_that_rewrote_it_shows_nothing(path: str) -> None:
    assert deciding([path]) == (path,)
    assert f"the run rewrote {path}:" in str(why_inconclusive(["other.txt", path]))


@pytest.mark.parametrize("path", ["src/a.py", "tests/data/db.sqlite", "tests/out/result.txt", "coverage.svg", "a.md"])
def test_a_run_that_rewrote_it_gets_a_note(path: str) -> None:
    assert deciding([path]) == () and why_inconclusive([path]) is None
    assert note_about([path]) == f"the run changed tracked files: {path}"


@pytest.mark.parametrize("path", ["tests/golden/a.txt", "tests/fixtures/a.json", "spec/cassettes/a.yml", "a.golden"])
def test_golden_data_decides_unless_the_run_of_the_reference_rewrote_it_too(path: str) -> None:
    assert f"the run rewrote {path}:" in str(why_inconclusive([path], ()))
    for known in ([path], None):
        assert why_inconclusive([path], known) is None
        assert note_about([path], known) == f"the run changed tracked files: {path}"


def test_nothing_is_said_about_compiled_python_and_unchanged_trees() -> None:
    assert note_about(["a/__pycache__/b.pyc"]) == "" and note_about([]) == ""


def test_of_many_files_some_are_named() -> None:
    assert note_about([f"{n}.txt" for n in range(7)]).endswith("4.txt and 2 more")
