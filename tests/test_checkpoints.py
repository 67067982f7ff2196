"""Checkpoints of a plan on real repositories: asked, answered, rejected, resumed; verifications; context of a part."""

from __future__ import annotations

import pytest
from playground import Finished, Repo, Setup, begin, prompts

from superteam.core.plan import Artifact, Checkpoint, Choice, KeyLink, MustHaves, Part, Task

SHOW = Task(
    id="2",
    title="Look at the page",
    kind="human-verify",
    checkpoint=Checkpoint(subject="A page with X", instructions="Open x.txt", resume_signal="Type approved"),
)
CHOOSE = Task(
    id="2",
    title="Which database?",
    kind="decision",
    checkpoint=Checkpoint(
        subject="Choose the database",
        options=(Choice(id="Postgres", name="PostgreSQL", pros="known"), Choice(id="sqlite", name="SQLite")),
    ),
)
LOG_IN = Task(id="2", title="Log in", kind="human-action", checkpoint=Checkpoint(subject="Log in to the service"))
FIRST, LAST = Task(id="1", title="Make X"), Task(id="3", title="Use X", depends_on=("2",))
MAKES = {"task": "1", "write": {"x.txt": "1\n"}}
USES = {"task": "3", "write": {"y.txt": "1\n"}}


def answer(repo: Repo, *words: str) -> Finished:
    """Answers and goes on."""
    done = repo.superteam("answer", *words)
    assert done.code == 0, done.err
    return repo.superteam("resume")


@pytest.mark.parametrize(
    ("task", "wrong", "choice", "wanted"),
    [
        (SHOW, "continue", "approve", "approve"),
        (CHOOSE, "approve", "postgres", "Postgres"),
        (LOG_IN, "skip", "continue", "continue"),
    ],
)
def test_each_kind_pauses_the_run_and_its_answer_reaches_later_prompts(
    task: Task, wrong: str, choice: str, wanted: str, repo: Repo, given: Setup
) -> None:
    given([{"title": "not used"}], [MAKES, USES])
    begin(repo, FIRST, task, LAST)
    paused = repo.superteam("resume")
    assert paused.code == 4 and "the plan asks (task 2)" in paused.err, paused.err
    asked = repo.status()["pending"]
    assert asked["task"] == "2" and asked["failure_type"] is None
    assert task.checkpoint and task.checkpoint.subject in asked["question"]
    assert repo.status()["tasks"][1]["status"] == "waiting"
    assert repo.superteam("resume").code == 4, "a plain resume shows it again"
    refused = repo.superteam("answer", wrong)
    assert refused.code == 2 and "the answers are" in refused.err
    done = answer(repo, choice, "--note", "because I say so")
    assert done.code == 0, done.err
    assert [t["status"] for t in repo.status()["tasks"]] == ["complete"] * 3
    assert repo.status()["tasks"][1]["decision"] == {"choice": wanted, "note": "because I say so"}
    assert repo.status()["tasks"][1]["commit_sha"] is None
    assert repo.task_commits() == ["1", "3"]
    told = prompts(repo, "attempt-3-1")[0]
    assert "Decided by a person" in told and wanted in told and "because I say so" in told
    assert "decided by a person" in done.out


def test_the_decisions_options_are_the_documents(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [MAKES, USES])
    begin(repo, CHOOSE)
    assert repo.superteam("resume").code == 4
    assert [option["id"] for option in repo.status()["pending"]["options"]] == ["Postgres", "sqlite", "abort"]
    shown = repo.superteam("status").out
    assert "PostgreSQL" in shown and "+ known" in shown and "  | Choose the database" in shown


def test_a_rejected_checkpoint_is_mended_from_the_tip_and_asked_again(repo: Repo, given: Setup) -> None:
    fix = {"task": "2", "role": "fix"}
    given(
        [{"title": "not used"}],
        [
            MAKES,
            {**fix, "attempt": 1, "write": {"x.txt": "2\n"}},
            {**fix, "attempt": 2, "write": {"x.txt": "3\n"}},
            USES,
        ],
    )
    begin(repo, FIRST, SHOW, LAST)
    assert repo.superteam("resume").code == 4
    bare = repo.superteam("answer", "reject")
    assert bare.code == 2 and "--note" in bare.err
    assert answer(repo, "reject", "--note", "X must be 2").code == 4
    assert repo.status()["pending"]["task"] == "2"
    assert answer(repo, "reject", "--note", "X must be 3").code == 4
    done = answer(repo, "approve")
    assert done.code == 0, done.err
    assert repo.files_at()["x.txt"] == "3"
    assert repo.task_commits() == ["1", "2", "2", "3"]
    told = prompts(repo, "attempt-2-*")
    assert "X must be 2" in told[0] and "Open x.txt" in told[0] and "A page with X" in told[0]
    assert "X must be 3" in told[1] and "X must be 2" not in told[1]
    assert [v["verdict"] for v in repo.status()["validations"]] == ["pass"] * 4


