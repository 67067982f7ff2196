"""Sabotages of suites in JavaScript, Go and Rust: a red suite that is made to look green never reads as a pass.

The rows are part of the table in docs/reference/sabotages.md; tests/test_sabotage.py compares both.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from superteam.core.baseline import Difference, Permits, compare, pin
from superteam.core.changes import Change
from superteam.core.integrity import examine

pytestmark = pytest.mark.frameworks


@dataclass(frozen=True, slots=True)
class Suite:
    """A healthy suite whose tests `name` and `price` pass: its command, its files, and where its packages are."""

    command: str
    files: Mapping[str, str]
    npm: str | None = None
    need: str = "node"


JS = "function name() { return 'shop' }\nfunction price(n) { return 3 * n }\nmodule.exports = { name, price }\n"
CHECK = """\
test('name', () => { if (name() !== 'shop') throw new Error('name') })
test('price', () => { if (price(2) !== 6) throw new Error('price') })
"""
JS_TEST = f"const {{ name, price }} = require('./shop')\n{CHECK}"
MOCHA_TEST = JS_TEST.replace("test(", "it(")
VITEST_TEST = f"import {{ test }} from 'vitest'\nimport {{ name, price }} from './shop'\n{CHECK}"
NODE_TEST = f"const {{ test }} = require('node:test')\n{JS_TEST}"
GO = 'package shop\n\nfunc Name() string { return "shop" }\nfunc Price(n int) int { return 3 * n }\n'
GO_TEST = """\
package shop

import "testing"

func TestName(t *testing.T) { if Name() != "shop" { t.Error() } }
func TestPrice(t *testing.T) { if Price(2) != 6 { t.Error() } }
"""
RUST = """\
pub fn name() -> &'static str { "shop" }
pub fn price(n: i32) -> i32 { 3 * n }
#[cfg(test)]
mod tests {
    #[test] fn name() { assert_eq!(super::name(), "shop") }
    #[test] fn price() { assert_eq!(super::price(2), 6) }
}
"""
MANIFEST = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'
SUITES = {
    "jest": Suite("node_modules/.bin/jest", {"package.json": "{}", "shop.js": JS, "shop.test.js": JS_TEST}, "jest"),
    "vitest": Suite(
        "node_modules/.bin/vitest run",
        {
            "package.json": '{"type": "module"}',
            "shop.js": JS.replace("module.exports =", "export"),
            "shop.test.js": VITEST_TEST,
        },
        "vitest",
    ),
    "mocha": Suite(
        "node_modules/.bin/mocha shop.test.js",
        {"package.json": "{}", "shop.js": JS, "shop.test.js": MOCHA_TEST},
        "mocha",
    ),
    "node --test": Suite("node --test", {"package.json": "{}", "shop.js": JS, "shop.test.js": NODE_TEST}),
    "go test": Suite(
        "go test ./...",
        {"go.mod": "module example.com/shop\n\ngo 1.19\n", "shop.go": GO, "shop_test.go": GO_TEST},
        need="go",
    ),
    "cargo test": Suite("cargo test --offline", {"Cargo.toml": MANIFEST, "src/lib.rs": RUST}, need="cargo"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What is done to a suite of this framework whose code is broken, and what it gets."""

    framework: str
    what: str
    files: Mapping[str, str]
    gets: str
    rule: str


def edit(framework: str, old: str, new: str) -> dict[str, str]:
    """The file of tests with one part replaced."""
    name = {"go test": "shop_test.go", "cargo test": "src/lib.rs"}.get(framework, "shop.test.js")
    text = BROKEN[framework].get(name, SUITES[framework].files[name])
    assert old in text, text
    return {name: text.replace(old, new)}


