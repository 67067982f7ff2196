"""The verdict as JUnit XML: red exactly when it is not pass, and readable whatever tests are called and print."""

from __future__ import annotations

import io
import math
import tracemalloc
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.events import ValidationResult
from superteam.core.finding import Finding
from superteam.core.results import Completeness, Granularity, Outcome, TestReport, TestResult
from superteam.evidence.junit_xml import VERDICT_CASE, junit_xml, split_id, standings
from superteam.reports.junit import read_junit

LISTS = ("regressions", "unresolved", "missing", "newly_skipped", "flaky", "suspects", "pre_existing", "owed")
BLOCKING = LISTS[:4]
NASTY = "\x00\x1b[31m\x85\ud800\ufffe\U0001f600 <&>\"']]>\r\n\t\u202e"


def result_of(verdict: Any = "pass", **fields: Any) -> ValidationResult:
    return ValidationResult(sha="1" * 40, tree="2" * 40, reference_sha="3" * 40, verdict=verdict, **fields)


def report_of(**outcomes: Outcome) -> TestReport:
    return report({name: TestResult(outcome) for name, outcome in outcomes.items()})


def report(tests: dict[str, TestResult], **more: Any) -> TestReport:
    return TestReport("junit", Granularity.TESTS, Completeness.COMPLETE, tests, **more)


def written(result: ValidationResult, report: TestReport | None = None, **messages: str) -> ElementTree.Element:
    text = "".join(junit_xml(result, report, messages))
    return ElementTree.fromstring(text.encode())


def cases(root: ElementTree.Element) -> dict[str, ElementTree.Element]:
    found = list(root.iter("testcase"))
    names = [case.get("name", "") for case in found]
    assert len(set(names)) == len(names)
    return dict(zip(names, found, strict=True))


def red(root: ElementTree.Element) -> bool:
    return any(case.find(kind) is not None for case in root.iter("testcase") for kind in ("failure", "error"))


def element(case: ElementTree.Element) -> tuple[str, str, str]:
    (child,) = (child for child in case if child.tag != "system-out")
    return child.tag, child.get("type", ""), child.get("message", "")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("regressions", "test-regression"),
        ("unresolved", "unresolved"),
        ("missing", "test-missing"),
        ("newly_skipped", "newly-skipped"),
    ],
)
def test_what_blocks_is_a_failure_of_its_kind_with_the_message(name, kind):
    found = cases(written(result_of("fail", **{name: ("t",)}), None, t="KeyError: 1\nmore"))["t"]
    assert element(found)[:2] == ("failure", kind)
    assert element(found)[2].endswith(": KeyError: 1")
    assert found[0].text == "KeyError: 1\nmore"


@pytest.mark.parametrize("name", ["flaky", "suspects", "pre_existing", "owed"])
def test_what_fails_and_is_excused_is_skipped_and_keeps_its_text(name):
    root = written(result_of(**{name: ("t",)}), report_of(t=Outcome.FAILED), t="KeyError: 1\nmore")
    found = cases(root)["t"]
    assert element(found)[0] == "skipped"
    assert found.findtext("system-out") == "KeyError: 1\nmore"
    assert not red(root)


def test_a_known_failure_says_that_it_fails_before_too():
    found = cases(written(result_of(pre_existing=("t",)), report_of(t=Outcome.FAILED), t="KeyError"))["t"]
    assert element(found) == ("skipped", "pre-existing", "fails before too: KeyError")


@pytest.mark.parametrize("report", [None, report_of(a=Outcome.PASSED, b=Outcome.FAILED)])
def test_an_inconclusive_verdict_is_an_error_with_the_reason(report):
    found = cases(written(result_of("inconclusive", reason="killed by signal 9"), report))
    assert element(found[VERDICT_CASE]) == ("error", "inconclusive", "killed by signal 9")
    assert "b" not in found or element(found["b"])[0] == "skipped"


def test_errors_outside_of_tests_are_told_with_the_reason():
    found = cases(written(result_of("inconclusive", reason="broken"), report({}, suite_errors=("a.py: SyntaxError",))))
    assert found[VERDICT_CASE].findtext("error") == "broken\n\na.py: SyntaxError"


def test_a_failed_verdict_that_names_no_test_is_red_all_the_same():
    assert red(written(result_of("fail", flaky=("t",))))


