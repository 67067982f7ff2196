"""`superteam status`, `runs`, `answer` and `abort`: where runs stand, and what a person decides about them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from superteam.cli.console import emit_json, note, say

RunId = Annotated[str | None, typer.Argument(help="A run's id, or a part of it; default: the newest.", metavar="[RUN]")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def status(run: RunId = None, json: Json = False) -> None:
    """Show where a run stands."""
    from superteam.journal.runs import find
    from superteam.journal.states import read_state

    root = _root()
    id = find(root, run)
    if json and (known := read_state(root, id)):
        emit_json(known)
        return
    from superteam.cli.ending import final
    from superteam.cli.operator import question_text
    from superteam.evidence.status import status_document
    from superteam.journal import runs as journals
    from superteam.journal.summaries import summary_lines

    found = journals.load(root, id)
    live = journals.is_live(root, found.run_id)
    if json:
        emit_json(status_document(found, live))
        return
    interrupted = not live and found.ended is None and found.pending is None and not found.limits.stopped
    say(final(found, interrupted=interrupted, live=live, summaries=summary_lines(root, found)))
    if found.pending:
        say("\n" + question_text(found.pending, full=True))
        _say_whose_tree(found)


def _say_whose_tree(run: Any) -> None:
    """Says so where another run has used the work tree since: what is there now is not this run's."""
    from superteam.workspace.sharing import last_use

    tree = run.pending.evidence.get("work_tree")
    last = last_use(Path(tree).parent) if tree else None
    if last is None or last.run_id == run.run_id or run.settings.workspace.isolation == "in-place":
        return
    say(
        f"\nRun {last.run_id} has used the work tree since: do not change files there for this run. Its own files are "
        f"kept;\nsuperteam resume {run.run_id} puts them back."
    )


def runs(json: Json = False) -> None:
    """List all runs of this repository, newest first."""
    from superteam.errors import JournalError
    from superteam.journal import runs as journals
    from superteam.journal.states import read_state

    root = _root()
    rows = []
    for id in reversed(journals.run_ids(root)):
        try:
            document = read_state(root, id) or _made_again(root, id)
        except JournalError as problem:
            note(f"{id}: {problem.message}")
            continue
        done = sum(task["status"] == "complete" for task in document["tasks"])
        row = {"run_id": id, "status": document["status"], "exit_code": document["exit_code"]}
        rows.append({**row, "plan": document["plan"]["path"], "complete": done, "tasks": len(document["tasks"])})
    if json:
        emit_json({"schema": "superteam.runs.v1", "runs": rows})
        return
    if not rows:
        say("no runs yet; begin one: superteam execute plan.md")
    for row in rows:
        say(f"{row['run_id']}  {row['status']:<12}  {row['complete']}/{row['tasks']} tasks  {row['plan']}")


def _made_again(root: Path, id: str) -> dict[str, Any]:
    """The status of a run from its journal, which is the truth."""
    from superteam.evidence.status import status_document
    from superteam.journal import runs as journals

    return status_document(journals.load(root, id), journals.is_live(root, id))


def answer(
    choice: Annotated[str, typer.Argument(help="One of the answers that the question offers.", metavar="CHOICE")],
    run: Annotated[str | None, typer.Option("--run", help="A run's id.", metavar="RUN")] = None,
    note_text: Annotated[str | None, typer.Option("--note", help="Goes into the record and to the agent.")] = None,
    json: Json = False,
) -> None:
    """Answer the pending question of a paused run; resume then goes on."""
    from superteam.app import running
    from superteam.app.project import open_project
    from superteam.cli.view import make_view
    from superteam.evidence.status import status_document

    project = open_project(Path.cwd())
    view = make_view(json=False, quiet=True, terminal=False)
    found, choice = running.answer(project, run, choice, note_text, view)
    if json:
        emit_json(status_document(found, live=False))
        return
    say(f"answered {choice!r}; go on with: superteam resume {found.run_id}")
    if found.pending:
        say(f"the next question, {found.pending.id}, waits already: superteam status {found.run_id}")


def abort(run: RunId = None, json: Json = False) -> None:
    """End a run for good; its commits stay reachable."""
    from superteam.app import running
    from superteam.app.project import open_project
    from superteam.cli.ending import final
    from superteam.cli.operator import Terminal
    from superteam.cli.view import make_view
    from superteam.evidence.status import status_document

    project = open_project(Path.cwd())
    view = make_view(json=False, quiet=True, terminal=False)
    found = running.abort(project, run, view, Terminal(view))
    if json:
        emit_json(status_document(found, live=False))
    else:
        say(final(found))


def _root() -> Path:
    from superteam.cli.config import repository_root
    from superteam.errors import WorkspaceError

    root = repository_root(Path.cwd())
    if not (root / ".git").exists():
        raise WorkspaceError(f"{root} is not in a git repository", "cd to the repository that the run belongs to")
    return root
