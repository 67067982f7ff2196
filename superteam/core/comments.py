"""Changed lines without their comments, language by language, in linear time.

Where it is not certain that something is a comment it stays: what is taken away is not looked at. Comments that a
program obeys (`//go:build`, `# doctest: +SKIP`, `# bats:focus`) stay too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from superteam.core.changes import Lines

_STRING = r""""(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?"""
# Each alternative begins with a character of its own and cannot fail late, but for a regular expression, whose
# length is limited.
_TOKENS = {
    "hash": re.compile(rf"{_STRING}|(?P<comment>\#.*)|[^\"'#]+", re.DOTALL),
    "spaced-hash": re.compile(rf"{_STRING}|(?P<comment>(?:(?<=[\s;])|^)\#.*)|[^\"'#]+|\#", re.DOTALL),
    "slash": re.compile(
        rf"{_STRING}|`(?:[^`\\]|\\.)*`?|(?P<comment>(?<!:)//.*|/\*.*?\*/|/\*.*)"
        r"|(?<=[=(,:\[!&|?{};+])[ \t]{0,4}/(?:[^/\\\[\n*]|\\.|\[(?:[^\]\\\n]|\\.){0,200}\]){1,200}/"
        r"|[^\"'`/=(,:\[!&|?{};+]+|.",
        re.DOTALL,
    ),
    "markup": re.compile(r"(?P<comment><!--.*?-->|<!--.*)|[^<]+|<", re.DOTALL),
}
Style = Literal["hash", "spaced-hash", "slash", "markup"]
_OBEYED = re.compile(
    r"go:build|\+build|go:embed|doctest:|```|bats:|@jest|@vitest|@requires|@group|@dataProvider|@covers|@codeCoverage"
    r"|pragma|istanbul|c8 ignore|v8 ignore|rspec|:focus|@only|@skip|#!"
)
_HASH = (".py", ".pyi", ".pyx", ".toml")
_SPACED_HASH = (
    *(".rb", ".rake", ".sh", ".bash", ".bats", ".yml", ".yaml", ".cfg", ".ini", ".mk", ".make", ".cmake", ".pl"),
    *(".robot", ".ex", ".exs", ".r", ".just", ".env", ".envrc", ".properties", ".conf", ".npmrc", ".coveragerc"),
    *("Makefile", "makefile", "Dockerfile", "justfile", "Rakefile", "Gemfile", "CMakeLists.txt"),
    *(".gitattributes", ".gitignore", ".rspec", ".pth", "requirements.txt"),
)
_SLASH = (
    *(".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".go", ".rs", ".java", ".kt", ".kts", ".groovy"),
    *(".scala", ".gradle", ".cs", ".fs", ".swift", ".dart", ".c", ".cc", ".cpp", ".cxx", ".cu", ".h", ".hh", ".hpp"),
    *(".php", ".jsonc", ".json5", ".proto"),
)
_MARKUP = (".xml", ".html", ".htm", ".csproj", ".fsproj", ".vbproj", ".md", ".runsettings", ".props", ".targets")
_STAR = re.compile(r"[ \t]{0,200}\*(?:[ \t/]|$)")
_MARKS = {"hash": "#", "spaced-hash": "#", "slash": "/", "markup": "<!--"}


@dataclass(slots=True)
class _Block:
    """A comment of several lines that was opened in the line `last`."""

    last: int = -2


def style_of(path: str) -> Style | None:
    """How comments are written in the file; None where it is not known."""
    if path.endswith(_HASH):
        return "hash"
    if path.endswith(_SLASH):
        return "slash"
    if path.endswith(_SPACED_HASH):
        return "spaced-hash"
    return "markup" if path.endswith(_MARKUP) else None


def without_comments(path: str, lines: Lines) -> Lines:
    """The lines of code, each without its comment; lines that hold nothing else are left out."""
    style = style_of(path)
    if style is None:
        return lines
    # In a template string of several lines, `/*` begins no comment.
    trust_blocks = style == "slash" and all(text.count("`") % 2 == 0 for _, text in lines)
    block = _Block()
    kept = []
    for number, text in lines:
        code = text
        if trust_blocks and _in_block(block, number, text):
            continue
        if style == "slash" and _STAR.match(text) and not _OBEYED.search(text):
            continue
        if _MARKS[style] in text:
            code = _code(path, style, text)
        if code.strip():
            kept.append((number, code))
    return tuple(kept)


def _in_block(block: _Block, number: int, text: str) -> bool:
    """Whether the line belongs to a comment that a line before it opened; notes the opening of one."""
    start = text.lstrip()
    inside = block.last == number - 1
    opens = inside or start.startswith("/*")
    block.last = number if opens and "*/" not in text else -2
    return inside and "*/" not in text


def _code(path: str, style: Style, text: str) -> str:
    if path.endswith(".rs") and text.lstrip().startswith(("///", "//!")):
        return text  # documentation whose examples are run
    parts = []
    for match in _TOKENS[style].finditer(text):
        comment = match["comment"]
        if comment is None or _OBEYED.search(comment) or (path.endswith(".php") and comment.startswith("#[")):
            parts.append(match[0])
    return "".join(parts).rstrip()
