"""process.py against real programs that misbehave; they say when they are ready, nothing sleeps to be in time.

Whatever sends signals here gets ids of programs that the test itself started, nothing else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam import process
from superteam.process import endings, family, table
from superteam.process.record import Stream

pytestmark = pytest.mark.usefixtures("census")

ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and a child subreaper")


def run(command: list[str], folder: Path, *, backend: str = "asyncio", **options: Any) -> process.Completed:
    options = {"cwd": folder, "env": ENV, "output": folder / "out" / "output", "grace": 0.3, **options}
    return anyio.run(partial(process.run, command, **options), backend=backend)


def sh(script: str, folder: Path, **options: Any) -> process.Completed:
    return run(process.shell(script), folder, **options)


def python(script: str, folder: Path, **options: Any) -> process.Completed:
    return run([sys.executable, "-S", "-c", script], folder, **options)


def is_gone(pid: int) -> bool:
    """Ended and reaped: not even a zombie is left."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def written_pid(path: Path) -> int:
    return int(path.read_text())


def names(leftovers: tuple[str, ...]) -> set[str]:
    return {leftover.partition(" ")[2] for leftover in leftovers}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_program_that_ends_gives_its_code_and_what_it_said(tmp_path: Path, backend: str) -> None:
    done = sh("echo one; echo two >&2; exit 3", tmp_path, backend=backend)
    assert (done.exit.code, done.exit.ended_by, done.exit.truncated) == (3, "exit", False)
    assert (done.stdout_head, done.stdout_tail) == ("one\n", "one\n")
    assert (done.stderr_head, done.stderr_tail) == ("two\n", "two\n")
    assert sorted(done.output.read_text().splitlines()) == ["one", "two"]
    assert done.leftovers == ()
    assert 0 < done.exit.duration_s < 5


def test_a_program_killed_by_a_signal_has_a_negative_code(tmp_path: Path) -> None:
    assert sh("kill -SEGV $$", tmp_path).exit.code == -signal.SIGSEGV


def test_a_program_that_reads_its_input_finds_it_empty(tmp_path: Path) -> None:
    done = sh("cat; echo read; readlink /proc/self/fd/0 2>/dev/null || true", tmp_path, timeout=10)
    assert done.stdout_head.startswith("read\n")
    assert done.exit.code == 0


def test_input_is_given_whole_even_when_it_is_larger_than_a_pipe(tmp_path: Path) -> None:
    done = run(["wc", "-c"], tmp_path, stdin=b"x" * 3_000_000)
    assert done.stdout_head.strip() == "3000000"


def test_a_program_that_does_not_read_its_input_is_no_error(tmp_path: Path) -> None:
    done = run(["true"], tmp_path, stdin=b"x" * 3_000_000)
    assert done.exit.code == 0


def test_the_environment_is_exactly_what_was_given_and_our_mark(tmp_path: Path) -> None:
    done = run(["/usr/bin/env"], tmp_path, env={"A": "1"})
    assert [line.partition("=")[0] for line in sorted(done.stdout_head.splitlines())] == ["A", process.MARK]


def test_an_outer_mark_is_kept_so_that_an_outer_run_finds_what_an_inner_one_leaves(tmp_path: Path) -> None:
    done = run(["/usr/bin/env"], tmp_path, env={process.MARK: "outer"})
    assert done.stdout_head.startswith(f"{process.MARK}=outer:")


def test_the_program_leads_a_session_of_its_own(tmp_path: Path) -> None:
    done = python("import os; print(os.getsid(0) == os.getpid())", tmp_path)
    assert done.stdout_head == "True\n"


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        (["no-such-program-here"], "no-such-program-here: not found"),
        (["./plain"], "./plain: not executable"),
        ([], "the command is empty"),
        (["tr\0ue"], "tr\0ue: embedded null byte"),
    ],
)
def test_what_cannot_be_started_is_a_value_that_says_why(tmp_path: Path, command: list[str], detail: str) -> None:
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    done = run(command, tmp_path)
    assert (done.exit.code, done.exit.ended_by, done.exit.detail) == (None, "not-started", detail)


def test_a_missing_folder_is_named_instead_of_the_program(tmp_path: Path) -> None:
    done = run(["true"], tmp_path, cwd=tmp_path / "gone")
    assert done.exit.detail == f"the folder {tmp_path / 'gone'} does not exist"


