"""A wrapper sets PYTHONPATH itself, so that a plugin which is named by the environment is not in reach."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import execute, is_blocked, report, write_agent
from playground import Repo

CALC = {
    "src/calc.py": "def add(a, b): return a + b\n",
    "tests/test_calc.py": (
        "from calc import add\ndef test_add(): assert add(1, 2) == 3\ndef test_more(): assert add(2, 2) == 4\n"
    ),
}
BREAK = {"src/calc.py": "def add(a, b): return a - b\n"}
MAKE = {"Makefile": "test:\n\tPYTHONPATH=src pytest -q\n"}
SCRIPT = {"run.sh": "#!/bin/sh\nexport PYTHONPATH=src\nexec pytest -q\n"}
NPM = {"package.json": '{"scripts": {"test": "PYTHONPATH=src pytest -q"}}\n'}
TOX = {
    "tox.ini": (
        "[tox]\nenv_list = py\nno_package = true\n[testenv]\nskip_install = true\nallowlist_externals = *\n"
        f"set_env =\n    PYTHONPATH = {{toxinidir}}/src\ncommands = {sys.executable} -m pytest -q\n"
    )
}
MONOREPO = {
    "Makefile": "test:\n\tPYTHONPATH=packages/core/src:packages/api/src pytest -q packages\n",
    "packages/core/src/core.py": "def add(a, b): return a + b\n",
    "packages/api/src/api.py": "from core import add\ndef twice(a): return add(a, a)\n",
    "packages/api/tests/test_api.py": "from api import twice\ndef test_twice(): assert twice(2) == 4\n",
}


def check(repo: Repo, command: str, broken: dict[str, str], env: dict[str, str] | None = None) -> None:
    """A green suite is no known failure, and a broken one is no pass."""
    repo.commit({"superteam.toml": f'test-command = "{command}"\n'}, "start")
    green = repo.superteam("validate", env=env)
    assert "failed before" not in green.out, report(green)
    repo.write(broken)
    red = repo.superteam("validate", env=env)
    assert is_blocked(red), report(red)


@pytest.mark.parametrize(("command", "files"), [("make test", MAKE), ("sh run.sh", SCRIPT)], ids=["make", "script"])
def test_a_wrapper_sets_pythonpath(shop: Repo, command: str, files: dict[str, str]) -> None:
    shop.write({**CALC, **files})
    check(shop, command, BREAK)


def test_an_npm_script_sets_pythonpath(shop: Repo, node: None) -> None:
    shop.write({**CALC, **NPM})
    check(shop, "npm test", BREAK)


def test_tox_sets_pythonpath(shop: Repo, installed: Callable[[str], Path]) -> None:
    folder = installed("tox")
    shop.write({**CALC, **TOX})
    check(shop, f"{folder}/tox -q", BREAK)


def test_a_wrapper_of_a_monorepo_sets_pythonpath(shop: Repo) -> None:
    shop.write(MONOREPO)
    check(shop, "make test", {"packages/core/src/core.py": "def add(a, b): return a - b\n"})


def test_an_agent_that_breaks_such_a_suite_does_not_end_ok(shop: Repo) -> None:
    shop.write({**CALC, **MAKE})
    write_agent(shop, "sed -i.bak 's/a + b/a - b/' src/calc.py", 'test-command = "make test"\n')
    done = execute(shop)
    assert done.code != 0, report(done)
