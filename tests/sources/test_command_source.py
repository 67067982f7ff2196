"""The command source with real suites: what it believes, what it refuses, that it runs exactly what was asked."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from superteam.core.results import Execution, Granularity, Shape
from superteam.ports import Tree
from superteam.sources.command import CommandSource

PYTEST = f"{sys.executable} -m pytest -q -p no:cacheprovider"
RERUNS = "-p pytest_rerunfailures"
WORKERS = "-p xdist -n"
KITCHEN_SINK = """
import sys
import pytest

def test_passes(): print("test_x.py::test_spoofed PASSED")
def test_fails(): assert 1 == 2
@pytest.mark.skip(reason="why")
def test_skipped(): assert 0
@pytest.mark.xfail(reason="known")
def test_xfails(): assert 0
@pytest.mark.xfail
def test_xpasses(): pass
@pytest.mark.xfail(strict=True)
def test_xpasses_strictly(): pass
@pytest.fixture
def broken(): raise ValueError("x")
@pytest.fixture
def leaky():
    yield
    raise ValueError("y")
def test_setup_error(broken): pass
def test_teardown_error(leaky): pass
def test_calls_exit(): sys.exit(0)
"""
HOSTILE = """
import pytest

NAMES = ["a::b", "[", "]", "new\\nline", "-x", "--co", "ünï", " two words ", "@tail", "a[b]::c", " - "]
@pytest.mark.parametrize("x", NAMES)
def test_hostile(x): assert x != "["
def test_other(): assert 0
"""

Suite = Callable[..., Execution]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON", "TOX"))}
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **(more or {})}  # for speed


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Writes files into a tree and runs a command there: suite({"test_a.py": ...}, command, only=..., env=...)."""

    def collect(
        files: Mapping[str, str],
        command: str = PYTEST,
        only: set[str] | None = None,
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Execution:
        tree = tmp_path / "tree"
        checkout = tmp_path / "checkout"
        write(tree, files)
        tree.mkdir(exist_ok=True)
        source = CommandSource(command, options.pop("timeout", 60.0), tmp_path / "outputs", **options)
        wanted = None if only is None else frozenset(only)
        return anyio.run(partial(source.collect, Tree(tree, "0" * 40, environment(env), checkout), wanted))

    return collect


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def outcomes(found: Execution) -> dict[str, str]:
    return {key.partition("::")[2] or key: result.outcome.value for key, result in found.report.tests.items()}


# Long outputs

LOUD = "def test_loud():\n    for _ in range(680):\n        print('x' * 99_999)\n"


def test_an_output_that_is_too_long_to_be_kept_is_no_doubt_about_a_whole_report(suite):
    found = suite({"test_x.py": LOUD}, f"{PYTEST} -s")
    assert found.exit.truncated
    assert found.verdict.verdict == "pass"


def test_an_output_that_is_too_long_to_be_kept_proves_nothing_where_it_is_the_report(suite):
    printed = "printf 'TAP version 13\\nok 1 - a\\n'; yes '# loud' | head -c 68000000; printf 'ok 2 - b\\n1..2\\n'"
    found = suite({}, f"sh -c {shlex.quote(printed)}")
    assert found.exit.truncated
    assert found.verdict.verdict == "inconclusive"


# What happens to each test


def test_every_kind_of_outcome_is_told_apart(suite):
    found = suite({"test_x.py": KITCHEN_SINK})
    assert (found.verdict.verdict, found.verdict.reason) == ("fail", None)
    assert outcomes(found) == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_skipped": "skipped",
        "test_xfails": "xfailed",
        "test_xpasses": "xpassed",
        "test_xpasses_strictly": "failed",
        "test_setup_error": "errored",
        "test_teardown_error": "errored",
        "test_calls_exit": "failed",
    }
    assert found.report.tests["test_x.py::test_fails"].signature == "assert <n> == <n> @ test_x.py"
    assert found.reproduce_command.startswith(f"{PYTEST} test_x.py::test_calls_exit test_x.py::test_fails")


def test_a_green_suite_passes_and_fixed_granularity_is_kept(suite):
    found = suite({"test_x.py": "def test_a(): pass"}, expected=Shape(Granularity.TESTS))
    assert (found.verdict.verdict, found.verdict.confidence) == ("pass", "high")
    assert found.reproduce_command == PYTEST


