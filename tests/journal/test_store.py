"""The store of reports and expected sets, with real files."""

from __future__ import annotations

import multiprocessing
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from superteam.core.baseline import Expectation, Expected
from superteam.core.results import Completeness, Granularity, Outcome, Shape
from superteam.core.results import TestReport as Report
from superteam.core.results import TestResult as Result
from superteam.errors import JournalError
from superteam.journal.store import Store
from superteam.testing import MemoryReports

FAST = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Ids and messages are what anybody's program printed: surrogates, newlines and control characters included.
texts = st.text(st.characters(exclude_categories=()), max_size=12)
outcomes = st.sampled_from(Outcome)
reports = st.builds(
    Report,
    format=st.sampled_from(["junit", "pytest"]),
    granularity=st.sampled_from(Granularity),
    completeness=st.sampled_from(Completeness),
    tests=st.dictionaries(texts, st.builds(Result, outcomes, texts, texts), max_size=5),
    suite_errors=st.lists(texts, max_size=2).map(tuple),
)
shas = st.sampled_from(["a" * 40, "b" * 40, "c" * 40])
expected_sets = st.builds(
    Expected,
    sha=shas,
    shape=st.builds(Shape, st.sampled_from(Granularity), st.sampled_from(["", "pytest"])),
    tests=st.dictionaries(texts, st.builds(Expectation, outcomes, st.none() | shas, texts), max_size=5),
)

ONE = Report("junit", Granularity.TESTS, Completeness.COMPLETE, {"a::b": Result(Outcome.FAILED, "boom", "Boom")})
SET = Expected("a" * 40, Shape(Granularity.TESTS), {"a::b": Expectation(Outcome.PASSED, "a" * 40)})


@FAST
@given(reports)
def test_a_report_comes_back_as_it_was(tmp_path: Path, report: Report) -> None:
    store = Store(tmp_path / "baselines")
    found = Store(tmp_path / "baselines").load_report(store.save_report(report))
    assert found == report
    assert list(found.tests) == list(report.tests)


@FAST
@given(expected_sets)
def test_an_expected_set_comes_back_as_it_was(tmp_path: Path, expected: Expected) -> None:
    store = Store(tmp_path)
    assert store.load_expected(store.save_expected(expected)) == expected


@FAST
@given(reports, reports)
def test_names_are_the_content(tmp_path: Path, one: Report, other: Report) -> None:
    store = Store(tmp_path)
    same = one == other and list(one.tests) == list(other.tests)
    assert (store.save_report(one) == store.save_report(other)) == same


def test_what_is_kept_already_is_not_written_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    before = (tmp_path / f"{store.save_report(ONE)}.json").stat()
    after = (tmp_path / f"{store.save_report(ONE)}.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert len(list(tmp_path.iterdir())) == 1


def test_documents_are_private_and_begin_with_their_schema(tmp_path: Path) -> None:
    store = Store(tmp_path / "baselines")
    for name in (store.save_report(ONE), store.save_expected(SET)):
        path = tmp_path / "baselines" / f"{name}.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text().startswith('{"schema":"superteam.')
    assert stat.S_IMODE((tmp_path / "baselines").stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["report", "expected"])
def test_every_flipped_bit_is_noticed(tmp_path: Path, kind: str) -> None:
    store = Store(tmp_path)
    name = store.save_report(ONE) if kind == "report" else store.save_expected(SET)
    load = store.load_report if kind == "report" else store.load_expected
    path = tmp_path / f"{name}.json"
    whole = path.read_bytes()
    for place in range(0, len(whole) * 8, 7):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(JournalError, match="damaged"):
            load(name)


def test_a_document_that_is_gone_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(JournalError, match="feed"):
        store.load_report("feed")


def test_a_half_written_document_of_a_killed_process_is_not_taken_for_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    name = store.save_report(ONE)
    path = tmp_path / f"{name}.json"
    path.rename(tmp_path / f"{name}.json.1.part")
    with pytest.raises(JournalError):
        store.load_report(name)
    assert store.save_report(ONE) == name
    assert store.load_report(name) == ONE


def save_many(folder: Path) -> None:
    for _ in range(30):
        Store(folder).save_report(ONE)


def test_two_processes_that_keep_the_same_report_do_not_disturb_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=save_many, args=(tmp_path,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert Store(tmp_path).load_report(Store(tmp_path).save_report(ONE)) == ONE


def test_a_hundred_thousand_tests_are_kept_in_columns(tmp_path: Path) -> None:
    """About the ids themselves and little more; nobody pays for the names of fields a hundred thousand times."""
    tests = {f"tests/test_{i // 100}.py::test_{i}": Result(Outcome.PASSED) for i in range(100_000)}
    report = replace(ONE, tests=tests)
    store = Store(tmp_path)
    name = store.save_report(report)
    ids = sum(len(id) + 3 for id in tests)
    assert (tmp_path / f"{name}.json").stat().st_size < ids + 12 * len(tests)
    assert store.load_report(name) == report


def test_the_store_in_memory_keeps_the_same_promises() -> None:
    store = MemoryReports()
    assert store.load_report(store.save_report(ONE)) == ONE
    assert store.load_expected(store.save_expected(SET)) == SET
    with pytest.raises(KeyError):
        store.load_report("feed")
