"""Where a plan's commands run: in the task's tree, never in the user's checkout or another folder.

A command that names the checkout is rewritten to name the tree, which is its working directory. A command that leaves
the tree in a way that cannot be rewritten is no gate: what it finds says nothing about the task.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from superteam.core.plan import Finding, Plan, Task
from superteam.core.plan_rules import quoted

_ROOT = "\0"  # stands for the checkout's path while a command is read; no command holds a NUL
_FIELDS = ("gate", "acceptance_test")
_ABSOLUTE = re.compile(r"""(?<![\w.~/$}\\-])(?:~|\$HOME|\$\{HOME\})?/[^\s"'`;|&()<>$\\=:*?{}\0]*""")
_ENVIRONMENTS = ("pyvenv.cfg", "conda-meta")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_HOME = re.compile(r"~(?=/|$)|\$HOME(?![\w])|\$\{HOME\}")
_COMMAND_STARTS = r"(?:^|(?<=[;&|({\n]))[ \t]*(?:(?:then|do|else)[ \t]+)?"
_PIECE = re.compile(
    rf"""
      (?P<escape> \\. )
    | (?P<cd>     {_COMMAND_STARTS} (?:cd|pushd|popd) (?=[ \t;&|)\n]|$) [ \t]* (?:--[ \t]+)? )
      (?P<target> "[^"\n]*" | '[^'\n]*' | [^\s;&|()<>"']* )
    | (?P<quoted> '[^']*' | "[^"\\]*(?:\\.[^"\\]*)*" )
    | (?P<open>   \( ) | (?P<close> \) ) | (?P<root> \0 )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Checkout:
    """What has to be known of the user's checkout to see that a command names it.

    `locate` returns an existing path's place in the checkout, or None if it is elsewhere; `is_environment` whether a
    place in it holds an environment of Python.
    """

    paths: tuple[str, ...]
    home: str
    locate: Callable[[str], str | None]
    exists: Callable[[str], bool]
    has_folder: Callable[[str], bool]
    is_environment: Callable[[str], bool] = field(default=lambda path: False)

    @property
    def name(self) -> str:
        """The checkout's last component."""
        return PurePosixPath(self.paths[0]).name


@dataclass(frozen=True, slots=True)
class Placed:
    """A command as it runs in the tree, None if it is not to run; `reason` says why it is not as written."""

    command: str | None
    reason: str = ""


class _Leaves(Exception):
    """The command leaves the tree; the message says where to."""


def checkout_at(root: Path) -> Checkout:
    """Returns the checkout with every spelling of its path that people use."""
    real = root.resolve()
    spellings = dict.fromkeys((str(real), str(root.absolute()), *_spelled_by_the_shell(real)))
    return Checkout(
        paths=tuple(path for path in spellings if path != "/"),
        home=os.environ.get("HOME", ""),
        locate=lambda path: _located(path, real),
        exists=os.path.lexists,
        has_folder=lambda path: (real / path).is_dir(),
        is_environment=lambda path: any((real / path / name).exists() for name in _ENVIRONMENTS),
    )


def _spelled_by_the_shell(real: Path) -> Iterator[str]:
    """The checkout's path as PWD has it, where links lead to it."""
    here = os.environ.get("PWD", "")
    resolved = os.path.realpath(here) if here.startswith("/") else ""
    below = f"{resolved}/".removeprefix(f"{real}/")
    if here.endswith(f"/{below}".rstrip("/")) and f"{resolved}/".startswith(f"{real}/"):
        yield here.removesuffix(f"/{below}".rstrip("/"))


def _located(path: str, real: Path) -> str | None:
    try:
        found = Path(os.path.realpath(path))
        return found.relative_to(real).as_posix() if os.path.lexists(path) else None
    except (OSError, ValueError):
        return None


# -- one command


def placed(command: str, checkout: Checkout) -> Placed:
    """Returns the command as it is to run in a tree of its own."""
    if not checkout.paths or _ROOT in command:
        return Placed(command)
    text = _with_links_resolved(_with_root_marked(command, checkout), checkout)
    if any(re.search(rf"{re.escape(path)}(?![\w.-])", text) for path in checkout.paths):
        return Placed(None, "it names the checkout, and cannot be rewritten to name the task's tree")
    walk = _Walk(checkout)
    try:
        written = _PIECE.sub(walk.piece, text)
    except _Leaves as problem:
        return Placed(None, str(problem))
    if written == command:
        return Placed(command)
    what = f"the folder {quoted(walk.foreign)}, which is taken" if walk.foreign else "the checkout, which is replaced"
    return Placed(written, f"it names {what} for the task's tree")


def without_programs(command: str, checkout: Checkout) -> str:
    """Returns the command without the place of programs that stand in an environment of the checkout."""

    def replaced(match: re.Match[str]) -> str:
        return "" if checkout.is_environment(match[1]) else match[0]

    for spelling in _spellings(checkout):
        command = re.sub(rf"{re.escape(spelling)}/(?:\.venv|venv|node_modules)/(?=[\w.])", "", command)
        command = re.sub(rf"{re.escape(spelling)}/([\w.+/-]{{1,200}}?)/(?=bin/[\w.])", replaced, command)
    return command


def _with_root_marked(command: str, checkout: Checkout) -> str:
    """Replaces each spelling of the checkout's path by a mark, where it is a path of its own."""
    for spelling in _spellings(checkout):
        command = re.sub(rf"(?<![\w.~/$}}-]){re.escape(spelling)}(?![\w.-])", _ROOT, command)
    return command


def _spellings(checkout: Checkout) -> Iterator[str]:
    """Yields the checkout's path in each spelling, longest paths first."""
    for path in sorted(checkout.paths, key=len, reverse=True):
        yield path
        yield path.replace(" ", "\\ ")
        if checkout.home and path.startswith(f"{checkout.home}/"):
            below = path.removeprefix(checkout.home)
            yield from (f"~{below}", f"$HOME{below}", f"${{HOME}}{below}")


def _with_links_resolved(command: str, checkout: Checkout) -> str:
    """Replaces other absolute paths that lead into the checkout, over links of the file system."""

    def replaced(match: re.Match[str]) -> str:
        place = checkout.locate(_HOME.sub(lambda _: checkout.home, match[0], count=1))
        if place is None:
            return match[0]
        return _ROOT if place == "." else f"{_ROOT}/{place}"

    return _ABSOLUTE.sub(replaced, command)


@dataclass(slots=True)
class _Walk:
    """Follows the folder that each part of a command runs in; `here` is None where nobody can say."""

    checkout: Checkout
    here: tuple[str, ...] | None = ()
    outside: list[tuple[str, ...] | None] = field(default_factory=list)
    moved: bool = False
    foreign: str = ""

    def piece(self, match: re.Match[str]) -> str:
        """Returns what stands for a piece of the command; _Leaves if it leads out of the tree."""
        match match.lastgroup:
            case "target":
                return match["cd"] + self._enter(match["target"], match["cd"].split()[-1] == "popd")
            case "open":
                self.outside.append(self.here)
            case "close" if self.outside:
                self.here = self.outside.pop()
            case "root" | "quoted" if _ROOT in match[0]:
                return match[0].replace(_ROOT, self._root())
        return match[0]

    def _root(self) -> str:
        """Returns the tree's root as seen from the folder that was entered."""
        if self.here is None:
            raise _Leaves("it names the checkout behind a cd whose folder is not known")
        return "/".join([".."] * len(self.here)) or "."

    def _enter(self, written: str, back: bool) -> str:
        target = written.strip("\"'")
        if back:
            self.here = None
            return written
        first, self.moved = not self.moved, True
        if target.startswith(_ROOT):
            text = written.replace(_ROOT, self._root())
            self.here = self._inside((), target[1:])
            return text
        if target.startswith("/") or _HOME.match(target) or _DRIVE.match(target) or not target:
            return self._enter_absolute(target, first)
        unknown = target == "-" or any(sign in target for sign in "$`*?[{\\")
        self.here = None if unknown or self.here is None else self._inside(self.here, target)
        return written

    def _enter_absolute(self, target: str, first: bool) -> str:
        """At the front the folder of another machine is meant as the tree; anywhere else it is another folder."""
        place = self._meant(target) if first and self.here == () and target else None
        if place is None:
            raise _Leaves(f"it changes to {quoted(target or 'the home folder')}, outside of the task's tree")
        self.foreign = target
        self.here = self._inside((), place)
        return shlex.quote(place)

    def _meant(self, target: str) -> str | None:
        """Returns the folder of the tree that a path of another machine means; None if the path is another folder."""
        parts = PurePosixPath(_HOME.sub("", target, count=1).replace("\\", "/")).parts[1:]
        names = [number for number, part in enumerate(parts) if part == self.checkout.name]
        if names:
            below = "/".join(parts[names[-1] + 1 :])
            return below or "."
        if self.checkout.exists(_HOME.sub(lambda _: self.checkout.home, target, count=1)):
            return None
        known = ("/".join(parts[number:]) for number in range(1, len(parts)))
        return next((path for path in known if self.checkout.has_folder(path)), ".")

    def _inside(self, start: tuple[str, ...], path: str) -> tuple[str, ...]:
        here = list(start)
        for part in PurePosixPath(path.lstrip("/")).parts:
            if part == ".." and not here:
                raise _Leaves(f"it changes to {quoted(path)}, outside of the task's tree")
            if part == "..":
                here.pop()
            else:
                here.append(part)
        return tuple(here)


# -- a plan


def with_places(plan: Plan, checkout: Checkout) -> tuple[Plan, tuple[Finding, ...]]:
    """Returns the plan with commands that run in the task's tree, and a warning for each that is not as written."""
    findings: list[Finding] = []
    tasks = tuple(_task(task, plan, checkout, findings) for task in plan.tasks)
    return (plan.model_copy(update={"tasks": tasks}) if findings else plan), tuple(findings)


def _task(task: Task, plan: Plan, checkout: Checkout, findings: list[Finding]) -> Task:
    changes: dict[str, str | None] = {}
    for name in _FIELDS:
        written = getattr(task, name)
        if written is None:
            continue
        found = placed(written, checkout)
        if found.command == written:
            continue
        changes[name] = found.command
        part = plan.part_of(task)
        path = part.path if part and plan.files else None
        findings.append(_finding(task, written, found, path))
    return task.model_copy(update=changes) if changes else task


def _finding(task: Task, written: str, found: Placed, path: str | None) -> Finding:
    said = f"the command {quoted(written)} of task {quoted(task.id)}: {found.reason}"
    line = task.line or None
    if found.command is None:
        message = f"{said}; so it is no gate of this task"
        return Finding(severity="warning", code="gate-elsewhere", message=message, line=line, path=path)
    message = f"{said}; it runs as {quoted(found.command)}"
    return Finding(severity="warning", code="gate-rewritten", message=message, line=line, path=path)
