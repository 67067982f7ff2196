"""`superteam execute` and `superteam resume`: runs plans and goes on with them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from superteam.cli.console import emit_json, note, say

WaitForLimits = Annotated[
    str | None, typer.Option(help="Wait for the end of a provider's rate limit, e.g. 2h.", metavar="DURATION")
]


def execute(
    plan: Annotated[Path, typer.Argument(help="A plan document, or the folder of a GSD phase.", metavar="PLAN")],
    agent: Annotated[str | None, typer.Option(help="The agent to use.", metavar="NAME")] = None,
    test_command: Annotated[str | None, typer.Option(help="The suite compared across tasks.", metavar="CMD")] = None,
    validation_command: Annotated[str | None, typer.Option(help="The gate of each task.", metavar="CMD")] = None,
    cadence: Annotated[str | None, typer.Option(help="every, every-N (e.g. every-3) or on-demand.")] = None,
    mode: Annotated[str | None, typer.Option(help="auto, checkpoint or batch.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Tasks that may be done side by side.", metavar="N")] = None,
    in_place: Annotated[bool, typer.Option("--in-place", help="Let the agent work in this checkout.")] = False,
    action: Annotated[
        list[str] | None, typer.Option(help="Override a failure's action.", metavar="TYPE=ACTION")
    ] = None,
    on_escalation: Annotated[str | None, typer.Option(help="ask, pause, skip or abort.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Maximum cost of the run.", metavar="USD")] = None,
    wait_for_limits: WaitForLimits = None,
    trust_plan: Annotated[bool, typer.Option("--trust-plan", help="Approve the commands in the plan.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="End an unfinished run of this plan, start anew.")] = False,
    task: Annotated[list[str] | None, typer.Option(help="Only this task (repeatable).", metavar="ID")] = None,
    config: Annotated[Path | None, typer.Option(help="A further configuration file.", metavar="FILE")] = None,
    json: Annotated[bool, typer.Option("--json", help="Stream the events as JSON Lines.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only warnings, questions and the end.")] = False,
) -> int:
    """Run a plan task by task, or go on with its unfinished run."""
    from superteam.app import plans, running
    from superteam.app import project as projects

    options = _options(
        agent, test_command, validation_command, cadence, mode, in_place, action, on_escalation, max_cost, jobs
    )
    options = _with_patience(options, wait_for_limits)
    project = projects.open_project(Path.cwd(), config=config, options=options, for_run=True)
    if dry_run:
        _show_dry_run(plans.usable_plan(project, plan), project.settings, json)
        return 0
    asks = _terminal(json)
    wishes = running.Wishes(
        fresh=fresh,
        only=tuple(task or ()),
        trust_plan=trust_plan,
        terminal=asks,
        confirm=_confirm if asks else None,
        confirm_agent=_confirm_agent if asks else None,
        agent_named=agent is not None,
    )
    view, operator = _faces(json, quiet)
    result = running.execute(project, plan, wishes, view, operator)
    if result.done_before:
        note(f"run {result.run.run_id} has carried out this plan already; to run it anew: --fresh")
    return _end(project.root, result, json)


def resume(
    run: Annotated[
        str | None, typer.Argument(help="A run's id; default: the newest unfinished.", metavar="[RUN]")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Only say what would be done.")] = False,
    agent: Annotated[str | None, typer.Option(help="Continue with this agent.", metavar="NAME")] = None,
    wait_for_limits: WaitForLimits = None,
    trust_plan: Annotated[bool, typer.Option("--trust-plan", help="Approve the commands in the plan.")] = False,
    config: Annotated[Path | None, typer.Option(help="A further configuration file.", metavar="FILE")] = None,
    json: Annotated[bool, typer.Option("--json", help="Stream the events as JSON Lines.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only warnings, questions and the end.")] = False,
) -> int:
    """Go on with the newest (or the named) unfinished run."""
    from superteam.app import project as projects
    from superteam.app import running

    options = _with_patience({"agent": {"use": agent}} if agent else {}, wait_for_limits)
    project = projects.open_project(Path.cwd(), config=config, options=options)
    if explain:
        found = running.unfinished(project, run)
        lines = running.explain(project, found)
        emit_json({"schema": "superteam.explanation.v1", "run_id": found.run_id, "steps": lines}) if json else say(
            "\n".join(lines)
        )
        return 0
    asks = _terminal(json)
    wishes = running.Wishes(
        trust_plan=trust_plan,
        terminal=asks,
        confirm=_confirm if asks else None,
        confirm_agent=_confirm_agent if asks else None,
        agent_named=agent is not None,
    )
    view, operator = _faces(json, quiet)
    return _end(project.root, running.resume(project, run, wishes, view, operator), json)


def _options(
    agent: str | None,
    test_command: str | None,
    validation_command: str | None,
    cadence: str | None,
    mode: str | None,
    in_place: bool,
    action: list[str] | None,
    on_escalation: str | None,
    max_cost: float | None,
    jobs: int | None,
) -> dict[str, Any]:
    """The options in the form of a configuration file; what was not given is not there."""
    from superteam.cli.config import parse_actions

    flat = {
        "test-command": test_command,
        "validation-command": validation_command,
        "validation-cadence": cadence,
        "execution-mode": mode,
        "on-escalation": on_escalation,
        "agent": {"use": agent} if agent else None,
        "workspace": {"isolation": "in-place"} if in_place else None,
        "budget": {"max-usd": max_cost} if max_cost is not None else None,
        "jobs": jobs,
        "failure-actions": parse_actions(action) if action else None,
    }
    return {key: value for key, value in flat.items() if value is not None}


def _with_patience(options: dict[str, Any], wait: str | None) -> dict[str, Any]:
    """The options with how long a rate limit may be waited for, beside the agent's others."""
    return options if wait is None else {**options, "agent": {**options.get("agent", {}), "wait-for-limits": wait}}


