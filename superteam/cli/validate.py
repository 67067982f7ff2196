"""`superteam validate` and `superteam baseline`: verdicts without any agent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from superteam.cli.console import emit_json, note, say

baseline = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 3}


def validate(
    base: Annotated[str | None, typer.Option(help="The revision to compare with.", metavar="REV")] = None,
    source: Annotated[str, typer.Option(help="The validation source.", metavar="NAME")] = "tests",
    only: Annotated[list[str] | None, typer.Option(help="Only this test (repeatable).", metavar="TEST")] = None,
    run: Annotated[str | None, typer.Option(help="Compare with this run's baseline.", metavar="RUN")] = None,
    test_command: Annotated[str | None, typer.Option(help="The suite to run.", metavar="CMD")] = None,
    config: Annotated[Path | None, typer.Option(help="A further configuration file.", metavar="FILE")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the verdict.")] = False,
) -> int:
    """Compare the working tree, dirty or not, with a baseline and give a verdict."""
    from superteam.app.project import open_project
    from superteam.app.validating import validate as give_verdict
    from superteam.errors import ConfigError

    if source != "tests":
        raise ConfigError(f"there is no source {source!r}; the sources are: tests", "superteam config show")
    options = {"test-command": test_command} if test_command else None
    project = open_project(Path.cwd(), config=config, options=options)
    progress = _Progress(silent=quiet or json)
    result = give_verdict(project, base, run, tuple(only or ()), progress)
    if json:
        emit_json({"schema": "superteam.validation.v1", **result.model_dump(mode="json")})
    else:
        say(verdict_text(result))
    return EXIT_CODES[result.verdict]


class _Progress:
    """One line on standard error when a run of the suite begins."""

    def __init__(self, silent: bool) -> None:
        self.silent = silent
        self.seen: set[str] = set()

    def __call__(self, key: str, data: bytes) -> None:
        if key not in self.seen and not self.silent:
            self.seen.add(key)
            note(f"running {_running(key)}")


def _running(key: str) -> str:
    """A run of the suite in words; the keys are made of a probe's purpose and its number."""
    words = {
        "baseline": "the suite at the reference, for a baseline",
        "suite": "the suite on the working tree",
        "suite-reference": "the suite at the reference",
        "rerun": "the new failures again, on the working tree",
        "confirm": "the same tests at the reference",
        "company": "the whole suite again, on the working tree",
        "company-reference": "the whole suite again, at the reference",
    }
    return words.get(key.partition(" ")[0], f"the suite ({key})")


def verdict_text(result: Any) -> str:
    """The verdict for people: what it is, why, what stands against it and how to see it again."""
    lines = [f"verdict: {result.verdict}" + (" (low confidence)" if result.confidence == "low" else "")]
    if result.reason:
        lines.append(f"reason: {result.reason}")
    counts = ", ".join(f"{number} {name}" for name, number in result.counts.items() if number)
    if counts:
        lines.append(f"tests: {counts}")
    lines.append(f"compared with {result.reference_sha[:12]}, the working tree is {result.tree[:12]}")
    for title, ids in _findings(result):
        lines += [f"{title}:", *(f"  {id}{_runs(result, id)}" for id in ids[:20])]
        if len(ids) > 20:
            lines.append(f"  and {len(ids) - 20} more; all of them: superteam validate --json")
    if result.verdict != "pass":
        lines += [f"reproduce: {result.reproduce_command}"] if result.reproduce_command else []
        lines.append("complete outputs: .superteam/outputs")
    return "\n".join(lines)


def _findings(result: Any) -> list[tuple[str, tuple[str, ...]]]:
    rows = [
        ("regressions", result.regressions),
        ("could not be settled, so they block", result.unresolved),
        ("missing tests", result.missing),
        ("newly skipped", result.newly_skipped),
        ("flaky (no regression)", result.flaky),
        ("suspects: unstable since this change", result.suspects),
        ("failing before too", result.pre_existing),
        ("pass now, failed before", result.new_passes),
    ]
    return [(title, ids) for title, ids in rows if ids]


def _runs(result: Any, id: str) -> str:
    found = result.settlements.get(id)
    if not found:
        return ""
    here, there = found["task"], found["reference"]
    if not here[1] and id in result.unresolved:
        return ""
    if not here[1]:
        return "  (settled together with others that were rerun)"
    return f"  (failed {here[0]} of {here[1]} reruns here, {there[0]} of {there[1]} at the reference)"


@baseline.callback()
def _group() -> None:
    """Work with the pinned baseline."""


@baseline.command()
def show(
    run: Annotated[str | None, typer.Option(help="Of this run; default: the newest.", metavar="RUN")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Show the pinned baseline of a run."""
    from superteam.cli.config import repository_root
    from superteam.errors import SuperteamError
    from superteam.journal import runs

    root = repository_root(Path.cwd())
    found = runs.load(root, runs.find(root, run))
    if found.baseline is None:
        raise SuperteamError(f"run {found.run_id} has no baseline (no test-command?)", "superteam config show")
    if json:
        emit_json({"schema": "superteam.baseline.v1", **found.baseline.model_dump(mode="json", exclude={"expected"})})
        return 0
    pinned = found.baseline
    counts = ", ".join(f"{number} {name}" for name, number in pinned.counts.items() if number)
    say(f"{pinned.sha}  {pinned.verdict}  {pinned.command}\ncaptured {pinned.captured_at}\n{counts}")
    say("".join(f"known failure: {id}\n" for id in pinned.known_failures).rstrip() or "no known failures")
    return 0
