"""The tree's own code is tested, whatever the environment leads to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Environment, activated, is_blocked, report
from playground import Repo

MANIFEST = {"pyproject.toml": "[tool.pytest.ini_options]\n"}


def monorepo(repo: Repo) -> list[Path]:
    """Writes two packages and returns their sources."""
    for name in ("core", "api"):
        folder = f"packages/{name}"
        repo.write(
            {
                f"{folder}/src/acme_{name}/__init__.py": "def add(a, b): return a + b\n",
                f"{folder}/pyproject.toml": f'[project]\nname = "acme-{name}"\nversion = "0"\n',
                f"{folder}/tests/test_{name}.py": (
                    f"from acme_{name} import add\ndef test_add_{name}(): assert add(1, 2) == 3\n"
                ),
            }
        )
    return [repo.root / f"packages/{name}/src" for name in ("core", "api")]


@pytest.mark.parametrize("kind", ["named by its path", "active", "named by its path, with a manifest"])
def test_editable_installs_of_a_monorepo_elsewhere(shop: Repo, environment: Environment, kind: str) -> None:
    place = environment("elsewhere", monorepo(shop))
    python = "python" if kind == "active" else f"{place}/bin/python"
    env = activated(place) if kind == "active" else None
    shop.write(MANIFEST if "manifest" in kind else {})
    shop.commit({"superteam.toml": f'test-command = "{python} -m pytest -q packages"\n'}, "start")
    shop.superteam("validate", env=env)
    shop.write({"packages/core/src/acme_core/__init__.py": "def add(a, b): return a - b\n"})
    done = shop.superteam("validate", env=env)
    assert is_blocked(done), report(done)


def test_a_changed_dependency_beside_the_repository_is_not_from_the_cache(
    shop: Repo, environment: Environment, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "mylib.py").write_text("def add(a, b): return a + b\n")
    env = activated(environment("elsewhere", [library]))
    test = "from mylib import add\ndef test_add(): assert add(1, 2) == 3\n"
    shop.commit({"test_a.py": test, "superteam.toml": 'test-command = "pytest -q"\n'}, "start")
    green = shop.superteam("validate", env=env)
    assert green.code == 0, report(green)
    (library / "mylib.py").write_text("def add(a, b): return a - b\n")
    red = shop.superteam("validate", env=env)
    assert "from the cache" not in red.out + red.err, report(red)


def test_a_changed_linked_package_is_not_from_the_cache(shop: Repo, node: None, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "package.json").write_text('{"name": "library", "version": "1.0.0", "main": "i.js"}')
    (library / "i.js").write_text("exports.add = (a, b) => a + b\n")
    (shop.root / "node_modules").mkdir()
    (shop.root / "node_modules/library").symlink_to("../../library")
    test = (
        "const test = require('node:test'), assert = require('assert')\n"
        "test('adds', () => assert.equal(require('library').add(1, 2), 3))\n"
    )
    scripts = json.dumps({"name": "x", "scripts": {"test": "node --test"}})
    config = 'test-command = "npm test"\n'
    shop.commit({"package.json": scripts, "test/a.test.js": test, "superteam.toml": config}, "start")
    shop.superteam("validate")
    (library / "i.js").write_text("exports.add = (a, b) => a - b\n")
    red = shop.superteam("validate")
    assert "from the cache" not in red.out + red.err, report(red)


def test_what_setup_builds_follows_its_sources(shop: Repo, node: None) -> None:
    """The innocent change grows source and test together: yesterday's dist/ would fail it."""
    files = {
        "package.json": '{"name": "shop"}',
        "build.js": (
            "const fs = require('fs')\nfs.mkdirSync('dist', { recursive: true })\n"
            "fs.copyFileSync('src/shop.js', 'dist/shop.js')\n"
        ),
        "src/shop.js": "exports.price = () => 3\n",
        "test/shop.test.js": js_test("price", "require('../dist/shop').price(), 3"),
        "superteam.toml": 'test-command = "node --test"\n[workspace]\nsetup = "node build.js"\n',
    }
    shop.commit(files, "start")
    first = shop.superteam("validate")
    assert first.code == 0, report(first)
    shop.write(
        {
            "src/shop.js": "exports.price = () => 3\nexports.two = () => 2\n",
            "test/two.test.js": js_test("two", "require('../dist/shop').two(), 2"),
        }
    )
    grown = shop.superteam("validate")
    assert grown.code == 0, report(grown)
    shop.write({"src/shop.js": "exports.price = () => 4\nexports.two = () => 2\n"})
    broken = shop.superteam("validate")
    assert is_blocked(broken), report(broken)


