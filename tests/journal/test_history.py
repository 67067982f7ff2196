from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.core.results import (
    Completeness,
    Execution,
    Exit,
    Granularity,
    Outcome,
    RunVerdict,
    TestReport,
    TestResult,
    Verdict,
)
from superteam.errors import JournalError
from superteam.journal import history
from superteam.journal.history import History

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # hundreds of small databases: no disk has to wait for them
NOW = "2026-01-02T03:04:05Z"
GOOD = (Outcome.PASSED, Outcome.XPASSED)
BAD = (Outcome.FAILED, Outcome.ERRORED, Outcome.TIMED_OUT)
PASSED = TestResult(Outcome.PASSED)


def failed(signature: str = "AssertionError at calc.py") -> TestResult:
    return TestResult(Outcome.FAILED, "a message", signature, 0.5)


def execution(
    tests: Mapping[str, TestResult], *, verdict: Verdict | None = None, command: str = "pytest -q"
) -> Execution:
    word: Verdict = verdict or ("fail" if any(result.outcome.bad for result in tests.values()) else "pass")
    report = TestReport("pytest", Granularity.TESTS, Completeness.COMPLETE, dict(tests))
    return Execution(report, Exit(0), RunVerdict(word), command, command, "")


def keep(
    store: History,
    tests: Mapping[str, TestResult],
    *,
    tree: str = "tree1",
    environment: str = "env1",
    verdict: Verdict | None = None,
    command: str = "pytest -q",
    at: str = NOW,
) -> None:
    done = execution(tests, verdict=verdict, command=command)
    store.record(done, tree=tree, purpose="validate", at=at, environment=environment)


