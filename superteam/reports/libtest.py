"""Reads what Rust's test programs print (libtest): as recorded by our runner one file a program, or a whole output.

A record begins with "superteam-libtest 1" and has the names that the program listed before it ran, how it ended and
what it said: its results are per test and checked against the list. A plain output names tests only in words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import BinaryIO

from superteam.core.results import Completeness, Conventions, Granularity, Outcome, TestReport
from superteam.reports.cases import TEXT_CAP, Cases, in_tree

FORMAT = "libtest"
MAGIC = b"superteam-libtest 1\n"
PROGRAM = "(program)"
_LINE_CAP = 64 * 1024
_SAID = "## said"
_ESCAPES = re.compile(r"\x1b\[[0-9;]{0,20}m")
_TIMES = r"(?: <\d{1,9}\.\d{1,9}s>)?"
_RESULT = re.compile(
    rf"test (.{{1,2000}}?) \.\.\. (?:(ok|FAILED|ignored|bench:)(?:{_TIMES}| .{{0,300}}|, .{{0,300}})$)?"
)
_LATE = re.compile(rf"(ok|FAILED){_TIMES}$")
_RUNNING = re.compile(r"running (\d{1,9}) tests?$")
_SUMMARY = re.compile(
    r"test result: (ok|FAILED)\. (\d{1,9}) passed; (\d{1,9}) failed; (\d{1,9}) ignored; (\d{1,9}) measured"
)
_HEADER = re.compile(r"\s{0,8}(?:Running (?:unittests )?(\S{1,500}) \((\S{1,1000})\)|Doc-tests (\S{1,200}))$")
_SECTION = re.compile(r"---- (.{1,2000}) (?:stdout|stderr) ----$")
_KIND = re.compile(r" - (?:should panic|compile fail|compile)$")
_DOC = re.compile(r"(\S{1,1000}\.\w{1,8}) - (.{0,1000}?) ?\(line (\d{1,9})\)$")
_OUTCOMES = {"ok": Outcome.PASSED, "FAILED": Outcome.FAILED, "ignored": Outcome.SKIPPED, "bench:": Outcome.PASSED}


@dataclass(slots=True)
class _Program:
    """One test program: its source file, what it listed, and what it said."""

    label: str = ""
    listed: dict[str, None] | None = None
    code: int | None = None
    plain: bool = True
    damaged: bool = False
    results: dict[str, Outcome] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    running: int = 0
    starts: int = 0
    summaries: list[tuple[int, ...]] = field(default_factory=list)
    waiting: str = ""
    section: str = ""

    def line(self, text: str) -> None:
        if (
            self.section
            and text != "failures:"
            and len(self.messages.get(self.section, "")) < TEXT_CAP
            and not _SECTION.match(text)
        ):
            self.messages[self.section] = self.messages.get(self.section, "") + text[:TEXT_CAP] + "\n"
        if found := _SECTION.match(text):
            self.section = self._name(found[1])
        elif text == "failures:" or (found := _SUMMARY.match(text)):
            self.section = ""
            if found:
                self.summaries.append(tuple(int(found[i]) for i in range(2, 6)))
        elif not self.section:
            self._result(text)

    def _result(self, text: str) -> None:
        if found := _RUNNING.match(text):
            self.starts += 1
            self.running += int(found[1])
            return
        place = text.find("test ")
        found = _RESULT.match(text, place) if place >= 0 and " ... " in text else None
        if found is None and place >= 0 and text.endswith(" ..."):
            found = _RESULT.match(text + " ", place)
        if found:
            name = self._name(found[1])
            if found[2]:
                self._keep(name, _OUTCOMES[found[2]])
            else:
                self.waiting = name
        elif self.waiting and (late := _LATE.search(text[-200:])):
            self._keep(self.waiting, _OUTCOMES[late[1]])
            self.waiting = ""

    def _keep(self, name: str, outcome: Outcome) -> None:
        """A failure is never taken back; names that the program did not list are words of a test."""
        if self.listed is not None and name not in self.listed:
            return
        before = self.results.get(name)
        if before is None or outcome.bad or (outcome is Outcome.SKIPPED and not before.bad):
            self.results[name] = outcome

    def _name(self, text: str) -> str:
        if self.listed is not None and text in self.listed:
            return text
        return _KIND.sub("", text)

    def problem(self) -> str:
        """Why what it said is not the whole of a run, or does not agree with itself."""
        where = self.label or "the test program"
        if self.damaged:
            return f"the record of {where} has a line in its head that is none of ours"
        if not self.summaries:
            return f"{where} ended before it said how its tests came out" + self._ending()
        counts = [sum(numbers) for numbers in zip(*self.summaries, strict=True)]
        if self.listed is not None:
            counts = list(self.summaries[-1])
        expected = len(self.listed) if self.listed is not None else self.running
        outcomes = list(self.results.values())
        found = [outcomes.count(Outcome.PASSED), outcomes.count(Outcome.FAILED), outcomes.count(Outcome.SKIPPED)]
        if [counts[0] + counts[3], *counts[1:3]] != found or sum(counts) != expected:
            return f"{where} counts its tests otherwise than it names them"
        if self.code is not None and (self.code == 0) == bool(counts[1]):
            return f"{where} does not agree with its exit code {self.code}"
        return ""

    def _ending(self) -> str:
        return "" if self.code is None else f", with exit code {self.code}"


def recognises(head: bytes) -> bool:
    """Whether it is a record of ours, or has libtest's first line of a program and a result."""
    lines = head.split(b"\n")[:2000]
    return head.startswith(MAGIC) or (
        any(re.fullmatch(rb"running \d{1,9} tests?", line) for line in lines)
        and any(line.startswith((b"test ", b"test result: ")) for line in lines)
    )


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """Ids are "src/lib.rs::module::name" from a record, "crate src/lib.rs::module::name" from words.

    The line of a documentation test is no part of its id, since it changes with each edit above it: those of one item
    are numbered in the order of their lines.
    """
    first = stream.readline(_LINE_CAP)
    if first == MAGIC:
        program = _recorded(stream, root)
        return _report([program], Granularity.TESTS)
    return _report(_programs(first, stream), Granularity.TEXT)


