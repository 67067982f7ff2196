"""A plan: the document's intent. Written into the journal, so these are frozen pydantic models."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["error", "warning"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Task(_Frozen):
    """One unit of work with its gate. `line` is where the document declares it; `files` are paths or globs."""

    id: str
    title: str
    description: str = ""
    files: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    gate: str | None = None
    agent: str | None = None
    may_remove: tuple[str, ...] = ()
    may_skip: tuple[str, ...] = ()
    may_fail: tuple[str, ...] = ()
    allow_empty: bool = False
    acceptance_test: str | None = None
    kind: str = "auto"
    line: int = 0


class Finding(_Frozen):
    """Something a reader or a check has to say about a plan; an error means that the plan cannot be run."""

    severity: Severity
    code: str
    message: str
    line: int | None = None


class Plan(_Frozen):
    """A plan document as read: tasks in order, `depends_on` already turned into ids, `context` the text before them.

    `sha256` is the hash of the document's bytes. `findings` are the reader's own.
    """

    path: str
    format: str
    title: str
    sha256: str
    context: str = ""
    tasks: tuple[Task, ...] = ()
    findings: tuple[Finding, ...] = ()

    def task(self, id: str) -> Task:
        """The task with this id; StopIteration if there is none."""
        return next(task for task in self.tasks if task.id == id)

    def commands(self) -> tuple[str, ...]:
        """The shell commands that stand in the document, without repeats: what a person has to trust."""
        found = [c for task in self.tasks for c in (task.gate, task.acceptance_test) if c]
        return tuple(dict.fromkeys(found))
