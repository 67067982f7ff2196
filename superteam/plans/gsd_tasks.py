"""The tasks of a GSD document: elements, features, or headings where there are no elements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from superteam.core.plan import HUMAN, Checkpoint, Choice, Task, TaskKind
from superteam.core.plan_rules import file_problem, quoted
from superteam.plans.findings import Findings
from superteam.plans.gsd_commands import automated
from superteam.plans.gsd_tags import Element, Markup, Range, decoded

KNOWN = frozenset(
    {
        *("name", "title", "files", "read-first", "action", "instructions", "verify", "automated", "done", "behavior"),
        *("acceptance-criteria", "acceptance-test", "implementation", "what-built", "how-to-verify", "resume-signal"),
        *("decision", "context", "options", "verification", "description", "requires"),
    }
)
_OPTION = frozenset({"name", "pros", "cons"})
_LABELS = {
    "action": "",
    "description": "",
    "behavior": "Expected behavior",
    "implementation": "Implementation",
    "verify": "How it is verified",
    "done": "Done when",
    "read-first": "Read first",
}
_ASKED = {
    "human-verify": (("what-built", "action", "description"), ("how-to-verify", "instructions", "verify")),
    "decision": (("decision", "action", "description"), ("context",)),
    "human-action": (("action", "what-built", "requires", "description"), ("instructions", "how-to-verify", "verify")),
}
_KINDS: Mapping[str, TaskKind] = {
    **dict.fromkeys(("auto", "execute", "task", "implement", "implementation", "code", "automated"), "auto"),
    **dict.fromkeys(("tdd", "tdd-auto", "auto-tdd"), "tdd"),
    **dict.fromkeys(("human-verify", "verify", "human-verification", "checkpoint", "human"), "human-verify"),
    **dict.fromkeys(("decision", "human-decision", "decide"), "decision"),
    **dict.fromkeys(("human-action", "action", "manual", "user-action"), "human-action"),
}
_TRUE = frozenset({"true", "yes", "1", "tdd"})
_PREFIX = re.compile(r"task[ \t]{1,3}#?\d[\w.]{0,10}[ \t]{0,3}(?:[:.–—-][ \t]{0,3}|$)", re.I)
_HEADING = re.compile(r"^(#{1,5})[ \t]{1,5}(?P<text>[^\n]*)$", re.M)
_TASK = re.compile(r"(?:task|step)[ \t]{1,3}#?\d[\w.]{0,10}\b", re.I)
_LABEL = re.compile(r"^[ \t*-]{0,10}(files|type|verify|done|action)(?:\*\*)?[ \t]?:(?:\*\*)?[ \t]*(.*)$", re.I | re.M)
_BULLET = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
_NOTE = re.compile(r"[ \t]{0,5}(?:\([^()]{0,200}\)|(?:[—–]|-[ \t]|:[ \t])[^\n]*)$")
_PATH = re.compile(r"(?:[\w.@+$~*()\[\]-]|/|(?<=\w)[=,](?=\w))+")
_CODE = re.compile(r"`([^`\n]{1,300})`")
_FILE_TAG = re.compile(r"</?(?:file|path)>", re.I)
_LONGEST_PATH = 400
_NO_FILE = frozenset({"none", "n/a", "na", "-", "tbd", "todo", "(none)"})


@dataclass(slots=True)
class Draft:
    """A task as it stands in the document, before it has an id among others."""

    kind: TaskKind
    title: str
    line: int
    attributes: Mapping[str, str]
    texts: Mapping[str, str]
    commands: list[str] = field(default_factory=list)
    proofs: list[str] = field(default_factory=list)
    rest: list[tuple[str, str]] = field(default_factory=list)
    files: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()


def read_draft(markup: Markup, element: Element, findings: Findings) -> Draft:
    """One `<task>` or `<feature>`."""
    fields = list(markup.children(element.inner, KNOWN))
    loose = _loose(markup, element.inner, fields)
    return _draft(markup, element, fields, loose, findings)


def headed_drafts(markup: Markup, span: Range, findings: Findings) -> Iterator[Draft]:
    """Tasks written as headings: "Task 1: title", or else every heading of the first one's level."""
    headings = [
        m for m in _HEADING.finditer(markup.text, *span) if not markup.is_hidden(m.start()) and m["text"].strip(" \t*#")
    ]
    tasks = [heading for heading in headings if _TASK.match(heading["text"].strip(" \t*"))]
    tasks = [heading for heading in tasks or headings if len(heading[1]) == len((tasks or headings)[0][1])]
    for number, heading in enumerate(tasks):
        end = tasks[number + 1].start() if number + 1 < len(tasks) else span[1]
        inner = (heading.end(), end)
        labels = {name.lower(): value.strip() for name, value in reversed(_labels(markup, inner))}
        attributes = {"type": labels["type"]} if "type" in labels else {}
        element = Element("task", attributes, (heading.start(), end), inner, markup.line(heading.start()))
        fields = list(markup.children(inner, KNOWN))
        draft = _draft(markup, element, fields, _loose(markup, inner, fields), findings, heading["text"])
        if not draft.files:
            draft.files = _files(_listed(markup, inner), draft, findings)
        yield draft


