"""The real command leaves nobody running, however it is ended; each program leaves strays of every kind."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from playground import ALL_STRAYS, CONFIG, STRAYS, Census, Repo, heard, pipe, plan, script

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a child subreaper")


DEAF = "; ".join(command for kind, command in STRAYS.items() if "deaf" in kind)
HEARING = "; ".join(command for kind, command in STRAYS.items() if "deaf" not in kind)
INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


@pytest.fixture
def hangs(tmp_path: Path) -> str:
    """A command that leaves strays, says `up` and hangs, unless the file `go` is there.

    With the file `deaf` it has deaf strays too, says `termed` at TERM, and goes on: 3 s of grace for each of both.
    """
    up, termed, go, deaf = pipe(tmp_path, "up"), pipe(tmp_path, "termed"), tmp_path / "go", tmp_path / "deaf"
    stays = f"[ ! -e {deaf} ] || {{ {DEAF}; trap 'echo x >{termed}' TERM; }}"
    return f"[ -e {go} ] || {{ {HEARING}; {stays}; sleep 1000000 & echo x >{up}; while :; do wait; done; }}"


@pytest.fixture
def begun(repo: Repo, hangs: str) -> Callable[..., None]:
    """Commits a plan of one task in which the agent, the gate or the suite hangs."""

    def commit(who: str, head: str = "", **more: Any) -> None:
        suite = f"test-command = {json.dumps(hangs)}\n" if who == "suite" else ""
        task = {"title": "A task", **({"gate": hangs} if who == "gate" else {}), **more}
        does = {"task": "1", "write": {"a": "1"}, **({"run": hangs} if who == "agent" else {})}
        settings = f'{suite}agent.use = "script"\n{head}{CONFIG}'
        repo.commit({"superteam.toml": settings, "plan.md": plan(task), "agent.toml": script(does)})

    return commit


def _end(repo: Repo, tmp_path: Path, command: Sequence[str], *numbers: signal.Signals) -> int:
    """Sends the first signal when the program is up, the second when it has noticed the first and stays."""
    if len(numbers) > 1:
        (tmp_path / "deaf").touch()
    run = repo.start(*command)
    for name, number in zip(("up", "termed"), numbers, strict=False):
        assert heard(tmp_path / name) != ""
        run.send_signal(number)
    run.communicate(timeout=90)
    return run.returncode


@pytest.mark.parametrize(
    ("who", "numbers"),
    [("agent", [INT]), ("gate", [TERM]), ("suite", [HUP]), ("agent", [INT, INT]), ("suite", [TERM, INT])],
)
def test_a_signal_or_two_leave_nobody(
    repo: Repo, tmp_path: Path, census: Census, begun: Callable[..., None], who: str, numbers: list[signal.Signals]
) -> None:
    begun(who)
    assert _end(repo, tmp_path, ["execute", "plan.md"], *numbers) == 130
    census.nobody_is_left(repo.status()["run_id"])
    assert repo.status()["status"] == "interrupted"


@pytest.mark.parametrize("numbers", [[INT], [TERM], [HUP, INT]])
def test_a_validation_that_is_interrupted_leaves_nobody(
    repo: Repo, tmp_path: Path, census: Census, begun: Callable[..., None], numbers: list[signal.Signals]
) -> None:
    begun("suite")
    assert _end(repo, tmp_path, ["validate"], *numbers) == 130
    census.nobody_is_left()


def test_an_abort_from_elsewhere_leaves_nobody_even_when_the_run_was_stopped_by_ctrl_z(
    repo: Repo, tmp_path: Path, census: Census, begun: Callable[..., None]
) -> None:
    begun("agent")
    run = repo.start("execute", "plan.md")
    assert heard(tmp_path / "up") != ""
    run.send_signal(signal.SIGSTOP)
    aborted = repo.superteam("abort")
    run.communicate(timeout=60)
    census.nobody_is_left(repo.status()["run_id"])
    assert aborted.code == 0, aborted.err


@pytest.mark.parametrize("command", [("execute", "--jobs", "2"), ("execute",)], ids=["two tasks", "two reviewers"])
def test_programs_side_by_side_leave_nobody(
    repo: Repo, tmp_path: Path, census: Census, command: tuple[str, ...]
) -> None:
    """The first to end has left strays with a clean environment; the second is ended by a signal after that."""
    after, up = pipe(tmp_path, "after"), pipe(tmp_path, "up")
    leaves, waits = f"{HEARING}; echo x >{after}", f"{HEARING}; cat {after}; echo x >{up}; sleep 1000000 & wait"
    passed = json.dumps({"passed": True, "summary": "fine"})
    entries: list[Mapping[str, Any]] = [
        {"task": "1", "role": "implement", "write": {"a": "1"}, "run": leaves},
        {"task": "2", "role": "implement", "write": {"b": "1"}, "run": waits},
    ]
    if "--jobs" not in command:
        entries = [
            {"task": "1", "role": "implement", "write": {"a": "1"}},
            {"task": "1", "reviewer": "spec", "run": leaves, "result": passed},
            {"task": "1", "reviewer": "security", "run": waits, "result": passed},
        ]
    tasks = (
        [{"title": "One", "files": ["a"]}, {"title": "Two", "files": ["b"]}]
        if "--jobs" in command
        else [{"title": "One"}]
    )
    review = "" if "--jobs" in command else '[review]\nroles = ["spec", "security"]\n'
    settings = f'agent.use = "script"\n{review}{CONFIG}'
    repo.commit({"superteam.toml": settings, "plan.md": plan(*tasks), "agent.toml": script(*entries)})
    assert _end(repo, tmp_path, [*command, "plan.md"], TERM) == 130
    census.nobody_is_left(repo.status()["run_id"])


NEXT: list[tuple[str, ...]] = [("resume",), ("execute", "plan.md", "--fresh"), ("execute", "other.md"), ("abort",)]


@pytest.mark.parametrize("command", NEXT, ids=" ".join)
def test_what_lived_on_after_a_kill_is_ended_by_the_next_command(
    repo: Repo, tmp_path: Path, census: Census, begun: Callable[..., None], command: tuple[str, ...]
) -> None:
    """Also those with a clean environment and a parent that is gone; the watchdog was killed as well."""
    begun("agent")
    if command == ("abort",):
        (tmp_path / "deaf").touch()
    repo.commit({"other.md": plan({"title": "Another", "id": "9"}), "agent.toml": _also(repo, "9")})
    run = repo.start("execute", "plan.md")
    assert heard(tmp_path / "up") != ""
    census.kill_watchdogs()
    run.kill()
    run.communicate()
    assert len(census.alive()) >= len(STRAYS) - 2
    (tmp_path / "go").touch()
    done = repo.superteam(*command)
    census.nobody_is_left(*(path.name for path in (repo.root / ".superteam/runs").iterdir()))
    assert done.code == 0, done.err


def test_nobody_lives_on_after_superteam_alone_is_killed(
    repo: Repo, tmp_path: Path, census: Census, begun: Callable[..., None]
) -> None:
    begun("agent")
    run = repo.start("execute", "plan.md")
    assert heard(tmp_path / "up") != ""
    run.kill()
    run.communicate()
    census.nobody_is_left(*(path.name for path in (repo.root / ".superteam/runs").iterdir()))


def _also(repo: Repo, task: str) -> str:
    return (repo.root / "agent.toml").read_text() + script({"task": task, "write": {"other": "1"}})


def test_programs_that_end_well_leave_nobody_and_those_of_the_agent_are_named(repo: Repo, census: Census) -> None:
    suite = f"{HEARING}; echo ' ✓ fine'"
    settings = f'test-command = {json.dumps(suite)}\nagent.use = "script"\n{CONFIG}'
    does = {"task": "1", "write": {"a": "1"}, "run": ALL_STRAYS}
    tasks = plan({"title": "A task", "gate": HEARING})
    repo.commit({"superteam.toml": settings, "plan.md": tasks, "agent.toml": script(does)})
    done = repo.superteam("execute", "plan.md")
    census.nobody_is_left(repo.status()["run_id"])
    assert done.code == 0, done.err
    assert "left programs running" in json.dumps(repo.status()) + done.out + done.err


def test_an_idle_agent_leaves_nobody(repo: Repo, census: Census, begun: Callable[..., None]) -> None:
    begun("agent", head='agent.idle-timeout = "2s"\n')
    assert repo.superteam("execute", "plan.md").code == 4
    census.nobody_is_left(repo.status()["run_id"])
    assert repo.status()["pending"]["failure_type"] == "tool-timeout"
