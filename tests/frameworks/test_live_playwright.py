"""playwright's runner as it is, without a browser: what suites come to, and that exactly what was asked for runs."""

from __future__ import annotations

from typing import Any

import pytest

from superteam.core.results import Completeness, Outcome

pytestmark = pytest.mark.frameworks

COMMAND = "node_modules/.bin/playwright test"
CONFIG = "module.exports = { testDir: 'e2e', timeout: 5000, workers: 1 }"
PACKAGE = {"package.json": '{"scripts": {"test": "playwright test"}}', "playwright.config.js": CONFIG}
HEAD = "const { test, expect } = require('@playwright/test')\n"
OUTCOMES = (
    HEAD
    + r"""
test.describe('outer', () => {
  test.describe('inner', () => { test('passes', () => {}); test('fails', () => { expect(1).toBe(2) }) })
  test.skip('skipped', () => {})
  test.fixme('to do', () => {})
  test.fail('expected failure', () => { throw new Error('known') })
  test.fail('unexpected pass', () => {})
  test('times out', async () => { test.setTimeout(50); await new Promise(() => {}) })
  test('flaky', ({}, info) => { if (info.retry < 1) throw new Error('first try') })
})
test.describe('serial', () => {
  test.describe.configure({ mode: 'serial' })
  test('first', () => { throw new Error('x') })
  test('second', () => {})
})
"""
)
NAMES = (
    HEAD
    + r"""
test('a > b :: [c] - (d)* "q" \'s\' $x ^ | \\ / é 🎉 #2', () => {})
test('line\nbreak', () => {})
test('-leading', () => {})
test(' spaces  in   it ', { tag: ['@slow', '@x'] }, () => {})
test('titled @tag here', () => {})
test('case', () => {})
test('Case', () => {})
test.describe('a', () => { test('b c', () => {}) })
"""
)


def one(body: str, **more: str) -> dict[str, str]:
    return {**PACKAGE, "e2e/one.spec.js": HEAD + body, **more}


def outcomes(execution: Any) -> dict[str, Outcome]:
    return {key: found.outcome for key, found in execution.report.tests.items()}


def test_each_outcome_is_told_apart(suite: Any) -> None:
    done = suite({**PACKAGE, "e2e/a.spec.js": OUTCOMES}, f"{COMMAND} --retries=1", npm="playwright")
    at = "e2e/a.spec.js > "
    assert outcomes(done) == {
        f"{at}outer > inner > passes": Outcome.PASSED,
        f"{at}outer > inner > fails": Outcome.FAILED,
        f"{at}outer > skipped": Outcome.SKIPPED,
        f"{at}outer > to do": Outcome.SKIPPED,
        f"{at}outer > expected failure": Outcome.XFAILED,
        f"{at}outer > unexpected pass": Outcome.FAILED,
        f"{at}outer > times out": Outcome.TIMED_OUT,
        f"{at}outer > flaky": Outcome.PASSED,
        f"{at}serial > first": Outcome.FAILED,
        f"{at}serial > second": Outcome.NOT_RUN,
    }
    assert [key for key, found in done.report.tests.items() if found.retried] == [f"{at}outer > flaky"]
    assert done.verdict.verdict == "fail"


def test_a_sound_suite_passes_and_each_of_its_tests_runs_alone(suite: Any) -> None:
    files = {**PACKAGE, "e2e/a.spec.js": NAMES, "e2e/sub/a.spec.js": HEAD + "test('case', () => {})"}
    done = suite(files, COMMAND, npm="playwright")
    assert done.verdict.verdict == "pass", done.verdict
    assert len(done.report.tests) == 9
    for id in done.report.tests:
        alone = suite(None, COMMAND, only=[id])
        assert (list(alone.report.tests), alone.verdict.verdict) == ([id], "pass"), alone
    pair = ["e2e/a.spec.js > -leading", "e2e/sub/a.spec.js > case"]
    assert set(suite(None, COMMAND, only=pair).report.tests) == set(pair)


def test_a_rerun_has_no_retries(suite: Any) -> None:
    body = "test('flaky', ({}, info) => { if (info.retry < 1) throw new Error('first try') })"
    done = suite(one(body), f"{COMMAND} --retries=2", npm="playwright")
    assert (done.verdict.verdict, done.report.tests["e2e/one.spec.js > flaky"].retried) == ("pass", True)
    assert suite(None, f"{COMMAND} --retries=2", only=done.report.tests).verdict.verdict == "fail"


