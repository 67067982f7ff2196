"""The examples of the how-to about CI and hooks, cut out of it and run; and the cache of verdicts that they live on."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from playground import Finished, Repo

DOCUMENT = Path(__file__).resolve().parents[1] / "docs/how-to/use-validate-in-ci-and-hooks.md"
COUNTING = """\
import os

def pytest_sessionstart(session):
    with open(os.environ["SUITE_RUNS"], "a") as file:
        file.write("one\\n")
"""
CONFIG = """\
test-command = "python -m pytest -q -p no:cacheprovider"
[validation]
reruns = 1
confirmations = 1
"""
GOOD = {"calc.py": "def add(a, b):\n    return b + a\n\n\ndef mul(a, b):\n    return a * b\n"}
BROKEN = {"calc.py": "def add(a, b):\n    return a + b\n\n\ndef mul(a, b):\n    return a + b\n"}
UNREADABLE = {"calc.py": "import os\n\nos._exit(9)\n"}


def example(kind: str, mark: str) -> str:
    """The one block of the document that is of this kind and holds the mark."""
    tokens = MarkdownIt("commonmark").parse(DOCUMENT.read_text(encoding="utf-8"))
    (found,) = [
        token.content for token in tokens if token.type == "fence" and token.info == kind and mark in token.content
    ]
    return str(found)


def run(repo: Repo, *command: str, env: Mapping[str, str] | None = None, given: str = "") -> Finished:
    done = subprocess.run(
        command, cwd=repo.root, env=repo.environ(env), input=given, capture_output=True, text=True, check=False
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def save(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


@dataclass
class Counter:
    """How often the suite was started since one asked last."""

    file: Path
    seen: int = 0

    def __call__(self) -> int:
        now = len(self.file.read_text().splitlines()) if self.file.exists() else 0
        self.seen, before = now, self.seen
        return now - before


@pytest.fixture
def runs(repo: Repo, tmp_path: Path) -> Counter:
    """The suite writes a line into a file outside of all trees each time that it is started."""
    repo.env["SUITE_RUNS"] = str(tmp_path / "suite-runs")
    repo.commit({"conftest.py": COUNTING, "superteam.toml": CONFIG}, "count")
    return Counter(tmp_path / "suite-runs")


# -- a push


@pytest.fixture
def pushing(repo: Repo, runs: Counter, tmp_path: Path) -> Repo:
    """A repository with a remote that has its first commit, and the hook."""
    run(repo, "git", "init", "-q", "-b", "main", "--bare", str(tmp_path / "remote.git"))
    repo.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    save(repo.root / ".git/hooks/pre-push", example("sh", "# .git/hooks/pre-push"))
    return repo


def on_remote(repo: Repo, branch: str) -> str:
    return repo.git("ls-remote", "origin", f"refs/heads/{branch}").partition("\t")[0]


def pushed(repo: Repo, *arguments: str) -> Finished:
    return run(repo, "git", "push", *arguments)


def test_the_first_push_has_nothing_to_be_compared_with_and_says_so(pushing: Repo, runs: Counter) -> None:
    done = pushed(pushing, "origin", "main")

    assert done.code == 0 and "is not validated, since origin has nothing to compare it with" in done.err
    assert (runs(), on_remote(pushing, "main")) == (0, pushing.git("rev-parse", "HEAD"))


def test_a_good_push_passes_and_a_second_one_of_the_same_tree_runs_no_suite(pushing: Repo, runs: Counter) -> None:
    pushed(pushing, "origin", "main")
    pushing.commit(GOOD)
    first = pushed(pushing, "origin", "HEAD:refs/heads/topic")
    assert (first.code, runs()) == (0, 2), first.err
    assert on_remote(pushing, "topic") == pushing.git("rev-parse", "HEAD")

    pushing.git("commit", "-q", "--amend", "-m", "the same tree under another name")
    second = pushed(pushing, "origin", "HEAD:main", "HEAD:refs/heads/another")

    assert (second.code, runs()) == (0, 0), second.err
    assert second.err.count("from the cache") == 2
    assert on_remote(pushing, "main") == on_remote(pushing, "another") == pushing.git("rev-parse", "HEAD")


def test_a_push_that_loses_a_test_is_stopped_until_it_is_mended(pushing: Repo) -> None:
    pushed(pushing, "origin", "main")
    before = on_remote(pushing, "main")
    pushing.commit(BROKEN)

    stopped = pushed(pushing, "origin", "main")
    assert stopped.code != 0 and on_remote(pushing, "main") == before
    assert "test_calc.py::test_mul  (failed 1 of 1 reruns here, 0 of 1 at the reference)" in stopped.err
    assert "git push --no-verify" in stopped.err

    pushing.commit(GOOD)
    assert pushed(pushing, "origin", "main").code == 0


def test_a_push_without_a_verdict_is_stopped_with_the_reason(pushing: Repo) -> None:
    pushed(pushing, "origin", "main")
    pushing.commit({"superteam.toml": CONFIG.replace("-q", "-q -k nothing")})

    done = pushed(pushing, "origin", "main")

    assert done.code != 0 and "verdict: inconclusive" in done.err and "reason: " in done.err
    assert on_remote(pushing, "main") != pushing.git("rev-parse", "HEAD")


def test_a_push_that_cannot_be_validated_at_all_is_stopped(pushing: Repo) -> None:
    pushed(pushing, "origin", "main")
    pushing.commit({"superteam.toml": ""})

    done = pushed(pushing, "origin", "main")

    assert done.code != 0 and "there is no test-command" in done.err


def test_deleted_refs_and_what_is_there_already_need_no_suite(pushing: Repo, runs: Counter) -> None:
    pushed(pushing, "origin", "main", "HEAD:refs/heads/old")
    pushing.git("tag", "-a", "v1", "-m", "a tag on what the remote has")

    done = pushed(pushing, "origin", ":old", "v1")

    assert (done.code, runs(), on_remote(pushing, "old")) == (0, 0, "")
    assert "pre-push" not in done.err


def test_what_is_not_checked_out_is_let_through_and_said_beside_a_ref_that_is_stopped(pushing: Repo) -> None:
    pushed(pushing, "origin", "main")
    pushing.git("branch", "elsewhere")
    pushing.commit(BROKEN)
    pushing.git("checkout", "-q", "elsewhere")

    done = pushed(pushing, "origin", "main")

    assert done.code == 0 and "refs/heads/main is not validated, since it is not checked out" in done.err
    pushing.commit({"superteam.toml": ""})
    both = pushed(pushing, "origin", "main:refs/heads/copy", "elsewhere")
    assert both.code != 0 and "there is no test-command" in both.err
    assert on_remote(pushing, "copy") == ""  # git stops the whole push


def test_a_forgotten_file_cannot_make_the_push_pass(pushing: Repo, runs: Counter) -> None:
    pushed(pushing, "origin", "main")
    pushing.commit({"test_more.py": "import forgotten\n\n\ndef test_more():\n    assert forgotten.here\n"})
    pushing.write({"forgotten.py": "here = True\n"})

    done = pushed(pushing, "origin", "main")

    assert done.code != 0 and "the working tree is not what is pushed" in done.err
    assert runs() == 0


def test_a_forced_push_over_commits_that_were_never_fetched_is_compared_with_the_common_part(
    pushing: Repo, tmp_path: Path
) -> None:
    pushed(pushing, "origin", "main")
    run(pushing, "git", "clone", "-q", str(tmp_path / "remote.git"), str(tmp_path / "other"))
    other = Repo(tmp_path / "other", tmp_path / "cache")
    other.commit({"note.txt": "somebody else was faster\n"})
    assert pushed(other, "origin", "main").code == 0
    pushing.commit(GOOD)

    done = pushed(pushing, "--force", "origin", "main")

    assert done.code == 0 and on_remote(pushing, "main") == pushing.git("rev-parse", "HEAD")
    assert f"compared with {pushing.git('rev-parse', '--short=12', 'HEAD~')}" in done.err


def test_a_push_from_a_linked_worktree_is_validated_there(pushing: Repo, tmp_path: Path) -> None:
    pushed(pushing, "origin", "main")
    pushing.git("worktree", "add", "-q", "-b", "topic", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked", tmp_path / "cache", pushing.env)
    linked.commit(GOOD)

    done = pushed(linked, "origin", "topic")

    assert done.code == 0, done.err
    assert f"the working tree is {linked.git('rev-parse', '--short=12', 'HEAD^{tree}')}" in done.err


# -- CI

NASTY = """\
import pytest

