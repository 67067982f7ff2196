"""What superteam costs, as ratios against the plain thing, all of it measured in this run on this machine.

Run it with `make bench`, or `python benchmarks/bench.py --quick` for single samples and a smaller repository.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
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


def plan_of(tasks: int, name: str) -> dict[str, str]:
    """A plan of tasks that each write one file, and a configuration with the script of their agent."""
    numbers = range(1, tasks + 1)
    lines = [f"- {json.dumps({'title': f'Write file {i}'})}" for i in numbers]
    script = [f'[[dispatch]]\ntask = "{i}"\nwrite = {{ "{name}-{i}.txt" = "{i}\\n" }}\n' for i in numbers]
    plan = "\n".join([f"# {name}", "", "```superteam-tasks", *lines, "```", ""])
    config = CONFIG.replace("agent.toml", f"{name}-agent.toml")
    return {f"{name}.md": plan, f"{name}-agent.toml": "".join(script), f"{name}-config.toml": config}


# -- a task that does nothing, against a shell loop


def noop_task(root: Path, files: int, samples: int) -> Row:
    """What one more task costs in a plan, against one more turn of edit, true, git add -A, git commit."""
    plans = {"warm": 1, **{f"p{i}-{tasks}": tasks for i in range(samples) for tasks in (1, 1 + TASKS)}}
    texts = {name: text for plan, tasks in plans.items() for name, text in plan_of(tasks, plan).items()}
    code = {f"pkg{i % 100}/module{i}.py": f"VALUE = {i}\n" * 5 for i in range(files)}
    make_repository(root, {**code, **texts})
    run_plan(root, "warm")  # makes the trees, which a plan pays once
    costs: list[tuple[float, float]] = []
    for i in range(samples):
        say(f"no-op task, {files} files: sample {i + 1} of {samples}")
        ours, theirs = (
            (measure(root, f"p{i}-{1 + TASKS}") - measure(root, f"p{i}-1")) / TASKS for measure in (run_plan, run_loop)
        )
        costs.append((ours, theirs))
    ours, theirs = (statistics.median(column) for column in zip(*costs, strict=True))
    return Row(f"no-op task, {files:,} files", ours, "edit, true, add -A, commit", theirs)


def run_plan(root: Path, name: str) -> float:
    """Seconds of a whole run of a plan."""
    command = superteam("execute", f"{name}.md", "--config", str(root / f"{name}-config.toml"), "--quiet")
    return timed(command, root, cache_of(root))


def run_loop(root: Path, name: str) -> float:
    """Seconds of the bare loop with as many turns as the plan of this name has tasks."""
    loop = 'for i in $(seq "$1"); do echo $i > "loop-$2-$i.txt"; true; git add -A; git commit -q -m "$i"; done'
    return timed(["sh", "-c", loop, "sh", name.split("-")[1], name], root, cache_of(root))


# -- time to verdict


def verdict(root: Path, samples: int) -> Row:
    """A verdict on one new failure, its baseline known, against the whole suite twice."""
    suite = "import time\n\nimport pytest\nfrom code_under_test import VALUE\n\n\n"
    suite += f"@pytest.mark.parametrize('n', range({SUITE_TESTS}))\ndef test_value(n):\n"
    suite += f"    time.sleep({TEST_SECONDS})\n    assert n != VALUE\n"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    files = {"code_under_test.py": "VALUE = None\n", "test_value.py": suite}
    make_repository(root, {**files, "superteam.toml": 'test-command = "python -m pytest -q -p no:cacheprovider"\n'})
    cache = cache_of(root)
    timed(superteam("validate"), root, cache)
    (root / "code_under_test.py").write_text("VALUE = 7  # broken\n")
    say("verdict on one new failure")
    ours = typical(lambda: timed(superteam("validate"), root, cache, codes=(1,)), min(samples, 3))
    twice = typical(lambda: sum(timed(command, root, cache, codes=(1,)) for _ in "ab"), min(samples, 3))
    return Row("verdict on one new failure", ours, f"a suite of {twice / 2:.1f} s twice", twice)


# -- starting


def starts(root: Path, samples: int) -> list[Row]:
    """How fast the commands start that should not be waited for."""
    make_repository(root, plan_of(1, "warm"))
    run_plan(root, "warm")
    cache = cache_of(root)
    say("starting")
    bare = typical(lambda: timed([sys.executable, "-c", "pass"], root, cache), samples)
    rows = []
    for option in ("--version", "status", "--help"):
        ours = typical(partial(timed, superteam(option), root, cache), samples)
        rows.append(Row(f"superteam {option}", ours, "python -c pass", bare))
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
