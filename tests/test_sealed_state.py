"""`status --json` and `runs` say the same with the sealed state and without it."""

from __future__ import annotations

import json
from typing import Any

from playground import Repo, Setup

from superteam.journal.states import read_state

BROKEN = {"calc.py": "def add(a, b):\n    return a - b\n\n\ndef mul(a, b):\n    return a * b\n"}


def said(repo: Repo) -> list[Any]:
    return [repo.superteam(*command, "--json").json for command in (["status"], ["runs"])]


def sealed(repo: Repo) -> Any:
    return read_state(repo.root, repo.root.joinpath(".superteam/latest").resolve().name)


def test_the_state_that_is_read_is_the_one_that_the_journal_comes_to(repo: Repo, given: Setup) -> None:
    given([{"title": "Change add"}], [{"task": "1", "write": BROKEN}])
    for command in (["execute", "plan.md"], ["answer", "skip"], ["resume"]):
        repo.superteam(*command)
        quick = said(repo)
        assert quick[0] == sealed(repo)
        (repo.root / ".superteam" / "latest" / "state.json").unlink()
        assert said(repo) == quick


def test_a_state_that_somebody_changed_is_not_shown(repo: Repo, given: Setup) -> None:
    given([{"title": "A file"}], [{"task": "1", "write": {"other.py": "X = 1\n"}}])
    repo.superteam("execute", "plan.md")
    path = repo.root / ".superteam" / "latest" / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "status": "aborted"}))
    assert [document.get("status") for document in said(repo)] == ["finished", None]
    assert said(repo)[1]["runs"][0]["status"] == "finished"
