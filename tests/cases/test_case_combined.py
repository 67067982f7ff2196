"""Several kinds at once: a wrapper sets PYTHONPATH in a monorepo whose packages are installed as editable elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conftest import Environment, activated, execute, is_blocked, report, write_agent
from playground import Repo

SUITE = "from acme_{0} import add\ndef test_add_{0}(): assert add(1, 2) == 3\n"
CORE = "packages/core/src/acme_core/__init__.py"
BREAK = f"sed -i.bak 's/a + b/a - b/' {CORE}"
TOX = (
    "[tox]\nenv_list = py\nno_package = true\n[testenv]\nskip_install = true\nallowlist_externals = *\n"
    "set_env =\n    PYTHONPATH = {{toxinidir}}/packages/api/src\n"
    "commands = {python} -m pytest -q packages\n"
)
MAKE = "test:\n\tPYTHONPATH=packages/api/src {python} -m pytest -q packages\n"


def monorepo(repo: Repo, environment: Environment, command: str) -> dict[str, str]:
    """Writes two packages, the wrappers and an agent that breaks one package; returns the variables of the shell."""
    folders = []
    for name in ("core", "api"):
        folder = f"packages/{name}"
        repo.write(
            {
                f"{folder}/src/acme_{name}/__init__.py": "def add(a, b): return a + b\n",
                f"{folder}/tests/test_{name}.py": SUITE.format(name),
            }
        )
        folders.append(repo.root / folder / "src")
    place = environment("elsewhere", folders)
    python = place / "bin/python"
    repo.write({"tox.ini": TOX.format(python=python), "Makefile": MAKE.format(python=python)})
    write_agent(repo, BREAK, f'test-command = "{command}"\n')
    return dict(activated(place))


def test_broken_code_is_seen(shop: Repo, environment: Environment) -> None:
    env = monorepo(shop, environment, "make test")
    green = shop.superteam("validate", env=env)
    assert green.code in (0, 3) and "failed before" not in green.out, report(green)
    core = shop.root / CORE
    core.write_text(core.read_text().replace("a + b", "a - b"))
    red = shop.superteam("validate", env=env)
    assert is_blocked(red), report(red)


def test_an_agent_that_breaks_a_part_under_tox_does_not_end_ok(
    shop: Repo, environment: Environment, installed: Callable[[str], Path]
) -> None:
    env = monorepo(shop, environment, f"{installed('tox')}/tox -q")
    done = execute(shop, env=env)
    assert is_blocked(done) and "another tree" in done.out + done.err, report(done)


def test_an_agent_that_breaks_it_in_place_does_not_end_ok(shop: Repo, environment: Environment) -> None:
    env = monorepo(shop, environment, "make test")
    done = execute(shop, "--in-place", env=env)
    assert is_blocked(done) and "test_add_core" in done.out + done.err, report(done)
