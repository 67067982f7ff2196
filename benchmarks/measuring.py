"""How the benchmarks measure: rows of ratios, commands with a clock, repositories that hold still."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

GIT = {"GIT_AUTHOR_NAME": "Bench", "GIT_AUTHOR_EMAIL": "bench@example.org", "GIT_CONFIG_GLOBAL": os.devnull}
GIT |= {"GIT_COMMITTER_NAME": "Bench", "GIT_COMMITTER_EMAIL": "bench@example.org", "GIT_CONFIG_NOSYSTEM": "1"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: seconds of superteam, seconds of what it is measured against."""

    what: str
    ours: float
    against: str
    theirs: float
    note: str = ""


def timed(command: list[str], cwd: Path, cache: Path, codes: tuple[int, ...] = (0,)) -> float:
    """Seconds that a command takes; it must end with one of these exit codes."""
    env = {**os.environ, **GIT, "SUPERTEAM_CACHE": str(cache), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    spent = time.perf_counter() - began
    if done.returncode not in codes:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return spent


def typical(sample: Callable[[], float], count: int) -> float:
    """The median of a few samples."""
    return statistics.median(sample() for _ in range(count))


def superteam(*arguments: str) -> list[str]:
    """The installed command."""
    script = Path(sys.executable).with_name("superteam")
    return [str(script), *arguments] if script.exists() else [sys.executable, "-m", "superteam", *arguments]


def say(text: str) -> None:
    """Progress, so that nobody thinks it hangs."""
    print(text, file=sys.stderr, flush=True)


def cache_of(root: Path) -> Path:
    """Where superteam keeps its trees for a repository."""
    return root.with_name(f"{root.name}-cache")


def make_repository(root: Path, files: Mapping[str, str]) -> None:
    """A repository with one commit, packed, that no gc in the background changes while it is measured."""
    root.mkdir(parents=True)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    quiet = (["init", "-q", "-b", "main"], ["config", "gc.auto", "0"], ["config", "maintenance.auto", "false"])
    for command in (*quiet, ["add", "-A"], ["commit", "-q", "-m", "start"], ["gc", "-q"]):
        timed(["git", *command], root, root)


def print_table(rows: list[Row]) -> None:
    """The table, on standard output."""
    head = ("measured", "superteam", "against", "that takes", "ratio", "")
    cells = [(r.what, ms(r.ours), r.against, ms(r.theirs), f"{r.ours / r.theirs:.2f}", r.note) for r in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    for line in (head, tuple("-" * width for width in widths), *cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def ms(seconds: float) -> str:
    """A time as people read it."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
