"""`superteam read`: what a person and a script are told about a report file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from superteam.cli.main import main

DATA = Path(__file__).parents[1] / "data" / "reports" / "reportlog"
Capture = pytest.CaptureFixture[str]


def called(capsys: Capture, *arguments: object) -> tuple[int, str]:
    code = main(["read", *map(str, arguments)])
    return code, capsys.readouterr().out


def document(capsys: Capture, *arguments: object) -> tuple[int, Any]:
    code, out = called(capsys, *arguments, "--json")
    return code, json.loads(out)


def line(**record: object) -> str:
    return json.dumps(record) + "\n"


def hostile(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "report.jsonl"
    phase = {"$report_type": "TestReport", "when": "call", "outcome": "failed", "longrepr": text, "duration": 0.1}
    path.write_text(
        '{"pytest_version": "9", "$report_type": "SessionStart"}\n'
        + line(nodeid=f"a::{text}", **phase)
        + line(**{"exitstatus": 1, "$report_type": "SessionFinish"})
    )
    return path


def test_people_are_told_what_it_is_and_what_failed(capsys):
    code, out = called(capsys, DATA / "sink.jsonl")
    assert code == 0
    assert out.splitlines() == [
        "reportlog: complete",
        "tests: 6 passed, 2 failed, 2 errored, 1 skipped, 1 xfailed, 1 xpassed",
        "failures:",
        "  test_sink.py::test_fails  assert 1 == 2",
        "  test_sink.py::test_xpasses_strictly  [XPASS(strict)]",
        "  test_sink.py::test_setup_error  ValueError: x",
        "  test_sink.py::test_teardown_error  ValueError: y",
    ]


def test_people_are_told_about_errors_outside_of_tests_and_damage(capsys):
    assert "  bad/test_bad.py: ModuleNotFoundError: No module" in called(capsys, DATA / "import-error.jsonl")[1]
    assert "reportlog: partial (the test runner ended before" in called(capsys, DATA / "crash.jsonl")[1]


def test_scripts_get_the_document_of_the_contract(capsys):
    code, found = document(capsys, DATA / "crash.jsonl")
    assert code == 0
    wanted = ["schema", "format", "completeness", "counts", "suite_errors", "dialect", "conventions", "damage", "tests"]
    assert list(found) == wanted
    assert found["conventions"] == {"errors": "apart", "retries": "told"}
    assert "before it had said everything" in found["damage"]
    assert (found["schema"], found["format"], found["completeness"]) == ("superteam.report.v1", "reportlog", "partial")
    assert found["counts"] == {
        "passed": 1,
        "failed": 0,
        "errored": 0,
        "skipped": 0,
        "xfailed": 0,
        "xpassed": 0,
        "not_run": 1,
    }
    assert [list(test) for test in found["tests"]] == [["id", "outcome", "duration_s", "message"]] * 2
    assert found["tests"][0]["outcome"] == "passed"


def test_several_files_of_one_format_are_one_report(capsys):
    code, found = document(capsys, DATA / "sink.jsonl", DATA / "crash.jsonl")
    assert (code, found["completeness"], len(found["tests"])) == (0, "partial", 15)


@pytest.mark.parametrize("content", ["", "hello\n", "<html></html>", "{}"])
@pytest.mark.parametrize("format", [[], ["--format", "reportlog"]])
def test_what_is_no_report_ends_with_3(capsys, tmp_path, content, format):
    path = tmp_path / "x"
    path.write_text(content)
    code, found = document(capsys, path, *format)
    assert (code, found["completeness"], found["tests"]) == (3, "none", [])
    assert found["format"] == (format[1] if format else None)
    code, out = called(capsys, path, *format)
    assert code == 3
    assert out.startswith("no test report")


def test_one_file_that_is_no_report_spoils_all(capsys, tmp_path):
    (tmp_path / "x").write_text("hello")
    assert document(capsys, DATA / "sink.jsonl", tmp_path / "x")[0] == 3


def test_a_wrong_format_a_missing_file_and_a_mixture_are_usage_errors(capsys, tmp_path):
    (tmp_path / "lines").write_text('{"kind": "start", "unittest": 1, "time": 1.0}\n')
    for arguments in (
        [DATA / "sink.jsonl", "--format", "nonsense"],
        [tmp_path / "missing"],
        [tmp_path],
        [DATA / "sink.jsonl", tmp_path / "lines"],
    ):
        assert called(capsys, *arguments)[0] == 2


def test_hostile_text_cannot_move_the_cursor_or_command_a_ci_runner(capsys, tmp_path):
    path = hostile(tmp_path, "\x1b[2J\x1b]0;x\x07\u202e::error::x\n::error::y\r##[group]")
    out = called(capsys, path)[1]
    assert not set("\x1b\x07\u202e\r") & set(out)
    assert "\n::error" not in out
    assert "##[" not in out
    _, found = document(capsys, path)
    assert found["tests"][0]["id"].startswith("a::\x1b[2J")


def test_durations_that_are_no_numbers_are_left_out(capsys, tmp_path):
    path = hostile(tmp_path, "x")
    path.write_text(path.read_text().replace("0.1", "NaN"))
    assert document(capsys, path)[1]["tests"][0]["duration_s"] is None


def test_a_lone_surrogate_can_be_printed(capsys, tmp_path):
    path = hostile(tmp_path, "\ud800")
    assert called(capsys, path)[0] == 0
    assert document(capsys, path)[0] == 0