# Endings


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_program_that_never_ends_is_ended_by_the_wall_time_out(tmp_path: Path, backend: str) -> None:
    done = sh("while :; do echo tick; sleep 0.02; done", tmp_path, timeout=0.3, idle_timeout=5, backend=backend)
    assert done.exit.ended_by == "wall"
    assert done.exit.code == -signal.SIGTERM
    assert done.exit.detail == "ran longer than 0.3 s and was ended"
    assert done.exit.duration_s < 4


def test_a_silent_program_is_ended_by_the_idle_time_out(tmp_path: Path) -> None:
    done = sh("echo hello; exec sleep 60", tmp_path, timeout=30, idle_timeout=0.3)
    assert done.exit.ended_by == "idle"
    assert done.stdout_tail == "hello\n"


def test_a_byte_on_standard_error_counts_as_a_sign_of_life(tmp_path: Path) -> None:
    done = sh("for i in 1 2 3 4 5 6; do sleep 0.15; printf . >&2; done", tmp_path, idle_timeout=0.6)
    assert (done.exit.ended_by, done.stderr_tail) == ("exit", "......")


def test_a_program_that_ignores_term_is_killed(tmp_path: Path) -> None:
    done = python(
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(os.getpid(), flush=True)\ntime.sleep(60)",
        tmp_path,
        idle_timeout=0.5,
    )
    assert done.exit.code == -signal.SIGKILL
    assert is_gone(int(done.stdout_head))
    assert done.exit.duration_s < 5