from calc import mul

NAMES = [
    "a\\n::error file=calc.py::no",
    "100%25 %0A::stop-commands::x",
    "]]> <img src=x> | `tick`",
    "::warning::\u202e",
]


@pytest.mark.parametrize("name", NAMES, ids=NAMES)
def test_names(name):
    assert mul(2, 3) == 6, "\\n::error file=calc.py,line=1::from the message\\r::add-mask::6\\n<b>" + name
"""


def cloned(repo: Repo, folder: Path, *options: str) -> Repo:
    done = run(repo, "git", "clone", "-q", *options, f"file://{repo.root}", str(folder))
    assert done.code == 0, done.err
    return Repo(folder, folder.with_name(f"{folder.name}-cache"), repo.env)


def workflow() -> Any:
    return yaml.safe_load(example("yaml", "# .github/workflows/validate.yml"))


def github_step(repo: Repo, name: str, summary: Path) -> Finished:
    """The step of the documented workflow, run as GitHub's runner does it: `bash -e FILE`."""
    (step,) = [step for step in workflow()["jobs"]["validate"]["steps"] if step.get("name") == name]
    file = save(summary.with_name("step.sh"), step["run"])
    here = {"GITHUB_BASE_REF": "main", "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_ACTIONS": "true", "CI": "true"}
    return run(repo, "bash", "-e", str(file), env=here)


