"""What an agent tells while it works, folded from its session updates; fields may be missing or of any type."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from superteam.agents.fields import count, number, objects, text
from superteam.agents.fields import field as at

_KEPT = 2**20  # characters of messages: a reviewer's verdict stands at their end
_SHOWN = 400  # characters of a line that a person sees while the agent works
_TOOLS = 500  # newest tool calls whose kind and paths are remembered until permission is asked for
_PATHS = 1000  # of one tool call
_PATH_KEYS = {
    "abs_path", "absolute_path", "cwd", "destination", "dir", "directory", "file", "file_path", "filename",
    "filePath", "filepath", "new_path", "notebook_path", "old_path", "path", "paths", "source", "target_file",
    "workdir", "working_directory",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool call as far as it was told; `paths` as the agent wrote them."""

    kind: str = ""
    title: str = ""
    paths: tuple[str, ...] = ()


class Words:
    """The messages of an agent, of which the end is kept; `show` gets each line when it is whole."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._name = ""
        self._parts: list[str] = []
        self._size = 0
        self._line = ""
        self._earlier: deque[str] = deque()
        self._earlier_size = 0

    def add(self, said: str, name: str) -> None:
        """A piece of the message with this name ("" where the agent gives none)."""
        if name != self._name:
            self.end_message()
            self._name = name
        self._parts.append(said)
        self._size += len(said)
        if self._size > 2 * _KEPT:
            self._parts = ["".join(self._parts)[-_KEPT:]]
            self._size = _KEPT
        *lines, rest = (self._line + said).split("\n")
        for line in lines:
            self._show(line)
        self._line = rest[:_SHOWN]

    def end_message(self) -> None:
        """What comes next is another message."""
        self._show(self._line)
        said = "".join(self._parts).strip()
        self._parts, self._size, self._line = [], 0, ""
        if said:
            self._earlier.append(said)
            self._earlier_size += len(said)
        while self._earlier_size > _KEPT and len(self._earlier) > 1:
            self._earlier_size -= len(self._earlier.popleft())

    def last(self) -> str:
        """The last message."""
        return "".join(self._parts).strip() or (self._earlier[-1] if self._earlier else "")

    def all(self) -> str:
        """The end of all messages."""
        return "\n".join((*self._earlier, "".join(self._parts)))[-_KEPT:]


@dataclass(slots=True)
class Told:
    """The state of a dispatch; `show` gets readable lines for people.

    `turns` are requests to the model, known by its speaking again after a tool has ended. `total_usd` is as the agent
    counts it. `rate_limit` is what is told of the provider's.
    """

    show: Callable[[str], None]
    words: Words
    turns: int = 0
    total_usd: float | None = None
    rate_limit: Any = None
    tools: dict[str, Tool] = field(default_factory=dict)
    awaited: bool = True  # the model is to speak next
    spent: int = 0  # tokens of the turns before this one
    context: int = 0  # and of this one, as far as told
    broken: bool = False  # codex: its thread has met an error, though its turn then ends like any other

    def hear(self, update: Any) -> None:
        """One session update; what is unknown is ignored."""
        match at(update, "sessionUpdate"):
            case "agent_message_chunk":
                self._begin_turn()
                self.words.add(text(at(update, "content", "text")), text(at(update, "messageId")))
            case "agent_thought_chunk":
                self._begin_turn()
            case "tool_call":
                self._begin_turn()
                self.words.end_message()
                self._use(update)
            case "tool_call_update":
                self._use(update)
            case "usage_update":
                self._count(update)
            case "session_info_update":
                if status := text(at(update, "_meta", "codex", "threadStatus", "type")):
                    self.broken = status == "systemError"

    @property
    def tokens(self) -> int:
        """What was used up to now: the sizes of the context, once for each turn, where these are told."""
        return self.spent + self.context

    def finish(self) -> None:
        """Nothing more will come."""
        self.words.end_message()

    def tool(self, told: Any) -> Tool:
        """A tool call with what was told of it before; what is told now wins."""
        known = self.tools.get(text(at(told, "toolCallId")), Tool())
        return Tool(
            kind=text(at(told, "kind")) or known.kind,
            title=text(at(told, "title")).strip()[:_SHOWN] or known.title,
            paths=_few(dict.fromkeys((*_paths(told), *known.paths))),
        )

    def _begin_turn(self) -> None:
        if self.awaited:
            self.turns += 1
            self.spent, self.context = self.tokens, 0
        self.awaited = False

    def _use(self, update: Any) -> None:
        name = text(at(update, "toolCallId"))
        before, now = self.tools.get(name, Tool()), self.tool(update)
        self.tools.pop(name, None)  # the newest stands last
        self.tools[name] = now
        if len(self.tools) > _TOOLS:
            del self.tools[next(iter(self.tools))]
        if now.title and now.title != before.title:
            self.show(f"tool: {now.title.splitlines()[0]}")
        self.awaited = self.awaited or at(update, "status") in ("completed", "failed")

    def _count(self, update: Any) -> None:
        if used := count(at(update, "used")):
            self._begin_turn()
            self.context = max(self.context, used)
        if at(update, "cost", "currency") in ("USD", None):
            cost = number(at(update, "cost", "amount"))
            self.total_usd = self.total_usd if cost is None else cost
        self.rate_limit = at(update, "_meta", "_claude/rateLimit") or self.rate_limit


def _few(paths: Collection[str]) -> tuple[str, ...]:
    """The paths; of too many the first, and one that nobody may change."""
    return tuple(paths) if len(paths) <= _PATHS else (*islice(paths, _PATHS), "/")


def _paths(told: Any) -> Iterator[str]:
    """Each path that a tool call names: places, differences, and arguments by their usual names."""
    for part in (*objects(at(told, "locations")), *objects(at(told, "content"))):
        yield from _texts(part.get("path"))
    given = at(told, "rawInput")
    for key in given if isinstance(given, dict) else ():
        if key in _PATH_KEYS:
            yield from _texts(given[key])
    changes = at(given, "changes")
    yield from changes if isinstance(changes, dict) else ()


def _texts(value: Any) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str) and item]
