"""The name of a run's branch where the user's branches leave no room for it."""

from __future__ import annotations

import pytest
from playground import Repo

from superteam.app.running import branch_folder
from superteam.errors import WorkspaceError
from superteam.workspace.opening import open_repository


def test_the_runs_branch_is_in_the_contracts_folder(repo: Repo) -> None:
    repo.git("branch", "superteam/of-mine")
    assert branch_folder(open_repository(repo.root)) == "superteam"


def test_a_branch_named_superteam_is_avoided_with_a_note(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    repo.git("branch", "superteam")
    repo.git("pack-refs", "--all")
    assert branch_folder(open_repository(repo.root)) == "superteam-run"
    assert "a branch named superteam" in capsys.readouterr().err


def test_without_any_room_the_run_is_refused_with_the_cure(repo: Repo) -> None:
    repo.git("branch", "superteam")
    repo.git("branch", "superteam-run")
    with pytest.raises(WorkspaceError, match="no place") as caught:
        branch_folder(open_repository(repo.root))
    assert caught.value.hint == "git branch -m superteam NEW-NAME"


def test_a_tag_or_remote_branch_named_superteam_is_in_nobodys_way(repo: Repo) -> None:
    repo.git("tag", "superteam")
    repo.git("update-ref", "refs/remotes/origin/superteam", "HEAD")
    assert branch_folder(open_repository(repo.root)) == "superteam"
