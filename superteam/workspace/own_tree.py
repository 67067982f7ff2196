"""One of our trees, with what it needs to run: files, a private repository, an environment, the setup command."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio

from superteam import process
from superteam.core.settings import WorkspaceSettings
from superteam.errors import SetupFailed
from superteam.workspace import setup_command, submodules, trees
from superteam.workspace.bring import brought_before
from superteam.workspace.environment import Readiness, make_ready
from superteam.workspace.git import split_nul, tree_entries
from superteam.workspace.git_directory import Engine, never_committed
from superteam.workspace.own_objects import copy_objects
from superteam.workspace.repository import Repository

T = TypeVar("T")

_ONE_AT_A_TIME = threading.Lock()


async def in_thread(work: Callable[[], T]) -> T:
    """Runs it in a worker thread; gits of ours that are at work at once would find each other's locks."""

    def alone() -> T:
        with _ONE_AT_A_TIME:
            return work()

    return await anyio.to_thread.run_sync(alone)


@dataclass
class OwnTree:
    """One of our trees with what it needs to run.

    `files` is the tree object that it is known to hold, None while it is in other hands; `indexed` what its private
    index holds, which nobody else touches. `given` is the commit of its private repository, `given_at` when that was
    made: programs that run in the tree can write its files again.
    """

    engine: Engine
    path: Path
    settings: WorkspaceSettings
    environ: Mapping[str, str]
    commands: str = ""
    files: str | None = None
    indexed: str | None = None
    ready: Readiness | None = None
    tags: str | None = None
    given: str | None = None
    given_at: int | None = None
    notes: tuple[str, ...] = ()

    def sibling(self, path: Path) -> OwnTree:
        """Returns another tree of the same repository."""
        return OwnTree(self.engine, path, self.settings, self.environ, self.commands)

    @property
    def stamp(self) -> Path:
        return self.path.with_name(f"{self.path.name}.setup.json")

    def made_by_setup(self) -> tuple[str, ...]:
        """Untracked paths that the setup command made; cleaning keeps them, and they are never committed."""
        made = setup_command.read_made(self.stamp)
        return () if made is None else made.kept

    def kept(self) -> list[str]:
        """What belongs to the tree's environment and not to its files."""
        return [*self.made_by_setup(), *brought_before(self.path)]

    def put(self, tree: str) -> None:
        """Makes the folder hold exactly these files."""
        self.files = self.indexed = None
        if self.engine.put(self.path, tree, self.kept()):
            self.stamp.unlink(missing_ok=True)
        self.put_submodules(tree)
        self.files = self.indexed = tree

    def put_submodules(self, tree: str) -> None:
        """Puts the files of submodules as this tree points to them."""
        self.notes = tuple(submodules.put_submodules(self.engine, self.path, tree, self.kept()))

    def left_out(self) -> tuple[str, ...]:
        """What is in the folder but in no commit, in submodules too."""
        inside = submodules.left_out(self.engine, self.path, self.indexed) if self.indexed else ()
        return (*self.engine.left_out(self.path), *inside)

    def current(self) -> str:
        """The tree object of the folder as it is."""
        submodules.drop_repositories(self.engine, self.path, self.indexed or self.engine.repository.head)
        found = self.engine.snapshot(self.path, keep_out=self.kept(), before=self.indexed)
        self.files = self.indexed = found
        return found

    def give_clone(self, head: str, branch: str) -> None:
        """A private repository that has its objects itself, as a clone has, where that is not too much to copy."""
        assert self.files is not None, "files are put before"
        self.give_git(head, branch, shared=False)
        tags = [line.split(" ")[0] for line in (self.tags or "").splitlines()[1:]]
        if not copy_objects(self.engine, self.path / ".git", head, self.files, tags):
            self.give_git(head, branch)

    def give_git(self, head: str, branch: str | None, *, shared: bool = True) -> None:
        """A private repository, made anew whatever became of the last one: what its config says never counts."""
        repository, engine = self.engine.repository, self.engine
        shallow = repository.common_dir / "shallow"
        self.tags = _tags(repository) if self.tags is None else self.tags
        wanted = trees.PrivateRepository(
            head=head,
            branch=branch,
            objects=repository.common_dir / "objects" if shared else None,
            config=(engine.git_dir / "config").read_text(errors="surrogateescape"),
            exclude=(engine.git_dir / "info/exclude").read_bytes(),
            packed_refs=self.tags,
            index=engine.index(self.path),
            identity=repository.identity,
            shallow=shallow.read_bytes() if shallow.is_file() else None,
        )
        trees.give_repository(self.path, wanted)
        self.given, self.given_at = head, _changed_at(self.path / ".git/HEAD")

    def environment(self) -> dict[str, str]:
        """The environment for an agent's programs; where the tree's repository is gone, git looks no further up."""
        return {**self.suite_environment(), "GIT_CEILING_DIRECTORIES": str(self.path.parent)}

    def suite_environment(self) -> dict[str, str]:
        """The environment for suites: it says nothing that the user's own would not say."""
        assert self.ready is not None, "a tree is made ready before it is used"
        return dict(self.ready.env)

    def rewritten(self) -> tuple[str, ...]:
        """Tracked files whose content is no longer what was put, by programs that ran here since `give_git`."""
        self.engine.git("update-index", "-q", "--refresh", tree=self.path, check=False)
        how = ("diff-files", "--name-only", "-z", "--ignore-submodules=all")
        names = split_nul(self.engine.git(*how, tree=self.path).out)
        return tuple(name for name in names if self._was_written_since(name))

    def _was_written_since(self, name: str) -> bool:
        """Whether a program wrote the file: git takes some for changed that it wrote itself (line ends)."""
        now = _changed_at(self.path / name)
        return self.given_at is None or now is None or now > self.given_at

    async def make_ready(self, output: Path) -> None:
        """Brings what the suite needs, then runs the setup command if what it made here was made from other files."""
        setup = self.settings.setup
        if setup is None:
            self.ready = await in_thread(lambda: self._readied(is_set_up=False))
            return
        made_from = await in_thread(self._setup_inputs)
        if await in_thread(lambda: self._is_set_up(made_from)):
            self.ready = await in_thread(lambda: self._readied(is_set_up=True))
            return
        kept = await self._set_up(setup, output)
        self.ready = await in_thread(lambda: self._readied(is_set_up=True))
        await in_thread(lambda: self._record_setup(made_from, kept))

    def _readied(self, *, is_set_up: bool) -> Readiness:
        checkout = self.engine.repository.toplevel
        return make_ready(checkout, self.path, self.settings, self.environ, None, self.commands, is_set_up=is_set_up)

    def _setup_inputs(self) -> str:
        tree = self.files or self.current()
        listed = tree_entries(self.engine.git("ls-tree", "-r", "-z", "--full-tree", tree).out)
        files = {path: " ".join(entry) for path, entry in listed.items()}
        return setup_command.inputs_of(self.engine.repository.toplevel, self.settings, files)

    def _is_set_up(self, made_from: str) -> bool:
        made = setup_command.read_made(self.stamp)
        if made is None or made.made_from != made_from:
            return False
        return made.state == setup_command.state_of(self.path, self.kept())

    async def _set_up(self, setup: str, output: Path) -> tuple[str, ...]:
        """Runs the setup command; returns what it made. What it changed in tracked files (lock files) is undone."""
        await in_thread(self._remove_made)
        self.ready = await in_thread(lambda: self._readied(is_set_up=False))
        before = await in_thread(self.left_out)
        watch = await in_thread(lambda: setup_command.OutsideWatch(self.path, self.environ))
        done = await process.run(
            process.shell(setup), cwd=self.path, env=self.environment(), output=output, timeout=3600.0
        )
        checkout = self.engine.repository.toplevel
        await in_thread(lambda: watch.require_untouched(checkout, setup))
        if done.exit.code != 0:
            tail = (done.stderr_tail or done.stdout_tail).strip()
            text = f"the setup command failed in {self.path} ({setup}: exit code {done.exit.code})\n{tail}"
            text += "".join(f"\n{line}" for line in self.ready.lacking if line.startswith("beside"))
            raise SetupFailed(text, f"mend [workspace] setup, or see {output}; then: superteam resume")
        return await in_thread(lambda: self._made_since(before))

    def _remove_made(self) -> None:
        setup_command.remove_made(self.path, self.made_by_setup())
        self.stamp.unlink(missing_ok=True)

    def _made_since(self, before: Sequence[str]) -> tuple[str, ...]:
        after = {name.rstrip("/") for name in self.left_out()}
        made = after - {name.rstrip("/") for name in before} - set(brought_before(self.path))
        if self.files is not None:
            self.engine.git("read-tree", "--reset", "-u", self.files, tree=self.path)
        return tuple(sorted(name for name in made if not _is_stale_later(name)))

    def _record_setup(self, made_from: str, kept: tuple[str, ...]) -> None:
        state = setup_command.state_of(self.path, [*kept, *brought_before(self.path)])
        setup_command.write_made(self.stamp, setup_command.Made(made_from, kept, state))

    def is_touched(self) -> bool:
        """Whether a gate changed tracked files or left others beside them."""
        how = ("--modified", "--deleted", "--others", "--exclude-standard")
        return bool(self.engine.git("ls-files", "-z", *how, tree=self.path).out)


def _changed_at(path: Path) -> int | None:
    """When a file or what is known of it was last changed, in nanoseconds; a program cannot set that time."""
    try:
        return path.lstat().st_ctime_ns
    except OSError:
        return None


def _is_stale_later(path: str) -> bool:
    """Whether it is a cache of results, which the next commit in this tree must not find."""
    return never_committed(path) and not {"node_modules", ".venv"} & set(path.split("/"))


def _tags(repository: Repository) -> str:
    listed = repository.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags").out
    return f"# pack-refs with: sorted\n{listed}"
