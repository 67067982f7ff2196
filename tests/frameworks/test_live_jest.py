"""jest as it is: what each kind of suite comes to, and that exactly the tests run that were asked for."""

from __future__ import annotations

from typing import Any

import pytest

from superteam.core.results import Completeness, Outcome

pytestmark = pytest.mark.frameworks

COMMAND = "node_modules/.bin/jest"
PACKAGE = {"package.json": '{"scripts": {"test": "jest"}}'}
OUTCOMES = r"""
describe('outer', () => {
  describe('inner', () => { it('passes', () => {}); it('fails', () => { expect(1).toBe(2) }) })
  it.skip('skipped', () => {})
  it.todo('to do')
  it.failing('expected failure', () => { throw new Error('known') })
  it.failing('unexpected pass', () => {})
  it('times out', async () => { await new Promise(() => {}) }, 50)
  it.each([[1, 2], [3, 4]])('adds %i + %i', () => {})
})
"""
NAMES = r"""
test('a > b :: [c] - (d)* "q" \'s\' $x ^ | \\ / é 🎉 #2', () => {})
test('line\nbreak', () => {})
test('-leading', () => {})
test(' spaces  in   it ', () => {})
test('', () => {})
test('other', () => {})
describe('a', () => { test('b c', () => {}) })
"""


def one(body: str) -> dict[str, str]:
    return {**PACKAGE, "src/one.test.js": body}


def outcomes(execution: Any) -> dict[str, Outcome]:
    return {key: found.outcome for key, found in execution.report.tests.items()}


def test_each_outcome_is_told_apart(suite: Any) -> None:
    done = suite({**PACKAGE, "src/a.test.js": OUTCOMES}, COMMAND, npm="jest")
    at = "src/a.test.js > outer > "
    assert outcomes(done) == {
        f"{at}inner > passes": Outcome.PASSED,
        f"{at}inner > fails": Outcome.FAILED,
        f"{at}skipped": Outcome.SKIPPED,
        f"{at}to do": Outcome.SKIPPED,
        f"{at}expected failure": Outcome.XFAILED,
        f"{at}unexpected pass": Outcome.FAILED,
        f"{at}times out": Outcome.FAILED,
        f"{at}adds 1 + 2": Outcome.PASSED,
        f"{at}adds 3 + 4": Outcome.PASSED,
    }
    assert (done.verdict.verdict, done.report.exit_status) == ("fail", 1)


def test_a_sound_suite_passes_and_each_of_its_tests_runs_alone(suite: Any) -> None:
    files = {**PACKAGE, "src/a.test.js": NAMES, "src/b.test.js": "test('other', () => {})"}
    done = suite(files, COMMAND, npm="jest")
    assert done.verdict.verdict == "pass", done.verdict
    assert len(done.report.tests) == 8
    for id in done.report.tests:
        alone = suite(None, COMMAND, only=[id])
        assert (list(alone.report.tests), alone.verdict.verdict) == ([id], "pass"), alone
    pair = ["src/a.test.js > -leading", "src/b.test.js > other"]
    assert set(suite(None, COMMAND, only=pair).report.tests) == set(pair)


def test_two_tests_of_one_name_are_two(suite: Any) -> None:
    body = "test('twice', () => {})\ntest('twice', () => { throw new Error('second') })\ntest('Twice', () => {})"
    done = suite(one(body), COMMAND, npm="jest")
    first, second, third = (f"src/one.test.js > {name}" for name in ("twice", "twice #2", "Twice"))
    assert outcomes(done) == {first: Outcome.PASSED, second: Outcome.FAILED, third: Outcome.PASSED}
    assert outcomes(suite(None, COMMAND, only=[second])) == {second: Outcome.FAILED}
    assert set(suite(None, COMMAND, only=[first, second]).report.tests) == {first, second}
    other_case = suite(None, COMMAND, only=[third])
    assert (other_case.verdict.verdict, list(other_case.report.tests)) == ("pass", [third])
    assert "as well" in (other_case.verdict.reason or "")


def test_a_retried_pass_is_marked(suite: Any) -> None:
    body = "jest.retryTimes(2); let n = 0; test('a', () => { if (n++ < 1) throw new Error('x') }); test('b', () => {})"
    done = suite(one(body), COMMAND, npm="jest")
    assert [key for key, found in done.report.tests.items() if found.retried] == ["src/one.test.js > a"]
    assert done.verdict.verdict == "pass"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("require('./nowhere.js'); test('a', () => {})", "Cannot find module './nowhere.js'"),
        ("this is no JavaScript", "could not be run as a whole"),
        ("", "at least one test"),
        ("describe('d', () => { afterAll(() => { throw new Error('broke') }); test('a', () => {}) })", "broke"),
        ("test('a', () => { process.exit(0) })", "no report"),
        ("test('a', () => { process.kill(process.pid, 'SIGKILL') }); test('b', () => {})", "killed by signal 9"),
        ("test.skip('a', () => {})", "no test ran"),
    ],
)
def test_what_proves_nothing_is_no_pass(suite: Any, body: str, words: str) -> None:
    done = suite(one(body), COMMAND, npm="jest")
    assert done.verdict.verdict == "inconclusive", done
    assert words in (done.verdict.reason or ""), done


