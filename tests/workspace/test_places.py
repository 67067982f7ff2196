"""Where the repository, its settings and the cache are: what is unusual there works, or is refused with the cure."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest
from bench import Open, git

from superteam.core.settings import Settings
from superteam.errors import WorkspaceError
from superteam.workspace.desk import open_desk
from superteam.workspace.git import drop_inherited_git_environment
from superteam.workspace.opening import open_engine, open_repository


def give_settings(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """Gives git settings by the environment, as CI systems do."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, (key, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key.replace("_", "."))
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    drop_inherited_git_environment()


# settings that come from the environment


def test_an_identity_of_the_environments_settings_is_the_author(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(root, "config", "--remove-section", "user")
    give_settings(monkeypatch, user_name="Eve", user_email="eve@example.org")
    found = open_repository(root)
    found.require_identity()
    assert found.identity["GIT_AUTHOR_NAME"] == "Eve" and found.identity["GIT_COMMITTER_EMAIL"] == "eve@example.org"


def test_an_identity_of_a_named_settings_file_is_the_author(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(root, "config", "--remove-section", "user")
    (tmp_path / "settings").write_text("[user]\n\tname = Eve\n\temail = eve@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "settings"))
    drop_inherited_git_environment()
    assert open_repository(root).identity["GIT_AUTHOR_NAME"] == "Eve"


def test_a_trusted_folder_of_the_environments_settings_is_trusted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(WorkspaceError, match="does not trust"):
        open_repository(root)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
    desk = open_desk(open_repository(root), None, Settings(), os.environ)
    desk.close()


def test_line_ends_of_the_environments_settings_are_kept(
    root: Path, monkeypatch: pytest.MonkeyPatch, bench_of: Open
) -> None:
    give_settings(monkeypatch, core_autocrlf="true")
    bench = bench_of()
    tree = bench.do(bench.desk.check_out, bench.head)
    assert (tree.path / "a.txt").read_bytes() == b"one\r\n"


def test_hooks_of_the_environments_settings_do_not_run(
    root: Path, monkeypatch: pytest.MonkeyPatch, bench_of: Open, tmp_path: Path
) -> None:
    hook = tmp_path / "hooks/reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    give_settings(monkeypatch, core_hooksPath=str(hook.parent))
    bench = bench_of()
    bench.prepare()
    (bench.work / "new.txt").write_text("new\n")
    bench.accept(bench.head)
    assert not (tmp_path / "ran").exists()


# file systems


def test_the_trees_file_system_is_asked_and_not_the_checkouts(root: Path, bench_of: Open) -> None:
    for key, value in {"filemode": "false", "ignorecase": "true", "symlinks": "false"}.items():
        git(root, "config", f"core.{key}", value)
    bench = bench_of()
    bench.prepare()
    (bench.work / "A.txt").write_text("another\n")
    (bench.work / "run.sh").write_text("#!/bin/sh\n")
    (bench.work / "run.sh").chmod(0o755)
    (bench.work / "link").symlink_to("a.txt")
    tree = bench.do(bench.desk.capture).tree
    rows = dict(reversed(row.split("\t")) for row in git(root, "ls-tree", tree).splitlines())
    assert {"A.txt", "a.txt"} <= rows.keys()
    assert rows["run.sh"].startswith("100755") and rows["link"].startswith("120000")


def test_the_checkout_keeps_its_own_file_system_settings(root: Path) -> None:
    git(root, "config", "core.filemode", "false")
    (root / "a.txt").chmod(0o755)
    engine = open_engine(open_repository(root))
    assert engine.snapshot_checkout() == git(root, "rev-parse", "HEAD^{tree}") and engine.dirty() == []


# filters with a key in the git directory

LOCKED = """#!/bin/sh
key=$(cat "$(git rev-parse --absolute-git-dir)/$1/key") || exit 1
tr "$key" "$key" | if [ "$2" = clean ]; then tr a-z b-za; else tr b-za a-z; fi
"""


@pytest.fixture
def locked(root: Path, tmp_path: Path) -> Path:
    """A repository in which secret.txt is encrypted with a key that is in the git directory only."""
    program = tmp_path / "locked"
    program.write_text(LOCKED)
    program.chmod(0o755)
    (root / ".git/locked").mkdir()
    (root / ".git/locked/key").write_text("x")
    for way in ("clean", "smudge"):
        git(root, "config", f"filter.locked.{way}", f'"{program}" locked {way}')
    git(root, "config", "filter.locked.required", "true")
    (root / ".gitattributes").write_text("secret.txt filter=locked\n")
    (root / "secret.txt").write_text("abc\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "locked")
    assert git(root, "cat-file", "blob", "HEAD:secret.txt") == "bcd"
    return root


def test_a_filter_finds_its_key_in_the_users_git_directory(locked: Path, bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    assert (bench.work / "secret.txt").read_text() == "abc\n"
    (bench.work / "secret.txt").write_text("xyz\n")
    made = bench.accept(bench.head)
    assert git(locked, "cat-file", "blob", f"{made}:secret.txt") == "yza"
    assert git(bench.work, "diff") != ""  # git in the tree can read the file too
    assert not any(bench.work.joinpath(".git").rglob("key"))


def test_a_filter_finds_its_key_from_a_linked_worktree(
    locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(locked, "worktree", "add", "-q", "--no-checkout", str(tmp_path / "second"))
    folder = locked / ".git/worktrees/second/locked"
    folder.mkdir()
    (folder / "key").write_text("x")
    desk = open_desk(open_repository(tmp_path / "second"), None, Settings(), os.environ)
    try:
        tree = anyio.run(desk.check_out, desk.repository.head)
        assert (tree.path / "secret.txt").read_text() == "abc\n"
    finally:
        desk.close()


def test_a_filter_without_its_key_is_an_error_with_its_words(locked: Path, bench_of: Open) -> None:
    (locked / ".git/locked/key").unlink()
    with pytest.raises(WorkspaceError, match="locked"):
        bench_of().prepare()


# the cache


@pytest.mark.parametrize("place", ["cache", ".git/cache", "node_modules/.cache"])
def test_a_cache_in_the_repository_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("SUPERTEAM_CACHE", str(root / place))
    with pytest.raises(WorkspaceError, match="is in the repository") as caught:
        open_repository(root / "src")
    assert "SUPERTEAM_CACHE" in str(caught.value.hint) and not (root / place).exists()


def test_a_linked_cache_folder_that_leads_into_the_repository_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside").symlink_to(root)
    monkeypatch.delenv("SUPERTEAM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "outside/cache"))
    with pytest.raises(WorkspaceError, match="is in the repository"):
        open_repository(root)


def test_a_repository_in_the_cache_folder_is_none_of_this(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPERTEAM_CACHE", str(tmp_path))
    assert open_repository(root).head


@pytest.mark.parametrize("place", ["/dev/null/cache", "/proc/cache"])
def test_a_cache_that_cannot_be_made_is_said_with_its_path(
    root: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("SUPERTEAM_CACHE", place)
    with pytest.raises(WorkspaceError, match=place) as caught:
        open_engine(open_repository(root))
    assert "SUPERTEAM_CACHE" in str(caught.value.hint)


# paths


def test_a_repository_whose_path_has_a_line_end_is_refused(root: Path) -> None:
    odd = root.with_name("two\nlines")
    root.rename(odd)
    with pytest.raises(WorkspaceError, match=r"line end .*two\\nlines"):
        open_repository(odd)


@pytest.mark.parametrize("name", ["two\nlines.txt", "folder\n/file", "ends\n", "\n"])
def test_a_file_whose_path_has_a_line_end_is_committed(root: Path, bench_of: Open, name: str) -> None:
    (root / "given\n.txt").write_text("given\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "odd")
    bench = bench_of()
    bench.prepare()
    (bench.work / name).parent.mkdir(exist_ok=True)
    (bench.work / name).write_text("new\n")
    (bench.work / "given\n.txt").write_text("changed\n")
    made = bench.accept(bench.head)
    assert set(bench.do(bench.desk.changed, bench.head, made)) == {name, "given\n.txt"}
    assert bench.do(bench.desk.finish, made, True) is None
    assert (root / name).read_text() == "new\n" and git(root, "status", "--porcelain") == ""


def test_in_place_an_untracked_file_whose_path_has_a_line_end_is_not_committed(root: Path, bench_of: Open) -> None:
    (root / "mine\n.txt").write_text("mine\n")
    bench = bench_of(in_place=True)
    bench.prepare()
    (root / "new.txt").write_text("new\n")
    made = bench.accept(bench.head)
    assert bench.do(bench.desk.changed, bench.head, made) == ("new.txt",)
