"""What a revision means: one full ref, or all its meanings."""

from __future__ import annotations

from hashlib import sha1

import pytest

from superteam.errors import WorkspaceError
from superteam.workspace.opening import open_repository
from superteam.workspace.repository import Repository
from tests.playground import Repo


@pytest.fixture
def opened(empty_repo: Repo) -> Repository:
    for number in (1, 2):
        empty_repo.commit({"a.txt": f"{number}\n"})
    return open_repository(empty_repo.root)


def commit(repo: Repo, revision: str) -> str:
    return repo.git("rev-parse", revision)


@pytest.mark.parametrize("revision", ["main", "HEAD", "@", "HEAD~1", "main^", "main~1", "refs/heads/main", "main@{0}"])
def test_a_name_with_one_meaning_is_that_commit(opened: Repository, empty_repo: Repo, revision: str) -> None:
    assert opened.resolve(revision) == commit(empty_repo, f"{revision}^0")


def test_a_tag_of_a_branchs_name_is_not_chosen_in_silence(opened: Repository, empty_repo: Repo) -> None:
    empty_repo.git("tag", "main", "HEAD~1")
    with pytest.raises(WorkspaceError, match="more than one commit") as raised:
        opened.resolve("main")
    assert "refs/tags/main" in raised.value.message and "refs/heads/main" in raised.value.message
    with pytest.raises(WorkspaceError, match="more than one commit"):
        opened.resolve("main~0")
    assert opened.resolve("refs/heads/main") == commit(empty_repo, "HEAD")


def test_a_file_in_the_git_directory_is_a_meaning(opened: Repository, empty_repo: Repo) -> None:
    empty_repo.git("branch", "base", "HEAD")
    (opened.git_dir / "base").write_text(f"{commit(empty_repo, 'HEAD~1')}\n")
    with pytest.raises(WorkspaceError, match="the file"):
        opened.resolve("base")


def test_a_branch_that_looks_like_a_hash_is_not_the_hash(opened: Repository, empty_repo: Repo) -> None:
    name = commit(empty_repo, "HEAD~1")[:12]
    empty_repo.git("update-ref", f"refs/heads/{name}", "HEAD")
    with pytest.raises(WorkspaceError, match="the commit"):
        opened.resolve(name)


def test_the_beginning_of_two_hashes_is_no_commit(opened: Repository, empty_repo: Repo) -> None:
    tree = empty_repo.git("rev-parse", "HEAD^{tree}")
    by_beginning: dict[str, str] = {}
    for number in range(70_000):
        text = f"tree {tree}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\n{number}\n"
        short = sha1(f"commit {len(text)}\0{text}".encode()).hexdigest()[:4]
        if short in by_beginning:
            break
        by_beginning[short] = text
    hashes = []
    for each in (by_beginning[short], text):
        (empty_repo.root / "object").write_text(each)
        hashes.append(empty_repo.git("hash-object", "-t", "commit", "-w", "object"))
    with pytest.raises(WorkspaceError, match="more than one commit") as raised:
        opened.resolve(short)
    assert all(hash in raised.value.message for hash in hashes)
    assert any(hash in (raised.value.hint or "") for hash in hashes)


def test_a_remote_branch_and_a_local_one_of_the_same_name_are_two_meanings(
    opened: Repository, empty_repo: Repo
) -> None:
    empty_repo.git("update-ref", "refs/heads/origin/main", "HEAD")
    empty_repo.git("update-ref", "refs/remotes/origin/main", "HEAD~1")
    with pytest.raises(WorkspaceError, match="the remote branch"):
        opened.resolve("origin/main")


def test_two_names_of_one_commit_are_no_ambiguity(opened: Repository, empty_repo: Repo) -> None:
    empty_repo.git("tag", "-a", "-m", "x", "main", "HEAD")
    assert opened.resolve("main") == commit(empty_repo, "HEAD")


def test_a_name_without_a_meaning_is_an_error(opened: Repository) -> None:
    for name in ("nothing", "", "-x", "a..b", "main:a.txt"):
        with pytest.raises(WorkspaceError, match="names no commit"):
            opened.resolve(name)
