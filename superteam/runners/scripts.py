"""What the scripts of a repository come to: package.json, Makefile, justfile, composer.json, Python's task tables."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

_FILE = 2**20  # bytes of a script that are looked at
_LINE = 8 * 1024  # characters of a line that is looked at; what grows beyond this by its variables is left out
_PACKAGES = 200  # of one workspace
_TARGETS = 100  # prerequisites that are followed
_MAKE_ASSIGNS = re.compile(r"(?:export[ \t]+|override[ \t]+)?([\w.-]+)[ \t]*(\+|\?|::?|)=[ \t]*(.*)", re.DOTALL)
_MAKE_RULE = re.compile(r"([^\s:=#][^:=#]*)::?(?!=)([^=;#]*)(?:;(.*))?", re.DOTALL)
_MAKE_NAME = re.compile(r"\$(?:\(([\w.-]+)\)|\{([\w.-]+)\}|([\w@<^*]))")
_JUST_RULE = re.compile(r"@?([A-Za-z_][\w-]*)(?![\w-])([^:=]*):(?!=)([^#]*)")
_JUST_ASSIGNS = re.compile(r"(?:export[ \t]+)?([A-Za-z_][\w-]*)[ \t]*:=[ \t]*(['\"])([^'\"]*)\2[ \t]*$")
_PYTHON_TABLES = {
    "poetry": ("tool.poe.tasks",),
    "hatch": ("tool.hatch.envs.default.scripts", "tool.hatch.envs.test.scripts"),
    "pdm": ("tool.pdm.scripts",),
    "rye": ("tool.rye.scripts",),
    "poe": ("tool.poe.tasks",),
    "pixi": ("tool.pixi.tasks",),
}


def text_of(tree: Path, path: str) -> str | None:
    """A file of the tree as text; None if it is not there, too large or leads out of the tree."""
    full = tree / path
    try:
        if not full.resolve().is_relative_to(tree.resolve()) or not full.is_file() or full.stat().st_size > _FILE:
            return None
        return full.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return None


def size_of(tree: Path, folder: str, names: Iterable[str]) -> int:
    """Bytes that the files of these names hold."""
    found = 0
    for name in names:
        try:
            found += (tree / folder / name).stat().st_size
        except (OSError, ValueError):
            continue
    return found


def inside(folder: str, path: str) -> str | None:
    """The folder that `cd path` leads to, relative to the tree; None outside of it or where nobody can say."""
    if path.startswith(("/", "~", "-")) or any(sign in path for sign in "$`*?\0"):
        return None
    parts: list[str] = []
    for part in PurePosixPath(folder, path).parts:
        if part == ".." and not parts:
            return None
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def document(tree: Path, path: str) -> dict[str, Any]:
    """A JSON or TOML object of the tree; empty if there is none."""
    text = text_of(tree, path)
    try:
        found = None if text is None else tomllib.loads(text) if not path.endswith(".json") else json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def member(found: Any, dotted: str) -> Any:
    """The value at a dotted path, or None."""
    for name in dotted.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


# Node


def package_folder(tree: Path, folder: str) -> str | None:
    """The nearest folder upward that holds a package.json, as npm looks for it."""
    while not (tree / folder / "package.json").is_file():
        if not folder:
            return None
        folder = folder.rpartition("/")[0]
    return folder


def package_scripts(tree: Path, folder: str) -> dict[str, str]:
    """The scripts of a package.json by name."""
    scripts = document(tree, f"{folder}/package.json" if folder else "package.json").get("scripts")
    return {name: text for name, text in scripts.items() if isinstance(text, str)} if isinstance(scripts, dict) else {}


def workspace_folder(tree: Path, folder: str, name: str) -> str | None:
    """The folder of a workspace, which people name by its path or by its package's name."""
    path = inside(folder, name)
    if path is not None and (tree / path / "package.json").is_file():
        return path
    found = (tree / folder).glob("*/package.json"), (tree / folder).glob("*/*/package.json")
    for number, file in enumerate(file for files in found for file in files):
        here = file.relative_to(tree).as_posix()
        if number >= _PACKAGES:
            break
        if "node_modules" not in here and document(tree, here).get("name") == name:
            return here.rpartition("/")[0]
    return None


def workspace_folders(tree: Path, folder: str) -> list[str]:
    """The folders of all workspaces of a package, as its package.json or pnpm's own file lists them."""
    patterns = _workspace_patterns(tree, folder)
    found: dict[str, None] = {}
    for pattern in patterns:
        pattern = pattern.rstrip("/")
        if not pattern or inside(folder, pattern.replace("*", "x")) is None:
            continue
        try:
            files = sorted((tree / folder).glob(f"{pattern}/package.json"))[:_PACKAGES]
        except (ValueError, NotImplementedError, OSError):  # no pattern, or a folder that cannot be listed
            continue
        for file in files:
            path = file.parent.relative_to(tree).as_posix()
            if "node_modules" not in path:
                found[path] = None
    return list(found)


def _workspace_patterns(tree: Path, folder: str) -> list[str]:
    package = document(tree, f"{folder}/package.json" if folder else "package.json")
    listed = package.get("workspaces")
    listed = listed.get("packages") if isinstance(listed, dict) else listed
    if isinstance(listed, list):
        return [pattern for pattern in listed if isinstance(pattern, str)]
    text = text_of(tree, str(PurePosixPath(folder, "pnpm-workspace.yaml"))) or ""
    lines = (line.strip() for line in text.splitlines())
    return [line[2:].strip(" '\"") for line in lines if line.startswith("- ") and "!" not in line]


# PHP and Python


