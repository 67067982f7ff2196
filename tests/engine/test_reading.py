"""Files that a document names are read from the tree only, as text, within limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from superteam.engine.reading import ALL_SHOWN_LIMIT, CHECKED_LIMIT, SHOWN_LIMIT, is_there, references, text_of


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "src" / ".git").mkdir(parents=True)
    (root / "src" / "a.txt").write_text("hello\n")
    (root / "src" / ".git" / "config").write_text("secret\n")
    (tmp_path / "outside.txt").write_text("outside\n")
    (root / "out").symlink_to(tmp_path / "outside.txt")
    (root / "in").symlink_to("src/a.txt")
    (root / "git").symlink_to("src/.git/config")
    (root / "loop").symlink_to("loop")
    (root / "binary").write_bytes(b"a\0b")
    (root / "big").write_text("x" * (CHECKED_LIMIT + 1))
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize(("name", "text"), [("src/a.txt", "hello\n"), ("./src/a.txt", "hello\n"), ("in", "hello\n")])
def test_a_file_of_the_tree_is_read(name: str, text: str, tree: Path) -> None:
    assert text_of(tree, name) == text and is_there(tree, name)


@pytest.mark.parametrize(
    "name", ["out", "../outside.txt", "/etc/passwd", "~/x", "src/.git/config", "git", "loop", "gone", "a\nb", "", "s*"]
)
def test_what_is_not_in_the_tree_is_neither_there_nor_read(name: str, tree: Path) -> None:
    assert text_of(tree, name) is None and not is_there(tree, name)
    (found,) = references(tree, [name])
    assert found.text is None and found.problem


@pytest.mark.parametrize("name", ["binary", "big", "pipe", "src"])
def test_what_is_no_text_of_a_bearable_size_is_there_and_not_read(name: str, tree: Path) -> None:
    assert text_of(tree, name) is None and is_there(tree, name)


def test_references_are_cut_each_and_all_together(tree: Path) -> None:
    for n in range(7):
        (tree / f"{n}.txt").write_text("é" * (SHOWN_LIMIT + 1))
    found = references(tree, [f"@{n}.txt" for n in range(7)] + ["@0.txt"])
    assert [len(f.text or "") for f in found] == [SHOWN_LIMIT] * 5 + [0] * 2
    assert all(f.cut for f in found[:5]) and "left out" in found[6].problem
    assert sum(len(f.text or "") for f in found) == ALL_SHOWN_LIMIT


def test_a_reference_that_is_no_text_says_so(tree: Path) -> None:
    assert [f.problem for f in references(tree, ["@binary", "@src", "@gone"])] == [
        "is no text",
        "is no file that can be read",
        "is not there",
    ]
