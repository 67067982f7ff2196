"""What two tasks take side by side, against one after the other: agents that only wait, a suite that takes a moment."""

from __future__ import annotations

import json
from pathlib import Path

from measuring import Row, cache_of, make_repository, say, superteam, timed, typical

AGENT_SECONDS = 10
CONFIG = """test-command = "python -m pytest -q -p no:cacheprovider"
agent.use = "script"
[agents.script]
kind = "scripted"
script = "agent.toml"
"""


def beside(root: Path, samples: int) -> list[Row]:
    """A plan of two tasks with `--jobs 2`, and with 1; the trees are made before."""
    tasks = [f"- {json.dumps({'title': f'Write file {i}', 'files': [f'{i}.txt']})}" for i in (1, 2)]
    plan = "\n".join(["# Two", "", "```superteam-tasks", *tasks, "```", ""])
    script = "\n".join(
        f'[[dispatch]]\ntask = "{i}"\ntakes = {AGENT_SECONDS}\nwrite = {{ "{i}.txt" = "{i}\\n" }}' for i in (1, 2)
    )
    suite = "def test_it():\n    assert True\n"
    names = ["warm", *(f"{kind}{i}" for i in range(samples) for kind in ("one", "two"))]
    plans = {f"{name}.md": plan for name in names}
    make_repository(root, {**plans, "agent.toml": script, "superteam.toml": CONFIG, "test_it.py": suite})
    say("two tasks side by side")
    carry_out(root, "warm", 2)
    sides, rows = iter(range(samples)), iter(range(samples))
    together = typical(lambda: carry_out(root, f"two{next(sides)}", 2), samples)
    after = typical(lambda: carry_out(root, f"one{next(rows)}", 1), samples)
    return [Row(f"two tasks of {AGENT_SECONDS} s, --jobs 2", together, "--jobs 1", after)]


def carry_out(root: Path, name: str, jobs: int) -> float:
    """Seconds of a whole run of a plan, from a fresh start: what the last one wrote is taken away."""
    spent = timed(superteam("execute", f"{name}.md", "--jobs", str(jobs), "--quiet"), root, cache_of(root))
    timed(["git", "reset", "-q", "--hard", "HEAD~2"], root, root)
    return spent
