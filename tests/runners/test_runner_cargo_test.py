"""cargo test and cargo nextest: which calls are theirs, and how they are told."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from superteam.runners import cargo_test, nextest
from superteam.runners.call import Call, Told, Untold


def call(command: str, **more: object) -> Call:
    return Call(tuple(shlex.split(command)), **more)  # type: ignore[arg-type]


def tell(tmp_path: Path, command: str, only: set[str] | None = None, **more: object) -> Told | Untold:
    wanted = None if only is None else frozenset(only)
    cargo = tmp_path / "path" / "cargo"  # Rust need not be here
    cargo.parent.mkdir(exist_ok=True)
    cargo.write_text("#!/bin/sh\n")
    cargo.chmod(0o755)
    env = {"PATH": f"{cargo.parent}{os.pathsep}{os.environ['PATH']}"}
    return cargo_test.tell(call(command, **more), env, tmp_path, tmp_path, wanted)


@pytest.mark.parametrize(
    ("command", "ours"),
    [
        ("cargo test", True),
        ("cargo +nightly --color always t --workspace", True),
        ("cargo test --no-run", False),
        ("cargo test -- --list", False),
        ("cargo nextest run", False),
        ("cargo build test", False),
        ("cargo run test", False),
    ],
)
def test_cargo_test_is_recognised(tmp_path, command, ours):
    assert cargo_test.recognises(call(command), tmp_path) is ours


def test_all_programs_are_run_whether_one_fails_or_not(tmp_path):
    found = tell(tmp_path, "cargo test")
    assert isinstance(found, Told)
    assert found.arguments == ("--no-fail-fast",)
    assert "PATH" not in found.env
    behind = tell(tmp_path, "cargo test -- --test-threads=1")
    assert isinstance(behind, Told)
    assert behind.arguments == ()
    assert "--no-fail-fast" in (tmp_path / "bin" / "cargo").read_text()


def test_a_runner_of_the_users_own_is_not_replaced(tmp_path):
    (tmp_path / ".cargo").mkdir()
    (tmp_path / ".cargo" / "config.toml").write_text('[target.x86_64-unknown-linux-gnu]\nrunner = "qemu"\n')
    assert isinstance(tell(tmp_path, "cargo test"), Untold)


def test_wanted_tests_are_written_by_program_and_documentation_by_file(tmp_path):
    ids = {
        "src/lib.rs::a::größe",
        "src/lib.rs - add #2",
        "src/lib.rs - a::b",
        "tests/x.rs::t #2",
        "nothing",
        "x.rs::-q",
    }
    found = tell(tmp_path, "cargo test", ids)
    assert isinstance(found, Told)
    lines = (tmp_path / "only").read_text().splitlines()
    assert lines == ["doc\tsrc/lib.rs", "src/lib.rs\ta::größe", "tests/x.rs\tt"]
    assert (found.selects, "by file" in found.why) == ("more", True)


def test_a_command_for_people_names_the_tests_exactly():
    assert cargo_test.reproduce(call("cargo test -p x"), ("src/lib.rs::a", "tests/b.rs::c d")) == (
        "cargo test -p x --no-fail-fast -- --exact a 'c d'"
    )
    assert cargo_test.reproduce(call("cargo test"), ("src/lib.rs - add",)) is None


def test_the_canary_needs_a_package(tmp_path):
    (tmp_path / "Cargo.toml").write_text("[workspace]\n")
    assert cargo_test.canary(call("cargo test"), tmp_path) is None
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "x"\n')
    assert (cargo_test.canary(call("cargo test"), tmp_path) or ("",))[0] == "tests/superteam_canary.rs"


@pytest.mark.parametrize(
    ("command", "ours"),
    [("cargo nextest run", True), ("cargo nextest r -p x", True), ("cargo nextest list", False), ("cargo test", False)],
)
def test_nextest_is_recognised(tmp_path, command, ours):
    assert nextest.recognises(call(command), tmp_path) is ours


def test_nextest_is_told_by_a_configuration_of_ours(tmp_path):
    found = nextest.tell(call("cargo nextest run --retries 2"), {}, tmp_path, tmp_path, frozenset(["app::a"]))
    assert isinstance(found, Told)
    assert found.arguments == (
        *("--tool-config-file", f"superteam:{tmp_path / 'nextest.toml'}", "--no-fail-fast", "--no-tests=fail"),
        *("-E", "(binary_id(=app) & test(=a))"),
    )
    assert str(tmp_path / "nextest.xml") in (tmp_path / "nextest.toml").read_text()


def test_a_filter_names_both_readings_of_an_id():
    assert nextest.filterset(["a::b::c(,)"]) == (
        r"(binary_id(=a) & test(=b::c\(\,\))) | (binary_id(=a::b) & test(=c\(\,\)))"
    )


def test_nextest_with_a_junit_report_of_its_own_or_a_hidden_call_is_untold(tmp_path):
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "nextest.toml").write_text('[profile.ci.junit]\npath = "x.xml"\n')
    assert isinstance(nextest.tell(call("cargo nextest run"), {}, tmp_path, tmp_path, None), Untold)
    assert isinstance(nextest.tell(call("cargo nextest run", after=None), {}, tmp_path, tmp_path, None), Untold)
