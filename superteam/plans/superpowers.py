"""Superpowers plans: `### Task N` headings whose steps say which command to run and what to expect."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Literal

from superteam.core.deciders import role_of
from superteam.core.plan import Task
from superteam.plans.findings import Findings
from superteam.plans.headings import task_ends
from superteam.plans.outline import Fence, Outline, Passage

Outcome = Literal["pass", "fail", "unclear"]

_STEP = re.compile(r"(?:\[([ xX])\][ \t]+)?\*\*Step[ \t]+\d{1,4}\b", re.I)
_RUN = re.compile(r"(?:\[[ xX]\][ \t]+)?(?:\*\*|__)?Run[ \t]*:[ \t]*(?:\*\*|__)?[ \t]*:?[ \t]*(.*)", re.I | re.S)
_SPAN = re.compile(r"`([^`\n]+)`")
_EXPECTED = re.compile(r"(?:^|[\s*_(.])Expected(?:[ \t]+[a-z]{1,12}){0,2}[ \t]*(?:\*\*|__)?:", re.I)
_NEGATED = re.compile(
    r"\b(?:no|0|zero|without(?:[ \t]+any)?)[ \t]+(?:\w{1,12}[ \t]+)?(?:fail\w{0,6}|errors?)"
    r"|\bfail(?:ed|ures?)?:?[ \t]+0\b",
    re.I,
)
_PASSES = re.compile(r"\b(?:pass(?:e[sd]|ing)?|succe(?:ss|eds?|ssful(?:ly)?)|ok|green|exits? (?:code )?0)\b|✅", re.I)
_FAILS = re.compile(r"\b(?:fail(?:s|ed|ing|ures?)?|errors?|red|exits? (?:code )?[1-9]|non-?zero)\b|❌", re.I)
_SENTENCE_END = re.compile(r"[.;!](?:\s|$)|\n")
_SHELLS = frozenset({"", "bash", "sh", "shell", "zsh", "console"})
_ELSEWHERE = re.compile(r"(?:^|[\s;&|(])(?:cd|pushd)[ \t]+[\"']?(?:/|~|\$HOME\b|[A-Za-z]:[\\/])")
_NO_CHECK = re.compile(r"git\b|(?:npm|pnpm|yarn|bun)[ \t]+(?:run[ \t]+)?(?:dev|start|serve|watch|preview)\b")
_LONGEST_EXPECTATION = 500


@dataclass(frozen=True, slots=True)
class _Ran:
    """A command that the document says to run, and what it is to come to."""

    command: str
    line: int
    outcome: Outcome = "unclear"


def is_superpowers(outline: Outline, tasks: Sequence[Task]) -> bool:
    """Whether the tasks that were read from headings have steps as superpowers writes them (`**Step 1: ...**`)."""
    ends = task_ends(outline)
    return any(_STEP.match(line) for task in tasks for _, line in _lines(_within(outline, task, ends)[0]))


def with_commands(outline: Outline, tasks: Sequence[Task], findings: Findings) -> tuple[Task, ...]:
    """The tasks of the headings with their gates; those whose steps are all checked off are left out."""
    ends = task_ends(outline)
    is_done = [_is_done(outline, task, ends) for task in tasks]
    done = [task for task, checked in zip(tasks, is_done, strict=True) if checked]
    left = [task for task, checked in zip(tasks, is_done, strict=True) if not checked]
    if tasks and not left:
        findings.error("no-tasks", f"all {len(done)} tasks are checked off, so nothing is left", tasks[0].line)
    elif done:
        many = f"{len(done)} tasks are" if len(done) > 1 else "1 task is"
        findings.warning("done-task", f"{many} checked off and left out", done[0].line)
    return tuple(_with_commands(outline, task, ends) for task in left)


def _within(outline: Outline, task: Task, ends: Mapping[int, int]) -> tuple[list[Passage], list[Fence]]:
    """The passages and fences of the task's text."""
    by_line = attrgetter("line")
    first, end = task.line + 1, ends[task.line]
    passages = outline.passages[
        bisect_left(outline.passages, first, key=by_line) : bisect_left(outline.passages, end, key=by_line)
    ]
    fences = outline.fences[
        bisect_left(outline.fences, first, key=by_line) : bisect_left(outline.fences, end, key=by_line)
    ]
    return list(passages), list(fences)


def _lines(passages: Sequence[Passage]) -> Iterator[tuple[int, str]]:
    for passage in passages:
        for number, line in enumerate(passage.text.split("\n")):
            yield passage.line + number, line.strip()


