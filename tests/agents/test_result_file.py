"""What an agent may say in its result file or at its output's end, and what becomes of it (contract, section 8)."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from superteam.agents import make_agent
from superteam.core.settings import Settings
from superteam.ports import Agent, AgentReport, Brief


@dataclass
class Behaviour:
    """What the agent of a test is to do: the same for each kind."""

    write: dict[str, str] = field(default_factory=dict)
    output: str = ""
    takes: float = 0
    run: str = "true"
    result: dict[str, Any] | str | None = None
    exit: int = 0
    reviewer: str = ""


def command(behaviour: Behaviour, root: Path) -> dict[str, object]:
    lines = [f"printf %s {shlex.quote(text)} > {shlex.quote(name)}" for name, text in behaviour.write.items()]
    lines += [behaviour.run, f"printf %s {shlex.quote(behaviour.output)}"]
    if behaviour.takes:
        lines.append(f"sleep {behaviour.takes}")
    if behaviour.result is not None:
        text = behaviour.result if isinstance(behaviour.result, str) else json.dumps(behaviour.result)
        lines.append(f'printf %s {shlex.quote(text)} > "$SUPERTEAM_RESULT"')
    (root / "agent.sh").write_text("\n".join([*lines, f"exit {behaviour.exit}"]))
    return {"kind": "command", "command": ["sh", str(root / "agent.sh")]}


def scripted(behaviour: Behaviour, root: Path) -> dict[str, object]:
    entry: dict[str, Any] = {"task": "1", "write": behaviour.write, "output": behaviour.output, "run": behaviour.run}
    entry |= {"reviewer": behaviour.reviewer} if behaviour.reviewer else {}
    entry |= {"takes": behaviour.takes} if behaviour.takes else {}
    entry |= {"result": behaviour.result} if behaviour.result is not None else {}
    entry |= {"exit": behaviour.exit} if behaviour.exit else {}
    (root / "script.toml").write_text("[[dispatch]]\n" + "\n".join(f"{k} = {toml(v)}" for k, v in entry.items()))
    return {"kind": "scripted", "script": "script.toml"}


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


AGENTS: dict[str, Callable[[Behaviour, Path], dict[str, object]]] = {"command": command, "scripted": scripted}


@pytest.fixture(params=sorted(AGENTS))
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Agent]:
    def made(**behaviour: Any) -> Agent:
        definition = AGENTS[request.param](Behaviour(**behaviour), tmp_path)
        agent = make_agent("it", Settings.model_validate({"agents": {"it": definition}}), tmp_path)
        agent.check()
        return agent

    return made


@pytest.fixture
def brief(tmp_path: Path) -> Brief:
    (tmp_path / "tree").mkdir()
    return Brief(
        role="implement",
        task_id="1",
        attempt=1,
        run_id="r",
        prompt="Do it.",
        tree=tmp_path / "tree",
        env={"PATH": os.environ["PATH"], "MY_TOKEN": "open-sesame"},
        prompt_file=tmp_path / "private" / "prompt",
        result_file=tmp_path / "private" / "result",
        output=tmp_path / "private" / "output",
        timeout=20,
        idle_timeout=20,
        grace=0.3,
    )


def test_it_works_in_the_tree_and_its_output_is_kept_privately(make: Callable[..., Agent], brief: Brief) -> None:
    done = anyio.run(make(write={"a.txt": "A"}, output="hello").work, brief)
    assert (done.ended, done.exit_code) == ("done", 0)
    assert (brief.tree / "a.txt").read_text() == "A"
    assert [path.name for path in brief.tree.iterdir()] == ["a.txt"]
    assert brief.output.read_text() == "hello"
    assert brief.output.stat().st_mode & 0o777 == 0o600
    assert brief.output.parent.stat().st_mode & 0o777 == 0o700


def test_what_it_says_is_reported_and_unknown_cost_stays_unknown(make: Callable[..., Agent], brief: Brief) -> None:
    said = {"summary": "s", "cost_usd": 0.25, "claims": ["c"], "deviations": ["d"], "unknown": {"key": 1}}
    done = anyio.run(make(result=said).work, brief)
    assert (done.summary, done.cost_usd, done.claims, done.deviations) == ("s", 0.25, ("c",), ("d",))
    assert (done.input_tokens, done.output_tokens, done.question) == (None, None, None)


def test_a_question_outlives_a_failure(make: Callable[..., Agent], brief: Brief) -> None:
    done = anyio.run(make(result={"question": "Which?"}, exit=9).work, brief)
    assert (done.ended, done.exit_code, done.question) == ("failed", 9, "Which?")


def test_an_unreadable_answer_is_said(make: Callable[..., Agent], brief: Brief) -> None:
    done = anyio.run(make(result="{").work, brief)
    assert done.ended == "unreadable"
    assert str(brief.result_file) in done.detail


@pytest.mark.parametrize(("limit", "ended"), [("timeout", "timed-out"), ("idle_timeout", "idle")])
def test_it_is_ended_when_it_takes_too_long(make: Callable[..., Agent], brief: Brief, limit: str, ended: str) -> None:
    agent = make(takes=60, result={"summary": "too late"})
    done = anyio.run(agent.work, replace(brief, **{limit: 0.3}))
    assert (done.ended, done.summary) == (ended, "")
    assert done.detail


def test_a_descendant_that_is_left_is_ended_and_reported(make: Callable[..., Agent], brief: Brief) -> None:
    done = anyio.run(make(run="sleep 60 &").work, brief)
    assert [left.partition(" ")[2] for left in done.leftovers] == ["sleep"]


def test_cancellation_ends_it_and_goes_on(make: Callable[..., Agent], brief: Brief) -> None:
    agent = make(write={"started": "1"}, takes=60)

    async def ended_at_once() -> bool:
        with anyio.move_on_after(10) as patience:
            async with anyio.create_task_group() as group:
                group.start_soon(agent.work, brief)
                while not (brief.tree / "started").exists():
                    await anyio.sleep(0.005)
                group.cancel_scope.cancel()
        return not patience.cancelled_caught

    assert anyio.run(ended_at_once)


def test_secrets_are_not_kept(make: Callable[..., Agent], brief: Brief) -> None:
    done = anyio.run(make(output="it is open-sesame", result={"summary": "open-sesame"}).work, brief)
    assert done.summary == "[redacted]"
    assert "open-sesame" not in brief.output.read_text() + brief.result_file.read_text()


# -- reviewers


VERDICT = {"passed": False, "findings": [{"severity": "High", "file": "a", "line": "3", "issue": "i"}], "summary": "s"}


def block(text: str, mark: str = "```") -> str:
    return f"some words\n{mark}superteam-json\n{text}\n{mark}\n"


def reviewed(make: Callable[..., Agent], brief: Brief, **behaviour: Any) -> AgentReport:
    agent = make(reviewer="spec", **behaviour)
    return anyio.run(agent.work, replace(brief, role="review", review_role="spec"))


@pytest.mark.parametrize(
    "said",
    [
        {"result": VERDICT},
        {"output": block(json.dumps(VERDICT))},
        {"output": block(json.dumps(VERDICT, indent=1), "~~~~")},
        {"output": block('{"passed": true}') + block(json.dumps(VERDICT))},
        {"output": block(json.dumps(VERDICT)), "result": {"cost_usd": 1.5}},
        {"result": VERDICT, "output": block('{"passed": true}')},
    ],
)
def test_a_verdict_is_read_from_the_file_or_the_last_block(
    make: Callable[..., Agent], brief: Brief, said: dict[str, Any]
) -> None:
    done = reviewed(make, brief, **said)
    assert done.ended == "done" and done.review is not None, done.detail
    assert not done.review.passed and done.review.summary == "s"
    assert [(f.severity, f.file, f.line, f.issue) for f in done.review.findings] == [("high", "a", 3, "i")]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"output": '{"passed": true}'},
        {"output": block("{")},
        {"output": block('{"findings": []}')},
        {"output": block('{"passed": true, "findings": [{"severity": "bad", "issue": "i"}]}')},
        {"output": block('{"passed": true}') + block("nonsense")},
        {"output": block("[" * 100_000)},
        {"result": '{"passed": '},
        {"result": {"summary": "fine"}},
        {"result": {"passed": "perhaps"}},
    ],
)
def test_a_verdict_that_cannot_be_read_is_never_a_pass(
    make: Callable[..., Agent], brief: Brief, said: dict[str, Any]
) -> None:
    done = reviewed(make, brief, **said)
    assert (done.ended, done.review) == ("unreadable", None) and done.detail


def test_a_reviewer_is_told_what_it_looks_at(make: Callable[..., Agent], brief: Brief) -> None:
    run = 'test "$SUPERTEAM_ROLE $SUPERTEAM_REVIEW_ROLE" = "review spec"'
    done = reviewed(make, brief, run=run, result={"passed": True})
    assert done.ended == "done" and done.review is not None and done.review.passed


def test_a_reviewers_question_needs_no_verdict(make: Callable[..., Agent], brief: Brief) -> None:
    done = reviewed(make, brief, result={"question": "Which?"})
    assert (done.ended, done.question, done.review) == ("done", "Which?", None)


def test_only_a_reviewer_gives_a_verdict(make: Callable[..., Agent], brief: Brief) -> None:
    assert anyio.run(make(result={"passed": True}).work, brief).review is None


def test_secrets_are_not_kept_in_a_verdict(make: Callable[..., Agent], brief: Brief) -> None:
    done = reviewed(make, brief, output=block('{"passed": true, "summary": "open-sesame"}'))
    assert done.review is not None and done.review.summary == "[redacted]"
