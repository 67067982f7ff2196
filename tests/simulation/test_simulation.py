"""Simulated changes, judged by the real program with real suites (verdicts, section 6: what has to hold)."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import judged
import pytest
import simulated
from judged import Sample

# How many of each kind `make simulate` judges; SIMULATION_SCALE multiplies them.
VALIDATED = {
    "regression": 6,
    "regression in company": 4,
    "regression beside a flake": 6,
    "regression, environment broke": 3,
    "deleted test": 6,
    "newly skipped test": 8,
    "race 0.3": 6,
    "race 0.5": 8,
    "race 0.8": 8,
    "race 0.8, judged again": 5,
    "new test, unstable 0.5": 5,
    "flake 0.1, then broken": 5,
    "flake 0.5, then broken": 5,
    "flake 0.1": 16,
    "flake 0.5": 16,
    "flake 0.9": 16,
    "environment broke, few tests": 3,
    "environment broke, many tests": 4,
    "environment broke, whole suite": 4,
    "pre-existing failure": 8,
    "mended failure": 8,
    "clean": 10,
}
EXECUTED = {
    "regression": 3,
    "regression in company": 2,
    "deleted test": 2,
    "newly skipped test": 2,
    "race 0.5": 3,
    "race 0.8": 4,
    "flake 0.1": 3,
    "flake 0.5": 4,
    "clean": 3,
}
# Ten runs on each tree do not always tell these from what the base does by chance: counted, with nothing asserted.
UNDECIDABLE = ("race 0.3", "race 0.5", "flake 0.5, then broken")
# What `make test` judges: one of each kind of verdict. The others are for `make simulate`.
SAMPLE = [
    ("validated", "regression beside a flake"),
    ("validated", "newly skipped test"),
    ("validated", "race 0.8"),
    ("validated", "new test, unstable 0.5"),
    ("validated", "flake 0.1, then broken"),
    ("validated", "flake 0.9"),
    ("validated", "environment broke, few tests"),
    ("validated", "mended failure"),
    ("executed", "regression"),
    ("executed", "flake 0.5"),
    ("executed", "deleted test"),
]

# With its first seed this flake fails 25 times in a row: nobody can tell that from surroundings that broke.
SEEDS = {"flake 0.9": 1}


def judge(how: str, name: str, seed: int, folder: Path) -> Sample:
    """Judges one change and takes it off the disk."""
    place = folder / f"{how} {name} {seed}".replace(" ", "-")
    try:
        return {"validated": judged.validated, "executed": judged.executed}[how](name, seed, place)
    finally:
        simulated.forget(place)


def is_right(sample: Sample) -> bool:
    """Whether the verdict is what the change deserves; of a race, only that it is caught."""
    wanted = {"innocent": "pass", "surroundings": "inconclusive"}.get(sample.guilt, "fail")
    return sample.verdict == wanted and (wanted != "fail" or sample.named)


@pytest.mark.parametrize(("how", "name"), SAMPLE)
def test_a_simulated_change_gets_the_verdict_that_it_deserves(how: str, name: str, tmp_path: Path) -> None:
    sample = judge(how, name, SEEDS.get(name, 0), tmp_path)
    assert is_right(sample), sample.line


def test_the_same_seed_gives_the_same_run(tmp_path: Path) -> None:
    first, again = (judge("validated", "flake 0.5", 3, tmp_path) for _ in range(2))
    assert first == again


def _simulate(folder: Path) -> list[Sample]:
    """All samples, judged on two cores."""
    scale = int(os.environ.get("SIMULATION_SCALE", "1"))
    wanted = [("validated", *entry) for entry in VALIDATED.items()] + [
        ("executed", *entry) for entry in EXECUTED.items()
    ]
    jobs = [(how, name, seed, folder) for how, name, many in wanted for seed in range(many * scale)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(judge, *zip(*jobs, strict=True)))


def _share(blocked: list[Sample], all: list[Sample]) -> str:
    return f"{len(blocked)} of {len(all)} ({100 * len(blocked) / len(all):.1f} %)"


@pytest.mark.simulation
def test_no_real_regression_passes_and_few_innocent_changes_are_blocked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = _simulate(tmp_path)
    innocent = [s for s in samples if s.guilt == "innocent"]
    blocked = [s for s in innocent if s.verdict == "fail"]
    unclear = [s for s in innocent if s.verdict == "inconclusive"]  # flakes that failed in each of some 25 runs
    flaky = [s for s in innocent if "flake" in s.kind]
    races = [s for s in samples if s.guilt == "race"]
    undecided = [s for s in races if s.verdict == "pass" and s.kind.removeprefix("run: ") in UNDECIDABLE]
    settled = [s for s in samples if s.guilt != "surroundings" and not s.kind.startswith("run: ")]
    mean = sum(s.settling for s in settled) / sum(s.failures for s in settled)
    with capsys.disabled():
        print(f"\n{judged.table(samples)}")
        print(f"innocent changes blocked: {_share(blocked, innocent)}")
        print(f"innocent changes without a verdict: {_share(unclear, innocent)}")
        print(f"flakes that failed and blocked: {_share([s for s in flaky if s in blocked], flaky)}")
        print(f"passed by chance, of races and of flakes that the change broke: {_share(undecided, races)}")
        print(f"runs of a single test a new failure: {mean:.1f}")
    wrong = [s.line for s in samples if s not in undecided and s.guilt != "innocent" and not is_right(s)]
    assert wrong == []
    assert len(blocked) <= 0.05 * len(innocent), [s.line for s in blocked]
    assert len(unclear) <= 0.05 * len(innocent), [s.line for s in unclear]
    assert mean <= 8
