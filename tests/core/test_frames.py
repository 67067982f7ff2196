"""Traces of each language, with the frames of libraries folded and everything else kept."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.frames import folded

PYTHON = """\
Traceback (most recent call last):
  File "/usr/lib/python3.11/unittest/case.py", line 57, in testPartExecutor
    yield
  File "/usr/lib/python3.11/unittest/case.py", line 623, in run
    self._callTestMethod(testMethod)
    ~~~~~~~~~~~~~~~~~~~~^^^^^^^^^^^^
  File "{root}/tests/test_calc.py", line 7, in test_add
    self.assertEqual(add(1, 2), 3)
AssertionError: -1 != 3
"""
PYTEST = """\
    def test_add():
>       assert shop.total() == 3

tests/test_calc.py:5:
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _
shop/client.py:12: in fetch
    return requests.get()
           ^^^^^^^^^^^^^^
/venv/lib/python3.11/site-packages/requests/sessions.py:73: in get
    return request()
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _

    def request(self):
>       return self.session.send()

E       TypeError: unsupported operand

/venv/lib/python3.11/site-packages/requests/api.py:59: TypeError
"""
NODE = """\
AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:

-1 !== 3

    at TestContext.<anonymous> (file://{root}/test/calc.test.js:5:10)
    at Test.runInAsyncScope (node:async_hooks:203:9)
    at async Promise.all (index 0)
    at Object.run ({root}/node_modules/jest-circus/run.js:1:2)
    at node:internal/main/test_runner:11:1
"""
GO = """\
panic: division by zero [recovered]

goroutine 18 [running]:
testing.tRunner.func1.2({0x50f3c0, 0xc000012})
\t/usr/local/go/src/testing/testing.go:1545 +0x238
panic({0x50f3c0?, 0x5a5b70?})
\t/usr/local/go/src/runtime/panic.go:914 +0x21f
example.com/calc.Divide(...)
\t{root}/calc.go:9
example.com/calc.TestDivide(0xc0000a4680?)
\t{root}/calc_test.go:12 +0x1d
created by testing.(*T).Run in goroutine 1
\t/root/sdk/go1.22/src/testing/testing.go:1648 +0x3ad
"""
RUST = """\
thread 'tests::adds' panicked at src/lib.rs:12:9:
assertion `left == right` failed
  left: -1
 right: 3
stack backtrace:
   0: rust_begin_unwind
             at /rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/std/src/panicking.rs:665:5
   1: core::panicking::panic_fmt
             at /rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/core/src/panicking.rs:76:14
   2: calc::tests::adds
             at ./src/lib.rs:12:9
   3: core::ops::function::FnOnce::call_once
note: Some details are omitted
"""
JAVA = """\
org.opentest4j.AssertionFailedError: expected: <3> but was: <-1>
\tat org.junit.jupiter.api.AssertionUtils.fail(AssertionUtils.java:55)
\tat app//org.junit.jupiter.api.Assertions.assertEquals(Assertions.java:527)
\tat com.acme.CalcTest.adds(CalcTest.java:12)
\tat java.base/java.lang.reflect.Method.invoke(Method.java:566)
\tat worker.org.gradle.process.internal.worker.GradleWorkerMain.main(GradleWorkerMain.java:74)
"""
RUBY = """\
NoMethodError: undefined method `total'
\tfrom /usr/share/gems/rspec-core-3.12/lib/rspec/core/example.rb:263:in `instance_exec'
\tfrom {root}/lib/shop.rb:4:in `total'
"""
PHP = """\
#0 {root}/src/Shop.php(12): Shop->total()
#1 {root}/vendor/phpunit/phpunit/src/Framework/TestCase.php(1548): ShopTest->testTotal()
"""
TRACES = {
    "python": (PYTHON, "tests/test_calc.py", "unittest/case.py", 2),
    "pytest": (PYTEST, "shop/client.py:12: in fetch", "site-packages", 2),
    "node": (NODE, "test/calc.test.js:5", "node:", 3),
    "go": (GO, "calc_test.go:12", "testing.go", 3),
    "rust": (RUST, "./src/lib.rs:12:9", "/rustc/", 3),
    "java": (JAVA, "CalcTest.java:12", "org.junit", 4),
    "ruby": (RUBY, "lib/shop.rb:4", "rspec", 1),
    "php": (PHP, "src/Shop.php(12)", "phpunit", 1),
}
ROOT = "/home/me/.cache/superteam/x/trees/check"


def hidden(text: str) -> int:
    return sum(int(number) for number in re.findall(r"\[\.\.\. (\d+) frames? of libraries \.\.\.\]", text))


@pytest.mark.parametrize("name", TRACES)
def test_own_frames_are_kept_and_those_of_libraries_are_counted(name: str) -> None:
    trace, own, library, frames = TRACES[name]
    shown = folded(trace.replace("{root}", ROOT), [ROOT])
    assert own in shown and library not in shown and ROOT not in shown
    assert hidden(shown) == frames
    said = next(line for line in trace.splitlines() if "rror" in line or "panic" in line or "#0" in line)
    assert said.replace("{root}/", "") in shown


def test_source_below_an_own_frame_is_kept_and_that_of_a_library_is_not() -> None:
    shown = folded(PYTHON)
    assert "self.assertEqual(add(1, 2), 3)" in shown
    assert "_callTestMethod" not in shown and "^^^" not in shown


def test_a_trace_of_libraries_alone_is_kept_whole() -> None:
    trace = "Error: no module\n    at node:internal/main:11:1\n    at node:async_hooks:203:9"
    assert folded(trace) == trace


def test_colours_are_taken_out_and_long_lines_are_cut_with_a_mark() -> None:
    assert folded("\x1b[31mred\x1b[0m") == "red"
    assert folded("x" * 5000) == "x" * 1000 + " [...]"


def test_a_text_without_a_trace_stays_as_it_is() -> None:
    text = "one\n\n  two: 3\n\tfour (5)\nat the end"
    assert folded(text) == text


LINES = st.sampled_from([line.replace("{root}", ROOT) for trace, *_ in TRACES.values() for line in trace.splitlines()])


@given(st.lists(st.one_of(LINES, st.text(max_size=40)), max_size=40))
def test_nothing_is_shown_that_was_not_there_and_nothing_is_moved(lines: list[str]) -> None:
    text = "\n".join(lines)
    there = text.splitlines()
    shown = [line for line in folded(text).splitlines() if not hidden(line)]
    places = []
    start = 0
    for line in shown:
        start = there.index(line, start) + 1
        places.append(start)
    assert all(one < other for one, other in pairwise(places))


@given(st.lists(st.one_of(LINES.filter(lambda line: line[:2] != "_ "), st.integers(0, 9)), max_size=40))
def test_what_is_no_line_of_a_trace_is_never_left_out(lines: list[str | int]) -> None:
    text = "\n".join(f"said {line}" if isinstance(line, int) else line for line in lines)
    said = [f"said {line}" for line in lines if isinstance(line, int)]
    assert [line for line in folded(text).splitlines() if line.startswith("said ")] == said


@pytest.mark.parametrize(
    "unit",
    ["at ", "    at x (", '  File "', "_ _ _ _ _ _ _ _ _ _ _\n", "a.py:1: ", "\t/x.go:1\n",
     "f()\n", "0: a\n", "\x1b[", " " * 41],
)  # fmt: skip
def test_hostile_text_is_folded_in_linear_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    began = time.process_time()
    folded(text, [ROOT])
    assert time.process_time() - began < 4
