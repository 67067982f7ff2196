"""The text of a new superteam.toml: what was chosen and why, and every other key with its default as a comment.

A line that begins with # and no space is a key; all other comments have a space. So a person changes a value by
taking one character away.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from superteam.core.failures import DEFAULT_ACTIONS
from superteam.core.settings import Section, Settings, seconds, waiting

HEAD = """\
# How superteam runs plans in this repository. Written by `superteam init`, yours to change.
# A line that begins with # and no space is a key with its default, or, where it says "not set", with an example:
# take the # away to change it.
# `superteam config show` prints what is in force, `superteam doctor` what is missing.
"""

WORDS = {
    "test-command": "the suite that is compared across tasks; without it there is no validation across tasks",
    "report": "where the suite's report comes from, if it is not recognised",
    "rerun": "the argument list that runs exactly some tests, if it is not recognised",
    "canary": "plants a failing test before a verdict is believed",
    "validation-command": "the gate: must succeed before a task is committed",
    "validation-cadence": "every | every-3 | on-demand",
    "validation-interval": "the N of every-N",
    "execution-mode": "auto | checkpoint: pause after each task | batch: after each batch",
    "batch-size": "tasks in a batch",
    "on-escalation": "ask on a terminal, else pause | pause | skip | abort",
    "jobs": "tasks that may be done side by side",
    "agent.use": "the agent",
    "agent.model": "as the agent's program names it; without it, the program's own default",
    "agent.effort": "as the agent's program names it",
    "agent.arguments": "further arguments for the agent's program",
    "agent.timeout": "of one dispatch",
    "agent.idle-timeout": "how long it may be silent",
    "agent.max-attempts": "dispatches for one task, fixes included",
    "agent.wait-for-limits": "waits so long for the end of a rate limit; without it: 6h on a terminal, else not at all",
    "validation.timeout": "of one run of a gate or suite",
    "validation.auto-fix": "fix dispatches before anything is asked",
    "validation.reruns": "of each new failure on the task's tree",
    "validation.confirmations": "of the same tests on the reference tree",
    "validation.rerun-budget": "for all reruns of a validation; without it, the time of one run of the suite",
    "workspace.isolation": "tree: the agent works in a tree of its own | in-place: in the checkout",
    "workspace.bring": "the untracked dependency folders that a tree is given; or a list of paths",
    "workspace.setup": "prepares a tree instead, in an environment of its own; again for every other tree",
    "workspace.setup-inputs": "globs of what setup reads: with them, again only when these or a lock file change",
    "review.roles": 'reviewers of each task\'s change, e.g. ["spec", "quality"]',
    "review.max-iterations": "rounds of review and fix",
    "commit.message": "the subject of a task's commit",
    "budget.warn-usd": "warns",
    "budget.max-usd": "a maximum pauses the run, exit code 5; none is set by default",
    "budget.max-tokens": "input and output together",
    "budget.max-turns": "of agents",
    "budget.max-attempts": "dispatches of the whole run",
}
TABLES = {
    "agent.implement": "What differs for the first dispatch of a task.",
    "agent.fix": "What differs for fix dispatches.",
    "agent.review": "What differs for reviewers.",
    "budget": "Of a run, over all its processes.",
    "budget.task": "Of all dispatches for one task.",
    "budget.dispatch": "Of one dispatch.",
}
# What keys without a default look like, by their last part.
EXAMPLES: dict[str, Any] = {
    "test-command": "pytest -q",
    "report": "junit:build/test-results/*.xml",
    "validation-command": "ruff check .",
    "use": "claude",
    "model": "the-model",
    "effort": "high",
    "arguments": ["--an-option"],
    "timeout": "1h",
    "idle-timeout": "20m",
    "wait-for-limits": "2h",
    "rerun-budget": "10m",
    "setup": "uv sync",
    "warn-usd": 5.0,
    "max-usd": 20.0,
    "max-tokens": 5_000_000,
    "max-time": "3h",
    "max-turns": 100,
    "max-attempts": 20,
}
AGENT = """\
# Any program can be the agent: it gets the prompt on standard input and in a file, and edits files.
#[agents.mine]
#kind = "command"
#command = ["./my-agent.sh", "{prompt_file}"]
"""
SOURCE = """\
# A further validation source: a command that writes a smoke artifact.
#[[sources]]
#name = "smoke"
#kind = "smoke-artifact"
#artifact = "artifacts/smoke.json"
#command = ["node", "scripts/smoke.mjs", "--fixture", "{fixtures}"]
"""


@dataclass(frozen=True, slots=True)
class Line:
    """What is written for one key: its value (None: a comment, for a person to decide), lines that say why, and what
    the comment shows as an example."""

    value: str | None
    why: tuple[str, ...] = ()
    example: str | None = None


def settings_text(lines: Mapping[str, Line]) -> str:
    """The whole file; `lines` has the dotted keys that something is said about."""
    parts = [HEAD, "\n".join(_keys(Settings, "", lines)) + "\n"]
    parts += _tables(Settings, "", lines)
    return "\n".join((*parts, AGENT, SOURCE))


def _tables(kind: type[Section], above: str, lines: Mapping[str, Line]) -> Iterator[str]:
    for name, field in _fields(kind):
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            path = f"{above}{name}"
            head = [f"# {TABLES[path]}"] if path in TABLES else []
            yield "\n".join([*head, f"[{path}]", *_keys(field.annotation, f"{path}.", lines)]) + "\n"
            yield from _tables(field.annotation, f"{path}.", lines)
        elif name == "failure-actions":
            rows = (f"#{type.value} = {_toml(action.value)}" for type, action in DEFAULT_ACTIONS.items())
            yield "\n".join(["# What is done about which failure: `superteam taxonomy`.", f"[{name}]", *rows]) + "\n"


def _keys(kind: type[Section], above: str, lines: Mapping[str, Line]) -> Iterator[str]:
    """The lines of a table's own keys; tables and lists of tables are not among them."""
    for name, field in _fields(kind):
        if name not in ("agents", "sources", "failure-actions") and not _is_table(field):
            yield from _key(f"{above}{name}", name, field, lines.get(f"{above}{name}"))


