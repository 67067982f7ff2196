"""Workflow commands and step summaries: hostile text stays text, limits hold, the weightiest comes first."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from superteam.core.events import ValidationResult
from superteam.core.finding import Finding
from superteam.evidence.github import SUMMARY_LIMIT, annotations, location, step_summary

HOSTILE = [
    "t\n::error::planted",
    "t\r::stop-commands::x",
    "t\u2028::warning::x",
    "t\x85::set-env name=A::b",
    "::add-mask::a",
    "##[error]x",
    "100%0A::error::x",
    "a,title=b:c",
    "\x1b]8;;http://x\x07y\x1b[31m",
    "\u202etxet\u2066",
    "a|b\\|c\\\\|`d``e```",
    "<script>alert(1)</script> [x](javascript:y) ![i](z) <!-- ",
    "```\n## a heading\n````\n| a | b |",
    "`",
    " ",
    "",
    "\ud800",
    "tests/test_a.py::test_x[@someone #1 www.example.org]",
]
TEXT = st.text(st.characters(codec=None), max_size=30) | st.sampled_from(HOSTILE)
LISTS = ("regressions", "unresolved", "missing", "newly_skipped", "flaky", "suspects", "pre_existing", "owed")
LOUD = LISTS[:6]


def change(kind: Any, path: str, line: int | None, detail: str) -> Finding:
    return Finding(kind=kind, path=path, line=line, detail=detail)


def result_of(verdict: Any = "fail", **fields: Any) -> ValidationResult:
    return ValidationResult(sha="1" * 40, tree="2" * 40, reference_sha="3" * 40, verdict=verdict, **fields)


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A line as GitHub's runner takes it apart (ActionCommand.TryParseV2)."""
    head, data = re.fullmatch("::(.*?)::(.*)", line, re.DOTALL).groups()  # type: ignore[union-attr]
    name, _, properties = head.partition(" ")
    pairs = dict(pair.split("=", 1) for pair in properties.strip().split(",") if pair)
    return name, {key: unescaped(value, ":,") for key, value in pairs.items()}, unescaped(data, "")


def unescaped(text: str, more: str) -> str:
    for char in "\r\n" + more:
        text = text.replace(f"%{ord(char):02X}", char)
    return text.replace("%25", "%")


def commands(result: ValidationResult, **messages: str) -> list[tuple[str, dict[str, str], str]]:
    return [parsed(line) for line in annotations(result, messages).splitlines()]


@pytest.mark.parametrize("name", LISTS[:4])
def test_what_blocks_is_an_error(name):
    (level, properties, text), notice = commands(result_of(**{name: ("tests/test_a.py::t",)}))
    assert (level, properties["file"], notice[0]) == ("error", "tests/test_a.py", "notice")
    assert text.startswith("tests/test_a.py::t ")


@pytest.mark.parametrize("name", ["flaky", "suspects"])
def test_what_is_unstable_is_a_warning(name):
    assert [level for level, _, _ in commands(result_of("pass", **{name: ("t",)}))] == ["warning", "notice"]


def test_known_failures_are_counted_and_not_annotated():
    ((level, properties, text),) = commands(result_of("pass", pre_existing=("a", "b"), counts={"passed": 3}))
    assert (level, properties) == ("notice", {"title": "superteam: pass"})
    assert text == "3 passed, 2 pre-existing; compared with 333333333333"


@pytest.mark.parametrize(
    ("verdict", "lists"), [("inconclusive", {}), ("fail", {}), ("inconclusive", {"flaky": ("t",)})]
)
def test_a_verdict_that_is_not_pass_has_an_error_even_where_no_test_blocks(verdict, lists):
    found = commands(result_of(verdict, reason="killed by signal 9", **lists))
    assert found[0] == ("error", {"title": f"superteam: {verdict}"}, "killed by signal 9")


def test_nothing_is_an_error_when_the_verdict_is_pass():
    found = commands(result_of("pass", **{name: (name,) for name in LISTS}))
    assert {level for level, _, _ in found} == {"warning", "notice"}


def test_the_runs_that_settled_a_test_are_told():
    settled = {"t": {"task": [2, 2], "reference": [0, 2]}}
    text = commands(result_of(regressions=("t",), settlements=settled), t="KeyError: 1")[0][2]
    assert text == "t worked before and does not any more (failed 2 of 2 here, 0 of 2 at the reference)\nKeyError: 1"


