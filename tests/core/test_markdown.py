"""Foreign text in a document of ours is shown as it is and is never markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from superteam.core.markdown import code, plain, text

MARKUP = (
    "<b>",
    "<!-- x -->",
    "&amp;",
    "[a](b)",
    "![a](b)",
    "**a**",
    "_a_",
    "~~a~~",
    "`a`",
    "\\",
    "<x:y>",
    "- [x] ",
    "1. ",
)
SIGNS = "\\`*_{}[]<>#|~!&$^=+-.:()1\n\t \u202e\ud800\x00x"
NASTY = st.lists(st.one_of(st.characters(), st.sampled_from([*MARKUP, *SIGNS])), max_size=30).map("".join)
PLACES = ("{}", "- {}", "- Task {}: more", "1. **Task 1**: {} - end", "# {} Summary", "**Task {}**: x")


def inline(document: str) -> list[Token]:
    """The pieces of the one line of text in the document."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(document)
    (found,) = (token for token in tokens if token.type == "inline")
    return found.children or []


def structure(document: str) -> list[str]:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(document)
    return [token.type for token in tokens]


@given(NASTY)
def test_a_plain_text_is_one_line_of_characters_that_can_be_seen(foreign: str) -> None:
    shown = plain(foreign)
    assert shown.isprintable()
    assert shown == shown.encode().decode()


@given(NASTY, st.sampled_from(PLACES))
def test_a_text_is_shown_exactly_and_changes_no_structure(foreign: str, place: str) -> None:
    shown = plain(foreign)
    if not shown:
        return
    document = place.format(text(foreign))
    assert structure(document) == structure(place.format("word"))
    pieces = inline(document)
    assert {piece.type for piece in pieces} <= {"text", "text_special", "strong_open", "strong_close"}
    assert shown in "".join(piece.content for piece in pieces)


@given(NASTY)
def test_a_code_span_is_shown_exactly_and_is_never_left(foreign: str) -> None:
    pieces = inline(f"- ran {code(foreign)} well")
    assert [piece.type for piece in pieces if piece.content] == ["text", "code_inline", "text"]
    shown = pieces[1].content
    assert shown.isprintable()
    if foreign and foreign.isprintable() and foreign.strip():
        assert shown == foreign


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("snake_case_name", "snake_case_name"),
        ("__init__", r"\_\_init\_\_"),
        ("1. first", r"1\. first"),
        ("- [x] done", r"\- \[x\] done"),
        ("a\r\nb\u2028c", "a b c"),
        ("\x1b[31mred", r"\\x1b\[31mred"),
        ("\u202etxt", r"\\u202etxt"),
    ],
)
def test_ordinary_text_stays_readable_and_the_rest_is_escaped(foreign: str, shown: str) -> None:
    assert text(foreign) == shown


def test_a_long_text_is_cut_with_a_mark() -> None:
    assert plain("x" * 10_000, 10) == "x" * 10 + " [...]"
    assert code("y" * 10_000, 10) == "`" + "y" * 10 + "` [...]"
