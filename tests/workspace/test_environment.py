"""A tree runs as the checkout does, and tests its own code: with real environments, installs and node."""

from __future__ import annotations

import json
import os
import shutil
import site
import stat
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.core.settings import WorkspaceSettings
from superteam.errors import ConfigError, WorkspaceError
from superteam.workspace import venv
from superteam.workspace.bring import brought_before
from superteam.workspace.environment import Readiness, base_environment, lock_fingerprint, make_ready

AUTO = WorkspaceSettings()
PYPROJECT = """\
[build-system]
requires = ["hatchling", "editables"]
build-backend = "hatchling.build"
[project]
name = "pkg"
version = "1"
[project.scripts]
where = "pkg:where"
[tool.hatch.build.targets.wheel]
packages = ["src/pkg"]
"""
CODE = "def where():\n    print(__file__)\n"
FINDER = """\
import sys
from importlib.machinery import PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
MAPPING = {'pkg': '%s'}
class Finder:
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname in MAPPING:
            return spec_from_file_location(fullname, Path(MAPPING[fullname], '__init__.py'))
def install():
    sys.meta_path.append(Finder)
"""


class Pair:
    """A checkout of a Python project with a src layout, and a tree of the same commit."""

    def __init__(self, base: Path, name: str = "checkout", tree: str = "cache/trees/work") -> None:
        self.checkout, self.tree = base / name, base / tree
        for folder in (self.checkout, self.tree):
            (folder / "src/pkg").mkdir(parents=True)
            (folder / "src/pkg/__init__.py").write_text(CODE)
            (folder / "pyproject.toml").write_text(PYPROJECT)
        self.environ = {"PATH": "/usr/bin:/bin", "HOME": str(base / "home"), "LANG": "C.UTF-8"}

    def venv(self, place: str | Path = ".venv") -> Path:
        """A real environment, new in an instant; a relative place is below the checkout."""
        path = self.checkout / place
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", path], check=True)
        return path

    def ready(
        self,
        workspace: WorkspaceSettings = AUTO,
        untracked: Collection[str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Readiness:
        return make_ready(self.checkout, self.tree, workspace, {**self.environ, **(environ or {})}, untracked)

    def activated(self, environment: Path) -> dict[str, str]:
        return {"VIRTUAL_ENV": str(environment), "PATH": f"{environment}/bin:{self.environ['PATH']}"}


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python*/site-packages")
    return found


def install(pair: Pair, environment: Path, source: str = "src") -> None:
    """A real editable install, with the build backend and pip of the environment that runs the tests."""
    borrowed = packages(environment) / "borrowed.pth"
    borrowed.write_text("\n".join(site.getsitepackages()))
    command = [
        str(environment / "bin/python"),
        "-m",
        "pip",
        "install",
        "-q",
        "--no-build-isolation",
        "--no-deps",
        "-e",
        ".",
    ]
    env = {**pair.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(command, cwd=pair.checkout, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    borrowed.unlink()


def install_pth(pair: Pair, environment: Path, source: str = "src") -> None:
    (packages(environment) / "__editable__.pkg-1.pth").write_text(f"{pair.checkout}/{source}\n")


def install_finder(pair: Pair, environment: Path, source: str = "src") -> None:
    folder = packages(environment)
    (folder / "__editable___pkg_1_finder.py").write_text(FINDER % f"{pair.checkout}/{source}/pkg")
    (folder / "__editable__.pkg-1.pth").write_text(
        "import __editable___pkg_1_finder; __editable___pkg_1_finder.install()"
    )


def install_editables(pair: Pair, environment: Path, source: str = "src") -> None:
    """What hatchling's exact mode and pdm write."""
    from editables import EditableProject

    project = EditableProject("pkg", pair.checkout)
    project.map("pkg", f"{source}/pkg")
    for name, text in project.files():
        (packages(environment) / name).write_text(text)
    shutil.copytree(Path(site.getsitepackages()[0]) / "editables", packages(environment) / "editables")


Editable = Callable[[Pair, Path, str], None]
INSTALLS: list[Editable] = [install, install_pth, install_finder, install_editables]


def imported(tree: Path, env: Mapping[str, str], program: str = "python") -> str:
    command = [shutil.which(program, path=env["PATH"]) or program, "-c", "import pkg; print(pkg.__file__)"]
    done = subprocess.run(command, cwd=tree, env=dict(env), capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr


def census(folder: Path) -> dict[str, tuple[object, ...]]:
    """Bytes, modes, links and times of everything below a folder; bytecode is the interpreter's own."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        if "__pycache__" in path.parts:
            continue
        info = path.lstat()
        link = path.readlink() if path.is_symlink() else None
        data = path.read_bytes() if stat.S_ISREG(info.st_mode) else b""
        time = info.st_mtime_ns if stat.S_ISREG(info.st_mode) else 0
        found[str(path.relative_to(folder))] = (info.st_mode, link, data, time)
    return found


# Which code is tested


@pytest.mark.parametrize("editable", INSTALLS)
def test_a_copied_environment_imports_the_code_of_the_tree(pair: Pair, editable: Editable) -> None:
    environment = pair.venv()
    editable(pair, environment, "src")
    mine = f"{pair.tree}/src/pkg/__init__.py"
    assert imported(pair.tree, pair.activated(environment)) == f"{pair.checkout}/src/pkg/__init__.py"  # the lie
    ready = pair.ready()
    assert ready.brought == (".venv",)
    assert imported(pair.tree, ready.env) == mine
    assert imported(pair.tree, pair.environ, f"{pair.tree}/.venv/bin/python") == mine


@pytest.mark.parametrize("editable", INSTALLS)
def test_an_activated_environment_elsewhere_imports_the_code_of_the_tree(pair: Pair, editable: Editable) -> None:
    environment = pair.venv(pair.checkout.parent / "elsewhere")
    editable(pair, environment, "src")
    active = pair.activated(environment)
    assert imported(pair.tree, active) == f"{pair.checkout}/src/pkg/__init__.py"  # the lie
    before = census(environment)
    ready = pair.ready(environ=active)
    assert ready.brought == ()
    assert Path(ready.env["VIRTUAL_ENV"]).parent == pair.tree.with_name("work.env")
    assert imported(pair.tree, ready.env) == f"{pair.tree}/src/pkg/__init__.py"
    assert imported(pair.tree, {**ready.env, "PYTHONPATH": ""}) == f"{pair.tree}/src/pkg/__init__.py"
    assert census(environment) == before


@pytest.mark.parametrize("active", ["VIRTUAL_ENV", "PATH"])
def test_an_active_environment_of_another_name_is_brought_under_that_name(pair: Pair, active: str) -> None:
    environment = pair.venv("env-3.11")
    install_finder(pair, environment)
    ready = pair.ready(environ={active: pair.activated(environment)[active]})
    assert ready.brought == ("env-3.11",)
    assert ready.env["VIRTUAL_ENV"] == f"{pair.tree}/env-3.11"
    assert str(pair.checkout) not in ready.env["PATH"]
    assert imported(pair.tree, ready.env) == f"{pair.tree}/src/pkg/__init__.py"


def test_an_environment_that_is_not_active_is_only_mentioned(pair: Pair) -> None:
    pair.venv("venv")
    ready = pair.ready()
    assert ready.brought == ()
    assert any('bring = ["venv"]' in note for note in ready.notes)


@pytest.mark.parametrize("editable", [install_pth, install_finder, install_editables])
def test_a_folder_that_an_editable_install_names_is_preferred_wherever_it_lies(pair: Pair, editable: Editable) -> None:
    for folder in (pair.checkout, pair.tree):
        shutil.move(folder / "src", folder / "python")
    environment = pair.venv(pair.checkout.parent / "elsewhere")
    editable(pair, environment, "python")
    ready = pair.ready(environ=pair.activated(environment))
    assert imported(pair.tree, ready.env) == f"{pair.tree}/python/pkg/__init__.py"


def test_the_checkout_is_known_under_the_name_the_shell_used(pair: Pair) -> None:
    alias = pair.checkout.parent / "alias"
    alias.symlink_to(pair.checkout)
    ready = pair.ready(environ={"PWD": f"{alias}/src", "PATH": f"{alias}/src:/bin", "PYTHONPATH": f"{alias}/src"})
    assert ready.env["PATH"] == f"{pair.tree}/src:/bin"
    assert str(alias) not in ready.env["PYTHONPATH"]


def test_the_checkout_is_known_under_the_name_an_installer_used(pair: Pair) -> None:
    alias = pair.checkout.parent / "alias"
    alias.symlink_to(pair.checkout)
    (packages(pair.venv()) / "pkg.pth").write_text(f"{alias}/src\n")
    assert imported(pair.tree, pair.ready().env) == f"{pair.tree}/src/pkg/__init__.py"


def test_the_checkout_may_itself_be_given_by_a_link(pair: Pair) -> None:
    install_finder(pair, pair.venv())
    alias = pair.checkout.parent / "alias"
    alias.symlink_to(pair.checkout)
    pair.checkout = alias
    assert imported(pair.tree, pair.ready().env) == f"{pair.tree}/src/pkg/__init__.py"


def test_a_linked_environment_becomes_a_copy(pair: Pair) -> None:
    environment = pair.venv(pair.checkout.parent / "store/pkg-venv")
    install_pth(pair, environment)
    (pair.checkout / ".venv").symlink_to(environment)
    ready = pair.ready(untracked=["build"])
    assert not (pair.tree / ".venv").is_symlink()
    assert imported(pair.tree, ready.env) == f"{pair.tree}/src/pkg/__init__.py"
    assert str(environment) not in (pair.tree / ".venv/bin/activate").read_text()


# What a copy says


def test_scripts_start_the_interpreter_of_the_tree(pair: Pair) -> None:
    install(pair, pair.venv())
    ready = pair.ready()
    done = subprocess.run(["where"], cwd="/", env=dict(ready.env), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{pair.tree}/src/pkg/__init__.py"
    assert str(pair.checkout) not in (pair.tree / ".venv/bin/activate").read_text()


@pytest.mark.parametrize("tree", ["a cache/trees/work", f"cache/{'x' * 140}/work"])
def test_scripts_start_from_a_path_that_no_shebang_can_hold(tmp_path: Path, tree: str) -> None:
    pair = Pair(tmp_path, tree=tree)
    environment = pair.venv()
    install_pth(pair, environment)
    (environment / "bin/where").write_text(f"#!{environment}/bin/python\nimport pkg\npkg.where()\n")
    (environment / "bin/where").chmod(0o755)
    ready = pair.ready()
    done = subprocess.run(["where"], cwd="/", env=dict(ready.env), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{pair.tree}/src/pkg/__init__.py"


def test_direct_urls_with_escaped_characters_lead_to_the_tree(tmp_path: Path) -> None:
    pair = Pair(tmp_path, name="mein prüfling")
    environment = pair.venv()
    install(pair, environment)
    pair.ready()
    (url,) = packages(pair.tree / ".venv").glob("pkg-*.dist-info/direct_url.json")
    (old,) = packages(environment).glob("pkg-*.dist-info/direct_url.json")
    assert json.loads(old.read_text())["url"] == f"file://{quote(str(pair.checkout))}"
    assert json.loads(url.read_text())["url"] == f"file://{pair.tree}"


def test_folders_beside_the_checkout_keep_their_names(pair: Pair) -> None:
    beside = [f"{pair.checkout}{end}/src" for end in ("-2", "2", ".bak", " 2", "_old")] + [f"/data{pair.checkout}/src"]
    (packages(pair.venv()) / "beside.pth").write_text("\n".join([*beside, str(pair.checkout), f"{pair.checkout}/src"]))
    pair.ready()
    lines = (packages(pair.tree / ".venv") / "beside.pth").read_text().splitlines()
    assert lines == [*beside, str(pair.tree), f"{pair.tree}/src"]


def test_bytecode_of_a_rewritten_finder_is_not_believed(tmp_path: Path) -> None:
    pair = Pair(tmp_path, name="aaaaaaaa", tree="trees/tt")  # paths of the same length
    assert len(str(pair.checkout)) == len(str(pair.tree))
    environment = pair.venv()
    install_finder(pair, environment)
    imported(pair.checkout, pair.activated(environment))
    assert list(packages(environment).glob("__pycache__/__editable__*"))
    ready = pair.ready()
    for finder in packages(pair.tree / ".venv").glob("__editable__*.py"):
        seen = packages(environment) / finder.name
        os.utime(finder, ns=(seen.stat().st_atime_ns, seen.stat().st_mtime_ns))
    assert imported(pair.tree, ready.env) == f"{pair.tree}/src/pkg/__init__.py"


def test_files_shared_with_a_package_managers_cache_are_not_written_to(pair: Pair) -> None:
    folder = packages(pair.venv())
    text = f"{pair.checkout}/src\n"
    cached = pair.checkout.parent / "cached.pth"
    cached.write_text(text)
    os.link(cached, folder / "shared.pth")
    (folder / "linked.pth").symlink_to(cached)
    pair.ready()
    assert cached.read_text() == text
    assert (packages(pair.tree / ".venv") / "shared.pth").read_text() == f"{pair.tree}/src\n"
    assert cached.stat().st_nlink == 2


def test_links_lead_to_where_they_should(pair: Pair) -> None:
    folder = packages(pair.venv())
    outside = pair.checkout.parent / "outside"
    outside.mkdir()
    (folder / "flit").symlink_to(pair.checkout / "src/pkg")
    (folder / "relative").symlink_to("../../../../src/pkg")
    (folder / "away").symlink_to("../../../../../outside")
    (folder / "within").symlink_to(folder / "flit")
    pair.ready()
    copied = packages(pair.tree / ".venv")
    for name in ("flit", "relative", "within"):
        assert (copied / name).resolve() == (pair.tree / "src/pkg").resolve(), name
    assert (copied / "away").resolve() == outside.resolve()
    assert (copied.parents[2] / "bin/python").resolve() == Path(sys.executable).resolve()


def test_pipes_and_sockets_are_left_behind(pair: Pair) -> None:
    os.mkfifo(pair.venv() / "pipe")
    assert pair.ready().brought == (".venv",)
    assert not (pair.tree / ".venv/pipe").exists()


# Once, and again when something changed


def test_what_was_changed_in_a_copy_is_put_back(pair: Pair) -> None:
    folder = packages(pair.venv()) / "other"
    folder.mkdir()
    (folder / "same.py").write_text("right = 1\n")
    (folder / "gone.py").write_text("")
    first = pair.ready()
    copy = packages(pair.tree / ".venv") / "other"
    time = (copy / "same.py").stat()
    (copy / "same.py").write_text("wrong = 1\n")
    os.utime(copy / "same.py", ns=(time.st_atime_ns, time.st_mtime_ns))  # same size, same time
    (copy / "gone.py").unlink()
    (copy / "sitecustomize.py").write_text("")
    (pair.tree / ".venv/bin/python").unlink()
    (pair.tree / ".venv/bin/python").write_text("#!/bin/sh\n")
    shutil.rmtree(pair.tree / ".venv/lib64", ignore_errors=True)
    os.mkfifo(pair.tree / ".venv/pipe")
    second = pair.ready()
    assert (second.env, second.brought, second.fingerprint) == (first.env, first.brought, first.fingerprint)
    assert (copy / "same.py").read_text() == "right = 1\n"
    assert sorted(path.name for path in copy.iterdir()) == ["gone.py", "same.py"]
    assert (pair.tree / ".venv/bin/python").is_symlink()
    assert not (pair.tree / ".venv/pipe").exists()


def test_a_repair_does_not_write_through_a_link(pair: Pair) -> None:
    module(pair.checkout, "node_modules/x/deep")
    pair.ready()
    victim = pair.checkout.parent / "victim"
    module(victim, "deep", "mine")
    before = census(victim)
    shutil.rmtree(pair.tree / "node_modules/x")
    (pair.tree / "node_modules/x").symlink_to(victim)
    pair.ready()
    assert not (pair.tree / "node_modules/x").is_symlink()
    assert census(victim) == before


def test_a_copy_that_is_left_alone_is_not_written_again(pair: Pair) -> None:
    module(pair.checkout, "node_modules/x")
    pair.ready()
    before = (pair.tree / "node_modules/x/index.js").stat()
    pair.ready()
    assert (pair.tree / "node_modules/x/index.js").stat().st_ctime_ns == before.st_ctime_ns


def test_a_later_process_knows_what_was_brought(pair: Pair) -> None:
    assert brought_before(pair.tree) == ()
    pair.venv()
    module(pair.checkout, "node_modules/x")
    assert pair.ready().brought == brought_before(pair.tree) == (".venv", "node_modules")


def test_bytecode_in_the_checkout_is_no_change(pair: Pair) -> None:
    folder = packages(pair.venv()) / "other"
    folder.mkdir()
    before = pair.ready()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__/x.cpython-311.pyc").write_text("")
    assert pair.ready().fingerprint == before.fingerprint


def test_an_edit_in_the_checkouts_environment_changes_the_fingerprint(pair: Pair) -> None:
    module(pair.checkout, "node_modules/x")
    (packages(pair.venv()) / "other.py").write_text("")
    before = pair.ready()
    (packages(pair.checkout / ".venv") / "other.py").write_text("1")
    between = pair.ready()
    (pair.checkout / "node_modules/x/index.js").write_text("1")
    after = pair.ready()
    assert len({before.fingerprint, between.fingerprint, after.fingerprint}) == 3
    assert (pair.tree / "node_modules/x/index.js").read_text() == "1"


def test_an_install_in_the_checkout_reaches_the_tree_and_the_fingerprint(pair: Pair) -> None:
    environment = pair.venv()
    before = pair.ready()
    (packages(environment) / "new-1.dist-info").mkdir()
    after = pair.ready()
    assert (packages(pair.tree / ".venv") / "new-1.dist-info").is_dir()
    assert after.fingerprint != before.fingerprint


def test_an_environment_that_is_gone_or_no_longer_wanted_is_taken_away(pair: Pair) -> None:
    environment = pair.venv()
    pair.ready()
    assert pair.ready(WorkspaceSettings(bring=())).brought == ()
    assert not (pair.tree / ".venv").exists()
    assert pair.ready().brought == (".venv",)
    shutil.rmtree(environment)
    assert pair.ready().brought == ()
    assert not (pair.tree / ".venv").exists()


def test_a_copy_that_was_cut_short_is_made_again(tmp_path: Path) -> None:
    pair = Pair(tmp_path, tree=f"cache/{'x' * 100}/work")
    deep = pair.venv() / "aaa"
    while len(str(deep)) < 3900:
        deep = deep / ("y" * 100)
    deep.mkdir(parents=True)
    (deep / ("z" * 100)).write_text("")  # the same path in the tree is longer than any path may be
    with pytest.raises(WorkspaceError):
        pair.ready()
    assert (pair.tree / ".venv/aaa").is_dir()
    assert json.loads((pair.tree.parent / "work.ready.json").read_text())["brought"][".venv"]["identity"] == ""
    shutil.rmtree(pair.checkout / ".venv/aaa")
    assert pair.ready().brought == (".venv",)
    assert (pair.tree / ".venv/bin/python").exists()
    assert not (pair.tree / ".venv/aaa").exists()


def test_a_copy_that_was_replaced_by_a_link_is_made_again(pair: Pair) -> None:
    environment = pair.venv()
    pair.ready()
    shutil.rmtree(pair.tree / ".venv")
    (pair.tree / ".venv").symlink_to(environment)
    pair.ready()
    assert not (pair.tree / ".venv").is_symlink()
    assert environment.is_dir()


def test_a_damaged_or_foreign_stamp_removes_nothing_outside_of_the_tree(pair: Pair) -> None:
    stamp = pair.tree.parent / "work.ready.json"
    victim = pair.tree.parent / "victim"
    victim.mkdir()
    (pair.tree / "out").symlink_to(victim.parent)
    pair.ready()
    told = json.loads(stamp.read_text())
    for place in ("../victim", str(victim), "out/victim", "src/../../victim", "src/..", "", "."):
        stamp.write_text(json.dumps({**told, "brought": {place: {"identity": "x"}}}))
        pair.ready()
        assert victim.is_dir()
        assert (pair.tree / "src").is_dir()
    stamp.write_text("{")
    assert pair.ready().brought == ()


def test_read_only_folders_in_a_copy_can_be_replaced(pair: Pair) -> None:
    environment = pair.venv()
    pair.ready()
    folder = pair.tree / ".venv/lib/locked/deeper"
    folder.mkdir(parents=True)
    (folder / "file").write_text("")
    folder.chmod(0o500)
    folder.parent.chmod(0o500)
    (packages(environment) / "new-1.dist-info").mkdir()
    pair.ready()
    assert not folder.exists()


def test_what_the_tree_holds_itself_is_never_replaced(pair: Pair) -> None:
    pair.venv()
    (pair.tree / ".venv").mkdir()
    (pair.tree / ".venv/tracked").write_text("")
    ready = pair.ready()
    assert ready.brought == ()
    assert (pair.tree / ".venv/tracked").exists()
    assert any(".venv" in note for note in ready.notes)


def test_a_folder_that_git_tracks_is_not_brought(pair: Pair) -> None:
    pair.venv()
    assert pair.ready(untracked=["build"]).brought == ()
    assert pair.ready(untracked=["build", ".venv/"]).brought == (".venv",)


def test_an_environment_over_the_size_limit_is_skipped_with_a_note(pair: Pair) -> None:
    with (pair.venv() / "big").open("wb") as file:
        file.truncate(venv.SIZE_LIMIT + 1)
    ready = pair.ready()
    assert ready.brought == ()
    assert not (pair.tree / ".venv").exists()
    assert any("GiB" in note and "setup" in note for note in ready.notes)


# The environment of programs


def test_only_what_leads_git_elsewhere_or_is_ours_leaves_the_environment() -> None:
    dropped = """GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_PREFIX
    GIT_COMMON_DIR GIT_NAMESPACE GIT_CEILING_DIRECTORIES GIT_CONFIG
    GIT_CONFIG_PARAMETERS GIT_EXEC_PATH GIT_TEMPLATE_DIR GIT_EXTERNAL_DIFF SUPERTEAM_RUN_ID PYTEST_CURRENT_TEST"""
    kept = """GIT_AUTHOR_NAME GIT_AUTHOR_DATE GIT_COMMITTER_EMAIL GIT_SSH GIT_SSH_COMMAND GIT_ASKPASS PATH
    GIT_TERMINAL_PROMPT GIT_BRANCH NODE_OPTIONS PYTEST_ADDOPTS GIT_DIRECTION PYTHONPYCACHEPREFIX GIT_CONFIG_GLOBAL
    GIT_CONFIG_COUNT GIT_CONFIG_KEY_0"""
    environ = dict.fromkeys([*dropped.split(), *kept.split()], "x")
    assert base_environment(environ) == dict.fromkeys(kept.split(), "x")


def test_entries_of_the_users_own_that_lie_in_the_checkout_lead_to_the_tree(pair: Pair) -> None:
    here, there = pair.checkout, pair.tree
    (here / "tools").mkdir()
    environ = {
        "PATH": f"{here}/src:{here}-2/bin:{here}/tools:/bin",
        "PYTHONPATH": f"{here}/lib:/opt/lib:rel",
        "PWD": f"{here}/src",
        "PYTHONPYCACHEPREFIX": "/tmp/x",
        "NODE_OPTIONS": f"--require {here}/x.js",
    }
    ready = pair.ready(environ=environ)
    assert ready.env["PATH"] == f"{there}/src:{here}-2/bin:{there}/tools:{here}/tools:/bin"
    assert ready.env["PYTHONPATH"] == f"{there}/src:{there}:{there}/lib:/opt/lib:rel"
    assert ready.env["NODE_OPTIONS"] == f"--require {there}/x.js"
    assert ready.env["PWD"] == str(there)
    assert "PYTHONPYCACHEPREFIX" not in ready.env


def test_a_repository_without_python_gets_no_pythonpath(pair: Pair) -> None:
    (pair.tree / "pyproject.toml").unlink()
    assert "PYTHONPATH" not in pair.ready().env


def test_a_folder_that_would_hide_the_standard_library_stays_off_the_path(pair: Pair) -> None:
    (pair.tree / "types.py").write_text("raise SystemExit(7)\n")
    ready = pair.ready()
    assert ready.env["PYTHONPATH"] == f"{pair.tree}/src"
    assert any("standard library" in note for note in ready.notes)


def test_the_environment_of_the_checkout_wins_over_an_active_one_and_says_so(pair: Pair) -> None:
    pair.venv()
    other = pair.venv(pair.checkout.parent / "other")
    ready = pair.ready(environ={**pair.activated(other), "PYTHONHOME": "/nowhere"})
    assert ready.env["VIRTUAL_ENV"] == f"{pair.tree}/.venv"
    assert ready.env["PATH"].startswith(f"{pair.tree}/.venv/bin:{other}/bin:")
    assert "PYTHONHOME" not in ready.env
    assert any(str(other) in note for note in ready.notes)


def test_compiled_modules_that_no_tree_has_are_mentioned_each_time(pair: Pair) -> None:
    install_pth(pair, pair.venv())
    (pair.checkout / "build").mkdir()
    (pair.checkout / "build/other.so").write_text("")
    assert not any("is compiled" in note for note in pair.ready().notes)
    (pair.checkout / "src/pkg/_fast.so").write_text("")
    (packages(pair.checkout / ".venv") / "pkg-2.dist-info").mkdir()
    for _ in range(2):
        assert any("src/pkg/_fast.so" in note and "setup" in note for note in pair.ready().notes)


def test_in_place_nothing_is_brought_or_removed(pair: Pair) -> None:
    environment = pair.venv()
    pair.tree = pair.checkout
    ready = pair.ready()
    assert ready.brought == ()
    assert ready.env["VIRTUAL_ENV"] == str(environment)
    assert not (pair.tree.parent / "checkout.ready.json").exists()


# A setup command


def test_with_a_setup_command_nothing_is_brought_and_its_environment_is_used(pair: Pair) -> None:
    environment = pair.venv()
    (pair.checkout / "node_modules/x").mkdir(parents=True)
    prepared = WorkspaceSettings(setup="make venv")
    before = pair.ready(prepared, environ=pair.activated(environment))
    assert before.brought == ()
    assert not (pair.tree / ".venv").exists()
    assert Path(before.env["VIRTUAL_ENV"]).parent == pair.tree.with_name("work.env")
    assert str(pair.checkout) not in before.env["PATH"]
    pair.venv(pair.tree / ".venv")  # the setup command
    after = pair.ready(prepared, environ=pair.activated(environment))
    assert after.env["VIRTUAL_ENV"] == f"{pair.tree}/.venv"
    assert after.env["PATH"].split(":")[0] == f"{pair.tree}/.venv/bin"
    assert pair.ready(prepared).brought == ()
    assert (pair.tree / ".venv").exists()


def test_lock_files_change_the_lock_fingerprint_in_subfolders_too(pair: Pair) -> None:
    seen = {lock_fingerprint(pair.tree)}
    for name in ("uv.lock", "requirements-dev.txt", "package-lock.json", "bun.lockb", "go.sum"):
        (pair.tree / name).write_text("1")
        seen.add(lock_fingerprint(pair.tree))
    (pair.tree / "uv.lock").write_text("2")
    seen.add(lock_fingerprint(pair.tree))
    assert len(seen) == 7
    (pair.tree / "notes.txt").write_text("")
    (pair.tree / "node_modules/x").mkdir(parents=True)
    (pair.tree / "node_modules/x/package-lock.json").write_text("")
    assert lock_fingerprint(pair.tree) in seen
    (pair.tree / "src/uv.lock").write_text("")
    assert lock_fingerprint(pair.tree) not in seen
    seen.add(lock_fingerprint(pair.tree))
    os.mkfifo(pair.tree / "Cargo.lock")
    assert lock_fingerprint(pair.tree) not in seen


def test_work_and_check_agree_on_the_fingerprint(pair: Pair) -> None:
    install_pth(pair, pair.venv())
    (pair.checkout / "node_modules/x").mkdir(parents=True)
    work = pair.ready().fingerprint
    pair.tree = Path(
        shutil.copytree(pair.tree, pair.tree.with_name("check"), ignore=lambda *_: [".venv", "node_modules"])
    )
    assert pair.ready().fingerprint == work
    assert pair.ready(WorkspaceSettings(setup="true")).fingerprint != work
    (pair.tree / ".python-version").write_text("3.13")
    assert pair.ready().fingerprint != work


# Node


def module(folder: Path, name: str, text: str = "") -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "index.js").write_text(text or "module.exports = __filename")
    return folder / name


def required(tree: Path, name: str) -> str:
    command = ["node", "-p", f"require({name!r})"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def test_node_modules_are_copied_and_their_links_lead_where_they_led(pair: Pair) -> None:
    outside = module(pair.checkout.parent, "outside")
    installed = pair.checkout / "node_modules"
    module(installed, "plain")
    module(installed, ".pnpm/dep@1/node_modules/dep")
    (installed / "dep").symlink_to(".pnpm/dep@1/node_modules/dep")
    (installed / "away").symlink_to(outside)
    before = census(installed)
    ready = pair.ready()
    assert ready.brought == ("node_modules",)
    copy = pair.tree / "node_modules"
    assert census(copy) == before
    for entry in list(copy.iterdir()):
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    assert census(installed) == before
    (installed / "more").mkdir()
    assert pair.ready().brought == ("node_modules",)
    assert (copy / "more").is_dir()


@needs_node
@pytest.mark.parametrize("name", ["b", "@me/b"])
@pytest.mark.parametrize("absolute", [False, True])
def test_workspace_links_lead_to_the_workspaces_of_the_tree(pair: Pair, name: str, absolute: bool) -> None:
    for folder in (pair.checkout, pair.tree):
        module(folder, "packages/b")
    installed = pair.checkout / "node_modules"
    module(installed, "plain")
    link = installed / name
    link.parent.mkdir(exist_ok=True)
    up = "../" * (name.count("/") + 1)
    link.symlink_to(pair.checkout / "packages/b" if absolute else f"{up}packages/b")
    pair.ready()
    assert not (pair.tree / "node_modules").is_symlink()
    assert required(pair.tree, name) == f"{pair.tree}/packages/b/index.js"
    assert required(pair.tree, "plain") == f"{pair.tree}/node_modules/plain/index.js"


@needs_node
def test_nested_node_modules_are_brought_where_the_tree_has_the_workspace(pair: Pair) -> None:
    for folder in (pair.checkout, pair.tree):
        module(folder, "packages/a", "module.exports = require('dep')")
    store = module(pair.checkout / "node_modules", ".pnpm/dep@1/node_modules/dep", "module.exports = require('b')")
    (store.parent / "b").symlink_to("../../../../packages/b")  # injected by a peer of the workspace
    module(pair.checkout, "packages/gone/node_modules/x")
    nested = pair.checkout / "packages/a/node_modules"
    nested.mkdir()
    (nested / "dep").symlink_to("../../../node_modules/.pnpm/dep@1/node_modules/dep")
    assert pair.ready().brought == ("node_modules", "packages/a/node_modules")
    assert not (pair.tree / "packages/a/node_modules").is_symlink()
    for folder in (pair.checkout, pair.tree):
        module(folder, "packages/b")
    (nested / "b").symlink_to("../../b")
    assert pair.ready().brought == ("node_modules", "packages/a/node_modules")
    assert required(pair.tree, "./packages/a") == f"{pair.tree}/packages/b/index.js"
    assert not (pair.tree / "packages/gone").exists()


def test_a_workspace_behind_a_link_out_of_the_tree_gets_nothing(pair: Pair) -> None:
    outside = pair.checkout.parent / "outside"
    outside.mkdir()
    (pair.checkout / "data").mkdir()
    (pair.checkout / "data/x").write_text("")
    (pair.tree / "data").symlink_to(outside)
    assert pair.ready(WorkspaceSettings(bring=("data/x",))).brought == ()
    assert list(outside.iterdir()) == []


# A list


def test_listed_paths_are_brought_and_nothing_else(pair: Pair) -> None:
    install_finder(pair, pair.venv("my-env"))
    pair.venv()
    (pair.checkout / ".env").write_text("KEY=1")
    (pair.checkout / "data/deep").mkdir(parents=True)
    (pair.checkout / "data/deep/x").write_text(f"{pair.checkout}/src")
    (pair.checkout / "data/deep/x").chmod(0o640)
    workspace = WorkspaceSettings(bring=(".env", "data/deep", "my-env", "absent", "src"), setup="true")
    ready = pair.ready(workspace)
    assert ready.brought == (".env", "data/deep", "my-env")
    assert (pair.tree / "data/deep/x").read_text() == f"{pair.checkout}/src"  # data is not ours to edit
    assert stat.S_IMODE((pair.tree / "data/deep/x").stat().st_mode) == 0o640
    assert any(note.startswith("absent") for note in ready.notes)
    assert any(note.startswith("src") for note in ready.notes)
    found = imported(pair.tree, pair.environ, f"{pair.tree}/my-env/bin/python")
    assert found == f"{pair.tree}/src/pkg/__init__.py"
    (pair.checkout / ".env").write_text("KEY=22")
    pair.ready(workspace)
    assert (pair.tree / ".env").read_text() == "KEY=22"


@pytest.mark.parametrize("place", ["../x", "a/../../x", "/etc", "", ".", ".git", ".GIT/hooks", ".superteam", "out/x"])
def test_a_listed_path_outside_of_the_checkout_is_an_error(pair: Pair, place: str) -> None:
    (pair.checkout / "out").symlink_to(pair.checkout.parent)
    with pytest.raises(ConfigError) as error:
        pair.ready(WorkspaceSettings(bring=(place,)))
    assert repr(place) in error.value.message


def test_a_folder_that_cannot_be_written_is_an_error_with_a_hint(pair: Pair) -> None:
    pair.venv()
    (pair.tree.parent / "work.ready.json").mkdir()
    with pytest.raises(WorkspaceError) as error:
        pair.ready()
    assert "setup" in (error.value.hint or "")


# The one rule over text


PIECES = st.sampled_from(
    [
        "/a/b",
        "/a/b/.venv",
        "/r/b",
        "a",
        "/",
        "-",
        ".",
        "_",
        " ",
        '"',
        "'",
        "\n",
        ":",
        "file://",
        "/a/b%20c",
        "é",
        "/a/b c",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_exactly_whole_paths_are_rewritten(text: str) -> None:
    move = venv.relocation([("/a/b", "/tree"), ("/a/b c", "/tree"), ("/a/b/.venv", "/v")])
    assert venv.rewritten(text.encode(), move).decode() == _by_hand(text)


def _by_hand(text: str) -> str:
    """Looks at each place of the text in turn."""
    done, at = "", 0
    table = [("/a/b/.venv", "/v"), ("/a/b%20c", "/tree"), ("/a/b c", "/tree"), ("/a/b", "/tree")]
    while at < len(text):
        starts = at == 0 or not (text[at - 1].isalnum() or text[at - 1] in "_.+@~%-")
        for old, new in table:
            after = text[at + len(old) : at + len(old) + 1]
            if starts and text.startswith(old, at) and (not after or after in "/\"'\n:"):
                done, at = done + new, at + len(old)
                break
        else:
            done, at = done + text[at], at + 1
    return done
