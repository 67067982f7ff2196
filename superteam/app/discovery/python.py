"""Python: pytest, unittest, Django, tox, nox; uv, poetry, pdm, pipenv, pip; linters and type checkers."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from superteam.app.discovery.facts import (
    Candidate,
    Confidence,
    Facts,
    first,
    has_section,
    is_plain,
    matching,
    table,
    tables,
    text,
)

NAME = "Python"
MANIFESTS = (
    "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "requirements-dev.txt", "requirements-test.txt",
    "dev-requirements.txt", "test-requirements.txt", "requirements/dev.txt", "requirements/test.txt", "Pipfile",
    "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pytest.ini", ".pytest.ini", "tox.ini", "noxfile.py",
    "conftest.py", "manage.py", "mypy.ini", ".mypy.ini", "ruff.toml", ".ruff.toml", ".flake8", "pyrightconfig.json",
    ".isort.cfg",
)  # fmt: skip
SUFFIXES = (".py",)

_REQUIREMENTS = tuple(name for name in MANIFESTS if name.endswith(".txt"))
_PROJECTS = ("pyproject.toml", "setup.py", "requirements.txt", "Pipfile")
_PYTEST = re.compile(r"^[ \t]{0,8}(?:import pytest|from pytest\b|def test_|async def test_)", re.MULTILINE)
_UNITTEST = re.compile(r"^[ \t]{0,8}(?:import unittest|from unittest\b|from django\.test\b)", re.MULTILINE)
_SAMPLE = 30  # tests that are looked into
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


def candidates(facts: Facts) -> Iterator[Candidate]:
    """What the manifests of Python say."""
    if first(facts, MANIFESTS) or any(not _is_of_a_project_below(facts, name) for name in _test_files(facts)):
        yield from _tests(facts)
        yield from _gates(facts)
        yield from _setups(facts)


def _candidate(kind: Any, command: str, why: str, sure: Confidence = "sure", needs: str | None = None) -> Candidate:
    return Candidate(kind, command, why, sure, needs, NAME)


# -- tests


def _tests(facts: Facts) -> Iterator[Candidate]:
    pytest = _pytest_is_named(facts)
    sample = {name: text(facts, name) for name in _test_files(facts)}
    if pytest is None:
        user = next((name for name, found in sample.items() if _PYTEST.search(found)), None)
        pytest = f"{user} is written for pytest" if user else None
    if pytest:
        yield _candidate("test", _pytest_command(facts), pytest)
    if "manage.py" in facts.files:
        yield _candidate("test", f"{_python(facts)} manage.py test", "manage.py is Django's", "likely")
    user = next((name for name, found in sample.items() if _UNITTEST.search(found)), None)
    if user:
        yield _candidate(
            "test", _unittest_command(facts, user), f"{user} uses unittest", "guess" if pytest else "likely"
        )
    if "tox.ini" in facts.files and has_section(facts, "tox.ini", "testenv"):
        yield _candidate("test", "tox -e py", "tox.ini has [testenv]", "guess", "tox")
    if "noxfile.py" in facts.files:
        yield _candidate("test", "nox", "noxfile.py", "guess", "nox")


def is_test(path: str) -> bool:
    """Whether a file is named as pytest or unittest expect tests to be."""
    name = path.rpartition("/")[2]
    return name.endswith(".py") and (name.startswith("test") or name.endswith("_test.py"))


def _test_files(facts: Facts) -> list[str]:
    return sorted(filter(is_test, facts.files), key=lambda name: (name not in facts.texts, name))[:_SAMPLE]


def _is_of_a_project_below(facts: Facts, path: str) -> bool:
    """Whether a folder above the file, but not the top, has a manifest of its own."""
    folders = [str(folder) for folder in PurePosixPath(path).parents if str(folder) != "."]
    return any(f"{folder}/{name}" in facts.files for folder in folders for name in _PROJECTS)


def _pytest_is_named(facts: Facts) -> str | None:
    """Where the repository says that its tests are pytest's."""
    project = table(facts, "pyproject.toml")
    if "pytest" in tables(project, "tool"):
        inner = ".ini_options" if "ini_options" in tables(project, "tool", "pytest") else ""
        return f"pyproject.toml has [tool.pytest{inner}]"
    ini = first(facts, ("pytest.ini", ".pytest.ini"))
    if ini:
        return ini
    for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        if has_section(facts, name, section):
            return f"{name} has [{section}]"
    needed = _needed(facts)
    if "pytest" in needed:
        return f"{needed['pytest'][0]} asks for pytest"
    found = matching(facts, "conftest.py", 1)
    return f"{found[0]} is pytest's" if found else None