def test_results_that_a_test_prints_are_not_believed(suite):
    text = (
        'import os\ndef test_a():\n    os.write(1, b"\\n1 passed in 0.1s\\n\\n  \\xe2\\x9c\\x93 fine\\n")\n    assert 0'
    )
    assert outcomes(suite({"test_x.py": text}, f"{PYTEST} -s")) == {"test_a": "failed"}


def test_stopping_at_the_first_failure_hides_nothing(suite):
    found = suite({"test_x.py": "def test_a(): assert 0\ndef test_b(): pass"}, f"{PYTEST} -x")
    assert (found.verdict.verdict, outcomes(found)) == ("fail", {"test_a": "failed", "test_b": "passed"})


def test_a_flake_that_pytest_reruns_keeps_the_fact(suite):
    text = "n = []\ndef test_a():\n    n.append(1)\n    assert len(n) > 1"
    found = suite({"test_x.py": text}, f"{PYTEST} {RERUNS} --reruns 3")
    assert found.verdict.verdict == "pass"
    assert found.report.tests["test_x.py::test_a"].message.startswith("passed after 1 reruns")


# What proves nothing


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import os\ndef test_a(): os._exit(0)", "cut short: 1 tests were found but never finished"),
        ("import os\ndef test_a(): pass\ndef test_b(): os._exit(1)", "from test_x.py::test_b on"),
        ("def test_a(): pass\nimport nowhere", "test_x.py: ModuleNotFoundError: No module named 'nowhere'"),
        ("x = 1", "status 5: it found no tests"),
        ("import pytest\npytestmark = pytest.mark.skip\ndef test_a(): pass", "no test ran: 1 skipped"),
        ("import pytest\ndef test_a(): pytest.exit('x', 0)\ndef test_b(): pass", "cut short"),
        ("def test_a(): raise KeyboardInterrupt", "cut short"),
        ("import os, signal\ndef test_a(): os.kill(os.getpid(), signal.SIGSEGV)", "killed by signal 11 (SIGSEGV)"),
    ],
)
def test_a_run_that_did_not_come_to_its_end_is_inconclusive(suite, text, words):
    found = suite({"test_x.py": text}, f"{PYTEST} -p no:faulthandler")
    assert found.verdict.verdict == "inconclusive"
    assert words in (found.verdict.reason or "")


def test_a_pytest_that_was_called_in_a_wrong_way_says_so(suite):
    found = suite({"test_x.py": "def test_a(): pass"}, f"{PYTEST} nowhere.py")
    assert found.verdict.reason == "the test runner itself ended with status 4: it was called in a wrong way"


def test_a_hidden_exit_code_is_inconclusive(suite):
    found = suite({"test_x.py": "def test_a(): assert 0"}, f"{PYTEST} || true")
    assert (found.verdict.reason or "").startswith("exit code 0, and yet 1 failed")


def test_a_step_that_fails_after_green_tests_is_inconclusive(suite):
    found = suite({"test_x.py": "def test_a(): pass"}, f"{PYTEST} && false")
    assert found.verdict.reason == "exit code 1 without a failed test"


def test_a_suite_that_runs_out_of_time_is_inconclusive(suite):
    found = suite({"test_x.py": "import time\ndef test_a(): time.sleep(60)"}, timeout=2.0)
    assert (found.verdict.reason or "").startswith("timed out after")


@pytest.mark.parametrize(("command", "words"), [("no-such-program-x", "command not found"), ("./data.txt", "chmod +x")])
def test_a_command_that_cannot_run_says_what_to_do(suite, command, words):
    assert words in (suite({"data.txt": "x"}, command).verdict.reason or "")


def test_a_pytest_without_any_report_proves_nothing(suite):
    found = suite({}, "echo pytest says: all passed; true")
    assert found.verdict.verdict == "inconclusive"
    assert (found.verdict.reason or "").startswith("no report")


# Exactly these tests


def test_hostile_ids_are_run_exactly_as_asked_for(suite):
    everything = set(suite({"test_x.py": HOSTILE}).report.tests)
    assert len(everything) == 12
    wanted = {key for key in everything if "test_hostile" in key}
    found = suite({}, only=wanted)
    assert set(found.report.tests) == wanted
    assert found.verdict.verdict == "fail"
    wanted.remove("test_x.py::test_hostile[[]")
    assert suite({}, only=wanted).verdict.verdict == "pass"