def test_the_workflow_runs_on_pull_requests_with_the_whole_history() -> None:
    found = workflow()
    steps = found["jobs"]["validate"]["steps"]

    assert found[True] == "pull_request"  # YAML 1.1 reads the key `on` as true
    assert steps[0]["with"]["fetch-depth"] == 0
    assert [step["with"]["path"] for step in steps if "cache" in step.get("uses", "")] == [
        ".superteam/baselines\n~/.config/superteam/key\n"
    ]


def test_a_pull_request_that_loses_hostile_names_is_annotated_and_summed_up_in_safe_words(
    repo: Repo, runs: Counter, tmp_path: Path
) -> None:
    repo.commit({"test_nasty.py": NASTY})
    repo.git("checkout", "-q", "-b", "topic")
    repo.commit(BROKEN)
    clone = cloned(repo, tmp_path / "clone")

    done = github_step(clone, "validate", tmp_path / "summary.md")

    assert done.code == 1, done.err
    lines = done.out.splitlines()
    assert len(lines) == 6  # five tests and the notice with the verdict
    assert all(line.startswith(("::error file=test_", "::notice title=superteam")) for line in lines)
    assert all(character.isprintable() for line in lines for character in line)
    summary = (tmp_path / "summary.md").read_text()
    tokens = list(flat(MarkdownIt("commonmark").enable("table").parse(summary)))
    assert "test-regression" in summary and "::error file=calc.py,line=1::from the message" in summary
    assert not [token for token in tokens if token.type in ("html_block", "html_inline", "link_open", "image")]
    assert (clone.root / "superteam.xml").read_text().count("<failure ") == 5


def flat(tokens: Any) -> Iterator[Any]:
    for token in tokens:
        yield token
        yield from flat(token.children or ())


