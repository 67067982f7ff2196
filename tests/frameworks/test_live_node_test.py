"""node --test as it is: what each kind of suite comes to, and that exactly the tests run that were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from superteam.core.results import Outcome
from superteam.runners import node_test
from superteam.runners.call import Call

pytestmark = pytest.mark.frameworks

HEAD = "const { test, describe, it, before, after, beforeEach, afterEach } = require('node:test');\n"
OUTCOMES = (
    HEAD
    + r"""
const assert = require('assert');
console.log('ok 1 - outer\n# Subtest: faked\nok 2 - faked\n1..2');
describe('outer', () => { describe('inner', () => {
  it('passes', () => {});
  it('fails', () => assert.strictEqual(1, 2));
  it.skip('skipped', () => {});
  it.todo('todo');
  it('failing todo', { todo: 'later' }, () => assert.ok(false));
  it('same name', () => {});
  it('same name', () => assert.ok(false));
  it('slow', { timeout: 20 }, async () => { await new Promise(r => setTimeout(r, 500)) });
  it('skips itself', (t) => t.skip('why'));
  it('hash # skip', () => {});
}) });
test('parent', async (t) => { await t.test('good', () => {}); await t.test('bad', () => { throw new Error('bad') }); });
"""
)
NASTY = (
    HEAD
    + r"""
const names = ['a > b', 'a.*b(c)[d]|^$', 'quote " \' ` $HOME <&>', 'new\nline', '-x', '--test', '\u00fc \ud83d\ude00',
  ' two  spaces ', 'x::y', '\\back\\d', 'hash # todo x', '# skip', 'a - b', '/slash/i', 'esc\\# skip', '#2', 'a #2'];
describe('nasty', () => { for (const name of names) it(name, () => {}); });
test('parent', async (t) => { await t.test('child', () => {}); await t.test('other', () => {}); });
test('top', () => {});
"""
)


@pytest.fixture(params=["", "node22"])
def npm(request: pytest.FixtureRequest, need: Any) -> str | None:
    """The system's node (20 here), and a newer one."""
    need("node")
    return request.param or None


def run(suite: Any, npm: str | None, files: Mapping[str, str] | None, command: str = "node --test", **more: Any) -> Any:
    return suite(files, command, npm=npm, **more)


def test_each_outcome_is_told_apart(suite: Any, npm: str | None) -> None:
    found = run(suite, npm, {"test/a.test.js": OUTCOMES})
    assert found.verdict.verdict == "fail", found.verdict
    outcomes = {id.removeprefix("test/a.test.js > "): test.outcome for id, test in found.report.tests.items()}
    assert outcomes == {
        "outer > inner > passes": Outcome.PASSED,
        "outer > inner > fails": Outcome.FAILED,
        "outer > inner > skipped": Outcome.SKIPPED,
        "outer > inner > todo": Outcome.PASSED,
        "outer > inner > failing todo": Outcome.SKIPPED,
        "outer > inner > same name": Outcome.PASSED,
        "outer > inner > same name #2": Outcome.FAILED,
        "outer > inner > slow": Outcome.TIMED_OUT,
        "outer > inner > skips itself": Outcome.SKIPPED,
        "outer > inner > hash # skip": Outcome.PASSED,
        "parent > good": Outcome.PASSED,
        "parent > bad": Outcome.FAILED,
        "parent": Outcome.FAILED,
    }


EXIT = "test('one', () => {}); test('waits', async () => { await new Promise(r => setTimeout(r, 100)) }); "


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ("this is no script", ""),
        (EXIT + "test('exits', () => process.exit(0))", ""),
        (EXIT + "describe('s', () => { it('exits', () => process.exit(0)); it('after', () => {}) })", ""),
        ("test('exits', () => process.exit(0)); test('after', () => {})", ""),
        (EXIT + "test('dies', () => process.kill(process.pid, 'SIGKILL'))", ""),
        (EXIT + "test('aborts', () => process.abort())", ""),
        ("describe('s', () => { before(() => { throw new Error('no start') }); it('one', () => {}) })", ""),
        ("describe('s', () => { after(() => { throw new Error('no exit') }); it('one', () => {}) })", ""),
        (EXIT + "test('late', () => { setTimeout(() => { throw new Error('late') }, 1) })", ""),
        ("", ""),
        ("test.skip('one', () => {})", ""),
        ("test('one', () => {})", "--test-name-pattern=zzz"),
        ("test('one', () => {})", "--test-force-exit"),
    ],
)
def test_what_is_no_pass_is_inconclusive(suite: Any, npm: str | None, body: str, arguments: str) -> None:
    found = run(suite, npm, {"test/a.test.js": HEAD + body}, f"node {arguments} --test")
    assert found.verdict.verdict == "inconclusive", (found.verdict, found.report.tests)