def rows(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def test_an_execution_is_kept_with_outcome_duration_signature_and_order(path: Path) -> None:
    tests = {
        "t.py::b": TestResult(Outcome.PASSED, duration_s=0.25),
        "t.py::never": TestResult(Outcome.NOT_RUN),
        "t.py::a": failed("KeyError at x.py"),
        "t.py::s": TestResult(Outcome.SKIPPED),
    }
    keep(History(path), tests, tree="abc")
    found = rows(
        path,
        "SELECT CAST(t.name AS TEXT), outcome, duration_s, CAST(s.name AS TEXT), place FROM outcomes "
        "JOIN names t ON t.id = test LEFT JOIN names s ON s.id = signature ORDER BY place",
    )
    assert found == [
        ("t.py::b", "passed", 0.25, None, 0),
        ("t.py::a", "failed", 0.5, "KeyError at x.py", 1),
        ("t.py::s", "skipped", None, None, 2),
    ]
    run = "SELECT tree, purpose, verdict, at, outcomes FROM executions"
    assert rows(path, run) == [("abc", "validate", "fail", NOW, 3)]


@pytest.mark.parametrize("bad_first", [True, False])
def test_both_outcomes_on_one_tree_prove_a_flake(path: Path, bad_first: bool) -> None:
    store = History(path)
    for bad in (bad_first, not bad_first):
        keep(store, {"a": failed("boom") if bad else PASSED, "b": PASSED})
    assert store.known_flakes("pytest -q", ["a", "b"]) == {"a": frozenset({"boom"})}
    assert store.known_flakes("pytest -q", ["b"]) == {}
    assert store.known_flakes("pytest -x", ["a"]) == {}
    store.close()
    assert History(path).known_flakes("pytest -q", iter(["a"])) == {"a": frozenset({"boom"})}


@pytest.mark.parametrize(
    "other",
    [
        {"tree": "tree2"},
        {"environment": "env2"},
        {"command": "pytest -x"},
        {"verdict": "inconclusive"},
    ],
)
def test_a_pass_somewhere_else_or_in_an_unsound_run_proves_nothing(path: Path, other: dict[str, Any]) -> None:
    store = History(path)
    keep(store, {"a": failed()})
    keep(store, {"a": PASSED}, **other)
    keep(store, {"a": failed()})
    assert store.known_flakes("pytest -q", ["a"]) == {}
    assert store.known_flakes("pytest -x", ["a"]) == {}


def test_a_skip_says_nothing(path: Path) -> None:
    store = History(path)
    keep(store, {"a": failed()})
    keep(store, {"a": TestResult(Outcome.SKIPPED)})
    keep(store, {"a": TestResult(Outcome.XFAILED)})
    assert store.known_flakes("pytest -q", ["a"]) == {}


RESULT = st.builds(TestResult, st.sampled_from(Outcome), st.just(""), st.sampled_from(["", "s1", "s2"]))
RUN = st.fixed_dictionaries(
    {
        "tests": st.dictionaries(st.sampled_from("abc"), RESULT),
        "tree": st.sampled_from(["tree1", "tree2"]),
        "environment": st.sampled_from(["env1", "env2"]),
        "command": st.sampled_from(["one", "two"]),
        "verdict": st.sampled_from(["pass", "fail", "fail", "inconclusive"]),
    }
)


def oracle(runs: Sequence[Mapping[str, Any]], command: str) -> dict[str, frozenset[str]]:
    """Every pair of runs, looked at one by one."""
    found: dict[str, frozenset[str]] = {}
    for one in runs:
        for two in runs:
            same = all(one[name] == two[name] for name in ("tree", "environment", "command"))
            if not same or one["command"] != command or "inconclusive" in (one["verdict"], two["verdict"]):
                continue
            for key, result in one["tests"].items():
                if result.outcome in BAD and key in two["tests"] and two["tests"][key].outcome in GOOD:
                    found[key] = found.get(key, frozenset()) | {result.signature}
    return found


@settings(max_examples=100, deadline=None)
@given(st.lists(RUN, max_size=10))
def test_known_flakes_are_those_that_all_pairs_of_runs_show(runs: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, closing(History(Path(folder) / "history.sqlite")) as store:
        for run in runs:
            keep(store, **run)
        for command in ("one", "two"):
            expected = oracle(runs, command)
            assert store.known_flakes(command, "abc") == expected
            assert store.known_flakes(command, "a") == {key: expected[key] for key in expected if key == "a"}


HOSTILE = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["", "\x00", "a\x00b", "\ud800", "\ud83d\ude00", "😀", "'; DROP TABLE outcomes; --", "?", ":x", "%", "\n", "-x"]
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(HOSTILE, HOSTILE, max_size=6), HOSTILE, HOSTILE)
def test_any_text_comes_back_as_it_was(tests: dict[str, str], command: str, environment: str) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, closing(History(Path(folder) / "history.sqlite")) as store:
        keep(store, {key: failed(text) for key, text in tests.items()}, command=command, environment=environment)
        keep(store, dict.fromkeys(tests, PASSED), command=command, environment=environment)
        expected = {key: frozenset({text}) for key, text in tests.items()}
        assert store.known_flakes(command, tests) == expected


def test_reading_makes_no_file(path: Path) -> None:
    assert History(path).known_flakes("pytest -q", ["a"]) == {}
    assert not path.exists()


def test_the_file_and_its_folder_are_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keep(History(tmp_path / "new" / "history.sqlite"), {"a": PASSED})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "history.sqlite").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["history.sqlite"]


def test_the_name_of_the_folder_may_hold_anything(tmp_path: Path) -> None:
    folder = tmp_path / "ä b?mode=ro#%20'"
    store = History(folder / "history.sqlite")
    keep(store, {"a": failed("boom")})
    keep(store, {"a": PASSED})
    assert store.known_flakes("pytest -q", ["a"]) == {"a": frozenset({"boom"})}
    assert [entry.name for entry in folder.iterdir()] == ["history.sqlite"]


def test_closing_twice_does_no_harm_and_the_next_call_opens_again(path: Path) -> None:
    store = History(path)
    keep(store, {"a": PASSED})
    store.close()
    store.close()
    keep(store, {"a": PASSED})
    assert rows(path, "SELECT COUNT(*) FROM executions") == [(2,)]


