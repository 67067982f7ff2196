"""What `validate` compares with: which commit, whether anything was changed since, and by whose configuration.

Why it is like this: docs/decisions/026-compared-with-what.md.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from superteam.app.project import Project
from superteam.config import load
from superteam.core.coupling import changes_nothing
from superteam.core.deciders import is_code
from superteam.core.events import ValidationResult
from superteam.core.finding import Finding
from superteam.core.settings import Settings
from superteam.core.sources import all_commands, command_of, source_names
from superteam.errors import ConfigError
from superteam.journal import runs
from superteam.workspace.repository import Repository

_CONFIGURATION = ("superteam.toml", "pyproject.toml")
_NAMED = 3
_LOOKED_AT = 5000
_COMMANDS = ("test_command", "report", "rerun")
# What git writes into the reflog of a remote's branch when it has talked to the remote.
_EXCHANGE = re.compile(r"(?:fetch|pull|clone|update by push|remote)\b")


@dataclass(frozen=True, slots=True)
class Base:
    """The commit to compare with and how it came to be that; `notes` are what a person should know about it."""

    sha: str
    chosen: Literal["named", "run", "upstream", "head"]
    notes: tuple[str, ...] = ()


def choose_base(project: Project, revision: str | None, run_id: str | None) -> Base:
    """The named commit; else the newest run's baseline; else where the upstream was left; else HEAD."""
    repository = project.repository
    if revision is not None:
        return Base(repository.resolve(revision), "named")
    if run_id is not None:
        run = runs.load(project.root, runs.find(project.root, run_id))
        return Base(run.baseline.sha if run.baseline else run.start_sha, "named")
    ids = runs.run_ids(project.root)
    if ids:
        run = runs.load(project.root, ids[-1])
        if run.baseline and run.baseline.verdict != "inconclusive" and repository.is_ancestor(run.baseline.sha, "HEAD"):
            return Base(run.baseline.sha, "run")
    upstream = repository.merge_base_with_upstream()
    if upstream is not None:
        return Base(upstream, "upstream", _moved_upstream(repository))
    return Base(repository.head, "head")


def about_last_commit(repository: Repository, base: Base, changed: Sequence[str]) -> tuple[str, ...]:
    """What is said where nobody named a base, and an agent may have committed what is to be judged."""
    if base.chosen != "head" or not changed or not repository.ref("HEAD~1^{commit}"):
        return ()
    subject = repository.asked("log", "-1", "--format=%s").strip()[:60]
    said = "".join(c if c.isprintable() else "?" for c in subject)
    return (f"compared with HEAD, whose own changes are not judged ({said}); to judge them too: --base HEAD~1",)


def about_hidden(repository: Repository) -> tuple[str, ...]:
    """What is said of code that only the clone's own list keeps out of commits, and so out of what is judged."""
    excludes = repository.common_dir / "info/exclude"
    lines = excludes.read_text("utf-8", "replace").splitlines() if excludes.is_file() else []
    if not any(line.strip() and not line.startswith("#") for line in lines):
        return ()
    names = repository.asked("ls-files", "-z", "--others", "--ignored", "--directory", f"--exclude-from={excludes}")
    files = [name for name in names.split("\0") if is_code(name)]
    if not files:
        return ()
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    said = ", ".join("".join(c if c.isprintable() else "?" for c in name) for name in files[:_NAMED])
    return (f".git/info/exclude keeps code out of what is judged, which your checkout has: {said}{more}",)


