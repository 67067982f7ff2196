"""What every validation source promises, whatever it runs. A new source is a new line of SOURCES."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import pytest

from superteam.core.results import Execution, Granularity, Shape
from superteam.core.settings import SourceDefinition
from superteam.ports import Source, Tree
from superteam.sources.command import CommandSource
from superteam.sources.smoke_artifact import SmokeArtifactSource


@dataclass
class Suite:
    """What the suite of a test is to do: the same for each kind. `ids` are as reports name the tests."""

    tests: Mapping[str, bool]
    run: str = "pass"
    exit: int | None = None
    timeout: float = 60
    expected: Shape | None = None
    missing_program: bool = False


def command(suite: Suite, tree: Path, outputs: Path) -> tuple[Source, str]:
    bodies = [f"def test_{name}():\n    assert {passes}, 'open-sesame'\n" for name, passes in suite.tests.items()]
    (tree / "test_x.py").write_text("\n".join([f"import os, time\n{suite.run}\n", *bodies]))
    if suite.exit is not None:
        (tree / "conftest.py").write_text(f"import os\ndef pytest_unconfigure(): os._exit({suite.exit})\n")
    program = "/nowhere/pytest" if suite.missing_program else f"{sys.executable} -m pytest"
    call = f"{program} -q -p no:cacheprovider"
    return CommandSource(call, suite.timeout, outputs, suite.expected), "test_x.py::test_{}"


SMOKE = """
import json, os, sys, time
tests = {tests}
{run}
wanted = sys.argv[1].split(",") if sys.argv[1:] else list(tests)
entries = [dict(fixtureId=id, status="pass" if tests[id] else "fail", error="open-sesame") for id in wanted
           if id in tests]
failed = any(entry["status"] == "fail" for entry in entries)
print("open-sesame")
open("latest.json", "w").write(json.dumps(dict(fixtures=entries, result="fail" if failed else "pass")))
sys.exit({exit} if {exit} is not None else failed)
"""


def smoke(suite: Suite, tree: Path, outputs: Path) -> tuple[Source, str]:
    (tree / "smoke.py").write_text(SMOKE.format(tests=dict(suite.tests), run=suite.run, exit=suite.exit))
    program = ("/nowhere/node",) if suite.missing_program else (sys.executable, "smoke.py")
    definition = SourceDefinition(
        name="smoke", kind="smoke-artifact", artifact="latest.json", command=(*program, "{fixtures}")
    )
    return SmokeArtifactSource(definition, suite.timeout, outputs, suite.expected), "{}"


SOURCES: dict[str, Callable[[Suite, Path, Path], tuple[Source, str]]] = {"command": command, "smoke": smoke}
Collect = Callable[..., Execution]


@pytest.fixture(params=sorted(SOURCES))
def collect(request: pytest.FixtureRequest, tmp_path: Path) -> Collect:
    """Runs a suite: collect({"a": True}, only=["a"], ...); outcomes are by the tests' short names."""

    def made(tests: Mapping[str, bool], only: list[str] | None = None, **more: object) -> Execution:
        tree = tmp_path / "tree"
        tree.mkdir(exist_ok=True)
        source, pattern = SOURCES[request.param](Suite(tests, **more), tree, tmp_path / "outputs")
        wanted = None if only is None else frozenset(pattern.format(name) for name in only)
        env = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST", "PYTHON"))}
        env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "MY_TOKEN": "open-sesame"}
        return anyio.run(partial(source.collect, Tree(tree, "0" * 40, env), wanted))

    return made


def outcomes(found: Execution) -> dict[str, str]:
    return {key.rpartition("test_")[2]: result.outcome.value for key, result in found.report.tests.items()}


def test_a_green_suite_is_a_pass(collect: Collect) -> None:
    found = collect({"a": True, "b": True})
    assert (found.verdict.verdict, outcomes(found)) == ("pass", {"a": "passed", "b": "passed"})
    assert found.report.granularity is Granularity.TESTS


def test_a_failure_is_a_fail_with_its_signature_and_a_command_that_repeats_it(collect: Collect) -> None:
    found = collect({"a": True, "b": False})
    assert (found.verdict.verdict, outcomes(found)) == ("fail", {"a": "passed", "b": "failed"})
    [id] = found.report.failed()
    assert found.report.tests[id].signature
    assert found.reproduce_command.endswith(id)
    assert found.command and found.command != found.reproduce_command


def test_only_the_wanted_tests_run(collect: Collect) -> None:
    found = collect({"a": True, "b": False, "c": False}, only=["a", "b"])
    assert (found.verdict.verdict, outcomes(found)) == ("fail", {"a": "passed", "b": "failed"})
    assert collect({"a": True, "b": False}, only=["a"]).verdict.verdict == "pass"


@pytest.mark.parametrize("only", [["gone"], ["a", "gone"]])
def test_a_wanted_test_that_does_not_run_proves_nothing(collect: Collect, only: list[str]) -> None:
    assert collect({"a": True}, only=only).verdict.verdict == "inconclusive"


@pytest.mark.parametrize(
    "more",
    [
        {"exit": 0, "tests": {"a": False}},
        {"exit": 3},
        {"run": "os._exit(0)"},
        {"run": "os.kill(os.getpid(), 9)"},
        {"tests": {}},
        {"missing_program": True},
    ],
)
def test_what_does_not_agree_with_itself_is_inconclusive_with_a_reason(
    collect: Collect, more: dict[str, object]
) -> None:
    found = collect(**{"tests": {"a": True}, **more})
    assert found.verdict.verdict == "inconclusive"
    assert found.verdict.reason


def test_a_suite_that_takes_too_long_is_ended(collect: Collect) -> None:
    found = collect({"a": True}, run="time.sleep(60)", timeout=0.5)
    assert (found.verdict.verdict, found.exit.timed_out) == ("inconclusive", True)


def test_another_framework_than_at_the_baseline_is_not_compared(collect: Collect) -> None:
    found = collect({"a": True}, expected=Shape(Granularity.TESTS, "another"))
    assert found.verdict.verdict == "inconclusive"


def test_outputs_are_private_outside_of_the_tree_and_without_secrets(collect: Collect, tmp_path: Path) -> None:
    found = collect({"a": False})
    output = Path(found.output)
    assert output.is_relative_to(tmp_path / "outputs")
    assert "open-sesame" not in output.read_text() + found.head + found.tail
    assert output.parent.stat().st_mode & 0o777 == 0o700


def test_a_run_leaves_nothing_of_itself_for_the_next_one(collect: Collect) -> None:
    assert collect({"a": True}).verdict.verdict == "pass"
    assert collect({"a": True}, run="os._exit(0)").verdict.verdict == "inconclusive"
