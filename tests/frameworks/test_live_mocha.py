"""mocha as it is: what each kind of suite comes to, and that exactly the tests run that were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from superteam.core.results import Outcome
from superteam.runners import mocha
from superteam.runners.call import Call

pytestmark = pytest.mark.frameworks

COMMAND = "node_modules/.bin/mocha"
OUTCOMES = r"""
const assert = require('assert');
console.log('{"stats":{"suites":1,"tests":1,"passes":1}}');
describe('outer', () => {
  describe('inner', () => {
    it('passes', () => {});
    it('fails', () => assert.strictEqual(1, 2));
    it('same name', () => {});
    it('same name', () => assert.ok(false));
    it.skip('skipped', () => {});
    it('skips itself', function () { this.skip(); });
    it('pending');
    it('slow', function (done) { this.timeout(20); });
    let n = 0;
    it('flaky', function () { this.retries(2); if (n++ < 1) throw new Error('once'); });
  });
});
"""
NASTY = r"""
const names = ['a > b', 'a.*b(c)[d]|^$', 'quote " \' ` $HOME', 'new\nline', '-x', '--g', '\u00fc \ud83d\ude00',
  ' two  spaces ', '/slash/i', 'a - b', 'x::y', '\\back\\d', '', '#2', 'a #2'];
for (const name of names) describe('nasty', () => it(name, () => {}));
it('top', () => {});
"""


def run(suite: Any, files: Mapping[str, str] | None, command: str = COMMAND, **more: Any) -> Any:
    return suite(files, command, npm="mocha", **more)


def test_each_outcome_is_told_apart(suite: Any) -> None:
    found = run(suite, {"test/a.js": OUTCOMES})
    assert found.verdict.verdict == "fail", found.verdict
    outcomes = {id.removeprefix("test/a.js > outer inner "): test.outcome for id, test in found.report.tests.items()}
    assert outcomes == {
        "passes": Outcome.PASSED,
        "fails": Outcome.FAILED,
        "same name": Outcome.PASSED,
        "same name #2": Outcome.FAILED,
        "skipped": Outcome.SKIPPED,
        "skips itself": Outcome.SKIPPED,
        "pending": Outcome.SKIPPED,
        "slow": Outcome.TIMED_OUT,
        "flaky": Outcome.PASSED,
    }
    assert found.report.tests["test/a.js > outer inner flaky"].retried


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ("describe('s', () => { beforeEach(() => { throw new Error('no bed') }); it('one', () => {}) })", ""),
        ("it('one', () => {}); after(() => { throw new Error('no exit') })", ""),
        ("this is no script", ""),
        ("it('one', () => {}); it('exits', () => process.exit(0))", ""),
        ("it('one', () => {}); it('dies', () => process.kill(process.pid, 'SIGKILL'))", ""),
        ("it('one', () => {}); it('aborts', () => process.abort())", ""),
        ("", ""),
        ("it.skip('one', () => {})", ""),
        ("it('one', () => {})", "--dry-run"),
        ("it('one', () => {})", "--grep zzz"),
        ("it.only('one', () => {})", "--forbid-only"),
    ],
)
def test_what_is_no_pass_is_inconclusive(suite: Any, body: str, arguments: str) -> None:
    found = run(suite, {"test/a.js": body}, f"{COMMAND} {arguments}")
    assert found.verdict.verdict == "inconclusive", found.verdict


def test_a_pass_is_a_pass_through_npm_with_another_reporter(suite: Any) -> None:
    files = {"test/a.js": "it('one', () => {})", "package.json": '{"scripts": {"test": "mocha --reporter dot"}}'}
    found = run(suite, files, "npm test")
    assert found.verdict.verdict == "pass", found.verdict
    assert set(found.report.tests) == {"test/a.js > one"}


def test_more_than_128_failures_are_no_signal(suite: Any) -> None:
    body = "for (let i = 0; i < 137; i++) it(`test ${i}`, () => { throw new Error('x') })"
    assert run(suite, {"test/a.js": body}).verdict.verdict == "fail"


def test_each_of_the_nastiest_names_runs_alone(suite: Any) -> None:
    whole = run(suite, {"test/a.js": NASTY})
    assert whole.verdict.verdict == "pass", whole.verdict
    assert len(whole.report.tests) == 16
    for id in whole.report.tests:
        found = run(suite, None, only=[id])
        assert (found.verdict.verdict, set(found.report.tests)) == ("pass", {id}), found.verdict


def test_a_pair_of_two_files_and_one_of_two_tests_of_a_name(suite: Any) -> None:
    files = {"test/a.js": OUTCOMES, "test/b.js": "it('one', () => {}); it('two', () => {})"}
    pair = {"test/a.js > outer inner passes", "test/b.js > two"}
    found = run(suite, files, f"{COMMAND} --bail --retries 3", only=pair)
    assert (found.verdict.verdict, set(found.report.tests)) == ("pass", pair), found.verdict
    second = "test/a.js > outer inner same name #2"
    found = run(suite, None, only=[second])
    assert (found.verdict.verdict, set(found.report.tests)) == ("fail", {second}), found.verdict


def test_an_unknown_test_is_no_pass(suite: Any) -> None:
    found = run(suite, {"test/a.js": "it('one', () => {})"}, only=["test/a.js > gone"])
    assert found.verdict.verdict == "inconclusive"


def test_a_planted_test_fails(suite: Any, tmp_path: Path) -> None:
    files = {"test/a.js": "it('one', () => {})"}
    planted = mocha.canary(Call(("mocha",)), written(tmp_path, files))
    assert planted is not None
    found = run(suite, {**files, planted[0]: planted[1]})
    assert found.verdict.verdict == "fail", found.verdict
    assert [id for id in found.report.failed() if "superteam_canary" in id]


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / "like" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "like" / name).write_text(text)
    return folder / "like"
