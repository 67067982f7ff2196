"""What a run came to, as text: the table of its tasks, what stands, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from superteam.cli.console import table
from superteam.cli.picture import approved_tests, is_gone, newest_of, verdict_of
from superteam.cli.story import by_source, contradiction, differs, limited_in_words, open_findings
from superteam.cli.words import clock, most_important, one_line
from superteam.core import events as e
from superteam.core.failures import Action, FailureType
from superteam.core.finding import Finding
from superteam.core.run import Run
from superteam.core.sources import source_names
from superteam.evidence.status import rate_limits, standing, task_status

LISTED = 20  # items of a list
_MEANING = {
    0: "ok: what was asked for is done",
    1: "blocked: something stands that nobody accepted",
    3: "inconclusive: no sound verdict could be reached",
    4: "waiting for an answer",
    5: "budget: a maximum was reached",
    75: "later: a provider takes no work now",
    130: "interrupted; nothing is lost",
}


_LISTED_ELSEWHERE = (FailureType.TEST_FLAKE, FailureType.TEST_SUSPECT, FailureType.TEST_PREEXISTING)


def final(
    run: Run,
    next_command: str | None = None,
    *,
    interrupted: bool = False,
    live: bool = False,
    summaries: Sequence[str] = (),
) -> str:
    """What a run came to, or where it stands, as plain text; the next command is worked out unless it is given.

    `summaries` say where its summaries are.
    """
    status, code = standing(run, live)
    if interrupted and run.ended is None:
        status, code = "interrupted", 130
    lines = [
        f"{one_line(run.plan.title)} ({one_line(run.plan.path)}), run {run.run_id}: {status}",
        "",
        table(_table(run)),
        "",
        *_findings(run),
        *_facts(run, live),
        *map(one_line, summaries),
        "running; exit code not known yet" if status == "running" else f"exit code {code}, {_meaning(run, code)}",
        _indented("next: ", [next_command] if next_command else _next(run, status, live)),
    ]
    return "\n".join(lines)


def _meaning(run: Run, code: int) -> str:
    """The exit code in words; of a blocked run, what blocks it."""
    if run.ended == "aborted":
        return "aborted"
    undone = [t.task.id for t in run.tasks if task_status(run, t) in ("failed", "blocked")]
    if code != 1 or not undone:
        return _MEANING[code]
    return f"blocked: not done: task {', '.join(one_line(id, 20) for id in undone[:LISTED])}"


def _table(run: Run) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("task", "status", "attempts", "commit", "verdict", "title")]
    for t in run.tasks:
        commit, verdict = (t.commit_sha or "-")[:12], verdict_of(run, t) or "-"
        title = one_line(t.task.title, 70)
        rows.append((one_line(t.task.id, 20), task_status(run, t), str(t.attempts), commit, verdict, title))
        rows += [("", "repair", "", sha[:12], "", "") for sha in t.repairs]
    return rows


def _findings(run: Run) -> list[str]:
    """What a person should look at, each kind under its name; what was repaired since is not among it."""
    gone = _gone(run)
    newest = [(v, {id for source, id in approved_tests(run) if source == v.source}) for v in _standing(run)]
    sections = (
        ("regressions", [_blamed(v, id) for v, known in newest for id in v.regressions if id not in known]),
        ("unresolved", [id for v, known in newest for id in v.unresolved if id not in known]),
        (
            "missing or newly skipped",
            [id for v, known in newest for id in (*v.missing, *v.newly_skipped) if id not in known],
        ),
        ("planned red, still owed", list(run.owed)),
        ("flakes", [id for v in run.validations for id in v.flaky]),
        ("suspects (debt)", _suspects(run)),
        ("review findings", open_findings(run)),
        ("notes", [note for v in run.validations for note in v.notes]),
        ("decided by a person", _decided(run)),
        ("dropped by a person", [f"task {t.task.id}: {t.task.title}" for t in run.tasks if t.dropped]),
        ("must-haves", _must_haves(run)),
        ("approved", _approved(run)),
        ("taken as it is", _taken(run)),
        ("failures", _failures(run)),
        ("claims that differ from what was measured", _claims(run)),
        ("warnings", _warnings(run)),
    )
    lines = [line for name, items in sections for line in _section(name, items)]
    return [*lines, *_deciding_changes(run, gone)]


def _deciding_changes(run: Run, gone: set[str]) -> list[str]:
    """What was changed among that which decides verdicts, the most important first, each once."""
    tasks: dict[Finding, str | None] = {}
    for v in run.validations:
        if v.after_task not in gone:
            for finding in v.findings:
                tasks.setdefault(finding, v.after_task)
    lines = most_important(tasks, lambda f: one_line(_changed(f, tasks[f])), "superteam status --json")
    return ["changed among what decides verdicts, the most important first:", *lines] if lines else []


def _suspects(run: Run) -> list[str]:
    last = {found.source: found for found in run.validations}
    owing = [id for state in run.sources.values() for id in state.suspects]
    return [*owing, *(id for found in last.values() for id in found.suspects)]


def _section(name: str, items: Iterable[str]) -> list[str]:
    shown = list(dict.fromkeys(one_line(item) for item in items))
    more = [f"  [... {len(shown) - LISTED} more: superteam status --json]"] if len(shown) > LISTED else []
    return [f"{name}:", *(f"  {item}" for item in shown[:LISTED]), *more] if shown else []


def _gone(run: Run) -> set[str]:
    return {t.task.id for t in run.tasks if task_status(run, t) == "failed" or is_gone(run, t)}


def _standing(run: Run) -> list[e.ValidationResult]:
    """The newest validations, without what a task that was taken back had brought in."""
    gone = _gone(run)
    newest = [v for v in newest_of(run) if v.after_task not in gone]
    return [
        v.model_copy(update={"regressions": tuple(id for id in v.regressions if _culprit(v, id) not in gone)})
        for v in newest
    ]


def _blamed(found: e.ValidationResult, id: str) -> str:
    """A regression with its task, and the test that makes it fail where that is another one."""
    after = f", fails only after {found.polluters[id]}" if id in found.polluters else ""
    return f"{id} (task {_culprit(found, id)}{after})"


def _changed(finding: Finding, task: str | None) -> str:
    line = "" if finding.line is None else f":{finding.line}"
    return f"{finding.path}{line}: {finding.detail} (task {task})"


def _culprit(found: e.ValidationResult, id: str) -> str | None:
    return found.introduced_by.get(id, found.after_task)


def _decided(run: Run) -> list[str]:
    decided = [(t.task.id, t.decision) for t in run.tasks if t.decision]
    return [f"task {id}: {found.choice}" + (f" ({found.note})" if found.note else "") for id, found in decided]


def _must_haves(run: Run) -> list[str]:
    """What failed in words, the others by number: the summary names what is left for a person to look at."""
    rows = [(t.task.id, result) for t in run.tasks for result in t.must_haves]
    states = [result.state for _, result in rows]
    open_ = f", {states.count('unverified')} for a person to verify" if "unverified" in states else ""
    lines = [f"{states.count('passed')} of {len(rows)} passed{open_}"] if rows else []
    return lines + [
        f"failed: {result.text} (task {id}: {result.reason})" for id, result in rows if result.state == "failed"
    ]


def _approved(run: Run) -> list[str]:
    return [f"task {t.task.id}: {f.type}: {f.message}" for t in run.tasks for f in t.failures if f.approved]


def _taken(run: Run) -> list[str]:
    """What an action let pass, but for what is listed by test."""
    passes = (Action.WARN_CONTINUE, Action.IGNORE)
    return [
        f"task {t.task.id}: {f.type} ({f.action}): {f.message}"
        for t in run.tasks
        for f in t.failures
        if f.action in passes and f.type not in _LISTED_ELSEWHERE
    ]


def _failures(run: Run) -> list[str]:
    """Why a task is not done: the last failure of each that is not."""
    stopped = [t for t in run.tasks if task_status(run, t) in ("failed", "skipped", "waiting") and t.failures]
    if run.pending and run.pending.kind == "human":  # it waits for a person, not because of what failed before
        stopped = [t for t in stopped if t.task.id != run.pending.task]
    return [f"task {t.task.id}: {t.failures[-1].type}: {t.failures[-1].message}" for t in stopped]


def _warnings(run: Run) -> list[str]:
    """The run's warnings but for the approvals, which are listed by themselves."""
    said = tuple(f"task {t.task.id}: {f.type} was approved" for t in run.tasks for f in t.failures if f.approved)
    return [message for message in run.warnings if not message.startswith(said)]