def test_old_executions_are_forgotten_and_what_they_proved_is_not(path: Path) -> None:
    store = History(path, kept=100)
    keep(store, {"flaky": failed("boom")})
    keep(store, {"flaky": PASSED})
    for number in range(60):
        keep(store, {f"run{number}::{test}": failed(f"s{number}") for test in range(9)}, tree=f"tree{number}")
        assert rows(path, "SELECT COUNT(*) FROM outcomes")[0][0] <= 125
    assert store.known_flakes("pytest -q", ["flaky"]) == {"flaky": frozenset({"boom"})}
    assert rows(path, "SELECT MAX(id), COUNT(*) <= 12 FROM executions") == [(62, 1)]
    assert rows(path, "SELECT COUNT(*) FROM outcomes WHERE execution NOT IN (SELECT id FROM executions)") == [(0,)]
    assert rows(path, "SELECT COUNT(*) < 150 FROM names") == [(1,)]
    names = {name for (name,) in rows(path, "SELECT CAST(name AS TEXT) FROM names")}
    assert {"flaky", "boom", "pytest -q", "env1", "run59::8", "s59"} <= names
    assert "run0::0" not in names


def test_the_newest_executions_are_kept_whole(path: Path) -> None:
    store = History(path, kept=20)
    for number in range(30):
        keep(store, {f"{number}::{test}": PASSED for test in range(3)}, tree=str(number))
    found = rows(path, "SELECT tree FROM executions ORDER BY id DESC LIMIT 5")
    assert found == [(str(number),) for number in (29, 28, 27, 26, 25)]
    assert rows(path, "SELECT execution, COUNT(*) FROM outcomes WHERE execution > 25 GROUP BY execution") == [
        (number, 3) for number in range(26, 31)
    ]


def test_an_execution_beyond_the_limit_is_still_kept_while_it_is_the_newest(path: Path) -> None:
    store = History(path, kept=3)
    for tree in ("one", "two"):
        keep(store, {str(test): PASSED for test in range(50)}, tree=tree)
    assert rows(path, "SELECT tree, outcomes FROM executions") == [("two", 50)]
    assert rows(path, "SELECT COUNT(*) FROM outcomes") == [(50,)]


def test_executions_without_any_outcome_are_bounded_too(path: Path) -> None:
    store = History(path, kept=8)
    for _ in range(40):
        keep(store, {}, verdict="inconclusive")
    assert rows(path, "SELECT COUNT(*) FROM executions")[0][0] <= 10


def test_proofs_are_bounded_and_the_newest_stay(path: Path) -> None:
    store = History(path, kept=4)
    for number in range(20):
        at = f"2026-01-02T03:04:{number:02}Z"
        keep(store, {f"t{number}": failed()}, tree=str(number), at=at)
        keep(store, {f"t{number}": PASSED}, tree=str(number), at=at)
    assert rows(path, "SELECT COUNT(*) FROM flakes")[0][0] <= 6
    assert set(store.known_flakes("pytest -q", [f"t{number}" for number in range(20)])) >= {"t19", "t18", "t17"}


def test_a_flake_that_is_seen_again_on_its_tree_is_as_new_as_its_newest_proof(path: Path) -> None:
    store = History(path)
    for at in ("2026-01-02T03:04:05Z", "2026-02-02T03:04:05Z"):
        keep(store, {"a": failed()}, tree="tree1", at=at)
        keep(store, {"a": PASSED}, tree="tree1", at=at)
    assert rows(path, "SELECT tree, at FROM flakes") == [("tree1", "2026-02-02T03:04:05Z")]


def test_what_is_flaky_on_the_tree_of_a_change_is_no_flake_of_the_trees_before_it(path: Path) -> None:
    store = History(path)
    for tree, id in (("before", "old"), ("change", "racy")):
        keep(store, {id: failed()}, tree=tree)
        keep(store, {id: PASSED}, tree=tree)
    assert set(store.known_flakes("pytest -q", ["old", "racy"])) == {"old", "racy"}
    assert set(store.known_flakes("pytest -q", ["old", "racy"], {"before", "older"})) == {"old"}


def record_many(path: str, name: str, times: int) -> None:
    for number in range(times):
        keep(History(Path(path)), {f"{name}::{number}": PASSED, "shared": PASSED}, tree=name)


