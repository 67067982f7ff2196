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
class Verdict:
    """What is said of one entry of the artifact; the id is None where it has none."""

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
    ignored: tuple[Verdict, ...] = ()
    invalid: tuple[Verdict, ...] = ()
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


def select_tests(document: Mapping[str, Any], wanted: Sequence[str] = (), fallback: str | None = None) -> Selection:
    """The failed tests of one validation document; what is gone cannot be run again, what is excused need not be."""
    return pick(_tests(document), wanted, fallback)


def pick(verdicts: Iterable[Verdict], wanted: Sequence[str], fallback: str | None) -> Selection:
    """Sorts verdicts into a selection: each id once, and only those of `wanted` (trimmed) if any are named."""
    only = dict.fromkeys(id.strip() for id in wanted if id.strip())
    selected: dict[str, None] = {}
    ignored: list[Verdict] = []
    invalid: list[Verdict] = []
    seen: set[str] = set()
    for verdict in verdicts:
        seen.add(verdict.id or "")
        if verdict.kind != "selected":
            (ignored if verdict.kind == "ignored" else invalid).append(verdict)
        elif verdict.id in selected:
            ignored.append(Verdict(verdict.id, "ignored", "duplicate_fixture_id"))
        elif only and verdict.id not in only:
            ignored.append(Verdict(verdict.id, "ignored", "not_requested"))
        else:
            selected[verdict.id or ""] = None
    invalid += [Verdict(id, "invalid", "not_in_artifact") for id in only if id not in seen]
    error = None if selected else _nothing(ignored, invalid, fallback)
    return Selection(tuple(selected), tuple(ignored), tuple(invalid), error)


def _nothing(ignored: list[Verdict], invalid: list[Verdict], fallback: str | None) -> SelectionError:
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


def _fixtures(artifact: Mapping[str, Any], known: frozenset[str] | None) -> Iterator[Verdict]:
    synthetic: set[str] = set()
    for entry in artifact["fixtures"]:
        verdict = _judged(entry, known)
        synthetic |= {verdict.id or ""} & SYNTHETIC
        yield verdict
    issues = artifact.get("issues")
    ids = [fixture_id(issue) for issue in (issues if isinstance(issues, list) else ()) if isinstance(issue, Mapping)]
    for id in dict.fromkeys(ids):
        if id in SYNTHETIC - synthetic:
            yield Verdict(id, "ignored", "synthetic_failure_id")


def _judged(entry: Any, known: frozenset[str] | None) -> Verdict:
    problem = entry_problem(entry)
    if problem:
        return Verdict((fixture_id(entry) or None) if isinstance(entry, Mapping) else None, "invalid", problem)
    id, status = fixture_id(entry), fixture_status(entry)
    if id in SYNTHETIC:
        return Verdict(id, "ignored", "synthetic_failure_id")
    if status in PASSED:
        return Verdict(id, "ignored", "passed")
    if status in NOT_EXECUTED:
        return Verdict(id, "ignored", f"status_{status}")
    if known is not None and id not in known:
        return Verdict(id, "invalid", "unknown_fixture_id")
    return Verdict(id, "selected")


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


def _tests(document: Mapping[str, Any]) -> Iterator[Verdict]:
    failed = dict.fromkeys(id for name in _FAILED for id in _ids(document, name))
    yield from (Verdict(id, "selected") for id in failed)
    told: set[str] = set(failed)
    for name, reason in _EXCUSED.items():
        for id in _ids(document, name):
            if id not in told:
                told.add(id)
                yield Verdict(id, "ignored", reason)


def _ids(document: Mapping[str, Any], name: str) -> list[str]:
    found = document.get(name)
    return [id for id in found if isinstance(id, str)] if isinstance(found, list) else []
