"""cargo nextest: its JUnit report, by a configuration file of ours; tests by filter expressions.

Written from nextest's documents (configuration, filtersets) and not run here: a repository's own junit path, or
arguments behind "--", leave no room for ours.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from superteam.core.results import TestId
from superteam.runners.call import Call, Told, Untold, family
from superteam.runners.cargo_test import canary

__all__ = ["NAME", "canary", "recognises", "reproduce", "tell"]

NAME = "cargo nextest"
_FILE = "nextest.xml"
_ARGUMENT = 120_000


def recognises(call: Call, tree: Path) -> bool:
    """`cargo nextest run` or `r`; its other commands run nothing."""
    words = [word for word in call.words[1:] if not word.startswith(("-", "+"))]
    ours = call.program == "cargo" and words[:1] == ["nextest"] and words[1:2] in (["run"], ["r"])
    direct = call.program == "cargo-nextest" and words[:2] in (["nextest", "run"], ["nextest", "r"])
    return (ours or direct) and "--no-run" not in call.words


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told | Untold:
    """A tool's configuration (which the repository's own overrides) names the report's path for every profile."""
    if call.after is None or "--" in call.words:
        return Untold("arguments cannot be appended to this call of nextest")
    for name in (".config/nextest.toml", f"{call.folder or '.'}/.config/nextest.toml"):
        path = tree / name
        if path.is_file() and re.search(rb"junit\b", path.read_bytes()[:200_000]):
            return Untold(f'{name} has a junit report of its own: name it with report = "junit:..."')
    config = folder / "nextest.toml"
    config.write_text(f"[profile.default.junit]\npath = {json.dumps(str(folder / _FILE))}\n", encoding="utf-8")
    arguments = ["--tool-config-file", f"superteam:{config}"]
    if not _has(call, "--fail-fast", "--no-fail-fast", "--max-fail"):
        arguments.append("--no-fail-fast")
    if only is None:
        return Told("junit", _FILE, folder, arguments=tuple(arguments))
    arguments += [
        f"{flag}={value}" for flag, value in (("--retries", "0"), ("--no-tests", "fail")) if not _has(call, flag)
    ]
    expression = filterset(only)
    if len(expression.encode(errors="surrogatepass")) > _ARGUMENT:
        why = "too many tests to name in one command"
        return Told("junit", _FILE, folder, arguments=tuple(arguments), selects="everything", why=why)
    return Told("junit", _FILE, folder, arguments=(*arguments, "-E", expression), selects="exactly")


def filterset(ids: Iterable[TestId]) -> str:
    """An expression for exactly these tests.

    An id does not say where the program's name ends ("a::b::c" is test b::c of a, or test c of a::b): both are named.
    """
    found = {place for id in ids for place in _places(family(id))}
    return " | ".join(f"(binary_id(={_escaped(program)}) & test(={_escaped(name)}))" for program, name in sorted(found))


def _places(id: TestId) -> list[tuple[str, str]]:
    parts = id.split("::")
    return [("::".join(parts[:size]), "::".join(parts[size:])) for size in (1, 2) if len(parts) > size]


def _escaped(text: str) -> str:
    return re.sub(r"([\\(),/])", r"\\\1", text)


def _has(call: Call, *flags: str) -> bool:
    return any(word.partition("=")[0] in flags for word in call.words)


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with the expression."""
    return None if "--" in call.words else shlex.join([*call.words, "-E", filterset(ids)])
