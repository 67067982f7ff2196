"""Gradle: it always writes JUnit XML below the tree; an init script selects tests and keeps cached results out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from glob import escape
from itertools import pairwise
from pathlib import Path

from superteam.core.results import Conventions, TestId, TestReport
from superteam.runners.call import Call, Told, family
from superteam.runners.surefire import java_canary

NAME = "gradle"
_TASK = re.compile(r"(?:\S{0,200}:)?(?:test\w{0,80}|\w{0,80}Test|check|build)")
_REPORTS = "**/build/test-results/**/TEST-*.xml"
_STEADY = ("--no-build-cache", "--continue")
_CONVENTIONS = Conventions(errors="folded", retries="rows")


def recognises(call: Call, tree: Path) -> bool:
    """Gradle or its wrapper, where a task runs tests that are not excluded."""
    if call.program not in ("gradle", "gradlew"):
        return False
    words = call.words[1:]
    excluded = any(pair in (("-x", "test"), ("--exclude-task", "test")) for pair in pairwise(words))
    return not excluded and any(_TASK.fullmatch(word) for word in words)


def tell(call: Call, env: Mapping[str, str], folder: Path, tree: Path, only: frozenset[TestId] | None) -> Told:
    """By an init script outside of the tree: it knows no cache and no up-to-date, and takes any number of tests."""
    reports = f"{escape(call.folder)}/{_REPORTS}" if call.folder else _REPORTS
    told = Told("junit", reports, finish=_named)
    if call.after is None:
        why = "the whole command was run: no argument can be appended to it" if only is not None else ""
        return replace(told, selects="everything", why=why)
    script = folder / "superteam.init.gradle"
    script.write_text(_script(only), encoding="utf-8", errors="replace")
    arguments = (*_STEADY, "--init-script", str(script))
    if only is None:
        return replace(told, arguments=arguments)
    more = any(_parametrised(id) for id in only)
    why = "all parameters of a test were run: they cannot be selected one by one" if more else ""
    return replace(told, arguments=arguments, selects="more" if more else "exactly", why=why)


def _named(report: TestReport, output: Path) -> TestReport:
    """Gradle's XML does not name its writer, which counts errors among the failures."""
    return replace(report, dialect=report.dialect or "gradle", conventions=_CONVENTIONS)


def _script(only: frozenset[TestId] | None) -> str:
    """A script in Groovy, which every Gradle since 3.0 takes."""
    body = ["outputs.upToDateWhen { false }"]
    if only is not None:
        patterns = sorted({pattern for id in only for pattern in _patterns(id)})
        body += ["filter.failOnNoMatchingTests = false"]
        body += [f"filter.includeTestsMatching({_quoted(pattern)})" for pattern in patterns]
    lines = "\n    ".join(body)
    return f"allprojects {{\n  tasks.withType(Test) {{\n    {lines}\n  }}\n}}\n"


def _quoted(text: str) -> str:
    """A string of Groovy; of anything but plain letters the numbers, since Groovy reads escapes before quotes."""
    if re.fullmatch(r"[A-Za-z0-9_.*]+", text):
        return f"'{text}'"
    units = text.encode("utf-16-be", "replace")
    numbers = ", ".join(str(units[i] << 8 | units[i + 1]) for i in range(0, len(units), 2))
    return f"new String([{numbers}] as char[])"


def _patterns(id: TestId) -> Iterable[str]:
    """What Gradle calls the test: with JUnit 5 the bare method, with JUnit 4 the parameters belong to the name."""
    classname, _, name = family(id).partition("::")
    base = re.split(r"[\[({]", name, maxsplit=1)[0].rstrip()
    if not base or name in ("classMethod", "initializationError", "executionError"):
        return (classname,)
    return (f"{classname}.{base}", f"{classname}.{base}[*") if _parametrised(id) else (f"{classname}.{base}",)


def _parametrised(id: TestId) -> bool:
    """Whether a test goes by more than its method; `passes()` is how JUnit 5 writes a method."""
    return re.search(r"[\[({]", family(id).partition("::")[2].removesuffix("()")) is not None


def reproduce(call: Call, ids: tuple[TestId, ...]) -> str | None:
    """The call with these tests."""
    patterns = dict.fromkeys(pattern for id in ids[:20] for pattern in _patterns(id))
    return shlex.join((*call.words, *[word for pattern in patterns for word in ("--tests", pattern)]))


def canary(call: Call, tree: Path) -> tuple[str, str] | None:
    """A class beside the others, for the JUnit that the build file names."""
    return java_canary(call, tree, ("build.gradle", "build.gradle.kts"))
