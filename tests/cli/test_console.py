"""What is printed is safe text, and plain text stays as it is."""

from __future__ import annotations

import io
import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.cli.console import emit_json, note, sanitise, say, table

DANGEROUS = st.sampled_from(
    [
        *"\x1b\x9b\x9d\x07\x9c\r\n\t\\[]()#:;?0189mKABPX^_ ",
        "::error",
        "##[",
        "##vso[",
        "\x1b[31m",
        "\x1b]0;t\x07",
        "\u202e",
    ]
)
HOSTILE = st.lists(DANGEROUS | st.characters(), max_size=30).map("".join)
INVISIBLE = {0xAD, 0x61C, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070)}


def unsafe(character: str) -> bool:
    """The independent table: what no terminal may ever get from us."""
    code = ord(character)
    control = (code < 32 and character not in "\n\t") or 127 <= code < 160
    return control or code in INVISIBLE or 0xD800 <= code < 0xE000 or 0xE0000 <= code < 0xE0080


@given(HOSTILE)
def test_nothing_unsafe_survives(text: str) -> None:
    clean = sanitise(text)
    assert not any(unsafe(character) for character in clean)
    assert not any(line.lstrip().startswith("::") for line in clean.split("\n"))
    assert not re.search(r"##(vso|teamcity)?\[", clean)


@given(HOSTILE)
def test_sanitising_twice_is_the_same_as_once(text: str) -> None:
    assert sanitise(sanitise(text)) == sanitise(text)


@given(
    st.text(
        st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"], exclude_characters=":#")
        | st.sampled_from("\n\t")
    )
)
def test_normal_text_is_unchanged(text: str) -> None:
    assert sanitise(text) == text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1b]0;never ended", "0;never ended"),
        ("\x1b[2", "2"),
        ("\x1b(Bx\x1bc", "x"),
        ("10%\r20%\r\n", "10%\n20%\n"),
        ("a\x00\x08\x7f\x9b31m", "a\\x00\\x08\\x7f\\x9b31m"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("a\u200bb\U000e0041\ud800", "a\\u200bb\\U000e0041\\ud800"),
        ("::error file=x::y", ": :error file=x::y"),
        (" \u3000::error", " \u3000: :error"),
        ("\x1b[0m::error", ": :error"),
        ("ok\r::error", "ok\n: :error"),
        ("see ##[error]", "see # #[error]"),
        ("##vso[task.setvariable]", "# #vso[task.setvariable]"),
        ("##teamcity[testFailed]", "# #teamcity[testFailed]"),
        ("tests/test_a.py::test_b[1]", "tests/test_a.py::test_b[1]"),
        ("[bold]not markup[/bold] :smile: # heading ## x", "[bold]not markup[/bold] :smile: # heading ## x"),
        ("Grüße, naïve 日本 👍", "Grüße, naïve 日本 👍"),
    ],
)
def test_each_kind_of_hostile_text_is_shown_harmlessly(hostile: str, shown: str) -> None:
    assert sanitise(hostile) == shown


@pytest.mark.parametrize(
    "piece", ["\x1b[", "\x1b]", "\x1b[0;", "\x1bP\\", " ", ":", "#", "\r", "\x1b ", "\x1b[31m", "\u202e"]
)
def test_much_of_one_piece_takes_no_longer_a_character_than_a_little(piece: str) -> None:
    def cost(size: int) -> float:
        text = piece * (size // len(piece))
        start = time.process_time()
        sanitise(text)
        return time.process_time() - start

    small = min(cost(20_000) for _ in range(3))
    assert cost(200_000) < 60 * small + 0.05  # a quadratic pattern would take a hundred times as long


def test_results_go_to_standard_output_and_notes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b[31mb", "red")
    note("c\x07", "red")
    assert capsys.readouterr() == ("ab\n", "c\\x07\n")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def printed_on_a_terminal(monkeypatch: pytest.MonkeyPatch, **environ: str) -> str:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    say("x\x1b[31m", "red")
    return terminal.getvalue()


def test_colours_are_for_terminals_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed_on_a_terminal(monkeypatch) == "\x1b[31mx\x1b[0m\n"
    assert printed_on_a_terminal(monkeypatch, NO_COLOR="1") == "x\n"
    assert printed_on_a_terminal(monkeypatch, NO_COLOR="") == "\x1b[31mx\x1b[0m\n"
    assert printed_on_a_terminal(monkeypatch, TERM="dumb") == "x\n"


def test_a_terminal_that_cannot_show_a_character_gets_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    say("né ✓")
    assert raw.getvalue() == b"n\\xe9 \\u2713\n"


class Gone(io.StringIO):
    """A stream whose reader is gone."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_a_note_to_a_terminal_that_is_gone_does_not_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Gone())
    note("progress")
    monkeypatch.setattr("sys.stdout", Gone())
    with pytest.raises(BrokenPipeError):
        say("result")


def test_json_is_plain_ascii_so_that_no_text_in_it_can_act(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"schema": "superteam.x.v1", "text": "\u202e\x1b[31m\n::error é"}
    emit_json(document)
    out = capsys.readouterr().out
    assert json.loads(out) == document
    assert out.isascii()
    assert not [character for character in out if unsafe(character)]
    assert "\n::" not in out


def test_a_line_of_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": [1, {"b": "c\nd"}]}, line=True)
    assert capsys.readouterr().out == '{"a": [1, {"b": "c\\nd"}]}\n'


def test_a_model_is_emitted_with_its_aliases(capsys: pytest.CaptureFixture[str]) -> None:
    from superteam.core.settings import CommitSettings, WorkspaceSettings

    emit_json(CommitSettings(message="x"))
    assert json.loads(capsys.readouterr().out) == {"message": "x"}
    emit_json(WorkspaceSettings(), line=True)
    assert json.loads(capsys.readouterr().out)["isolation"] == "tree"


def test_columns_are_aligned_by_what_is_shown() -> None:
    assert table([("a", "bb", "c"), ("\x1b[1mlong\x1b[0m", "x\ny", "")]) == "a     bb    c\nlong  x\\ny"
    assert table([]) == ""