def task_of(draft: Draft, id: str, part: str, wave: int) -> Task:
    """The task with its description put together; a person's task keeps its texts apart for the question."""
    used = _asked(draft)
    kept = [(name, text) for name, text in draft.rest if name not in used and text]
    parts = [f"{_label(name)}:\n{text}" if _label(name) else text for name, text in kept]
    return Task(
        id=id,
        title=draft.title,
        description="\n\n".join(parts),
        files=draft.files,
        gate=automated(draft.commands),
        acceptance_test=automated(draft.proofs),
        kind=draft.kind,
        part=part,
        wave=wave,
        checkpoint=_checkpoint(draft) if draft.kind in HUMAN else None,
        line=draft.line,
    )


def clean_title(text: str) -> str:
    """One line of text without Markdown's bold marks and a leading "Task 1:"."""
    words = " ".join(decoded(text[:2000]).split()).strip("*# ")
    return " ".join(_PREFIX.sub("", words, count=1).strip("*").split()) or words


def first_line(text: str, most: int = 80) -> str:
    """The first line that has text, shortened at a word."""
    line = next((" ".join(line.split()) for line in text.split("\n") if line.strip(" \t#*-`")), "")
    line = _BULLET.sub("", line, count=1).strip("*# ")
    return line if len(line) <= most else line[: most - 1].rsplit(" ", 1)[0] + "…"


def paths_of(text: str) -> Iterator[str]:
    """The entries of a list of files, by lines and commas, without bullets, backticks and notes."""
    for line in _FILE_TAG.sub("\n", text).split("\n"):
        line = _BULLET.sub("", line, count=1) if _BULLET.match(line) else line
        codes = _CODE.findall(line)
        for entry in codes or _split(line.strip().strip("[]") if line.strip().startswith("[") else line):
            entry = entry.strip().strip("'\"").strip()[:_LONGEST_PATH]
            while (shorter := _NOTE.sub("", entry).strip()) and shorter != entry:
                entry = shorter
            if entry and entry.lower() not in _NO_FILE:
                yield entry.removeprefix("./")


# -- fields


def _draft(
    markup: Markup,
    element: Element,
    fields: Sequence[Element],
    loose: str,
    findings: Findings,
    heading: str = "",
) -> Draft:
    rest = [("", loose)] if loose else []
    commands: list[str] = []
    proofs: list[str] = []
    for found in fields:
        if not found.closed:
            findings.warning("unclosed-tag", f"<{found.name}> is never closed in its task", found.line)
        raw = markup.text[slice(*found.inner)]
        raw = raw if found.closed else raw.strip().strip("*")
        if found.name == "acceptance-test":
            proofs.append(raw)
        elif found.name == "automated":
            commands.append(_command(markup, found))
        else:
            inside = [e for e in markup.children(found.inner, frozenset({"automated"})) if e.name == "automated"]
            commands += [_command(markup, command) for command in inside]
            rest.append((found.name, _text(_without(markup, found.inner, inside) if inside else raw)))
    texts = _joined(rest)
    title = clean_title(heading or texts.get("name") or texts.get("title") or "")
    rest = [(name, text) for name, text in rest if name not in ("name", "title", "files")]
    draft = Draft(
        _kind(element, texts, findings), title, element.line, element.attributes, texts, commands, proofs, rest
    )
    draft.title = title or _title(draft)
    draft.files = _files(texts.get("files", ""), draft, findings)
    draft.choices = tuple(_choices(markup, [f for f in fields if f.name == "options"], findings))
    return draft


