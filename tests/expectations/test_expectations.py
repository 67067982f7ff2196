"""Twenty weakened tests and twenty innocent changes of tests, judged by `superteam validate`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from corpus import CHANGES, NODE, TestChange
from playground import Repo

# What `make test` judges; all forty are for `make test-expectations`.
SAMPLE = (
    "equal becomes not None",
    "golden file updated",
    "helper renamed in product and test",
    "expectation changed on purpose and declared",
)
WEAKENED_NAMED = 18
INNOCENT_NAMED = 1


@dataclass(frozen=True, slots=True)
class Judged:
    """What superteam said of a change: exit codes, what it lists, and whether that names the weakened test."""

    change: TestChange
    code: int
    strict_code: int
    listed: tuple[str, ...]
    blocking: tuple[str, ...]
    reason: str

    @property
    def is_named(self) -> bool:
        """Whether the weakened test is listed, or for an innocent change any test."""
        names = (*self.listed, *self.blocking)
        return any(self.change.test in name for name in names)

    @property
    def line(self) -> str:
        named = "named" if self.is_named else "-"
        details = ", ".join((*self.listed, *self.blocking)) or self.reason
        codes = f"{self.code} {self.strict_code}"
        return f"{self.change.kind:9} {self.change.name:62} {named:6} {codes:4} {details[:90]}"


def judge(change: TestChange, folder: Path) -> Judged:
    """Judges a change that was made in the working tree, as a user's hook would."""
    repo = _repository(folder)
    config = f"test-command = {json.dumps(change.command)}\n"
    base = repo.commit({**_written(change.base), ".gitignore": "__pycache__\n", "superteam.toml": config}, "base")
    apply(repo, change)
    show(repo, change)
    options = [word for glob in change.may_change for word in ("--may-change", glob)]
    plain = repo.superteam("validate", "--base", base, "--json")
    strict = repo.superteam("validate", "--base", base, "--json", "--strict", *options)
    document: Any = json.loads((strict if change.may_change else plain).out or "{}")
    listed = tuple(entry["test"] for entry in document.get("expectations_changed", ()))
    blocking = tuple(test for key in ("regressions", "missing", "newly_skipped") for test in document.get(key, ()))
    return Judged(change, plain.code, strict.code, listed, blocking, document.get("reason") or plain.err[-90:])


def _repository(folder: Path) -> Repo:
    repo = Repo(folder / "shop", folder / "cache")
    repo.root.mkdir(parents=True)
    repo.git("init", "-q", "-b", "main")
    return repo


def _written(files: Any) -> dict[str, str]:
    return {path: content for path, content in files.items() if content is not None}


def apply(repo: Repo, change: TestChange) -> None:
    """Makes the change in the working tree."""
    repo.write(_written(change.change))
    for path, content in change.change.items():
        if content is None:
            (repo.root / path).unlink()


def show(repo: Repo, change: TestChange) -> None:
    """Fails if the change is not what it says: green as it is and, if it is weakened, red with the base's judges."""
    assert _suite(repo, change) == 0, f"{change.name}: the changed suite is red"
    if change.kind == "weakened":
        copy = Repo(repo.root.parent / "copy", repo.cache)
        shutil.copytree(repo.root, copy.root, ignore=shutil.ignore_patterns("__pycache__"))
        copy.write({path: str(change.base[path]) for path in change.judges})
        assert _suite(copy, change) != 0, f"{change.name}: the base's tests are green on the new product"


def _suite(repo: Repo, change: TestChange) -> int:
    environ = {**repo.environ(), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        change.command, shell=True, cwd=repo.root, env=environ, capture_output=True, check=False
    ).returncode


def can_run(change: TestChange) -> bool:
    return change.command != NODE or shutil.which("node") is not None


def test_the_corpus_is_twenty_and_twenty() -> None:
    kinds = [change.kind for change in CHANGES]
    assert (kinds.count("weakened"), kinds.count("innocent")) == (20, 20)
    assert len({change.name for change in CHANGES}) == 40


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_of_changed_tests(tmp_path: Path, name: str) -> None:
    change = next(change for change in CHANGES if change.name == name)
    judged = judge(change, tmp_path)
    assert judged.is_named is (change.kind == "weakened"), judged.line
    assert (judged.strict_code == 0) is (change.kind == "innocent"), judged.line


@pytest.mark.expectations
def test_nearly_all_weakened_tests_are_named_and_nearly_no_innocent_change(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    runnable = [change for change in CHANGES if can_run(change)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        judged = list(pool.map(lambda change: judge(change, tmp_path / change.name.replace(" ", "-")), runnable))
    print("\n" + "\n".join(row.line for row in judged))
    weakened = [row for row in judged if row.change.kind == "weakened"]
    innocent = [row for row in judged if row.change.kind == "innocent"]
    named = [row for row in weakened if row.is_named]
    wrongly = [row for row in innocent if row.is_named]
    print(f"weakened: {len(named)} of {len(weakened)} named; innocent: {len(wrongly)} of {len(innocent)} named")
    assert len(weakened) - len(named) <= 20 - WEAKENED_NAMED, [row.line for row in weakened if not row.is_named]
    assert len(wrongly) <= INNOCENT_NAMED, [row.line for row in wrongly]
    assert [row.line for row in named if row.strict_code == 0] == []
