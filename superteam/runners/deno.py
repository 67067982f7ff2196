"""deno test: its JUnit report and a pattern of names, by appended arguments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from superteam.core.results import TestId, TestReport
from superteam.runners.call import Call, Told, Untold
from superteam.runners.node import beside_a_test, wanted

NAME = "deno"
_LENGTH = 100_000  # bytes of the pattern; an argument may have 128 kB
_UNCAUGHT = re.compile(rb"(\S.{0,400}) \(uncaught error\)\s{0,8}$")
_SHOWN = 20  # of errors outside of tests
_MORE = "deno was asked for these names in all files; others of the same name may have run as well, and steps always"


def recognises(call: Call, tree: Path) -> bool:
    """deno with its command test ("deno task test" is a script)."""
    words = [word for word in call.words[1:] if not word.startswith("-")]
    watched = any(word.startswith(("--watch", "--help", "--no-run")) for word in call.words)
    return call.program == "deno" and words[:1] == ["test"] and not watched


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """No variable tells deno to report."""
    if call.after is None or "--" in call.words:
        return Untold("deno is told to report by arguments, and arguments behind this command would not reach it")
    report = f"--junit-path={folder}/report.xml"
    told = Told("junit", "report.xml", folder, arguments=(report,), finish=_finish)
    if only is None:
        return told
    pattern = _pattern(only)
    if len(pattern.encode()) > _LENGTH or any(word.startswith("--filter") for word in call.words):
        why = "the whole command was run: too many tests to name, or it has a filter of its own"
        return replace(told, selects="everything", why=why)
    return replace(told, arguments=(report, f"--filter={pattern}"), selects="more", why=_MORE)


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with a filter of the names."""
    place = f"cd {shlex.quote(call.folder)} && " if call.folder else ""
    return f"{place}{shlex.join((*call.words, f'--filter={_pattern(ids)}'))}"


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A test file beside another one."""
    text = 'Deno.test("superteam_canary", () => { throw new Error("planted by superteam"); });\n'
    return beside_a_test(call, tree), text


def _pattern(ids: Iterable[TestId]) -> str:
    """A regular expression of Rust. Steps cannot be selected: a test is, by each beginning that its name may have."""
    names: set[str] = set()
    for title in {name for found in wanted(ids).values() for name in found}:
        parts = title.split(" > ")
        names.update(" > ".join(parts[:i]) for i in range(1, len(parts) + 1))
    return f"/^({'|'.join(_escaped(name) for name in sorted(names))})$/"


def _escaped(name: str) -> str:
    """deno's report has control characters as in a program's text ("\\n"), as a name may have them itself."""
    found = "".join(c if c.isalnum() else f"\\x{{{ord(c):x}}}" for c in name)
    return re.sub(r"\\x\{5c\}(?:x([0-9a-f]{2})|([bfnrtv]))", _control, found)


def _control(match: re.Match[str]) -> str:
    code = int(match[1], 16) if match[1] else ord({"b": "\b", "f": "\f", "v": "\v"}.get(match[2], "\0"))
    code = code or ord({"n": "\n", "r": "\r", "t": "\t"}.get(match[2] or "", "\0"))
    return f"({match[0]}|\\x{{{code:x}}})"


def _finish(report: TestReport, output: Path) -> TestReport:
    """A file that fails outside of its tests is in no report; deno names it in its list of failures."""
    found: dict[str, None] = {}
    with output.open("rb") as file:
        while (line := file.readline(64 * 1024)) and len(found) < _SHOWN:
            if match := _UNCAUGHT.match(line):
                found[match[1].decode("utf-8", "replace")] = None
    words = (f"{place}: an error outside of tests was not caught" for place in found)
    return replace(report, suite_errors=(*report.suite_errors, *words)) if found else report
