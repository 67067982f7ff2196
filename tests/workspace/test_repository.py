"""Git of the program: nothing of the user's changes, nothing of an agent's runs, nothing of either is lost."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from superteam.errors import WorkspaceError
from superteam.workspace.git import drop_inherited_git_environment, git_program, hooks_off
from superteam.workspace.git_directory import Engine, never_committed
from superteam.workspace.opening import is_unchanged_in_head, open_engine, open_repository, require_startable
from superteam.workspace.repository import Repository

AT = "2026-01-02T03:04:05Z"


def git(folder: Path, *arguments: str, check: bool = True, stdin: bytes | None = None) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False, input=stdin)
    assert not check or done.returncode == 0, done.stderr.decode()
    return os.fsdecode(done.stdout).rstrip("\n")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, and a cache of its own."""
    monkeypatch.setenv("SUPERTEAM_CACHE", str(tmp_path / "cache"))
    made = tmp_path / "project"
    made.mkdir()
    git(made, "init", "-q", "-b", "main")
    git(made, "config", "user.name", "Ada")
    git(made, "config", "user.email", "ada@example.org")
    (made / "a.txt").write_text("one\n")
    (made / "src").mkdir()
    (made / "src/b.py").write_text("b = 1\n")
    git(made, "add", "-A")
    git(made, "commit", "-q", "-m", "start")
    return made


@pytest.fixture
def repository(root: Path) -> Repository:
    return open_repository(root)


@pytest.fixture
def engine(repository: Repository) -> Engine:
    return open_engine(repository, run_id="r1")


@pytest.fixture
def tree(repository: Repository, engine: Engine) -> Path:
    """A folder of ours that holds HEAD's files."""
    folder = repository.cache / "trees" / "work"
    engine.put(folder, repository.tree_of("HEAD"), ())
    return folder


def listing(root: Path, tree: str) -> dict[str, str]:
    """Paths of a tree with mode and content."""
    found = {}
    for row in git(root, "ls-tree", "-r", "-z", tree).split("\0")[:-1]:
        facts, _, path = row.partition("\t")
        mode, kind, sha = facts.split(" ")
        found[path] = f"{mode} {git(root, 'cat-file', 'blob', sha) if kind == 'blob' else kind}"
    return found


def everything(root: Path) -> dict[str, str]:
    """What is the user's in his repository and checkout, by content: all but new objects and our own refs."""
    found = {}
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if inside.parts[:2] == (".git", "objects") or "superteam" in inside.parts or not path.is_file():
            continue
        found[str(inside)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


# opening


def test_a_subfolder_opens_the_repository_around_it(root: Path) -> None:
    found = open_repository(root / "src")
    assert (found.toplevel, found.branch, found.head) == (root, "refs/heads/main", git(root, "rev-parse", "HEAD"))


def test_a_linked_worktree_shares_the_repositorys_id_and_objects(root: Path, repository: Repository) -> None:
    git(root, "worktree", "add", "-q", "-b", "side", "../linked")
    found = open_repository(root.parent / "linked")
    assert (found.id, found.common_dir, found.branch) == (repository.id, root / ".git", "refs/heads/side")
    (found.toplevel / "new.txt").write_text("new\n")
    tree = open_engine(found).snapshot_checkout()
    assert "new.txt" in listing(root, tree)


def test_what_is_no_repository_is_refused_with_the_next_command(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="not in a git repository") as caught:
        open_repository(tmp_path)
    assert caught.value.exit_code == 2 and "git init" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    with pytest.raises(WorkspaceError, match="bare"):
        open_repository(tmp_path / "bare.git")


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(WorkspaceError, match="no commit"):
        open_repository(tmp_path)


def test_the_git_folder_is_no_place_to_start_from(root: Path) -> None:
    with pytest.raises(WorkspaceError, match="inside a git directory"):
        open_repository(root / ".git")


def test_an_operation_in_progress_is_refused_for_a_run_only(root: Path) -> None:
    git(root, "switch", "-q", "-c", "side")
    (root / "a.txt").write_text("side\n")
    git(root, "commit", "-q", "-am", "side")
    git(root, "switch", "-q", "main")
    (root / "a.txt").write_text("main\n")
    git(root, "commit", "-q", "-am", "main")
    git(root, "merge", "-q", "side", check=False)
    assert open_repository(root).head
    with pytest.raises(WorkspaceError, match="merge is in progress"):
        open_repository(root, for_run=True)


def test_submodules_are_refused_in_place(root: Path) -> None:
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{git(root, 'rev-parse', 'HEAD')},lib")
    git(root, "commit", "-q", "-m", "link")
    with pytest.raises(WorkspaceError, match="submodules; there are: lib"):
        require_startable(open_repository(root, for_run=True), in_place=True)


def test_a_missing_git_is_said_so(root: Path, tmp_path: Path) -> None:
    code = "import sys, pathlib\nfrom superteam.workspace.opening import open_repository\n"
    code += "from superteam.errors import WorkspaceError\n"
    code += "try: open_repository(pathlib.Path.cwd())\nexcept WorkspaceError as e: print(e.message, '|', e.hint)"
    env = {**os.environ, "PATH": str(tmp_path / "nothing")}
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=env, capture_output=True, text=True, check=False)
    assert "git is not installed | install git" in done.stdout, done.stderr


