"""vitest as it is: what each kind of suite comes to, and that exactly the tests run that were asked for."""

from __future__ import annotations

from typing import Any

import pytest

from superteam.core.results import Completeness, Outcome

pytestmark = pytest.mark.frameworks

COMMAND = "node_modules/.bin/vitest run"
PACKAGE = {"package.json": '{"type": "module", "scripts": {"test": "vitest"}}'}
HEAD = "import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest'\n"
OUTCOMES = (
    HEAD
    + r"""
describe('outer', () => {
  describe('inner', () => { it('passes', () => {}); it('fails', () => { expect(1).toBe(2) }) })
  it.skip('skipped', () => {})
  it.todo('to do')
  it('skips itself', (context) => context.skip())
  it.fails('expected failure', () => { throw new Error('known') })
  it.fails('unexpected pass', () => {})
  let tries = 0
  it('flaky', { retry: 2 }, () => { if (tries++ < 1) throw new Error('first try') })
  it('repeated', { repeats: 2 }, () => {})
  it('soft', () => { expect.soft(1).toBe(2); expect.soft(3).toBe(4) })
  it('times out', async () => { await new Promise(() => {}) }, 50)
  it.each([[1, 2], [3, 4]])('adds %i + %i', () => {})
})
"""
)
NAMES = (
    HEAD
    + r"""
test('a > b :: [c] - (d)* "q" \'s\' $x ^ | \\ / é 🎉 #2', () => {})
test('line\nbreak', () => {})
test('-leading', () => {})
test(' spaces  in   it ', () => {})
test('', () => {})
test('Case', () => {})
test('case', () => {})
describe('a', () => { test('b c', () => {}) })
describe('a b', () => { test('d', () => {}) })
"""
)


@pytest.fixture(params=["vitest4", "vitest"])
def npm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def one(body: str) -> dict[str, str]:
    return {**PACKAGE, "src/one.test.js": HEAD + body}


def outcomes(execution: Any) -> dict[str, Outcome]:
    return {key: found.outcome for key, found in execution.report.tests.items()}


def test_each_outcome_is_told_apart(suite: Any, npm: str) -> None:
    done = suite({**PACKAGE, "src/a.test.js": OUTCOMES}, COMMAND, npm=npm)
    at = "src/a.test.js > outer > "
    assert outcomes(done) == {
        f"{at}inner > passes": Outcome.PASSED,
        f"{at}inner > fails": Outcome.FAILED,
        f"{at}skipped": Outcome.SKIPPED,
        f"{at}to do": Outcome.SKIPPED,
        f"{at}skips itself": Outcome.SKIPPED,
        f"{at}expected failure": Outcome.XFAILED,
        f"{at}unexpected pass": Outcome.FAILED,
        f"{at}flaky": Outcome.PASSED,
        f"{at}repeated": Outcome.PASSED,
        f"{at}soft": Outcome.FAILED,
        f"{at}times out": Outcome.FAILED,
        f"{at}adds 1 + 2": Outcome.PASSED,
        f"{at}adds 3 + 4": Outcome.PASSED,
    }
    assert [key for key, found in done.report.tests.items() if found.retried] == [f"{at}flaky"]
    assert (done.verdict.verdict, done.report.exit_status) == ("fail", 1)


def test_a_sound_suite_passes_and_each_of_its_tests_runs_alone(suite: Any, npm: str) -> None:
    files = {**PACKAGE, "src/a.test.js": NAMES, "src/b.test.js": HEAD + "test('case', () => {})"}
    done = suite(files, COMMAND, npm=npm)
    assert done.verdict.verdict == "pass", done.verdict
    assert len(done.report.tests) == 10
    for id in done.report.tests:
        alone = suite(None, COMMAND, only=[id])
        assert (list(alone.report.tests), alone.verdict.verdict) == ([id], "pass"), alone
    pair = ["src/a.test.js > -leading", "src/b.test.js > case"]
    assert set(suite(None, COMMAND, only=pair).report.tests) == set(pair)


def test_two_tests_of_one_name_are_two(suite: Any, npm: str) -> None:
    body = "test('twice', () => {})\ntest('twice', () => { throw new Error('second') })\n"
    done = suite(one(body), COMMAND, npm=npm)
    first, second = "src/one.test.js > twice", "src/one.test.js > twice #2"
    assert outcomes(done) == {first: Outcome.PASSED, second: Outcome.FAILED}
    assert outcomes(suite(None, COMMAND, only=[second])) == {second: Outcome.FAILED}
    assert set(suite(None, COMMAND, only=[first, second]).report.tests) == {first, second}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import './nowhere.js'\ntest('a', () => {})", "could not be run as a whole"),
        ("this is no JavaScript", "could not be run as a whole"),
        ("", "could not be run as a whole"),
        ("describe('d', () => { beforeAll(() => { throw new Error('b') }); test('a', () => {}) })", "src/one.test.js"),
        ("describe('d', () => { afterAll(() => { throw new Error('b') }); test('a', () => {}) })", "src/one.test.js"),
        ("test('a', async () => { setTimeout(() => { throw new Error('late') }, 1); "
         "await new Promise((done) => setTimeout(done, 50)) })", "unhandled"),
        ("test('a', () => { process.kill(process.pid, 'SIGKILL') }); test('b', () => {})", "could not be run"),
        ("test('a', () => { process.kill(process.ppid, 'SIGKILL') }); test('b', () => {})", "killed by signal 9"),
        ("test.skip('a', () => {})", "no test ran"),
    ],
)  # fmt: skip
def test_what_proves_nothing_is_no_pass(suite: Any, npm: str, body: str, words: str) -> None:
    done = suite(one(body), COMMAND, npm=npm)
    assert done.verdict.verdict != "pass"
    assert words in (done.verdict.reason or ""), done


