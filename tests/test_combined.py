"""Together in one run what others test alone: reviews, a smoke source, two jobs, cadence, checkpoints, kills."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from playground import CONFIG, Repo, heard, meeting, pipe, plan, prompts, script

SUITE = """\
import pathlib, sys
sys.dont_write_bytecode = True
bad = 0
for path in sorted(pathlib.Path(".").glob("case_*.txt")):
    good = path.read_text().strip() == "good"
    bad += not good
    print(f" {'✓' if good else '✗'} {path.stem}")
sys.exit(1 if bad else 0)
"""
SMOKE = """\
import json, pathlib, sys
wanted = sys.argv[1].split(",") if sys.argv[1:] else ["cart", "login"]
works = {"cart": lambda: not pathlib.Path("no-cart").exists(), "login": lambda: True}
fixtures = [{"fixtureId": id, "status": "pass" if works[id]() else "fail", "error": f"{id} broke"} for id in wanted]
failed = sum(fixture["status"] == "fail" for fixture in fixtures)
summary = {"totalFixtures": len(wanted), "passedFixtures": len(wanted) - failed, "failedFixtures": failed}
head = {"runId": "r", "result": "fail" if failed else "pass", "mode": "live", "summary": summary}
pathlib.Path("latest.json").write_text(json.dumps({**head, "fixtures": fixtures}))
sys.exit(1 if failed else 0)
"""
SOURCE = """
[[sources]]
name = "smoke"
kind = "smoke-artifact"
artifact = "latest.json"
command = ["python", "-S", "smoke.py", "{fixtures}"]
"""
TESTED = 'agent.use = "script"\ntest-command = "python -S suite.py"\nagent.timeout = "60s"\n'
FEW = "\n[validation]\nreruns = 1\nconfirmations = 1\n"
REVIEW = '\n[review]\nroles = ["spec", "security"]\n'
PASS = {"passed": True, "summary": "fine"}
NO = json.dumps({"passed": False, "findings": [{"severity": "high", "file": "3.txt", "line": 1, "issue": "too short"}]})


def prepare(repo: Repo, tasks: list[dict[str, Any]], dispatches: list[dict[str, Any]], config: str) -> None:
    """A repository whose suites take some 30 ms, with a plan and what its agent does."""
    files = {
        "suite.py": SUITE,
        "smoke.py": SMOKE,
        "case_a.txt": "good\n",
        ".gitignore": "latest.json\n",
        "plan.md": plan(*tasks),
        "agent.toml": script(*dispatches),
        "superteam.toml": f"{TESTED}{config}\n{CONFIG}",
    }
    repo.commit(files, "start")


def task(id: str, **more: Any) -> dict[str, Any]:
    return {"title": f"Task {id}", "files": [f"{id}.txt", "no-cart"], **more}


def own(id: str, **more: Any) -> dict[str, Any]:
    return {"task": id, "write": {f"{id}.txt": f"{id}\n"}, **more}


def rounds(repo: Repo) -> dict[str, list[tuple[str, int, bool | None]]]:
    found = {
        t["id"]: sorted((r["role"], r["round"], r["passed"]) for r in t["reviews"]) for t in repo.status()["tasks"]
    }
    return {id: those for id, those in found.items() if those}


def sound(repo: Repo) -> None:
    assert repo.git("status", "--porcelain") == "" and repo.git("fsck", "--no-dangling", "--connectivity-only") == ""


@pytest.fixture
def pipes(tmp_path: Path) -> Path:
    (tmp_path / "pipes").mkdir()
    return tmp_path / "pipes"


def test_reviews_a_smoke_source_and_two_jobs_with_every_second_task_validated(empty_repo: Repo, pipes: Path) -> None:
    """The second task breaks a fixture; reviewers refuse the third one once."""
    one, two = meeting(pipes, "a")
    three, four = meeting(pipes, "b")
    reviewers = [{"task": id, "reviewer": role, "result": PASS} for id in "1234" for role in ("spec", "security")]
    dispatches = [
        own("1", role="implement", run=one),
        own("2", role="implement", run=f"touch no-cart; {two}"),
        own("3", role="implement", run=three),
        own("4", role="implement", run=four),
        {"task": "2", "role": "fix", "run": "rm -f no-cart"},
        {"task": "3", "role": "fix", "write": {"3.txt": "three\n"}},
        {"task": "3", "reviewer": "spec", "attempt": 1, "result": NO},
        *reviewers,
    ]
    tasks = [task("1", files=["1.txt"]), task("2"), *(task(n, files=[f"{n}.txt"], depends_on=["1", "2"]) for n in "34")]
    prepare(empty_repo, tasks, dispatches, f'jobs = 2\nvalidation-cadence = "every-2"\n{FEW}{REVIEW}{SOURCE}')

    done = empty_repo.superteam("execute", "plan.md")

    assert done.code == 0, done.err + done.out
    files = empty_repo.files_at()
    assert files.items() >= {"1.txt": "1", "2.txt": "2", "3.txt": "three", "4.txt": "4"}.items()
    assert "no-cart" not in files
    validations = empty_repo.status()["validations"]
    assert {v["verdict"] for v in validations if v["source"] == "tests"} == {"pass"}
    (refused,) = [v for v in validations if v["verdict"] != "pass"]
    assert (refused["source"], refused["regressions"], refused["introduced_by"]) == ("smoke", ["cart"], {"cart": "2"})
    assert [v["verdict"] for v in validations if v["source"] == "smoke"][-1] == "pass"
    found = rounds(empty_repo)
    assert set(found) == set("1234") and ("spec", 1, False) in found["3"] and ("spec", 2, True) in found["3"]
    raised = {t["id"]: [f["type"] for f in t["failures"]] for t in empty_repo.status()["tasks"]}
    assert raised == {"1": [], "2": ["test-regression"], "3": [], "4": []}
    sound(empty_repo)


def test_a_checkpoint_waits_for_both_jobs_and_both_wait_for_it(empty_repo: Repo, pipes: Path) -> None:
    one, two = meeting(pipes, "a")
    three, four = meeting(pipes, "b")
    look = {"title": "Look", "id": "look", "checkpoint": "human-verify", "description": "Read both files."}
    dispatches = [
        own("1", run=one),
        own("2", run=two),
        own("4", run=three),
        own("5", run=four),
        {"task": "look", "role": "fix", "write": {"1.txt": "one\n"}},
    ]
    tasks = [task("1"), task("2", files=["2.txt"]), look, task("4"), task("5", files=["5.txt"])]
    prepare(empty_repo, tasks, dispatches, "jobs = 2\n")
    assert empty_repo.superteam("execute", "plan.md").code == 4
    status = empty_repo.status()
    assert [t["status"] for t in status["tasks"]] == ["complete", "complete", "waiting", "pending", "pending"]
    assert sorted(empty_repo.task_commits(status["branch"])) == ["1", "2"]
    assert empty_repo.superteam("answer", "reject", "--note", "say one").code == 0
    assert empty_repo.superteam("resume").code == 4
    assert empty_repo.files_at(status["branch"])["1.txt"] == "one"
    assert empty_repo.superteam("answer", "approve", "--note", "well done").code == 0
    done = empty_repo.superteam("resume")
    assert done.code == 0, done.err + done.out
    commits = empty_repo.task_commits()
    assert [sorted(commits[:2]), commits[2], sorted(commits[3:])] == [["1", "2"], "look", ["4", "5"]]
    assert all("well done" in prompts(empty_repo, f"attempt-{id}-*")[0] for id in "45")
    sound(empty_repo)


def test_a_kill_while_two_slots_are_reviewed_loses_nothing(empty_repo: Repo, pipes: Path) -> None:
    """Two reviewers of the first commit stand still, and with them the second slot's task; then all is killed."""
    again = shlex.quote(str(pipes / "again"))
    one, two = meeting(pipes, "a")
    names = [pipe(pipes, name) for name in ("spec", "security")]
    held = [f"test -e {again} || {{ echo begun >{name}; exec sleep 600; }}" for name in names]
    roles = list(zip(("spec", "security"), held, strict=True))
    dispatches = [
        own("1", run=f"test -e {again} || {{ {one}; }}"),
        own("2", run=f"test -e {again} || {{ {two}; }}"),
        *({"task": id, "reviewer": role, "run": run, "result": PASS} for id in "12" for role, run in roles),
    ]
    prepare(empty_repo, [task("1"), task("2", files=["2.txt"])], dispatches, f"jobs = 2\n{FEW}{REVIEW}{SOURCE}")
    process = empty_repo.start("execute", "plan.md")
    assert [heard(pipes / name) for name in ("spec", "security")] == ["begun\n", "begun\n"]
    process.kill()
    process.communicate()
    (pipes / "again").touch()

    done = empty_repo.superteam("execute", "plan.md")

    assert done.code == 0, done.err + done.out
    assert sorted(empty_repo.task_commits()) == ["1", "2"]
    assert rounds(empty_repo) == {id: [("security", 1, True), ("spec", 1, True)] for id in "12"}
    told = [(v["source"], v["verdict"]) for v in empty_repo.status()["validations"]]
    assert sorted(told) == [("smoke", "pass")] * 2 + [("tests", "pass")] * 2
    assert [t["attempts"] for t in empty_repo.status()["tasks"]] == [1, 1]
    sound(empty_repo)
