"""Where the configured commands run: in trees of ours."""

from __future__ import annotations

from superteam.app.project import Project
from superteam.errors import ConfigError
from superteam.plans.places import checkout_at, placed, without_programs


def require_places_of_trees(project: Project) -> None:
    """Refuses configured commands that go back to the checkout, which they would judge instead of a tree of ours.

    A program of the checkout's own environment is none of that: which code it runs is proven elsewhere.
    """
    checkout = checkout_at(project.root)
    commands = {
        "validation-command": project.settings.validation_command,
        "test-command": project.settings.test_command,
    }
    for key, command in commands.items():
        other = without_programs(command or "", checkout)
        found = placed(other, checkout)
        if found.command != other:
            text = f"{key} does not run in the task's tree: {found.reason}: {command}"
            raise ConfigError(text, f"write it for the repository's root, where it runs: {key} in superteam.toml")
