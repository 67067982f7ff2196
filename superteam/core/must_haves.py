"""What must be true when a part of a plan is done, as far as a machine can tell: passed, failed, or unverified.

Nothing passes unless it was seen, nothing fails that is there, and what cannot be checked is never called a pass.
Paths, names and patterns stand in documents of strangers: no path leaves the tree, every search is linear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from superteam.core.linear_pattern import Unsupported, occurs
from superteam.core.plan import Artifact, KeyLink, MustHaves
from superteam.core.plan_rules import file_problem

State = Literal["passed", "failed", "unverified"]
Read = Callable[[str], str | None]
Exists = Callable[[str], bool]

_NAME = re.compile(r"[^\W\d][\w$]{0,200}|\$[\w$]{0,200}")
_EXPORTING = re.compile(
    r"(?<![\w$])(?:export|exports|def|class|pub|public|func|function|fn|const|let|var|val|type|interface|struct|enum"
    r"|trait|module|mod|record|object|__all__)(?![\w$])"
)
_SPECIAL = frozenset("\\.[](){}*+?|^$")


class MustHaveResult(BaseModel):
    """One must-have and what was found; `reason` says why it did not pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    state: State
    reason: str = ""


def check_must_haves(must: MustHaves, read: Read, exists: Exists) -> tuple[MustHaveResult, ...]:
    """All must-haves of a part, in their order. `read` gives a file's text, or None where it cannot be read as text;
    both get paths that do not leave the tree."""
    return (
        *(MustHaveResult(text=truth, state="unverified", reason="no machine can check it") for truth in must.truths),
        *(_result(artifact.text, _artifact(artifact, read, exists)) for artifact in must.artifacts),
        *(_result(link.text, [_link(link, read, exists)]) for link in must.key_links),
    )


_Found = tuple[State, str]


def _result(text: str, found: Iterable[_Found]) -> MustHaveResult:
    """The worst of what was found, with all reasons for it."""
    every = list(found)
    state: State = "passed"
    for worse in ("unverified", "failed"):
        if any(each == worse for each, _ in every):
            state = worse
    reasons = dict.fromkeys(reason for each, reason in every if each == state and reason)
    return MustHaveResult(text=text, state=state, reason="; ".join(reasons) if state != "passed" else "")


def _artifact(artifact: Artifact, read: Read, exists: Exists) -> Iterator[_Found]:
    path = artifact.path
    if path is None:
        yield "unverified", "it names no file"
        return
    if problem := path_problem(path):
        yield "unverified", f"the path {path!r} {problem}"
        return
    if not exists(path):
        yield "failed", f"{path} is not there"
        return
    if artifact.min_lines is None and not artifact.exports and not artifact.contains:
        yield "passed", ""
        return
    text = read(path)
    if text is None:
        yield "unverified", f"{path} cannot be read as text"
        return
    lines = len(text.splitlines())
    if artifact.min_lines is not None and lines < artifact.min_lines:
        yield "failed", f"{path} has {lines} lines, not {artifact.min_lines}"
    wanted = [part for part in artifact.contains if part.strip()]
    yield from (("passed" if part in text else "failed", f"{path} does not contain {part!r}") for part in wanted)
    yield from (_export(path, name, text) for name in artifact.exports)


def path_problem(path: str) -> str | None:
    """Why nothing is looked for at a path; None if it may be."""
    if any(c in "*?[" or not c.isprintable() for c in path):
        return "is no path of one file"
    return file_problem(path)


def _export(path: str, name: str, text: str) -> _Found:
    """A name stands in the text as a word of its own; where no line exports it, nobody can say more."""
    if not _NAME.fullmatch(name):
        return "unverified", f"{name!r} is not a name that can be looked for"
    word = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])")
    if not word.search(text):
        return "failed", f"{path} does not have the name {name}"
    if any(word.search(line) and _EXPORTING.search(line) for line in text.splitlines()):
        return "passed", ""
    return "unverified", f"{path} has the name {name}, but no line was seen that exports it"


def _link(link: KeyLink, read: Read, exists: Exists) -> _Found:
    if not link.pattern:
        return "unverified", "it has no pattern to look for"
    paths = [path for path in (link.source, link.target) if path and path_problem(path) is None and exists(path)]
    if not paths:
        return "unverified", "neither end is a file of the tree"
    texts = [(path, read(path)) for path in paths]
    for _, text in texts:
        try:
            if text is not None and _is_in(link.pattern, text):
                return "passed", ""
        except Unsupported as problem:
            return "unverified", f"the pattern cannot be looked for: {problem}"
    unread = [path for path, text in texts if text is None]
    if unread:
        return "unverified", f"{', '.join(unread)} cannot be read as text"
    return "failed", f"the pattern {link.pattern!r} is not in {' or '.join(paths)}"


def _is_in(pattern: str, text: str) -> bool:
    """A pattern without special characters is a plain text; so is any that stands there as it is written."""
    if not _SPECIAL.intersection(pattern) or pattern in text:
        return pattern in text
    return occurs(pattern, text)
