"""bun test: its JUnit report and a pattern of names, by BUN_OPTIONS."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from superteam.core.results import TestId, TestReport
from superteam.runners.call import Call, Told, Untold
from superteam.runners.node import beside_a_test, wanted

NAME = "bun"
_LENGTH = 100_000  # bytes of the pattern; a variable may hold 128 kB
_SUMMARY = re.compile(rb"\s{0,8}(\d{1,9}) errors?\s{0,8}$")
_TAIL = 16 * 1024  # bytes of the output in which the summary stands
_OWN = ("-t", "--test-name-pattern")
_MORE = "bun was asked for these names in all files; others of the same name may have run as well"


def recognises(call: Call, tree: Path) -> bool:
    """bun with its command test ("bun run test" is a script of the package)."""
    words = [word for word in call.words[1:] if not word.startswith("-")]
    watched = {"--watch", "--hot", "--help", "-h"} & set(call.words)
    return call.program == "bun" and words[:1] == ["test"] and not watched


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """The variable is read by bun itself, so that it reaches bun through scripts and make."""
    if "BUN_OPTIONS" in call.env:
        return Untold("BUN_OPTIONS is set in the command itself, so that bun cannot be told to report")
    options = ["--reporter=junit", f'"--reporter-outfile={folder}/report.xml"']
    told = Told("junit", "report.xml", folder, env=_environment(env, options), finish=_finish)
    if only is None:
        return told
    pattern = _pattern(only)
    if len(pattern) > _LENGTH or any(word.partition("=")[0] in _OWN for word in call.words):
        why = "the whole command was run: too many tests to name, or it has a pattern of its own"
        return replace(told, selects="everything", why=why)
    options.append(f"--test-name-pattern={pattern}")
    return replace(told, env=_environment(env, options), selects="more", why=_MORE)


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with a pattern of the names."""
    place = f"cd {shlex.quote(call.folder)} && " if call.folder else ""
    return f"{place}{shlex.join((*call.words, '-t', _pattern(ids)))}"


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A test file beside another one."""
    text = 'import { test } from "bun:test";\n'
    text += 'test("superteam_canary", () => { throw new Error("planted by superteam"); });\n'
    return beside_a_test(call, tree), text


def _environment(env: Mapping[str, str], options: Iterable[str]) -> dict[str, str]:
    return {"BUN_OPTIONS": f"{' '.join(options)} {env.get('BUN_OPTIONS', '')}".strip()}


def _pattern(ids: Iterable[TestId]) -> str:
    """bun holds it against the titles joined by spaces; nothing in it may have a meaning in BUN_OPTIONS."""
    names = sorted({name.replace(" > ", "\0") for found in wanted(ids).values() for name in found})
    return f"^({'|'.join(''.join(map(_escaped, name)) for name in names)})$"


def _escaped(c: str) -> str:
    if c == "\0":  # between titles, or in one
        return r"(\x20|\x20\x3e\x20)"
    if c.isascii():
        return c if c.isalnum() else f"\\x{ord(c):02x}"
    units = c.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _finish(report: TestReport, output: Path) -> TestReport:
    """A file that cannot be loaded is in no report; bun counts it as an error in the last lines that it prints."""
    with output.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        found = [match[1] for line in file.read().splitlines() if (match := _SUMMARY.match(line))]
    if not found or int(found[-1]) == 0:
        return report
    words = f"bun counted {int(found[-1])} errors outside of tests (a file that could not be loaded, or a late error)"
    return replace(report, suite_errors=(*report.suite_errors, words))
