"""The exit codes a script may rely on (contract, section 2)."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's end means; SuperteamError carries one of these as `exit_code`."""

    OK = 0
    """What was asked for is done."""
    BLOCKED = 1
    """A regression or failed gate stands, a task failed or is blocked, or the run was aborted."""
    USAGE = 2
    """Wrong option, plan, configuration or repository; an agent's program is missing."""
    INCONCLUSIVE = 3
    """No sound verdict: evidence is missing, cut short or contradicts itself."""
    WAITING = 4
    """Paused for a person: `status` shows the question, `answer` answers it."""
    BUDGET = 5
    """A maximum was reached; resumable."""
    BUG = 70
    """An unexpected exception; a crash report was written and its path printed."""
    LATER = 75
    """Another run holds the repository's lock, or the provider's rate limit is reached."""
    INTERRUPTED = 130
    """INT, TERM or HUP; resumable."""