def test_a_program_may_say_good_bye_at_length_and_with_success_and_was_ended_all_the_same(tmp_path: Path) -> None:
    script = (
        "import signal, sys, time\n"
        "def bye(*_):\n    sys.stdout.write('x' * 3_000_000 + '\\nsaved\\n'); sys.stdout.flush(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, bye)\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    done = python(script, tmp_path, idle_timeout=0.5, grace=5)
    assert (done.exit.code, done.exit.ended_by) == (0, "idle")
    assert done.stdout_tail.endswith("saved\n")
    assert done.exit.duration_s < 4


def test_a_child_left_in_the_background_is_ended_and_named(tmp_path: Path) -> None:
    done = sh("sleep 60 & echo $! > pid; exit 0", tmp_path, timeout=20)
    assert done.exit.code == 0
    assert done.leftovers == (f"{written_pid(tmp_path / 'pid')} sleep",)
    assert is_gone(written_pid(tmp_path / "pid"))


def test_a_child_that_ends_by_itself_at_once_is_no_leftover(tmp_path: Path) -> None:
    assert sh("sleep 0.02 & exit 0", tmp_path).leftovers == ()


def test_a_descendant_that_holds_the_pipe_open_does_not_block(tmp_path: Path) -> None:
    done = sh("(trap '' TERM; echo started; sleep 60) & sleep 0.1; exit 5", tmp_path, timeout=30)
    assert (done.exit.code, done.exit.ended_by) == (5, "exit")
    assert done.stdout_head == "started\n"
    assert done.exit.duration_s < 5
    assert done.leftovers


@LINUX
def test_an_orphan_that_called_setsid_is_ended(tmp_path: Path) -> None:
    done = sh("setsid sh -c 'echo $$ > pid; exec sleep 60' & while [ ! -s pid ]; do :; done", tmp_path)
    assert names(done.leftovers) == {"sleep"}
    assert is_gone(written_pid(tmp_path / "pid"))


DAEMON = """
import os, sys, time
read, write = os.pipe()
if os.fork():
    os.close(write)
    os.read(read, 1)
    {parent}
os.setsid()
if os.fork():
    os._exit(0)
null = os.open(os.devnull, os.O_RDWR)
for descriptor in (0, 1, 2):
    os.dup2(null, descriptor)
with open("pid", "w") as file:
    file.write(str(os.getpid()))
os.close(read)
os.close(write)
{daemon}
"""


@LINUX
def test_a_daemon_that_forked_twice_is_ended(tmp_path: Path) -> None:
    done = python(DAEMON.format(parent="sys.exit(0)", daemon="time.sleep(60)"), tmp_path)
    assert done.exit.code == 0
    assert len(done.leftovers) == 1
    assert is_gone(written_pid(tmp_path / "pid"))


@LINUX
def test_a_daemon_that_cleared_its_environment_is_ended(tmp_path: Path) -> None:
    clean = "os.execve('/bin/sleep', ['sleep', '60'], {})"
    done = python(DAEMON.format(parent="sys.exit(0)", daemon=clean), tmp_path)
    assert done.leftovers
    assert is_gone(written_pid(tmp_path / "pid"))


@LINUX
def test_a_tool_shell_with_a_clean_environment_and_session_is_ended(tmp_path: Path) -> None:
    script = "env -i setsid /bin/sh -c 'echo $$ > pid; exec sleep 60' & while [ ! -s pid ]; do :; done"
    assert names(sh(script, tmp_path).leftovers) == {"sleep"}
    assert is_gone(written_pid(tmp_path / "pid"))


@LINUX
def test_a_time_out_ends_the_daemon_as_well_though_it_ignores_term(tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    done = python(DAEMON.format(parent="time.sleep(60)", daemon=deaf), tmp_path, idle_timeout=0.6)
    assert done.exit.ended_by == "idle"
    assert is_gone(written_pid(tmp_path / "pid"))


@LINUX
def test_an_orphan_that_ended_by_itself_leaves_no_zombie(tmp_path: Path) -> None:
    done = python(DAEMON.format(parent="sys.exit(0)", daemon="os._exit(0)"), tmp_path)
    assert done.leftovers == ()
    assert is_gone(written_pid(tmp_path / "pid"))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancellation_ends_everything_and_goes_on(tmp_path: Path, backend: str) -> None:
    async def cancelled() -> bool:
        with anyio.CancelScope() as scope:
            await process.run(
                process.shell("sleep 60 & echo $! > child; echo $$ > pid; echo ready; wait"),
                cwd=tmp_path,
                env=ENV,
                output=tmp_path / "output",
                grace=0.3,
                on_output=lambda _: scope.cancel(),
            )
            raise AssertionError("the cancellation was swallowed")
        return scope.cancelled_caught

    assert anyio.run(cancelled, backend=backend)
    assert is_gone(written_pid(tmp_path / "pid"))
    assert is_gone(written_pid(tmp_path / "child"))
    assert (tmp_path / "output").read_text() == "ready\n"


def test_a_cancelled_program_may_say_good_bye_at_length(tmp_path: Path) -> None:
    script = (
        "import os, signal, time\n"
        "def bye(*_):\n    for _ in range(3000): os.write(1, b'x' * 1000)\n    open('saved', 'w'); os._exit(0)\n"
        "signal.signal(signal.SIGTERM, bye)\nos.write(1, b'ready')\ntime.sleep(60)"
    )

    async def cancelled() -> None:
        with anyio.CancelScope() as scope:
            await process.run(
                [sys.executable, "-S", "-c", script],
                cwd=tmp_path,
                env=ENV,
                output=tmp_path / "output",
                on_output=lambda _: scope.cancel(),
            )

    anyio.run(cancelled)
    assert (tmp_path / "saved").exists()


def test_nothing_is_started_when_the_caller_is_cancelled_already(tmp_path: Path) -> None:
    async def cancelled() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await process.run(["touch", "here"], cwd=tmp_path, env=ENV, output=tmp_path / "output")

    anyio.run(cancelled)
    assert list(tmp_path.iterdir()) == []


@LINUX
def test_two_runs_at_once_do_not_touch_each_others_children(tmp_path: Path) -> None:
    """The first leaves a detached child while it runs on; the second ends meanwhile and clears up after itself."""
    ready, found = anyio.Event, {}

    async def both() -> None:
        first_ready = ready()

        async def first() -> None:
            script = (
                "setsid sh -c 'echo $$ > child; exec sleep 60' & while [ ! -s child ]; do :; done; echo up; cat fifo"
            )
            os.mkfifo(tmp_path / "fifo")
            found["first"] = await start(script, "first", on_output=lambda _: first_ready.set())

        async def second() -> None:
            await first_ready.wait()
            found["second"] = await start("setsid sleep 60 & sleep 60 & exit 0", "second")
            found["alive"] = not is_gone(written_pid(tmp_path / "child"))
            (tmp_path / "fifo").write_text("go on\n")

        async with anyio.create_task_group() as group:
            group.start_soon(first)
            group.start_soon(second)

    async def start(script: str, name: str, **options: Any) -> process.Completed:
        command = process.shell(script)
        return await process.run(command, cwd=tmp_path, env=ENV, output=tmp_path / name, grace=0.3, **options)

    anyio.run(both)
    assert found["alive"]
    assert names(found["second"].leftovers) == {"sleep"}
    assert len(found["second"].leftovers) == 2
    assert found["first"].stdout_tail == "up\ngo on\n"
    assert found["first"].leftovers == (f"{written_pid(tmp_path / 'child')} sleep",)


@pytest.mark.parametrize("own_session", [False, True])
def test_a_child_that_somebody_else_started_is_neither_ended_nor_reaped(tmp_path: Path, own_session: bool) -> None:
    lives = subprocess.Popen(["sleep", "60"], start_new_session=own_session)
    ended = subprocess.Popen(["sh", "-c", "exit 7"], start_new_session=own_session)
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    time.sleep(0.02)  # start times have a resolution of 10 ms
    try:
        assert len(sh("sleep 60 & exit 0", tmp_path).leftovers) == 1
        assert lives.poll() is None
        assert ended.wait() == 7
    finally:
        lives.kill()
        lives.wait()


def test_a_child_that_somebody_else_starts_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """As GitPython starts git in a worker thread."""
    started: list[subprocess.Popen[bytes]] = []
    script = "echo up; read line < fifo; sleep 60 & exit 0"
    os.mkfifo(tmp_path / "fifo")

    def start_another(_: bytes) -> None:
        started.append(subprocess.Popen(["sleep", "60"]))
        (tmp_path / "fifo").write_text("go on\n")

    try:
        assert len(sh(script, tmp_path, on_output=start_another).leftovers) == 1
        assert [popen.poll() for popen in started] == [None]
    finally:
        for popen in started:
            popen.kill()
            popen.wait()


# Marked processes


def test_marked_processes_are_found_by_a_whole_entry_and_ended(tmp_path: Path) -> None:
    mark = f"SUPERTEAM_RUN_ID={os.getpid()}-{time.time_ns()}"
    name, _, value = mark.partition("=")
    marked = subprocess.Popen(["sleep", "60"], env={**ENV, name: value})
    longer = subprocess.Popen(["sleep", "60"], env={**ENV, name: value + "0"})
    try:
        wait_for(lambda: process.marked_processes(mark) == [marked.pid])
        ended = anyio.run(process.end_processes, [marked.pid], 2.0)
        assert ended == [f"{marked.pid} sleep"]
        assert marked.wait() == -signal.SIGTERM
        assert longer.poll() is None
    finally:
        for popen in (marked, longer):
            popen.kill()
            popen.wait()


def test_our_own_process_is_never_among_the_marked() -> None:
    marked = process.marked_processes(f"PATH={os.environ['PATH']}")
    assert not {os.getpid(), os.getppid(), 1} & set(marked)


def test_we_and_our_ancestors_are_never_targets_nor_a_way_to_find_some() -> None:
    """Only looks at what would be ended: the descendants of init are every process of the machine."""
    rows = table.processes()
    assert endings.targets({0, 1, os.getpid(), *family.ancestors(rows)}, rows) == []


def test_ending_processes_takes_their_descendants_along_and_kills_the_deaf(tmp_path: Path) -> None:
    script = "trap '' TERM; (trap '' TERM; sleep 60) & echo up; wait; sleep 60"
    deaf = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE)
    assert deaf.stdout is not None and deaf.stdout.readline() == b"up\n"
    ended = anyio.run(process.end_processes, [deaf.pid], 0.1)
    assert len(ended) >= 2
    assert deaf.wait() == -signal.SIGKILL
    deaf.stdout.close()


def test_ending_what_has_ended_already_is_nothing() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert anyio.run(process.end_processes, [gone.pid], 0.1) == []


def test_the_table_of_ps_says_the_same_as_ours() -> None:
    """What is used where there is no /proc, tried here against what /proc says."""
    me = table._ps_processes(os.getpid())[os.getpid()]
    assert (me.pid, me.parent, me.alive) == (os.getpid(), os.getppid(), True)
    assert abs(me.start - time.time()) < 3600
    assert os.getpid() in table._ps_processes()
    assert b"PATH=" in table._ps_environments()[os.getpid()]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.005)


