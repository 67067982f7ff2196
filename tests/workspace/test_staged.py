"""The gate sees what will be committed in the index of its tree, and the user's index is given back."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import Bench, Open, git


def prepare_for_gate(bench: Bench) -> None:
    """Does what a task does between its agent's end and its gate."""
    tree = bench.do(bench.desk.capture).tree
    bench.do(bench.desk.prepare, tree, bench.head, "replaced/x")


@pytest.fixture(params=[False, True], ids=["tree", "in-place"])
def bench(request: pytest.FixtureRequest, bench_of: Open) -> Bench:
    made = bench_of(in_place=request.param)
    made.prepare()
    return made


def test_new_changed_and_deleted_files_are_staged(bench: Bench) -> None:
    (bench.work / "new.txt").write_text("new\n")
    (bench.work / "src/b.py").write_text("b = 2\n")
    (bench.work / "a.txt").unlink()
    prepare_for_gate(bench)
    staged = git(bench.work, "diff", "--cached", "--name-status").splitlines()
    assert staged == ["D\ta.txt", "A\tnew.txt", "M\tsrc/b.py"]
    assert git(bench.work, "diff", "--name-only") == ""
    assert "new.txt" in git(bench.work, "ls-files").splitlines()


def test_what_is_never_committed_is_not_staged(bench: Bench) -> None:
    (bench.work / ".gitignore").write_text("")
    for name in ("__pycache__/x.pyc", ".venv/x", ".superteam/x"):
        (bench.work / name).parent.mkdir(exist_ok=True)
        (bench.work / name).write_text("x")
    prepare_for_gate(bench)
    assert git(bench.work, "diff", "--cached", "--name-only").splitlines() == [".gitignore"]


def test_a_commit_of_the_agents_own_is_staged_like_any_other_change(bench_of: Open) -> None:
    bench = bench_of()
    bench.prepare()
    (bench.work / "new.txt").write_text("new\n")
    git(bench.work, "add", "-A")
    git(bench.work, "commit", "-q", "-m", "mine")
    prepare_for_gate(bench)
    assert git(bench.work, "diff", "--cached", "--name-only") == "new.txt"
    assert git(bench.work, "rev-parse", "HEAD") == bench.head


def test_what_the_agent_took_out_of_the_index_is_staged_again(bench: Bench) -> None:
    git(bench.work, "rm", "-q", "--cached", "a.txt")
    (bench.work / "new.txt").write_text("new\n")
    git(bench.work, "add", "-N", "new.txt")
    prepare_for_gate(bench)
    assert git(bench.work, "status", "--porcelain") == "A  new.txt"


def test_what_a_gate_stages_itself_is_not_committed(bench: Bench) -> None:
    (bench.work / "new.txt").write_text("new\n")
    prepare_for_gate(bench)
    (bench.work / "report.xml").write_text("<x/>")
    (bench.work / "a.txt").write_text("formatted\n")
    git(bench.work, "add", "-A")
    tree = bench.do(bench.desk.absorb)
    assert git(bench.root, "diff", "--name-only", bench.head, tree).splitlines() == ["a.txt", "new.txt"]


def test_in_place_a_rollback_leaves_nothing_staged(root: Path, bench_of: Open) -> None:
    bench = bench_of(in_place=True)
    bench.prepare()
    (root / "new.txt").write_text("new\n")
    prepare_for_gate(bench)
    bench.prepare()
    assert git(root, "status", "--porcelain") == ""


def test_in_place_the_users_untracked_files_are_not_staged(root: Path, bench_of: Open) -> None:
    (root / "mine.txt").write_text("mine\n")
    bench = bench_of(in_place=True)
    bench.prepare()
    (root / "new.txt").write_text("new\n")
    prepare_for_gate(bench)
    assert git(root, "status", "--porcelain").splitlines() == ["A  new.txt", "?? mine.txt"]
    bench.do(bench.desk.finish, bench.head, False)
    assert git(root, "status", "--porcelain") == "?? mine.txt" and (root / "mine.txt").read_text() == "mine\n"