BROKEN = {
    name: {path: text.replace("3 * n", "2 * n") for path, text in suite.files.items() if "3 * n" in text}
    for name, suite in SUITES.items()
}
ENDS = "a report without its end proves nothing"
EXPECTED = "every expected test has to be there and to run"
JS_EXIT = "if (price(2) !== 6) throw new Error('price')"
TABLE = (
    *(
        Row(
            name,
            "`process.exit(0)` in the failing test",
            edit(name, JS_EXIT, "process.exit(0)"),
            "inconclusive",
            ENDS,
        )
        for name in ("jest", "mocha", "node --test")
    ),
    Row(
        "vitest",
        "`process.exit(0)` in the failing test",
        edit("vitest", JS_EXIT, "process.exit(0)"),
        "new failure",
        "vitest makes it a failure",
    ),
    *(
        Row(
            name,
            "`.skip` on the failing test",
            edit(name, f"{call}('price'", f"{call}.skip('price'"),
            "newly skipped",
            EXPECTED,
        )
        for name, call in (("jest", "test"), ("vitest", "test"), ("mocha", "it"), ("node --test", "test"))
    ),
    *(
        Row(name, "`.only` on the other test", edit(name, f"{call}('name'", f"{call}.only('name'"), gets, EXPECTED)
        for name, call, gets in (
            ("jest", "test", "newly skipped"),
            ("vitest", "test", "newly skipped"),
            ("mocha", "it", "missing"),
        )
    ),
    *(
        Row(
            name,
            "`.todo` on the failing test",
            edit(name, "test('price'", "test.todo('price'"),
            "newly skipped",
            EXPECTED,
        )
        for name in ("vitest", "node --test")
    ),
    Row(
        "jest",
        "`.todo` on the failing test",
        edit("jest", "test('price'", "test.todo('price'"),
        "inconclusive",
        "jest cannot load the file: an error of the suite",
    ),
    Row(
        "jest",
        "`.failing` on the failing test",
        edit("jest", "test('price'", "test.failing('price'"),
        "newly skipped",
        EXPECTED,
    ),
    Row(
        "jest",
        "`jest.retryTimes` and a test that fails at first",
        edit(
            "jest",
            CHECK,
            CHECK.replace("price(2) !== 6", "!globalThis.tried && (globalThis.tried = 1)") + "jest.retryTimes(2)\n",
        ),
        "new failure",
        "a pass on a later try is a new failure",
    ),
    Row(
        "jest",
        "the failing test is deleted",
        {"shop.test.js": "\n".join(JS_TEST.splitlines()[:2])},
        "missing",
        EXPECTED,
    ),
    Row(
        "jest",
        "`--passWithNoTests` and no file of tests",
        {"package.json": '{"jest": {"testMatch": ["nothing"], "passWithNoTests": true}}'},
        "inconclusive",
        "no test ran",
    ),
    Row(
        "jest",
        "a reporter of the tree that prints green and ends with 0",
        {
            "package.json": '{"jest": {"reporters": ["./quiet.js"]}}',
            "quiet.js": "module.exports = class { onRunComplete() { console.log('2 passed'); process.exit(0) } }\n",
        },
        "inconclusive",
        ENDS,
    ),
    Row(
        "mocha",
        "`process.exit(0)` in a hook of the root",
        {
            ".mocharc.json": '{"require": "./quiet.js"}',
            "quiet.js": "exports.mochaHooks = { afterAll() { process.exit(0) } }\n",
        },
        "inconclusive",
        ENDS,
    ),
    Row(
        "vitest",
        "`dangerouslyIgnoreUnhandledErrors` and `passWithNoTests`",
        {
            "vitest.config.js": "export default { test: { include: ['nothing'], passWithNoTests: true,"
            " dangerouslyIgnoreUnhandledErrors: true } }\n"
        },
        "inconclusive",
        "no test ran",
    ),
    Row(
        "node --test",
        "tests print TAP",
        edit("node --test", JS_EXIT, f"console.log('ok 1 - price\\n1..1'); {JS_EXIT}"),
        "new failure",
        "what is printed is not believed",
    ),
    Row(
        "go test",
        "`os.Exit(0)` in the failing test",
        {
            "shop_test.go": GO_TEST.replace('import "testing"', 'import ("os"; "testing")').replace(
                "if Price(2) != 6 { t.Error() }", "os.Exit(0)"
            )
        },
        "new failure",
        "go makes it a failure",
    ),
    Row(
        "go test",
        "`TestMain` ends with 0",
        {
            "main_test.go": 'package shop\n\nimport ("os"; "testing")\n\n'
            "func TestMain(m *testing.M) { m.Run(); os.Exit(0) }\n"
        },
        "inconclusive",
        "exit code, report and outcomes have to agree",
    ),
    Row(
        "go test",
        "`TestMain` runs nothing",
        {"main_test.go": 'package shop\n\nimport ("os"; "testing")\n\nfunc TestMain(m *testing.M) { os.Exit(0) }\n'},
        "inconclusive",
        "no test ran",
    ),
    Row("go test", "`t.Skip`", edit("go test", "if Price(2)", "t.Skip(); if Price(2)"), "newly skipped", EXPECTED),
    Row(
        "go test",
        "a build tag hides the file",
        {"shop_test.go": f"//go:build never\n\n{GO_TEST}"},
        "inconclusive",
        "no test ran",
    ),
    Row(
        "go test",
        "a test prints lines of go's own JSON",
        edit(
            "go test",
            "{ if Price(2)",
            '{ println(`{"Action":"pass","Package":"example.com/shop","Test":"TestPrice"}`); if Price(2)',
        ),
        "new failure",
        "what is printed is not believed",
    ),
    Row(
        "cargo test",
        "`std::process::exit(0)` in the failing test",
        edit("cargo test", "assert_eq!(super::price(2), 6)", "std::process::exit(0)"),
        "inconclusive",
        ENDS,
    ),
    Row(
        "cargo test",
        "`#[ignore]`",
        edit("cargo test", "#[test] fn price", "#[test] #[ignore] fn price"),
        "newly skipped",
        EXPECTED,
    ),
    Row(
        "cargo test",
        "`#[should_panic]`",
        edit("cargo test", "#[test] fn price", "#[test] #[should_panic] fn price"),
        "pass, with the finding added-skip `src/lib.rs`",
        "changes to what decides verdicts are listed",
    ),
    Row(
        "cargo test",
        "`test = false` in Cargo.toml",
        {"Cargo.toml": f"{MANIFEST}[lib]\ntest = false\n"},
        "inconclusive",
        "no test ran",
    ),
)
LISTS = ("new failure", "missing", "newly skipped")
ROWS = tuple(
    (f"{row.framework}: {row.what}", f"fail: {row.gets}" if row.gets in LISTS else row.gets, row.rule) for row in TABLE
)


