"""What the real command must withstand: repositories in any state, programs that misbehave, signals, hostile text."""

from __future__ import annotations

import json
import os
import secrets
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playground import CONFIG, Repo, Setup, plan, script

pytestmark = pytest.mark.usefixtures("census")

NEW_FILE = {"task": "1", "write": {"other.py": "X = 1\n"}}
ONE = [{"title": "Add a file"}]
HANGS = "trap '' TERM; while :; do sleep 1; done"
UNTIL_GO = 'touch "$PLACE/began"; until [ -e "$PLACE/go" ]; do sleep 0.05; done'


@pytest.fixture
def place(repo: Repo, tmp_path: Path) -> Path:
    """A folder outside of the repository where programs of a run leave marks, as $PLACE."""
    folder = tmp_path / "place"
    folder.mkdir()
    repo.env["PLACE"] = str(folder)
    return folder


@pytest.fixture
def lasting() -> Iterator[str]:
    """A command that lasts for ever and can be recognised; whatever is left of it is ended after the test."""
    command = f"sleep {10_000_000 + secrets.randbelow(10**9)}"
    yield command
    for pid in _running(command):
        os.kill(pid, signal.SIGKILL)


def _until(holds: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _processes(part: str) -> Iterator[tuple[int, bytes]]:
    for path in Path("/proc").glob(f"[0-9]*/{part}"):
        try:
            yield int(path.parent.name), path.read_bytes()
        except OSError:
            continue


def _running(command: str) -> list[int]:
    """Processes with exactly this command line: found also when they emptied their environment."""
    wanted = command.replace(" ", "\0").encode() + b"\0"
    return [pid for pid, line in _processes("cmdline") if line == wanted]


def _nobody_is_left(repo: Repo) -> None:
    mark = f"SUPERTEAM_RUN_ID={repo.status()['run_id']}".encode()
    assert [pid for pid, environment in _processes("environ") if mark in environment.split(b"\0")] == []


def _everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All entries below a folder with mode and content, .git included."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        found[str(path)] = (mode, path.read_bytes() if stat.S_ISREG(mode) else b"")
    return found


def _plain(repo: Repo, text: str, *dispatches: Mapping[str, Any], config: str = "") -> None:
    """Commits a plan for a run without a suite, which is the fastest there is."""
    settings = f'agent.use = "script"\n{config}\n{CONFIG}'
    repo.commit({"superteam.toml": settings, "plan.md": text, "agent.toml": script(*dispatches)}, "plan")


# -- the state of the repository


def _no_repository(repo: Repo) -> None:
    (repo.root / ".git").rename(repo.root.parent / "elsewhere")


def _no_commit(repo: Repo) -> None:
    repo.git("update-ref", "-d", "HEAD")


def _bare(repo: Repo) -> None:
    repo.git("config", "core.bare", "true")


def _merging(repo: Repo) -> None:
    repo.git("switch", "-q", "-c", "side")
    repo.commit({"calc.py": "one = 1\n"})
    repo.git("switch", "-q", "main")
    repo.commit({"calc.py": "two = 2\n"})
    repo.git("merge", "side", check=False)
    assert (repo.root / ".git/MERGE_HEAD").exists()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_no_repository, "not in a git repository"),
        (_no_commit, "no commit yet"),
        (_bare, "bare repository"),
        (_merging, "a merge is in progress"),
    ],
)
def test_what_a_run_cannot_start_in_is_refused_and_nothing_is_changed(
    repo: Repo, given: Setup, make: Callable[[Repo], None], says: str
) -> None:
    given(ONE, [NEW_FILE])
    make(repo)
    before = _everything(repo.root)
    done = repo.superteam("execute", "plan.md")
    assert done.code == 2, done.err
    assert says in done.err and "Traceback" not in done.err and done.out == ""
    assert _everything(repo.root) == before
    assert not repo.cache.exists() or not _everything(repo.cache)


def test_changes_of_the_user_are_neither_touched_nor_committed(repo: Repo) -> None:
    _plain(repo, plan(*ONE), NEW_FILE)
    repo.write({"calc.py": "mine = 1\n", "test_calc.py": "staged = 1\n", "notes.txt": "mine\n"})
    repo.git("add", "test_calc.py")
    before = repo.git("status", "--porcelain")
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert repo.git("status", "--porcelain") == before
    assert repo.files_at().keys() == {"calc.py", "test_calc.py", "superteam.toml", "plan.md", "agent.toml", "other.py"}
    assert (repo.root / "calc.py").read_text() == "mine = 1\n" and (repo.root / "other.py").exists()
    assert "mine" not in repo.files_at()["calc.py"]


