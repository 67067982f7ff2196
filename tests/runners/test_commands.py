"""What a user's command comes to: through the shell, wrappers and the repository's own scripts."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.runners.call import Call
from superteam.runners.commands import find_calls
from superteam.runners.scripts import workspace_folders
from superteam.runners.shell import simple_commands

HERE = Path("/nonexistent")


def tree_of(folder: Path, files: Mapping[str, object]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def shown(calls: tuple[Call, ...]) -> list[str]:
    return [shlex.join(call.words) for call in calls]


def only(command: str, tree: Path = HERE) -> Call:
    (call,) = find_calls(command, tree)
    return call


# -- the shell


@pytest.mark.parametrize(
    ("command", "calls"),
    [
        ("pytest -q", ["pytest -q"]),
        ("", []),
        ("   \n", []),
        ("# pytest", []),
        ("a && b || c; d | e & f", ["a", "b", "c", "d", "e", "f"]),
        ("a\nb", ["a", "b"]),
        ("(a; b)", ["a", "b"]),
        ("pytest -k 'a && b' \"c; d\" e\\ f", ["pytest -k 'a && b' 'c; d' 'e f'"]),
        ("pytest > log.txt 2>&1 -x < in", ["pytest -x"]),
        ("pytest 2> err &> all >| x", ["pytest"]),
        ("pytest a2>x", ["pytest a2"]),
        ("pytest a#b # c", ["pytest 'a#b'"]),
        ("pytest \\\n  -x", ["pytest -x"]),
        ("cat <<EOF | sh\nnpm test\nEOF\npytest", ["cat", "sh", "pytest"]),
        ("if [ -f x ]; then pytest; else tox; fi", ["pytest", "tox"]),
        ("for f in a b; do pytest $f; done", ["pytest '$f'"]),
        ("! pytest", ["pytest"]),
        ("{ pytest; }", ["pytest"]),
        ("while ! pytest; do x; done", ["pytest", "x"]),
        ("pytest $(ls tests) `ls`", ["pytest '$(ls tests)' '`ls`'"]),
        ("echo 'unfinished", []),
        ('echo "unfinished', []),
        ("echo $(a $(b))", []),
    ],
)
def test_a_command_is_read_as_the_shell_does(command, calls):
    found = shown(find_calls(command, HERE))
    assert found == calls or (command.startswith("echo $(") and "pytest" not in str(found))


@pytest.mark.parametrize(
    ("command", "after"),
    [
        ("pytest", ()),
        ("a && pytest", ()),
        ("pytest\n", None),
        ("pytest;", None),
        ("pytest | tee log", None),
        ("pytest && b", None),
        ("(pytest)", None),
        ("pytest > log", None),
        ("pytest # all", None),
        ("sh -c pytest", None),
        ("if a; then pytest; fi", None),
        ("uv run pytest", ()),
    ],
)
def test_it_is_known_whether_appended_words_reach_the_call(command, after):
    (call,) = [call for call in find_calls(command, HERE) if call.words == ("pytest",)]
    assert call.after == after


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        ("cd sub && pytest", "sub"),
        ("cd sub/deep; cd .. && pytest", "sub"),
        ("cd ./sub/ && pytest", "sub"),
        ("(cd other && a); pytest", ""),
        ("(cd other && a); (cd sub && pytest)", "sub"),
        ("pushd sub && pytest", "sub"),
        ("env -C sub pytest", "sub"),
        ("uv run --directory sub pytest", "sub"),
    ],
)
def test_the_folder_of_a_call_is_followed(command, folder):
    (call,) = [call for call in find_calls(command, HERE) if call.words == ("pytest",)]
    assert call.folder == folder


@pytest.mark.parametrize("path", ["..", "/", "/tmp", "~", "-", "$HOME", "sub/../..", "", "$(pwd)"])
def test_who_leaves_the_tree_is_not_followed(path):
    assert find_calls(f"cd {path} && pytest", HERE) == ()


def test_assignments_are_the_environment_of_the_call():
    call = only("A=1 B='x y' env C=3 cross-env D=4 pytest E=5")
    assert (dict(call.env), call.words) == ({"A": "1", "B": "x y", "C": "3", "D": "4"}, ("pytest", "E=5"))


def test_what_is_exported_holds_for_the_calls_behind_it():
    assert dict(only("export A=1 && pytest").env) == {"A": "1"}


# -- wrappers


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("time nice -n 5 timeout -k 3 60 pytest -q", "pytest -q"),
        ("timeout --signal=KILL 10m pytest", "pytest"),
        ("xvfb-run -a -s '-screen 0' npx --no-install playwright test", "playwright test"),
        ("exec sudo -E -u ci pytest", "pytest"),
        ("env -i A=b pytest", "pytest"),
        ("env -u HOME pytest", "pytest"),
        ("command -v pytest && command pytest", "pytest"),
        ("npx --yes -p vitest vitest run", "vitest run"),
        ("npx -- jest --ci", "jest --ci"),
        ("bunx vitest", "vitest"),
        ("pnpm exec vitest run", "vitest run"),
        ("pnpm dlx vitest", "vitest"),
        ("npm exec -- vitest", "vitest"),
        ("yarn exec jest", "jest"),
        ("yarn jest --ci", "jest --ci"),
        ("yarn run jest", "jest"),
        ("pnpm vitest", "vitest"),
        ("bun run vitest", "vitest"),
        ("bun test ./a", "bun test ./a"),
        ("uv run pytest -q", "pytest -q"),
        ("uv run --with x --extra test -- pytest", "pytest"),
        ("uv run --frozen -m pytest -x", "python -m pytest -x"),
        ("uv --quiet run pytest", "pytest"),
        ("uv run tests.py", "python tests.py"),
        ("uvx --with x pytest", "pytest"),
        ("poetry run pytest", "pytest"),
        ("pipenv run pytest", "pytest"),
        ("pdm run pytest", "pytest"),
        ("hatch run test:pytest -q", "pytest -q"),
        ("rye run pytest", "pytest"),
        ("conda run -n env pytest", "pytest"),
        ("bundle exec rspec", "rspec"),
        ("python -m pytest -q", "python -m pytest -q"),
        ("python3.11 -m coverage run --source a -m pytest -q", "python -m pytest -q"),
        ("coverage run --branch tests.py", "python tests.py"),
        ("coverage run -m unittest", "python -m unittest"),
        ("cross-env A=b CI=1 vitest", "vitest"),
        ("dotenv -e .env -- vitest", "vitest"),
        ("dotenv run pytest", "pytest"),
        ("nyc --reporter=text mocha", "mocha"),
        ("c8 -r html node --test", "node --test"),
        ("bash -lc 'cd . && pytest -q'", "pytest -q"),
        ("sh -ec pytest", "pytest"),
        ("mvn -q test", "mvn -q test"),
        ("tox -e py311", "tox -e py311"),
    ],
)
def test_wrappers_are_seen_through(command, words):
    assert shown(find_calls(command, HERE)) == [words]


# -- scripts of the repository


PACKAGE = {
    "name": "root",
    "scripts": {
        "pretest": "eslint .",
        "test": "vitest run",
        "posttest": "echo done",
        "unit": "jest",
        "all": "npm run unit && npm run unit -- --ci",
        "nested": "npm run unit",
        "number": 3,
        "loop": "npm run loop; npm run loop",
        "both": "run-s unit nested",
    },
}


@pytest.mark.parametrize(
    ("command", "calls", "after"),
    [
        ("npm test", ["eslint .", "vitest run", "echo done"], ("--",)),
        ("npm t", ["eslint .", "vitest run", "echo done"], ("--",)),
        ("npm test -- --bail 1", ["eslint .", "vitest run --bail 1", "echo done"], ()),
        ("npm run -s unit", ["jest"], ("--",)),
        ("npm run-script unit", ["jest"], ("--",)),
        ("npm run nested", ["jest"], ("--", "--")),
        ("npm run all", ["jest", "jest --ci"], None),
        ("npm run number", ["npm run number"], None),
        ("yarn test --x", ["eslint .", "vitest run --x", "echo done"], ()),
        ("yarn unit", ["jest"], ()),
        ("pnpm run unit", ["jest"], ()),
        ("pnpm unit --ci", ["jest --ci"], ()),
        ("bun run unit", ["jest"], ()),
        ("bun test", ["bun test"], ()),
        ("yarn both", ["jest", "jest"], None),
        ("npm install && npm run unit", ["npm install", "jest"], ("--",)),
        ("npm --prefix sub test", ["mocha"], ("--",)),
        ("npm test -w subpackage", ["mocha"], ("--",)),
        ("npm test --workspace=sub", ["mocha"], ("--",)),
        ("yarn workspace subpackage test", ["mocha"], ()),
        ("pnpm --filter subpackage test", ["mocha"], ()),
        ("pnpm --filter subpackage exec mocha -x", ["mocha -x"], ()),
        ("cd sub/deep && npm test", ["mocha"], ("--",)),
        ("npm test --workspaces", [], None),
        ("npm --prefix .. test", [], None),
        ("npm run loop", [], None),
    ],
)
def test_scripts_of_a_package_are_read(tmp_path, command, calls, after):
    sub = {"name": "subpackage", "scripts": {"test": "mocha"}}
    tree = tree_of(tmp_path, {"package.json": PACKAGE, "sub/package.json": sub, "sub/deep/x": ""})
    found = find_calls(command, tree)
    assert shown(found) == calls
    tested = [call.after for call in found if call.program in ("vitest", "jest", "mocha", "bun")]
    assert not tested or after is None or tested[-1] == after


def test_a_workspaces_script_runs_in_its_folder(tmp_path):
    tree = tree_of(tmp_path, {"a/b/package.json": {"name": "x", "scripts": {"test": "jest"}}, "package.json": {}})
    assert only("npm test -w x", tree).folder == "a/b"


MAKEFILE = """
PY ?= python
PYTEST := $(PY) -m pytest
FLAGS = -q
FLAGS += -x  # a comment
.PHONY: all test
all: test lint
test: build
\t@$(PYTEST) ${FLAGS} $(ARGS)
\t-cd sub && pytest \\
\t\t--long
build:
\techo building $@
lint:; ruff check .
shell:
\tpytest $(shell ls)
price:
\techo $$HOME && pytest
sub:
\t+$(MAKE) -C sub
loop: loop
\tpytest
bomb:
\tpytest $(B1)
%.o: %.c
\tcc
""" + "".join(f"B{n} = $(B{n + 1}) $(B{n + 1})\n" for n in range(1, 60))


@pytest.mark.parametrize(
    ("command", "calls"),
    [
        ("make test", ["echo building build", "python -m pytest -q -x", "pytest --long"]),
        ("make test ARGS='-k a' PY=py", ["echo building build", "py -m pytest -q -x -k a", "pytest --long"]),
        ("make lint", ["ruff check ."]),
        ("make", ["echo building build", "python -m pytest -q -x", "pytest --long", "ruff check ."]),
        ("make -j 2 -s lint", ["ruff check ."]),
        ("make shell", []),
        ("make price", ["echo '$HOME'", "pytest"]),
        ("make sub", ["jest"]),
        ("make -C sub", ["jest"]),
        ("make -f sub/Makefile unit", ["jest"]),
        ("make loop", ["pytest"]),
        ("make bomb", []),
        ("make nothing", []),
        ("make -C .. test", []),
    ],
)
def test_recipes_of_a_makefile_are_read(tmp_path, command, calls):
    tree = tree_of(tmp_path, {"Makefile": MAKEFILE, "sub/Makefile": "unit:\n\tjest\n"})
    found = find_calls(command, tree)
    assert shown(found) == calls
    assert all(call.after is None for call in found)


def test_a_recipes_folder_is_that_of_its_makefile(tmp_path):
    tree = tree_of(tmp_path, {"Makefile": "t:\n\t$(MAKE) -C sub\n", "sub/Makefile": "t:\n\tcd deep && jest\n"})
    assert only("make", tree).folder == "sub/deep"


def test_recipes_of_a_justfile_are_read(tmp_path):
    text = "py := 'python'\ndefault: test\n\ntest *args: build\n  @{{py}} -m pytest {{args}}\n  {{py}} -m pytest\n"
    assert shown(find_calls("just test", tree_of(tmp_path, {"justfile": text}))) == ["python -m pytest"]


@pytest.mark.parametrize(
    ("command", "calls", "after"),
    [
        ("composer test", ["phpunit"], ("--",)),
        ("composer run-script test", ["phpunit"], ("--",)),
        ("composer test -- --filter x", ["phpunit --filter x"], ()),
        ("composer all", ["phpcs", "phpunit"], None),
        ("composer install", ["composer install"], ()),
    ],
)
def test_scripts_of_composer_are_read(tmp_path, command, calls, after):
    scripts = {"test": "phpunit", "all": ["phpcs", "@test"]}
    found = find_calls(command, tree_of(tmp_path, {"composer.json": {"scripts": scripts}}))
    assert (shown(found), found[-1].after) == (calls, after)


@pytest.mark.parametrize(
    ("command", "calls", "after"),
    [
        ("./run.sh", ["python -m pytest -q"], ()),
        ("./run.sh -x 'a b'", ["python -m pytest -q -x 'a b'"], ()),
        ("sh scripts/all.sh", ["make", "pytest"], None),
        ("bash -ex scripts/all.sh", ["make", "pytest"], None),
        ("./tool.py", ["./tool.py"], ()),
        ("sh missing.sh", ["sh missing.sh"], ()),
        ("./loop.sh", [], None),
        ("sh ../out.sh", ["sh ../out.sh"], ()),
    ],
)
def test_shell_scripts_of_the_repository_are_read(tmp_path, command, calls, after):
    (tmp_path / "out.sh").write_text("pytest")
    tree = tree_of(
        tmp_path / "tree",
        {
            "run.sh": '#!/usr/bin/env bash\nset -e\ncd "$(dirname "$0")"\nexec python -m pytest -q "$@"\n',
            "scripts/all.sh": 'cd "$(dirname "${BASH_SOURCE[0]}")/.."\nexport A=1\n./build && pytest\n',
            "build": "#!/bin/sh\nmake\n",
            "tool.py": "#!/usr/bin/env python\nimport pytest",
            "loop.sh": "#!/bin/sh\n./loop.sh; ./loop.sh; ./loop.sh\n",
        },
    )
    (tree / "Makefile").write_text("all:\n\tmake\n")
    found = [call for call in find_calls(command, tree) if call.program not in ("set",)]
    calls = [call for call in calls if call != "make"]
    assert shown(tuple(found)) == calls
    assert not found or found[-1].after == after
    assert all(call.folder == "" for call in found)


def test_tasks_of_python_tools_are_read(tmp_path):
    hatch = {"test": "pytest {args:tests}", "all": ["ruff check", "pytest"]}
    text = f"[tool.hatch.envs.default.scripts]\ntest = {json.dumps(hatch['test'])}\nall = {json.dumps(hatch['all'])}\n"
    text += '[tool.pdm.scripts]\nunit = {cmd = "pytest -q"}\n'
    tree = tree_of(tmp_path, {"pyproject.toml": text, "Pipfile": '[scripts]\nt = "python -m pytest"\n'})
    assert [
        shown(find_calls(c, tree)) for c in ("hatch run test", "hatch run all", "pdm run unit", "pipenv run t")
    ] == [
        ["pytest"],
        ["ruff check", "pytest"],
        ["pytest -q"],
        ["python -m pytest"],
    ]


# -- hostile text


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": "[" * 100_000},
        {"package.json": '{"scripts": ["test"]}'},
        {"package.json": '{"scripts": {"test": "' + "(" * 50_000 + '"}}'},
        {"package.json": '{"scripts": {"test": "' + "a;" * 100_000 + '"}}'},
        {"package.json": '{"scripts": {"test": "npm test; npm test; npm test"}}'},
        {"package.json": " " * 2**21},
        {"Makefile": "test:\n" + "\tmake test; make test\n" * 50_000},
        {"Makefile": "A = $(A)$(A)\ntest:\n\t$(A)\n"},
        {"Makefile": "A = " + "$(B)" * 2000 + "\nB = " + "x" * 8000 + "\ntest:\n\t" + "$(A)" * 2000 + "\n"},
        {"Makefile": "test: " + "test " * 100_000 + "\n"},
        {"Makefile": "\\\n" * 300_000 + "test:"},
    ],
)
def test_a_hostile_script_is_harmless(tmp_path, files):
    tree = tree_of(tmp_path, files)
    began = time.process_time()
    assert len(find_calls("npm test; make test", tree)) <= 200
    assert time.process_time() - began < 3


def test_reading_a_hostile_line_is_linear():
    for piece in ("\"'", "a\\", "$(", "<<A\n", "1", "((", "a=", "# "):
        began = time.process_time()
        simple_commands(piece * 100_000)
        assert time.process_time() - began < 3, piece


@given(st.text())
def test_any_text_can_be_read(text):
    assert all(call.words for call in find_calls(text, HERE))


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1)))
def test_quoted_words_come_back_as_they_were(commands):
    """shlex quotes; whatever is quoted like that is a plain word to the shell and to us."""
    named = [["program", *words] for words in commands]
    found = simple_commands(" && ".join(map(shlex.join, named)))
    assert [command.words for command in found or []] == named


# -- exit codes and workspaces


@pytest.mark.parametrize(
    ("command", "lost"),
    [
        ("jest", []),
        ("jest && pytest", []),
        ("jest; pytest", ["jest"]),
        ("jest\npytest", ["jest"]),
        ("set -e; jest; pytest", []),
        ("jest || true", ["jest"]),
        ("jest || exit 1; pytest", []),
        ("jest | tee log", ["jest"]),
        ("jest & pytest", ["jest"]),
        ("(cd a && jest) && pytest", []),
        ("(cd a && jest); pytest", ["jest"]),
        ("sh -c 'jest; true' && pytest", ["jest"]),
    ],
)
def test_a_call_knows_whether_its_exit_code_can_get_lost(command, lost):
    frameworks = [call for call in find_calls(command, HERE) if call.program in ("jest", "pytest")]
    assert [call.program for call in frameworks if call.lost] == lost


@pytest.mark.parametrize("listing", [{"workspaces": ["packages/*"]}, {"workspaces": {"packages": ["packages/*"]}}])
@pytest.mark.parametrize("command", ["npm test --workspaces", "npm test -ws --if-present", "pnpm -r test"])
def test_workspaces_each_run_their_script(tmp_path, listing, command):
    files = {f"packages/{name}/package.json": {"scripts": {"test": f"jest {name}"}} for name in "ab"}
    tree = tree_of(tmp_path, {"package.json": listing, **files})
    found = find_calls(command, tree)
    assert [(call.folder, shlex.join(call.words)) for call in found] == [
        ("packages/a", "jest a"),
        ("packages/b", "jest b"),
    ]


@pytest.mark.parametrize("pattern", ["", "/", "packages/a**", "!packages/x", "a\0b", "[", "./", "**"])
def test_a_workspace_pattern_that_is_none_names_no_folder(tmp_path, pattern):
    (tmp_path / "package.json").write_text(json.dumps({"workspaces": [pattern, "packages/*"]}))
    (tmp_path / "packages/b").mkdir(parents=True)
    (tmp_path / "packages/b/package.json").write_text("{}")
    assert [folder for folder in workspace_folders(tmp_path, "") if folder != "."] == ["packages/b"]


def test_workspaces_of_pnpm_are_listed_in_its_own_file(tmp_path):
    tree = tree_of(tmp_path, {"package.json": {}, "pnpm-workspace.yaml": "packages:\n  - 'libs/*'\n  - '!**/x'\n"})
    tree_of(tree, {"libs/a/package.json": {"scripts": {"test": "jest"}}})
    assert [call.folder for call in find_calls("pnpm -r test", tree)] == ["libs/a"]
