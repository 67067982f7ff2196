"""Proves that a document was written by superteam for this user: a MAC whose key no repository and no cache holds.

An agent that runs as the user can read the key if it looks for it; one that only edits files in its reach cannot make
a baseline or a verdict that is believed.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SIZE = 32


def signing_key(folder: Path) -> bytes | None:
    """The key in the user's own folder, made on first use; None where it cannot be read or made."""
    path = folder / "key"
    with contextlib.suppress(OSError):
        if not path.exists():
            _make(path)
        key = path.read_bytes()
        return key if len(key) == _SIZE else None
    return None


def _make(path: Path) -> None:
    """Whole or not at all, readable by the user alone; whoever comes second takes the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f"key.{os.getpid()}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_SIZE))
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


def sealed(document: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """The document with its MAC."""
    return {**document, "mac": _mac(document, key)}


def is_genuine(document: Mapping[str, Any], key: bytes) -> bool:
    """Whether the document's MAC is ours."""
    mac = document.get("mac")
    return isinstance(mac, str) and hmac.compare_digest(mac.encode("utf-8", "replace"), _mac(document, key).encode())


def _mac(document: Mapping[str, Any], key: bytes) -> str:
    content = {name: value for name, value in document.items() if name != "mac"}
    return hmac.new(key, json.dumps(content, sort_keys=True).encode(), hashlib.sha256).hexdigest()
