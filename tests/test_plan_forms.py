"""Plans of other forms, and `superteam plan check`, on real repositories with the real command."""

from __future__ import annotations

import pytest
from playground import CONFIG, Repo, example, plan, script

SETTINGS = {"superteam.toml": f'agent.use = "script"\n{CONFIG}'}


def test_the_example_of_a_spec_kit_list_is_executed(empty_repo: Repo) -> None:
    example(empty_repo, "spec-kit")
    assert empty_repo.superteam("plan", "check", "spec-kit.md").code == 0
    done = empty_repo.superteam("execute", "spec-kit.md")
    assert done.code == 0, done.err
    assert empty_repo.task_commits() == ["T002", "T003", "T004", "T005"]
    assert "parcels/cli.py" in empty_repo.files_at()


def test_the_example_of_a_superpowers_plan_is_executed(empty_repo: Repo) -> None:
    example(empty_repo, "superpowers")
    checked = empty_repo.superteam("plan", "check", "--on-base", "--strict", "superpowers.md")
    assert checked.code == 0, checked.out
    assert "running command 1 of 2" in checked.err
    done = empty_repo.superteam("execute", "superpowers.md")
    assert done.code == 0, done.err
    assert empty_repo.task_commits() == ["1", "2"]


SPECKIT = "# Tasks\n\n- [ ] T001 Make x.txt with `touch hacked` in it\n"
STEP = "### Task 1: A\n\n- [ ] **Step 1: x**\n\nRun: `test -f x.txt && touch {root}/ran`\nExpected: PASS\n"
WRITES = script(*({"task": id, "write": {"x.txt": "x"}} for id in ("1", "T001")))


def test_commands_of_a_superpowers_plan_are_run_only_if_they_are_trusted(empty_repo: Repo) -> None:
    empty_repo.commit({**SETTINGS, "agent.toml": WRITES}, "start")
    empty_repo.write({"new.md": STEP.format(root=empty_repo.root.parent)})
    refused = empty_repo.superteam("execute", "new.md")
    assert refused.code == 2
    assert "test -f x.txt" in refused.err and "--trust-plan" in refused.err
    assert not (empty_repo.root.parent / "ran").exists()
    assert empty_repo.superteam("execute", "new.md", "--trust-plan").code == 0
    assert (empty_repo.root.parent / "ran").exists()


def test_a_spec_kit_list_holds_no_commands_so_there_is_nothing_to_trust(empty_repo: Repo) -> None:
    empty_repo.commit({**SETTINGS, "agent.toml": WRITES}, "start")
    empty_repo.write({"new.md": SPECKIT})
    assert empty_repo.superteam("execute", "new.md").code == 0
    assert "hacked" not in empty_repo.files_at()


# plan check


def test_a_gate_that_passes_before_the_work_is_found_on_a_clean_tree_of_head(empty_repo: Repo) -> None:
    tasks = [
        {"title": "A", "description": "d", "gate": "test -f there.txt"},
        {"title": "B", "description": "d", "gate": "test -f gone.txt"},
        {"title": "C", "description": "d", "gate": "no-such-program-here"},
        {"title": "D", "description": "d", "gate": "sleep 60"},
        {"title": "E", "description": "d", "gate": "touch made", "acceptance_test": "test ! -f made"},
        {"title": "F", "description": "d", "checkpoint": "human-verify", "gate": "true"},
    ]
    settings = {"superteam.toml": SETTINGS["superteam.toml"] + '[validation]\ntimeout = "1s"\n'}
    empty_repo.commit({**settings, "there.txt": "x", "plan.md": plan(*tasks)}, "start")
    empty_repo.write({"gone.txt": "only in the checkout"})
    before = empty_repo.git("status", "--porcelain", "--untracked-files=all")
    done = empty_repo.superteam("plan", "check", "--on-base", "--json", "plan.md")
    assert done.code == 0, done.err
    assert [(one["code"], one["message"].split("'")[1]) for one in done.json["findings"]] == [
        ("gate-green-on-base", "1"),
        ("gate-not-started", "3"),
        ("gate-timed-out", "4"),
        ("gate-green-on-base", "5"),
        ("gate-green-on-base", "5"),
    ]
    assert empty_repo.git("status", "--porcelain", "--untracked-files=all") == before
    assert empty_repo.superteam("plan", "check", "--on-base", "--strict", "plan.md").code == 2


def test_the_commands_are_not_run_without_trust_nor_without_being_asked_for(empty_repo: Repo) -> None:
    empty_repo.commit(SETTINGS, "start")
    mark = empty_repo.root.parent / "ran"
    empty_repo.write({"new.md": plan({"title": "A", "description": "d", "gate": f"touch {mark}; false"})})
    assert empty_repo.superteam("plan", "check", "new.md").code == 0
    refused = empty_repo.superteam("plan", "check", "--on-base", "new.md")
    assert refused.code == 2 and "touch" in refused.err
    assert not mark.exists()
    assert empty_repo.superteam("plan", "check", "--on-base", "--trust-plan", "new.md").code == 0
    assert mark.exists()


