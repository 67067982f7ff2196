"""With environments, variables and packages outside of it a tree runs its own code, and writes nothing there."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_environment import Pair, census, imported, install_finder, install_pth, module, packages, required

from superteam.core.settings import WorkspaceSettings
from superteam.workspace import venv
from superteam.workspace.environment import Readiness, make_ready
from superteam.workspace.own_environment import leaves_active_python
from superteam.workspace.variables import Sides, lead_to_tree
from superteam.workspace.workspaces import copied_workspaces

PIP = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_CONFIG_FILE": os.devnull}


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


@pytest.fixture
def elsewhere(pair: Pair) -> Path:
    """An active environment outside of the checkout, with pip and the build backend of this one."""
    environment = pair.venv(pair.checkout.parent / "elsewhere")
    (packages(environment) / "borrowed.pth").write_text("\n".join(site.getsitepackages()))
    return environment


def run(tree: Path, env: Mapping[str, str], command: str) -> str:
    done = subprocess.run(
        command, shell=True, cwd=tree, env={**env, **PIP}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ready_for(pair: Pair, environ: Mapping[str, str], commands: str) -> Readiness:
    return make_ready(pair.checkout, pair.tree, WorkspaceSettings(), {**pair.environ, **environ}, None, commands)


# An active environment elsewhere


@pytest.mark.parametrize("setup", [None, "pip install -e ."])
def test_an_install_in_a_tree_leaves_the_users_environment_alone(
    pair: Pair, elsewhere: Path, setup: str | None
) -> None:
    install_finder(pair, elsewhere)
    before = census(elsewhere)
    ready = pair.ready(WorkspaceSettings(setup=setup), environ=pair.activated(elsewhere))
    run(pair.tree, ready.env, "python -m pip install -q --no-build-isolation --no-deps -e .")
    assert imported(pair.tree, {**ready.env, "PYTHONPATH": ""}) == f"{pair.tree}/src/pkg/__init__.py"
    assert census(elsewhere) == before
    run(pair.tree, ready.env, "python -m pip uninstall -q -y pkg")
    assert census(elsewhere) == before


def test_what_was_installed_in_a_tree_is_gone_at_the_next_suite(pair: Pair, elsewhere: Path) -> None:
    ready = pair.ready(environ=pair.activated(elsewhere))
    (packages(Path(ready.env["VIRTUAL_ENV"])) / "planted.pth").write_text("import os\n")
    again = pair.ready(environ=pair.activated(elsewhere))
    assert not (packages(Path(again.env["VIRTUAL_ENV"])) / "planted.pth").exists()


def test_scripts_and_metadata_of_the_environment_are_seen_in_the_overlay(pair: Pair, elsewhere: Path) -> None:
    folder = packages(elsewhere)
    (folder / "tool-1.dist-info").mkdir()
    (folder / "tool-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: tool\nVersion: 1\n")
    (folder / "tool-1.dist-info/entry_points.txt").write_text("[pytest11]\ntool = tool\n")
    (folder / "tool.py").write_text("import sys\nprint(sys.prefix)\n")
    (elsewhere / "bin/tool").write_text(f"#!{elsewhere}/bin/python\nimport tool\n")
    (elsewhere / "bin/tool").chmod(0o755)
    env = pair.ready(environ=pair.activated(elsewhere)).env
    assert run(pair.tree, env, "tool") == env["VIRTUAL_ENV"]
    code = "import importlib.metadata as m; print([e.name for e in m.entry_points(group='pytest11')].count('tool'))"
    assert run(pair.tree, env, f'python -c "{code}"') == "1"


def test_a_path_file_that_leads_nowhere_and_a_program_that_nobody_can_read_end_nothing(
    pair: Pair, elsewhere: Path
) -> None:
    (packages(elsewhere) / "gone.pth").symlink_to(elsewhere / "nowhere")
    (packages(elsewhere) / "__editable__.gone.py").symlink_to(elsewhere / "nowhere")
    (elsewhere / "bin/suid").write_text("#!/bin/sh\n")
    (elsewhere / "bin/suid").chmod(0o4111)
    assert venv.editable_places(elsewhere, ["/"]) is not None
    env = pair.ready(environ=pair.activated(elsewhere)).env
    assert Path(env["VIRTUAL_ENV"], "bin/python").exists()


def test_what_cannot_be_read_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    assert venv.small_text(tmp_path) is None and venv.small_text(tmp_path / "link") is None


RELOCATABLE = """#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python' "$0" "$@"
' '''
import sys
print(sys.prefix)
"""


def test_scripts_that_find_the_interpreter_beside_them_find_the_overlays(pair: Pair, elsewhere: Path) -> None:
    (elsewhere / "bin/tool").write_text(RELOCATABLE)
    (elsewhere / "bin/tool").chmod(0o755)
    env = pair.ready(environ=pair.activated(elsewhere)).env
    assert run(pair.tree, env, "tool") == env["VIRTUAL_ENV"]


def test_packages_deep_in_a_monorepo_are_the_trees(pair: Pair, elsewhere: Path) -> None:
    for folder in (pair.checkout, pair.tree):
        shutil.move(folder / "src", folder / "packages/core/src")
        (folder / "pyproject.toml").unlink()
    install_pth(pair, elsewhere, "packages/core/src")
    env = pair.ready(environ=pair.activated(elsewhere)).env
    assert imported(pair.tree, env) == f"{pair.tree}/packages/core/src/pkg/__init__.py"


@pytest.mark.parametrize("by", ["path", "script"])
def test_an_interpreter_named_by_its_path_runs_the_trees_code(pair: Pair, elsewhere: Path, by: str) -> None:
    for folder in (pair.checkout, pair.tree):
        shutil.move(folder / "src", folder / "packages/core/src")
    install_pth(pair, elsewhere, "packages/core/src")
    (elsewhere / "bin/tests").write_text(f"#!{elsewhere}/bin/python\nimport pkg\nprint(pkg.__file__)\n")
    (elsewhere / "bin/tests").chmod(0o755)
    commands = {
        "path": f"cd . && {elsewhere}/bin/python -c 'import pkg; print(pkg.__file__)'",
        "script": f"{elsewhere}/bin/tests -q",
    }
    env = ready_for(pair, {}, commands[by]).env
    assert run(pair.tree, env, commands[by]) == f"{pair.tree}/packages/core/src/pkg/__init__.py"


def test_an_editable_install_for_the_user_runs_the_trees_code(pair: Pair) -> None:
    base = {"PATH": f"{sys.base_prefix}/bin:/usr/bin:/bin", "HOME": str(pair.checkout.parent / "home")}
    user = Path(run(pair.tree, base, "python3 -c 'import site; print(site.getusersitepackages())'"))
    for folder in (pair.checkout, pair.tree):
        shutil.move(folder / "src", folder / "packages/core/src")
    user.mkdir(parents=True)
    (user / "pkg.pth").write_text(f"{pair.checkout}/packages/core/src\n")
    assert imported(pair.tree, base, "python3") == f"{pair.checkout}/packages/core/src/pkg/__init__.py"  # the lie
    env = pair.ready(environ=base).env
    assert imported(pair.tree, env, "python3") == f"{pair.tree}/packages/core/src/pkg/__init__.py"


def test_the_project_environment_of_uv_is_copied_when_it_is_elsewhere(pair: Pair, elsewhere: Path) -> None:
    install_finder(pair, elsewhere)
    before = census(elsewhere)
    env = pair.ready(environ={"UV_PROJECT_ENVIRONMENT": str(elsewhere)}).env
    own = Path(env["UV_PROJECT_ENVIRONMENT"])
    assert own.parent == pair.tree.with_name("work.env")
    (packages(own) / "more.pth").write_text("")
    assert imported(pair.tree, env, f"{own}/bin/python") == f"{pair.tree}/src/pkg/__init__.py"
    assert census(elsewhere) == before
    gone = pair.ready(environ={"UV_PROJECT_ENVIRONMENT": "/nowhere/env"}).env
    assert "UV_PROJECT_ENVIRONMENT" not in gone


def test_a_setup_keeps_what_it_installed_until_it_runs_again(pair: Pair, elsewhere: Path) -> None:
    prepared = WorkspaceSettings(setup="pip install x")
    environ = {**pair.environ, **pair.activated(elsewhere)}
    env = make_ready(pair.checkout, pair.tree, prepared, environ, None).env
    mark = packages(Path(env["VIRTUAL_ENV"])) / "x.py"
    mark.write_text("")
    make_ready(pair.checkout, pair.tree, prepared, environ, None, is_set_up=True)
    assert mark.exists()
    make_ready(pair.checkout, pair.tree, prepared, environ, None)
    assert not mark.exists()


def test_a_python_without_an_environment_gets_an_overlay_when_setup_could_install_into_it(pair: Pair) -> None:
    base = {"PATH": f"{sys.base_prefix}/bin:/usr/bin:/bin", "PIP_USER": "1"}
    untouched = pair.ready(environ=base).env
    assert "VIRTUAL_ENV" not in untouched
    env = pair.ready(WorkspaceSettings(setup="make install"), environ=base).env
    own = Path(env["VIRTUAL_ENV"])
    assert own.parent == pair.tree.with_name("work.env")
    assert run(pair.tree, env, "python -c 'import sys; print(sys.prefix)'") == str(own)
    assert "PIP_USER" not in env
    assert "VIRTUAL_ENV" not in pair.ready(WorkspaceSettings(setup="npm ci && uv sync"), environ=base).env


@pytest.mark.parametrize(
    ("setup", "leaves"),
    [
        ("uv sync --frozen", True),
        ("npm ci", True),
        ("cd web && npm ci; cd .. && uv sync", True),
        ("python3 -m venv .venv && .venv/bin/pip install -e .", True),
        ("env -u VIRTUAL_ENV poetry install", False),
        ("POETRY_VIRTUALENVS_IN_PROJECT=1 poetry install", True),
        ("pip install -e .", False),
        ("npm ci && pip install -r requirements.txt", False),
        ("uv pip install -e .", False),
        ("uv", False),
        ("python -m pip install -e .", False),
        ("make setup", False),
        ("echo 'unclosed", False),
        ("pdm install", True),
        ("poetry config virtualenvs.create false && poetry install", False),
        ("POETRY_VIRTUALENVS_CREATE=false poetry install", False),
        (". .venv/bin/activate && npm ci", True),
        (". ./setup.sh", False),
        ("source activate shop", False),
        (".", False),
    ],
)
def test_only_what_certainly_leaves_the_active_python_alone_counts_as_such(setup: str, leaves: bool) -> None:
    assert leaves_active_python(setup, {}) is leaves


@pytest.mark.parametrize(
    ("env", "leaves"),
    [({}, True), ({"CONDA_PREFIX": "/opt/conda/envs/shop"}, False), ({"POETRY_VIRTUALENVS_CREATE": "false"}, False)],
)
def test_poetry_and_pdm_install_into_an_active_conda_environment(env: dict[str, str], leaves: bool) -> None:
    assert leaves_active_python("poetry install", env) is leaves
    assert leaves_active_python("cd web && pdm install", env) is leaves
    assert leaves_active_python("uv sync && npm ci", env)


# Copies of the package itself


@pytest.mark.parametrize("where", ["checkout", "elsewhere"])
def test_a_copy_that_was_installed_from_the_checkout_is_the_trees_source(pair: Pair, where: str) -> None:
    environment = pair.venv(".venv" if where == "checkout" else pair.checkout.parent / "elsewhere")
    folder = packages(environment)
    shutil.copytree(pair.checkout / "src/pkg", folder / "pkg")
    (folder / "other.py").write_text("")
    info = folder / "pkg-1.dist-info"
    info.mkdir()
    (info / "direct_url.json").write_text(json.dumps({"url": f"file://{pair.checkout}", "dir_info": {}}))
    (info / "RECORD").write_text("pkg/__init__.py,,\npkg-1.dist-info/RECORD,,\n../../../bin/where,,\nother.py,,\n")
    env = {**pair.ready(environ=pair.activated(environment)).env, "PYTHONPATH": ""}
    real = "import os, pkg, other; print(os.path.realpath(pkg.__file__))"
    assert run(pair.tree, env, f'python -c "{real}"') == f"{pair.tree}/src/pkg/__init__.py"
    assert not (folder / "pkg").is_symlink()
    (folder / "pkg/_generated.py").write_text("")
    env = {**pair.ready(environ=pair.activated(environment)).env, "PYTHONPATH": ""}
    assert "site-packages" in run(pair.tree, env, f'python -c "{real}"'), "the tree lacks a module of it"


def test_copies_of_workspaces_in_node_modules_lead_to_the_tree(pair: Pair) -> None:
    root = {"workspaces": ["packages/*"], "dependencies": {"local": "file:./local", "b": "workspace:*"}}
    for folder in (pair.checkout, pair.tree):
        (folder / "package.json").write_text(json.dumps(root))
        for name, place in (("@me/a", "packages/a"), ("b", "packages/b"), ("local", "local")):
            module(folder, place)
            (folder / place / "package.json").write_text(json.dumps({"name": name}))
    installed = pair.checkout / "node_modules"
    for name in ("@me/a", ".pnpm/b@file+packages+b/node_modules/b", "local", "react"):
        module(installed, name)
    before = census(installed)
    ready = pair.ready()
    for name, place in (("@me/a", "packages/a"), ("local", "local"), ("react", "node_modules/react")):
        assert (pair.tree / "node_modules" / name / "index.js").resolve() == pair.tree / place / "index.js"
    injected = pair.tree / "node_modules/.pnpm/b@file+packages+b/node_modules/b"
    assert injected.resolve() == pair.tree / "packages/b"
    assert any("@me/a" in note and "lead to the tree" in note for note in ready.notes)
    assert census(installed) == before
    if shutil.which("node"):
        assert required(pair.tree, "@me/a") == f"{pair.tree}/packages/a/index.js"


@pytest.mark.parametrize(
    "manifest",
    [
        "[]",
        "{",
        '{"workspaces": "x"}',
        '{"workspaces": ["../*", "!a", "/", 3]}',
        '{"workspaces": ["a"], "dependencies": {"../../x": "file:./a", "y": 3}}',
        '{"dependencies": {"x": "file:../out"}}',
    ],
)
def test_a_manifest_never_names_a_folder_outside_of_the_tree(tmp_path: Path, manifest: str) -> None:
    for folder in ("tree/a", "out", "tree/node_modules/x", "tree/node_modules/y"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tree/a/package.json").write_text('{"name": "../../x"}')
    (tmp_path / "tree/package.json").write_text(manifest)
    assert copied_workspaces(tmp_path / "tree/node_modules", tmp_path / "tree") == {}


# Data


def test_data_is_copied_with_what_its_links_lead_to_outside(pair: Pair) -> None:
    shared = pair.checkout.parent / "shared"
    (shared / "deep").mkdir(parents=True)
    (shared / "deep/x").write_text("mine")
    (shared / "loop").symlink_to(shared)
    (pair.checkout / "data").mkdir()
    (pair.checkout / "data/all").symlink_to(shared)
    (pair.checkout / "linked").symlink_to(shared / "deep")
    before = census(shared)
    pair.ready(WorkspaceSettings(bring=("data", "linked")))
    for copy in (pair.tree / "data/all/deep/x", pair.tree / "linked/x"):
        assert copy.read_text() == "mine"
        copy.write_text("changed")
    assert census(shared) == before


# Variables


def led(tmp_path: Path, name: str, value: str, **more: str) -> str:
    checkout, tree = tmp_path / "checkout", tmp_path / "trees/work"
    move = venv.relocation([(str(checkout), str(tree))])

    def place_of(path: str) -> str | None:
        new = venv.moved(os.path.normpath(path), move) if path.startswith("/") else None
        return None if new is None else new[len(str(tree)) + 1 :]

    env = {name: value.replace("@", str(checkout)), **more}
    lead_to_tree(env, Sides((str(checkout),), tree, tmp_path / "above", place_of))
    return env[name].replace(str(tree), "T").replace(str(checkout), "@").replace(str(tmp_path), "B")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("@", "T"),
        ("@/build/", "T/build"),
        ("/opt:@/lib:rel", "/opt:T/lib:rel"),
        ("@-2/lib:/data@/lib", "@-2/lib:/data@/lib"),
        ("--require @/x.js --flag", "--require T/x.js --flag"),
        ("-I@/include -L/opt", "-IT/include -L/opt"),
        ("file://@/x", "file://T/x"),
        ('--cache="@/c d"', '--cache="T/c d"'),
        ("@/key.pem", "@/key.pem"),  # a file that no tree has is data
        ("@/build", "T/build"),
        ("x@/y", "x@/y"),
    ],
)
def test_a_variable_that_names_the_checkout_names_the_tree(tmp_path: Path, value: str, expected: str) -> None:
    (tmp_path / "checkout/build").mkdir(parents=True)
    (tmp_path / "checkout/key.pem").write_text("")
    (tmp_path / "trees/work").mkdir(parents=True)
    assert led(tmp_path, "ANY_NAME", value) == expected


def test_the_home_folder_and_what_is_in_it_stay_when_it_is_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "checkout/.nvm").mkdir(parents=True)
    (tmp_path / "trees/work/lib").mkdir(parents=True)
    home = str(tmp_path / "checkout")
    assert led(tmp_path, "HOME", "@") == "@"
    assert led(tmp_path, "NVM_DIR", "@/.nvm", HOME=home) == "@/.nvm"
    assert led(tmp_path, "NODE_PATH", "@/lib", HOME=home).startswith("T/lib")


@pytest.mark.parametrize("up", ["..", "../.."])
def test_a_folder_above_the_checkout_finds_the_tree_under_the_checkouts_name(pair: Pair, up: str) -> None:
    above = Path(os.path.normpath(pair.checkout / up))
    name = pair.checkout.relative_to(above).as_posix().replace("/", ".").replace("-", "_")
    if not all(part.isidentifier() for part in name.split(".")):
        pytest.fail(f"{name} cannot be imported")
    for folder in (pair.checkout, pair.tree):
        (folder / "value.py").write_text("")
    env = ready_for(pair, {"PYTHONPATH": str(above)}, "").env
    code = f"import os, {name}.value as v; print(os.path.realpath(v.__file__))"
    assert run(Path("/"), env, f'{sys.executable} -c "{code}"') == f"{pair.tree}/value.py"


@given(st.text(alphabet="ab/.:- @='\"", max_size=30))
def test_other_texts_are_left_as_they_are(value: str) -> None:
    env = {"X": value}
    lead_to_tree(env, Sides(("/checkout",), Path("/tree"), Path("/above"), lambda path: None))
    assert env == {"X": value}


def test_a_lock_file_that_is_not_as_in_the_checkout_is_said(pair: Pair) -> None:
    module(pair.checkout, "node_modules/x")
    for folder in (pair.checkout, pair.tree):
        (folder / "package-lock.json").write_text("{}")
    assert pair.ready().lacking == ()
    (pair.tree / "package-lock.json").write_text('{"packages": {}}')
    (note,) = pair.ready().lacking
    assert note.startswith("package-lock.json: not as in the checkout")
    assert 'setup = "npm ci"' in note


def test_a_folder_beside_the_repository_that_a_manifest_needs_is_said(pair: Pair) -> None:
    (pair.checkout.parent / "lib").mkdir()
    (pair.tree / "go.mod").write_text("module x\nreplace a => ../lib\nreplace b => ../absent\nreplace c => ./lib\n")
    (note,) = pair.ready().lacking
    assert "../lib (go.mod)" in note
    assert "absent" not in note