def test_two_processes_can_begin_and_write_one_file_at_once(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=record_many, args=(str(path), name, 25)) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert rows(path, "SELECT tree, COUNT(*), SUM(outcomes) FROM executions GROUP BY tree ORDER BY tree") == [
        ("one", 25, 50),
        ("two", 25, 50),
    ]
    assert rows(path, "SELECT COUNT(*) FROM outcomes") == [(100,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_one_history_can_be_used_by_several_threads(path: Path) -> None:
    store = History(path)
    tests = {f"test_{number}": PASSED for number in range(300)}
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for _ in range(10):
            keep(store, tests)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert rows(path, "SELECT COUNT(*) FROM executions WHERE outcomes = 300") == [(40,)]


ENDLESS = """
import sys
from pathlib import Path
from superteam.core.results import *
from superteam.journal.history import History
store = History(Path(sys.argv[1]), kept=9000)
tests = {f"test_{n}": TestResult(Outcome.PASSED) for n in range(2000)}
report = TestReport("pytest", Granularity.TESTS, Completeness.COMPLETE, tests)
done = Execution(report, Exit(0), RunVerdict("pass"), "pytest", "pytest", "")
while True:
    store.record(done, tree="t", purpose="p", at="2026", environment="e")
    print("kept", flush=True)
"""


def test_a_killed_writer_leaves_only_whole_executions(path: Path) -> None:
    for kept in range(1, 5):
        argv = [sys.executable, "-c", ENDLESS, str(path)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(kept):
                assert writer.stdout.readline() == "kept\n"
            writer.send_signal(signal.SIGKILL)
        keep(History(path), {"a": PASSED})
        torn = "SELECT id FROM executions e WHERE outcomes <> (SELECT COUNT(*) FROM outcomes WHERE execution = e.id)"
        assert rows(path, torn) == []
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_file_that_is_in_use_for_too_long_is_an_error_that_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PATIENCE_S", 0.05)
    store = History(path)
    keep(store, {"a": PASSED})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalError, match="in use by another process"):
            keep(store, {"a": PASSED})
        other.execute("ROLLBACK")
    keep(store, {"a": PASSED})
    assert rows(path, "SELECT COUNT(*) FROM executions") == [(2,)]


def test_a_damaged_file_is_an_error_with_the_cure_and_stays_as_it_is(path: Path) -> None:
    damage = b"this is no database, " * 300
    path.write_bytes(damage)
    store = History(path)
    for call in (lambda: keep(store, {"a": PASSED}), lambda: store.known_flakes("pytest -q", ["a"])):
        with pytest.raises(JournalError) as caught:
            call()
        assert str(path) in caught.value.message
        assert caught.value.hint is not None and f"mv {path}* /tmp/" in caught.value.hint
    assert path.read_bytes() == damage
    path.rename(path.with_name("away"))
    keep(store, {"a": PASSED})
    assert rows(path, "SELECT COUNT(*) FROM executions") == [(1,)]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE TABLE bookmarks (url TEXT)", "of another program"),
        ("PRAGMA application_id = 77", "of another program"),
        (f"PRAGMA application_id = {history.APPLICATION}; PRAGMA user_version = 99", "of version 99"),
        (f"PRAGMA application_id = {history.APPLICATION}; PRAGMA user_version = 1", "is damaged: no such table"),
    ],
)
def test_a_foreign_database_is_refused_and_not_changed(path: Path, statement: str, said: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statement)
    before = path.read_bytes()
    with pytest.raises(JournalError, match=said) as caught:
        keep(History(path), {"a": PASSED})
    assert caught.value.hint is not None and "mv " in caught.value.hint
    assert path.read_bytes() == before


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=40)), min_size=1, max_size=6))
def test_whatever_is_damaged_in_the_file_nothing_but_a_journal_error_comes_of_it(
    wounds: list[tuple[int, bytes]],
) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder) / "history.sqlite"
        shutil.copy(_healthy(), path)
        with path.open("r+b") as file:
            for offset, junk in wounds:
                file.seek(offset % path.stat().st_size)
                file.write(junk)
        with closing(History(path, kept=10)) as store:
            for _ in range(2):
                try:
                    keep(store, {"a": PASSED, "b": failed()})
                    store.known_flakes("pytest -q", ["a", "b"])
                except JournalError as error:
                    assert error.hint


