"""What changes between two processes of a run: the plan, the configuration, who is asked."""

from __future__ import annotations

from playground import Repo, Setup, plan, script

FAILS = {"exit": 1}


def commit_plan(repo: Repo, *tasks: dict[str, object], **more: str) -> None:
    repo.write({"plan.md": plan(*tasks), **more})
    repo.git("add", "plan.md")
    repo.git("commit", "-q", "-m", "another plan")


def ids(repo: Repo) -> list[tuple[str, str]]:
    return [(task["id"], task["status"]) for task in repo.status()["tasks"]]


def test_a_changed_task_that_is_asked_about_is_taken_as_now_written(repo: Repo, given: Setup) -> None:
    given([{"title": "Fail", "description": "old"}], [{"task": "1", "exit": 1}])
    assert repo.superteam("execute", "plan.md").code == 4
    repo.write({"agent.toml": script({"task": "1", "write": {"a": "1"}})})
    commit_plan(repo, {"title": "Fail", "description": "new"})
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert ids(repo) == [("1", "complete")]
    kind = repo.git("log", "-1", "--format=%s", repo.status()["branch"])
    assert "Fail" in kind


def test_a_task_that_is_gone_from_the_plan_is_not_done(repo: Repo, given: Setup) -> None:
    given([{"title": "Fail", "id": "a"}, {"title": "Good", "id": "b"}], [{"task": "a", "exit": 1}])
    assert repo.superteam("execute", "plan.md").code == 4
    repo.write({"agent.toml": script({"task": "b", "write": {"b": "1"}})})
    commit_plan(repo, {"title": "Good", "id": "b"})
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert ids(repo) == [("b", "complete")]


def test_each_changed_finished_task_is_asked_about(repo: Repo, given: Setup) -> None:
    titles = [{"title": f"Task {i}"} for i in (1, 2, 3)]
    given(
        titles,
        [{"task": str(i), "write": {f"f{i}": "1"}} for i in (1, 2, 3)],
        config='execution-mode = "batch"\nbatch-size = 2\n',
    )
    assert repo.superteam("execute", "plan.md").code == 4
    commit_plan(repo, *({**task, "description": "new"} for task in titles))
    asked = []
    while (code := repo.superteam("resume").code) == 4 and len(asked) < 5:
        asked.append(repo.status()["pending"]["task"])
        assert repo.superteam("answer", "approve").code == 0
    assert (code, asked) == (0, ["1", "2"])


def test_taking_back_a_finished_task_waits_for_nothing_else(repo: Repo, given: Setup) -> None:
    titles = [{"title": f"Task {i}"} for i in (1, 2)]
    given(titles, [{"task": "1", "write": {"f1": "1"}}, {"task": "2", "write": {"f2": "1"}, "takes": 60}])
    running = repo.start("execute", "plan.md", "--json")
    assert running.stdout is not None
    for line in running.stdout:
        if '"step":"attempt"' in line.replace(" ", "") and '"task":"2"' in line.replace(" ", ""):
            break
    running.kill()
    running.wait()
    repo.write({"agent.toml": script({"task": "1", "write": {"f1": "2"}}, {"task": "2", "write": {"f2": "2"}})})
    commit_plan(repo, {**titles[0], "description": "new"}, titles[1])
    assert repo.superteam("resume").code == 4
    assert repo.superteam("answer", "rollback").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    files = repo.files_at(repo.status()["branch"])
    assert (files["f1"], files["f2"]) == ("2", "2")
    assert sorted(repo.task_commits(repo.status()["branch"])) == ["1", "2"]


def test_execute_goes_on_with_the_agent_that_the_run_was_begun_with(repo: Repo, given: Setup) -> None:
    text = (repo.root / "superteam.toml").read_text().replace('agent.use = "script"\n', "")
    given(
        [{"title": "A"}, {"title": "B"}],
        [{"task": i, "write": {f"f{i}": "1"}} for i in "12"],
        files={"superteam.toml": text},
    )
    assert repo.superteam("execute", "plan.md", "--agent", "script", "--mode", "checkpoint").code == 4
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err