def _is_done(outline: Outline, task: Task, ends: Mapping[int, int]) -> bool:
    """Whether the task has steps with check-boxes and all of them are checked off."""
    steps = [match for _, line in _lines(_within(outline, task, ends)[0]) if (match := _STEP.match(line))]
    return bool(steps) and all((match[1] or " ") != " " for match in steps)


# commands and what is expected of them


def _with_commands(outline: Outline, task: Task, ends: Mapping[int, int]) -> Task:
    passages, fences = _within(outline, task, ends)
    ran = list(_ran(passages, fences))
    passing = [each for each in ran if each.outcome == "pass" and _is_check(each.command)]
    if not passing:
        return task
    inside = [each for each in passing if not _ELSEWHERE.search(each.command)]
    gate = (inside or passing)[-1]  # of those that change to other folders, plans/places.py says what becomes
    return task.model_copy(update={"gate": gate.command, "kind": "tdd" if _is_tdd(task, ran, gate) else "auto"})


def _is_check(command: str) -> bool:
    """Whether a command can tell good work from bad: what git says does not, and a server never ends."""
    return _NO_CHECK.match(command.removeprefix("set -e\n")) is None


def _is_tdd(task: Task, ran: Sequence[_Ran], gate: _Ran) -> bool:
    """Whether the document says that the gate itself is red once the tests are written, in files known as tests."""
    red = any(each.command == gate.command and each.outcome == "fail" and each.line < gate.line for each in ran)
    return red and any(role_of(path, lambda _: False) == "test-file" for path in task.files)


def _ran(passages: Sequence[Passage], fences: Sequence[Fence]) -> Iterator[_Ran]:
    """Commands in code directly behind `Run:`, each with the next expectation of the same step."""
    pending: list[_Ran] = []
    awaiting = False  # the last thing read is a `Run:` without its command
    blocks: list[Passage | Fence] = [*passages, *fences]
    for block in sorted(blocks, key=attrgetter("line")):
        if isinstance(block, Fence):
            command = _fenced(block) if awaiting else ""
            pending += [_Ran(command, block.line)] if command else []
            awaiting = False
            continue
        for number, line, rest in _with_rest(block):
            if _STEP.match(line):
                yield from pending
                pending, awaiting = [], False
            run = _RUN.fullmatch(line)
            said = run[1] if run else line
            if run or awaiting:
                span = _SPAN.match(said)
                pending += [_Ran(span[1].strip().removeprefix("$ "), number)] if span else []
                awaiting = (run is not None and not said) or (awaiting and block.listed and span is not None)
            expected = _EXPECTED.search(line)
            if expected and pending:
                told = _outcome(f"{line[expected.end() :]}\n{rest}")
                yield from (replace(each, outcome=told) for each in pending)
                pending = []
    yield from pending


def _with_rest(passage: Passage) -> Iterator[tuple[int, str, str]]:
    """The lines of a passage, each with what follows it there up to the next command."""
    lines = passage.text.split("\n")
    for place, line in enumerate(lines):
        following = lines[place + 1 : place + 6]
        end = next(
            (n for n, text in enumerate(following) if _RUN.match(text.strip()) or _STEP.match(text.strip())), None
        )
        yield passage.line + place, line.strip(), "\n".join(following[:end])


def _fenced(fence: Fence) -> str:
    """A fenced command; several lines stop at the first that fails."""
    if fence.info.split(maxsplit=1)[:1] and fence.info.split(maxsplit=1)[0].lower() not in _SHELLS:
        return ""
    lines = [line.removeprefix("$ ") for line in fence.content.strip().split("\n")]
    real = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join(real) if len(real) < 2 else "\n".join(["set -e", *lines])


def _outcome(text: str) -> Outcome:
    """What the first sentence says that speaks of either; where it speaks of both, nobody can tell."""
    text = _SPAN.sub(_word_of_code, text[:_LONGEST_EXPECTATION])
    for sentence in _SENTENCE_END.split(_NEGATED.sub(" ", text)):
        passes, fails = _PASSES.search(sentence), _FAILS.search(sentence)
        if passes or fails:
            return "unclear" if passes and fails else "pass" if passes else "fail"
    return "unclear"


def _word_of_code(span: re.Match[str]) -> str:
    """What stands in code is what the program prints; only PASS and the like are the writer's own word."""
    return span[1] if _PASSES.fullmatch(span[1]) or _FAILS.fullmatch(span[1]) else " "
