"""Whether hostile input costs more than its size: twice the input may take at most 2.3 times the time.

Each reader has a process of its own with a limit of memory and of processor time, in which it reads inputs that are
made to hurt: what patterns, tokens and nesting can stumble over, behind beginnings that bring the reader into its
states, and what only its own format can be hurt with. What takes less than 50 ms at 4 MB is not looked at any further.
"""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from measuring import say

WORST = 2.3
LEAST = 0.05  # seconds that a reading has to take before its growth says anything
TICK = 0.01  # by which some kernels count processor time
LARGEST = 4 * 2**20
MEMORY = 3 * 2**30
SECONDS = 60  # of processor time; a reader that takes more counts as one without an end
MINUTES = 10  # by the clock, for a machine that has other things to do
Make = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Growth:
    """The worst of one reader: by what factor the time grew when the input doubled, from how many bytes."""

    reader: str
    ratio: float
    shape: str
    size: int
    seconds: float
    slowest: float  # seconds a megabyte, of the shape that costs most
    slowest_shape: str

    def line(self) -> str:
        """As the table has it."""
        mark = "" if self.ratio <= WORST else "  <- too much"
        size = f"{self.size / 1e6:.1f} MB" if self.size else ""
        slow = f"slowest {self.slowest:.2f} s/MB ({self.slowest_shape})"
        return f"{self.reader:21} {self.ratio:5.2f}  {size:>8} {self.seconds:6.2f} s  {self.shape:48} {slow}{mark}"


