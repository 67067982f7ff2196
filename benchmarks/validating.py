"""What a verdict on a large suite costs beside the suite: `superteam validate` on tests that do nothing."""

from __future__ import annotations

import sys
from pathlib import Path

from measuring import Row, cache_of, make_repository, say, superteam, timed

SUITE = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]


def validating(root: Path, quick: bool = False) -> list[Row]:
    """The first validation (its baseline is the run that it judges), and one of a change, against the bare suite."""
    tests = 2_000 if quick else 20_000
    test = f"import pytest\n\n\n@pytest.mark.parametrize('n', range({tests // 20}))\n"
    test += "def test_value(n):\n    assert n >= 0\n"
    files = {f"test_part{i:02}.py": test for i in range(20)}
    config = 'test-command = "python -m pytest -q -p no:cacheprovider"\n'
    make_repository(root, {**files, "code_under_test.py": "VALUE = 1\n", "superteam.toml": config})
    say(f"validating {tests} tests")
    first = timed(superteam("validate"), root, cache_of(root))
    bare = min(timed(SUITE, root, root) for _ in range(2))
    (root / "code_under_test.py").write_text("VALUE = 2\n")
    changed = timed(superteam("validate"), root, cache_of(root))
    against = f"the bare suite, {tests:,} tests"
    return [
        Row("validate, no baseline yet", first, against, bare),
        Row("validate a change", changed, against, bare, f"{(changed - bare) / tests * 1e6:.0f} us a test more"),
    ]
