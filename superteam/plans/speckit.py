"""Task lists: the `- [ ] T001 [P] [US1] ...` of spec-kit, and check-box or numbered lists under "Tasks" and so on."""

from __future__ import annotations

import re
import textwrap
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from superteam.core.plan import Task
from superteam.core.plan_rules import quoted
from superteam.plans.findings import Findings
from superteam.plans.mentions import mentioned_files
from superteam.plans.outline import Heading, Item, Outline

_BOX = re.compile(r"\[([ xX])\](?:[ \t]+|$)")
_ID = re.compile(
    r"[*_`\[]{0,3}((?:TASK|T)-?\d{1,6}(?:[.-]\d{1,4}){0,3}(?:-?[a-z])?)(?![\w-])[*_`\]:]{0,4}[ \t]*[.·–—-]?[ \t]*", re.I
)
_NUMBER = re.compile(r"(\d{1,4}(?:\.\d{1,4}){1,3}|\d{1,4}(?=\.[ \t]))[.:)]?[ \t]+")
_BOX_LIKE = re.compile(r"\[(.?)\][*]?[ \t]*")
_OUTLINED = re.compile(r"(\d{1,4})(?:\.\d{1,4}){1,3}[.:)]?[ \t]")
_ALMOST = re.compile(r"[*_`\[]{0,3}T(?:X+\b|-?\d{2}|ASK-?\d)")
_LABEL = re.compile(r"`?\[([^\[\]\n]{1,40})\]`?(?=[ \t\n\[]|$)[ \t]*")
_STEP = re.compile(r"[*_]{0,2}Step[ \t]+\d", re.I)
_DEPENDS = re.compile(r"\bdepends on\b([^\n.;]{1,200})", re.I)
_ONE_ID = re.compile(r"\b(?:TASK|T)-?\d{1,6}(?:[.-]\d{1,4}){0,3}(?:-?[a-z])?(?![\w-])", re.I)
_SAYS_TASKS = re.compile(r"\b(?:tasks|task list|plan|steps|to-?dos?)\b", re.I)
_SAYS_TASKS_ITSELF = re.compile(r"\b(?:tasks|task list|steps|to-?dos?)\b", re.I)
_PARTS = re.compile(
    r"[*_ ]{0,4}(?:phase|stage|milestone|sprint|iteration|step|part|week|day|wave|story|epic)[ \t]{1,3}#?\w", re.I
)
_ASIDE = re.compile(r"\([^()]{0,100}\)|\[[^\[\]]{0,100}\]")
_SAYS_OTHER = re.compile(
    r"\b(?:acceptance|criteria|success|verif\w{0,10}|validation|checklist|review|dependenc\w{0,5}|notes?|risks?"
    r"|done|definition|deliverables|sign-?off|prerequisites?|requirements?|questions?|goals?|scope|references?|summary|strategy|parallel)\b",
    re.I,
)
_MOST = 2000
_LONGEST_TITLE = 120
_LONGEST_ABOUT = 1000


@dataclass(frozen=True, slots=True)
class _Entry:
    """An item that is a task; `section` is the place of its heading, -1 above the first."""

    item: Item
    id: str
    done: bool
    parallel: bool
    text: str
    section: int


def read_task_list(outline: Outline, findings: Findings) -> tuple[Task, ...]:
    """The tasks that are still open, in document order; none, with an error, if all of them are checked off.

    The tasks of one `wave` lie side by side under one heading. Those marked [P] may be worked on at once, those
    without belong to the part "sequential"; where the marks change or another heading begins, so does a wave.
    """
    sections = _Sections(outline)
    entries = (
        list(_marked(outline, sections)) or list(_outlined(outline, sections)) or _unmarked(outline, sections, findings)
    )
    _tell_unread(outline, sections, entries, findings)
    left = [entry for entry in entries if not entry.done]
    if len(left) > _MOST:
        findings.error(
            "too-large", f"the list has {len(left)} tasks; more than {_MOST} are not read", left[0].item.line
        )
        return ()
    done = [entry for entry in entries if entry.done]
    if entries and not left:
        findings.error("no-tasks", f"all {len(done)} tasks are checked off, so nothing is left", entries[0].item.line)
    elif done:
        many = f"{len(done)} tasks are" if len(done) > 1 else "1 task is"
        findings.warning("done-task", f"{many} checked off and left out", done[0].item.line)
    return tuple(_tasks(outline, sections, left, {entry.id for entry in done}, findings))


# which items are tasks


class _Sections:
    """The headings above the lines of a document."""

    def __init__(self, outline: Outline) -> None:
        self.headings = [heading for heading in outline.headings if heading.marked]
        self.above: list[tuple[int, ...]] = []
        open_now: list[int] = []
        for place, heading in enumerate(self.headings):
            while open_now and self.headings[open_now[-1]].level >= heading.level:
                open_now.pop()
            open_now.append(place)
            self.above.append(tuple(open_now))

    def of(self, line: int) -> int:
        """The place of the heading that the line stands under; -1 if there is none."""
        return bisect_right(self.headings, line, key=attrgetter("line")) - 1

    def chain(self, section: int) -> list[Heading]:
        """The heading and those above it, from the top."""
        return [self.headings[place] for place in self.above[section]] if section >= 0 else []