def test_findings_weigh_less_than_suspects_and_more_than_flakes():
    finding = change("focus", "web/a.test.ts", 7, "it.only was added")
    found = commands(result_of("pass", flaky=("f",), suspects=("s",), findings=(finding,)))
    assert [properties["title"] for _, properties, _ in found[:3]] == ["suspect: s", "focus: web/a.test.ts", "flaky: f"]
    assert found[1][1]["line"] == "7" and found[1][2] == "it.only was added"


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../up.yml"])
def test_a_finding_outside_of_the_repository_has_no_place(path):
    title = f"more: {path}" if path else "more"
    assert commands(result_of("pass", findings=(change("more", path, 7, "x"),)))[0][1] == {"title": title}


@pytest.mark.parametrize("number", [10, 11, 500])
def test_ten_of_a_level_are_shown_and_the_last_says_how_many_more(number):
    ids = tuple(f"t{n}" for n in range(number))
    found = commands(result_of(missing=ids[1:], regressions=ids[:1], flaky=tuple(f"f{id}" for id in ids)))
    levels = [level for level, _, _ in found]
    assert (levels.count("error"), levels.count("warning")) == (10, 10)
    assert found[0][1]["title"] == "test-regression: t0"
    more = f"and {number - 9} more" if number > 10 else "t9 was there"
    assert found[9][2].startswith(more)


@given(st.dictionaries(TEXT, st.sampled_from(LISTS), max_size=8), TEXT, TEXT)
def test_no_text_can_start_a_command_of_its_own(listed, message, path):
    lists = {name: tuple(id for id, where in listed.items() if where == name) for name in LISTS}
    finding = change("ci", path, 1, message)
    polluters = dict.fromkeys(listed, message)
    result = result_of(reason=message, counts={message: 1}, findings=(finding,), polluters=polluters, **lists)
    text = annotations(result, dict.fromkeys(listed, message))
    lines = text.splitlines()
    loud = sum(where in LOUD for where in listed.values())
    none_blocks = not any(where in LISTS[:4] for where in listed.values())
    assert len(lines) == loud + none_blocks + 2
    assert text.count("\n") == len(lines)
    for line in lines:
        level, properties, _ = parsed(line)
        assert level in ("error", "warning", "notice")
        assert set(properties) <= {"file", "line", "title"}
        assert not re.search("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", line)


def test_escaping_is_undone_by_the_runner():
    text = commands(result_of(regressions=("50%: a,b",)), **{"50%: a,b": "1%0A2\r\n3\x1b[1m!"})[0]
    assert text[1]["title"] == "test-regression: 50%: a,b"
    assert text[2].partition("\n")[2] == "1%0A2\n3!"


def test_titles_and_messages_are_cut_before_the_runner_does():
    (_, properties, text), _ = commands(result_of(regressions=("x" * 9000,)), **{"x" * 9000: "y" * 10**6})
    assert len(properties["title"]) <= 255
    assert 3000 < len(text) <= 4096


@pytest.mark.parametrize(
    ("message", "id", "place"),
    [
        ("E   assert 3 == 4\n\ntests/test_a.py:12: AssertionError", "x", ("tests/test_a.py", 12)),
        (
            'Traceback\n  File "src/shop.py", line 3, in f\n  File "/v/site-packages/x.py", line 9',
            "x",
            ("src/shop.py", 3),
        ),
        ("tests/test_a.py:4: in t\nsrc/b.py:9: KeyError", "x", ("src/b.py", 9)),
        ("Error\n    at f (src/a.ts:3:5)\n    at g (src/b.ts:8:1)", "x", ("src/a.ts", 3)),
        ("    at node:internal/x.js:3:5\n    at src/b.mjs:8:1", "x", ("src/b.mjs", 8)),
        (" ❯ src/a.test.ts:3:5", "x", ("src/a.test.ts", 3)),
        ("./a_test.go:7: wrong", "x", ("a_test.go", 7)),
        ("\x1b[31msrc\\a.py:3\x1b[0m: no", "x", ("src/a.py", 3)),
        ("/etc/passwd.py:3", "tests/a.py::t", ("tests/a.py", None)),
        ("../up.py:3\na/../../up.py:4", "x", ("", None)),
        ("node_modules/a/b.js:3", "a.test.ts > t", ("a.test.ts", None)),
        ("connect to db.local:5432 refused", "x", ("", None)),
        ("src/a.py:2\nenv/site-packages/b.py:9", "x", ("src/a.py", 2)),
        ("src/a.py:0", "x", ("", None)),
        ("", "/abs/a.py::t", ("", None)),
        ("", "tests/a.py::T::t[../b.py::c]", ("tests/a.py", None)),
        ("", "it works", ("", None)),
    ],
)
def test_the_place_is_in_the_repository_s_own_code(message, id, place):
    assert location(message, id) == place


