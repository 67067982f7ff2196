"""All git of the program, through GitPython's command interface, with an engine-owned git directory.

git in a tree that an agent edited runs code from that tree's configuration. So the engine never reads such a tree's
own git directory: it works with a directory of its own (configuration, indexes), writes objects straight into the
user's object store and touches the user's refs only by compare and swap, with hooks off.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import IO, Any

from superteam.core.planted import without_spaces
from superteam.errors import WorkspaceError
from superteam.workspace import trees, watching

OLDEST_GIT = (2, 38)
HOOKS_IN_SETTINGS = (2, 54)
KEPT_VARIABLES = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_SSH", "GIT_ASKPASS", "GIT_TERMINAL_PROMPT")
SAFE = (
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "commit.gpgSign=false",
    "-c", "core.untrackedCache=false",
    "-c", "core.safecrlf=false",
    "-c", "core.splitIndex=false",
    "-c", "merge.verifySignatures=false",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "advice.detachedHead=false",
    "-c", "advice.graftFileDeprecated=false",
    "-c", "log.showSignature=false",
)  # fmt: skip
COPIED = re.compile(
    r"(?:filter|lfs)\..+|extensions\.(?:objectformat|partialclone)|remote\..+\.(?:url|lfsurl|promisor|partialclonefilter)"
    r"|core\.(?:autocrlf|eol|filemode|symlinks|ignorecase|precomposeunicode|sharedrepository)"
)
CACHES = (
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".coverage",
    ".coverage.*",
    ".vitest",
    ".nyc_output",
    "node_modules",
    ".venv",
)
# Whom our git may talk to: nobody, but for the objects of a partial clone. No other history is taken for the real one.
ALONE = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
}
PARTIAL = {"GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh", "GIT_NO_LAZY_FETCH": "0"}
NO_SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
HANGS = 900.0  # seconds; only a stuck filter or a planted pipe takes git this long
NOBODY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "superteam"), ("EMAIL", "superteam@localhost"))
}
OPERATIONS = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase or am",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}


def drop_inherited_git_environment() -> None:
    """Removes the GIT_* variables that would redirect our own git; who the author is stays."""
    for name in [name for name in os.environ if name.startswith("GIT_") and not name.startswith(KEPT_VARIABLES)]:
        del os.environ[name]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call of git said; text is decoded so that any path survives."""

    status: int
    out: str
    err: str


def run_git(
    arguments: Sequence[str],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    check: bool = True,
) -> Answer:
    """Runs git with these arguments; a failure raises WorkspaceError unless `check` is off."""
    program = git_program(os.environ.get("PATH", os.defpath))
    Git, GitCommandNotFound = _git_python(program)
    fixed = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", **ALONE, **(env or {})}
    with _input(stdin) as file:
        try:
            done: Any = Git(str(cwd)).execute(
                [program, *SAFE, *arguments],
                istream=file,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=HANGS,
                env=fixed,
                process_group=0,  # Ctrl-C on the terminal ends us, not a git in the middle of something
            )
        except GitCommandNotFound as problem:
            raise _no_git() from problem
    status, out, err = done
    text = err.decode(errors="replace") if isinstance(err, bytes) else err
    return _checked(Answer(int(status), os.fsdecode(out), text.strip()), arguments, check)


@cache
def git_program(path: str) -> str:
    """The git that PATH names, chosen once: no relative folder counts, and those around us only if there is no other.

    An agent can write a program `git` into a tree, and into an environment or packages of the checkout.
    """
    folders = [folder for folder in path.split(os.pathsep) if folder.startswith("/")]
    here = Path.cwd()
    around = next((str(top) for top in (here, *here.parents) if os.path.lexists(top / ".git")), str(here))
    inside = [f for f in folders if f"{os.path.realpath(f)}/".startswith(f"{os.path.realpath(around)}/")]
    ordered = [*(f for f in folders if f not in inside), *inside]
    found = shutil.which("git", path=os.pathsep.join(ordered)) if ordered else None
    if found is None:
        raise _no_git()
    return found


@cache
def _git_python(program: str) -> tuple[Any, Any]:
    """GitPython, which runs the git that it is told when it is imported."""
    os.environ["GIT_PYTHON_GIT_EXECUTABLE"] = program
    try:
        from git import Git
        from git.exc import GitCommandNotFound
    except ImportError as problem:  # what GitPython does when that is no git
        raise _no_git() from problem
    finally:
        del os.environ["GIT_PYTHON_GIT_EXECUTABLE"]
    return Git, GitCommandNotFound


def _no_git() -> WorkspaceError:
    return WorkspaceError("git is not installed", "install git 2.38 or newer")


@contextmanager
def _input(data: bytes | None) -> Iterator[IO[bytes] | None]:
    """A file that holds the data, since git is given its input as one."""
    if data is None:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


def _checked(answer: Answer, arguments: Sequence[str], check: bool) -> Answer:
    if check and answer.status != 0:
        raise WorkspaceError(f"git {' '.join(arguments[:3])} failed ({answer.status}): {answer.err or answer.out}")
    return answer


# -- the user's repository


