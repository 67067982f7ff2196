"""The files that a test command names, transitively: through scripts, package.json, make and runners' configurations.

Pure: the paths and texts of a tree come in. `to_read` says which further texts would be looked at; whoever has them
asks again until nothing is missing. What is named this way decides verdicts, whatever its own name is.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

_MOST = 300  # files that are read
_DEEP = 3  # folders above a configuration that is looked at without being named
_LARGEST = 200_000  # characters of a file that are looked at
_WORD = re.compile(r"[^\s;&|()<>\"'`$={},\[\]]{2,300}")
_QUOTED = re.compile(r"[\"'`]([^\"'`\s]{2,300})[\"'`]")
_RUN = re.compile(
    r"\b(?:npm|yarn|pnpm|bun)[ ]{1,9}(?:(?:run|run-script|--silent|-s)[ ]{1,9}){0,4}([\w:.-]{1,100})"
    r"|\brun-[sp][ ]{1,9}([\w:. -]{1,200})"
)
_PLUGIN = re.compile(r"(?:^|[\s\"'=])-p[ =\"',]{0,6}([A-Za-z_][\w.]{0,200})")
_PLUGINS = re.compile(
    r"\bpytest_plugins[ \t]{0,4}(?::[^=\n]{0,80})?=[ \t]{0,4}"
    r"([^\n]{1,400}(?:\n[ \t)\]\"'][^\n]{0,400}){0,40})"
)
_DJANGO = re.compile(r"\b(?:DJANGO_SETTINGS_MODULE|--ds)[ =\"',]{1,4}([A-Za-z_][\w.]{1,200})")
_MODULE = re.compile(r"[\"']([A-Za-z_][\w.]{0,200})[\"']")
_PYTHON_SETTINGS = re.compile(r"(?:.*/)?(?:\.?pytest\.(?:ini|toml)|pyproject\.toml|tox\.ini|setup\.cfg)")
_JS_SETTINGS = re.compile(
    r"(?:.*/)?(?:(?:jest|vitest|vite|babel|playwright|karma|mocha|ava|wdio|cypress)"
    r"[\w.-]{0,60}\.(?:config|conf|workspace)[\w.-]{0,60}"
    r"|\.(?:mocharc|babelrc|jestrc|nycrc|swcrc)[\w.]*|bunfig\.toml|deno\.jsonc?)"
)
_PLUGIN_FILES = re.compile(r"(?:.*/)?conftest\.py")
_MAKE = re.compile(r"(?:.*/)?(?:GNUmakefile|[Mm]akefile|[\w.-]+\.mk)")
_ALL_SETTINGS = (_PYTHON_SETTINGS, _JS_SETTINGS, _PLUGIN_FILES, _MAKE)
_SETTINGS = re.compile("|".join(f"(?:{kind.pattern})" for kind in _ALL_SETTINGS))
_TARGETS = re.compile(r"^([\w.%/ -]{1,200}?)[ ]{0,4}:(?![=:])[ ]{0,4}([^\n#]{0,400})$")
_SCRIPT = re.compile(r"(?:.*/)?(?:[^/.]+|[^/]+\.(?:sh|bash|zsh|mk|just|bats))")
_ENDINGS = ("", ".js", ".ts", ".mjs", ".cjs", ".mts", ".cts", ".tsx", ".jsx", ".json", "/index.js", "/index.ts")
_NODE_KEYS = ("jest", "mocha", "ava", "nyc", "c8", "vitest", "babel", "tap")
_TEST_SCRIPT = re.compile(r"(?:pre|post)?(?:test|check|verify|ci|coverage|unit|e2e)(?:[:.-].*)?")
_PRODUCT = re.compile(r"(?:.*/)?(?:package-lock\.json|tsconfig[\w.-]*\.json|README[\w.]*|LICENSE)")


def settings_of(paths: Collection[str]) -> list[str]:
    """The files of a tree that configure runners, or say what programs do."""
    return sorted(path for path in paths if path.count("/") <= _DEEP and _is_settings(path))


def to_read(
    settings: Collection[str], paths: Collection[str], named: Mapping[str, str], known: Collection[str]
) -> list[str]:
    """The files that should be read next: the settings of the tree, and scripts that are named; none twice."""
    wanted = dict.fromkeys([*settings, *(path for path in named if _SCRIPT.fullmatch(path) or _is_settings(path))])
    wanted |= dict.fromkeys(path for path in named if path.endswith((".py", ".cfg", ".ini", ".toml")))
    return [path for path in wanted if path not in known and path in paths][: max(0, _MOST - len(known))]


def named_files(command: str, paths: Collection[str], texts: Mapping[str, str]) -> dict[str, str]:
    """The files of the tree that the command, its scripts and their configurations name, each with what names it."""
    tree = frozenset(paths)
    found: dict[str, str] = {}
    waiting = [("the test command", "", command)]
    waiting += [(path, posixpath.dirname(path), texts[path]) for path in sorted(texts) if _is_settings(path)]
    while waiting:
        name, folder, text = waiting.pop()
        for path in _named_by(name, folder, text[:_LARGEST], command, tree):
            if path in found or path == name or _PRODUCT.fullmatch(path):
                continue
            found[path] = name
            if path in texts and not _is_settings(path):
                waiting.append((path, posixpath.dirname(path), texts[path]))
    return found


def _is_settings(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name == "package.json" or _SETTINGS.fullmatch(name) is not None


def _named_by(name: str, folder: str, text: str, command: str, tree: frozenset[str]) -> Iterator[str]:
    if name.rpartition("/")[2] == "package.json":
        yield from _named_by_package(folder, text, command, tree)
    elif _JS_SETTINGS.fullmatch(name):
        yield from _quoted_paths(folder, text, tree)
    elif _PYTHON_SETTINGS.fullmatch(name) or name.endswith(".py"):
        yield from _named_by_python(name, folder, text, tree)
    elif _MAKE.fullmatch(name):
        if re.search(r"\bg?make\b", command):
            yield from _words(folder, _recipes(text, command), tree)
    else:
        yield from _modules(_PLUGIN.findall(text), folder, tree)
        yield from _modules(_DJANGO.findall(text), folder, tree)
        yield from _words(folder, text, tree)


def _named_by_python(name: str, folder: str, text: str, tree: frozenset[str]) -> Iterator[str]:
    plugins = [module for listed in _PLUGINS.findall(text) for module in _MODULE.findall(listed)]
    yield from _modules([*plugins, *_DJANGO.findall(text)], folder, tree)
    if not name.endswith(".py"):
        yield from _modules(_PLUGIN.findall(text), folder, tree)
    if name.rpartition("/")[2] in ("tox.ini",):
        yield from _words(folder, text, tree)


def _named_by_package(folder: str, text: str, command: str, tree: frozenset[str]) -> Iterator[str]:
    """The scripts that tests run, and the settings of test runners."""
    try:
        package = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not isinstance(package, dict):
        return
    for key in _NODE_KEYS:
        for value in _strings(package.get(key)):
            yield from _resolved(folder, value, tree, _ENDINGS)
    scripts = package.get("scripts")
    if isinstance(scripts, dict):
        yield from _words(folder, "\n".join(_test_scripts(scripts, command)), tree, _ENDINGS)


def _test_scripts(scripts: Mapping[str, Any], command: str) -> Iterator[str]:
    """The lines that tests run: those with a test's name, and those that they or the command run in turn."""
    waiting = [name for name in scripts if _TEST_SCRIPT.fullmatch(name)]
    waiting += [name for words in _RUN.findall(command) for name in " ".join(words).split()]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        line = scripts.get(name)
        if name in seen or not isinstance(line, str):
            continue
        seen.add(name)
        yield line[:2000]
        waiting += [f"pre{name}", f"post{name}"]
        waiting += [other for words in _RUN.findall(line[:2000]) for other in " ".join(words).split()]


