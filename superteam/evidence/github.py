"""A validation for GitHub Actions: workflow commands that become annotations, and the summary of a step.

Rules from GitHub's runner (ActionCommand.cs, ExecutionContext.cs, FileCommandManager.cs): data and properties are
escaped in their own ways, 10 errors and 10 warnings a step are shown, a message is cut at 4096 characters, a summary of
more than 1 MiB is thrown away as a whole.
"""

import re  # no annotations from __future__: their name is taken by the function below
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from superteam.core.events import ValidationResult
from superteam.core.finding import Finding
from superteam.core.results import TestId
from superteam.evidence.junit_xml import Standing, split_id, standings, suite_name, visible

SHOWN = 10  # of each level
SUMMARY_LIMIT = 2**20 - 2**16  # the rest is for what other commands of the step write
_MESSAGE_CAP = 3000
_TITLE_CAP = 200
_PATH_CAP = 1000
_SPAN_CAP = 300
_QUIET = ("fails-differently", "pre-existing", "owed")  # known for long: in the summary, but no annotation

_COLOURS = re.compile(r"\x1b\[[0-9;:?]{0,20}[A-Za-z]")
_ENDS = re.compile(r"\r\n?")
# Controls, line ends of any kind, marks that turn or hide text, lone surrogates.
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f"
)
_IN_TEXT = re.compile(f"[{_HIDDEN}]")
_IN_LINE = re.compile(f"[\t\n{_HIDDEN}]")
_BACKTICKS = re.compile("`+")

_PLACE = re.compile(
    r"\s{0,8}(?:[>❯E] {1,8})?(at (?:[^()]{0,100}\()?)?(?:File \")?"
    r"([\w@%+.~ /\\-]{1,300}?\.[A-Za-z]{1,5})(?:\", line |:)(\d{1,7})\b"
)
_FOREIGN = re.compile(r"site-packages|dist-packages|node_modules|(?:^|/)\.\.?/|^[/~]|<frozen|^node:")
_MESSAGE_HEAD = 4096
_LINE_CAP = 400

_Level = Literal["error", "warning", "notice"]


@dataclass(frozen=True, slots=True)
class _Annotation:
    """One annotation, with a place where there is one; nothing in it is escaped yet."""

    level: _Level
    title: str
    message: str
    path: str = ""
    line: int | None = None


_Maker = Callable[[], _Annotation]


def annotations(result: ValidationResult, messages: Mapping[TestId, str]) -> str:
    """Workflow commands, one a line: errors for what blocks, warnings for what informs, a notice for the verdict."""
    listed = standings(result)
    errors, unsettled, flaky = list[_Maker](), list[_Maker](), list[_Maker]()
    for id, standing in listed.items():
        if standing.kind not in _QUIET:
            group = errors if standing.blocks else flaky if standing.kind == "flaky" else unsettled
            group.append(partial(_of_test, id, standing, result, messages))
    findings = [partial(_of_finding, finding) for finding in result.findings]
    shown = (
        *_limited("error", [*_unproven(result, bool(errors)), *errors]),
        *_limited("warning", [*unsettled, *findings, *flaky]),
        _Annotation("notice", f"{suite_name(result.source)}: {result.verdict}", _in_short(result, listed)),
    )
    return "".join(f"{_command(annotation)}\n" for annotation in shown)