def test_projects_are_told_apart(suite: Any) -> None:
    config = "module.exports = { testDir: 'e2e', projects: [{ name: 'one' }, { name: 'two (b)' }] }"
    done = suite(one("test('a', () => {})", **{"playwright.config.js": config}), COMMAND, npm="playwright")
    ids = ["e2e/one.spec.js [one] > a", "e2e/one.spec.js [two (b)] > a"]
    assert sorted(done.report.tests) == ids
    assert list(suite(None, COMMAND, only=ids[1:]).report.tests) == ids[1:]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("require('./nowhere.js'); test('a', () => {})", "Cannot find module './nowhere.js'"),
        ("this is no JavaScript", "could not be run as a whole"),
        ("", "No tests found"),
        ("test('twice', () => {}); test('twice', () => {})", "twice"),
        ("test('a', () => { process.kill(process.ppid, 'SIGKILL') }); test('b', () => {})", "killed by signal 9"),
        ("test.skip('a', () => {})", "no test ran"),
        ("test('a', () => { setTimeout(() => { process.exit(0) }, 0) ; return new Promise(() => {}) })", ""),
    ],
)
def test_what_proves_nothing_is_no_pass(suite: Any, body: str, words: str) -> None:
    done = suite(one(body), COMMAND, npm="playwright")
    assert done.verdict.verdict != "pass", done
    assert words in (done.verdict.reason or ""), done


def test_leaving_a_test_is_its_failure(suite: Any) -> None:
    for body in ("test('a', () => { process.exit(0) })", "test('a', () => { process.kill(process.pid, 'SIGKILL') })"):
        done = suite(one(f"{body}\ntest('b', () => {{}})"), COMMAND, npm="playwright")
        assert done.verdict.verdict != "pass", done
        assert done.report.tests["e2e/one.spec.js > a"].outcome is not Outcome.PASSED


def test_failing_hooks_are_the_tests_failures(suite: Any) -> None:
    for hook in ("beforeAll", "afterAll", "beforeEach", "afterEach"):
        body = f"test.{hook}(() => {{ throw new Error('broke') }}); test('a', () => {{}})"
        done = suite(one(body), COMMAND, npm="playwright")
        assert outcomes(done) == {"e2e/one.spec.js > a": Outcome.FAILED}
        assert done.verdict.verdict == "fail"


def test_a_failing_global_setup_is_no_failed_test(suite: Any) -> None:
    config = "module.exports = { testDir: 'e2e', globalSetup: './setup.js' }"
    setup = "module.exports = () => { throw new Error('no database') }"
    files = one("test('a', () => {})", **{"playwright.config.js": config, "setup.js": setup})
    done = suite(files, COMMAND, npm="playwright")
    assert done.verdict.verdict == "inconclusive"
    assert "no database" in (done.verdict.reason or "")


def test_focus_leaves_the_others_out(suite: Any) -> None:
    done = suite(one("test('a', () => {}); test.only('b', () => {})"), COMMAND, npm="playwright")
    assert outcomes(done) == {"e2e/one.spec.js > b": Outcome.PASSED}


def test_results_that_a_test_prints_are_no_results(suite: Any) -> None:
    body = "test('a', () => { console.log('  ✓  1 one.spec.js › b'); process.stdout.write('{\"suites\": []}') })"
    done = suite(one(body), COMMAND, npm="playwright")
    assert outcomes(done) == {"e2e/one.spec.js > a": Outcome.PASSED}


def test_a_test_that_is_not_there_cannot_be_selected(suite: Any) -> None:
    suite(one("test('a', () => {})"), COMMAND, npm="playwright")
    for id in ("e2e/one.spec.js > gone", "e2e/gone.spec.js > a"):
        assert suite(None, COMMAND, only=[id]).verdict.verdict == "inconclusive"


def test_wrappers_and_own_options_are_gone_through(suite: Any) -> None:
    body = "test('a', () => {}); test('b', () => { throw new Error('x') }); test('c', () => {})"
    done = suite(one(body), "npm test --silent", npm="playwright")
    assert list(done.report.tests) == [f"e2e/one.spec.js > {name}" for name in "abc"]
    alone = suite(None, f"{COMMAND} -x --reporter=dot --grep nothing e2e", only=["e2e/one.spec.js > b"])
    assert outcomes(alone) == {"e2e/one.spec.js > b": Outcome.FAILED}
    hidden = suite(None, f"NODE_OPTIONS=--no-warnings {COMMAND}")
    assert (hidden.report.completeness, hidden.verdict.verdict) == (Completeness.COMPLETE, "fail")
    for only in (["e2e/one.spec.js > b"], ["e2e/one.spec.js > a", "e2e/one.spec.js > c"]):
        assert set(suite(None, f"NODE_OPTIONS=--no-warnings {COMMAND}", only=only).report.tests) == set(only)


def test_what_is_planted_is_found(suite: Any) -> None:
    from superteam.runners import playwright
    from superteam.runners.call import Call

    files = one("test('a', () => {})")
    suite(files, COMMAND, npm="playwright")
    name, text = playwright.canary(Call(("playwright", "test")), suite.tree)
    done = suite({**files, name: text}, COMMAND)
    assert [key for key in done.report.failed() if "superteam_canary" in key]
