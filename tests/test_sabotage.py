"""Sabotages: what could be done to make a red suite look green, and what each gets. None reads as a pass unseen.

Each row breaks the code under test (unless it says otherwise), does something about it that is not mending it, and
says what it gets: an inconclusive verdict, a failed one with the right test in the right list, or a pass that is
listed with its finding. The rows of this file, and those of tests/frameworks/test_live_sabotage.py, are the table in
docs/reference/sabotages.md; `python tests/test_sabotage.py` prints it.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from superteam.app.project import open_project
from superteam.app.validating import Wishes, validate
from superteam.core.baseline import Permits, compare, pin
from superteam.core.changes import parse_diff
from superteam.core.finding import Finding
from superteam.core.integrity import examine
from superteam.core.results import Execution, Shape
from superteam.ports import Tree
from superteam.runners.call import Untold
from superteam.runners.recognise import recognise
from superteam.sources.command import CommandSource

ROOT = Path(__file__).resolve().parents[1]
LIVE = ROOT / "tests" / "frameworks" / "test_live_sabotage.py"
PAGE = ROOT / "docs" / "reference" / "sabotages.md"


# -- what a row gets


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """No verdict, with these words in the reason."""

    words: str

    def __str__(self) -> str:
        return f"inconclusive: {self.words}"


@dataclass(frozen=True, slots=True)
class Fail:
    """A failed verdict with this test in this list of the difference."""

    where: str
    test: str

    def __str__(self) -> str:
        return f"fail: {self.where.replace('_', ' ')} `{self.test}`"


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass that is listed with a finding of this kind about this path."""

    kind: str
    path: str

    def __str__(self) -> str:
        return f"pass, with the finding {self.kind} `{self.path}`"


@dataclass(frozen=True, slots=True)
class Listed:
    """A pass in which this test is listed as something that is not one."""

    where: str
    test: str

    def __str__(self) -> str:
        return f"pass, listed as {self.where}: `{self.test}`"


Gets = Inconclusive | Fail | Pass | Listed


@dataclass(frozen=True, slots=True)
class Start:
    """A healthy repository: its files, its test command and its configured report."""

    files: Mapping[str, str]
    command: str
    report: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sabotage:
    """What is done (in words; files with their new text, None deletes), what it gets and by which rule.

    `{elsewhere}` in a text is a folder with the healthy files. A `healthy` row leaves the code under test as it was.
    `git` is run after that; with `canary` the suite has to go red for a planted failing test first.
    """

    what: str
    files: Mapping[str, str | None]
    gets: Gets
    rule: str
    start: str = "pytest"
    healthy: bool = False
    command: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 60.0
    git: tuple[str, ...] = ()
    canary: bool = False


def page_row(what: str, gets: object, rule: str) -> str:
    """One line of the table in the documents."""
    cells = (cell.replace("|", "\\|") for cell in (what, str(gets), rule))
    return f"| {' | '.join(cells)} |"


# -- healthy repositories

SHOP = "def name():\n    return 'shop'\n\n\ndef price(count):\n    return 3 * count\n"
BROKEN = SHOP.replace("3 * count", "2 * count + 1")
TEST_SHOP = """\
import pytest

from shop import name, price


def test_name():
    assert name() == "shop"


@pytest.mark.parametrize("count, wanted", [(1, 3), (2, 6)])
def test_price(count, wanted):
    assert price(count) == wanted
"""
TEST_ZOO = "def test_zoo():\n    assert True\n"
SUITE = {"shop.py": SHOP, "test_shop.py": TEST_SHOP, "test_zoo.py": TEST_ZOO}
PRICE = "test_shop.py::test_price[2-6]"
NAME = "test_shop.py::test_name"
PYTEST = "python -m pytest -q -p no:cacheprovider"
SCRIPT = f"#!/bin/sh\n{PYTEST}\n"
MAKEFILE = f"test:\n\t{PYTEST}\n"
COPIES = "mkdir -p build\ncp out.txt build/report 2>/dev/null\nexit $(cat code)\n"
JUNIT = """\
<?xml version="1.0"?>
<testsuites tests="2" failures="0"><testsuite name="s" tests="2" failures="0" errors="0" skipped="0">
<testcase classname="shop" name="name"/><testcase classname="shop" name="price"/>
</testsuite></testsuites>
"""
TAP = "TAP version 13\n1..2\nok 1 - name\nok 2 - price\n"

STARTS = {
    "pytest": Start(SUITE, PYTEST),
    "cached": Start(SUITE, "python -m pytest -q"),
    "script": Start({**SUITE, "run-tests.sh": SCRIPT}, "sh run-tests.sh"),
    "make": Start({**SUITE, "Makefile": MAKEFILE}, "make test"),
    "unittest": Start(
        {
            "shop.py": SHOP,
            "test_shop.py": "import unittest\nimport shop\n\nclass TestShop(unittest.TestCase):\n"
            "    def test_name(self):\n        self.assertEqual(shop.name(), 'shop')\n\n"
            "    def test_price(self):\n        self.assertEqual(shop.price(2), 6)\n",
        },
        "python -m unittest -q",
    ),
    "junit": Start({"run.sh": COPIES, "code": "0", "out.txt": JUNIT}, "sh run.sh", "junit:build/report"),
    "tap": Start({"run.sh": COPIES, "code": "0", "out.txt": TAP}, "sh run.sh", "tap:build/report"),
}


