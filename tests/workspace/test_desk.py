"""The trees of a run through the Workspace port: the agent's tree, the check tree, the user's checkout."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest
from bench import BRANCH, Bench, Open, git

from superteam.core.settings import Settings
from superteam.errors import SetupFailed, WorkspaceError
from superteam.workspace.desk import open_desk
from superteam.workspace.fast_forward import checkout_follows
from superteam.workspace.opening import open_repository, require_startable


def everything(root: Path) -> dict[str, str]:
    """The user's repository and checkout by content, but new objects, what is ours, and git merge's own mark."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and path.name != "ORIG_HEAD"
        and ".git/objects" not in str(path)
        and "superteam" not in str(path.relative_to(root))
    }


def saved(root: Path) -> list[str]:
    return git(root, "for-each-ref", "--format=%(refname)", "refs/superteam").splitlines()


# the agent's tree


def _deletes_git(work: Path, root: Path) -> None:
    subprocess.run(["rm", "-rf", ".git"], cwd=work, check=True)


def _commits(work: Path, root: Path) -> None:
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "mine")
    git(work, "tag", "mine")
    git(work, "branch", "-f", "main")


def _switches_and_resets(work: Path, root: Path) -> None:
    git(work, "switch", "-q", "-c", "other")
    git(work, "commit", "-q", "--allow-empty", "-m", "x")
    git(work, "stash", "-q", "-u")
    git(work, "stash", "pop", "-q")


def _links_git(work: Path, root: Path) -> None:
    subprocess.run(["rm", "-rf", ".git"], cwd=work, check=True)
    (work / ".git").symlink_to(root / ".git")


def _plants_hooks(work: Path, root: Path) -> None:
    for name in ("pre-commit", "post-checkout", "post-index-change", "reference-transaction"):
        (work / ".git/hooks" / name).write_text(f"#!/bin/sh\ntouch {root.parent}/ran\n")
        (work / ".git/hooks" / name).chmod(0o755)
    git(work, "config", "core.fsmonitor", f"touch {root.parent}/ran")


@pytest.mark.parametrize("deed", [_deletes_git, _commits, _switches_and_resets, _links_git, _plants_hooks])
def test_whatever_an_agent_does_to_its_repository_only_its_files_count(
    root: Path, bench_of: Open, deed: Callable[[Path, Path], None]
) -> None:
    (root / "src/b.py").write_text("mine = 1\n")
    before = everything(root)
    bench = bench_of()
    bench.prepare()
    (bench.work / "new.txt").write_text("new\n")
    (bench.work / "a.txt").unlink()
    deed(bench.work, root)
    made = bench.accept(bench.head)
    assert set(git(root, "ls-tree", "-r", "--name-only", made).split()) == {".gitignore", "new.txt", "src/b.py"}
    bench.prepare(made)
    assert git(bench.work, "rev-parse", "--abbrev-ref", "HEAD") == BRANCH
    assert git(bench.work, "status", "--porcelain") == "" and git(bench.work, "rev-parse", "HEAD") == made
    assert git(bench.work, "tag") == "v1"
    assert everything(root) == before and not (root.parent / "ran").exists()


