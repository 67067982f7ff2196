"""What changed code reaches beyond itself is named, by whatever way it gets there; plain code is not."""

from __future__ import annotations

import pytest

from superteam.core.changes import Change
from superteam.core.integrity import examine
from superteam.core.powers import hides_code, powers_of

PY, JS = "shop.py", "src/shop.js"


def found_in(path: str, text: str, removed: str = "", status: str = "modified") -> list[str]:
    """What the findings of kind `reach` say of a file whose lines are all new."""
    added = tuple(enumerate(text.split("\n"), 1))
    old = tuple(enumerate(removed.split("\n"), 1)) if removed else ()
    change = Change(path, None, added, old, status)  # type: ignore[arg-type]
    return [f.detail for f in examine([change], (), "pytest", texts={path: text}) if f.kind == "reach"]


@pytest.mark.parametrize(
    ("path", "text", "named"),
    [
        (PY, "import importlib\nm = importlib.import_module('_py' + 'test.python')", "importlib"),
        (PY, "import sys\nfor m in list(sys.modules.values()):\n    m.run = None", "sys.modules"),
        (PY, "from sys import settrace as s\ns(print)", "sys.settrace"),
        (PY, "for c in object.__subclasses__():\n    c.x = 1", "__subclasses__"),
        (PY, "import builtins as b\nb.abs = len", "builtins.abs"),
        (PY, "import math\nmath.isclose = print", "math.isclose"),
        (PY, "import _ｐｙｔｅｓｔ.python as q", "_pytest.python"),
        (PY, "exec(open('x').read())", "exec"),
        (PY, "import pickle\nx = pickle.loads(b'')", "pickle.loads"),
        (PY, "import decimal\ndecimal.getcontext().prec = 1", "decimal.getcontext"),
        (PY, "class A:\n    def __eq__(self, other):\n        return True", "__eq__"),
        (PY, "class A(str):\n    __eq__ = lambda self, other: True", "__eq__"),
        (PY, "from dataclasses import field\nx = field(compare=False)", "compare=False"),
        (PY, "import sys\nx = sys.argv[0]", "sys.argv"),
        (PY, "import os\nx = [k for k in os.environ]", "os.environ"),
        (PY, "import logging\nx = logging.getLogger().handlers", "handlers"),
        (PY, "import os\nx = os.path.isdir('tests')", "'tests'"),
        (PY, "import random\nx = random.random()", "random"),
        (PY, "import datetime\nx = datetime.date.today()", "datetime.date.today"),
        (JS, "const a = require('ass' + 'ert')", "require"),
        (JS, "Object.assign(x, y)", "Object.assign("),
        (JS, "const s = new Error().stack", ".stack"),
        (JS, "if (process.env.X) y()", "process.env"),
        (JS, "Array.prototype.includes = () => true", "Array.prototype.includes ="),
        (JS, "return { asymmetricMatch: () => true }", "asymmetricMatch"),
        ("lib/shop.rb", "x = caller", "caller"),
        ("lib/shop.rb", "def ==(other)", "def =="),
        ("shop.go", "x := os.Args[0]", "os.Args"),
        ("src/lib.rs", "if cfg!(test) { }", "cfg!(test"),
    ],
)
def test_what_code_reaches_is_named(path: str, text: str, named: str) -> None:
    assert any(named in said for said in found_in(path, text)), found_in(path, text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (PY, "def price(kind, count):\n    return 3 * count\n"),
        (PY, "class A:\n    def __init__(self):\n        self.x = 1\n        setattr(self, 'y', 2)\n"),
        (PY, "from importlib.metadata import version\nV = version('shop')\n"),
        (PY, '"""Runs in tests."""\n\n\ndef f(item):\n    item.price = 3\n'),
        (JS, "exports.price = (kind, count) => 3 * count"),
        ("shop.go", "func Price(count int) int { return 3 * count }"),
    ],
)
def test_plain_code_reaches_nothing(path: str, text: str) -> None:
    assert found_in(path, text) == []


def test_what_the_removed_lines_reached_for_too_is_not_told() -> None:
    assert found_in(PY, "import os\nx = os.environ['A']", removed="y = os.environ['A']") == []


def test_only_the_changed_lines_of_a_file_are_told() -> None:
    text = "import os\nx = os.environ\ny = 2\n"
    assert powers_of(Change(PY, None, ((3, "y = 2"),), (), "modified"), text) == []


def test_code_behind_a_line_end_in_a_comment_is_read() -> None:
    text = "# in cents\rimport gc\rx = gc.get_objects()"
    said = found_in(PY, text)
    assert any("other lines than people are shown" in words for words in said)
    assert any("gc" in words for words in said)


@pytest.mark.parametrize("text", ["a\r", "a\r\nb\r\n", "plain", "tab\tform\f"])
def test_ordinary_line_ends_hide_nothing(text: str) -> None:
    assert not hides_code(text)


def test_compiled_code_and_sources_that_git_takes_for_binary_are_told() -> None:
    changes = [Change(path, None, (), (), "added", binary=True) for path in ("shop.abi3.so", "src/shop.js", "logo.png")]
    told = {finding.path for finding in examine(changes, (), "pytest")}
    assert {"shop.abi3.so", "src/shop.js"} <= told


def test_a_new_test_file_that_changes_the_product_for_good_is_told() -> None:
    text = "import os\nimport shop\n\nshop.price = len\n\n\ndef test_a():\n    assert os.getpid()\n"
    assert found_in("tests/test_a.py", text, status="added") == [
        "the code changes a part of another module: shop.price"
    ]


def test_data_that_is_changed_with_code_is_told_and_documents_are_not() -> None:
    changes = [Change(path, None, ((1, "x"),), ((1, "y"),), "modified") for path in (PY, "store/w.csv", "README.md")]
    told = {finding.path for finding in examine(changes, (), "pytest") if "data was" in finding.detail}
    assert told == {"store/w.csv"}
    assert not [finding for finding in examine(changes[1:], (), "pytest") if "data was" in finding.detail]


@pytest.mark.parametrize(
    ("old", "new", "is_told"),
    [
        ("    return a == b", "    return True", True),
        ("    if got != want:", "    if got is None:", True),
        ("    if kind == 2:", "    if kind == 3:", False),
        ("    if kind == 'a':", "    if kind == 'b':", False),
        ("    if kind is None:", "    if not kind:", False),
    ],
)
def test_a_comparison_of_two_values_that_the_product_gives_up_is_told(old: str, new: str, *, is_told: bool) -> None:
    assert any("compares two values" in said for said in found_in(PY, new, removed=old)) is is_told


@pytest.mark.parametrize("unit", ["sys.", "__", "require(", "a.b", "'test", "Object.", "if a == ", "# \r"])
def test_long_lines_are_read_in_linear_time(unit: str) -> None:
    for path in (PY, JS, "a.rb", "a.go", "a.php", "A.java", "a.rs"):
        found_in(path, unit * (200_000 // len(unit)))


def test_an_encoding_that_hides_line_ends_in_comments_is_told() -> None:
    text = "# coding: unicode_escape\n# in cents \\u000aimport gc\nx = 1\n"
    assert any("other lines than people are shown" in words for words in found_in(PY, text))
    assert not hides_code("# -*- coding: utf-8 -*-\n# vim: set fileencoding=latin-1 :\n")


def test_getattr_that_is_handed_on_is_told_and_one_of_a_fixed_name_is_not() -> None:
    assert found_in(PY, "x = map(getattr, a, b)") != []
    assert found_in(PY, "x = getattr(a, 'b')") == []
