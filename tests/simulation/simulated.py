"""Small repositories whose suites fail in a known way, and the seeded chance that decides when.

Nothing here knows superteam: a kind says what is committed at the base, what the change is, and whether the change is
guilty. Chance is a hash of seed, test and call number, counted in a folder outside of every tree, so that the same
seed gives the same run.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Files = Mapping[str, str | None]
# real: it breaks something for certain; race: whether it can be seen is a matter of chance; innocent: it breaks
# nothing; surroundings: nobody can say, so that it may neither pass nor be called a regression.
Guilt = Literal["real", "race", "innocent", "surroundings"]

DICE = """\
import hashlib
import os
import pathlib


def fails(test, rate):
    place = pathlib.Path(os.environ["SIMULATION"])
    with (place / test).open("ab") as calls:
        calls.write(b".")
        number = calls.tell()
    digest = hashlib.sha256(f"{(place / 'seed').read_text()} {test} {number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < rate * 2**64


def there():
    return (pathlib.Path(os.environ["SIMULATION"]) / "service").exists()
"""
CALC = "SEEN = []\nFACTOR = {factor}\nRATE = {rate}\n\n\ndef scaled(number):\n    return number * FACTOR\n"
IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
FLAKY = "test_m.py::test_chance"


@dataclass(frozen=True, slots=True)
class Case:
    """One change to be judged. `rolls` are the first outcomes that chance is to give the one random test.

    `guilty` are the ids that a verdict has to name; `leaves`: the service outside of the tree goes away; `twice`: the
    change was judged once before, when its random test failed, then passed, and something harmless was added since.
    """

    guilt: Guilt
    base: Files
    change: Files
    rate: float = 0.0
    rolls: tuple[bool, ...] = ()
    guilty: frozenset[str] = frozenset()
    polluter: tuple[str, str] | None = None
    leaves: bool = False
    twice: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of change; `make` draws one from a generator of random numbers."""

    name: str
    make: Callable[[random.Random], Case]


@dataclass(frozen=True, slots=True)
class Place:
    """A repository in which the change lies uncommitted, and the folder of its chances."""

    root: Path
    chances: Path
    base: str
    case: Case = field(repr=False)

    def environ(self) -> dict[str, str]:
        return {**os.environ, "SIMULATION": str(self.chances), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def _suite(draw: random.Random, bodies: Mapping[str, str] | None = None, **calc: object) -> dict[str, str | None]:
    """A suite of two to four plain tests in three files, and these bodies of tests (by id) in it."""
    found: dict[str, list[tuple[str, str]]] = {"test_a.py": [], "test_m.py": [], "test_z.py": []}
    for number in range(draw.randint(2, 4)):
        found[draw.choice(sorted(found))].append((f"test_plain_{number}", "assert 1 + 1 == 2"))
    found["test_a.py"].append(("test_scaled", "assert scaled(2) == 6"))
    for id, body in (bodies or {}).items():
        file, name = id.split("::")
        found[file].insert(draw.randint(0, len(found[file])), (name, body))
    head = "import pytest\n\nimport calc\nimport dice\nfrom calc import scaled\n"
    texts: dict[str, str | None] = {
        file: head + "".join(f"\n\ndef {name}():\n    {body}\n" for name, body in tests)
        for file, tests in found.items()
    }
    return {**texts, "calc.py": CALC.format(**{"factor": 3, "rate": 0, **calc}), "dice.py": DICE}


def _harmless(files: Files) -> Files:
    return {"calc.py": f"{files['calc.py']}\n\ndef unused():\n    return None\n"}


def _regress(files: Files, **calc: object) -> Files:
    return {"calc.py": CALC.format(**{"factor": 4, "rate": 0, **calc})}


def _deterministic(draw: random.Random) -> Case:
    files = _suite(draw)
    return Case("real", files, _regress(files), guilty=frozenset({"test_a.py::test_scaled"}))


def _company(draw: random.Random) -> Case:
    """The change makes one test leave something behind that a later one trips over."""
    victim = "test_z.py::test_empty"
    files = _suite(draw, {victim: "assert not calc.SEEN", "test_m.py::test_fills": "assert scaled(1) == 3"})
    text = files["test_m.py"]
    assert text is not None
    changed = text.replace("assert scaled(1) == 3", "calc.SEEN.append(scaled(1))")
    polluter = (victim, "test_m.py::test_fills")
    return Case("real", files, {"test_m.py": changed}, guilty=frozenset({victim}), polluter=polluter)


def _flaky(rate: float) -> Callable[[random.Random], Case]:
    """A flake that the base has as well: it passed there, and fails in the run that is judged."""

    def make(draw: random.Random) -> Case:
        files = _suite(draw, {FLAKY: f"assert not dice.fails('chance', {rate})"})
        return Case("innocent", files, _harmless(files), rate=rate, rolls=(False, True))

    return make


def _flake_and_regression(draw: random.Random) -> Case:
    files = _suite(draw, {FLAKY: "assert not dice.fails('chance', 0.5)"})
    guilty = frozenset({"test_a.py::test_scaled"})
    return Case("real", files, _regress(files), rate=0.5, rolls=(False, True), guilty=guilty)


def _race(rate: float, twice: bool = False) -> Callable[[random.Random], Case]:
    """A race that the change makes, in a run in which it shows itself."""

    def make(draw: random.Random) -> Case:
        files = _suite(draw, {FLAKY: "assert not (calc.RATE and dice.fails('chance', calc.RATE))"})
        change = _regress(files, factor=3, rate=rate)
        return Case("race", files, change, rate=rate, rolls=(True,), guilty=frozenset({FLAKY}), twice=twice)

    return make


def _new_and_unstable(rate: float) -> Callable[[random.Random], Case]:
    """A test that the change adds, in a run in which it fails: there is no tree where it was ever stable."""

    def make(draw: random.Random) -> Case:
        files = _suite(draw)
        change = {
            "test_m.py": f"{files['test_m.py']}\n\ndef test_chance():\n    assert not dice.fails('chance', {rate})\n"
        }
        return Case("real", files, change, rate=rate, rolls=(True, True, False), guilty=frozenset({FLAKY}))

    return make


def _broken_flake(rate: float) -> Callable[[random.Random], Case]:
    """A flake of the base that passed there, and that the change breaks for good."""

    def make(draw: random.Random) -> Case:
        files = _suite(draw, {FLAKY: f"assert not (calc.RATE or dice.fails('chance', {rate}))"})
        change = _regress(files, factor=3, rate=1)
        return Case("race", files, change, rate=rate, rolls=(False,), guilty=frozenset({FLAKY}))

    return make


def _served(draw: random.Random, tests: int) -> dict[str, str | None]:
    return _suite(draw, {f"test_m.py::test_service_{number}": "assert dice.there()" for number in range(tests)})


def _service_of_few(draw: random.Random) -> Case:
    files = _served(draw, draw.randint(1, 3))
    return Case("surroundings", files, _harmless(files), leaves=True)


def _service_of_many(draw: random.Random) -> Case:
    files = _served(draw, draw.randint(11, 14))
    return Case("surroundings", files, _harmless(files), leaves=True)


def _service_of_all(draw: random.Random) -> Case:
    files = {**_suite(draw), "conftest.py": "import dice\n\nif not dice.there():\n    raise SystemExit(3)\n"}
    return Case("surroundings", files, _harmless(files), leaves=True)


def _service_and_regression(draw: random.Random) -> Case:
    files = _served(draw, draw.randint(1, 3))
    guilty = frozenset({"test_a.py::test_scaled"})
    return Case("real", files, _regress(files), guilty=guilty, leaves=True)


def _pre_existing(draw: random.Random) -> Case:
    files = _suite(draw, factor=draw.choice([4, 5]))
    return Case("innocent", files, _harmless(files))


def _mended(draw: random.Random) -> Case:
    files = _suite(draw, factor=draw.choice([4, 5]))
    return Case("innocent", files, {"calc.py": CALC.format(factor=3, rate=0)})


def _clean(draw: random.Random) -> Case:
    files = _suite(draw)
    return Case("innocent", files, _harmless(files))


def _scaled_replaced(files: Files, by: str) -> Files:
    text = files["test_a.py"]
    assert text is not None
    return {"test_a.py": text.replace("def test_scaled():\n    assert scaled(2) == 6\n", by)}


def _deleted(draw: random.Random) -> Case:
    files = _suite(draw, {"test_a.py::test_other": "assert True"})
    return Case("real", files, _scaled_replaced(files, ""), guilty=frozenset({"test_a.py::test_scaled"}))


def _skipped(draw: random.Random) -> Case:
    files = _suite(draw)
    mark = draw.choice(["@pytest.mark.skip", "@pytest.mark.xfail", "@pytest.mark.skipif(True, reason='later')"])
    change = _scaled_replaced(files, f"{mark}\ndef test_scaled():\n    assert scaled(2) == 6\n")
    return Case("real", files, change, guilty=frozenset({"test_a.py::test_scaled"}))


KINDS = {
    kind.name: kind
    for kind in (
        Kind("regression", _deterministic),
        Kind("regression in company", _company),
        Kind("regression beside a flake", _flake_and_regression),
        Kind("regression, environment broke", _service_and_regression),
        Kind("deleted test", _deleted),
        Kind("newly skipped test", _skipped),
        Kind("race 0.3", _race(0.3)),
        Kind("race 0.5", _race(0.5)),
        Kind("race 0.8", _race(0.8)),
        Kind("race 0.8, judged again", _race(0.8, twice=True)),
        Kind("new test, unstable 0.5", _new_and_unstable(0.5)),
        Kind("flake 0.1, then broken", _broken_flake(0.1)),
        Kind("flake 0.5, then broken", _broken_flake(0.5)),
        Kind("flake 0.1", _flaky(0.1)),
        Kind("flake 0.5", _flaky(0.5)),
        Kind("flake 0.9", _flaky(0.9)),
        Kind("environment broke, few tests", _service_of_few),
        Kind("environment broke, many tests", _service_of_many),
        Kind("environment broke, whole suite", _service_of_all),
        Kind("pre-existing failure", _pre_existing),
        Kind("mended failure", _mended),
        Kind("clean", _clean),
    )
}


def drawing(kind: Kind, seed: int) -> random.Random:
    """The random numbers from which a case is drawn."""
    return random.Random(f"{kind.name} {seed}")


def prepare(kind: Kind, seed: int, folder: Path, extra: Mapping[str, str]) -> Place:
    """The repository at its base, with a counter folder whose chances begin as the case wants them."""
    case = kind.make(drawing(kind, seed))
    root, chances = folder / "repo", folder / "chances"
    for new in (root, chances):
        new.mkdir(parents=True)
    (chances / "service").write_text("up\n")
    (chances / "seed").write_text(_salt(f"{kind.name} {seed}", case.rate, case.rolls))
    write(root, {**case.base, **extra})
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Ada")
    git(root, "config", "user.email", "ada@example.org")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "base")
    return Place(root, chances, git(root, "rev-parse", "HEAD"), case)


def write(root: Path, files: Files) -> None:
    """Writes these files; None deletes one."""
    for name, text in files.items():
        path = root / name
        if text is None:
            path.unlink()
        else:
            path.write_text(text)


def git(root: Path, *arguments: str) -> str:
    """Runs git with fixed dates, so that the same seed gives the same commits."""
    dates = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    command = ["git", *IDENTITY, *arguments]
    done = subprocess.run(command, cwd=root, env={**os.environ, **dates}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def forget(folder: Path) -> None:
    """Takes a finished sample off the disk."""
    shutil.rmtree(folder, ignore_errors=True)


def begin_again(place: Place, name: str, rolls: tuple[bool, ...]) -> None:
    """Counts calls from one again, with these outcomes first."""
    (place.chances / "chance").unlink(missing_ok=True)
    (place.chances / "seed").write_text(_salt(name, place.case.rate, rolls))


def _salt(name: str, rate: float, rolls: tuple[bool, ...]) -> str:
    """The first seed of this name whose chances begin as wanted; what follows is as random as ever."""
    number = 0
    while tuple(_roll(f"{name} {number}", call + 1) < rate for call in range(len(rolls))) != rolls:
        number += 1
    return f"{name} {number}"


def _roll(seed: str, number: int) -> float:
    digest = hashlib.sha256(f"{seed} chance {number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