@pytest.mark.parametrize("piece", ["a" * 50, "at ", "a.", " ", "/../", "E  at (", "x.py:1\n", "`"])
def test_hostile_messages_cost_no_more_than_their_length(piece):
    message = piece * (2 * 10**6 // len(piece))
    result = result_of(regressions=("t",))
    began = time.perf_counter()
    annotations(result, {"t": message})
    step_summary(result, {"t": message})
    assert time.perf_counter() - began < 5


def rendered(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def spans(tokens: list[Token]) -> list[str]:
    return [child.content for token in tokens for child in token.children or () if child.type == "code_inline"]


def test_the_summary_shows_what_blocks_then_its_messages_then_known_failures():
    result = result_of(
        regressions=("a",),
        flaky=("f",),
        pre_existing=("p",),
        reason="because",
        settlements={"a": {"task": [2, 2], "reference": [0, 2]}},
        findings=(change("ci", ".github/workflows/x.yml", None, "a step was removed"),),
        notes=("one",),
        reproduce_command="pytest a",
    )
    text = step_summary(result, {"a": "KeyError: 1"})
    assert "| test-regression | ` a ` | 2 of 2 | 0 of 2 |\n" in text
    marks = ["superteam: fail", "because", "pytest a", "` a `", "` f `", "KeyError", "x.yml", "` p `", "` one `"]
    assert [text.index(mark) for mark in marks] == sorted(text.index(mark) for mark in marks)


@given(st.dictionaries(TEXT, st.sampled_from(LISTS), max_size=6), TEXT)
def test_no_text_can_break_out_of_the_summary(listed, message):
    lists = {name: tuple(id for id, where in listed.items() if where == name) for name in LISTS}
    finding = change("focus", message, 3, message)
    texts = {"reason": message, "reproduce_command": message, "polluters": dict.fromkeys(listed, message)}
    result = result_of(**texts, findings=(finding,), notes=(message,), **lists)
    tokens = rendered(step_summary(result, dict.fromkeys(listed, message)))
    told = sum(where in LOUD for where in listed.values())
    rows = len(listed) + 1 + bool(told) + 1 + (len(listed) > told)
    assert sum(token.type == "tr_open" for token in tokens) == rows
    assert all(token.type in PLAIN or token.type.startswith(("table", "th", "tr", "td", "tb")) for token in tokens)
    inner = {child.type for token in tokens for child in token.children or ()}
    assert inner <= {"text", "code_inline", "softbreak"}
    headings = sum(token.type == "heading_open" for token in tokens)
    assert headings == 3 + (len(listed) > told) + (bool(message and told) + told * bool(message))
    fenced = {token.content for token in tokens if token.type == "fence"}
    assert fenced <= {f"{shown(message)}\n"}


PLAIN = {"heading_open", "heading_close", "inline", "paragraph_open", "paragraph_close", "fence"}
PLAIN |= {"bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"}


def shown(message: str) -> str:
    """What of a short message is to be read: line ends made one, colours gone, what hides or steers made visible."""
    text = re.sub("\x1b\\[[0-9;:?]{0,20}[A-Za-z]", "", message).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char if char in "\t\n" or not hidden(char) else escape(char) for char in text)


def hidden(char: str) -> bool:
    number = ord(char)
    ranges = [(0, 0x1F), (0x7F, 0x9F), (0x200E, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0xD800, 0xDFFF)]
    ranges += [(0xFFF9, 0xFFFB), (0xFFFE, 0xFFFF), (0xE0000, 0xE007F)]
    return any(low <= number <= high for low, high in ranges) or number in (0x61C, 0x200B, 0xFEFF)


def escape(char: str) -> str:
    number = ord(char)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


@given(st.text("|\\`a ", min_size=1, max_size=12))
def test_pipes_and_backticks_in_an_id_are_shown_as_they_are(id):
    found = spans(rendered(step_summary(result_of(regressions=(id,)), {})))
    assert found[1:] == ([id] if id.strip() else [])


def test_a_huge_summary_is_cut_with_a_mark_and_stays_below_the_limit():
    ids = tuple(f"tests/test_x.py::test_{'é' * 200}_{n}" for n in range(20_000))
    known = tuple(f"old {id}" for id in ids)
    text = step_summary(result_of(regressions=ids, pre_existing=known), dict.fromkeys(ids, "`" * 5000))
    assert 0.8 * SUMMARY_LIMIT < len(text.encode()) <= SUMMARY_LIMIT
    assert len(re.findall(r"\n\n\.\.\. and \d+ more, left out here", text)) == 3
    tokens = rendered(text)
    assert sum(token.type == "fence" for token in tokens) > 30
    assert not any(token.type == "html_block" for token in tokens)
