"""Which entries of a user's folders, and of temporary ones, can decide: looked for in real folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from superteam.workspace import outside
from superteam.workspace.outside import state_outside

CODE = 'from pathlib import Path\nMEMO = Path.home() / ".cache" / "memo.json"\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    path = tmp_path / "shop"
    path.mkdir()
    (path / "prices.py").write_text(CODE)
    return path


def put(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")


def found(tree: Path, home: Path, own: tuple[Path, ...] = (), **env: str) -> list[str]:
    states = state_outside(tree, {"HOME": str(home), **env}, own, ["prices.py"])
    return [state.path.removeprefix(f"{home}/") for state in states]


def test_what_carries_the_projects_name_or_is_named_by_code_is_found(tree: Path, home: Path) -> None:
    put(*(home / name for name in (".shop", ".config/prices/a", ".local/share/shop.db", ".local/state/shop/x")))
    put(home / ".cache/memo.json", home / ".cache/pip/x", home / ".ssh/id", home / "Documents/x", home / "shop-notes")
    assert found(tree, home) == [
        ".shop",
        ".cache/memo.json",
        ".config/prices",
        ".local/share/shop.db",
        ".local/state/shop",
    ]


def test_what_everybody_has_is_no_state_unless_it_is_the_projects(tmp_path: Path, tree: Path, home: Path) -> None:
    put(home / ".gitconfig", home / ".npm/x", home / ".pricelist")
    (tree / "prices.py").write_text('X = [Path.home() / x for x in (".gitconfig", ".npm", ".pricelist")]\n')
    assert found(tree, home) == [".pricelist"]
    tree.rename(tmp_path / "npm")
    assert found(tmp_path / "npm", home) == [".npm", ".pricelist"]


def test_the_file_that_was_written_last_is_shown(tree: Path, home: Path) -> None:
    put(home / ".shop/a", home / ".shop/b/c")
    os.utime(home / ".shop/a", ns=(1, 1))
    [state] = state_outside(tree, {"HOME": str(home)}, (), [])
    assert (state.path, state.shown) == (str(home / ".shop"), str(home / ".shop/b/c"))


def test_the_checkout_and_what_leads_to_it_are_no_state(tmp_path: Path, tree: Path, home: Path) -> None:
    put(home / ".shop/src/shop/prices.py", home / ".prices/x")
    assert found(tree, home, (home / ".shop/src/shop",)) == [".prices"]


def test_so_they_are_not_under_another_name_of_home(tmp_path: Path, tree: Path, home: Path) -> None:
    put(home / ".shop/src/x")
    (tmp_path / "link").symlink_to(home)
    assert found(tree, tmp_path / "link", (home / ".shop/src",)) == []


def test_a_home_that_is_the_checkout_or_in_the_tree_or_nowhere_has_no_state(tree: Path, home: Path) -> None:
    put(home / ".shop/x", tree / "home/.shop/x")
    assert found(tree, home, (home,)) == []
    assert found(tree, tree / "home") == []
    assert found(tree, Path("/nowhere/at/all")) == []


def test_a_folder_that_a_variable_names_is_looked_at_beside_the_usual_one(
    tmp_path: Path, tree: Path, home: Path
) -> None:
    put(home / ".cache/shop/x", tmp_path / "mine/memo.json")
    mine = str(tmp_path / "mine")
    assert found(tree, home, XDG_CACHE_HOME=mine) == [".cache/shop", f"{mine}/memo.json"]


def test_links_are_found_by_their_own_name_and_not_followed(tmp_path: Path, tree: Path, home: Path) -> None:
    put(tmp_path / "elsewhere/x")
    (home / ".shop").symlink_to(tmp_path / "elsewhere")
    (home / ".prices").symlink_to(tmp_path / "gone")
    assert found(tree, home) == [".prices", ".shop"]


def test_a_folder_with_too_much_in_it_is_not_looked_at(tree: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home / ".cache/shop/x", home / ".cache/a", home / ".cache/b")
    monkeypatch.setattr(outside, "ENTRIES", 3)
    assert found(tree, home) == [".cache/shop"]
    put(home / ".cache/c")
    assert found(tree, home) == []


def test_code_that_is_a_link_or_a_pipe_is_not_read(tmp_path: Path, tree: Path, home: Path) -> None:
    put(home / ".cache/memo.json")
    (tree / "prices.py").rename(tmp_path / "prices.py")
    (tree / "prices.py").symlink_to(tmp_path / "prices.py")
    assert found(tree, home) == []
    (tree / "prices.py").unlink()
    os.mkfifo(tree / "prices.py")
    assert found(tree, home) == []


def test_what_code_names_in_a_temporary_folder_is_found_and_cannot_be_hidden(tree: Path, home: Path) -> None:
    name = f"superteam-outside-{os.getpid()}"
    (tree / "prices.py").write_text(f'MEMO = "/var/tmp/{name}-" + "a"\n')
    path = Path("/var/tmp") / f"{name}-a"
    try:
        assert found(tree, home) == []
        put(path)
        [state] = state_outside(tree, {"HOME": str(home)}, (), ["prices.py"])
        assert state.path == str(path) and not state.hideable
        assert state.named is not None and (state.named.path, state.named.line) == ("prices.py", 1)
        assert found(tree, home, TMPDIR=str(path)) == []
        (tree / "prices.py").write_text(f'MEMO = gettempdir() + "{name}-" + "a"\n')  # a new folder each time
        assert found(tree, home) == []
    finally:
        path.unlink(missing_ok=True)


def test_without_home_in_the_environment_the_users_folder_is_still_looked_at(
    tree: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home / ".shop/x")
    monkeypatch.setenv("HOME", str(home))
    assert [state.path for state in state_outside(tree, {}, (), [])] == [str(home / ".shop")]
