"""A cache that is older than the repository's objects: what is derived is made again, without a word."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import anyio
import pytest
from bench import Bench, Open, git

from superteam.core.settings import Settings
from superteam.workspace.desk import open_desk
from superteam.workspace.opening import open_repository


def write_old(path: Path, text: str) -> None:
    """Writes a file that is older than any index, so that git does not look into it again."""
    path.write_text(text)
    os.utime(path, (1_700_000_000, 1_700_000_000))


def prune(root: Path) -> None:
    """Removes every object that no ref reaches, as a clean-up does."""
    git(root, "reflog", "expire", "--expire=now", "--all")
    git(root, "gc", "-q", "--prune=now")


def make_again(root: Path, object_format: str = "sha1") -> None:
    """Puts a new repository with other objects at the same path."""
    shutil.rmtree(root)
    root.mkdir()
    git(root, "init", "-q", "-b", "main", f"--object-format={object_format}")
    git(root, "config", "user.name", "Ada")
    git(root, "config", "user.email", "ada@example.org")
    (root / "a.txt").write_text("another\n")
    (root / ".gitignore").write_text("kept.log\n")
    (root / "kept.log").write_text("tracked though it is ignored\n")
    git(root, "add", "-A", "-f")
    git(root, "commit", "-q", "-m", "another start")


def work_once(bench: Bench) -> None:
    """Leaves a work tree and a check tree with objects that no ref reaches."""
    bench.prepare()
    write_old(bench.work / "new.txt", "new\n")
    tree = bench.do(bench.desk.capture).tree
    commit = bench.do(bench.desk.commit, tree, bench.head, "feat\n", "2026-01-02T03:04:05Z")
    bench.do(bench.desk.check_out, commit)
    bench.desk.close()


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize("in_place", [False, True])
def test_a_repository_that_was_made_again_at_the_same_path(
    root: Path, bench_of: Open, in_place: bool, object_format: str
) -> None:
    first = bench_of(in_place)
    work_once(first)
    if in_place:
        first.do(first.desk.finish, first.head, False)
    make_again(root, object_format)
    shutil.rmtree(first.desk.repository.cache / "at-start")  # a new run has another id
    bench = bench_of(in_place)
    bench.prepare()
    (bench.work / "mine.txt").write_text("mine\n")
    made = bench.accept(bench.head)
    names = git(root, "ls-tree", "-r", "--name-only", made).splitlines()
    assert names == [".gitignore", "a.txt", "kept.log", "mine.txt"]
    tree = bench.do(bench.desk.check_out, made)
    assert (tree.path / "a.txt").read_text() == "another\n" and not (tree.path / "src").exists()
    assert git(tree.path, "status", "--porcelain") == ""


def test_a_paused_tree_whose_objects_were_pruned_is_read_again(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    write_old(bench.work / "new.txt", "new\n")
    tree = bench.do(bench.desk.capture).tree
    prune(root)
    assert git(root, "cat-file", "-t", tree, check=False) == ""
    bench.again()
    assert bench.do(bench.desk.capture).tree == tree
    assert git(root, "show", f"{tree}:new.txt") == "new"


def test_a_paused_tree_whose_objects_were_pruned_is_continued(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    write_old(bench.work / "new.txt", "new\n")
    tree = bench.do(bench.desk.capture).tree
    prune(root)
    bench.again()
    bench.do(bench.desk.prepare, tree, bench.head, "replaced/x")
    assert (bench.work / "new.txt").read_text() == "new\n" and git(root, "for-each-ref", "refs/superteam") == ""


def test_a_work_tree_with_pruned_objects_is_put_back(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    write_old(bench.work / "new.txt", "new\n")
    bench.do(bench.desk.capture)
    prune(root)
    bench.again()
    bench.prepare()
    assert not (bench.work / "new.txt").exists()
    assert git(root, "show", "refs/superteam/r1/replaced/x:new.txt") == "new"


def test_validate_after_its_snapshot_was_pruned(root: Path) -> None:
    write_old(root / "new.txt", "new\n")
    for _ in range(2):
        desk = open_desk(open_repository(root), None, Settings(), os.environ)
        try:
            tree = anyio.run(desk.check_out, desk.snapshot_checkout())
            assert (tree.path / "new.txt").read_text() == "new\n"
        finally:
            desk.close()
        prune(root)


def test_a_commit_that_waits_for_its_verdict_outlives_pruning(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    write_old(bench.work / "new.txt", "new\n")
    tree = bench.do(bench.desk.capture).tree
    commit = bench.do(bench.desk.commit, tree, bench.head, "feat\n", "2026-01-02T03:04:05Z")
    prune(root)
    bench.again()
    bench.do(bench.desk.check_out, commit)
    bench.do(bench.desk.move, commit, bench.head)
    assert bench.do(bench.desk.finish, commit, True) is None
    assert (root / "new.txt").exists() and git(root, "for-each-ref", "refs/superteam") == ""


def test_what_a_clean_up_has_removed_is_not_kept(bench_of: Open) -> None:
    """`abort` keeps a task's commit: it has to end the run all the same when that is gone."""
    bench = bench_of(False)
    bench.do(bench.desk.keep, "replaced/abort-commit", "ab" * 20)
    bench.do(bench.desk.keep, "replaced/abort-start", bench.head)
    refs = git(bench.root, "for-each-ref", "--format=%(refname)", "refs/superteam")
    assert "abort-start" in refs and "abort-commit" not in refs
