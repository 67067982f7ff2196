"""Folders that an agent had in its hands."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from superteam.workspace.trees import (
    PrivateRepository,
    give_repository,
    make_accessible,
    make_folder,
    nested_repositories,
    remove,
    setting,
)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder outside of the tree, which nothing here may touch."""
    folder = tmp_path / "precious"
    folder.mkdir(mode=0o755)
    (folder / "file").write_text("mine")
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def is_untouched(precious: Path) -> bool:
    return (precious / "file").read_text() == "mine" and stat.S_IMODE(precious.stat().st_mode) == 0o755


def test_removing_follows_no_link(tree: Path, precious: Path) -> None:
    (tree / "in").mkdir()
    (tree / "in/folder").symlink_to(precious)
    (tree / "in/file").symlink_to(precious / "file")
    remove(tree / "in")
    assert is_untouched(precious) and list(tree.iterdir()) == []


@pytest.mark.parametrize("kind", ["nothing", "file", "link", "dangling", "pipe", "below a file"])
def test_removing_takes_whatever_is_there(tree: Path, precious: Path, kind: str) -> None:
    path = tree / "x"
    if kind == "file":
        path.write_text("x")
    elif kind == "link":
        path.symlink_to(precious)
    elif kind == "dangling":
        path.symlink_to("/nowhere")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "below a file":
        (tree / "f").write_text("x")
        path = tree / "f" / "x"
    remove(path)
    assert not os.path.lexists(path) and is_untouched(precious)


def test_folders_deeper_than_any_path_may_be_long_are_removed(tree: Path) -> None:
    here = os.open(tree, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d" * 20, dir_fd=here)
        below = os.open("d" * 20, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    remove(tree)
    assert not tree.exists()


def test_read_only_folders_are_removed_and_made_accessible(tree: Path) -> None:
    (tree / "a/b").mkdir(parents=True)
    (tree / "a/b/file").write_text("x")
    (tree / "a/b/file").chmod(0)
    (tree / "a/b").chmod(0o500)
    (tree / "a").chmod(0)
    make_accessible(tree)
    modes = [stat.S_IMODE((tree / name).stat().st_mode) for name in ("a", "a/b", "a/b/file")]
    assert modes == [0o700, 0o700, 0o600]
    (tree / "a").chmod(0)
    remove(tree)
    assert not tree.exists()


def test_making_accessible_follows_no_link_and_names_what_is_no_file(tree: Path, precious: Path) -> None:
    (precious / "file").chmod(0o400)
    (tree / "link").symlink_to(precious / "file")
    (tree / "folder").symlink_to(precious)
    (tree / "in").mkdir()
    os.mkfifo(tree / "in/pipe")
    assert make_accessible(tree) == ["in/pipe"]
    assert stat.S_IMODE((precious / "file").stat().st_mode) == 0o400


def test_what_is_spared_is_not_looked_into(tree: Path) -> None:
    for place in ("a/.git", ".venv/lib/x/.git", "packages/p/node_modules/m/.git", "b/c/.git", "b/c/d/.git", ".git"):
        (tree / place).mkdir(parents=True)
    assert nested_repositories(tree, ["packages/p/node_modules", ".venv"]) == ["a", "b/c"]


def test_a_folder_is_made_where_there_was_a_link(tree: Path, precious: Path) -> None:
    (tree / "t").symlink_to(precious)
    assert make_folder(tree / "t") is True
    assert not (tree / "t").is_symlink() and is_untouched(precious)
    assert make_folder(tree / "t") is False


def wanted(tree: Path, precious: Path, branch: str | None = "superteam/x") -> PrivateRepository:
    """A repository whose objects are those of `precious`."""
    git(precious, "init", "-q")
    git(precious, "-c", "user.name=a", "-c", "user.email=b", "commit", "-q", "--allow-empty", "-m", "start")
    git(precious, "-c", "user.name=a", "-c", "user.email=b", "tag", "-a", "v1", "-m", "v1")
    return PrivateRepository(
        head=git(precious, "rev-parse", "HEAD"),
        branch=branch,
        objects=precious / ".git/objects",
        config="[core]\n\trepositoryformatversion = 0\n",
        exclude=b"__pycache__\n",
        packed_refs=git(precious, "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags") + "\n",
        index=tree / "no-index",
        identity={"GIT_AUTHOR_NAME": 'Ada "the" \\ Count', "GIT_AUTHOR_EMAIL": "ada@example.org"},
    )


def test_the_private_repository_is_whole_and_its_commits_stay_in_it(tree: Path, precious: Path) -> None:
    give_repository(tree, wanted(tree, precious))
    assert git(tree, "status", "--porcelain=v1", "-b") == "## superteam/x"
    assert git(tree, "describe") == "v1"
    before = git(precious, "rev-list", "--all", "--count")
    (tree / "n").write_text("n\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "agent's own")
    assert git(tree, "show", "-s", "--format=%an|%ae") == 'Ada "the" \\ Count|ada@example.org'
    assert git(precious, "rev-list", "--all", "--count") == before
    assert git(precious, "cat-file", "--batch-all-objects", "--batch-check").count("commit") == 1


def test_a_global_hook_or_signing_does_not_act_in_a_private_repository(
    tree: Path, precious: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    (tmp_path / "global").write_text(
        f"[core]\n\thooksPath = {hooks}\n[commit]\n\tgpgSign = true\n[gpg]\nprogram = false\n"
    )
    give_repository(tree, wanted(tree, precious))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    git(tree, "commit", "-q", "--allow-empty", "-m", "fine")


@pytest.mark.parametrize("kind", ["folder", "file", "link", "worktree file"])
def test_whatever_became_of_the_last_repository_a_fresh_one_is_there(tree: Path, precious: Path, kind: str) -> None:
    make = wanted(tree, precious, branch=None)
    head = (precious / ".git/HEAD").read_text()
    if kind == "folder":
        give_repository(tree, make)
        git(tree, "config", "core.fsmonitor", "touch ran")
        git(tree, "switch", "-q", "-c", "elsewhere")
    elif kind == "file":
        (tree / ".git").write_text("nonsense")
    elif kind == "link":
        (tree / ".git").symlink_to(precious / ".git")
    else:
        (tree / ".git").write_text(f"gitdir: {precious}/.git\n")
    give_repository(tree, make)
    assert git(tree, "rev-parse", "HEAD") == make.head
    assert git(tree, "rev-parse", "--absolute-git-dir") == str(tree / ".git")
    assert "fsmonitor = touch" not in (tree / ".git/config").read_text()
    assert (precious / ".git/HEAD").read_text() == head and git(precious, "status", "--porcelain") == "?? file"


def test_any_value_can_be_a_setting(tmp_path: Path) -> None:
    for value in ('say "x"', "back\\slash", "two\nlines", "tab\there", " spaces ", "# no comment ; at all", ""):
        (tmp_path / "config").write_text(setting('filter.my "odd".na\\me.clean', value))
        found = git(tmp_path, "config", "-f", "config", "-z", "--list")
        assert found == f'filter.my "odd".na\\me.clean\n{value}\0'
