"""What superteam costs, as ratios against the plain thing, all of it measured in this run on this machine.

Run it with `make bench`, or `python benchmarks/bench.py --quick` for single samples and smaller inputs; names of parts
(running, beside, reading, validating, attribution, growth) measure only those.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

from attribution import attribution
from beside import beside
from growth import WORST, growth
from measuring import Row, cache_of, make_repository, print_table, say, superteam, timed, typical
from reading import reading
from validating import validating

TASKS = 10  # so many more tasks in the longer plan: the difference is theirs alone
CONFIG = (
    'agent.use = "script"\nvalidation-command = "true"\n[agents.script]\nkind = "scripted"\nscript = "agent.toml"\n'
)
SUITE_TESTS, TEST_SECONDS = 20, 0.25


def main() -> int:
    """Measures everything, or the parts that are named, and prints the tables. 1 if anything grows too fast."""
    quick = "--quick" in sys.argv[1:]
    parts = {name for name in sys.argv[1:] if name in PARTS} or set(PARTS)
    with tempfile.TemporaryDirectory(prefix="superteam-bench-") as name:
        rows = [row for part in PARTS if part in parts for row in PARTS[part](Path(name), quick)]
    if rows:
        print_table(rows)
    return grown(quick) if "growth" in parts else 0


def running(folder: Path, quick: bool) -> list[Row]:
    """Tasks, verdicts and starting."""
    samples, files = (1, 2_000) if quick else (5, 20_000)
    rows = [noop_task(folder / "small", 10, samples), noop_task(folder / "large", files, min(samples, 3))]
    return [*rows, verdict(folder / "suite", samples), *starts(folder / "start", 3 if quick else 15)]


def grown(quick: bool) -> int:
    """The table of growth."""
    found = growth(quick)
    print(f"\nTwice the input costs so many times as much, at most (limit {WORST}):")
    print("\n".join(line.line() for line in found))
    return int(any(line.ratio > WORST for line in found))


PARTS = {
    "running": running,
    "beside": lambda folder, quick: beside(folder / "jobs", 1 if quick else 3),
    "reading": lambda folder, quick: reading(folder / "reports", quick),
    "validating": lambda folder, quick: validating(folder / "many", quick),
    "attribution": lambda folder, quick: attribution(folder / "plan"),
    "growth": lambda folder, quick: [],
}


# -- repositories


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


if __name__ == "__main__":
    sys.exit(main())
