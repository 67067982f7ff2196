"""The frontmatter of a GSD document as plain values; YAML that cannot be read is mended or read line by line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from superteam.plans.findings import Findings
from superteam.plans.nodes import Node, compose

_LARGEST = 2**20
_RULE = re.compile(r"-{3,}[ \t]*")
_HEADING = re.compile(r"^#{1,6}[ \t]{1,5}Frontmatter[ \t]{0,5}\n{1,3}(?:```|~~~)ya?ml[ \t]{0,5}\n", re.M | re.I)
_FENCE_END = re.compile(r"^(?:```|~~~)[ \t]{0,5}$", re.M)
_PAIR = re.compile(r"([ \t]{0,20})(- +)?(?:([\w.-]{1,60}):(?: +|$))?(.*)")
_ESCAPES = frozenset('0abt\tnvfre "/\\N_LPxuU\n')
_FLAGS: Mapping[str, Any] = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Frontmatter:
    """Where it stands in the document, and its values: texts as they were written, booleans, lists and mappings."""

    span: tuple[int, int] = (0, 0)
    values: dict[str, Any] = field(default_factory=dict)


def read_frontmatter(text: str, findings: Findings) -> Frontmatter:
    """The YAML between two rules at the top, or in the fence below a heading "Frontmatter"."""
    found = _at_top(text, findings) or _below_heading(text)
    if found is None:
        return Frontmatter()
    outer, inner = found
    content = text[inner[0] : inner[1]]
    if len(content) > _LARGEST:
        findings.error("too-large", "the frontmatter is larger than 1 MiB", 1)
        return Frontmatter(outer)
    return Frontmatter(outer, _values(content, text.count("\n", 0, inner[0]) + 1, findings))


def texts(value: Any) -> tuple[str, ...]:
    """A value as a list of texts: a list, one text, or nothing; of mappings `key: value` is left."""
    entries = value if isinstance(value, list) else [value]
    return tuple(text for text in map(text_of, entries) if text)


def text_of(value: Any) -> str:
    """A value as one line of text."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {text_of(inner)}" if text_of(inner) else key for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(text_of, value))
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(str(value).split()) if value is not None else ""


def _at_top(text: str, findings: Findings) -> tuple[tuple[int, int], tuple[int, int]] | None:
    start = len(text) - len(text.lstrip())
    lines = text[start:].split("\n")
    if not _RULE.fullmatch(lines[0]):
        return None
    first = place = start + len(lines[0]) + 1
    for line in lines[1:]:
        if _RULE.fullmatch(line):
            return (start, min(place + len(line) + 1, len(text))), (first, place)
        if line.startswith(("<", "# ")):
            break
        place += len(line) + 1
    else:
        return None
    findings.warning("open-frontmatter", "the frontmatter is never closed by ---", text.count("\n", 0, start) + 1)
    return (start, place), (first, place)


def _below_heading(text: str) -> tuple[tuple[int, int], tuple[int, int]] | None:
    head = _HEADING.search(text)
    end = _FENCE_END.search(text, head.end()) if head else None
    return ((head.start(), end.end()), (head.end(), end.start())) if head and end else None


def _values(content: str, line: int, findings: Findings) -> dict[str, Any]:
    """The first reading that gives a mapping: as it is, with its escapes mended, line by line."""
    problems = Findings()
    for mended in dict.fromkeys((content, _mended(content))):
        trial = Findings()
        node = compose(mended, line, trial)
        if not trial.failed and (node is None or node.kind == "mapping"):
            _warn("frontmatter-mended", "its backslashes were taken literally", problems, findings)
            found = _plain(node) if node else {}
            return found if isinstance(found, dict) else {}
        problems = problems if problems.failed else trial
    _warn("frontmatter-lenient", "it was read line by line", problems, findings)
    return _by_lines(content)


def _warn(code: str, what: str, problems: Findings, findings: Findings) -> None:
    for problem in problems.all()[:1]:
        findings.warning(code, f"the frontmatter is no valid YAML ({problem.message}); {what}", problem.line)


def _mended(content: str) -> str:
    """Double-quoted texts (on one line) have a backslash doubled that stands before what YAML cannot escape."""
    inside = False

    def mend(match: re.Match[str]) -> str:
        nonlocal inside
        if match[0] in ('"', "\n"):
            inside = match[0] == '"' and not inside
            return match[0]
        return "\\" + match[0] if inside and match[0][1] not in _ESCAPES else match[0]

    return re.sub(r"""\\[^\n]|["\n]""", mend, content)


def _plain(node: Node) -> Any:
    if node.kind == "list":
        return [_plain(item) for item in node.items]
    if node.kind == "mapping":
        pairs = {_sound(key.text): value for key, value in reversed(node.pairs()) if key.kind == "text"}
        return {key: _plain(value) for key, value in reversed(pairs.items())}
    return None if node.null else _FLAGS.get(node.text, _sound(node.text))


def _sound(text: str) -> str:
    """The text without NUL and half surrogates, which escapes can bring in and no file can hold."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "�")


def _by_lines(content: str) -> dict[str, Any]:
    """Keys, lists and mappings of lists by indentation alone; a line that is none of these is left out."""
    found: dict[str, Any] = {}
    open_keys: list[tuple[int, dict[str, Any], str]] = []
    for line in content.split("\n"):
        match = _PAIR.fullmatch(line[:2000])
        if match is None or not line.strip() or line.lstrip().startswith("#"):
            continue
        indent, key, value = len(match[1]), match[3], _scalar(match[4])
        while open_keys and (open_keys[-1][0] > indent or (open_keys[-1][0] == indent and not match[2])):
            open_keys.pop()
        if match[2]:
            _append(open_keys, _scalar(f"{key}: {match[4]}") if key else value)
        elif key:
            inside = _mapping(open_keys) if open_keys else found
            if inside is not None:
                inside[key] = value
                open_keys.append((indent, inside, key))
    return found


def _mapping(open_keys: list[tuple[int, dict[str, Any], str]]) -> dict[str, Any] | None:
    """The mapping below the innermost open key; None if something else stands there already."""
    _, parent, key = open_keys[-1]
    if parent[key] is None:
        parent[key] = {}
    return parent[key] if isinstance(parent[key], dict) else None


def _append(open_keys: list[tuple[int, dict[str, Any], str]], value: Any) -> None:
    if open_keys:
        _, parent, key = open_keys[-1]
        if parent[key] is None:
            parent[key] = []
        if isinstance(parent[key], list):
            parent[key].append(value)


def _scalar(text: str) -> Any:
    """A text without its quotes, a flow list of such texts, a boolean, or None for nothing."""
    text = _sound(text.strip())
    if text.startswith("[") and text.endswith("]"):
        return [_scalar(part) for part in text[1:-1].split(",") if part.strip()]
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        return text[1:-1]
    return _FLAGS.get(text, text or None)
