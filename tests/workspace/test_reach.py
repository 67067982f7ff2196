"""What a suite reads beside its tree: what changes its hash, and what nobody can say."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from superteam.workspace.reach import dependencies


def save(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with an environment and installed packages."""
    top = tmp_path / "repo"
    save(top / ".venv/pyvenv.cfg", "home = /usr/bin\n")
    save(top / ".venv/lib/python3.11/site-packages/lib.py", "A = 1\n")
    save(top / "node_modules/lib/i.js", "exports.a = 1\n")
    save(top / "src/a.py", "")
    return top


def hash_of(checkout: Path, command: str = "pytest -q", **environ: str) -> str | None:
    return dependencies(checkout, {"PATH": os.defpath, "HOME": str(checkout / "none"), **environ}, command, ())


@pytest.mark.parametrize(
    "code",
    [
        "import time\nassert time.time() < 9e9\n",
        "assert datetime.date.today() < LIMIT\n",
        "const soon = new Date()\n",
        "if deadline.Before(time.Now()) {}\n",
        "test $(date +%s) -lt 9\n",
        "os.path.expanduser(path)\n",
        "cat $HOME/settings\n",
        'open("/tmp/state")\n',
        'connect("localhost", 5432)\n',
        'subprocess.run(["mytool"])\n',
        "VERSION := $(shell git describe --tags)\n",
    ],
)
def test_code_that_asks_the_clock_or_the_machine_is_out_of_reach(checkout: Path, code: str) -> None:
    assert hash_of(checkout) is not None
    save(checkout / "docs/notes.md", code)
    assert hash_of(checkout) is not None
    save(checkout / "src/b.any", code)
    assert hash_of(checkout) is None


def test_a_command_that_asks_the_clock_is_out_of_reach(checkout: Path) -> None:
    assert hash_of(checkout, "DAY=$(date +%F) pytest -q") is None


def rewritten(path: Path) -> None:
    """Another content of the same size, with the old time of the last change of its content."""
    times = path.stat()
    path.write_text(path.read_text().replace("1", "2"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_an_unchanged_environment_has_one_hash(checkout: Path) -> None:
    first = hash_of(checkout)
    save(checkout / ".venv/lib/python3.11/site-packages/__pycache__/lib.cpython-311.pyc", "x")
    save(checkout / "src/b.py", "a part of the tree, which is looked at elsewhere")
    assert first is not None and hash_of(checkout) == first


@pytest.mark.parametrize(
    "change",
    [
        lambda top: rewritten(top / ".venv/lib/python3.11/site-packages/lib.py"),
        lambda top: rewritten(top / "node_modules/lib/i.js"),
        lambda top: save(top / ".venv/lib/python3.11/site-packages/new.pth", "import os\n"),
        lambda top: save(top / "packages/a/node_modules/b/i.js", ""),
        lambda top: (top / "node_modules/lib/i.js").unlink(),
    ],
)
def test_whatever_is_edited_in_an_environment_changes_the_hash(checkout: Path, change: Callable[[Path], None]) -> None:
    first = hash_of(checkout)
    change(checkout)
    assert hash_of(checkout) not in (first, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda top: save(top / ".venv/lib/python3.11/site-packages/lib.pth", f"{top.parent / 'beside'}\n"),
        lambda top: save(top / ".venv/lib/python3.11/site-packages/lib.egg-link", "../../../../../beside\n.\n"),
        lambda top: save(
            top / ".venv/lib/python3.11/site-packages/__editable___lib_finder.py",
            f"MAPPING = {{'lib': '{top.parent / 'beside'}'}}\n",
        ),
        lambda top: (top / "node_modules/linked").symlink_to("../../beside"),
        lambda top: (
            save(top / "node_modules/@scope/x", "").unlink()
            or (top / "node_modules/@scope/x").symlink_to(top.parent / "beside")
        ),
        lambda top: save(top / "Cargo.toml", 'lib = { path = "../beside" }\n'),
        lambda top: save(top / "services/a/go.mod", "replace lib => ../../../beside\n"),
    ],
)
def test_a_dependency_beside_the_repository_is_out_of_reach(checkout: Path, change: Callable[[Path], None]) -> None:
    (checkout.parent / "beside").mkdir()
    change(checkout)
    assert hash_of(checkout) is None


def test_a_search_path_or_an_environment_of_others_is_out_of_reach(checkout: Path, tmp_path: Path) -> None:
    assert hash_of(checkout, PYTHONPATH=str(tmp_path / "lib")) is None
    assert hash_of(checkout, PYTHONPATH=str(checkout / "src")) is not None
    assert hash_of(checkout, NODE_PATH="/srv/node") is None
    assert hash_of(checkout, "poetry run pytest") is None
    assert hash_of(checkout, "docker compose run test") is None


def test_links_within_the_checkout_and_editable_installs_of_it_are_in_reach(checkout: Path) -> None:
    save(checkout / ".venv/lib/python3.11/site-packages/own.pth", f"{checkout / 'src'}\n")
    (checkout / "node_modules/own").symlink_to("../src")
    assert hash_of(checkout) is not None


def test_an_interpreter_that_the_command_names_is_looked_at(checkout: Path, tmp_path: Path) -> None:
    package = save(tmp_path / "other/lib/python3.11/site-packages/lib.py", "A = 1\n")
    command = f"{tmp_path}/other/bin/python -m pytest"
    first = hash_of(checkout, command)
    rewritten(package)
    assert hash_of(checkout, command) != first
