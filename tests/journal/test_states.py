"""`state.json` is believed only as long as it is sure to be what the journal comes to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import superteam.journal.states as states
from superteam.journal import lock
from superteam.journal.log import Journal
from superteam.journal.runs import journal_path, lock_path
from superteam.journal.states import read_state, write_state

DOCUMENT = {
    "schema": "superteam.status.v1",
    "status": "finished",
    "cost": {"usd": 0.1},
    "tasks": [{"title": "ü \ud800"}],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a run whose state is written."""
    (tmp_path / ".git").mkdir()
    journal = Journal.create(journal_path(tmp_path, "r1"))
    journal.append("2026-01-01T00:00:00+00:00", {"kind": "x"})
    write_state(tmp_path, "r1", DOCUMENT, journal.sound_size)
    journal.close()
    return tmp_path


def state(root: Path) -> Path:
    return journal_path(root, "r1").with_name("state.json")


def change(root: Path, **values: Any) -> None:
    state(root).write_text(json.dumps({**json.loads(state(root).read_text()), **values}))


def append(root: Path) -> None:
    journal, _ = Journal.open(journal_path(root, "r1"))
    journal.append("2026-01-01T00:00:01+00:00", {"kind": "y"})
    journal.close()


def damage(root: Path) -> None:
    """One byte of the journal is another one; its size is the same."""
    path = journal_path(root, "r1")
    path.write_bytes(path.read_bytes().replace(b'"x"', b'"z"'))


def test_a_sealed_state_is_read_as_it_was_written(root: Path) -> None:
    assert read_state(root, "r1") == DOCUMENT
    assert list(read_state(root, "r1") or ()) == list(DOCUMENT)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(append, id="the journal went on"),
        pytest.param(damage, id="the journal is damaged"),
        pytest.param(lambda root: change(root, status="blocked"), id="the document was changed"),
        pytest.param(lambda root: change(root, seal=None), id="the seal is none"),
        pytest.param(lambda root: change(root, more=1), id="the document has more"),
        pytest.param(lambda root: write_state(root, "r1", DOCUMENT), id="it was not sealed"),
        pytest.param(lambda root: state(root).write_text("[]"), id="it is no document"),
        pytest.param(lambda root: state(root).write_text('{"seal": '), id="it is torn"),
        pytest.param(lambda root: state(root).write_text("[" * 100_000), id="it is deep"),
        pytest.param(lambda root: state(root).unlink(), id="it is gone"),
        pytest.param(lambda root: journal_path(root, "r1").unlink(), id="the journal is gone"),
    ],
)
def test_anything_else_is_no_state(spoil: Callable[[Path], object], root: Path) -> None:
    spoil(root)
    assert read_state(root, "r1") is None


def test_a_run_that_is_driven_has_no_state_to_be_believed(root: Path) -> None:
    with lock.acquire(lock_path(root), "execute", "now") as held:
        assert read_state(root, "r1") == DOCUMENT
        held.describe("r1")
        assert read_state(root, "r1") is None


def test_another_version_makes_its_own_state(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "__version__", "0.2.0")
    assert read_state(root, "r1") is None


def test_a_journal_that_could_not_be_written_has_no_size_to_seal(root: Path) -> None:
    journal, _ = Journal.open(journal_path(root, "r1"))
    assert journal.sound_size == journal_path(root, "r1").stat().st_size
    journal.close()
    assert journal.sound_size is None
