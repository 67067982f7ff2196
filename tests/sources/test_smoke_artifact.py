"""The smoke source with a real command: what it believes, what it refuses, and that exactly the wanted fixtures run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.results import Execution
from superteam.core.settings import SourceDefinition
from superteam.ports import Tree
from superteam.sources.smoke_artifact import PLACEHOLDER, Refused, SmokeArtifactSource, arguments_for

ARTIFACT = "out/latest.json"
# Runs the fixtures named with --fixture (comma-separated or repeated), else all of fixtures.json; `spoil` changes what
# is written and how it ends.
SMOKE = """
import json, os, pathlib, sys
known = json.loads(pathlib.Path("fixtures.json").read_text())
spoil = json.loads(pathlib.Path("spoil.json").read_text()) if os.path.exists("spoil.json") else {}
if "--list" in sys.argv:
    print("\\n".join(known)); sys.exit(spoil.get("list-exit", 0))
wanted = []
for place, word in enumerate(sys.argv):
    if word == "--fixture": wanted += sys.argv[place + 1].split(",")
    if word.startswith("--one="): wanted.append(word[6:])
pathlib.Path("calls.jsonl").open("a").write(json.dumps([sys.argv[1:], os.environ.get("SUPERTEAM_FIXTURES")]) + "\\n")
wanted = (wanted or list(known))[:spoil.get("sample", 1000)]
entries = [{"fixtureId": id, "status": known.get(id, "fail"), "failedStage": "goal", "error": f"{id} broke"}
           for id in wanted]
passed = sum(entry["status"] == "pass" for entry in entries)
result = "pass" if passed == len(entries) else "fail"
document = {"runId": "r", "result": result, "mode": "live", "fixtures": entries,
            "summary": {"totalFixtures": len(entries), "passedFixtures": passed,
                        "failedFixtures": len(entries) - passed}}
document.update(spoil.get("set", {}))
if spoil.get("write", True):
    pathlib.Path("out").mkdir(exist_ok=True)
    pathlib.Path("out/latest.json").write_text(spoil.get("text") or json.dumps(document))
