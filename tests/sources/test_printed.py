"""What is read from printed lines."""

from __future__ import annotations

import pytest

from superteam.core.results import Completeness
from superteam.sources.printed import read_printed


def read(tmp_path, text, **how):
    (tmp_path / "output.txt").write_text(text)
    return read_printed(tmp_path / "output.txt", **how)


@pytest.mark.parametrize(
    "text",
    [
        "1..1\nok 1 - a\n1..1\nok 1 - b\n",
        "ok 1 - a\n1..1\nok 1 - b\n1..1\n",
        "ok 1 - a\n1..1\n1..1\nok 1 - b\n",
        "TAP version 13\n1..1\nok 1 - a\n1..1\nok 1 - b\n",
        "ok 1 - a\n1..1\nTAP version 14\n1..1\nok 1 - b\n",
        "1..1 # one test\nok 1 - a\n# a comment\n1..0 # SKIP no database\n1..1\nok 1 - b\n",
        "1..1\n    1..1\n    ok 1 - x\nok 1 - a\n1..1\nok 1 - b\n",
    ],
)
def test_programs_that_print_tap_one_after_the_other_are_read_as_several(tmp_path, text):
    report = read(tmp_path, text)
    assert report.completeness is Completeness.COMPLETE, report.damage
    assert {id for id in report.tests if id != "a > x"} == {"a", "b"}


@pytest.mark.parametrize("text", ["1..2\nok 1 - a\n1..1\nok 1 - b\n", "ok 1 - a\nok 2 - b\n1..3\nok 1 - c\n1..1\n"])
def test_a_document_that_is_cut_is_not_whole_whatever_follows(tmp_path, text):
    for may_doubt in (False, True):
        assert read(tmp_path, text, may_doubt=may_doubt).completeness is Completeness.PARTIAL


@pytest.mark.parametrize("text", ["1..1\n1..1\nok 1 - a\nok 1 - b\n", "1..1\nok 1 - a\nok 2 - b\n"])
def test_tap_that_contradicts_itself_names_no_test_of_a_green_run(tmp_path, text):
    assert read(tmp_path, text).completeness is Completeness.PARTIAL
    report = read(tmp_path, text, may_doubt=True)
    assert (report.completeness, dict(report.tests)) == (Completeness.NONE, {})


@pytest.mark.parametrize(
    "text", ["1..1\n1..1\nnot ok 1 - a\nok 1 - b\n", "1..1\n1..1\nok 1\nok 1\nBail out! no disk\n"]
)
def test_a_failure_among_them_is_kept(tmp_path, text):
    assert read(tmp_path, text, may_doubt=True).completeness is Completeness.PARTIAL


@pytest.mark.parametrize("more", [", expected failures=2", ", skipped=1, unexpected successes=4", ""])
def test_unittests_summary_counts_failures_and_errors_alone(tmp_path, more):
    named = "FAIL: test_a (m.T.test_a)\nERROR: test_b (m.T.test_b)\nRan 9 tests in 0.1s\n\n"
    report = read(tmp_path, f"{named}FAILED (failures=1, errors=1{more})\n")
    assert report.completeness is Completeness.COMPLETE, report.damage
    assert set(report.failed()) == {"m.T.test_a", "m.T.test_b"}
