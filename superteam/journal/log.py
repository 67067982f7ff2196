"""An append-only file of JSON lines in which damage is never believed.

Each line carries its number and, last, the CRC of the bytes before it. A last line without a newline was never
acknowledged to anyone and is dropped; anything else that does not fit stops with the place.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from superteam.errors import JournalError

SCHEMA = "superteam.journal.v1"
_SEAL_LENGTH = len(',"crc":"00000000"}')
_sync = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a journal; `seq` counts from 1 without gaps."""

    seq: int
    at: str
    event: dict[str, Any]


class Journal:
    """A journal open for writing. There is one writer: whoever holds the repository's lock."""

    def __init__(self, path: Path, fd: int, seq: int, size: int) -> None:
        self.path = path
        self._fd = fd
        self._seq = seq
        self._size = size
        self._broken: str | None = None

    @classmethod
    def create(cls, path: Path) -> Journal:
        """A new, empty journal; JournalError if there is a file already."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            _make_folder(path.parent)
            fd = os.open(path, flags, 0o600)
            _sync_folder(path.parent)
        except OSError as error:
            raise _cannot("be created", path, error) from error
        return cls(path, fd, 0, 0)

    @classmethod
    def open(cls, path: Path) -> tuple[Journal, list[Record]]:
        """An existing journal and what stands in it; a torn tail is cut off before anything is appended."""
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise _cannot("be opened", path, error) from error
        try:
            records, size = _parse(_content(fd), path)
            if size != os.fstat(fd).st_size:
                os.ftruncate(fd, size)
                _sync(fd)
        except OSError as error:
            os.close(fd)
            raise _cannot("be opened", path, error) from error
        except JournalError:
            os.close(fd)
            raise
        return cls(path, fd, len(records), size), records

    def append(self, at: str, event: dict[str, Any]) -> None:
        """Writes one event so that it survives a power cut; after a failure nothing is ever appended again."""
        if self._broken is not None:
            raise _unwritable(self.path, f"an earlier record could not be written: {self._broken}")
        line = encode(Record(self._seq + 1, at, event))
        try:
            _write_whole(self._fd, line)
        except OSError as error:
            self._broken = str(error)
            self._take_back()
            raise _unwritable(self.path, str(error)) from error
        self._seq += 1
        self._size += len(line)

    @property
    def sound_size(self) -> int | None:
        """How many bytes the acknowledged records take; None once a record could not be written."""
        return self._size if self._broken is None else None

    def close(self) -> None:
        """Ends writing; appending afterwards is an error. May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._broken = self._broken or "the journal is closed"

    def _take_back(self) -> None:
        """What is half written would be dropped as a torn tail anyway; a whole record must not count either."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._size)
            _sync(self._fd)


def read(path: Path) -> list[Record]:
    """All records, without changing the file (somebody may be writing it); JournalError if it is damaged."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _cannot("be read", path, error) from error
    return _parse(data, path)[0]


def encode(record: Record) -> bytes:
    """The line of a record, newline included."""
    document = {"schema": SCHEMA, "seq": record.seq, "at": record.at, "event": record.event}
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()[:-1]
    return body + _seal(body) + b"\n"


def _seal(body: bytes) -> bytes:
    return b',"crc":"%08x"}' % zlib.crc32(body)


def _parse(data: bytes, path: Path) -> tuple[list[Record], int]:
    """The records, and the number of bytes that they take: what is behind them is a torn tail."""
    records: list[Record] = []
    offset = 0
    for line in data.split(b"\n")[:-1]:
        try:
            records.append(_decode(line, len(records) + 1))
        except ValueError as error:
            raise _damaged(path, len(records), offset, str(error)) from error
        offset += len(line) + 1
    return records, offset


def _decode(line: bytes, seq: int) -> Record:
    """Believes a line only if its seal is, byte for byte, the one we would write; ValueError otherwise."""
    body = line[:-_SEAL_LENGTH]
    if line != body + _seal(body):
        raise ValueError("the checksum does not fit")
    try:
        document = json.loads(body + b"}")
    except RecursionError as error:
        raise ValueError("the record is nested too deeply") from error
    match document:
        case {"schema": str(schema)} if schema != SCHEMA:
            raise ValueError(f"the record is of the schema {schema!r}, not {SCHEMA!r}")
        case {"schema": _, "seq": int(found), "at": str(at), "event": dict(event)}:
            if found != seq:
                raise ValueError(f"record {seq} was expected, record {found} found")
            return Record(seq, at, event)
    raise ValueError("the record has no number, time or event")


def _content(fd: int) -> bytes:
    with os.fdopen(os.dup(fd), "rb") as stream:
        return stream.read()


def _write_whole(fd: int, line: bytes) -> None:
    """One write: a record is never in two pieces for a reader who looks in between."""
    written = os.write(fd, line)
    if written != len(line):
        raise OSError(f"only {written} of {len(line)} bytes could be written (is the disk full?)")
    _sync(fd)


def _make_folder(folder: Path) -> None:
    """Makes the missing folders, private ones, and their entries durable."""
    missing = [step for step in (folder, *folder.parents) if not step.exists()]
    for step in reversed(missing):
        step.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(step.parent)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _cannot(verb: str, path: Path, error: OSError) -> JournalError:
    return JournalError(f"the journal {path} cannot {verb}: {error.strerror or error}", "superteam runs")


def _damaged(path: Path, good: int, offset: int, reason: str) -> JournalError:
    last = f"the last good record is number {good}" if good else "there is no good record before it"
    message = f"the journal {path} is damaged at line {good + 1} (byte {offset}): {reason}; {last}"
    folder = shlex.quote(str(path.parent))
    hint = f"nothing was changed and the run's commits are kept; to start anew: mv {folder} /tmp/ first"
    return JournalError(message, hint)


def _unwritable(path: Path, reason: str) -> JournalError:
    hint = "make room or mend the file system, then: superteam resume"
    error = JournalError(f"the journal {path} cannot be written: {reason}", hint)
    error.exit_code = 70
    return error