def _pytest_command(facts: Facts) -> str:
    """`python -m` puts the repository's folder on the path, which a project that is not installed needs."""
    return "pytest -q" if _is_package(facts) else f"{_python(facts)} -m pytest -q"


def _is_package(facts: Facts) -> bool:
    project = table(facts, "pyproject.toml")
    named = "project" in project or "poetry" in tables(project, "tool")
    return named or first(facts, ("setup.py", "setup.cfg")) is not None


def _python(facts: Facts) -> str:
    return "python" if "python" in facts.programs or ".venv" in facts.folders else "python3"


def _unittest_command(facts: Facts, user: str) -> str:
    folder = user.partition("/")[0]
    if "/" not in user or not is_plain(folder):
        return f"{_python(facts)} -m unittest"
    top = " -t ." if f"{folder}/__init__.py" in facts.files else ""
    return f"{_python(facts)} -m unittest discover -s {folder}{top}"


def _needed(facts: Facts) -> dict[str, tuple[str, str, str]]:
    """Each package that is asked for: the file, and the extra ("extra") or group ("group") with its name."""
    found: dict[str, tuple[str, str, str]] = {}
    for name, place in _asked_for(facts):
        found.setdefault(name, place)
    return found


def _asked_for(facts: Facts) -> Iterator[tuple[str, tuple[str, str, str]]]:
    file, project = "pyproject.toml", table(facts, "pyproject.toml")
    yield from ((name, (file, "", "")) for name in _names(tables(project, "project").get("dependencies")))
    for extra, listed in tables(project, "project", "optional-dependencies").items():
        yield from ((name, (file, "extra", extra)) for name in _names(listed))
    for group, listed in tables(project, "dependency-groups").items():
        yield from ((name, (file, "group", group)) for name in _names(listed))
    for group, inner in tables(project, "tool", "poetry", "group").items():
        yield from ((name, (file, "group", group)) for name in tables(inner, "dependencies"))
    for group, listed in tables(project, "tool", "pdm", "dev-dependencies").items():
        yield from ((name, (file, "group", group)) for name in _names(listed))
    for inner in tables(project, "tool", "hatch", "envs").values():
        for key in ("dependencies", "extra-dependencies"):
            yield from ((name, (file, "", "")) for name in _names(tables(inner).get(key)))
    for key in ("dev-dependencies", "dependencies"):
        yield from ((name, (file, "", "")) for name in tables(project, "tool", "poetry", key))
    yield from ((name, (file, "", "")) for name in _names(tables(project, "tool", "uv").get("dev-dependencies")))
    for extra, lines in _extras_of_setup_cfg(facts).items():
        yield from ((name, ("setup.cfg", "extra", extra)) for name in _names(lines.splitlines()))
    for key in ("packages", "dev-packages"):
        yield from ((name, ("Pipfile", "", "")) for name in tables(table(facts, "Pipfile"), key))
    for path in _REQUIREMENTS:
        yield from ((name, (path, "", "")) for name in _names(text(facts, path).splitlines()))


