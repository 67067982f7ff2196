"""Walks through one large JSON document member by member, so that a report of any size needs little memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

DEPTH = 200  # of nesting; a report that is deeper is refused
_CHUNK = 64 * 1024
_LARGEST_CHUNK = 8 * 2**20
_TOKEN = 32 * 2**20  # bytes of one text or number, which is held in memory


class Damaged(ValueError):
    """The document ends in the middle or is no JSON; what was yielded before is good."""


def members(stream: BinaryIO, arrays: Collection[str]) -> Iterator[tuple[str, Any]]:
    """(path, value) of each member of the document's object; members named in `arrays` give one pair an item.

    A path is the name, dotted for members of objects on the way to one of the `arrays` ("results.tests"). Numbers
    are int or float. Damaged when the document does not come to its end.
    """
    import ijson

    on_the_way = {name[:i] for name in arrays for i, c in enumerate(name) if c == "."} | set(arrays)
    try:
        yield from _walk(_events(stream), frozenset(arrays), frozenset(on_the_way))
    except (ijson.JSONError, UnicodeDecodeError, RecursionError, OverflowError) as problem:
        raise Damaged(str(problem).partition("\n")[0][:200]) from None


@dataclass(slots=True)
class _Chunks:
    """A stream in chunks that grow while nothing comes of them: yajl reads an unfinished token anew with each one."""

    stream: BinaryIO
    size: int = _CHUNK
    waiting: int = 0

    def read(self, size: int) -> bytes:
        if size == 0:  # ijson looks whether it gets bytes
            return b""
        if self.waiting > _TOKEN:
            raise Damaged(f"it has a text or a number of more than {_TOKEN // 2**20} MB")
        data = self.stream.read(min(self.size, _LARGEST_CHUNK))
        self.waiting += len(data)
        self.size *= 2
        return data


def _events(stream: BinaryIO) -> Iterator[tuple[str, Any]]:
    import ijson

    chunks = _Chunks(stream)
    for event in ijson.basic_parse(chunks, use_float=True):
        chunks.size, chunks.waiting = _CHUNK, 0
        yield event


def _walk(events: Any, arrays: frozenset[str], on_the_way: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """Keeps the paths itself: ijson makes one for each event, which for deep nesting costs the square of the depth."""
    above: list[str] = []  # the paths of the open containers that are taken apart
    path = ""
    for event, value in events:
        if event == "map_key":
            path = f"{above[-1]}.{value}" if above[-1] else value
        elif event in ("end_map", "end_array"):
            above.pop()
        elif event not in ("start_map", "start_array"):
            yield _path(path, arrays), value
        elif (not path and event == "start_map") or path in on_the_way:
            above.append(path)
            path = path if event == "start_map" else f"{path}.item"
        else:
            yield _path(path, arrays), _value(events, event)


def _path(prefix: str, arrays: frozenset[str]) -> str:
    """An item goes by the name of its array."""
    name = prefix.removesuffix(".item")
    return name if name in arrays else prefix


def _value(events: Any, opening: str) -> Any:
    """The whole value whose opening event was just read."""
    root: Any = {} if opening == "start_map" else []
    stack: list[Any] = [root]
    name = ""
    for event, value in events:
        if event == "map_key":
            name = value
        elif event in ("end_map", "end_array"):
            stack.pop()
            if not stack:
                return root
        else:
            fresh: Any = {} if event == "start_map" else [] if event == "start_array" else value
            holder = stack[-1]
            if isinstance(holder, dict):
                holder[name] = fresh
            else:
                holder.append(fresh)
            if event in ("start_map", "start_array"):
                if len(stack) >= DEPTH:
                    raise Damaged(f"it is nested deeper than {DEPTH}")
                stack.append(fresh)
    raise Damaged("it ends in the middle")
