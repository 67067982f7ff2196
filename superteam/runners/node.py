"""How arguments get into a test framework that runs on node: a preload file, by the environment alone."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from superteam.core.results import TestId
from superteam.runners.call import Call, Told, Untold, family, fits
from superteam.runners.scripts import inside

PRELOAD = Path(__file__).parent / "plugin" / "superteam_preload.cjs"
_OTHER_RUNTIME = re.compile(r"(?:bunx?|deno)\b")
_SPECIAL = re.compile(r"[\\^$.*+?()\[\]{}|/-]")
_HARMLESS = frozenset(  # the user's own may stay instead of ours
    ("--bail", "-b", "--watch", "--watchAll", "-w", "--run", "--retry", "--coverage", "--collectCoverage")
)
_PROJECT = re.compile(r" \[([^\[\]]{1,200})\]\Z")
_TEST_FILE = re.compile(r"[.](?:test|spec)[.][cm]?[jt]sx?\Z")
_NO_TESTS = frozenset(("node_modules", "dist", "build", "coverage"))
_FOLDERS = 2000  # that are looked through for a test file
REPORTS = "*.json"
_LINE_ENDS = {"\n": r"\n", "\r": r"\r", "\u2028": r"\u2028", "\u2029": r"\u2029"}
Selects = Literal["exactly", "more", "everything"]


@dataclass(frozen=True, slots=True)
class Program:
    """A program of a framework and what it is to be told. The preload file reads it as JSON.

    `entries` are its entry files below node_modules. `needs` is a word without which it runs no tests, `never` are
    words with which it runs none. `drop` are options of the user's that ours replace, with the number of values that
    each takes (-1: a number may follow). `last_counts`: of an option that is given twice the program takes the last.
    "{pid}" in an argument or in a value of `env` becomes the number of the process, so that a program that is started
    twice writes two reports.
    """

    entries: tuple[str, ...]
    append: tuple[str, ...]
    needs: str = ""
    never: tuple[str, ...] = ()
    drop: Mapping[str, int] = field(default_factory=dict)
    last_counts: bool = False
    env: Mapping[str, str] = field(default_factory=dict)


def told(
    call: Call, env: Mapping[str, str], folder: Path, program: Program, format: str, selects: Selects, why: str
) -> Told | Untold:
    """The program is told by the preload file, or by appended arguments where that file cannot get in.

    Reports are the JSON files in `folder` that the program's arguments or variables name.
    """
    if reached(call):
        ours = preload(env, folder, (program,))
        return Told(format, REPORTS, folder, env=ours, selects=selects, why=why)
    if call.after is None:
        return Untold("NODE_OPTIONS does not reach the tests, and arguments behind the command would not either")
    arguments = _appended(call, program)
    if arguments is None:
        return Untold("NODE_OPTIONS does not reach the tests, and the command has options that contradict ours")
    if not fits(arguments):
        return Untold("too many tests to name in one command")
    ours = {name: value.replace("{pid}", "0") for name, value in program.env.items()}
    return Told(format, REPORTS, folder, env=ours, arguments=arguments, selects=selects, why=why)


def preload(env: Mapping[str, str], folder: Path, programs: Iterable[Program]) -> dict[str, str]:
    """The variables with which the preload file reaches these programs; what it tells them lies in `folder`."""
    path = str(PRELOAD).replace("\\", "\\\\").replace('"', '\\"')
    options = f'--require "{path}"'
    file = folder / "arguments.node"
    file.write_text(json.dumps({"options": options, "programs": [asdict(program) for program in programs]}))
    own = f"{options} {env.get('NODE_OPTIONS', '')}".strip()
    return {"NODE_OPTIONS": own, "SUPERTEAM_NODE_ARGS": str(file)}


def reached(call: Call) -> bool:
    """Whether the environment's NODE_OPTIONS reach the program.

    The command's own hide them; bun may run the program itself, though it mostly leaves that to node; deno does so.
    """
    if "NODE_OPTIONS" not in call.env.get("NODE_OPTIONS", "NODE_OPTIONS"):
        return False
    others = {match[0] for word in call.through if (match := _OTHER_RUNTIME.match(word.rpartition("/")[2]))}
    return not others or (call.after is None and "deno" not in others)


def _appended(call: Call, program: Program) -> tuple[str, ...] | None:
    """The arguments for a place behind the user's own; None where two of one option would not be understood."""
    own = _options(call.words)
    words = tuple(word.replace("{pid}", "0") for word in program.append)
    if program.last_counts:
        return words
    if own & program.drop.keys() - _HARMLESS:
        return None
    return tuple(word for word in words if word.partition("=")[0] not in own & _HARMLESS)