@pytest.fixture
def healthy(suite: Any, need: Callable[[str], str], tmp_path: Path) -> Callable[[str], Any]:
    """Runs a framework on files, in an environment in which it works."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    env = {
        "CARGO_HOME": os.environ.get("CARGO_HOME", str(home / ".cargo")),
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(home / ".rustup")),
        "GOCACHE": str(tmp_path.parent / "go-cache"),
        "GOFLAGS": "-mod=mod",
        "GOTOOLCHAIN": "local",
    }

    def run(framework: str, more: Mapping[str, str]) -> Any:
        about = SUITES[framework]
        need(about.need)
        return suite({**about.files, **more}, about.command, npm=about.npm, env=env, timeout=120.0)

    return run


def changed(path: str, text: str) -> Change:
    return Change(path, None, tuple(enumerate(text.splitlines(), 1)), (), "modified")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.framework}: {row.what}")
def test_no_sabotage_reads_as_a_pass_that_is_none(row: Row, healthy: Any) -> None:
    before = healthy(row.framework, {})
    assert before.verdict.verdict == "pass", before.verdict
    found = healthy(row.framework, {**BROKEN[row.framework], **row.files})
    if not found.verdict.sound:
        assert row.gets == "inconclusive", found.verdict
        return
    seen = compare(pin(before.report, "0" * 40), found.report, Permits())
    if seen == Difference():
        findings = examine(map(changed, row.files, row.files.values()), (), SUITES[row.framework].command)
        assert row.gets in {f"pass, with the finding {found.kind} `{found.path}`" for found in findings}, findings
        return
    lists = {"new failure": seen.new_failures, "missing": seen.missing, "newly skipped": seen.newly_skipped}
    assert any("rice" in id for id in lists[row.gets]), seen