def test_a_cached_baseline_spares_the_run_at_the_base_and_a_damaged_one_is_made_again(
    repo: Repo, runs: Counter, tmp_path: Path
) -> None:
    repo.git("checkout", "-q", "-b", "topic")
    repo.commit(GOOD)
    first = cloned(repo, tmp_path / "first")
    done = github_step(first, "validate", tmp_path / "summary.md")
    assert (done.code, runs()) == (0, 2), done.err
    kept = first.root / ".superteam/baselines"

    repo.commit({"test_new.py": "def test_new():\n    assert True\n"})
    second = cloned(repo, tmp_path / "second")
    run(repo, "cp", "-r", str(kept), str(save(second.root / ".superteam/x", "").parent))
    done = github_step(second, "validate", tmp_path / "summary.md")
    assert (done.code, runs()) == (0, 1), done.err

    for name, spoilt in {"third": "*", "fourth": "[0-9a-f]" * 64 + ".json"}.items():
        clone = cloned(repo, tmp_path / name)
        run(repo, "cp", "-r", str(kept), str(save(clone.root / ".superteam/x", "").parent))
        for file in (clone.root / ".superteam/baselines").glob(spoilt):
            file.write_bytes(file.read_bytes()[:-9])
        done = github_step(clone, "validate", tmp_path / "summary.md")
        assert (done.code, runs()) == (0, 2), done.err


def test_the_script_for_any_ci_finds_the_base_in_a_shallow_clone(repo: Repo, runs: Counter, tmp_path: Path) -> None:
    repo.git("checkout", "-q", "-b", "topic")
    repo.commit(BROKEN)
    repo.git("checkout", "-q", "main")
    repo.commit({"test_late.py": "def test_late():\n    assert True\n"}, "main goes on")
    clone = cloned(repo, tmp_path / "clone", "--depth=1", "--branch=topic")
    script = save(tmp_path / "validate.sh", example("sh", "# ci/validate.sh"))

    done = run(clone, "sh", str(script), "main")

    assert done.code == 1, done.err
    assert "test_mul" in done.out and "test_late" not in done.out  # not a test that topic never had
    assert f"compared with {repo.git('rev-parse', '--short=12', 'topic~')}" in done.out
    assert (clone.root / "superteam.xml").exists()


def test_a_base_that_the_branch_does_not_contain_is_said_where_tests_are_missing(repo: Repo, tmp_path: Path) -> None:
    repo.git("checkout", "-q", "-b", "topic")
    repo.git("checkout", "-q", "main")
    repo.commit({"test_late.py": "def test_late():\n    assert True\n"}, "main goes on")
    repo.git("checkout", "-q", "topic")

    done = repo.superteam("validate", "--base", "main")

    assert done.code == 1
    tip = repo.git("rev-parse", "--short=12", "main")
    assert f"note: HEAD does not contain {tip}: what was added there counts as missing" in done.out
    assert f"--base $(git merge-base HEAD {tip})" in done.out
    repo.git("checkout", "-q", "main")
    repo.git("rm", "-q", "test_late.py")
    gone = repo.superteam("validate", "--base", "main")
    assert gone.code == 1 and "HEAD does not contain" not in gone.out


def test_a_base_that_a_shallow_clone_lacks_is_said_with_what_helps(repo: Repo, tmp_path: Path) -> None:
    repo.commit(GOOD)
    clone = cloned(repo, tmp_path / "clone", "--depth=1")

    done = clone.superteam("validate", "--base", "HEAD~1")

    assert done.code == 2 and "hint: this clone is shallow: git fetch --unshallow" in done.err


# -- the end of an agent's turn


@pytest.fixture
def agents(repo: Repo, runs: Counter) -> Repo:
    """A repository as the agent finds it, with the hook and a branch that the work is compared with."""
    files = {".claude/settings.json": example("json", '"Stop"')}
    save(repo.root / ".claude/hooks/validate.sh", example("sh", "# .claude/hooks/validate.sh"))
    repo.commit(files, "the hook")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    return repo


