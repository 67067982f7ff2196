"""A plan: the document's intent. Written into the journal, so these are frozen pydantic models."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from superteam.core.settings import AgentChoice

Severity = Literal["error", "warning"]
TaskKind = Literal["auto", "tdd", "verification", "human-verify", "decision", "human-action"]
HUMAN: frozenset[TaskKind] = frozenset({"human-verify", "decision", "human-action"})


def in_turn(commands: Sequence[str]) -> str:
    """One shell command that runs these one after the other, each in a shell of its own, as long as they succeed."""
    if len(commands) == 1:
        return commands[0]
    return " && ".join(f"( {command}{_end_of(command)})" for command in commands)


def _end_of(command: str) -> str:
    """A line's end where the bracket would else belong to a comment, a here-document or the next line."""
    return "\n" if any(mark in command for mark in ("#", "<<", "\n", "\\")) else " "


def _agent(value: Any) -> Any:
    """A name alone is an agent with all else as it is configured."""
    return {"use": value} if isinstance(value, str) else value


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Choice(_Frozen):
    """One option of a decision; `id` is what `superteam answer` takes."""

    id: str
    name: str = ""
    pros: str = ""
    cons: str = ""


class Checkpoint(_Frozen):
    """What a person is asked, in the document's own words: `subject` is what was built, what is to be decided or what
    is to be done; `instructions` are how to verify it, the context, or the steps."""

    subject: str
    instructions: str = ""
    options: tuple[Choice, ...] = ()
    resume_signal: str = ""


class Task(_Frozen):
    """One unit of work with its gate. `line` is where the document declares it; `files` are paths or globs, `modifies`
    those of them that the document takes to be there already.

    `kind`: auto and tdd are dispatched to an agent (the tests that a tdd task adds must fail without its other
    changes); verification has no work of its own, only a gate that the state so far must pass; the HUMAN kinds ask a
    person. `part` names the Part it belongs to: the tasks of one part never run side by side. A task of a higher
    `wave` begins when no task of a lower one is pending or being worked on.
    """

    id: str
    title: str
    description: str = ""
    files: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    gate: str | None = None
    agent: Annotated[AgentChoice | None, BeforeValidator(_agent)] = None
    may_remove: tuple[str, ...] = ()
    may_skip: tuple[str, ...] = ()
    may_change: tuple[str, ...] = ()
    may_fail: tuple[str, ...] = ()
    allow_empty: bool = False
    acceptance_test: str | None = None
    kind: TaskKind = "auto"
    part: str = ""
    wave: int = 0
    checkpoint: Checkpoint | None = None
    modifies: tuple[str, ...] = ()
    line: int = 0


class Artifact(_Frozen):
    """A file that must be there at the end; `text` is what the document says, and all of it for a plain string."""

    text: str
    path: str | None = None
    min_lines: int | None = None
    exports: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()


class KeyLink(_Frozen):
    """A connection that must be there at the end: `pattern` is found in the file `source`, or in `target`."""

    text: str
    source: str | None = None
    target: str | None = None
    pattern: str | None = None


class MustHaves(_Frozen):
    """What must be true when a part is done. Truths are for people: no machine can check them."""

    truths: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    key_links: tuple[KeyLink, ...] = ()


class Part(_Frozen):
    """One plan document of those that a plan is made of, such as a GSD plan of a phase.

    `references` are the `@file` paths whose text belongs into the prompts of its tasks, as they stand in the document.
    `about` is its frontmatter, as plain values. `output` is where its summary belongs, a path in the repository.
    """

    id: str
    path: str
    title: str
    context: str = ""
    references: tuple[str, ...] = ()
    must_haves: MustHaves = MustHaves()
    success_criteria: tuple[str, ...] = ()
    output: str | None = None
    about: dict[str, Any] = {}


class Finding(_Frozen):
    """Something a reader or a check has to say about a plan; an error means that the plan cannot be run.

    `path` is the document that the line is in, where the plan is made of several.
    """

    severity: Severity
    code: str
    message: str
    line: int | None = None
    path: str | None = None


class Plan(_Frozen):
    """A plan document as read: tasks in order, `depends_on` already turned into ids, `context` the text before them.

    `sha256` is the hash of the document's bytes (of all documents of a folder, in order); `files` are the documents'
    paths in the repository, which is only `path` for a plan of one document. `findings` are the reader's own.
    """

    path: str
    format: str
    title: str
    sha256: str
    context: str = ""
    tasks: tuple[Task, ...] = ()
    parts: tuple[Part, ...] = ()
    files: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    def task(self, id: str) -> Task:
        """The task with this id; StopIteration if there is none."""
        return next(task for task in self.tasks if task.id == id)

    def part_of(self, task: Task) -> Part | None:
        """The document that the task stands in, where the plan is made of parts."""
        return next((part for part in self.parts if part.id == task.part), None)

    def documents(self) -> tuple[str, ...]:
        """The paths of all documents that the plan was read from."""
        return self.files or (self.path,)

    def commands(self) -> tuple[str, ...]:
        """The shell commands that stand in the document, without repeats, and the arguments that it gives an agent's
        program: what a person has to trust."""
        found = [c for task in self.tasks for c in (task.gate, task.acceptance_test, _arguments_of(task)) if c]
        return tuple(dict.fromkeys(found))


def _arguments_of(task: Task) -> str:
    """With the agent that the document names: the same arguments mean something else to another program."""
    given = task.agent.arguments if task.agent else None
    named = f" {task.agent.use}" if task.agent and task.agent.use else ""
    return f"(arguments of the agent{named} of task {task.id}) {shlex.join(given)}" if given else ""
