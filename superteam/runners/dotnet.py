"""dotnet test (VSTest): TRX by --logger, one file a project; tests by --filter on their fully qualified names.

From the documentation of VSTest and of its filters; not run here. Projects on Microsoft.Testing.Platform take other
options: with them no report comes, and the run is inconclusive.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from superteam.core.results import TestId
from superteam.runners.call import Call, Told, Untold, family

NAME = "dotnet"
_LIMIT = 30_000  # bytes of one filter: on Windows a whole command line has 32 kB
_OPERATORS = re.compile(r"[\\()&|=!~]")


def recognises(call: Call, tree: Path) -> bool:
    """dotnet test, and not a call that only lists."""
    words = call.words
    listing = any(word in ("--list-tests", "-t", "--help", "-h") for word in words)
    return call.program == "dotnet" and words[1:2] == ("test",) and not listing


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """By appended arguments, which have to stand in front of the settings behind `--`."""
    if call.after is None or "--" in call.words:
        return Untold("dotnet test reports only by an argument, and none can be appended to this command")
    arguments: tuple[str, ...] = ("--logger", "trx", "--results-directory", str(folder))
    if only is None:
        return Told("trx", "**/*.trx", folder, arguments=arguments)
    expression = _expression(only)
    if len(expression.encode(errors="surrogateescape")) > _LIMIT or "--filter" in call.words:
        why = "the whole command was run: too many tests for one filter, or it has a filter of its own"
        return Told("trx", "**/*.trx", folder, arguments=arguments, selects="everything", why=why)
    why = "all rows of a theory were run: xUnit does not select them one by one"
    arguments = (*arguments, "--filter", expression)
    return Told("trx", "**/*.trx", folder, arguments=arguments, selects="more", why=why)


def _expression(ids: Iterable[TestId]) -> str:
    """Both names that a row may go by: with its arguments (NUnit) and without (xUnit, MSTest)."""
    names = dict.fromkeys(name for id in sorted(ids) for name in _names(id))
    return "|".join(f"FullyQualifiedName={_escaped(name)}" for name in names)


def _names(id: TestId) -> tuple[str, ...]:
    classname, colons, test = family(id).partition("::")
    if not colons:
        return (classname,)
    bare = re.split(r"[( ]", test, maxsplit=1)[0]
    return (f"{classname}.{test}",) if bare == test else (f"{classname}.{test}", f"{classname}.{bare}")


def _escaped(name: str) -> str:
    """Operators get a backslash, a comma its URL code; a quote would not survive (dotnet parses the line again)."""
    return _OPERATORS.sub(lambda match: f"\\{match[0]}", name).replace(",", "%2C").replace('"', "%22")


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with a filter."""
    return shlex.join((*call.words, "--filter", _expression(ids[:20])))


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """None: a test has to belong to a project of its own framework."""
    return None