def stop(repo: Repo, active: bool = False, words: str = "Done.") -> Finished:
    """The agent wants to stop: the configured command, with the documented event on standard input."""
    event = {
        "session_id": "abc123",
        "transcript_path": "/nowhere/abc123.jsonl",
        "cwd": str(repo.root),
        "permission_mode": "default",
        "hook_event_name": "Stop",
        "stop_hook_active": active,
        "last_assistant_message": words,
    }
    (hook,) = json.loads((repo.root / ".claude/settings.json").read_text())["hooks"]["Stop"][0]["hooks"]
    return run(repo, "sh", "-c", hook["command"], env={"CLAUDE_PROJECT_DIR": str(repo.root)}, given=json.dumps(event))


def test_an_agent_that_lost_nothing_may_stop_and_waits_for_no_suite_the_second_time(
    agents: Repo, runs: Counter
) -> None:
    agents.write(GOOD)
    first = stop(agents)
    assert (first.code, first.out, first.err, runs()) == (0, "", "", 2)

    assert (stop(agents).code, runs()) == (0, 0)
    agents.git("commit", "-qam", "the same tree, committed")
    assert (stop(agents).code, runs()) == (0, 0)


def test_an_agent_that_lost_a_test_is_sent_back_once_with_what_is_to_be_mended(agents: Repo, runs: Counter) -> None:
    agents.commit(BROKEN)  # also when it has committed

    back = stop(agents, words='I wrote {"stop_hook_active": true} into a file.')
    assert back.code == 2 and runs() > 2
    assert "test_calc.py::test_mul  (failed 1 of 1 reruns here" in back.err
    assert "Mend what your change broke" in back.err

    again = stop(agents, active=True)
    assert again.code == 1 and runs() == 0
    assert "The agent stopped, but superteam validate ended with 1" in again.err and "test_mul" in again.err

    agents.write(GOOD)
    assert stop(agents, active=True).code == 0


def test_an_agent_without_a_verdict_is_told_what_to_do(agents: Repo) -> None:
    agents.write(UNREADABLE)

    back = stop(agents)
    assert back.code == 2
    assert "verdict: inconclusive" in back.err and "if not, change nothing and report the reason" in back.err


def test_what_the_agent_cannot_mend_is_told_to_the_person(agents: Repo) -> None:
    agents.commit({"superteam.toml": ""})

    done = stop(agents)

    assert done.code == 1 and "there is no test-command" in done.err


def test_the_instruction_for_agents_without_hooks_names_a_command_that_works(agents: Repo) -> None:
    agents.write(GOOD)
    text = example("text", "Before you say that a change is done")
    command = next(line for line in text.splitlines() if "superteam validate" in line).partition("run: ")[2]

    done = run(agents, "sh", "-c", command)

    assert done.code == 0 and "verdict: pass" in done.out


# -- the cache of verdicts


def validated(repo: Repo, *arguments: str, env: Mapping[str, str] | None = None) -> Finished:
    return repo.superteam("validate", "--base", "HEAD", "--quiet", *arguments, env=env)


def test_a_verdict_is_used_again_only_while_all_that_it_rests_on_is_the_same(
    repo: Repo, runs: Counter, tmp_path: Path
) -> None:
    save(tmp_path / "bin/python", '#!/bin/sh\nexec python3 "$@"\n')
    save(tmp_path / "more.toml", "[validation]\nreruns = 3\n")
    path = f"{tmp_path / 'bin'}{os.pathsep}{repo.environ()['PATH']}"
    assert (validated(repo).code, runs()) == (0, 2)

    same: dict[str, Any] = {"nothing": {}, "a variable of the shell": {"env": {"SHLVL": "7", "SSH_TTY": "/dev/pts/7"}}}
    for what, how in same.items():
        done = validated(repo, **how)
        assert (done.code, runs()) == (0, 0), what
        assert "from the cache" in done.out
    other: dict[str, tuple[list[str], dict[str, str], int]] = {
        "--fresh": (["--fresh"], {}, 1),
        "a variable": ([], {"COLOUR": "red"}, 1),
        "a variable of the CI": ([], {"GITHUB_REF": "refs/heads/x"}, 1),
        "another search path": ([], {"PYTHONPATH": str(tmp_path)}, 1),
        "a setting": (["--config", str(tmp_path / "more.toml")], {}, 1),
        "only some tests": (["--only", "test_calc.py::test_add"], {}, 1),
        "the command": (["--test-command", "python -m pytest -p no:cacheprovider"], {}, 2),
        "the interpreter": ([], {"PATH": path}, 2),
    }
    for what, (arguments, env, wanted) in other.items():
        done = validated(repo, *arguments, env=env)
        assert (done.code, runs()) == (0, wanted), f"{what}: {done.out}"
    repo.write({"untracked.txt": "also a part of the tree\n"})
    assert (validated(repo).code, runs()) == (0, 1)


