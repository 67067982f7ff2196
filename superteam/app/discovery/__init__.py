"""What a repository is made of: facts in, candidates out. Nothing is run and nothing is read here."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace

from superteam.app.discovery import go, java, javascript, php, python, ruby, rust, tasks
from superteam.app.discovery.facts import Candidate, Ecosystem, Facts, Kind, below, rank, weight

ECOSYSTEMS: tuple[Ecosystem, ...] = (python, javascript, go, rust, java, ruby, php)
# Without one of these a folder is no project of its own.
PROJECTS = frozenset(
    ("pyproject.toml", "setup.py", "requirements.txt", "Pipfile", "package.json", "deno.json", "go.mod", "Cargo.toml",
     "pom.xml", "build.gradle", "build.gradle.kts", "Gemfile", "composer.json")
)  # fmt: skip
_FOLDERS = 10  # projects below the top that are looked at
_IGNORED = frozenset(
    [
        "node_modules",
        "vendor",
        "third_party",
        "testdata",
        "fixtures",
        "examples",
        "templates",
        "test",
        "tests",
        "doc",
        "docs",
    ]
)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found, best first of each kind; `ecosystems` begins with the one that has the most files."""

    ecosystems: tuple[str, ...]
    tests: tuple[Candidate, ...]
    gates: tuple[Candidate, ...]
    setups: tuple[Candidate, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is taken of a discovery; the gates are to be run in this order."""

    test: Candidate | None
    gates: tuple[Candidate, ...]
    setup: Candidate | None


def discover(facts: Facts) -> Discovery:
    """The candidates of the top of the repository; where it has no project, those of the folders below."""
    found, notes = _at_the_top(facts), []
    folders = _projects_below(facts)
    if folders and any(candidate.kind == "test" for candidate in found):
        notes.append(f"projects below the top: {_listed(folders)}; the commands are those of the top level")
    elif folders:
        inner = [candidate for folder in folders for candidate in _in_folder(facts, folder)]
        found += inner
        if len(folders) > 1:
            told = "the test-command is that of one of them; a command that runs them all would see more"
            notes.append(f"several projects, none at the top: {_listed(folders)}; {told}")
    found = tasks.with_ci(facts, found)
    names = _by_weight(facts, {candidate.ecosystem for candidate in found if candidate.ecosystem})
    if len(names) > 1:
        notes.append(f"several languages: {', '.join(names)}; most files are {names[0]}")
    tests, gates, setups = _sorted(found, "test", names), _sorted(found, "gate", names), _sorted(found, "setup", names)
    return Discovery(names, tests, gates, setups, tuple(notes))


def choose(found: Discovery, facts: Facts) -> Choice:
    """The best test command, the gates and the setup that go with it; what only guesses name is left to a person."""
    test = next(iter(runnable(found.tests, facts)), None)
    home = test.ecosystem if test and test.ecosystem else (found.ecosystems or ("",))[0]
    mine = [one for one in runnable((*found.gates, *found.setups), facts) if one.ecosystem in ("", home)]
    sound = [one for one in mine if one.confidence != "guess"]
    gates = [one for one in sound if one.kind == "gate"]
    hooks = [one for one in gates if "pre-commit" in one.command]
    return Choice(test, tuple(hooks or gates), next((one for one in sound if one.kind == "setup"), None))


def runnable(found: Iterable[Candidate], facts: Facts) -> list[Candidate]:
    """Those whose program is on PATH."""
    return [one for one in found if one.needs is None or one.needs in facts.programs]


def _at_the_top(facts: Facts) -> list[Candidate]:
    return [*_of_ecosystems(facts), *tasks.candidates(facts)]


def _of_ecosystems(facts: Facts) -> list[Candidate]:
    return [candidate for ecosystem in ECOSYSTEMS for candidate in ecosystem.candidates(facts)]


def _in_folder(facts: Facts, folder: str) -> list[Candidate]:
    """The candidates of a project below the top, as commands that begin there."""
    inner = _of_ecosystems(below(facts, folder))
    move = f"cd {shlex.quote(folder)} && "
    return [replace(one, command=move + one.command, why=f"{folder}: {one.why}") for one in inner]


def _projects_below(facts: Facts) -> list[str]:
    """The outermost folders with a manifest of their own, those with the most files first."""
    folders = {name.rpartition("/")[0] for name in facts.files if name.rpartition("/")[2] in PROJECTS and "/" in name}
    kept = [one for one in folders if not _IGNORED & set(one.split("/")) and one.isprintable()]
    outer = [one for one in kept if not any(one.startswith(f"{other}/") for other in kept)]
    sizes = {one: sum(name.startswith(f"{one}/") for name in facts.files) for one in outer[:200]}
    return sorted(sizes, key=lambda one: (-sizes[one], one))[:_FOLDERS]


def _by_weight(facts: Facts, names: Iterable[str]) -> tuple[str, ...]:
    wanted = [one for one in ECOSYSTEMS if one.NAME in names]
    return tuple(one.NAME for one in sorted(wanted, key=lambda one: -weight(facts.files, one.SUFFIXES)))


def _sorted(found: list[Candidate], kind: Kind, ecosystems: tuple[str, ...]) -> tuple[Candidate, ...]:
    """Best first: by confidence, then by the language with the most files, then as they were found."""
    places = {name: place for place, name in enumerate(ecosystems)}
    once = {one.command: one for one in reversed(found) if one.kind == kind}
    ordered = [one for one in found if once.get(one.command) is one]
    return tuple(sorted(ordered, key=lambda one: (rank(one), places.get(one.ecosystem, len(places)))))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