def escaped(text: str) -> str:
    """A regular expression of JavaScript, with or without its flag `u`, that matches exactly this text."""
    text = _SPECIAL.sub(lambda found: "\\x2d" if found[0] == "-" else f"\\{found[0]}", text)
    return "".join(_LINE_ENDS.get(c, c) for c in text)


def titles(name: str) -> str:
    """A regular expression for the name below a file: frameworks join titles by " " or " > ", and a title may hold
    " > " itself."""
    return escaped(name).replace(" > ", "(?: > | )")


def wanted(only: Iterable[TestId]) -> dict[str, set[str]]:
    """The names to select by file, "outer > inner" below it; with and without the number of a second test."""
    found: dict[str, set[str]] = {}
    for id in only:
        file, _, name = id.partition(" > ")
        found.setdefault(file, set()).update((name, family(name)))
    return found


def split_project(place: str) -> tuple[str, str]:
    """ "src/a.test.ts [unit]" as file and project, which is "" where there is none."""
    match = _PROJECT.search(place)
    return (place[: match.start()], match[1]) if match else (place, "")


def arguments(call: Call, name: str, entries: Iterable[str]) -> tuple[str, ...] | None:
    """The words behind the program of this name, also where node is called with its file; None for another."""
    words = call.words
    if call.program == name:
        return words[1:]
    if call.program not in ("node", "nodejs"):
        return None
    places = [i for i, word in enumerate(words) if i and not word.startswith("-")][:2]
    for i in places:  # the second, where the first is the value of an option of node's
        if words[i].endswith((f"/.bin/{name}", *(f"node_modules/{entry}" for entry in entries))):
            return words[i + 1 :]
    return None


def reproduced(call: Call, words: Iterable[str]) -> str:
    """The call with these words behind it, for a shell in the tree."""
    folder = f"cd {shlex.quote(call.folder)} && " if call.folder else ""
    npx = ("npx",) if "/" not in call.words[0] and call.program not in ("node", "nodejs") else ()
    return f"{folder}{shlex.join((*npx, *call.words, *words))}"


def beside_a_test(call: Call, tree: Path) -> str:
    """Where a new test file would be found: beside the first file that is named like one, and named as that is."""
    top = tree / call.folder
    for number, (folder, folders, files) in enumerate(os.walk(top)):
        folders[:] = sorted(name for name in folders if name not in _NO_TESTS and not name.startswith("."))
        for file in sorted(files):
            if match := _TEST_FILE.search(file):
                return (Path(folder) / f"superteam_canary{match[0]}").relative_to(tree).as_posix()
        if number >= _FOLDERS:
            break
    return (top / "superteam_canary.test.js").relative_to(tree).as_posix()


def beside_a_known_test(known: Iterable[TestId], tree: Path) -> str:
    """Where a new test file is found like that of a known test: in its folder, named as it is; "" if none says it."""
    for id in known:
        place = id.partition(" > ")[0]
        place = place.rpartition(" [")[0] if place.endswith("]") else place
        head, dot, ends = place.rpartition("/")[2].partition(".")
        if dot and " > " in id and inside("", place) == place and (tree / place).is_file():
            mark = next((mark for mark in ("_test", "-test", "_spec", "-spec") if head.endswith(mark)), "")
            return (Path(place).parent / f"superteam_canary{mark}{dot}{ends}").as_posix()
    return ""


def _options(words: Iterable[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("-")}
