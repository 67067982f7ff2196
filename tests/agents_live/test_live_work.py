"""What real agents do well: a plan of two tasks, a gate that fails, and its repair in the same session."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Live
from live_agents import KEY, PROGRAMS, write
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
