"""What of an earlier artifact is run again, and why not the rest: deterministic, in order of first appearance.

Source of the rules: shared/plans-and-smoke.md, section 3. Nothing is ever selected that did not fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

SYNTHETIC = frozenset({"run", "schema-gate", "selection"})
"""Ids under which a smoke run reports what went wrong outside of its fixtures."""
PASSED = frozenset({"pass", "passed"})
NOT_EXECUTED = frozenset(
    {"skip", "skipped", "pending", "todo", "disabled", "ignored", "planned", "not-run", "not_run", "dry-run"}
)
"""Statuses of fixtures that were not executed; every other one that is not a pass is a failure."""
NOTHING = "no_rerunnable_failures"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said of one entry of an artifact; the id is None where it has none."""

    id: str | None
    kind: Literal["selected", "ignored", "invalid"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SelectionError:
    """Why nothing can be run again; `fallback` is the command that runs fixtures by hand."""

    code: str
    message: str
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The ids to run again, and everything else with the reason why not."""

    selected: tuple[str, ...] = ()
    ignored: tuple[Entry, ...] = ()
    invalid: tuple[Entry, ...] = ()
    error: SelectionError | None = None

    def document(self) -> dict[str, Any]:
        """The fields of `superteam.selection.v1`."""
        error = self.error
        told = {"code": error.code, "message": error.message, "fallback": error.fallback} if error else None
        lists = {"ignored": self.ignored, "invalid": self.invalid}
        shown = {name: [{"id": v.id, "reason": v.reason} for v in entries] for name, entries in lists.items()}
        return {"selected": list(self.selected), **shown, "error": told}


def select(
    artifact: Mapping[str, Any], known: frozenset[str] | None, wanted: Sequence[str] = (), fallback: str | None = None
) -> Selection:
    """The failed fixtures of a smoke artifact: of those in `known`, if that is known, and of `wanted`, if any are."""
    return pick(_fixtures(artifact, known), wanted, fallback)


def select_tests(
    validation: Mapping[str, Any], tasks: Any = (), wanted: Sequence[str] = (), fallback: str | None = None
) -> Selection:
    """The failed tests of one validation of a run's summary; what is gone cannot be run again, what is excused need
    not be. A failed gate among the summary's `tasks` is no test: it is listed under the task's id."""
    return pick([*_tests(validation), *_gates(tasks)], wanted, fallback)


def pick(entries: Iterable[Entry], wanted: Sequence[str], fallback: str | None) -> Selection:
    """Sorts entries into a selection: each id once, and only those of `wanted` (trimmed) if any are named.

    A wanted id that is empty names nothing: it must not become a run of all.
    """
    only = dict.fromkeys(id.strip() for id in wanted)
    selected: dict[str, None] = {}
    ignored: list[Entry] = []
    invalid: list[Entry] = []
    seen: set[str] = set()
    for entry in entries:
        seen.add((entry.id or "").strip())
        if entry.kind != "selected":
            (ignored if entry.kind == "ignored" else invalid).append(entry)
        elif entry.id in selected:
            ignored.append(Entry(entry.id, "ignored", "duplicate_fixture_id"))
        elif only and (entry.id or "").strip() not in only:
            ignored.append(Entry(entry.id, "ignored", "not_requested"))
        else:
            selected[entry.id or ""] = None
    seen.discard("")
    invalid += [_unknown(id) for id in only if id not in seen]
    error = None if selected else _nothing(ignored, invalid, fallback)
    return Selection(tuple(selected), tuple(ignored), tuple(invalid), error)


def _unknown(wanted: str) -> Entry:
    return Entry(wanted, "invalid", "not_in_artifact") if wanted else Entry(None, "invalid", "fixture_id_missing")


def _nothing(ignored: list[Entry], invalid: list[Entry], fallback: str | None) -> SelectionError:
    text = f"there is no failure in it that can be rerun (ignored: {len(ignored)}, invalid: {len(invalid)})"
    return SelectionError(NOTHING, text, fallback)


def fixture_id(entry: Mapping[str, Any]) -> str:
    """The trimmed id of a fixture's entry, "" where it has none."""
    found = entry.get("fixtureId")
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    return found.strip() if isinstance(found, str) else ""


def fixture_status(entry: Mapping[str, Any]) -> str:
    """The status of a fixture's entry in small letters, "" where it has none."""
    found = entry.get("status")
    return found.strip().lower() if isinstance(found, str) else ""


def entry_problem(entry: Any) -> str | None:
    """Why an entry of `fixtures` says nothing about a fixture; None if it does."""
    if not isinstance(entry, Mapping):
        return "fixture_entry_invalid"
    if not fixture_id(entry):
        return "fixture_id_missing"
    return None if fixture_status(entry) else "status_missing"


def _fixtures(artifact: Mapping[str, Any], known: frozenset[str] | None) -> Iterator[Entry]:
    synthetic: set[str] = set()
    for entry in artifact["fixtures"]:
        judged = _judged(entry, known)
        synthetic |= {judged.id or ""} & SYNTHETIC
        yield judged
    issues = artifact.get("issues")
    ids = [fixture_id(issue) for issue in (issues if isinstance(issues, list) else ()) if isinstance(issue, Mapping)]
    for id in dict.fromkeys(ids):
        if id in SYNTHETIC - synthetic:
            yield Entry(id, "ignored", "synthetic_failure_id")


def _judged(entry: Any, known: frozenset[str] | None) -> Entry:
    problem = entry_problem(entry)
    if problem:
        return Entry((fixture_id(entry) or None) if isinstance(entry, Mapping) else None, "invalid", problem)
    id, status = fixture_id(entry), fixture_status(entry)
    if id in SYNTHETIC:
        return Entry(id, "ignored", "synthetic_failure_id")
    if status in PASSED:
        return Entry(id, "ignored", "passed")
    if status in NOT_EXECUTED:
        return Entry(id, "ignored", f"status_{status}")
    if known is not None and id not in known:
        return Entry(id, "invalid", "unknown_fixture_id")
    return Entry(id, "selected")


# Lists of a validation document that hold failures, and those that explain why a test is not run again.
_FAILED = ("regressions", "unresolved")
_EXCUSED = {
    "flaky": "flaky",
    "suspects": "suspect",
    "pre_existing": "pre_existing",
    "owed": "owed",
    "missing": "missing",
    "newly_skipped": "newly_skipped",
}


def _tests(document: Mapping[str, Any]) -> Iterator[Entry]:
    failed = dict.fromkeys(id for name in _FAILED for id in _ids(document, name))
    yield from (Entry(id, "selected") for id in failed)
    told: set[str] = set(failed)
    for name, reason in _EXCUSED.items():
        for id in _ids(document, name):
            if id not in told:
                told.add(id)
                yield Entry(id, "ignored", reason)


def _gates(tasks: Any) -> Iterator[Entry]:
    for task in tasks if isinstance(tasks, Sequence) else ():
        if isinstance(task, Mapping) and isinstance(task.get("id"), str) and task.get("status") != "complete":
            failures = task.get("failures")
            types = [f.get("type") for f in (failures if isinstance(failures, list) else ()) if isinstance(f, Mapping)]
            if "validation-failure" in types:
                yield Entry(task["id"], "ignored", "gate_failure")


def _ids(document: Mapping[str, Any], name: str) -> list[str]:
    found = document.get(name)
    return [id for id in found if isinstance(id, str)] if isinstance(found, list) else []
