"""How fast reports are read, and in how much memory, each against the plainest thing that reads the same file.

Each reading has a process of its own, in which the memory is what its peak is over that of its imports.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from measuring import Row, say

MINUTES = 3
Job = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Read:
    """What one reading took: seconds of processor time, and megabytes on top of the imports."""

    seconds: float
    megabytes: float


def reading(folder: Path, quick: bool = False) -> list[Row]:
    """One row for each format and each thing that it is measured against."""
    folder.mkdir()
    size, many = (10, 100_000) if quick else (100, 1_000_000)
    files = {
        "text": written(folder / "log.txt", islice(log_lines(), size * 20_000)),
        "junit": written(folder / "junit.xml", junit_lines(many)),
        **{name: written(folder / name, lines(many // 10)) for name, lines in LINES.items()},
    }
    rows = []
    for ours, theirs, words in PAIRS:
        name = ours.partition(" ")[0]
        say(f"reading {ours} against {theirs}")
        rows.append(row(ours, theirs, words, files[name]))
    return rows


def row(ours: str, theirs: str, words: str, file: Path) -> Row:
    """Both readings of one file, the best of two, in turns."""
    samples = [(measured(ours, file), measured(theirs, file)) for _ in range(2)]
    mine, other = (min(column, key=lambda read: read.seconds) for column in zip(*samples, strict=True))
    size = file.stat().st_size / 1e6
    speed = f"{size / mine.seconds:.0f} MB/s, {mine.megabytes:.0f} MB against {other.megabytes:.0f} MB of memory"
    return Row(f"read {ours}, {size:.0f} MB", mine.seconds, words, other.seconds, speed)


def measured(job: str, file: Path) -> Read:
    """One reading in a process of its own."""
    command = [sys.executable, str(Path(__file__)), job, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * MINUTES, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return Read(**json.loads(done.stdout))


# -- files


def written(path: Path, lines: Iterable[str]) -> Path:
    """The file of these lines."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines)
    return path


def log_lines() -> Iterator[str]:
    """What a JavaScript suite prints, 50 bytes a line, one line in five a result; 200 files, then the same again."""
    names = [(f"src/part{n}/file.test.ts", f"does thing {n} of its many things") for n in range(200)]
    for file, name in cycle(names):
        yield f"\x1b[1m {file} \x1b[22m\n"
        for n in range(10):
            yield f"  \x1b[32m✓\x1b[39m {name} {n} \x1b[2m({n + 1} ms)\x1b[22m\n"
            yield "2026-11-21T08:00:00Z INFO request served: GET /things\r\n"
            yield f"progress {n}\rprogress {n + 1}\r\x1b[2Kprogress done of the whole thing\n"
            yield "    at Object.<anonymous> (src/thing.ts:12:7)\n"
            yield "some noise that a program prints and nobody reads\n"
        yield f"  \x1b[31m×\x1b[39m {name} last \x1b[2m(7 ms)\x1b[22m\n"


def junit_lines(count: int) -> Iterator[str]:
    """One suite of pytest's kind, one test in a hundred failed."""
    failed = count // 100
    yield '<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests">'
    yield f'<testsuite name="pytest" errors="0" failures="{failed}" skipped="0" tests="{count}" time="9.5">\n'
    for n in range(count):
        case = f'<testcase classname="tests.unit.test_{n // 500}" name="test_thing[{n}]" time="0.001"'
        text = (
            f'<failure message="AssertionError: assert {n} == 0">E  assert {n} == 0\ntests/unit.py:{n}: Error</failure>'
        )
        yield f"{case}>{text}</testcase>\n" if n % 100 == 0 else f"{case} />\n"
    yield "</testsuite></testsuites>\n"


def pytest_lines(count: int) -> Iterator[str]:
    """What our plugin writes: the collection, then three phases a test."""
    ids = [f"tests/unit/test_{n // 500}.py::test_thing[{n}]" for n in range(count)]
    yield '{"kind": "start", "time": 1.0, "pytest": "9.2"}\n'
    yield json.dumps({"kind": "collected", "ids": ids}) + "\n"
    for id in ids:
        for when in ("setup", "call", "teardown"):
            record = {"kind": "result", "id": id, "when": when, "outcome": "passed", "seconds": 0.001}
            yield json.dumps(record) + "\n"
    yield '{"kind": "finish", "status": 0}\n{"kind": "end"}\n'


def tap_lines(count: int) -> Iterator[str]:
    """TAP 13, one test in a hundred failed, with a diagnostic."""
    yield f"TAP version 13\n1..{count}\n"
    for n in range(1, count + 1):
        bad = n % 100 == 0
        yield f"{'not ok' if bad else 'ok'} {n} - file.js > thing {n} does what it should\n"
        if bad:
            yield f"  ---\n  message: 'Error: {n} is not 0'\n  at: file.js:{n}\n  ...\n"


def go_lines(count: int) -> Iterator[str]:
    """What `go test -json` writes: four events a test, packages of a thousand."""
    for n in range(count):
        package = f"example.org/module/part{n // 1000}"
        head = {"Time": "2026-11-21T08:00:00.0Z", "Package": package, "Test": f"TestThing/case_{n}"}
        if n % 1000 == 0:
            yield json.dumps({"Action": "start", "Package": package}) + "\n"
        yield json.dumps({"Action": "run", **head}) + "\n"
        yield json.dumps({"Action": "output", **head, "Output": f"=== RUN   TestThing/case_{n}\n"}) + "\n"
        yield json.dumps({"Action": "output", **head, "Output": f"--- PASS: TestThing/case_{n} (0.00s)\n"}) + "\n"
        yield json.dumps({"Action": "pass", **head, "Elapsed": 0.0}) + "\n"
        if n % 1000 == 999 or n == count - 1:
            yield json.dumps({"Action": "pass", "Package": package, "Elapsed": 1.0}) + "\n"