def _recipes(text: str, command: str) -> str:
    """The parts of a Makefile that its wanted targets run; all of it where no target is named."""
    rules: dict[str, tuple[list[str], list[str]]] = {}
    always: list[str] = []
    current: list[str] = always
    for line in text.split("\n"):
        match = _TARGETS.match(line[:700])
        if match:
            current = []
            for target in match[1].split():
                rules[target] = (match[2].split(), current)
        elif line.startswith("\t") or current is always:
            current.append(line)
        elif line.strip():
            always.append(line)
    waiting = [word for word in command.split() if word in rules]
    if not waiting:
        return text
    seen: dict[str, None] = {}
    lines = [line for line in always if re.match(r"-?include\b|\.EXPORT|export\b|[\w.]+[ ]*[:?+]?=", line)]
    while waiting:
        target = waiting.pop()
        if target in seen or target not in rules:
            continue
        seen[target] = None
        needs, recipe = rules[target]
        lines += [" ".join(needs), *recipe]
        waiting += needs
    return "\n".join(lines)


def _words(folder: str, text: str, tree: frozenset[str], endings: tuple[str, ...] = ("",)) -> Iterator[str]:
    for word in _WORD.findall(text):
        if "/" in word or "." in word:
            yield from _resolved(folder, word, tree, endings if word.startswith((".", "/")) else ("",))


def _quoted_paths(folder: str, text: str, tree: frozenset[str]) -> Iterator[str]:
    for value in _QUOTED.findall(text):
        yield from _resolved(folder, value, tree, _ENDINGS)


def _resolved(folder: str, word: str, tree: frozenset[str], endings: tuple[str, ...]) -> Iterator[str]:
    """The file of the tree that a word names, from its file's folder or from the root."""
    bare = re.sub(r"^(?:file:|<rootDir>/|\{toxinidir\}/|--?[\w-]{1,40}=|@|\./|/)+", "", word)
    for place in dict.fromkeys((posixpath.normpath(f"{folder}/{bare}" if folder else bare), posixpath.normpath(bare))):
        for ending in endings:
            if f"{place}{ending}" in tree:
                yield f"{place}{ending}"
                return


def _modules(names: Collection[str], folder: str, tree: frozenset[str]) -> Iterator[str]:
    for name in names:
        place = name.replace(".", "/")
        for root in dict.fromkeys((f"{folder}/" if folder else "", "", "src/", "lib/")):
            for path in (f"{root}{place}.py", f"{root}{place}/__init__.py"):
                if path in tree:
                    yield path


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    """All strings in a part of a JSON document, keys left out."""
    if isinstance(value, str):
        yield value
    elif depth < 8 and isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item, depth + 1)