def _marked(outline: Outline, sections: _Sections) -> Iterator[_Entry]:
    """Check-boxes with an id like T001, wherever they stand; what stands below one belongs to it."""
    yield from (_entry(item, sections.of(item.line), _ID) for item in _tops(outline.items, _ID))


def _outlined(outline: Outline, sections: _Sections) -> Iterator[_Entry]:
    """OpenSpec's check-boxes: `- [ ] 1.1 text` below `## 1. Title`, whatever the title says."""
    tops = [item for item in _tops(outline.items, _OUTLINED) if item.depth == 1]
    for item in tops:
        box = _BOX.match(item.text)
        number = _OUTLINED.match(item.text, box.end() if box else 0)
        above = sections.chain(sections.of(item.line))
        if number and any(re.match(rf"{number[1]}(?![\d.]*\d)", heading.text) for heading in above):
            yield _entry(item, sections.of(item.line), _NUMBER)


def _tell_unread(outline: Outline, sections: _Sections, entries: Sequence[_Entry], findings: Findings) -> None:
    """No task may get lost: what looks like one beside those that were read is an error."""
    lines = [entry.item.line for entry in entries]
    for item in outline.items:
        number = bisect_right(lines, item.line)
        inside = number > 0 and item.line < entries[number - 1].item.end
        above = number < len(lines) and lines[number] < item.end
        if lines and not inside and not above and _looks_open(item) and not _is_aside(sections, item, entries):
            message = (
                f"the item {quoted(item.text)} looks like a task and is not read as one; a task is written "
                f"'- [ ] {entries[0].id} what to do', and what is none has no check-box"
            )
            findings.error("not-a-task", message, item.line)


def _is_aside(sections: _Sections, item: Item, entries: Sequence[_Entry]) -> bool:
    """Whether the item stands under a heading of something else, such as acceptance criteria, that holds no task."""
    section = sections.of(item.line)
    if section in {entry.section for entry in entries} or _ALMOST.match(_BOX.sub("", item.text, count=1)):
        return False
    return any(_says_other(heading) for heading in sections.chain(section))


def _looks_open(item: Item) -> bool:
    box = _BOX_LIKE.match(item.text)
    if box is None:
        return _ALMOST.match(item.text) is not None
    return box[1].lower() != "x" and not _STEP.match(item.text, box.end())


def _tops(items: Sequence[Item], id: re.Pattern[str]) -> Iterator[Item]:
    """The check-boxes with such an id that stand in no other one."""
    end = 0
    for item in items:
        box = _BOX.match(item.text)
        if item.line >= end and box and id.match(item.text, box.end()):
            end = item.end
            yield item


def _unmarked(outline: Outline, sections: _Sections, findings: Findings) -> list[_Entry]:
    """The check-boxes without ids under headings that say tasks, plan or steps; else the numbered items there.

    Numbered items under a mere "plan" may be a design's outline: what they are is for the writer to say.
    """
    outer = [item for item in outline.items if item.depth == 1 and not _STEP.match(_BOX.sub("", item.text, count=1))]
    boxes = [item for item in outer if _BOX.match(item.text) and _is_tasks(sections.chain(sections.of(item.line)), 1)]
    numbered = [item for item in outer if item.number and _is_tasks(sections.chain(sections.of(item.line)), 2)]
    sure = [item for item in numbered if _says_tasks_itself(sections.chain(sections.of(item.line)))]
    if numbered and not boxes and not sure:
        heading = sections.chain(sections.of(numbered[0].line))[-1]
        many = f"{len(numbered)} numbered items stand under {quoted(heading.text)}"
        message = f"{many}, and nothing says that they are tasks; write '- [ ] ' before each, or '## Tasks' above them"
        findings.error("guessed-tasks", message, numbered[0].line)
    entries = [_entry(item, sections.of(item.line), _NUMBER) for item in boxes or sure]
    ids = [entry.id for entry in entries]
    if all(ids) and len(set(ids)) == len(ids):
        return entries
    return [_with_id(entry, str(place)) for place, entry in enumerate(entries, 1)]


def _is_tasks(chain: Sequence[Heading], highest: int) -> bool:
    """Whether the innermost heading, or one above it down from this level, says that a list below it is of tasks."""
    if not chain or _says_other(chain[-1]):
        return False
    return any(_SAYS_TASKS.search(h.text[:200]) for h in chain if h.level >= highest or h is chain[-1])


def _says_other(heading: Heading) -> bool:
    """Whether the heading is about something else than tasks; asides and the titles of phases do not say so."""
    text = _ASIDE.sub("", heading.text[:200])
    return bool(_SAYS_OTHER.search(text)) and not _PARTS.match(text) and not _SAYS_TASKS_ITSELF.search(text)


