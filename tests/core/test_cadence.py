"""When validations are due, against a calendar that is counted out by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from superteam.core.cadence import before_the_branch, due
from superteam.core.settings import Settings


def configured(cadence: str, command: str | None = "suite") -> Settings:
    return Settings.model_validate({"test-command": command, "validation-cadence": cadence})


def validated_after(config: Settings, tasks: int) -> list[int]:
    """After which tasks a run of this many tasks validates."""
    found, waiting = [], 0
    for done in range(1, tasks + 1):
        waiting += 1
        if due(config, waiting, tasks - done):
            found.append(done)
            waiting = 0
    return found


@given(st.integers(1, 7), st.integers(0, 30))
def test_every_n_validates_after_each_nth_task_and_at_the_end(interval: int, tasks: int) -> None:
    planned = set(range(interval, tasks + 1, interval)) | ({tasks} if tasks else set())
    assert validated_after(configured(f"every-{interval}"), tasks) == sorted(planned)


@given(st.integers(0, 30))
def test_every_validates_after_each_task(tasks: int) -> None:
    assert validated_after(configured("every"), tasks) == list(range(1, tasks + 1))


@given(st.integers(0, 30))
def test_on_demand_never_validates(tasks: int) -> None:
    assert validated_after(configured("on-demand"), tasks) == []


@given(st.sampled_from(["every", "every-3", "on-demand"]), st.integers(0, 9), st.integers(0, 9))
def test_without_a_test_command_nothing_is_due(cadence: str, unvalidated: int, left: int) -> None:
    assert not due(configured(cadence, None), unvalidated, left)


@given(st.sampled_from(["every", "every-1", "every-3", "on-demand"]), st.integers(0, 9))
def test_nothing_is_due_when_everything_is_validated(cadence: str, left: int) -> None:
    assert not due(configured(cadence), 0, left)


def test_only_every_validates_before_the_branch_moves() -> None:
    assert before_the_branch(configured("every"))
    assert not any(before_the_branch(configured(cadence)) for cadence in ("every-1", "every-3", "on-demand"))
    assert not before_the_branch(configured("every", None))
