"""Reads a GSD PLAN.md: its frontmatter, its tags, its tasks, and what is verified after the last of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from superteam.core.plan import MustHaves, Part, Plan, Task
from superteam.core.plan_rules import file_problem, quoted
from superteam.plans.findings import Findings
from superteam.plans.gsd_commands import automated, commands_of
from superteam.plans.gsd_frontmatter import Frontmatter, read_frontmatter, text_of, texts
from superteam.plans.gsd_musts import checkable, read_musts
from superteam.plans.gsd_order import ordered
from superteam.plans.gsd_tags import Element, Markup, Range, decoded, unfenced
from superteam.plans.gsd_tasks import Draft, first_line, headed_drafts, read_draft, task_of
from superteam.plans.gsd_unread import HEADED, tell_unread

FORMAT = "gsd"
VERIFICATION = "verification"
_SECTIONS = frozenset(
    {
        *("objective", "execution-context", "context", "verification", "success-criteria", "output", "must-haves"),
        *("frontmatter",),
    }
)
_WORKS = frozenset({"task", "feature"})
_TOLD = frozenset({"objective", "context", "feature"})
_TOP = _SECTIONS | _WORKS | {"tasks"}
_MOST_TASKS = 1000
_SIGNS = frozenset({"type", "wave", "depends_on", "files_modified", "autonomous", "must_haves"})
_TITLE = re.compile(r"^#[ \t]{1,5}([^\n]{1,300})$", re.M)
_NUMBERS = re.compile(r"(?:phase[ -]?)?([A-Za-z]?\d+(?:\.\d+)*[A-Za-z]?)[-_](\d+[A-Za-z]?)(?![A-Za-z0-9])", re.I)
_FIRST = re.compile(r"(?:phase[ -]?)?([A-Za-z]?\d+(?:\.\d+)*[A-Za-z]?)(?![A-Za-z0-9])", re.I)
_FILE_END = re.compile(r"(?:^|[-_.])PLAN$", re.I)
_REFERENCE = re.compile(r"@([^\s@`'\"(){}<>,;|]{1,300})")
_SUMMARY = re.compile(r"[\w./@+~-]{0,300}SUMMARY\.md")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
_CLOSING = re.compile(r"(?:</[\w:-]{1,60}>[ \t]*)")
_NUMBER = re.compile(r"\d{1,6}")


@dataclass(frozen=True, slots=True)
class Reading:
    """One document as read; the ids of the tasks are those of a plan of this document alone."""

    part: Part
    tasks: tuple[Task, ...]
    depends_on: tuple[str, ...]
    wave: int


def gsd_plan(text: str, name: str, sha256: str, findings: Findings) -> Plan | None:
    """The plan of this one document; None if it is no GSD document, or (with an error) if it has no tasks."""
    reading = read_gsd(text, name, findings)
    if reading is None:
        return None
    part = reading.part
    context = f"{part.context}\n\nSuccess criteria:\n" + "\n".join(f"- {text}" for text in part.success_criteria)
    return Plan(
        path=name,
        format=FORMAT,
        title=part.title,
        sha256=sha256,
        context=context if part.success_criteria else part.context,
        tasks=ordered(reading.tasks, (part.id,), findings),
        parts=(part,),
        files=(name,),
    )


def is_gsd(text: str) -> bool:
    """Whether a document is a GSD plan: it has task tags outside of code, or the frontmatter of one."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "<task" in text or "<feature" in text:
        markup = Markup(text)
        for place, tag in enumerate(markup.tags):
            sure = tag.name == "tasks" or "type" in tag.attributes or markup.next(tag.name, True, place) is not None
            if tag.name in ("tasks", "task", "feature") and tag.leading and not tag.closing and sure:
                return True
    about = read_frontmatter(text, Findings()).values if "plan" in text else {}
    return "phase" in about and "plan" in about and not _SIGNS.isdisjoint(about)


