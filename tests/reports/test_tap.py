"""The reader of TAP on what real programs wrote, on what the two specifications allow, and on damage."""

from __future__ import annotations

import io
import time
from pathlib import Path, PurePath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.core.results import Completeness, Outcome, TestReport
from superteam.reports.tap import read, recognises

DATA = Path(__file__).parents[1] / "data" / "reports" / "tap"
ROOT = PurePath("/tmp/sample")
WHOLE = [
    "own-node20-all",
    "own-node22-all",
    "own-node20-hooks",
    "own-node20-exit",
    "node20-all",
    "bats-exit",
    "bats-clean",
]


def capture(name: str) -> TestReport:
    with (DATA / f"{name}.tap").open("rb") as stream:
        return read(stream, ROOT)


def text(*lines: str) -> TestReport:
    return read(io.BytesIO("".join(f"{line}\n" for line in lines).encode()))


def outcomes(report: TestReport) -> dict[str, str]:
    return {id: test.outcome.value for id, test in report.tests.items()}


@pytest.mark.parametrize("name", ["own-node20-all", "own-node22-all"])
def test_our_reporter_for_node_names_files_and_keeps_names(name: str) -> None:
    report = capture(name)
    assert (report.completeness, report.dialect, report.suite_errors) == (Completeness.COMPLETE, "node", ())
    inner = "test/a.test.js > outer > inner"
    nasty = ("a > b", "quote \" ' ` $HOME <&>", "new\nline", "ünï 😀", " two  spaces ", "\\back\\d", "hash # todo x")
    assert outcomes(report) == {
        f"{inner} > passes": "passed",
        f"{inner} > fails": "failed",
        f"{inner} > skipped": "skipped",
        f"{inner} > todo": "passed",
        f"{inner} > failing todo": "skipped",
        f"{inner} > same name": "passed",
        f"{inner} > same name #2": "failed",
        f"{inner} > slow": "timed-out",
        f"{inner} > skips itself": "skipped",
        "test/a.test.js > top level": "passed",
        "test/a.test.js > parent > child ok": "passed",
        "test/a.test.js > parent > child bad": "failed",
        "test/a.test.js > parent": "failed",
        **{f"test/a.test.js > nasty > {title}": "passed" for title in (*nasty, "# skip", "esc\\# skip")},
        "test/b.test.js > outer > inner > passes": "passed",
    }
    failed = report.tests[f"{inner} > fails"]
    assert failed.message.startswith("AssertionError [ERR_ASSERTION]: Expected values to be strictly equal")
    assert failed.signature.startswith("AssertionError")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("own-node20-hooks", "hk/h.test.js > ball: hookFailed"),
        ("own-node22-hooks", "hk/h.test.js > ball: hookFailed"),
        ("own-node20-load", "ld/bad.test.js: could not be run as a whole"),
        ("own-node20-exit", "ex/e.test.js: ended early"),
        ("own-node20-late", "un/u.test.js: could not be run as a whole"),
        ("node20-hooks", "ball: hookFailed"),
        ("bats-setup-file", "hk/h.bats: setup_file failed"),
        ("bats-teardown", "ts/tf.bats: teardown_file failed"),
        ("bats-all", "a.bats: printed"),
        ("perl-bail", "the run was given up: no more"),
    ],
)
def test_what_belongs_to_no_test_is_an_error_of_the_suite(name: str, error: str) -> None:
    assert error in [text.partition("\n")[0] for text in capture(name).suite_errors]


def test_a_test_that_only_had_the_focus_is_alone() -> None:
    assert outcomes(capture("own-node20-only")) == {"on/o.test.js > focus": "passed"}


def test_nested_subtests_of_node_are_named_by_their_path() -> None:
    found = outcomes(capture("node20-all"))
    assert found["outer > inner > fails"] == "failed"
    assert found["parent > child bad"] == found["parent"] == "failed"
    assert found["outer > inner > passes #2"] == "passed"  # of the second file, which node does not name
    assert "outer" not in found  # a suite is no test
    assert found["nasty > # skip"] == found["nasty > hash # todo x"] == "passed"


def test_the_stream_of_bats_names_files_and_keeps_names() -> None:
    report = capture("bats-all")
    assert report.dialect == "bats"
    assert report.completeness is Completeness.PARTIAL  # a test printed a line of TAP to descriptor 3
    found = outcomes(report)
    assert len(found) == 18
    assert found["a.bats > hash # skip"] == "passed"
    assert found["a.bats > hash # todo later"] == "failed"
    assert found["a.bats >  two  spaces "] == found["a.bats > -x"] == found["sub/b.bats > passes"] == "passed"
    assert report.tests["a.bats > skipped"].message == "why not"
    assert outcomes(capture("bats-clean")) == {"clean/a.bats > one": "passed", "clean/a.bats > two": "skipped"}


@pytest.mark.parametrize("name", ["bats-killed", "bats-abort", "bats-setup-file", "perl-bail", "node20-late"])
def test_a_plan_that_is_not_kept_is_partial(name: str) -> None:
    report = capture(name)
    assert report.completeness is Completeness.PARTIAL
    assert report.damage