_made: list[tempfile.TemporaryDirectory[str]] = []


def _healthy() -> Path:
    """A small database with some of everything, made once."""
    if not _made:
        _made.append(tempfile.TemporaryDirectory())
        with closing(History(Path(_made[0].name) / "history.sqlite")) as store:
            for number in range(6):
                keep(store, {"a": PASSED, "b": failed(f"s{number}"), f"n{number}": PASSED})
                keep(store, {"a": failed(), "b": PASSED})
    return Path(_made[0].name) / "history.sqlite"


def test_a_folder_in_which_nothing_can_be_made_is_a_journal_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file" / "history.sqlite", Path("/proc/superteam/history.sqlite")):
        with pytest.raises(JournalError, match="cannot be opened") as caught:
            keep(History(place), {"a": PASSED})
        assert caught.value.hint


def test_something_else_in_the_place_of_the_file_is_a_journal_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(JournalError):
        keep(History(path), {"a": PASSED})
    path.rmdir()
    path.symlink_to(path.with_name("nowhere"))
    with pytest.raises(JournalError):
        keep(History(path), {"a": PASSED})
    assert not path.with_name("nowhere").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_history_can_be_read_and_a_record_is_a_journal_error(path: Path) -> None:
    store = History(path)
    keep(store, {"a": failed("boom")})
    keep(store, {"a": PASSED})
    store.close()
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        assert store.known_flakes("pytest -q", ["a"]) == {"a": frozenset({"boom"})}
        with pytest.raises(JournalError, match="cannot be read or written"):
            keep(store, {"a": PASSED})
    finally:
        path.parent.chmod(0o700)


def test_a_full_disk_is_a_journal_error_and_what_was_kept_before_stays(path: Path) -> None:
    store = History(path)
    keep(store, {"a": failed("boom")})
    keep(store, {"a": PASSED})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50_000, hard))
    try:
        with pytest.raises(JournalError, match="cannot be read or written") as caught:
            keep(store, {f"test_{number}": PASSED for number in range(20_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.hint is not None and "make room" in caught.value.hint
    keep(store, {"b": PASSED})
    assert rows(path, "SELECT outcomes FROM executions") == [(1,), (1,), (1,)]
    assert store.known_flakes("pytest -q", ["a"]) == {"a": frozenset({"boom"})}


def test_a_full_database_is_a_journal_error_that_asks_for_room(path: Path) -> None:
    store = History(path)
    with store._opened() as connection:
        connection.execute("PRAGMA max_page_count = 10")  # SQLite says of it what it says of a full disk
    with pytest.raises(JournalError, match="cannot be read or written") as caught:
        keep(store, {f"test_{number}": PASSED for number in range(5_000)})
    assert caught.value.hint is not None and "make room" in caught.value.hint


def test_names_of_a_wrong_type_do_no_harm(path: Path) -> None:
    store = History(path)
    for result in (failed("boom"), PASSED):
        keep(store, {"a": result, "b": result, "c": result})
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE other AS SELECT id, CAST(name AS TEXT) AS name FROM names;"
            "UPDATE other SET name = NULL WHERE name = 'b'; UPDATE other SET name = 7 WHERE name = 'c';"
            "DROP TABLE names; ALTER TABLE other RENAME TO names; UPDATE names SET name = x'7079' WHERE name LIKE 'py%'"
        )
    assert store.known_flakes("py", ["a", "b", "c"]) == {"a": frozenset({"boom"})}


def test_a_history_that_is_moved_away_during_a_run_is_begun_anew_after_one_error_at_most(path: Path) -> None:
    store = History(path)
    keep(store, {"a": PASSED})
    path.rename(path.with_name("away"))
    try:
        keep(store, {"a": PASSED})
    except JournalError as error:
        assert error.hint
        keep(store, {"a": PASSED})
    assert rows(path, "SELECT COUNT(*) FROM executions") == [(1,)]


def test_a_fast_command_does_not_load_sqlite() -> None:
    code = "import sys, superteam.journal.history; sys.exit('sqlite3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
