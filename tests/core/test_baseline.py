"""The difference from the expected set, against a table that is read row by row and test by test."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.baseline import (
    Difference,
    Expectation,
    Expected,
    Permits,
    advance,
    compare,
    doubt_failures,
    matches,
    pin,
    wanted_files,
)
from superteam.core.results import Completeness, Granularity, Outcome, Shape
from superteam.core.results import TestReport as Report
from superteam.core.results import TestResult as Result

GOOD, RED = ("passed", "xpassed"), ("failed", "errored", "timed-out")
LISTS = (
    "new_failures",
    "pre_existing",
    "fails_differently",
    "new_passes",
    "missing",
    "newly_skipped",
    "owed",
)

ids = st.sampled_from(["a.py::one", "b.py::two[1]", "c::x", "plain"])
signatures = st.sampled_from(["", "Boom", "Crash"])
outcomes = st.sampled_from(Outcome)


def result(outcome: Outcome, signature: str, retried: bool) -> Result:
    return Result(outcome, signature=signature if outcome.bad else "", retried=retried and outcome is Outcome.PASSED)


def entry(outcome: Outcome, place: str | None, signature: str, retried: bool) -> Expectation:
    return Expectation(outcome, place, signature if outcome.bad else "", retried and outcome is Outcome.PASSED)


reports = st.dictionaries(ids, st.builds(result, outcomes, signatures, st.booleans())).map(
    lambda tests: Report("x", Granularity.TESTS, Completeness.COMPLETE, tests)
)
expectations = st.dictionaries(
    ids, st.builds(entry, outcomes, st.sampled_from([None, "old", "older"]), signatures, st.booleans())
).map(lambda tests: Expected("old", Shape(Granularity.TESTS), tests))
globs = st.lists(st.sampled_from(["a.py::*", "*one", "c::?", "b.py::two[1]", "*"]), max_size=2).map(tuple)
permits = st.builds(Permits, globs, globs, globs, st.just({}), st.frozensets(ids))


def meant(id: str, patterns: tuple[str, ...]) -> bool:
    """The globs used here, spelled out."""
    rules = {
        "a.py::*": id.startswith("a.py::"),
        "*one": id.endswith("one"),
        "c::?": id == "c::x",
        "b.py::two[1]": id == "b.py::two[1]",
        "*": True,
    }
    return any(rules[pattern] for pattern in patterns)


def place(id: str, was: Expectation | None, now: Result | None, allowed: Permits) -> str | None:
    """The list one test belongs to, by what it did before and does now."""
    before = was.outcome.value if was else "absent"
    after = now.outcome.value if now else "absent"
    known = id in allowed.known
    if after in RED:
        assert now is not None
        if before in RED and was is not None:
            return "pre_existing" if was.signature in ("", now.signature) else "fails_differently"
        if known:
            return "pre_existing"
        return "owed" if meant(id, allowed.may_fail) else "new_failures"
    if now is not None and now.retried and before not in RED and not (was is not None and was.retried):
        if known:
            return "pre_existing"
        return "owed" if meant(id, allowed.may_fail) else "new_failures"
    if before in ("absent", "not-run"):
        return None
    if after == "absent":
        return None if known or meant(id, allowed.may_remove) else "missing"
    if after == "not-run":
        return None if known or meant(id, allowed.may_remove) else "newly_skipped"
    if after in ("skipped", "xfailed"):
        weaker = before not in ("skipped", after)
        return "newly_skipped" if weaker and not known and not meant(id, allowed.may_skip) else None
    if (before, after) == ("passed", "xpassed"):  # newly expected to fail, though it did not
        return "newly_skipped" if not known and not meant(id, allowed.may_skip) else None
    return "new_passes" if before in (*RED, "xfailed") else None


@given(expectations, reports, permits)
def test_every_test_lands_in_the_list_that_the_table_names(
    expected: Expected, report: Report, allowed: Permits
) -> None:
    found = compare(expected, report, allowed)
    wanted: dict[str, set[str]] = {name: set() for name in LISTS}
    for id in expected.tests.keys() | report.tests.keys():
        name = place(id, expected.tests.get(id), report.tests.get(id), allowed)
        if name:
            wanted[name].add(id)
    assert {name: set(getattr(found, name)) for name in LISTS} == wanted
    assert found.renamed == ()


@given(expectations, reports)
def test_fewer_tests_than_before_is_never_silent(expected: Expected, report: Report) -> None:
    found = compare(expected, report, Permits())
    told = {*found.missing, *found.newly_skipped, *found.new_failures, *found.pre_existing, *found.fails_differently}
    for id, was in expected.tests.items():
        lost = was.outcome.ran and not (id in report.tests and report.tests[id].outcome.ran)
        assert not lost or id in told


@given(expectations, reports, permits)
def test_an_id_stands_in_at_most_one_list(expected: Expected, report: Report, allowed: Permits) -> None:
    found = compare(expected, report, allowed)
    listed = [id for name in LISTS for id in getattr(found, name)]
    assert len(listed) == len(set(listed))


def of(**tests: str) -> Mapping[str, Result]:
    return {id.replace("__", "::"): Result(Outcome(outcome)) for id, outcome in tests.items()}


def report_of(tests: Mapping[str, Result]) -> Report:
    return Report("x", Granularity.TESTS, Completeness.COMPLETE, tests)


def test_a_test_whose_file_was_renamed_is_not_missing() -> None:
    old = pin(report_of({"old.py::one[1]": Result(Outcome.PASSED), "old.py::two": Result(Outcome.PASSED)}), "c1")
    new = report_of({"new.py::one[1]": Result(Outcome.PASSED)})
    found = compare(old, new, Permits(renames={"old.py": "new.py"}))
    assert found.renamed == (("old.py::one[1]", "new.py::one[1]"),)
    assert found.missing == ("old.py::two",)


def test_a_test_with_titles_in_its_id_is_followed_through_a_rename_as_well() -> None:
    old = pin(report_of({"src/a.test.ts > math > adds": Result(Outcome.PASSED)}), "c1")
    new = report_of({"src/b.test.ts > math > adds": Result(Outcome.PASSED)})
    found = compare(old, new, Permits(renames={"src/a.test.ts": "src/b.test.ts"}))
    assert (found.renamed, found.missing) == ((("src/a.test.ts > math > adds", "src/b.test.ts > math > adds"),), ())


CHANGING = [
    "a.py::t[<obj at 0x7f00{:06x}>]",
    "a.py::t[/tmp/pytest-of-me/pytest-{}/x]",
    "a.py::t[2026-01-{:02}T10:00:00]",
    "a.py::t[{}]",
    "com.acme.ReqTest::check(Req@1f{:04x})[1]",
    "a.test.ts > listens on port {}",
    "pkg::TestServer/127.0.0.1:{}",
]
numbers = st.sets(st.integers(1, 28), max_size=5)


@given(st.sampled_from(CHANGING), numbers, numbers, numbers)
def test_ids_that_two_runs_of_the_reference_do_not_share_are_counted(
    pattern: str, then: set[int], again: set[int], now: set[int]
) -> None:
    """As many as before are the same tests. Each one less is missing; at the reference as well, it is absent."""
    old = pin(report_of({pattern.format(n): Result(Outcome.PASSED) for n in then}), "c1")
    report = report_of({pattern.format(n): Result(Outcome.PASSED) for n in now})
    found = compare(old, report, Permits(), [pattern.format(n) for n in again])
    if again == then:
        wanted = len(then - now)
    else:
        wanted = max(0, len(then) - len(now)) if len(again) >= len(then) else len(then - now)
    assert len(found.missing) + len(found.absent) == wanted
    assert not found.absent or len(again) < len(then)
    assert not found.new_failures and not found.newly_skipped


@given(st.sampled_from(CHANGING), numbers, numbers)
def test_ids_that_only_look_unstable_are_missed(pattern: str, then: set[int], now: set[int]) -> None:
    """Both runs of the reference have them, or there is no second one: nothing takes their places."""
    old = pin(report_of({pattern.format(n): Result(Outcome.PASSED) for n in then}), "c1")
    report = report_of({pattern.format(n): Result(Outcome.PASSED) for n in now})
    for again in (list(old.tests), None):
        assert set(compare(old, report, Permits(), again).missing) == {pattern.format(n) for n in then - now}


def test_a_stable_id_that_is_deleted_beside_changing_ones_is_missed() -> None:
    old = pin(report_of(of(**{"a__t[1]": "passed", "a__t[2]": "passed", "a__t[1764550000]": "passed"})), "c1")
    again = ["a::t[1]", "a::t[2]", "a::t[1764551111]"]
    now = report_of(of(**{"a__t[1]": "passed", "a__t[1764552222]": "passed"}))
    found = compare(old, now, Permits(), again)
    assert len(found.missing) == 1
    # a test of another function that both runs have is not excused by ids of this one
    old = pin(report_of(of(**{"a__other": "passed", "a__t[red]": "passed"})), "c1")
    found = compare(
        old, report_of(of(**{"a__t[blue]": "passed", "a__new": "passed"})), Permits(), ["a::other", "a::t[x]"]
    )
    assert (found.missing, found.changing) == (("a::other",), ("a::t[red]",))


def test_words_that_change_from_run_to_run_are_counted_by_their_function() -> None:
    old = pin(report_of(of(**{"a__t[red]": "passed", "a__t[green]": "passed"})), "c1")
    again = ["a::t[blue]", "a::t[pink]"]
    two = report_of(of(**{"a__t[white]": "passed", "a__t[black]": "passed"}))
    one = report_of(of(**{"a__t[white]": "passed"}))
    assert compare(old, two, Permits(), again).missing == ()
    assert len(compare(old, one, Permits(), again).missing) == 1


def test_what_does_not_run_at_the_reference_by_now_either_is_absent() -> None:
    old = pin(report_of(of(a__one="passed", b__two="passed")), "c1")
    found = compare(old, report_of(of(a__one="passed")), Permits(), ["a::one"])
    assert (found.missing, found.absent) == ((), ("b::two",))


def test_a_changing_id_that_fails_now_is_a_new_failure_of_the_one_that_passed() -> None:
    old = pin(report_of({"a.py::t[0x7f0000000001]": Result(Outcome.PASSED)}), "c1")
    report = report_of({"a.py::t[0x7f0000000002]": Result(Outcome.FAILED)})
    found = compare(old, report, Permits(), ["a.py::t[0x7f0000000003]"])
    assert (found.new_failures, found.missing) == (("a.py::t[0x7f0000000002]",), ())


def test_a_changing_id_that_failed_before_is_pre_existing() -> None:
    old = pin(report_of({"a.py::t[0x7f0000000001]": Result(Outcome.FAILED)}), "c1")
    report = report_of({"a.py::t[0x7f0000000002]": Result(Outcome.FAILED)})
    found = compare(old, report, Permits(), ["a.py::t[0x7f0000000003]"])
    assert (found.pre_existing, found.missing) == (("a.py::t[0x7f0000000002]",), ())


def test_a_parameter_that_is_only_a_number_is_another_test() -> None:
    old = pin(report_of({"a.py::t[1]": Result(Outcome.PASSED)}), "c1")
    report = report_of({"a.py::t[2]": Result(Outcome.PASSED)})
    assert compare(old, report, Permits(), ["a.py::t[1]"]).missing == ("a.py::t[1]",)


def test_the_second_of_two_tests_of_one_name_is_missed() -> None:
    old = pin(report_of({"a > t": Result(Outcome.PASSED), "a > t #2": Result(Outcome.PASSED)}), "c1")
    assert compare(old, report_of({"a > t": Result(Outcome.PASSED)}), Permits()).missing == ("a > t #2",)


def test_a_test_that_passes_only_when_it_is_tried_again_is_settled_like_a_failure() -> None:
    old = pin(report_of({"a::t": Result(Outcome.PASSED), "b::t": Result(Outcome.PASSED, retried=True)}), "c1")
    new = report_of({"a::t": Result(Outcome.PASSED, retried=True), "b::t": Result(Outcome.PASSED, retried=True)})
    assert compare(old, new, Permits()).new_failures == ("a::t",)


def test_a_renamed_test_that_fails_now_is_a_new_failure_with_its_old_reference() -> None:
    old = pin(report_of({"old.py::one": Result(Outcome.PASSED)}), "c1")
    new = report_of({"new.py::one": Result(Outcome.FAILED)})
    found = compare(old, new, Permits(renames={"old.py": "new.py"}))
    assert found.new_failures == ("new.py::one",)
    assert advance(old, new, "c2", found, kept=()).tests["new.py::one"].passed_at == "c1"


def test_a_renamed_test_that_is_skipped_now_is_newly_skipped() -> None:
    old = pin(report_of({"old.py::one": Result(Outcome.PASSED)}), "c1")
    new = report_of({"new.py::one": Result(Outcome.SKIPPED)})
    assert compare(old, new, Permits(renames={"old.py": "new.py"})).newly_skipped == ("new.py::one",)


@pytest.mark.parametrize("kept", ["old.py::one", "new.py::one"])
def test_a_file_rename_explains_no_test_that_stands_on_both_sides_already(kept: str) -> None:
    old = pin(report_of({"old.py::one": Result(Outcome.PASSED), kept: Result(Outcome.PASSED)}), "c1")
    new = report_of({"new.py::one": Result(Outcome.PASSED), kept: Result(Outcome.PASSED)})
    assert compare(old, new, Permits(renames={"old.py": "new.py"})).renamed == ()


@given(expectations, reports, permits, st.frozensets(ids))
def test_the_expected_set_moves_forward_to_what_was_accepted(
    expected: Expected, report: Report, allowed: Permits, kept: frozenset[str]
) -> None:
    difference = compare(expected, report, allowed)
    moved = advance(expected, report, "new", difference, kept)
    assert moved.sha == "new"
    for id in expected.tests.keys() | report.tests.keys():
        was, now = expected.tests.get(id), report.tests.get(id)
        if now is None:
            assert id not in moved.tests
        elif id in kept:
            assert moved.tests[id] == (was or Expectation(Outcome.PASSED))
        else:
            passed = now.outcome is Outcome.PASSED
            before = was.passed_at if was else None
            wanted = Expectation(now.outcome, "new" if passed else before, now.signature, now.retried)
            assert moved.tests[id] == wanted


@given(reports)
def test_a_report_never_differs_from_the_set_that_it_was_pinned_as(report: Report) -> None:
    found = compare(pin(report, "c1"), report, Permits())
    assert found == Difference(pre_existing=report.failed())


@given(expectations, reports, permits)
def test_what_was_accepted_is_not_found_again(expected: Expected, report: Report, allowed: Permits) -> None:
    difference = compare(expected, report, allowed)
    moved = advance(expected, report, "new", difference, kept=())
    assert compare(moved, report, Permits()) == Difference(pre_existing=report.failed())


@pytest.mark.parametrize("outcome", ["skipped", "xfailed", "not-run"])
def test_a_test_that_a_person_accepted_as_lost_is_not_found_again(outcome: str) -> None:
    pinned = pin(report_of(of(one="passed")), "c0")
    now = report_of(of(one=outcome))
    assert compare(pinned, now, Permits()).newly_skipped == ("one",)
    assert compare(pinned, now, Permits(known=frozenset({"one"}))) == Difference()


def test_a_test_that_one_task_added_and_a_later_one_deletes_is_missing() -> None:
    pinned = pin(report_of(of(one="passed")), "c0")
    first = report_of(of(one="passed", added="passed"))
    second = advance(pinned, first, "c1", compare(pinned, first, Permits()), kept=())
    assert compare(second, report_of(of(one="passed")), Permits()).missing == ("added",)


def test_a_known_failure_that_was_mended_and_breaks_again_is_new() -> None:
    pinned = pin(report_of(of(one="failed")), "c0")
    mended = report_of(of(one="passed"))
    second = advance(pinned, mended, "c1", compare(pinned, mended, Permits()), kept=())
    assert second.tests["one"].passed_at == "c1"
    assert compare(second, report_of(of(one="failed")), Permits()).new_failures == ("one",)


def test_a_flake_that_was_accepted_red_is_a_new_failure_the_next_time() -> None:
    pinned = pin(report_of(of(one="passed")), "c0")
    red = report_of(of(one="failed"))
    moved = advance(pinned, red, "c1", compare(pinned, red, Permits()), kept=["one"])
    assert moved.tests["one"] == Expectation(Outcome.PASSED, "c0")
    assert compare(moved, red, Permits()).new_failures == ("one",)


@pytest.mark.parametrize(
    ("id", "glob", "wanted"),
    [
        ("a.py::t[1-2]", "a.py::t[1-2]", True),
        ("a.py::t1", "a.py::t[1-2]", False),
        ("a.py::t[x]", "a.py::t[*]", True),
        ("a.py::t[x]", "a.py::*", True),
        ("A.py::t", "a.py::t", False),
        ("a.py::t\nx", "a.py::*", True),
    ],
)
def test_only_star_and_question_mark_are_special_in_a_glob(id: str, glob: str, wanted: bool) -> None:
    assert matches(id, [glob]) is wanted


# -- tests that were moved, or got more parameters

BODY = "    total = add(1, 2)\n    assert total == 3\n"
PLAIN = f"def test_a():\n{BODY}"
IN_CLASS = "class TestX:\n    # moved\n" + "".join(
    f"    {line}\n" for line in PLAIN.replace("()", "(self)").splitlines()
)
MOVES = [
    ("a.py::test_a", PLAIN, "b.py::test_a", f"import x\n\n\n{PLAIN}"),
    ("a.py::test_a", PLAIN, "a.py::TestX::test_a", IN_CLASS),
    ("a.py::TestX::test_a", IN_CLASS, "b.py::test_a", PLAIN),
    ("a.py::TestX::test_a", IN_CLASS, "a.py::TestY::test_a", IN_CLASS.replace("TestX", "TestY")),
    ("a.py::test_a[1]", PLAIN, "b.py::test_a[1]", PLAIN),
    (
        "a.test.ts > adds",
        "test('adds', () => {\n  expect(add(1)).toBe(2)\n})\n",
        "b.test.ts > math > adds",
        "describe('math', () => {\n  test('adds', () => {\n    expect(add(1)).toBe(2)\n  })\n})\n",
    ),
]


def moved(old: str, before: str, new: str, after: str) -> Difference:
    expected = pin(report_of({old: Result(Outcome.PASSED)}), "c1")
    texts = {old.partition("::")[0].partition(" > ")[0]: before}, {new.partition("::")[0].partition(" > ")[0]: after}
    return compare(expected, report_of({new: Result(Outcome.PASSED)}), Permits(before=texts[0], after=texts[1]))


@pytest.mark.parametrize(("old", "before", "new", "after"), MOVES)
def test_a_test_with_the_same_code_elsewhere_was_moved(old: str, before: str, new: str, after: str) -> None:
    found = moved(old, before, new, after)
    assert (found.renamed, found.missing) == (((old, new),), ())


@pytest.mark.parametrize(("old", "before", "new", "after"), MOVES)
def test_a_test_of_the_same_name_with_other_code_is_another_test(old: str, before: str, new: str, after: str) -> None:
    weaker = after.replace("total == 3", "total").replace("toBe(2)", "toBeTruthy()")
    assert weaker != after
    for text in (weaker, "", "def test_a(:\n"):
        found = moved(old, before, new, text)
        assert (found.renamed, found.missing) == ((), (old,))


UNITTEST = """\
class TestX(unittest.TestCase):
    def test_a(self):
        total = add(1, 2)
        self.assertEqual(total, 3)
        self.assertTrue(total)
        self.assertFalse(add(0, 0), "nothing")
        self.assertIn(total, [3])
        self.assertIsNone(add())
        self.assertIsInstance(total, int)
        with self.assertRaises(ValueError):
            add("")
