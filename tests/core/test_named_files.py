"""What a test command names, through scripts and configurations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.changes import Change
from superteam.core.integrity import examine
from superteam.core.named_files import named_files, settings_of, to_read


def named(command: str, files: dict[str, str]) -> set[str]:
    """As the engine asks: until no text is missing."""
    texts: dict[str, str] = {}
    found = named_files(command, files, texts)
    while wanted := to_read(settings_of(files), files, found, texts):
        texts |= {path: files[path] for path in wanted}
        found = named_files(command, files, texts)
    return set(found)


PRODUCT = {"src/shop.js": "", "src/shop.py": "", "lib/rules.py": "", "tools/plug.py": "", "etc/test.env": "A=1\n"}


@pytest.mark.parametrize(
    ("command", "files", "wanted"),
    [
        ("pytest -p tools.plug", {}, {"tools/plug.py"}),
        ("pytest", {"pytest.ini": "[pytest]\naddopts = -q -p tools.plug\n"}, {"tools/plug.py"}),
        ("pytest", {"pyproject.toml": '[tool.pytest]\naddopts = ["-p", "tools.plug"]\n'}, {"tools/plug.py"}),
        ("pytest", {"tests/conftest.py": 'pytest_plugins = ["tools.plug"]\n'}, {"tools/plug.py"}),
        ("pytest", {"conftest.py": 'pytest_plugins = (\n    "tools.plug",\n)\n'}, {"tools/plug.py"}),
        ("pytest -p a", {"a.py": 'pytest_plugins = "tools.plug"\n'}, {"a.py", "tools/plug.py"}),
        ("pytest", {"setup.cfg": "[tool:pytest]\nDJANGO_SETTINGS_MODULE = conf.t\n", "conf/t.py": ""}, {"conf/t.py"}),
        ("node --import ./hooks.mjs --test", {"hooks.mjs": ""}, {"hooks.mjs"}),
        ("npm test", {"package.json": '{"scripts": {"test": "mocha -r ./boot"}}', "boot.js": ""}, {"boot.js"}),
        (
            "npm test",
            {"package.json": '{"scripts": {"test": "npm run unit-a", "unit-a": "sh go.sh"}}',
             "go.sh": ". etc/test.env\n"},
            {"go.sh", "etc/test.env"},
        ),
        (
            "npx jest",
            {"package.json": '{"jest": {"setupFilesAfterEnv": ["<rootDir>/boot.js"], "transform": {"x": "./tr"}}}',
             "boot.js": "", "tr.js": ""},
            {"boot.js", "tr.js"},
        ),
        ("jest", {"jest.config.js": "module.exports = { moduleNameMapper: { a: '<rootDir>/fake.js' } }", "fake.js": ""},
         {"fake.js"}),
        ("vitest",
         {"vitest.config.ts": "setupFiles: ['./boot.ts'], alias: { a: './fake' }", "boot.ts": "", "fake.ts": ""},
         {"boot.ts", "fake.ts"}),
        ("mocha", {".mocharc.yml": "require: './boot.cjs'\n", "boot.cjs": ""}, {"boot.cjs"}),
        ("jest", {"babel.config.js": "plugins: ['./strip.js']", "strip.js": ""}, {"strip.js"}),
        (
            "make test",
            {"Makefile": "test: env\n\tsh go.sh\nenv:\n\t. etc/test.env\nserve:\n\tpython src/shop.py\n", "go.sh": ""},
            {"go.sh", "etc/test.env"},
        ),
        ("./go.sh", {"go.sh": "exec sh bin/more.sh\n", "bin/more.sh": "pytest -p tools.plug\n"},
         {"go.sh", "bin/more.sh", "tools/plug.py"}),
        ("tox", {"tox.ini": "[testenv]\ncommands = python {toxinidir}/go.py\n", "go.py": ""}, {"go.py"}),
    ],
)  # fmt: skip
def test_what_is_named_is_found_and_the_product_is_not(command: str, files: dict[str, str], wanted: set[str]) -> None:
    found = named(command, {**PRODUCT, **files}) - {"Makefile", "package.json"}
    assert found == wanted


def test_a_named_file_is_a_finding_that_says_who_names_it() -> None:
    change = Change("tools/plug.py", None, ((1, "x = 1"),), (), "modified")
    (found,) = examine([change], ("tools/",), "pytest", {"tools/plug.py": "pytest.ini"})
    assert found.kind == "test-script" and found.rank == 5 and "named by pytest.ini" in found.detail


def test_two_files_that_name_each_other_come_to_an_end() -> None:
    assert named("sh a.sh", {"a.sh": "sh b.sh", "b.sh": "sh a.sh"}) == {"a.sh", "b.sh"}


pieces = st.sampled_from(
    ["npm run ", "test:", "\n\t", "-p ", "'", '"', "./a", "{", "}", "pytest_plugins = ", "\n", "make"]
)
texts = st.lists(st.one_of(pieces, st.text(max_size=4))).map("".join)
places = st.sampled_from(
    ["package.json", "Makefile", "pytest.ini", "conftest.py", "jest.config.js", "a", "a.sh", "tox.ini"]
)


@given(texts, st.dictionaries(places, texts))
def test_no_text_can_break_it(command: str, files: dict[str, str]) -> None:
    assert named(command, files) <= set(files)
