"""Submodules in our trees: their files are those of the pointer, and nothing is written into the user's."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from bench import Open, git

from superteam.core.settings import Settings
from superteam.workspace.desk import Desk, open_desk
from superteam.workspace.opening import open_repository

LOCAL = ("-c", "protocol.file.allow=always", "-c", "user.name=Ada", "-c", "user.email=ada@example.org")


def make(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "-A", "-f")
    git(folder, *LOCAL, "commit", "-q", "-m", "start")
    return folder


@pytest.fixture
def with_lib(root: Path, tmp_path: Path) -> Path:
    """The repository with a submodule lib, which has a submodule inner of its own."""
    inner = make(tmp_path / "inner", {"deep.py": "deep = 1\n"})
    lib = make(tmp_path / "lib", {"lib.py": "lib = 1\n", ".gitignore": "*.o\n", "kept.o": "tracked\n"})
    git(lib, *LOCAL, "submodule", "add", "-q", str(inner), "inner")
    git(lib, *LOCAL, "commit", "-q", "-m", "inner")
    git(root, *LOCAL, "submodule", "add", "-q", "--name", "a name", str(lib), "vendor/lib")
    git(root, *LOCAL, "submodule", "update", "-q", "--init", "--recursive")
    git(root, "commit", "-q", "-m", "lib")
    return root


@pytest.fixture
def desk(with_lib: Path) -> Iterator[Desk]:
    opened = open_desk(open_repository(with_lib), None, Settings(), os.environ)
    yield opened
    opened.close()


def checked(desk: Desk) -> Path:
    """The check tree of the working tree as `validate` has it."""
    return anyio.run(desk.check_out, desk.snapshot_checkout()).path / "vendor/lib"


def everything(root: Path) -> dict[str, str]:
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_submodule_is_checked_out_at_its_pointer_with_those_inside(desk: Desk) -> None:
    lib = checked(desk)
    assert sorted(path.name for path in lib.iterdir()) == [".gitignore", ".gitmodules", "inner", "kept.o", "lib.py"]
    assert (lib / "inner/deep.py").read_text() == "deep = 1\n"
    assert git(lib.parent.parent, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["lib.py", "new.py", "inner/deep.py", "inner/new.py"])
def test_a_changed_file_of_a_submodule_is_in_the_check_tree(desk: Desk, name: str) -> None:
    here = desk.repository.toplevel / "vendor/lib"
    (here / name).write_text("broken\n")
    modules = everything(desk.repository.common_dir / "modules")
    assert (checked(desk) / name).read_text() == "broken\n" and (checked(desk) / "kept.o").exists()
    assert everything(desk.repository.common_dir / "modules") == modules
    git(desk.repository.toplevel, "fsck", "--connectivity-only")


def test_a_deleted_file_of_a_submodule_is_not_in_the_check_tree(desk: Desk) -> None:
    (desk.repository.toplevel / "vendor/lib/lib.py").unlink()
    assert not (checked(desk) / "lib.py").exists()


def test_a_moved_pointer_is_in_the_check_tree(desk: Desk) -> None:
    here = desk.repository.toplevel / "vendor/lib"
    (here / "lib.py").write_text("lib = 2\n")
    git(here, *LOCAL, "commit", "-q", "-a", "-m", "two")
    assert (checked(desk) / "lib.py").read_text() == "lib = 2\n"
    base = anyio.run(desk.check_out, desk.repository.head).path
    assert (base / "vendor/lib/lib.py").read_text() == "lib = 1\n"


def test_an_unchanged_submodule_changes_nothing_in_the_snapshot(desk: Desk) -> None:
    assert desk.snapshot_checkout() == desk.repository.head


def test_a_submodule_that_a_run_dirtied_is_clean_in_the_next(desk: Desk) -> None:
    lib = checked(desk)
    (lib / "lib.py").write_text("spoilt\n")
    (lib / "left.o").write_text("left by a run")
    (lib / "inner/left").write_text("left by a run")
    lib = checked(desk)
    assert (lib / "lib.py").read_text() == "lib = 1\n"
    assert not (lib / "left.o").exists() and not (lib / "inner/left").exists()


def test_a_submodule_that_is_not_initialised_is_empty_and_said_so(with_lib: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(with_lib), "again")
    desk = open_desk(open_repository(tmp_path / "again"), None, Settings(), os.environ)
    try:
        assert list(checked(desk).iterdir()) == []
        assert [note[:35] for note in desk.check_tree.notes] == ["the submodule vendor/lib is empty: "]
    finally:
        desk.close()


def test_a_linked_worktree_has_its_own_submodules(with_lib: Path, tmp_path: Path) -> None:
    git(with_lib, "worktree", "add", "-q", str(tmp_path / "second"))
    git(tmp_path / "second", *LOCAL, "submodule", "update", "-q", "--init", "--recursive")
    (tmp_path / "second/vendor/lib/lib.py").write_text("second\n")
    desk = open_desk(open_repository(tmp_path / "second"), None, Settings(), os.environ)
    try:
        assert (checked(desk) / "lib.py").read_text() == "second\n"
    finally:
        desk.close()


def test_an_edit_of_an_agent_in_a_submodule_is_named_kept_and_put_back(with_lib: Path, bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    lib = bench.work / "vendor/lib"
    (lib / "lib.py").write_text("by the agent\n")
    (bench.work / "a.txt").write_text("changed\n")
    taken = bench.do(bench.desk.capture)
    assert bench.do(bench.desk.changed, bench.head, taken.tree) == ("a.txt",)
    (note,) = taken.notes
    assert "submodule vendor/lib is not committed" in note
    store, commit = note.rpartition("--git-dir=")[2].rstrip(")").split(" show ")
    assert git(with_lib, f"--git-dir={store}", "show", f"{commit}:lib.py") == "by the agent"
    bench.do(bench.desk.prepare, taken.tree, bench.head, "replaced/x")
    assert (lib / "lib.py").read_text() == "lib = 1\n", "the gate runs on what is committed"


def test_a_repository_that_an_agent_makes_of_a_submodule_moves_no_pointer(with_lib: Path, bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    lib = bench.work / "vendor/lib"
    git(lib, "init", "-q")
    git(lib, "add", "-A")
    git(lib, *LOCAL, "commit", "-q", "-m", "mine")
    taken = bench.do(bench.desk.capture)
    assert taken.tree == bench.desk.repository.tree_of("HEAD") and taken.notes == ()


def test_a_link_where_a_submodule_was_leads_us_nowhere(with_lib: Path, bench_of: Open, tmp_path: Path) -> None:
    outside = tmp_path / "outside/lib"
    (outside / ".git").mkdir(parents=True)
    bench = bench_of()
    bench.prepare()
    (bench.work / "vendor").rename(bench.work / "old")
    (bench.work / "vendor").symlink_to(outside.parent)
    bench.do(bench.desk.capture)
    bench.prepare()
    assert (outside / ".git").is_dir() and (bench.work / "vendor/lib/lib.py").read_text() == "lib = 1\n"


def test_a_task_may_remove_a_submodule(with_lib: Path, bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    git(bench.work, "rm", "-q", "-r", "-f", "vendor/lib")
    made = bench.accept(bench.head)
    assert set(bench.do(bench.desk.changed, bench.head, made)) == {".gitmodules", "vendor/lib"}
    tree = bench.do(bench.desk.check_out, made)
    assert not (tree.path / "vendor/lib/lib.py").exists()


def test_what_setup_makes_in_a_submodule_stays(with_lib: Path, bench_of: Open) -> None:
    bench = bench_of(setup="echo built > vendor/lib/lib.o; echo built > vendor/lib/inner/deep.o")
    for _ in range(2):
        lib = bench.do(bench.desk.check_out, bench.head).path / "vendor/lib"
        assert (lib / "lib.o").exists() and (lib / "inner/deep.o").exists()