def test_a_rejects_fix_that_changes_nothing_goes_through_the_taxonomy(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [MAKES, USES, {"task": "2", "output": "nothing to do"}])
    begin(repo, FIRST, SHOW, LAST)
    assert repo.superteam("resume").code == 4
    assert answer(repo, "reject", "--note", "no").code == 4
    status = repo.status()
    assert status["pending"]["failure_type"] == "impl-crash" and status["tasks"][1]["attempts"] == 2
    done = answer(repo, "skip")
    assert done.code == 1, done.err
    assert [t["status"] for t in repo.status()["tasks"]] == ["complete", "skipped", "blocked"]


def test_a_kill_in_a_rejects_fix_is_resumed(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [MAKES, {"task": "2", "takes": "2s", "write": {"x.txt": "2\n"}}, USES])
    begin(repo, FIRST, SHOW, LAST)
    assert repo.superteam("resume").code == 4
    assert repo.superteam("answer", "reject", "--note", "X must be 2").code == 0
    process = repo.start("resume", "--json")
    assert process.stdout
    for line in process.stdout:
        if '"attempt"' in line and "step-started" in line:
            break
    process.kill()
    process.communicate()
    assert repo.superteam("resume").code == 4
    assert answer(repo, "approve").code == 0
    assert repo.files_at()["x.txt"] == "2" and repo.task_commits() == ["1", "2", "3"]


def test_abort_at_a_checkpoint_ends_the_run(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [MAKES, USES])
    begin(repo, FIRST, SHOW, LAST)
    assert repo.superteam("resume").code == 4
    assert answer(repo, "abort").code == 1
    assert repo.status()["status"] == "aborted"


def test_on_escalation_skip_does_not_answer_for_a_person(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [MAKES, USES], config='on-escalation = "skip"')
    begin(repo, FIRST, SHOW, LAST)
    assert repo.superteam("resume").code == 4


def test_checkpoint_mode_does_not_pause_right_before_a_checkpoint_of_the_plan(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [MAKES, USES], config='execution-mode = "checkpoint"')
    begin(repo, FIRST, SHOW, LAST)
    assert repo.superteam("resume").code == 4
    assert repo.status()["pending"]["task"] == "2"
    assert answer(repo, "approve").code == 0


# -- verifications


def test_a_verification_runs_its_commands_on_the_state_so_far_and_makes_no_commit(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [MAKES])
    begin(repo, FIRST, Task(id="v", title="Verify", kind="verification", gate="grep -q 1 x.txt"))
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert repo.task_commits() == ["1"]
    assert repo.status()["tasks"][1]["status"] == "complete" and repo.status()["tasks"][1]["attempts"] == 0
    assert "task v complete: verified" in done.err


def test_a_red_verification_is_mended_by_a_commit_of_its_own(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [MAKES, {"task": "v", "role": "fix", "write": {"x.txt": "2\n"}}])
    begin(repo, FIRST, Task(id="v", title="Verify", kind="verification", gate="grep -q 2 x.txt"))
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert repo.task_commits() == ["1", "v"]
    assert [f["type"] for f in repo.status()["tasks"][1]["failures"]] == ["validation-failure"]
    assert "grep -q 2 x.txt" in prompts(repo, "attempt-v-*")[0]


