"""Work trees side by side, and merges whose conflicts stay in the files, with real git."""

from __future__ import annotations

import threading
from contextlib import suppress

import anyio
import pytest
from playground import Repo

from superteam.core.settings import Settings
from superteam.workspace import own_tree
from superteam.workspace.desk import Desk, open_desk
from superteam.workspace.git_directory import Engine
from superteam.workspace.opening import open_engine, open_repository


@pytest.fixture
def engine(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("SUPERTEAM_CACHE", str(repo.cache))
    return open_engine(open_repository(repo.root), run_id="r1")


def tree_with(repo: Repo, **files: str) -> str:
    """A tree object with the last commit's files and these."""
    repo.write({name.replace("_", "."): text for name, text in files.items()})
    repo.git("add", "-A")
    tree = repo.git("write-tree")
    repo.git("reset", "-q", "--hard")
    return tree


def test_a_clean_merge_has_both_changes_and_no_conflict(repo: Repo, engine: Engine) -> None:
    base = repo.git("rev-parse", "HEAD^{tree}")
    tree, conflicts = engine.combine(base, tree_with(repo, a_txt="a\n"), tree_with(repo, b_txt="b\n"))
    assert conflicts == () and {"a.txt", "b.txt", "calc.py"} <= set(repo.files_at(tree))


def test_a_conflict_leaves_both_sides_in_the_file_and_the_rest_is_merged(repo: Repo, engine: Engine) -> None:
    base = repo.git("rev-parse", "HEAD^{tree}")
    ours = tree_with(repo, n_txt="ours\n", a_txt="a\n")
    theirs = tree_with(repo, n_txt="theirs\n", b_txt="b\n")
    assert engine.merge(base, ours, theirs) is None
    tree, conflicts = engine.combine(base, ours, theirs)
    files = repo.files_at(tree)
    assert conflicts == ("n.txt",) and files["a.txt"] == "a" and files["b.txt"] == "b"
    lines = files["n.txt"].splitlines()
    assert lines[1:4] == ["ours", "=======", "theirs"] and lines[0].startswith("<<<<<<< ")
    assert engine.marked(tree, conflicts) == ("n.txt",)


def test_only_markers_of_a_merge_count_as_such(repo: Repo, engine: Engine) -> None:
    """A document about conflicts, or a line of a text that is underlined, is none."""
    tree = tree_with(repo, n_txt="<<<<<<< HEAD\nTitle\n=======\n>>>>>>> theirs\n", a_txt=f">>>>>>> {'a' * 40}\r\n")
    assert engine.marked(tree, ("n.txt", "a.txt", "gone.txt")) == ("a.txt",)


@pytest.mark.parametrize("name", ["-n.txt", ":(glob)*", "é \n.txt", "a'b\"c.txt"])
def test_a_path_is_taken_as_it_is(name: str, repo: Repo, engine: Engine) -> None:
    def written(text: str) -> str:
        (repo.root / name).write_text(text)
        repo.git("add", "-A")
        tree = repo.git("write-tree")
        repo.git("reset", "-q", "--hard")
        return tree

    tree, conflicts = engine.combine(repo.git("rev-parse", "HEAD^{tree}"), written("1\n"), written("2\n"))
    assert conflicts == (name,) and engine.marked(tree, conflicts) == (name,)


def test_a_file_that_one_side_deleted_and_the_other_changed_conflicts_without_markers(
    repo: Repo, engine: Engine
) -> None:
    base = repo.git("rev-parse", "HEAD^{tree}")
    changed = tree_with(repo, calc_py="x = 1\n")
    repo.git("rm", "-q", "calc.py")
    deleted = repo.git("write-tree")
    repo.git("reset", "-q", "--hard")
    tree, conflicts = engine.combine(base, deleted, changed)
    assert conflicts == ("calc.py",) and engine.marked(tree, conflicts) == ()
    assert repo.files_at(tree)["calc.py"] == "x = 1"


@pytest.fixture
def opened(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("SUPERTEAM_CACHE", str(repo.cache))
    return open_desk(open_repository(repo.root), None, Settings(), repo.environ())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_two_gits_of_ours_are_at_work_at_once(backend: str) -> None:
    """They would find each other's locks: two threads that wait for each other never meet."""
    barrier = threading.Barrier(2, timeout=0.2)
    met: list[bool] = []

    def meet() -> None:
        with suppress(threading.BrokenBarrierError):
            barrier.wait()
            met.append(True)

    async def both() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(own_tree.in_thread, meet)

    anyio.run(both, backend=backend)
    assert met == []


def test_each_slot_is_a_folder_of_its_own(opened: Desk) -> None:
    paths = [opened._slot(slot).path for slot in range(3)]
    assert [path.name for path in paths] == ["work", "work-2", "work-3"]
    assert len({opened.engine.index(path) for path in paths}) == 3
    opened.close()
