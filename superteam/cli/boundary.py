"""The one error boundary: turns whatever ends a command into a message and an exit code.

An error that a person can mend is a message and a hint. Anything unexpected becomes a crash report in a private
file. All of it goes to standard error, so that standard output carries results or nothing, with --json too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from superteam.cli.console import note
from superteam.cli.exit_codes import ExitCode
from superteam.errors import SuperteamError

READER_GONE = 141
"""What a shell shows for a program that SIGPIPE ended; no verdict may be read into it, so it is not 0, 1 or 3."""


_NO_PLACE = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
}
"""What the system says where a file or folder cannot be written; nothing that our code could do better."""


def guard(command: Callable[[], int | None]) -> int:
    """Runs the command and returns the exit code of the process; only SystemExit passes."""
    try:
        code = command() or ExitCode.OK
        sys.stdout.flush()  # a reader that is gone shows itself here at the latest, not in the interpreter's end
        return int(code)
    except SystemExit:
        raise
    except BaseException as error:
        return _end(error)


def _end(error: BaseException) -> int:
    ends = list(_single(error))
    if any(isinstance(e, KeyboardInterrupt) for e in ends):
        note("superteam: interrupted")
        return ExitCode.INTERRUPTED
    if all(isinstance(e, SuperteamError) for e in ends):
        return _tell([e for e in ends if isinstance(e, SuperteamError)])
    if len(ends) == 1 and isinstance(ends[0], BrokenPipeError):
        return _reader_gone()
    if len(ends) == 1 and _is_usage(ends[0]):
        with contextlib.suppress(OSError):
            ends[0].show()  # type: ignore[attr-defined]
        return ExitCode.USAGE
    if len(ends) == 1 and isinstance(ends[0], OSError) and ends[0].errno in _NO_PLACE:
        return _no_place(ends[0])
    return _crash(ends[0] if len(ends) == 1 else error)


def _no_place(error: OSError) -> int:
    """Names the file or folder that cannot be used; of a full disk the system names none."""
    place = f"{error.filename}: " if error.filename else ""
    note(f"superteam: {place}{error.strerror}")
    note("hint: make room or permit writing there; SUPERTEAM_CACHE=FOLDER puts the cache elsewhere; superteam doctor")
    return ExitCode.USAGE


def _single(error: BaseException) -> Iterator[BaseException]:
    """The errors inside nested groups, else the error itself: task groups wrap even a lone one."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _single(inner)
    else:
        yield error


def _is_usage(error: BaseException) -> bool:
    """Whether the command parser raised it: its class has moved between versions of Typer, its form has not."""
    return callable(getattr(error, "show", None)) and hasattr(error, "format_message")


def _tell(errors: list[SuperteamError]) -> int:
    for error in errors:
        note(f"superteam: {error.message}")
        if error.hint:
            note(f"hint: {error.hint}")
    return int(errors[0].exit_code)


def _reader_gone() -> int:
    """Lets what is still buffered go nowhere, so that the interpreter's end does not complain."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        pass
    return READER_GONE


# Crash reports


def _crash(error: BaseException) -> int:
    report = redact(_report(error), os.environ)
    summary = redact(f"{type(error).__name__}: {_text(error)}", os.environ)
    note(f"superteam: this is a bug in superteam: {summary}")
    try:
        note(f"hint: a crash report was written to {_save(report, os.environ)}")
    except Exception as failure:
        note(f"superteam: the crash report could not be saved ({_text(failure)}):\n{report}")
    return ExitCode.BUG


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its message cannot be shown)"


def _report(error: BaseException) -> str:
    import platform
    import traceback

    from superteam import __version__

    lines = [
        f"superteam {__version__}",
        f"python {platform.python_version()} ({sys.executable})",
        f"platform {platform.platform()}",
        f"argv {sys.argv!r}",
        f"cwd {_cwd()}",
        "",
        "".join(traceback.format_exception(error)),
    ]
    return "\n".join(lines)


def _cwd() -> str:
    try:
        return str(Path.cwd())
    except OSError as error:
        return f"(gone: {error.strerror})"


def redact(text: str, environ: Mapping[str, str]) -> str:
    """The text without the values of environment variables that are secrets by their name."""
    marks = ("KEY", "TOKEN", "SECRET", "PASSWORD")
    found = [(value, name) for name, value in environ.items() if any(m in name.upper() for m in marks)]
    for value, name in sorted(found, key=lambda item: len(item[0]), reverse=True):
        if len(value) >= 8:
            for form in (value, repr(value)[1:-1]):
                text = text.replace(form, f"[{name} redacted]")
    return text


def _save(report: str, environ: Mapping[str, str]) -> Path:
    """Writes the report to a new private file and returns its path."""
    import tempfile
    import time

    folder = _crash_folder(environ)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    prefix = time.strftime("crash-%Y%m%dT%H%M%SZ-", time.gmtime())
    descriptor, name = tempfile.mkstemp(".txt", prefix, folder)  # made with mode 0600
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(report)
    return Path(name)


def _crash_folder(environ: Mapping[str, str]) -> Path:
    if environ.get("SUPERTEAM_CRASH_DIR"):
        return Path(environ["SUPERTEAM_CRASH_DIR"]).absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("superteam")) / "crashes"