def test_a_test_that_is_not_there_is_named(suite):
    found = suite({"test_x.py": "def test_a(): pass"}, only={"test_x.py::test_a", "test_x.py::gone"})
    assert found.verdict.reason == "what ran is not what was asked for: test_x.py::gone did not run"


def test_a_probe_runs_no_other_file_and_no_retry(suite, tmp_path):
    flaky = "@pytest.mark.flaky(reruns=5)\ndef test_a():\n    open('ran', 'a').write('x')\n    assert 0"
    files = {
        "a/test_x.py": f"import pytest\n{flaky}",
        "b/test_y.py": "open('imported', 'w').close()\ndef test_b(): pass",
    }
    found = suite(files, f"{PYTEST} {RERUNS} --reruns 4 -x b a", only={"a/test_x.py::test_a"})
    assert found.verdict.verdict == "fail"
    assert (tmp_path / "tree/ran").read_text() == "x"
    assert not (tmp_path / "tree/imported").exists()


def test_a_command_of_two_sessions_runs_the_tests_of_the_second_one(suite):
    text = "def test_b(): open('ran', 'a').write('x')"
    files = {"a/test_x.py": "def test_a(): pass", "b/test_y.py": text}
    found = suite(files, f"{PYTEST} a && {PYTEST} b && cat ran", only={"b/test_y.py::test_b"})
    assert (found.verdict.verdict, list(found.report.tests)) == ("pass", ["b/test_y.py::test_b"])
    assert found.tail.endswith("\nx")


def test_workers_run_exactly_the_wanted_tests_too(suite):
    found = suite({"test_x.py": HOSTILE}, f"{PYTEST} {WORKERS}2", only={"test_x.py::test_hostile[a::b]"})
    assert (found.verdict.verdict, list(found.report.tests)) == ("pass", ["test_x.py::test_hostile[a::b]"])


def test_tests_that_workers_group_are_found_again(suite):
    text = "import pytest\n@pytest.mark.xdist_group('g')\ndef test_a(): pass\ndef test_b(): pass"
    command = f"{PYTEST} {WORKERS}1 --dist loadgroup"
    wanted = next(key for key in suite({"test_x.py": text}, command).report.tests if "test_a" in key)
    found = suite({}, command, only={wanted})
    assert (found.verdict.verdict, list(found.report.tests)) == ("pass", [wanted])


# Processes around it


def test_a_worker_that_dies_leaves_an_errored_test(suite):
    text = "import os\ndef test_a(): pass\ndef test_b(): os._exit(1)\ndef test_c(): pass"
    found = suite({"test_x.py": text}, f"{PYTEST} {WORKERS}1")
    assert (found.verdict.verdict, outcomes(found)["test_b"]) == ("fail", "errored")
    assert len(found.report.tests) == 3


def test_a_pytest_that_a_test_starts_writes_nothing_and_works_as_always(suite):
    inner = "def test_inner_fails(): assert 0"
    text = f"""
import os, subprocess, sys
pytest_plugins = "pytester"
def test_in_process(pytester):
    pytester.makepyfile("{inner}")
    pytester.runpytest_inprocess().assert_outcomes(failed=1)
def test_sub_process(tmp_path):
    (tmp_path / "test_y.py").write_text("{inner}")
    for more in ([], ["-I"]):
        done = subprocess.run([sys.executable, *more, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)])
        assert done.returncode == 1
def test_environment():
    left = [name for name in os.environ if name.startswith("SUPERTEAM_PYTEST") or name == "PYTEST_ADDOPTS"]
    assert left == []
"""
    found = suite({"test_x.py": text, "conftest.py": 'pytest_plugins = "pytester"'})
    assert outcomes(found) == {"test_in_process": "passed", "test_sub_process": "passed", "test_environment": "passed"}
    assert found.verdict.verdict == "pass"


def test_a_fork_that_goes_on_writes_nothing(suite):
    text = "import os\ndef test_a():\n    pid = os.fork()\n    if pid == 0: raise SystemExit\n    os.waitpid(pid, 0)"
    found = suite({"test_x.py": text}, f"{PYTEST} -W ignore")
    assert (found.verdict.verdict, outcomes(found)) == ("pass", {"test_a": "passed"})


