"""What it takes to name the task of a plan of 16 that broke a test, through the real engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from measuring import GIT, Row, cache_of, make_repository, say, superteam, timed

TASKS, GUILTY = 16, 7
FILES, EACH, TEST_SECONDS = 10, 20, 0.015
SUITE = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
CONFIG = """test-command = "python -m pytest -q -p no:cacheprovider"
validation-cadence = "every-N"
validation-interval = 16
on-escalation = "abort"
validation.auto-fix = 0
agent.use = "script"
[agents.script]
kind = "scripted"
script = "agent.toml"
"""


def attribution(root: Path) -> list[Row]:
    """By bisection with the failing test alone, against the suite at each commit, and against `git bisect run`."""
    make_repository(root, files())
    say(f"attribution: a plan of {TASKS} tasks")
    timed(superteam("execute", "plan.md", "--quiet"), root, cache_of(root), codes=tuple(range(1, 8)))
    journal = read_journal(root)
    guilty = check(journal)
    ours, runs = bisected(journal)
    commits = [entry["sha"] for entry in journal if entry["kind"] == "commit-made"]
    clone = root.with_name("clone")
    timed(["git", "clone", "-q", str(root), str(clone)], root.parent, root)
    timed(["git", "fetch", "-q", str(root), f"{commits[-1]}:refs/heads/run"], clone, root)
    say("attribution: the suite at each commit")
    each, suite = everywhere(clone, commits)
    say("attribution: git bisect")
    bisect = by_git(clone, commits, guilty)
    what, note = f"name 1 of {TASKS} tasks ({runs} runs of one test)", f"a suite of 200 tests in {suite:.1f} s"
    return [
        Row(what, ours, f"the suite at {TASKS} commits", each, note),
        Row(what, ours, "git bisect run with the suite", bisect, note),
    ]


def files() -> dict[str, str]:
    """The suite, the plan of which task 7 breaks one test, and what the agent does."""
    test = "import time\n\nimport pytest\nfrom code_under_test import VALUE\n\n\n"
    test += f"@pytest.mark.parametrize('n', range({EACH}))\n"
    test += f"def test_value(n):\n    time.sleep({TEST_SECONDS})\n    assert n != VALUE - 100 * int(__name__[-2:])\n"
    numbers = range(1, TASKS + 1)
    lines = [json.dumps({"title": f"Write file {i}"}) for i in numbers]
    script = [f'[[dispatch]]\ntask = "{i}"\nwrite = {{ {edit(i)} }}\n' for i in numbers]
    return {
        "code_under_test.py": "VALUE = -1\n",
        **{f"test_part{i:02}.py": test for i in range(FILES)},
        "plan.md": "\n".join(["# Plan", "", "```superteam-tasks", *(f"- {line}" for line in lines), "```", ""]),
        "agent.toml": "".join(script),
        "superteam.toml": CONFIG,
    }


def edit(task: int) -> str:
    """What the agent writes for a task."""
    if task == GUILTY:
        return '"code_under_test.py" = "VALUE = 507  # broken\\n"'
    return f'"note-{task}.txt" = "{task}\\n"'


def read_journal(root: Path) -> list[dict[str, Any]]:
    """The events of the run, each with its time."""
    (path,) = (root / ".superteam" / "runs").glob("*/journal.jsonl")
    found = []
    for line in path.read_text().splitlines():
        record = json.loads(line)
        found.append({**record["event"], "at": datetime.fromisoformat(record["at"]).timestamp()})
    return found


def check(journal: list[dict[str, Any]]) -> str:
    """The commit of the task that was named; it has to be the guilty one."""
    named = [entry["result"]["introduced_by"] for entry in journal if entry["kind"] == "validation-concluded"]
    if not named or set(named[-1].values()) != {str(GUILTY)}:
        sys.exit(f"the task that broke the test was not named: {named}")
    return next(entry["sha"] for entry in journal if entry["kind"] == "commit-made" and entry["task"] == str(GUILTY))


def bisected(journal: list[dict[str, Any]]) -> tuple[float, int]:
    """Seconds from the event before the bisection to its end, and how many runs it took."""
    places = [
        place
        for place, entry in enumerate(journal)
        if entry["kind"] == "probe-finished" and entry["observation"]["probe"]["purpose"] == "bisect"
    ]
    before = next(i for i in range(places[0] - 1, -1, -1) if journal[i]["kind"] != "step-started")
    return journal[places[-1]]["at"] - journal[before]["at"], len(places)


def everywhere(clone: Path, commits: list[str]) -> tuple[float, float]:
    """Seconds of the whole suite at each commit, and of one of those runs."""
    total = 0.0
    for commit in commits:
        total += timed(["git", "checkout", "-q", commit], clone, clone) + timed(SUITE, clone, clone, codes=(0, 1))
    return total, total / len(commits)


def by_git(clone: Path, commits: list[str], guilty: str) -> float:
    """Seconds that git's own bisection takes with the whole suite."""
    shutil.rmtree(clone / "__pycache__", ignore_errors=True)
    env = {**os.environ, **GIT, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    began = time.perf_counter()
    timed(["git", "bisect", "start", commits[-1], f"{commits[0]}^"], clone, clone)
    done = subprocess.run(
        ["git", "bisect", "run", *SUITE], cwd=clone, env=env, capture_output=True, text=True, check=False
    )
    spent = time.perf_counter() - began
    if f"{guilty} is the first bad commit" not in done.stdout:
        sys.exit(f"git bisect did not find it:\n{done.stdout}\n{done.stderr}")
    return spent
