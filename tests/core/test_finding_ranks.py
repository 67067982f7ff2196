"""The order of findings: what could do most comes first, and a flood hides nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superteam.core.changes import Change, Lines
from superteam.core.finding import SHOWN, Finding, Kind, ranked
from superteam.core.integrity import examine


def finding(kind: Kind, path: str, rank: int, line: int = 1) -> Finding:
    return Finding(kind=kind, path=path, line=line, detail="x", rank=rank)


def modified(path: str, *pairs: tuple[str, str]) -> Change:
    """A file in which each old line gave way to a new one, with a line in between."""
    numbers = range(1, 2 * len(pairs), 2)
    added: Lines = tuple((n, new) for n, (_, new) in zip(numbers, pairs, strict=True))
    removed: Lines = tuple((n, old) for n, (old, _) in zip(numbers, pairs, strict=True))
    return Change(path, None, added, removed, "modified")


def test_kinds_of_one_rank_take_turns() -> None:
    flood = [finding("added-skip", f"tests/test_{n:03}.py", 1) for n in range(100)]
    hook = finding("runner-hook", "zz/plugin.py", 1)
    assert hook in ranked([*flood, hook])[:2]


def test_files_of_one_kind_take_turns() -> None:
    flood = [finding("assertion-changed", "tests/test_a.py", 2, n) for n in range(100)]
    other = finding("assertion-changed", "tests/test_z.py", 2)
    assert other in ranked([*flood, other])[:2]


@given(st.lists(st.tuples(st.sampled_from(["added-skip", "focus", "ci"]), st.sampled_from("abc"), st.integers(1, 4))))
def test_all_findings_are_kept_and_ranks_ascend(rows: list[tuple[Kind, str, int]]) -> None:
    given_findings = [finding(kind, path, rank, n % 3) for n, (kind, path, rank) in enumerate(rows)]
    found = ranked(given_findings)
    assert set(found) == set(given_findings) and len(found) == len(set(given_findings))
    assert [f.rank for f in found] == sorted(f.rank for f in found)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("tests/test_z.py", "    assert price(2) == 9", "    assert price(2) is not None"),
        ("src/z.py", "import re", "import pytest"),
        ("tests/conftest.py", "x = 1", "def pytest_runtest_makereport(item, call):"),
        ("zz.pth", "lib", "import sneaky"),
    ],
)
def test_what_matters_is_shown_among_a_hundred_that_do_not(path: str, old: str, new: str) -> None:
    honest = [
        modified(f"tests/test_{n:03}.py", (f"    assert total({n}) == {n}", f"    assert total({n}) == {n + 1}"))
        for n in range(50)
    ]
    honest += [modified(f".github/workflows/{n}.yml", ("run: a", "run: b || true")) for n in range(50)]
    found = examine([*honest, modified(path, (old, new))], (), "pytest")
    assert len(found) > 100
    assert path in {f.path for f in found[:SHOWN]}
