"""Innocent changes of JavaScript projects and of repositories with more than one framework pass."""

from __future__ import annotations

import pytest
from conftest import report
from playground import Repo

pytestmark = pytest.mark.usefixtures("node")

PRODUCT = {"shop.js": "exports.price = (kind, count) => 3 * count\n", "package.json": '{"name": "shop"}'}
BETTER = {"shop.js": "exports.price = (kind, count) => count * 3\n"}
HEAD = (
    "const test = require('node:test')\nconst assert = require('node:assert')\n"
    "const fs = require('fs'), os = require('os'), path = require('path')\nconst { price } = require('../shop')\n"
)
TEST = {"js/shop.test.js": f"{HEAD}test('price', () => {{ assert.strictEqual(price(2, 3), 9) }})\n"}
PYTHON = {
    "shop.py": "def price(): return 3\n",
    "test_shop.py": "from shop import price\ndef test_a(): assert price()\n",
}
PYTEST = "python -m pytest -q -p no:cacheprovider"
TITLES = {
    "time": "`at ${Date.now()}`",
    "time as ISO": "`at ${new Date().toISOString()}`",
    "random": "`with ${Math.random()}`",
    "temporary folder": "fs.mkdtempSync(path.join(os.tmpdir(), 'shop-'))",
}


def passes(repo: Repo, command: str, files: dict[str, str], change: dict[str, str]) -> None:
    base = repo.commit({**files, "superteam.toml": f'test-command = "{command}"\n'}, "start")
    repo.write(change)
    done = repo.superteam("validate", "--base", base)
    assert done.code == 0, report(done)


@pytest.mark.parametrize("title", TITLES)
def test_a_title_that_differs_in_each_run(shop: Repo, title: str) -> None:
    extra = {"js/more.test.js": f"{HEAD}test({TITLES[title]}, () => {{}})\n"}
    passes(shop, "node --test js", {**PRODUCT, **TEST, **extra}, BETTER)


def test_a_test_file_is_renamed(shop: Repo) -> None:
    shop.commit({**PRODUCT, **TEST, "superteam.toml": 'test-command = "node --test js"\n'}, "start")
    shop.git("mv", "js/shop.test.js", "js/price.test.js")
    shop.write(BETTER)
    done = shop.superteam("validate", "--base", "HEAD")
    assert done.code == 0, report(done)


def test_a_subtest_is_added(shop: Repo) -> None:
    added = f"{HEAD}test('one', async (t) => {{ await t.test('two', () => {{}}) }})\n"
    passes(shop, "node --test js", {**PRODUCT, **TEST}, {**BETTER, "js/more.test.js": added})


@pytest.mark.parametrize("command", [f"{PYTEST} && node --test js", "make test"])
def test_two_frameworks(shop: Repo, command: str) -> None:
    makefile = {"Makefile": f"test:\n\t{PYTEST}\n\tnode --test js\n"}
    change = {**BETTER, "shop.py": "def price(): return 1 + 2\n"}
    passes(shop, command, {**PRODUCT, **TEST, **PYTHON, **makefile}, change)


def test_two_pytests_with_equal_ids(shop: Repo) -> None:
    files = {f"{name}/{file}": text for name in "ab" for file, text in SMALL.items()}
    command = f"(cd a && {PYTEST}) && (cd b && {PYTEST})"
    passes(shop, command, files, {"a/test_y.py": "def test_y():\n    pass\n"})


SMALL = {"test_x.py": "def test_x():\n    pass\n", "pytest.ini": "[pytest]\n"}