def read_gsd(text: str, name: str, findings: Findings) -> Reading | None:
    """The document, tolerantly; None (with an error) if there are no tasks in it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front = read_frontmatter(text, findings)
    markup = _markup(_without(text, front.span), findings)
    outline = _outline(markup, findings)
    drafts = list(_drafts(markup, outline, findings))
    tell_unread(markup, outline.works, findings)
    if not drafts or len(drafts) > _MOST_TASKS:
        message = f"there are more than {_MOST_TASKS} tasks" if drafts else NO_TASKS
        findings.error("too-many-tasks" if drafts else "no-tasks", message, None)
        return None
    part = _part(markup, outline, front, name)
    wave = _wave(front.values.get("wave"), findings)
    commands = _verified(markup, outline)
    tasks = _tasks(drafts, part, wave, commands, findings)
    found = (*tasks, *_verification(markup, outline, part, tasks, commands))
    return Reading(part, found, texts(front.values.get("depends_on", front.values.get("depends-on"))), wave)


NO_TASKS = "the plan holds no tasks: neither <task> nor <feature> outside of code, nor headings '## Task 1: title'"


# -- the document


def _markup(text: str, findings: Findings) -> Markup:
    """The document's tags; where all tasks stand in fences of XML, those hide nothing."""
    markup = Markup(text)
    opened = text if any(tag.name in _WORKS and tag.leading for tag in markup.tags) else unfenced(text)
    if opened == text:
        return markup
    findings.warning("fenced-tasks", "the tasks stand in fenced code; they are read all the same", None)
    return Markup(opened)


@dataclass(frozen=True, slots=True)
class _Outline:
    """The document's elements in order; `lists` are the ranges between <tasks> and its end."""

    sections: tuple[Element, ...]
    works: tuple[Element, ...]
    lists: tuple[Range, ...]

    def named(self, name: str) -> list[Element]:
        return [section for section in self.sections if section.name == name]


def _outline(markup: Markup, findings: Findings) -> _Outline:
    sections: list[Element] = []
    works: list[Element] = []
    lists: list[Range] = []
    place = 0
    while place < len(markup.tags):
        tag = markup.tags[place]
        following = place + 1
        if tag.leading and not tag.closing and tag.name in _TOP:
            if tag.name == "tasks":
                lists.append(_list(markup, place))
            else:
                element = _work(markup, place) if tag.name == "task" else _section(markup, place)
                if not element.closed:
                    findings.warning("unclosed-tag", f"<{element.name}> is never closed", element.line)
                (works if tag.name in ("task", "feature") else sections).append(element)
                following = max(following, markup.within((element.outer[1], len(markup.text))).start)
        place = following
    features = [work for work in works if work.name == "feature"]
    if len(features) < len(works):  # what a feature says is done by the tasks beside it
        for feature in features:
            works.remove(feature)
            message = "<feature> stands beside <task>s, which do its work: it is told to each of them, and is no task"
            findings.warning("feature-beside-tasks", message, feature.line)
        sections = sorted([*sections, *features], key=lambda element: element.outer)
    return _Outline(tuple(sections), tuple(works), tuple(lists))


def _list(markup: Markup, place: int) -> Range:
    """From <tasks> to </tasks>, or to what cannot be part of it."""
    close = markup.next("tasks", True, place)
    return markup.tags[place].end, markup.start_of(close) if close is not None else _rest(markup, place)


def _rest(markup: Markup, place: int) -> int:
    """Where the next section behind the tasks begins."""
    names = ("verification", "success-criteria", "output", "objective", "tasks")
    return min(markup.start_of(markup.next(name, False, place)) for name in names)


def _section(markup: Markup, place: int) -> Element:
    """A section ends at its closing tag, unless tasks begin before that."""
    tag = markup.tags[place]
    works = min(markup.start_of(markup.next(name, False, place)) for name in ("tasks", "task"))
    closer = markup.next(tag.name, True, place, works)
    after = (markup.start_of(markup.next(name, False, place)) for name in _TOP if name != tag.name)
    return markup.element(place, min(after), closer)


def _work(markup: Markup, place: int) -> Element:
    """A task ends at its closing tag, unless another task begins or the list of tasks ends before that."""
    following = markup.start_of(markup.next("task", False, place))
    ended = markup.start_of(markup.next("tasks", True, place))
    closer = markup.next("task", True, place, min(following, ended))
    sections = (markup.start_of(markup.next(name, False, place)) for name in _SECTIONS - {"context", "verification"})
    return markup.element(place, min(following, ended, *sections), closer)


def _drafts(markup: Markup, outline: _Outline, findings: Findings) -> Iterator[Draft]:
    if outline.works:
        for work in outline.works:
            yield read_draft(markup, work, findings)
        return
    if outline.lists:
        yield from headed_drafts(markup, outline.lists[0], findings)
    elif any(not markup.is_hidden(match.start()) for match in HEADED.finditer(markup.text)):
        start = next(m.start() for m in HEADED.finditer(markup.text) if not markup.is_hidden(m.start()))
        later = (section.outer[0] for section in outline.sections if section.outer[0] > start)
        yield from headed_drafts(markup, (start, min(later, default=len(markup.text))), findings)