def test_must_haves_that_fail_make_a_verification_red_and_what_nobody_can_check_is_unverified(
    repo: Repo, given: Setup
) -> None:
    must = MustHaves(
        truths=("A user sees X",),
        artifacts=(Artifact(text="x.txt", path="x.txt", contains=("2",)), Artifact(text="out", path="../out")),
        key_links=(KeyLink(text="x to calc", source="x.txt", target="calc.py", pattern="def add"),),
    )
    part = Part(id="04-01", path="p.md", title="P", must_haves=must)
    given([{"title": "not used"}], [MAKES, {"task": "v", "role": "fix", "write": {"x.txt": "2\n"}}])
    first = FIRST.model_copy(update={"part": "04-01"})
    begin(repo, first, Task(id="v", title="Verify", kind="verification", part="04-01"), parts=(part,))
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    task = repo.status()["tasks"][1]
    assert [(r["text"], r["state"]) for r in task["must_haves"]] == [
        ("A user sees X", "unverified"),
        ("x.txt", "passed"),
        ("out", "unverified"),
        ("x to calc", "passed"),
    ]
    assert "must-haves failed: x.txt (x.txt does not contain '2')" in task["failures"][0]["message"]
    assert repo.task_commits() == ["1", "v"] and "2 of 4 passed" in done.out


def test_a_red_verification_that_a_person_approves_is_complete_without_a_commit(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [MAKES], config="[validation]\nauto-fix = 0")
    begin(repo, FIRST, Task(id="v", title="Verify", kind="verification", gate="false"))
    assert repo.superteam("resume").code == 4
    assert answer(repo, "approve").code == 0
    assert repo.task_commits() == ["1"]


# -- the context of a part


def test_files_that_a_part_names_are_in_its_prompts_as_data(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "not used"}],
        [MAKES],
        files={"notes.md": "Remember the milk.\n```\nnot closed\n", "long.md": "x" * 9000},
    )
    (repo.root / "secret").symlink_to("/etc/passwd")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "link")
    names = ("@notes.md", "@gone.md", "@../../etc/passwd", "@secret", "@long.md")
    part = Part(id="1", path="p.md", title="P", context="The part's own context.", references=names)
    begin(repo, FIRST.model_copy(update={"part": "1"}), parts=(part,))
    assert repo.superteam("resume").code == 0
    told = prompts(repo)[0]
    assert "The part's own context." in told and "````\nRemember the milk." in told
    assert "`gone.md` is not there" in told and "`../../etc/passwd` leaves the repository" in told
    assert "`secret` is not there" in told and "root:" not in told
    assert "x" * 8000 in told and "x" * 8001 not in told


def test_of_what_mended_a_checkpoint_and_was_taken_back_no_verdict_stands(repo: Repo, given: Setup) -> None:
    fix = {"task": "2", "role": "fix", "write": {"test_calc.py": "def test_add():\n    pass\n"}}
    given([{"title": "not used"}], [MAKES, fix, USES], config="[validation]\nauto-fix = 0")
    begin(repo, FIRST, SHOW, LAST)
    assert repo.superteam("resume").code == 4
    assert answer(repo, "reject", "--note", "X must be 2").code == 4
    assert "test_calc.py::test_mul" in repo.superteam("status").out
    asked = answer(repo, "rollback")
    assert asked.code == 4 and repo.status()["pending"]["failure_type"] is None
    done = answer(repo, "approve")
    assert done.code == 0, done.err
    for shown in (asked.out, done.out):
        assert "test_mul" not in shown and "fail" not in shown and "test_calc.py" not in shown


def test_the_usual_words_of_plans_are_answers_and_the_option_is_named(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [MAKES])
    begin(repo, FIRST, SHOW, LOG_IN.model_copy(update={"id": "3"}))
    assert repo.superteam("resume").code == 4
    approved = repo.superteam("answer", "Approved")
    assert approved.code == 0 and "answered 'approve'" in approved.out
    assert "the next question, q2, waits already" in approved.out
    done = answer(repo, "done")
    assert done.code == 0, done.err
    nothing = repo.superteam("answer", "done")
    assert nothing.code == 2
    assert [t["decision"]["choice"] for t in repo.status()["tasks"][1:]] == ["approve", "continue"]


def test_a_question_that_is_asked_again_names_the_commit_that_mended_it(repo: Repo, given: Setup) -> None:
    given([{"title": "not used"}], [MAKES, {"task": "2", "role": "fix", "write": {"x.txt": "2\n"}}])
    begin(repo, FIRST, SHOW)
    assert repo.superteam("resume").code == 4
    assert "after your reject" not in repo.superteam("status").out
    assert answer(repo, "reject", "--note", "X must be 2").code == 4
    mended = repo.status()["tasks"][1]["commit_sha"]
    assert f"the commit that mended it after your reject: {mended}" in repo.superteam("status").out