def _terminal(json: bool) -> bool:
    return not json and sys.stdin.isatty() and sys.stderr.isatty()


def _confirm(text: str) -> bool:
    """Asks a person at the terminal whether the commands of a plan may be run."""
    note(text)
    return typer.confirm("Run these commands?", default=False, err=True)


def _confirm_agent(text: str) -> bool:
    """Asks a person at the terminal whether a run continues with another agent than it began with."""
    note(text)
    return typer.confirm("Continue with this agent?", default=False, err=True)


def _faces(json: bool, quiet: bool) -> tuple[Any, Any]:
    from superteam.cli.operator import Terminal
    from superteam.cli.view import make_view

    view = make_view(json=json, quiet=quiet, terminal=_terminal(json))
    return view, Terminal(view)


def _end(root: Path, result: Any, json: bool) -> int:
    """Prints the end table; the exit code of the contract."""
    from superteam.cli.ending import final
    from superteam.evidence.status import exit_code_of
    from superteam.journal.summaries import summary_lines

    interrupted = result.received is not None
    if not json:
        say(final(result.run, interrupted=interrupted, summaries=summary_lines(root, result.run)))
    return 130 if interrupted else exit_code_of(result.run)


def _show_dry_run(plan: Any, settings: Any, json: bool) -> None:
    from superteam.core.chosen import chosen_agent
    from superteam.core.sources import TESTS, command_of, source_names

    tasks = [
        {
            "id": t.id,
            "title": t.title,
            "agent": chosen_agent(settings.agent, "implement", t.agent).agent,
            "model": chosen_agent(settings.agent, "implement", t.agent).model,
            "gate": t.gate if t.kind == "verification" else t.gate or settings.validation_command,
            "acceptance_test": t.acceptance_test,
            "kind": t.kind,
        }
        for t in plan.tasks
    ]
    if json:
        emit_json({"schema": "superteam.dry-run.v1", "plan": plan.path, "tasks": tasks})
        return
    many = "1 task" if len(tasks) == 1 else f"{len(tasks)} tasks"
    beside = f", up to {settings.jobs} side by side" if settings.jobs > 1 else ""
    say(f"{plan.title} ({plan.path}): {many}{beside}, nothing is run")
    for t in tasks:
        say(f"  {t['id']}  {t['title']}  ({_planned(t)})")
    names = source_names(settings)
    cadence = settings.validation_cadence if names else "no test-command, so none"
    commands = [command_of(settings, name) if name == TESTS else f"source {name}" for name in names]
    say(f"validation across tasks: {', '.join((cadence, *commands))}")


def _planned(task: Any) -> str:
    """Who does a task and what is run for it; every command in full."""
    from superteam.app.plans import visible
    from superteam.core.plan import HUMAN

    if task["kind"] in HUMAN:
        return f"a person is asked: {task['kind']}"
    model = f" ({task['model']})" if task["model"] else ""
    by = f"agent: {task['agent'] or 'none chosen'}{model}"
    parts = ["no agent unless it fails" if task["kind"] == "verification" else by]
    parts.append(f"gate: {visible(task['gate']) if task['gate'] else 'none'}")
    parts += [f"acceptance test: {visible(task['acceptance_test'])}"] if task["acceptance_test"] else []
    return ", ".join(parts)
