"""Pinned baselines and verdicts: sound ones only, found again by what they depend on, and only those that we wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from superteam.core.events import BaselineDocument, PinnedBaseline, ValidationResult
from superteam.core.results import TestId
from superteam.core.sources import TESTS
from superteam.journal.runs import write_document
from superteam.journal.seal import is_genuine, sealed
from superteam.journal.store import Store


class Verdict(BaseModel):
    """A verdict that holds for as long as everything in its key does; `report` names the stored report."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_name: Literal["superteam.verdict.v1"] = Field("superteam.verdict.v1", alias="schema")
    key: str
    at: str
    result: ValidationResult
    report: str | None
    messages: dict[TestId, str]
    mac: str = ""


@dataclass(slots=True)
class Shelf:
    """A folder of baselines and verdicts. Without a key nothing is kept in it and nothing in it is believed.

    `refused` are the names of documents that would have been used and that we did not write.
    """

    folder: Path
    key: bytes | None
    refused: list[str] = field(default_factory=list)

    def find_baseline(self, source: str, sha: str, command: str, fingerprint: str) -> BaselineDocument | None:
        """The newest sound baseline that was captured under exactly these conditions; one that is damaged, or that
        somebody else wrote, can be had again. Those of others are refused only where there is none of ours."""
        foreign = []
        for path in sorted(self.folder.glob(f"baseline-{sha[:12]}-*.json"), reverse=True):
            document = _read(path)
            try:
                found = PinnedBaseline.model_validate(document).baseline
            except ValidationError:
                continue
            facts = (found.source, found.sha, found.command, found.fingerprint)
            if facts != (source, sha, command, fingerprint):
                continue
            if not self._is_ours(document):
                foreign.append(path.name)
                continue
            if found.expected is not None and Store(self.folder).holds(found.expected):
                return found
        self._refuse(*foreign)
        return None

    def keep_baseline(self, document: BaselineDocument) -> None:
        """Pins a sound baseline for later validations."""
        stamp = document.captured_at.replace(":", "").replace("-", "").replace(".", "")[:18]
        pinned = PinnedBaseline(baseline=document)
        name = f"baseline-{document.sha[:12]}-{stamp}{'' if document.source == TESTS else f'-{document.source}'}.json"
        self._write(self.folder / name, pinned)

    def load_verdict(self, key: str) -> Verdict | None:
        """The verdict with this key; one that cannot be read is none, since it can be had again."""
        path = self.folder / f"verdict-{key[:32]}.json"
        document = _read(path)
        try:
            found = Verdict.model_validate(document)
        except ValidationError:
            return None
        if found.key != key:
            return None
        if not self._is_ours(document):
            self._refuse(path.name)
            return None
        whole = found.report is None or Store(self.folder).holds(found.report)
        return found if whole else None

    def keep_verdict(self, verdict: Verdict) -> None:
        """Keeps a sound verdict."""
        self._write(self.folder / f"verdict-{verdict.key[:32]}.json", verdict)

    def _is_ours(self, document: dict[str, Any]) -> bool:
        return self.key is not None and is_genuine(document, self.key)

    def _refuse(self, *names: str) -> None:
        self.refused += [name for name in names if name not in self.refused]

    def _write(self, path: Path, model: PinnedBaseline | Verdict) -> None:
        if self.key is not None:
            write_document(path, sealed(model.model_dump(mode="json", by_alias=True), self.key))


def _read(path: Path) -> dict[str, Any]:
    """A document as it was written; nothing where there is none that can be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
