"""No pattern of ours has a possessive quantifier or an atomic group: Python 3.11.2 compiles some of them wrongly."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import superteam

SOURCES = sorted(Path(superteam.__file__).parent.rglob("*.py"))
_LITERAL = re.compile(r"\\.|\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)  # what may hold a plus that is no quantifier
_POSSESSIVE = re.compile(r"[*+?}]\+|\(\?>")


def possessive(pattern: str) -> bool:
    return _POSSESSIVE.search(_LITERAL.sub("x", pattern)) is not None


def patterns_in(source: str) -> Iterator[str]:
    """Yields the text that stands in a call of `re`, also as a part of an f-string."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args:
            texts = (part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant))
            yield from (text for text in texts if isinstance(text, str))


def compiled_in(module: object) -> Iterator[str]:
    """Yields the patterns that a module keeps, whatever they were put together from."""
    for value in list(vars(module).values()):
        if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
            yield value.pattern


@pytest.mark.parametrize("pattern", ["a*+", "[a-z]++b", "(?:a|b)?+", "a{2,3}+", "(?>a|b)", "\n  (?P<x> a++ )"])
def test_the_check_sees_what_it_looks_for(pattern: str) -> None:
    assert possessive(pattern)
    assert list(map(possessive, patterns_in(f"re.search({pattern!r}, text)"))) == [True]


@pytest.mark.parametrize("pattern", [r"[*+]+", r"\++", r"a*\+", r"[-*+-]+(?:/[*++]+)+", "a+?", "[]*+]"])
def test_a_literal_plus_is_no_quantifier(pattern: str) -> None:
    assert not possessive(pattern)


def test_no_source_has_a_possessive_pattern() -> None:
    wrong = [(str(path), text) for path in SOURCES for text in patterns_in(path.read_text()) if possessive(text)]
    assert wrong == []


def test_no_module_keeps_a_possessive_pattern() -> None:
    names = [
        module.name
        for module in pkgutil.walk_packages(superteam.__path__, "superteam.")
        if ".plugin." not in module.name and "reporter" not in module.name
    ]
    wrong = [(name, text) for name in names for text in compiled_in(importlib.import_module(name)) if possessive(text)]
    assert wrong == []