def _extras_of_setup_cfg(facts: Facts) -> dict[str, str]:
    """The extras of setup.cfg, each with its requirements, one a line."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text(facts, "setup.cfg"))
        return dict(parser.items("options.extras_require"))
    except configparser.Error:
        return {}


def _names(listed: Any) -> Iterator[str]:
    """The names of packages in a list of requirements."""
    for item in listed if isinstance(listed, list) else ():
        found = _NAME.match(item.strip()) if isinstance(item, str) else None
        if found:
            yield found[0].lower().replace("_", "-")


# -- gates


def _gates(facts: Facts) -> Iterator[Candidate]:
    tool = tables(table(facts, "pyproject.toml"), "tool")
    where = {name: f"pyproject.toml has [tool.{name}]" for name in tool}
    ruff = where.get("ruff") or first(facts, ("ruff.toml", ".ruff.toml"))
    if ruff:
        yield _candidate("gate", "ruff check .", ruff)
    hooks = text(facts, ".pre-commit-config.yaml")
    if "format" in tables(tool, "ruff") or (ruff and "ruff-format" in hooks):
        yield _candidate("gate", "ruff format --check .", where.get("ruff", ".pre-commit-config.yaml has ruff-format"))
    if "black" in tool:
        yield _candidate("gate", "black --check .", where["black"])
    isort = where.get("isort") or first(facts, (".isort.cfg",))
    if isort:
        yield _candidate("gate", "isort --check .", isort)
    flake8 = _configured(facts, (".flake8",), "flake8")
    if flake8:
        yield _candidate("gate", "flake8", flake8)
    mypy = where.get("mypy") or _configured(facts, ("mypy.ini", ".mypy.ini"), "mypy")
    if mypy:
        yield _candidate("gate", "mypy" if _names_its_files(facts) else "mypy .", mypy)
    pyright = where.get("pyright") or first(facts, ("pyrightconfig.json",))
    if pyright:
        yield _candidate("gate", "pyright", pyright)


def _configured(facts: Facts, own: tuple[str, ...], section: str) -> str | None:
    shared = next((name for name in ("setup.cfg", "tox.ini") if has_section(facts, name, section)), None)
    return first(facts, own) or (f"{shared} has [{section}]" if shared else None)


def _names_its_files(facts: Facts) -> bool:
    """Whether mypy's configuration says what to check."""
    keys = ("files", "packages", "modules")
    if any(key in tables(table(facts, "pyproject.toml"), "tool", "mypy") for key in keys):
        return True
    lines = (line for name in ("mypy.ini", ".mypy.ini", "setup.cfg") for line in text(facts, name).splitlines())
    return any(line.partition("=")[0].strip() in keys for line in lines)


# -- setup


def _setups(facts: Facts) -> Iterator[Candidate]:
    _, kind, name = _needed(facts).get("pytest", ("", "", ""))
    name = name if is_plain(name) else ""
    if "uv.lock" in facts.files:
        wanted = f" --{kind} {name}" if kind and name and (kind, name) != ("group", "dev") else ""
        yield _candidate("setup", f"uv sync{wanted}", "uv.lock", needs="uv")
    if "poetry.lock" in facts.files:
        own = "env -u VIRTUAL_ENV POETRY_VIRTUALENVS_IN_PROJECT=true"
        wanted = f" --extras {name}" if kind == "extra" and name else ""
        yield _candidate("setup", f"{own} poetry install{wanted}", "poetry.lock", needs="poetry")
    if "pdm.lock" in facts.files:
        wanted = f" -G {name}" if kind == "extra" and name else ""
        yield _candidate("setup", f"PDM_IGNORE_ACTIVE_VENV=1 pdm install{wanted}", "pdm.lock", needs="pdm")
    if "Pipfile.lock" in facts.files:
        own = "PIPENV_VENV_IN_PROJECT=1 PIPENV_IGNORE_VIRTUALENVS=1"
        yield _candidate("setup", f"{own} pipenv install --dev", "Pipfile.lock", needs="pipenv")
    yield from _pip(facts, f"[{name}]" if kind == "extra" and name else "")


def _pip(facts: Facts, extra: str) -> Iterator[Candidate]:
    """An environment of the tree's own, by pip; only a guess where the user has one that works."""
    lists = [f"-r {name}" for name in _REQUIREMENTS if name in facts.files]
    package = [f"-e '.{extra}'"] if _is_package(facts) else []
    if not lists and not package:
        return
    runner = [] if "pytest" in _needed(facts) or not _pytest_is_named(facts) else ["pytest"]
    have = ".venv" in facts.folders or "pytest" in facts.programs
    why = first(facts, ("pyproject.toml", "setup.py", "setup.cfg", *_REQUIREMENTS)) or ""
    command = f"python3 -m venv .venv && .venv/bin/pip install {' '.join([*package, *lists, *runner])}"
    told = f"{why}; not needed while your own environment has what the suite needs" if have else why
    yield _candidate("setup", command, told, "guess" if have else "likely", "python3")
