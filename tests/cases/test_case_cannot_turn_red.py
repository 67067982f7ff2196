"""What is red already, and what cannot be seen, is no pass."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import is_blocked, report
from playground import Repo

DJANGO_TESTS = """\
from django.test import SimpleTestCase
from shop.calc import add

class T(SimpleTestCase):
    def test_known(self): self.assertEqual(1, 2)
    def test_add(self): self.assertEqual(add(1, 2), 3)
"""


def test_a_second_failure_of_django(shop: Repo, installed: Callable[[str], Path]) -> None:
    folder = installed("django-admin")
    env = {"PATH": f"{folder}{os.pathsep}{shop.environ()['PATH']}"}
    for command in (["django-admin", "startproject", "site1", "."], ["python", "manage.py", "startapp", "shop"]):
        subprocess.run([f"{folder}/{command[0]}", *command[1:]], cwd=shop.root, env=shop.environ(env), check=True)
    files = {"shop/tests.py": DJANGO_TESTS, "shop/calc.py": "def add(a, b): return a + b\n"}
    shop.commit({**files, "superteam.toml": f'test-command = "{folder}/python manage.py test"\n'}, "start")
    shop.superteam("validate", env=env)
    shop.write({"shop/calc.py": "def add(a, b): return a - b\n"})
    done = shop.superteam("validate", env=env)
    assert is_blocked(done), report(done)


def test_a_second_failure_of_a_script(shop: Repo) -> None:
    script = "#!/bin/sh\necho known: broken\ngrep -q good code.txt || echo code: broken\nexit 1\n"
    shop.commit({"run.sh": script, "code.txt": "good\n", "superteam.toml": 'test-command = "sh run.sh"\n'}, "start")
    shop.superteam("validate")
    shop.write({"code.txt": "bad\n"})
    done = shop.superteam("validate")
    assert is_blocked(done), report(done)


def test_a_second_failure_of_workspaces(shop: Repo, node: None) -> None:
    for name, value in (("a", 2), ("b", 1)):
        test = (
            "const test = require('node:test'), assert = require('assert')\n"
            f"test('{name} one', () => assert.equal(require('../i.js').f(), 1))\ntest('{name} two', () => {{}})\n"
        )
        folder = f"packages/{name}"
        package = {"name": name, "version": "1.0.0", "scripts": {"test": "node --test"}}
        shop.write(
            {
                f"{folder}/package.json": json.dumps(package),
                f"{folder}/i.js": f"exports.f = () => {value}\n",
                f"{folder}/test/t.test.js": test,
            }
        )
    root = '{"name": "root", "private": true, "workspaces": ["packages/*"]}'
    shop.commit({"package.json": root, "superteam.toml": 'test-command = "npm test --workspaces"\n'}, "start")
    shop.superteam("validate")
    shop.write({"packages/b/i.js": "exports.f = () => 3\n"})
    done = shop.superteam("validate")
    assert is_blocked(done), report(done)


SETTINGS = {
    ".gitignore": ".env\n__pycache__\n",
    "app.py": 'def cfg(): return dict(line.strip().split("=") for line in open(".env"))\n',
    "test_app.py": (
        'from app import cfg\ndef test_a(): assert cfg()["A"] == "1"\ndef test_b(): assert cfg()["B"] == "2"\n'
    ),
    ".env": "A=1\nB=2\n",
    "superteam.toml": 'test-command = "pytest -q"\n',
}


def test_a_baseline_in_which_nothing_passes(shop: Repo) -> None:
    """The suite needs an ignored file: in a clean tree it can show nothing, neither good nor bad."""
    shop.commit(SETTINGS, "start")
    unchanged = shop.superteam("validate")
    assert unchanged.code == 3, report(unchanged)
    shop.write({"app.py": "def cfg(): return None\n"})
    broken = shop.superteam("validate")
    assert broken.code == 3, report(broken)


RETRIES = {
    "pytest-retry": "-p pytest_retry.retry_plugin --retries 1",
    "flaky": "-p flaky.flaky_pytest_plugin --force-flaky --max-runs 2",
    "rerunfailures": "-p pytest_rerunfailures --reruns 1",
}


@pytest.mark.parametrize("name", RETRIES)
def test_plugins_that_retry(shop: Repo, installed: Callable[[str], Path], name: str) -> None:
    folder = installed("pytest")
    options = RETRIES[name]
    test = (
        "from calc import add\ndef test_ok(): pass\ndef test_known(): assert False\n"
        "def test_add(): assert add(1, 2) == 3\n"
    )
    config = f'test-command = "{folder}/python -m pytest -q {options}"\n'
    shop.commit({"test_a.py": test, "calc.py": "def add(a, b): return a + b\n", "superteam.toml": config}, "start")
    known = shop.superteam("validate")
    assert known.code == 0, report(known)
    shop.write({"calc.py": "def add(a, b): return a - b\n"})
    regression = shop.superteam("validate")
    assert regression.code == 1, report(regression)
    shop.write({"calc.py": "N = [0]\ndef add(a, b):\n    N[0] += 1\n    return a + b if N[0] > 1 else 0\n"})
    second_try = shop.superteam("validate")
    assert second_try.code != 3, report(second_try)
