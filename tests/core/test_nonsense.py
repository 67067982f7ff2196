"""Whether a suite noticed nonsense in sources."""

from __future__ import annotations

import pytest

from superteam.core.nonsense import imported_elsewhere, is_source, noticed
from superteam.core.results import (
    Completeness,
    Execution,
    Exit,
    Granularity,
    Outcome,
    RunVerdict,
    TestReport,
    TestResult,
)

P, F, S = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED
BEFORE = {"a": P, "b": P, "known": F}


def report(outcomes: dict[str, Outcome], *errors: str) -> TestReport:
    tests = {id: TestResult(outcome) for id, outcome in outcomes.items()}
    return TestReport("junit", Granularity.TESTS, Completeness.COMPLETE, tests, errors)


def execution(found: TestReport, *, is_sound: bool = True) -> Execution:
    verdict = RunVerdict("fail") if is_sound else RunVerdict("inconclusive", "why")
    return Execution(found, Exit(1), verdict, "", "", "")


@pytest.mark.parametrize(
    ("after", "seen"),
    [
        (BEFORE, False),
        ({"a": P, "b": P, "known": P}, False),
        ({**BEFORE, "shaky": F}, False),
        ({**BEFORE, "a": F}, True),
        ({**BEFORE, "app.test.js": F}, True),
        ({"b": P, "known": F}, True),
        ({**BEFORE, "a": S}, True),
    ],
)
def test_only_what_did_not_fail_before_shows_that_nonsense_was_seen(after: dict[str, Outcome], seen: bool) -> None:
    assert noticed(report(BEFORE), execution(report(after)), {"shaky"}) is seen


def test_a_run_that_is_none_has_seen_it() -> None:
    assert noticed(report(BEFORE), execution(report(BEFORE), is_sound=False))
    assert noticed(report(BEFORE), execution(report(BEFORE, "a.py: SyntaxError")))


@pytest.mark.parametrize(
    ("path", "answer"),
    [("src/a.ts", True), ("a.py", True), ("tests/a.py", False), ("a.test.js", False), ("vite.config.ts", False)],
)
def test_code_that_is_no_test_is_a_source(path: str, answer: bool) -> None:
    assert is_source(path) is answer


CORE = "packages/core/src/acme/core.py"
TEST = "packages/core/tests/test_core.py"


@pytest.mark.parametrize(
    ("path", "files", "text", "found"),
    [
        (CORE, (), "from acme.core import add", True),
        (CORE, (), "import acme.core as core", True),
        (CORE, (), "import acme.core.deeper", True),
        ("packages/core/src/acme/__init__.py", (), "from acme.core import add", True),
        ("acme/core.py", ("acme/__init__.py",), "from acme.core import add", True),
        ("shop.py", (), "import shop", True),
        ("one/shop.py", ("one/pyproject.toml",), "import shop", True),
        (CORE, (), "def test():\n    from acme.core import add", False),
        (CORE, (), "try:\n    import acme.core\nexcept Exception: pass", False),
        (CORE, (), "import sys\nsys.modules['acme'] = object()\nfrom acme.core import add", False),
        (CORE, (), "from acme import core", False),
        (CORE, (), "from . import core", False),
        (CORE, (), "from acme.core import (", False),
        (CORE, ("packages/core/build/acme/core.py",), "from acme.core import add", False),
        ("utils/requests.py", (), "import requests", False),
        ("json.py", (), "import json", False),
        ("shop.js", (), "import shop", False),
    ],
)
def test_a_test_that_imports_nonsense_and_passes_has_another_module(
    path: str, files: tuple[str, ...], text: str, found: bool
) -> None:
    packages = ("packages/core/src/acme/__init__.py",) if path.startswith("packages/") else ()
    known = tuple(dict.fromkeys((path, TEST, *packages, *files)))
    expected = (path, TEST) if found else None
    assert imported_elsewhere([path], [TEST], known, {TEST: text}.__getitem__) == expected
