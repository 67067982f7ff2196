"""Whatever ends a command: the right exit code, a message for people on standard error, nothing on standard output."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.cli.boundary import READER_GONE, guard, redact
from superteam.cli.exit_codes import ExitCode
from superteam.cli.main import COMMANDS, main
from superteam.errors import ConfigError, JournalError, LockHeld, PlanError, SuperteamError

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "crashes"
    monkeypatch.setenv("SUPERTEAM_CRASH_DIR", str(folder))
    return folder


def raising(error: BaseException) -> Callable[[], int | None]:
    def command() -> int | None:
        raise error

    return command


def superteam(*arguments: str, code: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own; `code` is run instead of the command where a test needs its own."""
    start = ["-c", code] if code else ["-m", "superteam"]
    return subprocess.run(
        [sys.executable, *start, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_the_exit_codes_are_those_of_the_contract() -> None:
    assert {code.name.lower(): code.value for code in ExitCode} == {
        "ok": 0,
        "blocked": 1,
        "usage": 2,
        "inconclusive": 3,
        "waiting": 4,
        "budget": 5,
        "bug": 70,
        "later": 75,
        "interrupted": 130,
    }


def test_a_command_gives_its_exit_code_and_none_is_ok() -> None:
    assert guard(lambda: None) == 0
    assert guard(lambda: ExitCode.WAITING) == 4


def test_an_error_is_a_message_and_a_hint(capsys: Capture, crashes: Path) -> None:
    assert guard(raising(PlanError("plan.md:3: no title", "superteam plan check plan.md"))) == 2
    assert capsys.readouterr() == ("", "superteam: plan.md:3: no title\nhint: superteam plan check plan.md\n")
    assert not crashes.exists()


def test_an_error_without_a_hint_is_only_its_message(capsys: Capture) -> None:
    assert guard(raising(LockHeld("another run holds the lock"))) == 75
    assert capsys.readouterr().err == "superteam: another run holds the lock\n"


def test_an_errors_own_exit_code_counts() -> None:
    error = JournalError("cannot be written")
    error.exit_code = 70
    assert guard(raising(error)) == 70


def test_a_hostile_message_cannot_act(capsys: Capture) -> None:
    guard(raising(ConfigError("key \x1b[31m\r::error::x\u202e", "a\x07")))
    assert capsys.readouterr().err == "superteam: key \n: :error::x\\u202e\nhint: a\\x07\n"


def test_a_lone_error_in_nested_groups_is_unwrapped(capsys: Capture) -> None:
    inner = ExceptionGroup("inner", [ConfigError("lone", "hint")])
    assert guard(raising(ExceptionGroup("outer", [inner]))) == 2
    assert capsys.readouterr().err == "superteam: lone\nhint: hint\n"


def test_several_errors_that_a_person_can_mend_are_all_told(capsys: Capture, crashes: Path) -> None:
    assert guard(raising(ExceptionGroup("g", [LockHeld("one"), ConfigError("two")]))) == 75
    assert capsys.readouterr().err == "superteam: one\nsuperteam: two\n"
    assert not crashes.exists()


def test_an_error_beside_a_bug_is_a_bug(crashes: Path) -> None:
    assert guard(raising(ExceptionGroup("g", [ConfigError("one"), ValueError("two")]))) == 70
    report = next(crashes.iterdir()).read_text()
    assert "ConfigError: one" in report
    assert "ValueError: two" in report


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        BaseExceptionGroup("g", [KeyboardInterrupt()]),
        BaseExceptionGroup("g", [KeyError(), KeyboardInterrupt()]),
    ],
)
def test_an_interruption_is_130_and_no_crash(error: BaseException, crashes: Path) -> None:
    assert guard(raising(error)) == 130
    assert not crashes.exists()


def test_a_bug_leaves_a_private_report_and_its_path(capsys: Capture, crashes: Path) -> None:
    assert guard(raising(ZeroDivisionError("by \x1b[31mzero"))) == 70
    captured = capsys.readouterr()
    (report,) = crashes.iterdir()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "superteam: this is a bug in superteam: ZeroDivisionError: by zero",
        f"hint: a crash report was written to {report}",
    ]
    text = report.read_text()
    assert "Traceback" in text
    assert all(line in text for line in ("superteam 0.1.0", "python 3.", "argv "))
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert stat.S_IMODE(crashes.stat().st_mode) == 0o700


def test_two_bugs_leave_two_reports(crashes: Path) -> None:
    for _ in range(2):
        guard(raising(KeyError("x")))
    assert len(list(crashes.iterdir())) == 2