# Output


def test_output_is_private_and_replaces_what_lay_there(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    link = tmp_path / "out" / "output"
    link.parent.mkdir()
    link.symlink_to(victim)
    sh("echo hello", tmp_path, output=link)
    assert victim.read_text() == "untouched"
    assert link.read_text() == "hello\n"
    assert link.lstat().st_mode & 0o7777 == 0o600
    sh("true", tmp_path, output=tmp_path / "new" / "deep" / "output")
    assert [(tmp_path / part).stat().st_mode & 0o777 for part in ("new", "new/deep")] == [0o700, 0o700]


def test_output_that_cannot_be_written_is_said_and_the_program_runs_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = sh("touch ran", tmp_path, output=tmp_path / "file" / "output")
    assert (tmp_path / "ran").exists()
    assert done.exit.truncated
    assert "could not be written" in done.exit.detail


def test_huge_output_is_cut_at_the_cap_with_a_mark_and_its_end(tmp_path: Path) -> None:
    script = "yes 'a line of forty characters, more or less' | head -c 50000000; echo; echo the end"
    done = sh(script, tmp_path, cap=200_000, stdout_file=tmp_path / "stdout")
    assert done.exit.code == 0 and done.exit.truncated
    data = done.output.read_bytes()
    assert 200_000 <= len(data) < 200_100
    mark = next(line for line in data.splitlines() if line.startswith(b"[superteam: "))
    assert mark == b"[superteam: %d bytes of output are left out here]" % (50_000_009 - 200_000)
    assert data.endswith(b"\nthe end\n")
    assert (tmp_path / "stdout").stat().st_size == 200_000
    assert done.stdout_head.startswith("a line") and done.stdout_head.endswith("\n")
    assert done.stdout_tail.startswith("a line") and done.stdout_tail.endswith("\nthe end\n")
    assert len(done.stdout_head) <= 4096 and len(done.stdout_tail) <= 4096


def test_output_of_exactly_the_cap_is_not_cut(tmp_path: Path) -> None:
    done = sh("head -c 100000 /dev/zero", tmp_path, cap=100_000, stdout_file=tmp_path / "stdout")
    assert not done.exit.truncated
    assert done.output.read_bytes() == (tmp_path / "stdout").read_bytes() == bytes(100_000)


def test_invalid_utf_8_is_kept_in_the_file_and_replaced_in_excerpts(tmp_path: Path) -> None:
    done = sh(r"printf 'a\377b\n'", tmp_path)
    assert done.output.read_bytes() == b"a\xffb\n"
    assert done.stdout_head == "a\ufffdb\n"


def test_standard_output_alone_goes_to_its_own_file(tmp_path: Path) -> None:
    done = sh("echo out; echo err >&2", tmp_path, stdout_file=tmp_path / "stdout")
    assert (tmp_path / "stdout").read_text() == "out\n"
    assert sorted(done.output.read_text().split()) == ["err", "out"]


def test_a_listener_gets_what_is_written_to_the_file(tmp_path: Path) -> None:
    heard: list[bytes] = []
    done = sh("echo out; echo hush-hush", tmp_path, on_output=heard.append, redact=hide({"A_KEY": "hush-hush"}))
    assert b"".join(heard) == done.output.read_bytes() == b"out\n[redacted]\n"


# Secrets


def hide(env: Mapping[str, str]) -> process.Redactor:
    return process.secrets_redactor(env)


@pytest.mark.parametrize(
    "name",
    [
        "API_KEY", "OPENAI_API_KEY", "apikey", "GITHUB_TOKEN", "npm_authToken", "CLIENT_SECRET", "SECRET_KEY_BASE",
        "PGPASSWORD", "DB_PASSWD", "AWS_CREDENTIALS", "HTTP_AUTH", "AUTH_HEADER", "KEY1", "TOKENS",
    ],
)  # fmt: skip
def test_values_of_variables_that_look_secret_are_redacted(name: str) -> None:
    assert hide({name: "correct horse"})(b"a correct horse b") == b"a [redacted] b"


@pytest.mark.parametrize("name", ["GIT_AUTHOR_NAME", "HOME", "KEYBOARD", "TOKENIZERS", "SSH_AUTH_SOCK", "PATH"])
def test_values_of_other_variables_are_not_redacted(name: str) -> None:
    assert hide({name: "Ada Lovelace"})(b"by Ada Lovelace") == b"by Ada Lovelace"


def test_short_values_are_not_redacted_because_they_are_everywhere() -> None:
    assert hide({"A_TOKEN": "true"})(b"true") == b"true"


def test_a_secret_that_holds_another_is_redacted_whole() -> None:
    assert hide({"A_KEY": "12345678", "B_KEY": "12345678-long"})(b"x12345678-longx") == b"x[redacted]x"


def test_each_line_of_a_secret_of_many_lines_is_redacted() -> None:
    key = "-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEEFFFF\n-----END KEY-----"
    assert hide({"SSH_KEY": key})(b"AAAABBBBCCCC\nand DDDDEEEEFFFF") == b"[redacted]\nand [redacted]"


@pytest.mark.parametrize(
    "token",
    [
        b"sk-ant-api03-" + b"aB3_" * 10,
        b"sk-proj-" + b"q1W2" * 12,
        b"ghp_" + b"a1B2c3" * 6,
        b"github_pat_" + b"11ABC_d" * 8,
        b"AKIA" + b"ABCDEFGH12345678",
        b"xoxb-123456789012-abcdefghij",
    ],
)
def test_known_token_shapes_are_redacted_whatever_the_environment(token: bytes) -> None:
    assert hide({})(b"token=" + token + b"\n") == b"token=[redacted]\n"


@pytest.mark.parametrize(
    "text",
    [b"task-implement-the-first-of-10-features", b"sk-learn", b"disk-1234567890123456789", b"AKIAshort", b"ghp_x"],
)
def test_words_that_only_look_a_little_like_tokens_stay(text: bytes) -> None:
    assert hide({})(text) == text


@pytest.mark.parametrize("text", [b"sk-" * 300_000, b"sk-" + b"a" * 1_000_000, b"xoxb-" * 200_000, b"AKIA" * 250_000])
def test_redaction_is_linear_on_hostile_text(text: bytes) -> None:
    began = time.perf_counter()
    hide({"A_KEY": "aaaaaaab"})(text)
    assert time.perf_counter() - began < 20


def split(data: bytes, sizes: list[int]) -> list[bytes]:
    """Cut into pieces of these sizes, again and again."""
    pieces, at, turn = [], 0, 0
    while at < len(data):
        pieces.append(data[at : at + sizes[turn % len(sizes)]])
        at += len(pieces[-1])
        turn += 1
    return pieces


SECRET = b"s3cr3t-value"


@given(
    parts=st.lists(st.sampled_from([SECRET, b"plain", b"\n", b" ", b"s3cr3t", b"-value", b"\xff"]), max_size=40),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
def test_no_chunk_border_saves_a_secret(parts: list[bytes], sizes: list[int]) -> None:
    data = b"".join(parts)
    heard: list[bytes] = []
    stream = Stream([heard.append], hide({"A_KEY": SECRET.decode()}))
    for piece in split(data, sizes):
        stream.feed(piece)
    stream.finish()
    assert b"".join(heard) == data.replace(SECRET, b"[redacted]")


def test_no_border_within_a_line_without_an_end_saves_a_secret() -> None:
    data = (b"." * 5 + SECRET) * 180_000
    heard: list[bytes] = []
    stream = Stream([heard.append], hide({"A_KEY": SECRET.decode()}))
    for piece in split(data, [65536, 4096, 7]):
        stream.feed(piece)
    assert heard, "a line without an end must not be kept whole in memory"
    stream.finish()
    assert b"".join(heard) == data.replace(SECRET, b"[redacted]")


def test_a_secret_printed_in_two_writes_is_redacted_everywhere(tmp_path: Path) -> None:
    script = "printf 'key: hush-'; sleep 0.1; printf 'hush\\n'; printf 'err hush-hush' >&2"
    done = sh(script, tmp_path, redact=hide({"A_KEY": "hush-hush"}), stdout_file=tmp_path / "stdout")
    said = done.output.read_text() + (tmp_path / "stdout").read_text() + done.stdout_head + done.stderr_tail
    assert "hush" not in said
    assert done.stdout_tail == "key: [redacted]\n"
    assert done.stderr_head == "err [redacted]"


def test_importing_it_loads_nothing_slow() -> None:
    script = (
        "import sys, superteam.process\n"
        "print(sorted({'anyio', 'asyncio', 'subprocess', 'pydantic', 'ctypes'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "[]\n"


@LINUX
def test_an_unmarked_program_has_no_variable_of_ours_and_leaves_nobody(tmp_path: Path) -> None:
    script = "env > seen; setsid sh -c 'echo $$ > child; exec sleep 60' & while [ ! -s child ]; do :; done"
    done = sh(script, tmp_path, unmarked=True, env={**ENV, "SUPERTEAM_RUN_ID": "r1"})
    assert "SUPERTEAM" not in (tmp_path / "seen").read_text()
    assert done.leftovers and is_gone(written_pid(tmp_path / "child"))
