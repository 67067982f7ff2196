"""An environment that somebody edited is said: test runners, their plugins, and what Python runs at each start."""

from __future__ import annotations

import base64
import hashlib
import json
import py_compile
from collections.abc import Callable
from pathlib import Path

import pytest

from superteam.core.finding import Finding
from superteam.workspace.environment_watch import (
    edited_runners,
    findings_of,
    list_environment,
    record,
    recorded,
)


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """An environment of a tree with pytest, a plugin and a package that is neither."""
    folder = tmp_path / "tree/.venv/lib/python3.11/site-packages"
    install(folder, "pytest", "_pytest/runner.py")
    install(folder, "pytest_extra", "extra.py", plugin="extra = extra")
    install(folder, "requests", "requests/api.py")
    (folder / "editable.pth").write_text(f"{tmp_path}/tree/src\n")
    return folder


def install(folder: Path, name: str, module: str, plugin: str = "", text: str = "x = 1\n") -> None:
    file = folder / module
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    mark = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    rows = [f"{module},sha256={mark},6", f"{metadata.name}/RECORD,,", "../../../bin/x.py,sha256=no,1"]
    (metadata / "RECORD").write_text("\n".join(rows))
    if plugin:
        (metadata / "entry_points.txt").write_text(f"[console_scripts]\na = b\n[pytest11]\n{plugin}\n[other]\nc = d\n")


def seen(packages: Path, change: Callable[[], object]) -> list[Finding]:
    """The findings after a change, compared with a record before it."""
    prefix = packages.parents[2]
    tree = prefix.parent
    before = list_environment(tree, [prefix])
    change()
    return list(findings_of(before, list_environment(tree, [prefix]), edited_runners(tree, [prefix])))


def test_an_environment_as_it_was_installed_has_no_findings(packages: Path) -> None:
    assert seen(packages, lambda: (packages / "other.txt").write_text("")) == []


@pytest.mark.parametrize("module", ["_pytest/runner.py", "extra.py"])
def test_an_edited_file_of_a_runner_or_plugin_is_a_finding(packages: Path, module: str) -> None:
    (found,) = seen(packages, lambda: (packages / module).write_text("x = 2\n"))
    assert found.path == f".venv/lib/python3.11/site-packages/{module}"
    assert "differs from what pytest" in found.detail
    assert found.rank == 1


def test_a_removed_file_of_a_runner_is_a_finding(packages: Path) -> None:
    (found,) = seen(packages, (packages / "_pytest/runner.py").unlink)
    assert found.path.endswith("_pytest/runner.py")


def test_an_edited_package_that_runs_no_tests_is_one_of_lower_rank(packages: Path) -> None:
    (found,) = seen(packages, lambda: (packages / "requests/api.py").write_text("x = 2\n"))
    assert found.path == ".venv/lib/python3.11/site-packages/requests"
    assert found.rank == 3


def test_an_edited_runner_is_a_finding_though_its_list_of_files_was_edited_too(packages: Path) -> None:
    def edit() -> None:
        (packages / "_pytest/runner.py").write_text("x = 2\n")
        (packages / "pytest-1.0.dist-info/RECORD").write_text("_pytest/other.py,,\n")

    assert [found.path.rpartition("/")[2] for found in seen(packages, edit)] == ["_pytest"]


def test_a_module_that_no_package_brought_is_a_finding_and_an_installed_one_is_none(packages: Path) -> None:
    (found,) = seen(packages, lambda: (packages / "fastcmp.py").write_text("x = 1\n"))
    assert "no package brought" in found.detail
    assert seen(packages, lambda: install(packages, "numpy", "numpy/core.py")) == []


def test_an_upgraded_package_and_the_project_itself_are_none(packages: Path) -> None:
    def upgrade() -> None:
        (packages / "requests/api.py").write_text("x = 3\n")
        (packages / "requests-1.0.dist-info").rename(packages / "requests-2.0.dist-info")

    assert seen(packages, upgrade) == []
    install(packages, "shop", "shop/price.py")
    (packages.parents[3] / "src/shop").mkdir(parents=True)
    assert seen(packages, lambda: (packages / "shop/price.py").write_text("x = 4\n")) == []


def test_a_plugin_by_the_older_metadata_is_a_finding(packages: Path) -> None:
    def plant() -> None:
        folder = packages / "quiet-1.0.egg-info"
        folder.mkdir()
        (folder / "entry_points.txt").write_text("[pytest11]\nquiet = quiet\n")

    assert any(found.path.startswith("quiet in ") for found in seen(packages, plant))


