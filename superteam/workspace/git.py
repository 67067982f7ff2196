"""Calls git, through GitPython's command interface: no variable of ours, no hook, no settings but those we give it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from superteam.errors import WorkspaceError

# GIT_CONFIG_* are settings like those in files: safe.directory and the identity are often given this way in CI.
KEPT_VARIABLES = (
    "GIT_AUTHOR_",
    "GIT_COMMITTER_",
    "GIT_SSH",
    "GIT_ASKPASS",
    "GIT_TERMINAL_PROMPT",
    "GIT_CONFIG_",
)
SAFE = (
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "commit.gpgSign=false",
    "-c", "core.untrackedCache=false",
    "-c", "core.safecrlf=false",
    "-c", "core.splitIndex=false",
    "-c", "merge.verifySignatures=false",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "advice.detachedHead=false",
    "-c", "advice.graftFileDeprecated=false",
    "-c", "log.showSignature=false",
)  # fmt: skip
# Whom our git may talk to: nobody, but for the objects of a partial clone. No other history is taken for the real one.
ALONE = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
}
NO_SETTINGS = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "0",
    "GIT_CONFIG_PARAMETERS": "",
}
HANGS = 900.0  # seconds; only a stuck filter or a planted pipe takes git this long


def drop_inherited_git_environment() -> None:
    """Removes the GIT_* variables that would redirect our own git; who the author is stays."""
    for name in [name for name in os.environ if name.startswith("GIT_") and not name.startswith(KEPT_VARIABLES)]:
        del os.environ[name]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call of git said; text is decoded so that any path survives."""

    status: int
    out: str
    err: str


def run_git(
    arguments: Sequence[str],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    check: bool = True,
) -> Answer:
    """Runs git with these arguments; a failure raises WorkspaceError unless `check` is off."""
    program = git_program(os.environ.get("PATH", os.defpath))
    Git, GitCommandNotFound = _git_python(program)
    fixed = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", **ALONE, **(env or {})}
    with _input(stdin) as file:
        try:
            done: Any = Git(str(cwd)).execute(
                [program, *SAFE, *arguments],
                istream=file,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=HANGS,
                env=fixed,
                process_group=0,  # Ctrl-C on the terminal ends us, not a git in the middle of something
            )
        except GitCommandNotFound as problem:
            raise _no_git() from problem
    status, out, err = done
    text = err.decode(errors="replace") if isinstance(err, bytes) else err
    answer = Answer(int(status), os.fsdecode(out), text.strip())
    if check and answer.status != 0:
        raise failed(answer, arguments)
    return answer


@cache
def git_program(path: str) -> str:
    """The git that PATH names, chosen once: no relative folder counts, and those around us only if there is no other.

    An agent can write a program `git` into a tree, and into an environment or packages of the checkout.
    """
    folders = [folder for folder in path.split(os.pathsep) if folder.startswith("/")]
    here = Path.cwd()
    around = next((str(top) for top in (here, *here.parents) if os.path.lexists(top / ".git")), str(here))
    inside = [f for f in folders if f"{os.path.realpath(f)}/".startswith(f"{os.path.realpath(around)}/")]
    ordered = [*(f for f in folders if f not in inside), *inside]
    found = shutil.which("git", path=os.pathsep.join(ordered)) if ordered else None
    if found is None:
        raise _no_git()
    return found


@cache
def _git_python(program: str) -> tuple[Any, Any]:
    """GitPython, which runs the git that it is told when it is imported."""
    os.environ["GIT_PYTHON_GIT_EXECUTABLE"] = program
    try:
        from git import Git
        from git.exc import GitCommandNotFound
    except ImportError as problem:  # what GitPython does when that is no git
        raise _no_git() from problem
    finally:
        del os.environ["GIT_PYTHON_GIT_EXECUTABLE"]
    return Git, GitCommandNotFound


def _no_git() -> WorkspaceError:
    return WorkspaceError("git is not installed", "install git 2.38 or newer")


@contextmanager
def _input(data: bytes | None) -> Iterator[IO[bytes] | None]:
    """A file that holds the data, since git is given its input as one."""
    if data is None:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


def failed(answer: Answer, arguments: Sequence[str]) -> WorkspaceError:
    """The error that says which git failed, and what it said."""
    return WorkspaceError(f"git {' '.join(arguments[:3])} failed ({answer.status}): {answer.err or answer.out}")


@cache
def git_version(path: str) -> tuple[int, ...]:
    """The version of git: major and minor."""
    text = run_git(["version"], Path("/")).out.split()[2]
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def hooks_off(keys: Sequence[str]) -> dict[str, str]:
    """The environment that switches off the hooks among these keys of settings."""
    names = dict.fromkeys(key[5:].rpartition(".")[0] for key in keys if key.startswith("hook."))
    env = {"GIT_CONFIG_COUNT": str(len(names))} if names else {}
    for number, name in enumerate(names):
        env |= {f"GIT_CONFIG_KEY_{number}": f"hook.{name}.enabled", f"GIT_CONFIG_VALUE_{number}": "false"}
    return env


def split_nul(text: str) -> list[str]:
    """The fields of what git printed with `-z`."""
    return text.split("\0")[:-1]


def join_nul(items: Sequence[str]) -> bytes:
    """The input of a git that reads with `-z`."""
    return b"".join(os.fsencode(item) + b"\0" for item in items)


def tree_entries(listing: str) -> dict[str, tuple[str, str]]:
    """Mode and object by path, from `ls-tree -z`."""
    rows = (row.partition("\t") for row in split_nul(listing))
    return {path: (facts.split(" ")[0], facts.split(" ")[2]) for facts, _, path in rows}


def ignore_line(path: str) -> str:
    """The line of an ignore file that means exactly this path, seen from the top."""
    return "/" + re.sub(r"([\\*?\[\]!# ])", r"\\\1", path.rstrip("/"))


def replace_file(path: Path, data: bytes) -> None:
    """Replaces a file at once: another process may be reading it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    Path(name).replace(path)
