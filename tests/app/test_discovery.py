"""What is guessed from listings and manifests: at least three forms of each ecosystem, and manifests that lie."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from superteam.app.discovery import ECOSYSTEMS, Discovery, choose, discover
from superteam.app.discovery.facts import Facts
from superteam.runners.shell import simple_commands

EVERY = frozenset(
    ("python", "python3", "uv", "poetry", "pdm", "pipenv", "tox", "nox", "node", "npm", "pnpm", "yarn", "bun", "deno",
     "go", "golangci-lint", "cargo", "cargo-nextest", "mvn", "gradle", "bundle", "composer", "make", "just",
     "pre-commit")
)  # fmt: skip


def facts(files: Mapping[str, str], programs: frozenset[str] = EVERY, folders: frozenset[str] = frozenset()) -> Facts:
    return Facts(frozenset(files), dict(files), programs, folders)


def package(**more: object) -> str:
    return json.dumps({"name": "x", **more})


PYTEST = "def test_a():\n    assert True\n"
UNITTEST = "import unittest\n\n\nclass T(unittest.TestCase):\n    pass\n"
PROJECT = '[project]\nname = "x"\n'

# files -> the test command, the gates, the setup
FORMS: dict[str, tuple[dict[str, str], str | None, list[str], str | None]] = {
    "python, configured in pyproject.toml, with uv": (
        {"pyproject.toml": f"{PROJECT}[tool.pytest.ini_options]\n[tool.ruff]\n[tool.mypy]\n", "uv.lock": ""},
        "pytest -q",
        ["ruff check .", "mypy ."],
        "uv sync",
    ),
    "python, pytest in an extra, with uv": (
        {"pyproject.toml": f'{PROJECT}[project.optional-dependencies]\ntest = ["pytest>=8"]\n', "uv.lock": ""},
        "pytest -q",
        [],
        "uv sync --extra test",
    ),
    "python, pytest in a group, with uv": (
        {"pyproject.toml": f'{PROJECT}[dependency-groups]\ndev = ["pytest"]\n', "uv.lock": ""},
        "pytest -q",
        [],
        "uv sync",
    ),
    "python, poetry": (
        {"pyproject.toml": '[tool.poetry.group.dev.dependencies]\npytest = "^8"\n[tool.black]\n', "poetry.lock": ""},
        "pytest -q",
        ["black --check ."],
        "env -u VIRTUAL_ENV POETRY_VIRTUALENVS_IN_PROJECT=true poetry install",
    ),
    "python, pdm": (
        {"pyproject.toml": f'{PROJECT}[tool.pdm.dev-dependencies]\ntest = ["pytest"]\n', "pdm.lock": ""},
        "pytest -q",
        [],
        "PDM_IGNORE_ACTIVE_VENV=1 pdm install",
    ),
    "python, setup.cfg and tox": (
        {"setup.py": "", "setup.cfg": "[tool:pytest]\n[flake8]\n[mypy]\nfiles = src\n", "tox.ini": "[testenv]\n"},
        "pytest -q",
        ["flake8", "mypy"],
        "python3 -m venv .venv && .venv/bin/pip install -e '.' pytest",
    ),
    "python, an extra of setup.cfg": (
        {"setup.py": "", "setup.cfg": "[options.extras_require]\ntesting =\n  pytest\n  pytest-cov\n"},
        "pytest -q",
        [],
        "python3 -m venv .venv && .venv/bin/pip install -e '.[testing]'",
    ),
    "python, requirements and a folder of tests": (
        {"requirements.txt": "Flask==3\n", "requirements-dev.txt": "pytest\n", "tests/test_a.py": PYTEST, "app.py": ""},
        "python -m pytest -q",
        [],
        "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt -r requirements-dev.txt",
    ),
    "python, unittest in a package": (
        {"setup.py": "", "tests/__init__.py": "", "tests/test_a.py": UNITTEST},
        "python -m unittest discover -s tests -t .",
        [],
        "python3 -m venv .venv && .venv/bin/pip install -e '.'",
    ),
    "python, unittest beside the code": ({"a.py": "", "test_a.py": UNITTEST}, "python -m unittest", [], None),
    "python, django": (
        {"manage.py": "", "requirements.txt": "Django\n", "shop/tests.py": "from django.test import TestCase\n"},
        "python manage.py test",
        [],
        "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
    ),
    "javascript, npm": (
        {"package.json": package(scripts={"test": "vitest run", "lint": "eslint ."}), "package-lock.json": "{}"},
        "npm test",
        ["npm run lint"],
        "npm ci",
    ),
    "javascript, pnpm and types": (
        {
            "package.json": package(scripts={"test": "jest"}, devDependencies={"typescript": "5", "jest": "29"}),
            "pnpm-lock.yaml": "",
            "tsconfig.json": "{}",
        },
        "pnpm test",
        ["pnpm exec tsc --noEmit"],
        "pnpm install --frozen-lockfile",
    ),
    "javascript, old yarn": (
        {"package.json": package(scripts={"test": "mocha"}), "yarn.lock": "# yarn lockfile v1\n"},
        "yarn test",
        [],
        "yarn install --frozen-lockfile",
    ),
    "javascript, new yarn": (
        {"package.json": package(scripts={"test": "mocha"}), "yarn.lock": "__metadata:\n"},
        "yarn test",
        [],
        "yarn install --immutable",
    ),
    "javascript, a script that watches": (
        {"package.json": package(scripts={"test": "jest --watch", "test:ci": "jest"}), "package-lock.json": "{}"},
        "npm run test:ci",
        [],
        "npm ci",
    ),
    "javascript, no test script but a framework": (
        {
            "package.json": package(
                scripts={"test": 'echo "Error: no test specified" && exit 1'}, devDependencies={"vitest": "2"}
            )
        },
        "npx vitest run",
        [],
        "npm install",
    ),
    "javascript, bun": (
        {"package.json": package(), "bun.lock": "", "a.test.ts": ""},
        "bun test",
        [],
        "bun install --frozen-lockfile",
    ),
    "javascript, deno": ({"deno.json": '{"tasks": {"test": "deno test -A"}}'}, "deno task test", ["deno lint"], None),
    "go, one module": ({"go.mod": "", "a_test.go": ""}, "go test ./...", ["go vet ./..."], None),
    "go, with a linter": (
        {"go.mod": "", "a_test.go": "", ".golangci.yml": ""},
        "go test ./...",
        ["golangci-lint run", "go vet ./..."],
        None,
    ),
    "go, a workspace": (
        {"go.work": "go 1.22\n\nuse (\n\t./api\n\t./lib\n)\n", "api/go.mod": "", "lib/go.mod": "", "lib/a_test.go": ""},
        "go test ./api/... ./lib/...",
        ["go vet ./api/... ./lib/..."],
        None,
    ),
    "rust, one crate": ({"Cargo.toml": "[package]\nname = 'x'\n", "src/lib.rs": ""}, "cargo test", [], None),
    "rust, a workspace with a package": (
        {"Cargo.toml": "[package]\nname = 'x'\n[workspace]\nmembers = ['y']\n", "rustfmt.toml": ""},
        "cargo test --workspace",
        ["cargo fmt --all --check"],
        None,
    ),
    "rust, nextest and lints": (
        {"Cargo.toml": "[workspace]\n[workspace.lints.clippy]\nall = 'warn'\n", ".config/nextest.toml": ""},
        "cargo nextest run",
        ["cargo clippy --all-targets -- -D warnings"],
        None,
    ),
    "java, maven": ({"pom.xml": "<project/>"}, "mvn -B test", [], None),
    "java, maven's wrapper and spotless": (
        {"pom.xml": "<artifactId>spotless-maven-plugin</artifactId>", "mvnw": ""},
        "./mvnw -B test",
        ["./mvnw -B -q spotless:check"],
        None,
    ),
    "java, gradle's wrapper": (
        {"build.gradle.kts": "plugins { checkstyle }", "gradlew": "", "settings.gradle.kts": ""},
        "./gradlew test",
        ["./gradlew checkstyleMain"],
        None,
    ),
    "ruby, rspec": (
        {"Gemfile": "gem 'rspec'\n", "spec/a_spec.rb": "", ".rubocop.yml": ""},
        "bundle exec rspec",
        ["bundle exec rubocop"],
        "bundle install",
    ),
    "ruby, minitest by rake": (
        {"Gemfile": "", "Rakefile": "Rake::TestTask.new", "test/a_test.rb": ""},
        "bundle exec rake test",
        [],
        "bundle install",
    ),
    "ruby, rails": (
        {"Gemfile": "gem 'rails'\n", "bin/rails": "", "test/models/a_test.rb": "", "Rakefile": ""},
        "bin/rails test",
        [],
        "bundle install",
    ),
    "php, phpunit": (
        {"composer.json": "{}", "phpunit.xml.dist": "", "phpstan.neon": ""},
        "vendor/bin/phpunit",
        ["vendor/bin/phpstan analyse --no-progress"],
        "composer install --no-interaction",
    ),
    "php, pest": (
        {"composer.json": '{"require-dev": {"pestphp/pest": "^3"}}', "pint.json": "", "phpunit.xml": ""},
        "vendor/bin/pest",
        ["vendor/bin/pint --test"],
        "composer install --no-interaction",
    ),
    "php, a script of composer": (
        {"composer.json": '{"scripts": {"test": "phpspec run"}}', "composer.lock": "{}"},
        "composer test",
        [],
        "composer install --no-interaction",
    ),
    "any, make": ({"Makefile": "build:\n\ttrue\ntest lint: build\n\t./t.sh\n"}, "make test", [], None),
    "any, just": ({"justfile": "test:\n  ./t.sh\n"}, "just test", [], None),
    "python, pre-commit instead of single linters": (
        {"pyproject.toml": "[tool.pytest]\n[tool.ruff]\n", ".pre-commit-config.yaml": "", "a.py": ""},
        "python -m pytest -q",
        ["git add -A && (pre-commit run --all-files || pre-commit run --all-files)"],
        None,
    ),
    "nothing": ({"README.md": "# x\n"}, None, [], None),
}


@pytest.mark.parametrize(("files", "test", "gates", "setup"), FORMS.values(), ids=list(FORMS))
def test_each_form_of_repository_gets_its_commands(
    files: dict[str, str], test: str | None, gates: list[str], setup: str | None
) -> None:
    found = choose(discover(facts(files)), facts(files))
    assert (found.test.command if found.test else None) == test
    assert [gate.command for gate in found.gates] == gates
    assert (found.setup.command if found.setup else None) == setup


def test_each_ecosystem_has_three_forms() -> None:
    for ecosystem in ECOSYSTEMS:
        assert sum(name.startswith(ecosystem.NAME.lower()) for name in FORMS) >= 3


def test_every_candidate_says_which_file_says_so() -> None:
    for files, *_ in FORMS.values():
        found = discover(facts(files))
        for one in (*found.tests, *found.gates, *found.setups):
            assert any(name in one.why for name in files), one


def test_what_is_not_on_path_is_shown_and_not_taken() -> None:
    here = facts({"pyproject.toml": f"{PROJECT}[tool.pytest]\n", "uv.lock": ""}, frozenset({"python3"}))
    found = discover(here)
    assert "uv sync" in [one.command for one in found.setups]
    assert choose(found, here).setup is not None
    assert "venv" in (choose(found, here).setup or found.setups[0]).command


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({"package.json": package(scripts={"test": "jest"}, devDependencies={"jest": "1"})}, "node_modules"),
        ({"requirements.txt": "pytest\n", "test_a.py": PYTEST}, ".venv"),
    ],
)
def test_what_the_checkout_brings_needs_no_setup(files: dict[str, str], folder: str) -> None:
    here = facts(files, folders=frozenset({folder}))
    found = discover(here)
    assert choose(found, here).setup is None
    assert found.setups[0].confidence == "guess"


# -- several projects


def test_a_project_at_the_top_wins_over_those_below_and_they_are_named() -> None:
    here = facts({"pyproject.toml": "[tool.pytest]\n", "web/package.json": package(scripts={"test": "jest"})})
    found = discover(here)
    assert choose(found, here).test == found.tests[0]
    assert found.tests[0].command == "python -m pytest -q"
    assert "web" in found.notes[0]


def test_a_single_project_below_is_entered() -> None:
    here = facts({"README.md": "", "back end/go.mod": "", "back end/a_test.go": "", "docs/x.md": ""})
    found = choose(discover(here), here)
    assert found.test is not None and found.test.command == "cd 'back end' && go test ./..."
    assert "back end" in found.test.why


def test_of_several_projects_the_largest_is_taken_and_all_are_named() -> None:
    files = {"api/go.mod": "", "api/a_test.go": "", "web/package.json": package(scripts={"test": "jest"})}
    here = facts(files | {f"web/src/{n}.ts": "" for n in range(5)})
    found = discover(here)
    assert found.tests[0].command == "cd web && npm test"
    assert "api" in found.notes[0] and "web" in found.notes[0]
    assert found.ecosystems == ("JavaScript", "Go")


def test_fixtures_and_installed_packages_are_no_projects() -> None:
    here = facts({"tests/fixtures/a/package.json": package(), "node_modules/b/package.json": package()})
    assert discover(here) == Discovery((), (), (), (), ())


def test_of_two_languages_at_the_top_the_one_with_more_files_is_taken() -> None:
    files = {"package.json": package(scripts={"test": "jest"}), "pyproject.toml": "[tool.pytest]\n"}
    more = facts(files | {"a.py": "", "b.py": "", "c.js": ""})
    assert choose(discover(more), more).test == discover(more).tests[0]
    assert discover(more).tests[0].ecosystem == "Python"
    fewer = facts(files | {"a.js": "", "b.js": "", "c.py": ""})
    assert discover(fewer).tests[0].ecosystem == "JavaScript"


# -- what CI says


def test_a_guess_that_ci_runs_is_taken() -> None:
    files = {"Cargo.toml": "[package]\n", ".github/workflows/ci.yml": "      - run: cargo fmt --all --check\n"}
    found = choose(discover(facts(files)), facts(files))
    assert [gate.command for gate in found.gates] == ["cargo fmt --all --check"]
    assert "ci.yml runs it" in found.gates[0].why


def test_a_guess_that_nothing_confirms_is_left_to_a_person() -> None:
    files = {"Cargo.toml": "[package]\n"}
    assert choose(discover(facts(files)), facts(files)).gates == ()


# -- manifests that nobody vouches for

MANIFESTS = sorted({name for ecosystem in ECOSYSTEMS for name in ecosystem.MANIFESTS} | {"Makefile", "justfile"})
HOSTILE = [
    "",
    "{",
    "\0",
    "[" * 100_000,
    "{" * 100_000,
    "[project]\nname = 1\n" * 2,
    "9" * 5000,
    "null",
    "[]",
    '"x"',
    "x = 1\n" * 200_000,
    "[a]\n[a]\n",
    "[options.extras_require]\n= x\n  y",
]
TYPES = [1, True, "x", [], {}, [[]], {"a": 1}, None]


def only_what_was_found(here: Facts) -> bool:
    """Whether all that is chosen is one line, and a candidate of its kind."""
    found = discover(here)
    choice = choose(found, here)
    chosen = [one for one in (choice.test, *choice.gates, choice.setup) if one is not None]
    kinds = {"test": found.tests, "gate": found.gates, "setup": found.setups}
    return all(one in kinds[one.kind] and len(one.command.splitlines()) == 1 for one in chosen)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_broken_manifest_says_nothing_and_stops_nothing(text: str) -> None:
    here = facts(dict.fromkeys([*MANIFESTS, "test_a.py", "a/package.json"], text))
    assert only_what_was_found(here)


@pytest.mark.parametrize("value", TYPES, ids=range(len(TYPES)))
def test_a_manifest_with_wrong_types_stops_nothing(value: object) -> None:
    keys = ("scripts", "dependencies", "devDependencies", "packageManager", "tasks", "require-dev", "require")
    json_text = json.dumps(dict.fromkeys(keys, value))
    here = facts({name: json_text for name in MANIFESTS if name.endswith(".json")})
    assert only_what_was_found(here)


@for_all(
    st.dictionaries(st.sampled_from([*MANIFESTS, "test_a.py", "spec/a_spec.rb"]), st.text(max_size=200), max_size=6)
)
def test_whatever_the_texts_are_there_is_an_answer(files: dict[str, str]) -> None:
    assert only_what_was_found(facts(files))


EVIL = "$(touch /tmp/x); `id` && rm -rf / #\n"


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": package(scripts={EVIL: "x", "test": EVIL, "lint": EVIL}, packageManager=EVIL)},
        {
            "pyproject.toml": f"{PROJECT}[project.optional-dependencies]\n{json.dumps(EVIL)} = ['pytest']\n",
            "uv.lock": "",
        },
        {"pyproject.toml": f"{PROJECT}[dependency-groups]\n{json.dumps(EVIL)} = ['pytest']\n", "pdm.lock": ""},
        {f"{EVIL}/test_a.py": UNITTEST},
        {"go.work": f"use (\n./{EVIL})\n", "go.mod": ""},
        {"Makefile": f"test{EVIL}: x\n{EVIL}\n"},
        {"composer.json": json.dumps({"scripts": {"test": EVIL}, "require-dev": {EVIL: "1"}})},
    ],
)
def test_no_text_of_a_manifest_becomes_part_of_a_command(files: dict[str, str]) -> None:
    found = discover(facts(files))
    for one in (*found.tests, *found.gates, *found.setups):
        assert "touch" not in one.command and "rm -rf" not in one.command


def test_a_folder_with_a_hostile_name_is_quoted_or_left_out() -> None:
    here = facts({"a; touch x/go.mod": "", "a; touch x/a_test.go": "", "b\nc/go.mod": ""})
    for one in discover(here).tests:
        words = [simple.words for simple in simple_commands(one.command) or ()]
        assert words[0] == ["cd", "a; touch x"]
