"""The real command, ended by SIGKILL at many points, ends the same after `superteam execute` is called again."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from playground import Repo, plan, script

pytestmark = pytest.mark.usefixtures("census")

DATA = Path(__file__).parent / "data" / "crash"
IN_TEST = 30  # points tried by `make test`; of the others every second by `make test-crash`
POINTS = 240
GIT_CALLS = 60

SUITE = """\
import sys, pathlib
sys.dont_write_bytecode = True
bad = 0
for path in sorted(pathlib.Path(".").glob("case_*.txt")):
    good = path.read_text().strip() == "good"
    bad += not good
    print(f" {'✓' if good else '✗'} {path.stem}")
sys.exit(1 if bad else 0)
"""
CONFIG = """\
test-command = "python -S suite.py"
validation-command = "test ! -e broken"

[agent]
use = "script"

[agents.script]
kind = "scripted"
script = "agent.toml"

[validation]
reruns = 1
confirmations = 1
"""
TASKS = [{"title": "Clean"}, {"title": "Red gate"}, {"title": "Regression"}]
DISPATCHES: list[dict[str, Any]] = [
    {"task": "1", "write": {"one.txt": "1\n", "case_new.txt": "good\n"}},
    {"task": "2", "role": "implement", "write": {"two.txt": "2\n", "broken": "x\n"}},
    {"task": "2", "role": "fix", "write": {"broken": None}},
    {"task": "3", "role": "implement", "write": {"case_a.txt": "bad\n", "three.txt": "3\n"}},
    {"task": "3", "role": "fix", "write": {"case_a.txt": "good\n", "three.txt": "three\n"}},
]
EXPECTED_FILES = {"one.txt": "1", "two.txt": "2", "three.txt": "three", "case_a.txt": "good", "case_new.txt": "good"}
EXPECTED_VERDICTS = [("1", "pass"), ("2", "pass"), ("3", "fail"), ("3", "pass")]


@pytest.fixture
def small(empty_repo: Repo) -> Repo:
    """A repository whose suite takes some 30 ms, so that hundreds of runs are affordable."""
    files = {"suite.py": SUITE, "superteam.toml": CONFIG, "case_a.txt": "good\n", "case_b.txt": "good\n"}
    empty_repo.commit({**files, "plan.md": plan(*TASKS), "agent.toml": script(*DISPATCHES)}, "start")
    return empty_repo


def _ends_as_if_never_killed(repo: Repo) -> None:
    for _ in range(3):
        done = repo.superteam("execute", "plan.md")
        if done.code == 0:
            break
    assert done.code == 0, f"{done.code}\n{done.err}\n{done.out}"
    files = repo.files_at()
    assert {name: files.get(name) for name in EXPECTED_FILES} == EXPECTED_FILES
    assert "broken" not in files
    assert repo.task_commits() == ["1", "2", "3"]
    status = repo.status()
    assert [(v["after_task"], v["verdict"]) for v in status["validations"]] == EXPECTED_VERDICTS
    assert [t["attempts"] for t in status["tasks"]] == [1, 2, 2]
    assert repo.git("status", "--porcelain") == ""
    assert repo.git("fsck", "--no-dangling", "--connectivity-only") == ""


def _crash_environment(at: int, log: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(DATA), "SUPERTEAM_CRASH_AT": str(at), "SUPERTEAM_CRASH_LOG": str(log)}


def test_the_number_of_points_is_known(small: Repo, tmp_path: Path) -> None:
    """Keeps POINTS honest: a run passes at least that many, so each of them really kills."""
    log = tmp_path / "points"
    assert small.superteam("execute", "plan.md", env=_crash_environment(0, log)).code == 0
    assert int(log.read_text()) >= POINTS, log.read_text()
    _ends_as_if_never_killed(small)


def _kill_points() -> list[Any]:
    chosen = {round(i * POINTS / IN_TEST) + 1 for i in range(IN_TEST - 8)}
    return _marked(POINTS, chosen)


def _marked(points: int, chosen: set[int]) -> list[Any]:
    """Leaves the chosen points to `make test`, and every fourth of the others to `make test-crash`.

    A record of the journal has three points (write, before and after its sync), so that every fourth point
    meets each of them.
    """
    others = [at for at in range(1, points + 1) if at not in chosen]
    marks = {at: pytest.mark.crash_all if number % 4 else pytest.mark.crash for number, at in enumerate(others)}
    return [pytest.param(at, marks=[marks[at]] if at in marks else []) for at in range(1, points + 1)]


@pytest.mark.parametrize("at", _kill_points())
def test_killed_at_a_point_and_executed_again_it_ends_the_same(small: Repo, tmp_path: Path, at: int) -> None:
    log = tmp_path / "point"
    died = small.superteam("execute", "plan.md", env=_crash_environment(at, log))
    assert died.code == -9, f"it did not die at point {at}: {died.err}"
    assert log.read_text().strip()
    _ends_as_if_never_killed(small)


GIT_WRAPPER = """\
#!/bin/sh
# Counts the engine's git calls; at the chosen one git is killed in the middle of it, and the engine with it.
n=$(($(cat "$COUNT" 2>/dev/null || echo 0) + 1))
echo $n > "$COUNT"
if [ "$n" = "$AT" ]; then
    "$REAL_GIT" "$@" &
    pid=$!
    sleep "$DELAY"
    kill -9 $pid 2>/dev/null
    echo killed > "$DEAD"
    kill -9 $PPID
    exit 137
fi
exec "$REAL_GIT" "$@"
"""


def _git_points() -> list[Any]:
    chosen = set(range(2, GIT_CALLS, GIT_CALLS // 8))
    return _marked(GIT_CALLS, chosen)


@pytest.mark.parametrize("at", _git_points())
def test_killed_together_with_its_git_it_ends_the_same(small: Repo, tmp_path: Path, at: int) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    wrapper = folder / "git"
    wrapper.write_text(GIT_WRAPPER)
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    real = shutil.which("git")
    assert real
    path = small.environ()["PATH"]
    died = small.superteam(
        "execute",
        "plan.md",
        env={
            "PATH": f"{folder}{os.pathsep}{path}",
            "REAL_GIT": real,
            "COUNT": str(tmp_path / "count"),
            "DEAD": str(tmp_path / "dead"),
            "AT": str(at),
            "DELAY": ("0", "0.002", "0.02")[at % 3],
        },
    )
    assert (tmp_path / "dead").exists(), f"git call {at} was not reached: {died.err}"
    assert died.code == -9, died.err
    _ends_as_if_never_killed(small)
