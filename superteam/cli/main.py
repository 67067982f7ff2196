"""The entry point. Only the module of the command that was asked for is imported.

COMMANDS is the table of all commands: name -> where it is and one line of help. `superteam --help` is printed from
the table alone. A row's target is "module:name"; what is there is either a function with Typer annotations (a
command) or a `typer.Typer` (a group such as `config`). Functions return an exit code, or None for 0. To add a
command, write the function and add its row; its module may import what it likes, since nobody else pays for it.

`--version` is answered before Typer is imported.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from superteam import __version__

if TYPE_CHECKING:
    import typer


class Row(NamedTuple):
    """Where a command is ("module:name") and what it does in one line."""

    target: str
    help: str


COMMANDS: dict[str, Row] = {
    "execute": Row("superteam.cli.execute:execute", "Run a plan task by task, or go on with its unfinished run."),
    "resume": Row("superteam.cli.execute:resume", "Go on with an unfinished run."),
    "answer": Row("superteam.cli.runs:answer", "Answer the pending question of a paused run."),
    "status": Row("superteam.cli.runs:status", "Where a run stands."),
    "runs": Row("superteam.cli.runs:runs", "All runs of this repository."),
    "abort": Row("superteam.cli.runs:abort", "End a run for good; its commits stay reachable."),
    "validate": Row("superteam.cli.validate:validate", "Compare the working tree with a baseline, without any agent."),
    "baseline": Row("superteam.cli.validate:baseline", "The pinned baseline."),
    "rerun": Row("superteam.cli.rerun:rerun", "Rerun exactly what failed in an earlier artifact."),
    "plan": Row("superteam.cli.plans:plan", "Check a plan document, or change what is left of a run."),
    "read": Row("superteam.cli.read:read", "What superteam sees in a test report."),
    "taxonomy": Row("superteam.cli.taxonomy:taxonomy", "The effective failure type to action table, with origins."),
    "init": Row("superteam.cli.init:init", "Write a configuration for this repository, proved by one run."),
    "doctor": Row("superteam.cli.doctor:doctor", "What would stop a run here, and the command that mends it."),
    "config": Row("superteam.cli.config:app", "The effective configuration with the origin of each value."),
}


def main(argv: list[str] | None = None) -> int:
    """The console script `superteam`: returns the exit code of the process."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["--version"]:
        print(f"superteam {__version__}")  # noqa: T201
        return 0
    from superteam.cli.boundary import guard

    return guard(lambda: dispatch(arguments))


def dispatch(arguments: list[str]) -> int | None:
    """Parses the arguments and runs the command; errors pass as they are."""
    import typer
    from typer.main import get_command

    command = get_command(application(arguments))
    try:
        code = command.main(args=arguments, prog_name="superteam", standalone_mode=False)
    except typer.Abort:  # Ctrl-C or the end of input at a prompt
        raise KeyboardInterrupt from None
    except SystemExit as end:  # Typer ends by itself, with exit code 1, when the reader of our output is gone
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        raise
    return code if isinstance(code, int) else None


def application(arguments: list[str]) -> typer.Typer:
    """The Typer application: the command that these arguments ask for is real, the others have name and help only."""
    import typer

    app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)

    @app.callback()
    def _root(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
        """The referee for coding agents: executes plans and never calls something a pass without proof."""

    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, row in COMMANDS.items():
        if name == asked:
            _register(app, name, row)
        else:
            app.command(name, help=row.help)(_not_asked_for)
    return app


def _register(app: typer.Typer, name: str, row: Row) -> None:
    import importlib

    import typer

    module, attribute = row.target.split(":")
    found = getattr(importlib.import_module(module), attribute)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name, help=row.help)
    else:
        app.command(name)(found)


def _not_asked_for() -> None:
    """Stands for a command in the list of commands."""