def composer_lines(tree: Path, folder: str, name: str) -> list[str]:
    """The lines of a script in composer.json."""
    found = member(document(tree, str(PurePosixPath(folder, "composer.json"))).get("scripts"), name)
    return [line for line in (found if isinstance(found, list) else [found]) if isinstance(line, str)]


def python_lines(tree: Path, folder: str, tool: str, name: str) -> list[str]:
    """The lines of a task that a Python tool keeps in pyproject.toml (pipenv in its Pipfile)."""
    if tool == "pipenv":
        return _lines(member(document(tree, str(PurePosixPath(folder, "Pipfile"))).get("scripts"), name))
    found = document(tree, str(PurePosixPath(folder, "pyproject.toml")))
    tables = (member(found, path) for path in _PYTHON_TABLES.get(tool, ()))
    return next((_lines(table[name]) for table in tables if isinstance(table, dict) and name in table), [])


def _lines(task: Any) -> list[str]:
    if isinstance(task, dict):
        task = task.get("cmd") or task.get("shell")
    if isinstance(task, list) and all(isinstance(line, str) for line in task):
        return list(task)
    return [task] if isinstance(task, str) else []


# make and just


def make_lines(tree: Path, folder: str, file: str, targets: list[str], given: Mapping[str, str]) -> Iterator[str]:
    """The recipe lines that make would run for these targets (none: the first), prerequisites first.

    What needs make itself (functions, conditionals) is left out.
    """
    names = (file,) if file else ("GNUmakefile", "makefile", "Makefile")
    text = next((text for name in names if (text := text_of(tree, str(PurePosixPath(folder, name)))) is not None), "")
    variables, rules = _makefile(text)
    first = next((name for name in rules if not name.startswith(".")), "")
    values = {**variables, **given, "MAKE": "make", "SHELL": "sh"}
    for target in _in_order(rules, targets or [first], values):
        for line in rules[target][1]:
            expanded = _expand(line, {**values, "@": target}, _MAKE_NAME)
            if expanded is not None and "$(" not in expanded.replace("$$(", ""):
                yield expanded.lstrip("@-+ \t").replace("$$", "$")


_Rules = dict[str, tuple[list[str], list[str]]]  # prerequisites and recipe of a target


def _makefile(text: str) -> tuple[dict[str, str], _Rules]:
    variables: dict[str, str] = {}
    rules: _Rules = {}
    here: list[str] = []
    for line in _logical_lines(text):
        if line.startswith("\t"):
            for target in here:
                rules[target][1].append(line[1:])
        elif assigned := _MAKE_ASSIGNS.fullmatch(line.rstrip()):
            _assign(variables, *assigned.groups())
        elif rule := _MAKE_RULE.match(line):
            here = [name for name in rule[1].split() if "%" not in name][:_TARGETS]
            for target in here:
                rules.setdefault(target, ([], []))[0].extend(rule[2].split())
                rules[target][1].extend([rule[3]] if rule[3] else [])
    return variables, rules


def _logical_lines(text: str) -> list[str]:
    """With lines that go on put together; monsters are left out."""
    lines = re.sub(r"\\\r?\n[ \t]*", " ", text).split("\n")
    return [line for line in lines if len(line) <= _LINE]


def _assign(variables: dict[str, str], name: str, how: str, value: str) -> None:
    value = value.partition(" #")[0].strip()
    if how == "+":
        value = f"{variables.get(name, '')} {value}"[:_LINE]
    if how != "?" or name not in variables:
        variables[name] = value


def _in_order(rules: _Rules, targets: list[str], values: Mapping[str, str]) -> list[str]:
    """The targets that there are rules for, each after its prerequisites and once."""
    done: dict[str, None] = {}
    seen: set[str] = set()
    stack = [(target, False) for target in reversed(targets)]
    while stack and len(seen) < _TARGETS:
        target, ready = stack.pop()
        if ready:
            done[target] = None
        elif target in rules and target not in seen:
            seen.add(target)
            stack.append((target, True))
            needs = (_expand(name, values, _MAKE_NAME) or "" for name in reversed(rules[target][0]))
            stack += [(name, False) for text in needs for name in reversed(text.split())]
    return list(done)


def _expand(text: str, values: Mapping[str, str], names: re.Pattern[str]) -> str | None:
    """The text with its variables replaced, those that are nowhere set by nothing; None if it does not end."""
    text = text.replace("$$", "\0")
    for _ in range(20):
        if "$" not in text or not names.search(text):
            return text.replace("\0", "$$")
        text = names.sub(lambda match: values.get(next(filter(None, match.groups())), "").replace("$$", "\0"), text)
        if len(text) > _LINE:
            return None
    return None


def just_lines(tree: Path, folder: str, targets: list[str]) -> Iterator[str]:
    """The lines of a justfile's recipes (none named: the first); lines with anything but plain values are left out."""
    names = ("justfile", "Justfile", ".justfile")
    text = next((text for name in names if (text := text_of(tree, str(PurePosixPath(folder, name)))) is not None), "")
    values: dict[str, str] = {}
    rules: _Rules = {}
    here: list[str] | None = None
    for line in _logical_lines(text):
        if line[:1] in (" ", "\t"):
            if here is not None:
                here.append(line.strip())
        elif assigned := _JUST_ASSIGNS.match(line):
            values[assigned[1]] = assigned[3]
        elif rule := _JUST_RULE.match(line):
            _, here = rules[rule[1]] = (rule[3].replace("&&", " ").split(), [])
    for target in _in_order(rules, targets or list(rules)[:1], {}):
        for line in rules[target][1]:
            filled = re.sub(r"\{\{ *([\w-]+) *\}\}", lambda match: values.get(match[1], match[0]), line)
            if "{{" not in filled and not filled.startswith("#"):
                yield filled.lstrip("@-")
