"""Tests that an agent or a person weakens beside a broken product: never a silent pass."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from conftest import execute, report
from playground import Finished, Repo, plan, script

sys.path.append(str(Path(__file__).parents[1] / "expectations"))
from corpus import BROKEN, CHANGES, SHOP, TESTS, TestChange, edited

BY_AN_AGENT = (
    "equal becomes not None",
    "expectation set to the broken value",
    "dead branch",
    "wider tolerance",
    "snapshot updated",
    "fixture returns what the test wants",
    "subtests shrunk",
    "assertEqual becomes assertTrue",
    "assertion that nobody awaits",
)
AGENT = 'agent.use = "script"\n[agents.script]\nkind = "scripted"\nscript = "agent.toml"\n'


def run_task(repo: Repo, base: dict[str, str], writes: dict[str, str | None], **task: object) -> Finished:
    """Executes a plan of one task; its agent writes these files, also when it is asked to fix."""
    dispatches = [{"task": "1", "role": role, "write": writes} for role in ("implement", "fix")]
    document = plan({"title": "Improve the price", **task})
    repo.commit({**base, "plan.md": document, "agent.toml": script(*dispatches)}, "start")
    return execute(repo)


@pytest.mark.parametrize("name", BY_AN_AGENT)
def test_an_agent_weakens_tests_that_its_task_declares(shop: Repo, name: str) -> None:
    change = next(change for change in CHANGES if change.name == name)
    files = sorted(change.change)
    done = run_task(shop, _base(change), dict(change.change), files=files)
    assert done.code != 0, report(done)


def _base(change: TestChange) -> dict[str, str]:
    files = {path: text for path, text in change.base.items() if text is not None}
    command = f"test-command = {json.dumps(change.command)}\n"
    return {**files, "superteam.toml": command + AGENT}


def test_a_task_removes_other_tests_than_it_may(shop: Repo) -> None:
    base = {
        **{path: str(text) for path, text in SHOP.items()},
        "tests/test_old.py": "def test_old():\n    pass\n",
        "superteam.toml": f'test-command = "python -m pytest -q tests"\n{AGENT}',
    }
    writes: dict[str, str | None] = {**BROKEN, TESTS: None}
    files = ["src/shop.py", "tests/**"]
    done = run_task(shop, base, writes, **{"files": files, "may-remove": ["tests/test_old.py::*"]})
    assert done.code != 0, report(done)


ADDED = """\
def test_nothing():
    assert total(()) == 0
    assert total([(1, 0)]) in (0, 3)


def test_one():
    assert price(1, 2) > 0
    assert price(1, 3) > 0


def test_price"""
MASKED = {
    "assertion weakened": [("assert price(2, 3) == 9", "assert price(2, 3) is not None")],
    "assertion removed": [("assert price(2, 3) == 9", "price(2, 3)")],
    "test hidden by another": [
        ("def test_total", "def test_price():\n    assert price(1, 1) >= 0\n\n\ndef test_total")
    ],
}


@pytest.mark.parametrize("name", MASKED)
def test_a_weakening_among_honest_new_tests_is_named(shop: Repo, name: str) -> None:
    files = {path: str(text) for path, text in SHOP.items()}
    base = shop.commit({**files, "superteam.toml": 'test-command = "python -m pytest -q tests"\n'}, "start")
    changed = edited({TESTS: SHOP[TESTS]}, TESTS, *MASKED[name])
    shop.write({path: str(text) for path, text in BROKEN.items()})
    shop.write({TESTS: str(changed[TESTS]).replace("def test_price", ADDED, 1)})
    done = shop.superteam("validate", "--base", base, "--json")
    named = [*done.json.get("expectations_changed", ())]
    assert is_named(done, named), report(done)


def is_named(done: Finished, named: list[dict[str, object]]) -> bool:
    return done.code in (1, 3) or any("test_price" in str(entry["test"]) for entry in named)
