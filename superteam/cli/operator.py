"""Asks a person at a terminal, and puts a question with its evidence into words.

The evidence comes from tests, programs and agents: every line of it is made harmless and gets a mark in front, so
that none of it can pass for a line of ours.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from superteam.cli.console import note, sanitise
from superteam.core.events import Question
from superteam.core.questions import in_a_plans_words, needs_note
from superteam.errors import SuperteamError

LINE_LIMIT = 400
TESTS_SHOWN = 5
MESSAGE_LINES = 15
DIFF_LINES = 60
OUTPUT_LINES = 30
_NOTED = {"failure": ("retry", "approve"), "agent": ("continue",)}
_ADDRESSED = {"human-verify": "to be verified", "decision": "to be decided", "human-action": "to be done"}


class Paused(SuperteamError):
    """The end of input where an answer was wanted: the question stays open, the run can be resumed."""

    exit_code = 4


class Pausable(Protocol):
    """Something that draws on the terminal and has to give way while a person is asked."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


@dataclass(slots=True)
class Terminal:
    """Asks on standard error and reads a line at a time from a terminal; cancelling leaves no thread behind."""

    view: Pausable
    descriptor: int = 0
    _typed: bytearray = field(default_factory=bytearray)

    async def ask(self, question: Question) -> tuple[str, str | None]:
        """The chosen option's id and an optional note, asked for until it is one; Paused at the end of input."""
        self.view.stop()
        self._forget_typed_ahead()
        note("\n" + question_text(question, full=False))
        try:
            choice, remark = await self._choose(question)
            while remark is None and choice in needs_note(question):
                remark = (await self._line("note (needed; what is not as it should be): ")).strip() or None
            if remark is None and _takes_note(question, choice):
                remark = (await self._line("note (optional): ")).strip() or None
        except BaseException:  # cancelled or at the end of input: the prompt's line is left as it is
            note("")
            raise
        self.view.start()
        return choice, remark

    async def _choose(self, question: Question) -> tuple[str, str | None]:
        while True:
            line = await self._line("answer: ")
            try:
                return read_answer(question, line)
            except ValueError as problem:
                note(str(problem), "yellow")

    async def _line(self, prompt: str) -> str:
        """The next line that is typed, without its end."""
        import anyio

        _show_prompt(prompt)
        while b"\n" not in self._typed:
            await anyio.wait_readable(self.descriptor)
            data = _read(self.descriptor)
            if not data:
                raise Paused("the input ended before the question was answered; it stays open", "superteam status")
            self._typed += data
        line, _, rest = bytes(self._typed).partition(b"\n")
        self._typed = bytearray(rest)
        return line.decode("utf-8", "replace").rstrip("\r")

    def _forget_typed_ahead(self) -> None:
        """What was typed before the question was seen is no answer to it."""
        import termios

        self._typed.clear()
        try:
            termios.tcflush(self.descriptor, termios.TCIFLUSH)
        except termios.error:
            pass  # not a terminal


def _takes_note(question: Question, choice: str) -> bool:
    """Whether a note would be read by anybody: a decision's goes into the prompts of later tasks."""
    return choice in _NOTED.get(question.kind, ()) or (question.kind == "human" and choice != "abort")


def _show_prompt(prompt: str) -> None:
    with contextlib.suppress(OSError):  # a terminal that is gone shows itself as the end of input
        sys.stderr.write(prompt)
        sys.stderr.flush()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the terminal is gone
        return b""


