"""`superteam validate` and `superteam baseline`: verdicts without any agent."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from superteam.cli.console import emit_json, note, say
from superteam.cli.words import most_important

if TYPE_CHECKING:
    from superteam.app.validating import Validated
    from superteam.core.events import BaselineDocument, ValidationResult

baseline = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 3}


def validate(
    base: Annotated[str | None, typer.Option(help="The revision to compare with.", metavar="REV")] = None,
    source: Annotated[str | None, typer.Option(help="Only this source; default: all.", metavar="NAME")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this test (repeatable).", metavar="TEST")] = None,
    run: Annotated[str | None, typer.Option(help="Compare with this run's baseline.", metavar="RUN")] = None,
    test_command: Annotated[str | None, typer.Option(help="The suite to run.", metavar="CMD")] = None,
    config: Annotated[Path | None, typer.Option(help="A further configuration file.", metavar="FILE")] = None,
    canary: Annotated[bool, typer.Option("--canary", help="Plant a failing test: the suite must go red.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run the suite even if this tree has its verdict.")] = False,
    may_change: Annotated[
        list[str] | None, typer.Option(help="Expectations of these tests or files may change.", metavar="GLOB")
    ] = None,
    may_remove: Annotated[list[str] | None, typer.Option(help="These tests may be gone.", metavar="GLOB")] = None,
    may_skip: Annotated[list[str] | None, typer.Option(help="These tests may be skipped.", metavar="GLOB")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 too for what a person should decide: expectations, gates.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write the verdict as JUnit XML.", metavar="FILE")] = None,
    github: Annotated[bool, typer.Option("--github", help="Print annotations, add to the step summary.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the verdict.")] = False,
) -> int:
    """Compare the working tree, dirty or not, with a baseline and give a verdict."""
    from superteam.app.project import open_project
    from superteam.app.validating import Wishes
    from superteam.app.validating import validate as give_verdict
    from superteam.core.sources import source_names
    from superteam.errors import ConfigError

    if json and github:
        raise ConfigError("--json and --github both want standard output", "superteam validate --github --junit FILE")
    if junit is not None and not junit.parent.is_dir():
        raise ConfigError(f"--junit {junit}: there is no folder {junit.parent}", f"mkdir -p {junit.parent}")
    options = {"test-command": test_command} if test_command else None
    project = open_project(Path.cwd(), config=config, options=options)
    progress = _Progress(silent=quiet or json)
    wishes = Wishes(
        base=base,
        source=source,
        run_id=run,
        only=tuple(only or ()),
        fresh=fresh,
        canary=canary,
        may_change=tuple(may_change or ()),
        may_remove=tuple(may_remove or ()),
        may_skip=tuple(may_skip or ()),
    )
    found = give_verdict(project, wishes, progress)
    results = [one.result for one in found]
    if junit is not None:
        _write_junit(junit, found)
    if github:
        _tell_github(found, project.environ)
    if json:
        alone = len(results) == 1 and (source is not None or len(source_names(project.settings)) == 1)
        emit_json(_document(results, alone))
    elif not github:
        say("\n\n".join(verdict_text(result, strict, wishes.may_change) for result in results))
    return worst(results, strict, wishes.may_change)


def worst(results: Sequence[ValidationResult], strict: bool = False, may_change: Sequence[str] = ()) -> int:
    """The exit code for verdicts of several sources: what blocks weighs most, then what proves nothing.

    With `strict`, expectations that were changed block, and a gate that was weakened.
    """
    codes = {EXIT_CODES[result.verdict] for result in results}
    if strict and any(result.expectations_changed or _weakened(result, may_change) for result in results):
        codes.add(1)
    return next(code for code in (1, 3, 0) if code in codes)


def _weakened(result: Any, may_change: Sequence[str]) -> list[str]:
    """What was changed in superteam's own configuration of what is run and believed, unless that was declared."""
    from superteam.core.baseline import matches

    if matches("superteam.toml", may_change):
        return []
    return [
        finding.detail
        for finding in result.findings
        if (finding.kind, finding.path, finding.rank) == ("runner-configuration", "superteam.toml", 1)
    ]


def _document(results: Sequence[ValidationResult], alone: bool) -> dict[str, Any]:
    """One validation where one source was meant, else the list of all."""
    found = [result.model_dump(mode="json") for result in results]
    if alone:
        return {"schema": "superteam.validation.v1", **found[0]}
    return {"schema": "superteam.validations.v1", "validations": found}


def _write_junit(path: Path, found: Sequence[Validated]) -> None:
    """The whole file or none: a CI that reads half of it would believe it."""
    from superteam.evidence.junit_xml import junit_suites

    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.writelines(junit_suites((one.result, one.report, one.messages) for one in found))
    part.replace(path)


