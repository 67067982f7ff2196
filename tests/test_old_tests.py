"""Old tests on new code: a pass that rests on changed tests, helpers, data or configuration is said to rest on them."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from playground import Repo, Setup

SHOP = "def price(count):\n    return 3 * count\n"
BROKEN = "def price(count):\n    return 3 + count\n"
TEST = (
    "from shop import price\n\n\ndef test_price():\n    assert price(3) == 9\n\n\ndef test_other():\n    assert True\n"
)
WEAK = TEST.replace("price(3) == 9", "price(3) is not None")
NAME = "tests/test_shop.py::test_price"
BASE = {
    "conftest.py": "",
    "shop.py": SHOP,
    "tests/test_shop.py": TEST,
    "superteam.toml": 'test-command = "python -m pytest -q -p no:cacheprovider"\n',
}


def validated(repo: Repo, base: dict[str, str], change: dict[str, str], *options: str, code: int = 0) -> Any:
    """The verdict on a change that is not committed."""
    repo.commit({**BASE, **base}, "base")
    repo.write(change)
    done = repo.superteam("validate", "--base", "HEAD", "--json", *options)
    assert done.code == code, f"{done.code}\n{done.out}\n{done.err}"
    return done.json


def named(found: Any) -> list[tuple[str, str]]:
    return [(one["test"], one["path"]) for one in found["expectations_changed"]]


def test_a_weaker_assertion_is_listed_first_and_blocks_only_with_strict(repo: Repo) -> None:
    repo.commit(BASE, "base")
    repo.write({"shop.py": BROKEN, "tests/test_shop.py": WEAK})
    done = repo.superteam("validate", "--base", "HEAD")
    assert done.code == 0
    assert done.out.splitlines()[:4] == [
        "verdict: pass",
        f"expectation changed: {NAME}",
        "  the base's version fails on this code: assert 6 == 9",
        "   +  where 6 = price(3) (tests/test_shop.py:5)",
    ]
    assert "  this version (tests/test_shop.py:5): assert price(3) is not None" in done.out
    strict = repo.superteam("validate", "--base", "HEAD", "--strict", "--json")
    assert (
        strict.code == 1 and strict.json["verdict"] == "pass" and named(strict.json) == [(NAME, "tests/test_shop.py")]
    )
    assert strict.json["findings"][0]["kind"] == "expectation-changed"
    for glob in (NAME, "tests/*.py"):
        allowed = repo.superteam("validate", "--base", "HEAD", "--strict", "--json", "--may-change", glob)
        assert allowed.code == 0 and named(allowed.json) == []


ACCUSED = {
    "a fixture that hides the product": (
        {"tests/conftest.py": ""},
        {"tests/conftest.py": "import shop\n\nshop.price = lambda count: 3 * count\n"},
        "tests/conftest.py",
    ),
    "a helper that accepts anything": (
        {
            "tests/__init__.py": "",
            "tests/same.py": "def same(a, b):\n    assert a == b\n",
            "tests/test_shop.py": "from shop import price\nfrom tests.same import same\n\n\ndef test_price():\n"
            "    same(price(3), 9)\n",
        },
        {"tests/same.py": "def same(a, b):\n    assert a or b\n"},
        "tests/same.py",
    ),
    "a golden file": (
        {
            "golden/price.txt": "9",
            "tests/test_shop.py": "from pathlib import Path\nfrom shop import price\n\n\ndef test_price():\n"
            "    assert str(price(3)) == Path('golden/price.txt').read_text()\n",
        },
        {"golden/price.txt": "6"},
        "golden/price.txt",
    ),
    "a plug-in named in addopts": (
        {
            "pytest.ini": "[pytest]\naddopts = -p tools.plug\n",
            "tools/__init__.py": "",
            "tools/plug.py": "",
        },
        {"tools/plug.py": "import shop\n\nshop.price = lambda count: 3 * count\n"},
        "tools/plug.py",
    ),
    "a new conftest.py": (
        {},
        {"tests/conftest.py": "import shop\n\nshop.price = lambda count: 3 * count\n"},
        "tests/conftest.py",
    ),
}


@pytest.mark.parametrize("what", ACCUSED)
def test_what_tests_load_or_read_judges_too(repo: Repo, what: str) -> None:
    base, change, path = ACCUSED[what]
    assert named(validated(repo, base, {"shop.py": BROKEN, **change})) == [(NAME, path)]


RENAMED = "def cost(count):\n    return 3 * count\n"
INNOCENT: dict[str, tuple[dict[str, str], str]] = {
    "a refactored test": ({"tests/test_shop.py": TEST.replace("price(3) == 9", "9 == price(3), 'nine'")}, ""),
    "a renamed function": (
        {
            "shop.py": RENAMED,
            "tests/test_shop.py": TEST.replace("import price", "import cost").replace(" price(", " cost("),
        },
        "a name they use is gone",
    ),
    "a new parameter": (
        {
            "shop.py": "def price(count, tax):\n    return 3 * count + tax\n",
            "tests/test_shop.py": TEST.replace("price(3) == 9", "price(3, 1) == 10"),
        },
        "a name they use is gone",
    ),
    "a new fixture of a new test": (
        {
            "conftest.py": "import pytest\n\n\n@pytest.fixture\ndef till():\n    return 1\n",
            "tests/test_till.py": "def test_till(till):\n    assert till\n",
        },
        "",
    ),
    "only the product": ({"shop.py": SHOP.replace("3 * count", "count * 3")}, ""),
}


@pytest.mark.parametrize("what", INNOCENT)
def test_an_innocent_change_is_not_named(repo: Repo, what: str) -> None:
    change, note = INNOCENT[what]
    found = validated(repo, {}, change, "--strict")
    assert named(found) == [] and (note in str(found["notes"]) if note else found["notes"] == [])


def test_a_file_that_cannot_be_loaded_hides_no_other(repo: Repo) -> None:
    """pytest runs nothing when one file cannot be imported: the others are asked without it."""
    base = {
        "tax.py": "def rate():\n    return 1\n",
        "tests/test_tax.py": "from tax import rate\n\n\ndef test_r():\n    rate()\n",
    }
    renamed = {path: text.replace("rate", "tariff") for path, text in base.items()}
    found = validated(repo, base, {**renamed, "shop.py": BROKEN, "tests/test_shop.py": WEAK})
    assert named(found) == [(NAME, "tests/test_shop.py")] and "a name they use is gone" in str(found["notes"])


def test_a_flaky_old_test_is_not_accused(repo: Repo, tmp_path: Any) -> None:
    counter = tmp_path / "counter"
    flaky = (
        "import os, pathlib\n\n\ndef test_sometimes():\n    counter = pathlib.Path(os.environ['COUNTER'])\n"
        "    calls = int(counter.read_text() or 0) + 1\n    counter.write_text(str(calls))\n    assert calls != 3\n"
    )
    counter.write_text("0")
    repo.env["COUNTER"] = str(counter)
    found = validated(repo, {"tests/test_f.py": flaky}, {"tests/test_f.py": flaky + "# a word\n"}, "--strict")
    assert named(found) == [] and counter.read_text() == "4"


FILES = {path: text for path, text in BASE.items() if path != "superteam.toml"}
WRITES = {"shop.py": BROKEN, "tests/test_shop.py": WEAK}


def test_execute_asks_and_an_approval_holds_for_the_work(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Weaken"}],
        [{"task": "1", "write": WRITES}],
        files={k: v for k, v in BASE.items() if "toml" not in k},
    )
    done = repo.superteam("execute", "plan.md")
    assert done.code == 4, done.err
    status = repo.status()
    assert status["pending"]["failure_type"] == "expectation-changed"
    assert status["tasks"][0]["attempts"] == 1  # no fix dispatch
    said = status["pending"]["evidence"]["messages"][NAME]
    assert "assert 6 == 9" in said and "assert price(3) is not None" in said
    last = status["validations"][-1]
    assert last["verdict"] == "pass" and named(last) == [(NAME, "tests/test_shop.py")]
    assert repo.superteam("answer", "approve", "--note", "wanted").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert len(repo.task_commits()) == 1


def test_a_declared_change_of_expectations_is_no_failure(repo: Repo, given: Setup) -> None:
    given([{"title": "Change", "may-change": ["tests/test_shop.py"]}], [{"task": "1", "write": WRITES}], files=FILES)
    assert repo.superteam("execute", "plan.md").code == 0
    assert named(repo.status()["validations"][-1]) == []


# whether the suite looked at the change at all


def test_a_changed_file_that_no_test_looks_at_is_a_note(repo: Repo) -> None:
    found = validated(repo, {"tool.py": "A = 1\n"}, {"tool.py": "A = 2\n", "README.md": "x"}, "--strict")
    assert found["unlooked"] == ["tool.py"] and "no test looks at tool.py" in found["notes"][0]


def test_a_copy_that_is_run_instead_of_the_changed_file_is_inconclusive(repo: Repo) -> None:
    base = {
        "src/till.py": SHOP,
        "build/till.py": SHOP,
        "tests/conftest.py": "import sys\n\nsys.path.insert(0, 'build')\n",
        "tests/test_till.py": TEST.replace("shop", "till"),
    }
    found = validated(repo, base, {"src/till.py": BROKEN}, code=3)
    assert found["verdict"] == "inconclusive" and "build/till.py is a copy of it" in found["reason"]


def test_what_the_run_says_it_loaded_is_not_asked_about(repo: Repo) -> None:
    repo.commit(BASE, "base")
    repo.write({"shop.py": SHOP.replace("3 * count", "count * 3")})
    done = repo.superteam("validate", "--base", "HEAD")
    assert done.code == 0 and "nonsense" not in done.err and "new code" not in done.err


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
MODULE = "function price(count) {\n  const base = count * 3\n  return base + 1\n}\nmodule.exports = { price }\n"
NODE_TEST = (
    "const test = require('node:test')\nconst assert = require('node:assert')\n"
    "const { price } = require('../dist/shop.js')\ntest('price', () => assert.equal(price(1), 4))\n"
)
COPIED = {
    "superteam.toml": 'test-command = "node --test tests"\n',
    "package.json": "{}\n",
    "shop.js": MODULE,
    "dist/shop.js": MODULE,
    "tests/shop.test.js": NODE_TEST,
}


@needs_node
@pytest.mark.parametrize(
    ("more", "change"),
    [
        ({"tests/known.test.js": "require('node:test')('known', () => { throw Error('x') })\n"}, {}),
        (
            {"till.js": "exports.till = () => 1\n", "tests/till.test.js": "require('../till.js')\n"},
            {"till.js": "exports.till = () => 1 + 0\n"},
        ),
    ],
    ids=["a known failure", "an innocent file"],
)
def test_a_copy_is_found_out_beside(repo: Repo, more: dict[str, str], change: dict[str, str]) -> None:
    found = validated(repo, {**COPIED, **more}, {"shop.js": MODULE.replace("+ 1", "+ 7"), **change}, code=3)
    assert found["verdict"] == "inconclusive" and "dist/shop.js is a copy of it" in found["reason"]


@needs_node
def test_a_wrapper_that_returns_to_the_checkout_is_found_out(repo: Repo, given: Setup) -> None:
    """Nothing was brought, so that the baseline is not doubted; the suite passes on the code before the change."""
    good = "exports.add = (a, b) => a + b\n"
    files = {
        "check.sh": f"cd {repo.root} && node --test\n",
        "package.json": "{}\n",
        "add.js": good,
        "add.test.js": (
            "const test = require('node:test')\nconst assert = require('node:assert')\n"
            "test('adds', () => assert.equal(require('./add.js').add(1, 2), 3))\n"
        ),
    }
    broken = {"add.js": good.replace("+", "-")}
    config = 'test-command = "sh check.sh"\n'
    given([{"title": "Break"}], [{"task": "1", "write": broken}], files=files, config=config)
    done = repo.superteam("execute", "plan.md")
    assert done.code != 0 and "another tree" in done.out, done.out
    assert repo.files_at()["add.js"] == good.strip()


def test_a_test_that_passes_only_after_others_is_said_and_nobody_is_accused(repo: Repo) -> None:
    mode = "MODE = []\n\n\ndef price(count):\n    return 3 * count if MODE else 3 + count\n"
    first = TEST.replace(
        "def test_price", "def test_mode():\n    price.__globals__['MODE'].append(1)\n\n\ndef test_price"
    )
    found = validated(repo, {}, {"shop.py": mode, "tests/test_shop.py": first})
    assert named(found) == []
    assert any("pass only after others" in note and NAME in note for note in found["notes"])
