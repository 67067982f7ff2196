"""A gate that asks git sees what will be committed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import execute, report, write_agent
from playground import Repo

HOOKS = (
    "repos:\n- repo: local\n  hooks:\n"
    '  - {id: nodebug, name: no debugging, language: pygrep, entry: "DEBUGG[I]NG", types: [text]}\n'
)
CONFIG = "test-command = \"pytest -q\"\nvalidation-command = '''{gate}'''\non-escalation = \"pause\"\n"
NEW_FILE = "echo DEBUGGING >code.txt"


def stops(repo: Repo, gate: str, env: dict[str, str] | None = None) -> None:
    """The agent writes a new file that the gate forbids."""
    repo.write({"test_a.py": "def test_a(): assert 1\n"})
    write_agent(repo, NEW_FILE, CONFIG.format(gate=gate))
    done = execute(repo, env=env)
    assert done.code == 4, report(done)


@pytest.mark.parametrize("gate", ["pre-commit run --all-files", "pre-commit run"])
def test_pre_commit_sees_a_new_file(shop: Repo, installed: Callable[[str], Path], gate: str) -> None:
    folder = installed("pre-commit")
    shop.write({".pre-commit-config.yaml": HOOKS})
    environ = shop.environ()
    stops(shop, gate, {"PATH": f"{environ['PATH']}{os.pathsep}{folder}"})


@pytest.mark.parametrize(
    "gate",
    [
        "! git grep -q DEBUGG[I]NG -- *.txt",
        "! git ls-files -z *.txt | xargs -0 -r grep -l DEBUGG[I]NG | grep .",
        "! git diff --cached | grep DEBUGG[I]NG",
        "test -z \"$(git diff --cached --name-only -- '*.txt')\"",
    ],
    ids=["git-grep", "git-ls-files", "git-diff-cached", "names-of-git-diff-cached"],
)
def test_git_sees_a_new_file(shop: Repo, gate: str) -> None:
    stops(shop, gate)


def test_generated_files_that_are_up_to_date_pass(shop: Repo) -> None:
    files = {"test_a.py": "def test_a(): assert 1\n", "src.txt": "a\n", "gen.txt": "A\n"}
    shop.write({**files, "gen.sh": "tr a-z A-Z <src.txt >gen.txt\n"})
    gate = "sh gen.sh && git diff --exit-code -- gen.txt"
    write_agent(shop, "echo b >>src.txt; sh gen.sh", CONFIG.format(gate=gate))
    done = execute(shop)
    assert done.code == 0, report(done)


def test_generated_files_that_are_stale_stop(shop: Repo) -> None:
    files = {"test_a.py": "def test_a(): assert 1\n", "src.txt": "a\n", "gen.txt": "A\n"}
    shop.write({**files, "gen.sh": "tr a-z A-Z <src.txt >gen.txt\n"})
    gate = "sh gen.sh && git diff --exit-code -- gen.txt"
    write_agent(shop, "echo b >>src.txt", CONFIG.format(gate=gate))
    done = execute(shop)
    assert done.code == 4, report(done)
