"""What a review of the verdicts found: each test is a lie that was believed, or a thing of the user's in danger."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from playground import Repo

from superteam.cli.validate import verdict_text
from superteam.core.baseline import Permits, compare, pin
from superteam.core.events import ValidationResult
from superteam.core.results import Completeness, Execution, Granularity, Outcome, TestReport, TestResult
from superteam.ports import Tree
from superteam.runners import go_test, gradle, surefire
from superteam.runners.call import Call, Told
from superteam.runners.configured import configured
from superteam.sources.command import CommandSource

GREEN = '<testsuite name="s"><testcase classname="a" name="{name}"/></testsuite>'
CTRF = r"""
import json, sys
test = {{"name": "a\ud800b\0", "status": "{status}", "duration": 1, "flaky": {retries} > 0, "retries": {retries}}}
json.dump({{"results": {{"tool": {{"name": "x"}}, "summary": {{}}, "tests": [test]}}}}, open("r.json", "w"))
sys.exit({code})
"""


def collect(tree: Path, command: str, only: set[str] | None = None, **options: Any) -> Execution:
    source = CommandSource(command, 60.0, tree.parent / "outputs", **options)
    wanted = None if only is None else frozenset(only)
    return anyio.run(partial(source.collect, Tree(tree, "0" * 40, dict(os.environ)), wanted))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


@pytest.mark.parametrize("pattern", ["build/*.xml", "build/**/*.xml", "*/report.xml"])
def test_reports_behind_a_link_out_of_the_tree_are_neither_deleted_nor_believed(tree, pattern):
    precious = tree.parent / "precious"
    precious.mkdir()
    (precious / "report.xml").write_text(GREEN.format(name="t"))
    (tree / "build").symlink_to(precious)
    found = collect(tree, "true", report=f"junit:{pattern}")
    assert (precious / "report.xml").is_file()
    assert found.verdict.verdict == "inconclusive"


def test_a_link_to_a_report_of_somewhere_else_is_no_report(tree):
    fake = tree.parent / "fake.xml"
    fake.write_text(GREEN.format(name="t"))
    found = collect(tree, f"ln -s {fake} report.xml", report="junit:*.xml")
    assert found.verdict.verdict == "inconclusive"
    assert fake.is_file()


@pytest.mark.parametrize("id", ["-x", "--collect-only", "-p evil"])
def test_an_id_that_looks_like_an_option_never_gets_into_a_configured_rerun(tmp_path, id):
    told = configured(Told(""), "junit:r.xml", ("run", "{ids}"), tmp_path, frozenset([id, "a::b"]))
    assert id not in told.instead
    assert told.selects == "everything" and "option" in told.why


def test_an_id_with_a_line_end_never_becomes_two_lines_of_a_list_of_ids(tmp_path):
    told = configured(Told(""), "junit:r.xml", ("run", "{ids_file}"), tmp_path, frozenset(["a\n--evil"]))
    assert told.instead == () and told.selects == "everything"


def test_a_configured_report_leaves_the_command_as_it_is(tmp_path):
    """Our own reporter would take the place of the one that writes the configured file."""
    ours = Told("mocha", "*.json", tmp_path, env={"NODE_OPTIONS": "--require x"}, instead=("env", "x"))
    for only in (None, frozenset(["a"])):
        told = configured(ours, "junit:r.xml", (), tmp_path, only)
        assert (dict(told.env), told.instead, told.arguments) == ({}, (), ())


def test_a_test_id_cannot_print_a_verdict_of_its_own():
    result = ValidationResult(
        sha="a" * 40, tree="b" * 40, reference_sha="c" * 40, verdict="fail", regressions=("x\nverdict: pass",)
    )
    assert [line for line in verdict_text(result).splitlines() if line.startswith("verdict:")] == ["verdict: fail"]


@pytest.mark.parametrize("id", ["{} > a::b", "{} [unit] > a > b", "{}::a > b", "{}", "{} > c [x]"])
def test_a_renamed_file_is_known_again_in_every_notation_of_ids(id):
    report = partial(TestReport, "vitest", Granularity.TESTS, Completeness.COMPLETE)
    old, new = id.format("src/a.test.ts"), id.format("src/b.test.ts")
    expected = pin(report({old: TestResult(Outcome.PASSED)}), "a" * 40)
    permits = Permits(renames={"src/a.test.ts": "src/b.test.ts"})
    found = compare(expected, report({new: TestResult(Outcome.PASSED)}), permits)
    assert (found.renamed, found.missing) == (((old, new),), ())


@pytest.mark.parametrize("module", [gradle, surefire])
def test_a_folder_with_the_signs_of_a_pattern_is_only_that_folder(module, tree):
    call = Call(("gradle" if module is gradle else "mvn", "test"), folder="a[b]")
    (tree / "out").mkdir()
    for folder in ("a[b]", "ab"):
        for place in ("build/test-results/test", "target/surefire-reports"):
            (tree / folder / place).mkdir(parents=True)
            (tree / folder / place / "TEST-x.xml").write_text("")
    found = [
        path.relative_to(tree).parts[0] for path in tree.glob(module.tell(call, {}, tree / "out", tree, None).reports)
    ]
    assert found == ["a[b]"]


def test_a_test_file_that_is_a_link_out_of_the_tree_is_not_read_for_a_canary(tree):
    (tree / "a_test.go").symlink_to("/dev/zero")
    (tree / "b_test.go").write_text("package b\n")
    path, text = go_test.canary(Call(("go", "test", "./...")), tree)
    assert path == "superteam_canary_test.go" and text.startswith("package b\n")


# the real command

POLLUTED = {
    "superteam.toml": 'test-command = "python -m pytest -q -p no:cacheprovider"\n',
    "test_a.py": "import os\n\ndef test_a(): os.environ['POLLUTED'] = '1'\n",
    "test_b.py": "import os\n\ndef test_b(): assert 'POLLUTED' not in os.environ\n",
}
CLEAN = {"test_a.py": "import os\n\ndef test_a(): pass\n"}


def test_a_test_that_fails_only_in_company_is_not_made_a_known_flake_by_only(repo: Repo):
    """`--only` runs it alone: both outcomes on one tree, and yet no flake."""
    repo.commit(POLLUTED)
    assert repo.superteam("validate", "--only", "test_b.py::test_b").code == 0
    repo.commit(CLEAN)
    repo.write({"test_a.py": POLLUTED["test_a.py"]})
    found = repo.superteam("validate", "--json").json
    assert (found["verdict"], found["regressions"]) == ("fail", ["test_b.py::test_b"]), found


def test_a_verdict_with_something_unresolved_is_not_kept(repo: Repo):
    """It says that the runs did not suffice: the next ones may."""
    repo.commit(
        {
            "superteam.toml": 'test-command = "python -m pytest -q -p no:cacheprovider"\n',
            "test_a.py": "def test_a(): pass\n",
        }
    )
    mark = repo.root.parent / "mark"
    repo.write(
        {
            "test_a.py": f"import os, pathlib\nmark = pathlib.Path({str(mark)!r})\n\n"
            "def test_a():\n    if mark.exists(): os._exit(1)\n    mark.touch()\n    assert 0\n"
        }
    )
    first = repo.superteam("validate", "--json").json
    assert (first["verdict"], first["unresolved"]) == ("fail", ["test_a.py::test_a"])
    assert not any("from the cache" in note for note in repo.superteam("validate", "--json").json["notes"])


def test_what_passes_only_when_it_is_tried_again_is_no_flake_where_it_never_needed_that(repo: Repo):
    """Retries that a test file asks for cannot be turned off by an option in jest, mocha, vitest and playwright."""
    repo.commit(
        {
            "superteam.toml": 'test-command = "python write.py"\nreport = "ctrf:r.json"\n',
            "write.py": CTRF.format(status="passed", retries=0, code=0),
        }
    )
    repo.write({"write.py": CTRF.format(status="passed", retries=2, code=0)})
    found = repo.superteam("validate", "--json").json
    assert (found["verdict"], found["regressions"]) == ("fail", list(found["settlements"])), found


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_suite_of_another_tree_is_doubted_whatever_reports_it(repo: Repo):
    """A path that nobody can lead to the tree names the checkout's code, in the baseline too: nothing differs."""
    repo.commit(
        {
            "superteam.toml": 'test-command = "node --test"\n',
            ".gitignore": "node_modules\n",
            "package.json": "{}",
            "app.js": "exports.add = (a, b) => a + b;\n",
            "app.test.js": (
                "const test = require('node:test');\nconst assert = require('node:assert');\n"
                "const { add } = require('/' + process.env.APP_PLACE + '/app.js');\n"
                "test('adds', () => assert.strictEqual(add(1, 2), 3));\n"
            ),
        }
    )
    repo.write({"node_modules/left-pad/package.json": '{"name": "left-pad"}'})
    env = {"APP_PLACE": str(repo.root).removeprefix("/")}
    found = repo.superteam("validate", "--json", env=env).json
    assert found["verdict"] == "inconclusive" and "another tree" in found["reason"], found


