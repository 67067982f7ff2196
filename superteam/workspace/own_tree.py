"""One of our trees, with what it needs to run: files, a private repository, an environment, the setup command."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio

from superteam import process
from superteam.core.settings import WorkspaceSettings
from superteam.errors import SetupFailed
from superteam.workspace import trees
from superteam.workspace.bring import brought_before
from superteam.workspace.environment import Readiness, lock_fingerprint, make_ready
from superteam.workspace.git import replace_file
from superteam.workspace.git_directory import Engine, never_committed
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
    index holds, which nobody else touches.
    """

    engine: Engine
    path: Path
    settings: WorkspaceSettings
    environ: Mapping[str, str]
    files: str | None = None
    indexed: str | None = None
    ready: Readiness | None = None
    tags: str | None = None
    given: str | None = None

    @property
    def stamp(self) -> Path:
        return self.path.with_name(f"{self.path.name}.setup.json")

    def made_by_setup(self) -> list[str]:
        """Untracked paths that the setup command made; cleaning keeps them, and they are never committed."""
        try:
            found: list[str] = json.loads(self.stamp.read_text())["kept"]
        except (OSError, ValueError, KeyError):
            return []
        return found

    def kept(self) -> list[str]:
        """What belongs to the tree's environment and not to its files."""
        return [*self.made_by_setup(), *brought_before(self.path)]

    def put(self, tree: str) -> None:
        """Makes the folder hold exactly these files."""
        self.files = self.indexed = None
        if self.engine.put(self.path, tree, self.kept()):
            self.stamp.unlink(missing_ok=True)
        self.files = self.indexed = tree

    def current(self) -> str:
        """The tree object of the folder as it is."""
        found = self.engine.snapshot(self.path, keep_out=self.kept(), before=self.indexed)
        self.files = self.indexed = found
        return found

    def give_git(self, head: str, branch: str | None) -> None:
        """A private repository, made anew whatever became of the last one: what its config says never counts."""
        repository, engine = self.engine.repository, self.engine
        shallow = repository.common_dir / "shallow"
        self.tags = _tags(repository) if self.tags is None else self.tags
        wanted = trees.PrivateRepository(
            head=head,
            branch=branch,
            objects=repository.common_dir / "objects",
            config=(engine.git_dir / "config").read_text(errors="surrogateescape"),
            exclude=(engine.git_dir / "info/exclude").read_bytes(),
            packed_refs=self.tags,
            index=engine.index(self.path),
            identity=repository.identity,
            shallow=shallow.read_bytes() if shallow.is_file() else None,
        )
        trees.give_repository(self.path, wanted)
        self.given = head

    def environment(self) -> dict[str, str]:
        """The environment for programs in the tree; where its repository is gone, git looks no further up."""
        assert self.ready is not None, "a tree is made ready before it is used"
        return {**self.ready.env, "GIT_CEILING_DIRECTORIES": str(self.path.parent)}

    async def make_ready(self, output: Path) -> None:
        """Brings what the suite needs, then runs the setup command if the tree is new or a lock file changed."""
        checkout = self.engine.repository.toplevel
        self.ready = await in_thread(lambda: make_ready(checkout, self.path, self.settings, self.environ, None))
        setup = self.settings.setup
        if setup is None:
            return
        mark = {"setup": setup, "locks": await in_thread(lambda: lock_fingerprint(self.path))}
        if self._stamped(mark):
            return
        before = await in_thread(lambda: self.engine.left_out(self.path))
        env = self.environment()
        done = await process.run(process.shell(setup), cwd=self.path, env=env, output=output, timeout=3600.0)
        if done.exit.code != 0:
            tail = (done.stderr_tail or done.stdout_tail).strip()
            text = f"the setup command failed in {self.path} ({setup}: exit code {done.exit.code})\n{tail}"
            raise SetupFailed(text, f"mend [workspace] setup, or see {output}; then: superteam resume")
        await in_thread(lambda: self._record_setup(mark, before))
        self.ready = await in_thread(lambda: make_ready(checkout, self.path, self.settings, self.environ, None))

    def _stamped(self, mark: Mapping[str, str]) -> bool:
        try:
            found = json.loads(self.stamp.read_text())
        except (OSError, ValueError):
            return False
        return {key: found.get(key) for key in mark} == mark

    def _record_setup(self, mark: Mapping[str, str], before: Sequence[str]) -> None:
        """Notes what the setup command made, and undoes what it changed in tracked files (lock files)."""
        after = {name.rstrip("/") for name in self.engine.left_out(self.path)}
        made = after - {name.rstrip("/") for name in before} - set(brought_before(self.path))
        kept = {name for name in made if not _is_stale_later(name)} | (set(self.made_by_setup()) & after)
        if self.files is not None:
            self.engine.git("read-tree", "--reset", "-u", self.files, tree=self.path)
        replace_file(self.stamp, json.dumps({**mark, "kept": sorted(kept)}).encode())

    def is_touched(self) -> bool:
        """Whether a gate changed tracked files or left others beside them."""
        how = ("--modified", "--deleted", "--others", "--exclude-standard")
        return bool(self.engine.git("ls-files", "-z", *how, tree=self.path).out)


def _is_stale_later(path: str) -> bool:
    """Whether it is a cache of results, which the next commit in this tree must not find."""
    return never_committed(path) and not {"node_modules", ".venv"} & set(path.split("/"))


def _tags(repository: Repository) -> str:
    listed = repository.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags").out
    return f"# pack-refs with: sorted\n{listed}"