def about_brought(project: Project, base: Base) -> tuple[str, ...]:
    """What is said of files that the configuration brings into each tree, and that are newer than the base."""
    bring = project.settings.workspace.bring
    since = project.repository.asked("log", "-1", "--format=%ct", base.sha).strip()
    if bring == "auto" or not since.isdecimal():
        return ()
    tops = [project.root / place for place in bring]
    files = (path for top in tops for path in ((top,) if top.is_file() else sorted(top.rglob("*"))))
    newer = [path for path in islice(files, _LOOKED_AT) if path.is_file() and path.stat().st_ctime > int(since)]
    if not newer:
        return ()
    more = f" and {len(newer) - _NAMED} more" if len(newer) > _NAMED else ""
    names = ", ".join(
        "".join(c if c.isprintable() else "?" for c in os.path.relpath(path, project.root)) for path in newer[:_NAMED]
    )
    return (f"brought into each tree, that of the base too, though changed since it was committed: {names}{more}",)


def _moved_upstream(repository: Repository) -> tuple[str, ...]:
    """What is said if the upstream no longer contains what it pointed to before."""
    name = repository.asked("rev-parse", "--symbolic-full-name", "@{upstream}").strip()
    entries = repository.git("reflog", "show", "--format=%H", "-n", "2", name, "--", check=False).out.split()
    if len(entries) < 2 or repository.is_ancestor(entries[1], entries[0]):
        return _moved_by_hand(repository, name)
    old = entries[1][:12]
    return (f"{name} was moved to a commit that does not contain {old}, where it was before; see also: --base {old}",)


def _moved_by_hand(repository: Repository, name: str) -> tuple[str, ...]:
    """What is said if the upstream was last moved by something else than git's own exchange with a remote."""
    log = repository.git("reflog", "show", "--format=%H %gs", "-n", "2", name, "--", check=False).out.splitlines()
    if len(log) < 2 or _EXCHANGE.match(log[0].partition(" ")[2]):
        return ()
    old = log[1].partition(" ")[0][:12]
    return (f"{name} was moved by no fetch and no push: HEAD may be judged against itself; see also: --base {old}",)


# a tree in which nothing was changed


def about_unchanged(
    project: Project, base: Base, result: ValidationResult, changed: Sequence[str], before: Collection[str]
) -> ValidationResult:
    """The result with what it is worth where nothing was changed since the base that could be judged.

    A green suite passes, with a note where the tree is the base's own. A red one proves nothing where something else
    could be compared with: what fails may have been broken by a commit that is in the base already. `changed` are the
    paths in which the tree differs from the base, `before` the files of the base.
    """
    if not changes_nothing(changed, before, all_commands(project.settings)):
        return result
    repository = project.repository
    hint = _other_base(repository)
    name = "HEAD" if base.sha == repository.head else base.sha[:12]
    if not changed:
        text = f"nothing was changed against {name}: this only shows whether the suite passes"
        result = result.model_copy(update={"notes": (*result.notes, f"{text}; {hint}" if hint else text)})
    is_red = bool(result.pre_existing or result.fails_differently)
    if not hint or not is_red or result.verdict != "pass" or base.chosen not in ("upstream", "head"):
        return result
    others = " and other files" if len(changed) > 1 else ""
    but = f" but {changed[0]}{others}, which is no code" if changed else ""
    reason = f"the suite fails, and nothing was changed against {name}{but}, so that nothing was compared: {hint}"
    return result.model_copy(update={"verdict": "inconclusive", "reason": reason})


def _other_base(repository: Repository) -> str | None:
    """How to compare with something else; None where the repository has only one commit."""
    if repository.ref("HEAD~1^{commit}"):
        return "to judge the last commit: superteam validate --base HEAD~1"
    if repository.git("rev-parse", "--is-shallow-repository").out.strip() == "true":
        return "this clone has only its last commit: git fetch --unshallow, then superteam validate --base HEAD~1"
    return None


# the configuration at the base


def as_at_base(project: Project, base: str) -> Project | None:
    """The project with the base's test command and report; None where they are the same, or the base has none."""
    settings = _settings_at(project, base)
    if settings is None or settings.test_command is None:
        return None
    then = {name: getattr(settings, name) for name in _COMMANDS}
    now = {name: getattr(project.settings, name) for name in _COMMANDS}
    if then == now:
        return None
    merged = project.settings.model_copy(update=then)
    return replace(project, configuration=replace(project.configuration, settings=merged))


