"""YAML as plain nodes with the lines of the document: no tags, no anchors, no recursion, every scalar a text."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from superteam.core.plan_rules import quoted
from superteam.plans.findings import Findings

if TYPE_CHECKING:
    import yaml

_DEEPEST = 20
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TEXT_TAG = "tag:yaml.org,2002:str"


@dataclass(slots=True)
class Node:
    """A scalar, a list, or a mapping whose items are key, value, key, value; `null` is a value that is not there."""

    kind: Literal["text", "list", "mapping"]
    line: int
    text: str = ""
    null: bool = False
    items: list[Node] = field(default_factory=list)

    def pairs(self) -> list[tuple[Node, Node]]:
        """Keys and values of a mapping, repeated keys included."""
        return list(zip(self.items[::2], self.items[1::2], strict=True))


def compose(content: str, first_line: int, findings: Findings) -> Node | None:
    """The node of the one document in the content; None after an error or when there is nothing."""
    import yaml

    breaks = [index for index, char in enumerate(content.removesuffix("\n")) if char == "\n"]
    line_of = _Lines(first_line, breaks)
    try:
        return _build(content, line_of, findings)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        findings.error("yaml", f"the YAML cannot be read: {_words(error)}", line_of(mark.index if mark else 0))
    except yaml.reader.ReaderError as error:
        message = f"the character {chr(error.character)!r} is not allowed in YAML"
        findings.error("yaml", message, line_of(error.position))
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        findings.error("yaml", f"the YAML cannot be read: {error}", first_line)
    return None


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines of the document by index in the content; YAML itself counts some more characters as line breaks."""

    first: int
    breaks: list[int]

    def __call__(self, index: int) -> int:
        return self.first + bisect_left(self.breaks, index)


def _build(content: str, line_of: _Lines, findings: Findings) -> Node | None:
    import yaml

    top: Node | None = None
    open_nodes: list[Node] = []
    for event in yaml.parse(content, Loader=yaml.SafeLoader):
        line = line_of(event.start_mark.index if event.start_mark else 0)
        refused = _refused(event, len(open_nodes), top is not None)
        if refused:
            findings.error("yaml", refused, line)
            return None
        if isinstance(event, yaml.CollectionEndEvent):
            open_nodes.pop()
        elif isinstance(event, yaml.NodeEvent):
            node = _node(event, line)
            top = top or node
            if open_nodes:
                open_nodes[-1].items.append(node)
            if node.kind != "text":
                open_nodes.append(node)
    return top


def _refused(event: yaml.Event, depth: int, has_document: bool) -> str | None:
    """Why this event is not allowed in a plan, or None."""
    import yaml

    if isinstance(event, yaml.DocumentStartEvent) and has_document:
        return "a second YAML document begins here; write all tasks as one list"
    if not isinstance(event, yaml.NodeEvent):
        return None
    if event.anchor is not None:
        return (
            f"anchors and aliases (here {quoted(event.anchor)}) are not allowed; quote a text that begins with & or *"
        )
    tag = getattr(event, "tag", None)
    if tag not in (None, _TEXT_TAG):
        return f"tags (here {quoted(str(tag))}) are not allowed; quote a text that begins with !"
    if depth >= _DEEPEST:
        return f"the YAML is nested more than {_DEEPEST} levels deep"
    return None


def _node(event: yaml.NodeEvent, line: int) -> Node:
    import yaml

    if isinstance(event, yaml.ScalarEvent):
        null = event.style is None and event.tag is None and event.value in _NULLS
        return Node("text", line, event.value, null)
    return Node("mapping" if isinstance(event, yaml.MappingStartEvent) else "list", line)


def _words(error: yaml.MarkedYAMLError) -> str:
    """The parser's words on one line, with the cure for the two commonest mistakes."""
    said = ", ".join(part for part in (error.context, error.problem) if part)
    if "mapping values are not allowed" in said:
        return f"{said} (quote a text that contains a colon and a space)"
    if "'\\t'" in said:
        return f"{said} (indent with spaces, not tabs)"
    return said
