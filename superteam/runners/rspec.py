"""RSpec: its JSON formatter by SPEC_OPTS, which outweighs the command line; examples by their full description."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from superteam.core.results import TestId
from superteam.runners.call import Call, Told, family

NAME = "rspec"
_WHY = "examples of the same full description were run as well"
_STEADY = ("--order", "defined", "--no-fail-fast", "--no-profile")
_LIMIT = 100_000  # bytes of one variable of the environment; the kernel takes 128 kB
# Descriptions that RSpec makes up only when the example has run: `it { is_expected.to eq 3 }`.
_GENERATED = re.compile(r"(?:\A|\s)(?:is expected|should)\s")
_SPECIAL = re.compile(r"[^A-Za-z0-9_\x80-\U0010ffff]")


def recognises(call: Call, tree: Path) -> bool:
    """rspec by name, or as a script of Ruby (`ruby -S rspec`)."""
    return call.program == "rspec" or (call.program == "ruby" and call.words[1:3] == ("-S", "rspec"))


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told:
    """By the environment alone, so that it reaches RSpec through rake and bundler too."""
    options = ["--format", "progress", "--format", "json", "--out", str(folder / "rspec.json")]
    if only is None:
        return Told("rspec", "rspec.json", folder, env={"SPEC_OPTS": _joined(env, options)})
    options += _STEADY
    generated = any(_GENERATED.search(_described(id)) for id in only)
    pattern = "" if generated else _pattern(only)
    if not pattern or len(pattern.encode(errors="surrogateescape")) > _LIMIT:
        why = "RSpec names such an example only when it has run" if generated else "too many examples for one command"
        opts, why = {"SPEC_OPTS": _joined(env, options)}, f"all examples were run: {why}"
        return Told("rspec", "rspec.json", folder, env=opts, selects="everything", why=why)
    options += ["--example-matches", pattern]
    return Told("rspec", "rspec.json", folder, env={"SPEC_OPTS": _joined(env, options)}, selects="more", why=_WHY)


def _joined(env: Mapping[str, str], options: Iterable[str]) -> str:
    """The user's own options first: the later one of two wins."""
    return f"{env.get('SPEC_OPTS', '')} {shlex.join(options)}".strip()


def _pattern(ids: Iterable[TestId]) -> str:
    r"""A regular expression of Ruby for exactly these descriptions."""
    words = sorted({_described(name) for id in ids for name in (id, family(id))})  # "a #2" may be a name of its own
    return rf"\A(?:{'|'.join(_escaped(word) for word in words)})\z"


def _escaped(text: str) -> str:
    """Letters and digits stay, all else becomes its code point: nothing is left for Shellwords or Regexp to read."""
    text = text.encode(errors="surrogateescape").decode(errors="replace")
    return _SPECIAL.sub(lambda match: rf"\u{{{ord(match[0]):x}}}", text)


def _described(id: TestId) -> str:
    """The full description; the file stands before it."""
    return id.partition("::")[2] or id


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with the files and the descriptions of these examples."""
    named = [word for id in ids[:20] for word in ("-e", _described(family(id)))]
    files = dict.fromkeys(id.partition("::")[0] for id in ids[:20] if "::" in id)
    return shlex.join((*call.words, *named, *files))


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A spec where RSpec looks by itself; not for a call that names files."""
    if not (tree / call.folder / "spec").is_dir() or any("_spec.rb" in word for word in call.words):
        return None
    path = Path(call.folder) / "spec" / "superteam_canary_spec.rb"
    return str(path), 'RSpec.describe("superteam_canary") { it("superteam_canary") { raise "planted by superteam" } }\n'
