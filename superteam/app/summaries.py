"""Writes the summaries of a run that has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from superteam import process
from superteam.app.project import Project
from superteam.core.run import Run
from superteam.evidence.chronicle import chronicle
from superteam.evidence.summary_checks import is_done
from superteam.evidence.summary_md import Files, commits_of, summary_markdown, tasks_of
from superteam.journal import runs, summaries
from superteam.journal.log import read
from superteam.workspace.environment import base_environment


def write_summaries(project: Project, run: Run) -> None:
    """Writes the summary of each part (or of the whole) into the run's folder, and those of parts that are done also
    to where their documents want them. May be repeated. OSError and WorkspaceError come through."""
    told = chronicle(runs.events(read(runs.journal_path(project.root, run.run_id))))
    redactor = process.secrets_redactor(base_environment(project.environ))
    for part in summaries.parts_of(told.run):
        files = files_of(project.repository.changed_by(sha) for sha in commits_of(told.run, part))
        text = summary_markdown(told, part, files, lambda text: redactor(text.encode(errors="replace")).decode())
        runs.write_text(summaries.summary_path(project.root, told.run, part), text)
        if part is not None and told.run.exit_code == 0 and is_done(tasks_of(told.run, part)):
            summaries.place(project.root, part, text)


def are_written(project: Project, run: Run) -> bool:
    """Whether every summary of the run is there."""
    return all(summaries.summary_path(project.root, run, part).is_file() for part in summaries.parts_of(run))


def files_of(commits: Iterable[Mapping[str, str]]) -> Files:
    """What the commits, oldest first, come to; each says what it did to a path (A, D, else modified)."""
    found: dict[str, str] = {}
    for commit in commits:
        for path, what in commit.items():
            now = _together(found.pop(path, None), "M" if what not in ("A", "D") else what)
            if now:
                found[path] = now
    return Files(*(tuple(sorted(path for path, how in found.items() if how == what)) for what in "AMD"))


def _together(before: str | None, now: str) -> str | None:
    """What two changes of one path come to; None if it is as it was not there before and after."""
    if before == "A":
        return None if now == "D" else "A"
    return "M" if before == "D" and now == "A" else now