def _recorded(stream: BinaryIO, root: PurePath | None) -> _Program:
    program = _Program(plain=False)
    while line := stream.readline(_LINE_CAP):
        text = _text(line)
        if text == _SAID:
            break
        key, _, value = text.partition(" ")
        if key == "root":
            program.label = in_tree(value, root)
        elif key == "ended" and line.endswith(b"\n"):
            program.code = int(value) if value.isdecimal() and len(value) < 6 else None
        elif key == "listed":
            program.listed = {} if program.listed is None else program.listed
            if value.endswith((": test", ": benchmark")):
                program.listed[value.rpartition(": ")[0]] = None
        elif key == "program":
            program.listed = {PROGRAM: None}
        else:
            program.damaged = True
    while line := stream.readline(_LINE_CAP):
        program.line(_text(line))
    if program.listed == {PROGRAM: None} and program.code is not None:
        program.results = {PROGRAM: Outcome.FAILED if program.code else Outcome.PASSED}
        program.summaries = [(1 - bool(program.code), int(bool(program.code)), 0, 0)]
    return program


def _programs(first: bytes, stream: BinaryIO) -> list[_Program]:
    """A whole output, taken apart at cargo's headers, or at the first line of each program where there are none."""
    programs: list[_Program] = []
    headed, line = False, first
    while line:
        text = _text(line)
        if found := _HEADER.match(text):
            headed = True
            crate = re.sub(r"-[0-9a-f]{16}$", "", found[2].rpartition("/")[2]) if found[2] else ""
            programs.append(_Program(f"{crate} {found[1]}" if crate else ""))
        elif _RUNNING.match(text) and not headed and not (programs and not programs[-1].summaries):
            programs.append(_Program())
        if programs:
            programs[-1].line(text)
        line = stream.readline(_LINE_CAP)
    return programs


def _report(programs: list[_Program], granularity: Granularity) -> TestReport:
    cases = Cases()
    for program in programs:
        for name in sorted(program.results.keys() | (program.listed or {}).keys(), key=_order):
            outcome = program.results.get(name, Outcome.NOT_RUN)
            message = _message(program.messages.get(name, "")) if outcome is not Outcome.PASSED else ""
            cases.add(_id(program.label, name), outcome, message)
    damage = next((problem for program in programs if (problem := program.problem())), "")
    completeness = Completeness.PARTIAL if damage else Completeness.COMPLETE
    report = cases.report(
        FORMAT,
        completeness if programs else Completeness.NONE,
        conventions=Conventions(errors="folded"),
        damage=damage,
    )
    return replace(report, granularity=granularity)


def _message(text: str) -> str:
    """What the test said, the words of its panic first and without the stack, whose frames change with the compiler."""
    text, _, rest = text.partition("\nstack backtrace:\n")
    text += "\n" + rest.partition("\nnote: Some details")[2].partition("\n")[2]
    before, _, panic = text.partition("\nthread '")
    place, found, words = panic.partition("panicked at ")
    if not found:
        return text.strip()
    place, _, words = words.partition("\n")
    return f"{words.strip()}\npanicked at {place}\n{before.strip()}".strip()


def _order(name: str) -> tuple[str, int]:
    """Documentation tests in the order of their lines."""
    found = _DOC.match(name)
    return (f"{found[1]} - {found[2]}", int(found[3])) if found else (name, 0)


def _id(label: str, name: str) -> str:
    found = _DOC.match(name)
    if found:
        return f"{found[1]} - {found[2] or '(crate)'}"
    return f"{label}::{name}" if label else name


def _text(line: bytes) -> str:
    return _ESCAPES.sub("", line.decode(errors="replace")).rstrip("\r\n")
