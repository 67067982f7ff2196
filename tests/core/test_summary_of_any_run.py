"""Whatever happens in a run, its summary says only what is true in the scripted world that it happened in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import yaml
from hypothesis import given
from test_evolve import QUICK, Game, begin, scenario_of, seeds

from superteam.core import events as e
from superteam.core.run import Run
from superteam.evidence.chronicle import Chronicle, chronicle
from superteam.evidence.summary_md import Files, frontmatter, summary_markdown


def told(game: Game) -> Chronicle:
    return chronicle((event, at) for at, event in game.journal.events())


def ticked(text: str, pattern: str) -> Iterator[tuple[str, ...]]:
    """What the pattern, which begins behind the box, finds in the ticked lines."""
    for line in text.splitlines():
        found = re.match(r"- \[x\] " + pattern, line)
        if found:
            yield found.groups()


@QUICK
@given(seeds)
def test_the_summary_of_any_run_ticks_only_what_is_true(tmp_path: Path, rng: Random) -> None:
    crashes = frozenset(rng.sample(range(1, 120), rng.randint(0, 4)))
    game = begin(scenario_of(rng), tmp_path, crashes)
    run = game.play()
    text = summary_markdown(told(game), None, Files())

    check_gates(game, run, text)
    check_validations(game, run, text)
    boxes = re.findall(r"^- \[x\] (.{1,12})", text, re.MULTILINE)
    assert all(box.startswith(("task ", "validation (")) for box in boxes)
    assert run.exit_code == 0 or f"(exit code {run.exit_code})" in text


def check_gates(game: Game, run: Run, text: str) -> None:
    """The gate of a task is green exactly on trees without its gate- file."""
    for id, kind in ticked(text, r"task (\d+): (gate) "):
        t = run.of(id)
        assert t.status == "complete" and t.commit_sha and kind == "gate"
        assert f"gate-{id}" not in game.workspace.content((t.commit_sha, *t.repairs)[-1])
    if run.settings.validation_command is None:
        assert not list(ticked(text, r"task (\d+)"))


def check_validations(game: Game, run: Run, text: str) -> None:
    """A ticked validation is the newest one of its commit, passed, and the commit is on the branch."""
    standing = [*game.workspace.history(game.workspace.branch), game.workspace.start]
    results = [event.result for _, event in game.journal.events() if isinstance(event, e.ValidationConcluded)]
    for task, short in ticked(text, r"validation \(tests\) after task (\d+) at `(\w+)`: pass"):
        newest = [result for result in results if (result.source, result.after_task) == ("tests", task)][-1]
        assert newest.verdict == "pass" and newest.sha.startswith(short) and newest.sha in standing
    assert len(list(ticked(text, "validation"))) == len(list(ticked(text, r"validation .*: pass[ ,]")))


@QUICK
@given(seeds)
def test_the_summary_of_any_run_names_its_commits_and_no_other(tmp_path: Path, rng: Random) -> None:
    game = begin(scenario_of(rng), tmp_path)
    run = game.play()
    found = told(game)
    text = summary_markdown(found, None, Files())

    commits = text.partition("## Task Commits")[2].partition("##")[0]
    named = re.findall(r"`(\w+)`", commits)
    assert sorted(named) == sorted(sha[:12] for t in run.tasks for sha in (t.commit_sha, *t.repairs) if sha)
    assert yaml.safe_load(text.split("---\n")[1]) == frontmatter(found, None, Files())


@QUICK
@given(seeds)
def test_the_chronicle_of_any_run_tells_each_dispatch_gate_and_failure_once(tmp_path: Path, rng: Random) -> None:
    game = begin(scenario_of(rng), tmp_path)
    run = game.play()
    found, events = told(game), [event for _, event in game.journal.events()]

    stories = [found.story(t.task.id) for t in run.tasks]
    kept = [x for story in stories for x in (*story.dispatches, *story.gates, *(i.raised for i in story.issues))]
    kept += [issue.raised for issue in found.issues]
    kinds = (e.AgentFinished, e.GateFinished, e.ActionChosen)
    assert sorted(map(repr, kept)) == sorted(repr(event) for event in events if isinstance(event, kinds))
    assert found.run == run
    assert found.seconds([t.task.id for t in run.tasks]) <= run.elapsed_s + 1e-6
    assert all(found.story(t.task.id).ended for t in run.tasks if t.status == "complete")
