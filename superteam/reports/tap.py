"""Reads TAP 13 and 14 as Perl, node, bats and others write it: nested subtests, plans, directives, diagnostics.

The format: testanything.org, versions 13 and 14. bats' own stream (TAP with "suite" and "begin" lines) and what our
reporter for node writes ("# superteam node" on top: escaped line ends, names are not trimmed) are dialects of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import BinaryIO

from superteam.core.results import Completeness, Conventions, Outcome, TestReport
from superteam.reports.cases import TEXT_CAP, Cases, capped_id, in_tree

FORMAT = "tap"
NODE = "# superteam node"
_LINE = 64 * 1024  # bytes of a line
_DEPTH = 50  # of subtests
_VERSION = re.compile(r"TAP version 1[234]$", re.IGNORECASE)
_TIME = re.compile(r" # time=[0-9.]{1,20}m?s$")  # node-tap's, which changes from run to run
_PRAGMA = re.compile(r"pragma ([+-])strict\s*$", re.IGNORECASE)
_PLAN = re.compile(r"1\.\.(\d{1,9})(?:\s{0,8}#.*)?\s*$")
_POINT = re.compile(r"(not )?ok(?=\s|$)(?: {1,8}(\d{1,9})(?=\s|$))?(.*)$", re.DOTALL)
_ESCAPED_OR_DIRECTIVE = re.compile(r"\\.|#\s{0,8}(skip(?:ped|ping)?|todo)(?!\w)\S{0,32}", re.IGNORECASE | re.DOTALL)
_FILTERED = ("test name does not match pattern", "'only' option not set")  # node 20 and older call these skipped
_ESCAPE = re.compile(r"\\([\\#nr])")
_BEGIN = re.compile(r"begin (\d{1,9}) (.*)$", re.DOTALL)
_BARE = re.compile(r"(?: in \d{1,9}m?s(?:ec)?)?(?: # (skip|timeout)\b(.*))?$", re.DOTALL)  # behind bats' name
_MEMBER = re.compile(r"(duration_ms|location|type|failureType|exitCode|signal): ?'?([\w. ]{0,40})")  # node's


@dataclass(slots=True)
class _Point:
    """One test point, and below it the points of its subtest."""

    name: str
    ok: bool
    directive: str = ""
    brace: bool = False  # an opening one at the end of its line
    text: list[str] = field(default_factory=list)
    size: int = 0
    members: dict[str, str] = field(default_factory=dict)
    children: list[_Point] = field(default_factory=list)

    def say(self, line: str) -> None:
        if self.size < TEXT_CAP:
            self.text.append(line)
            self.size += len(line)


@dataclass(slots=True)
class _Level:
    """The points at one depth since its parent's last, and the plan that was made for them."""

    points: list[_Point] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    last: int = 0
    plan: int | None = None
    title: str = ""

    def damage(self) -> str:
        """What the plan and the numbers say against this level."""
        if self.plan is None:
            return "it has no plan, so that nobody knows how many tests there should be"
        if len(self.points) != self.plan:
            return f"{self.plan} tests were planned and {len(self.points)} were reported"
        if self.numbers and (len(self.numbers) != self.plan or max(self.numbers) > self.plan):
            return "its tests are not numbered from 1 to the plan"
        return ""