def js_test(name: str, equal: str) -> str:
    return (
        "const test = require('node:test')\nconst assert = require('node:assert')\n"
        f"test('{name}', () => {{ assert.strictEqual({equal}) }})\n"
    )


def test_links_between_workspaces_lead_to_the_tree(shop: Repo, node: None) -> None:
    files = {
        "package.json": '{"name": "all", "private": true, "workspaces": ["packages/*"]}',
        "packages/rates/package.json": '{"name": "@shop/rates", "version": "1.0.0", "main": "index.js"}',
        "packages/rates/index.js": "exports.RATE = 3\n",
        "packages/shop/package.json": '{"name": "@shop/shop", "version": "1.0.0"}',
        "packages/shop/shop.test.js": js_test("rate", "require('@shop/rates').RATE, 3"),
        "superteam.toml": 'test-command = "node --test packages"\n',
    }
    (shop.root / "node_modules/@shop").mkdir(parents=True)
    (shop.root / "node_modules/@shop/rates").symlink_to("../../packages/rates")
    shop.commit(files, "start")
    shop.write(
        {
            "packages/rates/index.js": "exports.RATE = 3\nexports.two = () => 2\n",
            "packages/shop/two.test.js": js_test("two", "require('@shop/rates').two(), 2"),
        }
    )
    grown = shop.superteam("validate")
    assert grown.code == 0, report(grown)
    shop.write({"packages/rates/index.js": "exports.RATE = 4\nexports.two = () => 2\n"})
    broken = shop.superteam("validate")
    assert is_blocked(broken), report(broken)


def test_the_users_environment_is_not_led_away(shop: Repo, installed: Callable[[str], Path], tmp_path: Path) -> None:
    """`uv run` installs the project into $UV_PROJECT_ENVIRONMENT, which is the user's."""
    uv = installed("uv") / "uv"
    place = tmp_path / "uv-environment"
    env = {"UV_PROJECT_ENVIRONMENT": str(place), "UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"}
    files = {
        "pyproject.toml": (
            '[project]\nname = "acme"\nversion = "0"\nrequires-python = ">=3.11"\n'
            '[build-system]\nrequires = ["uv_build>=0.8"]\nbuild-backend = "uv_build"\n'
        ),
        "src/acme/__init__.py": "def add(a, b): return a + b\n",
        "tests/test_a.py": (
            "import unittest\nfrom acme import add\nclass A(unittest.TestCase):\n"
            "    def test_add(self): self.assertEqual(add(1, 2), 3)\n"
        ),
        "superteam.toml": f'test-command = "{uv} run python -m unittest discover tests"\n',
    }
    shop.commit(files, "start")
    synced = run(shop, [str(uv), "sync", "--quiet"], env)
    assert synced == "", synced
    shop.superteam("validate", env=env)
    where = run(shop, [f"{place}/bin/python", "-c", "import acme; print(acme.__file__)"], env)
    assert where == f"{shop.root}/src/acme/__init__.py\n"


def run(repo: Repo, command: list[str], env: dict[str, str]) -> str:
    import subprocess

    done = subprocess.run(command, cwd=repo.root, env=repo.environ(env), capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
