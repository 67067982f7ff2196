"""Which changed files judge, what a run with old judges shows, and how it is said."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.baseline import Expectation, Expected
from superteam.core.changes import Change
from superteam.core.coupling import (
    answer_of,
    askable,
    before_of,
    changes_nothing,
    combined,
    declared,
    in_file,
    is_gone,
    place_of,
    roles_of,
    shown,
)
from superteam.core.expectation import ExpectationChanged
from superteam.core.results import Completeness, Granularity, Outcome, Shape, TestReport, TestResult

IDS = ("tests/test_shop.py::test_price", "tests/test_tax.py::TestTax::test_rate")
PYTEST = "python -m pytest -q"


def change(path: str, added: str = "new", removed: str = "old", **more: object) -> Change:
    lines = {"added": ((1, added),) if added else (), "removed": ((1, removed),) if removed else ()}
    return Change(**{"path": path, "old_path": None, "status": "modified", **lines, **more})  # type: ignore[arg-type]


def role(
    changed: Change, files: Mapping[str, str] | None = None, command: str = PYTEST, ids: tuple[str, ...] = IDS
) -> str:
    """The group that the change is in."""
    texts = {"tests/test_shop.py": "from shop import price\n", **(files or {})}
    found = roles_of([changed], ids, command, tuple(texts), lambda path: texts.get(path, ""))
    for name in ("sure", "unsure", "inside"):
        if any(judge.path == changed.path for judge in getattr(found, name)):
            return name
    if changed.path in found.added:
        return "added"
    return "product" if changed.path in found.product else "none"


SURE = {
    "a file that tests are in": change("tests/test_shop.py"),
    "a file that was deleted": change("tests/test_shop.py", added="", status="deleted"),
    "a snapshot": change("tests/__snapshots__/test_shop.ambr"),
    "a golden file beside the tests": change("tests/golden/price.txt"),
    "shared fixtures": change("tests/conftest.py"),
    "a helper of the tests": change("tests/helpers.py"),
    "a binary fixture": change("tests/data/bill.pdf", "", "", binary=True),
    "the runner's configuration": change("pytest.ini"),
    "a new conftest.py": change("tests/conftest.py", removed="", status="added"),
    "a new helper of the tests": change("tests/compare.py", removed="", status="added"),
    "a new package of the tests": change("tests/__init__.py", removed="", status="added"),
    "a new mock of jest's": change("__mocks__/rates.js", removed="", status="added"),
}


@pytest.mark.parametrize("what", SURE)
def test_a_judge_that_is_sure(what: str) -> None:
    assert role(SURE[what]) == "sure"


UNSURE = {
    "a plug-in named by the command": (change("tools/plug.py"), {}, "python -m pytest -p tools.plug"),
    "a plug-in named in addopts": (
        change("tools/plug.py"),
        {"pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-p tools.plug"\n'},
        PYTEST,
    ),
    "a set-up file of a runner": (
        change("tools/matchers.js"),
        {"jest.config.js": "module.exports = {\n  setupFilesAfterEach: [\n    './tools/matchers.js',\n  ],\n}\n"},
        "npx jest",
    ),
    "what node imports first": (change("tools/first.mjs"), {}, "node --import ./tools/first.mjs --test"),
    "a script of the command": (change("check.sh"), {}, "sh check.sh"),
    "variables that a script reads": (
        change("ci.env"),
        {"Makefile": "test:\n\t. ./ci.env && pytest\n"},
        "make test",
    ),
    "settings of pytest in pyproject.toml": (
        change("pyproject.toml", 'addopts = "-x"'),
        {"pyproject.toml": ""},
        PYTEST,
    ),
    "assertions that tests import": (
        change("checks.py"),
        {"checks.py": "import pytest\n", "tests/test_shop.py": "from checks import same\n"},
        PYTEST,
    ),
    "data that tests name": (
        change("rates.json"),
        {"tests/test_shop.py": "open('rates.json')\n"},
        PYTEST,
    ),
    "a golden file": (change("golden/report.txt"), {}, PYTEST),
}


@pytest.mark.parametrize("what", UNSURE)
def test_a_judge_by_evidence(what: str) -> None:
    changed, files, command = UNSURE[what]
    assert role(changed, files, command) == "unsure"


OTHERS = {
    "what tests import": (change("shop.py"), {"shop.py": "assert True\n"}, "product"),
    "a module whose name a configuration says": (
        change("shop.py"),
        {"pyproject.toml": 'packages = ["shop"]\naddopts = "--cov=shop"\n'},
        "product",
    ),
    "code in a folder that is only called so": (change("src/features/cart.ts"), {}, "product"),
    "data of the product": (change("rates.json"), {}, "product"),
    "a document": (change("docs/prices.md"), {}, "none"),
    "dependencies in pyproject.toml": (
        change("pyproject.toml", '"requests >= 2.1",', '"requests >= 2.0",'),
        {"pyproject.toml": ""},
        "none",
    ),
    "CI": (change(".github/workflows/ci.yml"), {}, "none"),
    "a file whose mode was changed": (change("tests/test_shop.py", "", ""), {}, "none"),
    "a new test file": (change("tests/test_new.py", removed="", status="added"), {}, "added"),
    "a new module": (change("shop_new.py", removed="", status="added"), {}, "product"),
    "tests in a source of Rust": (
        change("src/lib.rs"),
        {"src/lib.rs": "fn f() {}\n#[cfg(test)]\nmod t {}\n"},
        "inside",
    ),
    "doctests": (change("shop.py"), {"shop.py": '"""\n>>> price()\n9\n"""\n'}, "inside"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_no_judge(what: str) -> None:
    changed, files, wanted = OTHERS[what]
    assert role(changed, files) == wanted


@pytest.mark.parametrize(
    ("id", "path"),
    [
        ("tests/test_shop.py::test_price[a/b]", "tests/test_shop.py"),
        ("tests/test_shop.py::test_price", "packages/shop/tests/test_shop.py"),
        ("src/shop.test.ts [unit] > price > is right", "src/shop.test.ts"),
        ("./spec/shop_spec.rb::price", "spec/shop_spec.rb"),
    ],
)
def test_the_file_of_a_test(id: str, path: str) -> None:
    assert in_file(id, path) and not in_file(id, "tests/other.py")


@pytest.mark.parametrize(
    "id", ["tests.test_shop.Price.test_price", "test_shop.Price.test_price", "tests.test_shop::price"]
)
def test_tests_by_module_are_in_its_file(id: str) -> None:
    found = roles_of([change("tests/test_shop.py")], [id], PYTEST, (), lambda path: "")
    assert found.sure[0].tests == (id,)


def test_a_renamed_file_is_taken_back_at_both_places() -> None:
    moved = change("tests/test_b.py", old_path="tests/test_shop.py", status="renamed")
    found = roles_of([moved], IDS, PYTEST, (), lambda path: "")
    assert found.sure[0].places == ("tests/test_b.py", "tests/test_shop.py")
    assert found.sure[0].tests == IDS[:1]


# which tests are asked, and what they answer


def report(outcomes: Mapping[str, Outcome], errors: tuple[str, ...] = (), **messages: str) -> TestReport:
    tests = {id: TestResult(found, messages.get(id, "")) for id, found in outcomes.items()}
    return TestReport("pytest", Granularity.TESTS, Completeness.COMPLETE, tests, errors)


def expected(**outcomes: Outcome) -> Expected:
    return Expected("sha", Shape(Granularity.TESTS), {id: Expectation(found) for id, found in outcomes.items()})


def test_only_what_passed_there_and_passes_here_is_asked() -> None:
    before = expected(a=Outcome.PASSED, b=Outcome.FAILED, c=Outcome.PASSED, d=Outcome.PASSED, e=Outcome.PASSED)
    now = dict.fromkeys(("a", "b", "d", "new", "e2"), Outcome.PASSED)
    assert askable(before, report({**now, "c": Outcome.FAILED}), [("e", "e2")], {"d"}) == {"a", "e"}


def test_answers_are_sorted() -> None:
    outcomes = {"a": Outcome.PASSED, "b": Outcome.FAILED, "c": Outcome.ERRORED, "d": Outcome.SKIPPED}
    found = answer_of(report(outcomes, b="assert 6 == 9", c="gone"), "abcde", lambda id, text: text == "gone")
    assert found.failed == {"b": "assert 6 == 9"} and found.gone == {"c": "gone"} and found.unasked == ("d", "e")


def test_a_file_that_could_not_be_loaded_answers_for_its_tests() -> None:
    errors = ("tests/test_shop.py: ZeroDivisionError: division by zero\n...",)
    found = answer_of(report({}, errors=errors), IDS, lambda id, text: False)
    assert list(found.failed) == [IDS[0]] and found.unasked == (IDS[1],)


def test_without_a_report_nothing_was_asked() -> None:
    nothing = TestReport("pytest", Granularity.TESTS, Completeness.NONE)
    assert answer_of(nothing, IDS, lambda id, text: False, "no report").unasked == IDS


GONE = [
    "ImportError: cannot import name 'price' from 'shop' (/tmp/shop.py)\ntests/test_shop.py:1\n...",
    "ModuleNotFoundError: No module named 'shop.tax'\ntests/test_shop.py:1\n",
    "AttributeError: module 'shop' has no attribute 'price'\ntests/test_shop.py:5\n",
    "NameError: name 'helper' is not defined\ntests/test_shop.py:5\n",
    "TypeError: price() got an unexpected keyword argument 'kind'\ntests/test_shop.py:5\n",
    "TypeError: price() missing 1 required positional argument: 'tax'\ntests/test_shop.py:5\n",
    "file tests/test_shop.py, line 3\n  def test_price(db):\nE       fixture 'db' not found\n",
    'Traceback (most recent call last):\n  File "tests/test_shop.py", line 9, in test_price\n'
    "AttributeError: type object 'Shop' has no attribute 'price'\n",
    "TypeError: price is not a function\n    at test/shop.test.js:5:3\n",
    "Error: Cannot find module '../src/shop'\n    at test/shop.test.js:1:1\n",
    "SyntaxError: The requested module './shop.js' does not provide an export named 'price'\n",
    "NoMethodError: undefined method `price' for Shop:Class\n",
    # a stand-in of the tests lacks what the new product wants of it
    "AttributeError: 'FakeTill' object has no attribute 'close'\nshop.py:9\n",
    "TypeError: FakeTill.open() got an unexpected keyword argument 'at'\nshop.py:9\n",
    "TypeError: <lambda>() takes 0 positional arguments but 1 was given\nshop.py:9\n",
    "AttributeError: Mock object has no attribute 'close'\ntests/test_shop.py:9\n",
]
ACCUSES = [
    "assert 6 == 9\n +  where 6 = price(2, 3)\ntests/test_shop.py:7\n",
    "AssertionError: assert 'NameError: x' == 'fine'\ntests/test_shop.py:7\n",
    "KeyError: 4\nshop.py:2\n...\nshop.py:2: KeyError",
    "AttributeError: 'NoneType' object has no attribute 'amount'\ntests/test_shop.py:7\n",
    "AttributeError: 'Till' object has no attribute 'close'\nshop.py:9\n",
    "NameError: name 'cost' is not defined\nshop.py:3\n",
    "TypeError: unsupported operand type(s) for +: 'int' and 'str'\ntests/test_shop.py:7\n",
    "Failed: DID NOT RAISE <class 'ValueError'>\ntests/test_shop.py:7\n",
    "AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:\n\n6 !== 9\n    at test/shop.test.js:6:10\n",
    "Snapshot `price 1` mismatched\n- 9\n+ 6\n",
    "it failed without a message",
]


def gone(message: str) -> bool:
    judges = "class FakeTill:\n    def open(self):\n        pass\n"
    return is_gone(message, lambda place: place == "shop.py", judges)


@pytest.mark.parametrize("message", GONE)
def test_a_name_that_is_gone_is_no_accusation(message: str) -> None:
    assert gone(message)


@pytest.mark.parametrize("message", ACCUSES)
def test_anything_else_is_one(message: str) -> None:
    assert not gone(message)


@given(st.text(alphabet="TypeError: is not a function\n'() .:/py9", max_size=400))
def test_any_message_can_be_judged_and_shown(message: str) -> None:
    is_gone(message, lambda place: True, message)
    assert len(before_of(message).splitlines()) <= 4


# how it is said


NEW = """\
from shop import price


