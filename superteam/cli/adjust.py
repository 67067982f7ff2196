"""`superteam plan drop`, `skip` and `reorder`: change what is left of a run that is not live."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from superteam.cli.console import emit_json, say

if TYPE_CHECKING:
    from superteam.core.adjust import Change

Tasks = Annotated[list[str], typer.Argument(help="Ids of tasks that have not begun.", metavar="TASK...")]
RunOption = Annotated[
    str | None, typer.Option("--run", help="A run's id; default: the newest unfinished.", metavar="RUN")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def drop(tasks: Tasks, run: RunOption = None, json: Json = False) -> None:
    """Take tasks out of a run; refused while a task that is left depends on one of them."""
    _adjust("drop", tasks, run, json)


def skip(tasks: Tasks, run: RunOption = None, json: Json = False) -> None:
    """Leave tasks out; what depends on them is blocked, and named."""
    _adjust("skip", tasks, run, json)


def reorder(tasks: Tasks, run: RunOption = None, json: Json = False) -> None:
    """Put tasks into this order, in the places that they hold among those that are left."""
    _adjust("reorder", tasks, run, json)


def register(group: typer.Typer) -> None:
    """Adds the commands to the group `plan`."""
    for command in (drop, skip, reorder):
        group.command()(command)


def _adjust(change: Change, tasks: list[str], run: str | None, json: bool) -> None:
    from superteam.app import running
    from superteam.app.project import open_project
    from superteam.cli.view import make_view
    from superteam.evidence.status import status_document

    project = open_project(Path.cwd())
    view = make_view(json=False, quiet=True, terminal=False)
    found, blocked = running.adjust(project, run, change, tuple(tasks), view)
    if json:
        emit_json(status_document(found, live=False))
        return
    for line in _lines(found, change, tasks, blocked):
        say(line)


def _lines(found: Any, change: Change, tasks: list[str], blocked: tuple[str, ...]) -> list[str]:
    """What was done, in words that hold nothing of a terminal's."""
    from superteam.cli.words import one_line
    from superteam.core.adjust import dependants

    done = {"drop": "out of the run", "skip": "left out", "reorder": "in this order"}[change]
    lines = [f"{'task' if len(tasks) == 1 else 'tasks'} {', '.join(one_line(id, 40) for id in tasks)}: {done}"]
    if blocked:
        lines.append(f"blocked, since they depend on it: task {', '.join(one_line(id, 40) for id in blocked)}")
    out = dependants(found, [t.task.id for t in found.tasks if t.status == "skipped"])
    todo = [t.task.id for t in found.tasks if t.status in ("pending", "running") and t.task.id not in out]
    left = ", ".join(one_line(id, 40) for id in todo)
    lines.append(f"still to be done: {left or 'nothing'}")
    return [*lines, f"go on with: superteam resume {found.run_id}"]