def test_a_change_of_the_user_in_the_way_keeps_his_branch_and_the_merge_command_is_printed(repo: Repo) -> None:
    _plain(repo, plan(*ONE), {"task": "1", "write": {"calc.py": "theirs = 1\n"}})
    repo.write({"calc.py": "mine = 1\n"})
    head = repo.git("rev-parse", "HEAD")
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert repo.git("rev-parse", "HEAD") == head
    assert (repo.root / "calc.py").read_text() == "mine = 1\n"
    assert repo.git("status", "--porcelain") == "M calc.py"
    assert "git merge" in done.out and repo.status()["branch"] in done.out


def test_with_a_detached_head_no_branch_is_moved(repo: Repo) -> None:
    _plain(repo, plan(*ONE), NEW_FILE)
    repo.git("switch", "-q", "--detach")
    head = repo.git("rev-parse", "HEAD")
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert repo.git("rev-parse", "HEAD") == repo.git("rev-parse", "main") == head
    assert repo.git("symbolic-ref", "-q", "HEAD", check=False) == ""
    assert "detached" in done.out
    _the_printed_merge_command_works(repo, done.out)
    assert repo.task_commits() == ["1"]


def _the_printed_merge_command_works(repo: Repo, text: str) -> None:
    command = next(line for line in text.splitlines() if "git merge" in line).partition("git merge")[2].split()
    repo.git("merge", *command)


def test_a_branch_that_the_user_moved_meanwhile_is_left_to_him(repo: Repo, place: Path) -> None:
    _plain(repo, plan(*ONE), {**NEW_FILE, "run": UNTIL_GO})
    run = repo.start("execute", "plan.md")
    _until((place / "began").exists)
    head = repo.commit({"notes.txt": "mine\n"}, "meanwhile")
    (place / "go").touch()
    out, err = run.communicate(timeout=30)
    assert run.returncode == 0, err
    assert repo.git("rev-parse", "main") == head
    assert "moved" in out
    _the_printed_merge_command_works(repo, out)
    assert {"notes.txt", "other.py"} <= repo.files_at().keys()


def test_a_branch_that_the_user_left_meanwhile_is_moved_without_his_checkout(repo: Repo, place: Path) -> None:
    _plain(repo, plan(*ONE), {**NEW_FILE, "run": UNTIL_GO})
    run = repo.start("execute", "plan.md")
    _until((place / "began").exists)
    repo.git("switch", "-q", "-c", "side")
    (place / "go").touch()
    assert run.wait(30) == 0
    assert repo.git("symbolic-ref", "--short", "HEAD") == "side"
    assert repo.task_commits("main") == ["1"] and repo.task_commits("side") == []
    assert repo.git("status", "--porcelain") == "" and not (repo.root / "other.py").exists()


# -- programs that are not there


@pytest.mark.parametrize("program", ["no-such-program-here", "./missing.sh", "./plan.md"])
def test_an_agent_whose_program_is_missing_is_refused_before_anything_runs(repo: Repo, program: str) -> None:
    agent = f'agent.use = "mine"\n[agents.mine]\nkind = "command"\ncommand = ["{program}"]\n'
    repo.commit({"superteam.toml": agent, "plan.md": plan(*ONE)})
    done = repo.superteam("execute", "plan.md")
    assert done.code == 2
    assert program.removeprefix("./") in done.err and "mine" in done.err
    assert repo.superteam("runs", "--json").json["runs"] == []


