"""Whole runs whose agent plants programs for git: none is run, each is named, the commits are right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playground import Repo, Setup, heard, pipe

PLANT = """\
for key in core.fsmonitor diff.external filter.x.clean filter.x.smudge gpg.program core.sshCommand; do
    git config $WHERE "$key" "touch $MARK"
done
git config $WHERE commit.gpgSign true
git config $WHERE user.name Eve
printf '#!/bin/sh\\ntouch %s\\n' "$MARK" > "$(git rev-parse --git-dir)/hooks/reference-transaction"
chmod +x "$(git rev-parse --git-dir)/hooks/reference-transaction"
printf '* filter=x\\n' > .gitattributes
"""


@pytest.fixture
def mark(repo: Repo) -> Path:
    """A file that exists as soon as something planted has run."""
    found = repo.root.parent / "ran"
    repo.env |= {"MARK": str(found), "WHERE": "--local"}
    return found


def _safely(repo: Repo, *arguments: str) -> str:
    """git for the test itself, which must not run what was planted."""
    off = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false")
    return repo.git(*off, *arguments)


def _is_named(repo: Repo) -> None:
    [task] = repo.status()["tasks"]
    kinds = {finding["kind"] for finding in task["findings"]}
    text = " ".join(f"{finding['path']} {finding['detail']}" for finding in task["findings"])
    assert kinds == {"git-planted"} and "core.fsmonitor" in text and "filter driver x" in text
    summary = (repo.root / ".superteam/latest/SUMMARY.md").read_text()
    assert "core.fsmonitor" in summary


@pytest.mark.parametrize("where", ["--local", "--global"])
def test_what_is_planted_in_a_tree_or_in_the_home_is_named_and_never_run(
    repo: Repo, given: Setup, mark: Path, where: str
) -> None:
    repo.env |= {"WHERE": where}
    given([{"title": "One"}], [{"task": "1", "write": {"a.txt": "1\n"}, "run": PLANT}])
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert "changed what git runs" in done.err
    _is_named(repo)
    assert repo.superteam("validate").code == 0
    assert not mark.exists()
    assert _safely(repo, "show", "main:a.txt") == "1" and (repo.root / "a.txt").read_text() == "1\n"


def test_in_place_it_is_named_with_the_way_back_and_never_run(repo: Repo, given: Setup, mark: Path) -> None:
    repo.git("config", "filter.own.clean", "tr a-z A-Z")
    given([{"title": "One"}], [{"task": "1", "write": {"a.txt": "1\n", "b.own": "mine\n"}, "run": PLANT}])
    before = (repo.root / ".git/config").read_text()
    done = repo.superteam("execute", "plan.md", "--in-place")
    assert done.code == 0, done.err
    _is_named(repo)
    assert _safely(repo, "log", "-1", "--format=%an") == "Ada"
    found = {f["detail"].partition("to take it back: ")[2] for f in repo.status()["tasks"][0]["findings"]}
    [copy] = {command.split()[1] for command in found if command.startswith("cp ")}
    assert Path(copy).read_text() == before and f"rm {repo.root}/.git/hooks/reference-transaction" in found
    assert repo.superteam("validate").code == 0
    assert repo.superteam("execute", "plan.md").code == 0
    assert not mark.exists()


def test_in_place_killed_and_resumed_nothing_planted_runs(repo: Repo, given: Setup, mark: Path) -> None:
    """The configuration is that from before the first agent, also for the process that goes on."""
    repo.git("config", "user.name", "Grace")
    began, go = pipe(repo.root.parent, "began"), pipe(repo.root.parent, "go")
    run = f"test -e ../again || {{ {PLANT}\n touch ../again; echo x >{began}; cat {go}; }}\n{PLANT}"
    titles = [{"title": "One", "gate": "true"}, {"title": "Two"}]
    given(titles, [{"task": "1", "write": {"a.txt": "1\n"}, "run": run}, {"task": "2", "write": {"b": "2\n"}}])
    repo.env |= {"GIT_AUTHOR_NAME": "", "GIT_COMMITTER_NAME": ""}  # git's own configuration says who the user is
    run_in_place = repo.start("execute", "plan.md", "--in-place")
    assert heard(repo.root.parent / "began")
    run_in_place.kill()
    run_in_place.communicate()
    assert repo.superteam("validate").code in (0, 3)
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert not mark.exists()
    assert _safely(repo, "log", "-2", "--format=%an") == "Grace\nGrace"
    text = str(repo.status()["tasks"][0]["findings"])
    assert "core.fsmonitor" in text and "reference-transaction" in text


@pytest.mark.parametrize("folder", [".", "bin"])
def test_a_git_in_the_tree_is_not_the_one_that_we_run(repo: Repo, given: Setup, mark: Path, folder: str) -> None:
    text = '#!/bin/sh\ntouch "$MARK"\nexec "$REAL_GIT" "$@"\n'
    real = next(f"{f}/git" for f in os.environ["PATH"].split(os.pathsep) if Path(f, "git").exists())
    paths = [folder, str(repo.root / folder), repo.environ()["PATH"]]
    repo.env |= {"REAL_GIT": real, "PATH": os.pathsep.join(paths)}
    write = {f"{folder}/git": text, "a.txt": "1\n"}
    given(
        [{"title": "One"}, {"title": "Two"}],
        [{"task": "1", "write": write, "run": f"chmod +x {folder}/git"}, {"task": "2", "write": {"b": "2\n"}}],
    )
    done = repo.superteam("execute", "plan.md", "--in-place")
    assert done.code == 0, done.err
    assert repo.superteam("validate").code == 0
    assert not mark.exists()


def test_what_a_reviewer_plants_is_named_and_never_run(repo: Repo, given: Setup, mark: Path) -> None:
    verdict = {"passed": True, "findings": [], "summary": "good"}
    review = {"task": "1", "role": "review", "run": PLANT, "result": verdict}
    given([{"title": "One"}], [{"task": "1", "role": "implement", "write": {"a.txt": "1\n"}}, review],
          config='review.roles = ["spec"]\n')  # fmt: skip
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert "the reviewer spec changed what git runs" in done.err and not mark.exists()
    assert "core.fsmonitor" in str(repo.status()["tasks"][0]["findings"])
