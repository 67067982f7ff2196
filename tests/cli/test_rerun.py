"""`superteam rerun` in a real repository: what it selects, what it runs, and that no artifact is ever lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playground import CONFIG, TEST_COMMAND, Finished, Repo

from superteam.evidence import smoke_artifacts

FOLDER = "artifacts/smoke"
LATEST = f"{FOLDER}/latest.json"
# A fixture passes if a file of its name says so; `how.json` (untracked) spoils the run. It counts its calls outside.
SMOKE = """
import json, os, pathlib, sys
states = pathlib.Path("fixtures")
known = sorted(path.name for path in states.iterdir())
how = json.loads(pathlib.Path("how.json").read_text()) if os.path.exists("how.json") else {}
if "--list" in sys.argv:
    print("\\n".join(known)); sys.exit(how.get("list-exit", 0))
place = sys.argv.index("--fixture") if "--fixture" in sys.argv else None
wanted = (sys.argv[place + 1].split(",") if place else known)[: how.get("sample", 99)]
pathlib.Path(os.environ["CALLS"]).open("a").write(",".join(wanted) + "\\n")
entries = [{"fixtureId": id, "status": (states / id).read_text().strip(), "error": "it is so", "odd": 1}
           for id in wanted]
result = "pass" if all(entry["status"] == "pass" for entry in entries) else "fail"
if how.get("write", True):
    out = pathlib.Path("artifacts/smoke/latest.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"runId": "child", "result": result, "mode": "live", "fixtures": entries, "own": {"k": 1},
                               "summary": {"totalFixtures": len(entries)}, "rerun": {"tool": "x"}}))