def test_first():
    assert price(1, 1) == 3


def test_price():
    assert price(1, 1) >= 0


def test_price():
    assert price(2, 3) is not None
"""


def test_before_is_the_message_with_its_place() -> None:
    assert before_of("assert 6 == 9\n +  where 6 = price(2, 3)\ntests/test_shop.py:7\n    def test_price():\n") == (
        "assert 6 == 9\n +  where 6 = price(2, 3) (tests/test_shop.py:7)"
    )


def test_after_are_the_changed_lines_of_the_last_test_of_the_name() -> None:
    changed = Change("tests/test_shop.py", None, ((5, "x"), (13, "    assert price(2, 3) is not None")), (), "modified")
    found = shown("tests/test_shop.py::test_price", changed, NEW)
    assert found.line == 13 and found.after == "assert price(2, 3) is not None"
    assert found.excerpt.startswith("def test_price():\n    assert price(2, 3) is not None")


def test_an_expectation_that_was_removed_shows_the_test_as_it_is() -> None:
    changed = Change("tests/test_shop.py", None, (), ((9, "    assert price(1, 1) == 3"),), "modified")
    found = shown("tests/test_shop.py::test_first", changed, NEW)
    assert found.line == 4 and found.after == "def test_first():"


def test_of_another_file_its_changed_lines_are_shown() -> None:
    changed = Change("tests/golden.txt", None, ((3, "  6"),), ((3, "  9"),), "modified")
    found = shown("tests/test_shop.py::test_price", changed, "a\nb\n  6\n")
    assert (found.line, found.after) == (3, "6")


@pytest.mark.parametrize("glob", ["tests/test_shop.py::test_price", "tests/*", "*::test_price", "tests/golden.txt"])
def test_what_a_glob_declares(glob: str) -> None:
    changed = ExpectationChanged(test="tests/test_shop.py::test_price", path="tests/golden.txt", before="b", after="a")
    assert declared(changed, [glob]) and not declared(changed, ["src/*", "tests/test_shop"])


@pytest.mark.parametrize(
    ("changed", "nothing"),
    [
        ([], True),
        (["stray.txt"], True),
        (["new/data.json", "README.md", "docs/a.py.txt"], True),
        (["README.md", "shop.py"], False),
        (["new.go"], False),
        (["prices.json"], False),  # the product reads it
        (["tests/data/new.json"], False),
        (["pytest.ini"], False),
        (["run.sh"], False),  # the command runs it
    ],
)
def test_what_is_no_change_to_judge(changed: list[str], nothing: bool) -> None:
    before = {"README.md", "shop.py", "prices.json"}
    assert changes_nothing(changed, before, "sh run.sh") is nothing


@pytest.mark.parametrize(
    ("glob", "is_meant"),
    [
        ("tests/[id].test.js", True),
        ("tests/[*.test.js", True),
        ("*[[]id].test.js", False),
        ("tests/i.test.js", False),
        ("tests/[a-z].test.js", False),
    ],
)
def test_brackets_of_a_glob_are_brackets(glob: str, is_meant: bool) -> None:
    path = "tests/[id].test.js"
    changed = ExpectationChanged(test=f"{path} > price", path=path, before="b", after="a")
    assert declared(changed, [glob]) is is_meant
    plain = ExpectationChanged(test="tests/i.test.js > price", path="tests/i.test.js", before="b", after="a")
    assert declared(plain, [glob]) is (glob == "tests/i.test.js")


def test_the_new_product_with_the_old_tests_of_one_file() -> None:
    old = "fn f() -> u8 { 9 }\n\n#[cfg(test)]\nmod tests { old }\n"
    new = "fn f() -> u8 { 6 }\nfn g() {}\n\n#[cfg(test)]\nmod tests { new }\n"
    assert combined(new, old, "src/lib.rs") == "fn f() -> u8 { 6 }\nfn g() {}\n\n#[cfg(test)]\nmod tests { old }\n"
    assert combined(new, "fn f() {}\n", "src/lib.rs") is None


DOCTEST = (
    'class Shop:\n    """A shop.\n\n    >>> price(3)\n    %s\n    """\n\n    def price(self):\n        return %s\n'
)


def test_the_new_product_with_the_old_doctests() -> None:
    assert combined(DOCTEST % (6, 6), DOCTEST % (9, 9), "shop.py") == DOCTEST % (9, 6)
    assert combined(DOCTEST % (6, 6), "def f(): pass\n", "shop.py") == DOCTEST % (6, 6)
    assert combined("def", DOCTEST % (9, 9), "shop.py") is None


NEAR = {"util.py": "def near(a, b):\n    return abs(a - b) < 1\n", "tests/test_shop.py": "import shop\nimport util\n"}


@pytest.mark.parametrize(
    ("more", "leaf"),
    [
        ({}, True),
        ({"cli.py": "import util\n"}, False),  # the product uses it
        ({"util.py": "import shop\n"}, False),  # it uses what was changed as well
        ({"tests/test_shop.py": "import shop\n"}, False),  # no test names it
    ],
)
def test_a_module_that_only_tests_name_is_a_judge_beside_a_changed_product(more: dict[str, str], leaf: bool) -> None:
    texts = {**NEAR, "shop.py": "A = 1\n", **more}
    changes = [change("util.py"), change("shop.py", removed="", status="added")]
    found = roles_of(changes, IDS, PYTEST, tuple(texts), lambda path: texts.get(path, ""))
    assert [judge.path for judge in found.leaves] == ["util.py"] * leaf
    alone = roles_of(changes[:1], IDS, PYTEST, tuple(texts), lambda path: texts.get(path, ""))
    assert alone.leaves == ()


def test_our_own_configuration_is_no_judge() -> None:
    assert role(change("superteam.toml", removed="", status="added")) == "none"
    assert role(change("superteam.toml")) == "none"


def leaves_of(changes: list[Change], texts: Mapping[str, str]) -> list[str]:
    found = roles_of(changes, IDS, PYTEST, tuple(texts), lambda path: texts.get(path, ""))
    return [judge.path for judge in found.leaves]


def test_a_helper_behind_a_helper_is_a_judge() -> None:
    texts = {
        "tests/test_shop.py": "import shop\nfrom tools import checks\n",
        "tools/checks.py": "from tools.compare import same\n",
        "tools/compare.py": "def same(a, b): return a == b\n",
        "shop.py": "A = 1\n",
    }
    changes = [change("tools/compare.py"), change("shop.py")]
    assert "tools/compare.py" in leaves_of(changes, texts)
    assert "tools/compare.py" not in leaves_of(changes, {**texts, "cli.py": "from tools.compare import same\n"})


def test_a_word_of_the_product_is_no_use_of_a_module() -> None:
    texts = {"tests/test_shop.py": "import shop\nimport same\n", "same.py": "A = 1\n", "shop.py": "def same(): pass\n"}
    assert leaves_of([change("same.py"), change("shop.py")], texts) == ["same.py"]


def test_the_only_module_that_tests_load_is_the_product() -> None:
    texts = {"tests/test_shop.py": "import cli\n", "cli.py": "A = 1\n", "conf/one.txt": "1\n"}
    assert leaves_of([change("cli.py"), change("conf/one.txt")], texts) == []


def test_a_document_that_tests_name_is_a_judge() -> None:
    assert role(change("docs/prices.json"), {"tests/test_shop.py": "read('prices.json')\n"}) == "unsure"
    assert role(change("docs/prices.json")) == "none"


def test_a_changelog_that_only_grows_is_none() -> None:
    texts = {"tests/test_shop.py": "read('CHANGELOG.md')\n"}
    assert role(change("CHANGELOG.md", removed=""), texts) == "none"
    assert role(change("CHANGELOG.md"), texts) == "unsure"
    assert role(change("tests/data/CHANGELOG.md", removed=""), texts) == "sure"


def test_a_new_file_in_the_place_of_another_is_a_judge() -> None:
    package = change("veri/__init__.py", removed="", status="added")
    assert role(package, {"veri.py": "A = 1\n", "veri/__init__.py": "A = 2\n"}) == "unsure"
    assert role(package, {"veri/__init__.py": "A = 2\n"}) == "product"


def test_a_golden_file_that_is_only_renamed_is_a_judge() -> None:
    moved = change("golden/c.txt", "", "", status="renamed", old_path="golden/a.txt")
    assert role(moved) == "unsure"
    assert role(change("lib/c.txt", "", "", status="renamed", old_path="lib/a.txt")) == "none"


def test_a_package_json_of_one_line_is_read_key_by_key() -> None:
    line = '{"name": "shop", "scripts": {"test": "SLACK=5 node --test"}}'
    assert role(change("package.json", line, line.replace("5", "0"))) == "unsure"
    assert role(change("package.json", '{"name": "shop", "version": "2"}', '{"name": "shop"}')) == "none"


def test_data_in_a_folder_that_tests_name() -> None:
    assert role(change("data/2024/q1/a.in"), {"tests/test_shop.py": "Path('data').rglob('*')\n"}) == "unsure"
    assert role(change("data/a.in"), {"tests/test_shop.py": "Path('data').iterdir()\n"}) == "unsure"
    assert role(change("data/a.in"), {"tests/test_shop.py": "the data of all\n"}) == "product"


def test_the_place_of_an_id_without_one_is_the_id() -> None:
    assert place_of("make test") == "make test"
