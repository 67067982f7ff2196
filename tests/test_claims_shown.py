"""What an agent claims is shown beside what was measured: while the run goes on, in its status and in its summary."""

from __future__ import annotations

from playground import Repo, Setup


def test_claims_are_shown_where_they_differ_and_change_nothing(repo: Repo, given: Setup) -> None:
    gate = "grep -q 'X = 2' other.py"
    given(
        [{"title": "Set X", "gate": gate}],
        [
            {
                "task": "1",
                "attempt": 1,
                "write": {"other.py": "X = 1\n"},
                "result": {"summary": "Set X. All tests pass.", "claims": ["7 passed, 0 failed"]},
            },
            {
                "task": "1",
                "attempt": 2,
                "write": {"other.py": "X = 2\n"},
                "result": {"summary": "Now X is 2, and all tests pass."},
            },
        ],
    )
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    said = "task 1 the agent said: “All tests pass.”; measured: the gate failed with exit code 1"
    assert done.err.count(said) == 1
    claims = repo.status()["tasks"][0]["claims"]
    red, suite = "the gate failed with exit code 1", "the test suite: 2 passed (verdict pass)"
    assert claims == [
        {"attempt": 1, "text": "7 passed, 0 failed", "measured": red, "agrees": False},
        {"attempt": 1, "text": "All tests pass.", "measured": red, "agrees": False},
        {"attempt": 2, "text": "Now X is 2, and all tests pass.", "measured": suite, "agrees": True},
    ]
    summary = (repo.root / ".superteam/latest/SUMMARY.md").read_text()
    assert "## Claims and Facts" in summary
    assert "- differs: Task 1, attempt 1, claimed: All tests pass.; measured: the gate failed" in summary
    assert "- agrees: Task 1, attempt 2, claimed: Now X is 2, and all tests pass.; measured: the test suite" in summary
    assert "claims that differ" not in repo.superteam("status").out, "the last attempt's are true"