def test_a_pass_without_any_test_still_has_a_case_since_readers_refuse_an_empty_suite():
    assert list(cases(written(result_of()))) == [VERDICT_CASE]


def test_other_outcomes_keep_their_meaning():
    outcomes = {"a": Outcome.PASSED, "b": Outcome.SKIPPED, "c": Outcome.XFAILED, "d": Outcome.XPASSED}
    found = cases(written(result_of(), report_of(**outcomes, e=Outcome.NOT_RUN)))
    assert [len(found[name]) for name in "ad"] == [0, 0]
    assert [element(found[name]) for name in "bce"] == [
        ("skipped", "", ""),
        ("skipped", "pytest.xfail", ""),
        ("skipped", "", "found, but not run"),
    ]


def test_the_counts_are_right_and_durations_that_are_no_numbers_do_no_harm():
    tests = {
        "a": TestResult(Outcome.PASSED, duration_s=1.5),
        "b": TestResult(Outcome.FAILED, duration_s=math.nan),
        "c": TestResult(Outcome.SKIPPED, duration_s=-1.0),
        "d": TestResult(Outcome.FAILED, duration_s=0.25),
    }
    root = written(result_of("fail", regressions=("b",), flaky=("d",), missing=("e",)), report(tests))
    suite = root[0]
    wanted = {"name": "superteam", "tests": "5", "failures": "2", "errors": "0", "skipped": "2", "time": "1.750"}
    assert suite.attrib == wanted


def test_our_own_reader_sees_the_same_ids_and_outcomes():
    ids = ["tests/test_a.py::TestX::test_one[a.b::c]", "test_b.py::test_two", "src/lib.rs::tests::adds", "N\\C::m"]
    ids += [
        "outer > inner",
        "tests::deep::leaf",
        "a.test.ts > d > t",
        "t[\n]",
        "x.py::::y",
        "::",
        "::y",
        "a.py::v1.2::t",
        "plain",
    ]
    tests = {id: TestResult(Outcome.PASSED) for id in ids}
    tests |= {"test_b.py::s": TestResult(Outcome.SKIPPED), "test_b.py::x": TestResult(Outcome.XFAILED)}
    tests |= {"test_b.py::r": TestResult(Outcome.FAILED), "test_b.py::p": TestResult(Outcome.FAILED)}
    result = result_of("fail", regressions=("test_b.py::r",), pre_existing=("test_b.py::p",))
    pieces = "".join(junit_xml(result, report(tests), {}))
    found = read_junit(io.BytesIO(pieces.encode()))
    excused = {"test_b.py::p": Outcome.SKIPPED}
    assert found.completeness is Completeness.COMPLETE
    assert {key: seen.outcome for key, seen in found.tests.items()} == {
        key: excused.get(key, given.outcome) for key, given in tests.items()
    }


PARTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), min_size=1)


@given(st.lists(PARTS, min_size=1, max_size=4), st.sampled_from(["", "a.py::", "src/x.rs::", "w/y.test.ts::"]))
def test_whatever_an_id_is_made_of_its_parts_give_it_back(parts, start):
    id = start + "::".join(parts)
    file, classname, name = split_id(id)
    attributes = "".join(
        f" {key}={quoted(value)}" for key, value in (("file", file), ("classname", classname), ("name", name))
    )
    text = f"<testsuite><testcase{attributes}/></testsuite>"
    assert list(read_junit(io.BytesIO(text.encode())).tests) == [id]


def quoted(text: str) -> str:
    element = ElementTree.Element("x", a=text)
    return ElementTree.tostring(element, encoding="unicode").removeprefix("<x a=").removesuffix(" />")


TEXT = st.text(st.characters(codec=None), max_size=20) | st.sampled_from([NASTY, "a::b", "t.py::C::x[1]", VERDICT_CASE])
OUTCOMES = st.sampled_from(list(Outcome))
TESTS = st.dictionaries(TEXT, st.builds(TestResult, OUTCOMES, TEXT, st.just(""), st.floats() | st.none()), max_size=6)
LISTED = st.dictionaries(TEXT, st.sampled_from(LISTS), max_size=6)


