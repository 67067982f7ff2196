"""The engine's own git directory. git in a tree that an agent edited runs code from that tree's configuration.

So the engine never reads such a tree's own git directory: it works with a directory of its own (configuration,
indexes), writes objects straight into the user's object store and touches the user's refs only by compare and swap,
with hooks off (decision 002).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from superteam.errors import WorkspaceError
from superteam.workspace import trees
from superteam.workspace.git import (
    NO_SETTINGS,
    Answer,
    failed,
    ignore_line,
    join_nul,
    replace_file,
    run_git,
    split_nul,
    tree_entries,
)
from superteam.workspace.repository import BRANCH_FOLDERS, Repository

PARTIAL = {"GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh", "GIT_NO_LAZY_FETCH": "0"}
NOBODY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "superteam"), ("EMAIL", "superteam@localhost"))
}
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
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.6, 0.6, 0.6)  # seconds between tries to make a lock


@dataclass(frozen=True)
class Engine:
    """A git directory of our own: the user's objects, our configuration, one private index a tree."""

    repository: Repository
    git_dir: Path
    # Where the repositories of submodules are, by their names.
    modules: tuple[Path, ...] = ()
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
        own = self._settings_of(tree) if tree is not None else ()
        return run_git([*own, *arguments], cwd, env | dict(more or {}), stdin, check)

    def _settings_of(self, tree: Path) -> list[str]:
        """The options that tell git about the file system of the user's checkout, if this is it or is in it."""
        if not tree.is_relative_to(self.repository.toplevel):
            return []
        settings = os.fsdecode(content_of(self.git_dir / "of-checkout")).split("\0")
        return [argument for setting in settings if setting for argument in ("-c", setting)]

    def index(self, tree: Path) -> Path:
        """The private index of a tree; of a checkout it has a name that no tree of ours has."""
        folder = self.git_dir.parent / "trees"
        if tree.parent == folder:
            return self.git_dir / f"index-{tree.name}"
        if tree.parent.parent == folder:
            return self.git_dir / f"index-{tree.parent.name}"
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
            if before is None and not only_tracked:
                before = self._tree_in(draft) or self._start_over(draft)
            found = self._taken(tree, draft, only_tracked, keep_out, before=before)
            draft.replace(self.index(tree))
        return found

    def _tree_in(self, index: Path) -> str:
        """The tree object of what an index holds; nothing if some of its objects are not there, or it is no index."""
        return self.git("write-tree", more={"GIT_INDEX_FILE": str(index)}, check=False).out.strip()

    def _start_over(self, index: Path) -> str:
        """Replaces an index that outlived its objects: the repository was cloned again, or git has pruned them.

        What is in the folder is looked at again, so that objects which can be made from it are made.
        """
        index.unlink(missing_ok=True)
        self.git("read-tree", self.repository.head, more={"GIT_INDEX_FILE": str(index)})
        return self.repository.tree_of(self.repository.head)

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
        rows = split_nul(self.git("ls-files", "-v", "-z", tree=tree, more=here).out)
        assumed = [row[2:] for row in rows if row[0].islower()]
        skipped = [row[2:] for row in rows if row[0] in "Ss" and os.path.lexists(tree / row[2:])]
        for option, paths in (("--no-assume-unchanged", assumed), ("--no-skip-worktree", skipped)):
            if paths:
                self.git("update-index", option, "-z", "--stdin", tree=tree, stdin=join_nul(paths), more=here)

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
            before = self._tree_in(index)
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
        rows = tree_entries(self.git("ls-tree", "-r", "-z", inner).out)
        inside = {f"{name}/{path}": (mode, sha) for path, (mode, sha) in rows.items()}
        ignored = set(self._ignored(tree, index, list(inside), keep_out))
        new = {path: entry for path, entry in inside.items() if path not in ignored}
        self._set_entries(index, {name: None, **new})
        return True

    def _ignored(self, tree: Path, index: Path, paths: Sequence[str], keep_out: Collection[str]) -> list[str]:
        """Those of the paths that an ignore file speaks of; the index is left out, since links in it would stop git."""
        how = ("-c", f"core.excludesFile={self._excludes(keep_out)}", "check-ignore", "--no-index", "-z", "--stdin")
        nothing = {"GIT_INDEX_FILE": f"{index}-none"}
        return split_nul(self.git(*how, tree=tree, stdin=join_nul(paths), check=False, more=nothing).out)

    def _set_entries(self, index: Path, entries: Mapping[str, tuple[str, str] | None]) -> None:
        """Sets mode and object of paths in an index; None takes a path out."""
        zero = "0" * len(self.repository.head)
        gone = [f"0 {zero}\t{path}" for path, entry in entries.items() if entry is None]
        here = [f"{entry[0]} {entry[1]}\t{path}" for path, entry in entries.items() if entry is not None]
        if entries:
            data = join_nul([*gone, *here])
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

    def drop_compiled(self, tree: Path, sources: Collection[str]) -> None:
        """Removes what Python compiled of these files, but what is tracked."""
        compiled = trees.compiled_from(tree, sources)
        if not compiled:
            return
        listed = self.git("ls-files", "-z", "--", *(f":(literal){name}" for name in compiled), tree=tree)
        for name in set(compiled) - set(split_nul(listed.out)):
            trees.remove(tree / name)

    def left_out(self, tree: Path) -> tuple[str, ...]:
        """What is in a tree but not in its index, folders collapsed and with a "/" at the end."""
        found = self.git("ls-files", "-z", "--others", "--directory", "--no-empty-directory", tree=tree)
        return tuple(split_nul(found.out))

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
        self.give_users_index()

    def give_users_index(self) -> None:
        """Replaces the user's index by our private index of the checkout."""
        with self.users_lock() as lock:
            lock.write_bytes(self.index(self.repository.toplevel).read_bytes())

    @contextmanager
    def users_lock(self) -> Iterator[Path]:
        """Holds the lock of the user's index; what is written into it becomes his index, unless there was an error."""
        top, user = self.repository.toplevel, self.repository.git_dir / "index"
        lock = user.with_name("index.lock")
        if not _locked(lock):
            text = f"another git is at work in {top}, or one was killed there: {lock} exists"
            raise WorkspaceError(text, f"if no git runs: rm {lock}; then superteam resume")
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
        if not content_of(self.git_dir / "info" / "sparse-checkout"):
            return ()
        return ("-c", "core.sparseCheckout=true", "-c", "core.sparseCheckoutCone=false")

    def dirty(self) -> list[str]:
        """Tracked paths that are changed or staged in the user's checkout, though git was told not to look at them."""
        top = self.repository.toplevel
        with self.users_index() as here:
            self._look_at_all(top, Path(here["GIT_INDEX_FILE"]))
            self.git("update-index", "-q", "--refresh", tree=top, more=here, check=False)
            how = ("diff-index", "--name-only", "-z", "--no-renames", "--ignore-submodules=all", self.repository.head)
            return split_nul(self.git(*how, tree=top, more=here).out)

    def not_here(self) -> list[str]:
        """Tracked paths that a sparse checkout left out."""
        top = self.repository.toplevel
        with self.users_index() as here:
            rows = split_nul(self.git("ls-files", "-v", "-z", tree=top, more=here).out)
        return [row[2:] for row in rows if row[0] in "Ss" and not os.path.lexists(top / row[2:])]

    # comparing, committing, merging

    def _paths(self, old: str, new: str, *how: str) -> list[str]:
        return split_nul(self.git("diff-tree", "-r", "-z", "--no-renames", *how, old, new).out)

    def changed(self, old: str, new: str) -> tuple[str, ...]:
        """Paths that differ between two trees or commits."""
        if old == new:
            return ()
        known = self._newest.get((old, new))
        return tuple(self._paths(old, new, "--name-only")) if known is None else known

    def content(self, tree: str, path: str) -> bytes:
        """What a file of a tree or commit holds; nothing if it is not there."""
        return os.fsencode(self.git("cat-file", "blob", f"{tree}:{path}", check=False).out)

    def holding(self, tree: Path, words: Collection[str]) -> list[str]:
        """The tracked text files of a folder of ours that hold one of the words."""
        patterns = [argument for word in words for argument in ("-e", word)]
        how = ("grep", "-I", "-F", "-l", "-z", "--full-name", "--no-textconv", *patterns)
        return split_nul(self.git(*how, tree=tree, check=False).out)

    def texts(self, commit: str, paths: Collection[str]) -> dict[str, str]:
        """The contents of those of the files that a commit has; bytes that are no text are replaced.

        A path may be relative to a folder, as test frameworks name files, if only one file ends with it.
        """
        files = [file for file in self.files(commit) if "\n" not in file] if paths else []
        places = dict(zip(files, files, strict=True))
        for path in paths:
            below = [file for file in files if file.endswith(f"/{path}")]
            if path and path not in places and len(below) == 1:
                places[path] = below[0]
        found = [path for path in sorted(paths) if path in places]
        contents = self._contents(commit, [places[path] for path in found])
        return dict(zip(found, contents, strict=True))

    def _contents(self, commit: str, files: Sequence[str]) -> list[str]:
        """The contents of files that a commit has, by one call of git."""
        if not files:
            return []
        names = "".join(f"{commit}:{file}\n" for file in files)
        output = os.fsencode(self.git("cat-file", "--batch", stdin=os.fsencode(names)).out)
        texts = []
        for _ in files:
            head, _, output = output.partition(b"\n")
            size = head.rpartition(b" ")[2]
            length = int(size) if size.isdigit() else 0
            texts.append(output[:length].decode(errors="replace"))
            output = output[length + 1 :] if size.isdigit() else output
        return texts

    def known_drivers(self) -> frozenset[str]:
        """The names of the filters and of the diff and merge drivers that the user had configured."""
        return frozenset(json.loads(content_of(self.git_dir / "drivers") or b"[]"))

    def files(self, tree: str) -> list[str]:
        """Paths of all files in a tree or commit."""
        return split_nul(self.git("ls-tree", "-r", "-z", "--name-only", "--full-tree", tree).out)

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

    def message(self, commit: str) -> str:
        """The message of a commit as it was made."""
        return self.git("cat-file", "commit", commit).out.partition("\n\n")[2]

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
            raise failed(done, ["merge-tree"])
        tree, *paths = split_nul(done.out)
        return tree, tuple(dict.fromkeys(filter(None, paths))) if done.status else ()

    def marked(self, tree: str, paths: Sequence[str]) -> tuple[str, ...]:
        """Those of the files in a tree in which a conflict marker of `combine` is left: it names a commit."""
        marker = r"^(<{7,}|>{7,}) [0-9a-f]{40}"
        found = self.git(
            "--literal-pathspecs", "grep", "-l", "-z", "--full-name", "-E", "-e", marker, tree, "--", *paths,
            check=False,
        )  # fmt: skip
        if found.status not in (0, 1):
            raise failed(found, ["grep"])
        return tuple(name.removeprefix(f"{tree}:") for name in split_nul(found.out))

    def mix(self, base: str, other: str, paths: Collection[str]) -> str | None:
        """The tree of a commit with these paths as another tree has them; None if that has none of them."""
        there = tree_entries(self.git("ls-tree", "-r", "-z", "--full-tree", other).out)
        return self.altered(base, other, paths, {}) if any(path in there for path in paths) else None

    def altered(self, base: str, other: str, paths: Collection[str], contents: Mapping[str, bytes]) -> str:
        """The tree of a commit with some paths as another tree has them, or has them not, and others' contents."""
        there = tree_entries(self.git("ls-tree", "-r", "-z", "--full-tree", other).out) if paths else {}
        here = tree_entries(self.git("ls-tree", "-r", "-z", "--full-tree", base).out) if contents else {}
        entries = {path: there.get(path) for path in paths}
        names = {
            data: self.git("hash-object", "-w", "--stdin", stdin=data).out.strip() for data in set(contents.values())
        }
        for path, data in contents.items():
            mode = here[path][0] if path in here else "100644"
            entries[path] = (mode, names[data])
        return self.with_entries(base, entries)

    def has(self, name: str) -> bool:
        """Whether there is such an object."""
        return self.git("cat-file", "-e", name, check=False).status == 0

    def with_entries(self, base: str, entries: Mapping[str, tuple[str, str] | None]) -> str:
        """The tree of a tree or commit with mode and object of some paths set; None takes a path out."""
        with self._draft(self.git_dir / "no-index") as draft:
            self.git("read-tree", base, more={"GIT_INDEX_FILE": str(draft)})
            self._set_entries(draft, entries)
            return self.git("write-tree", more={"GIT_INDEX_FILE": str(draft)}).out.strip()

    def sweep_locks(self) -> None:
        """Removes lock files and drafts that a killed git of ours left; only under the repository's lock."""
        common = self.repository.common_dir
        branches = [common / "refs" / "heads" / name for name in BRANCH_FOLDERS]
        for place in (self.git_dir, common / "refs" / "superteam", *branches):
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


def _is_new_link(facts: str) -> bool:
    """Whether a row of `diff-tree --raw` says that a link to a repository is in a path that was none before."""
    old, new, *_ = facts[1:].split(" ")
    return new == "160000" != old


def content_of(path: Path) -> bytes:
    """What a file holds; nothing if it is not there or cannot be read."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""


def _locked(lock: Path) -> bool:
    """Whether a lock could be made; one that a person's git holds is usually gone soon."""
    for pause in (*_PAUSES, None):
        try:
            os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        except FileExistsError:
            if pause is not None:
                time.sleep(pause)
        else:
            return True
    return False