def _tell_github(found: Sequence[Validated], environ: Mapping[str, str]) -> None:
    """Annotations on standard output, where the runner looks for them, and the step summary where there is one."""
    from superteam.evidence.github import SUMMARY_LIMIT, annotations, step_summary

    for one in found:
        sys.stdout.write(annotations(one.result, one.messages))
    summary = environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            for one in found:
                file.write(step_summary(one.result, one.messages, SUMMARY_LIMIT // len(found)))


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
    """A run of the suite in words; the keys are made of a probe's purpose and its number, and of the source's name."""
    step, _, source = key.partition(" source=")
    words = {
        "baseline": "the suite at the reference, for a baseline",
        "suite": "the suite on the working tree",
        "suite-reference": "the suite at the reference",
        "missing-reference": "the suite at the reference again, since tests are missing",
        "rerun": "the new failures again, on the working tree",
        "confirm": "the same tests at the reference",
        "company": "the whole suite again, on the working tree",
        "company-reference": "the whole suite again, at the reference",
        "doubt": "an unstable test many times, on the working tree",
        "doubt-reference": "an unstable test many times, at the reference",
        "order": "what ran before a test that fails only in company",
        "own-command": "this tree's own test command, which cannot run at the reference",
        "canary": "the suite with a failing test planted in it",
        "old-reference": "the same tests at the reference",
        "old": "the reference's tests on the new code",
        "nonsense": "the suite with nonsense in changed files that it may not look at",
    }
    found = words.get(step.partition(" ")[0], f"the suite ({step})")
    return f"source {source}: {found}" if source else found


def verdict_text(result: Any, strict: bool = False, may_change: Sequence[str] = ()) -> str:
    """The verdict for people: what it is, why, what stands against it and how to see it again."""
    lines = [] if result.source == "tests" else [f"source: {result.source}"]
    lines += [f"verdict: {result.verdict}" + (" (low confidence)" if result.confidence == "low" else "")]
    if result.reason:
        lines.append(f"reason: {result.reason}")
    lines += _expectations(result, strict)
    if strict:
        weakened = _weakened(result, may_change)
        lines += [f"blocked by --strict, gate-weakened: superteam.toml: {detail}" for detail in weakened]
        lines += ["if this change of superteam.toml is wanted: --may-change superteam.toml"] if weakened else []
    counts = ", ".join(f"{number} {name}" for name, number in result.counts.items() if number)
    if counts:
        lines.append(f"tests: {counts}")
    lines.append(f"compared with {result.reference_sha[:12]}, the working tree is {result.tree[:12]}")
    for title, ids in _findings(result):
        lines += [f"{title}:", *(f"  {id}{_runs(result, id)}" for id in ids[:20])]
        if len(ids) > 20:
            lines.append(f"  and {len(ids) - 20} more; all of them: superteam validate --json")
    findings = [finding for finding in result.findings if finding.kind != "expectation-changed"]
    if findings:
        lines.append("changed among what decides verdicts, the most important first:")
        lines += most_important(findings, lambda f: f"{_place(f)}: {f.detail}", "superteam validate --json")
    lines += [f"note: {note}" for note in result.notes]
    if result.verdict != "pass":
        lines += [f"reproduce: {result.reproduce_command}"] if result.reproduce_command else []
        lines.append("complete outputs: .superteam/outputs")
    return "\n".join(map(_indented, lines))


def _expectations(result: Any, strict: bool) -> list[str]:
    """Tests that pass only because they, or what they use, were changed: both versions, one below the other."""
    from superteam.core.verdicts import both_versions

    lines: list[str] = []
    for changed in result.expectations_changed[:20]:
        lines.append(f"expectation changed: {changed.test}")
        lines += [f"  {line}" for line in both_versions(changed).splitlines()]
    if len(result.expectations_changed) > 20:
        lines.append(f"and {len(result.expectations_changed) - 20} more; all of them: superteam validate --json")
    if lines and strict:
        lines.append("blocked by --strict: if these changes are wanted: --may-change GLOB, of the tests or their files")
    return lines


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
    if found.get("new"):
        return f"  (a new test fails: {here[0]} of {here[1]} reruns)"
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
    pinned = {name: state.baseline for name, state in found.sources.items() if state.baseline is not None}
    if found.baseline is None:
        raise SuperteamError(f"run {found.run_id} has no baseline (no test-command?)", "superteam config show")
    if json:
        emit_json({"schema": "superteam.baseline.v1", **found.baseline.model_dump(mode="json", exclude={"expected"})})
        return 0
    say("\n\n".join(_pinned(document, named=len(pinned) > 1) for document in pinned.values()))
    return 0


def _pinned(found: BaselineDocument, named: bool) -> str:
    """A baseline in words."""
    counts = ", ".join(f"{number} {name}" for name, number in found.counts.items() if number)
    lines = [f"source: {found.source}"] if named else []
    lines += [f"{found.sha}  {found.verdict}  {found.command}", f"captured {found.captured_at}", counts]
    lines += [f"known failure: {id}" for id in found.known_failures] or ["no known failures"]
    return "\n".join(lines)
