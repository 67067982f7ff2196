"""Which agent does a dispatch, against an oracle that looks for each value by itself, from the most special level."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from superteam.core.chosen import chosen_agent
from superteam.core.settings import AgentChoice, AgentSettings

names = st.one_of(st.none(), st.sampled_from(("claude", "codex")))
keys: dict[str, st.SearchStrategy[Any]] = {
    "use": names,
    "model": st.one_of(st.none(), st.sampled_from(("big", "small"))),
    "effort": st.one_of(st.none(), st.sampled_from(("low", "high"))),
    "arguments": st.one_of(st.none(), st.sampled_from(((), ("-v",), ("-a", "-b")))),
    "timeout": st.one_of(st.none(), st.integers(1, 9)),
    "idle_timeout": st.one_of(st.none(), st.integers(1, 9)),
}
levels = st.fixed_dictionaries(keys)
ROLES = ("implement", "fix", "review")


def expected(stack: list[dict[str, Any]], key: str) -> Any:
    """`stack` has the most special level first; what was written for another agent is not looked at."""
    agents = [next((below["use"] for below in stack[i:] if below["use"]), None) for i in range(len(stack))]
    for level, agent in zip(stack, agents, strict=True):
        alien = key in ("model", "effort", "arguments") and agent != agents[0]
        if level[key] is not None and not alien:
            return level[key]
    return () if key == "arguments" else None


@given(levels, st.fixed_dictionaries(dict.fromkeys(ROLES, levels)), levels, st.sampled_from(ROLES), st.booleans())
def test_the_more_special_wins_key_by_key(
    base: dict[str, Any], roles: dict[str, dict[str, Any]], own: dict[str, Any], role: str, with_task: bool
) -> None:
    base = {**base, "timeout": base["timeout"] or 1800.0, "idle_timeout": base["idle_timeout"] or 600.0}
    settings = AgentSettings.model_validate({**base, **roles})
    found = chosen_agent(settings, role, AgentChoice.model_validate(own) if with_task else None)
    stack = [*([own] if with_task else []), roles[role], base]
    wanted = {key: expected(stack, key) for key in keys}
    assert {**{key: getattr(found, key) for key in keys if key != "use"}, "use": found.agent} == wanted


@pytest.mark.parametrize("key", ["model", "effort"])
@pytest.mark.parametrize("text", ["--dangerously", "-x", " "])
def test_a_model_that_a_program_would_take_for_an_option_is_refused(key: str, text: str) -> None:
    with pytest.raises(ValidationError):
        AgentSettings.model_validate({key: text})
    with pytest.raises(ValidationError):
        AgentChoice.model_validate({key: text})
