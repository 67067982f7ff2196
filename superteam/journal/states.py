"""`state.json`: where a run stands, for readers in a hurry. It is sealed, and with a broken seal it is no state.

The seal is a hash of the journal's bytes, the document and our version: with another journal, another document or
another superteam the state is made from the journal again, which is the truth.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from superteam import __version__
from superteam.journal.runs import is_live, journal_path, write_document

_SEAL = "seal"


def write_state(root: Path, run_id: str, document: Mapping[str, Any], size: int | None = None) -> None:
    """Writes the document; sealed if `size` says how many bytes of the journal it was made from."""
    journal = journal_path(root, run_id)
    found = dict(document)
    if size is not None:
        found[_SEAL] = _seal(journal.read_bytes()[:size], document)
    write_document(journal.with_name("state.json"), found)


def read_state(root: Path, run_id: str) -> dict[str, Any] | None:
    """The document of a run that nobody drives, if it is sure to be what the journal comes to."""
    journal = journal_path(root, run_id)
    try:
        document = json.loads(journal.with_name("state.json").read_bytes())
        seal = document.pop(_SEAL)
        sound = bool(seal == _seal(journal.read_bytes(), document)) and not is_live(root, run_id)
    except (OSError, ValueError, RecursionError, KeyError, AttributeError, TypeError):
        return None
    return document if sound else None


def _seal(journal: bytes, document: Mapping[str, Any]) -> str:
    parts = (__version__.encode(), hashlib.sha256(journal).digest(), json.dumps(document, sort_keys=True).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