def test_without_our_environment_pytests_own_report_is_taken(suite):
    found = suite({"test_x.py": KITCHEN_SINK}, f"env -i {PYTEST}")
    assert found.report.format == "junit"
    assert outcomes(found)["test_teardown_error"] == "errored"
    assert found.verdict.verdict == "fail"


def test_an_isolated_interpreter_falls_back_and_is_narrowed(suite):
    command = f"{sys.executable} -I -m pytest -q"
    found = suite({"test_x.py": KITCHEN_SINK}, command, only={"test_x.py::test_passes"})
    assert (found.verdict.verdict, outcomes(found)) == ("pass", {"test_passes": "passed"})
    assert "the whole command was run" in (found.verdict.reason or "")


def test_the_users_own_variables_win(suite):
    names = "('CI', 'PYTEST_ADDOPTS')"
    text = f"import os\ndef test_a(): assert [os.environ[n] for n in {names}] == ['x', '-W ignore']"
    assert suite({"test_x.py": text}, env={"CI": "x", "PYTEST_ADDOPTS": "-W ignore"}).verdict.verdict == "pass"


def test_variables_that_the_user_has_not_set_are_not_set(suite):
    names = "('CI', 'NO_COLOR', 'PYTEST_ADDOPTS', 'TOX_OVERRIDE', 'PYTHONPATH')"
    text = f"import os\ndef test_a(): assert not [n for n in {names} if n in os.environ]"
    hidden = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")}
    found = suite({"test_x.py": text}, f"env -u CI -u NO_COLOR {PYTEST}", env=hidden)
    assert found.verdict.verdict == "pass"


# What the command does to our plugin

MODULE = {"src/shop.py": "x = 1", "test_x.py": "import shop\ndef test_a(): pass\ndef test_known(): assert 0"}
PYTHONPATH_WRAPPERS = {
    "make": {"Makefile": f"all:\n\tPYTHONPATH=src {PYTEST}\n"},
    "./run.sh": {"run.sh": f"export PYTHONPATH=src\nexec {PYTEST} >/dev/null 2>&1\n"},
    f"{sys.executable} run.py": {
        "run.py": "import os, subprocess, sys\nos.environ['PYTHONPATH'] = 'src'\n"
        "sys.exit(subprocess.call([sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider']))\n"
    },
}


@pytest.mark.parametrize("command", PYTHONPATH_WRAPPERS)
def test_a_wrapper_that_sets_pythonpath_hides_no_test(suite, command):
    found = suite({**MODULE, **PYTHONPATH_WRAPPERS[command]}, command.replace("./", "sh "))
    assert (found.verdict.verdict, outcomes(found)) == ("fail", {"test_a": "passed", "test_known": "failed"})
    assert found.report.shape == Shape(Granularity.TESTS, "junit")


def test_a_suite_known_by_junit_is_run_once(suite, tmp_path):
    files = {**MODULE, "Makefile": f"all:\n\t@echo run >> {tmp_path}/runs\n\tPYTHONPATH=src {PYTEST}\n"}
    first = suite(files, "make")
    runs = len((tmp_path / "runs").read_text().split())
    again = suite({}, "make", expected=first.report.shape)
    assert again.report.tests.keys() == first.report.tests.keys()
    assert len((tmp_path / "runs").read_text().split()) == runs + 1


def test_two_sessions_that_write_junit_are_both_seen(suite):
    command = f"PYTHONPATH=src {PYTEST} test_x.py; PYTHONPATH=src {PYTEST} b"
    found = suite({**MODULE, "b/test_b.py": "def test_b(): pass"}, command)
    assert set(outcomes(found)) == {"test_a", "test_known", "test_b"}
    assert "exit code 0, and yet" in (found.verdict.reason or "")


def test_a_session_that_lost_our_plugin_is_not_forgotten_beside_another(suite):
    command = f"PYTHONPATH=src {PYTEST} test_x.py; {PYTEST} b"
    files = {**MODULE, "b/test_b.py": "def test_b(): pass"}
    assert "test_known" in outcomes(suite(files, command))
    later = suite(files, command, expected=Shape(Granularity.TESTS, "pytest"))
    assert "could not load our plugin" in (later.verdict.reason or "")