def _says_tasks_itself(chain: Sequence[Heading]) -> bool:
    return any(_SAYS_TASKS_ITSELF.search(heading.text[:200]) for heading in chain)


def _entry(item: Item, section: int, pattern: re.Pattern[str]) -> _Entry:
    box = _BOX.match(item.text)
    start = box.end() if box else 0
    id = pattern.match(item.text, start)
    text = item.text[id.end() if id else start :]
    labels, text = _labels(text)
    parallel = "P" in labels or text.rstrip().endswith("[P]")
    done = box is not None and box[1] != " "
    text = text.rstrip().removesuffix("[P]").rstrip()
    return _Entry(item, id[1] if id else item.number, done, parallel, _closed(text), section)


def _with_id(entry: _Entry, id: str) -> _Entry:
    return _Entry(entry.item, id, entry.done, entry.parallel, entry.text, entry.section)


def _labels(text: str) -> tuple[set[str], str]:
    """The labels in brackets at the beginning, and what follows them."""
    labels: set[str] = set()
    at = 0
    while match := _LABEL.match(text, at):
        labels.add(match[1].strip().upper())
        at = match.end()
    return labels, text[at:]


def _closed(text: str) -> str:
    """The text without a mark of boldness that began before the id."""
    return text.replace("**", "", 1) if text.count("**") % 2 else text


# what the tasks are


def _tasks(
    outline: Outline, sections: _Sections, entries: Sequence[_Entry], done: set[str], findings: Findings
) -> Iterator[Task]:
    about: dict[int, str] = {}
    known: set[str] = set()
    wave, last = 0, None
    for entry in entries:
        group = (entry.section, entry.parallel)
        wave, last = wave + (group != last), group
        if entry.section not in about:
            about[entry.section] = _about(outline, sections, entry.section)
        if not entry.text.strip():
            findings.error("missing-title", f"task {entry.id} has no text", entry.item.line)
        yield Task(
            id=entry.id,
            title=_title(entry.text),
            description="\n\n".join(part for part in (_whole(outline, entry), about[entry.section]) if part),
            files=mentioned_files(_prose(outline, entry.item)),
            depends_on=tuple(_dependencies(entry, known, done, findings)),
            part="" if entry.parallel else "sequential",
            wave=wave,
            line=entry.item.line,
        )
        known.add(entry.id)


def _title(text: str) -> str:
    """The text on one line, cut at a word where it is long."""
    words = " ".join(text.split())
    if len(words) <= _LONGEST_TITLE:
        return words
    return words[: _LONGEST_TITLE + 1].rpartition(" ")[0][:_LONGEST_TITLE].rstrip() + "…"


def _whole(outline: Outline, entry: _Entry) -> str:
    """The item's own text, and the lines below it as they are written."""
    below = outline.text(entry.item.line + entry.item.text.count("\n") + 1, entry.item.end)
    own = "\n".join(line.strip() for line in entry.text.strip().split("\n"))
    return f"{own}\n{textwrap.dedent(below)}".rstrip()


def _prose(outline: Outline, item: Item) -> str:
    """The text of the item without what stands in fences."""
    first = bisect_left(outline.passages, item.line, key=attrgetter("line"))
    last = bisect_left(outline.passages, item.end, key=attrgetter("line"))
    return "\n".join(passage.text for passage in outline.passages[first:last])


def _about(outline: Outline, sections: _Sections, section: int) -> str:
    """The headings above the tasks with what they say before their first item: a story's goal, how it is tested."""
    chain = [heading for heading in sections.chain(section) if heading.level > 1]
    parts = ["Part of: " + " / ".join(heading.text for heading in chain)] if chain else []
    for heading in chain:
        text = outline.text(heading.line + 1, _first_item(outline, sections, heading))
        parts += [text] if text else []
    text = "\n\n".join(parts)
    return text if len(text) <= _LONGEST_ABOUT else f"{text[:_LONGEST_ABOUT]} […]"


def _first_item(outline: Outline, sections: _Sections, heading: Heading) -> int:
    """The line where a heading's own text ends: at the first item, or at the next heading."""
    items = bisect_left(outline.items, heading.line, key=attrgetter("line"))
    line = outline.items[items].line if items < len(outline.items) else len(outline.lines) + 1
    following = sections.of(heading.line) + 1
    return min(line, sections.headings[following].line) if following < len(sections.headings) else line


def _dependencies(entry: _Entry, known: set[str], done: set[str], findings: Findings) -> Iterator[str]:
    """The earlier tasks that the text says it depends on."""
    named = (id[0] for match in _DEPENDS.finditer(entry.text) for id in _ONE_ID.finditer(match[1]))
    for id in dict.fromkeys(named):
        if id in known:
            yield id
        elif id not in done:
            message = f"task {quoted(entry.id)} says that it depends on {quoted(id)}, which is no earlier task"
            findings.warning("ignored-dependency", f"{message}; that is ignored", entry.item.line)
