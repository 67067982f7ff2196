"""go test and gotestsum: which calls are theirs, what is appended, and the patterns that pick tests out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.runners import go_test, gotestsum
from superteam.runners.call import Call, Told, Untold
from superteam.runners.path_shim import put_in_front


def call(command: str, **more: object) -> Call:
    return Call(tuple(shlex.split(command)), **more)  # type: ignore[arg-type]


def told(tmp_path: Path, command: str, *only: str, **more: object) -> Told:
    found = go_test.tell(call(command, **more), dict(os.environ), tmp_path, tmp_path, frozenset(only) or None)
    assert isinstance(found, Told)
    return found


@pytest.mark.parametrize(
    ("command", "ours"),
    [
        ("go test ./...", True),
        ("/usr/local/go/bin/go test -race ./...", True),
        ("go1.22.3 test .", True),
        ("go -C sub test .", True),
        ("go test . -args -c", True),
        ("go test -c ./pkg", False),
        ("go test -list . ./pkg", False),
        ("go vet ./...", False),
        ("go build test", False),
        ("gofmt test", False),
    ],
)
def test_go_test_is_recognised(tmp_path, command, ours):
    assert go_test.recognises(call(command), tmp_path) is ours


def test_a_whole_run_is_told_by_arguments_and_never_cached(tmp_path):
    assert told(tmp_path, "go test ./...").arguments == ("-json", "-count=1")
    assert told(tmp_path, "go test -count=3 ./...").arguments == ("-json",)


def test_what_stops_or_shuffles_a_run_is_turned_off_for_a_selection(tmp_path):
    found = told(tmp_path, "go test -failfast -shuffle=on -bench . ./...", "p::TestA").arguments
    assert found == ("-json", "-count=1", "-run=^TestA$", "-bench=^$", "-failfast=false", "-shuffle=off")


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["TestA"], "^TestA$"),
        (["TestB", "TestA"], "^(TestA|TestB)$"),
        (["TestA/x+y"], r"^TestA$/^x\+y$"),
        (["TestA/b", "TestA/a"], "^TestA$/^(a|b)$"),
        (["TestA/b", "TestB"], "^(TestA|TestB)$"),
        (["TestÜ/😀_#01"], "^TestÜ$/^😀_\\#01$"),
    ],
)
def test_each_level_is_escaped_and_anchored_by_itself(names, pattern):
    assert go_test.run_pattern(names) == pattern


@given(
    st.lists(
        st.text(st.characters(exclude_characters="/ ", exclude_categories=["Cs", "Cc", "Z"]), min_size=1), min_size=1
    )
)
def test_a_pattern_matches_its_names_level_by_level(parts):
    levels = re.split(r"(?<=\$)/(?=\^)", go_test.run_pattern(["/".join(parts)]))
    assert [bool(re.search(level, part)) for level, part in zip(levels, parts, strict=True)] == [True] * len(parts)


def test_a_repetition_is_selected_by_its_name(tmp_path):
    assert "-run=^TestA$" in told(tmp_path, "go test .", "p::TestA #2").arguments


def test_too_many_names_run_everything_and_say_so(tmp_path):
    found = told(tmp_path, "go test .", *(f"p::Test{number:0>100}" for number in range(2000)))
    assert not any(word.startswith("-run") for word in found.arguments)
    assert "too many" in found.why


def test_where_nothing_can_be_appended_a_go_of_ours_adds_the_arguments_to_go_test_alone(tmp_path):
    real = tmp_path / "real" / "go"
    real.parent.mkdir()
    real.write_text('#!/bin/sh\nprintf "%s|" "$@"\n[ "$1" != test ] || [ "$2" = nested ] || exec go test nested\n')
    real.chmod(0o700)
    env = {"PATH": f"{real.parent}:{os.environ['PATH']}"}
    found = go_test.tell(call("go test ./...", after=None), env, tmp_path, tmp_path, None)
    assert isinstance(found, Told)

    def say(line: str) -> str:
        env_with = {**env, **found.env}
        return subprocess.run(["sh", "-c", line], env=env_with, capture_output=True, text=True, check=True).stdout

    assert say("go test './a b' -args x") == "test|-json|-count=1|./a b|-args|x|test|nested|"
    assert say("go vet test") == "vet|test|"
    assert say("go -C test test .") == "-C|test|test|-json|-count=1|.|"


def test_a_go_that_is_called_by_its_path_cannot_be_told_through_the_path(tmp_path):
    found = go_test.tell(call("/usr/bin/go test .", after=None), dict(os.environ), tmp_path, tmp_path, None)
    assert isinstance(found, Untold)
    assert put_in_front("no-such-program", ("test",), (), tmp_path, dict(os.environ)) is None


def test_a_command_for_people_names_packages_and_tests():
    found = go_test.reproduce(call("go test -race -tags=x ./..."), ("m/b::TestB", "m/a::TestA"))
    assert found == "go test -race -tags=x -count=1 '-run=^(TestA|TestB)$' m/a m/b"


def test_the_canary_stands_beside_other_tests(tmp_path):
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "a_test.go").write_text("package a\n")
    assert go_test.canary(call("go test ./..."), tmp_path) is None
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "b_test.go").write_text("// b\n\npackage b_test\n")
    path, text = go_test.canary(call("go test ./..."), tmp_path) or ("", "")
    assert path == "b/superteam_canary_test.go"
    assert text.startswith("package b_test\n")
    assert "superteam_canary" in text


@pytest.mark.parametrize(
    ("command", "ours"),
    [
        ("gotestsum", True),
        ("gotestsum --format dots -- -race ./...", True),
        ("go run gotest.tools/gotestsum@latest", True),
        ("gotestsum tool slowest", False),
        ("gotestsum --raw-command ./x.sh", False),
    ],
)
def test_gotestsum_is_recognised(tmp_path, command, ours):
    assert gotestsum.recognises(call(command), tmp_path) is ours


def test_gotestsum_writes_a_file_and_never_reruns_a_selection(tmp_path):
    found = gotestsum.tell(call("gotestsum"), {}, tmp_path, tmp_path, frozenset(["p::TestA"]))
    assert isinstance(found, Told)
    assert found.env == {"GOTESTSUM_JSONFILE": str(tmp_path / "gotestsum.jsonl")}
    assert found.arguments == ("--rerun-fails=0", "--", "-count=1", "./...", "-run=^TestA$")
    found = gotestsum.tell(call("gotestsum -- ./pkg"), {}, tmp_path, tmp_path, None)
    assert isinstance(found, Told)
    assert found.arguments == ("-count=1",)
    assert isinstance(gotestsum.tell(call("gotestsum --jsonfile x"), {}, tmp_path, tmp_path, None), Untold)