def test_aborting_a_run_in_place_gives_the_checkout_back(repo: Repo, given: Setup) -> None:
    given([{"title": "Fail"}], [{"task": "1", "write": {"a": "1"}, "exit": 1}])
    assert repo.superteam("execute", "plan.md", "--in-place").code == 4
    assert repo.superteam("abort").code == 0
    assert repo.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert repo.git("status", "--porcelain") == ""


def test_aborting_one_run_leaves_a_live_one_alone(repo: Repo, given: Setup) -> None:
    given([{"title": "Fail"}], [{"task": "1", "exit": 1}])
    assert repo.superteam("execute", "plan.md").code == 4
    first = repo.status()["run_id"]
    repo.commit(
        {"other.md": plan({"title": "Slow"}), "agent.toml": script({"task": "1", "write": {"a": "1"}, "takes": 60})}
    )
    running = repo.start("execute", "other.md", "--json")
    assert running.stdout is not None
    for line in running.stdout:
        if "attempt" in line and "step-started" in line:
            break
    try:
        done = repo.superteam("abort", first)
        assert running.poll() is None
        assert done.code == 75, done.err
    finally:
        running.kill()
        running.wait()


def test_retry_is_a_dispatch_also_when_the_gate_left_files_behind(repo: Repo, given: Setup) -> None:
    given(
        [{"title": "A", "gate": "echo x > gate-report.txt; grep -q 2 a"}],
        [{"task": "1", "attempt": 1, "write": {"a": "1"}}, {"task": "1", "attempt": 2, "write": {"a": "2"}}],
        config="[validation]\nauto-fix = 0\n",
    )
    assert repo.superteam("execute", "plan.md").code == 4
    assert repo.superteam("answer", "retry", "--note", "write a 2").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert repo.status()["tasks"][0]["attempts"] == 2
    assert "gate-report.txt" not in repo.files_at()


def test_what_waits_for_an_answer_is_judged_by_the_new_test_command(repo: Repo, given: Setup) -> None:
    broken = {"calc.py": "def add(a, b):\n    return a - b\n\n\ndef mul(a, b):\n    return a * b\n"}
    given([{"title": "Break"}], [{"task": "1", "write": broken}], config="[validation]\nauto-fix = 0\n")
    assert repo.superteam("execute", "plan.md").code == 4
    text = (repo.root / "superteam.toml").read_text().replace("-p no:cacheprovider", "-p no:cacheprovider -x")
    repo.write({"superteam.toml": text})
    assert repo.superteam("answer", "approve").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    found = repo.status()
    assert found["baseline"]["command"].endswith("-x")
    assert [v["verdict"] for v in found["validations"]] == ["fail", "pass"]


def test_commands_that_an_agent_in_place_wrote_into_the_plan_are_not_trusted(repo: Repo, given: Setup) -> None:
    titles = [{"title": "One"}, {"title": "Two"}]
    mark = repo.root.parent / "ran"
    evil = plan(titles[0], {**titles[1], "gate": f"touch '{mark}'"})
    given(titles, [{"task": "1", "write": {"plan.md": evil}}, {"task": "2", "write": {"b": "1"}}])
    assert repo.superteam("execute", "plan.md", "--in-place", "--mode", "checkpoint").code == 4
    done = repo.superteam("resume")
    assert done.code == 2 and "--trust-plan" in done.err
    assert not mark.exists()


def test_a_higher_maximum_on_the_command_line_outlives_a_lower_one_in_the_file(repo: Repo, given: Setup) -> None:
    entries = [{"task": str(i), "write": {f"f{i}": "1"}, "cost-usd": 0.6} for i in (1, 2)]
    given([{"title": "One"}, {"title": "Two"}], entries, config='execution-mode = "checkpoint"\nbudget.max-usd = 0.5\n')
    assert repo.superteam("execute", "plan.md", "--max-cost", "5").code == 4
    assert repo.status()["status"] == "waiting"
    done = repo.superteam("resume")
    assert done.code == 0, done.err
