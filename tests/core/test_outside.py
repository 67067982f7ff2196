"""State outside of the tree is found by the names that it carries and by those that code gives it."""

from __future__ import annotations

import pytest

from superteam.core.outside import HOME, PLACES, Named, Names, Text, carries, is_code, project_names, words_of

CACHE = PLACES[1]


def test_a_project_is_known_by_its_folder_its_packages_and_its_manifests():
    manifests = {
        "pyproject.toml": '[project]\nname = "my-shop"\n',
        "package.json": '{\n  "name": "@acme/shop-web"\n}',
        "go.mod": "module example.com/acme/shopd\n",
        "Cargo.toml": '[package]\nversion = "1"\nname = "shop-core"\n',
    }
    found = project_names("Till", ["prices", "tests", "setup", "db"], manifests)
    assert found == {"till", "prices", "myshop", "shopweb", "shopd", "shopcore"}  # not tests, setup; db is too short


@pytest.mark.parametrize("entry", [".shop", "shop", "Shop.json", "shop-memo.json", ".shoprc", "shop_1", ".shop.d"])
def test_an_entry_carries_the_name_that_it_begins_with(entry):
    assert carries(entry, {"shop"})


@pytest.mark.parametrize("entry", [".shopping", "workshop", "my-shop", "rc", "...", ""])
def test_an_entry_that_only_holds_the_letters_does_not(entry):
    assert not carries(entry, {"shop"})


CODE = {
    'MEMO = Path.home() / ".cache/memo.json"': "memo.json",
    'MEMO = Path.home() / ".cache" / "memo"': "memo",
    'MEMO = f"{Path.home()}/.cache/memo-{version}.json"': "memo-3.11.json",
    "MEMO = os.path.expanduser('~/.cache/memo-' + user)": "memo-me.json",
    "cat ~/.cache/memo.json || true": "memo.json",
    'x="$HOME/.cache/memo-$USER"': "memo-me",
    "const memo = join(homedir(), `.cache/memo_${x}`)": "memo_1",
    'printf(path, "%s/.cache/memo-%d", getenv("HOME"), 1)': "memo-1",
}


@pytest.mark.parametrize("code", CODE)
def test_code_names_an_entry_as_a_part_of_a_path(code):
    text = Text("shop.py", f"import os\n{code}\n", "/home/me")
    found = Names([text], CACHE.words).find(CODE[code])
    assert found is not None and (found.path, found.line, found.fixed) == ("shop.py", 2, False)


@pytest.mark.parametrize("entry", ["memos", "mem", "remo", "memo-x", "emo.json"])
def test_a_name_beside_it_is_another(entry):
    text = Text("shop.py", 'MEMO = Path.home() / ".cache" / "memo" / "a memo is kept"\n', "/home/me")
    assert Names([text], CACHE.words).find(entry) is None


def test_code_that_does_not_speak_of_the_folder_names_nothing_in_it():
    text = Text("shop.py", 'run(["memo"])\n', "/home/me")
    assert Names([text], CACHE.words).find("memo") is None


def test_a_common_name_has_to_stand_near_the_word_for_the_folder():
    text = Text(
        "shop.py", 'DOCS = "docs"\n\nBASE = Path.home()\n\nOWN = BASE / "own"\n\nSRC = ROOT / "src"\n', "/home/me"
    )
    near = Names([text], HOME.words, near=3)
    assert [near.find(name) for name in ("docs", "own", "src")] == [None, Named("shop.py", 5), None]
    assert Names([text], HOME.words).find("src") == Named("shop.py", 7)


@pytest.mark.parametrize(
    "code",
    ['System.getProperty("user.home") + "/.cache/memo"', 'open("/home/me/.cache/memo")', 'pw_dir + "/.cache/memo"'],
)
def test_code_that_finds_the_folder_without_asking_home_is_told_apart(code):
    found = Names([Text("Shop.java", code, "/home/me")], CACHE.words).find("memo")
    assert found is not None and found.fixed


def test_the_root_folder_as_home_is_no_word():
    assert not Text("a.py", "# https://x/.cache/memo", "/").fixed
    assert "//" not in words_of("/")
    assert "/home/me/" in words_of("/home/me")


@pytest.mark.parametrize(
    "path",
    ["README.md", ".gitignore", ".github/workflows/a.yml", "docs/.x/a.py", "uv.lock", "tests/test_a.py", "conftest.py"],
)
def test_documents_tests_and_what_begins_with_a_dot_tell_no_product_where_to_look(path):
    assert not is_code(path)
    assert is_code("bin/run") and is_code("shop.py") and is_code("conf/shop.toml")
