"""The summary at the end of real runs, in real repositories."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from playground import Repo, Setup

from superteam.app.project import open_project
from superteam.app.summaries import are_written, write_summaries
from superteam.core import events as e
from superteam.core.plan import Part, Plan, Task
from superteam.core.settings import Settings
from superteam.journal import runs
from superteam.journal.log import Journal

SOUND = "def add(a, b):\n    return a + b\n\n\ndef mul(a, b):\n    return a * b\n"
SUB = {"calc.py": SOUND + "\n\ndef sub(a, b):\n    return a - b\n"}
BROKEN = {"calc.py": SOUND.replace("a + b", "a - b")}


def summary(repo: Repo) -> str:
    return (repo.root / ".superteam" / "latest" / "SUMMARY.md").read_text(encoding="utf-8")


def head(text: str) -> Any:
    return yaml.safe_load(text.split("---\n")[1])


# -- by the command


def test_a_finished_run_has_a_summary_of_what_was_done_and_run(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Add sub", "gate": "grep -q sub calc.py"}, {"title": "A file"}],
        [
            {"task": "1", "role": "implement", "write": {"notes.txt": "x"}, "result": {"summary": "- [x] all is well"}},
            {"task": "1", "role": "fix", "write": SUB},
            {"task": "2", "write": {"other.py": "X = 1\n"}},
        ],
    )
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    text, status = summary(repo), repo.status()

    assert f"\nsummary: .superteam/runs/{status['run_id']}/SUMMARY.md\n" in done.out
    assert repo.superteam("status").out.splitlines()[-3] == f"summary: .superteam/runs/{status['run_id']}/SUMMARY.md"
    assert head(text)["key-files"] == {"created": ["notes.txt", "other.py"], "modified": ["calc.py"]}
    assert all(f"`{task['commit_sha'][:12]}`" in text for task in status["tasks"])
    ticked = [line for line in text.splitlines() if line.startswith("- [x]")]
    assert ticked[0] == "- [x] task 1: gate `grep -q sub calc.py` succeeded; another run failed"
    assert [line.split(" at ")[0] for line in ticked[1:]] == [
        "- [x] validation (tests) after task 1",
        "- [x] validation (tests) after task 2",
    ]
    assert "- [ ] task 2: no gate was run on what was committed" in text
    assert r"- Task 1: \- \[x\] all is well" in text
    assert repo.git("status", "--porcelain") == ""


def test_a_run_that_ended_blocked_has_a_summary_that_ticks_nothing_of_it(repo: Repo, given: Setup) -> None:
    given([{"title": "Change add"}], [{"task": "1", "write": BROKEN}], config='on-escalation = "skip"\n')
    done = repo.superteam("execute", "plan.md")
    assert done.code == 1, done.err
    text = summary(repo)

    assert "- [x]" not in text
    assert "the run ended blocked (exit code 1)" in text
    assert "- Task 1 is failed." in text
    assert "test-regression" in text and "`test_calc.py::test_add`" in text
    assert "completed" not in head(text)


def test_a_run_that_waits_has_no_summary_yet(repo: Repo, given: Setup) -> None:
    given([{"title": "Change add"}], [{"task": "1", "write": BROKEN}])
    assert repo.superteam("execute", "plan.md").code == 4
    assert not (repo.root / ".superteam" / "latest" / "SUMMARY.md").exists()
    assert "summary" not in repo.superteam("status").out
    assert repo.superteam("abort").code == 0
    assert not (repo.root / ".superteam" / "latest" / "SUMMARY.md").exists()


def test_a_missing_summary_is_written_when_the_plan_is_executed_again(repo: Repo, given: Setup) -> None:
    given([{"title": "A file"}], [{"task": "1", "write": {"other.py": "X = 1\n"}}])
    assert repo.superteam("execute", "plan.md").code == 0
    before = summary(repo)
    (repo.root / ".superteam" / "latest" / "SUMMARY.md").unlink()
    again = repo.superteam("execute", "plan.md")
    assert again.code == 0 and "already" in again.err
    assert summary(repo) == before


def test_a_summary_that_cannot_be_written_is_a_warning(repo: Repo, given: Setup) -> None:
    making = "mkdir -p $(dirname $SUPERTEAM_RESULT)/../SUMMARY.md/in-the-way"
    config = f'[agents.shell]\nkind = "command"\ncommand = ["sh", "-c", "{making}; echo x > x.txt"]\n'
    given([{"title": "A file", "agent": "shell"}], [], config=config)
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert "SUMMARY.md could not be written" in done.err


def test_secrets_do_not_reach_the_summary(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "Use hunter2hunter2"}],
        [{"task": "1", "write": {"other.py": "X = 1\n"}, "result": {"summary": "it is hunter2hunter2"}}],
    )
    assert repo.superteam("execute", "plan.md", env={"DEPLOY_PASSWORD": "hunter2hunter2"}).code == 0
    assert "hunter2" not in summary(repo) and "[redacted]" in summary(repo)


# -- of plans that are made of parts, from journals with real commits


@pytest.fixture
def here(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repo]:
    """The repository, with this process in it."""
    monkeypatch.chdir(repo.root)
    for name, value in repo.environ().items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    yield repo
    os.environ.clear()
    os.environ.update(before)


def part(id: str, output: str | None) -> Part:
    return Part(id=id, path=f"{id}-PLAN.md", title=f"Part {id}", output=output, about={"phase": "04", "plan": id})


def ended(repo: Repo, parts: tuple[Part, ...], undone: tuple[str, ...] = (), code: int = 0) -> Any:
    """A run of one task a part, each with a real commit; `undone` parts have none."""
    start = repo.git("rev-parse", "HEAD")
    tasks = tuple(Task(id=f"{one.id}.1", title=f"Task of {one.id}", part=one.id) for one in parts)
    created = e.RunCreated(
        run_id="r1",
        plan=Plan(path="phase", format="gsd-phase", title="A phase", sha256="f" * 64, tasks=tasks, parts=parts),
        settings=Settings(),
        start_sha=start,
        start_tree=repo.git("rev-parse", "HEAD^{tree}"),
        user_branch="refs/heads/main",
        run_branch="superteam/phase-r1",
        interactive=False,
        superteam="0.1.0",
        pid=1,
        host="here",
    )
    events: list[e.Event] = [created]
    for one in parts:
        id = f"{one.id}.1"
        if one.id in undone:
            events += [
                e.AgentFinished(task=id, attempt=1, role="implement", ended="done", tree="b" * 40),
                e.TaskPutBack(task=id),
            ]
            continue
        sha = repo.commit({f"{one.id}.txt": "x", "shared.txt": one.id}, id)
        tree = repo.git("rev-parse", f"{sha}^{{tree}}")
        events += [
            e.AgentFinished(task=id, attempt=1, role="implement", ended="done", tree=tree),
            e.CommitMade(task=id, sha=sha),
            e.BranchMoved(task=id, sha=sha),
        ]
    events.append(e.RunEnded(status="blocked" if code else "finished", exit_code=code))
    runs.home(repo.root)
    journal = Journal.create(runs.journal_path(repo.root, "r1"))
    for number, event in enumerate(events):
        plain = {"kind": event.kind, **event.model_dump(mode="json", exclude_defaults=True)}
        journal.append(f"2026-01-01T00:00:{number:02}.000+00:00", plain)
    journal.close()
    project = open_project(repo.root)
    run = runs.load(repo.root, "r1")
    write_summaries(project, run)
    assert are_written(project, run)
    return run


def test_each_part_that_is_done_gets_its_summary_where_its_document_wants_it(here: Repo) -> None:
    ended(here, (part("04-01", "phases/04/04-01-SUMMARY.md"), part("04-02", "phases/04/04-02-SUMMARY.md")))
    first, second = ((here.root / "phases" / "04" / f"04-0{n}-SUMMARY.md").read_text() for n in (1, 2))

    assert head(first)["key-files"] == {"created": ["04-01.txt", "shared.txt"], "modified": []}
    assert head(second)["key-files"] == {"created": ["04-02.txt"], "modified": ["shared.txt"]}
    assert (here.root / ".superteam" / "runs" / "r1" / "SUMMARY-04-01.md").read_text() == first
    assert here.git("status", "--porcelain") == "?? phases/"
    out = here.superteam("status", "r1").out
    assert "\nsummary of 04-01: phases/04/04-01-SUMMARY.md (not committed)\n" in out


def test_of_a_run_that_is_not_ok_and_of_a_part_that_is_not_done_nothing_gets_into_the_checkout(here: Repo) -> None:
    parts = (part("04-01", "04-01-SUMMARY.md"), part("04-02", "04-02-SUMMARY.md"))
    run = ended(here, parts, undone=("04-02",), code=1)

    assert here.git("status", "--porcelain") == ""
    text = (here.root / ".superteam" / "runs" / "r1" / "SUMMARY-04-02.md").read_text()
    assert "**0 of 1 task complete, 0 commits, 0 files changed; the run ended blocked (exit code 1).**" in text
    assert run.of("04-02.1").status != "complete"


def test_a_part_that_a_person_left_out_has_no_summary_in_the_checkout(here: Repo) -> None:
    ended(here, (part("04-01", "04-01-SUMMARY.md"), part("04-02", "04-02-SUMMARY.md")), undone=("04-02",))
    assert here.git("status", "--porcelain") == "?? 04-01-SUMMARY.md"


def test_a_file_of_the_users_is_left_as_it_is_and_the_end_says_so(here: Repo) -> None:
    (here.root / "04-01-SUMMARY.md").write_text("mine")
    ended(here, (part("04-01", "04-01-SUMMARY.md"),))
    assert (here.root / "04-01-SUMMARY.md").read_text() == "mine"
    out = here.superteam("status", "r1").out
    assert "SUMMARY.md (04-01-SUMMARY.md is another text and was left as it is)" in out


def test_writing_again_changes_nothing(here: Repo) -> None:
    run = ended(here, (part("04-01", "04-01-SUMMARY.md"),))
    before = {path: path.read_bytes() for path in here.root.rglob("*SUMMARY*.md")}
    write_summaries(open_project(here.root), run)
    assert {path: path.read_bytes() for path in here.root.rglob("*SUMMARY*.md")} == before
    assert len(before) == 2
