"""Where a run stands, as the document `superteam.status.v1` (contract, section 7)."""

from __future__ import annotations

from typing import Any

from superteam.core.claims import Compared
from superteam.core.events import BaselineDocument
from superteam.core.run import ReviewRecord, Run, TaskRun
from superteam.core.spent import Cost

SCHEMA = "superteam.status.v1"
BASELINE_COUNTS = ("passed", "failed", "errored", "skipped")


def status_document(run: Run, live: bool) -> dict[str, Any]:
    """The whole document; `live` is whether a process drives the run now. Redaction is the caller's."""
    status, code = standing(run, live)
    return {
        "schema": SCHEMA,
        "run_id": run.run_id,
        "status": status,
        "exit_code": code,
        "plan": {"path": run.plan.path, "title": run.plan.title, "sha256": run.plan.sha256},
        "branch": run.run_branch,
        "baseline": _baseline(run.baseline),
        "baselines": {name: found for name, state in run.sources.items() if (found := _baseline(state.baseline))},
        "tasks": [_task(run, t) for t in run.tasks],
        "validations": [result.model_dump(mode="json") for result in run.validations],
        "cost": _cost(run.cost),
        "pending": _pending(run),
        "rate_limits": rate_limits(run, live),
    }


def rate_limits(run: Run, live: bool = True) -> list[dict[str, Any]]:
    """The agents whose provider takes no work now, until when (null: not known), and whether that is waited for: only
    a process can."""
    if run.ended is not None:
        return []
    found = [{"agent": agent, "until": wait.until, "waiting": live} for agent, wait in run.limits.waiting.items()]
    stopped = run.limits.stopped
    return found + ([{"agent": stopped.agent, "until": stopped.until, "waiting": False}] if stopped else [])


def exit_code_of(run: Run) -> int:
    """The exit code with which a command that has driven this run ends."""
    return standing(run, live=False)[1]


def standing(run: Run, live: bool) -> tuple[str, int]:
    """The run's status in one word, and its exit code; of a run that is being driven the code is 0 so far."""
    if run.ended is not None:
        return run.ended, run.exit_code or 0
    if run.pending is not None:
        return ("budget", 5) if run.pending.kind == "budget" else ("waiting", 4)
    if run.limits.stopped is not None:
        return "rate-limited", 75
    if run.halted is not None:
        return "inconclusive", 3
    return ("running", 0) if live else ("interrupted", 130)


def task_status(run: Run, t: TaskRun) -> str:
    """The task's status as people see it: what is asked about waits, what is being worked on runs."""
    if run.ended is not None:
        return _left_behind(t)
    if any(question.task == t.task.id for question in (run.pending, *run.queued) if question):
        return "waiting"
    return "running" if t.work is not None else t.status


def _left_behind(t: TaskRun) -> str:
    """A task that was begun when the run was aborted: its work was put aside, what was finished before stays."""
    if t.status != "running":
        return t.status
    return "failed" if t.work is not None and t.work.failures else "pending"


def base_of(t: TaskRun) -> str | None:
    """The commit that the task's work starts from, also while it is still being done."""
    if t.base_sha is None and t.work is not None and t.work.kind == "task":
        return t.work.base
    return t.base_sha


def _task(run: Run, t: TaskRun) -> dict[str, Any]:
    return {
        "id": t.task.id,
        "title": t.task.title,
        "status": task_status(run, t),
        "attempts": t.attempts,
        "base_sha": base_of(t),
        "commit_sha": t.commit_sha,
        "failures": [
            {"type": str(f.type), "action": str(f.action), "tests": list(f.tests), "message": f.message}
            for f in t.failures
        ],
        "decision": {"choice": t.decision.choice, "note": t.decision.note} if t.decision else None,
        "must_haves": [result.model_dump(mode="json") for result in t.must_haves],
        "dropped": t.dropped,
        "reviews": [_review(record) for record in t.reviews],
        "cost": _cost(t.cost),
        "claims": [_claim(found) for found in t.claims],
        "findings": [finding.model_dump(mode="json") for finding in t.findings],
    }


def _cost(cost: Cost) -> dict[str, Any]:
    """What is known of it; null is unknown."""
    return {
        "usd": cost.usd,
        "input_tokens": cost.input_tokens,
        "output_tokens": cost.output_tokens,
        "turns": cost.turns,
    }


def _claim(found: Compared) -> dict[str, Any]:
    """An agent's words beside what was measured; null where nothing measured is about them."""
    return {
        "attempt": found.attempt,
        "text": found.text,
        "measured": found.measured or None,
        "agrees": found.agrees,
    }


def _review(record: ReviewRecord) -> dict[str, Any]:
    """One dispatch of a reviewer; `passed` is null where it gave no verdict."""
    return {
        "role": record.role,
        "round": record.round,
        "passed": record.passed,
        "findings": [finding.model_dump(mode="json") for finding in record.findings],
        "summary": record.summary,
        "changed": list(record.changed),
    }


def _baseline(found: BaselineDocument | None) -> dict[str, Any] | None:
    """The pinned baseline; an inconclusive execution is never one."""
    if found is None or found.verdict == "inconclusive":
        return None
    return {
        "sha": found.sha,
        "tree": found.tree,
        "command": found.command,
        "captured_at": found.captured_at,
        "verdict": found.verdict,
        "granularity": found.granularity.value,
        "counts": {name: found.counts.get(name, 0) for name in BASELINE_COUNTS},
        "known_failures": list(found.known_failures),
    }


def _pending(run: Run) -> dict[str, Any] | None:
    asked = run.pending
    if asked is None:
        return None
    return {
        "id": asked.id,
        "task": asked.task,
        "failure_type": asked.failure_type,
        "question": asked.question,
        "options": [{"id": option.id, "label": option.label} for option in asked.options],
        "evidence": asked.model_dump(mode="json")["evidence"],
    }