sys.exit(how.get("exit", 0 if result == "pass" else 1))
"""
SOURCE = f"""
[[sources]]
name = "smoke"
kind = "smoke-artifact"
artifact = "{LATEST}"
command = [{json.dumps(sys.executable)}, "smoke.py", "--fixture", "{{fixtures}}"]
fixtures = [{json.dumps(sys.executable)}, "smoke.py", "--list"]
"""
PARENT: dict[str, Any] = {
    "runId": "parent",
    "result": "fail",
    "mode": "live",
    "fixtures": [
        {"fixtureId": "beta", "status": "fail"},
        {"fixtureId": "alpha", "status": "timeout"},
        {"fixtureId": "gamma", "status": "pass"},
        {"fixtureId": "stale", "status": "fail"},
        {"fixtureId": "beta", "status": "fail"},
        {"status": "fail"},
    ],
    "issues": [{"fixtureId": "schema-gate", "error": "x"}],
}

Smoke = Callable[..., Finished]


@pytest.fixture
def smoke(repo: Repo, tmp_path: Path) -> Smoke:
    """Calls `superteam rerun` with these arguments in a repository with a smoke command: smoke("--json", how={...})."""
    states = {f"fixtures/{name}": "pass\n" for name in ("alpha", "beta", "gamma")}
    config = {"superteam.toml": TEST_COMMAND + CONFIG + SOURCE, ".gitignore": "artifacts/\nhow.json\n"}
    repo.commit({**states, **config, "smoke.py": SMOKE}, "smoke")
    repo.write({LATEST: json.dumps(PARENT)})

    def call(*arguments: str, how: dict[str, Any] | None = None, file: str = LATEST) -> Finished:
        if how is not None:  # brought along, as it would be if it were tracked
            repo.commit({".gitignore": "artifacts/\n", "how.json": json.dumps(how)}, "how")
        return repo.superteam("rerun", "--from", file, *arguments, env={"CALLS": str(tmp_path / "calls")})

    return call


def ran(tmp_path: Path) -> list[str]:
    file = tmp_path / "calls"
    return file.read_text().splitlines() if file.exists() else []


def files(repo: Repo) -> dict[str, bytes]:
    folder = repo.root / FOLDER
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def beside(repo: Repo) -> list[Any]:
    """The artifacts that lie beside the configured one."""
    return [json.loads(data) for name, data in files(repo).items() if name.startswith("latest.rerun-")]


# The selection


def test_a_dry_run_shows_the_selection_and_touches_nothing(repo: Repo, smoke: Smoke, tmp_path: Path) -> None:
    before = files(repo)
    done = smoke("--dry-run", "--json")
    assert done.code == 0, done.err
    assert done.json == {
        "schema": "superteam.selection.v1",
        "selected": ["beta", "alpha"],
        "ignored": [
            {"id": "gamma", "reason": "passed"},
            {"id": "beta", "reason": "duplicate_fixture_id"},
            {"id": "schema-gate", "reason": "synthetic_failure_id"},
        ],
        "invalid": [{"id": "stale", "reason": "unknown_fixture_id"}, {"id": None, "reason": "fixture_id_missing"}],
        "error": None,
    }
    assert (files(repo), ran(tmp_path)) == (before, [])


def test_people_are_told_what_is_selected_and_why_the_rest_is_not(smoke: Smoke) -> None:
    done = smoke("--dry-run")
    for words in ("selected: 2\n  beta\n  alpha", "gamma  passed", "stale  unknown_fixture_id", "dry run"):
        assert words in done.out
    assert "running" not in done.err


def test_without_a_source_a_dry_run_still_works_and_a_rerun_says_what_is_missing(repo: Repo, smoke: Smoke) -> None:
    repo.write({"superteam.toml": TEST_COMMAND + CONFIG})
    done = smoke("--dry-run", "--json")
    assert (done.code, done.json["selected"]) == (0, ["beta", "alpha", "stale"])
    done = smoke()
    assert done.code == 2
    assert "[[sources]]" in done.err


def test_of_several_sources_the_one_of_the_artifact_is_taken_or_the_named_one(repo: Repo, smoke: Smoke) -> None:
    other = SOURCE.replace('"smoke"', '"other"').replace(LATEST, "elsewhere.json").replace('"--list"', '"--lost"')
    repo.write({"superteam.toml": TEST_COMMAND + CONFIG + other + SOURCE})
    assert smoke("--dry-run", "--json").json["selected"] == ["beta", "alpha"]
    shutil.copy(repo.root / LATEST, repo.root / "copy.json")
    done = smoke(file="copy.json")
    assert done.code == 2
    assert "several sources are configured: other, smoke" in done.err
    assert smoke("--source", "smoke", "--dry-run", "--json", file="copy.json").json["selected"] == ["beta", "alpha"]
    done = smoke("--source", "smok")
    assert (done.code, "the sources are: tests, other, smoke" in done.err) == (2, True)


# What is run


def test_exactly_the_failed_fixtures_are_rerun_and_the_artifact_names_its_parent(
    repo: Repo, smoke: Smoke, tmp_path: Path
) -> None:
    parent = (repo.root / LATEST).read_bytes()
    done = smoke("--json")
    assert (done.code, ran(tmp_path)) == (0, ["beta,alpha"]), done.err
    assert done.json["schema"] == "superteam.rerun.v1"
    assert (done.json["verdict"], done.json["reason"], done.json["source"]) == ("pass", None, "smoke")
    assert [test["id"] for test in done.json["tests"]] == ["beta", "alpha"]
    found = json.loads((repo.root / LATEST).read_text())
    assert (found["runId"], found["mode"], found["result"], found["own"]) == ("child", "rerun-failed", "pass", {"k": 1})
    assert [fixture["fixtureId"] for fixture in found["fixtures"]] == ["beta", "alpha"]
    block = found["rerun"]
    assert (block["artifactPath"], block["parentRunId"], block["tool"]) == (LATEST, "parent", "x")
    assert block["selectedFixtureIds"] == ["beta", "alpha"]
    assert {"fixtureId": "gamma", "reason": "passed"} in block["diagnostics"]["ignoredFixtureIds"]
    kept = repo.root / block["parentKeptAs"]
    assert kept.read_bytes() == parent
    assert kept.parent == repo.root / FOLDER / "history"
    assert len(list(kept.parent.iterdir())) == 2  # the parent and the rerun itself
    assert repo.git("status", "--porcelain") == ""


def test_a_fixture_that_fails_again_is_exit_1_and_can_be_rerun_from_the_new_artifact(
    repo: Repo, smoke: Smoke, tmp_path: Path
) -> None:
    repo.write({"fixtures/alpha": "fail"})  # not committed: it is the working tree that is asked
    done = smoke()
    assert done.code == 1
    for words in ("verdict: fail", "alpha  it is so", "--fixture beta,alpha"):
        assert words in done.out
    repo.write({"fixtures/alpha": "pass"})
    assert smoke().code == 0
    assert ran(tmp_path) == ["beta,alpha", "alpha"]


def test_only_the_wanted_ones_are_rerun(smoke: Smoke, tmp_path: Path) -> None:
    done = smoke("--fixture", " alpha ", "--fixture", "alpha", "--fixture", "nowhere", "--json")
    assert (done.code, ran(tmp_path)) == (0, ["alpha"])
    assert {"id": "nowhere", "reason": "not_in_artifact"} in done.json["selection"]["invalid"]
    assert {"id": "beta", "reason": "not_requested"} in done.json["selection"]["ignored"]


def test_another_file_than_the_configured_artifact_is_never_written(repo: Repo, smoke: Smoke) -> None:
    shutil.copy(repo.root / LATEST, repo.root / "copy.json")
    before = (repo.root / "copy.json").read_bytes()
    assert smoke(file="copy.json").code == 0
    assert (repo.root / "copy.json").read_bytes() == before
    assert json.loads((repo.root / LATEST).read_text())["rerun"]["artifactPath"] == "copy.json"


def test_a_secret_that_a_fixture_says_is_not_shown(repo: Repo, smoke: Smoke, tmp_path: Path) -> None:
    repo.env["MY_TOKEN"] = "it is so"
    repo.write({"fixtures/alpha": "fail"})
    assert "it is so" not in smoke("--json").out


# Nothing to rerun, nothing to read


def test_nothing_to_rerun_is_explicit_and_says_how_to_run_fixtures_by_hand(
    repo: Repo, smoke: Smoke, tmp_path: Path
) -> None:
    repo.write({LATEST: json.dumps({**PARENT, "fixtures": PARENT["fixtures"][2:4]})})
    before = (repo.root / LATEST).read_bytes()
    done = smoke("--dry-run", "--json")
    assert (done.code, done.json["error"]["code"], ran(tmp_path)) == (3, "no_rerunnable_failures", [])
    assert done.json["error"]["fallback"].endswith("smoke.py --fixture alpha")
    done = smoke()
    assert (done.code, ran(tmp_path)) == (3, [])
    assert "run fixtures by hand" in done.err
    assert (repo.root / LATEST).read_bytes() == before
    assert [issue["code"] for issue in beside(repo)[0]["issues"]] == ["no_rerunnable_failures"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{ not json", "artifact_invalid_json"),
        ('{"runId": "x"}', "artifact_invalid_shape"),
        ('["x"]', "artifact_invalid_shape"),
    ],
)
def test_an_artifact_that_cannot_be_read_stays_as_it_is_byte_by_byte(
    repo: Repo, smoke: Smoke, tmp_path: Path, content: str, code: str
) -> None:
    repo.write({LATEST: content})
    done = smoke("--dry-run", "--json")
    assert (done.code, done.json["error"]["code"], done.json["selected"]) == (2, code, [])
    assert files(repo) == {"latest.json": content.encode()}
    done = smoke("--json")
    assert (done.code, done.json["selection"]["error"]["code"], ran(tmp_path)) == (2, code, [])
    assert (repo.root / LATEST).read_text() == content
    [told] = beside(repo)
    assert (told["mode"], told["result"], told["rerun"]["artifactPath"]) == ("rerun-failed", "fail", LATEST)
    assert (told["issues"][0]["code"], told["issues"][0]["fixtureId"]) == (code, "run")
    assert told["issues"][0]["remediation"].endswith("--fixture FIXTURE")


@pytest.mark.parametrize(
    ("file", "code"),
    [(" ", "artifact_path_missing"), ("gone.json", "artifact_not_found"), ("fixtures", "artifact_read_error")],
)
def test_a_file_that_is_not_there_is_an_error_and_what_is_there_stays(
    repo: Repo, smoke: Smoke, file: str, code: str
) -> None:
    before = (repo.root / LATEST).read_bytes()
    done = smoke("--json", file=file)
    assert (done.code, done.json["selection"]["error"]["code"]) == (2, code)
    done = smoke(file=file)
    assert code in done.err
    assert (repo.root / LATEST).read_bytes() == before
    assert {told["issues"][0]["code"] for told in beside(repo)} == {code}


def test_without_from_the_missing_path_is_named(repo: Repo, smoke: Smoke) -> None:
    done = repo.superteam("rerun", "--json")
    assert (done.code, done.json["selection"]["error"]["code"]) == (2, "artifact_path_missing")


# What proves nothing


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"write": False}, "artifact_not_found"),
        ({"exit": 3}, "exit code 3 without a failed test"),
        ({"sample": 1}, "alpha did not run"),
    ],
)
def test_a_rerun_that_is_not_sound_replaces_nothing(
    repo: Repo, smoke: Smoke, tmp_path: Path, how: dict[str, Any], words: str
) -> None:
    before = (repo.root / LATEST).read_bytes()
    done = smoke("--json", how=how)
    assert (done.code, done.json["verdict"]) == (3, "inconclusive")
    assert words in done.json["reason"]
    assert (repo.root / LATEST).read_bytes() == before
    [told] = beside(repo)
    assert (told["result"], told["mode"], told["issues"][-1]["code"]) == ("fail", "rerun-failed", "rerun_inconclusive")
    assert done.json["artifact"].startswith(str(repo.root / FOLDER / "latest.rerun-"))


def test_a_configured_artifact_that_cannot_be_read_is_not_replaced_either(repo: Repo, smoke: Smoke) -> None:
    repo.write({"copy.json": json.dumps(PARENT), LATEST: "broken"})
    assert smoke(file="copy.json").code == 0
    assert (repo.root / LATEST).read_text() == "broken"
    assert [told["result"] for told in beside(repo)] == ["pass"]


def test_an_artifact_that_was_committed_is_no_evidence_of_this_run(repo: Repo, smoke: Smoke) -> None:
    repo.commit({".gitignore": "", LATEST: json.dumps({**PARENT, "fixtures": PARENT["fixtures"][:2]})}, "artifact")
    done = smoke("--json", how={"write": False})
    assert (done.code, done.json["verdict"]) == (3, "inconclusive")
    assert "no new artifact was written" in done.json["reason"]


def test_the_list_of_known_fixtures_must_be_there(repo: Repo, smoke: Smoke) -> None:
    done = smoke(how={"list-exit": 7})
    assert (done.code, "ended with exit code 7" in done.err) == (2, True)


def test_an_artifact_outside_of_the_repository_is_not_written(repo: Repo, smoke: Smoke, tmp_path: Path) -> None:
    shutil.move(repo.root / "artifacts", tmp_path / "away")
    (repo.root / "artifacts").symlink_to(tmp_path / "away")
    done = smoke()
    assert (done.code, "outside of the repository" in done.err, ran(tmp_path)) == (2, True, [])


# The summary of a run


BROKEN = "def add(a, b):\n    return a - b\n\n\ndef mul(a, b):\n    return a + b\n"


def test_what_failed_in_a_validation_is_rerun_with_the_test_command(repo: Repo) -> None:
    repo.write({"calc.py": BROKEN})
    first = repo.superteam("validate", "--json")
    assert first.json["regressions"] == ["test_calc.py::test_add", "test_calc.py::test_mul"]
    repo.write({"validation.json": first.out})
    done = repo.superteam("rerun", "--from", "validation.json", "--json")
    assert (done.code, done.json["verdict"], done.json["source"]) == (1, "fail", "tests")
    assert [test["outcome"] for test in done.json["tests"]] == ["failed", "failed"]
    repo.git("checkout", "-q", "calc.py")
    done = repo.superteam("rerun", "--from", "validation.json", "--fixture", "test_calc.py::test_mul", "--json")
    assert (done.code, [test["id"] for test in done.json["tests"]]) == (0, ["test_calc.py::test_mul"])


def test_the_state_of_a_run_is_accepted(repo: Repo, given: Callable[..., None]) -> None:
    given([{"title": "Break it"}], [{"task": "1", "write": {"calc.py": BROKEN}}], config="validation.auto-fix = 0\n")
    assert repo.superteam("execute", "plan.md", "--on-escalation", "abort").code == 1
    [state] = (repo.root / ".superteam" / "runs").glob("*/state.json")
    done = repo.superteam("rerun", "--from", str(state), "--dry-run", "--json")
    assert (done.code, done.json["selected"]) == (0, ["test_calc.py::test_add", "test_calc.py::test_mul"]), done.err
    done = repo.superteam("rerun", "--from", str(state))
    assert (done.code, "verdict: pass" in done.out) == (0, True), done.err  # the checkout was never broken


def test_a_summary_without_failed_tests_has_nothing_to_rerun(repo: Repo) -> None:
    repo.write({"validation.json": repo.superteam("validate", "--json").out})
    done = repo.superteam("rerun", "--from", "validation.json", "--json")
    assert (done.code, done.json["selection"]["error"]["code"]) == (3, "no_rerunnable_failures")
    assert "run the tests by hand" in repo.superteam("rerun", "--from", "validation.json").err
    assert done.json["selection"]["error"]["fallback"] == "python -m pytest -q -p no:cacheprovider"


def validations(*entries: dict[str, Any]) -> str:
    return json.dumps({"schema": "superteam.validations.v1", "validations": entries})


def test_of_several_sources_that_failed_one_has_to_be_named(repo: Repo, smoke: Smoke, tmp_path: Path) -> None:
    both = [
        {"source": "tests", "regressions": ["test_calc.py::test_add"]},
        {"source": "smoke", "unresolved": ["alpha"]},
    ]
    repo.write({"all.json": validations(*({"verdict": "fail", **entry} for entry in both))})
    done = smoke(file="all.json")
    assert (done.code, "several sources failed there: tests, smoke" in done.err) == (2, True)
    done = smoke("--source", "smoke", "--json", file="all.json")
    assert (done.code, done.json["selection"]["selected"], ran(tmp_path)) == (0, ["alpha"], ["alpha"])
    assert json.loads((repo.root / LATEST).read_text())["rerun"]["artifactPath"] == "all.json"
    done = smoke("--source", "tests", "--json", file="all.json")
    assert (done.code, [test["id"] for test in done.json["tests"]]) == (0, ["test_calc.py::test_add"])


def test_the_newest_sound_validation_of_a_source_counts(repo: Repo, smoke: Smoke) -> None:
    first = {"verdict": "fail", "regressions": ["test_calc.py::test_add"]}
    repo.write({"mended.json": validations(first, {"verdict": "pass"})})
    assert smoke(file="mended.json").code == 3
    repo.write({"crashed.json": validations(first, {"verdict": "inconclusive"})})
    assert smoke("--dry-run", "--json", file="crashed.json").json["selected"] == ["test_calc.py::test_add"]


@pytest.mark.parametrize(
    "members", [{"validations": 1}, {"validations": [1, {"verdict": "fail", "source": [], "regressions": {}}]}, {}]
)
def test_an_odd_summary_does_no_harm(repo: Repo, smoke: Smoke, members: dict[str, Any]) -> None:
    repo.write({"odd.json": json.dumps({"schema": "superteam.status.v1", "tasks": 3, "baseline": [], **members})})
    done = smoke("--json", file="odd.json")
    assert done.code in (2, 3), done.err


# Writing


def test_whoever_is_killed_while_writing_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """The process ends at each line of the writing in turn."""
    program = """