def test_a_junit_report_of_a_run_that_stopped_early_is_cut_short(suite):
    found = suite({**MODULE, "Makefile": f"all:\n\tPYTHONPATH=src {PYTEST} -x\n"}, "make")
    assert "stopped at a failure" in (found.verdict.reason or "")


def test_a_red_exit_code_alone_is_no_baseline(suite):
    found = suite({}, "exit 1")
    assert (found.verdict.verdict, found.verdict.confidence) == ("inconclusive", "low")
    assert 'report = "FORMAT:PATTERN"' in (found.verdict.reason or "")
    later = suite({}, "exit 1", expected=Shape(Granularity.COMMAND, "command"))
    assert later.verdict.verdict == "fail"


def test_a_command_that_is_red_only_because_of_our_plugin_is_green(suite):
    found = suite({}, 'test -z "$PYTEST_ADDOPTS"')
    assert (found.verdict.verdict, found.report.granularity) == ("pass", Granularity.COMMAND)
    assert "only the exit code is seen" in found.report.note


@pytest.mark.parametrize("only_skipped", ["", "import pytest\n@pytest.mark.skip\ndef test_b(): pass\n"])
def test_a_baseline_in_which_nothing_passes_is_none(suite, only_skipped):
    files = {"test_x.py": f"{only_skipped}def test_a(): open('.env')"}
    found = suite(files)
    assert found.verdict.verdict == "inconclusive"
    assert ".env" in (found.verdict.reason or "")
    assert suite(files, expected=Shape(Granularity.TESTS, "pytest")).verdict.verdict == "fail"


UNITTEST_WORDS = """FAIL: test_b (a.T.test_b)
ERROR: test_c (a.T)
Ran 5 tests in 0.1s

FAILED (failures=1, errors=1)
"""


@pytest.mark.parametrize(
    ("printed", "tests"),
    [
        (UNITTEST_WORDS, {"a.T.test_b": "failed", "a.T.test_c": "errored"}),
        ("hello\n1..2\nok 1 - a\nnot ok 2 - b\n", {"a": "passed", "b": "failed"}),
        ("\x1b[32m✓\x1b[0m a\n✗ b\n", {"a": "passed", "b": "failed"}),
    ],
)
def test_printed_tests_are_read_where_there_is_no_report(suite, printed, tests):
    found = suite({"out.txt": printed}, "cat out.txt; exit 1", expected=Shape(Granularity.TEXT))
    assert (found.verdict.verdict, found.verdict.confidence) == ("fail", "low")
    assert tests.items() <= outcomes(found).items()


def test_failures_that_unittest_counts_and_does_not_name_are_missed(suite):
    found = suite({"out.txt": UNITTEST_WORDS.replace("errors=1", "errors=2")}, "cat out.txt; exit 1")
    assert "unittest counts 3 failures and names 2" in (found.verdict.reason or "")


# Several sessions and frameworks


def package(place: str, outcome: str = "pass") -> dict[str, str]:
    return {f"{place}/pytest.ini": "[pytest]", f"{place}/tests/test_main.py": f"def test_f(): {outcome}"}


BOTH = "(cd {} && {pytest}); first=$?; (cd {} && {pytest}) && exit $first"


@pytest.mark.parametrize("places", [("a", "b"), ("b", "a")])
def test_sessions_are_told_apart_by_their_root_in_any_order(suite, places):
    files = {**package("a"), **package("b", "assert 0")}
    found = suite(files, BOTH.format(*places, pytest=PYTEST))
    ids = {id: result.outcome.value for id, result in found.report.tests.items()}
    assert ids == {"a/tests/test_main.py::test_f": "passed", "b/tests/test_main.py::test_f": "failed"}


@pytest.mark.parametrize("place", ["a", "b"])
def test_a_test_of_one_session_is_selected_by_its_root(suite, place):
    wanted = {f"{place}/tests/test_main.py::test_f"}
    found = suite({**package("a"), **package("b", "assert 0")}, BOTH.format("a", "b", pytest=PYTEST), only=wanted)
    assert (found.verdict.verdict, set(found.report.tests)) == ("pass" if place == "a" else "fail", wanted)