def test_a_report_that_cannot_be_saved_is_printed(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERTEAM_CRASH_DIR", "/dev/null/nowhere")
    assert guard(raising(KeyError("x"))) == 70
    assert "Traceback" in capsys.readouterr().err


def test_an_exception_that_cannot_be_shown_is_still_reported(capsys: Capture, crashes: Path) -> None:
    class Unshowable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert guard(raising(Unshowable())) == 70
    assert "Unshowable: (its message cannot be shown)" in capsys.readouterr().err
    assert "Traceback" in next(crashes.iterdir()).read_text()


def test_secrets_of_the_environment_are_in_no_report(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, crashes: Path
) -> None:
    monkeypatch.setenv("MY_api_key", "s3cr3t-value")
    monkeypatch.setenv("DB_PASSWORD", "two\nlines of it")
    monkeypatch.setenv("SHORT_TOKEN", "main")
    monkeypatch.setattr("sys.argv", ["superteam", "--x=s3cr3t-value", "two\nlines of it"])
    guard(raising(ValueError("main s3cr3t-value two\nlines of it")))
    for text in (capsys.readouterr().err, next(crashes.iterdir()).read_text()):
        assert "s3cr3t-value" not in text
        assert "lines of it" not in text
        assert "[MY_api_key redacted]" in text
        assert "main" in text


@given(
    st.dictionaries(
        st.sampled_from(["A_KEY", "TOKEN_B", "C_SECRET", "PASSWORD"]), st.text("XYZ\n'", min_size=8, max_size=12)
    ),
    st.lists(st.text("xyz ", max_size=5), min_size=1, max_size=5),
)
def test_no_secret_survives_redaction(environ: dict[str, str], rest: list[str]) -> None:
    text = " ".join(f"{part} {value} {value!r}" for part in rest for value in environ.values())
    clean = redact(text, environ)
    assert not [value for value in environ.values() if value in clean]


def test_a_secret_inside_a_longer_one_leaves_nothing_of_the_longer_one() -> None:
    environ = {"A_KEY": "abcdefgh", "B_KEY": "abcdefgh-and-more"}
    assert redact("x abcdefgh-and-more", environ) == "x [B_KEY redacted]"


def test_other_variables_are_not_redacted() -> None:
    assert redact("/home/ada/work", {"HOME": "/home/ada", "TOKEN": "", "KEY": "work"}) == "/home/ada/work"


@pytest.mark.parametrize("arguments", [["--no-such"], ["no-such-command"], ["taxonomy", "--no-such", "--json"], []])
def test_a_usage_error_is_plain_text_and_exit_2(arguments: list[str], crashes: Path) -> None:
    done = superteam(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: superteam")
    assert done.stderr.isascii()  # no boxes
    assert not crashes.exists()


def test_a_mistyped_command_is_answered_with_the_right_one() -> None:
    assert "'taxonomy'" in superteam("taxnomy").stderr


def test_errors_with_json_leave_standard_output_empty() -> None:
    done = superteam("taxonomy", "--json", "--config", "/nowhere.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "superteam: --config names /nowhere.toml, which is not a file\n"


def test_help_names_every_command_with_its_line() -> None:
    done = superteam("--help")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith("  ")]
    assert {name: row.help for name, row in COMMANDS.items()}.items() <= {
        pair[0]: pair[1] for pair in lines if len(pair) == 2
    }.items()


def test_help_imports_no_command() -> None:
    code = "import sys; from superteam.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    modules = {row.target.split(":")[0] for row in COMMANDS.values()}
    assert not modules & set(superteam(code=code).stderr.split())


def test_the_version_is_one_line() -> None:
    done = superteam("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "superteam 0.1.0\n", "")


def test_a_reader_that_leaves_ends_the_command_quietly(crashes: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    for arguments in (["taxonomy"], ["--help"], ["config", "schema"]):
        done = subprocess.run(
            [sys.executable, "-m", "superteam", *arguments],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (READER_GONE, ""), arguments
    os.close(write)
    assert not crashes.exists()


def test_output_that_is_still_buffered_when_the_reader_leaves_ends_quietly_too() -> None:
    read, write = os.pipe()
    os.close(read)
    code = "import sys; from superteam.cli.boundary import guard; sys.exit(guard(lambda: print('buffered')))"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, text=True, check=False, env=buffered
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (READER_GONE, "")


@pytest.mark.parametrize(
    "prompt", ["typer.confirm('go on?')", "raise KeyboardInterrupt", "os.kill(os.getpid(), signal.SIGINT)"]
)
def test_an_interruption_or_no_answer_inside_a_command_is_130(prompt: str, crashes: Path) -> None:
    code = f"""\
import os, signal, sys, typer
import superteam.cli.main as cli
def command() -> None:
    {prompt}
sys.modules["trial"] = type(sys)("trial")
sys.modules["trial"].command = command
cli.COMMANDS["trial"] = cli.Row("trial:command", "A trial.")
sys.exit(cli.main(["trial"]))
"""
    assert superteam(code=code).returncode == 128 + signal.SIGINT
    assert not crashes.exists()


def test_a_commands_return_value_and_typer_exit_are_exit_codes() -> None:
    code = """\
import sys, typer
import superteam.cli.main as cli
def returns(): return 3
def leaves(): raise typer.Exit(4)
sys.modules["trial"] = trial = type(sys)("trial")
trial.returns, trial.leaves = returns, leaves
cli.COMMANDS |= {n: cli.Row(f"trial:{n}", n) for n in ("returns", "leaves")}
print(cli.main(["returns"]), cli.main(["leaves"]))
"""
    assert superteam(code=code).stdout == "3 4\n"


def test_every_row_of_the_table_can_be_called_for_help(capsys: Capture) -> None:
    for name in COMMANDS:
        assert main([name, "--help"]) == 0, capsys.readouterr().err


def test_all_errors_of_ours_have_an_exit_code_of_the_contract() -> None:
    kinds = [SuperteamError, *SuperteamError.__subclasses__()]
    assert {kind.exit_code for kind in kinds} <= {int(code) for code in ExitCode}


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.ENOTDIR])
def test_a_place_that_cannot_be_written_is_no_bug(number: int, capsys: Capture, crashes: Path) -> None:
    def command() -> int:
        raise OSError(number, os.strerror(number), "/somewhere/file")

    assert guard(command) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert f"/somewhere/file: {os.strerror(number)}" in said and "SUPERTEAM_CACHE" in said
    assert not crashes.exists()
