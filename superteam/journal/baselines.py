"""Pinned baselines and verdicts: sound ones only, found again by what they depend on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from superteam.core.events import BaselineDocument, PinnedBaseline, ValidationResult
from superteam.core.results import TestId
from superteam.core.sources import TESTS
from superteam.journal.runs import write_document
from superteam.journal.store import Store


def find_baseline(folder: Path, source: str, sha: str, command: str, fingerprint: str) -> BaselineDocument | None:
    """The newest sound baseline that was captured under exactly these conditions; a damaged one can be had again."""
    for path in sorted(folder.glob(f"baseline-{sha[:12]}-*.json"), reverse=True):
        try:
            document = PinnedBaseline.model_validate_json(path.read_bytes()).baseline
        except (OSError, ValidationError):
            continue
        facts = (document.source, document.sha, document.command, document.fingerprint)
        same = facts == (source, sha, command, fingerprint)
        if same and document.expected is not None and Store(folder).holds(document.expected):
            return document
    return None


def keep_baseline(folder: Path, document: BaselineDocument) -> None:
    """Pins a sound baseline for later validations."""
    stamp = document.captured_at.replace(":", "").replace("-", "").replace(".", "")[:18]
    pinned = PinnedBaseline(baseline=document)
    name = f"baseline-{document.sha[:12]}-{stamp}{'' if document.source == TESTS else f'-{document.source}'}.json"
    write_document(folder / name, pinned.model_dump(mode="json", by_alias=True))


class Verdict(BaseModel):
    """A verdict that holds for as long as everything in its key does; `report` names the stored report."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_name: Literal["superteam.verdict.v1"] = Field("superteam.verdict.v1", alias="schema")
    key: str
    at: str
    result: ValidationResult
    report: str | None
    messages: dict[TestId, str]


def load_verdict(folder: Path, key: str) -> Verdict | None:
    """The verdict with this key; one that cannot be read is none, since it can be had again."""
    try:
        found = Verdict.model_validate_json((folder / f"verdict-{key[:32]}.json").read_bytes())
    except (OSError, ValidationError):
        return None
    whole = found.report is None or Store(folder).holds(found.report)
    return found if whole and found.key == key else None


def keep_verdict(folder: Path, verdict: Verdict) -> None:
    """Keeps a sound verdict."""
    write_document(folder / f"verdict-{verdict.key[:32]}.json", verdict.model_dump(mode="json", by_alias=True))