def test_a_worker_that_dies_is_no_pass(suite: Any) -> None:
    files = {**one("test('a', () => { process.kill(process.pid, 'SIGKILL') })"), "src/b.test.js": "test('b', () => {})"}
    done = suite(files, f"{COMMAND} --workerThreads=false --maxWorkers=2", npm="jest")
    assert done.verdict.verdict == "inconclusive", done


def test_failing_hooks_before_and_around_are_the_tests_failures(suite: Any) -> None:
    body = "describe('d', () => { beforeAll(() => { throw new Error('b') }); test('a', () => {}) })\n"
    body += "describe('e', () => { afterEach(() => { throw new Error('b') }); test('a', () => {}) })\n"
    done = suite(one(body), COMMAND, npm="jest")
    assert set(outcomes(done).values()) == {Outcome.FAILED}
    assert done.verdict.verdict == "fail"


def test_focus_skips_the_others(suite: Any) -> None:
    done = suite(one("test('a', () => {}); test.only('b', () => {})"), COMMAND, npm="jest")
    assert outcomes(done) == {"src/one.test.js > a": Outcome.SKIPPED, "src/one.test.js > b": Outcome.PASSED}


def test_a_threshold_of_coverage_is_no_failed_test(suite: Any) -> None:
    config = "module.exports = { collectCoverage: true, coverageThreshold: { global: { lines: 100 } } }"
    code = {"src/code.js": "exports.a = () => 1\nexports.b = () => {\n  return 2\n}\n", "jest.config.js": config}
    body = "const code = require('./code.js'); test('a', () => { code.a() })"
    done = suite({**one(body), **code}, COMMAND, npm="jest")
    assert done.verdict.verdict == "inconclusive", done
    assert suite(None, COMMAND, only=["src/one.test.js > a"]).verdict.verdict == "pass"


def test_no_test_file_is_no_pass(suite: Any) -> None:
    for command in (COMMAND, f"{COMMAND} --passWithNoTests"):
        done = suite(PACKAGE, command, npm="jest")
        assert done.verdict.verdict == "inconclusive", done


def test_results_that_a_test_prints_are_no_results(suite: Any) -> None:
    body = "test('a', () => { console.log(' ✓ b'); process.stdout.write('{\"testResults\": []}') })"
    done = suite(one(body), COMMAND, npm="jest")
    assert outcomes(done) == {"src/one.test.js > a": Outcome.PASSED}


def test_a_test_that_is_not_there_cannot_be_selected(suite: Any) -> None:
    suite(one("test('a', () => {})"), COMMAND, npm="jest")
    for id in ("src/one.test.js > gone", "src/gone.test.js > a"):
        assert suite(None, COMMAND, only=[id]).verdict.verdict == "inconclusive"


def test_wrappers_and_own_options_are_gone_through(suite: Any) -> None:
    body = "test('a', () => {}); test('b', () => { throw new Error('x') }); test('c', () => {})"
    done = suite(one(body), "npm test --silent", npm="jest")
    assert list(done.report.tests) == [f"src/one.test.js > {name}" for name in "abc"]
    command = f"{COMMAND} src --bail 1 -t nothing --coverage --outputFile=x.json --json"
    alone = suite(None, command, only=["src/one.test.js > b"])
    assert outcomes(alone) == {"src/one.test.js > b": Outcome.FAILED}
    for command in (f"NODE_OPTIONS=--no-warnings {COMMAND}", "node --no-warnings node_modules/jest/bin/jest.js"):
        hidden = suite(None, command)
        assert (hidden.report.completeness, hidden.verdict.verdict) == (Completeness.COMPLETE, "fail")
    for only in (["src/one.test.js > b"], ["src/one.test.js > a", "src/one.test.js > c"]):
        assert set(suite(None, f"NODE_OPTIONS=--no-warnings {COMMAND}", only=only).report.tests) == set(only)


@pytest.mark.parametrize(
    "command", ["npx jest", "make test", "sh test.sh", "npm run test --silent -- --silent", "cd src && npx jest one"]
)
def test_whatever_starts_it_is_gone_through(suite: Any, command: str) -> None:
    body = "test('a', () => {}); test('b', () => { throw new Error('x') })"
    more = {"Makefile": "test:\n\tnpm test\n", "test.sh": "set -e\nnode_modules/.bin/jest\n"}
    done = suite({**one(body), **more}, command, npm="jest")
    assert set(done.report.tests) == {"src/one.test.js > a", "src/one.test.js > b"}
    assert done.verdict.verdict == "fail"
    alone = suite(None, command, only=["src/one.test.js > a"])
    assert (list(alone.report.tests), alone.verdict.verdict) == (["src/one.test.js > a"], "pass")


def test_what_reaches_the_workers_is_as_always(suite: Any) -> None:
    body = "test('a', () => { expect(process.env.NODE_OPTIONS).toBe('--no-warnings'); "
    body += "expect(Object.keys(process.env).filter((name) => name.startsWith('SUPERTEAM_NODE'))).toEqual([]) })"
    done = suite(one(body), COMMAND, npm="jest", env={"NODE_OPTIONS": "--no-warnings"})
    assert done.verdict.verdict == "pass", done.report


def test_what_is_planted_is_found(suite: Any) -> None:
    from superteam.runners import jest
    from superteam.runners.call import Call

    files = one("test('a', () => {})")
    suite(files, COMMAND, npm="jest")
    name, text = jest.canary(Call(("jest",)), suite.tree)
    done = suite({**files, name: text}, COMMAND)
    assert [key for key in done.report.failed() if "superteam_canary" in key]