def test_an_empty_file_is_no_report() -> None:
    assert capture("bats-load").completeness is Completeness.NONE


def test_perl_writes_directives_and_nested_subtests() -> None:
    expected = {"first # one": "passed", "second": "failed", "third": "skipped", "(unnamed)": "skipped"}
    assert outcomes(capture("perl")) == expected
    nested = {"outer > a": "passed", "outer > inner > b": "failed", "outer > inner": "failed", "outer": "failed"}
    assert outcomes(capture("perl-nested")) == {**nested, "(unnamed)": "passed"}
    assert (capture("perl-skip-all").completeness, outcomes(capture("perl-skip-all"))) == (Completeness.COMPLETE, {})


@pytest.mark.parametrize(
    ("lines", "damage"),
    [
        (("ok 1 - a",), "no plan"),
        (("1..2", "ok 1 - a"), "2 tests were planned and 1"),
        (("1..1", "ok 1 - a", "ok 2 - b"), "1 tests were planned and 2"),
        (("1..1", "ok 1 - a", "1..1"), "two plans"),
        (("1..2", "ok 1 - a", "ok 1 - b"), "test 1 was reported twice"),
        (("1..2", "ok 1 - a", "ok 3 - b"), "not numbered from 1"),
        (("1..2", "ok 2 - a", "ok - b"), "not numbered from 1"),
        (("pragma +strict", "1..1", "ok 1 - a", "garbage"), "it is strict"),
        (("1..1", "ok 1 - a {", "    1..2", "    ok 1 - b", "}"), "a: 2 tests were planned"),
        (("1..1", "ok 1 - a {", "    ok 1 - b"), "in the middle of a subtest"),
        (("1..1", "    ok 1 - b", "    1..2", "ok 1 - a"), "a: 2 tests were planned"),
        (("1..1", "    ok 1 - b", "ok 1 - a"), "a: it has no plan"),
        (("1..1", "ok 1 - a", "    ok 1 - b", "    1..1"), "in the middle of a subtest"),
        (("1..1", "ok 1 - a", "  ---", "  x: y"), "in the middle of a diagnostic"),
        (("1..1", "Bail out!", "ok 1 - a"), "given up"),
    ],
)
def test_each_kind_of_damage_is_named(lines: tuple[str, ...], damage: str) -> None:
    report = text(*lines)
    assert report.completeness is Completeness.PARTIAL
    assert damage in report.damage


@pytest.mark.parametrize(
    ("line", "id", "outcome"),
    [
        ("ok", "(unnamed)", Outcome.PASSED),
        ("not ok", "(unnamed)", Outcome.FAILED),
        ("not ok - a", "a", Outcome.FAILED),
        ("ok 1 a b", "a b", Outcome.PASSED),
        ("ok 1 - a # SKIP why", "a", Outcome.SKIPPED),
        ("ok 1 - a #skipped: why", "a", Outcome.SKIPPED),
        ("not ok 1 - a # todo", "a", Outcome.SKIPPED),
        ("ok 1 - a # TODO", "a", Outcome.PASSED),
        ("ok 1 - a \\# skip", "a # skip", Outcome.PASSED),
        ("not ok 1 - a \\\\\\# todo", "a \\# todo", Outcome.FAILED),
        ("not ok 1 - a # skippy the todo list", "a # skippy the todo list", Outcome.FAILED),
        ("not ok 1 - a # TODOLIST", "a # TODOLIST", Outcome.FAILED),
        ("not ok 1 - a # todo_later", "a # todo_later", Outcome.FAILED),
        ("ok 1 - a # Skipping: why", "a", Outcome.SKIPPED),
        ("not ok 1 - a # TODO(bob) later", "a", Outcome.SKIPPED),
        ("ok 1 - a # nothing", "a # nothing", Outcome.PASSED),
        ("ok 1 - a # SKIP test name does not match pattern", "a", Outcome.NOT_RUN),
    ],
)
def test_each_form_of_a_test_point(line: str, id: str, outcome: Outcome) -> None:
    report = text("TAP version 14", "pragma +strict", line, "1..1")
    assert [(key, test.outcome) for key, test in report.tests.items()] == [(id, outcome)]
    assert report.completeness is Completeness.COMPLETE


def test_a_diagnostic_is_the_message_and_holds_no_test_points() -> None:
    report = text("1..1", "not ok 1 - a", "  ---", "  message: boom", "  ok 2 - faked", "  1..2", "  ...")
    assert report.completeness is Completeness.COMPLETE
    assert report.tests["a"].message == "message: boom\nok 2 - faked\n1..2"


def test_crlf_and_other_text_do_no_harm() -> None:
    report = text("noise", "1..1\r", "okay then", "not okay", "ok 1 - a\r", "# a comment\r")
    assert (outcomes(report), report.completeness) == ({"a": "passed"}, Completeness.COMPLETE)