def _claims(run: Run) -> list[str]:
    """What the last dispatch of a task said, and what was measured says no to."""
    return [contradiction(t, c) for t in run.tasks for c in t.claims if c.attempt == t.number and differs(c)]


def _facts(run: Run, live: bool) -> list[str]:
    red = [state.baseline for state in run.sources.values() if state.baseline and state.baseline.verdict == "fail"]
    lines = [f"known failures at the baseline{by_source(run, b.source)}: {len(b.known_failures)}" for b in red]
    if not source_names(run.settings):
        lines.append("not validated across tasks: there is no test-command")
    elif run.unvalidated and run.ended:
        lines.append(f"not validated across tasks: {', '.join(one_line(id, 20) for id, _ in run.unvalidated)}")
    lines.append(f"cost: {_cost(run)}, time {clock(run.elapsed_s)}")
    if run.halted and not run.ended:
        lines.append(f"stopped: {one_line(run.halted)}")
    lines += [one_line(limited_in_words(limit)) for limit in rate_limits(run, live)]
    return [*lines, *_branch(run), f"outputs: .superteam/runs/{run.run_id}/outputs"]


def _cost(run: Run) -> str:
    cost = run.cost
    more = f" and what {cost.silent} dispatch{'es' * (cost.silent > 1)} did not say" if cost.silent else ""
    usd = "unknown" if cost.usd is None else f"{cost.usd:.2f} USD{more}"
    counts = (("input tokens", cost.input_tokens), ("output tokens", cost.output_tokens), ("turns", cost.turns))
    return ", ".join([usd, *(f"{number} {name}" for name, number in counts if number is not None)])


