"""Walks through one large JSON document member by member, so that a report of any size needs little memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

DEPTH = 200  # of nesting; a report that is deeper is refused


class Damaged(ValueError):
    """The document ends in the middle or is no JSON; what was yielded before is good."""


def members(stream: BinaryIO, arrays: Collection[str]) -> Iterator[tuple[str, Any]]:
    """(path, value) of each member of the document's object; members named in `arrays` give one pair an item.

    A path is the name, dotted for members of objects on the way to one of the `arrays` ("results.tests"). Numbers
    are int or float. Damaged when the document does not come to its end.
    """
    import ijson

    objects = {name[:i] for name in arrays for i, c in enumerate(name) if c == "."}
    try:
        yield from _walk(ijson.parse(stream, use_float=True), frozenset(arrays), frozenset(objects))
    except (ijson.JSONError, UnicodeDecodeError, RecursionError, OverflowError) as problem:
        raise Damaged(str(problem).partition("\n")[0][:200]) from None


def _walk(events: Any, arrays: frozenset[str], objects: frozenset[str]) -> Iterator[tuple[str, Any]]:
    for prefix, event, value in events:
        if event in ("start_map", "start_array"):
            # The document itself, and what is on the way to a member that is taken apart.
            if (not prefix and event == "start_map") or prefix in objects or (prefix in arrays):
                continue
            yield _path(prefix, arrays), _value(events, event)
        elif event not in ("map_key", "end_map", "end_array"):
            yield _path(prefix, arrays), value


def _path(prefix: str, arrays: frozenset[str]) -> str:
    """An item goes by the name of its array."""
    name = prefix.removesuffix(".item")
    return name if name in arrays else prefix


def _value(events: Any, opening: str) -> Any:
    """The whole value whose opening event was just read."""
    root: Any = {} if opening == "start_map" else []
    stack: list[Any] = [root]
    name = ""
    for _, event, value in events:
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
