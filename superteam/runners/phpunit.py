"""PHPUnit: JUnit XML by --log-junit; tests by a filter on Class::method with the name of the data set."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from superteam.core.results import TestId
from superteam.runners.call import Call, Told, Untold, family

NAME = "phpunit"
_STEADY = ("--no-coverage", "--do-not-cache-result", "--order-by=default")
_LIMIT = 30_000  # of a regular expression: PCRE compiles up to 64 kB of code
_SPECIAL = re.compile(r"[^A-Za-z0-9_\x80-\U0010ffff]")


def recognises(call: Call, tree: Path) -> bool:
    """phpunit by name or by its archive, also as a script of PHP, and not a call that only tells."""
    words = call.words[1:] if call.program in ("php", "php8", "php8.2") else call.words
    script = next((word for word in words if not word.startswith("-")), "")
    named = script.rpartition("/")[2] in ("phpunit", "phpunit.phar", "pest")
    return named and not any(word.startswith(("--list-", "--version", "--help")) for word in words)


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """By appended arguments."""
    if call.after is None:
        return Untold("PHPUnit reports only by an argument, and none can be appended to this command")
    report = ("--log-junit", str(folder / "junit.xml"))
    if only is None:
        return Told("junit", "junit.xml", folder, arguments=report)
    pattern = _pattern(only)
    arguments: tuple[str, ...] = (*report, *_STEADY)
    if len(pattern.encode(errors="surrogateescape")) > _LIMIT:
        why = "all tests were run: too many tests for one filter"
        return Told("junit", "junit.xml", folder, arguments=arguments, selects="everything", why=why)
    twins = any(family(id) != id for id in only)
    arguments = (*arguments, "--filter", pattern)
    why = "a test of the same name was run as well" if twins else ""
    return Told("junit", "junit.xml", folder, arguments=arguments, selects="more" if twins else "exactly", why=why)


def _pattern(ids: Iterable[TestId]) -> str:
    r"""A regular expression of PCRE for exactly these tests; "a #2" may be a name of its own."""
    names = {name for id in ids for name in (_named(id), _named(family(id)))}
    return rf"/\A(?:{'|'.join(_escaped(name) for name in sorted(names))})\z/"


def _escaped(text: str) -> str:
    r"""Letters and digits stay; all else is written as its code, so that no quoting can go wrong."""
    return _SPECIAL.sub(lambda match: rf"\x{ord(match[0]):02x}", text)


def _named(id: TestId) -> str:
    """Class::method with data set ...: the file stands before it."""
    file, colons, rest = id.partition("::")
    return rest if colons and (file.endswith(".php") or "/" in file) else id


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with a filter."""
    return shlex.join((*call.words, "--filter", _pattern(ids[:20])))


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A test class in the folder `tests`, where there is one."""
    if not (tree / call.folder / "tests").is_dir() or any(word.endswith(".php") for word in call.words[1:]):
        return None
    content = (
        "<?php\nfinal class SuperteamCanaryTest extends \\PHPUnit\\Framework\\TestCase {\n"
        "  public function test_superteam_canary(): void { $this->fail('planted by superteam'); }\n}\n"
    )
    return str(Path(call.folder) / "tests" / "SuperteamCanaryTest.php"), content