def _key(path: str, name: str, field: FieldInfo, line: Line | None) -> Iterator[str]:
    if line is not None:
        for text in line.why:
            yield from textwrap.wrap(_one_line(text), 118, initial_indent="# ", subsequent_indent="#   ")
    if line is not None and line.value is not None:
        yield f"{name} = {_toml(line.value)}"
        return
    example = line.example if line and line.example else EXAMPLES.get(name)
    value = example if field.default is None else _default(field)
    words = "; ".join(filter(None, ("not set" if field.default is None else "", WORDS.get(path, ""))))
    if value is not None:
        yield f"#{name} = {_toml(value)}" + (f"  # {words}" if words else "")


def _fields(kind: type[Section]) -> Iterator[tuple[str, FieldInfo]]:
    yield from ((field.alias or name, field) for name, field in kind.model_fields.items())


def _is_table(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Section)


def _default(field: FieldInfo) -> Any:
    """A default as a person would write it: durations in words."""
    validators = {getattr(item, "func", None) for item in field.metadata}
    if isinstance(field.default, float) and validators & {seconds, waiting}:
        return _duration(field.default)
    return list(field.default) if isinstance(field.default, tuple) else field.default


def _duration(value: float) -> str:
    size, unit = next(
        (size, unit) for size, unit in ((3600, "h"), (60, "m"), (1, "s")) if value % size == 0 or size == 1
    )
    return f"{value / size:g}{unit}"


def _toml(value: Any) -> str:
    """A value as TOML; JSON's strings are TOML's but for what is not escaped there."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _one_line(text: str) -> str:
    """Text as one line of a comment; control characters, which TOML forbids there, are shown."""
    return re.sub(r"[^\S ]+|[\x00-\x1f\x7f-\x9f\ud800-\udfff]", " ", text).strip()
