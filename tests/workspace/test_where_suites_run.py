"""The tree that suites run in: nothing in it says that its code is judged, and what a run rewrites is seen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from bench import Open, git

from superteam.core.settings import Settings
from superteam.workspace.desk import Desk, open_desk
from superteam.workspace.opening import open_repository


@pytest.fixture
def desk(root: Path) -> Iterator[Desk]:
    opened = open_desk(open_repository(root), None, Settings(), os.environ)
    yield opened
    opened.close()


def check_out(desk: Desk) -> Path:
    return anyio.run(desk.check_out, desk.repository.head).path


def test_the_tree_has_the_checkouts_name_and_branch(root: Path, desk: Desk) -> None:
    git(root, "branch", "-m", "feature/x")
    desk.close()
    again = open_desk(open_repository(root), None, Settings(), os.environ)
    tree = check_out(again)
    again.close()
    assert tree.name == "project"
    assert git(tree, "symbolic-ref", "HEAD") == "refs/heads/feature/x"
    assert git(tree, "status", "--porcelain") == ""


def test_of_a_run_it_is_the_users_branch_also_in_place(bench_of: Open) -> None:
    bench = bench_of(in_place=True)
    bench.prepare()
    tree = bench.do(bench.desk.check_out, bench.head)
    assert git(tree.path, "symbolic-ref", "HEAD") == "refs/heads/main"


def test_a_detached_head_is_on_main(root: Path) -> None:
    git(root, "checkout", "-q", "--detach")
    desk = open_desk(open_repository(root), None, Settings(), os.environ)
    tree = check_out(desk)
    desk.close()
    assert git(tree, "symbolic-ref", "HEAD") == "refs/heads/main"


def test_the_environment_has_no_variable_that_the_user_has_not(desk: Desk) -> None:
    env = anyio.run(desk.check_out, desk.repository.head).env
    assert not [name for name in env if name.startswith(("SUPERTEAM_", "GIT_CEILING"))]


def test_two_check_trees_have_the_same_name(desk: Desk, root: Path) -> None:
    other = open_desk(open_repository(root), None, Settings(), os.environ)
    first, second = check_out(desk), check_out(other)
    other.close()
    assert first != second and first.name == second.name == "project"


def test_a_check_tree_of_an_older_layout_is_removed(root: Path, desk: Desk) -> None:
    old = desk.repository.cache / "trees/check"
    (old / ".git").mkdir(parents=True)
    (old / "pytest.ini").write_text("[pytest]\n")
    desk.close()
    again = open_desk(open_repository(root), None, Settings(), os.environ)
    check_out(again)
    again.close()
    assert [path.name for path in old.iterdir() if path.is_dir()] == ["project"] and not (old / "pytest.ini").exists()


# what a run rewrites


def rewritten(desk: Desk) -> tuple[str, ...]:
    return anyio.run(desk.rewritten)


def test_a_tracked_file_that_a_run_rewrote_is_seen_though_it_sets_the_time_back(desk: Desk) -> None:
    tree = check_out(desk)
    assert rewritten(desk) == ()
    before = (tree / "src/b.py").stat()
    (tree / "src/b.py").write_text("b = 2\n")
    os.utime(tree / "src/b.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tree / "a.txt").unlink()
    (tree / "new.txt").write_text("untracked")
    assert rewritten(desk) == ("a.txt", "src/b.py")


def test_a_file_that_was_written_with_the_same_content_is_not_rewritten(desk: Desk) -> None:
    tree = check_out(desk)
    (tree / "a.txt").write_text("one\n")
    os.utime(tree / "a.txt", (1, 1))
    assert rewritten(desk) == ()


def test_a_run_that_changes_the_trees_index_hides_nothing(desk: Desk) -> None:
    tree = check_out(desk)
    (tree / "a.txt").write_text("two\n")
    git(tree, "add", "-A")
    git(tree, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-q", "-m", "mine")
    assert rewritten(desk) == ("a.txt",)


@pytest.mark.parametrize("content", ["ref: refs/heads/main\n", None])
def test_a_run_that_writes_the_repositorys_head_again_hides_nothing(desk: Desk, content: str | None) -> None:
    tree = check_out(desk)
    (tree / "a.txt").write_text("two\n")
    head = tree / ".git/HEAD"
    head.unlink() if content is None else head.write_text(content)
    assert rewritten(desk) == ("a.txt",)


def test_a_tree_whose_repository_was_replaced_hides_nothing(desk: Desk) -> None:
    tree = check_out(desk)
    (tree / "a.txt").write_text("two\n")
    (tree / ".git").rename(tree / "old")
    git(tree, "init", "-q")
    assert rewritten(desk) == ("a.txt",)


def test_files_that_git_takes_for_changed_at_once_are_none_of_a_run(root: Path) -> None:
    git(root, "config", "core.autocrlf", "false")
    (root / "crlf.txt").write_bytes(b"one\r\ntwo\r\n")
    git(root, "add", "-A")
    (root / ".gitattributes").write_text("*.txt text eol=crlf\n")
    git(root, "add", ".gitattributes")
    git(root, "commit", "-q", "-m", "not normalised")
    desk = open_desk(open_repository(root), None, Settings(), os.environ)
    tree = check_out(desk)
    assert rewritten(desk) == ()
    (tree / "crlf.txt").write_bytes(b"three\r\n")
    assert rewritten(desk) == ("crlf.txt",)
    desk.close()


def test_what_the_bases_run_left_cannot_reach_the_changed_trees_run(root: Path, desk: Desk) -> None:
    """Ignored files, nested repositories, folders without permission: all of it is gone."""
    tree = check_out(desk)
    (tree / ".env").write_text("SECRET=1\n")
    (tree / "state.log").write_text("ignored\n")
    git(tree, "init", "-q", "nested")
    (tree / "nested/x.log").write_text("x")
    (tree / ".git/hooks/x").write_text("x")
    (tree / "closed").mkdir()
    (tree / "closed/x").write_text("x")
    (tree / "closed").chmod(0)
    (root / "a.txt").write_text("two\n")
    tree = anyio.run(desk.check_out, desk.snapshot_checkout()).path
    assert sorted(path.name for path in tree.iterdir()) == [".git", ".gitignore", "a.txt", "src"]
    assert list((tree / ".git/hooks").iterdir()) == []


# objects


def test_the_tree_has_all_its_objects_itself(root: Path, desk: Desk) -> None:
    git(root, "tag", "-a", "v2", "-m", "annotated")
    (root / "a.txt").write_text("two\n")
    git(root, "commit", "-q", "-a", "-m", "two")
    for commit in (desk.repository.head, git(root, "rev-parse", "HEAD"), desk.snapshot_checkout()):
        tree = anyio.run(desk.check_out, commit).path
        assert not (tree / ".git/objects/info/alternates").exists()
        assert git(tree, "fsck", "--full", "--strict") == "" and git(tree, "rev-parse", "HEAD") == commit
        assert git(tree, "status", "--porcelain") == ""


def test_a_mixed_tree_has_the_objects_of_its_files(root: Path, desk: Desk) -> None:
    (root / "a.txt").write_text("another\n")
    other = desk.snapshot_checkout()
    tree = anyio.run(desk.check_out_mixed, desk.repository.head, other, ["a.txt"])
    assert git(tree.path, "diff", "--cached", "--stat") != "" and git(tree.path, "diff") == ""


def test_objects_of_a_repository_that_was_cloned_again_are_packed_again(root: Path, desk: Desk) -> None:
    check_out(desk)
    desk.close()
    git(root, "checkout", "-q", "--orphan", "other")
    git(root, "commit", "-q", "-m", "other")
    for name in ("main", "v1"):
        git(root, "update-ref", "-d", f"refs/{'tags' if name == 'v1' else 'heads'}/{name}")
    git(root, "reflog", "expire", "--expire=now", "--all")
    git(root, "gc", "-q", "--prune=now")
    again = open_desk(open_repository(root), None, Settings(), os.environ)
    tree = check_out(again)
    again.close()
    assert not (tree / ".git/objects/info/alternates").exists() and git(tree, "log", "--format=%s") == "other"


def test_nothing_in_the_tree_leads_into_the_users_objects(root: Path, desk: Desk) -> None:
    objects = {path.stat().st_ino for path in (root / ".git/objects").rglob("*") if path.is_file()}
    tree = check_out(desk)
    copied = [path for path in (tree / ".git/objects").rglob("*") if path.is_file()]
    assert copied and not any(path.is_symlink() or path.stat().st_ino in objects for path in copied)


def test_of_a_large_repository_the_objects_are_shared(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("superteam.workspace.own_objects.LARGEST", -1)
    tree = check_out(desk)
    assert (tree / ".git/objects/info/alternates").exists() and git(tree, "status", "--porcelain") == ""


def test_of_a_repository_that_borrows_its_objects_they_are_shared(root: Path, tmp_path: Path) -> None:
    borrower = tmp_path / "borrower"
    git(tmp_path, "clone", "-q", "--shared", str(root), str(borrower))
    desk = open_desk(open_repository(borrower), None, Settings(), os.environ)
    tree = check_out(desk)
    desk.close()
    assert (tree / ".git/objects/info/alternates").exists()
    assert git(tree, "status", "--porcelain") == "" and git(tree, "rev-parse", "HEAD") == git(root, "rev-parse", "HEAD")