def read_answer(question: Question, line: str) -> tuple[str, str | None]:
    """An option by its id, number or unambiguous beginning, with a note after a colon; ValueError says why not."""
    if line.strip() in (option.id for option in question.options):  # a plan's own may hold a colon
        return line.strip(), None
    word, _, rest = line.partition(":")
    word, remark = word.strip(), rest.strip() or None
    ids = [option.id for option in question.options]
    word = in_a_plans_words(question, word)
    valid = f"the answers are: {', '.join(f'{i} {id}' for i, id in enumerate(ids, 1))}"
    if word in ids:
        return word, remark
    if word.isascii() and word.isdigit() and 1 <= int(word[:9]) <= len(ids):
        return ids[int(word[:9]) - 1], remark
    same = [id for id in ids if id.casefold() == word.casefold()]
    found = same or [id for id in ids if word and id.casefold().startswith(word.casefold())]
    if len(found) == 1:
        return found[0], remark
    said = _harmless(word)
    if found:
        raise ValueError(f"{said!r} could be {' or '.join(found)}; {valid}")
    raise ValueError(f"{said!r} is no answer; {valid}" if word else valid)


# -- the question in words


def question_text(question: Question, full: bool) -> str:
    """The question with its evidence and its numbered answers; `full` shows long evidence whole."""
    about = [f"task {question.task}"] if question.task else []
    kind = [question.failure_type] if question.failure_type else []
    kind += [f"asked by {_asker(question)}"] if question.kind == "agent" else []
    checkpoint = question.evidence.get("checkpoint") if question.kind == "human" else None
    kind += [_ADDRESSED.get(str(checkpoint["kind"]), "checkpoint")] if checkpoint else []
    heading = _harmless(", ".join([f"Question {question.id}", *about, *kind]))
    evidence = [part for part in _evidence(question, full) if part]
    again = [f"{heading}: the answers are"] if evidence else []  # by now the question may have scrolled away
    asked = _checkpoint(checkpoint) if checkpoint else list(_text(question.question))
    parts = [[heading, *asked], *evidence, [*again, *_options(question)]]
    return "\n\n".join("\n".join(part) for part in parts)


def _asker(question: Question) -> str:
    role = question.evidence.get("reviewer")
    return f"the reviewer {role}" if role else "the agent"


def _checkpoint(found: Mapping[str, Any]) -> list[str]:
    """What the plan says, each line with a mark, since it is the document's; its options with all that it says."""
    lines = [_harmless(str(found.get("title") or ""))]
    how = "context" if found.get("kind") == "decision" else "how"
    for name, key in (("", "subject"), (how, "instructions"), ("the plan expects the answer", "resume_signal")):
        text = str(found.get(key) or "").strip()
        if text and text != found.get("title"):
            lines += [*([f"{name}:"] if name else []), *(f"  | {_harmless(line)}" for line in text.splitlines())]
    for option in found.get("options") or ():
        lines.append(f"  {_harmless(str(option.get('id')))}: {_harmless(str(option.get('name')))}")
        lines += [
            f"    {sign} {_harmless(str(option[key]))}" for key, sign in (("pros", "+"), ("cons", "-")) if option[key]
        ]
    return lines


def _options(question: Question) -> list[str]:
    width = max((len(option.id) for option in question.options), default=0)
    rows = enumerate(question.options, 1)
    return [f"  {i}  {_harmless(option.id):<{width}}  {_harmless(option.label)}" for i, option in rows]


def _evidence(question: Question, full: bool) -> list[list[str]]:
    """The parts of the evidence, each with its heading; what a kind of question lacks is left out."""
    found = question.evidence
    return [
        _tests(found, full),
        _gate(found, full),
        _reviews(found, full),
        _diff(found, full),
        _taken_back(found),
        _places(found, full),
    ]


def _tests(found: Mapping[str, Any], full: bool) -> list[str]:
    ids, messages = list(found.get("tests") or ()), dict(found.get("messages") or {})
    if not ids:
        return []
    shown = ids if full else ids[:TESTS_SHOWN]
    lines = [f"Tests ({len(ids)}):"]
    for id in shown:
        lines.append(f"  - {_harmless(str(id))}")
        if messages.get(id):
            lines += _block(str(messages[id]), MESSAGE_LINES, full, found.get("output"), "    | ")
    if len(shown) < len(ids):
        lines.append(f"  [... {len(ids) - len(shown)} more: superteam status]")
    return lines