def jest_lines(count: int) -> Iterator[str]:
    """jest's one document, files of a hundred tests."""
    top = {"numFailedTests": 0, "numRuntimeErrorTestSuites": 0, "numTotalTests": count, "success": True}
    yield json.dumps(top)[:-1] + ', "testResults": ['
    for file in range(count // 100):
        tests = [
            {
                "ancestorTitles": ["outer", "inner"],
                "duration": 1,
                "failureMessages": [],
                "fullName": f"outer inner does thing {n}",
                "location": {"column": 1, "line": n},
                "status": "passed",
                "title": f"does thing {n}",
            }
            for n in range(100)
        ]
        found = {"name": f"/tree/src/file{file}.test.js", "status": "passed", "message": "", "assertionResults": tests}
        yield (", " if file else "") + json.dumps(found)
    yield "]}\n"


LINES: dict[str, Callable[[int], Iterator[str]]] = {
    "pytest": pytest_lines,
    "tap": tap_lines,
    "go": go_lines,
    "jest": jest_lines,
}


# -- in the process of one reading


def by_reader(format: str) -> Job:
    """The whole way from the file to the report."""
    from superteam.reports.formats import read_file

    return lambda path: read_file(path, format)


def text() -> Job:
    """The reader of printed lines, as the source of commands calls it."""
    from superteam.reports.text import read_text

    def job(path: Path) -> object:
        with path.open("rb") as file:
            return read_text(iter(lambda: file.readline(2**20), b""))

    return job


def junit_unkept() -> Job:
    """The JUnit reader without the results that it keeps: what is needed before classification."""
    from superteam.reports import junit
    from superteam.reports.xml_document import walk

    class Forgetful(junit.Cases):
        def add(self, id: str, *_: Any, **__: Any) -> str:
            return id

    def job(path: Path) -> object:
        document = junit._Document(None, Forgetful())
        with path.open("rb") as file:
            walk(file, document.start, document.end, document.text)
        return document

    return job


def expat() -> Job:
    """Handlers for elements and text that do nothing."""
    from xml.parsers import expat

    def job(path: Path) -> object:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = lambda name, attributes: None
        parser.EndElementHandler = lambda name: None
        parser.CharacterDataHandler = lambda data: None
        with path.open("rb") as file:
            parser.ParseFile(file)
        return parser

    return job


def junitparser() -> Job:
    """The library that others use, and one look at each case."""
    from junitparser import JUnitXml

    return lambda path: {
        (case.classname, case.name): case.result for suite in JUnitXml.fromfile(path) for case in suite
    }


def iterated() -> Job:
    """The lines, decoded."""

    def job(path: Path) -> object:
        with path.open(encoding="utf-8", newline="\n") as file:
            return sum(len(line) for line in file)

    return job


def json_lines() -> Job:
    """Each line through the JSON parser of the standard library, forgotten at once."""

    def job(path: Path) -> object:
        with path.open("rb") as file:
            return sum(len(json.loads(line)) for line in file)

    return job


def json_whole() -> Job:
    """The whole document at once."""
    return lambda path: json.loads(path.read_bytes())


JOBS: dict[str, Callable[[], Job]] = {
    "text": text,
    "junit": lambda: by_reader("junit"),
    "junit before classification": junit_unkept,
    "pytest lines": lambda: by_reader("pytest"),
    "tap": lambda: by_reader("tap"),
    "go -json": lambda: by_reader("go"),
    "jest": lambda: by_reader("jest"),
    "expat": expat,
    "junitparser": junitparser,
    "iteration": iterated,
    "json lines": json_lines,
    "json": json_whole,
}
PAIRS = (
    ("text", "iteration", "iteration over its lines"),
    ("junit", "junitparser", "junitparser"),
    ("junit", "expat", "bare expat"),
    ("junit before classification", "expat", "bare expat"),
    ("pytest lines", "json lines", "json.loads of each line"),
    ("tap", "iteration", "iteration over its lines"),
    ("go -json", "json lines", "json.loads of each line"),
    ("jest", "json", "json.load of the whole"),
)


def peak() -> float:
    """The most memory that this process has held, in megabytes.

    From /proc where there is one: what getrusage says includes, on Linux, the memory of the process that started this.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(found.split()[1]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def main(job: str, path: str) -> None:
    """Reads one file and says what that took."""
    import ijson  # noqa: F401 - before the memory is taken, as the readers' own imports are

    read = JOBS[job]()
    if job in FORMATS:
        from superteam.reports.formats import reader

        reader(FORMATS[job])
    before, began = peak(), time.process_time()
    kept = read(Path(path))
    seconds = time.process_time() - began
    print(json.dumps({"seconds": seconds, "megabytes": peak() - before}))
    del kept


FORMATS = {"junit": "junit", "pytest lines": "pytest", "tap": "tap", "go -json": "go", "jest": "jest"}

if __name__ == "__main__":
    main(*sys.argv[1:3])