@dataclass(slots=True)
class _Document:
    """What is read so far, line by line."""

    levels: list[_Level] = field(default_factory=lambda: [_Level()])
    cases: Cases = field(default_factory=Cases)
    dialect: str = ""
    root: PurePath | None = None
    damage: str = ""
    known: bool = False
    last: _Point | None = None
    yaml: int = -1  # the indentation of an open diagnostic block
    suite: str = ""
    strict: bool = False  # a line that is no TAP counts as a failure
    blocks: list[tuple[int, _Point]] = field(default_factory=list)
    opening: bool = False  # the line before may have begun a block
    begun: dict[int, str] = field(default_factory=dict)

    def take(self, line: str) -> None:
        if self.yaml >= 0:
            self._diagnose(line)
            return
        text = line.lstrip(" ")
        indent = len(line) - len(text)
        if text and self._in_block(text, indent):
            return
        if text.rstrip() == "---" and self.last is not None:
            self.yaml = indent
        elif indent % 4 == 0 and indent // 4 <= _DEPTH:
            self._line(text, indent // 4)

    def _diagnose(self, line: str) -> None:
        if line.strip() == "..." and len(line) - len(line.lstrip(" ")) <= self.yaml:
            self.yaml = -1
        elif self.last is not None:
            line = line[self.yaml :]
            if match := _MEMBER.match(line):  # no part of a message: most of them change from run to run
                self.last.members[match[1]] = match[2]
            elif not self.last.ok:
                self.last.say(line.removeprefix("| ") if self.dialect == "node" else line)

    def _line(self, text: str, depth: int) -> None:
        if text.startswith(("ok", "not ok")) and (match := _POINT.match(text)):
            self._point(match, depth)
        elif text.startswith("1..") and (match := _PLAN.match(text)):
            self._plan(int(match[1]), depth)
        elif text.startswith("#"):
            self._comment(text, depth)
        elif text.startswith("Bail out!"):
            self.cases.error(f"the run was given up: {text[9:].strip() or 'Bail out!'}")
            self._hurt("the run was given up before its end")
        elif pragma := _PRAGMA.match(text):
            self.known = True
            self.strict = pragma[1] == "+"
        elif _VERSION.match(text.rstrip()):
            self.known = True
        elif depth == 0 and self.dialect in ("", "bats"):
            self._bats(text)
            if self.strict and text.strip():
                self._hurt("it says that it is strict, and holds a line that is no TAP")

    def _comment(self, text: str, depth: int) -> None:
        if text.rstrip() == NODE and not self.levels[0].points:
            self.dialect = "node"
        elif text.startswith("# Subtest: "):
            self._level(depth).title = self._name(text[11:])
        elif self.last is not None and not self.last.ok:
            self.last.say(text[1:].removeprefix(" "))

    def _bats(self, text: str) -> None:
        """bats' own lines: the file that follows, and the test that now begins."""
        if text.startswith("suite ") and (self.dialect or not self.levels[0].points):
            self.dialect, self.suite = "bats", in_tree(text[6:], self.root)
        elif self.dialect and (match := _BEGIN.match(text)):
            self.begun[int(match[1])] = match[2]

    def _plan(self, count: int, depth: int) -> None:
        self.known = True
        level = self._level(depth)
        if level.plan is not None:
            self._hurt("it has two plans")
        level.plan = count

    def _point(self, match: re.Match[str], depth: int) -> None:
        self.known = True
        number = int(match[2]) if match[2] else None
        point = self._bats_point(match, number) if self.dialect == "bats" else self._described(match)
        level = self._level(depth)
        level.last = level.last + 1 if number is None else number  # a point without a number has the next one
        if level.last in level.numbers:
            self._hurt(f"test {level.last} was reported twice")
        level.numbers.add(level.last)
        self._close_below(depth, point)
        self._begin_block(depth, point)
        level.points.append(point)
        level.title = ""
        self.last = point
        if depth == 0 and len(level.points) > 1:
            self._add(level.points[-2], "")  # the one before is complete now

    def _begin_block(self, depth: int, point: _Point) -> None:
        """A buffered subtest: its points stand in braces behind its own."""
        if self.dialect == "" and point.brace:
            self.blocks.append((depth, point))
            self.opening = True

    def _in_block(self, text: str, indent: int) -> bool:
        """Whether the line ends a block. A name that only ends with a brace is followed by no line further in."""
        if not self.blocks:
            return False
        depth, point = self.blocks[-1]
        ends = text.rstrip() == "}" and indent == 4 * depth
        if self.opening:
            self.opening = False
            if not ends and indent <= 4 * depth:
                point.name += " {"
                self.blocks.pop()
                return False
        if ends:
            self.blocks.pop()
            self._close_below(depth, point)
            self.last = point
        return ends

    def _described(self, match: re.Match[str]) -> _Point:
        text = match[3].removeprefix(" ").removeprefix("- ")
        brace = self.dialect == "" and text.endswith(" {")
        text = _TIME.sub("", text.removesuffix(" {") if brace else text)
        found = _directive(text)
        name = text if found is None else text[: found.start()].removesuffix(" ")
        point = _Point(self._name(name), match[1] is None, found[1][:4].lower() if found else "", brace)
        if found is not None:
            point.say(text[found.end() :].strip())
        return point

    def _bats_point(self, match: re.Match[str], number: int | None) -> _Point:
        """bats escapes nothing: the name is the one that was begun; what never began is a hook that failed."""
        text, name = match[3].removeprefix(" "), self.begun.get(number or 0)
        end = _BARE.match(text[len(name) :]) if name is not None and text.startswith(name) else None
        if name is None or end is None:
            self.cases.error(f"{self.suite}: {text}" if match[1] else f"{self.suite}: unknown test {text}")
            return _Point("", match[1] is None, "suite")
        point = _Point(f"{self.suite} > {name}" if self.suite else name, match[1] is None, end[1] or "")
        if end[1]:
            point.say(end[2].strip())
        return point

    def _name(self, text: str) -> str:
        """A name without escapes; one that begins with a path of the tree begins with its relative path."""
        if self.dialect == "node":
            text = _ESCAPE.sub(lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), text)
        else:
            text = re.sub(r"\\([\\#])", r"\1", text.strip())
        if self.root is None or not text.startswith(str(self.root)):
            return text
        file, gap, rest = text.partition(" > ")
        return in_tree(file, self.root) + gap + rest

    def _level(self, depth: int) -> _Level:
        while len(self.levels) <= depth:
            self.levels.append(_Level())
        return self.levels[depth]

    def _close_below(self, depth: int, parent: _Point) -> None:
        """The points below this depth are those of the subtest whose own point this is."""
        while len(self.levels) > depth + 1:
            level = self.levels.pop()
            if len(self.levels) == depth + 1:
                parent.children = level.points
            elif level.points:
                self._hurt("a subtest has no test point of its own")
                title = self.levels[-1].title or "subtest"
                self.levels[-1].points.append(_Point(title, False, children=level.points))
            if (level.points or level.plan) and (damage := level.damage()):
                self._hurt(f"{parent.name}: {damage}")

    def _add(self, point: _Point, above: str) -> None:
        """The points of a subtest and then its own; the point is emptied, since it is not needed again."""
        if point.directive == "suite":
            return
        id = capped_id(f"{above} > {point.name}" if above else point.name or "(unnamed)")
        for child in point.children:
            self._add(child, id)
        message = "\n".join(point.text).strip()
        if point.members.get("type") == "suite":  # node's describe: only its hooks are its own
            failure = point.members.get("failureType", "failed outside of its tests")
            if not point.ok and failure != "subtestsFailed":
                self.cases.error(f"{id}: {failure}\n{message}")
        else:
            self.cases.add(id, _outcome(point), message, _seconds(point))
        point.children, point.text = [], []

    def _hurt(self, damage: str) -> None:
        self.damage = self.damage or damage

    def finished(self) -> TestReport:
        """The report, once there are no more lines."""
        if self.yaml >= 0:
            self._hurt("it ends in the middle of a diagnostic")
        if len(self.levels) > 1 or (self.blocks and not self.opening):
            self._hurt("it ends in the middle of a subtest")
            orphan = _Point(self.levels[0].title or "subtest", True)
            self._close_below(0, orphan)
            for child in orphan.children:
                self._add(child, orphan.name)
        top = self.levels[0]
        if top.points:
            self._add(top.points[-1], "")
        damage = self.damage or top.damage()
        whole = Completeness.PARTIAL if damage else Completeness.COMPLETE
        if not self.known:
            whole, damage = Completeness.NONE, "it is no TAP"
        return self.cases.report(
            FORMAT, whole, conventions=Conventions(errors="folded"), dialect=self.dialect, damage=damage
        )