@dataclass(frozen=True)
class Repository:
    """The user's repository as it was found. `head` is a commit; `branch` a full ref, None when HEAD is detached."""

    toplevel: Path
    git_dir: Path
    common_dir: Path
    head: str
    branch: str | None
    identity: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """A short name for this repository, the same from each of its worktrees."""
        return hashlib.sha256(os.fsencode(self.common_dir.resolve())).hexdigest()[:16]

    @cached_property
    def cache(self) -> Path:
        """Our own folder for this repository, outside of it and private."""
        folder = cache_home() / self.id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    @property
    def _where(self) -> dict[str, str]:
        """Names the repository as it was found: what an agent in place makes of `.git` leads git nowhere else."""
        return {
            "GIT_DIR": str(self.git_dir),
            "GIT_COMMON_DIR": str(self.common_dir),
            "GIT_WORK_TREE": str(self.toplevel),
        }

    def git(self, *arguments: str, check: bool = True, stdin: bytes | None = None) -> Answer:
        """git on the user's refs and objects, with hooks off.

        His files are never looked at or written this way: that would run filters out of his configuration, which an
        agent in place can write. `Engine` does it, with what was configured before any agent ran.
        """
        env = {**self._where, **NO_SETTINGS, **_hooks_off(self)}
        return run_git(arguments, self.toplevel, env, stdin, check)

    def asked(self, *arguments: str) -> str:
        """What git says with the user's whole configuration; for questions that run no program."""
        return run_git(arguments, self.toplevel, self._where, check=False).out

    def place(self) -> dict[str, str]:
        """Where the repository is, as it is recorded while a run has not ended."""
        return {"git_dir": str(self.git_dir), "common_dir": str(self.common_dir), "toplevel": str(self.toplevel)}

    def tree_of(self, commit: str) -> str:
        """The tree object of a commit."""
        return self.git("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}").out.strip()

    def resolve(self, revision: str) -> str:
        """The commit that a person's revision names; WorkspaceError if there is none."""
        found = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", check=False)
        if found.status != 0:
            shallow = self.git("rev-parse", "--is-shallow-repository").out.strip() == "true"
            hint = "this clone is shallow: git fetch --unshallow" if shallow else "git log --oneline"
            raise WorkspaceError(f"{revision!r} names no commit of this repository", hint)
        return found.out.strip()

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` contains the commit `old`."""
        return self.git("merge-base", "--is-ancestor", old, new, check=False).status == 0

    def merge_base_with_upstream(self) -> str | None:
        """Where the current branch left its upstream, if it has one."""
        found = self.git("merge-base", "HEAD", "@{upstream}", check=False)
        return found.out.strip() if found.status == 0 else None

    def ref(self, name: str) -> str | None:
        """The commit a ref points to, or None."""
        found = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", name, check=False)
        return found.out.strip() if found.status == 0 else None

    def set_ref(self, name: str, new: str, old: str | None) -> None:
        """Creates (`old` None) or moves a ref by compare and swap; no effect when it is there already."""
        zero = "0" * len(new)
        done = self.git("update-ref", name, new, old or zero, check=False)
        if done.status != 0 and self.ref(name) != new:
            text = f"{name} is not where this run left it: somebody moved it, or it is locked ({done.err})"
            raise WorkspaceError(text, f"git log {name}; then superteam resume, or superteam abort")

    def is_unchanged_in_head(self, path: str) -> bool:
        """Whether a file is tracked, and the same in HEAD and the checkout."""
        if path.startswith(("/", "..")) or not (self.toplevel / path).is_file():
            return False
        row = self.git("ls-tree", "-z", "--full-tree", "HEAD", "--", f":(literal){path}", check=False).out
        blobs = [sha for mode, sha in _entries(row).values() if mode.startswith("100")]
        return blobs == [open_engine(self).blob_of(path)] if blobs else False

    def require_identity(self) -> None:
        """The author of commits is the user; without a name nothing is begun."""
        if not self.identity.get("GIT_AUTHOR_NAME") or not self.identity.get("GIT_AUTHOR_EMAIL"):
            raise WorkspaceError(
                "git does not know who you are, and task commits are made in your name",
                'git config --global user.name "Your Name"; git config --global user.email you@example.org',
            )

    def dirty(self) -> list[str]:
        """Tracked paths that are changed or staged."""
        return open_engine(self).dirty()

    def changed_by(self, commit: str) -> dict[str, str]:
        """What a commit did to each path, compared with its first parent: A, M, D or T as git has it."""
        found = self.git("diff-tree", "-r", "-z", "--no-renames", "--name-status", f"{commit}^1", commit)
        fields = found.out.split("\0")
        return dict(zip(fields[1::2], fields[::2], strict=False))

    def require_startable(self, in_place: bool) -> None:
        """Refuses what a run cannot start in; changes nothing."""
        for name, operation in OPERATIONS.items():
            if (self.git_dir / name).exists():
                text = f"a {operation} is in progress in {self.toplevel}"
                raise WorkspaceError(text, "finish or abort it (git status says how), then try again")
        links = [line for line in self.git("ls-tree", "-r", "-z", "HEAD").out.split("\0") if line.startswith("160000 ")]
        if links:
            paths = ", ".join(line.partition("\t")[2] for line in links[:5])
            raise WorkspaceError(f"the repository has submodules ({paths}), which superteam cannot run with yet")
        if in_place and self.dirty():
            text = f"--in-place needs a checkout without changes; changed are: {', '.join(self.dirty()[:5])}"
            raise WorkspaceError(text, "commit them, or run without --in-place")
        left_out = open_engine(self).not_here()[:5] if in_place else []
        if left_out:
            text = f"--in-place needs a whole checkout; this sparse one leaves out: {', '.join(left_out)}"
            raise WorkspaceError(text, "git sparse-checkout disable, or run without --in-place")


@cache
def _version(path: str) -> tuple[int, ...]:
    """The version of git: major and minor."""
    text = run_git(["version"], Path("/")).out.split()[2]
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def _hooks_off(repository: Repository) -> dict[str, str]:
    """Switches off hooks that stand in the configuration, which git knows since 2.54, and core.hooksPath does not."""
    if _version(os.environ.get("PATH", "")) < HOOKS_IN_SETTINGS:
        return {}
    found = run_git(
        ["config", "--list", "--name-only", "-z"],
        repository.toplevel,
        {**repository._where, **NO_SETTINGS},
        check=False,
    )
    return hooks_off(_fields(found.out))


def hooks_off(keys: Sequence[str]) -> dict[str, str]:
    """The environment that switches off the hooks among these keys of settings."""
    names = dict.fromkeys(key[5:].rpartition(".")[0] for key in keys if key.startswith("hook."))
    env = {"GIT_CONFIG_COUNT": str(len(names))} if names else {}
    for number, name in enumerate(names):
        env |= {f"GIT_CONFIG_KEY_{number}": f"hook.{name}.enabled", f"GIT_CONFIG_VALUE_{number}": "false"}
    return env


def cache_home() -> Path:
    """Where everything lies that can be made again."""
    if os.environ.get("SUPERTEAM_CACHE"):
        return Path(os.environ["SUPERTEAM_CACHE"])
    from platformdirs import user_cache_path

    return user_cache_path("superteam")


def open_repository(cwd: Path, for_run: bool = False) -> Repository:
    """The repository around a folder; WorkspaceError for what cannot be worked with. Changes nothing on disk."""
    if not sys.platform.startswith(("linux", "darwin")):
        raise WorkspaceError(f"superteam runs on Linux and macOS, not on {sys.platform}")
    _require_git()
    where = run_git(["rev-parse", "--is-bare-repository", "--absolute-git-dir", "--git-common-dir"], cwd, check=False)
    if where.status != 0:
        reason = where.err.splitlines()[0] if where.err else "not a git repository"
        if "dubious ownership" in reason:
            hint = f"git config --global --add safe.directory {cwd}, or chown it"
            raise WorkspaceError(f"git does not trust {cwd}: it belongs to another user", hint)
        raise WorkspaceError(f"{cwd} is not in a git repository ({reason})", "git init, and commit something")
    bare, git_dir, common = where.out.rstrip("\n").split("\n")
    top = run_git(["rev-parse", "--show-toplevel"], cwd, check=False)
    place = {
        "git_dir": git_dir,
        "common_dir": str((cwd / common).resolve()),
        "toplevel": top.out.rstrip("\n"),
    }
    _require_known_place(cwd, place)
    if bare == "true":
        raise WorkspaceError(f"{git_dir} is a bare repository; there is no checkout", "git clone it, and work there")
    if top.status != 0:
        raise WorkspaceError(f"{cwd} is inside a git directory, not in a checkout", "cd to the checkout")
    root = Path(top.out.rstrip("\n"))
    head = run_git(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], root, check=False)
    if head.status != 0:
        raise WorkspaceError(f"the repository {root} has no commit yet", 'git add -A && git commit -m "start"')
    branch = run_git(["symbolic-ref", "--quiet", "HEAD"], root, check=False)
    found = Repository(
        root,
        Path(git_dir),
        (cwd / common).resolve(),
        head.out.strip(),
        branch.out.strip() if branch.status == 0 else None,
        _identity(root),
    )
    if for_run:
        found.require_startable(in_place=False)
    return found


def _require_known_place(cwd: Path, place: Mapping[str, str]) -> None:
    """While a run of a checkout has not ended, its repository is where it was: an agent may have led it elsewhere."""
    here = cwd.resolve()
    around = next((top for top in (here, *here.parents) if os.path.lexists(top / ".git")), here)
    record = watching.place_record(cache_home(), around)
    moved = watching.what_moved(record, place)
    if moved:
        text = f"the repository of {around} is not the one of its unfinished run: {moved}"
        raise WorkspaceError(text, f"put .git and its config back; or, if this was you: rm {record}")


def _require_git() -> None:
    version = _version(os.environ.get("PATH", ""))
    if version < OLDEST_GIT:
        raise WorkspaceError(f"git {'.'.join(map(str, version))} is too old", "install git 2.38 or newer")


def _identity(root: Path) -> dict[str, str]:
    """Author and committer as they are at the start: the environment's, else the configured ones."""
    configured = run_git(["config", "--get-regexp", "-z", r"^user\.(name|email)$"], root, check=False).out
    values = dict(entry.partition("\n")[::2] for entry in configured.split("\0") if entry)
    found = {}
    for role in ("AUTHOR", "COMMITTER"):
        for part in ("NAME", "EMAIL"):
            value = os.environ.get(f"GIT_{role}_{part}") or values.get(f"user.{part.lower()}", "")
            if value:
                found[f"GIT_{role}_{part}"] = value
    for part in ("NAME", "EMAIL"):
        if f"GIT_AUTHOR_{part}" in found:
            found.setdefault(f"GIT_COMMITTER_{part}", found[f"GIT_AUTHOR_{part}"])
    return found


# -- the engine's own git directory


@dataclass(frozen=True)
class Engine:
    """A git directory of our own: the user's objects, our configuration, one private index a tree."""

    repository: Repository
    git_dir: Path
    # The paths between the last two trees that were taken: they are asked for at once.
    _newest: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict, compare=False)

    def git(
        self,
        *arguments: str,
        tree: Path | None = None,
        stdin: bytes | None = None,
        check: bool = True,
        more: Mapping[str, str] | None = None,
    ) -> Answer:
        """git that reads no configuration but ours; with `tree` on that folder and its private index."""
        env = {
            "GIT_DIR": str(self.git_dir),
            "GIT_OBJECT_DIRECTORY": str(self.repository.common_dir / "objects"),
            **NO_SETTINGS,
            **PARTIAL,
        }
        if tree is not None:
            env |= {"GIT_WORK_TREE": str(tree), "GIT_INDEX_FILE": str(self.index(tree))}
        cwd = tree if tree is not None and tree.is_dir() else self.git_dir
        return run_git(arguments, cwd, env | dict(more or {}), stdin, check)

    def index(self, tree: Path) -> Path:
        """The private index of a tree; of a checkout it has a name that no tree of ours has."""
        if tree.parent == self.repository.cache / "trees":
            return self.git_dir / f"index-{tree.name}"
        return self.git_dir / f"index-of-{hashlib.sha256(os.fsencode(tree)).hexdigest()[:16]}"

    # what a folder holds

    def snapshot(
        self, tree: Path, only_tracked: bool = False, keep_out: Collection[str] = (), before: str | None = None
    ) -> str:
        """The tree object of a folder as it is now, without what is never committed.

        `before` is the tree that the folder's index holds, where the caller knows it: that spares asking git.

        `keep_out` are further paths (of folders, or of single files) that are left out unless they are in the index
        already. A repository inside the folder is taken as plain files. The index changes only when all is done.
        """
        with self._draft(self.index(tree)) as draft:
            found = self._taken(tree, draft, only_tracked, keep_out, before=before)
            draft.replace(self.index(tree))
        return found

    def snapshot_checkout(self) -> str:
        """The tree object of the user's checkout as it is, dirty or not; nothing of his is touched."""
        repository = self.repository
        for shared in repository.git_dir.glob("sharedindex.*"):
            shutil.copyfile(shared, self.git_dir / shared.name)
        with self._draft(repository.git_dir / "index") as draft:
            self._look_at_all(repository.toplevel, draft)
            return self._taken(repository.toplevel, draft, False, (), repository.tree_of("HEAD"))

    def _look_at_all(self, tree: Path, index: Path) -> None:
        """Takes off the marks that tell git not to look at files, but for those that a sparse checkout left out."""
        here = {"GIT_INDEX_FILE": str(index)}
        rows = _fields(self.git("ls-files", "-v", "-z", tree=tree, more=here).out)
        assumed = [row[2:] for row in rows if row[0].islower()]
        skipped = [row[2:] for row in rows if row[0] in "Ss" and os.path.lexists(tree / row[2:])]
        for option, paths in (("--no-assume-unchanged", assumed), ("--no-skip-worktree", skipped)):
            if paths:
                self.git("update-index", option, "-z", "--stdin", tree=tree, stdin=_joined(paths), more=here)

    @contextmanager
    def _draft(self, index: Path) -> Iterator[Path]:
        """A copy of an index to work on: it knows which files are unchanged, so that adding is fast."""
        descriptor, name = tempfile.mkstemp(dir=self.git_dir, prefix="index-draft-")
        os.close(descriptor)
        draft = Path(name)
        try:
            shutil.copy2(index, draft)  # with its time: git looks into files that are no older than the index
        except FileNotFoundError:
            draft.unlink()
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    def _taken(
        self,
        tree: Path,
        index: Path,
        only_tracked: bool,
        keep_out: Collection[str],
        base: str | None = None,
        before: str | None = None,
    ) -> str:
        """What `snapshot` promises, on the draft of an index; `base` stands for a draft that is no tree."""
        here = {"GIT_INDEX_FILE": str(index)}
        excludes = f"core.excludesFile={self._excludes(keep_out)}"
        if before is None and not only_tracked:
            before = self.git("write-tree", more=here, check=False).out.strip()
        add = ("-c", excludes, "add", "-u" if only_tracked else "-A", "--ignore-errors")
        done = self.git(*add, tree=tree, more=here, check=False)
        if done.status != 0:
            special = trees.make_accessible(tree, keep_out)
            self._set_entries(index, dict.fromkeys(special))
            done = self.git(*add, tree=tree, more=here, check=False)
        found = self.git("write-tree", more=here).out.strip()
        if only_tracked or (done.status == 0 and found == before):
            return found
        before = before or base or self._empty_tree()
        raw = iter(self._paths(before, found, "--raw", "--no-abbrev"))
        rows = [(path, facts) for facts, path in zip(raw, raw, strict=True)]
        mended = self._keep_out(index, rows, keep_out)
        mended |= self._take_nested(tree, index, rows, keep_out, search=done.status != 0)
        if mended:
            return self.git("write-tree", more=here).out.strip()
        self._newest.clear()
        self._newest[before, found] = tuple(path for path, _ in rows)
        return found

    def _empty_tree(self) -> str:
        return self.git("mktree", stdin=b"").out.strip()

    def _keep_out(self, index: Path, rows: Sequence[tuple[str, str]], keep_out: Collection[str]) -> bool:
        """Takes out again what an ignore file of the tree let in although it is never committed."""
        added = (path for path, facts in rows if facts.endswith("A"))
        unwanted = [path for path in added if never_committed(path, keep_out)]
        self._set_entries(index, dict.fromkeys(unwanted))
        return bool(unwanted)

    def _take_nested(
        self, tree: Path, index: Path, rows: Sequence[tuple[str, str]], keep_out: Collection[str], *, search: bool
    ) -> bool:
        """Puts the files of repositories inside a tree into its index: git itself records a link, or refuses."""
        links = [path for path, facts in rows if _is_new_link(facts)]
        if search:
            links += trees.nested_repositories(tree, [*keep_out, "node_modules", ".venv"])
        names = [path for path in dict.fromkeys(links) if not never_committed(path, keep_out)]
        taken = [name for name in names if self._take_as_files(tree, index, name, keep_out)]
        return bool(taken)

    def _take_as_files(self, tree: Path, index: Path, name: str, keep_out: Collection[str]) -> bool:
        if self._ignored(tree, index, [name], keep_out):
            return False
        own = Path(f"{index}-in")
        own.unlink(missing_ok=True)
        inner = self._taken(tree / name, own, False, ())
        own.unlink(missing_ok=True)
        rows = _entries(self.git("ls-tree", "-r", "-z", inner).out)
        inside = {f"{name}/{path}": (mode, sha) for path, (mode, sha) in rows.items()}
        ignored = set(self._ignored(tree, index, list(inside), keep_out))
        new = {path: entry for path, entry in inside.items() if path not in ignored}
        self._set_entries(index, {name: None, **new})
        return True

    def _ignored(self, tree: Path, index: Path, paths: Sequence[str], keep_out: Collection[str]) -> list[str]:
        """Those of the paths that an ignore file speaks of; the index is left out, since links in it would stop git."""
        how = ("-c", f"core.excludesFile={self._excludes(keep_out)}", "check-ignore", "--no-index", "-z", "--stdin")
        nothing = {"GIT_INDEX_FILE": f"{index}-none"}
        return _fields(self.git(*how, tree=tree, stdin=_joined(paths), check=False, more=nothing).out)

    def _set_entries(self, index: Path, entries: Mapping[str, tuple[str, str] | None]) -> None:
        """Sets mode and object of paths in an index; None takes a path out."""
        zero = "0" * len(self.repository.head)
        gone = [f"0 {zero}\t{path}" for path, entry in entries.items() if entry is None]
        here = [f"{entry[0]} {entry[1]}\t{path}" for path, entry in entries.items() if entry is not None]
        if entries:
            data = _joined([*gone, *here])
            self.git("update-index", "-z", "--index-info", stdin=data, more={"GIT_INDEX_FILE": str(index)})

    def _excludes(self, keep_out: Collection[str]) -> Path:
        """A file with the user's own excludes and these paths."""
        theirs = self.git_dir / "excludes"
        if not keep_out:
            return theirs
        lines = [ignore_line(path) for path in sorted(keep_out) if "\n" not in path]
        text = theirs.read_bytes() + os.fsencode("\n" + "\n".join(lines) + "\n")
        file = self.git_dir / f"excludes-{hashlib.sha256(text).hexdigest()[:16]}"
        if not file.is_file():
            replace_file(file, text)
        return file

    def left_out(self, tree: Path) -> tuple[str, ...]:
        """What is in a tree but not in its index, folders collapsed and with a "/" at the end."""
        found = self.git("ls-files", "-z", "--others", "--directory", "--no-empty-directory", tree=tree)
        return tuple(_fields(found.out))

    # putting files

    def put(self, tree: Path, wanted: str, keep: Sequence[str]) -> bool:
        """Makes a folder of ours hold exactly this tree's files; all else goes but what is named in `keep`.

        True when the folder had to be made anew, so that what was to be kept is gone as well.
        """
        new = trees.make_folder(tree)
        if new:
            self.index(tree).unlink(missing_ok=True)
        if self._put(tree, wanted, keep):
            return new
        trees.make_accessible(tree, keep)
        if self._put(tree, wanted, keep):
            return new
        trees.remove(tree)
        tree.mkdir(mode=0o700)
        self.index(tree).unlink(missing_ok=True)
        self.git("read-tree", "--reset", "-u", wanted, tree=tree)
        return True

    def _put(self, tree: Path, wanted: str, keep: Sequence[str]) -> bool:
        spared = [argument for name in keep for argument in ("-e", ignore_line(name))]
        files = self.git("read-tree", "--reset", "-u", wanted, tree=tree, check=False)
        return files.status == 0 and self.git("clean", "-ffdxq", *spared, tree=tree, check=False).status == 0

    def follow(self, commit: str) -> None:
        """Lets the user's own index say what this commit says, so that `git status` in his checkout is clean.

        Made from our private index of the checkout: his configuration, which an agent in place can write, is not read.
        """
        top = self.repository.toplevel
        self.git("read-tree", "--reset", commit, tree=top)
        self.git("update-index", "-q", "--refresh", tree=top, check=False)
        with self.users_lock() as lock:
            lock.write_bytes(self.index(top).read_bytes())

    @contextmanager
    def users_lock(self) -> Iterator[Path]:
        """Holds the lock of the user's index; what is written into it becomes his index, unless there was an error."""
        top, user = self.repository.toplevel, self.repository.git_dir / "index"
        lock = user.with_name("index.lock")
        try:
            os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        except FileExistsError as problem:
            text = f"another git is at work in {top}, or one was killed there: {lock} exists"
            raise WorkspaceError(text, f"if no git runs: rm {lock}; then superteam resume") from problem
        try:
            yield lock
        except BaseException:
            lock.unlink(missing_ok=True)
            raise
        lock.replace(user)  # from here on a lock is somebody else's

    # the user's checkout

    def blob_of(self, path: str) -> str:
        """The object that a file of the user's checkout would be."""
        data = (self.repository.toplevel / path).read_bytes()
        how = ("hash-object", f"--path={path}", "--stdin")
        return self.git(*how, stdin=data, tree=self.repository.toplevel).out.strip()

    @contextmanager
    def users_index(self) -> Iterator[dict[str, str]]:
        """The environment for a copy of the user's index in which the files are looked at; his own stays as it is."""
        repository = self.repository
        for shared in repository.git_dir.glob("sharedindex.*"):
            shutil.copyfile(shared, self.git_dir / shared.name)
        with self._draft(repository.git_dir / "index") as draft:
            here = {"GIT_INDEX_FILE": str(draft)}
            self.git("update-index", "-q", "--refresh", tree=repository.toplevel, more=here, check=False)
            yield here

    def sparse(self) -> tuple[str, ...]:
        """The options with which the user's checkout leaves out what it left out when the run began."""
        if not _content(self.git_dir / "info" / "sparse-checkout"):
            return ()
        return ("-c", "core.sparseCheckout=true", "-c", "core.sparseCheckoutCone=false")

    def dirty(self) -> list[str]:
        """Tracked paths that are changed or staged in the user's checkout, though git was told not to look at them."""
        top = self.repository.toplevel
        with self.users_index() as here:
            self._look_at_all(top, Path(here["GIT_INDEX_FILE"]))
            self.git("update-index", "-q", "--refresh", tree=top, more=here, check=False)
            how = ("diff-index", "--name-only", "-z", "--no-renames", "--ignore-submodules=all", self.repository.head)
            return _fields(self.git(*how, tree=top, more=here).out)

    def not_here(self) -> list[str]:
        """Tracked paths that a sparse checkout left out."""
        top = self.repository.toplevel
        with self.users_index() as here:
            rows = _fields(self.git("ls-files", "-v", "-z", tree=top, more=here).out)
        return [row[2:] for row in rows if row[0] in "Ss" and not os.path.lexists(top / row[2:])]

    # comparing, committing, merging

    def _paths(self, old: str, new: str, *how: str) -> list[str]:
        return _fields(self.git("diff-tree", "-r", "-z", "--no-renames", *how, old, new).out)

    def changed(self, old: str, new: str) -> tuple[str, ...]:
        """Paths that differ between two trees or commits."""
        if old == new:
            return ()
        known = self._newest.get((old, new))
        return tuple(self._paths(old, new, "--name-only")) if known is None else known

    def content(self, tree: str, path: str) -> bytes:
        """What a file of a tree or commit holds; nothing if it is not there."""
        return os.fsencode(self.git("cat-file", "blob", f"{tree}:{path}", check=False).out)

    def known_drivers(self) -> frozenset[str]:
        """The names of the filters and of the diff and merge drivers that the user had configured."""
        return frozenset(json.loads(_content(self.git_dir / "drivers") or b"[]"))

    def files(self, tree: str) -> list[str]:
        """Paths of all files in a tree or commit."""
        return _fields(self.git("ls-tree", "-r", "-z", "--name-only", "--full-tree", tree).out)

    def renames(self, old: str, new: str) -> dict[str, str]:
        """Files that git sees renamed between two commits, old path to new."""
        found = self.git("diff-tree", "-r", "-z", "-M", "--diff-filter=R", "--name-status", old, new).out.split("\0")
        return {found[i + 1]: found[i + 2] for i in range(0, len(found) - 2, 3)}

    def trees_before(self, commit: str) -> frozenset[str]:
        """The trees of a commit and of its newest ancestors."""
        return frozenset(self.git("log", "--max-count=1000", "--format=%T", commit).out.split())

    def patch(self, old: str, new: str, context: int = 0) -> str:
        """The whole difference, with lines of context; bytes that are no text are surrogates."""
        quiet = ("--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/")
        return self.git("diff-tree", "-r", "-p", "-M", f"-U{context}", *quiet, old, new).out

    def diff(self, old: str, new: str, limit: int) -> str:
        """The difference as text, cut with a mark after `limit` characters."""
        text = os.fsencode(self.patch(old, new, context=3)).decode(errors="replace")
        if len(text) <= limit:
            return text
        return f"{text[:limit]}\n[... cut, {len(text) - limit} characters more; git diff {old[:12]} {new[:12]}]"

    def commit(self, tree: str, parent: str | None, message: str, at: str) -> str:
        """Makes a commit object, the same one for the same arguments: repeating it after a crash does no harm."""
        dates = {f"GIT_{role}_DATE": os.environ.get(f"GIT_{role}_DATE", at) for role in ("AUTHOR", "COMMITTER")}
        return self._commit(tree, parent, message, {**NOBODY, **self.repository.identity, **dates})

    def _commit(self, tree: str, parent: str | None, message: str, who: Mapping[str, str]) -> str:
        text = os.fsencode(message.replace("\0", "\N{REPLACEMENT CHARACTER}"))
        family = ("-p", parent) if parent else ()
        return self.git("commit-tree", tree, *family, stdin=text, more=who).out.strip()

    def merge(self, base: str, ours: str, theirs: str) -> str | None:
        """The tree of a merge of three commits or trees, None where they conflict."""
        tree, conflicts = self.combine(base, ours, theirs)
        return None if conflicts else tree

    def combine(self, base: str, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
        """The tree of a merge, and the paths that conflict: such files hold both sides between conflict markers."""
        who = {**NOBODY, "GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z"}
        # Commits of our own, because --merge-base needs git 2.40.
        root = self._commit(f"{base}^{{tree}}", None, "base", who)
        sides = [self._commit(f"{side}^{{tree}}", root, "side", who) for side in (ours, theirs)]
        done = self.git("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", *sides, check=False)
        if done.status not in (0, 1):
            _checked(done, ["merge-tree"], check=True)
        tree, *paths = _fields(done.out)
        return tree, tuple(dict.fromkeys(filter(None, paths))) if done.status else ()

    def marked(self, tree: str, paths: Sequence[str]) -> tuple[str, ...]:
        """Those of the files in a tree in which a conflict marker of `combine` is left: it names a commit."""
        marker = r"^(<{7,}|>{7,}) [0-9a-f]{40}"
        found = self.git(
            "--literal-pathspecs", "grep", "-l", "-z", "--full-name", "-E", "-e", marker, tree, "--", *paths,
            check=False,
        )  # fmt: skip
        if found.status not in (0, 1):
            _checked(found, ["grep"], check=True)
        return tuple(name.removeprefix(f"{tree}:") for name in _fields(found.out))

    def mix(self, base: str, other: str, paths: Collection[str]) -> str | None:
        """The tree of a commit with these paths as another tree has them; None if that has none of them."""
        there = _entries(self.git("ls-tree", "-r", "-z", "--full-tree", other).out)
        entries = {path: there.get(path) for path in paths}
        if not any(entries.values()):
            return None
        with self._draft(self.git_dir / "no-index") as draft:
            here = {"GIT_INDEX_FILE": str(draft)}
            self.git("read-tree", base, more=here)
            self._set_entries(draft, entries)
            return self.git("write-tree", more=here).out.strip()

    def sweep_locks(self) -> None:
        """Removes lock files and drafts that a killed git of ours left; only under the repository's lock."""
        common = self.repository.common_dir
        for place in (self.git_dir, common / "refs" / "superteam", common / "refs" / "heads" / "superteam"):
            for lock in place.rglob("*.lock") if place.is_dir() else ():
                lock.unlink(missing_ok=True)
        for draft in self.git_dir.glob("index-draft-*"):
            draft.unlink(missing_ok=True)


def never_committed(path: str, keep_out: Collection[str] = ()) -> bool:
    """Whether a new path belongs to what is never committed, whatever the tree's ignore files say."""
    parts = path.split("/")
    if parts[0] == ".superteam" or any(part in CACHES or part.startswith(".coverage.") for part in parts):
        return True
    return any("/".join(parts[:length]) in keep_out for length in range(1, len(parts) + 1))


def ignore_line(path: str) -> str:
    """The line of an ignore file that means exactly this path, seen from the top."""
    return "/" + re.sub(r"([\\*?\[\]!# ])", r"\\\1", path.rstrip("/"))


def _is_new_link(facts: str) -> bool:
    """Whether a row of `diff-tree --raw` says that a link to a repository is in a path that was none before."""
    old, new, *_ = facts[1:].split(" ")
    return new == "160000" != old


def _fields(text: str) -> list[str]:
    return text.split("\0")[:-1]


def _joined(items: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(item) + b"\0" for item in items)


def _entries(listing: str) -> dict[str, tuple[str, str]]:
    """Mode and object by path, from `ls-tree -z`."""
    rows = (row.partition("\t") for row in _fields(listing))
    return {path: (facts.split(" ")[0], facts.split(" ")[2]) for facts, _, path in rows}


def replace_file(path: Path, data: bytes) -> None:
    """Replaces a file at once: another process may be reading it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    Path(name).replace(path)


def open_engine(repository: Repository, excludes: Sequence[str] = (), run_id: str | None = None) -> Engine:
    """Makes our git directory; the user's filters, line-end rules and excludes are read once a run, here.

    They stay as they were when the run is resumed: by then an agent may have written into his configuration.
    """
    git_dir = repository.cache / ("engine.git" if run_id else "engine-once.git")
    for folder in ("refs/heads", "info", "objects"):
        (git_dir / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    if run_id is None:
        _fill(git_dir, repository, excludes)
        return Engine(repository, git_dir)
    start = repository.cache / "at-start" / run_id
    owner = git_dir / "read-for"
    if not (start / "identity.json").is_file():
        _fill(git_dir, repository, excludes)
        _save_start(git_dir, start, repository)
        replace_file(owner, run_id.encode())
    elif not owner.is_file() or owner.read_text() != run_id:
        for name in AT_START:
            replace_file(git_dir / name, _content(start / name))
        _replace_shallow(git_dir, _content(start / "shallow"))
        replace_file(owner, run_id.encode())
    identity = json.loads((start / "identity.json").read_bytes())
    return Engine(replace(repository, identity=identity), git_dir)


AT_START = (
    "HEAD",
    "config",
    "info/exclude",
    "info/attributes",
    "info/sparse-checkout",
    "excludes",
    "attributes",
    "shallow",
    "drivers",
)


def _save_start(git_dir: Path, start: Path, repository: Repository) -> None:
    """Keeps what was configured when a run began, with the identity last: then all of it is there."""
    (start / "info").mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in AT_START:
        replace_file(start / name, _content(git_dir / name))
    replace_file(start / "identity.json", json.dumps(dict(repository.identity)).encode())


def _replace_shallow(git_dir: Path, data: bytes) -> None:
    """Git takes a repository with such a file, be it empty, for a shallow one."""
    replace_file(git_dir / "shallow", data)
    if not data:
        (git_dir / "shallow").unlink()


_DRIVER = re.compile(r"(?:filter|diff|merge)\..+\..+")


def _fill(git_dir: Path, repository: Repository, excludes: Sequence[str]) -> None:
    values = _configured(repository)
    wanted = [*CACHES, "/.superteam/", *(ignore_line(name) for name in excludes)]
    theirs = _content(repository.common_dir / "info" / "exclude")
    replace_file(git_dir / "HEAD", b"ref: refs/heads/none\n")
    replace_file(git_dir / "config", os.fsencode(_configuration(git_dir, repository, values)))
    replace_file(git_dir / "info" / "exclude", theirs + os.fsencode("\n" + "\n".join(wanted) + "\n"))
    replace_file(git_dir / "info" / "attributes", _content(repository.common_dir / "info" / "attributes"))
    sparse = dict(values).get("core.sparsecheckout", "").lower() in ("true", "yes", "on", "1")
    listed = _content(repository.git_dir / "info" / "sparse-checkout") if sparse else b""
    replace_file(git_dir / "info" / "sparse-checkout", listed)
    replace_file(git_dir / "excludes", _users_file(repository, values, "excludesfile", "ignore"))
    replace_file(git_dir / "attributes", _users_file(repository, values, "attributesfile", "attributes"))
    _replace_shallow(git_dir, _content(repository.common_dir / "shallow"))
    drivers = {key.split(".", 1)[1].rpartition(".")[0] for key, _ in values if _DRIVER.fullmatch(key)}
    replace_file(git_dir / "drivers", json.dumps(sorted(drivers)).encode())


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""


def _users_file(repository: Repository, values: Sequence[tuple[str, str]], key: str, name: str) -> bytes:
    """The content of core.excludesFile or core.attributesFile, or of the file that git reads when it is not set."""
    named = dict(values).get(f"core.{key}")
    folder = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    path = Path(named if named is not None else f"{folder}/git/{name}")
    with suppress(RuntimeError):  # there is no such user
        path = path.expanduser()
    return _content(repository.toplevel / path) if str(path) != "." else b""


def _configured(repository: Repository) -> list[tuple[str, str]]:
    """All settings that are in effect in the user's repository, but what agents planted there; one without a value is
    true."""
    listed = _fields(repository.asked("config", "--list", "--show-scope", "-z"))
    pairs = ((scope, *entry.partition("\n")) for scope, entry in zip(listed[::2], listed[1::2], strict=False))
    found = [(scope, (key, value if has_value else "true")) for scope, key, has_value, value in pairs]
    planted = watching.planted_settings(repository.cache)
    # Those of the machine are his whatever an agent wrote into his files: `git lfs install` in both is the usual case.
    return [setting for scope, setting in found if scope == "system" or without_spaces(setting) not in planted]


def _configuration(git_dir: Path, repository: Repository, values: Sequence[tuple[str, str]]) -> str:
    """Our configuration file: fixed values, and of the user's what changes how files are read and written."""
    copied = [(key, value) for key, value in values if COPIED.fullmatch(key)]
    partial = any(key == "extensions.partialclone" for key, _ in copied)
    version = "1" if any(key.startswith("extensions.") for key, _ in copied) else "0"
    fixed = {
        "core.repositoryformatversion": version,
        "core.bare": "false",
        "core.logAllRefUpdates": "false",
        "core.excludesFile": str(git_dir / "excludes"),
        "core.attributesFile": str(git_dir / "attributes"),
        "lfs.storage": str(repository.common_dir / "lfs"),
    }
    lfs = any(key.startswith("filter.lfs.") for key, _ in copied)
    chosen = [(key, value) for key, value in copied if not key.startswith("remote.") or partial or lfs]
    return "".join(trees.setting(key, value) for key, value in [*fixed.items(), *chosen])
