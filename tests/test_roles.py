"""Roles: who does which dispatch, with what, and whose session is continued."""

from __future__ import annotations

from playground import Repo, Setup

SAID = 'echo "$SUPERTEAM_ROLE $SUPERTEAM_MODEL $SUPERTEAM_EFFORT ${SUPERTEAM_SESSION:-new} $*" >>"$SAID"'


def said(repo: Repo) -> list[str]:
    return (repo.root.parent / "said").read_text().splitlines()


def told(repo: Repo) -> dict[str, str]:
    """The environment in which the scripted agent says what it was told."""
    return {"SAID": str(repo.root.parent / "said")}


def ways(*entries: dict[str, object]) -> list[dict[str, object]]:
    return [{"run": SAID, **entry} for entry in entries]


def test_each_role_has_its_own_model_effort_and_arguments(repo: Repo, given: Setup) -> None:
    config = """
agent.model = "big"
agent.effort = "high"
agent.arguments = ["-v"]
agent.fix.model = "small"
agent.review.effort = "low"
agent.review.arguments = []
review.roles = ["spec"]
"""
    entries = ways(
        {"task": "1", "attempt": 1, "role": "implement", "write": {"a": "1"}},
        {"task": "1", "attempt": 2, "role": "fix", "write": {"ok": "1"}},
        {"task": "1", "reviewer": "spec", "result": {"passed": True}},
    )
    given([{"title": "One", "gate": "test -e ok"}], entries, config=f'test-command = "true"\n{config}')
    done = repo.superteam("execute", "plan.md", env=told(repo))
    assert done.code == 0, done.err
    assert said(repo) == ["implement big high new -v", "fix small high new -v", "review big low new "]
    assert "(agent script, small)" in done.err


def test_a_task_has_its_own_agent_and_its_table_wins(repo: Repo, given: Setup) -> None:
    entries = ways({"task": "1", "write": {"a": "1"}}, {"task": "2", "write": {"b": "1"}})
    own = {"title": "Two", "agent": {"model": "huge", "arguments": ["-x", "a b"]}}
    config = 'agent.model = "big"\nagent.arguments = ["-v"]\n'
    given([{"title": "One"}, own], entries, config=config)
    done = repo.superteam("execute", "plan.md", env=told(repo))
    assert done.code == 0, done.err
    assert said(repo) == ["implement big  new -v", "implement huge  new -x a b"]


def test_the_agents_of_all_roles_are_looked_for_before_anything_is_run(repo: Repo, given: Setup) -> None:
    given([{"title": "One"}], [{"task": "1", "write": {"a": "1"}}], config='agent.fix.use = "nobody"\n')
    done = repo.superteam("execute", "plan.md")
    assert done.code == 2 and "nobody" in done.err


def test_an_agent_for_reviews_is_needed_only_with_reviews(repo: Repo, given: Setup) -> None:
    given([{"title": "One"}], [{"task": "1", "write": {"a": "1"}}], config='agent.review.use = "nobody"\n')
    assert repo.superteam("execute", "plan.md").code == 0


def test_arguments_in_a_plan_that_is_not_committed_have_to_be_trusted(repo: Repo, given: Setup) -> None:
    task = {"title": "One", "agent": {"arguments": ["--allow-all"]}}
    given([task], [{"task": "1", "write": {"a": "1"}}])
    repo.write({"plan.md": (repo.root / "plan.md").read_text() + "\nmore\n"})
    done = repo.superteam("execute", "plan.md")
    assert done.code == 2 and "--allow-all" in done.err and "--trust-plan" in done.err
    assert repo.superteam("execute", "plan.md", "--trust-plan").code == 0


# -- sessions


GATE = {"title": "One", "gate": "ls; test -e ok"}  # it says something else each time


def test_a_fix_by_the_same_agent_continues_the_session(repo: Repo, given: Setup) -> None:
    entries = ways(
        {"task": "1", "attempt": 1, "write": {"a": "1"}, "session": "s-1"},
        {"task": "1", "attempt": 2, "write": {"b": "1"}, "session": "s-2"},
        {"task": "1", "attempt": 3, "write": {"ok": "1"}},
    )
    given([GATE], entries, config="validation.auto-fix = 2\n")
    done = repo.superteam("execute", "plan.md", env=told(repo))
    assert done.code == 0, done.err
    assert said(repo) == ["implement   new ", "fix   s-1 ", "fix   s-2 "]


def test_a_fix_with_another_model_begins_anew(repo: Repo, given: Setup) -> None:
    entries = ways(
        {"task": "1", "attempt": 1, "write": {"a": "1"}, "session": "s-1"},
        {"task": "1", "attempt": 2, "write": {"ok": "1"}},
    )
    given([GATE], entries, config='agent.fix.model = "small"\n')
    assert repo.superteam("execute", "plan.md", env=told(repo)).code == 0
    assert said(repo)[1] == "fix small  new "


def test_a_dispatch_that_ended_badly_leaves_no_session(repo: Repo, given: Setup) -> None:
    entries = ways(
        {"task": "1", "attempt": 1, "write": {"a": "1"}, "session": "s-1"},
        {"task": "1", "attempt": 2, "write": {"b": "1"}, "session": "s-2", "exit": 3},
        {"task": "1", "attempt": 3, "write": {"ok": "1"}},
    )
    given([GATE], entries, config="validation.auto-fix = 2\n")
    assert repo.superteam("execute", "plan.md", env=told(repo)).code == 0
    assert [line.split()[1] for line in said(repo)] == ["new", "s-1", "new"]


def test_the_answer_to_an_agents_question_goes_into_its_session(repo: Repo, given: Setup) -> None:
    entries = ways(
        {"task": "1", "attempt": 1, "session": "s-1", "result": {"question": "Which?"}},
        {"task": "1", "attempt": 2, "write": {"a": "1"}},
    )
    given([{"title": "One"}], entries)
    assert repo.superteam("execute", "plan.md", env=told(repo)).code == 4
    assert repo.superteam("answer", "continue", "--note", "the red one").code == 0
    assert repo.superteam("resume", env=told(repo)).code == 0
    assert [line.split()[1] for line in said(repo)] == ["new", "s-1"]


def test_a_rollback_begins_anew(repo: Repo, given: Setup) -> None:
    entries = ways(
        {"task": "1", "attempt": 1, "write": {"a": "1"}, "session": "s-1"},
        {"task": "1", "attempt": 2, "write": {"b": "1"}, "session": "s-2"},
        {"task": "1", "attempt": 3, "write": {"ok": "1"}},
    )
    given([GATE], entries, config="validation.auto-fix = 0\n")
    assert repo.superteam("execute", "plan.md", env=told(repo)).code == 4
    assert repo.superteam("answer", "rollback").code == 0
    assert repo.superteam("resume", env=told(repo)).code == 4
    assert repo.superteam("answer", "retry").code == 0
    assert repo.superteam("resume", env=told(repo)).code == 0
    assert [line.split()[1] for line in said(repo)] == ["new", "new", "s-2"]
