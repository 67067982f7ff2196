"""go test as it is: what each kind of package comes to, and that what runs is what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.frameworks

MODULE = {"go.mod": "module example.com/shop\n\ngo 1.19\n"}
NASTY = r"""package a

import "testing"

func TestNasty(t *testing.T) {
	for _, n := range []string{"a b", "x+y", "", "", "a/b", "ü", "😀", "new\nline", "q\"'", "[x]", "-lead", "$(x)",
		"a::b", "^a$", "a", "a", "a#01", "b\\d", "(x|y)"} {
		t.Run(n, func(t *testing.T) {})
	}
}
func TestFails(t *testing.T) { t.Error("no") }
func ExampleX() {
	// Output:
}
"""


def package(name: str, imports: str, body: str) -> dict[str, str]:
    lines = "".join(f'import "{each}"\n' for each in ["testing", *imports.split()])
    return {f"{name}/{name}_test.go": f"package {name}\n\n{lines}\n{body}\n"}


@pytest.fixture
def go(suite: Any, need: Callable[[str], str], tmp_path: Any) -> Any:
    """Runs go with a cache that outlives the test, since the standard library is built into it."""
    need("go")
    cache = tmp_path.parent / "go-cache"

    def run(files: dict[str, str] | None, command: str = "go test ./...", **more: Any) -> Any:
        files = None if files is None else {**MODULE, **files}
        return suite(files, command, env={"GOCACHE": str(cache), "GOFLAGS": "-mod=mod"}, **more)

    return run


@pytest.mark.parametrize(
    ("imports", "body", "verdict"),
    [
        ("", "func TestA(t *testing.T) {}", "pass"),
        ("", 'func TestA(t *testing.T) { t.Error("x") }', "fail"),
        ("", 'func TestA(t *testing.T) { t.Skip("x") }', "inconclusive"),
        ("", "", "inconclusive"),
        ("", "func TestA(t *testing.T) { undefined() }", "inconclusive"),
        ("os", "func TestA(t *testing.T) { os.Exit(0) }", "fail"),
        ("syscall", "func TestA(t *testing.T) { syscall.Exit(0) }", "inconclusive"),
        ("os", "func TestA(t *testing.T) { os.Exit(3) }", "fail"),
        ("", 'func TestA(t *testing.T) { panic("x") }', "fail"),
        ("", "func TestMain(m *testing.M) {}\nfunc TestA(t *testing.T) { t.Fatal() }", "inconclusive"),
        ("os", "func TestMain(m *testing.M) { m.Run(); os.Exit(1) }\nfunc TestA(t *testing.T) {}", "inconclusive"),
        ("fmt", 'func TestA(t *testing.T) { fmt.Println("--- PASS: TestA (0.00s)"); t.Fail() }', "fail"),
    ],
)
def test_each_kind_of_package_gets_its_verdict(go, imports, body, verdict):
    imports = imports if body else "testing"
    files = package("a", imports, body) if body else {"a/a.go": "package a\n"}
    assert go(files).verdict.verdict == verdict


def test_every_test_can_be_selected_by_itself(go):
    files = {"a/a_test.go": NASTY, **package("b", "", "func TestFails(t *testing.T) {}")}
    whole = go(files).report.tests
    assert len(whole) == 23
    for id, result in whole.items():
        alone = go(None, only=[id])
        assert {key: found.outcome for key, found in alone.report.tests.items()} == {id: result.outcome}
        assert alone.verdict.verdict == ("fail" if result.outcome.bad else "pass")
    assert go(None, only=["example.com/shop/a::TestNasty/a", "example.com/shop/b::TestFails"]).verdict.verdict == "pass"
    assert go(None, only=["example.com/shop/a::TestNasty/gone"]).verdict.verdict == "inconclusive"


def test_where_arguments_cannot_be_appended_go_vet_keeps_its_exit_code(go):
    files = package("a", "", "func TestA(t *testing.T) {}") | {"Makefile": "check:\n\tgo vet ./...\n\tgo test ./...\n"}
    assert go(files, "go test ./... | cat").verdict.verdict == "pass"
    bad = {**files, "b/b.go": 'package b\n\nimport "fmt"\n\nfunc F() { fmt.Printf("%d", "x") }\n'}
    assert go(bad, "make check").verdict.verdict == "inconclusive"
