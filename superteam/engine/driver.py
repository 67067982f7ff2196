"""The one loop: starts the steps that are wanted, cancels those that no longer are, records what happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from superteam.core import events as e
from superteam.core.decide import Step, decide
from superteam.core.evolve import evolve
from superteam.core.run import Run

Perform = Callable[[Run, Step], Awaitable[e.Event]]
Outcome = tuple[Step, e.Event | None]


class Recorder(Protocol):
    """Writes an event down and returns its time; raises JournalError when it could not, and then nothing goes on."""

    def __call__(self, event: e.Event) -> str: ...


@dataclass(slots=True)
class Driver:
    """Drives a run until nothing more is wanted. The only writer of its journal: append and fold are one act."""

    run: Run
    append: Recorder
    perform: Perform
    observe: Callable[[Run, e.Event, Run], None] = lambda before, event, after: None
    decide: Callable[[Run], frozenset[Step]] = decide
    _scopes: dict[Step, anyio.CancelScope] = field(default_factory=dict)

    def record(self, event: e.Event) -> None:
        """Writes an event down, then folds it into the state."""
        at = self.append(event)
        before, self.run = self.run, evolve(self.run, event, at)
        self.observe(before, event, self.run)

    async def drive(self) -> Run:
        """Runs until no step is wanted and none is in flight; a step's error comes out in an ExceptionGroup."""
        send, receive = anyio.create_memory_object_stream[Outcome](float("inf"))
        self._scopes.clear()
        async with send, receive, anyio.create_task_group() as group:
            while self._arrange(group, send):
                await self._take_next(receive)
        return self.run

    def _arrange(self, group: TaskGroup, send: MemoryObjectSendStream[Outcome]) -> bool:
        """Brings what is in flight in line with what is wanted; whether anything is in flight."""
        wanted = self.decide(self.run)
        for step, scope in self._scopes.items():
            if step not in wanted:
                scope.cancel()
        # What was cancelled may still be cleaning up in the same tree: nothing new begins before it has ended.
        if not any(scope.cancel_called for scope in self._scopes.values()):
            for step in sorted(wanted - self._scopes.keys(), key=lambda step: step.key):
                self.record(_started(step))
                self._scopes[step] = anyio.CancelScope()
                group.start_soon(self._perform_one, step, self._scopes[step], send)
        return bool(self._scopes)

    async def _take_next(self, receive: MemoryObjectReceiveStream[Outcome]) -> None:
        step, event = await receive.receive()
        scope = self._scopes.pop(step)
        # An event that arrives after its step was cancelled is dropped: the state has moved on without it.
        late = scope.cancel_called or event is None
        self.record(e.StepCancelled(key=step.key) if late or event is None else event)

    async def _perform_one(self, step: Step, scope: anyio.CancelScope, send: MemoryObjectSendStream[Outcome]) -> None:
        event: e.Event | None = None
        with scope:
            event = (await self.perform(self.run, step)).model_copy(update={"key": step.key})
        send.send_nowait((step, event))


def _started(step: Step) -> e.StepStarted:
    return e.StepStarted(key=step.key, step=step.kind, task=step.task, number=step.number, role=step.role)
