"""vitest, jest and playwright in commands, and how the preload file reaches programs of node."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.runners import jest, node, playwright, vitest
from superteam.runners.call import Call, Told, Untold

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: apt-get install nodejs")
TREE = Path("/nowhere")


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (vitest, "vitest"),
        (vitest, "vitest run src"),
        (vitest, "./node_modules/.bin/vitest run"),
        (vitest, "node --max-old-space-size=1 ./node_modules/vitest/vitest.mjs run"),
        (vitest, "vitest related src/a.ts"),
        (jest, "jest"),
        (jest, "node_modules/.bin/jest --ci"),
        (jest, "node --experimental-vm-modules node_modules/jest/bin/jest.js"),
        (jest, "node -r ts-node/register node_modules/.bin/jest"),
        (playwright, "playwright test"),
        (playwright, "playwright test e2e --project one"),
    ],
)
def test_a_call_of_the_framework_is_recognised(module: object, words: str) -> None:
    call = Call(tuple(words.split()))
    found = [other for other in (vitest, jest, playwright) if other.recognises(call, TREE)]
    assert found == [module]


@pytest.mark.parametrize(
    "words",
    [
        "vitest bench",
        "vitest list",
        "vitest --version",
        "jest --version",
        "jest --listTests",
        "playwright install",
        "playwright test --list",
        "playwright codegen",
        "node jest.js",
        "node scripts/vitest.mjs",
        "eslint vitest",
        "jest-coverage-report",
    ],
)
def test_another_call_is_not(words: str) -> None:
    call = Call(tuple(words.split()))
    assert not [module for module in (vitest, jest, playwright) if module.recognises(call, TREE)]


def test_a_name_is_matched_and_nothing_else() -> None:
    pattern = vitest.pattern(["a > b.c", "x"])
    assert [bool(re.search(pattern, name)) for name in ("a b.c", "a > b.c", "x", "a bxc", "xx", "x y")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


_TITLES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["a > b", " > ", "^$", "\\", "[a-z]", "(?:", "\n", "\u2028", "-x", "a #2", "é🎉", "{1,2}", "/"]
)


@given(_TITLES, _TITLES)
def test_an_escaped_title_matches_itself_alone(title: str, other: str) -> None:
    assert re.fullmatch(node.escaped(title), title)
    assert bool(re.fullmatch(node.escaped(title), other)) == (title == other)


@needs_node
@settings(max_examples=10, deadline=None)
@given(st.lists(_TITLES, min_size=1, max_size=20))
def test_node_reads_patterns_as_they_are_meant(titles: list[str]) -> None:
    program = "const found = JSON.parse(require('fs').readFileSync(0)).map(([pattern, names, flags]) => "
    program += "names.map((name) => new RegExp(pattern, flags).test(name))); console.log(JSON.stringify(found))"
    asked = [(f"^(?:{node.titles(title)})$", titles, flags) for title in titles for flags in ("", "u")]
    text = json.dumps(asked)
    done = subprocess.run([str(NODE), "-e", program], check=True, input=text, capture_output=True, text=True)
    found = json.loads(done.stdout)
    for (pattern, _, _), row in zip(asked, found, strict=True):
        assert row == [bool(re.search(f"{pattern[:-1]}\\Z", title)) for title in titles]


def tell(module: object, call: Call, folder: Path, only: frozenset[str] | None = None) -> Told | Untold:
    return module.tell(call, {"NODE_OPTIONS": "--no-warnings"}, folder, folder, only)  # type: ignore[attr-defined,no-any-return]


def test_the_users_own_options_of_node_stay_behind_ours(tmp_path: Path) -> None:
    told = tell(jest, Call(("jest",)), tmp_path)
    assert isinstance(told, Told)
    assert told.env["NODE_OPTIONS"] == f'--require "{node.PRELOAD}" --no-warnings'
    assert told.arguments == ()
    assert Path(told.env["SUPERTEAM_NODE_ARGS"]).is_relative_to(tmp_path)


def test_where_the_environment_does_not_reach_arguments_are_appended(tmp_path: Path) -> None:
    hidden = Call(("jest", "--watchAll=true"), env={"NODE_OPTIONS": "--experimental-vm-modules"})
    told = tell(jest, hidden, tmp_path, frozenset(["src/a.test.js > x"]))
    assert isinstance(told, Told)
    assert "NODE_OPTIONS" not in told.env
    assert f"--outputFile={tmp_path}/0.json" in told.arguments
    assert not any(word.startswith("--watchAll") for word in told.arguments)
    assert told.arguments[-2:] == ("--runTestsByPath", str(tmp_path / "src/a.test.js"))
    passed_on = Call(("jest",), env={"NODE_OPTIONS": "$NODE_OPTIONS --experimental-vm-modules"})
    assert tell(jest, passed_on, tmp_path) == tell(jest, Call(("jest",)), tmp_path)


def test_what_cannot_be_reached_says_why(tmp_path: Path) -> None:
    env = {"NODE_OPTIONS": "--x"}
    for call in (
        Call(("jest",), after=None, env=env),
        Call(("jest", "--outputFile=x"), env=env),
        Call(("vitest",), after=None, through=("deno",)),
    ):
        told = tell(vitest if "vitest" in call.words else jest, call, tmp_path)
        assert isinstance(told, Untold)
        assert "NODE_OPTIONS" in told.why


def test_too_many_names_go_through_the_preload_file_only(tmp_path: Path) -> None:
    only = frozenset(f"src/a.test.js > {'x' * 100}{number}" for number in range(2000))
    assert isinstance(tell(vitest, Call(("vitest",)), tmp_path, only), Told)
    hidden = Call(("vitest",), env={"NODE_OPTIONS": "--x"})
    assert isinstance(tell(vitest, hidden, tmp_path, only), Untold)


def test_people_get_a_command_for_a_shell() -> None:
    call = Call(("vitest", "run"), folder="packages/a b")
    ids = ("packages/a b/src/x.test.ts [unit] > it's > -here",)
    assert vitest.reproduce(call, ids) == (
        "cd 'packages/a b' && npx vitest run -t '^ ?(?:it'\"'\"'s(?: > | )\\x2dhere)$' --project=unit "
        "'packages/a b/src/x.test.ts'"
    )


ENTRY = "console.log(JSON.stringify([process.argv.slice(2), process.env.NODE_OPTIONS ?? null, "
ENTRY += "process.env.SUPERTEAM_NODE_ARGS ?? null, process.env.EXTRA ?? null, process.pid]))"


def start(folder: Path, program: node.Program, *given: str, entry: str = "jest/bin/jest.js") -> list[object]:
    file = folder / "node_modules" / entry
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(ENTRY)
    env = {"PATH": os.environ["PATH"], "NODE_OPTIONS": "--no-warnings"}
    env |= node.preload(env, folder, [program])
    done = subprocess.run([str(NODE), str(file), *given], env=env, capture_output=True, text=True, check=True)
    found: list[object] = json.loads(done.stdout)
    return found


@needs_node
def test_only_the_program_that_is_meant_gets_the_arguments_and_cleans_up(tmp_path: Path) -> None:
    program = node.Program(
        jest.ENTRIES, ("--x={pid}", "a b"), drop={"-t": 1, "--bail": -1, "-o": 0}, env={"EXTRA": "1"}
    )
    given = ("-t", "name", "--bail", "3", "--bail", "src", "-o", "-t=x", "--", "-t", "y")
    argv, options, table, extra, pid = start(tmp_path, program, *given)
    assert argv == ["src", f"--x={pid}", "a b", "--", "-t", "y"]
    assert (options, table, extra) == ("--no-warnings", None, "1")
    argv, options, table, extra, _ = start(tmp_path, program, "-t", "x", entry="npm/bin/npm-cli.js")
    assert argv == ["-t", "x"]
    assert (options, extra) == (f'--require "{node.PRELOAD}" --no-warnings', None)
    assert table is not None


@needs_node
def test_a_program_without_the_word_that_it_needs_is_left_alone(tmp_path: Path) -> None:
    program = node.Program(("playwright/cli.js",), ("--x",), needs="test")
    assert start(tmp_path, program, "install", entry="playwright/cli.js")[0] == ["install"]
    assert start(tmp_path, program, "test", entry="playwright/cli.js")[0] == ["test", "--x"]


@needs_node
def test_the_preload_file_may_lie_in_a_folder_with_spaces_and_quotes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / 'a "b" \\ c' / node.PRELOAD.name
    copy.parent.mkdir()
    shutil.copyfile(node.PRELOAD, copy)
    monkeypatch.setattr(node, "PRELOAD", copy)
    argv, options, *_ = start(tmp_path, node.Program(jest.ENTRIES, ("--x",)))
    assert (argv, options) == (["--x"], "--no-warnings")


@needs_node
def test_a_program_that_is_called_through_a_link_is_found(tmp_path: Path) -> None:
    link = tmp_path / "node_modules" / ".bin" / "jest"
    start(tmp_path, node.Program(jest.ENTRIES, ()))
    link.parent.mkdir()
    link.symlink_to("../jest/bin/jest.js")
    env = node.preload({}, tmp_path, [node.Program(jest.ENTRIES, ("--x",))])
    env["PATH"] = os.environ["PATH"]
    done = subprocess.run([str(NODE), str(link)], env=env, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)[:2] == [["--x"], None]


def test_a_planted_test_lies_beside_another(tmp_path: Path) -> None:
    assert jest.canary(Call(("jest",)), tmp_path)[0] == "superteam_canary.test.js"  # type: ignore[index]
    for name in ("node_modules/x/a.test.js", "packages/one/src/b.spec.ts", "packages/two/c.test.mjs"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    assert node.beside_a_test(Call(("jest",)), tmp_path) == "packages/one/src/superteam_canary.spec.ts"
    assert node.beside_a_test(Call(("jest",), "packages/two"), tmp_path) == "packages/two/superteam_canary.test.mjs"


@pytest.mark.parametrize(
    ("known", "place"),
    [
        ("checks/shop.js > price", "checks/superteam_canary.js"),
        ("spec/shop.check.mjs > shop > price", "spec/superteam_canary.check.mjs"),
        ("spec/shop_test.ts [unit] > price", "spec/superteam_canary_test.ts"),
        ("../spec/shop.js > price", ""),
        ("/etc/shop.js > price", ""),
        ("gone.js > price", ""),
        ("price", ""),
    ],
)
def test_a_canary_is_named_like_a_known_test(tmp_path: Path, known: str, place: str) -> None:
    for name in ("tree/checks/shop.js", "tree/spec/shop.check.mjs", "tree/spec/shop_test.ts", "spec/shop.js"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert node.beside_a_known_test([known], tmp_path / "tree") == place
