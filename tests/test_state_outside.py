"""A green verdict that rests on what lies outside of the tree: in a folder of the user's, or in a temporary one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from playground import Repo, Setup

MEMO = (
    "import json\nfrom pathlib import Path\n\nMEMO = {place}\n\n\ndef price(count):\n"
    "    memo = json.loads(MEMO.read_text()) if MEMO.exists() else {{}}\n"
    "    if str(count) not in memo:\n        memo[str(count)] = 3 * count\n"
    "        MEMO.parent.mkdir(parents=True, exist_ok=True)\n        MEMO.write_text(json.dumps(memo))\n"
    "    return memo[str(count)]\n"
)
TEST = (
    "from shop import price\n\n\ndef test_price():\n    assert price(3) == 9\n\n\ndef test_other():\n    assert True\n"
)
NAME = "tests/test_shop.py::test_price"
RIGHT = '{"3": 9}'
COUNTS = "import os\n\nwith open(os.environ['COUNT'], 'a') as file:\n    file.write('run\\n')\n"
BASE = {
    "conftest.py": COUNTS,
    "tests/test_shop.py": TEST,
    "superteam.toml": 'test-command = "python -m pytest -q -p no:cacheprovider"\n',
}
PLAIN = "def price(count):\n    return 3 * count\n"
REASON = "lies outside of the tree: without it the test fails here (assert 6 == 9), and not at the reference"


@pytest.fixture
def home(repo: Repo, tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    (path / ".gitconfig").write_text("")
    places = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache"}
    repo.env.update({"HOME": str(path), "COUNT": str(tmp_path / "count")})
    repo.env.update({name: str(path / place) for name, place in places.items()})
    return path


def put(path: Path, text: str = RIGHT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def memo_in(place: str) -> dict[str, str]:
    return {"shop.py": MEMO.format(place=place)}


def validated(repo: Repo, base: dict[str, str], change: dict[str, str], code: int, *options: str) -> Any:
    """The verdict on a change that is not committed, with the number of times that the suite ran in `runs`."""
    repo.commit({**BASE, **base}, "base")
    repo.write(change)
    done = repo.superteam("validate", "--base", "HEAD", "--json", *options)
    assert done.code == code, f"{done.code}\n{done.out}\n{done.err}"
    count = Path(repo.env["COUNT"])
    runs = len(count.read_text().splitlines())
    count.unlink()
    return {**done.json, "runs": runs}


def broken(files: dict[str, str]) -> dict[str, str]:
    return {name: text.replace("3 * count", "3 + count") for name, text in files.items()}


PLACES = {
    'Path.home() / ".cache/shop/memo.json"': ".cache/shop/memo.json",
    'Path.home() / ".shop" / "memo"': ".shop/memo",
    'Path.home() / ".cache" / f"pricelist-{__name__}.json"': ".cache/pricelist-shop.json",
}


@pytest.mark.parametrize("place", PLACES)
def test_what_an_agent_left_in_a_users_folder_does_not_decide(repo: Repo, home: Path, place: str) -> None:
    left = put(home / PLACES[place])
    files = memo_in(place)
    found = validated(repo, files, broken(files), 3)
    assert found["reason"].startswith(f"{NAME} passed only with {left}, which {REASON}")
    assert left.read_text() == RIGHT


def test_what_the_references_own_run_left_there_does_not_decide(repo: Repo, home: Path) -> None:
    files = memo_in('Path.home() / ".cache/shop/memo.json"')
    assert NAME in validated(repo, files, broken(files), 3)["reason"]
    assert (home / ".cache/shop/memo.json").read_text() == RIGHT
    repo.write(files)
    assert repo.superteam("validate", "--base", "HEAD").code == 0  # the right code, with the same state


def test_a_run_asks_a_person(repo: Repo, home: Path, given: Setup) -> None:
    files = memo_in('Path.home() / ".cache/shop/memo.json"')
    given([{"title": "Break"}], [{"task": "1", "write": broken(files)}], files={"tests/test_shop.py": TEST, **files})
    done = repo.superteam("execute", "plan.md")
    assert done.code == 4, done.out + done.err
    assert f"{NAME} passed only with {home / '.cache/shop/memo.json'}" in json.dumps(repo.status()["pending"])


READS = (
    "from pathlib import Path\n\n\ndef price(count):\n"
    '    return int((Path.home() / ".config/shop/x").read_text()) * count\n'
)


def test_what_the_reference_needs_as_well_accuses_nobody(repo: Repo, home: Path) -> None:
    needed = put(home / ".config/shop/x", "3")
    found = validated(repo, {"shop.py": READS}, {"shop.py": READS.replace("* count", "* int(count)")}, 0)
    assert found["notes"][-1] == f"1 tests need {needed}, which lies outside of the tree, at the reference as well"


def test_it_does_not_hide_what_accuses(repo: Repo, home: Path) -> None:
    put(home / ".config/shop/x", "4")
    left = put(home / ".cache/shop/memo.json")
    files = memo_in('Path.home() / ".cache/shop/memo.json"')
    files["shop.py"] += 'FOUR = int((Path.home() / ".config/shop/x").read_text())\n'
    found = validated(repo, files, broken(files), 3)
    assert f"passed only with {left}, which" in found["reason"]


def test_a_tool_that_its_developer_uses_costs_one_run_and_no_word(repo: Repo, home: Path) -> None:
    change = {"shop.py": PLAIN.replace("3 * count", "count * 3")}
    runs = validated(repo, {"shop.py": PLAIN}, change, 0)["runs"]
    repo.git("checkout", "-q", ".")
    put(home / ".config/shop/config.toml")
    home.chmod(0o500)
    found = validated(repo, {"README": ""}, {"shop.py": PLAIN.replace("3 * count", "0 + 3 * count")}, 0)
    assert found["runs"] == runs + 1
    assert not any("outside" in note for note in found["notes"])


def test_other_programs_state_and_a_checkout_in_home_cost_nothing(repo: Repo, tmp_path: Path) -> None:
    """HOME holds the checkout, and `repo`, which is the project's name."""
    code = 'from pathlib import Path\n\nHERE = Path.home() / "repo"\n' + PLAIN
    repo.env.update({"HOME": str(tmp_path), "COUNT": str(tmp_path / "count")})
    repo.env.update({"XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": ""})
    changed = {"shop.py": code.replace("3 * count", "count * 3")}
    runs = validated(repo, {"shop.py": code}, changed, 0)["runs"]
    repo.git("checkout", "-q", ".")
    put(tmp_path / ".cache/uv/x")
    put(tmp_path / ".bash_history")
    changed = {"shop.py": code.replace("3 * count", "0 + 3 * count")}
    assert validated(repo, {"README": ""}, changed, 0)["runs"] == runs