def _command(markup: Markup, found: Element) -> str:
    """The text of a command; of one that is never closed only its line, since prose may follow."""
    text = markup.text[slice(*found.inner)]
    return text if found.closed else text.strip().partition("\n")[0]


def _joined(fields: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, text in fields:
        if text:
            found.setdefault(name, []).append(text)
    return {name: "\n".join(texts) for name, texts in found.items()}


def _kind(element: Element, texts: Mapping[str, str], findings: Findings) -> TaskKind:
    said = element.attributes.get("type", "").strip().lower().replace("_", "-")
    checkpoint, _, word = said.rpartition(":") if ":" in said else ("", "", said)
    word = " ".join(word.split("(")[0].split())
    tdd = element.name == "feature" or element.attributes.get("tdd", "").lower() in _TRUE
    kind = _KINDS.get(word) if word else _guessed(texts)
    if kind is None:
        kind = "human-verify" if checkpoint or word.startswith("checkpoint") else "auto"
        message = f"the type {quoted(said)} is not known; the task is taken as {kind}"
        findings.warning("unknown-type", message, element.line)
    return "tdd" if tdd and kind == "auto" else kind


def _guessed(texts: Mapping[str, str]) -> TaskKind:
    """The kind of a task without a type, by the fields that only checkpoints have."""
    if "decision" in texts and "action" not in texts:
        return "decision"
    return "human-verify" if "how-to-verify" in texts and "action" not in texts else "auto"


def _title(draft: Draft) -> str:
    names = ("what-built", "decision", "action", "instructions", "behavior", "description", "")
    found = next((first_line(draft.texts[name]) for name in names if draft.texts.get(name)), "")
    return found or f"Task at line {draft.line}"


def _asked(draft: Draft) -> list[str]:
    """The fields that a question is made of: what it is about, how to go about it, and how to answer."""
    if draft.kind not in HUMAN:
        return []
    subjects, instructions = _ASKED[draft.kind]
    subject = [name for name in subjects if draft.texts.get(name)][:1]
    shown = ["resume-signal", *(["options"] if draft.choices else [])]
    return [*subject, *(name for name in instructions if draft.texts.get(name)), *shown]


def _checkpoint(draft: Draft) -> Checkpoint:
    subjects, instructions = _ASKED[draft.kind]
    return Checkpoint(
        subject=next((draft.texts[name] for name in _asked(draft) if name in subjects), draft.title),
        instructions="\n\n".join(draft.texts[name] for name in _asked(draft) if name in instructions),
        options=draft.choices if draft.kind == "decision" else (),
        resume_signal=draft.texts.get("resume-signal", ""),
    )


def _choices(markup: Markup, fields: Sequence[Element], findings: Findings) -> Iterator[Choice]:
    taken: set[str] = {"abort"}
    for found in fields:
        options = [e for e in markup.children(found.inner, frozenset({"option"})) if e.name == "option"]
        drafts = [_choice(markup, option) for option in options] or list(_listed_choices(markup, found))
        for number, choice in enumerate(drafts, 1):
            id = " ".join(choice.id.split()) or f"option-{number}"
            if id in taken:
                findings.warning(
                    "option-id", f"the option's id {quoted(id)} is taken; it is option-{number}", found.line
                )
                id = f"option-{number}" if f"option-{number}" not in taken else f"option-{number}-{len(taken)}"
            taken.add(id)
            yield choice.model_copy(update={"id": id})


def _choice(markup: Markup, option: Element) -> Choice:
    texts = {e.name: _text(markup.text[slice(*e.inner)]) for e in markup.children(option.inner, _OPTION)}
    plain = "" if texts else _text(markup.text[slice(*option.inner)])
    name = texts.get("name") or option.attributes.get("name") or option.attributes.get("title") or plain
    return Choice(
        id=option.attributes.get("id") or option.attributes.get("value") or "",
        name=" ".join(name.split()),
        pros=texts.get("pros", ""),
        cons=texts.get("cons", ""),
    )


def _listed_choices(markup: Markup, found: Element) -> Iterator[Choice]:
    """Options written as a list: `- id: words`."""
    for line in markup.text[slice(*found.inner)].split("\n"):
        match = _BULLET.match(line)
        if match and line.strip():
            text = _text(line[match.end() :]).replace("**", "").replace("`", "")
            id, colon, name = text.partition(":")
            short = bool(colon) and re.fullmatch(r"[\w-]{1,30}", id.strip()) is not None
            yield Choice(id=id.strip() if short else "", name=" ".join((name if short else text).split()))


# -- texts and files


def _text(raw: str) -> str:
    """The text of a field without the indentation that its element gave it."""
    lines = decoded(raw.replace("\t", "    ")).strip("\n").split("\n")
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    first = lines[0].lstrip() if lines[0].strip() else ""
    if not indents:
        return first.strip()
    least = min(indents)
    return "\n".join([first, *(line[least:].rstrip() for line in lines[1:])]).strip()


def _without(markup: Markup, span: Range, inside: Sequence[Element]) -> str:
    """The text of a field with its commands as lines of code, so that the agent knows what it will be judged by."""
    pieces, place = [], span[0]
    for command in inside:
        shown = markup.text[slice(*command.inner)].strip()
        pieces += [markup.text[place : command.outer[0]], f"`{shown}`" if "`" not in shown else shown]
        place = command.outer[1]
    return "".join([*pieces, markup.text[place : span[1]]])


def _loose(markup: Markup, span: Range, fields: Sequence[Element]) -> str:
    """The text of a task outside of its fields."""
    pieces, place = [], span[0]
    for found in fields:
        pieces.append(markup.text[place : max(place, found.outer[0])])
        place = max(place, found.outer[1])
    pieces.append(markup.text[place : span[1]])
    kept = [_text(piece).strip("*# \n") for piece in pieces]
    return "\n\n".join(piece for piece in kept if piece)


def _label(name: str) -> str:
    return _LABELS[name] if name in _LABELS else name.replace("-", " ").capitalize()


def _labels(markup: Markup, span: Range) -> list[tuple[str, str]]:
    found = _LABEL.finditer(markup.text, *span)
    return [(match[1], match[2]) for match in found if not markup.is_hidden(match.start())]


def _listed(markup: Markup, span: Range) -> str:
    """What stands behind the label "Files:" and in the list below it."""
    for match in _LABEL.finditer(markup.text, *span):
        if match[1].lower() == "files" and not markup.is_hidden(match.start()):
            below = markup.text[match.end() + 1 : span[1]].split("\n")
            count = next((number for number, line in enumerate(below) if not _BULLET.match(line)), len(below))
            return "\n".join([match[2], *below[:count]])
    return ""


def _files(text: str, draft: Draft, findings: Findings) -> tuple[str, ...]:
    """The paths that a task may change; what cannot be one is left out, with a word about it."""
    found: dict[str, None] = {}
    for path in paths_of(text):
        if not _PATH.fullmatch(path):
            continue
        problem = file_problem(path)
        if problem:
            message = f"{quoted(path)} of the task {quoted(draft.title)} {problem}; it is left out"
            findings.warning("bad-file", message, draft.line)
        else:
            found[path] = None
    return tuple(found)


def _split(line: str) -> Iterator[str]:
    """The parts of a line between commas and semicolons outside of braces; `a/{b,c}` is two paths."""
    depth, start = 0, 0
    for place, char in enumerate(line):
        depth = max(0, depth + (char in "{(") - (char in "})"))
        if char in ",;" and not depth:
            yield from _expanded(line[start:place])
            start = place + 1
    yield from _expanded(line[start:])


def _expanded(entry: str) -> list[str]:
    match = re.fullmatch(r"([^{}]{0,200})\{([^{}]{1,400})\}([^{}]{0,200})", entry.strip())
    return [f"{match[1]}{part.strip()}{match[3]}" for part in match[2].split(",")] if match else [entry]
