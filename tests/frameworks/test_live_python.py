"""unittest as people start it, and pytest with what people add to it: real suites, judged by the command source."""

from __future__ import annotations

import sys

import pytest

from superteam.core.results import Execution

pytestmark = pytest.mark.frameworks

UNITTEST = f"{sys.executable} -m unittest"
KITCHEN_SINK = """
import sys, unittest

class Sink(unittest.TestCase):
    def test_passes(self): print("FAILED (failures=3)")
    def test_fails(self): self.assertEqual(1, 2)
    def test_errs(self): raise ValueError("boom")
    @unittest.skip("why")
    def test_skipped(self): self.fail()
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
    def test_subtests(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertNotEqual(i, 1)
    def test_good_subtests(self):
        for i in range(3):
            with self.subTest(i=i): pass
    def test_skipped_subtest(self):
        with self.subTest(i=1): self.skipTest("some")
    def test_exits(self): sys.exit(0)

class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise ValueError("class")
    def test_a(self): pass
    def test_b(self): pass

class Leaky(unittest.TestCase):
    @classmethod
    def tearDownClass(cls): raise ValueError("leak")
    def test_a(self): pass
    def test_b(self): pass

@unittest.skip("all of it")
class Skipped(unittest.TestCase):
    def test_a(self): pass

class Asked(unittest.IsolatedAsyncioTestCase):
    async def test_async(self): self.assertTrue(True)
    def setUp(self): pass
"""
OUTCOMES = {
    "Asked.test_async": "passed",
    "Broken.test_a": "errored",
    "Broken.test_b": "errored",
    "Leaky.test_a": "passed",
    "Leaky.test_b": "errored",
    "Sink.test_errs": "errored",
    "Sink.test_exits": "errored",
    "Sink.test_expected": "xfailed",
    "Sink.test_fails": "failed",
    "Sink.test_good_subtests": "passed",
    "Sink.test_passes": "passed",
    "Sink.test_skipped": "skipped",
    "Sink.test_skipped_subtest": "skipped",
    "Sink.test_subtests": "failed",
    "Sink.test_unexpected": "failed",
    "Skipped.test_a": "skipped",
}
GREEN = """
import unittest

class A(unittest.TestCase):
    def test_a(self): pass
    def test_b(self): pass
"""


def outcomes(found: Execution) -> dict[str, str]:
    return {key: result.outcome.value for key, result in sorted(found.report.tests.items())}


def judged(found: Execution) -> tuple[str, str]:
    return found.verdict.verdict, found.verdict.reason or ""


# -- unittest


def test_every_outcome_of_unittest_is_told_apart(suite):
    found = suite({"test_x.py": KITCHEN_SINK}, UNITTEST)
    assert (found.report.format, found.report.granularity.value, judged(found)) == ("unittest", "tests", ("fail", ""))
    assert outcomes(found) == {f"test_x.{id}": outcome for id, outcome in OUTCOMES.items()}
    assert found.report.tests["test_x.Sink.test_fails"].signature == "AssertionError: <n> != <n> @ test_x.py"
    assert found.reproduce_command.startswith(f"{UNITTEST} test_x.Broken.test_a")


def test_every_test_alone_runs_exactly_itself_and_with_the_same_outcome(suite):
    for id, outcome in OUTCOMES.items():
        if outcome in ("skipped",) or id == "Leaky.test_a":  # alone, it is the last of its class
            continue
        found = suite({"test_x.py": KITCHEN_SINK}, UNITTEST, only={f"test_x.{id}"})
        assert outcomes(found) == {f"test_x.{id}": outcome}
        assert found.verdict.sound, found.verdict


def test_a_pair_from_different_files_is_selected(suite):
    files = {"test_a.py": GREEN, "test_b.py": GREEN, "sub/__init__.py": "", "sub/test_c.py": GREEN}
    wanted = {"test_a.A.test_a", "sub.test_c.A.test_b"}
    found = suite(files, UNITTEST, only=wanted)
    assert (judged(found), outcomes(found).keys()) == (("pass", ""), wanted)