def step_summary(result: ValidationResult, messages: Mapping[TestId, str], limit: int = SUMMARY_LIMIT) -> str:
    """The validation as Markdown, at most `limit` bytes: each part may take half of what is left."""
    listed = standings(result)
    told = [id for id, standing in listed.items() if standing.kind not in _QUIET]
    quiet = [id for id, standing in listed.items() if standing.kind in _QUIET]

    def row(id: TestId) -> str:
        here, there = _runs(result, id)
        company = f", only after {_cell(result.polluters[id])}" if id in result.polluters else ""
        return f"| {listed[id].kind} | {_cell(id)}{company} | {here} | {there} |\n"

    def text(id: TestId) -> str:
        return f"#### {_span(id)}\n\n{_fenced(messages[id])}\n"

    with_text = [id for id in told if messages.get(id)]
    table = "| | test | failed here | failed at the reference |\n|---|---|---|---|\n"
    parts: tuple[tuple[str, Sequence[Any], Callable[[Any], str]], ...] = (
        (table, told, row),
        ("### Messages\n\n", with_text, text),
        ("### Changes to what decides verdicts\n\n| | where | what |\n|---|---|---|\n", result.findings, _finding_row),
        (f"### Known failures\n\n{table}", quiet, row),
        ("### Notes\n\n", result.notes, lambda note: f"- {_span(note)}\n"),
    )
    page, left = [_opening(result, listed)], limit
    for head, items, render in parts:
        left -= len(page[-1].encode())
        page.append(_part(head, items, render, left // 2))
    return "".join(page)


def location(message: str, id: TestId) -> tuple[str, int | None]:
    """The place in the repository's own code that a failure names; else the test's file; relative paths only.

    Python names the deepest call last, JavaScript ("at f (file:1:2)") first.
    """
    cut = message if len(message) <= 2 * _MESSAGE_HEAD else f"{message[:_MESSAGE_HEAD]}\n{message[-_MESSAGE_HEAD:]}"
    deepest: tuple[str, int] | None = None
    for line in _COLOURS.sub("", cut).splitlines():
        match = _PLACE.match(line[:_LINE_CAP])
        path = _inside(match[2]) if match and _file(match[2]) else ""
        if match and path and int(match[3]):
            deepest = deepest if match[1] and deepest else (path, int(match[3]))
    if deepest:
        return deepest
    return _inside(split_id(id)[0] or _file(id.partition(" > ")[0])), None


def _file(text: str) -> str:
    """The text if it names a source file."""
    return split_id(f"{text.strip()}::it")[0]


def _inside(path: str) -> str:
    """The path with slashes, empty if it does not lie in the repository or is not the project's own code."""
    path = path.strip().replace("\\", "/").removeprefix("./")
    return "" if _FOREIGN.search(path) or path.endswith("/..") else path


def _unproven(result: ValidationResult, blocked: bool) -> list[_Maker]:
    if result.verdict == "pass" or (result.verdict == "fail" and blocked):
        return []
    reason = _capped(_text(result.reason or "no reason was given"), _MESSAGE_CAP)
    return [partial(_Annotation, "error", f"{suite_name(result.source)}: {result.verdict}", reason)]


def _of_test(id: TestId, standing: Standing, result: ValidationResult, messages: Mapping[TestId, str]) -> _Annotation:
    message = messages.get(id, "")
    here, there = _runs(result, id)
    runs = f" (failed {here} here, {there or 'not run'} at the reference)" if here else ""
    first = f"{_line(id, _SPAN_CAP)} {_line(standing.words, _SPAN_CAP)}{runs}"
    text = f"{first}\n{_capped(_text(message), _MESSAGE_CAP)}".rstrip()
    path, line = location(message, id)
    level: _Level = "error" if standing.blocks else "warning"
    return _Annotation(level, f"{standing.kind}: {id}", text, path, line)


def _of_finding(finding: Finding) -> _Annotation:
    text = _capped(_text(finding.detail), _MESSAGE_CAP)
    title = f"{finding.kind}: {finding.path}" if finding.path else finding.kind
    return _Annotation("warning", title, text, _inside(finding.path), finding.line)


def _limited(level: _Level, makers: Sequence[_Maker]) -> list[_Annotation]:
    """All of them, or as many as are shown with the last one saying how many more there are."""
    if len(makers) <= SHOWN:
        return [make() for make in makers]
    more = f"and {len(makers) - SHOWN + 1} more; all of them are in the summary of this step"
    last = _Annotation(level, f"superteam: {len(makers)} findings", more)
    return [*(make() for make in makers[: SHOWN - 1]), last]


def _command(annotation: _Annotation) -> str:
    path = _line(annotation.path, _PATH_CAP)
    line = str(annotation.line) if path and annotation.line else ""
    pairs = (("file", path), ("line", line), ("title", _line(annotation.title, _TITLE_CAP)))
    properties = ",".join(f"{key}={_property(value)}" for key, value in pairs if value)
    return f"::{annotation.level} {properties}::{_data(annotation.message)}"


def _data(text: str) -> str:
    return _text(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _text(text: str) -> str:
    """Several lines for people: without colours, anything else that steers a terminal or a reader made visible."""
    return _IN_TEXT.sub(visible, _ENDS.sub("\n", _COLOURS.sub("", text)))


def _line(text: str, size: int) -> str:
    return _capped(_IN_LINE.sub(visible, text[: size + 1]), size)


def _capped(text: str, size: int) -> str:
    """Head and tail of what is too long, with a mark in between."""
    if len(text) <= size:
        return text
    half = (size - 40) // 2
    return f"{text[:half]} ... [{len(text) - 2 * half} left out] ... {text[-half:]}"


def _in_short(result: ValidationResult, listed: Mapping[TestId, Standing]) -> str:
    kinds: dict[str, int] = {}
    for standing in listed.values():
        kinds[standing.kind] = kinds.get(standing.kind, 0) + 1
    parts = [f"{number} {name}" for name, number in (*result.counts.items(), *kinds.items()) if number]
    low = ", low confidence" if result.confidence == "low" else ""
    return f"{', '.join(parts) or 'no tests'}; compared with {result.reference_sha[:12]}{low}"


def _runs(result: ValidationResult, id: TestId) -> tuple[str, str]:
    """How often the test failed in how many reruns here and at the reference; empty where it was not rerun."""
    entry = result.settlements.get(id, {})
    pairs = [entry.get(side) or (0, 0) for side in ("task", "reference")]
    here, there = (f"{int(failed)} of {int(runs)}" if runs else "" for failed, runs in pairs)
    return here, there


def _opening(result: ValidationResult, listed: Mapping[TestId, Standing]) -> str:
    lines = [f"## {suite_name(result.source)}: {result.verdict}\n"]
    lines += [f"{_fenced(result.reason)}"] if result.reason else []
    lines += [f"{_span(_in_short(result, listed))}\n"]
    lines += [f"Reproduce:\n\n{_fenced(result.reproduce_command)}"] if result.reproduce_command else []
    return "\n".join(lines) + "\n"


def _part(head: str, items: Sequence[Any], render: Callable[[Any], str], budget: int) -> str:
    """A heading and as many whole items as fit; says how many do not. Empty without items."""
    pieces, size = [head], len(head.encode()) + 200
    for number, item in enumerate(items):
        piece = render(item)
        size += len(piece.encode())
        if size > budget:
            pieces.append(f"\n... and {len(items) - number} more, left out here; see `superteam validate --json`\n")
            break
        pieces.append(piece)
    return "".join([*pieces, "\n"]) if items else ""


def _finding_row(finding: Finding) -> str:
    where = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return f"| {_cell(finding.kind)} | {_cell(where)} | {_cell(finding.detail)} |\n"


def _cell(text: str) -> str:
    """A code span in a table: GFM takes a backslash before a pipe away, also within code."""
    return _span(text).replace("|", "\\|")


def _span(text: str) -> str:
    """A code span that its content cannot end: CommonMark takes one space at each side away."""
    shown = _line(text, _SPAN_CAP)
    if not shown.strip():
        return f"(empty: {len(text)} characters)"
    fence = "`" * (_longest_run(shown) + 1)
    return f"{fence} {shown} {fence}"


def _fenced(text: str) -> str:
    shown = _capped(_text(text), _MESSAGE_CAP)
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}text\n{shown}\n{fence}\n"


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)
