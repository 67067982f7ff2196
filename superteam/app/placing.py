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
            named = [word.strip("\"'();") for word in other.split() if any(path in word for path in checkout.paths)]
            what = f"names the checkout: {named[0]}" if named else f"does not run in the task's tree: {found.reason}"
            text = f"{key} {what}; superteam runs it in a tree of its own, never in the checkout: {command}"
            raise ConfigError(text, f"write it relative to the repository's root: {key} in superteam.toml")
