"""SUMMARY.md: what became of a plan document, from the journal and git alone.

Nothing is ticked that was not run and did not succeed; what an agent said is marked as its words; what nobody measured
is left out, empty or called unknown. The keys of the frontmatter are those that GSD gives its summaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from superteam.core.markdown import code, plain, text
from superteam.core.plan import Part
from superteam.core.run import Run, TaskRun
from superteam.core.spent import NOTHING_SAID
from superteam.evidence.chronicle import Chronicle
from superteam.evidence.status import task_status
from superteam.evidence.summary_checks import (
    checks,
    is_done,
    musts,
    open_points,
    requirements_are_met,
    reviews,
)
from superteam.evidence.summary_story import accomplishments, claims, decisions, deviations, issues

LISTED = 200


@dataclass(frozen=True, slots=True)
class Files:
    """What the commits did to the repository's files, by path; a file that was made and deleted again is in none."""

    created: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    def count(self) -> int:
        """How many files differ."""
        return len(self.created) + len(self.modified) + len(self.deleted)


def tasks_of(run: Run, part: Part | None) -> tuple[TaskRun, ...]:
    """The tasks of a part, or all of them."""
    return tuple(t for t in run.tasks if part is None or t.task.part == part.id)


def commits_of(run: Run, part: Part | None) -> tuple[str, ...]:
    """The commits on the run's branch that are a part's work, oldest first, repairs included."""
    ids = {t.task.id for t in tasks_of(run, part)}
    return tuple(sha for id, sha in run.branch if id in ids)


def summary_markdown(
    told: Chronicle, part: Part | None, files: Files, redact: Callable[[str], str] = lambda text: text
) -> str:
    """The whole document, of a part or (without one) of the run; `files` are what its commits changed.

    `redact` takes secrets out of a text; it is given values, so that the frontmatter stays what it is.
    """
    import yaml

    head = _each(frontmatter(told, part, files), redact)
    written = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=10**9, default_flow_style=False)
    return f"---\n{written}---\n\n{redact(_body(told, part, files))}"


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """The value with every text in it changed, but for keys."""
    if isinstance(value, dict):
        return {key: _each(item, change) for key, item in value.items()}
    return [_each(item, change) for item in value] if isinstance(value, list) else change(value)


# -- the frontmatter


def frontmatter(told: Chronicle, part: Part | None, files: Files) -> dict[str, Any]:
    """The values of the frontmatter: texts, lists and mappings of texts, nothing else."""
    run, about = told.run, part.about if part else {}
    tasks = tasks_of(run, part)
    made = [plain(must.text) for must in musts(told, tasks) if must.state == "passed" and _is_artifact(part, must.text)]
    head: dict[str, Any] = {"phase": _one(about.get("phase")) or "unknown"} if part else {}
    head |= {
        "plan": _one(about.get("plan")) or plain(part.id if part else run.plan.path),
        "subsystem": _one(about.get("subsystem")) or "unknown",
        "tags": _texts(about.get("tags")),
        "requires": _requires(about),
        "provides": made,
        "affects": _texts(about.get("affects")),
        "key-files": {"created": _paths(files.created), "modified": _paths(files.modified)},
        "key-decisions": [plain(line) for line in decisions(told, tasks)],
        "patterns-established": [],
        "requirements-completed": _texts(about.get("requirements")) if requirements_are_met(told, tasks) else [],
        "duration": span(_seconds(told, part)),
    }
    if is_done(tasks):
        head["completed"] = (_ended(told, tasks) or run.last_at)[:10]
    return {**head, "run": run.run_id, "written-by": f"superteam {plain(run.superteam)}"}


def _is_artifact(part: Part | None, text: str) -> bool:
    return part is not None and any(artifact.text == text for artifact in part.must_haves.artifacts)


