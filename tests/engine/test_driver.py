"""The driver alone: steps and choices are made up here, the events and the state are real."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import anyio
import pytest

from superteam.core import events as e
from superteam.core.decide import Kind, Step
from superteam.core.plan import Plan, Task
from superteam.core.run import Run
from superteam.core.settings import Settings
from superteam.engine.driver import Driver
from superteam.errors import JournalError
from superteam.testing import MemoryJournal, SteppingClock

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
LIMIT_S = 10.0

A, B, C = (Step(Kind.INSPECT, name, 1) for name in "abc")


def journal() -> MemoryJournal:
    found = MemoryJournal(SteppingClock())
    found(
        e.RunCreated(
            run_id="r1",
            plan=Plan(path="p", format="f", title="t", sha256="0", tasks=(Task(id="1", title="one"),)),
            settings=Settings(),
            start_sha="start",
            start_tree="tree",
            user_branch=None,
            run_branch="b",
            interactive=False,
            superteam="0",
            pid=1,
            host="h",
        )
    )
    return found


def said(run: Run) -> set[str]:
    """Which steps' events were taken: each warns with its own name."""
    return set(run.warnings)


def done(step: Step) -> e.Event:
    return e.Warned(message=step.task or "")


def choose(rule: Callable[[set[str]], Iterable[Step]]) -> Callable[[Run], frozenset[Step]]:
    return lambda run: frozenset(rule(said(run)))


def drive(
    backend: str,
    log: MemoryJournal,
    rule: Callable[[set[str]], Iterable[Step]],
    act: Callable[[Run, Step], Awaitable[e.Event]],
) -> Run:
    async def main() -> Run:
        with anyio.fail_after(LIMIT_S):
            return await Driver(log.replay(), log, act, decide=choose(rule)).drive()

    return anyio.run(main, backend=backend)


def told(log: MemoryJournal) -> list[tuple[str, str | None]]:
    return [(event.kind, event.key) for _, event in log.events()[1:]]


@BACKENDS
def test_steps_that_are_wanted_together_run_at_once(backend: str) -> None:
    here, there = anyio.Event(), anyio.Event()

    async def act(run: Run, step: Step) -> e.Event:
        mine, other = (here, there) if step is A else (there, here)
        mine.set()
        await other.wait()
        return done(step)

    log = journal()
    run = drive(backend, log, lambda seen: {A, B} - {s for s in (A, B) if s.task in seen}, act)
    assert said(run) == {"a", "b"}
    assert [kind for kind, _ in told(log)] == ["step-started", "step-started", "warned", "warned"]


@BACKENDS
def test_a_step_that_stays_wanted_is_started_once(backend: str) -> None:
    begun: list[Step] = []
    a_may_end = anyio.Event()

    async def act(run: Run, step: Step) -> e.Event:
        begun.append(step)
        if step is A:
            await a_may_end.wait()
        if step is C:
            a_may_end.set()
        return done(step)

    def rule(seen: set[str]) -> set[Step]:
        then = {B} if "b" not in seen else {C} if "c" not in seen else set()
        return then | ({A} if "a" not in seen else set())

    drive(backend, journal(), rule, act)
    assert sorted(begun, key=lambda step: step.key) == [A, B, C]


@BACKENDS
def test_a_step_is_no_longer_in_flight_when_its_event_is_folded(backend: str) -> None:
    async def act(run: Run, step: Step) -> e.Event:
        assert run.in_flight == {step.key}
        return done(step)

    run = drive(backend, journal(), lambda seen: () if seen else (A,), act)
    assert run.in_flight == frozenset()


@BACKENDS
def test_a_step_that_is_no_longer_wanted_is_cancelled(backend: str) -> None:
    async def act(run: Run, step: Step) -> e.Event:
        if step is A:
            await anyio.sleep_forever()
        return done(step)

    log = journal()
    run = drive(backend, log, lambda seen: () if seen else (A, B), act)
    assert said(run) == {"b"}
    assert told(log)[-1] == ("step-cancelled", A.key)
    assert run.in_flight == frozenset()


