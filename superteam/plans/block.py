"""The tasks of a superteam-tasks block (contract, section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict

from superteam.core.plan import HUMAN, Checkpoint, Choice, Task, TaskKind
from superteam.core.plan_rules import quoted
from superteam.core.settings import AgentChoice
from superteam.plans.findings import Findings
from superteam.plans.nodes import Node, compose

_KEYS = (
    *("title", "description", "files", "id", "depends_on", "gate", "validate", "agent"),
    *("may-remove", "may-skip", "may-change", "may-fail", "allow-empty", "acceptance_test", "checkpoint", "options"),
)
_CHOICE = ("id", "name", "pros", "cons")
_SPELLINGS = {key.replace("-", "_"): key for key in _KEYS}
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_WORDS = {"text": "a text", "list": "a list", "mapping": "a mapping"}
_LARGEST_BLOCK = 2**20

Fields = Mapping[str, Node]


def read_block(content: str, first_line: int, findings: Findings) -> tuple[Task, ...]:
    """The tasks of the block whose content begins at this line of the document."""
    if len(content.encode()) > _LARGEST_BLOCK:
        findings.error("too-large", "the superteam-tasks block is larger than 1 MiB", first_line - 1)
        return ()
    top = compose(content, first_line, findings)
    if top is None or top.null or not (top.items or top.text):
        if not findings.failed:
            findings.error("no-tasks", "the superteam-tasks block holds no tasks", first_line - 1)
        return ()
    if top.kind != "list":
        message = f"the block is {_WORDS[top.kind]}, not a list of tasks; begin each task with '- title: ...'"
        findings.error("wrong-type", message, top.line)
        return ()
    drafts = [_task(node, place, findings) for place, node in enumerate(top.items, 1)]
    return _resolve([draft for draft in drafts if draft], findings)


def _task(node: Node, place: int, findings: Findings) -> Task | None:
    if node.kind != "mapping":
        message = f"task {place} is {_WORDS[node.kind]}, not a mapping; write '- title: ...'"
        findings.error("wrong-type", message, node.line)
        return None
    fields = _fields(node, findings)
    title = _one_line(fields, "title", findings)
    if not title and "title" not in fields:
        findings.error("missing-title", f"task {place} has no title", node.line)
    return Task(
        id=_one_line(fields, "id", findings) or str(place),
        title=title or "",
        description=_text(fields, "description", findings) or "",
        files=_texts(fields, "files", findings),
        depends_on=_texts(fields, "depends_on", findings),
        gate=_gate(fields, findings),
        agent=_agent(fields, findings),
        may_remove=_texts(fields, "may-remove", findings),
        may_skip=_texts(fields, "may-skip", findings),
        may_change=_texts(fields, "may-change", findings),
        may_fail=_texts(fields, "may-fail", findings),
        allow_empty=_flag(fields, "allow-empty", findings),
        acceptance_test=_text(fields, "acceptance_test", findings),
        **_checkpoint(fields, findings),
        line=node.line,
    )


_AGENT = ("use", "model", "effort", "arguments")


def _agent(fields: Fields, findings: Findings) -> AgentChoice | None:
    """An agent's name, or a table with what differs for this task."""
    node = fields.get("agent")
    if node is None:
        return None
    if node.kind != "mapping":
        use = _one_line(fields, "agent", findings)
        return AgentChoice(use=use) if use else None
    found: dict[str, Node] = {}
    for key, value in node.pairs():
        if key.text not in _AGENT:
            message = f"the key {quoted(key.text)} of an agent is not known; known are {', '.join(_AGENT)}"
            findings.warning("unknown-key", message, key.line)
        elif not value.null:
            found.setdefault(key.text, value)
    arguments = tuple(part.text for part in _argument_nodes(found, findings))
    return AgentChoice(
        use=_one_line(found, "use", findings),
        model=_name_of(found, "model", findings),
        effort=_name_of(found, "effort", findings),
        arguments=arguments if "arguments" in found else None,
    )


def _argument_nodes(fields: Fields, findings: Findings) -> Iterable[Node]:
    """The arguments as they are: two equal ones are two."""
    node = fields.get("arguments")
    if node is not None and node.kind == "list" and all(item.kind == "text" and not item.null for item in node.items):
        return [item for item in node.items if _usable(item, "arguments", findings) is not None]
    if node is not None:
        findings.error("wrong-type", 'arguments must be a list of texts, such as ["--verbose"]', node.line)
    return ()


def _name_of(fields: Fields, name: str, findings: Findings) -> str | None:
    text = _one_line(fields, name, findings)
    if text and text.startswith("-"):
        findings.error("wrong-type", f"{name} must be a name, not the option {quoted(text)}", fields[name].line)
        return None
    return text or None


class _Asking(TypedDict, total=False):
    kind: TaskKind
    checkpoint: Checkpoint


def _checkpoint(fields: Fields, findings: Findings) -> _Asking:
    """What makes a task a question to a person: its description is what the person is told."""
    word = _one_line(fields, "checkpoint", findings)
    kind = next((kind for kind in HUMAN if kind == word), None)
    if word and kind is None:
        message = f"checkpoint must be one of {', '.join(sorted(HUMAN))}, not {quoted(word)}"
        findings.error("wrong-type", message, fields["checkpoint"].line)
    if "options" in fields and kind != "decision":
        message = "options belong to 'checkpoint: decision'; here they are ignored"
        findings.warning("unused-key", message, fields["options"].line)
    if kind is None:
        return {}
    asked = Checkpoint(
        subject=_one_line(fields, "title", Findings()) or "",
        instructions=_text(fields, "description", Findings()) or "",
        options=tuple(_choices(fields, findings)) if kind == "decision" else (),
    )
    return {"kind": kind, "checkpoint": asked}