# -- the part


def _part(markup: Markup, outline: _Outline, front: Frontmatter, name: str) -> Part:
    about = front.values
    inner = [markup.text[slice(*section.inner)] for section in outline.named("success-criteria")]
    must = about.get("must_haves", about.get("must-haves"))
    tagged = [markup.text[slice(*section.inner)] for section in outline.named("must-haves")]
    return Part(
        id=part_id(name, about),
        path=name,
        title=_title(markup, outline, about, name),
        context=_context(markup, outline),
        references=tuple(dict.fromkeys(_references(markup, outline))),
        must_haves=read_musts(must) if must or not tagged else MustHaves(truths=tuple(_items("\n".join(tagged)))),
        success_criteria=tuple(_items("\n".join(inner))),
        output=_output(markup, outline, name),
        about=about,
    )


def part_id(name: str, about: Mapping[str, Any]) -> str:
    """Phase and plan, such as 04-01: from the file's name, else from the frontmatter, else the name."""
    path = PurePosixPath(name)
    stem = _FILE_END.sub("", path.stem)
    found = _NUMBERS.match(stem)
    if found:
        return f"{found[1]}-{found[2]}"
    plan = "-".join(text_of(about.get("plan")).split())[:60]
    numbers, phase = _NUMBERS.match(plan), _FIRST.match(text_of(about.get("phase")))
    if numbers:
        return f"{numbers[1]}-{numbers[2]}"
    if plan and phase:
        return f"{phase[1]}-{plan}"
    return plan or "-".join(stem.split()) or path.parent.name or "plan"


def _title(markup: Markup, outline: _Outline, about: Mapping[str, Any], name: str) -> str:
    heading = next((m[1] for m in _TITLE.finditer(markup.text) if not markup.is_hidden(m.start())), "")
    objective = next((markup.text[slice(*section.inner)] for section in outline.named("objective")), "")
    found = text_of(about.get("title")) or heading.strip(" #*") or first_line(decoded(objective), 100)
    return found or f"Plan {part_id(name, about)}"


def _context(markup: Markup, outline: _Outline) -> str:
    """The document without its frontmatter, tasks and the sections that have a place of their own."""
    cut = [*(work.outer for work in outline.works), *((a, b) for a, b in outline.lists)]
    told = {section.outer[0]: section for section in outline.sections if section.name in _TOLD}
    cut += [section.outer for section in outline.sections]
    pieces, place = [], 0
    for start, end in sorted(cut):
        pieces.append(_told(markup.text[place : max(place, start)]))
        if start in told:
            pieces.append(_told(markup.text[slice(*told[start].inner)]))
        place = max(place, end)
    pieces.append(_told(markup.text[place:]))
    return "\n\n".join(piece for piece in pieces if piece)


def _told(text: str) -> str:
    """Text without the lines that are only references or closing tags."""
    lines = [line.rstrip() for line in decoded(text).split("\n")]
    kept = [line for line in lines if not _at(line) and not _is_markup(line)]
    filled = [b for a, b in pairwise(["", *kept]) if a or b]
    return "\n".join(filled).strip("\n")


def _at(line: str) -> bool:
    return _REFERENCE.fullmatch(_ITEM.sub("", line, count=1).strip(" `")) is not None


def _is_markup(line: str) -> bool:
    return line.lstrip().startswith("<") and (not _CLOSING.sub("", line).strip() or line.strip() == "<tasks>")


def _references(markup: Markup, outline: _Outline) -> Iterator[str]:
    """Paths behind an @ that begins a line; those outside of the repository belong to another installation."""
    for section in outline.named("context"):
        place = section.inner[0]
        for line in markup.text[slice(*section.inner)].split("\n"):
            words = _ITEM.sub("", line[:2000], count=1).strip().strip("`*")
            if words.startswith("@") and not markup.is_hidden(place + len(line)):
                yield from (path for word in words.split() for path in _reference(word))
            place += len(line) + 1


def _reference(word: str) -> Iterator[str]:
    match = _REFERENCE.match(word.strip("`"))
    path = match[1].rstrip(".:").removeprefix("./") if match else ""
    if ("/" in path or "." in path) and file_problem(path) is None and not path.startswith(("$", "~")):
        yield path


