"""Small inputs that once cost gigabytes or minutes: nesting, taken names, endless tokens, repeated ends."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from superteam.core.results import Completeness, Outcome, TestReport
from superteam.reports import xml_document
from superteam.reports.cases import Cases, free_key
from superteam.reports.formats import reader


def read(format: str, text: str) -> TestReport:
    return reader(format).read(io.BytesIO(text.encode()))


def test_brackets_in_brackets_cost_no_more_than_their_size():
    tracemalloc.start()
    try:
        report = read("jest", '{"testResults":' + "[" * 60_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "nested deeper" in report.damage
    assert peak < 60_000_000


def test_suites_in_suites_are_damage_beyond_a_depth():
    report = read("junit", '<testsuite name="a"><testcase name="b"/>' * 300)
    assert report.completeness is Completeness.PARTIAL
    assert "nested deeper" in report.damage
    assert report.tests


def test_an_endless_tag_is_damage(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(xml_document, "_TOKEN", 2**20)
    report = read("junit", '<testsuite name="a"><testcase name="b"/><testcase name="' + "x" * (3 * 2**20))
    assert report.completeness is Completeness.PARTIAL
    assert "more than 1 MB" in report.damage


def test_a_long_tag_below_the_limit_is_read():
    report = read("junit", '<testsuite name="a"><testcase name="b" file="' + "x" * 2**20 + '"/></testsuite>')
    assert report.completeness is Completeness.COMPLETE


def test_each_test_of_one_name_gets_a_key_of_its_own_where_names_are_taken():
    cases = Cases()
    for number in range(2, 3000):
        cases.add(f"a #{number}", Outcome.PASSED)
    keys = [cases.add("a", Outcome.PASSED) for _ in range(3000)]
    assert len(cases.tests) == 2998 + 3000
    assert keys[:2] == ["a", "a #3000"]


class Counted(dict[str, None]):
    """A dictionary that knows how often it was asked."""

    asked = 0

    def __contains__(self, key: object) -> bool:
        self.asked += 1
        return super().__contains__(key)


def test_no_number_of_a_name_is_tried_twice():
    taken, last = Counted.fromkeys(f"a #{number}" for number in range(2, 1000)), dict[str, int]()
    for _ in range(1000):
        taken[free_key("a", taken, last)] = None
    assert len(taken) == 998 + 1000
    assert taken.asked < 4 * len(taken)


def test_a_tag_of_many_attributes_is_damage_before_it_costs_seconds():
    attributes = " ".join(f'a{number}=""' for number in range(500_000))
    report = read("junit", f'<testsuite name="a"><testcase name="b"/><testcase {attributes}/></testsuite>')
    assert report.completeness is Completeness.PARTIAL
    assert "more than 4 MB" in report.damage


def test_a_package_that_failed_is_not_taken_back_by_a_second_end():
    lines = ["start", "fail", "pass"]
    report = read("go", "".join(f'{{"Action":"{action}","Package":"p"}}\n' for action in lines))
    assert any("failed outside of its tests" in error for error in report.suite_errors)