@BACKENDS
def test_the_late_event_of_a_cancelled_step_is_dropped(backend: str) -> None:
    async def act(run: Run, step: Step) -> e.Event:
        if step is A:
            try:
                await anyio.sleep_forever()
            except anyio.get_cancelled_exc_class():
                return done(A)  # it finished although it was told to stop
        return done(step)

    log = journal()
    run = drive(backend, log, lambda seen: () if seen else (A, B), act)
    assert said(run) == {"b"}
    assert ("step-cancelled", A.key) in told(log)


@BACKENDS
def test_nothing_begins_while_a_cancelled_step_is_cleaning_up(backend: str) -> None:
    order: list[str] = []

    async def act(run: Run, step: Step) -> e.Event:
        if step is A:
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    for _ in range(20):
                        await anyio.lowlevel.checkpoint()
                    order.append("a is clean")
        order.append(f"{step.task} begins")
        return done(step)

    rules = {0: (A, B), 1: (C,), 2: ()}
    drive(backend, journal(), lambda seen: rules[len(seen)], act)
    assert order == ["b begins", "a is clean", "c begins"]


@BACKENDS
def test_a_cancelled_step_that_is_wanted_again_begins_anew_after_it_has_ended(backend: str) -> None:
    begun: list[str] = []

    async def act(run: Run, step: Step) -> e.Event:
        begun.append(step.task or "")
        if step is A and begun.count("a") == 1:
            await anyio.sleep_forever()
        return done(step)

    def rule(seen: set[str]) -> tuple[Step, ...]:
        if "b" not in seen:
            return (A, B)
        if "c" not in seen:
            return (C,)
        return () if "a" in seen else (A,)

    run = drive(backend, journal(), rule, act)
    assert begun.count("a") == 2
    assert said(run) == {"a", "b", "c"}


@BACKENDS
def test_an_error_of_a_step_comes_out_and_the_others_are_stopped(backend: str) -> None:
    stopped: list[str] = []

    async def act(run: Run, step: Step) -> e.Event:
        if step is A:
            try:
                await anyio.sleep_forever()
            finally:
                stopped.append("a")
        raise ZeroDivisionError("a bug")

    with pytest.raises(ExceptionGroup) as caught:
        drive(backend, journal(), lambda seen: (A, B), act)
    assert caught.group_contains(ZeroDivisionError, match="a bug")
    assert stopped == ["a"]


@BACKENDS
def test_when_the_journal_cannot_be_written_no_step_begins(backend: str) -> None:
    begun: list[Step] = []

    async def act(run: Run, step: Step) -> e.Event:
        begun.append(step)
        return done(step)

    def full(kind: str) -> None:
        raise JournalError("the disk is full")

    log = journal()
    log.before = full
    with pytest.raises((JournalError, ExceptionGroup)):
        drive(backend, log, lambda seen: (A,), act)
    assert begun == []


@BACKENDS
def test_an_event_is_written_before_it_is_folded(backend: str) -> None:
    log = journal()
    lengths: list[int] = []

    async def act(run: Run, step: Step) -> e.Event:
        return done(step)

    def seen(before: Run, event: e.Event, after: Run) -> None:
        lengths.append(len(log.records))
        assert log.replay() == after != before

    async def main() -> Run:
        rule = choose(lambda seen: () if seen else (A,))
        return await Driver(log.replay(), log, act, seen, rule).drive()

    anyio.run(main, backend=backend)
    assert lengths == [2, 3]


@BACKENDS
def test_a_driver_that_wants_nothing_returns_at_once(backend: str) -> None:
    async def act(run: Run, step: Step) -> e.Event:
        raise AssertionError("nothing is wanted")

    log = journal()
    assert drive(backend, log, lambda seen: (), act) == log.replay()


@BACKENDS
def test_when_the_whole_drive_is_cancelled_the_steps_stay_in_flight_in_the_journal(backend: str) -> None:
    """What a signal does: no event of the step, so that a resume sees what was begun."""
    log = journal()

    async def main() -> None:
        begun = anyio.Event()

        async def act(run: Run, step: Step) -> e.Event:
            begun.set()
            await anyio.sleep_forever()
            raise AssertionError

        driver = Driver(log.replay(), log, act, decide=choose(lambda seen: (A,)))
        with anyio.fail_after(LIMIT_S):
            async with anyio.create_task_group() as group:
                group.start_soon(driver.drive)
                await begun.wait()
                group.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    assert log.replay().in_flight == {A.key}
