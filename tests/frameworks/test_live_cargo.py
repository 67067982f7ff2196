"""cargo test as it is: what each kind of test program comes to, and that what runs is what was asked for."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.frameworks

MANIFEST = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'
LIBRARY = """
/// ```
/// assert!(shop::f());
/// ```
pub fn f() -> bool { true }
#[cfg(test)]
mod tests {
    #[test] fn same() {}
    #[test] fn größe() {}
    #[test] fn fails() { println!("test tests::fails ... ok"); assert_eq!(1, 2); }
    #[test] #[should_panic] fn panics() { panic!() }
    #[test] #[ignore] fn slow() {}
}
"""


@pytest.fixture
def cargo(suite: Any, need: Callable[[str], str]) -> Any:
    """Runs cargo of the user's own toolchain."""
    need("cargo")
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)  # where rustup keeps toolchains, whatever HOME the tests have
    env = {"CARGO_HOME": os.environ.get("CARGO_HOME", str(home / ".cargo"))}
    env["RUSTUP_HOME"] = os.environ.get("RUSTUP_HOME", str(home / ".rustup"))

    def run(files: dict[str, str] | None, command: str = "cargo test --offline", **more: Any) -> Any:
        files = None if files is None else {"Cargo.toml": MANIFEST, "src/lib.rs": "", **files}
        return suite(files, command, env=env, **more)

    return run


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("", "pass"),
        ('panic!("x")', "fail"),
        ("std::process::exit(0)", "inconclusive"),
        ("std::process::abort()", "inconclusive"),
        ("undefined()", "inconclusive"),
        (
            'println!("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured"); std::process::exit(0)',
            "inconclusive",
        ),
    ],
)
def test_each_kind_of_program_gets_its_verdict(cargo, body, verdict):
    found = cargo({"tests/a.rs": f"#[test] fn a() {{ {body} }}\n"})
    assert (found.verdict.verdict, found.report.format) == (verdict, "libtest")


def test_every_test_can_be_selected_by_itself_whatever_the_command(cargo):
    files = {"src/lib.rs": LIBRARY, "tests/a.rs": "mod tests { #[test] fn same() {} }\n"}
    files["tests/own.rs"] = "fn main() {}\n"
    files["Cargo.toml"] = f'{MANIFEST}[[test]]\nname = "own"\nharness = false\n'
    whole = cargo(files).report.tests
    assert len(whole) == 8
    for id, result in whole.items():
        alone = cargo(None, "cargo test --offline -- --test-threads=1", only=[id])
        assert {key: found.outcome for key, found in alone.report.tests.items()} == {id: result.outcome}
        expected = "fail" if result.outcome.bad else "pass" if result.outcome.ran else "inconclusive"
        assert alone.verdict.verdict == expected
    pair = cargo(None, only=["src/lib.rs::tests::same", "tests/a.rs::tests::same"])
    assert (pair.verdict.verdict, len(pair.report.tests)) == ("pass", 2)
    assert cargo(None, only=["src/lib.rs::tests::gone"]).verdict.verdict == "inconclusive"
