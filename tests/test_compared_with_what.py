"""What `validate` compares with: the base, the base's own configuration, and documents that only we write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.playground import Finished, Repo

# A suite that is quick: one test for each line of its file, green where the line says so.
SUITE = """\
import sys
rows = [line.split() for name in sys.argv[2:] for line in open(name)]
cases = "".join(
    f'<testcase classname="s" name="{name}">' + ('' if word == "good" else '<failure message="bad"/>') + '</testcase>'
    for name, word in rows
)
bad = sum(word != "good" for _, word in rows)
open(sys.argv[1], "w").write(f'<testsuite name="s" tests="{len(rows)}" failures="{bad}">{cases}</testsuite>')
sys.exit(bool(bad))
"""
COMMAND = 'test-command = "python3 suite.py out.xml a.txt b.txt"\nreport = "junit:out.xml"\n'
FILES = {
    "suite.py": SUITE,
    "a.txt": "a good\n",
    "b.txt": "b good\n",
    "superteam.toml": COMMAND,
    ".gitignore": "out.xml\n",
}


@pytest.fixture
def repo(empty_repo: Repo) -> Repo:
    empty_repo.commit(FILES)
    return empty_repo


def validate(repo: Repo, *arguments: str) -> Finished:
    return repo.superteam("validate", "--quiet", *arguments)


def notes(done: Finished) -> str:
    return "\n".join(done.json["notes"])


def test_an_unchanged_tree_passes_and_says_that_nothing_was_changed(repo: Repo) -> None:
    repo.commit({"c.txt": ""})
    done = validate(repo, "--json")
    assert done.code == 0 and "nothing was changed against HEAD" in notes(done)
    assert "superteam validate --base HEAD~1" in notes(done)


def test_a_red_suite_that_is_compared_with_itself_proves_nothing(repo: Repo) -> None:
    repo.commit({"a.txt": "a broken\n"}, "the agent's own")
    done = validate(repo, "--json")
    assert done.code == 3 and "--base HEAD~1" in done.json["reason"]
    assert validate(repo, "--base", "HEAD~1").code == 1


def test_files_that_are_no_code_make_no_other_comparison_of_it(repo: Repo) -> None:
    repo.commit({"a.txt": "a broken\n", "README.md": "one\n"}, "the agent's own")
    repo.write({"stray.txt": "notes\n", "README.md": "two\n"})
    done = validate(repo, "--json")
    assert done.code == 3 and "--base HEAD~1" in done.json["reason"] and "README.md" in done.json["reason"]


def test_code_that_was_changed_beside_a_known_red_test_passes(repo: Repo) -> None:
    repo.commit({"a.txt": "a broken\n", "shop.py": "price = 1\n"})
    repo.write({"shop.py": "price = 2\n"})
    assert validate(repo).code == 0


def test_a_pushed_commit_is_not_compared_with_itself_in_silence(repo: Repo) -> None:
    repo.git("init", "-q", "--bare", "-b", "main", "../remote.git")
    repo.git("remote", "add", "origin", "../remote.git")
    repo.git("push", "-q", "-u", "origin", "main")
    repo.commit({"a.txt": "a broken\n"})
    repo.git("push", "-q")
    assert validate(repo).code == 3


def test_an_upstream_that_was_moved_is_a_note(repo: Repo) -> None:
    repo.git("init", "-q", "--bare", "-b", "main", "../remote.git")
    repo.git("remote", "add", "origin", "../remote.git")
    old = repo.commit({"c.txt": ""})
    repo.git("push", "-q", "-u", "origin", "main")
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.commit({"d.txt": ""})
    repo.git("push", "-q", "--force")
    assert f"does not contain {old[:12]}" in notes(validate(repo, "--json"))


def test_a_clone_of_one_commit_says_how_to_get_another_base(repo: Repo) -> None:
    repo.commit({"a.txt": "a broken\n"})
    repo.git("clone", "-q", "--depth=1", f"file://{repo.root}", "../clone")
    done = validate(Repo(repo.root.parent / "clone", repo.cache), "--json")
    assert done.code == 3 and "git fetch --unshallow" in done.json["reason"]


def test_a_name_of_two_meanings_is_a_mistake_of_use(repo: Repo) -> None:
    repo.commit({"c.txt": ""})
    repo.git("tag", "main", "HEAD~1")
    done = validate(repo, "--base", "main")
    assert done.code == 2 and "refs/tags/main" in done.err and "refs/heads/main" in done.err


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (COMMAND.replace("suite.py", "green.py"), 1),
    ],
)
def test_a_command_that_the_change_brought_does_not_judge_alone(repo: Repo, new: str, code: int) -> None:
    green = SUITE.replace("word != ", "'x' == ").replace("word == ", "'good' == ")
    repo.write({"superteam.toml": new, "green.py": green, "b.txt": "b broken\n"})
    done = validate(repo, "--json")
    assert done.code == code, done.out
    assert any(f["rank"] == 1 and f["path"] == "superteam.toml" for f in done.json["findings"])


def test_a_command_that_was_changed_for_good_reasons_passes_with_a_finding(repo: Repo) -> None:
    repo.write({"superteam.toml": COMMAND.replace("suite.py", "run.py"), "run.py": SUITE})
    both = validate(repo, "--json")
    assert both.code == 0 and "it is pass" in notes(both)
    strict = validate(repo, "--strict")
    assert strict.code == 1 and "gate-weakened: superteam.toml" in strict.out
    declared = validate(repo, "--strict", "--may-change", "superteam.toml")
    assert declared.code == 0 and "gate-weakened" not in declared.out


def test_a_command_that_the_change_made_crash_gives_no_pass(repo: Repo) -> None:
    repo.commit({"crash.py": "", "suite.py": f"import crash\n{SUITE}", "own.py": SUITE})
    repo.write({"crash.py": "import os\nos._exit(127)\n", "superteam.toml": COMMAND.replace("suite.py", "own.py")})
    done = validate(repo, "--json")
    assert done.code == 3 and "by the base's test command" in done.json["reason"], done.out


def test_a_command_whose_script_is_gone_is_a_note(repo: Repo) -> None:
    repo.commit({"own.py": SUITE})
    repo.write({"superteam.toml": COMMAND.replace("suite.py", "own.py")})
    (repo.root / "suite.py").unlink()
    done = validate(repo, "--json")
    assert done.code == 0 and "it is inconclusive" in notes(done), done.out


SMOKE = """\
import json, pathlib, sys
names = open("b.txt").read().split()[::2]
if "--list" in sys.argv:
    sys.exit(print("\\n".join(names)))