print("done")
sys.exit(spoil.get("exit", 0 if result == "pass" else 1))
"""
COMMAND = (sys.executable, "smoke.py", "--fixture", "{fixtures}")
LIST = (sys.executable, "smoke.py", "--list")

Run = Callable[..., Execution]


@pytest.fixture
def smoke(tmp_path: Path) -> Run:
    """Runs a smoke source in a tree: smoke({"a": "pass"}, only=..., spoil={...}, command=..., fixtures=...)."""

    def collect(
        known: dict[str, str],
        only: set[str] | None = None,
        spoil: dict[str, Any] | None = None,
        command: tuple[str, ...] = COMMAND,
        fixtures: tuple[str, ...] = LIST,
        artifact: str = ARTIFACT,
        timeout: float = 30,
    ) -> Execution:
        tree = tmp_path / "tree"
        tree.mkdir(exist_ok=True)
        (tree / "smoke.py").write_text(SMOKE)
        (tree / "fixtures.json").write_text(json.dumps(known))
        (tree / "spoil.json").write_text(json.dumps(spoil or {}))
        definition = SourceDefinition(
            name="smoke", kind="smoke-artifact", artifact=artifact, command=command, fixtures=fixtures
        )
        source = SmokeArtifactSource(definition, timeout, tmp_path / "outputs")
        wanted = None if only is None else frozenset(only)
        return anyio.run(partial(source.collect, Tree(tree, "0" * 40, dict(os.environ)), wanted))

    return collect


def calls(tmp_path: Path) -> list[Any]:
    file = tmp_path / "tree" / "calls.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def outcomes(found: Execution) -> dict[str, str]:
    return {key: result.outcome.value for key, result in found.report.tests.items()}


def told(found: Execution) -> tuple[str, str]:
    return found.verdict.verdict, found.verdict.reason or ""


# What is believed


def test_each_fixture_is_a_test_and_a_whole_run_names_all_that_are_known(smoke, tmp_path):
    found = smoke({"a": "pass", "b": "fail", "c": "timeout", "d": "error"})
    assert told(found) == ("fail", "")
    assert outcomes(found) == {"a": "passed", "b": "failed", "c": "timed-out", "d": "errored"}
    assert found.report.tests["b"].message == "goal: b broke"
    assert calls(tmp_path) == [[["--fixture", "a,b,c,d"], "a\nb\nc\nd"]]
    assert found.reproduce_command.endswith("smoke.py --fixture b,c,d")


def test_a_green_artifact_is_a_pass(smoke):
    assert told(smoke({"a": "pass"})) == ("pass", "")


def test_without_known_fixtures_the_arguments_for_them_are_left_out(smoke, tmp_path):
    assert told(smoke({"a": "pass"}, fixtures=())) == ("pass", "")
    assert calls(tmp_path) == [[[], None]]


def test_exactly_the_wanted_fixtures_run(smoke, tmp_path):
    found = smoke({"a": "pass", "b": "fail", "c": "fail"}, only={"b", "a"})
    assert told(found) == ("fail", "")
    assert outcomes(found) == {"a": "passed", "b": "failed"}
    assert calls(tmp_path) == [[["--fixture", "a,b"], "a\nb"]]


def test_an_option_is_repeated_with_each_fixture(smoke, tmp_path):
    command = (sys.executable, "smoke.py", "--fixture", "{fixture}", "--quiet")
    smoke({"a": "pass", "b": "pass"}, only={"a", "b"}, command=command)
    assert calls(tmp_path)[0][0] == ["--fixture", "a", "--fixture", "b", "--quiet"]


def test_fixtures_that_ran_unasked_are_left_out_of_the_verdict(smoke):
    found = smoke({"a": "pass", "b": "fail"}, only={"a"}, command=(sys.executable, "smoke.py"))
    assert found.verdict.verdict == "pass"
    assert "the whole command was run" in (found.verdict.reason or "")
    assert outcomes(found) == {"a": "passed"}


# What proves nothing


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"write": False}, "artifact_not_found: there is no file"),
        ({"text": "{"}, "artifact_invalid_json"),
        ({"text": "[]"}, "artifact_invalid_shape"),
        ({"text": "{}"}, 'artifact_invalid_shape: out/latest.json has no array "fixtures"'),
        ({"exit": 0}, "exit code 0, and yet 1 failed: b"),
        ({"exit": 127}, "exit code 127, command not found"),
        ({"set": {"result": "pass"}}, "says that all is well, and yet 1 failed"),
        ({"set": {"summary": {"failedFixtures": 0}}}, "the summary has failedFixtures 0, and there are 1"),
        ({"set": {"summary": {}, "fixtures": []}}, "the run failed though no fixture did"),
        ({"set": {"schemaGate": {"status": "fail", "error": "bad schema"}}}, "schema-gate: bad schema"),
        ({"set": {"issues": [{"fixtureId": "run", "error": "browser gone"}]}}, "run: browser gone"),
        ({"set": {"mode": "dry-run"}}, "it was a dry run"),
        ({"set": {"result": None}}, "it has no result"),
        ({"sample": 1}, "1 of 2 fixtures that were asked for are not in the artifact: b"),
        ({"list-exit": 3}, "the command that lists the fixtures"),
    ],
)
def test_what_contradicts_itself_is_inconclusive(smoke, spoil, words):
    verdict, reason = told(smoke({"a": "pass", "b": "fail"}, spoil=spoil))
    assert verdict == "inconclusive"
    assert words in reason


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"exit": 1}, "exit code 1 without a failed test"),
        ({"set": {"result": "fail"}}, "the run failed though no fixture did"),
        ({"set": {"fixtures": [], "summary": {}}}, "cut short: 1 of 1 fixtures that were asked for"),
        ({"set": {"fixtures": [{"fixtureId": "a"}]}}, "fixtures[0]: status_missing"),
    ],
)
def test_a_green_artifact_that_something_speaks_against_is_no_pass(smoke, spoil, words):
    verdict, reason = told(smoke({"a": "pass"}, spoil=spoil))
    assert verdict == "inconclusive"
    assert words in reason


def test_an_artifact_that_lay_there_before_is_no_evidence(smoke, tmp_path):
    assert told(smoke({"a": "pass"})) == ("pass", "")
    verdict, reason = told(smoke({"a": "pass"}, spoil={"write": False}))
    assert verdict == "inconclusive"
    assert "no new artifact was written" in reason
    assert (tmp_path / "tree" / ARTIFACT).is_file()


def test_a_fixture_that_was_asked_for_and_did_not_run_proves_nothing(smoke):
    verdict, reason = told(smoke({"a": "pass", "b": "pass"}, only={"a", "b"}, spoil={"sample": 1}))
    assert verdict == "inconclusive"
    assert "b did not run" in reason


def test_an_empty_selection_never_becomes_a_run_of_all(smoke, tmp_path):
    assert told(smoke({"a": "pass"}, only=set()))[0] == "inconclusive"
    assert calls(tmp_path) == []


@pytest.mark.parametrize("id", ["a,b", "-x", "nul\0", "\ud800"])
def test_an_id_that_cannot_be_passed_is_refused(smoke, tmp_path, id):
    verdict, reason = told(smoke({}, only={id}, command=COMMAND if "," in id else (*COMMAND[:2], "{fixtures}")))
    assert (verdict, calls(tmp_path)) == ("inconclusive", [])
    assert "the fixture id" in reason


def test_such_an_id_reaches_the_program_within_an_argument(smoke, tmp_path):
    assert told(smoke({"-x,y": "pass"}, only={"-x,y"}, command=(*COMMAND[:2], "--one={fixture}"))) == ("pass", "")
    assert calls(tmp_path)[0][0] == ["--one=-x,y"]


@pytest.mark.parametrize("artifact", ["../elsewhere.json", "/etc/hostname", "link/latest.json"])
def test_an_artifact_out_of_the_tree_is_not_read(smoke, tmp_path, artifact):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path)
    for name in ("elsewhere.json", "latest.json"):
        (tmp_path / name).write_text('{"result": "pass", "fixtures": [{"fixtureId": "a", "status": "pass"}]}')
    verdict, reason = told(smoke({"a": "pass"}, artifact=artifact))
    assert verdict == "inconclusive"
    assert "leads out of the tree" in reason


def test_a_command_that_takes_too_long_gives_no_verdict(smoke):
    found = smoke({}, command=("sleep", "60"), fixtures=(), timeout=0.3)
    assert found.exit.timed_out
    assert "timed out" in (found.verdict.reason or "")


# The arguments

words = st.sampled_from(["run", "--fixture", "-f", "{fixtures}", "{fixture}", "--one={fixture}", "--all={fixtures}"])
ids = st.lists(st.sampled_from(["a", "b c", "{fixture}", "x=1"]), min_size=1, max_size=3, unique=True)


def expanded(command: list[str], wanted: list[str] | None) -> list[str]:
    """One word after the other, looking back: what an option is for is seen only when its value comes."""
    found, before = [], ""
    for word in command:
        if not PLACEHOLDER.search(word):
            found.append(word)
        else:
            option = [found.pop()] if before in ("--fixture", "-f") and word[0] == "{" else []
            for value in [] if wanted is None else wanted if "{fixture}" in word else [",".join(wanted)]:
                found += [*option, word.partition("{")[0] + value]
        before = word
    return found


@given(st.lists(words, max_size=6), st.none() | ids)
def test_arguments_are_those_of_a_reading_word_by_word(tail: list[str], wanted: list[str] | None) -> None:
    found = arguments_for(["smoke", *tail], tuple(wanted) if wanted is not None else None)
    assert not isinstance(found, Refused)
    assert found == expanded(["smoke", *tail], wanted)