def recognises(head: bytes) -> bool:
    """By its version or a pragma, by a first line that is a plan or a point, or by a plan and a point further down."""
    lines = [line.rstrip() for line in head[:4096].splitlines() if line.strip() and not line.startswith(b"#")]
    if any(re.match(rb"TAP version 1[234]$|pragma [+-]\w+$", line, re.IGNORECASE) for line in lines):
        return True
    plans = [bool(re.match(rb"1\.\.\d{1,9}(?:\s|$)", line)) for line in lines]
    points = [bool(re.match(rb"(?:not )?ok \d{1,9}(?:\s|$)", line)) for line in lines]
    first = bool(lines) and (plans[0] or re.match(rb"\s*(?:not )?ok 1(?:\s|$)", lines[0]) is not None)
    return first or (any(plans) and any(points))


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """Reads one stream; points of nested subtests come as "parent > child". What is no TAP is left out."""
    document = _Document(root=root)
    started, cut = True, False
    while line := stream.readline(_LINE):
        if started:
            document.take(line.decode("utf-8", "replace").rstrip("\r\n"))
        started = line.endswith(b"\n")
        cut = not started and not line.startswith(b"#")
    if cut:
        document._hurt("it ends in the middle of a line")
    return document.finished()


def _directive(text: str) -> re.Match[str] | None:
    """Returns the first directive of a description: a `#` that no backslash escapes, and a word that is one."""
    return next((match for match in _ESCAPED_OR_DIRECTIVE.finditer(text) if match[1]), None)


def _outcome(point: _Point) -> Outcome:
    """A todo that fails is no failure (and nothing that ran well); one that passes has passed."""
    if point.directive == "skip":
        if "".join(point.text[:1]) in _FILTERED:
            return Outcome.NOT_RUN
        return Outcome.SKIPPED  # bats' formatter tap13 calls it "not ok"
    if point.ok:
        return Outcome.PASSED
    if point.directive == "todo":
        return Outcome.SKIPPED
    late = point.directive == "timeout" or point.members.get("failureType") == "testTimeoutFailure"
    return Outcome.TIMED_OUT if late else Outcome.FAILED


def _seconds(point: _Point) -> float | None:
    try:
        return float(point.members["duration_ms"]) / 1000
    except (KeyError, ValueError):
        return None