def test_unittest_in_two_folders_is_told_apart(suite):
    text = "import unittest\nclass T(unittest.TestCase):\n    def test_f(self): self.assertTrue({})\n"
    files = {"a/test_m.py": text.format(True), "b/test_m.py": text.format(False)}
    run = f"{sys.executable} -m unittest"
    command = f"(cd a && {run}) && (cd b && {run})"
    assert set(suite(files, command).report.tests) == {"unittest: a/test_m.T.test_f", "unittest: b/test_m.T.test_f"}


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
NODE_TEST = "require('node:test')('one', () => {{ {} }})"


@needs_node
@pytest.mark.parametrize(
    "command", ["node --test js; {pytest}", "{pytest}; node --test js", "node --test js | {pytest}"]
)
def test_no_framework_swallows_the_failure_of_another(suite, command):
    files = {"test_x.py": "def test_a(): pass", "js/t.test.js": NODE_TEST.format("throw new Error('x')")}
    found = suite(files, command.format(pytest=PYTEST))
    assert found.verdict.verdict != "pass"


@needs_node
def test_the_reports_of_two_frameworks_are_one(suite):
    files = {"test_x.py": "def test_a(): pass", "js/t.test.js": NODE_TEST.format("")}
    command = f"{PYTEST} && node --test js"
    found = suite(files, command)
    assert (found.verdict.verdict, set(found.report.tests)) == (
        "pass",
        {"pytest: test_x.py::test_a", "node: js/t.test.js > one"},
    )
    broken = suite({"test_x.py": "def test_a(): assert 0"}, command, expected=found.report.shape)
    assert (broken.verdict.verdict, broken.report.failed()) == ("fail", ("pytest: test_x.py::test_a",))
    first = suite({}, command)
    assert "node left no report" in (first.verdict.reason or "")


@needs_node
@pytest.mark.parametrize(("command", "verdict"), [("{} && {}", "pass"), ("{}; {}", "inconclusive")])
def test_frameworks_that_cannot_report_at_once_need_their_exit_code(suite, command, verdict):
    found = suite({"js/t.test.js": NODE_TEST.format("")}, command.format("node --test js", "node --test js"))
    assert (found.verdict.verdict, found.verdict.confidence) == (verdict, "low")


# The right tree


@pytest.fixture
def packages(tmp_path: Path) -> dict[str, str]:
    """A package of a src layout in another checkout, and the same files for the tree."""
    files = {
        "src/shop/__init__.py": "",
        "src/shop/cart.py": "x = 1",
        "test_x.py": "import shop.cart\ndef test_a(): pass",
    }
    for name, text in files.items():
        path = tmp_path / "other" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return files


@pytest.mark.parametrize("more", ["", f" {WORKERS}1"])
def test_the_code_of_another_tree_is_inconclusive(suite, packages, tmp_path, more):
    found = suite(packages, PYTEST + more, env={"PYTHONPATH": str(tmp_path / "other" / "src")})
    assert found.verdict.verdict == "inconclusive"
    assert f"module shop was loaded from {tmp_path / 'other' / 'src' / 'shop'}" in (found.verdict.reason or "")


def test_the_code_of_this_tree_is_fine(suite, packages, tmp_path):
    assert suite(packages, env={"PYTHONPATH": str(tmp_path / "tree" / "src")}).verdict.verdict == "pass"


SITE = ".venv/lib/python3/site-packages"


def test_a_stale_installed_copy_is_another_trees_code(suite, packages, tmp_path):
    files = {**packages, f"{SITE}/shop/__init__.py": "", f"{SITE}/shop/cart.py": "x = 2"}
    env = {"PYTHONPATH": str(tmp_path / "tree" / SITE)}
    assert "module shop.cart was loaded from" in (suite(files, env=env).verdict.reason or "")


def test_an_installed_copy_with_the_trees_own_content_is_fine(suite, packages, tmp_path):
    files = {**packages, f"{SITE}/shop/__init__.py": "", f"{SITE}/shop/cart.py": "x = 1"}
    found = suite(files, env={"PYTHONPATH": str(tmp_path / "tree" / SITE)})
    assert (found.verdict.verdict, found.report.loaded) == ("pass", {"test_x.py"})


def test_an_installed_copy_is_stale_too_if_a_file_that_nobody_loaded_differs(suite, packages, tmp_path):
    files = {**packages, f"{SITE}/shop/__init__.py": "", f"{SITE}/shop/cart.py": "x = 1"}
    files |= {"src/shop/data/prices.json": "[1]", f"{SITE}/shop/data/prices.json": "[2]"}
    found = suite(files, env={"PYTHONPATH": str(tmp_path / "tree" / SITE)})
    assert f"{SITE}/shop/data/prices.json" in (found.verdict.reason or "")


