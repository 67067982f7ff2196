"""Which agent does a dispatch, with which model, effort and extra arguments."""

from __future__ import annotations

from dataclasses import dataclass, replace

from superteam.core.run import TaskRun, Work
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

    A model, an effort and arguments were written for one agent: those of a level that names, or inherits, another one
    than the dispatch gets are not taken over.
    """
    found = Chosen(agent.use, agent.model, agent.effort, agent.arguments or (), agent.timeout, agent.idle_timeout)
    levels: list[AgentChoice] = [level for level in (getattr(agent, role), task) if level is not None]
    final = next((level.use for level in reversed(levels) if level.use), agent.use)
    if final != agent.use:
        found = replace(found, model=None, effort=None, arguments=())
    named = agent.use
    for level in levels:
        named = level.use or named
        found = _above(found, level, theirs=named == final)
    return replace(found, agent=final)


def _above(below: Chosen, level: AgentChoice, theirs: bool) -> Chosen:
    """What a level says on top of those below it; without `theirs` it speaks of another agent's model."""
    timeout, idle = level.timeout or below.timeout, level.idle_timeout or below.idle_timeout
    found = replace(below, timeout=timeout, idle_timeout=idle)
    if not theirs:
        return found
    own = level.arguments if level.arguments is not None else below.arguments
    return replace(found, model=level.model or below.model, effort=level.effort or below.effort, arguments=own)


def session_for(t: TaskRun, work: Work, chosen: Chosen) -> str | None:
    """The session that a dispatch continues: the one that did the task, or asked, if the same agent goes on with the
    same model in the same folder."""
    last = t.session
    if last is None or (last.agent, last.model, last.slot) != (chosen.agent, chosen.model, work.slot):
        return None
    return last.id if work.role == "fix" or last.asked else None