words = dict(zip(names, open("b.txt").read().split()[1::2]))
rows = [{"fixtureId": id, "status": "pass" if words[id] == "good" else "fail", "error": "bad"} for id in names]
failed = sum(row["status"] == "fail" for row in rows)
summary = {"totalFixtures": len(rows), "passedFixtures": len(rows) - failed, "failedFixtures": failed}
document = {"runId": "r", "result": "fail" if failed else "pass", "mode": "live", "summary": summary, "fixtures": rows}
pathlib.Path("latest.json").write_text(json.dumps(document))
sys.exit(bool(failed))
"""
SOURCE = """
[[sources]]
name = "smoke"
kind = "smoke-artifact"
artifact = "latest.json"
command = ["python3", "smoke.py"]
fixtures = ["python3", "smoke.py", "--list"]
"""
ONLY_A = COMMAND.replace(" b.txt", "")


@pytest.mark.parametrize(
    ("settings", "b", "code"),
    [
        (ONLY_A, "b broken\n", 1),
        (ONLY_A, "b good\n", 0),
        (ONLY_A + SOURCE.replace('["python3", "smoke.py"]', '["true"]'), "b broken\n", 1),
    ],
)
def test_a_source_that_the_change_took_out_judges_once_more(repo: Repo, settings: str, b: str, code: int) -> None:
    repo.commit({"superteam.toml": ONLY_A + SOURCE, "smoke.py": SMOKE, ".gitignore": "out.xml\nlatest.json\n"})
    repo.write({"superteam.toml": settings, "b.txt": b})
    done = validate(repo, "--json")
    assert done.code == code, done.out
    results = done.json.get("validations", [done.json])
    assert [f["rank"] for result in results for f in result["findings"] if "source smoke" in f["detail"]] == [1]


def test_a_source_that_is_gone_with_its_script_is_a_note(repo: Repo) -> None:
    repo.commit({"superteam.toml": ONLY_A + SOURCE, "smoke.py": SMOKE, ".gitignore": "out.xml\nlatest.json\n"})
    repo.write({"superteam.toml": ONLY_A})
    (repo.root / "smoke.py").unlink()
    done = validate(repo, "--json")
    assert done.code == 0 and "the source smoke no longer" in notes(done), done.out


def test_a_baseline_that_somebody_else_wrote_is_not_believed(repo: Repo) -> None:
    assert validate(repo).code == 0
    (kept,) = (repo.root / ".superteam/baselines").glob("baseline-*")
    document = json.loads(kept.read_text())
    document["baseline"]["known_failures"] = ["s::a"]
    kept.write_text(json.dumps(document))
    repo.write({"a.txt": "a broken\n"})
    done = validate(repo, "--json")
    assert done.code == 1 and f"{kept.name} is not used" in notes(done)
    assert "is not used" not in notes(validate(repo, "--json", "--fresh"))  # there is one of ours beside it now


def test_a_forged_verdict_is_not_used(repo: Repo) -> None:
    repo.write({"a.txt": "a broken\n"})
    assert validate(repo).code == 1
    (kept,) = (repo.root / ".superteam/baselines").glob("verdict-*")
    document = json.loads(kept.read_text())
    document["result"]["verdict"] = "pass"
    kept.write_text(json.dumps(document))
    done = validate(repo, "--json")
    assert done.code == 1 and f"{kept.name} is not used" in notes(done)


def test_the_key_is_the_users_own(repo: Repo, tmp_path: Path) -> None:
    home = tmp_path / "config"
    done = repo.superteam("validate", env={"XDG_CONFIG_HOME": str(home)})
    key = home / "superteam/key"
    assert done.code == 0 and key.stat().st_mode & 0o777 == 0o600 and len(key.read_bytes()) == 32


def test_without_a_named_base_the_last_commit_is_said_to_be_not_judged(repo: Repo) -> None:
    repo.commit({"a.txt": "a good\nc good\n"}, "the agent's own")
    repo.write({"b.txt": "b good\nd good\n"})
    assert "HEAD, whose own changes are not judged (the agent's own)" in notes(validate(repo, "--json"))
    assert "are not judged" not in notes(validate(repo, "--json", "--base", "HEAD~1"))


def test_an_upstream_that_was_moved_by_hand_is_said(repo: Repo) -> None:
    repo.git("update-ref", "-m", "fetch", "refs/remotes/origin/main", "HEAD")
    repo.git("config", "remote.origin.url", "/nowhere")
    repo.git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    repo.git("config", f"branch.{repo.git('branch', '--show-current').strip()}.remote", "origin")
    repo.git("config", f"branch.{repo.git('branch', '--show-current').strip()}.merge", "refs/heads/main")
    repo.commit({"a.txt": "a good\nc good\n"}, "the agent's own")
    assert "by no fetch" not in notes(validate(repo, "--json"))
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    repo.write({"b.txt": "b good\nd good\n"})
    assert "refs/remotes/origin/main was moved by no fetch and no push" in notes(validate(repo, "--json"))


def test_code_that_only_the_clones_own_list_keeps_out_of_commits_is_said(repo: Repo) -> None:
    (repo.root / ".git/info/exclude").write_text("local.py\nnotes.txt\n")
    repo.write({"local.py": "x = 1\n", "notes.txt": "x\n"})
    said = notes(validate(repo, "--json"))
    assert ".git/info/exclude keeps code out of what is judged, which your checkout has: local.py" in said
    assert "notes.txt" not in said


def test_what_is_brought_and_newer_than_the_base_is_said(repo: Repo) -> None:
    repo.commit({".gitignore": "out.xml\ndata\n", "superteam.toml": COMMAND + '[workspace]\nbring = ["data"]\n'})
    repo.git("commit", "-q", "--amend", "--no-edit", "--date", "2020-01-01T00:00:00")
    repo.write({"data/want.txt": "1\n", "b.txt": "b good\nd good\n"})
    assert "data/want.txt" in notes(validate(repo, "--json", "--base", "HEAD"))