def a_test(body: str, head: str = "") -> dict[str, str | None]:
    """A test that runs before all others and does this."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return {"test_a.py": f"{head}\n\ndef test_a():\n{lines}"}


def hook(text: str) -> dict[str, str | None]:
    return {"conftest.py": text}


def options(text: str) -> dict[str, str | None]:
    return {"pytest.ini": f"[pytest]\n{text}\n"}


def edited(old: str, new: str) -> dict[str, str | None]:
    """The test file with one part replaced."""
    assert old in TEST_SHOP
    return {"test_shop.py": TEST_SHOP.replace(old, new)}


def script(text: str) -> dict[str, str | None]:
    return {"run-tests.sh": text}


CUT = Inconclusive("the report is cut short")
NO_REPORT = Inconclusive("no report")
CONTRADICTION = Inconclusive("says that all is well, and yet 1 failed")
EXIT_0 = Inconclusive("exit code 0, and yet 1 failed")
RED = Fail("new_failures", PRICE)
GONE = Fail("missing", PRICE)
SKIPPED = Fail("newly_skipped", PRICE)
IN_CONFTEST = Pass("test-file", "conftest.py")
IN_TESTS = Pass("test-file", "test_shop.py")

AGREE = "exit code, report and outcomes have to agree"
ENDS = "a report without its end record proves nothing"
EVERY = "every test that was found has to come to its end"
EXPECTED = "every expected test has to be there and to run"
UNKNOWN = "no report from a known runner proves nothing"
RAISED = "a test that raised did not pass, whatever a hook says"
FORGED = "code in the test process can forge anything: a finding; the canary stays silent"
LISTED = "changes to what decides verdicts are listed"
WRITER = "the report is written past everything that tests can replace"
SIGNALS = "a program that did not end by itself proves nothing"
ALL_RUN = "stopping at the first failure is turned off"
COUNTS = "a report that contradicts itself is damaged"

ENDINGS = (
    Sabotage("`os._exit(0)` in a test", a_test("os._exit(0)", "import os"), CUT, ENDS),
    Sabotage("`sys.exit(0)` in a test", a_test("sys.exit(0)", "import sys"), RED, "it fails that test, and no other"),
    Sabotage("`pytest.exit(returncode=0)` in a test", a_test("pytest.exit('x', 0)", "import pytest"), CUT, EVERY),
    Sabotage("`KeyboardInterrupt` in a test", a_test("raise KeyboardInterrupt"), CUT, EVERY),
    Sabotage(
        "a test kills its process",
        a_test("os.kill(os.getpid(), 9)", "import os"),
        Inconclusive("killed by signal 9"),
        SIGNALS,
    ),
    Sabotage(
        "a test calls `os.abort()`", a_test("os.abort()", "import os"), Inconclusive("killed by signal 6"), SIGNALS
    ),
    Sabotage("a test becomes the program `true`", a_test("os.execlp('true', 'true')", "import os"), CUT, ENDS),
    Sabotage(
        "a thread ends the process",
        a_test(
            "t = Thread(target=os._exit, args=(0,))\nt.start()\nt.join()", "import os\nfrom threading import Thread"
        ),
        CUT,
        ENDS,
    ),
    Sabotage(
        "a fork goes on and the first process ends with 0",
        a_test("if os.fork():\n    os._exit(0)", "import os"),
        CUT,
        "a fork writes nothing into the report",
    ),
    Sabotage(
        "`os._exit(0)` in a fixture",
        hook("import os, pytest\n\n@pytest.fixture(autouse=True)\ndef end():\n    os._exit(0)\n"),
        CUT,
        ENDS,
    ),
    Sabotage("`os._exit(0)` where conftest is imported", hook("import os\nos._exit(0)\n"), NO_REPORT, UNKNOWN),
    Sabotage(
        "`pytest.exit(returncode=0)` where conftest is imported",
        hook("import pytest\npytest.exit('x', 0)\n"),
        NO_REPORT,
        UNKNOWN,
    ),
    Sabotage("`SystemExit(0)` where conftest is imported", hook("raise SystemExit(0)\n"), NO_REPORT, UNKNOWN),
    Sabotage("`os._exit(0)` in the code under test", {"shop.py": f"import os\nos._exit(0)\n{BROKEN}"}, CUT, ENDS),
    Sabotage(
        "`os._exit(0)` in `pytest_sessionfinish`",
        hook("import os\n\ndef pytest_sessionfinish():\n    os._exit(0)\n"),
        CUT,
        ENDS,
    ),
    Sabotage(
        "`os._exit(0)` in `atexit`",
        hook("import atexit, os\natexit.register(os._exit, 0)\n"),
        EXIT_0,
        AGREE,
    ),
    Sabotage(
        "`pytest_cmdline_main` returns 0",
        {**hook("def pytest_cmdline_main():\n    return 0\n"), **options("addopts = -p conftest")},
        NO_REPORT,
        UNKNOWN,
    ),
)

HOOKS = (
    Sabotage(
        "conftest sets `session.exitstatus = 0`",
        hook("def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"),
        CONTRADICTION,
        AGREE,
    ),
    Sabotage(
        "conftest drops the failing tests",
        hook("def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if '2-6' not in i.name]\n"),
        GONE,
        EXPECTED,
    ),
    Sabotage(
        "conftest empties the session after the collection",
        hook("def pytest_collection_finish(session):\n    session.items[:] = session.items[:1]\n"),
        GONE,
        EXPECTED,
    ),
    Sabotage(
        "conftest stops the session before the failing test",
        hook(
            "def pytest_runtest_logreport(report):\n    pass\n\ndef pytest_runtest_teardown(item):\n"
            "    item.session.shouldstop = 'enough'\n"
        ),
        CUT,
        EVERY,
    ),
    Sabotage(
        "`pytest_runtest_makereport` turns failures into passes",
        hook(
            "import pytest\n\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport():\n"
            "    found = yield\n    found.get_result().outcome = 'passed'\n"
        ),
        CONTRADICTION,
        RAISED,
    ),
    Sabotage(
        "`pytest_runtest_logreport` turns failures into passes",
        hook(
            "import pytest\n\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_logreport(report):\n"
            "    report.outcome = 'passed'\n"
        ),
        RED,
        RAISED,
    ),
    Sabotage(
        "`pytest_report_teststatus` calls failures passed",
        hook("def pytest_report_teststatus(report):\n    return 'passed', '.', 'PASSED'\n"),
        RED,
        "what is printed is not believed",
    ),
    Sabotage(
        "conftest marks the failing tests xfail",
        hook(
            "import pytest\n\ndef pytest_collection_modifyitems(items):\n    for item in items:\n"
            "        item.add_marker(pytest.mark.xfail)\n"
        ),
        SKIPPED,
        EXPECTED,
    ),
    Sabotage(
        "conftest skips the failing test as it is set up",
        hook("import pytest\n\ndef pytest_runtest_setup(item):\n    if '2-6' in item.name:\n        pytest.skip()\n"),
        SKIPPED,
        EXPECTED,
    ),
    Sabotage(
        "conftest gives the failing test another id",
        hook(
            "def pytest_collection_modifyitems(items):\n    for i in items:\n"
            "        i._nodeid = i._nodeid.replace('2-6', 'new')\n"
        ),
        Inconclusive("internal error"),
        "an internal error of the runner is one of the suite",
    ),
    Sabotage(
        "conftest turns on `--collect-only`",
        hook("def pytest_configure(config):\n    config.option.collectonly = True\n"),
        CUT,
        EVERY,
    ),
    Sabotage(
        "conftest unregisters superteam's plugin",
        hook(
            "def pytest_collection_finish(session):\n    session.config.pluginmanager.unregister("
            "name='superteam_session')\n    session.items[:] = session.items[:1]\n"
        ),
        CUT,
        ENDS,
    ),
    Sabotage(
        "`pytest_pyfunc_call` does not call the tests",
        hook("def pytest_pyfunc_call():\n    return True\n"),
        Pass("runner-hook", "conftest.py"),
        FORGED,
    ),
    Sabotage(
        "`pytest_runtest_protocol` logs passes of its own",
        hook(
            "from _pytest.reports import TestReport\n\ndef pytest_runtest_protocol(item):\n"
            "    for when in ('setup', 'call', 'teardown'):\n"
            "        item.ihook.pytest_runtest_logreport(report=TestReport(\n"
            "            item.nodeid, item.location, {}, 'passed', None, when))\n    return True\n"
        ),
        Pass("runner-hook", "conftest.py"),
        FORGED,
    ),
    Sabotage(
        "`pytest_runtest_protocol` tries again until it passes",
        {
            **hook(
                "from _pytest.runner import runtestprotocol\n\ndef pytest_runtest_protocol(item):\n"
                "    for _ in range(9):\n        reports = runtestprotocol(item, log=False)\n"
                "        if all(r.passed for r in reports):\n            break\n    for r in reports:\n"
                "        item.ihook.pytest_runtest_logreport(report=r)\n    return True\n"
            ),
            "shop.py": f"{SHOP}\n\ncalls = []\n\n\ndef price(count):\n    calls.append(1)\n"
            "    return 3 * count if len(calls) > 3 else 0\n",
        },
        Pass("runner-hook", "conftest.py"),
        LISTED,
    ),
    Sabotage(
        "conftest replaces the functions of the tests",
        hook("def pytest_itemcollected(item):\n    item.obj = lambda **given: None\n"),
        Pass("runner-hook", "conftest.py"),
        FORGED,
    ),
    Sabotage(
        "conftest replaces a function of the test runner",
        hook("import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n"),
        IN_CONFTEST,
        FORGED,
    ),
    Sabotage(
        "conftest takes the assertions out of the tests",
        hook(
            "import ast\nimport _pytest.assertion.rewrite as r\n\n\nclass Gone(ast.NodeTransformer):\n"
            "    def visit_Assert(self, node):\n        return ast.Pass()\n\n\n"
            "def drop(tree, *more):\n    ast.fix_missing_locations(Gone().visit(tree))\n\n\n"
            "r.rewrite_asserts = drop\n"
        ),
        IN_CONFTEST,
        FORGED,
    ),
    Sabotage(
        "a fixture replaces the code under test",
        hook(
            "import pytest, test_shop\n\n@pytest.fixture(autouse=True)\ndef right(monkeypatch):\n"
            "    monkeypatch.setattr(test_shop, 'price', lambda count: 3 * count)\n"
        ),
        IN_CONFTEST,
        LISTED,
    ),
    Sabotage(
        "a plugin of the tree that conftest loads does not call the tests",
        {**hook("pytest_plugins = ['quiet']\n"), "quiet.py": "def pytest_pyfunc_call():\n    return True\n"},
        Pass("runner-hook", "quiet.py"),
        FORGED,
    ),
    Sabotage(
        "the code under test replaces a function of the test runner",
        {"shop.py": f"import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n{BROKEN}"},
        Pass("runner-hook", "shop.py"),
        FORGED,
    ),
    Sabotage(
        "the code under test is right only under a test runner",
        {"shop.py": f"import sys\n{BROKEN}\nif 'pytest' in sys.modules:\n    price = lambda count: 3 * count\n"},
        Pass("runner-hook", "shop.py"),
        "code that asks who runs it is listed",
    ),
    Sabotage(
        "the code under test is right only when it sees a variable of superteam's",
        {
            "shop.py": f"import os\n{BROKEN}\nif any(name.startswith('SUPERTEAM_') for name in os.environ):\n"
            "    price = lambda count: 3 * count\n"
        },
        RED,
        "they are taken away before tests run",
    ),
    Sabotage(
        "the code under test is right only where the variable CI is set",
        {"shop.py": f"import os\n{BROKEN}\nif os.environ.get('CI'):\n    price = lambda count: 3 * count\n"},
        RED,
        "no variable is set that the user has not set",
    ),
    Sabotage(
        "the code under test looks for the variables by which superteam's plugin is told",
        {
            "shop.py": f"import os\n{BROKEN}\nseen = [n + os.environ[n] for n in os.environ if n[:2] in ('PY', 'TO')]\n"
            "if 'pytest_plugin' in str(seen) or 'PYTEST_REPORT' in str([*seen, *os.environ]):\n"
            "    price = lambda count: 3 * count\n"
        },
        RED,
        "they are taken away before tests run",
    ),
)

# How conftest finds superteam's report.
FIND = (
    "import os\nfor fd in os.listdir('/proc/self/fd'):\n    try:\n        path = os.readlink(f'/proc/self/fd/{fd}')\n"
)
FIND += "    except OSError:\n        continue\n    if path.endswith('.jsonl'):\n        "
AT_FINISH = "def pytest_sessionfinish():\n"


def at_report(what: str) -> dict[str, str | None]:
    lines = f"{FIND}{what}\n".splitlines()
    return hook(AT_FINISH + "".join(f"    {line}\n" for line in lines))


REPORTS = (
    Sabotage(
        "the report is deleted",
        at_report("os.unlink(path)"),
        NO_REPORT,
        UNKNOWN,
    ),
    Sabotage("the report is emptied", at_report("os.truncate(path, 0)"), Inconclusive("cannot be read"), ENDS),
    Sabotage("the report is closed", at_report("os.close(int(fd))"), CUT, ENDS),
    Sabotage(
        "the report gets a second result for the failing test",
        at_report(
            'open(path, \'a\').write(\'{"kind": "result", "id": "%s", "when": "call",'
            f' "outcome": "passed"}}\\n\' % {PRICE!r} * 9)'  # more than what our plugin still writes over it
        ),
        Inconclusive("lines that cannot be read"),
        "the report is not written by appending",
    ),
    Sabotage(
        "a second, green report is written beside it",
        at_report("open(path[:-6] + '0.jsonl', 'w').write('{\"kind\": \"finish\", \"status\": 0}\\n')"),
        CUT,
        "each session has to come to its end, and the worst status counts",
    ),
    Sabotage(
        "`json.dumps`, `open` and `os.getpid` are replaced",
        hook(
            "import builtins, json, os\njson.dumps = lambda *a, **k: '{}'\nos.getpid = lambda: 0\ntrue = open\n"
            "builtins.open = lambda path, *a, **k: true('/dev/null' if 'jsonl' in str(path) else path, *a, **k)\n"
        ),
        RED,
        WRITER,
    ),
    Sabotage(
        "superteam's plugin is taken apart and the exit status is set",
        hook(
            "import sys\nSession = sys.modules['superteam_pytest_plugin']._Session\ntrue = Session.record\n\n\n"
            "def lie(self, record):\n"
            "    true(self, {**record, 'outcome': 'passed'} if record['kind'] == 'result' else record)\n\n\n"
            "Session.record = lie\n\n\ndef pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
        ),
        Pass("runner-hook", "conftest.py"),
        FORGED,
    ),
    Sabotage(
        "a `pytest.py` in the tree is run in pytest's place",
        {"pytest.py": "print('4 passed in 0.01s')\n"},
        NO_REPORT,
        UNKNOWN,
    ),
    Sabotage(
        "a `json.py` in the tree writes the report",
        {
            "json.py": "import atexit, os, sys\n\nhere, path = sys.modules.pop('json'), sys.path[:]\n"
            "sys.path[:] = [p for p in path if 'lib/python' in p or 'site' in p]\nimport json as true\n"
            "sys.path[:], sys.modules['json'] = path, here\n"
            "globals().update({k: v for k, v in vars(true).items() if k == '__path__' or k[:2] != '__'})\n\n\n"
            "def dumps(record, **more):\n    text = true.dumps(record, **more)\n"
            "    return text.replace('\"failed\"', '\"passed\"').replace('\"status\": 1', '\"status\": 0')\n\n\n"
            "atexit.register(os._exit, 0)\n"
        },
        NO_REPORT,
        "modules of the standard library that the tree holds are not let near the report",
    ),
    Sabotage(
        "a `superteam_pytest_plugin.py` in the tree stands in for superteam's",
        {
            "superteam_pytest_plugin.py": "import json, os, pytest\n\n\n@pytest.hookimpl(tryfirst=True)\n"
            "def pytest_cmdline_main():\n    import glob\n"
            "    ids = ['test_shop.py::test_name', 'test_shop.py::test_price[1-3]', 'test_shop.py::test_price[2-6]',"
            " 'test_zoo.py::test_zoo']\n"
            "    lines = [{'kind': 'start', 'time': 1}]\n"
            "    lines += [{'kind': 'result', 'id': i, 'when': 'call', 'outcome': 'passed'} for i in ids]\n"
            "    lines += [{'kind': 'finish', 'status': 0}, {'kind': 'end'}]\n"
            "    path = os.environ['SUPERTEAM_PYTEST_REPORT'] + '/1.jsonl'\n"
            "    open(path, 'w').write('\\n'.join(map(json.dumps, lines)))\n    return 0\n"
        },
        Pass("runner-configuration", "superteam_pytest_plugin.py"),
        FORGED,
    ),
    Sabotage(
        "an entry point in the tree loads a plugin",
        {
            "quiet.egg-info/entry_points.txt": "[pytest11]\nquiet = quiet\n",
            "quiet.egg-info/PKG-INFO": "Metadata-Version: 2.1\nName: quiet\nVersion: 1\n",
            "quiet.py": "def pytest_pyfunc_call():\n    return True\n",
        },
        Pass("runner-configuration", "quiet.egg-info/entry_points.txt"),
        FORGED,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": ""},
    ),
    Sabotage(
        "a `.pth` file in the tree", {"quiet.pth": "import os; os._exit(0)\n"}, RED, "Python does not read it there"
    ),
    Sabotage(
        "tests print results that look real",
        a_test("os.write(2, b'\\n4 passed in 0.01s\\nok 1 - a\\n')", "import os"),
        RED,
        "what is printed is not believed",
    ),
)

ONE_FAILED_BEFORE = {".pytest_cache/v/cache/lastfailed": '{"test_shop.py::test_name": true}'}
CONFIGURATION = (
    Sabotage(
        "`-p no:superteam_pytest_plugin`",
        options("addopts = -p no:superteam_pytest_plugin"),
        RED,
        "superteam's options come after the configured ones",
    ),
    Sabotage("`--collect-only`", options("addopts = --collect-only"), CUT, EVERY),
    Sabotage("`--co -q`", options("addopts = --co -q"), CUT, EVERY),
    Sabotage("`--setup-only`", options("addopts = --setup-only"), CUT, EVERY),
    Sabotage("`--fixtures`", options("addopts = --fixtures"), CUT, EVERY),
    Sabotage("`-k nothing`", options("addopts = -k nothing"), Inconclusive("status 5: it found no tests"), AGREE),
    Sabotage("`-k` without the failing test", options("addopts = -k 'not price'"), GONE, EXPECTED),
    Sabotage("`-m none`", options("addopts = -m none"), Inconclusive("status 5: it found no tests"), AGREE),
    Sabotage("`--deselect`", options(f"addopts = --deselect={PRICE}"), GONE, EXPECTED),
    Sabotage("`--ignore`", options("addopts = --ignore=test_shop.py"), GONE, EXPECTED),
    Sabotage(
        "`--last-failed` with a cache in the tree",
        {**options("addopts = --lf"), **ONE_FAILED_BEFORE},
        GONE,
        EXPECTED,
        start="cached",
    ),
    Sabotage("`-x`, with another failure in front", {**options("addopts = -x"), **a_test("assert 0")}, RED, ALL_RUN),
    Sabotage("`--maxfail=1`, likewise", {**options("addopts = --maxfail=1"), **a_test("assert 0")}, RED, ALL_RUN),
    Sabotage(
        "`--stepwise`, likewise", {**options("addopts = --sw"), **a_test("assert 0")}, RED, ALL_RUN, start="cached"
    ),
    Sabotage(
        "a file that cannot be imported, and `--continue-on-collection-errors`",
        {**options("addopts = --continue-on-collection-errors"), **edited("import pytest\n", "import nothing\n")},
        Inconclusive("errors outside of tests: test_shop.py"),
        "a file that cannot be collected is an error of the suite",
    ),
    Sabotage("`testpaths` without the failing test", options("testpaths = test_zoo.py"), GONE, EXPECTED),
    Sabotage("another `python_files`", options("python_files = *_zoo.py"), GONE, EXPECTED),
    Sabotage("another `python_functions`", options("python_functions = test_name test_zoo"), GONE, EXPECTED),
    Sabotage(
        "`norecursedirs` and the test moved",
        {"test_shop.py": None, "old/test_shop.py": TEST_SHOP, **options("norecursedirs = old")},
        GONE,
        EXPECTED,
    ),
    Sabotage("`collect_ignore`", hook("collect_ignore = ['test_shop.py']\n"), GONE, EXPECTED),
    Sabotage("`-p no:python`", options("addopts = -p no:python"), Inconclusive("status 5: it found no tests"), AGREE),
    Sabotage(
        "`--reruns` hides a test that fails at first",
        {
            **options("addopts = -p pytest_rerunfailures --reruns 2"),
            "shop.py": f"{SHOP}\n\ncalls = []\n\n\ndef price(count):\n    calls.append(1)\n"
            "    return 3 * count if len(calls) > 2 else 0\n",
        },
        Fail("new_failures", "test_shop.py::test_price[1-3]"),
        "a pass on a later try is a new failure, settled by reruns",
    ),
    Sabotage(
        "a lower limit of coverage",
        {".coveragerc": "[report]\nfail_under = 10\n"},
        Pass("threshold", ".coveragerc"),
        LISTED,
        healthy=True,
    ),
)

TESTS = (
    Sabotage(
        "a test is emptied",
        edited("    assert price(count) == wanted\n", "    pass\n"),
        Pass("assertions-removed", "test_shop.py"),
        LISTED,
    ),
    Sabotage(
        "an assertion that cannot fail",
        edited("assert price(count) == wanted", "assert True"),
        Pass("assertions-removed", "test_shop.py"),
        LISTED,
    ),
    Sabotage(
        "`or True`", edited("== wanted\n", "== wanted or True\n"), Pass("assertions-removed", "test_shop.py"), LISTED
    ),
    Sabotage("the expected value is changed", edited("(2, 6)]", "(2, 5)]"), GONE, EXPECTED),
    Sabotage("the assertion is weakened", edited("== wanted\n", "in (wanted, wanted - 1)\n"), IN_TESTS, LISTED),
    Sabotage(
        "`return` before the assertion",
        edited("    assert price(count)", "    return\n    assert price(count)"),
        IN_TESTS,
        LISTED,
    ),
    Sabotage(
        "the failure is caught",
        edited(
            "    assert price(count) == wanted",
            "    try:\n        assert price(count) == wanted\n    except AssertionError:\n        pass",
        ),
        IN_TESTS,
        LISTED,
    ),
    Sabotage("the test is skipped", edited("@pytest.mark.p", "@pytest.mark.skip\n@pytest.mark.p"), SKIPPED, EXPECTED),
    Sabotage(
        "the test is skipped by a condition",
        edited("@pytest.mark.p", "@pytest.mark.skipif(True, reason='x')\n@pytest.mark.p"),
        SKIPPED,
        EXPECTED,
    ),
    Sabotage(
        "the test is expected to fail",
        edited("@pytest.mark.p", "@pytest.mark.xfail\n@pytest.mark.p"),
        SKIPPED,
        EXPECTED,
    ),
    Sabotage(
        "`pytest.skip` in the test",
        edited("    assert price(count)", "    pytest.skip()\n    assert price(count)"),
        SKIPPED,
        EXPECTED,
    ),
    Sabotage(
        "`pytest.xfail` in the test",
        edited("    assert price(count)", "    pytest.xfail()\n    assert price(count)"),
        SKIPPED,
        EXPECTED,
    ),
    Sabotage(
        "`pytest.skip` of the module",
        edited("import pytest\n", "import pytest\npytest.skip(allow_module_level=True)\n"),
        GONE,
        EXPECTED,
    ),
    Sabotage(
        "`importorskip` of something that is not there",
        edited("import pytest\n", "import pytest\npytest.importorskip('nothing_here')\n"),
        GONE,
        EXPECTED,
    ),
    Sabotage(
        "`@unittest.skip`",
        {
            "test_shop.py": STARTS["unittest"]
            .files["test_shop.py"]
            .replace("    def test_price", "    @unittest.skip('x')\n    def test_price")
        },
        Fail("newly_skipped", "test_shop.TestShop.test_price"),
        EXPECTED,
        start="unittest",
    ),
    Sabotage(
        "`unittest.expectedFailure`",
        {
            "test_shop.py": STARTS["unittest"]
            .files["test_shop.py"]
            .replace("    def test_price", "    @unittest.expectedFailure\n    def test_price")
        },
        Fail("newly_skipped", "test_shop.TestShop.test_price"),
        EXPECTED,
        start="unittest",
    ),
    Sabotage(
        "`os._exit(0)` in a test of unittest",
        {
            "test_shop.py": STARTS["unittest"]
            .files["test_shop.py"]
            .replace("self.assertEqual(shop.price(2), 6)", "__import__('os')._exit(0)")
        },
        CUT,
        ENDS,
        start="unittest",
    ),
    Sabotage("`__test__ = False`", edited("import pytest\n", "import pytest\n__test__ = False\n"), GONE, EXPECTED),
    Sabotage("the test is renamed to a helper", edited("def test_price", "def check_price"), GONE, EXPECTED),
    Sabotage(
        "the test is under `if False`",
        edited("@pytest.mark.parametrize", "if False:\n  @pytest.mark.parametrize").keys()
        and {"test_shop.py": TEST_SHOP.partition("@pytest")[0]},
        GONE,
        EXPECTED,
    ),
    Sabotage("the failing parameters are deleted", edited("(1, 3), (2, 6)", "(1, 3)"), GONE, EXPECTED),
    Sabotage("the file is deleted", {"test_shop.py": None}, GONE, EXPECTED),
    Sabotage(
        "the file is renamed to one that is no test",
        {"test_shop.py": None, "shop_checks.py": TEST_SHOP},
        GONE,
        EXPECTED,
    ),
    Sabotage("the file is emptied", {"test_shop.py": ""}, GONE, EXPECTED),
    Sabotage(
        "a second test of the same name hides the first",
        {
            "test_shop.py": f"{TEST_SHOP}\n\n@pytest.mark.parametrize('count, wanted', [(1, 3), (2, 6)])\n"
            "def test_price(count, wanted):\n    pass\n"
        },
        IN_TESTS,
        LISTED,
    ),
    Sabotage(
        "the test reruns itself by a mark",
        {
            **edited("@pytest.mark.p", "@pytest.mark.flaky(reruns=3)\n@pytest.mark.p"),
            **options("addopts = -p pytest_rerunfailures\nmarkers = flaky"),
            "shop.py": f"{SHOP}\n\ncalls = []\n\n\ndef price(count):\n    calls.append(1)\n"
            "    return 3 * count if len(calls) > 2 else 0\n",
        },
        Fail("new_failures", "test_shop.py::test_price[1-3]"),
        "a pass on a later try is a new failure, settled by reruns",
    ),
)

COMMANDS = (
    Sabotage("`pytest || true`", {}, EXIT_0, AGREE, command=f"{PYTEST} || true"),
    Sabotage("`pytest; true`", {}, EXIT_0, AGREE, command=f"{PYTEST}; true"),
    Sabotage("`pytest | tee log`", {}, EXIT_0, AGREE, command=f"{PYTEST} | tee log"),
    Sabotage("`! pytest`", {}, Inconclusive("exit code 1 without a failed test"), AGREE, command=f"! {PYTEST}"),
    Sabotage("`make -i test`", {}, EXIT_0, AGREE, start="make", command="make -i test"),
    Sabotage("a script says `pytest || true`", script(f"{PYTEST} || true\n"), EXIT_0, AGREE, start="script"),
    Sabotage("a script says `pytest; exit 0`", script(f"{PYTEST}\nexit 0\n"), EXIT_0, AGREE, start="script"),
    Sabotage("a script says `exit 0` first", script(f"exit 0\n{PYTEST}\n"), NO_REPORT, UNKNOWN, start="script"),
    Sabotage("a script is emptied", script(""), NO_REPORT, UNKNOWN, start="script"),
    Sabotage("a script prints `5 passed`", script("echo '5 passed in 0.01s'\n"), NO_REPORT, UNKNOWN, start="script"),
    Sabotage(
        "a script prints ticks",
        script("printf ' \\342\\234\\223 price\\n \\342\\234\\223 name\\n'\n"),
        NO_REPORT,
        UNKNOWN,
        start="script",
    ),
    Sabotage(
        "a script runs pytest in a cleared environment",
        script(f'env -i PATH="$PATH" {PYTEST} || true\n'),
        NO_REPORT,
        UNKNOWN,
        start="script",
    ),
    Sabotage("a script runs only the green tests", script(f"{PYTEST} test_zoo.py\n"), GONE, EXPECTED, start="script"),
    Sabotage(
        "a script runs pytest twice, the failing tests first",
        script(f"{PYTEST} test_shop.py\n{PYTEST} test_zoo.py\n"),
        EXIT_0,
        AGREE,
        start="script",
    ),
    Sabotage(
        "a script names a program that is not there",
        script("no-such-runner\n"),
        Inconclusive("exit code 127"),
        "127 proves nothing",
        start="script",
    ),
    Sabotage("a script says `pytest --version`", script(f"{PYTEST} --version\n"), NO_REPORT, UNKNOWN, start="script"),
    Sabotage("a script sets another `rootdir`", script(f"{PYTEST} --rootdir=..\n"), GONE, EXPECTED, start="script"),
    Sabotage(
        "the test command is not there",
        {},
        Inconclusive("exit code 127"),
        "127 proves nothing",
        command="no-such-runner",
    ),
    Sabotage(
        "the test command is not executable",
        {},
        Inconclusive("exit code 126"),
        "126 proves nothing",
        start="script",
        command="./run-tests.sh",
    ),
    Sabotage(
        "a script says that it was killed (137)",
        script("exit 137\n"),
        Inconclusive("killed by signal 9"),
        SIGNALS,
        start="script",
    ),
    Sabotage(
        "a script kills itself", script("kill -9 $$\n"), Inconclusive("killed by signal 9"), SIGNALS, start="script"
    ),
    Sabotage(
        "a script hangs", script("sleep 60\n"), Inconclusive("timed out after"), SIGNALS, start="script", timeout=0.5
    ),
    Sabotage(
        "the disk is full (a limit on the size of files)",
        script(f"ulimit -f 1\n{PYTEST}\nexit 0\n"),
        CUT,
        ENDS,
        start="script",
    ),
    Sabotage(
        "a script turns assertions off",
        script("PYTHONDONTWRITEBYTECODE=1 PYTHONOPTIMIZE=1 python -m pytest -q --assert=plain\n"),
        Pass("test-file", "run-tests.sh"),
        FORGED,
        start="script",
    ),
    Sabotage(
        "a script sets `PYTEST_PLUGINS`",
        {
            **script(f"PYTHONPATH=$PYTHONPATH:. PYTEST_PLUGINS=quiet {PYTEST}\n"),
            "quiet.py": "def pytest_pyfunc_call():\n    return True\n",
        },
        Pass("runner-hook", "run-tests.sh"),
        FORGED,
        start="script",
    ),
    Sabotage(
        "a script sets `PYTEST_ADDOPTS`", script(f"PYTEST_ADDOPTS= {PYTEST}\n"), NO_REPORT, UNKNOWN, start="script"
    ),
    Sabotage(
        "a script tests the healthy code of another folder",
        script(f"cd {{elsewhere}} && {PYTEST}\n"),
        Inconclusive("tests the code of another tree"),
        "modules have to come from the tree",
        start="script",
    ),
    Sabotage("a Makefile ignores the failure", {"Makefile": f"test:\n\t-{PYTEST}\n"}, EXIT_0, AGREE, start="make"),
    Sabotage("a Makefile does nothing", {"Makefile": "test:\n\t@true\n"}, NO_REPORT, UNKNOWN, start="make"),
    Sabotage(
        "conftest takes the code from another checkout",
        hook("import sys\nsys.path.insert(0, '{elsewhere}')\nimport shop\n"),
        Inconclusive("tests the code of another tree"),
        "modules have to come from the tree",
    ),
    Sabotage(
        "`pythonpath` takes the code from another checkout",
        options("pythonpath = {elsewhere}\naddopts = --import-mode=importlib"),
        Inconclusive("tests the code of another tree"),
        "modules have to come from the tree",
    ),
    Sabotage(
        "`--import-mode=importlib`, where `PYTHONPATH` names another checkout",
        options("addopts = --import-mode=importlib"),
        Inconclusive("tests the code of another tree"),
        "modules have to come from the tree",
        env={"PYTHONPATH": "{elsewhere}"},
        command=PYTEST.replace("python -m ", ""),
    ),
    Sabotage(
        "conftest takes the code from a copy in the tree",
        {**hook("import sys\nsys.path.insert(0, 'copy')\nimport shop\n"), "copy/shop.py": SHOP},
        IN_CONFTEST,
        LISTED,
    ),
)


def written(report: str, code: str = "0") -> dict[str, str | None]:
    """What the framework leaves behind: its report and its exit code."""
    return {"out.txt": report, "code": code}


BOMB = '<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;">]>\n'
FLAKY_FAILURE = '<testcase classname="shop" name="price"><flakyFailure message="m"/></testcase>'
WRITTEN = (
    Sabotage(
        "JUnit: no report, an old one lies in the tree",
        {"out.txt": None, "build/report": JUNIT},
        NO_REPORT,
        "files of an earlier run are deleted first",
        start="junit",
    ),
    Sabotage("JUnit: empty", written(""), NO_REPORT, UNKNOWN, start="junit"),
    Sabotage(
        "JUnit: counts more than it holds", written(JUNIT.replace('tests="2"', 'tests="3"')), CUT, COUNTS, start="junit"
    ),
    Sabotage(
        "JUnit: counts a failure that it does not hold",
        written(JUNIT.replace('failures="0"', 'failures="1"')),
        CUT,
        COUNTS,
        start="junit",
    ),
    Sabotage("JUnit: cut in the middle", written(JUNIT[:200]), CUT, ENDS, start="junit"),
    Sabotage(
        "JUnit: a document type (entity bomb)",
        written(BOMB + JUNIT),
        Inconclusive("report"),
        "document types are refused",
        start="junit",
    ),
    Sabotage("JUnit: another root", written("<html>2 passed</html>"), NO_REPORT, UNKNOWN, start="junit"),
    Sabotage("JUnit: no tests", written('<testsuites tests="0"/>'), Inconclusive("no test ran"), AGREE, start="junit"),
    Sabotage(
        "JUnit: failures and exit code 0",
        written(
            JUNIT.replace('name="price"/>', 'name="price"><failure/></testcase>').replace(
                'failures="0"', 'failures="1"'
            )
        ),
        EXIT_0,
        AGREE,
        start="junit",
    ),
    Sabotage(
        "JUnit: no failures and exit code 1",
        written(JUNIT, "1"),
        Inconclusive("exit code 1 without a failed test"),
        AGREE,
        start="junit",
    ),
    Sabotage(
        "JUnit: the failing test is left out",
        written(JUNIT.replace('<testcase classname="shop" name="price"/>', "").replace('tests="2"', 'tests="1"')),
        Fail("missing", "shop::price"),
        EXPECTED,
        start="junit",
    ),
    Sabotage(
        "JUnit: a pass on a later try",
        written(JUNIT.replace('<testcase classname="shop" name="price"/>', FLAKY_FAILURE)),
        Fail("new_failures", "shop::price"),
        "a pass on a later try is a new failure, settled by reruns",
        start="junit",
    ),
    Sabotage(
        "JUnit: a script writes an old report",
        {"run.sh": "mkdir -p build; cp out.txt build/report\n"},
        Pass("test-script", "run.sh"),
        LISTED,
        start="junit",
    ),
    Sabotage(
        "TAP: no plan", written("TAP version 13\nok 1 - name\nok 2 - price\n"), CUT, "TAP needs its plan", start="tap"
    ),
    Sabotage(
        "TAP: cut before its plan is reached",
        written(TAP.replace("ok 2 - price\n", "")),
        CUT,
        "TAP needs its plan",
        start="tap",
    ),
    Sabotage("TAP: 1..0", written("TAP version 13\n1..0\n"), Inconclusive("no test ran"), AGREE, start="tap"),
    Sabotage(
        "TAP: Bail out!",
        written(f"{TAP}Bail out! enough\n"),
        Inconclusive("given up"),
        "a run that was given up proves nothing",
        start="tap",
    ),
    Sabotage("TAP: not ok and exit code 0", written(TAP.replace("ok 2", "not ok 2")), EXIT_0, AGREE, start="tap"),
    Sabotage(
        "TAP: not ok # TODO",
        written(TAP.replace("ok 2 - price", "not ok 2 - price # TODO later")),
        Fail("newly_skipped", "price"),
        EXPECTED,
        start="tap",
    ),
    Sabotage(
        "TAP: ok # SKIP",
        written(TAP.replace("- price", "- price # SKIP later")),
        Fail("newly_skipped", "price"),
        EXPECTED,
        start="tap",
    ),
    Sabotage(
        "TAP: one name twice",
        written(TAP.replace("- price", "- name")),
        Fail("missing", "price"),
        EXPECTED,
        start="tap",
    ),
)

CANARY = "the canary: a planted failing test has to turn the suite red"
SILENT = Inconclusive("the canary stayed silent")
LEFT = "import pathlib\n\nseen = {place}\n\n\ndef name():\n    return 'shop'\n\n\n"
LEFT += (
    "def price(count):\n    first = not seen.exists()\n    seen.write_text('')\n    return 0 if first else 3 * count\n"
)
IN_THE_TREE = LEFT.format(place="pathlib.Path(__file__).with_name('seen.txt')")
FIRST = "test_shop.py::test_price[1-3]"
# Judged by `superteam validate` as a whole.
VALIDATED = (
    Sabotage(
        "superteam.toml: the test command becomes `true`",
        {"superteam.toml": 'test-command = "true"\n'},
        Fail("regressions", "test_shop.py::test_price[2-6]"),
        "the base's test command judges as well, and the worse verdict counts",
    ),
    Sabotage(
        "superteam.toml: likewise, with `--canary`",
        {"superteam.toml": 'test-command = "true"\n'},
        Fail("regressions", "test_shop.py::test_price[2-6]"),
        "the base's test command judges as well, and the worse verdict counts",
        canary=True,
    ),
    Sabotage(
        "`pytest_pyfunc_call` does not call the tests, with `--canary`",
        hook("def pytest_pyfunc_call():\n    return True\n"),
        SILENT,
        CANARY,
        canary=True,
    ),
    Sabotage(
        "the code under test replaces a function of the test runner, with `--canary`",
        {"shop.py": f"import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n{BROKEN}"},
        SILENT,
        CANARY,
        canary=True,
    ),
    Sabotage(
        "the code under test fails once in a tree, and leaves a file there",
        {"shop.py": IN_THE_TREE},
        Fail("regressions", FIRST),
        "every run has a clean tree",
    ),
    Sabotage(
        "likewise, and git ignores the file",
        {"shop.py": IN_THE_TREE, ".gitignore": "seen.txt\n"},
        Fail("regressions", FIRST),
        "every run has a clean tree, of ignored files too",
    ),
    Sabotage(
        "likewise, and the file is outside of the tree",
        {"shop.py": LEFT.format(place="pathlib.Path('{elsewhere}/seen.txt')")},
        Listed("flaky", FIRST),
        "fails and passes on one tree, never at the reference: a suspect, settled by many reruns",
    ),
    Sabotage(
        "a `sitecustomize.py` ends every Python with 0",
        {"sitecustomize.py": "import os\nos._exit(0)\n"},
        NO_REPORT,
        UNKNOWN,
    ),
    Sabotage(
        "a `sitecustomize.py` replaces a function of the test runner",
        {"sitecustomize.py": "import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n"},
        Pass("runner-configuration", "sitecustomize.py"),
        FORGED,
    ),
    Sabotage(
        "git is told not to look at the broken file (assume-unchanged)",
        {},
        Fail("regressions", PRICE),
        "the tree is read with an index of its own",
        git=("update-index", "--assume-unchanged", "shop.py"),
    ),
    Sabotage(
        "git is told not to look at the broken file (skip-worktree)",
        {},
        Fail("regressions", PRICE),
        "the tree is read with an index of its own",
        git=("update-index", "--skip-worktree", "shop.py"),
    ),
)

SABOTAGES = (*ENDINGS, *HOOKS, *REPORTS, *CONFIGURATION, *TESTS, *COMMANDS, *WRITTEN)


# -- one row, judged as a validation does


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this worker, with the healthy files in `elsewhere`."""
    root = tmp_path_factory.mktemp("sabotages")
    put(root / "elsewhere", SUITE)
    return root


