"""Pinned baselines: sound ones only, found again by commit, command and environment."""

from __future__ import annotations

from pathlib import Path

from superteam.core.events import BaselineDocument, PinnedBaseline
from superteam.journal.runs import write_document


def find_baseline(folder: Path, sha: str, command: str, fingerprint: str) -> BaselineDocument | None:
    """The newest sound baseline that was captured under exactly these conditions."""
    for path in sorted(folder.glob(f"baseline-{sha[:12]}-*.json"), reverse=True):
        document = PinnedBaseline.model_validate_json(path.read_text(encoding="utf-8")).baseline
        if (document.sha, document.command, document.fingerprint) == (sha, command, fingerprint):
            return document
    return None


def keep_baseline(folder: Path, document: BaselineDocument) -> None:
    """Pins a sound baseline for later validations."""
    stamp = document.captured_at.replace(":", "").replace("-", "").replace(".", "")[:18]
    pinned = PinnedBaseline(baseline=document)
    write_document(folder / f"baseline-{document.sha[:12]}-{stamp}.json", pinned.model_dump(mode="json", by_alias=True))
