"""Smoke artifacts: the five ways not to be one, what each member means, and that nothing hostile does harm."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.results import Completeness, TestReport
from superteam.reports import smoke
from superteam.reports.formats import recognise
from superteam.reports.smoke import Artifact, Unreadable, load_smoke, parse, report_of

# As the real writers write it, all members there.
WHOLE: dict[str, Any] = {
    "runId": "smoke-1",
    "startedAt": "2026-02-28T19:55:15Z",
    "completedAt": "2026-02-28T19:55:46Z",
    "durationMs": 31000,
    "result": "fail",
    "mode": "live",
    "options": {"sample": 3},
    "selection": {"fixtureIds": ["a", "b", "c"]},
    "summary": {"totalFixtures": 3, "passedFixtures": 1, "failedFixtures": 2, "result": "fail", "durationMs": 31000},
    "fixtures": [
        {"fixtureId": "a", "fixtureLabel": "A", "status": "pass", "failedStage": None, "error": None, "durationMs": 10},
        {"fixtureId": "b", "status": "fail", "failedStage": "load", "error": "no match", "diagnostics": {"tries": 2}},
        {"fixtureId": "c", "status": "timeout", "error": "90 s"},
    ],
    "issues": [
        {"fixtureId": "b", "failedStage": "load", "error": "no match"},
        {"fixtureId": "c", "failedStage": "run", "error": "90 s"},
    ],
    "schemaGate": {"status": "pass"},
    "rerun": None,
}


def changed(**members: Any) -> dict[str, Any]:
    return {**WHOLE, **members}


def outcomes(report: TestReport) -> dict[str, str]:
    return {key: result.outcome.value for key, result in report.tests.items()}


# Reading


def test_a_whole_artifact_is_read_with_what_we_do_not_know(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(changed(more={"x": [1]})).encode())
    found = load_smoke(file)
    assert isinstance(found, Artifact)
    assert (found.document["more"], found.data) == ({"x": [1]}, file.read_bytes())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "artifact_invalid_json"),
        ("{", "artifact_invalid_json"),
        ('{"fixtures": [], "a": NaN}', "artifact_invalid_json"),
        ('{"fixtures": [], "a": 1e999}', "artifact_invalid_json"),
        ('{"fixtures": [], "a": ' + "9" * 5000 + "}", "artifact_invalid_json"),
        ('{"fixtures": [], "fixtures": []}', "artifact_invalid_json"),
        ("[" * 100_000, "artifact_invalid_json"),
        ('{"fixtures": [], "a": ' + "[" * 300 + "]" * 300 + "}", "artifact_invalid_json"),
        ("null", "artifact_invalid_shape"),
        ("[]", "artifact_invalid_shape"),
        ("{}", "artifact_invalid_shape"),
        ('{"fixtures": {}}', "artifact_invalid_shape"),
    ],
)
def test_what_is_no_artifact_has_its_code(tmp_path: Path, text: str, code: str) -> None:
    file = tmp_path / "latest.json"
    file.write_text(text)
    found = load_smoke(file)
    assert isinstance(found, Unreadable)
    assert found.code == code


def test_a_file_that_cannot_be_read_has_its_code(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "large").write_bytes(b" " * (smoke.LIMIT + 1))
    codes = {"": "artifact_path_missing", " ": "artifact_path_missing"}
    codes |= {str(tmp_path / "gone"): "artifact_not_found", str(tmp_path / "nul\0"): "artifact_read_error"}
    codes |= {str(tmp_path / name): "artifact_read_error" for name in ("pipe", "circle", "large", ".")}
    found = {path: load_smoke(path) for path in codes}
    assert {path: f.code for path, f in found.items() if isinstance(f, Unreadable)} == codes


def test_bytes_that_are_no_text_are_no_json() -> None:
    found = parse(b'{"fixtures": ["\xff"]}', "it")
    assert isinstance(found, Unreadable)
    assert found.code == "artifact_invalid_json"


# What it says


def test_a_fixture_is_a_test_with_its_stage_and_error() -> None:
    report = report_of(WHOLE)
    assert outcomes(report) == {"a": "passed", "b": "failed", "c": "timed-out"}
    assert report.tests["b"].message == 'load: no match\n{"tries": 2}'
    assert report.tests["b"].signature
    assert report.tests["a"].duration_s == 0.01
    assert (report.completeness, report.exit_status, report.suite_errors) == (Completeness.COMPLETE, 1, ())


def test_an_older_one_lacks_much_and_is_whole() -> None:
    fixtures = [{"fixtureId": "a", "status": "pass"}]
    report = report_of({"runId": "1", "result": "pass", "fixtures": fixtures, "summary": {"totalFixtures": 1}})
    assert (report.completeness, report.exit_status) == (Completeness.COMPLETE, 0)
    assert outcomes(report) == {"a": "passed"}


def test_statuses_have_their_outcomes() -> None:
    words = ["pass", "timeout", "error", "fail", "odd", "skipped", "pending"]
    report = report_of({"result": "fail", "fixtures": [{"fixtureId": word, "status": word.upper()} for word in words]})
    assert list(outcomes(report).values()) == [
        "passed",
        "timed-out",
        "errored",
        "failed",
        "failed",
        "skipped",
        "not-run",
    ]


@pytest.mark.parametrize("order", [("pass", "fail"), ("fail", "pass")])
def test_a_fixture_that_is_listed_twice_failed_if_it_failed_once(order: tuple[str, str]) -> None:
    fixtures = [{"fixtureId": "a", "status": status} for status in order]
    assert outcomes(report_of({"result": "fail", "fixtures": fixtures})) == {"a": "failed"}


GREEN = {"result": "pass", "fixtures": [{"fixtureId": "a", "status": "pass"}]}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"result": "fail"}, "the run failed though no fixture did"),
        ({"result": "crashed", "fixtures": []}, "the run failed though no fixture did"),
        ({"summary": {"result": "fail"}}, "the run failed though no fixture did"),
        ({"result": "fail", "issues": [{"fixtureId": "run", "error": "no browser"}]}, "run: no browser"),
        ({"issues": [{"fixtureId": "selection", "failedStage": "s"}]}, "selection: s"),
        ({"issues": [{"fixtureId": "a", "error": "e"}]}, "a: there is an issue with it (e)"),
        ({"schemaGate": {"status": "fail", "error": "bad"}}, "schema-gate: bad"),
        ({"schemaGate": {"status": "fail"}}, "schema-gate: status fail"),
        ({"summary": {"schemaGateStatus": "fail"}}, "schema-gate: status fail"),
        ({"mode": "dry-run"}, "dry run"),
        ({"fixtures": [*GREEN["fixtures"], {"fixtureId": "run", "status": "fail", "error": "e"}]}, "run: e"),
        ({"fixtures": [*GREEN["fixtures"], 1]}, "fixtures[1]: fixture_entry_invalid"),
        ({"fixtures": [*GREEN["fixtures"], {"fixtureId": "b"}]}, "fixtures[1]: status_missing"),
    ],
)
def test_what_went_wrong_outside_of_fixtures_is_an_error_of_the_suite(members: dict[str, Any], words: str) -> None:
    report = report_of({**GREEN, **members})
    assert words in " | ".join(report.suite_errors)


def test_a_gate_that_had_nothing_to_look_at_is_explained_by_the_failed_fixtures() -> None:
    gate = {"status": "fail", "error": "no_schema_candidates"}
    failed = {"fixtureId": "b", "status": "fail"}
    issues = [{"fixtureId": "schema-gate", "error": "no_schema_candidates"}]
    base = {"result": "fail", "schemaGate": gate, "issues": issues}
    assert report_of({**base, "fixtures": [failed]}).suite_errors == ()
    assert report_of({**base, "fixtures": [failed, *GREEN["fixtures"]]}).suite_errors


@pytest.mark.parametrize(
    ("summary", "whole"),
    [
        ({"totalFixtures": 2, "passedFixtures": 1, "failedFixtures": 1}, True),
        ({"totalFixtures": 3, "passedFixtures": 1, "failedFixtures": 1}, True),
        ({"totalFixtures": 3, "passedFixtures": 1, "failedFixtures": 2}, True),
        ({"totalFixtures": 4}, False),
        ({"passedFixtures": 2}, False),
        ({"failedFixtures": 0}, False),
        ({"failedFixtures": "many"}, True),
        ([], True),
    ],
)
def test_counts_that_are_not_there_make_it_partial(summary: Any, whole: bool) -> None:
    entries = [{"fixtureId": id, "status": status} for id, status in (("a", "pass"), ("b", "fail"), ("c", "skipped"))]
    if isinstance(summary, dict) and summary.get("totalFixtures") == 2:
        entries.pop()
    report = report_of({"result": "fail", "fixtures": entries, "summary": summary})
    assert (report.completeness is Completeness.COMPLETE) == whole, report.damage


def test_one_without_a_result_did_not_come_to_its_end() -> None:
    report = report_of({"fixtures": [{"fixtureId": "a", "status": "pass"}]})
    assert report.completeness is Completeness.PARTIAL
    assert "no result" in report.damage


def test_halves_of_characters_become_text_that_can_be_kept() -> None:
    found = parse(
        b'{"result": "fail", "fixtures": [{"fixtureId": "\\ud800", "status": "fail", "error": "\\udfff"}]}', "it"
    )
    assert isinstance(found, Artifact)
    report = report_of(found.document)
    assert {key: result.message for key, result in report.tests.items()} == {"\\ud800": "\\udfff"}


# Hostile ones

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(WHOLE)), inner, max_size=3),
    max_leaves=8,
)
statuses = st.sampled_from(["pass", "fail", "timeout", "skipped", ""]) | values
fixtures = st.fixed_dictionaries(
    {}, optional={"fixtureId": st.sampled_from(["a", "b", "run"]) | values, "status": statuses, "error": values}
)
members = {name: values for name in WHOLE if name not in ("fixtures", "result")}


@given(
    st.fixed_dictionaries(
        {"fixtures": st.lists(fixtures | values, max_size=4)}, optional={**members, "result": statuses}
    )
)
def test_whatever_an_artifact_says_nothing_raises_and_no_failure_becomes_a_pass(artifact: dict[str, Any]) -> None:
    report = report_of(artifact)
    words = [e.get("status") for e in artifact["fixtures"] if isinstance(e, dict)]
    failed = any(isinstance(word, str) and word.strip().lower() in ("fail", "timeout") for word in words)
    green = not report.failed() and not report.suite_errors and report.completeness is Completeness.COMPLETE
    assert not (failed and green)
    if green:
        assert report.exit_status == 0


def test_an_artifact_is_recognised_by_how_it_begins(tmp_path: Path) -> None:
    texts = [json.dumps(WHOLE), json.dumps(GREEN), json.dumps({**WHOLE, "fixtures": []}), '{"results": {}}', "[]"]
    found = []
    for text in texts:
        (tmp_path / "latest.json").write_text(text)
        found.append(recognise(tmp_path / "latest.json"))
    assert found == ["smoke", "smoke", "smoke", None, None]


def test_the_reader_gives_a_report_for_any_bytes() -> None:
    assert smoke.read(io.BytesIO(json.dumps(WHOLE).encode())).failed() == ("b", "c")
    for data in (b"", b"\xff", b"[]", b"{}", b" " * (smoke.LIMIT + 1)):
        found = smoke.read(io.BytesIO(data))
        assert (found.completeness, found.tests) == (Completeness.NONE, {})
        assert found.damage.startswith("artifact_")


def test_a_large_artifact_is_read_in_linear_time() -> None:
    def seconds(count: int) -> float:
        keys = ", ".join(f'"k{n}": 1' for n in range(count))
        entries = ", ".join(f'{{"fixtureId": "f{n}", "status": "fail"}}' for n in range(count))
        data = f'{{"result": "fail", {keys}, "fixtures": [{entries}]}}'.encode()
        began = time.process_time()
        found = parse(data, "it")
        assert isinstance(found, Artifact)
        assert len(report_of(found.document).failed()) == count
        return time.process_time() - began

    seconds(1000)
    assert seconds(20_000) < 60 * max(seconds(2000), 0.01)
