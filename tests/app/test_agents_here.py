"""The agents that init looks for are those that need no definition, by the programs that their adapters start."""

from __future__ import annotations

from pathlib import Path

import pytest

from superteam.agents import KNOWN, make_agent
from superteam.app.agents_here import AGENTS, Known, installed, login_of
from superteam.core.settings import Settings


def test_the_known_agents_are_those_that_need_no_definition() -> None:
    assert {agent.name for agent in AGENTS} == set(KNOWN)
    assert [agent.name for agent in AGENTS][:3] == ["claude", "codex", "pi"]


def test_agents_are_listed_in_the_order_of_choice() -> None:
    there = {"pi": "/x/pi", "codex": "/x/codex"}
    found = installed(None, lambda program, path: there.get(program))
    assert [(one.agent.name, one.path) for one in found] == [("codex", "/x/codex"), ("pi", "/x/pi")]


def test_an_agent_of_the_users_own_has_no_login() -> None:
    assert login_of("mine") is None and "codex login" in (login_of("codex") or "")


@pytest.mark.parametrize("known", AGENTS, ids=lambda known: known.name)
def test_an_adapter_finds_the_program_by_which_init_found_it(
    known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in (known.program, *known.needs):
        (tmp_path / program).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert known in [one.agent for one in installed(None)]
    make_agent(known.name, Settings(), tmp_path).check()


def test_an_adapter_without_the_program_that_it_adapts_is_not_listed() -> None:
    assert installed(None, lambda program, path: program if program == "pi-acp" else None) == ()
