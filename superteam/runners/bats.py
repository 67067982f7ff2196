"""bats: its own stream of events as a report (TAP with the files), by appended arguments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from superteam.core.results import TestId
from superteam.reports.tap import FORMAT
from superteam.runners.call import Call, Told, Untold
from superteam.runners.node import wanted

NAME = "bats"
_LENGTH = 100_000  # bytes of the pattern; an argument may have 128 kB
_OWN = ("-f", "--filter", "--negative-filter", "--filter-status", "--filter-tags")
_NO_TESTS = frozenset(("-c", "--count", "-h", "--help", "-v", "--version"))
_MORE = "bats was asked for these names in all files; others of the same name may have run as well"


def recognises(call: Call, tree: Path) -> bool:
    """bats by name, and not a call that runs no tests."""
    return call.program == "bats" and not _NO_TESTS & set(call.words)


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """The formatter "cat" (1.5 and newer) hands on what bats tells its formatters: the file, and names in full."""
    if call.after is None or "--" in call.words:
        return Untold("bats is told to report by arguments, and arguments behind this command would not reach it")
    arguments = ("--report-formatter", "cat", "--output", str(folder))
    told = Told(FORMAT, "report.*", folder, arguments=arguments)
    if only is None:
        return told
    pattern = _pattern(only)
    if len(pattern.encode()) > _LENGTH or any(word.partition("=")[0] in _OWN for word in call.words):
        why = "the whole command was run: too many tests to name, or it has a filter of its own"
        return replace(told, selects="everything", why=why)
    return replace(told, arguments=(*arguments, "--filter", pattern), selects="more", why=_MORE)


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with a filter of the names."""
    place = f"cd {shlex.quote(call.folder)} && " if call.folder else ""
    return f"{place}{shlex.join((*call.words, '--filter', _pattern(ids)))}"


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A file beside the first one, where the call names a folder; else only the files that it names would run."""
    for word in call.words[1:]:
        if not word.startswith("-") and (tree / call.folder / word).is_dir():
            path = Path(call.folder, word, "superteam_canary.bats").as_posix()
            return path, "@test 'superteam_canary' {\n  echo 'planted by superteam'\n  false\n}\n"
    return None


def _pattern(ids: Iterable[TestId]) -> str:
    """An extended regular expression of POSIX, which bats holds against the names in all files."""
    names = sorted({name for found in wanted(ids).values() for name in found})
    return f"^({'|'.join(_escaped(name) for name in names)})$"


def _escaped(name: str) -> str:
    """The filter sees a name as it stands in the file, where backslashes may be in front of these signs."""
    name = re.sub(r"[\\^.\[\]()*+?{}|$]", lambda found: f"\\{found[0]}", name)
    return re.sub(r'\\\\|\\\$|["`]', lambda found: rf"\\?{found[0]}", name)
