"""Paths that a text mentions: in code spans, or as bare words that can hardly be anything else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from superteam.core.plan_rules import file_problem

_WORD = re.compile(r"`([^`\n]+)`|[^\s`]+")
_LINES = re.compile(r"([^:#]+)(?::L?\d[\dL,:–-]*|#L\d[\dL-]*)")
_FOLDED = re.compile(r"[\w.@\[\]()*+-]+(?:/[\w.@\[\]()*+-]+)+")
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,7}\Z")
_FOLDER = re.compile(r"(?:[\w.@\[\]()*+-]+/)+")
_PLAIN = re.compile(
    r"[\w.-]+\.(?:md|toml|json|ya?ml|lock|txt|cfg|ini|xml|html|css|sql|sh|py|rs|go|tsx?|java|kt|rb|php|c|h|cpp|hpp|cs)"
    r"|Makefile|Dockerfile|Justfile|Procfile|Gemfile|Rakefile"
)
_SCRIPT = re.compile(r"[\w.-]+\.[cm]?jsx?|\.[a-z][\w-]*(?:\.[\w-]+)*")  # bare words such as Node.js are none
_LONGEST = 300


def mentioned_files(text: str) -> tuple[str, ...]:
    """The paths in the text, each once; what could not be a file of a task is left out."""
    found = (path.removeprefix("./") for path in _candidates(text))
    return tuple(dict.fromkeys(path for path in found if path and file_problem(path) is None))


def _candidates(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text):
        if match[1]:
            path = _without_lines(match[1].strip())
            is_script = len(path) <= _LONGEST and _SCRIPT.fullmatch(path)
        else:
            path = _without_lines(match[0].strip("\"'*,;:!?").rstrip(".").removeprefix("(").rstrip("),."))
            is_script = None
        if is_script or _is_path(path):
            yield path


def _without_lines(path: str) -> str:
    """The path without line numbers or the name of a test."""
    path = path.partition("::")[0]
    lines = _LINES.fullmatch(path) if len(path) <= _LONGEST else None
    return lines[1] if lines else path


def _is_path(text: str) -> bool:
    if len(text) > _LONGEST:
        return False
    if "/" not in text:
        return _PLAIN.fullmatch(text) is not None
    if _FOLDER.fullmatch(text):
        return True
    return _FOLDED.fullmatch(text) is not None and _EXTENSION.search(text) is not None
