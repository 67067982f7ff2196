"""Nothing of the user's changes, whatever agents, gates and suites do in their trees."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playground import Census, heard
from users_machine import BEHIND_LINKS, FAST_FORWARD, IN_PLACE, NEW_CONFIGURATION, Machine, build_machine

KINDS = ["own", "elsewhere"]
ANYWHERE = {"install", "use-git", "leave-links"}
IN_A_SUITE = {*ANYWHERE, "write-in-place", "add", "delete"}


@pytest.fixture
def machine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Machine]:
    machine = build_machine(tmp_path, request.param)
    machine.remember()
    yield machine


@pytest.mark.parametrize("machine", KINDS, indirect=True)
def test_init_and_doctor(machine: Machine) -> None:
    config = machine.root / "superteam.toml"
    config.unlink()
    machine.remember()
    assert machine.superteam("init").code == 0
    machine.nothing_else_changed(*NEW_CONFIGURATION)
    machine.remember()
    machine.superteam("doctor")
    machine.nothing_else_changed()
    assert machine.behaviours().keys() >= IN_A_SUITE


@pytest.mark.parametrize("machine", KINDS, indirect=True)
def test_validate_and_rerun(machine: Machine) -> None:
    machine.remember()
    passed = machine.superteam("validate")
    assert passed.code == 0, passed.out + passed.err
    machine.nothing_else_changed()
    machine.write({"src/acme/__init__.py": "def add(a, b): return a - b\n"})
    machine.remember()
    blocked = machine.superteam("validate", "--json")
    assert blocked.code == 1, blocked.out + blocked.err
    machine.nothing_else_changed()
    (machine.root / ".superteam/failed.json").write_text(blocked.out)
    rerun = machine.superteam("rerun", "--from", ".superteam/failed.json")
    assert rerun.code == 1, rerun.out + rerun.err
    machine.nothing_else_changed()
    assert machine.behaviours().keys() >= IN_A_SUITE


@pytest.mark.parametrize("machine", KINDS, indirect=True)
def test_a_killed_validate(machine: Machine, census: Census) -> None:
    machine.turn_on("suite-hangs")
    _kill(machine, census, "validate")
    machine.nothing_else_changed()


@pytest.mark.parametrize("machine", ["linked"], indirect=True)
def test_execute_with_reviews_and_links_of_the_user(machine: Machine) -> None:
    done = machine.superteam("execute", "plan.md")
    assert done.code == 0, done.out + done.err
    machine.nothing_else_changed(*FAST_FORWARD, *BEHIND_LINKS)


@pytest.mark.parametrize("machine", [*KINDS, "setup"], indirect=True)
def test_execute_that_ends_ok(machine: Machine) -> None:
    done = machine.superteam("execute", "plan.md")
    assert done.code == 0, done.out + done.err
    machine.nothing_else_changed(*FAST_FORWARD)
    without_setup = "setup =" not in (machine.root / "superteam.toml").read_text()
    assert machine.behaviours().keys() >= (IN_A_SUITE if without_setup else ANYWHERE)


@pytest.mark.parametrize("machine", KINDS, indirect=True)
def test_execute_that_is_blocked(machine: Machine) -> None:
    machine.turn_on("agent-breaks")
    done = machine.superteam("execute", "plan.md")
    assert done.code == 1, done.out + done.err
    machine.nothing_else_changed()
    rerun = machine.superteam("rerun", "--from", ".superteam/latest/state.json")
    assert rerun.code in (0, 1, 3), rerun.out + rerun.err
    machine.nothing_else_changed()


@pytest.mark.parametrize("machine", KINDS, indirect=True)
def test_execute_that_is_killed_and_aborted(machine: Machine, census: Census) -> None:
    machine.turn_on("agent-hangs")
    _kill(machine, census, "execute", "plan.md")
    machine.nothing_else_changed()
    done = machine.superteam("abort")
    assert done.code == 0, done.out + done.err
    machine.nothing_else_changed()


@pytest.mark.parametrize("machine", KINDS, indirect=True)
def test_execute_that_is_killed_and_resumed(machine: Machine, census: Census) -> None:
    machine.turn_on("suite-hangs")
    _kill(machine, census, "execute", "plan.md")
    machine.turn_off("suite-hangs")
    done = machine.superteam("resume")
    assert done.code == 0, done.out + done.err
    machine.nothing_else_changed(*FAST_FORWARD)


@pytest.mark.parametrize("machine", KINDS, indirect=True)
@pytest.mark.parametrize("ends", ["ok", "blocked"])
def test_execute_in_place(machine: Machine, ends: str) -> None:
    """In place the agent and its gate work in the checkout itself: they behave, the suite does not."""
    machine.turn_on("agent-behaves")
    if ends == "blocked":
        machine.turn_on("agent-breaks")
    done = machine.superteam("execute", "plan.md", "--in-place")
    assert done.code == (0 if ends == "ok" else 1), done.out + done.err
    machine.nothing_else_changed(*IN_PLACE, *(FAST_FORWARD if ends == "ok" else ()))
    assert machine.git("symbolic-ref", "HEAD") == "refs/heads/main"


@pytest.mark.parametrize("machine", ["own"], indirect=True)
def test_execute_in_place_that_is_killed_and_aborted(machine: Machine, census: Census) -> None:
    machine.turn_on("agent-behaves")
    machine.turn_on("agent-hangs")
    _kill(machine, census, "execute", "plan.md", "--in-place")
    machine.nothing_else_changed(*IN_PLACE)
    done = machine.superteam("abort")
    assert done.code == 0, done.out + done.err
    machine.nothing_else_changed(*IN_PLACE)
    assert machine.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert not (machine.root / "src/acme/more.py").exists()


def _kill(machine: Machine, census: Census, *arguments: str) -> None:
    """Kills superteam, and what it started, when the agent or the suite has done all its harm."""
    run = machine.start(*arguments)
    assert heard(machine.base / "up") != ""
    run.kill()
    run.communicate(timeout=60)
    for line in census.alive():
        with suppress(ProcessLookupError):
            os.kill(int(line.split()[1]), signal.SIGKILL)
