"""Reads the effective configuration and remembers where each value was written.

Strongest first: options; --config FILE or $SUPERTEAM_CONFIG; superteam.toml or [tool.superteam] in pyproject.toml
of the repository; the user's own config.toml. Tables are merged key by key, everything else is replaced.
pydantic-settings merges the layers; `Settings` then checks the result. Unknown keys are looked for in each layer
before that, so that a mistake is reported even where a stronger layer hides it.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic.fields import FieldInfo

from superteam.core.settings import Settings
from superteam.errors import ConfigError

KeyPath = tuple[str | int, ...]
Table = Mapping[str, Any]

_OPTIONS = {
    "test-command": "--test-command",
    "validation-command": "--validation-command",
    "validation-cadence": "--cadence",
    "validation-interval": "--cadence",
    "execution-mode": "--mode",
    "on-escalation": "--on-escalation",
    "agent.use": "--agent",
    "agent.wait-for-limits": "--wait-for-limits",
    "workspace.isolation": "--in-place",
    "budget.max-usd": "--max-cost",
    "jobs": "--jobs",
}

# Every alternative ends where it stops: there is nothing behind a repetition that could make it give back.
_TOKEN = re.compile(
    r"""
      (?P<space>   [^\S\n]+ | \#[^\n]* )
    | (?P<quoted>  \"{3}[^"\\]*(?:(?:\\.?|"(?!""))[^"\\]*)*(?:"{3,5}|\Z) | '{3}[^']*(?:'(?!'')[^']*)*(?:'{3,5}|\Z)
                 | "[^"\\\n]*(?:\\.?[^"\\\n]*)*"? | '[^'\n]*'? )
    | (?P<bare>    [^\s"'\#\[\]{}=.,]+ )
    | (?P<mark>    . )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The effective settings. `origins` has every dotted key: "superteam.toml:12", "--action" or "default".

    `files` are those that were read, the strongest first.
    """

    settings: Settings
    origins: Mapping[str, str]
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class _Layer:
    """What one place says. `lines` says where in the file `name` each key stands; options have none."""

    name: str | None
    table: Table
    lines: Mapping[KeyPath, int]
    file: Path | None = None


def load(
    root: Path, *, config: Path | None = None, options: Table | None = None, environ: Mapping[str, str]
) -> Configuration:
    """The effective configuration for the repository at `root`; ConfigError lists all mistakes with their places.

    `options` has the form of the file, with hyphens: {"agent": {"use": "x"}}.
    """
    layers = [_Layer(None, options or {}, {}), *_files(root, config, environ)]
    merged = _merge([layer.table for layer in layers])
    mistakes = {
        (_place(layer, path), dotted(path)): f"{_place(layer, path)}: {text}"
        for layer in layers
        for path, text in _misplaced(Settings, layer.table)
    }
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        for path, text in _wrong(error, merged):
            place = _origin(layers, path)
            mistakes.setdefault((place, dotted(path)), f"{place}: {text}")
    if mistakes:
        raise _error(list(mistakes.values()))
    files = tuple(layer.file for layer in layers if layer.file)
    return Configuration(settings, _origins(settings, layers, merged), files)


def dotted(path: KeyPath) -> str:
    """The key as it would be written in TOML: agents."my.agent".command; an index is left out."""
    keys = (key for key in path if isinstance(key, str))
    return ".".join(key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key) for key in keys)


def leaves(table: Table, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every value of a nested table that is not a table itself, with its path."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


# Where the layers come from


def _files(root: Path, config: Path | None, environ: Mapping[str, str]) -> Iterator[_Layer]:
    """The layers that are files, the strongest first."""
    named = environ.get("SUPERTEAM_CONFIG")
    if config is not None:
        yield _explicit(config, "--config")
    elif named:
        yield _explicit(Path(named).expanduser(), "$SUPERTEAM_CONFIG")
    yield from _repository(root)
    own = _user_file(environ)
    if own.is_file():
        yield _read(own, _home_relative(own))


def _explicit(file: Path, named_by: str) -> _Layer:
    if not file.is_file():
        raise ConfigError(f"{named_by} names {file}, which is not a file")
    return _read(file, str(file))


def _repository(root: Path) -> Iterator[_Layer]:
    """superteam.toml or the table in pyproject.toml; both are an error, since neither could be called the right one."""
    own, pyproject = root / "superteam.toml", root / "pyproject.toml"
    found = [_read(own, own.name)] if own.is_file() else []
    # A pyproject.toml that does not name us is not ours to judge, broken or not.
    if pyproject.is_file() and b"superteam" in _bytes(pyproject, pyproject.name):
        layer = _read(pyproject, pyproject.name)
        found += [layer] if () in layer.lines else []
    if len(found) == 2:
        line = min(found[1].lines.values(), default=1)
        raise ConfigError(
            f"the repository is configured twice: in superteam.toml and in [tool.superteam] at pyproject.toml:{line}",
            "move everything to one of the two",
        )
    yield from found


def user_folder(environ: Mapping[str, str]) -> Path:
    """The folder with what is the user's own: their configuration, and the key by which our documents are known."""
    folder = environ.get("XDG_CONFIG_HOME", "")
    if Path(folder).is_absolute():
        return Path(folder) / "superteam"
    import platformdirs  # slow to import

    return Path(platformdirs.user_config_dir("superteam"))


def _user_file(environ: Mapping[str, str]) -> Path:
    return user_folder(environ) / "config.toml"


def _home_relative(file: Path) -> str:
    try:
        return f"~/{file.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # not below the home folder, or there is none
        return str(file)


def _bytes(file: Path, name: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}") from error


def _read(file: Path, name: str) -> _Layer:
    """One TOML file as a layer; in a pyproject.toml only [tool.superteam] is ours."""
    data = _bytes(file, name)
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: not UTF-8 text (byte 0x{data[error.start]:02x})") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(_syntax(name, error)) from error
    lines = key_lines(text)
    if file.name != "pyproject.toml":
        return _Layer(name, table, lines, file)
    tool = table.get("tool")
    ours = tool.get("superteam", {}) if isinstance(tool, dict) else {}
    if not isinstance(ours, dict):
        place = _nearest_line(lines, ("tool", "superteam"))
        raise ConfigError(f"{name}:{place}: tool.superteam must be a table")
    below = {path[2:]: line for path, line in lines.items() if path[:2] == ("tool", "superteam")}
    return _Layer(name, ours, below, file)


def _syntax(name: str, error: Exception) -> str:
    """tomllib's message with its place in front: "superteam.toml:3: Invalid value (column 8)"."""
    if isinstance(error, RecursionError):
        return f"{name}: values are nested too deeply"
    match = re.fullmatch(r"(?s)(.*) \(at line (\d+), column (\d+)\)", str(error))
    return f"{name}:{match[2]}: {match[1]} (column {match[3]})" if match else f"{name}: {error}"


def _merge(tables: list[Table]) -> dict[str, Any]:
    """One table of all, the strongest first."""
    from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

    class Merged(BaseSettings, extra="allow", case_sensitive=True):
        """Only merges; what the values must be is said by Settings alone."""

        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(InitSettingsSource(settings_cls, dict(table)) for table in tables)

    return Merged().model_extra or {}


# What is wrong


def _error(mistakes: list[str]) -> ConfigError:
    hint = "`superteam config schema` prints every key with its values"
    if len(mistakes) == 1:
        return ConfigError(mistakes[0], hint)
    return ConfigError("\n  ".join([f"the configuration has {len(mistakes)} mistakes:", *mistakes]), hint)


def _misplaced(kind: Any, value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Keys that do not exist where they stand, and values that would be bent into the right type."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            for inner in get_args(kind):
                yield from _misplaced(inner, item, (*path, index))
        return
    kind = next((k for k in (kind, *get_args(kind)) if _is_table(k)), None)
    if kind is None:
        return
    if not isinstance(value, Mapping):
        yield path, f"{dotted(path)} must be a table, not {_shown(value)}"
        return
    known = _keys(kind, value)
    for key, inner in value.items():
        here = (*path, key)
        if key not in known:
            yield here, _unknown(key, list(known), path)
        elif isinstance(known[key], FieldInfo):
            yield from _misplaced_field(known[key], inner, here)
        else:
            yield from _misplaced(known[key], inner, here)


def _misplaced_field(field: FieldInfo, value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """pydantic takes "3" and true for 3; TOML has types, so a person who writes those means something else."""
    kinds = (field.annotation, *get_args(field.annotation))
    own_rule = any(isinstance(item, BeforeValidator) for item in field.metadata)
    if (int in kinds or float in kinds) and not own_rule and isinstance(value, bool | str):
        yield path, f"{dotted(path)} must be a number, not {_shown(value)}"
    yield from _misplaced(field.annotation, value, path)


def _is_table(kind: Any) -> bool:
    return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel))


def _keys(kind: Any, value: Table) -> dict[str, Any]:
    """The keys that may stand in a table of this kind, each with its type or field; own names are all right."""
    if get_origin(kind) is not dict:
        return {field.alias or name: field for name, field in kind.model_fields.items()}
    key, inner = get_args(kind)
    names = [item.value for item in key] if issubclass(key, Enum) else list(value)
    return dict.fromkeys(names, inner)


def _unknown(key: str, known: list[str], path: KeyPath) -> str:
    nearest = difflib.get_close_matches(key, known, n=1)
    defaults = Settings().model_dump(mode="json", by_alias=True)
    elsewhere = [dotted(p) for p, _ in leaves(defaults) if p[-1] == key]
    text = f"unknown key {dotted((*path, key))}"
    if nearest or elsewhere:
        return f"{text}; did you mean {dotted((*path, *nearest)) if nearest else elsewhere[0]}?"
    return f"{text}; {f'keys of [{dotted(path)}]' if path else 'keys'} are {', '.join(known)}"


def _wrong(error: ValidationError, merged: Table) -> Iterator[tuple[KeyPath, str]]:
    """The model's own complaints, one a key: the branches of a union are put together with "or"."""
    found: dict[KeyPath, list[str]] = {}
    values: dict[KeyPath, Any] = {}
    for item in error.errors(include_url=False):
        path, value = _inside(merged, item["loc"])
        missing = ".".join(str(part) for part in item["loc"][len(path) :]) if item["type"] == "missing" else ""
        text = f"needs {missing}" if missing else _plain(item["msg"])
        found.setdefault(path, []).append(text)
        values[path] = value
    for path, texts in found.items():
        text = " or ".join(dict.fromkeys(texts))
        text = text.replace(" or must be ", " or ")
        tail = f", not {_shown(values[path])}" if text.startswith("must ") else ""
        yield path, f"{dotted(path) or 'the configuration'} {text}{tail}{_meant(text, values[path])}"


def _inside(merged: Table, loc: tuple[str | int, ...]) -> tuple[KeyPath, Any]:
    """The part of an error's location that really stands in the configuration, and the value there."""
    value: Any = merged
    for depth, key in enumerate(loc):
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return loc[:depth], value
    return loc, value


# How pydantic calls what TOML and JSON have other words for.
_WORDS = {
    "a valid tuple": 'a list of texts, such as ["one", "two"]',
    "a valid dictionary": "a table",
    "a valid string": "a text",
    "a valid boolean": "true or false",
    "a valid integer": "a whole number",
    "a valid number": "a number",
}


def _plain(message: str) -> str:
    text = message.removeprefix("Value error, ")
    if not text.startswith("Input should be "):
        return f"is wrong: {text}"
    wanted = text.removeprefix("Input should be ")
    return f"must be {_WORDS.get(wanted.partition(', ')[0], wanted)}"


def _meant(text: str, value: Any) -> str:
    choices = [choice for choice in re.findall(r"'([^']*)'", text) if choice != value]
    nearest = difflib.get_close_matches(str(value)[:100], choices, n=1)
    return f"; did you mean {json.dumps(nearest[0])}?" if nearest and isinstance(value, str) else ""


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


# Where it stands


def _place(layer: _Layer, path: KeyPath) -> str:
    if layer.name is None:
        return _option(path)
    return f"{layer.name}:{_nearest_line(layer.lines, path)}"


def _option(path: KeyPath) -> str:
    return "--action" if path[:1] == ("failure-actions",) else _OPTIONS.get(dotted(path), "option")


def _nearest_line(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of the key, else of the nearest table around it (inside an inline table: of that table)."""
    around = (path[:length] for length in range(len(path), 0, -1))
    return next((lines[p] for p in around if p in lines), 1)


def _origin(layers: list[_Layer], path: KeyPath) -> str:
    """The strongest place that says something about this key, else about the tables around it."""
    for length in range(len(path), 0, -1):
        for layer in layers:
            if _inside(layer.table, path[:length])[0] == path[:length]:
                return _place(layer, path)
    return "default"


def _origins(settings: Settings, layers: list[_Layer], merged: Table) -> dict[str, str]:
    written: dict[str, str] = {}
    for layer in reversed(layers):
        written |= {dotted(path): _place(layer, path) for path, _ in leaves(layer.table)}
    if str(merged.get("validation-cadence", "")).removeprefix("every-").isdecimal():
        written["validation-interval"] = written["validation-cadence"]  # "every-3" says both
    everything = (dotted(path) for path, _ in leaves(settings.model_dump(mode="json", by_alias=True)))
    return {key: written.get(key, "default") for key in everything}


# The lines of a TOML file (tomllib does not tell them)


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line of every key and table header of a TOML text; keys of an inline table are not looked at.

    An item of an array of tables has its index in the path. Never fails, whatever the text is.
    """
    found: dict[KeyPath, int] = {}
    items: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, tokens in _statements(text):
        if tokens[0] == "[":
            keys = _key([token for token in tokens if token not in ("[", "]")])
            table = _below(keys, items, new=tokens[:2] == ["[", "["])
            path = table
        elif "=" in tokens:
            path = (*table, *_key(tokens[: tokens.index("=")]))
        else:
            continue
        for length in range(1, len(path) + 1):
            found.setdefault(path[:length], line)
    return found


def _below(keys: tuple[str, ...], items: dict[KeyPath, int], new: bool) -> KeyPath:
    """A header's path, with the index of the newest item after each array of tables; `new` starts another item."""
    path: KeyPath = ()
    for depth, key in enumerate(keys, 1):
        path = (*path, key)
        if new and depth == len(keys):
            items[path] = items.get(path, -1) + 1
        if path in items:
            path = (*path, items[path])
    return path


def _key(tokens: list[str]) -> tuple[str, ...]:
    return tuple(_unquoted(token) for token in tokens if token != ".")


def _unquoted(token: str) -> str:
    if token[0] not in "\"'":
        return token
    try:
        return str(tomllib.loads(f"k = {token}")["k"])
    except ValueError:
        return token


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Headers and assignments, each with its first line and its tokens; values may go over many lines."""
    line, start, depth = 1, 1, 0
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "\n" and depth <= 0:
            if tokens:
                yield start, tokens
            tokens, depth = [], 0
        elif match.lastgroup != "space" and token != "\n":
            start = start if tokens else line
            tokens.append(token)
            depth += (token in "[{") - (token in "]}")
        line += token.count("\n")
    if tokens:
        yield start, tokens
