"""Agents that print a stream of JSON objects, one a line: what claude, codex and pi have in common.

Each has a `Dialect`: how it is started, and how an event changes what is `Heard`, which is a pure fold. The stream is
data: fields may be missing or of any type, lines may be long or junk. We decide by what we did ourselves, then by the
exit code, then by the stream; and a stream without its result event is a crash.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from superteam import process
from superteam.agents.command import CommandAgent, environment, prepare, resolve, wall
from superteam.agents.heard import Heard, Session, exceeded, own, session_of
from superteam.agents.stream_report import report
from superteam.core.settings import AgentDefinition, Rates
from superteam.errors import AgentUnavailable
from superteam.ports import AgentReport, Brief

if TYPE_CHECKING:
    from anyio import Event

LINE = 50 * 2**20  # bytes; a longer line is no event
PATIENCE = 10.0  # seconds of silence after the result event, before the program is ended
RETRIES = 20  # in a row without any progress: then there is no connection
REFUSALS = 2  # of the key, in a row: the first may be a token that is renewed
_WAIT = 60.0  # seconds: an agent that waits longer for a rate limit's end is stopped, we wait better
_SHOWN = 400  # characters of a line that a person sees while it works


@dataclass(frozen=True, slots=True)
class Dialect:
    """One program: `arguments` for a brief, `read` for what an event changes, `shown` for what a person sees of it.

    `carried` are fields of Heard whose figures include the earlier dispatches of a continued session. `skipped` are
    beginnings of lines that need not be parsed. `install` and `login` are commands for the user.
    """

    program: str
    install: str
    login: str
    arguments: Callable[[Brief, Session | None], list[str]]
    read: Callable[[Heard, dict[str, Any], datetime], Heard]
    shown: Callable[[dict[str, Any]], Iterator[str]]
    carried: tuple[str, ...] = ()
    skipped: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamAgent:
    """Starts the program for each dispatch with the prompt on standard input, and listens to its stream."""

    name: str
    command: tuple[str, ...]
    root: Path
    dialect: Dialect
    rates: Rates | None = None
    patience: float = PATIENCE

    def check(self) -> None:
        """Raises AgentUnavailable, with what installs it or is to be mended, when the program is not there."""
        if self.command[0] != self.dialect.program:
            return CommandAgent(self.name, self.command, self.root).check()
        program = self.command[0]
        if shutil.which(program) is None:
            raise AgentUnavailable(
                f"The agent {self.name!r} needs the program {program}, which is not on the PATH or not executable.",
                f"Install it: {self.dialect.install}; or choose another agent with --agent NAME.",
            )
        return None

    async def work(self, brief: Brief) -> AgentReport:
        """One dispatch. Where the session to continue is not found (another tree, tidied away) a new one is begun."""
        session = session_of(brief.session)
        found, heard = await self._dispatch(brief, session)
        if session is None or heard.began or found.ended != "failed" or found.exit_code is None:
            return found
        again, _ = await self._dispatch(brief, None)
        note = f"the session {session.id} could not be continued, so a new one was begun"
        return replace(again, detail="; ".join(filter(None, (note, again.detail))))

    async def _dispatch(self, brief: Brief, session: Session | None) -> tuple[AgentReport, Heard]:
        import anyio

        try:
            prepare(brief)
        except OSError as problem:
            return AgentReport(ended="failed", detail=f"the agent was not started: {problem}"), Heard()
        ear = Ear(self, brief, session, anyio.Event())
        async with anyio.create_task_group() as group:
            group.start_soon(ear.lose_patience)
            done = await process.run(
                [resolve(self.command[0], self.root), *self.command[1:], *self.dialect.arguments(brief, session)],
                cwd=brief.tree,
                env=environment(brief),
                output=brief.output,
                stdin=brief.prompt.encode(errors="replace"),
                timeout=wall(brief),
                idle_timeout=brief.idle_timeout,
                grace=brief.grace,
                redact=ear.redact,
                on_stdout=ear.take,
                stop=ear.stop,
            )
            group.cancel_scope.cancel()
        ear.finish()
        return report(ear, done), ear.heard


class Ear:
    """Listens to one dispatch: splits lines, folds events, and sets `stop` when there is a reason to.

    `reason` says which: "limit" (`passed` names it), "key", "connection", "rate-limit" or "result" (the program did not
    end after its result); `problem` is what had gone wrong by then. What is heard after that is an answer to our stop.
    """

    def __init__(self, agent: StreamAgent, brief: Brief, session: Session | None, stop: Event) -> None:
        self.agent, self.brief, self.session, self.stop = agent, brief, session, stop
        self.redact = process.secrets_redactor(brief.env)
        self.heard = Heard()
        self.reason = self.passed = self.problem = ""
        self.lines = Lines()
        self.last = time.monotonic()

    def take(self, chunk: bytes) -> None:
        """More of standard output, as it came."""
        self.last = time.monotonic()
        for line in self.lines.split(chunk):
            self._hear(line)

    def finish(self) -> None:
        """Standard output is at its end: the last line may lack its newline."""
        self._hear(self.lines.rest())

    async def lose_patience(self) -> None:
        """Ends a program that has told its result and then neither ends nor says anything."""
        import anyio

        while (left := self.last + self.agent.patience - time.monotonic()) > 0 or not self.heard.finished:
            await anyio.sleep(max(left, min(0.25, self.agent.patience)))
        self._stop("result")

    def _hear(self, line: bytes) -> None:
        event = None if line.startswith(self.agent.dialect.skipped) else event_of(line)
        if event is None:
            return
        self.heard = self.agent.dialect.read(self.heard, event, datetime.now().astimezone())
        self._show(event)
        if not self.stop.is_set():
            self._judge()

    def _judge(self) -> None:
        if self.heard.finished:  # what is done is done
            return
        spent = own(self.heard, self.agent.dialect.carried, self.session, self.agent.rates)
        if passed := exceeded(spent, self.brief.limits):
            self.passed = passed
            self._stop("limit")
        elif self.heard.refusals >= REFUSALS:
            self._stop("key")
        elif self.heard.limited and self.heard.waits > _WAIT:
            self._stop("rate-limit")
        elif self.heard.retries >= RETRIES:
            self._stop("connection")

    def _stop(self, reason: str) -> None:
        if not self.stop.is_set():
            self.reason, self.problem = reason, self.heard.problem
            self.stop.set()

    def _show(self, event: dict[str, Any]) -> None:
        if self.brief.on_output is not None:
            for line in self.agent.dialect.shown(event):
                self.brief.on_output(self.redact(line.replace("\n", " ").encode(errors="replace")) + b"\n")


class Lines:
    """Splits chunks at \\n alone, in linear time; a line longer than `limit` bytes is dropped and counted."""

    def __init__(self, limit: int = LINE) -> None:
        self.limit = limit
        self.dropped = 0
        self._parts: list[bytes] = []
        self._size = 0

    def split(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that this chunk completes."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._add(end)
            yield self.rest()
        self._add(rest)

    def rest(self) -> bytes:
        """What there is of a line; it is then forgotten."""
        line = b"".join(self._parts)
        self.dropped += self._size > self.limit
        self._parts, self._size = [], 0
        return line

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self.limit:
            self._parts = []
        elif part:
            self._parts.append(part)


def event_of(line: bytes) -> dict[str, Any] | None:
    """The JSON object on a line; None for everything else."""
    if not line.lstrip().startswith(b"{"):
        return None
    with suppress(ValueError, RecursionError):
        found = json.loads(line)
        return found if isinstance(found, dict) else None
    return None


def shown_text(said: str) -> Iterator[str]:
    """An agent's text as lines for a person's eyes."""
    for line in said.splitlines()[:200]:
        if line.strip():
            yield line[:_SHOWN]


def shown_tool(verb: str, what: Any) -> Iterator[str]:
    """A tool's use as one line: "$ command", "edit path"."""
    lines = what.splitlines() if isinstance(what, str) else []
    yield f"{verb} {lines[0] if lines else ''}"[:_SHOWN].rstrip()


def make_stream_agent(name: str, definition: AgentDefinition, root: Path, dialect: Dialect) -> StreamAgent:
    """The agent of [agents.NAME], or the known one; `command` replaces the program's name."""
    return StreamAgent(name, definition.command or (dialect.program,), root, dialect, definition.rates)
