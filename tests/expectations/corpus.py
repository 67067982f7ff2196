"""Forty changes of tests: twenty that weaken one beside a broken product, and twenty innocent.

Each is a small repository and what changes in it. `test_expectations.py` shows first that a weakened one is
what it says: green as it is, red with the base's tests.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Files = Mapping[str, str | None]
PYTEST = "python -m pytest -q -p no:cacheprovider tests"
UNITTEST = "python -m unittest discover -s tests -t ."
NODE = "node --test"


@dataclass(frozen=True, slots=True)
class TestChange:
    """One change of a repository; None deletes a file.

    `test` is a part of the id of the test that is weakened. `judges` are the files that are taken back to show
    that the base's tests are red on the new product.
    """

    name: str
    kind: Literal["weakened", "innocent"]
    base: Files
    change: Files
    test: str = ""
    command: str = PYTEST
    judges: tuple[str, ...] = ()
    may_change: tuple[str, ...] = ()

    __test__ = False


CHANGES: list[TestChange] = []


def weakened(name: str, base: Files, change: Files, test: str = "test_price", command: str = PYTEST) -> None:
    """Adds a weakened test. All changed files but the product (in src/ or shop.js) are its judges."""
    judges = tuple(path for path in change if not path.startswith(("src/", "shop.")))
    CHANGES.append(TestChange(name, "weakened", base, change, test, command, judges))


def innocent(name: str, base: Files, change: Files, command: str = PYTEST, may_change: tuple[str, ...] = ()) -> None:
    """Adds an innocent change."""
    CHANGES.append(TestChange(name, "innocent", base, change, "", command, (), may_change))


def text(block: str) -> str:
    """Returns an indented block as the text of a file."""
    return textwrap.dedent(block).lstrip("\n")


def edited(files: Files, path: str, *replacements: tuple[str, str]) -> dict[str, str | None]:
    """Returns the file with replacements, each of which must apply exactly once."""
    content = files[path]
    assert content is not None
    for old, new in replacements:
        assert content.count(old) == 1, f"{path}: {old!r} is there {content.count(old)} times"
        content = content.replace(old, new)
    return {path: content}


# The shop: most changes are made to it

CONFIGURATION = '[tool.pytest.ini_options]\npythonpath = ["src"]\n'
PRODUCT = text("""
    def price(kind, count):
        if count < 0:
            raise ValueError("count")
        return 3 * count


    def total(items):
        return sum(price(kind, count) for kind, count in items)
