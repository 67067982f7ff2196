"""Leads variables of the user's environment that name the checkout to the tree.

A variable such as NODE_PATH or PYTHONPATH that names the checkout would let a suite load the checkout's code. So would
one that names a folder above it: a name below that folder can be the checkout.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from superteam.workspace import trees, venv

_OWN_RULES = frozenset({"PATH", "PWD", "OLDPWD", "HOME", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "TMPDIR"})
MODULE_PATHS = ("PYTHONPATH", "NODE_PATH", "MYPYPATH", "RUBYLIB", "PERL5LIB", "CLASSPATH")
_END = r"(?=[/\s\"':;,=]|\Z)"
_START = r"(?:(?<![\w.+@~%/-])|(?<=\A-[A-Za-z])|(?<=\s-[A-Za-z])|(?<=://))"


@dataclass(frozen=True, slots=True)
class Sides:
    """The checkout under all its names, the tree, and a folder of ours beside it."""

    roots: tuple[str, ...]
    tree: Path
    beside: Path
    place_of: Callable[[str], str | None]


def lead_to_tree(env: dict[str, str], sides: Sides) -> list[str]:
    """Changes the variables in place; returns notes about those that a person should know of."""
    notes: list[str] = []
    home_is_checkout = _is_home(env, sides)
    names = "|".join(re.escape(root) for root in sorted(sides.roots, key=len, reverse=True))
    pattern = re.compile(f"{_START}(?:{names}){_END}")
    for name in sorted(env):
        value = env[name]
        if name not in _OWN_RULES and any(root in value for root in sides.roots):
            env[name] = _led_value(name, value, sides, pattern, home_is_checkout, notes)
    for name in MODULE_PATHS:
        if name in env:
            env[name] = _with_the_tree_first(env[name], sides)
    return notes


def _led_value(
    name: str, value: str, sides: Sides, pattern: re.Pattern[str], home_is_checkout: bool, notes: list[str]
) -> str:
    """Returns the value with each path of the checkout replaced, whether it is a list of paths or an option."""
    entries = value.split(os.pathsep)
    if "://" in value or not any(sides.place_of(entry) is not None for entry in entries):
        return pattern.sub(lambda match: os.fspath(sides.tree), value)
    led = []
    for entry in entries:
        place = sides.place_of(entry)
        if place is None:
            led.append(entry)
        elif _stays(entry, sides.tree / place, home_is_checkout):
            notes.append(f"{name}: {place} is not in the tree; the checkout's is used")
            led.append(entry)
        else:
            if Path(entry).exists() and not (sides.tree / place).exists():
                notes.append(f"{name}: leads to {place} in the tree, which is not there")
            led.append(os.path.normpath(sides.tree / place))
    return os.pathsep.join(led)


def _stays(entry: str, counterpart: Path, home_is_checkout: bool) -> bool:
    """Whether a path of the checkout keeps its meaning: a file that no tree has is data, such as a key or a socket."""
    if os.path.lexists(counterpart) or not Path(entry).exists():
        return False
    return home_is_checkout or not Path(entry).is_dir()


def _is_home(env: dict[str, str], sides: Sides) -> bool:
    """Whether the home folder is the checkout or in it: then programs and caches of the user are in it as well."""
    return bool(env.get("HOME")) and sides.place_of(env["HOME"]) is not None


def _with_the_tree_first(value: str, sides: Sides) -> str:
    """Puts a folder with the tree under the checkout's name in front of an entry that is above the checkout."""
    led: list[str] = []
    for entry in value.split(os.pathsep):
        plain = os.path.normpath(entry) if entry.startswith("/") else ""
        above = next((root for root in sides.roots if plain and _is_above(plain, root)), None)
        if above is not None:
            led.append(os.fspath(_stand_in(plain, above, sides)))
        led.append(entry)
    return os.pathsep.join(led)


def _is_above(folder: str, root: str) -> bool:
    return folder != root and venv.within(root, folder.rstrip("/"))


def _stand_in(folder: str, root: str, sides: Sides) -> Path:
    """Makes a folder in which the tree is where the checkout is below `folder`."""
    top = sides.beside / venv.digest([folder])
    link = top / os.path.relpath(root, folder)
    if not (link.is_symlink() and os.fspath(link.readlink()) == os.fspath(sides.tree)):
        trees.remove(top)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(sides.tree)
    return top