@given(st.sampled_from(["pass", "fail", "inconclusive"]), LISTED, TESTS, st.booleans(), TEXT)
def test_it_is_red_exactly_when_the_verdict_is_not_pass(verdict, listed, tests, with_report, reason):
    lists = {name: tuple(id for id, where in listed.items() if where == name) for name in LISTS}
    result = result_of(verdict, reason=reason, **lists)
    text = "".join(junit_xml(result, report(tests) if with_report else None, dict.fromkeys(listed, NASTY)))
    root = ElementTree.fromstring(text.encode())
    found = list(root.iter("testcase"))
    named = len(set(listed) | (set(tests) if with_report else set()))
    assert red(root) == (verdict != "pass")
    assert len(found) - named in (0, 1)
    counted = {kind: sum(case.find(kind) is not None for case in found) for kind in ("failure", "error", "skipped")}
    suite = root[0].attrib
    assert [suite[name] for name in ("failures", "errors", "skipped")] == [str(n) for n in counted.values()]
    assert suite["tests"] == str(len(found))
    assert conforms(root)


CHILDREN = {
    "testsuites": ("testsuite",),
    "testsuite": ("properties", "testcase", "system-out"),
    "properties": ("property",),
    "testcase": ("skipped", "error", "failure", "system-out"),
}
ATTRIBUTES = {
    "testsuites": (set(), set()),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped", "time"}, set()),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name", "time"}, {"classname", "file"}),  # file is pytest's; GitLab and CircleCI read it
    "skipped": (set(), {"type", "message"}),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
}


def conforms(node: ElementTree.Element) -> bool:
    """What the schemas of Jenkins (junit-10) and Surefire (3.0) demand of elements, their order and attributes."""
    order = [CHILDREN.get(node.tag, ()).index(child.tag) for child in node]
    must, may = ATTRIBUTES.get(node.tag, (set(), set()))
    here = order == sorted(order) and must <= set(node.attrib) <= must | may
    return here and all(conforms(child) for child in node)


def test_characters_that_xml_does_not_have_are_shown_as_what_they_are():
    found = cases(written(result_of("fail", regressions=("t\x1b\ud800",)), None))
    assert list(found) == ["t\\x1b\\ud800"]
    text = written(result_of("fail", regressions=("t",)), None, t="\x1b[31m\x9b\ufffe\r\n]]>")[0].find("testcase")
    assert text is not None and text.findtext("failure") == "\\x1b[31m\\x9b\\ufffe\r\n]]>"


def test_long_texts_are_cut_and_long_ids_stay_apart():
    ids = ("x" * 5000 + "a", "x" * 5000 + "b")
    text = "".join(junit_xml(result_of("fail", missing=ids), None, {ids[0]: "y" * 10**6}))
    assert len(text) < 20_000
    assert len(cases(ElementTree.fromstring(text))) == 2


def test_findings_and_notes_are_told_beside_the_tests():
    finding = Finding(kind="focus", path="a.test.ts", line=3, detail="it.only was added")
    root = written(result_of(findings=(finding,), notes=("one",)))
    assert "focus: a.test.ts:3 it.only was added\nnote: one" in root[0].findtext("system-out", "")
    assert not red(root)


def test_a_test_that_fails_only_in_company_names_who_spoils_it():
    found = cases(written(result_of("fail", regressions=("t",), polluters={"t": "other"})))["t"]
    assert element(found)[2] == "worked before and does not any more, only after other"


def test_a_known_failure_that_changed_says_so():
    found = cases(written(result_of(pre_existing=("t",), fails_differently=("t",))))["t"]
    assert element(found) == ("skipped", "fails-differently", "fails before too, in another way")


def test_each_id_stands_in_one_place_the_weightiest():
    lists: dict[str, Any] = dict.fromkeys(LISTS, ("t",))
    assert [standing.kind for standing in standings(result_of("fail", **lists)).values()] == ["test-regression"]


def test_it_is_written_in_pieces_so_that_memory_does_not_grow_with_the_suite():
    tests = dict.fromkeys((f"tests/test_{n % 100}.py::test_{n}" for n in range(20_000)), TestResult(Outcome.PASSED))
    given = report(tests)
    tracemalloc.start()
    size = sum(len(piece) for piece in junit_xml(result_of(), given, {}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 10 * peak