def test_a_red_verdict_comes_out_of_the_cache_as_red_and_whole(repo: Repo, runs: Counter, tmp_path: Path) -> None:
    repo.write(BROKEN)
    first = validated(repo, "--json", "--junit", str(tmp_path / "first.xml"))
    runs()

    second = validated(repo, "--json", "--junit", str(tmp_path / "second.xml"))

    assert (first.code, second.code, runs()) == (1, 1, 0)
    assert second.json.pop("notes")[-1].startswith("from the cache: this tree got its verdict at ")
    assert {**second.json, "notes": []} == {**first.json, "notes": []}
    assert (tmp_path / "second.xml").read_text().count("<failure ") == 1


def test_an_inconclusive_verdict_is_never_cached(repo: Repo, runs: Counter) -> None:
    repo.write(UNREADABLE)
    validated(repo)
    first = runs()

    done = validated(repo)

    assert done.code == 3 and first > 1 and runs() >= 1
    assert not list((repo.root / ".superteam/baselines").glob("verdict-*"))


def test_a_damaged_or_mistaken_verdict_is_ignored_and_replaced(repo: Repo, runs: Counter) -> None:
    validated(repo)
    (kept,) = (repo.root / ".superteam/baselines").glob("verdict-*")
    foreign = json.dumps({**json.loads(kept.read_text()), "key": "0" * 64})
    runs()
    for damage in (b"", b"\xff\xfe{", foreign.encode()):
        kept.write_bytes(damage)
        assert (validated(repo).code, runs()) == (0, 1), damage
    assert (validated(repo).code, runs()) == (0, 0)


# -- the canary


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("python -m pytest -q || true", "the canary stayed silent"),
        ("python -m pytest -q -k add", "no canary could be planted"),
        ("python -m pytest -q -k nothing", "no tests"),
    ],
)
def test_a_suite_that_cannot_see_a_failure_gives_no_verdict(repo: Repo, command: str, reason: str) -> None:
    done = validated(repo, "--canary", "--test-command", command)

    assert done.code == 3
    assert done.out.startswith("verdict: inconclusive\nreason: ") and reason in done.out


def test_with_a_canary_that_sings_the_verdict_goes_on(repo: Repo, runs: Counter) -> None:
    repo.write(BROKEN)

    done = validated(repo, "--canary")

    assert done.code == 1 and "test_mul" in done.out and "the canary sang" in done.out
    assert not list(repo.root.glob("*canary*"))


def test_a_canary_is_planted_where_a_script_looks_for_tests(repo: Repo) -> None:
    suites = {f"{name}/test_{name}.py": "def test_x(): pass\n" for name in "ab"}
    repo.write({**suites, "test.sh": "set -e\n(cd a && python -m pytest -q .)\ncd b && python -m pytest -q .\n"})
    repo.git("add", "-A")
    repo.git("commit", "-qm", "two suites")

    done = validated(repo, "--canary", "--test-command", "sh test.sh")

    assert done.code == 0 and "the canary sang" in done.out


def test_a_configured_canary_is_part_of_what_the_cache_rests_on(repo: Repo, runs: Counter, tmp_path: Path) -> None:
    with_canary = str(save(tmp_path / "canary.toml", "canary = true\n"))
    validated(repo)
    runs()

    assert (validated(repo, "--config", with_canary).code, runs()) == (0, 2)
    assert (validated(repo, "--config", with_canary).code, runs()) == (0, 0)
