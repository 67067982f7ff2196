"""What was planted in git's configuration while an agent worked: noted before a dispatch, compared after it.

The note is a file in the cache, so that a dispatch that was killed is still known. Settings that were planted in the
user's own files are remembered: no later command of ours reads them as his.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from superteam.core.finding import Finding
from superteam.core.planted import (
    Place,
    Setting,
    new_settings,
    planted,
    settings_in,
    why_planted,
    without_spaces,
)
from superteam.workspace.surface import LIMIT, Sight, Surface, look

PLANTED = "planted.json"


def note_path(cache: Path, run_id: str, key: str) -> Path:
    """Where the look before a dispatch is kept until it has ended."""
    return cache / "watch" / run_id / f"{key}.json"


def begin(note: Path, where: Sight) -> None:
    """Looks before a dispatch."""
    places = [[place.role, place.path, base64.b64encode(data).decode()] for place, data in look(where).items()]
    paths = {key: [str(path) for path in getattr(where, key)] for key in ("folders", "settings", "attributes")}
    document = {"tree": None if where.tree is None else str(where.tree), **paths, "places": places}
    note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _replace(note, json.dumps(document).encode())


def _replace(path: Path, data: bytes) -> None:
    new = path.with_name(f".{path.name}.new")
    new.touch(mode=0o600)
    new.write_bytes(data)
    new.replace(path)


def end(cache: Path, note: Path, copies: Path) -> tuple[Finding, ...]:
    """What was planted since `begin`; nothing if there is no note. Of the user's own files the old content is put into
    the folder `copies`, and the finding says how to take the change back."""
    found = _noted(note)
    if found is None:
        return ()
    where, before = found
    after = look(where)
    _remember(cache, _settings_planted(before, after))
    told = tuple(_with_way_back(finding, before, after, copies) for finding in planted(before, after))
    note.unlink(missing_ok=True)
    return told


def _noted(note: Path) -> tuple[Sight, Surface] | None:
    """Where a dispatch's look was taken, and what it saw; None where there is none that can be read."""
    try:
        found: Any = json.loads(note.read_bytes())
        paths = {key: tuple(map(Path, found[key])) for key in ("folders", "settings", "attributes")}
        where = Sight(tree=None if found["tree"] is None else Path(found["tree"]), **paths)
        return where, {Place(role, path): base64.b64decode(data) for role, path, data in found["places"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _with_way_back(finding: Finding, before: Surface, after: Surface, copies: Path) -> Finding:
    """The finding with the command that puts back what the user had; a tree of ours is thrown away anyway."""
    place = next((p for p in {**before, **after} if p.path.startswith("/") and p.path == finding.path), None)
    if place is None or place.role == "repository":
        return finding
    old = before.get(place)
    if old is None:
        return finding.model_copy(update={"detail": f"{finding.detail}; to take it back: rm {shlex.quote(place.path)}"})
    if old.startswith(b"link to "):
        was = os.fsdecode(old.splitlines()[0])
        return finding.model_copy(update={"detail": f"{finding.detail}; it was a {was}"})
    if len(old) >= LIMIT:  # only its beginning was kept
        return finding.model_copy(update={"detail": f"{finding.detail}; it was too large to keep what it held"})
    copy = copies / place.path.lstrip("/").replace("/", "%")
    copies.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy.touch(mode=0o700 if place.role == "hook" else 0o600)  # git passes over a hook that is not executable
    copy.write_bytes(old)
    command = shlex.join(["cp", str(copy), place.path])
    return finding.model_copy(update={"detail": f"{finding.detail}; to take it back: {command}"})


# -- what our git does not read any more


def _settings_planted(before: Surface, after: Surface) -> set[Setting]:
    """The new settings of the user's own files, but those that he has elsewhere too."""
    his = {p for p in {**before, **after} if p.role == "settings" and p.path.startswith("/")}
    had = {without_spaces(setting) for p in his for setting in settings_in(_text(before.get(p, b"")))}
    new = {s for p in his for s in new_settings(before.get(p, b""), after.get(p, b"")) if why_planted(*s)}
    return {without_spaces(setting) for setting in new} - had


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def planted_settings(cache: Path) -> frozenset[Setting]:
    """What agents have planted in the user's settings, without their spaces: in dispatches that have ended, and in
    those that are at work or were killed."""
    found = _remembered(cache)
    for note in (cache / "watch").glob("*/*.json"):
        noted = _noted(note)
        if noted is not None:
            where, before = noted
            found |= _settings_planted(before, look(replace(where, tree=None)))
    return frozenset(found)


def _remembered(cache: Path) -> set[Setting]:
    try:
        return {(str(key), str(value)) for key, value in json.loads((cache / PLANTED).read_bytes())}
    except (OSError, ValueError, TypeError):
        return set()


def _remember(cache: Path, new: Iterable[Setting]) -> None:
    known = _remembered(cache)
    if not known.issuperset(new):
        _replace(cache / PLANTED, json.dumps(sorted(known | set(new)), indent=1).encode())


def forget(cache: Path, run_id: str) -> None:
    """At the end of a run: dispatches of it that never ended have planted what they have planted."""
    for note in sorted((cache / "watch" / run_id).glob("*.json")):
        noted = _noted(note)
        if noted is not None:
            _remember(cache, _settings_planted(noted[1], look(replace(noted[0], tree=None))))
        note.unlink(missing_ok=True)


# -- where the checkout's repository is


def what_moved(record: Path, here: Mapping[str, str]) -> str | None:
    """What was recorded when an unfinished run began, if it is no longer so, in words."""
    try:
        before = json.loads(record.read_bytes())
        changed = [f"{before[key]} is now {here[key] or 'none'}" for key in here if before[key] != here[key]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return "; ".join(changed) or None


def record_place(record: Path, here: Mapping[str, str]) -> None:
    """Records where the repository of a checkout is, for as long as a run of it has not ended."""
    record.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _replace(record, json.dumps(dict(here)).encode())


def place_record(caches: Path, toplevel: Path) -> Path:
    """The file in which that is recorded."""
    return caches / "checkouts" / f"{hashlib.sha256(os.fsencode(toplevel)).hexdigest()[:16]}.json"
