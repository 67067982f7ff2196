"""go test: `-json` on standard output, never results from go's cache, and tests picked out with anchored `-run`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from superteam.core.results import TestId
from superteam.runners.call import Call, Told, Untold, family
from superteam.runners.path_shim import put_in_front
from superteam.runners.scripts import text_of

NAME = "go test"
_PROGRAM = re.compile(r"go(?:\d[\w.]{0,20})?")
_NO_RUN = ("-c", "-n", "-h", "-help", "-list")
_LIMIT = 120_000  # bytes of one argument; the kernel's limit is 128 kB
_CANARY = """package {package}

import "testing"

func TestSuperteamCanary(t *testing.T) {{
\tt.Run("superteam_canary", func(t *testing.T) {{ t.Fatal("planted by superteam") }})
}}
"""
_MORE = "go runs the parents of a subtest with it, and tests of the same name in other packages"


def recognises(call: Call, tree: Path) -> bool:
    """`go test`, also with -C; not where it only builds or lists the tests."""
    if not _PROGRAM.fullmatch(call.program):
        return False
    words = call.words[1:]
    if words[:1] == ("-C",):
        words = words[2:]
    elif words and words[0].startswith("-C="):
        words = words[1:]
    return words[:1] == ("test",) and not _has(call, *_NO_RUN)


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """By appended arguments; where these do not reach the call, by a `go` of ours that stands in front of PATH."""
    arguments = ["-json", *([] if _has(call, "-count") else ["-count=1"])]
    selects, why = selection(call, only)
    arguments += selects
    if call.after is not None and not _has(call, "-args"):
        return Told("go", arguments=tuple(arguments), selects="more" if only else "exactly", why=why)
    if "/" in call.words[0]:
        return Untold("go is called by its path, where no arguments can be appended")
    path = put_in_front(call.program, ("test",), arguments, folder, env)
    if path is None:
        return Untold(f"{call.program} was not found")
    return Told("go", env=path, selects="more" if only else "exactly", why=why)


def selection(call: Call, only: Iterable[TestId] | None) -> tuple[tuple[str, ...], str]:
    """Arguments that run these tests, and why others may run too; what stops a run early is turned off."""
    if only is None:
        return (), ""
    off = [f"{flag}={value}" for flag, value in _OFF.items() if _has(call, flag)]
    names = sorted({_name(id) for id in only})
    benchmarks = [name for name in names if name.startswith("Benchmark")]
    tests = [name for name in names if not name.startswith("Benchmark")]
    pattern = run_pattern(tests) if tests else "^$"
    bench = [f"-bench={run_pattern(benchmarks)}"] if benchmarks else ["-bench=^$"] if _has(call, "-bench") else []
    if max(len(part.encode(errors="surrogatepass")) for part in (pattern, *bench)) > _LIMIT:
        return tuple(off), "too many tests to name in one command, so that all were run"
    return (f"-run={pattern}", *bench, *off), _MORE


_OFF = {"-failfast": "false", "-shuffle": "off", "-skip": "", "-fuzz": ""}


def run_pattern(names: Iterable[str]) -> str:
    """A pattern for -run: one anchored alternative a level; subtests of several parents come to the parents.

    Go splits both names and patterns at "/" (`go help testflag`), so that each level is escaped by itself.
    """
    paths = sorted({tuple(name.split("/")) for name in names})
    if len({path[:-1] for path in paths}) > 1:
        paths = sorted({path[:1] for path in paths})
    levels = [_level([part]) for part in paths[0][:-1]]
    return "/".join([*levels, _level([path[-1] for path in paths])])


def _level(names: Iterable[str]) -> str:
    escaped = [re.sub(r"([^\w\s]|_)", _escape, name) for name in names]
    return f"^{escaped[0]}$" if len(escaped) == 1 else f"^({'|'.join(escaped)})$"


def _escape(found: re.Match[str]) -> str:
    """Go's patterns allow a backslash before ASCII punctuation only."""
    return f"\\{found[0]}" if found[0].isascii() and found[0] != "_" else found[0]


def _name(id: TestId) -> str:
    """The test's name as go knows it: without the package and our number of a repetition."""
    return family(id).partition("::")[2]


def _has(call: Call, *flags: str) -> bool:
    """Whether the call gives one of these flags, with one hyphen or two, before the arguments of the test program."""
    for word in call.words[1:]:
        name = "-" + word.lstrip("-").partition("=")[0] if word.startswith("-") else ""
        if name in flags or name.replace("-test.", "-") in flags:
            return True
        if name == "-args":
            return False
    return False


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """go test with the packages and names of these tests, and the build flags that the call has in front of them."""
    packages = sorted({id.partition("::")[0] for id in ids})
    flags = [word for word in call.words[2:] if re.match(r"--?(?:race|tags|mod|ldflags|gcflags)(?:=|$)", word)]
    flags = [word for word in flags if "=" in word or word.endswith("race")]
    return shlex.join(["go", "test", *flags, "-count=1", f"-run={run_pattern(map(_name, ids))}", *packages])


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A test file in the first package below the call's folder that has tests already."""
    for path in sorted((tree / call.folder).rglob("*_test.go"))[:1000]:
        place = path.relative_to(tree)
        if {"testdata", "vendor"} & set(place.parts) or any(part.startswith((".", "_")) for part in place.parts):
            continue
        found = re.search(r"^package (\w{1,100})", text_of(tree, place.as_posix()) or "", re.MULTILINE | re.ASCII)
        if found:
            text = _CANARY.format(package=found[1])
            return (place.parent / "superteam_canary_test.go").as_posix(), text
    return None
