"""What of a GSD document is run by machine: `<automated>` commands, and lines of `<verification>` that are commands.

Prose is never run: where it is not certain that a line is a command, it is only told to the agent.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from superteam.core.plan import in_turn
from superteam.plans.gsd_tags import decoded

_NONE = re.compile(r"\W{0,5}(?:MISSING|N/?A|NONE|TBD|TODO|MANUAL)(?:\W|$)", re.I)
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_FENCED = re.compile(r"(`{3,20}|~{3,20})[^\n]*\n(.*)\n[ \t]{0,40}\1", re.S)
_ITEM = re.compile(r"[ \t]{0,20}(?:(?:[-*+]|\d{1,3}[.)])[ \t]{1,5})?(?:\[[ xX]\][ \t]{1,5})?(.*)")
_SPAN = re.compile(r"(`{1,2})([^`]+)\1[ \t]*(?:(?:passes|succeeds|exits 0|exits with 0|is green)\.?|\.)?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w{0,40}=\S{0,200}")
_GOES_ON = re.compile(r"(?:\\|\||&&|\|\||&|\{|\(|;;|\bthen|\bdo|\belse|\bin)$")
_BEGINS = frozenset({"if", "for", "while", "until", "case", "function", "then", "do", "done", "fi", "esac", "}", ")"})
_FOREVER = re.compile(
    r"\b(?:npm|pnpm|yarn|bun)(?: run)? (?:dev|start|serve|preview|watch)\b|--watch(?!All=false|=false)\b"
    r"|\b(?:flask run|runserver|http\.server|uvicorn|tail -f|compose up(?! -d)|(?:next|vite|astro|nuxt) dev)\b"
)
_FIRST = re.compile(r"[\w./\[!(@+-]")
_LONGEST = 4000
_MANUAL = re.compile(r"\b(?:manual|manually|human|person|browser|visual|visually|by hand)\b", re.I)
_VOCABULARY = {
    "programs": """
        node npm npx pnpm yarn bun bunx deno tsc eslint prettier biome vitest jest mocha playwright tsx vite next astro
        python python3 pytest py.test uv uvx poetry pipenv pip pip3 hatch nox tox ruff mypy pyright black flake8
        coverage cargo rustc rustfmt go gofmt golangci-lint gotestsum staticcheck make cmake ctest ninja bazel buck2
        meson gradle mvn ./gradlew ./mvnw java javac kotlinc sbt scala swift swiftc xcodebuild dotnet msbuild ruby
        bundle rake rspec rails rubocop php composer phpunit phpstan pest mix elixir rebar3 stack cabal ghc zig dart
        flutter perl prove lua luacheck julia nim ocaml dune opam clang gcc g++ clang-tidy shellcheck hadolint test [ [[
        ! grep rg egrep fgrep ag ls cat head tail wc diff cmp stat file find jq yq awk sed sort cut curl wget bash sh
        zsh env timeout docker docker-compose kubectl helm terraform terragrunt ansible-playbook git gh just task nx
        turbo lerna psql sqlite3 mysql redis-cli alembic prisma supabase ajv xmllint yamllint markdownlint actionlint
        pre-commit cd echo true cp mkdir command which export set
    """,
    "prose": """
        pass passes succeed succeeds fail fails work works complete completes exit exits return returns show shows print
        prints is are the with without should must and or has have runs starts still output outputs report reports
        produces from against when that to no not contains
    """,
    "english": """
        coverage black file which command just task stack env set head tail sort cut next dune lua dart swift julia echo
        true find time nim perl flutter make test go diff cat stat
    """,
    "words": """
        test tests build run check lint vet clippy typecheck type-check fmt format ci install validate verify audit
        compile doctest
    """,
    "alone": """
        pytest mypy pyright tox nox tsc make rspec phpunit ctest rake eslint vitest jest shellcheck
    """,
}
_PROGRAMS = frozenset(_VOCABULARY["programs"].split())
_PROSE = frozenset(_VOCABULARY["prose"].split())
_ENGLISH = frozenset(_VOCABULARY["english"].split())
_WORDS = frozenset(_VOCABULARY["words"].split())
_ALONE = frozenset(_VOCABULARY["alone"].split())
_TARGETS: dict[str, re.Pattern[str]] = {
    "make": re.compile(r"(?!(?:sure|certain|it|that|the|a|an)$)[\w./=-]+"),
    "test": re.compile(r"-\w|!|[\"'$(]"),
    "go": re.compile(r"(?:test|build|vet|run|fmt|mod|generate|install|list|tool|work|version|env)$"),
    "find": re.compile(r"[./~$-]|[\w.-]+/"),
    "next": re.compile(r"(?:build|lint)$"),
    "just": re.compile(r"(?!(?:the|a|like|as|run|check)$)[\w-]+$"),
    "task": re.compile(r"(?!\d+$)[\w:-]+$"),
    "file": re.compile(r"[\w.-]*[./]"),
    "which": re.compile(r"(?!(?:is|are)$)[\w-]+$"),
    "stack": re.compile(r"(?:test|build|exec|runghc)\b"),
}


def automated(texts: Sequence[str]) -> str | None:
    """One command of the texts of `<automated>` tags; None if there is none, which is also written as MISSING."""
    commands = [command for command in map(_command, texts) if command]
    return in_turn(commands) if commands else None


def commands_of(text: str) -> tuple[str, ...]:
    """The commands among the lines of a verification, in order; its fences and what a person is to do are left out."""
    return tuple(dict.fromkeys(_lines(text)))


def is_command(text: str, bare: bool) -> bool:
    """Whether this line is certainly a command and one that ends; `bare` says that it stands in no code span."""
    if len(text) > _LONGEST or not _FIRST.match(text) or _FOREVER.search(text):
        return False
    words = _words(text)
    if not words or (bare and _is_told(text, words)):
        return False
    words[0] = words[0].lstrip("(")
    while words and (_ASSIGNMENT.fullmatch(words[0]) or not words[0]):
        words = words[1:]
    return bool(words) and _is_program(words[0], words[1:]) and (not bare or _is_no_sentence(words[0], words[1:]))


def _is_told(text: str, words: list[str]) -> bool:
    """Whether a line has the punctuation or the words of a sentence."""
    stops = text[-1] in ".,:;?!" and words[-1] not in (".", "..", "./...")
    return stops or any(word.endswith(",") for word in words) or not _PROSE.isdisjoint(words[1:])


def _is_no_sentence(name: str, rest: list[str]) -> bool:
    """Whether the words behind a program's name look like arguments; many of these names are English words too."""
    if not rest:
        return name in _ALONE or "/" in name
    if any(not word.isalpha() for word in rest[: 1 if name in _ENGLISH else None]):
        return True
    return len(rest) <= 2 and (rest[0] in _WORDS or name == "make")


def _command(text: str) -> str | None:
    """The command as a shell takes it: without fence or code span, and with the entities of escaped XML decoded."""
    text = text.strip()
    fenced = _FENCED.fullmatch(text)
    text = _dedented(fenced[2] if fenced else text)
    if len(text) > 2 and text[0] == text[-1] == "`" and "`" not in text[1:-1]:
        text = text[1:-1].strip()
    if not text or _NONE.match(text) or "\0" in text:
        return None
    if "<" not in text and not _ENTITY.search(text):
        text = decoded(text)
    lines = [line.strip() for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    return _each(lines) if len(lines) > 1 and all(map(_is_whole, lines)) else text if lines else None


def _each(lines: Sequence[str]) -> str:
    """Lines that all have to succeed; a shell alone would look at the last one only."""
    return " && ".join(f"{{ {line}\n}}" for line in lines)


def _is_whole(line: str) -> bool:
    """Whether a line is a command of its own, whatever stands above and below it."""
    words = _words(line)
    whole = bool(words) and words[0] not in _BEGINS and not _GOES_ON.search(line)
    return whole and "<<" not in line and not line.startswith(("&&", "||", "|", "{", "("))


def _dedented(text: str) -> str:
    lines = [line.rstrip() for line in text.strip("\n").split("\n")]
    indent = min((len(line) - len(line.lstrip()) for line in lines[1:] if line), default=0)
    return "\n".join([lines[0].lstrip(), *(line[indent:] for line in lines[1:])]).strip()


def _lines(text: str) -> Iterator[str]:
    fence = ""
    manual = False
    for line in text.split("\n"):
        bare = line.strip()
        if bare.startswith(("```", "~~~")):
            fence = "" if fence and bare.startswith(fence) else fence or bare[:3]
            continue
        item = _ITEM.fullmatch(line)
        listed = item is not None and item.start(1) > len(line) - len(line.lstrip())
        manual = bool(_MANUAL.search(line)) if not listed and bare else manual
        if not fence and item and not (listed and manual):
            found = _of_item(item[1].strip())
            if found:
                yield found


def _of_item(text: str) -> str | None:
    span = _SPAN.fullmatch(text)
    found = span[2].strip() if span else text
    return found if is_command(decoded(found), bare=span is None) else None


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _is_program(name: str, rest: list[str]) -> bool:
    if name in _PROGRAMS:
        target = _TARGETS.get(name)
        return target is None or (bool(target.match(rest[0])) if rest else name in _ALONE)
    return bool(re.fullmatch(r"\./[\w./-]{1,200}|[\w.-]{1,60}(?:/[\w.-]{1,60}){1,9}\.(?:sh|bash)", name))
