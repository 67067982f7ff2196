"""A gate, or a configured command, that names the checkout judges the task's tree all the same, or is refused."""

from __future__ import annotations

import pytest
from playground import Repo, Setup


def test_a_gate_that_names_the_checkout_judges_the_tree(repo: Repo, given: Setup) -> None:
    gate = f"cd {repo.root} && ! grep -q broken code.txt"
    given(
        [{"title": "A", "gate": gate}],
        [{"task": "1", "write": {"code.txt": "broken"}}],
        files={"code.txt": "good"},
        config="# without a test-command\nvalidation.auto-fix = 0\n",
    )
    assert repo.superteam("execute", "plan.md").code == 4
    assert repo.status()["pending"]["failure_type"] == "validation-failure"
    assert repo.files_at()["code.txt"] == "good"
    found = repo.superteam("plan", "check", "plan.md", "--json")
    assert found.code == 0
    assert "gate-rewritten" in [finding["code"] for finding in found.json["findings"]]


@pytest.mark.parametrize("key", ["validation-command", "test-command"])
def test_a_configured_command_that_goes_back_to_the_checkout_is_refused(repo: Repo, given: Setup, key: str) -> None:
    config = "" if key == "test-command" else 'test-command = "true"\n'
    given([{"title": "A"}], [], config=f'{config}{key} = "cd {repo.root} && true" # test-command\n')
    for arguments in (("execute", "plan.md"), ("validate",)):
        found = repo.superteam(*arguments)
        assert found.code == 2, found.err
        assert f"{key} names the checkout: {repo.root}; superteam runs it in a tree of its own" in found.err
        assert "write it relative" in found.err
