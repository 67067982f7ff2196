"""Reads a command line or a script as a shell would, as far as words go: nothing is run, nothing is expanded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# Every alternative is decided by its first characters, and what follows a repetition cannot begin with what it repeats:
# reading is linear.
_TOKEN = re.compile(
    r"""
      (?P<space>    [ \t\r]+ | \\\r?\n )
    | (?P<comment>  (?<! [^ \t\r\n;|&()] ) \# [^\n]* )
    | (?P<redirect> (?: (?<! [^ \t\r\n;|&()] ) \d+ )? (?: &>>? | <<< | <<-? | <> | >> | >\| | [<>]& | [<>] ) )
    | (?P<operator> && | \|\| | ;;&? | \|& | [;|&()\n] )
    | (?P<single>   ' [^']* ' )
    | (?P<double>   " [^"\\]* (?: \\. [^"\\]* )* " )
    | (?P<escape>   \\. )
    | (?P<inner>    \$\( [^()\n]* \) | ` [^`\n]* ` )
    | (?P<plain>    [^ \t\r\n;|&()<>'"\\`$]+ | \$ )
    """,
    re.VERBOSE | re.DOTALL,
)
_HEREDOC = re.compile(r"(?<!<)<<-?[ \t]{0,8}['\"\\]?([A-Za-z_]\w{0,60})")
_NESTED = 50  # subshells
_LEADING = frozenset(["if", "then", "elif", "else", "while", "until", "do", "{", "!", "coproc"])
_OTHER = frozenset(["for", "select", "case", "function", "[", "[[", "test", "fi", "done", "esac", "}"])


@dataclass(slots=True)
class Simple:
    """One simple command of a text, without its redirections.

    `shells` are the numbers of the subshells around it; `last` says that words appended to the text would be its
    arguments. `operator` is what stands behind it ("&&", ";" ...), "" at the end of the text.
    """

    words: list[str] = field(default_factory=list)
    shells: tuple[int, ...] = ()
    last: bool = False
    operator: str = ""


def simple_commands(text: str) -> list[Simple] | None:
    """The simple commands in their order; None where the text cannot be read (a quote that does not end)."""
    found = [Simple()]
    target = closed = False  # the next word is where a redirection leads; words behind would not be arguments
    for kind, token in _pieces(_without_heredocs(text)):
        if kind == "unreadable":
            return None
        if kind == "operator":
            shells = found[-1].shells
            ended = found[-2] if len(found) > 1 and not found[-1].words and found[-2].operator == ")" else found[-1]
            ended.operator = token
            shells = (*shells, len(found)) if token == "(" else shells[:-1] if token == ")" else shells
            if len(shells) > _NESTED:
                return None
            found.append(Simple(shells=shells))
            target = closed = False
        elif kind == "word" and not target:
            found[-1].words.append(token)
        else:
            closed, target = True, kind == "redirect"
    for command in found:
        command.words = _own_words(command.words)
    found[-1].last = not closed
    return [command for command in found if command.words]


def _own_words(words: list[str]) -> list[str]:
    """Without the words of compound commands: what stands behind `then` is a command like any other."""
    start = next((number for number, word in enumerate(words) if word not in _LEADING), len(words))
    return [] if start < len(words) and words[start] in _OTHER else words[start:]


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Tokens, with what belongs to one word put together."""
    word: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            yield "unreadable", ""
            return
        kind, token, position = str(match.lastgroup), match[0], match.end()
        if kind in ("single", "double", "escape", "inner", "plain"):
            word.append(_unquoted(kind, token))
            continue
        if word:
            yield "word", "".join(word)
            word = []
        if kind != "space":
            yield kind, token
    if word:
        yield "word", "".join(word)


def _unquoted(kind: str, token: str) -> str:
    if kind == "single":
        return token[1:-1]
    if kind == "double":
        return re.sub(r'\\(["\\$`]|\n)', lambda match: "" if match[1] == "\n" else match[1], token[1:-1])
    return token[1:] if kind == "escape" else token


def _without_heredocs(text: str) -> str:
    if "<<" not in text:
        return text
    kept: list[str] = []
    ends: list[str] = []
    for line in text.split("\n"):
        if ends:
            if line.strip() == ends[0]:
                ends.pop(0)
            continue
        ends = _HEREDOC.findall(line)
        kept.append(line)
    return "\n".join(kept)
