"""What a program is told and says while it runs, and how such a conversation ends."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.streams.memory import MemoryObjectSendStream

from superteam import process

pytestmark = pytest.mark.usefixtures("census")

ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
Say = Callable[[bytes], Awaitable[None]]


def converse(
    script: str,
    folder: Path,
    talk: Callable[[MemoryObjectSendStream[bytes], anyio.Event], Awaitable[None]],
    **more: Any,
) -> process.Completed:
    """Runs a shell script beside `talk`, which gets the program's standard input and the event that stops it."""
    found: list[process.Completed] = []

    async def both() -> None:
        send, receive = anyio.create_memory_object_stream[bytes](0)
        stop = anyio.Event()

        async def program() -> None:
            command = process.shell(script)
            options = {"cwd": folder, "env": ENV, "output": folder / "output", "grace": 0.3, **more}
            found.append(await process.run(command, feed=receive, stop=stop, **options))
            receive.close()

        async with anyio.create_task_group() as group:
            group.start_soon(program)
            with send:
                await talk(send, stop)

    anyio.run(both)
    return found[0]


def test_each_part_is_answered_before_the_next_one_is_sent(tmp_path: Path) -> None:
    answers: list[bytes] = []
    answered = [anyio.Event() for _ in range(3)]

    def heard(chunk: bytes) -> None:
        answers.append(chunk)
        answered[len(answers) - 1].set()

    async def talk(send: MemoryObjectSendStream[bytes], stop: anyio.Event) -> None:
        for number in range(3):
            await send.send(b"%d\n" % number)
            await answered[number].wait()

    done = converse('while read -r line; do echo "got $line"; done; echo end >&2', tmp_path, talk, on_stdout=heard)
    assert answers == [b"got 0\n", b"got 1\n", b"got 2\n"]
    assert (done.exit.code, done.exit.ended_by, done.stderr_head) == (0, "exit", "end\n")


def test_closing_the_feed_is_the_end_of_standard_input(tmp_path: Path) -> None:
    async def talk(send: MemoryObjectSendStream[bytes], stop: anyio.Event) -> None:
        await send.send(b"x" * 3_000_000)
        await send.send(b"y")

    assert converse("wc -c", tmp_path, talk).stdout_head.strip() == "3000001"


def test_a_program_that_ends_first_is_not_waited_for_though_the_feed_stays_open(tmp_path: Path) -> None:
    async def both() -> process.Completed:
        send, receive = anyio.create_memory_object_stream[bytes](0)
        with send, receive:
            return await process.run(["false"], cwd=tmp_path, env=ENV, output=tmp_path / "output", feed=receive)

    began = time.monotonic()
    done = anyio.run(both)
    assert (done.exit.code, done.exit.ended_by) == (1, "exit")
    assert time.monotonic() - began < 1.5  # half-open pipes are waited for 2 s


def test_what_the_program_does_not_read_is_no_error(tmp_path: Path) -> None:
    async def talk(send: MemoryObjectSendStream[bytes], stop: anyio.Event) -> None:
        with suppress(anyio.BrokenResourceError):
            while True:
                await send.send(b"x" * 1_000_000)

    assert converse("exit 7", tmp_path, talk).exit.code == 7


def test_on_stdout_gets_standard_output_alone_raw_and_at_once_and_the_files_are_redacted(tmp_path: Path) -> None:
    heard: list[bytes] = []
    kept: list[bytes] = []
    first = anyio.Event()

    def on_stdout(chunk: bytes) -> None:
        heard.append(chunk)
        first.set()

    async def talk(send: MemoryObjectSendStream[bytes], stop: anyio.Event) -> None:
        await first.wait()  # before the line has ended
        await send.send(b"go on\n")

    redact = process.secrets_redactor({"A_KEY": "hush-hush"})
    script = "echo err >&2; printf hush-hu; read line; echo sh"
    done = converse(script, tmp_path, talk, on_stdout=on_stdout, redact=redact, on_output=kept.append)
    assert b"".join(heard) == b"hush-hush\n"
    assert b"hush-hush" not in b"".join(kept) + done.output.read_bytes()
    assert (done.stdout_head, done.stderr_head) == ("[redacted]\n", "err\n")


def test_a_listener_that_fails_ends_the_program(tmp_path: Path) -> None:
    def fail(chunk: bytes) -> None:
        raise ValueError(f"no such message: {chunk!r}")

    async def talk(send: MemoryObjectSendStream[bytes], stop: anyio.Event) -> None: ...

    with pytest.raises(BaseExceptionGroup) as caught:
        converse("echo $$; exec sleep 1000000", tmp_path, talk, on_stdout=fail)
    assert caught.group_contains(ValueError, match="no such message")


def stopped(script: str, folder: Path, **more: Any) -> process.Completed:
    """Stops the program as soon as it has said something."""
    up = anyio.Event()

    async def talk(send: MemoryObjectSendStream[bytes], stop: anyio.Event) -> None:
        await up.wait()
        stop.set()

    return converse(script, folder, talk, on_stdout=lambda _: up.set(), **more)


def test_a_program_that_is_stopped_is_ended_and_that_is_no_time_out(tmp_path: Path) -> None:
    done = stopped("sleep 1000000 & echo up; wait", tmp_path, timeout=60, idle_timeout=60)
    assert (done.exit.ended_by, done.exit.timed_out, done.exit.code) == ("stopped", False, -15)
    assert done.exit.detail == "was stopped"


def test_a_program_that_says_it_succeeded_after_our_stop_was_stopped(tmp_path: Path) -> None:
    done = stopped("trap 'echo success; exit 0' TERM; echo up; while :; do sleep 0.05; done", tmp_path, grace=10)
    assert (done.exit.ended_by, done.exit.code) == ("stopped", 0)
    assert done.stdout_tail.endswith("success\n")


def test_a_program_that_ends_by_itself_was_not_stopped_by_a_later_stop(tmp_path: Path) -> None:
    async def talk(send: MemoryObjectSendStream[bytes], stop: anyio.Event) -> None: ...

    done = converse("exit 3", tmp_path, talk)
    assert (done.exit.ended_by, done.exit.code, done.exit.detail) == ("exit", 3, "")


def test_a_stop_that_was_set_before_the_start_ends_the_program_at_once(tmp_path: Path) -> None:
    async def begin() -> process.Completed:
        stop = anyio.Event()
        stop.set()
        command = process.shell("exec sleep 1000000")
        return await process.run(command, cwd=tmp_path, env=ENV, output=tmp_path / "output", stop=stop)

    assert anyio.run(begin).exit.ended_by == "stopped"
