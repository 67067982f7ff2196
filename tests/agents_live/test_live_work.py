"""What real agents do well: a plan of two tasks, a gate that fails, and its repair in the same session."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Live
from live_agents import KEY, PROGRAMS, shell, write
from model_server import USAGE, Say

pytestmark = pytest.mark.agents
Make = Callable[[str], Live]

ALL = [*PROGRAMS]
SUB = "def sub(a, b):\n    return a - b\n"
WRONG = "def div(a, b):\n    return a * b\n"
DIV = "def div(a, b):\n    return a // b\n"
FIRST = {"id": "1", "title": "Add subtraction"}
SECOND = {"id": "2", "title": "Add division", "gate": "python gate.py"}
GATE = "from div import div\nfound = div(6, 3)\nassert found == 2, f'the quotient was {found}'\n"
REPAIR = "the quotient was 18"  # what only the gate's output says


@pytest.mark.parametrize("agent", ALL)
def test_two_tasks_and_a_repair_in_the_same_session(live: Make, agent: str) -> None:
    here = live(agent)
    here.repo.write({"gate.py": GATE})
    here.given(FIRST, SECOND, tables="")
    here.model.script = {
        REPAIR: [Say("I repair it.", (write(agent, "div.py", DIV),)), Say("Now it works.")],
        "Add division": [Say("I add it.", (write(agent, "div.py", WRONG),)), Say("All tests pass.")],
        "Add subtraction": [Say("I add it.", (write(agent, "sub.py", SUB),)), Say("Subtraction works.")],
    }

    done = here.execute()

    assert done.code == 0, done.out + done.err
    assert here.repo.task_commits() == ["1", "2"]
    files = here.repo.files_at()
    assert (files["sub.py"], files["div.py"]) == (SUB.strip(), DIV.strip())
    status = here.repo.status()
    assert [task["attempts"] for task in status["tasks"]] == [1, 2]
    repaired = here.model.about(REPAIR)
    assert [asked.answers for asked in repaired] == [2, 3]  # the conversation of the attempt before goes on
    answered = [asked for asked in here.model.asked if asked.mark]
    assert len(answered) == 6
    told = {} if agent == "pi-acp" else {"input_tokens": 6 * USAGE[0], "output_tokens": 6 * USAGE[1]}
    assert {key: value for key, value in status["cost"].items() if value and "tokens" in key} == told
    assert {asked.key for asked in answered} == {KEY}


@pytest.mark.parametrize("agent", ["claude", "pi", "claude-acp"])
def test_a_file_of_two_megabytes_on_one_line_is_no_obstacle(live: Make, agent: str) -> None:
    here = live(agent)
    here.given(FIRST)
    text = "x = '" + "0123456789" * 200_000 + "'\n"
    here.model.script = {"Add subtraction": [Say("I add it.", (write(agent, "data.py", text),)), Say("It is there.")]}

    done = here.execute()

    assert done.code == 0, done.out + done.err
    assert here.repo.files_at()["data.py"] == text.strip()


@pytest.mark.parametrize("agent", ["claude", "codex", "pi", "claude-acp"])
def test_a_dispatch_is_stopped_in_the_middle_when_its_turns_are_used_up(live: Make, agent: str) -> None:
    here = live(agent)
    here.given(FIRST, tables="[budget.dispatch]\nmax-turns = 2\n")
    more = [Say("I go on.", (shell(agent, f"echo {number}"),)) for number in range(30)]
    here.model.script = {"Add subtraction": [Say("I add it.", (write(agent, "sub.py", SUB),)), *more]}

    done = here.execute()

    assert done.code == 5, done.out + done.err
    (task,) = here.repo.status()["tasks"]
    assert task["attempts"] == 0
    assert task["failures"][0]["type"] == "budget-threshold"
    assert len(here.model.about("Add subtraction")) < 30