def _branch(run: Run) -> list[str]:
    line = f"branch: {one_line(run.run_branch)} at {run.tip[:12]}"
    if not run.ended:
        return [line]
    if run.tip == run.start_sha:
        return [f"{line}: no commit was made"]
    if run.fast_forwarded:
        return [line, f"{_theirs(run)} was fast-forwarded to it"]
    why = one_line(run.end_reason) if run.end_reason else "only a run that ended with exit code 0 moves it"
    return [line, f"{_theirs(run)} was not moved ({why}); to take the commits: {_merge(run)}"]


def _theirs(run: Run) -> str:
    return one_line((run.user_branch or "HEAD").removeprefix("refs/heads/"))


def _merge(run: Run) -> str:
    return f"git merge {shlex.quote(run.run_branch)}"


def _next(run: Run, status: str, live: bool) -> list[str]:
    """The commands that a person would run now."""
    id = run.run_id
    match status:
        case "waiting" | "budget" if live:
            return ["the question is being asked at the terminal where this run goes on", f"superteam abort {id}"]
        case "running":
            return [f"superteam status {id}", f"superteam abort {id}"]
        case "waiting" | "budget":
            return _answer(run)
        case "rate-limited" if run.limits.stopped and run.limits.stopped.until:
            return [f"superteam resume {id}  (at {_minute(run.limits.stopped.until)} or later)"]
        case "interrupted" | "inconclusive" | "rate-limited" if not run.ended:
            return [f"superteam resume {id}"]
        case "finished" if run.tip == run.start_sha:
            return [f"superteam status {id} --json"]
        case "finished" if run.fast_forwarded:
            return [f"git log --oneline {run.start_sha[:12]}..{run.tip[:12]}"]
        case "finished":
            return [_merge(run)]
        case _:
            path = one_line(shlex.quote(run.plan.path))
            return [f"superteam status {id} --json", f"superteam execute {path}  (begins a new run)"]


def _minute(until: str) -> str:
    return until[:16].replace("T", " ") + " UTC"


def _answer(run: Run) -> list[str]:
    id, asked = run.run_id, run.pending
    assert asked is not None
    if asked.kind == "checkpoint":
        return [f"superteam resume {id}"]
    choices = ", ".join(one_line(option.id, 20) for option in asked.options)
    remark = ' --note "..."' if asked.kind in ("failure", "agent", "human") else ""
    return [
        f"superteam status {id}  (shows the question)",
        f"superteam answer CHOICE --run {id}{remark}  (CHOICE: {choices})",
        f"superteam resume {id}",
    ]


def _indented(name: str, lines: Sequence[str]) -> str:
    return name + f"\n{' ' * len(name)}".join(lines)
