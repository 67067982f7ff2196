"""CTest (3.21 or later): JUnit XML by --output-junit; tests by a regular expression of CMake on their names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from superteam.core.results import TestId
from superteam.runners.call import Call, Told, Untold, family

NAME = "ctest"
_OTHER = ("-N", "--show-only", "-S", "-SP", "-VV-help", "-D", "-M", "-T", "--build-and-test", "--version", "--help")
_LIMIT = 20_000  # CMake refuses larger programs of a regular expression
_SPECIAL = re.compile(r"[\\^$.\[\]()*+?|]")


def recognises(call: Call, tree: Path) -> bool:
    """ctest that runs tests, rather than lists them or drives a dashboard."""
    return call.program in ("ctest", "ctest3") and not any(
        word in _OTHER or word.startswith("--show-only") for word in call.words[1:]
    )


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """By appended arguments; a test that needs a fixture gets its setup and cleanup as well."""
    if call.after is None:
        return Untold("CTest reports only by an argument, and none can be appended to this command")
    arguments = ("--output-junit", str(folder / "junit.xml"), "--no-tests=error")
    if only is None:
        return Told("junit", "junit.xml", folder, arguments=arguments)
    pattern = _pattern(only)
    if len(pattern.encode(errors="surrogateescape")) > _LIMIT:
        why = "all tests were run: too many tests for one regular expression of CMake"
        return Told("junit", "junit.xml", folder, arguments=arguments, selects="everything", why=why)
    why = "tests of the same name, and the fixtures that a test needs, were run as well"
    return Told("junit", "junit.xml", folder, arguments=(*arguments, "-R", pattern), selects="more", why=why)


def _pattern(ids: Iterable[TestId]) -> str:
    names = sorted({name for id in ids for name in (id, family(id))})  # "a #2" may be a name of its own
    return f"^({'|'.join(_SPECIAL.sub(lambda match: chr(92) + match[0], name) for name in names)})$"


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with these names."""
    return shlex.join((*call.words, "-R", _pattern(ids[:20])))


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """None: tests are declared in the user's own files."""
    return None