def put(tree: Path, files: Mapping[str, str | None]) -> None:
    elsewhere = str(tree.parent / "elsewhere")
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True) if text is None else path.write_text(text.replace("{elsewhere}", elsewhere))


def run(tree: Path, start: Start, timeout: float, expected: Shape | None = None) -> Execution:
    kept = {
        name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "PYTHON")) and name != "CI"
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    more = {name: text.replace("{elsewhere}", str(tree.parent / "elsewhere")) for name, text in start.env.items()}
    env = {**kept, "PATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **more}
    source = CommandSource(start.command, timeout, tree.parent / "outputs", expected, report=start.report)
    return anyio.run(source.collect, Tree(tree, "0" * 40, env))


def git(tree: Path, *arguments: str) -> str:
    plain = ("-c", "core.autocrlf=false", "-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(["git", *plain, *arguments], cwd=tree, capture_output=True, text=True, check=True)
    return done.stdout


_baselines: dict[tuple[Path, str, str], tuple[Path, Execution]] = {}


def baseline(ground: Path, row: Sabotage, start: Start) -> tuple[Path, Execution]:
    """The healthy repository and its run, made once for all rows that start there."""
    key = (ground, row.start, f"{start.command} {sorted(start.env.items())}")
    if key not in _baselines:
        tree = ground / f"start-{len(_baselines)}"
        put(tree, start.files)
        git(tree, "init", "-q")
        git(tree, "add", "-A")
        git(tree, "commit", "-qm", "start")
        used = shutil.copytree(tree, ground / f"used-{len(_baselines)}")
        _baselines[key] = tree, run(used, start, 60)
    return _baselines[key]


def sabotaged(ground: Path, tmp_path: Path, row: Sabotage) -> tuple[Path, Start, Execution]:
    """The tree of a row, how it is run, and the run of the healthy one."""
    start = replace(STARTS[row.start], env=row.env)
    start = replace(start, command=row.command or start.command)
    clean, before = baseline(ground, row, start)
    tree = shutil.copytree(clean, ground / tmp_path.name)
    broken = {} if row.healthy or "shop.py" not in start.files else {"shop.py": BROKEN}
    put(tree, {**broken, **row.files})
    return tree, start, before


def judged(ground: Path, tmp_path: Path, row: Sabotage) -> tuple[str, str, Any, tuple[Finding, ...]]:
    """Verdict, reason, difference and findings, from the same functions that a validation uses."""
    tree, start, before = sabotaged(ground, tmp_path, row)
    if not before.verdict.sound:
        return "inconclusive", before.verdict.reason or "", None, ()
    git(tree, "add", "-A", "-f")
    diff = git(tree, "diff", "--cached", "-U0", "-M", "--no-ext-diff", "--no-textconv", "--no-color", "HEAD")
    findings = examine(parse_diff(diff), ("shop.py",), start.command)
    found = run(tree, start, row.timeout, before.report.shape)
    if not found.verdict.sound:
        return "inconclusive", found.verdict.reason or "", None, findings
    seen = compare(pin(before.report, "0" * 40), found.report, Permits())
    lost = seen.new_failures or seen.missing or seen.newly_skipped
    return "fail" if lost else "pass", "", seen, findings


def met(gets: Gets, verdict: str, reason: str, seen: Any, findings: tuple[Finding, ...]) -> bool:
    match gets:
        case Inconclusive(words):
            return verdict == "inconclusive" and words in reason
        case Fail(where, test):
            return verdict == "fail" and test in getattr(seen, where)
        case Listed(where, test):
            return verdict == "pass" and test in getattr(seen, where)
        case Pass(kind, path):
            return verdict == "pass" and any((f.kind, f.path) == (kind, path) for f in findings)


@pytest.mark.parametrize("row", SABOTAGES, ids=lambda row: row.what)
def test_no_sabotage_reads_as_a_pass_that_is_none(row: Sabotage, ground: Path, tmp_path: Path) -> None:
    verdict, reason, seen, findings = judged(ground, tmp_path, row)
    shown = [(f.kind, f.path, f.line, f.detail) for f in findings]
    assert met(row.gets, verdict, reason, seen, findings), f"{verdict} {reason}\n{seen}\n{shown}"


@pytest.mark.parametrize("row", [row for row in SABOTAGES if row.rule == FORGED], ids=lambda row: row.what)
def test_a_canary_stays_silent_in_a_suite_that_cannot_go_red(row: Sabotage, ground: Path, tmp_path: Path) -> None:
    tree, start, before = sabotaged(ground, tmp_path, row)
    found = recognise(start.command, tree)
    assert not isinstance(found, Untold)
    planted = found[0].canary(found[1], tree)
    assert planted is not None
    put(tree, dict([planted]))
    seen = run(tree, start, row.timeout, before.report.shape)
    assert seen.verdict.verdict != "fail", seen.report


# -- whole validations


@pytest.fixture
def shop(ground: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository that has its baseline, once for this worker; as it was committed before each row."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SUPERTEAM_CACHE", str(ground / "cache"))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in [name for name in os.environ if name.startswith("PYTHON")]:
        monkeypatch.delenv(name)
    root = ground / "shop"
    if not root.exists():
        settings = f'test-command = "{PYTEST}"\n[validation]\nreruns = 1\nconfirmations = 1\n'
        put(root, {**SUITE, "superteam.toml": settings})
        git(root, "init", "-q")
        git(root, "add", "-A")
        git(root, "commit", "-qm", "start")
    yield root
    for mark in ("assume-unchanged", "skip-worktree"):
        git(root, "update-index", f"--no-{mark}", "shop.py")
    git(root, "reset", "-q", "--hard")
    git(root, "clean", "-qfdx", "-e", ".superteam")


def validated(shop: Path, canary: bool) -> Any:
    return validate(open_project(shop), Wishes(base="HEAD", fresh=True, canary=canary), lambda key, data: None)[
        0
    ].result


@pytest.mark.parametrize("row", VALIDATED, ids=lambda row: row.what)
def test_no_sabotage_validates(row: Sabotage, shop: Path) -> None:
    if row.git:
        git(shop, *row.git)
    put(shop, {"shop.py": BROKEN, **row.files})
    found = validated(shop, row.canary)
    assert met(row.gets, found.verdict, found.reason or "", found, found.findings), found


def test_a_canary_sings_in_a_healthy_suite(shop: Path) -> None:
    assert validated(shop, canary=True).verdict == "pass"


# -- the page


def live() -> tuple[tuple[str, object, str], ...]:
    return tuple(runpy.run_path(str(LIVE))["ROWS"])


def page_rows() -> list[str]:
    """The lines of the table in the documents, in order."""
    ours = ((row.what, row.gets, row.rule) for row in (*SABOTAGES, *VALIDATED))
    return [page_row(*cells) for cells in (*ours, *live())]


def test_the_page_lists_these_sabotages_and_no_other() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## The table")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert lines[2:] == page_rows()
    assert len(lines) > 60


def test_every_kind_of_fault_names_tests_that_are_there() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## By kind of fault")[2]
    named = [line.rpartition(" | ")[2].removesuffix(" |") for line in table.splitlines() if "| tests/" in line]
    assert len(named) > 35
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_no_two_sabotages_have_one_name() -> None:
    names = [row.what for row in (*SABOTAGES, *VALIDATED)]
    assert len(names) == len(set(names))


if __name__ == "__main__":
    print("\n".join(page_rows()))
