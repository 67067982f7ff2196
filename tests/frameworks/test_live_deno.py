"""deno test as it is: what each kind of suite comes to, and that exactly the tests run that were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from superteam.core.results import Outcome
from superteam.runners import deno
from superteam.runners.call import Call

pytestmark = pytest.mark.frameworks

COMMAND = "node_modules/@deno/linux-x64-glibc/deno test"
OUTCOMES = r"""
console.log("ok 1 - printed");
const same = (n: number) => { if (n !== 1) throw new Error("not one"); };
Deno.test("passes", () => {});
Deno.test("fails", () => same(2));
Deno.test.ignore("ignored", () => {});
Deno.test("steps", async (t) => { await t.step("one", () => {}); await t.step("two", () => same(2)); });
Deno.test("good steps", async (t) => { await t.step("one", () => {}); });
Deno.test("same name", () => {});
Deno.test("same name", () => same(2));
Deno.test("exits", () => Deno.exit(0));
"""
NASTY = r"""
const names = ["a > b", "a.*b(c)[d]|^$", "quote \" ' ` $HOME <&>", "new\nline", "-x", "\u00fc \ud83d\ude00",
  " two  spaces ", "x::y", "\\back\\nd", "/slash/", "a - b", "#2", "a #2", "tab\t", "bell\u0007"];
for (const name of names) Deno.test(name, () => {});
"""


def run(suite: Any, files: Mapping[str, str] | None, command: str = COMMAND, **more: Any) -> Any:
    return suite(files, command, npm="deno", **more)


def test_each_outcome_is_told_apart(suite: Any) -> None:
    found = run(suite, {"a.test.ts": OUTCOMES})
    assert found.verdict.verdict == "fail", found.verdict
    outcomes = {id.removeprefix("a.test.ts > "): test.outcome for id, test in found.report.tests.items()}
    assert outcomes == {
        "passes": Outcome.PASSED,
        "fails": Outcome.FAILED,
        "ignored": Outcome.SKIPPED,
        "steps": Outcome.FAILED,
        "steps > one": Outcome.PASSED,
        "steps > two": Outcome.FAILED,
        "good steps": Outcome.PASSED,
        "good steps > one": Outcome.PASSED,
        "same name": Outcome.PASSED,
        "same name #2": Outcome.FAILED,
        "exits": Outcome.FAILED,
    }


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ("this is no script", ""),
        ("throw new Error('top')", ""),
        ("Deno.test('one', () => {}); Deno.test('dies', () => Deno.kill(Deno.pid, 'SIGKILL'))", "--allow-run"),
        ("", ""),
        ("Deno.test.ignore('one', () => {})", ""),
        ("Deno.test('one', () => {})", "--filter zzz"),
        ("Deno.test.only('one', () => {})", ""),
    ],
)
def test_what_is_no_pass_is_inconclusive(suite: Any, body: str, arguments: str) -> None:
    found = run(suite, {"a.test.ts": body}, f"{COMMAND} {arguments}")
    assert found.verdict.verdict == "inconclusive", found.verdict


def test_a_file_that_fails_by_itself_spoils_a_run_that_also_fails(suite: Any) -> None:
    files = {"a.test.ts": "Deno.test('one', () => { throw new Error('x') })", "bad.test.ts": "throw new Error('top')"}
    found = run(suite, files)
    assert found.verdict.verdict == "inconclusive", found.verdict
    assert "bad.test.ts" in str(found.verdict.reason)


def test_a_pass_is_a_pass(suite: Any) -> None:
    found = run(suite, {"a.test.ts": "Deno.test('one', () => {})"})
    assert (found.verdict.verdict, set(found.report.tests)) == ("pass", {"a.test.ts > one"}), found.verdict


def test_each_of_the_nastiest_names_runs_alone(suite: Any) -> None:
    whole = run(suite, {"a.test.ts": NASTY})
    assert whole.verdict.verdict == "pass", whole.verdict
    assert len(whole.report.tests) == 15
    for id in whole.report.tests:
        found = run(suite, None, only=[id])
        assert (found.verdict.verdict, set(found.report.tests)) == ("pass", {id}), (id, found.verdict)


def test_a_pair_of_two_files_a_step_and_one_of_two_tests_of_a_name(suite: Any) -> None:
    files = {"a.test.ts": OUTCOMES, "sub/b.test.ts": "Deno.test('one', () => {}); Deno.test('two', () => {})"}
    pair = {"a.test.ts > passes", "sub/b.test.ts > two"}
    found = run(suite, files, only=pair)
    assert (found.verdict.verdict, set(found.report.tests)) == ("pass", pair), found.verdict
    for id, verdict in (("a.test.ts > same name #2", "fail"), ("a.test.ts > good steps > one", "pass")):
        found = run(suite, None, only=[id])
        assert (found.verdict.verdict, set(found.report.tests)) == (verdict, {id}), found.verdict


def test_an_unknown_test_is_no_pass(suite: Any) -> None:
    found = run(suite, {"a.test.ts": "Deno.test('one', () => {})"}, only=["a.test.ts > gone"])
    assert found.verdict.verdict == "inconclusive"


def test_a_planted_test_fails(suite: Any, tmp_path: Path) -> None:
    files = {"src/a.test.ts": "Deno.test('one', () => {})"}
    planted = deno.canary(Call(("deno", "test")), written(tmp_path, files))
    assert planted is not None
    found = run(suite, {**files, planted[0]: planted[1]})
    assert found.verdict.verdict == "fail", found.verdict
    assert [id for id in found.report.failed() if "superteam_canary" in id]


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / "like" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "like" / name).write_text(text)
    return folder / "like"
