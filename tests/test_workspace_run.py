"""Where the real command works: in the checkout or outside of it, with the user's environment, beside hostile trees."""

from __future__ import annotations

import os
import site
import stat
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playground import CONFIG, Repo, Setup, plan, script

NEW_FILE = {"task": "1", "write": {"other.py": "X = 1\n"}}
BROKEN = "def add(a, b):\n    return a - b\n\n\ndef mul(a, b):\n    return a * b\n"
ONE = [{"title": "A task"}]
NO_FIX = "[validation]\nauto-fix = 0\n"
UNTIL_GO = '[ -e "$PLACE/go" ] || { touch "$PLACE/began"; until [ -e "$PLACE/go" ]; do sleep 0.05; done; }'


@pytest.fixture
def place(repo: Repo, tmp_path: Path) -> Path:
    """A folder outside of the repository where programs of a run leave marks, as $PLACE."""
    folder = tmp_path / "place"
    folder.mkdir()
    repo.env["PLACE"] = str(folder)
    return folder


def _until(holds: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _everything(folder: Path, but: tuple[str, ...] = ()) -> dict[str, tuple[int, bytes]]:
    """All entries below a folder with mode and content, .git included."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name, mode = str(path.relative_to(folder)), path.lstat().st_mode
        if not name.startswith(but):
            found[name] = (mode, path.read_bytes() if stat.S_ISREG(mode) else b"")
    return found


def _plain(repo: Repo, text: str, *dispatches: Mapping[str, Any], config: str = "", **files: str) -> None:
    """Commits a plan for a run without a suite, which is the fastest there is."""
    settings = f'agent.use = "script"\n{config}\n{CONFIG}'
    repo.commit({"superteam.toml": settings, "plan.md": text, "agent.toml": script(*dispatches), **files}, "plan")


# -- in place


def test_in_place_head_comes_back_fast_forwarded_and_untracked_files_stay(repo: Repo, given: Setup) -> None:
    given(ONE, [NEW_FILE])
    repo.write({"notes.txt": "mine\n", "folder/more.txt": "mine too\n"})
    done = repo.superteam("execute", "plan.md", "--in-place")
    assert done.code == 0, done.err
    assert repo.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert repo.git("status", "--porcelain") == "?? folder/\n?? notes.txt"
    assert repo.task_commits() == ["1"]
    assert {"notes.txt", "folder/more.txt"}.isdisjoint(repo.files_at())
    assert (repo.root / "other.py").read_text() == "X = 1\n" and (repo.root / "notes.txt").read_text() == "mine\n"
    assert repo.status()["validations"][0]["verdict"] == "pass"


def test_in_place_the_agent_works_in_the_checkout_on_the_runs_branch(repo: Repo, place: Path) -> None:
    _plain(repo, plan(*ONE), {**NEW_FILE, "run": 'pwd > "$PLACE/pwd"; git symbolic-ref HEAD > "$PLACE/head"'})
    assert repo.superteam("execute", "plan.md", "--in-place").code == 0
    assert (place / "pwd").read_text().strip() == str(repo.root)
    assert (place / "head").read_text().strip() == f"refs/heads/{repo.status()['branch']}"


@pytest.mark.parametrize("staged", [True, False])
def test_in_place_needs_a_checkout_without_changes(repo: Repo, staged: bool) -> None:
    _plain(repo, plan(*ONE), NEW_FILE)
    repo.write({"calc.py": "mine = 1\n"})
    if staged:
        repo.git("add", "calc.py")
    before = _everything(repo.root, but=(".git/superteam.lock", ".superteam"))
    done = repo.superteam("execute", "plan.md", "--in-place")
    assert done.code == 2
    assert "calc.py" in done.err
    assert _everything(repo.root, but=(".git/superteam.lock", ".superteam")) == before
    assert repo.superteam("runs", "--json").json["runs"] == []


@pytest.mark.parametrize("choice", ["rollback", "skip"])
def test_in_place_what_is_taken_back_is_only_what_differs(repo: Repo, choice: str) -> None:
    broken = {"calc.py": "broken\n", "new/file.txt": "1\n", "test_calc.py": None}
    _plain(
        repo,
        plan({"title": "A task", "gate": "! grep -q broken calc.py"}),
        {"task": "1", "attempt": 1, "write": broken},
        {"task": "1", "write": {"good.txt": "1\n"}},
        config=NO_FIX,
        **{"keep/a.txt": "a\n"},
    )
    repo.write({"notes.txt": "mine\n"})
    untouched = [repo.root / "keep/a.txt", repo.root / "notes.txt", repo.root / "superteam.toml"]
    times = [path.stat().st_mtime_ns for path in untouched]
    assert repo.superteam("execute", "plan.md", "--in-place").code == 4
    assert repo.superteam("answer", choice).code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert [path.stat().st_mtime_ns for path in untouched] == times
    assert repo.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert repo.git("status", "--porcelain") == "?? notes.txt"
    assert (repo.root / "calc.py").read_text().startswith("def add") and (repo.root / "test_calc.py").exists()
    assert not (repo.root / "new").exists()
    assert (repo.root / "good.txt").exists() is (choice == "rollback")
    kept = repo.git("for-each-ref", "--format=%(refname)", "refs/superteam").splitlines()
    assert any(repo.git("show", f"{ref}:calc.py") == "broken" for ref in kept)


def test_in_place_killed_and_resumed_it_ends_as_if_it_never_was(repo: Repo, place: Path) -> None:
    _plain(repo, plan(*ONE), {"task": "1", "write": {"calc.py": "x = 1\n", "b.txt": "1\n"}, "run": UNTIL_GO})
    repo.write({"notes.txt": "mine\n"})
    run = repo.start("execute", "plan.md", "--in-place")
    _until((place / "began").exists)
    run.kill()
    run.communicate()
    (place / "go").touch()
    done = repo.superteam("resume")
    assert done.code == 0, done.err
    assert repo.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert repo.git("status", "--porcelain") == "?? notes.txt"
    assert repo.task_commits() == ["1"] and repo.files_at()["calc.py"] == "x = 1"
    assert repo.status()["tasks"][0]["attempts"] == 1


def test_in_place_an_interrupted_run_can_be_aborted_and_gives_the_checkout_back(repo: Repo, place: Path) -> None:
    _plain(repo, plan(*ONE), {"task": "1", "write": {"calc.py": "x = 1\n", "b.txt": "1\n"}, "run": UNTIL_GO})
    run = repo.start("execute", "plan.md", "--in-place")
    _until((place / "began").exists)
    run.kill()
    run.communicate()
    assert repo.superteam("abort").code == 0
    assert repo.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert repo.git("status", "--porcelain") == ""
    assert repo.task_commits() == []
    kept = repo.git("for-each-ref", "--format=%(refname)", "refs/superteam").splitlines()
    assert any("b.txt" in repo.git("ls-tree", "--name-only", ref) for ref in kept)


# -- what a tree needs


def test_a_setup_command_with_inputs_runs_again_when_they_or_a_lock_file_change(
    repo: Repo, given: Setup, place: Path
) -> None:
    setup = 'mkdir -p made && touch made/by-setup && echo "$PWD $(cat uv.lock)" >> "$PLACE/log"'
    given(
        [
            {"title": "Change code", "gate": "test -e made/by-setup"},
            {"title": "Change the lock file"},
            {"title": "End"},
        ],
        [NEW_FILE, {"task": "2", "write": {"uv.lock": "two\n"}}, {"task": "3", "write": {"c": "1"}}],
        files={"uv.lock": "one\n"},
        config=f"[workspace]\nsetup = '''{setup}'''\nsetup-inputs = ['absent']\n",
    )
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    ran = [line.split("/trees/")[1] for line in (place / "log").read_text().splitlines()]
    assert set(ran) == {"check/repo one", "check/repo two", "work one", "work two"}
    for tree in ("check", "work"):
        mine = [line for line in ran if line.startswith(tree)]
        again = [line for line, next_line in pairwise(mine) if line == next_line]
        assert again == [], "the inputs were the same"
    assert not [name for name in repo.files_at() if name.startswith("made")]


def test_a_setup_command_that_fails_is_said_with_its_output(repo: Repo, given: Setup) -> None:
    given(ONE, [NEW_FILE], config="[workspace]\nsetup = 'echo no network >&2; exit 7'\n")
    done = repo.superteam("execute", "plan.md")
    assert done.code in (2, 3)
    assert "no network" in done.out + done.err and "exit code 7" in done.out + done.err
    assert "Traceback" not in done.err


def test_a_run_whose_setup_command_fails_can_be_aborted(repo: Repo, given: Setup) -> None:
    setup = 'case "$PWD" in */work) echo no network >&2; exit 7;; esac'
    given(ONE, [NEW_FILE], config=f"[workspace]\nsetup = '{setup}'\n")
    assert "no network" in repo.superteam("execute", "plan.md").err
    done = repo.superteam("abort")
    assert "no network" not in done.err
    assert repo.status()["status"] == "aborted"


PACKAGE = {
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
    "src/shop/__init__.py": "def price(n):\n    return 2 * n\n",
    "tests/test_shop.py": "from shop import price\n\n\ndef test_price():\n    assert price(2) == 4\n",
    ".gitignore": ".venv/\n",
}


def _environment_with_editable_install(folder: Path, source: Path) -> dict[str, str]:
    """An activated environment with pytest (borrowed from ours) and the package as `pip install -e` leaves it."""
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    ours = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "borrowed.pth").write_text(f"{ours}\n")
    (packages / "__editable__.shop-1.pth").write_text(f"{source}\n")
    info = packages / "shop-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1\n")
    (info / "RECORD").write_text("__editable__.shop-1.pth,,\nshop-1.dist-info/METADATA,,\nshop-1.dist-info/RECORD,,\n")
    (info / "direct_url.json").write_text(f'{{"dir_info": {{"editable": true}}, "url": "file://{source.parent}"}}')
    return {"VIRTUAL_ENV": str(folder), "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("where", ["outside", "inside"])
def test_a_package_that_is_installed_editable_is_judged_by_the_trees_code(
    repo: Repo, given: Setup, tmp_path: Path, where: str
) -> None:
    given(
        [{"title": "Rename nothing"}, {"title": "Break the price"}],
        [NEW_FILE, {"task": "2", "write": {"src/shop/__init__.py": "def price(n):\n    return 3 * n\n"}}],
        files=PACKAGE,
        config=NO_FIX,
    )
    folder = tmp_path / "env" if where == "outside" else repo.root / ".venv"
    repo.env |= _environment_with_editable_install(folder, repo.root / "src")
    sane = subprocess.run(
        [folder / "bin/python", "-c", "import shop; print(shop.__file__)"],
        env=repo.environ(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert sane.stdout.strip() == str(repo.root / "src/shop/__init__.py")
    done = repo.superteam("execute", "plan.md")
    assert done.code == 4, f"{done.out}\n{done.err}"
    first, second = repo.status()["validations"]
    assert first["verdict"] == "pass" and first["counts"]["passed"] == 3
    assert second["regressions"] == ["tests/test_shop.py::test_price"]
    tip = repo.status()["branch"]
    assert not [name for name in repo.files_at(tip) if ".venv" in name]
    if where == "inside":
        assert (repo.root / "src").as_posix() in next(folder.glob("lib/*/site-packages/__editable__*")).read_text()


# -- what is committed

FILTER = '[filter "evil"]\n\tclean = touch $PLACE/filter; cat\n\tsmudge = touch $PLACE/filter; cat\n\trequired = true\n'
ATTACKS = {
    "commits by itself": "git add -A && git commit -qm mine && git tag v9 && git branch side",
    "commits and resets": "git add -A && git commit -qm mine && git reset -q --hard HEAD~1 && echo 'X = 1' > other.py",
    "switches the branch": "git switch -qc elsewhere && git add -A && git commit -qm there",
    "deletes the repository": "rm -rf .git",
    "makes it a file": "rm -rf .git && echo 'gitdir: /nowhere' > .git",
    "makes it a link": "rm -rf .git && ln -s / .git",
    "plants hooks": """
        mkdir -p .git/hooks my-hooks
        for name in post-index-change pre-commit post-commit reference-transaction post-checkout; do
            printf '#!/bin/sh\\ntouch "$PLACE/hook"\\n' > .git/hooks/$name; chmod +x .git/hooks/$name
        done
        git config core.hooksPath "$PWD/.git/hooks"
        rm -r my-hooks""",
    "plants an fsmonitor": """git config core.fsmonitor 'touch "$PLACE/fsmonitor"; false'""",
    "plants a filter": f"""
        printf '%s' '{FILTER}' >> .git/config
        echo '* filter=evil' > .git/info/attributes
        git config core.attributesFile "$PWD/.git/info/attributes" """,
    "plants a diff and a signer": """
        git config diff.external 'touch "$PLACE/diff"; false'
        git config commit.gpgSign true
        git config gpg.program 'touch "$PLACE/signer"'""",
    "plants a lock": "touch .git/index.lock .git/HEAD.lock",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_whatever_the_agent_does_to_its_repository_only_its_tree_counts(repo: Repo, place: Path, attack: str) -> None:
    _plain(
        repo,
        plan({"title": "Attack", "gate": "test -e other.py"}, {"title": "Go on", "gate": "git status && git log -1"}),
        {**NEW_FILE, "run": ATTACKS[attack]},
        {"task": "2", "write": {"second.py": "Y = 1\n", "calc.py": "z = 1\n"}},
    )
    start = repo.git("rev-parse", "HEAD")
    own = _everything(repo.root / ".git", but=("objects", "superteam.lock"))
    before = set(repo.files_at())
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, f"{done.out}\n{done.err}"
    assert list(place.iterdir()) == []
    assert repo.git("rev-list", "--count", f"{start}..HEAD") == "2"
    assert repo.task_commits() == ["1", "2"]
    assert set(repo.files_at()) == before | {"other.py", "second.py"}
    assert set(repo.git("branch", "--format=%(refname:short)").split()) == {"main", repo.status()["branch"]}
    assert repo.git("tag") == ""
    kept = _everything(repo.root / ".git", but=("objects", "superteam.lock"))
    assert {name: kept[name] for name in own if name in ("config", "hooks", "info/exclude")} == {
        name: own[name] for name in own if name in ("config", "hooks", "info/exclude")
    }
    assert repo.git("fsck", "--no-dangling", "--connectivity-only") == ""


def test_the_users_own_hooks_do_not_run_and_his_filters_do(repo: Repo, place: Path) -> None:
    hooks = repo.root / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-commit", "post-commit", "post-merge", "reference-transaction", "post-checkout"):
        (hooks / name).write_text('#!/bin/sh\ntouch "$PLACE/hook"\n')
        (hooks / name).chmod(0o755)
    repo.git("config", "filter.upper.clean", "tr a-z A-Z")
    repo.git("config", "filter.upper.smudge", "tr A-Z a-z")
    _plain(repo, plan(*ONE), {"task": "1", "write": {"a.up": "text\n"}}, **{".gitattributes": "*.up filter=upper\n"})
    for mark in place.iterdir():
        mark.unlink()
    assert repo.superteam("execute", "plan.md").code == 0
    assert list(place.iterdir()) == []
    assert repo.files_at()["a.up"] == "TEXT"
    assert (repo.root / "a.up").read_text() == "text\n"


def test_caches_are_never_committed(repo: Repo) -> None:
    caches = ["__pycache__/a.pyc", "x/.pytest_cache/v", ".mypy_cache/1", ".ruff_cache/1", ".coverage", ".coverage.7"]
    caches += [".vitest/a", ".nyc_output/a", "node_modules/m/i.js", ".venv/bin/python", ".superteam/runs/1"]
    writes = {**dict.fromkeys(caches, "1\n"), ".coveragerc": "1\n", "x/b.txt": "1\n"}
    _plain(repo, plan(*ONE), {"task": "1", "write": writes, "run": "printf '!*\\n' > .gitignore"})
    before = set(repo.files_at())
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert set(repo.files_at()) == before | {".coveragerc", "x/b.txt", ".gitignore"}


def test_what_a_formatter_as_gate_changes_in_tracked_files_is_part_of_the_commit(repo: Repo) -> None:
    gate = "for f in *.py; do sed 's/ *$//' $f > t && cat t > $f; done; rm t; echo log > gate.log"
    _plain(repo, plan({"title": "A task", "gate": gate}), {"task": "1", "write": {"other.py": "X = 1   \n"}})
    done = repo.superteam("execute", "plan.md")
    assert done.code == 0, done.err
    assert repo.git("show", "HEAD:other.py") == "X = 1" and repo.task_commits() == ["1"]
    assert repo.git("cat-file", "-s", "HEAD:other.py") == "6"
    assert "gate.log" not in repo.files_at()


# -- validate


def _checkout(repo: Repo) -> dict[str, tuple[int, bytes]]:
    return _everything(repo.root, but=(".superteam", ".git/objects"))


def test_validate_judges_a_dirty_checkout_and_leaves_it_alone(repo: Repo) -> None:
    repo.write({"calc.py": BROKEN, "notes.txt": "mine\n", "test_calc.py": (repo.root / "test_calc.py").read_text()})
    repo.git("add", "-N", "notes.txt")
    before = _checkout(repo)
    done = repo.superteam("validate", "--json")
    assert done.code == 1, done.err
    assert done.json["verdict"] == "fail"
    assert done.json["regressions"] == ["test_calc.py::test_add"]
    assert done.json["reference_sha"] == repo.git("rev-parse", "HEAD")
    assert _checkout(repo) == before
    repo.write({"calc.py": BROKEN.replace("a - b", "b + a")})
    again = repo.superteam("validate")
    assert again.code == 0, again.err
    assert "verdict: pass" in again.out


def test_validate_compares_with_the_revision_that_is_named(repo: Repo) -> None:
    good = repo.git("rev-parse", "HEAD")
    repo.commit({"calc.py": BROKEN}, "break it")
    unnamed = repo.superteam("validate", "--json")
    assert unnamed.code == 3 and unnamed.json["pre_existing"] == ["test_calc.py::test_add"]
    here = repo.superteam("validate", "--base", "HEAD", "--json")
    assert here.code == 0 and here.json["pre_existing"] == ["test_calc.py::test_add"]
    there = repo.superteam("validate", "--base", good, "--json")
    assert there.code == 1 and there.json["regressions"] == ["test_calc.py::test_add"]
    assert repo.superteam("validate", "--base", "no-such-thing").code == 2


def _this_second_is_over() -> None:
    now = int(time.time())
    _until(lambda: int(time.time()) > now)


def test_validate_sees_a_change_of_the_same_size_in_the_second_of_the_commit(repo: Repo) -> None:
    """git then knows only from the time of the index file that it has to look into the file; copies must keep it."""
    _this_second_is_over()
    repo.commit({"calc.py": BROKEN.replace("a - b", "b + a")})
    repo.write({"calc.py": BROKEN})
    _this_second_is_over()
    done = repo.superteam("validate", "--only", "test_calc.py::test_add", "--json")
    assert done.code == 1, done.err
    assert done.json["regressions"] == ["test_calc.py::test_add"]


def test_a_change_of_the_same_size_in_the_second_of_the_checkout_is_committed(repo: Repo) -> None:
    quick = "sed 's/a + b/a - b/' calc.py > t; cat t > calc.py; rm t"
    wait = "now=$(date +%s); until [ $(date +%s) != $now ]; do sleep 0.05; done"
    agent = {"task": "1", "write": {"other.py": "X = 1\n"}, "run": f"{quick}; {wait}"}
    _plain(repo, plan(*ONE), agent)
    assert repo.superteam("execute", "plan.md").code == 0
    assert "a - b" in repo.files_at()["calc.py"]


def test_validate_only_judges_the_tests_that_are_named(repo: Repo) -> None:
    repo.write({"calc.py": BROKEN + "# changed\n"})
    mul = repo.superteam("validate", "--only", "test_calc.py::test_mul", "--json")
    assert mul.code == 0, mul.err
    assert mul.json["counts"]["passed"] == 1
    add = repo.superteam("validate", "--only", "test_calc.py::test_add", "--json")
    assert add.code == 1 and add.json["regressions"] == ["test_calc.py::test_add"]
    nothing = repo.superteam("validate", "--only", "test_calc.py::test_nothing", "--json")
    assert nothing.code != 0 and nothing.json["verdict"] != "pass"


def test_validate_needs_no_lock_while_a_run_is_live(repo: Repo, given: Setup, place: Path) -> None:
    given(ONE, [{**NEW_FILE, "run": UNTIL_GO}])
    run = repo.start("execute", "plan.md")
    _until((place / "began").exists)
    repo.write({"calc.py": BROKEN})
    assert repo.superteam("validate").code == 1
    repo.git("checkout", "-q", "calc.py")
    assert run.poll() is None
    (place / "go").touch()
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, f"{out}\n{err}"
    assert repo.status()["validations"][0]["verdict"] == "pass"


# -- where the command is called


def test_a_linked_worktree_is_worked_for_and_shares_the_lock(repo: Repo, tmp_path: Path, place: Path) -> None:
    _plain(repo, plan(*ONE), {**NEW_FILE, "run": UNTIL_GO})
    linked = Repo(tmp_path / "linked", repo.cache, repo.env)
    repo.git("worktree", "add", "-q", "-b", "side", str(linked.root))
    main = repo.git("rev-parse", "main")
    run = linked.start("execute", "plan.md")
    _until((place / "began").exists)
    assert repo.superteam("execute", "plan.md").code == 75
    (place / "go").touch()
    out, err = run.communicate(timeout=30)
    assert run.returncode == 0, f"{out}\n{err}"
    assert linked.task_commits("side") == ["1"] and repo.git("rev-parse", "main") == main
    assert linked.git("status", "--porcelain") == "" and (linked.root / "other.py").exists()
    assert not (repo.root / "other.py").exists()
    assert linked.status()["status"] == "finished"


def test_a_subfolder_is_as_good_as_the_root(repo: Repo, given: Setup) -> None:
    given(ONE, [NEW_FILE], files={"sub/folder/plan.md": plan(*ONE), "sub/a.txt": "1\n"})
    inside = Repo(repo.root / "sub", repo.cache, repo.env)
    done = inside.superteam("execute", "folder/plan.md")
    assert done.code == 0, done.err
    assert repo.task_commits() == ["1"] and (repo.root / "other.py").exists()
    status = inside.status()
    assert status["plan"]["path"] == "sub/folder/plan.md"
    assert status["validations"][0]["verdict"] == "pass"
    assert not (inside.root / ".superteam").exists()
    assert inside.superteam("validate").code == 0


def test_a_start_up_file_that_appears_in_the_active_environment_is_a_finding(repo: Repo, tmp_path: Path) -> None:
    own = tmp_path / "own"
    venv.create(own)
    (packages,) = own.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()))
    repo.env["PATH"] = f"{own}/bin{os.pathsep}{repo.environ()['PATH']}"
    before = _everything(own, but=("lib/python",))
    repo.write({"other.py": "X = 1\n"})
    first = repo.superteam("validate", "--json")
    assert first.code == 0, first.err
    (packages / "sitecustomize.py").write_text("X = 1\n")
    repo.write({"other.py": "X = 2\n"})
    second = repo.superteam("validate", "--json")
    paths = [finding["path"] for finding in second.json["findings"]]
    assert paths == [str(packages / "sitecustomize.py")]
    assert _everything(own, but=("lib/python",)) == before