def _choices(fields: Fields, findings: Findings) -> Iterable[Choice]:
    node = fields.get("options")
    if node is None:
        return
    if node.kind != "list":
        findings.error("wrong-type", "options must be a list such as '- {id: a, name: The first}'", node.line)
        return
    for option in node.items:
        if option.kind == "text" and not option.null and option.text.strip():
            yield Choice(id=" ".join(option.text.split()))
        elif option.kind != "mapping":
            findings.error("wrong-type", "an option must be a mapping with an id", option.line)
        else:
            yield _choice(option, findings)


def _choice(option: Node, findings: Findings) -> Choice:
    found: dict[str, Node] = {}
    for key, value in option.pairs():
        if key.text not in _CHOICE:
            findings.warning("unknown-key", f"the key {quoted(key.text)} of an option is not known", key.line)
        elif not value.null:
            found.setdefault(key.text, value)
    if "id" not in found:
        findings.error("missing-id", "an option has no id, which is what a person answers", option.line)
    return Choice(
        id=_one_line(found, "id", findings) or "", **{name: _words(found, name, findings) for name in _CHOICE[1:]}
    )


def _words(fields: Fields, name: str, findings: Findings) -> str:
    """A text, or several as one."""
    return "; ".join(_texts(fields, name, findings))


def _fields(node: Node, findings: Findings) -> Fields:
    """The known keys that have a value, whichever way they are spelled."""
    seen: dict[str, Node] = {}
    for key, value in node.pairs():
        name = _name(key, findings)
        if name is None:
            continue
        if name in seen:
            findings.error("duplicate-key", f"{name} stands twice in one task", key.line)
        seen.setdefault(name, value)
    return {name: value for name, value in seen.items() if not value.null}


def _name(key: Node, findings: Findings) -> str | None:
    if key.kind != "text":
        findings.error("wrong-type", f"a key of a task is {_WORDS[key.kind]}, not a word", key.line)
        return None
    name = _SPELLINGS.get(key.text.replace("-", "_"))
    if name is None:
        findings.warning("unknown-key", f"the key {quoted(key.text)} is not known{_nearest(key.text)}", key.line)
    return name


def _nearest(word: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word[:40].lower(), _KEYS, 1)
    return f"; did you mean {near[0]}?" if near else " and is ignored"


def _gate(fields: Fields, findings: Findings) -> str | None:
    if "gate" in fields and "validate" in fields:
        line = fields["validate"].line
        findings.error("gate-twice", "gate and validate are two names of one key; give only one of them", line)
    return _text(fields, "gate", findings) or _text(fields, "validate", findings)


def _text(fields: Fields, name: str, findings: Findings) -> str | None:
    """The text of a key, None if it is not there or unusable."""
    node = fields.get(name)
    if node is None:
        return None
    if node.kind != "text":
        findings.error("wrong-type", f"{name} must be a text, not {_WORDS[node.kind]}", node.line)
        return None
    return _usable(node, name, findings)


def _one_line(fields: Fields, name: str, findings: Findings) -> str | None:
    """A text that goes into subject lines and trailers: on one line, and not empty if it is there."""
    text = _text(fields, name, findings)
    if text is None:
        return None
    words = " ".join(text.split())
    if not words:
        findings.error("empty-value", f"{name} is empty", fields[name].line)
    return words


def _texts(fields: Fields, name: str, findings: Findings) -> tuple[str, ...]:
    """A list of texts; one text alone is a list of one."""
    node = fields.get(name)
    if node is None:
        return ()
    entries = node.items if node.kind == "list" else [node]
    if node.kind == "mapping" or any(entry.kind != "text" or entry.null for entry in entries):
        wrong = next((entry for entry in entries if entry.kind != "text" or entry.null), node)
        findings.error("wrong-type", f"{name} must be a text or a list of texts", wrong.line)
        return ()
    texts = (_usable(entry, name, findings) for entry in entries)
    return tuple(dict.fromkeys(text.strip() for text in texts if text is not None))


def _flag(fields: Fields, name: str, findings: Findings) -> bool:
    node = fields.get(name)
    if node is None:
        return False
    found = _FLAGS.get(node.text.lower()) if node.kind == "text" else None
    if found is None:
        findings.error("wrong-type", f"{name} must be true or false", node.line)
    return bool(found)


def _usable(node: Node, name: str, findings: Findings) -> str | None:
    """The text, if it can be written to a file and given to a program; escapes may have made it otherwise."""
    try:
        whole = node.text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        whole = "\0"
    if "\0" in whole:
        findings.error(
            "bad-character", f"{name} holds a character that no text may hold (NUL or half a pair)", node.line
        )
        return None
    return whole


def _resolve(tasks: list[Task], findings: Findings) -> tuple[Task, ...]:
    """Turns titles in depends_on into ids; what is neither stays as it is, for the rules to complain about."""
    ids = {task.id for task in tasks}
    titled: dict[str, list[str]] = {}
    for task in tasks:
        titled.setdefault(task.title, []).append(task.id)
    return tuple(
        task.model_copy(update={"depends_on": tuple(_dependencies(task, ids, titled, findings))})
        if task.depends_on
        else task
        for task in tasks
    )


def _dependencies(task: Task, ids: set[str], titled: Mapping[str, list[str]], findings: Findings) -> Iterable[str]:
    found: dict[str, None] = {}
    for name in task.depends_on:
        candidates = [name] if name in ids else titled.get(" ".join(name.split()), [name])
        if len(candidates) > 1:
            message = f"{quoted(name)} in depends_on is the title of {len(candidates)} tasks; give their ids"
            findings.error("ambiguous-dependency", message, task.line)
        found[candidates[0]] = None
    return found
