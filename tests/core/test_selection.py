"""The selection against a slow and plain reading of the same rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.selection import Selection, select, select_tests

NOTHING = "no_rerunnable_failures"
IDS = ["a", "b", " a ", "run", "schema-gate", "selection", "", "  ", None, 7, True]
STATUSES = ["pass", "fail", "timeout", "error", "PASS", " fail ", "skipped", "pending", "odd", "", None, 3]
entries = st.one_of(
    st.fixed_dictionaries({}, optional={"fixtureId": st.sampled_from(IDS), "status": st.sampled_from(STATUSES)}),
    st.sampled_from([None, "a", 1, [], ["a"]]),
)
artifacts = st.fixed_dictionaries(
    {"fixtures": st.lists(entries, max_size=8)}, optional={"issues": st.lists(entries, max_size=3) | st.none()}
)
knowns = st.none() | st.frozensets(st.sampled_from(["a", "b", "c", "7"]))
wishes = st.lists(st.sampled_from(["a", " b", "b", "c", "run", ""]), max_size=3)


def reading(entry: Any, before: list[Any], known: frozenset[str] | None, wanted: list[str]) -> tuple[str, str | None]:
    """(reason, id) of one entry, "selected" among the reasons, from it and from those before it alone."""
    if type(entry) is not dict:
        return "fixture_entry_invalid", None
    id = entry.get("fixtureId")
    id = str(id) if type(id) is int else id
    if type(id) is not str or id.strip() == "":
        return "fixture_id_missing", None
    id, status = id.strip(), entry.get("status")
    if type(status) is not str or status.strip() == "":
        return "status_missing", id
    status = status.strip().lower()
    if id in ("run", "schema-gate", "selection"):
        return "synthetic_failure_id", id
    if status == "pass":
        return "passed", id
    if status in ("skipped", "pending"):
        return f"status_{status}", id
    if known is not None and id not in known:
        return "unknown_fixture_id", id
    if ("selected", id) in [reading(other, before[:i], known, wanted) for i, other in enumerate(before)]:
        return "duplicate_fixture_id", id
    return ("selected" if not wanted or id in [w.strip() for w in wanted] else "not_requested"), id


INVALID = {"fixture_entry_invalid", "fixture_id_missing", "status_missing", "unknown_fixture_id", "not_in_artifact"}


@given(artifacts, knowns, wishes)
def test_the_selection_is_that_of_a_plain_reading(
    artifact: dict[str, Any], known: frozenset[str] | None, wanted: list[str]
) -> None:
    found = select(artifact, known, wanted, "by hand")
    rows = [reading(e, artifact["fixtures"][:i], known, wanted) for i, e in enumerate(artifact["fixtures"])]
    for issue in artifact.get("issues") or []:
        id = reading(issue, [], known, [])[1]
        if id in ("run", "schema-gate", "selection") and id not in [told for _, told in rows]:
            rows.append(("synthetic_failure_id", id))
    named = {id for _, id in rows}
    absent = [w for w in dict.fromkeys(w.strip() for w in wanted) if w not in named]
    rows += [("not_in_artifact", w) if w else ("fixture_id_missing", None) for w in absent]
    assert list(found.selected) == [id for reason, id in rows if reason == "selected"]
    assert [(v.reason, v.id) for v in found.invalid] == [row for row in rows if row[0] in INVALID]
    assert [(v.reason, v.id) for v in found.ignored] == [r for r in rows if r[0] not in INVALID | {"selected"}]
    assert (found.error is None) == bool(found.selected)
    if found.error:
        assert (found.error.code, found.error.fallback) == (NOTHING, "by hand")


@given(artifacts, knowns, wishes)
def test_only_fixtures_that_failed_are_ever_selected_and_each_once(
    artifact: dict[str, Any], known: frozenset[str] | None, wanted: list[str]
) -> None:
    found = select(artifact, known, wanted)
    failed = {
        str(e["fixtureId"]).strip()
        for e in artifact["fixtures"]
        if isinstance(e, dict) and str(e.get("status")).strip() in ("fail", "timeout", "error", "odd")
        if "fixtureId" in e
    }
    assert set(found.selected) <= failed
    assert len(set(found.selected)) == len(found.selected)
    assert select(artifact, known, wanted) == found


def told(found: Selection) -> list[tuple[str | None, str]]:
    return [(entry.id, entry.reason) for entry in (*found.ignored, *found.invalid)]


def fixtures(*rows: Any) -> dict[str, Any]:
    return {"fixtures": [{"fixtureId": row[0], "status": row[1]} if isinstance(row, tuple) else row for row in rows]}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("x", "pass"), "passed"),
        (("run", "fail"), "synthetic_failure_id"),
        (("schema-gate", "fail"), "synthetic_failure_id"),
        (("selection", "fail"), "synthetic_failure_id"),
        (("x", "Skipped"), "status_skipped"),
        (("a", "fail"), "duplicate_fixture_id"),
        (("stale", "fail"), "unknown_fixture_id"),
        ("x", "fixture_entry_invalid"),
        (None, "fixture_entry_invalid"),
        ({"status": "fail"}, "fixture_id_missing"),
        ({"fixtureId": "x"}, "status_missing"),
    ],
)
def test_every_entry_that_is_not_selected_has_its_reason(row: Any, reason: str) -> None:
    found = select(fixtures(("a", "fail"), row), frozenset({"a", "x"}))
    assert found.selected == ("a",)
    assert [r for _, r in told(found)] == [reason]


def test_statuses_other_than_pass_and_fail_count_as_failed() -> None:
    found = select(fixtures(("t", "timeout"), ("e", "error"), ("u", "unheard-of")), None)
    assert found.selected == ("t", "e", "u")


def test_a_fixture_that_failed_after_it_passed_is_selected() -> None:
    assert select(fixtures(("a", "pass"), ("a", "fail")), None).selected == ("a",)


def test_wanted_ids_are_trimmed_and_what_is_not_wanted_is_said() -> None:
    found = select(fixtures(("a", "fail"), ("b", "fail"), ("c", "pass")), None, [" b ", "b", "zzz"])
    assert found.selected == ("b",)
    assert told(found) == [("a", "not_requested"), ("c", "passed"), ("zzz", "not_in_artifact")]


def test_an_empty_wish_never_becomes_a_run_of_all() -> None:
    found = select(fixtures(("a", "fail")), None, [""])
    assert (found.selected, found.error and found.error.code) == ((), NOTHING)


def test_synthetic_issues_are_explained_and_never_selected() -> None:
    found = select({"fixtures": [], "issues": [{"fixtureId": "schema-gate"}, {"fixtureId": "a"}]}, None)
    assert (found.selected, told(found)) == ((), [("schema-gate", "synthetic_failure_id")])
    assert found.error


def test_of_a_summary_what_failed_is_selected_and_the_rest_is_explained() -> None:
    validation = {
        "regressions": ["r", "u", 3],
        "unresolved": ["u"],
        "flaky": ["f"],
        "pre_existing": ["p", "r"],
        "missing": ["m"],
        "newly_skipped": "no list",
    }
    tasks = [
        {"id": "1", "status": "failed", "failures": [{"type": "validation-failure"}]},
        {"id": "2", "status": "complete", "failures": [{"type": "validation-failure"}]},
        {"id": "3", "status": "failed", "failures": None},
        "odd",
    ]
    found = select_tests(validation, tasks)
    assert found.selected == ("r", "u")
    assert told(found) == [("f", "flaky"), ("p", "pre_existing"), ("m", "missing"), ("1", "gate_failure")]


def test_the_document_says_everything_in_the_contract_s_words() -> None:
    assert select(fixtures(("a", "pass")), None, (), "smoke a").document() == {
        "selected": [],
        "ignored": [{"id": "a", "reason": "passed"}],
        "invalid": [],
        "error": {
            "code": NOTHING,
            "message": "there is no failure in it that can be rerun (ignored: 1, invalid: 0)",
            "fallback": "smoke a",
        },
    }
