"""Reads smoke artifacts: a fixture is a test, and what went wrong outside of fixtures is an error of the suite.

The document is small (a few fixtures with their diagnostics) and is kept whole, since a rerun carries on what it does
not know. An artifact that contradicts itself is damaged; one that failed without a failed fixture is never a pass.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from superteam.core.results import Completeness, Conventions, Outcome, TestReport
from superteam.core.selection import NOT_EXECUTED, PASSED, SYNTHETIC, entry_problem, fixture_id, fixture_status
from superteam.process import read_regular
from superteam.reports.cases import Cases, cut
from superteam.reports.formats import nothing
from superteam.reports.json_document import DEPTH

FORMAT = "smoke"
LIMIT = 16 * 2**20  # bytes of an artifact; json makes many times that of it
_CONVENTIONS = Conventions(errors="apart", retries="hidden")
_OUTCOMES = {
    **dict.fromkeys(PASSED, Outcome.PASSED),
    **dict.fromkeys(("timeout", "timed-out", "timed_out", "timedout"), Outcome.TIMED_OUT),
    **dict.fromkeys(("error", "errored", "crash", "crashed"), Outcome.ERRORED),
    **dict.fromkeys(NOT_EXECUTED, Outcome.NOT_RUN),
    **dict.fromkeys(("skip", "skipped", "todo", "disabled", "ignored"), Outcome.SKIPPED),
}


@dataclass(frozen=True, slots=True)
class Artifact:
    """One document as it was read: its bytes, and its content with all that we do not know."""

    data: bytes
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why there is no artifact: one of five codes, and what happened in words."""

    code: str
    message: str


class _Refused(ValueError):
    """Something that JSON's grammar allows and nobody should believe."""


def load(path: str | Path) -> Artifact | Unreadable:
    """The JSON object in this file; any failure is a value. A smoke artifact has `check_shape` None."""
    if not str(path).strip():
        return Unreadable("artifact_path_missing", "no artifact was named")
    try:
        data = read_regular(Path(path).resolve(strict=True), LIMIT)
    except FileNotFoundError:
        return Unreadable("artifact_not_found", f"there is no file {path}")
    except (OSError, ValueError, RuntimeError) as problem:  # a NUL in the path, links in a circle
        why = getattr(problem, "strerror", None) or str(problem).removeprefix(f"{path} ")
        return Unreadable("artifact_read_error", f"{path} cannot be read: {why}")
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Artifact | Unreadable:
    """The JSON object in these bytes; `name` is what it is called in messages."""
    try:
        document = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_constant, parse_float=_number
        )
    except RecursionError:
        return Unreadable("artifact_invalid_json", f"{name} is nested too deeply")
    except ValueError as problem:
        return Unreadable("artifact_invalid_json", f"{name} is not JSON: {str(problem)[:200]}")
    if _is_deep(document):
        return Unreadable("artifact_invalid_json", f"{name} is nested deeper than {DEPTH}")
    if not isinstance(document, dict):
        return Unreadable("artifact_invalid_shape", f"{name} is not a JSON object")
    return Artifact(data, document)


def check_shape(document: Mapping[str, Any], name: str) -> Unreadable | None:
    """Why a JSON object is no smoke artifact, if so."""
    if isinstance(document.get("fixtures"), list):
        return None
    return Unreadable("artifact_invalid_shape", f'{name} has no array "fixtures"')


def load_smoke(path: str | Path) -> Artifact | Unreadable:
    """The smoke artifact in this file."""
    found = load(path)
    return found if isinstance(found, Unreadable) else check_shape(found.document, str(path)) or found


def recognises(head: bytes) -> bool:
    """The ids of fixtures, or the members that every smoke artifact begins with."""
    whole = all(name in head for name in (b'"runId"', b'"startedAt"', b'"result"'))
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and (b'"fixtureId"' in head or whole)


def read(stream: BinaryIO, root: PurePath | None = None) -> TestReport:
    """One artifact; what cannot be read is a report of completeness none."""
    data = stream.read(LIMIT + 1)
    if len(data) > LIMIT:
        return nothing(FORMAT, f"artifact_read_error: it is longer than {LIMIT} bytes")
    found = parse(data, "the artifact")
    problem = found if isinstance(found, Unreadable) else check_shape(found.document, "the artifact")
    if isinstance(found, Unreadable) or problem:
        assert problem is not None
        return nothing(FORMAT, f"{problem.code}: {problem.message}")
    return report_of(found.document)


def report_of(artifact: Mapping[str, Any]) -> TestReport:
    """The outcomes of a smoke artifact's fixtures, with everything in it that speaks against them."""
    cases = Cases()
    entries = artifact["fixtures"]
    for number, entry in enumerate(entries):
        _fixture(cases, number, entry)
    result = _result(artifact)
    damage = _checked(entries, artifact) if result else "it has no result: the run did not come to its end"
    for text in _errors(artifact, cases, result):
        cases.error(text)
    whole = Completeness.PARTIAL if damage else Completeness.COMPLETE
    status = None if damage else 0 if result in PASSED else 1
    return cases.report(FORMAT, whole, conventions=_CONVENTIONS, damage=damage, exit_status=status)


