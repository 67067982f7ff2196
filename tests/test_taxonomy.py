"""Each failure type that can be raised reaches its default action and an overridden one, on real repositories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from playground import Repo, Setup

BROKEN = "def add(a, b):\n    return a - b\n\n\ndef mul(a, b):\n    return a * b\n"
MUL_ONLY = "from calc import mul\n\n\ndef test_mul():\n    assert mul(2, 3) == 6\n"
WEAK = (
    "from calc import add, mul\n\n\ndef test_add():\n    assert add(1, 2) is not None\n\n\n"
    "def test_mul():\n    assert mul(2, 3) == 6\n"
)
FLAKY = """\
import os, pathlib

def test_flaky():
    counter = pathlib.Path(os.environ["COUNTER"])
    calls = int(counter.read_text() or 0) + 1
    counter.write_text(str(calls))
    assert str(calls) not in os.environ["PATTERN"].split()
"""
WHEN_MARKED = (
    "import os, pathlib\n\n\ndef test_outside():\n    assert not pathlib.Path(os.environ['BROKEN']).exists()\n"
)


@dataclass(frozen=True)
class Case:
    """How a failure type is provoked; `code` is the exit code with its default action and nobody to ask."""

    type: str
    code: int
    dispatches: list[Mapping[str, Any]]
    task: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    lenient: int = 0  # the exit code when the type is set to warn-continue
    attempts: int = 1  # dispatches with the default action


def _writes(files: Mapping[str, str | None], **more: Any) -> dict[str, Any]:
    return {"task": "1", "write": files, **more}


CASES = [
    Case("impl-crash", 4, [{"task": "1", "exit": 3}], attempts=2),
    Case("impl-crash", 4, [{"task": "1", "output": "I did nothing"}], attempts=2),
    Case("parse-error", 4, [_writes({"a": "1"}, result="{not json")], attempts=2),
    Case("tool-timeout", 4, [_writes({"a": "1"}, takes=30)], config='agent.timeout = "0.3s"\n', attempts=2),
    Case(
        "tool-timeout", 4, [_writes({"a": "1"})], task={"gate": "sleep 30"}, config='[validation]\ntimeout = "1.5s"\n'
    ),
    Case(
        "validation-failure",
        4,
        [_writes({"a": "1"}, role="implement"), _writes({"a": "2"}, role="fix")],
        task={"gate": "false"},
        attempts=2,
    ),
    Case(
        "test-regression",
        4,
        [_writes({"calc.py": BROKEN}, role="implement"), _writes({"a": "2"}, role="fix")],
        attempts=2,
    ),
    Case(
        "test-missing",
        4,
        [_writes({"test_calc.py": MUL_ONLY}, role="implement"), _writes({"a": "2"}, role="fix")],
        attempts=2,
    ),
    Case("expectation-changed", 4, [_writes({"calc.py": BROKEN, "test_calc.py": WEAK})]),
    Case(
        "suite-crash",
        4,
        [_writes({"calc.py": "import no\n"}, role="implement"), _writes({"a": "2"}, role="fix")],
        attempts=2,
        lenient=3,
    ),
    Case(
        "review-max-retries",
        4,
        [
            _writes({"a": "1"}, role="implement"),
            _writes({"a": "2"}, role="fix"),
            {"task": "1", "role": "review", "result": {"passed": False}},
        ],
        config='[review]\nroles = ["spec"]\nmax-iterations = 2\n',
        attempts=2,
    ),
    Case("test-flake", 0, [_writes({"a": "1"})], files={"test_flaky.py": FLAKY}, env={"PATTERN": "2 5"}),
    Case("test-suspect", 0, [_writes({"a": "1"})], files={"test_flaky.py": FLAKY}, env={"PATTERN": "2 3"}),
    Case("test-preexisting", 0, [_writes({"a": "1"})], files={"test_old.py": "def test_old():\n    assert 0\n"}),
    Case("scope-violation", 0, [_writes({"a": "1", "b": "2"})], task={"files": ["a"]}),
]


def _prepare(repo: Repo, given: Setup, case: Case, action: str | None) -> None:
    counter = repo.root.parent / "counter"
    counter.write_text("0")
    repo.env |= {"COUNTER": str(counter), "PATTERN": "", **case.env}
    actions = f'[failure-actions]\n{case.type} = "{action}"\n' if action else ""
    given([{"title": "A task", **case.task}], case.dispatches, files=case.files, config=case.config + actions)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.type}-{case.code}")
def test_the_default_action_is_taken(repo: Repo, given: Setup, case: Case) -> None:
    _prepare(repo, given, case, None)
    done = repo.superteam("execute", "plan.md")
    assert done.code == case.code, f"{done.err}\n{done.out}"
    task = repo.status()["tasks"][0]
    assert case.type in {failure["type"] for failure in task["failures"]}
    assert task["attempts"] == case.attempts
    table = {row["type"]: row["action"] for row in repo.superteam("taxonomy", "--json").json["failure_types"]}
    assert {f["action"] for f in task["failures"] if f["type"] == case.type} == {table[case.type]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.type}-{case.code}")
def test_an_overridden_action_is_taken(repo: Repo, given: Setup, case: Case) -> None:
    """Blocking types are made lenient, lenient ones are made to ask."""
    action = "escalate" if case.code == 0 else "warn-continue"
    _prepare(repo, given, case, action)
    done = repo.superteam("execute", "plan.md")
    assert done.code == (4 if case.code == 0 else case.lenient), f"{done.err}\n{done.out}"
    status = repo.status()
    found = [f for f in status["tasks"][0]["failures"] if f["type"] == case.type]
    assert found and {f["action"] for f in found} == {action}
    if case.code == 0:
        assert status["pending"]["failure_type"] == case.type


def test_an_environment_that_broke_is_escalated_and_checked_again_on_retry(repo: Repo, given: Setup) -> None:
    mark = repo.root.parent / "broken"
    repo.env["BROKEN"] = str(mark)
    names = "\n\n".join(
        f"def test_{i}():\n    assert not pathlib.Path(os.environ['BROKEN']).exists()\n" for i in range(12)
    )
    given(
        [{"title": "A task"}],
        [_writes({"a": "1"}, run=f"touch '{mark}'")],
        files={"test_outside.py": f"import os, pathlib\n\n\n{names}"},
    )
    assert repo.superteam("execute", "plan.md").code == 4
    status = repo.status()
    assert status["pending"]["failure_type"] == "environment"
    assert "approve" not in {option["id"] for option in status["pending"]["options"]}
    mark.unlink()
    assert repo.superteam("answer", "retry").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert repo.status()["tasks"][0]["attempts"] == 1


def test_an_option_overrides_the_configuration(repo: Repo, given: Setup) -> None:
    case = next(case for case in CASES if case.type == "test-flake")
    _prepare(repo, given, case, "escalate")
    assert repo.superteam("execute", "plan.md", "--action", "test-flake=ignore").code == 0


def test_auto_retry_goes_on_to_the_attempt_limit(repo: Repo, given: Setup) -> None:
    crashes = [{"task": "1", "attempt": n, "write": {"a": word}, "output": word, "exit": 3}
               for n, word in ((1, "one"), (2, "two"), (3, "three"))]  # fmt: skip
    given([{"title": "A task"}], crashes, config='[failure-actions]\nimpl-crash = "auto-retry"\n')
    assert repo.superteam("execute", "plan.md").code == 4
    assert repo.status()["tasks"][0]["attempts"] == 3


def test_a_checkpoint_action_asks(repo: Repo, given: Setup) -> None:
    case = next(case for case in CASES if case.type == "scope-violation")
    _prepare(repo, given, case, "checkpoint")
    assert repo.superteam("execute", "plan.md").code == 4
    assert repo.superteam("answer", "approve").code == 0
    assert repo.superteam("resume").code == 0


@pytest.mark.parametrize(
    ("policy", "code", "status"), [("skip", 1, "failed"), ("abort", 1, None), ("pause", 4, "waiting")]
)
def test_on_escalation_decides_when_nobody_is_asked(
    repo: Repo, given: Setup, policy: str, code: int, status: str | None
) -> None:
    given([{"title": "A task"}], [{"task": "1", "exit": 3}])
    done = repo.superteam("execute", "plan.md", "--on-escalation", policy)
    assert done.code == code, done.err
    if status:
        assert repo.status()["tasks"][0]["status"] == status


def test_a_maximum_of_cost_pauses_with_exit_5_and_goes_on_when_it_is_raised(repo: Repo, given: Setup) -> None:
    entries = [{"task": str(i), "write": {f"f{i}": "1"}, "cost-usd": 0.6} for i in (1, 2, 3)]
    given([{"title": f"Task {i}"} for i in (1, 2, 3)], entries)
    done = repo.superteam("execute", "plan.md", "--max-cost", "1.0")
    assert done.code == 5, done.err
    status = repo.status()
    assert status["status"] == "budget"
    assert status["cost"]["usd"] == pytest.approx(1.2)
    repo.write({"superteam.toml": (repo.root / "superteam.toml").read_text() + "\n[budget]\nmax-usd = 5.0\n"})
    done = repo.superteam("resume")
    assert done.code == 0, done.err


def test_a_maximum_of_time_cancels_what_is_in_flight(repo: Repo, given: Setup) -> None:
    given([{"title": "Slow"}], [{"task": "1", "write": {"a": "1"}, "takes": 60}], config='[budget]\nmax-time = "2s"\n')
    assert repo.superteam("execute", "plan.md").code == 5
    assert repo.superteam("answer", "abort").code == 0
    assert repo.superteam("resume").code == 1


def test_an_agents_question_pauses_and_the_note_is_the_answer(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Ask"}],
        [
            {"task": "1", "attempt": 1, "result": {"question": "Which colour?"}},
            {"task": "1", "attempt": 2, "write": {"a": "1"}},
        ],
    )
    assert repo.superteam("execute", "plan.md").code == 4
    pending = repo.status()["pending"]
    assert pending["question"] == "Which colour?" and pending["failure_type"] is None
    assert repo.superteam("answer", "continue", "--note", "a light blue").code == 0
    assert repo.superteam("resume").code == 0
    assert repo.status()["tasks"][0]["attempts"] == 1
    prompts = [p.read_text() for p in (repo.root / ".superteam/latest/outputs").glob("*.prompt.md")]
    assert any("a light blue" in text for text in prompts)


@pytest.mark.parametrize(("mode", "pauses"), [("checkpoint", 2), ("batch", 1), ("auto", 0)])
def test_execution_modes_really_pause(repo: Repo, given: Setup, mode: str, pauses: int) -> None:
    given([{"title": f"Task {i}"} for i in (1, 2, 3)], [{"task": str(i), "write": {f"f{i}": "1"}} for i in (1, 2, 3)],
          config="batch-size = 2\n")  # fmt: skip
    code, seen = repo.superteam("execute", "plan.md", "--mode", mode).code, 0
    while code == 4:
        seen += 1
        assert repo.status()["pending"]["failure_type"] is None
        code = repo.superteam("resume").code
    assert (code, seen) == (0, pauses)


def test_rollback_does_the_task_again_and_keeps_what_it_replaced(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "A task"}],
        [_writes({"calc.py": BROKEN}, attempt=1), _writes({"good": "1"}, attempt=2)],
        config="[validation]\nauto-fix = 0\n",
    )
    assert repo.superteam("execute", "plan.md").code == 4
    assert repo.superteam("answer", "rollback").code == 0
    assert repo.superteam("resume").code == 0
    assert repo.files_at()["calc.py"].startswith("def add(a, b):\n    return a + b")
    kept = repo.git("for-each-ref", "--format=%(refname)", "refs/superteam").splitlines()
    assert any("return a - b" in repo.git("show", f"{ref}:calc.py") for ref in kept)


def test_retry_after_a_person_mended_the_tree_checks_again_without_a_dispatch(repo: Repo, given: Setup) -> None:
    given([{"title": "A task"}], [_writes({"calc.py": BROKEN})], config="[validation]\nauto-fix = 0\n")
    assert repo.superteam("execute", "plan.md").code == 4
    pending = repo.status()["pending"]
    from pathlib import Path

    tree = Path(pending["evidence"]["work_tree"])
    (tree / "calc.py").write_text(BROKEN.replace("a - b", "b + a"))
    assert repo.superteam("answer", "retry").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert repo.status()["tasks"][0]["attempts"] == 1
    assert "b + a" in repo.files_at()["calc.py"]


def test_retry_without_a_change_dispatches_once_more_with_the_note(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "A task"}],
        [_writes({"calc.py": BROKEN}, attempt=1), _writes({"calc.py": BROKEN.replace("a - b", "a + b")}, attempt=2)],
        config="[validation]\nauto-fix = 0\n",
    )
    assert repo.superteam("execute", "plan.md").code == 4
    assert repo.superteam("answer", "retry", "--note", "use plus").code == 0
    assert repo.superteam("resume").code == 0
    prompts = [p.read_text() for p in (repo.root / ".superteam/latest/outputs").glob("*.prompt.md")]
    assert any("use plus" in text for text in prompts)


def test_a_culprit_below_the_tip_is_skipped_and_later_work_is_put_on_again(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Break"}, {"title": "Add a file"}],
        [_writes({"calc.py": BROKEN}), {"task": "2", "write": {"b": "1"}}],
        config='validation-cadence = "every-2"\n[validation]\nauto-fix = 0\n',
    )
    assert repo.superteam("execute", "plan.md").code == 4
    pending = repo.status()["pending"]
    assert pending["task"] == "1"
    assert pending["evidence"]["if_taken_back"] == {"kept": ["2"], "pending": []}
    assert repo.superteam("answer", "skip").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert [task["status"] for task in repo.status()["tasks"]] == ["skipped", "complete"]
    assert repo.task_commits() == ["2"]
    assert repo.files_at()["calc.py"].startswith("def add(a, b):\n    return a + b")


def test_on_demand_never_validates_and_says_so(repo: Repo, given: Setup) -> None:
    given([{"title": "Break"}], [_writes({"calc.py": BROKEN})])
    done = repo.superteam("execute", "plan.md", "--cadence", "on-demand")
    assert done.code == 0
    assert repo.status()["validations"] == []
    assert "not validated" in done.out
    verdict = repo.superteam("validate", "--json")
    assert verdict.code == 1
    assert verdict.json["regressions"] == ["test_calc.py::test_add"]