def growth(quick: bool = False) -> list[Growth]:
    """The worst of each reader, two readers at a time."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda name: of_reader(name, quick), READERS))


def of_reader(name: str, quick: bool) -> Growth:
    """One reader in a process of its own; what ends it is its worst."""
    say(f"growth of {name}")
    command = [sys.executable, str(Path(__file__)), name, *(["--quick"] if quick else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * MINUTES, check=False)
    if done.returncode == -signal.SIGXCPU:
        shape = done.stderr.strip().rpartition("\n")[2]
        return Growth(name, float("inf"), f"not done after {SECONDS} s: {shape}", 0, SECONDS, 0, "")
    if done.returncode:
        return Growth(name, float("inf"), f"ended with {done.returncode}: {done.stderr[-300:]}", 0, 0, 0, "")
    return Growth(**json.loads(done.stdout))


# -- inputs

GENERIC: dict[str, Make] = {
    "blanks": lambda n: b" " * n + b"x",
    "digits": lambda n: b"1" * n,
    "slashes": lambda n: b"/a" * (n // 2),
    "dots": lambda n: b"a." * (n // 2),
    "colons": lambda n: b"::" * (n // 2),
    "open escapes": lambda n: b"\x1b[1;\x1b]0;" * (n // 8),
    "backslashes": lambda n: b"\\" * n,
    "quotes": lambda n: b'"' * n,
    "open string": lambda n: b'"' + b"a" * n,
    "brackets": lambda n: b"[" * n,
    "braces": lambda n: b'{"a":' * (n // 5),
    "parentheses": lambda n: b"(" * n,
    "elements": lambda n: b"<a>" * (n // 3),
    "tiny lines": lambda n: b"a\n" * (n // 2),
    "indented lines": lambda n: b"".join(b" " * (i * 617 % 1000) + b"a\n" for i in range(n // 500)),
    "long lines": lambda n: (b"y" * 1500 + b"\n") * (n // 1501),
    "carriage returns": lambda n: b"a\r" * (n // 2),
    "not UTF-8": lambda n: b"\xff" * n,
}
PRINTED = (
    "blanks",
    "digits",
    "dots",
    "colons",
    "open escapes",
    "parentheses",
    "tiny lines",
    "indented lines",
    "long lines",
    "carriage returns",
)
MARKUP = ("blanks", "digits", "quotes", "elements", "not UTF-8")
VALUES = ("digits", "backslashes", "open string", "brackets", "braces", "tiny lines")
SOURCE = (
    "blanks",
    "digits",
    "slashes",
    "dots",
    "colons",
    "backslashes",
    "quotes",
    "brackets",
    "parentheses",
    "tiny lines",
    "long lines",
)
LINES_OF_VALUES = (*VALUES, "long lines", "not UTF-8")


def repeated(unit: str, before: str = "", after: str = "") -> Make:
    """A unit with its number in the place of N, as often as there is room."""

    def make(n: int) -> bytes:
        size = len(unit.replace("N", "123456").encode())
        parts = (unit.replace("N", str(i)) if "N" in unit else unit for i in range(n // size))
        return (before + "".join(parts) + after).encode()

    return make


def behind(before: str, make: Make, after: str = "") -> Make:
    """What another shape makes, behind a beginning and before an end."""
    return lambda n: before.encode() + make(n) + after.encode()


def added(make: Make) -> Make:
    """The lines of another shape as a diff has them."""
    return lambda n: make(n).replace(b"\n", b"\n+")


JEST = '{"numTotalTests": 1, "numFailedTests": 0, "success": true, "testResults": ['
JEST_FILE = JEST + '{"name": "a", "status": "passed", "message": "", "assertionResults": ['
TRX = "<TestRun><Results>"
ROW = '<UnitTestResult testName="N" outcome="Failed">'
SUITE = '<testsuites name="pytest tests"><testsuite name="a" tests="1">'
PLUGIN = '{"kind": "start", "time": 1.0, "pytest": "9.2"}\n'
LOGGED = '{"$report_type": "SessionStart", "pytest_version": "9.2"}\n'
# The beginnings of each format, and the generic shapes that go behind each of them.
BEGINNINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "text": (("", "  ✗ a\n  1) "), PRINTED),
    "junit": ((SUITE, SUITE + '<testcase name="', SUITE + "<testcase><failure>", SUITE + "<!-- "), MARKUP),
    "trx": (("<TestRun><Results><UnitTestResult><Output><ErrorInfo><Message>",), MARKUP),
    "nunit": (("<test-run><test-case><failure><message>",), MARKUP),
    "xunit": (("<assemblies><assembly><test><failure><message>",), MARKUP),
    "tap": (("ok 1 - ", "not ok 1\n  ---\n  "), PRINTED),
    "libtest": (("running 1 test\n", "running 1 test\n---- "), PRINTED),
    "jest": ((JEST_FILE, JEST_FILE + '{"title": '), VALUES),
    "vitest": (('{"superteam":"vitest", "testResults": [',), VALUES),
    "playwright": (('{"config": {"rootDir": "/a"}, "suites": [', '{"config": '), VALUES),
    "mocha": (('{"stats": {"suites": 1}, "tests": [',), VALUES),
    "rspec": (('{"examples": [',), VALUES),
    "ctrf": (('{"results": {"tool": {"name": "a"}, "tests": [',), VALUES),
    "pytest": ((PLUGIN, PLUGIN + '{"kind": "result", "id": '), LINES_OF_VALUES),
    "unittest": ((PLUGIN.replace("pytest", "unittest"),), LINES_OF_VALUES),
    "reportlog": ((LOGGED,), LINES_OF_VALUES),
    "go": (("", '{"Action":"output","Package":"a","Output":'), (*LINES_OF_VALUES, "open escapes")),
    "libtest-json": (("", '{"type": "test", "event": "failed", "name": '), LINES_OF_VALUES),
}
_CASE = '<testcase classname="c" name="N"/>'
_RESULT = '{"kind": "result", "id": "N", "when": "WHEN", "outcome": "passed", "seconds": 0.1}\n'
_GO = '{"Action":"WHAT","Package":"p","Test":"TestN"}\n'
# What only one format can be hurt with; N is the number of the unit.
OWN: dict[str, dict[str, Make]] = {
    "text": {
        "results": repeated("  ✓ test N (3 ms)\n"),
        "same results": repeated("  ✓ a\n"),
        "headings and results": lambda n: b"".join(
            b" " * (2 + i % 900) + b"heading\n" + b" " * 1000 + "✓ a\n".encode() for i in range(n // 1500)
        ),
        "taken names": lambda n: repeated("  ✓ a #N\n")(n // 2) + repeated("  ✓ a\n")(n // 2),
        "mocha's numbers": repeated("    N) test\n"),
    },
    "junit": {
        "tests": repeated(_CASE, SUITE),
        "the same test": repeated('<testcase classname="c" name="a"/>', SUITE),
        "taken names": lambda n: (
            repeated('<testcase name="a #N"/>', SUITE)(n // 2) + repeated('<testcase name="a"/>')(n // 2)
        ),
        "failures": repeated('<testcase name="N"><failure message="E: N">a.py:1: E</failure></testcase>', SUITE),
        "failures of one test": repeated("<failure>a</failure>", SUITE + '<testcase name="a">'),
        "open tests": repeated('<testcase name="N">', SUITE),
        "nested suites": repeated('<testsuite name="N">'),
        "nested suites with tests": repeated('<testsuite name="N"><testcase name="a"/>'),
        "nested suites of bun": repeated('<testsuite name="N"><testcase name="a"/>', '<testsuites name="bun test">'),
        "attributes": repeated(' a_N=""', "<testsuites><testsuite", ">"),
        "namespaces": repeated("<a:b:c>", "<testsuite>"),
        "references": repeated("&lt;", SUITE + '<testcase name="a"><failure>'),
    },
    "trx": {
        "rows that pass": repeated(f"{ROW}{ROW.replace('Failed', 'Passed')}</UnitTestResult></UnitTestResult>", TRX),
        "rows that fail": repeated(f"{ROW}{ROW}</UnitTestResult></UnitTestResult>", TRX),
        "nested rows": repeated('<UnitTestResult testName="N" outcome="Failed">', "<TestRun><Results>"),
        "informations": repeated('<RunInfo outcome="Error"><Text>aborted</Text></RunInfo>', "<TestRun>"),
    },
    "nunit": {
        "tests": repeated('<test-case fullname="N" result="Passed"/>', "<test-run>"),
        "nested suites": repeated('<test-suite name="N" result="Failed" site="TearDown">', "<test-run>"),
        "messages": repeated("<message>a</message>", '<test-run><test-case fullname="a" result="Failed">'),
    },
    "xunit": {
        "tests": repeated('<test name="N" result="Pass"/>', "<assemblies><assembly>"),
        "nested tests": repeated('<test name="N">', "<assemblies><assembly>"),
        "nested failures": repeated("<failure>", "<assemblies><assembly><test>"),
    },
    "tap": {
        "tests": repeated("ok N - a\n"),
        "failures": repeated("not ok N - a\n  ---\n  message: b\n  ...\n"),
        "subtests": repeated("# Subtest: a\n    ok 1 - b\n    1..1\nok N - a\n"),
        "open subtests": lambda n: b"".join(b"    " * (i % 50) + b"ok 1 - a\n" for i in range(n // 110)),
        "directives": repeated("ok N - a # skip b # todo c # skip\n"),
        "plans": repeated("1..N\n"),
        "comments": repeated("# Subtest: N\n", "not ok 1\n"),
        "bats": repeated("begin N a\nok N a\n", "suite a.bats\n"),
    },
    "libtest": {
        "tests": repeated("test a::N ... ok\n", "running 9 tests\n"),
        "dots": repeated(" ... ", "running 9 tests\ntest "),
        "sections": repeated("---- aN stdout ----\nb\n", "running 9 tests\n"),
        "programs": repeated(
            "running 1 test\ntest aN ... ok\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured\n"
        ),
        "listed": repeated("listed aN: test\n", "superteam-libtest 1\nroot a\n"),
    },
    "pytest": {
        "tests": repeated(_RESULT.replace("WHEN", "call"), PLUGIN),
        "one test": repeated(_RESULT.replace("WHEN", "call").replace('"N"', '"a"'), PLUGIN),
        "reruns": repeated(_RESULT.replace("WHEN", "setup").replace("passed", "rerun").replace('"N"', '"a"'), PLUGIN),
        "errors": repeated('{"kind": "collect-error", "id": "N", "text": "E a"}\n', PLUGIN),
    },
    "reportlog": {
        "tests": repeated(
            '{"$report_type": "TestReport", "nodeid": "N", "when": "call", "outcome": "passed", "duration": 1}\n',
            LOGGED,
        ),
    },
    "go": {
        "tests": repeated(_GO.replace("WHAT", "run") + _GO.replace("WHAT", "pass")),
        "ends of a package": lambda n: (
            repeated(_GO.replace("WHAT", "run") + _GO.replace("WHAT", "pass"))(n // 2)
            + repeated('{"Action":"pass","Package":"p"}\n')(n // 2)
        ),
        "runs of a package": repeated(_GO.replace("WHAT", "pass") + '{"Action":"pass","Package":"p"}\n'),
        "everything again": lambda n: (
            2 * (repeated(_GO.replace("WHAT", "pass"))(n // 2) + b'{"Action":"pass","Package":"p"}\n')
        ),
        "output of a test": repeated('{"Action":"output","Package":"p","Test":"T","Output":"a line of it N\\n"}\n'),
        "output of a build": repeated('{"Action":"build-output","ImportPath":"p","Output":"a line of it N\\n"}\n'),
        "packages": repeated('{"Action":"start","Package":"pN"}\n'),
    },
    "libtest-json": {
        "tests": repeated(
            '{"type": "test", "event": "started", "name": "N"}\n{"type": "test", "event": "ok", "name": "N"}\n'
        ),
        "suites": repeated('{"type": "suite", "event": "started", "test_count": 1}\n'),
        "open tests and suites": lambda n: (
            repeated('{"type": "test", "event": "started", "name": "N"}\n')(n // 2)
            + repeated('{"type": "suite", "event": "started", "test_count": 1}\n')(n // 2)
        ),
        "suites that end": repeated(
            '{"type": "test", "event": "ok", "name": "N"}\n'
            '{"type": "suite", "event": "ok", "passed": 1, "failed": 0, "ignored": 0}\n'
        ),
    },
    "jest": {
        "tests": repeated('{"title": "N", "ancestorTitles": [], "status": "passed"},', JEST_FILE),
        "files": repeated('{"name": "N", "status": "failed", "message": "a", "assertionResults": []},', JEST),
        "titles": repeated('"N",', JEST_FILE + '{"title": "a", "status": "passed", "ancestorTitles": ['),
        "members": repeated('"N": 1,', "{"),
        "brackets in chunks": lambda n: (b'{"a":' + b"[" * 60_000)[: n // 200] + b" " * n,
    },
    "playwright": {
        "suites": repeated('{"title": "N", "specs": [], "suites": []},', '{"config": {}, "suites": ['),
        "errors": repeated('{"message": "N"},', '{"errors": ['),
    },
    "mocha": {
        "tests": repeated('{"fullTitle": "N", "err": {}},', '{"stats": {"suites": 1}, "tests": ['),
        "failures": repeated('{"fullTitle": "N", "err": {"message": "a"}},', '{"stats": {"suites": 1}, "failures": ['),
    },
    "rspec": {"examples": repeated('{"full_description": "N", "status": "passed"},', '{"examples": [')},
    "ctrf": {"tests": repeated('{"name": "N", "status": "passed"},', '{"results": {"tests": [')},
}
DIFF = "diff --git a/PATH b/PATH\nindex 1..2 100644\n--- a/PATH\n+++ b/PATH\n@@ -1,1 +1,9 @@\n"
PATHS = ("tests/test_a.py", "package.json", "src/a.test.ts", "Makefile")  # Python, a partly deciding one, JS, a script
WORDS = ("expect ", "assert aaaa", "ctest ", "describe.a.b.", "@a.b.", "cfg_attr(")  # how patterns for lines begin
DIFFS: dict[str, Make] = {
    "files": repeated(DIFF.replace("PATH", "aN")),
    "hunks": repeated("@@ -N,1 +N,1 @@\n-a\n+b\n", DIFF.replace("PATH", "tests/test_a.py")),
    "headers": repeated("diff --git a/N b/N\n"),
    "quoted paths": repeated("\\303\\244", 'diff --git "a/', '"'),
    "long path": repeated("N/", "diff --git a/"),
    "renames": repeated("rename from a\n", "diff --git a/a b/b\n"),
}
CAPPED = ("signature", "normalise")  # which look at the beginning and the end of a text, and at no more
READERS = ("diff", *(f"diff {path}" for path in PATHS), *BEGINNINGS, "recognise", "stable", *CAPPED)


def shapes(name: str) -> Iterator[tuple[str, Make]]:
    """All inputs of one reader, with the words for them."""
    if name in ("recognise", "stable", *CAPPED):
        yield from GENERIC.items()
    elif name == "diff":
        yield from DIFFS.items()
    elif name.startswith("diff "):
        head = DIFF.replace("PATH", name.removeprefix("diff "))
        yield from ((shape, behind(head + "+", added(GENERIC[shape]))) for shape in SOURCE)
        yield from ((f"{word!r} on one line", repeated(word, head + "+")) for word in WORDS)
    else:
        beginnings, generic = BEGINNINGS[name]
        for beginning in beginnings:
            yield from ((f"{shape} behind {beginning[-24:]!r}", behind(beginning, GENERIC[shape])) for shape in generic)
        yield from OWN.get(name, {}).items()


# -- in the process of one reader


def main(name: str, quick: bool) -> None:
    """Measures one reader and prints its worst."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
    read = job(name)
    found = capped(name, read) if name in CAPPED else worst(name, read, LARGEST // 4 if quick else LARGEST)
    print(json.dumps(asdict(found)))


def worst(name: str, read: Callable[[bytes], object], largest: int) -> Growth:
    """The shape that grows most, and the one that costs most."""
    found, slowest = Growth(name, 0, "nothing takes 50 ms", 0, 0, 0, ""), (0.0, "")
    for shape, make in shapes(name):
        print(shape, file=sys.stderr, flush=True)
        size, seconds = first_size(read, make, largest)
        slowest = max(slowest, (seconds / size * 1e6, shape))
        if seconds >= LEAST:
            ratio, seconds = doubled(read, make, size)
            if ratio > found.ratio:
                found = Growth(name, ratio, shape, size, seconds, 0, "")
    return replace(found, slowest=slowest[0], slowest_shape=slowest[1])


def capped(name: str, read: Callable[[bytes], object]) -> Growth:
    """What has a cap takes the same time for 16 times as much."""
    found, slowest = Growth(name, 0, "", 0, 0, 0, ""), (0.0, "")
    for shape, make in shapes(name):
        small, large = make(LARGEST // 16).decode("latin-1"), make(LARGEST).decode("latin-1")
        count = 16
        while spent_often(read, small, count) < LEAST:
            count *= 2
        times = [(spent_often(read, small, count), spent_often(read, large, count)) for _ in range(3)]
        once, much = (min(column) for column in zip(*times, strict=True))
        slowest = max(slowest, (much / count / LARGEST * 1e6, shape))
        if much / once > found.ratio:
            found = Growth(name, much / once, f"capped; 16 times as much: {shape}", LARGEST // 16, much / count, 0, "")
    return replace(found, slowest=slowest[0], slowest_shape=slowest[1])


def spent_often(read: Callable[[Any], object], text: str, count: int) -> float:
    """Seconds of many readings."""
    began = time.process_time()
    for _ in range(count):
        read(text)
    return time.process_time() - began


def job(name: str) -> Callable[[Any], object]:
    """What reads the bytes; of what is capped, the text."""
    from superteam.core.changes import parse_diff
    from superteam.core.integrity import examine
    from superteam.core.signature import normalise, signature, stable
    from superteam.reports.formats import READERS as formats
    from superteam.reports.formats import reader
    from superteam.reports.text import read_text

    if name == "text":
        return lambda data: read_text(lines(io.BytesIO(data)))
    if name.startswith("diff"):
        return lambda data: examine(parse_diff(data.decode(errors="surrogateescape")), (), "make test")
    if name == "recognise":
        return lambda data: [reader(format).recognises(data) for format in formats]
    if name in CAPPED:
        return {"signature": signature, "normalise": normalise}[name]
    if name == "stable":
        return lambda data: stable(data.decode("latin-1"))
    return lambda data: reader(name).read(io.BytesIO(data))


def lines(file: BinaryIO) -> Iterator[bytes]:
    """As the source of commands reads them."""
    return iter(lambda: file.readline(2**20), b"")


def first_size(read: Callable[[bytes], object], make: Make, largest: int) -> tuple[int, float]:
    """The first size that takes long enough, or the largest one."""
    size = 2**13
    read(make(size))  # what it imports is not its growth
    while True:
        seconds = spent(read, make(size))
        if seconds >= LEAST or size >= largest:
            return size, seconds
        size = min(largest, size * (2 if seconds > LEAST / 4 else 4 if seconds > LEAST / 32 else 16))


def doubled(read: Callable[[bytes], object], make: Make, size: int) -> tuple[float, float]:
    """By what the time grows, and how long the larger input takes.

    What looks too much has to be so at the next two doublings too: memory that leaves the processor's cache, and
    Python's collector that starts to find more, cost once.
    """
    ratio, seconds = _doubled(read, make(size), make(2 * size))
    for larger in (2 * size, 4 * size):
        if ratio > WORST:
            again, seconds = _doubled(read, make(larger), make(2 * larger))
            ratio = min(ratio, again)
    return ratio, seconds


def _doubled(read: Callable[[bytes], object], once: bytes, twice: bytes) -> tuple[float, float]:
    """The best of three each, in turns."""
    times = [(spent(read, once), spent(read, twice)) for _ in range(3)]
    small, large = (min(column) for column in zip(*times, strict=True))
    return large / max(small, TICK), large


def spent(read: Callable[[bytes], object], data: bytes) -> float:
    """Seconds of processor time, which other programs of the machine do not lengthen by much."""
    began = time.process_time()
    read(data)
    return time.process_time() - began


if __name__ == "__main__":
    main(sys.argv[1], "--quick" in sys.argv)
