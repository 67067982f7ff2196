"""When a validation across tasks is due."""

from __future__ import annotations

from superteam.core.settings import Settings
from superteam.core.sources import source_names


def due(settings: Settings, unvalidated: int, tasks_left: int) -> bool:
    """Whether the commits made since the last validation (`unvalidated`) are to be validated now.

    Whatever is left at the end is always validated once, except with on-demand.
    """
    if unvalidated == 0 or not source_names(settings) or settings.validation_cadence == "on-demand":
        return False
    if tasks_left == 0 or settings.validation_cadence == "every":
        return True
    return unvalidated >= settings.validation_interval


def before_the_branch(settings: Settings) -> bool:
    """Whether each commit is validated before the run's branch moves to it (cadence every)."""
    return bool(source_names(settings)) and settings.validation_cadence == "every"
