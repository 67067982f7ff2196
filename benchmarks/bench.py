"""What superteam costs, as ratios against the plain thing, all of it measured in this run on this machine.

Run it with `make bench`, or `python benchmarks/bench.py --quick` for single samples and a smaller repository.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TASKS = 10  # so many more tasks in the longer plan: the difference is theirs alone
GIT = {"GIT_AUTHOR_NAME": "Bench", "GIT_AUTHOR_EMAIL": "bench@example.org", "GIT_CONFIG_GLOBAL": os.devnull}
GIT |= {"GIT_COMMITTER_NAME": "Bench", "GIT_COMMITTER_EMAIL": "bench@example.org", "GIT_CONFIG_NOSYSTEM": "1"}
CONFIG = (
    'agent.use = "script"\nvalidation-command = "true"\n[agents.script]\nkind = "scripted"\nscript = "agent.toml"\n'
)
SUITE_TESTS, TEST_SECONDS = 20, 0.25


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: seconds of superteam, seconds of what it is measured against."""

    what: str
    ours: float
    against: str
    theirs: float


def main() -> None:
    """Measures everything and prints the table."""
    quick = "--quick" in sys.argv[1:]
    samples, files = (1, 2_000) if quick else (5, 20_000)
    with tempfile.TemporaryDirectory(prefix="superteam-bench-") as name:
        folder = Path(name)
        rows = [noop_task(folder / "small", 10, samples), noop_task(folder / "large", files, min(samples, 3))]
        rows += [verdict(folder / "suite", samples), *starts(folder / "start", 3 if quick else 15)]
    print_table(rows)


# -- measuring


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


# -- repositories


def make_repository(root: Path, files: Mapping[str, str]) -> None:
    """A repository with one commit, packed, that no gc in the background changes while it is measured."""
    root.mkdir(parents=True)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    quiet = (["init", "-q", "-b", "main"], ["config", "gc.auto", "0"], ["config", "maintenance.auto", "false"])
    for command in (*quiet, ["add", "-A"], ["commit", "-q", "-m", "start"], ["gc", "-q"]):
        timed(["git", *command], root, root)


@contextmanager
def copy_of(template: Path) -> Iterator[tuple[Path, Path]]:
    """A fresh copy of a repository, as git knows it, and an empty cache beside it."""
    root, cache = template.with_name(f"{template.name}-copy"), template.with_name(f"{template.name}-cache")
    shutil.copytree(template, root, symlinks=True)
    timed(["git", "update-index", "-q", "--refresh"], root, cache)
    try:
        yield root, cache
    finally:
        shutil.rmtree(root)
        shutil.rmtree(cache, ignore_errors=True)


def plan_of(tasks: int) -> dict[str, str]:
    """A plan of tasks that each write one file, and the script of their agent."""
    numbers = range(1, tasks + 1)
    lines = [f"- {json.dumps({'title': f'Write file {i}'})}" for i in numbers]
    script = [f'[[dispatch]]\ntask = "{i}"\nwrite = {{ "noop-{i}.txt" = "{i}\\n" }}\n' for i in numbers]
    plan = "\n".join(["# Benchmark", "", "```superteam-tasks", *lines, "```", ""])
    return {f"plan-{tasks}.md": plan, f"agent-{tasks}.toml": "".join(script)}


# -- a task that does nothing, against a shell loop


def noop_task(template: Path, files: int, samples: int) -> Row:
    """What one more task costs in a plan, against one more turn of edit, true, git add -A, git commit."""
    many = {f"pkg{i % 100}/module{i}.py": f"VALUE = {i}\n" * 5 for i in range(files)}
    make_repository(template, {**many, **plan_of(1), **plan_of(1 + TASKS)})
    costs: list[tuple[float, float]] = []
    for number in range(samples):
        say(f"no-op task, {files} files: sample {number + 1} of {samples}")
        costs.append((marginal(run_of_plan, template), marginal(shell_loop, template)))
    ours, theirs = (statistics.median(column) for column in zip(*costs, strict=True))
    return Row(f"no-op task, {files:,} files", ours, "edit, true, add -A, commit", theirs)


def marginal(measure: Callable[[Path, int], float], template: Path) -> float:
    """Seconds of one task or turn, without what is paid once."""
    return (measure(template, 1 + TASKS) - measure(template, 1)) / TASKS


def run_of_plan(template: Path, tasks: int) -> float:
    """Seconds of a whole run of a plan with so many tasks."""
    with copy_of(template) as (root, cache):
        config = cache.with_name("bench.toml")
        config.write_text(CONFIG.replace("agent.toml", f"agent-{tasks}.toml"))
        return timed(superteam("execute", f"plan-{tasks}.md", "--config", str(config), "--quiet"), root, cache)


def shell_loop(template: Path, turns: int) -> float:
    """Seconds of the bare loop."""
    loop = 'for i in $(seq "$1"); do echo $i > noop-$i.txt; true; git add -A; git commit -q -m "$i"; done'
    with copy_of(template) as (root, cache):
        return timed(["sh", "-c", loop, "sh", str(turns)], root, cache)


# -- time to verdict


def verdict(template: Path, samples: int) -> Row:
    """A verdict on one new failure, its baseline known, against the whole suite twice."""
    suite = "import time\n\nimport pytest\nfrom code_under_test import VALUE\n\n\n"
    suite += f"@pytest.mark.parametrize('n', range({SUITE_TESTS}))\ndef test_value(n):\n"
    suite += f"    time.sleep({TEST_SECONDS})\n    assert n != VALUE\n"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    files = {"code_under_test.py": "VALUE = None\n", "test_value.py": suite}
    make_repository(template, {**files, "superteam.toml": 'test-command = "python -m pytest -q -p no:cacheprovider"\n'})
    with copy_of(template) as (root, cache):
        timed(superteam("validate"), root, cache)
        (root / "code_under_test.py").write_text("VALUE = 7  # broken\n")
        say("verdict on one new failure")
        ours = typical(lambda: timed(superteam("validate"), root, cache, codes=(1,)), min(samples, 3))
        twice = typical(lambda: sum(timed(command, root, cache, codes=(1,)) for _ in "ab"), min(samples, 3))
    return Row("verdict on one new failure", ours, f"a suite of {twice / 2:.1f} s twice", twice)


# -- starting


def starts(template: Path, samples: int) -> list[Row]:
    """How fast the commands start that should not be waited for."""
    make_repository(template, plan_of(1))
    with copy_of(template) as (root, cache):
        config = cache.with_name("bench.toml")
        config.write_text(CONFIG.replace("agent.toml", "agent-1.toml"))
        timed(superteam("execute", "plan-1.md", "--config", str(config)), root, cache)
        say("starting")
        bare = typical(lambda: timed([sys.executable, "-c", "pass"], root, cache), samples)
        rows = []
        for command in ("--version", "status", "--help"):
            ours = typical(lambda command=command: timed(superteam(command), root, cache), samples)  # type: ignore[misc]
            rows.append(Row(f"superteam {command}", ours, "python -c pass", bare))
    return rows


def print_table(rows: list[Row]) -> None:
    """The table, on standard output."""
    head = ("measured", "superteam", "against", "that takes", "ratio")
    cells = [(r.what, ms(r.ours), r.against, ms(r.theirs), f"{r.ours / r.theirs:.2f}") for r in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    for line in (head, tuple("-" * width for width in widths), *cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def ms(seconds: float) -> str:
    """A time as people read it."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


if __name__ == "__main__":
    main()