def _requires(about: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the document says that it depends on: a claim of the plan, as everything in a frontmatter is."""
    return [{"phase": name} for name in _texts(about.get("depends_on"))]


def _one(value: Any) -> str:
    return plain(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _texts(value: Any) -> list[str]:
    """A list of texts out of what a document has there; what is neither a scalar nor a list of them is left out."""
    items = value if isinstance(value, list | tuple) else [value]
    return [found for item in items[:LISTED] if (found := _one(item))]


def _paths(paths: Sequence[str]) -> list[str]:
    return [plain(path) for path in paths[:LISTED]]


# -- times


def span(seconds: float) -> str:
    """A span of time as people write it: 40 s, 12 min, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _seconds(told: Chronicle, part: Part | None) -> float:
    return told.run.elapsed_s if part is None else told.seconds({t.task.id for t in tasks_of(told.run, part)})


def _began(told: Chronicle, tasks: Iterable[TaskRun]) -> str | None:
    return min((at for t in tasks if (at := told.story(t.task.id).began)), default=None)


def _ended(told: Chronicle, tasks: Iterable[TaskRun]) -> str | None:
    return max((at for t in tasks if (at := told.story(t.task.id).ended)), default=None)


# -- the body


def _body(told: Chronicle, part: Part | None, files: Files) -> str:
    run, tasks = told.run, tasks_of(told.run, part)
    title = text(part.title if part and part.title else run.plan.title)
    sections = (
        ("Performance", _performance(told, part, files)),
        ("Accomplishments", accomplishments(told, tasks)),
        ("Claims and Facts", claims(tasks)),
        ("Task Commits", _commits(run, tasks)),
        ("Files Created/Modified", _files(files)),
        ("Decisions Made", [f"- {text(line)}" for line in decisions(told, tasks)] or ["None by a person."]),
        ("Deviations from Plan", deviations(told, tasks)),
        ("Issues Encountered", issues(told, tasks, whole=part is None)),
        ("Reviews", reviews(tasks)),
        ("Must-Haves", _musts(told, part, tasks)),
        ("Next Phase Readiness", open_points(told, part, tasks)),
        ("Self-Check", checks(told, tasks)),
    )
    parts = [f"# {title} Summary", f"**{_outcome(told, part, files)}**"]
    parts += ["\n".join((f"## {name}", "", *_some(lines))) for name, lines in sections if lines]
    parts.append(f"---\n*Written by superteam from the journal of run {code(run.run_id)} and from git.*")
    return "\n\n".join(parts) + "\n"


def _some(lines: Sequence[str]) -> Sequence[str]:
    """The lines, of very many only the first."""
    rest = len(lines) - LISTED
    return lines if rest <= 0 else (*lines[:LISTED], f"- and {rest} more: `superteam status --json`")


def many(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _outcome(told: Chronicle, part: Part | None, files: Files) -> str:
    run, tasks = told.run, tasks_of(told.run, part)
    done = sum(t.status == "complete" for t in tasks)
    ended = f"the run ended {run.ended} (exit code {run.exit_code})" if run.ended else "the run has not ended"
    commits = many(len(commits_of(run, part)), "commit")
    return f"{done} of {many(len(tasks), 'task')} complete, {commits}, {many(files.count(), 'file')} changed; {ended}."


def _performance(told: Chronicle, part: Part | None, files: Files) -> list[str]:
    run, tasks = told.run, tasks_of(told.run, part)
    dispatches = [d for t in tasks for d in told.story(t.task.id).dispatches]
    fixes = sum(d.role == "fix" for d in dispatches)
    ended = _ended(told, tasks) if is_done(tasks) else None
    statuses = [task_status(run, t) for t in tasks]
    others = [f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses) if status != "complete"]
    rest = f" ({', '.join(others)})" if others else ""
    return [
        f"- **Duration:** {span(_seconds(told, part))} (pauses not counted)",
        f"- **Started:** {_time(_began(told, tasks))}",
        f"- **Completed:** {_time(ended)}",
        f"- **Tasks:** {statuses.count('complete')} of {len(tasks)} complete{rest}",
        f"- **Files changed:** {files.count()}",
        f"- **Dispatches:** {len(dispatches)}, of which {fixes} to fix something",
        f"- **Cost of its dispatches:** {_cost([cost for t in tasks for cost in told.story(t.task.id).costs])}",
        *_counted(tasks),
    ]


def _counted(tasks: Sequence[TaskRun]) -> list[str]:
    """Tokens and turns of the dispatches, where an agent said any."""
    cost = NOTHING_SAID
    for t in tasks:
        cost = cost.plus(t.cost)
    counts = (("input tokens", cost.input_tokens), ("output tokens", cost.output_tokens), ("turns", cost.turns))
    known = [f"{number} {name}" for name, number in counts if number is not None]
    return [f"- **Used, as the agents say:** {', '.join(known)}"] if known else []


def _time(at: str | None) -> str:
    return f"{at[:19]}Z" if at else "not"


def _cost(costs: Sequence[float | None]) -> str:
    """What the dispatches said that they cost; nobody else knows."""
    known = [cost for cost in costs if cost is not None]
    if not known:
        return "unknown"
    silent = len(costs) - len(known)
    return f"{sum(known):.2f} USD, as the agents say" + (f"; {silent} of {len(costs)} did not say" if silent else "")


def _commits(run: Run, tasks: Sequence[TaskRun]) -> list[str]:
    lines = []
    for number, t in enumerate(tasks, 1):
        made = code(t.commit_sha[:12]) if t.commit_sha else "no commit"
        repairs = "".join(f", repaired by {code(sha[:12])}" for sha in t.repairs)
        status = task_status(run, t)
        note = "" if status == "complete" else f" ({status})"
        lines.append(f"{number}. **Task {text(t.task.id)}**: {text(t.task.title)} - {made}{repairs}{note}")
    return lines


def _files(files: Files) -> list[str]:
    groups = (("created", files.created), ("modified", files.modified), ("deleted", files.deleted))
    return [f"- {code(path)} - {what}" for what, paths in groups for path in paths] or ["None."]


def _musts(told: Chronicle, part: Part | None, tasks: Sequence[TaskRun]) -> list[str]:
    """Every must-have of the document with what came of it, and the criteria that only a person can judge."""
    found = musts(told, tasks)
    lines = [f"- {m.state}: {text(m.text)}" + (f" ({text(m.reason)})" if m.reason else "") for m in found]
    if part is None:
        return lines
    known = {must.text for must in found}
    wanted = part.must_haves
    all = (*wanted.truths, *(a.text for a in wanted.artifacts), *(link.text for link in wanted.key_links))
    lines += [f"- unverified: {text(item)} (not checked)" for item in all if item not in known]
    return lines + [f"- unverified: {text(item)} (success criterion, for a person)" for item in part.success_criteria]
