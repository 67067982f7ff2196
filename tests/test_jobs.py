"""`--jobs`: real dispatches that provably overlap, since each waits for the other at named pipes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from playground import Repo, Setup, heard, meeting, pipe

pytestmark = pytest.mark.usefixtures("census")

TESTED = 'test-command = "python -m pytest -q -p no:cacheprovider"\nagent.timeout = "20s"\n'
FIRST, SECOND = {"title": "First", "files": ["one.txt"]}, {"title": "Second", "files": ["two.txt"]}


def steps(lines: Sequence[Mapping[str, Any]], kind: str, task: str) -> list[int]:
    """Where in the stream of events those of a kind and task stand."""
    events = [line["event"] for line in lines]
    return [i for i, ev in enumerate(events) if (ev.get("step") or ev["kind"]) == kind and ev.get("task") == task]


@pytest.fixture
def pipes(tmp_path: Path) -> Path:
    (tmp_path / "pipes").mkdir()
    return tmp_path / "pipes"


def test_two_independent_tasks_are_done_side_by_side(repo: Repo, given: Setup, pipes: Path) -> None:
    one, two = meeting(pipes)
    given(
        [FIRST, SECOND],
        [
            {"task": "1", "write": {"one.txt": "1\n"}, "run": one},
            {"task": "2", "write": {"two.txt": "2\n"}, "run": two},
        ],
        config=TESTED,
    )
    done = repo.superteam("execute", "plan.md", "--jobs", "2", "--json")
    assert done.code == 0, done.err
    assert max(steps(done.lines, "attempt", "1") + steps(done.lines, "attempt", "2")) < min(
        steps(done.lines, "agent-finished", "1") + steps(done.lines, "agent-finished", "2")
    )
    assert sorted(repo.task_commits()) == ["1", "2"]
    assert repo.files_at().items() >= {"one.txt": "1", "two.txt": "2"}.items()
    assert len(steps(done.lines, "integrated", "1") + steps(done.lines, "integrated", "2")) == 1
    assert [v["verdict"] for v in repo.status()["validations"]] == ["pass", "pass"]
    folders = {path.name for path in repo.cache.glob("*/trees/work*") if path.is_dir()}
    assert {name for name in folders if not name.endswith(".env")} == {"work", "work-2"}
    assert repo.git("status", "--porcelain") == "" and repo.git("fsck", "--no-dangling") == ""


def test_what_only_the_combined_tree_shows_is_mended_by_the_later_task(repo: Repo, given: Setup, pipes: Path) -> None:
    """One task renames a function, the other calls it by its old name: each is green alone."""
    one, two = meeting(pipes)
    renamed = {
        "calc.py": "def plus(a, b):\n    return a + b\n\n\ndef mul(a, b):\n    return a * b\n",
        "test_calc.py": "import calc\n\n\ndef test_add():\n    assert calc.plus(1, 2) == 3\n\n\n"
        "def test_mul():\n    assert calc.mul(2, 3) == 6\n",
    }
    sums = {
        "sums.py": "import calc\n\n\ndef total(numbers):\n    found = 0\n    for n in numbers:\n"
        "        found = calc.add(found, n)\n    return found\n",
        "test_sums.py": "from sums import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
    }
    given(
        [
            {"title": "Rename", "files": ["calc.py", "test_calc.py"]},
            {"title": "Sum", "files": ["sums.py", "test_sums.py"]},
        ],
        [
            {"task": "1", "role": "implement", "write": renamed, "run": one},
            {"task": "2", "role": "implement", "write": sums, "run": two},
            *({"task": id, "role": "fix", "run": "sed -i 's/calc.add/calc.plus/' sums.py"} for id in "12"),
        ],
        config=TESTED,
    )
    done = repo.superteam("execute", "plan.md", "--jobs", "2")
    assert done.code == 0, done.err + done.out
    status = repo.status()
    first, later = repo.task_commits()
    tasks = {t["id"]: t for t in status["tasks"]}
    types = [f["type"] for f in tasks[later]["failures"]]  # the mended file may be the other task's
    assert types[0] == "test-regression" and {*types[1:]} <= {"scope-violation"} and tasks[first]["failures"] == []
    assert (tasks[first]["attempts"], tasks[later]["attempts"]) == (1, 2)
    assert [(v["after_task"], v["verdict"]) for v in status["validations"]] == [
        (first, "pass"),
        (later, "fail"),
        (later, "pass"),
    ]
    assert "calc.plus(found" in repo.files_at()["sums.py"] and "def plus" in repo.files_at()["calc.py"]
    prompt = next((repo.root / ".superteam/latest/outputs").glob(f"attempt-{later}-2.prompt.md")).read_text()
    assert "test_total" in prompt


def clashing(given: Setup, pipes: Path, config: str = "") -> None:
    one, two = meeting(pipes)
    solve = "grep -q '^<<<<<<< ' notes.txt && grep -q '^>>>>>>> ' notes.txt && printf 'both\\n' >notes.txt"
    given(
        [FIRST, SECOND],
        [
            {"task": "1", "role": "implement", "write": {"one.txt": "1\n", "notes.txt": "by one\n"}, "run": one},
            {"task": "2", "role": "implement", "write": {"two.txt": "2\n", "notes.txt": "by two\n"}, "run": two},
            *({"task": id, "role": "fix", "run": solve} for id in "12"),
        ],
        files={"notes.txt": "nothing\n"},
        config=f"{config}{TESTED}",
    )


def test_a_conflict_is_mended_by_the_later_tasks_agent(repo: Repo, given: Setup, pipes: Path) -> None:
    clashing(given, pipes)
    done = repo.superteam("execute", "plan.md", "--jobs", "2")
    assert done.code == 0, done.err + done.out
    first, later = repo.task_commits()
    assert repo.files_at().items() >= {"notes.txt": "both", "one.txt": "1", "two.txt": "2"}.items()
    raised = {t["id"]: [f["type"] for f in t["failures"]] for t in repo.status()["tasks"]}
    assert raised == {first: ["scope-violation"], later: ["scope-violation", "validation-failure", "scope-violation"]}
    prompt = (repo.root / f".superteam/latest/outputs/attempt-{later}-2.prompt.md").read_text()
    assert "- `notes.txt`" in prompt and "Keep what both sides intend" in prompt


def test_a_conflict_can_be_solved_by_a_person_in_the_tasks_tree(repo: Repo, given: Setup, pipes: Path) -> None:
    clashing(given, pipes, "validation.auto-fix = 0\n")
    done = repo.superteam("execute", "plan.md", "--jobs", "2")
    assert done.code == 4, done.err + done.out
    pending = repo.status()["pending"]
    assert [option["id"] for option in pending["options"]] == ["retry", "rollback", "skip", "abort"]
    tree = Path(pending["evidence"]["work_tree"])
    assert "<<<<<<<" in (tree / "notes.txt").read_text()
    (tree / "notes.txt").write_text("by a person\n")
    assert repo.superteam("answer", "retry").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err + done.out
    assert repo.files_at()["notes.txt"] == "by a person"


def test_one_task_fails_while_the_other_goes_on(repo: Repo, given: Setup, pipes: Path) -> None:
    one, two = meeting(pipes)
    given(
        [FIRST, SECOND],
        [
            {"task": "1", "attempt": 1, "run": f"{one}; exit 7"},
            {"task": "1", "attempt": 2, "run": "exit 8"},
            {"task": "2", "write": {"two.txt": "2\n"}, "run": two},
        ],
        config=f'on-escalation = "skip"\n{TESTED}',
    )
    done = repo.superteam("execute", "plan.md", "--jobs", "2")
    assert done.code == 1, done.err
    assert [t["status"] for t in repo.status()["tasks"]] == ["failed", "complete"]


def test_a_question_waits_for_what_the_other_task_is_doing(repo: Repo, given: Setup, pipes: Path) -> None:
    """The second dispatch ends only when the question stands in the journal; it is not lost and not repeated."""
    one, two = meeting(pipes)
    journal = shlex.quote(str(repo.root / ".superteam/latest/journal.jsonl"))
    asked = f"until grep -q 'Which colour' {journal}; do :; done"
    given(
        [FIRST, SECOND],
        [
            {"task": "1", "attempt": 1, "run": one, "result": {"question": "Which colour?"}},
            {"task": "1", "write": {"one.txt": "1\n"}},
            {"task": "2", "attempt": 1, "write": {"two.txt": "2\n"}, "run": f"{two}; {asked}"},
        ],
        config=TESTED,
    )
    done = repo.superteam("execute", "plan.md", "--jobs", "2")
    assert done.code == 4, done.err + done.out
    status = repo.status()
    assert [(t["status"], t["attempts"]) for t in status["tasks"]] == [("waiting", 0), ("running", 1)]
    assert repo.superteam("answer", "continue", "--note", "blue").code == 0
    done = repo.superteam("resume", "--json")
    assert done.code == 0, done.err
    assert done.lines[0]["event"]["settings"]["jobs"] == 2
    assert [t["attempts"] for t in repo.status()["tasks"]] == [1, 1]


def test_a_kill_with_both_in_flight_loses_nothing(repo: Repo, given: Setup, pipes: Path) -> None:
    again = shlex.quote(str(pipes / "again"))
    here = [pipe(pipes, "1"), pipe(pipes, "2")]
    held = [f"test -e {again} || {{ echo begun >{name}; exec sleep 600; }}" for name in here]
    given(
        [FIRST, SECOND],
        [
            {"task": "1", "write": {"one.txt": "1\n"}, "run": held[0]},
            {"task": "2", "write": {"two.txt": "2\n"}, "run": held[1]},
        ],
        config=TESTED,
    )
    process = repo.start("execute", "plan.md", "--jobs", "2")
    assert [heard(pipes / name) for name in "12"] == ["begun\n", "begun\n"]
    process.kill()
    process.communicate()
    (pipes / "again").touch()
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err + done.out
    assert [(t["status"], t["attempts"]) for t in repo.status()["tasks"]] == [("complete", 1)] * 2
    kept = repo.git("for-each-ref", "--format=%(refname)", "refs/superteam").splitlines()
    assert [ref for ref in kept if ref.endswith(("replaced/attempt-1-1", "replaced/attempt-2-1"))] == kept[:2]
    assert repo.files_at().items() >= {"one.txt": "1", "two.txt": "2"}.items()


def test_a_task_waits_for_its_dependencies_and_for_its_files(repo: Repo, given: Setup) -> None:
    given(
        [
            FIRST,
            SECOND,
            {"title": "Third", "files": ["two.txt"]},
            {"title": "Fourth", "depends_on": ["1"], "files": ["4"]},
        ],
        [
            {"task": id, "write": {name: f"{id}\n"}}
            for id, name in zip("1234", ("one.txt", "two.txt", "two.txt", "4"), strict=True)
        ],
        config=TESTED,
    )
    done = repo.superteam("execute", "plan.md", "--jobs", "4", "--json")
    assert done.code == 0, done.err
    begun = {id: steps(done.lines, "attempt", id)[0] for id in "1234"}
    moved = {id: steps(done.lines, "branch-moved", id)[0] for id in "1234"}
    assert max(begun["1"], begun["2"]) < min(moved.values())
    assert begun["3"] > moved["2"] and begun["4"] > moved["1"]
    assert repo.files_at()["two.txt"] == "3"


@pytest.mark.parametrize("config", ["jobs = 2\n", ""])
def test_in_place_there_is_one_task_at_a_time(config: str, repo: Repo, given: Setup) -> None:
    given([FIRST], [{"task": "1", "write": {"one.txt": "1\n"}}], config=f"{config}{TESTED}")
    done = repo.superteam("execute", "plan.md", "--in-place", *([] if config else ["--jobs", "2"]))
    assert done.code == 2 and "in place there is one checkout" in done.err
    assert repo.superteam("execute", "plan.md", "--in-place", "--jobs", "1").code == 0


@pytest.mark.parametrize("number", ["0", "17", "many"])
def test_jobs_is_a_number_from_1_to_16(number: str, repo: Repo, given: Setup) -> None:
    given([FIRST], [])
    done = repo.superteam("execute", "plan.md", "--jobs", number)
    assert done.code == 2 and "--jobs" in done.err