def _fixture(cases: Cases, number: int, entry: Any) -> None:
    problem = entry_problem(entry)
    if problem:
        cases.error(f"fixtures[{number}]: {problem}")
        return
    id, outcome = _text(fixture_id(entry)), _OUTCOMES.get(fixture_status(entry), Outcome.FAILED)
    message = _message(entry) if outcome.bad else ""
    if id in SYNTHETIC:
        if outcome.bad:
            cases.error(f"{id}: {message}")
    elif id not in cases.tests:
        cases.add(id, outcome, message, _seconds(entry.get("durationMs")))
    elif outcome.bad and not cases.tests[id].outcome.bad:  # listed twice: the worse word counts
        cases.worsen(id, outcome, message)


def _message(entry: Mapping[str, Any]) -> str:
    """Where and why it failed, and the diagnostics in as much of JSON as is of use."""
    head = ": ".join(_text(entry[name]) for name in ("failedStage", "error") if entry.get(name))
    more = _text(entry["diagnostics"]) if entry.get("diagnostics") else ""
    return cut("\n".join(part for part in (head or f"status {fixture_status(entry)}", more) if part))


def _text(value: Any) -> str:
    """A value as text that can be encoded: JSON may hold halves of characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text.encode(errors="backslashreplace").decode()


def _seconds(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value / 1000 if is_number and 0 <= value < 10**12 else None


def _result(artifact: Mapping[str, Any]) -> str:
    """pass or fail as the run itself says it, in small letters; anything that is no pass is a failure."""
    found = [place.get("result") for place in (artifact, _table(artifact, "summary"))]
    words = [word.strip().lower() for word in found if isinstance(word, str) and word.strip()]
    return next((word for word in words if word not in PASSED), words[0] if words else "")


def _checked(entries: Sequence[Any], artifact: Mapping[str, Any]) -> str:
    """What the summary counts has to be there; what failed may include what was not executed."""
    statuses = [fixture_status(entry) for entry in entries if isinstance(entry, Mapping)]
    passed = sum(status in PASSED for status in statuses)
    idle = sum(status in NOT_EXECUTED for status in statuses)
    failed = len(entries) - passed
    counts = {"totalFixtures": (len(entries),), "passedFixtures": (passed,), "failedFixtures": (failed, failed - idle)}
    summary = _table(artifact, "summary")
    for name, numbers in counts.items():
        told = summary.get(name)
        if isinstance(told, (int, float)) and not isinstance(told, bool) and told not in numbers:
            return f"the summary has {name} {str(told)[:20]}, and there are {numbers[-1]}"
    return ""


def _errors(artifact: Mapping[str, Any], cases: Cases, result: str) -> Iterator[str]:
    """What went wrong outside of the fixtures. A gate over what fixtures collect cannot pass when none of them did."""
    outcomes = {id: found.outcome for id, found in cases.tests.items()}
    failed = any(outcome.bad for outcome in outcomes.values())
    if _text(artifact.get("mode")).strip().lower() == "dry-run":
        yield "it was a dry run: no fixture was really executed"
    gate = _gate(artifact)
    explained = failed and Outcome.PASSED not in outcomes.values()
    issues = list(_issues(artifact))
    if gate and not explained:
        yield f"schema-gate: {gate}"
    for id, text in issues:
        if id in SYNTHETIC - {"schema-gate"}:
            yield f"{id}: {text}"
        elif id not in SYNTHETIC and not (id in outcomes and outcomes[id].bad):
            yield f"{id[:200]}: there is an issue with it ({text}), and it is not among the failed fixtures"
    if result and result not in PASSED and not failed and not gate:
        why = "; ".join(text for _, text in issues[:3])
        yield f"the run failed though no fixture did{f': {why}' if why else ''}"


def _gate(artifact: Mapping[str, Any]) -> str:
    """Why the schema gate failed; "" if it did not, or is not there."""
    gate = _table(artifact, "schemaGate")
    told = (gate.get("status"), _table(artifact, "summary").get("schemaGateStatus"))
    words = {word.strip().lower() for word in told if isinstance(word, str)} - {""}
    if words <= {*PASSED, *NOT_EXECUTED}:
        return ""
    return _text(gate["error"]) if gate.get("error") else f"status {', '.join(sorted(words))}"


def _issues(artifact: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    issues = artifact.get("issues")
    for issue in issues if isinstance(issues, list) else ():
        if isinstance(issue, Mapping) and fixture_id(issue) and (issue.get("error") or issue.get("failedStage")):
            text = ": ".join(_text(issue[name]) for name in ("failedStage", "error") if issue.get(name))
            yield _text(fixture_id(issue)), cut(text)


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dictionary; a key that is there twice says two things."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Refused(f"the key {name[:80]!r} is there twice in one object")
        found[name] = value
    return found


def _constant(name: str) -> float:
    raise _Refused(f"{name} is no number of JSON")


def _number(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise _Refused(f"the number {text[:40]} is too large")
    return found


def _is_deep(document: Any) -> bool:
    """Whether it is nested deeper than a program can write it again."""
    level = [document]
    for _ in range(DEPTH):
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return False
    return True
