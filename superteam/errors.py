"""Errors that mean "cannot continue". Expected things are values, not exceptions.

SuperteamError(message, hint)      exit 2 unless said otherwise
├── PlanError                      a plan document cannot be used
├── ConfigError                    configuration cannot be used
├── WorkspaceError                 the repository or one of our trees cannot be used
│   └── SetupFailed                the setup command failed in one of our trees
├── JournalError                   the journal is damaged or cannot be written (exit 70 when written, 2 when read)
├── LockHeld                       another run holds the repository's lock (exit 75)
├── SourceError                    a validation source cannot be used
└── AgentUnavailable               the agent's program is missing
"""

from __future__ import annotations


class SuperteamError(Exception):
    """Something a person can mend: what happened and where, and in `hint` the next command to run."""

    exit_code = 2

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class PlanError(SuperteamError):
    """A plan document cannot be read or must not be run."""


class ConfigError(SuperteamError):
    """A configuration value is unknown, wrong or missing."""


class WorkspaceError(SuperteamError):
    """The repository, or one of the trees made from it, is not in a state that can be used."""


class SetupFailed(WorkspaceError):
    """The setup command failed in a tree; a suite that needs it cannot give a sound verdict there."""


class JournalError(SuperteamError):
    """The journal is damaged, or could not be written; nothing further may be done."""


class LockHeld(SuperteamError):
    """Another run holds the repository's lock; the message names its process, host and start."""

    exit_code = 75


class SourceError(SuperteamError):
    """A validation source is configured in a way that cannot work."""


class AgentUnavailable(SuperteamError):
    """The agent's program is not installed or not executable."""