import os, sys
from pathlib import Path
from superteam.evidence.smoke_artifacts import write_whole
left = int(sys.argv[2])
def trace(frame, event, argument):
    global left
    if frame.f_code.co_name != "write_whole": return None
    left -= event == "line"
    if left < 0: os._exit(9)
    return trace
sys.settrace(trace)
write_whole(Path(sys.argv[1]), b"new" * 100000)
"""
    place, found = tmp_path / "latest.json", []
    while not found or found[-1][0] != 0:
        place.write_bytes(b"old")
        done = subprocess.run([sys.executable, "-c", program, str(place), str(len(found))], check=False)
        found.append((done.returncode, place.read_bytes()))
    assert {text for _, text in found} == {b"old", b"new" * 100000}
    assert [code for code, _ in found[:-1]] == [9] * (len(found) - 1)
    assert len(found) > 6
    assert found[-1] == (0, b"new" * 100000)


def test_a_reader_sees_the_old_or_the_new_whole_whenever_it_looks(tmp_path: Path) -> None:
    place, texts = tmp_path / "latest.json", {bytes([65 + n]) * 2**20 for n in range(4)}
    place.write_bytes(min(texts))
    done, torn = threading.Event(), []

    def look() -> None:
        while not done.is_set():
            torn.extend([] if place.read_bytes() in texts else [1])

    watcher = threading.Thread(target=look)
    watcher.start()
    for text in sorted(texts) * 3:
        smoke_artifacts.write_whole(place, text)
    done.set()
    watcher.join()
    assert torn == []
    assert [path.name for path in tmp_path.iterdir()] == ["latest.json"]


@pytest.mark.parametrize("run_id", ["../../etc/x", "", None, "a" * 300, "a/b", ".hidden"])
def test_a_run_id_never_leads_out_of_the_history(tmp_path: Path, run_id: Any) -> None:
    kept = smoke_artifacts.keep(tmp_path / "latest.json", b"data", run_id)
    assert kept.parent == tmp_path / "history"
    assert kept.read_bytes() == b"data"


def test_other_bytes_of_the_same_run_are_kept_beside_the_first(tmp_path: Path) -> None:
    place = tmp_path / "latest.json"
    names = {smoke_artifacts.keep(place, data, "r") for data in (b"1", b"2", b"1")}
    assert sorted(path.read_bytes() for path in names) == [b"1", b"2"]
