"""PHPUnit as it is: what each kind of suite comes to, and that exactly the tests run that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.frameworks

Run = Callable[..., Any]
OUTCOMES = r"""<?php
namespace App;
final class ATest extends \PHPUnit\Framework\TestCase {
  public function testPasses(): void { $this->assertTrue(true); echo "OK (9 tests)\n"; }
  public function testFails(): void { $this->assertSame(1, 2); }
  public function testErrors(): void { throw new \RuntimeException("boom"); }
  public function testSkipped(): void { $this->markTestSkipped("why"); }
  public function testIncomplete(): void { $this->markTestIncomplete("later"); }
  public function testRisky(): void { }
  /** @depends testFails */
  public function testDepends(): void { $this->assertTrue(true); }
}
"""
NASTY = r"""<?php
namespace App\Deep;
final class NastyTest extends \PHPUnit\Framework\TestCase {
  public static function data(): array { return [
    "plain" => [1], "a|b (c) [d] #1 \"q\" 'p' ^$.*\\" => [1], "with data set x" => [1], "é🎉\n/$" => [1],
    "-x" => [1], "a > b :: c - d" => [1], [1], [1], "plain #2" => [1], " two  spaces " => [1]]; }
  /** @dataProvider data */
  public function testData(int $x): void { $this->assertSame(1, $x); }
  public function test(): void { $this->assertTrue(true); }
  public function testÜnï(): void { $this->assertTrue(true); }
}
"""
OTHER = r"""<?php
final class BTest extends \PHPUnit\Framework\TestCase {
  public function testOne(): void { $this->assertTrue(true); }
  public function testOneMore(): void { $this->assertTrue(true); }
}
"""
CLASS = "<?php\nfinal class XTest extends \\PHPUnit\\Framework\\TestCase {{ {} }}\n"


@pytest.fixture
def run(suite: Any, need: Callable[[str], str]) -> Run:
    need("phpunit")

    def phpunit(files: Mapping[str, str] | None, command: str = "phpunit tests", **more: Any) -> Any:
        return suite(files, command, **more)

    return phpunit


def test_each_outcome_is_told_apart(run: Run) -> None:
    found = run({"tests/ATest.php": OUTCOMES})
    assert found.verdict.verdict == "fail", found.verdict
    assert {id.rpartition("::")[2]: test.outcome.value for id, test in found.report.tests.items()} == {
        "testPasses": "passed",
        "testFails": "failed",
        "testErrors": "errored",
        "testSkipped": "skipped",
        "testIncomplete": "skipped",
        "testRisky": "skipped",
        "testDepends": "skipped",
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<?php this is no php", "no report"),
        (CLASS.format(""), "no test ran"),
        (CLASS.format("function testA(): void { }"), "no test ran"),
        (CLASS.format("function testA(): void { exit(0); }"), "no report"),
        (CLASS.format("function testA(): void { nope(); } function testB(): void { posix_kill(getmypid(), 9); }"), "9"),
        (CLASS.format("function testA(): void { ini_set('memory_limit', '8M'); str_repeat('x', 1e8); }"), "no report"),
    ],
)
def test_nothing_that_is_broken_passes(run: Run, body: str, words: str) -> None:
    found = run(
        {"tests/XTest.php": body, "tests/ATest.php": OTHER.replace("BTest", "ATest")}
        if "no php" in body
        else {"tests/XTest.php": body}
    )
    assert found.verdict.verdict == "inconclusive"
    assert words in found.verdict.reason


def test_a_broken_class_setup_and_data_provider_are_failures(run: Run) -> None:
    setup = "public static function setUpBeforeClass(): void { throw new Exception('x'); } function testA(): void { }"
    provider = "static function d() { throw new Exception('x'); } /** @dataProvider d */ function testA($x): void { }"
    for body in (setup, provider):
        found = run({"tests/XTest.php": CLASS.format(body)})
        assert found.verdict.verdict == "fail"
        assert found.report.failed() == ("tests/XTest.php::XTest::testA",)


def test_each_test_alone_runs_itself(run: Run) -> None:
    found = run({"tests/NastyTest.php": NASTY, "tests/BTest.php": OTHER})
    assert found.verdict.verdict == "pass"
    assert len(found.report.tests) == 14
    for id in found.report.tests:
        alone = run(None, only=[id])
        assert (alone.report.tests.keys(), alone.verdict.verdict) == ({id}, "pass"), (id, alone.verdict)


def test_a_pair_of_two_files_and_a_failing_one_alone(run: Run) -> None:
    pair = ["tests/ATest.php::App\\ATest::testPasses", "tests/BTest.php::BTest::testOne"]
    found = run({"tests/ATest.php": OUTCOMES, "tests/BTest.php": OTHER}, only=pair)
    assert (found.report.tests.keys(), found.verdict.verdict) == (set(pair), "pass")
    assert run(None, only=["tests/ATest.php::App\\ATest::testFails"]).verdict.verdict == "fail"
    assert run(None, only=["tests/ATest.php::App\\ATest::testGone"]).verdict.verdict == "inconclusive"
