"""The trees of a run behind the Workspace port: the agent's tree, the check tree, and the checkout in place.

Everything here is synchronous inside; the async methods run it in a worker thread, one at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import anyio

from superteam.config import user_folder
from superteam.core.finding import Finding
from superteam.core.nonsense import is_source
from superteam.core.outside import State, words_of
from superteam.core.planted import capped, drivers_named
from superteam.core.run import Run
from superteam.core.settings import Settings
from superteam.core.sources import all_commands
from superteam.errors import WorkspaceError
from superteam.ports import NO_CONTENTS, Capture, Tree
from superteam.workspace import environment_watch, outside, submodules, surface, trees, watching
from superteam.workspace.environment import base_environment
from superteam.workspace.fast_forward import drop_empty_folders, follow
from superteam.workspace.git import replace_file
from superteam.workspace.git_directory import Engine
from superteam.workspace.opening import open_engine
from superteam.workspace.own_tree import OwnTree, in_thread
from superteam.workspace.repository import Repository, cache_home
from superteam.workspace.sharing import take_trees

SYNTAX_ERROR = "<<<<<<< ((( superteam looks whose code the suite runs\n"


@dataclass
class Desk:
    """Implements ports.Workspace for a run, or for `validate` without one (`run` None)."""

    repository: Repository
    engine: Engine
    run: Run | None
    settings: Settings
    environ: Mapping[str, str]
    agent_tree: OwnTree
    check_tree: OwnTree
    in_place: bool
    held: list[int]
    has_head: bool = False
    git_was: bytes | None = None
    seen: str | None = None  # in place: the tree that the checkout held when it was last looked at
    staged: str | None = None  # in place: the tree that the user's index holds; None: an agent may have changed it
    more_trees: dict[int, OwnTree] = field(default_factory=dict)
    review_trees: dict[str, OwnTree] = field(default_factory=dict)
    _one_reviewer: anyio.Lock = field(default_factory=anyio.Lock)

    # the work trees

    def _slot(self, slot: int) -> OwnTree:
        """The work tree with this number; the further ones are for tasks that are done side by side."""
        if slot == 0:
            return self.agent_tree
        if slot not in self.more_trees:
            path = self.agent_tree.path.with_name(f"{self.agent_tree.path.name}-{slot + 1}")
            self.more_trees[slot] = self.agent_tree.sibling(path)
        return self.more_trees[slot]

    async def prepare(self, tree: str, head: str, keep_as: str, slot: int = 0) -> tuple[str, ...]:
        if self.in_place:
            return await in_thread(lambda: self._prepare_in_place(tree, head, keep_as))
        work = self._slot(slot)
        # Right after a capture the environment stays: the gate runs the agent's code as the agent did.
        unchanged = work.files == tree and work.given == head
        if not unchanged:
            await in_thread(lambda: self._put_work(work, tree, head, keep_as))
        else:
            await in_thread(lambda: work.put_submodules(tree))
        # The repository is always a new one, so that its index holds what will be committed and nothing else.
        await in_thread(lambda: work.give_git(head, self._branch()))
        if not unchanged:
            await work.make_ready(self._log(f"setup-{work.path.name}"))
        work.files = None  # from here on it is in other hands
        return work.notes

    def _put_work(self, work: OwnTree, tree: str, head: str, keep_as: str) -> None:
        if work.files != tree and work.path.is_dir() and self.engine.index(work.path).is_file():
            found = work.current()
            if found != tree:
                self._keep(keep_as, found, head)
        if work.files != tree:
            work.put(tree)

    def work(self, slot: int = 0) -> Tree:
        if self.in_place:
            return Tree(self.repository.toplevel, "", {**base_environment(self.environ), **self._mark()})
        tree = self._slot(slot)
        return Tree(tree.path, "", {**tree.environment(), **self._mark()}, self.repository.toplevel)

    def roots(self, slot: int = 0) -> tuple[str, ...]:
        return str(self.work(slot).path), str(self.check_tree.path)

    async def capture(self, slot: int = 0) -> Capture:
        return await in_thread(lambda: self._capture(self._slot(slot)))

    def _capture(self, work: OwnTree) -> Capture:
        if self.in_place:
            before, self.seen = self.seen, self._snapshot_in_place()
            self.staged = None
            self._drop_compiled(self.repository.toplevel, before, self.seen)
            return Capture(self.seen)
        before, tree = work.indexed, work.current()
        self._drop_compiled(work.path, before, tree)
        brought = set(work.kept())
        left = [name for name in self.engine.left_out(work.path) if name.rstrip("/") not in brought]
        notes = submodules.keep_changes(self.engine, work.path, tree, self._run_id(), work.kept())
        return Capture(tree, tuple(left), notes)

    def _drop_compiled(self, top: Path, before: str | None, now: str) -> None:
        """What Python compiled of files before they were changed is not run instead of them."""
        if before is not None and before != now:
            self.engine.drop_compiled(top, self.engine.changed(before, now))

    # what agents plant in git's configuration

    async def watch(self, key: str, slot: int = 0, role: str = "") -> None:
        tree = self.review_trees[role].path if role else None if self.in_place else self._slot(slot).path
        repository = self.repository
        where = surface.sight(tree, (repository.git_dir, repository.common_dir), os.environ)
        note = watching.note_path(repository.cache, self._run_id(), key)
        await in_thread(lambda: watching.begin(note, where))

    async def planted(self, key: str, old: str, new: str, copies: Path) -> tuple[Finding, ...]:
        cache = self.repository.cache
        note = watching.note_path(cache, self._run_id(), key)
        found = await in_thread(lambda: watching.end(cache, note, copies))
        return capped((*found, *await in_thread(lambda: self._drivers_named(old, new))))

    def _drivers_named(self, old: str, new: str) -> tuple[Finding, ...]:
        """The drivers that changed attributes files of the tree name, but those that the user had configured."""
        changed = [path for path in self.engine.changed(old, new) if PurePosixPath(path).name == ".gitattributes"]
        known = self.engine.known_drivers() if changed else frozenset()
        return tuple(
            finding
            for path in changed
            for finding in drivers_named(path, self.engine.content(old, path), self.engine.content(new, path), known)
        )

    async def absorb(self, slot: int = 0) -> str:
        if self.in_place:
            return await in_thread(lambda: self.engine.snapshot(self.repository.toplevel, only_tracked=True))
        return await in_thread(lambda: self._absorb(self._slot(slot)))

    def _absorb(self, work: OwnTree) -> str:
        if work.indexed is not None and not work.is_touched():
            work.files = work.indexed
            return work.files
        tree = work.indexed = self.engine.snapshot(work.path, only_tracked=True)
        work.files = None  # a gate may have left untracked files: the next look at the tree finds out
        return tree

    # in place

    def _excluded_in_place(self) -> list[str]:
        """Untracked files that were there at the start: the user's own, never committed, never removed."""
        path = self.repository.cache / f"untracked-{self._run_id()}.json"
        if path.is_file():
            found: list[str] = json.loads(path.read_text())
            return found
        out = self.repository.asked("ls-files", "-z", "--others", "--exclude-standard")
        names = [name for name in out.split("\0") if name]
        replace_file(path, json.dumps(names).encode())
        return names

    def _require_repository(self) -> None:
        """In place: the checkout's `.git` is what it was when this process began, or nothing is done with it."""
        git = self.repository.toplevel / ".git"
        if surface.what_is(git) != self.git_was:
            text = f"{git} is not what it was when the run went on: the agent replaced it"
            raise WorkspaceError(text, f"put it back (ls -la {git}); then superteam resume")

    def _snapshot_in_place(self) -> str:
        self._require_repository()
        return self.engine.snapshot(self.repository.toplevel, keep_out=self._excluded_in_place())

    def _prepare_in_place(self, tree: str, head: str, keep_as: str) -> tuple[str, ...]:
        notes = self._take_head(head)
        found = self._snapshot_in_place()
        if found != tree:
            self._keep(keep_as, found, head)
            notes += self._write_back(found, tree)
            self._drop_compiled(self.repository.toplevel, found, tree)
        self.seen = tree
        self._stage_in_place(tree)
        return notes

    def _stage_in_place(self, tree: str) -> None:
        """Puts what will be committed into the user's index, where a gate can ask git for it."""
        if self.staged != tree:
            self.engine.give_users_index()
            self.staged = tree

    def _take_head(self, head: str) -> tuple[str, ...]:
        """HEAD goes to the run's branch by symbolic-ref; the files stay as they are."""
        assert self.run is not None
        run, repository, branch = self.run, self.repository, f"refs/heads/{self._branch()}"
        now = repository.git("symbolic-ref", "--quiet", "HEAD", check=False).out.strip()
        if now == branch:
            self.has_head = True
            return ()
        if self.has_head:  # in this process, so it was not the user who went away
            repository.git("symbolic-ref", "HEAD", branch)
            return (f"the agent left the run's branch for {now or 'a detached HEAD'}; HEAD was put back",)
        if now != (run.user_branch or "") or (not now and repository.resolve("HEAD") != run.start_sha):
            text = f"the checkout is on {now or 'a detached HEAD'}, not where this in-place run left it"
            raise WorkspaceError(text, f"git switch {(run.user_branch or run.start_sha).removeprefix('refs/heads/')}")
        self._save_untracked(head)
        self.engine.git("read-tree", head, tree=repository.toplevel)
        if repository.ref(branch) is None:
            repository.set_ref(branch, head, None)
        repository.git("symbolic-ref", "HEAD", branch)
        self.has_head = True
        return ()

    def _save_untracked(self, head: str) -> None:
        """Keeps the user's own untracked files reachable: an agent in place could change or delete them."""
        if self._excluded_in_place():
            self._keep("untracked-at-start", self.engine.snapshot_checkout(), head)

    def _write_back(self, found: str, wanted: str) -> tuple[str, ...]:
        """Only paths that differ are written back; what is the user's own or ignored is not lost."""
        top, engine = self.repository.toplevel, self.engine
        before, after = set(engine.files(found)), set(engine.files(wanted))
        changed = engine.changed(found, wanted)
        engine.git("read-tree", "--reset", wanted, tree=top)
        for name in changed:
            if name not in after:
                trees.remove(top / name)
                drop_empty_folders(top, (top / name).parent)
        back = [name for name in changed if name in after]
        notes: tuple[str, ...] = ()
        for name in back:
            if name not in before:
                notes += self._set_aside(top, name)
        if back:
            names = os.fsencode("\0".join(back) + "\0")
            engine.git("checkout-index", "-f", "-u", "-z", "--stdin", tree=top, stdin=names)
        return notes

    def _set_aside(self, top: Path, name: str) -> tuple[str, ...]:
        """Something that no commit has lies where a file is to be written: it is moved away, not overwritten."""
        parts = Path(name).parts
        for length in range(1, len(parts) + 1):
            path = top.joinpath(*parts[:length])
            if path.is_symlink() or (path.exists() and (length == len(parts) or not path.is_dir())):
                folder = self.repository.cache / "set-aside" / self._run_id()
                number = len(list(folder.glob("*"))) if folder.is_dir() else 0
                (folder / str(number)).mkdir(parents=True, mode=0o700)
                shutil.move(path, folder / str(number) / path.name)
                return (f"{path} is no file of any commit and was in the way; it is in {folder / str(number)}",)
        return ()

    # the check tree

    async def check_out(self, sha: str) -> Tree:
        return await self._check_out(await self.tree_of(sha), sha)

    async def check_out_mixed(self, sha: str, tree: str, paths: Collection[str]) -> Tree | None:
        mixed = await in_thread(lambda: self.engine.mix(sha, tree, paths))
        return None if mixed is None else await self._check_out(mixed, sha)

    async def check_out_altered(
        self, sha: str, like: str, paths: Collection[str], contents: Mapping[str, bytes] = NO_CONTENTS
    ) -> Tree:
        return await self._check_out(await in_thread(lambda: self.engine.altered(sha, like, paths, contents)), sha)

    async def files_of(self, commit: str) -> tuple[str, ...]:
        return tuple(await in_thread(lambda: self.engine.files(commit)))

    async def content_of(self, commit: str, path: str) -> bytes:
        return await in_thread(lambda: self.engine.content(commit, path))

    async def _check_out(self, tree: str, sha: str) -> Tree:
        check = self.check_tree
        await in_thread(lambda: check.put(tree))
        await in_thread(lambda: check.give_clone(sha, self._users_branch()))
        await check.make_ready(self._log("setup-check"))
        await in_thread(lambda: self._record_environment(sha))
        return Tree(check.path, sha, {**check.suite_environment(), **self._mark()}, self.repository.toplevel)

    def _users_branch(self) -> str:
        """The branch that a suite finds itself on: the user's, as in his checkout."""
        branch = self.run.user_branch if self.run else self.repository.branch
        return (branch or "refs/heads/main").removeprefix("refs/heads/")

    async def rewritten(self) -> tuple[str, ...]:
        return await in_thread(self.check_tree.rewritten)

    async def state_outside(self, tree: Tree, first: Collection[str]) -> tuple[State, ...]:
        return await in_thread(lambda: self._state_outside(tree, first))

    def _state_outside(self, tree: Tree, first: Collection[str]) -> tuple[State, ...]:
        words = words_of(str(outside.home_of(tree.env)))
        code = outside.code_that_speaks(self.engine.holding(tree.path, words), first)
        own = (self.repository.toplevel, self.repository.cache, cache_home(), user_folder(self.environ))
        return outside.state_outside(tree.path, tree.env, own, code)

    # the trees of reviewers: they work side by side, but their trees are made and taken one at a time

    async def check_out_for_review(self, role: str, sha: str) -> Tree:
        tree = await self.tree_of(sha)
        async with self._one_reviewer:
            mine = self.review_trees.setdefault(role, self._review_tree(role))
            await in_thread(lambda: mine.put(tree))
            await in_thread(lambda: mine.give_git(sha, None))
            await mine.make_ready(self._log(f"setup-review-{role}"))
            mine.files = None  # from here on it is in other hands
        return Tree(mine.path, sha, {**mine.environment(), **self._mark()}, self.repository.toplevel)

    def _review_tree(self, role: str) -> OwnTree:
        path = self.agent_tree.path.with_name(f"review-{role}")
        return self.agent_tree.sibling(path)

    async def capture_review(self, role: str) -> Capture:
        async with self._one_reviewer:
            return Capture(await in_thread(self.review_trees[role].current))

    async def check_out_spoilt(self, sha: str) -> Tree | None:
        tree = await self.check_out(sha)
        ready = self.check_tree.ready
        if ready is None or not ready.could_reach_checkout:
            return None
        sources = [name for name in await in_thread(lambda: self.engine.files(sha)) if is_source(name)]
        for name in sources:
            path = self.check_tree.path / name
            if path.is_file() and not path.is_symlink():
                path.write_text(SYNTAX_ERROR)
        self.check_tree.files = None
        return tree if sources else None

    async def check_out_with(self, sha: str, path: str, content: str) -> Tree:
        tree = await self.check_out(sha)
        self.check_tree.files = None
        await in_thread(lambda: _plant(self.check_tree.path, path, content))
        return tree

    def _environments(self) -> tuple[Path, ...]:
        return self.check_tree.ready.environments if self.check_tree.ready else ()

    def _record_environment(self, sha: str) -> None:
        folder = self.repository.cache / "environments"
        if not (folder / f"{sha}.json").exists():
            listing = environment_watch.list_environment(self.check_tree.path, self._environments())
            environment_watch.record(folder, sha, listing)

    def environment_notes(self) -> tuple[str, ...]:
        return self.check_tree.ready.lacking if self.check_tree.ready else ()

    async def environment_findings(self, reference: str) -> tuple[Finding, ...]:
        return await in_thread(lambda: self._environment_findings(reference))

    def _environment_findings(self, reference: str) -> tuple[Finding, ...]:
        tree, environments = self.check_tree.path, self._environments()
        before = environment_watch.recorded(self.repository.cache / "environments", reference)
        now = environment_watch.list_environment(tree, environments)
        edited = environment_watch.edited_runners(tree, environments)
        return environment_watch.findings_of(before, now, edited)

    def fingerprint(self) -> str:
        """What identifies the environment that suites run in."""
        return self.check_tree.ready.fingerprint if self.check_tree.ready else ""

    # objects and refs

    async def changed(self, old: str, new: str) -> tuple[str, ...]:
        return await in_thread(lambda: self.engine.changed(old, new))

    async def renames(self, old: str, new: str) -> Mapping[str, str]:
        return await in_thread(lambda: self.engine.renames(old, new))

    async def texts(self, commit: str, paths: Collection[str]) -> Mapping[str, str]:
        return await in_thread(lambda: self.engine.texts(commit, paths))

    async def diff(self, old: str, new: str, limit: int) -> str:
        return await in_thread(lambda: self.engine.diff(old, new, limit))

    async def patch(self, old: str, new: str) -> str:
        return await in_thread(lambda: self.engine.patch(old, new))

    async def trees_before(self, commit: str) -> frozenset[str]:
        return await in_thread(lambda: self.engine.trees_before(commit))

    async def tree_of(self, commit: str) -> str:
        return await in_thread(lambda: self.repository.tree_of(commit))

    async def commit(self, tree: str, parent: str, message: str, at: str) -> str:
        return await in_thread(lambda: self._commit(tree, parent, message, at))

    def _commit(self, tree: str, parent: str, message: str, at: str) -> str:
        """Makes a commit and keeps it reachable until it is accepted: git may be told to prune while a run waits."""
        sha = self.engine.commit(tree, parent, message, at)
        self.repository.set_ref(self._candidate(sha), sha, None)
        return sha

    def _candidate(self, commit: str) -> str:
        return f"refs/superteam/{self._run_id()}/candidate/{commit[:12]}"

    def _forget(self, refs: Collection[str]) -> None:
        for ref in refs:
            self.repository.git("update-ref", "-d", ref, check=False)

    async def message(self, commit: str) -> str:
        return await in_thread(lambda: self.engine.message(commit))

    async def merge(self, base: str, ours: str, theirs: str) -> str | None:
        return await in_thread(lambda: self.engine.merge(base, ours, theirs))

    async def combine(self, base: str, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
        return await in_thread(lambda: self.engine.combine(base, ours, theirs))

    async def marked(self, tree: str, paths: tuple[str, ...]) -> tuple[str, ...]:
        return await in_thread(lambda: self.engine.marked(tree, paths))

    async def keep(self, name: str, sha: str) -> None:
        await in_thread(lambda: self._keep(name, sha, None))

    def _keep(self, name: str, sha: str, parent: str | None) -> None:
        """Keeps a commit, or a tree wrapped into one, under refs/superteam/<run>/; an older one stays."""
        if parent is not None:
            assert self.run is not None
            sha = self.engine.commit(sha, parent, f"superteam: {name}\n", self.run.started_at)
        elif not self.engine.has(sha):
            return  # a clean-up has removed it with its refs: nothing is left to be kept
        ref = f"refs/superteam/{self._run_id()}/{name}"
        number = 0
        while (old := self.repository.ref(ref)) not in (None, sha):
            number += 1
            ref = f"refs/superteam/{self._run_id()}/{name}.{number}"
        if old is None:
            self.repository.set_ref(ref, sha, None)

    async def move(self, new: str, old: str) -> None:
        await in_thread(lambda: self._move(new, old))

    def _move(self, new: str, old: str) -> None:
        assert self.run is not None
        ref = f"refs/heads/{self._branch()}"
        there = self.repository.ref(ref) if self.in_place or old == self.run.start_sha else old
        if self.in_place and there not in (None, new, old):  # commits that the agent made on the run's branch
            self._keep("replaced/agents-own-commits", there, None)
            self.repository.set_ref(ref, old, there)
        self.repository.set_ref(ref, new, None if there is None and old == self.run.start_sha else old)
        self._forget([self._candidate(new)])
        if self.in_place:
            self.engine.follow(new)  # so that git status is clean
            self.staged = None

    # the end

    async def finish(self, tip: str, fast_forward: bool) -> str | None:
        return await in_thread(lambda: self._finish(tip, fast_forward))

    def _finish(self, tip: str, fast_forward: bool) -> str | None:
        assert self.run is not None
        if self.in_place:
            self._leave_in_place(tip if fast_forward else None)
        if self.repository.ref(f"refs/heads/{self._branch()}") is None:
            self.repository.set_ref(f"refs/heads/{self._branch()}", tip, None)
        reason = follow(self.engine, self.run, tip) if fast_forward else "the run did not end well"
        watching.forget(self.repository.cache, self._run_id())
        listed = self.repository.git("for-each-ref", "--format=%(refname)", self._candidate("")).out
        self._forget(listed.splitlines())
        self._place_record().unlink(missing_ok=True)
        return reason

    def _place_record(self) -> Path:
        return watching.place_record(cache_home(), self.repository.toplevel)

    def begin(self) -> None:
        """Records where the repository of the checkout is, until the run has ended."""
        watching.record_place(self._place_record(), self.repository.place())

    def _leave_in_place(self, tip: str | None) -> None:
        """HEAD back to where it was; the files follow the branch that it then names."""
        assert self.run is not None
        run, repository = self.run, self.repository
        if repository.git("symbolic-ref", "--quiet", "HEAD", check=False).out.strip() != f"refs/heads/{self._branch()}":
            return
        moved = run.user_branch is None or repository.ref(run.user_branch) != run.start_sha
        target = run.start_sha if tip is None or moved else tip
        if moved and run.user_branch:
            target = repository.ref(run.user_branch) or run.start_sha
        found = self._snapshot_in_place()
        wanted = repository.tree_of(target)
        if found != wanted:
            if found != repository.tree_of(f"refs/heads/{self._branch()}"):
                self._keep("replaced/left-in-the-checkout", found, run.start_sha)
            self._write_back(found, wanted)
        if run.user_branch:
            if target == tip:
                repository.set_ref(run.user_branch, target, run.start_sha)
            repository.git("symbolic-ref", "HEAD", run.user_branch)
        else:
            repository.git("update-ref", "--no-deref", "HEAD", target)
        self.engine.follow(target)

    # beginning and ending

    def recover(self, interrupted: bool) -> None:
        """After a kill: left-over locks of ours go; only under the repository's lock."""
        if interrupted:
            self.engine.sweep_locks()
            self.repository.sweep_locks()

    def close(self) -> None:
        """Gives the trees back."""
        for fd in self.held:
            os.close(fd)
        self.held.clear()

    def snapshot_checkout(self) -> str:
        """A commit object of the user's checkout as it is, dirty or not; nothing in the checkout is touched."""
        tree = self.engine.snapshot_checkout()
        tree = submodules.with_changed_submodules(self.engine, self.repository.toplevel, tree)
        if tree == self.repository.tree_of(self.repository.head):
            return self.repository.head
        at = self.repository.git("show", "-s", "--no-show-signature", "--format=%cI", "HEAD").out.strip()
        return self.engine.commit(tree, self.repository.head, "superteam: the working tree\n", at)

    def _branch(self) -> str:
        assert self.run is not None
        return self.run.run_branch

    def _run_id(self) -> str:
        return self.run.run_id if self.run else "validate"

    def _mark(self) -> dict[str, str]:
        return {"SUPERTEAM_RUN_ID": self.run.run_id} if self.run else {}

    def _log(self, name: str) -> Path:
        return self.repository.cache / "outputs" / f"{name}.log"


def open_desk(repository: Repository, run: Run | None, settings: Settings, environ: Mapping[str, str]) -> Desk:
    """Opens the trees of a run, or of `validate`; a check tree is held by its lock, a busy one passed over."""
    folder = repository.cache / "trees"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    excludes = [] if settings.workspace.bring == "auto" else list(settings.workspace.bring)
    engine = open_engine(repository, excludes, run.run_id if run else None)
    repository = engine.repository  # with the identity that the run began with
    held: list[int] = []
    check = _free_check_tree(folder, held)
    commands = all_commands(settings)
    if os.path.lexists(folder / check / ".git"):  # an older version's check tree was this folder itself
        trees.remove(folder / check)
    # Under the checkout's own name: code can ask where it is.
    places = (folder / "work", folder / check / repository.toplevel.name)
    work, checked = (OwnTree(engine, path, settings.workspace, environ, commands) for path in places)
    in_place = settings.workspace.isolation == "in-place"
    if run is not None and not in_place:
        take_trees(engine, folder, run, work.sibling)
    desk = Desk(repository, engine, run, settings, environ, work, checked, in_place, held)
    desk.git_was = surface.what_is(repository.toplevel / ".git")
    if run is not None:
        desk.begin()
    return desk


def _free_check_tree(folder: Path, held: list[int]) -> str:
    for number in range(1, 17):
        name = "check" if number == 1 else f"check-{number}"
        fd = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            continue
        held.append(fd)
        return name
    raise WorkspaceError("16 check trees are busy", "wait for the other superteam commands to end")


def _plant(tree: Path, path: str, content: str) -> None:
    """Writes a new file below the tree; never through a link that leads out of it, never over another file."""
    file = tree / path
    if not file.parent.resolve().is_relative_to(tree.resolve()):
        raise WorkspaceError(f"{path} lies outside of the tree, through a link")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8") as stream:
        stream.write(content)
