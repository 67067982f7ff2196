"""How mocha is recognised, told to report, and asked for single tests."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.runners import mocha
from superteam.runners.call import Call, Told, Untold


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("mocha", True),
        ("node_modules/.bin/mocha test", True),
        ("_mocha", True),
        ("node node_modules/mocha/bin/mocha.js test", True),
        ("node --enable-source-maps node_modules/.bin/mocha", True),
        ("mocha init site", False),
        ("mocha --watch", False),
        ("mocha --version", False),
        ("mochawesome", False),
        ("node mocha.js", False),
    ],
)
def test_it_is_recognised_by_name_or_file(words: str, known: bool, tmp_path: Path) -> None:
    assert mocha.recognises(Call(tuple(words.split())), tmp_path) is known


def program(told: Told | Untold, folder: Path) -> dict[str, Any]:
    assert isinstance(told, Told)
    found: dict[str, Any] = json.loads(Path(told.env["SUPERTEAM_NODE_ARGS"]).read_text())["programs"][0]
    return found


def test_the_preload_file_replaces_the_users_reporter(tmp_path: Path) -> None:
    told = mocha.tell(Call(("mocha", "--reporter", "dot")), {"NODE_OPTIONS": "--inspect"}, tmp_path, tmp_path, None)
    found = program(told, tmp_path)
    assert f"output={tmp_path}/{{pid}}.json" in found["append"]
    assert found["drop"]["--reporter"] == 1
    assert "--grep" not in found["append"]
    assert isinstance(told, Told)
    assert told.env["NODE_OPTIONS"].endswith(" --inspect")


def test_a_selection_turns_off_retries_and_bail(tmp_path: Path) -> None:
    told = mocha.tell(Call(("mocha",)), {}, tmp_path, tmp_path, frozenset({"test/a.js > b (c)"}))
    found = program(told, tmp_path)
    assert {"--retries=0", "--no-bail", r"/^(?:b \(c\))$/"} <= set(found["append"])
    assert found["drop"]["--grep"] == 1


def test_it_cannot_be_told_where_nothing_reaches_it(tmp_path: Path) -> None:
    call = Call(("mocha",), after=None, env={"NODE_OPTIONS": "-r x"})
    assert isinstance(mocha.tell(call, {}, tmp_path, tmp_path, None), Untold)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4), st.text())
def test_the_pattern_matches_these_names_and_no_other(names: list[str], other: str) -> None:
    pattern = mocha._pattern(f"a.js > {name}" for name in names)
    assert pattern.startswith("/^") and pattern.endswith("$/")
    found = re.compile(pattern[1:-1].replace("\\/", "/").removesuffix("$") + r"\Z")
    assert all(found.match(name) for name in names)
    if not any(re.sub(r" #[1-9][0-9]{0,5}\Z", "", name) == other or name == other for name in names):
        assert not found.match(other)


def test_a_person_is_told_a_command(tmp_path: Path) -> None:
    assert mocha.reproduce(Call(("mocha", "t")), ("t/a.js > b c",)) == "npx mocha t --grep '/^(?:b c)$/'"
