"""RSpec as it is: what each kind of suite comes to, and that exactly the examples run that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.frameworks

Run = Callable[..., Any]
OUTCOMES = """
RSpec.describe "Outer" do
  it("passes") { puts '{"summary":{"failure_count":0},"examples":[]}' }
  it("fails") { expect(1).to eq 2 }
  xit("is skipped") { }
  it("pends") { pending "known"; raise "x" }
  it("is fixed") { pending "known"; expect(1).to eq 1 }
  it("todo without body")
  it { expect(3).to eq 3 }
  context("hook") { before(:all) { raise "before all broke" }; it("never runs") { } }
  context("after") { after { raise "after each broke" }; it("passes in its body") { } }
end
"""
NASTY = r"""
RSpec.describe "Nasty" do
  it("a.*b(c)[d]|^$\\") { }
  it("quote ' \" ` <&> \#{x}") { }
  it("ünï 😀") { }
  it("new\nline") { }
  it(" two  spaces ") { }
  it("-x --bail") { }
  it("a > b :: c - d") { }
  it("a") { }
  it("a #2") { }
  it("twin") { }
  it("twin") { }
end
RSpec.describe("-x") { it("starts with a dash") { } }
"""


@pytest.fixture
def run(suite: Any, need: Callable[[str], str]) -> Run:
    need("rspec")

    def rspec(files: Mapping[str, str] | None, command: str = "rspec", **more: Any) -> Any:
        return suite(files, command, **more)

    return rspec


def outcomes(found: Any) -> dict[str, str]:
    return {id.partition("::")[2]: test.outcome.value for id, test in found.report.tests.items()}


def test_each_outcome_is_told_apart(run: Run) -> None:
    found = run({"spec/a_spec.rb": OUTCOMES})
    assert found.verdict.verdict == "fail", found.verdict
    assert outcomes(found) == {
        "Outer passes": "passed",
        "Outer fails": "failed",
        "Outer is skipped": "skipped",
        "Outer pends": "skipped",
        "Outer is fixed": "failed",
        "Outer todo without body": "skipped",
        "Outer is expected to eq 3": "passed",
        "Outer hook never runs": "failed",
        "Outer after passes in its body": "failed",
    }


def test_a_green_suite_passes(run: Run) -> None:
    assert run({"spec/a_spec.rb": NASTY}).verdict.verdict == "pass"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('raise "load broke"', "errors outside of tests"),
        ('RSpec.describe("E") { }', "no test ran"),
        ('RSpec.describe("E") { xit("x") { } }', "no test ran: 1 skipped"),
        ('RSpec.describe("E") { it("a") { }; it("b") { exit!(0) }; it("c") { } }', "no report"),
        ('RSpec.describe("E") { it("a") { }; it("b") { exit(0) }; it("c") { } }', "cut short"),
        ('RSpec.describe("E") { it("a") { }; it("b") { abort }; it("c") { } }', "cut short"),
        ('RSpec.describe("E") { it("a") { }; it("b") { Process.kill(9, $$); sleep } }', "killed by signal 9"),
        ('RSpec.describe("E") { after(:all) { raise "late" }; it("a") { } }', "errors outside of tests"),
        ('at_exit { exit!(0) }; RSpec.describe("E") { it("a") { raise "x" } }', "exit code 0, and yet"),
    ],
)
def test_nothing_that_is_broken_passes(run: Run, body: str, words: str) -> None:
    found = run({"spec/x_spec.rb": body})
    assert found.verdict.verdict == "inconclusive"
    assert words in found.verdict.reason


def test_each_example_alone_runs_itself(run: Run) -> None:
    files = {"spec/a_spec.rb": NASTY, "spec/b_spec.rb": 'RSpec.describe("Nasty") { it("other") { } }'}
    for id in run(files).report.tests:
        alone = run(None, only=[id])
        assert alone.report.tests.keys() == {id}
        assert alone.verdict.verdict == "pass", (id, alone.verdict)


def test_a_pair_of_two_files_and_a_failing_one_alone(run: Run) -> None:
    files = {"spec/a_spec.rb": OUTCOMES, "spec/b_spec.rb": NASTY}
    pair = ["spec/a_spec.rb::Outer passes", "spec/b_spec.rb::Nasty new\nline"]
    found = run(files, "rspec --fail-fast --order rand", only=pair)
    assert (found.report.tests.keys(), found.verdict.verdict) == (set(pair), "pass")
    assert run(None, only=["spec/a_spec.rb::Outer fails"]).verdict.verdict == "fail"


def test_an_example_without_a_name_is_found_among_all(run: Run) -> None:
    body = 'RSpec.describe("A") { it { expect(3).to eq 3 }; it("b") { } }'
    found = run({"spec/a_spec.rb": body}, only=["spec/a_spec.rb::A is expected to eq 3"])
    assert found.verdict.verdict == "pass"
    assert "names such an example only when it has run" in found.verdict.reason


def test_an_example_that_is_not_there_did_not_run(run: Run) -> None:
    found = run({"spec/a_spec.rb": NASTY}, only=["spec/a_spec.rb::Nasty gone"])
    assert found.verdict.verdict == "inconclusive"


def test_focus_does_not_hide_what_was_asked_for(run: Run) -> None:
    body = (
        "RSpec.configure { |c| c.filter_run_when_matching :focus }\n"
        'RSpec.describe("A") { fit("one") { }; it("two") { raise "x" } }'
    )
    assert outcomes(run({"spec/a_spec.rb": body})) == {"A one": "passed"}
    assert run(None, only=["spec/a_spec.rb::A two"]).verdict.verdict != "pass"
