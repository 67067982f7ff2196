"""What each execution of a suite has for itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from superteam.sources.surroundings import drop_compiled, private_folders


def test_folders_are_new_each_time_and_gone_afterwards(tmp_path):
    env = {"TMPDIR": str(tmp_path), "HOME": str(tmp_path / "home")}
    seen = []
    for _ in range(2):
        with private_folders(Path("/t/x"), env) as own:
            folders = [Path(own[name]) for name in ("TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")]
            assert all(list(folder.iterdir()) == [] for folder in folders)
            for folder in folders:
                (folder / "left").mkdir(mode=0)
            seen.append(own)
    assert seen[0] == seen[1]  # a path in the id of a test is the same in each run
    assert list(tmp_path.iterdir()) == []
    assert len(seen[0]["TMPDIR"]) < len(str(tmp_path)) + 12


def test_nothing_in_their_names_speaks_of_us(tmp_path):
    with private_folders(Path("/t/x"), {"TMPDIR": str(tmp_path)}) as own:
        assert not any("superteam" in value.removeprefix(str(tmp_path)) for value in own.values())


def test_tools_find_the_users_caches_and_the_project_does_not_find_its_own(tmp_path):
    tree, home = tmp_path / "tree", tmp_path / "home"
    (tree / "src" / "my_shop").mkdir(parents=True)
    for name in ("uv", "go-build", "my-shop"):
        (home / ".cache" / name).mkdir(parents=True)
    with private_folders(tree, {"TMPDIR": str(tmp_path), "HOME": str(home)}) as own:
        cache = Path(own["XDG_CACHE_HOME"])
        assert {path.name for path in cache.iterdir()} == {"uv", "go-build"}
        (cache / "uv" / "download").touch()
    assert (home / ".cache" / "uv" / "download").exists()
    assert {path.name for path in (home / ".cache").iterdir()} == {"uv", "go-build", "my-shop"}


def test_the_users_own_place_of_caches_is_the_one_that_is_linked(tmp_path):
    (tmp_path / "mine" / "uv").mkdir(parents=True)
    env = {"TMPDIR": str(tmp_path), "HOME": "/nowhere", "XDG_CACHE_HOME": str(tmp_path / "mine")}
    with private_folders(tmp_path / "tree", env) as own:
        assert [path.name for path in Path(own["XDG_CACHE_HOME"]).iterdir()] == ["uv"]


def test_something_of_another_kind_in_the_way_is_left_alone(tmp_path):
    with private_folders(Path("/t/x"), {"TMPDIR": str(tmp_path)}) as own:
        name = Path(own["TMPDIR"]).name
    target = tmp_path / "target"
    target.mkdir()
    (target / "kept").touch()
    (tmp_path / name).symlink_to(target)
    with private_folders(Path("/t/x"), {"TMPDIR": str(tmp_path)}) as own:
        assert Path(own["TMPDIR"]).name != name
    assert (target / "kept").exists()


def test_where_no_folder_can_be_made_the_environment_stays(tmp_path):
    env = {"TMPDIR": str(tmp_path / "nowhere"), "A": "b"}
    with private_folders(Path("/t/x"), env) as own:
        assert own == env


def test_compiled_python_of_the_tree_goes_and_that_of_environments_stays(tmp_path):
    for place in (".", "a/b", ".venv/lib", "env/lib", "node_modules/x"):
        (tmp_path / place / "__pycache__").mkdir(parents=True)
        (tmp_path / place / "__pycache__" / "x.pyc").touch()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    (tmp_path / "link").symlink_to(tmp_path / ".venv")
    drop_compiled(tmp_path)
    left = {path.parent.parent.relative_to(tmp_path).as_posix() for path in tmp_path.glob("**/*.pyc")}
    assert left == {".venv/lib", "env/lib", "node_modules/x"}


def test_a_link_that_tests_put_in_a_folders_place_is_removed_and_not_followed(tmp_path):
    users = tmp_path / "users"
    (users / "below").mkdir(parents=True)
    for folder in (users, users / "below"):
        folder.chmod(0o755)
    with private_folders(Path("/t/x"), {"TMPDIR": str(tmp_path)}) as own:
        Path(own["XDG_CACHE_HOME"], "link").symlink_to(users)
        shutil.rmtree(own["TMPDIR"])
        Path(own["TMPDIR"]).symlink_to(users)
    assert [path.stat().st_mode & 0o777 for path in (users, users / "below")] == [0o755, 0o755]
    assert list(tmp_path.iterdir()) == [users]


def test_a_file_in_a_folders_place_and_a_folder_that_is_gone_end_nothing(tmp_path):
    with private_folders(Path("/t/x"), {"TMPDIR": str(tmp_path)}) as own:
        shutil.rmtree(own["TMPDIR"])
        Path(own["TMPDIR"]).touch()
        shutil.rmtree(Path(own["XDG_CACHE_HOME"]).parent)
    assert list(tmp_path.iterdir()) == []


def test_a_very_deep_folder_ends_nothing(tmp_path):
    here = Path.cwd()
    with private_folders(Path("/t/x"), {"TMPDIR": str(tmp_path)}) as own:
        os.chdir(own["TMPDIR"])
        for _ in range(3000):
            os.mkdir("a")  # noqa: PTH102
            os.chdir("a")
        os.chdir(here)
    subprocess.run(["rm", "-rf", own["TMPDIR"]], check=True)


def test_a_folder_of_another_user_ends_nothing(tmp_path, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(path)

    with private_folders(Path("/t/x"), {"TMPDIR": str(tmp_path)}) as own:
        Path(own["TMPDIR"], "theirs").mkdir()
        monkeypatch.setattr(Path, "chmod", refuse)


def test_what_is_hidden_is_not_found_and_all_else_is(tmp_path):
    home, mine = tmp_path / "home", tmp_path / "mine"
    for path in (
        home / ".cache/shop/memo",
        home / ".cache/uv/x",
        home / ".gitconfig",
        home / ".shop/x",
        mine / "shop/x",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kept")
    env = {"TMPDIR": str(tmp_path), "HOME": str(home), "XDG_CONFIG_HOME": str(mine)}
    hidden = [str(path) for path in (home / ".cache/shop", home / ".shop", mine / "shop")]
    with private_folders(tmp_path / "tree", env, hidden) as own:
        there = Path(own["HOME"])
        assert {path.name for path in there.iterdir()} == {".cache", ".gitconfig"}
        assert {path.name for path in (there / ".cache").iterdir()} == {"uv"}
        assert list(Path(own["XDG_CONFIG_HOME"]).iterdir()) == []
        assert {path.name for path in Path(own["XDG_CACHE_HOME"]).iterdir()} == {"uv"}
        (there / ".cache/shop").mkdir()
        (there / ".cache/uv/y").touch()
        (there / ".gitconfig").write_text("changed as ever")
    assert not there.exists() and (home / ".cache/uv/y").exists()
    assert (home / ".cache/shop/memo").read_text() == (home / ".shop/x").read_text() == (mine / "shop/x").read_text()
    assert (home / ".gitconfig").read_text() == "changed as ever"


def test_a_home_in_which_nothing_is_hidden_stays(tmp_path):
    env = {"TMPDIR": str(tmp_path), "HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "mine")}
    (tmp_path / "mine/shop").mkdir(parents=True)
    with private_folders(tmp_path / "tree", env, [str(tmp_path / "mine/shop")]) as own:
        assert own["HOME"] == env["HOME"]
        assert list(Path(own["XDG_CACHE_HOME"]).iterdir()) == []


def test_where_nothing_can_be_hidden_the_suite_does_not_run(tmp_path):
    env = {"TMPDIR": str(tmp_path / "nowhere"), "HOME": str(tmp_path)}
    with pytest.raises(OSError, match="nowhere"), private_folders(Path("/t/x"), env, [str(tmp_path / ".shop")]):
        pass
