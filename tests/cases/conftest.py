"""Repositories in which a verdict was wrong once, and the environments that they need."""

from __future__ import annotations

import os
import shutil
import venv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
from playground import Finished, Repo, plan

ROOT = Path(__file__).parents[2]
CASES = Path(os.environ.get("SUPERTEAM_CASES") or ROOT / ".cases").resolve()
OWN_PACKAGES = Path(pytest.__file__).parents[1]
INSTALL = "run tests/cases/install.sh (make test-cases does)"

Agent = Callable[[Repo, str], Finished]
Environment = Callable[..., Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cases)


@pytest.fixture
def installed() -> Callable[[str], Path]:
    """Returns the folder of an installed program, or skips the test and says how to get it."""

    def find(program: str) -> Path:
        folder = CASES / "venv" / "bin"
        if not (folder / program).exists():
            pytest.skip(f"{program} is not installed: {INSTALL}")
        return folder

    return find


@pytest.fixture
def node() -> None:
    """Skips the test where node and npm are missing."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


@pytest.fixture
def shop(empty_repo: Repo) -> Repo:
    """A repository that ignores what Python leaves behind."""
    empty_repo.write({".gitignore": "__pycache__\n*.egg-info\nbuild\n.tox\nnode_modules\ndist\n"})
    return empty_repo


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """Makes a virtual environment with pytest in reach and editable installs of these folders."""

    def make(name: str, editable: Iterable[Path] = ()) -> Path:
        place = tmp_path / name
        venv.EnvBuilder(symlinks=True).create(place)
        packages = next((place / "lib").glob("python*/site-packages"))
        (packages / "pytest.pth").write_text(f"{OWN_PACKAGES}\n")
        for number, folder in enumerate(editable):
            (packages / f"__editable__.package{number}.pth").write_text(f"{folder}\n")
        program = place / "bin/pytest"
        program.write_text(f"#!{place}/bin/python\nimport pytest, sys\nsys.exit(pytest.main())\n")
        program.chmod(0o755)
        return place

    return make


def activated(place: Path) -> Mapping[str, str]:
    """Returns the variables of an active environment."""
    return {"VIRTUAL_ENV": str(place), "PATH": f"{place}/bin{os.pathsep}{os.environ['PATH']}"}


def write_agent(repo: Repo, commands: str, config: str, **task: object) -> None:
    """Commits a plan of one task whose agent is a shell script outside of the repository."""
    script = repo.root.parent / f"{repo.root.name}-agent.sh"
    script.write_text(f"set -eu\n{commands}\n")
    agent = f'[agent]\nuse = "mine"\n[agents.mine]\nkind = "command"\ncommand = ["sh", "{script}"]\n'
    repo.commit({"superteam.toml": config + agent, "plan.md": plan({"title": "One", **task})}, "plan")


def execute(repo: Repo, *options: str, env: Mapping[str, str] | None = None) -> Finished:
    """Runs the plan with nobody to ask."""
    return repo.superteam("execute", "plan.md", "--on-escalation", "pause", *options, env=env)


def is_blocked(done: Finished) -> bool:
    """Returns whether broken code did not pass."""
    return done.code in (1, 3, 4)


def report(done: Finished) -> str:
    """Returns what a failed assertion shows."""
    return f"exit code {done.code}\n{done.out}\n{done.err}"