@pytest.mark.parametrize(
    "command",
    [
        UNITTEST,
        f"{UNITTEST} discover -s . -v",
        f"{UNITTEST} test_x -f",
        f"cd . && {UNITTEST} && true",
        f"PYTHONPATH=lib {UNITTEST}",
        f"{sys.executable} test_x.py",
        "make check",
    ],
)
def test_unittest_is_heard_however_it_is_started(suite, command):
    text = f"{GREEN}\nif __name__ == '__main__':\n    unittest.main()\n"
    makefile = f"check:\n\t@{UNITTEST}\n"
    found = suite({"test_x.py": text, "Makefile": makefile}, command)
    assert (judged(found), found.report.format, len(found.report.tests)) == (("pass", ""), "unittest", 2)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (GREEN.replace("pass", "__import__('os')._exit(0)"), "cut short"),
        (GREEN.replace("pass", "__import__('os').kill(__import__('os').getpid(), 9)"), "signal 9"),
        ("import missing_module\n", "missing_module"),
        ("raise SystemExit(0)\n", "SystemExit: 0"),
        ("def setUpModule(): raise SystemExit(0)\n" + GREEN, "cut short"),
        ("", "status 5" if sys.version_info >= (3, 12) else "no test ran"),
        (GREEN.replace("def test_", "def x_"), "status 5" if sys.version_info >= (3, 12) else "no test ran"),
        ("import unittest\n@unittest.skip('x')\n" + GREEN.replace("import unittest", "").lstrip(), "no test ran"),
        ("(", "test_x"),
    ],
)
def test_nothing_that_is_no_proof_passes(suite, text, word):
    verdict, reason = judged(suite({"test_x.py": text}, UNITTEST))
    assert verdict == "inconclusive"
    assert word in reason


def test_a_process_that_a_test_starts_is_not_heard(suite):
    inner = f"import subprocess, sys, os\nopen('inner.py', 'w').write({GREEN!r})\n"
    inner += "done = subprocess.run([sys.executable, '-m', 'unittest', 'inner'])\n"
    check = "print([name for name in os.environ if 'SUPERTEAM' in name]); assert 'SUPERTEAM_TREE' not in os.environ"
    text = f"{GREEN}    def test_c(self):\n        exec({inner!r})\n        {check}\n"
    found = suite({"test_x.py": "import os\n" + text}, UNITTEST)
    assert (judged(found), len(found.report.tests)) == (("pass", ""), 3)


def test_a_run_inside_of_a_test_is_not_heard(suite):
    text = GREEN + "    def test_c(self):\n        unittest.main(module='inner', exit=False, argv=['x'])\n"
    found = suite({"test_x.py": text, "inner.py": GREEN.replace("pass", "self.fail()")}, UNITTEST)
    assert (judged(found), len(found.report.tests)) == (("pass", ""), 3)


def test_the_users_own_sitecustomize_still_runs(suite):
    text = GREEN + "    def test_c(self):\n        import sys\n        self.assertEqual(sys.mark, 1)\n"
    files = {"lib/sitecustomize.py": "import sys\nsys.mark = 1\n", "test_x.py": text}
    found = suite(files, UNITTEST, env={"PYTHONPATH": "lib"})
    assert judged(found) == ("pass", "")


def test_the_same_class_loaded_twice_is_two_runs_of_it(suite):
    files = {"test_x.py": GREEN}
    found = suite(files, f"{UNITTEST} test_x test_x")
    assert set(outcomes(found)) == {"test_x.A.test_a", "test_x.A.test_a #2", "test_x.A.test_b", "test_x.A.test_b #2"}


