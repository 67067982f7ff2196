"""All git of the program, through GitPython's command interface, with an engine-owned git directory.

git in a tree that an agent edited runs code from that tree's configuration. So the engine never reads such a tree's
own git directory: it works with a directory of its own (configuration, indexes), writes objects straight into the
user's object store and touches the user's refs only by compare and swap, with hooks off.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from superteam.errors import WorkspaceError

OLDEST_GIT = (2, 38)
KEPT_VARIABLES = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_SSH", "GIT_ASKPASS", "GIT_TERMINAL_PROMPT")
SAFE = (
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "commit.gpgSign=false",
    "-c", "core.untrackedCache=false",
    "-c", "gc.auto=0",
    "-c", "advice.detachedHead=false",
)  # fmt: skip
COPIED = ("filter.", "core.autocrlf", "core.eol", "core.safecrlf", "core.filemode", "core.symlinks", "core.ignorecase")
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
    from git import Git
    from git.exc import GitCommandNotFound

    fixed = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", **(env or {})}
    with _input(stdin) as file:
        try:
            done: Any = Git(str(cwd)).execute(
                ["git", *SAFE, *arguments],
                istream=file,  # type: ignore[arg-type]
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                env=fixed,
            )
        except GitCommandNotFound as problem:
            raise WorkspaceError("git is not installed", "install git 2.38 or newer") from problem
    status, out, err = done
    text = err.decode(errors="replace") if isinstance(err, bytes) else err
    return _checked(Answer(int(status), os.fsdecode(out), text.strip()), arguments, check)


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

    def git(self, *arguments: str, check: bool = True, stdin: bytes | None = None) -> Answer:
        """git in the user's repository, with hooks off."""
        return run_git(arguments, self.toplevel, stdin=stdin, check=check)

    def tree_of(self, commit: str) -> str:
        """The tree object of a commit."""
        return self.git("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}").out.strip()

    def resolve(self, revision: str) -> str:
        """The commit that a person's revision names; WorkspaceError if there is none."""
        found = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", check=False)
        if found.status != 0:
            raise WorkspaceError(f"{revision!r} names no commit of this repository", "git log --oneline")
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
        if self.ref(name) == new:
            return
        zero = "0" * len(new)
        done = self.git("update-ref", name, new, old or zero, check=False)
        if done.status != 0 and self.ref(name) != new:
            text = f"{name} is not where this run left it: somebody moved it, or it is locked ({done.err})"
            raise WorkspaceError(text, f"git log {name}; then superteam resume, or superteam abort")

    def is_unchanged_in_head(self, path: str) -> bool:
        """Whether a file is tracked and the same in HEAD, index and checkout."""
        if path.startswith(("/", "..")):
            return False
        tracked = self.git("ls-tree", "--name-only", "-z", "HEAD", "--", f":(literal){path}", check=False)
        clean = self.git(
            "diff", "--quiet", "--no-ext-diff", "--no-textconv", "HEAD", "--", f":(literal){path}", check=False
        )
        return bool(tracked.out) and clean.status == 0

    def require_identity(self) -> None:
        """The author of commits is the user; without a name nothing is begun."""
        if not self.identity.get("GIT_AUTHOR_NAME") or not self.identity.get("GIT_AUTHOR_EMAIL"):
            raise WorkspaceError(
                "git does not know who you are, and task commits are made in your name",
                'git config --global user.name "Your Name"; git config --global user.email you@example.org',
            )

    def dirty(self) -> list[str]:
        """Tracked paths that are changed or staged."""
        found = self.git("status", "--porcelain=v1", "-z", "--untracked-files=no", "--no-renames")
        return [entry[3:] for entry in found.out.split("\0") if entry]

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
    _require_git(cwd)
    where = run_git(["rev-parse", "--is-bare-repository", "--absolute-git-dir", "--git-common-dir"], cwd, check=False)
    if where.status != 0:
        reason = where.err.splitlines()[0] if where.err else "not a git repository"
        raise WorkspaceError(f"{cwd} is not in a git repository ({reason})", "git init, and commit something")
    bare, git_dir, common = where.out.rstrip("\n").split("\n")
    if bare == "true":
        raise WorkspaceError(f"{git_dir} is a bare repository; there is no checkout", "git clone it, and work there")
    top = run_git(["rev-parse", "--show-toplevel"], cwd, check=False)
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