def sources_at_base(project: Project, base: str) -> tuple[Project, tuple[str, ...]]:
    """The project with the base's further sources, and the names of those that this tree has not, or otherwise."""
    settings = _settings_at(project, base)
    if settings is None:
        return project, ()
    names = tuple(source.name for source in settings.sources if source not in project.settings.sources)
    merged = project.settings.model_copy(update={"sources": settings.sources})
    return replace(project, configuration=replace(project.configuration, settings=merged)), names


def about_source(name: str, then: Settings, now: Settings, verdict: str) -> tuple[Finding, str]:
    """The finding that a source was removed or changed, and the note of what it says by the base's configuration."""
    old = command_of(then, name)
    what = f"-> {command_of(now, name)}" if name in source_names(now) else "was removed"
    note = f"superteam.toml has the source {name} no longer as the base has it; by the base's it is {verdict}"
    return _finding_of(f"source {name}: {old} {what}"), note


def _settings_at(project: Project, base: str) -> Settings | None:
    """The settings that the base's own files give; None where it has none, the same ones, or none that can be read."""
    then = {name: project.repository.content_at(base, name) for name in _CONFIGURATION}
    if not any(then.values()) or then == {name: _content(project.root / name) for name in _CONFIGURATION}:
        return None
    with tempfile.TemporaryDirectory(prefix="superteam-") as folder:
        for name, data in then.items():
            if data is not None:
                Path(folder, name).write_bytes(data)
        try:
            found = load(Path(folder), config=project.config, options=project.options, environ=project.environ)
        except ConfigError:
            return None
    return found.settings


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def decides(own: ValidationResult, other: ValidationResult, is_new_and_passes: bool, could_run: bool) -> bool:
    """Whether the verdict by the base's command counts: it is worse than a pass, or the only sound one.

    A pass by it stands for this tree's own command only where that one cannot run at the base and passes here
    (`is_new_and_passes`): else whoever takes the change gets a command that runs nothing. `could_run`: the base's
    command is sound at the base, and the change removed nothing that it names; so that there is no verdict by it is
    the change's doing.
    """
    if own.verdict == "inconclusive":
        return other.verdict == "fail" or (other.verdict == "pass" and is_new_and_passes)
    return other.verdict == "fail" or (other.verdict == "inconclusive" and could_run)


def with_both(
    own: ValidationResult, other: ValidationResult, counts: ValidationResult, then: Settings, now: Settings
) -> ValidationResult:
    """The verdict of two: by this tree's own command, and by the base's.

    Where the base's command gives no sound verdict here since what it names is gone, there may be good reasons: that is
    said, and the finding stays.
    """
    changed = [name for name in _COMMANDS if getattr(then, name) != getattr(now, name)]
    findings = (_finding(changed, then, now), *(own.findings or other.findings))
    said = f"by the base's test command, {then.test_command}, it is {other.verdict}"
    mine = f"by this tree's own it is {own.verdict}"
    reasons = (f" ({result.reason})" if result.reason else "" for result in (other, own))
    note = f"the test command or its report was changed: {said}{next(reasons)}; {mine}{next(reasons)}"
    more: dict[str, Any] = {"findings": findings, "notes": (*counts.notes, note)}
    if counts is other and other.verdict == "inconclusive":
        more["reason"] = f"by the base's test command, {then.test_command}: {other.reason}"
    return counts.model_copy(update=more)


def _finding(changed: list[str], then: Settings, now: Settings) -> Finding:
    parts = (f"{name.replace('_', '-')}: {getattr(then, name)} -> {getattr(now, name)}" for name in changed)
    return _finding_of("; ".join(parts))


def _finding_of(text: str) -> Finding:
    words = "".join(c if c.isprintable() else "?" for c in text)[:180]
    return Finding(kind="runner-configuration", path="superteam.toml", detail=f"not what the base has: {words}", rank=1)
