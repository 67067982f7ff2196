"""What the writers of JUnit XML mean by it: who wrote a document, how a test is called, and how a case ended.

There is no standard of this format. A dialect is named only by what the document itself says; "" is an unknown writer,
for whom the plainest meaning holds. The rules come from documents that these writers wrote (tests/data/reports/junit)
and from their documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from superteam.core.results import Conventions, Outcome, TestId
from superteam.reports.cases import in_tree

Attributes = Mapping[str, str]

_ROOTS = {
    "pytest tests": "pytest",
    "jest tests": "jest-junit",
    "vitest tests": "vitest",
    "Mocha Tests": "mocha-junit",
    "bun test": "bun",
    "deno test": "deno",
    "nextest-run": "nextest",
    "AllTests": "gtest",
}
_PROPERTIES = (("surefire.", "surefire"), ("ant.version", "ant"), ("ant.file", "ant"), ("go.version", "go"))
_NODE_SUITE = frozenset(("name", "time", "disabled", "errors", "tests", "failures", "skipped", "hostname"))
_STAMPED = re.compile(r"-[0-9]{14}\Z")  # unittest-xml-reporting: mod.Class-20261121073100
_TITLES = frozenset(("jest-junit", "vitest", "mocha-junit", "bun", "deno", "node", "playwright"))
# These write error elements never, or only for what is no test.
_FOLDED = _TITLES | frozenset(("rspec", "ctest", "gtest", "go", "bats"))
_SUITE_IS_FILE = frozenset(("vitest", "deno", "playwright"))
_SUITE_IS_TITLE = frozenset(("node", "bun"))

# Words of the attributes status and result where no child element says what happened.
_STATUS = {
    "failed": Outcome.FAILED,
    "fail": Outcome.FAILED,
    "failure": Outcome.FAILED,
    "broken": Outcome.ERRORED,
    "error": Outcome.ERRORED,
    "errored": Outcome.ERRORED,
    "timeout": Outcome.TIMED_OUT,
    "skipped": Outcome.SKIPPED,
    "ignored": Outcome.SKIPPED,
    "disabled": Outcome.SKIPPED,
    "suppressed": Outcome.SKIPPED,
    "pending": Outcome.SKIPPED,
    "notrun": Outcome.NOT_RUN,
    "not-run": Outcome.NOT_RUN,
}
_TIMEOUTS = frozenset(  # the type of a failure: nextest, JUnit 4, node, bun
    ("test timeout", "org.junit.runners.model.TestTimedOutException", "testTimeoutFailure", "TimeoutError")
)


def of_root(name: str, attributes: Attributes) -> str:
    """The writer by the outermost element."""
    if name == "testsuites":
        if attributes.get("id") == "" and attributes.get("name") == "":
            return "playwright"
        return _ROOTS.get(attributes.get("name", ""), "")
    return ""


def of_suite(attributes: Attributes) -> str:
    """The writer by a suite."""
    name = attributes.get("name", "")
    if name in ("pytest", "rspec"):
        return name
    if "surefire" in attributes.get("xsi:noNamespaceSchemaLocation", ""):
        return "surefire"
    if attributes.get("hostname") == "tbd":
        return "catch2"
    if name.endswith(".bats"):
        return "bats"
    if "assertions" in attributes:
        return "phpunit"
    if attributes.keys() == _NODE_SUITE:
        return "node"
    return "unittest" if _STAMPED.search(name) else ""


def of_property(name: str) -> str:
    """The writer by a property of a suite."""
    return next((dialect for prefix, dialect in _PROPERTIES if name.startswith(prefix)), "")


def of_case(attributes: Attributes, suites: Sequence[str]) -> str:
    """The writer by a test case."""
    status = attributes.get("status")
    if "class" in attributes and "assertions" in attributes:
        return "phpunit"
    if "result" in attributes and status in ("run", "notrun"):
        return "gtest"
    if status in ("run", "fail", "notrun", "disabled") and attributes.get("classname") == attributes.get("name"):
        return "ctest"
    if status == "run" and "duration" in attributes:
        return "bazel"
    return "node" if not suites and attributes.get("classname") == "test" else ""


def conventions(dialect: str) -> Conventions:
    """What its outcomes mean."""
    told, rows = dialect in ("surefire", "nextest"), dialect == "pytest"
    return Conventions(
        errors="folded" if dialect in _FOLDED else "apart", retries="told" if told else "rows" if rows else "hidden"
    )


def place_of(dialect: str, attributes: Attributes, suites: Sequence[str], file: str, root: PurePath | None) -> str:
    """What stands before a test's name in its id: the file where it is known, then the suites or classes."""
    file = in_tree(attributes.get("file") or file, root)
    if dialect in _TITLES:
        return _titles(dialect, suites, file, root)
    classname = attributes.get("class", attributes.get("classname", ""))
    if dialect == "go":
        return "".join(f"{part}::" for part in (suites[-1] if suites else classname,) if part)
    if dialect == "phpunit" and "class" not in attributes:  # stands for a whole class or a data provider
        return "".join(f"{part}::" for part in (file, *suites[-1:]) if part)
    classes = _classes(file, classname, attributes.get("name", ""))
    return "".join(f"{part}::" for part in (file, *classes) if part)