@pytest.mark.parametrize("place", ["packages/shop/src/", "services/shop/", "libs/shop/python/"])
def test_a_stale_copy_is_seen_in_any_project_of_a_monorepo(suite, tmp_path, place):
    project = place.removesuffix("src/").removesuffix("python/")
    files = {f"{place}shop/__init__.py": "", f"{place}shop/cart.py": "x = 1", f"{project}pyproject.toml": ""}
    files |= {f"{SITE}/shop/__init__.py": "", f"{SITE}/shop/cart.py": "x = 2"}
    files |= {"tests/test_x.py": "import shop.cart\ndef test_a(): pass"}
    found = suite(files, env={"PYTHONPATH": str(tmp_path / "tree" / SITE)})
    assert "module shop.cart was loaded from" in (found.verdict.reason or "")


def test_a_stale_copy_of_a_package_without_a_project_file_is_known_by_its_lines(suite, tmp_path):
    lines = [f"value_{number} = {number}" for number in range(12)]
    files = {"backend/shop.py": "\n".join(lines), f"{SITE}/shop.py": "\n".join(lines[:11])}
    files |= {"tests/test_x.py": "import shop\ndef test_a(): pass"}
    env = {"PYTHONPATH": str(tmp_path / "tree" / SITE)}
    assert "module shop was loaded from" in (suite(files, env=env).verdict.reason or "")
    other = {f"{SITE}/shop.py": "\n".join(f"other_{number} = 1" for number in range(12))}
    assert suite({**files, **other}, env=env).verdict.verdict == "pass"


def test_a_vendored_copy_of_an_installed_library_is_no_alarm(suite, tmp_path):
    lines = [f"value_{number} = {number}" for number in range(12)]
    files = {"app/_vendor/yaml.py": "\n".join(lines), f"{SITE}/yaml.py": "\n".join(lines[:11])}
    files |= {"test_x.py": "import yaml\ndef test_a(): pass"}
    assert suite(files, env={"PYTHONPATH": str(tmp_path / "tree" / SITE)}).verdict.verdict == "pass"


@pytest.mark.parametrize("command", [PYTEST, f"{PYTEST} {WORKERS}1", f"{sys.executable} -m unittest test_x"])
@pytest.mark.parametrize("failing", ["", "\n    def test_b(self): self.fail()"])
def test_a_module_of_the_checkout_is_foreign_in_any_layout(suite, tmp_path, command, failing):
    write(tmp_path / "checkout" / "deep" / "down", {"odd.py": "x = 1"})
    text = f"import unittest, odd\nclass T(unittest.TestCase):\n    def test_a(self): pass{failing}"
    env = {"PYTHONPATH": str(tmp_path / "checkout" / "deep" / "down")}
    found = suite({"test_x.py": text}, command, env=env)
    assert found.verdict.verdict == "inconclusive"
    assert "module odd was loaded from" in (found.verdict.reason or "")


def test_a_module_of_the_checkout_that_a_test_unloads_is_foreign(suite, tmp_path):
    write(tmp_path / "checkout", {"odd.py": "x = 1"})
    text = "import sys, odd\ndef test_a(): del sys.modules['odd']"
    found = suite({"test_x.py": text}, env={"PYTHONPATH": str(tmp_path / "checkout")})
    assert "module odd was loaded from" in (found.verdict.reason or "")


@pytest.mark.parametrize("place", [".venv/lib/python3/site-packages", "env/lib/python3"])
def test_libraries_of_an_environment_in_the_checkout_are_no_alarm(suite, tmp_path, place):
    top = place.partition("/")[0]
    write(tmp_path / "checkout", {f"{place}/library.py": "", f"{top}/pyvenv.cfg": ""})
    env = {"PYTHONPATH": str(tmp_path / "checkout" / place)}
    assert suite({"test_x.py": "import library\ndef test_a(): pass"}, env=env).verdict.verdict == "pass"


