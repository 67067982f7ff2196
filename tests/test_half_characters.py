"""Half of a surrogate pair in what a test or an agent says: no crash, and the verdict that it would have without."""

from __future__ import annotations

from playground import Repo, Setup

CUT = 'def test_a(): from_calc()\nfrom calc import f\ndef from_calc(): assert f() == 1, "cut \\ud83d here"\n'


def test_half_a_character_in_a_message_is_no_bug(repo: Repo) -> None:
    repo.commit(
        {"calc.py": "def f(): return 1\n", "test_calc.py": CUT, "superteam.toml": 'test-command = "pytest -q"\n'}
    )
    assert repo.superteam("validate").code == 0
    repo.write({"calc.py": "def f(): return 2\n"})
    found = repo.superteam("validate", "--json")
    assert found.code == 1, found.err
    assert found.json["regressions"] == ["test_calc.py::test_a"]


def test_half_a_character_in_an_agents_result_is_read(repo: Repo, given: Setup) -> None:
    result = '{"summary": "cut \\ud83d here", "claims": ["cut \\udc00"]}'
    given([{"title": "A"}], [{"task": "1", "write": {"a.txt": "x"}, "result": result}])
    done = repo.superteam("execute", "plan.md", "--on-escalation", "pause")
    assert done.code == 0, done.err + done.out