def test_a_program_that_says_something_else_is_a_finding(packages: Path) -> None:
    program = packages.parents[2] / "bin/pytest"
    program.parent.mkdir()
    program.write_text("#!/here/python\nmain()\n")
    assert seen(packages, lambda: program.write_text("#!/there/python\nmain()\n")) == []
    (found,) = seen(packages, lambda: program.write_text("#!/here/python\nquiet()\nmain()\n"))
    assert found.path == ".venv/bin/pytest"


def test_bytecode_of_another_source_that_python_believes_is_a_finding(packages: Path) -> None:
    source = packages / "_pytest/runner.py"
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    assert seen(packages, lambda: py_compile.compile(str(source), invalidation_mode=mode)) == []

    def plant() -> None:
        old = source.read_text()
        source.write_text("x = 2\n")
        py_compile.compile(str(source), invalidation_mode=mode)
        source.write_text(old)

    (found,) = seen(packages, plant)
    assert found.path.endswith(".pyc")


def test_an_edited_package_of_node_is_a_finding_and_a_link_to_a_workspace_is_none(packages: Path) -> None:
    tree = packages.parents[3]
    for folder in (tree / "node_modules/expect", tree / "libs/mine"):
        folder.mkdir(parents=True)
        (folder / "index.js").write_text("check()\n")
        (folder / "package.json").write_text('{"version": "1.0.0"}')
    (tree / "node_modules/mine").symlink_to(tree / "libs/mine")
    (found,) = seen(packages, lambda: (tree / "node_modules/expect/index.js").write_text("pass()\n"))
    assert found.path == "node_modules/expect"
    assert seen(packages, lambda: (tree / "libs/mine/index.js").write_text("more()\n")) == []


@pytest.mark.parametrize("name", ["new.pth", "sitecustomize.py", "usercustomize.py"])
def test_a_new_file_that_python_runs_at_each_start_is_a_finding(packages: Path, name: str) -> None:
    (found,) = seen(packages, lambda: (packages / name).write_text("import os\n"))
    assert found.path.endswith(name)
    assert "has appeared since" in found.detail


def test_a_changed_path_file_is_a_finding(packages: Path) -> None:
    (found,) = seen(packages, lambda: (packages / "editable.pth").write_text("import os\n"))
    assert "was changed since" in found.detail


def test_a_new_plugin_of_pytest_is_a_finding(packages: Path) -> None:
    (found,) = seen(packages, lambda: install(packages, "quiet", "quiet.py", plugin="quiet = quiet:Quiet"))
    assert found.path.startswith("quiet in ")
    assert "pytest loads by itself" in found.detail


def test_an_edited_runner_of_node_is_a_finding_and_another_version_is_none(packages: Path) -> None:
    runner = packages.parents[3] / "node_modules/vitest"
    (runner / "dist").mkdir(parents=True)
    (runner / "dist/index.js").write_text("run()\n")
    (runner / "package.json").write_text('{"version": "4.1.0"}')
    (found,) = seen(packages, lambda: (runner / "dist/index.js").write_text("pass()\n"))
    assert found.path == "node_modules/vitest"

    def upgrade() -> None:
        (runner / "dist/index.js").write_text("more()\n")
        (runner / "package.json").write_text('{"version": "4.2.0"}')

    assert seen(packages, upgrade) == []


def test_the_state_is_the_same_in_each_tree(packages: Path, tmp_path: Path) -> None:
    tree, other = tmp_path / "tree", tmp_path / "tree-2"
    before = list_environment(tree, [tree / ".venv"])
    tree.rename(other)
    (other / ".venv/lib/python3.11/site-packages/editable.pth").write_text(f"{other}/src\n")
    assert list_environment(other, [other / ".venv"]) == before


def test_the_first_record_of_a_commit_stays_and_a_damaged_one_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "environments"
    assert recorded(folder, "a") is None
    record(folder, "a", {"file x": "1"})
    record(folder, "a", {"file x": "2"})
    assert recorded(folder, "a") == {"file x": "1"}
    (folder / "a.json").write_text("[")
    assert recorded(folder, "a") is None
    assert findings_of(None, {"file x": "1"}, []) == ()
    for number in range(60):
        record(folder, f"b{number}", {})
    assert len(list(folder.iterdir())) == 50


@pytest.mark.parametrize(
    "text", ['"unclosed', "a", "a,b\n\0", "a\0.py,sha256=x,1", "x" * 200_000 + ".py", json.dumps({"a": 1})]
)
def test_a_record_that_cannot_be_read_is_no_finding(packages: Path, text: str) -> None:
    (packages / "pytest-1.0.dist-info/RECORD").write_text(text)
    assert edited_runners(packages.parents[3], [packages.parents[2]]) == []