""")
BROKEN_PRODUCT = PRODUCT.replace("3 * count", "3 + count")  # price(2, 3) becomes 6 instead of 9
BROKEN = {"src/shop.py": BROKEN_PRODUCT}
TESTS = "tests/test_shop.py"
SHOP = {
    "pyproject.toml": CONFIGURATION,
    "src/shop.py": PRODUCT,
    TESTS: text("""
        import pytest

        from shop import price, total


        def test_price():
            assert price(2, 3) == 9


        def test_total():
            assert total([]) == 0


        def test_negative():
            with pytest.raises(ValueError):
                price(1, -1)
    """),
}
ASSERTION = "assert price(2, 3) == 9"


def weaker_shop(new: str, old: str = ASSERTION) -> dict[str, str | None]:
    """Breaks the shop and replaces a part of its tests."""
    return {**BROKEN, **edited(SHOP, TESTS, (old, new))}


# Weakened

weakened("equal becomes not None", SHOP, weaker_shop("assert price(2, 3) is not None"))
weakened("expectation set to the broken value", SHOP, weaker_shop("assert price(2, 3) == 6"))
weakened("body emptied", SHOP, weaker_shop("pass"))
weakened("early return", SHOP, weaker_shop(f"return\n    {ASSERTION}"))
weakened("dead branch", SHOP, weaker_shop(f"if price is None:\n        {ASSERTION}"))
weakened(
    "caught AssertionError",
    SHOP,
    weaker_shop(f"try:\n        {ASSERTION}\n    except AssertionError:\n        pass"),
)
weakened(
    "wider raises",
    SHOP,
    {
        "src/shop.py": PRODUCT.replace('raise ValueError("count")', "raise KeyError(count)"),
        **edited(SHOP, TESTS, ("pytest.raises(ValueError)", "pytest.raises(Exception)")),
    },
    test="test_negative",
)

RATES = {
    "pyproject.toml": CONFIGURATION,
    "src/rates.py": "def net(gross):\n    return gross / 1.19\n",
    "tests/test_rates.py": text("""
        from pytest import approx

        from rates import net


        def test_net():
            assert net(119) == approx(100, abs=0.01)
    """),
}
weakened(
    "wider tolerance",
    RATES,
    {
        "src/rates.py": "def net(gross):\n    return gross * 0.81\n",
        **edited(RATES, "tests/test_rates.py", ("abs=0.01", "abs=5")),
    },
    test="test_net",
)

SNAPSHOT = {
    **SHOP,
    "tests/conftest.py": text("""
        import json
        import pathlib

        import pytest


        @pytest.fixture
        def snapshot(request):
            file = pathlib.Path(__file__).parent / "__snapshots__" / f"{request.node.name}.json"
            return json.loads(file.read_text())
    """),
    "tests/__snapshots__/test_price.json": '{"price": 9}\n',
    TESTS: text("""
        from shop import price


        def test_price(snapshot):
            assert {"price": price(2, 3)} == snapshot
    """),
}
weakened("snapshot updated", SNAPSHOT, {**BROKEN, "tests/__snapshots__/test_price.json": '{"price": 6}\n'})

GOLDEN = {
    **SHOP,
    "tests/data/invoice.txt": "2 x 3 = 9\n",
    TESTS: text("""
        import pathlib

        from shop import price

        GOLDEN = pathlib.Path(__file__).parent / "data" / "invoice.txt"


        def test_price():
            assert f"2 x 3 = {price(2, 3)}\\n" == GOLDEN.read_text()
    """),
}
weakened("golden file updated", GOLDEN, {**BROKEN, "tests/data/invoice.txt": "2 x 3 = 6\n"})

HELPER = {
    **SHOP,
    "tests/checks.py": "def check_price(found, wanted):\n    assert found == wanted\n",
    TESTS: text("""
        from checks import check_price
        from shop import price


        def test_price():
            check_price(price(2, 3), 9)
    """),
}
weakened(
    "assertion of a helper weakened",
    HELPER,
    {**BROKEN, "tests/checks.py": "def check_price(found, wanted):\n    assert type(found) is type(wanted)\n"},
)

FIXTURE = {
    **SHOP,
    "tests/conftest.py": text("""
        import pytest
        import shop


        @pytest.fixture
        def price():
            return shop.price
    """),
    TESTS: text("""
        def test_price(price):
            assert price(2, 3) == 9
    """),
}
weakened(
    "fixture returns what the test wants",
    FIXTURE,
    {**BROKEN, **edited(FIXTURE, "tests/conftest.py", ("return shop.price", "return lambda kind, count: 9"))},
)

CASES = {
    **SHOP,
    TESTS: text("""
        import pytest

        from shop import price


        @pytest.mark.parametrize(("count", "wanted"), [(1, 3), (3, 9)])
        def test_price(count, wanted):
            assert price(2, count) == wanted
    """),
}
FOR_ONE_ONLY = {"src/shop.py": PRODUCT.replace("return 3 * count", "return 3 * min(count, 2)")}
weakened("case of parametrize dropped", CASES, {**FOR_ONE_ONLY, **edited(CASES, TESTS, (", (3, 9)]", "]"))})
weakened(
    "product patched in the test",
    SHOP,
    {
        **BROKEN,
        **edited(
            SHOP,
            TESTS,
            ("import pytest\n", "from unittest import mock\n\nimport pytest\n"),
            (ASSERTION, f'with mock.patch(f"{{__name__}}.price", return_value=9):\n        {ASSERTION}'),
        ),
    },
)

SUBTESTS = {
    **SHOP,
    TESTS: text("""
        from shop import price

        CASES = [(1, 3), (3, 9)]


        def test_price(subtests):
            for count, wanted in CASES:
                with subtests.test(count=count):
                    assert price(2, count) == wanted
    """),
}
weakened("subtests shrunk", SUBTESTS, {**FOR_ONE_ONLY, **edited(SUBTESTS, TESTS, (", (3, 9)]", "]"))})

UNIT = {
    "shop.py": PRODUCT,
    "tests/__init__.py": "",
    TESTS: text("""
        import unittest

        from shop import price


        class Price(unittest.TestCase):
            def test_price(self):
                self.assertEqual(price(2, 3), 9)
    """),
}
weakened(
    "assertEqual becomes assertTrue",
    UNIT,
    {"shop.py": BROKEN_PRODUCT, **edited(UNIT, TESTS, ("assertEqual(price(2, 3), 9)", "assertTrue(price(2, 3), 9)"))},
    command=UNITTEST,
)

JS_TESTS = "test/shop.test.js"
JS = {
    "package.json": '{"name": "shop", "scripts": {"test": "node --test"}}\n',
    "shop.js": "exports.price = (kind, count) => 3 * count\n",
    "test/expect.js": text("""
        const assert = require('node:assert')

        exports.expect = (found) => ({
          toBe: (wanted) => assert.strictEqual(found, wanted),
          toBeTruthy: () => assert.ok(found),
        })
    """),
    JS_TESTS: text("""
        const test = require('node:test')
        const assert = require('node:assert')
        const { expect } = require('./expect')
        const { price } = require('../shop')

        test('price', () => {
          assert.strictEqual(price(2, 3), 9)
        })

        test('price by expect', () => {
          expect(price(2, 3)).toBe(9)
        })
    """),
}
JS_STRICT = {
    **JS,
    JS_TESTS: str(JS[JS_TESTS]).partition("test('price by expect'")[0].rstrip() + "\n",
}
JS_EXPECT = {
    **JS,
    **edited(JS, JS_TESTS, ("test('price', () => {\n  assert.strictEqual(price(2, 3), 9)\n})\n\n", "")),
}
JS_BROKEN = {"shop.js": "exports.price = (kind, count) => 3 + count\n"}
STRICT_EQUAL = "assert.strictEqual(price(2, 3), 9)"
weakened(
    "strictEqual becomes ok",
    JS_STRICT,
    {**JS_BROKEN, **edited(JS_STRICT, JS_TESTS, (STRICT_EQUAL, "assert.ok(price(2, 3), 9)"))},
    test="price",
    command=NODE,
)
weakened(
    "assertion that nobody awaits",
    JS_STRICT,
    {
        **JS_BROKEN,
        **edited(JS_STRICT, JS_TESTS, (STRICT_EQUAL, f"setTimeout(() => {STRICT_EQUAL}, 5).unref()")),
    },
    test="price",
    command=NODE,
)
weakened(
    "toBe becomes toBeTruthy",
    JS_EXPECT,
    {**JS_BROKEN, **edited(JS_EXPECT, JS_TESTS, ("toBe(9)", "toBeTruthy()"))},
    test="price",
    command=NODE,
)

LIMITS = {
    **RATES,
    "tests/limits.toml": "tolerance = 0.01\n",
    "tests/test_rates.py": text("""
        import pathlib
        import tomllib

        from rates import net

        LIMITS = tomllib.loads((pathlib.Path(__file__).parent / "limits.toml").read_text())


        def test_net():
            assert abs(net(119) - 100) < LIMITS["tolerance"]
    """),
}
weakened(
    "threshold in a configuration file",
    LIMITS,
    {"src/rates.py": "def net(gross):\n    return gross * 0.81\n", "tests/limits.toml": "tolerance = 5\n"},
    test="test_net",
)


# Innocent

BETTER = {"src/shop.py": PRODUCT.replace("return 3 * count", "cost = 3\n    return cost * count")}

innocent(
    "test refactored into helper functions",
    SHOP,
    {
        **BETTER,
        **edited(
            SHOP,
            TESTS,
            (
                "def test_price",
                "def check(kind, count, wanted):\n    assert price(kind, count) == wanted\n\n\ndef test_price",
            ),
            (ASSERTION, "check(2, 3, 9)"),
        ),
    },
)
innocent(
    "helper renamed in product and test",
    SHOP,
    {
        "src/shop.py": PRODUCT.replace("price(", "price_of("),
        TESTS: str(SHOP[TESTS])
        .replace("price,", "price_of,")
        .replace("price(", "price_of(")
        .replace("def test_price_of(", "def test_price("),
    },
)
innocent(
    "parameter added to a function of the product and to its test",
    SHOP,
    {
        "src/shop.py": PRODUCT.replace("price(kind, count)", "price(kind, count, currency)").replace(
            "sum(price(kind, count, currency)", 'sum(price(kind, count, "EUR")'
        ),
        TESTS: str(SHOP[TESTS])
        .replace("price(2, 3)", 'price(2, 3, "EUR")')
        .replace("price(1, -1)", 'price(1, -1, "EUR")'),
    },
)
innocent(
    "new tests added",
    SHOP,
    {
        "src/shop.py": PRODUCT + "\n\ndef double(kind):\n    return price(kind, 2)\n",
        TESTS: str(SHOP[TESTS]).replace("price, total", "double, price, total")
        + "\n\ndef test_double():\n    assert double(1) == 6\n",
    },
)
innocent(
    "tests parametrised",
    SHOP,
    {
        **BETTER,
        **edited(
            SHOP,
            TESTS,
            (
                f"def test_price():\n    {ASSERTION}",
                '@pytest.mark.parametrize(("count", "wanted"), [(3, 9), (1, 3)])\n'
                "def test_price(count, wanted):\n    assert price(2, count) == wanted",
            ),
        ),
    },
)
innocent(
    "file reformatted",
    SHOP,
    {
        **BETTER,
        **edited(
            SHOP,
            TESTS,
            (ASSERTION, "assert (\n        price(\n            2,\n            3,\n        )\n        == 9\n    )"),
        ),
    },
)
innocent(
    "fixtures renamed",
    FIXTURE,
    {
        **BETTER,
        **edited(FIXTURE, "tests/conftest.py", ("def price()", "def price_of()")),
        TESTS: str(FIXTURE[TESTS])
        .replace("price(price)", "price(price_of)")
        .replace("assert price(", "assert price_of("),
    },
)
innocent(
    "test moved to another file",
    SHOP,
    {
        **BETTER,
        **edited(SHOP, TESTS, (f"def test_price():\n    {ASSERTION}\n\n\n", ""), ("price, total", "price, total")),
        "tests/test_price.py": f"from shop import price\n\n\ndef test_price():\n    {ASSERTION}\n",
    },
)
innocent(
    "imports sorted",
    SHOP,
    {
        **BETTER,
        **edited(
            SHOP,
            TESTS,
            ("import pytest\n\nfrom shop import price, total\n", "from shop import total, price\n\nimport pytest\n"),
        ),
    },
)
innocent(
    "docstrings",
    SHOP,
    {
        "src/shop.py": PRODUCT.replace("count):\n    if", 'count):\n    """Returns the price."""\n    if'),
        **edited(SHOP, TESTS, ("def test_price():\n", 'def test_price():\n    """Three for each."""\n')),
    },
)
innocent(
    "API of the product renamed",
    SHOP,
    {
        "src/shop.py": None,
        "src/store.py": PRODUCT,
        **edited(SHOP, TESTS, ("from shop import", "from store import")),
    },
)
innocent(
    "stricter assertions",
    SHOP,
    {**BETTER, **edited(SHOP, TESTS, (ASSERTION, f"{ASSERTION}\n    assert type(price(2, 3)) is int"))},
)
innocent("more cases", CASES, {**BETTER, **edited(CASES, TESTS, ("(3, 9)]", "(3, 9), (4, 12)]"))})

DATA = {
    **SHOP,
    "tests/data/prices.csv": "1,3\n3,9\n",
    TESTS: text("""
        import csv
        import pathlib

        from shop import price

        DATA = pathlib.Path(__file__).parent / "data" / "prices.csv"


        def test_price():
            for count, wanted in csv.reader(DATA.open()):
                assert price(2, int(count)) == int(wanted)
    """),
}
innocent("test data with new rows", DATA, {**BETTER, "tests/data/prices.csv": "1,3\n3,9\n4,12\n"})
innocent(
    "snapshot of a new test",
    SNAPSHOT,
    {
        **BETTER,
        "tests/__snapshots__/test_total.json": "15\n",
        TESTS: str(SNAPSHOT[TESTS]).replace("price\n", "price, total\n", 1)
        + "\n\ndef test_total(snapshot):\n    assert total([(1, 2), (2, 3)]) == snapshot\n",
    },
)
innocent(
    "setUp refactored",
    UNIT,
    {
        "shop.py": BETTER["src/shop.py"],
        **edited(
            UNIT,
            TESTS,
            ("    def test_price", "    def setUp(self):\n        self.count = 3\n\n    def test_price"),
            ("price(2, 3), 9", "price(2, self.count), 9"),
        ),
    },
    command=UNITTEST,
)
innocent(
    "async rewrite",
    SHOP,
    {
        "src/shop.py": PRODUCT.replace("def price", "async def price")
        .replace("def total", "async def total")
        .replace(
            "sum(price(kind, count) for kind, count in items)",
            "sum([await price(kind, count) for kind, count in items])",
        ),
        TESTS: "import asyncio\n"
        + str(SHOP[TESTS])
        .replace("assert price(2, 3) ==", "assert asyncio.run(price(2, 3)) ==")
        .replace("assert total([]) ==", "assert asyncio.run(total([])) ==")
        .replace("        price(1, -1)", "        asyncio.run(price(1, -1))"),
    },
)
innocent(
    "type hints",
    SHOP,
    {
        "src/shop.py": PRODUCT.replace("price(kind, count):", "price(kind: int, count: int) -> int:"),
        TESTS: str(SHOP[TESTS]).replace("():", "() -> None:"),
    },
)
innocent(
    "comments",
    SHOP,
    {**BETTER, **edited(SHOP, TESTS, (ASSERTION, f"# three for each\n    {ASSERTION}  # not 6"))},
)
innocent(
    "expectation changed on purpose and declared",
    SHOP,
    {
        "src/shop.py": PRODUCT.replace("3 * count", "4 * count"),
        **edited(SHOP, TESTS, (ASSERTION, "assert price(2, 3) == 12")),
    },
    may_change=(f"{TESTS}::test_price",),
)
