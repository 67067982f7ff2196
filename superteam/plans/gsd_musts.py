"""The must-haves of a GSD document: what is written as mappings can be checked, plain texts are kept as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from superteam.core.plan import Artifact, KeyLink, MustHaves
from superteam.plans.gsd_frontmatter import text_of, texts

_NUMBER = re.compile(r"\D{0,3}(\d{1,6})\D{0,20}")


def read_musts(value: Any) -> MustHaves:
    """Truths, artifacts and links of a frontmatter's `must_haves`, which may also be a plain list of truths."""
    if not isinstance(value, Mapping):
        return MustHaves(truths=texts(value))
    return MustHaves(
        truths=texts(value.get("truths")),
        artifacts=tuple(_artifact(entry) for entry in _entries(value.get("artifacts"), "path", "provides")),
        key_links=tuple(
            _link(entry) for entry in _entries(value.get("key_links", value.get("key-links")), "from", "to")
        ),
    )


def checkable(must: MustHaves) -> bool:
    """Whether a machine can check anything of it."""
    return any(artifact.path for artifact in must.artifacts) or any(
        link.pattern and (link.source or link.target) for link in must.key_links
    )


def _entries(value: Any, name: str, meaning: str) -> Iterable[Any]:
    """The entries of a list; a mapping of names to texts is a list too, and one mapping is a list of one."""
    if isinstance(value, Mapping):
        return [value] if name in value else [{name: key, meaning: inner} for key, inner in value.items()]
    entries = value if isinstance(value, list) else [value]
    return [entry for entry in entries if text_of(entry)]


def _artifact(entry: Any) -> Artifact:
    if not isinstance(entry, Mapping) or not text_of(entry.get("path")):
        return Artifact(text=text_of(entry))
    path = text_of(entry["path"])
    lines = _NUMBER.fullmatch(text_of(entry.get("min_lines")))
    return Artifact(
        text=text_of(entry.get("provides")) or path,
        path=path,
        min_lines=int(lines[1]) if lines else None,
        exports=tuple(name for text in texts(entry.get("exports")) for name in re.split(r"[\s,]+", text) if name),
        contains=_exact(entry.get("contains")),
    )


def _link(entry: Any) -> KeyLink:
    if not isinstance(entry, Mapping) or not ("from" in entry or "to" in entry):
        return KeyLink(text=text_of(entry))
    source, target = text_of(entry.get("from")), text_of(entry.get("to"))
    via = text_of(entry.get("via"))
    return KeyLink(
        text=f"{source} -> {target}" + (f": {via}" if via else ""),
        source=source or None,
        target=target or None,
        pattern=next(iter(_exact(entry.get("pattern"))), None),
    )


def _exact(value: Any) -> tuple[str, ...]:
    """Texts as they were written, blanks included: they are looked for in files."""
    entries = value if isinstance(value, list) else [value]
    return tuple(entry if isinstance(entry, str) else text_of(entry) for entry in entries if text_of(entry))