def test_leaving_and_focus_are_failures(suite: Any, npm: str) -> None:
    done = suite(one("test('a', () => { process.exit(0) })"), COMMAND, npm=npm)
    assert outcomes(done) == {"src/one.test.js > a": Outcome.FAILED}
    done = suite(one("test('a', () => {}); test.only('b', () => {})"), COMMAND, env={"CI": "1"})
    assert done.verdict.verdict == "fail"
    done = suite(one("test('a', () => {}); test.only('b', () => {})"), COMMAND)  # as in a shell without CI
    assert outcomes(done) == {"src/one.test.js > a": Outcome.SKIPPED, "src/one.test.js > b": Outcome.PASSED}


def test_a_failing_hook_around_each_test_is_the_tests_failure(suite: Any, npm: str) -> None:
    done = suite(one("afterEach(() => { throw new Error('after') }); test('a', () => {})"), COMMAND, npm=npm)
    assert outcomes(done) == {"src/one.test.js > a": Outcome.FAILED}
    assert done.verdict.verdict == "fail"


def test_no_test_file_is_no_pass(suite: Any, npm: str) -> None:
    for command in (COMMAND, f"{COMMAND} --passWithNoTests"):
        done = suite(PACKAGE, command, npm=npm)
        assert done.verdict.verdict == "inconclusive", done


def test_results_that_a_test_prints_are_no_results(suite: Any, npm: str) -> None:
    body = "test('a', () => { console.log(' ✓ src/one.test.js > b'); process.stdout.write('{\"testResults\": []}') })"
    done = suite(one(body), COMMAND, npm=npm)
    assert outcomes(done) == {"src/one.test.js > a": Outcome.PASSED}


def test_a_test_that_is_not_there_cannot_be_selected(suite: Any, npm: str) -> None:
    suite(one("test('a', () => {})"), COMMAND, npm=npm)
    for id in ("src/one.test.js > gone", "src/gone.test.js > a"):
        assert suite(None, COMMAND, only=[id]).verdict.verdict == "inconclusive"


def test_wrappers_and_own_options_are_gone_through(suite: Any, npm: str) -> None:
    body = "test('a', () => {}); test('b', () => { throw new Error('x') }); test('c', () => {})"
    done = suite(one(body), "npm test --silent", npm=npm)
    assert list(done.report.tests) == [f"src/one.test.js > {name}" for name in "abc"]
    command = f"{COMMAND} --bail=1 --retry 1 -t nothing --reporter=dot"
    alone = suite(None, command, only=["src/one.test.js > b"])
    assert outcomes(alone) == {"src/one.test.js > b": Outcome.FAILED}
    hidden = suite(None, f"NODE_OPTIONS=--no-warnings {COMMAND}")
    assert hidden.report.completeness is Completeness.COMPLETE
    assert hidden.verdict.verdict == "fail"
    for only in (["src/one.test.js > b"], ["src/one.test.js > a", "src/one.test.js > c"]):
        assert set(suite(None, f"NODE_OPTIONS=--no-warnings {COMMAND}", only=only).report.tests) == set(only)


def test_what_reaches_the_workers_is_as_always(suite: Any, npm: str) -> None:
    body = "test('a', () => { expect(process.env.NODE_OPTIONS).not.toContain('superteam'); "
    body += "expect(Object.keys(process.env).filter((name) => name.startsWith('SUPERTEAM_NODE'))).toEqual([]) })"
    done = suite(one(body), COMMAND, npm=npm, env={"NODE_OPTIONS": "--no-warnings"})
    assert done.verdict.verdict == "pass", done.report


def test_projects_are_told_apart(suite: Any, npm: str) -> None:
    config = "export default { test: { projects: [{ test: { name: 'one' } }, { test: { name: 'two' } }] } }"
    files = {**one("test('a', () => {})"), "vitest.config.js": config}
    done = suite(files, COMMAND, npm=npm)
    ids = ["src/one.test.js [one] > a", "src/one.test.js [two] > a"]
    assert sorted(done.report.tests) == ids
    assert list(suite(None, COMMAND, only=ids[1:]).report.tests) == ids[1:]


def test_what_is_planted_is_found(suite: Any, npm: str) -> None:
    from superteam.runners import vitest
    from superteam.runners.call import Call

    files = one("test('a', () => {})")
    suite(files, COMMAND, npm=npm)
    name, text = vitest.canary(Call(("vitest", "run")), suite.tree)
    done = suite({**files, name: text}, COMMAND)
    assert [key for key in done.report.failed() if "superteam_canary" in key]
