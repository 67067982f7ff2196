"""bun test as it is: what each kind of suite comes to, and that exactly the tests run that were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from superteam.core.results import Outcome
from superteam.runners import bun
from superteam.runners.call import Call

pytestmark = pytest.mark.frameworks

COMMAND = "node_modules/.bin/bun test"
HEAD = 'import { test, it, expect, describe, beforeEach, beforeAll, afterAll } from "bun:test";\n'
OUTCOMES = (
    HEAD
    + r"""
describe("outer", () => { describe("inner", () => {
  it("passes", () => { console.log("(fail) outer > inner > passes"); });
  it("fails", () => expect(1).toBe(2));
  it.skip("skipped", () => {});
  it.todo("todo");
  it.failing("expected failure", () => { throw new Error("known") });
  it.failing("unexpected pass", () => {});
  it("same name", () => {});
  it("same name", () => { throw new Error("second") });
}) });
test.each([[1, "x"], [2, "y"]])("each %d %s", () => {});
"""
)
NASTY = (
    HEAD
    + r"""
const names = ["a > b", "a.*b(c)[d]|^$", "quote \" ' ` $HOME <&>", "new\nline", "-x", "--bail", "\u00fc \ud83d\ude00",
  " two  spaces ", "x::y", "\\back\\d", "/slash/i", "a - b", "#2", "a #2"];
for (const name of names) describe("nasty", () => it(name, () => {}));
test("top", () => {});
"""
)


def run(suite: Any, files: Mapping[str, str] | None, command: str = COMMAND, **more: Any) -> Any:
    return suite(files, command, npm="bun", **more)


def test_each_outcome_is_told_apart(suite: Any) -> None:
    found = run(suite, {"a.test.ts": OUTCOMES})
    assert found.verdict.verdict == "fail", found.verdict
    outcomes = {
        id.removeprefix("a.test.ts > outer > inner > "): test.outcome for id, test in found.report.tests.items()
    }
    assert outcomes == {
        "passes": Outcome.PASSED,
        "fails": Outcome.FAILED,
        "skipped": Outcome.SKIPPED,
        "todo": Outcome.SKIPPED,
        "expected failure": Outcome.PASSED,
        "unexpected pass": Outcome.FAILED,
        "same name": Outcome.PASSED,
        "same name #2": Outcome.FAILED,
        "a.test.ts > each 1 x": Outcome.PASSED,
        "a.test.ts > each 2 y": Outcome.PASSED,
    }


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ("this is no script", ""),
        ('test("one", () => {}); test("exits", () => process.exit(0));', ""),
        ('test("one", () => {}); test("dies", () => process.kill(process.pid, "SIGKILL"));', ""),
        ('test("one", () => {}); test("aborts", () => process.abort());', ""),
        ("", ""),
        ('test.skip("one", () => {});', ""),
        ('test("one", () => {});', "-t zzz"),
        ('test("one", () => {}); Promise.reject(new Error("late"));', ""),
    ],
)
def test_what_is_no_pass_is_inconclusive(suite: Any, body: str, arguments: str) -> None:
    found = run(suite, {"a.test.ts": HEAD + body}, f"{COMMAND} {arguments}")
    assert found.verdict.verdict == "inconclusive", found.verdict


def test_a_file_that_cannot_be_loaded_spoils_a_run_that_also_fails(suite: Any) -> None:
    files = {"a.test.ts": HEAD + 'test("one", () => expect(1).toBe(2));', "bad.test.ts": "this is no script"}
    found = run(suite, files)
    assert found.verdict.verdict == "inconclusive", found.verdict
    assert "outside of tests" in str(found.verdict.reason)


@pytest.mark.parametrize("hook", ["beforeEach", "beforeAll", "afterAll"])
def test_a_hook_that_fails_is_a_failure(suite: Any, hook: str) -> None:
    body = f'describe("s", () => {{ {hook}(() => {{ throw new Error("hook") }}); test("one", () => {{}}); }});'
    assert run(suite, {"a.test.ts": HEAD + body}).verdict.verdict == "fail"


def test_a_pass_is_a_pass_through_a_script(suite: Any) -> None:
    files = {"a.test.ts": HEAD + 'test("one", () => {});', "package.json": '{"scripts": {"test": "bun test"}}'}
    found = run(suite, files, "node_modules/.bin/bun run test", env={"PATH": "node_modules/.bin:/usr/bin:/bin"})
    assert found.verdict.verdict == "pass", found.verdict
    assert set(found.report.tests) == {"a.test.ts > one"}


def test_each_of_the_nastiest_names_runs_alone(suite: Any) -> None:
    whole = run(suite, {"a.test.ts": NASTY})
    assert whole.verdict.verdict == "pass", whole.verdict
    assert len(whole.report.tests) == 15
    for id in whole.report.tests:
        found = run(suite, None, only=[id])
        assert (found.verdict.verdict, set(found.report.tests)) == ("pass", {id}), (id, found.verdict)


def test_a_pair_of_two_files_and_one_of_two_tests_of_a_name(suite: Any) -> None:
    files = {"a.test.ts": OUTCOMES, "sub/b.test.ts": HEAD + 'test("one", () => {}); test("two", () => {});'}
    pair = {"a.test.ts > outer > inner > passes", "sub/b.test.ts > two"}
    found = run(suite, files, only=pair)
    assert (found.verdict.verdict, set(found.report.tests)) == ("pass", pair), found.verdict
    second = "a.test.ts > outer > inner > same name #2"
    found = run(suite, None, only=[second])
    assert (found.verdict.verdict, set(found.report.tests)) == ("fail", {second}), found.verdict


def test_an_unknown_test_is_no_pass(suite: Any) -> None:
    found = run(suite, {"a.test.ts": HEAD + 'test("one", () => {});'}, only=["a.test.ts > gone"])
    assert found.verdict.verdict == "inconclusive"


def test_a_planted_test_fails(suite: Any, tmp_path: Path) -> None:
    files = {"src/a.test.ts": HEAD + 'test("one", () => {});'}
    planted = bun.canary(Call(("bun", "test")), written(tmp_path, files))
    assert planted is not None
    found = run(suite, {**files, planted[0]: planted[1]})
    assert found.verdict.verdict == "fail", found.verdict
    assert [id for id in found.report.failed() if "superteam_canary" in id]


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / "like" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "like" / name).write_text(text)
    return folder / "like"
