"""Reads a folder of GSD plans, a phase, as one plan: its parts in wave order, what they depend on before them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from superteam.core.plan import Finding, Plan, Task
from superteam.core.plan_rules import find_cycle, quoted
from superteam.errors import PlanError
from superteam.plans.findings import Findings
from superteam.plans.gsd import Reading, read_gsd
from superteam.plans.gsd_frontmatter import text_of, texts
from superteam.plans.gsd_order import ordered

FORMAT = "gsd-phase"
_PLAN = re.compile(r"(?:.{0,100}[-_.])?PLAN(?:[-_.]?\d{1,4}[a-z]?)?\.md", re.I)
_NAME = re.compile(r"[\w.-]{1,100}")
_MOST_PLANS, _MOST_TASKS = 100, 1000
_NOTHING = frozenset({"none", "n/a", "-", "null", "[]"})

Content = Callable[[Path, str], bytes]
Text = Callable[[bytes, Findings], str | None]


def read_phase(
    folder: Path, root: Path, name: str, content: Content, text: Text
) -> tuple[Plan | None, tuple[Finding, ...]]:
    """The plan of all documents in a folder that are named *-PLAN.md or PLAN.md; PlanError if there is none."""
    paths = _documents(folder, name)
    findings: list[Finding] = []
    hashes: dict[str, str] = {}
    readings: list[Reading] = []
    for path in paths:
        document = path.name if name == "." else f"{name}/{path.name}"
        own = Findings()
        data = content(path, document)
        words = text(data, own)
        reading = None if words is None else read_gsd(words, document, own)
        findings += [finding.model_copy(update={"path": document}) for finding in own.all()]
        if reading:
            readings.append(reading)
            hashes[document] = hashlib.sha256(data).hexdigest()
    whole = Findings()
    plan = _plan(_named(readings), folder, name, hashes, whole) if len(readings) == len(paths) else None
    found = (*findings, *whole.all())
    failed = any(finding.severity == "error" for finding in found)
    return (None if failed or plan is None else plan.model_copy(update={"findings": found})), found


def check_other_plans(about: Mapping[str, Any], folder: Path, findings: Findings) -> None:
    """Warns about plans that a document depends on and that are neither part of the run nor done."""
    for entry in _entries(texts(about.get("depends_on", about.get("depends-on")))):
        if not _is_done(entry, folder):
            message = f"depends_on names the plan {quoted(entry)}, which is not part of this run and has no summary"
            findings.warning("other-plan", message, 1)


def _documents(folder: Path, name: str) -> list[Path]:
    try:
        found = sorted(path for path in folder.iterdir() if _PLAN.fullmatch(path.name) and path.is_file())
    except OSError as error:
        raise PlanError(f"the folder {name} cannot be read: {error.strerror}", "superteam plan check PLAN") from error
    if not found:
        text = f"the folder {name} holds no plans; looked for files named PLAN.md or such as 01-02-PLAN.md"
        raise PlanError(text, "name a plan document or a phase's folder: superteam plan check PLAN")
    if len(found) > _MOST_PLANS:
        raise PlanError(f"the folder {name} holds {len(found)} plans; at most {_MOST_PLANS} can be one run")
    return found


def _named(readings: Sequence[Reading]) -> list[Reading]:
    """The documents with ids of their own: the names of the files where the ids are not unique."""
    ids = [reading.part.id for reading in readings]
    return [
        reading if ids.count(reading.part.id) == 1 else _renamed(reading, Path(reading.part.path).stem)
        for reading in readings
    ]


def _renamed(reading: Reading, id: str) -> Reading:
    tasks = tuple(task.model_copy(update={"part": id}) for task in reading.tasks)
    return replace(reading, part=reading.part.model_copy(update={"id": id}), tasks=tasks)


def _plan(
    readings: Sequence[Reading], folder: Path, name: str, hashes: Mapping[str, str], findings: Findings
) -> Plan | None:
    others = _depended(readings, folder, findings)
    cycle = find_cycle(others)
    if cycle:
        shown = " -> ".join(quoted(id) for id in (*cycle, cycle[0])[:12])
        findings.error("cycle", f"plans depend on each other in a circle: {shown}", None)
    if sum(len(reading.tasks) for reading in readings) > _MOST_TASKS:
        findings.error("too-many-tasks", f"the folder holds more than {_MOST_TASKS} tasks", None)
    if findings.failed:
        return None
    own = {reading.part.id: [f"{reading.part.id}.{task.id}" for task in reading.tasks] for reading in readings}
    tasks = [task for reading in readings for task in _linked(reading, others[reading.part.id], own)]
    found = ordered(tasks, [reading.part.id for reading in readings], findings)
    begins = {task.part: place for place, task in reversed(tuple(enumerate(found)))}
    parts = sorted((reading.part for reading in readings), key=lambda part: begins[part.id])
    total = "".join(f"{part.path}\0{hashes[part.path]}\n" for part in parts)
    phase = text_of(parts[0].about.get("phase")) or folder.name
    return Plan(
        path=name,
        format=FORMAT,
        title=f"Phase {phase}",
        sha256=hashlib.sha256(total.encode("utf-8", "surrogateescape")).hexdigest(),
        tasks=found,
        parts=tuple(parts),
        files=tuple(part.path for part in parts),
    )


# -- what depends on what


def _depended(readings: Sequence[Reading], folder: Path, findings: Findings) -> dict[str, list[str]]:
    """The plans of the folder that each plan depends on."""
    known = _aliases(readings)
    found: dict[str, list[str]] = {reading.part.id: [] for reading in readings}
    for reading in readings:
        for entry in _entries(reading.depends_on):
            id = known.get(entry.lower())
            if id is not None:
                found[reading.part.id] += [id] if id not in found[reading.part.id] else []
            elif not _is_done(entry, folder):
                _missing(reading, entry, findings)
    return found


def _missing(reading: Reading, entry: str, findings: Findings) -> None:
    """A plan of this phase that is not there is a mistake; one of another phase may be done without a summary."""
    phase = reading.part.id.rpartition("-")[0]
    if phase and re.fullmatch(rf"{re.escape(phase)}-\d+[a-z]?", entry, re.I):
        message = f"the plan {reading.part.id} depends on {quoted(entry)}, which is not in the folder"
        findings.error("unknown-plan", message, None)
        return
    message = f"the plan {reading.part.id} depends on {quoted(entry)}, which is not part of this run and has no summary"
    findings.warning("other-plan", message, None)


def _entries(depends_on: Sequence[str]) -> Iterator[str]:
    """The names in depends_on, without what is said about them."""
    for entry in depends_on:
        words = entry.removeprefix("Plan ").removeprefix("plan ").split()
        name = words[0].strip("`'\",:()") if words else ""
        if name and name.lower() not in _NOTHING:
            yield name


def _aliases(readings: Sequence[Reading]) -> dict[str, str]:
    """All names by which a plan of the folder may be called; ids come first."""
    found = {reading.part.id.lower(): reading.part.id for reading in readings}
    for reading in readings:
        for name in _names(reading):
            found.setdefault(name.lower(), reading.part.id)
    return found


def _names(reading: Reading) -> Iterator[str]:
    about, stem = reading.part.about, Path(reading.part.path).stem
    short = re.sub(r"[-_.]?PLAN$", "", stem, flags=re.I)
    plan, phase = text_of(about.get("plan")), text_of(about.get("phase"))
    last = reading.part.id.rpartition("-")[2]
    yield from (f"{stem}.md", stem, short, text_of(about.get("plan_id")), text_of(about.get("id")))
    for number in dict.fromkeys((plan, last, last.lstrip("0") or last, plan.lstrip("0") or plan)):
        if number:
            yield from (number, f"plan-{number}", f"{phase}-{number}", f"{phase}/{number}")
            yield f"{reading.part.id.rpartition('-')[0].lstrip('0')}-{number}"


def _is_done(entry: str, folder: Path) -> bool:
    """Whether the summary of a plan, or one of the phase of this name, lies in the folder or in one beside it."""
    name = re.sub(r"(?:[-_.]PLAN)?(?:\.md)?$", "", entry.replace("/", "-"), flags=re.I)
    if not _NAME.fullmatch(name):
        return False
    try:
        beside = (folder, *(path for path in sorted(folder.parent.iterdir())[:1000] if path.is_dir()))
        return any((path / f"{name}-SUMMARY.md").is_file() for path in beside) or any(
            next(path.glob("*SUMMARY.md"), None) is not None for path in beside if path.name == name
        )
    except OSError:
        return False


def _linked(reading: Reading, others: Sequence[str], own: Mapping[str, Sequence[str]]) -> Iterator[Task]:
    """The document's tasks with ids of the phase, each depending on all tasks of the plans it depends on."""
    prefix = reading.part.id
    before = [id for other in others for id in own[other]]
    for task in reading.tasks:
        depends = (*before, *(f"{prefix}.{id}" if f"{prefix}.{id}" in own[prefix] else id for id in task.depends_on))
        changes = {"id": f"{prefix}.{task.id}", "depends_on": tuple(dict.fromkeys(depends))}
        yield task.model_copy(update=changes)
