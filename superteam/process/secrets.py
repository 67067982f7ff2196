"""Secrets that must not reach a file or a screen: values from the environment, and shapes of known tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

Redactor = Callable[[bytes], bytes]

_SECRET_NAME = re.compile(r"SECRET|PASSWORD|PASSWD|CREDENTIAL|(?:KEY|TOKEN|AUTH)S?(?![A-Z])")
_PATH_NAME = re.compile(r"_(?:SOCK|PATH|FILE|DIR)$")
# Every repetition is bounded, so that a search is linear.
_TOKENS = {
    b"sk-": rb"(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{16,512}",
    b"ghp_": rb"[A-Za-z0-9]{20,255}",
    b"github_pat_": rb"[A-Za-z0-9_]{20,255}",
    b"AKIA": rb"[A-Z0-9]{16}(?![A-Za-z0-9])",
    b"xox": rb"[abeoprs]-[A-Za-z0-9-]{10,255}",
}


def secrets_redactor(env: Mapping[str, str]) -> Redactor:
    """Replaces values of variables whose names look secret, and known token shapes, by "[redacted]"; linear.

    A value of several lines is redacted line by line, so that lines can be treated one at a time.
    """
    secrets = {
        line.strip().encode(errors="surrogateescape")
        for name, value in env.items()
        if _SECRET_NAME.search(name.upper()) and not _PATH_NAME.search(name.upper())
        for line in value.splitlines()
    }
    literals = sorted((s for s in secrets if len(s) >= 8), key=lambda secret: (-len(secret), secret))

    def redact(data: bytes) -> bytes:
        for literal in literals:
            data = data.replace(literal, b"[redacted]")
        for prefix in _TOKENS:
            if prefix in data:  # much faster than the pattern, and nearly always enough
                data = _token(prefix).sub(b"[redacted]", data)
        return data

    return redact


@cache
def _token(prefix: bytes) -> re.Pattern[bytes]:
    """A token's shape, not in the middle of a word ("task-...")."""
    return re.compile(prefix + rb"(?<![A-Za-z0-9]" + prefix + rb")" + _TOKENS[prefix])