def test_an_id_that_is_no_valid_text_is_reported_like_any_other(repo: Repo):
    repo.commit(
        {
            "superteam.toml": 'test-command = "python write.py"\nreport = "ctrf:r.json"\n',
            "write.py": CTRF.format(status="passed", retries=0, code=0),
        }
    )
    assert repo.superteam("validate", "--json").code == 0
    repo.write({"write.py": CTRF.format(status="failed", retries=0, code=1)})
    junit = repo.root.parent / "out.xml"
    found = repo.superteam("validate", "--github", "--junit", str(junit))
    assert found.code == 1, found.err
    assert junit.is_file()


def test_a_polluter_that_was_named_once_excuses_nothing_later(repo: Repo):
    """Behind its polluter the test fails, alone it passes, on one tree: it is the company, and no flake."""
    repo.commit({**POLLUTED, **CLEAN})
    repo.write(POLLUTED)
    found = repo.superteam("validate", "--json").json
    assert (found["verdict"], found["polluters"]) == ("fail", {"test_b.py::test_b": "test_a.py::test_a"}), found
    repo.commit({})
    repo.commit(CLEAN)
    repo.write({**POLLUTED, "more.txt": "so that it is another tree"})
    found = repo.superteam("validate", "--json").json
    assert (found["verdict"], found["regressions"]) == ("fail", ["test_b.py::test_b"]), found


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_picked_tests_of_node_are_run_with_what_the_command_does_before_them(repo: Repo):
    """Without the build they fail on both trees, which would make a regression look older than the change."""
    repo.commit(
        {
            "superteam.toml": 'test-command = "npm test"\n',
            ".gitignore": "dist\n",
            "package.json": '{"scripts": {"test": "node build.js && node --test"}}',
            "build.js": (
                "const fs = require('fs');\nfs.mkdirSync('dist', { recursive: true });\n"
                "fs.copyFileSync('app.js', 'dist/app.js');\n"
            ),
            "app.js": "exports.add = (a, b) => a + b;\n",
            "app.test.js": (
                "const test = require('node:test');\nconst assert = require('node:assert');\n"
                "test('adds', () => assert.strictEqual(require('./dist/app.js').add(1, 2), 3));\n"
                "test('is there', () => {});\n"
            ),
        }
    )
    repo.write({"app.js": "exports.add = (a, b) => a - b;\n"})
    found = repo.superteam("validate", "--json").json
    assert (found["verdict"], found["regressions"]) == ("fail", ["app.test.js > adds"]), found


def test_a_test_that_needs_the_others_before_it_is_not_excused_by_failing_alone_on_both_trees(repo: Repo):
    """Alone it fails for want of company, on any tree; in company it passed at the reference and fails here."""
    repo.commit(
        {
            "superteam.toml": 'test-command = "python -m pytest -q -p no:cacheprovider"\n',
            "app.py": "ready = False\n\ndef add(a, b): return a + b\n",
            "test_a.py": "import app\n\ndef test_a(): app.ready = True\n",
            "test_b.py": "import app\n\ndef test_b():\n    assert app.ready\n    assert app.add(1, 2) == 3\n",
        }
    )
    repo.write({"app.py": "ready = False\n\ndef add(a, b): return a - b\n"})
    found = repo.superteam("validate", "--json").json
    assert found["verdict"] == "fail", found