def test_an_agent_without_a_repository_finds_none_further_up(root: Path, bench_of: Open, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    bench = bench_of()
    bench.prepare()
    _deletes_git(bench.work, root)
    env = {**bench.desk.work().env}
    done = subprocess.run(["git", "rev-parse", "--git-dir"], cwd=bench.work, env=env, capture_output=True, check=False)
    assert done.returncode != 0


def test_going_back_keeps_what_was_there_and_removes_it(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    (bench.work / "half.txt").write_text("half\n")
    (bench.work / "noise.log").write_text("x\n")
    bench.prepare()
    assert sorted(p.name for p in bench.work.iterdir()) == [".git", ".gitignore", "a.txt", "src"]
    assert saved(root) == ["refs/superteam/r1/replaced/x"]
    assert git(root, "show", "refs/superteam/r1/replaced/x:half.txt") == "half"


def test_what_is_left_out_is_listed_and_stays_out(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    (bench.work / "__pycache__").mkdir()
    (bench.work / "__pycache__/x.pyc").write_text("x")
    (bench.work / "noise.log").write_text("x\n")
    taken = bench.do(bench.desk.capture)
    assert taken.tree == bench.desk.repository.tree_of("HEAD")
    assert set(taken.left_out) == {"__pycache__/", "noise.log"}


def test_a_gate_may_change_tracked_files_only(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    (bench.work / "new.py").write_text("n=1\n")
    bench.do(bench.desk.capture)
    (bench.work / "new.py").write_text("n = 1\n")
    (bench.work / "report.xml").write_text("<x/>")
    tree = bench.do(bench.desk.absorb)
    assert git(root, "show", f"{tree}:new.py") == "n = 1"
    assert git(root, "ls-tree", tree, "report.xml") == ""
    bench.do(bench.desk.prepare, tree, bench.head, "replaced/y")
    assert not (bench.work / "report.xml").exists()


def test_the_branch_does_not_move_when_somebody_moved_it(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    (bench.work / "n").write_text("1\n")
    one = bench.accept(bench.head)
    git(root, "update-ref", f"refs/heads/{BRANCH}", bench.head)
    with pytest.raises(WorkspaceError, match="not where this run left it"):
        bench.accept(one)
    assert git(root, "rev-parse", BRANCH) == bench.head


# setup and the check tree

SETUP = (
    "echo run >> ../../ran; mkdir -p deps src/gen.egg-info src/__pycache__; echo changed >> a.txt; "
    "touch deps/x src/gen.egg-info/PKG src/__pycache__/b.pyc"
)


def test_setup_runs_once_until_a_lock_file_changes_and_what_it_made_stays(root: Path, bench_of: Open) -> None:
    bench = bench_of(setup=SETUP)
    ran = bench.desk.repository.cache / "ran"
    bench.prepare()
    assert ran.read_text().split() == ["run"]
    assert (bench.work / "a.txt").read_text() == "one\n", "what setup does to tracked files is not the agent's work"
    (bench.work / "uv.lock").write_text("1\n")
    made = bench.accept(bench.head)
    assert "deps" not in git(root, "ls-tree", "-r", "--name-only", made)
    bench.prepare()
    assert (bench.work / "deps/x").exists() and (bench.work / "src/gen.egg-info/PKG").exists()
    assert not (bench.work / "src/__pycache__").exists()
    assert ran.read_text().split() == ["run"]
    bench.prepare(made)
    assert ran.read_text().split() == ["run", "run"]
    bench.again()
    bench.prepare(made)
    assert ran.read_text().split() == ["run", "run"] and (bench.work / "deps/x").exists()
    subprocess.run(["rm", "-rf", bench.work], check=True)
    bench.prepare(made)
    assert ran.read_text().split() == ["run", "run", "run"]


def test_setup_runs_again_for_every_other_tree_and_sees_nothing_it_made_before(root: Path, bench_of: Open) -> None:
    command = "test ! -e made && mkdir made && cp src/b.py made/copy.py"
    bench = bench_of(setup=command)
    bench.do(bench.desk.check_out, bench.head)
    (root / "src/b.py").write_text("b = 2\n")
    git(root, "commit", "-q", "-a", "-m", "change")
    tree = bench.do(bench.desk.check_out, git(root, "rev-parse", "HEAD"))
    assert (tree.path / "made/copy.py").read_text() == "b = 2\n"
    again = bench.do(bench.desk.check_out, bench.head)
    assert (again.path / "made/copy.py").read_text() == "b = 1\n"


@pytest.mark.parametrize(
    ("changed", "runs"),
    [("src/b.py", 1), ("README", 1), ("gen/a.in", 2), ("deep/gen/b.in", 2), ("packages/a/package-lock.json", 2)],
)
def test_setup_inputs_say_which_files_count(root: Path, bench_of: Open, changed: str, runs: int) -> None:
    ran = root.parent / "ran"
    bench = bench_of(setup=f"mkdir -p made; echo run >> {ran}", setup_inputs=("**/gen/*.in", "tools"))
    bench.do(bench.desk.check_out, bench.head)
    (root / changed).parent.mkdir(parents=True, exist_ok=True)
    (root / changed).write_text("changed\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "change")
    bench.do(bench.desk.check_out, git(root, "rev-parse", "HEAD"))
    assert ran.read_text().split() == ["run"] * runs


def test_a_setup_that_makes_the_environment_of_the_tree_runs_once_for_a_tree(root: Path, bench_of: Open) -> None:
    ran = root.parent / "ran"
    command = f"{sys.executable} -m venv --without-pip .venv; echo run >> {ran}"
    bench = bench_of(setup=command)
    for _ in range(3):
        tree = bench.do(bench.desk.check_out, bench.head)
        assert tree.env["VIRTUAL_ENV"] == f"{tree.path}/.venv"
    assert ran.read_text().split() == ["run"]


def test_what_a_suite_changed_in_the_output_of_setup_is_made_again(bench_of: Open) -> None:
    bench = bench_of(setup="mkdir -p made/__pycache__; echo right > made/x", setup_inputs=("a.txt",))
    tree = bench.do(bench.desk.check_out, bench.head)
    before = (tree.path / "made/x").stat()
    (tree.path / "made/__pycache__/x.pyc").write_text("")
    bench.do(bench.desk.check_out, bench.head)
    assert (tree.path / "made/x").stat().st_ino == before.st_ino
    (tree.path / "made/x").write_text("wrong\n")
    os.utime(tree.path / "made/x", ns=(before.st_atime_ns, before.st_mtime_ns))
    bench.do(bench.desk.check_out, bench.head)
    assert (tree.path / "made/x").read_text() == "right\n"


def test_a_damaged_record_of_the_setup_removes_nothing_outside_of_the_tree(root: Path, bench_of: Open) -> None:
    bench = bench_of(setup="mkdir -p made")
    tree = bench.do(bench.desk.check_out, bench.head)
    victim = root.parent / "victim"
    victim.mkdir()
    (tree.path / "out").symlink_to(root.parent)
    stamp = tree.path.with_name(f"{tree.path.name}.setup.json")
    names = ["../../../victim", str(victim), "out/victim", ".git", "made/../../../../victim"]
    stamp.write_text(json.dumps({"made_from": "x", "state": "x", "kept": names}))
    bench.do(bench.desk.check_out, bench.head)
    assert victim.is_dir()


def test_a_setup_that_leads_the_users_environment_to_the_tree_is_stopped(
    root: Path, bench_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = root.parent / "own"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", own], check=True)
    (packages,) = own.glob("lib/python*/site-packages")
    monkeypatch.setenv("VIRTUAL_ENV", str(own))
    monkeypatch.setenv("PATH", f"{own}/bin:{os.environ['PATH']}")
    bench = bench_of(setup=f'echo "$PWD/src" > {packages}/project.pth')
    with pytest.raises(WorkspaceError) as error:
        bench.do(bench.desk.check_out, bench.head)
    assert not isinstance(error.value, SetupFailed)
    assert f"{packages}/project.pth" in error.value.message
    assert "setup = " in (error.value.hint or "")


@pytest.mark.parametrize(
    ("manifest", "text"),
    [
        ("pyproject.toml", '[tool.uv.sources]\nlib = { path = "../lib", editable = true }\n'),
        ("package.json", '{"dependencies": {"lib": "file:../lib"}}'),
        ("Cargo.toml", '[dependencies]\nlib = { path = "../lib" }\n'),
        ("go.mod", "replace example.org/lib => ../lib\n"),
        ("sub/requirements.txt", "-e ../../lib\n"),
    ],
)
def test_a_setup_that_needs_a_folder_beside_the_repository_says_so(
    root: Path, bench_of: Open, manifest: str, text: str
) -> None:
    (root.parent / "lib").mkdir()
    (root / manifest).parent.mkdir(exist_ok=True)
    (root / manifest).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "manifest")
    bench = bench_of(setup="test -e ../lib")
    with pytest.raises(SetupFailed) as error:
        bench.do(bench.desk.check_out, bench.head)
    assert f"../lib ({manifest})" in error.value.message
    assert str(root.parent / "lib") in error.value.message


def test_a_failing_setup_is_said_with_its_last_words(bench_of: Open) -> None:
    with pytest.raises(WorkspaceError, match="no such registry"):
        bench_of(setup="echo no such registry >&2; exit 3").prepare()


def test_the_check_tree_is_clean_each_time(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    tree = bench.do(bench.desk.check_out, bench.head)
    (tree.path / "src/b.py").write_text("b = 'spoilt'\n")
    (tree.path / "src/__pycache__").mkdir()
    (tree.path / "src/__pycache__/b.cpython-311.pyc").write_text("stale")
    (tree.path / "env").mkdir()
    (tree.path / "env/x").write_text("left by a test")
    again = bench.do(bench.desk.check_out, bench.head)
    assert again.path == tree.path and again.sha == bench.head
    assert sorted(p.name for p in again.path.iterdir()) == [".git", ".gitignore", "a.txt", "src"]
    assert (again.path / "src/b.py").read_text() == "b = 1\n" and len(list((again.path / "src").iterdir())) == 1
    assert git(again.path, "rev-parse", "HEAD") == bench.head and git(again.path, "status", "--porcelain") == ""


def test_a_mixed_check_tree_has_some_paths_of_another_tree_and_the_next_checkout_is_clean(
    root: Path, bench_of: Open
) -> None:
    bench = bench_of()
    bench.prepare()
    (bench.work / "src/b.py").unlink()
    (bench.work / "src/new.py").write_text("new = 1\n")
    (bench.work / "a.txt").write_text("changed\n")
    other = bench.do(bench.desk.capture).tree
    tree = bench.do(bench.desk.check_out_mixed, bench.head, other, ["src/b.py", "src/new.py"])
    assert [p.name for p in (tree.path / "src").iterdir()] == ["new.py"]
    assert (tree.path / "a.txt").read_text() != "changed\n"
    (tree.path / "left").write_text("by a test")
    again = bench.do(bench.desk.check_out, bench.head)
    assert [p.name for p in (again.path / "src").iterdir()] == ["b.py"] and not (again.path / "left").exists()
    assert bench.do(bench.desk.check_out_mixed, bench.head, other, ["src/b.py", "nowhere"]) is None


def test_a_second_user_of_the_check_tree_gets_another(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    other = open_desk(open_repository(root), None, bench.settings, os.environ)
    try:
        assert bench.do(bench.desk.check_out, bench.head).path != bench.do(other.check_out, bench.head).path
    finally:
        other.close()


def test_validate_sees_the_dirty_checkout_and_needs_no_name(root: Path) -> None:
    git(root, "config", "--unset", "user.name")
    (root / "a.txt").write_text("dirty\n")
    (root / "new.txt").write_text("new\n")
    before = everything(root)
    desk = open_desk(open_repository(root), None, Settings(), os.environ)
    try:
        sha = desk.snapshot_checkout()
        tree = anyio.run(desk.check_out, sha)
        assert (tree.path / "a.txt").read_text() == "dirty\n" and (tree.path / "new.txt").exists()
    finally:
        desk.close()
    assert everything(root) == before


# fast-forward


def finished(bench: Bench, files: dict[str, str] | None = None) -> str:
    """A run with one accepted task; its last commit."""
    bench.prepare()
    for name, text in (files or {"new.txt": "new\n", "a.txt": "two\n"}).items():
        (bench.work / name).parent.mkdir(parents=True, exist_ok=True)
        (bench.work / name).write_text(text)
    return bench.accept(bench.head)


def test_the_users_branch_follows_a_run_that_ended_well(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    tip = finished(bench)
    (root / "src/b.py").write_text("mine = 1\n")
    (root / "own.txt").write_text("own\n")
    assert bench.do(bench.desk.finish, tip, True) is None
    assert git(root, "rev-parse", "main") == tip
    assert git(root, "status", "--porcelain") == " M src/b.py\n?? own.txt"
    assert (root / "a.txt").read_text() == "two\n"
    assert bench.do(bench.desk.finish, tip, True) is None, "again"


@pytest.mark.parametrize("mine", [{"new.txt": "untracked\n"}, {"a.txt": "changed\n"}, {".env": "secret\n"}])
def test_a_file_in_the_way_refuses_the_fast_forward_and_nothing_is_touched(
    root: Path, bench_of: Open, mine: dict[str, str]
) -> None:
    bench = bench_of()
    tip = finished(bench, {"new.txt": "new\n", "a.txt": "two\n", ".gitignore": "*.log\n", ".env": "x\n"})
    for name, text in mine.items():
        (root / name).write_text(text)
    before = everything(root)
    reason = bench.do(bench.desk.finish, tip, True)
    assert reason and "in the way" in reason
    assert everything(root) == before and git(root, "rev-parse", "main") == bench.head


def test_a_fast_forward_that_was_killed_half_way_is_completed(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    tip = finished(bench, {"new/x.txt": "new\n", "a.txt": "two\n", "src/b.py": "b = 2\n"})
    (root / "a.txt").write_text("two\n")
    (root / "new").mkdir()
    (root / "new/x.txt").write_text("new\n")
    (root / ".git/index.lock").write_text("")
    bench.again()
    bench.desk.recover(interrupted=True)
    assert bench.do(bench.desk.finish, tip, True) is None
    assert git(root, "status", "--porcelain") == "" and git(root, "rev-parse", "main") == tip


def test_a_fast_forward_that_was_killed_before_its_branch_moved_is_completed(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    tip = finished(bench, {"new/x.txt": "new\n", "a.txt": "two\n"})
    assert checkout_follows(bench.desk.engine, bench.head, tip) is None
    bench.again()
    assert bench.do(bench.desk.finish, tip, True) is None
    assert git(root, "status", "--porcelain") == "" and git(root, "rev-parse", "main") == tip


def test_a_fast_forward_leaves_out_what_a_sparse_checkout_leaves_out(root: Path, bench_of: Open) -> None:
    git(root, "sparse-checkout", "set", "--no-cone", "/*", "!/src/")
    bench = bench_of()
    tip = finished(bench, {"src/b.py": "b = 2\n", "a.txt": "two\n"})
    assert bench.do(bench.desk.finish, tip, True) is None
    assert git(root, "status", "--porcelain") == "" and not (root / "src").exists()
    assert (root / "a.txt").read_text() == "two\n"


def test_a_fast_forward_names_the_changed_file_that_is_in_the_way(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    tip = finished(bench, {"a.txt": "two\n"})
    (root / "a.txt").write_text("mine\n")
    reason = bench.do(bench.desk.finish, tip, True)
    assert "a.txt" in reason and "hint:" not in reason
    assert (root / "a.txt").read_text() == "mine\n"


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_in_place_a_change_that_git_was_told_not_to_see_is_seen(root: Path, flag: str) -> None:
    git(root, "update-index", flag, "a.txt")
    require_startable(open_repository(root), in_place=True)
    (root / "a.txt").write_text("mine\n")
    with pytest.raises(WorkspaceError, match=r"without changes; changed are: a\.txt"):
        require_startable(open_repository(root), in_place=True)
    assert git(root, "ls-files", "-v", "a.txt")[0] in "hS"


def test_in_place_a_sparse_checkout_is_refused_before_its_files_are_filled_in(root: Path) -> None:
    git(root, "sparse-checkout", "set", "--no-cone", "/*", "!/src/")
    require_startable(open_repository(root), in_place=False)
    with pytest.raises(WorkspaceError, match=r"sparse one leaves out: src/b\.py"):
        require_startable(open_repository(root), in_place=True)


def test_a_fast_forward_holds_the_lock_of_the_index_before_it_looks_at_the_files(
    root: Path, bench_of: Open, tmp_path: Path
) -> None:
    git(root, "config", "filter.own.clean", f"test -e {root}/.git/index.lock || touch {tmp_path}/early; cat")
    (root / ".gitattributes").write_text("a.txt filter=own\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "a filter")
    bench = bench_of()
    tip = finished(bench, {"src/b.py": "b = 2\n"})
    (root / "a.txt").write_text("one\n")  # the same, but git has to look
    (tmp_path / "early").unlink()
    assert bench.do(bench.desk.finish, tip, True) is None
    assert not (tmp_path / "early").exists() and not (root / ".git/index.lock").exists()


@pytest.mark.parametrize("name", ["new", "new/x"])
def test_an_ignored_file_in_the_way_of_a_folder_or_file_is_not_overwritten(
    root: Path, bench_of: Open, name: str
) -> None:
    bench = bench_of()
    tip = finished(bench, {"new/x": "new\n"})
    (root / ".git/info/exclude").write_text("new\n")
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("mine\n")
    reason = bench.do(bench.desk.finish, tip, True)
    assert reason and "new/x" in reason and (root / name).read_text() == "mine\n"
    assert git(root, "status", "--porcelain") == ""


def test_a_branch_that_moved_stays_where_it_is(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    tip = finished(bench)
    git(root, "commit", "-q", "--allow-empty", "-m", "mine")
    mine = git(root, "rev-parse", "main")
    assert "moved" in bench.do(bench.desk.finish, tip, True)
    assert git(root, "rev-parse", "main") == mine and git(root, "rev-parse", BRANCH) == tip


def test_a_branch_that_is_not_checked_out_moves_and_files_stay(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    tip = finished(bench)
    git(root, "switch", "-q", "-c", "other")
    assert bench.do(bench.desk.finish, tip, True) is None
    assert git(root, "rev-parse", "main") == tip and (root / "a.txt").read_text() == "one\n"
    assert git(root, "status", "--porcelain") == ""


def test_a_branch_that_is_checked_out_elsewhere_stays(root: Path, bench_of: Open) -> None:
    bench = bench_of()
    tip = finished(bench)
    git(root, "switch", "-q", "-c", "other")
    git(root, "worktree", "add", "-q", "../linked", "main")
    assert "another worktree" in bench.do(bench.desk.finish, tip, True)
    assert git(root, "rev-parse", "main") == bench.head


def test_a_detached_head_never_moves(root: Path, bench_of: Open) -> None:
    git(root, "switch", "-q", "--detach")
    bench = bench_of()
    tip = finished(bench)
    assert "detached" in bench.do(bench.desk.finish, tip, True)
    assert git(root, "rev-parse", "HEAD") == bench.head


def test_hooks_of_the_user_do_not_run(root: Path, bench_of: Open) -> None:
    for name in ("post-merge", "reference-transaction", "post-checkout", "pre-commit"):
        (root / ".git/hooks" / name).write_text(f"#!/bin/sh\ntouch {root.parent}/ran\n")
        (root / ".git/hooks" / name).chmod(0o755)
    bench = bench_of()
    assert bench.do(bench.desk.finish, finished(bench), True) is None
    assert not (root.parent / "ran").exists()


@pytest.mark.parametrize("in_place", [False, True])
def test_the_folders_that_gates_and_suites_run_in_are_known_also_when_a_check_tree_is_busy(
    bench_of: Open, in_place: bool
) -> None:
    first, second = bench_of(in_place=in_place), bench_of(in_place=in_place)
    for bench in (first, second):
        bench.prepare()
        checked = bench.do(bench.desk.check_out, bench.head)
        assert bench.desk.roots() == (str(bench.work), str(checked.path))
    assert first.desk.roots() != second.desk.roots()


@pytest.mark.parametrize("in_place", [False, True])
def test_what_python_compiled_of_a_changed_file_goes_and_nothing_else(
    root: Path, bench_of: Open, tmp_path: Path, in_place: bool
) -> None:
    (root / "tracked").mkdir()
    (root / "tracked/c.py").write_text("c = 1\n")
    (root / "tracked/__pycache__").mkdir()
    (root / "tracked/__pycache__/c.cpython-311.pyc").write_text("tracked")
    git(root, "add", "-A", "-f")
    git(root, "commit", "-q", "-m", "compiled")
    outside = tmp_path / "outside"
    (outside / "__pycache__").mkdir(parents=True)
    (outside / "__pycache__/d.cpython-311.pyc").write_text("outside")
    bench = bench_of(in_place=in_place)
    bench.prepare()
    (bench.work / "src/__pycache__").mkdir()
    for name in ("b.cpython-311.pyc", "b.cpython-311-pytest-9.pyc", "bb.cpython-311.pyc", "b.txt"):
        (bench.work / "src/__pycache__" / name).write_text("x")
    (bench.work / "linked").mkdir()
    (bench.work / "linked/__pycache__").symlink_to(outside / "__pycache__")
    (bench.work / "linked/d.py").write_text("d = 1\n")
    (bench.work / "src/b.py").write_text("b = 2\n")
    (bench.work / "tracked/c.py").write_text("c = 2\n")
    bench.do(bench.desk.capture)
    assert {path.name for path in (bench.work / "src/__pycache__").iterdir()} == {"bb.cpython-311.pyc", "b.txt"}
    assert (outside / "__pycache__/d.cpython-311.pyc").exists()
    assert (bench.work / "tracked/__pycache__/c.cpython-311.pyc").read_text() == "tracked"


# in place


def test_in_place_the_users_untracked_files_are_never_committed_nor_lost(root: Path, bench_of: Open) -> None:
    (root / "notes").mkdir()
    (root / "notes/mine.txt").write_text("mine\n")
    (root / "x.log").write_text("ignored\n")
    bench = bench_of(in_place=True)
    bench.prepare()
    assert git(root, "symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}"
    (root / "notes/new.txt").write_text("new\n")
    (root / "a.txt").write_text("two\n")
    made = bench.accept(bench.head)
    assert "notes/mine.txt" not in git(root, "ls-tree", "-r", "--name-only", made)
    assert git(root, "status", "--porcelain") == "?? notes/mine.txt"
    assert git(root, "show", "refs/superteam/r1/untracked-at-start:notes/mine.txt") == "mine"
    (root / "half.txt").write_text("half\n")
    (root / "src/b.py").unlink()
    bench.prepare()
    assert (root / "a.txt").read_text() == "one\n" and not (root / "half.txt").exists()
    assert (root / "src/b.py").exists() and not (root / "notes/new.txt").exists()
    assert (root / "notes/mine.txt").read_text() == "mine\n" and (root / "x.log").exists()


def test_in_place_a_good_end_leaves_the_user_on_his_branch_at_the_tip(root: Path, bench_of: Open) -> None:
    bench = bench_of(in_place=True)
    tip = finished(bench)
    assert bench.do(bench.desk.finish, tip, True) is None
    assert git(root, "symbolic-ref", "HEAD") == "refs/heads/main" and git(root, "rev-parse", "HEAD") == tip
    assert git(root, "status", "--porcelain") == ""


def test_in_place_a_bad_end_gives_the_checkout_back(root: Path, bench_of: Open) -> None:
    (root / "own.txt").write_text("own\n")
    bench = bench_of(in_place=True)
    tip = finished(bench)
    assert bench.do(bench.desk.finish, tip, False)
    assert git(root, "symbolic-ref", "HEAD") == "refs/heads/main" and git(root, "rev-parse", "HEAD") == bench.head
    assert git(root, "status", "--porcelain") == "?? own.txt" and git(root, "rev-parse", BRANCH) == tip


def test_in_place_the_agents_own_commits_and_branches_are_kept_and_undone(root: Path, bench_of: Open) -> None:
    bench = bench_of(in_place=True)
    bench.prepare()
    (root / "new.txt").write_text("new\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "agent's own")
    own = git(root, "rev-parse", "HEAD")
    made = bench.accept(bench.head)
    assert git(root, "rev-parse", BRANCH) == made and git(root, "show", f"{made}:new.txt") == "new"
    assert own in git(root, "for-each-ref", "--format=%(objectname)", "refs/superteam")
    git(root, "switch", "-q", "-c", "elsewhere")
    notes = bench.prepare(made)
    assert "elsewhere" in " ".join(notes) and git(root, "symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}"


def test_in_place_configuration_that_the_agent_wrote_runs_nothing(root: Path, bench_of: Open) -> None:
    bench = bench_of(in_place=True)
    bench.prepare()
    for key in ("core.fsmonitor", "filter.x.clean", "filter.x.smudge", "diff.external"):
        git(root, "config", key, f"touch {root.parent}/ran")
    (root / ".gitattributes").write_text("* filter=x\n")
    (root / "a.txt").write_text("two\n")
    made = bench.accept(bench.head)
    bench.again()
    bench.prepare(made)
    (root / "a.txt").write_text("three\n")
    bench.prepare()
    assert (root / "a.txt").read_text() == "one\n" and not (root.parent / "ran").exists()


def test_in_place_what_lies_where_a_file_belongs_is_moved_away(root: Path, bench_of: Open) -> None:
    bench = bench_of(in_place=True)
    bench.prepare()
    (root / "a.txt").unlink()
    (root / "a.txt").mkdir()
    (root / "a.txt/secret.log").write_text("ignored, and nowhere else\n")
    notes = bench.prepare()
    assert (root / "a.txt").read_text() == "one\n"
    [aside] = bench.desk.repository.cache.glob("set-aside/r1/*/a.txt/secret.log")
    assert "ignored" in aside.read_text() and "set-aside" in " ".join(notes)


def test_in_place_a_tracked_file_of_an_excluded_name_stays_tracked(root: Path, bench_of: Open) -> None:
    (root / "node_modules").mkdir()
    (root / "node_modules/x.js").write_text("1\n")
    git(root, "add", "-f", "node_modules")
    git(root, "commit", "-q", "-m", "vendored")
    bench = bench_of(in_place=True)
    made = finished(bench)
    assert "node_modules/x.js" in git(root, "ls-tree", "-r", "--name-only", made)


def test_in_place_a_resume_on_another_branch_is_refused(root: Path, bench_of: Open) -> None:
    bench = bench_of(in_place=True)
    finished(bench)
    git(root, "switch", "-q", "-c", "elsewhere")
    bench.again()
    with pytest.raises(WorkspaceError, match="not where this in-place run left it"):
        bench.prepare()


def test_a_passing_lock_of_the_users_index_is_waited_for(
    root: Path, bench_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of(in_place=True)
    bench.prepare()
    (root / "new.txt").write_text("n\n")
    lock = root / ".git/index.lock"
    lock.write_text("")
    pauses: list[float] = []

    def end_the_other_git(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            lock.unlink()

    monkeypatch.setattr("superteam.workspace.git_directory.time", SimpleNamespace(sleep=end_the_other_git))
    bench.accept(bench.head)
    assert len(pauses) == 3 and git(root, "status", "--porcelain") == "" and not lock.exists()


def test_a_failed_swap_of_the_index_leaves_the_users_lock_alone(
    root: Path, bench_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("superteam.workspace.git_directory._PAUSES", ())
    bench = bench_of(in_place=True)
    bench.prepare()
    (root / "new.txt").write_text("n\n")
    (root / ".git/index.lock").write_text("")
    with pytest.raises(WorkspaceError, match=r"index\.lock"):
        bench.accept(bench.head)
    (root / ".git/index.lock").unlink()
    bench.accept(bench.head)
    assert git(root, "status", "--porcelain") == ""


def test_what_appears_in_the_active_environment_during_a_run_is_a_finding(
    root: Path, bench_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = root.parent / "own"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", own], check=True)
    (packages,) = own.glob("lib/python*/site-packages")
    monkeypatch.setenv("VIRTUAL_ENV", str(own))
    monkeypatch.setenv("PATH", f"{own}/bin:{os.environ['PATH']}")
    bench = bench_of()
    bench.do(bench.desk.check_out, bench.head)
    assert bench.do(bench.desk.environment_findings, bench.head) == ()
    (packages / "sitecustomize.py").write_text("import os\n")
    bench.do(bench.desk.check_out, bench.head)
    (found,) = bench.do(bench.desk.environment_findings, bench.head)
    assert found.path == str(packages / "sitecustomize.py")
