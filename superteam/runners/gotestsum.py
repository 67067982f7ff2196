"""gotestsum: it runs `go test -json` itself and writes the events into the file that --jsonfile names."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from superteam.core.results import TestId
from superteam.runners import go_test
from superteam.runners.call import Call, Told, Untold

NAME = "gotestsum"
_FILE = "gotestsum.jsonl"


def recognises(call: Call, tree: Path) -> bool:
    """gotestsum by name or by `go run`; not its `tool` commands, and not with a command of the user's own."""
    return _at(call) is not None and not {"tool", "--raw-command", "--watch", "--version"} & set(call.words)


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """The file by environment (GOTESTSUM_JSONFILE, which --jsonfile overrides), tests by arguments behind "--"."""
    if any(word.startswith("--jsonfile") for word in call.words):
        return Untold("gotestsum writes its --jsonfile where the user said")
    file = {"GOTESTSUM_JSONFILE": str(folder / _FILE)}
    if call.after is None:
        why = "" if only is None else "arguments cannot be appended to this command, so that all tests were run"
        return Told("go", _FILE, folder, env=file, selects="everything" if only else "exactly", why=why)
    arguments, why = go_test.selection(Call(("go", "test", *_go_part(call))), only)
    flags = () if any("-count" in word for word in _go_part(call)) else ("-count=1",)
    gap = () if "--" in call.words else ("--rerun-fails=0", "--") if only is not None else ("--",)
    if not _go_part(call) and not _packages(call):  # behind "--" gotestsum leaves the packages to its caller
        flags = (*flags, "./...")
    return Told("go", _FILE, folder, env=file, arguments=(*gap, *flags, *arguments), selects="more", why=why)


def _at(call: Call) -> int | None:
    """Where its own arguments begin."""
    if call.program == "gotestsum":
        return 1
    if call.program == "go" and call.words[1:2] == ("run",) and "gotest.tools/gotestsum" in " ".join(call.words[2:3]):
        return 3
    return None


def _go_part(call: Call) -> tuple[str, ...]:
    """What the call hands on to go test."""
    return call.words[call.words.index("--") + 1 :] if "--" in call.words else ()


def _packages(call: Call) -> bool:
    """Whether gotestsum itself knows the packages: by --packages, or as words of its own."""
    words = call.words[_at(call) or 1 :]
    return any(word.startswith("--packages") for word in words)


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """As with go test."""
    return go_test.reproduce(Call(("go", "test", *_go_part(call))), ids) if ids else shlex.join(call.words)


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """As with go test."""
    return go_test.canary(call, tree)