def test_without_an_identity_nothing_begins_and_the_two_commands_are_named(repo: Repo, given: Setup) -> None:
    given(ONE, [NEW_FILE])
    nobody = {f"GIT_{role}_{part}": "" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    done = repo.superteam("execute", "plan.md", env=nobody)
    assert done.code == 2
    assert "git config --global user.name" in done.err and "git config --global user.email" in done.err
    assert repo.superteam("runs", "--json").json["runs"] == []


def test_a_test_command_that_is_not_installed_is_inconclusive(repo: Repo, given: Setup) -> None:
    given(ONE, [NEW_FILE], config='test-command = "no-such-runner -q"\n')
    done = repo.superteam("execute", "plan.md")
    assert done.code == 3
    assert "not found" in done.out + done.err and repo.status()["tasks"][0]["attempts"] == 0


# -- programs that misbehave

BRIEF = """\
[agent]
use = "script"
timeout = "1s"
[validation]
timeout = "1s"
[failure-actions]
tool-timeout = "escalate"
"""


def _commits(repo: Repo, task: Mapping[str, Any], dispatch: Mapping[str, Any], head: str = "") -> None:
    files = {"superteam.toml": f"{head}{BRIEF}{CONFIG}", "plan.md": plan({"title": "A task", **task})}
    repo.commit({**files, "agent.toml": script({"task": "1", "write": {"a": "1"}, **dispatch})})


@pytest.mark.parametrize("who", ["agent", "gate"])
def test_a_program_that_never_ends_and_ignores_term_is_ended_with_its_orphans(
    repo: Repo, lasting: str, who: str
) -> None:
    command = f"setsid {lasting} & env -i setsid {lasting} & {HANGS}"
    _commits(repo, {"gate": command} if who == "gate" else {}, {"run": command} if who == "agent" else {})
    done = repo.superteam("execute", "plan.md", timeout=40)
    assert done.code == 4, done.err
    assert repo.status()["pending"]["failure_type"] == "tool-timeout"
    _nobody_is_left(repo)
    assert _running(lasting) == []


def test_a_suite_that_never_ends_is_inconclusive_and_ended_with_its_orphans(repo: Repo, lasting: str) -> None:
    suite = f"setsid {lasting} & env -i setsid {lasting} & {HANGS}"
    _commits(repo, {}, {}, head=f"test-command = {json.dumps(suite)}\n")
    done = repo.superteam("execute", "plan.md", timeout=40)
    assert done.code == 3, done.err
    assert "timed out" in done.out + done.err
    assert repo.status()["tasks"][0]["attempts"] == 0
    _nobody_is_left(repo)
    assert _running(lasting) == []


@pytest.mark.parametrize("who", ["agent", "gate", "suite"])
def test_an_orphan_that_outlives_its_program_is_ended(repo: Repo, lasting: str, who: str) -> None:
    command = f"(setsid {lasting} >/dev/null 2>&1 &); (env -i setsid {lasting} &); echo ' ✓ fine'"
    head = f"test-command = {json.dumps(command)}\n" if who == "suite" else ""
    _commits(repo, {"gate": command} if who == "gate" else {}, {"run": command} if who == "agent" else {}, head)
    done = repo.superteam("execute", "plan.md", timeout=40)
    assert done.code == 0, done.err
    _nobody_is_left(repo)
    assert _running(lasting) == []


def test_gate_and_suite_that_read_standard_input_get_its_end(repo: Repo) -> None:
    gate = 'test -z "$(cat)"'
    _commits(repo, {"gate": gate}, {}, head=f"test-command = {json.dumps(gate)}\n")
    done = repo.superteam("execute", "plan.md", timeout=40)
    assert done.code == 0, done.err


# A process of its own begins the command: the peak that Linux reports counts what the parent was when it forked.
PEAK = (
    "import resource, subprocess, sys\n"
    "code = subprocess.run(sys.argv[1:]).returncode\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
    "sys.exit(code)\n"
)
NOISE = r"head -c 50000000 /dev/zero | tr '\0' x; printf '\377\376\n' >&2; head -c 3000000 /dev/urandom >&2"


@pytest.mark.parametrize("who", ["agent", "gate", "suite"])
def test_fifty_megabytes_and_invalid_utf_8_are_borne_in_little_memory(repo: Repo, who: str) -> None:
    command = f"{NOISE}; printf '\\n \\342\\234\\223 fine\\n'"
    head = f"test-command = {json.dumps(command)}\n" if who == "suite" else ""
    task = {"gate": command} if who == "gate" else {}
    _commits(repo, task, {"run": command} if who == "agent" else {}, head)
    repo.write({"superteam.toml": (repo.root / "superteam.toml").read_text().replace('"1s"', '"60s"')})
    measured = subprocess.run(
        [sys.executable, "-c", PEAK, sys.executable, "-m", "superteam", "execute", "plan.md", "--quiet"],
        cwd=repo.root,
        env=repo.environ(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert measured.returncode == 0, measured.stderr
    assert len(measured.stdout) < 10_000
    peak = int(measured.stderr.split()[-1])
    assert peak < 150_000, f"{peak} KiB"


# -- signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_ends_everything_and_the_run_can_be_resumed(
    repo: Repo, place: Path, lasting: str, number: signal.Signals
) -> None:
    _plain(repo, plan(*ONE), {**NEW_FILE, "run": f'[ -e "$PLACE/go" ] || {{ setsid {lasting} & {UNTIL_GO}; }}'})
    run = repo.start("execute", "plan.md")
    _until((place / "began").exists)
    run.send_signal(number)
    out, err = run.communicate(timeout=20)
    assert run.returncode == 130, err
    assert "superteam resume" in out
    status = repo.status()
    assert (status["status"], status["exit_code"]) == ("interrupted", 130)
    _nobody_is_left(repo)
    assert _running(lasting) == []
    (place / "go").touch()
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert repo.status()["tasks"][0]["attempts"] == 1
    assert repo.task_commits() == ["1"]


def test_a_second_signal_ends_the_command_at_once(repo: Repo, place: Path) -> None:
    stubborn = f'[ -e "$PLACE/go" ] || {{ trap \'touch "$PLACE/termed"\' TERM; {UNTIL_GO}; }}'
    _plain(repo, plan(*ONE), {**NEW_FILE, "run": stubborn})
    run = repo.start("execute", "plan.md")
    _until((place / "began").exists)
    run.send_signal(signal.SIGINT)
    _until((place / "termed").exists)
    began = time.monotonic()
    run.send_signal(signal.SIGINT)
    assert run.wait(10) == 130
    assert time.monotonic() - began < 1.5  # the agent's grace alone is 3 s
    run.communicate()
    assert repo.status()["status"] == "interrupted"
    (place / "go").touch()
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    _nobody_is_left(repo)
    assert repo.task_commits() == ["1"]


def test_after_a_kill_the_agent_that_lived_on_is_ended_before_its_tree_is_used(
    repo: Repo, place: Path, lasting: str
) -> None:
    _plain(repo, plan(*ONE), {**NEW_FILE, "run": f'[ -e "$PLACE/go" ] || {{ setsid {lasting} & {UNTIL_GO}; }}'})
    run = repo.start("execute", "plan.md")
    _until((place / "began").exists)
    run.kill()
    run.communicate()
    assert _running(lasting)
    assert repo.status()["status"] == "interrupted"
    explained = repo.superteam("resume", "--explain")
    assert explained.code == 0 and "repeat" in explained.out
    (place / "go").touch()
    assert repo.superteam("execute", "plan.md").code == 0
    assert _running(lasting) == []
    _nobody_is_left(repo)


# -- two at once, and the end of a live run


def test_a_second_run_is_refused_with_the_owners_name_and_looking_needs_no_lock(repo: Repo, place: Path) -> None:
    _plain(repo, plan(*ONE), {**NEW_FILE, "run": UNTIL_GO})
    run = repo.start("execute", "plan.md")
    _until((place / "began").exists)
    for command in (("execute", "plan.md"), ("resume",), ("answer", "skip")):
        second = repo.superteam(*command)
        assert second.code == 75, second.err
        assert f"process {run.pid} on {os.uname().nodename}" in second.err
    assert repo.status()["status"] == "running"
    assert "running" in repo.superteam("runs").out
    (place / "go").touch()
    assert run.wait(30) == 0
    run.communicate()
    assert repo.task_commits() == ["1"]


def test_a_live_run_is_aborted_and_its_commits_stay_reachable(repo: Repo, place: Path, lasting: str) -> None:
    hangs = {"task": "2", "write": {"b.py": "Y = 1\n"}, "run": f"setsid {lasting} & {UNTIL_GO}"}
    _plain(repo, plan(*ONE, {"title": "Hang"}), NEW_FILE, hangs)
    head = repo.git("rev-parse", "HEAD")
    run = repo.start("execute", "plan.md")
    _until((place / "began").exists)
    assert repo.superteam("abort").code == 0
    assert run.wait(10) == 130
    run.communicate()
    status = repo.status()
    assert (status["status"], status["exit_code"]) == ("aborted", 1)
    assert repo.git("rev-parse", "HEAD") == head
    assert repo.task_commits(status["branch"]) == ["1"]
    kept = repo.git("for-each-ref", "--format=%(refname)", f"refs/superteam/{status['run_id']}").splitlines()
    assert any("b.py" in repo.git("ls-tree", "--name-only", ref) for ref in kept)
    _nobody_is_left(repo)
    assert _running(lasting) == []
    assert repo.superteam("resume").code == 2


# -- a plan that changes while the run is away


def _kill_in_task(repo: Repo, place: Path, number: int, *tasks: Mapping[str, Any]) -> None:
    """Each task's dispatch k writes a file f<task>-<k>; the run is killed while the numbered one is at work."""
    entries: list[dict[str, Any]] = []
    for i, attempt in ((i, attempt) for i in (1, 2, 3) for attempt in (1, 2)):
        entries.append({"task": str(i), "attempt": attempt, "write": {f"f{i}-{attempt}": "1\n"}})
        if i == number:
            entries[-1]["run"] = f'[ -e "$PLACE/go" ] || {{ {UNTIL_GO}; }}'
    _plain(repo, plan(*tasks), *entries)
    run = repo.start("execute", "plan.md")
    _until((place / "began").exists)
    run.kill()
    run.communicate()
    (place / "go").touch()


THREE = [{"title": "One"}, {"title": "Two"}, {"title": "Three"}]


def test_a_changed_pending_task_is_taken_with_a_recorded_event(repo: Repo, place: Path) -> None:
    _kill_in_task(repo, place, 2, *THREE)
    first = repo.status()["tasks"][0]["commit_sha"]
    repo.write({"plan.md": plan(THREE[0], THREE[1], {"title": "Another", "description": "Do something else."})})
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    status = repo.status()
    assert [task["title"] for task in status["tasks"]] == ["One", "Two", "Another"]
    assert status["tasks"][0]["commit_sha"] == first
    assert repo.task_commits() == ["1", "2", "3"]
    changes = [record["event"] for record in _journal(repo) if record["event"]["kind"] == "plan-changed"]
    assert len(changes) == 1 and changes[0]["pending"] == ["3"]
    assert "Another" in repo.git("log", "-1", "--format=%s", "HEAD")


def test_a_changed_finished_task_is_asked_about(repo: Repo, place: Path) -> None:
    _kill_in_task(repo, place, 2, *THREE)
    repo.write({"plan.md": plan({"title": "One, but otherwise"}, THREE[1], THREE[2])})
    done = repo.superteam("resume")
    assert done.code == 4, done.err
    pending = repo.status()["pending"]
    assert pending["task"] == "1" and "finished" in pending["question"]
    assert repo.superteam("answer", pending["options"][0]["id"]).code == 0
    assert repo.superteam("resume").code == 0
    assert sorted(repo.task_commits()) == ["1", "2", "3"]


def test_tasks_that_are_added_and_removed_meanwhile_are_followed(repo: Repo, place: Path) -> None:
    _kill_in_task(repo, place, 2, *THREE)
    repo.write({"plan.md": plan(THREE[0], {"id": "3", "title": "Three"})})
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert repo.task_commits() == ["1", "3"]
    assert "f2-1" not in repo.files_at()


def test_each_changed_finished_task_is_asked_about_and_can_be_taken_back(repo: Repo, place: Path) -> None:
    _kill_in_task(repo, place, 3, *THREE)
    repo.write({"plan.md": plan({"title": "Uno"}, {"title": "Due"}, THREE[2])})
    assert repo.superteam("resume").code == 4
    assert repo.status()["pending"]["task"] == "1"
    assert repo.superteam("answer", "approve").code == 0
    assert repo.superteam("resume").code == 4
    assert repo.status()["pending"]["task"] == "2"
    assert repo.superteam("answer", "rollback").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert {"f1-1", "f2-2"} <= repo.files_at().keys() and not {"f1-2", "f2-1"} & repo.files_at().keys()
    assert sorted(repo.task_commits()) == ["1", "2", "3"]
    assert [task["status"] for task in repo.status()["tasks"]] == ["complete"] * 3


def test_a_plan_that_was_changed_because_of_a_question_voids_it(repo: Repo) -> None:
    _plain(repo, plan(*THREE), {"task": "1", "attempt": 1, "exit": 3}, {"task": "1", "attempt": 2, "exit": 3},
           *[{"task": str(i), "write": {f"f{i}": "1\n"}} for i in (1, 2, 3)])  # fmt: skip
    assert repo.superteam("execute", "plan.md").code == 4
    repo.write({"plan.md": plan({"title": "One", "description": "More clearly."}, *THREE[1:])})
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert repo.task_commits() == ["1", "2", "3"]


def _journal(repo: Repo) -> list[Any]:
    lines = (repo.root / ".superteam/latest/journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


# -- damage, trust, hostile text


@pytest.mark.parametrize("command", [("status",), ("resume",), ("execute", "plan.md"), ("abort",)])
def test_a_damaged_journal_is_not_believed(repo: Repo, command: tuple[str, ...]) -> None:
    _plain(repo, plan(*ONE), {"task": "1", "exit": 3})
    assert repo.superteam("execute", "plan.md").code == 4
    journal = (repo.root / ".superteam/latest/journal.jsonl").resolve()
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"1", b"2", 1)
    journal.write_bytes(b"".join(lines))
    before = _everything(repo.root)
    done = repo.superteam(*command)
    assert done.code == 2, done.err
    assert "damaged at line 4" in done.err and "last good record is number 3" in done.err
    after = _everything(repo.root)
    lock = str(repo.root / ".git/superteam.lock")
    assert {**after, lock: None} == {**before, lock: None}
    assert "damaged" in repo.superteam("runs").err


def test_commands_in_a_plan_that_is_not_committed_are_approved_once(repo: Repo, place: Path) -> None:
    _plain(repo, plan(*ONE), NEW_FILE)
    repo.write({"mine.md": plan({"title": "A task", "gate": 'touch "$PLACE/ran"'})})
    refused = repo.superteam("execute", "mine.md")
    assert refused.code == 2
    assert 'touch "$PLACE/ran"' in refused.err and "--trust-plan" in refused.err
    assert not (place / "ran").exists()
    assert repo.superteam("execute", "mine.md", "--trust-plan").code == 0
    assert (place / "ran").exists()
    again = repo.superteam("execute", "mine.md", "--fresh")
    assert again.code != 2, again.err
    repo.write({"mine.md": plan({"title": "A task", "gate": 'touch "$PLACE/other"'})})
    assert repo.superteam("execute", "mine.md", "--fresh").code == 2
    assert not (place / "other").exists()


EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b1m \u202egnp.exe [bold]x[/bold]"
FORBIDDEN = ("\x1b", "\x07", "\x9b", "\u202e", "\n::error")


def test_hostile_text_never_reaches_the_terminal_or_a_ci_log_raw(repo: Repo) -> None:
    noise = f"{EVIL}\n::error file=x::owned\n"
    suite = "import pathlib, sys\nbad = pathlib.Path('bad').exists()\n" + (
        f"print({noise!r})\nprint(' ' + ('✗' if bad else '✓') + ' case ' + {EVIL!r})\nsys.exit(bad)\n"
    )
    config = 'test-command = "python -S suite.py"\nagent.use = "script"\n[validation]\nauto-fix = 0\n'
    repo.commit(
        {
            "superteam.toml": config + CONFIG,
            "suite.py": suite,
            "agent.toml": script(
                {
                    "task": "1",
                    "write": {"bad": "1", f"{EVIL.replace('/', '')}.txt": noise},
                    "output": noise,
                    "result": {"summary": noise, "claims": [noise], "deviations": [noise]},
                },
                {"task": "2", "attempt": 1, "output": noise, "result": {"question": noise}},
                {"task": "2", "output": noise, "exit": 3, "write": {"z": "1"}},
            ),
            "plan.md": plan({"title": f"A {noise}"}, {"title": f"Another {EVIL}"}),
        }
    )
    said = [repo.superteam("execute", "plan.md")]
    assert said[0].code == 4, said[0].err
    commands: list[tuple[str, ...]] = [("status",), ("answer", "approve", "--note", EVIL), ("resume",), ("status",)]
    commands += [("answer", "continue", "--note", EVIL), ("resume",), ("status", "--json"), ("resume", "--explain")]
    commands += [("plan", "check", "plan.md"), ("execute", "plan.md", "--dry-run"), ("validate",), ("baseline", "show")]
    said += [repo.superteam(*command) for command in commands]
    assert repo.status()["pending"]["failure_type"] == "impl-crash"
    for command, done in zip([("execute",), *commands], said, strict=True):
        found = [mark for mark in FORBIDDEN if mark in f"\n{done.out}\n{done.err}"]
        assert found == [], f"{command}: {done.out!r} {done.err!r}"


def test_standard_output_that_is_closed_early_is_no_crash(repo: Repo) -> None:
    _plain(repo, plan(*ONE), NEW_FILE)
    run = repo.start("execute", "plan.md", "--json")
    assert run.stdout and run.stderr
    run.stdout.close()
    err = run.stderr.read()
    run.wait(30)
    run.stderr.close()
    assert "bug" not in err and "Traceback" not in err
    assert run.returncode != 0 or repo.task_commits() == ["1"]