def test_another_trees_code_is_noticed(suite, tmp_path):
    other = tmp_path / "other" / "pkg"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("")
    text = f"import sys\nsys.path.insert(0, {str(other.parent)!r})\nimport pkg\n{GREEN}"
    verdict, reason = judged(suite({"test_x.py": text, "pkg/__init__.py": ""}, f"{UNITTEST} test_x"))
    assert verdict == "inconclusive"
    assert "another tree" in reason


def test_a_python_that_ignores_the_environment_is_no_proof_of_single_tests(suite):
    found = suite({"test_x.py": GREEN}, f"{sys.executable} -I -m unittest discover")
    assert found.report.granularity.value != "tests"
    assert found.verdict.confidence == "low" or found.report.granularity.value == "command"


def test_names_that_are_no_ascii_are_run_alone(suite):
    text = GREEN + "    def test_ünï(self): self.fail('€')\nsetattr(A, 'test \\n[x] :: - \"', lambda self: None)\n"
    found = suite({"test_x.py": text}, UNITTEST)
    odd = [id for id in found.report.tests if "::" in id or "ün" in id]
    assert len(odd) == 2
    for id in odd:
        assert set(suite({"test_x.py": text}, UNITTEST, only={id}).report.tests) == {id}


# -- pytest with what people add to it


PYTEST = "python -m pytest -q -p no:cacheprovider"
PYTEST_SINK = """
import random, unittest
import pytest

COUNT = [0]
def test_passes(): pass
def test_fails(): assert 0
def test_flaky():
    COUNT[0] += 1
    assert COUNT[0] > 1
@pytest.mark.flaky(reruns=3)
def test_marked():
    COUNT[0] += 1
    assert COUNT[0] > 2
@pytest.mark.parametrize("x", ["a::b", "[", "new\\nline", "-x", "\u00fcn\u00ef", " - ", "@gw0"])
def test_names(x): pass
class TestOld(unittest.TestCase):
    def test_subtests(self):
        for i in range(2):
            with self.subTest(i=i):
                self.assertEqual(i, 0)
"""


@pytest.mark.parametrize("options", ["", "-n 2", "--reruns 2", "-p no:randomly", "-n 2 --reruns 2 --dist loadfile"])
def test_pytest_with_its_plugins_is_told_apart_and_selected(suite, need, options):
    need("tox")  # the environment with pytest's plugins
    found = suite({"test_x.py": PYTEST_SINK}, f"{PYTEST} {options}")
    reran = "--reruns" in options
    assert found.verdict.verdict == "fail", found.verdict
    shown = {id.partition("::")[2]: result for id, result in found.report.tests.items()}
    assert len(shown) == 12
    assert shown["test_fails"].outcome == "failed"
    assert shown["TestOld::test_subtests"].outcome == "failed"
    if reran and "-n" not in options:
        assert shown["test_flaky"].retried or shown["test_flaky"].outcome == "passed"
    wanted = {"test_x.py::test_fails", *[id for id in found.report.tests if "test_names" in id]}
    again = suite(None, f"{PYTEST} {options}", only=wanted)
    assert (set(again.report.tests), again.verdict.verdict) == (wanted, "fail")
    assert not again.report.tests["test_x.py::test_fails"].retried


def test_a_retry_that_hides_a_failure_is_seen(suite, need):
    need("tox")
    text = "COUNT = [0]\ndef test_flaky():\n    COUNT[0] += 1\n    assert COUNT[0] > 1\n"
    found = suite({"test_x.py": text}, f"{PYTEST} --reruns 1")
    (result,) = found.report.tests.values()
    assert (result.outcome, result.retried) == ("passed", True)


def test_a_coverage_threshold_does_not_judge_a_selection(suite, need):
    need("tox")
    files = {"test_x.py": GREEN, "code.py": "def f():\n    return 1\n"}
    command = f"{PYTEST} --cov=. --cov-fail-under=100"
    whole = suite(files, command)
    assert (whole.verdict.verdict, "without a failed test" in str(whole.verdict.reason)) == ("inconclusive", True)
    assert suite(None, command, only={"test_x.py::A::test_a"}).verdict.verdict == "pass"