def test_new_tests_that_pass_only_with_it_are_named(repo: Repo, home: Path) -> None:
    left = put(home / ".cache/shop/x", "3")
    more = (
        'from pathlib import Path\n\n\ndef test_new():\n    assert (Path.home() / ".cache/shop/x").read_text() == "3"\n'
    )
    found = validated(repo, {"shop.py": PLAIN}, {"tests/test_new.py": more}, 0)
    assert (
        f"new tests pass only with {left}, which lies outside of the tree: tests/test_new.py::test_new"
        in (found["notes"])
    )


@pytest.mark.parametrize("where", ["changed", "unchanged"])
def test_a_fixed_name_in_a_temporary_folder_is_said(repo: Repo, home: Path, where: str) -> None:
    place = Path(f"/tmp/superteam-memo-{os.getpid()}-{where}.json")
    text = f'from pathlib import Path\n\nPLACE = Path("/tmp") / f"superteam-memo-{os.getpid()}-{{__name__}}.json"\n'
    text = text.replace("{__name__}", where)
    files = {"place.py": text, **memo_in("PLACE")}
    files["shop.py"] = files["shop.py"].replace("import json", "import json\nfrom place import PLACE")
    change = broken(files)
    if where == "changed":
        change["place.py"] += "\n"
    try:
        found = validated(repo, files, change, 0)
        assert found["notes"][-1].startswith(f"{place} lies outside of the tree, where each run finds it")
        named = [(one["path"], one["line"]) for one in found["findings"] if one["kind"] == "state-outside"]
        assert named == ([("place.py", 3)] if where == "changed" else [])
    finally:
        place.unlink(missing_ok=True)
