"""What `go test -json` prints: real captures, and what no capture may become when it is damaged."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.results import Completeness, TestReport
from superteam.reports import go_json

CAPTURES = Path(__file__).parents[1] / "data" / "reports" / "go"
NAMES = sorted(path.stem for path in CAPTURES.glob("*.jsonl"))


def capture(name: str) -> TestReport:
    with (CAPTURES / f"{name}.jsonl").open("rb") as stream:
        return go_json.read(stream)


def read(*events: dict[str, object] | str) -> TestReport:
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return go_json.read(io.BytesIO("".join(f"{line}\n" for line in lines).encode()))


def event(action: str, test: str = "", output: str = "", package: str = "p", **more: object) -> dict[str, object]:
    found: dict[str, object] = {"Action": action, "Package": package, **more}
    return found | ({"Test": test} if test else {}) | ({"Output": output} if output else {})


def outcomes(report: TestReport) -> dict[str, str]:
    return {id.partition("::")[2]: result.outcome.value for id, result in report.tests.items()}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("good", {"TestOne": "passed", "TestAdd": "passed"}),
        ("exit", {"TestBefore": "passed", "TestExit0": "failed"}),
        ("exit1", {"TestBefore": "passed", "TestExit3": "errored"}),
        ("sysexit", {"TestBefore": "passed", "TestSyscallExit0": "errored"}),
        ("killed", {"TestBefore": "passed", "TestKilled": "errored"}),
        ("panics", {"TestBefore": "passed", "TestPanics": "failed", "TestPanics/sub": "failed"}),
        ("timed-out", {"TestBefore": "passed", "TestHangs": "timed-out"}),
        ("nomain", {}),
        ("notests", {}),
        ("empty", {}),
    ],
)
def test_each_capture_says_what_happened(name, wanted):
    found = capture(name)
    assert outcomes(found) == wanted
    assert (found.completeness, found.suite_errors) == (Completeness.COMPLETE, ())


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("broken", "example.com/shop/broken: build failed"),
        ("maincode", "example.com/shop/maincode failed outside of its tests"),
        ("initpanic", "example.com/shop/initpanic failed outside of its tests"),
        ("several", "example.com/shop/broken: build failed"),
    ],
)
def test_a_package_that_fails_without_a_test_is_an_error_of_the_suite(name, place):
    assert [error.partition("\n")[0] for error in capture(name).suite_errors] == [place]


def test_fake_results_that_a_test_prints_take_no_failure_back():
    found = outcomes(capture("price"))
    assert [found[name] for name in ("TestFails", "TestSpoof", "TestNoNewline")] == ["failed", "failed", "passed"]
    assert not {"TestGhost2", "TestGhost3"} & found.keys()
    assert found["FuzzAdd/seed#1"] == found["ExampleAdd_wrong"] == found["TestSub/outer/inner"] == "failed"
    assert found["TestSkipped"] == "skipped"


def test_messages_and_signatures_are_of_what_the_test_said():
    found = capture("price").tests["example.com/shop/price::TestFails"]
    assert found.message.splitlines()[0] == "price_test.go:15: got 3 want 4"
    assert found.signature == "price_test.go:<n>: got <n> want <n> @ price_test.go"


def test_results_from_the_cache_are_no_proof():
    found = capture("cached")
    assert found.completeness is Completeness.PARTIAL
    assert "replayed from go's cache" in found.damage


def test_repetitions_are_numbered():
    assert list(outcomes(capture("count3")))[-2:] == ["TestOne #3", "TestAdd #3"]


def test_a_package_without_a_result_is_not_whole():
    found = read(event("run", "TestA"), event("pass", "TestA"))
    assert (found.completeness, found.damage) == (Completeness.PARTIAL, "package p has no result")


def test_a_package_that_runs_again_is_a_retry_of_its_failures():
    first = [event("run", "A"), event("fail", "A"), event("run", "B"), event("pass", "B"), event("fail")]
    found = read(*first, event("run", "A"), event("pass", "A"), event("pass"))
    assert outcomes(found) == {"A": "passed", "B": "passed"}
    assert found.tests["p::A"].retried
    assert not found.tests["p::B"].retried


def test_build_events_of_go_1_24_are_errors_of_the_suite():
    build = {"ImportPath": "p [p.test]", "Action": "build-output", "Output": "p/a.go:1:1: undefined: x\n"}
    failed = {"ImportPath": "p [p.test]", "Action": "build-fail"}
    found = read(build, failed, event("start"), event("fail", FailedBuild="p [p.test]"))
    assert found.suite_errors == ("p [p.test] could not be built\np/a.go:1:1: undefined: x",)


def test_where_go_marks_its_lines_a_glued_result_is_no_result():
    lines = [event("run", "A"), event("output", "A", "x--- PASS: A (0.00s)\n"), event("pass")]
    assert outcomes(read(*lines)) == {"A": "passed"}
    assert outcomes(read(event("start"), *lines)) == {"A": "errored"}


def test_lines_of_other_programs_are_passed_over_and_a_broken_event_is_damage():
    good = [event("run", "A"), event("pass", "A"), event("pass")]
    assert read("go: downloading x", "{", '{"other": 1}', *good).completeness is Completeness.COMPLETE
    assert read(*good, '{"Action":"fail","Packa').completeness is Completeness.PARTIAL
    assert read("nothing of go").completeness is Completeness.NONE


def test_a_test_that_prints_without_end_needs_little_memory():
    found = read(event("run", "A"), *[event("output", "A", "x" * 999 + "\n")] * 999, event("fail", "A"), event("fail"))
    assert len(found.tests["p::A"].message) < 5000


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_is_recognised_unless_it_holds_no_event(name):
    assert go_json.recognises((CAPTURES / f"{name}.jsonl").read_bytes()) is (name != "broken")


WHOLE = (CAPTURES / "price.jsonl").read_bytes()


@given(st.integers(0, len(WHOLE) - 2))
def test_a_truncated_capture_is_never_complete(size):
    assert go_json.read(io.BytesIO(WHOLE[:size])).completeness is not Completeness.COMPLETE


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_a_flipped_bit_never_raises(place, bit):
    damaged = bytearray(WHOLE)
    damaged[place] ^= 1 << bit
    assert go_json.read(io.BytesIO(bytes(damaged))).format == "go"


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data):
    assert go_json.recognises(data) in (True, False)
    assert go_json.read(io.BytesIO(data)).format == "go"
    begun = b'{"Action":"run","Package":"p","Test":"T"}\n'
    assert go_json.read(io.BytesIO(begun + data)).completeness is not Completeness.NONE


ACTIONS = st.sampled_from(["run", "pass", "fail", "skip", "output", "pause", "start"])
EVENTS = st.lists(st.tuples(ACTIONS, st.sampled_from(["", "A", "A/b", "B"])), max_size=12)


@given(EVENTS)
def test_no_event_after_a_failure_makes_it_a_pass_within_one_run(events):
    stream = [
        event("run", "X"),
        event("fail", "X"),
        *(event(a, t) for a, t in events if a != "start" and t),
        event("fail"),
    ]
    assert outcomes(read(*stream))["X"] == "failed"


def test_events_without_a_package_are_read() -> None:
    lines = [
        {"Action": "run", "Test": "TestA"},
        {"Action": "pass", "Test": "TestA"},
        {"Action": "run", "Test": "TestB"},
        {"Action": "fail", "Test": "TestB"},
        {"Action": "fail", "Elapsed": 0.1},
    ]
    data = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()
    assert go_json.recognises(data)
    found = go_json.read(io.BytesIO(data))
    assert found.completeness is Completeness.COMPLETE
    assert {id: test.outcome.value for id, test in found.tests.items()} == {"TestA": "passed", "TestB": "failed"}
