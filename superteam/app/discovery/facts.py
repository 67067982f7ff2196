"""What is known of a repository before anything is guessed, and how its manifests are read.

File names and texts come from a repository that nobody vouches for: a manifest that is broken, huge or of the wrong
types says nothing, and no text of it ever becomes part of a command (names of groups only where they are plain).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol

LARGEST = 2**20  # characters of a manifest that is looked at
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ORDER = ("sure", "likely", "guess")

Kind = Literal["test", "gate", "setup"]
Confidence = Literal["sure", "likely", "guess"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A command that may be the one, and which file says so.

    "sure": the repository configures it; "likely": that is how such repositories do it; "guess": shown, never taken
    unless nothing better is there. `needs` is the program that must be on PATH; `ecosystem` "" is any.
    """

    kind: Kind
    command: str
    why: str
    confidence: Confidence = "sure"
    needs: str | None = None
    ecosystem: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """A listing of tracked files, the texts of those that were read, the programs on PATH (of those that matter) and
    the untracked dependency folders that lie in the checkout (".venv", "node_modules", "vendor")."""

    files: frozenset[str]
    texts: Mapping[str, str]
    programs: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()


class Ecosystem(Protocol):
    """The module of one language's ways."""

    @property
    def NAME(self) -> str: ...

    @property
    def MANIFESTS(self) -> tuple[str, ...]: ...

    @property
    def SUFFIXES(self) -> tuple[str, ...]: ...

    def candidates(self, facts: Facts) -> Iterator[Candidate]:
        """What its manifests at the top of the listing say, best first within a kind."""


def rank(candidate: Candidate) -> int:
    """0 is best."""
    return _ORDER.index(candidate.confidence)


def first(facts: Facts, names: Iterable[str]) -> str | None:
    """The first of these files that is tracked."""
    return next((name for name in names if name in facts.files), None)


def below(facts: Facts, folder: str) -> Facts:
    """The facts of a folder, as if it were the repository."""
    cut = len(folder) + 1
    inner = {name[cut:] for name in facts.files if name.startswith(f"{folder}/")}
    texts = {name[cut:]: text for name, text in facts.texts.items() if name.startswith(f"{folder}/")}
    brought = {name[cut:] for name in facts.folders if name.startswith(f"{folder}/")}
    return Facts(frozenset(inner), texts, facts.programs, frozenset(brought))


def text(facts: Facts, name: str) -> str:
    """A file's text; empty if it was not read or is too large to be a manifest that people write."""
    found = facts.texts.get(name, "")
    return found if len(found) <= LARGEST else ""


def table(facts: Facts, name: str) -> dict[str, Any]:
    """A JSON or TOML document; empty if it is none."""
    try:
        found = json.loads(text(facts, name)) if name.endswith(".json") else tomllib.loads(text(facts, name))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def tables(found: Any, *names: str) -> dict[str, Any]:
    """The table at this path; empty if there is none. Keys with dots in them are kept whole."""
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def has_section(facts: Facts, name: str, section: str) -> bool:
    """Whether an INI file has this section."""
    return any(line.strip() == f"[{section}]" for line in text(facts, name).splitlines())


def is_plain(name: object) -> bool:
    """Whether a name may stand in a command as it is."""
    return isinstance(name, str) and _PLAIN.fullmatch(name) is not None


def matching(facts: Facts, pattern: str, limit: int = 20) -> list[str]:
    """The tracked files whose path, or name, fits the pattern; at most `limit`, by name."""
    found = (name for name in sorted(facts.files) if PurePosixPath(name).match(pattern))
    return [name for name, _ in zip(found, range(limit), strict=False)]


def weight(files: Collection[str], suffixes: tuple[str, ...]) -> int:
    """How many files of a language there are."""
    return sum(name.endswith(suffixes) for name in files)