def test_without_a_name_commits_are_refused_with_both_commands(root: Path) -> None:
    git(root, "config", "--unset", "user.name")
    git(root, "config", "--unset", "user.email")
    found = open_repository(root)
    with pytest.raises(WorkspaceError) as caught:
        found.require_identity()
    assert "user.name" in str(caught.value.hint) and "user.email" in str(caught.value.hint)


def test_the_environments_identity_goes_before_the_configured_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Grace")
    found = open_repository(root)
    sha = open_engine(found, run_id="r1").commit(found.tree_of("HEAD"), found.head, "m\n", AT)
    assert (
        git(root, "show", "-s", "--format=%an %ae %cn %aI", sha)
        == "Grace ada@example.org Ada 2026-01-02T03:04:05+00:00"
    )


def test_inherited_variables_that_redirect_git_are_dropped(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF", "GIT_NAMESPACE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Grace")
    drop_inherited_git_environment()
    assert [name for name in os.environ if name.startswith("GIT_")] == ["GIT_AUTHOR_NAME"] or (
        "GIT_DIR" not in os.environ and os.environ["GIT_AUTHOR_NAME"] == "Grace"
    )
    assert open_repository(root).toplevel == root


# snapshots


def test_a_snapshot_takes_new_changed_and_deleted_files(root: Path, engine: Engine, tree: Path) -> None:
    (tree / "a.txt").unlink()
    (tree / "src/b.py").write_text("b = 2\n")
    (tree / "run.sh").write_text("#!/bin/sh\n")
    (tree / "run.sh").chmod(0o755)
    (tree / "link").symlink_to("/nowhere")
    assert listing(root, engine.snapshot(tree)) == {
        "link": "120000 /nowhere",
        "run.sh": "100755 #!/bin/sh",
        "src/b.py": "100644 b = 2",
    }


def test_names_that_are_no_text_survive(root: Path, engine: Engine, tree: Path) -> None:
    names = [b"new\nline.txt", b"\xff\xfe.bin", b" lead", b'qu"ote', b"-dash", "ü.txt".encode()]
    for name in names:
        Path(os.fsdecode(os.fsencode(tree) + b"/" + name)).write_text("x\n")
    before = git(root, "rev-parse", "HEAD^{tree}")
    after = engine.snapshot(tree)
    assert {os.fsencode(path) for path in engine.changed(before, after)} == set(names)


def test_caches_are_left_out_whatever_the_ignore_file_says(root: Path, engine: Engine, tree: Path) -> None:
    (tree / ".gitignore").write_text("!__pycache__/\n!.venv/\n!.coverage*\n!/brought/\n")
    for name in ("__pycache__/x.pyc", "src/__pycache__/y.pyc", ".venv/bin/python", ".coverage.host", "brought/x"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("x")
    (tree / ".coveragerc").write_text("[run]\n")
    found = listing(root, engine.snapshot(tree, keep_out=["brought"]))
    assert set(found) == {".coveragerc", ".gitignore", "a.txt", "src/b.py"}
    left = engine.left_out(tree)
    assert {"__pycache__/", ".venv/", "brought/", ".coverage.host"} <= set(left)


def test_tracked_files_of_an_excluded_name_are_still_followed(root: Path) -> None:
    (root / "node_modules").mkdir()
    (root / "node_modules/vendored.js").write_text("1\n")
    git(root, "add", "-f", "node_modules")
    git(root, "commit", "-q", "-m", "vendored")
    repository = open_repository(root)
    engine, folder = open_engine(repository, run_id="r1"), repository.cache / "trees" / "work"
    engine.put(folder, repository.tree_of("HEAD"), ())
    (folder / "node_modules/vendored.js").write_text("2\n")
    (folder / "node_modules/other.js").write_text("2\n")
    found = listing(root, engine.snapshot(folder))
    assert found["node_modules/vendored.js"] == "100644 2" and "node_modules/other.js" not in found


@pytest.mark.parametrize("with_commit", [True, False])
def test_a_repository_made_inside_the_tree_is_taken_as_plain_files(
    root: Path, engine: Engine, tree: Path, with_commit: bool
) -> None:
    (tree / ".gitignore").write_text("*.log\n")
    inner = tree / "vendor/lib"
    (inner / "deep/er").mkdir(parents=True)
    (inner / "code.py").write_text("x = 1\n")
    (inner / "noise.log").write_text("x\n")
    (inner / ".gitignore").write_text("build/\n")
    (inner / "build").mkdir()
    (inner / "build/out").write_text("x\n")
    for place in (inner / "deep/er", inner):
        git(place, "init", "-q")
        (place / "own.txt").write_text("own\n")
        if with_commit:
            git(place, "add", "own.txt")
            git(place, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-q", "-m", "inner")
    found = listing(root, engine.snapshot(tree))
    assert {path for path in found if path.startswith("vendor/")} == {
        "vendor/lib/.gitignore",
        "vendor/lib/code.py",
        "vendor/lib/deep/er/own.txt",
        "vendor/lib/own.txt",
    }
    assert listing(root, engine.snapshot(tree)) == found, "and again"


def test_a_repository_around_tracked_files_changes_nothing(root: Path, engine: Engine, tree: Path) -> None:
    git(tree / "src", "init", "-q")
    (tree / "src/new.py").write_text("n = 1\n")
    assert set(listing(root, engine.snapshot(tree))) == {"a.txt", "src/b.py", "src/new.py"}


def test_a_pipe_in_the_place_of_a_tracked_file_is_a_deletion(root: Path, engine: Engine, tree: Path) -> None:
    (tree / "a.txt").unlink()
    os.mkfifo(tree / "a.txt")
    (tree / "later.txt").write_text("x\n")
    assert set(listing(root, engine.snapshot(tree))) == {"later.txt", "src/b.py"}


def test_after_the_gate_only_tracked_files_are_taken(root: Path, engine: Engine, tree: Path) -> None:
    (tree / "new.py").write_text("n=1\n")
    engine.snapshot(tree)
    (tree / "new.py").write_text("n = 1\n")
    (tree / "report.xml").write_text("<x/>\n")
    found = listing(root, engine.snapshot(tree, only_tracked=True))
    assert found["new.py"] == "100644 n = 1" and "report.xml" not in found


def test_the_users_filter_and_line_ends_work_and_others_never_run(root: Path, tmp_path: Path) -> None:
    git(root, "config", "filter.upper.clean", "tr a-z A-Z")
    git(root, "config", "filter.upper.smudge", "tr A-Z a-z")
    git(root, "config", "core.autocrlf", "input")
    git(root, "config", "core.safecrlf", "true")
    repository = open_repository(root)
    engine, folder = open_engine(repository, run_id="r1"), repository.cache / "trees" / "work"
    engine.put(folder, repository.tree_of("HEAD"), ())
    (folder / ".gitattributes").write_text("*.up filter=upper\n*.evil filter=evil\n")
    (folder / "x.up").write_text("loud\n")
    (folder / "x.evil").write_text("x\n")
    (folder / "dos.txt").write_bytes(b"a\r\nb\n")
    found = listing(root, engine.snapshot(folder))
    assert (found["x.up"], found["dos.txt"]) == ("100644 LOUD", "100644 a\nb")
    git(root, "config", "filter.evil.clean", f"sh -c 'touch {tmp_path}/ran; cat'")
    again = open_engine(repository, run_id="r1")
    (folder / "x.evil").write_text("y\n")
    assert listing(root, again.snapshot(folder))["x.evil"] == "100644 y"
    assert not (tmp_path / "ran").exists(), "configuration that is new since the run began is not believed"


def test_a_second_snapshot_of_an_unchanged_tree_is_the_same(engine: Engine, tree: Path) -> None:
    (tree / "n.txt").write_text("n\n")
    assert engine.snapshot(tree) == engine.snapshot(tree)


def test_the_checkout_is_read_without_a_trace_in_it(root: Path, engine: Engine) -> None:
    (root / "a.txt").write_text("staged\n")
    git(root, "add", "a.txt")
    (root / "a.txt").write_text("dirty\n")
    (root / "new.txt").write_text("new\n")
    before = everything(root)
    found = listing(root, engine.snapshot_checkout())
    assert (found["a.txt"], found["new.txt"]) == ("100644 dirty", "100644 new")
    assert everything(root) == before


def test_a_checkout_named_like_one_of_our_trees_has_an_index_of_its_own(root: Path) -> None:
    other = root.rename(root.with_name("work"))
    repository = open_repository(other)
    engine = open_engine(repository)
    assert engine.index(other) != engine.index(repository.cache / "trees" / "work")


# putting files


def test_putting_files_removes_everything_else_but_what_is_kept(engine: Engine, tree: Path, root: Path) -> None:
    wanted = git(root, "rev-parse", "HEAD^{tree}")
    (tree / "a.txt").unlink()
    (tree / "a.txt").mkdir()
    (tree / "a.txt/in.the.way").write_text("x")
    (tree / "src/b.py").unlink()
    (tree / "src").rmdir()
    (tree / "src").symlink_to(root / "src")
    for name in ("kept [x]/file", "gone/file", "__pycache__/stale.pyc"):
        (tree / name).parent.mkdir()
        (tree / name).write_text("x")
    git(tree / "gone", "init", "-q")
    engine.snapshot(tree, keep_out=["kept [x]"])
    engine.put(tree, wanted, ["kept [x]"])
    assert sorted(path.name for path in tree.iterdir()) == ["a.txt", "kept [x]", "src"]
    assert (tree / "src/b.py").read_text() == "b = 1\n" and not (tree / "src").is_symlink()
    assert (root / "src/b.py").read_text() == "b = 1\n"


@pytest.mark.parametrize("kind", ["missing", "file", "link"])
def test_a_tree_that_is_gone_or_something_else_is_made_again(
    engine: Engine, tree: Path, root: Path, tmp_path: Path, kind: str
) -> None:
    tree.rename(tmp_path / "moved")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("mine")
    if kind == "file":
        tree.write_text("x")
    if kind == "link":
        tree.symlink_to(tmp_path / "precious")
    engine.put(tree, git(root, "rev-parse", "HEAD^{tree}"), ())
    assert (tree / "a.txt").read_text() == "one\n" and not tree.is_symlink()
    assert (tmp_path / "precious/file").read_text() == "mine"


# commits, refs, merges


@pytest.mark.parametrize("message", ["feat: x\n", "fix(1): Größe 漢\n\nT: 1\nT: 2\n", "a\n\nb\n\nc\n"])
def test_the_message_of_a_commit_is_read_as_it_was_made(repository: Repository, engine: Engine, message: str) -> None:
    made = engine.commit(repository.tree_of("HEAD"), repository.head, message, AT)
    assert engine.message(made) == message


def test_the_same_commit_again_is_the_same_object(repository: Repository, engine: Engine) -> None:
    made = [engine.commit(repository.tree_of("HEAD"), repository.head, "feat: x\n\nT: 1\n", AT) for _ in range(2)]
    assert made[0] == made[1]


def test_a_ref_moves_by_compare_and_swap_and_repeating_it_does_no_harm(repository: Repository, engine: Engine) -> None:
    one = engine.commit(repository.tree_of("HEAD"), repository.head, "1\n", AT)
    two = engine.commit(repository.tree_of("HEAD"), one, "2\n", AT)
    ref = "refs/heads/superteam/x"
    for _ in range(2):
        repository.set_ref(ref, one, None)
    with pytest.raises(WorkspaceError, match="not where this run left it"):
        repository.set_ref(ref, two, repository.head)
    with pytest.raises(WorkspaceError):
        repository.set_ref(ref, two, None)
    assert repository.ref(ref) == one
    repository.set_ref(ref, two, one)
    assert repository.ref(ref) == two


def test_hooks_do_not_see_our_refs(root: Path, repository: Repository, tmp_path: Path) -> None:
    hook = root / ".git/hooks/reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    git(root, "branch", "control")
    assert (tmp_path / "ran").exists(), "the hook works"
    (tmp_path / "ran").unlink()
    repository.set_ref("refs/superteam/r1/x", repository.head, None)
    assert not (tmp_path / "ran").exists()


def test_a_merge_takes_both_sides_or_says_that_they_conflict(
    root: Path, repository: Repository, engine: Engine, tree: Path
) -> None:
    def variant(name: str, text: str) -> str:
        engine.put(tree, repository.head, ())
        (tree / name).write_text(text)
        return engine.commit(engine.snapshot(tree), repository.head, name, AT)

    ours, theirs, clash = variant("a.txt", "ours\n"), variant("c.txt", "theirs\n"), variant("a.txt", "clash\n")
    merged = engine.merge(repository.head, ours, theirs)
    assert merged is not None and {"a.txt", "c.txt", "src/b.py"} == set(listing(root, merged))
    assert listing(root, merged)["a.txt"] == "100644 ours"
    assert engine.merge(repository.head, ours, clash) is None


def test_differences_run_no_program_and_are_cut_with_a_mark(
    root: Path, repository: Repository, engine: Engine, tree: Path, tmp_path: Path
) -> None:
    git(root, "config", "diff.external", f"touch {tmp_path}/ran")
    git(root, "config", "diff.x.textconv", f"touch {tmp_path}/ran")
    (tree / ".gitattributes").write_text("* diff=x\n")
    (tree / "a.txt").write_text("two\n" * 1000)
    after = engine.snapshot(tree)
    text = engine.diff(repository.head, after, 300)
    assert "cut" in text and len(text) < 500 and "+two" in engine.diff(repository.head, after, 10_000)
    assert not (tmp_path / "ran").exists()


def test_a_rename_is_seen_as_one(root: Path, repository: Repository, engine: Engine, tree: Path) -> None:
    (tree / "src/b.py").rename(tree / "src/c.py")
    after = engine.snapshot(tree)
    assert engine.renames(repository.head, after) == {"src/b.py": "src/c.py"}
    assert set(engine.changed(repository.head, after)) == {"src/b.py", "src/c.py"}


def test_left_over_locks_of_ours_are_swept_and_others_stay(root: Path, repository: Repository, engine: Engine) -> None:
    repository.set_ref("refs/heads/superteam/x", repository.head, None)
    ours = [engine.git_dir / "index-work.lock", root / ".git/refs/heads/superteam/x.lock"]
    theirs = root / ".git/refs/heads/main.lock"
    for lock in [*ours, theirs]:
        lock.write_text("")
    engine.sweep_locks()
    assert [lock.exists() for lock in [*ours, theirs]] == [False, False, True]


def test_the_whole_cycle_leaves_the_users_repository_as_it_was(
    root: Path, repository: Repository, tmp_path: Path
) -> None:
    (root / "a.txt").write_text("stashed\n")
    git(root, "stash", "-q")
    (root / "src/b.py").write_text("dirty = 1\n")
    before = everything(root)
    engine, folder = open_engine(repository, run_id="r1"), repository.cache / "trees" / "work"
    engine.put(folder, repository.tree_of("HEAD"), ())
    (folder / "new.txt").write_text("new\n")
    made = engine.commit(engine.snapshot(folder), repository.head, "feat\n", AT)
    repository.set_ref("refs/heads/superteam/run", made, None)
    assert everything(root) == before
    assert git(root, "stash", "list") != "" and git(root, "fsck", "--strict") == ""


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_both_object_formats_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, object_format: str) -> None:
    monkeypatch.setenv("SUPERTEAM_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "p"
    git(tmp_path, "init", "-q", f"--object-format={object_format}", "p")
    git(root, "-c", "user.name=a", "-c", "user.email=b", "commit", "-q", "--allow-empty", "-m", "start")
    repository = open_repository(root)
    engine, folder = open_engine(repository, run_id="r"), repository.cache / "trees" / "work"
    engine.put(folder, repository.tree_of("HEAD"), ())
    (folder / "x/y").mkdir(parents=True)
    git(folder / "x/y", "init", "-q")
    (folder / "x/y/z").write_text("z\n")
    made = engine.commit(engine.snapshot(folder), repository.head, "m\n", AT)
    repository.set_ref("refs/heads/superteam/run", made, None)
    assert git(root, "ls-tree", "-r", "--name-only", "superteam/run") == "x/y/z"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/x.py", False),
        ("src/__pycache__/x.pyc", True),
        (".coverage", True),
        (".coveragerc", False),
        ("docs/.coverage.md/x", True),
        ("a/.superteam/x", False),
        (".superteam/runs/x", True),
        ("env", True),
        ("env/lib/x", True),
        ("environment", False),
    ],
)
def test_what_is_never_committed(path: str, expected: bool) -> None:
    assert never_committed(path, ["env"]) is expected


def test_a_shallow_clone_works(root: Path, tmp_path: Path) -> None:
    (root / "a.txt").write_text("two\n")
    git(root, "commit", "-q", "-am", "two")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    repository = open_repository(tmp_path / "shallow")
    engine, folder = open_engine(repository, run_id="r"), repository.cache / "trees" / "work"
    engine.put(folder, repository.tree_of("HEAD"), ())
    (folder / "n.txt").write_text("n\n")
    made = engine.commit(engine.snapshot(folder), repository.head, "m\n", AT)
    assert engine.git("rev-list", "--count", made).out.strip() == "2"


Attack = Callable[[Path, str], None]


def _hooks(tree: Path, run: str) -> None:
    for name in ("post-index-change", "pre-commit", "post-checkout", "reference-transaction", "fsmonitor-watchman"):
        hook = tree / ".git/hooks" / name
        hook.parent.mkdir(parents=True, exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{run}\n")
        hook.chmod(0o755)


def _settings(tree: Path, run: str) -> None:
    for key in ("core.fsmonitor", "diff.external", "gpg.program", "core.sshCommand", "core.pager", "filter.x.clean"):
        git(tree, "config", key, run)
    git(tree, "config", "commit.gpgSign", "true")
    git(tree, "config", "filter.x.smudge", run)
    (tree / ".gitattributes").write_text("* filter=x diff=x\n")


def _include(tree: Path, run: str) -> None:
    (tree / ".git/evil.cfg").write_text(f'[core]\n\tfsmonitor = "{run}"\n[diff]\n\texternal = "{run}"\n')
    git(tree, "config", "include.path", "evil.cfg")


@pytest.mark.parametrize("attack", [_hooks, _settings, _include])
def test_nothing_planted_in_the_agents_tree_runs(
    repository: Repository, engine: Engine, tree: Path, tmp_path: Path, attack: Attack
) -> None:
    git(tree, "init", "-q")
    attack(tree, f"touch {tmp_path}/ran")
    (tree / "n.txt").write_text("n\n")
    after = engine.snapshot(tree)
    engine.left_out(tree)
    engine.diff(repository.head, after, 1000)
    engine.commit(after, repository.head, "m\n", AT)
    engine.put(tree, repository.tree_of("HEAD"), ())
    assert not (tmp_path / "ran").exists()
    git(tree, "status", check=False)
    if attack is not _hooks:
        assert (tmp_path / "ran").exists(), "the attack works on plain git"


# what an agent could put in the way of our git


def test_the_git_of_the_surroundings_counts_only_if_there_is_no_other(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    for folder in (root / "bin", tmp_path / "outside"):
        folder.mkdir()
        (folder / "git").write_text("#!/bin/sh\n")
        (folder / "git").chmod(0o755)
    inside, outside = str(root / "bin"), str(tmp_path / "outside")
    assert git_program(f".:bin:{inside}:{outside}") == f"{outside}/git"
    assert git_program(inside) == f"{inside}/git"
    with pytest.raises(WorkspaceError, match="git is not installed"):
        git_program(".:bin:")


def test_hooks_in_the_configuration_are_switched_off_by_name() -> None:
    found = hooks_off(["core.bare", "hook.a.b=c.command", "hook.a.b=c.event", "hook.x.event"])
    assert found["GIT_CONFIG_COUNT"] == "2" and found["GIT_CONFIG_KEY_0"] == "hook.a.b=c.enabled"
    assert found["GIT_CONFIG_KEY_1"] == "hook.x.enabled" and found["GIT_CONFIG_VALUE_1"] == "false"
    assert hooks_off(["core.bare"]) == {}


def test_a_file_that_the_index_is_told_not_to_look_at_is_still_seen_as_changed(root: Path) -> None:
    git(root, "update-index", "--assume-unchanged", "a.txt")
    assert is_unchanged_in_head(open_repository(root), "a.txt")
    (root / "a.txt").write_text("other\n")
    assert not is_unchanged_in_head(open_repository(root), "a.txt")