def test_the_gate_of_a_tdd_task_may_be_green_before_its_tests_are_there(empty_repo: Repo) -> None:
    run = "- [ ] **Step {n}: x**\n\nRun: `test -f agent.toml`\nExpected: {said}\n\n"
    steps = run.format(n=1, said="FAIL") + run.format(n=2, said="PASS")
    tdd = f"### Task 1: A\n\n**Files:**\n- Test: `tests/test_a.py`\n\n{steps}"
    auto = tdd.replace("Test: `tests/test_a.py`", "Create: `a.py`")
    empty_repo.commit({**SETTINGS, "agent.toml": WRITES, "tdd.md": tdd, "auto.md": auto}, "start")
    for name, wanted in (("tdd", []), ("auto", ["gate-green-on-base"])):
        found = empty_repo.superteam("plan", "check", "--on-base", "--json", f"{name}.md").json
        assert [one["kind"] for one in found["tasks"]] == [name]
        assert [one["code"] for one in found["findings"]] == wanted


def test_a_plan_with_an_error_is_not_tried_on_the_base(empty_repo: Repo) -> None:
    mark = empty_repo.root.parent / "ran"
    tasks = {"title": "A", "description": "d", "gate": f"touch {mark}", "depends_on": ["zz"]}
    empty_repo.commit({**SETTINGS, "plan.md": plan(tasks)}, "start")
    assert empty_repo.superteam("plan", "check", "--on-base", "plan.md").code == 2
    assert not mark.exists()


def test_the_base_of_a_repository_without_a_commit_is_a_clear_error(empty_repo: Repo) -> None:
    empty_repo.write({**SETTINGS, "plan.md": plan({"title": "A", "description": "d", "gate": "true"})})
    done = empty_repo.superteam("plan", "check", "--on-base", "--trust-plan", "plan.md")
    assert done.code == 2
    assert "commit" in done.err


def test_warnings_count_as_errors_only_when_that_is_asked_for(empty_repo: Repo) -> None:
    empty_repo.commit({**SETTINGS, "plan.md": plan({"title": "A"})}, "start")
    relaxed = empty_repo.superteam("plan", "check", "plan.md")
    assert (relaxed.code, "next: superteam execute" in relaxed.out) == (0, True)
    strict = empty_repo.superteam("plan", "check", "--strict", "plan.md")
    assert (strict.code, "next: superteam execute" in strict.out) == (2, False)


def test_the_document_names_kind_part_and_wave(empty_repo: Repo) -> None:
    empty_repo.commit(SETTINGS, "start")
    empty_repo.write({"list.md": "# Tasks\n\n- [ ] T001 A\n- [ ] T002 [P] B\n"})
    found = empty_repo.superteam("plan", "check", "--json", "list.md").json
    assert found["format"] == "spec-kit"
    assert [(t["kind"], t["wave"], t.get("part")) for t in found["tasks"]] == [
        ("auto", 1, "sequential"),
        ("auto", 2, None),
    ]


@pytest.mark.parametrize("text", ["", "# A letter\n\nDear plan.\n", "## Notes\n\n- [ ] buy milk\n"])
def test_a_document_without_tasks_is_refused_with_all_that_was_looked_for(empty_repo: Repo, text: str) -> None:
    empty_repo.commit({**SETTINGS, "plan.md": text}, "start")
    for command in (["plan", "check", "plan.md"], ["execute", "plan.md"]):
        done = empty_repo.superteam(*command)
        assert done.code == 2
        for form in ("superteam-tasks", "## Task 1: title", "superpowers", "GSD", "T001", "numbered list"):
            assert form in done.out + done.err, form


def test_a_check_says_why_it_failed_and_which_command_trusts_the_plan(empty_repo: Repo) -> None:
    empty_repo.commit(SETTINGS, "start")
    empty_repo.write({"new.md": STEP.format(root=empty_repo.root.parent)})
    refused = empty_repo.superteam("plan", "check", "--on-base", "new.md")
    assert refused.code == 2 and "superteam plan check --on-base new.md --trust-plan" in refused.err
    empty_repo.write({"new.md": STEP.format(root=empty_repo.root.parent) + "\n### Task 2: Says nothing\n"})
    strict = empty_repo.superteam("plan", "check", "--strict", "new.md")
    assert strict.code == 2 and "warnings count as errors here (--strict)" in strict.out
    assert "count as errors" not in empty_repo.superteam("plan", "check", "new.md").out
