"""What an agent may do without a person: decided by the kind of tool and by the paths that it names.

This is no sandbox: a command that may be executed can do what it likes. It keeps an honest agent on its ground and
names what it was refused; what it did is measured afterwards, whatever it was allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

_LOOKS = {"read", "search"}
_HARMLESS = {"think", "fetch"}  # these change nothing, wherever they look
_CHANGES = {"edit", "delete", "move"}
_UNBOUND = ("bypass", "yolo", "fullaccess", "dontask")  # of options that end all asking
_ORDER = {True: ("allow_once", "allow_always"), False: ("reject_once", "reject_always")}


@dataclass(frozen=True, slots=True)
class Ground:
    """Where an agent may act: its tree, and the file for its result in the folder of this dispatch.

    All paths here and in a `Wish` are absolute and without links. A reviewer may not change its tree.
    """

    tree: PurePath
    result: PurePath
    may_change: bool = True


@dataclass(frozen=True, slots=True)
class Wish:
    """What a tool is to do: its kind, "" where the agent does not say, and each path that it names."""

    kind: str = ""
    paths: tuple[PurePath, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One of the answers that the agent offers."""

    id: str
    kind: str
    name: str = ""


def refused(wish: Wish, ground: Ground) -> str:
    """Why this is not allowed; "" if it is."""
    if wish.kind in _HARMLESS or wish.kind == "switch_mode":
        return ""
    if wish.kind in _LOOKS or wish.kind == "execute":
        return _outside(wish.paths, (ground.tree, ground.result.parent))
    if wish.kind not in _CHANGES and not wish.paths:
        return "it does not say what it does, nor to which file"
    rest = tuple(path for path in wish.paths if path != ground.result)
    if not ground.may_change and (rest or not wish.paths):
        return "a reviewer changes nothing"
    return _outside(rest, (ground.tree,)) or _in_git(rest, ground.tree)


def chosen(options: Sequence[Option], allow: bool, kind: str = "") -> str | None:
    """The id of the option that says so, for once rather than for always; None if none does.

    Never an option that ends all asking; and a mode is switched only by one that leaves the asking as it is.
    """
    kinds = _ORDER[allow][:1] if allow and kind == "switch_mode" else _ORDER[allow]
    for wanted in kinds:
        for option in options:
            if option.kind == wanted and not (allow and _ends_asking(option)):
                return option.id
    return None


def _outside(paths: Iterable[PurePath], places: Sequence[PurePath]) -> str:
    for path in paths:
        if not any(path.is_relative_to(place) for place in places):
            return f"{path} is outside of the tree"
    return ""


def _in_git(paths: Iterable[PurePath], tree: PurePath) -> str:
    for path in paths:
        if any(part.casefold() == ".git" for part in path.relative_to(tree).parts):
            return f"{path} is git's own"
    return ""


def _ends_asking(option: Option) -> bool:
    said = "".join(character for character in f"{option.id} {option.name}".casefold() if character.isalnum())
    return any(word in said for word in _UNBOUND)
