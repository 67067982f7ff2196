"""The artifact of a rerun: built from what the smoke command wrote, written whole or not at all, nothing ever lost.

Only the artifact of a sound rerun takes the place of the configured one, whose bytes go into the folder `history`
beside it first. Everything else lies beside it under a name of its own.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from superteam.core.selection import Selection

MODE = "rerun-failed"
HISTORY = "history"


def new_run_id(at: str) -> str:
    """A run id for an artifact that no smoke command wrote; `at` is its time in ISO 8601."""
    return f"rerun-{re.sub(r'[^0-9T]', '', at)[:15]}-{secrets.token_hex(4)}"


def rerun_block(parent: str, parent_run: Any, kept_as: str | None, selection: Selection) -> dict[str, Any]:
    """What a rerun's artifact says of its parent and of the choice that was made from it."""
    lists = {"ignoredFixtureIds": selection.ignored, "invalidFixtureIds": selection.invalid}
    shown = {name: [{"fixtureId": v.id, "reason": v.reason} for v in entries] for name, entries in lists.items()}
    selected = list(selection.selected)
    return {
        "artifactPath": parent,
        "parentRunId": parent_run if isinstance(parent_run, str) else None,
        "parentKeptAs": kept_as,
        "selectedFixtureIds": selected,
        "diagnostics": {"selectedFixtureIds": selected, **shown},
    }


def rerun_artifact(
    child: Mapping[str, Any], block: Mapping[str, Any], passed: bool, issue: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What the command wrote, with all that we do not know, as a rerun's artifact; its result is the verdict's.

    `issue` says why a rerun that is not sound cannot be believed, whatever its own artifact says.
    """
    result = "pass" if passed else "fail"
    summary = child.get("summary")
    issues = child.get("issues")
    own = child.get("rerun")
    return {
        **child,
        "result": result,
        "mode": MODE,
        "summary": {**(summary if isinstance(summary, Mapping) else {}), "result": result},
        "issues": [*(issues if isinstance(issues, list) else ()), *([issue] if issue else ())],
        "rerun": {**(own if isinstance(own, Mapping) else {}), **block},
    }


def failure_artifact(run_id: str, at: str, block: Mapping[str, Any], issue: Mapping[str, Any]) -> dict[str, Any]:
    """The artifact of a rerun that ran no fixture: failed, with the reason among its issues."""
    counts = {"totalFixtures": 0, "passedFixtures": 0, "failedFixtures": 0, "durationMs": 0, "result": "fail"}
    head = {"runId": run_id, "startedAt": at, "completedAt": at, "durationMs": 0, "result": "fail", "mode": MODE}
    return {**head, "options": {}, "summary": counts, "fixtures": [], "issues": [dict(issue)], "rerun": dict(block)}


def issue(code: str, message: str, remediation: str | None) -> dict[str, Any]:
    """What went wrong outside of all fixtures."""
    return {
        "fixtureId": "run",
        "failedStage": "rerun-preflight" if code.startswith(("artifact_", "no_")) else "rerun",
        "error": message,
        "code": code,
        "diagnostics": None,
        "remediation": remediation,
    }


def kept_name(data: bytes, run_id: Any) -> str:
    """The name under which an artifact lies in the history: its run id where that is harmless, and its content's hash.

    The same bytes get the same name, other bytes of the same run another one.
    """
    mark = sha256(data).hexdigest()[:12]
    fits = isinstance(run_id, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", run_id)
    return f"{run_id}-{mark}.json" if fits else f"{mark}.json"


def keep(place: Path, data: bytes, run_id: Any) -> Path:
    """Puts these bytes into the history beside the artifact at `place` and returns where they lie."""
    file = place.parent / HISTORY / kept_name(data, run_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    if not (file.is_file() and file.read_bytes() == data):
        write_whole(file, data)
    return file


def beside(place: Path, run_id: str) -> Path:
    """Where an artifact lies that must not take the place of the one at `place`."""
    return place.with_name(f"{place.stem}.{run_id}{place.suffix or '.json'}")


def encoded(document: Mapping[str, Any]) -> bytes:
    """The document as it is written: plain ASCII, so that no reader stumbles over it."""
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()


def write_whole(path: Path, data: bytes) -> None:
    """The whole file or the one that was there: it is written beside it, made durable, and then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