@pytest.mark.parametrize("hook", ["beforeEach", "afterEach"])
def test_a_hook_around_a_test_fails_it(suite: Any, npm: str | None, hook: str) -> None:
    body = HEAD + f"describe('s', () => {{ {hook}(() => {{ throw new Error('hook') }}); it('one', () => {{}}) }})"
    assert run(suite, npm, {"test/a.test.js": body}).verdict.verdict == "fail"


@pytest.mark.parametrize(
    "command",
    [
        "npm test",
        "node --test-reporter=dot --test",
        "node --test --test-reporter tap --test-reporter-destination=stdout",
        "node --test --test-reporter=dot --test-reporter-destination=stdout --test-reporter=tap"
        " --test-reporter-destination=o",
        "node test/a.test.js",
    ],
)
def test_a_pass_is_a_pass_beside_other_reporters(suite: Any, npm: str | None, command: str) -> None:
    files = {"test/a.test.js": HEAD + "test('one', () => {})", "package.json": '{"scripts": {"test": "node --test"}}'}
    found = run(suite, npm, files, command)
    assert (found.verdict.verdict, set(found.report.tests)) == ("pass", {"test/a.test.js > one"}), found.verdict


@pytest.mark.parametrize(("body", "verdict"), [("1", "pass"), ("throw new Error('x')", "fail")])
def test_a_script_of_plain_assertions_is_itself_the_test(suite: Any, npm: str | None, body: str, verdict: str) -> None:
    found = run(suite, npm, {"test/a.test.js": body})
    assert (found.verdict.verdict, set(found.report.tests)) == (verdict, {"test/a.test.js"})
    found = run(suite, npm, None, only=["test/a.test.js"])
    assert (found.verdict.verdict, set(found.report.tests)) == (verdict, {"test/a.test.js"})


def test_each_of_the_nastiest_names_runs_alone(suite: Any, npm: str | None) -> None:
    whole = run(suite, npm, {"test/a.test.js": NASTY})
    assert whole.verdict.verdict == "pass", whole.verdict
    assert len(whole.report.tests) == 21
    for id in whole.report.tests:
        found = run(suite, npm, None, only=[id])
        assert (found.verdict.verdict, set(found.report.tests)) == ("pass", {id}), (id, found.verdict)


def test_a_pair_of_two_files_and_one_of_two_tests_of_a_name(suite: Any, npm: str | None) -> None:
    files = {"pkg/a.test.js": OUTCOMES, "pkg/b.test.js": HEAD + "test('one', () => {}); test('two', () => {})"}
    pair = {"pkg/a.test.js > outer > inner > passes", "pkg/b.test.js > two"}
    for command in ("node --test", "cd pkg && node --test"):
        found = run(suite, npm, files, command, only=pair)
        assert (found.verdict.verdict, set(found.report.tests)) == ("pass", pair), found.verdict
    second = "pkg/a.test.js > outer > inner > same name #2"
    found = run(suite, npm, None, only=[second])
    assert (found.verdict.verdict, set(found.report.tests)) == ("fail", {second}), found.verdict


def test_an_unknown_test_is_no_pass(suite: Any, npm: str | None) -> None:
    files = {"test/a.test.js": HEAD + "test('one', () => {})"}
    found = run(suite, npm, files, only=["test/a.test.js > gone"])
    assert found.verdict.verdict == "inconclusive"


def test_a_planted_test_fails(suite: Any, npm: str | None, tmp_path: Path) -> None:
    files = {"test/a.test.js": HEAD + "test('one', () => {})"}
    planted = node_test.canary(Call(("node", "--test")), written(tmp_path, files))
    assert planted is not None
    found = run(suite, npm, {**files, planted[0]: planted[1]})
    assert found.verdict.verdict == "fail", found.verdict
    assert [id for id in found.report.failed() if "superteam_canary" in id]


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / "like" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "like" / name).write_text(text)
    return folder / "like"
