"""Which agent does a dispatch, with which model, effort and extra arguments."""

from __future__ import annotations

from dataclasses import dataclass

from superteam.core.settings import AgentChoice, AgentSettings


@dataclass(frozen=True, slots=True)
class Chosen:
    """An agent for one dispatch; `agent` is None while none is configured. Times are in seconds."""

    agent: str | None
    model: str | None
    effort: str | None
    arguments: tuple[str, ...]
    timeout: float
    idle_timeout: float


def chosen_agent(agent: AgentSettings, role: str, task: AgentChoice | None = None) -> Chosen:
    """The agent of a role: what the task says wins over the role's table, and that over [agent], key by key.

    A model, an effort and arguments were written for one agent: a level that names another agent does not take over
    those of the levels below it.
    """
    found = Chosen(agent.use, agent.model, agent.effort, agent.arguments or (), agent.timeout, agent.idle_timeout)
    for level in (getattr(agent, role), task):
        if level is not None:
            found = _above(found, level)
    return found


def _above(below: Chosen, level: AgentChoice) -> Chosen:
    other = level.use is not None and level.use != below.agent
    own = level.arguments if level.arguments is not None else () if other else below.arguments
    return Chosen(
        agent=level.use or below.agent,
        model=level.model or (None if other else below.model),
        effort=level.effort or (None if other else below.effort),
        arguments=own,
        timeout=level.timeout or below.timeout,
        idle_timeout=level.idle_timeout or below.idle_timeout,
    )
