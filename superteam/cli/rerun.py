"""`superteam rerun`: what failed in an earlier artifact, once more."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from superteam.cli.console import emit_json, note, say

if TYPE_CHECKING:
    from superteam.app.rerunning import Rerun
    from superteam.core.selection import Entry

_SHOWN = 50  # entries of a list that people are shown
_MORE = "all of them: superteam rerun --dry-run --json"


def rerun(
    file: Annotated[str, typer.Option("--from", help="A smoke artifact, or a run's summary.", metavar="FILE")] = "",
    fixture: Annotated[list[str] | None, typer.Option(help="Only this one (repeatable).", metavar="ID")] = None,
    source: Annotated[str | None, typer.Option(help="The source that runs them.", metavar="NAME")] = None,
    config: Annotated[Path | None, typer.Option(help="A further configuration file.", metavar="FILE")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be rerun, and why.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Rerun exactly what failed in an earlier artifact, on the working tree as it is now."""
    from superteam.app.project import open_project
    from superteam.app.rerunning import Request
    from superteam.app.rerunning import rerun as run_again

    project = open_project(Path.cwd(), config=config)
    request = Request(file, tuple(fixture or ()), source, dry_run)
    found = run_again(project, request, _Progress(silent=json))
    clean = _redactor(project.environ)
    if json and dry_run:
        emit_json({"schema": "superteam.selection.v1", **found.selection.document()})
    elif json:
        emit_json(document(found, clean))
    else:
        say(text(found, clean))
        _tell_error(found)
    return found.exit_code


class _Progress:
    """One line on standard error when something is run."""

    def __init__(self, silent: bool) -> None:
        self.silent = silent

    def __call__(self, key: str, data: bytes) -> None:
        if not self.silent:
            self.silent = True
            note("running what is to be rerun, in a tree of its own")


def _redactor(environ: Any) -> Callable[[str], str]:
    """Takes secrets of the environment out of what fixtures and tests say."""
    from superteam.process import secrets_redactor

    redact = secrets_redactor(environ)
    return lambda text: redact(text.encode(errors="surrogatepass")).decode(errors="surrogatepass")


def document(found: Rerun, clean: Callable[[str], str]) -> dict[str, Any]:
    """`superteam.rerun.v1`: the selection, the verdict on it, each outcome, and where the new artifact lies."""
    done = found.execution
    reason = done.verdict.reason if done else None
    return {
        "schema": "superteam.rerun.v1",
        "from": found.request.file,
        "source": found.source,
        "selection": found.selection.document(),
        "verdict": done.verdict.verdict if done else None,
        "reason": clean(reason) if reason else None,
        "tree": found.tree,
        "counts": done.report.counts() if done else {},
        "tests": [_test(id, result, clean) for id, result in done.report.tests.items()] if done else [],
        "artifact": str(found.artifact) if found.artifact else None,
        "kept": str(found.kept) if found.kept else None,
        "command": done.command if done else None,
        "reproduce_command": done.reproduce_command if done else None,
        "output": done.output or None if done else None,
    }


def _test(id: str, result: Any, clean: Callable[[str], str]) -> dict[str, Any]:
    seconds, message = result.duration_s, clean(result.message)
    return {"id": id, "outcome": result.outcome.value, "duration_s": seconds, "message": message}


def text(found: Rerun, clean: Callable[[str], str]) -> str:
    """The selection and the verdict for people: what was run, what was not and why, what came of it."""
    selection, done = found.selection, found.execution
    told = f"source: {found.source}" if found.source else "source: none is configured for it"
    lines = [f"from: {found.request.file or '(no file was named)'}", told]
    lines += _section("selected", list(map(_line, selection.selected)))
    lines += _section("ignored", _reasons(selection.ignored)) + _section("invalid", _reasons(selection.invalid))
    if done is not None:
        lines.append(f"verdict: {done.verdict.verdict}")
        lines += [f"reason: {clean(_line(done.verdict.reason))}"] if done.verdict.reason else []
        failed = [(id, clean(_line(done.report.tests[id].message))) for id in done.report.failed()]
        lines += _section("failed", [f"{_line(id)}  {message}".rstrip() for id, message in failed])
        lines += [f"reproduce: {done.reproduce_command}"] if done.verdict.verdict != "pass" else []
    elif not selection.error:
        again = ["superteam", "rerun", "--from", found.request.file]
        lines.append(f"dry run: nothing was run; run it: {shlex.join(again)}")
    lines += [f"artifact: {found.artifact}"] if found.artifact else []
    lines += [f"the artifact before it: {found.kept}"] if found.kept else []
    return "\n".join(lines)


def _tell_error(found: Rerun) -> None:
    from superteam.core.sources import TESTS

    error = found.selection.error
    if error:
        note(f"superteam: nothing was rerun: {error.message} ({error.code})")
        what = "the tests" if found.source == TESTS else "fixtures"
        note(f"hint: run {what} by hand: {error.fallback}" if error.fallback else f"hint: {_hint(found)}")


def _hint(found: Rerun) -> str:
    from superteam.app.rerunning import SNIPPET

    return "name the artifact: superteam rerun --from FILE" if not found.request.file.strip() else SNIPPET


def _section(title: str, lines: Sequence[str]) -> list[str]:
    rest = len(lines) - _SHOWN
    more = [f"  and {rest} more; {_MORE}"] if rest > 0 else []
    return [f"{title}: {len(lines)}", *(f"  {line}" for line in lines[:_SHOWN]), *more] if lines else []


def _reasons(entries: Sequence[Entry]) -> list[str]:
    return [f"{_line(entry.id) if entry.id else '(no id)'}  {entry.reason}" for entry in entries]


def _line(text: str) -> str:
    """A text on one line: none of its lines may look like one of ours."""
    shown = " ".join(text.split())
    return shown if len(shown) <= 300 else f"{shown[:300]}..."