def _gate(found: Mapping[str, Any], full: bool) -> list[str]:
    gate = found.get("gate")
    if not gate:
        return []
    command, code = _harmless(str(gate.get("command"))), gate.get("exit_code")
    lines = [f"Gate: {command} (exit code {'none' if code is None else code})"]
    red = found.get("gate_red_at_start")
    if red is not None:
        lines.append(f"  at the task's start commit it is {'red too' if red else 'green'}")
    for name, label in (("stdout", "standard output"), ("stderr", "standard error")):
        text = str(gate.get(name) or "")
        if text.strip():
            lines += [f"  {label}:", *_block(text, OUTPUT_LINES, full, found.get("output"), "    | ")]
    return lines


def _reviews(found: Mapping[str, Any], full: bool) -> list[str]:
    """What each reviewer said, in its own words."""
    lines = []
    for said in found.get("reviews") or ():
        state = {True: "passed", False: "did not pass"}.get(said.get("passed"), "gave no verdict")
        lines.append(f"  {_harmless(str(said.get('role')))} {state}:")
        text = "\n".join([*map(_finding, said.get("findings") or ()), str(said.get("summary") or "")]).strip()
        lines += _block(text or str(said.get("detail") or ""), OUTPUT_LINES, full, None, "    | ")
    return ["Reviews (the reviewers' words):", *lines] if lines else []


def _finding(found: Mapping[str, Any]) -> str:
    place = f" {found['file']}" if found.get("file") else ""
    place += f":{found['line']}" if place and found.get("line") else ""
    hint = f" (suggestion: {found['suggestion']})" if found.get("suggestion") else ""
    return " ".join(f"{found.get('severity')}{place}: {found.get('issue')}{hint}".split())


def _diff(found: Mapping[str, Any], full: bool) -> list[str]:
    text = str(found.get("diff") or "")
    if not text.strip():
        return []
    lines = _block(text, DIFF_LINES, full, found.get("work_tree"), "  | ")
    return ["Difference since the last accepted commit:", *lines]


def _taken_back(found: Mapping[str, Any]) -> list[str]:
    after = found.get("if_taken_back")
    if not after:
        return []
    kept, again = (", ".join(map(_harmless, map(str, after.get(key) or ()))) for key in ("kept", "pending"))
    return [
        "If the task is taken back (rollback, skip):",
        f"  later tasks put on again, if their gates pass: {kept or 'none'}",
        f"  later tasks to be done again: {again or 'none'}",
    ]


def _places(found: Mapping[str, Any], full: bool) -> list[str]:
    rows = (
        ("complete output", "output"),
        ("to reproduce, in the tree", "reproduce_command"),
        ("the tree, for changes of your own", "work_tree"),
        ("what was built stands on branch", "branch"),
        ("the commit that mended it after your reject", "mended"),
    )
    shown = _safe if full else _harmless
    return [f"{name}: {shown(str(found[key]))}" for name, key in rows if found.get(key)]


def _block(text: str, limit: int, full: bool, whole: object, margin: str) -> list[str]:
    """A text as indented lines; a long one keeps its first and last lines, with a mark between them."""
    lines = text.splitlines()
    if full:
        return [margin + _safe(line) for line in lines]
    if len(lines) <= limit:
        return [margin + _harmless(line) for line in lines]
    head, tail = limit // 2, limit - limit // 2
    where = f"superteam status, {_harmless(str(whole))}" if whole else "superteam status"
    mark = f"[... {len(lines) - limit} lines are left out; the whole: {where}]"
    shown = [*map(_harmless, lines[:head]), mark, *map(_harmless, lines[-tail:])]
    return [margin + line for line in shown]


def _text(text: str) -> Iterable[str]:
    return [_harmless(line) for line in text.splitlines()]


def _harmless(line: str) -> str:
    """One line of foreign text, made safe; a very long one is cut with a mark."""
    mark = f" [... {len(line) - LINE_LIMIT} more characters]" if len(line) > LINE_LIMIT else ""
    return _safe(line[:LINE_LIMIT]) + mark


def _safe(line: str) -> str:
    return sanitise(line).replace("\n", "\\n")
