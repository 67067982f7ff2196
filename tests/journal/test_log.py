from __future__ import annotations

import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superteam.errors import JournalError
from superteam.journal.log import Journal, Record, encode, read

EVENTS: list[dict[str, Any]] = [
    {"kind": "RunStarted", "plan": "plan.md"},
    {"kind": "StepStarted", "key": "attempt:1#1", "text": 'a "crc":"00000000"} inside\n'},
    {"kind": "GateFinished", "output": "ünïcode \ud800 \x00 \u2028", "numbers": [1, 2.5, None, True]},
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
events = st.dictionaries(st.text(), json_values, max_size=4)


def write(path: Path, items: list[dict[str, Any]]) -> list[Record]:
    journal = Journal.create(path)
    for number, event in enumerate(items, 1):
        journal.append(f"t{number}", event)
    journal.close()
    return [Record(number, f"t{number}", event) for number, event in enumerate(items, 1)]


def read_bytes(folder: Path, data: bytes) -> list[Record]:
    path = folder / "copy.jsonl"
    path.write_bytes(data)
    return read(path)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """A full disk, as near as one gets without being root: the kernel cuts writes at this size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_what_was_appended_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    records = write(path, EVENTS)
    assert read(path) == records


@given(st.lists(events, max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_json_event_survives_the_round_trip(tmp_path_factory: pytest.TempPathFactory, items: list[Any]) -> None:
    path = tmp_path_factory.mktemp("j") / "journal.jsonl"
    records = write(path, items)
    assert read(path) == records


def test_a_line_has_the_documented_form(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, [{"kind": "é"}])
    form = (
        rb'\{"schema":"superteam\.journal\.v1","seq":1,"at":"t1","event":\{"kind":"\\u00e9"\},"crc":"[0-9a-f]{8}"\}\n'
    )
    assert re.fullmatch(form, path.read_bytes())
    assert json.loads(path.read_bytes())["seq"] == 1


def test_the_file_and_its_new_folders_are_private(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "r1" / "journal.jsonl"
    Journal.create(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


def test_an_existing_journal_is_never_created_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    records = write(path, EVENTS)
    with pytest.raises(JournalError, match="cannot be created"):
        Journal.create(path)
    assert read(path) == records


def test_an_empty_journal_has_no_records(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal.create(path).close()
    assert read(path) == []
    journal, records = Journal.open(path)
    journal.close()
    assert records == []


def test_an_opened_journal_goes_on_with_the_next_number(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    before = write(path, EVENTS)
    journal, found = Journal.open(path)
    journal.append("t4", {"kind": "RunEnded"})
    journal.close()
    assert found == before
    assert read(path) == [*before, Record(4, "t4", {"kind": "RunEnded"})]


def test_a_missing_journal_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for action in (read, Journal.open):
        with pytest.raises(JournalError, match=re.escape(str(path))):
            action(path)
    assert not path.exists()


def test_a_link_is_not_followed_when_writing(tmp_path: Path) -> None:
    target = tmp_path / "target.jsonl"
    write(target, EVENTS)
    link = tmp_path / "journal.jsonl"
    link.symlink_to(target)
    with pytest.raises(JournalError, match="cannot be opened"):
        Journal.open(link)


def test_a_torn_tail_is_dropped_by_a_reader_and_left_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    records = write(path, EVENTS)
    path.write_bytes(path.read_bytes()[:-1])
    size = path.stat().st_size
    assert read(path) == records[:-1]
    assert path.stat().st_size == size


def test_a_torn_tail_is_cut_off_before_anything_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    records = write(path, EVENTS)
    path.write_bytes(path.read_bytes() + b'{"schema":"superteam.jour')
    journal, found = Journal.open(path)
    assert found == read(path) == records
    journal.append("t4", {})
    journal.close()
    assert read(path) == [*records, Record(4, "t4", {})]


def test_a_cut_at_every_byte_leaves_a_prefix_and_can_be_continued(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    records = write(path, EVENTS)
    data = path.read_bytes()
    for size in range(len(data) + 1):
        found = read_bytes(tmp_path, data[:size])
        assert found == records[: data[:size].count(b"\n")]
        if size % 7 == 0:
            journal, again = Journal.open(tmp_path / "copy.jsonl")
            journal.append("later", {"n": size})
            journal.close()
            assert again == found
            assert read(tmp_path / "copy.jsonl") == [*found, Record(len(found) + 1, "later", {"n": size})]


def prefix_or_error(folder: Path, data: bytes, records: list[Record]) -> None:
    try:
        found = read_bytes(folder, data)
    except JournalError:
        return
    assert found == records[: len(found)]
    assert len(found) >= len(records) - 1


def test_no_single_bit_flip_changes_a_record(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    records = write(path, EVENTS)
    data = path.read_bytes()
    for bit in range((len(data) - 1) * 8):
        with pytest.raises(JournalError):
            read_bytes(tmp_path, flipped(data, bit))
    for bit in range((len(data) - 1) * 8, len(data) * 8):
        prefix_or_error(tmp_path, flipped(data, bit), records)


@given(st.lists(events, min_size=1, max_size=5), st.data())
@settings(max_examples=100, deadline=None)
def test_no_bit_flip_in_any_journal_changes_a_record(
    tmp_path_factory: pytest.TempPathFactory, items: list[Any], draw: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("j")
    records = write(folder / "journal.jsonl", items)
    data = (folder / "journal.jsonl").read_bytes()
    prefix_or_error(folder, flipped(data, draw.draw(st.integers(0, len(data) * 8 - 1))), records)


def test_damage_names_the_line_the_byte_and_the_last_good_record(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, EVENTS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"attempt:1", b"attempt:2") + lines[2])
    with pytest.raises(JournalError) as caught:
        read(path)
    place = f"line 2 \\(byte {len(lines[0])}\\).*last good record is number 1"
    assert re.search(place, caught.value.message)
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2
    with pytest.raises(JournalError, match="line 2"):
        Journal.open(path)


@pytest.mark.parametrize(
    "order", [(0, 2), (1, 2), (0, 0, 1), (0, 2, 1)], ids=["middle gone", "first gone", "doubled", "swapped"]
)
def test_whole_records_out_of_order_are_damage(tmp_path: Path, order: tuple[int, ...]) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, EVENTS)
    lines = path.read_bytes().splitlines(keepends=True)
    with pytest.raises(JournalError, match="was expected"):
        read_bytes(tmp_path, b"".join(lines[i] for i in order))


def test_a_record_of_another_schema_is_refused(tmp_path: Path) -> None:
    from superteam.journal.log import _seal

    body = encode(Record(1, "t", {}))[:-19].replace(b"journal.v1", b"journal.v2")
    with pytest.raises(JournalError, match=r"superteam\.journal\.v2"):
        read_bytes(tmp_path, body + _seal(body) + b"\n")


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b'{"seq":1}\n', b"\x00" * 40 + b"\n", b"[" * 100_000 + b"\n"])
def test_lines_that_are_no_records_are_damage(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(JournalError, match="line 1"):
        read_bytes(tmp_path, line)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"schema":"superteam.journal.v1","seq":1', b'{"seq":[]'])
def test_sealed_lines_that_are_no_records_are_damage(tmp_path: Path, body: bytes) -> None:
    from superteam.journal.log import _seal

    with pytest.raises(JournalError, match="line 1"):
        read_bytes(tmp_path, body + _seal(body) + b"\n")


def test_a_full_disk_stops_the_journal_for_good_and_leaves_no_half_record(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal.create(path)
    journal.append("t1", {"kind": "first"})
    whole = path.read_bytes()
    with file_size_limit(len(whole) + 20), pytest.raises(JournalError) as caught:
        journal.append("t2", {"kind": "second"})
    assert caught.value.exit_code == 70
    assert path.read_bytes() == whole
    with pytest.raises(JournalError, match="an earlier record"):
        journal.append("t3", {"kind": "third"})
    journal.close()
    assert path.read_bytes() == whole


def test_a_write_that_is_refused_is_a_journal_error(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    fd = os.open("/dev/full", os.O_WRONLY)
    journal = Journal(tmp_path / "journal.jsonl", fd, 0, 0)
    with pytest.raises(JournalError, match="No space left"):
        journal.append("t1", {})
    journal.close()


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal.create(path)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append("t1", {})
    assert path.read_bytes() == b""


def test_an_event_that_is_no_json_is_a_bug_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal.create(path)
    for bad in ({"x": object()}, {"x": float("nan")}):
        with pytest.raises((TypeError, ValueError)):
            journal.append("t1", bad)
    journal.append("t1", {"x": 1})
    journal.close()
    assert read(path) == [Record(1, "t1", {"x": 1})]


def test_a_reader_beside_a_writer_always_sees_a_prefix(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    code = (
        "import sys; from pathlib import Path; from superteam.journal.log import Journal\n"
        "j = Journal.create(Path(sys.argv[1])); print('go', flush=True)\n"
        "for n in range(300): j.append('t', {'n': n, 'fill': 'x' * (n % 50)})\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        while writer.poll() is None:
            found = read(path)
            assert [record.event["n"] for record in found] == list(range(len(found)))
    assert writer.returncode == 0
    assert len(read(path)) == 300


def test_a_writer_killed_at_any_moment_leaves_a_journal_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    code = (
        "import sys; from pathlib import Path; from superteam.journal.log import Journal\n"
        "j = Journal.create(Path(sys.argv[1]))\n"
        "for n in range(10**6): j.append('t', {'n': n}); print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(40):
            writer.stdout.readline()
        writer.kill()
        acknowledged = 40 + len([line for line in writer.stdout if line.endswith("\n")])
    journal, found = Journal.open(path)
    journal.append("t", {"n": len(found)})
    journal.close()
    assert len(found) >= acknowledged
    assert [record.event["n"] for record in read(path)] == list(range(len(found) + 1))
