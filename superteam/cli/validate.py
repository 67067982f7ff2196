"""`superteam validate` and `superteam baseline`: verdicts without any agent."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from superteam.cli.console import emit_json, note, say

if TYPE_CHECKING:
    from superteam.app.validating import Validated

baseline = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 3}


def validate(
    base: Annotated[str | None, typer.Option(help="The revision to compare with.", metavar="REV")] = None,
    source: Annotated[str, typer.Option(help="The validation source.", metavar="NAME")] = "tests",
    only: Annotated[list[str] | None, typer.Option(help="Only this test (repeatable).", metavar="TEST")] = None,
    run: Annotated[str | None, typer.Option(help="Compare with this run's baseline.", metavar="RUN")] = None,
    test_command: Annotated[str | None, typer.Option(help="The suite to run.", metavar="CMD")] = None,
    config: Annotated[Path | None, typer.Option(help="A further configuration file.", metavar="FILE")] = None,
    canary: Annotated[bool, typer.Option("--canary", help="Plant a failing test: the suite must go red.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run the suite even if this tree has its verdict.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write the verdict as JUnit XML.", metavar="FILE")] = None,
    github: Annotated[bool, typer.Option("--github", help="Print annotations, add to the step summary.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the verdict.")] = False,
) -> int:
    """Compare the working tree, dirty or not, with a baseline and give a verdict."""
    from superteam.app.project import open_project
    from superteam.app.validating import Wishes
    from superteam.app.validating import validate as give_verdict
    from superteam.errors import ConfigError

    if source != "tests":
        raise ConfigError(f"there is no source {source!r}; the sources are: tests", "superteam config show")
    if json and github:
        raise ConfigError("--json and --github both want standard output", "superteam validate --github --junit FILE")
    if junit is not None and not junit.parent.is_dir():
        raise ConfigError(f"--junit {junit}: there is no folder {junit.parent}", f"mkdir -p {junit.parent}")
    options = {"test-command": test_command} if test_command else None
    project = open_project(Path.cwd(), config=config, options=options)
    progress = _Progress(silent=quiet or json)
    wishes = Wishes(base, run, tuple(only or ()), fresh, canary)
    found = give_verdict(project, wishes, progress)
    if junit is not None:
        _write_junit(junit, found)
    if github:
        _tell_github(found, project.environ)
    if json:
        emit_json({"schema": "superteam.validation.v1", **found.result.model_dump(mode="json")})
    elif not github:
        say(verdict_text(found.result))
    return EXIT_CODES[found.result.verdict]


def _write_junit(path: Path, found: Validated) -> None:
    """The whole file or none: a CI that reads half of it would believe it."""
    from superteam.evidence.junit_xml import junit_xml

    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.writelines(junit_xml(found.result, found.report, found.messages))
    part.replace(path)


def _tell_github(found: Validated, environ: Mapping[str, str]) -> None:
    """Annotations on standard output, where the runner looks for them, and the step summary where there is one."""
    from superteam.evidence.github import annotations, step_summary

    sys.stdout.write(annotations(found.result, found.messages))
    summary = environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(step_summary(found.result, found.messages))


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
        "doubt": "an unstable test many times, on the working tree",
        "doubt-reference": "an unstable test many times, at the reference",
        "order": "what ran before a test that fails only in company",
        "canary": "the suite with a failing test planted in it",
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
    if result.findings:
        lines += ["changed among what decides verdicts:", *(f"  {_place(f)}: {f.detail}" for f in result.findings[:20])]
        if len(result.findings) > 20:
            lines.append(f"  and {len(result.findings) - 20} more; all of them: superteam validate --json")
    lines += [f"note: {note}" for note in result.notes]
    if result.verdict != "pass":
        lines += [f"reproduce: {result.reproduce_command}"] if result.reproduce_command else []
        lines.append("complete outputs: .superteam/outputs")
    return "\n".join(map(_indented, lines))


def _indented(line: str) -> str:
    """An id or a reason of several lines as one entry: none of them may look like a line of ours."""
    return "\n    ".join(re.split(r"\r\n?|\n", line))


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


def _place(finding: Any) -> str:
    return finding.path if finding.line is None else f"{finding.path}:{finding.line}"


def _runs(result: Any, id: str) -> str:
    found = result.settlements.get(id)
    if id in result.polluters:
        return f"  (fails only after {result.polluters[id]})"
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
