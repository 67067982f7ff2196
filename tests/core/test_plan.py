"""Commands of a plan that are joined still mean what each of them means alone."""

from __future__ import annotations

import subprocess
from itertools import product

import pytest

from superteam.core.plan import Plan, Task, in_turn
from superteam.core.settings import AgentChoice

COMMANDS = (
    "echo a",
    "echo b # a comment",
    "cat <<END\nc\nEND",
    "echo d &&\necho e",
    "echo f;",
    "echo g \\\n  h",
    "cd / && echo i",
)


def output_of(command: str) -> tuple[int, str]:
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(("first", "second"), list(product(COMMANDS, repeat=2)))
def test_joined_commands_do_what_each_does_alone(first: str, second: str) -> None:
    assert output_of(in_turn((first, second))) == (0, output_of(first)[1] + output_of(second)[1])


@pytest.mark.parametrize("bad", ["false", "exit 3", "echo x; false", "{ echo y; false; } # why"])
def test_the_first_that_fails_is_the_last(bad: str) -> None:
    code, shown = output_of(in_turn(("echo a", bad, "echo never")))
    assert code != 0 and shown.startswith("a\n") and "never" not in shown


def test_simple_commands_are_joined_on_one_line() -> None:
    assert in_turn(("make lint", "make test")) == "( make lint ) && ( make test )" and in_turn(("make",)) == "make"


def test_arguments_that_a_plan_gives_an_agent_are_approved_like_commands() -> None:
    tasks = (
        Task(id="1", title="a", agent=AgentChoice(use="mine", model="big")),
        Task(id="2", title="b", gate="true", agent=AgentChoice(arguments=("--yolo", "a b"))),
    )
    plan = Plan(path="p.md", format="f", title="t", sha256="0", tasks=tasks)
    assert plan.commands() == ("true", "(arguments of the agent of task 2) --yolo 'a b'")
    other = tasks[1].model_copy(update={"agent": AgentChoice(use="codex", arguments=("--yolo", "a b"))})
    changed = plan.model_copy(update={"tasks": (tasks[0], other)})  # to another program they say something else
    assert changed.commands() == ("true", "(arguments of the agent codex of task 2) --yolo 'a b'")


def test_a_task_of_an_older_journal_names_its_agent_in_one_word() -> None:
    old = Task.model_validate({"id": "1", "title": "a", "agent": "mine"})
    assert old.agent == AgentChoice(use="mine")
    assert Task.model_validate_json(old.model_dump_json(exclude_defaults=True)) == old
