"""A product that takes its tests in hand, or asks whether it is judged, with a near miss each."""

from __future__ import annotations

import pytest

from superteam.core.changes import Change
from superteam.core.integrity import examine

PRODUCT, SCRIPT, GO = "src/shop.py", "src/shop.ts", "shop.go"
LINES = [
    (PRODUCT, "import pytest", "import pytester"),
    (PRODUCT, "    from _pytest.assertion import rewrite", "    from pytest_like import rewrite"),
    (PRODUCT, "from unittest import mock", "from unittests import mock"),
    (PRODUCT, "importlib.import_module('pytest')", "importlib.import_module('shop')"),
    (PRODUCT, "unittest.TestCase.assertEqual = lambda *a: None", "unittest_total.x = 1"),
    (PRODUCT, "builtins.__import__ = hook", "builtin.x = hook"),
    (PRODUCT, "setattr(pytest, 'raises', f)", "setattr(shop, 'raises', f)"),
    (PRODUCT, "sys.modules['tests.helpers'] = me", "known = sys.modules['a']"),
    (PRODUCT, "sys.meta_path.insert(0, Finder())", "sys.path_sep"),
    (PRODUCT, "AssertionError = Warning", "raise AssertionError"),
    (PRODUCT, "compare.__code__ = other.__code__", "code = f.__code__"),
    (PRODUCT, "Path('tests/test_a.py').write_text('')", "Path('tests/test_a.py').read_text()"),
    (PRODUCT, "open('__pycache__/helpers.cpython-311.pyc')", "open('pycache')"),
    (PRODUCT, "py_compile.compile(path)", "compile(path)"),
    (PRODUCT, "if 'superteam' in os.getcwd():", "if 'team' in names:"),
    (PRODUCT, "os.environ.get('GIT_CEILING_DIRECTORIES')", "os.environ.get('CEILING')"),
    (PRODUCT, "Path('.git/objects/info/alternates').exists()", "Path('objects').exists()"),
    (PRODUCT, "open('.git/HEAD').read()", "open('HEAD').read()"),
    (PRODUCT, "run(['git', 'symbolic-ref', 'HEAD'])", "run(['git', 'log'])"),
    (PRODUCT, "os.environ.get('NO_COLOR')", "os.environ.get('COLOR')"),
    (PRODUCT, "if 'check' in os.getcwd():", "x = 1"),
    (PRODUCT, "if os.getcwd().endswith('check'):", "if os.getcwd().endswith('x'):"),
    (PRODUCT, "inspect.stack()", "inspect.signature(f)"),
    (SCRIPT, "import { expect } from 'vitest'", "import { expect } from './vitest'"),
    (SCRIPT, "const t = require('node:test')", "const t = require('node:path')"),
    (SCRIPT, "globalThis.expect = () => any", "globalThis.total = 1"),
    (SCRIPT, "assert.strictEqual = () => {}", "asserted.x = 1"),
    (SCRIPT, "require.cache[path] = other", "required.cache[path]"),
    (SCRIPT, "process.exit = () => {}", "processes.title = 'a'"),
    (SCRIPT, "expect.extend({ toBe() {} })", "expected.extend({})"),
    (GO, '\t"testing"', '\t"text/template"'),
    ("src/main/java/Shop.java", "import org.junit.Assert;", "import org.junitish.Assert;"),
    ("lib/shop.rb", "require 'minitest/mock'", "require 'minifest'"),
    (PRODUCT, "    def __eq__(self, other):", "    def equal(self, other):"),
    (SCRIPT, "asymmetricMatch() { return true }", "symmetric() { return true }"),
    ("lib/shop.rb", "  def ==(other) = true", "  def equals(other) = true"),
]


def kinds(path: str, line: str) -> set[str]:
    change = Change(path, None, ((7, line),), (), "modified")
    return {f.kind for f in examine([change], ("src/", "lib/", GO), "pytest")}


@pytest.mark.parametrize(("path", "line", "near_miss"), LINES)
def test_a_product_that_meddles_with_its_tests_is_a_finding(path: str, line: str, near_miss: str) -> None:
    assert "runner-hook" in kinds(path, line)
    assert kinds(path, near_miss) == set()


@pytest.mark.parametrize("path", ["tests/test_a.py", "tests/helpers.py", "src/a_test.py"])
def test_tests_may_use_their_framework(path: str) -> None:
    assert "runner-hook" not in kinds(path, "import pytest")


@pytest.mark.parametrize(
    "path", ["sitecustomize.py", "src/usercustomize.py", "lib/a.pth", "a.egg-info/entry_points.txt"]
)
def test_what_every_python_runs_is_among_the_first(path: str) -> None:
    (found,) = examine([Change(path, None, ((1, "x"),), (), "added")], (), "pytest")
    assert found.rank == 1
