"""Maven's Surefire and Failsafe: they always write JUnit XML below the tree; tests by -Dtest=Class#method+method."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from glob import escape
from pathlib import Path

from superteam.core.results import Completeness, TestId, TestReport
from superteam.runners.call import Call, Told, family

NAME = "surefire"
_PHASES = frozenset(("test", "package", "integration-test", "verify", "install", "deploy"))
_GOAL = re.compile(r"(?:\S{0,200}:)?(?:surefire|failsafe|maven-surefire-plugin|maven-failsafe-plugin)(?::\S{0,80})?")
_REPORTS = "**/target/*-reports/TEST-*.xml"
_LIMIT = 100_000  # bytes of one argument; the kernel takes 128 kB
_DIED = b"The forked VM terminated without"  # "properly saying goodbye": its classes have no report
_STEADY = (
    "-fae",
    "-DfailIfNoTests=false",
    "-Dsurefire.failIfNoSpecifiedTests=false",
    "-Dfailsafe.failIfNoSpecifiedTests=false",
    "-Dsurefire.rerunFailingTestsCount=0",
    "-Dfailsafe.rerunFailingTestsCount=0",
    "-Dsurefire.skipAfterFailureCount=0",
    "-Djacoco.skip=true",
)


def recognises(call: Call, tree: Path) -> bool:
    """Maven, where a phase or a goal runs tests and no property turns them off."""
    if call.program not in ("mvn", "mvnw", "mvnd"):
        return False
    if any(word.startswith(("-DskipTests", "-Dmaven.test.skip")) and "=false" not in word for word in call.words):
        return False
    return any(word in _PHASES or _GOAL.fullmatch(word) for word in call.words[1:])


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told:
    """Nothing has to be told for the report; the modules behind one that fails are run too (-fae)."""
    reports = f"{escape(call.folder)}/{_REPORTS}" if call.folder else _REPORTS
    if call.after is None:
        why = "the whole command was run: no argument can be appended to it" if only is not None else ""
        return Told("junit", reports, finish=_survived, selects="everything", why=why)
    if only is None:
        return Told("junit", reports, finish=_survived, arguments=("-fae",))
    tests = _tests(only)
    if len(tests) > _LIMIT:
        why = "the whole command was run: too many tests for one argument"
        return Told("junit", reports, finish=_survived, arguments=_STEADY, selects="everything", why=why)
    more = any(_method(id) != _name(id) for id in only)
    why = "all parameters of a test were run: they cannot be selected one by one" if more else ""
    arguments = (*_STEADY, f"-Dtest={tests}", f"-Dit.test={tests}")
    return Told("junit", reports, finish=_survived, arguments=arguments, selects="more" if more else "exactly", why=why)


def _survived(report: TestReport, output: Path) -> TestReport:
    """A JVM that a test ended takes the reports of its class along; Maven says so only in its output."""
    tail = b""
    with output.open("rb") as stream:
        while chunk := stream.read(2**20):
            if _DIED in tail + chunk:
                damage = "a Java machine ended in the middle of its tests (System.exit or a crash)"
                return replace(report, completeness=_less(report.completeness), damage=damage)
            tail = chunk[-len(_DIED) :]
    return report


def _less(completeness: Completeness) -> Completeness:
    return Completeness.PARTIAL if completeness is Completeness.COMPLETE else completeness


def _tests(ids: Iterable[TestId]) -> str:
    classes: dict[str, set[str]] = {}
    for id in sorted(ids):
        classes.setdefault(family(id).partition("::")[0], set()).add(_method(id))
    parts = [name if "" in methods else f"{name}#{'+'.join(sorted(methods))}" for name, methods in classes.items()]
    return ",".join(parts)


def _name(id: TestId) -> str:
    return family(id).partition("::")[2]


def _method(id: TestId) -> str:
    """The method as a pattern of Surefire; parameters become *, what separates patterns becomes ? (any character)."""
    name = _name(id)
    base = re.split(r"[\[({]", name, maxsplit=1)[0]
    if not base:
        return ""  # a display name alone: the whole class
    return re.sub(r"[#+,!%\s*?/\\]", "?", base) + ("*" if base != name else "")


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with these tests."""
    tests = _tests(ids[:20])
    return shlex.join((*call.words, f"-Dtest={tests}", "-Dsurefire.failIfNoSpecifiedTests=false"))


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A class beside the others, for the JUnit that the build file names."""
    return java_canary(call, tree, ("pom.xml",))


def java_canary(call: Call, tree: Path, builds: tuple[str, ...]) -> tuple[str, str] | None:
    """A JUnit class with one failing test below src/test/java; None in a build of several modules."""
    folder = tree / call.folder
    build = next((folder / name for name in builds if (folder / name).is_file()), None)
    if build is None or not (folder / "src/test/java").is_dir():
        return None
    text = build.read_text(encoding="utf-8", errors="replace").lower()
    fifth = "jupiter" in text or "useJUnitPlatform".lower() in text
    package = "org.junit.jupiter.api.Test" if fifth else "org.junit.Test"
    content = (
        f"public class SuperteamCanaryTest {{\n  @{package}\n"
        '  public void superteam_canary() { throw new AssertionError("planted by superteam"); }\n}\n'
    )
    return str(Path(call.folder) / "src/test/java/SuperteamCanaryTest.java"), content