def stands_for_class(attributes: Attributes) -> bool:
    """Whether Ant means the class as a whole: its setup failed."""
    return attributes.get("classname") == "junit.framework.TestSuite"


def id_of(place: str, name: str) -> TestId:
    """The id of a test; one without a name stands for its class or file."""
    return place + name if name else place.removesuffix("::").removesuffix(" > ")


def _classes(file: str, classname: str, name: str) -> Sequence[str]:
    """A class name is often the dotted name of the file, and then the classes in it."""
    if not classname or classname in (name, file, "junit.framework.TestSuite"):
        return ()
    stem = file.rpartition(".")[0] if "." in file else file
    module = stem.replace("/", ".").replace("\\", ".")
    if module and classname == module:
        return ()
    if module and classname.startswith(module + "."):
        return classname[len(module) + 1 :].split(".")
    return (classname,)


def _titles(dialect: str, suites: Sequence[str], file: str, root: PurePath | None) -> str:
    """JavaScript tests are called by the file and the titles from the outermost in."""
    if dialect in _SUITE_IS_FILE and suites:
        file = file or in_tree(suites[-1], root)
    titles = [title for title in suites if in_tree(title, root) != file] if dialect in _SUITE_IS_TITLE else []
    return "".join(f"{part} > " for part in (file, *titles) if part)


def outcome_of(dialect: str, attributes: Attributes, children: Mapping[str, Attributes]) -> Outcome:
    """How a case ended, by its child elements (the first of each name) and, without any, by its attributes."""
    skipped = children.get("skipped")
    bad = children.get("error") or children.get("failure")
    if bad is not None or "error" in children or "failure" in children:
        return _bad(dialect, children, bad or {}, skipped)
    if skipped is not None:
        return _skipped(dialect, attributes, skipped)
    for word in (attributes.get("result"), attributes.get("status")):
        if word is not None and word.lower() in _STATUS:
            return _STATUS[word.lower()]
    if dialect == "phpunit" and "warning" in children and "class" not in attributes:
        return Outcome.SKIPPED  # "No tests found in class": there is no test
    return Outcome.FAILED if "failure" in attributes else Outcome.PASSED


def _bad(dialect: str, children: Mapping[str, Attributes], bad: Attributes, skipped: Attributes | None) -> Outcome:
    kind = bad.get("type", "")
    if skipped is not None and dialect == "node" and skipped.get("type") == "todo":
        return Outcome.SKIPPED
    if skipped is not None and dialect == "catch2" and "tagged with !" in skipped.get("message", ""):
        return Outcome.XFAILED
    if kind in _TIMEOUTS:
        return Outcome.TIMED_OUT
    if dialect == "phpunit" and kind.endswith("RiskyTestError"):
        return Outcome.SKIPPED  # nothing was asserted: PHPUnit ends with 0, and it proves nothing
    if dialect == "unittest" and kind == "UnexpectedSuccess":
        return Outcome.FAILED
    return Outcome.ERRORED if "error" in children else Outcome.FAILED


def _skipped(dialect: str, attributes: Attributes, skipped: Attributes) -> Outcome:
    if skipped.get("type") in ("pytest.xfail", "XFAIL"):
        return Outcome.XFAILED
    if dialect == "ctest" and not skipped.get("message", "").startswith("SKIP_"):
        return Outcome.ERRORED  # no such program, or what it needs failed: ctest counts it as failed
    return Outcome.SKIPPED
