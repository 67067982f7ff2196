"""What a program said: the files it is kept in, their caps, and the excerpts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from superteam.core.results import Exit
from superteam.process.files import create_private
from superteam.process.secrets import Redactor

_EXCERPT = 4096  # bytes of head and tail that are kept in memory
_LONG_LINE = 256 * 1024  # a longer line is redacted in pieces
_SECRET = 4096  # no secret on one line is longer
_KEPT_END = 1024 * 1024  # of an output that is cut, this much of its end is kept as well


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended and what it said.

    `leftovers` are descendants ("pid name") that outlived it and were ended. Heads and tails are redacted
    and hold whole lines where possible; of a short output both hold all of it.
    """

    exit: Exit
    output: Path
    stdout_head: str
    stdout_tail: str
    stderr_head: str
    stderr_tail: str
    leftovers: tuple[str, ...] = ()


class Record:
    """Where a program's output goes: the file, standard output's own file, heads and tails, the listener."""

    def __init__(
        self,
        output: Path,
        stdout_file: Path | None,
        cap: int,
        redact: Redactor | None,
        on_output: Callable[[bytes], None] | None,
        on_stdout: Callable[[bytes], None] | None,
    ) -> None:
        self.output = output
        both = File(output, cap, min(_KEPT_END, cap // 4))
        alone = File(stdout_file, cap, 0) if stdout_file else None
        self.files = [both, alone] if alone else [both]
        listeners = [both.write, *([on_output] if on_output else [])]
        self.stdout = Stream([*listeners, *([alone.write] if alone else [])], redact, on_stdout)
        self.stderr = Stream(listeners, redact)

    def close(self) -> None:
        try:
            self.stdout.finish()
            self.stderr.finish()
        finally:
            for file in self.files:
                file.close()

    def truncated(self) -> bool:
        """Whether anything that was said is not in the files."""
        return any(file.left_out for file in self.files) or self._broken()

    def too_long(self) -> bool:
        """Whether something is not in the files only because there was so much of it."""
        return self.truncated() and not self._broken()

    def _broken(self) -> bool:
        return any(file.problem for file in self.files) or not (self.stdout.ended and self.stderr.ended)

    def problems(self) -> list[str]:
        return [f"{file.path} could not be written: {file.problem}" for file in self.files if file.problem]

    def completed(self, ended: Exit, leftovers: tuple[str, ...]) -> Completed:
        return Completed(ended, self.output, *self.stdout.excerpts(), *self.stderr.excerpts(), leftovers)


class File:
    """A file with a cap: the beginning, a line that says how much is left out, and the end.

    A full disk is no reason to stop the program: `problem` then says that something is missing.
    """

    def __init__(self, path: Path, cap: int, end: int) -> None:
        self.path, self.room, self.end = path, cap - end, end
        self.left_out = 0
        self.problem = ""
        self._tail = bytearray()
        self._descriptor: int | None = None
        try:
            self._descriptor = create_private(path)
        except OSError as problem:
            self.problem = problem.strerror or str(problem)

    def write(self, data: bytes) -> None:
        if self.room:
            self._append(data[: self.room])
            rest = data[self.room :]
            self.room -= len(data) - len(rest)
            data = rest
        if data:
            self._tail += data
            if len(self._tail) > 2 * self.end:
                self._forget()

    def close(self) -> None:
        self._forget()
        if self.left_out and self.end:
            self._append(b"\n[superteam: %d bytes of output are left out here]\n" % self.left_out)
        self._append(bytes(self._tail))
        self._tail.clear()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _forget(self) -> None:
        surplus = len(self._tail) - self.end
        if surplus > 0:
            del self._tail[:surplus]
            self.left_out += surplus

    def _append(self, data: bytes) -> None:
        if self._descriptor is None or self.problem:
            return
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as problem:
            self.problem = problem.strerror or str(problem)


@dataclass(slots=True)
class Stream:
    """One of the two pipes: redacts what comes, passes it on, keeps the first and last bytes."""

    listeners: Sequence[Callable[[bytes], None]]
    redact: Redactor | None
    raw: Callable[[bytes], None] | None = None
    ended: bool = False
    _pending: bytearray = field(default_factory=bytearray)
    _head: bytes = b""
    _tail: bytes = b""
    _total: int = 0

    def feed(self, chunk: bytes) -> None:
        if self.raw is not None:
            self.raw(chunk)
        if self.redact is None:
            self._pass_on(chunk)
            return
        self._pending += chunk
        newline = chunk.rfind(b"\n") + 1
        if newline:
            self._release(len(self._pending) - len(chunk) + newline)
        elif len(self._pending) >= _LONG_LINE:
            self._release(_safe_cut(bytes(self._pending), self.redact))

    def finish(self) -> None:
        """Nothing more will come."""
        self._release(len(self._pending))

    def excerpts(self) -> tuple[str, str]:
        """Head and tail as text, by whole lines where there are any."""
        head, tail = self._head, self._tail
        if self._total > len(head):
            head = head[: head.rfind(b"\n") + 1] or head
        if self._total > len(tail):
            tail = tail[tail.find(b"\n") + 1 :] or tail
        return head.decode(errors="replace"), tail.decode(errors="replace")

    def _release(self, size: int) -> None:
        data = bytes(self._pending[:size])
        del self._pending[:size]
        if data:
            self._pass_on(self.redact(data) if self.redact else data)

    def _pass_on(self, data: bytes) -> None:
        self._total += len(data)
        if len(self._head) < _EXCERPT:
            self._head += data[: _EXCERPT - len(self._head)]
        self._tail = data[-_EXCERPT:] if len(data) >= _EXCERPT else (self._tail + data)[-_EXCERPT:]
        for listener in self.listeners:
            listener(data)


def _safe_cut(line: bytes, redact: Redactor) -> int:
    """Where an unfinished long line can be cut without cutting a secret in two.

    Its end stays back, since a secret may go on in what comes next.
    """
    for kept in range(_SECRET, len(line) - _SECRET, _SECRET):
        cut = len(line) - kept
        before, after = line[cut - _SECRET : cut], line[cut : cut + _SECRET]
        if redact(before) + redact(after) == redact(before + after):
            return cut
    return len(line)
