"""The validation sources in use: the test command, then the configured ones, in their order."""

from __future__ import annotations

from superteam.core.settings import Settings, SourceDefinition

TESTS = "tests"  # the name of the source that runs the test command


def source_names(settings: Settings) -> tuple[str, ...]:
    """The names of all sources that judge a commit, in the order in which they do; empty: nothing is validated."""
    return ((TESTS,) if settings.test_command else ()) + tuple(source.name for source in settings.sources)


def definition_of(settings: Settings, name: str) -> SourceDefinition:
    """The configured source of this name; StopIteration if there is none."""
    return next(source for source in settings.sources if source.name == name)


def command_of(settings: Settings, name: str) -> str:
    """What a source runs, as one text: two sources with the same text see the same outcomes."""
    if name == TESTS:
        return settings.test_command or ""
    source = definition_of(settings, name)
    ids = f", ids by: {' '.join(source.fixtures)}" if source.fixtures else ""
    return f"{' '.join(source.command)} -> {source.artifact}{ids}"


def all_commands(settings: Settings) -> str:
    """What all sources run: whatever one of these programs reads decides verdicts."""
    listed = (word for source in settings.sources for word in (*source.command, *source.fixtures))
    return " ".join(filter(None, (settings.test_command, *listed)))


def redefined(name: str, old: Settings, new: Settings) -> bool:
    """Whether a source that both know sees something else by now, or in trees that are made ready otherwise."""
    if old.workspace.setup != new.workspace.setup:
        return True
    return command_of(old, name) != command_of(new, name)