@pytest.mark.parametrize("command", [PYTEST, f"{PYTEST} {WORKERS}2", f"{sys.executable} -m unittest test_x"])
def test_the_report_names_the_files_of_the_tree_that_were_loaded(suite, command):
    files = {"shop/__init__.py": "", "shop/cart.py": "", "shop/unused.py": ""}
    text = "import unittest, shop.cart\nclass T(unittest.TestCase):\n    def test_a(self): pass"
    found = suite({**files, "test_x.py": text}, command)
    assert found.report.loaded == {"shop/__init__.py", "shop/cart.py", "test_x.py"}


def test_where_the_runner_cannot_tell_what_was_loaded_is_unknown(suite):
    assert suite({}, "true").report.loaded is None


def test_the_checkout_is_not_named_to_the_code_under_test(suite):
    text = "import os\ndef test_a(): assert 'SUPERTEAM_CHECKOUT' not in os.environ"
    assert suite({"test_x.py": text}).verdict.verdict == "pass"
    assert suite({}, "! env | grep -q SUPERTEAM_CHECKOUT", expected=Shape(Granularity.COMMAND)).exit.code == 0


def test_names_that_the_tree_only_shares_with_others_are_no_alarm(suite):
    files = {
        "types.py": "raise RuntimeError",
        "docs/conf.py": "",
        "tests/conftest.py": "",
        "tests/test_x.py": "import json, types\ndef test_a(): pass",
    }
    found = suite(files, f"{PYTEST} --import-mode=importlib", env={"PYTHONSAFEPATH": "1"})
    assert (found.verdict.verdict, found.report.foreign_modules) == ("pass", ())


# Commands that are no pytest


def test_an_unknown_command_is_its_own_only_test(suite):
    found = suite({}, "echo fine")
    assert (found.report.granularity, found.verdict.verdict) == (Granularity.COMMAND, "pass")
    failed = suite(
        {}, "echo 'ValueError: 12 is wrong' >&2; exit 3", only={"echo 'ValueError: 12 is wrong' >&2; exit 3"}
    )
    assert failed.verdict.verdict == "fail"
    (result,) = failed.report.tests.values()
    assert result.signature == "ValueError: <n> is wrong"


def test_printed_lines_name_tests_but_prove_little(suite):
    found = suite({}, r"printf '  ✓ adds (2 ms)\n  ✓ subtracts\n'")
    assert (found.verdict.verdict, found.verdict.confidence) == ("pass", "low")
    assert list(found.report.tests) == ["adds", "subtracts"]


def test_a_printed_failure_with_exit_0_is_inconclusive(suite):
    assert suite({}, r"printf '✗ adds\n'").verdict.verdict == "inconclusive"


def test_only_some_printed_tests_are_asked_for(suite):
    found = suite({}, r"printf '✓ adds\n✗ fails\n'; exit 1", only={"adds"}, expected=Shape(Granularity.TEXT))
    assert (found.verdict.verdict, list(found.report.tests)) == ("pass", ["adds"])


def test_less_than_at_the_baseline_is_inconclusive(suite):
    assert "less is known" in (suite({}, "true", expected=Shape(Granularity.TEXT)).verdict.reason or "")
    assert suite({}, "true", expected=Shape(Granularity.TESTS)).verdict.verdict == "inconclusive"


def test_a_command_that_was_one_test_stays_one_test(suite):
    found = suite({"test_x.py": "def test_a(): pass"}, f"{PYTEST} | cat", expected=Shape(Granularity.COMMAND))
    assert (found.verdict.verdict, found.report.granularity) == ("pass", Granularity.COMMAND)


def test_outputs_and_reports_are_private_and_outside_of_the_tree(suite, tmp_path):
    found = suite({"test_x.py": "def test_a(): pass"})
    output = Path(found.output)
    assert "1 passed" in output.read_text()
    assert tmp_path / "outputs" in output.parents
    assert output.parent.stat().st_mode & 0o077 == 0


def older_pythons() -> list[str]:
    found = sorted(Path.home().glob(".pyenv/versions/3.8*/bin/python")) if "HOME" in os.environ else []
    return [str(path) for path in found]


@pytest.mark.parametrize("python", older_pythons())
def test_the_plugin_is_understood_by_old_interpreters(python):
    plugin = Path(__file__).parents[2] / "superteam/runners/plugin/superteam_pytest_plugin.py"
    code = "import ast, sys; ast.parse(open(sys.argv[1]).read())"
    assert subprocess.run([python, "-c", code, str(plugin)], check=False).returncode == 0