def _require_git(cwd: Path) -> None:
    text = run_git(["version"], cwd).out.split()[2]
    version = tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
    if version < OLDEST_GIT:
        raise WorkspaceError(f"git {text} is too old", "install git 2.38 or newer")


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
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **(more or {}),
        }
        if tree is not None:
            env |= {"GIT_WORK_TREE": str(tree), "GIT_INDEX_FILE": str(self.index(tree))}
        cwd = tree if tree is not None and tree.is_dir() else self.git_dir
        return run_git(arguments, cwd, env, stdin, check)

    def index(self, tree: Path) -> Path:
        """The private index of a tree."""
        return self.git_dir / f"index-{tree.name}"

    def snapshot(self, tree: Path, only_tracked: bool = False) -> str:
        """The tree object of a folder as it is now, without what is never committed."""
        self.git("add", "-u" if only_tracked else "-A", "--ignore-errors", ".", tree=tree, check=False)
        nested = [] if only_tracked else self._nested(tree)
        if nested:
            self._take_as_files(tree, nested)
        return self.git("write-tree", tree=tree).out.strip()

    def _nested(self, tree: Path) -> list[str]:
        """Repositories that were made inside the tree: git would record a link and lose their files."""
        found = self.git("ls-files", "-z", "--stage", tree=tree).out if _has_nested(tree) else ""
        return [entry.partition("\t")[2] for entry in found.split("\0") if entry.startswith("160000 ")]

    def _take_as_files(self, tree: Path, nested: list[str]) -> None:
        lines = []
        for name in nested:
            lines.append(f"0 {'0' * 40}\t{name}")
            for path in sorted((tree / name).rglob("*")):
                inside = path.relative_to(tree)
                if ".git" in inside.parts or path.is_dir() and not path.is_symlink():
                    continue
                lines.append(self._entry(tree, inside))
        data = os.fsencode("\0".join(lines) + "\0")
        self.git("update-index", "-z", "--index-info", tree=tree, stdin=data)

    def _entry(self, tree: Path, inside: Path) -> str:
        path = tree / inside
        if path.is_symlink():
            blob = self.git("hash-object", "-w", "--stdin", stdin=os.fsencode(path.readlink())).out.strip()
            return f"120000 {blob}\t{inside}"
        blob = self.git("hash-object", "-w", "--no-filters", "--", str(path)).out.strip()
        mode = "100755" if os.access(path, os.X_OK) else "100644"
        return f"{mode} {blob}\t{inside}"

    def put(self, tree: Path, wanted: str, keep: Sequence[str]) -> None:
        """Makes a folder of ours hold exactly this tree's files; all else goes but what is named in `keep`."""
        self.git("read-tree", "--reset", "-u", wanted, tree=tree)
        spared = [argument for name in keep for argument in ("-e", f"/{name}")]
        self.git("clean", "-ffdxq", *spared, tree=tree, check=False)

    def left_out(self, tree: Path) -> tuple[str, ...]:
        """Untracked files and folders that are never committed, folders collapsed."""
        found = self.git("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", tree=tree)
        return tuple(entry for entry in found.out.split("\0") if entry)

    def changed(self, old: str, new: str) -> tuple[str, ...]:
        """Paths that differ between two trees or commits."""
        if old == new:
            return ()
        found = self.git("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new)
        return tuple(entry for entry in found.out.split("\0") if entry)

    def renames(self, old: str, new: str) -> dict[str, str]:
        """Files that git sees renamed between two commits, old path to new."""
        found = self.git("diff-tree", "-r", "-z", "-M", "--diff-filter=R", "--name-status", old, new).out.split("\0")
        return {found[i + 1]: found[i + 2] for i in range(0, len(found) - 2, 3)}

    def diff(self, old: str, new: str, limit: int) -> str:
        """The difference as text, cut with a mark after `limit` characters."""
        text = self.git("diff-tree", "-p", "-M", "--no-ext-diff", "--no-textconv", "--no-color", old, new).out
        text = text.encode(errors="surrogateescape").decode(errors="replace")
        if len(text) <= limit:
            return text
        return f"{text[:limit]}\n[... cut, {len(text) - limit} characters more; git diff {old[:12]} {new[:12]}]"

    def commit(self, tree: str, parent: str, message: str, at: str) -> str:
        """Makes a commit object, the same one for the same arguments: repeating it after a crash does no harm."""
        date = {} if "GIT_AUTHOR_DATE" in os.environ else {"GIT_AUTHOR_DATE": at}
        who = {**self.repository.identity, **date, "GIT_COMMITTER_DATE": os.environ.get("GIT_COMMITTER_DATE", at)}
        text = message.encode(errors="surrogateescape")
        made = self.git("commit-tree", tree, "-p", parent, stdin=text, more=who)
        return made.out.strip()

    def merge(self, base: str, ours: str, theirs: str) -> str | None:
        """The tree of a merge of three commits, None where they conflict."""
        done = self.git("merge-tree", "--write-tree", f"--merge-base={base}", ours, theirs, check=False)
        return done.out.splitlines()[0] if done.status == 0 else None

    def sweep_locks(self) -> None:
        """Removes lock files that a killed git of ours left; only under the repository's lock."""
        common = self.repository.common_dir
        places = [self.git_dir, common / "refs" / "superteam", common / "refs" / "heads" / "superteam"]
        for place in places:
            for lock in place.rglob("*.lock") if place.is_dir() else ():
                lock.unlink(missing_ok=True)


def _has_nested(tree: Path) -> bool:
    """Whether any folder below the top holds a `.git`; a walk without reading files."""
    for folder, names, files in os.walk(tree):
        if Path(folder) != tree and (".git" in names or ".git" in files):
            return True
        names[:] = [name for name in names if name not in (".git", "node_modules", ".venv", "__pycache__")]
    return False


def open_engine(repository: Repository, excludes: Sequence[str] = ()) -> Engine:
    """Makes or refreshes our git directory; the user's own filters and line-end rules are read once, here."""
    git_dir = repository.cache / "engine.git"
    for folder in ("refs/heads", "info", "objects"):
        (git_dir / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    (git_dir / "HEAD").write_text("ref: refs/heads/none\n")
    (git_dir / "config").write_text(_configuration(repository))
    wanted = [*CACHES, "/.superteam/", *(f"/{name}" for name in excludes)]
    user = [path for name in ("info/exclude",) if (path := repository.common_dir / name).is_file()]
    own = "".join(path.read_text(errors="surrogateescape") for path in user)
    (git_dir / "info" / "exclude").write_text(own + "\n" + "\n".join(wanted) + "\n", errors="surrogateescape")
    attributes = repository.common_dir / "info" / "attributes"
    if attributes.is_file():
        (git_dir / "info" / "attributes").write_bytes(attributes.read_bytes())
    shallow = repository.common_dir / "shallow"
    if shallow.is_file():
        (git_dir / "shallow").write_bytes(shallow.read_bytes())
    return Engine(repository, git_dir)


def _configuration(repository: Repository) -> str:
    """Our configuration file: fixed values, and of the user's what changes how files are read and written."""
    listed = repository.git("config", "--list", "-z", check=False).out.split("\0")
    version = "1" if any(entry.lower().startswith("extensions.") for entry in listed) else "0"
    lines = ["[core]", f"\trepositoryformatversion = {version}", "\tbare = false", "\tlogAllRefUpdates = false"]
    for entry in listed:
        key, _, value = entry.partition("\n")
        if key.startswith(COPIED) or key == "extensions.objectformat":
            lines += _setting(key, value)
        elif key in ("core.excludesfile", "core.attributesfile"):
            lines += _setting(key, str(Path(value).expanduser()))
    return "\n".join(lines) + "\n"


def _setting(key: str, value: str) -> list[str]:
    section, _, rest = key.partition(".")
    middle, _, name = rest.rpartition(".")
    quoted = middle.replace("\\", "\\\\").replace('"', '\\"')
    title = f'[{section} "{quoted}"]' if middle else f"[{section}]"
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return [title, f'\t{name} = "{text}"']