"""
PYTEST = """\
def test_a():
    total = add(1, 2)
    assert total == 3
    assert total
    assert not add(0, 0), "nothing"
    assert total in [3]
    assert add() is None
    assert isinstance(total, int)
    with pytest.raises(ValueError):
        add("")
"""


def test_a_test_of_unittest_written_for_pytest_is_the_same_test() -> None:
    found = moved("a.py::TestX::test_a", UNITTEST, "a.py::test_a", PYTEST)
    assert (found.renamed, found.missing) == ((("a.py::TestX::test_a", "a.py::test_a"),), ())
    for line in PYTEST.splitlines()[2:9]:
        assert moved("a.py::TestX::test_a", UNITTEST, "a.py::test_a", PYTEST.replace(line, "    pass")).missing


def test_a_test_of_pytest_is_not_the_same_with_methods_that_its_class_may_replace() -> None:
    assert moved("a.py::test_a", PYTEST, "a.py::TestX::test_a", UNITTEST).missing == ("a.py::test_a",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a.py::test_a", "a.py::test_b"),
        ("a.py::test_a[1]", "a.py::test_b[1]"),
        ("a.py::TestX::test_a", "a.py::TestX::test_b"),
    ],
)
def test_a_test_with_another_name_and_the_same_code_in_the_same_place_was_renamed(old: str, new: str) -> None:
    text = IN_CLASS if "TestX" in old else PLAIN
    after = text.replace("test_a", "test_b")
    found = moved(old, text, new, after)
    assert (found.renamed, found.missing) == (((old, new),), ())
    assert moved(old, text, new, after.replace("total == 3", "total")).missing == (old,)
    assert moved(old, text, new, after.replace("def", "@skip\n    def" if "TestX" in old else "@skip\ndef")).missing


def test_of_two_tests_with_the_same_code_none_was_renamed() -> None:
    expected = pin(report_of(of(**{"a.py__test_a": "passed", "a.py__test_b": "passed"})), "c1")
    before, after = PLAIN + PLAIN.replace("test_a", "test_b"), PLAIN.replace("test_a", "test_c")
    permits = Permits(before={"a.py": before}, after={"a.py": after})
    found = compare(expected, report_of(of(**{"a.py__test_c": "passed"})), permits)
    assert found.missing == ("a.py::test_a", "a.py::test_b")


def test_a_title_is_found_by_its_quotes_where_other_lines_hold_the_word() -> None:
    """The import of the function that is tested does not hide the test of that name."""
    head = "import { adds } from './adds.mjs'\n\n"
    old, new = MOVES[-1][1], MOVES[-1][3]
    found = moved("a.test.ts > adds", head + old, "a.test.ts > math > adds", head + new)
    assert found.renamed == (("a.test.ts > adds", "a.test.ts > math > adds"),)
    weaker = head + new.replace("toBe(2)", "toBeTruthy()")
    assert moved("a.test.ts > adds", head + old, "a.test.ts > math > adds", weaker).missing


def test_a_title_is_found_behind_the_titles_around_it() -> None:
    """As mocha writes them: all of them, with a space between."""
    old = "a.js > math adds two"
    text = "describe('math', () => {\n  it('adds two', () => {\n    equal(add(1), 2)\n  })\n})\n"
    expected = pin(report_of({old: Result(Outcome.PASSED)}), "c1")
    for new, after in (
        ("a.js > sums adds two", text.replace("math", "sums")),
        ("b.js > adds two", "it('adds two', () => {\n  equal(add(1), 2)\n})\n"),
    ):
        report = report_of({new: Result(Outcome.PASSED)})
        asked = wanted_files(expected, report)
        assert "a.js" in asked[0] and new[:4] in asked[1]
        permits = Permits(before={"a.js": text}, after={new[:4]: after})
        assert compare(expected, report, permits).renamed == ((old, new),)
        weaker = Permits(before={"a.js": text}, after={new[:4]: after.replace(", 2", ", add(1)")})
        assert compare(expected, report, weaker).missing == (old,)


@pytest.mark.parametrize(
    ("file", "old", "to", "new"),
    [
        ("shop/tests.py", "shop.tests.X.test_a", "shop/tests/test_a.py", "shop.tests.test_a.X.test_a"),
        ("tests/test_a.py", "tests.test_a.X.test_a", "tests/unit/test_b.py", "tests.unit.test_b.X.test_a"),
        ("tests/test_a.py", "test_a.X.test_a", "tests/unit/test_a.py", "unit.test_a.X.test_a"),
        ("a/t.py", "unittest: a/t.X.test_a", "a/u.py", "unittest: a/u.X.test_a"),
        ("a/t.py", "pytest: a/t.py::test_a", "a/u.py", "pytest: a/u.py::test_a"),
        ("src/shop.py", "src/shop.py::shop.price", "src/store.py", "src/store.py::store.price"),
        ("shop/a.py", "shop/a.py::shop.a.X.price", "shop/b/c.py", "shop/b/c.py::shop.b.c.X.price"),
        ("tests/a/__init__.py", "tests.a.X.test_a", "tests/a/test_a.py", "tests.a.test_a.X.test_a"),
    ],
)
def test_a_test_with_a_module_in_its_id_is_followed_when_its_file_is_renamed(
    file: str, old: str, to: str, new: str
) -> None:
    expected, report = pin(report_of({old: Result(Outcome.PASSED)}), "c1"), report_of({new: Result(Outcome.PASSED)})
    found = compare(expected, report, Permits(renames={file: to}))
    assert (found.renamed, found.missing) == (((old, new),), ())
    assert compare(expected, report, Permits(renames={f"x/{file}x": to})).missing == (old,)


def test_a_test_of_unittest_with_the_same_code_in_another_module_was_moved() -> None:
    old, new = "tests.test_a.TestX.test_a", "tests.test_b.TestY.test_a"
    expected = pin(report_of({old: Result(Outcome.PASSED)}), "c1")
    report = report_of({new: Result(Outcome.PASSED)})
    assert wanted_files(expected, report)[0] >= {"tests/test_a.py"}
    after = UNITTEST.replace("TestX", "TestY")
    for text, gone in ((after, ()), (after.replace("(total, 3)", "(total, total)"), (old,))):
        texts = Permits(before={"tests/test_a.py": UNITTEST}, after={"tests/test_b.py": text})
        assert compare(expected, report, texts).missing == gone


def test_a_doctest_of_a_function_that_moved_to_another_module_is_the_same() -> None:
    old, new = "shop/__init__.py::shop.add", "shop/sums.py::shop.sums.add"
    text = 'def add(a):\n    """Add.\n\n    >>> add(1)\n    2\n    """\n    return a + 1\n'
    expected = pin(report_of({old: Result(Outcome.PASSED)}), "c1")
    report = report_of({new: Result(Outcome.PASSED)})
    assert wanted_files(expected, report) == ({"shop/__init__.py"}, {"shop/sums.py"})
    for after, gone in ((text, ()), (text.replace("add(1)", "add(a)"), (old,)), (text.replace("a + 1", "2"), (old,))):
        permits = Permits(before={"shop/__init__.py": text}, after={"shop/sums.py": after})
        assert compare(expected, report, permits).missing == gone


def test_ids_that_change_are_counted_in_a_file_that_was_renamed_too() -> None:
    expected = pin(report_of(of(**{"a.py__t[1]": "passed", "a.py__t[2]": "passed"})), "c1")
    permits, again = Permits(renames={"a.py": "b.py"}), ["a.py::t[3]", "a.py::t[4]"]
    report = report_of(of(**{"b.py__t[5]": "passed", "b.py__t[6]": "passed"}))
    assert compare(expected, report, permits, again).missing == ()
    assert compare(expected, report, Permits(), again).missing == ("a.py::t[1]", "a.py::t[2]")
    less = report_of(of(**{"b.py__t[5]": "passed"}))
    assert len(compare(expected, less, permits, again).missing) == 1
    assert compare(expected, report, permits, ["a.py::t[1]", "a.py::t[2]"]).missing == ("a.py::t[1]", "a.py::t[2]")


@pytest.mark.parametrize("line", ["@pytest.mark.skipif(SLOW)\n", "@patch('shop.add')\n", "@retry\n"])
def test_a_decorator_is_part_of_a_tests_code(line: str) -> None:
    assert moved("a.py::test_a", PLAIN, "b.py::test_a", line + PLAIN).missing == ("a.py::test_a",)


def test_of_two_tests_with_one_twin_neither_was_moved() -> None:
    expected = pin(report_of(of(**{"a.py__test_a": "passed", "b.py__test_a": "passed"})), "c1")
    texts = dict.fromkeys(("a.py", "b.py", "c.py"), PLAIN)
    found = compare(expected, report_of(of(**{"c.py__test_a": "passed"})), Permits(before=texts, after=texts))
    assert found.missing == ("a.py::test_a", "b.py::test_a")


def test_a_moved_test_that_fails_or_is_skipped_now_is_held_against_its_old_outcome() -> None:
    expected = pin(report_of(of(**{"a.py__test_a": "passed"})), "c1")
    permits = Permits(before={"a.py": PLAIN}, after={"b.py": PLAIN})
    for outcome, name in (("failed", "new_failures"), ("skipped", "newly_skipped")):
        found = compare(expected, report_of(of(**{"b.py__test_a": outcome})), permits)
        assert getattr(found, name) == ("b.py::test_a",)


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        (["t"], ["t[1]", "t[2]"], []),
        (["t[x]", "t[y]"], ["t[x-1]", "t[x-2]", "t[y-1]"], []),
        (["t[x]"], ["t[1-x]"], []),
        (["t[x]", "t[y]"], ["t[x-1]"], ["t[y]"]),
        (["t[x]"], ["t[y-1]"], ["t[x]"]),
        (["t[x]"], ["t"], ["t[x]"]),
        (["t[1]", "t[2]", "t[3]"], ["t[1]", "t[2]"], ["t[3]"]),
        (["t"], ["u[1]"], ["t"]),
    ],
)
def test_a_function_with_more_parameters_is_the_same_test(old: list[str], new: list[str], missing: list[str]) -> None:
    expected = pin(report_of({f"a.py::{name}": Result(Outcome.PASSED) for name in old}), "c1")
    found = compare(expected, report_of({f"a.py::{name}": Result(Outcome.PASSED) for name in new}), Permits())
    assert found.missing == tuple(f"a.py::{name}" for name in missing)


@given(st.sets(st.integers(1, 90), max_size=4), st.sets(st.integers(1, 90), max_size=4))
def test_examples_in_documents_are_counted_by_file(then: set[int], now: set[int]) -> None:
    """They are named by their line, which each line above them moves."""
    old = pin(report_of({f"src/lib.rs - add (line {n})": Result(Outcome.PASSED) for n in then}), "c1")
    report = report_of({f"src/lib.rs - add (line {n})": Result(Outcome.PASSED) for n in now})
    assert len(compare(old, report, Permits()).missing) == max(0, len(then) - len(now))


def test_a_failure_of_a_known_flake_in_the_baseline_is_settled_again() -> None:
    pinned = pin(report_of(of(one="failed", two="failed")), "c0")
    red = report_of(of(one="failed", two="failed"))
    found = compare(doubt_failures(pinned, ["one"]), red, Permits())
    assert (found.new_failures, found.pre_existing) == (("one",), ("two",))


def test_a_suite_whose_parameters_all_changed_is_compared_in_linear_time() -> None:
    """A quadratic comparison of these would take minutes."""
    then = {f"a.py::t[{n}-old]": Result(Outcome.PASSED) for n in range(5_000)}
    now = {f"a.py::t[{n}-new]": Result(Outcome.PASSED) for n in range(5_000)}
    found = compare(pin(report_of(then), "c1"), report_of(now), Permits(), list(then))
    assert len(found.missing) == 5_000


def test_code_that_cannot_be_parsed_proves_nothing() -> None:
    deep = "def test_a():\n    return " + "(" * 5000 + ")" * 5000 + "\n"
    long = "def test_a():\n    return " + "+".join(["1"] * 20_000) + "\n"
    for text in (deep, long, "\0", "def test_a(): return '\\d'"):
        moved("a.py::test_a", text, "b.py::test_a", text)