@pytest.mark.parametrize(
    "head", [b"TAP version 13\n", b"1..0\n", b"\n# x\n1..12 # skip\n", b"ok 1 - a\n", b"not ok 1\n"]
)
def test_tap_is_recognised(head: bytes) -> None:
    assert recognises(head)


@pytest.mark.parametrize("head", [b"", b"<testsuites/>", b"{}", b"ok then\n", b"1.. x", b"PASS\n", b"\xff\x00"])
def test_what_is_no_tap_is_not_recognised(head: bytes) -> None:
    assert not recognises(head)


@pytest.mark.parametrize("name", WHOLE)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_capture_that_is_cut_is_never_whole_with_other_outcomes(name: str, data: st.DataObject) -> None:
    raw = (DATA / f"{name}.tap").read_bytes()
    whole = read(io.BytesIO(raw), ROOT)
    report = read(io.BytesIO(raw[: data.draw(st.integers(0, len(raw)))]), ROOT)
    if report.completeness is Completeness.COMPLETE:
        assert outcomes(report) == outcomes(whole)
        assert report.suite_errors == whole.suite_errors


@given(
    st.binary(max_size=400)
    | st.lists(
        st.sampled_from(
            [
                b"ok 1 - a",
                b"not ok 2",
                b"    ok 1",
                b"        not ok 1 - b",
                b"1..2",
                b"    1..1",
                b"  ---",
                b"  ...",
                b"suite x",
                b"begin 1 a",
                b"Bail out!",
                b"# Subtest: s",
                b"# superteam node",
                b"\\",
                b"ok \xff # skip",
            ]
        )
    ).map(b"\n".join)
)
@settings(max_examples=300, deadline=None)
def test_nothing_makes_it_raise(raw: bytes) -> None:
    report = read(io.BytesIO(raw), ROOT)
    if report.completeness is Completeness.COMPLETE:
        assert raw.count(b"\nnot ok") + raw.startswith(b"not ok") <= len(report.tests) + len(report.suite_errors)


def test_hostile_lines_are_read_in_linear_time() -> None:
    started = time.process_time()
    for line in (
        "ok 1 - " + "#" * 10**6,
        "ok 1 - " + "\\" * 10**6,
        "ok 1 - " + "# " * 10**6,
        " " * 10**6,
        "1.." + "1" * 10**6,
    ):
        text(line, "1..1")
    text(*(" " * 4 * (i % 60) + "ok 1 - a" for i in range(20000)))
    assert time.process_time() - started < 5


def test_points_without_a_number_have_the_next_one() -> None:
    report = text("1..3", "ok - a", "ok 2 - b", "not ok - c")
    assert report.completeness is Completeness.COMPLETE, report.damage
    assert outcomes(report) == {"a": "passed", "b": "passed", "c": "failed"}


def test_buffered_subtests_stand_in_braces() -> None:
    report = text(
        *("TAP version 14", "ok 1 - a {", "    ok 1 - b {", "        ok 1 - c", "        1..1", "    }"),
        *(
            "    not ok 2 - d # TODO later",
            "    1..2",
            "}",
            "not ok 2 - e # time=1.5ms {",
            "    1..1",
            "    not ok 1 - f",
        ),
        *("}", "ok 3 - ends with {", "ok 4 - g # SKIP why {", "}", "1..4"),
    )
    assert report.completeness is Completeness.COMPLETE, report.damage
    found = outcomes(report)
    assert found["a > b > c"] == found["a > b"] == found["a"] == found["ends with {"] == "passed"
    assert (found["a > d"], found["e > f"]) == ("skipped", "failed")
    assert (found["g"], report.tests["g"].message) == ("skipped", "why")


def test_a_strict_stream_of_tap_alone_is_whole() -> None:
    report = text("TAP version 14", "pragma +strict", "# fine", "", "ok 1 - a", "  ---", "  x: y", "  ...", "1..1")
    assert report.completeness is Completeness.COMPLETE, report.damage
    assert text("pragma +strict", "pragma -strict", "noise", "ok 1", "1..1").completeness is Completeness.COMPLETE


def test_a_last_comment_without_a_line_end_is_no_damage() -> None:
    assert read(io.BytesIO(b"1..1\nok 1 - a\n# done")).completeness is Completeness.COMPLETE
    assert read(io.BytesIO(b"1..1\nok 1 - a")).completeness is Completeness.PARTIAL


@pytest.mark.parametrize(
    ("head", "known"),
    [
        ("> tap\n> node x\n\nTAP Version 13\nok 1\n", True),
        ("pragma +strict\nok 1\n", True),
        ("starting\n1..2\nok 1 - a\n", True),
        ("starting\nok 1 - a\nok 2\n1..2\n", True),
        ("starting\nok 1 - a\n", False),
        ("chapter\n1..2\n", False),
    ],
)
def test_what_stands_before_the_tap_hides_it_from_nobody(head: str, known: bool) -> None:
    assert recognises(head.encode()) is known
