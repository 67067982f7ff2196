"""How node --test is recognised, told to report, and asked for single tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from superteam.runners import node_test
from superteam.runners.call import Call, Told, Untold


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("node --test", True),
        ("node --import tsx --test src/*.ts", True),
        ("node22 --test", True),
        ("node -r ./setup.js uses.js", True),
        ("node --test --watch", False),
        ("node build.js", False),
        ("node build.js --test", False),
        ("node -e 1", False),
        ("jest --test", False),
    ],
)
def test_it_is_recognised_by_its_option_or_its_script(words: str, known: bool, tmp_path: Path) -> None:
    (tmp_path / "uses.js").write_text("const { test } = require('node:test')")
    (tmp_path / "build.js").write_text("1")
    assert node_test.recognises(Call(tuple(words.split())), tmp_path) is known


def options(words: str, folder: Path, env: dict[str, str] | None = None) -> str:
    told = node_test.tell(Call(tuple(words.split())), env or {}, folder, folder, None)
    assert isinstance(told, Told)
    return told.env["NODE_OPTIONS"].replace(str(folder), "F")


OURS = '--require "F/superteam_node_exits.cjs" --test-reporter="F/superteam_node_reporter.mjs"'
FILE = '--test-reporter-destination="F/report.tap"'
OUT = "--test-reporter-destination=stdout"


def test_every_reporter_has_a_destination(tmp_path: Path) -> None:
    assert options("node --test", tmp_path) == f"{OURS} {FILE} --test-reporter=spec {OUT}"
    assert options("node --test-reporter=dot --test", tmp_path) == f"{OURS} {FILE} {OUT}"
    both = "node --test-reporter dot --test-reporter-destination x --test"
    assert options(both, tmp_path) == f"{OURS} {FILE}"
    assert options("node --test", tmp_path, {"NODE_OPTIONS": "--test-reporter=tap"}).endswith(
        f"{OUT} --test-reporter=tap"
    )


def test_it_cannot_be_told_where_the_command_sets_the_variable(tmp_path: Path) -> None:
    call = Call(("node", "--test"), env={"NODE_OPTIONS": ""})
    assert isinstance(node_test.tell(call, {}, tmp_path, tmp_path, None), Untold)


def selecting(words: str, ids: set[str], folder: Path) -> tuple[str, ...]:
    told = node_test.tell(Call(tuple(words.split()), alone=True), {}, folder, folder, frozenset(ids))
    assert isinstance(told, Told)
    return told.instead


def test_the_options_stay_and_the_selection_is_ours(tmp_path: Path) -> None:
    words = "node --import tsx --test --test-name-pattern old --experimental-test-coverage --test-only a.js b.js"
    found = selecting(words, {"b.js > s (x) > t"}, tmp_path)
    pattern = r"--test-name-pattern=/^(?:s \(x\)|s \(x\) > t|t)$/"
    assert found == ("node", "--import", "tsx", "--test", pattern, "b.js")


def test_a_dash_and_a_whole_file_are_understood(tmp_path: Path) -> None:
    assert selecting("node --test", {"-a.js"}, tmp_path) == ("node", "--test", "./-a.js")


def test_what_cannot_be_selected_runs_as_a_whole(tmp_path: Path) -> None:
    told = node_test.tell(Call(("node", "a.js")), {}, tmp_path, tmp_path, frozenset({"a.js > t"}))
    assert isinstance(told, Told)
    assert (told.selects, told.instead) == ("everything", ())
    many = frozenset(f"a.js > {'x' * 90}{i}" for i in range(2000))
    told = node_test.tell(Call(("node", "--test")), {}, tmp_path, tmp_path, many)
    assert isinstance(told, Told)
    assert told.selects == "everything"