def _output(markup: Markup, outline: _Outline, name: str) -> str | None:
    """The path of the summary that <output> names, else the one beside the plan."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        return None
    for section in outline.named("output"):
        for match in _SUMMARY.finditer(markup.text, *section.inner):
            said = match[0].removeprefix("./")
            found = said if "/" in said else (path.parent / said).as_posix()
            if file_problem(found) is None:
                return found
    stem = _FILE_END.sub("", path.stem)
    return (path.parent / (f"{stem}-SUMMARY.md" if stem else "SUMMARY.md")).as_posix()


def _items(text: str) -> Iterator[str]:
    """The entries of a list with the lines that go on below them; of other text its lines."""
    item = ""
    for line in decoded(text).split("\n"):
        bullet = _ITEM.match(line)
        if bullet or not line.strip() or (item and not line.startswith(" ")):
            if item:
                yield item
            item = ""
        words = " ".join((line[bullet.end() :] if bullet else line).split())
        item = f"{item} {words}".strip()
    if item:
        yield item


# -- the tasks


def _tasks(
    drafts: Sequence[Draft], part: Part, wave: int, verified: str | None, findings: Findings
) -> tuple[Task, ...]:
    own = [" ".join(draft.attributes.get("id", "").split()) or str(place) for place, draft in enumerate(drafts, 1)]
    tasks = []
    for draft, id in zip(drafts, own, strict=True):
        said = draft.attributes.get("wave")
        task = task_of(draft, id, part.id, wave if said is None else _wave(said, findings, draft.line))
        depends = tuple(_known(name, own) for name in _names(draft.attributes.get("depends_on", "")))
        task = task.model_copy(update={"depends_on": tuple(dict.fromkeys(depends))})
        if task.kind == "tdd" and not (task.gate or task.acceptance_test) and verified:
            task = task.model_copy(update={"gate": verified})
        tasks.append(task)
    return tuple(tasks)


def _names(text: str) -> list[str]:
    """The entries of an attribute: `1, 2`, `["1"]`, `task-1 task-2`, `Task 1`."""
    entries = re.sub(r"(?i)\btask[ \t_-]{1,3}(?=\w)", "task-", text).replace(",", " ").split()
    bare = [entry.strip("[]\"'`") for entry in entries]
    return [entry for entry in bare if entry and entry.lower() not in ("none", "-")]


def _known(name: str, ids: Sequence[str]) -> str:
    short = name.lower().removeprefix("task-").lstrip("0")
    return name if name in ids or short not in ids else short


def _wave(value: Any, findings: Findings, line: int | None = 1) -> int:
    said = text_of(value)
    number = _NUMBER.match(said)
    if said and not number:
        findings.warning("bad-wave", f"the wave {quoted(said)} is no number; it is taken as 0", line)
    return int(number[0]) if number else 0


def _verified(markup: Markup, outline: _Outline) -> str | None:
    """The commands of the <verification> sections, as one."""
    commands: list[str] = []
    for section in outline.named(VERIFICATION):
        inside = [e for e in markup.children(section.inner, frozenset({"automated"})) if e.name == "automated"]
        commands += [markup.text[slice(*command.inner)] for command in inside if command.closed]
        place = section.inner[0]
        for command in inside:
            commands += commands_of(markup.text[place : command.outer[0]])
            place = command.outer[1]
        commands += commands_of(markup.text[place : section.inner[1]])
    return automated(tuple(dict.fromkeys(commands)))


def _verification(
    markup: Markup, outline: _Outline, part: Part, tasks: Sequence[Task], commands: str | None
) -> Iterator[Task]:
    """The last task of the part, if there is anything that a machine can check."""
    if not commands and not checkable(part.must_haves):
        return
    sections = outline.named(VERIFICATION)
    text = "\n\n".join(_told(markup.text[slice(*section.inner)]) for section in sections)
    taken = any(task.id == VERIFICATION for task in tasks)
    yield Task(
        id=f"plan-{VERIFICATION}" if taken else VERIFICATION,
        title=f"Verification of plan {part.id}",
        description=text.strip() or "The must-haves of the plan.",
        gate=commands,
        kind="verification",
        part=part.id,
        wave=max(task.wave for task in tasks),
        line=sections[0].line if sections else 1,
    )


def _without(text: str, span: Range) -> str:
    """The text with nothing in this part of it: offsets and lines stay those of the document."""
    part = text[slice(*span)]
    return text[: span[0]] + "".join("\n" if char == "\n" else " " for char in part) + text[span[1] :]
