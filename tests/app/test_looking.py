"""What `init` sees of a repository: HEAD, whatever lies in the checkout, and whatever files are called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playground import Repo

from superteam.app.discovery import discover
from superteam.app.discovery.facts import Facts
from superteam.app.initialising import write
from superteam.app.looking import look
from superteam.errors import ConfigError, SuperteamError
from superteam.workspace.opening import open_repository


def seen(repo: Repo) -> Facts:
    return look(open_repository(repo.root), repo.environ())


def test_head_is_read_and_not_the_checkout(empty_repo: Repo) -> None:
    empty_repo.commit({"pyproject.toml": "[tool.pytest]\n", "a/package.json": "{}"})
    empty_repo.write({"pyproject.toml": "", "go.mod": ""})
    found = seen(empty_repo)
    assert found.files == {"pyproject.toml", "a/package.json"}
    assert found.texts == {"pyproject.toml": "[tool.pytest]\n", "a/package.json": "{}"}


def test_links_are_left_out(empty_repo: Repo) -> None:
    (empty_repo.root / "go.mod").symlink_to("/etc/passwd")
    empty_repo.commit({"a.go": ""})
    assert seen(empty_repo).files == {"a.go"}


def test_a_file_that_is_too_large_is_listed_and_not_read(empty_repo: Repo) -> None:
    empty_repo.commit({"package.json": " " * (2**20 + 1), "go.mod": "module x\n"})
    found = seen(empty_repo)
    assert "package.json" in found.files and set(found.texts) == {"go.mod"}


def test_a_sparse_partial_clone_is_seen_without_what_it_has_not_fetched(empty_repo: Repo, tmp_path: Path) -> None:
    empty_repo.commit({"go.mod": "module x\n", "far/package.json": "{}"})
    empty_repo.git("config", "uploadpack.allowFilter", "true")
    how = ("clone", "-q", "--filter=blob:none", "--sparse")
    empty_repo.git(*how, empty_repo.root.as_uri(), str(tmp_path / "clone"))
    found = look(open_repository(tmp_path / "clone"), empty_repo.environ())
    assert found.files == {"go.mod", "far/package.json"} and found.texts == {"go.mod": "module x\n"}


def test_names_of_any_bytes_are_no_obstacle(empty_repo: Repo) -> None:
    for name in (b"test_\xff.py", b"test_a\nb.py", b'test_ \t".py'):
        (empty_repo.root / os.fsdecode(name)).write_text("import pytest\n")
    empty_repo.commit({"Cargo.toml": "", "test_z.py": "import unittest\n"})
    found = seen(empty_repo)
    assert found.texts["test_z.py"] == "import unittest\n" and "test_\udcff.py" in found.texts
    assert discover(found).tests


def test_a_byte_order_mark_and_foreign_bytes_are_borne(empty_repo: Repo) -> None:
    (empty_repo.root / "package.json").write_bytes(b'\xef\xbb\xbf{"scripts": {"test": "x\xff"}}')
    empty_repo.commit({})
    assert discover(seen(empty_repo)).tests[0].command == "npm test"


def test_dependency_folders_of_the_checkout_are_seen_unless_git_tracks_them(empty_repo: Repo) -> None:
    empty_repo.commit({".gitignore": ".venv\nnode_modules\n", "web/package.json": "{}", "vendor/a.php": ""})
    empty_repo.write({".venv/x": "", "web/node_modules/x": ""})
    assert seen(empty_repo).folders == {".venv", "web/node_modules"}


def test_only_programs_on_path_are_there(empty_repo: Repo, tmp_path: Path) -> None:
    empty_repo.commit({"a": ""})
    (tmp_path / "npm").write_text("#!/bin/sh\n")
    (tmp_path / "npm").chmod(0o755)
    (tmp_path / "cargo").write_text("not executable")
    assert look(open_repository(empty_repo.root), {"PATH": str(tmp_path)}).programs == {"npm"}


def test_a_file_that_came_in_between_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "superteam.toml").write_text("mine")
    with pytest.raises(ConfigError, match="not overwritten"):
        write(tmp_path, "ours")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("superteam.toml", "mine")]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(SuperteamError, match="could not be written"):
        write(tmp_path / "nowhere", "ours")
