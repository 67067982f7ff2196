"""What agents claim, kept beside what the gate and the suite measure after them; nothing here decides anything."""

from __future__ import annotations

from dataclasses import replace

from superteam.core import events as e
from superteam.core.claims import Facts, claims_of, compare, compare_again
from superteam.core.run import Run
from superteam.core.sources import TESTS

_KEPT = 100  # claims of a task


def weigh(run: Run, event: e.Event) -> Run:
    """The run with the event's claims, or with its facts beside the claims of the task's last dispatch."""
    match event:
        case e.AgentFinished(ended="done"):
            return _with_claims(run, event)
        case e.GateFinished(command=str(command)) if command:
            end = f"exit code {event.exit_code}" if event.exit_code is not None and not event.ok else event.detail
            return _with_facts(run, event.task, Facts(gate=event.ok, gate_command=command, gate_end=end))
        case e.ValidationConcluded(result=result) if result.source == TESTS:
            return _with_facts(run, event.task, Facts(verdict=result.verdict, counts=result.counts))
        case _:
            return run


def _with_claims(run: Run, event: e.AgentFinished) -> Run:
    t = run.of(event.task)
    started = t.work.from_tree if t.work else ""
    facts = Facts(changed=0 if event.tree == started else max(1, len(event.changed)))
    new = compare(claims_of(event.summary, event.claims), facts, event.attempt)
    return run.with_task(replace(t, claims=(*t.claims, *new)[-_KEPT:])) if new else run


def _with_facts(run: Run, task: str, facts: Facts) -> Run:
    t = run.of(task)
    return run.with_task(replace(t, claims=compare_again(t.claims, t.number, facts))) if t.claims else run
