"""Judges simulated changes with the real program, and adds up what became of them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import simulated
from simulated import Guilt, Place

SUITE = 'test-command = "python -m pytest -q -p no:cacheprovider"\n'
RUN = f"""\
{SUITE}agent.use = "script"
on-escalation = "abort"

[validation]
auto-fix = 0

[agents.script]
kind = "scripted"
script = "agent.toml"
"""
PLAN = """\
# A plan

```superteam-tasks
- {"title": "The change"}
- {"title": "Something harmless"}
```
"""
SETTLING = ("rerun", "confirm")
DOUBTING = ("doubt", "doubt-reference")


@dataclass(frozen=True, slots=True)
class Sample:
    """One judged change. `failures` counts its new failures; the rest counts executions of tests picked out and of
    whole suites. `searching` is what looks for a polluter; of a run it is all that was picked out, since the history
    does not say what for.
    """

    kind: str
    seed: int
    guilt: Guilt
    verdict: str
    named: bool
    failures: int
    settling: int
    doubting: int
    searching: int
    whole: int
    result: str

    @property
    def line(self) -> str:
        return f"{self.kind}, seed {self.seed}: {self.verdict}\n{self.result}"


def validated(name: str, seed: int, folder: Path) -> Sample:
    """Judges a change in the checkout, as `superteam validate --base` does."""
    from superteam.app.project import open_project
    from superteam.app.validating import Wishes, validate

    place = simulated.prepare(simulated.KINDS[name], seed, folder, {"superteam.toml": SUITE})
    case = place.case
    project = replace(open_project(place.root), environ=_environ(place))
    judge = lambda: validate(project, Wishes(base=place.base), lambda key, data: None)[0].result  # noqa: E731
    if case.leaves:
        judge()  # so that there is a baseline from before
        (place.chances / "service").unlink()
    simulated.write(place.root, case.change)
    if case.twice:
        simulated.begin_again(place, f"{name} {seed} before", (True, True, False))
        judge()
        simulated.begin_again(place, f"{name} {seed} after", case.rolls)
        (place.root / "notes.txt").write_text("more\n")
    before = _executions(place)
    result = judge()
    made = _executions(place)[len(before) :]
    return _sample(name, seed, place, result.verdict, result.model_dump(mode="json"), made)


def executed(name: str, seed: int, folder: Path) -> Sample:
    """Judges a change that an agent makes as the first of two tasks; the verdict is how the run ends."""
    case = simulated.KINDS[name].make(simulated.drawing(simulated.KINDS[name], seed))
    extra = {"superteam.toml": RUN, "plan.md": PLAN, "agent.toml": _script(case.change)}
    place = simulated.prepare(simulated.KINDS[name], seed, folder, extra)
    name = f"run: {name}"
    code, err = _superteam(place, "execute", "plan.md")
    status = json.loads(_superteam(place, "status", "--json")[1])
    verdict = {0: "pass", 1: "fail", 3: "inconclusive"}.get(code, f"exit code {code}: {err}")
    made = [row for row in _executions(place) if not row[0].startswith("capture-baseline")]
    return _sample(name, seed, place, verdict, _merged(status["validations"]), made)


def _merged(validations: list[dict[str, Any]]) -> dict[str, Any]:
    """What the validations of a run say together, of what a sample looks at."""
    lists = ("new_failures", "regressions", "missing", "newly_skipped")
    merged: dict[str, Any] = {key: [id for found in validations for id in found[key]] for key in lists}
    polluters = {id: by for found in validations for id, by in found["polluters"].items()}
    return {**merged, "polluters": polluters, "settlements": [found["settlements"] for found in validations]}


def _superteam(place: Place, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "superteam", *arguments],
        cwd=place.root,
        env=_environ(place),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout if "--json" in arguments else done.stderr


def _environ(place: Place) -> dict[str, str]:
    """Its own Python first, and a cache of its own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**place.environ(), "PATH": path, "SUPERTEAM_CACHE": str(place.root.parent / "cache")}


def _script(change: simulated.Files) -> str:
    """The scripted agent's file: the change is the first task, a note the second."""
    texts = [f"{json.dumps(file)} = {json.dumps(text)}" for file, text in change.items()]
    first = ["[[dispatch]]", 'task = "1"', "[dispatch.write]", *texts]
    second = ["[[dispatch]]", 'task = "2"', "[dispatch.write]", '"notes.txt" = "more"']
    return "\n".join([*first, *second, ""])


def _executions(place: Place) -> list[tuple[str, int, str]]:
    """Purpose, number of tests and kind of each execution in the history, oldest first."""
    path = place.root / ".superteam" / "history.sqlite"
    if not path.exists():
        return []
    connection = sqlite3.connect(path)
    try:
        return connection.execute(
            "SELECT purpose, outcomes, CAST(names.name AS TEXT) FROM executions "
            "JOIN names ON names.id = executions.environment ORDER BY executions.id"
        ).fetchall()
    finally:
        connection.close()


def _sample(
    name: str, seed: int, place: Place, verdict: str, result: dict[str, Any], made: list[tuple[str, int, str]]
) -> Sample:
    case = place.case
    named = {id for key in ("regressions", "missing", "newly_skipped") for id in result[key]}
    right = case.guilty <= named and (
        case.polluter is None or result["polluters"].get(case.polluter[0]) == case.polluter[1]
    )
    picked = [(purpose.partition(" ")[0], tests) for purpose, tests, kind in made if " picked " in kind]
    settling = sum(tests for purpose, tests in picked if purpose in SETTLING)
    doubting = sum(tests for purpose, tests in picked if purpose in DOUBTING)
    searching = sum(tests for purpose, tests in picked) - settling - doubting
    whole = sum(kind.endswith("whole") and purpose != "baseline" for purpose, _, kind in made)
    text = json.dumps({key: result[key] for key in ("new_failures", "regressions", "settlements", "polluters")})
    return Sample(
        name,
        seed,
        case.guilt,
        verdict,
        right,
        len(result["new_failures"]),
        settling,
        doubting,
        searching,
        whole,
        text,
    )


def table(samples: Iterable[Sample]) -> str:
    """One line a kind: what became of it, and what it took (executions of single tests a new failure, whole runs)."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.kind, []).append(sample)
    names = ("judged", "passed", "blocked", "neither", "settle", "doubt", "other", "whole")
    head = f"{'kind':32}{''.join(f'{name:>9}' for name in names)}"
    return "\n".join([head, *(_row(kind, group) for kind, group in groups.items())])


def _row(kind: str, group: list[Sample]) -> str:
    passed, blocked = (sum(s.verdict == verdict for s in group) for verdict in ("pass", "fail"))
    neither = len(group) - passed - blocked
    failures = max(1, sum(s.failures for s in group))
    spent = [sum(getattr(s, name) for s in group) / failures for name in ("settling", "doubting", "searching")]
    spent.append(sum(s.whole for s in group) / len(group))
    return f"{kind:32}{len(group):9}{passed:9}{blocked:9}{neither:9}{''.join(f'{mean:9.1f}' for mean in spent)}"
