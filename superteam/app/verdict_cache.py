"""The cache of verdicts: a sound verdict is used again while everything that it rests on is the same, for a day."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from superteam import __version__
from superteam.app.project import CLOCK, Project
from superteam.core.events import BaselineDocument
from superteam.core.results import TestId
from superteam.core.sources import all_commands, command_of
from superteam.journal.baselines import Shelf, Verdict
from superteam.workspace.environment import base_environment
from superteam.workspace.reach import dependencies

# What a shell, a terminal or a hook makes anew each time. Everything else is a part of what a verdict rests on.
_VOLATILE = re.compile(
    r"_|PWD|OLDPWD|SHLVL|WINDOWID|PS[14]|SSH_(?:CLIENT|CONNECTION|TTY|AUTH_SOCK|AGENT_PID)|TMUX|TMUX_PANE|STY|GPG_TTY"
    r"|XDG_SESSION_ID|INVOCATION_ID|JOURNAL_STREAM|GIT_(?:AUTHOR|COMMITTER)_DATE|GIT_EDITOR|PYTEST_CURRENT_TEST"
)
KEPT = timedelta(hours=24)  # tests may depend on the date, and on services whose state nobody knows


@dataclass(frozen=True, slots=True)
class VerdictCache:
    """The verdicts on a shelf; `contents` is a hash of what the suite reads beside its tree, None if unknown."""

    shelf: Shelf
    contents: str | None

    def load(self, key: str) -> Verdict | None:
        """A verdict that is not older than a day; none where nobody can say what it rests on."""
        found = self.shelf.load_verdict(key) if self.contents is not None else None
        return found if found is not None and _is_recent(found.at, CLOCK.now()) else None

    def keep(self, verdict: Verdict) -> None:
        """Keeps a sound verdict that may be used again."""
        if self.contents is not None:
            self.shelf.keep_verdict(verdict)


def open_cache(project: Project, shelf: Shelf) -> VerdictCache:
    """The project's cache, with what the suite's dependencies consist of at this moment."""
    settings = project.settings
    brought = () if settings.workspace.bring == "auto" else settings.workspace.bring
    commands = " ".join(filter(None, (all_commands(settings), settings.workspace.setup)))
    return VerdictCache(shelf, dependencies(project.root, base_environment(project.environ), commands, brought))


def cache_key(
    project: Project, cache: VerdictCache, baseline: BaselineDocument, tree: str, facts: tuple[object, ...]
) -> str:
    """Everything that a verdict depends on, as one hash: what is not in it cannot change a sound verdict."""
    settings = project.settings
    environ = base_environment(project.environ)
    variables = {name: value for name, value in environ.items() if not _VOLATILE.fullmatch(name)}
    known = (
        __version__,
        tree,
        (baseline.source, baseline.sha, baseline.expected, baseline.command, baseline.fingerprint),
        (command_of(settings, baseline.source), settings.report, settings.rerun, settings.canary),
        settings.validation.model_dump(mode="json"),
        (settings.workspace.model_dump(mode="json"), variables, cache.contents),
        facts,
    )
    return sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def asked_for(
    only: tuple[TestId, ...], permits: tuple[tuple[str, ...], ...], fingerprint: str, commands: str | None
) -> tuple[object, ...]:
    """What one validation adds to the key: its tests, what may change, its environment, and what is examined."""
    return sorted(only), permits, fingerprint, commands


def _is_recent(at: str, now: str) -> bool:
    try:
        age = datetime.fromisoformat(now) - datetime.fromisoformat(at)
    except (ValueError, TypeError):
        return False
    return timedelta(0) <= age <= KEPT
